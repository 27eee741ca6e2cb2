// SPDX-License-Identifier: GPL-2.0-only
/*
 * QUEUE_CREATE, QUEUE_SET, QUEUE_DESTROY and CLIENT_SET; ORDERED and priority.
 */
/* vm: smp=2 timeout=60 kernels=stock,debug,next insmod=weft,weft_sim */
#include <pthread.h>
#include <stdio.h>

#include "common.h"

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

static long create(int fd, uint32_t service, uint32_t flags, uint32_t priority, uint32_t depth,
		   uint32_t pad, uint32_t *handle)
{
	struct drm_weft_queue_create q = {
		.service = service, .flags = flags, .priority = priority, .depth = depth,
		.pad = pad,
	};
	long ret = ioc(fd, DRM_IOCTL_WEFT_QUEUE_CREATE, &q);

	if (handle)
		*handle = q.handle;
	return ret;
}

static long set(int fd, uint32_t handle, uint32_t priority, uint32_t depth, uint32_t flags)
{
	struct drm_weft_queue_set s = { handle, priority, depth, flags };

	return ioc(fd, DRM_IOCTL_WEFT_QUEUE_SET, &s);
}

static long destroy(int fd, uint32_t handle, uint32_t pad)
{
	struct drm_weft_handle h = { handle, pad };

	return ioc(fd, DRM_IOCTL_WEFT_QUEUE_DESTROY, &h);
}

TEST(services, "each service class; REALTIME: EOPNOTSUPP; unknown: EINVAL")
{
	int fd = pool_open();

	CHECK_EQ(create(fd, DRM_WEFT_SERVICE_INTERACTIVE, 0, 3, 0, 0, NULL), 0);
	CHECK_EQ(create(fd, DRM_WEFT_SERVICE_BATCH, 0, 3, 0, 0, NULL), 0);
	CHECK_EQ(create(fd, DRM_WEFT_SERVICE_BEST_EFFORT, 0, 3, 0, 0, NULL), 0);
	CHECK_EQ(create(fd, DRM_WEFT_SERVICE_REALTIME, 0, 3, 0, 0, NULL), -EOPNOTSUPP);
	CHECK_EQ(create(fd, 4, 0, 3, 0, 0, NULL), -EINVAL);
	CHECK_EQ(create(fd, ~0u, 0, 3, 0, 0, NULL), -EINVAL);
}

TEST(flags, "flags: ORDERED works, EARLY as offered, unknown ones EINVAL")
{
	int fd = pool_open();
	long early = features(fd) & DRM_WEFT_FEATURE_EARLY ? 0 : -EOPNOTSUPP;

	CHECK_EQ(create(fd, 2, DRM_WEFT_QUEUE_ORDERED, 3, 0, 0, NULL), 0);
	CHECK_EQ(create(fd, 2, DRM_WEFT_QUEUE_EARLY, 3, 0, 0, NULL), early);
	CHECK_EQ(create(fd, 2, DRM_WEFT_QUEUE_LEASE, 3, 0, 0, NULL), 0);
	CHECK_EQ(create(fd, 2, DRM_WEFT_QUEUE_LEASE | DRM_WEFT_QUEUE_EARLY, 3, 0, 0, NULL),
		 -EINVAL);
	for (int i = 3; i < 32; i++)
		CHECK_EQ(create(fd, 2, 1u << i, 3, 0, 0, NULL), -EINVAL);
}

TEST(priority, "priority 0..7, else EINVAL")
{
	int fd = pool_open();

	for (uint32_t p = 0; p < 8; p++)
		CHECK_EQ(create(fd, 2, 0, p, 0, 0, NULL), 0);
	CHECK_EQ(create(fd, 2, 0, 8, 0, 0, NULL), -EINVAL);
	CHECK_EQ(create(fd, 2, 0, ~0u, 0, 0, NULL), -EINVAL);
}

TEST(depth, "depth up to the pool's bound, above: EINVAL")
{
	struct drm_weft_pool_info p;
	int fd = pool_open();

	pool_info(fd, &p);
	CHECK_EQ(create(fd, 2, 0, 3, 1, 0, NULL), 0);
	CHECK_EQ(create(fd, 2, 0, 3, p.max_queue_depth, 0, NULL), 0);
	CHECK_EQ(create(fd, 2, 0, 3, p.max_queue_depth + 1, 0, NULL), -EINVAL);
	CHECK_EQ(create(fd, 2, 0, 3, ~0u, 0, NULL), -EINVAL);
}

TEST(pad, "pad: EINVAL")
{
	CHECK_EQ(create(pool_open(), 2, 0, 3, 0, 1, NULL), -EINVAL);
}

TEST(limit, "256 queues in a client, the next: ENOSPC; destroying one makes room")
{
	uint32_t first;
	int fd = pool_open();

	CHECK_EQ(create(fd, 2, 0, 3, 0, 0, &first), 0);
	for (int i = 1; i < 256; i++)
		CHECK_EQ(create(fd, 2, 0, 3, 0, 0, NULL), 0);
	CHECK_EQ(create(fd, 2, 0, 3, 0, 0, NULL), -ENOSPC);
	CHECK_EQ(destroy(fd, first, 0), 0);
	CHECK_EQ(create(fd, 2, 0, 3, 0, 0, NULL), 0);
}

TEST(set_errors, "QUEUE_SET: ENOENT, EINVAL for each field")
{
	struct drm_weft_pool_info p;
	int fd = pool_open();
	uint32_t q = queue_create(fd, 0, 0);

	pool_info(fd, &p);
	CHECK_EQ(set(fd, q, 7, 16, 0), 0);
	CHECK_EQ(set(fd, q, 0, 0, 0), 0);
	CHECK_EQ(set(fd, q + 1, 3, 16, 0), -ENOENT);
	CHECK_EQ(set(fd, 0, 3, 16, 0), -ENOENT);
	CHECK_EQ(set(fd, q, 8, 16, 0), -EINVAL);
	CHECK_EQ(set(fd, q, 3, p.max_queue_depth + 1, 0), -EINVAL);
	for (int i = 0; i < 32; i++)
		CHECK_EQ(set(fd, q, 3, 16, 1u << i), -EINVAL);
}

TEST(destroy_errors, "QUEUE_DESTROY: ENOENT, EINVAL, and twice")
{
	int fd = pool_open();
	uint32_t q = queue_create(fd, 0, 0);

	CHECK_EQ(destroy(fd, q + 1, 0), -ENOENT);
	CHECK_EQ(destroy(fd, 0, 0), -ENOENT);
	CHECK_EQ(destroy(fd, q, 1), -EINVAL);
	CHECK_EQ(destroy(fd, q, 0), 0);
	CHECK_EQ(destroy(fd, q, 0), -ENOENT);
}

TEST(destroy_busy, "a queue destroyed with jobs in flight: they end well")
{
	struct client c;
	struct job job[4];
	uint64_t id;

	client_open(&c);
	for (int i = 0; i < 4; i++)
		job_nop(&job[i], &c, 20 * UNIT_MS);
	id = submit(&c, job, 4);
	CHECK_EQ(destroy(c.fd, c.queue, 0), 0);
	CHECK_EQ(submit_raw(&c, job, 1, NULL), -ENOENT);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(job_result(c.fd, id + i), 0);
}

TEST(foreign, "a queue handle means nothing in another client")
{
	int fd = pool_open(), other = pool_open();
	uint32_t q = queue_create(fd, 0, 0);

	CHECK_EQ(set(other, q, 3, 0, 0), -ENOENT);
	CHECK_EQ(destroy(other, q, 0), -ENOENT);
}

TEST(ordered, "ORDERED: each job starts after the one before it ended, on two devices")
{
	struct drm_weft_job_record r, before = {};
	struct client c;
	struct job job[16];
	uint64_t id;

	dev_add("slow", DEV_SLOW);
	client_open(&c);
	c.queue = queue_create(c.fd, DRM_WEFT_QUEUE_ORDERED, 0);
	for (int i = 0; i < 16; i++) {
		job_nop(&job[i], &c, i & 1 ? UNIT_MS : 5 * SLOW_MS);
		job[i].j.device_mask = dev_mask(c.fd, i & 1 ? "unit" : "slow");
	}
	id = submit(&c, job, 8);
	CHECK_EQ(submit(&c, job + 8, 8), id + 8);
	for (int i = 0; i < 16; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK_EQ(r.error, 0);
		CHECK(r.start_ns >= before.end_ns);
		before = r;
	}
}

TEST(unordered, "without ORDERED a job overtakes one that runs on a slow device")
{
	struct drm_weft_job_record first, second;
	struct client c;
	struct job job[2];
	uint64_t id;

	dev_add("slow", DEV_SLOW);
	client_open(&c);
	job_nop(&job[0], &c, 300 * SLOW_MS);
	job[0].j.device_mask = dev_mask(c.fd, "slow");
	job_nop(&job[1], &c, 1);
	job[1].j.device_mask = dev_mask(c.fd, "unit");
	id = submit(&c, job, 2);
	job_wait(c.fd, id, &first);
	job_wait(c.fd, id + 1, &second);
	CHECK_EQ(first.error | second.error, 0);
	CHECK_MSG(second.end_ns < first.end_ns, "it waited for the slow one");
}

TEST(priority_order, "a job of higher priority overtakes READY ones of the same client")
{
	struct drm_weft_job_record r, last;
	uint64_t low, high;
	struct client c, d;
	struct job job[16];

	client_open(&c);
	d = c;
	CHECK_EQ(create(c.fd, DRM_WEFT_SERVICE_BATCH, 0, 7, 0, 0, &d.queue), 0);
	for (int i = 0; i < 16; i++)
		job_nop(&job[i], &c, 10 * UNIT_MS);
	low = submit(&c, job, 16);
	job_nop(&job[0], &d, UNIT_MS);
	high = submit(&d, job, 1);
	job_wait(c.fd, high, &r);
	job_wait(c.fd, low + 15, &last);
	CHECK_MSG(r.start_ns < last.start_ns, "the urgent job started last");
}

TEST(service_order, "INTERACTIVE is served before BATCH that waits")
{
	struct drm_weft_job_record r, last;
	uint64_t batch, first;
	struct client c, d;
	struct job job[16];

	client_open(&c);
	d = c;
	CHECK_EQ(create(c.fd, DRM_WEFT_SERVICE_INTERACTIVE, 0, 3, 0, 0, &d.queue), 0);
	for (int i = 0; i < 16; i++)
		job_nop(&job[i], &c, 10 * UNIT_MS);
	batch = submit(&c, job, 16);
	job_nop(&job[0], &d, UNIT_MS);
	first = submit(&d, job, 1);
	job_wait(c.fd, first, &r);
	job_wait(c.fd, batch + 15, &last);
	CHECK_MSG(r.start_ns < last.start_ns, "the interactive job started last");
}

static long client_set(int fd, uint32_t param, uint32_t flags, uint64_t value)
{
	struct drm_weft_client_set s = { param, flags, value };

	return ioc(fd, DRM_IOCTL_WEFT_CLIENT_SET, &s);
}

TEST(client_errors, "CLIENT_SET: unknown parameters, flags: EINVAL")
{
	char name[32] = "x";
	int fd = pool_open();

	CHECK_EQ(client_set(fd, 0, 0, 0), -EINVAL);
	CHECK_EQ(client_set(fd, DRM_WEFT_CLIENT_DEVICE_EVENTS + 1, 0, 0), -EINVAL);
	CHECK_EQ(client_set(fd, ~0u, 0, 0), -EINVAL);
	CHECK_EQ(client_set(fd, DRM_WEFT_CLIENT_NAME, 1, p64(name)), -EINVAL);
	CHECK_EQ(client_set(fd, DRM_WEFT_CLIENT_NAME, 1u << 31, p64(name)), -EINVAL);
}

TEST(client_name, "CLIENT_SET NAME: accepted; EFAULT; EINVAL if not terminated")
{
	char name[32] = "a name";
	int fd = pool_open();

	CHECK_EQ(client_set(fd, DRM_WEFT_CLIENT_NAME, 0, p64(name)), 0);
	CHECK_EQ(client_set(fd, DRM_WEFT_CLIENT_NAME, 0, 8), -EFAULT);
	memset(name, 'x', sizeof(name));
	CHECK_EQ(client_set(fd, DRM_WEFT_CLIENT_NAME, 0, p64(name)), -EINVAL);
}

TEST(client_long, "CLIENT_SET LONG_RUNNING: EOPNOTSUPP unless offered")
{
	int fd = pool_open();
	long want = features(fd) & DRM_WEFT_FEATURE_LONG_RUNNING ? 0 : -EOPNOTSUPP;

	CHECK_EQ(client_set(fd, DRM_WEFT_CLIENT_LONG_RUNNING, 0, 1), want);
}

/** struct race - a SUBMIT under way while its queue is destroyed */
struct race {
	struct client *client;
	struct job *jobs;
	uint32_t count;
	pthread_barrier_t start;
	long ret;
};

static void *race_submit(void *arg)
{
	struct race *r = arg;
	struct drm_weft_submit s;

	pthread_barrier_wait(&r->start);
	r->ret = submit_raw(r->client, r->jobs, r->count, &s);
	return NULL;
}

/* A queue that keeps a job which keeps the queue would hold the module: unloading shows it. */
TEST(destroy_race, "destroyed while a SUBMIT is under way: all of it or ENOENT, nothing left")
{
	enum { JOBS = 32, ROUNDS = 150 };
	struct race r = { .count = JOBS };
	uint32_t accepted = 0, refused = 0;
	struct job jobs[JOBS];
	struct client c;
	pthread_t thread;

	client_open(&c);
	r.client = &c;
	r.jobs = jobs;
	pthread_barrier_init(&r.start, NULL, 2);
	for (int round = 0; round < ROUNDS; round++) {
		c.queue = queue_create(c.fd, DRM_WEFT_QUEUE_ORDERED, 0);
		for (int i = 0; i < JOBS; i++)
			job_nop(&jobs[i], &c, 0);
		pthread_create(&thread, NULL, race_submit, &r);
		pthread_barrier_wait(&r.start);
		usleep(round * 10);
		CHECK_EQ(destroy(c.fd, c.queue, 0), 0);
		pthread_join(thread, NULL);
		if (r.ret) {
			CHECK_EQ(r.ret, -ENOENT);
			refused++;
		} else {
			accepted++;
		}
	}
	printf("# %u accepted, %u refused\n", accepted, refused);
	pthread_barrier_destroy(&r.start);
}
