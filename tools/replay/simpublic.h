/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a scheduler may know of a simulation from the start: the machine, tenants, clients, blocks.
 *
 * DOC: what schedulers may know
 *
 * Apart from simfile.h, which has costs and jobs to come, so that an engine can be compiled without
 * them. Times are ns, sizes bytes, bandwidths MB/s.
 */
#ifndef WEFT_SIMPUBLIC_H
#define WEFT_SIMPUBLIC_H

#include "simtext.h"

#define SIM_DEVICES	64
#define SIM_CLASSES	4
/* a price of 1 */
#define SIM_PRICE	1024
#define SIM_TIME_MAX	((u64)S64_MAX)

#define SIM_READ	1u
#define SIM_WRITE	2u

struct sim_use {
	u32 block;
	/* SIM_READ, SIM_WRITE or both */
	u32 access;
};

/* a place in the graph of links: regions first, in their order, then hubs */
struct sim_node {
	const char *name;
	/* SIM_NONE for a hub */
	u32 region;
};

struct sim_region {
	const char *name;
	/* U64_MAX: no limit */
	u64 bytes;
	bool host;
	/* the device that has it, SIM_NONE for host memory */
	u32 device;
	u32 node;
};

struct sim_device {
	const char *name;
	u32 dev_class;
	u32 model;
	/* SIM_NONE without */
	u32 domain;
	u32 host;
	/* @host if it has no memory of its own */
	u32 region;
	u32 engines;
	u32 credits;
	u32 depth;
	u32 price;
	u32 preempt;
	u64 power;
};

struct sim_link {
	/* nodes */
	u32 a;
	u32 b;
	u64 bandwidth;
	u64 latency;
	const char *kind;
};

struct sim_machine {
	struct sim_region *region;
	u32 region_count;
	struct sim_node *node;
	u32 node_count;
	struct sim_device *device;
	u32 device_count;
	struct sim_link *link;
	u32 link_count;
	bool store_and_forward;
	struct sim_names models;
	struct sim_names domains;
};

struct sim_block {
	const char *name;
	u64 bytes;
	/* regions with a valid copy at the start */
	u64 valid;
};

struct sim_tenant {
	const char *name;
	u32 weight;
};

struct sim_client {
	const char *name;
	u32 tenant;
};

/* by name, SIM_NONE if there is none */
u32 sim_machine_region(const struct sim_machine *m, const char *name);
u32 sim_machine_device(const struct sim_machine *m, const char *name);
u32 sim_machine_node(const struct sim_machine *m, const char *name);
u32 sim_machine_link(const struct sim_machine *m, u32 a, u32 b);

#endif /* WEFT_SIMPUBLIC_H */
