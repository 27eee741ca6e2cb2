/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of placement start from: one client, and devices whose run times are known.
 *
 * DOC: fixture of placement
 *
 * Devices 0, 1, ... have their memory in regions 1, 2, ... and hang on host region 0 with links
 * of 1000 MB/s, so that a byte takes a nanosecond. Rejected: putting this into pool.h (the other
 * tests want clients and devices of their own).
 */
#ifndef TESTS_UNIT_PLACE_H
#define TESTS_UNIT_PLACE_H

#include "pool.h"

#define KERNEL	1

struct fixture {
	struct pool *p;
	struct weft_sched_client *c;
	struct weft_sched_device *d[4];
};

/* Devices that take @run ns for KERNEL; 0 ends the list. */
static inline struct fixture setup(const char *policy, u64 run0, u64 run1, u64 run2)
{
	struct fixture f = { .p = pool_new(policy) };
	u64 run[3] = { run0, run1, run2 };
	u32 i;

	f.c = pool_client(f.p, pool_tenant(f.p, 100));
	for (i = 0; i < 3 && run[i]; i++) {
		f.d[i] = pool_device(f.p, i, WEFT_PRICE_UNIT);
		pool_teach(f.p, f.c, KERNEL, f.d[i], run[i]);
		f.d[i]->busy_ns = 0;
	}
	return f;
}

static inline struct weft_sched_job *job_on(struct fixture *f, u64 devices)
{
	return pool_add(f->p, .client = f->c, .kernel = KERNEL, .devices = devices);
}

#endif /* TESTS_UNIT_PLACE_H */
