// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other drivers' dma-bufs as buffers.
 *
 * DOC: dma-buf import
 *
 * An imported buffer is host-home. Devices whose backend takes DMA addresses move its bytes by
 * themselves (attach.c), if all devices that may get the job can. For all others it has host pages
 * of weft's own, which every backend can copy from and to; between them and the exporter's
 * memory the CPU copies, through the exporter's vmap. So any dma-buf that can be mapped for the CPU
 * can be used on any device. The rest of this file is about them.
 *
 * The exporter wants to be told of CPU access, and that waits for fences, which must not be
 * done once ours is published. So SUBMIT opens the buffer before it enters the job, on the caller's
 * time, interruptibly: begin_cpu_access waits for the foreign fences and makes the bytes
 * readable; what the job reads is copied to the host pages then and there. A buffer that the job
 * writes stays open until its bytes have been copied to the exporter after the run.
 *
 * The buffer shares the dma-buf's reservation, so early jobs put their fences where everybody
 * looks for them, and it belongs to no client: it is the pool that pays for the host pages.
 *
 * Our own dma-bufs are recognized by their ops: within the pool the import is the buffer itself,
 * from another pool it is refused, for nothing crosses pools.
 *
 * Rejected: DRM's import helper (one device, attached for ever, and the device is chosen job by
 * job).
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>

#include <drm/drm_gem.h>

#include "memory.h"

struct drm_gem_object *weft_gem_prime_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct drm_gem_object *gem = dmabuf->priv;
	struct weft_bo *bo;

	if (dmabuf->ops == &weft_dmabuf_ops) {
		if (gem->dev != drm)
			return ERR_PTR(-EPERM);
		drm_gem_object_get(gem);
		return gem;
	}
	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size) || dmabuf->size > WEFT_BO_MAX_SIZE)
		return ERR_PTR(-EINVAL);
	get_dma_buf(dmabuf);
	bo = weft_bo_new(to_weft_pool(drm), NULL, dmabuf->size, 0, dmabuf);
	if (IS_ERR(bo)) {
		dma_buf_put(dmabuf);
		return ERR_CAST(bo);
	}
	return &bo->gem;
}

void weft_import_fini(struct weft_bo *bo)
{
	if (!bo->import)
		return;
	weft_import_detach(bo);
	if (!iosys_map_is_null(&bo->import_map))
		dma_buf_vunmap_unlocked(bo->import, &bo->import_map);
	dma_buf_put(bo->import);
}

/* The exporter's bytes, mapped once for the life of the buffer. */
static int weft_import_map(struct weft_bo *bo)
{
	int err = 0;

	mutex_lock(&bo->import_lock);
	if (iosys_map_is_null(&bo->import_map))
		err = dma_buf_vmap_unlocked(bo->import, &bo->import_map);
	mutex_unlock(&bo->import_lock);
	return err;
}

/* Copy between the host pages, which exist, and the exporter's memory. */
static void weft_import_copy(struct weft_bo *bo, u64 offset, u64 length, bool in)
{
	struct page **pages;
	u64 step;
	void *at;

	atomic64_add(length, &bo->pool->import_cpu_bytes);
	for (; length; offset += step, length -= step) {
		step = min_t(u64, PAGE_SIZE - offset_in_page(offset), length);
		weft_bo_run(bo, offset >> PAGE_SHIFT, &pages);
		at = kmap_local_page(pages[0]);
		if (in)
			iosys_map_memcpy_from(at + offset_in_page(offset), &bo->import_map, offset,
					      step);
		else
			iosys_map_memcpy_to(&bo->import_map, offset, at + offset_in_page(offset),
					    step);
		kunmap_local(at);
		cond_resched();
	}
}

static enum dma_data_direction weft_import_direction(u32 access)
{
	if (access == DRM_WEFT_ACCESS_READ)
		return DMA_FROM_DEVICE;
	return access == DRM_WEFT_ACCESS_WRITE ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

/* BO_CPU_BEGIN and BO_CPU_END: the exporter's business. */
int weft_import_cpu(struct weft_bo *bo, bool begin, u32 access)
{
	enum dma_data_direction dir = weft_import_direction(access);
	int err = begin ? dma_buf_begin_cpu_access(bo->import, dir) :
			  dma_buf_end_cpu_access(bo->import, dir);

	return err == -ERESTARTSYS ? -EINTR : err;
}

/**
 * weft_import_open() - before a job that uses an imported buffer enters
 * @bo: imported
 * @buf: the use, as the client wrote it
 *
 * Context: process, no locks. Return: 0, and with write access weft_import_close() is due; -EINTR,
 * -EINVAL, -ENOMEM, or what the exporter says.
 */
int weft_import_open(struct weft_bo *bo, const struct drm_weft_buffer *buf)
{
	bool writes = buf->access & DRM_WEFT_ACCESS_WRITE;
	u64 length = buf->length;
	int err;

	err = weft_bo_range(bo, buf->offset, &length) ?: weft_import_map(bo) ?:
	      weft_import_cpu(bo, true, buf->access);
	if (err)
		return err;
	if (buf->access & DRM_WEFT_ACCESS_READ) {
		err = weft_bo_populate(bo);
		if (!err) {
			weft_import_copy(bo, buf->offset, length, true);
			weft_bo_host_write(bo);
		}
	}
	if (err || !writes)
		weft_import_cpu(bo, false, buf->access);
	return err;
}

/*
 * The same before a job whose device reaches the buffer by itself. What a writer of ours failed to
 * leave is LOST to those who waited for it, but others may have written since it ended.
 */
void weft_import_pass(struct weft_bo *bo)
{
	if (dma_resv_test_signaled(bo->gem.resv, DMA_RESV_USAGE_WRITE))
		weft_bo_host_write(bo);
}

/* After a use that writes. */
void weft_import_close(struct weft_bo *bo)
{
	weft_import_cpu(bo, false, DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE);
}

/* What the job has written, from the host pages on to the exporter. Allocates nothing. */
void weft_import_write(struct weft_bo *bo, u64 offset, u64 length)
{
	weft_import_copy(bo, offset, length, false);
}

int weft_import_mmap(struct weft_bo *bo, struct vm_area_struct *vma)
{
	int err;

	/* the mapping becomes the exporter's and holds the dma-buf instead of our object */
	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	err = dma_buf_mmap(bo->import, vma, 0);
	if (err)
		return err;
	vm_flags_set(vma, VM_DONTEXPAND);
	drm_gem_object_put(&bo->gem);
	return 0;
}
