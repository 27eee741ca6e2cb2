// SPDX-License-Identifier: GPL-2.0-only
/*
 * Early mode: fences that are out before their job runs; what interrupts, delays and ends them.
 */
/* vm: smp=4 timeout=180 kernels=stock,debug,next insmod=weft,weft_sim sw_sync=1 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "common.h"
#include "peers.h"

#define R		DRM_WEFT_ACCESS_READ
#define W		DRM_WEFT_ACCESS_WRITE
#define FOR_SUBMIT	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT
#define SIZE		(64 * KIB)

/* what one device of these tests keeps BOUND and RUNNING: a credit, and two jobs beyond */
#define FULL		3

SETUP()
{
	dev_add("unit", DEV_UNIT);
	dev_add("slow", DEV_SLOW);
	devs_keep();
}

static void early_open(struct client *c)
{
	client_open(c);
	c->queue = queue_create(c->fd, DRM_WEFT_QUEUE_EARLY, 0);
}

static void on(struct job *job, const struct client *c, const char *device, unsigned int ms)
{
	job_nop(job, c, ms * (*device == 's' ? SLOW_MS : UNIT_MS));
	job->j.device_mask = dev_mask(c->fd, device);
}

/*
 * A job that is RUNNING on @device until it is cancelled. What an earlier test left behind could
 * take the hang: it is still being ended. A job that runs before ends after it.
 */
static uint64_t hang_device(const struct client *late, const char *device)
{
	struct job job;
	uint64_t id;

	on(&job, late, device, 1);
	job_run(late, &job);
	CHECK_EQ(dev_set(device, "fault/hang", "1"), 0);
	on(&job, late, device, 1);
	job.j.timeout_ns = 100 * SEC;
	id = submit(late, &job, 1);
	job_reach(late->fd, id, DRM_WEFT_JOB_RUNNING);
	return id;
}

static uint32_t shareable(int fd, uint64_t size)
{
	struct drm_weft_bo_create b = { .size = size, .flags = DRM_WEFT_BO_SHAREABLE };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	return b.handle;
}

/* ---------------------------------------------------------------------------------- SUBMIT */

TEST(offered, "the pool offers EARLY, and an EARLY queue runs jobs")
{
	struct client c;
	struct job job;

	early_open(&c);
	CHECK(features(c.fd) & DRM_WEFT_FEATURE_EARLY);
	on(&job, &c, "unit", 1);
	job_run(&c, &job);
}

TEST(unsignalled, "F3: when SUBMIT returns the out-syncobj has a fence that the job's end signals")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint32_t s, t;
	uint64_t id;
	int f, g;

	dev_add("hung", DEV_UNIT, "fault/hang=1");
	early_open(&c);
	s = syncobj_create(c.fd, DRM_SYNCOBJ_CREATE_SIGNALED);
	t = syncobj_create(c.fd, 0);
	on(&job, &c, "hung", 1);
	job_out(&job, s, 0);
	job_out(&job, t, 7);
	id = submit(&c, &job, 1);
	/* no WAIT_FOR_SUBMIT: there must be a fence, and it is not the one from before */
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(5 * MS)), -ETIME);
	CHECK_EQ(syncobj_wait(c.fd, t, 7, 0, in_ns(5 * MS)), -ETIME);
	f = syncobj_sync_file(c.fd, s);
	CHECK_EQ(sync_file_status(f), 0);
	CHECK(job_state(c.fd, id) >= DRM_WEFT_JOB_BOUND);

	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(syncobj_wait(c.fd, t, 7, 0, in_ns(PATIENCE)), 0);
	/* whoever saw the fence sees the record */
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_DONE);
	CHECK_EQ(sync_file_status(f), -ECANCELED);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, ECANCELED);

	on(&job, &c, "unit", 1);
	job_out(&job, s, 0);
	submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	g = syncobj_sync_file(c.fd, s);
	CHECK_EQ(sync_file_status(g), 1);
}

TEST(one_by_one, "a SUBMIT of several early jobs: EINVAL, on a queue or for a buffer's sake")
{
	struct drm_weft_submit s;
	struct client c, late;
	struct job job[2];

	early_open(&c);
	on(&job[0], &c, "unit", 1);
	on(&job[1], &c, "unit", 1);
	CHECK_EQ(submit_raw(&c, job, 2, &s), -EINVAL);
	CHECK_EQ(s.failed_index, 0);

	client_open(&late);
	on(&job[0], &late, "unit", 1);
	on(&job[1], &late, "unit", 1);
	job_buffer(&job[1], shareable(late.fd, SIZE), R);
	CHECK_EQ(submit_raw(&late, job, 2, &s), -EINVAL);
	CHECK_EQ(s.failed_index, 1);
	CHECK_EQ(submit_raw(&late, &job[1], 1, &s), 0);
}

TEST(eligible, "only a device that may run early jobs gets them: ENODEV")
{
	struct client c, late;
	struct job job;

	dev_add("late", DEV_UNIT, "early=0");
	early_open(&c);
	client_open(&late);
	on(&job, &c, "late", 1);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -ENODEV);
	on(&job, &late, "late", 1);
	job_run(&late, &job);
	job_buffer(&job, shareable(late.fd, SIZE), R);
	CHECK_EQ(submit_raw(&late, &job, 1, NULL), -ENODEV);
	/* with a choice, the other one takes it */
	job.j.device_mask |= dev_mask(late.fd, "unit");
	job_run(&late, &job);
}

TEST(ordered, "an ORDERED EARLY queue runs its jobs in order")
{
	struct drm_weft_job_record a, b;
	struct client c;
	struct job job;
	uint64_t first, second;

	early_open(&c);
	c.queue = queue_create(c.fd, DRM_WEFT_QUEUE_EARLY | DRM_WEFT_QUEUE_ORDERED, 0);
	on(&job, &c, "slow", 50);
	first = submit(&c, &job, 1);
	on(&job, &c, "unit", 1);
	second = submit(&c, &job, 1);
	job_wait(c.fd, first, &a);
	job_wait(c.fd, second, &b);
	CHECK(b.start_ns >= a.end_ns);
}

TEST(points, "F2: points of one syncobj are there in the order of the SUBMITs")
{
	struct client c;
	struct job job;
	uint64_t slow;
	uint32_t s;

	dev_add("hung", DEV_UNIT, "fault/hang=1");
	early_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "hung", 1);
	job_out(&job, s, 1);
	slow = submit(&c, &job, 1);
	on(&job, &c, "unit", 1);
	job_out(&job, s, 2);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), 0);
	/* a chain's point is signalled when those before it are */
	CHECK_EQ(syncobj_wait(c.fd, s, 1, 0, in_ns(5 * MS)), -ETIME);
	CHECK_EQ(syncobj_wait(c.fd, s, 2, 0, in_ns(5 * MS)), -ETIME);
	/* a point that is there already cannot be fed again */
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -EINVAL);
	CHECK_EQ(job_cancel(c.fd, slow), 0);
	CHECK_EQ(syncobj_wait(c.fd, s, 2, 0, in_ns(PATIENCE)), 0);
}

TEST(mixed, "an early job behind a late one on a late queue: its point waits, its SUBMIT does not")
{
	struct client c;
	struct job job;
	uint64_t late;
	uint32_t s;

	client_open(&c);
	s = syncobj_create(c.fd, DRM_SYNCOBJ_CREATE_SIGNALED);
	dev_add("hung", DEV_UNIT, "fault/hang=1");
	on(&job, &c, "hung", 1);
	job_out(&job, syncobj_create(c.fd, 0), 0);
	late = submit(&c, &job, 1);
	on(&job, &c, "unit", 1);
	job_buffer(&job, shareable(c.fd, SIZE), W);
	job_out(&job, s, 0);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), 0);
	/* the old fence is gone, the new one not there yet */
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, 0), -EINVAL);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(5 * MS)), -ETIME);
	CHECK_EQ(job_cancel(c.fd, late), 0);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(PATIENCE)), 0);
}

TEST(dep_pending, "a job that depends on a pending early point gets an edge, and its failure")
{
	struct client c, late;
	struct job job;
	uint32_t s;
	uint64_t hung, after;

	dev_add("hung", DEV_UNIT, "fault/hang=1");
	early_open(&c);
	late = c;
	late.queue = queue_create(c.fd, 0, 0);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "hung", 1);
	job_out(&job, s, 0);
	hung = submit(&c, &job, 1);
	on(&job, &late, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, s, 0);
	after = submit(&late, &job, 1);
	CHECK_EQ(job_state(c.fd, after), DRM_WEFT_JOB_WAITING);
	CHECK_EQ(job_cancel(c.fd, hung), 0);
	CHECK_EQ(job_result(c.fd, after), ECANCELED);
	/* also when it is over */
	CHECK_EQ(job_result(c.fd, submit(&late, &job, 1)), ECANCELED);
}

/* --------------------------------------------------------------------------------- errors */

TEST(error, "an early job that fails: EIO on the fence and in the record, output LOST")
{
	struct drm_weft_bo_info i;
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint32_t s, h;
	uint64_t id;

	dev_add("faulty", DEV_UNIT, "fault/error=1");
	early_open(&c);
	h = bo_create(c.fd, SIZE);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "faulty", 1);
	job_buffer(&job, h, W);
	job_out(&job, s, 0);
	id = submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(sync_file_status(syncobj_sync_file(c.fd, s)), -EIO);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, EIO);
	CHECK_EQ(r.code, WEFT_SIM_ERR_INJECTED);
	CHECK_EQ(bo_info(c.fd, h, &i), 0);
	CHECK(i.state & DRM_WEFT_BO_LOST);
}

TEST(unpublished, "a job that fails before it is published: SUBMIT is 0, the record and fence tell")
{
	struct client c, late;
	struct job job;
	uint64_t hung, id;
	uint32_t s, h;

	dev_add("hung", DEV_UNIT, "fault/hang=1");
	early_open(&c);
	late = c;
	late.queue = queue_create(c.fd, 0, 0);
	h = bo_create(c.fd, SIZE);
	s = syncobj_create(c.fd, 0);
	on(&job, &late, "hung", 1);
	job_buffer(&job, h, W);
	hung = submit(&late, &job, 1);
	CHECK_EQ(job_cancel(c.fd, hung), 0);
	CHECK_EQ(job_result(c.fd, hung), ECANCELED);
	on(&job, &c, "unit", 1);
	job_buffer(&job, h, R);
	job_out(&job, s, 0);
	id = submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(sync_file_status(syncobj_sync_file(c.fd, s)), -ENODATA);
	CHECK_EQ(job_result(c.fd, id), ENODATA);
}

TEST(loss, "a lost device ends its published jobs with ENODEV, repeatable or not")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint64_t id[FULL];
	uint32_t s[FULL];

	dev_add("doomed", DEV_UNIT, "fault/hang=1");
	early_open(&c);
	for (int i = 0; i < FULL; i++) {
		s[i] = syncobj_create(c.fd, 0);
		on(&job, &c, "doomed", 1);
		job.j.device_mask |= dev_mask(c.fd, "slow");
		job.j.device_mask = dev_mask(c.fd, "doomed");
		job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
		job_out(&job, s[i], 0);
		id[i] = submit(&c, &job, 1);
	}
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	for (int i = 0; i < FULL; i++) {
		CHECK_EQ(syncobj_wait(c.fd, s[i], 0, 0, in_ns(PATIENCE)), 0);
		CHECK_EQ(sync_file_status(syncobj_sync_file(c.fd, s[i])), -ENODEV);
		job_wait(c.fd, id[i], &r);
		CHECK_EQ(r.error, ENODEV);
		CHECK_EQ(r.moves, 0);
	}
}

TEST(timeout, "an early job that hangs is aborted after its own timeout: ETIME")
{
	struct client c;
	struct job job;
	uint32_t s;

	dev_add("hung", DEV_UNIT, "fault/hang=1");
	early_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "hung", 1);
	job.j.timeout_ns = 20 * MS;
	job_out(&job, s, 0);
	submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(sync_file_status(syncobj_sync_file(c.fd, s)), -ETIME);
}

TEST(cap, "F17: a hanging early job that asks for an hour gets ten seconds")
{
	struct client c;
	struct job job;
	uint32_t s;

	dev_add("hung", DEV_UNIT, "fault/hang=1");
	early_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "hung", 1);
	job.j.timeout_ns = 3600 * SEC;
	job_out(&job, s, 0);
	submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(sync_file_status(syncobj_sync_file(c.fd, s)), -ETIME);
}

TEST(reset, "F18: abort fails, the device is reset: the fence says ETIME, the device goes on")
{
	struct client c;
	struct job job;
	uint32_t s;

	dev_add("hung", DEV_UNIT, "fault/hang=1", "fault/abort_fails=1");
	early_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "hung", 1);
	job.j.timeout_ns = 20 * MS;
	job_out(&job, s, 0);
	submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(sync_file_status(syncobj_sync_file(c.fd, s)), -ETIME);
	on(&job, &c, "hung", 1);
	job_run(&c, &job);
}

/* -------------------------------------------------------------------------- interruptions */

static void nothing(int sig)
{
	(void)sig;
}

static void catch_signal(void)
{
	struct sigaction sa = { .sa_handler = nothing };

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
}

struct submitter {
	const struct client *c;
	struct job *job;
	struct drm_weft_submit s;
	long ret;
	bool done;
	pthread_t thread;
};

static void *submitter(void *arg)
{
	struct submitter *t = arg;

	t->ret = submit_raw(t->c, t->job, 1, &t->s);
	__atomic_store_n(&t->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void submit_apart(struct submitter *t, const struct client *c, struct job *job)
{
	t->c = c;
	t->job = job;
	t->done = false;
	CHECK_EQ(pthread_create(&t->thread, NULL, submitter, t), 0);
}

static bool submit_returned(struct submitter *t)
{
	return __atomic_load_n(&t->done, __ATOMIC_ACQUIRE);
}

/* until it returns */
static void disturb(struct submitter *t)
{
	for (int i = 0; i < 2500 && !submit_returned(t); i++) {
		pthread_kill(t->thread, SIGUSR1);
		sleep_ms(20);
	}
	CHECK(submit_returned(t));
	pthread_join(t->thread, NULL);
}

/* @busy keeps "unit" full with late jobs */
static uint64_t fill_device(const struct client *late, uint64_t id[FULL])
{
	struct job job;

	id[0] = hang_device(late, "unit");
	for (int i = 1; i < FULL; i++) {
		on(&job, late, "unit", 1);
		id[i] = submit(late, &job, 1);
		job_reach(late->fd, id[i], DRM_WEFT_JOB_BOUND);
	}
	return id[0];
}

/* The job is READY or WAITING when the signal comes; afterwards it has never been. */
static void interrupted(bool waiting)
{
	struct drm_weft_client_info before, after;
	struct drm_weft_bo_info i;
	struct client c, late;
	struct submitter t;
	uint64_t id[FULL], hung;
	uint32_t s, h;
	struct job job;
	int old;

	catch_signal();
	early_open(&c);
	late = c;
	late.queue = queue_create(c.fd, 0, 0);
	h = bo_create(c.fd, SIZE);
	bo_fill(c.fd, h, SIZE, 0x11);
	s = syncobj_create(c.fd, DRM_SYNCOBJ_CREATE_SIGNALED);

	hung = waiting ? hang_device(&late, "unit") : fill_device(&late, id);
	on(&job, &c, "unit", 1);
	job_buffer(&job, h, R | W);
	job_out(&job, s, 0);
	if (waiting)
		job_dep(&job, DRM_WEFT_DEP_JOB, 0, hung);
	client_info(c.fd, &before);
	submit_apart(&t, &c, &job);
	disturb(&t);
	CHECK_EQ(t.ret, -EINTR);
	client_info(c.fd, &after);
	CHECK_EQ(after.jobs_submitted, before.jobs_submitted);
	CHECK_EQ(after.jobs_completed, before.jobs_completed);
	CHECK_EQ(after.unread_records, before.unread_records);
	/* the old fence is still there, and the buffer as it was */
	old = syncobj_sync_file(c.fd, s);
	CHECK_EQ(sync_file_status(old), 1);
	CHECK_EQ(bo_info(c.fd, h, &i), 0);
	CHECK_EQ(i.state, 0);
	CHECK_EQ(bo_wait(c.fd, h, W, 0), 0);
	bo_expect(c.fd, h, SIZE, 0x11);

	/* the call can be repeated */
	submit_apart(&t, &c, &job);
	sleep_ms(20);
	CHECK_EQ(job_cancel(c.fd, hung), 0);
	pthread_join(t.thread, NULL);
	CHECK_EQ(t.ret, 0);
	CHECK_EQ(job_result(c.fd, t.s.first_job_id), waiting ? ECANCELED : 0);
	client_info(c.fd, &after);
	CHECK_EQ(after.jobs_submitted, before.jobs_submitted + 1);
}

TEST(interrupted_ready, "EINTR while the device is full: nothing is left, the call can be repeated")
{
	interrupted(false);
}

TEST(interrupted_waiting, "EINTR while a predecessor runs: likewise")
{
	interrupted(true);
}

TEST(restart, "a handler with SA_RESTART does not end the call")
{
	struct sigaction sa = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct client c, late;
	struct submitter t;
	uint64_t id[FULL], hung;
	struct job job;

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	early_open(&c);
	late = c;
	late.queue = queue_create(c.fd, 0, 0);
	hung = fill_device(&late, id);
	on(&job, &c, "unit", 1);
	submit_apart(&t, &c, &job);
	for (int i = 0; i < 10; i++) {
		sleep_ms(10);
		pthread_kill(t.thread, SIGUSR1);
	}
	CHECK_EQ(job_cancel(c.fd, hung), 0);
	pthread_join(t.thread, NULL);
	/* EINTR is the errno in any case; libweft repeats */
	CHECK(t.ret == 0 || t.ret == -EINTR);
}

TEST(built_upon, "a SUBMIT that others build upon already is not interrupted any more")
{
	struct client c, late;
	struct submitter t;
	uint64_t id[FULL], hung, behind;
	struct job job, after;
	uint32_t h;

	catch_signal();
	early_open(&c);
	late = c;
	late.queue = queue_create(c.fd, 0, 0);
	h = bo_create(c.fd, SIZE);
	hung = fill_device(&late, id);
	job_fill(&job, &c, h, SIZE, 0x22);
	job.j.device_mask = dev_mask(c.fd, "unit");
	submit_apart(&t, &c, &job);
	/* until it is in: then the buffer has a user */
	for (int i = 0; i < 2500 && bo_wait(c.fd, h, W, 0) == 0; i++)
		sleep_ms(2);
	CHECK_EQ(bo_wait(c.fd, h, W, 0), -ETIME);
	on(&after, &late, "slow", 1);
	job_buffer(&after, h, R);
	behind = submit(&late, &after, 1);
	for (int i = 0; i < 10; i++) {
		pthread_kill(t.thread, SIGUSR1);
		sleep_ms(5);
	}
	CHECK(!submit_returned(&t));
	CHECK_EQ(job_cancel(c.fd, hung), 0);
	pthread_join(t.thread, NULL);
	CHECK_EQ(t.ret, 0);
	CHECK_EQ(job_result(c.fd, t.s.first_job_id), 0);
	CHECK_EQ(job_result(c.fd, behind), 0);
	bo_expect(c.fd, h, SIZE, 0x22);
}

TEST(killed, "a client killed in a SUBMIT that sleeps leaves the device usable")
{
	struct client c, late;
	struct job job;
	uint64_t id[FULL], hung;
	pid_t pid;

	client_open(&late);
	hung = fill_device(&late, id);
	pid = spawn();
	if (!pid) {
		early_open(&c);
		on(&job, &c, "unit", 1);
		submit_raw(&c, &job, 1, NULL);
		_exit(0);
	}
	sleep_ms(200);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(reap(pid), -SIGKILL);
	CHECK_EQ(job_cancel(late.fd, hung), 0);
	on(&job, &late, "unit", 1);
	job_run(&late, &job);
}

/* a storm: SUBMITs that are interrupted at any moment, and none lost or doubled */
TEST(storm, "SUBMITs interrupted at any moment: each is done once or not at all")
{
	struct drm_weft_client_info i;
	struct submitter t;
	struct client c;
	struct job job;
	uint64_t done = 0;
	uint32_t h, value;

	catch_signal();
	early_open(&c);
	h = bo_create(c.fd, 4096);
	bo_fill(c.fd, h, 4096, 0);
	for (int round = 0; round < (tap_slow_kernel() ? 60 : 300); round++) {
		job_init(&job, &c, WEFT_SIM_OP_ADD);
		job_add(&job, &c, h, h, h, 4096);
		job_nop(&job, &c, round % 5 * UNIT_MS / 10);
		job_buffer(&job, h, R | W);
		job.j.device_mask = dev_mask(c.fd, "unit");
		submit_apart(&t, &c, &job);
		for (int k = 0; k < round % 7; k++)
			sched_yield();
		pthread_kill(t.thread, SIGUSR1);
		pthread_join(t.thread, NULL);
		CHECK(t.ret == 0 || t.ret == -EINTR);
		if (t.ret)
			continue;
		done++;
		CHECK_EQ(job_result(c.fd, t.s.first_job_id), 0);
	}
	CHECK_EQ(bo_wait(c.fd, h, W, in_ns(PATIENCE)), 0);
	client_info(c.fd, &i);
	CHECK_EQ(i.jobs_submitted, done);
	CHECK_EQ(i.jobs_completed, done);
	CHECK_EQ(i.unread_records, 0);
	CHECK_EQ(bo_read(c.fd, h, 0, &value, 4), 0);
	CHECK_EQ(value, 0);
}

/* ------------------------------------------------------------------------- foreign fences */

/* vgem's fence on a buffer, as a syncobj; returns what signals it */
static uint32_t foreign(int vgem, int fd, uint32_t *syncobj)
{
	uint32_t handle = vgem_create(vgem, 4096), fence = vgem_fence(vgem, handle, true);

	*syncobj = syncobj_import(fd, dmabuf_fences(prime_export(vgem, handle), false));
	return fence;
}

TEST(in_fence, "F13: an early job is published before a foreign in-fence and runs after it")
{
	int vgem = vgem_open();
	struct client c;
	struct job job;
	uint32_t in, s, fence;
	uint64_t id;

	early_open(&c);
	fence = foreign(vgem, c.fd, &in);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, in, 0);
	job_out(&job, s, 0);
	id = submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(20 * MS)), -ETIME);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BOUND);
	/* it holds no credit meanwhile */
	on(&job, &c, "unit", 1);
	job_run(&c, &job);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BOUND);
	vgem_signal(vgem, fence);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
}

TEST(in_fence_cancel, "a job that waits for a foreign fence is cancelled, and lost with a device")
{
	int vgem = vgem_open();
	struct client c;
	struct job job;
	uint32_t in, fence;
	uint64_t id, lost;

	dev_add("doomed", DEV_UNIT);
	early_open(&c);
	fence = foreign(vgem, c.fd, &in);
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, in, 0);
	id = submit(&c, &job, 1);
	job.j.device_mask = dev_mask(c.fd, "doomed");
	lost = submit(&c, &job, 1);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK_EQ(job_result(c.fd, id), ECANCELED);
	CHECK_EQ(job_state(c.fd, lost), DRM_WEFT_JOB_BOUND);
	CHECK_EQ(dev_set("doomed", "fault/vanish", "now"), 0);
	CHECK_EQ(job_result(c.fd, lost), ENODEV);
	vgem_signal(vgem, fence);
}

TEST(in_fence_close, "a client that closes while its job waits for a foreign fence")
{
	int vgem = vgem_open();
	struct client c, other;
	struct job job;
	uint32_t in, fence;

	early_open(&c);
	client_open(&other);
	fence = foreign(vgem, c.fd, &in);
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, in, 0);
	submit(&c, &job, 1);
	client_close(&c);
	on(&job, &other, "unit", 1);
	job_run(&other, &job);
	vgem_signal(vgem, fence);
	job_run(&other, &job);
}

TEST(in_fence_fails, "the job of an in-fence that fails: ECANCELED, unless RUN_ANYWAY")
{
	int timeline = swsync_open();
	struct client c;
	struct job job;
	uint32_t in;
	uint64_t id, anyway;

	early_open(&c);
	in = syncobj_import(c.fd, swsync_fence(timeline, 1));
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, in, 0);
	id = submit(&c, &job, 1);
	job.j.flags = DRM_WEFT_JOB_RUN_ANYWAY;
	anyway = submit(&c, &job, 1);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BOUND);
	/* a timeline that goes away fails what is left of it */
	close(timeline);
	CHECK_EQ(job_result(c.fd, id), ECANCELED);
	CHECK_EQ(job_result(c.fd, anyway), 0);
	/* and what has failed already */
	job.j.flags = 0;
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ECANCELED);
}

TEST(in_fences, "in-fences that signal in any order: the job runs after the last")
{
	int timeline = swsync_open();
	struct client c;
	struct job job;
	uint64_t id[FULL];

	early_open(&c);
	for (int i = 0; i < FULL; i++) {
		on(&job, &c, "unit", 0);
		for (int k = 0; k < MAX_JOB_PARTS; k++)
			job_dep(&job, DRM_WEFT_DEP_SYNCOBJ,
				syncobj_import(c.fd, swsync_fence(timeline, 1 + (i + k) % 8)), 0);
		id[i] = submit(&c, &job, 1);
	}
	for (int k = 0; k < 8; k++) {
		for (int i = 0; i < FULL; i++)
			CHECK_EQ(job_state(c.fd, id[i]), DRM_WEFT_JOB_BOUND);
		swsync_move(timeline, 1);
	}
	for (int i = 0; i < FULL; i++)
		CHECK_EQ(job_result(c.fd, id[i]), 0);
}

/* more than any device of these tests has places for */
#define MANY	24

TEST(isolated, "F13: jobs behind fences that never signal take no place from another client's")
{
	int timeline = swsync_open();
	struct client c, late, early;
	uint64_t id[MANY];
	struct job job;

	early_open(&c);
	for (int i = 0; i < MANY; i++) {
		on(&job, &c, "unit", 1);
		job_dep(&job, DRM_WEFT_DEP_SYNCOBJ,
			syncobj_import(c.fd, swsync_fence(timeline, 1 + i % 2)), 0);
		id[i] = submit(&c, &job, 1);
	}
	client_open(&late);
	early_open(&early);
	for (int i = 0; i < 2 * FULL; i++) {
		on(&job, &late, "unit", 1);
		job_run(&late, &job);
		on(&job, &early, "unit", 1);
		job_run(&early, &job);
	}
	/* none of them has ended meanwhile, so none of these waited for an end */
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(job_state(c.fd, id[i]), DRM_WEFT_JOB_BOUND);
	/* half of them are due at once */
	swsync_move(timeline, 1);
	on(&job, &late, "unit", 1);
	job_run(&late, &job);
	for (int i = 0; i < MANY; i += 2)
		CHECK_EQ(job_result(c.fd, id[i]), 0);
	for (int i = 1; i < MANY; i += 2)
		CHECK_EQ(job_state(c.fd, id[i]), DRM_WEFT_JOB_BOUND);
	/* and those that are cancelled, closed, or lost hold nothing either */
	CHECK_EQ(job_cancel(c.fd, id[1]), 0);
	CHECK_EQ(job_result(c.fd, id[1]), ECANCELED);
	swsync_move(timeline, 1);
	for (int i = 3; i < MANY; i += 2)
		CHECK_EQ(job_result(c.fd, id[i]), 0);
}

TEST(due_while_draining, "a job that waits for a fence ends on its device, also if that drains")
{
	int timeline = swsync_open();
	struct client c;
	struct job job;
	uint64_t id;

	dev_add("drained", DEV_UNIT);
	early_open(&c);
	on(&job, &c, "drained", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, syncobj_import(c.fd, swsync_fence(timeline, 1)), 0);
	id = submit(&c, &job, 1);
	CHECK_EQ(wdev_set("drained", "health", "draining"), 0);
	on(&job, &c, "drained", 1);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -ENODEV);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BOUND);
	swsync_move(timeline, 1);
	CHECK_EQ(job_result(c.fd, id), 0);
}

TEST(never, "a foreign fence that never signals costs the job an ETIME, not the pool a job")
{
	int timeline = swsync_open();
	struct client c;
	struct job job;
	uint32_t s;

	early_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, syncobj_import(c.fd, swsync_fence(timeline, 1)), 0);
	job_out(&job, s, 0);
	submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(2 * PATIENCE)), 0);
	CHECK_EQ(sync_file_status(syncobj_sync_file(c.fd, s)), -ETIME);
	on(&job, &c, "unit", 1);
	job_run(&c, &job);
}
