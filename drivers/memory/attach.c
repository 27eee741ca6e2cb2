// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imported buffers in the reach of a device's own DMA.
 *
 * DOC: attachments
 *
 * A device whose backend states WEFT_CAP_DMA moves the bytes of an imported buffer itself, between
 * the exporter's memory and its own. For that its parent is attached to the dma-buf, once for each
 * pair of buffer and device, and the attachment is mapped for the jobs that need it:
 *
 * - attaching takes the reservation lock and may do so in the exporter again, so it happens where
 *   no lock is held: in SUBMIT for every device that may get the job, so that one which the
 *   exporter refuses is found before anything is decided, and once more in the bind worker, where
 *   it finds what is there;
 * - mapping happens in bind, under the reservation lock, before the fences there are collected: an
 *   exporter may be moving the buffer, and says so with one of them. The mapping is used behind
 *   these fences and in front of the job's own;
 * - unmapping takes the lock again, so the release worker does it, some time after the fence.
 *
 * Exporters that know of it may move the buffer between two jobs, or behind the fence of one. A
 * mapping that was moved away from serves the jobs that have it, as the rules of dynamic importers
 * allow, and no others. On kernels without that (Debian's 6.12) the buffer is pinned while it is
 * mapped.
 *
 * Jobs of one buffer on one device share a mapping: some exporters keep a single table for each
 * attachment. So it is for both directions.
 *
 * A mapping is a user of its device, which therefore cannot leave before; what is attached but not
 * mapped is detached when the device leaves its pool.
 *
 * Rejected: mapping for the life of the attachment (it would pin what others may have to move);
 * buffers whose bytes the kernel would bounce (they are copied when they are mapped, long before
 * the fence that says that they are there); memory of other devices, peer to peer (the CPU could
 * not step in, and nobody here could test it).
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include <weft/compat.h>

#include "memory.h"

/**
 * struct weft_attachment - a device at an imported buffer
 * @attach: of the device's parent; its dma-buf is referenced
 * @wdev: the device; it does not leave its pool while this is in its list
 * @mapping: what the next job gets, or NULL; under the dma-buf's reservation lock
 * @stuck: mapped for ever, for nobody knows when the device will have stopped; likewise
 * @bo_node: in weft_bo.attachments, under weft_attachments_lock
 * @device_node: in weft_device.attachments, likewise
 */
struct weft_attachment {
	struct dma_buf_attachment *attach;
	struct weft_device *wdev;
	struct weft_mapping *mapping;
	bool stuck;
	struct list_head bo_node;
	struct list_head device_node;
};

/**
 * struct weft_mapping - addresses of an imported buffer for one device
 * @of: the attachment that was mapped
 * @sgt: the addresses
 * @users: holds of jobs; under the dma-buf's reservation lock
 */
struct weft_mapping {
	struct weft_attachment *of;
	struct sg_table *sgt;
	u32 users;
};

/* Protects the lists of all attachments; innermost. Whoever takes one from them detaches it. */
static DEFINE_SPINLOCK(weft_attachments_lock);

/* An exporter's errno, without those that mean something else to a bind. */
static int weft_attach_error(int err)
{
	return err == -ENOMEM ? err : -EIO;
}

/* The exporter moves the buffer, its reservation is locked: the next job needs new addresses. */
static void weft_attach_moved(struct dma_buf_attachment *attach)
{
	struct weft_attachment *att = attach->importer_priv;

	att->mapping = NULL;
}

static const struct dma_buf_attach_ops weft_attach_ops = {
	.weft_move_notify = weft_attach_moved,
};

static void weft_attachment_end(struct weft_attachment *att)
{
	struct dma_buf *dmabuf = att->attach->dmabuf;

	if (att->stuck) {
		/* the exporter goes on to see it, and its device with it */
		get_device(att->attach->dev);
		return;
	}
	dma_buf_detach(dmabuf, att->attach);
	dma_buf_put(dmabuf);
	kfree(att);
}

static struct weft_attachment *weft_attachment_new(struct weft_bo *bo, struct weft_device *wdev)
{
	struct device *dev = wdev->dev.parent;
	struct dma_buf_attachment *attach;
	struct weft_attachment *att;

	/* not infinite: what is out of the device's reach would be bounced */
	if (dma_max_mapping_size(dev) != SIZE_MAX)
		return ERR_PTR(-EIO);
	att = kzalloc(sizeof(*att), GFP_KERNEL);
	if (!att)
		return ERR_PTR(-ENOMEM);
	att->wdev = wdev;
	attach = dma_buf_dynamic_attach(bo->import, dev, &weft_attach_ops, att);
	if (IS_ERR(attach)) {
		kfree(att);
		return ERR_PTR(weft_attach_error(PTR_ERR(attach)));
	}
	att->attach = attach;
	get_dma_buf(bo->import);
	return att;
}

static struct weft_attachment *weft_attachment_find(struct weft_bo *bo, struct weft_device *wdev)
{
	struct weft_attachment *att;

	lockdep_assert_held(&weft_attachments_lock);
	list_for_each_entry(att, &bo->attachments, bo_node)
		if (att->wdev == wdev)
			return att;
	return NULL;
}

/**
 * weft_import_attach() - bring an imported buffer in the reach of a device
 * @bo: imported
 * @wdev: device with WEFT_CAP_DMA; the caller is one of its users
 *
 * Context: process, no locks. Return: the attachment, which lasts while the caller is a user of the
 * device and keeps the buffer; -EIO the exporter, or the way there, does not allow it; -ENOMEM.
 */
struct weft_attachment *weft_import_attach(struct weft_bo *bo, struct weft_device *wdev)
{
	struct weft_attachment *att, *new;

	spin_lock(&weft_attachments_lock);
	att = weft_attachment_find(bo, wdev);
	spin_unlock(&weft_attachments_lock);
	if (att)
		return att;
	new = weft_attachment_new(bo, wdev);
	if (IS_ERR(new))
		return new;

	spin_lock(&weft_attachments_lock);
	att = weft_attachment_find(bo, wdev);
	if (!att) {
		list_add(&new->bo_node, &bo->attachments);
		list_add(&new->device_node, &wdev->attachments);
		swap(att, new);
	}
	spin_unlock(&weft_attachments_lock);
	if (new)
		weft_attachment_end(new);
	return att;
}

/* The buffer dies: no job has it mapped. */
void weft_import_detach(struct weft_bo *bo)
{
	struct weft_attachment *att;
	struct weft_device *wdev;

	for (;;) {
		spin_lock(&weft_attachments_lock);
		att = list_first_entry_or_null(&bo->attachments, struct weft_attachment, bo_node);
		if (att) {
			list_del(&att->bo_node);
			list_del(&att->device_node);
			/* it waits in weft_device_detach() or after it */
			wdev = att->wdev;
			weft_device_user_get(wdev);
		}
		spin_unlock(&weft_attachments_lock);
		if (!att)
			return;
		weft_attachment_end(att);
		weft_device_user_put(wdev);
	}
}

/* The device leaves its pool: it has no users and gets no more. Afterwards nothing knows it. */
void weft_device_detach(struct weft_device *wdev)
{
	struct weft_attachment *att;

	for (;;) {
		spin_lock(&weft_attachments_lock);
		att = list_first_entry_or_null(&wdev->attachments, struct weft_attachment,
					       device_node);
		if (att) {
			list_del(&att->bo_node);
			list_del(&att->device_node);
		}
		spin_unlock(&weft_attachments_lock);
		if (!att)
			break;
		weft_attachment_end(att);
	}
	/* buffers that die are at the same, each as a user */
	wait_event(wdev->idle, !atomic_read(&wdev->users));
}

/**
 * weft_attachment_map() - addresses for one job
 * @att: attachment; the reservation of its dma-buf is locked
 *
 * Return: the mapping, for weft_mapping_put(); -EIO, -ENOMEM.
 */
struct weft_mapping *weft_attachment_map(struct weft_attachment *att)
{
	struct weft_mapping *mapping = att->mapping;
	struct sg_table *sgt;

	dma_resv_assert_held(att->attach->dmabuf->resv);
	if (!mapping) {
		mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
		if (!mapping)
			return ERR_PTR(-ENOMEM);
		sgt = dma_buf_map_attachment(att->attach, DMA_BIDIRECTIONAL);
		if (IS_ERR(sgt)) {
			kfree(mapping);
			return ERR_PTR(weft_attach_error(PTR_ERR(sgt)));
		}
		mapping->of = att;
		mapping->sgt = sgt;
		att->mapping = mapping;
		weft_device_user_get(att->wdev);
	}
	mapping->users++;
	return mapping;
}

struct sg_table *weft_mapping_table(const struct weft_mapping *mapping)
{
	return mapping->sgt;
}

/* One job less has @mapping, which is of @bo. Process context, no locks. */
void weft_mapping_put(struct weft_bo *bo, struct weft_mapping *mapping)
{
	struct weft_attachment *att = mapping->of;
	struct weft_device *wdev = att->wdev;

	dma_resv_lock(bo->gem.resv, NULL);
	if (--mapping->users) {
		dma_resv_unlock(bo->gem.resv);
		return;
	}
	if (att->mapping == mapping)
		att->mapping = NULL;
	if (READ_ONCE(bo->quarantined))
		att->stuck = true;
	else
		dma_buf_unmap_attachment(att->attach, mapping->sgt, DMA_BIDIRECTIONAL);
	dma_resv_unlock(bo->gem.resv);
	kfree(mapping);
	weft_device_user_put(wdev);
}
