// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building jobs.
 *
 * DOC: batch
 *
 * A batch owns its jobs and their memory and keeps both from one submission to the next, so that
 * a steady stream of jobs allocates nothing. Names of buffers, programs and syncobjs are taken
 * over as handles at once: the objects may be destroyed before the batch is submitted, and then
 * the kernel refuses it.
 *
 * The first error of a building call sticks to the batch. Building code may look at the return
 * values, weft_submit() does in any case.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_RELOCS_MAX		256
#define WEFT_ACCESS_MASK	(DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE)
#define WEFT_JOB_FLAGS		(DRM_WEFT_JOB_IDEMPOTENT | DRM_WEFT_JOB_RUN_ANYWAY)

/* Remember a batch's first error. Called right after weft_fail(). */
static int weft_batch_fail(struct weft_batch *batch, int error)
{
	if (!batch->error) {
		batch->error = error;
		snprintf(batch->text, sizeof(batch->text), "%s", weft_error());
	}
	return batch->error;
}

#define weft_job_fail(job, err, format, ...) \
	weft_batch_fail((job)->batch, weft_fail(err, "job %u: " format, (job)->index, \
						##__VA_ARGS__))

/* Room for @count elements of @size bytes more */
static int weft_vector_grow(struct weft_vector *v, uint32_t count, size_t size)
{
	uint32_t room = v->room ? v->room : 4;
	void *data;

	if (v->room - v->count >= count)
		return 0;
	while (room - v->count < count)
		room *= 2;
	data = realloc(v->data, room * size);
	if (!data)
		return -ENOMEM;
	v->data = data;
	v->room = room;
	return 0;
}

/* A zeroed element at the end of @v, or NULL */
static void *weft_vector_add(struct weft_vector *v, size_t size)
{
	char *element;

	if (weft_vector_grow(v, 1, size))
		return NULL;
	element = (char *)v->data + v->count++ * size;
	memset(element, 0, size);
	return element;
}

static void weft_job_empty(struct weft_job *job)
{
	memset(&job->job, 0, sizeof(job->job));
	job->args.count = 0;
	job->relocs.count = 0;
	job->buffers.count = 0;
	job->deps.count = 0;
	job->outs.count = 0;
}

static void weft_job_release(struct weft_job *job)
{
	free(job->args.data);
	free(job->relocs.data);
	free(job->buffers.data);
	free(job->deps.data);
	free(job->outs.data);
}

static void weft_batch_free(struct weft_object *object)
{
	struct weft_batch *batch = (struct weft_batch *)object;
	uint32_t i;

	weft_object_remove(object);
	for (i = 0; i < batch->room; i++) {
		if (!batch->jobs[i])
			continue;
		weft_job_release(batch->jobs[i]);
		free(batch->jobs[i]);
	}
	weft_job_release(&batch->broken);
	free(batch->jobs);
	free(batch->array);
	free(batch);
}

int weft_batch_create(struct weft *pool, struct weft_batch **batch)
{
	struct weft_batch *b = calloc(1, sizeof(*b));

	*batch = NULL;
	if (!b)
		return weft_fail(ENOMEM, "no memory");
	b->broken.batch = b;
	weft_object_add(pool, &b->object, weft_batch_free);
	*batch = b;
	return 0;
}

void weft_batch_reset(struct weft_batch *batch)
{
	batch->count = 0;
	batch->error = 0;
	batch->text[0] = '\0';
	weft_job_empty(&batch->broken);
}

void weft_batch_destroy(struct weft_batch *batch)
{
	if (batch)
		weft_batch_free(&batch->object);
}

uint32_t weft_batch_count(const struct weft_batch *batch)
{
	return batch->count;
}

/* The next free job of @batch, or NULL */
static struct weft_job *weft_batch_next(struct weft_batch *batch)
{
	struct weft_job *job;

	if (batch->count == batch->room) {
		uint32_t room = batch->room ? 2 * batch->room : 16;
		struct weft_job **jobs = realloc(batch->jobs, room * sizeof(*jobs));

		if (!jobs)
			return NULL;
		memset(jobs + batch->room, 0, (room - batch->room) * sizeof(*jobs));
		batch->jobs = jobs;
		batch->room = room;
	}
	job = batch->jobs[batch->count];
	if (!job) {
		job = calloc(1, sizeof(*job));
		if (!job)
			return NULL;
		job->batch = batch;
		batch->jobs[batch->count] = job;
	}
	job->index = batch->count++;
	weft_job_empty(job);
	return job;
}

struct weft_job *weft_job_init(struct weft_batch *batch, struct weft_program *program,
			       uint32_t kernel, const void *args, uint32_t args_size)
{
	const struct weft *pool = batch->object.pool;
	const struct drm_weft_kernel *k;
	struct weft_job *job;

	if (batch->count >= pool->info.max_jobs_per_submit) {
		weft_batch_fail(batch, weft_fail(E2BIG, "this pool takes %u jobs in one batch",
						 pool->info.max_jobs_per_submit));
		return &batch->broken;
	}
	job = weft_batch_next(batch);
	if (!job) {
		weft_batch_fail(batch, weft_fail(ENOMEM, "no memory for job %u", batch->count));
		return &batch->broken;
	}
	job->job.grid[0] = 1;
	job->job.grid[1] = 1;
	job->job.grid[2] = 1;
	if (program->object.pool != pool) {
		weft_job_fail(job, EINVAL, "its program belongs to another pool");
		return job;
	}
	if (kernel >= program->kernel_count) {
		weft_job_fail(job, EINVAL, "its program has %u kernels, there is no number %u",
			      program->kernel_count, kernel);
		return job;
	}
	k = &program->kernels[kernel];
	if (args_size != k->args_size || (args_size && !args)) {
		weft_job_fail(job, EINVAL, "kernel %s wants %u bytes of arguments, not %u",
			      k->name, k->args_size, args ? args_size : 0);
		return job;
	}
	if (weft_vector_grow(&job->args, args_size, 1)) {
		weft_job_fail(job, ENOMEM, "no memory");
		return job;
	}
	if (args_size)
		memcpy(job->args.data, args, args_size);
	job->args.count = args_size;
	job->job.program = program->handle;
	job->job.kernel = kernel;
	return job;
}

/* The entry of a buffer in the job's list, or NULL */
static struct drm_weft_buffer *weft_job_find(struct weft_job *job, const struct weft_bo *bo)
{
	struct drm_weft_buffer *buffers = job->buffers.data;
	uint32_t i;

	for (i = 0; i < job->buffers.count; i++)
		if (buffers[i].handle == bo->handle)
			return &buffers[i];
	return NULL;
}

int weft_job_buffer(struct weft_job *job, struct weft_bo *bo, uint32_t access, uint64_t offset,
		    uint64_t length)
{
	const struct weft *pool = job->batch->object.pool;
	struct drm_weft_buffer *buffer;

	if (bo->object.pool != pool)
		return weft_job_fail(job, EINVAL, "buffer %u belongs to another pool", bo->handle);
	if (!access || access & ~WEFT_ACCESS_MASK)
		return weft_job_fail(job, EINVAL,
				     "buffer %u: access must be DRM_WEFT_ACCESS_READ, _WRITE or "
				     "both, not %#x",
				     bo->handle, access);
	if (offset >= bo->size || length > bo->size - offset || offset % 8)
		return weft_job_fail(job, EINVAL,
				     "buffer %u has %" PRIu64 " bytes: %" PRIu64
				     " bytes at offset %" PRIu64
				     " are not a range that starts at a multiple of 8",
				     bo->handle, bo->size, length, offset);
	if (length == bo->size - offset)
		length = 0;
	buffer = weft_job_find(job, bo);
	if (buffer) {
		if (buffer->offset != offset || buffer->length != length)
			return weft_job_fail(job, EINVAL,
					     "buffer %u is named twice with different ranges: "
					     "name one range that covers both",
					     bo->handle);
		buffer->access |= access;
		return 0;
	}
	if (job->buffers.count >= pool->info.max_buffers_per_job)
		return weft_job_fail(job, E2BIG, "this pool allows %u buffers in a job",
				     pool->info.max_buffers_per_job);
	buffer = weft_vector_add(&job->buffers, sizeof(*buffer));
	if (!buffer)
		return weft_job_fail(job, ENOMEM, "no memory");
	buffer->handle = bo->handle;
	buffer->access = access;
	buffer->offset = offset;
	buffer->length = length;
	return 0;
}

int weft_job_reloc(struct weft_job *job, uint32_t offset, struct weft_bo *bo, uint64_t delta)
{
	struct drm_weft_buffer *buffer = weft_job_find(job, bo);
	struct drm_weft_reloc *relocs = job->relocs.data;
	struct drm_weft_reloc *reloc;
	uint64_t length;
	uint32_t i;

	if (!buffer)
		return weft_job_fail(job, EINVAL,
				     "an argument points to buffer %u, which is not among the "
				     "job's buffers: call weft_job_buffer() first",
				     bo->handle);
	length = buffer->length ? buffer->length : bo->size - buffer->offset;
	if (delta >= length)
		return weft_job_fail(job, EINVAL,
				     "an argument points %" PRIu64 " bytes into a range of %" PRIu64
				     " bytes of buffer %u",
				     delta, length, bo->handle);
	if (offset % 8 || job->args.count < 8 || offset > job->args.count - 8)
		return weft_job_fail(job, EINVAL,
				     "there is no address at offset %u of %u bytes of arguments: "
				     "it must be a multiple of 8 with 8 bytes after it",
				     offset, job->args.count);
	for (i = 0; i < job->relocs.count; i++)
		if (relocs[i].offset == offset)
			return weft_job_fail(job, EINVAL,
					     "the argument at offset %u points to two buffers",
					     offset);
	if (job->relocs.count >= WEFT_RELOCS_MAX)
		return weft_job_fail(job, E2BIG, "a job may have %u pointers", WEFT_RELOCS_MAX);
	reloc = weft_vector_add(&job->relocs, sizeof(*reloc));
	if (!reloc)
		return weft_job_fail(job, ENOMEM, "no memory");
	reloc->offset = offset;
	reloc->buffer = (uint32_t)(buffer - (struct drm_weft_buffer *)job->buffers.data);
	reloc->delta = delta;
	return 0;
}

int weft_job_pointer(struct weft_job *job, uint32_t offset, struct weft_bo *bo, uint32_t access,
		     uint64_t delta)
{
	int ret = weft_job_buffer(job, bo, access, 0, 0);

	return ret ? ret : weft_job_reloc(job, offset, bo, delta);
}

static int weft_job_dep(struct weft_job *job, uint32_t type, uint32_t handle, uint64_t value)
{
	const struct weft *pool = job->batch->object.pool;
	struct drm_weft_dep *dep;

	if (job->deps.count >= pool->info.max_deps_per_job)
		return weft_job_fail(job, E2BIG, "this pool allows %u dependencies of a job",
				     pool->info.max_deps_per_job);
	dep = weft_vector_add(&job->deps, sizeof(*dep));
	if (!dep)
		return weft_job_fail(job, ENOMEM, "no memory");
	dep->type = type;
	dep->handle = handle;
	dep->value = value;
	return 0;
}

int weft_job_after(struct weft_job *job, const struct weft_job *earlier)
{
	if (earlier->batch != job->batch)
		return weft_job_fail(job, EINVAL,
				     "it is to start after a job of another batch: use "
				     "weft_job_after_id()");
	if (earlier->index >= job->index)
		return weft_job_fail(job, EINVAL,
				     "it is to start after job %u, which is not before it in the "
				     "batch",
				     earlier->index);
	return weft_job_dep(job, DRM_WEFT_DEP_INDEX, 0, earlier->index);
}

int weft_job_after_id(struct weft_job *job, uint64_t job_id)
{
	return weft_job_dep(job, DRM_WEFT_DEP_JOB, 0, job_id);
}

int weft_job_after_sync(struct weft_job *job, uint32_t sync, uint64_t point)
{
	if (!sync)
		return weft_job_fail(job, EINVAL, "0 is no handle of a syncobj");
	return weft_job_dep(job, DRM_WEFT_DEP_SYNCOBJ, sync, point);
}

int weft_job_signal(struct weft_job *job, uint32_t sync, uint64_t point)
{
	const struct weft *pool = job->batch->object.pool;
	struct drm_weft_out_sync *out;

	if (!sync)
		return weft_job_fail(job, EINVAL, "0 is no handle of a syncobj");
	if (job->outs.count >= pool->info.max_deps_per_job)
		return weft_job_fail(job, E2BIG, "this pool allows %u syncobjs to signal in a job",
				     pool->info.max_deps_per_job);
	out = weft_vector_add(&job->outs, sizeof(*out));
	if (!out)
		return weft_job_fail(job, ENOMEM, "no memory");
	out->handle = sync;
	out->point = point;
	return 0;
}

int weft_job_grid(struct weft_job *job, uint32_t x, uint32_t y, uint32_t z)
{
	if (!x || !y || !z)
		return weft_job_fail(job, EINVAL, "each dimension of the grid %u x %u x %u must "
						  "be at least 1",
				     x, y, z);
	job->job.grid[0] = x;
	job->job.grid[1] = y;
	job->job.grid[2] = z;
	return 0;
}

int weft_job_size(struct weft_job *job, uint64_t size)
{
	job->job.size = size;
	return 0;
}

int weft_job_flags(struct weft_job *job, uint32_t flags)
{
	if (flags & ~WEFT_JOB_FLAGS)
		return weft_job_fail(job, EINVAL, "unknown flags %#x", flags & ~WEFT_JOB_FLAGS);
	job->job.flags = flags;
	return 0;
}

int weft_job_where(struct weft_job *job, uint64_t device_mask, uint32_t class_mask)
{
	if (class_mask >> DRM_WEFT_CLASS_COUNT)
		return weft_job_fail(job, EINVAL, "there are %u classes, the mask %#x names more",
				     DRM_WEFT_CLASS_COUNT, class_mask);
	job->job.device_mask = device_mask;
	job->job.class_mask = class_mask;
	return 0;
}

int weft_job_limits(struct weft_job *job, uint64_t timeout_ns, uint64_t deadline_ns)
{
	job->job.timeout_ns = timeout_ns;
	job->job.deadline_ns = deadline_ns;
	return 0;
}

int weft_job_user_data(struct weft_job *job, uint64_t user_data)
{
	job->job.user_data = user_data;
	return 0;
}

uint32_t weft_job_index(const struct weft_job *job)
{
	return job->index;
}
