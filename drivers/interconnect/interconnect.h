/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interconnect: links between regions, what they carry, transfers over them.
 */
#ifndef WEFT_INTERCONNECT_H
#define WEFT_INTERCONNECT_H

#include "../core/core.h"

/**
 * struct weft_link - one direction of an edge between two regions
 */
struct weft_link {
	struct list_head node;		/* pool->links; under pool->topology */
	u32 from;
	u32 to;
	char kind[DRM_WEFT_NAME_LEN];
	/** @bandwidth: declared, MB/s; READ_ONCE */
	u64 bandwidth;
	/** @latency: declared, ns; READ_ONCE */
	u64 latency;
	/** @learned: EWMA of observed bandwidth, MB/s; READ_ONCE */
	u64 learned;
	atomic64_t bytes;
	atomic64_t busy_ns;
	atomic64_t transfers;
	atomic64_t errors;
};

/* links of a device to its host region, both ways; topology held for writing */
int weft_graph_device_add(struct weft_device *wdev);
void weft_graph_device_remove(struct weft_device *wdev);
int weft_graph_device_tune(struct weft_device *wdev);
/* links between host NUMA nodes, from node_distance() */
int weft_graph_init(struct weft_pool *pool);
void weft_graph_fini(struct weft_pool *pool);
void weft_link_info(struct weft_link *link, struct drm_weft_link_info *info);

#endif /* WEFT_INTERCONNECT_H */
