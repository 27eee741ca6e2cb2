// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers.
 *
 * DOC: bo
 *
 * A buffer is mapped at its first weft_bo_begin() and stays mapped, but its address is handed out
 * only between begin and end: outside, the host's bytes may be older than a device's.
 *
 * Rejected: mapping at creation (buffers that only jobs touch need no host pages); begin and end
 * on a part of a buffer (tiles are not offered yet, and jobs may conflict with any part).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_ACCESS_MASK	(DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE)
#define WEFT_BO_SIZE_MAX	((uint64_t)1 << 40)

static void weft_bo_free(struct weft_object *object)
{
	struct weft_bo *bo = (struct weft_bo *)object;
	struct drm_gem_close gem = { .handle = bo->handle };

	weft_object_remove(object);
	if (bo->access)
		weft_bo_end(bo);
	if (bo->map)
		weft_sys_unmap(bo->map, bo->size);
	weft_call(object->pool, DRM_IOCTL_GEM_CLOSE, &gem);
	free(bo);
}

int weft_bo_create(struct weft *pool, uint64_t size, uint32_t flags, struct weft_bo **bo)
{
	struct drm_weft_bo_create create = { .size = size, .flags = flags };
	struct weft_bo *b;
	int ret;

	*bo = NULL;
	if (!size || size > WEFT_BO_SIZE_MAX)
		return weft_fail(EINVAL, "a buffer must have 1..2^40 bytes, not %" PRIu64, size);
	b = calloc(1, sizeof(*b));
	if (!b)
		return weft_fail(ENOMEM, "no memory");
	ret = weft_call(pool, DRM_IOCTL_WEFT_BO_CREATE, &create);
	if (ret) {
		free(b);
		return weft_fail_call(ret, DRM_WEFT_BO_CREATE,
				      "creating a buffer of %" PRIu64 " bytes with flags %#x", size,
				      flags);
	}
	b->handle = create.handle;
	b->flags = flags;
	b->size = create.size;
	weft_object_add(pool, &b->object, weft_bo_free);
	*bo = b;
	return 0;
}

int weft_bo_export(struct weft_bo *bo, int *fd)
{
	struct drm_prime_handle prime = {
		.handle = bo->handle, .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1,
	};
	int ret = weft_call(bo->object.pool, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);

	*fd = ret ? -1 : prime.fd;
	if (ret)
		return weft_fail(-ret, "exporting buffer %u: %s%s", bo->handle,
				 weft_errno_text(-ret), ret == -EPERM ?
				 " (it was not made with DRM_WEFT_BO_SHAREABLE)" : "");
	return 0;
}

/* One handle of the kernel's, which does not count them, is one buffer here. */
static bool weft_bo_known(struct weft *pool, uint32_t handle)
{
	struct weft_object *object;
	bool known = false;

	pthread_mutex_lock(&pool->lock);
	for (object = pool->objects; object && !known; object = object->next)
		known = object->free == weft_bo_free &&
			((struct weft_bo *)object)->handle == handle;
	pthread_mutex_unlock(&pool->lock);
	return known;
}

int weft_bo_import(struct weft *pool, int fd, struct weft_bo **bo)
{
	struct drm_prime_handle prime = { .fd = fd };
	struct drm_weft_bo_info info;
	struct weft_bo *b;
	int ret;

	*bo = NULL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return weft_fail(ENOMEM, "no memory");
	ret = weft_call(pool, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	if (ret) {
		free(b);
		return weft_fail(-ret, "importing file descriptor %d: %s%s", fd,
				 weft_errno_text(-ret), ret == -EPERM ?
				 " (it belongs to another weft pool)" : "");
	}
	if (weft_bo_known(pool, prime.handle)) {
		free(b);
		return weft_fail(EEXIST, "file descriptor %d is buffer %u, which is open already",
				 fd, prime.handle);
	}
	b->handle = prime.handle;
	weft_object_add(pool, &b->object, weft_bo_free);
	ret = weft_bo_info(b, &info);
	if (ret) {
		weft_bo_free(&b->object);
		return ret;
	}
	b->flags = info.flags;
	b->size = info.size;
	*bo = b;
	return 0;
}

void weft_bo_destroy(struct weft_bo *bo)
{
	if (bo)
		weft_bo_free(&bo->object);
}

uint64_t weft_bo_size(const struct weft_bo *bo)
{
	return bo->size;
}

uint32_t weft_bo_handle(const struct weft_bo *bo)
{
	return bo->handle;
}

int weft_bo_info(struct weft_bo *bo, struct drm_weft_bo_info *info)
{
	int ret;

	memset(info, 0, sizeof(*info));
	info->handle = bo->handle;
	ret = weft_call(bo->object.pool, DRM_IOCTL_WEFT_BO_INFO, info);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_BO_INFO, "asking about buffer %u", bo->handle);
	return 0;
}

static int weft_bo_map(struct weft_bo *bo)
{
	struct drm_weft_bo_mmap_offset where = { .handle = bo->handle };
	void *map;
	int ret;

	if (bo->map)
		return 0;
	ret = weft_call(bo->object.pool, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &where);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_BO_MMAP_OFFSET, "mapping buffer %u",
				      bo->handle);
	ret = weft_sys_map(bo->object.pool->fd, where.offset, bo->size, &map);
	if (ret)
		return weft_fail(-ret, "mapping buffer %u of %" PRIu64 " bytes: %s", bo->handle,
				 bo->size, weft_errno_text(-ret));
	bo->map = map;
	return 0;
}

static int weft_bo_access_check(uint32_t access)
{
	if (!access || access & ~WEFT_ACCESS_MASK)
		return weft_fail(EINVAL,
				 "access must be DRM_WEFT_ACCESS_READ, _WRITE or both, not %#x",
				 access);
	return 0;
}

int weft_bo_begin(struct weft_bo *bo, uint32_t access, int64_t timeout_ns, void **bytes)
{
	struct drm_weft_bo_cpu cpu = { .handle = bo->handle, .access = access };
	int ret;

	*bytes = NULL;
	ret = weft_bo_access_check(access);
	if (ret)
		return ret;
	if (bo->access)
		return weft_fail(EBUSY,
				 "buffer %u is being accessed already: call weft_bo_end() first",
				 bo->handle);
	ret = weft_bo_map(bo);
	if (ret)
		return ret;
	cpu.timeout_ns = weft_until(timeout_ns);
	ret = weft_call(bo->object.pool, DRM_IOCTL_WEFT_BO_CPU_BEGIN, &cpu);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_BO_CPU_BEGIN, "beginning access to buffer %u",
				      bo->handle);
	bo->access = access;
	*bytes = bo->map;
	return 0;
}

int weft_bo_end(struct weft_bo *bo)
{
	struct drm_weft_bo_cpu cpu = { .handle = bo->handle, .access = bo->access };
	int ret;

	if (!bo->access)
		return weft_fail(EINVAL,
				 "buffer %u is not being accessed: call weft_bo_begin() first",
				 bo->handle);
	bo->access = 0;
	ret = weft_call(bo->object.pool, DRM_IOCTL_WEFT_BO_CPU_END, &cpu);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_BO_CPU_END, "ending access to buffer %u",
				      bo->handle);
	return 0;
}

static int weft_bo_range_check(const struct weft_bo *bo, uint64_t offset, size_t length)
{
	if (!length || offset > bo->size || length > bo->size - offset)
		return weft_fail(EINVAL,
				 "buffer %u has %" PRIu64 " bytes: %zu bytes at offset %" PRIu64
				 " are not a range of it",
				 bo->handle, bo->size, length, offset);
	return 0;
}

int weft_bo_write(struct weft_bo *bo, uint64_t offset, const void *from, size_t length)
{
	uint32_t access = DRM_WEFT_ACCESS_WRITE;
	void *bytes;
	int ret;

	ret = weft_bo_range_check(bo, offset, length);
	if (ret)
		return ret;
	/* the rest of the buffer keeps its bytes, so they have to be there */
	if (length < bo->size)
		access |= DRM_WEFT_ACCESS_READ;
	ret = weft_bo_begin(bo, access, WEFT_FOREVER, &bytes);
	if (ret)
		return ret;
	memcpy((char *)bytes + offset, from, length);
	return weft_bo_end(bo);
}

int weft_bo_read(struct weft_bo *bo, uint64_t offset, void *to, size_t length)
{
	void *bytes;
	int ret;

	ret = weft_bo_range_check(bo, offset, length);
	if (ret)
		return ret;
	ret = weft_bo_begin(bo, DRM_WEFT_ACCESS_READ, WEFT_FOREVER, &bytes);
	if (ret)
		return ret;
	memcpy(to, (const char *)bytes + offset, length);
	return weft_bo_end(bo);
}

int weft_bo_wait(struct weft_bo *bo, uint32_t access, int64_t timeout_ns)
{
	struct drm_weft_bo_wait wait = { .handle = bo->handle, .access = access };
	int ret;

	ret = weft_bo_access_check(access);
	if (ret)
		return ret;
	wait.timeout_ns = weft_until(timeout_ns);
	ret = weft_call(bo->object.pool, DRM_IOCTL_WEFT_BO_WAIT, &wait);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_BO_WAIT, "waiting for buffer %u", bo->handle);
	return 0;
}
