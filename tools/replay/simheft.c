// SPDX-License-Identifier: GPL-2.0-only
/*
 * Engine "heft": the whole graph is planned before the first job starts.
 *
 * DOC: HEFT with links
 *
 * Jobs in the order of their upward ranks; each to the place on which it ends first, in a gap
 * between those planned before if one is long enough. Links are planned like devices: each input
 * takes the first gap that all ports of its route have in common, from the moment its source has
 * it, long before its job starts. Two plans are made, with ranks by least and by mean cost; the
 * shorter one is carried out: transfers at the planned times or as soon as they can, jobs in the
 * planned order on each device.
 *
 * Sources: Topcuoglu, Hariri, Wu, TPDS 2002 (HEFT, insertion); Sinnen, Sousa, TPDS 2005 (edges
 * scheduled on links). Memory is thought to be unlimited; where it is not, what does not fit ahead
 * is sent late.
 */
#include "simrival.h"

struct planned {
	u32 device;
	u32 place;
	u64 data;
	u64 start;
	u64 end;
	/* the next in the order of its device */
	u32 next;
};

struct shipment {
	u32 block;
	/* writes of the block before it */
	u32 version;
	u32 from;
	u32 to;
	u32 job;
	u64 start;
	struct shipment *next;
};

struct plan {
	struct planned *job;
	struct shipment *shipment;
	u32 count;
	u64 end;
};

struct heft {
	struct plan plan;
	/* per device: the next job, SIM_NONE at the end */
	u32 *head;
	/* per block: shipments not sent, in planned order; blocks that have such */
	struct shipment **pending;
};

/* the state of a plan being made */
struct planner {
	struct sim_world *w;
	struct plan *plan;
	struct sim_port *place;		/* [device * PLACES + place] */
	u64 *at;			/* [block * regions + region]: when a copy is there */
	u32 *version;
	/* what the device looked at last would need */
	struct shipment need[64];
	u64 need_end[64];
	u32 need_count;
};

#define PLACES	64u

static u64 *at_of(const struct planner *p, u32 block, u32 region)
{
	return &p->at[(size_t)block * p->w->machine->region_count + region];
}

/* The best way for @block to @region: 0 and *need, or -1. */
static int plan_source(struct planner *p, u32 block, u32 region, struct shipment *need, u64 *end)
{
	struct sim_world *w = p->w;
	u32 r;

	*end = U64_MAX;
	for (r = 0; r < w->machine->region_count; r++) {
		const struct sim_route *route;
		u64 ns, start;

		if (r == region || *at_of(p, block, r) == U64_MAX)
			continue;
		route = sim_net_route(w, r, region);
		if (!route)
			continue;
		ns = sim_net_duration(route, w->block[block].bytes);
		start = sim_net_free(w, route, *at_of(p, block, r), ns);
		if (start + ns >= *end)
			continue;
		*end = start + ns;
		*need = (struct shipment){
			.block = block, .version = p->version[block], .from = r, .to = region,
			.start = start,
		};
	}
	return *end == U64_MAX ? -1 : 0;
}

/* Plan all that @job lacks on @device; the ports stay taken. Returns when all is there. */
static u64 plan_inputs(struct planner *p, u32 job, u32 device)
{
	const struct sim_job *j = &p->w->in->tasks.job[job];
	u32 region = p->w->machine->device[device].region;
	u64 there = 0, end;
	u32 i;

	p->need_count = 0;
	for (i = 0; i < j->use_count; i++) {
		struct shipment *need = &p->need[p->need_count];
		u32 block = j->use[i].block;

		if (!(j->use[i].access & SIM_READ))
			continue;
		if (*at_of(p, block, region) != U64_MAX) {
			there = max(there, *at_of(p, block, region));
			continue;
		}
		if (p->need_count == ARRAY_SIZE(p->need) ||
		    plan_source(p, block, region, need, &end))
			continue;
		need->job = job;
		p->need_end[p->need_count++] = end;
		sim_net_take(p->w, sim_net_route(p->w, need->from, region), need->start, end);
		there = max(there, end);
	}
	return there;
}

static void plan_inputs_undo(struct planner *p)
{
	while (p->need_count) {
		const struct shipment *n = &p->need[--p->need_count];

		sim_net_release(p->w, sim_net_route(p->w, n->from, n->to), n->start,
				p->need_end[p->need_count]);
	}
}

/* When, where and how soon @job would end on @device. */
static void plan_try(struct planner *p, u32 job, u32 device, struct planned *best)
{
	const struct sim_job *j = &p->w->in->tasks.job[job];
	const struct sim_device *d = &p->w->machine->device[device];
	u64 run = sim_cost_run(p->w->in, j, device);
	u64 from, there = p->w->in->tasks.submit[j->submit].at;
	u32 i;

	for (i = 0; i < j->pred_count; i++)
		there = max(there, p->plan->job[j->pred[i]].end);
	from = plan_inputs(p, job, device);
	plan_inputs_undo(p);
	for (i = 0; i < min(d->engines * d->credits, PLACES); i++) {
		u64 start = sim_port_free(&p->place[device * PLACES + i], max(from, there), run);

		if (start + run < best->end)
			*best = (struct planned){
				.device = device, .place = i, .data = from, .start = start,
				.end = start + run,
			};
	}
}

static void plan_commit(struct planner *p, u32 job, const struct planned *best)
{
	const struct sim_job *j = &p->w->in->tasks.job[job];
	u32 region = p->w->machine->device[best->device].region;
	struct plan *plan = p->plan;
	u32 i, r;

	plan_inputs(p, job, best->device);
	for (i = 0; i < p->need_count; i++) {
		plan->shipment = sim_grow(&p->w->arena, plan->shipment, plan->count,
					  sizeof(*plan->shipment));
		plan->shipment[plan->count++] = p->need[i];
		*at_of(p, p->need[i].block, region) = p->need_end[i];
	}
	sim_port_take(&p->place[best->device * PLACES + best->place], 0, best->start, best->end);
	plan->job[job] = *best;
	plan->end = max(plan->end, best->end);
	for (i = 0; i < j->use_count; i++) {
		u32 block = j->use[i].block;

		if (!(j->use[i].access & SIM_WRITE))
			continue;
		p->version[block]++;
		for (r = 0; r < p->w->machine->region_count; r++)
			*at_of(p, block, r) = U64_MAX;
		*at_of(p, block, region) = best->end;
	}
}

struct order {
	u64 rank;
	u32 job;
};

static int order_compare(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->job < y->job ? -1 : 1;
}

static void plan_make(struct sim_world *w, enum sim_rank_of of, struct plan *plan)
{
	u64 *rank = sim_rank(&w->arena, w->in, of);
	struct order *order = sim_alloc(&w->arena, w->job_count * sizeof(*order));
	u32 devices = w->machine->device_count, regions = w->machine->region_count;
	struct sim_port *ports = w->port;
	struct planner p = { .w = w, .plan = plan };
	u32 i, r, d;

	/* The world's functions for ports, on ports of our own. */
	w->port = sim_alloc(&w->arena, w->port_count * sizeof(*w->port));
	p.place = sim_alloc(&w->arena, (size_t)devices * PLACES * sizeof(*p.place));
	p.at = sim_alloc(&w->arena, (size_t)w->block_count * regions * sizeof(*p.at));
	p.version = sim_alloc(&w->arena, w->block_count * sizeof(*p.version));
	plan->job = sim_alloc(&w->arena, w->job_count * sizeof(*plan->job));
	for (i = 0; i < w->block_count; i++) {
		for (r = 0; r < regions; r++)
			*at_of(&p, i, r) = sim_valid(w, i, r) ? 0 : U64_MAX;
	}
	for (i = 0; i < w->job_count; i++)
		order[i] = (struct order){ .rank = rank[i], .job = i };
	qsort(order, w->job_count, sizeof(*order), order_compare);
	for (i = 0; i < w->job_count; i++) {
		struct planned best = { .end = U64_MAX };
		u32 job = order[i].job;

		for (d = 0; d < devices; d++) {
			if (w->in->tasks.job[job].devices & BIT_ULL(d))
				plan_try(&p, job, d, &best);
		}
		plan_commit(&p, job, &best);
	}
	for (i = 0; i < w->port_count; i++)
		free(w->port[i].span);
	for (i = 0; i < devices * PLACES; i++)
		free(p.place[i].span);
	w->port = ports;
}

/* Put @job into the order of its device, by planned start. */
static void heft_enqueue(struct heft *e, u32 job)
{
	struct planned *p = e->plan.job;
	u32 *at = &e->head[p[job].device];

	while (*at != SIM_NONE && (p[*at].start < p[job].start ||
				   (p[*at].start == p[job].start && *at < job)))
		at = &p[*at].next;
	p[job].next = *at;
	*at = job;
}

static int heft_init(struct sim_world *w)
{
	struct heft *e = sim_alloc(&w->arena, sizeof(*e));
	struct plan other = { };
	u32 i;

	w->data = e;
	e->head = sim_alloc(&w->arena, w->machine->device_count * sizeof(*e->head));
	memset(e->head, 0xff, w->machine->device_count * sizeof(*e->head));
	e->pending = sim_alloc(&w->arena, w->block_count * sizeof(*e->pending));
	plan_make(w, SIM_RANK_BEST, &e->plan);
	plan_make(w, SIM_RANK_MEAN, &other);
	if (other.end < e->plan.end)
		e->plan = other;
	/* Planned last first: an order by rank is nearly one by start. */
	for (i = w->job_count; i--;)
		heft_enqueue(e, i);
	for (i = e->plan.count; i--;) {
		struct shipment *s = &e->plan.shipment[i];
		struct shipment **at = &e->pending[s->block];

		while (*at && ((*at)->version < s->version ||
			       ((*at)->version == s->version && (*at)->start < s->start)))
			at = &(*at)->next;
		s->next = *at;
		*at = s;
	}
	return 0;
}

static void heft_submit(struct sim_world *w, u32 first, u32 count)
{
}

static void heft_ready(struct sim_world *w, u32 job)
{
	struct heft *e = w->data;
	const struct planned *p = &e->plan.job[job];
	struct sim_expect x = { .run = p->end - p->start, .reason = "planned" };

	/* Later than planned if a predecessor was late. */
	x.data = max(p->data, w->now);
	x.start = max(p->start, x.data);
	x.finish = x.start + x.run;
	sim_plan(w, job, p->device, &x);
}

/* Send what the plan wants sent and its source has. */
static void heft_ship(struct sim_world *w, u32 block)
{
	struct heft *e = w->data;
	struct shipment **at = &e->pending[block];

	while (*at) {
		struct shipment *s = *at;
		u32 state = w->job[s->job].state;

		if (s->version < w->version[block] || state > SIM_PLACED) {
			*at = s->next;
			continue;
		}
		if (s->version > w->version[block])
			break;
		if (state != SIM_NEW && sim_valid(w, block, s->from)) {
			sim_send(w, block, s->from, s->to, s->start, s->job);
			*at = s->next;
			continue;
		}
		at = &s->next;
	}
}

static bool heft_start(struct sim_world *w, u32 device)
{
	struct heft *e = w->data;
	u32 job = e->head[device];
	struct sim_expect x = { .reason = "chosen" };

	if (job == SIM_NONE || !(w->present & BIT_ULL(device)) ||
	    (w->job[job].state != SIM_READY && w->job[job].state != SIM_PLACED) ||
	    sim_place(w, device) == SIM_NONE)
		return false;
	if (w->job[job].state == SIM_READY) {
		x.run = sim_cost_run(w->in, &w->in->tasks.job[job], device);
		x.data = w->now;
		x.start = w->now;
		x.finish = w->now + x.run;
		sim_decide(w, job, device, &x);
	}
	if (w->job[job].fetched == SIM_NONE)
		sim_fetch(w, job, device);
	if (!sim_arrived(w, job))
		return false;
	e->head[device] = e->plan.job[job].next;
	sim_start(w, job);
	return true;
}

static void heft_decide(struct sim_world *w)
{
	u32 i;

	for (i = 0; i < w->block_count; i++)
		heft_ship(w, i);
	for (i = 0; i < w->machine->device_count; i++) {
		while (heft_start(w, i))
			;
	}
}

static void heft_ended(struct sim_world *w, u32 job, u32 device, u64 busy)
{
}

static void heft_drop(struct heft *e, u32 job)
{
	u32 *at = &e->head[e->plan.job[job].device];

	while (*at != SIM_NONE && *at != job)
		at = &e->plan.job[*at].next;
	if (*at == job)
		*at = e->plan.job[job].next;
}

/* Its device is gone: the fastest that is left, at its old place in the order. */
static void heft_move(struct sim_world *w, u32 job)
{
	struct heft *e = w->data;
	u64 left = w->in->tasks.job[job].devices & w->present;
	u64 least = U64_MAX;

	heft_drop(e, job);
	for (; left; left &= left - 1) {
		u32 d = __ffs64(left);
		u64 ns = sim_cost_run(w->in, &w->in->tasks.job[job], d);

		if (ns >= least)
			continue;
		least = ns;
		e->plan.job[job].device = d;
	}
	heft_enqueue(e, job);
}

static void heft_back(struct sim_world *w, u32 job, u32 device, u64 busy)
{
	heft_move(w, job);
}

static void heft_failed(struct sim_world *w, u32 job)
{
	heft_drop(w->data, job);
}

static void heft_device(struct sim_world *w, u32 device, bool present)
{
	struct heft *e = w->data;
	u32 i;

	for (i = 0; !present && i < w->job_count; i++) {
		if (e->plan.job[i].device == device && w->job[i].state < SIM_PLACED)
			heft_move(w, i);
	}
}

const struct sim_engine sim_engine_heft = {
	.name = "heft",
	.what = "the whole graph planned beforehand, links reserved, inputs sent early",
	.init = heft_init,
	.submit = heft_submit,
	.ready = heft_ready,
	.ended = heft_ended,
	.failed = heft_failed,
	.back = heft_back,
	.device = heft_device,
	.decide = heft_decide,
};
