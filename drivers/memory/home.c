// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that others may touch: their bytes come in before a job and go out after it.
 *
 * DOC: host-home
 *
 * Once a buffer has been exported, or was imported, there are agents that no fault and no lock of
 * ours can stop: devices of other drivers, mappings, vmaps. All they respect is the reservation,
 * and all they know is the host's bytes. So the host copy is the only one that is ever valid, and a
 * job's memory on its device is a cache that lives for that one job:
 *
 * - bind gets it memory, whatever is in it;
 * - when every fence that the job has to respect has signalled, the range that the job reads is
 *   copied in, and then the job is handed to its engine;
 * - when the run has succeeded, the range that it writes is copied out, and only then is its fence
 *   signalled.
 *
 * The bytes of an import pass through host pages, or the device moves them to and from the
 * exporter's memory by itself (attach.c); the moves are the same.
 *
 * Both moves were prepared before the fence was published. Of a job that fails nothing is copied
 * out: the promise is broken, as for any buffer.
 *
 * A job may be bound before an export and published after it; so the class is looked at where it is
 * settled, under the reservation lock (weft_home_prepare()), and its answer is kept in the hold.
 *
 * Rejected: keeping a device copy from one job to the next while no foreign fence was seen (a
 * mapping leaves no fence); pinning exported buffers in device memory.
 */
#include <linux/slab.h>

#include "memory.h"

/**
 * struct weft_home_move - the transfers of one hold
 * @in: to the device, before the run
 * @out: to the host, after it
 * @reads: @in is there
 * @writes: @out is there and has not been made
 */
struct weft_home_move {
	struct weft_transfer in;
	struct weft_transfer out;
	bool reads;
	bool writes;
};

/*
 * The host copies of home buffers become valid, if jobs from before the export have left the bytes
 * elsewhere. A bind worker, before bind: may sleep, no locks. 0, -ENODATA, or why not.
 */
int weft_home_settle(struct weft_job *job)
{
	u32 i;
	int err;

	for (i = 0; i < job->buffer_count; i++) {
		struct weft_bo_hold *hold = &job->holds[i];

		if (!weft_bo_home(hold->bo))
			continue;
		if ((hold->access & DRM_WEFT_ACCESS_READ) && !weft_hold_readable(hold))
			return -ENODATA;
		if (job->direct && hold->bo->import) {
			hold->attachment = weft_import_attach(hold->bo, job->wdev);
			if (!IS_ERR(hold->attachment))
				continue;
			err = PTR_ERR(hold->attachment);
			hold->attachment = NULL;
			return err;
		}
		err = weft_bo_host_fill(hold->bo);
		/* who brings all that it needs may have what is LOST */
		if (err && (err != -ENODATA || (hold->access & DRM_WEFT_ACCESS_READ)))
			return err;
	}
	return 0;
}

static int weft_home_transfer(struct weft_transfer *t, struct weft_bo_hold *hold,
			      struct weft_job *job, enum weft_copy_kind kind)
{
	u64 offset = hold->copy->offset + hold->offset;

	t->job = job->sched.id;
	if (hold->mapping)
		return weft_transfer_prepare_dma(t, job->wdev, kind, offset, hold->bo,
						 weft_mapping_table(hold->mapping), hold->offset,
						 hold->length);
	return weft_transfer_prepare(t, job->wdev, kind, offset, hold->bo, hold->offset,
				     hold->length);
}

static int weft_home_move_prepare(struct weft_bo_hold *hold, struct weft_job *job)
{
	struct weft_home_move *move = kzalloc(sizeof(*move), GFP_KERNEL);
	int err = 0;

	if (!move)
		return -ENOMEM;
	hold->move = move;
	if (hold->access & DRM_WEFT_ACCESS_READ) {
		move->reads = true;
		err = weft_home_transfer(&move->in, hold, job, WEFT_COPY_TO_DEVICE);
	}
	if (!err && (hold->access & DRM_WEFT_ACCESS_WRITE)) {
		move->writes = true;
		err = weft_home_transfer(&move->out, hold, job, WEFT_COPY_TO_HOST);
	}
	return err;
}

/* The memory behind @hold exists from here on, and is where it is. */
static int weft_home_ground(struct weft_bo_hold *hold)
{
	if (!hold->attachment)
		return weft_bo_populate(hold->bo);
	hold->mapping = weft_attachment_map(hold->attachment);
	if (IS_ERR(hold->mapping)) {
		int err = PTR_ERR(hold->mapping);

		hold->mapping = NULL;
		return err;
	}
	return 0;
}

/*
 * Allocate all that fetch and flush will need. The job is resident; the reservations of its shared
 * buffers are locked. 0, -ENOMEM; -EAGAIN the class of a buffer has just changed: bind again.
 */
int weft_home_prepare(struct weft_job *job)
{
	u32 i;
	int err;

	for (i = 0; i < job->buffer_count; i++) {
		struct weft_bo_hold *hold = &job->holds[i];

		hold->home = weft_bo_home(hold->bo);
		if (!hold->home)
			continue;
		if ((hold->access & DRM_WEFT_ACCESS_READ) && !hold->attachment &&
		    weft_bo_copy_state(&hold->bo->host) != WEFT_BO_VALID)
			return -EAGAIN;
		err = weft_home_ground(hold) ?: weft_home_move_prepare(hold, job);
		if (err)
			return err;
	}
	return 0;
}

/* One of the moves has ended. */
static void weft_home_count(struct weft_job *job, const struct weft_bo_hold *hold,
			    const struct weft_transfer *t)
{
	atomic64_add(t->bytes, &job->transfer_bytes);
	if (hold->mapping && !t->error)
		atomic64_add(t->bytes, &job->pool->import_dma_bytes);
}

/* Copy in, all at once. In the fence-signalling section; sleeps until the device has done it. */
int weft_home_fetch(struct weft_job *job)
{
	int err = 0, ret;
	u32 i;

	for (i = 0; i < job->buffer_count; i++)
		if (job->holds[i].move && job->holds[i].move->reads)
			weft_transfer_begin(&job->holds[i].move->in);
	for (i = 0; i < job->buffer_count; i++) {
		if (!job->holds[i].move || !job->holds[i].move->reads)
			continue;
		ret = weft_transfer_end(&job->holds[i].move->in);
		err = err ?: ret;
		weft_home_count(job, &job->holds[i], &job->holds[i].move->in);
	}
	/* what was moved while the device was reset is nothing to rely on */
	return READ_ONCE(job->wdev->lost) ? -ENODEV : err;
}

/* Is there something to copy out? Any context. */
bool weft_home_dirty(const struct weft_job *job)
{
	u32 i;

	for (i = 0; i < job->buffer_count; i++)
		if (job->holds[i].move && job->holds[i].move->writes)
			return true;
	return false;
}

/* Copy out, all at once; to imported buffers, on to the exporter. Likewise. */
int weft_home_flush(struct weft_job *job)
{
	struct weft_bo_hold *hold;
	int err = 0, ret;
	u32 i;

	for (i = 0; i < job->buffer_count; i++)
		if (job->holds[i].move && job->holds[i].move->writes)
			weft_transfer_begin(&job->holds[i].move->out);
	for (i = 0; i < job->buffer_count; i++) {
		hold = &job->holds[i];
		if (!hold->move || !hold->move->writes)
			continue;
		ret = weft_transfer_end(&hold->move->out);
		err = err ?: ret;
		hold->move->writes = false;
		weft_home_count(job, hold, &hold->move->out);
	}
	if (READ_ONCE(job->wdev->lost))
		err = -ENODEV;
	for (i = 0; i < job->buffer_count && !err; i++)
		if (job->holds[i].open)
			weft_import_write(job->holds[i].bo, job->holds[i].offset,
					  job->holds[i].length);
	return err;
}

/*
 * Tell exporters that the bytes are there, before the fence says so to everybody. Not annotated as
 * signalling: an exporter may take a lock here under which it allocates elsewhere, and the only way
 * to its memory without it is through a DMA mapping. See Documentation/design/early.rst.
 */
void weft_home_close(struct weft_job *job)
{
	u32 i;

	for (i = 0; i < job->buffer_count; i++) {
		if (!job->holds[i].open)
			continue;
		weft_import_close(job->holds[i].bo);
		job->holds[i].open = false;
	}
}

/* Process context, no locks. */
void weft_home_fini(struct weft_job *job)
{
	u32 i;

	for (i = 0; i < job->buffer_count; i++) {
		struct weft_bo_hold *hold = &job->holds[i];
		struct weft_home_move *move = hold->move;

		if (move && move->in.wdev)
			weft_transfer_fini(&move->in);
		if (move && move->out.wdev)
			weft_transfer_fini(&move->out);
		kfree(move);
		hold->move = NULL;
		if (hold->mapping)
			weft_mapping_put(hold->bo, hold->mapping);
		hold->mapping = NULL;
	}
}
