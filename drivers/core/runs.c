// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: runs
 *
 * Which runs backends hold. A completion names its run by a pointer that came back from a vendor's
 * driver: it may be the second one for that run, or come from a timer that nobody stopped before
 * the device was reset or left, when the job is long freed. So the pointer is looked up here before
 * anything behind it is read. What is not found is counted (stray_completions on the weft bus) and
 * warned about once, and nothing else happens.
 *
 * A run is here from just before run() until it was completed or the core gave it an end itself
 * after abort() or reset(). A run that the core has taken back, but whose abort() has not returned,
 * may still be completed: that is a race the backend cannot avoid, and no fault.
 *
 * Rejected: a state word in the job alone (it is the job's memory that may be gone); numbers in
 * place of pointers (a lookup all the same, and one more thing for a backend to carry about).
 */
#include <linux/hash.h>

#include "core.h"

#define WEFT_RUN_BITS	7

/** struct weft_run_bucket - some of the runs */
struct weft_run_bucket {
	/** @lock: protects @runs; innermost, taken with interrupts off */
	spinlock_t lock;
	/** @runs: &struct weft_job.run_node */
	struct hlist_head runs;
};

static struct weft_run_bucket weft_runs[1 << WEFT_RUN_BITS] = {
	[0 ... (1 << WEFT_RUN_BITS) - 1] = { .lock = __SPIN_LOCK_UNLOCKED(weft_runs.lock) },
};

static atomic64_t weft_stray_completions;

static struct weft_run_bucket *weft_run_bucket(const struct weft_run *run)
{
	return &weft_runs[hash_ptr(run, WEFT_RUN_BITS)];
}

u64 weft_run_strays(void)
{
	return atomic64_read(&weft_stray_completions);
}

/* @job is about to be handed to its backend. Interrupts are off. */
void weft_run_hold(struct weft_job *job)
{
	struct weft_run_bucket *bucket = weft_run_bucket(&job->run);

	spin_lock(&bucket->lock);
	hlist_add_head(&job->run_node, &bucket->runs);
	spin_unlock(&bucket->lock);
	atomic_set_release(&job->run_state, WEFT_RUN_RUNNING);
}

/* The core gave the run of @job, TAKEN, an end: the backend has no more to say about it. */
void weft_run_drop(struct weft_job *job)
{
	struct weft_run_bucket *bucket = weft_run_bucket(&job->run);
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	hlist_del_init(&job->run_node);
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/**
 * weft_run_claim() - a backend says that @run is over
 * @run: any pointer that once was a run; not read before it is found
 *
 * Context: any.
 * Return: its job, now ENDED and the caller's; NULL if the core took the run back or there is none.
 */
struct weft_job *weft_run_claim(struct weft_run *run)
{
	struct weft_run_bucket *bucket = weft_run_bucket(run);
	struct weft_job *job, *claimed = NULL;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(job, &bucket->runs, run_node) {
		if (&job->run != run)
			continue;
		found = true;
		if (atomic_cmpxchg(&job->run_state, WEFT_RUN_RUNNING, WEFT_RUN_ENDED) ==
		    WEFT_RUN_RUNNING) {
			hlist_del_init(&job->run_node);
			claimed = job;
		}
		break;
	}
	spin_unlock_irqrestore(&bucket->lock, flags);
	if (!found) {
		atomic64_inc(&weft_stray_completions);
		WARN_ONCE(1, "weft: a backend completed a run that it does not hold\n");
	}
	return claimed;
}
