// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of Documentation/lifetime.rst that need a driver on a bus: unbind and bind,
 * driver_override, a backend that goes while another works.
 */
/*
 * vm: smp=2 numa=2 edu=4 iommu=1 timeout=120 kernels=stock,debug,next
 *     insmod=weft,weft_sim,weft_edu
 */
#include <stdio.h>

#include "edudev.h"

#define DRIVER	"/sys/bus/pci/drivers/weft_edu/"

static long pci_write(const struct edu_dev *dev, const char *attr, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", dev->pci, attr);
	return file_write(path, text);
}

TEST(unbind, "unbind with a job in flight: it ends well; again: ENODEV; bind: it is used again")
{
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;
	uint32_t src, dst, word = 5, got;
	uint64_t id;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	src = bo_create(c.fd, 4096);
	dst = bo_create(c.fd, 4096);
	CHECK_EQ(bo_write(c.fd, src, 0, &word, sizeof(word)), 0);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, 4096);
	job.j.device_mask = dev_mask(c.fd, dev[0].name);
	id = submit(&c, &job, 1);
	CHECK_EQ(file_write(DRIVER "unbind", dev[0].pci), 0);
	CHECK(!dev_find(c.fd, dev[0].name, &(struct drm_weft_device_info){}));
	CHECK_EQ(file_write(DRIVER "unbind", dev[0].pci), -ENODEV);
	got = job_result(c.fd, id);
	CHECK(got == 0 || got == ENODEV);
	CHECK_EQ(file_write(DRIVER "bind", dev[0].pci), 0);
	CHECK_EQ(file_write(DRIVER "bind", dev[0].pci), -EBUSY);
	edu_await(dev, EDU_DEVICES);
	job.j.device_mask = dev_mask(c.fd, dev[0].name);
	job_run(&c, &job);
	CHECK_EQ(bo_read(c.fd, dst, 0, &got, sizeof(got)), 0);
	CHECK_EQ(got, word);
}

TEST(override, "driver_override keeps the driver off; taken back, it may bind again")
{
	struct edu_dev dev[EDU_DEVICES];
	int fd = pool_open();

	edu_await(dev, EDU_DEVICES);
	CHECK_EQ(pci_write(&dev[1], "driver_override", "none-such"), 0);
	CHECK_EQ(file_write(DRIVER "unbind", dev[1].pci), 0);
	CHECK_EQ(file_write(DRIVER "bind", dev[1].pci), -ENODEV);
	CHECK_EQ(file_write("/sys/bus/pci/drivers_probe", dev[1].pci), 0);
	CHECK(!dev_find(fd, dev[1].name, &(struct drm_weft_device_info){}));
	CHECK_EQ(pci_write(&dev[1], "driver_override", "\n"), 0);
	CHECK_EQ(file_write(DRIVER "bind", dev[1].pci), 0);
	edu_await(dev, EDU_DEVICES);
}

TEST(other_backend, "a backend's module goes while another one's device works: no job notices")
{
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job[6];
	uint64_t id;
	long ret;

	edu_await(dev, EDU_DEVICES);
	dev_add("d", DEV_UNIT);
	client_open(&c);
	for (int i = 0; i < 6; i++) {
		job_nop(&job[i], &c, 30 * UNIT_MS);
		job[i].j.device_mask = dev_mask(c.fd, "d");
	}
	id = submit(&c, job, 6);
	ret = module_unload("weft_edu");
	CHECK_EQ(ret, 0);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(job_result(c.fd, id + i), 0);
	CHECK_EQ(module_load("weft_edu", ""), 0);
	edu_await(dev, EDU_DEVICES);
	CHECK_EQ(dev_remove("d"), 0);
}
