/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When faults of a device become its health: a leaky bucket, pure, built into unit tests as well.
 *
 * DOC: health policy
 *
 * Each fault puts points into the device's bucket, time and runs that end well let them leak out.
 * What is in the bucket says how the device is: from @degrade_at on it is degraded, from @drain_at
 * on draining, from @quarantine_at on quarantined. Degraded ends by itself when the bucket has
 * leaked to half of @degrade_at; the other two stay until the operator, or a reset, empties the
 * bucket: a device that gets no jobs makes no faults, so leaking would only bring it back to fail.
 *
 * Most faults can be a job's fault as well as the device's, and no tenant may take a device away
 * from the others by failing on it. So what one tenant alone puts in stays below @drain_at as
 * soon as another tenant's run has ended well there since. Slow runs never drain: a busy host
 * makes them, too.
 *
 * Rejected: counters with a window (a burst at its edge counts half), a rate of failed runs (says
 * nothing about a device that hangs on each of few), ignoring faults of jobs altogether (a
 * device that fails at once looks idle, and draws every job to it).
 */
#ifndef WEFT_HEALTH_POLICY_H
#define WEFT_HEALTH_POLICY_H

#include <drm/weft_drm.h>

#include "../../scheduler/platform.h"

/** enum weft_blame - what counts against a device */
enum weft_blame {
	/** @WEFT_BLAME_SLOW: a run took several times what was learned: 1 point */
	WEFT_BLAME_SLOW = 0,
	/** @WEFT_BLAME_ERROR: a run or a transfer failed on the device: 2 points */
	WEFT_BLAME_ERROR,
	/** @WEFT_BLAME_TIMEOUT: a run was aborted at its deadline: 4 points */
	WEFT_BLAME_TIMEOUT,
	/** @WEFT_BLAME_RESET: a run could not be aborted: 8 points */
	WEFT_BLAME_RESET,
};

/* The limits' own limit, points. */
#define WEFT_HEALTH_MAX		1000000u

/**
 * struct weft_health_limits - what an operator tunes, per device
 * @degrade_at: points, 1..WEFT_HEALTH_MAX
 * @drain_at: points, 0 never
 * @quarantine_at: points, 0 never
 * @leak: points per minute, 0..WEFT_HEALTH_MAX
 * @slow_factor: a run is slow from this many times the learned time on, 0 never
 */
struct weft_health_limits {
	u32 degrade_at;
	u32 drain_at;
	u32 quarantine_at;
	u32 leak;
	u32 slow_factor;
};

#define WEFT_HEALTH_DEFAULTS {		\
	.degrade_at = 10,		\
	.drain_at = 100,		\
	.quarantine_at = 200,		\
	.leak = 10,			\
	.slow_factor = 16,		\
}

/**
 * struct weft_bucket - the faults of one device; zeroed is empty
 * @level: in 1/1000 points
 * @time: up to which it has leaked, ns
 * @tenant: whose run made the first fault in it
 * @many: others made some, too
 * @works: a run of another tenant ended well since
 * @health: &enum drm_weft_health that follows from it
 */
struct weft_bucket {
	u64 level;
	u64 time;
	u32 tenant;
	bool many;
	bool works;
	u32 health;
};

/** weft_bucket_fault() - a run of @tenant made @fault; what the bucket says of the device now */
u32 weft_bucket_fault(struct weft_bucket *b, const struct weft_health_limits *limits,
		      enum weft_blame fault, u32 tenant, u64 now);
/** weft_bucket_good() - a run of @tenant ended well */
u32 weft_bucket_good(struct weft_bucket *b, const struct weft_health_limits *limits, u32 tenant,
		     u64 now);
/** weft_bucket_look() - time has passed, or the limits have changed */
u32 weft_bucket_look(struct weft_bucket *b, const struct weft_health_limits *limits, u64 now);
/** weft_bucket_empty() - begin anew */
void weft_bucket_empty(struct weft_bucket *b);
/** weft_bucket_due() - ns until time alone ends a degraded state; 0 if it does not */
u64 weft_bucket_due(const struct weft_bucket *b, const struct weft_health_limits *limits);

#endif /* WEFT_HEALTH_POLICY_H */
