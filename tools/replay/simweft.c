// SPDX-License-Identifier: GPL-2.0-only
/*
 * Engine "weft": scheduler/ as the kernel's pool would drive it.
 *
 * DOC: the scheduler in the simulated world
 *
 * Tells the scheduler what a pool would tell it, when it would: objects, submissions, arrivals of
 * bytes, starts, completions with the time they took. This file does not include simfile.h, so
 * costs and jobs to come are out of reach. What is to be known from the start is taught by letting
 * runs of that length happen on devices that are gone again before the first job comes.
 *
 * Rejected: setting learned times directly (another way in than a kernel has, and one more thing
 * that could be wrong here and right there).
 */
#include "log.h"
#include "plan.h"
#include "simworld.h"

#define EST_COUNT	65536u
#define TEACHER		0xfffffffful
/* how large plans may become */
#define PLAN_JOBS	16384u
#define PLAN_DATA	65536u
#define PLAN_SPANS	4096u

struct engine_job {
	struct weft_sched_job job;
	struct weft_sched_edge *edges;
	u32 world;
	/* BOUND jobs of a device, first come first */
	struct engine_job *next;
};

struct engine {
	struct weft_sched s;
	struct sim_world *w;
	struct weft_sched_est *est;
	struct weft_sched_tenant *tenant;
	struct weft_sched_client *client;
	struct weft_sched_data *data;
	struct weft_sched_device *device;
	struct engine_job **job;
	struct engine_job **bound;
	struct weft_sched_tenant teacher_tenant;
	struct weft_sched_client teacher;
	u64 lessons;
	bool started;
	/* what was logged last is why a job is held */
	bool held;
	/* the planner's memory, NULL: it does not plan */
	void *plan;
};

static struct engine *engine_of(struct sim_world *w)
{
	return w->data;
}

static u32 world_job(u64 id)
{
	return (u32)(id - 1);
}

/* ------------------------------------------------------------------ its log */

static const char * const reasons[] = {
	[WEFT_REASON_CHOSEN] = "chosen",
	[WEFT_REASON_EXPLORE] = "explore",
	[WEFT_REASON_LATER] = "later",
	[WEFT_REASON_TIE] = "tie",
	[WEFT_REASON_PLANNED] = "planned",
	[WEFT_REASON_NO_ROOM] = "no-room",
	[WEFT_REASON_NOT_NOW] = "not-now",
	[WEFT_REASON_CLOSED] = "closed",
	[WEFT_REASON_NOT_ELIGIBLE] = "not-eligible",
	[WEFT_REASON_OUTRUN] = "outrun",
	[WEFT_REASON_ELSEWHERE] = "elsewhere",
	[WEFT_REASON_AHEAD] = "ahead",
	[WEFT_REASON_FOREGONE] = "foregone",
};

static void engine_log(struct weft_sched *s, const struct weft_rec *rec)
{
	struct engine *e = container_of(s, struct engine, s);
	struct sim_expect x = {
		.start = rec->arg[0],
		.run = rec->arg[2],
		.finish = rec->arg[3],
		.reason = rec->b < ARRAY_SIZE(reasons) ? reasons[rec->b] : NULL,
	};

	if (e->w->options.inputs)
		fwrite(rec, sizeof(*rec), 1, e->w->options.inputs);
	if (!e->started || rec->type < WEFT_REC_DECISION)
		return;
	/* a hold is logged without candidates */
	if (rec->type == WEFT_REC_CANDIDATE && e->held)
		return;
	e->held = rec->type == WEFT_REC_PLAN && rec->b == WEFT_REASON_HELD;
	if (e->held) {
		sim_hold(e->w, world_job(rec->id), "plan");
		return;
	}
	if (rec->type == WEFT_REC_PLAN && rec->a == WEFT_LOG_NO_DEVICE) {
		sim_hold(e->w, world_job(rec->id), "space");
		return;
	}
	if (rec->type == WEFT_REC_DECISION || rec->type == WEFT_REC_PLAN ||
	    rec->type == WEFT_REC_CANDIDATE)
		x.data = s->cand[rec->a].data;
	if (rec->type == WEFT_REC_PLAN)
		sim_plan(e->w, world_job(rec->id), rec->a, &x);
	else if (rec->type == WEFT_REC_DECISION)
		sim_decide(e->w, world_job(rec->id), rec->a, &x);
	else if (rec->type == WEFT_REC_CANDIDATE)
		sim_candidate(e->w, world_job(rec->id), rec->a, rec->arg[1], &x);
}

static void engine_poisoned(struct weft_sched *s, struct weft_sched_job *job)
{
}

static const struct weft_sched_ops engine_ops = {
	.log = engine_log,
	.poisoned = engine_poisoned,
};

/* ----------------------------------------------------------------- objects */

static void link_of(struct sim_world *w, u32 from, u32 to, struct weft_sched_link *link)
{
	const struct sim_route *r = from == to ? NULL : sim_net_route(w, from, to);

	link->bandwidth = r ? r->bandwidth : 1;
	link->latency = r ? r->latency : 0;
}

static void device_values(struct sim_world *w, u32 i, struct weft_sched_device *d)
{
	const struct sim_device *m = &w->machine->device[i];

	memset(d, 0, sizeof(*d));
	d->id = i;
	d->model = m->model;
	d->dev_class = m->dev_class;
	d->region = m->region;
	d->host_region = m->host;
	d->credits = m->engines * m->credits;
	d->depth = m->depth;
	d->price = m->price;
	d->open = true;
	link_of(w, m->host, m->region, &d->down);
	link_of(w, m->region, m->host, &d->up);
}

static int engine_init(struct sim_world *w)
{
	struct engine *e = sim_alloc(&w->arena, sizeof(*e));
	u32 i;

	w->data = e;
	e->w = w;
	e->est = sim_alloc(&w->arena, EST_COUNT * sizeof(*e->est));
	e->tenant = sim_alloc(&w->arena, w->tenant_count * sizeof(*e->tenant));
	e->client = sim_alloc(&w->arena, w->client_count * sizeof(*e->client));
	e->data = sim_alloc(&w->arena, w->block_count * sizeof(*e->data));
	e->device = sim_alloc(&w->arena, w->machine->device_count * sizeof(*e->device));
	e->job = sim_alloc(&w->arena, w->job_count * sizeof(*e->job));
	e->bound = sim_alloc(&w->arena, w->machine->device_count * sizeof(*e->bound));
	if (w->options.inputs) {
		struct weft_log_header header;

		weft_log_header_init(&header);
		fwrite(&header, sizeof(header), 1, w->options.inputs);
	}
	if (weft_sched_init(&e->s, &engine_ops, w->options.policy, e->est, EST_COUNT, 0)) {
		snprintf(w->error, sizeof(w->error), "there is no policy \"%s\"",
			 w->options.policy);
		return -1;
	}
	e->teacher_tenant.id = TEACHER;
	e->teacher_tenant.weight = 1;
	e->teacher.id = TEACHER;
	e->teacher.tenant = &e->teacher_tenant;
	weft_sched_tenant_add(&e->s, &e->teacher_tenant, 0);
	weft_sched_client_add(&e->s, &e->teacher, 0);
	for (i = 0; i < w->tenant_count; i++) {
		e->tenant[i].id = i;
		e->tenant[i].weight = w->tenant[i].weight;
		weft_sched_tenant_add(&e->s, &e->tenant[i], 0);
	}
	for (i = 0; i < w->client_count; i++) {
		e->client[i].id = i;
		e->client[i].tenant = &e->tenant[w->client[i].tenant];
		weft_sched_client_add(&e->s, &e->client[i], 0);
	}
	return 0;
}

/* A run of that length, on a device that exists for as long. */
static void engine_learn(struct sim_world *w, u32 kernel, u32 model, u64 size, u64 ns)
{
	struct engine *e = engine_of(w);
	struct weft_sched_decision decision;
	struct weft_sched_device *d = sim_alloc(&w->arena, sizeof(*d));
	struct weft_sched_job *job = sim_alloc(&w->arena, sizeof(*job));

	d->model = model;
	d->credits = 1;
	d->depth = 1;
	d->price = WEFT_PRICE_UNIT;
	d->open = true;
	d->down.bandwidth = 1;
	d->up.bandwidth = 1;
	job->id = (1ull << 62) + e->lessons++;
	job->client = &e->teacher;
	job->kernel = kernel + 1;
	job->size = size;
	job->devices = 1;
	job->service = WEFT_SERVICE_BATCH;
	if (weft_sched_device_add(&e->s, d, 0) ||
	    weft_sched_job_submit(&e->s, job, NULL, 0, 0, 0) ||
	    !weft_sched_pick(&e->s, 0, &decision) || weft_sched_job_bound(&e->s, job, 0) ||
	    weft_sched_job_running(&e->s, job, 0) || weft_sched_job_done(&e->s, job, 0, ns, 0) ||
	    weft_sched_device_remove(&e->s, d, 0))
		abort();
	weft_sched_job_forget(&e->s, job);
}

/* The ways between all regions as they are now. */
static void set_routes(struct engine *e)
{
	struct sim_world *w = e->w;
	u32 from, to, i;

	for (from = 0; from < w->machine->region_count; from++) {
		for (to = 0; to < w->machine->region_count; to++) {
			const struct sim_route *r = from == to ? NULL : sim_net_route(w, from, to);
			struct weft_sched_route route = { };

			if (from == to)
				continue;
			for (i = 0; r && i < r->count && i < WEFT_ROUTE_PORTS; i++) {
				if (r->port[i] >= WEFT_PLAN_PORTS)
					break;
				route.port[i] = (u8)r->port[i];
			}
			if (r && i == r->count) {
				route.port_count = i;
				route.bandwidth = r->bandwidth;
				route.latency = r->latency;
			}
			weft_sched_route_set(&e->s, from, to, &route, w->now);
		}
	}
}

static int plan_on(struct engine *e)
{
	struct sim_world *w = e->w;
	struct weft_plan_room room = {
		.jobs = min(max(w->job_count, 1u), PLAN_JOBS),
		.data = min(max(w->block_count, 1u), PLAN_DATA),
		.spans = PLAN_SPANS,
		.rounds = w->options.ahead,
	};

	room.window = w->options.plan ? min(w->options.plan, room.jobs) : room.jobs;
	e->plan = calloc(1, weft_sched_plan_size(&room));
	if (!e->plan)
		abort();
	return weft_sched_plan_on(&e->s, e->plan, &room, w->now);
}

static void engine_start(struct engine *e)
{
	struct sim_world *w = e->w;
	u32 i;

	e->started = true;
	weft_sched_client_remove(&e->s, &e->teacher, w->now);
	weft_sched_tenant_remove(&e->s, &e->teacher_tenant, w->now);
	if (w->options.ahead) {
		if (plan_on(e))
			abort();
		set_routes(e);
	}
	for (i = 0; i < w->machine->device_count; i++) {
		device_values(w, i, &e->device[i]);
		if ((w->present & BIT_ULL(i)) &&
		    weft_sched_device_add(&e->s, &e->device[i], w->now))
			abort();
	}
	for (i = 0; i < w->block_count; i++) {
		e->data[i].id = i + 1;
		e->data[i].bytes = w->block[i].bytes;
		e->data[i].valid = w->valid[i];
		weft_sched_data_add(&e->s, &e->data[i], w->now);
	}
}

static void engine_device(struct sim_world *w, u32 device, bool present)
{
	struct engine *e = engine_of(w);
	struct weft_sched_device to;

	if (!e->started)
		return;
	device_values(w, device, &to);
	if (w->options.ahead)
		set_routes(e);
	if (!present) {
		e->bound[device] = NULL;
		if (e->s.device[device] &&
		    weft_sched_device_remove(&e->s, &e->device[device], w->now))
			abort();
	} else if (e->s.device[device]) {
		weft_sched_device_set(&e->s, &e->device[device], &to, w->now);
	} else {
		e->device[device] = to;
		weft_sched_device_add(&e->s, &e->device[device], w->now);
	}
}

static void engine_moved(struct sim_world *w, u32 block)
{
	struct engine *e = engine_of(w);

	if (e->started)
		weft_sched_data_set(&e->s, &e->data[block], w->valid[block], w->now);
}

static void engine_weight(struct sim_world *w, u32 tenant, u32 weight)
{
	struct engine *e = engine_of(w);

	weft_sched_tenant_set(&e->s, &e->tenant[tenant], weight, w->now);
}

static int engine_policy(struct sim_world *w, const char *name)
{
	return weft_sched_policy_set(&engine_of(w)->s, name, w->now);
}

/* -------------------------------------------------------------------- jobs */

static void submit_one(struct engine *e, u32 index)
{
	struct sim_world *w = e->w;
	struct engine_job *j = sim_alloc(&w->arena, sizeof(*j));
	struct sim_view_job v;
	u32 room, i;

	sim_job_view(w, index, &v);
	e->job[index] = j;
	j->world = index;
	j->job.id = index + 1ull;
	j->job.client = &e->client[v.client];
	j->job.kernel = v.kernel + 1;
	j->job.size = v.size;
	j->job.devices = v.devices;
	j->job.deadline = v.deadline;
	j->job.service = v.service;
	j->job.priority = v.priority;
	j->job.ref_count = v.use_count;
	j->job.refs = sim_alloc(&w->arena, v.use_count * sizeof(*j->job.refs));
	for (i = 0; i < v.use_count; i++) {
		j->job.refs[i].data = &e->data[v.use[i].block];
		j->job.refs[i].bytes = w->block[v.use[i].block].bytes;
		j->job.refs[i].access = v.use[i].access;
	}
	room = v.after_count + weft_sched_job_edges(&e->s, &j->job);
	j->edges = sim_alloc(&w->arena, room * sizeof(*j->edges));
	for (i = 0; i < v.after_count; i++)
		j->edges[i].from = &e->job[v.after[i]]->job;
	if (weft_sched_job_submit(&e->s, &j->job, j->edges, room, v.after_count, w->now))
		abort();
}

static void engine_submit(struct sim_world *w, u32 first, u32 count)
{
	struct engine *e = engine_of(w);
	u32 i;

	if (!e->started)
		engine_start(e);
	for (i = first; i < first + count; i++)
		submit_one(e, i);
}

static void engine_arrived(struct sim_world *w, u32 index)
{
	struct engine *e = engine_of(w);
	struct engine_job *j = e->job[index];
	struct engine_job **end = &e->bound[j->job.device];

	if (weft_sched_job_bound(&e->s, &j->job, w->now))
		abort();
	while (*end)
		end = &(*end)->next;
	j->next = NULL;
	*end = j;
}

static void engine_ended(struct sim_world *w, u32 index, u32 device, u64 busy)
{
	struct engine *e = engine_of(w);

	if (weft_sched_job_done(&e->s, &e->job[index]->job, 0, busy, w->now))
		abort();
}

static void bound_drop(struct engine *e, struct engine_job *j)
{
	u32 i;

	for (i = 0; i < e->w->machine->device_count; i++) {
		struct engine_job **at = &e->bound[i];

		while (*at && *at != j)
			at = &(*at)->next;
		if (*at)
			*at = j->next;
	}
}

static void engine_failed(struct sim_world *w, u32 index)
{
	struct engine *e = engine_of(w);
	struct weft_sched_job *job = &e->job[index]->job;

	if (job->state == WEFT_JOB_DONE)
		return;
	bound_drop(e, e->job[index]);
	if (job->state <= WEFT_JOB_READY)
		weft_sched_job_cancel(&e->s, job, -ECANCELED, w->now);
	else
		weft_sched_job_done(&e->s, job, -EIO, 0, w->now);
}

static void engine_back(struct sim_world *w, u32 index, u32 device, u64 busy)
{
	struct engine *e = engine_of(w);
	bool lost = !(w->present & BIT_ULL(device));

	bound_drop(e, e->job[index]);
	if (weft_sched_job_return(&e->s, &e->job[index]->job,
				  lost ? WEFT_RETURN_DEVICE_LOST : WEFT_RETURN_NO_SPACE, busy,
				  w->now) == -ENOSPC)
		sim_fail(w, index);
}

/* ---------------------------------------------------------------- the pump */

static void start_bound(struct engine *e)
{
	struct sim_world *w = e->w;
	u32 i;

	for (i = 0; i < w->machine->device_count; i++) {
		while (e->bound[i] && sim_place(w, i) != SIM_NONE) {
			struct engine_job *j = e->bound[i];

			e->bound[i] = j->next;
			sim_start(w, j->world);
			if (weft_sched_job_running(&e->s, &j->job, w->now))
				abort();
		}
	}
}

/* What the plan wants sent early. */
static void send_ahead(struct engine *e)
{
	struct sim_world *w = e->w;
	struct weft_sched_send send;

	while (weft_sched_send(&e->s, w->now, &send)) {
		if (!sim_send(w, (u32)(send.data->id - 1), send.from, send.to, send.at,
			      world_job(send.job->id)))
			weft_sched_unsend(&e->s, send.data, send.to, w->now);
	}
}

static void engine_decide(struct sim_world *w)
{
	struct engine *e = engine_of(w);
	struct weft_sched_decision d;

	if (!e->started)
		return;
	start_bound(e);
	send_ahead(e);
	while (weft_sched_pick(&e->s, w->now, &d)) {
		u32 index = world_job(d.job->id);

		if (sim_fetch(w, index, d.device->id)) {
			sim_back(w, index, "space");
			engine_back(w, index, d.device->id, 0);
		} else if (sim_arrived(w, index)) {
			engine_arrived(w, index);
		}
		start_bound(e);
	}
}

static void engine_fini(struct sim_world *w)
{
	/* it may have been refused before it began */
	if (w->data)
		free(engine_of(w)->plan);
}

const struct sim_engine sim_engine_weft = {
	.name = "weft",
	.what = "the kernel's scheduler",
	.init = engine_init,
	.learn = engine_learn,
	.submit = engine_submit,
	.arrived = engine_arrived,
	.ended = engine_ended,
	.failed = engine_failed,
	.back = engine_back,
	.device = engine_device,
	.policy = engine_policy,
	.weight = engine_weight,
	.moved = engine_moved,
	.decide = engine_decide,
	.fini = engine_fini,
};
