// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: fences
 *
 * The fence of an early job is seen by others: by a sync_file, a syncobj, the reservation of a
 * shared buffer. It lives for as long as they keep it, which may be longer than weft.ko does, and
 * kernels before the inline fence lock call a fence's ops even after it has signalled. So the ops
 * are in this module, which has no exit function: once loaded it stays, a page of code that the
 * fences need and nothing else. weft.ko and every backend can be unloaded whatever fences are out.
 *
 * Each fence has a context of its own. Jobs of one queue or engine end in any order, and a
 * reservation keeps only the newest fence of a context: a shared context would lose the fence of
 * a job that still runs.
 *
 * Rejected: a count of live fences that the exit of weft.ko waits for (one forgotten sync_file
 * would make rmmod hang for ever); a reference to the module per fence (the same, as EBUSY).
 */
#include <linux/module.h>
#include <linux/slab.h>

#include <weft/compat.h>
#include <weft/fence.h>

/** struct weft_fence - kfree_rcu() of the base, which comes first, frees it all */
struct weft_fence {
	struct dma_fence base;
	/** @lock: the fence's own where kernels have no inline lock */
	spinlock_t lock;
};

static const char *weft_fence_driver_name(struct dma_fence *fence)
{
	return "weft";
}

static const char *weft_fence_timeline_name(struct dma_fence *fence)
{
	return "weft.early";
}

static const struct dma_fence_ops weft_fence_ops = {
	.get_driver_name = weft_fence_driver_name,
	.get_timeline_name = weft_fence_timeline_name,
};

struct dma_fence *weft_fence_create(void)
{
	struct weft_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);

	BUILD_BUG_ON(offsetof(struct weft_fence, base));
	if (!fence)
		return NULL;
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &weft_fence_ops, weft_fence_lock(&fence->lock),
		       dma_fence_context_alloc(1), 1);
	return &fence->base;
}
EXPORT_SYMBOL_GPL(weft_fence_create);

void weft_fence_signal(struct dma_fence *fence, int error)
{
	if (error)
		dma_fence_set_error(fence, error);
	dma_fence_signal(fence);
}
EXPORT_SYMBOL_GPL(weft_fence_signal);

/* An init function without an exit function is what makes a module permanent. */
static int __init weft_fence_init(void)
{
	return 0;
}
module_init(weft_fence_init);

MODULE_DESCRIPTION("weft: fences that outlive it");
MODULE_LICENSE("GPL");
MODULE_VERSION(WEFT_VERSION);
