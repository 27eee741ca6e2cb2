// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chains on a served device: launches that are handed over before what they depend on is over.
 *
 * DOC: serve_chain
 *
 * The seat does one launch after the other, in the order of the ring, which is in order for any
 * chain. It can be told to wait in a launch: what is in the ring behind it then was handed over
 * before that launch was over, whatever the machine does meanwhile. Rejected: counting batches of a
 * chain that runs freely (that is a matter of who is faster).
 */
/* vm: smp=2 timeout=240 kernels=stock,debug,next insmod=weft,weft_serve */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "served.h"

#define SIZE	(4 * KIB)
#define AHEAD	16u		/* launches that follow others, at the most */

static struct served d;
static struct client c;
static uint32_t one, sum, launched;

/* a device with @credits, a seat that is there, and two buffers on it */
static void begin(uint32_t credits, uint64_t features)
{
	struct weft_serve_offer offer;
	struct job job;

	served_offer(&offer, "echo");
	offer.credits = credits;
	offer.features |= features;
	served_start(&d, &offer);
	client_open(&c);
	one = bo_create(c.fd, SIZE);
	sum = bo_create(c.fd, SIZE);
	job_fill(&job, &c, one, SIZE, 1);
	job_run(&c, &job);
	job_fill(&job, &c, sum, SIZE, 0);
	job_run(&c, &job);
	launched = d.s->ops[WEFT_SERVE_OP_LAUNCH];
}

/* @to becomes @from + 1 */
static void job_next(struct job *job, uint32_t to, uint32_t from)
{
	job_add(job, &c, to, from, one, SIZE);
}

/* @sum becomes one more, @count times; the first of them is in the seat, and waits */
static uint64_t chain_held(struct job *jobs, uint32_t count)
{
	uint64_t id;

	d.s->hold = true;
	for (uint32_t i = 0; i < count; i++)
		if (!jobs[i].j.program)
			job_next(&jobs[i], sum, sum);
	id = submit(&c, jobs, count);
	served_reach(&d.s->ops[WEFT_SERVE_OP_LAUNCH], launched + 1);
	served_reach(&d.s->behind, count - 1 < AHEAD ? count - 1 : AHEAD);
	return id;
}

static void ends_with(uint64_t id, uint32_t error)
{
	struct drm_weft_job_record r;

	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, error);
}

/* the seat is as it was, and works */
static void works_on(uint32_t seats)
{
	struct job job;

	job_fill(&job, &c, sum, SIZE, 77);
	job_run(&c, &job);
	bo_expect(c.fd, sum, SIZE, 77);
	CHECK_EQ(d.s->lost, seats);
	CHECK_EQ(d.s->spawned, seats + 1);
	CHECK_EQ(d.s->astray, 0);
}

TEST(ahead, "a chain is in the ring before its first launch is over: no way back per job")
{
	struct job jobs[40] = { };
	uint64_t id;

	begin(1, WEFT_SERVE_F_EVENTS);
	id = chain_held(jobs, 40);
	CHECK_EQ(d.s->behind, AHEAD);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_LAUNCH], launched + 1);
	d.s->hold = false;
	for (int i = 0; i < 40; i++)
		ends_with(id + i, 0);
	bo_expect(c.fd, sum, SIZE, 40);
	/* of those that were in the ring none was waited for in the kernel */
	CHECK(d.s->together >= AHEAD + 1);
	CHECK_EQ(d.s->waits, 1);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_LAUNCH], launched + 40);
	works_on(0);
}

TEST(without, "without F_EVENTS nothing comes before its time, and nobody waits for events")
{
	struct job jobs[4] = { };
	uint64_t id;

	begin(4, 0);
	d.s->hold = true;
	for (int i = 0; i < 4; i++)
		job_next(&jobs[i], sum, sum);
	id = submit(&c, jobs, 4);
	served_reach(&d.s->ops[WEFT_SERVE_OP_LAUNCH], launched + 1);
	/* as long as the first one is not over this cannot change */
	CHECK_EQ(job_state(c.fd, id + 1), DRM_WEFT_JOB_WAITING);
	d.s->hold = false;
	for (int i = 0; i < 4; i++)
		ends_with(id + i, 0);
	bo_expect(c.fd, sum, SIZE, 4);
	CHECK_EQ(d.s->waits, 0);
	works_on(0);
}

TEST(graph, "a graph with forks and joins, several at once: results are right")
{
	struct job jobs[40];
	uint32_t bo[5], want[5] = { 0 };
	uint64_t id;

	begin(4, WEFT_SERVE_F_EVENTS);
	for (int i = 0; i < 5; i++) {
		bo[i] = bo_create(c.fd, SIZE);
		job_fill(&jobs[0], &c, bo[i], SIZE, i);
		job_run(&c, &jobs[0]);
		want[i] = i;
	}
	for (int turn = 0; turn < 10; turn++) {
		for (int i = 0; i < 40; i++) {
			int to = (i * 3 + turn) % 5, a = (i + turn) % 5, b = (i * i) % 5;

			job_add(&jobs[i], &c, bo[to], bo[a], bo[b], SIZE);
			want[to] = want[a] + want[b];
		}
		id = submit(&c, jobs, 40);
		for (int i = 0; i < 40; i++)
			ends_with(id + i, 0);
	}
	for (int i = 0; i < 5; i++)
		bo_expect(c.fd, bo[i], SIZE, want[i]);
	works_on(0);
}

TEST(fails, "a launch in the middle fails: those behind it are cancelled, once, and do not count")
{
	struct job jobs[6] = { };
	uint64_t id;
	uint32_t word;

	begin(2, WEFT_SERVE_F_EVENTS);
	d.s->trick_at = launched + 3;
	d.s->trick = SERVED_FAIL;
	id = chain_held(jobs, 6);
	d.s->hold = false;
	for (int i = 0; i < 6; i++)
		ends_with(id + i, i < 2 ? 0 : i == 2 ? EIO : ECANCELED);
	/* whatever the seat said about the others */
	CHECK_EQ(bo_read(c.fd, sum, 0, &word, sizeof(word)), -ENODATA);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_LAUNCH], launched + 6);
	works_on(0);
}

TEST(late, "the first is over after the second: nobody hears of that before his turn")
{
	struct job jobs[5] = { };
	uint64_t id;

	begin(1, WEFT_SERVE_F_EVENTS);
	d.s->trick_at = launched + 1;
	d.s->trick = SERVED_LAST;
	id = chain_held(jobs, 5);
	d.s->hold = false;
	for (int i = 0; i < 5; i++)
		ends_with(id + i, 0);
	bo_expect(c.fd, sum, SIZE, 5);
	works_on(0);
}

TEST(cancelled, "one of a chain is cancelled, and those behind it with it; the seat goes on")
{
	struct job jobs[5] = { };
	uint64_t id;

	begin(1, WEFT_SERVE_F_EVENTS);
	id = chain_held(jobs, 5);
	CHECK_EQ(job_cancel(c.fd, id + 2), 0);
	d.s->hold = false;
	for (int i = 0; i < 5; i++)
		ends_with(id + i, i < 2 ? 0 : ECANCELED);
	works_on(0);
}

TEST(hangs, "one of a chain hangs: it is aborted at its deadline, which begins when it can start")
{
	struct job jobs[4] = { };
	uint64_t id;

	begin(1, WEFT_SERVE_F_EVENTS);
	for (int i = 0; i < 4; i++)
		job_next(&jobs[i], sum, sum);
	jobs[1].j.timeout_ns = 2 * SEC;
	jobs[2].j.timeout_ns = 2 * SEC;
	d.s->trick_at = launched + 3;
	d.s->trick = SERVED_HANG;
	id = chain_held(jobs, 4);
	/* longer than those behind it may take */
	sleep_ms(3000);
	d.s->hold = false;
	for (int i = 0; i < 4; i++)
		ends_with(id + i, i < 2 ? 0 : i == 2 ? ETIME : ECANCELED);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_ABORT], 1);
	works_on(0);
}

TEST(killed, "kill -9 in the middle: jobs that cannot run twice end, those behind them, too")
{
	struct job jobs[5] = { };
	uint64_t id;

	begin(1, WEFT_SERVE_F_EVENTS);
	id = chain_held(jobs, 5);
	kill(d.s->seat[0].pid, SIGKILL);
	served_reach(&d.s->lost, 1);
	d.s->hold = false;
	for (int i = 0; i < 5; i++)
		ends_with(id + i, i ? ECANCELED : ENODEV);
	/* what was on the device is gone, the input of the chain with it */
	job_fill(&jobs[0], &c, one, SIZE, 1);
	job_run(&c, &jobs[0]);
	works_on(1);
}

TEST(killed_again, "... jobs that can run again do, in order, in a new seat")
{
	uint32_t bo[6];
	struct job jobs[6];
	uint64_t id;

	begin(1, WEFT_SERVE_F_EVENTS);
	for (int i = 0; i < 6; i++) {
		bo[i] = bo_create(c.fd, SIZE);
		/* a buffer that is new there has to be cleared first, which the seat does not */
		job_fill(&jobs[i], &c, bo[i], SIZE, 0);
		job_run(&c, &jobs[i]);
		if (i)
			job_copy(&jobs[i], &c, bo[i], bo[i - 1], SIZE);
		else
			job_fill(&jobs[i], &c, bo[i], SIZE, 31);
		jobs[i].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	}
	launched = d.s->ops[WEFT_SERVE_OP_LAUNCH];
	id = chain_held(jobs, 6);
	kill(d.s->seat[0].pid, SIGKILL);
	served_reach(&d.s->lost, 1);
	d.s->hold = false;
	for (int i = 0; i < 6; i++)
		ends_with(id + i, 0);
	for (int i = 0; i < 6; i++)
		bo_expect(c.fd, bo[i], SIZE, 31);
	works_on(1);
}

TEST(storm, "seats killed at any moment of a chain: all jobs end, and what is right is right")
{
	struct job jobs[24];
	uint32_t bo[24], rest, word, kills = 0;
	struct drm_weft_job_record r;
	uint64_t id;
	bool failed;

	begin(3, WEFT_SERVE_F_EVENTS);
	for (int i = 0; i < 24; i++)
		bo[i] = bo_create(c.fd, SIZE);
	for (int turn = 0; turn < 15; turn++) {
		for (int i = 0; i < 24; i++) {
			if (i)
				job_copy(&jobs[i], &c, bo[i], bo[i - 1], SIZE);
			else
				job_fill(&jobs[i], &c, bo[i], SIZE, turn + 1);
			jobs[i].j.flags = i % 5 ? DRM_WEFT_JOB_IDEMPOTENT : 0;
		}
		rest = d.s->ops[WEFT_SERVE_OP_LAUNCH];
		id = submit(&c, jobs, 24);
		served_reach(&d.s->ops[WEFT_SERVE_OP_LAUNCH], rest + 1 + turn);
		if (turn % 3) {
			kill(d.s->seat[0].pid, SIGKILL);
			/* else the next turn may lose jobs to it */
			served_reach(&d.s->lost, ++kills);
		}
		failed = false;
		for (int i = 0; i < 24; i++) {
			job_wait(c.fd, id + i, &r);
			CHECK(!r.error || r.error == ENODEV || r.error == ECANCELED ||
			      r.error == ENODATA);
			CHECK(!failed || r.error);
			failed = r.error;
		}
		/* a seat that is killed when all is over still takes the bytes with it */
		if (turn % 3 == 0)
			CHECK(!failed);
		if (!failed && bo_read(c.fd, bo[23], 0, &word, sizeof(word)) != -ENODATA)
			CHECK_EQ(word, (uint32_t)turn + 1);
	}
}

TEST(lengths, "with each relocation comes the length of what is there")
{
	struct job job;

	begin(1, WEFT_SERVE_F_EVENTS);
	job_next(&job, sum, one);
	job.buffer[0].offset = 1024;
	job.buffer[0].length = 2048;
	job.reloc[0].buffer = 0;
	job.reloc[0].delta = 512;
	job.args.add.count = 4;
	job_wait(c.fd, submit(&c, &job, 1), &(struct drm_weft_job_record) { });
	CHECK_EQ(d.s->length[0], 2048 - 512);
	CHECK_EQ(d.s->length[1], SIZE);
}
