// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool of ggml devices in the process itself, for tests without a kernel.
 *
 * DOC: loopback
 *
 * It replaces tools/libweft/sys.c, as the unit tests' fake does, and so plays the kernel and the
 * servers: libweft and libggml-weft.so are the real ones, and so is the executor that runs the
 * jobs. A job is run inside SUBMIT. Each device has an arena of its own, buffers are copied between
 * it and the host as a whole, as weft does it, and a job that may run on several devices goes to
 * each in turn, so that wrong copies show.
 *
 * WEFT_LOOPBACK names the devices of ggml that are served ("CPU", or "CPU,Vulkan0,CPU"),
 * WEFT_LOOPBACK_THREADS how many threads each has, WEFT_LOOPBACK_MEMORY how many MiB.
 * WEFT_LOOPBACK_LOSE is a list of numbers of jobs ("70,71,300"): the device that is to run such a
 * job is lost, with all that its memory holds, and returns at once.
 * WEFT_LOOPBACK_RECORD is a file that blobs are appended to, for the fuzzer to start from.
 * WEFT_LOOPBACK_STATS is a file that gets one line of counts and times at the end.
 *
 * Rejected: a socket and a server process (the copies and wake-ups that this would measure are
 * those of no weft).
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <drm/weft_drm.h>

#include "../../tools/ggml/executor.h"
#include "../../tools/libweft/sys.h"

#define LOOP_FD		900
#define LOOP_DEVICES	8
#define LOOP_BOS	4096
#define LOOP_RECORDS	65536
#define LOOP_PAGE	4096ull
#define LOOP_ALIGN	4096ull

struct loop_bo {
	bool used;
	bool lost;
	uint64_t size;
	unsigned char *host;
	bool host_valid;
	/* devices that hold memory for it, and those whose copy is valid */
	uint32_t resident;
	uint32_t valid;
	uint64_t offset[LOOP_DEVICES];
	uint32_t cpu_access;
};

static struct {
	pthread_mutex_t lock;
	struct weft_ggml_executor *executors[LOOP_DEVICES];
	char names[LOOP_DEVICES][32];
	uint32_t device_count;
	uint64_t memory;
	int threads;
	uint32_t turn;
	struct loop_bo bos[LOOP_BOS];
	struct drm_weft_job_record records[LOOP_RECORDS];
	uint64_t next_job;
	uint32_t next_handle;
	/* which jobs lose their device; what is left of the list */
	const char *lose;
	FILE *record;
	uint64_t jobs;
	uint64_t queries;
	uint64_t nodes;
	uint64_t submits;
	uint64_t moved;
	uint64_t run_ns;
	uint64_t move_ns;
} loop = { .lock = PTHREAD_MUTEX_INITIALIZER, .next_job = 1, .next_handle = 1 };

static uint64_t loop_env(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void loop_end(void)
{
	const char *path = getenv("WEFT_LOOPBACK_STATS");
	FILE *file = path ? fopen(path, "a") : NULL;

	if (loop.record)
		fclose(loop.record);
	if (!file)
		return;
	fprintf(file, "submits %llu jobs %llu nodes %llu queries %llu moved %llu run_ns %llu "
		"move_ns %llu\n",
		(unsigned long long)loop.submits, (unsigned long long)loop.jobs,
		(unsigned long long)loop.nodes, (unsigned long long)loop.queries,
		(unsigned long long)loop.moved, (unsigned long long)loop.run_ns,
		(unsigned long long)loop.move_ns);
	fclose(file);
}

static void loop_start(void)
{
	const char *list = getenv("WEFT_LOOPBACK"), *path = getenv("WEFT_LOOPBACK_RECORD");
	char copy[256], *name, *rest;

	if (loop.device_count)
		return;
	loop.memory = loop_env("WEFT_LOOPBACK_MEMORY", 2048) << 20;
	loop.threads = (int)loop_env("WEFT_LOOPBACK_THREADS", 0);
	snprintf(copy, sizeof(copy), "%s", list ? list : "CPU");
	for (name = strtok_r(copy, ",", &rest); name && loop.device_count < LOOP_DEVICES;
	     name = strtok_r(NULL, ",", &rest))
		snprintf(loop.names[loop.device_count++], sizeof(loop.names[0]), "%s", name);
	if (path)
		loop.record = fopen(path, "ab");
	loop.lose = getenv("WEFT_LOOPBACK_LOSE");
	atexit(loop_end);
}

/* When the first job comes, ggml has loaded its backends. */
static struct weft_ggml_executor *loop_executor(uint32_t device)
{
	char text[WEFT_GGML_TEXT] = "there is no such device";
	ggml_backend_dev_t found = ggml_backend_dev_by_name(loop.names[device]);

	if (!loop.executors[device] &&
	    (!found || weft_ggml_executor_create(&loop.executors[device], found, loop.memory,
						 loop.threads, text)))
		fprintf(stderr, "loopback: %s: %s\n", loop.names[device], text);
	return loop.executors[device];
}

/* ---------------------------------------------------------------- buffers */

static struct loop_bo *loop_bo(uint32_t handle)
{
	return handle && handle < LOOP_BOS && loop.bos[handle].used ? &loop.bos[handle] : NULL;
}

static uint64_t loop_address(struct loop_bo *bo, uint32_t device)
{
	return weft_ggml_executor_arena(loop.executors[device]) + bo->offset[device];
}

static int loop_to_host(struct loop_bo *bo)
{
	uint64_t start = weft_sys_now();
	uint32_t device;
	int ret;

	if (bo->host_valid)
		return 0;
	device = (uint32_t)__builtin_ctz(bo->valid);
	ret = weft_ggml_executor_read(loop.executors[device], loop_address(bo, device), bo->host,
				      bo->size);
	bo->host_valid = !ret;
	loop.moved += bo->size;
	loop.move_ns += weft_sys_now() - start;
	return ret;
}

static bool loop_fits(uint32_t device, uint64_t offset, uint64_t size)
{
	uint32_t i;

	if (offset + size > loop.memory)
		return false;
	for (i = 1; i < LOOP_BOS; i++) {
		struct loop_bo *bo = &loop.bos[i];

		if (bo->used && bo->resident & 1u << device && bo->offset[device] < offset + size &&
		    offset < bo->offset[device] + bo->size)
			return false;
	}
	return true;
}

static bool loop_place(struct loop_bo *bo, uint32_t device)
{
	uint64_t offset = 0;
	uint32_t i = 0;

	for (;;) {
		if (loop_fits(device, offset, bo->size)) {
			bo->offset[device] = offset;
			bo->resident |= 1u << device;
			return true;
		}
		while (++i < LOOP_BOS && !(loop.bos[i].used && loop.bos[i].resident & 1u << device))
			;
		if (i == LOOP_BOS)
			return false;
		offset = loop.bos[i].offset[device] + loop.bos[i].size;
		offset = (offset + LOOP_ALIGN - 1) / LOOP_ALIGN * LOOP_ALIGN;
	}
}

static void loop_evict(uint32_t device)
{
	uint32_t i;

	for (i = 1; i < LOOP_BOS; i++) {
		struct loop_bo *bo = &loop.bos[i];

		if (!bo->used || !(bo->resident & 1u << device))
			continue;
		if (bo->valid == 1u << device)
			loop_to_host(bo);
		bo->resident &= ~(1u << device);
		bo->valid &= ~(1u << device);
	}
}

static void loop_lose(uint32_t device)
{
	uint32_t i;

	for (i = 1; i < LOOP_BOS; i++) {
		struct loop_bo *bo = &loop.bos[i];

		if (!bo->used || !(bo->resident & 1u << device))
			continue;
		bo->lost |= !bo->host_valid && bo->valid == 1u << device;
		bo->resident &= ~(1u << device);
		bo->valid &= ~(1u << device);
	}
	weft_ggml_executor_clear(loop.executors[device],
				 weft_ggml_executor_arena(loop.executors[device]), loop.memory);
}

/* Is it time for the next one of the list? */
static bool loop_is_loss(void)
{
	char *end;

	if (!loop.lose || !*loop.lose || strtoull(loop.lose, &end, 10) > loop.jobs)
		return false;
	loop.lose = *end ? end + 1 : end;
	return true;
}

static int loop_to_device(struct loop_bo *bo, uint32_t device)
{
	uint64_t start;
	int ret;

	if (bo->valid & 1u << device)
		return 0;
	ret = loop_to_host(bo);
	if (ret)
		return ret;
	start = weft_sys_now();
	ret = weft_ggml_executor_write(loop.executors[device], loop_address(bo, device), bo->host,
				       bo->size);
	if (!ret)
		bo->valid |= 1u << device;
	loop.moved += bo->size;
	loop.move_ns += weft_sys_now() - start;
	return ret;
}

static int loop_bo_create(struct drm_weft_bo_create *create)
{
	uint32_t handle = 1;
	struct loop_bo *bo;

	while (handle < LOOP_BOS && loop.bos[handle].used)
		handle++;
	if (handle == LOOP_BOS)
		return -ENOMEM;
	bo = &loop.bos[handle];
	memset(bo, 0, sizeof(*bo));
	create->size = (create->size + LOOP_PAGE - 1) / LOOP_PAGE * LOOP_PAGE;
	bo->host = calloc(1, create->size);
	if (!bo->host)
		return -ENOMEM;
	bo->used = true;
	bo->host_valid = true;
	bo->size = create->size;
	create->handle = handle;
	return 0;
}

static int loop_cpu_begin(struct drm_weft_bo_cpu *cpu)
{
	struct loop_bo *bo = loop_bo(cpu->handle);

	if (!bo)
		return -ENOENT;
	if (bo->cpu_access)
		return -EBUSY;
	if (cpu->access == DRM_WEFT_ACCESS_WRITE) {
		bo->lost = false;
		bo->host_valid = true;
	}
	if (bo->lost)
		return -ENODATA;
	bo->cpu_access = cpu->access;
	return loop_to_host(bo);
}

static int loop_cpu_end(struct drm_weft_bo_cpu *cpu)
{
	struct loop_bo *bo = loop_bo(cpu->handle);

	if (!bo || bo->cpu_access != cpu->access)
		return -EINVAL;
	bo->cpu_access = 0;
	if (cpu->access & DRM_WEFT_ACCESS_WRITE)
		bo->valid = 0;
	return 0;
}

/* ------------------------------------------------------------------- jobs */

static int loop_bind(const struct drm_weft_job *job, uint32_t device)
{
	const struct drm_weft_buffer *b = (const void *)(uintptr_t)job->buffers;
	uint32_t i, again;

	for (again = 0; again < 2; again++) {
		for (i = 0; i < job->buffer_count; i++) {
			struct loop_bo *bo = loop_bo(b[i].handle);

			if (!bo)
				return -ENOENT;
			if (bo->cpu_access)
				return -EBUSY;
			if (bo->lost)
				return -ENODATA;
			if (!(bo->resident & 1u << device) && !loop_place(bo, device))
				break;
		}
		if (i == job->buffer_count)
			return 0;
		loop_evict(device);
	}
	return -ENOSPC;
}

static int loop_run(const struct drm_weft_job *job, uint32_t device)
{
	const struct drm_weft_buffer *b = (const void *)(uintptr_t)job->buffers;
	const struct drm_weft_reloc *r = (const void *)(uintptr_t)job->relocs;
	uint64_t words[WEFT_GGML_MAX_BLOB / 8];
	unsigned char *args = (unsigned char *)words;
	struct weft_ggml_span spans[WEFT_GGML_MAX_BASES];
	char text[WEFT_GGML_TEXT] = "";
	struct loop_bo *bo;
	uint64_t address, start;
	uint32_t i;
	int ret;

	if (!loop_executor(device))
		return -ENODEV;
	if (job->kernel != WEFT_GGML_QUERY && loop_is_loss()) {
		loop_lose(device);
		for (i = 0; i < job->buffer_count; i++)
			if (b[i].access & DRM_WEFT_ACCESS_WRITE)
				loop_bo(b[i].handle)->lost = true;
		return -ENODEV;
	}
	ret = loop_bind(job, device);
	if (ret || job->args_size > sizeof(words) || job->reloc_count > WEFT_GGML_MAX_BASES)
		return ret ? ret : -EINVAL;
	memcpy(args, (const void *)(uintptr_t)job->args, job->args_size);
	if (loop.record && job->kernel != WEFT_GGML_QUERY) {
		fwrite(&job->kernel, sizeof(job->kernel), 1, loop.record);
		fwrite(&job->args_size, sizeof(job->args_size), 1, loop.record);
		fwrite(args, job->args_size, 1, loop.record);
	}
	for (i = 0; i < job->buffer_count; i++) {
		ret = loop_to_device(loop_bo(b[i].handle), device);
		if (ret)
			return ret;
	}
	for (i = 0; i < job->reloc_count; i++) {
		bo = loop_bo(b[r[i].buffer].handle);
		address = loop_address(bo, device) + b[r[i].buffer].offset + r[i].delta;
		memcpy(args + r[i].offset, &address, sizeof(address));
		spans[i].offset = r[i].offset;
		spans[i].length = bo->size - b[r[i].buffer].offset - r[i].delta;
	}
	start = weft_sys_now();
	ret = weft_ggml_executor_run(loop.executors[device], job->kernel, args, job->args_size,
				     spans, job->reloc_count, text);
	if (ret)
		fprintf(stderr, "loopback: %s: %s\n", loop.names[device], text);
	if (job->kernel == WEFT_GGML_QUERY) {
		loop.queries++;
	} else {
		loop.jobs++;
		loop.nodes += ((struct weft_ggml_job *)args)->node_count;
		loop.run_ns += weft_sys_now() - start;
	}
	for (i = 0; i < job->buffer_count; i++) {
		bo = loop_bo(b[i].handle);
		if (b[i].access & DRM_WEFT_ACCESS_WRITE) {
			bo->valid = 1u << device;
			bo->host_valid = false;
			bo->lost = ret;
		}
	}
	return ret;
}

static int loop_submit(struct drm_weft_submit *submit)
{
	const struct drm_weft_job *jobs = (const void *)(uintptr_t)submit->jobs;
	uint64_t all = (1ull << loop.device_count) - 1, mask;
	struct drm_weft_job_record *record;
	uint32_t i, device;
	int ret;

	submit->first_job_id = loop.next_job;
	loop.submits += jobs[0].kernel != WEFT_GGML_QUERY;
	for (i = 0; i < submit->job_count; i++) {
		mask = jobs[i].device_mask ? jobs[i].device_mask & all : all;
		if (!mask)
			return -ENODEV;
		do {
			device = loop.turn++ % loop.device_count;
		} while (!(mask & 1ull << device));
		ret = loop_run(&jobs[i], device);
		record = &loop.records[loop.next_job % LOOP_RECORDS];
		memset(record, 0, sizeof(*record));
		record->id = loop.next_job++;
		record->state = DRM_WEFT_JOB_DONE;
		record->error = ret == -ENODEV || ret == -ENODATA ? (uint32_t)-ret : ret ? EIO : 0;
		record->code = (uint32_t)-ret;
		record->device = device;
		record->runs = 1;
	}
	return 0;
}

static int loop_query(struct drm_weft_query *query)
{
	struct drm_weft_pool_info pool = {
		.device_mask = (1ull << loop.device_count) - 1,
		.max_jobs_per_submit = 64,
		.max_buffers_per_job = 64,
		.max_args_size = WEFT_GGML_MAX_BLOB,
		.max_deps_per_job = 64,
		.max_queue_depth = 1024,
		.max_unread_records = LOOP_RECORDS,
		.device_count = loop.device_count,
		.region_count = loop.device_count,
		.policy = "loop",
		.name = "loopback",
	};
	char *data = (void *)(uintptr_t)query->data;
	uint32_t i;

	if (query->topic == DRM_WEFT_QUERY_POOL) {
		memcpy(data, &pool, sizeof(pool));
		query->count = 1;
		return 0;
	}
	for (i = 0; i < loop.device_count && i < query->count; i++) {
		struct drm_weft_device_info device = { .id = i, .region = i, .isa_count = 1 };
		struct drm_weft_region_info region = { .kind = DRM_WEFT_REGION_DEVICE };

		region.id = i;
		region.device = i;
		region.size = loop.memory;
		strcpy(device.isas[0], WEFT_GGML_ISA);
		strcpy(device.name, "loop0");
		device.name[4] = (char)('0' + i);
		strcpy(device.model, loop.names[i]);
		if (query->topic == DRM_WEFT_QUERY_DEVICES)
			memcpy(data + i * query->stride, &device, sizeof(device));
		else
			memcpy(data + i * query->stride, &region, sizeof(region));
	}
	query->count = loop.device_count;
	return 0;
}

static int loop_job_query(struct drm_weft_job_query *query)
{
	char *to = (void *)(uintptr_t)query->records;
	uint32_t i;

	for (i = 0; to && i < query->count; i++)
		memcpy(to + i * query->stride, &loop.records[(query->first_id + i) % LOOP_RECORDS],
		       query->stride < sizeof(loop.records[0]) ? query->stride :
		       sizeof(loop.records[0]));
	return 0;
}

static int loop_ioctl(unsigned int nr, void *arg)
{
	struct drm_weft_bo_mmap_offset *where = arg;
	struct drm_weft_program_create *program = arg;
	struct drm_weft_queue_create *queue = arg;

	switch (nr) {
	case DRM_WEFT_QUERY:
		return loop_query(arg);
	case DRM_WEFT_BO_CREATE:
		return loop_bo_create(arg);
	case DRM_WEFT_BO_MMAP_OFFSET:
		where->offset = where->handle * LOOP_PAGE;
		return 0;
	case DRM_WEFT_BO_CPU_BEGIN:
		return loop_cpu_begin(arg);
	case DRM_WEFT_BO_CPU_END:
		return loop_cpu_end(arg);
	case DRM_WEFT_BO_WAIT:
	case DRM_WEFT_PROGRAM_DESTROY:
	case DRM_WEFT_QUEUE_DESTROY:
		return 0;
	case DRM_WEFT_PROGRAM_CREATE:
		program->handle = 1;
		return 0;
	case DRM_WEFT_QUEUE_CREATE:
		queue->handle = 1;
		return 0;
	case DRM_WEFT_SUBMIT:
		return loop_submit(arg);
	case DRM_WEFT_JOB_QUERY:
		return loop_job_query(arg);
	default:
		return -ENOTTY;
	}
}

/* ---------------------------------------------------- in place of sys.c */

int weft_sys_open(const char *path)
{
	(void)path;
	loop_start();
	return LOOP_FD;
}

void weft_sys_close(int fd)
{
	(void)fd;
}

int weft_sys_driver(int fd, char *name, size_t size)
{
	(void)fd;
	snprintf(name, size, "weft");
	return 0;
}

int weft_sys_ioctl(int fd, unsigned long request, void *arg)
{
	struct drm_gem_close *gem = arg;
	int ret = 0;

	(void)fd;
	pthread_mutex_lock(&loop.lock);
	if (request != DRM_IOCTL_GEM_CLOSE) {
		ret = loop_ioctl(_IOC_NR(request) - DRM_COMMAND_BASE, arg);
	} else if (loop_bo(gem->handle)) {
		free(loop.bos[gem->handle].host);
		loop.bos[gem->handle].used = false;
	}
	pthread_mutex_unlock(&loop.lock);
	return ret;
}

int weft_sys_map(int fd, uint64_t offset, size_t length, void **at)
{
	(void)fd;
	(void)length;
	*at = loop.bos[offset / LOOP_PAGE].host;
	return 0;
}

void weft_sys_unmap(void *at, size_t length)
{
	(void)at;
	(void)length;
}

int weft_sys_poll(struct pollfd *fds, int timeout_ms)
{
	(void)fds;
	(void)timeout_ms;
	return -EINVAL;
}

ssize_t weft_sys_read(int fd, void *to, size_t length)
{
	(void)fd;
	(void)to;
	(void)length;
	return -EAGAIN;
}

int weft_sys_syncobj_create(int fd, uint32_t *handle)
{
	(void)fd;
	(void)handle;
	return -EOPNOTSUPP;
}

void weft_sys_syncobj_destroy(int fd, uint32_t handle)
{
	(void)fd;
	(void)handle;
}

int weft_sys_syncobj_wait(int fd, uint32_t handle, uint64_t point, int64_t until)
{
	(void)fd;
	(void)handle;
	(void)point;
	(void)until;
	return -EOPNOTSUPP;
}

uint64_t weft_sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
