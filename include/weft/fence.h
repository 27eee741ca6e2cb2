/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fences that outlive weft.ko: for the core alone, see drivers/fence/.
 */
#ifndef WEFT_FENCE_H
#define WEFT_FENCE_H

#include <linux/dma-fence.h>

/**
 * weft_fence_create() - an unsignalled fence in a context of its own
 *
 * Context: process, may sleep.
 * Return: one reference, or NULL if there is no memory. It may be put without having been signalled
 * as long as nobody else has seen it.
 */
struct dma_fence *weft_fence_create(void);

/**
 * weft_fence_signal() - signal @fence once
 * @fence: from weft_fence_create()
 * @error: how the job ended, 0 or negative errno
 *
 * Context: any.
 */
void weft_fence_signal(struct dma_fence *fence, int error);

#endif /* WEFT_FENCE_H */
