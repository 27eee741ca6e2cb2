// SPDX-License-Identifier: GPL-2.0-only
/*
 * Learned run times.
 *
 * DOC: learned run times
 *
 * One entry per (kernel, device model, power-of-two size bucket) keeps mean, mean absolute
 * deviation and count: a plain average of the first eight runs, then an exponential one with
 * weight 1/8. A second kind of entry per (kernel, model), bucket 0, remembers the bucket learned
 * last and its mean: a size never seen is extrapolated from there in proportion. A model never
 * tried borrows the shortest time known on another present model, which makes it look worth a
 * try; the policy tries it once.
 *
 * The table is the caller's array with open addressing in a window of eight. When a window is
 * full the entry with the fewest runs goes (the first of equals) and the counts of the others
 * are halved, so that kernels no longer used age. A wrong estimate costs time, never correctness.
 *
 * Rejected: floating point regressions over sizes (not in a kernel); a table that grows
 * (allocation in a decision).
 */
#include "internal.h"

#define WEFT_EST_WINDOW	8u
#define WEFT_EST_AVERAGE	8u
/* the bucket of entries that tell where to extrapolate from */
#define WEFT_EST_LAST		0u

static u64 weft_est_key(u64 kernel, u32 model)
{
	u64 key = weft_mix64(kernel + weft_mix64((u64)model + 1));

	/* 0 marks an entry that is free */
	return key ? key : 1;
}

static u32 weft_est_bucket(u64 size)
{
	return (u32)fls64(size);
}

static struct weft_sched_est *weft_est_slot(const struct weft_sched *s, u64 key, u32 bucket, u32 i)
{
	return &s->est[(weft_mix64(key + bucket) + i) & (s->est_count - 1)];
}

static struct weft_sched_est *weft_est_find(const struct weft_sched *s, u64 key, u32 bucket)
{
	u32 i;

	for (i = 0; i < WEFT_EST_WINDOW; i++) {
		struct weft_sched_est *e = weft_est_slot(s, key, bucket, i);

		if (e->key == key && e->bucket == bucket)
			return e;
	}
	return NULL;
}

static struct weft_sched_est *weft_est_make(struct weft_sched *s, u64 key, u32 bucket)
{
	struct weft_sched_est *e = weft_est_find(s, key, bucket);
	struct weft_sched_est *victim = NULL;
	u32 i;

	if (e)
		return e;
	for (i = 0; i < WEFT_EST_WINDOW; i++) {
		e = weft_est_slot(s, key, bucket, i);
		if (!e->key)
			break;
		if (!victim || e->count < victim->count)
			victim = e;
	}
	if (i == WEFT_EST_WINDOW) {
		for (i = 0; i < WEFT_EST_WINDOW; i++) {
			e = weft_est_slot(s, key, bucket, i);
			e->count = e->count / 2 + e->count % 2;
		}
		e = victim;
	}
	memset(e, 0, sizeof(*e));
	e->key = key;
	e->bucket = bucket;
	return e;
}

/* A time measured in bucket @from, carried over to bucket @to. */
static u64 weft_est_scale(u64 ns, u32 from, u32 to)
{
	if (to <= from)
		return max(ns >> (from - to), 1ull);
	if (ns > WEFT_TIME_MAX >> (to - from))
		return WEFT_TIME_MAX;
	return ns << (to - from);
}

/* Learned time of (@key, @bucket), exact or extrapolated; 0 if nothing is learned. */
static u64 weft_est_learned(const struct weft_sched *s, u64 key, u32 bucket)
{
	const struct weft_sched_est *e = weft_est_find(s, key, bucket);

	if (e && e->count)
		return e->mean_ns;
	e = weft_est_find(s, key, WEFT_EST_LAST);
	if (e && e->count)
		return weft_est_scale(e->mean_ns, (u32)e->dev_ns, bucket);
	return 0;
}

void weft_estimate_of(const struct weft_sched *s, u64 kernel, u64 size,
		      const struct weft_sched_device *d, struct weft_estimate *e)
{
	u64 key = weft_est_key(kernel, d->model);
	u32 bucket = weft_est_bucket(size);
	u64 left, run;

	e->run = weft_est_learned(s, key, bucket);
	e->learned = e->run;
	e->known = e->run;
	e->tried = e->run;
	if (e->learned)
		return;
	e->tried = weft_est_find(s, key, WEFT_EST_LAST);
	for (left = s->present; left; left &= left - 1) {
		run = weft_est_learned(s, weft_est_key(kernel,
						       s->device[__ffs64(left)]->model), bucket);
		if (run && (!e->known || run < e->run)) {
			e->run = run;
			e->known = true;
		}
	}
	if (!e->known)
		e->run = WEFT_RUN_UNKNOWN;
}

void weft_estimate_get(const struct weft_sched *s, const struct weft_sched_job *job,
		       const struct weft_sched_device *d, struct weft_estimate *e)
{
	weft_estimate_of(s, job->kernel, job->size, d, e);
}

u64 weft_estimate_least(const struct weft_sched *s, const struct weft_sched_job *job)
{
	u64 least = WEFT_TIME_MAX;
	u64 left;

	for (left = s->present & job->devices; left; left &= left - 1) {
		u64 run = weft_est_learned(s, weft_est_key(job->kernel,
							   s->device[__ffs64(left)]->model),
					   weft_est_bucket(job->size));

		if (run)
			least = min(least, run);
	}
	return least == WEFT_TIME_MAX ? WEFT_RUN_UNKNOWN : least;
}

void weft_estimate_try(struct weft_sched *s, const struct weft_sched_job *job,
		       const struct weft_sched_device *d)
{
	weft_est_make(s, weft_est_key(job->kernel, d->model), WEFT_EST_LAST);
}

void weft_estimate_untry(struct weft_sched *s, const struct weft_sched_job *job,
			 const struct weft_sched_device *d)
{
	struct weft_sched_est *e = weft_est_find(s, weft_est_key(job->kernel, d->model),
						 WEFT_EST_LAST);

	if (e && !e->count)
		memset(e, 0, sizeof(*e));
}

void weft_estimate_learn(struct weft_sched *s, const struct weft_sched_job *job,
			 const struct weft_sched_device *d, u64 busy_ns)
{
	u64 key = weft_est_key(job->kernel, d->model);
	u32 bucket = weft_est_bucket(job->size);
	struct weft_sched_est *e = weft_est_make(s, key, bucket);
	u64 ns = min(max(busy_ns, 1ull), WEFT_TIME_MAX);
	u64 off = ns > e->mean_ns ? ns - e->mean_ns : e->mean_ns - ns;
	u64 mean;

	if (!e->count) {
		e->mean_ns = ns;
		e->count = 1;
	} else {
		u32 share;

		if (e->count < U32_MAX)
			e->count++;
		share = min(e->count, WEFT_EST_AVERAGE);
		if (ns > e->mean_ns)
			e->mean_ns += div64_u64(off, share);
		else
			e->mean_ns -= div64_u64(off, share);
		if (off > e->dev_ns)
			e->dev_ns += div64_u64(off - e->dev_ns, share);
		else
			e->dev_ns -= div64_u64(e->dev_ns - off, share);
	}
	mean = e->mean_ns;
	/* This may replace @e. */
	e = weft_est_make(s, key, WEFT_EST_LAST);
	e->mean_ns = mean;
	e->dev_ns = bucket;
	if (e->count < U32_MAX)
		e->count++;
}

u64 weft_sched_estimate(const struct weft_sched *s, const struct weft_sched_job *job,
			const struct weft_sched_device *d)
{
	struct weft_estimate e;

	weft_estimate_get(s, job, d, &e);
	return e.known ? e.run : 0;
}

u64 weft_sched_deadline(const struct weft_sched *s, const struct weft_sched_job *job,
			const struct weft_sched_device *d, u64 floor, u64 cap)
{
	const struct weft_sched_est *e = weft_est_find(s, weft_est_key(job->kernel, d->model),
						       weft_est_bucket(job->size));
	u64 bound;

	if (!e || !e->count)
		return cap;
	bound = weft_mul_sat(8, weft_add_sat(e->mean_ns, weft_mul_sat(4, e->dev_ns)));
	return min(max(bound, floor), cap);
}

u64 weft_sched_learned(const struct weft_sched *s, const struct weft_sched_job *job,
		       const struct weft_sched_device *d)
{
	const struct weft_sched_est *e = weft_est_find(s, weft_est_key(job->kernel, d->model),
						       weft_est_bucket(job->size));

	return e && e->count >= WEFT_EST_AVERAGE ? e->mean_ns : 0;
}
