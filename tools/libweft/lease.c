// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases: turns on a device for programs that call the vendor's runtime themselves.
 *
 * DOC: lease
 */
#include <inttypes.h>
#include <string.h>

#include "private.h"

int weft_lease_ask(struct weft_queue *queue, uint64_t device_mask, uint64_t quantum_ns,
		   uint64_t *job_id)
{
	struct drm_weft_job job = {
		.grid = { 1, 1, 1 },
		.device_mask = device_mask,
		.timeout_ns = quantum_ns,
	};
	struct drm_weft_submit submit = {
		.queue = queue->handle,
		.jobs = (uintptr_t)&job,
		.job_count = 1,
		.job_stride = sizeof(job),
	};
	int ret;

	ret = weft_call(queue->object.pool, DRM_IOCTL_WEFT_SUBMIT, &submit);
	if (ret == -ENODEV)
		return weft_fail(ENODEV, "asking for a lease: no device that the mask %#" PRIx64
				 " allows can be leased", device_mask);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_SUBMIT, "asking for a lease");
	*job_id = submit.first_job_id;
	return 0;
}

int weft_lease_wait(struct weft *pool, uint64_t job_id, uint32_t known, int64_t timeout_ns,
		    struct drm_weft_lease_wait *lease)
{
	int ret;

	memset(lease, 0, sizeof(*lease));
	lease->job_id = job_id;
	lease->known = known;
	lease->timeout_ns = weft_until(timeout_ns);
	ret = weft_call(pool, DRM_IOCTL_WEFT_LEASE_WAIT, lease);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_LEASE_WAIT, "waiting for lease %" PRIu64,
				      job_id);
	return 0;
}

int weft_lease_leave(struct weft *pool, uint64_t job_id, uint64_t launches, uint64_t device_ns)
{
	struct drm_weft_lease_leave leave = {
		.job_id = job_id,
		.launches = launches,
		.device_ns = device_ns,
	};
	int ret = weft_call(pool, DRM_IOCTL_WEFT_LEASE_LEAVE, &leave);

	if (ret)
		return weft_fail_call(ret, DRM_WEFT_LEASE_LEAVE, "leaving lease %" PRIu64, job_id);
	return 0;
}
