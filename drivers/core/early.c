// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: early mode
 *
 * A job on an EARLY queue, and any job that touches a SHAREABLE or imported buffer, publishes a
 * dma_fence before it runs. It goes the way of every job (hazards, fair order, placement, bind);
 * SUBMIT sleeps until it is BOUND and returns with the fence published: in the reservation of each
 * buffer that others may see, and in its out-syncobjs. A SUBMIT that is interrupted before takes
 * the job back and leaves nothing behind, unless another thread has submitted work that already
 * builds on it: then it sleeps on.
 *
 * From there to the signal nothing may allocate, take a reservation lock or wait for what is not
 * bounded itself. So all that could fail was done before the first fence was added: memory on the
 * device, maps, transfers, slots; the job stays where it is, and only devices whose backend states
 * WEFT_CAP_EARLY are eligible. What is left is annotated as a fence-signalling section: this file's
 * workers, the pump, and the backend's part of an abort.
 *
 * A published job that has to wait for foreign fences is set aside: it keeps its memory, but
 * neither a credit nor a place among the BOUND jobs that another could use, however many there
 * are. Their callbacks do nothing but queue work. When all have signalled it is due, and the
 * scheduler gives it a place on its device in the fair order. The wait is bounded
 * (WEFT_EARLY_WAIT_NS), and so is the run (WEFT_EARLY_CAP_NS): a foreigner that never signals
 * costs this job an ETIME, and others nothing.
 *
 * Rejected: publishing at SUBMIT of a job that is still WAITING (the fence would depend on late
 * jobs, which nothing bounds); running from a fence callback (their lock would be outside ours);
 * an order between early jobs by fences (edges do it, and the recorded decisions stay complete).
 */
#include <linux/dma-resv.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_syncobj.h>

#include <weft/fence.h>

#include "early.h"
#include "../memory/memory.h"

/* ------------------------------------------------------------------ lifetime */

static void weft_early_due_work(struct work_struct *work);
static void weft_early_start_work(struct work_struct *work);
static void weft_early_flush_work(struct work_struct *work);

int weft_early_init(struct weft_job *job, struct dma_fence **named, u32 count)
{
	struct weft_early *early = kzalloc(sizeof(*early), GFP_KERNEL_ACCOUNT);

	if (!early)
		return -ENOMEM;
	early->job = job;
	job->early = early;
	INIT_WORK(&early->due_work, weft_early_due_work);
	INIT_WORK(&early->start_work, weft_early_start_work);
	INIT_WORK(&early->flush_work, weft_early_flush_work);
	early->fence = weft_fence_create();
	/* weft_early_fini() comes with the job */
	if (!early->fence)
		return -ENOMEM;
	early->named = named;
	early->named_count = count;
	return 0;
}

/* Afterwards no callback runs any more. */
static void weft_early_deps_drop(struct weft_early *early)
{
	u32 i;

	for (i = 0; i < early->dep_count; i++) {
		if (early->deps[i].added)
			dma_fence_remove_callback(early->deps[i].fence, &early->deps[i].cb);
		dma_fence_put(early->deps[i].fence);
	}
	kvfree(early->deps);
	early->deps = NULL;
	early->dep_count = 0;
	early->waits = false;
}

void weft_early_fini(struct weft_job *job)
{
	struct weft_early *early = job->early;
	u32 i;

	if (!early)
		return;
	weft_early_deps_drop(early);
	/* what the last callback queued finds nothing to do, but finds it in @early */
	cancel_work_sync(&early->due_work);
	cancel_work_sync(&early->start_work);
	cancel_work_sync(&early->flush_work);
	for (i = 0; i < early->named_count; i++)
		dma_fence_put(early->named[i]);
	dma_fence_put(early->fence);
	kvfree(early->named);
	kfree(early);
}

void weft_early_settle(struct weft_job *job)
{
	if (!job->early)
		return;
	WRITE_ONCE(job->early->settled, true);
	wake_up_all(&job->client->wait);
}

/* ------------------------------------------------------------------- publish */

static enum dma_resv_usage weft_early_usage(const struct weft_bo_hold *hold)
{
	return hold->access & DRM_WEFT_ACCESS_WRITE ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ;
}

/* One round of locking, with a slot for the fence in each reservation. */
static int weft_early_lock(struct weft_job *job, struct drm_exec *exec)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < job->buffer_count && !ret; i++)
		if (weft_bo_shared(job->holds[i].bo))
			ret = drm_exec_prepare_obj(exec, &job->holds[i].bo->gem, 1);
	return ret;
}

static void weft_early_dep_add(struct weft_early *early, struct dma_fence *fence, bool named)
{
	struct weft_early_dep *dep = &early->deps[early->dep_count++];

	dep->fence = fence;
	dep->job = early->job;
	dep->named = named;
	if (!dma_fence_is_signaled(fence))
		early->waits = true;
}

/*
 * What the job has to wait for: the fences of its in-syncobjs, and those in the reservations,
 * which are locked: who writes waits for all, who reads for writers.
 */
static int weft_early_collect(struct weft_job *job)
{
	struct weft_early *early = job->early;
	u32 i, count = early->named_count;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	struct dma_resv *resv;

	for (i = 0; i < job->buffer_count; i++) {
		resv = job->holds[i].bo->gem.resv;
		if (!weft_bo_shared(job->holds[i].bo))
			continue;
		dma_resv_for_each_fence(&cursor, resv, dma_resv_usage_rw(job->holds[i].access &
						DRM_WEFT_ACCESS_WRITE), fence)
			count++;
	}
	if (!count)
		return 0;
	early->deps = kvcalloc(count, sizeof(*early->deps), GFP_KERNEL_ACCOUNT);
	if (!early->deps)
		return -ENOMEM;

	for (i = 0; i < early->named_count; i++)
		weft_early_dep_add(early, dma_fence_get(early->named[i]), true);
	for (i = 0; i < job->buffer_count; i++) {
		resv = job->holds[i].bo->gem.resv;
		if (!weft_bo_shared(job->holds[i].bo))
			continue;
		dma_resv_for_each_fence(&cursor, resv, dma_resv_usage_rw(job->holds[i].access &
						DRM_WEFT_ACCESS_WRITE), fence)
			if (!dma_fence_is_signaled(fence))
				weft_early_dep_add(early, dma_fence_get(fence), false);
	}
	return 0;
}

/* It holds nothing that another job could use, but memory. */
static void weft_early_aside_locked(struct weft_job *job)
{
	lockdep_assert_held(&job->pool->lock);
	WARN_ON(weft_sched_job_aside(&job->pool->sched, &job->sched, weft_now()));
	job->engine->assigned--;
}

/* The pump: @job has a place on its device again. */
void weft_early_resume_locked(struct weft_job *job)
{
	lockdep_assert_held(&job->pool->lock);
	job->engine->assigned++;
	queue_work(job->pool->early_wq, &job->early->start_work);
}

/* The point of no return. -EINTR: its SUBMIT wants it back; another errno: it ends with that. */
static int weft_early_commit(struct weft_job *job)
{
	struct weft_pool *pool = job->pool;
	int ret = 0;

	spin_lock(&pool->lock);
	if (job->cancel) {
		ret = job->cancel;
	} else if (job->early->withdraw) {
		ret = -EINTR;
	} else {
		job->early->committed = true;
		weft_job_bound_locked(job);
		job->run.timeout_ns = min(job->run.timeout_ns, WEFT_EARLY_CAP_NS);
		if (job->early->waits)
			weft_early_aside_locked(job);
	}
	spin_unlock(&pool->lock);
	return ret;
}

/* Any context, the foreign fence's lock is held. */
static void weft_early_dep_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct weft_early_dep *dep = container_of(cb, struct weft_early_dep, cb);
	struct weft_job *job = dep->job;

	if (atomic_dec_and_test(&job->early->pending))
		queue_work(job->pool->early_wq, &job->early->due_work);
}

/* Did what the submitter asked for come out well? */
static int weft_early_named_error(struct weft_job *job)
{
	struct weft_early *early = job->early;
	u32 i;

	if (job->flags & DRM_WEFT_JOB_RUN_ANYWAY)
		return 0;
	for (i = 0; i < early->dep_count; i++)
		if (early->deps[i].named && dma_fence_get_status(early->deps[i].fence) < 0)
			return -ECANCELED;
	return 0;
}

/* It has a place: bring in what others may have written, and queue up. */
static void weft_early_go(struct weft_job *job)
{
	int err;

	/* cancelled or lost meanwhile? */
	if (!weft_engine_claim(job))
		return;
	err = weft_early_named_error(job) ?: weft_home_fetch(job);
	if (err)
		weft_engine_refuse(job, err);
	else
		weft_engine_add(job->engine, job);
}

static void weft_early_start_work(struct work_struct *work)
{
	bool cookie = dma_fence_begin_signalling();

	weft_early_go(container_of(work, struct weft_early, start_work)->job);
	dma_fence_end_signalling(cookie);
}

/* Nothing foreign is waited for any more. */
static void weft_early_come(struct weft_job *job)
{
	struct weft_pool *pool = job->pool;

	if (!job->early->waits) {
		weft_early_go(job);
		return;
	}
	spin_lock(&pool->lock);
	/* refused if it has ended meanwhile */
	weft_sched_job_due(&pool->sched, &job->sched, weft_now());
	spin_unlock(&pool->lock);
	weft_pump_kick(pool);
}

static void weft_early_due_work(struct work_struct *work)
{
	bool cookie = dma_fence_begin_signalling();

	weft_early_come(container_of(work, struct weft_early, due_work)->job);
	dma_fence_end_signalling(cookie);
}

/* The fence is out: wait for the foreigners. */
static void weft_early_start(struct weft_job *job)
{
	struct weft_early *early = job->early;
	u32 i;

	atomic_set(&early->pending, 1);
	mod_timer(&job->deadline, jiffies + nsecs_to_jiffies(WEFT_EARLY_WAIT_NS));
	weft_engine_hold(job);
	for (i = 0; i < early->dep_count; i++) {
		atomic_inc(&early->pending);
		early->deps[i].added = !dma_fence_add_callback(early->deps[i].fence,
							       &early->deps[i].cb,
							       weft_early_dep_signaled);
		if (!early->deps[i].added)
			atomic_dec(&early->pending);
	}
	/* others may have its place */
	if (early->waits)
		weft_pump_kick(job->pool);
	if (atomic_dec_and_test(&early->pending))
		weft_early_come(job);
}

/* @job is resident but will not be published. */
static void weft_early_abandon(struct weft_job *job, int error)
{
	weft_early_deps_drop(job->early);
	weft_home_fini(job);
	weft_residency_unbind(job, false, 0);
	/* the SUBMIT wants it back, or a buffer has just been exported */
	if (error == -EINTR || error == -EAGAIN)
		weft_job_return(job, WEFT_RETURN_DRAIN);
	else
		weft_job_fail(job, error);
}

void weft_early_publish(struct weft_job *job)
{
	struct drm_exec exec;
	bool cookie;
	int ret = 0;
	u32 i;

	/* once it is held for a fence it may be cancelled, retired and put by others */
	weft_job_get(job);
	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, job->buffer_count);
	drm_exec_until_all_locked(&exec) {
		ret = weft_early_lock(job, &exec);
		drm_exec_retry_on_contention(&exec);
		if (ret)
			break;
	}
	ret = ret ?: weft_home_prepare(job) ?: weft_early_collect(job) ?: weft_early_commit(job);
	if (ret) {
		drm_exec_fini(&exec);
		weft_early_abandon(job, ret);
		goto out;
	}

	cookie = dma_fence_begin_signalling();
	for (i = 0; i < job->buffer_count; i++)
		if (weft_bo_shared(job->holds[i].bo))
			dma_resv_add_fence(job->holds[i].bo->gem.resv, job->early->fence,
					   weft_early_usage(&job->holds[i]));
	weft_sync_publish_early(job);
	drm_exec_fini(&exec);
	weft_early_settle(job);
	weft_early_start(job);
	dma_fence_end_signalling(cookie);
out:
	weft_job_put(job);
}

/* ------------------------------------------------------------------- the end */

bool weft_early_flush(struct weft_job *job)
{
	if (!job->early || job->error || job->lost || !weft_home_dirty(job) ||
	    atomic_read(&job->run_state) == WEFT_RUN_NONE)
		return false;
	queue_work(job->pool->early_wq, &job->early->flush_work);
	return true;
}

static void weft_early_flush_work(struct work_struct *work)
{
	struct weft_job *job = container_of(work, struct weft_early, flush_work)->job;
	bool cookie = dma_fence_begin_signalling();

	job->error = weft_home_flush(job);
	job->lost = job->error == -ENODEV;
	dma_fence_end_signalling(cookie);
	weft_home_close(job);
	weft_engine_post_ended(job);
}

void weft_early_retire(struct weft_job *job)
{
	if (job->early && job->early->committed)
		weft_fence_signal(job->early->fence, job->error);
}

/* --------------------------------------------------------- an interrupted SUBMIT */

/* Nobody builds on @job yet: it may be as if it had never been. */
bool weft_early_withdraw_locked(struct weft_job *job)
{
	struct weft_pool *pool = job->pool;

	lockdep_assert_held(&pool->lock);
	WRITE_ONCE(job->early->withdraw, false);
	if (!list_empty(&job->sched.out) || !weft_hold_withdraw(job))
		return false;
	WARN_ON(weft_sched_job_cancel(&pool->sched, &job->sched, -ECANCELED, weft_now()));
	list_del_init(&job->pool_node);
	job->early->withdrawn = true;
	return true;
}

/* What the commit entered anywhere outside the scheduler. */
static void weft_early_undo(struct weft_job *job)
{
	struct weft_client *client = job->client;

	spin_lock(&client->record_lock);
	job->record->job = NULL;
	list_del_init(&job->client_node);
	spin_unlock(&client->record_lock);
	weft_record_forget(client, job->sched.id);
	weft_sync_withdraw_job(job);
	atomic64_dec(&client->jobs_submitted);
	weft_queue_job_retired(job->queue);
	weft_job_put_deferred(job);
}

static bool weft_early_withdraw(struct weft_job *job)
{
	struct weft_early *early = job->early;
	struct weft_pool *pool = job->pool;
	bool withdrawn;

	spin_lock(&pool->lock);
	if (job->sched.state <= WEFT_JOB_READY)
		weft_early_withdraw_locked(job);
	else if (job->sched.state == WEFT_JOB_BINDING && !early->committed)
		early->withdraw = true;
	spin_unlock(&pool->lock);

	/* the bind worker answers at its next step; what it is at ends by itself */
	wait_event(job->client->wait, READ_ONCE(early->settled) || !READ_ONCE(early->withdraw));
	spin_lock(&pool->lock);
	withdrawn = early->withdrawn;
	spin_unlock(&pool->lock);
	if (withdrawn)
		weft_early_undo(job);
	return withdrawn;
}

int weft_early_wait(struct weft_job *job)
{
	struct weft_early *early = job->early;

	if (!wait_event_interruptible(job->client->wait, READ_ONCE(early->settled)))
		return 0;
	if (!READ_ONCE(early->settled) && weft_early_withdraw(job))
		return -EINTR;
	/* published, or others stand behind it: only death ends the wait now */
	wait_event_killable(job->client->wait, READ_ONCE(early->settled));
	return 0;
}

/* -------------------------------------------------------------------- lockdep */

void weft_early_prime(struct weft_pool *pool)
{
	struct weft_region *host = pool->regions[0];
	struct ww_acquire_ctx ctx;
	struct dma_resv resv;
	bool cookie;

	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		return;
	dma_resv_init(&resv);
	ww_acquire_init(&ctx, &reservation_ww_class);
	if (dma_resv_lock(&resv, &ctx) == -EDEADLK)
		dma_resv_lock_slow(&resv, &ctx);
	/* host copies are made valid, and memory is populated, under a reservation */
	mutex_lock(&host->turn);
	mutex_lock(&host->lock);
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	mutex_unlock(&host->lock);
	mutex_unlock(&host->turn);
	/* taken on the way from a published fence to its signal: nobody may allocate there */
	cookie = dma_fence_begin_signalling();
	spin_lock(&pool->lock);
	spin_unlock(&pool->lock);
	spin_lock(&pool->sync_lock);
	spin_unlock(&pool->sync_lock);
	dma_fence_end_signalling(cookie);
	dma_resv_unlock(&resv);
	ww_acquire_fini(&ctx);
	dma_resv_fini(&resv);
}
