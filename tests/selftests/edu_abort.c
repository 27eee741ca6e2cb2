// SPDX-License-Identifier: GPL-2.0-only
/*
 * edu jobs that are ended before their time, devices that fall over, and quiet memory.
 *
 * DOC: edu_abort
 *
 * A long job is a copy of many chunks, 200 ms each. A device "falls over" when its slot has no
 * power for a moment: it forgets the addresses of its registers and its transfer, but is still
 * there, so a reset helps.
 */
/* vm: numa=2 edu=4 iommu=1 timeout=120 insmod=weft,weft_edu */
#include <stdio.h>

#include "edudev.h"

#define LONG_SIZE	(256 * KIB)	/* 25 s */

static struct edu_dev dev[EDU_DEVICES];

/* a job that runs on device 0 and will not end soon; @src is valid on the host */
static uint64_t long_job(const struct client *c, uint32_t dst, uint32_t src, uint32_t flags,
			 uint64_t timeout)
{
	struct job job;
	uint64_t id;

	edu_job(&job, c, WEFT_EDU_OP_COPY, dst, src, LONG_SIZE);
	job.j.device_mask = dev_mask(c->fd, dev[0].name);
	job.j.flags = flags;
	job.j.timeout_ns = timeout;
	id = submit(c, &job, 1);
	job_reach(c->fd, id, DRM_WEFT_JOB_RUNNING);
	return id;
}

static void works(const struct client *c, const struct edu_dev *d)
{
	uint32_t src = bo_create(c->fd, 4096), dst = bo_create(c->fd, 4096);
	struct job job;

	bo_fill(c->fd, src, 4096, 8);
	edu_job(&job, c, WEFT_EDU_OP_FACTORIAL, dst, src, 512);
	job.buffer[0].length = 512;
	job.j.device_mask = dev_mask(c->fd, d->name);
	job_run(c, &job);
	bo_expect(c->fd, dst, 512, 40320);
	bo_close(c->fd, src);
	bo_close(c->fd, dst);
}

static uint64_t reset_count(const struct edu_dev *d)
{
	char path[256], text[32];
	long ret;

	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s/resets", d->name);
	ret = file_read(path, text, sizeof(text));
	CHECK_MSG(ret >= 0, "%s: %s", path, tap_value(ret));
	return strtoull(text, NULL, 0);
}

TEST(cancel, "a job cancelled while it runs ends with ECANCELED, and its device goes on")
{
	uint32_t src, dst;
	struct client c;
	uint64_t before;

	edu_await(dev, EDU_DEVICES);
	before = reset_count(&dev[0]);
	edu_client_open(&c);
	src = bo_create(c.fd, LONG_SIZE);
	dst = bo_create(c.fd, LONG_SIZE);
	for (int i = 0; i < 3; i++) {
		uint64_t id = long_job(&c, dst, src, 0, 0);

		/* in the middle of either transfer of a chunk */
		sleep_ms(60 + i * 70);
		CHECK_EQ(job_cancel(c.fd, id), 0);
		CHECK_EQ(job_result(c.fd, id), ECANCELED);
		works(&c, &dev[0]);
	}
	CHECK_EQ(reset_count(&dev[0]), before);
}

TEST(timeout, "a job that takes longer than it may ends with ETIME, and its device goes on")
{
	struct drm_weft_job_record r;
	uint32_t src, dst;
	struct client c;
	uint64_t before;

	edu_await(dev, EDU_DEVICES);
	before = reset_count(&dev[0]);
	edu_client_open(&c);
	src = bo_create(c.fd, LONG_SIZE);
	dst = bo_create(c.fd, LONG_SIZE);
	/* not even if it may be repeated: it would take too long again */
	job_wait(c.fd, long_job(&c, dst, src, DRM_WEFT_JOB_IDEMPOTENT, 500 * MS), &r);
	CHECK_EQ(r.error, ETIME);
	CHECK_EQ(r.runs, 1);
	CHECK(r.busy_ns >= 500 * MS);
	works(&c, &dev[0]);
	CHECK_EQ(reset_count(&dev[0]), before);
}

TEST(quiet, "F18: memory of a job that was aborted is not written any more when others have it")
{
	uint32_t src, dst, fresh, *words = malloc(LONG_SIZE);
	struct client c, other;
	struct job job;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	edu_client_open(&other);
	src = bo_create(c.fd, LONG_SIZE);
	bo_fill(c.fd, src, LONG_SIZE, 0xc0de0001);
	for (int i = 0; i < 3; i++) {
		uint64_t id;

		dst = bo_create(c.fd, LONG_SIZE);
		id = long_job(&c, dst, src, 0, 0);
		/* the first transfer to memory is under way, and will end after this */
		sleep_ms(130);
		CHECK_EQ(job_cancel(c.fd, id), 0);
		CHECK_EQ(job_result(c.fd, id), ECANCELED);
		bo_close(c.fd, dst);

		/* another client takes all memory there is, which includes that of dst */
		fresh = bo_create(other.fd, 512 * KIB);
		edu_job(&job, &other, WEFT_EDU_OP_COPY, fresh, fresh, 4);
		job.buffer[0].length = 4;
		job.buffer[0].access |= DRM_WEFT_ACCESS_READ;
		job.j.buffer_count = 1;
		job.reloc[1].buffer = 0;
		job.j.device_mask = dev_mask(c.fd, dev[0].name);
		job_run(&other, &job);
		CHECK_EQ(bo_read(other.fd, fresh, 0, words, LONG_SIZE), 0);
		for (uint32_t k = 0; k < LONG_SIZE / 4; k++)
			CHECK_EQ(words[k], 0);
		bo_close(other.fd, fresh);
	}
}

TEST(falls_over, "a device that falls over is reset when its job is out of time, and works again")
{
	struct drm_weft_job_record r;
	uint32_t src, dst, word;
	struct client c;
	struct job job;
	uint64_t id;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	src = bo_create(c.fd, LONG_SIZE);
	dst = bo_create(c.fd, LONG_SIZE);
	bo_fill(c.fd, src, LONG_SIZE, 3);
	/* something that only this device has */
	edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, dst, src, 4);
	job.buffer[0].length = 4;
	job.j.device_mask = dev_mask(c.fd, dev[0].name);
	job_run(&c, &job);

	id = long_job(&c, bo_create(c.fd, LONG_SIZE), src, 0, 1 * SEC);
	sleep_ms(30);
	edu_power(&dev[0], false);
	edu_power(&dev[0], true);
	job_wait(c.fd, id, &r);
	/* its device was lost for a moment: it is not the job that was too slow */
	CHECK_EQ(r.error, ENODEV);
	CHECK(reset_count(&dev[0]) > 0);
	/* a reset is a loss to memory */
	CHECK_EQ(bo_read(c.fd, dst, 0, &word, 4), -ENODATA);
	works(&c, &dev[0]);
}

TEST(falls_over_again, "the same with a job that may be repeated: it is, and ends right")
{
	struct drm_weft_job_record r;
	uint32_t src, dst;
	struct client c;
	struct job job;
	uint64_t id;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	src = bo_create(c.fd, 4096);
	dst = bo_create(c.fd, 4096);
	bo_fill(c.fd, src, 4096, 9);
	edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, dst, src, 4096);
	job.j.device_mask = dev_mask(c.fd, dev[0].name);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	job.j.timeout_ns = 2 * SEC;
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	edu_power(&dev[0], false);
	edu_power(&dev[0], true);
	job_wait(c.fd, id, &r);
	CHECK_EQ(-(int)r.error, 0);
	CHECK_EQ(r.runs, 2);
	bo_expect(c.fd, dst, 4096, 362880);
}
