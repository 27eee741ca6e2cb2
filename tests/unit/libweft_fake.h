/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel for libweft's unit tests: it replaces tools/libweft/sys.c.
 *
 * DOC: libweft_fake
 *
 * The fake answers each ioctl as weft_drm.h describes it for a pool without devices at work: jobs
 * end as soon as they are submitted. It keeps the last argument of every ioctl and copies of the
 * arrays it pointed to, so that tests see what the kernel would have seen. Tests make one call
 * fail by putting errnos into a script.
 *
 * Included by exactly one .c file per test program, hence no separate object.
 */
#ifndef LIBWEFT_FAKE_H
#define LIBWEFT_FAKE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <drm/weft_drm.h>
#include <drm/weft_sim.h>

#include "../../tools/libweft/sys.h"
#include "../../tools/libweft/weft.h"

#define FAKE_FD		70
#define FAKE_DMABUF	71
#define FAKE_IMPORTED	900u
#define FAKE_PAGE	4096u
#define FAKE_JOBS	32
#define FAKE_BOS	16
#define FAKE_RECORDS	16384

static struct {
	/* nodes that can be opened and those that refuse */
	const char *node;
	const char *denied;
	const char *foreign;
	/* the node of another pool, called "pool1" */
	const char *other;
	int opened;
	int closed;

	/* errnos for the next calls of ioctl @script_nr; 0 lets a call through */
	unsigned int script_nr;
	int script[8];
	unsigned int script_count;
	unsigned int script_at;

	unsigned int calls[256];
	uint64_t now;
	uint64_t now_step;
	int polls;
	int poll_timeout;
	int reads;
	int maps;
	int unmaps;
	int map_error;

	uint32_t next_handle;
	uint64_t next_job;
	int open_handles;
	unsigned char *memory[FAKE_BOS];

	struct drm_weft_pool_info info;
	uint32_t device_count;
	uint32_t device_growth;

	/* PRIME: errno of the next calls, the last export, the handle that an import gives */
	int prime_error;
	struct drm_prime_handle prime;
	uint32_t prime_handle;

	struct drm_weft_bo_create bo_create;
	struct drm_weft_bo_cpu cpu_begin;
	struct drm_weft_bo_cpu cpu_end;
	struct drm_weft_bo_wait bo_wait;
	struct drm_weft_program_create program;
	struct drm_weft_image images[16];
	struct drm_weft_kernel kernels[256];
	unsigned char image_data[256];
	struct drm_weft_queue_create queue;
	struct drm_weft_queue_set queue_set;
	struct drm_weft_job_cancel cancel;
	struct drm_weft_lease_wait lease_wait;
	struct drm_weft_lease_leave lease_leave;
	char client_name[DRM_WEFT_NAME_LEN];

	struct drm_weft_submit submit;
	uint32_t failed_index;
	struct {
		struct drm_weft_job job;
		unsigned char args[256];
		struct drm_weft_reloc relocs[8];
		struct drm_weft_buffer buffers[8];
		struct drm_weft_dep deps[8];
		struct drm_weft_out_sync outs[8];
	} jobs[FAKE_JOBS];

	/* by index from the first id asked for: errno and device code of the job */
	uint32_t job_error[FAKE_RECORDS];
	uint32_t acked;
	struct drm_weft_job_query query;

	uint64_t sync_point;
	int64_t sync_until;
	int sync_error;
} fake;

static const struct drm_weft_pool_info fake_info = {
	.features = DRM_WEFT_FEATURE_LATE,
	.max_jobs_per_submit = 16,
	.max_buffers_per_job = 4,
	.max_args_size = 256,
	.max_deps_per_job = 3,
	.max_queue_depth = 64,
	.max_unread_records = 4096,
	.policy = "eft",
	.name = "pool0",
};

static void fake_reset(void)
{
	unsigned int i;

	for (i = 0; i < FAKE_BOS; i++)
		free(fake.memory[i]);
	memset(&fake, 0, sizeof(fake));
	fake.node = "/dev/accel/accel0";
	fake.info = fake_info;
	fake.failed_index = ~0u;
	fake.next_handle = 1;
	fake.next_job = 100;
	fake.now = 1000000;
	fake.now_step = 1000;
	unsetenv("WEFT_NODE");
	unsetenv("WEFT_POOL");
}

/* Let the next calls of DRM_WEFT_@nr end with these errnos (positive, 0: let it through). */
static void fake_script(unsigned int nr, unsigned int count, ...)
{
	unsigned int i;
	va_list list;

	va_start(list, count);
	for (i = 0; i < count; i++)
		fake.script[i] = va_arg(list, int);
	va_end(list);
	fake.script_nr = nr;
	fake.script_count = count;
	fake.script_at = 0;
}

int weft_sys_open(const char *path)
{
	if (fake.denied && !strcmp(path, fake.denied))
		return -EACCES;
	if (fake.other && !strcmp(path, fake.other)) {
		fake.opened++;
		return FAKE_FD + 2;
	}
	if ((fake.node && !strcmp(path, fake.node)) ||
	    (fake.foreign && !strcmp(path, fake.foreign))) {
		fake.opened++;
		return FAKE_FD + (fake.foreign && !strcmp(path, fake.foreign));
	}
	return -ENOENT;
}

void weft_sys_close(int fd)
{
	assert_true(fd >= FAKE_FD);
	fake.closed++;
}

int weft_sys_driver(int fd, char *name, size_t size)
{
	snprintf(name, size, "%s", fd == FAKE_FD + 1 ? "ivpu" : "weft");
	return 0;
}

static int fake_query(struct drm_weft_query *query)
{
	struct drm_weft_device_info device = { .name = "gpu0" };
	struct drm_weft_client_info client = { .id = 7, .tenant_name = "default" };
	uint32_t room = query->count;
	uint32_t i;

	assert_int_equal(query->flags, 0);
	switch (query->topic) {
	case DRM_WEFT_QUERY_POOL:
		assert_int_equal(query->stride, sizeof(fake.info));
		memcpy((void *)(uintptr_t)query->data, &fake.info, sizeof(fake.info));
		query->count = 1;
		return 0;
	case DRM_WEFT_QUERY_CLIENT:
		memcpy((void *)(uintptr_t)query->data, &client, sizeof(client));
		query->count = 1;
		return 0;
	case DRM_WEFT_QUERY_DEVICES:
		for (i = 0; i < fake.device_count && i < room; i++) {
			device.id = i;
			memcpy((char *)(uintptr_t)query->data + i * query->stride, &device,
			       sizeof(device));
		}
		query->count = fake.device_count;
		/* a device arrives between two calls */
		if (fake.device_growth) {
			fake.device_growth--;
			fake.device_count++;
		}
		return 0;
	default:
		query->count = 0;
		return 0;
	}
}

static void fake_copy(void *to, uint64_t from, uint32_t count, uint32_t stride, size_t size)
{
	if (!count)
		return;
	assert_int_equal(stride, size);
	memcpy(to, (void *)(uintptr_t)from, count * size);
}

static int fake_program(struct drm_weft_program_create *create)
{
	fake_copy(fake.images, create->images, create->image_count, create->image_stride,
		  sizeof(fake.images[0]));
	fake_copy(fake.kernels, create->kernels, create->kernel_count, create->kernel_stride,
		  sizeof(fake.kernels[0]));
	memcpy(fake.image_data, (void *)(uintptr_t)fake.images[0].data,
	       fake.images[0].size < sizeof(fake.image_data) ? fake.images[0].size :
							       sizeof(fake.image_data));
	create->handle = fake.next_handle++;
	fake.open_handles++;
	fake.program = *create;
	return 0;
}

static int fake_submit(struct drm_weft_submit *submit)
{
	const struct drm_weft_job *jobs = (void *)(uintptr_t)submit->jobs;
	uint32_t i;

	assert_int_equal(submit->job_stride, sizeof(*jobs));
	assert_true(submit->job_count <= FAKE_JOBS);
	for (i = 0; i < submit->job_count; i++) {
		const struct drm_weft_job *job = &jobs[i];

		fake.jobs[i].job = *job;
		fake_copy(fake.jobs[i].args, job->args, job->args_size, 1, 1);
		fake_copy(fake.jobs[i].relocs, job->relocs, job->reloc_count, job->reloc_stride,
			  sizeof(struct drm_weft_reloc));
		fake_copy(fake.jobs[i].buffers, job->buffers, job->buffer_count,
			  job->buffer_stride, sizeof(struct drm_weft_buffer));
		fake_copy(fake.jobs[i].deps, job->deps, job->dep_count, job->dep_stride,
			  sizeof(struct drm_weft_dep));
		fake_copy(fake.jobs[i].outs, job->out_syncs, job->out_sync_count,
			  job->out_sync_stride, sizeof(struct drm_weft_out_sync));
	}
	submit->first_job_id = fake.next_job;
	fake.next_job += submit->job_count;
	fake.submit = *submit;
	return 0;
}

static int fake_job_query(struct drm_weft_job_query *query)
{
	struct drm_weft_job_record *records = (void *)(uintptr_t)query->records;
	uint32_t i;

	assert_true(query->count >= 1 && query->count <= 4096);
	assert_true(query->flags & DRM_WEFT_JOB_QUERY_WAIT || !query->timeout_ns);
	fake.query = *query;
	for (i = 0; records && i < query->count; i++) {
		uint32_t error = fake.job_error[query->first_id - 100 + i];

		memset(&records[i], 0, sizeof(records[i]));
		records[i].id = query->first_id + i;
		records[i].state = DRM_WEFT_JOB_DONE;
		records[i].error = error;
		records[i].code = error == EIO ? 2 : 0;
		records[i].device = error == ECANCELED ? ~0u : 1;
	}
	if (query->flags & DRM_WEFT_JOB_QUERY_ACK)
		fake.acked += query->count;
	return 0;
}

static int fake_bo_create(struct drm_weft_bo_create *create)
{
	fake.bo_create = *create;
	create->size = (create->size + FAKE_PAGE - 1) / FAKE_PAGE * FAKE_PAGE;
	create->handle = fake.next_handle++;
	fake.open_handles++;
	return 0;
}

static int fake_ioctl(unsigned int nr, void *arg)
{
	struct drm_weft_bo_mmap_offset *where = arg;
	struct drm_weft_program_query *program = arg;
	struct drm_weft_queue_create *queue = arg;
	struct drm_weft_client_set *set = arg;
	struct drm_weft_bo_info *info = arg;
	struct drm_weft_lease_wait *lease = arg;

	switch (nr) {
	case DRM_WEFT_QUERY:
		return fake_query(arg);
	case DRM_WEFT_BO_CREATE:
		return fake_bo_create(arg);
	case DRM_WEFT_BO_INFO:
		info->size = FAKE_PAGE;
		return 0;
	case DRM_WEFT_BO_MMAP_OFFSET:
		where->offset = (uint64_t)where->handle * FAKE_PAGE;
		return 0;
	case DRM_WEFT_LEASE_WAIT:
		fake.lease_wait = *lease;
		lease->state = DRM_WEFT_LEASE_YIELD;
		return 0;
	case DRM_WEFT_LEASE_LEAVE:
		fake.lease_leave = *(struct drm_weft_lease_leave *)arg;
		return 0;
	case DRM_WEFT_BO_CPU_BEGIN:
		fake.cpu_begin = *(struct drm_weft_bo_cpu *)arg;
		return 0;
	case DRM_WEFT_BO_CPU_END:
		fake.cpu_end = *(struct drm_weft_bo_cpu *)arg;
		return 0;
	case DRM_WEFT_BO_WAIT:
		fake.bo_wait = *(struct drm_weft_bo_wait *)arg;
		return 0;
	case DRM_WEFT_PROGRAM_CREATE:
		return fake_program(arg);
	case DRM_WEFT_PROGRAM_QUERY:
		program->state = DRM_WEFT_IMAGE_LOADED;
		/* a compiler that says "warning" */
		if (program->log)
			memcpy((void *)(uintptr_t)program->log, "warning",
			       program->log_size < 7 ? program->log_size : 7);
		program->log_size = 7;
		return 0;
	case DRM_WEFT_QUEUE_CREATE:
		queue->handle = fake.next_handle++;
		fake.open_handles++;
		fake.queue = *queue;
		return 0;
	case DRM_WEFT_QUEUE_SET:
		fake.queue_set = *(struct drm_weft_queue_set *)arg;
		return 0;
	case DRM_WEFT_PROGRAM_DESTROY:
	case DRM_WEFT_QUEUE_DESTROY:
		fake.open_handles--;
		return 0;
	case DRM_WEFT_CLIENT_SET:
		memcpy(fake.client_name, (void *)(uintptr_t)set->value, sizeof(fake.client_name));
		return 0;
	case DRM_WEFT_SUBMIT:
		return fake_submit(arg);
	case DRM_WEFT_JOB_QUERY:
		return fake_job_query(arg);
	case DRM_WEFT_JOB_CANCEL:
		fake.cancel = *(struct drm_weft_job_cancel *)arg;
		return 0;
	default:
		return -ENOTTY;
	}
}

static int fake_prime(unsigned long request, struct drm_prime_handle *prime)
{
	if (fake.prime_error)
		return -fake.prime_error;
	if (request == DRM_IOCTL_PRIME_HANDLE_TO_FD) {
		fake.prime = *prime;
		prime->fd = FAKE_DMABUF;
	} else {
		assert_int_equal(prime->fd, FAKE_DMABUF);
		prime->handle = fake.prime_handle;
		fake.open_handles += fake.prime_handle == FAKE_IMPORTED;
	}
	return 0;
}

int weft_sys_ioctl(int fd, unsigned long request, void *arg)
{
	unsigned int nr = _IOC_NR(request);
	int error = 0;

	if (fd == FAKE_FD + 2) {
		struct drm_weft_query *query = arg;
		struct drm_weft_pool_info *info = (void *)(uintptr_t)query->data;

		assert_int_equal(request, DRM_IOCTL_WEFT_QUERY);
		assert_int_equal(query->topic, DRM_WEFT_QUERY_POOL);
		*info = fake_info;
		strcpy(info->name, "pool1");
		return 0;
	}
	assert_int_equal(fd, FAKE_FD);
	if (request == DRM_IOCTL_GEM_CLOSE) {
		fake.open_handles--;
		return 0;
	}
	if (request == DRM_IOCTL_PRIME_HANDLE_TO_FD || request == DRM_IOCTL_PRIME_FD_TO_HANDLE)
		return fake_prime(request, arg);
	assert_true(nr >= DRM_COMMAND_BASE);
	nr -= DRM_COMMAND_BASE;
	fake.calls[nr]++;
	if (fake.script_at < fake.script_count && nr == fake.script_nr)
		error = fake.script[fake.script_at++];
	if (!error)
		return fake_ioctl(nr, arg);
	if (nr == DRM_WEFT_SUBMIT && error != EINTR && error != EFAULT)
		((struct drm_weft_submit *)arg)->failed_index = fake.failed_index;
	return -error;
}

int weft_sys_map(int fd, uint64_t offset, size_t length, void **at)
{
	unsigned int index = (unsigned int)(offset / FAKE_PAGE) % FAKE_BOS;

	assert_int_equal(fd, FAKE_FD);
	if (fake.map_error)
		return -fake.map_error;
	free(fake.memory[index]);
	fake.memory[index] = calloc(1, length);
	*at = fake.memory[index];
	fake.maps++;
	return 0;
}

void weft_sys_unmap(void *at, size_t length)
{
	assert_non_null(at);
	assert_true(length % FAKE_PAGE == 0);
	fake.unmaps++;
}

int weft_sys_poll(struct pollfd *fds, int timeout_ms)
{
	assert_int_equal(fds->fd, FAKE_FD);
	assert_int_equal(fds->events, POLLIN);
	fake.polls++;
	fake.poll_timeout = timeout_ms;
	fake.now += (uint64_t)timeout_ms * 1000000u;
	/* every other time an event is there, else the time runs out */
	return fake.polls % 2;
}

ssize_t weft_sys_read(int fd, void *to, size_t length)
{
	assert_int_equal(fd, FAKE_FD);
	assert_true(length >= sizeof(struct drm_weft_event_queue));
	memset(to, 0, length);
	fake.reads++;
	return -EAGAIN;
}

int weft_sys_syncobj_create(int fd, uint32_t *handle)
{
	assert_int_equal(fd, FAKE_FD);
	if (fake.sync_error)
		return -fake.sync_error;
	*handle = 5;
	return 0;
}

void weft_sys_syncobj_destroy(int fd, uint32_t handle)
{
	assert_int_equal(fd, FAKE_FD);
	assert_int_equal(handle, 5);
}

int weft_sys_syncobj_wait(int fd, uint32_t handle, uint64_t point, int64_t until)
{
	assert_int_equal(fd, FAKE_FD);
	assert_int_equal(handle, 5);
	fake.sync_point = point;
	fake.sync_until = until;
	return -fake.sync_error;
}

uint64_t weft_sys_now(void)
{
	fake.now += fake.now_step;
	return fake.now;
}

/* A pool on the fake, freshly reset */
static struct weft *fake_open(void)
{
	struct weft *pool;

	fake_reset();
	assert_int_equal(weft_open(&pool, NULL), 0);
	return pool;
}

/* Close it: every handle and mapping must be gone. */
static void fake_close(struct weft *pool)
{
	weft_close(pool);
	assert_int_equal(fake.open_handles, 0);
	assert_int_equal(fake.maps, fake.unmaps);
	assert_int_equal(fake.opened, fake.closed);
	fake_reset();
}

#define assert_error(text) assert_non_null(strstr(weft_error(), text))

#endif /* LIBWEFT_FAKE_H */
