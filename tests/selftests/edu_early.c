// SPDX-License-Identifier: GPL-2.0-only
/*
 * Early mode on hardware: edu devices, whose jobs are DMA through an IOMMU, and shared buffers.
 */
/* vm: smp=2 edu=1 iommu=1 timeout=90 kernels=stock,debug,next insmod=weft,weft_edu */
#include <stdio.h>
#include <string.h>

#include "edudev.h"
#include "peers.h"

#define BYTES	256

static uint32_t shareable(int fd)
{
	struct drm_weft_bo_create b = { .size = 4096, .flags = DRM_WEFT_BO_SHAREABLE };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	return b.handle;
}

/* dst = src, both seen by others */
static void copy(const struct client *c, int from, uint32_t src, int to, uint32_t dst)
{
	struct job job;
	uint32_t *p = dmabuf_map(to, 4096), s = syncobj_create(c->fd, 0);
	int f;

	dmabuf_fill(from, 4096, 0x600df00d);
	dmabuf_fill(to, 4096, 0x11111111);
	edu_job(&job, c, WEFT_EDU_OP_COPY, dst, src, BYTES);
	job.buffer[0].length = BYTES;
	job.buffer[1].length = BYTES;
	job_out(&job, s, 0);
	submit(c, &job, 1);
	f = dmabuf_fences(to, false);
	CHECK_EQ(syncobj_wait(c->fd, s, 0, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(sync_file_status(f), 1);
	/* the fence says that the bytes are at the host */
	for (unsigned int i = 0; i < 1024; i++)
		CHECK_EQ(p[i], i < BYTES / 4 ? 0x600df00d : 0x11111111);
}

TEST(exported, "a job on exported buffers: bytes in by DMA, and out before the fence signals")
{
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	uint32_t src, dst;

	edu_await(dev, 1);
	edu_client_open(&c);
	src = shareable(c.fd);
	dst = shareable(c.fd);
	copy(&c, prime_export(c.fd, src), src, prime_export(c.fd, dst), dst);
}

/* a counter of the pool */
static uint64_t counter(const char *name)
{
	char text[32];

	CHECK(file_read(pool_sysfs(name), text, sizeof(text)) > 0);
	return strtoull(text, NULL, 10);
}

static int vgem_dmabuf(uint64_t size)
{
	int vgem = vgem_open();

	return prime_export(vgem, vgem_create(vgem, size));
}

#define TRACING	"/sys/kernel/tracing/"

/* lines of the trace with @text */
static unsigned int traced(const char *text)
{
	FILE *trace = fopen(TRACING "trace", "r");
	unsigned int n = 0;
	char line[512];

	CHECK(trace);
	while (fgets(line, sizeof(line), trace))
		n += !!strstr(line, text);
	fclose(trace);
	return n;
}

static void trace(const char *on)
{
	CHECK_EQ(file_write(TRACING "events/iommu/map/enable", on), 0);
	CHECK_EQ(file_write(TRACING "events/weft/transfer/enable", on), 0);
}

/* the device moves the bytes, to addresses that the IOMMU made for it */
static void imported(int (*create)(uint64_t))
{
	struct edu_dev dev[EDU_DEVICES];
	int from = create(4096), to = create(4096);
	uint64_t dma = counter("import_dma_bytes"), cpu = counter("import_cpu_bytes");
	struct client c;

	edu_await(dev, 1);
	edu_client_open(&c);
	/* opening it for writing empties it */
	fclose(fopen(TRACING "trace", "w"));
	trace("1");
	copy(&c, from, prime_import(c.fd, from), to, prime_import(c.fd, to));
	trace("0");
	CHECK(traced(" map: ") >= 2);
	CHECK_EQ(traced(" dma=1"), 2);
	CHECK_EQ(counter("import_dma_bytes") - dma, 2 * BYTES);
	CHECK_EQ(counter("import_cpu_bytes"), cpu);
}

TEST(import_heap, "a job on a dma-heap's buffers: the device gets the bytes from where they are")
{
	imported(heap_create);
}

TEST(import_udmabuf, "a udmabuf: likewise")
{
	imported(udmabuf_create);
}

TEST(import_vgem, "vgem's buffer: likewise")
{
	imported(vgem_dmabuf);
}

TEST(removed, "the device is removed while its job is published: the fence says ENODEV or success")
{
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;
	uint32_t src, dst;
	int dmabuf, f, status;
	uint64_t id;

	edu_await(dev, 1);
	edu_client_open(&c);
	src = shareable(c.fd);
	dst = shareable(c.fd);
	dmabuf = prime_export(c.fd, dst);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, 4096);
	id = submit(&c, &job, 1);
	f = dmabuf_fences(dmabuf, false);
	CHECK_EQ(edu_remove(&dev[0]), 0);
	job_reach(c.fd, id, DRM_WEFT_JOB_DONE);
	status = sync_file_status(f);
	CHECK(status == 1 || status == -ENODEV);
	CHECK_EQ(job_result(c.fd, id), status == 1 ? 0 : ENODEV);
	CHECK_EQ(edu_rescan(), 0);
	edu_await(dev, 1);
}
