/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler: order, placement and learned run times of one pool.
 *
 * DOC: scheduler
 *
 * A state machine without locks, allocation, floating point or clock. The caller (the pool in the
 * kernel, a test or the replayer in user space) owns all memory, serialises all calls, and
 * passes the time in. Every call that can influence a decision is an *input*; every input and
 * every decision is given to &weft_sched_ops.log as a fixed-size record. Feeding the inputs of a
 * log to a fresh scheduler gives the same decisions bit for bit: nothing here may depend on a
 * pointer's value, on hash order or on the CPU.
 *
 * Life of a job here: weft_sched_job_submit() (WAITING, then READY as soon as its edges are
 * met), weft_sched_pick() (BINDING), weft_sched_job_bound(), weft_sched_job_running(),
 * weft_sched_job_done(). From BINDING, BOUND and RUNNING weft_sched_job_return() leads back to
 * READY. weft_sched_job_cancel() ends a WAITING or READY job.
 *
 * On a device that orders jobs by itself a job can be READY, and placed, before those it waits for
 * are DONE: see chain.c.
 *
 * A BOUND job that has to wait for something outside the pool is *set aside*: it keeps its device
 * and its memory there, but gives its place to others and is charged nothing, however long that
 * takes. When the wait is over it is *due*: it stands in the fair order again, for a place on that
 * device alone, and weft_sched_pick() decides when it gets one.
 *
 * Rejected: building on the DRM scheduler (it binds when a job is armed, counts jobs instead of
 * time and cannot move a job); callbacks into the caller that influence a decision (replay
 * would depend on the caller's code).
 */
#ifndef WEFT_SCHED_H
#define WEFT_SCHED_H

#include "platform.h"
#include "tree.h"

#define WEFT_SCHED_MAX_DEVICES	64
#define WEFT_SCHED_MAX_REGIONS	64
#define WEFT_SCHED_NO_DEVICE	0xffffffffu
#define WEFT_SCHED_NO_REGION	0xffffffffu
#define WEFT_PRICE_UNIT		1024u
#define WEFT_WEIGHT_MIN		1u
#define WEFT_WEIGHT_MAX		10000u
#define WEFT_WEIGHT_DEFAULT	100u

struct weft_sched;
struct weft_sched_job;

/** enum weft_job_state - the life of a job; same values as enum drm_weft_job_state */
enum weft_job_state {
	WEFT_JOB_WAITING = 0,
	WEFT_JOB_READY = 1,
	WEFT_JOB_BINDING = 2,
	WEFT_JOB_BOUND = 3,
	WEFT_JOB_RUNNING = 4,
	WEFT_JOB_DONE = 5,
};

/** enum weft_aside - a BOUND job and its place; struct weft_sched_job.aside */
enum weft_aside {
	/** @WEFT_ASIDE_NOT: it has one, as any job from BINDING on */
	WEFT_ASIDE_NOT = 0,
	/** @WEFT_ASIDE_WAITS: it gave it back and wants none */
	WEFT_ASIDE_WAITS,
	/** @WEFT_ASIDE_DUE: it wants one again */
	WEFT_ASIDE_DUE,
};

/** enum weft_service - service classes, same values as enum drm_weft_service */
enum weft_service {
	WEFT_SERVICE_REALTIME = 0,
	WEFT_SERVICE_INTERACTIVE = 1,
	WEFT_SERVICE_BATCH = 2,
	WEFT_SERVICE_BEST_EFFORT = 3,
	WEFT_SERVICE_COUNT
};

/* Access bits, same values as DRM_WEFT_ACCESS_* */
#define WEFT_ACCESS_READ	1u
#define WEFT_ACCESS_WRITE	2u

/* How far pick() looks; see the head of place.c */
#define WEFT_SCHED_LOOKS	64u
/* Slots of a device whose free times are modelled; further credits only count as room */
#define WEFT_SCHED_SLOTS	64u
#define WEFT_SCHED_CREDITS_MAX	4096u
#define WEFT_SCHED_DEPTH_MAX	16u
#define WEFT_SCHED_PRICE_MAX	1048576u
/* Jobs that one which follows them may wait for */
#define WEFT_SCHED_CHAIN_WAITS	4u
/* Jobs that follow others on a device, beyond its credits and depth */
#define WEFT_SCHED_CHAIN_DEPTH	16u
/* A job that was due for so long, ns, may take one place of its device out of turn */
#define WEFT_SCHED_PATIENCE	1000000000ull

/*
 * struct weft_sched_group - the members of a class (tenants) or of a tenant (clients)
 * @tree: members with READY jobs by virtual time, then id
 * @vtime: virtual time of the group: the largest start tag dispatched
 */
struct weft_sched_group {
	struct weft_tree tree;
	u64 vtime;
};

/*
 * struct weft_sched_entity - a member of a group
 * @node: in the group's tree while it has READY jobs
 * @vtime: priced time x 1024 / weight; wraps
 * @rem: what the division left, 0..weight-1
 * @lift: sum of what @vtime was raised without service; wraps
 * @lag: how far it was behind the group when its last READY job left
 * @weight: its share
 * @leases: it was given and has not ended: who has any does not sleep
 * @queued: @node is in the tree
 */
struct weft_sched_entity {
	struct weft_tree_node node;
	u64 vtime;
	u64 rem;
	u64 lift;
	u64 lag;
	u32 weight;
	u32 leases;
	bool queued;
};

/** struct weft_sched_tenant - who pays; the caller sets what stands before @priced */
struct weft_sched_tenant {
	/** @id: unique, never reused */
	u32 id;
	/** @weight: 1..10000; change it with weft_sched_tenant_set() */
	u32 weight;

	/** @priced: engine time x price / WEFT_PRICE_UNIT charged so far, ns (read only) */
	u64 priced;
	/* private to scheduler/ */
	u32 priced_rem;
	u32 client_count;
	struct weft_sched_entity entity[WEFT_SERVICE_COUNT];
	struct weft_sched_group clients[WEFT_SERVICE_COUNT];
};

/** struct weft_sched_client - one client of a tenant */
struct weft_sched_client {
	/** @id: unique, never reused */
	u64 id;
	/** @tenant: who pays */
	struct weft_sched_tenant *tenant;

	/** @busy_ns: engine time charged (read only) */
	u64 busy_ns;
	/** @priced: priced engine time charged, ns (read only) */
	u64 priced;
	/* private to scheduler/ */
	u32 priced_rem;
	u64 job_count;
	struct weft_sched_entity entity[WEFT_SERVICE_COUNT];
	struct weft_tree jobs[WEFT_SERVICE_COUNT];
	/* WAITING and READY jobs; counted if planning is on */
	u32 pending[WEFT_SERVICE_COUNT];
};

/** struct weft_sched_link - one direction between a device's memory and its host region */
struct weft_sched_link {
	/** @bandwidth: MB/s (10^6 bytes); at least 1 */
	u64 bandwidth;
	/** @latency: ns */
	u64 latency;
};

/** struct weft_sched_device - one device as the scheduler sees it */
struct weft_sched_device {
	/** @id: 0..63, unique among present devices */
	u32 id;
	/** @model: small number; devices of one model share learned times */
	u32 model;
	/** @dev_class: enum drm_weft_class */
	u32 dev_class;
	/** @region: its memory, 0..63 */
	u32 region;
	/** @host_region: the host region it hangs on */
	u32 host_region;
	/** @credits: jobs that run at once */
	u32 credits;
	/** @depth: jobs bound beyond @credits, 1..16 */
	u32 depth;
	/** @price: WEFT_PRICE_UNIT is 1 */
	u32 price;
	/** @open: takes new jobs (healthy, not draining) */
	bool open;
	/** @chains: takes jobs whose predecessors it has not finished, and keeps their order */
	bool chains;
	/** @down: host to device */
	struct weft_sched_link down;
	/** @up: device to host */
	struct weft_sched_link up;

	/** @busy_ns: engine time used (read only) */
	u64 busy_ns;
	/** @outstanding: jobs BINDING, BOUND or RUNNING here with a place (read only) */
	u32 outstanding;
	/* private to scheduler/ */
	struct list_head jobs;
	/* BOUND jobs without a place, and those of them that are due, oldest first */
	u32 aside;
	struct list_head due;
	/* id of the job that has its place out of turn, 0: none */
	u64 urgent;
	/* when the transfers expected so far leave the links free */
	u64 down_free;
	u64 up_free;
	/* weft_sched.space_seq when room in its memory was last made */
	u64 space_seq;
	/* jobs it was ever given */
	u64 placed;
	/* jobs that follow others to it: READY, and placed before those were done */
	u32 followers;
	u32 ahead;
	/* scratch of one pick: the same with plans, and when each slot is free */
	u64 plan_down;
	u64 plan_up;
	u32 slot_count;
	u64 slot[WEFT_SCHED_SLOTS];
};

/** struct weft_sched_data - a buffer (later: a tile): who holds its bytes, who used it last */
struct weft_sched_data {
	/** @id: unique, never reused */
	u64 id;
	/** @bytes: size */
	u64 bytes;
	/** @valid: regions with a valid copy, bit n for region n; 0: nowhere (all zeros) */
	u64 valid;

	/* private to scheduler/ */
	/* uses by jobs not DONE yet, in program order */
	struct list_head writers;
	struct list_head readers;
	/* regions to which a transfer for a dispatched job is expected */
	u64 arriving;
	/* its number in plans, 0: none; in the planner's sendable buffers */
	u32 plan;
	struct list_head sendable;
};

/** struct weft_sched_ref - one use of a buffer by a job */
struct weft_sched_ref {
	/** @data: the buffer */
	struct weft_sched_data *data;
	/** @bytes: bytes of it that are used */
	u64 bytes;
	/** @access: WEFT_ACCESS_* */
	u32 access;
	/** @no_implicit: take no hazard edge (ignored between two writers) */
	bool no_implicit;

	/** @job: set by weft_sched_job_submit() */
	struct weft_sched_job *job;
	/* private to scheduler/: in data->writers or data->readers */
	struct list_head node;
	/* the plan sends it from there, no earlier than that */
	u32 from;
	u64 send_at;
};

/** struct weft_sched_edge - "to may not start before from is done"; memory from the caller */
struct weft_sched_edge {
	struct weft_sched_job *from;
	struct weft_sched_job *to;
	/* private to scheduler/: in from->out while the edge is open; then @from is NULL */
	struct list_head node;
};

/** struct weft_sched_job - a job as the scheduler sees it */
struct weft_sched_job {
	/** @id: unique in the pool, never reused, rises in submission order */
	u64 id;
	/** @client: whose */
	struct weft_sched_client *client;
	/** @kernel: key of learned times: hash of (tenant, program digest, kernel index) */
	u64 kernel;
	/** @size: problem size, at least 1 */
	u64 size;
	/** @devices: devices that may run it (images, masks, memory fit), bit n for id n */
	u64 devices;
	/** @deadline: absolute ns or 0 */
	u64 deadline;
	/** @service: enum weft_service */
	u32 service;
	/** @priority: 0..7 inside the client, larger first */
	u32 priority;
	/** @run_anyway: start even if a predecessor failed */
	bool run_anyway;
	/** @lease: the right to drive a device, for as long as weft_sched_lease_extend() says */
	bool lease;
	/** @disturbed: others had a part of its run time: it is charged, and not learned from */
	bool disturbed;
	/** @refs: buffers used */
	struct weft_sched_ref *refs;
	/** @ref_count: number of @refs */
	u32 ref_count;

	/** @state: enum weft_job_state (read only) */
	u32 state;
	/** @device: where it is BINDING, BOUND or RUNNING, else WEFT_SCHED_NO_DEVICE (read only) */
	u32 device;
	/** @moves: how often it was given back to READY (read only) */
	u32 moves;
	/** @est_run: run time expected when it was placed, ns (read only) */
	u64 est_run;
	/** @ready_time: when it became READY (read only) */
	u64 ready_time;
	/** @poisoned: a predecessor failed and !@run_anyway (read only) */
	bool poisoned;
	/** @aside: &enum weft_aside: BOUND, but without a place on its device (read only) */
	u32 aside;
	/** @follows: READY, or placed, on the device where all it waits for is (read only) */
	u32 follows;
	/** @open: edges that are open (read only) */
	u32 open;
	/* private to scheduler/ */
	bool known;
	/* it was placed while it followed others, and still does */
	bool ahead;
	int error;
	/* order: in the client's tree and in the pool's tree of arrivals while READY */
	struct weft_tree_node fair;
	struct weft_tree_node arrival;
	u64 rank;
	u64 own_run;
	/* edges */
	struct list_head out;
	struct weft_sched_edge *edges;
	u32 edge_count;
	/* in a device's jobs, among the poisoned, or among the parked of one pick */
	struct list_head node;
	/* in a device's due jobs, since when */
	struct list_head due;
	u64 due_time;
	/* where it was placed: expected arrival of data, actual start, expected end */
	u64 est_data;
	u64 start;
	u64 est_end;
	/* what was charged at dispatch, at which price, and lifts seen then: tenant, client */
	u64 charged;
	u32 price;
	u64 lift[2];
	/* devices that had no space for it; in weft_sched.denied while there are any */
	u64 denied;
	struct list_head denied_node;
	/* space_seq when it was placed */
	u64 picked_seq;
	/* its number among the jobs that device was ever given; 0: there were others */
	u64 placed;
	/* the plan that was logged last */
	u32 plan_device;
	u64 plan_finish;
	/* if planning is on: in weft_sched.pending; its number in the plan, 0: none */
	struct list_head pending;
	u32 plan;
};

/* ---------------------------------------------------------------- records */

/** enum weft_rec_type - inputs below 64, decisions from 64 on; log.h says what the args are */
enum weft_rec_type {
	WEFT_REC_INIT = 1,
	WEFT_REC_TENANT_ADD,
	WEFT_REC_TENANT_SET,
	WEFT_REC_TENANT_REMOVE,
	WEFT_REC_CLIENT_ADD,
	WEFT_REC_CLIENT_REMOVE,
	WEFT_REC_DEVICE_ADD,
	WEFT_REC_DEVICE_SET,
	WEFT_REC_DEVICE_REMOVE,
	WEFT_REC_DATA_ADD,
	WEFT_REC_DATA_SET,
	WEFT_REC_DATA_REMOVE,
	WEFT_REC_JOB_SUBMIT,
	WEFT_REC_JOB_REF,
	WEFT_REC_JOB_EDGE,
	WEFT_REC_JOB_BOUND,
	WEFT_REC_JOB_RUNNING,
	WEFT_REC_JOB_DONE,
	WEFT_REC_JOB_RETURN,
	WEFT_REC_JOB_CANCEL,
	WEFT_REC_POLICY_SET,
	WEFT_REC_PICK,
	WEFT_REC_DEVICE_LINK,
	WEFT_REC_JOB_DEADLINE,
	WEFT_REC_JOB_DEVICES,
	WEFT_REC_JOB_ASIDE,
	WEFT_REC_JOB_DUE,
	WEFT_REC_LEASE_EXTEND,
	WEFT_REC_PLAN_ON,
	WEFT_REC_ROUTE,
	WEFT_REC_SENDS,
	WEFT_REC_UNSEND,

	WEFT_REC_DECISION = 64,
	WEFT_REC_CANDIDATE,
	WEFT_REC_PLAN,
	WEFT_REC_POISONED,
	WEFT_REC_LEASE,
	WEFT_REC_SEND,
};

/**
 * struct weft_rec - one input or decision: 64 bytes, little endian, no padding
 * @seq: number of the record, from 0, without gaps
 * @time: time passed to the call, ns
 * @id: what it is about (job, device, tenant, client or data id)
 * @type: &enum weft_rec_type
 * @a: small argument, see log.h
 * @b: small argument, see log.h
 * @arg: arguments, see log.h
 */
struct weft_rec {
	u64 seq;
	u64 time;
	u64 id;
	u32 type;
	u16 a;
	u16 b;
	u64 arg[4];
};

/** struct weft_sched_ops - what the scheduler asks of its caller; neither may call back */
struct weft_sched_ops {
	/** @log: keep a record; may be NULL */
	void (*log)(struct weft_sched *s, const struct weft_rec *rec);
	/**
	 * @ready: @job entered READY. Informative; the caller needs no reaction because
	 * weft_sched_pick() finds it. May be NULL.
	 */
	void (*ready)(struct weft_sched *s, struct weft_sched_job *job);
	/**
	 * @poisoned: @job ended (state DONE, @poisoned set) because a predecessor failed; called
	 * from inside weft_sched_job_done() and weft_sched_job_cancel(), predecessors first,
	 * without recursion however long the chain is. The caller queues it for retirement.
	 */
	void (*poisoned)(struct weft_sched *s, struct weft_sched_job *job);
	/**
	 * @recall: a predecessor of @job failed, which follows it and is BINDING, BOUND or RUNNING.
	 * The caller ends it with weft_sched_job_done() as soon as it can: it fails, whatever it
	 * says. Or gives it back, and then cancels it. May be NULL if no device has @chains.
	 */
	void (*recall)(struct weft_sched *s, struct weft_sched_job *job);
};

/** struct weft_sched_est - one learned run time; memory given at init, 32 bytes or fewer */
struct weft_sched_est {
	u64 key;
	u64 mean_ns;
	u64 dev_ns;
	u32 count;
	u32 bucket;
};

struct weft_policy;
struct weft_planner;

/* one device looked at for one job; scratch of weft_sched_pick() */
struct weft_sched_candidate {
	u64 start;
	u64 transfer;
	u64 run;
	u64 finish;
	u64 data;
	u16 reason;
	bool explore;
};

/** struct weft_sched - the scheduler of one pool; callers embed it */
struct weft_sched {
	/** @ops: given at init */
	const struct weft_sched_ops *ops;
	/** @seq: number of the next record */
	u64 seq;
	/* private to scheduler/ */
	const struct weft_policy *policy;
	struct weft_sched_est *est;
	u32 est_count;
	/* devices: by id, those present, open, with room (the last as of the running pick) */
	struct weft_sched_device *device[WEFT_SCHED_MAX_DEVICES];
	u64 present;
	u64 open;
	u64 room;
	/* devices with room for those that follow others there, as of the running pick */
	u64 chain_room;
	/* READY jobs: by class and fair order, and in the order they became READY */
	struct weft_sched_group class[WEFT_SERVICE_COUNT];
	struct weft_tree arrivals;
	u64 arrival_seq;
	/* largest recent charge of a job, and jobs that fit on all devices: bound the lag */
	u64 charge_max;
	u64 places;
	u64 space_seq;
	/* jobs that some device had no space for */
	struct list_head denied;
	/* planning ahead, NULL: off; WAITING and READY jobs, of so many clients and classes */
	struct weft_planner *planner;
	struct list_head pending;
	u32 pending_groups;
	/* BOUND jobs that are due; buffers; jobs not DONE */
	u32 due_count;
	u64 data_count;
	u64 job_count;
	/* jobs found poisoned, not ended yet */
	struct list_head doomed;
	/* scratch of one pick */
	struct list_head parked;
	struct weft_sched_candidate cand[WEFT_SCHED_MAX_DEVICES];
	u64 up_cursor[WEFT_SCHED_MAX_DEVICES];
};

/* --------------------------------------------------------------- the calls */

/**
 * weft_sched_init() - start a scheduler
 * @s: memory of the caller, any contents
 * @ops: callbacks, may be NULL
 * @policy: name, e.g. "eft"
 * @est: array for learned times, zeroed by the call
 * @est_count: its length, a power of two, at least 64
 * @now: ns
 *
 * Return: 0, -EINVAL for an unknown policy or a bad @est_count.
 */
int weft_sched_init(struct weft_sched *s, const struct weft_sched_ops *ops, const char *policy,
		    struct weft_sched_est *est, u32 est_count, u64 now);

/** weft_sched_policy_name() - name of policy number @i, NULL beyond the last */
const char *weft_sched_policy_name(u32 i);
/** weft_sched_policy() - name of the policy in force */
const char *weft_sched_policy(const struct weft_sched *s);
/** weft_sched_policy_set() - switch policy without losing a job; -EINVAL if unknown */
int weft_sched_policy_set(struct weft_sched *s, const char *name, u64 now);

/* -EINVAL weight out of range; objects stay the caller's until the remove call */
int weft_sched_tenant_add(struct weft_sched *s, struct weft_sched_tenant *t, u64 now);
int weft_sched_tenant_set(struct weft_sched *s, struct weft_sched_tenant *t, u32 weight, u64 now);
/* remove: -EBUSY while clients (jobs) are there */
int weft_sched_tenant_remove(struct weft_sched *s, struct weft_sched_tenant *t, u64 now);
int weft_sched_client_add(struct weft_sched *s, struct weft_sched_client *c, u64 now);
int weft_sched_client_remove(struct weft_sched *s, struct weft_sched_client *c, u64 now);

/* -EINVAL a field out of range, -EEXIST the id is taken */
int weft_sched_device_add(struct weft_sched *s, struct weft_sched_device *d, u64 now);
/**
 * weft_sched_device_set() - @open, @price, @depth, @credits or links of @d change
 * @s: scheduler
 * @d: device already added
 * @to: the new values; only the fields named above are read
 * @now: ns
 *
 * Return: 0, -EINVAL a field out of range.
 */
int weft_sched_device_set(struct weft_sched *s, struct weft_sched_device *d,
			  const struct weft_sched_device *to, u64 now);
/*
 * -EBUSY while jobs are BINDING, BOUND or RUNNING there; clears the region's bit in no data:
 * the caller does that with weft_sched_data_set()
 */
int weft_sched_device_remove(struct weft_sched *s, struct weft_sched_device *d, u64 now);

void weft_sched_data_add(struct weft_sched *s, struct weft_sched_data *d, u64 now);
/** weft_sched_data_set() - the regions that hold a valid copy of @d have changed */
void weft_sched_data_set(struct weft_sched *s, struct weft_sched_data *d, u64 valid, u64 now);
/* the caller guarantees that no job in flight refers to it */
void weft_sched_data_remove(struct weft_sched *s, struct weft_sched_data *d, u64 now);
/**
 * weft_sched_data_busy() - would a reader or writer of @d have to wait?
 * @d: data
 * @access: READ: is a job in flight (any state but DONE) that writes it; WRITE: that uses it
 */
bool weft_sched_data_busy(const struct weft_sched_data *d, u32 access);

/**
 * weft_sched_job_edges() - most hazard edges that submitting @job would take
 * @s: scheduler
 * @job: filled in as for weft_sched_job_submit()
 *
 * The number can only fall until the same client submits again, so a caller that holds the
 * client's submit lock may call it, allocate, and submit later.
 *
 * Return: their number.
 */
u32 weft_sched_job_edges(struct weft_sched *s, const struct weft_sched_job *job);

/**
 * weft_sched_job_submit() - a job enters, WAITING or READY
 * @s: scheduler
 * @job: zeroed, then filled in above the read-only fields
 * @edges: room for edges, kept by the scheduler until @job is freed; the first @explicit_count
 *	have @from filled in by the caller (jobs of any state, still allocated)
 * @edge_count: elements in @edges, at least @explicit_count + weft_sched_job_edges()
 * @explicit_count: edges asked for by the caller
 * @now: ns
 *
 * Takes hazard edges for its refs in program order: a reader after the last writer, a writer after
 * the last writer and all readers since. A @from that is DONE adds no edge, unless it failed:
 * then the job is poisoned at once (state DONE on return, ops->poisoned called) if !run_anyway.
 *
 * Return: 0, -EINVAL (a field out of range, no device), -ENOSPC (@edge_count too small; nothing
 * has changed).
 */
int weft_sched_job_submit(struct weft_sched *s, struct weft_sched_job *job,
			  struct weft_sched_edge *edges, u32 edge_count, u32 explicit_count,
			  u64 now);

/**
 * struct weft_sched_decision - what weft_sched_pick() decided
 * @job: now BINDING on @device; or BOUND there as before, but with a place again
 * @device: where
 * @start: when it is expected to start, ns
 * @run: how long it is expected to run, ns
 * @transfer: how long its inputs are expected to take to get there, ns
 */
struct weft_sched_decision {
	struct weft_sched_job *job;
	struct weft_sched_device *device;
	u64 start;
	u64 run;
	u64 transfer;
};

/**
 * weft_sched_pick() - decide one thing
 * @s: scheduler
 * @now: ns
 * @d: out
 *
 * Walks the entities in fair order. A job is dispatched to the device the policy ranks first if
 * that device has room (outstanding < credits + depth); otherwise it parks a plan (one per job,
 * logged when it changes) that counts against the device for the jobs after it, and the walk goes
 * on. Bounded work: at most 2 x WEFT_SCHED_LOOKS jobs are looked at.
 *
 * A job that is due counts as one that can use its device alone. Where that takes no new jobs
 * nobody competes with it, and it gets its place at once. Where others would keep it out for longer
 * than WEFT_SCHED_PATIENCE it gets one out of turn, one job of a device at a time.
 *
 * Return: true and @d filled in (@job is BINDING, or BOUND if it was due), false when there is
 * nothing to do now: call again after the next input.
 */
bool weft_sched_pick(struct weft_sched *s, u64 now, struct weft_sched_decision *d);

/*
 * BINDING -> BOUND: a place, memory and data are there. -EAGAIN: a job that it follows has left the
 * device; the caller gives it back
 */
int weft_sched_job_bound(struct weft_sched *s, struct weft_sched_job *job, u64 now);
/**
 * weft_sched_job_aside() - a BOUND job gives its place back until it is due
 * @s: scheduler
 * @job: the job
 * @now: ns
 *
 * What it was charged is given back. It stays BOUND and ends with weft_sched_job_done() from there
 * as well. An input like any other (WEFT_REC_JOB_ASIDE).
 * Return: 0, -EINVAL if it is not BOUND or is aside already.
 */
int weft_sched_job_aside(struct weft_sched *s, struct weft_sched_job *job, u64 now);
/* the wait of a job that is aside is over; -EINVAL: there is none (WEFT_REC_JOB_DUE) */
int weft_sched_job_due(struct weft_sched *s, struct weft_sched_job *job, u64 now);
/* is all that @job, placed, still waits for BOUND or RUNNING on its device? */
bool weft_sched_job_follows(const struct weft_sched *s, const struct weft_sched_job *job);
/* BOUND -> RUNNING: handed to the engine. -EINVAL also for a job without a place */
int weft_sched_job_running(struct weft_sched *s, struct weft_sched_job *job, u64 now);

/**
 * weft_sched_job_done() - BINDING, BOUND or RUNNING -> DONE
 * @s: scheduler
 * @job: the job
 * @error: 0 or a negative errno; a failed job poisons its dependents
 * @busy_ns: engine time used (0 if it never ran); charged, and learned from if @error is 0
 * @now: ns
 *
 * A job that succeeded leaves its written data valid only in the device's region. One that was
 * recalled fails with -ECANCELED if not with @error. A job whose edges are not closed must not have
 * succeeded: the caller holds it back.
 * Return: 0 or -EINVAL if the job is not in one of these states.
 */
int weft_sched_job_done(struct weft_sched *s, struct weft_sched_job *job, int error, u64 busy_ns,
			u64 now);

/** enum weft_return_reason - why a job goes back to READY */
enum weft_return_reason {
	WEFT_RETURN_NO_SPACE = 0,	/* bind failed, not now on that device */
	WEFT_RETURN_DEVICE_LOST = 1,
	WEFT_RETURN_DRAIN = 2,
};

/*
 * BINDING, BOUND or RUNNING -> READY, or WAITING if it followed others. @busy_ns used so far is
 * charged. After NO_SPACE the device is
 * not a candidate for this job until another job ends there, a copy in its region is given up, or
 * the device is set; if no other job is on the device it stays a candidate. If none was there from
 * the pick on, nobody's end will ever make space, and the device leaves @job->devices.
 * Return: 0; -ENOSPC that was its last device: it is READY and the caller cancels it;
 * -EINVAL the job is not in one of these states.
 */
int weft_sched_job_return(struct weft_sched *s, struct weft_sched_job *job,
			  enum weft_return_reason why, u64 busy_ns, u64 now);

/* WAITING or READY -> DONE with -ECANCELED; poisons dependents. -EINVAL in another state. */
int weft_sched_job_cancel(struct weft_sched *s, struct weft_sched_job *job, int error, u64 now);

/**
 * weft_sched_job_devices() - the devices that may run a WAITING or READY job have changed
 * @s: scheduler
 * @job: job
 * @devices: new mask, not 0 (a job that nothing can run any more is cancelled by the caller)
 * @now: ns
 *
 * An input like any other (WEFT_REC_JOB_DEVICES); also forgets "not now" stamps of failed binds.
 * Return: 0, -EINVAL for an empty mask or a job in another state.
 */
int weft_sched_job_devices(struct weft_sched *s, struct weft_sched_job *job, u64 devices, u64 now);

/**
 * weft_sched_lease_extend() - may a lease go on?
 * @s: scheduler
 * @job: a lease, RUNNING
 * @used_ns: time that it has held its place
 * @more_ns: time after which the caller will ask again
 * @now: ns
 *
 * It may if nobody waits for its place, or if it comes first all the same, when everybody is
 * charged for what he has had: then it is charged for @used_ns and @more_ns. An input like any
 * other (WEFT_REC_LEASE_EXTEND).
 * Return: 1 it goes on, 0 its place is wanted, or its device takes no new jobs; -EINVAL it is no
 * lease, or not RUNNING.
 */
int weft_sched_lease_extend(struct weft_sched *s, struct weft_sched_job *job, u64 used_ns,
			    u64 more_ns, u64 now);

/** weft_sched_estimate() - learned run time of @job on @d, ns; 0 if nothing is known at all */
u64 weft_sched_estimate(const struct weft_sched *s, const struct weft_sched_job *job,
			const struct weft_sched_device *d);

/**
 * weft_sched_deadline() - run time after which @job counts as hung on @d
 * @s: scheduler
 * @job: job
 * @d: device
 * @floor: least, ns
 * @cap: most, ns; also the answer while nothing is learned
 *
 * Return: clamp(8 x (mean + 4 x deviation), floor, cap).
 */
u64 weft_sched_deadline(const struct weft_sched *s, const struct weft_sched_job *job,
			const struct weft_sched_device *d, u64 floor, u64 cap);

/**
 * weft_sched_learned() - usual run time of jobs like @job on devices like @d, ns
 * @s: scheduler
 * @job: job
 * @d: device
 *
 * Return: the mean of this kernel, model and size, 0 below eight runs: what is guessed or
 * borrowed is nothing to call another run slow by.
 */
u64 weft_sched_learned(const struct weft_sched *s, const struct weft_sched_job *job,
		       const struct weft_sched_device *d);

/** weft_sched_job_forget() - @job is about to be freed: drop it and its edges everywhere */
void weft_sched_job_forget(struct weft_sched *s, struct weft_sched_job *job);

#endif /* WEFT_SCHED_H */
