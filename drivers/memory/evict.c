// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eviction: memory of a full region, or of a device that leaves, is taken from its copies.
 *
 * DOC: evict
 *
 * The evictor has region->turn, so that there is one per region. It picks a copy that no job
 * holds under region->lock, pins it, and works on it without a lock: if it is the only valid
 * one, the host copy is filled from it first. Jobs may go on taking the copy meanwhile; then it
 * stays, and the host copy is a gift. Only a copy that nobody but the evictor uses becomes
 * EVICTING and gives its memory back.
 *
 * Order: STALE copies first (nothing to save), then copies that were not held since the
 * evictor last passed, oldest first (the clock algorithm: binds touch no list).
 *
 * Nothing is evicted if even all that could be evicted would not make room: two jobs that
 * cannot be resident together must not move each other's bytes for nothing.
 *
 * Rejected: waiting for jobs to end (the bind is given back instead, and the scheduler knows when
 * to try again); eviction by the page allocator's pressure (device memory has no pressure).
 */
#include "memory.h"

/* Does a job hold the memory of @copy, or is it about to? */
static bool weft_bo_copy_busy(struct weft_bo_copy *copy)
{
	int word = atomic_read(&copy->word);

	return word >= WEFT_BO_USER || (word & WEFT_BO_STATE) == WEFT_BO_FILLING;
}

/*
 * Pin @copy and reference its buffer, if nobody uses it. A buffer that is dying needs no
 * evictor: its memory is about to come free.
 */
static bool weft_bo_copy_take(struct weft_bo_copy *copy)
{
	int word = atomic_read(&copy->word);

	if ((word != WEFT_BO_VALID && word != WEFT_BO_STALE) ||
	    !kref_get_unless_zero(&copy->bo->gem.refcount))
		return false;
	if (atomic_try_cmpxchg(&copy->word, &word, word + WEFT_BO_PIN))
		return true;
	/* a job was faster; it has a reference, so this one is not the last */
	drm_gem_object_put(&copy->bo->gem);
	return false;
}

/*
 * The first copy of @context that can be taken; with @stale only a STALE one, with @old one not
 * held lately.
 */
static struct weft_bo_copy *weft_region_take(struct weft_region *region, u32 context, bool stale,
					     bool old)
{
	struct weft_bo_copy *copy, *next;
	LIST_HEAD(young);

	lockdep_assert_held(&region->lock);
	list_for_each_entry_safe(copy, next, &region->lru, lru) {
		if (copy->context != context || weft_bo_copy_busy(copy) ||
		    (stale && weft_bo_copy_state(copy) != WEFT_BO_STALE))
			continue;
		if (old && READ_ONCE(copy->referenced)) {
			/* another chance, behind those that have one already */
			WRITE_ONCE(copy->referenced, false);
			list_move_tail(&copy->lru, &young);
			continue;
		}
		if (weft_bo_copy_take(copy)) {
			list_splice_tail(&young, &region->lru);
			return copy;
		}
	}
	list_splice_tail(&young, &region->lru);
	return NULL;
}

/* Bytes of @context's part that are nobody's. */
static u64 weft_region_room(struct weft_region *region, u32 context)
{
	u64 room = weft_region_part(region);
	struct weft_bo_copy *copy;

	lockdep_assert_held(&region->lock);
	if (!region->wdev->desc.contexts)
		return region->mm.avail;
	list_for_each_entry(copy, &region->lru, lru)
		if (copy->context == context)
			room -= copy->bo->gem.size;
	return room;
}

/*
 * Take the copy that should go first. NULL: there is none; @wait says that memory may come free
 * without the end of a job.
 */
static struct weft_bo_copy *weft_region_victim(struct weft_region *region, u32 context, u64 need,
					       bool *wait)
{
	u64 room = weft_region_room(region, context);
	struct weft_bo_copy *copy, *victim;

	lockdep_assert_held(&region->lock);
	*wait = false;
	list_for_each_entry(copy, &region->lru, lru)
		if (copy->context == context && !weft_bo_copy_busy(copy))
			room += copy->bo->gem.size;
	if (room < need)
		return NULL;

	victim = weft_region_take(region, context, true, false) ?:
		 weft_region_take(region, context, false, true) ?:
		 weft_region_take(region, context, false, false);
	/* what could not be taken and still has no job is pinned, or its buffer dies */
	list_for_each_entry(copy, &region->lru, lru)
		if (copy->context == context && !weft_bo_copy_busy(copy))
			*wait = true;
	return victim;
}

/*
 * Move the bytes of @copy, which is pinned, to the host if they are nowhere else, and give its
 * memory back. The pin is gone on return. @lost: they cannot be saved.
 * Return: 0, -EBUSY a job has taken it meanwhile, or why its bytes could not be moved.
 */
static int weft_bo_copy_evict(struct weft_bo_copy *copy, bool lost)
{
	struct weft_bo *bo = copy->bo;
	bool sole, taken = false;
	int err;

	if (lost)
		weft_bo_copy_invalidate(copy);
	for (;;) {
		spin_lock(&bo->lock);
		sole = weft_bo_copy_sole(copy);
		if (!sole) {
			int word = weft_bo_copy_state(copy) | WEFT_BO_PIN;

			taken = atomic_try_cmpxchg(&copy->word, &word, WEFT_BO_EVICTING);
		}
		spin_unlock(&bo->lock);
		if (!sole)
			break;
		err = weft_bo_host_fill(bo);
		/* -ENODATA: the device is lost, and there is nothing left to save */
		if (err && err != -ENODATA) {
			weft_bo_copy_unpin(copy);
			return err;
		}
	}
	if (!taken) {
		weft_bo_copy_unpin(copy);
		return -EBUSY;
	}
	weft_bo_copy_drop(copy);
	weft_bo_publish(bo);
	return 0;
}

/*
 * Evict one copy of @context. @need: bytes that are wanted in all.
 * Return: 0, -EAGAIN nothing can be evicted before some job ends, or why bytes could not be moved.
 */
int weft_region_evict(struct weft_region *region, u32 context, u64 need)
{
	int events, err = 0, tries = 0;
	struct weft_bo_copy *copy;
	bool wait;

	lockdep_assert_held(&region->turn);
	while (tries < 4) {
		struct weft_bo *bo;
		bool valid;

		events = atomic_read(&region->events);
		mutex_lock(&region->lock);
		copy = weft_region_victim(region, context, need, &wait);
		mutex_unlock(&region->lock);
		if (!copy && !wait)
			return -EAGAIN;
		if (!copy) {
			wait_event(region->wait, atomic_read(&region->events) != events);
			continue;
		}

		bo = copy->bo;
		valid = weft_bo_copy_state(copy) == WEFT_BO_VALID;
		err = weft_bo_copy_evict(copy, false);
		if (!err && valid)
			atomic64_add(bo->gem.size, &region->evicted);
		drm_gem_object_put(&bo->gem);
		if (!err)
			return 0;
		if (err != -EBUSY)
			tries++;	/* its owner may have no memory left; others may */
	}
	return err;
}

/* What there is of one context, all if it is negative. */
static void weft_region_evacuate(struct weft_device *wdev, int context, bool lost)
{
	struct weft_region *region = wdev->region;
	struct weft_bo_copy *copy;
	int events, err;

	if (!region)
		return;
	mutex_lock(&region->turn);
	for (;;) {
		struct weft_bo *bo;
		bool taken, empty;

		events = atomic_read(&region->events);
		mutex_lock(&region->lock);
		taken = false;
		empty = true;
		list_for_each_entry(copy, &region->lru, lru) {
			if (context >= 0 && copy->context != context)
				continue;
			empty = false;
			taken = weft_bo_copy_take(copy);
			if (taken)
				break;
		}
		mutex_unlock(&region->lock);
		if (empty)
			break;
		if (!taken) {
			/* the end of a transfer, or of a buffer, is near */
			wait_event(region->wait, atomic_read(&region->events) != events);
			continue;
		}

		bo = copy->bo;
		err = weft_bo_copy_evict(copy, lost);
		if (err && err != -EBUSY) {
			dev_warn(&wdev->dev, "buffer %llu cannot be moved (%d) and is LOST\n",
				 bo->sched.id, err);
			weft_bo_copy_invalidate(copy);
		}
		drm_gem_object_put(&bo->gem);
	}
	mutex_unlock(&region->turn);
}

void weft_memory_device_evacuate(struct weft_device *wdev, bool lost)
{
	weft_region_evacuate(wdev, -1, lost);
}

void weft_memory_context_evacuate(struct weft_device *wdev, u32 context, bool lost)
{
	weft_region_evacuate(wdev, context, lost);
}
