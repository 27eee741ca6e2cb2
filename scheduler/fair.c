// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is next: start-time fair queueing over tenants and clients.
 *
 * DOC: fair order
 *
 * Service classes are served in order; in a class tenants share by weight; in a tenant clients
 * share alike; in a client jobs go by priority, upward rank and id. A tenant and a client have
 * one virtual time per class: priced engine time (ns x price) divided by the weight, with the
 * remainder kept, so that no charge is ever lost to rounding. The member with the least virtual
 * time is next. A dispatch charges the expected time at once (else a member could fill every
 * device before its first job ends) and the end of the job corrects the charge.
 *
 * Sleep. A member without READY jobs leaves its group's tree. When it comes back it stands no
 * further behind the group's virtual time than it stood when it left: it gains no credit by
 * sleeping and loses none that it was owed. Such a *lift* is service the member gave up; a late
 * correction of a job dispatched before the lift may not hand it back, so the job remembers the
 * sum of lifts at its dispatch. Who has a lease does not sleep, though he has nothing READY: he may
 * have it for long, and asks for the next one only then.
 *
 * Feasible shares. A member that cannot use its share (one job at a time, one allowed device)
 * falls behind without end and would, once it can, shut out the others until it has caught up.
 * Its lag is therefore bounded by one largest job for each place on the devices and one more,
 * which is the bound of SFQ with depth for members that can use their share.
 *
 * Rejected: round robin with deficits (unfair inside a round as long as the largest job), the
 * smallest virtual time of the members as the group's (one infeasible member would drag it, and
 * with it every newcomer, back), lifting the debt off a member that slept (then sleeping gains).
 */
#include "internal.h"

#define WEFT_UNITS_MAX	BIT_ULL(61)
/* A client's order in one key: eight priorities above the rank. */
#define WEFT_RANK_BITS	60
#define WEFT_RANK_MAX	(BIT_ULL(WEFT_RANK_BITS) - 1)

static struct weft_sched_tenant *weft_entity_tenant(struct weft_tree_node *node, u32 service)
{
	struct weft_sched_entity *e = container_of(node, struct weft_sched_entity, node);

	return container_of(e - service, struct weft_sched_tenant, entity[0]);
}

static struct weft_sched_client *weft_entity_client(struct weft_tree_node *node, u32 service)
{
	struct weft_sched_entity *e = container_of(node, struct weft_sched_entity, node);

	return container_of(e - service, struct weft_sched_client, entity[0]);
}

u64 weft_fair_units(u64 ns, u32 price)
{
	return min(weft_mul_sat(min(ns, WEFT_TIME_MAX), price), WEFT_UNITS_MAX);
}

static void weft_entity_init(struct weft_sched_entity *e, u64 id, u32 weight, u64 vtime)
{
	memset(e, 0, sizeof(*e));
	e->node.minor = id;
	e->weight = weight;
	e->vtime = vtime;
}

void weft_fair_tenant_init(struct weft_sched *s, struct weft_sched_tenant *t)
{
	u32 i;

	t->priced = 0;
	t->priced_rem = 0;
	t->client_count = 0;
	for (i = 0; i < WEFT_SERVICE_COUNT; i++) {
		weft_entity_init(&t->entity[i], t->id, t->weight, s->class[i].vtime);
		memset(&t->clients[i], 0, sizeof(t->clients[i]));
	}
}

void weft_fair_client_init(struct weft_sched_client *c)
{
	u32 i;

	c->busy_ns = 0;
	c->priced = 0;
	c->priced_rem = 0;
	c->job_count = 0;
	for (i = 0; i < WEFT_SERVICE_COUNT; i++) {
		weft_entity_init(&c->entity[i], c->id, WEFT_WEIGHT_DEFAULT,
				 c->tenant->clients[i].vtime);
		c->jobs[i].root = NULL;
		c->pending[i] = 0;
	}
}

void weft_fair_tenant_set(struct weft_sched_tenant *t, u32 weight)
{
	u32 i;

	t->weight = weight;
	for (i = 0; i < WEFT_SERVICE_COUNT; i++) {
		struct weft_sched_entity *e = &t->entity[i];

		/* The remainder is less than one tick of virtual time: keep it in range. */
		e->rem = min(e->rem, (u64)weight - 1);
		e->weight = weight;
	}
}

/* How far @e is behind @group, 0 if it is not. */
static u64 weft_entity_lag(const struct weft_sched_group *group, const struct weft_sched_entity *e)
{
	s64 lag = (s64)(group->vtime - e->vtime);

	return lag > 0 ? (u64)lag : 0;
}

/* Let @e stand at most @lag behind @group. @e is not in the tree. */
static void weft_entity_lift(const struct weft_sched_group *group, struct weft_sched_entity *e,
			     u64 lag)
{
	u64 behind = weft_entity_lag(group, e);

	if (behind > lag) {
		e->vtime += behind - lag;
		e->lift += behind - lag;
	}
}

static void weft_entity_enqueue(struct weft_sched_group *group, struct weft_sched_entity *e)
{
	e->node.major = e->vtime;
	weft_tree_insert(&group->tree, &e->node);
	e->queued = true;
}

static void weft_entity_dequeue(struct weft_sched_group *group, struct weft_sched_entity *e)
{
	weft_tree_erase(&group->tree, &e->node);
	e->queued = false;
}

/* The devices that @e's READY jobs can use are now @mask: wake, sleep or just tell the tree. */
static void weft_entity_update(struct weft_sched_group *group, struct weft_sched_entity *e,
			       u64 mask)
{
	if (!e->queued && !mask) {
		/* All its jobs wait for space in memory: it sleeps on. */
		return;
	} else if (!e->queued) {
		e->node.mask = mask;
		if (!e->leases)
			weft_entity_lift(group, e, e->lag);
		weft_entity_enqueue(group, e);
	} else if (!mask) {
		e->lag = weft_entity_lag(group, e);
		weft_entity_dequeue(group, e);
	} else if (mask != e->node.mask) {
		weft_tree_mask_set(&e->node, mask);
	}
}

/* Add @units, which may be negative, to what @e was served. */
static void weft_entity_charge(struct weft_sched_group *group, struct weft_sched_entity *e,
			       s64 units)
{
	bool queued = e->queued;
	u64 ticks, left;

	if (queued)
		weft_entity_dequeue(group, e);
	if (units >= 0) {
		ticks = div64_u64_rem(e->rem + (u64)units, e->weight, &left);
		e->vtime += ticks;
		e->rem = left;
	} else {
		/* Round down, so that the remainder stays in range and nothing is lost. */
		ticks = div64_u64_rem((u64)-units + e->weight - 1 - e->rem, e->weight, &left);
		e->vtime -= ticks;
		e->rem = e->weight - 1 - left;
	}
	if (queued)
		weft_entity_enqueue(group, e);
}

/* Keep @e's lag feasible: see the head of this file. */
static void weft_entity_bound(struct weft_sched *s, struct weft_sched_group *group,
			      struct weft_sched_entity *e, u64 units)
{
	u64 largest = max(s->charge_max, units);
	u64 bound = div64_u64(weft_mul_sat(largest, s->places + 1), e->weight) + 1;

	if (weft_entity_lag(group, e) <= bound)
		return;
	if (e->queued) {
		weft_entity_dequeue(group, e);
		weft_entity_lift(group, e, bound);
		weft_entity_enqueue(group, e);
	} else {
		weft_entity_lift(group, e, bound);
	}
}

static void weft_fair_masks(struct weft_sched *s, struct weft_sched_job *job)
{
	struct weft_sched_client *c = job->client;
	struct weft_sched_tenant *t = c->tenant;
	u32 i = job->service;

	weft_entity_update(&t->clients[i], &c->entity[i], weft_tree_mask(&c->jobs[i]));
	weft_entity_update(&s->class[i], &t->entity[i], weft_tree_mask(&t->clients[i].tree));
}

/* Larger priority, then larger rank, then smaller id. */
static void weft_fair_enqueue(struct weft_sched_job *job)
{
	job->fair.major = ((u64)(7 - job->priority) << WEFT_RANK_BITS) + WEFT_RANK_MAX -
			  min(job->rank, WEFT_RANK_MAX);
	job->fair.minor = job->id;
	job->fair.mask = weft_job_may_use(job) & ~job->denied;
	weft_tree_insert(&job->client->jobs[job->service], &job->fair);
}

void weft_fair_rekey(struct weft_sched_job *job)
{
	weft_tree_erase(&job->client->jobs[job->service], &job->fair);
	weft_fair_enqueue(job);
}

void weft_fair_insert(struct weft_sched *s, struct weft_sched_job *job)
{
	weft_fair_enqueue(job);
	job->arrival.minor = job->id;
	job->arrival.mask = weft_job_may_use(job) & ~job->denied;
	weft_tree_insert(&s->arrivals, &job->arrival);
	weft_fair_masks(s, job);
}

void weft_fair_remask(struct weft_sched *s, struct weft_sched_job *job)
{
	weft_tree_mask_set(&job->fair, weft_job_may_use(job) & ~job->denied);
	weft_tree_mask_set(&job->arrival, weft_job_may_use(job) & ~job->denied);
	weft_fair_masks(s, job);
}

void weft_fair_remove(struct weft_sched *s, struct weft_sched_job *job)
{
	weft_tree_erase(&job->client->jobs[job->service], &job->fair);
	weft_tree_erase(&s->arrivals, &job->arrival);
	weft_fair_masks(s, job);
}

struct weft_sched_job *weft_fair_first(struct weft_sched *s, u64 mask)
{
	u32 i;

	for (i = 0; i < WEFT_SERVICE_COUNT; i++) {
		struct weft_tree_node *node = weft_tree_first(&s->class[i].tree, mask);

		if (!node)
			continue;
		node = weft_tree_first(&weft_entity_tenant(node, i)->clients[i].tree, mask);
		node = weft_tree_first(&weft_entity_client(node, i)->jobs[i], mask);
		return container_of(node, struct weft_sched_job, fair);
	}
	return NULL;
}

static void weft_fair_charge(struct weft_sched *s, struct weft_sched_job *job, s64 units)
{
	struct weft_sched_client *c = job->client;
	u32 i = job->service;

	weft_entity_charge(&c->tenant->clients[i], &c->entity[i], units);
	weft_entity_charge(&s->class[i], &c->tenant->entity[i], units);
}

void weft_fair_park(struct weft_sched *s, struct weft_sched_job *job, u64 units)
{
	weft_fair_remove(s, job);
	weft_fair_charge(s, job, (s64)units);
	job->charged = units;
}

void weft_fair_unpark(struct weft_sched *s, struct weft_sched_job *job)
{
	weft_fair_charge(s, job, -(s64)job->charged);
	job->charged = 0;
	weft_fair_insert(s, job);
}

void weft_fair_dispatch(struct weft_sched *s, struct weft_sched_job *job, u64 units)
{
	struct weft_sched_client *c = job->client;
	u32 i = job->service;
	struct weft_sched_group *group[2] = { &s->class[i], &c->tenant->clients[i] };
	struct weft_sched_entity *e[2] = { &c->tenant->entity[i], &c->entity[i] };
	int level;

	for (level = 0; level < 2; level++) {
		if ((s64)(e[level]->vtime - group[level]->vtime) > 0)
			group[level]->vtime = e[level]->vtime;
		weft_entity_bound(s, group[level], e[level], units);
		e[level]->leases += job->lease;
		job->lift[level] = e[level]->lift;
	}
	weft_fair_charge(s, job, (s64)units);
	job->charged = units;
	weft_fair_remove(s, job);
}

/*
 * Where @e stands without what was charged for those of its jobs on @d that wait. @tenant or
 * @client: whose it is.
 */
static u64 weft_entity_stand(const struct weft_sched_device *d, const struct weft_sched_entity *e,
			     u32 service, const struct weft_sched_tenant *tenant,
			     const struct weft_sched_client *client)
{
	const struct weft_sched_job *job;
	u64 units = 0;

	list_for_each_entry(job, &d->jobs, node) {
		if (job->state == WEFT_JOB_RUNNING || job->service != service)
			continue;
		if (tenant ? job->client->tenant == tenant : job->client == client)
			units = weft_add_sat(units, job->charged);
	}
	return e->vtime - div64_u64(units, e->weight);
}

/* Where @job's @level, 0 its tenant or 1 its client, stands if it is charged @used for @job. */
static u64 weft_fair_stand(const struct weft_sched_device *d, const struct weft_sched_job *job,
			   int level, u64 used)
{
	const struct weft_sched_client *c = job->client;
	const struct weft_sched_entity *e;
	u64 stand;

	e = level ? &c->entity[job->service] : &c->tenant->entity[job->service];
	stand = weft_entity_stand(d, e, job->service, level ? NULL : c->tenant, c);
	if (used > job->charged)
		return stand + div64_u64(used - job->charged, e->weight);
	return stand - div64_u64(job->charged - used, e->weight);
}

bool weft_fair_before(const struct weft_sched_device *d, const struct weft_sched_job *job,
		      u64 used, const struct weft_sched_job *rival)
{
	const struct weft_sched_client *c = rival->client;
	int level = c->tenant == job->client->tenant;
	u32 i = rival->service;
	u64 theirs;

	if (job->service != i)
		return job->service < i;
	theirs = weft_entity_stand(d, level ? &c->entity[i] : &c->tenant->entity[i], i,
				   level ? NULL : c->tenant, c);
	return (s64)(weft_fair_stand(d, job, level, used) - theirs) < 0;
}

void weft_fair_extend(struct weft_sched *s, struct weft_sched_job *job, u64 used, u64 more)
{
	struct weft_sched_client *c = job->client;
	u32 i = job->service;
	struct weft_sched_group *group[2] = { &s->class[i], &c->tenant->clients[i] };
	u64 stand, units = weft_add_sat(used, more);
	int level;

	for (level = 0; level < 2; level++) {
		stand = weft_fair_stand(s->device[job->device], job, level, used);
		if ((s64)(stand - group[level]->vtime) > 0)
			group[level]->vtime = stand;
	}
	if (units > job->charged) {
		weft_fair_charge(s, job, (s64)(units - job->charged));
		job->charged = units;
	}
}

/* Correct a charge of @job->charged units to @units where a lift may lie between. */
static void weft_entity_settle(struct weft_sched *s, struct weft_sched_group *group,
			       struct weft_sched_entity *e, const struct weft_sched_job *job,
			       u64 units, u64 lift)
{
	u64 lifted = weft_mul_sat(e->lift - lift, e->weight);

	if (units > job->charged) {
		u64 more = units - job->charged;

		weft_entity_charge(group, e, (s64)(more - min(more, lifted)));
	} else if (!lifted) {
		weft_entity_charge(group, e, -(s64)(job->charged - units));
	}
	weft_entity_bound(s, group, e, units);
	/* what it is owed now it may be owed when it comes back */
	if (job->lease && !--e->leases && !e->queued)
		e->lag = weft_entity_lag(group, e);
}

static void weft_fair_account(u64 *priced, u32 *rem, u64 units)
{
	u64 sum = units + *rem;

	*priced += sum / WEFT_PRICE_UNIT;
	*rem = sum % WEFT_PRICE_UNIT;
}

void weft_fair_settle(struct weft_sched *s, struct weft_sched_job *job, u64 busy_ns)
{
	u64 units = weft_fair_units(busy_ns, job->price);
	struct weft_sched_client *c = job->client;
	struct weft_sched_tenant *t = c->tenant;
	u32 i = job->service;

	/* The largest recent job: forgotten slowly, so that one giant does not count for ever. */
	s->charge_max = max(units, s->charge_max - s->charge_max / 64);
	weft_entity_settle(s, &s->class[i], &t->entity[i], job, units, job->lift[0]);
	weft_entity_settle(s, &t->clients[i], &c->entity[i], job, units, job->lift[1]);
	weft_fair_account(&t->priced, &t->priced_rem, units);
	weft_fair_account(&c->priced, &c->priced_rem, units);
	c->busy_ns += busy_ns;
}
