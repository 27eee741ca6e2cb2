// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft topo: where bytes can live and how they get from one place to another.
 *
 * DOC: weft topo
 *
 * The graph is printed as a tree, host regions with their devices, because that is what it is
 * until links between devices are declared; links that the tree does not show follow it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"
#include "foreign.h"

static const char topo_help[] =
"Usage: weft topo [--json]\n"
"Show host regions, the devices attached to them, and each link: its declared and learned speed\n"
"in MB/s (10^6 bytes), its latency, and what went over it; then devices of other drivers.\n";

struct topo {
	struct drm_weft_device_info *devices;
	struct drm_weft_region_info *regions;
	struct drm_weft_link_info *links;
	uint32_t device_count;
	uint32_t region_count;
	uint32_t link_count;
};

static const char *topo_region_name(const struct topo *t, uint32_t id, char *name, size_t size)
{
	uint32_t i;

	snprintf(name, size, "region %u", id);
	for (i = 0; i < t->region_count; i++) {
		if (t->regions[i].id != id)
			continue;
		if (t->regions[i].kind == DRM_WEFT_REGION_HOST && t->regions[i].numa_node >= 0)
			snprintf(name, size, "host node %d", t->regions[i].numa_node);
		else if (t->regions[i].kind == DRM_WEFT_REGION_HOST)
			snprintf(name, size, "host");
	}
	for (i = 0; i < t->device_count; i++)
		if (t->devices[i].region == id)
			snprintf(name, size, "%.31s", t->devices[i].name);
	return name;
}

static void topo_print_link(const struct topo *t, const struct drm_weft_link_info *l)
{
	char from[48], to[48], learned[32] = "";

	if (l->learned_bandwidth)
		snprintf(learned, sizeof(learned), " (learned %" PRIu64 ")",
			 (uint64_t)l->learned_bandwidth);
	printf("    %s -> %s: %.31s, %" PRIu64 " MB/s%s, %" PRIu64 " ns, %" PRIu64
	       " bytes in %" PRIu64 " transfers, busy %.3f s",
	       topo_region_name(t, l->from, from, sizeof(from)),
	       topo_region_name(t, l->to, to, sizeof(to)), l->kind, (uint64_t)l->bandwidth,
	       learned, (uint64_t)l->latency, (uint64_t)l->bytes, (uint64_t)l->transfers,
	       (double)l->busy_ns / 1e9);
	if (l->errors)
		printf(", %" PRIu64 " FAILED", (uint64_t)l->errors);
	putchar('\n');
}

static void topo_print_device(const struct topo *t, const struct drm_weft_device_info *d)
{
	char size[32] = "?";
	uint32_t i;

	for (i = 0; i < t->region_count; i++)
		if (t->regions[i].id == d->region)
			cli_bytes(t->regions[i].size, size, sizeof(size));
	printf("  %.31s (%s, %s, %u at once, %s)\n", d->name, weft_class_name(d->device_class),
	       d->model, d->compute_credits, size);
	for (i = 0; i < t->link_count; i++)
		if (t->links[i].from == d->region || t->links[i].to == d->region)
			topo_print_link(t, &t->links[i]);
}

static bool topo_is_device(const struct topo *t, uint32_t region)
{
	uint32_t i;

	for (i = 0; i < t->device_count; i++)
		if (t->devices[i].region == region)
			return true;
	return false;
}

static void topo_print(const struct topo *t)
{
	char name[48], used[32];
	uint32_t i, j;

	for (i = 0; i < t->region_count; i++) {
		const struct drm_weft_region_info *r = &t->regions[i];

		if (r->kind != DRM_WEFT_REGION_HOST)
			continue;
		printf("%s (%s used)\n", topo_region_name(t, r->id, name, sizeof(name)),
		       cli_bytes(r->used, used, sizeof(used)));
		for (j = 0; j < t->device_count; j++)
			if (t->devices[j].host_region == r->id)
				topo_print_device(t, &t->devices[j]);
	}
	for (i = 0; i < t->link_count; i++)
		if (!topo_is_device(t, t->links[i].from) && !topo_is_device(t, t->links[i].to))
			topo_print_link(t, &t->links[i]);
}

static int topo_json(const struct topo *t)
{
	struct json_object *o = json_object_new_object();
	struct json_object *regions = json_object_new_array();
	struct json_object *links = json_object_new_array();
	char name[48];
	uint32_t i;

	for (i = 0; i < t->region_count; i++) {
		const struct drm_weft_region_info *r = &t->regions[i];
		struct json_object *j = json_object_new_object();

		cli_json_u64(j, "id", r->id);
		cli_json_text(j, "name", topo_region_name(t, r->id, name, sizeof(name)));
		cli_json_text(j, "kind", r->kind == DRM_WEFT_REGION_HOST ? "host" : "device");
		json_object_object_add(j, "numa_node", json_object_new_int(r->numa_node));
		cli_json_u64(j, "size", r->size);
		cli_json_u64(j, "used", r->used);
		cli_json_u64(j, "evicted", r->evicted);
		cli_json_u64(j, "cleared", r->cleared);
		json_object_array_add(regions, j);
	}
	for (i = 0; i < t->link_count; i++) {
		const struct drm_weft_link_info *l = &t->links[i];
		struct json_object *j = json_object_new_object();

		cli_json_u64(j, "from", l->from);
		cli_json_u64(j, "to", l->to);
		cli_json_text(j, "kind", l->kind);
		cli_json_u64(j, "bandwidth", l->bandwidth);
		cli_json_u64(j, "latency", l->latency);
		cli_json_u64(j, "learned_bandwidth", l->learned_bandwidth);
		cli_json_u64(j, "busy_ns", l->busy_ns);
		cli_json_u64(j, "bytes", l->bytes);
		cli_json_u64(j, "transfers", l->transfers);
		cli_json_u64(j, "errors", l->errors);
		json_object_array_add(links, j);
	}
	json_object_object_add(o, "regions", regions);
	json_object_object_add(o, "links", links);
	json_object_object_add(o, "foreign", foreign_json());
	return cli_print_json(o);
}

int cli_topo(int argc, char **argv)
{
	struct topo t = {};
	struct weft *pool;
	bool json;
	int ret;

	ret = cli_options(argc, argv, topo_help, &json);
	if (ret)
		return ret == CLI_NO ? CLI_OK : ret;
	pool = cli_open();
	if (!pool)
		return CLI_TROUBLE;
	if (weft_device_list(pool, &t.devices, &t.device_count) ||
	    weft_region_list(pool, &t.regions, &t.region_count) ||
	    weft_link_list(pool, &t.links, &t.link_count)) {
		ret = cli_fail_weft();
	} else if (json) {
		ret = topo_json(&t);
	} else {
		topo_print(&t);
		foreign_print();
	}
	free(t.devices);
	free(t.regions);
	free(t.links);
	weft_close(pool);
	return ret;
}
