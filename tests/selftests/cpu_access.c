// SPDX-License-Identifier: GPL-2.0-only
/*
 * BO_CPU_BEGIN and BO_CPU_END: pairing, conflicts, waiting, LOST contents, every error.
 */
/* vm: smp=2 timeout=60 kernels=stock,debug,next insmod=weft,weft_sim */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "common.h"

#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

static long begin(int fd, uint32_t h, uint32_t access)
{
	return bo_cpu(fd, true, h, access, in_ns(PATIENCE));
}

static long end(int fd, uint32_t h, uint32_t access)
{
	return bo_cpu(fd, false, h, access, 0);
}

static long cpu(int fd, bool is_begin, uint32_t h, uint32_t access, uint64_t offset,
		uint64_t length, uint64_t timeout)
{
	struct drm_weft_bo_cpu b = { h, access, offset, length, timeout };

	return ioc(fd, is_begin ? DRM_IOCTL_WEFT_BO_CPU_BEGIN : DRM_IOCTL_WEFT_BO_CPU_END, &b);
}

static void slow_job(const struct client *c, struct job *job, uint32_t h, uint32_t access,
		     unsigned int ms)
{
	job_nop(job, c, ms * UNIT_MS);
	job_buffer(job, h, access);
}

TEST(enoent, "no such handle: ENOENT")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(begin(fd, h + 1, R), -ENOENT);
	CHECK_EQ(end(fd, h + 1, R), -ENOENT);
}

TEST(access_bits, "access empty or unknown: EINVAL")
{
	static const uint32_t bad[] = { 0, 4, R | 4, W | 1u << 31, ~0u };
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(begin(fd, h, bad[i]), -EINVAL);
		CHECK_EQ(end(fd, h, bad[i]), -EINVAL);
	}
}

TEST(range, "a range beyond the buffer or that wraps: EINVAL")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 8192);

	CHECK_EQ(cpu(fd, true, h, R, 8193, 0, FOREVER), -EINVAL);
	CHECK_EQ(cpu(fd, true, h, R, 0, 8193, FOREVER), -EINVAL);
	CHECK_EQ(cpu(fd, true, h, R, 4096, 4097, FOREVER), -EINVAL);
	CHECK_EQ(cpu(fd, true, h, R, 4096, UINT64_MAX - 4095, FOREVER), -EINVAL);
	CHECK_EQ(cpu(fd, true, h, R, UINT64_MAX, 2, FOREVER), -EINVAL);
	CHECK_EQ(cpu(fd, true, h, R, 4096, 4096, FOREVER), 0);
	CHECK_EQ(cpu(fd, false, h, R, 4096, 4096, 0), 0);
}

TEST(end_timeout, "END with a timeout: EINVAL")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(begin(fd, h, R), 0);
	CHECK_EQ(cpu(fd, false, h, R, 0, 0, 1), -EINVAL);
	CHECK_EQ(end(fd, h, R), 0);
}

TEST(unmatched, "END without a matching BEGIN: EINVAL")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(end(fd, h, R), -EINVAL);
	CHECK_EQ(end(fd, h, W), -EINVAL);
	CHECK_EQ(begin(fd, h, R), 0);
	CHECK_EQ(end(fd, h, W), -EINVAL);
	CHECK_EQ(end(fd, h, R | W), -EINVAL);
	CHECK_EQ(end(fd, h, R), 0);
	CHECK_EQ(end(fd, h, R), -EINVAL);
	CHECK_EQ(begin(fd, h, R | W), 0);
	CHECK_EQ(end(fd, h, R), -EINVAL);
	CHECK_EQ(end(fd, h, W), -EINVAL);
	CHECK_EQ(end(fd, h, R | W), 0);
}

TEST(nested, "BEGINs for reading nest and are counted")
{
	struct drm_weft_bo_info info;
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	for (int i = 0; i < 3; i++)
		CHECK_EQ(begin(fd, h, R), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(bo_info(fd, h, &info), 0);
		CHECK(info.state & DRM_WEFT_BO_CPU_ACCESS);
		CHECK_EQ(end(fd, h, R), 0);
	}
	CHECK_EQ(bo_info(fd, h, &info), 0);
	CHECK_EQ(info.state, 0);
	CHECK_EQ(end(fd, h, R), -EINVAL);
}

TEST(second_writer, "a second writer, or a writer beside a reader: EBUSY")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(begin(fd, h, W), 0);
	CHECK_EQ(begin(fd, h, W), -EBUSY);
	CHECK_EQ(begin(fd, h, R), -EBUSY);
	CHECK_EQ(begin(fd, h, R | W), -EBUSY);
	CHECK_EQ(end(fd, h, W), 0);
	CHECK_EQ(begin(fd, h, R), 0);
	CHECK_EQ(begin(fd, h, W), -EBUSY);
	CHECK_EQ(begin(fd, h, R | W), -EBUSY);
	CHECK_EQ(end(fd, h, R), 0);
}

TEST(submit_conflict, "a SUBMIT that conflicts with CPU access: EBUSY, and which job")
{
	struct drm_weft_submit s;
	struct client c;
	struct job job[2];
	uint32_t h;

	client_open(&c);
	h = bo_create(c.fd, 4096);
	job_nop(&job[0], &c, 1);
	slow_job(&c, &job[1], h, R, 0);
	CHECK_EQ(begin(c.fd, h, W), 0);
	CHECK_EQ(submit_raw(&c, job, 2, &s), -EBUSY);
	CHECK_EQ(s.failed_index, 1);
	CHECK_EQ(end(c.fd, h, W), 0);

	CHECK_EQ(begin(c.fd, h, R), 0);
	CHECK_EQ(submit_raw(&c, job, 2, &s), 0);	/* two readers do not conflict */
	job[1].buffer[0].access = W;
	CHECK_EQ(submit_raw(&c, job, 2, &s), -EBUSY);
	CHECK_EQ(s.failed_index, 1);
	CHECK_EQ(end(c.fd, h, R), 0);
	CHECK_EQ(submit_raw(&c, job, 2, &s), 0);
}

TEST(waits, "BEGIN waits: reading for writers, writing for all; ETIME when it takes too long")
{
	struct client c;
	struct job job;
	uint32_t h;
	uint64_t id, start;

	client_open(&c);
	h = bo_create(c.fd, 4096);
	slow_job(&c, &job, h, R, 150);
	id = submit(&c, &job, 1);
	CHECK_EQ(begin(c.fd, h, R), 0);
	CHECK(job_state(c.fd, id) < DRM_WEFT_JOB_DONE);
	CHECK_EQ(end(c.fd, h, R), 0);
	start = now_ns();
	CHECK_EQ(bo_cpu(c.fd, true, h, W, in_ns(20 * MS)), -ETIME);
	CHECK(now_ns() - start >= 20 * MS);
	CHECK_EQ(bo_cpu(c.fd, true, h, W, 0), -ETIME);
	CHECK_EQ(begin(c.fd, h, W), 0);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_DONE);
	CHECK_EQ(end(c.fd, h, W), 0);

	slow_job(&c, &job, h, W, 100);
	id = submit(&c, &job, 1);
	CHECK_EQ(bo_cpu(c.fd, true, h, R, 0), -ETIME);
	CHECK_EQ(begin(c.fd, h, R), 0);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_DONE);
	CHECK_EQ(end(c.fd, h, R), 0);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* signals the calling thread @ms later until it says stop; EINTR must come from the first */
struct alarm_clock {
	pthread_t thread, target;
	volatile bool stop;
};

static void *alarm_run(void *arg)
{
	struct alarm_clock *a = arg;

	while (!a->stop) {
		sleep_ms(20);
		pthread_kill(a->target, SIGUSR1);
	}
	return NULL;
}

TEST(eintr, "BEGIN interrupted: EINTR, nothing held, can be repeated")
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct alarm_clock a = { .target = pthread_self() };
	struct drm_weft_bo_info info;
	struct client c;
	struct job job;
	uint32_t h;
	uint64_t id;

	sigaction(SIGUSR1, &sa, NULL);
	client_open(&c);
	h = bo_create(c.fd, 4096);
	slow_job(&c, &job, h, W, 300);
	id = submit(&c, &job, 1);
	pthread_create(&a.thread, NULL, alarm_run, &a);
	CHECK_EQ(begin(c.fd, h, R), -EINTR);
	CHECK_EQ(bo_wait(c.fd, h, R, FOREVER), -EINTR);
	a.stop = true;
	pthread_join(a.thread, NULL);
	CHECK_EQ(bo_info(c.fd, h, &info), 0);
	CHECK_EQ(info.state, 0);
	CHECK_EQ(end(c.fd, h, R), -EINVAL);
	CHECK_EQ(begin(c.fd, h, R), 0);
	CHECK_EQ(end(c.fd, h, R), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
}

TEST(round_trip, "what the CPU wrote a job reads, what a job wrote the CPU reads")
{
	const uint64_t size = 96 * KIB;
	uint32_t *data = malloc(size), *back = malloc(size);
	struct client c;
	struct job job;
	uint32_t src, dst;

	client_open(&c);
	src = bo_create(c.fd, size);
	dst = bo_create(c.fd, size);
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < size / 4; i++)
			data[i] = i * 2654435761u + round;
		CHECK_EQ(bo_write(c.fd, src, 0, data, size), 0);
		job_copy(&job, &c, dst, src, size);
		job_run(&c, &job);
		CHECK_EQ(bo_read(c.fd, dst, 0, back, size), 0);
		CHECK(!memcmp(data, back, size));
	}
}

TEST(partial, "a partial CPU write keeps the bytes around it that a device wrote")
{
	struct client c;
	struct job job;
	uint32_t h, word = 0xfeedface, got[4096];

	client_open(&c);
	h = bo_create(c.fd, sizeof(got));
	job_fill(&job, &c, h, sizeof(got), 9);
	job_run(&c, &job);
	CHECK_EQ(bo_write(c.fd, h, 4096, &word, 4), 0);
	CHECK_EQ(bo_read(c.fd, h, 0, got, sizeof(got)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		CHECK_EQ(got[i], i == 1024 ? word : 9);
}

static uint32_t lost_buffer(const struct client *c, uint64_t size)
{
	uint32_t h = bo_create(c->fd, size);
	struct job job;
	uint64_t id;

	slow_job(c, &job, h, W, 5000);
	id = submit(c, &job, 1);
	job_reach(c->fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(job_cancel(c->fd, id), 0);
	CHECK_EQ(job_result(c->fd, id), ECANCELED);
	return h;
}

TEST(lost, "F7: reading LOST contents: ENODATA; writing part of them too")
{
	struct drm_weft_bo_info info;
	struct client c;
	uint32_t h;

	client_open(&c);
	h = lost_buffer(&c, 8192);
	CHECK_EQ(bo_info(c.fd, h, &info), 0);
	CHECK_EQ(info.state, DRM_WEFT_BO_LOST);
	CHECK_EQ(info.valid_regions, 0);
	CHECK_EQ(begin(c.fd, h, R), -ENODATA);
	CHECK_EQ(begin(c.fd, h, R | W), -ENODATA);
	CHECK_EQ(cpu(c.fd, true, h, W, 0, 4096, FOREVER), -ENODATA);
	CHECK_EQ(cpu(c.fd, true, h, W, 4096, 0, FOREVER), -ENODATA);
	CHECK_EQ(bo_info(c.fd, h, &info), 0);
	CHECK_EQ(info.state, DRM_WEFT_BO_LOST);
}

TEST(revive, "writing all of a LOST buffer revives it")
{
	struct drm_weft_bo_info info;
	struct client c;
	struct job job;
	uint32_t h, dst;

	client_open(&c);
	h = lost_buffer(&c, 8192);
	bo_fill(c.fd, h, 8192, 3);
	CHECK_EQ(bo_info(c.fd, h, &info), 0);
	CHECK_EQ(info.state, 0);
	bo_expect(c.fd, h, 8192, 3);
	dst = bo_create(c.fd, 8192);
	job_copy(&job, &c, dst, h, 8192);
	job_run(&c, &job);
	bo_expect(c.fd, dst, 8192, 3);
}

TEST(revive_by_job, "a job that writes a LOST buffer revives it")
{
	struct client c;
	struct job job;
	uint32_t h;

	client_open(&c);
	h = lost_buffer(&c, 8192);
	job_fill(&job, &c, h, 8192, 4);
	job_run(&c, &job);
	bo_expect(c.fd, h, 8192, 4);
}

TEST(exit_held, "a client that dies between BEGIN and END leaves nothing")
{
	struct client c;
	pid_t pid = spawn();

	if (!pid) {
		client_open(&c);
		_exit(begin(c.fd, bo_create(c.fd, 4096), W) ? 1 : 0);
	}
	CHECK_EQ(reap(pid), 0);
	client_open(&c);
	CHECK_EQ(begin(c.fd, bo_create(c.fd, 4096), W), 0);
}

TEST(close_held, "a handle closed between BEGIN and END")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(begin(fd, h, W), 0);
	bo_close(fd, h);
	CHECK_EQ(end(fd, h, W), -ENOENT);
}
