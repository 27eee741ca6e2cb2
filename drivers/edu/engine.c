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
 * The bytes of imported buffers come and go by the same DMA engine: a copy borrows it between two
 * chunks of a run, for a chunk of its own.
 *
 * Rejected: an interrupt for each factorial (it takes longer); factorials from 34 on (they are 0,
 * but keep the device busy for up to 2^32 multiplications that nothing can stop); all buffers
 * copied to device memory by its DMA (200 ms for 2 KiB).
 */
#include <linux/dma-fence.h>
#include <linux/highmem.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/scatterlist.h>

#include "edu.h"

#define EDU_PATIENCE_US		USEC_PER_SEC	/* a transfer takes 100 ms, a factorial less */
#define EDU_TURN_MS		10000		/* a chunk is two transfers and 512 factorials */
#define EDU_FACTORIAL_MAX	33	/* those of greater numbers end in 32 zero bits */

static unsigned int fail_resets;
module_param(fail_resets, uint, 0644);
MODULE_PARM_DESC(fail_resets, "for tests: so many resets find a device that does not stop");

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

/* A transfer from @address to the buffer, or with EDU_DMA_TO_MEMORY the other way. */
static void edu_dma_start(struct edu *edu, u64 address, u32 bytes, u32 command)
{
	bool out = command & EDU_DMA_TO_MEMORY;

	writel(out ? EDU_BUFFER : address, edu->regs + EDU_DMA_SRC);
	writel(out ? address : EDU_BUFFER, edu->regs + EDU_DMA_DST);
	writel(bytes, edu->regs + EDU_DMA_COUNT);
	writel(command | EDU_DMA_START, edu->regs + EDU_DMA_COMMAND);
}

/* A transfer takes 100 ms; a device that is not there is never done. */
int weft_edu_settle(struct edu *edu)
{
	u32 command;

	return readl_poll_timeout(edu->regs + EDU_DMA_COMMAND, command,
				  !(command & EDU_DMA_START), 1000, EDU_PATIENCE_US);
}

/* The same from start to end, for who has the engine. */
static int edu_dma(struct edu *edu, u64 address, u32 bytes, u32 command)
{
	int ret = weft_edu_settle(edu);

	if (ret)
		return ret;
	edu_dma_start(edu, address, bytes, command);
	return weft_edu_settle(edu);
}

/* The next transfer of the run, if it has the engine; an interrupt says when it is over. */
static void edu_next(struct edu *edu)
{
	lockdep_assert_held(&edu->lock);
	edu->moving = edu->run && (edu->out || !edu->lent);
	if (!edu->moving)
		wake_up(&edu->idle);
	else if (edu->out)
		edu_dma_start(edu, edu->dst, edu_chunk(edu), EDU_DMA_IRQ | EDU_DMA_TO_MEMORY);
	else
		edu_dma_start(edu, edu->src, edu_chunk(edu), EDU_DMA_IRQ);
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
	edu_next(edu);
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
	spin_lock_irq(&edu->lock);
	edu_next(edu);
	spin_unlock_irq(&edu->lock);
	return true;
}

/* Take the run from the device. Return: false if somebody else has taken it. */
static bool edu_take(struct edu *edu, struct weft_run *run)
{
	bool taken;

	spin_lock_irq(&edu->lock);
	taken = edu->run == run;
	if (taken) {
		WRITE_ONCE(edu->run, NULL);
		edu_next(edu);
	}
	spin_unlock_irq(&edu->lock);
	return taken;
}

irqreturn_t weft_edu_irq(int irq, void *data)
{
	bool cookie = dma_fence_begin_signalling();	/* early jobs wait for its end */
	struct edu *edu = data;
	struct weft_run *run;
	u32 code = 0;

	writel(readl(edu->regs + EDU_IRQ_STATUS), edu->regs + EDU_IRQ_ACK);
	/* the interrupt may be that of a run which was taken back */
	spin_lock_irq(&edu->lock);
	run = edu->moving ? edu->run : NULL;
	if (readl(edu->regs + EDU_DMA_COMMAND) & EDU_DMA_START)
		run = NULL;
	spin_unlock_irq(&edu->lock);
	/* not under the lock: the core answers with the next run() */
	if (run && !edu_step(edu, &code) && edu_take(edu, run))
		weft_run_complete(run, !code ? 0 : edu_answers(edu) ? -EIO : -ENODEV, code, 0);
	dma_fence_end_signalling(cookie);
	return IRQ_HANDLED;
}

/* Take the run back and wait until the device touches no memory. */
static int edu_stop(struct edu *edu)
{
	int ret = -ENODEV;

	edu_take(edu, READ_ONCE(edu->run));
	/* a step or a completion under way */
	synchronize_irq(edu->irq);
	/* transfers of copies are none of the run's, but look the same */
	mutex_lock(&edu->lending);
	if (edu_answers(edu))
		ret = weft_edu_settle(edu);
	mutex_unlock(&edu->lending);
	return ret;
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
	int ret;

	WRITE_ONCE(edu->resetting, true);
	ret = edu_stop(edu);
	/* copies under way */
	mutex_lock(&edu->copying);
	WRITE_ONCE(edu->resetting, false);
	mutex_unlock(&edu->copying);
	if (ret && !pci_device_is_present(edu->pdev))
		return -ENODEV;
	if (ret == -ENODEV) {
		/* it was without power for a moment */
		pci_restore_state(edu->pdev);
		pci_save_state(edu->pdev);
		ret = edu_stop(edu);
	}
	if (!ret && fail_resets) {
		fail_resets--;
		ret = -EIO;
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

/* Borrow the DMA engine and move a chunk from @src to @dst with it. */
static int edu_copy_chunk(struct edu *edu, u64 dst, u64 src, u32 bytes)
{
	int ret = -ETIMEDOUT;

	mutex_lock(&edu->lending);
	spin_lock_irq(&edu->lock);
	edu->lent = true;
	spin_unlock_irq(&edu->lock);
	if (wait_event_timeout(edu->idle, !READ_ONCE(edu->moving), msecs_to_jiffies(EDU_TURN_MS)))
		ret = edu_dma(edu, src, bytes, 0) ?: edu_dma(edu, dst, bytes, EDU_DMA_TO_MEMORY);
	spin_lock_irq(&edu->lock);
	edu->lent = false;
	if (!edu->moving)
		edu_next(edu);
	spin_unlock_irq(&edu->lock);
	mutex_unlock(&edu->lending);
	return ret && !edu_answers(edu) ? -ENODEV : ret;
}

/* Between what the device was lent and an imported buffer, whose pages nobody knows. */
static int edu_copy_import(struct edu *edu, const struct weft_copy *copy)
{
	u64 memory = edu->memory_base + copy->offset, left = copy->length, other;
	struct scatterlist *sg = copy->sgl;
	u32 at = copy->sgl_offset, bytes;
	int ret = 0;

	for (; left && !ret; left -= bytes, memory += bytes, at += bytes) {
		for (; at == sg_dma_len(sg); sg = sg_next(sg))
			at = 0;
		bytes = min3(left, sg_dma_len(sg) - at, EDU_CHUNK);
		other = sg_dma_address(sg) + at;
		if (READ_ONCE(edu->resetting))
			ret = -EIO;
		else if (copy->kind == WEFT_COPY_TO_DEVICE)
			ret = edu_copy_chunk(edu, memory, other, bytes);
		else
			ret = edu_copy_chunk(edu, other, memory, bytes);
	}
	return ret;
}

/*
 * The memory that the device was lent is the host's, so what is in host pages the processor copies,
 * and any copy is over on return. For memory behind a copy engine this would map the pages with
 * dma_map_page(), queue the transfer and return; the engine's interrupt would unmap them and
 * complete the copy. Imported buffers are mapped already.
 */
static int edu_copy(struct weft_device *wdev, struct weft_copy *copy)
{
	struct edu *edu = weft_device_priv(wdev);
	void *memory = edu->memory + copy->offset;
	int ret = 0;

	/* other devices take their memory with them when they go */
	if (!edu_answers(edu))
		return -ENODEV;
	mutex_lock(&edu->copying);
	if (copy->sgl)
		ret = edu_copy_import(edu, copy);
	else if (copy->kind == WEFT_COPY_CLEAR)
		memset(memory, 0, copy->length);
	else
		edu_copy_pages(memory, copy);
	weft_copy_complete(copy, ret);
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
