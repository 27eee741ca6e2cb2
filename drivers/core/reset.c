// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: abort, reset, loss
 *
 * A job that overran its deadline or was cancelled while it ran is aborted. If the backend cannot
 * abort it, the device is reset; if it cannot be reset, it is given up. Reset and loss are
 * the same to jobs: the device's memory is gone, so everything on it is taken back, late jobs that
 * are repeatable return to READY and the others end with ENODEV. In each step the device is quiet
 * before its memory is used again: an abort() or reset() that returned 0 says so, and if neither
 * does, the memory of the jobs concerned is quarantined.
 *
 * While a device is reset it counts as lost: binds under way fail and return their jobs. The reset
 * waits until the last user has left, drops every copy, and opens the device again.
 *
 * Rejected: resetting under the engine's lock (reset() sleeps), keeping copies across a reset
 * (no backend can promise it for all of memory).
 */
#include "core.h"
#include "trace.h"
#include "../memory/memory.h"

/* Any context; @job may be on its way out, then there is nothing to abort. */
void weft_job_abort_queue(struct weft_job *job)
{
	if (atomic_xchg(&job->abort_queued, 1))
		return;
	if (kref_get_unless_zero(&job->ref))
		queue_work(job->pool->bind_wq, &job->abort_work);
}

/* Timer context: the worker decides what to do. */
void weft_job_deadline(struct timer_list *timer)
{
	struct weft_job *job = timer_container_of(job, timer, deadline);

	weft_job_abort_queue(job);
}

static void weft_device_open_locked(struct weft_device *wdev, bool open)
{
	struct weft_pool *pool = wdev->pool;
	struct weft_sched_device to = wdev->sched;

	lockdep_assert_held(&pool->lock);
	to.open = open && !wdev->leaving && !wdev->gone && !wdev->suspended;
	if (to.open != wdev->sched.open)
		weft_sched_device_set(&pool->sched, &wdev->sched, &to, weft_now());
}

/* Let the scheduler place jobs on @wdev, unless something else is against it, or no more. */
void weft_device_open(struct weft_device *wdev, bool open)
{
	spin_lock(&wdev->pool->lock);
	weft_device_open_locked(wdev, open);
	spin_unlock(&wdev->pool->lock);
}

/* The backend answered ENODEV: it gets no more jobs until it unregisters the device. */
void weft_device_gone_locked(struct weft_device *wdev)
{
	/* while the core resets a device it is ENODEV to transfers, but comes back */
	if (READ_ONCE(wdev->lost))
		return;
	if (!wdev->gone)
		trace_fault(wdev, NULL, WEFT_FAULT_GONE, -ENODEV);
	wdev->gone = true;
	weft_device_open_locked(wdev, false);
}

/* The same for who holds nothing that keeps the device in its pool, or its pool's topology. */
void weft_device_gone(struct weft_device *wdev)
{
	/* on its way to another pool it has no jobs, and the next one to ask will hear the same */
	if (!down_read_trylock(&wdev->pool_lock))
		return;
	if (wdev->pool) {
		spin_lock(&wdev->pool->lock);
		weft_device_gone_locked(wdev);
		spin_unlock(&wdev->pool->lock);
	}
	up_read(&wdev->pool_lock);
}

static void weft_device_set_health(struct weft_device *wdev, u32 health)
{
	spin_lock(&wdev->pool->lock);
	wdev->health = health;
	spin_unlock(&wdev->pool->lock);
}

/*
 * Stop the device and take every job back. @victim, if any, is already TAKEN and ends with @error.
 * Return: true if the device is quiet.
 */
static bool weft_device_quiesce(struct weft_device *wdev, struct weft_job *victim, int error)
{
	struct weft_job **taken;
	u32 i, room = 0, count = 0;
	bool quiet;

	lockdep_assert_held(&wdev->reset_lock);
	for (i = 0; i < wdev->desc.engine_count; i++)
		room += wdev->engines[i].credits;
	taken = kcalloc(room, sizeof(*taken), GFP_KERNEL | __GFP_NOFAIL);

	weft_device_open(wdev, false);
	WRITE_ONCE(wdev->lost, true);
	weft_engine_stop(wdev, true);
	weft_engine_take_running(wdev, taken, &count);
	weft_telemetry_quiesce(wdev);

	quiet = wdev->ops->reset && wdev->ops->reset(wdev) == 0;
	atomic64_inc(&wdev->resets);
	if (!quiet) {
		trace_fault(wdev, victim, WEFT_FAULT_QUARANTINE, -EIO);
		dev_err(&wdev->dev, "cannot be reset: its memory is quarantined\n");
		WRITE_ONCE(wdev->quarantined, true);
		weft_device_set_health(wdev, DRM_WEFT_HEALTH_QUARANTINED);
	}
	if (victim) {
		if (!quiet)
			weft_residency_quarantine(victim);
		weft_engine_end_taken(victim, error);
	}
	for (i = 0; i < count; i++) {
		if (!quiet)
			weft_residency_quarantine(taken[i]);
		taken[i]->lost = true;
		weft_engine_end_taken(taken[i], -ENODEV);
	}
	kfree(taken);
	return quiet;
}

/**
 * weft_device_give_up() - the hardware is gone for good
 * @wdev: device, about to be unregistered
 */
void weft_device_give_up(struct weft_device *wdev)
{
	mutex_lock(&wdev->reset_lock);
	weft_device_quiesce(wdev, NULL, 0);
	mutex_unlock(&wdev->reset_lock);
}

static void weft_device_recover(struct weft_device *wdev, struct weft_job *victim, int error)
{
	lockdep_assert_held(&wdev->reset_lock);
	trace_fault(wdev, victim, WEFT_FAULT_RESET, error);
	if (!weft_device_quiesce(wdev, victim, error)) {
		weft_pool_devices_changed(wdev->pool);
		return;
	}
	wait_event(wdev->idle, !atomic_read(&wdev->users));
	weft_memory_device_evacuate(wdev, true);
	WRITE_ONCE(wdev->lost, false);
	weft_engine_stop(wdev, false);
	weft_device_open(wdev, true);
	weft_pump_kick(wdev->pool);
}

/**
 * weft_device_reset() - reset a device because an operator wants it
 * @wdev: device; runs on it are given back or fail as after a loss
 *
 * Return: 0; -ENODEV it is in no pool, leaves or is gone; -EIO it could not be reset and is
 * quarantined.
 */
int weft_device_reset(struct weft_device *wdev)
{
	int ret = 0;

	mutex_lock(&wdev->reset_lock);
	/* who leaves waits for @reset_lock after saying so */
	if (!wdev->pool || READ_ONCE(wdev->leaving) || READ_ONCE(wdev->gone) ||
	    READ_ONCE(wdev->lost)) {
		ret = -ENODEV;
	} else {
		weft_device_recover(wdev, NULL, 0);
		if (READ_ONCE(wdev->quarantined))
			ret = -EIO;
	}
	mutex_unlock(&wdev->reset_lock);
	return ret;
}

/* A running job has to end: its deadline passed or it was cancelled. */
void weft_job_abort_work(struct work_struct *work)
{
	struct weft_job *job = container_of(work, struct weft_job, abort_work);
	struct weft_pool *pool = job->pool;
	struct weft_device *wdev;
	int cancel, ret;

	atomic_set(&job->abort_queued, 0);
	/* job->wdev is stable while the job runs; the device object while we hold it */
	spin_lock(&pool->lock);
	wdev = job->wdev;
	if (wdev)
		get_device(&wdev->dev);
	cancel = job->cancel;
	spin_unlock(&pool->lock);
	if (!wdev)
		goto out;

	mutex_lock(&wdev->reset_lock);
	/* the deadline may have been that of an earlier run, on a device that was lost */
	if (!cancel && weft_now() < job->start_ns + job->run.timeout_ns)
		goto unlock;
	if (atomic_cmpxchg(&job->run_state, WEFT_RUN_RUNNING, WEFT_RUN_TAKEN) != WEFT_RUN_RUNNING)
		goto unlock;
	if (!cancel)
		trace_fault(wdev, job, WEFT_FAULT_TIMEOUT, -ETIME);
	ret = wdev->ops->abort ? wdev->ops->abort(wdev, &job->run) : -EOPNOTSUPP;
	if (ret) {
		dev_warn(&wdev->dev, "job %llu cannot be aborted: resetting the device\n",
			 job->sched.id);
		weft_device_recover(wdev, job, cancel ?: -ETIME);
	} else {
		weft_engine_end_taken(job, cancel ?: -ETIME);
	}
unlock:
	mutex_unlock(&wdev->reset_lock);
	put_device(&wdev->dev);
out:
	weft_job_put(job);
}
