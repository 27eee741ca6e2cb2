// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU access: BO_CPU_BEGIN, BO_CPU_END and BO_WAIT.
 *
 * DOC: cpu
 *
 * The CPU is one more user of a buffer and takes its place in program order: BEGIN stands where a
 * job submitted at that moment would stand, and until END a conflicting SUBMIT is refused. So
 * the state changes under client->submit_lock, but nothing waits under it: a BEGIN counts from
 * its start on, which keeps jobs from slipping in between, and END ends only a BEGIN that has
 * returned.
 *
 * A BEGIN for writing makes the host copy the only valid one at once, not at END: an eviction in
 * between must not bring older bytes back over what the CPU writes.
 *
 * A buffer that others may see is waited for by its fences, its claims are under the lock of the
 * client that made it, and an imported one is the exporter's: it has no claims at all.
 *
 * Rejected: faults that wait for jobs (a thread may fault on the result of a job that waits for the
 * same thread).
 */
#include "memory.h"

static bool weft_bo_idle(struct weft_bo *bo, u32 access)
{
	bool busy;

	spin_lock(&bo->pool->lock);
	busy = weft_sched_data_busy(&bo->sched, access);
	spin_unlock(&bo->pool->lock);
	return !busy;
}

/* Wait until no job submitted before conflicts with @access; -ETIME, -EINTR. */
static int weft_bo_wait_idle(struct weft_bo *bo, u32 access, u64 timeout_ns)
{
	/* who writes waits for everybody */
	u32 against = access & DRM_WEFT_ACCESS_WRITE ?: DRM_WEFT_ACCESS_READ;

	/* of others' jobs, and of other clients', only the fences are known */
	if (weft_bo_shared(bo))
		return weft_bo_wait_fences(bo, access & DRM_WEFT_ACCESS_WRITE, timeout_ns);
	return weft_wait_until(&bo->client->wait, timeout_ns, weft_bo_idle(bo, against));
}

static bool weft_access_ok(u32 access)
{
	return access && !(access & ~(DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE));
}

int weft_ioctl_bo_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_weft_bo_wait *args = data;
	struct weft_bo *bo;
	int err;

	if (!weft_access_ok(args->access))
		return -EINVAL;
	bo = weft_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	err = weft_bo_wait_idle(bo, args->access, args->timeout_ns);
	drm_gem_object_put(&bo->gem);
	return err;
}

/* Count a BEGIN that starts. */
static int weft_bo_cpu_claim(struct weft_bo *bo, u32 access)
{
	lockdep_assert_held(&bo->client->submit_lock);
	if (bo->cpu_write)
		return -EBUSY;
	if (!(access & DRM_WEFT_ACCESS_WRITE)) {
		bo->cpu_readers++;
		return 0;
	}
	if (bo->cpu_readers)
		return -EBUSY;
	bo->cpu_write = access;
	return 0;
}

/* It returns: with @err it never was. */
static void weft_bo_cpu_settle(struct weft_bo *bo, u32 access, int err)
{
	lockdep_assert_held(&bo->client->submit_lock);
	if (access & DRM_WEFT_ACCESS_WRITE) {
		if (err)
			bo->cpu_write = 0;
		else
			bo->cpu_write_held = true;
	} else if (err) {
		bo->cpu_readers--;
	} else {
		bo->cpu_held++;
	}
}

/* Wait for jobs, and make the host's bytes the ones to read or the ones that count. */
static int weft_bo_cpu_sync(struct weft_bo *bo, const struct drm_weft_bo_cpu *args, u64 length)
{
	bool inputs = (args->access & DRM_WEFT_ACCESS_READ) || length != bo->gem.size;
	int err;

	err = weft_bo_wait_idle(bo, args->access, args->timeout_ns);
	if (!err && inputs)
		err = weft_bo_lost(bo) ? -ENODATA : weft_bo_host_fill(bo);
	if (!err && (args->access & DRM_WEFT_ACCESS_WRITE))
		weft_bo_host_write(bo);
	return err;
}

int weft_ioctl_bo_cpu_begin(struct drm_device *drm, void *data, struct drm_file *file)
{
	const struct drm_weft_bo_cpu *args = data;
	u64 length = args->length;
	struct weft_bo *bo;
	int err;

	if (!weft_access_ok(args->access))
		return -EINVAL;
	bo = weft_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	err = weft_bo_range(bo, args->offset, &length);
	if (err)
		goto out;
	if (bo->import) {
		err = weft_bo_wait_idle(bo, args->access, args->timeout_ns) ?:
		      weft_import_cpu(bo, true, args->access);
		goto out;
	}

	err = mutex_lock_interruptible(&bo->client->submit_lock);
	if (err)
		goto out;
	err = weft_bo_cpu_claim(bo, args->access);
	mutex_unlock(&bo->client->submit_lock);
	if (err)
		goto out;

	err = weft_bo_cpu_sync(bo, args, length);
	mutex_lock(&bo->client->submit_lock);
	weft_bo_cpu_settle(bo, args->access, err);
	mutex_unlock(&bo->client->submit_lock);
out:
	drm_gem_object_put(&bo->gem);
	return err;
}

int weft_ioctl_bo_cpu_end(struct drm_device *drm, void *data, struct drm_file *file)
{
	const struct drm_weft_bo_cpu *args = data;
	u64 length = args->length;
	struct weft_bo *bo;
	int err;

	if (!weft_access_ok(args->access) || args->timeout_ns)
		return -EINVAL;
	bo = weft_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	err = weft_bo_range(bo, args->offset, &length);
	if (err)
		goto out;

	if (bo->import) {
		err = weft_import_cpu(bo, false, args->access);
		goto out;
	}

	mutex_lock(&bo->client->submit_lock);
	if (!(args->access & DRM_WEFT_ACCESS_WRITE)) {
		if (bo->cpu_held) {
			bo->cpu_held--;
			bo->cpu_readers--;
		} else {
			err = -EINVAL;
		}
	} else if (bo->cpu_write_held && bo->cpu_write == args->access) {
		bo->cpu_write_held = false;
		bo->cpu_write = 0;
	} else {
		err = -EINVAL;
	}
	mutex_unlock(&bo->client->submit_lock);
out:
	drm_gem_object_put(&bo->gem);
	return err;
}
