// SPDX-License-Identifier: GPL-2.0-only
/*
 * Early mode on hardware: edu devices, whose jobs are DMA through an IOMMU, and shared buffers.
 */
/* vm: smp=2 edu=1 iommu=1 timeout=90 kernels=stock,debug,next insmod=weft,weft_edu */
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

TEST(imported, "a job on a dma-heap's buffers: likewise")
{
	struct edu_dev dev[EDU_DEVICES];
	int from = heap_create(4096), to = heap_create(4096);
	struct client c;

	edu_await(dev, 1);
	edu_client_open(&c);
	copy(&c, from, prime_import(c.fd, from), to, prime_import(c.fd, to));
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
