// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operator's reset: what it refuses, and what becomes of jobs and buffers.
 */
/* vm: smp=4 kernels=stock,debug,next */
#include <pthread.h>

#include "common.h"

#define BUS "/sys/bus/weft/devices/"

SETUP()
{
	devs_keep();
}

static long reset_device(const char *value)
{
	return file_write(BUS "dut/reset", value);
}

static uint64_t reset_count(void)
{
	char text[32];

	CHECK(file_read(BUS "dut/resets", text, sizeof(text)) > 0);
	return strtoull(text, NULL, 10);
}

TEST(values, "only a true value resets; anything else is EINVAL and does nothing")
{
	static const char *const bad[] = { "0", "n", "x", "2", "-1", "" };

	dev_add("dut", DEV_UNIT);
	for (size_t i = 0; i + 1 < ARRAY_SIZE(bad); i++)
		CHECK_EQ(reset_device(bad[i]), -EINVAL);
	CHECK_EQ(reset_count(), 0);
	CHECK_EQ(reset_device("1"), 0);
	CHECK_EQ(reset_count(), 1);
}

TEST(jobs, "repeatable jobs run again, the others end with ENODEV, later ones notice nothing")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job[2];
	uint32_t x;
	uint64_t id;

	dev_add("dut", DEV_UNIT, "credits=2", "speed=fill inf");
	client_open(&c);
	for (int i = 0; i < 2; i++)
		job_nop(&job[i], &c, 200 * UNIT_MS);
	job[1].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	id = submit(&c, job, 2);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	job_reach(c.fd, id + 1, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(reset_device("1"), 0);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	job_wait(c.fd, id + 1, &r);
	CHECK_EQ(r.error, 0);
	CHECK_EQ(r.runs, 2);
	x = bo_create(c.fd, 64 * KIB);
	job_fill(&job[0], &c, x, 64 * KIB, 7);
	job_run(&c, &job[0]);
	bo_expect(c.fd, x, 64 * KIB, 7);
}

TEST(again, "a job whose device is lost in each of 16 runs is not run once more: ENODEV")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint64_t id;

	dev_add("dut", DEV_UNIT, "speed=fill inf");
	client_open(&c);
	job_nop(&job, &c, 100000ull * UNIT_MS);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	job.j.timeout_ns = 1000 * SEC;
	id = submit(&c, &job, 1);
	for (uint32_t i = 1; i <= 16; i++) {
		uint64_t end = in_ns(PATIENCE);

		do {
			CHECK_EQ(job_query(c.fd, id, 1, &r, 0, 0), 0);
			CHECK(now_ns() < end);
		} while (r.runs < i);
		CHECK_EQ(reset_device("1"), 0);
	}
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	job_nop(&job, &c, UNIT_MS);
	job_run(&c, &job);
}

TEST(contents, "a copy that was on the device alone is LOST, one that the host has stays")
{
	struct client c;
	struct job job;
	uint32_t x, y;
	uint8_t byte;

	dev_add("dut", DEV_UNIT, "speed=fill inf", "speed=copy inf");
	client_open(&c);
	x = bo_create(c.fd, 64 * KIB);
	y = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, x, 64 * KIB, 5);
	job_copy(&job, &c, y, x, 64 * KIB);
	job_run(&c, &job);
	CHECK_EQ(reset_device("1"), 0);
	bo_expect(c.fd, x, 64 * KIB, 5);
	CHECK_EQ(bo_read(c.fd, y, 0, &byte, 1), -ENODATA);
}

TEST(fails, "a reset that fails is EIO and leaves the device quarantined, until one succeeds")
{
	struct drm_weft_device_info d;
	int fd = pool_open();

	dev_add("dut", DEV_UNIT);
	CHECK_EQ(dev_set("dut", "fault/reset_fails", "1"), 0);
	CHECK_EQ(reset_device("1"), -EIO);
	CHECK(dev_find(fd, "dut", &d));
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_QUARANTINED);
	CHECK_EQ(reset_device("1"), 0);
	CHECK(dev_find(fd, "dut", &d));
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_OK);
}

static volatile bool stop;

static void *churn(void *arg)
{
	while (!stop)
		reset_device("1");
	return arg;
}

TEST(leaves, "resets while the device comes and goes")
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, churn, NULL), 0);
	for (int i = 0; i < 15; i++) {
		dev_add("dut", DEV_UNIT);
		sleep_ms(i % 4 * 3);
		CHECK_EQ(dev_remove("dut"), 0);
	}
	stop = true;
	pthread_join(thread, NULL);
}
