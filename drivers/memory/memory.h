/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of a pool: regions, buffers, copies, residency.
 *
 * DOC: memory
 *
 * A buffer has at most one copy per region. A copy is EMPTY, FILLING, VALID, STALE or EVICTING and is
 * counted by the jobs that hold it. A job that binds holds a copy of each of its buffers in its
 * device's region: copies that are missing are allocated (cleared, or filled from a valid copy), all in
 * parallel; no lock is held while transfers run. A held copy is never evicted.
 */
#ifndef WEFT_MEMORY_H
#define WEFT_MEMORY_H

#include "../core/core.h"

/**
 * struct weft_bo_hold - one buffer range of a job
 * @bo: the buffer, one reference
 * @access: DRM_WEFT_ACCESS_*
 * @offset: first byte of the range
 * @length: bytes
 * @address: device address of the range's first byte, valid from bind to unbind
 * @priv: memory's own
 */
struct weft_bo_hold {
	struct weft_bo *bo;
	u32 access;
	u64 offset;
	u64 length;
	u64 address;
	void *priv;
};

/* pool and devices; each may sleep. Called with pool->topology held for writing where stated. */
int weft_memory_init(struct weft_pool *pool);		/* host regions, one per NUMA node */
void weft_memory_fini(struct weft_pool *pool);
/* sets wdev->region, wdev->host, pool->regions[] and the links; topology held for writing */
int weft_memory_device_add(struct weft_device *wdev);
/* no new holds from now on are possible (the caller has seen to it): moves sole copies to the host,
 * or with @lost drops every copy there and marks buffers whose only copy it was LOST. The topology
 * lock is not held. */
void weft_memory_device_evacuate(struct weft_device *wdev, bool lost);
/* topology held for writing; afterwards wdev->region is NULL. With @quarantine its blocks and the host pages
 * that it may still write are leaked on purpose. */
void weft_memory_device_remove(struct weft_device *wdev, bool quarantine);

/* buffers */
extern const struct drm_gem_object_funcs weft_bo_funcs;
int weft_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_cpu_begin(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_cpu_end(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_wait(struct drm_device *drm, void *data, struct drm_file *file);

/* SUBMIT: look up @handle and check the range: fills @hold (takes a reference) and the caller's part of @ref.
 * -ENOENT, -EINVAL, -EBUSY (held by BO_CPU_BEGIN in a conflicting way; caller holds
 * client->submit_lock) */
int weft_hold_init(struct weft_client *client, struct drm_file *file,
		   const struct drm_weft_buffer *buf, struct weft_bo_hold *hold,
		   struct weft_sched_ref *ref);
void weft_hold_fini(struct weft_bo_hold *hold);
/* can all buffers of @job ever be together in @wdev's region? */
bool weft_hold_fits(const struct weft_bo_hold *holds, u32 count, const struct weft_device *wdev);

/**
 * weft_residency_bind() - make @job's buffers resident on @wdev and hold them
 *
 * Context: a bind worker; sleeps; pool->topology is not held.
 * Return: 0 (hold->address is set); -EAGAIN no space now (nothing is held); -ENODATA an input is LOST;
 * -ENODEV the device went; -EIO a transfer failed; -ENOMEM.
 */
int weft_residency_bind(struct weft_job *job, struct weft_device *wdev);

/**
 * weft_residency_unbind() - give @job's holds back
 * @ran: the job reached the device, so written copies are now the only truth (@error 0), or the
 *	buffers written are LOST (@error not 0)
 *
 * Never waits for a transfer: called by the pump, in process context, without locks.
 */
void weft_residency_unbind(struct weft_job *job, bool ran, int error);

/* bytes of a job whose device may still write: pages and blocks of @job's holds are never reused */
void weft_residency_quarantine(struct weft_job *job);
/* outputs of a job that ended without running: LOST (they were promised) */
void weft_residency_lost(struct weft_job *job);
/* is every input of @job valid somewhere other than in @region (or all zeros)? */
bool weft_residency_elsewhere(struct weft_job *job, const struct weft_region *region);

/* for QUERY and fdinfo */
void weft_region_info(struct weft_region *region, struct drm_weft_region_info *info);

#endif /* WEFT_MEMORY_H */
