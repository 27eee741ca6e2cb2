/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Planning ahead: jobs that are not READY yet get a device, a time and their inputs' way there.
 *
 * DOC: planning ahead
 *
 * A capability of policy eft, off until the caller gives memory for it. It plans all WAITING and
 * READY jobs as one: each gets a place on a device and its inputs a time on each link, in gaps that
 * others leave. A caller that can move bytes before a job is READY asks weft_sched_send() which:
 * copies that are speculative, for the plan may change. Nothing else changes for the caller.
 *
 * Plans serve the jobs of one client and class. As soon as those of two are there, or a lease,
 * turns are a matter of shares, which no plan can promise: jobs are then decided one by one as they
 * become READY, and planned again when one is alone.
 */
#ifndef WEFT_PLAN_H
#define WEFT_PLAN_H

#include "line.h"
#include "sched.h"

#define WEFT_PLAN_PORTS		256u
#define WEFT_PLAN_ROUNDS_MAX	1024u
#define WEFT_PLAN_SPANS_MAX	65536u
#define WEFT_PLAN_COUNT_MAX	1048576u
#define WEFT_ROUTE_PORTS	8u

/** struct weft_plan_room - how large plans may be */
struct weft_plan_room {
	/** @jobs: known to the planner, 1..1048576: the oldest */
	u32 jobs;
	/** @window: planned at once, 1..@jobs: those with the longest path before them */
	u32 window;
	/** @data: buffers with planned transfers, 1..1048576: the first added; others cost none */
	u32 data;
	/** @spans: of a timeline, 16..65536 */
	u32 spans;
	/** @rounds: plans made to keep the best, 1..1024 */
	u32 rounds;
};

/**
 * struct weft_sched_route - how bytes go from one region to another in one transfer
 * @bandwidth: MB/s (10^6 bytes), of its narrowest link; 0: there is no route
 * @latency: ns, the sum
 * @port_count: number of @port, up to WEFT_ROUTE_PORTS
 * @port: ports it takes from start to end, each below WEFT_PLAN_PORTS; one carries one transfer at
 *	a time
 */
struct weft_sched_route {
	u64 bandwidth;
	u64 latency;
	u32 port_count;
	u8 port[WEFT_ROUTE_PORTS];
};

/**
 * struct weft_sched_send - bytes that may go ahead of the job that wants them
 * @data: the buffer
 * @from: region that has it
 * @to: region where it is wanted
 * @at: no earlier than this, ns: the link is for others until then
 * @job: the job, WAITING or READY
 */
struct weft_sched_send {
	struct weft_sched_data *data;
	u32 from;
	u32 to;
	u64 at;
	struct weft_sched_job *job;
};

/** weft_sched_plan_size() - bytes of memory for weft_sched_plan_on(), 0: @room is out of range */
size_t weft_sched_plan_size(const struct weft_plan_room *room);
/**
 * weft_sched_plan_on() - plan ahead from now on
 * @s: scheduler, without devices, buffers and jobs
 * @memory: weft_sched_plan_size() bytes, kept until the scheduler ends; any contents
 * @room: how large plans may be
 * @now: ns
 *
 * Routes are to be set with weft_sched_route_set(); bytes between regions that have none go through
 * the host region of the device that wants them.
 * Return: 0, -EINVAL @room out of range, -EBUSY there is something already.
 */
int weft_sched_plan_on(struct weft_sched *s, void *memory, const struct weft_plan_room *room,
		       u64 now);
/** weft_sched_route_set() - -EINVAL: a field out of range; -EOPNOTSUPP: planning is not on */
int weft_sched_route_set(struct weft_sched *s, u32 from, u32 to, const struct weft_sched_route *r,
			 u64 now);
/**
 * weft_sched_send() - what may be sent ahead now
 * @s: scheduler
 * @now: ns
 * @send: out
 *
 * To be called until it returns false, whenever something ended or came and before
 * weft_sched_pick(). The copy is expected there from then on; when it is, weft_sched_data_set()
 * says so as ever, and weft_sched_unsend() if it will not be. The caller may leave any or all
 * of it undone: what a job lacks is sent when it is bound.
 *
 * Return: true and @send filled in, false when there is nothing (more).
 */
bool weft_sched_send(struct weft_sched *s, u64 now, struct weft_sched_send *send);
/** weft_sched_unsend() - @data will not come to region @to after all */
void weft_sched_unsend(struct weft_sched *s, struct weft_sched_data *data, u32 to, u64 now);

#endif /* WEFT_PLAN_H */
