// SPDX-License-Identifier: GPL-2.0-only
/*
 * Residency: which copies of a buffer are valid, who holds them, and how a job gets its own.
 *
 * DOC: residency
 *
 * The state of a copy and its users share one atomic word. A job whose copies are all there takes
 * a user on each with one cmpxchg and no lock. Anything else is the slow path: own the missing
 * copies (FILLING), get memory, fill or clear, and turn each into VALID. An owner never waits
 * for another owner while it has a transfer to end: it ends its own first, then waits, then
 * looks again. So two jobs that want each other's copies cannot deadlock.
 *
 * bo->lock makes "this one VALID, all others STALE" one step. A fill remembers bo->version; if
 * a writer finished meanwhile its bytes are old and the copy becomes STALE.
 *
 * The scheduler is told of the valid set under pool->lock, where it is computed anew: what was
 * told last is the truth, whatever the order in which copies changed.
 *
 * A job that was placed before the writer of an input is done shares the writer's copy, which is
 * STALE until then. It never goes while the writer holds it, so whoever finds none comes later than
 * the writer's end, and looks for the bytes like any other.
 *
 * Of a buffer of the host-home class only the host copy is ever VALID. A job holds memory on its
 * device that is filled right before it runs and written back before its fence signals (home.c).
 *
 * Rejected: a mutex per buffer held over its transfers (one slow link would stop every job that
 * shares a buffer); dma_resv (nothing foreign can see a private buffer); marking copies STALE when
 * a writer starts (a job that is taken back before it ran would have destroyed its input).
 */
#include <linux/slab.h>

#include "memory.h"

/* ------------------------------------------------------------- state of copies */

/* Change the state of a copy; its users stay. */
void weft_bo_copy_set(struct weft_bo_copy *copy, u32 state)
{
	int word = atomic_read(&copy->word);

	while (!atomic_try_cmpxchg(&copy->word, &word, (word & ~WEFT_BO_STATE) | state))
		;
}

/*
 * Count a job as a user of @copy, if its bytes will do. A STALE copy does for a job that brings
 * all its bytes (@inputs false), and is cleared memory or older bytes of the same buffer.
 */
static bool weft_bo_copy_hold(struct weft_bo_copy *copy, bool inputs)
{
	int word = atomic_read(&copy->word);

	do {
		u32 state = word & WEFT_BO_STATE;

		if (state != WEFT_BO_VALID && (inputs || state != WEFT_BO_STALE))
			return false;
	} while (!atomic_try_cmpxchg(&copy->word, &word, word + WEFT_BO_USER));

	if (!READ_ONCE(copy->referenced))
		WRITE_ONCE(copy->referenced, true);
	return true;
}

/*
 * A job or a transfer is no longer a user of @copy. As soon as it is not, the copy's memory may go,
 * and with it the region.
 */
static void weft_bo_copy_leave(struct weft_bo_copy *copy, int user)
{
	struct weft_region *region = copy->region;

	rcu_read_lock();
	atomic_sub(user, &copy->word);
	weft_region_event(region);
	rcu_read_unlock();
	wake_up_all(&copy->bo->wait);
}

static void weft_bo_copy_unhold(struct weft_bo_copy *copy)
{
	weft_bo_copy_leave(copy, WEFT_BO_USER);
}

/* A transfer is a user of @copy, which is VALID. */
static void weft_bo_copy_pin(struct weft_bo_copy *copy)
{
	lockdep_assert_held(&copy->bo->lock);
	atomic_add(WEFT_BO_PIN, &copy->word);
}

void weft_bo_copy_unpin(struct weft_bo_copy *copy)
{
	weft_bo_copy_leave(copy, WEFT_BO_PIN);
}

/* Give the memory of @copy back and make it EMPTY; the caller owns it. */
void weft_bo_copy_drop(struct weft_bo_copy *copy)
{
	if (copy->region)
		weft_region_free(copy);
	weft_bo_copy_set(copy, WEFT_BO_EMPTY);
	wake_up_all(&copy->bo->wait);
}

/* The copy of @bo in region @id; NULL: there never was one. */
static struct weft_bo_copy *weft_bo_copy_find(struct weft_bo *bo, u32 id)
{
	struct weft_bo_copy *copy;

	weft_bo_for_each_copy(bo, copy)
		if (copy->id == id)
			break;
	return copy;
}

/* The same, made if there is none; NULL: no memory. */
static struct weft_bo_copy *weft_bo_copy_get(struct weft_bo *bo, u32 id)
{
	struct weft_bo_copy *copy = weft_bo_copy_find(bo, id), *new;

	if (copy)
		return copy;
	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return NULL;
	new->bo = bo;
	new->id = id;
	INIT_LIST_HEAD(&new->blocks);
	INIT_LIST_HEAD(&new->lru);

	spin_lock(&bo->lock);
	copy = weft_bo_copy_find(bo, id);
	if (!copy) {
		new->next = bo->host.next;
		/* whoever sees it sees it whole: weft_bo_for_each_copy() */
		smp_store_release(&bo->host.next, new);
		swap(copy, new);
	}
	spin_unlock(&bo->lock);
	kfree(new);
	return copy;
}

/* --------------------------------------------------------------- valid set */

static u64 weft_bo_valid_copies(struct weft_bo *bo)
{
	struct weft_bo_copy *copy;
	u64 mask = 0;

	weft_bo_for_each_copy(bo, copy)
		if (weft_bo_copy_state(copy) == WEFT_BO_VALID)
			mask |= BIT_ULL(copy->id);
	return mask;
}

/* The regions whose copy is valid; 0: zeros or LOST. */
u64 weft_bo_valid_mask(struct weft_bo *bo)
{
	u64 mask;

	spin_lock(&bo->lock);
	mask = bo->promise->broken ? 0 : weft_bo_valid_copies(bo);
	spin_unlock(&bo->lock);
	return mask;
}

/* Would the contents be gone without @copy? */
bool weft_bo_copy_sole(struct weft_bo_copy *copy)
{
	lockdep_assert_held(&copy->bo->lock);
	return !copy->bo->blank && weft_bo_valid_copies(copy->bo) == BIT_ULL(copy->id);
}

/* Are the contents gone for whoever comes now? */
bool weft_bo_lost(struct weft_bo *bo)
{
	bool lost;

	spin_lock(&bo->lock);
	lost = bo->promise->broken || (!bo->blank && !weft_bo_valid_copies(bo));
	spin_unlock(&bo->lock);
	return lost;
}

/* Tell the scheduler the valid set, if it does not know it. */
void weft_bo_publish(struct weft_bo *bo)
{
	struct weft_pool *pool = bo->pool;
	u64 valid;

	spin_lock(&pool->lock);
	valid = weft_bo_valid_mask(bo);
	if (valid != bo->sched.valid)
		weft_sched_data_set(&pool->sched, &bo->sched, valid, weft_now());
	spin_unlock(&pool->lock);
}

/* The copies other than @keep are older now. */
static void weft_bo_written(struct weft_bo *bo, struct weft_bo_copy *keep)
{
	struct weft_bo_copy *copy;

	lockdep_assert_held(&bo->lock);
	bo->version++;
	bo->blank = false;
	if (keep)
		weft_bo_copy_set(keep, WEFT_BO_VALID);
	weft_bo_for_each_copy(bo, copy)
		if (copy != keep && weft_bo_copy_state(copy) == WEFT_BO_VALID)
			weft_bo_copy_set(copy, WEFT_BO_STALE);
}

/* -------------------------------------------------------------------- fills */

/* A VALID copy to fill the host's from, pinned; one whose device lives, if there is any. */
static struct weft_bo_copy *weft_bo_source(struct weft_bo *bo)
{
	struct weft_bo_copy *copy, *best = NULL;

	lockdep_assert_held(&bo->lock);
	weft_bo_for_each_copy(bo, copy) {
		if (weft_bo_copy_state(copy) != WEFT_BO_VALID)
			continue;
		if (!best || READ_ONCE(best->region->wdev->lost))
			best = copy;
	}
	if (best)
		weft_bo_copy_pin(best);
	return best;
}

/* @copy is not valid any more: its device is lost, or its bytes cannot be saved. */
void weft_bo_copy_invalidate(struct weft_bo_copy *copy)
{
	struct weft_bo *bo = copy->bo;

	spin_lock(&bo->lock);
	if (weft_bo_copy_state(copy) == WEFT_BO_VALID)
		weft_bo_copy_set(copy, WEFT_BO_STALE);
	spin_unlock(&bo->lock);
	weft_bo_publish(bo);
}

/*
 * A transfer from @src failed. Bytes that a lost device held are not valid, however soon its
 * removal will say so: -ENODEV, but another copy may be left.
 */
static int weft_bo_source_failed(struct weft_bo_copy *src, int err)
{
	if (err != -ENODEV && err != -ESTALE && !READ_ONCE(src->region->wdev->lost))
		return err;
	weft_bo_copy_invalidate(src);
	return -ENODEV;
}

/*
 * Own the host copy and start to fill it from a device.
 * Return: 0 started, 1 it is valid already, -EBUSY somebody else fills it, -ENODATA, or why not.
 */
static int weft_fill_host(struct weft_fill *f, struct weft_bo *bo)
{
	struct weft_bo_copy *host = &bo->host;
	int err = 0;

	spin_lock(&bo->lock);
	switch (weft_bo_copy_state(host)) {
	case WEFT_BO_VALID:
		err = 1;
		break;
	case WEFT_BO_FILLING:
		err = -EBUSY;
		break;
	default:
		f->version = bo->version;
		f->state = WEFT_BO_VALID;
		f->dst = host;
		f->src = weft_bo_source(bo);
		if (f->src) {
			weft_bo_copy_set(host, WEFT_BO_FILLING);
		} else if (bo->blank) {
			weft_bo_copy_set(host, WEFT_BO_VALID);
			err = 1;
		} else {
			err = -ENODATA;
		}
	}
	spin_unlock(&bo->lock);
	if (err)
		return err;

	err = weft_bo_populate(bo);
	if (!err)
		err = weft_transfer_start(&f->transfer, f->src->region->wdev, WEFT_COPY_TO_HOST,
					  f->src->offset, bo);
	if (err) {
		weft_bo_copy_set(host, WEFT_BO_STALE);
		err = weft_bo_source_failed(f->src, err);
		weft_bo_copy_unpin(f->src);
	}
	return err;
}

/*
 * What a device moved while it was lost, or was being reset, is nothing to rely on. It stays so
 * marked until its copies were dropped, for which the source's pin, or the bind, is waited for.
 */
static bool weft_fill_failed(struct weft_fill *f, int err)
{
	return err || READ_ONCE(f->transfer.wdev->lost);
}

static int weft_fill_host_end(struct weft_fill *f)
{
	struct weft_bo *bo = f->dst->bo;
	int err = weft_transfer_wait(&f->transfer);
	bool fresh;

	if (weft_fill_failed(f, err))
		err = weft_bo_source_failed(f->src, err);
	spin_lock(&bo->lock);
	fresh = !err && bo->version == f->version;
	weft_bo_copy_set(f->dst, fresh ? WEFT_BO_VALID : WEFT_BO_STALE);
	spin_unlock(&bo->lock);
	weft_bo_copy_unpin(f->src);
	weft_bo_publish(bo);
	return err;
}

/*
 * Make the host copy valid, however long it takes. -ENODATA: there is nothing valid; else why the
 * transfer failed. The caller keeps @bo and holds no lock but region->turn.
 */
int weft_bo_host_fill(struct weft_bo *bo)
{
	struct weft_fill f = { };
	int err;

	for (;;) {
		err = weft_fill_host(&f, bo);
		if (!err)
			err = weft_fill_host_end(&f);
		if (err == 1) {
			weft_bo_publish(bo);
			return 0;
		}
		if (err == -EBUSY)
			wait_event(bo->wait, weft_bo_copy_state(&bo->host) != WEFT_BO_FILLING);
		else if (err && err != -ENODEV)	/* -ENODEV: perhaps another copy is left */
			return err;
	}
}

/* The CPU is about to write: no job uses @bo, and the host copy becomes the only valid one. */
void weft_bo_host_write(struct weft_bo *bo)
{
	/* an eviction may be writing the host pages just now */
	spin_lock(&bo->lock);
	while (weft_bo_copy_state(&bo->host) == WEFT_BO_FILLING) {
		spin_unlock(&bo->lock);
		wait_event(bo->wait, weft_bo_copy_state(&bo->host) != WEFT_BO_FILLING);
		spin_lock(&bo->lock);
	}
	weft_bo_written(bo, &bo->host);
	/* whoever expected it has ended */
	bo->promise->broken = false;
	spin_unlock(&bo->lock);
	weft_bo_publish(bo);
}

/*
 * Start to fill or clear the device copy @copy, which the caller owns and which has memory.
 * Return: 0 started, 1 the host copy has to be made valid first, or why not.
 */
static int weft_fill_device(struct weft_fill *f, struct weft_bo_copy *copy, bool inputs)
{
	enum weft_copy_kind kind = WEFT_COPY_CLEAR;
	struct weft_bo *bo = copy->bo;
	int err = 0;

	f->dst = copy;
	f->src = NULL;
	f->state = inputs ? WEFT_BO_VALID : WEFT_BO_STALE;

	spin_lock(&bo->lock);
	f->version = bo->version;
	if (inputs) {
		if (weft_bo_copy_state(&bo->host) == WEFT_BO_VALID) {
			weft_bo_copy_pin(&bo->host);
			f->src = &bo->host;
			kind = WEFT_COPY_TO_DEVICE;
		} else if (weft_bo_valid_copies(bo)) {
			err = 1;
		} else if (!bo->blank) {
			err = -ENODATA;
		}
	}
	spin_unlock(&bo->lock);
	if (err)
		return err;

	err = weft_transfer_start(&f->transfer, copy->region->wdev, kind, copy->offset, bo);
	if (err && f->src)
		weft_bo_copy_unpin(f->src);
	return err;
}

/* On success the copy has one user more, the caller's job. On failure the caller still owns it. */
static int weft_fill_device_end(struct weft_fill *f)
{
	struct weft_bo_copy *copy = f->dst;
	struct weft_bo *bo = copy->bo;
	int err = weft_transfer_wait(&f->transfer);

	if (f->src)
		weft_bo_copy_unpin(f->src);
	else if (!err)
		atomic64_add(bo->gem.size, &copy->region->cleared);
	if (weft_fill_failed(f, err))
		return err ?: -ENODEV;

	spin_lock(&bo->lock);
	if (bo->version != f->version)
		f->state = WEFT_BO_STALE;
	atomic_set(&copy->word, f->state | WEFT_BO_USER);
	spin_unlock(&bo->lock);
	wake_up_all(&bo->wait);
	if (f->state == WEFT_BO_VALID)
		weft_bo_publish(bo);
	return 0;
}

/* --------------------------------------------------------------------- bind */

/** enum weft_slot_state - how far a hold is */
enum weft_slot_state {
	WEFT_SLOT_WANT,		/* nothing yet */
	WEFT_SLOT_OWN,		/* the copy is FILLING, ours */
	WEFT_SLOT_HELD,		/* the job is counted as a user */
};

/**
 * struct weft_slot - a hold on its way
 * @hold: the hold; its copy is set from WANT on
 * @inputs: the bytes that are there now are needed
 * @state: how far it is
 * @stale: owned, and the memory was the buffer's own before
 * @started: @fill is under way
 * @fill: of the host copy or of the device's
 */
struct weft_slot {
	struct weft_bo_hold *hold;
	bool inputs;
	enum weft_slot_state state;
	bool stale;
	bool started;
	struct weft_fill fill;
};

struct weft_bind {
	struct weft_job *job;
	struct weft_device *wdev;
	struct weft_region *region;
	u32 context;
	u32 count;
	struct weft_slot slots[] __counted_by(count);
};

/* Does the hold's job need what is in the buffer? A writer of all of it does not. */
static bool weft_hold_inputs(const struct weft_bo_hold *hold)
{
	/* they are fetched right before the run */
	if (weft_bo_home(hold->bo))
		return false;
	return (hold->access & DRM_WEFT_ACCESS_READ) || hold->offset ||
	       hold->length != hold->bo->gem.size;
}

/* Must they be in the copy by now? */
static bool weft_hold_needs(const struct weft_bo_hold *hold)
{
	return weft_hold_inputs(hold) && !hold->made;
}

/* Did the writer before the hold's job keep its promise, as far as that is known? */
bool weft_hold_readable(const struct weft_bo_hold *hold)
{
	return !READ_ONCE(hold->expects->broken);
}

/* Give back what was got so far. */
static void weft_bind_release(struct weft_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++) {
		struct weft_slot *slot = &bind->slots[i];
		struct weft_bo_copy *copy = slot->hold->copy;

		if (slot->state == WEFT_SLOT_HELD) {
			weft_bo_copy_unhold(copy);
		} else if (slot->state == WEFT_SLOT_OWN && slot->stale) {
			weft_bo_copy_set(copy, WEFT_BO_STALE);
			weft_region_event(bind->region);
			wake_up_all(&copy->bo->wait);
		} else if (slot->state == WEFT_SLOT_OWN) {
			weft_bo_copy_drop(copy);
		}
		slot->state = WEFT_SLOT_WANT;
	}
}

/* Hold what can be held and own what is missing; what somebody else owns stays WANT. */
static int weft_bind_claim(struct weft_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++) {
		struct weft_slot *slot = &bind->slots[i];
		struct weft_bo_copy *copy = slot->hold->copy;
		int word;

		if (slot->state != WEFT_SLOT_WANT)
			continue;
		if (slot->inputs && !weft_hold_readable(slot->hold))
			return -ENODATA;
		if (weft_bo_copy_hold(copy, weft_hold_needs(slot->hold))) {
			slot->state = WEFT_SLOT_HELD;
			continue;
		}
		word = atomic_read(&copy->word);
		if (word != WEFT_BO_EMPTY && word != WEFT_BO_STALE) {
			/*
			 * A job without an edge to us writes here, or reads older bytes. It ends
			 * without us, but not soon; a transfer would.
			 */
			if ((word & WEFT_BO_STATE) == WEFT_BO_STALE && word >= WEFT_BO_USER)
				return -EAGAIN;
			continue;
		}
		if (atomic_try_cmpxchg(&copy->word, &word, WEFT_BO_FILLING)) {
			slot->state = WEFT_SLOT_OWN;
			slot->stale = word == WEFT_BO_STALE;
		}
	}
	return 0;
}

/* The largest copy that is owned and has no memory yet: the hardest to place goes first. */
static struct weft_bo_copy *weft_bind_largest(struct weft_bind *bind)
{
	struct weft_bo_copy *best = NULL;
	u32 i;

	for (i = 0; i < bind->count; i++) {
		struct weft_bo_copy *copy = bind->slots[i].hold->copy;

		if (bind->slots[i].state == WEFT_SLOT_OWN && !copy->region &&
		    (!best || copy->bo->gem.size > best->bo->gem.size))
			best = copy;
	}
	return best;
}

/* Memory for all that is owned, evicting others until it fits or nothing is left to evict. */
static int weft_bind_alloc_evict(struct weft_bind *bind)
{
	struct weft_bo_copy *copy;
	int err;

	lockdep_assert_held(&bind->region->turn);
	while ((copy = weft_bind_largest(bind))) {
		err = weft_region_alloc(bind->region, bind->context, copy);
		if (err == -ENOSPC)
			err = weft_region_evict(bind->region, bind->context,
						copy->bo->gem.size);
		if (err)
			return err;
	}
	return 0;
}

/* Bytes in use in the job's part of the region. */
static u64 weft_bind_used(struct weft_bind *bind)
{
	struct weft_region *region = bind->region;
	struct weft_bo_copy *copy;
	u64 used = 0;

	if (!bind->wdev->desc.contexts)
		return atomic64_read(&region->used);
	mutex_lock(&region->lock);
	list_for_each_entry(copy, &region->lru, lru)
		if (copy->context == bind->context)
			used += copy->bo->gem.size;
	mutex_unlock(&region->lock);
	return used;
}

/* Is all of that the job's own? */
static bool weft_bind_alone(struct weft_bind *bind)
{
	u64 own = 0;
	u32 i;

	for (i = 0; i < bind->count; i++) {
		struct weft_slot *slot = &bind->slots[i];

		if (slot->state != WEFT_SLOT_WANT && slot->hold->copy->region)
			own += slot->hold->bo->gem.size;
	}
	return own == weft_bind_used(bind);
}

/*
 * The job's own copies, and the holes that the allocator's alignment leaves, are in the way: move
 * all out and lay them out one behind the other, which must fit.
 */
static int weft_bind_relay(struct weft_bind *bind)
{
	struct weft_bo_copy *copy;
	u64 offset = 0;
	int err;

	lockdep_assert_held(&bind->region->turn);
	weft_bind_release(bind);
	while (!(err = weft_region_evict(bind->region, bind->context, 0)))
		;
	if (err == -EAGAIN)
		err = weft_bind_claim(bind);
	while (!err && (copy = weft_bind_largest(bind))) {
		err = weft_region_alloc_at(bind->region, bind->context, copy, offset);
		offset += copy->bo->gem.size;
	}
	/* somebody who needed no turn has come in between, and will leave again */
	return err == -ENOSPC ? -EAGAIN : err;
}

/*
 * Memory for all that is owned. The turn is taken only if something has to be evicted, and kept
 * until a bind that fails has given everything back: of several binds that are in each
 * other's way, the last one to take its turn finds the others gone.
 */
static int weft_bind_alloc(struct weft_bind *bind)
{
	struct weft_region *region = bind->region;
	struct weft_bo_copy *copy;
	int err = 0;

	while (!err && (copy = weft_bind_largest(bind)))
		err = weft_region_alloc(region, bind->context, copy);
	if (err != -ENOSPC)
		return err;

	mutex_lock(&region->turn);
	err = weft_bind_alloc_evict(bind);
	if (err == -EAGAIN && weft_bind_alone(bind))
		err = weft_bind_relay(bind);
	if (err)
		weft_bind_release(bind);
	mutex_unlock(&region->turn);
	return err;
}

/* Start the next transfer of a slot that is owned; 0 also if somebody else's has to end first. */
static int weft_slot_start(struct weft_slot *slot)
{
	struct weft_bo_copy *copy = slot->hold->copy;
	int err = weft_fill_device(&slot->fill, copy, slot->inputs);

	if (err == 1) {
		err = weft_fill_host(&slot->fill, copy->bo);
		if (err == 1 || err == -EBUSY || err == -ENODEV)
			return 0;	/* look again in the next round */
	}
	slot->started = !err;
	return err;
}

static int weft_slot_end(struct weft_slot *slot, struct weft_job *job)
{
	struct weft_bo *bo = slot->hold->bo;
	bool to_host = slot->fill.dst == &bo->host;
	int err;

	slot->started = false;
	err = to_host ? weft_fill_host_end(&slot->fill) : weft_fill_device_end(&slot->fill);
	if (err)
		return to_host && err == -ENODEV ? 0 : err;
	if (!to_host)
		slot->state = WEFT_SLOT_HELD;
	atomic64_add(slot->fill.transfer.bytes, &job->transfer_bytes);
	return 0;
}

/* One round of transfers, all at once. */
static int weft_bind_transfer(struct weft_bind *bind)
{
	int err = 0, e;
	u32 i;

	for (i = 0; i < bind->count && !err; i++)
		if (bind->slots[i].state == WEFT_SLOT_OWN)
			err = weft_slot_start(&bind->slots[i]);
	for (i = 0; i < bind->count; i++) {
		if (!bind->slots[i].started)
			continue;
		e = weft_slot_end(&bind->slots[i], bind->job);
		err = err ?: e;
	}
	return err;
}

/* Can @slot make a step? */
static bool weft_slot_ready(struct weft_slot *slot)
{
	struct weft_bo_copy *copy = slot->hold->copy;
	int word = atomic_read(&copy->word);

	if (slot->state == WEFT_SLOT_OWN)
		return weft_bo_copy_state(&copy->bo->host) != WEFT_BO_FILLING;
	switch (word & WEFT_BO_STATE) {
	case WEFT_BO_FILLING:
	case WEFT_BO_EVICTING:
		return false;
	case WEFT_BO_STALE:	/* a transfer still reads it; with jobs, claiming says so */
		return !slot->inputs || word < WEFT_BO_PIN || word >= WEFT_BO_USER;
	default:
		return true;
	}
}

static int weft_bind_run(struct weft_bind *bind)
{
	u32 i, left;
	int err;

	do {
		err = weft_bind_claim(bind);
		if (!err)
			err = weft_bind_alloc(bind);
		if (!err)
			err = weft_bind_transfer(bind);
		if (!err && READ_ONCE(bind->wdev->lost))
			err = -ENODEV;
		if (err)
			return err;

		/* nothing of ours is under way now: waiting for others is safe */
		for (i = 0, left = 0; i < bind->count; i++) {
			struct weft_slot *slot = &bind->slots[i];

			if (slot->state == WEFT_SLOT_HELD)
				continue;
			wait_event(slot->hold->bo->wait, weft_slot_ready(slot));
			left++;
		}
	} while (left);
	return 0;
}

static void weft_hold_address(struct weft_bo_hold *hold)
{
	hold->address = hold->copy->address + hold->offset;
}

bool weft_residency_try(struct weft_job *job, struct weft_device *wdev)
{
	u32 i;

	if (READ_ONCE(wdev->lost))
		return false;
	for (i = 0; i < job->buffer_count; i++) {
		struct weft_bo_hold *hold = &job->holds[i];
		bool inputs = weft_hold_inputs(hold);
		struct weft_bo_copy *copy = weft_bo_copy_find(hold->bo, wdev->region->id);

		if (!copy || (inputs && !weft_hold_readable(hold)) ||
		    !weft_bo_copy_hold(copy, weft_hold_needs(hold))) {
			weft_residency_unbind(job, false, 0);
			return false;
		}
		hold->copy = copy;
		weft_hold_address(hold);
	}
	return true;
}

int weft_residency_bind(struct weft_job *job, struct weft_device *wdev)
{
	struct weft_bind *bind;
	u32 i, count = job->buffer_count;
	int err = 0;

	if (READ_ONCE(wdev->lost))
		return -ENODEV;
	if (weft_residency_try(job, wdev))
		return 0;

	bind = kzalloc(struct_size(bind, slots, count), GFP_KERNEL);
	if (!bind)
		return -ENOMEM;
	bind->job = job;
	bind->wdev = wdev;
	bind->region = wdev->region;
	bind->context = job->run.context;
	bind->count = count;
	for (i = 0; i < count; i++) {
		bind->slots[i].hold = &job->holds[i];
		bind->slots[i].inputs = weft_hold_inputs(&job->holds[i]);
		bind->slots[i].fill.transfer.job = job->sched.id;
		job->holds[i].copy = weft_bo_copy_get(job->holds[i].bo, wdev->region->id);
		if (!job->holds[i].copy)
			err = -ENOMEM;
	}
	if (!err)
		err = weft_bind_run(bind);
	if (err)
		weft_bind_release(bind);
	for (i = 0; i < count; i++) {
		if (err)
			job->holds[i].copy = NULL;
		else
			weft_hold_address(&job->holds[i]);
	}
	kfree(bind);
	return err;
}

/* ------------------------------------------------------------------- unbind */

void weft_residency_unbind(struct weft_job *job, bool ran, int error)
{
	u32 i;

	for (i = 0; i < job->buffer_count; i++) {
		struct weft_bo_hold *hold = &job->holds[i];
		struct weft_bo_copy *copy = hold->copy;
		struct weft_bo *bo = hold->bo;

		if (!copy)
			continue;
		if (ran && (hold->access & DRM_WEFT_ACCESS_WRITE)) {
			if (error)
				WRITE_ONCE(hold->promise->broken, true);
			spin_lock(&bo->lock);
			weft_bo_written(bo, hold->home ? &bo->host : error ? NULL : copy);
			spin_unlock(&bo->lock);
			/* of a job that succeeds the scheduler knows by itself */
			if (error)
				weft_bo_publish(bo);
		}
		weft_bo_copy_unhold(copy);
		hold->copy = NULL;
		hold->address = 0;
	}
}

void weft_residency_lost(struct weft_job *job)
{
	u32 i;

	/*
	 * The copies stay: jobs submitted before it may still have to read what was there before.
	 * The scheduler, which may be calling, hears of it when the job gives up its buffers.
	 */
	for (i = 0; i < job->buffer_count; i++)
		if (job->holds[i].promise)
			WRITE_ONCE(job->holds[i].promise->broken, true);
}

void weft_residency_quarantine(struct weft_job *job)
{
	u32 i;

	for (i = 0; i < job->buffer_count; i++) {
		if (!job->holds[i].copy)
			continue;
		WRITE_ONCE(job->holds[i].copy->quarantined, true);
		if (!job->wdev->bus_cut)
			WRITE_ONCE(job->holds[i].bo->quarantined, true);
	}
}

bool weft_residency_elsewhere(struct weft_job *job, const struct weft_region *region)
{
	bool found = true;
	u32 i;

	for (i = 0; i < job->buffer_count && found; i++) {
		struct weft_bo *bo = job->holds[i].bo;

		if (!weft_hold_needs(&job->holds[i]))
			continue;
		spin_lock(&bo->lock);
		found = weft_hold_readable(&job->holds[i]) &&
			(bo->blank || (weft_bo_valid_copies(bo) & ~BIT_ULL(region->id)));
		spin_unlock(&bo->lock);
	}
	return found;
}
