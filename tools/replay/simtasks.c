// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading tasks and events, and the order that blocks give to jobs.
 *
 * DOC: tasks and events files
 *
 * The order on a block is the order of the lines, as a program's SUBMITs would give it: a reader
 * after the last writer, a writer after the last writer and all readers since.
 *
 * Rejected: sorting submissions by time (the order of lines decides ties and hazards, so a file
 * that is out of order is more likely wrong than meant).
 */
#include "simfile.h"

#define SIM_LIST_MAX	65535

const char * const sim_service_names[] = {
	"realtime", "interactive", "batch", "best-effort", NULL
};

static int read_tenant(struct sim_text *t, struct sim_input *in, struct sim_names *names)
{
	struct sim_tasks *k = &in->tasks;
	u64 weight = 100;
	u32 id;

	if (sim_text_fixed(t, 2, "tenant NAME [weight=N]") ||
	    sim_text_name(t, t->words[1], "tenant") ||
	    sim_text_number(t, "weight", 1, 10000, false, &weight))
		return -1;
	id = sim_names_add(&in->arena, names, t->words[1]);
	if (id != k->tenant_count)
		return sim_text_fail(t, "tenant \"%s\" is declared twice", t->words[1]);
	k->tenant = sim_grow(&in->arena, k->tenant, id, sizeof(*k->tenant));
	k->tenant[k->tenant_count++] = (struct sim_tenant){
		.name = names->name[id],
		.weight = (u32)weight,
	};
	return 0;
}

static int read_client(struct sim_text *t, struct sim_input *in, const struct sim_names *tenants,
		       struct sim_names *names)
{
	struct sim_tasks *k = &in->tasks;
	const char *tenant;
	u32 id, of;

	if (sim_text_fixed(t, 2, "client NAME tenant=T") || sim_text_name(t, t->words[1], "client"))
		return -1;
	tenant = sim_text_field(t, "tenant");
	of = tenant ? sim_names_find(tenants, tenant) : SIM_NONE;
	if (of == SIM_NONE)
		return sim_text_fail(t, "tenant= must name a tenant declared above");
	if (k->submit_count)
		return sim_text_fail(t, "clients are declared above the first submit");
	id = sim_names_add(&in->arena, names, t->words[1]);
	if (id != k->client_count)
		return sim_text_fail(t, "client \"%s\" is declared twice", t->words[1]);
	k->client = sim_grow(&in->arena, k->client, id, sizeof(*k->client));
	k->client[k->client_count++] = (struct sim_client){ .name = names->name[id], .tenant = of };
	return 0;
}

static int read_block(struct sim_text *t, struct sim_input *in)
{
	struct sim_tasks *k = &in->tasks;
	struct sim_block b = { .valid = 1 };
	const char *at;
	char *list, *item;
	u32 id;

	if (sim_text_fixed(t, 2, "block NAME bytes=N [at=LIST]") ||
	    sim_text_name(t, t->words[1], "block") ||
	    sim_text_number(t, "bytes", 0, 1ull << 50, true, &b.bytes))
		return -1;
	at = sim_text_field(t, "at");
	if (at) {
		b.valid = 0;
		list = strcmp(at, "-") ? sim_copy(&in->arena, at, strlen(at)) : NULL;
		while ((item = sim_text_item(&list))) {
			u32 region = sim_machine_region(&in->machine, item);

			if (region == SIM_NONE)
				return sim_text_fail(t, "at= names \"%s\", which is no region "
							"of the machine",
						     item);
			b.valid |= BIT_ULL(region);
		}
	} else if (!in->machine.region[0].host) {
		return sim_text_fail(t, "at= is missing, and the machine's first region is no "
					"host memory");
	}
	id = sim_names_add(&in->arena, &k->blocks, t->words[1]);
	if (id != k->block_count)
		return sim_text_fail(t, "block \"%s\" is declared twice", t->words[1]);
	b.name = k->blocks.name[id];
	k->block = sim_grow(&in->arena, k->block, id, sizeof(*k->block));
	k->block[k->block_count++] = b;
	return 0;
}

static int read_submit(struct sim_text *t, struct sim_input *in, const struct sim_names *clients)
{
	struct sim_tasks *k = &in->tasks;
	struct sim_submit s = { .first = k->job_count };
	const char *client;

	if (sim_text_fixed(t, 1, "submit at=NS [client=C]") ||
	    sim_text_number(t, "at", 0, SIM_TIME_MAX / 4, true, &s.at))
		return -1;
	client = sim_text_field(t, "client");
	if (k->client_count && !client)
		return sim_text_fail(t, "client= is missing: clients are declared, so whose is "
					"it?");
	if (client) {
		s.client = sim_names_find(clients, client);
		if (s.client == SIM_NONE)
			return sim_text_fail(t, "client \"%s\" is not declared above", client);
	}
	if (k->submit_count && s.at < k->submit[k->submit_count - 1].at)
		return sim_text_fail(t, "at=%llu lies before the submit above (%llu)", s.at,
				     k->submit[k->submit_count - 1].at);
	k->submit = sim_grow(&in->arena, k->submit, k->submit_count, sizeof(*k->submit));
	k->submit[k->submit_count++] = s;
	return 0;
}

static int job_uses(struct sim_text *t, struct sim_input *in, struct sim_job *j, const char *key,
		    u32 access)
{
	const char *value = sim_text_field(t, key);
	char *list, *item;
	u32 i;

	if (!value)
		return 0;
	list = sim_copy(&in->arena, value, strlen(value));
	while ((item = sim_text_item(&list))) {
		u32 block = sim_names_find(&in->tasks.blocks, item);

		if (block == SIM_NONE)
			return sim_text_fail(t, "%s= names block \"%s\", which is not declared "
						"above",
					     key, item);
		for (i = 0; i < j->use_count; i++) {
			if (j->use[i].block == block)
				return sim_text_fail(t, "block \"%s\" is named twice in one job",
						     item);
		}
		if (j->use_count == SIM_LIST_MAX)
			return sim_text_fail(t, "more than %d blocks", SIM_LIST_MAX);
		j->use = sim_grow(&in->arena, j->use, j->use_count, sizeof(*j->use));
		j->use[j->use_count++] = (struct sim_use){ .block = block, .access = access };
	}
	return 0;
}

static int job_after(struct sim_text *t, struct sim_input *in, struct sim_job *j)
{
	const char *value = sim_text_field(t, "after");
	char *list, *item;

	if (!value)
		return 0;
	list = sim_copy(&in->arena, value, strlen(value));
	while ((item = sim_text_item(&list))) {
		u32 job = sim_names_find(&in->tasks.jobs, item);

		if (job == SIM_NONE)
			return sim_text_fail(t, "after= names \"%s\", which is no job further "
						"up", item);
		j->after = sim_grow(&in->arena, j->after, j->after_count, sizeof(*j->after));
		j->after[j->after_count++] = job;
	}
	return 0;
}

static int job_kernel(struct sim_text *t, struct sim_input *in, struct sim_job *j)
{
	struct sim_costs *c = &in->costs;
	const char *kernel = sim_text_field(t, "kernel");
	u32 known = c->kernels.count;

	if (!kernel)
		return sim_text_fail(t, "kernel= is missing");
	if (sim_text_name(t, kernel, "kernel"))
		return -1;
	j->kernel = sim_names_add(&in->arena, &c->kernels, kernel);
	if (j->kernel < known)
		return 0;
	if (!j->lifetime)
		return sim_text_fail(t, "kernel \"%s\" has no cost on any model, and the job no "
					"lifetime=",
				     kernel);
	c->cost = sim_grow(&in->arena, c->cost, known, c->models * sizeof(*c->cost));
	return 0;
}

static int job_devices(struct sim_text *t, struct sim_input *in, struct sim_job *j)
{
	const char *value = sim_text_field(t, "devices");
	char *list, *item;
	u64 allowed = 0;
	u32 i;

	if (value) {
		list = sim_copy(&in->arena, value, strlen(value));
		while ((item = sim_text_item(&list))) {
			u32 device = sim_machine_device(&in->machine, item);

			if (device == SIM_NONE)
				return sim_text_fail(t, "devices= names \"%s\", which is no "
							"device", item);
			allowed |= BIT_ULL(device);
		}
	} else {
		allowed = U64_MAX;
	}
	for (i = 0; i < in->machine.device_count; i++) {
		if ((allowed & BIT_ULL(i)) && sim_cost_run(in, j, i))
			j->devices |= BIT_ULL(i);
	}
	if (!j->devices)
		return sim_text_fail(t, "no device can run it: its kernel has no cost on the "
					"models it may use");
	return 0;
}

static int job_gang(struct sim_text *t, struct sim_input *in, struct sim_job *j)
{
	struct sim_tasks *k = &in->tasks;
	const char *gang = sim_text_field(t, "gang");
	u32 known = k->gangs.count;
	u32 i;

	j->gang = SIM_NONE;
	if (!gang)
		return 0;
	if (sim_text_name(t, gang, "gang"))
		return -1;
	j->gang = sim_names_add(&in->arena, &k->gangs, gang);
	if (j->gang == known)
		return 0;
	for (i = k->submit[k->submit_count - 1].first; i < k->job_count; i++) {
		if (k->job[i].gang == j->gang)
			return 0;
	}
	return sim_text_fail(t, "gang \"%s\" has jobs in another submit: a gang arrives in one",
			     gang);
}

static int read_job(struct sim_text *t, struct sim_input *in)
{
	struct sim_tasks *k = &in->tasks;
	struct sim_job j = { .size = 1, .service = 2, .submit = k->submit_count - 1 };
	u64 priority = 0;
	u32 id;

	if (sim_text_fixed(t, 2, "job NAME kernel=K ...") || sim_text_name(t, t->words[1], "job"))
		return -1;
	if (!k->submit_count)
		return sim_text_fail(t, "a job stands below the submit that it arrives with");
	if (sim_names_find(&k->jobs, t->words[1]) != SIM_NONE)
		return sim_text_fail(t, "job \"%s\" is declared twice", t->words[1]);
	if (sim_text_number(t, "size", 1, SIM_TIME_MAX, false, &j.size) ||
	    sim_text_number(t, "priority", 0, 7, false, &priority) ||
	    sim_text_number(t, "deadline", 1, SIM_TIME_MAX / 4, false, &j.deadline) ||
	    sim_text_number(t, "budget", 1, SIM_TIME_MAX / 4, false, &j.budget) ||
	    sim_text_number(t, "lifetime", 1, SIM_TIME_MAX / 4, false, &j.lifetime) ||
	    sim_text_choice(t, "class", sim_service_names, &j.service) ||
	    job_uses(t, in, &j, "read", SIM_READ) || job_uses(t, in, &j, "write", SIM_WRITE) ||
	    job_uses(t, in, &j, "update", SIM_READ | SIM_WRITE) || job_after(t, in, &j) ||
	    job_kernel(t, in, &j) || job_devices(t, in, &j) || job_gang(t, in, &j))
		return -1;
	j.priority = (u32)priority;
	id = sim_names_add(&in->arena, &k->jobs, t->words[1]);
	j.name = k->jobs.name[id];
	k->job = sim_grow(&in->arena, k->job, k->job_count, sizeof(*k->job));
	k->job[k->job_count++] = j;
	k->submit[k->submit_count - 1].count++;
	return 0;
}

static int tasks_lines(struct sim_text *t, struct sim_input *in)
{
	struct sim_names tenants = { }, clients = { };
	int ret;

	while ((ret = sim_text_line(t)) > 0) {
		const char *word = t->words[0];

		if (!strcmp(word, "tenant"))
			ret = read_tenant(t, in, &tenants);
		else if (!strcmp(word, "client"))
			ret = read_client(t, in, &tenants, &clients);
		else if (!strcmp(word, "block"))
			ret = read_block(t, in);
		else if (!strcmp(word, "submit"))
			ret = read_submit(t, in, &clients);
		else if (!strcmp(word, "job"))
			ret = read_job(t, in);
		else
			ret = sim_text_fail(t, "\"%s\": a line begins with tenant, client, "
					       "block, submit or job",
					    word);
		if (ret || sim_text_end(t))
			return -1;
	}
	if (!ret && !in->tasks.job_count)
		ret = sim_text_fail(t, "there is no job");
	return ret;
}

/* One client of one tenant where the file names none. */
static void tasks_default(struct sim_input *in)
{
	struct sim_tasks *k = &in->tasks;

	if (k->client_count)
		return;
	k->tenant = sim_grow(&in->arena, k->tenant, k->tenant_count, sizeof(*k->tenant));
	k->tenant[k->tenant_count++] = (struct sim_tenant){ .name = "-", .weight = 100 };
	k->client = sim_alloc(&in->arena, sizeof(*k->client));
	k->client[k->client_count++] = (struct sim_client){
		.name = "-",
		.tenant = k->tenant_count - 1,
	};
}

int sim_tasks_read(struct sim_input *in, const char *path)
{
	struct sim_text t;
	int ret = sim_text_open(&t, path, "weft-tasks", in->error, sizeof(in->error));

	if (!ret)
		ret = tasks_lines(&t, in);
	sim_text_close(&t);
	if (ret)
		return ret;
	tasks_default(in);
	sim_tasks_order(in);
	return 0;
}

/* ------------------------------------------------------------------- order */

static void order_add(struct sim_input *in, u32 job, u32 pred)
{
	struct sim_job *j = &in->tasks.job[job];
	struct sim_job *p = &in->tasks.job[pred];

	/* Jobs are gone through in order: @pred has @job as its last successor, or not at all. */
	if (p->succ_count && p->succ[p->succ_count - 1] == job)
		return;
	j->pred = sim_grow(&in->arena, j->pred, j->pred_count, sizeof(*j->pred));
	j->pred[j->pred_count++] = pred;
	p->succ = sim_grow(&in->arena, p->succ, p->succ_count, sizeof(*p->succ));
	p->succ[p->succ_count++] = job;
}

void sim_tasks_order(struct sim_input *in)
{
	struct sim_tasks *k = &in->tasks;
	/* per block: the last writer + 1, and the readers since */
	u32 *writer = sim_alloc(&in->arena, k->block_count * sizeof(*writer));
	u32 **readers = sim_alloc(&in->arena, k->block_count * sizeof(*readers));
	u32 *count = sim_alloc(&in->arena, k->block_count * sizeof(*count));
	u32 i, u, r;

	for (i = 0; i < k->job_count; i++) {
		struct sim_job *j = &k->job[i];

		for (u = 0; u < j->after_count; u++)
			order_add(in, i, j->after[u]);
		for (u = 0; u < j->use_count; u++) {
			u32 b = j->use[u].block;

			if (writer[b])
				order_add(in, i, writer[b] - 1);
			if (j->use[u].access & SIM_WRITE) {
				for (r = 0; r < count[b]; r++)
					order_add(in, i, readers[b][r]);
				writer[b] = i + 1;
				count[b] = 0;
				readers[b] = NULL;
			} else {
				readers[b] = sim_grow(&in->arena, readers[b], count[b],
						      sizeof(**readers));
				readers[b][count[b]++] = i;
			}
		}
	}
}

/* ------------------------------------------------------------------ events */

static int event_device(struct sim_text *t, struct sim_input *in, struct sim_event *e)
{
	if (sim_text_fixed(t, 4, "at NS lost|returned|speed DEVICE"))
		return -1;
	e->what = sim_machine_device(&in->machine, t->words[3]);
	if (e->what == SIM_NONE)
		return sim_text_fail(t, "\"%s\" is no device", t->words[3]);
	if (e->kind == SIM_SPEED)
		return sim_text_number(t, "percent", 1, 10000, true, &e->value);
	return 0;
}

static int event_link(struct sim_text *t, struct sim_input *in, struct sim_event *e)
{
	const struct sim_machine *m = &in->machine;
	u32 a, b;

	if (sim_text_fixed(t, 5, "at NS link A B bandwidth=MBPS latency=NS"))
		return -1;
	a = sim_machine_node(m, t->words[3]);
	b = sim_machine_node(m, t->words[4]);
	e->what = sim_machine_link(m, a, b);
	if (a == SIM_NONE || b == SIM_NONE || e->what == SIM_NONE)
		return sim_text_fail(t, "no link joins %s and %s", t->words[3], t->words[4]);
	if (sim_text_number(t, "bandwidth", 1, 1000000000, true, &e->value))
		return -1;
	return sim_text_number(t, "latency", 0, 1000000000, true, &e->latency);
}

static int event_weight(struct sim_text *t, struct sim_input *in, struct sim_event *e)
{
	const struct sim_tasks *k = &in->tasks;

	if (sim_text_fixed(t, 5, "at NS weight TENANT N"))
		return -1;
	for (e->what = 0; e->what < k->tenant_count; e->what++) {
		if (!strcmp(k->tenant[e->what].name, t->words[3]))
			return sim_text_parse(t, t->words[4], "weight", 1, 10000, &e->value);
	}
	return sim_text_fail(t, "\"%s\" is no tenant of the tasks", t->words[3]);
}

static int event_policy(struct sim_text *t, struct sim_input *in, struct sim_event *e)
{
	if (sim_text_fixed(t, 4, "at NS policy NAME") || sim_text_name(t, t->words[3], "policy"))
		return -1;
	e->policy = sim_copy(&in->arena, t->words[3], strlen(t->words[3]));
	return 0;
}

static int read_event(struct sim_text *t, struct sim_input *in)
{
	static const struct {
		const char *name;
		int (*read)(struct sim_text *t, struct sim_input *in, struct sim_event *e);
	} kinds[] = {
		[SIM_LOST] = { "lost", event_device },
		[SIM_RETURNED] = { "returned", event_device },
		[SIM_SPEED] = { "speed", event_device },
		[SIM_LINK] = { "link", event_link },
		[SIM_POLICY] = { "policy", event_policy },
		[SIM_WEIGHT] = { "weight", event_weight },
	};
	struct sim_events *v = &in->events;
	struct sim_event e = { };
	u32 i;

	if (strcmp(t->words[0], "at") || t->fixed < 3)
		return sim_text_fail(t, "a line is \"at NS KIND ...\"");
	if (sim_text_parse(t, t->words[1], "the time", 0, SIM_TIME_MAX / 4, &e.at))
		return -1;
	if (v->count && e.at < v->event[v->count - 1].at)
		return sim_text_fail(t, "%llu lies before the event above (%llu)", e.at,
				     v->event[v->count - 1].at);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kinds[i].name, t->words[2]))
			break;
	}
	if (i == ARRAY_SIZE(kinds))
		return sim_text_fail(t, "\"%s\": allowed are lost, returned, speed, link, "
					"policy, weight",
				     t->words[2]);
	e.kind = i;
	if (kinds[i].read(t, in, &e))
		return -1;
	v->event = sim_grow(&in->arena, v->event, v->count, sizeof(*v->event));
	v->event[v->count++] = e;
	return 0;
}

int sim_events_read(struct sim_input *in, const char *path)
{
	struct sim_text t;
	int ret = sim_text_open(&t, path, "weft-events", in->error, sizeof(in->error));

	while (!ret && (ret = sim_text_line(&t)) > 0) {
		ret = read_event(&t, in);
		if (!ret)
			ret = sim_text_end(&t);
	}
	sim_text_close(&t);
	return ret;
}
