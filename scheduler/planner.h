/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that plan ahead share: plan.c makes plans, ahead.c keeps to them. */
#ifndef WEFT_PLANNER_H
#define WEFT_PLANNER_H

#include "internal.h"

/* Places of a device that a plan tells apart. */
#define WEFT_PLAN_LANES		4u
/* Inputs of a job that take turns on the links; further ones are counted as if alone. */
#define WEFT_PLAN_NEEDS		16u
/* Sorts of jobs whose run times are looked up once for a plan. */
#define WEFT_PLAN_SORTS		64u
#define WEFT_NEVER		U64_MAX

struct weft_route {
	u64 bandwidth;
	u64 latency;
	u64 ports[WEFT_PLAN_PORTS / 64];
	u32 port_count;
	u8 port[WEFT_ROUTE_PORTS];
};

/* a planned job */
struct weft_plan_node {
	struct weft_sched_job *job;
	/* in the order of its device */
	struct list_head order;
	u64 rank;
	/* its rank by least run times among all that the planner knows */
	u64 base;
	/* the plan it belongs to */
	u64 set;
	u64 data;
	u64 start;
	u64 finish;
	u32 device;
	u32 lane;
	u32 priority;
	/* its run times: a sort, WEFT_PLAN_SORTS: look them up */
	u32 sort;
};

/* jobs of one kernel and power of two of the size: run time by device */
struct weft_plan_sort {
	u64 kernel;
	u64 size;
	u64 run[WEFT_SCHED_MAX_DEVICES];
};

/* a buffer in plans */
struct weft_plan_data {
	/* NULL: free, then the next free one */
	struct weft_sched_data *data;
	u32 next_free;
	/* the plan that @at is of */
	u64 plan;
	/* @data was never written by then */
	bool zeros;
	/* when a copy that is on its way comes, by region */
	u64 arrives[WEFT_SCHED_MAX_REGIONS];
	/* when a copy is there, by region, in the plan being made */
	u64 at[WEFT_SCHED_MAX_REGIONS];
};

/* one transfer of the job being looked at */
struct weft_plan_need {
	struct weft_sched_ref *ref;
	const struct weft_route *route;
	u32 from;
	u32 to;
	u64 start;
	u64 end;
};

struct weft_planner {
	struct weft_plan_room room;
	struct weft_plan_node *node;
	/* nodes; all of them by base rank, those before the cursor are gone */
	u32 count;
	u32 *queue;
	u32 cursor;
	/* those of the plan: by base rank, as they are planned, and the best so far */
	u32 planned;
	u32 *first;
	u32 *order;
	u32 *best;
	u64 set;
	struct weft_plan_data *data;
	u32 free_data;
	struct weft_route route[WEFT_SCHED_MAX_REGIONS][WEFT_SCHED_MAX_REGIONS];
	/* ports: as decided, and with the plan being made */
	struct weft_line link[WEFT_PLAN_PORTS];
	struct weft_line port[WEFT_PLAN_PORTS];
	struct weft_line place[WEFT_SCHED_MAX_DEVICES][WEFT_PLAN_LANES];
	struct weft_plan_sort sort[WEFT_PLAN_SORTS];
	u32 sort_count;
	struct weft_plan_need need[2 * WEFT_PLAN_NEEDS];
	u32 need_count;
	/* ports of any route; number of the plan being made */
	u32 port_count;
	u64 plan;
	/* planned jobs by device and start, not dispatched yet */
	struct list_head lane[WEFT_SCHED_MAX_DEVICES];
	/* buffers with copies that may be sent */
	struct list_head sendable;
	/* the plan holds no more; how much happened since it was made; jobs without a node */
	bool stale;
	u32 changes;
	u32 fresh;
	/* regions in use */
	u64 regions;
	/* end of all that was planned last */
	u64 end;
};

/* ---- plan.c */
void weft_plan_make(struct weft_sched *s, struct weft_planner *p, u64 now);
/*
 * When the inputs of @job can be in @region, each from @now on or since it is there; what this
 * takes is in p->need, on @lines as they are. @ns: time on links.
 */
u64 weft_plan_inputs(struct weft_planner *p, const struct weft_line *lines,
		     const struct weft_sched_job *job, u32 region, u32 host, u64 now, u64 *ns);
/* reset what a plan assumes of buffers: a new one begins */
void weft_plan_begin(struct weft_sched *s, struct weft_planner *p);
struct weft_plan_data *weft_plan_data(struct weft_sched *s, struct weft_planner *p,
				      struct weft_sched_data *data, u64 now);
u64 weft_route_time(const struct weft_route *r, u64 bytes);
/* first time from @from on at which @r is free for @ns on @lines, beside what p->need takes */
u64 weft_route_free(const struct weft_planner *p, const struct weft_line *lines,
		    const struct weft_route *r, u64 from, u64 ns);
u64 weft_plan_run(const struct weft_sched *s, const struct weft_planner *p,
		  const struct weft_plan_node *n, u32 device);

#endif /* WEFT_PLANNER_H */
