// SPDX-License-Identifier: GPL-2.0-only
/*
 * JOB_QUERY: waiting, acknowledging, strides, every error, interruption.
 */
/* vm: smp=2 timeout=60 kernels=stock,debug,next insmod=weft,weft_sim */
#include <pthread.h>
#include <signal.h>

#include "common.h"

#define WAIT	DRM_WEFT_JOB_QUERY_WAIT
#define ACK	DRM_WEFT_JOB_QUERY_ACK

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

static long query_raw(int fd, uint64_t id, uint32_t count, uint32_t stride, void *records,
		      uint32_t flags, uint32_t pad, uint64_t timeout)
{
	struct drm_weft_job_query q = { id, count, stride, p64(records), flags, pad, timeout };

	return ioc(fd, DRM_IOCTL_WEFT_JOB_QUERY, &q);
}

static uint64_t nops(const struct client *c, uint32_t n, unsigned int ms)
{
	struct job job[16];

	for (uint32_t i = 0; i < n; i++) {
		job_nop(&job[i], c, ms * UNIT_MS);
		job[i].j.user_data = 1000 + i;
	}
	return submit(c, job, n);
}

TEST(errors, "fields out of range: EINVAL, EFAULT, ENOENT")
{
	struct drm_weft_job_record r[2];
	struct client c;
	uint64_t id;

	client_open(&c);
	id = nops(&c, 2, 0);
	job_wait(c.fd, id + 1, r);
	CHECK_EQ(query_raw(c.fd, id, 0, sizeof(*r), r, 0, 0, 0), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, 4097, sizeof(*r), r, 0, 0, 0), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, ~0u, sizeof(*r), r, 0, 0, 0), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, 1, 24, r, 0, 0, 0), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, 1, 0, r, 0, 0, 0), -EINVAL);
	for (int i = 2; i < 32; i++)
		CHECK_EQ(query_raw(c.fd, id, 1, sizeof(*r), r, 1u << i, 0, 0), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, 1, sizeof(*r), r, 0, 1, 0), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, 1, sizeof(*r), r, 0, 0, 1), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, 1, sizeof(*r), r, ACK, 0, 1), -EINVAL);
	CHECK_EQ(query_raw(c.fd, id, 2, sizeof(*r), (void *)~4095ull, 0, 0, 0), -EFAULT);
	CHECK_EQ(query_raw(c.fd, id + 1, 2, sizeof(*r), r, 0, 0, 0), -ENOENT);
	CHECK_EQ(query_raw(c.fd, id + 1, 2, sizeof(*r), r, WAIT, 0, in_ns(SEC)), -ENOENT);
	CHECK_EQ(query_raw(c.fd, 0, 1, sizeof(*r), r, 0, 0, 0), -ENOENT);
	CHECK_EQ(query_raw(c.fd, UINT64_MAX - 1, 1, sizeof(*r), r, 0, 0, 0), -ENOENT);
	CHECK_EQ(query_raw(c.fd, UINT64_MAX, 2, sizeof(*r), r, 0, 0, 0), -EINVAL);
	/* nothing of this acknowledged anything */
	CHECK_EQ(query_raw(c.fd, id, 2, sizeof(*r), r, 0, 0, 0), 0);
}

TEST(fault_keeps, "EFAULT with ACK forgets nothing")
{
	struct drm_weft_job_record r;
	struct client c;
	uint64_t id;

	client_open(&c);
	id = nops(&c, 1, 0);
	job_wait(c.fd, id, &r);
	CHECK_EQ(query_raw(c.fd, id, 1, sizeof(r), (void *)~4095ull, ACK, 0, 0), -EFAULT);
	CHECK_EQ(query_raw(c.fd, id, 1, sizeof(r), &r, ACK, 0, 0), 0);
	CHECK_EQ(query_raw(c.fd, id, 1, sizeof(r), &r, 0, 0, 0), -ENOENT);
}

TEST(ack, "ACK forgets; a second look: ENOENT; neighbours stay")
{
	struct drm_weft_job_record r[4];
	struct drm_weft_client_info i;
	struct client c;
	uint64_t id;

	client_open(&c);
	id = nops(&c, 4, 0);
	CHECK_EQ(job_query(c.fd, id, 4, r, WAIT, in_ns(PATIENCE)), 0);
	CHECK_EQ(job_query(c.fd, id + 1, 2, r, ACK, 0), 0);
	CHECK_EQ(r[0].id, id + 1);
	CHECK_EQ(job_query(c.fd, id + 1, 1, r, 0, 0), -ENOENT);
	CHECK_EQ(job_query(c.fd, id, 2, r, 0, 0), -ENOENT);
	CHECK_EQ(job_query(c.fd, id, 1, r, 0, 0), 0);
	CHECK_EQ(job_query(c.fd, id + 3, 1, r, 0, 0), 0);
	client_info(c.fd, &i);
	CHECK_EQ(i.unread_records, 2);
}

TEST(ack_running, "ACK of a job that is not DONE keeps its record")
{
	struct drm_weft_job_record r;
	struct client c;
	uint64_t id;

	client_open(&c);
	id = nops(&c, 1, 60);
	CHECK_EQ(job_query(c.fd, id, 1, &r, ACK, 0), 0);
	CHECK(r.state < DRM_WEFT_JOB_DONE);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, 0);
}

/* whatever ACK forgets, the caller was told that it is DONE */
TEST(ack_race, "an ACK that races with the job's end never swallows a final record")
{
	struct drm_weft_job_record r;
	struct client c;
	uint64_t id;

	client_open(&c);
	for (int i = 0; i < 300; i++) {
		bool done = false;
		long ret;

		id = nops(&c, 1, 0);
		while (!(ret = job_query(c.fd, id, 1, &r, ACK, 0)))
			done |= r.state == DRM_WEFT_JOB_DONE;
		CHECK_EQ(ret, -ENOENT);
		CHECK_MSG(done, "record %d is gone and nobody was told how it ended", i);
	}
}

TEST(wait_only, "records 0: wait and acknowledge without reading")
{
	struct drm_weft_job_record r;
	struct client c;
	uint64_t id;

	client_open(&c);
	id = nops(&c, 3, 1);
	CHECK_EQ(query_raw(c.fd, id, 3, sizeof(r), NULL, WAIT | ACK, 0, in_ns(PATIENCE)), 0);
	CHECK_EQ(job_query(c.fd, id, 1, &r, 0, 0), -ENOENT);
}

TEST(timeout, "WAIT with a time in the past: ETIME at once; in the future: not earlier")
{
	struct drm_weft_job_record r;
	struct client c;
	uint64_t id, start;

	client_open(&c);
	id = nops(&c, 1, 300);
	CHECK_EQ(job_query(c.fd, id, 1, &r, WAIT, 0), -ETIME);
	CHECK_EQ(job_query(c.fd, id, 1, &r, WAIT, 1), -ETIME);
	start = now_ns();
	CHECK_EQ(job_query(c.fd, id, 1, &r, WAIT, start + 30 * MS), -ETIME);
	CHECK(now_ns() >= start + 30 * MS);
	CHECK_EQ(job_query(c.fd, id, 1, &r, WAIT, FOREVER), 0);
	CHECK_EQ(job_query(c.fd, id, 1, &r, WAIT, 0), 0);
}

TEST(strides, "short strides cut, long ones are padded")
{
	struct client c;
	uint64_t id, cut[3][4];
	struct {
		struct drm_weft_job_record r;
		uint64_t future[2];
	} pad[2];
	struct drm_weft_job_record r;

	client_open(&c);
	id = nops(&c, 2, 0);
	job_wait(c.fd, id + 1, &r);
	memset(cut, 0xa5, sizeof(cut));
	CHECK_EQ(query_raw(c.fd, id, 2, 32, cut, WAIT, 0, FOREVER), 0);
	CHECK_EQ(cut[0][0], id);
	CHECK_EQ(cut[0][1], 1000);
	CHECK_EQ(cut[1][0], id + 1);
	CHECK_EQ(cut[1][1], 1001);
	CHECK_EQ(cut[2][0], 0xa5a5a5a5a5a5a5a5ull);
	memset(pad, 0xa5, sizeof(pad));
	CHECK_EQ(query_raw(c.fd, id, 2, sizeof(pad[0]), pad, 0, 0, 0), 0);
	CHECK_EQ(pad[1].r.id, id + 1);
	CHECK_EQ(pad[0].future[0] | pad[0].future[1] | pad[1].future[1], 0);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void *interrupt(void *arg)
{
	for (int i = 0; i < 200; i++) {
		sleep_ms(10);
		if (pthread_kill(*(pthread_t *)arg, SIGUSR1))
			break;
	}
	return NULL;
}

TEST(eintr, "WAIT interrupted: EINTR, the arguments as they were, the call can be repeated")
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct drm_weft_job_record r;
	struct drm_weft_job_query q, before;
	pthread_t self = pthread_self(), other;
	struct client c;
	uint64_t id;
	int interrupted = 0;
	long ret;

	sigaction(SIGUSR1, &sa, NULL);
	client_open(&c);
	id = nops(&c, 1, 400);
	q = (struct drm_weft_job_query) {
		.first_id = id, .count = 1, .stride = sizeof(r), .records = p64(&r),
		.flags = WAIT, .timeout_ns = in_ns(PATIENCE),
	};
	before = q;
	pthread_create(&other, NULL, interrupt, &self);
	while ((ret = ioc(c.fd, DRM_IOCTL_WEFT_JOB_QUERY, &q)) == -EINTR) {
		CHECK(!memcmp(&q, &before, sizeof(q)));
		interrupted++;
	}
	CHECK_EQ(ret, 0);
	CHECK(interrupted > 0);
	CHECK_EQ(r.error, 0);
}

TEST(many_waiters, "four threads wait for one job, all wake")
{
	struct client c;
	uint64_t id;
	pid_t pid[4];

	client_open(&c);
	id = nops(&c, 1, 50);
	for (int i = 0; i < 4; i++) {
		pid[i] = spawn();
		if (!pid[i])
			_exit(job_query(c.fd, id, 1, &(struct drm_weft_job_record){}, WAIT,
					in_ns(PATIENCE)) ? 1 : 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK_EQ(reap(pid[i]), 0);
}

/* F35: an interrupted SUBMIT must never have queued half of itself */
TEST(submit_signals, "SUBMIT under a storm of signals: each accepted one runs once, no other")
{
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), other;
	struct drm_weft_client_info i;
	struct client c;
	struct job job[8];
	uint32_t x, one, accepted = 0;
	uint64_t id = 0;

	sigaction(SIGUSR1, &sa, NULL);
	client_open(&c);
	x = bo_create(c.fd, 4096);
	one = bo_create(c.fd, 4096);
	bo_fill(c.fd, one, 4096, 1);
	bo_fill(c.fd, x, 4096, 0);
	for (int k = 0; k < 8; k++)
		job_add(&job[k], &c, x, x, one, 4096);
	pthread_create(&other, NULL, interrupt, &self);
	for (int n = 0; n < 60; n++) {
		struct drm_weft_submit s;
		long ret = submit_raw(&c, job, 8, &s);

		CHECK(!ret || ret == -EINTR || ret == -EAGAIN);
		if (!ret) {
			accepted += 8;
			id = s.first_job_id + 7;
		}
	}
	job_wait(c.fd, id, &(struct drm_weft_job_record){});
	pthread_join(other, NULL);
	client_info(c.fd, &i);
	CHECK_EQ(i.jobs_submitted, accepted);
	CHECK_EQ(i.jobs_completed, accepted);
	bo_expect(c.fd, x, 4096, accepted);
}
