/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interconnect: links between regions, what they carry, transfers over them.
 *
 * DOC: interconnect
 *
 * The graph's nodes are regions, its edges links, one per direction. A transfer moves a buffer's
 * bytes between its host pages and one range of a device's memory, or clears that range.
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
	/** @lock: protects the period below; taken with interrupts off */
	spinlock_t lock;
	/** @active: transfers under way; a period lasts while there are any */
	u32 active;
	/** @since: when the period began, ns */
	u64 since;
	/** @period_bytes: bytes of the period's transfers that ended well */
	u64 period_bytes;
	/** @period_transfers: their number */
	u64 period_transfers;
};

/* links of a device to its host region, both ways; topology held for writing */
int weft_graph_device_add(struct weft_device *wdev);
void weft_graph_device_remove(struct weft_device *wdev);
int weft_graph_device_tune(struct weft_device *wdev);
/* links between host NUMA nodes, from node_distance() */
int weft_graph_init(struct weft_pool *pool);
void weft_graph_fini(struct weft_pool *pool);
void weft_link_info(struct weft_link *link, struct drm_weft_link_info *info);
/* a transfer over @link begins and ends, any context */
void weft_link_begin(struct weft_link *link);
void weft_link_end(struct weft_link *link, u64 bytes, int error);

/**
 * struct weft_transfer - bytes under way between a buffer's host pages and a device, or a clear
 * @job: id of the job it is for, 0: none; set by whoever starts it
 * @bo: the buffer, which the caller keeps
 * @kind: &enum weft_copy_kind
 * @start_ns: when it was started
 * @wdev: the device; in use until the end
 * @link: what they go over; NULL for a clear
 * @bytes: bytes that cross the link
 * @dma: the device moves them to or from an import by itself
 * @pending: pieces under way, plus one while more are being started
 * @error: of the first piece that failed
 * @done: completed at the end
 * @pieces: what the backend was asked for
 */
struct weft_transfer {
	u64 job;
	struct weft_bo *bo;
	enum weft_copy_kind kind;
	u64 start_ns;
	struct weft_device *wdev;
	struct weft_link *link;
	u64 bytes;
	bool dma;
	atomic_t pending;
	int error;
	struct completion done;
	struct list_head pieces;
};

/*
 * Start to move all of @bo; @offset is where its bytes are in the device's memory. A transfer that
 * was started must be waited for.
 */
int weft_transfer_start(struct weft_transfer *t, struct weft_device *wdev,
			enum weft_copy_kind kind, u64 offset, struct weft_bo *bo);
/* result of the transfer, when it has ended */
int weft_transfer_wait(struct weft_transfer *t);

/*
 * The same in steps, for @length bytes from byte @from of @bo on; @offset is where the first of
 * them is in the device's memory. Only preparing allocates: 0 or -ENOMEM. Host pages that are to be
 * written exist. fini follows prepare, also one that failed; the caller keeps the device in the
 * pool.
 */
int weft_transfer_prepare(struct weft_transfer *t, struct weft_device *wdev,
			  enum weft_copy_kind kind, u64 offset, struct weft_bo *bo, u64 from,
			  u64 length);
/* the same between the device and an import that it reaches by itself, mapped for its parent */
int weft_transfer_prepare_dma(struct weft_transfer *t, struct weft_device *wdev,
			      enum weft_copy_kind kind, u64 offset, struct weft_bo *bo,
			      struct sg_table *sgt, u64 from, u64 length);
void weft_transfer_begin(struct weft_transfer *t);
int weft_transfer_end(struct weft_transfer *t);
void weft_transfer_fini(struct weft_transfer *t);

#endif /* WEFT_INTERCONNECT_H */
