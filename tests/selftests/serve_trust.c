// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seats that misbehave: whatever a process does, jobs end, in time, and other seats notice nothing.
 */
/* vm: smp=2 timeout=240 kernels=stock,debug,next insmod=weft,weft_serve */
#include <signal.h>
#include <stdio.h>

#include "served.h"

#define LATE	(2 * SEC)	/* where a deadline is what is tested */

static struct served d;
static struct client c;

static void begin_with(uint32_t recovery, uint64_t answer)
{
	struct weft_serve_offer offer;

	served_offer(&offer, "echo");
	offer.recovery = recovery;
	offer.answer_ns = answer;
	served_start(&d, &offer);
	client_open(&c);
}

static void begin(uint32_t recovery)
{
	begin_with(recovery, PATIENCE);
}

/* one FILL of 4 KiB on the device; its record */
static struct drm_weft_job_record fill(uint32_t bo, uint32_t value, uint32_t flags)
{
	struct drm_weft_job_record r;
	struct job job;

	job_fill(&job, &c, bo, 4 * KIB, value);
	job.j.flags = flags;
	if (d.offer.answer_ns == LATE)
		job.j.timeout_ns = LATE;
	job_wait(c.fd, submit(&c, &job, 1), &r);
	return r;
}

/* a number that sysfs shows of the device */
static uint64_t shown(const char *leaf)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/devices/platform/weft_serve.%u/%s", d.s->device, leaf);
	CHECK(file_read(path, text, sizeof(text)) > 0);
	return strtoull(text, NULL, 10);
}

/* it does @trick with one job; then a job like any other works, in as many seats more */
static struct drm_weft_job_record after(enum served_trick trick, uint32_t flags, uint32_t seats)
{
	uint32_t bo = bo_create(c.fd, 4 * KIB), spawned;
	struct drm_weft_job_record r;

	CHECK_EQ(fill(bo, 1, 0).error, 0);
	spawned = d.s->spawned;
	d.s->trick = trick;
	r = fill(bo, 2, flags);
	CHECK_EQ(fill(bo, 3, 0).error, 0);
	bo_expect(c.fd, bo, 4 * KIB, 3);
	CHECK_EQ(d.s->spawned - spawned, seats);
	CHECK_EQ(d.s->lost, seats);
	CHECK_EQ(shown("seats_lost"), seats);
	CHECK_EQ(shown("seats_started"), seats + 1);
	bo_close(c.fd, bo);
	return r;
}

TEST(fails, "a launch that fails: its error, its code; the seat goes on")
{
	struct drm_weft_job_record r;

	begin(WEFT_SERVE_RECOVERY_RERUN);
	r = after(SERVED_FAIL, 0, 0);
	CHECK_EQ(r.error, EIO);
	CHECK_EQ(r.code, 42);
}

TEST(exits, "a process that exits: a job that may run again does, in a new seat")
{
	struct drm_weft_job_record r;

	begin(WEFT_SERVE_RECOVERY_RERUN);
	r = after(SERVED_EXIT, DRM_WEFT_JOB_IDEMPOTENT, 1);
	CHECK_EQ(r.error, 0);
	CHECK_EQ(r.runs, 2);
	CHECK_EQ(d.s->last_error, EPIPE);
}

TEST(exits_once, "... and one that may not fails with ENODEV")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_EXIT, 0, 1).error, ENODEV);
}

TEST(exits_fail, "RECOVERY_FAIL: it fails with EIO, whether it may run again or not")
{
	begin(WEFT_SERVE_RECOVERY_FAIL);
	CHECK_EQ(after(SERVED_EXIT, DRM_WEFT_JOB_IDEMPOTENT, 1).error, EIO);
}

TEST(execs, "a process that becomes another is dead, though it keeps the file")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_EXEC, DRM_WEFT_JOB_IDEMPOTENT, 1).error, 0);
	CHECK_EQ(d.s->last_error, EPIPE);
}

TEST(unmaps, "a process that unmaps its ring is dead")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_UNMAP, DRM_WEFT_JOB_IDEMPOTENT, 1).error, 0);
	CHECK_EQ(d.s->last_error, EPIPE);
}

TEST(hangs, "a launch that hangs is aborted at its deadline; the seat goes on")
{
	begin_with(WEFT_SERVE_RECOVERY_RERUN, LATE);
	CHECK_EQ(after(SERVED_HANG, DRM_WEFT_JOB_IDEMPOTENT, 0).error, ETIME);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_ABORT], 1);
}

TEST(hangs_hard, "one that cannot be aborted takes its seat with it")
{
	begin_with(WEFT_SERVE_RECOVERY_RERUN, LATE);
	CHECK_EQ(after(SERVED_HANG_HARD, DRM_WEFT_JOB_IDEMPOTENT, 1).error, ETIME);
	CHECK_EQ(d.s->last_error, ETIME);
}

TEST(stops, "SIGSTOP: given up by the deadlines, killed while it is stopped")
{
	begin_with(WEFT_SERVE_RECOVERY_RERUN, LATE);
	CHECK_EQ(after(SERVED_STOP, DRM_WEFT_JOB_IDEMPOTENT, 1).error, ETIME);
}

TEST(killed, "kill -9 of an idle seat: its bytes are LOST, the next job gets a new seat")
{
	uint32_t bo, b;
	struct drm_weft_bo_info info;
	uint64_t until = in_ns(PATIENCE);

	begin(WEFT_SERVE_RECOVERY_RERUN);
	bo = bo_create(c.fd, 4 * KIB);
	b = bo_create(c.fd, 4 * KIB);
	CHECK_EQ(fill(bo, 7, 0).error, 0);
	kill(d.s->seat[0].pid, SIGKILL);
	served_reach(&d.s->lost, 1);
	do {
		CHECK_EQ(bo_info(c.fd, bo, &info), 0);
		CHECK(now_ns() < until);
	} while (!(info.state & DRM_WEFT_BO_LOST));
	CHECK_EQ(bo_cpu(c.fd, true, bo, DRM_WEFT_ACCESS_READ, FOREVER), -ENODATA);
	CHECK_EQ(fill(b, 8, 0).error, 0);
	bo_expect(c.fd, b, 4 * KIB, 8);
	CHECK_EQ(d.s->spawned, 2);
}

TEST(copies, "a copy that is not answered: the seat is given up, the reader told")
{
	uint32_t bo;

	begin_with(WEFT_SERVE_RECOVERY_RERUN, LATE);
	bo = bo_create(c.fd, 4 * KIB);
	CHECK_EQ(fill(bo, 7, 0).error, 0);
	d.s->stop_copies = true;
	CHECK_EQ(bo_cpu(c.fd, true, bo, DRM_WEFT_ACCESS_READ, FOREVER), -ENODATA);
	served_reach(&d.s->lost, 1);
	CHECK_EQ(d.s->last_error, ETIME);
	d.s->stop_copies = false;
	CHECK_EQ(fill(bo, 9, 0).error, 0);
	bo_expect(c.fd, bo, 4 * KIB, 9);
}

TEST(twice, "completed twice: the first counts")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_TWICE, 0, 0).error, 0);
	CHECK_EQ(shown("bad_completions"), 1);
}

TEST(nonsense, "completions of slots and generations that are not: ignored")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_NONSENSE, 0, 0).error, 0);
	CHECK_EQ(shown("bad_completions"), 4);
}

TEST(flood, "more completions than slots: the seat is given up")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_FLOOD, DRM_WEFT_JOB_IDEMPOTENT, 1).error, 0);
	CHECK_EQ(d.s->last_error, EPROTO);
}

TEST(boasts, "device times are cut to what passed")
{
	struct drm_weft_job_record r;

	begin(WEFT_SERVE_RECOVERY_RERUN);
	r = after(SERVED_BOAST, 0, 0);
	CHECK_EQ(r.error, 0);
	CHECK(r.busy_ns > 0 && r.busy_ns <= r.end_ns - r.start_ns);
}

TEST(lies, "a seat has no say over its device: ENODEV is the job's EIO")
{
	struct drm_weft_device_info info;

	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_LIE, 0, 0).error, EIO);
	CHECK(dev_find(c.fd, "echo", &info));
}

TEST(odd, "a completion that says what nobody understands is a failure: EPROTO")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_ODD_FLAG, 0, 0).error, EPROTO);
	CHECK_EQ(after(SERVED_ODD_PAD, 0, 0).error, EPROTO);
}

TEST(forks, "a child inherits no mapping, makes none, and may not ENTER")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_FORK, 0, 0).error, 0);
	CHECK_EQ(d.s->child, -EPERM);
}

TEST(scribbles, "what the kernel wrote into the ring it does not read again")
{
	begin(WEFT_SERVE_RECOVERY_RERUN);
	CHECK_EQ(after(SERVED_SCRIBBLE, 0, 0).error, 0);
}

TEST(crash_loop, "a job that kills every seat ends")
{
	uint32_t bo, runs = 0;
	struct drm_weft_job_record r;
	struct job job;
	uint64_t id;

	begin(WEFT_SERVE_RECOVERY_RERUN);
	bo = bo_create(c.fd, 4 * KIB);
	job_fill(&job, &c, bo, 4 * KIB, 1);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	d.s->trick = SERVED_EXIT;
	id = submit(&c, &job, 1);
	while (job_state(c.fd, id) != DRM_WEFT_JOB_DONE) {
		if (d.s->trick == SERVED_WELL && runs < 100) {
			d.s->trick = SERVED_EXIT;
			runs++;
		}
		sleep_ms(1);
	}
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, ENODEV);
	CHECK(r.runs > 1 && r.runs < 10);
}

TEST(foreign, "what others took of a run is not learned, nor is it the device's fault")
{
	struct drm_weft_job_record r;
	struct job job;

	begin(WEFT_SERVE_RECOVERY_RERUN);
	job_nop(&job, &c, 1000);
	for (int i = 0; i < 16; i++)
		job_run(&c, &job);
	d.s->trick = SERVED_SLOW;
	job_wait(c.fd, submit(&c, &job, 1), &r);
	CHECK_EQ(r.error, 0);
	CHECK(r.busy_ns > 500 * MS);
	CHECK_EQ(wdev_get("echo", "slow_runs"), 0);
	/* of its own accord */
	job.args.nop.work = 1000000;
	job_run(&c, &job);
	CHECK_EQ(wdev_get("echo", "slow_runs"), 1);
}

TEST(server, "kill -9 of the server: device and seats go, jobs end")
{
	uint32_t bo;
	struct drm_weft_job_record r;
	struct job job;
	uint64_t id;

	begin(WEFT_SERVE_RECOVERY_RERUN);
	bo = bo_create(c.fd, 4 * KIB);
	CHECK_EQ(fill(bo, 1, 0).error, 0);
	d.s->trick = SERVED_HANG_HARD;
	job_fill(&job, &c, bo, 4 * KIB, 1);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	served_kill(&d);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, ENODEV);
}
