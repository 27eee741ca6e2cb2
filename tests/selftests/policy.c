// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies switched at run time: the files in sysfs, and no job lost on the way.
 */
/* vm: smp=4 timeout=90 kernels=stock,debug,next insmod=weft,weft_sim */
#include <pthread.h>

#include "common.h"

SETUP()
{
	dev_add("unit", DEV_UNIT);
	dev_add("slow", DEV_SLOW);
	devs_keep();
}

static long policy_set(const char *name)
{
	return file_write(pool_sysfs("policy"), name);
}

static void expect_policy(int fd, const char *want)
{
	struct drm_weft_pool_info p;
	char buf[64];

	CHECK(file_read(pool_sysfs("policy"), buf, sizeof(buf)) > 0);
	CHECK_MSG(!strcmp(buf, want), "policy is %s, not %s", buf, want);
	pool_info(fd, &p);
	CHECK_MSG(!strcmp(p.policy, want), "QUERY says %s, not %s", p.policy, want);
}

TEST(files, "available_policies names eft and fifo; policy is one of them, as QUERY says")
{
	char buf[256];
	int fd = pool_open();

	CHECK(file_read(pool_sysfs("available_policies"), buf, sizeof(buf)) > 0);
	CHECK(strstr(buf, "eft"));
	CHECK(strstr(buf, "fifo"));
	expect_policy(fd, "eft");
	CHECK_EQ(policy_set("fifo"), 0);
	expect_policy(fd, "fifo");
	CHECK_EQ(policy_set("eft\n"), 0);
	expect_policy(fd, "eft");
}

TEST(unknown, "an unknown policy: EINVAL, and the old one stays")
{
	int fd = pool_open();

	CHECK_EQ(policy_set("lottery"), -EINVAL);
	CHECK_EQ(policy_set("ef"), -EINVAL);
	CHECK_EQ(policy_set("eftx"), -EINVAL);
	CHECK_EQ(policy_set("a name that is longer than any policy can have, by far"), -EINVAL);
	expect_policy(fd, "eft");
}

static void *producer(void *arg)
{
	struct client c;
	struct job job[8];
	uint64_t id;

	client_open(&c);
	while (!*(volatile bool *)arg) {
		for (int i = 0; i < 8; i++) {
			job_nop(&job[i], &c, UNIT_MS / 4);
			if (i & 1)
				job_dep(&job[i], DRM_WEFT_DEP_INDEX, 0, i - 1);
		}
		id = submit(&c, job, 8);
		for (int i = 0; i < 8; i++)
			CHECK_EQ(job_result(c.fd, id + i), 0);
	}
	client_close(&c);
	return NULL;
}

TEST(load, "60 switches under load: every job ends well")
{
	volatile bool stop = false;
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, producer, (void *)&stop);
	for (int i = 0; i < 60; i++) {
		CHECK_EQ(policy_set(i & 1 ? "eft" : "fifo"), 0);
		sleep_ms(15);
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	expect_policy(pool_open(), "eft");
}

/* the two differ where it matters: a slow idle device */
TEST(differ, "fifo uses an idle slow device, eft waits for the fast one")
{
	struct drm_weft_device_info slow;
	struct drm_weft_job_record r;
	int on_slow[2] = {};
	struct client c;
	struct job job, all[12];
	uint64_t id;

	client_open(&c);
	CHECK(dev_find(c.fd, "slow", &slow));
	/* both devices are learned first */
	for (int i = 0; i < 4; i++) {
		job_nop(&job, &c, 100 * SLOW_MS);
		job.j.device_mask = dev_mask(c.fd, i & 1 ? "slow" : "unit");
		job_run(&c, &job);
	}
	for (int fifo = 0; fifo < 2; fifo++) {
		CHECK_EQ(policy_set(fifo ? "fifo" : "eft"), 0);
		for (int i = 0; i < 12; i++)
			job_nop(&all[i], &c, 100 * SLOW_MS);
		id = submit(&c, all, 12);
		for (int i = 0; i < 12; i++) {
			job_wait(c.fd, id + i, &r);
			CHECK_EQ(r.error, 0);
			on_slow[fifo] += r.device == slow.id;
		}
	}
	CHECK_EQ(policy_set("eft"), 0);
	tap_note("of 12 jobs on the slow device: eft %d, fifo %d", on_slow[0], on_slow[1]);
	CHECK(on_slow[0] <= 1);
	CHECK(on_slow[1] >= 2);
}
