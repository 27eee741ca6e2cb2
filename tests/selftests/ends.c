// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way a job can end, from every state: failure, poison, cancel, timeout, loss, exit.
 */
/* vm: smp=4 timeout=180 kernels=stock,debug,next insmod=weft,weft_sim */
#include <pthread.h>

#include "common.h"

#define R		DRM_WEFT_ACCESS_READ
#define W		DRM_WEFT_ACCESS_WRITE
#define FOR_SUBMIT	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT

SETUP()
{
	dev_add("unit", DEV_UNIT);
	dev_add("other", DEV_UNIT);
	devs_keep();
}

static void on(struct job *job, const struct client *c, const char *device, unsigned int ms)
{
	job_nop(job, c, ms * UNIT_MS);
	job->j.device_mask = device ? dev_mask(c->fd, device) : 0;
}

/* each of these gets its own device: faults stay with the test */
static void faulty(const char *fault, const char *value)
{
	dev_add("faulty", DEV_UNIT);
	CHECK_EQ(dev_set("faulty", fault, value), 0);
}

static void still_works(const struct client *c, const char *device)
{
	struct job job;

	on(&job, c, device, 1);
	job_run(c, &job);
}

/* ------------------------------------------------------------------------------ failure */

TEST(device_error, "F7: a device error: EIO and the code; syncobj, sync_file and record tell it")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint32_t s;
	int f;

	faulty("fault/error", "1");
	client_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "faulty", 5);
	job_out(&job, s, 0);
	job_wait(c.fd, submit(&c, &job, 1), &r);
	CHECK_EQ(r.error, EIO);
	CHECK_EQ(r.code, WEFT_SIM_ERR_INJECTED);
	CHECK_EQ(r.runs, 1);
	/* a wait on the syncobj ends; only the fence's status tells that it failed */
	CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(PATIENCE)), 0);
	f = syncobj_sync_file(c.fd, s);
	CHECK(f >= 0);
	CHECK_EQ(sync_file_status(f), -EIO);
	still_works(&c, "faulty");
}

TEST(account, "a failed job counts as completed and failed, for client and device")
{
	struct drm_weft_client_info i;
	struct drm_weft_device_info d;
	struct client c;
	struct job job;

	faulty("fault/error", "1");
	client_open(&c);
	on(&job, &c, "faulty", 1);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), 0);
	client_info(c.fd, &i);
	CHECK_EQ(i.jobs_submitted, 2);
	CHECK_EQ(i.jobs_completed, 2);
	CHECK_EQ(i.jobs_failed, 1);
	CHECK(dev_find(c.fd, "faulty", &d));
	CHECK_EQ(d.jobs_done, 2);
	CHECK_EQ(d.jobs_failed, 1);
}

TEST(poison, "F7: dependents of a failed job end with ECANCELED, the whole chain, never run")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job[6];
	uint64_t id;

	faulty("fault/error", "1");
	client_open(&c);
	on(&job[0], &c, "faulty", 20);
	for (int i = 1; i < 6; i++) {
		on(&job[i], &c, "unit", 1);
		job_dep(&job[i], DRM_WEFT_DEP_INDEX, 0, i - 1);
	}
	id = submit(&c, job, 6);
	for (int i = 0; i < 6; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK_EQ(r.error, i ? ECANCELED : EIO);
		CHECK_EQ(r.runs, i ? 0 : 1);
		CHECK_EQ(r.device == ~0u, i ? 1 : 0);
	}
}

TEST(poison_late, "an edge to a job that has failed already poisons at SUBMIT")
{
	struct client c;
	struct job job;
	uint64_t id;

	faulty("fault/error", "1");
	client_open(&c);
	on(&job, &c, "faulty", 1);
	id = submit(&c, &job, 1);
	job_wait(c.fd, id, &(struct drm_weft_job_record){});
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_JOB, 0, id);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ECANCELED);
}

TEST(poison_syncobj, "a syncobj dependency on a failed job poisons, pending or signalled")
{
	struct client c;
	struct job job;
	uint32_t s;
	uint64_t id[3];

	faulty("fault/error", "1");
	client_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "faulty", 50);
	job_out(&job, s, 0);
	id[0] = submit(&c, &job, 1);
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, s, 0);
	id[1] = submit(&c, &job, 1);
	CHECK_EQ(job_result(c.fd, id[0]), EIO);
	id[2] = submit(&c, &job, 1);
	CHECK_EQ(job_result(c.fd, id[1]), ECANCELED);
	CHECK_EQ(job_result(c.fd, id[2]), ECANCELED);
}

TEST(run_anyway, "RUN_ANYWAY runs after a failed predecessor, pending or done")
{
	struct client c;
	struct job job[3];
	uint64_t id;

	faulty("fault/error", "1");
	client_open(&c);
	on(&job[0], &c, "faulty", 20);
	on(&job[1], &c, "unit", 1);
	job[1].j.flags = DRM_WEFT_JOB_RUN_ANYWAY;
	job_dep(&job[1], DRM_WEFT_DEP_INDEX, 0, 0);
	on(&job[2], &c, "unit", 1);
	job_dep(&job[2], DRM_WEFT_DEP_INDEX, 0, 1);
	id = submit(&c, job, 3);
	CHECK_EQ(job_result(c.fd, id + 1), 0);
	CHECK_EQ(job_result(c.fd, id + 2), 0);
	job[1].dep[0] = (struct drm_weft_dep) { DRM_WEFT_DEP_JOB, 0, id };
	CHECK_EQ(job_result(c.fd, submit(&c, &job[1], 1)), 0);
	CHECK_EQ(job_result(c.fd, id), EIO);
}

TEST(lost_output, "F7: what a failed job should have written is LOST: its readers fail")
{
	struct drm_weft_bo_info info;
	struct client c;
	struct job job[2];
	uint32_t x, y;
	uint64_t id;

	faulty("fault/error", "1");
	client_open(&c);
	x = bo_create(c.fd, 4096);
	y = bo_create(c.fd, 4096);
	job_fill(&job[0], &c, x, 4096, 1);
	job[0].j.device_mask = dev_mask(c.fd, "faulty");
	job_copy(&job[1], &c, y, x, 4096);
	id = submit(&c, job, 2);
	CHECK_EQ(job_result(c.fd, id), EIO);
	CHECK_EQ(job_result(c.fd, id + 1), ECANCELED);	/* the hazard edge poisons */
	CHECK_EQ(bo_info(c.fd, x, &info), 0);
	CHECK_EQ(info.state, DRM_WEFT_BO_LOST);
	CHECK_EQ(bo_info(c.fd, y, &info), 0);
	CHECK_EQ(info.state, DRM_WEFT_BO_LOST);
	/* no edge is left to poison, but the bytes are still not there */
	job_copy(&job[1], &c, bo_create(c.fd, 4096), x, 4096);
	job[1].j.flags = DRM_WEFT_JOB_RUN_ANYWAY;
	CHECK_EQ(job_result(c.fd, submit(&c, &job[1], 1)), ENODATA);
}

TEST(input_kept, "a failed job leaves what it only read alone")
{
	struct client c;
	struct job job;
	uint32_t x;

	faulty("fault/error", "1");
	client_open(&c);
	x = bo_create(c.fd, 4096);
	bo_fill(c.fd, x, 4096, 6);
	job_copy(&job, &c, bo_create(c.fd, 4096), x, 4096);
	job.j.device_mask = dev_mask(c.fd, "faulty");
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	bo_expect(c.fd, x, 4096, 6);
}

TEST(wrong_order, "completions out of order do no harm")
{
	struct client c;
	struct job job[12];
	uint64_t id;

	dev_add("mixed", "profile=gpu", "model=unit", "speed=nop 100", "engines=2", "credits=2",
		"memory=16777216");
	CHECK_EQ(dev_set("mixed", "fault/wrong_order", "-1"), 0);
	client_open(&c);
	for (int i = 0; i < 12; i++)
		on(&job[i], &c, "mixed", 2 + i % 3);
	id = submit(&c, job, 12);
	for (int i = 0; i < 12; i++)
		CHECK_EQ(job_result(c.fd, id + i), 0);
}

/* ------------------------------------------------------------------------------- cancel */

/* brings a job into @state on a busy device and cancels it there */
static void cancel_in(uint32_t state)
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint32_t s, x;
	uint64_t id, after, front = 0;
	int blockers, f;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	x = bo_create(c.fd, 4096);
	/* one runs and two are BOUND behind it: further jobs stay READY */
	blockers = state == DRM_WEFT_JOB_RUNNING ? 0 : state == DRM_WEFT_JOB_BOUND ? 1 : 3;
	for (int i = 0; i < blockers; i++) {
		on(&job, &c, "unit", 1000);
		front = submit(&c, &job, 1);
		job_reach(c.fd, front, i ? DRM_WEFT_JOB_BOUND : DRM_WEFT_JOB_RUNNING);
	}
	on(&job, &c, "unit", 1000);
	job_out(&job, s, 0);
	job_buffer(&job, x, W);
	if (state == DRM_WEFT_JOB_WAITING)
		job_dep(&job, DRM_WEFT_DEP_JOB, 0, front);
	id = submit(&c, &job, 1);
	on(&job, &c, "other", 1);
	job_dep(&job, DRM_WEFT_DEP_JOB, 0, id);
	after = submit(&c, &job, 1);

	job_reach(c.fd, id, state);
	CHECK_EQ(job_state(c.fd, id), state);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, ECANCELED);
	CHECK_EQ(r.runs, state == DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(job_cancel(c.fd, id), -EALREADY);
	/* the syncobj is signalled, with the error; the output is LOST; the dependent goes too */
	CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(PATIENCE)), 0);
	f = syncobj_sync_file(c.fd, s);
	CHECK(f >= 0);
	CHECK_EQ(sync_file_status(f), -ECANCELED);
	CHECK_EQ(job_result(c.fd, after), ECANCELED);
	CHECK_EQ(bo_cpu(c.fd, true, x, R, FOREVER), -ENODATA);
	client_close(&c);
	client_open(&c);
	still_works(&c, "unit");
}

TEST(cancel_waiting, "F3: cancel in WAITING") { cancel_in(DRM_WEFT_JOB_WAITING); }
TEST(cancel_ready, "F3: cancel in READY") { cancel_in(DRM_WEFT_JOB_READY); }
TEST(cancel_bound, "F3: cancel in BOUND") { cancel_in(DRM_WEFT_JOB_BOUND); }
TEST(cancel_running, "F3: cancel in RUNNING") { cancel_in(DRM_WEFT_JOB_RUNNING); }

TEST(cancel_binding, "F9: cancel in BINDING, while its buffers are on the way")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint32_t x;
	uint64_t id;

	/* 4 MiB at 8 MB/s: half a second in BINDING */
	dev_add("far", DEV_UNIT, "bandwidth_down=8");
	client_open(&c);
	x = bo_create(c.fd, 4 * MIB);
	bo_fill(c.fd, x, 4 * MIB, 1);
	on(&job, &c, "far", 1);
	job_buffer(&job, x, R);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_BINDING);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BINDING);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, ECANCELED);
	CHECK_EQ(r.runs, 0);
	bo_expect(c.fd, x, 4 * MIB, 1);
	still_works(&c, "far");
}

TEST(cancel_race, "cancel and completion race 200 times: one end each")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	for (int i = 0; i < 200; i++) {
		job_nop(&job, &c, i * UNIT_MS / 100);
		id = submit(&c, &job, 1);
		for (volatile int spin = 0; spin < i * 200; spin++)
			;
		job_cancel(c.fd, id);
		job_wait(c.fd, id, &r);
		CHECK(r.error == 0 || r.error == ECANCELED);
		CHECK_EQ(job_query(c.fd, id, 1, NULL, DRM_WEFT_JOB_QUERY_ACK, 0), 0);
	}
}

TEST(cancel_twice, "a second cancel of a job on its way out is harmless")
{
	struct client c;
	struct job job;
	uint64_t id;
	long ret;

	client_open(&c);
	on(&job, &c, "unit", 500);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	for (int i = 0; i < 5; i++) {
		ret = job_cancel(c.fd, id);
		CHECK(!ret || ret == -EALREADY);
	}
	CHECK_EQ(job_result(c.fd, id), ECANCELED);
}

/* F3: the waiter is there before the end, and the end is no success */
struct waiter {
	pthread_t thread;
	int fd;
	uint32_t syncobj;
	long ret;
};

static void *wait_for_submit(void *arg)
{
	struct waiter *w = arg;

	w->ret = syncobj_wait(w->fd, w->syncobj, 0, FOR_SUBMIT, in_ns(PATIENCE));
	return NULL;
}

TEST(cancel_waiter, "F3: a WAIT_FOR_SUBMIT waiter wakes when the job is cancelled")
{
	struct client c;
	struct job job[2];
	struct waiter w;
	uint64_t id;

	client_open(&c);
	w = (struct waiter) { .fd = c.fd, .syncobj = syncobj_create(c.fd, 0) };
	on(&job[0], &c, "unit", 300);
	on(&job[1], &c, "unit", 1);
	job_dep(&job[1], DRM_WEFT_DEP_INDEX, 0, 0);
	job_out(&job[1], w.syncobj, 0);
	id = submit(&c, job, 2);
	pthread_create(&w.thread, NULL, wait_for_submit, &w);
	sleep_ms(20);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	pthread_join(w.thread, NULL);
	CHECK_EQ(w.ret, 0);
	CHECK_EQ(job_result(c.fd, id + 1), ECANCELED);
}

/* ------------------------------------------------------------------------------ timeout */

TEST(timeout, "F17: a job over its stated timeout: aborted, ETIME; the device goes on")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint64_t start = now_ns();

	client_open(&c);
	on(&job, &c, "unit", 20000);
	job.j.timeout_ns = 50 * MS;
	job_wait(c.fd, submit(&c, &job, 1), &r);
	CHECK_EQ(r.error, ETIME);
	CHECK_EQ(r.runs, 1);
	CHECK(now_ns() - start >= 50 * MS);
	CHECK(now_ns() - start < 15 * SEC);
	still_works(&c, "unit");
}

TEST(hang, "F17: a job that hangs: ETIME after its timeout; the one behind it runs")
{
	struct client c;
	struct job job[2];
	uint64_t id, behind;

	faulty("fault/hang", "1");
	client_open(&c);
	on(&job[0], &c, "faulty", 1);
	job[0].j.timeout_ns = 100 * MS;
	on(&job[1], &c, "faulty", 1);
	id = submit(&c, &job[0], 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	behind = submit(&c, &job[1], 1);
	CHECK_EQ(job_result(c.fd, id), ETIME);
	CHECK_EQ(job_result(c.fd, behind), 0);
}

TEST(no_false_timeout, "F17: a slow first run of a kernel is not taken for a hang")
{
	struct client c;
	struct job job;

	dev_add("cold", DEV_UNIT, "model=cold");
	client_open(&c);
	for (int i = 0; i < 4; i++) {
		on(&job, &c, "cold", 1);
		job_run(&c, &job);
	}
	/* forty times what was learned for the same size */
	CHECK_EQ(dev_set("cold", "fault/slow", "40"), 0);
	job_run(&c, &job);
}

TEST(abort_fails, "F18: a hang that cannot be aborted: the device is reset, others move")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job[3];
	uint64_t id, behind;

	faulty("fault/hang", "1");
	CHECK_EQ(dev_set("faulty", "fault/abort_fails", "1"), 0);
	client_open(&c);
	on(&job[0], &c, "faulty", 1);
	job[0].j.timeout_ns = 100 * MS;
	for (int i = 1; i < 3; i++) {
		on(&job[i], &c, NULL, 1);
		job[i].j.device_mask = dev_mask(c.fd, "faulty") | dev_mask(c.fd, "unit");
		job[i].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	}
	id = submit(&c, job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	behind = submit(&c, job + 1, 2);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, ETIME);
	CHECK_EQ(job_result(c.fd, behind), 0);
	CHECK_EQ(job_result(c.fd, behind + 1), 0);
	still_works(&c, "faulty");
}

TEST(reset_fails, "F18: nor reset: the device is given up, its jobs fail or move, nothing hangs")
{
	struct drm_weft_device_info d;
	struct drm_weft_job_record r;
	struct client c;
	struct job job[3];
	uint64_t id, behind;

	faulty("fault/hang", "1");
	CHECK_EQ(dev_set("faulty", "fault/abort_fails", "-1"), 0);
	CHECK_EQ(dev_set("faulty", "fault/reset_fails", "-1"), 0);
	client_open(&c);
	on(&job[0], &c, "faulty", 1);
	job[0].j.timeout_ns = 100 * MS;
	on(&job[1], &c, "faulty", 1);
	on(&job[2], &c, NULL, 1);
	job[2].j.device_mask = dev_mask(c.fd, "faulty") | dev_mask(c.fd, "unit");
	id = submit(&c, job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	behind = submit(&c, job + 1, 2);
	CHECK_EQ(job_result(c.fd, id), ETIME);
	job_wait(c.fd, behind, &r);
	CHECK_EQ(r.error, ENODEV);
	CHECK_EQ(job_result(c.fd, behind + 1), 0);
	CHECK(dev_find(c.fd, "faulty", &d));
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_QUARANTINED);
	on(&job[0], &c, "faulty", 1);
	CHECK_EQ(submit_raw(&c, job, 1, NULL), -ENODEV);
}

/* --------------------------------------------------------------------------------- loss */

TEST(vanish_idempotent, "a device vanishes under repeatable jobs: they run elsewhere, and right")
{
	struct drm_weft_device_info doomed;
	struct drm_weft_job_record r;
	struct client c;
	struct job job[4];
	uint32_t src, dst[4];
	uint64_t id;
	int moved = 0;

	/* 64 KiB take the doomed device 2.6 s, so it is busy when it goes */
	dev_add("doomed", DEV_UNIT, "speed=copy 1", "dilation=40");
	client_open(&c);
	src = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, src, 64 * KIB, 0x600d);
	for (int i = 0; i < 4; i++) {
		dst[i] = bo_create(c.fd, 64 * KIB);
		job_copy(&job[i], &c, dst[i], src, 64 * KIB);
		job[i].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	}
	CHECK(dev_find(c.fd, "doomed", &doomed));
	/* it is alone when they are placed, and not alone when it goes */
	CHECK_EQ(dev_enable("unit", false), 0);
	CHECK_EQ(dev_enable("other", false), 0);
	id = submit(&c, job, 4);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(dev_enable("unit", true), 0);
	CHECK_EQ(dev_enable("other", true), 0);
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	for (int i = 0; i < 4; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK_EQ(r.error, 0);
		tap_note("job %d: %u runs, %u moves, last on %u", i, r.runs, r.moves, r.device);
		moved += r.runs > 1 || r.moves;
		/* a result that was ready before the loss is lost too */
		if (r.device == doomed.id)
			CHECK_EQ(bo_cpu(c.fd, true, dst[i], R, FOREVER), -ENODATA);
		else
			bo_expect(c.fd, dst[i], 64 * KIB, 0x600d);
	}
	CHECK_MSG(moved, "no job had to move");
}

TEST(vanish_plain, "a device vanishes under a job that may not repeat: ENODEV, outputs LOST")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job[2];
	uint32_t x;
	uint64_t id;

	dev_add("doomed", DEV_UNIT);
	client_open(&c);
	x = bo_create(c.fd, 4096);
	on(&job[0], &c, "doomed", 3000);
	job_buffer(&job[0], x, W);
	on(&job[1], &c, NULL, 1);
	job_dep(&job[1], DRM_WEFT_DEP_INDEX, 0, 0);
	id = submit(&c, job, 2);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, ENODEV);
	CHECK_EQ(job_result(c.fd, id + 1), ECANCELED);
	CHECK_EQ(bo_cpu(c.fd, true, x, R, FOREVER), -ENODATA);
}

TEST(vanish_rw, "F6: IDEMPOTENT does not help a job that reads and writes one buffer: ENODEV")
{
	struct client c;
	struct job job;
	uint32_t x;
	uint64_t id;

	dev_add("doomed", DEV_UNIT);
	client_open(&c);
	x = bo_create(c.fd, 4096);
	bo_fill(c.fd, x, 4096, 1);
	on(&job, &c, NULL, 3000);
	job.j.device_mask = dev_mask(c.fd, "doomed");
	job_buffer(&job, x, R | W);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	CHECK_EQ(bo_cpu(c.fd, true, x, R, FOREVER), -ENODATA);
}

TEST(vanish_sole, "the only copy of a buffer vanishes with its device: ENODATA, never old bytes")
{
	struct drm_weft_bo_info info;
	struct client c;
	struct job job;
	uint32_t x;

	dev_add("doomed", DEV_UNIT);
	client_open(&c);
	x = bo_create(c.fd, 4096);
	bo_fill(c.fd, x, 4096, 1);
	job_fill(&job, &c, x, 4096, 2);
	job.j.device_mask = dev_mask(c.fd, "doomed");
	job_run(&c, &job);
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	for (int i = 0; i < 200 && dev_get("doomed", "enabled"); i++)
		sleep_ms(10);
	CHECK_EQ(bo_info(c.fd, x, &info), 0);
	CHECK_EQ(info.state, DRM_WEFT_BO_LOST);
	CHECK_EQ(bo_cpu(c.fd, true, x, R, FOREVER), -ENODATA);
	job_copy(&job, &c, bo_create(c.fd, 4096), x, 4096);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ENODATA);
}

TEST(vanish_shared, "a copy elsewhere survives the loss of a device")
{
	struct client c;
	struct job job;
	uint32_t x;

	dev_add("doomed", DEV_UNIT);
	client_open(&c);
	x = bo_create(c.fd, 4096);
	job_fill(&job, &c, x, 4096, 2);
	job.j.device_mask = dev_mask(c.fd, "doomed");
	job_run(&c, &job);
	bo_expect(c.fd, x, 4096, 2);
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	bo_expect(c.fd, x, 4096, 2);
}

TEST(ready_stays, "F6: READY jobs do not notice that one of their devices is gone")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job[8];
	uint64_t id;

	dev_add("doomed", DEV_UNIT);
	client_open(&c);
	for (int i = 0; i < 8; i++) {
		on(&job[i], &c, NULL, 20);
		job[i].j.device_mask = dev_mask(c.fd, "doomed") | dev_mask(c.fd, "other");
		job[i].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	}
	id = submit(&c, job, 8);
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	for (int i = 0; i < 8; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK_EQ(r.error, 0);
	}
}

TEST(last_device, "jobs whose last device leaves end with ENODEV instead of waiting for ever")
{
	struct client c;
	struct job job[8];
	uint64_t id;
	uint32_t error;
	int gone = 0;

	dev_add("only", DEV_UNIT);
	client_open(&c);
	for (int i = 0; i < 8; i++)
		on(&job[i], &c, "only", 100);
	id = submit(&c, job, 8);
	CHECK_EQ(dev_enable("only", false), 0);
	for (int i = 0; i < 8; i++) {
		error = job_result(c.fd, id + i);
		CHECK(error == 0 || error == ENODEV);
		gone += error == ENODEV;
	}
	CHECK_MSG(gone >= 4, "only %d of the waiting jobs were told", gone);
}

TEST(drain, "a device taken out in order finishes what runs, the rest goes elsewhere")
{
	struct drm_weft_device_info other;
	struct drm_weft_job_record r;
	struct client c;
	struct job job[10];
	uint64_t id;

	dev_add("leaver", DEV_UNIT);
	client_open(&c);
	CHECK(dev_find(c.fd, "other", &other));
	for (int i = 0; i < 10; i++) {
		on(&job[i], &c, NULL, 20);
		job[i].j.device_mask = dev_mask(c.fd, "leaver") | 1ull << other.id;
	}
	id = submit(&c, job, 10);
	CHECK_EQ(dev_enable("leaver", false), 0);
	for (int i = 0; i < 10; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK_EQ(r.error, 0);
	}
}

TEST(copy_error, "F14: a transfer that fails: EIO, never stale bytes")
{
	struct client c;
	struct job job;
	uint32_t x, y;
	uint32_t error;

	dev_add("faulty", DEV_UNIT);
	client_open(&c);
	x = bo_create(c.fd, 64 * KIB);
	y = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, x, 64 * KIB, 3);
	CHECK_EQ(dev_set("faulty", "fault/copy_error", "1"), 0);
	job_copy(&job, &c, y, x, 64 * KIB);
	job.j.device_mask = dev_mask(c.fd, "faulty");
	error = job_result(c.fd, submit(&c, &job, 1));
	CHECK_EQ(error, EIO);
	job_run(&c, &job);
	CHECK_EQ(dev_set("faulty", "fault/copy_error", "1"), 0);
	CHECK_EQ(bo_cpu(c.fd, true, y, R, in_ns(PATIENCE)), -EIO);
	bo_expect(c.fd, y, 64 * KIB, 3);
}

TEST(write_after_abort, "F18: a device that writes after a failed abort reaches nobody's memory")
{
	struct drm_weft_device_info d;
	struct client c;
	struct job job;
	uint32_t x[8];
	uint64_t id;

	dev_add("faulty", DEV_UNIT, "speed=fill 1");
	CHECK_EQ(dev_set("faulty", "fault/write_after_abort", "-1"), 0);
	CHECK_EQ(dev_set("faulty", "fault/abort_fails", "-1"), 0);
	client_open(&c);
	for (int round = 0; round < 3; round++) {
		uint32_t h = bo_create(c.fd, MIB);

		/* a second of writing, stopped after 30 ms; its blocks then go to others */
		job_fill(&job, &c, h, MIB, 0xbad);
		job.args.fill.count = MIB / 4;
		job.j.device_mask = dev_mask(c.fd, "faulty");
		job.j.timeout_ns = 30 * MS;
		id = submit(&c, &job, 1);
		CHECK_EQ(job_result(c.fd, id), ETIME);
		bo_close(c.fd, h);
		for (int i = 0; i < 8; i++) {
			x[i] = bo_create(c.fd, MIB);
			bo_fill(c.fd, x[i], MIB, 0x1000 + i);
			on(&job, &c, "faulty", 1);
			job_buffer(&job, x[i], R | W);
			job_run(&c, &job);
		}
		sleep_ms(50);
		for (int i = 0; i < 8; i++) {
			bo_expect(c.fd, x[i], MIB, 0x1000 + i);
			bo_close(c.fd, x[i]);
		}
	}
	/* three resets make it suspect, but each has brought it back */
	CHECK(dev_find(c.fd, "faulty", &d));
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_DEGRADED);
	CHECK_EQ(d.resets, 3);
	CHECK_EQ(d.resets_failed, 0);
}
