// SPDX-License-Identifier: GPL-2.0-only
/*
 * The graph of regions: links, what is declared of them and what was seen.
 *
 * DOC: graph
 *
 * Host regions are joined in pairs by "numa" links, guessed from the firmware's distance table; a
 * device region hangs on its host region by two links that the backend declares. A link counts
 * what it carries and learns its bandwidth from periods in which it was never idle: what moved
 * divided by how long it took. Transfers that share a link thereby do not look slow each.
 *
 * Rejected: an average over single transfers (halves whenever two share the link); a device's copy
 * engine as the unit (links are what the scheduler reserves).
 */
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "../memory/memory.h"

/* transfers smaller than this are latency, and teach nothing about bandwidth */
#define WEFT_LEARN_BYTES	SZ_64K
/* a node's own memory, MB/s and ns; other nodes: scaled by their distance to it */
#define WEFT_LOCAL_BANDWIDTH	20000ull
#define WEFT_LOCAL_LATENCY	100ull

static struct weft_link *weft_link_new(struct weft_pool *pool, u32 from, u32 to, const char *kind,
				       u64 bandwidth, u64 latency)
{
	struct weft_link *link = kzalloc(sizeof(*link), GFP_KERNEL);

	if (!link)
		return NULL;
	link->from = from;
	link->to = to;
	strscpy(link->kind, kind, sizeof(link->kind));
	link->bandwidth = max(bandwidth, 1ull);
	link->latency = latency;
	spin_lock_init(&link->lock);
	list_add_tail(&link->node, &pool->links);
	return link;
}

static void weft_link_free(struct weft_link *link)
{
	if (!link)
		return;
	WARN_ON(link->active);
	list_del(&link->node);
	kfree(link);
}

/* -------------------------------------------------------------- host regions */

int weft_graph_init(struct weft_pool *pool)
{
	u32 i, j;

	for (i = 0; i < DRM_WEFT_MAX_REGIONS; i++) {
		for (j = 0; j < DRM_WEFT_MAX_REGIONS; j++) {
			struct weft_region *from = pool->regions[i], *to = pool->regions[j];
			int distance;

			if (i == j || !from || !to)
				continue;
			distance = node_distance(from->numa_node, to->numa_node);
			if (!weft_link_new(pool, i, j, "numa",
					   WEFT_LOCAL_BANDWIDTH * LOCAL_DISTANCE / distance,
					   WEFT_LOCAL_LATENCY * distance / LOCAL_DISTANCE)) {
				weft_graph_fini(pool);
				return -ENOMEM;
			}
		}
	}
	return 0;
}

void weft_graph_fini(struct weft_pool *pool)
{
	struct weft_link *link, *next;

	list_for_each_entry_safe(link, next, &pool->links, node)
		weft_link_free(link);
}

/* ------------------------------------------------------------------- devices */

int weft_graph_device_add(struct weft_device *wdev)
{
	const struct weft_device_desc *desc = &wdev->desc;
	const char *kind = desc->link_kind ?: "pcie";
	struct weft_region *region = wdev->region;
	struct weft_pool *pool = wdev->pool;

	lockdep_assert_held_write(&pool->topology);
	region->down = weft_link_new(pool, wdev->host->id, region->id, kind, desc->bandwidth_down,
				     desc->link_latency);
	region->up = weft_link_new(pool, region->id, wdev->host->id, kind, desc->bandwidth_up,
				   desc->link_latency);
	if (!region->down || !region->up) {
		weft_graph_device_remove(wdev);
		return -ENOMEM;
	}
	wdev->sched.down.bandwidth = region->down->bandwidth;
	wdev->sched.down.latency = region->down->latency;
	wdev->sched.up.bandwidth = region->up->bandwidth;
	wdev->sched.up.latency = region->up->latency;
	return 0;
}

void weft_graph_device_remove(struct weft_device *wdev)
{
	struct weft_region *region = wdev->region;

	lockdep_assert_held_write(&wdev->pool->topology);
	weft_link_free(region->down);
	weft_link_free(region->up);
	region->down = NULL;
	region->up = NULL;
}

int weft_graph_device_tune(struct weft_device *wdev)
{
	const struct weft_device_desc *desc = &wdev->desc;
	struct weft_region *region = wdev->region;

	lockdep_assert_held(&wdev->pool->topology);
	if (!region)
		return -ENODEV;
	WRITE_ONCE(region->down->bandwidth, max(desc->bandwidth_down, 1ull));
	WRITE_ONCE(region->down->latency, desc->link_latency);
	WRITE_ONCE(region->up->bandwidth, max(desc->bandwidth_up, 1ull));
	WRITE_ONCE(region->up->latency, desc->link_latency);
	return 0;
}

/* ------------------------------------------------------------------ counters */

void weft_link_begin(struct weft_link *link)
{
	unsigned long flags;

	spin_lock_irqsave(&link->lock, flags);
	if (!link->active++) {
		link->since = weft_now();
		link->period_bytes = 0;
		link->period_transfers = 0;
	}
	spin_unlock_irqrestore(&link->lock, flags);
}

/* The link falls idle: what its period teaches. MB/s is bytes per us. */
static void weft_link_period(struct weft_link *link)
{
	u64 elapsed = weft_now() - link->since;
	u64 seen, learned = link->learned;

	lockdep_assert_held(&link->lock);
	atomic64_add(elapsed, &link->busy_ns);
	if (!link->period_transfers || !elapsed ||
	    div64_u64(link->period_bytes, link->period_transfers) < WEFT_LEARN_BYTES)
		return;
	seen = max(mul_u64_u64_div_u64(link->period_bytes, NSEC_PER_USEC, elapsed), 1ull);
	WRITE_ONCE(link->learned, learned ? (learned * 3 + seen) / 4 : seen);
}

void weft_link_end(struct weft_link *link, u64 bytes, int error)
{
	unsigned long flags;

	atomic64_inc(&link->transfers);
	if (error)
		atomic64_inc(&link->errors);
	else
		atomic64_add(bytes, &link->bytes);

	spin_lock_irqsave(&link->lock, flags);
	if (!error) {
		link->period_bytes += bytes;
		link->period_transfers++;
	}
	if (!--link->active)
		weft_link_period(link);
	spin_unlock_irqrestore(&link->lock, flags);
}

void weft_link_info(struct weft_link *link, struct drm_weft_link_info *info)
{
	memset(info, 0, sizeof(*info));
	info->from = link->from;
	info->to = link->to;
	info->bandwidth = READ_ONCE(link->bandwidth);
	info->latency = READ_ONCE(link->latency);
	info->learned_bandwidth = READ_ONCE(link->learned);
	info->busy_ns = atomic64_read(&link->busy_ns);
	info->bytes = atomic64_read(&link->bytes);
	info->transfers = atomic64_read(&link->transfers);
	info->errors = atomic64_read(&link->errors);
	strscpy(info->kind, link->kind, sizeof(info->kind));
}
