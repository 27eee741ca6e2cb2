/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Early mode: what a job carries that publishes its fence before it runs. See early.c.
 */
#ifndef WEFT_EARLY_H
#define WEFT_EARLY_H

#include <linux/dma-fence.h>
#include <linux/workqueue.h>

#include "core.h"

#define WEFT_EARLY_WAIT_NS	(30ull * NSEC_PER_SEC)	/* published, but not started */
#define WEFT_EARLY_CAP_NS	(10ull * NSEC_PER_SEC)	/* running, whatever the job asks for */

/** struct weft_early_dep - a foreign fence that a published job waits for */
struct weft_early_dep {
	struct dma_fence_cb cb;
	/** @fence: a reference */
	struct dma_fence *fence;
	struct weft_job *job;
	/** @named: the submitter asked for it: if it fails, so does the job */
	bool named;
	/** @added: @cb is with @fence, or was */
	bool added;
};

/**
 * struct weft_early - the early part of a job, from SUBMIT to the end of the job object
 */
struct weft_early {
	struct weft_job *job;
	/** @fence: what is published; nobody sees it before @committed */
	struct dma_fence *fence;
	/** @committed: bound for good: the fence is, or is just being, published; pool->lock */
	bool committed;
	/** @withdraw: SUBMIT was interrupted and wants the job back; under pool->lock */
	bool withdraw;
	/** @withdrawn: it has it back; written under pool->lock */
	bool withdrawn;
	/** @settled: published or at its end: SUBMIT may return */
	bool settled;
	/** @named: fences of in-syncobjs that had not signalled, references */
	struct dma_fence **named;
	u32 named_count;
	/** @waits: some of @deps had not signalled at the commit: set aside until they have */
	bool waits;
	/** @deps: all that the job waits for before it may start */
	struct weft_early_dep *deps;
	u32 dep_count;
	/** @pending: callbacks still to come, plus one while they are being added */
	atomic_t pending;
	/** @due_work: the last foreign fence has signalled */
	struct work_struct due_work;
	/** @start_work: it has a place again */
	struct work_struct start_work;
	/** @flush_work: the run is over, and bytes are due at the host */
	struct work_struct flush_work;
};

/* SUBMIT: make @job early. @named: in-fences; it takes over the array and references. -ENOMEM */
int weft_early_init(struct weft_job *job, struct dma_fence **named, u32 count);
void weft_early_fini(struct weft_job *job);
/* a bind worker has made @job resident: publish it, or end or return it */
void weft_early_publish(struct weft_job *job);
/* SUBMIT: sleep until @job is published or DONE. -EINTR: it has never been */
int weft_early_wait(struct weft_job *job);
/* READY again in a bind worker: give it back to an interrupted SUBMIT? pool->lock held */
bool weft_early_withdraw_locked(struct weft_job *job);
/* the pump: @job, which was set aside, has a place again; pool->lock held */
void weft_early_resume_locked(struct weft_job *job);
/* @job is at its end and its record final: signal */
void weft_early_retire(struct weft_job *job);
/* all is published that will be for now: its SUBMIT may return */
void weft_early_settle(struct weft_job *job);
/* its run is over: true if bytes have to be moved first, and the end will be posted then */
bool weft_early_flush(struct weft_job *job);
/* the lock order for lockdep; see Documentation/design/early.rst */
void weft_early_prime(struct weft_pool *pool);

#endif /* WEFT_EARLY_H */
