// SPDX-License-Identifier: GPL-2.0-only
/*
 * Engines "dmdas" and "dmdar": what StarPU's best policies decide.
 *
 * DOC: dmdas and dmdar with stealing
 *
 * A job is decided when it is ready: to the device on which its expected end is least. That is
 * its run after the later of two times: when the device has done what it was promised, counted
 * anew whenever a run ends there, and when what is missing has been brought, one block after
 * the other on links that nobody else uses. Its inputs are sent at once. dmdas keeps each
 * device's queue by upward rank (each job at its best) and waits for the data of its head.
 * dmdar ranks by mean cost, starts first what has all its data, and a device with an empty
 * queue takes the job of another that gains most by it.
 *
 * How these details are chosen: they are not all documented; of those that were tried they come
 * closest to the figures published for both (Documentation/replay/simulator.rst).
 *
 * Sources: StarPU 1.3's dmda family (Augonnet et al., "StarPU: a unified platform for task
 * scheduling on heterogeneous multicore architectures", 2011), as far as its documentation tells;
 * written anew.
 */
#include "simrival.h"

struct entry {
	u32 job;
	u64 expected;
	struct entry *next;
};

struct dmda {
	u64 *rank;
	/* when each device has done what it was promised */
	u64 *free;
	struct entry **queue;
	u32 *ready;
	u32 ready_count;
	bool dmdar;
};

static int dmda_init(struct sim_world *w, bool dmdar)
{
	u32 devices = w->machine->device_count;
	struct dmda *e = sim_alloc(&w->arena, sizeof(*e));

	w->data = e;
	e->dmdar = dmdar;
	e->rank = sim_rank(&w->arena, w->in, dmdar ? SIM_RANK_MEAN : SIM_RANK_BEST);
	e->free = sim_alloc(&w->arena, devices * sizeof(*e->free));
	e->queue = sim_alloc(&w->arena, devices * sizeof(*e->queue));
	e->ready = sim_alloc(&w->arena, w->job_count * sizeof(*e->ready));
	return 0;
}

static int dmdas_init(struct sim_world *w)
{
	return dmda_init(w, false);
}

static int dmdar_init(struct sim_world *w)
{
	return dmda_init(w, true);
}

static void dmda_submit(struct sim_world *w, u32 first, u32 count)
{
}

/* Those that become ready at once are pushed by rank, then in the order of the file. */
static void dmda_ready(struct sim_world *w, u32 job)
{
	struct dmda *e = w->data;
	u32 i = e->ready_count++;

	for (; i && (e->rank[e->ready[i - 1]] < e->rank[job] ||
		     (e->rank[e->ready[i - 1]] == e->rank[job] && e->ready[i - 1] > job)); i--)
		e->ready[i] = e->ready[i - 1];
	e->ready[i] = job;
}

/* The time to bring what is missing, as if the links were idle. */
static u64 dmda_transfer(struct sim_world *w, u32 job, u32 device)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 region = w->machine->device[device].region;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < j->use_count; i++) {
		u32 block = j->use[i].block;
		u64 least = 0, left;

		if (!(j->use[i].access & SIM_READ) || sim_arrival(w, block, region) != U64_MAX)
			continue;
		for (left = w->valid[block]; left; left &= left - 1) {
			const struct sim_route *r = sim_net_route(w, __ffs64(left), region);
			u64 ns = r ? sim_net_duration(r, w->block[block].bytes) : SIM_TIME_MAX / 4;

			if (!least || ns < least)
				least = ns;
		}
		sum += least;
	}
	return sum;
}

static u64 dmda_end(struct sim_world *w, struct dmda *e, u32 job, u32 device,
		    struct sim_expect *x)
{
	u64 transfer = dmda_transfer(w, job, device);

	x->run = sim_cost_run(w->in, &w->in->tasks.job[job], device);
	x->data = w->now + transfer;
	x->start = max(max(w->now, e->free[device]), x->data);
	x->finish = x->start + x->run;
	x->reason = "chosen";
	return x->finish;
}

static void dmda_enqueue(struct dmda *e, u32 device, u32 job, u64 expected, struct sim_world *w)
{
	struct entry *entry = sim_alloc(&w->arena, sizeof(*entry));
	struct entry **at = &e->queue[device];

	entry->job = job;
	entry->expected = expected;
	while (*at && e->rank[(*at)->job] >= e->rank[job])
		at = &(*at)->next;
	entry->next = *at;
	*at = entry;
}

static void dmda_push(struct sim_world *w, u32 job)
{
	struct dmda *e = w->data;
	struct sim_expect best = { .finish = U64_MAX }, x;
	u32 device = SIM_NONE;
	u64 left;

	for (left = w->in->tasks.job[job].devices & w->present; left; left &= left - 1) {
		u32 d = __ffs64(left);

		if (dmda_end(w, e, job, d, &x) < best.finish) {
			best = x;
			device = d;
		}
	}
	if (device == SIM_NONE) {
		dmda_ready(w, job);
		return;
	}
	e->free[device] = max(w->now, e->free[device]) + best.run;
	sim_plan(w, job, device, &best);
	sim_fetch(w, job, device);
	dmda_enqueue(e, device, job, best.finish, w);
}

static void dmda_remove(struct dmda *e, u32 device, u32 job)
{
	struct entry **at = &e->queue[device];

	while (*at && (*at)->job != job)
		at = &(*at)->next;
	if (*at)
		*at = (*at)->next;
}

/* Fetch for the job that is next, giving up what was sent ahead for those behind it. */
static void dmda_fetch(struct sim_world *w, struct dmda *e, u32 device, u32 job)
{
	while (w->job[job].fetched == SIM_NONE && sim_fetch(w, job, device)) {
		struct entry *entry;
		u32 last = SIM_NONE;

		for (entry = e->queue[device]; entry; entry = entry->next) {
			if (w->job[entry->job].fetched != SIM_NONE)
				last = entry->job;
		}
		if (last == SIM_NONE)
			return;
		sim_drop(w, last);
	}
}

/* The job that @device starts next; dmdar takes the first that has its data. */
static u32 dmda_next(struct sim_world *w, struct dmda *e, u32 device)
{
	struct entry *entry;
	u32 job;

	for (entry = e->dmdar ? e->queue[device] : NULL; entry; entry = entry->next) {
		if (sim_arrived(w, entry->job)) {
			job = entry->job;
			dmda_remove(e, device, job);
			return job;
		}
	}
	if (!e->queue[device])
		return SIM_NONE;
	job = e->queue[device]->job;
	/* What had no space when it was pushed is fetched when it is at the head. */
	dmda_fetch(w, e, device, job);
	if (!sim_arrived(w, job))
		return SIM_NONE;
	dmda_remove(e, device, job);
	return job;
}

static bool dmda_start(struct sim_world *w, u32 device)
{
	struct dmda *e = w->data;
	struct sim_expect x = { .data = w->now, .start = w->now, .reason = "chosen" };
	u32 job;

	if (sim_place(w, device) == SIM_NONE)
		return false;
	job = dmda_next(w, e, device);
	if (job == SIM_NONE)
		return false;
	x.run = sim_cost_run(w->in, &w->in->tasks.job[job], device);
	x.finish = w->now + x.run;
	sim_decide(w, job, device, &x);
	sim_start(w, job);
	return true;
}

/* An idle device takes the job that gains most by it. */
static bool dmda_steal(struct sim_world *w, u32 device)
{
	struct dmda *e = w->data;
	struct sim_expect x;
	u64 gain = 0;
	u32 job = SIM_NONE, from = 0, d;

	if (!e->dmdar || e->queue[device] || sim_place(w, device) == SIM_NONE)
		return false;
	for (d = 0; d < w->machine->device_count; d++) {
		u64 end = w->now;
		struct entry *entry;
		u32 place;

		for (place = 0; place < w->machine->device[d].engines; place++) {
			u32 busy = w->place[d * SIM_PLACES + place];

			if (busy != SIM_NONE)
				end = max(end, w->job[busy].start +
					  sim_cost_run(w->in, &w->in->tasks.job[busy], d));
		}
		for (entry = e->queue[d]; entry; entry = entry->next) {
			const struct sim_job *j = &w->in->tasks.job[entry->job];
			u64 here;

			end += sim_cost_run(w->in, j, d);
			if (d == device || !(j->devices & BIT_ULL(device)) ||
			    w->job[entry->job].moves >= 3)
				continue;
			here = w->now + dmda_transfer(w, entry->job, device) +
			       sim_cost_run(w->in, j, device);
			if (here < end && end - here > gain) {
				gain = end - here;
				job = entry->job;
				from = d;
			}
		}
	}
	if (job == SIM_NONE)
		return false;
	dmda_remove(e, from, job);
	e->free[from] -= min(e->free[from], sim_cost_run(w->in, &w->in->tasks.job[job], from));
	if (w->job[job].fetched != SIM_NONE)
		sim_back(w, job, "stolen");
	e->free[device] = w->now;
	dmda_end(w, e, job, device, &x);
	e->free[device] = x.finish;
	sim_plan(w, job, device, &x);
	sim_fetch(w, job, device);
	dmda_enqueue(e, device, job, x.finish, w);
	return true;
}

static void dmda_decide(struct sim_world *w)
{
	struct dmda *e = w->data;
	u32 count = e->ready_count;
	u32 i;
	bool more;

	e->ready_count = 0;
	for (i = 0; i < count; i++)
		dmda_push(w, e->ready[i]);
	do {
		more = false;
		for (i = 0; i < w->machine->device_count; i++) {
			while ((w->present & BIT_ULL(i)) && dmda_start(w, i))
				more = true;
		}
		for (i = 0; i < w->machine->device_count; i++) {
			if (w->present & BIT_ULL(i))
				more |= dmda_steal(w, i);
		}
	} while (more);
}

/* What the device is promised is counted anew: it may be early or late. */
static void dmda_ended(struct sim_world *w, u32 job, u32 device, u64 busy)
{
	struct dmda *e = w->data;
	const struct entry *entry;

	e->free[device] = w->now;
	for (entry = e->queue[device]; entry; entry = entry->next)
		e->free[device] += sim_cost_run(w->in, &w->in->tasks.job[entry->job], device);
}

static void dmda_back(struct sim_world *w, u32 job, u32 device, u64 busy)
{
	struct dmda *e = w->data;

	dmda_remove(e, device, job);
	e->free[device] = w->now;
	dmda_ready(w, job);
}

static void dmda_failed(struct sim_world *w, u32 job)
{
	struct dmda *e = w->data;
	u32 i;

	for (i = 0; i < w->machine->device_count; i++)
		dmda_remove(e, i, job);
	for (i = 0; i < e->ready_count; i++) {
		if (e->ready[i] != job)
			continue;
		e->ready_count--;
		memmove(e->ready + i, e->ready + i + 1, (e->ready_count - i) * sizeof(*e->ready));
	}
}

const struct sim_engine sim_engine_dmdas = {
	.name = "dmdas",
	.what = "decide when ready, earliest end with transfers, queues by upward rank",
	.init = dmdas_init,
	.submit = dmda_submit,
	.ready = dmda_ready,
	.ended = dmda_ended,
	.failed = dmda_failed,
	.back = dmda_back,
	.decide = dmda_decide,
};

const struct sim_engine sim_engine_dmdar = {
	.name = "dmdar",
	.what = "the same, what has its data first, idle devices steal",
	.init = dmdar_init,
	.submit = dmda_submit,
	.ready = dmda_ready,
	.ended = dmda_ended,
	.failed = dmda_failed,
	.back = dmda_back,
	.decide = dmda_decide,
};
