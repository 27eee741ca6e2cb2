// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bucket that turns a device's faults into its health.
 *
 * DOC: health policy test
 *
 * Points and limits are taken one by one; then a random walk checks what must hold whatever
 * happens: what is in the bucket stays in bounds, and the health never improves by a fault.
 */
/* sources: drivers/core/health_policy.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../drivers/core/health_policy.h"

#define OK		DRM_WEFT_HEALTH_OK
#define DEGRADED	DRM_WEFT_HEALTH_DEGRADED
#define DRAINING	DRM_WEFT_HEALTH_DRAINING
#define QUARANTINED	DRM_WEFT_HEALTH_QUARANTINED
#define MINUTE		60000000000ull

static const struct weft_health_limits defaults = WEFT_HEALTH_DEFAULTS;

static u32 faults(struct weft_bucket *b, enum weft_blame fault, u32 tenant, unsigned int n)
{
	u32 health = b->health;

	while (n--)
		health = weft_bucket_fault(b, &defaults, fault, tenant, b->time);
	return health;
}

static void test_points(void **state)
{
	static const unsigned int degrade[] = { 10, 5, 3, 2 };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct weft_bucket b = { 0 };

		assert_int_equal(faults(&b, i, 1, degrade[i] - 1), OK);
		assert_int_equal(faults(&b, i, 1, 1), DEGRADED);
	}
}

static void test_all_states(void **state)
{
	struct weft_bucket b = { 0 };

	assert_int_equal(faults(&b, WEFT_BLAME_ERROR, 1, 49), DEGRADED);
	assert_int_equal(faults(&b, WEFT_BLAME_ERROR, 1, 1), DRAINING);
	assert_int_equal(faults(&b, WEFT_BLAME_ERROR, 1, 49), DRAINING);
	assert_int_equal(faults(&b, WEFT_BLAME_ERROR, 1, 1), QUARANTINED);
	/* neither time nor good runs undo these two */
	assert_int_equal(weft_bucket_look(&b, &defaults, 1000 * MINUTE), QUARANTINED);
	assert_int_equal(b.level, 0);
	assert_int_equal(weft_bucket_due(&b, &defaults), 0);
	weft_bucket_empty(&b);
	assert_int_equal(b.health, OK);
	assert_int_equal(faults(&b, WEFT_BLAME_RESET, 1, 13), DRAINING);
	assert_int_equal(weft_bucket_good(&b, &defaults, 1, 1000 * MINUTE), DRAINING);
}

static void test_leak(void **state)
{
	struct weft_bucket b = { 0 };
	u64 due;

	/* 10 points at 10 a minute: half of them are gone after half a minute */
	faults(&b, WEFT_BLAME_ERROR, 1, 5);
	due = weft_bucket_due(&b, &defaults);
	assert_in_range(due, MINUTE / 2, MINUTE / 2 + MINUTE / 1000);
	assert_int_equal(weft_bucket_look(&b, &defaults, MINUTE / 2 - MINUTE / 1000), DEGRADED);
	assert_int_equal(weft_bucket_look(&b, &defaults, due), OK);
	assert_int_equal(weft_bucket_due(&b, &defaults), 0);
	assert_int_equal(weft_bucket_look(&b, &defaults, 2 * MINUTE), OK);
	assert_int_equal(b.level, 0);
}

/* small steps let out as much as a large one */
static void test_leak_steps(void **state)
{
	struct weft_bucket b = { 0 };
	u64 t;

	faults(&b, WEFT_BLAME_RESET, 1, 5);
	for (t = 0; t <= MINUTE; t += 1234567)
		weft_bucket_look(&b, &defaults, t);
	assert_in_range(b.level, 30000 - 10, 30000 + 10);
}

static void test_no_leak(void **state)
{
	struct weft_health_limits limits = WEFT_HEALTH_DEFAULTS;
	struct weft_bucket b = { 0 };

	limits.leak = 0;
	faults(&b, WEFT_BLAME_ERROR, 1, 5);
	assert_int_equal(weft_bucket_look(&b, &limits, U64_MAX), DEGRADED);
	assert_int_equal(b.level, 10000);
	assert_int_equal(weft_bucket_due(&b, &limits), 0);
}

static void test_good_runs(void **state)
{
	struct weft_bucket b = { 0 };
	unsigned int i;

	faults(&b, WEFT_BLAME_ERROR, 1, 5);
	for (i = 0; i < 80; i++)
		assert_int_equal(weft_bucket_good(&b, &defaults, 1, 0), DEGRADED);
	for (; i < 82; i++)
		weft_bucket_good(&b, &defaults, 1, 0);
	assert_int_equal(b.health, OK);
}

static void test_slow_never_drains(void **state)
{
	struct weft_bucket b = { 0 };

	assert_int_equal(faults(&b, WEFT_BLAME_SLOW, 1, 100000), DEGRADED);
	/* but an error on top does */
	assert_int_equal(faults(&b, WEFT_BLAME_ERROR, 1, 1), DRAINING);
}

static void test_hostile_tenant(void **state)
{
	struct weft_bucket b = { 0 };

	faults(&b, WEFT_BLAME_ERROR, 7, 1);
	weft_bucket_good(&b, &defaults, 7, 0);
	assert_false(b.works);
	weft_bucket_good(&b, &defaults, 8, 0);
	assert_true(b.works);
	assert_int_equal(faults(&b, WEFT_BLAME_TIMEOUT, 7, 100000), DEGRADED);
	/* as soon as another one fails there it is the device */
	assert_int_equal(faults(&b, WEFT_BLAME_ERROR, 8, 1), DRAINING);
}

static void test_nobody_else(void **state)
{
	struct weft_bucket b = { 0 };

	faults(&b, WEFT_BLAME_ERROR, 7, 10);
	weft_bucket_good(&b, &defaults, 7, 0);
	assert_int_equal(faults(&b, WEFT_BLAME_ERROR, 7, 41), DRAINING);
}

/* what one tenant did is forgotten with the points */
static void test_forgets_tenant(void **state)
{
	struct weft_bucket b = { 0 };

	faults(&b, WEFT_BLAME_ERROR, 7, 1);
	faults(&b, WEFT_BLAME_ERROR, 8, 1);
	assert_true(b.many);
	weft_bucket_look(&b, &defaults, 10 * MINUTE);
	assert_false(b.many);
	weft_bucket_fault(&b, &defaults, WEFT_BLAME_ERROR, 9, 10 * MINUTE);
	assert_int_equal(b.tenant, 9);
	assert_false(b.many);
}

static void test_limits(void **state)
{
	struct weft_health_limits limits = WEFT_HEALTH_DEFAULTS;
	struct weft_bucket b = { 0 };

	limits.drain_at = 0;
	limits.quarantine_at = 0;
	faults(&b, WEFT_BLAME_ERROR, 1, 4);
	limits.degrade_at = 8;
	assert_int_equal(weft_bucket_look(&b, &limits, 0), DEGRADED);
	while (b.level < WEFT_HEALTH_MAX * 1000ull - 8000)
		assert_int_equal(weft_bucket_fault(&b, &limits, WEFT_BLAME_RESET, 1, 0), DEGRADED);
	limits.quarantine_at = 8;
	assert_int_equal(weft_bucket_look(&b, &limits, 0), QUARANTINED);
}

static void test_walk(void **state)
{
	struct weft_health_limits limits = WEFT_HEALTH_DEFAULTS;
	struct weft_bucket b = { 0 };
	u64 seed = 1, now = 0;
	unsigned int i;

	for (i = 0; i < 200000; i++) {
		u32 was = b.health, r;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		r = seed >> 33;
		now += r % 3 ? r % 1000000 : (u64)r << 10;
		switch (r % 8) {
		case 0:
			weft_bucket_good(&b, &limits, r % 5, now);
			break;
		case 1:
			weft_bucket_look(&b, &limits, now);
			break;
		case 2:
			if (r % 1000 == 2)
				weft_bucket_empty(&b);
			break;
		default:
			/* time may heal first */
			was = weft_bucket_look(&b, &limits, now);
			weft_bucket_fault(&b, &limits, r % 4, r % 5, now);
			assert_true(b.health >= was);
		}
		assert_true(b.level < WEFT_HEALTH_MAX * 1000ull);
		assert_true(b.health <= QUARANTINED);
		if (b.health == DEGRADED && limits.leak)
			assert_true(weft_bucket_due(&b, &limits) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_all_states),
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_leak_steps),
		cmocka_unit_test(test_no_leak),
		cmocka_unit_test(test_good_runs),
		cmocka_unit_test(test_slow_never_drains),
		cmocka_unit_test(test_hostile_tenant),
		cmocka_unit_test(test_nobody_else),
		cmocka_unit_test(test_forgets_tenant),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests_name("health policy", tests, NULL, NULL);
}
