// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dependencies and completion: edges by index, id and syncobj, states on the way, out-syncobjs.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "common.h"
#include "peers.h"

#define FOR_SUBMIT	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT

SETUP()
{
	dev_add("unit", DEV_UNIT);
	dev_add("slow", DEV_SLOW);
	devs_keep();
}

static void on(struct job *job, const struct client *c, const char *device, unsigned int ms)
{
	job_nop(job, c, ms * (*device == 's' ? SLOW_MS : UNIT_MS));
	job->j.device_mask = dev_mask(c->fd, device);
}

TEST(states, "a job is seen WAITING, READY, BOUND and RUNNING on its way to DONE")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job[12];
	unsigned int seen = 0;
	uint64_t id;

	client_open(&c);
	for (int i = 0; i < 12; i++)
		on(&job[i], &c, "unit", 30);
	job_dep(&job[11], DRM_WEFT_DEP_INDEX, 0, 10);
	id = submit(&c, job, 12);
	do {
		for (int i = 0; i < 12; i++)
			seen |= 1u << job_state(c.fd, id + i);
	} while (job_state(c.fd, id + 11) != DRM_WEFT_JOB_DONE);
	for (int i = 0; i < 12; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK_EQ(r.error, 0);
	}
	CHECK(seen & 1u << DRM_WEFT_JOB_WAITING);
	CHECK(seen & 1u << DRM_WEFT_JOB_READY);
	CHECK(seen & 1u << DRM_WEFT_JOB_BOUND);
	CHECK(seen & 1u << DRM_WEFT_JOB_RUNNING);
}

/* Not every time: somebody else may pump just then. By a worker hardly one ever is. */
TEST(here, "a job whose device is free and whose buffer is there is over when SUBMIT returns")
{
	struct client c;
	struct job job;
	uint32_t h, over = 0;
	uint64_t id;

	dev_add("null", DEV_NULL);
	client_open(&c);
	h = bo_create(c.fd, 4096);
	for (int i = 0; i < 100; i++) {
		job_nop(&job, &c, 1);
		job.j.device_mask = dev_mask(c.fd, "null");
		job_buffer(&job, h, DRM_WEFT_ACCESS_WRITE);
		id = submit(&c, &job, 1);
		over += job_state(c.fd, id) == DRM_WEFT_JOB_DONE;
		CHECK_EQ(job_result(c.fd, id), 0);
	}
	tap_note("%u of 100", over);
	CHECK(over > 50);
}

TEST(record, "a record's times are in order and its account adds up")
{
	struct drm_weft_device_info d;
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint64_t before = now_ns(), after;
	uint32_t src;

	client_open(&c);
	CHECK(dev_find(c.fd, "unit", &d));
	src = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, src, 64 * KIB, 1);
	on(&job, &c, "unit", 20);
	job_buffer(&job, src, DRM_WEFT_ACCESS_READ);
	job.j.user_data = 0x1122334455667788;
	job_wait(c.fd, submit(&c, &job, 1), &r);
	after = now_ns();
	CHECK_EQ(r.user_data, 0x1122334455667788);
	CHECK_EQ(r.state, DRM_WEFT_JOB_DONE);
	CHECK_EQ(r.error | r.code, 0);
	CHECK_EQ(r.device, d.id);
	CHECK_EQ(r.runs, 1);
	CHECK_EQ(r.moves, 0);
	CHECK(before <= r.submit_ns && r.submit_ns <= r.ready_ns);
	CHECK(r.ready_ns <= r.bind_ns && r.bind_ns <= r.start_ns);
	CHECK(r.start_ns <= r.end_ns && r.end_ns <= after);
	CHECK(r.busy_ns >= 20 * MS && r.busy_ns <= r.end_ns - r.start_ns + MS);
	CHECK_EQ(r.transfer_bytes, 64 * KIB);
	job_wait(c.fd, submit(&c, &job, 1), &r);
	CHECK_EQ(r.transfer_bytes, 0);	/* it is there already */
}

TEST(dep_index, "INDEX: the second job starts after the first, on another device")
{
	struct drm_weft_job_record r[2];
	struct client c;
	struct job job[2];
	uint64_t id;

	client_open(&c);
	on(&job[0], &c, "slow", 30);
	on(&job[1], &c, "unit", 1);
	job_dep(&job[1], DRM_WEFT_DEP_INDEX, 0, 0);
	id = submit(&c, job, 2);
	job_wait(c.fd, id, &r[0]);
	job_wait(c.fd, id + 1, &r[1]);
	CHECK_EQ(r[0].error | r[1].error, 0);
	CHECK(r[1].ready_ns >= r[0].end_ns);
	CHECK(r[1].start_ns >= r[0].end_ns);
}

TEST(dep_job, "JOB: a later SUBMIT waits for an earlier job, also one that is done")
{
	struct drm_weft_job_record r[2];
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	on(&job, &c, "slow", 30);
	id = submit(&c, &job, 1);
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_JOB, 0, id);
	job_wait(c.fd, submit(&c, &job, 1), &r[1]);
	job_wait(c.fd, id, &r[0]);
	CHECK_EQ(r[0].error | r[1].error, 0);
	CHECK(r[1].start_ns >= r[0].end_ns);
	job_run(&c, &job);
}

TEST(dep_many, "a job with seven edges starts after the last of them")
{
	struct drm_weft_job_record r, last;
	struct client c;
	struct job job[8];
	uint64_t id;

	client_open(&c);
	for (int i = 0; i < 7; i++)
		on(&job[i], &c, i & 1 ? "slow" : "unit", 3 + i);
	on(&job[7], &c, "unit", 1);
	for (int i = 0; i < 7; i++)
		job_dep(&job[7], DRM_WEFT_DEP_INDEX, 0, i);
	id = submit(&c, job, 8);
	job_wait(c.fd, id + 7, &last);
	CHECK_EQ(last.error, 0);
	for (int i = 0; i < 7; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK(last.start_ns >= r.end_ns);
	}
}

TEST(dep_same, "the same edge named three ways at once")
{
	struct client c;
	struct job job[2];
	uint32_t s;
	uint64_t id;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job[0], &c, "slow", 20);
	job_out(&job[0], s, 0);
	id = submit(&c, job, 1);
	on(&job[1], &c, "unit", 1);
	job_dep(&job[1], DRM_WEFT_DEP_JOB, 0, id);
	job_dep(&job[1], DRM_WEFT_DEP_JOB, 0, id);
	job_dep(&job[1], DRM_WEFT_DEP_SYNCOBJ, s, 0);
	CHECK_EQ(job_result(c.fd, submit(&c, &job[1], 1)), 0);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_DONE);
}

TEST(dep_syncobj, "F12: SYNCOBJ: another client's pending out-point becomes an edge")
{
	struct drm_weft_job_record r[2];
	struct drm_syncobj_handle h = { .fd = -1 };
	struct client a, b;
	struct job job;
	uint64_t first;

	client_open(&a);
	client_open(&b);
	h.handle = syncobj_create(a.fd, 0);
	on(&job, &a, "slow", 50);
	job_out(&job, h.handle, 4);
	first = submit(&a, &job, 1);
	CHECK_EQ(ioc(a.fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &h), 0);
	CHECK_EQ(ioc(b.fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &h), 0);
	on(&job, &b, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, h.handle, 4);
	job_wait(b.fd, submit(&b, &job, 1), &r[1]);
	job_wait(a.fd, first, &r[0]);
	CHECK_EQ(r[0].error | r[1].error, 0);
	CHECK(r[1].start_ns >= r[0].end_ns);
}

TEST(dep_signalled, "SYNCOBJ: a point that user space signalled")
{
	struct client c;
	struct job job;
	uint32_t s;

	client_open(&c);
	s = syncobj_create(c.fd, DRM_SYNCOBJ_CREATE_SIGNALED);
	on(&job, &c, "unit", 1);
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, s, 0);
	job_run(&c, &job);
	s = syncobj_create(c.fd, 0);
	CHECK_EQ(syncobj_signal(c.fd, s, 9), 0);
	job.dep[0] = (struct drm_weft_dep) { DRM_WEFT_DEP_SYNCOBJ, s, 7 };
	job_run(&c, &job);
}

/* of a late job, whose SUBMIT sleeps until the fence is signalled */
struct foreign {
	struct client c;
	struct job job;
	long ret;
	int signalled;
	int sync_file;
};

static void *foreign_submit(void *arg)
{
	struct foreign *f = arg;

	f->ret = submit_raw(&f->c, &f->job, 1, NULL);
	f->signalled = sync_file_status(f->sync_file);
	return NULL;
}

TEST(dep_foreign, "F13: SYNCOBJ: a late job's SUBMIT sleeps until a foreign fence is signalled")
{
	int vgem = vgem_open(), buffer;
	uint32_t handle = vgem_create(vgem, 4096), fence;
	struct foreign f;
	pthread_t thread;

	fence = vgem_fence(vgem, handle, true);
	buffer = prime_export(vgem, handle);
	f.sync_file = dmabuf_fences(buffer, false);
	CHECK_EQ(sync_file_status(f.sync_file), 0);

	client_open(&f.c);
	on(&f.job, &f.c, "unit", 1);
	job_dep(&f.job, DRM_WEFT_DEP_SYNCOBJ, syncobj_import(f.c.fd, f.sync_file), 0);
	CHECK_EQ(pthread_create(&thread, NULL, foreign_submit, &f), 0);
	sleep_ms(50);
	vgem_signal(vgem, fence);
	pthread_join(thread, NULL);
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.signalled, 1);
}

/* --------------------------------------------------------------------------- out-syncobjs */

TEST(out_binary, "a binary out-syncobj is signalled when its job ends")
{
	struct client c;
	struct job job;
	uint32_t s;
	uint64_t id;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "unit", 50);
	job_out(&job, s, 0);
	id = submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(5 * MS)), -ETIME);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(PATIENCE)), 0);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_DONE);
}

TEST(out_stale, "F3: a binary out-syncobj is emptied by SUBMIT: no wait ends on the old fence")
{
	struct client c;
	struct job job;
	uint32_t s;
	uint64_t id;

	client_open(&c);
	s = syncobj_create(c.fd, DRM_SYNCOBJ_CREATE_SIGNALED);
	for (int round = 0; round < 3; round++) {
		on(&job, &c, "unit", 60);
		job_out(&job, s, 0);
		id = submit(&c, &job, 1);
		CHECK(syncobj_wait(c.fd, s, 0, 0, 0) < 0);
		CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, 0), -ETIME);
		CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(PATIENCE)), 0);
		CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_DONE);
	}
}

TEST(out_and_in, "one binary syncobj as in and out of a job: in means the old fence")
{
	struct client c;
	struct job job;
	uint32_t s;
	uint64_t id[3];

	client_open(&c);
	s = syncobj_create(c.fd, DRM_SYNCOBJ_CREATE_SIGNALED);
	for (int i = 0; i < 3; i++) {
		on(&job, &c, i & 1 ? "unit" : "slow", 10);
		job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, s, 0);
		job_out(&job, s, 0);
		id[i] = submit(&c, &job, 1);
	}
	CHECK_EQ(syncobj_wait(c.fd, s, 0, FOR_SUBMIT, in_ns(PATIENCE)), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(job_state(c.fd, id[i]), DRM_WEFT_JOB_DONE);
}

struct waiter {
	pthread_t thread;
	int fd;
	uint32_t syncobj;
	uint64_t point, job;
	uint32_t state;		/* of the job when the wait returned */
	long ret;
};

static void *wait_point(void *arg)
{
	struct waiter *w = arg;

	w->ret = syncobj_wait(w->fd, w->syncobj, w->point, FOR_SUBMIT, in_ns(PATIENCE));
	w->state = job_state(w->fd, w->job);
	return NULL;
}

/* job 1 -> point 1 on the slow device, job 2 -> point 2 on one 100 times as fast */
TEST(out_order, "F2: the waiter of point 1 wakes for job 1, not for the faster job 2")
{
	struct client c;
	struct job job[2];
	struct waiter w[2];
	uint32_t s;
	uint64_t id;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	job_nop(&job[0], &c, 3 * UNIT_MS);	/* the same work on both */
	job[0].j.device_mask = dev_mask(c.fd, "slow");
	job_nop(&job[1], &c, 3 * UNIT_MS);
	job[1].j.device_mask = dev_mask(c.fd, "unit");
	job_out(&job[0], s, 1);
	job_out(&job[1], s, 2);
	id = submit(&c, job, 2);
	for (int i = 0; i < 2; i++) {
		/* either waiter may only wake when job 1 is done */
		w[i] = (struct waiter) {
			.fd = c.fd, .syncobj = s, .point = 1 + i, .job = id,
		};
		pthread_create(&w[i].thread, NULL, wait_point, &w[i]);
	}
	CHECK_EQ(job_result(c.fd, id + 1), 0);
	CHECK_MSG(job_state(c.fd, id) < DRM_WEFT_JOB_DONE, "the slow job was not slow");
	for (int i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		CHECK_EQ(w[i].ret, 0);
		CHECK_EQ(w[i].state, DRM_WEFT_JOB_DONE);
	}
	CHECK_EQ(job_result(c.fd, id), 0);
}

TEST(out_many_points, "32 timeline points over two devices are published in order")
{
	struct drm_syncobj_timeline_array q = { .count_handles = 1 };
	struct client c;
	struct job job[32];
	uint64_t id, point = 0, before = 0;
	uint32_t s;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	for (int i = 0; i < 32; i++) {
		on(&job[i], &c, i % 3 ? "unit" : "slow", 1 + i % 5);
		job_out(&job[i], s, 10 + i);
	}
	id = submit(&c, job, 32);
	q.handles = p64(&s);
	q.points = p64(&point);
	while (point < 41) {
		CHECK_EQ(ioc(c.fd, DRM_IOCTL_SYNCOBJ_QUERY, &q), 0);
		CHECK(point >= before);
		if (point)
			for (uint64_t p = 10; p <= point; p++)
				CHECK_EQ(job_state(c.fd, id + p - 10), DRM_WEFT_JOB_DONE);
		before = point;
		sleep_ms(1);
	}
}

TEST(out_several, "one job feeds several syncobjs, one syncobj several jobs of a queue")
{
	struct client c;
	struct job job[4];
	uint32_t s[3];

	client_open(&c);
	for (int i = 0; i < 3; i++)
		s[i] = syncobj_create(c.fd, 0);
	for (int i = 0; i < 4; i++) {
		on(&job[i], &c, i & 1 ? "unit" : "slow", 5);
		job_out(&job[i], s[0], 0);
		job_out(&job[i], s[1], 1 + i);
		job_out(&job[i], s[2], 100 + 7 * i);
	}
	submit(&c, job, 4);
	CHECK_EQ(syncobj_wait(c.fd, s[1], 4, FOR_SUBMIT, in_ns(PATIENCE)), 0);
	CHECK_EQ(syncobj_wait(c.fd, s[2], 121, FOR_SUBMIT, in_ns(PATIENCE)), 0);
	CHECK_EQ(syncobj_wait(c.fd, s[0], 0, FOR_SUBMIT, in_ns(PATIENCE)), 0);
}

TEST(out_destroyed, "an out-syncobj destroyed while its job runs")
{
	struct client c;
	struct job job;
	uint32_t s, t;
	uint64_t id;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	t = syncobj_create(c.fd, 0);
	on(&job, &c, "unit", 20);
	job_out(&job, s, 0);
	job_out(&job, t, 1);
	id = submit(&c, &job, 1);
	syncobj_destroy(c.fd, s);
	syncobj_destroy(c.fd, t);
	CHECK_EQ(job_result(c.fd, id), 0);
}

TEST(out_reset, "user space meddling with a pending out-syncobj harms only itself")
{
	struct drm_syncobj_array a = { .count_handles = 1 };
	struct client c;
	struct job job;
	uint32_t s;
	uint64_t id;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "unit", 30);
	job_out(&job, s, 3);
	id = submit(&c, &job, 1);
	a.handles = p64(&s);
	CHECK_EQ(syncobj_signal(c.fd, s, 8), 0);	/* beyond the point to come */
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_SYNCOBJ_RESET, &a), 0);
	CHECK_EQ(syncobj_signal(c.fd, s, 0), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
}

/* what the kernel's own container makes of our fences */
TEST(out_sync_file, "a sync_file of a job that succeeded is signalled without error")
{
	struct client c;
	struct job job;
	uint32_t s;
	int f;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	on(&job, &c, "unit", 1);
	job_out(&job, s, 0);
	job_run(&c, &job);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	f = syncobj_sync_file(c.fd, s);
	CHECK(f >= 0);
	CHECK_EQ(sync_file_status(f), 1);
}

TEST(batch, "1024 jobs in one SUBMIT, each with an edge to the one before")
{
	struct drm_weft_pool_info p;
	struct drm_weft_job_record *r;
	struct job *job;
	struct client c;
	uint32_t n;
	uint64_t id;

	client_open(&c);
	pool_info(c.fd, &p);
	n = p.max_jobs_per_submit > 1024 ? 1024 : p.max_jobs_per_submit;
	job = calloc(n, sizeof(*job));
	r = calloc(n, sizeof(*r));
	for (uint32_t i = 0; i < n; i++) {
		job_nop(&job[i], &c, 1);
		if (i)
			job_dep(&job[i], DRM_WEFT_DEP_INDEX, 0, i - 1);
	}
	id = submit(&c, job, n);
	CHECK_EQ(job_query(c.fd, id, n, r, DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK,
			   in_ns(PATIENCE)), 0);
	for (uint32_t i = 0; i < n; i++) {
		CHECK_EQ(r[i].error, 0);
		CHECK(!i || r[i].start_ns >= r[i - 1].end_ns);
	}
}

TEST(constraints, "device, class and image masks are obeyed")
{
	struct drm_weft_device_info unit, slow;
	struct drm_weft_job_record r;
	struct client c;
	struct job job;

	client_open(&c);
	dev_add("npu", "profile=npu", "memory=16777216", "dilation=1");
	CHECK(dev_find(c.fd, "unit", &unit));
	CHECK(dev_find(c.fd, "slow", &slow));
	for (int i = 0; i < 8; i++) {
		job_nop(&job, &c, 1);
		job.j.device_mask = 1ull << (i & 1 ? unit.id : slow.id);
		job_wait(c.fd, submit(&c, &job, 1), &r);
		CHECK_EQ(r.device, i & 1 ? unit.id : slow.id);
		job_nop(&job, &c, 1);
		job.j.class_mask = 1u << (i & 1 ? DRM_WEFT_CLASS_NPU : DRM_WEFT_CLASS_GPU);
		job_wait(c.fd, submit(&c, &job, 1), &r);
		CHECK_EQ(1ull << r.device == dev_mask(c.fd, "npu"), i & 1);
		job_nop(&job, &c, 1);
		job.j.image_mask = 1u << (i & 1 ? 2 : 0);
		job_wait(c.fd, submit(&c, &job, 1), &r);
		CHECK_EQ(1ull << r.device == dev_mask(c.fd, "npu"), i & 1);
	}
}

TEST(eft, "eft: what it has learned sends jobs to the fast device")
{
	struct drm_weft_device_info unit;
	struct drm_weft_job_record r;
	unsigned int there = 0;
	struct client c;
	struct job job;

	client_open(&c);
	CHECK(dev_find(c.fd, "unit", &unit));
	for (int i = 0; i < 24; i++) {
		job_nop(&job, &c, UNIT_MS);
		job_wait(c.fd, submit(&c, &job, 1), &r);
		CHECK_EQ(r.error, 0);
		if (i >= 8)
			there += r.device == unit.id;
	}
	CHECK_MSG(there >= 14, "%u of 16 jobs on the fast device", there);
}
