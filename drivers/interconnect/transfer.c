// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transfers: a buffer's bytes on their way between host pages and a device.
 *
 * DOC: transfer
 *
 * A transfer is cut into pieces, each one &struct weft_copy for the backend: a piece ends where the
 * array of host pages ends, and where pages that exist meet pages that do not. Pages that do not
 * exist read as zero, so on the way to a device they become a clear. All pieces are started at
 * once; the last one to complete ends the transfer, in whatever context the backend completes it.
 *
 * The device counts as used from the first piece to the last completion, so it cannot leave
 * meanwhile, and neither can the links.
 *
 * A transfer can be prepared and made later. All that may fail for want of memory is in preparing
 * it, so that it can be made where nothing may be allocated: before the fence of an early job.
 *
 * Rejected: a thread per link (a wake-up for every transfer); pieces of a fixed size (each
 * pays the link's latency).
 */
#include <linux/export.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "../core/trace.h"
#include "../memory/memory.h"

/* by how much a link may be slower than it says before its device is taken to be stuck */
#define WEFT_COPY_SLACK		16

/**
 * struct weft_piece - part of a transfer
 * @copy: as the backend sees it
 * @transfer: the whole
 * @node: in weft_transfer.pieces
 */
struct weft_piece {
	struct weft_copy copy;
	struct weft_transfer *transfer;
	struct list_head node;
};

/* One piece, or the start, is over. */
static void weft_transfer_put(struct weft_transfer *t)
{
	struct weft_device *wdev = t->wdev;

	if (!atomic_dec_and_test(&t->pending))
		return;
	if (t->link)
		weft_link_end(t->link, t->bytes, READ_ONCE(t->error));
	trace_transfer(t);
	complete(&t->done);
	/* the transfer may be gone from here on, the device from the next line on */
	weft_device_user_put(wdev);
}

/* To a bind EAGAIN is "no room now": it comes again. A backend that means "busy" waits itself. */
static void weft_transfer_fail(struct weft_transfer *t, int error)
{
	cmpxchg(&t->error, 0, error == -EAGAIN ? -EIO : error);
}

static void weft_piece_done(struct weft_copy *copy)
{
	struct weft_piece *piece = container_of(copy, struct weft_piece, copy);

	if (copy->error)
		weft_transfer_fail(piece->transfer, copy->error);
	atomic_inc(&piece->transfer->wdev->copies_ended);
	weft_transfer_put(piece->transfer);
}

void weft_copy_complete(struct weft_copy *copy, int error)
{
	copy->error = error;
	copy->done(copy);
}
EXPORT_SYMBOL_GPL(weft_copy_complete);

static struct weft_piece *weft_piece_add(struct weft_transfer *t, enum weft_copy_kind kind,
					 u64 offset, u64 length)
{
	struct weft_piece *piece = kzalloc(sizeof(*piece), GFP_KERNEL);

	if (!piece)
		return NULL;
	piece->transfer = t;
	piece->copy.kind = kind;
	piece->copy.offset = offset;
	piece->copy.length = length;
	piece->copy.done = weft_piece_done;
	INIT_LIST_HEAD(&piece->copy.node);
	list_add_tail(&piece->node, &t->pieces);
	return piece;
}

static void weft_transfer_init(struct weft_transfer *t, struct weft_device *wdev,
			       enum weft_copy_kind kind, struct weft_bo *bo)
{
	t->wdev = wdev;
	t->bo = bo;
	t->kind = kind;
	t->link = NULL;
	t->bytes = 0;
	t->dma = false;
	t->error = 0;
	init_completion(&t->done);
	INIT_LIST_HEAD(&t->pieces);
	if (kind == WEFT_COPY_TO_DEVICE)
		t->link = wdev->region->down;
	else if (kind == WEFT_COPY_TO_HOST)
		t->link = wdev->region->up;
}

int weft_transfer_prepare_dma(struct weft_transfer *t, struct weft_device *wdev,
			      enum weft_copy_kind kind, u64 offset, struct weft_bo *bo,
			      struct sg_table *sgt, u64 from, u64 length)
{
	struct scatterlist *sg = sgt->sgl;
	struct weft_piece *piece;

	weft_transfer_init(t, wdev, kind, bo);
	piece = weft_piece_add(t, kind, offset, length);
	if (!piece)
		return -ENOMEM;
	for (; from >= sg_dma_len(sg); sg = sg_next(sg))
		from -= sg_dma_len(sg);
	piece->copy.sgl = sg;
	piece->copy.sgl_offset = from;
	t->bytes = length;
	t->dma = true;
	return 0;
}

int weft_transfer_prepare(struct weft_transfer *t, struct weft_device *wdev,
			  enum weft_copy_kind kind, u64 offset, struct weft_bo *bo, u64 from,
			  u64 length)
{
	struct weft_piece *piece;
	struct page **pages;
	u64 run;

	weft_transfer_init(t, wdev, kind, bo);
	if (kind == WEFT_COPY_CLEAR)
		return weft_piece_add(t, kind, offset, length) ? 0 : -ENOMEM;
	for (; length; from += run, offset += run, length -= run) {
		run = (u64)weft_bo_run(bo, from >> PAGE_SHIFT, &pages) << PAGE_SHIFT;
		run = min(run - offset_in_page(from), length);
		if (pages)
			t->bytes += run;
		piece = weft_piece_add(t, pages ? kind : WEFT_COPY_CLEAR, offset, run);
		if (!piece)
			return -ENOMEM;
		piece->copy.pages = pages;
		piece->copy.page_offset = offset_in_page(from);
		piece->copy.host = &bo->mapped;
		piece->copy.host_offset = from;
	}
	return 0;
}

void weft_transfer_begin(struct weft_transfer *t)
{
	struct weft_piece *piece;
	int err = 0;

	t->start_ns = weft_now();
	atomic_set(&t->pending, 1);
	weft_device_user_get(t->wdev);
	if (t->link)
		weft_link_begin(t->link);
	list_for_each_entry(piece, &t->pieces, node) {
		atomic_inc(&t->pending);
		err = READ_ONCE(t->wdev->lost) ? -ENODEV :
						 t->wdev->ops->copy(t->wdev, &piece->copy);
		if (err) {
			atomic_dec(&t->pending);
			weft_transfer_fail(t, err);
			break;
		}
	}
	weft_transfer_put(t);
}

/*
 * A link may be busy with what others sent before, so only a device that ends nothing at all is
 * taken to be stuck. Its link's own word on how long these bytes take is not trusted much.
 */
static void weft_transfer_await(struct weft_transfer *t)
{
	int ended = atomic_read(&t->wdev->copies_ended), before;
	u64 patience = READ_ONCE(t->wdev->copy_timeout_ns);

	while (patience) {
		if (t->link)
			patience += WEFT_COPY_SLACK *
				    div64_u64(t->bytes * 1000, READ_ONCE(t->link->bandwidth));
		if (wait_for_completion_timeout(&t->done, nsecs_to_jiffies(patience) + 1))
			return;
		before = ended;
		ended = atomic_read(&t->wdev->copies_ended);
		if (ended == before) {
			weft_device_stuck(t->wdev);
			break;
		}
		patience = READ_ONCE(t->wdev->copy_timeout_ns);
	}
	wait_for_completion(&t->done);
}

int weft_transfer_end(struct weft_transfer *t)
{
	weft_transfer_await(t);
	if (t->error && t->error != -ENODEV && t->error != -ESTALE && t->error != -ENOMEM &&
	    !READ_ONCE(t->wdev->lost))
		weft_health_fault(t->wdev, WEFT_BLAME_ERROR, NULL);
	/* a device that could not be stopped may still be writing what it was to bring */
	if (t->error && t->kind == WEFT_COPY_TO_HOST && weft_device_writes_on(t->wdev))
		WRITE_ONCE(t->bo->quarantined, true);
	return t->error;
}

void weft_transfer_fini(struct weft_transfer *t)
{
	struct weft_piece *piece, *next;

	list_for_each_entry_safe(piece, next, &t->pieces, node)
		kfree(piece);
	INIT_LIST_HEAD(&t->pieces);
}

int weft_transfer_start(struct weft_transfer *t, struct weft_device *wdev,
			enum weft_copy_kind kind, u64 offset, struct weft_bo *bo)
{
	int err;

	if (READ_ONCE(wdev->lost))
		return -ENODEV;
	err = weft_transfer_prepare(t, wdev, kind, offset, bo, 0, bo->gem.size);
	if (err) {
		weft_transfer_fini(t);
		return err;
	}
	weft_transfer_begin(t);
	return 0;
}

int weft_transfer_wait(struct weft_transfer *t)
{
	int err = weft_transfer_end(t);

	weft_transfer_fini(t);
	return err;
}
