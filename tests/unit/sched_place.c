// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement: transfers, candidates, policies, the walk.
 *
 * DOC: tests of placement
 *
 * Devices are those of place.h. All figures are worked out by hand.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "place.h"

#define HOST	1ull

static struct weft_sched_job *job_with(struct fixture *f, struct weft_sched_data *data, u32 access)
{
	struct use u = { data, access, false };

	return pool_add(f->p, .client = f->c, .kernel = KERNEL, .uses = &u, .use_count = 1);
}

/* What the log says about @device after the last record of @type. */
static struct weft_rec candidate(struct fixture *f, u32 type, u32 device)
{
	struct weft_rec none = { 0 };
	size_t i = f->p->log_count;

	while (i && f->p->log[i - 1].type != type)
		i--;
	assert_true(i > 0);
	for (; i < f->p->log_count && f->p->log[i].type == WEFT_REC_CANDIDATE; i++) {
		if (f->p->log[i].a == device)
			return f->p->log[i];
	}
	fail_msg("device %u was not looked at", device);
	return none;
}

static u16 reason(struct fixture *f, u32 type, u32 device)
{
	return candidate(f, type, device).b;
}

static void test_fastest(void **state)
{
	struct fixture f = setup("eft", 500, 100, 300);
	struct weft_sched_decision d;
	struct weft_rec rec;

	f.p->now = 50;
	job_on(&f, U64_MAX);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[1]);
	assert_int_equal(d.start, 50);
	assert_int_equal(d.run, 100);
	assert_int_equal(d.transfer, 0);
	assert_int_equal(d.job->est_run, 100);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_LATER);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_CHOSEN);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 2), WEFT_REASON_LATER);
	assert_int_equal(pool_count(f.p, WEFT_REC_DECISION, &rec), 4);
	assert_int_equal(rec.id, d.job->id);
	assert_int_equal(rec.a, 1);
	assert_int_equal(rec.arg[0], 50);
	assert_int_equal(rec.arg[1], 0);
	assert_int_equal(rec.arg[2], 100);
	assert_int_equal(rec.arg[3], 150);
	rec = candidate(&f, WEFT_REC_DECISION, 2);
	assert_int_equal(rec.arg[3], 350);
	pool_free(f.p);
}

/* The fast device would wait for its input: 1000 bytes against 500 ns. */
static void test_transfer_decides(void **state)
{
	struct fixture f = setup("eft", 100, 500, 0);
	struct weft_sched_decision d;
	struct weft_rec rec;

	job_with(&f, pool_data(f.p, 1000, 4), R);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[1]);
	assert_int_equal(d.transfer, 0);
	rec = candidate(&f, WEFT_REC_DECISION, 0);
	/* up from device 1, then down: store and forward */
	assert_int_equal(rec.arg[0], 2000);
	assert_int_equal(rec.arg[1], 2000);
	assert_int_equal(rec.arg[3], 2100);
	pool_free(f.p);
}

static void test_transfer_from_host(void **state)
{
	struct fixture f = setup("eft", 100, 500, 0);
	struct weft_sched_device slow = *f.d[1];
	struct weft_sched_decision d;

	slow.down.bandwidth = 100;
	slow.down.latency = 7;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[1], &slow, 0), 0);
	f.p->now = 10;
	job_with(&f, pool_data(f.p, 300, HOST), R);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[0]);
	assert_int_equal(d.start, 310);
	assert_int_equal(d.transfer, 300);
	assert_int_equal(d.job->est_data, 310);
	assert_int_equal(candidate(&f, WEFT_REC_DECISION, 1).arg[1], 3007);
	assert_int_equal(f.d[0]->down_free, 310);
	assert_int_equal(f.d[1]->down_free, 10);
	pool_free(f.p);
}

/* Only bytes that are needed and not there cross a link. */
static void test_no_transfer(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_data *blank = pool_data(f.p, 1000, 0);
	struct weft_sched_data *here = pool_data(f.p, 1000, HOST | 2);
	struct weft_sched_data *out = pool_data(f.p, 1000, HOST);
	struct use uses[] = { { blank, R, false }, { here, R, false }, { out, W, false } };
	struct weft_sched_decision d;

	pool_add(f.p, .client = f.c, .kernel = KERNEL, .uses = uses, .use_count = 3);
	d = pool_pick(f.p);
	assert_int_equal(d.transfer, 0);
	assert_int_equal(d.start, 0);
	pool_free(f.p);
}

/* A write of a part needs the other bytes. */
static void test_partial_write(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_ref ref = { .data = pool_data(f.p, 1000, HOST), .bytes = 999,
				      .access = W };
	struct weft_sched_job job = { .id = 77, .client = f.c, .kernel = KERNEL, .size = 1,
				      .devices = 1, .refs = &ref, .ref_count = 1,
				      .service = WEFT_SERVICE_BATCH };

	assert_int_equal(weft_sched_job_submit(&f.p->s, &job, NULL, 0, 0, 0), 0);
	assert_int_equal(pool_pick(f.p).transfer, 1000);
	pool_free(f.p);
}

/* Transfers to one device queue on its link; one that is under way is not counted again. */
static void test_link_queues(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_data *a = pool_data(f.p, 1000, HOST);
	struct weft_sched_data *b = pool_data(f.p, 500, HOST);
	struct weft_sched_decision d;

	job_with(&f, a, R);
	job_with(&f, b, R);
	d = pool_pick(f.p);
	assert_int_equal(d.start, 1000);
	assert_int_equal(a->arriving, 2);
	d = pool_pick(f.p);
	assert_int_equal(d.transfer, 500);
	assert_int_equal(d.start, 1500);
	f.d[0]->credits = 4;
	job_with(&f, a, R);
	d = pool_pick(f.p);
	assert_int_equal(d.transfer, 0);
	assert_int_equal(d.job->est_data, 1500);
	weft_sched_data_set(&f.p->s, a, HOST | 2, 0);
	assert_int_equal(a->arriving, 0);
	job_with(&f, a, R);
	assert_int_equal(pool_pick(f.p).job->est_data, 0);
	pool_free(f.p);
}

/* Two inputs from one device queue on its way up; of two holders the earlier one is taken. */
static void test_up_links(void **state)
{
	struct fixture f = setup("eft", 100, 900000, 900000);
	struct weft_sched_data *a = pool_data(f.p, 1000, 4);
	struct weft_sched_data *b = pool_data(f.p, 1000, 4);
	struct weft_sched_data *c = pool_data(f.p, 1000, 4 | 8);
	struct use uses[] = { { a, R, false }, { b, R, false }, { c, R, false } };
	struct weft_sched_decision d;

	pool_add(f.p, .client = f.c, .kernel = KERNEL, .uses = uses, .use_count = 3, .devices = 1);
	f.p->now = 70000;
	d = pool_pick(f.p);
	/* up: a 0-1000, b 1000-2000 on 1; c 0-1000 on 2; down: a -2000, b -3000, c -4000 */
	assert_int_equal(d.start, 74000);
	assert_int_equal(d.transfer, 6000);
	assert_int_equal(d.job->est_data, 74000);
	assert_int_equal(f.d[1]->up_free, 72000);
	assert_int_equal(f.d[2]->up_free, 71000);
	assert_int_equal(f.d[0]->down_free, 74000);
	assert_int_equal(f.d[0]->up_free, 70000);
	/* of holders that are as good, the one of smaller id */
	job_with(&f, pool_data(f.p, 500, 4 | 8), R);
	f.p->now = 80000;
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	assert_int_equal(f.d[1]->up_free, 80500);
	assert_int_equal(f.d[2]->up_free, 80000);
	pool_free(f.p);
}

/* A device that computes in host memory finds host data valid. */
static void test_host_device(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_device cpu = { .id = 5, .model = 5, .region = 0, .host_region = 0,
		.credits = 1, .depth = 1, .price = 1, .open = true, .down = { 1, 0 },
		.up = { 1, 0 } };

	assert_int_equal(weft_sched_device_add(&f.p->s, &cpu, 0), 0);
	pool_teach(f.p, f.c, KERNEL, &cpu, 1000);
	job_with(&f, pool_data(f.p, 5000, HOST), R);
	assert_ptr_equal(pool_pick(f.p).device, &cpu);
	/* host data stays host data for the others */
	assert_int_equal(candidate(&f, WEFT_REC_DECISION, 0).arg[1], 5000);
	pool_free(f.p);
}

static void test_ties(void **state)
{
	struct fixture f = setup("eft", 100, 100, 100);

	f.d[0]->busy_ns = 3;
	f.d[1]->busy_ns = 1;
	f.d[2]->busy_ns = 1;
	job_on(&f, U64_MAX);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_TIE);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 2), WEFT_REASON_TIE);
	pool_free(f.p);
}

/* The fast device is full, but still ends first: a plan. When its queue is too long: elsewhere. */
static void test_plan_or_go(void **state)
{
	struct fixture f = setup("eft", 100, 450, 0);
	struct weft_sched_job *third, *fourth;
	struct weft_rec rec;

	job_on(&f, U64_MAX);
	job_on(&f, U64_MAX);
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	third = job_on(&f, U64_MAX);
	pool_pick_none(f.p);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, &rec), 1);
	assert_int_equal(rec.id, third->id);
	assert_int_equal(rec.a, 0);
	assert_int_equal(rec.b, WEFT_REASON_PLANNED);
	assert_int_equal(rec.arg[0], 200);
	assert_int_equal(rec.arg[3], 300);
	assert_int_equal(reason(&f, WEFT_REC_PLAN, 0), WEFT_REASON_PLANNED);
	assert_int_equal(reason(&f, WEFT_REC_PLAN, 1), WEFT_REASON_LATER);
	assert_int_equal(third->state, WEFT_JOB_READY);
	/* an unchanged plan is not logged again */
	pool_pick_none(f.p);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, NULL), 1);
	fourth = job_on(&f, U64_MAX);
	pool_pick_none(f.p);
	/* 3 + 1 jobs of 100 before: the fifth would end at 500 */
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, &rec), 2);
	assert_int_equal(rec.id, fourth->id);
	assert_int_equal(rec.arg[3], 400);
	job_on(&f, U64_MAX);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	pool_free(f.p);
}

/* Plans hold their links' time, too. */
static void test_plan_holds_link(void **state)
{
	struct fixture f = setup("eft", 100, 90000, 0);
	u32 i;
	struct weft_rec rec;

	for (i = 0; i < 4; i++)
		job_with(&f, pool_data(f.p, 1000, HOST), R);
	pool_pick(f.p);
	pool_pick(f.p);
	pool_pick_none(f.p);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, &rec), 2);
	assert_int_equal(rec.arg[0], 4000);
	assert_int_equal(f.d[0]->down_free, 2000);
	pool_free(f.p);
}

static void test_slots(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	static const u64 start[8] = { 0, 0, 0, 100, 100, 100, 200, 200 };
	u32 i;

	f.d[0]->credits = 3;
	f.d[0]->depth = 5;
	for (i = 0; i < 8; i++)
		job_on(&f, 1);
	for (i = 0; i < 8; i++)
		assert_int_equal(pool_pick(f.p).start, start[i]);
	job_on(&f, 1);
	pool_pick_none(f.p);
	assert_int_equal(f.d[0]->outstanding, 8);
	pool_free(f.p);
}

/* A running job counts from its start; one that outran its estimate by x needs x more. */
static void test_running_and_overrun(void **state)
{
	struct fixture f = setup("eft", 100, 10000, 0);
	struct weft_sched_job *job = job_on(&f, 1);

	pool_pick(f.p);
	f.p->now = 1000;
	pool_start(f.p, job);
	f.p->now = 1040;
	job_on(&f, 1);
	assert_int_equal(pool_pick(f.p).start, 1100);
	f.d[0]->credits = 1;
	f.d[0]->depth = 8;
	f.p->now = 1400;
	job_on(&f, 1);
	/* 300 over: free at 1700, the second job runs until 1800 */
	assert_int_equal(pool_pick(f.p).start, 1800);
	f.p->now = 100000;
	job_on(&f, U64_MAX);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	pool_free(f.p);
}

static void test_closed_and_ineligible(void **state)
{
	struct fixture f = setup("eft", 100, 200, 300);
	struct weft_sched_device to = *f.d[0];
	struct weft_sched_job *job;
	struct weft_rec rec;

	to.open = false;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &to, 0), 0);
	job_on(&f, 5);
	assert_ptr_equal(pool_pick(f.p).device, f.d[2]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_CLOSED);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_NOT_ELIGIBLE);
	assert_int_equal(candidate(&f, WEFT_REC_DECISION, 1).arg[3], 0);
	job = job_on(&f, 1);
	pool_pick_none(f.p);
	to.open = true;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &to, 0), 0);
	assert_int_equal(pool_count(f.p, WEFT_REC_DEVICE_SET, &rec), 2);
	assert_int_equal(rec.a, 1);
	assert_ptr_equal(pool_pick(f.p).job, job);
	pool_free(f.p);
}

static struct weft_sched_job *bounce(struct fixture *f, u32 device)
{
	struct weft_sched_decision d = pool_pick(f->p);

	assert_int_equal(d.device->id, device);
	assert_int_equal(weft_sched_job_return(&f->p->s, d.job, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_int_equal(d.job->moves, 1);
	return d.job;
}

/* After a bind failed for space the device is out until space is made there. */
static void test_not_now(void **state)
{
	struct fixture f = setup("eft", 100, 200, 0);
	struct weft_sched_data *x = pool_data(f.p, 10, HOST | 2 | 4);
	struct weft_sched_device same = *f.d[0];
	struct weft_sched_job *job, *other;
	struct weft_sched_decision d;
	u32 way;

	f.d[1]->busy_ns = 1000000;
	for (way = 0; way < 6; way++) {
		other = job_on(&f, 1);
		assert_ptr_equal(pool_pick(f.p).job, other);
		job = job_on(&f, 1);
		bounce(&f, 0);
		pool_pick_none(f.p);
		/* space on another device does not help */
		weft_sched_data_set(&f.p->s, x, HOST | 2, 0);
		weft_sched_data_set(&f.p->s, x, HOST | 2 | 4, 0);
		pool_pick_none(f.p);
		switch (way) {
		case 0:
			pool_start(f.p, other);
			pool_done(f.p, other, 100);
			break;
		case 1:
			weft_sched_data_set(&f.p->s, x, HOST | 4, 0);
			weft_sched_data_set(&f.p->s, x, HOST | 2 | 4, 0);
			break;
		case 2:
			weft_sched_data_remove(&f.p->s, x, 0);
			weft_sched_data_add(&f.p->s, x, 0);
			break;
		case 3:
			assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &same, 0), 0);
			break;
		case 4:
			assert_int_equal(weft_sched_job_devices(&f.p->s, job, 3, 0), 0);
			break;
		case 5:
			/* another job is given back, which frees what it held */
			assert_int_equal(weft_sched_job_return(&f.p->s, other,
							       WEFT_RETURN_DRAIN, 0, 0), 0);
			assert_int_equal(weft_sched_job_cancel(&f.p->s, other, -ECANCELED, 0), 0);
			break;
		}
		d = pool_pick(f.p);
		assert_ptr_equal(d.job, job);
		assert_ptr_equal(d.device, f.d[0]);
		assert_true(list_empty(&f.p->s.denied));
		pool_start(f.p, job);
		pool_done(f.p, job, 100);
		if (other->state == WEFT_JOB_BINDING) {
			pool_start(f.p, other);
			pool_done(f.p, other, 100);
		}
	}
	pool_free(f.p);
}

/* Two jobs that fail to bind by turns do not free the way for each other; devices are apart. */
static void test_not_now_apart(void **state)
{
	struct fixture f = setup("eft", 100, 200, 0);
	struct weft_sched_data *x = pool_data(f.p, 10, HOST | 2 | 4);
	struct weft_sched_job *a, *b;

	/* somebody who might still make space */
	job_on(&f, 1);
	job_on(&f, 2);
	pool_pick(f.p);
	pool_pick(f.p);
	a = job_on(&f, 3);
	b = job_on(&f, 1);
	assert_ptr_equal(bounce(&f, 0), a);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(weft_sched_job_return(&f.p->s, a, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_ptr_equal(bounce(&f, 0), b);
	pool_pick_none(f.p);
	/* space on 1 lets a go there, not to 0 */
	weft_sched_data_set(&f.p->s, x, HOST | 2, 0);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(a->state, WEFT_JOB_BINDING);
	/* a fails there again: what it knew of 0 still holds */
	assert_int_equal(weft_sched_job_return(&f.p->s, a, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	pool_pick_none(f.p);
	pool_free(f.p);
}

/* Space was made while it was binding: try again. */
static void test_not_now_lifted(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_data *x = pool_data(f.p, 10, HOST | 2);
	struct weft_sched_job *other, *job;

	job = job_on(&f, 1);
	assert_ptr_equal(pool_pick(f.p).job, job);
	other = job_on(&f, 1);
	assert_ptr_equal(pool_pick(f.p).job, other);
	weft_sched_data_set(&f.p->s, x, HOST, 0);
	assert_int_equal(weft_sched_job_return(&f.p->s, other, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, other);
	assert_int_equal(weft_sched_job_return(&f.p->s, other, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	pool_pick_none(f.p);
	pool_free(f.p);
}

/* The last one on a device fails for space: those that waited for it may try again. */
static void test_not_now_last(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_job *a = job_on(&f, 1), *b = job_on(&f, 1);

	assert_ptr_equal(pool_pick(f.p).job, a);
	assert_ptr_equal(bounce(&f, 0), b);
	pool_pick_none(f.p);
	assert_int_equal(weft_sched_job_return(&f.p->s, a, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_int_equal(weft_sched_job_cancel(&f.p->s, a, -ECANCELED, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, b);
	pool_free(f.p);
}

/* Alone on a device from the pick on, and no space: it is tried once on each and then ends. */
static void test_never(void **state)
{
	struct fixture f = setup("eft", 100, 200, 0);
	struct weft_sched *s = &f.p->s;
	struct weft_sched_job *job = job_on(&f, 3 | 1ull << 40);

	bounce(&f, 0);
	assert_true(!(job->devices & 1));
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(weft_sched_job_return(s, job, WEFT_RETURN_NO_SPACE, 0, 0), -ENOSPC);
	assert_int_equal(job->state, WEFT_JOB_READY);
	/* what the caller knows of devices that came or changed is asked again */
	assert_int_equal(weft_sched_job_devices(s, job, 3, 0), 0);
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	assert_int_equal(weft_sched_job_return(s, job, WEFT_RETURN_DRAIN, 0, 0), 0);
	assert_int_equal(job->devices, 3);
	assert_int_equal(weft_sched_job_cancel(s, job, -ENOSPC, 0), 0);
	pool_free(f.p);
}

/* Somebody was there meanwhile, before it or after it, or space was made: it may try again. */
static void test_never_yet(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_data *x = pool_data(f.p, 10, HOST | 2);
	struct weft_sched *s = &f.p->s;
	struct weft_sched_job *a = job_on(&f, 1), *b = job_on(&f, 1);

	assert_ptr_equal(pool_pick(f.p).job, a);
	assert_ptr_equal(pool_pick(f.p).job, b);
	assert_int_equal(weft_sched_job_return(s, b, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_int_equal(weft_sched_job_return(s, a, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, a);
	assert_ptr_equal(pool_pick(f.p).job, b);
	pool_start(f.p, a);
	pool_done(f.p, a, 100);
	assert_int_equal(weft_sched_job_return(s, b, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, b);
	weft_sched_data_set(s, x, HOST, 0);
	assert_int_equal(weft_sched_job_return(s, b, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, b);
	assert_int_equal(weft_sched_job_return(s, b, WEFT_RETURN_NO_SPACE, 0, 0), -ENOSPC);
	pool_free(f.p);
}

/* It holds from the first job on, when no space was ever made. */
static void test_not_now_at_start(void **state)
{
	struct fixture f = setup("eft", 0, 0, 0);

	f.d[0] = pool_device(f.p, 0, WEFT_PRICE_UNIT);
	job_on(&f, 1);
	pool_pick(f.p);
	job_on(&f, 1);
	bounce(&f, 0);
	pool_pick_none(f.p);
	pool_free(f.p);
}

/* One that ends while it waits for space is forgotten. */
static void test_not_now_cancelled(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_job *job;

	job_on(&f, 1);
	pool_pick(f.p);
	job_on(&f, 1);
	job = bounce(&f, 0);
	assert_false(list_empty(&f.p->s.denied));
	assert_int_equal(weft_sched_job_cancel(&f.p->s, job, -ECANCELED, 0), 0);
	assert_true(list_empty(&f.p->s.denied));
	pool_free(f.p);
}

/* The order of arrival, too, leaves out what waits for space and takes it back. */
static void test_not_now_fifo(void **state)
{
	struct fixture f = setup("fifo", 100, 0, 0);
	struct weft_sched_job *other = job_on(&f, 1), *job, *last;

	pool_pick(f.p);
	job = job_on(&f, 1);
	last = job_on(&f, 1);
	bounce(&f, 0);
	assert_ptr_equal(pool_pick(f.p).job, last);
	pool_start(f.p, other);
	pool_done(f.p, other, 100);
	assert_ptr_equal(pool_pick(f.p).job, job);
	pool_free(f.p);
}

static void test_devices_change(void **state)
{
	struct fixture f = setup("eft", 100, 200, 0);
	struct weft_sched_job *job = job_on(&f, 1);
	struct weft_sched_job *waits = pool_add(f.p, .client = f.c, .kernel = KERNEL, .devices = 1,
						.after = &job, .after_count = 1);
	struct weft_rec rec;

	assert_int_equal(weft_sched_job_devices(&f.p->s, job, 0, 0), -EINVAL);
	assert_int_equal(weft_sched_job_devices(&f.p->s, job, 2, 0), 0);
	assert_int_equal(weft_sched_job_devices(&f.p->s, waits, 2, 0), 0);
	assert_int_equal(pool_count(f.p, WEFT_REC_JOB_DEVICES, &rec), 2);
	assert_int_equal(rec.id, waits->id);
	assert_int_equal(rec.arg[0], 2);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(weft_sched_job_devices(&f.p->s, job, 1, 0), -EINVAL);
	pool_start(f.p, job);
	pool_done(f.p, job, 200);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	pool_free(f.p);
}

/* A model never tried is tried once while another is known. */
static void test_explore(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_decision d;

	f.d[1] = pool_device(f.p, 1, WEFT_PRICE_UNIT);
	job_on(&f, 3);
	job_on(&f, 3);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[1]);
	assert_int_equal(d.run, 100);		/* borrowed */
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_OUTRUN);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_EXPLORE);
	/* one trial at a time */
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	pool_start(f.p, d.job);
	pool_done(f.p, d.job, 5000);
	job_on(&f, 3);
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_LATER);
	pool_free(f.p);
}

/* A trial that never ran may be made again, one that failed may not. */
static void test_explore_again(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	struct weft_sched_decision d;

	f.d[1] = pool_device(f.p, 1, WEFT_PRICE_UNIT);
	job_on(&f, 3);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[1]);
	assert_int_equal(weft_sched_job_return(&f.p->s, d.job, WEFT_RETURN_DRAIN, 0, 0), 0);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[1]);
	assert_int_equal(weft_sched_job_done(&f.p->s, d.job, -ENOSPC, 0, 0), 0);
	job_on(&f, 3);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[1]);
	pool_start(f.p, d.job);
	assert_int_equal(weft_sched_job_done(&f.p->s, d.job, -EIO, 10, 0), 0);
	job_on(&f, 3);
	d = pool_pick(f.p);
	/* both would end at the same time by what is borrowed; device 1 was used 10 ns */
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_CHOSEN);
	pool_free(f.p);
}

/* No exploration where nothing is known, or where there is no room. */
static void test_explore_not(void **state)
{
	struct fixture f = setup("eft", 100, 100000, 0);
	u32 i;

	f.d[2] = pool_device(f.p, 2, WEFT_PRICE_UNIT);
	pool_add(f.p, .client = f.c, .kernel = 99);
	pool_pick(f.p);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_CHOSEN);
	/* device 2 is never tried, but full */
	pool_teach(f.p, f.c, 98, f.d[2], 500000);
	for (i = 0; i < 2; i++) {
		pool_add(f.p, .client = f.c, .kernel = 98, .devices = 4);
		assert_ptr_equal(pool_pick(f.p).device, f.d[2]);
	}
	job_on(&f, U64_MAX);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_CHOSEN);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 2), WEFT_REASON_LATER);
	pool_free(f.p);
}

static void test_fifo(void **state)
{
	struct fixture f = setup("fifo", 1000, 10, 10);
	struct weft_sched_client *c2 = pool_client(f.p, pool_tenant(f.p, 10000));
	struct weft_sched_job *a, *b, *c;
	struct weft_sched_decision d;

	a = pool_add(f.p, .client = f.c, .kernel = KERNEL);
	b = pool_add(f.p, .client = c2, .kernel = KERNEL, .service = WEFT_SERVICE_REALTIME + 1);
	c = pool_add(f.p, .client = f.c, .kernel = KERNEL, .priority = 7, .devices = 3);
	d = pool_pick(f.p);
	assert_ptr_equal(d.job, a);
	assert_ptr_equal(d.device, f.d[0]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_CHOSEN);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_TIE);
	d = pool_pick(f.p);
	assert_ptr_equal(d.job, b);
	assert_ptr_equal(d.device, f.d[1]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_LATER);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 2), WEFT_REASON_TIE);
	d = pool_pick(f.p);
	assert_ptr_equal(d.job, c);
	assert_ptr_equal(d.device, f.d[1]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 2), WEFT_REASON_NOT_ELIGIBLE);
	/* device 1 is full now: no plan, the next takes what has room */
	pool_add(f.p, .client = f.c, .kernel = KERNEL, .devices = 2);
	a = pool_add(f.p, .client = f.c, .kernel = KERNEL, .devices = 3);
	d = pool_pick(f.p);
	assert_ptr_equal(d.job, a);
	assert_ptr_equal(d.device, f.d[0]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_NO_ROOM);
	pool_pick_none(f.p);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, NULL), 0);
	pool_free(f.p);
}

/* Arrival is when a job became READY, not when it was submitted. */
static void test_fifo_arrival(void **state)
{
	struct fixture f = setup("fifo", 1000, 0, 0);
	struct weft_sched_job *first, *waits, *ready;

	first = job_on(&f, 1);
	waits = pool_add(f.p, .client = f.c, .kernel = KERNEL, .after = &first, .after_count = 1);
	ready = job_on(&f, 1);
	assert_ptr_equal(pool_pick(f.p).job, first);
	pool_start(f.p, first);
	pool_done(f.p, first, 1000);
	assert_int_equal(waits->state, WEFT_JOB_READY);
	assert_ptr_equal(pool_pick(f.p).job, ready);
	assert_ptr_equal(pool_pick(f.p).job, waits);
	pool_free(f.p);
}

/* The later of two devices loses even if it comes first; one that comes back keeps its place. */
static void test_fifo_order(void **state)
{
	struct fixture f = setup("fifo", 1000, 10, 0);
	struct weft_sched_job *first, *second;

	job_on(&f, 1);
	pool_pick(f.p);
	first = job_on(&f, 3);
	second = job_on(&f, 3);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(weft_sched_job_return(&f.p->s, first, WEFT_RETURN_DRAIN, 0, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, first);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_LATER);
	assert_ptr_equal(pool_pick(f.p).job, second);
	assert_int_equal(second->device, 1);
	pool_free(f.p);
}

/* Switching loses no job and keeps accounts. */
static void test_policy_switch(void **state)
{
	struct fixture f = setup("eft", 1000, 10, 0);
	struct weft_sched_decision d;
	struct weft_rec rec;
	u32 i;

	assert_string_equal(weft_sched_policy(&f.p->s), "eft");
	for (i = 0; i < 4; i++)
		job_on(&f, 3);
	pool_pick(f.p);
	assert_int_equal(weft_sched_policy_set(&f.p->s, "none", 0), -EINVAL);
	assert_int_equal(weft_sched_policy_set(&f.p->s, "fifo", 0), 0);
	assert_int_equal(pool_count(f.p, WEFT_REC_POLICY_SET, &rec), 1);
	assert_memory_equal(rec.arg, "fifo\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_string_equal(weft_sched_policy(&f.p->s), "fifo");
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	assert_int_equal(weft_sched_policy_set(&f.p->s, "eft", 0), 0);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[1]);
	pool_start(f.p, d.job);
	pool_done(f.p, d.job, 10);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_string_equal(weft_sched_policy_name(0), "eft");
	assert_string_equal(weft_sched_policy_name(1), "fifo");
	assert_null(weft_sched_policy_name(2));
	pool_free(f.p);
}

/* A device does not idle behind any number of jobs that it cannot run. */
static void test_no_idling_behind_others(void **state)
{
	struct fixture f = setup("eft", 1000, 1000, 1000);
	struct weft_sched_job *last;
	u32 i;

	for (i = 0; i < 300; i++)
		pool_add(f.p, .client = f.c, .kernel = KERNEL, .devices = 2, .priority = 7);
	pool_add(f.p, .client = f.c, .kernel = KERNEL, .devices = 1);
	last = pool_add(f.p, .client = f.c, .kernel = KERNEL, .devices = 4);
	pool_pick(f.p);
	pool_pick(f.p);
	assert_int_equal(f.d[1]->outstanding, 2);
	assert_ptr_equal(pool_pick(f.p).device, f.d[0]);
	assert_ptr_equal(pool_pick(f.p).job, last);
	pool_pick_none(f.p);
	/* the work was bounded */
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, NULL), WEFT_SCHED_LOOKS);
	pool_free(f.p);
}

/* All could run on the slow device, too, but end earlier on the fast one: not all are looked at. */
static void test_looks_are_bounded(void **state)
{
	struct fixture f = setup("eft", 10, 1000000, 0);
	u32 i;

	for (i = 0; i < 300; i++)
		job_on(&f, 3);
	pool_pick(f.p);
	pool_pick(f.p);
	pool_pick_none(f.p);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, NULL), WEFT_SCHED_LOOKS);
	pool_free(f.p);
}

/* Jobs that wait for space do not use up the looks of a pick. */
static void test_blocked_in_front(void **state)
{
	struct fixture f = setup("eft", 1000, 10, 0);
	struct weft_sched_job *job, *first = NULL;
	struct weft_rec rec;
	u32 i;

	job_on(&f, 1);
	job = pool_pick(f.p).job;
	for (i = 0; i < 3 * WEFT_SCHED_LOOKS; i++) {
		struct weft_sched_job *blocked = job_on(&f, 1);

		first = first ? first : blocked;
		assert_ptr_equal(bounce(&f, 0), blocked);
	}
	pool_pick_none(f.p);
	/* each told once why it waits */
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, &rec), 3 * WEFT_SCHED_LOOKS);
	assert_int_equal(rec.id, f.p->job_id);
	assert_int_equal(rec.a, WEFT_LOG_NO_DEVICE);
	assert_int_equal(rec.b, WEFT_REASON_NOT_NOW);
	assert_false(f.c->entity[WEFT_SERVICE_BATCH].queued);
	pool_start(f.p, job);
	pool_done(f.p, job, 1000);
	assert_ptr_equal(pool_pick(f.p).job, first);
	assert_true(list_empty(&f.p->s.denied));
	pool_free(f.p);
}

/* Devices that had no space are told in the log of what is decided without them. */
static void test_not_now_is_told(void **state)
{
	struct fixture f = setup("eft", 100, 200, 0);

	job_on(&f, 1);
	pool_pick(f.p);
	job_on(&f, 3);
	/* device 0 would end it at 200, too, and has been used less */
	f.d[1]->busy_ns = 1;
	bounce(&f, 0);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, NULL), 0);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 0), WEFT_REASON_NOT_NOW);
	assert_int_equal(reason(&f, WEFT_REC_DECISION, 1), WEFT_REASON_CHOSEN);
	pool_free(f.p);
}

static void test_nothing_to_do(void **state)
{
	struct fixture f = setup("eft", 100, 0, 0);
	size_t picks = pool_count(f.p, WEFT_REC_PICK, NULL);

	pool_pick_none(f.p);
	job_on(&f, 2);
	pool_pick_none(f.p);
	assert_int_equal(pool_count(f.p, WEFT_REC_PICK, NULL), picks + 2);
	pool_free(f.p);
}

/* The first job of a new kernel: nothing is known, the assumed time is the same everywhere. */
static void test_unknown_kernel(void **state)
{
	struct fixture f = setup("eft", 100, 1000, 0);
	struct weft_sched_decision d;

	pool_add(f.p, .client = f.c, .kernel = 55);
	pool_add(f.p, .client = f.c, .kernel = 55);
	d = pool_pick(f.p);
	assert_ptr_equal(d.device, f.d[0]);
	assert_int_equal(d.run, 100000);
	assert_int_equal(weft_sched_estimate(&f.p->s, d.job, d.device), 0);
	assert_ptr_equal(pool_pick(f.p).device, f.d[1]);
	pool_free(f.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fastest),
		cmocka_unit_test(test_transfer_decides),
		cmocka_unit_test(test_transfer_from_host),
		cmocka_unit_test(test_no_transfer),
		cmocka_unit_test(test_partial_write),
		cmocka_unit_test(test_link_queues),
		cmocka_unit_test(test_up_links),
		cmocka_unit_test(test_host_device),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_plan_or_go),
		cmocka_unit_test(test_plan_holds_link),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_running_and_overrun),
		cmocka_unit_test(test_closed_and_ineligible),
		cmocka_unit_test(test_not_now),
		cmocka_unit_test(test_not_now_apart),
		cmocka_unit_test(test_not_now_lifted),
		cmocka_unit_test(test_not_now_last),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_never_yet),
		cmocka_unit_test(test_not_now_at_start),
		cmocka_unit_test(test_not_now_cancelled),
		cmocka_unit_test(test_not_now_fifo),
		cmocka_unit_test(test_devices_change),
		cmocka_unit_test(test_explore),
		cmocka_unit_test(test_explore_again),
		cmocka_unit_test(test_explore_not),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_fifo_arrival),
		cmocka_unit_test(test_fifo_order),
		cmocka_unit_test(test_policy_switch),
		cmocka_unit_test(test_no_idling_behind_others),
		cmocka_unit_test(test_looks_are_bounded),
		cmocka_unit_test(test_blocked_in_front),
		cmocka_unit_test(test_not_now_is_told),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_unknown_kernel),
	};

	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
