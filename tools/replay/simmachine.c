// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading machines and costs.
 *
 * DOC: machine and costs files
 *
 * Regions of host memory and of devices are numbered together in the order in which they come;
 * nodes of the graph likewise, hubs among them.
 *
 * Rejected: taking the machine of the running kernel from sysfs (a simulation must be the same on
 * any machine; a script can write the file).
 */
#include "simfile.h"

#define SIM_REGIONS	64

const char * const sim_class_names[] = { "gpu", "dcu", "npu", "cpu", "dpu", NULL };

u32 sim_machine_region(const struct sim_machine *m, const char *name)
{
	u32 i;

	for (i = 0; i < m->region_count; i++) {
		if (!strcmp(m->region[i].name, name))
			return i;
	}
	return SIM_NONE;
}

u32 sim_machine_device(const struct sim_machine *m, const char *name)
{
	u32 i;

	for (i = 0; i < m->device_count; i++) {
		if (!strcmp(m->device[i].name, name))
			return i;
	}
	return SIM_NONE;
}

u32 sim_machine_node(const struct sim_machine *m, const char *name)
{
	u32 i;

	for (i = 0; i < m->node_count; i++) {
		if (!strcmp(m->node[i].name, name))
			return i;
	}
	return SIM_NONE;
}

u32 sim_machine_link(const struct sim_machine *m, u32 a, u32 b)
{
	u32 i;

	for (i = 0; i < m->link_count; i++) {
		if ((m->link[i].a == a && m->link[i].b == b) ||
		    (m->link[i].a == b && m->link[i].b == a))
			return i;
	}
	return SIM_NONE;
}

/* A new name for a device, region or hub, all of which share one space. */
static int machine_name(struct sim_text *t, struct sim_input *in, const char *what,
			const char **name)
{
	if (sim_text_name(t, t->words[1], what))
		return -1;
	if (sim_machine_node(&in->machine, t->words[1]) != SIM_NONE ||
	    sim_machine_device(&in->machine, t->words[1]) != SIM_NONE)
		return sim_text_fail(t, "\"%s\" is declared twice", t->words[1]);
	*name = sim_copy(&in->arena, t->words[1], strlen(t->words[1]));
	return 0;
}

static u32 machine_node_add(struct sim_input *in, const char *name, u32 region)
{
	struct sim_machine *m = &in->machine;

	m->node = sim_grow(&in->arena, m->node, m->node_count, sizeof(*m->node));
	m->node[m->node_count] = (struct sim_node){ .name = name, .region = region };
	return m->node_count++;
}

static int machine_region_add(struct sim_text *t, struct sim_input *in, const char *name, u64 bytes,
			      u32 device)
{
	struct sim_machine *m = &in->machine;
	u32 id = m->region_count;

	if (id == SIM_REGIONS)
		return sim_text_fail(t, "more than %d regions", SIM_REGIONS);
	m->region = sim_grow(&in->arena, m->region, id, sizeof(*m->region));
	m->region[id] = (struct sim_region){
		.name = name,
		.bytes = bytes,
		.host = device == SIM_NONE,
		.device = device,
		.node = machine_node_add(in, name, id),
	};
	m->region_count++;
	return 0;
}

static int read_region(struct sim_text *t, struct sim_input *in)
{
	const char *name = NULL;
	u64 bytes = U64_MAX;

	if (sim_text_fixed(t, 2, "region NAME [bytes=N]") || machine_name(t, in, "region", &name) ||
	    sim_text_number(t, "bytes", 1, SIM_TIME_MAX, false, &bytes))
		return -1;
	return machine_region_add(t, in, name, bytes, SIM_NONE);
}

static int read_hub(struct sim_text *t, struct sim_input *in)
{
	const char *name = NULL;

	if (sim_text_fixed(t, 2, "hub NAME") || machine_name(t, in, "hub", &name))
		return -1;
	machine_node_add(in, name, SIM_NONE);
	return 0;
}

/* The field @key, a name of one of @names, new or not. */
static int machine_kind(struct sim_text *t, struct sim_input *in, const char *key,
			struct sim_names *names, bool must_be, u32 *id)
{
	const char *word = sim_text_field(t, key);

	if (!word)
		return must_be ? sim_text_fail(t, "%s= is missing", key) : 0;
	if (sim_text_name(t, word, key))
		return -1;
	*id = sim_names_add(&in->arena, names, word);
	return 0;
}

static int device_numbers(struct sim_text *t, struct sim_device *d, u64 *bytes)
{
	u64 engines = 1, credits = 1, depth = 2, price = SIM_PRICE, preempt = 0;

	if (sim_text_number(t, "bytes", 1, SIM_TIME_MAX, false, bytes) ||
	    sim_text_number(t, "engines", 1, 64, false, &engines) ||
	    sim_text_number(t, "credits", 1, 64, false, &credits) ||
	    sim_text_number(t, "depth", 1, 16, false, &depth) ||
	    sim_text_number(t, "price", 1, 1048576, false, &price) ||
	    sim_text_number(t, "preempt", 0, 3, false, &preempt) ||
	    sim_text_number(t, "power", 0, SIM_TIME_MAX, false, &d->power))
		return -1;
	d->engines = (u32)engines;
	d->credits = (u32)credits;
	d->depth = (u32)depth;
	d->price = (u32)price;
	d->preempt = (u32)preempt;
	return 0;
}

static int read_device(struct sim_text *t, struct sim_input *in)
{
	struct sim_machine *m = &in->machine;
	struct sim_device d = { .domain = SIM_NONE, .dev_class = SIM_NONE };
	const char *host;
	u64 bytes = 0;

	if (sim_text_fixed(t, 2, "device NAME class=C model=M host=REGION ...") ||
	    machine_name(t, in, "device", &d.name))
		return -1;
	if (m->device_count == SIM_DEVICES)
		return sim_text_fail(t, "more than %d devices", SIM_DEVICES);
	host = sim_text_field(t, "host");
	if (!host)
		return sim_text_fail(t, "host= is missing: the host region it hangs on");
	d.host = sim_machine_region(m, host);
	if (d.host == SIM_NONE || !m->region[d.host].host)
		return sim_text_fail(t, "host is \"%s\": a host region declared above is "
					"allowed", host);
	if (machine_kind(t, in, "model", &m->models, true, &d.model) ||
	    machine_kind(t, in, "domain", &m->domains, false, &d.domain) ||
	    sim_text_choice(t, "class", sim_class_names, &d.dev_class) ||
	    device_numbers(t, &d, &bytes))
		return -1;
	if (d.dev_class == SIM_NONE)
		return sim_text_fail(t, "class= is missing: gpu, dcu, npu, cpu or dpu");
	d.region = d.host;
	if (bytes) {
		d.region = m->region_count;
		if (machine_region_add(t, in, d.name, bytes, m->device_count))
			return -1;
	}
	m->device = sim_grow(&in->arena, m->device, m->device_count, sizeof(*m->device));
	m->device[m->device_count++] = d;
	return 0;
}

static int read_link(struct sim_text *t, struct sim_input *in)
{
	struct sim_machine *m = &in->machine;
	struct sim_link l = { .kind = "" };
	const char *kind;
	u32 end[2];
	u32 i;

	if (sim_text_fixed(t, 3, "link A B bandwidth=MBPS latency=NS [kind=NAME]"))
		return -1;
	for (i = 0; i < 2; i++) {
		end[i] = sim_machine_node(m, t->words[1 + i]);
		if (end[i] == SIM_NONE)
			return sim_text_fail(t, "\"%s\" has no memory and is no hub declared "
						"above: a link joins regions, devices with "
						"bytes= and hubs",
					     t->words[1 + i]);
	}
	l.a = end[0];
	l.b = end[1];
	if (l.a == l.b || sim_machine_link(m, l.a, l.b) != SIM_NONE)
		return sim_text_fail(t, "%s and %s: a link joins two that differ, and only one "
					"joins the same two",
				     t->words[1], t->words[2]);
	if (sim_text_number(t, "bandwidth", 1, 1000000000, true, &l.bandwidth) ||
	    sim_text_number(t, "latency", 0, 1000000000, true, &l.latency))
		return -1;
	kind = sim_text_field(t, "kind");
	if (kind) {
		if (sim_text_name(t, kind, "kind"))
			return -1;
		l.kind = sim_copy(&in->arena, kind, strlen(kind));
	}
	m->link = sim_grow(&in->arena, m->link, m->link_count, sizeof(*m->link));
	m->link[m->link_count++] = l;
	return 0;
}

static int read_hop(struct sim_text *t, struct sim_input *in, bool *seen)
{
	if (sim_text_fixed(t, 2, "hop cut-through|store-and-forward"))
		return -1;
	in->machine.store_and_forward = !strcmp(t->words[1], "store-and-forward");
	if (!in->machine.store_and_forward && strcmp(t->words[1], "cut-through"))
		return sim_text_fail(t, "hop is \"%s\": allowed are cut-through, store-and-forward",
				     t->words[1]);
	if (*seen)
		return sim_text_fail(t, "hop is said twice");
	*seen = true;
	return 0;
}

static int machine_lines(struct sim_text *t, struct sim_input *in)
{
	bool hop = false;
	int ret;

	while ((ret = sim_text_line(t)) > 0) {
		const char *word = t->words[0];

		if (!strcmp(word, "region"))
			ret = read_region(t, in);
		else if (!strcmp(word, "hub"))
			ret = read_hub(t, in);
		else if (!strcmp(word, "device"))
			ret = read_device(t, in);
		else if (!strcmp(word, "link"))
			ret = read_link(t, in);
		else if (!strcmp(word, "hop"))
			ret = read_hop(t, in, &hop);
		else
			ret = sim_text_fail(t, "\"%s\": a line begins with region, hub, device, "
					       "link or hop",
					    word);
		if (ret || sim_text_end(t))
			return -1;
	}
	if (!ret && !in->machine.device_count)
		ret = sim_text_fail(t, "the machine has no device");
	return ret;
}

int sim_machine_read(struct sim_input *in, const char *path)
{
	struct sim_text t;
	int ret = sim_text_open(&t, path, "weft-machine", in->error, sizeof(in->error));

	if (!ret)
		ret = machine_lines(&t, in);
	sim_text_close(&t);
	return ret;
}

/* ------------------------------------------------------------------- costs */

static int read_noise(struct sim_text *t, struct sim_costs *c, bool *seen)
{
	u64 percent = 0;

	if (sim_text_fixed(t, 1, "noise percent=P [seed=N]") ||
	    sim_text_number(t, "percent", 0, 99, true, &percent) ||
	    sim_text_number(t, "seed", 0, SIM_TIME_MAX, false, &c->seed))
		return -1;
	if (*seen)
		return sim_text_fail(t, "noise is said twice");
	*seen = true;
	c->percent = (u32)percent;
	return 0;
}

static int read_cost(struct sim_text *t, struct sim_input *in)
{
	struct sim_costs *c = &in->costs;
	struct sim_cost cost = { .there = true };
	u32 model, kernel, room;

	if (sim_text_fixed(t, 3, "cost KERNEL MODEL run=NS [per-size=NS]") ||
	    sim_text_name(t, t->words[1], "kernel") ||
	    sim_text_number(t, "run", 0, SIM_TIME_MAX, true, &cost.run) ||
	    sim_text_number(t, "per-size", 0, SIM_TIME_MAX, false, &cost.per_size))
		return -1;
	model = sim_names_find(&in->machine.models, t->words[2]);
	if (model == SIM_NONE)
		return sim_text_fail(t, "no device of the machine is of model \"%s\"", t->words[2]);
	room = c->kernels.count;
	kernel = sim_names_add(&in->arena, &c->kernels, t->words[1]);
	if (kernel == room)
		c->cost = sim_grow(&in->arena, c->cost, room, c->models * sizeof(*c->cost));
	if (c->cost[kernel * c->models + model].there)
		return sim_text_fail(t, "the cost of %s on %s is said twice", t->words[1],
				     t->words[2]);
	c->cost[kernel * c->models + model] = cost;
	return 0;
}

static int costs_lines(struct sim_text *t, struct sim_input *in)
{
	bool noise = false;
	int ret;

	while ((ret = sim_text_line(t)) > 0) {
		if (!strcmp(t->words[0], "noise"))
			ret = read_noise(t, &in->costs, &noise);
		else if (!strcmp(t->words[0], "cost"))
			ret = read_cost(t, in);
		else
			ret = sim_text_fail(t, "\"%s\": a line begins with cost or noise",
					    t->words[0]);
		if (ret || sim_text_end(t))
			return -1;
	}
	return ret;
}

int sim_costs_read(struct sim_input *in, const char *path)
{
	struct sim_text t;
	int ret = sim_text_open(&t, path, "weft-costs", in->error, sizeof(in->error));

	in->costs.models = in->machine.models.count;
	if (!ret)
		ret = costs_lines(&t, in);
	sim_text_close(&t);
	return ret;
}

u64 sim_cost_run(const struct sim_input *in, const struct sim_job *job, u32 device)
{
	const struct sim_cost *cost;
	u64 ns;

	if (job->lifetime)
		return job->lifetime;
	cost = &in->costs.cost[job->kernel * in->costs.models + in->machine.device[device].model];
	if (!cost->there)
		return 0;
	ns = weft_add_sat(cost->run, weft_mul_sat(cost->per_size, job->size));
	return min(max(ns, 1ull), SIM_TIME_MAX);
}

/* The function of splitmix64. */
static u64 mix(u64 x)
{
	u64 z = x + 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

u64 sim_cost_true(const struct sim_input *in, u32 job, u32 device, u32 attempt)
{
	const struct sim_costs *c = &in->costs;
	u64 cost = sim_cost_run(in, &in->tasks.job[job], device);
	__int128 off;
	u64 r;

	if (!c->percent || in->tasks.job[job].lifetime)
		return cost;
	r = mix(mix(mix(c->seed) ^ job) ^ attempt) % 2001;
	off = (__int128)cost * c->percent * ((int)r - 1000) / 100000;
	return (u64)((__int128)cost + off > 1 ? (__int128)cost + off : 1);
}
