// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the pump
 *
 * Engines report what started and ended to the pool's inbox, a lock-free list. The pump empties
 * it under the pool's lock, tells the scheduler in the order in which things happened, asks it
 * for decisions, lets go of the lock and only then does what may take time: it queues the binds
 * that were decided and retires the jobs that are done. Completions never wait for it: by the
 * time the pump hears of one, the engine already runs its next job.
 *
 * The pump is a work item: it is never entered twice at once, and it sleeps nowhere. Deciding
 * on the submitter's stack (the inline path) will call the same function after a trylock.
 */
#include <linux/dma-fence.h>

#include "core.h"
#include "trace.h"
#include "../memory/memory.h"

#define WEFT_PUMP_PICKS	64	/* decisions per turn: others get the lock between turns */

void weft_pump_kick(struct weft_pool *pool)
{
	queue_work(pool->pump_wq, &pool->pump_work);
}

/* Any context. */
void weft_pump_post(struct weft_pool *pool, struct weft_event *event)
{
	llist_add(&event->node, &pool->inbox);
	weft_pump_kick(pool);
}

/* The run of @job is over: settle its buffers before anybody who waits for them can bind. */
static void weft_pump_settle(struct weft_job *job)
{
	job->again = job->lost && !READ_ONCE(job->cancel) && weft_job_repeatable(job);
	if (job->again) {
		/* what it wrote is gone with the device's memory: nothing changed */
		weft_residency_unbind(job, false, 0);
		return;
	}
	if (job->lost)
		job->error = READ_ONCE(job->cancel) ?: -ENODEV;
	weft_residency_unbind(job, true, job->error);
}

static void weft_pump_ended_locked(struct weft_job *job, u64 now)
{
	struct weft_pool *pool = job->pool;
	struct weft_device *wdev = job->wdev;
	bool ran = atomic_read(&job->run_state) != WEFT_RUN_NONE;

	lockdep_assert_held(&pool->lock);
	job->engine->assigned--;
	if (ran)
		weft_busy_end_locked(job);
	if (job->lost)
		weft_device_gone_locked(wdev);
	if (job->again) {
		job->again = false;
		job->lost = false;
		job->wdev = NULL;
		weft_sched_job_return(&pool->sched, &job->sched, WEFT_RETURN_DEVICE_LOST,
				      ran ? job->busy_ns : 0, now);
		weft_device_user_put(wdev);
		/* cancelled meanwhile: it is READY, so it can simply be ended */
		if (job->cancel)
			weft_job_end_locked(job, job->cancel);
		else
			weft_pool_check_locked(pool, job);
		return;
	}
	if (ran)
		weft_health_run_locked(wdev, job);
	weft_sched_job_done(&pool->sched, &job->sched, job->error, ran ? job->busy_ns : 0, now);
	if (ran) {
		atomic64_inc(&wdev->jobs_done);
		if (job->error)
			atomic64_inc(&wdev->jobs_failed);
	}
	list_add_tail(&job->finish_node, &pool->finished);
}

/* Take what engines reported, oldest first. */
static struct llist_node *weft_pump_take(struct weft_pool *pool)
{
	return llist_reverse_order(llist_del_all(&pool->inbox));
}

static void weft_pump_events_locked(struct weft_pool *pool, struct llist_node *events, u64 now)
{
	struct weft_event *event, *next;

	lockdep_assert_held(&pool->lock);
	llist_for_each_entry_safe(event, next, events, node) {
		if (event->type == WEFT_EVENT_STARTED) {
			weft_busy_start_locked(event->job);
			weft_sched_job_running(&pool->sched, &event->job->sched, now);
		} else {
			weft_pump_ended_locked(event->job, now);
		}
	}
}

/* Decide; the jobs chosen are chained for binding. Returns true if there may be more to decide. */
static bool weft_pump_pick_locked(struct weft_pool *pool, u64 now, struct list_head *picked)
{
	struct weft_sched_decision d;
	struct weft_job *job;
	u32 i;

	lockdep_assert_held(&pool->lock);
	for (i = 0; i < WEFT_PUMP_PICKS; i++) {
		if (!weft_sched_pick(&pool->sched, now, &d))
			return false;
		job = to_weft_job(d.job);
		job->wdev = container_of(d.device, struct weft_device, sched);
		job->bind_ns = now;
		job->pick_seq = ++pool->pick_seq;
		weft_device_user_get(job->wdev);
		trace_job_bind(job);
		list_add_tail(&job->finish_node, picked);
	}
	return true;
}

void weft_pump_work(struct work_struct *work)
{
	struct weft_pool *pool = container_of(work, struct weft_pool, pump_work);
	struct llist_node *events = weft_pump_take(pool);
	struct weft_event *event;
	struct weft_job *job, *next;
	LIST_HEAD(picked);
	bool more, cookie;
	u64 now;

	/* early jobs are signalled from here */
	cookie = dma_fence_begin_signalling();

	llist_for_each_entry(event, events, node)
		if (event->type == WEFT_EVENT_ENDED)
			weft_pump_settle(event->job);

	spin_lock(&pool->lock);
	now = weft_now();
	weft_pump_events_locked(pool, events, now);
	more = weft_pump_pick_locked(pool, now, &picked);
	spin_unlock(&pool->lock);

	list_for_each_entry_safe(job, next, &picked, finish_node) {
		list_del_init(&job->finish_node);
		queue_work(pool->bind_wq, &job->bind_work);
	}
	weft_pump_retire(pool);
	if (more || !llist_empty(&pool->inbox))
		weft_pump_kick(pool);
	dma_fence_end_signalling(cookie);
}

/**
 * weft_pump_retire() - retire the jobs on pool->finished
 * @pool: pool
 *
 * Context: process, no locks.
 */
void weft_pump_retire(struct weft_pool *pool)
{
	struct weft_job *job, *next;
	LIST_HEAD(finished);

	spin_lock(&pool->lock);
	list_splice_init(&pool->finished, &finished);
	spin_unlock(&pool->lock);

	list_for_each_entry_safe(job, next, &finished, finish_node) {
		list_del_init(&job->finish_node);
		weft_job_retire(job);
	}
}
