/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool for tests: a scheduler, objects made on demand, and the log it wrote.
 *
 * DOC: test pool
 *
 * Tests speak about jobs and devices, not about arrays of edges. Everything is freed by
 * pool_free(). Calls that must succeed assert it; tests of errors call the scheduler directly.
 */
#ifndef POOL_H
#define POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "log.h"

#define EST_COUNT	1024

struct pool {
	struct weft_sched s;
	struct weft_sched_est est[EST_COUNT];
	u64 now;
	u64 job_id;
	u64 data_id;
	u64 client_id;
	u32 tenant_id;
	/* everything allocated, to be freed */
	void **blocks;
	size_t block_count;
	/* the log */
	struct weft_rec *log;
	size_t log_count;
	size_t log_room;
	/* callbacks seen */
	size_t ready;
	size_t poisoned;
	u64 last_poisoned;
	size_t recalled;
	u64 last_recalled;
};

/* one use of a buffer, for pool_submit() */
struct use {
	struct weft_sched_data *data;
	u32 access;
	bool no_implicit;
};

#define R	WEFT_ACCESS_READ
#define W	WEFT_ACCESS_WRITE

/* what a test may say about a job; zeroes stand for usual values */
struct spec {
	struct weft_sched_client *client;
	u64 kernel;
	u64 size;
	u64 devices;
	u32 service;		/* + 1; 0 stands for batch */
	u32 priority;
	bool run_anyway;
	bool lease;
	const struct use *uses;
	u32 use_count;
	struct weft_sched_job * const *after;
	u32 after_count;
	u64 deadline;
};

struct pool *pool_new(const char *policy);
void pool_free(struct pool *p);
void *pool_alloc(struct pool *p, size_t size);
struct weft_sched_tenant *pool_tenant(struct pool *p, u32 weight);
struct weft_sched_client *pool_client(struct pool *p, struct weft_sched_tenant *t);
/* model and region follow from the id (region id + 1, host region 0); 1000 MB/s, no latency */
struct weft_sched_device *pool_device(struct pool *p, u32 id, u32 price);
struct weft_sched_data *pool_data(struct pool *p, u64 bytes, u64 valid);
struct weft_sched_job *pool_submit(struct pool *p, const struct spec *spec);
/* pool_add(p, .client = c, .kernel = 1): the rest of the specification is zero */
#define pool_add(p, ...) pool_submit(p, &(struct spec){ __VA_ARGS__ })
struct weft_sched_job *pool_job(struct pool *p, struct weft_sched_client *c, u64 kernel);
/* teach it that @kernel takes @ns on @d at size 1 */
void pool_teach(struct pool *p, struct weft_sched_client *c, u64 kernel,
		struct weft_sched_device *d, u64 ns);
/* a pick that must decide; the job is BINDING, or BOUND if it was due */
struct weft_sched_decision pool_pick(struct pool *p);
/* a pick that must decide nothing */
void pool_pick_none(struct pool *p);
void pool_start(struct pool *p, struct weft_sched_job *job);
void pool_done(struct pool *p, struct weft_sched_job *job, u64 busy);
/* records of one type, the last of them in *last if there is one */
size_t pool_count(const struct pool *p, u32 type, struct weft_rec *last);

#endif /* POOL_H */
