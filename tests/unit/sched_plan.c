// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planning ahead: timelines, order, gaps, early copies, what ends a plan.
 *
 * DOC: tests of planning ahead
 *
 * Devices 0, 1, ... have regions 1, 2, ... and hang on host region 0. Port 2 i leads to device i,
 * port 2 i + 1 away from it; a byte takes a nanosecond. Kernel k takes 100 k ns everywhere. All
 * figures are worked out by hand, but those of the random graphs: there what was planned must
 * happen to the nanosecond, and the log must lead to the same decisions again.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c tools/replay/replaylog.c */
/* sources: scheduler/chain.c scheduler/lease.c */
/* sources: scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
#include "pool.h"
#include "planner.h"
#include "replaylog.h"

#define KERNELS	20
#define HOST	1ull

struct plan_fixture {
	struct pool *p;
	struct weft_sched_client *c;
	struct weft_sched_device *d[4];
};

static void route(struct pool *p, u32 from, u32 to, u32 count, u8 port0, u8 port1)
{
	struct weft_sched_route r = { 1000, 0, count, { port0, port1 } };

	assert_int_equal(weft_sched_route_set(&p->s, from, to, &r, p->now), 0);
}

static struct plan_fixture setup(u32 devices, u32 window, u32 rounds)
{
	struct weft_plan_room room = { .jobs = 256, .window = window, .data = 64, .spans = 64,
				       .rounds = rounds };
	struct plan_fixture f = { .p = pool_new("eft") };
	u32 i, k;

	f.c = pool_client(f.p, pool_tenant(f.p, 100));
	assert_int_equal(weft_sched_plan_on(&f.p->s, pool_alloc(f.p, weft_sched_plan_size(&room)),
					    &room, 0), 0);
	for (i = 0; i < devices; i++) {
		f.d[i] = pool_device(f.p, i, WEFT_PRICE_UNIT);
		route(f.p, 0, i + 1, 1, (u8)(2 * i), 0);
		route(f.p, i + 1, 0, 1, (u8)(2 * i + 1), 0);
		for (k = 0; k < i; k++) {
			route(f.p, i + 1, k + 1, 2, (u8)(2 * i + 1), (u8)(2 * k));
			route(f.p, k + 1, i + 1, 2, (u8)(2 * k + 1), (u8)(2 * i));
		}
		for (k = 1; k <= KERNELS; k++)
			pool_teach(f.p, f.c, k, f.d[i], 100 * k);
		f.d[i]->busy_ns = 0;
	}
	return f;
}

/* A job of @kernel on the devices of @devices, after @after if that is not NULL. */
static struct weft_sched_job *job(struct plan_fixture *f, u64 kernel, u64 devices,
				  struct weft_sched_job *after)
{
	return pool_add(f->p, .client = f->c, .kernel = kernel, .devices = devices,
			.after = &after, .after_count = !!after);
}

static void picks(struct plan_fixture *f, struct weft_sched_job *expected, u32 device)
{
	struct weft_sched_decision d = pool_pick(f->p);

	assert_ptr_equal(d.job, expected);
	assert_int_equal(d.device->id, device);
}

static void test_gaps(void **state)
{
	struct weft_span span[4];
	struct weft_line line = { .span = span, .room = 4 };

	weft_line_take(&line, 10, 20);
	weft_line_take(&line, 30, 40);
	assert_int_equal(weft_line_free(&line, 0, 10), 0);
	assert_int_equal(weft_line_free(&line, 1, 10), 20);
	assert_int_equal(weft_line_free(&line, 0, 11), 40);
	assert_int_equal(weft_line_free(&line, 35, 1), 40);
	/* what touches is one */
	weft_line_take(&line, 20, 30);
	assert_int_equal(line.count, 1);
	assert_int_equal(weft_line_free(&line, 5, 6), 40);
	weft_line_take(&line, 50, 50);
	assert_int_equal(line.count, 1);
	/* what overlaps, too */
	weft_line_take(&line, 0, 15);
	assert_int_equal(line.count, 1);
	assert_int_equal(weft_line_free(&line, 0, 1), 40);
	weft_line_forget(&line, 39);
	assert_int_equal(line.count, 1);
	weft_line_forget(&line, 40);
	assert_int_equal(line.count, 0);
}

static void test_gaps_full(void **state)
{
	struct weft_span span[2];
	struct weft_line line = { .span = span, .room = 2 };

	weft_line_take(&line, 0, 10);
	weft_line_take(&line, 15, 20);
	weft_line_take(&line, 100, 110);
	/* the gap from 10 to 15 was the smallest */
	assert_int_equal(line.count, 2);
	assert_int_equal(weft_line_free(&line, 0, 1), 20);
	assert_int_equal(weft_line_free(&line, 0, 81), 110);
	assert_int_equal(weft_line_free(&line, 0, 80), 20);
}

static void test_longest_path_first(void **state)
{
	struct plan_fixture f = setup(1, 256, 1);
	struct weft_sched_job *a = job(&f, 3, 1, NULL);
	struct weft_sched_job *b = job(&f, 1, 1, NULL);
	struct weft_sched_job *c = job(&f, 4, 1, b);

	/* ranks: a 300, b 100 + 400, c 400 */
	picks(&f, b, 0);
	pool_start(f.p, b);
	/* c is planned before a: from 100 to 500. a would not end before that. */
	pool_pick_none(f.p);
	f.p->now = 100;
	pool_done(f.p, b, 100);
	picks(&f, c, 0);
	picks(&f, a, 0);
	pool_free(f.p);
}

static void test_gap_before_the_urgent(void **state)
{
	struct plan_fixture f = setup(2, 256, 1);
	struct weft_sched_job *first = job(&f, 2, 2, NULL);
	struct weft_sched_job *urgent = job(&f, 20, 1, first);
	struct weft_sched_job *large = job(&f, 3, 1, NULL);
	struct weft_sched_job *small = job(&f, 1, 1, NULL);
	struct weft_rec rec;

	/* device 0 is for the urgent one from 200 to 2200: the small one fits before it */
	picks(&f, first, 1);
	picks(&f, small, 0);
	pool_pick_none(f.p);
	assert_int_equal(large->state, WEFT_JOB_READY);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, &rec), 1);
	assert_int_equal(rec.id, large->id);
	assert_int_equal(rec.a, 0);
	assert_int_equal(rec.b, WEFT_REASON_HELD);
	/* said once */
	pool_pick_none(f.p);
	assert_int_equal(pool_count(f.p, WEFT_REC_PLAN, NULL), 1);
	pool_start(f.p, first);
	pool_start(f.p, small);
	f.p->now = 100;
	pool_done(f.p, small, 100);
	pool_pick_none(f.p);
	f.p->now = 200;
	pool_done(f.p, first, 200);
	picks(&f, urgent, 0);
	picks(&f, large, 0);
	pool_free(f.p);
}

static void test_priority_first(void **state)
{
	struct plan_fixture f = setup(1, 256, 3);
	struct weft_sched_job *before = job(&f, 1, 1, NULL);
	struct weft_sched_job *plain = job(&f, 5, 1, NULL);
	struct weft_sched_job *high;

	high = pool_add(f.p, .client = f.c, .kernel = 1, .devices = 1, .priority = 7,
			.after = &before, .after_count = 1);
	/* what the urgent one waits for is as urgent */
	picks(&f, before, 0);
	pool_pick_none(f.p);
	pool_start(f.p, before);
	f.p->now = 100;
	pool_done(f.p, before, 100);
	picks(&f, high, 0);
	picks(&f, plain, 0);
	pool_free(f.p);
}

static void sends(struct plan_fixture *f, struct weft_sched_data *data, u32 from, u32 to, u64 at)
{
	struct weft_sched_send send;

	assert_true(weft_sched_send(&f->p->s, f->p->now, &send));
	assert_ptr_equal(send.data, data);
	assert_int_equal(send.from, from);
	assert_int_equal(send.to, to);
	assert_int_equal(send.at, at);
}

static void sends_none(struct plan_fixture *f)
{
	struct weft_sched_send send;

	assert_false(weft_sched_send(&f->p->s, f->p->now, &send));
}

/* first (device 1) writes x; then (device 0) reads x and y; y and z are in host memory */
static void test_early_copies(void **state)
{
	struct plan_fixture f = setup(2, 256, 1);
	struct weft_sched_data *x = pool_data(f.p, 50, 0), *y = pool_data(f.p, 70, HOST);
	struct weft_sched_data *z = pool_data(f.p, 30, HOST);
	struct use writes[] = { { x, W, false } };
	struct use reads[] = { { x, R, false }, { y, R, false }, { z, R, false } };
	struct weft_sched_job *first, *then;
	struct weft_sched_decision d;

	first = pool_add(f.p, .client = f.c, .kernel = 1, .devices = 2, .uses = writes,
			 .use_count = 1);
	then = pool_add(f.p, .client = f.c, .kernel = 1, .devices = 1, .uses = reads,
			.use_count = 3);
	/* y and z one after the other, though nobody can read them before 150 */
	sends(&f, y, 0, 1, 0);
	sends(&f, z, 0, 1, 70);
	sends_none(&f);
	picks(&f, first, 1);
	pool_start(f.p, first);
	f.p->now = 70;
	weft_sched_data_set(&f.p->s, y, HOST | 2, 70);
	f.p->now = 100;
	weft_sched_data_set(&f.p->s, z, HOST | 2, 100);
	sends_none(&f);
	pool_done(f.p, first, 100);
	/* from the device that has it, not through the host */
	sends(&f, x, 2, 1, 100);
	sends_none(&f);
	d = pool_pick(f.p);
	assert_ptr_equal(d.job, then);
	assert_int_equal(d.start, 150);
	assert_int_equal(then->est_data, 150);
	pool_free(f.p);
}

/* The writer of a buffer that a later job reads elsewhere has yet to come: nothing is sent. */
static void test_no_copy_of_what_changes(void **state)
{
	struct plan_fixture f = setup(2, 256, 1);
	struct weft_sched_data *x = pool_data(f.p, 50, HOST);
	struct use updates[] = { { x, R | W, false } };
	struct use reads[] = { { x, R, false } };
	struct weft_sched_job *writer;

	writer = pool_add(f.p, .client = f.c, .kernel = 1, .devices = 2, .uses = updates,
			  .use_count = 1);
	pool_add(f.p, .client = f.c, .kernel = 1, .devices = 1, .uses = reads, .use_count = 1);
	sends(&f, x, 0, 2, 0);
	sends_none(&f);
	weft_sched_unsend(&f.p->s, x, 2, 0);
	assert_int_equal(x->arriving, 0);
	/* it is sent when the job is bound, then; the time that was decided stays taken */
	picks(&f, writer, 1);
	assert_int_equal(writer->est_data, 100);
	pool_free(f.p);
}

static void test_two_clients(void **state)
{
	struct plan_fixture f = setup(1, 256, 1);
	struct weft_sched_client *other = pool_client(f.p, pool_tenant(f.p, 100));
	struct weft_sched_decision d;
	struct weft_rec rec;

	job(&f, 1, 1, NULL);
	pool_job(f.p, other, 1);
	pool_pick(f.p);
	pool_count(f.p, WEFT_REC_DECISION, &rec);
	assert_int_equal(rec.b, WEFT_REASON_CHOSEN);
	sends_none(&f);
	/* one is left alone with its job: plans again */
	d = pool_pick(f.p);
	assert_non_null(d.job);
	pool_count(f.p, WEFT_REC_DECISION, &rec);
	assert_int_equal(rec.b, WEFT_REASON_AHEAD);
	pool_free(f.p);
}

static void test_plan_moves(void **state)
{
	struct plan_fixture f = setup(2, 256, 2);
	struct weft_sched_device closed;
	struct weft_sched_job *a = job(&f, 2, 3, NULL), *b = job(&f, 2, 3, a);

	picks(&f, a, 0);
	pool_start(f.p, a);
	closed = *f.d[0];
	closed.open = false;
	assert_int_equal(weft_sched_device_set(&f.p->s, f.d[0], &closed, 10), 0);
	f.p->now = 200;
	pool_done(f.p, a, 200);
	picks(&f, b, 1);
	/* what comes back is planned again */
	assert_int_equal(weft_sched_job_return(&f.p->s, b, WEFT_RETURN_DRAIN, 0, 210), 0);
	f.p->now = 210;
	picks(&f, b, 1);
	assert_int_equal(b->moves, 1);
	pool_free(f.p);
}

static void test_small_window(void **state)
{
	struct plan_fixture f = setup(1, 1, 1);
	struct weft_sched_job *a = job(&f, 1, 1, NULL), *b = job(&f, 5, 1, NULL);

	/* one at a time, the longest first, and nobody is forgotten */
	picks(&f, b, 0);
	picks(&f, a, 0);
	pool_pick_none(f.p);
	pool_free(f.p);
}

static void test_refused(void **state)
{
	struct weft_plan_room room = { 16, 16, 16, 16, 1 }, bad;
	struct weft_sched_route r = { .bandwidth = 1 };
	struct pool *p = pool_new("eft");
	void *memory = pool_alloc(p, weft_sched_plan_size(&room));
	u32 *field[] = { &bad.jobs, &bad.window, &bad.data, &bad.spans, &bad.rounds };
	u32 i;

	assert_int_equal(weft_sched_route_set(&p->s, 0, 1, &r, 0), -EOPNOTSUPP);
	for (i = 0; i < ARRAY_SIZE(field); i++) {
		bad = room;
		*field[i] = 0;
		assert_int_equal(weft_sched_plan_size(&bad), 0);
		assert_int_equal(weft_sched_plan_on(&p->s, memory, &bad, 0), -EINVAL);
		bad = room;
		*field[i] = U32_MAX;
		assert_int_equal(weft_sched_plan_size(&bad), 0);
	}
	bad = room;
	bad.window = 17;
	assert_int_equal(weft_sched_plan_size(&bad), 0);
	assert_int_equal(weft_sched_plan_on(&p->s, memory, &room, 0), 0);
	assert_int_equal(weft_sched_plan_on(&p->s, memory, &room, 0), -EBUSY);
	assert_int_equal(weft_sched_route_set(&p->s, 64, 1, &r, 0), -EINVAL);
	assert_int_equal(weft_sched_route_set(&p->s, 0, 64, &r, 0), -EINVAL);
	assert_int_equal(weft_sched_route_set(&p->s, 1, 1, &r, 0), -EINVAL);
	r.port_count = WEFT_ROUTE_PORTS + 1;
	assert_int_equal(weft_sched_route_set(&p->s, 0, 1, &r, 0), -EINVAL);
	pool_free(p);
	p = pool_new("eft");
	pool_device(p, 0, WEFT_PRICE_UNIT);
	memory = pool_alloc(p, weft_sched_plan_size(&room));
	assert_int_equal(weft_sched_plan_on(&p->s, memory, &room, 0), -EBUSY);
	pool_free(p);
}

/* ------------------------------------------------------------ random graphs */

struct running {
	struct weft_sched_job *job;
	u64 end;
};

static u64 drawn;

static u64 draw(u64 below)
{
	drawn = weft_mix64(drawn + 0x9e3779b97f4a7c15ull);
	return drawn % below;
}

/* Run what is submitted on @devices devices, each job as long as expected; returns the end. */
static u64 run_all(struct plan_fixture *f, u32 devices, u32 left)
{
	struct weft_sched_job *queue[4][WEFT_SCHED_CREDITS_MAX];
	u32 head[4] = { 0 }, tail[4] = { 0 }, i;
	struct running at[4] = { { NULL, 0 } };
	struct weft_sched_decision d;

	for (;;) {
		u32 next = devices;

		while (weft_sched_pick(&f->p->s, f->p->now, &d)) {
			assert_int_equal(weft_sched_job_bound(&f->p->s, d.job, f->p->now), 0);
			queue[d.device->id][tail[d.device->id]++] = d.job;
		}
		for (i = 0; i < devices; i++) {
			if (!at[i].job && head[i] < tail[i]) {
				at[i].job = queue[i][head[i]++];
				at[i].end = f->p->now + at[i].job->est_run;
				assert_int_equal(weft_sched_job_running(&f->p->s, at[i].job,
									f->p->now), 0);
			}
			if (at[i].job && (next == devices || at[i].end < at[next].end))
				next = i;
		}
		if (next == devices)
			break;
		f->p->now = at[next].end;
		pool_done(f->p, at[next].job, at[next].job->est_run);
		at[next].job = NULL;
		left--;
	}
	assert_int_equal(left, 0);
	return f->p->now;
}

static void replays(struct pool *p)
{
	struct weft_log_header header;
	struct weft_replay_result result;
	struct weft_replay_log log;
	FILE *file = tmpfile();

	weft_log_header_init(&header);
	assert_non_null(file);
	assert_int_equal(fwrite(&header, sizeof(header), 1, file), 1);
	assert_int_equal(fwrite(p->log, sizeof(*p->log), p->log_count, file), p->log_count);
	rewind(file);
	assert_int_equal(weft_replay_load(&log, file), 0);
	fclose(file);
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_false(result.differs);
	weft_replay_unload(&log);
}

/* 60 jobs, each after up to two others, on 1 to 4 devices. */
static void submit_random(struct plan_fixture *f, u32 devices)
{
	struct weft_sched_job *all[60], *after[2];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		u32 count = i ? (u32)draw(3) : 0;

		after[0] = count > 0 ? all[draw(i)] : NULL;
		after[1] = count > 1 ? all[draw(i)] : NULL;
		all[i] = pool_add(f->p, .client = f->c, .kernel = 1 + draw(KERNELS),
				  .devices = 1 + draw((1u << devices) - 1), .after = after,
				  .after_count = count);
	}
}

static void test_what_is_planned_happens(void **state)
{
	u32 seed;

	for (seed = 1; seed <= 40; seed++) {
		u32 devices = 1 + seed % 4;
		struct plan_fixture f = setup(devices, 256, 1 + seed % 9);
		struct weft_sched_send send;

		drawn = seed;
		submit_random(&f, devices);
		assert_false(weft_sched_send(&f.p->s, 0, &send));
		assert_int_equal(run_all(&f, devices, 60), f.p->s.planner->end);
		replays(f.p);
		pool_free(f.p);
	}
}

/* More rounds never make a plan worse; in small windows every job runs all the same. */
static void test_rounds_and_windows(void **state)
{
	u64 sum[3] = { 0 };
	u32 seed, i;

	for (seed = 1; seed <= 20; seed++) {
		static const struct {
			u32 window;
			u32 rounds;
		} of[] = { { 256, 1 }, { 256, 12 }, { 5, 3 } };
		u64 end[3];

		for (i = 0; i < ARRAY_SIZE(of); i++) {
			struct plan_fixture f = setup(3, of[i].window, of[i].rounds);

			drawn = 100 + seed;
			submit_random(&f, 3);
			end[i] = run_all(&f, 3, 60);
			sum[i] += end[i];
			replays(f.p);
			pool_free(f.p);
		}
		assert_true(end[1] <= end[0]);
	}
	/* among twenty some are better */
	assert_true(sum[1] < sum[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_gaps_full),
		cmocka_unit_test(test_longest_path_first),
		cmocka_unit_test(test_gap_before_the_urgent),
		cmocka_unit_test(test_priority_first),
		cmocka_unit_test(test_early_copies),
		cmocka_unit_test(test_no_copy_of_what_changes),
		cmocka_unit_test(test_two_clients),
		cmocka_unit_test(test_plan_moves),
		cmocka_unit_test(test_small_window),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_what_is_planned_happens),
		cmocka_unit_test(test_rounds_and_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
