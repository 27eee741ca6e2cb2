/* SPDX-License-Identifier: GPL-2.0-only */
/* Figures of a simulation that has ended; see simmetrics.c and simbounds.c. */
#ifndef WEFT_SIMMETRICS_H
#define WEFT_SIMMETRICS_H

#include "simfile.h"
#include "simworld.h"

struct sim_metric {
	const char *name;
	/* a device, port or class, NULL without */
	const char *of;
	u64 value;
};

struct sim_metrics {
	struct sim_metric *metric;
	u32 count;
};

/* lower bounds of the makespan, ns */
struct sim_bounds {
	u64 area;
	u64 path;
	/* 0: not computed */
	u64 dag;
	u64 path_transfer;
};

/* @dag: most jobs for which the LP of the whole graph is solved; needs @w for routes */
void sim_bounds(struct sim_world *w, u32 dag, struct sim_bounds *b);
/* all metrics of Documentation/replay/formats.rst, in its order, from w->arena */
void sim_metrics(struct sim_world *w, const struct sim_bounds *b, struct sim_metrics *m);
void sim_metrics_log(struct sim_world *w, const struct sim_metrics *m);
void sim_metrics_print(FILE *out, const struct sim_metrics *m);
void sim_metrics_json(FILE *out, const struct sim_world *w, const struct sim_metrics *m);

#endif /* WEFT_SIMMETRICS_H */
