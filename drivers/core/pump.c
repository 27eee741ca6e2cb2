// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the pump
 *
 * Engines report what started and ended to the pool's inbox, a lock-free list. A turn of the pump
 * takes some of it, tells the scheduler under the pool's lock in the order in which things
 * happened, asks it for decisions, lets go of the lock, and starts what was decided: at once if
 * all is resident, else by a bind worker. Then it retires the jobs that are done. Completions never
 * wait for it: by the time the pump hears of one, the engine already runs its next job.
 *
 * Turns are taken by a work item, or by a SUBMIT on its own stack: a job whose device is free and
 * whose buffers are there runs before the call returns, without a change of context, and what its
 * device completes at once is retired there, too. Such a caller meets what others left undone. It
 * works off no more than so many of their events, and leaves the rest to the work item; it never
 * waits for a turn. A turn sleeps nowhere and takes no memory: early jobs are signalled in it.
 *
 * Rejected: helping whoever has the turn by handing jobs over (the inbox does that already).
 */
#include <linux/dma-fence.h>

#include "core.h"
#include "early.h"
#include "trace.h"
#include "../memory/memory.h"

#define WEFT_MAX_RUNS		16	/* of a job whose devices are lost under it */
#define WEFT_MAX_STALE_RUNS	4	/* of one whose contexts are: they cost nobody else */
#define WEFT_PUMP_EVENTS	64	/* per turn: others get the lock between turns */
#define WEFT_PUMP_PICKS		64	/* decisions per turn */
#define WEFT_PUMP_TURNS		64	/* in a SUBMIT */
#define WEFT_PUMP_OTHERS	32	/* events and decisions of others in a SUBMIT */
#define WEFT_PUMP_SEAT		1024	/* the same for a process that brings completions */
#define WEFT_PUMP_SOON		2	/* ticks until others free what such a one retired */

/**
 * struct weft_pump_guest - whose stack the pump is on
 * @client: not counted among the others
 * @others: events and decisions of others that are left
 */
struct weft_pump_guest {
	struct weft_client *client;
	u32 others;
};

void weft_pump_kick(struct weft_pool *pool)
{
	queue_work(pool->pump_wq, &pool->pump_work);
}

/* Any context. */
void weft_pump_post(struct weft_pool *pool, struct weft_event *event)
{
	llist_add(&event->node, &pool->inbox);
	if (!weft_pump_here(pool))
		weft_pump_kick(pool);
}

/* The run of @job is over: settle its buffers before anybody who waits for them can bind. */
static void weft_pump_settle(struct weft_job *job)
{
	/* one that it followed has failed: it read what nobody wrote */
	if (READ_ONCE(job->sched.poisoned) && !job->error)
		job->error = -ECANCELED;
	job->again = job->lost && !READ_ONCE(job->cancel) && weft_job_repeatable(job);
	/* it may be the job that they die of */
	if (job->runs >= (job->stale ? WEFT_MAX_STALE_RUNS : WEFT_MAX_RUNS))
		job->again = false;
	if (job->again) {
		/* what it wrote is gone with the device's memory: nothing changed */
		weft_residency_unbind(job, false, 0);
	} else {
		if (job->lost)
			job->error = READ_ONCE(job->cancel) ?: -ENODEV;
		weft_residency_unbind(job, true, job->error);
	}
	weft_context_put(job);
}

static void weft_pump_ended_locked(struct weft_job *job, u64 now)
{
	struct weft_pool *pool = job->pool;
	struct weft_device *wdev = job->wdev;
	bool ran = job->began;

	lockdep_assert_held(&pool->lock);
	if (!job->sched.aside)
		job->engine->assigned--;
	if (ran)
		weft_busy_end_locked(job);
	if (ran && job->lease)
		weft_lease_over_locked(job);
	if (job->lost && !job->stale)
		weft_device_gone_locked(wdev);
	if (job->again) {
		job->again = false;
		job->lost = false;
		job->wdev = NULL;
		weft_chain_back_locked(job);
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
	if (ran && !job->lease)
		weft_health_run_locked(wdev, job);
	job->sched.disturbed = ran && job->run.disturbed;
	weft_sched_job_done(&pool->sched, &job->sched, job->error, ran ? job->busy_ns : 0, now);
	if (ran) {
		atomic64_inc(&wdev->jobs_done);
		if (job->error)
			atomic64_inc(&wdev->jobs_failed);
	}
	list_add_tail(&job->finish_node, &pool->finished);
}

/* Is @job one more than a guest has to care for? */
static bool weft_pump_too_many(struct weft_pump_guest *guest, const struct weft_job *job)
{
	if (!guest || job->client == guest->client)
		return false;
	if (!guest->others)
		return true;
	guest->others--;
	return false;
}

/* Take some of what engines reported, oldest first. */
static struct llist_node *weft_pump_take(struct weft_pool *pool, struct weft_pump_guest *guest)
{
	struct llist_node *first, **end;
	u32 i;

	lockdep_assert_held(&pool->pump_turn);
	if (!pool->pending)
		pool->pending = llist_reverse_order(llist_del_all(&pool->inbox));
	first = pool->pending;
	end = &first;
	for (i = 0; *end && i < WEFT_PUMP_EVENTS; i++) {
		if (weft_pump_too_many(guest, llist_entry(*end, struct weft_event, node)->job))
			break;
		end = &(*end)->next;
	}
	pool->pending = *end;
	*end = NULL;
	return first;
}

static void weft_pump_events_locked(struct weft_pool *pool, struct llist_node *events, u64 now)
{
	struct weft_event *event, *next;

	lockdep_assert_held(&pool->lock);
	llist_for_each_entry_safe(event, next, events, node) {
		if (event->type == WEFT_EVENT_STARTED) {
			weft_busy_start_locked(event->job);
			if (event->job->lease)
				weft_lease_began_locked(event->job);
			weft_sched_job_running(&pool->sched, &event->job->sched, now);
		} else if (!event->job->chained) {
			weft_pump_ended_locked(event->job, now);
		}
	}
}

/* Decide; the jobs chosen are chained for binding. Returns true if there may be more to decide. */
static bool weft_pump_pick_locked(struct weft_pool *pool, struct weft_pump_guest *guest, u64 now,
				  struct list_head *picked)
{
	struct weft_sched_decision d;
	struct weft_job *job;
	u32 i;

	lockdep_assert_held(&pool->lock);
	for (i = 0; i < WEFT_PUMP_PICKS; i++) {
		if (guest && !guest->others)
			break;
		if (!weft_sched_pick(&pool->sched, now, &d))
			return false;
		job = to_weft_job(d.job);
		if (job->sched.state == WEFT_JOB_BOUND) {
			job->pick_seq = ++pool->pick_seq;
			weft_early_resume_locked(job);
			weft_pump_too_many(guest, job);
			continue;
		}
		job->wdev = container_of(d.device, struct weft_device, sched);
		job->bind_ns = now;
		job->pick_seq = ++pool->pick_seq;
		weft_device_user_get(job->wdev);
		if (job->wdev->desc.caps & WEFT_CAP_CHAINS)
			weft_chain_cover_locked(job);
		trace_job_bind(job);
		list_add_tail(&job->finish_node, picked);
		weft_pump_too_many(guest, job);
	}
	return true;
}

/*
 * Settle the jobs that ended, before the scheduler hears of them. Those that were BOUND before what
 * they wait for was DONE have to wait until it has heard of that.
 */
static void weft_pump_settle_all(struct weft_pool *pool, struct llist_node *events)
{
	struct weft_event *event;

	lockdep_assert_held(&pool->pump_turn);
	llist_for_each_entry(event, events, node) {
		if (event->type != WEFT_EVENT_ENDED)
			continue;
		if (event->job->chained)
			list_add_tail(&event->job->finish_node, &pool->held);
		else
			weft_pump_settle(event->job);
	}
}

/* The first job of those held that the scheduler may hear of, or NULL. */
static struct weft_job *weft_pump_due_locked(struct weft_pool *pool)
{
	struct weft_job *job;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(job, &pool->held, finish_node) {
		if (!weft_chain_due_locked(job))
			continue;
		list_del_init(&job->finish_node);
		return job;
	}
	return NULL;
}

/* Returns true if there may be more to do. */
static bool weft_pump_turn(struct weft_pool *pool, struct weft_pump_guest *guest)
{
	struct llist_node *events = weft_pump_take(pool, guest);
	struct weft_job *job, *next;
	LIST_HEAD(picked);
	bool more;
	u64 now;

	weft_pump_settle_all(pool, events);
	spin_lock(&pool->lock);
	now = weft_now();
	weft_pump_events_locked(pool, events, now);
	while ((job = weft_pump_due_locked(pool))) {
		spin_unlock(&pool->lock);
		weft_pump_settle(job);
		spin_lock(&pool->lock);
		now = weft_now();
		weft_pump_ended_locked(job, now);
	}
	more = weft_pump_pick_locked(pool, guest, now, &picked);
	spin_unlock(&pool->lock);

	list_for_each_entry_safe(job, next, &picked, finish_node) {
		list_del_init(&job->finish_node);
		/* once it is BOUND others may be READY */
		more |= job->wdev->desc.caps & WEFT_CAP_CHAINS;
		if (!weft_job_bind_try(job))
			queue_work(pool->bind_wq, &job->bind_work);
	}
	weft_pump_retire(pool);
	return more || pool->pending || !llist_empty(&pool->inbox);
}

void weft_pump_work(struct work_struct *work)
{
	struct weft_pool *pool = container_of(work, struct weft_pool, pump_work);
	bool more, cookie;

	/* early jobs are signalled from here */
	cookie = dma_fence_begin_signalling();
	mutex_lock(&pool->pump_turn);
	more = weft_pump_turn(pool, NULL);
	mutex_unlock(&pool->pump_turn);
	dma_fence_end_signalling(cookie);
	if (more)
		weft_pump_kick(pool);
}

/* Take turns on the caller's stack. Returns true if something may be left to do. */
static bool weft_pump_turns(struct weft_pool *pool, struct weft_pump_guest *guest)
{
	u32 turns = WEFT_PUMP_TURNS;
	bool more;

	lockdep_assert_held(&pool->pump_turn);
	do {
		more = weft_pump_turn(pool, guest);
	} while (more && guest->others && --turns && !need_resched());
	return more;
}

void weft_pump_inline(struct weft_client *client)
{
	struct weft_pump_guest guest = { .client = client, .others = WEFT_PUMP_OTHERS };
	struct weft_pool *pool = client->pool;
	bool more, cookie;

	cookie = dma_fence_begin_signalling();
	if (!mutex_trylock(&pool->pump_turn)) {
		dma_fence_end_signalling(cookie);
		weft_pump_kick(pool);
		return;
	}
	WRITE_ONCE(pool->pumper, current);
	more = weft_pump_turns(pool, &guest);
	WRITE_ONCE(pool->pumper, NULL);
	more = more || !llist_empty(&pool->inbox);
	mutex_unlock(&pool->pump_turn);
	dma_fence_end_signalling(cookie);
	if (more)
		weft_pump_kick(pool);
	weft_job_release(pool);
}

/*
 * What was retired is not freed here: that may mean to ask the device for something, and to wait
 * for an answer of the very process that is on its way back. Whoever waited for the jobs does it.
 */
void weft_pump_device(struct weft_device *wdev)
{
	struct weft_pump_guest guest = { .others = WEFT_PUMP_SEAT };
	struct weft_pool *pool = wdev->pool;
	bool ours, more, cookie;
	u32 i;

	cookie = dma_fence_begin_signalling();
	ours = mutex_trylock(&pool->pump_turn);
	if (ours)
		WRITE_ONCE(pool->pumper, current);
	for (i = 0; i < wdev->desc.engine_count; i++)
		weft_engine_kick(&wdev->engines[i]);
	if (ours) {
		more = weft_pump_turns(pool, &guest);
		WRITE_ONCE(pool->pumper, NULL);
		more = more || !llist_empty(&pool->inbox);
		mutex_unlock(&pool->pump_turn);
		if (more)
			weft_pump_kick(pool);
	}
	dma_fence_end_signalling(cookie);
	if (ours && !llist_empty(&pool->release_list))
		queue_delayed_work(pool->bind_wq, &pool->release_soon, WEFT_PUMP_SOON);
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
