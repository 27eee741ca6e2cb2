// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that hang, fail, vanish and lie, over and over, under load of several clients: every job
 * ends with a right result or a reason, memory is accounted for, the device comes back, and no
 * byte of one tenant is seen by another.
 *
 * LOSS_SECONDS in the environment is how long the storm lasts, 8 s if not given:
 * make test T=loss KERNEL=debug ENV=LOSS_SECONDS=600 TIMEOUT=1500
 */
/* vm: smp=4 timeout=240 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common.h"

#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE
#define PATTERN	0x5ec4e7a1u

/* 4 MiB of memory; what computes takes no modelled time, so that NOPs alone are the clock */
#define DEV_LOSS DEV_UNIT, "memory=4194304", "speed=fill inf", "speed=copy inf", \
		 "bandwidth_down=inf", "bandwidth_up=inf", "link_latency=0"

SETUP()
{
	dev_add("steady", DEV_UNIT, "speed=add 50");
	devs_keep();
	CHECK_EQ(chmod(pool_path(), 0666), 0);
	CHECK_EQ(wdev_set("steady", "drain_at", "0"), 0);
}

static void tenant_open(struct client *c, unsigned int uid)
{
	CHECK_EQ(seteuid(uid), 0);
	client_open(c);
	CHECK_EQ(seteuid(0), 0);
}

/* --------------------------------------------------------------------------- foreign bytes */

enum { SECRETS = 3, SECRET = MIB, PROBE = MIB, PART = 256 * KIB };

/* most of the device's memory, and as much of the host's, holds the tenant's pattern */
static void plant(const struct client *a, uint32_t x[SECRETS])
{
	struct job job;

	for (int i = 0; i < SECRETS; i++) {
		x[i] = bo_create(a->fd, SECRET);
		bo_fill(a->fd, x[i], SECRET, PATTERN);
		job_fill(&job, a, x[i], SECRET, PATTERN);
		job.j.device_mask = dev_mask(a->fd, "d");
		job_run(a, &job);
	}
}

static void all_zero(const struct client *b, uint32_t h, uint64_t from, uint64_t size,
		     const char *after)
{
	uint32_t *words = malloc(size);

	CHECK(words);
	CHECK_EQ(bo_read(b->fd, h, from, words, size), 0);
	for (uint64_t i = 0; i < size / 4; i++)
		CHECK_MSG(!words[i], "after %s: word %llu is %#x%s", after, (unsigned long long)i,
			  words[i], words[i] == PATTERN ? ", the other tenant's" : "");
	free(words);
}

/* what another tenant finds in buffers that nobody has written, on the device and on the host */
static void probe(const struct client *b, const char *after)
{
	uint32_t fresh = bo_create(b->fd, PROBE), copy = bo_create(b->fd, PROBE);
	uint32_t part = bo_create(b->fd, PART), host = bo_create(b->fd, PROBE);
	struct job job;

	job_copy(&job, b, copy, fresh, PROBE);
	job.j.device_mask = dev_mask(b->fd, "d");
	job_run(b, &job);
	all_zero(b, copy, 0, PROBE, after);
	job_fill(&job, b, part, PART, 1);
	job.args.fill.count = 1024;
	job.buffer[0].length = 4096;
	job.j.device_mask = dev_mask(b->fd, "d");
	job_run(b, &job);
	all_zero(b, part, 4096, PART - 4096, after);
	all_zero(b, host, 0, PROBE, after);
	bo_close(b->fd, fresh);
	bo_close(b->fd, copy);
	bo_close(b->fd, part);
	bo_close(b->fd, host);
}

static void by_done(const struct client *a, struct job *job)
{
	job->args.nop.work = 1;
	job_run(a, job);
}

static void by_error(const struct client *a, struct job *job)
{
	CHECK_EQ(dev_set("d", "fault/error", "1"), 0);
	job->args.nop.work = 1;
	CHECK_EQ(job_result(a->fd, submit(a, job, 1)), EIO);
}

static void by_timeout(const struct client *a, struct job *job)
{
	job->j.timeout_ns = 20 * MS;
	CHECK_EQ(job_result(a->fd, submit(a, job, 1)), ETIME);
}

static void by_reset(const struct client *a, struct job *job)
{
	CHECK_EQ(dev_set("d", "fault/abort_fails", "1"), 0);
	by_timeout(a, job);
}

static uint64_t running(const struct client *a, struct job *job)
{
	uint64_t id = submit(a, job, 1);

	job_reach(a->fd, id, DRM_WEFT_JOB_RUNNING);
	return id;
}

static void by_cancel(const struct client *a, struct job *job)
{
	uint64_t id = running(a, job);

	CHECK_EQ(job_cancel(a->fd, id), 0);
	CHECK_EQ(job_result(a->fd, id), ECANCELED);
}

static void by_vanish(const struct client *a, struct job *job)
{
	uint64_t id = running(a, job);

	CHECK_EQ(dev_set("d", "fault/vanish", "now"), 0);
	CHECK_EQ(job_result(a->fd, id), ENODEV);
	CHECK_EQ(dev_enable("d", true), 0);
}

static void by_quarantine(const struct client *a, struct job *job)
{
	uint64_t id = running(a, job);

	CHECK_EQ(wdev_set("d", "health", "quarantined"), 0);
	CHECK_EQ(job_result(a->fd, id), ENODEV);
	CHECK_EQ(wdev_set("d", "health", "ok"), 0);
}

static void by_drain(const struct client *a, struct job *job)
{
	uint64_t id;

	job->args.nop.work = 20 * UNIT_MS;
	id = running(a, job);
	CHECK_EQ(wdev_set("d", "health", "draining"), 0);
	CHECK_EQ(job_result(a->fd, id), 0);
	wdev_reach("d", "memory_used", "0");
	CHECK_EQ(wdev_set("d", "health", "ok"), 0);
}

static void by_failed_reset(const struct client *a, struct job *job)
{
	CHECK_EQ(dev_set("d", "fault/write_after_abort", "1"), 0);
	CHECK_EQ(dev_set("d", "fault/reset_fails", "1"), 0);
	by_reset(a, job);
	wdev_reach("d", "health", "quarantined");
	CHECK_EQ(wdev_set("d", "reset", "1"), 0);
}

static void by_exit(const struct client *a, struct job *job)
{
	running(a, job);
}

static const struct {
	const char *name;
	void (*end)(const struct client *a, struct job *job);
} ends[] = {
	{ "success", by_done }, { "a device error", by_error }, { "a timeout", by_timeout },
	{ "a reset", by_reset }, { "a cancel", by_cancel }, { "a loss", by_vanish },
	{ "a quarantine", by_quarantine }, { "a drain", by_drain },
	{ "a failed reset", by_failed_reset }, { "an exit", by_exit },
};

TEST(foreign, "F21: after no kind of end does another tenant find a byte, on device or host")
{
	struct client a, b;
	struct job job;
	uint32_t x[SECRETS];

	CHECK_EQ(mkdir(TENANT_DIR "/a", 0755), 0);
	CHECK_EQ(file_write(TENANT_DIR "/a/uid", "1001"), 0);
	dev_add("d", DEV_LOSS);
	client_open(&b);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		CHECK_EQ(wdev_set("d", "drain_at", "0"), 0);
		tenant_open(&a, 1001);
		plant(&a, x);
		job_nop(&job, &a, 5000 * UNIT_MS);
		for (int k = 0; k < SECRETS; k++)
			job_buffer(&job, x[k], k ? R : W);
		job.j.device_mask = dev_mask(a.fd, "d");
		ends[i].end(&a, &job);
		/* beside it, evicted by the newcomer, and after it */
		probe(&b, ends[i].name);
		client_close(&a);
		wdev_reach("d", "memory_used", "0");
		probe(&b, ends[i].name);
	}
	/* pages of the job whose device would not be stopped are gone for good, and counted */
	CHECK_EQ(wdev_get("d", "memory_quarantined"), 0);
}

/* ------------------------------------------------------------------------------- the storm */

struct load {
	pthread_t thread;
	bool idempotent;
	uint64_t submitted, right, lost_later, failed[4];
};

static volatile bool stop;
static const uint32_t reasons[4] = { ENODEV, EIO, ETIME, ENODATA };

/* y = x + one, each result checked */
static void *produce(void *arg)
{
	enum { N = 6, SIZE = 8192 };
	struct drm_weft_client_info info;
	struct drm_weft_job_record r;
	uint32_t x, one, y[N], round = 0;
	struct load *l = arg;
	struct client c;
	struct job job[N];
	uint64_t id, ended = 0, bad = 0;
	long ret;
	int k;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	one = bo_create(c.fd, SIZE);
	for (int i = 0; i < N; i++)
		y[i] = bo_create(c.fd, SIZE);
	bo_fill(c.fd, one, SIZE, 1);
	while (!stop) {
		bo_fill(c.fd, x, SIZE, ++round);
		for (int i = 0; i < N; i++) {
			job_add(&job[i], &c, y[i], x, one, SIZE);
			job[i].j.flags = l->idempotent ? DRM_WEFT_JOB_IDEMPOTENT : 0;
			job[i].j.timeout_ns = 200 * MS;
		}
		id = submit(&c, job, N);
		l->submitted += N;
		for (int i = 0; i < N; i++) {
			uint32_t got[SIZE / 4];

			job_wait(c.fd, id + i, &r);
			CHECK_EQ(job_query(c.fd, id + i, 1, NULL, DRM_WEFT_JOB_QUERY_ACK, 0), 0);
			ended++;
			if (r.error) {
				for (k = 0; k < 4 && reasons[k] != r.error; k++)
					;
				CHECK_MSG(k < 4, "a job ended with %s", tap_value(-(int)r.error));
				/* the device said so: then it also says which error */
				CHECK(r.error != EIO || r.code == WEFT_SIM_ERR_INJECTED);
				l->failed[k]++;
				bad++;
				continue;
			}
			ret = bo_read(c.fd, y[i], 0, got, SIZE);
			/* ready, but its only copy went with the device */
			if (ret == -ENODATA || ret == -EIO) {
				l->lost_later++;
				continue;
			}
			CHECK_EQ(ret, 0);
			for (k = 0; k < SIZE / 4; k++)
				CHECK_MSG(got[k] == round + 1, "wrong result %u, not %u", got[k],
					  round + 1);
			l->right++;
		}
	}
	client_info(c.fd, &info);
	CHECK_EQ(info.jobs_submitted, l->submitted);
	CHECK_EQ(info.jobs_completed, ended);
	CHECK_EQ(info.jobs_failed, bad);
	client_close(&c);
	return NULL;
}

static void d_again(void)
{
	CHECK_EQ(wdev_set("d", "drain_at", "0"), 0);
	CHECK_EQ(wdev_set("d", "quarantine_at", "0"), 0);
}

/* one fault, its consequences, and the device's return */
static void strike(int kind)
{
	switch (kind) {
	case 0:
		CHECK_EQ(dev_set("d", "fault/error", "3"), 0);
		return;
	case 1:
		CHECK_EQ(dev_set("d", "fault/hang", "1"), 0);
		return;
	case 2:
		CHECK_EQ(dev_set("d", "fault/abort_fails", "1"), 0);
		CHECK_EQ(dev_set("d", "fault/write_after_abort", "1"), 0);
		CHECK_EQ(dev_set("d", "fault/hang", "1"), 0);
		return;
	case 3:
		CHECK_EQ(wdev_set("d", "reset", "1"), 0);
		return;
	case 4:
		CHECK_EQ(wdev_set("d", "health", "quarantined"), 0);
		sleep_ms(5);
		CHECK_EQ(wdev_set("d", "health", "ok"), 0);
		return;
	case 5:
		CHECK_EQ(dev_set("d", "fault/reset_fails", "1"), 0);
		CHECK_EQ(wdev_set("d", "reset", "1"), -EIO);
		CHECK_EQ(wdev_set("d", "health", "ok"), 0);
		return;
	case 6:
		CHECK_EQ(wdev_set("d", "health", "draining"), 0);
		sleep_ms(5);
		CHECK_EQ(wdev_set("d", "health", "ok"), 0);
		return;
	default:
		CHECK_EQ(dev_set("d", "fault/vanish", "now"), 0);
		CHECK_EQ(dev_enable("d", true), 0);
		d_again();
	}
}

TEST(storm, "submitted = right + lost + failed with a reason; nothing wrong; the device returns")
{
	const char *seconds = getenv("LOSS_SECONDS");
	uint64_t end = in_ns((seconds ? strtoull(seconds, NULL, 0) : 8) * SEC);
	uint64_t submitted = 0, right = 0, lost = 0, failed[4] = { 0 };
	struct load load[4] = { 0 };
	unsigned int strikes = 0, felt = 0;
	struct client c;
	struct job job;

	dev_add("d", DEV_UNIT, "speed=add 50");
	d_again();
	client_open(&c);
	for (size_t i = 0; i < ARRAY_SIZE(load); i++) {
		load[i].idempotent = i & 1;
		pthread_create(&load[i].thread, NULL, produce, &load[i]);
	}
	/* each kind once, however slow the guest is */
	while (strikes < 8 || now_ns() < end) {
		strike(strikes++ % 8);
		sleep_ms(15 + strikes % 5 * 7);
		/* it is back: what only it may run runs; a fault may still be armed */
		for (;;) {
			uint32_t error;

			job_nop(&job, &c, 1);
			job.j.device_mask = dev_mask(c.fd, "d");
			job.j.timeout_ns = 200 * MS;
			error = job_result(c.fd, submit(&c, &job, 1));
			if (!error)
				break;
			CHECK(error == EIO || error == ETIME || error == ENODEV);
			felt++;
		}
	}
	stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(load); i++) {
		pthread_join(load[i].thread, NULL);
		submitted += load[i].submitted;
		right += load[i].right;
		lost += load[i].lost_later;
		for (int k = 0; k < 4; k++)
			failed[k] += load[i].failed[k];
	}
	tap_note("%u strikes, %llu submitted = %llu right + %llu lost afterwards + %llu ENODEV + "
		 "%llu EIO + %llu ETIME + %llu ENODATA", strikes, (unsigned long long)submitted,
		 (unsigned long long)right, (unsigned long long)lost,
		 (unsigned long long)failed[0], (unsigned long long)failed[1],
		 (unsigned long long)failed[2], (unsigned long long)failed[3]);
	CHECK_EQ(submitted, right + lost + failed[0] + failed[1] + failed[2] + failed[3]);
	CHECK(right > 0);
	/* a slow guest's few jobs may all have been elsewhere */
	CHECK(felt + failed[0] + failed[1] + failed[2] > 0);
	client_close(&c);
	wdev_reach("d", "memory_used", "0");
	wdev_reach("steady", "memory_used", "0");
	CHECK_EQ(wdev_get("d", "memory_quarantined"), 0);
}
