// SPDX-License-Identifier: GPL-2.0-only
/*
 * Learned run times.
 *
 * DOC: tests of learned run times
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "pool.h"
#include "internal.h"

#define SMALL	64

struct fixture {
	struct weft_sched s;
	struct weft_sched_est est[SMALL];
	struct weft_sched_device d[3];
	struct weft_sched_job job;
};

static struct fixture *setup(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	u32 i;

	assert_non_null(f);
	assert_int_equal(weft_sched_init(&f->s, NULL, "eft", f->est, SMALL, 0), 0);
	for (i = 0; i < 3; i++) {
		f->d[i] = (struct weft_sched_device){ .id = i, .model = 10 + i, .region = i + 1,
			.credits = 1, .depth = 1, .price = 1, .open = true,
			.down = { 1, 0 }, .up = { 1, 0 } };
		assert_int_equal(weft_sched_device_add(&f->s, &f->d[i], 0), 0);
	}
	f->job = (struct weft_sched_job){ .kernel = 5, .size = 1, .devices = 3 };
	return f;
}

static u64 learn(struct fixture *f, u64 size, u64 ns)
{
	f->job.size = size;
	weft_estimate_learn(&f->s, &f->job, &f->d[0], ns);
	return weft_sched_estimate(&f->s, &f->job, &f->d[0]);
}

static u64 known(struct fixture *f, u32 device, u64 size)
{
	f->job.size = size;
	return weft_sched_estimate(&f->s, &f->job, &f->d[device]);
}

static void test_average_then_exponential(void **state)
{
	struct fixture *f = setup();
	u32 i;

	assert_int_equal(known(f, 0, 1), 0);
	assert_int_equal(learn(f, 1, 1000), 1000);
	assert_int_equal(learn(f, 1, 2000), 1500);
	assert_int_equal(learn(f, 1, 300), 1100);
	assert_int_equal(learn(f, 1, 1100), 1100);
	/* the 5th to 8th: mean of all */
	assert_int_equal(learn(f, 1, 1600), 1200);
	assert_int_equal(learn(f, 1, 1200), 1200);
	assert_int_equal(learn(f, 1, 1900), 1300);
	assert_int_equal(learn(f, 1, 1300), 1300);
	/* from now on one eighth */
	assert_int_equal(learn(f, 1, 2100), 1400);
	assert_int_equal(learn(f, 1, 600), 1300);
	for (i = 0; i < 200; i++)
		learn(f, 1, 9000);
	assert_in_range(known(f, 0, 1), 8990, 9000);
	free(f);
}

static void test_deadline(void **state)
{
	struct fixture *f = setup();
	const u64 cap = 1000000;

	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, cap), cap);
	learn(f, 1, 1000);
	/* one run: no deviation */
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, cap), 8000);
	learn(f, 1, 2000);
	/* mean 1500, deviation half of the 1000 it was off */
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, cap),
			 8 * (1500 + 4 * 500));
	learn(f, 1, 1500);
	/* off by nothing: a third less deviation */
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, cap),
			 8 * (1500 + 4 * 334));
	/* off by 100, less than 334: a quarter of the way there */
	learn(f, 1, 1600);
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, cap),
			 8 * (1525 + 4 * (334 - 58)));
	/* off by 776, more than 276: a fifth of the way there */
	learn(f, 1, 1525 + 776);
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, cap),
			 8 * (1525 + 155 + 4 * (276 + 100)));
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 30000, cap), 30000);
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, 20000), 20000);
	/* a size not seen, a model not seen: nothing is learned */
	f->job.size = 2;
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, cap), cap);
	f->job.size = 1;
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[1], 10, cap), cap);
	learn(f, 1, U64_MAX);
	assert_int_equal(weft_sched_deadline(&f->s, &f->job, &f->d[0], 10, U64_MAX) > cap, true);
	free(f);
}

/* Sizes share a bucket up to a power of two; a bucket not seen is extrapolated from the last. */
static void test_buckets(void **state)
{
	struct fixture *f = setup();

	learn(f, 4, 1000);
	assert_int_equal(known(f, 0, 7), 1000);
	assert_int_equal(known(f, 0, 8), 2000);
	assert_int_equal(known(f, 0, 64), 16000);
	assert_int_equal(known(f, 0, 3), 500);
	assert_int_equal(known(f, 0, 1), 250);
	learn(f, 64, 100);
	assert_int_equal(known(f, 0, 4), 1000);
	assert_int_equal(known(f, 0, 128), 200);
	assert_int_equal(known(f, 0, 1), 1);
	assert_int_equal(known(f, 0, 1ull << 63), WEFT_TIME_MAX);
	free(f);
}

static void test_models(void **state)
{
	struct fixture *f = setup();
	struct weft_estimate e;

	f->d[2].model = f->d[0].model;
	learn(f, 1, 1000);
	/* same model: the same entry; another: borrowed */
	assert_int_equal(known(f, 2, 1), 1000);
	assert_int_equal(known(f, 1, 1), 1000);
	weft_estimate_get(&f->s, &f->job, &f->d[1], &e);
	assert_true(e.known && !e.learned && !e.tried);
	weft_estimate_get(&f->s, &f->job, &f->d[2], &e);
	assert_true(e.known && e.learned && e.tried);
	weft_estimate_learn(&f->s, &f->job, &f->d[1], 400);
	assert_int_equal(known(f, 0, 1), 1000);
	assert_int_equal(known(f, 1, 1), 400);
	/* the shortest is borrowed */
	f->d[2].model = 99;
	assert_int_equal(known(f, 2, 1), 400);
	f->job.kernel = 6;
	assert_int_equal(known(f, 1, 1), 0);
	weft_estimate_get(&f->s, &f->job, &f->d[1], &e);
	assert_false(e.known);
	assert_int_equal(e.run, WEFT_RUN_UNKNOWN);
	free(f);
}

static void test_least(void **state)
{
	struct fixture *f = setup();

	assert_int_equal(weft_estimate_least(&f->s, &f->job), WEFT_RUN_UNKNOWN);
	learn(f, 1, 1000);
	weft_estimate_learn(&f->s, &f->job, &f->d[1], 700);
	weft_estimate_learn(&f->s, &f->job, &f->d[2], 300);
	assert_int_equal(weft_estimate_least(&f->s, &f->job), 700);
	f->job.devices = 1;
	assert_int_equal(weft_estimate_least(&f->s, &f->job), 1000);
	free(f);
}

static void test_trials(void **state)
{
	struct weft_sched_est empty = { 0 };
	struct fixture *f = setup();
	struct weft_estimate e;
	u32 i;

	weft_estimate_try(&f->s, &f->job, &f->d[1]);
	weft_estimate_get(&f->s, &f->job, &f->d[1], &e);
	assert_true(e.tried && !e.learned);
	weft_estimate_untry(&f->s, &f->job, &f->d[1]);
	weft_estimate_get(&f->s, &f->job, &f->d[1], &e);
	assert_false(e.tried);
	for (i = 0; i < SMALL; i++)
		assert_memory_equal(&f->est[i], &empty, sizeof(empty));
	weft_estimate_try(&f->s, &f->job, &f->d[1]);
	weft_estimate_learn(&f->s, &f->job, &f->d[1], 50);
	/* what is learned is not taken back */
	weft_estimate_untry(&f->s, &f->job, &f->d[1]);
	weft_estimate_try(&f->s, &f->job, &f->d[1]);
	assert_int_equal(known(f, 1, 1), 50);
	free(f);
}

/* Counts rise with each run and stop at the end of their range. */
static void test_counts(void **state)
{
	struct fixture *f = setup();
	u32 i, seen = 0;

	learn(f, 1, 10);
	learn(f, 1, 10);
	for (i = 0; i < SMALL; i++) {
		if (!f->est[i].key)
			continue;
		seen++;
		assert_int_equal(f->est[i].count, 2);
		f->est[i].count = U32_MAX;
	}
	assert_int_equal(seen, 2);
	assert_int_equal(learn(f, 1, 10), 10);
	for (i = 0; i < SMALL; i++) {
		if (f->est[i].key)
			assert_int_equal(f->est[i].count, U32_MAX);
	}
	free(f);
}

/* A run too short to measure took a nanosecond. */
static void test_zero_time(void **state)
{
	struct fixture *f = setup();

	assert_int_equal(learn(f, 1, 0), 1);
	free(f);
}

/*
 * A full table: entries with many runs stay, those with few go, and what is gone is unknown
 * rather than wrong. The same inputs leave the same table.
 */
static void test_full_table(void **state)
{
	struct fixture *f = setup();
	struct fixture *g = setup();
	u32 i, kept = 0;

	f->job.kernel = 1;
	g->job.kernel = 1;
	for (i = 0; i < 100; i++) {
		learn(f, 1, 777);
		learn(g, 1, 777);
	}
	for (i = 2; i < 400; i++) {
		f->job.kernel = i;
		g->job.kernel = i;
		assert_int_equal(learn(f, 1, i), i);
		learn(g, 1, i);
	}
	assert_memory_equal(f->est, g->est, sizeof(f->est));
	for (i = 2; i < 400; i++) {
		f->job.kernel = i;
		if (known(f, 0, 1)) {
			assert_int_equal(known(f, 0, 1), i);
			kept++;
		}
	}
	assert_in_range(kept, 16, SMALL);
	free(f);
	free(g);
}

/* In a full window the entry with the fewest runs goes and the others age by half. */
static void test_replacement(void **state)
{
	struct fixture *f = setup();
	u32 count[SMALL];
	u32 i, changed = 0;
	struct weft_sched_est *victim = NULL;

	for (i = 0; i < SMALL; i++) {
		f->est[i].key = i + 1;
		f->est[i].bucket = 60;
		f->est[i].mean_ns = 1;
		count[i] = 100 + i * 37 % SMALL;
		f->est[i].count = count[i];
	}
	weft_estimate_try(&f->s, &f->job, &f->d[0]);
	for (i = 0; i < SMALL; i++) {
		if (f->est[i].bucket != 60)
			victim = &f->est[i];
		else if (f->est[i].count != count[i])
			changed++;
	}
	assert_non_null(victim);
	assert_int_equal(victim->count, 0);
	assert_int_equal(changed, 7);
	for (i = 0; i < SMALL; i++) {
		if (f->est[i].bucket == 60 && f->est[i].count != count[i]) {
			assert_int_equal(f->est[i].count, (count[i] + 1) / 2);
			assert_true(count[i] > count[victim - f->est]);
		}
	}
	free(f);
}

/* Of equals the first goes; an entry that is free is taken before any is replaced. */
static void test_replacement_ties(void **state)
{
	struct fixture *f = setup();
	struct weft_sched_est *first = NULL, *second = NULL;
	u32 i, at = 0;

	/* where does the window of this kernel begin? */
	weft_estimate_try(&f->s, &f->job, &f->d[0]);
	for (i = 0; i < SMALL; i++) {
		if (f->est[i].key)
			at = i;
	}
	weft_estimate_untry(&f->s, &f->job, &f->d[0]);
	for (i = 0; i < SMALL; i++) {
		f->est[i].key = i + 1;
		f->est[i].bucket = 60;
		f->est[i].count = 3;
	}
	first = &f->est[at];
	second = &f->est[(at + 7) % SMALL];
	second->key = 0;
	weft_estimate_try(&f->s, &f->job, &f->d[0]);
	assert_int_equal(second->bucket, 0);
	assert_int_equal(first->bucket, 60);
	assert_int_equal(first->count, 3);
	second->key = 4711;
	second->bucket = 60;
	second->count = 3;
	weft_estimate_try(&f->s, &f->job, &f->d[0]);
	assert_int_equal(first->bucket, 0);
	assert_int_equal(second->count, 2);
	assert_int_equal(f->est[(at + 8) % SMALL].count, 3);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_average_then_exponential),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_trials),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_zero_time),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_replacement_ties),
	};

	return cmocka_run_group_tests_name("learned run times", tests, NULL, NULL);
}
