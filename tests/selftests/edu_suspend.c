// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole machine goes to sleep with jobs in flight and bytes that only a device has.
 *
 * DOC: edu_suspend
 *
 * /sys/power/pm_test lets the kernel suspend all devices and resume them, as far as it says,
 * without the sleep between. Kernels that do not have it (the debug kernel has no suspend at all)
 * cannot be tested.
 */
/* The virtio port of other tests' reports does not come back on Linux 7.3: a serial port does. */
/* vm: exact=1 numa=2 edu=4 iommu=1 timeout=180 kernels=stock,next insmod=weft,weft_edu */
#include <pthread.h>
#include <stdio.h>

#include "edudev.h"

static void asleep(const char *depth)
{
	long ret = file_write("/sys/power/pm_test", depth);

	if (ret == -ENOENT)
		tap_skip("no /sys/power/pm_test");
	CHECK_EQ(ret, 0);
	/* instead of the sleep the kernel spins, by default for 5 s */
	CHECK_EQ(file_write("/sys/module/suspend/parameters/pm_test_delay", "0"), 0);
	CHECK_EQ(file_write("/sys/power/state", "freeze"), 0);
}

struct stream {
	pthread_t thread;
	volatile bool stop;
	uint64_t jobs;
};

static void *produce(void *arg)
{
	enum { N = 8, SIZE = 2048 };
	struct stream *s = arg;
	uint32_t src, dst[N];
	struct job job[N];
	struct client c;

	edu_client_open(&c);
	src = bo_create(c.fd, SIZE);
	for (int i = 0; i < N; i++)
		dst[i] = bo_create(c.fd, SIZE);
	for (uint32_t n = 2; !s->stop; n = n % 12 + 1) {
		uint64_t id;

		bo_fill(c.fd, src, SIZE, n);
		for (int i = 0; i < N; i++)
			edu_job(&job[i], &c, WEFT_EDU_OP_FACTORIAL, dst[i], src, SIZE);
		id = submit(&c, job, N);
		for (int i = 0; i < N; i++) {
			CHECK_EQ(-(int)job_result(c.fd, id + i), 0);
			bo_expect(c.fd, dst[i], SIZE, edu_factorial(n));
			s->jobs++;
		}
	}
	client_close(&c);
	return NULL;
}

static void sleep_under_load(const char *depth)
{
	struct edu_dev dev[EDU_DEVICES], after[EDU_DEVICES];
	uint32_t src, sole[EDU_DEVICES];
	struct stream s = {};
	struct client c;
	struct job job;
	uint64_t before;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	src = bo_create(c.fd, 4096);
	bo_fill(c.fd, src, 4096, 11);
	for (int i = 0; i < EDU_DEVICES; i++) {
		sole[i] = bo_create(c.fd, 4096);
		edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, sole[i], src, 4096);
		job.j.device_mask = dev_mask(c.fd, dev[i].name);
		job_run(&c, &job);
	}
	CHECK_EQ(pthread_create(&s.thread, NULL, produce, &s), 0);
	for (int i = 0; i < 2; i++) {
		sleep_ms(150 + 250 * i);
		asleep(depth);
	}
	before = s.jobs;
	for (int i = 0; i < 500 && s.jobs < before + 16; i++)
		sleep_ms(50);
	s.stop = true;
	pthread_join(s.thread, NULL);
	CHECK(s.jobs >= before + 16);
	/* the same devices, and what only they had */
	edu_await(after, EDU_DEVICES);
	for (int i = 0; i < EDU_DEVICES; i++) {
		CHECK(!strcmp(after[i].name, dev[i].name));
		bo_expect(c.fd, sole[i], 4096, 39916800);
		edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, sole[i], src, 4096);
		job.j.device_mask = dev_mask(c.fd, dev[i].name);
		job_run(&c, &job);
	}
	tap_note("%llu jobs", (unsigned long long)s.jobs);
}

TEST(devices, "all devices are suspended and resumed twice under load: no job and no byte is lost")
{
	sleep_under_load("devices");
}

TEST(platform, "the same one step deeper, interrupts off and the bus side saved and restored")
{
	sleep_under_load("platform");
}
