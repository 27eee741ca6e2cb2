// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a job: states, edges, hazards, poison.
 *
 * DOC: tests of job life
 *
 * Each case is worked out by hand from the rules at the head of scheduler/job.c.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "pool.h"

struct fixture {
	struct pool *p;
	struct weft_sched_client *c;
	struct weft_sched_device *d;
	struct weft_sched_data *x;
};

static struct fixture setup(void)
{
	struct fixture f = { .p = pool_new("eft") };

	f.c = pool_client(f.p, pool_tenant(f.p, 100));
	f.d = pool_device(f.p, 0, 1024);
	f.x = pool_data(f.p, 1000, 1);
	return f;
}

static struct weft_sched_job *use(struct fixture *f, u32 access, bool no_implicit, bool anyway)
{
	struct use u = { f->x, access, no_implicit };

	return pool_add(f->p, .client = f->c, .uses = &u, .use_count = 1, .run_anyway = anyway);
}

static struct weft_sched_job *after(struct fixture *f, struct weft_sched_job *from, bool anyway)
{
	return pool_add(f->p, .client = f->c, .after = &from, .after_count = 1,
			.run_anyway = anyway);
}

/* run a READY job that must be picked next, to its end */
static void run(struct fixture *f, struct weft_sched_job *job, int error)
{
	struct weft_sched_decision d = pool_pick(f->p);

	assert_ptr_equal(d.job, job);
	pool_start(f->p, job);
	assert_int_equal(weft_sched_job_done(&f->p->s, job, error, 10, f->p->now), 0);
	assert_int_equal(job->state, WEFT_JOB_DONE);
}

static void test_life(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *job;

	f.p->now = 5;
	job = pool_job(f.p, f.c, 1);
	assert_int_equal(job->state, WEFT_JOB_READY);
	assert_int_equal(job->ready_time, 5);
	assert_int_equal(job->device, WEFT_SCHED_NO_DEVICE);
	assert_int_equal(f.p->ready, 1);
	pool_pick(f.p);
	assert_int_equal(f.d->outstanding, 1);
	pool_start(f.p, job);
	pool_done(f.p, job, 70);
	assert_int_equal(f.d->outstanding, 0);
	assert_int_equal(f.d->busy_ns, 70);
	assert_int_equal(f.c->busy_ns, 70);
	assert_int_equal(job->moves, 0);
	assert_int_equal(job->device, 0);
	weft_sched_job_forget(&f.p->s, job);
	pool_free(f.p);
}

/* Bring a fresh job into @state; its predecessor, if it has one, in *@pre. */
static struct weft_sched_job *reach(struct fixture *f, u32 state, struct weft_sched_job **pre)
{
	struct weft_sched_job *job;

	*pre = NULL;
	if (state == WEFT_JOB_WAITING) {
		*pre = pool_job(f->p, f->c, 1);
		return after(f, *pre, false);
	}
	job = pool_job(f->p, f->c, 1);
	if (state >= WEFT_JOB_BINDING)
		pool_pick(f->p);
	if (state >= WEFT_JOB_BOUND)
		assert_int_equal(weft_sched_job_bound(&f->p->s, job, 0), 0);
	if (state >= WEFT_JOB_RUNNING)
		assert_int_equal(weft_sched_job_running(&f->p->s, job, 0), 0);
	if (state >= WEFT_JOB_DONE)
		assert_int_equal(weft_sched_job_done(&f->p->s, job, 0, 1, 0), 0);
	return job;
}

/* Every call in every state: it is legal and leads where it should, or is refused unchanged. */
static void test_transitions(void **state)
{
	enum { BOUND, RUNNING, DONE, RETURN, CANCEL, CALLS };
	/* bound, running, done, return, cancel; -1: refused */
	static const int leads[6][CALLS] = {
		[WEFT_JOB_WAITING] = { -1, -1, -1, -1, WEFT_JOB_DONE },
		[WEFT_JOB_READY] = { -1, -1, -1, -1, WEFT_JOB_DONE },
		[WEFT_JOB_BINDING] = { WEFT_JOB_BOUND, -1, WEFT_JOB_DONE, WEFT_JOB_READY, -1 },
		[WEFT_JOB_BOUND] = { -1, WEFT_JOB_RUNNING, WEFT_JOB_DONE, WEFT_JOB_READY, -1 },
		[WEFT_JOB_RUNNING] = { -1, -1, WEFT_JOB_DONE, WEFT_JOB_READY, -1 },
		[WEFT_JOB_DONE] = { -1, -1, -1, -1, -1 },
	};
	u32 from, call;

	for (from = WEFT_JOB_WAITING; from <= WEFT_JOB_DONE; from++) {
		for (call = 0; call < CALLS; call++) {
			struct fixture f = setup();
			struct weft_sched *s = &f.p->s;
			struct weft_sched_job *pre;
			struct weft_sched_job *job = reach(&f, from, &pre);
			u64 seq = s->seq;
			int ret = 0;

			assert_int_equal(job->state, from);
			switch (call) {
			case BOUND:
				ret = weft_sched_job_bound(s, job, 0);
				break;
			case RUNNING:
				ret = weft_sched_job_running(s, job, 0);
				break;
			case DONE:
				ret = weft_sched_job_done(s, job, 0, 1, 0);
				break;
			case RETURN:
				ret = weft_sched_job_return(s, job, WEFT_RETURN_DRAIN, 1, 0);
				break;
			case CANCEL:
				ret = weft_sched_job_cancel(s, job, -ECANCELED, 0);
				break;
			}
			if (leads[from][call] < 0) {
				assert_int_equal(ret, -EINVAL);
				assert_int_equal(job->state, from);
				assert_int_equal(s->seq, seq);
			} else {
				assert_int_equal(ret, 0);
				assert_int_equal(job->state, leads[from][call]);
				assert_int_equal(s->seq, seq + 1);
			}
			pool_free(f.p);
		}
	}
}

/* a BOUND job that was set aside */
static struct weft_sched_job *aside(struct fixture *f, struct weft_sched_client *c)
{
	struct weft_sched_job *job = pool_job(f->p, c, 1);

	assert_ptr_equal(pool_pick(f->p).job, job);
	assert_int_equal(weft_sched_job_bound(&f->p->s, job, f->p->now), 0);
	assert_int_equal(weft_sched_job_aside(&f->p->s, job, f->p->now), 0);
	assert_int_equal(job->state, WEFT_JOB_BOUND);
	assert_int_equal(job->aside, WEFT_ASIDE_WAITS);
	return job;
}

/* aside and due are for BOUND jobs, in that order; refused calls leave no record */
static void test_aside_transitions(void **state)
{
	u32 from;

	for (from = WEFT_JOB_WAITING; from <= WEFT_JOB_DONE; from++) {
		struct fixture f = setup();
		struct weft_sched *s = &f.p->s;
		struct weft_sched_job *pre, *job = reach(&f, from, &pre);
		bool may = from == WEFT_JOB_BOUND;
		u64 seq = s->seq;

		assert_int_equal(weft_sched_job_due(s, job, 0), -EINVAL);
		assert_int_equal(s->seq, seq);
		assert_int_equal(weft_sched_job_aside(s, job, 0), may ? 0 : -EINVAL);
		assert_int_equal(s->seq, seq + may);
		assert_int_equal(job->state, from);
		if (may) {
			assert_int_equal(weft_sched_job_aside(s, job, 0), -EINVAL);
			assert_int_equal(weft_sched_job_running(s, job, 0), -EINVAL);
			assert_int_equal(weft_sched_job_cancel(s, job, -EINTR, 0), -EINVAL);
			assert_int_equal(weft_sched_job_due(s, job, 0), 0);
			assert_int_equal(weft_sched_job_due(s, job, 0), -EINVAL);
			assert_int_equal(weft_sched_job_running(s, job, 0), -EINVAL);
			assert_int_equal(s->seq, seq + 2);
			run(&f, job, 0);
			assert_int_equal(job->moves, 0);
		}
		pool_free(f.p);
	}
}

/* it ends from there, waiting or due, and it may go back to READY */
static void test_aside_ends(void **state)
{
	struct fixture f = setup();
	struct weft_sched *s = &f.p->s;
	struct weft_sched_job *job;
	u32 i;

	for (i = 0; i < 4; i++) {
		job = aside(&f, f.c);
		assert_int_equal(f.d->outstanding, 0);
		assert_int_equal(weft_sched_device_remove(s, f.d, 0), -EBUSY);
		if (i & 1)
			assert_int_equal(weft_sched_job_due(s, job, 0), 0);
		if (i & 2) {
			assert_int_equal(weft_sched_job_return(s, job, WEFT_RETURN_DRAIN, 0, 0), 0);
			assert_int_equal(job->state, WEFT_JOB_READY);
			assert_int_equal(job->moves, 1);
			run(&f, job, 0);
		} else {
			assert_int_equal(weft_sched_job_done(s, job, -ETIME, 0, 0), 0);
		}
		assert_int_equal(job->state, WEFT_JOB_DONE);
		assert_int_equal(job->aside, WEFT_ASIDE_NOT);
		assert_int_equal(f.d->outstanding, 0);
		pool_pick_none(f.p);
	}
	assert_int_equal(weft_sched_device_remove(s, f.d, 0), 0);
	pool_free(f.p);
}

static void test_unknown_job(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job job = { .id = 1 };
	struct weft_sched *s = &f.p->s;

	assert_int_equal(weft_sched_job_cancel(s, &job, -ECANCELED, 0), -EINVAL);
	assert_int_equal(weft_sched_job_bound(s, &job, 0), -EINVAL);
	assert_int_equal(weft_sched_job_done(s, &job, 0, 0, 0), -EINVAL);
	assert_int_equal(weft_sched_job_aside(s, &job, 0), -EINVAL);
	assert_int_equal(weft_sched_job_due(s, &job, 0), -EINVAL);
	weft_sched_job_forget(s, &job);
	pool_free(f.p);
}

/* a writer that runs anyway and lets readers be hides no reader that a cancelled one waited for */
static void test_reader_behind_anyway(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *reader = use(&f, R, false, false), *cancelled, *anyway, *writer;

	assert_ptr_equal(pool_pick(f.p).job, reader);
	pool_start(f.p, reader);
	cancelled = use(&f, W, false, false);
	anyway = use(&f, W, true, true);
	writer = use(&f, W, false, false);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, cancelled, -ECANCELED, 0), 0);
	run(&f, anyway, 0);
	assert_int_equal(writer->state, WEFT_JOB_WAITING);
	pool_done(f.p, reader, 1);
	run(&f, writer, 0);
	pool_free(f.p);
}

static void test_raw(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *w = use(&f, W, false, false);
	struct weft_sched_job *r = use(&f, R, false, false);

	assert_int_equal(r->state, WEFT_JOB_WAITING);
	run(&f, w, 0);
	assert_int_equal(r->state, WEFT_JOB_READY);
	assert_int_equal(f.x->valid, 2);
	pool_free(f.p);
}

static void test_war_and_waw(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *r1 = use(&f, R, false, false);
	struct weft_sched_job *r2 = use(&f, R, false, false);
	struct weft_sched_job *w1 = use(&f, W, false, false);
	struct weft_sched_job *w2 = use(&f, W, false, false);

	assert_int_equal(r2->state, WEFT_JOB_READY);
	assert_int_equal(w1->edge_count, 2);
	assert_int_equal(w2->edge_count, 1);
	run(&f, r1, 0);
	assert_int_equal(w1->state, WEFT_JOB_WAITING);
	run(&f, r2, 0);
	assert_int_equal(w1->state, WEFT_JOB_READY);
	assert_int_equal(w2->state, WEFT_JOB_WAITING);
	run(&f, w1, 0);
	assert_int_equal(w2->state, WEFT_JOB_READY);
	pool_free(f.p);
}

/* A writer waits for the last writer and the readers since, not for readers before it. */
static void test_readers_since(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *w2;

	use(&f, R, false, false);
	use(&f, W, false, false);
	use(&f, R, false, false);
	use(&f, R, false, false);
	w2 = use(&f, R | W, false, false);
	assert_int_equal(w2->edge_count, 3);
	pool_free(f.p);
}

static void test_no_implicit(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *w1 = use(&f, W, false, false);
	struct weft_sched_job *r = use(&f, R, true, false);
	struct weft_sched_job *w2 = use(&f, W, true, false);
	struct weft_sched_job *w3;

	assert_int_equal(r->state, WEFT_JOB_READY);
	/* never dropped between writers, dropped towards the reader */
	assert_int_equal(w2->edge_count, 1);
	assert_ptr_equal(w2->edges[0].from, w1);
	/* w2 did not wait for the reader, so w3 must */
	w3 = use(&f, W, false, false);
	assert_int_equal(w3->edge_count, 2);
	assert_ptr_equal(w3->edges[0].from, w2);
	assert_ptr_equal(w3->edges[1].from, r);
	pool_free(f.p);
}

/* A writer that is cancelled may not open the buffer while the writer before it runs. */
static void test_order_survives_cancel(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *w1 = use(&f, W, false, false);
	struct weft_sched_job *w2 = use(&f, W, false, false);
	struct weft_sched_job *anyway = use(&f, R, false, true);
	struct weft_sched_job *writer = use(&f, W, false, true);
	struct weft_sched_job *r;

	assert_int_equal(anyway->edge_count, 2);
	assert_int_equal(writer->edge_count, 3);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, w2, -ECANCELED, 0), 0);
	assert_int_equal(anyway->state, WEFT_JOB_WAITING);
	assert_true(weft_sched_data_busy(f.x, R));
	r = use(&f, R, false, false);
	assert_int_equal(r->state, WEFT_JOB_WAITING);
	run(&f, w1, 0);
	assert_int_equal(anyway->state, WEFT_JOB_READY);
	assert_int_equal(writer->state, WEFT_JOB_WAITING);
	pool_free(f.p);
}

static void test_data_busy(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *job;

	assert_false(weft_sched_data_busy(f.x, R));
	assert_false(weft_sched_data_busy(f.x, W));
	job = use(&f, R, false, false);
	assert_false(weft_sched_data_busy(f.x, R));
	assert_true(weft_sched_data_busy(f.x, W));
	run(&f, job, 0);
	assert_false(weft_sched_data_busy(f.x, W));
	job = use(&f, W, false, false);
	assert_true(weft_sched_data_busy(f.x, R));
	run(&f, job, 0);
	assert_false(weft_sched_data_busy(f.x, R));
	pool_free(f.p);
}

static void test_explicit_edges(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *a = pool_job(f.p, f.c, 1);
	struct weft_sched_job *b = pool_job(f.p, f.c, 1);
	struct weft_sched_job *both[] = { a, b };
	struct weft_sched_job *job, *late;

	job = pool_add(f.p, .client = f.c, .after = both, .after_count = 2);
	run(&f, a, 0);
	assert_int_equal(job->state, WEFT_JOB_WAITING);
	run(&f, b, 0);
	assert_int_equal(job->state, WEFT_JOB_READY);
	late = after(&f, a, false);
	assert_int_equal(late->state, WEFT_JOB_READY);
	pool_free(f.p);
}

static void test_poison(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *a = pool_job(f.p, f.c, 1);
	struct weft_sched_job *b = after(&f, a, false);
	struct weft_sched_job *c = after(&f, b, false);
	struct weft_sched_job *anyway = after(&f, c, true);
	struct weft_sched_job *late;
	struct weft_rec rec;

	run(&f, a, -EIO);
	assert_int_equal(b->state, WEFT_JOB_DONE);
	assert_int_equal(c->state, WEFT_JOB_DONE);
	assert_true(b->poisoned && c->poisoned);
	assert_int_equal(f.p->poisoned, 2);
	assert_int_equal(f.p->last_poisoned, c->id);
	assert_int_equal(pool_count(f.p, WEFT_REC_POISONED, &rec), 2);
	assert_int_equal(rec.id, c->id);
	assert_int_equal(rec.arg[0], b->id);
	assert_false(anyway->poisoned);
	assert_int_equal(anyway->state, WEFT_JOB_READY);
	f.p->now = 77;
	late = after(&f, a, false);
	assert_int_equal(late->state, WEFT_JOB_DONE);
	assert_true(late->poisoned);
	assert_int_equal(f.p->poisoned, 3);
	pool_count(f.p, WEFT_REC_POISONED, &rec);
	assert_int_equal(rec.time, 77);
	assert_int_equal(rec.arg[0], a->id);
	late = after(&f, a, true);
	assert_int_equal(late->state, WEFT_JOB_READY);
	run(&f, anyway, 0);
	run(&f, late, 0);
	assert_int_equal(f.c->job_count, 0);
	pool_free(f.p);
}

/* Two failed predecessors, and one that is still running: poisoned once. */
static void test_poison_once(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *a = pool_job(f.p, f.c, 1);
	struct weft_sched_job *b = after(&f, a, false);
	struct weft_sched_job *open = pool_job(f.p, f.c, 1);
	struct weft_sched_job *pre[] = { a, b, open };
	struct weft_sched_job *job;

	job = pool_add(f.p, .client = f.c, .after = pre, .after_count = 3);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, a, -ECANCELED, 0), 0);
	assert_int_equal(f.p->poisoned, 2);
	assert_true(job->poisoned);
	run(&f, open, 0);
	assert_int_equal(f.p->poisoned, 2);
	pool_free(f.p);
}

static void test_poison_long_chain(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *first = pool_job(f.p, f.c, 1);
	struct weft_sched_job *last = first;
	u32 i;

	for (i = 0; i < 100000; i++)
		last = after(&f, last, false);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, first, -ECANCELED, 0), 0);
	assert_int_equal(f.p->poisoned, 100000);
	assert_int_equal(f.p->last_poisoned, last->id);
	assert_int_equal(f.c->job_count, 0);
	pool_free(f.p);
}

static void test_cancel_ready(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *job = pool_job(f.p, f.c, 1);
	struct weft_rec rec;

	assert_int_equal(weft_sched_job_cancel(&f.p->s, job, 0, 0), -EINVAL);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, job, -ETIME, 0), 0);
	assert_int_equal(pool_count(f.p, WEFT_REC_JOB_CANCEL, &rec), 1);
	assert_int_equal((s64)rec.arg[0], -ETIME);
	assert_int_equal(job->error, -ETIME);
	assert_false(job->poisoned);
	pool_pick_none(f.p);
	pool_free(f.p);
}

static void test_return(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *job = use(&f, R, false, false);
	struct weft_sched_job *next = pool_job(f.p, f.c, 1);

	pool_pick(f.p);
	pool_start(f.p, job);
	assert_int_equal(weft_sched_job_return(&f.p->s, job, WEFT_RETURN_DEVICE_LOST, 30, 9), 0);
	assert_int_equal(job->state, WEFT_JOB_READY);
	assert_int_equal(job->moves, 1);
	assert_int_equal(job->device, WEFT_SCHED_NO_DEVICE);
	assert_int_equal(f.d->outstanding, 0);
	assert_int_equal(f.d->busy_ns, 30);
	assert_int_equal(f.c->busy_ns, 30);
	assert_int_equal(job->ready_time, 9);
	assert_int_equal(f.x->arriving, 0);
	/* it is not learned from, and another device takes it */
	assert_int_equal(weft_sched_estimate(&f.p->s, job, f.d), 0);
	f.d->open = true;
	run(&f, job, 0);
	assert_int_equal(next->state, WEFT_JOB_READY);
	pool_free(f.p);
}

static void test_submit_errors(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *pre = use(&f, W, false, false);
	struct weft_sched_ref ref = { .data = f.x, .bytes = 1, .access = R };
	struct weft_sched_edge edges[2] = { { .from = pre } };
	struct weft_sched_job good = {
		.id = 99, .client = f.c, .size = 1, .devices = 1, .priority = 7,
		.service = WEFT_SERVICE_BEST_EFFORT, .refs = &ref, .ref_count = 1,
	};
	struct weft_sched_job unknown = { .id = 98 };
	struct weft_sched_job bad;
	u64 seq = f.p->s.seq;
	u32 i;

	for (i = 0; i < 9; i++) {
		bad = good;
		ref.access = R;
		ref.data = f.x;
		edges[0].from = pre;
		switch (i) {
		case 0:
			bad.client = NULL;
			break;
		case 1:
			bad.devices = 0;
			break;
		case 2:
			bad.size = 0;
			break;
		case 3:
			bad.priority = 8;
			break;
		case 4:
			bad.service = WEFT_SERVICE_COUNT;
			break;
		case 5:
			ref.data = NULL;
			break;
		case 6:
			ref.access = 0;
			break;
		case 7:
			ref.access = 4;
			break;
		case 8:
			edges[0].from = &unknown;
			break;
		}
		assert_int_equal(weft_sched_job_submit(&f.p->s, &bad, edges, 2, 1, 0), -EINVAL);
		assert_false(bad.known);
	}
	edges[0].from = NULL;
	bad = good;
	assert_int_equal(weft_sched_job_submit(&f.p->s, &bad, edges, 2, 1, 0), -EINVAL);
	edges[0].from = pre;
	bad.ref_count = 0x10000;
	assert_int_equal(weft_sched_job_submit(&f.p->s, &bad, edges, 2, 1, 0), -EINVAL);
	bad = good;
	ref.access = R;
	ref.data = f.x;
	assert_int_equal(weft_sched_job_edges(&f.p->s, &bad), 1);
	assert_int_equal(weft_sched_job_submit(&f.p->s, &bad, edges, 1, 1, 0), -ENOSPC);
	assert_int_equal(weft_sched_job_submit(&f.p->s, &bad, edges, 0, 1, 0), -ENOSPC);
	assert_int_equal(f.p->s.seq, seq);
	assert_int_equal(f.c->job_count, 1);
	assert_ptr_equal(edges[0].from, pre);
	assert_int_equal(weft_sched_job_submit(&f.p->s, &bad, edges, 2, 1, 0), 0);
	assert_int_equal(weft_sched_job_submit(&f.p->s, &bad, edges, 2, 1, 0), -EINVAL);
	assert_int_equal(bad.open, 2);
	pool_free(f.p);
}

/* Each ref and each edge is looked at, not only the first. */
static void test_submit_looks_at_all(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *pre = pool_job(f.p, f.c, 1);
	struct weft_sched_ref refs[2] = {
		{ .data = f.x, .bytes = 1, .access = R }, { .data = f.x, .bytes = 1, .access = 0 },
	};
	struct weft_sched_job job = {
		.id = 99, .client = f.c, .size = 1, .devices = 1, .refs = refs, .ref_count = 2,
	};
	struct weft_sched_edge edges[2] = { { .from = pre }, { .from = NULL } };

	assert_int_equal(weft_sched_job_submit(&f.p->s, &job, edges, 0, 0, 0), -EINVAL);
	job.ref_count = 1;
	assert_int_equal(weft_sched_job_submit(&f.p->s, &job, edges, 2, 2, 0), -EINVAL);
	assert_int_equal(f.c->job_count, 1);
	pool_free(f.p);
}

static void test_most_refs(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *job = pool_alloc(f.p, sizeof(*job));
	u32 i;

	job->id = 99;
	job->client = f.c;
	job->size = 1;
	job->devices = 1;
	job->ref_count = 0xffff;
	job->refs = pool_alloc(f.p, job->ref_count * sizeof(*job->refs));
	for (i = 0; i < job->ref_count; i++)
		job->refs[i] = (struct weft_sched_ref){ .data = f.x, .bytes = 1, .access = R };
	assert_int_equal(weft_sched_job_submit(&f.p->s, job, NULL, 0, 0, 0), 0);
	pool_free(f.p);
}

/* All of several outputs and transfers are settled. */
static void test_many_outputs(void **state)
{
	struct fixture f = setup();
	struct weft_sched_data *y = pool_data(f.p, 10, 1), *z = pool_data(f.p, 10, 1);
	struct use uses[] = { { y, R | W, false }, { z, R | W, false } };
	struct weft_sched_job *job;

	job = pool_add(f.p, .client = f.c, .uses = uses, .use_count = 2);
	pool_pick(f.p);
	assert_int_equal(y->arriving & z->arriving, 2);
	pool_start(f.p, job);
	pool_done(f.p, job, 10);
	assert_int_equal(y->arriving | z->arriving, 0);
	assert_int_equal(y->valid, 2);
	assert_int_equal(z->valid, 2);
	pool_free(f.p);
}

/* A failed job's outputs are not made valid anywhere; a successful one's only on the device. */
static void test_outputs(void **state)
{
	struct fixture f = setup();
	struct weft_sched_job *job = use(&f, R | W, false, false);

	run(&f, job, -EIO);
	assert_int_equal(f.x->valid, 1);
	job = use(&f, R, false, false);
	run(&f, job, 0);
	assert_int_equal(f.x->valid, 1);
	job = use(&f, R | W, false, false);
	run(&f, job, 0);
	assert_int_equal(f.x->valid, 2);
	pool_free(f.p);
}

/* What others took of a run is charged, logged, and not believed. */
static void test_disturbed(void **state)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_device *d = pool_device(p, 0, WEFT_PRICE_UNIT);
	struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
	struct weft_sched_job *job;
	struct weft_rec rec;
	u64 usual;
	u32 i;

	(void)state;
	for (i = 0; i < 16; i++)
		pool_teach(p, c, 5, d, 1000);
	job = pool_job(p, c, 5);
	usual = weft_sched_learned(&p->s, job, d);
	assert_int_equal(usual, 1000);
	pool_pick(p);
	pool_start(p, job);
	job->disturbed = true;
	pool_done(p, job, 1000000);
	assert_int_equal(pool_count(p, WEFT_REC_JOB_DONE, &rec), p->job_id);
	assert_int_equal(rec.a, 1);
	assert_int_equal(rec.arg[0], 1000000);
	assert_true(d->busy_ns >= 1000000);
	job = pool_job(p, c, 5);
	assert_int_equal(weft_sched_learned(&p->s, job, d), usual);
	pool_pick(p);
	pool_start(p, job);
	pool_done(p, job, 1000000);
	assert_true(weft_sched_learned(&p->s, job, d) > usual);
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disturbed),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_transitions),
		cmocka_unit_test(test_unknown_job),
		cmocka_unit_test(test_aside_transitions),
		cmocka_unit_test(test_aside_ends),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_reader_behind_anyway),
		cmocka_unit_test(test_war_and_waw),
		cmocka_unit_test(test_readers_since),
		cmocka_unit_test(test_no_implicit),
		cmocka_unit_test(test_order_survives_cancel),
		cmocka_unit_test(test_data_busy),
		cmocka_unit_test(test_explicit_edges),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_poison_once),
		cmocka_unit_test(test_poison_long_chain),
		cmocka_unit_test(test_cancel_ready),
		cmocka_unit_test(test_return),
		cmocka_unit_test(test_submit_errors),
		cmocka_unit_test(test_submit_looks_at_all),
		cmocka_unit_test(test_most_refs),
		cmocka_unit_test(test_many_outputs),
		cmocka_unit_test(test_outputs),
	};

	return cmocka_run_group_tests_name("job life", tests, NULL, NULL);
}
