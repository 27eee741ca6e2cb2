// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of a simulation.
 *
 * DOC: metrics of the simulator
 *
 * Computed from the trace of READYs, decisions and runs when all is over.
 * Documentation/replay/formats.rst defines each; schedule-check computes them again from the log.
 */
#include "simmetrics.h"

#define SLACK	1.000000000001

static void put(struct sim_world *w, struct sim_metrics *m, const char *name, const char *of,
		u64 value)
{
	m->metric = sim_grow(&w->arena, m->metric, m->count, sizeof(*m->metric));
	m->metric[m->count++] = (struct sim_metric){ .name = name, .of = of, .value = value };
}

static int u64_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void put_runs(struct sim_world *w, struct sim_metrics *m)
{
	u64 ok = 0, failed = 0, first = U64_MAX, last = 0;
	u32 i;

	for (i = 0; i < w->job_count; i++) {
		ok += w->job[i].state == SIM_DONE;
		failed += w->job[i].state == SIM_FAILED;
		first = min(first, w->job[i].submitted);
		if (w->job[i].state == SIM_DONE)
			last = max(last, w->job[i].end);
	}
	put(w, m, "jobs", NULL, ok);
	put(w, m, "failed", NULL, failed);
	put(w, m, "makespan", NULL, last > first ? last - first : 0);
}

static void put_busy(struct sim_world *w, struct sim_metrics *m)
{
	const struct sim_machine *machine = w->machine;
	u64 *busy = sim_alloc(&w->arena, machine->device_count * sizeof(*busy));
	char name[2 * SIM_NAME_MAX + 2];
	u64 count = 0, bytes = 0;
	u32 i;

	for (i = 0; i < w->trace_count; i++) {
		if (w->trace[i].ran)
			busy[w->trace[i].device] += w->trace[i].end - w->trace[i].start;
	}
	for (i = 0; i < machine->device_count; i++)
		put(w, m, "busy", machine->device[i].name, busy[i]);
	for (i = 0; i < w->port_count; i++) {
		sim_net_port(w, i, name);
		put(w, m, "port", sim_copy(&w->arena, name, strlen(name)), w->port[i].bytes);
	}
	for (i = 0; i < w->transfer_count; i++) {
		if (w->transfer[i].cut || !w->transfer[i].over)
			continue;
		count++;
		bytes += w->block[w->transfer[i].block].bytes;
	}
	put(w, m, "transfers", NULL, count);
	put(w, m, "bytes", NULL, bytes);
	put(w, m, "evictions", NULL, w->evictions);
}

static void put_moves(struct sim_world *w, struct sim_metrics *m)
{
	u32 most = 0;
	u64 moves = 0;
	u32 i;

	for (i = 0; i < w->job_count; i++) {
		moves += w->job[i].moves;
		most = max(most, w->job[i].moves);
	}
	put(w, m, "moves", NULL, moves);
	put(w, m, "moves-max", NULL, most);
}

static u64 percentile(const u64 *sorted, u32 count, u32 p)
{
	return sorted[((u64)p * count + 99) / 100 - 1];
}

static void put_waits(struct sim_world *w, struct sim_metrics *m)
{
	u64 *wait = sim_alloc(&w->arena, w->job_count * sizeof(*wait));
	u64 misses = 0;
	u32 i;

	for (i = 0; i < 2 * SIM_CLASSES; i++) {
		const char *class = sim_service_names[i % SIM_CLASSES];
		u32 count = 0, job;

		for (job = 0; job < w->job_count; job++) {
			if (w->in->tasks.job[job].service == i % SIM_CLASSES &&
			    w->job[job].state == SIM_DONE)
				wait[count++] = w->job[job].start - w->job[job].ready;
		}
		if (!count)
			continue;
		qsort(wait, count, sizeof(*wait), u64_compare);
		if (i < SIM_CLASSES)
			put(w, m, "wait-p50", class, percentile(wait, count, 50));
		else
			put(w, m, "wait-p99", class, percentile(wait, count, 99));
	}
	for (i = 0; i < w->job_count; i++) {
		u64 deadline = w->in->tasks.job[i].deadline;

		misses += deadline && (w->job[i].state != SIM_DONE ||
				       w->job[i].end > w->job[i].submitted + deadline);
	}
	put(w, m, "misses", NULL, misses);
}

/* -------------------------------------------------------------------- shares */

static u64 trace_price(const struct sim_world *w, const struct sim_trace *t)
{
	return weft_mul_sat(t->end - t->start, w->machine->device[t->device].price);
}

static u32 job_tenant(const struct sim_world *w, u32 job)
{
	const struct sim_tasks *k = &w->in->tasks;

	return k->client[k->submit[k->job[job].submit].client].tenant;
}

static void put_jain(struct sim_world *w, struct sim_metrics *m)
{
	u64 *served = sim_alloc(&w->arena, w->tenant_count * sizeof(*served));
	bool *seen = sim_alloc(&w->arena, w->tenant_count * sizeof(*seen));
	double sum = 0, squares = 0;
	u32 count = 0, i;

	for (i = 0; i < w->job_count; i++)
		seen[job_tenant(w, i)] = true;
	for (i = 0; i < w->trace_count; i++) {
		if (w->trace[i].ran)
			served[job_tenant(w, w->trace[i].job)] += trace_price(w, &w->trace[i]);
	}
	for (i = 0; i < w->tenant_count; i++) {
		double x = (double)served[i] / w->tenant[i].weight;

		sum += x;
		squares += x * x;
		count += seen[i];
	}
	/* What rounding takes off a whole number does not count. */
	put(w, m, "jain", NULL, squares > 0 ?
	    (u64)(1000000 * sum * sum / (count * squares) * SLACK) : 0);
}

struct pair {
	/* both are backlogged */
	bool on;
	/* difference of served / weight since the interval began, and its least and largest */
	__int128 difference, low, high;
	u64 lag;
};

/* one class; pairs are those of tenants i < j at [i * tenants + j] */
struct lag {
	const struct sim_world *w;
	u32 class;
	u32 *ready;
	u64 *largest;
	/* devices that its jobs of this class can use */
	u64 *devices;
	struct pair *pair;
};

static struct pair *lag_pair(const struct lag *l, u32 i, u32 j)
{
	return &l->pair[(size_t)min(i, j) * l->w->tenant_count + max(i, j)];
}

/* Differences are in units of served x the product of both weights: exact. */
static void lag_served(struct lag *l, u32 tenant, u64 units)
{
	u32 other;

	l->largest[tenant] = max(l->largest[tenant], units);
	for (other = 0; other < l->w->tenant_count; other++) {
		struct pair *p = lag_pair(l, tenant, other);
		__int128 weight = l->w->tenant[other].weight;
		__int128 grown = units * weight;

		if (other == tenant || !p->on)
			continue;
		p->difference += tenant < other ? grown : -grown;
		p->low = min(p->low, p->difference);
		p->high = max(p->high, p->difference);
		p->lag = max(p->lag, (u64)((p->high - p->low) /
					   (weight * l->w->tenant[tenant].weight)));
	}
}

/* A tenant is backlogged from now on, or is no more. */
static void lag_backlog(struct lag *l, u32 tenant, bool begins)
{
	u32 other;

	for (other = 0; other < l->w->tenant_count; other++) {
		struct pair *p = lag_pair(l, tenant, other);

		if (other == tenant)
			continue;
		p->on = begins && l->ready[other] && l->devices[other] == l->devices[tenant];
		p->difference = 0;
		p->low = 0;
		p->high = 0;
	}
}

static void lag_step(struct lag *l, const struct sim_trace *t)
{
	u32 tenant = job_tenant(l->w, t->job);

	if (l->w->in->tasks.job[t->job].service != l->class)
		return;
	if (t->device == SIM_NONE) {
		if (!l->ready[tenant]++)
			lag_backlog(l, tenant, true);
		return;
	}
	if (t->ran)
		lag_served(l, tenant, trace_price(l->w, t));
	if (!--l->ready[tenant])
		lag_backlog(l, tenant, false);
}

static void lag_class(struct sim_world *w, u32 class, u64 places, u64 *lag, u64 *bound)
{
	struct lag l = { .w = w, .class = class };
	u32 count = w->tenant_count, i, j;

	l.ready = sim_alloc(&w->arena, count * sizeof(*l.ready));
	l.largest = sim_alloc(&w->arena, count * sizeof(*l.largest));
	l.devices = sim_alloc(&w->arena, count * sizeof(*l.devices));
	l.pair = sim_alloc(&w->arena, (size_t)count * count * sizeof(*l.pair));
	for (i = 0; i < w->job_count; i++) {
		const struct sim_job *job = &w->in->tasks.job[i];

		if (job->service == class)
			l.devices[job_tenant(w, i)] |= job->devices;
	}
	for (i = 0; i < w->trace_count; i++)
		lag_step(&l, &w->trace[i]);
	for (i = 0; i < count; i++) {
		for (j = i + 1; j < count; j++) {
			const struct pair *p = lag_pair(&l, i, j);
			__int128 wi = w->tenant[i].weight, wj = w->tenant[j].weight;

			if (p->lag <= *lag)
				continue;
			*lag = p->lag;
			*bound = (u64)((places + 1) * (l.largest[i] * wj + l.largest[j] * wi) /
				       (wi * wj));
		}
	}
}

static void put_lag(struct sim_world *w, struct sim_metrics *m)
{
	u64 lag = 0, bound = 0, places = 0;
	u32 i;

	for (i = 0; i < w->machine->device_count; i++) {
		const struct sim_device *d = &w->machine->device[i];

		places += d->engines * d->credits + d->depth;
	}
	for (i = 0; i < SIM_CLASSES; i++)
		lag_class(w, i, places, &lag, &bound);
	put(w, m, "lag", NULL, lag / SIM_PRICE);
	put(w, m, "lag-bound", NULL, bound / SIM_PRICE);
}

void sim_metrics(struct sim_world *w, const struct sim_bounds *b, struct sim_metrics *m)
{
	memset(m, 0, sizeof(*m));
	put_runs(w, m);
	put(w, m, "bound-area", NULL, b->area);
	put(w, m, "bound-path", NULL, b->path);
	put(w, m, "bound-dag", NULL, b->dag);
	put(w, m, "bound-path-transfer", NULL, b->path_transfer);
	put_busy(w, m);
	put_moves(w, m);
	put_waits(w, m);
	put_jain(w, m);
	put_lag(w, m);
}

void sim_metrics_log(struct sim_world *w, const struct sim_metrics *m)
{
	u32 i;

	for (i = 0; w->options.log && i < m->count; i++)
		fprintf(w->options.log, "metric %s%s%s %llu\n", m->metric[i].name,
			m->metric[i].of ? " " : "", m->metric[i].of ? m->metric[i].of : "",
			m->metric[i].value);
}

void sim_metrics_print(FILE *out, const struct sim_metrics *m)
{
	u32 i;

	for (i = 0; i < m->count; i++)
		fprintf(out, "%-20s %-24s %20llu\n", m->metric[i].name,
			m->metric[i].of ? m->metric[i].of : "", m->metric[i].value);
}

void sim_metrics_json(FILE *out, const struct sim_world *w, const struct sim_metrics *m)
{
	const char *open = NULL;
	u32 i;

	/* Names need no escapes: see the grammar. */
	fprintf(out, "{\"engine\": \"%s\", \"policy\": \"%s\", \"known\": %s, \"window\": %u",
		w->engine->name, w->engine->policy ? w->options.policy : "",
		w->options.known ? "true" : "false", w->options.window);
	for (i = 0; i < m->count; i++) {
		const struct sim_metric *x = &m->metric[i];
		bool same = x->of && open && !strcmp(open, x->name);

		if (open && !same)
			fputc('}', out);
		if (!x->of)
			fprintf(out, ", \"%s\": %llu", x->name, x->value);
		else if (same)
			fprintf(out, ", \"%s\": %llu", x->of, x->value);
		else
			fprintf(out, ", \"%s\": {\"%s\": %llu", x->name, x->of, x->value);
		open = x->of ? x->name : NULL;
	}
	fprintf(out, "%s}\n", open ? "}" : "");
}
