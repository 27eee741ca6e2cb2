// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lower bounds of the makespan.
 *
 * DOC: bounds
 *
 * Area: a linear program over kinds of jobs (equal costs on each model) and models. Path: the
 * longest chain, each job at its best. Dag: a linear program over all jobs that has both kinds of
 * constraints; its size is that of the graph, so it is solved on demand only. All ignore transfers
 * but the last, which adds to a path what it must fetch from the host.
 *
 * Rejected: an LP solver of our own (GLPK is in every distribution, and a bound that is wrong by a
 * numerical accident would flatter us).
 */
#include <glpk.h>

#include "simmetrics.h"

/* Floating point is for bounds only: no decision is made from them. */
#define NS_PER_UNIT	1000.0
/* what rounding in the solver may take off a whole number of ns */
#define SLACK		1.000000000001

/* The models on which @job may run, and its cost on each; places of each model. */
struct bound_models {
	u32 count;
	u32 *places;
	/* [job * count + model], 0: cannot */
	u64 *cost;
};

static void models_init(struct sim_world *w, struct bound_models *b)
{
	const struct sim_machine *m = &w->in->machine;
	u32 i, d;

	b->count = m->models.count;
	b->places = sim_alloc(&w->arena, b->count * sizeof(*b->places));
	b->cost = sim_alloc(&w->arena, (size_t)w->job_count * b->count * sizeof(*b->cost));
	for (d = 0; d < m->device_count; d++) {
		b->places[m->device[d].model] += m->device[d].engines * m->device[d].credits;
		for (i = 0; i < w->job_count; i++) {
			const struct sim_job *j = &w->in->tasks.job[i];

			if (j->devices & BIT_ULL(d))
				b->cost[(size_t)i * b->count + m->device[d].model] =
					sim_cost_run(w->in, j, d);
		}
	}
}

struct kind {
	u32 job;
	u32 count;
};

struct bound_sort {
	const u64 *cost;
	u32 models;
};

static int cost_compare(const void *a, const void *b, void *data)
{
	const struct bound_sort *s = data;
	const u64 *x = s->cost + (size_t)*(const u32 *)a * s->models;
	const u64 *y = s->cost + (size_t)*(const u32 *)b * s->models;
	u32 m;

	for (m = 0; m < s->models; m++) {
		if (x[m] != y[m])
			return x[m] < y[m] ? -1 : 1;
	}
	return 0;
}

/* Jobs of equal costs together. */
static u32 kinds_find(struct sim_world *w, const struct bound_models *b, struct kind *kind)
{
	struct bound_sort s = { .cost = b->cost, .models = b->count };
	u32 *order = sim_alloc(&w->arena, w->job_count * sizeof(*order));
	u32 count = 0, i;

	for (i = 0; i < w->job_count; i++)
		order[i] = i;
	qsort_r(order, w->job_count, sizeof(*order), cost_compare, &s);
	for (i = 0; i < w->job_count; i++) {
		if (!i || cost_compare(&order[i - 1], &order[i], &s))
			kind[count++] = (struct kind){ .job = order[i] };
		kind[count - 1].count++;
	}
	return count;
}

/* Elements of an LP, put together one by one. */
struct elements {
	struct sim_arena *arena;
	int *row;
	int *column;
	double *value;
	u32 count;
};

static void element(struct elements *e, int row, int column, double value)
{
	/* GLPK counts from 1. */
	e->row = sim_grow(e->arena, e->row, e->count + 1, sizeof(*e->row));
	e->column = sim_grow(e->arena, e->column, e->count + 1, sizeof(*e->column));
	e->value = sim_grow(e->arena, e->value, e->count + 1, sizeof(*e->value));
	e->count++;
	e->row[e->count] = row;
	e->column[e->count] = column;
	e->value[e->count] = value;
}

static void elements_init(struct elements *e, struct sim_arena *arena)
{
	memset(e, 0, sizeof(*e));
	e->arena = arena;
	e->row = sim_alloc(arena, sizeof(*e->row));
	e->column = sim_alloc(arena, sizeof(*e->column));
	e->value = sim_alloc(arena, sizeof(*e->value));
}

/* The least value of column 1, in ns; 0 if the solver gives up. */
static u64 lp_solve(glp_prob *lp, const struct elements *e)
{
	glp_smcp how;
	u64 least = 0;

	glp_load_matrix(lp, (int)e->count, e->row, e->column, e->value);
	glp_init_smcp(&how);
	how.msg_lev = GLP_MSG_OFF;
	how.presolve = GLP_ON;
	how.meth = GLP_DUALP;
	if (!glp_simplex(lp, &how) && glp_get_status(lp) == GLP_OPT)
		least = (u64)(glp_get_obj_val(lp) * NS_PER_UNIT * SLACK);
	glp_delete_prob(lp);
	return least;
}

static glp_prob *lp_new(int rows, int columns)
{
	glp_prob *lp = glp_create_prob();
	int i;

	glp_term_out(GLP_OFF);
	glp_set_obj_dir(lp, GLP_MIN);
	glp_add_rows(lp, rows);
	glp_add_cols(lp, columns);
	for (i = 1; i <= columns; i++)
		glp_set_col_bnds(lp, i, GLP_LO, 0, 0);
	glp_set_obj_coef(lp, 1, 1);
	return lp;
}

static u64 bound_area(struct sim_world *w, const struct bound_models *b)
{
	struct kind *kind = sim_alloc(&w->arena, w->job_count * sizeof(*kind));
	u32 kinds = kinds_find(w, b, kind);
	struct elements e;
	glp_prob *lp;
	u32 i, m;

	/* Column 1 is T; a row per model, then one per kind. */
	elements_init(&e, &w->arena);
	lp = lp_new((int)(b->count + kinds), (int)(1 + kinds * b->count));
	for (m = 0; m < b->count; m++) {
		element(&e, (int)m + 1, 1, -(double)b->places[m]);
		glp_set_row_bnds(lp, (int)m + 1, GLP_UP, 0, 0);
	}
	for (i = 0; i < kinds; i++) {
		int row = (int)(b->count + i + 1);

		glp_set_row_bnds(lp, row, GLP_FX, kind[i].count, kind[i].count);
		for (m = 0; m < b->count; m++) {
			u64 cost = b->cost[(size_t)kind[i].job * b->count + m];
			int column = (int)(2 + i * b->count + m);

			if (!cost) {
				glp_set_col_bnds(lp, column, GLP_FX, 0, 0);
				continue;
			}
			element(&e, row, column, 1);
			element(&e, (int)m + 1, column, (double)cost / NS_PER_UNIT);
		}
	}
	return lp_solve(lp, &e);
}

static u64 bound_dag(struct sim_world *w, const struct bound_models *b)
{
	const struct sim_tasks *k = &w->in->tasks;
	u32 edges = 0, row, i, m, p;
	struct elements e;
	glp_prob *lp;

	for (i = 0; i < k->job_count; i++)
		edges += max(k->job[i].pred_count, 1u);
	/* Columns: T, then per job its end and its fractions. Rows: models, fractions, edges. */
	elements_init(&e, &w->arena);
	lp = lp_new((int)(b->count + k->job_count + edges),
		    (int)(1 + k->job_count * (1 + b->count)));
	for (m = 0; m < b->count; m++) {
		element(&e, (int)m + 1, 1, -(double)b->places[m]);
		glp_set_row_bnds(lp, (int)m + 1, GLP_UP, 0, 0);
	}
	row = b->count + k->job_count;
	for (i = 0; i < k->job_count; i++) {
		const struct sim_job *j = &k->job[i];
		u32 end = 2 + i * (1 + b->count);

		glp_set_row_bnds(lp, (int)(b->count + i + 1), GLP_FX, 1, 1);
		for (m = 0; m < b->count; m++) {
			u64 cost = b->cost[(size_t)i * b->count + m];

			if (!cost) {
				glp_set_col_bnds(lp, (int)(end + 1 + m), GLP_FX, 0, 0);
				continue;
			}
			element(&e, (int)(b->count + i + 1), (int)(end + 1 + m), 1);
			element(&e, (int)m + 1, (int)(end + 1 + m), (double)cost / NS_PER_UNIT);
		}
		/* end - end of a predecessor - own time >= 0 */
		for (p = 0; p < max(j->pred_count, 1u); p++) {
			row++;
			glp_set_row_bnds(lp, (int)row, GLP_LO, 0, 0);
			element(&e, (int)row, (int)end, 1);
			if (j->pred_count)
				element(&e, (int)row, (int)(2 + j->pred[p] * (1 + b->count)), -1);
			for (m = 0; m < b->count; m++) {
				u64 cost = b->cost[(size_t)i * b->count + m];

				if (cost)
					element(&e, (int)row, (int)(end + 1 + m),
						-(double)cost / NS_PER_UNIT);
			}
		}
	}
	/* T >= the end of jobs that nobody waits for */
	for (i = 0; i < k->job_count; i++) {
		if (k->job[i].succ_count)
			continue;
		row = (u32)glp_add_rows(lp, 1);
		glp_set_row_bnds(lp, (int)row, GLP_LO, 0, 0);
		element(&e, (int)row, 1, 1);
		element(&e, (int)row, (int)(2 + i * (1 + b->count)), -1);
	}
	return lp_solve(lp, &e);
}

/* What @job must fetch on @device that no job before it writes: the longest transfer. */
static u64 path_fetch(struct sim_world *w, u32 job, u32 device, const u32 *writer)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 region = w->machine->device[device].region;
	u64 longest = 0;
	u32 i;

	for (i = 0; i < j->use_count; i++) {
		u32 block = j->use[i].block;
		u64 valid = w->block[block].valid, nearest = 0;

		if (!(j->use[i].access & SIM_READ) || writer[block] < job || !valid ||
		    !w->block[block].bytes || (valid & BIT_ULL(region)))
			continue;
		for (; valid; valid &= valid - 1) {
			const struct sim_route *r = sim_net_route(w, __ffs64(valid), region);
			u64 ns = r ? sim_net_duration(r, w->block[block].bytes) : 0;

			if (ns && (!nearest || ns < nearest))
				nearest = ns;
		}
		longest = max(longest, nearest);
	}
	return longest;
}

static u64 bound_path(struct sim_world *w, bool transfers)
{
	const struct sim_tasks *k = &w->in->tasks;
	u64 *end = sim_alloc(&w->arena, k->job_count * sizeof(*end));
	u32 *writer = sim_alloc(&w->arena, k->block_count * sizeof(*writer));
	u64 longest = 0;
	u32 i, p, d;

	memset(writer, 0xff, k->block_count * sizeof(*writer));
	for (i = k->job_count; i--;) {
		for (p = 0; p < k->job[i].use_count; p++) {
			if (k->job[i].use[p].access & SIM_WRITE)
				writer[k->job[i].use[p].block] = i;
		}
	}
	for (i = 0; i < k->job_count; i++) {
		const struct sim_job *j = &k->job[i];
		u64 least = U64_MAX;

		for (d = 0; d < w->machine->device_count; d++) {
			u64 ns;

			if (!(j->devices & BIT_ULL(d)))
				continue;
			ns = sim_cost_run(w->in, j, d);
			if (transfers)
				ns += path_fetch(w, i, d, writer);
			least = min(least, ns);
		}
		for (p = 0; p < j->pred_count; p++)
			end[i] = max(end[i], end[j->pred[p]]);
		end[i] += least;
		longest = max(longest, end[i]);
	}
	return longest;
}

void sim_bounds(struct sim_world *w, u32 dag, struct sim_bounds *b)
{
	struct bound_models models;

	models_init(w, &models);
	b->area = bound_area(w, &models);
	b->path = bound_path(w, false);
	/* none of the bounds counts events */
	sim_net_nominal(w);
	b->path_transfer = bound_path(w, true);
	b->dag = w->job_count <= dag ? bound_dag(w, &models) : 0;
}
