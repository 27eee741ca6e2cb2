/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulated world: a clock, a machine at work, and whoever decides.
 *
 * DOC: simulated world
 *
 * The world keeps the rules of Documentation/replay/formats.rst; an *engine* decides. An engine
 * sees what a kernel would see: which jobs came, which inputs arrived, what ended and how long it
 * took. True times and costs are in simfile.h, which the engine that holds scheduler/ does not
 * include: it cannot look.
 */
#ifndef WEFT_SIMWORLD_H
#define WEFT_SIMWORLD_H

#include "simpublic.h"

struct sim_input;
struct sim_world;

/* most places of a device */
#define SIM_PLACES	4096

enum sim_state { SIM_NEW, SIM_WAITING, SIM_READY, SIM_PLACED, SIM_RUNNING, SIM_DONE, SIM_FAILED };

/* what an engine may know of a job */
struct sim_view_job {
	u32 client;
	u32 kernel;
	u64 size;
	u32 service;
	u32 priority;
	u64 devices;
	u64 deadline;
	u32 gang;
	const struct sim_use *use;
	u32 use_count;
	const u32 *after;
	u32 after_count;
};

/* what is expected of a job on a device */
struct sim_expect {
	u64 data;
	u64 start;
	u64 run;
	u64 finish;
	const char *reason;
};

/**
 * struct sim_engine - who decides
 * @name: for --engine
 * @what: one line of help
 * @gangs: it can start gangs
 * @init: before the first event; w->engine is this
 * @learn: before the first event, if run times are known: what a kernel takes on a model at a size
 *	(may be NULL)
 * @submit: @count jobs from @first on came in one SUBMIT
 * @ready: all predecessors of a job have ended (may be NULL)
 * @arrived: all inputs of a job that was fetched are there (may be NULL)
 * @ended: a run ended with status ok; @busy is its time
 * @failed: a job will never run (may be NULL)
 * @back: a job was taken back from its device (lost)
 * @device: a device was lost or returned, or changed (may be NULL)
 * @policy: switch; -1 if there is no such policy (may be NULL: no policies at all)
 * @weight: a tenant's weight changed (may be NULL)
 * @moved: a block is valid in other regions than before, by a transfer, an eviction or a loss
 *	(may be NULL)
 * @decide: all that happens at this time has happened
 * @fini: free what is not in the arena (may be NULL)
 */
struct sim_engine {
	const char *name;
	const char *what;
	bool gangs;
	int (*init)(struct sim_world *w);
	void (*learn)(struct sim_world *w, u32 kernel, u32 model, u64 size, u64 ns);
	void (*submit)(struct sim_world *w, u32 first, u32 count);
	void (*ready)(struct sim_world *w, u32 job);
	void (*arrived)(struct sim_world *w, u32 job);
	void (*ended)(struct sim_world *w, u32 job, u32 device, u64 busy);
	void (*failed)(struct sim_world *w, u32 job);
	void (*back)(struct sim_world *w, u32 job, u32 device, u64 busy);
	void (*device)(struct sim_world *w, u32 device, bool present);
	int (*policy)(struct sim_world *w, const char *name);
	void (*weight)(struct sim_world *w, u32 tenant, u32 weight);
	void (*moved)(struct sim_world *w, u32 block);
	void (*decide)(struct sim_world *w);
	void (*fini)(struct sim_world *w);
};

struct sim_options {
	const struct sim_engine *engine;
	const char *policy;
	/* run times are known from the start */
	bool known;
	/* jobs submitted and not decided beyond which submission waits; 0: none */
	u32 window;
	/* plan ahead, the best of so many plans; 0: do not */
	u32 ahead;
	/* jobs planned at once, 0: all */
	u32 plan;
	/* log candidates, too */
	bool candidates;
	/* where the decision log goes, NULL for nowhere */
	FILE *log;
	/* where the scheduler's input log goes, NULL for nowhere */
	FILE *inputs;
};

struct sim_run {
	enum sim_state state;
	/* predecessors not done */
	u32 open;
	u32 device;
	u32 place;
	u32 attempt;
	u32 moves;
	/* transfers under way that it waits for */
	u32 missing;
	/* its blocks are pinned on this device, SIM_NONE: nowhere */
	u32 fetched;
	/* its fetch waits until copies are saved */
	bool waits_space;
	bool was_ready;
	/* a predecessor failed before it came */
	bool doomed;
	u64 submitted;
	u64 ready;
	u64 start;
	u64 end;
	/* the entry of its last decision in the trace */
	u32 decided;
};

/* what the metrics and the picture are made from */
struct sim_trace {
	u64 time;
	u32 job;
	/* READY at @time if SIM_NONE, else decided for that device */
	u32 device;
	/* of the run that followed, if one did */
	u32 place;
	u64 start;
	u64 end;
	bool ran;
	bool ok;
};

struct sim_waiter {
	u32 job;
	struct sim_waiter *next;
};

struct sim_copy {
	/* outstanding jobs that use it here, and transfers from it */
	u32 pins;
	/* transfers from here that are not over */
	u32 sending;
	/* transfer under way to here, + 1, and the jobs that wait for it */
	u32 coming;
	struct sim_waiter *waiters;
	/* it takes space here */
	bool held;
	/* when it was used last: a count */
	u64 used;
};

struct sim_transfer {
	u32 block;
	u32 from;
	u32 to;
	/* SIM_NONE: saved before it is evicted */
	u32 job;
	u64 start;
	u64 end;
	/* the block's version at the start */
	u32 version;
	const struct sim_route *route;
	/* nobody waits for it yet */
	bool ahead;
	bool over;
	bool cut;
};

/* the way between two regions: ports in order */
struct sim_route {
	u32 *port;
	u32 count;
	u64 bandwidth;
	u64 latency;
};

struct sim_span {
	u64 start;
	u64 end;
};

/* a port's reservations that are not over, in order */
struct sim_port {
	struct sim_span *span;
	u32 count;
	u32 room;
	u64 bytes;
};

struct sim_world {
	const struct sim_input *in;
	const struct sim_machine *machine;
	const struct sim_tenant *tenant;
	u32 tenant_count;
	const struct sim_client *client;
	u32 client_count;
	const struct sim_block *block;
	u32 block_count;
	u32 job_count;
	const struct sim_engine *engine;
	struct sim_options options;
	struct sim_arena arena;
	void *data;			/* the engine's */
	u64 now;
	struct sim_run *job;
	/* blocks: valid regions, number of writes so far, lost for good */
	u64 *valid;
	u32 *version;
	bool *lost;
	/* [block * regions + region] */
	struct sim_copy *copy;
	u64 *space;			/* bytes held by region */
	u64 uses;
	/* devices: present, percent of the nominal speed */
	u64 present;
	/* not present, and no event will bring it back */
	u64 gone;
	u32 *percent;
	/* the job on each place, SIM_NONE: free */
	u32 *place;
	u32 *weight;
	struct sim_port *port;
	u32 port_count;
	struct sim_route *route;	/* [from * regions + to], filled in on demand */
	struct sim_link_now *link;
	struct sim_transfer *transfer;
	u32 transfer_count;
	/* per region: jobs whose fetch waits until copies are saved, first come first */
	struct sim_waiter **waiting;
	/* happenings to come */
	struct sim_happening *heap;
	u32 heap_count;
	u64 heap_seq;
	u32 next_submit;
	u32 next_in_submit;
	u32 undecided;
	u32 left;
	/* for the metrics */
	struct sim_trace *trace;
	u32 trace_count;
	u32 evictions;
	char error[256];
};

/* ---- simworld.c: for whoever runs a simulation */
int sim_world_run(struct sim_world *w, const struct sim_input *in, const struct sim_options *o);
void sim_world_free(struct sim_world *w);

/* ---- simworld.c: for engines */
void sim_job_view(const struct sim_world *w, u32 job, struct sim_view_job *view);
/* READY jobs: log what is expected; acts on nothing */
void sim_plan(struct sim_world *w, u32 job, u32 device, const struct sim_expect *e);
void sim_candidate(struct sim_world *w, u32 job, u32 device, u64 transfer,
		   const struct sim_expect *e);
void sim_hold(struct sim_world *w, u32 job, const char *why);
/* READY -> PLACED */
void sim_decide(struct sim_world *w, u32 job, u32 device, const struct sim_expect *e);
/*
 * Reserve space for what @job uses on @device and send its inputs there. 0: @arrived follows when
 * all are there, at once if they are; -1: no space, nobody is about to make some.
 */
int sim_fetch(struct sim_world *w, u32 job, u32 device);
/* give up what was fetched for a job that is not decided */
void sim_drop(struct sim_world *w, u32 job);
bool sim_arrived(const struct sim_world *w, u32 job);
/* a free place on @device, SIM_NONE if there is none */
u32 sim_place(const struct sim_world *w, u32 device);
/* PLACED -> RUNNING; its inputs are there and a place is free */
void sim_start(struct sim_world *w, u32 job);
/* PLACED or fetched -> READY */
void sim_back(struct sim_world *w, u32 job, const char *why);
/* READY -> FAILED, with all that depends on it: no device will ever have space for it */
void sim_fail(struct sim_world *w, u32 job);
/*
 * Copy @block from region @source (SIM_NONE: from the best) to @to, beginning at @from or later,
 * for
 * @job, ahead of its fetch. false: there is no space or no source.
 */
bool sim_send(struct sim_world *w, u32 block, u32 source, u32 to, u64 from, u32 job);
/* RUNNING -> READY: its run is lost, as if its device had stopped it */
void sim_abort(struct sim_world *w, u32 job, const char *why);
/* when @block is or will be in @region as things are, U64_MAX: never */
u64 sim_arrival(const struct sim_world *w, u32 block, u32 region);
bool sim_valid(const struct sim_world *w, u32 block, u32 region);
/* call engine->decide() at that time, whatever happens */
void sim_wake(struct sim_world *w, u64 at);

/* ---- simnet.c */
void sim_net_init(struct sim_world *w);
/* the way between two regions as things are, NULL if there is none */
const struct sim_route *sim_net_route(struct sim_world *w, u32 from, u32 to);
u64 sim_net_duration(const struct sim_route *r, u64 bytes);
/* the first time from @from on at which a port is free for @ns; forgets what is over by @now */
u64 sim_port_free(const struct sim_port *port, u64 from, u64 ns);
void sim_port_take(struct sim_port *port, u64 now, u64 start, u64 end);
/* the first time from @from on at which all ports of @r are free for @ns */
u64 sim_net_free(struct sim_world *w, const struct sim_route *r, u64 from, u64 ns);
void sim_net_take(struct sim_world *w, const struct sim_route *r, u64 start, u64 end);
/* a reservation ends early, at w->now or before its start */
void sim_net_release(struct sim_world *w, const struct sim_route *r, u64 start, u64 end);
/* all links as the file has them */
void sim_net_nominal(struct sim_world *w);
void sim_net_link(struct sim_world *w, u32 link, u64 bandwidth, u64 latency);
const char *sim_net_port(const struct sim_world *w, u32 port, char name[2 * SIM_NAME_MAX + 2]);

/* ---- simlog.c */
void sim_log_begin(struct sim_world *w);
void sim_log(struct sim_world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* WEFT_SIMWORLD_H */
