// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making a plan: list scheduling with insertion on devices and links, several times.
 *
 * DOC: plans
 *
 * One plan takes the jobs in an order that respects their edges. Each job goes to the device where
 *
 *	finish + penalty x (run there - least run) / 128
 *
 * is least, of equals to the one of smallest id: in a gap of a place's timeline that is long
 * enough, after its predecessors and its inputs, whose transfers take gaps of their links'
 * timelines. With a penalty of 0 this is HEFT with insertion (Topcuoglu, Hariri, Wu, TPDS 2002) and
 * links as Sinnen and Sousa schedule them (TPDS 2005): a route takes all its ports at once, an
 * input may leave as soon as its source has it, and a copy that is there serves later jobs.
 *
 * The order is by upward rank: run time plus the largest rank of those that wait for the job, by
 * least and by mean run time. What the best device of a plan's jobs was is better known after it,
 * so ranks are then computed again from the best plan (run times there, transfers between different
 * devices, and the next job of the same place as one more successor, by turns) until the rounds are
 * used up. The plan that ends first is kept, of equals the one whose jobs end first on average.
 *
 * An order is all there is to remember of a plan: the best is made once more at the end.
 *
 * Rejected: rank and placement in one pass with look-ahead to children's devices (PEFT, TPDS 2014:
 * a table of jobs x devices, for less than the second round of ranks brings); random search (needs
 * minutes for what ranks from the last plan give in ten rounds).
 */
#include "planner.h"

#define WEFT_PENALTY	26u

/* ------------------------------------------------------------------ sorting */

/* Is job @a planned before job @b? */
static bool weft_plan_before(const struct weft_planner *p, u32 a, u32 b, bool by_start)
{
	const struct weft_plan_node *x = &p->node[a], *y = &p->node[b];

	if (by_start)
		return x->start != y->start ? x->start < y->start : a < b;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	return x->rank != y->rank ? x->rank > y->rank : a < b;
}

static void weft_plan_sift(struct weft_planner *p, u32 *order, u32 root, u32 count, bool by_start)
{
	u32 item = order[root];
	u32 child;

	while ((child = 2 * root + 1) < count) {
		if (child + 1 < count &&
		    weft_plan_before(p, order[child], order[child + 1], by_start))
			child++;
		if (!weft_plan_before(p, item, order[child], by_start))
			break;
		order[root] = order[child];
		root = child;
	}
	order[root] = item;
}

/* Sort @order in place, without recursion. */
static void weft_plan_sort(struct weft_planner *p, u32 *order, u32 count, bool by_start)
{
	u32 i;

	for (i = count / 2; i--;)
		weft_plan_sift(p, order, i, count, by_start);
	for (i = count; i-- > 1;) {
		u32 last = order[i];

		order[i] = order[0];
		order[0] = last;
		weft_plan_sift(p, order, 0, i, by_start);
	}
}

/* -------------------------------------------------------------------- times */

static u64 weft_plan_lookup(const struct weft_sched *s, u64 kernel, u64 size, u32 device)
{
	struct weft_estimate e;

	weft_estimate_of(s, kernel, size, s->device[device], &e);
	return e.run;
}

u64 weft_plan_run(const struct weft_sched *s, const struct weft_planner *p,
		  const struct weft_plan_node *n, u32 device)
{
	if (n->sort < p->sort_count)
		return p->sort[n->sort].run[device];
	return weft_plan_lookup(s, n->job->kernel, n->job->size, device);
}

/* Devices that may be planned for @job. */
static u64 weft_plan_devices(const struct weft_sched *s, const struct weft_sched_job *job)
{
	return job->devices & ~job->denied & s->open;
}

static u32 weft_plan_sort_of(struct weft_sched *s, struct weft_planner *p,
			     const struct weft_sched_job *job)
{
	u32 i;

	for (i = 0; i < p->sort_count; i++) {
		if (p->sort[i].kernel == job->kernel && fls64(p->sort[i].size) == fls64(job->size))
			return i;
	}
	if (i == WEFT_PLAN_SORTS)
		return i;
	p->sort[i].kernel = job->kernel;
	p->sort[i].size = job->size;
	p->sort_count++;
	return i;
}

/* What is known of all run times by now. */
static void weft_plan_times(struct weft_sched *s, struct weft_planner *p)
{
	u64 left;
	u32 i;

	for (i = 0; i < p->sort_count; i++) {
		struct weft_plan_sort *sort = &p->sort[i];

		for (left = s->present; left; left &= left - 1)
			sort->run[__ffs64(left)] = weft_plan_lookup(s, sort->kernel, sort->size,
								    __ffs64(left));
	}
}

u64 weft_route_time(const struct weft_route *r, u64 bytes)
{
	u64 ns = div64_u64(weft_add_sat(weft_mul_sat(bytes, 1000), r->bandwidth - 1), r->bandwidth);

	return min(weft_add_sat(ns, r->latency), WEFT_TIME_MAX);
}

/* -------------------------------------------------------------------- links */

static bool weft_route_shares(const struct weft_route *a, const struct weft_route *b)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(a->ports); i++) {
		if (a->ports[i] & b->ports[i])
			return true;
	}
	return false;
}

u64 weft_route_free(const struct weft_planner *p, const struct weft_line *lines,
		    const struct weft_route *r, u64 from, u64 ns)
{
	u64 start = from;
	u32 i;

	do {
		from = start;
		for (i = 0; i < r->port_count; i++)
			start = weft_line_free(&lines[r->port[i]], start, ns);
		for (i = 0; i < p->need_count; i++) {
			const struct weft_plan_need *n = &p->need[i];

			if (start < n->end && n->start < start + ns &&
			    weft_route_shares(r, n->route))
				start = n->end;
		}
	} while (start != from);
	return start;
}

/* The soonest way of @d's bytes to @to by one transfer from a region of @sources. */
static bool weft_plan_source(const struct weft_planner *p, const struct weft_line *lines,
			     const struct weft_plan_data *d, u64 sources, u32 to,
			     struct weft_plan_need *need)
{
	need->end = WEFT_NEVER;
	for (; sources; sources &= sources - 1) {
		u32 from = __ffs64(sources);
		const struct weft_route *r = &p->route[from][to];
		u64 ns, start;

		if (d->at[from] == WEFT_NEVER || !r->bandwidth)
			continue;
		ns = weft_route_time(r, d->data->bytes);
		if (d->at[from] + ns >= need->end)
			continue;
		start = weft_route_free(p, lines, r, d->at[from], ns);
		if (start + ns >= need->end)
			continue;
		need->route = r;
		need->from = from;
		need->to = to;
		need->start = start;
		need->end = start + ns;
	}
	return need->end != WEFT_NEVER;
}

/* Bring @d to @region: one transfer, or two by way of @host. Returns when it is there. */
static u64 weft_plan_input(struct weft_planner *p, const struct weft_line *lines,
			   struct weft_plan_data *d, struct weft_sched_ref *ref, u32 region,
			   u32 host, u64 *ns)
{
	struct weft_plan_need *need = &p->need[p->need_count];
	const struct weft_route *r = &p->route[host][region];
	u64 sources = p->regions & ~BIT_ULL(region);
	u64 there;

	need->ref = ref;
	if (weft_plan_source(p, lines, d, sources, region, need)) {
		*ns += need->end - need->start;
		there = need->end;
		p->need_count += p->need_count < WEFT_PLAN_NEEDS;
		return there;
	}
	if (!r->bandwidth || !weft_plan_source(p, lines, d, sources, host, need))
		return 0;
	*ns += need->end - need->start;
	there = need->end;
	p->need_count += p->need_count < WEFT_PLAN_NEEDS;
	need = &p->need[p->need_count];
	need->ref = NULL;
	need->route = r;
	need->from = host;
	need->to = region;
	need->start = weft_route_free(p, lines, r, there, weft_route_time(r, d->data->bytes));
	need->end = need->start + weft_route_time(r, d->data->bytes);
	*ns += need->end - need->start;
	there = need->end;
	p->need_count += p->need_count < WEFT_PLAN_NEEDS;
	return there;
}

/* A buffer is copied whole; what is overwritten whole need not be there before. */
static bool weft_plan_reads(const struct weft_sched_ref *ref)
{
	return (ref->access & WEFT_ACCESS_READ) || ref->bytes < ref->data->bytes;
}

u64 weft_plan_inputs(struct weft_planner *p, const struct weft_line *lines,
		     const struct weft_sched_job *job, u32 region, u32 host, u64 now, u64 *ns)
{
	u64 there = now;
	u32 i;

	p->need_count = 0;
	*ns = 0;
	for (i = 0; i < job->ref_count; i++) {
		struct weft_sched_ref *ref = &job->refs[i];
		struct weft_plan_data *d;
		u64 at;

		if (!ref->data->plan || !ref->data->bytes || !weft_plan_reads(ref))
			continue;
		d = &p->data[ref->data->plan - 1];
		if (d->zeros)
			continue;
		at = d->at[region];
		if (at == WEFT_NEVER)
			at = weft_plan_input(p, lines, d, ref, region, host, ns);
		there = max(there, at);
	}
	return there;
}

/* ------------------------------------------------------------------ buffers */

void weft_plan_begin(struct weft_sched *s, struct weft_planner *p)
{
	u64 left;

	p->plan++;
	for (left = s->present; left; left &= left - 1) {
		p->regions |= BIT_ULL(s->device[__ffs64(left)]->region);
		p->regions |= BIT_ULL(s->device[__ffs64(left)]->host_region);
	}
}

/* Where @data is and will be when the jobs that have a device are done. */
struct weft_plan_data *weft_plan_data(struct weft_sched *s, struct weft_planner *p,
				      struct weft_sched_data *data, u64 now)
{
	struct weft_plan_data *d = &p->data[data->plan - 1];
	const struct weft_sched_job *writer = NULL;
	u64 left;

	if (d->plan == p->plan)
		return d;
	d->plan = p->plan;
	p->regions |= data->valid;
	if (!list_empty(&data->writers)) {
		writer = list_first_entry(&data->writers, struct weft_sched_ref, node)->job;
		if (writer->device == WEFT_SCHED_NO_DEVICE)
			writer = NULL;
	}
	d->zeros = !writer && !data->valid;
	for (left = p->regions; left; left &= left - 1) {
		u32 r = __ffs64(left);

		d->at[r] = WEFT_NEVER;
		if (writer && s->device[writer->device]->region == r)
			d->at[r] = max(writer->est_end, now);
		else if (!writer && (data->valid & BIT_ULL(r)))
			d->at[r] = now;
		else if (!writer && (data->arriving & BIT_ULL(r)))
			d->at[r] = max(d->arrives[r], now);
	}
	return d;
}

static void weft_plan_written(struct weft_planner *p, const struct weft_sched_job *job, u32 region,
			      u64 at)
{
	u32 i;

	for (i = 0; i < job->ref_count; i++) {
		const struct weft_sched_ref *ref = &job->refs[i];
		struct weft_plan_data *d;
		u64 left;

		if (!(ref->access & WEFT_ACCESS_WRITE) || !ref->data->plan)
			continue;
		d = &p->data[ref->data->plan - 1];
		d->zeros = false;
		for (left = p->regions; left; left &= left - 1)
			d->at[__ffs64(left)] = WEFT_NEVER;
		d->at[region] = at;
	}
}

/* ---------------------------------------------------------------- placement */

struct weft_plan_best {
	u64 score;
	u64 data;
	u64 start;
	u64 finish;
	u32 device;
	u32 lane;
};

static u32 weft_plan_lanes(const struct weft_sched_device *d)
{
	return min(d->credits, WEFT_PLAN_LANES);
}

/* How @n would fare on device @id from @ready on, if that is better than @best. */
static void weft_plan_try(struct weft_sched *s, struct weft_planner *p,
			  const struct weft_plan_node *n, u32 id, u64 ready, u64 penalty, u64 now,
			  struct weft_plan_best *best)
{
	const struct weft_sched_device *d = s->device[id];
	u64 run = weft_plan_run(s, p, n, id);
	u64 data, ns;
	u32 i;

	/* It cannot be: spare the links. */
	if (ready + run + penalty >= best->score)
		return;
	data = weft_plan_inputs(p, p->port, n->job, d->region, d->host_region, now, &ns);
	for (i = 0; i < weft_plan_lanes(d); i++) {
		u64 start = weft_line_free(&p->place[id][i], max(ready, data), run);

		if (start + run + penalty >= best->score)
			continue;
		best->score = start + run + penalty;
		best->data = data;
		best->start = start;
		best->finish = start + run;
		best->device = id;
		best->lane = i;
	}
}

/* When all that @job waits for is done; WEFT_NEVER if nobody knows. */
static u64 weft_plan_ready(const struct weft_planner *p, const struct weft_sched_job *job, u64 now)
{
	u64 ready = now;
	u32 i;

	for (i = 0; i < job->edge_count; i++) {
		const struct weft_sched_job *from = job->edges[i].from;

		if (!from)
			continue;
		if (from->plan)
			ready = max(ready, p->node[from->plan - 1].finish);
		else
			ready = max(ready, from->device == WEFT_SCHED_NO_DEVICE ? WEFT_NEVER :
					   from->est_end);
	}
	return ready;
}

static u64 weft_plan_least(const struct weft_sched *s, const struct weft_planner *p,
			   const struct weft_plan_node *n)
{
	u64 least = WEFT_TIME_MAX;
	u64 left;

	for (left = weft_plan_devices(s, n->job); left; left &= left - 1)
		least = min(least, weft_plan_run(s, p, n, __ffs64(left)));
	return least;
}

static void weft_plan_place(struct weft_sched *s, struct weft_planner *p, struct weft_plan_node *n,
			    u32 penalty, u64 now)
{
	struct weft_plan_best best = { .score = WEFT_NEVER, .device = WEFT_SCHED_NO_DEVICE };
	u64 ready = weft_plan_ready(p, n->job, now);
	u64 least = penalty ? weft_plan_least(s, p, n) : 0;
	const struct weft_sched_device *d;
	u64 left, ns;
	u32 i, k;

	n->device = WEFT_SCHED_NO_DEVICE;
	n->start = WEFT_NEVER;
	n->finish = WEFT_NEVER;
	for (i = 0; i < n->job->ref_count; i++) {
		struct weft_sched_ref *ref = &n->job->refs[i];

		ref->from = WEFT_SCHED_NO_REGION;
		if (ref->data->plan)
			weft_plan_data(s, p, ref->data, now);
	}
	if (ready == WEFT_NEVER)
		return;
	for (left = weft_plan_devices(s, n->job); left; left &= left - 1) {
		u32 id = __ffs64(left);
		u64 run = penalty ? weft_plan_run(s, p, n, id) - least : 0;

		weft_plan_try(s, p, n, id, ready, weft_mul_sat(run, penalty) / 128, now, &best);
	}
	if (best.device == WEFT_SCHED_NO_DEVICE)
		return;
	d = s->device[best.device];
	weft_plan_inputs(p, p->port, n->job, d->region, d->host_region, now, &ns);
	for (i = 0; i < p->need_count; i++) {
		const struct weft_plan_need *need = &p->need[i];

		for (k = 0; k < need->route->port_count; k++)
			weft_line_take(&p->port[need->route->port[k]], need->start, need->end);
		if (need->ref) {
			u64 *at = p->data[need->ref->data->plan - 1].at;

			need->ref->from = need->from;
			need->ref->send_at = need->start;
			at[need->to] = need->end;
			/* by way of the host: the other half is next */
			if (need->to != d->region)
				at[d->region] = p->need[i + 1].end;
		}
	}
	weft_line_take(&p->place[best.device][best.lane], best.start, best.finish);
	n->device = best.device;
	n->lane = best.lane;
	n->data = best.data;
	n->start = best.start;
	n->finish = best.finish;
	weft_plan_written(p, n->job, d->region, best.finish);
}

/* The longest path behind @n through jobs that are not in the plan. */
static u64 weft_plan_tail(const struct weft_planner *p, const struct weft_plan_node *n)
{
	const struct weft_sched_edge *edge;
	u64 tail = 0;

	if (p->planned == p->count)
		return 0;
	list_for_each_entry(edge, &n->job->out, node) {
		if (edge->to->plan && p->node[edge->to->plan - 1].set != p->set)
			tail = max(tail, p->node[edge->to->plan - 1].base);
	}
	return tail;
}

/* Plan all in p->order; @sum: of the ends. Returns when all is done, with what comes after. */
static u64 weft_plan_once(struct weft_sched *s, struct weft_planner *p, u32 penalty, u64 now,
			  u64 *sum)
{
	u64 end = now;
	u64 left;
	u32 i, k;

	weft_plan_begin(s, p);
	for (i = 0; i < p->port_count; i++)
		weft_line_copy(&p->port[i], &p->link[i]);
	for (left = s->present; left; left &= left - 1) {
		const struct weft_sched_device *d = s->device[__ffs64(left)];

		for (k = 0; k < weft_plan_lanes(d); k++) {
			p->place[d->id][k].count = 0;
			weft_line_take(&p->place[d->id][k], now, d->slot[k]);
		}
	}
	*sum = 0;
	for (i = 0; i < p->planned; i++) {
		struct weft_plan_node *n = &p->node[p->order[i]];

		weft_plan_place(s, p, n, penalty, now);
		if (n->finish == WEFT_NEVER)
			continue;
		end = max(end, weft_add_sat(n->finish, weft_plan_tail(p, n)));
		*sum += n->finish - now;
	}
	return end;
}

/* -------------------------------------------------------------------- ranks */

enum weft_rank {
	/* run time: least, mean over devices, where the last plan has it */
	WEFT_RANK_LEAST,
	WEFT_RANK_MEAN,
	WEFT_RANK_PLANNED,
	/* and the transfer of what it writes to a successor elsewhere */
	WEFT_RANK_TRANSFERS,
	/* and its place's next job as one that waits for it */
	WEFT_RANK_PLACES,
};

static u64 weft_rank_run(const struct weft_sched *s, const struct weft_planner *p,
			 const struct weft_plan_node *n, enum weft_rank how)
{
	u64 sum = 0, left;
	u32 count = 0;

	if (how >= WEFT_RANK_PLANNED && n->device != WEFT_SCHED_NO_DEVICE)
		return n->finish - n->start;
	if (how != WEFT_RANK_MEAN)
		return weft_plan_least(s, p, n);
	for (left = weft_plan_devices(s, n->job); left; left &= left - 1) {
		sum += weft_plan_run(s, p, n, __ffs64(left));
		count++;
	}
	return count ? div64_u64(sum, count) : WEFT_RUN_UNKNOWN;
}

/* What @a writes takes that long to where @b is planned. */
static u64 weft_rank_transfer(const struct weft_sched *s, const struct weft_planner *p,
			      const struct weft_plan_node *a, const struct weft_plan_node *b)
{
	const struct weft_route *r;
	u32 i;

	if (a->device == b->device || a->device == WEFT_SCHED_NO_DEVICE ||
	    b->device == WEFT_SCHED_NO_DEVICE)
		return 0;
	r = &p->route[s->device[a->device]->region][s->device[b->device]->region];
	for (i = 0; i < a->job->ref_count && r->bandwidth; i++) {
		if (a->job->refs[i].access & WEFT_ACCESS_WRITE)
			return weft_route_time(r, a->job->refs[i].data->bytes);
	}
	return 0;
}

/* The rank of one job; those that wait for it have theirs. */
static void weft_rank_one(const struct weft_sched *s, struct weft_planner *p,
			  struct weft_plan_node *n, enum weft_rank how, u64 next)
{
	const struct weft_sched_edge *edge;
	u64 rank = next;

	n->priority = n->job->priority;
	list_for_each_entry(edge, &n->job->out, node) {
		const struct weft_plan_node *to;
		u64 far;

		if (!edge->to->plan)
			continue;
		to = &p->node[edge->to->plan - 1];
		far = to->set == p->set ? to->rank : to->base;
		if (how >= WEFT_RANK_TRANSFERS)
			far = weft_add_sat(far, weft_rank_transfer(s, p, n, to));
		rank = max(rank, far);
		n->priority = max(n->priority, to->priority);
	}
	n->rank = weft_add_sat(rank, max(weft_rank_run(s, p, n, how), 1ull));
}

/*
 * The ranks of a plan's jobs, and p->order by them. Jobs are ranked after those that wait for them:
 * their base rank is less, and in the last plan they start later.
 */
static void weft_plan_rank(struct weft_sched *s, struct weft_planner *p, enum weft_rank how)
{
	u64 next[WEFT_SCHED_MAX_DEVICES] = { 0 };
	u32 i;

	if (how == WEFT_RANK_PLACES)
		weft_plan_sort(p, p->order, p->planned, true);
	else
		memcpy(p->order, p->first, p->planned * sizeof(*p->order));
	for (i = p->planned; i--;) {
		struct weft_plan_node *n = &p->node[p->order[i]];
		u32 d = n->device;

		if (how < WEFT_RANK_PLACES || d == WEFT_SCHED_NO_DEVICE) {
			weft_rank_one(s, p, n, how, 0);
			continue;
		}
		weft_rank_one(s, p, n, how, next[d]);
		if (s->device[d]->credits == 1)
			next[d] = n->rank;
	}
	weft_plan_sort(p, p->order, p->planned, false);
}

/* ------------------------------------------------------------------- search */

struct weft_plan_search {
	u64 end;
	u64 sum;
	u32 penalty;
	bool found;
};

static void weft_plan_attempt(struct weft_sched *s, struct weft_planner *p, u32 penalty, u64 now,
			      struct weft_plan_search *best)
{
	u64 sum, end = weft_plan_once(s, p, penalty, now, &sum);

	if (best->found && (end > best->end || (end == best->end && sum >= best->sum)))
		return;
	best->end = end;
	best->sum = sum;
	best->penalty = penalty;
	best->found = true;
	memcpy(p->best, p->order, p->planned * sizeof(*p->best));
}

static void weft_plan_search(struct weft_sched *s, struct weft_planner *p, u64 now)
{
	static const struct {
		enum weft_rank rank;
		u32 penalty;
	} start[] = {
		{ WEFT_RANK_LEAST, 0 },
		{ WEFT_RANK_MEAN, 0 },
		{ WEFT_RANK_LEAST, WEFT_PENALTY },
	};
	struct weft_plan_search best = { };
	u32 i;

	for (i = 0; i < p->room.rounds; i++) {
		if (i < ARRAY_SIZE(start)) {
			weft_plan_rank(s, p, start[i].rank);
			weft_plan_attempt(s, p, start[i].penalty, now, &best);
		} else {
			weft_plan_rank(s, p, WEFT_RANK_PLANNED + i % 3);
			weft_plan_attempt(s, p, i / 3 % 2 ? best.penalty : 0, now, &best);
		}
	}
	memcpy(p->order, p->best, p->planned * sizeof(*p->best));
	p->end = weft_plan_once(s, p, best.penalty, now, &best.sum);
}

/* Know all that is pending, as far as there is room, by rank. */
static void weft_plan_know(struct weft_sched *s, struct weft_planner *p)
{
	struct weft_sched_job *job;
	u32 i;

	for (i = 0; i < p->count; i++) {
		if (p->node[i].job)
			p->node[i].job->plan = 0;
	}
	p->count = 0;
	p->sort_count = 0;
	p->cursor = 0;
	p->set++;
	list_for_each_entry(job, &s->pending, pending) {
		struct weft_plan_node *n;

		if (p->count == p->room.jobs)
			break;
		p->queue[p->count] = p->count;
		n = &p->node[p->count++];
		memset(n, 0, sizeof(*n));
		n->job = job;
		n->set = p->set;
		n->device = WEFT_SCHED_NO_DEVICE;
		INIT_LIST_HEAD(&n->order);
		n->sort = weft_plan_sort_of(s, p, job);
		job->plan = p->count;
	}
	weft_plan_times(s, p);
	/* those that wait for a job came later */
	for (i = p->count; i--;) {
		weft_rank_one(s, p, &p->node[i], WEFT_RANK_LEAST, 0);
		p->node[i].base = p->node[i].rank;
	}
	weft_plan_sort(p, p->queue, p->count, false);
	p->fresh = 0;
}

/* The next plan's jobs: those of largest rank, so none without those that it waits for. */
static void weft_plan_select(struct weft_planner *p)
{
	u32 i;

	while (p->cursor < p->count && !p->node[p->queue[p->cursor]].job)
		p->cursor++;
	p->set++;
	p->planned = 0;
	for (i = p->cursor; i < p->count && p->planned < p->room.window; i++) {
		struct weft_plan_node *n = &p->node[p->queue[i]];

		if (!n->job)
			continue;
		n->set = p->set;
		p->first[p->planned++] = p->queue[i];
	}
}

void weft_plan_make(struct weft_sched *s, struct weft_planner *p, u64 now)
{
	u64 left;
	u32 i;

	for (left = s->present; left; left &= left - 1)
		weft_place_prepare(s->device[__ffs64(left)], now);
	for (i = 0; i < WEFT_SCHED_MAX_DEVICES; i++)
		INIT_LIST_HEAD(&p->lane[i]);
	for (i = 0; i < p->planned; i++) {
		p->node[p->first[i]].device = WEFT_SCHED_NO_DEVICE;
		INIT_LIST_HEAD(&p->node[p->first[i]].order);
	}
	if (p->stale || p->fresh)
		weft_plan_know(s, p);
	else
		weft_plan_times(s, p);
	weft_plan_select(p);
	weft_plan_search(s, p, now);
	weft_plan_sort(p, p->order, p->planned, true);
	for (i = 0; i < p->planned; i++) {
		struct weft_plan_node *n = &p->node[p->order[i]];

		if (n->device != WEFT_SCHED_NO_DEVICE)
			list_add_tail(&n->order, &p->lane[n->device]);
	}
	p->stale = false;
	p->changes = 0;
}
