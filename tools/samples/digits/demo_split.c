// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-demo: the best fixed split of the jobs.
 *
 * DOC: weft-demo split
 *
 * A static split says how many jobs of each kind each device gets. Its time is taken as the
 * largest of the devices' sums of (number x mean measured run time): transfers are left out
 * because devices copy while they run, and so are waiting for inputs and the ragged end. All of
 * that can only make the split look better than it is, so it is a hard mark for a scheduler that
 * pays for transfers, waits and ends.
 *
 * All splits are tried, device by device and kind by kind; a branch is left as soon as a device's
 * sum alone is no better than the best split so far, which loses none.
 */
#include <stdlib.h>
#include <string.h>

#include "demo.h"

static int demo_device_index(const struct demo_costs *costs, uint32_t id)
{
	int i;

	for (i = 0; i < DEMO_DEVICES; i++)
		if (costs->ids[i] == id)
			return i;
	return -1;
}

void demo_costs_add(struct demo_costs *costs, const struct digits_run *run)
{
	uint32_t i;

	for (i = 0; i < run->jobs; i++) {
		const struct drm_weft_job_record *r = &run->records[i];
		int device = demo_device_index(costs, r->device);

		if (device < 0)
			continue;
		costs->sum_ns[digits_record_kind(r)][device] += r->busy_ns;
		costs->count[digits_record_kind(r)][device]++;
	}
}

uint64_t demo_cost(const struct demo_costs *costs, uint32_t kind, uint32_t device)
{
	uint32_t count = costs->count[kind][device];

	return count ? costs->sum_ns[kind][device] / count : 0;
}

struct demo_search {
	const struct demo_costs *costs;
	uint32_t jobs[DIGITS_KINDS];
	struct demo_split now;
	struct demo_split *best;
};

/* Give @left jobs of @kind to the devices from @device on, then go on with the next kind. */
static void demo_search(struct demo_search *s, uint32_t kind, uint32_t device, uint32_t left)
{
	uint64_t cost, before, longest = 0;
	uint32_t n, i;

	if (kind == DIGITS_KINDS) {
		for (i = 0; i < DEMO_DEVICES; i++)
			if (s->now.load_ns[i] > longest)
				longest = s->now.load_ns[i];
		if (longest < s->best->makespan_ns) {
			*s->best = s->now;
			s->best->makespan_ns = longest;
		}
		return;
	}
	cost = demo_cost(s->costs, kind, device);
	before = s->now.load_ns[device];
	/* the last device takes what is left */
	for (n = device == DEMO_DEVICES - 1 ? left : 0; n <= left; n++) {
		s->now.load_ns[device] = before + n * cost;
		if (s->now.load_ns[device] >= s->best->makespan_ns)
			break;
		s->now.count[kind][device] = n;
		if (device == DEMO_DEVICES - 1)
			demo_search(s, kind + 1, 0,
				    kind + 1 < DIGITS_KINDS ? s->jobs[kind + 1] : 0);
		else
			demo_search(s, kind, device + 1, left - n);
	}
	s->now.load_ns[device] = before;
}

/* A good split to start from: each job to the device that is done with it first */
static void demo_greedy(struct demo_search *s)
{
	struct demo_split *b = s->best;
	uint32_t kind, n, i, first;

	memset(b, 0, sizeof(*b));
	for (kind = 0; kind < DIGITS_KINDS; kind++)
		for (n = 0; n < s->jobs[kind]; n++) {
			first = 0;
			for (i = 1; i < DEMO_DEVICES; i++)
				if (b->load_ns[i] + demo_cost(s->costs, kind, i) <
				    b->load_ns[first] + demo_cost(s->costs, kind, first))
					first = i;
			b->count[kind][first]++;
			b->load_ns[first] += demo_cost(s->costs, kind, first);
		}
	for (i = 0; i < DEMO_DEVICES; i++)
		if (b->load_ns[i] > b->makespan_ns)
			b->makespan_ns = b->load_ns[i];
}

bool demo_split_best(const struct demo_costs *costs, const struct digits_shape *shape,
		     struct demo_split *split)
{
	uint32_t rows = digits_rows(shape), columns = digits_columns(shape);
	struct demo_search s = {
		.costs = costs,
		.jobs = { rows * columns, rows * columns, rows },
		.best = split,
	};
	uint32_t kind, i;

	for (kind = 0; kind < DIGITS_KINDS; kind++)
		for (i = 0; i < DEMO_DEVICES; i++)
			if (!demo_cost(costs, kind, i))
				return false;
	demo_greedy(&s);
	demo_search(&s, 0, 0, s.jobs[0]);
	/* n jobs can be dealt to three devices in (n + 1) (n + 2) / 2 ways */
	split->splits = 1;
	for (kind = 0; kind < DIGITS_KINDS; kind++)
		split->splits *= (uint64_t)(s.jobs[kind] + 1) * (s.jobs[kind] + 2) / 2;
	return true;
}

int demo_placement_make(struct demo_placement *p, const struct demo_split *split,
			const struct demo_costs *costs, const struct digits_shape *shape)
{
	uint32_t rows = digits_rows(shape), columns = digits_columns(shape);
	const uint32_t jobs[DIGITS_KINDS] = { rows * columns, rows * columns, rows };
	uint32_t kind, n, i, most;

	p->columns = columns;
	for (kind = 0; kind < DIGITS_KINDS; kind++) {
		uint32_t given[DEMO_DEVICES] = {};

		p->masks[kind] = calloc(jobs[kind], sizeof(*p->masks[kind]));
		if (!p->masks[kind]) {
			demo_placement_free(p);
			return -1;
		}
		/* evenly mixed: each job to the device that is furthest behind its share */
		for (n = 0; n < jobs[kind]; n++) {
			int64_t behind[DEMO_DEVICES];

			most = 0;
			for (i = 0; i < DEMO_DEVICES; i++) {
				behind[i] = (int64_t)split->count[kind][i] * (n + 1) -
					    (int64_t)given[i] * jobs[kind];
				if (behind[i] > behind[most])
					most = i;
			}
			given[most]++;
			p->masks[kind][n] = (uint64_t)1 << costs->ids[most];
		}
	}
	return 0;
}

void demo_placement_free(struct demo_placement *p)
{
	uint32_t kind;

	for (kind = 0; kind < DIGITS_KINDS; kind++) {
		free(p->masks[kind]);
		p->masks[kind] = NULL;
	}
}

uint64_t demo_placement_mask(enum digits_kind kind, uint32_t row, uint32_t column, void *arg)
{
	const struct demo_placement *p = arg;

	return p->masks[kind][kind == DIGITS_BEST ? row : row * p->columns + column];
}
