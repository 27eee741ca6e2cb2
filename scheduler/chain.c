// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chains: jobs that are placed before those they wait for are done.
 *
 * DOC: chains
 *
 * On a device that orders jobs by itself (&weft_sched_device.chains) a job need not wait until
 * its predecessors are DONE. Once each of them is BOUND or RUNNING there it is READY and
 * *follows* them: it can use that device and no other. When the last of them is DONE it is a
 * READY job like any other; when one goes back to READY, so that the order is not the device's
 * any more, it is WAITING again. A follower that was placed is the caller's to hold back until
 * its predecessors are DONE, and to give back if one of them is given back. One whose
 * predecessor fails is recalled.
 *
 * Following is an offer, and not always a good one. When the predecessors end, their place on
 * the device is free, and so may be any other device: there the job would end after its inputs were
 * moved and it has run. If that is sooner on any of them the job waits, and is placed when
 * everything is known; likewise while one of them has still to be tried. So a chain sticks to the
 * device that it began on only if that is not slower than to leave.
 *
 * While jobs are planned ahead (plan.h) nobody follows: the plan knows what comes after what.
 *
 * Those that were placed ahead of time do not count against the depth of the device, which keeps
 * the others free to go elsewhere: these have nowhere to go. They have a depth of their own.
 *
 * Rejected: following jobs of other clients (contexts differ, and so do those who may be killed),
 * jobs that run although a predecessor failed (whoever is first to find out is the device, and
 * it does not know what may be read then), leases and what waits for them (their holders end them),
 * and more than a few predecessors (what a request has room for).
 */
#include "internal.h"

/* The device on which all that @job waits for is BOUND or RUNNING; NULL if there is none. */
static struct weft_sched_device *weft_chain_device(const struct weft_sched *s,
						   const struct weft_sched_job *job)
{
	const struct weft_sched_job *before[WEFT_SCHED_CHAIN_WAITS];
	struct weft_sched_device *d = NULL;
	u32 i, j, count = 0;

	for (i = 0; i < job->edge_count; i++) {
		const struct weft_sched_job *from = job->edges[i].from;

		if (!from)
			continue;
		if ((from->state != WEFT_JOB_BOUND && from->state != WEFT_JOB_RUNNING) ||
		    from->aside || from->lease || from->client != job->client ||
		    (d && d->id != from->device))
			return NULL;
		d = s->device[from->device];
		for (j = 0; j < count && before[j] != from; j++)
			;
		if (j == WEFT_SCHED_CHAIN_WAITS)
			return NULL;
		if (j == count)
			before[count++] = from;
	}
	return d;
}

/* Is @job's input @ref written by one that it follows? Then it is there when it is needed. */
bool weft_chain_written(const struct weft_sched_ref *ref)
{
	const struct list_head *writers = &ref->data->writers;

	return ref->job->open && !list_empty(writers) &&
	       list_first_entry(writers, struct weft_sched_ref, node)->job->id < ref->job->id;
}

/* Time to get what @job would find on @d to @o. */
static u64 weft_chain_transfer(const struct weft_sched_job *job, const struct weft_sched_device *d,
			       const struct weft_sched_device *o)
{
	u64 ns = 0;
	u32 i;

	for (i = 0; i < job->ref_count; i++) {
		const struct weft_sched_ref *ref = &job->refs[i];
		bool written = weft_chain_written(ref);

		if (!weft_ref_inputs(ref))
			continue;
		if (written)
			ns += weft_link_time(&d->up, ref->data->bytes);
		if (written || (ref->data->valid && !(ref->data->valid & BIT_ULL(o->region))))
			ns += weft_link_time(&o->down, ref->data->bytes);
	}
	return ns;
}

static bool weft_chain_worth(const struct weft_sched *s, const struct weft_sched_job *job,
			     const struct weft_sched_device *d)
{
	struct weft_estimate here, there;
	u64 left;

	weft_estimate_get(s, job, d, &here);
	for (left = s->open & job->devices & ~BIT_ULL(d->id); left; left &= left - 1) {
		const struct weft_sched_device *o = s->device[__ffs64(left)];

		weft_estimate_get(s, job, o, &there);
		if ((there.known && !there.tried) ||
		    weft_chain_transfer(job, d, o) + there.run < here.run)
			return false;
	}
	return true;
}

/* @job is WAITING, and what it waits for has changed: may it follow? */
void weft_chain_look(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	struct weft_sched_device *d;

	if (job->state != WEFT_JOB_WAITING || !job->open || job->poisoned || job->run_anyway ||
	    job->lease || s->planner)
		return;
	d = weft_chain_device(s, job);
	if (!d || !d->chains || !d->open || !(job->devices & BIT_ULL(d->id)) ||
	    !weft_chain_worth(s, job, d))
		return;
	job->follows = d->id;
	d->followers++;
	weft_job_ready(s, job, now);
}

/* @job, READY, follows nobody from now on. The caller tells the order. */
void weft_chain_unfollow(struct weft_sched *s, struct weft_sched_job *job)
{
	if (job->follows != WEFT_SCHED_NO_DEVICE)
		s->device[job->follows]->followers--;
	job->follows = WEFT_SCHED_NO_DEVICE;
}

/* @job was READY and is placed on @d. */
void weft_chain_placed(struct weft_sched_job *job, struct weft_sched_device *d)
{
	if (job->follows == WEFT_SCHED_NO_DEVICE)
		return;
	d->followers--;
	d->ahead++;
	job->ahead = true;
}

/* @job, placed on @d, is one like any other there, or leaves. */
void weft_chain_settle(struct weft_sched_job *job, struct weft_sched_device *d)
{
	if (job->ahead)
		d->ahead--;
	job->ahead = false;
}

/* @job is BOUND: those that wait for it may follow. */
void weft_chain_bound(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	struct weft_sched_edge *edge;

	if (!s->device[job->device]->chains)
		return;
	list_for_each_entry(edge, &job->out, node)
		weft_chain_look(s, edge->to, now);
}

/* May @job, BINDING, be BOUND as things stand? */
bool weft_chain_holds(const struct weft_sched *s, const struct weft_sched_job *job)
{
	const struct weft_sched_device *d;

	if (!job->open)
		return true;
	d = weft_chain_device(s, job);
	return d && d->id == job->device;
}

bool weft_sched_job_follows(const struct weft_sched *s, const struct weft_sched_job *job)
{
	return weft_chain_holds(s, job);
}

/* @job is READY no more, but not placed either. */
void weft_chain_wait(struct weft_sched *s, struct weft_sched_job *job)
{
	weft_fair_remove(s, job);
	weft_job_move(job, WEFT_JOB_WAITING);
	weft_chain_unfollow(s, job);
}

/* @job leaves its device without being DONE: whoever follows it, and is not placed, waits. */
void weft_chain_left(struct weft_sched *s, struct weft_sched_job *job)
{
	struct weft_sched_edge *edge;

	list_for_each_entry(edge, &job->out, node)
		if (edge->to->state == WEFT_JOB_READY)
			weft_chain_wait(s, edge->to);
}

/* The last edge of @job is closed. */
void weft_chain_free(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	if (job->state == WEFT_JOB_READY) {
		weft_chain_unfollow(s, job);
		weft_fair_remask(s, job);
	} else if (job->state == WEFT_JOB_WAITING) {
		weft_job_ready(s, job, now);
	} else {
		job->follows = WEFT_SCHED_NO_DEVICE;
		weft_chain_settle(job, s->device[job->device]);
	}
}
