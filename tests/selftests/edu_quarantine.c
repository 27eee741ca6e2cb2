// SPDX-License-Identifier: GPL-2.0-only
/*
 * An edu device that a reset does not stop: its way to host memory is cut, and nothing is reused.
 *
 * DOC: edu_quarantine
 *
 * weft_edu's parameter fail_resets makes the device look as if it did not stop; that it is cut off
 * is then true all the same, and read from its configuration space. What a device without such a
 * bus does to host pages is tested with simulated ones (tests/selftests/health.c).
 */
/* vm: smp=2 edu=1 iommu=1 timeout=120 kernels=stock,debug,next insmod=weft,weft_edu */
#include <fcntl.h>
#include <stdio.h>

#include "edudev.h"
#include "peers.h"

#define FAIL	"/sys/module/weft_edu/parameters/fail_resets"
#define SIZE	(64 * KIB)

static struct edu_dev dev[EDU_DEVICES];

static bool is_master(void)
{
	char path[128];
	uint16_t command;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", dev[0].pci);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, &command, sizeof(command), 4), sizeof(command));
	close(fd);
	return command & 4;
}

static uint64_t host_quarantined(void)
{
	char text[32];

	CHECK(file_read(pool_sysfs("host_quarantined"), text, sizeof(text)) > 0);
	return strtoull(text, NULL, 10);
}

static void start(struct client *c)
{
	edu_await(dev, 1);
	edu_client_open(c);
	CHECK(is_master());
}

/* the reset fails, and one that succeeds brings the device back */
static void fail_and_return(const struct client *c, uint64_t id, uint64_t quarantined)
{
	uint32_t src, dst;
	struct job job;

	CHECK_EQ(file_write(FAIL, "1"), 0);
	CHECK_EQ(wdev_set(dev[0].name, "reset", "1"), -EIO);
	CHECK(wdev_is(dev[0].name, "health", "quarantined"));
	CHECK(!is_master());
	CHECK_EQ(host_quarantined(), 0);
	CHECK_EQ(wdev_get(dev[0].name, "memory_quarantined"), quarantined);
	CHECK_EQ(job_result(c->fd, id), ENODEV);
	src = bo_create(c->fd, 4096);
	dst = bo_create(c->fd, 4096);
	bo_fill(c->fd, src, 4096, 6);
	edu_job(&job, c, WEFT_EDU_OP_FACTORIAL, dst, src, 4096);
	CHECK_EQ(submit_raw(c, &job, 1, NULL), -ENODEV);

	CHECK_EQ(wdev_set(dev[0].name, "reset", "1"), 0);
	CHECK(wdev_is(dev[0].name, "health", "ok"));
	CHECK(is_master());
	CHECK_EQ(wdev_get(dev[0].name, "memory_quarantined"), 0);
	job_run(c, &job);
	bo_expect(c->fd, dst, 4096, 720);
}

TEST(run, "while it runs a job: the bus is cut, its memory quarantined, host pages are not")
{
	struct client c;
	struct job job;
	uint32_t src, dst;
	uint64_t id;

	start(&c);
	src = bo_create(c.fd, SIZE);
	dst = bo_create(c.fd, SIZE);
	bo_fill(c.fd, src, SIZE, 3);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, SIZE);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	fail_and_return(&c, id, 2 * SIZE);
}

TEST(import, "while it moves an import: the exporter's memory is unmapped, whole, and usable")
{
	int from = heap_create(SIZE);
	struct client c;
	struct job job;
	uint32_t src, dst;
	uint64_t id;

	start(&c);
	src = prime_import(c.fd, from);
	dst = bo_create(c.fd, SIZE);
	dmabuf_fill(from, SIZE, 4);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, SIZE);
	id = submit(&c, &job, 1);
	fail_and_return(&c, id, 0);
	dmabuf_expect(from, SIZE, 4);
	dst = bo_create(c.fd, 4096);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, 512);
	for (int i = 0; i < 2; i++)
		job.buffer[i].length = 512;
	job_run(&c, &job);
}

TEST(removed, "it is removed while it is quarantined, and comes back as new")
{
	struct drm_weft_device_info d;
	struct client c;
	struct job job;
	uint32_t src, dst;

	start(&c);
	CHECK_EQ(file_write(FAIL, "1"), 0);
	CHECK_EQ(wdev_set(dev[0].name, "reset", "1"), -EIO);
	CHECK_EQ(edu_remove(&dev[0]), 0);
	CHECK(!dev_find(c.fd, dev[0].name, &d));
	CHECK_EQ(edu_rescan(), 0);
	start(&c);
	src = bo_create(c.fd, 4096);
	dst = bo_create(c.fd, 4096);
	bo_fill(c.fd, src, 4096, 5);
	edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, dst, src, 4096);
	job_run(&c, &job);
	bo_expect(c.fd, dst, 4096, 120);
}
