// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement of jobs that wait for what others promised.
 *
 * DOC: tests of jobs set aside
 *
 * Devices are those of place.h. A job that is set aside has been bound, and comes back as due.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "place.h"

static struct weft_sched_job *aside(struct fixture *f, struct weft_sched_client *c)
{
	struct weft_sched_job *job = pool_add(f->p, .client = c, .kernel = KERNEL);

	assert_ptr_equal(pool_pick(f->p).job, job);
	assert_int_equal(weft_sched_job_bound(&f->p->s, job, f->p->now), 0);
	assert_int_equal(weft_sched_job_aside(&f->p->s, job, f->p->now), 0);
	return job;
}

/* However many a client has waiting for what never comes, the device is free for another. */
static void test_aside_holds_no_place(void **state)
{
	struct fixture f = setup("eft", 1000, 0, 0);
	struct weft_sched_client *other = pool_client(f.p, pool_tenant(f.p, 100));
	struct weft_sched_job *job, *never[50];
	struct weft_sched_decision d;
	u64 priced = f.c->tenant->priced;
	u32 i;

	for (i = 0; i < 50; i++)
		never[i] = aside(&f, f.c);
	assert_int_equal(f.d[0]->outstanding, 0);
	for (i = 0; i < 10; i++) {
		job = pool_add(f.p, .client = other, .kernel = KERNEL);
		d = pool_pick(f.p);
		assert_ptr_equal(d.job, job);
		assert_int_equal(d.start, f.p->now);
		pool_start(f.p, job);
		f.p->now += 1000;
		pool_done(f.p, job, 1000);
	}
	/* waiting costs nothing */
	for (i = 0; i < 50; i++)
		assert_int_equal(weft_sched_job_done(&f.p->s, never[i], -ETIME, 0, f.p->now), 0);
	assert_int_equal(f.c->tenant->priced, priced);
	pool_pick_none(f.p);
	pool_free(f.p);
}

/* Many that become due at once share the device with the others and keep to its places. */
static void due_in_order(const char *policy)
{
	struct fixture f = setup(policy, 1000, 0, 0);
	struct weft_sched_client *other = pool_client(f.p, pool_tenant(f.p, 100));
	struct weft_sched_job *due[40], *running[2];
	u32 i, theirs = 0;

	for (i = 0; i < 40; i++)
		due[i] = aside(&f, f.c);
	for (i = 0; i < 40; i++)
		assert_int_equal(weft_sched_job_due(&f.p->s, due[i], 0), 0);
	for (i = 0; i < 40; i++)
		pool_add(f.p, .client = other, .kernel = KERNEL);
	for (i = 0; i < 2; i++)
		running[i] = pool_pick(f.p).job;
	pool_pick_none(f.p);
	for (i = 0; i < 20; i++) {
		theirs += running[i % 2]->client == other;
		pool_start(f.p, running[i % 2]);
		f.p->now += 1000;
		pool_done(f.p, running[i % 2], 1000);
		running[i % 2] = pool_pick(f.p).job;
		assert_int_equal(f.d[0]->outstanding, 2);
	}
	if (!strcmp(policy, "eft"))
		assert_in_range(theirs, 9, 11);
	else
		assert_int_equal(theirs, 0);
	pool_free(f.p);
}

static void test_due_in_order(void **state)
{
	due_in_order("eft");
	due_in_order("fifo");
}

/* A class that goes first does not keep a due one out for ever, nor many of those that class. */
static void test_due_out_of_turn(void **state)
{
	struct fixture f = setup("eft", 1000, 0, 0);
	struct weft_sched_client *first = pool_client(f.p, pool_tenant(f.p, 100));
	struct weft_sched_job *due[3], *one, *two;
	u32 i;

	for (i = 0; i < 3; i++)
		due[i] = aside(&f, f.c);
	for (i = 0; i < 3; i++)
		assert_int_equal(weft_sched_job_due(&f.p->s, due[i], f.p->now), 0);
	for (i = 0; i < 20; i++)
		pool_add(f.p, .client = first, .kernel = KERNEL,
			 .service = WEFT_SERVICE_INTERACTIVE + 1);
	one = pool_pick(f.p).job;
	two = pool_pick(f.p).job;
	assert_ptr_equal(one->client, first);
	assert_ptr_equal(two->client, first);
	f.p->now += WEFT_SCHED_PATIENCE - 1;
	pool_start(f.p, one);
	pool_done(f.p, one, 1000);
	one = pool_pick(f.p).job;
	assert_ptr_equal(one->client, first);
	/* long enough; but no place */
	f.p->now++;
	pool_pick_none(f.p);
	for (i = 0; i < 3; i++) {
		pool_start(f.p, one);
		pool_done(f.p, one, 1000);
		one = pool_pick(f.p).job;
		assert_ptr_equal(one, due[i]);
		/* one at a time */
		pool_start(f.p, two);
		pool_done(f.p, two, 1000);
		two = pool_pick(f.p).job;
		assert_ptr_equal(two->client, first);
	}
	pool_free(f.p);
}

/* It goes on where its data is, whatever ends earlier, and has to wait for room there. */
static void test_due_stays(void **state)
{
	struct fixture f = setup("eft", 1000, 1100, 0);
	struct weft_sched_job *job = aside(&f, f.c), *full[2];
	u32 i;

	assert_int_equal(job->device, 0);
	for (i = 0; i < 2; i++) {
		full[i] = job_on(&f, 1);
		assert_ptr_equal(pool_pick(f.p).job, full[i]);
		pool_start(f.p, full[i]);
	}
	assert_int_equal(weft_sched_job_due(&f.p->s, job, 0), 0);
	pool_pick_none(f.p);
	assert_int_equal(f.d[1]->outstanding, 0);
	pool_done(f.p, full[0], 1000);
	assert_ptr_equal(pool_pick(f.p).job, job);
	assert_int_equal(job->state, WEFT_JOB_BOUND);
	pool_start(f.p, job);
	pool_done(f.p, job, 1000);
	pool_free(f.p);
}

/* Nobody else wants a place where no new jobs go: it gets one, room or not. */
static void test_due_on_closed_device(void **state)
{
	struct fixture f = setup("eft", 1000, 0, 0);
	struct weft_sched_job *job[4], *ready;
	struct weft_sched_device to;
	u32 i;

	for (i = 0; i < 4; i++)
		job[i] = aside(&f, f.c);
	assert_int_equal(weft_sched_job_due(&f.p->s, job[2], 0), 0);
	to = *f.d[0];
	to.open = false;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &to, 0), 0);
	ready = job_on(&f, 1);
	assert_ptr_equal(pool_pick(f.p).job, job[2]);
	pool_pick_none(f.p);
	/* first come */
	assert_int_equal(weft_sched_job_due(&f.p->s, job[3], 0), 0);
	assert_int_equal(weft_sched_job_due(&f.p->s, job[1], 0), 0);
	assert_int_equal(weft_sched_job_due(&f.p->s, job[0], 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, job[3]);
	assert_ptr_equal(pool_pick(f.p).job, job[1]);
	assert_ptr_equal(pool_pick(f.p).job, job[0]);
	assert_int_equal(f.d[0]->outstanding, 4);
	pool_pick_none(f.p);
	for (i = 0; i < 4; i++)
		pool_done(f.p, job[i], 0);
	to.open = true;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &to, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, ready);
	pool_free(f.p);
}

/* Its memory is in the way of another until it ends: that is no reason to give that one up. */
static void test_aside_holds_memory(void **state)
{
	struct fixture f = setup("eft", 1000, 0, 0);
	struct weft_sched_job *holds = aside(&f, f.c), *job = job_on(&f, 1);
	struct weft_sched *s = &f.p->s;

	assert_ptr_equal(pool_pick(f.p).job, job);
	assert_int_equal(weft_sched_job_return(s, job, WEFT_RETURN_NO_SPACE, 0, 0), 0);
	pool_pick_none(f.p);
	assert_int_equal(weft_sched_job_done(s, holds, -ETIME, 0, 0), 0);
	assert_ptr_equal(pool_pick(f.p).job, job);
	/* nobody was there this time */
	assert_int_equal(weft_sched_job_return(s, job, WEFT_RETURN_NO_SPACE, 0, 0), -ENOSPC);
	pool_free(f.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aside_holds_no_place),
		cmocka_unit_test(test_due_in_order),
		cmocka_unit_test(test_due_out_of_turn),
		cmocka_unit_test(test_due_stays),
		cmocka_unit_test(test_due_on_closed_device),
		cmocka_unit_test(test_aside_holds_memory),
	};

	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
