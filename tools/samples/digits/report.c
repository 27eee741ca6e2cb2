// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a run of the digits did to the pool.
 *
 * DOC: digits report
 *
 * Jobs and times come from the jobs' own records, bytes from the links' counters before and after.
 * Whether simulated work kept to its modelled time is read from the simulator's counters, where
 * they are; real devices have none.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

#define DIGITS_SIM	"/sys/kernel/config/weft_sim"
#define DIGITS_WIDTH	72

static uint64_t digits_sim_counter(const char *device, const char *counter)
{
	char path[192];
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), DIGITS_SIM "/%s/stats/%s", device, counter);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

int digits_view_take(struct weft *pool, struct digits_view *view)
{
	uint32_t i;

	memset(view, 0, sizeof(*view));
	if (weft_device_list(pool, &view->devices, &view->device_count) ||
	    weft_link_list(pool, &view->links, &view->link_count)) {
		fprintf(stderr, "digits: %s\n", weft_error());
		digits_view_free(view);
		return -1;
	}
	for (i = 0; i < view->device_count; i++) {
		view->sim_runs += digits_sim_counter(view->devices[i].name, "runs");
		view->sim_late += digits_sim_counter(view->devices[i].name, "late_runs");
	}
	return 0;
}

void digits_view_free(struct digits_view *view)
{
	free(view->devices);
	free(view->links);
	memset(view, 0, sizeof(*view));
}

const struct drm_weft_device_info *digits_view_device(const struct digits_view *view, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < view->device_count; i++)
		if (view->devices[i].id == id)
			return &view->devices[i];
	return NULL;
}

uint32_t digits_late_permille(const struct digits_view *before, const struct digits_view *after)
{
	uint64_t runs = after->sim_runs - before->sim_runs;
	uint64_t late = after->sim_late - before->sim_late;

	/* a device that went took its counters along */
	if (after->sim_runs <= before->sim_runs || after->sim_late < before->sim_late)
		return 0;
	return (uint32_t)(late * 1000 / runs);
}

void digits_usage(const struct digits_run *run, const struct drm_weft_device_info *device,
		  struct digits_usage *usage)
{
	uint64_t room;
	uint32_t i;

	memset(usage, 0, sizeof(*usage));
	for (i = 0; i < run->jobs; i++) {
		const struct drm_weft_job_record *r = &run->records[i];

		if (r->device != device->id)
			continue;
		usage->jobs[digits_record_kind(r)]++;
		usage->busy_ns += r->busy_ns;
		usage->bytes += r->transfer_bytes;
	}
	room = run->makespan_ns * device->compute_credits;
	usage->share_permille = room ? (uint32_t)(usage->busy_ns * 1000 / room) : 0;
}

/* Bytes that went over a link between the views */
static uint64_t digits_link_bytes(const struct digits_view *before,
				  const struct drm_weft_link_info *link)
{
	uint32_t i;

	for (i = 0; i < before->link_count; i++)
		if (before->links[i].from == link->from && before->links[i].to == link->to)
			return link->bytes - before->links[i].bytes;
	return link->bytes;
}

static const char *digits_region_name(const struct digits_view *view, uint32_t region,
				      char *name, size_t size)
{
	uint32_t i;

	snprintf(name, size, "host region %u", region);
	for (i = 0; i < view->device_count; i++)
		if (view->devices[i].region == region)
			snprintf(name, size, "%.31s", view->devices[i].name);
	return name;
}

void digits_print(FILE *out, const struct digits_run *run, const struct digits_view *before,
		  const struct digits_view *after)
{
	char from[64], to[64];
	uint32_t i;

	fprintf(out, "%-12s %-5s %8s %8s %8s %12s %8s\n", "device", "class", "gemm_i8", "argmax",
		"best", "busy share", "MB moved");
	for (i = 0; i < before->device_count; i++) {
		const struct drm_weft_device_info *d = &before->devices[i];
		struct digits_usage u;

		digits_usage(run, d, &u);
		fprintf(out, "%-12.31s %-5s %8u %8u %8u %10u.%u%% %8.2f\n", d->name,
			weft_class_name(d->device_class), u.jobs[DIGITS_GEMM],
			u.jobs[DIGITS_ARGMAX], u.jobs[DIGITS_BEST], u.share_permille / 10,
			u.share_permille % 10, (double)u.bytes / 1e6);
	}
	for (i = 0; i < after->link_count; i++) {
		const struct drm_weft_link_info *l = &after->links[i];
		uint64_t bytes = digits_link_bytes(before, l);

		if (bytes)
			fprintf(out, "link %s -> %s: %" PRIu64 " bytes\n",
				digits_region_name(after, l->from, from, sizeof(from)),
				digits_region_name(after, l->to, to, sizeof(to)), bytes);
	}
	if (run->redone)
		fprintf(out, "jobs submitted again after a loss: %u\n", run->redone);
}

/* The kind a device spent most of a span of time on, as a letter */
static char digits_letter(const struct digits_run *run, uint32_t device, uint64_t from, uint64_t to)
{
	static const char letters[DIGITS_KINDS] = { 'G', 'a', 'b' };
	uint64_t busy[DIGITS_KINDS] = {};
	uint32_t i, best = 0;

	for (i = 0; i < run->jobs; i++) {
		const struct drm_weft_job_record *r = &run->records[i];
		uint64_t start = r->start_ns > from ? r->start_ns : from;
		uint64_t end = r->end_ns < to ? r->end_ns : to;

		if (r->device == device && end > start)
			busy[digits_record_kind(r)] += end - start;
	}
	for (i = 1; i < DIGITS_KINDS; i++)
		if (busy[i] > busy[best])
			best = i;
	return busy[best] ? letters[best] : '.';
}

void digits_timeline(FILE *out, const struct digits_run *run, const struct digits_view *view)
{
	char line[DIGITS_WIDTH + 1];
	uint32_t i, x;

	for (i = 0; i < view->device_count; i++) {
		for (x = 0; x < DIGITS_WIDTH; x++)
			line[x] = digits_letter(run, view->devices[i].id,
						run->start_ns + run->makespan_ns * x / DIGITS_WIDTH,
						run->start_ns +
						run->makespan_ns * (x + 1) / DIGITS_WIDTH);
		line[DIGITS_WIDTH] = '\0';
		fprintf(out, "%-8.31s |%s|\n", view->devices[i].name, line);
	}
	fprintf(out, "%-8s 0%*s%.2f s   G gemm_i8, a argmax, b best, . idle\n", "",
		DIGITS_WIDTH - 5, "", (double)run->makespan_ns / 1e9);
}

static struct json_object *digits_devices_json(const struct digits_run *run,
					       const struct digits_view *view)
{
	struct json_object *list = json_object_new_array();
	uint32_t i, kind;

	for (i = 0; i < view->device_count; i++) {
		const struct drm_weft_device_info *d = &view->devices[i];
		struct json_object *o = json_object_new_object();
		struct json_object *jobs = json_object_new_object();
		struct digits_usage u;

		digits_usage(run, d, &u);
		for (kind = 0; kind < DIGITS_KINDS; kind++)
			json_object_object_add(jobs, digits_kind_name(kind),
					       json_object_new_int64(u.jobs[kind]));
		json_object_object_add(o, "name", json_object_new_string(d->name));
		json_object_object_add(o, "class",
				       json_object_new_string(weft_class_name(d->device_class)));
		json_object_object_add(o, "jobs", jobs);
		json_object_object_add(o, "busy_ns", json_object_new_int64((int64_t)u.busy_ns));
		json_object_object_add(o, "busy_share",
				       json_object_new_double(u.share_permille / 1000.0));
		json_object_object_add(o, "transfer_bytes",
				       json_object_new_int64((int64_t)u.bytes));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *digits_links_json(const struct digits_view *before,
					     const struct digits_view *after)
{
	struct json_object *list = json_object_new_array();
	uint32_t i;

	for (i = 0; i < after->link_count; i++) {
		const struct drm_weft_link_info *l = &after->links[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "from", json_object_new_int64(l->from));
		json_object_object_add(o, "to", json_object_new_int64(l->to));
		json_object_object_add(o, "kind", json_object_new_string(l->kind));
		json_object_object_add(o, "bytes",
				       json_object_new_int64((int64_t)digits_link_bytes(before,
											l)));
		json_object_array_add(list, o);
	}
	return list;
}

struct json_object *digits_json(const struct digits_run *run, const struct digits_view *before,
				const struct digits_view *after)
{
	struct json_object *o = json_object_new_object();
	uint32_t late = digits_late_permille(before, after);

	json_object_object_add(o, "jobs", json_object_new_int64(run->jobs));
	json_object_object_add(o, "jobs_redone", json_object_new_int64(run->redone));
	json_object_object_add(o, "late_share", json_object_new_double(late / 1000.0));
	if (late <= DIGITS_LATE_LIMIT)
		json_object_object_add(o, "makespan_ns",
				       json_object_new_int64((int64_t)run->makespan_ns));
	json_object_object_add(o, "devices", digits_devices_json(run, before));
	json_object_object_add(o, "links", digits_links_json(before, after));
	return o;
}
