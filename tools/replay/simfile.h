/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the simulator's files say, in memory.
 *
 * DOC: files of the simulator
 *
 * Documentation/replay/formats.rst is the reference; here each line has become an element of an
 * array, each name an index. Times are ns, sizes bytes, bandwidths MB/s.
 */
#ifndef WEFT_SIMFILE_H
#define WEFT_SIMFILE_H

#include "simpublic.h"

struct sim_cost {
	u64 run;
	u64 per_size;
	bool there;
};

struct sim_costs {
	struct sim_names kernels;
	/* [kernel * models + model] */
	struct sim_cost *cost;
	u32 models;
	u32 percent;
	u64 seed;
};

struct sim_job {
	const char *name;
	u32 kernel;
	u32 submit;
	u64 size;
	u32 service;
	u32 priority;
	/* that may run it and can, bit n for device n */
	u64 devices;
	/* after the submission; 0: none */
	u64 deadline;
	u64 budget;
	/* SIM_NONE without */
	u32 gang;
	/* 0: the costs hold */
	u64 lifetime;
	struct sim_use *use;
	u32 use_count;
	/* asked for by the file */
	u32 *after;
	u32 after_count;
	/* all predecessors, each once, and the jobs that wait for it */
	u32 *pred;
	u32 pred_count;
	u32 *succ;
	u32 succ_count;
};

struct sim_submit {
	u64 at;
	u32 client;
	u32 first;
	u32 count;
};

struct sim_tasks {
	struct sim_tenant *tenant;
	u32 tenant_count;
	struct sim_client *client;
	u32 client_count;
	struct sim_block *block;
	u32 block_count;
	struct sim_submit *submit;
	u32 submit_count;
	struct sim_job *job;
	u32 job_count;
	struct sim_names gangs;
	struct sim_names blocks;
	struct sim_names jobs;
};

enum sim_event_kind { SIM_LOST, SIM_RETURNED, SIM_SPEED, SIM_LINK, SIM_POLICY, SIM_WEIGHT };

struct sim_event {
	u64 at;
	enum sim_event_kind kind;
	/* device, link or tenant */
	u32 what;
	/* percent, bandwidth or weight */
	u64 value;
	u64 latency;
	const char *policy;
};

struct sim_events {
	struct sim_event *event;
	u32 count;
};

/* all that a simulation is told */
struct sim_input {
	struct sim_arena arena;
	struct sim_machine machine;
	struct sim_costs costs;
	struct sim_tasks tasks;
	struct sim_events events;
	char error[512];
};

extern const char * const sim_class_names[];
extern const char * const sim_service_names[];

/* each 0, or -1 and in->error; in this order, events if there are any */
int sim_machine_read(struct sim_input *in, const char *path);
int sim_costs_read(struct sim_input *in, const char *path);
int sim_tasks_read(struct sim_input *in, const char *path);
int sim_events_read(struct sim_input *in, const char *path);

/* what the costs say that @job takes on @device, without noise; 0: it cannot run there */
u64 sim_cost_run(const struct sim_input *in, const struct sim_job *job, u32 device);
/* what it takes at the nominal speed, with noise */
u64 sim_cost_true(const struct sim_input *in, u32 job, u32 device, u32 attempt);

/* fill in pred and succ of all jobs */
void sim_tasks_order(struct sim_input *in);

#endif /* WEFT_SIMFILE_H */
