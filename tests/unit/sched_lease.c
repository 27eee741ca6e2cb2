// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases: who goes on, who is asked for his place, and what that comes to.
 *
 * DOC: tests of leases
 *
 * Time here is the test's: a lease is looked at after each quantum, and its holder gives it back at
 * once, late, or early, as the test says.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
/* sources: scheduler/chain.c scheduler/lease.c scheduler/estimate.c scheduler/record.c */
/* sources: tests/unit/pool.c tools/replay/replaylog.c */
#include "pool.h"
#include "replaylog.h"

#define QUANTUM	10000000ull
#define TURNS	4000u

/* Each client learns for himself how long his leases are, as tenants of a pool do. */
static struct weft_sched_job *ask(struct pool *p, struct weft_sched_client *c)
{
	return pool_add(p, .client = c, .kernel = 100 + c->id, .lease = true,
		       .devices = 1);
}

/* What there is room for is dispatched; the first that is there runs. */
static struct weft_sched_job *settle(struct pool *p, struct weft_sched_device *d)
{
	struct weft_sched_decision decision;
	struct weft_sched_job *job;

	while (weft_sched_pick(&p->s, p->now, &decision))
		assert_int_equal(weft_sched_job_bound(&p->s, decision.job, p->now), 0);
	list_for_each_entry(job, &d->jobs, node) {
		if (job->state == WEFT_JOB_RUNNING)
			return job;
	}
	if (list_empty(&d->jobs))
		return NULL;
	job = list_first_entry(&d->jobs, struct weft_sched_job, node);
	assert_int_equal(weft_sched_job_running(&p->s, job, p->now), 0);
	return job;
}

/*
 * Two clients hold and wait by turns, each with its next lease asked for before it gives one back;
 * @late: what the first overstays each time. @charged: what they were from TURNS / 4 to the end.
 */
static void share(u32 weight, u64 late, u32 depth, u32 price, u64 charged[2])
{
	struct pool *p = pool_new("eft");
	struct weft_sched_tenant *t[2] = { pool_tenant(p, weight), pool_tenant(p, 100) };
	struct weft_sched_client *c[2] = { pool_client(p, t[0]), pool_client(p, t[1]) };
	struct weft_sched_device *d = pool_device(p, 0, price);
	struct weft_replay_result result;
	struct weft_replay_log log;
	struct weft_log_header header;
	struct weft_sched_device to = *d;
	u64 before[2] = {}, held;
	FILE *file = tmpfile();
	u32 i, j;

	to.depth = depth;
	assert_int_equal(weft_sched_device_set(&p->s, d, &to, p->now), 0);
	for (i = 0; i < 4; i++)
		ask(p, c[i % 2]);
	for (i = 0; i < TURNS; i++) {
		struct weft_sched_job *job = settle(p, d);

		if (i == TURNS / 4) {
			before[0] = t[0]->priced;
			before[1] = t[1]->priced;
		}
		held = 0;
		do {
			held += QUANTUM;
			p->now += QUANTUM;
		} while (weft_sched_lease_extend(&p->s, job, held, QUANTUM, p->now));
		if (job->client == c[0]) {
			held += late;
			p->now += late;
		}
		ask(p, job->client);
		pool_done(p, job, held);
	}
	for (j = 0; j < 2; j++)
		charged[j] = t[j]->priced - before[j];

	/* and all of it can be decided again */
	assert_non_null(file);
	weft_log_header_init(&header);
	assert_int_equal(fwrite(&header, sizeof(header), 1, file), 1);
	assert_int_equal(fwrite(p->log, sizeof(*p->log), p->log_count, file), p->log_count);
	rewind(file);
	assert_int_equal(weft_replay_load(&log, file), 0);
	fclose(file);
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_false(result.differs);
	weft_replay_unload(&log);
	pool_free(p);
}

/* off by no more than @permille */
static void assert_ratio(const u64 charged[2], u32 weight, u32 permille)
{
	u64 a = charged[0] * 100, b = charged[1] * weight;
	u64 off = a > b ? a - b : b - a;

	assert_true(off <= b / 1000 * permille);
}

static void test_shares(void **state)
{
	static const u32 weights[] = { 100, 300, 1000, 33, 10 };
	u64 charged[2];
	u32 i, depth;

	for (i = 0; i < ARRAY_SIZE(weights); i++) {
		for (depth = 1; depth <= 4; depth++) {
			share(weights[i], 0, depth, WEFT_PRICE_UNIT, charged);
			assert_ratio(charged, weights[i], 5);
		}
	}
	share(300, 0, 2, 3 * WEFT_PRICE_UNIT, charged);
	assert_ratio(charged, 300, 5);
}

/* Who overstays pays for it, and waits for it afterwards. */
static void test_overuse(void **state)
{
	u64 charged[2];

	share(300, QUANTUM / 3, 2, WEFT_PRICE_UNIT, charged);
	assert_ratio(charged, 300, 5);
	share(300, 40 * QUANTUM, 2, WEFT_PRICE_UNIT, charged);
	assert_ratio(charged, 300, 10);
	share(100, 7 * QUANTUM, 2, WEFT_PRICE_UNIT, charged);
	assert_ratio(charged, 100, 10);
}

/* One that is alone goes on; for how long is not what somebody who comes later is owed. */
static void test_alone(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *a = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_client *b = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_device *d = pool_device(p, 0, WEFT_PRICE_UNIT);
	struct weft_sched_job *job = ask(p, a), *other;
	u64 held;

	assert_ptr_equal(settle(p, d), job);
	for (held = QUANTUM; held < 1000 * QUANTUM; held += QUANTUM)
		assert_int_equal(weft_sched_lease_extend(&p->s, job, held, QUANTUM, held), 1);
	p->now = held;
	other = ask(p, b);
	assert_ptr_equal(settle(p, d), job);
	/* its own next one is no reason to stop, nor would it be to go on */
	ask(p, a);
	settle(p, d);
	assert_int_equal(weft_sched_lease_extend(&p->s, job, held, QUANTUM, p->now), 0);
	pool_done(p, job, held);
	assert_ptr_equal(settle(p, d), other);
	/* b is owed a few quanta at the most */
	for (held = QUANTUM; held < 100 * QUANTUM; held += QUANTUM) {
		p->now += QUANTUM;
		if (!weft_sched_lease_extend(&p->s, other, held, QUANTUM, p->now))
			break;
	}
	assert_true(held <= 4 * QUANTUM);
	pool_free(p);
}

/* A class is served before another, in both directions. */
static void test_classes(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *a = pool_client(p, pool_tenant(p, 1));
	struct weft_sched_client *b = pool_client(p, pool_tenant(p, 10000));
	struct weft_sched_device *d = pool_device(p, 0, WEFT_PRICE_UNIT);
	struct weft_sched_job *job = ask(p, a), *waits;
	struct weft_rec rec;

	assert_ptr_equal(settle(p, d), job);
	waits = pool_add(p, .client = b, .kernel = 1, .service = WEFT_SERVICE_BEST_EFFORT + 1);
	settle(p, d);
	p->now = QUANTUM;
	assert_int_equal(weft_sched_lease_extend(&p->s, job, QUANTUM, QUANTUM, p->now), 1);
	assert_int_equal(pool_count(p, WEFT_REC_LEASE, &rec), 1);
	assert_int_equal(rec.id, job->id);
	assert_int_equal(rec.arg[0], waits->id);
	assert_int_equal(rec.b, 1);
	pool_done(p, job, 2 * QUANTUM);
	assert_ptr_equal(settle(p, d), waits);
	pool_done(p, waits, 1);

	job = ask(p, b);
	assert_ptr_equal(settle(p, d), job);
	waits = pool_add(p, .client = a, .kernel = 1, .service = WEFT_SERVICE_INTERACTIVE + 1);
	settle(p, d);
	assert_int_equal(weft_sched_lease_extend(&p->s, job, QUANTUM, QUANTUM, p->now), 0);
	assert_int_equal(pool_count(p, WEFT_REC_LEASE, &rec), 2);
	assert_int_equal(rec.arg[0], waits->id);
	assert_int_equal(rec.b, 0);
	pool_free(p);
}

/* Clients of one tenant share alike. */
static void test_clients(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_tenant *t = pool_tenant(p, 100);
	struct weft_sched_client *c[2] = { pool_client(p, t), pool_client(p, t) };
	struct weft_sched_device *d = pool_device(p, 0, WEFT_PRICE_UNIT);
	u64 held;
	u32 i;

	for (i = 0; i < 4; i++)
		ask(p, c[i % 2]);
	for (i = 0; i < 400; i++) {
		struct weft_sched_job *job = settle(p, d);

		held = 0;
		do {
			held += QUANTUM;
			p->now += QUANTUM;
		} while (weft_sched_lease_extend(&p->s, job, held, QUANTUM, p->now));
		ask(p, job->client);
		pool_done(p, job, held);
	}
	assert_true(c[0]->priced + 4 * QUANTUM > c[1]->priced);
	assert_true(c[1]->priced + 4 * QUANTUM > c[0]->priced);
	pool_free(p);
}

/* A device that takes no new jobs wants its place back; only a lease that runs is asked about. */
static void test_refused(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_device *d = pool_device(p, 0, WEFT_PRICE_UNIT), to;
	struct weft_sched_job *job = pool_add(p, .client = c, .kernel = 1);
	size_t records;

	pool_pick(p);
	pool_start(p, job);
	assert_int_equal(weft_sched_lease_extend(&p->s, job, 1, 1, 0), -EINVAL);
	pool_done(p, job, 1);
	job = ask(p, c);
	records = p->log_count;
	assert_int_equal(weft_sched_lease_extend(&p->s, job, 1, 1, 0), -EINVAL);
	assert_int_equal(p->log_count, records);
	assert_ptr_equal(settle(p, d), job);
	assert_int_equal(weft_sched_lease_extend(&p->s, job, 1, 1, 0), 1);
	to = *d;
	to.open = false;
	assert_int_equal(weft_sched_device_set(&p->s, d, &to, 0), 0);
	assert_int_equal(weft_sched_lease_extend(&p->s, job, 1, 1, 0), 0);
	pool_done(p, job, 1);
	assert_int_equal(weft_sched_lease_extend(&p->s, job, 1, 1, 0), -EINVAL);
	pool_free(p);
}

/* Neither does a lease follow what it waits for, nor does anybody follow a lease. */
static void test_no_chains(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_device *d = pool_device(p, 0, WEFT_PRICE_UNIT), to = *d;
	struct weft_sched_job *job, *lease, *after;

	weft_sched_device_remove(&p->s, d, 0);
	*d = to;
	d->chains = true;
	d->depth = 4;
	assert_int_equal(weft_sched_device_add(&p->s, d, 0), 0);
	job = pool_add(p, .client = c, .kernel = 1);
	lease = pool_add(p, .client = c, .kernel = 9, .lease = true, .after = &job,
			 .after_count = 1);
	after = pool_add(p, .client = c, .kernel = 1, .after = &lease, .after_count = 1);
	assert_ptr_equal(settle(p, d), job);
	assert_int_equal(lease->state, WEFT_JOB_WAITING);
	pool_done(p, job, 1);
	assert_ptr_equal(settle(p, d), lease);
	assert_int_equal(after->state, WEFT_JOB_WAITING);
	pool_done(p, lease, 1);
	assert_ptr_equal(settle(p, d), after);
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_overuse),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
