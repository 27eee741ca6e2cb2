// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two pools and what other drivers carry between them: fences, dma-bufs, names.
 *
 * DOC: pools_foreign
 *
 * Between pools weft passes on nothing of its own (tests/selftests/pools.c). What is the kernel's
 * and not weft's goes where its owner sends it, and then it is what it would be from any driver:
 * a fence to wait for, bytes to copy. Documentation/design/pools.rst has the list.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "common.h"
#include "peers.h"

#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE
#define SIZE	(16 * KIB)

struct two {
	struct client a, b;	/* one in "default" with d0 and h0, one in "b" with d1 and h1 */
};

SETUP()
{
	dev_add("d0", DEV_UNIT);
	dev_add("d1", DEV_UNIT);
	dev_add("h0", DEV_UNIT, "fault/hang=1000");
	dev_add("h1", DEV_UNIT, "fault/hang=1000");
	devs_keep();
}

static void open_two(struct two *t)
{
	pool_mkdir("b", "devices=d1 h1");
	CHECK_EQ(pool_enable("b", true), 0);
	client_open_pool(&t->a, "default");
	client_open_pool(&t->b, "b");
	/* jobs that are visible while they are under way */
	t->a.queue = queue_create(t->a.fd, DRM_WEFT_QUEUE_EARLY, 0);
}

/* a job of pool a that ends when it is cancelled; @out gets its fence, unsignalled */
static uint64_t hang(const struct client *c, const char *device, uint32_t out, uint32_t shared)
{
	struct job job;

	job_nop(&job, c, 1);
	job.j.device_mask = dev_mask(c->fd, device);
	if (out)
		job_out(&job, out, 0);
	if (shared)
		job_buffer(&job, shared, W);
	return submit(c, &job, 1);
}

struct submitter {
	struct two *t;
	struct job job;
	uint64_t id;
	bool done;
};

static void *submit_b(void *arg)
{
	struct submitter *s = arg;

	s->id = submit(&s->t->b, &s->job, 1);
	__atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* a fence of pool a's, as a sync_file, in a syncobj of pool b */
static uint32_t carry(const struct two *t, uint32_t syncobj)
{
	int f = syncobj_sync_file(t->a.fd, syncobj);
	uint32_t there = syncobj_import(t->b.fd, f);

	CHECK_EQ(sync_file_status(f), 0);
	close(f);
	return there;
}

TEST(late, "an early fence of one pool, and a late job of another: its SUBMIT waits, as for any")
{
	struct submitter s = {};
	pthread_t thread;
	struct two t;
	uint32_t sa;
	uint64_t id;

	open_two(&t);
	sa = syncobj_create(t.a.fd, 0);
	id = hang(&t.a, "h0", sa, 0);
	s.t = &t;
	job_nop(&s.job, &t.b, 1);
	s.job.j.device_mask = dev_mask(t.b.fd, "d1");
	job_dep(&s.job, DRM_WEFT_DEP_SYNCOBJ, carry(&t, sa), 0);
	CHECK_EQ(pthread_create(&thread, NULL, submit_b, &s), 0);
	sleep_ms(50);
	CHECK(!__atomic_load_n(&s.done, __ATOMIC_ACQUIRE));
	CHECK_EQ(job_cancel(t.a.fd, id), 0);
	pthread_join(thread, NULL);
	/* it was named, and it failed */
	CHECK_EQ(job_result(t.b.fd, s.id), ECANCELED);
}

TEST(early, "and an early job: it is BOUND, and its end follows that of the other pool's job")
{
	struct two t;
	struct job job;
	uint32_t sa;
	uint64_t id, there;

	open_two(&t);
	t.b.queue = queue_create(t.b.fd, DRM_WEFT_QUEUE_EARLY, 0);
	sa = syncobj_create(t.a.fd, 0);
	id = hang(&t.a, "h0", sa, 0);
	job_nop(&job, &t.b, 1);
	job.j.device_mask = dev_mask(t.b.fd, "d1");
	job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, carry(&t, sa), 0);
	there = submit(&t.b, &job, 1);
	CHECK_EQ(job_state(t.b.fd, there), DRM_WEFT_JOB_BOUND);
	CHECK_EQ(job_cancel(t.a.fd, id), 0);
	CHECK_EQ(job_result(t.b.fd, there), ECANCELED);
}

TEST(third, "the same dma-heap's buffer in two pools: bytes and fences meet there, nothing else")
{
	int dmabuf = heap_create(SIZE), f;
	uint32_t ha, hb, out;
	struct two t;
	struct job job;
	uint64_t id;

	open_two(&t);
	ha = prime_import(t.a.fd, dmabuf);
	hb = prime_import(t.b.fd, dmabuf);
	out = bo_create(t.b.fd, SIZE);
	for (uint32_t v = 1; v < 6; v++) {
		job_fill(&job, &t.a, ha, SIZE, v);
		job.j.device_mask = dev_mask(t.a.fd, "d0");
		submit(&t.a, &job, 1);
		job_copy(&job, &t.b, out, hb, SIZE);
		job.j.device_mask = dev_mask(t.b.fd, "d1");
		job_run(&t.b, &job);
		bo_expect(t.b.fd, out, SIZE, v);
	}
	/* order without success: what the other pool's job did not finish is not there */
	id = hang(&t.a, "h0", 0, ha);
	f = dmabuf_fences(dmabuf, false);
	CHECK_EQ(sync_file_status(f), 0);
	CHECK_EQ(bo_wait(t.b.fd, hb, R, in_ns(20 * MS)), -ETIME);
	CHECK_EQ(job_cancel(t.a.fd, id), 0);
	CHECK_EQ(bo_wait(t.b.fd, hb, R, in_ns(PATIENCE)), 0);
	job_run(&t.b, &job);
	bo_expect(t.b.fd, out, SIZE, 5);
}

TEST(through, "a pool's dma-buf that comes back from vgem is still the pool's: EPERM in others")
{
	struct drm_weft_bo_create b = { .size = SIZE, .flags = DRM_WEFT_BO_SHAREABLE };
	int vgem = vgem_open(), dmabuf, again;
	uint32_t handle;
	struct two t;

	open_two(&t);
	CHECK_EQ(ioc(t.a.fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	dmabuf = prime_export(t.a.fd, b.handle);
	CHECK_EQ(prime_try_import(t.b.fd, dmabuf, &handle), -EPERM);
	again = prime_export(vgem, prime_import(vgem, dmabuf));
	close(dmabuf);
	CHECK_EQ(prime_try_import(t.b.fd, again, &handle), -EPERM);
	CHECK_EQ(prime_import(t.a.fd, again), b.handle);
	/* nor can the other pool export what it could not import */
	CHECK_EQ(prime_try_export(t.b.fd, b.handle + 1), -ENOENT);
}

static int primary(const char *pool)
{
	char path[512];
	int fd;

	CHECK_EQ(pool_node(pool, "card", path, sizeof(path)), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

TEST(names, "a name of one pool's buffer is none in another")
{
	struct drm_gem_flink f = {};
	struct drm_gem_open o = {};
	int a, b;

	for (int i = 0; i < 2; i++) {
		pool_mkdir(i ? "r1" : "r0", "node=render");
		CHECK_EQ(pool_enable(i ? "r1" : "r0", true), 0);
	}
	a = primary("r0");
	b = primary("r1");
	f.handle = bo_create(a, SIZE);
	CHECK_EQ(ioc(a, DRM_IOCTL_GEM_FLINK, &f), 0);
	o.name = f.name;
	CHECK_EQ(ioc(b, DRM_IOCTL_GEM_OPEN, &o), -ENOENT);
	CHECK_EQ(ioc(a, DRM_IOCTL_GEM_OPEN, &o), 0);
}
