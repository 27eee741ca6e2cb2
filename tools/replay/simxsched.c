// SPDX-License-Identifier: GPL-2.0-only
/*
 * Engine "xsched": one loop per device, as openEuler's in-kernel xsched.
 *
 * DOC: openEuler-xsched-like
 *
 * A client is bound to one device when it comes, the one with the fewest clients among those that
 * can run its first job, and stays there. Each device's loop takes up to ten READY jobs of the
 * client with the least weighted time so far, runs one after the other, and waits for all ten
 * before it looks again. Inputs are brought when the job's turn comes. A job that its client's
 * device cannot run fails.
 *
 * Source: kernel/xsched of openEuler's OLK-6.6, as scheduling notes describe it: contexts bound to
 * one device, a kick slice of ten kernels, a synchronous wait after each batch.
 */
#include "simrival.h"

#define BATCH	10u

struct loop {
	u32 batch[BATCH];
	u32 count;
	/* the next of the batch to be started */
	u32 next;
	u32 running;
};

struct xsched {
	/* per client: its device, its time so far; SIM_NONE before its first job */
	u32 *device;
	u64 *served;
	u32 *clients;
	struct loop *loop;
	/* READY jobs in the order in which they became so */
	u32 *ready;
	u32 ready_count;
};

static u32 client_of(struct sim_world *w, u32 job)
{
	return w->in->tasks.submit[w->in->tasks.job[job].submit].client;
}

static int xsched_init(struct sim_world *w)
{
	struct xsched *e = sim_alloc(&w->arena, sizeof(*e));

	w->data = e;
	e->device = sim_alloc(&w->arena, w->client_count * sizeof(*e->device));
	memset(e->device, 0xff, w->client_count * sizeof(*e->device));
	e->served = sim_alloc(&w->arena, w->client_count * sizeof(*e->served));
	e->clients = sim_alloc(&w->arena, w->machine->device_count * sizeof(*e->clients));
	e->loop = sim_alloc(&w->arena, w->machine->device_count * sizeof(*e->loop));
	e->ready = sim_alloc(&w->arena, w->job_count * sizeof(*e->ready));
	return 0;
}

static void xsched_submit(struct sim_world *w, u32 first, u32 count)
{
	struct xsched *e = w->data;
	u32 client = client_of(w, first);
	u64 left = w->in->tasks.job[first].devices & w->present;
	u32 best = SIM_NONE;

	if (e->device[client] != SIM_NONE)
		return;
	for (; left; left &= left - 1) {
		u32 d = __ffs64(left);

		if (best == SIM_NONE || e->clients[d] < e->clients[best])
			best = d;
	}
	if (best == SIM_NONE)
		return;
	e->device[client] = best;
	e->clients[best]++;
}

static void xsched_ready(struct sim_world *w, u32 job)
{
	struct xsched *e = w->data;

	e->ready[e->ready_count++] = job;
}

static bool xsched_runs_here(struct sim_world *w, u32 job, u32 device)
{
	struct xsched *e = w->data;

	return e->device[client_of(w, job)] == device;
}

/* A new batch: jobs of one client, the one with the least time for its weight. */
static bool xsched_batch(struct sim_world *w, u32 device)
{
	struct xsched *e = w->data;
	struct loop *l = &e->loop[device];
	u32 client = SIM_NONE, kept = 0, i;

	for (i = 0; i < e->ready_count; i++) {
		u32 c = client_of(w, e->ready[i]);

		if (xsched_runs_here(w, e->ready[i], device) &&
		    (client == SIM_NONE || e->served[c] < e->served[client]))
			client = c;
	}
	if (client == SIM_NONE)
		return false;
	l->count = 0;
	l->next = 0;
	for (i = 0; i < e->ready_count; i++) {
		u32 job = e->ready[i];

		if (l->count < BATCH && client_of(w, job) == client)
			l->batch[l->count++] = job;
		else
			e->ready[kept++] = job;
	}
	e->ready_count = kept;
	return true;
}

static bool xsched_loop(struct sim_world *w, u32 device)
{
	struct xsched *e = w->data;
	struct loop *l = &e->loop[device];
	struct sim_expect x = { .reason = "chosen", .data = w->now, .start = w->now };
	u32 job;

	if (l->next == l->count && (l->running || !xsched_batch(w, device)))
		return false;
	job = l->batch[l->next];
	if (!(w->in->tasks.job[job].devices & BIT_ULL(device))) {
		l->next++;
		sim_fail(w, job);
		return true;
	}
	if (w->job[job].state == SIM_READY) {
		x.run = sim_cost_run(w->in, &w->in->tasks.job[job], device);
		x.finish = w->now + x.run;
		sim_decide(w, job, device, &x);
	}
	if (w->job[job].fetched == SIM_NONE)
		sim_fetch(w, job, device);
	if (!sim_arrived(w, job) || sim_place(w, device) == SIM_NONE)
		return false;
	l->next++;
	l->running++;
	sim_start(w, job);
	return true;
}

static void xsched_decide(struct sim_world *w)
{
	u32 i;

	for (i = 0; i < w->machine->device_count; i++) {
		while ((w->present & BIT_ULL(i)) && xsched_loop(w, i))
			;
	}
}

static void xsched_ended(struct sim_world *w, u32 job, u32 device, u64 busy)
{
	struct xsched *e = w->data;
	u32 client = client_of(w, job);

	e->loop[device].running--;
	e->served[client] += busy / w->weight[w->client[client].tenant];
}

static void xsched_failed(struct sim_world *w, u32 job)
{
	struct xsched *e = w->data;
	u32 i, kept = 0;

	for (i = 0; i < e->ready_count; i++) {
		if (e->ready[i] != job)
			e->ready[kept++] = e->ready[i];
	}
	e->ready_count = kept;
}

/* Nothing moves: what was on a device that is lost waits for it, or fails with it. */
static void xsched_back(struct sim_world *w, u32 job, u32 device, u64 busy)
{
	struct xsched *e = w->data;
	struct loop *l = &e->loop[device];
	u32 i;

	for (i = l->next; i < l->count; i++) {
		if (l->batch[i] != job)
			xsched_ready(w, l->batch[i]);
	}
	l->count = 0;
	l->next = 0;
	if (!(w->present & BIT_ULL(device)))
		l->running = 0;
	xsched_ready(w, job);
}

const struct sim_engine sim_engine_xsched = {
	.name = "xsched",
	.what = "clients bound to one device, batches of ten, a wait after each",
	.init = xsched_init,
	.submit = xsched_submit,
	.ready = xsched_ready,
	.ended = xsched_ended,
	.failed = xsched_failed,
	.back = xsched_back,
	.decide = xsched_decide,
};
