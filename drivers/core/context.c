// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: contexts
 *
 * On a device with contexts each tenant has one of its own: a process, a page table, whatever the
 * backend makes of it. The device's memory is divided evenly among them, and a tenant's copies are
 * in its context's part. A context is opened when the first job of its tenant is bound there, and
 * closed when the tenant leaves it unused and another one needs it, when the backend retires it, or
 * when it is lost.
 *
 *	FREE -> OPENING -> OPEN -> CLOSING -> FREE
 *
 * A job uses its context from bind to its end; only a context without users is closed, and one that
 * is lost gets no new ones. Its copies are evacuated, or dropped if it was lost, and its images
 * unloaded, before the backend closes it. Whoever needs it meanwhile waits: that is a bind worker,
 * and closing needs no other bind.
 *
 * Rejected: a device per tenant (the scheduler would take one piece of hardware for several); all
 * of the memory for whoever comes first (a runtime's allocations die with its process, so weft
 * cannot give one tenant's memory to another without starting anew).
 */
#include <linux/module.h>

#include "core.h"
#include "../memory/memory.h"

static void weft_context_lost_work(struct work_struct *work);

void weft_contexts_init(struct weft_device *wdev)
{
	u32 i;

	spin_lock_init(&wdev->context_lock);
	for (i = 0; i < wdev->desc.contexts; i++) {
		wdev->contexts[i].wdev = wdev;
		INIT_WORK(&wdev->contexts[i].lost_work, weft_context_lost_work);
	}
}

static void weft_context_set(struct weft_context *ctx, enum weft_context_state state)
{
	struct weft_device *wdev = ctx->wdev;

	spin_lock(&wdev->context_lock);
	ctx->state = state;
	spin_unlock(&wdev->context_lock);
	wake_up_all(&wdev->idle);
}

/* @ctx is CLOSING and has no users; afterwards it is FREE. */
static void weft_context_shut(struct weft_context *ctx, bool lost)
{
	struct weft_device *wdev = ctx->wdev;
	u32 index = ctx - wdev->contexts;

	weft_memory_context_evacuate(wdev, index, lost);
	weft_program_context_gone(wdev, index);
	wdev->ops->context_close(wdev, index);
	weft_context_set(ctx, WEFT_CONTEXT_FREE);
}

/* OPEN and without users: the caller has to shut it. */
static bool weft_context_claim_locked(struct weft_context *ctx)
{
	lockdep_assert_held(&ctx->wdev->context_lock);
	if (ctx->state != WEFT_CONTEXT_OPEN || ctx->users)
		return false;
	ctx->state = WEFT_CONTEXT_CLOSING;
	return true;
}

static void weft_context_lost_work(struct work_struct *work)
{
	struct weft_context *ctx = container_of(work, struct weft_context, lost_work);
	struct weft_device *wdev = ctx->wdev;
	bool claimed;

	wait_event(wdev->idle, !READ_ONCE(ctx->users));
	spin_lock(&wdev->context_lock);
	claimed = weft_context_claim_locked(ctx);
	spin_unlock(&wdev->context_lock);
	if (claimed)
		weft_context_shut(ctx, true);
	weft_pump_kick(wdev->pool);
}

/* It has died: let it be shut. */
static void weft_context_drop_locked(struct weft_context *ctx)
{
	struct weft_device *wdev = ctx->wdev;

	lockdep_assert_held(&wdev->context_lock);
	/* if they are being closed, whoever does it takes this one, too, before the pool goes */
	if (!wdev->contexts_closed)
		queue_work(wdev->pool->bind_wq, &ctx->lost_work);
}

void weft_context_lost(struct weft_device *wdev, u32 context)
{
	struct weft_context *ctx = &wdev->contexts[context];

	spin_lock(&wdev->context_lock);
	if (!ctx->lost && (ctx->state == WEFT_CONTEXT_OPEN || ctx->state == WEFT_CONTEXT_OPENING)) {
		ctx->lost = true;
		if (ctx->state == WEFT_CONTEXT_OPEN)
			weft_context_drop_locked(ctx);
	}
	spin_unlock(&wdev->context_lock);
}
EXPORT_SYMBOL_GPL(weft_context_lost);

int weft_context_retire(struct weft_device *wdev, u32 context)
{
	struct weft_context *ctx = &wdev->contexts[context];
	bool claimed;

	spin_lock(&wdev->context_lock);
	claimed = !wdev->contexts_closed && !ctx->lost && weft_context_claim_locked(ctx);
	spin_unlock(&wdev->context_lock);
	if (!claimed)
		return -EBUSY;
	weft_context_shut(ctx, false);
	return 0;
}
EXPORT_SYMBOL_GPL(weft_context_retire);

/**
 * weft_contexts_open() - let contexts be opened, or no more
 * @wdev: device
 * @open: false: shuts all that there are; nobody uses the device, and its copies are evacuated
 */
void weft_contexts_open(struct weft_device *wdev, bool open)
{
	struct weft_context *ctx;
	bool claimed;
	u32 i;

	spin_lock(&wdev->context_lock);
	wdev->contexts_closed = !open;
	spin_unlock(&wdev->context_lock);
	for (i = 0; !open && i < wdev->desc.contexts; i++) {
		ctx = &wdev->contexts[i];
		cancel_work_sync(&ctx->lost_work);
		spin_lock(&wdev->context_lock);
		claimed = weft_context_claim_locked(ctx);
		spin_unlock(&wdev->context_lock);
		if (claimed)
			weft_context_shut(ctx, ctx->lost || READ_ONCE(wdev->lost));
		/* its backend may be retiring it */
		wait_event(wdev->idle, READ_ONCE(ctx->state) == WEFT_CONTEXT_FREE);
	}
}

/* The tenant's context, or NULL. */
static struct weft_context *weft_context_find_locked(struct weft_device *wdev, u32 tenant)
{
	u32 i;

	lockdep_assert_held(&wdev->context_lock);
	for (i = 0; i < wdev->desc.contexts; i++)
		if (wdev->contexts[i].state != WEFT_CONTEXT_FREE &&
		    wdev->contexts[i].tenant == tenant)
			return &wdev->contexts[i];
	return NULL;
}

/* A free one, or the one without users that was idle longest; NULL: all are in use. */
static struct weft_context *weft_context_room_locked(struct weft_device *wdev)
{
	struct weft_context *ctx, *best = NULL;
	u32 i;

	lockdep_assert_held(&wdev->context_lock);
	for (i = 0; i < wdev->desc.contexts; i++) {
		ctx = &wdev->contexts[i];
		if (ctx->state == WEFT_CONTEXT_FREE)
			return ctx;
		if (ctx->state == WEFT_CONTEXT_OPEN && !ctx->users && !ctx->lost &&
		    (!best || ctx->idle_since < best->idle_since))
			best = ctx;
	}
	return best;
}

/* @ctx is OPENING: have the backend make it. */
static int weft_context_make(struct weft_context *ctx, const char *name)
{
	struct weft_device *wdev = ctx->wdev;
	int ret;

	ret = wdev->ops->context_open(wdev, ctx - wdev->contexts, ctx->tenant, name);
	spin_lock(&wdev->context_lock);
	if (ret) {
		ctx->state = WEFT_CONTEXT_FREE;
	} else {
		ctx->state = WEFT_CONTEXT_OPEN;
		ctx->users = 1;
		if (ctx->lost)
			weft_context_drop_locked(ctx);
	}
	spin_unlock(&wdev->context_lock);
	wake_up_all(&wdev->idle);
	return ret;
}

/* Can somebody who waits for @ctx, which is @tenant's, go on? */
static bool weft_context_settled(struct weft_context *ctx, u32 tenant)
{
	struct weft_device *wdev = ctx->wdev;
	bool settled;

	spin_lock(&wdev->context_lock);
	settled = ctx->tenant != tenant || ctx->state == WEFT_CONTEXT_FREE ||
		  (ctx->state == WEFT_CONTEXT_OPEN && !ctx->lost);
	spin_unlock(&wdev->context_lock);
	return settled;
}

/**
 * weft_context_get() - use the context of @job's tenant on its device, until weft_context_put()
 * @job: job, BINDING; @job->run.context is set
 *
 * Context: a bind worker; may take as long as it takes to start a process.
 * Return: 0, -EAGAIN all contexts are in use by others, -ENODEV, or what the backend says.
 */
int weft_context_get(struct weft_job *job)
{
	struct weft_account *account = job->client->account;
	struct weft_device *wdev = job->wdev;
	struct weft_context *ctx;
	int ret = -EAGAIN;

	if (!wdev->desc.contexts)
		return 0;
	spin_lock(&wdev->context_lock);
	while (!READ_ONCE(wdev->lost)) {
		ctx = weft_context_find_locked(wdev, account->sched.id);
		if (ctx && ctx->state == WEFT_CONTEXT_OPEN && !ctx->lost) {
			ctx->users++;
			ret = 0;
			break;
		}
		if (ctx) {
			spin_unlock(&wdev->context_lock);
			wait_event(wdev->idle, weft_context_settled(ctx, account->sched.id));
			spin_lock(&wdev->context_lock);
			continue;
		}
		ctx = weft_context_room_locked(wdev);
		if (!ctx)
			break;
		if (ctx->state == WEFT_CONTEXT_FREE) {
			ctx->state = WEFT_CONTEXT_OPENING;
			ctx->tenant = account->sched.id;
			ctx->users = 0;
			ctx->lost = false;
			spin_unlock(&wdev->context_lock);
			ret = weft_context_make(ctx, weft_account_name(account));
			if (!ret)
				job->run.context = ctx - wdev->contexts;
			job->in_context = !ret;
			return ret;
		}
		ctx->state = WEFT_CONTEXT_CLOSING;
		spin_unlock(&wdev->context_lock);
		weft_context_shut(ctx, false);
		spin_lock(&wdev->context_lock);
	}
	spin_unlock(&wdev->context_lock);
	if (READ_ONCE(wdev->lost) && ret)
		ret = -ENODEV;
	if (!ret)
		job->run.context = ctx - wdev->contexts;
	job->in_context = !ret;
	return ret;
}

bool weft_context_try(struct weft_job *job)
{
	struct weft_device *wdev = job->wdev;
	struct weft_context *ctx;

	if (!wdev->desc.contexts)
		return true;
	spin_lock(&wdev->context_lock);
	ctx = weft_context_find_locked(wdev, job->client->account->sched.id);
	job->in_context = ctx && ctx->state == WEFT_CONTEXT_OPEN && !ctx->lost;
	if (job->in_context) {
		ctx->users++;
		job->run.context = ctx - wdev->contexts;
	}
	spin_unlock(&wdev->context_lock);
	return job->in_context;
}

/* @job has ended on its device, or leaves it. Process context; no effect if it uses none. */
void weft_context_put(struct weft_job *job)
{
	struct weft_device *wdev = job->wdev;
	struct weft_context *ctx;
	bool last;

	if (!job->in_context)
		return;
	job->in_context = false;
	ctx = &wdev->contexts[job->run.context];
	spin_lock(&wdev->context_lock);
	last = !--ctx->users;
	if (last)
		ctx->idle_since = weft_now();
	spin_unlock(&wdev->context_lock);
	if (last)
		wake_up_all(&wdev->idle);
}
