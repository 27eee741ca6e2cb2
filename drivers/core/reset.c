// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: abort, reset, loss
 *
 * A job that overran its deadline or was cancelled while it ran is aborted. If the backend cannot
 * abort it, the device is reset; if it cannot be reset, it is given up. Reset and loss are
 * the same to jobs: the device's memory is gone, so everything on it is taken back, late jobs that
 * are repeatable return to READY and the others end with ENODEV. In each step the device is quiet
 * before its memory is used again: an abort() or reset() that returned 0 says so. If neither does,
 * what the device could still write is quarantined: its own memory until a reset succeeds, host
 * pages for good unless the bus could be cut.
 *
 * While a device is reset it counts as lost: binds under way fail and return their jobs. The reset
 * waits until the last user has left, drops every copy, and opens the device again, as far as its
 * health allows. @reset_lock makes resets, drains, fences and removals take turns.
 *
 * Early jobs may wait for each of these stops, so up to the end of the last job it is a
 * fence-signalling section, under @stop_lock alone, in which nothing is allocated; also for late
 * jobs, behind which early ones may wait. What comes after the stop (to wait for users, to move
 * copies, to give a dump away) is @after_work's, under @reset_lock.
 *
 * Rejected: resetting under the engine's lock (reset() sleeps), keeping copies across a reset
 * (no backend can promise it for all of memory).
 */
#include <linux/dma-fence.h>
#include <linux/pci.h>

#include "core.h"
#include "early.h"
#include "trace.h"
#include "../memory/memory.h"

/* Any context; @job may be on its way out, then there is nothing to abort. */
void weft_job_abort_queue(struct weft_job *job)
{
	if (atomic_xchg(&job->abort_queued, 1))
		return;
	if (kref_get_unless_zero(&job->ref))
		queue_work(job->abort_wq, &job->abort_work);
}

/*
 * Look at @job in @ns. This may be early: on a host that stood still jiffies are behind the clock
 * until the next tick, so the worker asks the clock and arms it again.
 */
void weft_job_arm(struct weft_job *job, u64 ns)
{
	u64 ticks = min_t(u64, nsecs_to_jiffies64(ns) + 2, MAX_JIFFY_OFFSET);

	mod_timer(&job->deadline, jiffies + ticks);
}

/* Timer context: the worker decides what to do. */
void weft_job_deadline(struct timer_list *timer)
{
	struct weft_job *job = timer_container_of(job, timer, deadline);

	weft_job_abort_queue(job);
}

bool weft_device_may_open(const struct weft_device *wdev)
{
	lockdep_assert_held(&wdev->pool->lock);
	return !wdev->lost && !wdev->leaving && !wdev->gone && !wdev->suspended &&
	       weft_health_usable(wdev);
}

/* Open or close @wdev as its state demands. */
void weft_device_reopen_locked(struct weft_device *wdev)
{
	struct weft_pool *pool = wdev->pool;
	struct weft_sched_device to = wdev->sched;

	lockdep_assert_held(&pool->lock);
	to.open = weft_device_may_open(wdev);
	if (to.open != wdev->sched.open)
		weft_sched_device_set(&pool->sched, &wdev->sched, &to, weft_now());
}

/* The backend answered ENODEV: it gets no more jobs until it unregisters the device. */
void weft_device_gone_locked(struct weft_device *wdev)
{
	/* while the core resets a device it is ENODEV to transfers, but comes back */
	if (READ_ONCE(wdev->lost) || wdev->gone)
		return;
	trace_fault(wdev, NULL, WEFT_FAULT_GONE, -ENODEV);
	wdev->gone = true;
	weft_health_update_locked(wdev, DRM_WEFT_REASON_GONE);
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

/*
 * Nothing stops the device: keep it from host memory at least. A read completion pushes the
 * writes before it out of the fabric; a device that was pulled reads as ones and writes nothing.
 */
static bool weft_device_cut_bus(struct weft_device *wdev)
{
	struct pci_dev *pdev;
	u16 command;

	if (!wdev->dev.parent || !dev_is_pci(wdev->dev.parent))
		return false;
	pdev = to_pci_dev(wdev->dev.parent);
	pci_clear_master(pdev);
	return !pci_read_config_word(pdev, PCI_COMMAND, &command) ?
	       !(command & PCI_COMMAND_MASTER) || PCI_POSSIBLE_ERROR(command) : true;
}

static void weft_device_restore_bus(struct weft_device *wdev)
{
	if (wdev->bus_cut && dev_is_pci(wdev->dev.parent))
		pci_set_master(to_pci_dev(wdev->dev.parent));
	wdev->bus_cut = false;
}

bool weft_device_writes_on(struct weft_device *wdev)
{
	wait_event(wdev->idle, !READ_ONCE(wdev->resetting));
	return READ_ONCE(wdev->quarantined) && !READ_ONCE(wdev->bus_cut);
}

/* Begin and end a part in which a fence may wait for @wdev. */
static bool weft_stop_begin(struct weft_device *wdev)
{
	bool cookie = wdev->desc.caps & WEFT_CAP_EARLY ? dma_fence_begin_signalling() : false;

	mutex_lock(&wdev->stop_lock);
	return cookie;
}

static void weft_stop_end(struct weft_device *wdev, bool cookie)
{
	mutex_unlock(&wdev->stop_lock);
	if (wdev->desc.caps & WEFT_CAP_EARLY)
		dma_fence_end_signalling(cookie);
}

/* Ask the backend for a reset, and settle what may be relied on from now on. */
static bool weft_device_stop(struct weft_device *wdev, struct weft_job *victim)
{
	bool quiet;

	lockdep_assert_held(&wdev->stop_lock);
	WRITE_ONCE(wdev->resetting, true);
	quiet = !wdev->ops->reset(wdev);
	atomic64_inc(&wdev->resets);
	if (quiet) {
		weft_device_restore_bus(wdev);
	} else {
		atomic64_inc(&wdev->health.resets_failed);
		wdev->bus_cut = weft_device_cut_bus(wdev);
		trace_fault(wdev, victim, WEFT_FAULT_QUARANTINE, -EIO);
		dev_err(&wdev->dev, "cannot be reset: its memory is quarantined%s\n",
			wdev->bus_cut ? ", its way to host memory is cut" : "");
	}
	spin_lock(&wdev->pool->lock);
	WRITE_ONCE(wdev->quarantined, !quiet);
	if (!quiet)
		weft_health_update_locked(wdev, DRM_WEFT_REASON_RESET_FAILED);
	spin_unlock(&wdev->pool->lock);
	WRITE_ONCE(wdev->resetting, false);
	wake_up_all(&wdev->idle);
	return quiet;
}

/*
 * Stop the device and take every job back. @victim, if any, is already TAKEN and ends with @error.
 * Return: true if the device is quiet.
 */
static bool weft_device_quiesce(struct weft_device *wdev, struct weft_job *victim, int error)
{
	struct weft_job *job, *next;
	LIST_HEAD(taken);
	bool quiet;

	lockdep_assert_held(&wdev->stop_lock);
	spin_lock(&wdev->pool->lock);
	WRITE_ONCE(wdev->lost, true);
	weft_device_reopen_locked(wdev);
	spin_unlock(&wdev->pool->lock);
	weft_engine_stop(wdev, true);
	weft_engine_take_running(wdev, &taken);
	weft_telemetry_quiesce(wdev);

	quiet = weft_device_stop(wdev, victim);
	if (victim) {
		if (!quiet)
			weft_residency_quarantine(victim);
		weft_engine_end_taken(victim, error);
	}
	list_for_each_entry_safe(job, next, &taken, finish_node) {
		list_del_init(&job->finish_node);
		if (!quiet)
			weft_residency_quarantine(job);
		job->lost = true;
		weft_engine_end_taken(job, -ENODEV);
	}
	return quiet;
}

/* The same for who goes on to what follows. @why: leave a dump first, or NULL. */
static bool weft_device_halt(struct weft_device *wdev, const char *why)
{
	bool cookie, quiet;

	lockdep_assert_held(&wdev->reset_lock);
	cookie = weft_stop_begin(wdev);
	if (why)
		weft_coredump(wdev, NULL, why);
	/* whoever would have brought it back finds it done */
	wdev->recovers = false;
	quiet = weft_device_quiesce(wdev, NULL, 0);
	weft_stop_end(wdev, cookie);
	return quiet;
}

/**
 * weft_device_give_up() - the hardware is gone for good
 * @wdev: device, about to be unregistered
 */
void weft_device_give_up(struct weft_device *wdev)
{
	mutex_lock(&wdev->reset_lock);
	weft_device_halt(wdev, NULL);
	mutex_unlock(&wdev->reset_lock);
}

/* After weft_device_quiesce(): nothing that was on the device is there any more. */
static void weft_device_forget(struct weft_device *wdev)
{
	lockdep_assert_held(&wdev->reset_lock);
	wait_event(wdev->idle, !atomic_read(&wdev->users));
	weft_memory_device_evacuate(wdev, true);
	weft_contexts_open(wdev, false);
}

/* It is quiet and empty: it may take jobs again, as far as its health allows. */
static void weft_device_return(struct weft_device *wdev)
{
	lockdep_assert_held(&wdev->reset_lock);
	weft_memory_device_quiet(wdev);
	weft_contexts_open(wdev, true);
	wdev->health.drained = false;
	weft_engine_stop(wdev, false);
	spin_lock(&wdev->pool->lock);
	WRITE_ONCE(wdev->lost, false);
	weft_health_update_locked(wdev, DRM_WEFT_REASON_RESET);
	spin_unlock(&wdev->pool->lock);
	weft_pump_kick(wdev->pool);
}

static void weft_device_recover(struct weft_device *wdev, struct weft_job *victim, int error,
				const char *why)
{
	lockdep_assert_held(&wdev->stop_lock);
	trace_fault(wdev, victim, WEFT_FAULT_RESET, error);
	weft_coredump(wdev, victim, why);
	weft_health_fault(wdev, WEFT_BLAME_RESET, victim);
	/* before anybody can see that the victim has ended */
	wdev->recovers = true;
	queue_work(wdev->pool->bind_wq, &wdev->after_work);
	weft_device_quiesce(wdev, victim, error);
}

/**
 * weft_device_stuck() - the copies of a device do not end any more
 * @wdev: device; the caller's copy keeps it in its pool
 *
 * Resets the device, unless somebody did so already, and comes back when each copy has ended: the
 * backend's reset() sees to that. Jobs fare as they do when one cannot be aborted.
 *
 * Context: process; any lock that may be held while a copy is awaited.
 */
void weft_device_stuck(struct weft_device *wdev)
{
	bool cookie = weft_stop_begin(wdev);

	if (!READ_ONCE(wdev->lost)) {
		dev_warn(&wdev->dev, "its copies do not end: resetting the device\n");
		weft_device_recover(wdev, NULL, -ETIME, "its copies do not end");
	}
	weft_stop_end(wdev, cookie);
}

/* A stop is over: what it had no memory for. */
static void weft_stop_after_work(struct work_struct *work)
{
	struct weft_device *wdev = container_of(work, struct weft_device, after_work);
	bool recovers;

	mutex_lock(&wdev->reset_lock);
	weft_coredump_send(wdev);
	mutex_lock(&wdev->stop_lock);
	recovers = wdev->recovers;
	wdev->recovers = false;
	mutex_unlock(&wdev->stop_lock);
	if (recovers) {
		weft_device_forget(wdev);
		/* who fences a quarantined device found it stopped */
		if (!wdev->quarantined &&
		    READ_ONCE(wdev->health.state) != DRM_WEFT_HEALTH_QUARANTINED)
			weft_device_return(wdev);
	}
	mutex_unlock(&wdev->reset_lock);
}

int weft_stop_init(struct weft_device *wdev)
{
	/* of a device that never has early jobs nothing is promised, nor of its locks */
	static struct lock_class_key late_stop, late_telemetry;

	mutex_init(&wdev->reset_lock);
	mutex_init(&wdev->stop_lock);
	mutex_init(&wdev->telemetry_lock);
	if (!(wdev->desc.caps & WEFT_CAP_EARLY)) {
		lockdep_set_class(&wdev->stop_lock, &late_stop);
		lockdep_set_class(&wdev->telemetry_lock, &late_telemetry);
	}
	INIT_WORK(&wdev->after_work, weft_stop_after_work);
	return weft_coredump_init(wdev);
}

void weft_stop_fini(struct weft_device *wdev)
{
	weft_coredump_fini(wdev);
	mutex_destroy(&wdev->telemetry_lock);
	mutex_destroy(&wdev->stop_lock);
	mutex_destroy(&wdev->reset_lock);
}

void weft_stop_settle(struct weft_device *wdev)
{
	/* one under way has queued what follows it before it lets go */
	mutex_lock(&wdev->stop_lock);
	mutex_unlock(&wdev->stop_lock);
	flush_work(&wdev->after_work);
}

/**
 * weft_device_reset() - an operator resets the device
 * @wdev: device
 *
 * Jobs on it are taken back as from a lost device. If it succeeds the device is as new: its
 * faults are forgotten, a quarantine ends. Whoever wants it draining still does.
 *
 * Return: 0, -EIO it is quarantined, -ENODEV it is in no pool, leaves or is gone.
 */
int weft_device_reset(struct weft_device *wdev)
{
	struct weft_device_health *h = &wdev->health;
	int ret = 0;

	weft_stop_settle(wdev);
	mutex_lock(&wdev->reset_lock);
	if (!wdev->pool || READ_ONCE(wdev->leaving) || READ_ONCE(wdev->gone)) {
		ret = -ENODEV;
		goto unlock;
	}
	if (!weft_device_halt(wdev, "an operator resets the device"))
		ret = -EIO;
	weft_coredump_send(wdev);
	weft_device_forget(wdev);
	if (ret)
		goto unlock;
	spin_lock(&wdev->pool->lock);
	weft_bucket_empty(&h->bucket);
	if (h->wish == DRM_WEFT_HEALTH_QUARANTINED)
		h->wish = DRM_WEFT_HEALTH_OK;
	spin_unlock(&wdev->pool->lock);
	weft_device_return(wdev);
unlock:
	mutex_unlock(&wdev->reset_lock);
	return ret;
}

static bool weft_device_drains(const struct weft_device *wdev)
{
	return READ_ONCE(wdev->health.state) == DRM_WEFT_HEALTH_DRAINING &&
	       !READ_ONCE(wdev->leaving) && !READ_ONCE(wdev->gone);
}

/*
 * The device is draining: once it is idle, move what is only there to the host. Given up as soon
 * as the device is anything but draining.
 */
void weft_device_drain(struct weft_device *wdev)
{
	bool again;

	do {
		wait_event(wdev->idle, !atomic_read(&wdev->users) || !weft_device_drains(wdev));
		mutex_lock(&wdev->reset_lock);
		/* it may have been open in between: who aborts its jobs wants the lock */
		again = weft_device_drains(wdev) && atomic_read(&wdev->users);
		if (!again && weft_device_drains(wdev) && !wdev->lost && !wdev->health.drained) {
			weft_memory_device_evacuate(wdev, false);
			wdev->health.drained = true;
		}
		mutex_unlock(&wdev->reset_lock);
	} while (again);
}

/* The device is quarantined, but may not have been stopped yet. */
void weft_device_fence(struct weft_device *wdev)
{
	mutex_lock(&wdev->reset_lock);
	if (READ_ONCE(wdev->health.state) == DRM_WEFT_HEALTH_QUARANTINED &&
	    !READ_ONCE(wdev->leaving) && !wdev->lost) {
		weft_device_halt(wdev, NULL);
		weft_device_forget(wdev);
	}
	mutex_unlock(&wdev->reset_lock);
}

/* @job, on @wdev, has to end: its deadline passed or it was cancelled. */
static void weft_job_abort(struct weft_job *job, struct weft_device *wdev, int cancel)
{
	u64 now, until;
	int ret;

	lockdep_assert_held(&wdev->stop_lock);
	/* the deadline of an earlier run, on a device that was lost; or too early: look again */
	if (!cancel && !smp_load_acquire(&job->began))
		return;
	now = weft_now();
	until = job->start_ns + job->run.timeout_ns;
	if (!cancel && now < until) {
		if (atomic_read(&job->run_state) == WEFT_RUN_RUNNING)
			weft_job_arm(job, until - now);
		return;
	}
	if (job->lease) {
		weft_lease_due(job, wdev, cancel);
		return;
	}
	if (atomic_cmpxchg(&job->run_state, WEFT_RUN_RUNNING, WEFT_RUN_TAKEN) != WEFT_RUN_RUNNING)
		return;
	if (!cancel) {
		trace_fault(wdev, job, WEFT_FAULT_TIMEOUT, -ETIME);
		weft_coredump(wdev, job, "a job ran into its deadline");
	}
	ret = wdev->ops->abort ? wdev->ops->abort(wdev, &job->run) : -EOPNOTSUPP;
	/* it has not taken too long: its device is gone, and nobody had noticed */
	job->lost = ret == -ENODEV && !cancel;
	if (ret) {
		dev_warn(&wdev->dev, "job %llu cannot be aborted: resetting the device\n",
			 job->sched.id);
		weft_device_recover(wdev, job, cancel ?: -ETIME, "a job cannot be aborted");
	} else {
		weft_engine_end_taken(job, cancel ?: -ETIME);
	}
}

void weft_job_abort_work(struct work_struct *work)
{
	struct weft_job *job = container_of(work, struct weft_job, abort_work);
	struct weft_pool *pool = job->pool;
	struct weft_device *wdev;
	bool cookie;
	int cancel;

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
	/* published, and what it waits for does not come */
	if (job->early && atomic_read(&job->run_state) == WEFT_RUN_NONE) {
		weft_job_cancel(job, -ETIME);
	} else {
		cookie = weft_stop_begin(wdev);
		weft_job_abort(job, wdev, cancel);
		weft_stop_end(wdev, cookie);
	}
	put_device(&wdev->dev);
out:
	weft_job_put_abort(job);
}
