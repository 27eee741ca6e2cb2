/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Health of devices as the core keeps it; see health.c. Part of core.h.
 */
#ifndef WEFT_HEALTH_H
#define WEFT_HEALTH_H

#include <linux/workqueue.h>

#include "health_policy.h"

struct drm_file;
struct weft_client;
struct weft_device;
struct weft_job;
struct weft_pool;

#define WEFT_HEALTH_LAST	16	/* ends of runs that are remembered */

/** struct weft_last_run - how a run ended on a device */
struct weft_last_run {
	u64 job_id;
	u64 start_ns;
	u64 busy_ns;
	u32 tenant;
	u32 engine;
	u32 kernel;
	u32 code;
	int error;
};

/** struct weft_device_health - part of a device */
struct weft_device_health {
	/** @bucket: faults that count; under pool->lock */
	struct weft_bucket bucket;
	/** @limits: what they count up to; single words, written under wdev->pool_lock */
	struct weft_health_limits limits;
	/** @wish: what the operator wants at the least; under pool->lock */
	u32 wish;
	/** @state: the health that follows from all this; written under pool->lock */
	u32 state;
	/** @reason: &enum drm_weft_device_reason of the last change of @state; as @state */
	u32 reason;
	/** @told: what was logged and sent last; @work's own */
	u32 told;
	/** @drained: nothing of value is on the device; under wdev->reset_lock */
	bool drained;
	/** @work: tells of a change and does what it demands */
	struct delayed_work work;
	/** @errors: runs that failed; @timeouts: runs aborted at their deadline */
	atomic64_t errors;
	atomic64_t timeouts;
	/** @slow_runs: runs that took several times what was learned */
	atomic64_t slow_runs;
	/** @resets_failed: of the resets made, those that failed */
	atomic64_t resets_failed;
	/** @last: a ring; @last_count: runs ever put in; both under pool->lock */
	struct weft_last_run last[WEFT_HEALTH_LAST];
	u64 last_count;
};

/* health.c */
void weft_health_init(struct weft_device *wdev);
/* @wdev gets into a pool; under pool->lock */
void weft_health_enter_locked(struct weft_device *wdev);
/* it is there, and the pool's clients may hear of it */
void weft_health_added(struct weft_device *wdev);
/* @wdev is closed and on its way out of its pool; under pool->lock */
void weft_health_leave_locked(struct weft_device *wdev);
/* @wdev is idle; nothing of health.c touches it from now on */
void weft_health_removed(struct weft_device *wdev);
/* a run of @job has ended on @wdev with job->error; before the scheduler learns from it */
void weft_health_run_locked(struct weft_device *wdev, struct weft_job *job);
/* something @wdev's health depends on has changed */
void weft_health_update_locked(struct weft_device *wdev, u32 reason);
void weft_health_update(struct weft_device *wdev, u32 reason);
/* not the end of a run: @job could not be aborted, or (NULL) a transfer failed */
void weft_health_fault(struct weft_device *wdev, enum weft_blame fault, struct weft_job *job);
/* takes jobs, or will again by itself; as pool->devices[] */
bool weft_health_usable(const struct weft_device *wdev);
const char *weft_health_name(u32 health);
/* operator: -EINVAL no such word, -ENODEV leaving, -EIO the reset failed */
int weft_health_set(struct weft_device *wdev, const char *word);
/* @limit: one of wdev->health.limits */
void weft_health_limit(struct weft_device *wdev, u32 *limit, u32 value);
/* CLIENT_SET DEVICE_EVENTS */
void weft_health_watch(struct weft_client *client, bool on);

#endif /* WEFT_HEALTH_H */
