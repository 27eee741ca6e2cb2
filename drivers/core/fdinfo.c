// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: fdinfo
 *
 * What a client uses, in /proc/PID/fdinfo/FD, by the rules that DRM drivers share. A pool is not
 * one PCI device, so there is no drm-pdev: client ids are unique in the system. Engines and
 * regions are the classes of devices, not the devices: readers tell engines apart by their place
 * in the file and know 15 of them, a pool has up to 64 devices, and they come and go. So all
 * classes are always printed, in one order, and none is the beginning of an earlier one's name.
 * What is on which device follows in keys of weft's own.
 *
 * Time of runs under way counts while they run. A backend may report less engine time than has
 * passed when a run ends; then the number stands still until the account has caught up with it, so
 * that nobody sees it fall.
 *
 * Rejected: drm_show_memory_stats() (it knows one region, and takes reservations for activity,
 * which late jobs do not have), drm-maxfreq (no backend counts cycles, and without them it says
 * nothing).
 */
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "core.h"
#include "../memory/memory.h"

/* ---------------------------------------------------------------------- busy */

/* @job is on an engine since @job->start_ns; pool->lock is held, and job->wdev set. */
void weft_busy_start_locked(struct weft_job *job)
{
	struct weft_busy *busy = &job->client->busy[job->wdev->desc.dev_class];

	lockdep_assert_held(&job->pool->lock);
	busy->running++;
	busy->start_sum += job->start_ns;
}

/* The run that started then is over and used @job->busy_ns. */
void weft_busy_end_locked(struct weft_job *job)
{
	struct weft_busy *busy = &job->client->busy[job->wdev->desc.dev_class];

	lockdep_assert_held(&job->pool->lock);
	busy->running--;
	busy->start_sum -= job->start_ns;
	busy->ended_ns += job->busy_ns;
}

static u64 weft_busy_read_locked(struct weft_busy *busy, u64 now)
{
	/* the sum of now - start over what runs; sums wrap around together */
	u64 ns = busy->ended_ns + busy->running * now - busy->start_sum;

	busy->shown_ns = max(busy->shown_ns, ns);
	return busy->shown_ns;
}

/* -------------------------------------------------------------------- memory */

/* Regions that are shown: host memory, and that of the devices of each class. */
#define WEFT_FDINFO_HOST	DRM_WEFT_CLASS_COUNT
#define WEFT_FDINFO_REGIONS	(DRM_WEFT_CLASS_COUNT + 1)

/** struct weft_fdinfo_region - bytes of a client in a region that is shown */
struct weft_fdinfo_region {
	u64 total;
	u64 shared;
	u64 resident;
	u64 active;
	u64 purgeable;
};

/** struct weft_fdinfo - what is gathered under the locks, and printed without them */
struct weft_fdinfo {
	struct weft_fdinfo_region region[WEFT_FDINFO_REGIONS];
	u64 busy[DRM_WEFT_CLASS_COUNT];
	u32 capacity[DRM_WEFT_CLASS_COUNT];
	u64 resident[DRM_WEFT_MAX_DEVICES];
};

/* Could the memory of an idle @copy be given to others without moving a byte? */
static bool weft_fdinfo_spare(struct weft_bo_copy *copy)
{
	u32 state = weft_bo_copy_state(copy);

	lockdep_assert_held(&copy->bo->lock);
	return state == WEFT_BO_STALE || (state == WEFT_BO_VALID && !weft_bo_copy_sole(copy));
}

static void weft_fdinfo_copy(struct weft_fdinfo *info, struct weft_bo_copy *copy)
{
	struct weft_region *region = copy->bo->pool->regions[copy->id];
	u64 size = copy->bo->gem.size;
	struct weft_fdinfo_region *r;

	/* memory that is being given back, or was that of a device which is gone */
	if (!READ_ONCE(copy->region) || !region || !region->wdev)
		return;
	r = &info->region[region->wdev->desc.dev_class];
	info->resident[region->wdev->sched.id] += size;
	r->total += size;
	r->resident += size;
	if (drm_gem_object_is_shared_for_memory_stats(&copy->bo->gem))
		r->shared += size;
	if (atomic_read(&copy->word) >= WEFT_BO_PIN)
		r->active += size;
	else if (weft_fdinfo_spare(copy))
		r->purgeable += size;
}

static void weft_fdinfo_bo(struct weft_fdinfo *info, struct weft_bo *bo)
{
	struct weft_fdinfo_region *host = &info->region[WEFT_FDINFO_HOST];
	u64 populated = (u64)atomic_long_read(&bo->populated) << PAGE_SHIFT;
	struct weft_bo_copy *copy;

	/* wherever its bytes are, its place on the host is reserved */
	host->total += bo->gem.size;
	host->resident += populated;
	if (drm_gem_object_is_shared_for_memory_stats(&bo->gem))
		host->shared += bo->gem.size;
	if (atomic_read(&bo->host.word) >= WEFT_BO_PIN)
		host->active += populated;

	spin_lock(&bo->lock);
	weft_bo_for_each_copy(bo, copy)
		if (copy != &bo->host)
			weft_fdinfo_copy(info, copy);
	spin_unlock(&bo->lock);
}

static void weft_fdinfo_gather(struct weft_fdinfo *info, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct weft_pool *pool = client->pool;
	struct drm_gem_object *gem;
	u32 i;
	int id;
	u64 now;

	down_read(&pool->topology);
	for (i = 0; i < DRM_WEFT_MAX_DEVICES; i++)
		if (pool->devices[i])
			info->capacity[pool->devices[i]->desc.dev_class] +=
				pool->devices[i]->sched.credits;
	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, gem, id)
		weft_fdinfo_bo(info, to_weft_bo(gem));
	spin_unlock(&file->table_lock);
	up_read(&pool->topology);

	spin_lock(&pool->lock);
	now = weft_now();
	for (i = 0; i < DRM_WEFT_CLASS_COUNT; i++)
		info->busy[i] = weft_busy_read_locked(&client->busy[i], now);
	spin_unlock(&pool->lock);
}

/* --------------------------------------------------------------------- print */

static void weft_fdinfo_print_region(struct drm_printer *p, const char *name,
				     const struct weft_fdinfo_region *r)
{
	drm_printf(p, "drm-total-%s:\t%llu KiB\n", name, r->total >> 10);
	drm_printf(p, "drm-shared-%s:\t%llu KiB\n", name, r->shared >> 10);
	drm_printf(p, "drm-resident-%s:\t%llu KiB\n", name, r->resident >> 10);
	drm_printf(p, "drm-active-%s:\t%llu KiB\n", name, r->active >> 10);
	drm_printf(p, "drm-purgeable-%s:\t%llu KiB\n", name, r->purgeable >> 10);
}

static void weft_fdinfo_print(struct drm_printer *p, const struct weft_fdinfo *info)
{
	u32 i;

	for (i = 0; i < DRM_WEFT_CLASS_COUNT; i++) {
		drm_printf(p, "drm-engine-%s:\t%llu ns\n", weft_class_name(i), info->busy[i]);
		/* zero is not allowed; none means one */
		if (info->capacity[i])
			drm_printf(p, "drm-engine-capacity-%s:\t%u\n", weft_class_name(i),
				   info->capacity[i]);
	}
	weft_fdinfo_print_region(p, "memory", &info->region[WEFT_FDINFO_HOST]);
	for (i = 0; i < DRM_WEFT_CLASS_COUNT; i++)
		weft_fdinfo_print_region(p, weft_class_name(i), &info->region[i]);
}

void weft_client_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct weft_pool *pool = client->pool;
	struct weft_fdinfo *info;
	u64 priced;
	u32 i;

	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return;
	weft_fdinfo_gather(info, file);
	spin_lock(&pool->lock);
	priced = client->sched.priced;
	spin_unlock(&pool->lock);

	weft_fdinfo_print(p, info);
	drm_printf(p, "weft-client:\t%llu\n", client->sched.id);
	drm_printf(p, "weft-tenant:\t%s\n", weft_account_name(client->account));
	drm_printf(p, "weft-priced:\t%llu ns\n", priced);
	drm_printf(p, "weft-buffers:\t%llu KiB\n", (u64)atomic64_read(&client->memory) >> 10);
	drm_printf(p, "weft-jobs-submitted:\t%lld\n", (s64)atomic64_read(&client->jobs_submitted));
	drm_printf(p, "weft-jobs-completed:\t%lld\n", (s64)atomic64_read(&client->jobs_completed));
	drm_printf(p, "weft-jobs-failed:\t%lld\n", (s64)atomic64_read(&client->jobs_failed));
	for (i = 0; i < DRM_WEFT_MAX_DEVICES; i++)
		if (info->resident[i])
			drm_printf(p, "weft-resident-device%u:\t%llu KiB\n", i,
				   info->resident[i] >> 10);
	kfree(info);
}
