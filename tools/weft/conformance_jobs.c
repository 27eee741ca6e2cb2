// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft conformance: jobs, buffers and looks at what came out.
 *
 * DOC: weft conformance jobs
 *
 * Whether a result is wrong or only late matters: one is a fault of the kernel, the other of the
 * completion. A buffer that is not right is looked at a second time, by a job on the device that
 * copies it, for the host would see the copy that it made at the first look.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <drm/weft_sim.h>

#include "conformance.h"

/* What canaries may take of a big device's memory. */
#define CONF_COVER	(64u << 20)
#define CONF_CANARIES	512
#define CONF_SLOW	16

uint64_t conf_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * CONF_SECOND + (uint64_t)t.tv_nsec;
}

void conf_sleep(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(ns / CONF_SECOND),
		.tv_nsec = (long)(ns % CONF_SECOND),
	};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

uint64_t conf_random(struct conf *c, uint64_t below)
{
	c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;
	return below ? (c->seed >> 24) % below : 0;
}

void *conf_bytes(struct conf *c, uint64_t size)
{
	void *bytes = calloc(1, size);

	if (!bytes)
		conf_fail(c, "no memory on the host for %" PRIu64 " bytes", size);
	return bytes;
}

void conf_noise(struct conf *c, void *bytes, uint64_t size)
{
	uint8_t *at = bytes;

	while (size--)
		*at++ = (uint8_t)conf_random(c, 256);
}

struct weft_bo *conf_bo(struct conf *c, uint64_t size)
{
	struct weft_bo *bo;

	conf_need(c, weft_bo_create(c->pool, size, 0, &bo));
	return bo;
}

struct weft_bo *conf_noise_bo(struct conf *c, uint64_t size, void *bytes)
{
	struct weft_bo *bo = conf_bo(c, size);

	conf_noise(c, bytes, size);
	conf_need(c, weft_bo_write(bo, 0, bytes, size));
	return bo;
}

/* ----------------------------------------------------------------------------- device */

/* The weft device that hangs from @parent; its number and name may be new. */
char *conf_find_name(const char *parent)
{
	size_t length = strlen(parent);
	struct dirent *entry;
	char *folder = cli_path("/sys/bus/weft/devices"), *name = NULL;
	DIR *dir = opendir(folder);

	while (dir && !name && (entry = readdir(dir))) {
		char *path = cli_path("/sys/bus/weft/devices/%s", entry->d_name);
		char *real = entry->d_name[0] == '.' ? NULL : realpath(path, NULL);

		if (real && !strncmp(real, parent, length) && real[length] == '/' &&
		    !strchr(real + length + 1, '/'))
			name = strdup(entry->d_name);
		free(real);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(folder);
	return name;
}

/* Read anew what the pool says of the device; false if it is not there. */
bool conf_refresh(struct conf *c, const char *name)
{
	struct drm_weft_device_info *devices;
	struct drm_weft_region_info *regions;
	uint32_t count, i;
	bool found = false;

	conf_need(c, weft_device_list(c->pool, &devices, &count));
	for (i = 0; i < count && !found; i++) {
		found = !strcmp(devices[i].name, name);
		if (found)
			c->device = devices[i];
	}
	free(devices);
	if (!found)
		return false;
	c->mask = (uint64_t)1 << c->device.id;
	conf_need(c, weft_region_list(c->pool, &regions, &count));
	for (i = 0; i < count; i++)
		if (regions[i].id == c->device.region)
			c->region = regions[i];
	free(regions);
	return true;
}

struct weft_program *conf_program(struct conf *c, const struct conf_image *image)
{
	struct weft_program *program;

	conf_need(c, weft_program_create(c->pool, image->images, image->image_count,
					 image->kernels, image->kernel_count, &program));
	return program;
}

void conf_open(struct conf *c, const char *name)
{
	char *device = strdup(name);

	conf_need(c, weft_open(&c->pool, NULL));
	weft_client_name(c->pool, "conformance");
	if (!device || !conf_refresh(c, device))
		conf_fail(c, "the device %s is not in the pool", name);
	free(device);
	c->program = conf_program(c, c->image);
	conf_need(c, weft_queue_create(c->pool, NULL, &c->queue));
	conf_need(c, weft_batch_create(c->pool, &c->batch));
	c->align = c->image->align;
}

uint64_t conf_attribute(struct conf *c, const char *name, uint64_t otherwise)
{
	char *path = cli_path("/sys/bus/weft/devices/%s/%s", c->device.name, name);
	char *line = cli_read_line(path);
	uint64_t value = line ? strtoull(line, NULL, 10) : otherwise;

	free(line);
	free(path);
	return value;
}

uint64_t conf_strays(void)
{
	char *path = cli_path("/sys/bus/weft/stray_completions");
	char *line = cli_read_line(path);
	uint64_t value = line ? strtoull(line, NULL, 10) : 0;

	free(line);
	free(path);
	return value;
}

void conf_no_strays(struct conf *c, uint64_t before)
{
	uint64_t strays = conf_strays() - before;

	if (strays)
		conf_fail(c, "%" PRIu64 " completions of runs that it did not hold", strays);
}

/* ------------------------------------------------------------------------------- jobs */

bool conf_has(const struct conf *c, enum conf_kernel kernel)
{
	return c->image->index[kernel] >= 0;
}

void conf_want(struct conf *c, enum conf_kernel kernel)
{
	static const char *const names[CONF_KERNEL_COUNT] = { "copy", "fill", "add", "spin" };

	if (!conf_has(c, kernel))
		conf_skip(c, "the image has no kernel %s", names[kernel]);
}

uint64_t conf_round(const struct conf *c, uint64_t bytes)
{
	return (bytes + c->align - 1) & ~(c->align - 1);
}

/* Three of these and what others need fit into the device's memory. */
uint64_t conf_largest(const struct conf *c)
{
	uint64_t bytes = c->region.size / 8 & ~(uint64_t)4095;

	return bytes < c->image->largest ? bytes : c->image->largest;
}

static struct weft_job *conf_job(struct conf *c, enum conf_kernel kernel, const void *args)
{
	uint32_t index = (uint32_t)c->image->index[kernel];
	struct weft_job *job = weft_job_init(c->batch, c->program, index, args,
					     c->image->kernels[index].args_size);

	weft_job_where(job, c->mask, 0);
	return job;
}

/* A part of a buffer is read and written as a range, so that addresses are not all page starts. */
static void conf_range(struct weft_job *job, uint32_t where, struct weft_bo *bo, uint32_t access,
		       uint64_t at, uint64_t bytes)
{
	if (!at && bytes == weft_bo_size(bo)) {
		weft_job_pointer(job, where, bo, access, 0);
		return;
	}
	if (access == DRM_WEFT_ACCESS_WRITE)
		access |= DRM_WEFT_ACCESS_READ;
	weft_job_pointer(job, where, bo, access, at);
}

struct weft_job *conf_copy(struct conf *c, struct weft_bo *dst, uint64_t dst_at,
			   struct weft_bo *src, uint64_t src_at, uint64_t bytes)
{
	const struct conf_copy_args args = { .bytes = bytes };
	struct weft_job *job = conf_job(c, CONF_COPY, &args);

	conf_range(job, offsetof(struct conf_copy_args, dst), dst, DRM_WEFT_ACCESS_WRITE, dst_at,
		   bytes);
	conf_range(job, offsetof(struct conf_copy_args, src), src, DRM_WEFT_ACCESS_READ, src_at,
		   bytes);
	weft_job_size(job, bytes);
	return job;
}

struct weft_job *conf_fill(struct conf *c, struct weft_bo *dst, uint64_t count, uint32_t value)
{
	const struct conf_fill_args args = { .count = count, .value = value };
	struct weft_job *job = conf_job(c, CONF_FILL, &args);

	conf_range(job, offsetof(struct conf_fill_args, dst), dst, DRM_WEFT_ACCESS_WRITE, 0,
		   4 * count);
	weft_job_size(job, count);
	return job;
}

struct weft_job *conf_add(struct conf *c, struct weft_bo *dst, struct weft_bo *a,
			  struct weft_bo *b, uint64_t count)
{
	const struct conf_add_args args = { .count = count };
	struct weft_job *job = conf_job(c, CONF_ADD, &args);

	conf_range(job, offsetof(struct conf_add_args, dst), dst, DRM_WEFT_ACCESS_WRITE, 0,
		   4 * count);
	weft_job_pointer(job, offsetof(struct conf_add_args, a), a, DRM_WEFT_ACCESS_READ, 0);
	weft_job_pointer(job, offsetof(struct conf_add_args, b), b, DRM_WEFT_ACCESS_READ, 0);
	weft_job_size(job, count);
	return job;
}

/* Work of a simulated device's NOP that takes a nanosecond: measured, for its speed is set. */
static double conf_spin_rate(struct conf *c)
{
	struct drm_weft_job_record record;
	struct weft_sim_nop args = { .work = 1000 };

	for (; args.work < (uint64_t)1 << 50; args.work *= 8) {
		uint64_t id;

		conf_job(c, CONF_SPIN, &args);
		id = conf_submit(c);
		conf_wait_ns(c, id, CONF_PATIENCE, "a simulated NOP", &record);
		if (record.busy_ns > 10 * CONF_MS)
			return (double)args.work / (double)record.busy_ns;
	}
	conf_skip(c, "this simulated device takes no time for anything");
}

struct weft_job *conf_spin(struct conf *c, struct weft_bo *dst, uint64_t ns)
{
	struct conf_spin_args args = { .bytes = weft_bo_size(dst), .ns = ns };
	struct weft_sim_nop nop;
	struct weft_job *job;

	if (c->image->sim) {
		if (c->spin_rate == 0)
			c->spin_rate = conf_spin_rate(c);
		nop.work = (uint64_t)((double)ns * c->spin_rate);
		job = conf_job(c, CONF_SPIN, &nop);
		weft_job_buffer(job, dst, DRM_WEFT_ACCESS_WRITE, 0, 0);
	} else {
		job = conf_job(c, CONF_SPIN, &args);
		weft_job_pointer(job, offsetof(struct conf_spin_args, dst), dst,
				 DRM_WEFT_ACCESS_WRITE, 0);
	}
	/* what it is learned to take is of no use to the next one */
	weft_job_size(job, ns);
	weft_job_limits(job, 2 * CONF_FOR_EVER, 0);
	return job;
}

uint64_t conf_submit(struct conf *c)
{
	uint64_t id;

	conf_need(c, weft_submit(c->queue, c->batch, CONF_PATIENCE, &id));
	return id;
}

void conf_wait_ns(struct conf *c, uint64_t id, uint64_t ns, const char *what,
		  struct drm_weft_job_record *record)
{
	int ret = weft_wait(c->pool, id, 1, (int64_t)ns, record);

	if (ret == -ETIME)
		conf_fail(c, "%s has no end after %" PRIu64 " ms", what, ns / CONF_MS);
	if (ret && ret != -EREMOTEIO)
		conf_need(c, ret);
}

/* These jobs must succeed. */
void conf_wait(struct conf *c, uint64_t id, uint32_t count)
{
	struct drm_weft_job_record record;
	char text[256];

	while (count--) {
		conf_wait_ns(c, id++, CONF_PATIENCE, "a job", &record);
		if (record.error)
			conf_fail(c, "%s", weft_record_text(&record, text, sizeof(text)));
	}
}

void conf_run(struct conf *c)
{
	uint32_t count = weft_batch_count(c->batch);

	conf_wait(c, conf_submit(c), count);
}

void conf_running(struct conf *c, uint64_t id)
{
	struct drm_weft_job_record record;
	uint64_t end = conf_now() + CONF_PATIENCE;

	for (;;) {
		conf_need(c, weft_job_poll(c->pool, id, &record));
		if (record.state == DRM_WEFT_JOB_RUNNING)
			return;
		if (record.state == DRM_WEFT_JOB_DONE)
			conf_fail(c, "a spin that should run for long ended at once (error %u)",
				  record.error);
		if (conf_now() > end)
			conf_fail(c, "a job is not started");
		conf_sleep(CONF_MS);
	}
}

/* ------------------------------------------------------------------------------ looks */

static bool conf_same(const uint8_t *bytes, const uint8_t *expected, uint64_t size, uint64_t *at)
{
	for (*at = 0; *at < size; (*at)++)
		if (bytes[*at] != expected[*at])
			return false;
	return true;
}

/**
 * conf_look() - does @bo hold what it should?
 * @c: check
 * @bo: buffer whose job is done
 * @expected: its bytes
 * @size: how many
 * @at: out, the first one that is not right
 */
enum conf_look conf_look(struct conf *c, struct weft_bo *bo, const void *expected, uint64_t size,
			 uint64_t *at)
{
	enum conf_look look = CONF_RIGHT;
	void *bytes = conf_bytes(c, size);
	struct weft_bo *again;
	uint64_t ignored;

	conf_need(c, weft_bo_read(bo, 0, bytes, size));
	if (!conf_same(bytes, expected, size, at)) {
		conf_sleep(CONF_WATCH);
		again = conf_bo(c, weft_bo_size(bo));
		conf_copy(c, again, 0, bo, 0, weft_bo_size(bo));
		conf_run(c);
		conf_sleep(CONF_WATCH);
		conf_need(c, weft_bo_read(again, 0, bytes, size));
		look = conf_same(bytes, expected, size, &ignored) ? CONF_LATE : CONF_WRONG;
		weft_bo_destroy(again);
	}
	free(bytes);
	return look;
}

/**
 * conf_quiet() - watch memory that a stopped run had
 * @c: check
 * @size: bytes that the run wrote, whole pages
 * @after: what should have stopped it
 *
 * The run's output is lost and its memory free. Canaries of the same size are put on the device,
 * as many as fit, so that one of them gets that memory; then they are read back.
 */
void conf_quiet(struct conf *c, uint64_t size, const char *after)
{
	struct weft_bo *canaries[CONF_CANARIES], *noise;
	uint8_t *expected = conf_bytes(c, size), *bytes = conf_bytes(c, size);
	uint64_t count, cover, at, i;

	conf_refresh(c, c->device.name);
	cover = (c->region.size - c->region.used) / 10 * 8;
	if (cover > CONF_COVER)
		cover = CONF_COVER;
	/* a slow device: as many as it can write in a few seconds */
	if (cover > CONF_SLOW * c->image->largest)
		cover = CONF_SLOW * c->image->largest;
	count = cover / size > 1 ? cover / size - 1 : 1;
	if (count > CONF_CANARIES)
		count = CONF_CANARIES;
	noise = conf_noise_bo(c, size, expected);
	for (i = 0; i < count; i++) {
		canaries[i] = conf_bo(c, size);
		conf_copy(c, canaries[i], 0, noise, 0, size);
	}
	conf_run(c);
	conf_sleep(CONF_WATCH);
	for (i = 0; i < count; i++) {
		conf_need(c, weft_bo_read(canaries[i], 0, bytes, size));
		if (!conf_same(bytes, expected, size, &at))
			conf_fail(c, "after %s the device wrote into memory that was not the run's "
				  "any more (0x%02x at %" PRIu64 " of a buffer)", after,
				  bytes[at], at);
		weft_bo_destroy(canaries[i]);
	}
	weft_bo_destroy(noise);
	free(expected);
	free(bytes);
}
