// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases: does the holder of a place go on, or does somebody else come first?
 *
 * DOC: lease order
 *
 * A lease is placed, dispatched and charged as a job is. What sets it apart is that its end is not
 * known: so at the end of each quantum the caller asks whether it goes on. It does unless the job
 * that would have its place next comes before it in the fair order, as that stands when all are
 * charged for what they have had so far and for nothing that they still wait for. So a tenant of
 * three times the weight holds the device three times as long, however short the quanta are, and
 * nobody has to be asked back while nobody waits.
 *
 * What it has had, and the quantum that it is given, are charged at once, and the group's virtual
 * time follows: who comes while a lease goes on for hours is not owed those hours.
 *
 * Rejected: quanta in proportion to weights (a second way to share, which knows nothing of what
 * was charged before); to end each lease after a quantum and to let its holder wait again (of two
 * that hold and wait in turns the order has only one to choose from: they share alike).
 */
#include "internal.h"

/* The job that would have @job's place next, NULL: nobody waits for it. */
static struct weft_sched_job *weft_lease_rival(struct weft_sched *s,
					       const struct weft_sched_job *job)
{
	struct weft_sched_device *d = s->device[job->device];
	struct weft_sched_job *other;

	if (d->outstanding >= d->credits) {
		list_for_each_entry(other, &d->jobs, node) {
			if (other->state != WEFT_JOB_RUNNING && other->client != job->client)
				return other;
		}
	}
	other = weft_fair_first(s, BIT_ULL(d->id));
	return other && other->client != job->client ? other : NULL;
}

int weft_sched_lease_extend(struct weft_sched *s, struct weft_sched_job *job, u64 used_ns,
			    u64 more_ns, u64 now)
{
	struct weft_sched_job *rival = NULL;
	struct weft_sched_device *d;
	u64 used;
	bool on;

	if (!job->known || !job->lease || job->state != WEFT_JOB_RUNNING)
		return -EINVAL;
	weft_log(s, now, WEFT_REC_LEASE_EXTEND, job->id, 0, 0, used_ns, more_ns, 0, 0);
	d = s->device[job->device];
	used = weft_fair_units(used_ns, job->price);
	on = d->open;
	if (on) {
		rival = weft_lease_rival(s, job);
		on = !rival || weft_fair_before(d, job, used, rival);
	}
	if (on)
		weft_fair_extend(s, job, used, weft_fair_units(more_ns, job->price));
	weft_log(s, now, WEFT_REC_LEASE, job->id, d->id, on, rival ? rival->id : 0, used_ns, 0, 0);
	return on;
}
