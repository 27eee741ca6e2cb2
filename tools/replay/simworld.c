// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulated world: clock, jobs, runs.
 *
 * DOC: simulated world
 *
 * Everything that happens is put into a heap by time, then kind (events of the file, ends of runs,
 * ends of transfers, submissions), then the order in which it was put there. When all that happens
 * at one time has happened the engine is asked once to decide; the world checks that it may do what
 * it does, and aborts if not: an engine that breaks a rule is a bug, not a result.
 *
 * Bytes and their places are in simdata.c.
 *
 * Rejected: asking the engine after each happening (the order of those that happen at once would
 * matter, and a kernel's completions at one time are seen together, too).
 */
#include "simfile.h"
#include "simdata.h"

enum { HAPPEN_EVENT, HAPPEN_END, HAPPEN_ARRIVE, HAPPEN_SUBMIT, HAPPEN_WAKE };

struct sim_happening {
	u64 time;
	u32 kind;
	/* event, job or transfer */
	u32 what;
	u32 attempt;
	u64 seq;
};

static bool happens_before(const struct sim_happening *a, const struct sim_happening *b)
{
	if (a->time != b->time)
		return a->time < b->time;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->seq < b->seq;
}

static void heap_put(struct sim_world *w, u64 time, u32 kind, u32 what, u32 attempt)
{
	struct sim_happening h = {
		.time = time, .kind = kind, .what = what, .attempt = attempt, .seq = w->heap_seq++,
	};
	u32 i = w->heap_count++;

	w->heap = sim_grow(&w->arena, w->heap, i, sizeof(*w->heap));
	for (; i && happens_before(&h, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = h;
}

static struct sim_happening heap_take(struct sim_world *w)
{
	struct sim_happening first = w->heap[0];
	struct sim_happening last = w->heap[--w->heap_count];
	u32 i = 0;

	for (;;) {
		u32 child = 2 * i + 1;

		if (child >= w->heap_count)
			break;
		if (child + 1 < w->heap_count &&
		    happens_before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (happens_before(&last, &w->heap[child]))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	if (w->heap_count)
		w->heap[i] = last;
	return first;
}

void sim_wake(struct sim_world *w, u64 at)
{
	heap_put(w, at, HAPPEN_WAKE, 0, 0);
}

void sim_arrives(struct sim_world *w, u32 transfer)
{
	heap_put(w, w->transfer[transfer].end, HAPPEN_ARRIVE, transfer, 0);
}

const char *sim_job_name(const struct sim_world *w, u32 job)
{
	return w->in->tasks.job[job].name;
}

/* ------------------------------------------------------------------- views */

void sim_job_view(const struct sim_world *w, u32 job, struct sim_view_job *view)
{
	const struct sim_job *j = &w->in->tasks.job[job];

	*view = (struct sim_view_job){
		.client = w->in->tasks.submit[j->submit].client,
		.kernel = j->kernel,
		.size = j->size,
		.service = j->service,
		.priority = j->priority,
		.devices = j->devices,
		.deadline = j->deadline ? w->job[job].submitted + j->deadline : 0,
		.gang = j->gang,
		.use = j->use,
		.use_count = j->use_count,
		.after = j->after,
		.after_count = j->after_count,
	};
}

/* ------------------------------------------------------------ life of a job */

static struct sim_trace *trace_add(struct sim_world *w, u32 job, u32 device)
{
	struct sim_trace *t;

	w->trace = sim_grow(&w->arena, w->trace, w->trace_count, sizeof(*w->trace));
	t = &w->trace[w->trace_count++];
	*t = (struct sim_trace){ .time = w->now, .job = job, .device = device };
	return t;
}

static bool job_lacks_input(const struct sim_world *w, u32 job)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 i;

	for (i = 0; i < j->use_count; i++) {
		if ((j->use[i].access & SIM_READ) && w->lost[j->use[i].block])
			return true;
	}
	return false;
}

static void job_fail(struct sim_world *w, u32 first)
{
	u32 *stack = sim_grow(&w->arena, NULL, 0, sizeof(*stack));
	u32 count = 0;
	u32 i;

	stack[count++] = first;
	while (count) {
		u32 job = stack[--count];
		const struct sim_job *j = &w->in->tasks.job[job];
		struct sim_run *r = &w->job[job];

		if (r->state == SIM_FAILED || r->state == SIM_DONE)
			continue;
		if (r->state == SIM_WAITING || r->state == SIM_READY)
			w->undecided--;
		sim_unfetch(w, job);
		/* One that has yet to come fails when it comes. */
		if (r->state == SIM_NEW) {
			r->doomed = true;
		} else {
			r->state = SIM_FAILED;
			w->left--;
			sim_log(w, "fail %s", j->name);
			if (w->engine->failed)
				w->engine->failed(w, job);
		}
		for (i = 0; i < j->succ_count; i++) {
			stack = sim_grow(&w->arena, stack, count, sizeof(*stack));
			stack[count++] = j->succ[i];
		}
	}
}

void sim_fail(struct sim_world *w, u32 job)
{
	weft_warn_on(w->job[job].state != SIM_READY);
	job_fail(w, job);
}

static void job_ready(struct sim_world *w, u32 job)
{
	struct sim_run *r = &w->job[job];

	if (r->doomed || job_lacks_input(w, job) ||
	    !(w->in->tasks.job[job].devices & ~w->gone)) {
		job_fail(w, job);
		return;
	}
	r->state = SIM_READY;
	if (!r->was_ready)
		r->ready = w->now;
	r->was_ready = true;
	trace_add(w, job, SIM_NONE);
	sim_log(w, "ready %s", sim_job_name(w, job));
	if (w->engine->ready)
		w->engine->ready(w, job);
}

static void log_expect(struct sim_world *w, const char *word, u32 job, u32 device,
		       const struct sim_expect *e)
{
	sim_log(w, "%s %s device=%s data=%llu start=%llu run=%llu finish=%llu reason=%s", word,
		sim_job_name(w, job), w->machine->device[device].name, e->data, e->start, e->run,
		e->finish, e->reason);
}

void sim_plan(struct sim_world *w, u32 job, u32 device, const struct sim_expect *e)
{
	weft_warn_on(w->job[job].state != SIM_READY);
	log_expect(w, "plan", job, device, e);
}

void sim_candidate(struct sim_world *w, u32 job, u32 device, u64 transfer,
		   const struct sim_expect *e)
{
	if (!w->options.candidates)
		return;
	sim_log(w, "candidate %s device=%s transfer=%llu start=%llu run=%llu finish=%llu reason=%s",
		sim_job_name(w, job), w->machine->device[device].name, transfer, e->start, e->run,
		e->finish, e->reason);
}

void sim_hold(struct sim_world *w, u32 job, const char *why)
{
	sim_log(w, "hold %s why=%s", sim_job_name(w, job), why);
}

void sim_decide(struct sim_world *w, u32 job, u32 device, const struct sim_expect *e)
{
	struct sim_run *r = &w->job[job];

	weft_warn_on(r->state != SIM_READY);
	weft_warn_on(!(w->in->tasks.job[job].devices & w->present & BIT_ULL(device)));
	r->state = SIM_PLACED;
	r->device = device;
	r->decided = w->trace_count;
	trace_add(w, job, device);
	w->undecided--;
	log_expect(w, "decide", job, device, e);
}

u32 sim_place(const struct sim_world *w, u32 device)
{
	const struct sim_device *d = &w->machine->device[device];
	u32 i;

	for (i = 0; i < d->engines * d->credits; i++) {
		if (w->place[device * SIM_PLACES + i] == SIM_NONE)
			return i;
	}
	return SIM_NONE;
}

void sim_start(struct sim_world *w, u32 job)
{
	struct sim_run *r = &w->job[job];
	u64 run = sim_cost_true(w->in, job, r->device, r->attempt);
	u32 percent = w->percent[r->device];

	r->place = sim_place(w, r->device);
	weft_warn_on(r->state != SIM_PLACED || r->fetched != r->device || r->missing ||
		     r->place == SIM_NONE || r->open);
	sim_check_inputs(w, job);
	r->state = SIM_RUNNING;
	r->start = w->now;
	w->place[r->device * SIM_PLACES + r->place] = job;
	w->trace[r->decided].ran = true;
	w->trace[r->decided].start = w->now;
	w->trace[r->decided].place = r->place;
	run = run / percent * 100 + (run % percent * 100 + percent - 1) / percent;
	heap_put(w, w->now + run, HAPPEN_END, job, r->attempt);
	sim_log(w, "start %s device=%s place=%u", sim_job_name(w, job),
		w->machine->device[r->device].name, r->place);
}

static void job_leaves_place(struct sim_world *w, u32 job, const char *status)
{
	struct sim_run *r = &w->job[job];

	r->end = w->now;
	w->trace[r->decided].end = w->now;
	w->place[r->device * SIM_PLACES + r->place] = SIM_NONE;
	sim_log(w, "end %s device=%s place=%u status=%s busy=%llu", sim_job_name(w, job),
		w->machine->device[r->device].name, r->place, status, w->now - r->start);
}

static void job_end(struct sim_world *w, u32 job, u32 attempt)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	struct sim_run *r = &w->job[job];
	u32 i;

	/* That run was lost with its device. */
	if (r->state != SIM_RUNNING || r->attempt != attempt)
		return;
	job_leaves_place(w, job, "ok");
	w->trace[r->decided].ok = true;
	sim_written(w, job);
	sim_unfetch(w, job);
	r->state = SIM_DONE;
	w->left--;
	w->engine->ended(w, job, r->device, w->now - r->start);
	for (i = 0; i < j->succ_count; i++) {
		struct sim_run *next = &w->job[j->succ[i]];

		if (!--next->open && next->state == SIM_WAITING)
			job_ready(w, j->succ[i]);
	}
}

void sim_back(struct sim_world *w, u32 job, const char *why)
{
	struct sim_run *r = &w->job[job];

	weft_warn_on(r->state != SIM_PLACED && !(r->state == SIM_READY && r->fetched != SIM_NONE));
	sim_log(w, "back %s device=%s why=%s", sim_job_name(w, job),
		w->machine->device[r->state == SIM_PLACED ? r->device : r->fetched].name, why);
	sim_unfetch(w, job);
	if (r->state == SIM_PLACED)
		w->undecided++;
	r->state = SIM_READY;
	r->attempt++;
	r->moves++;
	trace_add(w, job, SIM_NONE);
}

void sim_abort(struct sim_world *w, u32 job, const char *why)
{
	weft_warn_on(w->job[job].state != SIM_RUNNING);
	job_leaves_place(w, job, "preempted");
	w->job[job].state = SIM_PLACED;
	sim_back(w, job, why);
}

/* ------------------------------------------------------------------ events */

static void device_lost(struct sim_world *w, u32 device)
{
	const char *name = w->machine->device[device].name;
	u32 i;

	w->present &= ~BIT_ULL(device);
	sim_log(w, "lost %s", name);
	for (i = 0; i < w->job_count; i++) {
		struct sim_run *r = &w->job[i];
		u64 busy = 0;

		if (r->state == SIM_RUNNING && r->device == device) {
			busy = w->now - r->start;
			job_leaves_place(w, i, "lost");
			r->state = SIM_PLACED;
		}
		if ((r->state == SIM_PLACED && r->device == device) || r->fetched == device) {
			sim_back(w, i, "lost");
			w->engine->back(w, i, device, busy);
		}
	}
	sim_region_lost(w, device);
	if (w->engine->device)
		w->engine->device(w, device, false);
	/* What nothing will bring back, no event to come included. */
	w->gone = ~w->present;
	for (i = 0; i < w->in->events.count; i++) {
		const struct sim_event *e = &w->in->events.event[i];

		if (e->kind == SIM_RETURNED && e->at >= w->now)
			w->gone &= ~BIT_ULL(e->what);
	}
	for (i = 0; i < w->job_count; i++) {
		u32 state = w->job[i].state;

		if ((state == SIM_READY || state == SIM_PLACED) &&
		    (job_lacks_input(w, i) || !(w->in->tasks.job[i].devices & ~w->gone)))
			job_fail(w, i);
	}
}

static void device_returned(struct sim_world *w, u32 device)
{
	w->present |= BIT_ULL(device);
	w->percent[device] = 100;
	sim_log(w, "returned %s", w->machine->device[device].name);
	if (w->engine->device)
		w->engine->device(w, device, true);
}

static void event_device(struct sim_world *w, const struct sim_event *e)
{
	bool present = w->present & BIT_ULL(e->what);

	if (e->kind == SIM_SPEED) {
		w->percent[e->what] = (u32)e->value;
		sim_log(w, "speed %s percent=%llu", w->machine->device[e->what].name, e->value);
	} else if (e->kind == SIM_LOST && present) {
		device_lost(w, e->what);
	} else if (e->kind == SIM_RETURNED && !present) {
		device_returned(w, e->what);
	}
}

static int event_happens(struct sim_world *w, const struct sim_event *e)
{
	const struct sim_link *l;
	u32 i;

	switch (e->kind) {
	case SIM_LINK:
		l = &w->machine->link[e->what];
		sim_net_link(w, e->what, e->value, e->latency);
		sim_log(w, "link %s %s bandwidth=%llu latency=%llu", w->machine->node[l->a].name,
			w->machine->node[l->b].name, e->value, e->latency);
		for (i = 0; w->engine->device && i < w->machine->device_count; i++)
			w->engine->device(w, i, w->present & BIT_ULL(i));
		return 0;
	case SIM_POLICY:
		if (!w->engine->policy || w->engine->policy(w, e->policy)) {
			snprintf(w->error, sizeof(w->error),
				 "at %llu: engine %s has no policy \"%s\"", e->at, w->engine->name,
				 e->policy);
			return -1;
		}
		sim_log(w, "policy %s", e->policy);
		return 0;
	case SIM_WEIGHT:
		sim_log(w, "weight %s %llu", w->tenant[e->what].name, e->value);
		w->weight[e->what] = (u32)e->value;
		if (w->engine->weight)
			w->engine->weight(w, e->what, (u32)e->value);
		return 0;
	default:
		event_device(w, e);
		return 0;
	}
}

/* -------------------------------------------------------------- submission */

static void submit_some(struct sim_world *w, u32 first, u32 count)
{
	u32 i;

	for (i = first; i < first + count; i++) {
		w->job[i].state = SIM_WAITING;
		w->job[i].submitted = w->now;
		w->undecided++;
		sim_log(w, "submit %s", sim_job_name(w, i));
	}
	w->engine->submit(w, first, count);
	for (i = first; i < first + count; i++) {
		if (w->job[i].state == SIM_WAITING && (!w->job[i].open || w->job[i].doomed))
			job_ready(w, i);
	}
}

/* What may be submitted by now, as far as the window allows. */
static void submit_due(struct sim_world *w)
{
	const struct sim_tasks *k = &w->in->tasks;

	while (w->next_submit < k->submit_count) {
		const struct sim_submit *s = &k->submit[w->next_submit];
		u32 count = s->count - w->next_in_submit;
		u32 first = s->first + w->next_in_submit;

		if (s->at > w->now)
			return;
		if (w->options.window) {
			if (w->undecided >= w->options.window)
				return;
			count = min(count, w->options.window - w->undecided);
		}
		w->next_in_submit += count;
		if (w->next_in_submit == s->count) {
			w->next_in_submit = 0;
			w->next_submit++;
		}
		if (count)
			submit_some(w, first, count);
	}
}

/* ---------------------------------------------------------------- the whole */

static void world_init(struct sim_world *w, const struct sim_input *in, const struct sim_options *o)
{
	const struct sim_tasks *k = &in->tasks;
	u32 i;

	memset(w, 0, sizeof(*w));
	w->in = in;
	w->machine = &in->machine;
	w->tenant = k->tenant;
	w->tenant_count = k->tenant_count;
	w->client = k->client;
	w->client_count = k->client_count;
	w->block = k->block;
	w->block_count = k->block_count;
	w->job_count = k->job_count;
	w->options = *o;
	w->engine = o->engine;
	w->job = sim_alloc(&w->arena, k->job_count * sizeof(*w->job));
	for (i = 0; i < k->job_count; i++) {
		w->job[i].open = k->job[i].pred_count;
		w->job[i].fetched = SIM_NONE;
	}
	w->left = k->job_count;
	w->present = w->machine->device_count == 64 ? U64_MAX :
		     BIT_ULL(w->machine->device_count) - 1;
	w->gone = ~w->present;
	w->percent = sim_alloc(&w->arena, w->machine->device_count * sizeof(*w->percent));
	w->place = sim_alloc(&w->arena, w->machine->device_count * SIM_PLACES * sizeof(*w->place));
	memset(w->place, 0xff, w->machine->device_count * SIM_PLACES * sizeof(*w->place));
	w->weight = sim_alloc(&w->arena, k->tenant_count * sizeof(*w->weight));
	for (i = 0; i < k->tenant_count; i++)
		w->weight[i] = k->tenant[i].weight;
	for (i = 0; i < w->machine->device_count; i++)
		w->percent[i] = 100;
	sim_net_init(w);
}

/* Tell the engine what each kernel takes, if that is known. */
static void world_teach(struct sim_world *w)
{
	const struct sim_input *in = w->in;
	u8 *told = sim_alloc(&w->arena, (size_t)in->costs.kernels.count * in->costs.models * 64);
	u32 i, d;

	if (!w->options.known || !w->engine->learn)
		return;
	for (i = 0; i < w->job_count; i++) {
		const struct sim_job *j = &in->tasks.job[i];
		u32 bucket = (u32)fls64(j->size) - 1;

		for (d = 0; d < w->machine->device_count; d++) {
			u32 model = w->machine->device[d].model;
			u64 ns = sim_cost_run(in, j, d);
			u8 *done = &told[(((size_t)j->kernel * in->costs.models) + model) * 64 +
					 bucket];

			if (*done || !ns || !(j->devices & BIT_ULL(d)))
				continue;
			*done = 1;
			w->engine->learn(w, j->kernel, model, j->size, ns);
		}
	}
}

static int world_step(struct sim_world *w)
{
	struct sim_happening h = heap_take(w);

	w->now = h.time;
	switch (h.kind) {
	case HAPPEN_EVENT:
		return event_happens(w, &w->in->events.event[h.what]);
	case HAPPEN_END:
		job_end(w, h.what, h.attempt);
		return 0;
	case HAPPEN_ARRIVE:
		sim_transfer_end(w, h.what);
		return 0;
	default:
		return 0;
	}
}

static int world_stuck(struct sim_world *w)
{
	static const char * const states[] = {
		"not submitted", "WAITING", "READY", "placed", "RUNNING",
	};
	u32 i;

	for (i = 0; w->job[i].state == SIM_DONE || w->job[i].state == SIM_FAILED; i++)
		;
	snprintf(w->error, sizeof(w->error),
		 "at %llu nothing more happens, and %u jobs have not ended: %s is %s", w->now,
		 w->left, sim_job_name(w, i), states[w->job[i].state]);
	return -1;
}

int sim_world_run(struct sim_world *w, const struct sim_input *in, const struct sim_options *o)
{
	u32 i;

	world_init(w, in, o);
	if (in->tasks.gangs.count && !o->engine->gangs) {
		snprintf(w->error, sizeof(w->error), "engine %s cannot start gangs",
			 o->engine->name);
		return -1;
	}
	if (sim_data_init(w) || w->engine->init(w))
		return -1;
	world_teach(w);
	sim_log_begin(w);
	for (i = 0; i < in->events.count; i++)
		heap_put(w, in->events.event[i].at, HAPPEN_EVENT, i, 0);
	for (i = 0; i < in->tasks.submit_count; i++)
		heap_put(w, in->tasks.submit[i].at, HAPPEN_SUBMIT, i, 0);
	while (w->left && w->heap_count) {
		u64 time = w->heap[0].time;

		while (w->heap_count && w->heap[0].time == time) {
			if (world_step(w))
				return -1;
		}
		submit_due(w);
		w->engine->decide(w);
		/* Decisions make room in the window. */
		while (w->options.window && w->next_submit < in->tasks.submit_count &&
		       in->tasks.submit[w->next_submit].at <= w->now &&
		       w->undecided < w->options.window) {
			submit_due(w);
			w->engine->decide(w);
		}
	}
	if (w->left)
		return world_stuck(w);
	sim_log(w, "finish");
	return 0;
}

void sim_world_free(struct sim_world *w)
{
	u32 i;

	if (w->engine && w->engine->fini)
		w->engine->fini(w);
	for (i = 0; i < w->port_count; i++)
		free(w->port[i].span);
	sim_arena_free(&w->arena);
}
