// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four threads, three unlike devices, every operation, random graphs: equal to a plain computation.
 *
 * DOC: stress
 *
 * Each thread owns sixteen small buffers and a model of them in its own memory. It submits
 * random jobs (fill, copy, add) over random devices with random extra edges, sometimes from two
 * queues, sometimes interrupted by CPU access, and applies each to the model in submission order.
 * Since program order is the contract, buffers and model must agree whenever they are compared.
 * Memory of the devices is smaller than the working set, so eviction is always under way.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <pthread.h>

#include "common.h"

#define BUFFERS	16
#define SIZE	(16 * KIB)
#define WORDS	(SIZE / 4)

SETUP()
{
	dev_add("s0", "profile=gpu", "memory=512K", "engines=2", "credits=2");
	dev_add("s1", "profile=dcu", "memory=384K");
	dev_add("s2", "profile=npu", "memory=256K", "engines=1", "credits=3");
	devs_keep();
}

struct worker {
	pthread_t thread;
	uint32_t seed;
	uint64_t end, jobs;
	uint32_t model[BUFFERS];	/* every word of a buffer has the same value */
};

static uint32_t rnd(struct worker *w, uint32_t below)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return (w->seed >> 8) % below;
}

static void random_job(struct worker *w, const struct client *c, const uint32_t *bo,
		       struct job *job)
{
	uint32_t d = rnd(w, BUFFERS), a = rnd(w, BUFFERS), b = rnd(w, BUFFERS), v;

	switch (rnd(w, 4)) {
	case 0:
		v = rnd(w, 1u << 24);
		job_fill(job, c, bo[d], SIZE, v);
		w->model[d] = v;
		break;
	case 1:
		a = a == d ? (a + 1) % BUFFERS : a;
		job_copy(job, c, bo[d], bo[a], SIZE);
		w->model[d] = w->model[a];
		break;
	default:
		job_add(job, c, bo[d], bo[a], bo[b], SIZE);
		w->model[d] = w->model[a] + w->model[b];
		break;
	}
	if (!rnd(w, 4))
		job->j.flags = DRM_WEFT_JOB_IDEMPOTENT;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint32_t bo[BUFFERS];
	struct client c, d;
	struct job *job = calloc(12, sizeof(*job));
	uint64_t last = 0, before = 0;

	client_open(&c);
	d = c;
	d.queue = queue_create(c.fd, rnd(w, 2) ? DRM_WEFT_QUEUE_ORDERED : 0, 64);
	for (int i = 0; i < BUFFERS; i++)
		bo[i] = bo_create(c.fd, SIZE);
	while (now_ns() < w->end) {
		struct client *q = rnd(w, 2) ? &c : &d;
		uint32_t n = 1 + rnd(w, 12), i;
		struct worker saved = *w;
		long ret;

		for (i = 0; i < n; i++) {
			random_job(w, q, bo, &job[i]);
			if (i && !rnd(w, 3))
				job_dep(&job[i], DRM_WEFT_DEP_INDEX, 0, rnd(w, i));
			if (before && !rnd(w, 5))
				job_dep(&job[i], DRM_WEFT_DEP_JOB, 0, before);
		}
		struct drm_weft_submit s;

		ret = submit_raw(q, job, n, &s);
		if (ret == -EAGAIN || ret == -ENOBUFS) {
			*w = saved;
			rnd(w, 2);
			CHECK(last);
			job_wait(c.fd, last, &(struct drm_weft_job_record){});
			continue;
		}
		CHECK_MSG(!ret, "SUBMIT: %s, job %d", tap_value(ret), (int)s.failed_index);
		w->jobs += n;
		before = last;
		last = s.first_job_id + n - 1;
		if (!rnd(w, 8)) {
			i = rnd(w, BUFFERS);
			bo_expect(c.fd, bo[i], SIZE, w->model[i]);
		}
		if (!rnd(w, 16)) {
			i = rnd(w, BUFFERS);
			w->model[i] = rnd(w, 1u << 24);
			bo_fill(c.fd, bo[i], SIZE, w->model[i]);
		}
	}
	for (int i = 0; i < BUFFERS; i++)
		bo_expect(c.fd, bo[i], SIZE, w->model[i]);

	struct drm_weft_client_info info;

	client_info(c.fd, &info);
	CHECK_EQ(info.jobs_submitted, w->jobs);
	CHECK_EQ(info.jobs_failed, 0);
	client_close(&c);
	free(job);
	return NULL;
}

static void stress(unsigned int seconds)
{
	struct worker w[4] = {};
	uint64_t jobs = 0;

	for (int i = 0; i < 4; i++) {
		w[i].seed = 12345 + 777 * i;
		w[i].end = in_ns(seconds * SEC);
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		jobs += w[i].jobs;
	}
	tap_note("%llu jobs", (unsigned long long)jobs);
	CHECK(jobs > 100);
}

TEST(calm, "random graphs on four threads for 10 s: equal to the model")
{
	stress(10);
}

static void *disturb(void *arg)
{
	volatile bool *stop = arg;
	static const char *const policy[] = { "eft", "fifo" };

	for (int i = 0; !*stop; i++) {
		dev_add("extra", "profile=gpu", "memory=256K");
		dev_set("s0", "bandwidth_down", i & 1 ? "50" : "12000");
		dev_set("s1", "price", i & 1 ? "100" : "3000");
		file_write(pool_sysfs("policy"), policy[i & 1]);
		sleep_ms(60);
		CHECK_EQ(dev_remove("extra"), 0);
		sleep_ms(20);
	}
	return NULL;
}

TEST(disturbed, "the same for 10 s while devices come and go, links, prices and policy change")
{
	volatile bool stop = false;
	pthread_t t;

	pthread_create(&t, NULL, disturb, (void *)&stop);
	stress(10);
	stop = true;
	pthread_join(t, NULL);
	CHECK_EQ(file_write(pool_sysfs("policy"), "eft"), 0);
}
