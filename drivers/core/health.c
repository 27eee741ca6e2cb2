// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: health
 *
 * A device is as well as the worst of: what its faults say (health_policy.h), what the operator
 * wants, whether it leaves, whether a reset failed. Whoever changes one of these does so under
 * the pool's lock and calls weft_health_update_locked(), which opens or closes the device at once
 * and leaves the rest to the device's work item: it logs the change, sends it (uevent, events of
 * clients that asked), drains or fences the device, and looks again when the bucket has leaked.
 *
 * A draining device ends what it runs; then its sole copies move to the host. A quarantined one is
 * stopped at once, what it ran is taken back as from a lost device, and its memory is given to
 * nobody; only a reset that succeeds brings it back.
 *
 * Events are allocated when they are sent: a client that does not read has 4 KiB of them at the
 * most (the DRM core's bound), and the next one it gets says how many it missed.
 *
 * Rejected: telling under the pool's lock (it allocates and sleeps); one event per fault (a device
 * makes thousands); keeping the health of a device that was removed for its return (it has no
 * identity that would survive, and a driver's rebind is what operators do to start afresh).
 */
#include <linux/file.h>
#include <linux/kobject.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "core.h"

/* A slow run took this much longer than usual at the least: below is the host's own noise. */
#define WEFT_SLOW_FLOOR		(10 * NSEC_PER_MSEC)

#define WEFT_NO_TENANT		U32_MAX

static const char * const weft_health_names[] = {
	[DRM_WEFT_HEALTH_OK] = "ok",
	[DRM_WEFT_HEALTH_DEGRADED] = "degraded",
	[DRM_WEFT_HEALTH_DRAINING] = "draining",
	[DRM_WEFT_HEALTH_QUARANTINED] = "quarantined",
};

static const char * const weft_reason_names[] = {
	[DRM_WEFT_REASON_ADDED] = "added",
	[DRM_WEFT_REASON_REMOVED] = "removed",
	[DRM_WEFT_REASON_FAULTS] = "faults",
	[DRM_WEFT_REASON_RECOVERED] = "recovered",
	[DRM_WEFT_REASON_OPERATOR] = "operator",
	[DRM_WEFT_REASON_RESET] = "reset",
	[DRM_WEFT_REASON_RESET_FAILED] = "reset-failed",
	[DRM_WEFT_REASON_GONE] = "gone",
};

const char *weft_health_name(u32 health)
{
	return health < ARRAY_SIZE(weft_health_names) ? weft_health_names[health] : "?";
}

bool weft_health_usable(const struct weft_device *wdev)
{
	return READ_ONCE(wdev->health.state) < DRM_WEFT_HEALTH_DRAINING;
}

/* ------------------------------------------------------------------------ telling */

/** struct weft_health_event - DRM_WEFT_EVENT_DEVICE on its way */
struct weft_health_event {
	struct drm_pending_event base;
	struct drm_weft_event_device event;
};

/*
 * On the list the client's file exists, but it may be closing already, with its events released:
 * whoever gets a reference to it came first.
 */
static void weft_health_send_to(struct weft_client *client, struct weft_device *wdev, u32 health,
				u32 reason)
{
	struct drm_device *drm = &client->pool->drm;
	struct weft_health_event *event;
	struct file *file;

	file = get_file_active(&client->file->filp);
	if (!file)
		return;
	event = kzalloc(sizeof(*event), GFP_KERNEL_ACCOUNT);
	if (event) {
		event->event.base.type = DRM_WEFT_EVENT_DEVICE;
		event->event.base.length = sizeof(event->event);
		event->event.device = wdev->sched.id;
		event->event.health = health;
		event->event.reason = reason;
		event->event.missed = client->events_missed;
		if (drm_event_reserve_init(drm, client->file, &event->base, &event->event.base)) {
			kfree(event);
			event = NULL;
		}
	}
	if (event) {
		client->events_missed = 0;
		drm_send_event(drm, &event->base);
	} else {
		client->events_missed++;
	}
	fput(file);
}

static void weft_health_send(struct weft_device *wdev, u32 health, u32 reason)
{
	struct weft_pool *pool = wdev->pool;
	struct weft_client *client;

	mutex_lock(&pool->watch_lock);
	list_for_each_entry(client, &pool->watchers, watch_node)
		weft_health_send_to(client, wdev, health, reason);
	mutex_unlock(&pool->watch_lock);
}

void weft_health_watch(struct weft_client *client, bool on)
{
	struct weft_pool *pool = client->pool;

	mutex_lock(&pool->watch_lock);
	list_del_init(&client->watch_node);
	if (on)
		list_add_tail(&client->watch_node, &pool->watchers);
	mutex_unlock(&pool->watch_lock);
}

static void weft_health_tell(struct weft_device *wdev, u32 was, u32 health, u32 reason)
{
	char health_var[32], reason_var[32];
	char *env[3] = { health_var, reason_var };

	snprintf(health_var, sizeof(health_var), "HEALTH=%s", weft_health_name(health));
	snprintf(reason_var, sizeof(reason_var), "REASON=%s", weft_reason_names[reason]);
	if (health > was)
		dev_warn(&wdev->dev, "health: %s, was %s (%s)\n", weft_health_name(health),
			 weft_health_name(was), weft_reason_names[reason]);
	else
		dev_info(&wdev->dev, "health: %s, was %s (%s)\n", weft_health_name(health),
			 weft_health_name(was), weft_reason_names[reason]);
	kobject_uevent_env(&wdev->dev.kobj, KOBJ_CHANGE, env);
	weft_health_send(wdev, health, reason);
}

/* ----------------------------------------------------------------------- changing */

static u32 weft_health_state(const struct weft_device *wdev)
{
	u32 state = max(wdev->health.bucket.health, wdev->health.wish);

	if (wdev->leaving || wdev->gone)
		state = max_t(u32, state, DRM_WEFT_HEALTH_DRAINING);
	return wdev->quarantined ? DRM_WEFT_HEALTH_QUARANTINED : state;
}

void weft_health_update_locked(struct weft_device *wdev, u32 reason)
{
	struct weft_device_health *h = &wdev->health;
	struct weft_pool *pool = wdev->pool;
	u32 state = weft_health_state(wdev);

	lockdep_assert_held(&pool->lock);
	if (state != h->state) {
		/* a limit was lowered to what the bucket holds */
		if (reason == DRM_WEFT_REASON_RECOVERED && state > h->state)
			reason = DRM_WEFT_REASON_FAULTS;
		WRITE_ONCE(h->state, state);
		h->reason = reason;
		/* weft_health_removed() tells the end */
		if (!wdev->leaving)
			mod_delayed_work(pool->bind_wq, &h->work, 0);
		/* who drains it looks at the state, too */
		wake_up_all(&wdev->idle);
	}
	if (pool->devices[wdev->sched.id] == wdev) {
		pool->usable &= ~BIT_ULL(wdev->sched.id);
		if (weft_health_usable(wdev))
			pool->usable |= BIT_ULL(wdev->sched.id);
	}
	weft_device_reopen_locked(wdev);
}

void weft_health_update(struct weft_device *wdev, u32 reason)
{
	spin_lock(&wdev->pool->lock);
	weft_health_update_locked(wdev, reason);
	spin_unlock(&wdev->pool->lock);
}

static void weft_health_count_locked(struct weft_device *wdev, enum weft_blame fault,
				     struct weft_job *job)
{
	struct weft_device_health *h = &wdev->health;
	/* a fault that no job has brought about is everybody's */
	u32 tenant = job ? job->client->account->sched.id : WEFT_NO_TENANT;

	lockdep_assert_held(&wdev->pool->lock);
	if (fault == WEFT_BLAME_ERROR)
		atomic64_inc(&h->errors);
	else if (fault == WEFT_BLAME_TIMEOUT)
		atomic64_inc(&h->timeouts);
	else if (fault == WEFT_BLAME_SLOW)
		atomic64_inc(&h->slow_runs);
	weft_bucket_fault(&h->bucket, &h->limits, fault, tenant, weft_now());
	weft_health_update_locked(wdev, DRM_WEFT_REASON_FAULTS);
}

void weft_health_fault(struct weft_device *wdev, enum weft_blame fault, struct weft_job *job)
{
	spin_lock(&wdev->pool->lock);
	weft_health_count_locked(wdev, fault, job);
	spin_unlock(&wdev->pool->lock);
}

/* Did the run take far longer than such runs do on this model? */
static bool weft_health_slow(struct weft_device *wdev, struct weft_job *job)
{
	u32 factor = wdev->health.limits.slow_factor;
	u64 usual;

	if (!factor || job->busy_ns < WEFT_SLOW_FLOOR || job->run.disturbed)
		return false;
	usual = weft_sched_learned(&wdev->pool->sched, &job->sched, &wdev->sched);
	return usual && job->busy_ns - WEFT_SLOW_FLOOR > usual &&
	       div64_u64(job->busy_ns, usual) >= factor;
}

void weft_health_run_locked(struct weft_device *wdev, struct weft_job *job)
{
	struct weft_device_health *h = &wdev->health;
	struct weft_last_run *last = &h->last[h->last_count++ % WEFT_HEALTH_LAST];

	lockdep_assert_held(&wdev->pool->lock);
	last->job_id = job->sched.id;
	last->tenant = job->client->account->sched.id;
	last->engine = job->run.engine;
	last->kernel = job->kernel;
	last->start_ns = job->start_ns;
	last->busy_ns = job->busy_ns;
	last->error = job->error;
	last->code = job->code;

	switch (job->error) {
	case 0:
		if (weft_health_slow(wdev, job)) {
			weft_health_count_locked(wdev, WEFT_BLAME_SLOW, job);
		} else if (h->bucket.level) {
			weft_bucket_good(&h->bucket, &h->limits, last->tenant, weft_now());
			weft_health_update_locked(wdev, DRM_WEFT_REASON_RECOVERED);
		}
		break;
	case -ECANCELED:
	case -ENODEV:
		/* its client's wish, or the device's loss, which is not the run's */
		break;
	case -ETIME:
		weft_health_count_locked(wdev, WEFT_BLAME_TIMEOUT, job);
		break;
	default:
		weft_health_count_locked(wdev, WEFT_BLAME_ERROR, job);
	}
}

static void weft_health_work(struct work_struct *work)
{
	struct weft_device_health *h =
		container_of(to_delayed_work(work), struct weft_device_health, work);
	struct weft_device *wdev = container_of(h, struct weft_device, health);
	struct weft_pool *pool = wdev->pool;
	u32 was = h->told, state, reason;
	u64 due;

	spin_lock(&pool->lock);
	state = h->state;
	reason = h->reason;
	spin_unlock(&pool->lock);
	h->told = state;

	if (state != was)
		weft_health_tell(wdev, was, state, reason);
	if (max(was, state) >= DRM_WEFT_HEALTH_DRAINING && was != state)
		weft_pool_devices_changed(pool);
	if (state == DRM_WEFT_HEALTH_QUARANTINED)
		weft_device_fence(wdev);
	else if (state == DRM_WEFT_HEALTH_DRAINING)
		weft_device_drain(wdev);

	spin_lock(&pool->lock);
	weft_bucket_look(&h->bucket, &h->limits, weft_now());
	weft_health_update_locked(wdev, DRM_WEFT_REASON_RECOVERED);
	due = weft_bucket_due(&h->bucket, &h->limits);
	if (due && !wdev->leaving)
		queue_delayed_work(pool->bind_wq, &h->work, nsecs_to_jiffies(due) + 1);
	spin_unlock(&pool->lock);
}

/* ------------------------------------------------------------------------ coming and going */

void weft_health_init(struct weft_device *wdev)
{
	wdev->health.limits = (struct weft_health_limits)WEFT_HEALTH_DEFAULTS;
	wdev->copy_timeout_ns = WEFT_COPY_TIMEOUT_DEFAULT;
	weft_leases_init(wdev);
	INIT_DELAYED_WORK(&wdev->health.work, weft_health_work);
}

void weft_health_enter_locked(struct weft_device *wdev)
{
	lockdep_assert_held(&wdev->pool->lock);
	WRITE_ONCE(wdev->health.state, weft_health_state(wdev));
	wdev->health.told = wdev->health.state;
	wdev->health.reason = DRM_WEFT_REASON_ADDED;
	wdev->health.drained = false;
}

void weft_health_added(struct weft_device *wdev)
{
	weft_health_send(wdev, READ_ONCE(wdev->health.state), DRM_WEFT_REASON_ADDED);
}

void weft_health_leave_locked(struct weft_device *wdev)
{
	weft_health_update_locked(wdev, DRM_WEFT_REASON_REMOVED);
}

void weft_health_removed(struct weft_device *wdev)
{
	cancel_delayed_work_sync(&wdev->health.work);
	weft_health_send(wdev, wdev->health.state, DRM_WEFT_REASON_REMOVED);
}

/* ----------------------------------------------------------------------- operators */

static int weft_health_set_ok(struct weft_device *wdev)
{
	struct weft_pool *pool;
	bool fenced;
	int ret = 0;

	/* what has stopped by itself comes back; a drain that moves copies already ends first */
	weft_stop_settle(wdev);
	mutex_lock(&wdev->reset_lock);
	pool = wdev->pool;
	if (!pool) {
		mutex_unlock(&wdev->reset_lock);
		return -ENODEV;
	}
	spin_lock(&pool->lock);
	fenced = wdev->lost || wdev->health.state == DRM_WEFT_HEALTH_QUARANTINED;
	if (wdev->leaving) {
		ret = -ENODEV;
	} else if (!fenced) {
		wdev->health.wish = DRM_WEFT_HEALTH_OK;
		wdev->health.drained = false;
		weft_bucket_empty(&wdev->health.bucket);
		weft_health_update_locked(wdev, DRM_WEFT_REASON_OPERATOR);
	}
	spin_unlock(&pool->lock);
	weft_pump_kick(pool);
	mutex_unlock(&wdev->reset_lock);
	if (!ret && fenced)
		ret = weft_device_reset(wdev);
	return ret;
}

static int weft_health_set_worse(struct weft_device *wdev, u32 wish)
{
	struct weft_device_health *h = &wdev->health;
	int ret = 0;

	down_read(&wdev->pool_lock);
	if (!wdev->pool) {
		up_read(&wdev->pool_lock);
		return -ENODEV;
	}
	spin_lock(&wdev->pool->lock);
	if (wdev->leaving) {
		ret = -ENODEV;
	} else if (h->state > wish) {
		ret = -EBUSY;
	} else {
		h->wish = wish;
		weft_health_update_locked(wdev, DRM_WEFT_REASON_OPERATOR);
	}
	spin_unlock(&wdev->pool->lock);
	up_read(&wdev->pool_lock);
	return ret;
}

int weft_health_set(struct weft_device *wdev, const char *word)
{
	int ret;

	if (sysfs_streq(word, "ok"))
		return weft_health_set_ok(wdev);
	if (sysfs_streq(word, "draining"))
		return weft_health_set_worse(wdev, DRM_WEFT_HEALTH_DRAINING);
	if (!sysfs_streq(word, "quarantined"))
		return -EINVAL;
	ret = weft_health_set_worse(wdev, DRM_WEFT_HEALTH_QUARANTINED);
	/* it touches nothing any more when the write returns */
	if (!ret)
		flush_delayed_work(&wdev->health.work);
	return ret;
}

void weft_health_limit(struct weft_device *wdev, u32 *limit, u32 value)
{
	struct weft_pool *pool;

	down_read(&wdev->pool_lock);
	WRITE_ONCE(*limit, value);
	pool = wdev->pool;
	if (pool) {
		spin_lock(&pool->lock);
		/* the work item looks, and may have to look at another time */
		if (!wdev->leaving)
			mod_delayed_work(pool->bind_wq, &wdev->health.work, 0);
		spin_unlock(&pool->lock);
	}
	up_read(&wdev->pool_lock);
}
