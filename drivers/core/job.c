// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: jobs
 *
 * A job is made by SUBMIT and from then on belongs to whoever its state says: the scheduler
 * (WAITING, READY), a bind worker (BINDING), an engine (BOUND, RUNNING), the pump (DONE).
 * Whatever way it ends, it passes weft_job_retire() exactly once: its record becomes final, its
 * out-syncobjs are published in submission order, its queue has room again, its waiters wake,
 * its memory goes to the release worker.
 *
 * Cancelling only ever sets job->cancel under the pool's lock and prods the present owner; each
 * owner looks at it before it passes the job on. So a cancelled job has one end, too.
 *
 * Rejected: a lock per job (every owner already has a lock, and a job has one owner at a time).
 */
#include <linux/slab.h>

#include "core.h"
#include "early.h"
#include "trace.h"
#include "../memory/memory.h"

#define WEFT_DEADLINE_FLOOR	(2ull * NSEC_PER_SEC)
#define WEFT_DEADLINE_CAP	(30ull * NSEC_PER_SEC)
#define WEFT_MAX_BINDS		16	/* of a job whose contexts are lost under it */
#define WEFT_MAX_QUERY		4096	/* records in one JOB_QUERY */

struct weft_job *weft_job_alloc(struct weft_client *client)
{
	struct weft_job *job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);

	if (!job)
		return NULL;
	kref_init(&job->ref);
	job->pool = client->pool;
	job->client = client;
	job->flight_put.job = job;
	job->sync_put.job = job;
	job->abort_put.job = job;
	job->abort_wq = job->pool->bind_wq;
	weft_client_get(client);
	weft_pool_get(job->pool);
	INIT_LIST_HEAD(&job->engine_node);
	INIT_LIST_HEAD(&job->pool_node);
	INIT_LIST_HEAD(&job->client_node);
	INIT_LIST_HEAD(&job->finish_node);
	INIT_LIST_HEAD(&job->queue_node);
	weft_chain_init(job);
	INIT_WORK(&job->bind_work, weft_job_bind_work);
	INIT_WORK(&job->abort_work, weft_job_abort_work);
	timer_setup(&job->deadline, weft_job_deadline, 0);
	return job;
}

void weft_job_get(struct weft_job *job)
{
	kref_get(&job->ref);
}

static void weft_job_free(struct kref *ref)
{
	struct weft_job *job = container_of(ref, struct weft_job, ref);
	struct weft_pool *pool = job->pool;
	u32 i;

	timer_shutdown_sync(&job->deadline);
	/* was it ever handed to the scheduler? */
	if (job->sched.id) {
		spin_lock(&pool->lock);
		weft_sched_job_forget(&pool->sched, &job->sched);
		spin_unlock(&pool->lock);
	}
	weft_early_fini(job);
	weft_lease_free(job);
	weft_home_fini(job);
	weft_sync_free(job);
	for (i = 0; job->holds && i < job->buffer_count; i++)
		weft_hold_fini(&job->holds[i]);
	kvfree(job->holds);
	kvfree(job->refs);
	kvfree(job->edges);
	kvfree(job->relocs);
	kvfree(job->args);
	kvfree(job->run.args);
	if (job->program)
		weft_program_put(job->program);
	if (job->record)
		weft_record_put(job->record);
	if (job->queue)
		weft_queue_put(job->queue);
	weft_client_put(job->client);
	/* whoever completes a run twice in one interrupt must not hit the next job: runs.c */
	kfree_rcu(job, rcu);
	weft_pool_put(pool);
}

/* Process context, no locks of ours held: the last put sleeps. */
void weft_job_put(struct weft_job *job)
{
	kref_put(&job->ref, weft_job_free);
}

/* Drop a reference where sleeping is allowed. Any context. */
void weft_job_put_later(struct weft_job_later *later)
{
	struct weft_pool *pool = later->job->pool;

	/* who pumps on his own stack drops it on the way out */
	if (llist_add(&later->node, &pool->release_list) && !weft_pump_here(pool))
		queue_work(pool->bind_wq, &pool->release_work);
}

/* Drop the reference of @job's abort, which nobody may wait for. */
void weft_job_put_abort(struct weft_job *job)
{
	/* with the last one nobody is left who could queue another abort before it is dropped */
	if (!refcount_dec_not_one(&job->ref.refcount))
		weft_job_put_later(&job->abort_put);
}

/* Drop the reference for being in flight; once per job. Any context. */
void weft_job_put_deferred(struct weft_job *job)
{
	weft_job_put_later(&job->flight_put);
}

void weft_job_release(struct weft_pool *pool)
{
	struct llist_node *node = llist_del_all(&pool->release_list);
	struct weft_job_later *later, *next;

	llist_for_each_entry_safe(later, next, node, node) {
		/* who else refers to the job must not keep what it had mapped on its device */
		if (later == &later->job->flight_put)
			weft_home_fini(later->job);
		weft_job_put(later->job);
	}
}

void weft_job_release_work(struct work_struct *work)
{
	weft_job_release(container_of(work, struct weft_pool, release_work));
}

void weft_job_release_soon(struct work_struct *work)
{
	weft_job_release(container_of(to_delayed_work(work), struct weft_pool, release_soon));
}

/* ------------------------------------------------------------------ the end */

static void weft_job_settle_record(struct weft_job *job)
{
	struct drm_weft_job_record *data = &job->record->data;
	struct weft_client *client = job->client;

	spin_lock(&client->record_lock);
	data->state = DRM_WEFT_JOB_DONE;
	data->error = -job->error;
	data->code = job->code;
	data->device = job->runs ? job->last_device : WEFT_SCHED_NO_DEVICE;
	data->runs = job->runs;
	data->moves = job->sched.moves;
	data->ready_ns = job->sched.ready_time;
	data->bind_ns = job->bind_ns;
	data->start_ns = job->start_ns;
	data->end_ns = job->runs ? job->end_ns : weft_now();
	data->busy_ns = job->runs ? job->busy_ns : 0;
	data->transfer_bytes = atomic64_read(&job->transfer_bytes);
	data->launches = job->lease ? job->lease->launches : 0;
	data->device_ns = job->lease ? job->lease->device_ns : 0;
	job->record->job = NULL;
	/* before anybody can know that it is DONE */
	trace_job_done(job);
	list_del_init(&job->client_node);
	spin_unlock(&client->record_lock);
}

void weft_job_retire(struct weft_job *job)
{
	struct weft_client *client = job->client;
	struct weft_device *wdev = job->wdev;

	weft_job_settle_record(job);
	spin_lock(&job->pool->lock);
	list_del_init(&job->pool_node);
	job->wdev = NULL;
	spin_unlock(&job->pool->lock);
	if (wdev)
		weft_device_user_put(wdev);
	atomic64_inc(&client->jobs_completed);
	if (job->error)
		atomic64_inc(&client->jobs_failed);
	weft_early_retire(job);
	weft_sync_publish(job);
	weft_early_settle(job);
	weft_queue_job_retired(job->queue);
	wake_up_all(&client->wait);
	weft_job_put_deferred(job);
}

void weft_job_end_locked(struct weft_job *job, int error)
{
	lockdep_assert_held(&job->pool->lock);
	job->error = error;
	weft_residency_lost(job);
	if (!WARN_ON(weft_sched_job_cancel(&job->pool->sched, &job->sched, error, weft_now())))
		list_add_tail(&job->finish_node, &job->pool->finished);
}

bool weft_job_repeatable(struct weft_job *job)
{
	u32 i;

	/* one that was never granted has done nothing yet */
	if (job->lease)
		return !job->runs;
	/* a published fence stays with its device */
	if (!(job->flags & DRM_WEFT_JOB_IDEMPOTENT) || job->early)
		return false;
	for (i = 0; i < job->buffer_count; i++)
		if (job->holds[i].access == (DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE))
			return false;
	return weft_residency_elsewhere(job, job->wdev->region);
}

/* From BINDING: nothing is held any more. */
void weft_job_fail(struct weft_job *job, int error)
{
	struct weft_pool *pool = job->pool;

	weft_residency_lost(job);
	weft_context_put(job);
	spin_lock(&pool->lock);
	job->error = job->cancel ?: error;
	weft_sched_job_done(&pool->sched, &job->sched, job->error, 0, weft_now());
	list_add_tail(&job->finish_node, &pool->finished);
	spin_unlock(&pool->lock);
	weft_pump_kick(pool);
}

/* From BINDING: nothing is held any more. */
void weft_job_return(struct weft_job *job, enum weft_return_reason why)
{
	struct weft_pool *pool = job->pool;
	struct weft_client *client = job->client;
	struct weft_device *wdev = job->wdev;
	bool withdrawn;
	int ret;

	weft_client_get(client);
	weft_context_put(job);
	spin_lock(&pool->lock);
	job->wdev = NULL;
	if (why == WEFT_RETURN_DEVICE_LOST)
		weft_device_gone_locked(wdev);
	ret = weft_sched_job_return(&pool->sched, &job->sched, why, 0, weft_now());
	withdrawn = job->early && job->early->withdraw && weft_early_withdraw_locked(job);
	if (!withdrawn && job->cancel)
		weft_job_end_locked(job, job->cancel);
	else if (!withdrawn && ret)
		weft_job_end_locked(job, ret);
	else if (!withdrawn)
		weft_pool_check_locked(pool, job);
	spin_unlock(&pool->lock);
	/* an interrupted SUBMIT waits for the answer */
	wake_up_all(&client->wait);
	weft_device_user_put(wdev);
	weft_pump_kick(pool);
	weft_client_put(client);
}

int weft_job_cancel(struct weft_job *job, int error)
{
	struct weft_pool *pool = job->pool;
	bool running = false;
	int ret = 0;

	spin_lock(&pool->lock);
	switch (job->sched.state) {
	case WEFT_JOB_DONE:
		ret = -EALREADY;
		break;
	case WEFT_JOB_WAITING:
	case WEFT_JOB_READY:
		WRITE_ONCE(job->cancel, error);
		weft_job_end_locked(job, error);
		break;
	default:
		if (!job->cancel)
			WRITE_ONCE(job->cancel, error);
		running = job->sched.state != WEFT_JOB_BINDING;
		break;
	}
	spin_unlock(&pool->lock);
	if (ret)
		return ret;

	/* the engine may have it already although the pump has not heard of the start */
	if (running && !weft_engine_unbind(job))
		weft_job_abort_queue(job);
	weft_pump_kick(pool);
	return 0;
}

/* ------------------------------------------------------------------ binding */

static void weft_job_apply_relocs(struct weft_job *job)
{
	u64 address;
	u32 i;

	memcpy(job->run.args, job->args, job->args_size);
	for (i = 0; i < job->reloc_count; i++) {
		address = job->holds[job->relocs[i].buffer].address + job->relocs[i].delta;
		memcpy(job->run.args + job->relocs[i].offset, &address, sizeof(address));
	}
}

u64 weft_run_reloc_length(const struct weft_run *run, u32 index)
{
	const struct weft_job *job = container_of(run, struct weft_job, run);
	const struct drm_weft_reloc *reloc = &job->relocs[index];

	return job->holds[reloc->buffer].length - reloc->delta;
}
EXPORT_SYMBOL_GPL(weft_run_reloc_length);

/* The compute engine with the fewest jobs per credit. */
static struct weft_engine *weft_job_choose_engine(struct weft_device *wdev)
{
	struct weft_engine *engine, *best = NULL;
	u64 load, best_load = U64_MAX;
	u32 i;

	lockdep_assert_held(&wdev->pool->lock);
	for (i = 0; i < wdev->desc.engine_count; i++) {
		engine = &wdev->engines[(wdev->next_engine + i) % wdev->desc.engine_count];
		if (engine->kind != WEFT_ENGINE_COMPUTE)
			continue;
		load = div_u64((u64)engine->assigned << 16, engine->credits);
		if (load < best_load) {
			best = engine;
			best_load = load;
		}
	}
	wdev->next_engine = best->index + 1;
	return best;
}

int weft_job_bound_locked(struct weft_job *job)
{
	struct weft_pool *pool = job->pool;
	struct weft_device *wdev = job->wdev;
	int ret;

	lockdep_assert_held(&pool->lock);
	ret = weft_sched_job_bound(&pool->sched, &job->sched, weft_now());
	if (ret)
		return ret;
	job->engine = weft_job_choose_engine(wdev);
	job->engine->assigned++;
	/* early jobs may wait for it to end, whatever it is itself */
	job->abort_wq = wdev->desc.caps & WEFT_CAP_EARLY ? pool->early_wq : pool->bind_wq;
	job->run.engine = job->engine->index;
	job->run.disturbed = false;
	job->run.priv[0] = 0;
	job->run.priv[1] = 0;
	job->run.wait_count = 0;
	if (job->lease)
		job->run.timeout_ns = weft_lease_quantum(job);
	else
		job->run.timeout_ns = job->timeout_ns ?:
			weft_sched_deadline(&pool->sched, &job->sched, &wdev->sched,
					    WEFT_DEADLINE_FLOOR, WEFT_DEADLINE_CAP);
	weft_chain_bound_locked(job);
	return 0;
}

/*
 * Everything @job needs is there: BINDING -> BOUND. Else nothing is held: it was cancelled, or
 * -EAGAIN: one that it follows has left.
 */
static int weft_job_start(struct weft_job *job, struct weft_image *image)
{
	struct weft_pool *pool = job->pool;
	int ret;

	job->run.job_id = job->sched.id;
	job->run.image = image;
	job->run.relocs = job->relocs;
	job->run.reloc_count = job->reloc_count;
	weft_job_apply_relocs(job);
	if (job->early) {
		weft_early_publish(job);
		return 0;
	}

	spin_lock(&pool->lock);
	ret = job->cancel ?: weft_job_bound_locked(job);
	spin_unlock(&pool->lock);
	if (ret) {
		weft_residency_unbind(job, false, 0);
		return ret;
	}
	weft_engine_add(job->engine, job);
	return 0;
}

bool weft_job_bind_try(struct weft_job *job)
{
	struct weft_image *image;
	u32 i;

	/* its client brings all that it needs */
	if (job->lease)
		return !weft_job_start(job, NULL);
	/* publishing a fence takes locks and memory; so does bringing bytes home */
	if (job->early)
		return false;
	for (i = 0; i < job->buffer_count; i++)
		if (weft_bo_home(job->holds[i].bo))
			return false;
	if (!weft_context_try(job))
		return false;
	image = weft_program_try(job->program, job->wdev, job->image_mask);
	if (image && weft_residency_try(job, job->wdev) && !weft_job_start(job, image))
		return true;
	weft_context_put(job);
	return false;
}

void weft_job_bind_work(struct work_struct *work)
{
	struct weft_job *job = container_of(work, struct weft_job, bind_work);
	struct weft_device *wdev = job->wdev;
	struct weft_pool *pool = job->pool;
	struct weft_image *image = NULL;
	bool chains;
	int ret;

	if (READ_ONCE(job->cancel)) {
		weft_job_fail(job, job->cancel);
		return;
	}
	if (job->lease)
		goto start;
	ret = weft_context_get(job);
	if (!ret) {
		image = weft_program_load(job->program, wdev, job->image_mask, job->run.context);
		ret = PTR_ERR_OR_ZERO(image);
		/* that of a program, not of a region: nothing to wait for */
		if (ret == -EAGAIN)
			ret = -EIO;
	}
	if (!ret)
		ret = weft_home_settle(job) ?: weft_residency_bind(job, wdev);
	if (ret == -EAGAIN)
		return weft_job_return(job, WEFT_RETURN_NO_SPACE);
	if (ret == -ESTALE && job->stale_binds++ < WEFT_MAX_BINDS && !READ_ONCE(wdev->lost))
		return weft_job_return(job, WEFT_RETURN_DRAIN);
	if (ret == -ESTALE)
		ret = READ_ONCE(wdev->lost) ? -ENODEV : -EIO;
	if (ret == -ENODEV || (ret && READ_ONCE(wdev->lost)))
		return weft_job_return(job, WEFT_RETURN_DEVICE_LOST);
	if (ret)
		return weft_job_fail(job, ret);
start:
	chains = wdev->desc.caps & WEFT_CAP_CHAINS;
	ret = weft_job_start(job, image);
	if (ret == -EAGAIN)
		weft_job_return(job, WEFT_RETURN_DRAIN);
	else if (ret)
		weft_job_fail(job, job->cancel);
	else if (chains)
		weft_pump_kick(pool);
}

/* ------------------------------------------------------------------ records */

static void weft_record_free(struct kref *ref)
{
	kfree(container_of(ref, struct weft_record, ref));
}

void weft_record_put(struct weft_record *record)
{
	kref_put(&record->ref, weft_record_free);
}

struct weft_record *weft_record_lookup(struct weft_client *client, u64 id)
{
	struct weft_record *record;

	xa_lock(&client->records);
	record = xa_load(&client->records, id);
	if (record)
		kref_get(&record->ref);
	xa_unlock(&client->records);
	return record;
}

/**
 * weft_job_find() - a job of a client
 * @client: client
 * @id: job id
 * @error: out, how it ended if it is DONE (0 or negative errno)
 *
 * Return: a reference to the job, NULL if it is DONE, ERR_PTR(-ENOENT).
 */
struct weft_job *weft_job_find(struct weft_client *client, u64 id, int *error)
{
	struct weft_record *record = weft_record_lookup(client, id);
	struct weft_job *job;

	if (!record)
		return ERR_PTR(-ENOENT);
	spin_lock(&client->record_lock);
	job = record->job;
	if (job)
		weft_job_get(job);
	*error = -(int)record->data.error;
	spin_unlock(&client->record_lock);
	weft_record_put(record);
	return job;
}

/* A copy of the record as it stands. */
static int weft_record_read(struct weft_client *client, u64 id, struct drm_weft_job_record *data)
{
	struct weft_record *record = weft_record_lookup(client, id);
	struct weft_job *job;

	if (!record)
		return -ENOENT;
	spin_lock(&client->record_lock);
	*data = record->data;
	job = record->job;
	if (job) {
		data->state = READ_ONCE(job->sched.state);
		/* DONE is what the record says, not the scheduler: syncobjs may still be due */
		if (data->state == DRM_WEFT_JOB_DONE)
			data->state = DRM_WEFT_JOB_RUNNING;
		data->device = READ_ONCE(job->sched.device);
		data->ready_ns = READ_ONCE(job->sched.ready_time);
		data->runs = READ_ONCE(job->runs);
		data->moves = READ_ONCE(job->sched.moves);
	}
	spin_unlock(&client->record_lock);
	weft_record_put(record);
	return 0;
}

/* 1 all done, 0 not yet, -ENOENT */
static int weft_records_done(struct weft_client *client, u64 first, u32 count, u32 *at)
{
	struct drm_weft_job_record data;
	int ret;

	for (; *at < count; (*at)++) {
		ret = weft_record_read(client, first + *at, &data);
		if (ret)
			return ret;
		if (data.state != DRM_WEFT_JOB_DONE)
			return 0;
	}
	return 1;
}

void weft_record_forget(struct weft_client *client, u64 id)
{
	struct weft_record *record = xa_erase(&client->records, id);

	/* two calls may acknowledge the same record */
	if (record) {
		atomic_dec(&client->unread);
		weft_record_put(record);
	}
}

int weft_ioctl_job_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_job_query *args = data;
	struct drm_weft_job_record record;
	DECLARE_BITMAP(done, WEFT_MAX_QUERY) = { };
	bool wait = args->flags & DRM_WEFT_JOB_QUERY_WAIT;
	u32 i, at = 0, stride = args->stride;
	int ret, state = 0;

	if (args->flags & ~(DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK) || args->pad ||
	    !args->count || args->count > WEFT_MAX_QUERY || (!wait && args->timeout_ns) ||
	    args->first_id + args->count - 1 < args->first_id)
		return -EINVAL;
	if (args->records && (stride < 32 || stride > 4096 || stride % 8))
		return -EINVAL;

	if (wait) {
		ret = weft_wait_until(&client->wait, args->timeout_ns,
				      (state = weft_records_done(client, args->first_id,
								 args->count, &at)) != 0);
		if (state < 0)
			return state;
		if (ret)
			return ret;
		/* of those that a server has brought: see weft_pump_device() */
		weft_job_release(client->pool);
	}
	for (i = 0; i < args->count; i++) {
		ret = weft_record_read(client, args->first_id + i, &record);
		if (ret)
			return ret;
		/* only what the caller was told is final may be forgotten */
		__assign_bit(i, done, record.state == DRM_WEFT_JOB_DONE);
		if (!args->records)
			continue;
		if (weft_copy_element(args->records, i, stride, &record, sizeof(record)))
			return -EFAULT;
	}
	if (args->flags & DRM_WEFT_JOB_QUERY_ACK)
		for_each_set_bit(i, done, args->count)
			weft_record_forget(client, args->first_id + i);
	return 0;
}

int weft_ioctl_job_cancel(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_job_cancel *args = data;
	struct weft_job *job;
	int ret, error;

	if (args->flags || args->pad)
		return -EINVAL;
	job = weft_job_find(client, args->job_id, &error);
	if (IS_ERR(job))
		return PTR_ERR(job);
	if (!job)
		return -EALREADY;
	ret = weft_job_cancel(job, -ECANCELED);
	weft_job_put(job);
	return ret;
}
