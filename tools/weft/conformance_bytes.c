// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft conformance: checks of what a device is and computes.
 *
 * DOC: weft conformance bytes
 *
 * Every result is compared with what the CPU makes of the same bytes, and what a kernel had no
 * business with must be as it was.
 */
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

/* -------------------------------------------------------------------- description */

static void conf_describe(struct conf *c, const char *what, bool good)
{
	if (!good)
		conf_fail(c, "%s makes no sense", what);
}

static void conf_describe_links(struct conf *c)
{
	struct drm_weft_link_info *links;
	uint32_t count, i;
	bool down = false, up = false;

	conf_need(c, weft_link_list(c->pool, &links, &count));
	for (i = 0; i < count; i++) {
		if (links[i].from == c->device.host_region && links[i].to == c->device.region)
			down = links[i].bandwidth > 0 && links[i].kind[0];
		if (links[i].to == c->device.host_region && links[i].from == c->device.region)
			up = links[i].bandwidth > 0 && links[i].kind[0];
	}
	free(links);
	conf_describe(c, "the link from the host", down);
	conf_describe(c, "the link to the host", up);
}

void conf_check_description(struct conf *c)
{
	const struct drm_weft_device_info *d = &c->device;
	char *path = cli_path("%s/subsystem", c->parent), *bus = realpath(path, NULL);
	const char *name = bus ? strrchr(bus, '/') + 1 : "nothing";
	char size[32];
	uint32_t i;

	if (strcmp(name, "pci") && strcmp(name, "platform"))
		conf_fail(c, "its parent is on the bus %s; tools look on pci and platform", name);
	conf_describe(c, "its vendor", d->vendor[0] && strcmp(d->vendor, "unknown"));
	conf_describe(c, "its model", d->model[0]);
	conf_describe(c, "its class", d->device_class < DRM_WEFT_CLASS_COUNT);
	conf_describe(c, "its health", d->health < DRM_WEFT_HEALTH_DRAINING);
	conf_describe(c, "its preemption level", d->preempt_level <= 3);
	conf_describe(c, "its price", d->price > 0);
	conf_describe(c, "the number of its compute engines", d->compute_engines > 0);
	conf_describe(c, "the number of runs at once", d->compute_credits >= d->compute_engines);
	conf_describe(c, "its memory", c->region.kind == DRM_WEFT_REGION_DEVICE &&
		      c->region.device == d->id && c->region.size >= 65536);
	conf_describe(c, "its instruction sets", d->isa_count >= 1 && d->isa_count <= 4);
	for (i = 0; i < d->isa_count; i++)
		conf_describe(c, "one of its instruction sets", d->isas[i][0]);
	conf_describe_links(c);
	conf_note(c, "%s %s, %u runs at once, %s", d->vendor, d->model, d->compute_credits,
		  cli_bytes(c->region.size, size, sizeof(size)));
	free(path);
	free(bus);
}

/* -------------------------------------------------------------------------- image */

/* A copy by whatever program the check has now; what became of the job */
static void conf_try(struct conf *c, struct drm_weft_job_record *record)
{
	struct weft_bo *from = conf_bo(c, 4096), *to = conf_bo(c, 4096);

	conf_copy(c, to, 0, from, 0, 4096);
	conf_wait_ns(c, conf_submit(c), CONF_PATIENCE, "a job with a bad image", record);
	weft_bo_destroy(from);
	weft_bo_destroy(to);
}

static void conf_refused(struct conf *c, const struct conf_image *image, const char *what)
{
	struct weft_program *good = c->program;
	struct drm_weft_program_query query;
	struct drm_weft_job_record record;

	c->program = conf_program(c, image);
	conf_try(c, &record);
	conf_need(c, weft_program_query(c->program, c->device.id, &query));
	if (!record.error || query.state != DRM_WEFT_IMAGE_FAILED)
		conf_fail(c, "an image %s was accepted", what);
	weft_program_destroy(c->program);
	c->program = good;
}

/* A program with more kernels than the image can have: it is refused, or the last one fails. */
static void conf_more_kernels(struct conf *c)
{
	const struct conf_copy_args args = { .bytes = 4096 };
	static char names[CONF_KERNELS][8];
	struct drm_weft_job_record record;
	struct conf_image bad = *c->image;
	struct weft_program *program;
	struct weft_bo *bo = conf_bo(c, 8192);
	struct weft_job *job;
	uint32_t last = CONF_KERNELS - 1;

	while (bad.kernel_count < CONF_KERNELS) {
		uint32_t i = bad.kernel_count++;

		snprintf(names[i], sizeof(names[i]), "more%u", i);
		bad.kernels[i].name = names[i];
		bad.kernels[i].args_size = sizeof(args);
	}
	program = conf_program(c, &bad);
	job = weft_job_init(c->batch, program, last, &args, sizeof(args));
	weft_job_pointer(job, offsetof(struct conf_copy_args, dst), bo,
			 DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE, 0);
	weft_job_pointer(job, offsetof(struct conf_copy_args, src), bo, DRM_WEFT_ACCESS_READ, 4096);
	weft_job_where(job, c->mask, 0);
	conf_wait_ns(c, conf_submit(c), CONF_PATIENCE, "a kernel that is not there", &record);
	if (!record.error)
		conf_fail(c, "kernel %u, which is in no image, ran", last);
	weft_program_destroy(program);
	weft_bo_destroy(bo);
}

void conf_check_image(struct conf *c)
{
	struct drm_weft_program_query query;
	struct drm_weft_job_record record;
	struct conf_image bad;
	uint32_t i;

	conf_try(c, &record);
	if (record.error)
		conf_fail(c, "the image was not accepted: error %u", record.error);
	conf_need(c, weft_program_query(c->program, c->device.id, &query));
	if (query.state != DRM_WEFT_IMAGE_LOADED)
		conf_fail(c, "the image is not loaded after a job ran");

	bad = *c->image;
	for (i = 0; i < bad.image_count; i++)
		bad.images[i].size = 1;
	if (c->image->images[0].size > 1)
		conf_refused(c, &bad, "cut to one byte");
	for (i = 0; i < bad.image_count; i++)
		bad.images[i].size = (c->image->images[i].size + 1) / 2;
	if (c->image->images[0].size > 3)
		conf_refused(c, &bad, "cut in half");
	conf_more_kernels(c);
	conf_try(c, &record);
	if (record.error)
		conf_fail(c, "after bad images a good one does not run: error %u", record.error);
}

/* -------------------------------------------------------------------------- bytes */

static void conf_judge(struct conf *c, const char *kernel, enum conf_look look, uint64_t bytes,
		       uint64_t at)
{
	/* late results are the check completion's */
	if (look == CONF_WRONG)
		conf_fail(c, "%s of %" PRIu64 " bytes: byte %" PRIu64 " of the result is wrong",
			  kernel, bytes, at);
}

/* @bytes from @src_at of one buffer to @dst_at of another; all else must stay */
static void conf_bytes_copy(struct conf *c, uint64_t bytes, uint64_t dst_at, uint64_t src_at)
{
	uint64_t dst_size = dst_at + bytes + (dst_at ? c->align : 0), at;
	uint64_t src_size = src_at + bytes;
	uint8_t *from = conf_bytes(c, src_size), *to = conf_bytes(c, dst_size);
	struct weft_bo *src = conf_noise_bo(c, src_size, from);
	struct weft_bo *dst = conf_noise_bo(c, dst_size, to);

	conf_copy(c, dst, dst_at, src, src_at, bytes);
	conf_run(c);
	memcpy(to + dst_at, from + src_at, bytes);
	conf_judge(c, "copy", conf_look(c, dst, to, dst_size, &at), bytes, at);
	weft_bo_destroy(src);
	weft_bo_destroy(dst);
	free(from);
	free(to);
}

static void conf_bytes_fill(struct conf *c, uint64_t bytes)
{
	uint64_t count = bytes / 4, i, at;
	uint32_t *words = conf_bytes(c, bytes), value = (uint32_t)conf_random(c, UINT32_MAX);
	struct weft_bo *dst = conf_bo(c, bytes);

	conf_fill(c, dst, count, value);
	conf_run(c);
	for (i = 0; i < count; i++)
		words[i] = value;
	conf_judge(c, "fill", conf_look(c, dst, words, count * 4, &at), bytes, at);
	weft_bo_destroy(dst);
	free(words);
}

static void conf_bytes_add(struct conf *c, uint64_t bytes)
{
	uint64_t count = bytes / 4, i, at;
	uint32_t *a = conf_bytes(c, bytes), *b = conf_bytes(c, bytes);
	struct weft_bo *a_bo = conf_noise_bo(c, bytes, a), *b_bo = conf_noise_bo(c, bytes, b);
	struct weft_bo *dst = conf_bo(c, bytes);

	conf_add(c, dst, a_bo, b_bo, count);
	conf_run(c);
	for (i = 0; i < count; i++)
		a[i] += b[i];
	conf_judge(c, "add", conf_look(c, dst, a, count * 4, &at), bytes, at);
	weft_bo_destroy(a_bo);
	weft_bo_destroy(b_bo);
	weft_bo_destroy(dst);
	free(a);
	free(b);
}

/* Sizes around every boundary there might be, up to the largest */
static uint32_t conf_sizes(struct conf *c, uint64_t *sizes, uint32_t room)
{
	static const uint64_t edges[] = { 64, 512, 4096, 16384, 65536, 262144, 1u << 20, 4u << 20 };
	uint64_t largest = conf_largest(c);
	uint32_t count = 0;
	size_t i;

	sizes[count++] = c->align;
	for (i = 0; i < sizeof(edges) / sizeof(edges[0]) && count + 4 < room; i++) {
		if (edges[i] + c->align > largest || edges[i] <= c->align)
			continue;
		sizes[count++] = edges[i] - c->align;
		sizes[count++] = edges[i];
		sizes[count++] = edges[i] + c->align;
	}
	sizes[count++] = largest;
	return count;
}

void conf_check_bytes(struct conf *c)
{
	uint64_t sizes[32];
	uint32_t count = conf_sizes(c, sizes, 32), i;

	for (i = 0; i < count; i++) {
		uint64_t off = c->align * (1 + conf_random(c, 512));

		conf_bytes_copy(c, sizes[i], 0, 0);
		conf_bytes_copy(c, sizes[i], c->align, off);
		conf_bytes_copy(c, sizes[i], off, 0);
		if (conf_has(c, CONF_FILL))
			conf_bytes_fill(c, sizes[i]);
		if (conf_has(c, CONF_ADD))
			conf_bytes_add(c, sizes[i]);
	}
	conf_note(c, "%u sizes from %" PRIu64 " to %" PRIu64 " bytes", count, sizes[0],
		  sizes[count - 1]);
}

/* --------------------------------------------------------------------- completion */

#define CONF_RUNS	96

void conf_check_completion(struct conf *c)
{
	uint64_t strays = conf_strays(), most = conf_largest(c) / 4, at, id, i;
	struct drm_weft_job_record record;
	char text[256];

	if (most > 262144)
		most = 262144;
	for (i = 0; i < CONF_RUNS; i++) {
		uint64_t bytes = conf_round(c, 1 + conf_random(c, most));
		uint8_t *from = conf_bytes(c, bytes);
		struct weft_bo *src = conf_noise_bo(c, bytes, from), *dst = conf_bo(c, bytes);

		conf_copy(c, dst, 0, src, 0, bytes);
		id = conf_submit(c);
		conf_wait_ns(c, id, CONF_PATIENCE, "a job", &record);
		if (record.error)
			conf_fail(c, "%s", weft_record_text(&record, text, sizeof(text)));
		if (conf_look(c, dst, from, bytes, &at) == CONF_LATE)
			conf_fail(c, "a run was completed before byte %" PRIu64 " of its output "
				  "was there", at);
		if (record.device != c->device.id || record.runs != 1 ||
		    record.end_ns < record.start_ns)
			conf_fail(c, "the record of a job makes no sense: device %u, %u runs",
				  record.device, record.runs);
		weft_bo_destroy(src);
		weft_bo_destroy(dst);
		free(from);
	}
	conf_sleep(CONF_WATCH);
	conf_no_strays(c, strays);
	conf_note(c, "%u runs", CONF_RUNS);
}

/* ------------------------------------------------------------------------- copies */

/* Pages that were never written read as zero, between pages that were. */
static void conf_copies_sparse(struct conf *c)
{
	uint64_t page = 4096, pages = conf_largest(c) / page, at, i;
	uint8_t *bytes;
	struct weft_bo *src, *dst;

	pages = pages < 64 ? pages : 64;
	bytes = conf_bytes(c, pages * page);
	src = conf_bo(c, pages * page);
	dst = conf_bo(c, pages * page);
	for (i = conf_random(c, 2); i < pages; i += 1 + conf_random(c, 5)) {
		conf_noise(c, bytes + i * page, page);
		conf_need(c, weft_bo_write(src, i * page, bytes + i * page, page));
	}
	conf_copy(c, dst, 0, src, 0, pages * page);
	conf_run(c);
	conf_judge(c, "copy of a buffer with untouched pages",
		   conf_look(c, dst, bytes, pages * page, &at), pages * page, at);
	weft_bo_destroy(src);
	weft_bo_destroy(dst);
	free(bytes);
}

/* Memory that held something reads as zero in a buffer that was never written. */
static void conf_copies_cleared(struct conf *c)
{
	uint64_t size = conf_largest(c), at;
	uint8_t *bytes = conf_bytes(c, size), *zeros = conf_bytes(c, size);
	struct weft_bo *noise = conf_noise_bo(c, size, bytes), *used = conf_bo(c, size);
	struct weft_bo *fresh, *out;

	conf_copy(c, used, 0, noise, 0, size);
	conf_run(c);
	weft_bo_destroy(noise);
	weft_bo_destroy(used);
	fresh = conf_bo(c, size);
	out = conf_bo(c, size);
	conf_copy(c, out, 0, fresh, 0, size);
	conf_run(c);
	conf_judge(c, "clear", conf_look(c, out, zeros, size, &at), size, at);
	weft_bo_destroy(fresh);
	weft_bo_destroy(out);
	free(bytes);
	free(zeros);
}

#define CONF_EVICT_MAX	(64u << 20)

/* More than fits: what is on the device alone goes to the host and comes back. */
static void conf_copies_evicted(struct conf *c)
{
	uint64_t size = c->region.size / 8 & ~(uint64_t)4095, at, i;
	struct weft_bo *src[12], *dst[12];
	uint8_t *bytes[12];

	for (i = 0; i < 12; i++) {
		bytes[i] = conf_bytes(c, size);
		src[i] = conf_noise_bo(c, size, bytes[i]);
		dst[i] = conf_bo(c, size);
		conf_copy(c, dst[i], 0, src[i], 0, size);
	}
	conf_run(c);
	for (i = 0; i < 12; i++) {
		conf_judge(c, "eviction", conf_look(c, dst[i], bytes[i], size, &at), size, at);
		weft_bo_destroy(src[i]);
		weft_bo_destroy(dst[i]);
		free(bytes[i]);
	}
}

void conf_check_copies(struct conf *c)
{
	conf_copies_sparse(c);
	conf_copies_cleared(c);
	if (c->region.size > CONF_EVICT_MAX || c->region.size / 8 > c->image->largest)
		conf_note(c, "without eviction: it would take long");
	else
		conf_copies_evicted(c);
}

/* ------------------------------------------------------- ordering, credits, stress */

#define CONF_CHAIN	24

void conf_check_ordering(struct conf *c)
{
	uint64_t size = conf_largest(c) > 40000 ? conf_round(c, 40000) : conf_largest(c), at, i;
	uint8_t *bytes = conf_bytes(c, size);
	struct weft_bo *bo[4];
	int round;

	for (round = 0; round < 4; round++) {
		bo[0] = conf_noise_bo(c, size, bytes);
		for (i = 1; i < 4; i++)
			bo[i] = conf_bo(c, size);
		for (i = 0; i < CONF_CHAIN; i++)
			conf_copy(c, bo[(i + 1) % 4], 0, bo[i % 4], 0, size);
		conf_run(c);
		for (i = 0; i < 4; i++) {
			if (conf_look(c, bo[i], bytes, size, &at) == CONF_WRONG)
				conf_fail(c, "a chain of %u copies lost byte %" PRIu64, CONF_CHAIN,
					  at);
			weft_bo_destroy(bo[i]);
		}
	}
	free(bytes);
}

/* The most records that overlap in time */
static uint32_t conf_overlap(const struct drm_weft_job_record *r, uint32_t count)
{
	uint32_t i, k, now, most = 0;

	for (i = 0; i < count; i++) {
		now = 0;
		for (k = 0; k < count; k++)
			now += r[k].start_ns <= r[i].start_ns && r[k].end_ns > r[i].start_ns;
		if (now > most)
			most = now;
	}
	return most;
}

#define CONF_MANY	256

void conf_check_credits(struct conf *c)
{
	uint32_t credits = c->device.compute_credits, count = 4 * credits, i;
	struct drm_weft_job_record records[CONF_MANY];
	uint64_t size = 4096, strays = conf_strays(), id, at;
	uint8_t *bytes = conf_bytes(c, size * CONF_MANY);
	struct weft_bo *src[CONF_MANY], *dst[CONF_MANY];

	if (count > CONF_MANY)
		count = CONF_MANY;
	for (i = 0; i < count; i++) {
		src[i] = conf_noise_bo(c, size, bytes + i * size);
		dst[i] = conf_bo(c, size);
		conf_copy(c, dst[i], 0, src[i], 0, size);
	}
	id = conf_submit(c);
	for (i = 0; i < count; i++) {
		conf_wait_ns(c, id + i, CONF_PATIENCE, "a job among many", &records[i]);
		if (records[i].error)
			conf_fail(c, "one of %u jobs at once failed: error %u", count,
				  records[i].error);
	}
	for (i = 0; i < count; i++)
		if (conf_look(c, dst[i], bytes + i * size, size, &at) == CONF_WRONG)
			conf_fail(c, "one of %u jobs at once has a wrong result", count);
	conf_no_strays(c, strays);
	conf_note(c, "%u at once, %u declared", conf_overlap(records, count), credits);
	for (i = 0; i < count; i++) {
		weft_bo_destroy(src[i]);
		weft_bo_destroy(dst[i]);
	}
	if (!conf_has(c, CONF_SPIN))
		return;
	/* runs that last: every credit is taken, and each ends by itself */
	for (i = 0; i < count / 2; i++) {
		dst[i] = conf_bo(c, size);
		conf_spin(c, dst[i], 20 * CONF_MS);
	}
	id = conf_submit(c);
	for (i = 0; i < count / 2; i++)
		conf_wait_ns(c, id + i, CONF_PATIENCE, "a spin among many", &records[i]);
	conf_note(c, "%u at once, %u declared", conf_overlap(records, count / 2), credits);
	if (conf_overlap(records, count / 2) < (credits < count / 2 ? credits : count / 2))
		conf_fail(c, "%s", c->note);
	free(bytes);
}

#define CONF_BUFFERS	16

void conf_check_stress(struct conf *c)
{
	uint64_t size = conf_largest(c) / 8 & ~(uint64_t)4095, end = conf_now() + c->stress_ns;
	uint64_t strays = conf_strays(), jobs = 0, at, i;
	uint8_t *model[CONF_BUFFERS];
	struct weft_bo *bo[CONF_BUFFERS];

	size = size < 4096 ? 4096 : size > 262144 ? 262144 : size;
	for (i = 0; i < CONF_BUFFERS; i++) {
		model[i] = conf_bytes(c, size);
		bo[i] = conf_noise_bo(c, size, model[i]);
	}
	while (conf_now() < end) {
		uint64_t count = 1 + conf_random(c, 40);

		for (i = 0; i < count; i++) {
			uint64_t bytes = conf_round(c, 1 + conf_random(c, size - c->align));
			uint64_t room = (size - bytes) / c->align + 1;
			uint64_t to = conf_random(c, CONF_BUFFERS), from, dst_at, src_at;

			from = (to + 1 + conf_random(c, CONF_BUFFERS - 1)) % CONF_BUFFERS;
			dst_at = conf_random(c, room) * c->align;
			src_at = conf_random(c, room) * c->align;
			conf_copy(c, bo[to], dst_at, bo[from], src_at, bytes);
			memcpy(model[to] + dst_at, model[from] + src_at, bytes);
		}
		conf_run(c);
		jobs += count;
		i = conf_random(c, CONF_BUFFERS);
		if (conf_look(c, bo[i], model[i], size, &at) != CONF_RIGHT)
			conf_fail(c, "a wrong byte after %" PRIu64 " jobs", jobs);
		if (!conf_random(c, 4)) {
			conf_noise(c, model[i], size);
			conf_need(c, weft_bo_write(bo[i], 0, model[i], size));
		}
	}
	for (i = 0; i < CONF_BUFFERS; i++)
		if (conf_look(c, bo[i], model[i], size, &at) != CONF_RIGHT)
			conf_fail(c, "a wrong byte after %" PRIu64 " jobs", jobs);
	conf_no_strays(c, strays);
	conf_note(c, "%" PRIu64 " jobs", jobs);
}
