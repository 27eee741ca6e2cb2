// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: SUBMIT
 *
 * All or nothing, in three steps. *Collect*: everything is copied in and looked up, without
 * locks (the source may be a mapping of a buffer of ours). *Check*: under the client's submit
 * lock, which makes program order one order, buffers are entered, dependencies resolved,
 * devices found that may run each job, and every byte allocated that later steps need, edges
 * included. *Commit*: nothing can fail any more; the jobs get consecutive ids and enter the
 * scheduler.
 *
 * The number of hazard edges is bounded before the commit: what the scheduler says for the
 * state before this batch, plus what the batch itself does to the same buffers. The submit lock
 * makes that a bound; of buffers that clients share it cannot, so an early job, of which there is
 * one in a SUBMIT, counts again in the commit.
 *
 * An early job is in when the locks are dropped, and SUBMIT then sleeps until it is published
 * (early.c). The queue's turn is kept meanwhile: a queue is one timeline.
 */
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"
#include "early.h"
#include "trace.h"
#include "../memory/memory.h"

/** struct weft_entry - a job on its way in */
struct weft_entry {
	struct weft_job *job;
	struct drm_weft_buffer *buffers;
	struct drm_weft_dep *deps;
	struct drm_weft_out_sync *outs;
	u32 dep_count;
	u32 out_count;
	/** @froms: jobs it waits for by name, referenced while the batch is on its way in */
	struct weft_job **froms;
	u32 from_count;
	/** @imports: per buffer, an imported one; a reference, or NULL */
	struct weft_bo **imports;
	/** @open: by buffer, those imports whose exporters wait to be told that it is over */
	u64 open;
	/** @fences: unsignalled ones that it waits for by name, references; of an EARLY queue */
	struct dma_fence **fences;
	u32 fence_count;
	/** @prefailed: one that it waits for is DONE and failed */
	bool prefailed;
};

/** struct weft_batch - one SUBMIT */
struct weft_batch {
	struct weft_client *client;
	struct drm_file *file;
	struct weft_queue *queue;
	struct drm_weft_job *args;
	struct weft_entry *entries;
	u32 count;
	u32 failed;
};

#define WEFT_COMMIT_CHUNK	64	/* jobs that enter the scheduler in one hold of its lock */

static atomic64_t weft_batch_serial;

/* --------------------------------------------------------------- 1. collect */

/* May @wdev run @job, as far as that can be said without its buffers? */
static bool weft_job_suits(const struct weft_job *job, struct weft_device *wdev, bool early)
{
	if (!weft_health_usable(wdev) || (early && !(wdev->desc.caps & WEFT_CAP_EARLY)))
		return false;
	if (job->class_mask && !(job->class_mask & BIT(wdev->desc.dev_class)))
		return false;
	if (job->device_mask && !(job->device_mask & BIT_ULL(wdev->sched.id)))
		return false;
	if (job->lease)
		return wdev->desc.caps & WEFT_CAP_LEASE;
	return weft_program_image(job->program, wdev, job->image_mask) >= 0;
}

static void *weft_collect(u64 from, u32 count, u32 stride, size_t size, u32 max, int *ret)
{
	void *array;

	*ret = 0;
	if (!count)
		return NULL;
	*ret = -EINVAL;
	if (count > max)
		return NULL;
	array = kvcalloc(count, size, GFP_KERNEL_ACCOUNT);
	*ret = -ENOMEM;
	if (!array)
		return NULL;
	*ret = weft_copy_array(array, size, from, count, stride);
	if (*ret) {
		kvfree(array);
		return NULL;
	}
	return array;
}

static int weft_collect_args(struct weft_job *job, const struct drm_weft_job *args)
{
	if (args->args_size != job->program->kernels[args->kernel].args_size)
		return -EINVAL;
	job->args_size = args->args_size;
	if (!job->args_size)
		return 0;
	job->args = kvmalloc(job->args_size, GFP_KERNEL_ACCOUNT);
	job->run.args = kvmalloc(job->args_size, GFP_KERNEL_ACCOUNT);
	if (!job->args || !job->run.args)
		return -ENOMEM;
	if (copy_from_user(job->args, u64_to_user_ptr(args->args), job->args_size))
		return -EFAULT;
	return 0;
}

/* What runs: a kernel of a program. */
static int weft_collect_launch(struct weft_job *job, const struct drm_weft_job *args)
{
	job->program = weft_program_lookup(job->client, args->program);
	if (!job->program)
		return -ENOENT;
	if (args->kernel >= job->program->kernel_count)
		return -EINVAL;
	if (args->image_mask && args->image_mask >> job->program->image_count)
		return -EINVAL;
	/* what a tenant teaches about a kernel stays its own */
	job->sched.kernel = job->program->digest ^
		((u64)job->client->account->sched.id << 32) ^
		((u64)args->kernel * 0x9e3779b97f4a7c15);
	return weft_collect_args(job, args);
}

static int weft_collect_job(struct weft_batch *batch, struct weft_entry *entry,
			    const struct drm_weft_job *args)
{
	struct weft_client *client = batch->client;
	u64 size = 1;
	struct weft_job *job;
	int ret;
	u32 i;

	if (args->flags & ~(DRM_WEFT_JOB_IDEMPOTENT | DRM_WEFT_JOB_RUN_ANYWAY) || args->gang ||
	    args->pad || args->class_mask & ~(BIT(DRM_WEFT_CLASS_COUNT) - 1))
		return -EINVAL;
	for (i = 0; i < 3; i++) {
		if (!args->grid[i])
			return -EINVAL;
		if (check_mul_overflow(size, (u64)args->grid[i], &size))
			size = U64_MAX;
	}

	job = weft_job_alloc(client);
	if (!job)
		return -ENOMEM;
	entry->job = job;
	job->queue = batch->queue;
	kref_get(&batch->queue->ref);
	job->flags = args->flags;
	job->kernel = args->kernel;
	job->image_mask = args->image_mask;
	job->timeout_ns = args->timeout_ns;
	job->run.kernel = args->kernel;
	job->run.args_size = args->args_size;
	memcpy(job->run.grid, args->grid, sizeof(job->run.grid));
	job->class_mask = args->class_mask;
	job->device_mask = args->device_mask;

	job->sched.client = &client->sched;
	job->sched.size = args->size ?: size;
	job->sched.deadline = args->deadline_ns;
	job->sched.service = batch->queue->service;
	job->sched.run_anyway = args->flags & DRM_WEFT_JOB_RUN_ANYWAY;
	if (batch->queue->flags & DRM_WEFT_QUEUE_LEASE)
		ret = weft_lease_init(job, args);
	else
		ret = weft_collect_launch(job, args);
	if (ret)
		return ret;
	job->relocs = weft_collect(args->relocs, args->reloc_count, args->reloc_stride,
				   sizeof(*job->relocs), WEFT_MAX_RELOCS, &ret);
	if (ret)
		return ret;
	job->reloc_count = args->reloc_count;
	entry->buffers = weft_collect(args->buffers, args->buffer_count, args->buffer_stride,
				      sizeof(*entry->buffers), WEFT_MAX_BUFFERS, &ret);
	if (ret)
		return ret;
	entry->deps = weft_collect(args->deps, args->dep_count, args->dep_stride,
				   sizeof(*entry->deps), WEFT_MAX_DEPS, &ret);
	if (ret)
		return ret;
	entry->dep_count = args->dep_count;
	entry->outs = weft_collect(args->out_syncs, args->out_sync_count, args->out_sync_stride,
				   sizeof(*entry->outs), WEFT_MAX_DEPS, &ret);
	if (ret)
		return ret;
	entry->out_count = args->out_sync_count;

	job->record = kzalloc(sizeof(*job->record), GFP_KERNEL_ACCOUNT);
	if (!job->record)
		return -ENOMEM;
	kref_init(&job->record->ref);
	job->record->job = job;
	job->record->lease = job->lease;
	job->record->data.user_data = args->user_data;
	job->record->data.device = WEFT_SCHED_NO_DEVICE;
	if (args->buffer_count) {
		job->holds = kvcalloc(args->buffer_count, sizeof(*job->holds), GFP_KERNEL_ACCOUNT);
		job->refs = kvcalloc(args->buffer_count, sizeof(*job->refs), GFP_KERNEL_ACCOUNT);
		if (!job->holds || !job->refs)
			return -ENOMEM;
	}
	return weft_sync_prepare(job, batch->file, entry->outs, entry->out_count);
}

/* What late jobs cannot wait for in the scheduler they wait for here. */
static int weft_collect_fence(struct weft_entry *entry, struct dma_fence *fence)
{
	if (!dma_fence_is_signaled(fence)) {
		if (entry->fences) {
			entry->fences[entry->fence_count++] = fence;
			return 0;
		}
		if (dma_fence_wait(fence, true)) {
			dma_fence_put(fence);
			return -EINTR;
		}
	}
	if (dma_fence_get_status(fence) < 0)
		entry->prefailed = true;
	dma_fence_put(fence);
	return 0;
}

/* What the in-syncobjs mean; jobs are looked up when the batch has its place in program order. */
static int weft_collect_syncs(struct weft_batch *batch, struct weft_entry *entry)
{
	struct dma_fence *fence;
	struct weft_job *from;
	int ret = 0;
	u32 i;

	/* one more for ORDERED */
	entry->froms = kvcalloc(entry->dep_count + 1, sizeof(*entry->froms), GFP_KERNEL_ACCOUNT);
	if (!entry->froms)
		return -ENOMEM;
	if (batch->queue->flags & DRM_WEFT_QUEUE_EARLY && entry->dep_count) {
		entry->fences = kvcalloc(entry->dep_count, sizeof(*entry->fences),
					 GFP_KERNEL_ACCOUNT);
		if (!entry->fences)
			return -ENOMEM;
	}
	for (i = 0; i < entry->dep_count && !ret; i++) {
		if (entry->deps[i].type != DRM_WEFT_DEP_SYNCOBJ)
			continue;
		ret = weft_sync_dep(batch->client->pool, batch->file, entry->deps[i].handle,
				    entry->deps[i].value, &from, &fence);
		if (from)
			entry->froms[entry->from_count++] = from;
		else if (fence)
			ret = weft_collect_fence(entry, fence);
	}
	return ret;
}

static int weft_collect_batch(struct weft_batch *batch)
{
	int ret;
	u32 i;

	for (i = 0; i < batch->count; i++) {
		ret = weft_collect_job(batch, &batch->entries[i], &batch->args[i]) ?:
		      weft_collect_syncs(batch, &batch->entries[i]);
		if (ret) {
			batch->failed = i;
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/* Which buffers are imported? */
static int weft_collect_imports(struct weft_batch *batch, struct weft_entry *entry, u32 count)
{
	struct weft_bo *bo;
	u32 i;

	for (i = 0; i < count; i++) {
		bo = weft_bo_lookup(batch->file, entry->buffers[i].handle);
		if (!bo)
			return -ENOENT;
		if (!bo->import || !weft_hold_access_ok(&entry->buffers[i])) {
			drm_gem_object_put(&bo->gem);
			continue;
		}
		if (!entry->imports)
			entry->imports = kcalloc(count, sizeof(bo), GFP_KERNEL_ACCOUNT);
		if (!entry->imports) {
			drm_gem_object_put(&bo->gem);
			return -ENOMEM;
		}
		entry->imports[i] = bo;
	}
	return 0;
}

/* Attach @wdev, of which the caller is a user, to all imports of @entry. */
static bool weft_collect_attach(struct weft_entry *entry, u32 count, struct weft_device *wdev)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (entry->imports[i] && IS_ERR(weft_import_attach(entry->imports[i], wdev)))
			return false;
	return true;
}

/* Do all devices that may get the job reach its imports by themselves? */
static bool weft_collect_direct(struct weft_entry *entry, u32 count)
{
	struct weft_pool *pool = entry->job->pool;
	bool direct = true, any = false;
	struct weft_device *wdev;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(pool->devices) && direct; i++) {
		wdev = weft_device_use(pool, i);
		if (!wdev)
			continue;
		if (weft_job_suits(entry->job, wdev, true)) {
			direct = (wdev->desc.caps & WEFT_CAP_DMA) &&
				 weft_collect_attach(entry, count, wdev);
			any = true;
		}
		weft_device_user_put(wdev);
	}
	return direct && any;
}

/*
 * Imported buffers are brought in the reach of the devices, or they are opened, for which their
 * exporters wait for fences. The queue has its turn already, so that this job's fence comes after
 * those of the jobs before it.
 */
static int weft_collect_foreign(struct weft_batch *batch)
{
	struct weft_entry *entry = &batch->entries[0];
	u32 i, count = batch->args[0].buffer_count;
	int ret;

	/* several jobs would be refused in any case */
	if (batch->count != 1)
		return 0;
	batch->failed = 0;
	ret = weft_collect_imports(batch, entry, count);
	if (!ret && entry->imports)
		entry->job->direct = weft_collect_direct(entry, count);
	for (i = 0; i < count && !ret && entry->imports; i++) {
		if (!entry->imports[i])
			continue;
		if (entry->job->direct) {
			weft_import_pass(entry->imports[i]);
			continue;
		}
		ret = weft_import_open(entry->imports[i], &entry->buffers[i]);
		if (!ret && (entry->buffers[i].access & DRM_WEFT_ACCESS_WRITE))
			entry->open |= BIT_ULL(i);
	}
	if (!ret)
		batch->failed = ~0u;
	return ret;
}

/* The job's holds take over what was opened, unless the handle has come to mean something else. */
static int weft_check_import(struct weft_entry *entry, u32 i)
{
	struct weft_bo_hold *hold = &entry->job->holds[i];
	struct weft_bo *import = entry->imports ? entry->imports[i] : NULL;

	if (import != (hold->bo->import ? hold->bo : NULL))
		return -EINVAL;
	hold->open = entry->open & BIT_ULL(i);
	entry->open &= ~BIT_ULL(i);
	return 0;
}

static void weft_entry_close(struct weft_entry *entry, u32 count)
{
	u32 i;

	for (i = 0; entry->imports && i < count; i++) {
		if (!entry->imports[i])
			continue;
		if (entry->open & BIT_ULL(i))
			weft_import_close(entry->imports[i]);
		drm_gem_object_put(&entry->imports[i]->gem);
	}
	kfree(entry->imports);
}

/* ----------------------------------------------------------------- 2. check */

static int weft_check_buffers(struct weft_batch *batch, struct weft_entry *entry,
			      const struct drm_weft_job *args)
{
	struct weft_job *job = entry->job;
	u32 i, j;
	int ret;

	for (i = 0; i < args->buffer_count; i++) {
		ret = weft_hold_init(batch->client, batch->file, &entry->buffers[i],
				     &job->holds[i], &job->refs[i]);
		if (ret)
			return ret;
		job->buffer_count = i + 1;
		if (batch->count == 1) {
			ret = weft_check_import(entry, i);
			if (ret)
				return ret;
		}
		for (j = 0; j < i; j++)
			if (job->holds[j].bo == job->holds[i].bo)
				return -EINVAL;
	}
	for (i = 0; i < job->reloc_count; i++) {
		if (job->relocs[i].offset % 8 || job->relocs[i].offset + 8ull > job->args_size ||
		    job->relocs[i].buffer >= job->buffer_count ||
		    job->relocs[i].delta >= job->holds[job->relocs[i].buffer].length)
			return -EINVAL;
	}
	job->sched.refs = job->refs;
	job->sched.ref_count = job->buffer_count;
	return 0;
}

u64 weft_job_devices(struct weft_job *job, int *why)
{
	struct weft_pool *pool = job->pool;
	struct weft_device *wdev;
	u64 devices = 0;
	u32 i;

	lockdep_assert_held(&pool->topology);
	if (why)
		*why = -ENODEV;
	for (i = 0; i < ARRAY_SIZE(pool->devices); i++) {
		wdev = pool->devices[i];
		if (!wdev || !weft_job_suits(job, wdev, job->early))
			continue;
		if (job->direct && !(wdev->desc.caps & WEFT_CAP_DMA))
			continue;
		if (!weft_hold_fits(job->holds, job->buffer_count, wdev)) {
			if (why)
				*why = -ENOSPC;
			continue;
		}
		devices |= BIT_ULL(i);
	}
	return devices;
}

/*
 * Edges that @job may need for its buffers, the earlier jobs of this batch included. A bound: jobs
 * may end between now and the commit, and a writer that ends before its time uncovers the
 * readers that it would have waited for.
 */
static u32 weft_count_hazards(struct weft_job *job, u64 serial)
{
	struct weft_pool *pool = job->pool;
	struct weft_bo *bo;
	u32 i, edges;

	spin_lock(&pool->lock);
	edges = weft_sched_job_edges(&pool->sched, &job->sched);
	spin_unlock(&pool->lock);
	for (i = 0; i < job->buffer_count; i++) {
		bo = job->holds[i].bo;
		if (bo->batch != serial) {
			bo->batch = serial;
			bo->batch_readers = 0;
			bo->batch_writers = 0;
		}
		edges += job->sched.run_anyway ? bo->batch_writers : !!bo->batch_writers;
		if (job->holds[i].access & DRM_WEFT_ACCESS_WRITE) {
			edges += bo->batch_readers;
			bo->batch_writers++;
		} else {
			bo->batch_readers++;
		}
	}
	return edges;
}

/* What the job waits for by name. */
static int weft_check_deps(struct weft_batch *batch, u32 index)
{
	struct weft_entry *entry = &batch->entries[index];
	struct weft_job *from;
	struct drm_weft_dep *dep;
	int error;
	u32 i;

	for (i = 0; i < entry->dep_count; i++) {
		dep = &entry->deps[i];
		from = NULL;
		error = 0;
		switch (dep->type) {
		case DRM_WEFT_DEP_INDEX:
			if (dep->handle || dep->value >= index)
				return -EINVAL;
			from = batch->entries[dep->value].job;
			weft_job_get(from);
			break;
		case DRM_WEFT_DEP_JOB:
			if (dep->handle)
				return -EINVAL;
			from = weft_job_find(batch->client, dep->value, &error);
			if (IS_ERR(from))
				return PTR_ERR(from);
			break;
		case DRM_WEFT_DEP_SYNCOBJ:
			/* weft_collect_syncs() */
			break;
		default:
			return -EINVAL;
		}
		/* DONE already, and badly */
		if (!from && error)
			entry->prefailed = true;
		if (from)
			entry->froms[entry->from_count++] = from;
	}
	if (batch->queue->flags & DRM_WEFT_QUEUE_ORDERED) {
		from = index ? batch->entries[index - 1].job : batch->queue->last;
		if (from) {
			weft_job_get(from);
			entry->froms[entry->from_count++] = from;
		}
	}
	return 0;
}

/* Can others see what the job does while it is under way? */
static bool weft_check_early(struct weft_batch *batch, struct weft_job *job)
{
	u32 i;

	if (batch->queue->flags & DRM_WEFT_QUEUE_EARLY)
		return true;
	for (i = 0; i < job->buffer_count; i++)
		if (weft_bo_shared(job->holds[i].bo))
			return true;
	return false;
}

static int weft_check_job(struct weft_batch *batch, u32 index, u64 serial)
{
	struct weft_entry *entry = &batch->entries[index];
	struct weft_job *job = entry->job;
	int ret, why;
	u32 i;

	ret = weft_check_buffers(batch, entry, &batch->args[index]);
	if (ret)
		return ret;
	if (weft_check_early(batch, job)) {
		if (batch->count != 1)
			return -EINVAL;
		ret = weft_early_init(job, entry->fences, entry->fence_count);
		if (ret)
			return ret;
		/* the job's now */
		entry->fences = NULL;
	}
	job->sched.priority = batch->queue->priority;
	down_read(&job->pool->topology);
	job->sched.devices = weft_job_devices(job, &why);
	up_read(&job->pool->topology);
	if (!job->sched.devices)
		return why;

	ret = weft_check_deps(batch, index);
	if (ret)
		return ret;
	ret = weft_sync_promise(job);
	if (ret)
		return ret;

	job->edge_count = entry->from_count;
	if (!job->early)
		job->edge_count += weft_count_hazards(job, serial);
	if (!job->edge_count)
		return 0;
	job->edges = kvcalloc(job->edge_count, sizeof(*job->edges), GFP_KERNEL_ACCOUNT);
	if (!job->edges)
		return -ENOMEM;
	for (i = 0; i < entry->from_count; i++)
		job->edges[i].from = &entry->froms[i]->sched;
	return 0;
}

static int weft_check_batch(struct weft_batch *batch)
{
	u64 serial = atomic64_inc_return(&weft_batch_serial);
	struct weft_queue *queue = batch->queue;
	int ret;
	u32 i;

	lockdep_assert_held(&batch->client->submit_lock);
	if (queue->destroyed)
		return -ENOENT;
	if (atomic_read(&queue->in_flight) + batch->count > queue->depth) {
		weft_queue_full(queue);
		return -EAGAIN;
	}
	if (atomic_read(&batch->client->unread) + batch->count > WEFT_MAX_UNREAD)
		return -ENOBUFS;
	for (i = 0; i < batch->count; i++) {
		ret = weft_check_job(batch, i, serial);
		if (ret) {
			batch->failed = i;
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/* ---------------------------------------------------------------- 3. commit */

/* Records get their ids and places; the only step of the commit that can fail. */
static int weft_commit_records(struct weft_batch *batch, u64 first)
{
	struct weft_client *client = batch->client;
	struct weft_record *record;
	u32 i;

	for (i = 0; i < batch->count; i++) {
		record = batch->entries[i].job->record;
		record->data.id = first + i;
		kref_get(&record->ref);
		if (xa_is_err(xa_store(&client->records, first + i, record, GFP_KERNEL_ACCOUNT)))
			goto err;
	}
	atomic_add(batch->count, &client->unread);
	return 0;
err:
	weft_record_put(record);
	while (i--)
		weft_record_put(xa_erase(&client->records, first + i));
	return -ENOMEM;
}

static void weft_commit_job_locked(struct weft_entry *entry, u64 now)
{
	struct weft_job *job = entry->job;
	struct weft_pool *pool = job->pool;
	u64 usable = job->sched.devices & pool->usable;

	lockdep_assert_held(&pool->lock);
	list_add_tail(&job->pool_node, &pool->jobs);
	trace_job_queue(job);
	WARN_ON(weft_sched_job_submit(&pool->sched, &job->sched, job->edges, job->edge_count,
				      entry->from_count, now));
	if (job->sched.state == WEFT_JOB_DONE)
		return;
	/* a device may have left since the check, and then nobody looked at this job */
	if (entry->prefailed && !job->sched.run_anyway)
		weft_job_end_locked(job, -ECANCELED);
	else if (!usable)
		weft_job_end_locked(job, -ENODEV);
}

/*
 * The only job of its batch. Other clients may be entering uses of the same buffers, so counting
 * the edges, taking a place among the writers and entering are one step.
 */
static void weft_commit_early(struct weft_entry *entry)
{
	struct weft_job *job = entry->job;
	struct weft_pool *pool = job->pool;
	struct weft_sched_edge *edges;
	u32 need;

	for (;;) {
		spin_lock(&pool->lock);
		need = entry->from_count + weft_sched_job_edges(&pool->sched, &job->sched);
		if (need <= job->edge_count)
			break;
		spin_unlock(&pool->lock);
		edges = kvcalloc(need, sizeof(*edges), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
		if (entry->from_count)
			memcpy(edges, job->edges, entry->from_count * sizeof(*edges));
		kvfree(job->edges);
		job->edges = edges;
		job->edge_count = need;
	}
	weft_hold_commit(job);
	weft_commit_job_locked(entry, weft_now());
	spin_unlock(&pool->lock);
}

/* Long batches let others have the lock now and then; submit_lock keeps program order. */
static void weft_commit_chunk(struct weft_batch *batch, u32 first)
{
	struct weft_pool *pool = batch->client->pool;
	u32 i, end = min(first + WEFT_COMMIT_CHUNK, batch->count);
	u64 now;

	spin_lock(&pool->lock);
	now = weft_now();
	for (i = first; i < end; i++)
		weft_commit_job_locked(&batch->entries[i], now);
	spin_unlock(&pool->lock);
}

/* The next job of an ORDERED queue stands behind this batch. */
static void weft_commit_last(struct weft_batch *batch)
{
	struct weft_job *job = batch->entries[batch->count - 1].job;
	struct weft_job *old = batch->queue->last;

	lockdep_assert_held(&batch->client->submit_lock);
	/* an early SUBMIT slept before: the queue may have been destroyed meanwhile */
	if (!(batch->queue->flags & DRM_WEFT_QUEUE_ORDERED) || batch->queue->destroyed)
		return;
	batch->queue->last = job;
	weft_job_get(job);
	if (old)
		weft_job_put(old);
}

static int weft_commit_batch(struct weft_batch *batch, u64 *first_id)
{
	struct weft_client *client = batch->client;
	struct weft_pool *pool = client->pool;
	struct weft_job *job;
	u64 first, now;
	bool early;
	u32 i;
	int ret;

	lockdep_assert_held(&client->submit_lock);
	spin_lock(&pool->lock);
	first = pool->last_job_id + 1;
	pool->last_job_id += batch->count;
	spin_unlock(&pool->lock);
	ret = weft_commit_records(batch, first);
	if (ret)
		return ret;

	/* nothing fails from here on */
	now = weft_now();
	atomic_add(batch->count, &batch->queue->in_flight);
	atomic64_add(batch->count, &client->jobs_submitted);
	for (i = 0; i < batch->count; i++) {
		job = batch->entries[i].job;
		job->sched.id = first + i;
		job->record->data.submit_ns = now;
		if (!job->early)
			weft_hold_commit(job);
		weft_sync_arm(job);
		spin_lock(&client->record_lock);
		list_add_tail(&job->client_node, &client->jobs);
		spin_unlock(&client->record_lock);
	}
	/* a job that is in may be gone: nothing of it is read any more */
	early = job->early;
	if (early)
		weft_commit_early(&batch->entries[0]);
	else
		weft_commit_last(batch);
	for (i = 0; !early && i < batch->count; i += WEFT_COMMIT_CHUNK)
		weft_commit_chunk(batch, i);
	*first_id = first;
	return 0;
}

/* ------------------------------------------------------------------------- */

static void weft_batch_free(struct weft_batch *batch, bool committed)
{
	struct weft_entry *entry;
	u32 i, j;

	for (i = 0; i < batch->count; i++) {
		entry = &batch->entries[i];
		for (j = 0; j < entry->from_count; j++)
			weft_job_put(entry->froms[j]);
		for (j = 0; entry->fences && j < entry->fence_count; j++)
			dma_fence_put(entry->fences[j]);
		weft_entry_close(entry, batch->args[i].buffer_count);
		kvfree(entry->buffers);
		kvfree(entry->deps);
		kvfree(entry->outs);
		kvfree(entry->froms);
		kvfree(entry->fences);
	}
	/* references that dependents hold are gone: drop the jobs themselves */
	for (i = 0; !committed && i < batch->count; i++)
		if (batch->entries[i].job)
			weft_job_put(batch->entries[i].job);
	kvfree(batch->entries);
	kvfree(batch->args);
	weft_queue_put(batch->queue);
}

/* The job is in; its SUBMIT returns when it is published, or takes it back if interrupted. */
static int weft_submit_early(struct weft_batch *batch)
{
	struct weft_job *job = batch->entries[0].job;
	int ret;

	weft_pump_kick(batch->client->pool);
	ret = weft_early_wait(job);
	if (ret)
		return ret;
	mutex_lock(&batch->client->submit_lock);
	weft_commit_last(batch);
	mutex_unlock(&batch->client->submit_lock);
	return 0;
}

static int weft_submit(struct weft_batch *batch, u64 *first, bool *committed)
{
	struct weft_client *client = batch->client;
	struct weft_job *job;
	bool early;
	int ret;

	lockdep_assert_held(&batch->queue->turn);
	if (mutex_lock_interruptible(&client->submit_lock))
		return -EINTR;
	ret = weft_check_batch(batch);
	job = batch->entries[0].job;
	early = !ret && job->early;
	/* once it is in, a job may have ended, and be gone, at any moment */
	if (early)
		weft_job_get(job);
	ret = ret ?: weft_commit_batch(batch, first);
	mutex_unlock(&client->submit_lock);
	*committed = !ret;
	if (!ret && early)
		ret = weft_submit_early(batch);
	if (early)
		weft_job_put(job);
	return ret;
}

int weft_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_submit *args = data;
	struct weft_batch batch = { .client = client, .file = file, .failed = ~0u };
	u32 failed_before = args->failed_index;
	bool committed = false;
	u64 first;
	int ret;

	args->failed_index = ~0u;
	if (args->flags || args->pad || !args->job_count ||
	    args->job_count > WEFT_MAX_JOBS_PER_SUBMIT)
		return -EINVAL;
	batch.queue = weft_queue_lookup(client, args->queue);
	if (!batch.queue)
		return -ENOENT;
	batch.args = weft_collect(args->jobs, args->job_count, args->job_stride,
				  sizeof(*batch.args), WEFT_MAX_JOBS_PER_SUBMIT, &ret);
	if (ret)
		goto out;
	batch.entries = kvcalloc(args->job_count, sizeof(*batch.entries), GFP_KERNEL_ACCOUNT);
	if (!batch.entries) {
		ret = -ENOMEM;
		goto out;
	}
	batch.count = args->job_count;
	ret = weft_collect_batch(&batch);
	if (ret)
		goto out;

	if (mutex_lock_interruptible(&batch.queue->turn)) {
		ret = -EINTR;
		goto out;
	}
	ret = weft_collect_foreign(&batch) ?: weft_submit(&batch, &first, &committed);
	mutex_unlock(&batch.queue->turn);
	if (!ret) {
		args->first_job_id = first;
		weft_pump_inline(client);
	}
out:
	/* a call that may be repeated leaves its arguments as they were */
	if (ret == -EFAULT || ret == -EINTR)
		args->failed_index = failed_before;
	else
		args->failed_index = batch.failed;
	weft_batch_free(&batch, committed);
	return ret;
}
