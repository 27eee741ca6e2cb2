// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft list: the devices of the pool.
 *
 * DOC: weft list
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"

static const char list_help[] =
"Usage: weft list [--json]\n"
"List the devices of the pool: what they are, how they are, what they did.\n";

static const struct drm_weft_region_info *list_region(const struct drm_weft_region_info *regions,
						      uint32_t count, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (regions[i].id == id)
			return &regions[i];
	return NULL;
}

static struct json_object *list_device_json(const struct drm_weft_device_info *d,
					    const struct drm_weft_region_info *region)
{
	struct json_object *o = json_object_new_object();
	struct json_object *isas = json_object_new_array();
	uint32_t i;

	cli_json_u64(o, "id", d->id);
	cli_json_text(o, "name", d->name);
	cli_json_text(o, "class", weft_class_name(d->device_class));
	cli_json_text(o, "vendor", d->vendor);
	cli_json_text(o, "model", d->model);
	cli_json_text(o, "health", weft_health_name(d->health));
	for (i = 0; i < d->isa_count && i < sizeof(d->isas) / sizeof(d->isas[0]); i++)
		json_object_array_add(isas, json_object_new_string(d->isas[i]));
	json_object_object_add(o, "isas", isas);
	cli_json_u64(o, "compute_engines", d->compute_engines);
	cli_json_u64(o, "compute_credits", d->compute_credits);
	cli_json_u64(o, "copy_engines", d->copy_engines);
	cli_json_u64(o, "preempt_level", d->preempt_level);
	cli_json_u64(o, "price", d->price);
	cli_json_u64(o, "region", d->region);
	cli_json_u64(o, "host_region", d->host_region);
	if (region) {
		cli_json_u64(o, "memory", region->size);
		cli_json_u64(o, "memory_used", region->used);
	}
	cli_json_u64(o, "jobs_done", d->jobs_done);
	cli_json_u64(o, "jobs_failed", d->jobs_failed);
	cli_json_u64(o, "busy_ns", d->busy_ns);
	cli_json_u64(o, "late_ns", d->late_ns);
	json_object_object_add(o, "can_be_leased",
			       json_object_new_boolean(d->flags & DRM_WEFT_DEVICE_LEASES));
	cli_json_u64(o, "leases", d->leases);
	cli_json_u64(o, "leases_revoked", d->leases_revoked);
	return o;
}

static int list_print(const struct drm_weft_pool_info *info,
		      const struct drm_weft_device_info *devices, uint32_t count,
		      const struct drm_weft_region_info *regions, uint32_t region_count, bool json)
{
	struct json_object *o = NULL, *list = NULL;
	char used[32], size[32];
	uint32_t i;

	if (json) {
		o = json_object_new_object();
		list = json_object_new_array();
		cli_json_text(o, "pool", info->name);
		cli_json_text(o, "policy", info->policy);
	} else {
		printf("pool %s, policy %s, %u device%s\n", info->name, info->policy, count,
		       count == 1 ? "" : "s");
	}
	if (!json && count)
		printf("%2s %-14s %-5s %-16s %-12s %3s %-21s %6s %9s %6s %9s\n", "id", "name",
		       "class", "model", "health", "run", "memory used", "price", "jobs", "failed",
		       "busy");
	for (i = 0; i < count; i++) {
		const struct drm_weft_device_info *d = &devices[i];
		const struct drm_weft_region_info *r = list_region(regions, region_count,
								   d->region);
		char memory[72];

		if (json) {
			json_object_array_add(list, list_device_json(d, r));
			continue;
		}
		snprintf(memory, sizeof(memory), "%s of %s",
			 cli_bytes(r ? r->used : 0, used, sizeof(used)),
			 cli_bytes(r ? r->size : 0, size, sizeof(size)));
		printf("%2u %-14.31s %-5s %-16.31s %-12s %3u %-21s %6.2f %9" PRIu64 " %6" PRIu64
		       " %7.2f s\n",
		       d->id, d->name, weft_class_name(d->device_class), d->model,
		       weft_health_name(d->health), d->compute_credits, memory,
		       (double)d->price / 1024, (uint64_t)d->jobs_done, (uint64_t)d->jobs_failed,
		       (double)d->busy_ns / 1e9);
	}
	if (!json)
		return CLI_OK;
	json_object_object_add(o, "devices", list);
	return cli_print_json(o);
}

int cli_list(int argc, char **argv)
{
	struct drm_weft_device_info *devices = NULL;
	struct drm_weft_region_info *regions = NULL;
	struct drm_weft_pool_info info;
	uint32_t count, region_count;
	struct weft *pool;
	bool json;
	int ret;

	ret = cli_options(argc, argv, list_help, &json);
	if (ret)
		return ret == CLI_NO ? CLI_OK : ret;
	pool = cli_open();
	if (!pool)
		return CLI_TROUBLE;
	if (weft_pool_info(pool, &info) || weft_device_list(pool, &devices, &count) ||
	    weft_region_list(pool, &regions, &region_count))
		ret = cli_fail_weft();
	else
		ret = list_print(&info, devices, count, regions, region_count, json);
	free(devices);
	free(regions);
	weft_close(pool);
	return ret;
}
