// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeping to a plan: what is dispatched, what is sent ahead, when a new plan is made.
 *
 * DOC: keeping to a plan
 *
 * A device takes its jobs in the planned order. One that is READY may pass those before it that are
 * not, or that wait for inputs there, only if it ends before the first of them is expected to
 * start, or if there are places enough for all. So a device may idle while a job that it could run
 * is READY: the log says that it is held for the plan.
 *
 * A copy is sent ahead as soon as its source has it and the buffer's last writer is done. Decided
 * transfers stay in the links' timelines, whatever plan comes after.
 *
 * A plan is made anew when it holds no more: a device came, went or changed, a job came back, was
 * cancelled or found no space. Where it is only less good than it could be, jobs came or runs took
 * another time than expected, it is made anew when an eighth of its jobs' number of such things
 * happened, or when nothing that is planned can be dispatched; so a job is planned about eight
 * times, whatever happens.
 *
 * Rejected: a new plan after each completion (the cost of a decision would grow with the plan);
 * dispatching whatever is READY to its planned device (one long job of little urgency in front of
 * the critical path costs more than the gap).
 */
#include "planner.h"

/* A run that took so much more or less than expected, 1/8, makes a plan doubtful. */
#define WEFT_PLAN_DOUBT	8u
/* New plans per job. */
#define WEFT_PLAN_EFFORT	8u

static size_t weft_plan_align(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static u32 weft_plan_line_count(void)
{
	return 2 * WEFT_PLAN_PORTS + WEFT_SCHED_MAX_DEVICES * WEFT_PLAN_LANES;
}

size_t weft_sched_plan_size(const struct weft_plan_room *room)
{
	if (!room->jobs || room->jobs > WEFT_PLAN_COUNT_MAX || !room->data || !room->window ||
	    room->window > room->jobs ||
	    room->data > WEFT_PLAN_COUNT_MAX || room->spans < 16 ||
	    room->spans > WEFT_PLAN_SPANS_MAX || !room->rounds ||
	    room->rounds > WEFT_PLAN_ROUNDS_MAX)
		return 0;
	return weft_plan_align(sizeof(struct weft_planner)) +
	       weft_plan_align(room->jobs * sizeof(struct weft_plan_node)) +
	       weft_plan_align(room->jobs * sizeof(u32)) +
	       3 * weft_plan_align(room->window * sizeof(u32)) +
	       weft_plan_align(room->data * sizeof(struct weft_plan_data)) +
	       weft_plan_line_count() * room->spans * sizeof(struct weft_span);
}

static void *weft_plan_carve(char **memory, size_t bytes)
{
	void *part = *memory;

	*memory += weft_plan_align(bytes);
	return part;
}

static void weft_plan_line(struct weft_line *line, struct weft_span **span, u32 room)
{
	line->span = *span;
	line->count = 0;
	line->room = room;
	*span += room;
}

int weft_sched_plan_on(struct weft_sched *s, void *memory, const struct weft_plan_room *room,
		       u64 now)
{
	struct weft_planner *p = memory;
	struct weft_span *span;
	char *part = memory;
	u32 i, k;

	if (!weft_sched_plan_size(room))
		return -EINVAL;
	if (s->planner || s->present || s->data_count || s->job_count)
		return -EBUSY;
	weft_log(s, now, WEFT_REC_PLAN_ON, 0, 0, 0, room->jobs | (u64)room->window << 32,
		 room->data, room->spans, room->rounds);
	memset(p, 0, sizeof(*p));
	weft_plan_carve(&part, sizeof(*p));
	p->room = *room;
	p->node = weft_plan_carve(&part, room->jobs * sizeof(*p->node));
	p->queue = weft_plan_carve(&part, room->jobs * sizeof(*p->queue));
	p->first = weft_plan_carve(&part, room->window * sizeof(*p->first));
	p->order = weft_plan_carve(&part, room->window * sizeof(*p->order));
	p->best = weft_plan_carve(&part, room->window * sizeof(*p->best));
	p->data = weft_plan_carve(&part, room->data * sizeof(*p->data));
	span = (struct weft_span *)part;
	for (i = 0; i < WEFT_PLAN_PORTS; i++) {
		weft_plan_line(&p->link[i], &span, room->spans);
		weft_plan_line(&p->port[i], &span, room->spans);
	}
	for (i = 0; i < WEFT_SCHED_MAX_DEVICES; i++) {
		INIT_LIST_HEAD(&p->lane[i]);
		for (k = 0; k < WEFT_PLAN_LANES; k++)
			weft_plan_line(&p->place[i][k], &span, room->spans);
	}
	for (i = 0; i < room->data; i++) {
		p->data[i].data = NULL;
		p->data[i].next_free = i + 1;
		p->data[i].plan = 0;
	}
	INIT_LIST_HEAD(&p->sendable);
	s->planner = p;
	return 0;
}

int weft_sched_route_set(struct weft_sched *s, u32 from, u32 to, const struct weft_sched_route *r,
			 u64 now)
{
	struct weft_planner *p = s->planner;
	struct weft_route *route;
	u64 ports = 0;
	u32 i;

	if (!p)
		return -EOPNOTSUPP;
	if (from >= WEFT_SCHED_MAX_REGIONS || to >= WEFT_SCHED_MAX_REGIONS || from == to ||
	    r->port_count > WEFT_ROUTE_PORTS)
		return -EINVAL;
	for (i = 0; i < r->port_count; i++)
		ports |= (u64)r->port[i] << (8 * i);
	weft_log(s, now, WEFT_REC_ROUTE, (u64)from << 32 | to, r->port_count, 0, r->bandwidth,
		 r->latency, ports, 0);
	route = &p->route[from][to];
	memset(route, 0, sizeof(*route));
	route->bandwidth = r->bandwidth;
	route->latency = min(r->latency, WEFT_TIME_MAX);
	route->port_count = r->port_count;
	for (i = 0; i < r->port_count; i++) {
		route->port[i] = r->port[i];
		route->ports[r->port[i] / 64] |= BIT_ULL(r->port[i] % 64);
		p->port_count = max(p->port_count, r->port[i] + 1u);
	}
	p->stale = true;
	return 0;
}

/* -------------------------------------------------------------- what changes */

void weft_plan_stale(struct weft_sched *s)
{
	if (s->planner)
		s->planner->stale = true;
}

void weft_plan_job_add(struct weft_sched *s, struct weft_sched_job *job)
{
	struct weft_sched_job *before;
	struct list_head *at = &s->pending;

	if (!s->planner)
		return;
	/* In the order of submission; one that comes back is among the oldest. */
	if (!job->moves) {
		list_add_tail(&job->pending, at);
		s->planner->changes++;
		s->planner->fresh++;
	} else {
		list_for_each_entry(before, &s->pending, pending) {
			if (before->id > job->id)
				break;
			at = &before->pending;
		}
		list_add(&job->pending, at);
		s->planner->stale = true;
	}
	if (!job->client->pending[job->service]++)
		s->pending_groups++;
	/* nobody knows when its holder ends it: it counts as one more */
	s->pending_groups += job->lease;
}

void weft_plan_job_del(struct weft_sched *s, struct weft_sched_job *job)
{
	if (list_empty(&job->pending))
		return;
	list_del_init(&job->pending);
	if (!--job->client->pending[job->service])
		s->pending_groups--;
	s->pending_groups -= job->lease;
	if (!job->plan)
		return;
	/* Another may take its place in the plan. */
	if (s->planner->planned < s->planner->count)
		s->planner->changes++;
	list_del_init(&s->planner->node[job->plan - 1].order);
	s->planner->node[job->plan - 1].job = NULL;
	job->plan = 0;
}

void weft_plan_job_ended(struct weft_sched *s, const struct weft_sched_job *job, u64 busy_ns)
{
	u64 off = busy_ns > job->est_run ? busy_ns - job->est_run : job->est_run - busy_ns;

	if (s->planner && off > job->est_run / WEFT_PLAN_DOUBT)
		s->planner->changes++;
}

void weft_plan_data_add(struct weft_sched *s, struct weft_sched_data *data)
{
	struct weft_planner *p = s->planner;

	data->plan = 0;
	INIT_LIST_HEAD(&data->sendable);
	if (!p || p->free_data == p->room.data)
		return;
	data->plan = p->free_data + 1;
	p->free_data = p->data[data->plan - 1].next_free;
	p->data[data->plan - 1].data = data;
	p->data[data->plan - 1].plan = 0;
}

void weft_plan_data_del(struct weft_sched *s, struct weft_sched_data *data)
{
	struct weft_planner *p = s->planner;

	list_del_init(&data->sendable);
	if (!data->plan)
		return;
	p->data[data->plan - 1].data = NULL;
	p->data[data->plan - 1].next_free = p->free_data;
	p->free_data = data->plan - 1;
	data->plan = 0;
}

/* Copies of @data may now be sent that could not before. */
void weft_plan_data_moved(struct weft_sched *s, struct weft_sched_data *data)
{
	if (data->plan && list_empty(&data->sendable))
		list_add_tail(&data->sendable, &s->planner->sendable);
}

void weft_plan_region_lost(struct weft_sched *s, u32 region)
{
	struct weft_planner *p = s->planner;
	u32 i;

	if (!p)
		return;
	p->stale = true;
	for (i = 0; i < p->room.data; i++) {
		if (p->data[i].data)
			p->data[i].data->arriving &= ~BIT_ULL(region);
	}
}

/* ------------------------------------------------------------ keeping to it */

/* Is it for the plan to decide? */
bool weft_plan_decides(const struct weft_sched *s)
{
	return s->planner && s->policy->ahead && s->pending_groups == 1 && !s->due_count;
}

/* Make the plan anew if it is time; @need: nothing else is left to do. */
static bool weft_plan_renew(struct weft_sched *s, bool need, u64 now)
{
	struct weft_planner *p = s->planner;
	struct weft_sched_job *job;
	u32 i;

	if (!p->stale && !(need && p->changes) &&
	    p->changes <= p->planned / WEFT_PLAN_EFFORT)
		return false;
	weft_plan_make(s, p, now);
	list_for_each_entry(job, &s->pending, pending) {
		for (i = 0; job->plan && i < job->ref_count; i++) {
			if (job->refs[i].from != WEFT_SCHED_NO_REGION)
				weft_plan_data_moved(s, job->refs[i].data);
		}
	}
	return true;
}

/* When a job that is planned can start at the earliest: those it waits for may be late. */
static u64 weft_plan_soonest(const struct weft_plan_node *n, u64 now)
{
	const struct weft_sched_job *job = n->job;
	u64 at = max(n->start, now);
	u32 i;

	for (i = 0; i < job->edge_count; i++) {
		const struct weft_sched_job *from = job->edges[i].from;

		if (from && from->device != WEFT_SCHED_NO_DEVICE)
			at = max(at, from->est_end);
	}
	return at;
}

/* The job that @d is to be given now, or NULL. */
static struct weft_plan_node *weft_plan_next(struct weft_sched *s, struct weft_sched_device *d,
					     u64 now)
{
	struct weft_planner *p = s->planner;
	u64 free = d->slot[weft_device_slot(d)];
	u32 taken = d->outstanding, looks = 0;
	const struct weft_sched_job *job;
	struct weft_plan_node *n;
	u64 until = WEFT_NEVER;

	list_for_each_entry(job, &d->jobs, node) {
		/* what came later and has its inputs would start before it */
		if (job->state == WEFT_JOB_BINDING && job->est_data > now)
			until = min(until, job->est_data);
	}
	list_for_each_entry(n, &p->lane[d->id], order) {
		if (looks++ == WEFT_SCHED_LOOKS)
			break;
		if (n->job->state == WEFT_JOB_READY && !(n->job->denied & BIT_ULL(d->id))) {
			u64 start = max(max(free, now), n->data);

			if (taken < d->credits ||
			    weft_add_sat(start, weft_plan_run(s, p, n, d->id)) <= until)
				return n;
		}
		if (n->job->state != WEFT_JOB_READY)
			until = min(until, weft_plan_soonest(n, now));
		taken++;
	}
	return NULL;
}

/* Why the plan has @device, and not another. */
static void weft_plan_reasons(struct weft_sched *s, u32 device, u32 reason)
{
	u64 finish = s->cand[device].finish;
	u64 left;

	for (left = s->present; left; left &= left - 1) {
		struct weft_sched_candidate *c = &s->cand[__ffs64(left)];

		if (!c->reason)
			c->reason = c->finish > finish ? WEFT_REASON_LATER : WEFT_REASON_FOREGONE;
	}
	s->cand[device].reason = reason;
}

/*
 * Say of the READY jobs that stay so that the plan holds them, and where they will run; what is in
 * job->plan_device was said, unless plan_finish is what it was at the beginning.
 */
static void weft_plan_say(struct weft_sched *s, u64 now)
{
	struct weft_sched_job *job;
	u32 looks = 0;

	list_for_each_entry(job, &s->pending, pending) {
		u32 device;

		/* nowhere: that there is no space for it was said */
		if (job->state != WEFT_JOB_READY || !(job->devices & ~job->denied))
			continue;
		if (looks++ == WEFT_SCHED_LOOKS)
			break;
		device = job->plan ? s->planner->node[job->plan - 1].device : WEFT_SCHED_NO_DEVICE;
		if (job->plan_finish != U64_MAX && job->plan_device == device)
			continue;
		job->plan_device = device;
		if (device == WEFT_SCHED_NO_DEVICE) {
			job->plan_finish = 0;
			weft_log(s, now, WEFT_REC_PLAN, job->id, WEFT_LOG_NO_DEVICE,
				 WEFT_REASON_HELD, 0, 0, 0, 0);
			continue;
		}
		weft_place_weigh(s, job, now);
		weft_plan_reasons(s, device, WEFT_REASON_HELD);
		job->plan_finish = s->cand[device].finish;
		weft_log_place(s, job, WEFT_REC_PLAN, device, now);
	}
}

static struct weft_plan_node *weft_plan_choose(struct weft_sched *s, u64 now)
{
	struct weft_plan_node *best = NULL;
	u64 left;

	for (left = s->room; left; left &= left - 1) {
		struct weft_plan_node *n = weft_plan_next(s, s->device[__ffs64(left)], now);

		if (n && (!best || n->start < best->start ||
			  (n->start == best->start && n->job->id < best->job->id)))
			best = n;
	}
	return best;
}

struct weft_sched_job *weft_plan_pick(struct weft_sched *s, u32 *device, u64 now)
{
	struct weft_plan_node *n;

	weft_plan_renew(s, false, now);
	n = weft_plan_choose(s, now);
	if (!n && weft_plan_renew(s, true, now))
		n = weft_plan_choose(s, now);
	if (!n) {
		weft_plan_say(s, now);
		return NULL;
	}
	*device = n->device;
	weft_place_weigh(s, n->job, now);
	weft_plan_reasons(s, n->device, WEFT_REASON_AHEAD);
	return n->job;
}

/* -------------------------------------------------------------------- links */

/*
 * When the inputs of @job can be on @d, as weft_place_data() says it, with gaps and routes. With
 * @keep the transfers are decided.
 */
u64 weft_plan_arrival(struct weft_sched *s, const struct weft_sched_job *job,
		      struct weft_sched_device *d, u64 now, bool keep, u64 *ns)
{
	struct weft_planner *p = s->planner;
	u64 there;
	u32 i, k;

	weft_plan_begin(s, p);
	for (i = 0; i < job->ref_count; i++) {
		if (job->refs[i].data->plan)
			weft_plan_data(s, p, job->refs[i].data, now);
	}
	there = weft_plan_inputs(p, p->link, job, d->region, d->host_region, now, ns);
	for (i = 0; keep && i < p->need_count; i++) {
		const struct weft_plan_need *need = &p->need[i];

		for (k = 0; k < need->route->port_count; k++) {
			weft_line_forget(&p->link[need->route->port[k]], now);
			weft_line_take(&p->link[need->route->port[k]], need->start, need->end);
		}
		if (need->ref) {
			need->ref->data->arriving |= BIT_ULL(d->region);
			p->data[need->ref->data->plan - 1].arrives[d->region] = there;
		}
	}
	/* behind those of jobs that were parked for it in this walk */
	if (!keep && p->need_count)
		there = max(there, weft_add_sat(d->plan_down, *ns));
	return there;
}

/* A planned transfer of @ref, whose source has the bytes: decide it. */
static bool weft_plan_send_ref(struct weft_sched *s, struct weft_sched_ref *ref, u64 now,
			       struct weft_sched_send *send)
{
	struct weft_planner *p = s->planner;
	const struct weft_sched_job *job = ref->job;
	struct weft_sched_data *data = ref->data;
	struct weft_plan_data *d = &p->data[data->plan - 1];
	const struct weft_plan_node *n;
	const struct weft_route *r;
	u64 start, end;
	u32 to, i;

	if (!job->plan || ref->from == WEFT_SCHED_NO_REGION)
		return false;
	n = &p->node[job->plan - 1];
	if (n->device == WEFT_SCHED_NO_DEVICE || !s->device[n->device])
		return false;
	to = s->device[n->device]->region;
	if (((data->valid | data->arriving) & BIT_ULL(to)) ||
	    !((data->valid | data->arriving) & BIT_ULL(ref->from)))
		return false;
	send->data = data;
	send->from = ref->from;
	send->to = to;
	send->at = max(ref->send_at, now);
	if (!(data->valid & BIT_ULL(ref->from)))
		send->at = max(send->at, d->arrives[ref->from]);
	send->job = ref->job;
	ref->from = WEFT_SCHED_NO_REGION;
	r = &p->route[send->from][to];
	start = send->at;
	end = start;
	if (r->bandwidth) {
		u64 took = weft_route_time(r, data->bytes);

		p->need_count = 0;
		start = weft_route_free(p, p->link, r, send->at, took);
		end = start + took;
		for (i = 0; i < r->port_count; i++) {
			weft_line_forget(&p->link[r->port[i]], now);
			weft_line_take(&p->link[r->port[i]], start, end);
		}
	}
	d->arrives[to] = end;
	data->arriving |= BIT_ULL(to);
	weft_log(s, now, WEFT_REC_SEND, data->id, send->from, to, send->at, end, send->job->id, 0);
	return true;
}

/* The uses of @data by jobs that wait for no writer of it any more. */
static bool weft_plan_send_data(struct weft_sched *s, struct weft_sched_data *data, u64 now,
				struct weft_sched_send *send)
{
	struct weft_sched_ref *writer = NULL, *ref;

	if (!list_empty(&data->writers))
		writer = list_first_entry(&data->writers, struct weft_sched_ref, node);
	if (writer && writer->job->device != WEFT_SCHED_NO_DEVICE)
		return false;
	list_for_each_entry(ref, &data->readers, node) {
		if (writer && ref->job->id > writer->job->id)
			break;
		if (weft_plan_send_ref(s, ref, now, send))
			return true;
	}
	return writer && weft_plan_send_ref(s, writer, now, send);
}

bool weft_sched_send(struct weft_sched *s, u64 now, struct weft_sched_send *send)
{
	struct weft_planner *p = s->planner;
	u64 left;

	if (!weft_plan_decides(s))
		return false;
	weft_log(s, now, WEFT_REC_SENDS, 0, 0, 0, 0, 0, 0, 0);
	for (left = s->present; left; left &= left - 1)
		weft_place_prepare(s->device[__ffs64(left)], now);
	weft_plan_renew(s, false, now);
	while (!list_empty(&p->sendable)) {
		struct weft_sched_data *data = list_first_entry(&p->sendable,
								struct weft_sched_data, sendable);

		if (weft_plan_send_data(s, data, now, send))
			return true;
		list_del_init(&data->sendable);
	}
	return false;
}

void weft_sched_unsend(struct weft_sched *s, struct weft_sched_data *data, u32 to, u64 now)
{
	weft_log(s, now, WEFT_REC_UNSEND, data->id, to, 0, 0, 0, 0, 0);
	data->arriving &= ~BIT_ULL(to);
}
