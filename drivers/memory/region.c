// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: the places where bytes can live, and who has how much of them.
 *
 * DOC: region
 *
 * There is one region per host NUMA node, made with the pool, and one per device, made with the
 * device. A device's memory is managed by the kernel's buddy allocator in chunks of 4 KiB; a
 * copy is one contiguous range of it, because a job knows a buffer by one address. Host memory is
 * managed by the page allocator; its regions only count.
 *
 * A region outlives its device for as long as somebody still leaves it, so it is counted by
 * the copies in it and freed after a grace period: whoever ends a hold may wake its waiters
 * without having to know whether the device is just being removed.
 *
 * Rejected: TTM (a bounded number of memory types and one move engine; a pool of many foreign
 * memories does not fit); scattered copies (every backend would need an address translation).
 */
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "memory.h"

/* Host regions come first and leave room for devices; nodes beyond share the first region. */
#define WEFT_MAX_HOST_REGIONS	(DRM_WEFT_MAX_REGIONS / 2)

/* ------------------------------------------------------------------ lifetime */

static struct weft_region *weft_region_new(u32 id, int numa_node, u64 size)
{
	struct weft_region *region = kzalloc(sizeof(*region), GFP_KERNEL);

	if (!region)
		return NULL;
	kref_init(&region->ref);
	mutex_init(&region->turn);
	mutex_init(&region->lock);
	INIT_LIST_HEAD(&region->lru);
	INIT_LIST_HEAD(&region->quarantine);
	init_waitqueue_head(&region->wait);
	region->id = id;
	region->numa_node = numa_node;
	region->size = size;
	return region;
}

static void weft_region_release(struct kref *ref)
{
	struct weft_region *region = container_of(ref, struct weft_region, ref);

	mutex_destroy(&region->lock);
	mutex_destroy(&region->turn);
	kfree_rcu(region, rcu);
}

void weft_region_put(struct weft_region *region)
{
	kref_put(&region->ref, weft_region_release);
}

/* A hold, a pin or memory has ended: whoever waits for it looks again. Needs a reference or RCU. */
void weft_region_event(struct weft_region *region)
{
	atomic_inc(&region->events);
	wake_up_all(&region->wait);
}

/* The host region of NUMA node @node; node NUMA_NO_NODE and nodes without a region: the first. */
struct weft_region *weft_region_host(struct weft_pool *pool, int node)
{
	struct weft_region *region, *found = pool->regions[0];
	u32 i;

	/* host regions stay; the first one behind them may be a device's, and just leaving */
	rcu_read_lock();
	for (i = 0; i < WEFT_MAX_HOST_REGIONS; i++) {
		region = READ_ONCE(pool->regions[i]);
		if (!region || region->wdev)
			break;
		if (region->numa_node == node) {
			found = region;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

int weft_memory_init(struct weft_pool *pool)
{
	u32 id = 0;
	int node;

	BUILD_BUG_ON(DRM_WEFT_MAX_REGIONS > 64);
	for_each_online_node(node) {
		u64 size = (u64)NODE_DATA(node)->node_present_pages << PAGE_SHIFT;

		pool->regions[id] = weft_region_new(id, node, size);
		if (!pool->regions[id]) {
			weft_memory_fini(pool);
			return -ENOMEM;
		}
		if (++id == WEFT_MAX_HOST_REGIONS)
			break;
	}
	return 0;
}

void weft_memory_fini(struct weft_pool *pool)
{
	u32 i;

	for (i = 0; i < DRM_WEFT_MAX_REGIONS; i++) {
		if (!pool->regions[i])
			continue;
		WARN_ON(pool->regions[i]->wdev);
		weft_region_put(pool->regions[i]);
		pool->regions[i] = NULL;
	}
}

/* ------------------------------------------------------------------- devices */

int weft_memory_device_add(struct weft_device *wdev)
{
	struct weft_pool *pool = wdev->pool;
	struct weft_region *region;
	u32 id;
	int err;

	lockdep_assert_held_write(&pool->topology);

	for (id = 0; id < DRM_WEFT_MAX_REGIONS; id++)
		if (!pool->regions[id])
			break;
	if (id == DRM_WEFT_MAX_REGIONS)
		return -ENOSPC;

	region = weft_region_new(id, wdev->desc.numa_node, wdev->desc.memory_size);
	if (!region)
		return -ENOMEM;
	err = gpu_buddy_init(&region->mm, region->size, SZ_4K);
	if (err) {
		weft_region_put(region);
		return err;
	}
	region->wdev = wdev;
	wdev->region = region;
	wdev->host = weft_region_host(pool, wdev->desc.numa_node);
	wdev->sched.region = id;
	wdev->sched.host_region = wdev->host->id;

	err = weft_graph_device_add(wdev);
	if (err) {
		wdev->region = NULL;
		gpu_buddy_fini(&region->mm);
		weft_region_put(region);
		return err;
	}
	pool->regions[id] = region;
	return 0;
}

void weft_memory_device_quiet(struct weft_device *wdev)
{
	struct weft_region *region = wdev->region;
	u64 bytes;

	mutex_lock(&region->lock);
	bytes = atomic64_xchg(&region->quarantined, 0);
	gpu_buddy_free_list(&region->mm, &region->quarantine, 0);
	atomic64_sub(bytes, &region->used);
	mutex_unlock(&region->lock);
	if (bytes)
		weft_region_event(region);
}

void weft_memory_device_remove(struct weft_device *wdev, bool quarantine)
{
	struct weft_region *region = wdev->region;
	struct weft_pool *pool = wdev->pool;
	u64 leaked;

	lockdep_assert_held_write(&pool->topology);
	if (!region)
		return;

	pool->regions[region->id] = NULL;
	weft_graph_device_remove(wdev);
	wdev->region = NULL;
	wdev->host = NULL;

	mutex_lock(&region->lock);
	WARN_ON(!list_empty(&region->lru));
	leaked = atomic64_read(&region->quarantined);
	/*
	 * Only the allocator's own bookkeeping ends here: with the region gone nobody can be given
	 * a block of it again, whatever the device still writes there.
	 */
	gpu_buddy_free_list(&region->mm, &region->quarantine, 0);
	gpu_buddy_fini(&region->mm);
	mutex_unlock(&region->lock);

	if (quarantine)
		dev_warn(&wdev->dev, "removed while not quiet: %llu bytes of its memory in use\n",
			 leaked);
	weft_region_put(region);
}

/* -------------------------------------------------------------------- blocks */

u64 weft_region_part(const struct weft_region *region)
{
	return div_u64(region->size, max(region->wdev->desc.contexts, 1u));
}

/* The backend gets to know of the memory, and says what jobs are to call it. */
static int weft_region_name(struct weft_bo_copy *copy)
{
	struct weft_device *wdev = copy->region->wdev;

	copy->address = wdev->desc.memory_base + copy->offset;
	if (!wdev->ops->memory_alloc)
		return 0;
	return wdev->ops->memory_alloc(wdev, copy->offset, copy->bo->gem.size, &copy->address);
}

static void weft_region_free_named(struct weft_bo_copy *copy, bool named);

static int weft_region_alloc_range(struct weft_region *region, u32 context,
				   struct weft_bo_copy *copy, u64 start, u64 end)
{
	u64 size = copy->bo->gem.size, offset = U64_MAX;
	unsigned long flags = GPU_BUDDY_CONTIGUOUS_ALLOCATION;
	struct gpu_buddy_block *block;
	int err;

	if (region->wdev->desc.contexts)
		flags |= GPU_BUDDY_RANGE_ALLOCATION;
	mutex_lock(&region->lock);
	err = gpu_buddy_alloc_blocks(&region->mm, start, end, size, SZ_4K, &copy->blocks, flags);
	if (!err) {
		list_for_each_entry(block, &copy->blocks, link)
			offset = min(offset, gpu_buddy_block_offset(block));
		copy->offset = offset;
		copy->context = context;
		copy->referenced = true;
		copy->region = region;
		kref_get(&region->ref);
		list_add_tail(&copy->lru, &region->lru);
		atomic64_add(size, &region->used);
	}
	mutex_unlock(&region->lock);

	if (!err) {
		err = weft_region_name(copy);
		if (err)
			weft_region_free_named(copy, false);
		return err;
	}
	/* the allocator has several words for "does not fit" */
	return err && err != -ENOMEM ? -ENOSPC : err;
}

/*
 * Memory for @copy, which the caller owns (FILLING), in the part of @context. The bytes are those
 * of its last owner: they must be cleared or overwritten before the copy is anything but FILLING.
 * Return: 0, -ENOSPC, -ENOMEM, or what the backend says.
 */
int weft_region_alloc(struct weft_region *region, u32 context, struct weft_bo_copy *copy)
{
	u64 part = weft_region_part(region);

	return weft_region_alloc_range(region, context, copy, context * part, (context + 1) * part);
}

/* The same at @offset of that part and nowhere else. */
int weft_region_alloc_at(struct weft_region *region, u32 context, struct weft_bo_copy *copy,
			 u64 offset)
{
	offset += context * weft_region_part(region);
	return weft_region_alloc_range(region, context, copy, offset,
				       offset + copy->bo->gem.size);
}

static void weft_region_free_named(struct weft_bo_copy *copy, bool named)
{
	struct weft_region *region = copy->region;
	struct weft_device *wdev = region->wdev;
	u64 size = copy->bo->gem.size;

	if (named && wdev->ops->memory_free)
		wdev->ops->memory_free(wdev, copy->offset, size);
	mutex_lock(&region->lock);
	list_del_init(&copy->lru);
	if (copy->quarantined) {
		list_splice_init(&copy->blocks, &region->quarantine);
		atomic64_add(size, &region->quarantined);
		copy->quarantined = false;
	} else {
		gpu_buddy_free_list(&region->mm, &copy->blocks, 0);
		atomic64_sub(size, &region->used);
	}
	copy->region = NULL;
	mutex_unlock(&region->lock);

	weft_region_event(region);
	weft_region_put(region);
}

/* Give the memory of @copy back; the caller owns it, or the buffer dies. */
void weft_region_free(struct weft_bo_copy *copy)
{
	weft_region_free_named(copy, true);
}

/* --------------------------------------------------------------------- query */

void weft_region_info(struct weft_region *region, struct drm_weft_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->id = region->id;
	info->kind = region->wdev ? DRM_WEFT_REGION_DEVICE : DRM_WEFT_REGION_HOST;
	info->numa_node = region->numa_node == NUMA_NO_NODE ? -1 : region->numa_node;
	info->device = region->wdev ? region->wdev->sched.id : ~0u;
	info->size = region->size;
	info->used = atomic64_read(&region->used);
	info->evicted = atomic64_read(&region->evicted);
	info->cleared = atomic64_read(&region->cleared);
}
