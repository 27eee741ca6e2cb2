// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission, completion, syncobjs.
 *
 * DOC: submit
 *
 * A full queue answers EAGAIN and sends an event when it has room again. Events of one file go to
 * whichever thread reads first, so a thread that waits for room also looks again by itself after
 * WEFT_SPACE_POLL_MS: an event that another thread took costs time, never a hang.
 *
 * Waiting acknowledges: a program that waits for its jobs cannot run out of records, and one that
 * does not is told by ENOBUFS.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_SPACE_POLL_MS	100
#define WEFT_NS_PER_MS		1000000u
/* ids in one JOB_QUERY */
#define WEFT_QUERY_MAX		4096u
#define WEFT_NO_INDEX		(~0u)

static int weft_batch_fill(struct weft_batch *batch)
{
	uint32_t i;

	if (batch->array_room < batch->count) {
		struct drm_weft_job *array = realloc(batch->array, batch->room * sizeof(*array));

		if (!array)
			return weft_fail(ENOMEM, "no memory for %u jobs", batch->count);
		batch->array = array;
		batch->array_room = batch->room;
	}
	for (i = 0; i < batch->count; i++) {
		const struct weft_job *from = batch->jobs[i];
		struct drm_weft_job *to = &batch->array[i];

		*to = from->job;
		to->args = from->args.count ? (uintptr_t)from->args.data : 0;
		to->args_size = from->args.count;
		to->relocs = (uintptr_t)from->relocs.data;
		to->reloc_count = from->relocs.count;
		to->reloc_stride = sizeof(struct drm_weft_reloc);
		to->buffers = (uintptr_t)from->buffers.data;
		to->buffer_count = from->buffers.count;
		to->buffer_stride = sizeof(struct drm_weft_buffer);
		to->deps = (uintptr_t)from->deps.data;
		to->dep_count = from->deps.count;
		to->dep_stride = sizeof(struct drm_weft_dep);
		to->out_syncs = (uintptr_t)from->outs.data;
		to->out_sync_count = from->outs.count;
		to->out_sync_stride = sizeof(struct drm_weft_out_sync);
	}
	return 0;
}

/* Wait until there may be room again or @until; false: the time is over. */
static bool weft_space_wait(struct weft *pool, uint64_t until)
{
	struct pollfd fds = { .fd = pool->fd, .events = POLLIN };
	uint64_t now = weft_sys_now();
	int timeout_ms = WEFT_SPACE_POLL_MS;
	char events[256];

	if (now >= until)
		return false;
	if (until - now < (uint64_t)WEFT_SPACE_POLL_MS * WEFT_NS_PER_MS)
		timeout_ms = (int)((until - now) / WEFT_NS_PER_MS) + 1;
	/* what the events say does not matter: the next try finds out */
	if (weft_sys_poll(&fds, timeout_ms) > 0)
		(void)!weft_sys_read(pool->fd, events, sizeof(events));
	return true;
}

int weft_submit(struct weft_queue *queue, struct weft_batch *batch, int64_t timeout_ns,
		uint64_t *first_id)
{
	struct weft *pool = batch->object.pool;
	struct drm_weft_submit submit = {};
	uint64_t until = weft_until(timeout_ns);
	int ret;

	if (batch->error)
		return weft_fail(-batch->error, "%s", batch->text);
	if (queue->object.pool != pool)
		return weft_fail(EINVAL, "the queue belongs to another pool than the batch");
	if (!batch->count)
		return weft_fail(EINVAL, "the batch is empty: a submission needs at least one job");
	ret = weft_batch_fill(batch);
	if (ret)
		return ret;
	do {
		submit.queue = queue->handle;
		submit.jobs = (uintptr_t)batch->array;
		submit.job_count = batch->count;
		submit.job_stride = sizeof(*batch->array);
		submit.failed_index = WEFT_NO_INDEX;
		ret = weft_call(pool, DRM_IOCTL_WEFT_SUBMIT, &submit);
	} while (ret == -EAGAIN && weft_space_wait(pool, until));
	if (ret && submit.failed_index != WEFT_NO_INDEX)
		return weft_fail_call(ret, DRM_WEFT_SUBMIT, "submitting job %u of %u",
				      submit.failed_index, batch->count);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_SUBMIT, "submitting %u jobs to queue %u",
				      batch->count, queue->handle);
	if (first_id)
		*first_id = submit.first_job_id;
	weft_batch_reset(batch);
	return 0;
}

static int weft_records(struct weft *pool, uint64_t first_id, uint32_t count, uint32_t flags,
			uint64_t until, struct drm_weft_job_record *records)
{
	struct drm_weft_job_query query = {
		.first_id = first_id,
		.count = count,
		.stride = sizeof(*records),
		.records = (uintptr_t)records,
		.flags = flags,
		.timeout_ns = flags & DRM_WEFT_JOB_QUERY_WAIT ? until : 0,
	};
	int ret = weft_call(pool, DRM_IOCTL_WEFT_JOB_QUERY, &query);

	if (ret)
		return weft_fail_call(ret, DRM_WEFT_JOB_QUERY,
				      "reading the records of jobs %" PRIu64 "..%" PRIu64, first_id,
				      first_id + count - 1);
	return 0;
}

static uint32_t weft_chunk(uint32_t left)
{
	return left < WEFT_QUERY_MAX ? left : WEFT_QUERY_MAX;
}

int weft_wait(struct weft *pool, uint64_t first_id, uint32_t count, int64_t timeout_ns,
	      struct drm_weft_job_record *records)
{
	uint64_t until = weft_until(timeout_ns);
	struct drm_weft_job_record *own = NULL;
	uint32_t failed = 0;
	uint32_t done, n, i;
	char text[256];
	int ret = 0;

	if (!count)
		return weft_fail(EINVAL, "no jobs to wait for: the count is 0");
	if (!records) {
		own = calloc(count, sizeof(*own));
		if (!own)
			return weft_fail(ENOMEM, "no memory for %u records", count);
		records = own;
	}
	/* all have to be there before one is acknowledged: on ETIME nothing is lost */
	for (done = 0; done < count && !ret; done += n) {
		n = weft_chunk(count - done);
		ret = weft_records(pool, first_id + done, n, DRM_WEFT_JOB_QUERY_WAIT, until,
				   records + done);
	}
	for (done = 0; done < count && !ret; done += n) {
		n = weft_chunk(count - done);
		ret = weft_records(pool, first_id + done, n, DRM_WEFT_JOB_QUERY_ACK, 0, NULL);
	}
	for (i = 0; i < count && !ret; i++)
		failed += records[i].error != 0;
	for (i = 0; failed && i < count; i++) {
		if (!records[i].error)
			continue;
		ret = weft_fail(EREMOTEIO, "%u of %u jobs failed: %s", failed, count,
				weft_record_text(&records[i], text, sizeof(text)));
		break;
	}
	free(own);
	return ret;
}

int weft_job_poll(struct weft *pool, uint64_t job_id, struct drm_weft_job_record *record)
{
	return weft_records(pool, job_id, 1, 0, 0, record);
}

int weft_cancel(struct weft *pool, uint64_t job_id)
{
	struct drm_weft_job_cancel cancel = { .job_id = job_id };
	int ret = weft_call(pool, DRM_IOCTL_WEFT_JOB_CANCEL, &cancel);

	if (ret)
		return weft_fail_call(ret, DRM_WEFT_JOB_CANCEL, "cancelling job %" PRIu64, job_id);
	return 0;
}

int weft_sync_create(struct weft *pool, uint32_t *sync)
{
	int ret = weft_sys_syncobj_create(pool->fd, sync);

	if (ret)
		return weft_fail(-ret, "creating a syncobj: %s", weft_errno_text(-ret));
	return 0;
}

void weft_sync_destroy(struct weft *pool, uint32_t sync)
{
	weft_sys_syncobj_destroy(pool->fd, sync);
}

int weft_sync_wait(struct weft *pool, uint32_t sync, uint64_t point, int64_t timeout_ns)
{
	uint64_t until = weft_until(timeout_ns);
	int ret;

	/* the kernel's syncobj calls take signed times */
	if (until > INT64_MAX)
		until = INT64_MAX;
	ret = weft_sys_syncobj_wait(pool->fd, sync, point, (int64_t)until);
	if (ret)
		return weft_fail(-ret, "waiting for point %" PRIu64 " of syncobj %u: %s", point,
				 sync, weft_errno_text(-ret));
	return 0;
}
