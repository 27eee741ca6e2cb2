/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: weft_edu
 *
 * QEMU's "edu" is a PCI device for teaching: it computes factorials, and it moves bytes between
 * memory and a buffer of 4 KiB that only its DMA engine reaches. It has no memory that it could
 * offer to weft, so it is lent 1 MiB of its NUMA node's; behind an IOMMU it reaches nothing else.
 * pci.c claims the device, engine.c answers weft's calls.
 */
#ifndef WEFT_EDU_H
#define WEFT_EDU_H

#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <drm/weft_edu.h>
#include <weft/backend.h>

/* Registers in BAR 0, 32 bits each */
#define EDU_ID			0x00
#define EDU_ID_VALUE		0x010000ed
#define EDU_FACTORIAL		0x08	/* a number in, its factorial out */
#define EDU_STATUS		0x20
#define EDU_STATUS_COMPUTING	BIT(0)
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_START		BIT(0)	/* reads as 1 until the transfer is over */
#define EDU_DMA_TO_MEMORY	BIT(1)	/* else from memory to the buffer */
#define EDU_DMA_IRQ		BIT(2)	/* interrupt when it is over */

#define EDU_ADDRESS_BITS	28	/* of what DMA can reach */
#define EDU_BUFFER		0x40000	/* the buffer's address for DMA */
#define EDU_CHUNK		2048	/* up to QEMU 7 a transfer must not touch its last byte */

struct edu {
	struct pci_dev *pdev;
	struct weft_device *wdev;	/* NULL or an error: not registered */
	void __iomem *regs;		/* BAR 0 */
	int irq;
	void *memory;			/* what the device was lent, as the processor sees it ... */
	dma_addr_t memory_base;		/* ... and as the device does */
	size_t memory_size;
	struct mutex copying;		/* held during a copy */
	struct mutex lending;		/* held while a copy, not a run, moves a chunk */
	bool resetting;			/* copies end with an error */
	wait_queue_head_t idle;		/* woken when @moving drops */

	spinlock_t lock;		/* protects @run, and who has the DMA engine */
	struct weft_run *run;		/* under way; who sets it to NULL ends it */
	bool lent;			/* a copy has, or waits for, the DMA engine; under @lock */
	bool moving;			/* the run has it; under @lock */
	/* run() sets these, and from then on they are the interrupt thread's */
	enum weft_edu_op op;
	u64 dst, src, left;		/* what is still to be done: addresses, bytes */
	bool out;			/* the transfer under way is the one to memory */
};

/* A device that has left the bus, or has lost its registers' addresses, reads as all ones. */
static inline bool edu_answers(struct edu *edu)
{
	return readl(edu->regs + EDU_ID) == EDU_ID_VALUE;
}

/* engine.c */
/* 0 once no transfer is under way; -ETIMEDOUT */
int weft_edu_settle(struct edu *edu);
irqreturn_t weft_edu_irq(int irq, void *data);
extern const struct weft_backend_ops weft_edu_ops;

#endif /* WEFT_EDU_H */
