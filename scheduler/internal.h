/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of scheduler/ share among themselves. */
#ifndef WEFT_SCHED_INTERNAL_H
#define WEFT_SCHED_INTERNAL_H

#include "log.h"
#include "plan.h"

/* Run time assumed where nothing at all is known, ns. */
#define WEFT_RUN_UNKNOWN	100000ull
/* Longest time that is taken seriously, ns (13 days): keeps sums far from wrapping. */
#define WEFT_TIME_MAX		BIT_ULL(50)

/* ---- record.c */
void weft_log(struct weft_sched *s, u64 now, u32 type, u64 id, u32 a, u32 b, u64 arg0, u64 arg1,
	      u64 arg2, u64 arg3);
void weft_log_init(struct weft_sched *s, u64 now);
void weft_log_policy(struct weft_sched *s, u64 now);
void weft_log_device(struct weft_sched *s, const struct weft_sched_device *d, u32 type, u64 now);
void weft_log_submit(struct weft_sched *s, const struct weft_sched_job *job,
		     const struct weft_sched_edge *edges, u32 explicit_count, u64 now);
void weft_log_place(struct weft_sched *s, const struct weft_sched_job *job, u32 type, u32 device,
		    u64 now);

/* ---- estimate.c */
struct weft_estimate {
	/* expected run time, ns */
	u64 run;
	/* this kernel has run on this model */
	bool learned;
	/* a first run on this model is under way or has failed */
	bool tried;
	/* the kernel has run on some model */
	bool known;
};

void weft_estimate_of(const struct weft_sched *s, u64 kernel, u64 size,
		      const struct weft_sched_device *d, struct weft_estimate *e);
void weft_estimate_get(const struct weft_sched *s, const struct weft_sched_job *job,
		       const struct weft_sched_device *d, struct weft_estimate *e);
/* shortest run time that may be expected of @job on an eligible device */
u64 weft_estimate_least(const struct weft_sched *s, const struct weft_sched_job *job);
void weft_estimate_try(struct weft_sched *s, const struct weft_sched_job *job,
		       const struct weft_sched_device *d);
/* the first run never got to run: it may be tried again */
void weft_estimate_untry(struct weft_sched *s, const struct weft_sched_job *job,
			 const struct weft_sched_device *d);
void weft_estimate_learn(struct weft_sched *s, const struct weft_sched_job *job,
			 const struct weft_sched_device *d, u64 busy_ns);

/* ---- fair.c */
void weft_fair_tenant_init(struct weft_sched *s, struct weft_sched_tenant *t);
void weft_fair_tenant_set(struct weft_sched_tenant *t, u32 weight);
void weft_fair_client_init(struct weft_sched_client *c);
/* a READY job joins or leaves the order */
void weft_fair_insert(struct weft_sched *s, struct weft_sched_job *job);
void weft_fair_remove(struct weft_sched *s, struct weft_sched_job *job);
/* the rank of a READY job has changed */
void weft_fair_rekey(struct weft_sched_job *job);
/* the devices that a READY job can use have changed */
void weft_fair_remask(struct weft_sched *s, struct weft_sched_job *job);
/* first job in fair order that can use a device of @mask */
struct weft_sched_job *weft_fair_first(struct weft_sched *s, u64 mask);
/* priced time in units of ns x price */
u64 weft_fair_units(u64 ns, u32 price);
/* for the rest of one pick: @job counts as served and is out of the order; and back */
void weft_fair_park(struct weft_sched *s, struct weft_sched_job *job, u64 units);
void weft_fair_unpark(struct weft_sched *s, struct weft_sched_job *job);
/* @job leaves the order for a device and is charged what it is expected to take */
void weft_fair_dispatch(struct weft_sched *s, struct weft_sched_job *job, u64 units);
/*
 * Does @job, on @d, come before @rival, which waits for it, when it is charged @used units and of
 * what waits there nothing is charged?
 */
bool weft_fair_before(const struct weft_sched_device *d, const struct weft_sched_job *job,
		      u64 used, const struct weft_sched_job *rival);
/* @job has used @used units and goes on for @more */
void weft_fair_extend(struct weft_sched *s, struct weft_sched_job *job, u64 used, u64 more);
/* @job used @busy_ns of the device it was dispatched to: correct the charge */
void weft_fair_settle(struct weft_sched *s, struct weft_sched_job *job, u64 busy_ns);

/* devices that @job may be placed on, if they are open and have space */
static inline u64 weft_job_may_use(const struct weft_sched_job *job)
{
	if (job->aside)
		return BIT_ULL(job->device);
	return job->follows == WEFT_SCHED_NO_DEVICE ? job->devices : BIT_ULL(job->follows);
}

/* is @job in the order? */
static inline bool weft_job_queued(const struct weft_sched_job *job)
{
	return job->state == WEFT_JOB_READY || job->aside == WEFT_ASIDE_DUE;
}

/* ---- ahead.c: nothing of this does anything unless planning is on */
void weft_plan_stale(struct weft_sched *s);
/* a job is WAITING or READY from now on; and is not any more */
void weft_plan_job_add(struct weft_sched *s, struct weft_sched_job *job);
void weft_plan_job_del(struct weft_sched *s, struct weft_sched_job *job);
/* a run of @job ended well */
void weft_plan_job_ended(struct weft_sched *s, const struct weft_sched_job *job, u64 busy_ns);
void weft_plan_data_add(struct weft_sched *s, struct weft_sched_data *data);
void weft_plan_data_del(struct weft_sched *s, struct weft_sched_data *data);
void weft_plan_data_moved(struct weft_sched *s, struct weft_sched_data *data);
void weft_plan_region_lost(struct weft_sched *s, u32 region);
/* is it for the plan to decide?; then the job to be dispatched now and @device, or NULL */
bool weft_plan_decides(const struct weft_sched *s);
struct weft_sched_job *weft_plan_pick(struct weft_sched *s, u32 *device, u64 now);
u64 weft_plan_arrival(struct weft_sched *s, const struct weft_sched_job *job,
		      struct weft_sched_device *d, u64 now, bool keep, u64 *ns);

/* ---- job.c */
bool weft_job_may(const struct weft_sched_job *job, u32 state);
void weft_job_move(struct weft_sched_job *job, u32 state);
void weft_job_ready(struct weft_sched *s, struct weft_sched_job *job, u64 now);

/* ---- chain.c */
bool weft_chain_written(const struct weft_sched_ref *ref);
void weft_chain_look(struct weft_sched *s, struct weft_sched_job *job, u64 now);
void weft_chain_bound(struct weft_sched *s, struct weft_sched_job *job, u64 now);
bool weft_chain_holds(const struct weft_sched *s, const struct weft_sched_job *job);
void weft_chain_unfollow(struct weft_sched *s, struct weft_sched_job *job);
void weft_chain_placed(struct weft_sched_job *job, struct weft_sched_device *d);
void weft_chain_settle(struct weft_sched_job *job, struct weft_sched_device *d);
void weft_chain_wait(struct weft_sched *s, struct weft_sched_job *job);
void weft_chain_left(struct weft_sched *s, struct weft_sched_job *job);
void weft_chain_free(struct weft_sched *s, struct weft_sched_job *job, u64 now);

/* ---- place.c */
struct weft_policy {
	const char *name;
	/* devices one of which a job must be able to use to be looked at now */
	u64 (*wanted)(const struct weft_sched *s);
	/* first job in the policy's order that can use a device of @mask */
	struct weft_sched_job *(*first)(struct weft_sched *s, u64 mask);
	/* rank the candidates in s->cand that have no reason yet, give each a reason */
	u32 (*choose)(struct weft_sched *s);
	/* a plan may decide instead */
	bool ahead;
};

const struct weft_policy *weft_policy_find(const char *name);
/* ns to move @bytes over @link */
u64 weft_link_time(const struct weft_sched_link *link, u64 bytes);
/* must the bytes of @ref be there before its job runs? */
bool weft_ref_inputs(const struct weft_sched_ref *ref);
/* the slot of @d that is free first, after weft_place_prepare() */
u32 weft_device_slot(const struct weft_sched_device *d);
/* when each slot of @d is free, as far as the jobs it was given are concerned */
void weft_place_prepare(struct weft_sched_device *d, u64 now);
/* fill in s->cand for @job */
void weft_place_weigh(struct weft_sched *s, struct weft_sched_job *job, u64 now);
void weft_place_release(struct weft_sched *s, struct weft_sched_job *job);
/* @job gives its place back but stays on its device; and wants a place there again */
void weft_place_aside(struct weft_sched *s, struct weft_sched_job *job);
void weft_place_due(struct weft_sched *s, struct weft_sched_job *job, u64 now);
/* no space there for @job, which is not READY, until some is made */
void weft_place_deny(struct weft_sched *s, struct weft_sched_job *job, struct weft_sched_device *d,
		     u64 now);
/* forget where there was no space for @job, which is not READY */
int weft_place_unfit(struct weft_sched *s, struct weft_sched_job *job, struct weft_sched_device *d);
void weft_place_undeny(struct weft_sched_job *job);
void weft_place_space_made(struct weft_sched *s, struct weft_sched_device *d);

#endif /* WEFT_SCHED_INTERNAL_H */
