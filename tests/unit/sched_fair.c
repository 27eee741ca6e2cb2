// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fair order.
 *
 * DOC: tests of the fair order
 *
 * Each expected sequence is worked out by hand from start-time fair queueing: the member with the
 * least virtual time is next, ties go to the smaller id, a job of cost c adds c / weight.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "pool.h"
#include "internal.h"

#define KERNEL	1
#define COST	900	/* ns; times 1024 divisible by 100 and 300 */
#define BATCH	WEFT_SERVICE_BATCH

/* One device with room for two, a kernel that takes COST everywhere. */
struct fixture {
	struct pool *p;
	struct weft_sched_device *d;
	struct weft_sched_tenant *t[3];
	struct weft_sched_client *c[3];
};

static struct fixture setup(u32 w0, u32 w1, u32 w2)
{
	struct fixture f = { .p = pool_new("eft") };
	u32 weight[3] = { w0, w1, w2 };
	struct weft_sched_client *teacher;
	u32 i;

	f.d = pool_device(f.p, 0, WEFT_PRICE_UNIT);
	teacher = pool_client(f.p, pool_tenant(f.p, 100));
	pool_teach(f.p, teacher, KERNEL, f.d, COST);
	for (i = 0; i < 3 && weight[i]; i++) {
		f.t[i] = pool_tenant(f.p, weight[i]);
		f.c[i] = pool_client(f.p, f.t[i]);
	}
	return f;
}

static void submit(struct fixture *f, u32 who, u32 count)
{
	while (count--)
		pool_job(f->p, f->c[who], KERNEL);
}

/* Run one job to its end; 'A' + number of the fixture's client whose it was. */
static char step(struct fixture *f, u64 busy)
{
	struct weft_sched_decision d = pool_pick(f->p);
	u32 i;

	pool_start(f->p, d.job);
	f->p->now += busy;
	pool_done(f->p, d.job, busy);
	for (i = 0; i < 3; i++) {
		if (d.job->client == f->c[i])
			return (char)('A' + i);
	}
	return '?';
}

static void expect(struct fixture *f, const char *order)
{
	char got[64] = "";
	size_t i;

	for (i = 0; order[i]; i++)
		got[i] = step(f, COST);
	assert_string_equal(got, order);
}

static void test_weights(void **state)
{
	struct fixture f = setup(300, 100, 0);

	submit(&f, 0, 40);
	submit(&f, 1, 40);
	/* start tags of A: 0 1/3 2/3 1 ..., of B: 0 1 2 ... */
	expect(&f, "ABAAABAAABAAAB");
	assert_int_equal(f.t[0]->priced, 10 * COST);
	assert_int_equal(f.t[1]->priced, 4 * COST);
	assert_int_equal(f.c[0]->priced, 10 * COST);
	assert_int_equal(f.c[0]->busy_ns, 10 * COST);
	pool_free(f.p);
}

static void test_weight_change(void **state)
{
	struct fixture f = setup(100, 100, 0);

	submit(&f, 0, 40);
	submit(&f, 1, 40);
	expect(&f, "ABAB");
	assert_int_equal(weft_sched_tenant_set(&f.p->s, f.t[1], 300, 0), 0);
	assert_int_equal(f.t[1]->weight, 300);
	expect(&f, "ABBBABBBABBB");
	pool_free(f.p);
}

static void test_clients_share_alike(void **state)
{
	struct fixture f = setup(100, 100, 0);

	/* C: a second client of A's tenant: the tenant's share does not grow */
	f.c[2] = pool_client(f.p, f.t[0]);
	submit(&f, 0, 20);
	submit(&f, 1, 20);
	submit(&f, 2, 20);
	expect(&f, "ABCBABCBABCB");
	pool_free(f.p);
}

static void test_prices(void **state)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_device *dear = pool_device(f.p, 1, 3 * WEFT_PRICE_UNIT);
	struct weft_sched_decision d;
	u32 i;

	/* A only on the dear device, B only on the cheap one: same time, thrice the charge */
	for (i = 0; i < 2; i++) {
		u64 id = !i;

		pool_add(f.p, .client = f.c[i], .kernel = KERNEL, .devices = BIT_ULL(id));
		d = pool_pick(f.p);
		assert_ptr_equal(d.device, i ? f.d : dear);
		pool_start(f.p, d.job);
		pool_done(f.p, d.job, COST);
	}
	assert_int_equal(f.t[0]->priced, 3 * COST);
	assert_int_equal(f.t[1]->priced, COST);
	assert_int_equal(f.t[0]->entity[BATCH].vtime - f.t[1]->entity[BATCH].vtime,
			 2 * COST * 1024 / 100);
	pool_free(f.p);
}

static void test_charged_at_dispatch(void **state)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_job *first;

	submit(&f, 0, 2);
	submit(&f, 1, 2);
	first = pool_pick(f.p).job;
	assert_ptr_equal(first->client, f.c[0]);
	/* nothing is done yet, still it is B's turn */
	assert_ptr_equal(pool_pick(f.p).job->client, f.c[1]);
	assert_int_equal(f.t[0]->priced, 0);
	pool_free(f.p);
}

/* A job that took less or more than expected is charged what it took. */
static void test_settle(void **state)
{
	struct fixture f = setup(100, 100, 0);
	u64 before;

	submit(&f, 0, 4);
	before = f.t[0]->entity[BATCH].vtime;
	step(&f, COST / 9);
	assert_int_equal(f.t[0]->entity[BATCH].vtime - before, 100 * 1024 / 100);
	assert_int_equal(f.c[0]->entity[BATCH].vtime, 100 * 1024 / 100);
	step(&f, 3 * COST);
	assert_int_equal(f.t[0]->entity[BATCH].vtime - before, (100 + 3 * COST) * 1024 / 100);
	assert_int_equal(f.t[0]->priced, 100 + 3 * COST);
	pool_free(f.p);
}

static u64 total(const struct weft_sched_entity *e)
{
	return e->vtime * e->weight + e->rem;
}

/* Whatever the weight, no fraction of a tick is lost, up or down. */
static void test_remainders(void **state)
{
	struct fixture f = setup(7, 9999, 0);
	u64 before[2], lift[2], sum[2] = { 0 };
	u64 seed = 42;
	u32 i, who;

	submit(&f, 0, 300);
	submit(&f, 1, 300);
	for (who = 0; who < 2; who++) {
		before[who] = total(&f.t[who]->entity[BATCH]);
		lift[who] = f.t[who]->entity[BATCH].lift;
	}
	for (i = 0; i < 200; i++) {
		seed = weft_mix64(seed + i);
		who = (u32)(step(&f, COST / 2 + seed % COST) - 'A');
		sum[who] += (COST / 2 + seed % COST) * 1024;
		assert_true(f.t[who]->entity[BATCH].rem < f.t[who]->weight);
	}
	for (who = 0; who < 2; who++) {
		assert_int_equal(f.t[who]->entity[BATCH].lift, lift[who]);
		assert_int_equal(total(&f.t[who]->entity[BATCH]) - before[who], sum[who]);
	}
	assert_true(sum[0] && sum[1]);
	pool_free(f.p);
}

static void test_sleeper_gains_no_credit(void **state)
{
	struct fixture f = setup(100, 100, 0);

	submit(&f, 0, 40);
	expect(&f, "AAAAAAAAAA");
	submit(&f, 1, 40);
	/* B starts where A's last job started: one ahead, not ten */
	expect(&f, "BABABABA");
	pool_free(f.p);
}

static void test_sleeper_keeps_debt(void **state)
{
	struct fixture f = setup(100, 100, 0);

	submit(&f, 0, 1);
	submit(&f, 1, 1);
	assert_int_equal(step(&f, 5 * COST), 'A');
	/* A is asleep and owes five; B is served meanwhile */
	expect(&f, "B");
	submit(&f, 1, 40);
	expect(&f, "BB");
	submit(&f, 0, 40);
	/* B: 3 served, so 2 more until 5; then the tie is A's */
	expect(&f, "BBABAB");
	pool_free(f.p);
}

/* What a member was owed when it went to sleep it is owed when it comes back, no more. */
static void test_sleeper_keeps_lag(void **state)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_device *other = pool_device(f.p, 1, WEFT_PRICE_UNIT);
	struct weft_sched_job *stuck;
	u64 behind, vtime, lift;

	pool_teach(f.p, f.c[1], KERNEL, other, COST);
	other->outstanding = other->credits + other->depth;	/* no room */
	stuck = pool_add(f.p, .client = f.c[0], .kernel = KERNEL, .devices = 2);
	submit(&f, 1, 60);
	expect(&f, "BBB");
	behind = f.p->s.class[BATCH].vtime - f.t[0]->entity[BATCH].vtime;
	assert_in_range(behind, 2 * COST * 1024 / 100, 3 * COST * 1024 / 100);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, stuck, -ECANCELED, 0), 0);
	expect(&f, "BBBBBB");
	vtime = f.t[0]->entity[BATCH].vtime;
	lift = f.t[0]->entity[BATCH].lift;
	submit(&f, 0, 20);
	assert_int_equal(f.p->s.class[BATCH].vtime - f.t[0]->entity[BATCH].vtime, behind);
	assert_true(f.t[0]->entity[BATCH].vtime > vtime);
	assert_int_equal(f.t[0]->entity[BATCH].vtime - vtime,
			 f.t[0]->entity[BATCH].lift - lift);
	other->outstanding = 0;
	pool_free(f.p);
}

/* A member that cannot use its share is not owed it without end. */
static void test_lag_is_bounded(void **state)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_device *other = pool_device(f.p, 1, WEFT_PRICE_UNIT);
	u64 places = f.d->credits + f.d->depth + other->credits + other->depth;
	struct weft_sched_job *job;
	u32 i;

	pool_teach(f.p, f.c[1], KERNEL, other, COST);
	other->outstanding = other->credits + other->depth;
	pool_add(f.p, .client = f.c[0], .kernel = KERNEL, .devices = 2);
	submit(&f, 1, 200);
	for (i = 0; i < 100; i++)
		assert_int_equal(step(&f, COST), 'B');
	other->outstanding = 0;
	submit(&f, 0, 100);
	/* the first dispatch raises A to the bound, then charges it */
	job = pool_pick(f.p).job;
	assert_ptr_equal(job->client, f.c[0]);
	assert_int_equal(f.p->s.class[BATCH].vtime - f.t[0]->entity[BATCH].vtime,
			 COST * 1024 * (places + 1) / 100 + 1 - COST * 1024 / 100);
	pool_start(f.p, job);
	pool_done(f.p, job, COST);
	for (i = 1; step(&f, COST) == 'A'; i++)
		;
	/* the bound in jobs, one for rounding, one for the tie */
	assert_in_range(i, places, places + 3);
	pool_free(f.p);
}

/* A refund of a job dispatched before a lift may not become credit. */
static void test_refund_after_lift(void **state)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_job *old;
	u64 vtime;

	submit(&f, 0, 1);
	old = pool_pick(f.p).job;		/* A is charged COST and sleeps */
	pool_start(f.p, old);
	submit(&f, 1, 20);
	expect(&f, "BBBB");
	submit(&f, 0, 20);			/* A wakes and is lifted */
	assert_true(f.t[0]->entity[BATCH].lift > 0);
	vtime = f.t[0]->entity[BATCH].vtime;
	assert_int_equal(vtime, f.p->s.class[BATCH].vtime);
	pool_done(f.p, old, 1);
	assert_int_equal(f.t[0]->entity[BATCH].vtime, vtime);
	pool_free(f.p);
}

/* Of an extra charge, what a lift has taken already is not taken again. */
static void test_surcharge_after_lift(void **state)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_job *old;
	u64 vtime, lift;

	submit(&f, 0, 1);
	old = pool_pick(f.p).job;
	pool_start(f.p, old);
	submit(&f, 1, 20);
	expect(&f, "BBBB");
	submit(&f, 0, 20);
	vtime = f.t[0]->entity[BATCH].vtime;
	lift = f.t[0]->entity[BATCH].lift - old->lift[0];
	assert_int_equal(lift, 2 * COST * 1024 / 100);
	pool_done(f.p, old, 11 * COST);
	assert_int_equal(f.t[0]->entity[BATCH].vtime, vtime + 10 * COST * 1024 / 100 - lift);
	assert_int_equal(f.t[0]->priced, 11 * COST);
	pool_free(f.p);
}

/*
 * A was charged far too much and had to wait; once that is known it is owed no more than the
 * bound, whether it has READY jobs or not.
 */
static void refund_is_bounded(bool queued)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_device *other;
	struct weft_sched_job *old;
	u64 bound, vtime, lift;
	u32 i;

	f.d->depth = 2;
	pool_teach(f.p, f.c[1], 2, f.d, 600 * COST);
	pool_job(f.p, f.c[0], 2);
	old = pool_pick(f.p).job;
	pool_start(f.p, old);
	if (queued) {
		other = pool_device(f.p, 1, WEFT_PRICE_UNIT);
		pool_teach(f.p, f.c[1], KERNEL, other, COST);
		other->outstanding = other->credits + other->depth;
		pool_add(f.p, .client = f.c[0], .kernel = KERNEL, .devices = 2);
	}
	for (i = 0; i < 501; i++)
		pool_add(f.p, .client = f.c[1], .kernel = KERNEL, .devices = 1);
	/* what B was charged for teaching is behind it now */
	for (i = 0; i < 500; i++)
		assert_int_equal(step(&f, COST), 'B');
	assert_int_equal(f.t[0]->entity[BATCH].queued, queued);
	vtime = f.t[0]->entity[BATCH].vtime;
	lift = f.t[0]->entity[BATCH].lift;
	f.p->s.places = 3;
	f.p->s.charge_max = 0;
	pool_done(f.p, old, COST);
	bound = COST * 1024 * 4 / 100 + 1;
	assert_int_equal(f.p->s.class[BATCH].vtime - f.t[0]->entity[BATCH].vtime, bound);
	/* refunded first, then lifted */
	vtime -= 599 * COST * 1024 / 100;
	assert_int_equal(f.t[0]->entity[BATCH].vtime - vtime,
			 f.t[0]->entity[BATCH].lift - lift);
	assert_true(f.t[0]->entity[BATCH].lift > lift);
	pool_free(f.p);
}

static void test_refund_is_bounded(void **state)
{
	refund_is_bounded(false);
	refund_is_bounded(true);
}

/* The largest recent job is forgotten by a sixty-fourth with each job. */
static void test_largest_is_forgotten(void **state)
{
	struct fixture f = setup(100, 0, 0);

	submit(&f, 0, 3);
	step(&f, 6400);
	assert_int_equal(f.p->s.charge_max, 6400 * 1024);
	step(&f, 1);
	assert_int_equal(f.p->s.charge_max, 6300 * 1024);
	step(&f, 7000);
	assert_int_equal(f.p->s.charge_max, 7000 * 1024);
	pool_free(f.p);
}

/* Each level remembers its own lifts: a refund counts where there was none since. */
static void test_refund_in_client(void **state)
{
	struct fixture f = setup(100, 0, 0);
	struct weft_sched_entity *e = &f.c[0]->entity[BATCH];
	u64 vtime;

	/* C, of the same tenant, works first, so that A is lifted when it comes */
	f.c[2] = pool_client(f.p, f.t[0]);
	submit(&f, 2, 8);
	expect(&f, "CCCC");
	submit(&f, 0, 2);
	assert_true(e->lift > 0);
	vtime = e->vtime;
	assert_int_equal(step(&f, COST / 9), 'A');
	assert_int_equal(e->vtime - vtime, 100 * 1024 / 100);
	pool_free(f.p);
}

/* Parts of a priced nanosecond are kept; times beyond 32 bits are not cut. */
static void test_accounts(void **state)
{
	struct fixture f = setup(100, 0, 0);
	struct weft_sched_device to = *f.d;
	struct weft_sched_job *job;
	u32 i;

	to.price = 1;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d, &to, 0), 0);
	submit(&f, 0, 3);
	step(&f, 500);
	step(&f, 523);
	assert_int_equal(f.t[0]->priced, 0);
	assert_int_equal(f.c[0]->priced, 0);
	step(&f, 478);
	assert_int_equal(f.t[0]->priced, 1);
	assert_int_equal(f.c[0]->priced, 1);
	assert_int_equal(f.t[0]->priced_rem, 477);
	to.price = 1024;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d, &to, 0), 0);
	for (i = 0; i < 2; i++) {
		job = pool_job(f.p, f.c[0], 7);
		assert_ptr_equal(pool_pick(f.p).job, job);
		if (i)
			assert_int_equal(job->charged, 5000000000 * 1024);
		pool_start(f.p, job);
		pool_done(f.p, job, 5000000000);
	}
	assert_int_equal(f.t[0]->priced, 10000000001);
	pool_free(f.p);
}

/* Plans count in the walk with their full time, beyond 32 bits, too. */
static void test_plans_in_turn(void **state)
{
	struct fixture f = setup(100, 100, 0);
	struct weft_sched_device *slow = pool_device(f.p, 1, WEFT_PRICE_UNIT);
	char order[16] = "";
	size_t i, n = 0, from;

	pool_teach(f.p, f.c[0], 2, f.d, 5000000000);
	pool_teach(f.p, f.c[1], 3, f.d, 1000000000);
	pool_teach(f.p, f.c[0], 2, slow, 500000000000);
	pool_teach(f.p, f.c[1], 3, slow, 500000000000);
	/* the device is full; both tenants stand alike */
	for (i = 0; i < 2; i++) {
		pool_job(f.p, f.c[0], 2);
		pool_pick(f.p);
	}
	f.t[0]->entity[BATCH].vtime = f.t[1]->entity[BATCH].vtime;
	for (i = 0; i < 2; i++)
		pool_job(f.p, f.c[0], 2);
	for (i = 0; i < 6; i++)
		pool_job(f.p, f.c[1], 3);
	from = f.p->log_count;
	pool_pick_none(f.p);
	for (i = from; i < f.p->log_count; i++) {
		const struct weft_rec *rec = &f.p->log[i];

		if (rec->type == WEFT_REC_PLAN)
			order[n++] = rec->arg[2] == 5000000000 ? 'A' : 'B';
	}
	/* A: 0, 5, 10; B: 0, 1, 2, 3, 4, 5 */
	assert_string_equal(order, "ABBBBBAB");
	pool_free(f.p);
}

static void test_weight_change_keeps_remainder(void **state)
{
	struct fixture f = setup(1000, 0, 0);
	u32 i;

	for (i = 0; i < WEFT_SERVICE_COUNT; i++)
		f.t[0]->entity[i].rem = 900 + i;
	assert_int_equal(weft_sched_tenant_set(&f.p->s, f.t[0], 903, 0), 0);
	for (i = 0; i < WEFT_SERVICE_COUNT; i++) {
		assert_int_equal(f.t[0]->entity[i].rem, i < 3 ? 900 + i : 902);
		assert_int_equal(f.t[0]->entity[i].weight, 903);
	}
	pool_free(f.p);
}

static void test_classes(void **state)
{
	struct fixture f = setup(100, 100, 100);
	const u32 service[3] = { WEFT_SERVICE_BEST_EFFORT, WEFT_SERVICE_INTERACTIVE,
				 WEFT_SERVICE_REALTIME };
	u32 i;

	for (i = 0; i < 3; i++) {
		pool_add(f.p, .client = f.c[i], .kernel = KERNEL, .service = service[i] + 1);
		pool_add(f.p, .client = f.c[i], .kernel = KERNEL, .service = service[i] + 1);
	}
	submit(&f, 0, 1);
	/* realtime, interactive, batch, best effort */
	expect(&f, "CCBBAAA");
	pool_free(f.p);
}

static void test_order_in_client(void **state)
{
	struct fixture f = setup(100, 0, 0);
	struct weft_sched_job *low, *long_path, *late, *high;
	struct weft_sched_job *next;

	low = pool_job(f.p, f.c[0], KERNEL);
	late = pool_job(f.p, f.c[0], KERNEL);
	long_path = pool_job(f.p, f.c[0], KERNEL);
	next = pool_add(f.p, .client = f.c[0], .kernel = KERNEL, .after = &long_path,
			.after_count = 1);
	assert_int_equal(low->rank, COST);
	assert_int_equal(long_path->rank, 2 * COST);
	pool_add(f.p, .client = f.c[0], .kernel = KERNEL, .after = &next, .after_count = 1);
	assert_int_equal(long_path->rank, 3 * COST);
	high = pool_add(f.p, .client = f.c[0], .kernel = KERNEL, .priority = 7);
	f.d->credits = 8;
	assert_ptr_equal(pool_pick(f.p).job, high);
	assert_ptr_equal(pool_pick(f.p).job, long_path);
	assert_ptr_equal(pool_pick(f.p).job, low);
	assert_ptr_equal(pool_pick(f.p).job, late);
	pool_free(f.p);
}

/* Ranks reach back through 32 jobs at a time and stay exact within that. */
static void test_rank_depth(void **state)
{
	struct fixture f = setup(100, 0, 0);
	struct weft_sched_job *job[40];
	u32 i;

	for (i = 0; i < 40; i++)
		job[i] = pool_add(f.p, .client = f.c[0], .kernel = KERNEL,
				  .after = i ? &job[i - 1] : NULL, .after_count = !!i);
	assert_int_equal(job[39]->rank, COST);
	assert_int_equal(job[39 - 31]->rank, 32 * COST);
	assert_int_equal(job[39 - 32]->rank, 33 * COST);
	assert_int_equal(job[39 - 33]->rank, 33 * COST);
	pool_free(f.p);
}

/* A pick that decides nothing leaves the order as it was. */
static void test_parking_leaves_no_trace(void **state)
{
	struct fixture f = setup(300, 100, 0);
	struct weft_sched_device *slow = pool_device(f.p, 1, WEFT_PRICE_UNIT);
	struct weft_sched_entity t0, t1, c0;
	u64 vtime;

	pool_teach(f.p, f.c[1], KERNEL, slow, 1000 * COST);
	submit(&f, 0, 10);
	submit(&f, 1, 10);
	pool_pick(f.p);
	pool_pick(f.p);
	t0 = f.t[0]->entity[BATCH];
	t1 = f.t[1]->entity[BATCH];
	c0 = f.c[0]->entity[BATCH];
	vtime = f.p->s.class[BATCH].vtime;
	pool_pick_none(f.p);
	assert_true(pool_count(f.p, WEFT_REC_PLAN, NULL) >= 18);
	assert_int_equal(f.t[0]->entity[BATCH].vtime, t0.vtime);
	assert_int_equal(f.t[0]->entity[BATCH].rem, t0.rem);
	assert_int_equal(f.t[0]->entity[BATCH].lift, t0.lift);
	assert_int_equal(f.t[1]->entity[BATCH].vtime, t1.vtime);
	assert_int_equal(f.t[1]->entity[BATCH].rem, t1.rem);
	assert_int_equal(f.c[0]->entity[BATCH].vtime, c0.vtime);
	assert_int_equal(f.p->s.class[BATCH].vtime, vtime);
	assert_true(f.t[0]->entity[BATCH].queued && f.t[1]->entity[BATCH].queued);
	pool_free(f.p);
}

static void test_units(void **state)
{
	assert_int_equal(weft_fair_units(3, 1024), 3 * 1024);
	assert_int_equal(weft_fair_units(0, 5), 0);
	assert_int_equal(weft_fair_units(U64_MAX, 1), WEFT_TIME_MAX);
	assert_int_equal(weft_fair_units(U64_MAX, WEFT_SCHED_PRICE_MAX), 1ull << 61);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_weight_change),
		cmocka_unit_test(test_clients_share_alike),
		cmocka_unit_test(test_prices),
		cmocka_unit_test(test_charged_at_dispatch),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_remainders),
		cmocka_unit_test(test_sleeper_gains_no_credit),
		cmocka_unit_test(test_sleeper_keeps_debt),
		cmocka_unit_test(test_sleeper_keeps_lag),
		cmocka_unit_test(test_lag_is_bounded),
		cmocka_unit_test(test_refund_after_lift),
		cmocka_unit_test(test_surcharge_after_lift),
		cmocka_unit_test(test_refund_is_bounded),
		cmocka_unit_test(test_largest_is_forgotten),
		cmocka_unit_test(test_refund_in_client),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_plans_in_turn),
		cmocka_unit_test(test_weight_change_keeps_remainder),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_order_in_client),
		cmocka_unit_test(test_rank_depth),
		cmocka_unit_test(test_parking_leaves_no_trace),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests_name("fair order", tests, NULL, NULL);
}
