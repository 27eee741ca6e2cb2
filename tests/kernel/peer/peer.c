// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: weft_peer
 *
 * A driver as other people write them, for tests: it drives one of QEMU's edu devices (bound by
 * driver_override), attaches it to a dma-buf, maps that, and lets the device read and write there
 * with the addresses that it got, through the IOMMU if there is one. It does what it is told, one
 * step per ioctl, and cleans up when the device goes. Rejected: a device of the guest that would do
 * so by itself (virtio-gpu refuses foreign dma-bufs); dma_map_*() of pages (not what importers do).
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>

#include <weft/compat.h>

#include "peer.h"

WEFT_IMPORT_NS(DMA_BUF);

/* Registers of the device in BAR 0; see QEMU's docs/specs/edu.rst */
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_TO_MEMORY	BIT(1)
#define EDU_BUFFER		0x40000
#define EDU_CHUNK		2048u

struct peer {
	struct pci_dev *pdev;
	void __iomem *regs;
	void *scratch;			/* a page that the device reaches ... */
	dma_addr_t scratch_dma;		/* ... here */
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	unsigned int moved;
};

/* protects the one peer and all in it */
static DEFINE_MUTEX(peer_lock);
static struct peer *peer_here;

static void peer_moved(struct dma_buf_attachment *attach)
{
	struct peer *peer = attach->importer_priv;

	peer->moved++;
}

static const struct dma_buf_attach_ops peer_ops = {
	.weft_move_notify = peer_moved,
};

static int peer_attach(struct peer *peer, const struct peer_attach *args)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;

	if (peer->attach)
		return -EBUSY;
	dmabuf = dma_buf_get(args->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attach = args->flags & PEER_DYNAMIC ?
		dma_buf_dynamic_attach(dmabuf, &peer->pdev->dev, &peer_ops, peer) :
		dma_buf_attach(dmabuf, &peer->pdev->dev);
	if (IS_ERR(attach)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attach);
	}
	peer->attach = attach;
	peer->moved = 0;
	return 0;
}

static int peer_map(struct peer *peer)
{
	struct sg_table *sgt;

	if (!peer->attach || peer->sgt)
		return -EINVAL;
	sgt = dma_buf_map_attachment_unlocked(peer->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	peer->sgt = sgt;
	return 0;
}

static int peer_unmap(struct peer *peer)
{
	if (!peer->sgt)
		return -EINVAL;
	dma_buf_unmap_attachment_unlocked(peer->attach, peer->sgt, DMA_BIDIRECTIONAL);
	peer->sgt = NULL;
	return 0;
}

static int peer_detach(struct peer *peer)
{
	struct dma_buf *dmabuf;

	if (!peer->attach)
		return -EINVAL;
	peer_unmap(peer);
	dmabuf = peer->attach->dmabuf;
	dma_buf_detach(dmabuf, peer->attach);
	dma_buf_put(dmabuf);
	peer->attach = NULL;
	return 0;
}

static int peer_pin(struct peer *peer, bool pin)
{
	struct dma_resv *resv;
	int ret = 0;

	if (!peer->attach || !peer->attach->importer_ops)
		return -EINVAL;
	resv = peer->attach->dmabuf->resv;
	dma_resv_lock(resv, NULL);
	if (pin)
		ret = dma_buf_pin(peer->attach);
	else
		dma_buf_unpin(peer->attach);
	dma_resv_unlock(resv);
	return ret;
}

static int peer_dma(struct peer *peer, dma_addr_t address, u32 bytes, u32 command)
{
	bool out = command & EDU_DMA_TO_MEMORY;
	u32 now;

	writel(out ? EDU_BUFFER : address, peer->regs + EDU_DMA_SRC);
	writel(out ? address : EDU_BUFFER, peer->regs + EDU_DMA_DST);
	writel(bytes, peer->regs + EDU_DMA_COUNT);
	writel(command | EDU_DMA_START, peer->regs + EDU_DMA_COMMAND);
	return readl_poll_timeout(peer->regs + EDU_DMA_COMMAND, now, !(now & EDU_DMA_START), 1000,
				  USEC_PER_SEC);
}

/* Between the scratch page and the buffer, a chunk at a time. */
static int peer_move(struct peer *peer, u64 offset, u32 bytes, bool write)
{
	struct scatterlist *sg = peer->sgt->sgl;
	u32 done, part;
	int ret = 0;

	for (; sg && offset >= sg_dma_len(sg); sg = sg_next(sg))
		offset -= sg_dma_len(sg);
	for (done = 0; done < bytes && sg && !ret; done += part) {
		part = min3(bytes - done, (u32)(sg_dma_len(sg) - offset), EDU_CHUNK);
		ret = peer_dma(peer, write ? peer->scratch_dma + done :
				     sg_dma_address(sg) + offset, part, 0) ?:
		      peer_dma(peer, write ? sg_dma_address(sg) + offset :
				     peer->scratch_dma + done, part, EDU_DMA_TO_MEMORY);
		offset += part;
		if (offset == sg_dma_len(sg)) {
			sg = sg_next(sg);
			offset = 0;
		}
	}
	return ret ?: done < bytes ? -EINVAL : 0;
}

static int peer_copy(struct peer *peer, const struct peer_copy *args)
{
	void __user *data = u64_to_user_ptr(args->data);
	int ret;

	if (!peer->sgt || !args->bytes || args->bytes > PAGE_SIZE ||
	    args->offset + args->bytes > peer->attach->dmabuf->size)
		return -EINVAL;
	if (args->write && copy_from_user(peer->scratch, data, args->bytes))
		return -EFAULT;
	ret = peer_move(peer, args->offset, args->bytes, args->write);
	if (!ret && !args->write && copy_to_user(data, peer->scratch, args->bytes))
		ret = -EFAULT;
	return ret;
}

static void peer_state(struct peer *peer, struct peer_state *state)
{
	*state = (struct peer_state) {
		.attached = !!peer->attach,
		.mapped = !!peer->sgt,
		.moved = peer->moved,
	};
	if (peer->sgt) {
		state->segments = peer->sgt->nents;
		state->address = sg_dma_address(peer->sgt->sgl);
	}
}

static long peer_do(struct peer *peer, unsigned int cmd, void __user *arg)
{
	struct peer_attach attach;
	struct peer_state state;
	struct peer_copy copy;

	switch (cmd) {
	case PEER_ATTACH:
		return copy_from_user(&attach, arg, sizeof(attach)) ? -EFAULT :
								       peer_attach(peer, &attach);
	case PEER_DETACH:
		return peer_detach(peer);
	case PEER_MAP:
		return peer_map(peer);
	case PEER_UNMAP:
		return peer_unmap(peer);
	case PEER_PIN:
	case PEER_UNPIN:
		return peer_pin(peer, cmd == PEER_PIN);
	case PEER_COPY:
		return copy_from_user(&copy, arg, sizeof(copy)) ? -EFAULT :
								   peer_copy(peer, &copy);
	case PEER_STATE:
		peer_state(peer, &state);
		return copy_to_user(arg, &state, sizeof(state)) ? -EFAULT : 0;
	default:
		return -ENOTTY;
	}
}

static long peer_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret = -ENODEV;

	mutex_lock(&peer_lock);
	if (peer_here)
		ret = peer_do(peer_here, cmd, (void __user *)arg);
	mutex_unlock(&peer_lock);
	return ret;
}

static const struct file_operations peer_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = peer_ioctl,
};

static struct miscdevice peer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "weft_peer",
	.fops = &peer_fops,
};

static int peer_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct peer *peer = devm_kzalloc(&pdev->dev, sizeof(*peer), GFP_KERNEL);
	int ret;

	if (!peer)
		return -ENOMEM;
	peer->pdev = pdev;
	pci_set_drvdata(pdev, peer);
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	peer->regs = pcim_iomap(pdev, 0, 0);
	if (!peer->regs)
		return -ENOMEM;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(28));
	if (ret)
		return ret;
	peer->scratch = dmam_alloc_coherent(&pdev->dev, PAGE_SIZE, &peer->scratch_dma, GFP_KERNEL);
	if (!peer->scratch)
		return -ENOMEM;
	pci_set_master(pdev);
	mutex_lock(&peer_lock);
	if (peer_here)
		ret = -EBUSY;
	else
		peer_here = peer;
	mutex_unlock(&peer_lock);
	return ret;
}

/* What a driver owes to the buffers of others when its device goes. */
static void peer_remove(struct pci_dev *pdev)
{
	mutex_lock(&peer_lock);
	peer_detach(peer_here);
	peer_here = NULL;
	mutex_unlock(&peer_lock);
	pci_clear_master(pdev);
}

/* Devices come by driver_override only: edu devices are weft_edu's. */
static const struct pci_device_id peer_ids[] = {
	{ }
};

static struct pci_driver peer_driver = {
	.name = "weft_peer",
	.id_table = peer_ids,
	.probe = peer_probe,
	.remove = peer_remove,
};

static int __init peer_init(void)
{
	int ret = misc_register(&peer_misc);

	if (ret)
		return ret;
	ret = pci_register_driver(&peer_driver);
	if (ret)
		misc_deregister(&peer_misc);
	return ret;
}
module_init(peer_init);

static void __exit peer_exit(void)
{
	pci_unregister_driver(&peer_driver);
	misc_deregister(&peer_misc);
}
module_exit(peer_exit);

MODULE_DESCRIPTION("an importer of dma-bufs for weft's tests");
MODULE_LICENSE("GPL");
