// SPDX-License-Identifier: GPL-2.0-only
/*
 * Engine "heteroprio": affinity first, and restart what runs on the wrong device.
 *
 * DOC: HeteroPrio
 *
 * A device that has nothing to do takes the READY job that it is best at, compared with the best of
 * the other models; of equals the one with the larger upward rank. Where no job is READY it takes
 * over a running one that it would end sooner, from its beginning (spoliation).
 *
 * Source: Beaumont, Eyraud-Dubois, Kumar, "Approximation proofs of a fast and efficient list
 * scheduling algorithm for task-based runtime systems on multicores and GPUs", IPDPS 2017, for two
 * kinds of devices; more kinds are compared with the best other one.
 */
#include "simrival.h"

struct prio {
	u64 *rank;
	u32 *ready;
	u32 ready_count;
	/* jobs placed that wait for their data, per device: SIM_NONE or one */
	u32 *next;
};

static int prio_init(struct sim_world *w)
{
	struct prio *e = sim_alloc(&w->arena, sizeof(*e));
	u32 devices = w->machine->device_count;

	w->data = e;
	e->rank = sim_rank(&w->arena, w->in, SIM_RANK_BEST);
	e->ready = sim_alloc(&w->arena, w->job_count * sizeof(*e->ready));
	e->next = sim_alloc(&w->arena, devices * sizeof(*e->next));
	memset(e->next, 0xff, devices * sizeof(*e->next));
	return 0;
}

static void prio_submit(struct sim_world *w, u32 first, u32 count)
{
}

static void prio_ready(struct sim_world *w, u32 job)
{
	struct prio *e = w->data;

	e->ready[e->ready_count++] = job;
}

/* Its run on @device in thousandths of the best run on another model: small is good. */
static u64 prio_affinity(struct sim_world *w, u32 job, u32 device)
{
	const struct sim_machine *m = w->machine;
	const struct sim_job *j = &w->in->tasks.job[job];
	u64 other = 0;
	u32 d;

	for (d = 0; d < m->device_count; d++) {
		u64 ns = sim_cost_run(w->in, j, d);

		if (m->device[d].model != m->device[device].model && (j->devices & BIT_ULL(d)) &&
		    (w->present & BIT_ULL(d)) && (!other || ns < other))
			other = ns;
	}
	return other ? sim_cost_run(w->in, j, device) * 1000 / other : 0;
}

static u32 prio_take(struct sim_world *w, u32 device)
{
	struct prio *e = w->data;
	u64 least = U64_MAX, rank = 0;
	u32 best = SIM_NONE, job, i;

	for (i = 0; i < e->ready_count; i++) {
		u64 affinity;

		job = e->ready[i];
		if (!(w->in->tasks.job[job].devices & BIT_ULL(device)))
			continue;
		affinity = prio_affinity(w, job, device);
		if (affinity < least || (affinity == least && e->rank[job] > rank)) {
			least = affinity;
			rank = e->rank[job];
			best = i;
		}
	}
	if (best == SIM_NONE)
		return SIM_NONE;
	job = e->ready[best];
	e->ready[best] = e->ready[--e->ready_count];
	return job;
}

/* The running job that gains most by starting again here. */
static u32 prio_spoil(struct sim_world *w, u32 device)
{
	u64 gain = 0;
	u32 best = SIM_NONE, i;

	for (i = 0; i < w->machine->device_count * SIM_PLACES; i++) {
		u32 job = w->place[i];
		const struct sim_job *j;
		u64 end, here;

		/* Places of a device are taken from the first on. */
		if (job == SIM_NONE) {
			i |= SIM_PLACES - 1;
			continue;
		}
		j = &w->in->tasks.job[job];
		if (!(j->devices & BIT_ULL(device)) || w->job[job].moves >= 3)
			continue;
		end = w->job[job].start + sim_cost_run(w->in, j, i / SIM_PLACES);
		here = w->now + sim_cost_run(w->in, j, device);
		if (here < end && end - here > gain) {
			gain = end - here;
			best = job;
		}
	}
	if (best != SIM_NONE)
		sim_abort(w, best, "stolen");
	return best;
}

static bool prio_device(struct sim_world *w, u32 device)
{
	struct prio *e = w->data;
	struct sim_expect x = { .reason = "chosen", .data = w->now, .start = w->now };
	u32 job;

	if (!(w->present & BIT_ULL(device)) || sim_place(w, device) == SIM_NONE)
		return false;
	job = e->next[device];
	if (job == SIM_NONE) {
		job = prio_take(w, device);
		if (job == SIM_NONE)
			job = prio_spoil(w, device);
		if (job == SIM_NONE)
			return false;
		x.run = sim_cost_run(w->in, &w->in->tasks.job[job], device);
		x.finish = w->now + x.run;
		sim_decide(w, job, device, &x);
		e->next[device] = job;
	}
	if (w->job[job].fetched == SIM_NONE)
		sim_fetch(w, job, device);
	if (!sim_arrived(w, job))
		return false;
	e->next[device] = SIM_NONE;
	sim_start(w, job);
	return true;
}

static void prio_decide(struct sim_world *w)
{
	bool more;
	u32 i;

	do {
		more = false;
		for (i = 0; i < w->machine->device_count; i++)
			more |= prio_device(w, i);
	} while (more);
}

static void prio_ended(struct sim_world *w, u32 job, u32 device, u64 busy)
{
}

static void prio_failed(struct sim_world *w, u32 job)
{
	struct prio *e = w->data;
	u32 i;

	for (i = 0; i < e->ready_count; i++) {
		if (e->ready[i] == job)
			e->ready[i--] = e->ready[--e->ready_count];
	}
	for (i = 0; i < w->machine->device_count; i++) {
		if (e->next[i] == job)
			e->next[i] = SIM_NONE;
	}
}

static void prio_back(struct sim_world *w, u32 job, u32 device, u64 busy)
{
	struct prio *e = w->data;

	if (e->next[device] == job)
		e->next[device] = SIM_NONE;
	prio_ready(w, job);
}

const struct sim_engine sim_engine_heteroprio = {
	.name = "heteroprio",
	.what = "idle devices take what they are best at, and take over running jobs",
	.init = prio_init,
	.submit = prio_submit,
	.ready = prio_ready,
	.ended = prio_ended,
	.failed = prio_failed,
	.back = prio_back,
	.decide = prio_decide,
};
