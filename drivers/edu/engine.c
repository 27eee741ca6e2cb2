// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: edu's engine
 *
 * A job goes through the device in chunks: DMA from memory to the device's buffer, DMA from
 * there to the result's place in memory, and then, for a factorial, each number there is replaced
 * by what the device makes of it (the processor cannot look into the buffer). Each transfer ends
 * in an interrupt, whose handler, a thread, takes the next step.
 *
 * A run is under way as long as it is edu->run. Whoever takes it from there, under the lock, ends
 * it. A step under way is not disturbed: abort() and reset() wait for it and its transfer.
 *
 * Rejected: an interrupt for each factorial (it takes longer); factorials from 34 on (they are 0,
 * but keep the device busy for up to 2^32 multiplications that nothing can stop); buffers
 * copied to device memory by its DMA (200 ms for 2 KiB).
 */
#include <linux/highmem.h>
#include <linux/iopoll.h>
#include <linux/module.h>

#include "edu.h"

#define EDU_PATIENCE_US		USEC_PER_SEC	/* a transfer takes 100 ms, a factorial less */
#define EDU_FACTORIAL_MAX	33	/* those of greater numbers end in 32 zero bits */

static int edu_load_image(struct weft_device *wdev, struct weft_image *image)
{
	const struct weft_edu_image *header = image->data;

	if (image->size != sizeof(*header) || header->magic != WEFT_EDU_IMAGE_MAGIC ||
	    header->version != WEFT_EDU_IMAGE_VERSION || image->kernel_count > WEFT_EDU_OP_COUNT)
		return -ENOEXEC;
	return 0;
}

/* A device that keeps programs would forget one here. */
static void edu_unload_image(struct weft_device *wdev, struct weft_image *image)
{
}

static u32 edu_chunk(struct edu *edu)
{
	return min(edu->left, EDU_CHUNK);
}

/* The next transfer of the run; an interrupt says when it is over. */
static void edu_dma_start(struct edu *edu)
{
	u32 command = EDU_DMA_START | EDU_DMA_IRQ | (edu->out ? EDU_DMA_TO_MEMORY : 0);

	writel(edu->out ? EDU_BUFFER : edu->src, edu->regs + EDU_DMA_SRC);
	writel(edu->out ? edu->dst : EDU_BUFFER, edu->regs + EDU_DMA_DST);
	writel(edu_chunk(edu), edu->regs + EDU_DMA_COUNT);
	writel(command, edu->regs + EDU_DMA_COMMAND);
}

/* Arguments come from programs, and the device trusts them. Return: an error code or 0. */
static u32 edu_check_args(struct edu *edu, const struct weft_run *run)
{
	u32 align = run->kernel == WEFT_EDU_OP_FACTORIAL ? sizeof(u32) : 1;
	const struct weft_edu_args *args = run->args;
	u64 base = edu->memory_base, size = edu->memory_size;

	if (run->args_size != sizeof(*args) || !args->bytes || !IS_ALIGNED(args->bytes, align))
		return WEFT_EDU_ERR_ARGS;
	/* below the base, differences are huge */
	if (args->bytes > size || args->dst - base > size - args->bytes ||
	    args->src - base > size - args->bytes || !IS_ALIGNED(args->dst | args->src, align))
		return WEFT_EDU_ERR_ADDRESS;
	return 0;
}

/* The core's lock of the engine is held, interrupts are off. */
static int edu_run(struct weft_device *wdev, struct weft_run *run)
{
	struct edu *edu = weft_device_priv(wdev);
	const struct weft_edu_args *args = run->args;
	u32 code;

	if (!edu_answers(edu))
		return -ENODEV;
	code = edu_check_args(edu, run);
	if (code) {
		weft_run_complete(run, -EIO, code, 0);
		return 0;
	}
	edu->op = run->kernel;
	edu->dst = args->dst;
	edu->src = args->src;
	edu->left = args->bytes;
	edu->out = false;
	spin_lock(&edu->lock);
	edu->run = run;
	edu_dma_start(edu);
	spin_unlock(&edu->lock);
	return 0;
}

/* Replace the numbers of the chunk that has arrived. Return: an error code or 0. */
static u32 edu_compute(struct edu *edu)
{
	u32 *number = edu->memory + (edu->dst - edu->memory_base);
	u32 *end = number + edu_chunk(edu) / sizeof(*number);
	u32 status;

	/* until it is through, or the run was taken back */
	for (; number < end && READ_ONCE(edu->run); number++) {
		if (*number > EDU_FACTORIAL_MAX) {
			*number = 0;
			continue;
		}
		writel(*number, edu->regs + EDU_FACTORIAL);
		if (readl_poll_timeout(edu->regs + EDU_STATUS, status,
				       !(status & EDU_STATUS_COMPUTING), 0, EDU_PATIENCE_US))
			return WEFT_EDU_ERR_COMPUTE;
		*number = readl(edu->regs + EDU_FACTORIAL);
	}
	return 0;
}

/* A transfer is over: what comes next? Return: true if it is another transfer. */
static bool edu_step(struct edu *edu, u32 *code)
{
	u32 chunk = edu_chunk(edu);

	if (edu->out) {
		if (edu->op == WEFT_EDU_OP_FACTORIAL)
			*code = edu_compute(edu);
		edu->dst += chunk;
		edu->src += chunk;
		edu->left -= chunk;
		if (*code || !edu->left)
			return false;
	}
	edu->out = !edu->out;
	edu_dma_start(edu);
	return true;
}

/* Take the run from the device. Return: false if somebody else has taken it. */
static bool edu_take(struct edu *edu, struct weft_run *run)
{
	bool taken;

	spin_lock_irq(&edu->lock);
	taken = edu->run == run;
	if (taken)
		WRITE_ONCE(edu->run, NULL);
	spin_unlock_irq(&edu->lock);
	return taken;
}

irqreturn_t weft_edu_irq(int irq, void *data)
{
	struct edu *edu = data;
	struct weft_run *run;
	u32 code = 0;

	writel(readl(edu->regs + EDU_IRQ_STATUS), edu->regs + EDU_IRQ_ACK);
	/* the interrupt may be that of a run which was taken back */
	spin_lock_irq(&edu->lock);
	run = readl(edu->regs + EDU_DMA_COMMAND) & EDU_DMA_START ? NULL : edu->run;
	spin_unlock_irq(&edu->lock);
	if (!run || edu_step(edu, &code))
		return IRQ_HANDLED;

	/* not under the lock: the core answers with the next run() */
	if (edu_take(edu, run))
		weft_run_complete(run, !code ? 0 : edu_answers(edu) ? -EIO : -ENODEV, code, 0);
	return IRQ_HANDLED;
}

/* Take the run back and wait until the device touches no memory. */
static int edu_stop(struct edu *edu)
{
	u32 command;

	edu_take(edu, READ_ONCE(edu->run));
	/* a step or a completion under way */
	synchronize_irq(edu->irq);
	if (!edu_answers(edu))
		return -ENODEV;
	return readl_poll_timeout(edu->regs + EDU_DMA_COMMAND, command,
				  !(command & EDU_DMA_START), 1000, EDU_PATIENCE_US);
}

/* With one credit the run is the one under way, or it has just ended. */
static int edu_abort(struct weft_device *wdev, struct weft_run *run)
{
	return edu_stop(weft_device_priv(wdev));
}

/* The device cannot be told to reset. What helps is to wait, and to set up the bus again. */
static int edu_reset(struct weft_device *wdev)
{
	struct edu *edu = weft_device_priv(wdev);
	int ret = edu_stop(edu);

	/* copies under way */
	mutex_lock(&edu->copying);
	mutex_unlock(&edu->copying);
	if (ret && !pci_device_is_present(edu->pdev))
		return -ENODEV;
	if (ret == -ENODEV) {
		/* it was without power for a moment */
		pci_restore_state(edu->pdev);
		pci_save_state(edu->pdev);
		ret = edu_stop(edu);
	}
	/* whatever it still wants to do, the bus will not let it */
	if (ret)
		pci_clear_master(edu->pdev);
	return ret;
}

static void edu_copy_pages(void *memory, const struct weft_copy *copy)
{
	size_t at = copy->page_offset, done = 0, part;
	struct page **page = copy->pages;

	for (; done < copy->length; done += part, page++, at = 0) {
		part = min(copy->length - done, PAGE_SIZE - at);
		if (copy->kind == WEFT_COPY_TO_DEVICE)
			memcpy_from_page(memory + done, *page, at, part);
		else
			memcpy_to_page(*page, at, memory + done, part);
	}
}

/*
 * The memory that the device was lent is the host's, so the processor copies, and the copy is over
 * on return. For memory behind a copy engine this would map the host pages with dma_map_page(),
 * queue the transfer and return; the engine's interrupt would unmap them and complete the copy.
 */
static int edu_copy(struct weft_device *wdev, struct weft_copy *copy)
{
	struct edu *edu = weft_device_priv(wdev);
	void *memory = edu->memory + copy->offset;

	/* other devices take their memory with them when they go */
	if (!edu_answers(edu))
		return -ENODEV;
	mutex_lock(&edu->copying);
	if (copy->kind == WEFT_COPY_CLEAR)
		memset(memory, 0, copy->length);
	else
		edu_copy_pages(memory, copy);
	weft_copy_complete(copy, 0);
	mutex_unlock(&edu->copying);
	return 0;
}

const struct weft_backend_ops weft_edu_ops = {
	.owner = THIS_MODULE,
	.load_image = edu_load_image,
	.unload_image = edu_unload_image,
	.run = edu_run,
	.abort = edu_abort,
	.reset = edu_reset,
	.copy = edu_copy,
};
