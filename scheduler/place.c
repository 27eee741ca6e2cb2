// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where: candidates, transfers, policies, and the walk that decides.
 *
 * DOC: placement
 *
 * For each device that may run a job the expected finish is
 *
 *	max(a slot is free, the inputs are there) + learned run time
 *
 * A slot is free when the jobs given to the device before, and the plans made in this walk, have
 * had their expected time; a job that outran its estimate by x is expected to need x more, so
 * that a hung one repels others. Inputs that are not valid in the device's memory
 * cross its link, and before that the link of the device that holds them (store and forward over
 * host memory); each direction of a link has a time from which it is free, so transfers queue.
 *
 * The walk takes jobs in the policy's order. A job whose best device has room is dispatched. Else
 * it parks a plan: for the rest of the walk it holds a slot and its links' time, and its client
 * and tenant count as charged, so that the jobs after it see the world as it will be. EFT
 * therefore leaves a device idle only while each job looked at that could run there has a logged
 * plan that ends no later elsewhere. At most WEFT_SCHED_LOOKS jobs are looked at in order, then
 * for each device with room that none of them could use, the first job that can: no device idles
 * behind jobs that it could not run anyway.
 *
 * A job that is due has its data on one device already and competes for a place there like any
 * other. Others may wait for it who know nothing of our order, and not for ever; so if the order
 * keeps it out for too long it is dispatched before the walk, but only one of them at a time, or
 * those who wait first could shut out the rest. On a device that takes no new jobs there is nobody
 * to shut out: all of them are.
 *
 * Ties: earliest finish, then the device used least so far, then the smallest id. Nothing asks
 * for the vendor, the class or the model.
 *
 * Rejected: work conservation (filling a slow device with the critical path costs up to half of
 * the makespan), plans kept between walks (they go stale with every completion), a place for a job
 * as soon as it is due (many that become due at once would shut everybody else out).
 */
#include "internal.h"

static bool weft_device_room(const struct weft_sched_device *d)
{
	return d->outstanding - d->ahead < d->credits + d->depth;
}

u32 weft_device_slot(const struct weft_sched_device *d)
{
	u32 best = 0;
	u32 i;

	for (i = 1; i < d->slot_count; i++) {
		if (d->slot[i] < d->slot[best])
			best = i;
	}
	return best;
}

/* The slot that is free first, of which those from @used on are free now. */
static u32 weft_device_next(const struct weft_sched_device *d, u32 *used)
{
	return *used < d->slot_count ? (*used)++ : weft_device_slot(d);
}

void weft_place_prepare(struct weft_sched_device *d, u64 now)
{
	struct weft_sched_job *job;
	u32 i, used = 0;

	d->plan_down = max(d->down_free, now);
	d->plan_up = max(d->up_free, now);
	d->slot_count = min(d->credits, WEFT_SCHED_SLOTS);
	for (i = 0; i < d->slot_count; i++)
		d->slot[i] = now;
	list_for_each_entry(job, &d->jobs, node) {
		u64 end = job->start + job->est_run;

		if (job->state != WEFT_JOB_RUNNING)
			continue;
		job->est_end = end >= now ? end : now + (now - end);
		d->slot[weft_device_next(d, &used)] = job->est_end;
	}
	list_for_each_entry(job, &d->jobs, node) {
		u32 slot;

		if (job->state == WEFT_JOB_RUNNING)
			continue;
		slot = weft_device_next(d, &used);
		job->est_end = max(d->slot[slot], job->est_data) + job->est_run;
		d->slot[slot] = job->est_end;
	}
}

u64 weft_link_time(const struct weft_sched_link *link, u64 bytes)
{
	u64 ns = div64_u64(weft_mul_sat(bytes, 1000), link->bandwidth);

	return min(weft_add_sat(ns, link->latency), WEFT_TIME_MAX);
}

/* Regions of host memory hold what no present device's memory is. */
static u64 weft_device_regions(const struct weft_sched *s)
{
	u64 regions = 0;
	u64 left;

	for (left = s->present; left; left &= left - 1) {
		const struct weft_sched_device *d = s->device[__ffs64(left)];

		/* A device without memory of its own computes in its host's. */
		if (d->region != d->host_region)
			regions |= BIT_ULL(d->region);
	}
	return regions;
}

/* A buffer is copied whole; what is overwritten whole need not be there before. */
bool weft_ref_inputs(const struct weft_sched_ref *ref)
{
	return (ref->access & WEFT_ACCESS_READ) || ref->bytes < ref->data->bytes;
}

/*
 * When the inputs of @job can be in @d's memory; @ns: time on links that this takes. With @keep
 * the links are reserved, in terms of the running pick.
 */
static u64 weft_place_data(struct weft_sched *s, const struct weft_sched_job *job,
			   struct weft_sched_device *d, u64 now, bool keep, u64 *ns)
{
	u64 devices = weft_device_regions(s);
	u64 here = BIT_ULL(d->region);
	u64 down = d->plan_down;
	u64 there = now;
	u64 sources = 0;
	u32 i;

	if (s->planner)
		return weft_plan_arrival(s, job, d, now, keep, ns);
	*ns = 0;
	for (i = 0; i < job->ref_count; i++) {
		struct weft_sched_data *data = job->refs[i].data;
		u64 valid = data->valid;
		u64 from = now;
		u64 cost;

		if (!weft_ref_inputs(&job->refs[i]) || !valid || (valid & here) ||
		    weft_chain_written(&job->refs[i]))
			continue;
		if (data->arriving & here) {
			there = max(there, d->plan_down);
			continue;
		}
		if (!(valid & ~devices)) {
			/* Only devices hold it: up from the one that can deliver first. */
			u32 source = WEFT_SCHED_NO_DEVICE;
			u64 best = 0;
			u64 left;

			for (left = s->present; left; left &= left - 1) {
				u32 id = __ffs64(left);
				const struct weft_sched_device *o = s->device[id];
				u64 free = sources & BIT_ULL(id) ? s->up_cursor[id] : o->plan_up;

				if (!(valid & BIT_ULL(o->region)))
					continue;
				free += weft_link_time(&o->up, data->bytes);
				if (source == WEFT_SCHED_NO_DEVICE || free < best) {
					source = id;
					best = free;
				}
			}
			*ns += weft_link_time(&s->device[source]->up, data->bytes);
			sources |= BIT_ULL(source);
			s->up_cursor[source] = best;
			from = best;
		}
		cost = weft_link_time(&d->down, data->bytes);
		down = max(down, from) + cost;
		there = max(there, down);
		*ns += cost;
		if (keep)
			data->arriving |= here;
	}
	if (keep) {
		d->plan_down = down;
		for (; sources; sources &= sources - 1) {
			u32 id = __ffs64(sources);

			s->device[id]->plan_up = s->up_cursor[id];
		}
	}
	return there;
}

void weft_place_weigh(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	u64 left;

	for (left = s->present; left; left &= left - 1) {
		struct weft_sched_device *d = s->device[__ffs64(left)];
		struct weft_sched_candidate *c = &s->cand[d->id];
		struct weft_estimate e;

		memset(c, 0, sizeof(*c));
		if (!(weft_job_may_use(job) & BIT_ULL(d->id))) {
			c->reason = job->devices & BIT_ULL(d->id) ? WEFT_REASON_ELSEWHERE :
								    WEFT_REASON_NOT_ELIGIBLE;
			continue;
		}
		weft_estimate_get(s, job, d, &e);
		c->data = weft_place_data(s, job, d, now, false, &c->transfer);
		c->start = max(d->slot[weft_device_slot(d)], c->data);
		c->run = e.run;
		c->finish = c->start + c->run;
		c->explore = e.known && !e.tried;
		if (!d->open)
			c->reason = WEFT_REASON_CLOSED;
		else if (job->denied & BIT_ULL(d->id))
			c->reason = WEFT_REASON_NOT_NOW;
	}
}

/* ---------------------------------------------------------------- policies */

static u64 weft_wanted_open(const struct weft_sched *s)
{
	return s->open;
}

static u64 weft_wanted_room(const struct weft_sched *s)
{
	return s->room;
}

static struct weft_sched_job *weft_first_arrival(struct weft_sched *s, u64 mask)
{
	struct weft_tree_node *node = weft_tree_first(&s->arrivals, mask);

	return node ? container_of(node, struct weft_sched_job, arrival) : NULL;
}

/* earliest finish, then least used, then smallest id; @a has the smaller id */
static bool weft_eft_better(const struct weft_sched *s, u32 a, u32 b)
{
	if (s->cand[a].finish != s->cand[b].finish)
		return s->cand[a].finish < s->cand[b].finish;
	return s->device[a]->busy_ns <= s->device[b]->busy_ns;
}

static u32 weft_eft_choose(struct weft_sched *s)
{
	u32 best = WEFT_SCHED_NO_DEVICE;
	bool explore = false;
	u64 left;

	/* The order gives only jobs that an open device with space can run, so there is one. */

	for (left = s->present; left; left &= left - 1) {
		u32 id = __ffs64(left);
		struct weft_sched_candidate *c = &s->cand[id];

		if (c->reason || explore)
			continue;
		if (c->explore && (s->room & BIT_ULL(id))) {
			explore = true;
			best = id;
		} else if (best == WEFT_SCHED_NO_DEVICE || !weft_eft_better(s, best, id)) {
			best = id;
		}
	}
	for (left = s->present; left; left &= left - 1) {
		struct weft_sched_candidate *c = &s->cand[__ffs64(left)];

		if (c->reason)
			continue;
		if (c->finish > s->cand[best].finish)
			c->reason = WEFT_REASON_LATER;
		else
			c->reason = explore ? WEFT_REASON_OUTRUN : WEFT_REASON_TIE;
	}
	if (explore)
		s->cand[best].reason = WEFT_REASON_EXPLORE;
	else if (s->room & BIT_ULL(best))
		s->cand[best].reason = WEFT_REASON_CHOSEN;
	else
		s->cand[best].reason = WEFT_REASON_PLANNED;
	return best;
}

static u32 weft_fifo_choose(struct weft_sched *s)
{
	u32 best = WEFT_SCHED_NO_DEVICE;
	u64 free = 0;
	u64 left;

	for (left = s->present; left; left &= left - 1) {
		u32 id = __ffs64(left);
		const struct weft_sched_device *d = s->device[id];
		struct weft_sched_candidate *c = &s->cand[id];
		u64 slot = d->slot[weft_device_slot(d)];

		if (c->reason)
			continue;
		if (!(s->room & BIT_ULL(id))) {
			c->reason = WEFT_REASON_NO_ROOM;
		} else if (best == WEFT_SCHED_NO_DEVICE || slot < free) {
			if (best != WEFT_SCHED_NO_DEVICE)
				s->cand[best].reason = WEFT_REASON_LATER;
			best = id;
			free = slot;
			c->reason = WEFT_REASON_CHOSEN;
		} else {
			c->reason = slot > free ? WEFT_REASON_LATER : WEFT_REASON_TIE;
		}
	}
	return best;
}

static const struct weft_policy weft_policies[] = {
	{
		/* earliest finish in fair order: the default */
		.name = "eft",
		.wanted = weft_wanted_open,
		.first = weft_fair_first,
		.choose = weft_eft_choose,
		.ahead = true,
	},
	{
		/* arrival order, the device free first, blind to speed, data and shares */
		.name = "fifo",
		.wanted = weft_wanted_room,
		.first = weft_first_arrival,
		.choose = weft_fifo_choose,
	},
};

const struct weft_policy *weft_policy_find(const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(weft_policies); i++) {
		if (!strcmp(weft_policies[i].name, name))
			return &weft_policies[i];
	}
	return NULL;
}

const char *weft_sched_policy_name(u32 i)
{
	return i < ARRAY_SIZE(weft_policies) ? weft_policies[i].name : NULL;
}

/* ---------------------------------------------------------------- the walk */

static void weft_place_park(struct weft_sched *s, struct weft_sched_job *job, u32 device, u64 now)
{
	const struct weft_sched_candidate *c = &s->cand[device];
	struct weft_sched_device *d = s->device[device];

	if (job->plan_device != device || job->plan_finish != c->finish) {
		job->plan_device = device;
		job->plan_finish = c->finish;
		weft_log_place(s, job, WEFT_REC_PLAN, device, now);
	}
	d->slot[weft_device_slot(d)] = c->finish;
	d->plan_down = max(d->plan_down, c->data);
	weft_fair_park(s, job, weft_fair_units(c->run, d->price));
	list_add(&job->node, &s->parked);
}

static void weft_place_unpark(struct weft_sched *s)
{
	/* Newest first: each step undoes the last one that was done. */
	while (!list_empty(&s->parked)) {
		struct weft_sched_job *job = list_first_entry(&s->parked, struct weft_sched_job,
							      node);

		list_del_init(&job->node);
		weft_fair_unpark(s, job);
	}
}

/* Take transfers of @job to @d out of the links' time, now for good. */
static void weft_place_reserve(struct weft_sched *s, struct weft_sched_job *job,
			       struct weft_sched_device *d, u64 now)
{
	u64 left, ns;

	for (left = s->present; left; left &= left - 1) {
		struct weft_sched_device *o = s->device[__ffs64(left)];

		o->plan_down = max(o->down_free, now);
		o->plan_up = max(o->up_free, now);
	}
	job->est_data = weft_place_data(s, job, d, now, true, &ns);
	for (left = s->present; left; left &= left - 1) {
		struct weft_sched_device *o = s->device[__ffs64(left)];

		o->down_free = o->plan_down;
		o->up_free = o->plan_up;
	}
}

static void weft_place_dispatch(struct weft_sched *s, struct weft_sched_job *job,
				struct weft_sched_device *d, u64 now)
{
	const struct weft_sched_candidate *c = &s->cand[d->id];

	if (job->aside == WEFT_ASIDE_DUE) {
		list_del_init(&job->due);
		s->due_count--;
	} else {
		weft_job_move(job, WEFT_JOB_BINDING);
	}
	weft_plan_job_del(s, job);
	job->price = d->price;
	weft_fair_dispatch(s, job, weft_fair_units(c->run, d->price));
	weft_place_reserve(s, job, d, now);
	weft_estimate_try(s, job, d);
	job->device = d->id;
	job->est_run = c->run;
	job->plan_device = d->id;
	job->plan_finish = c->finish;
	job->picked_seq = s->space_seq;
	d->placed++;
	if (job->aside)
		d->aside--;
	job->aside = WEFT_ASIDE_NOT;
	job->placed = d->outstanding || d->aside ? 0 : d->placed;
	d->outstanding++;
	weft_chain_placed(job, d);
	list_add_tail(&job->node, &d->jobs);
	weft_log_place(s, job, WEFT_REC_DECISION, d->id, now);
}

/* A job that is due and gets its place out of turn, or NULL. */
static struct weft_sched_job *weft_place_urgent(struct weft_sched *s, u64 now)
{
	u64 left;

	for (left = s->present; left; left &= left - 1) {
		struct weft_sched_device *d = s->device[__ffs64(left)];
		struct weft_sched_job *job;

		if (list_empty(&d->due))
			continue;
		job = list_first_entry(&d->due, struct weft_sched_job, due);
		if (!d->open)
			return job;
		if (d->urgent || !weft_device_room(d) || now - job->due_time < WEFT_SCHED_PATIENCE)
			continue;
		d->urgent = job->id;
		return job;
	}
	return NULL;
}

/* Devices that have room for @job. */
static u64 weft_place_room(const struct weft_sched *s, const struct weft_sched_job *job)
{
	return job->follows == WEFT_SCHED_NO_DEVICE ? s->room : s->chain_room;
}

/* The job to be dispatched now and @device, where to; or NULL. */
static struct weft_sched_job *weft_place_walk(struct weft_sched *s, u64 now, u32 *device)
{
	struct weft_sched_job *job;
	u64 covered = 0;
	u32 looks;

	/* After WEFT_SCHED_LOOKS each look covers one more device, so this ends. */
	for (looks = 0;; looks++) {
		job = s->policy->first(s, looks < WEFT_SCHED_LOOKS ?
				       s->policy->wanted(s) : s->room & ~covered);
		if (!job)
			break;
		covered |= weft_job_may_use(job);
		weft_place_weigh(s, job, now);
		*device = s->policy->choose(s);
		if (weft_place_room(s, job) & BIT_ULL(*device)) {
			if (s->cand[*device].reason == WEFT_REASON_PLANNED)
				s->cand[*device].reason = WEFT_REASON_CHOSEN;
			break;
		}
		weft_place_park(s, job, *device, now);
	}
	weft_place_unpark(s);
	return job;
}

bool weft_sched_pick(struct weft_sched *s, u64 now, struct weft_sched_decision *d)
{
	struct weft_sched_job *job;
	u32 device;
	u64 left;

	weft_log(s, now, WEFT_REC_PICK, 0, 0, 0, 0, 0, 0, 0);
	s->room = 0;
	s->chain_room = 0;
	for (left = s->open; left; left &= left - 1) {
		u32 id = __ffs64(left);

		if (weft_device_room(s->device[id]))
			s->room |= BIT_ULL(id);
		if (s->device[id]->followers && s->device[id]->ahead < WEFT_SCHED_CHAIN_DEPTH)
			s->chain_room |= BIT_ULL(id);
	}
	job = weft_place_urgent(s, now);
	/* no plan has to be logged for a device that no READY job could use */
	if (!job && !((s->room | s->chain_room) & weft_tree_mask(&s->arrivals)))
		return false;
	for (left = s->present; left; left &= left - 1)
		weft_place_prepare(s->device[__ffs64(left)], now);

	if (job) {
		device = job->device;
		weft_place_weigh(s, job, now);
		s->cand[device].reason = WEFT_REASON_CHOSEN;
	} else if (weft_plan_decides(s)) {
		job = weft_plan_pick(s, &device, now);
	} else {
		job = weft_place_walk(s, now, &device);
	}
	if (!job)
		return false;

	weft_place_dispatch(s, job, s->device[device], now);
	d->job = job;
	d->device = s->device[device];
	d->start = s->cand[device].start;
	d->run = s->cand[device].run;
	d->transfer = s->cand[device].transfer;
	return true;
}

static void weft_place_leave(struct weft_sched *s, struct weft_sched_job *job)
{
	struct weft_sched_device *d = s->device[job->device];
	u32 i;

	list_del_init(&job->node);
	d->outstanding--;
	weft_chain_settle(job, d);
	if (d->urgent == job->id)
		d->urgent = 0;
	for (i = 0; i < job->ref_count; i++)
		job->refs[i].data->arriving &= ~BIT_ULL(d->region);
}

/* @job leaves its device, whether it is done or goes back to READY. */
void weft_place_release(struct weft_sched *s, struct weft_sched_job *job)
{
	if (!job->aside) {
		weft_place_leave(s, job);
		return;
	}
	if (job->aside == WEFT_ASIDE_DUE) {
		weft_fair_remove(s, job);
		list_del_init(&job->due);
		s->due_count--;
	}
	job->aside = WEFT_ASIDE_NOT;
	s->device[job->device]->aside--;
}

void weft_place_aside(struct weft_sched *s, struct weft_sched_job *job)
{
	weft_place_leave(s, job);
	/* it was placed: what was no candidate then is none now in any case */
	weft_place_undeny(job);
	job->aside = WEFT_ASIDE_WAITS;
	s->device[job->device]->aside++;
}

void weft_place_due(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	job->aside = WEFT_ASIDE_DUE;
	job->due_time = now;
	list_add_tail(&job->due, &s->device[job->device]->due);
	s->due_count++;
	weft_fair_insert(s, job);
}

void weft_place_space_made(struct weft_sched *s, struct weft_sched_device *d)
{
	struct weft_sched_job *job, *next;

	d->space_seq = ++s->space_seq;
	if (!list_empty(&s->denied))
		weft_plan_stale(s);
	/* Each step here undoes one failed bind, so it was paid for. */
	list_for_each_entry_safe(job, next, &s->denied, denied_node) {
		if (!(job->denied & BIT_ULL(d->id)))
			continue;
		job->denied &= ~BIT_ULL(d->id);
		if (!job->denied)
			list_del_init(&job->denied_node);
		if (job->state == WEFT_JOB_READY)
			weft_fair_remask(s, job);
	}
}

void weft_place_deny(struct weft_sched *s, struct weft_sched_job *job, struct weft_sched_device *d,
		     u64 now)
{
	/* Space was made while it was binding: try again. */
	if (d->space_seq > job->picked_seq)
		return;
	job->denied |= BIT_ULL(d->id);
	list_del_init(&job->denied_node);
	list_add_tail(&job->denied_node, &s->denied);
	/* Why devices may idle although it is READY. */
	if (!(job->devices & ~job->denied))
		weft_log(s, now, WEFT_REC_PLAN, job->id, WEFT_LOG_NO_DEVICE, WEFT_REASON_NOT_NOW,
			 0, 0, 0, 0);
}

/*
 * A bind of @job failed for space. If no other job was on @d all the time and no space was made,
 * then none will be: memory is quarantined, or cut into pieces by what is.
 */
int weft_place_unfit(struct weft_sched *s, struct weft_sched_job *job, struct weft_sched_device *d)
{
	u64 left = job->devices & ~BIT_ULL(d->id);

	if (job->placed != d->placed || d->space_seq > job->picked_seq)
		return 0;
	if (!(left & s->present))
		return -ENOSPC;
	job->devices = left;
	return 0;
}

void weft_place_undeny(struct weft_sched_job *job)
{
	job->denied = 0;
	list_del_init(&job->denied_node);
}
