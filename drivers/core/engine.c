// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: engines
 *
 * An engine holds the jobs that are BOUND to it and those the device is RUNNING. A completion, in
 * whatever context, puts the job on a lock-free list and kicks the engine: whoever gets the
 * engine's lock takes finished jobs off, starts the next ones and reports both to the pool's inbox.
 * Who does not get the lock leaves: the holder looks again after letting go (the kick count
 * tells it that something came in). So run() may complete synchronously, and a device never
 * waits for a worker between two jobs.
 *
 * Every path that changes the lists under the lock ends in weft_engine_kick() after unlocking.
 *
 * Rejected: one completion worker per device (a context switch between two jobs), calling the
 * pool from interrupt context (its lock would have to be taken with interrupts off everywhere).
 */
#include <linux/module.h>

#include "core.h"
#include "early.h"
#include "trace.h"

void weft_engine_init(struct weft_device *wdev, u32 index)
{
	struct weft_engine *engine = &wdev->engines[index];

	engine->wdev = wdev;
	engine->index = index;
	engine->kind = wdev->desc.engines[index].kind;
	engine->credits = wdev->desc.engines[index].credits;
	spin_lock_init(&engine->lock);
	atomic_set(&engine->kick, 0);
	init_llist_head(&engine->done);
	INIT_LIST_HEAD(&engine->bound);
	INIT_LIST_HEAD(&engine->waiting);
	INIT_LIST_HEAD(&engine->running);
	INIT_WORK(&engine->run_work, weft_engine_run_work);
}

/* Return: the engine that has to look at it, NULL if there was nothing to complete. */
static struct weft_engine *weft_run_end(struct weft_run *run, int error, u32 code, u64 busy_ns)
{
	struct weft_job *job = weft_run_claim(run);
	struct weft_engine *engine;

	if (!job)
		return NULL;
	engine = job->engine;
	job->end_ns = weft_now();
	job->error = error > 0 ? -error : error;
	job->code = code;
	/* the backend knows before it unregisters the device, or says that the context is lost */
	job->stale = job->error == -ESTALE;
	job->lost = job->error == -ENODEV || job->stale;
	job->busy_ns = busy_ns;
	if (job->error && !job->lost)
		trace_fault(engine->wdev, job, WEFT_FAULT_ERROR, job->error);
	llist_add(&job->done_node, &engine->done);
	return engine;
}

void weft_run_complete(struct weft_run *run, int error, u32 code, u64 busy_ns)
{
	struct weft_engine *engine = weft_run_end(run, error, code, busy_ns);

	if (engine)
		weft_engine_kick(engine);
}
EXPORT_SYMBOL_GPL(weft_run_complete);

void weft_run_hand_in(struct weft_run *run, int error, u32 code, u64 busy_ns)
{
	weft_run_end(run, error, code, busy_ns);
}
EXPORT_SYMBOL_GPL(weft_run_hand_in);

void weft_runs_settle(struct weft_device *wdev)
{
	weft_pump_device(wdev);
}
EXPORT_SYMBOL_GPL(weft_runs_settle);

/* A run that the core took back (abort, reset) is over too: hand it in like any other. */
void weft_engine_end_taken(struct weft_job *job, int error)
{
	struct weft_engine *engine = job->engine;

	weft_run_drop(job);
	job->end_ns = weft_now();
	job->error = error;
	job->busy_ns = 0;
	llist_add(&job->done_node, &engine->done);
	weft_engine_kick(engine);
}

/* Any context; @job is on no list of its engine, whose lock is held if it has WEFT_CAP_CHAINS. */
void weft_engine_post_ended(struct weft_job *job)
{
	if (job->engine->wdev->desc.caps & WEFT_CAP_CHAINS)
		weft_chain_over(job);
	if (weft_early_flush(job))
		return;
	job->ended.type = WEFT_EVENT_ENDED;
	job->ended.job = job;
	weft_pump_post(job->pool, &job->ended);
}

/* @job is with the device, and nothing keeps it from starting there. */
void weft_engine_begin_locked(struct weft_job *job)
{
	struct weft_engine *engine = job->engine;

	lockdep_assert_held(&engine->lock);
	engine->running_count++;
	job->start_ns = job->chain_ns ?: weft_now();
	job->last_device = engine->wdev->sched.id;
	job->runs++;
	/* the deadline's worker looks at the start only if it has begun */
	smp_store_release(&job->began, true);
	trace_job_run(job);
	job->started.type = WEFT_EVENT_STARTED;
	job->started.job = job;
	weft_pump_post(engine->wdev->pool, &job->started);
	/* one that waited may be over by now */
	if (atomic_read(&job->run_state) != WEFT_RUN_ENDED)
		weft_job_arm(job, job->run.timeout_ns);
}

static void weft_engine_collect_locked(struct weft_engine *engine)
{
	struct llist_node *node = llist_reverse_order(llist_del_all(&engine->done));
	struct weft_job *job, *next;

	lockdep_assert_held(&engine->lock);
	llist_for_each_entry_safe(job, next, node, done_node) {
		/* the device says that it has run: then it has begun, whatever it waited for */
		if (!job->began && !job->error)
			weft_engine_begin_locked(job);
		timer_delete(&job->deadline);
		list_del_init(&job->engine_node);
		job->on_engine = false;
		if (job->began) {
			engine->running_count--;
			job->busy_ns = job->busy_ns ?: job->end_ns - job->start_ns;
		}
		weft_engine_post_ended(job);
	}
}

/* Take the next job that may start; NULL if there is none or no credit. */
static struct weft_job *weft_engine_next_locked(struct weft_engine *engine)
{
	struct weft_job *job;

	lockdep_assert_held(&engine->lock);
	for (;;) {
		job = list_first_entry_or_null(&engine->bound, struct weft_job, engine_node);
		if (!job || engine->stopped)
			return NULL;
		if (!READ_ONCE(job->cancel) && !job->chain_error) {
			if (job->link_count ? weft_chain_ahead(job) :
					      engine->running_count < engine->credits)
				break;
			return NULL;
		}
		list_del_init(&job->engine_node);
		job->on_engine = false;
		job->error = job->cancel ?: job->chain_error;
		/* one that it follows was lost, and so is what it was to find */
		job->lost = job->error == -ESTALE;
		job->stale = job->lost;
		weft_engine_post_ended(job);
	}

	list_move_tail(&job->engine_node, &engine->running);
	weft_run_hold(job);
	if (!job->link_count)
		weft_engine_begin_locked(job);
	return job;
}

/* Hand @job to who runs it: the device, or the client that has a lease of it. */
static void weft_engine_run(struct weft_device *wdev, struct weft_job *job)
{
	int ret = job->lease ? weft_lease_grant(job) : wdev->ops->run(wdev, &job->run);

	if (ret)
		weft_run_complete(&job->run, ret, 0, 0);
}

static void weft_engine_start_locked(struct weft_engine *engine)
{
	struct weft_device *wdev = engine->wdev;
	struct weft_job *job;

	lockdep_assert_held(&engine->lock);
	if (wdev->desc.caps & WEFT_CAP_RUN_SLEEPS) {
		if (!engine->stopped && engine->running_count < engine->credits &&
		    !list_empty(&engine->bound))
			queue_work(wdev->pool->bind_wq, &engine->run_work);
		return;
	}
	while ((job = weft_engine_next_locked(engine))) {
		weft_engine_run(wdev, job);
		/* a synchronous completion gives its credit back here */
		if (!llist_empty(&engine->done))
			weft_engine_collect_locked(engine);
	}
}

/* For backends whose run() sleeps; stop_lock keeps abort() from overtaking run(). */
void weft_engine_run_work(struct work_struct *work)
{
	struct weft_engine *engine = container_of(work, struct weft_engine, run_work);
	struct weft_device *wdev = engine->wdev;
	struct weft_job *job;

	for (;;) {
		mutex_lock(&wdev->stop_lock);
		spin_lock_irq(&engine->lock);
		job = weft_engine_next_locked(engine);
		spin_unlock_irq(&engine->lock);
		if (job)
			weft_engine_run(wdev, job);
		mutex_unlock(&wdev->stop_lock);
		if (!job)
			return;
	}
}

/**
 * weft_engine_kick() - look at the engine again
 * @engine: engine
 *
 * Context: any, also from inside run().
 */
void weft_engine_kick(struct weft_engine *engine)
{
	unsigned long flags;
	int seen;

	atomic_inc(&engine->kick);
	do {
		/* pairs with itself: our increment is seen by a holder that unlocks after it */
		smp_mb();
		if (!spin_trylock_irqsave(&engine->lock, flags))
			return;
		seen = atomic_read_acquire(&engine->kick);
		weft_engine_collect_locked(engine);
		weft_engine_start_locked(engine);
		spin_unlock_irqrestore(&engine->lock, flags);
		/* unlock, then look: whoever failed to lock before has incremented by now */
		smp_mb();
	} while (atomic_read(&engine->kick) != seen);
}

/**
 * weft_engine_add() - a BOUND job waits for a credit
 * @engine: engine
 * @job: job; if the engine is stopped because its device is lost it goes straight back
 */
void weft_engine_add(struct weft_engine *engine, struct weft_job *job)
{
	struct weft_job *before;
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	atomic_set(&job->run_state, WEFT_RUN_NONE);
	job->error = 0;
	job->stale = false;
	job->code = 0;
	job->busy_ns = 0;
	if (engine->stopped) {
		job->lost = true;
		weft_engine_post_ended(job);
	} else {
		/* binds end in any order; the engine serves in the order of decisions */
		list_for_each_entry_reverse(before, &engine->bound, engine_node)
			if (before->pick_seq < job->pick_seq)
				break;
		job->on_engine = true;
		list_add(&job->engine_node, &before->engine_node);
	}
	spin_unlock_irqrestore(&engine->lock, flags);
	weft_engine_kick(engine);
}

/**
 * weft_engine_hold() - a BOUND job waits for foreign fences
 * @job: job; like weft_engine_add() it gives the job straight back if its device is lost
 */
void weft_engine_hold(struct weft_job *job)
{
	struct weft_engine *engine = job->engine;
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	if (engine->stopped || READ_ONCE(job->cancel)) {
		job->lost = engine->stopped;
		job->error = job->cancel;
		weft_engine_post_ended(job);
	} else {
		job->on_engine = true;
		list_add_tail(&job->engine_node, &engine->waiting);
	}
	spin_unlock_irqrestore(&engine->lock, flags);
}

/**
 * weft_engine_claim() - a held job need not wait any more
 * @job: job
 *
 * Return: false if it was cancelled or lost meanwhile, and is reported as ended already.
 */
bool weft_engine_claim(struct weft_job *job)
{
	struct weft_engine *engine = job->engine;
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&engine->lock, flags);
	held = job->on_engine;
	if (held) {
		list_del_init(&job->engine_node);
		job->on_engine = false;
	}
	spin_unlock_irqrestore(&engine->lock, flags);
	return held;
}

void weft_engine_refuse(struct weft_job *job, int error)
{
	job->error = READ_ONCE(job->cancel) ?: error;
	job->lost = error == -ENODEV;
	weft_engine_post_ended(job);
}

/**
 * weft_engine_unbind() - take a cancelled job off its engine before it starts
 * @job: job, BOUND; job->cancel is set
 *
 * Return: true if it was taken off and is reported as ended, false if it runs or is not there.
 */
bool weft_engine_unbind(struct weft_job *job)
{
	struct weft_engine *engine = job->engine;
	unsigned long flags;
	bool taken = false;

	spin_lock_irqsave(&engine->lock, flags);
	if (job->on_engine && atomic_read(&job->run_state) == WEFT_RUN_NONE) {
		list_del_init(&job->engine_node);
		job->on_engine = false;
		job->error = job->cancel;
		weft_engine_post_ended(job);
		taken = true;
	}
	spin_unlock_irqrestore(&engine->lock, flags);
	weft_engine_kick(engine);
	return taken;
}

/**
 * weft_engine_stop() - start nothing on @wdev any more, or again
 * @wdev: device
 * @stop: which
 *
 * Stopping gives back every job that has not started.
 */
void weft_engine_stop(struct weft_device *wdev, bool stop)
{
	struct weft_job *job, *next;
	struct weft_engine *engine;
	u32 i;

	for (i = 0; i < wdev->desc.engine_count; i++) {
		engine = &wdev->engines[i];
		spin_lock_irq(&engine->lock);
		engine->stopped = stop;
		if (stop) {
			list_splice_tail_init(&engine->waiting, &engine->bound);
			list_for_each_entry_safe(job, next, &engine->bound, engine_node) {
				list_del_init(&job->engine_node);
				job->on_engine = false;
				job->lost = true;
				weft_engine_post_ended(job);
			}
		}
		spin_unlock_irq(&engine->lock);
		weft_engine_kick(engine);
	}
}

/**
 * weft_engine_take_running() - take every running job back from the backend
 * @wdev: device, its engines stopped
 * @taken: out, by &struct weft_job.finish_node; the caller ends each
 *
 * Jobs whose completion was first are left to it.
 */
void weft_engine_take_running(struct weft_device *wdev, struct list_head *taken)
{
	struct weft_engine *engine;
	struct weft_job *job;
	u32 i;

	for (i = 0; i < wdev->desc.engine_count; i++) {
		engine = &wdev->engines[i];
		spin_lock_irq(&engine->lock);
		list_for_each_entry(job, &engine->running, engine_node)
			if (atomic_cmpxchg(&job->run_state, WEFT_RUN_RUNNING, WEFT_RUN_TAKEN) ==
			    WEFT_RUN_RUNNING)
				list_add_tail(&job->finish_node, taken);
		spin_unlock_irq(&engine->lock);
		weft_engine_kick(engine);
	}
}
