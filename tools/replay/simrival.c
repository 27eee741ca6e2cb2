// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of engines, and upward ranks.
 *
 * DOC: engines and ranks
 *
 * The upward rank of a job is its cost and the largest rank of those that wait for it. It needs the
 * whole graph, which the rivals are given: they are to be as good as they can be.
 */
#include "simrival.h"

const struct sim_engine * const sim_engines[] = {
	&sim_engine_weft,
	&sim_engine_dmdas,
	&sim_engine_dmdar,
	&sim_engine_heft,
	&sim_engine_heteroprio,
	&sim_engine_xsched,
	NULL
};

const struct sim_engine *sim_engine_find(const char *name)
{
	u32 i;

	for (i = 0; sim_engines[i]; i++) {
		if (!strcmp(sim_engines[i]->name, name))
			return sim_engines[i];
	}
	return NULL;
}

static u64 rank_cost(const struct sim_input *in, const struct sim_job *j, enum sim_rank_of of)
{
	const struct sim_machine *m = &in->machine;
	u64 sum = 0, least = U64_MAX;
	u32 count = 0;
	u32 i;

	for (i = 0; i < m->device_count; i++) {
		u64 ns = sim_cost_run(in, j, i);

		if (!(j->devices & BIT_ULL(i)))
			continue;
		least = min(least, ns);
		sum += ns;
		count++;
	}
	return of == SIM_RANK_BEST ? least : sum / count;
}

u64 *sim_rank(struct sim_arena *arena, const struct sim_input *in, enum sim_rank_of of)
{
	const struct sim_tasks *k = &in->tasks;
	u64 *rank = sim_alloc(arena, k->job_count * sizeof(*rank));
	u32 i, s;

	/* Successors stand further down. */
	for (i = k->job_count; i--;) {
		const struct sim_job *j = &k->job[i];

		for (s = 0; s < j->succ_count; s++)
			rank[i] = max(rank[i], rank[j->succ[s]]);
		rank[i] += rank_cost(in, j, of);
	}
	return rank;
}
