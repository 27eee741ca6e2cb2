// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs that are placed before those they wait for are done.
 *
 * DOC: tests of chains
 *
 * Devices are those of place.h; the first ones keep the order of jobs by themselves. The last test
 * plays a caller that places, loses, fails and ends jobs at random and keeps to the contract; what
 * it checks is that no job succeeds before its predecessors, that each ends once, and that the log
 * replays.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/lease.c tools/replay/replaylog.c */
#include "place.h"
#include "replaylog.h"

static struct fixture chained(u64 run0, u64 run1, u32 count)
{
	struct fixture f = setup("eft", run0, run1, 0);
	u32 i;

	/* all of them anew, so that the log has everything */
	for (i = 0; f.d[i]; i++) {
		assert_int_equal(weft_sched_device_remove(&f.p->s, f.d[i], 0), 0);
		f.d[i]->chains = i < count;
		f.d[i]->depth = 3;
		assert_int_equal(weft_sched_device_add(&f.p->s, f.d[i], 0), 0);
	}
	return f;
}

static struct weft_sched_job *after(struct fixture *f, struct weft_sched_job *from)
{
	return pool_add(f->p, .client = f->c, .kernel = KERNEL, .after = &from, .after_count = 1);
}

static void bind(struct fixture *f, struct weft_sched_job *job)
{
	assert_ptr_equal(pool_pick(f->p).job, job);
	assert_int_equal(weft_sched_job_bound(&f->p->s, job, f->p->now), 0);
}

static void test_follows(void **state)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_job *a = job_on(&f, ~0ull), *b = after(&f, a), *c = after(&f, b);

	assert_int_equal(b->state, WEFT_JOB_WAITING);
	assert_ptr_equal(pool_pick(f.p).job, a);
	pool_pick_none(f.p);
	assert_int_equal(weft_sched_job_bound(&f.p->s, a, 0), 0);
	assert_int_equal(b->state, WEFT_JOB_READY);
	assert_int_equal(b->follows, 0);
	assert_int_equal(c->state, WEFT_JOB_WAITING);
	bind(&f, b);
	bind(&f, c);
	assert_int_equal(f.d[0]->outstanding, 3);
	pool_start(f.p, a);
	f.p->now = 1000;
	pool_done(f.p, a, 1000);
	assert_int_equal(b->open, 0);
	assert_int_equal(c->open, 1);
	pool_start(f.p, b);
	f.p->now = 2000;
	pool_done(f.p, b, 1000);
	pool_start(f.p, c);
	pool_done(f.p, c, 1000);
	pool_free(f.p);
}

/* Devices that do not say that they keep an order get nothing ahead of time. */
static void test_not_asked_for(void **state)
{
	struct fixture f = chained(1000, 0, 0);
	struct weft_sched_job *a = job_on(&f, ~0ull), *b = after(&f, a);

	pool_pick(f.p);
	pool_start(f.p, a);
	assert_int_equal(b->state, WEFT_JOB_WAITING);
	pool_free(f.p);
}

/* It follows to one device; when nothing holds it there it is free again. */
static void test_restricted(void **state)
{
	struct fixture f = chained(1000, 1000, 2);
	struct weft_sched_job *a = job_on(&f, 1), *b = after(&f, a);
	struct weft_sched_device to;
	struct weft_sched_decision d;
	struct weft_rec rec;

	bind(&f, a);
	to = *f.d[0];
	to.open = false;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &to, 0), 0);
	/* the device takes no more jobs, and the other one, which idles, is not asked */
	assert_int_equal(b->state, WEFT_JOB_READY);
	pool_pick_none(f.p);
	pool_start(f.p, a);
	pool_done(f.p, a, 1000);
	assert_int_equal(b->follows, WEFT_SCHED_NO_DEVICE);
	d = pool_pick(f.p);
	assert_ptr_equal(d.job, b);
	assert_ptr_equal(d.device, f.d[1]);
	pool_count(f.p, WEFT_REC_DECISION, &rec);
	assert_int_equal(rec.b, WEFT_REASON_CHOSEN);
	pool_free(f.p);
}

/* Followers have a depth of their own: they keep no places from others, nor others from them. */
static void test_depth(void **state)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_job *job[WEFT_SCHED_CHAIN_DEPTH + 3], *other[2];
	struct weft_rec rec;
	u32 i;

	f.d[0]->depth = 1;
	job[0] = job_on(&f, ~0ull);
	for (i = 1; i < ARRAY_SIZE(job); i++)
		job[i] = after(&f, job[i - 1]);
	for (i = 0; i <= WEFT_SCHED_CHAIN_DEPTH; i++) {
		bind(&f, job[i]);
		pool_count(f.p, WEFT_REC_DECISION, &rec);
		assert_int_equal(rec.b, WEFT_REASON_CHOSEN);
	}
	pool_pick_none(f.p);
	/* one place is left for those that follow nobody */
	for (i = 0; i < 2; i++)
		other[i] = job_on(&f, ~0ull);
	assert_ptr_equal(pool_pick(f.p).job, other[0]);
	pool_pick_none(f.p);
	/* job 1 follows no more, so that there is room for one that does; it has a place, too */
	pool_start(f.p, job[0]);
	pool_done(f.p, job[0], 1000);
	bind(&f, job[WEFT_SCHED_CHAIN_DEPTH + 1]);
	pool_pick_none(f.p);
	assert_int_equal(other[1]->state, WEFT_JOB_READY);
	pool_free(f.p);
}

/* A device on which it would be done sooner, transfers included, is worth waiting for. */
static void test_not_worth_it(void **state)
{
	struct fixture f = chained(1000, 700, 2);
	struct weft_sched_data *x = pool_data(f.p, 200, 1), *y = pool_data(f.p, 100, 1);
	const struct use reads[] = { { x, R, false }, { y, W, false } },
			 writes[] = { { x, R | W, false } };
	struct weft_sched_job *a, *b;

	a = pool_add(f.p, .client = f.c, .kernel = KERNEL, .devices = 1, .uses = writes,
		     .use_count = 1);
	b = pool_add(f.p, .client = f.c, .kernel = KERNEL, .uses = reads, .use_count = 1);
	bind(&f, a);
	/* up 200 ns, down 200 ns, 700 ns there; 1000 ns here */
	assert_int_equal(b->state, WEFT_JOB_READY);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, b, -ECANCELED, 0), 0);
	b = pool_add(f.p, .client = f.c, .kernel = KERNEL, .uses = &reads[1], .use_count = 1,
		     .after = &a, .after_count = 1);
	/* nothing to move: 700 ns there */
	assert_int_equal(b->state, WEFT_JOB_WAITING);
	pool_start(f.p, a);
	pool_done(f.p, a, 1000);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	pool_free(f.p);
}

/* Bytes that a predecessor makes on the device are not brought there. */
static void test_no_transfer(void **state)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_data *x = pool_data(f.p, 5000, 1);
	const struct use writes[] = { { x, W, false } }, reads[] = { { x, R, false } };
	struct weft_sched_job *a, *b;
	struct weft_sched_decision d;

	a = pool_add(f.p, .client = f.c, .kernel = KERNEL, .uses = writes, .use_count = 1);
	b = pool_add(f.p, .client = f.c, .kernel = KERNEL, .uses = reads, .use_count = 1);
	bind(&f, a);
	d = pool_pick(f.p);
	assert_ptr_equal(d.job, b);
	assert_int_equal(d.transfer, 0);
	assert_int_equal(d.start, 1000);
	pool_free(f.p);
}

/* Several predecessors: all of them must be there, and not too many. */
static void test_joins(void **state)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_job *from[5], *few, *many;
	u32 i;

	f.d[0]->depth = 8;
	for (i = 0; i < 5; i++)
		from[i] = job_on(&f, ~0ull);
	few = pool_add(f.p, .client = f.c, .kernel = KERNEL, .after = from, .after_count = 4);
	many = pool_add(f.p, .client = f.c, .kernel = KERNEL, .after = from, .after_count = 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(few->state, i < 4 ? WEFT_JOB_WAITING : WEFT_JOB_READY);
		pool_start(f.p, pool_pick(f.p).job);
	}
	assert_int_equal(many->state, WEFT_JOB_WAITING);
	pool_done(f.p, from[4], 1);
	assert_int_equal(many->state, WEFT_JOB_READY);
	assert_int_equal(many->follows, 0);
	pool_free(f.p);
}

/* Of another client, or to run in any case: not ahead of time. */
static void test_not_these(void **state)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_client *other = pool_client(f.p, pool_tenant(f.p, 100));
	struct weft_sched_job *a = job_on(&f, ~0ull), *theirs, *anyway;

	theirs = pool_add(f.p, .client = other, .kernel = KERNEL, .after = &a, .after_count = 1);
	anyway = pool_add(f.p, .client = f.c, .kernel = KERNEL, .after = &a, .after_count = 1,
			  .run_anyway = true);
	bind(&f, a);
	assert_int_equal(theirs->state, WEFT_JOB_WAITING);
	assert_int_equal(anyway->state, WEFT_JOB_WAITING);
	pool_free(f.p);
}

/* A failure reaches those that are placed, and those that are not, once each. */
static void test_failure(void **state)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_job *a = job_on(&f, ~0ull), *b = after(&f, a), *c = after(&f, b),
			      *d = after(&f, b);

	bind(&f, a);
	bind(&f, b);
	assert_int_equal(c->state, WEFT_JOB_READY);
	pool_start(f.p, a);
	assert_int_equal(weft_sched_job_done(&f.p->s, a, -EIO, 10, 0), 0);
	assert_int_equal(f.p->recalled, 1);
	assert_int_equal(f.p->last_recalled, b->id);
	assert_int_equal(b->state, WEFT_JOB_BOUND);
	assert_int_equal(f.p->poisoned, 0);
	/* whatever the device says */
	assert_int_equal(weft_sched_job_done(&f.p->s, b, 0, 10, 0), 0);
	assert_int_equal(c->state, WEFT_JOB_DONE);
	assert_int_equal(d->state, WEFT_JOB_DONE);
	assert_int_equal(f.p->poisoned, 2);
	pool_pick_none(f.p);
	pool_free(f.p);
}

/* What a device that is lost held goes back, in whatever order its caller finds out. */
static void lost(bool last_first)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_job *a = job_on(&f, ~0ull), *b = after(&f, a), *c = after(&f, b);
	struct weft_sched_job *order[3] = { a, b, c };
	struct weft_sched_device to;
	u32 i;

	bind(&f, a);
	bind(&f, b);
	bind(&f, c);
	to = *f.d[0];
	to.open = false;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &to, 0), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(weft_sched_job_return(&f.p->s, order[last_first ? 2 - i : i],
						       WEFT_RETURN_DEVICE_LOST, 0, 0), 0);
	assert_int_equal(a->state, WEFT_JOB_READY);
	assert_int_equal(b->state, WEFT_JOB_WAITING);
	assert_int_equal(c->state, WEFT_JOB_WAITING);
	pool_pick_none(f.p);
	to.open = true;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &to, 0), 0);
	bind(&f, a);
	bind(&f, b);
	pool_free(f.p);
}

static void test_lost(void **state)
{
	lost(false);
	lost(true);
}

/* While it binds, the one that it follows goes back. */
static void test_left_behind(void **state)
{
	struct fixture f = chained(1000, 0, 1);
	struct weft_sched_job *a = job_on(&f, ~0ull), *b = after(&f, a);
	u64 seq;

	bind(&f, a);
	assert_ptr_equal(pool_pick(f.p).job, b);
	assert_int_equal(weft_sched_job_return(&f.p->s, a, WEFT_RETURN_DRAIN, 0, 0), 0);
	seq = f.p->s.seq;
	assert_int_equal(weft_sched_job_bound(&f.p->s, b, 0), -EAGAIN);
	assert_int_equal(f.p->s.seq, seq);
	assert_int_equal(weft_sched_job_return(&f.p->s, b, WEFT_RETURN_DRAIN, 0, 0), 0);
	assert_int_equal(b->state, WEFT_JOB_WAITING);
	bind(&f, a);
	bind(&f, b);
	pool_free(f.p);
}

/* ---------------------------------------------------------------------------- at random */

#define JOBS	120
#define DATA	6

struct world {
	struct fixture f;
	u64 random;
	struct weft_sched_data *data[DATA];
	struct weft_sched_job *job[JOBS];
	u32 before[JOBS];	/* its explicit predecessor, + 1 */
	bool failed[JOBS];
	bool doomed[JOBS];
	u64 ahead;		/* jobs that were placed ahead of time */
};

static u64 rnd(struct world *w, u64 below)
{
	w->random = weft_mix64(w->random + 0x9e3779b97f4a7c15ull);
	return w->random % below;
}

static void submit(struct world *w, u32 i)
{
	struct use use[2];
	struct weft_sched_job *from = NULL;
	u32 j;

	for (j = 0; j < 2; j++)
		use[j] = (struct use){ w->data[(i + rnd(w, 2) + j * 3) % DATA],
				       rnd(w, 2) ? R : R | W, false };
	if (i && rnd(w, 2)) {
		w->before[i] = i - (u32)rnd(w, i < 6 ? i : 6);
		from = w->job[w->before[i] - 1];
	}
	w->job[i] = pool_add(w->f.p, .client = w->f.c, .kernel = KERNEL + rnd(w, 2),
			     .run_anyway = !rnd(w, 8), .uses = use, .use_count = 2,
			     .after = &from, .after_count = from ? 1 : 0);
}

/* Jobs that were recalled end as soon as nothing before them is placed or waits. */
static void step(struct world *w, u32 submitted)
{
	struct weft_sched *s = &w->f.p->s;
	struct weft_sched_decision d;
	u32 i = (u32)rnd(w, submitted);
	struct weft_sched_job *job = w->job[i];

	w->f.p->now += rnd(w, 300);
	while (rnd(w, 4) && weft_sched_pick(s, w->f.p->now, &d))
		w->ahead += d.job->open > 0;
	switch (job->state) {
	case WEFT_JOB_BINDING:
		if (!rnd(w, 10) || weft_sched_job_bound(s, job, w->f.p->now))
			weft_sched_job_return(s, job, WEFT_RETURN_DRAIN, 0, w->f.p->now);
		break;
	case WEFT_JOB_BOUND:
		if (!job->open && !job->poisoned)
			weft_sched_job_running(s, job, w->f.p->now);
		break;
	default:
		break;
	}
	if (job->state >= WEFT_JOB_BOUND && job->state < WEFT_JOB_DONE && !rnd(w, 20)) {
		weft_sched_job_return(s, job, WEFT_RETURN_DEVICE_LOST, 0, w->f.p->now);
	} else if ((job->state == WEFT_JOB_RUNNING || job->poisoned) && !job->open &&
		   job->state >= WEFT_JOB_BINDING && job->state < WEFT_JOB_DONE) {
		w->failed[i] = job->poisoned || !rnd(w, 12);
		assert_int_equal(weft_sched_job_done(s, job, w->failed[i] ? -EIO : 0,
						     rnd(w, 500), w->f.p->now), 0);
	}
	if (job->poisoned && job->state <= WEFT_JOB_READY)
		assert_int_equal(weft_sched_job_cancel(s, job, -ECANCELED, w->f.p->now), 0);
}

static u64 play(u64 seed)
{
	struct world w = { .random = seed };
	struct weft_replay_log log;
	struct weft_replay_result result;
	u32 i, submitted = 0, left = 1;

	w.f = chained(1000, 1000, 1 + (u32)(seed % 2));
	for (i = 0; i < DATA; i++)
		w.data[i] = pool_data(w.f.p, 100, 1);
	while (submitted < JOBS || left) {
		if (submitted < JOBS && !rnd(&w, 3))
			submit(&w, submitted++);
		if (submitted)
			step(&w, submitted);
		for (i = 0, left = 0; i < submitted; i++)
			left += w.job[i]->state != WEFT_JOB_DONE;
	}
	for (i = 0; i < JOBS; i++) {
		u32 from = w.before[i];
		bool bad = from && (w.failed[from - 1] || w.job[from - 1]->poisoned);

		if (bad && !w.job[i]->run_anyway)
			assert_true(w.job[i]->poisoned);
	}
	assert_int_equal(w.f.d[0]->outstanding, 0);
	log = (struct weft_replay_log){ .rec = w.f.p->log, .count = w.f.p->log_count };
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_false(result.differs);
	pool_free(w.f.p);
	return w.ahead;
}

static void test_random(void **state)
{
	u64 seed, ahead = 0;

	for (seed = 1; seed <= 60; seed++)
		ahead += play(seed);
	/* else nothing was tested */
	assert_in_range(ahead, 200, JOBS * 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_not_asked_for),
		cmocka_unit_test(test_restricted),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_not_worth_it),
		cmocka_unit_test(test_no_transfer),
		cmocka_unit_test(test_joins),
		cmocka_unit_test(test_not_these),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
