// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers shared with other drivers: export, import, and who waits for whom.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "common.h"
#include "peers.h"

#define R		DRM_WEFT_ACCESS_READ
#define W		DRM_WEFT_ACCESS_WRITE
#define SIZE		(64 * KIB)

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

static uint32_t shareable(int fd, uint64_t size)
{
	struct drm_weft_bo_create b = { .size = size, .flags = DRM_WEFT_BO_SHAREABLE };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	return b.handle;
}

static void open_on(struct client *c, const char *device, struct job *job)
{
	client_open(c);
	job_nop(job, c, 1);
	job->j.device_mask = dev_mask(c->fd, device);
}

/* the whole buffer becomes @value by a job */
static void job_fills(const struct client *c, uint32_t handle, uint32_t value)
{
	struct job job;

	job_fill(&job, c, handle, SIZE, value);
	job_run(c, &job);
}

/* what a job finds in the buffer */
static void job_finds(const struct client *c, uint32_t handle, uint32_t value)
{
	uint32_t copy = bo_create(c->fd, SIZE);
	struct job job;

	job_copy(&job, c, copy, handle, SIZE);
	job_run(c, &job);
	bo_expect(c->fd, copy, SIZE, value);
	bo_close(c->fd, copy);
}

static bool readable(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1 && (p.revents & events);
}

/* -------------------------------------------------------------------------------------- export */

TEST(export, "SHAREABLE is told by BO_INFO and exports; a private buffer does not: EPERM")
{
	struct drm_weft_bo_info i;
	struct client c;
	uint32_t h;
	int dmabuf;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	CHECK_EQ(bo_info(c.fd, h, &i), 0);
	CHECK_EQ(i.flags, DRM_WEFT_BO_SHAREABLE);
	dmabuf = prime_export(c.fd, h);
	CHECK_EQ(lseek(dmabuf, 0, SEEK_END), SIZE);
	CHECK_EQ(prime_try_export(c.fd, bo_create(c.fd, SIZE)), -EPERM);
}

TEST(bytes, "mappings of the dma-buf, of the node, and jobs see the same bytes, both ways")
{
	struct client c;
	uint32_t h, *node;
	int dmabuf;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	/* before the export the buffer is like any other */
	job_fills(&c, h, 1);
	job_finds(&c, h, 1);
	dmabuf = prime_export(c.fd, h);
	dmabuf_expect(dmabuf, SIZE, 1);
	node = bo_map(c.fd, h, SIZE);
	CHECK_EQ(node[SIZE / 4 - 1], 1);
	dmabuf_fill(dmabuf, SIZE, 2);
	CHECK_EQ(node[SIZE / 4 - 1], 2);
	job_finds(&c, h, 2);
	job_fills(&c, h, 3);
	dmabuf_expect(dmabuf, SIZE, 3);
	bo_expect(c.fd, h, SIZE, 3);
	bo_fill(c.fd, h, SIZE, 4);
	dmabuf_expect(dmabuf, SIZE, 4);
	job_finds(&c, h, 4);
}

TEST(uncached, "F20: what is written through a mapping between two jobs is seen by the second")
{
	struct client c;
	uint32_t h, *p;
	int dmabuf;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	p = dmabuf_map(dmabuf, SIZE);
	for (uint32_t v = 1; v < 20; v++) {
		/* nothing tells weft of it */
		for (unsigned int k = 0; k < SIZE / 4; k++)
			p[k] = v;
		job_finds(&c, h, v);
	}
}

TEST(range, "F20: a job that writes a part leaves the rest to whoever wrote it")
{
	struct client c;
	struct job job;
	uint32_t h, *p;
	int dmabuf;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	dmabuf_fill(dmabuf, SIZE, 7);
	job_fill(&job, &c, h, 4096, 9);
	job.buffer[0].access = W;
	job.buffer[0].offset = 8192 + 8;
	job.buffer[0].length = 4096;
	job_run(&c, &job);
	p = dmabuf_map(dmabuf, SIZE);
	for (unsigned int k = 0; k < SIZE / 4; k++)
		CHECK_EQ(p[k], k >= 2050 && k < 2050 + 1024 ? 9 : 7);
}

TEST(outlive, "the dma-buf keeps the bytes when handle and file are gone")
{
	struct client c;
	uint32_t h;
	int dmabuf;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	job_fills(&c, h, 0x5a);
	dmabuf = prime_export(c.fd, h);
	bo_close(c.fd, h);
	client_close(&c);
	dmabuf_expect(dmabuf, SIZE, 0x5a);
}

TEST(self_import, "another client of the pool gets the buffer itself; hazards hold between clients")
{
	struct client a, b;
	struct job job;
	uint32_t ha, hb;
	int dmabuf;

	client_open(&a);
	client_open(&b);
	ha = shareable(a.fd, SIZE);
	dmabuf = prime_export(a.fd, ha);
	hb = prime_import(b.fd, dmabuf);
	CHECK_EQ(prime_import(a.fd, dmabuf), ha);
	for (uint32_t v = 1; v < 30; v++) {
		job_fill(&job, &a, ha, SIZE, v);
		submit(&a, &job, 1);
		job_finds(&b, hb, v);
		job_fill(&job, &b, hb, SIZE, ~v);
		submit(&b, &job, 1);
		job_finds(&a, ha, ~v);
	}
	client_close(&a);
	job_fills(&b, hb, 77);
	dmabuf_expect(dmabuf, SIZE, 77);
}

TEST(export_in_flight, "F5: an export while a job runs: its fence is there, and its bytes come")
{
	struct client c;
	struct job job;
	uint32_t h;
	int dmabuf, f;

	dev_add("slowly", DEV_UNIT, "speed=fill 1", "dilation=20");
	open_on(&c, "slowly", &job);
	h = shareable(c.fd, SIZE);
	job_fill(&job, &c, h, SIZE, 0x1234);
	job.j.device_mask = dev_mask(c.fd, "slowly");
	submit(&c, &job, 1);
	dmabuf = prime_export(c.fd, h);
	f = dmabuf_fences(dmabuf, false);
	dmabuf_expect(dmabuf, SIZE, 0x1234);
	CHECK_EQ(sync_file_status(f), 1);
}

TEST(lost, "F7: a failed job's output is LOST for others, too: ENODATA, until written")
{
	struct client c;
	struct job job;
	uint32_t h;
	int dmabuf;

	dev_add("faulty", DEV_UNIT);
	open_on(&c, "faulty", &job);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	dmabuf_fill(dmabuf, SIZE, 1);
	CHECK_EQ(dev_set("faulty", "fault/error", "1"), 0);
	job_fill(&job, &c, h, SIZE, 2);
	job.j.device_mask = dev_mask(c.fd, "faulty");
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), -ENODATA);
	job_copy(&job, &c, bo_create(c.fd, SIZE), h, SIZE);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ENODATA);
	dmabuf_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	dmabuf_sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
	dmabuf_fill(dmabuf, SIZE, 3);
	job_finds(&c, h, 3);
}

TEST(copy_fails, "the way in or out fails: EIO, nothing half done is passed off as a result")
{
	struct client c;
	struct job job;
	uint32_t h;
	int dmabuf;

	dev_add("faulty", DEV_UNIT);
	open_on(&c, "faulty", &job);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	dmabuf_fill(dmabuf, SIZE, 1);
	/* memory on the device is made (and cleared) before */
	job_fill(&job, &c, h, SIZE, 2);
	job.j.device_mask = dev_mask(c.fd, "faulty");
	job_run(&c, &job);
	CHECK_EQ(dev_set("faulty", "fault/copy_error", "1"), 0);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), -ENODATA);
	job_run(&c, &job);
	dmabuf_expect(dmabuf, SIZE, 2);
}

/* ----------------------------------------------------------------------- who waits for whom */

/* a job of weft's that is under way until it is cancelled, on a buffer that others see */
static uint64_t hang(const struct client *c, uint32_t handle, uint32_t access)
{
	struct job job;

	dev_add("hung", DEV_UNIT, "fault/hang=1");
	job_nop(&job, c, 1);
	job_buffer(&job, handle, access);
	job.j.device_mask = dev_mask(c->fd, "hung");
	return submit(c, &job, 1);
}

TEST(others_wait, "F5: others find weft's fence: sync_file, poll, and vgem's own check")
{
	int vgem = vgem_open(), dmabuf, reader, writer;
	struct client c;
	uint32_t h, there, fence;
	uint64_t id;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	there = prime_import(vgem, dmabuf);
	id = hang(&c, h, W);
	reader = dmabuf_fences(dmabuf, false);
	writer = dmabuf_fences(dmabuf, true);
	CHECK_EQ(sync_file_status(reader), 0);
	CHECK_EQ(sync_file_status(writer), 0);
	CHECK(!readable(dmabuf, POLLIN, 0));
	CHECK(!readable(dmabuf, POLLOUT, 0));
	CHECK(!readable(reader, POLLIN, 20));
	CHECK_EQ(vgem_try_fence(vgem, there, false, &fence), -EBUSY);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK(readable(reader, POLLIN, 50000));
	CHECK(readable(dmabuf, POLLOUT, 50000));
	CHECK_EQ(sync_file_status(reader), -ECANCELED);
	CHECK_EQ(sync_file_status(writer), -ECANCELED);
	vgem_signal(vgem, vgem_fence(vgem, there, false));
}

TEST(others_read, "a job that reads holds up writers, not readers")
{
	struct client c;
	uint64_t id;
	uint32_t h;
	int dmabuf;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	id = hang(&c, h, R);
	CHECK_EQ(sync_file_status(dmabuf_fences(dmabuf, false)), 1);
	CHECK_EQ(sync_file_status(dmabuf_fences(dmabuf, true)), 0);
	CHECK(readable(dmabuf, POLLIN, 0));
	CHECK(!readable(dmabuf, POLLOUT, 0));
	dmabuf_expect(dmabuf, SIZE, 0);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK(readable(dmabuf, POLLOUT, 50000));
}

/* @job_access: what the job does; @write: what vgem's fence says that vgem does */
static void waits_for_vgem(uint32_t job_access, bool write, bool waits)
{
	int vgem = vgem_open(), dmabuf;
	struct client c;
	struct job job;
	uint32_t h, fence;
	uint64_t id;

	open_on(&c, "unit", &job);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	fence = vgem_fence(vgem, prime_import(vgem, dmabuf), write);
	job_buffer(&job, h, job_access);
	id = submit(&c, &job, 1);
	if (waits) {
		sleep_ms(50);
		CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BOUND);
		vgem_signal(vgem, fence);
		CHECK_EQ(job_result(c.fd, id), 0);
	} else {
		CHECK_EQ(job_result(c.fd, id), 0);
		vgem_signal(vgem, fence);
	}
}

TEST(read_after_write, "F13: a job that reads waits for the other driver's write")
{
	waits_for_vgem(R, true, true);
}

TEST(write_after_write, "F13: a job that writes waits for the other driver's write")
{
	waits_for_vgem(W, true, true);
}

TEST(write_after_read, "F13: a job that writes waits for the other driver's read")
{
	waits_for_vgem(W, false, true);
}

TEST(read_after_read, "a job that reads does not wait for the other driver's read")
{
	waits_for_vgem(R, false, false);
}

TEST(fetched_late, "F20: a job reads what was written before the other driver's fence")
{
	int vgem = vgem_open(), dmabuf;
	struct client c;
	struct job job;
	uint32_t h, out, fence, *p;
	uint64_t id;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	out = bo_create(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	dmabuf_fill(dmabuf, SIZE, 1);
	p = dmabuf_map(dmabuf, SIZE);
	fence = vgem_fence(vgem, prime_import(vgem, dmabuf), true);
	job_copy(&job, &c, out, h, SIZE);
	id = submit(&c, &job, 1);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BOUND);
	for (unsigned int k = 0; k < SIZE / 4; k++)
		p[k] = 2;
	vgem_signal(vgem, fence);
	CHECK_EQ(job_result(c.fd, id), 0);
	bo_expect(c.fd, out, SIZE, 2);
}

TEST(explicit, "IMPORT_SYNC_FILE: weft's out-fence on somebody else's buffer, and the other way")
{
	int foreign = heap_create(SIZE), dmabuf, f;
	struct client c;
	struct job job;
	uint32_t h, s;
	uint64_t id, second;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	c.queue = queue_create(c.fd, DRM_WEFT_QUEUE_EARLY, 0);
	s = syncobj_create(c.fd, 0);
	dev_add("hung", DEV_UNIT, "fault/hang=1");
	job_nop(&job, &c, 1);
	job.j.device_mask = dev_mask(c.fd, "hung");
	job_out(&job, s, 0);
	id = submit(&c, &job, 1);
	f = syncobj_sync_file(c.fd, s);
	CHECK_EQ(dmabuf_add_fence(foreign, f, true), 0);
	CHECK(!readable(foreign, POLLIN, 0));
	/* and on our own: an early fence of ours is waited for like any other */
	CHECK_EQ(dmabuf_add_fence(dmabuf, f, true), 0);
	job_nop(&job, &c, 1);
	job_buffer(&job, h, R);
	job.j.device_mask = dev_mask(c.fd, "unit");
	second = submit(&c, &job, 1);
	CHECK_EQ(job_state(c.fd, second), DRM_WEFT_JOB_BOUND);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK(readable(foreign, POLLIN, 50000));
	/* implicit: order, not success */
	CHECK_EQ(job_result(c.fd, second), 0);
}

TEST(sync_waits, "SYNC_START waits for weft's job; BO_WAIT and BO_CPU_BEGIN for vgem's fence")
{
	int vgem = vgem_open(), dmabuf;
	struct client c;
	struct job job;
	uint32_t h, fence;

	client_open(&c);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	for (uint32_t v = 1; v < 10; v++) {
		job_fill(&job, &c, h, SIZE, v);
		submit(&c, &job, 1);
		dmabuf_expect(dmabuf, SIZE, v);
	}
	fence = vgem_fence(vgem, prime_import(vgem, dmabuf), true);
	CHECK_EQ(bo_wait(c.fd, h, R, in_ns(20 * MS)), -ETIME);
	CHECK_EQ(bo_cpu(c.fd, true, h, R, in_ns(20 * MS)), -ETIME);
	vgem_signal(vgem, fence);
	CHECK_EQ(bo_wait(c.fd, h, W, in_ns(PATIENCE)), 0);
	bo_expect(c.fd, h, SIZE, 9);
}

/* -------------------------------------------------------------------------------------- import */

struct exporter {
	const char *name;
	int (*create)(uint64_t size);
};

static int vgem_dmabuf(uint64_t size)
{
	int vgem = vgem_open();

	return prime_export(vgem, vgem_create(vgem, size));
}

/* jobs read what the exporter's mapping wrote and the other way round; parts, and mixed */
static void imports(int (*create)(uint64_t))
{
	int dmabuf = create(SIZE);
	struct drm_weft_bo_info i;
	struct client c;
	struct job job;
	uint32_t h, *p;

	client_open(&c);
	h = prime_import(c.fd, dmabuf);
	CHECK_EQ(bo_info(c.fd, h, &i), 0);
	CHECK_EQ(i.size, SIZE);
	CHECK_EQ(prime_import(c.fd, dmabuf), h);
	for (uint32_t v = 1; v < 10; v++) {
		dmabuf_fill(dmabuf, SIZE, v);
		job_finds(&c, h, v);
		job_fills(&c, h, ~v);
		dmabuf_expect(dmabuf, SIZE, ~v);
	}
	/* a part */
	job_fill(&job, &c, h, 4096, 5);
	job.buffer[0].offset = 4096 + 16;
	job.buffer[0].length = 4096;
	job_run(&c, &job);
	p = dmabuf_map(dmabuf, SIZE);
	for (unsigned int k = 0; k < SIZE / 4; k++)
		CHECK_EQ(p[k], k >= 1028 && k < 1028 + 1024 ? 5 : ~9u);
	/* by the CPU, through weft: its mapping is the exporter's */
	bo_fill(c.fd, h, SIZE, 6);
	CHECK_EQ(p[SIZE / 4 - 1], 6);
	bo_expect(c.fd, h, SIZE, 6);
	job_finds(&c, h, 6);
	/* the export of an import is the original */
	CHECK_EQ(lseek(prime_export(c.fd, h), 0, SEEK_END), SIZE);
	munmap(p, SIZE);
	close(dmabuf);
	job_finds(&c, h, 6);
	bo_close(c.fd, h);
}

TEST(import_vgem, "vgem's buffer: bytes right both ways, whole and part, CPU and jobs")
{
	imports(vgem_dmabuf);
}

TEST(import_heap, "a dma-heap's buffer: likewise")
{
	imports(heap_create);
}

TEST(import_udmabuf, "a udmabuf: likewise")
{
	imports(udmabuf_create);
}

struct import {
	struct client c;
	struct job job;
	uint64_t id;
	bool done;
};

static void *import_submit(void *arg)
{
	struct import *i = arg;

	i->id = submit(&i->c, &i->job, 1);
	__atomic_store_n(&i->done, true, __ATOMIC_RELEASE);
	return NULL;
}

TEST(import_waits, "implicit sync of an import: the SUBMIT waits for vgem, others for weft's job")
{
	int vgem = vgem_open(), dmabuf;
	uint32_t there = vgem_create(vgem, SIZE), h, out, fence;
	struct import i = {};
	pthread_t thread;
	uint64_t id;

	dmabuf = prime_export(vgem, there);
	dmabuf_fill(dmabuf, SIZE, 1);
	client_open(&i.c);
	h = prime_import(i.c.fd, dmabuf);
	out = bo_create(i.c.fd, SIZE);
	fence = vgem_fence(vgem, there, true);
	job_copy(&i.job, &i.c, out, h, SIZE);
	CHECK_EQ(pthread_create(&thread, NULL, import_submit, &i), 0);
	sleep_ms(50);
	CHECK(!__atomic_load_n(&i.done, __ATOMIC_ACQUIRE));
	for (uint32_t *p = dmabuf_map(dmabuf, SIZE), *end = p + SIZE / 4; p < end; p++)
		*p = 2;
	vgem_signal(vgem, fence);
	pthread_join(thread, NULL);
	CHECK_EQ(job_result(i.c.fd, i.id), 0);
	bo_expect(i.c.fd, out, SIZE, 2);

	id = hang(&i.c, h, W);
	CHECK_EQ(vgem_try_fence(vgem, there, true, &fence), -EBUSY);
	CHECK_EQ(sync_file_status(dmabuf_fences(dmabuf, false)), 0);
	CHECK_EQ(job_cancel(i.c.fd, id), 0);
	CHECK(readable(dmabuf, POLLIN, 50000));
	/* what the job did not finish is not there */
	dmabuf_expect(dmabuf, SIZE, 2);
}

TEST(import_bad, "bad uses of an import: range, access, several jobs, a foreign pool's nothing")
{
	struct drm_weft_submit s;
	struct client c;
	struct job job[2];
	uint32_t h;

	client_open(&c);
	h = prime_import(c.fd, heap_create(SIZE));
	job_nop(&job[0], &c, 1);
	job_buffer(&job[0], h, R);
	job[0].buffer[0].offset = SIZE;
	CHECK_EQ(submit_raw(&c, job, 1, &s), -EINVAL);
	CHECK_EQ(s.failed_index, 0);
	job[0].buffer[0].offset = 0;
	job[0].buffer[0].length = SIZE + 8;
	CHECK_EQ(submit_raw(&c, job, 1, &s), -EINVAL);
	job[0].buffer[0].length = 0;
	job[0].buffer[0].access = 4;
	CHECK_EQ(submit_raw(&c, job, 1, &s), -EINVAL);
	job[0].buffer[0].access = W;
	job[0].buffer[0].handle = 12345;
	CHECK_EQ(submit_raw(&c, job, 1, &s), -ENOENT);
	job[0].buffer[0].handle = h;
	job[1] = job[0];
	CHECK_EQ(submit_raw(&c, job, 2, &s), -EINVAL);
	/* the same twice in one job: opened twice, closed twice */
	job_buffer(&job[0], h, W);
	CHECK_EQ(submit_raw(&c, job, 1, &s), -EINVAL);
	job[0].j.buffer_count = 1;
	job_run(&c, job);
}

TEST(import_many, "an import used by many jobs of several clients in a row")
{
	int dmabuf = heap_create(SIZE);
	struct client c[3];
	uint32_t h[3];

	for (int i = 0; i < 3; i++) {
		client_open(&c[i]);
		h[i] = prime_import(c[i].fd, dmabuf);
	}
	for (uint32_t v = 0; v < 30; v++) {
		struct job job;

		job_fill(&job, &c[v % 3], h[v % 3], SIZE, v);
		submit(&c[v % 3], &job, 1);
		job_finds(&c[(v + 1) % 3], h[(v + 1) % 3], v);
	}
}

/* ------------------------------------------------------------------------------------- removal */

TEST(unplug, "a device goes while its job holds a shared buffer: ENODEV, the buffer lives")
{
	int vgem = vgem_open(), dmabuf;
	struct client c;
	struct job job;
	uint32_t h;
	uint64_t id;

	open_on(&c, "unit", &job);
	h = shareable(c.fd, SIZE);
	dmabuf = prime_export(c.fd, h);
	prime_import(vgem, dmabuf);
	id = hang(&c, h, W);
	CHECK_EQ(dev_set("hung", "fault/vanish", "now"), 0);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	CHECK(readable(dmabuf, POLLOUT, 50000));
	job_fills(&c, h, 8);
	dmabuf_expect(dmabuf, SIZE, 8);
}
