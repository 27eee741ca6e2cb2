/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel series, in one place.
 *
 * Every test is of a feature that Kbuild found in the headers (WEFT_HAVE_*), never of a version:
 * stable kernels carry backports. In-tree submission means deleting this file.
 */
#ifndef WEFT_COMPAT_H
#define WEFT_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

/* since 6.14 (tree): the buddy allocator is called gpu_buddy and lives outside DRM */
#ifdef WEFT_HAVE_GPU_BUDDY
#include <linux/gpu_buddy.h>
#else
#include <drm/drm_buddy.h>
#define gpu_buddy			drm_buddy
#define gpu_buddy_block			drm_buddy_block
#define gpu_buddy_init			drm_buddy_init
#define gpu_buddy_fini			drm_buddy_fini
#define gpu_buddy_alloc_blocks		drm_buddy_alloc_blocks
#define gpu_buddy_free_list		drm_buddy_free_list
#define gpu_buddy_block_offset		drm_buddy_block_offset
#define gpu_buddy_block_size		drm_buddy_block_size
#define GPU_BUDDY_RANGE_ALLOCATION	DRM_BUDDY_RANGE_ALLOCATION
#define GPU_BUDDY_CONTIGUOUS_ALLOCATION	DRM_BUDDY_CONTIGUOUS_ALLOCATION
#endif

/* timer_container_of() replaced from_timer() */
#ifndef timer_container_of
#define timer_container_of from_timer
#endif

/* timer callbacks and setup in one call */
#ifdef WEFT_HAVE_HRTIMER_SETUP
#define weft_hrtimer_setup hrtimer_setup
#else
static inline void weft_hrtimer_setup(struct hrtimer *timer,
				      enum hrtimer_restart (*fn)(struct hrtimer *),
				      clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/* asked of the mapping instead of its flags */
#ifdef WEFT_HAVE_VMA_IS_COW
#define weft_vma_is_cow vma_is_cow_mapping
#else
static inline bool weft_vma_is_cow(const struct vm_area_struct *vma)
{
	return is_cow_mapping(vma->vm_flags);
}
#endif

/* a workqueue must say UNBOUND or PERCPU */
#ifndef WEFT_HAVE_WQ_PERCPU
#define WQ_PERCPU 0
#endif

/* newer: a fence without a lock of its maker's uses one of its own */
#ifdef WEFT_HAVE_FENCE_INLINE_LOCK
#define weft_fence_lock(lock) ((void)(lock), NULL)
#else
#define weft_fence_lock(lock) (lock)
#endif

/* the name of a symbol namespace became a string */
#ifdef WEFT_HAVE_IMPORT_NS_TOKEN
#define WEFT_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#else
#define WEFT_IMPORT_NS(ns) MODULE_IMPORT_NS(#ns)
#endif

/* what an exporter calls when it moves a dma-buf got another name */
#ifdef WEFT_HAVE_DMABUF_INVALIDATE
#define weft_move_notify invalidate_mappings
#else
#define weft_move_notify move_notify
#endif

#endif /* WEFT_COMPAT_H */
