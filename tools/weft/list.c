// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft list: the devices of the pool.
 *
 * DOC: weft list
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"
#include "foreign.h"
#include "seal.h"

static const char list_help[] =
"Usage: weft list [--all] [--json]\n"
"List the devices of the pool: what they are, how they are, what they did, and whether limits hold\n"
"on them: enforced is \"no\" if processes outside weft reach the device, see \"weft seal\".\n"
"  --all  devices of other drivers, too\n";

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
	struct seal_state state;
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
	seal_look(d->name, &state);
	seal_state_json(o, &state);
	seal_state_free(&state);
	return o;
}

/* Why limits are advice on a device, and who is to blame */
static void list_advisory(const char *name, const struct seal_state *state)
{
	size_t i;

	if (state->enforced == SEAL_YES)
		return;
	printf("   %.31s: %s: %s\n", name,
	       state->enforced == SEAL_NO ? "limits are advisory" : "are limits advisory?",
	       state->why);
	for (i = 0; i < state->foreign_count; i++)
		printf("   %.31s: foreign process %d (%s) has %s open\n", name,
		       state->foreign[i].pid, state->foreign[i].name, state->foreign[i].path);
}

static int list_print(const struct drm_weft_pool_info *info,
		      const struct drm_weft_device_info *devices, uint32_t count,
		      const struct drm_weft_region_info *regions, uint32_t region_count, bool json,
		      bool all)
{
	struct json_object *o = NULL, *list = NULL;
	struct seal_state state;
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
		printf("%2s %-14s %-5s %-16s %-12s %3s %-21s %6s %9s %6s %9s %s\n", "id", "name",
		       "class", "model", "health", "run", "memory used", "price", "jobs", "failed",
		       "busy", "enforced");
	for (i = 0; i < count; i++) {
		const struct drm_weft_device_info *d = &devices[i];
		const struct drm_weft_region_info *r = list_region(regions, region_count,
								   d->region);
		char memory[72];

		if (json) {
			json_object_array_add(list, list_device_json(d, r));
			continue;
		}
		seal_look(d->name, &state);
		snprintf(memory, sizeof(memory), "%s of %s",
			 cli_bytes(r ? r->used : 0, used, sizeof(used)),
			 cli_bytes(r ? r->size : 0, size, sizeof(size)));
		printf("%2u %-14.31s %-5s %-16.31s %-12s %3u %-21s %6.2f %9" PRIu64 " %6" PRIu64
		       " %7.2f s %s\n",
		       d->id, d->name, weft_class_name(d->device_class), d->model,
		       weft_health_name(d->health), d->compute_credits, memory,
		       (double)d->price / 1024, (uint64_t)d->jobs_done, (uint64_t)d->jobs_failed,
		       (double)d->busy_ns / 1e9, seal_enforced_name(&state));
		list_advisory(d->name, &state);
		seal_state_free(&state);
	}
	if (!json) {
		if (all)
			foreign_print();
		return CLI_OK;
	}
	json_object_object_add(o, "devices", list);
	if (all)
		json_object_object_add(o, "foreign", foreign_json());
	return cli_print_json(o);
}

int cli_list(int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "all", no_argument, NULL, 'a' },
		{}
	};
	struct drm_weft_device_info *devices = NULL;
	struct drm_weft_region_info *regions = NULL;
	struct drm_weft_pool_info info;
	bool json = false, all = false;
	uint32_t count, region_count;
	struct weft *pool;
	int c, ret;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == CLI_OPT_HELP) {
			fputs(list_help, stdout);
			return CLI_OK;
		}
		if (c == '?')
			return CLI_USAGE;
		json |= c == CLI_OPT_JSON;
		all |= c == 'a';
	}
	if (optind < argc)
		return cli_fail(CLI_USAGE, "unexpected argument \"%s\"", argv[optind]);
	pool = cli_open();
	if (!pool)
		return CLI_TROUBLE;
	if (weft_pool_info(pool, &info) || weft_device_list(pool, &devices, &count) ||
	    weft_region_list(pool, &regions, &region_count))
		ret = cli_fail_weft();
	else
		ret = list_print(&info, devices, count, regions, region_count, json, all);
	free(devices);
	free(regions);
	weft_close(pool);
	return ret;
}
