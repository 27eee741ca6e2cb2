// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: syncobjs
 *
 * A late job publishes nothing until it ends; then its out-syncobjs get a fence that is already
 * signalled (with the error, if it failed). So no fence of weft's can ever wait for anything, and
 * none carries code of this module: it is the core's private stub, allocated at SUBMIT.
 *
 * Publication follows submission order within a queue, whatever order jobs end in: a later
 * point on a chain would otherwise wake waiters of an earlier one. Points that are promised but
 * not yet published are kept in a table, so that a job of this pool may depend on them: the
 * dependency becomes an edge between jobs.
 *
 * An early job publishes its own fence, unsignalled, when it is bound, in its place of the same
 * order. Its points stay in the table until it has ended: jobs of this pool that depend on it get
 * an edge and never a fence callback.
 *
 * Rejected: fences of our own that are signalled at the end (they would make every late job a
 * fence-signalling section), waiting in the kernel for points nobody has promised.
 */
#include <linux/dma-fence.h>
#include <linux/dma-fence-chain.h>
#include <linux/slab.h>

#include <drm/drm_syncobj.h>

#include "core.h"
#include "early.h"

/* The promise that satisfies @point: the lowest one at or above it; a binary one: the last. */
static struct weft_job_sync *weft_sync_find_locked(struct weft_pool *pool,
						   struct drm_syncobj *syncobj, u64 point)
{
	struct weft_job_sync *sync, *best = NULL;

	lockdep_assert_held(&pool->sync_lock);
	hash_for_each_possible(pool->syncs, sync, pool_node, (unsigned long)syncobj) {
		if (sync->syncobj != syncobj || !sync->armed || !sync->point != !point)
			continue;
		if (!point) {
			if (!best || sync->job->sched.id > best->job->sched.id)
				best = sync;
		} else if (sync->point >= point && (!best || sync->point < best->point)) {
			best = sync;
		}
	}
	return best;
}

/* What @point of @syncobj is signalled by: a fence (a reference), NULL if it is, or -EINVAL. */
static struct dma_fence *weft_sync_point(struct drm_syncobj *syncobj, u64 point)
{
	struct dma_fence *fence = drm_syncobj_fence_get(syncobj);

	if (!fence)
		return ERR_PTR(-EINVAL);
	/* takes over the reference */
	if (dma_fence_chain_find_seqno(&fence, point)) {
		dma_fence_put(fence);
		return ERR_PTR(-EINVAL);
	}
	return fence;
}

/**
 * weft_sync_dep() - what an in-syncobj means
 * @pool: pool
 * @file: whose handle it is
 * @handle: syncobj
 * @point: timeline point, 0 for binary
 * @from: out, job to wait for (a reference), or NULL
 * @fence: out, somebody else's fence, signalled or not (a reference), or NULL
 *
 * It is looked at once for a SUBMIT, so what others put there meanwhile changes nothing.
 *
 * Return: 0 wait for @from, for @fence or for nothing; -ENOENT no such handle; -EINVAL nobody has
 * promised it.
 */
int weft_sync_dep(struct weft_pool *pool, struct drm_file *file, u32 handle, u64 point,
		  struct weft_job **from, struct dma_fence **fence)
{
	struct drm_syncobj *syncobj = drm_syncobj_find(file, handle);
	struct weft_job_sync *sync;

	*from = NULL;
	*fence = NULL;
	if (!syncobj)
		return -ENOENT;
	spin_lock(&pool->sync_lock);
	sync = weft_sync_find_locked(pool, syncobj, point);
	if (sync && kref_get_unless_zero(&sync->job->ref))
		*from = sync->job;
	spin_unlock(&pool->sync_lock);
	if (!*from)
		*fence = weft_sync_point(syncobj, point);
	drm_syncobj_put(syncobj);
	if (!IS_ERR(*fence))
		return 0;
	*fence = NULL;
	return -EINVAL;
}

/**
 * weft_sync_prepare() - allocate all that publishing will need
 * @job: job
 * @file: whose handles they are
 * @out: what was asked for
 * @count: elements in @out
 *
 * Return: 0, -ENOENT, -ENOMEM, -EINVAL (pad).
 */
int weft_sync_prepare(struct weft_job *job, struct drm_file *file,
		      const struct drm_weft_out_sync *out, u32 count)
{
	struct weft_job_sync *sync;
	u32 i;

	if (!count)
		return 0;
	job->syncs = kvcalloc(count, sizeof(*job->syncs), GFP_KERNEL_ACCOUNT);
	if (!job->syncs)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		sync = &job->syncs[i];
		if (out[i].pad)
			return -EINVAL;
		sync->job = job;
		sync->point = out[i].point;
		sync->syncobj = drm_syncobj_find(file, out[i].handle);
		if (!sync->syncobj)
			return -ENOENT;
		job->sync_count = i + 1;
		sync->fence = dma_fence_allocate_private_stub(ktime_get());
		if (!sync->fence)
			return -ENOMEM;
		if (sync->point) {
			sync->chain = dma_fence_chain_alloc();
			if (!sync->chain)
				return -ENOMEM;
		}
	}
	return 0;
}

/* The highest point that @syncobj's chain already has; 0 if it is empty or binary. */
static u64 weft_sync_published(struct drm_syncobj *syncobj)
{
	struct dma_fence *fence = drm_syncobj_fence_get(syncobj);
	u64 point = fence && to_dma_fence_chain(fence) ? fence->seqno : 0;

	dma_fence_put(fence);
	return point;
}

/**
 * weft_sync_promise() - enter @job's points into the table of promises
 * @job: prepared; its client's submit_lock is held, so that promises are in submission order
 *
 * Nobody depends on them before weft_sync_arm(); weft_sync_free() takes back what was not armed.
 *
 * Return: 0, -EINVAL if a point is promised by another queue or does not rise.
 */
int weft_sync_promise(struct weft_job *job)
{
	struct weft_pool *pool = job->pool;
	struct weft_job_sync *sync, *other;
	u32 i;

	for (i = 0; i < job->sync_count; i++) {
		sync = &job->syncs[i];
		if (sync->point && sync->point <= weft_sync_published(sync->syncobj))
			return -EINVAL;
		spin_lock(&pool->sync_lock);
		hash_for_each_possible(pool->syncs, other, pool_node,
				       (unsigned long)sync->syncobj) {
			if (other->syncobj != sync->syncobj)
				continue;
			if (other->job->queue != job->queue || !other->point != !sync->point ||
			    other->job == job ||
			    (sync->point && other->point >= sync->point)) {
				spin_unlock(&pool->sync_lock);
				return -EINVAL;
			}
		}
		hash_add(pool->syncs, &sync->pool_node, (unsigned long)sync->syncobj);
		sync->promised = true;
		spin_unlock(&pool->sync_lock);
	}
	return 0;
}

/* The promises stand from now on. */
static void weft_sync_stand(struct weft_job *job)
{
	struct weft_pool *pool = job->pool;
	u32 i;

	for (i = 0; i < job->sync_count; i++) {
		/* whoever waits from now on waits for this job, not for the last one */
		if (!job->syncs[i].point)
			drm_syncobj_replace_fence(job->syncs[i].syncobj, NULL);
		spin_lock(&pool->sync_lock);
		job->syncs[i].armed = true;
		spin_unlock(&pool->sync_lock);
	}
}

/*
 * @job enters, in submission order. A late one is past the point of no return, an early one is
 * when it is published.
 */
void weft_sync_arm(struct weft_job *job)
{
	if (!job->sync_count)
		return;
	if (!job->early)
		weft_sync_stand(job);
	spin_lock(&job->queue->sync_lock);
	weft_job_get(job);
	list_add_tail(&job->queue_node, &job->queue->sync_jobs);
	spin_unlock(&job->queue->sync_lock);
}

static void weft_sync_withdraw(struct weft_job_sync *sync)
{
	spin_lock(&sync->job->pool->sync_lock);
	if (sync->promised)
		hash_del(&sync->pool_node);
	sync->promised = false;
	spin_unlock(&sync->job->pool->sync_lock);
}

/* Is there a later job that will fill the binary syncobj? Then only that one counts. */
static bool weft_sync_superseded(struct weft_job_sync *sync)
{
	struct weft_pool *pool = sync->job->pool;
	struct weft_job_sync *last;

	spin_lock(&pool->sync_lock);
	last = weft_sync_find_locked(pool, sync->syncobj, 0);
	spin_unlock(&pool->sync_lock);
	return last && last->job->sched.id > sync->job->sched.id;
}

/* The early fence, or one that is signalled. */
static void weft_sync_fence(struct weft_job_sync *sync)
{
	struct weft_job *job = sync->job;

	if (job->early && job->early->committed) {
		dma_fence_put(sync->fence);
		sync->fence = dma_fence_get(job->early->fence);
	} else {
		/*
		 * A private stub is signalled from birth and nobody has seen it yet: the error is
		 * written directly, dma_fence_set_error() is for fences that are still to be
		 * signalled.
		 */
		sync->fence->error = job->error;
	}
}

static void weft_sync_publish_one(struct weft_job_sync *sync)
{
	struct weft_pool *pool = sync->job->pool;
	bool over;

	weft_sync_fence(sync);
	if (sync->point) {
		drm_syncobj_add_point(sync->syncobj, sync->chain, sync->fence, sync->point);
		sync->chain = NULL;
	} else if (!weft_sync_superseded(sync)) {
		drm_syncobj_replace_fence(sync->syncobj, sync->fence);
	}
	/* after publishing: who looks in between finds one or the other */
	spin_lock(&pool->sync_lock);
	sync->published = true;
	over = sync->retired;
	spin_unlock(&pool->sync_lock);
	if (over)
		weft_sync_withdraw(sync);
}

/* @job may be published: do it, and publish those behind it that only waited for it. */
static void weft_sync_publish_in_turn(struct weft_job *job)
{
	struct weft_queue *queue = job->queue;
	struct weft_job *head;
	u32 i;

	spin_lock(&queue->sync_lock);
	job->sync_done = true;
	/* one publisher at a time, else two could overtake each other between the locks */
	while (!queue->publishing) {
		head = list_first_entry_or_null(&queue->sync_jobs, struct weft_job, queue_node);
		if (!head || !head->sync_done)
			break;
		list_del_init(&head->queue_node);
		queue->publishing = true;
		spin_unlock(&queue->sync_lock);
		for (i = 0; i < head->sync_count; i++)
			weft_sync_publish_one(&head->syncs[i]);
		weft_job_put_later(&head->sync_put);
		spin_lock(&queue->sync_lock);
		queue->publishing = false;
	}
	spin_unlock(&queue->sync_lock);
}

/* @job is DONE. */
void weft_sync_publish(struct weft_job *job)
{
	struct weft_pool *pool = job->pool;
	bool over;
	u32 i;

	if (!job->sync_count)
		return;
	for (i = 0; i < job->sync_count; i++) {
		spin_lock(&pool->sync_lock);
		job->syncs[i].retired = true;
		over = job->syncs[i].published;
		spin_unlock(&pool->sync_lock);
		if (over)
			weft_sync_withdraw(&job->syncs[i]);
	}
	weft_sync_publish_in_turn(job);
}

/* @job is BOUND and its fence is out. */
void weft_sync_publish_early(struct weft_job *job)
{
	if (!job->sync_count)
		return;
	weft_sync_stand(job);
	weft_sync_publish_in_turn(job);
}

/* @job, which is early, was not published and never will be. */
void weft_sync_withdraw_job(struct weft_job *job)
{
	struct weft_queue *queue = job->queue;

	if (!job->sync_count)
		return;
	spin_lock(&queue->sync_lock);
	list_del_init(&job->queue_node);
	spin_unlock(&queue->sync_lock);
	weft_job_put(job);
}

void weft_sync_free(struct weft_job *job)
{
	struct weft_job_sync *sync;
	u32 i;

	for (i = 0; i < job->sync_count; i++) {
		sync = &job->syncs[i];
		weft_sync_withdraw(sync);
		dma_fence_chain_free(sync->chain);
		dma_fence_put(sync->fence);
		drm_syncobj_put(sync->syncobj);
	}
	kvfree(job->syncs);
}
