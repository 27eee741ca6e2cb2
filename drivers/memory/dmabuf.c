// SPDX-License-Identifier: GPL-2.0-only
/*
 * SHAREABLE buffers as dma-bufs.
 *
 * DOC: dma-buf export
 *
 * What is exported is the buffer's host memory; an export makes the buffer host-home for good
 * (home.c). Nothing moves at that moment: it happens under locks of the DRM core. The bytes
 * are brought to the host when somebody first comes for them (attach, mmap, vmap, CPU access),
 * after the jobs from before the export, whose fences are in the reservation.
 *
 * Host pages never move or go away while the buffer lives, and a dma-buf holds its buffer; so there
 * is nothing to pin, and nobody to notify of moves.
 *
 * The ops are our own: DRM's would neither wait before CPU access nor keep the CPU's caches
 * in step with the device's, and they tell our own dma-bufs from others' in import.
 *
 * Rejected: exporting device memory (it would have to be pinned there, and a peer would have to
 * reach it over the bus).
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include <weft/compat.h>

#include "memory.h"

WEFT_IMPORT_NS(DMA_BUF);

/* Wait for the fences that a reader, or with @write a writer, has to wait for. */
int weft_bo_wait_fences(struct weft_bo *bo, bool write, u64 timeout_ns)
{
	u64 left = ktime_to_ns(weft_timeout(timeout_ns));
	/* rounded up: who waits is never told too early that time is up */
	long timeout = min_t(u64, nsecs_to_jiffies64(left) + !!left, MAX_SCHEDULE_TIMEOUT);
	long ret;

	ret = dma_resv_wait_timeout(bo->gem.resv, dma_resv_usage_rw(write), true, timeout);
	if (ret < 0)
		return ret == -ERESTARTSYS ? -EINTR : ret;
	return ret ? 0 : -ETIME;
}

/* The host's bytes are the ones that count. */
static int weft_dmabuf_settle(struct weft_bo *bo)
{
	int err = weft_bo_wait_fences(bo, false, U64_MAX);

	return err ?: weft_bo_lost(bo) ? -ENODATA : weft_bo_host_fill(bo);
}

/* All pages of @bo, which exist from here on; the caller frees the array, not the pages. */
static struct page **weft_dmabuf_pages(struct weft_bo *bo)
{
	unsigned long i, run, count = bo->gem.size >> PAGE_SHIFT;
	struct page **pages, **some;

	if (weft_bo_populate(bo))
		return NULL;
	pages = kvmalloc_array(count, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return NULL;
	for (i = 0; i < count; i += run) {
		run = weft_bo_run(bo, i, &some);
		memcpy(&pages[i], some, run * sizeof(*pages));
	}
	return pages;
}

static int weft_dmabuf_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct weft_bo *bo = to_weft_bo(dmabuf->priv);

	return weft_dmabuf_settle(bo) ?: weft_bo_populate(bo);
}

static struct sg_table *weft_dmabuf_map(struct dma_buf_attachment *attach,
					enum dma_data_direction dir)
{
	struct weft_bo *bo = to_weft_bo(attach->dmabuf->priv);
	struct page **pages = weft_dmabuf_pages(bo);
	struct sg_table *sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	int err = -ENOMEM;

	if (!pages || !sgt)
		goto out;
	err = sg_alloc_table_from_pages_segment(sgt, pages, bo->gem.size >> PAGE_SHIFT, 0,
						bo->gem.size, dma_get_max_seg_size(attach->dev),
						GFP_KERNEL);
	if (err)
		goto out;
	err = dma_map_sgtable(attach->dev, sgt, dir, 0);
	if (err)
		sg_free_table(sgt);
out:
	kvfree(pages);
	if (!err)
		return sgt;
	kfree(sgt);
	return ERR_PTR(err);
}

static void weft_dmabuf_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			      enum dma_data_direction dir)
{
	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static int weft_dmabuf_begin_cpu(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct weft_bo *bo = to_weft_bo(dmabuf->priv);
	int err = weft_dmabuf_settle(bo);

	/* what is LOST is revived by who only writes; DRM waits for readers, too, after this */
	if (err != -ENODATA || dir != DMA_TO_DEVICE)
		return err;
	weft_bo_host_write(bo);
	return 0;
}

static int weft_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return weft_dmabuf_settle(to_weft_bo(dmabuf->priv)) ?: drm_gem_dmabuf_mmap(dmabuf, vma);
}

static int weft_dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct weft_bo *bo = to_weft_bo(dmabuf->priv);
	struct page **pages;
	void *bytes = NULL;
	int err;

	dma_resv_assert_held(dmabuf->resv);
	err = weft_dmabuf_settle(bo);
	if (err)
		return err;
	pages = weft_dmabuf_pages(bo);
	if (pages)
		bytes = vmap(pages, bo->gem.size >> PAGE_SHIFT, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	if (!bytes)
		return -ENOMEM;
	iosys_map_set_vaddr(map, bytes);
	return 0;
}

static void weft_dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

const struct dma_buf_ops weft_dmabuf_ops = {
	.attach = weft_dmabuf_attach,
	.map_dma_buf = weft_dmabuf_map,
	.unmap_dma_buf = weft_dmabuf_unmap,
	.release = drm_gem_dmabuf_release,
	.begin_cpu_access = weft_dmabuf_begin_cpu,
	.mmap = weft_dmabuf_mmap,
	.vmap = weft_dmabuf_vmap,
	.vunmap = weft_dmabuf_vunmap,
};

struct dma_buf *weft_bo_export(struct drm_gem_object *gem, int flags)
{
	struct weft_bo *bo = to_weft_bo(gem);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	int err;

	if (bo->import) {
		get_dma_buf(bo->import);
		return bo->import;
	}
	if (!(bo->flags & DRM_WEFT_BO_SHAREABLE))
		return ERR_PTR(-EPERM);
	/* so that page offsets of mappings do not change when the node is mapped later */
	err = drm_gem_create_mmap_offset(gem);
	if (err)
		return ERR_PTR(err);
	info.owner = gem->dev->driver->fops->owner;
	info.ops = &weft_dmabuf_ops;
	info.size = gem->size;
	info.flags = flags;
	info.priv = gem;
	info.resv = gem->resv;

	/* jobs that are published from here on treat it as host-home */
	dma_resv_lock(gem->resv, NULL);
	WRITE_ONCE(bo->exported, true);
	dma_resv_unlock(gem->resv);
	return drm_gem_dmabuf_export(gem->dev, &info);
}
