// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading an input log and making its decisions again.
 *
 * DOC: replay
 *
 * The inputs of the log are given to a fresh scheduler, built from the same files as the kernel's.
 * Everything it logs while it consumes them, inputs included, is compared with the log at the
 * place where it must stand. The first record that differs in any bit ends the replay.
 *
 * Objects are kept until the end: a job may name a predecessor that was DONE long before.
 *
 * Rejected: comparing decisions only (an input that was packed wrongly would go unnoticed until
 * it happens to change a decision).
 */
#include <stdarg.h>

#include "plan.h"
#include "replaylog.h"

#define EST_COUNT_MAX	16777216u

enum object_kind { KIND_TENANT, KIND_CLIENT, KIND_DATA, KIND_JOB };

struct object {
	struct object *next;
	enum object_kind kind;
	u64 id;
	bool removed;
	struct weft_sched_ref *refs;
	struct weft_sched_edge *edges;
	union {
		struct weft_sched_tenant tenant;
		struct weft_sched_client client;
		struct weft_sched_data data;
		struct weft_sched_job job;
	};
};

struct replay {
	struct weft_sched s;
	struct weft_replay_log *log;
	struct weft_replay_result *result;
	/* next record of the log that the scheduler must produce */
	size_t cursor;
	struct weft_sched_est *est;
	/* the planner's memory */
	void *plan;
	struct weft_sched_device *device[WEFT_SCHED_MAX_DEVICES];
	struct object **bucket;
	size_t bucket_count;
	size_t object_count;
	/* parts of the input that is being put together: first and number of records */
	size_t part;
	size_t parts;
};

static int fail(struct weft_replay_log *log, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(log->error, sizeof(log->error), format, args);
	va_end(args);
	return -1;
}

/* -------------------------------------------------------------------- load */

void weft_replay_unload(struct weft_replay_log *log)
{
	free(log->rec);
	log->rec = NULL;
	log->count = 0;
}

/* The message is made before the records that it may speak of are freed. */
#define load_fail(log, ...)			\
	(fail(log, __VA_ARGS__), weft_replay_unload(log), -1)

int weft_replay_load(struct weft_replay_log *log, FILE *file)
{
	struct weft_log_header header;
	size_t room = 0;

	memset(log, 0, sizeof(*log));
	if (fread(&header, sizeof(header), 1, file) != 1)
		return fail(log, "too short for the header of a log");
	if (header.magic != WEFT_LOG_MAGIC)
		return fail(log, "not a weft input log");
	if (header.version != WEFT_LOG_VERSION)
		return fail(log, "log version %u; this tool knows %u", header.version,
			    WEFT_LOG_VERSION);
	if (header.record_size != sizeof(struct weft_rec))
		return fail(log, "records of %u bytes; expected %zu", header.record_size,
			    sizeof(struct weft_rec));
	for (;;) {
		struct weft_rec *rec;
		size_t got;

		if (log->count == room) {
			room = room ? 2 * room : 1024;
			rec = realloc(log->rec, room * sizeof(*rec));
			if (!rec)
				return load_fail(log, "out of memory at record %zu", log->count);
			log->rec = rec;
		}
		rec = &log->rec[log->count];
		got = fread(rec, 1, sizeof(*rec), file);
		if (!got)
			break;
		if (got != sizeof(*rec))
			return load_fail(log, "record %zu is cut off", log->count);
		if (log->count && rec->seq != rec[-1].seq + 1)
			return load_fail(log, "gap in the log: record %llu is followed by %llu",
					 rec[-1].seq, rec->seq);
		log->count++;
	}
	if (ferror(file))
		return load_fail(log, "read error after record %zu", log->count);
	return 0;
}

/* ----------------------------------------------------------------- objects */

static struct object **object_bucket(struct replay *r, enum object_kind kind, u64 id)
{
	return &r->bucket[weft_mix64(id * 4 + kind) & (r->bucket_count - 1)];
}

static struct object *object_find(struct replay *r, enum object_kind kind, u64 id)
{
	struct object *o;

	if (!r->bucket_count)
		return NULL;
	for (o = *object_bucket(r, kind, id); o; o = o->next) {
		if (o->kind == kind && o->id == id && !o->removed)
			return o;
	}
	return NULL;
}

static bool object_grow(struct replay *r)
{
	size_t old_count = r->bucket_count;
	struct object **old = r->bucket;
	size_t i;

	r->bucket_count = old_count ? 2 * old_count : 256;
	r->bucket = calloc(r->bucket_count, sizeof(*r->bucket));
	if (!r->bucket) {
		r->bucket = old;
		r->bucket_count = old_count;
		return false;
	}
	for (i = 0; i < old_count; i++) {
		while (old[i]) {
			struct object *o = old[i];
			struct object **to = object_bucket(r, o->kind, o->id);

			old[i] = o->next;
			o->next = *to;
			*to = o;
		}
	}
	free(old);
	return true;
}

static struct object *object_new(struct replay *r, enum object_kind kind, u64 id)
{
	struct object **bucket;
	struct object *o;

	if (r->object_count >= r->bucket_count && !object_grow(r))
		return NULL;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->kind = kind;
	o->id = id;
	bucket = object_bucket(r, kind, id);
	o->next = *bucket;
	*bucket = o;
	r->object_count++;
	return o;
}

static void replay_free(struct replay *r)
{
	size_t i;

	for (i = 0; i < r->bucket_count; i++) {
		while (r->bucket[i]) {
			struct object *o = r->bucket[i];

			r->bucket[i] = o->next;
			free(o->refs);
			free(o->edges);
			free(o);
		}
	}
	for (i = 0; i < WEFT_SCHED_MAX_DEVICES; i++)
		free(r->device[i]);
	free(r->bucket);
	free(r->est);
	free(r->plan);
	free(r);
}

/* -------------------------------------------------------------- comparison */

static void replay_differs(struct replay *r, const struct weft_rec *replayed)
{
	struct weft_replay_result *result = r->result;

	result->differs = true;
	result->index = r->cursor;
	if (r->cursor < r->log->count) {
		result->have_logged = true;
		result->logged = r->log->rec[r->cursor];
	}
	if (replayed) {
		result->have_replayed = true;
		result->replayed = *replayed;
	}
}

static void replay_log(struct weft_sched *s, const struct weft_rec *rec)
{
	struct replay *r = container_of(s, struct replay, s);

	if (r->result->differs)
		return;
	if (r->cursor == r->log->count || memcmp(rec, &r->log->rec[r->cursor], sizeof(*rec))) {
		replay_differs(r, rec);
		return;
	}
	r->cursor++;
	if (rec->type < WEFT_REC_DECISION)
		r->result->inputs++;
	else if (rec->type == WEFT_REC_CANDIDATE)
		r->result->candidates++;
	else
		r->result->decisions++;
}

static const struct weft_sched_ops replay_ops = { .log = replay_log };

/* ------------------------------------------------------------------ inputs */

static int unknown(struct replay *r, const char *what, u64 id)
{
	return fail(r->log, "record %zu: there is no %s %llu", r->cursor, what, id);
}

static int twice(struct replay *r, const char *what, u64 id)
{
	return fail(r->log, "record %zu: %s %llu is there already", r->cursor, what, id);
}

static int out_of_memory(struct replay *r)
{
	return fail(r->log, "record %zu: out of memory", r->cursor);
}

static void name_from(char name[16], const struct weft_rec *rec)
{
	memcpy(name, rec->arg, 15);
	name[15] = 0;
}

static int input_init(struct replay *r, const struct weft_rec *rec)
{
	char name[16];

	if (r->est)
		return fail(r->log, "record %zu: a second init", r->cursor);
	if (!rec->arg[2] || rec->arg[2] > EST_COUNT_MAX)
		return fail(r->log, "record %zu: table of %llu learned times", r->cursor,
			    rec->arg[2]);
	r->est = calloc(rec->arg[2], sizeof(*r->est));
	if (!r->est)
		return out_of_memory(r);
	name_from(name, rec);
	if (weft_sched_init(&r->s, &replay_ops, name, r->est, (u32)rec->arg[2], rec->time))
		return fail(r->log, "record %zu: no policy \"%s\" or bad table", r->cursor, name);
	return 0;
}

static int input_tenant(struct replay *r, const struct weft_rec *rec)
{
	struct object *o = object_find(r, KIND_TENANT, rec->id);

	if (rec->type == WEFT_REC_TENANT_ADD) {
		if (o)
			return twice(r, "tenant", rec->id);
		o = object_new(r, KIND_TENANT, rec->id);
		if (!o)
			return out_of_memory(r);
		o->tenant.id = (u32)rec->id;
		o->tenant.weight = (u32)rec->arg[0];
		return weft_sched_tenant_add(&r->s, &o->tenant, rec->time);
	}
	if (!o)
		return unknown(r, "tenant", rec->id);
	if (rec->type == WEFT_REC_TENANT_SET)
		return weft_sched_tenant_set(&r->s, &o->tenant, (u32)rec->arg[0], rec->time);
	o->removed = true;
	return weft_sched_tenant_remove(&r->s, &o->tenant, rec->time);
}

static int input_client(struct replay *r, const struct weft_rec *rec)
{
	struct object *o = object_find(r, KIND_CLIENT, rec->id);
	struct object *t;

	if (rec->type == WEFT_REC_CLIENT_ADD) {
		t = object_find(r, KIND_TENANT, rec->arg[0]);
		if (o)
			return twice(r, "client", rec->id);
		if (!t)
			return unknown(r, "tenant", rec->arg[0]);
		o = object_new(r, KIND_CLIENT, rec->id);
		if (!o)
			return out_of_memory(r);
		o->client.id = rec->id;
		o->client.tenant = &t->tenant;
		return weft_sched_client_add(&r->s, &o->client, rec->time);
	}
	if (!o)
		return unknown(r, "client", rec->id);
	o->removed = true;
	return weft_sched_client_remove(&r->s, &o->client, rec->time);
}

static int input_device(struct replay *r, const struct weft_rec *rec)
{
	struct weft_sched_device to = { .id = (u32)rec->id };
	const struct weft_rec *link = &r->log->rec[r->part];
	struct weft_sched_device *d;

	if (rec->id >= WEFT_SCHED_MAX_DEVICES)
		return unknown(r, "device", rec->id);
	d = r->device[rec->id];
	if (rec->type == WEFT_REC_DEVICE_REMOVE) {
		int ret;

		if (!d)
			return unknown(r, "device", rec->id);
		ret = weft_sched_device_remove(&r->s, d, rec->time);
		if (!ret) {
			free(d);
			r->device[rec->id] = NULL;
		}
		return ret;
	}
	if (r->parts != 1 || link->type != WEFT_REC_DEVICE_LINK)
		return fail(r->log, "record %zu: a device without its link", r->cursor);
	to.open = rec->a & 1;
	to.chains = rec->a >> 1 & 1;
	to.depth = rec->b;
	to.model = (u32)rec->arg[0];
	to.price = (u32)(rec->arg[0] >> 32);
	to.credits = (u32)rec->arg[1];
	to.dev_class = (u32)(rec->arg[1] >> 32);
	to.region = (u32)rec->arg[2];
	to.host_region = (u32)(rec->arg[2] >> 32);
	to.down.bandwidth = link->arg[0];
	to.down.latency = link->arg[1];
	to.up.bandwidth = link->arg[2];
	to.up.latency = link->arg[3];
	if (rec->type == WEFT_REC_DEVICE_SET)
		return d ? weft_sched_device_set(&r->s, d, &to, rec->time) :
			   unknown(r, "device", rec->id);
	if (d)
		return twice(r, "device", rec->id);
	d = malloc(sizeof(*d));
	if (!d)
		return out_of_memory(r);
	*d = to;
	r->device[rec->id] = d;
	return weft_sched_device_add(&r->s, d, rec->time);
}

static int input_data(struct replay *r, const struct weft_rec *rec)
{
	struct object *o = object_find(r, KIND_DATA, rec->id);

	if (rec->type == WEFT_REC_DATA_ADD) {
		if (o)
			return twice(r, "buffer", rec->id);
		o = object_new(r, KIND_DATA, rec->id);
		if (!o)
			return out_of_memory(r);
		o->data.id = rec->id;
		o->data.bytes = rec->arg[0];
		o->data.valid = rec->arg[1];
		weft_sched_data_add(&r->s, &o->data, rec->time);
		return 0;
	}
	if (!o)
		return unknown(r, "buffer", rec->id);
	if (rec->type == WEFT_REC_DATA_SET) {
		weft_sched_data_set(&r->s, &o->data, rec->arg[0], rec->time);
		return 0;
	}
	if (weft_sched_data_busy(&o->data, WEFT_ACCESS_WRITE))
		return fail(r->log, "record %zu: buffer %llu is removed in use", r->cursor,
			    rec->id);
	o->removed = true;
	weft_sched_data_remove(&r->s, &o->data, rec->time);
	return 0;
}

/* Put the parts of a job together: refs, explicit edges, deadline, in this order. */
static int input_submit_parts(struct replay *r, const struct weft_rec *rec, struct object *o,
			      u32 *explicit_count)
{
	struct weft_sched_job *job = &o->job;
	size_t i;

	o->refs = calloc(r->parts + 1, sizeof(*o->refs));
	o->edges = calloc(r->parts + 1, sizeof(*o->edges));
	if (!o->refs || !o->edges)
		return out_of_memory(r);
	job->refs = o->refs;
	for (i = 0; i < r->parts; i++) {
		const struct weft_rec *part = &r->log->rec[r->part + i];
		struct object *to;

		switch (part->type) {
		case WEFT_REC_JOB_REF:
			to = object_find(r, KIND_DATA, part->arg[0]);
			if (!to)
				return unknown(r, "buffer", part->arg[0]);
			job->refs[job->ref_count].data = &to->data;
			job->refs[job->ref_count].bytes = part->arg[1];
			job->refs[job->ref_count].access = part->a & 0xff;
			job->refs[job->ref_count].no_implicit = part->a >> 8;
			job->ref_count++;
			break;
		case WEFT_REC_JOB_EDGE:
			to = object_find(r, KIND_JOB, part->arg[0]);
			if (!to)
				return unknown(r, "job", part->arg[0]);
			o->edges[(*explicit_count)++].from = &to->job;
			break;
		case WEFT_REC_JOB_DEADLINE:
			job->deadline = part->arg[0];
			break;
		default:
			return fail(r->log, "record %zu: a %s before a job", r->cursor,
				    weft_rec_name(part->type));
		}
	}
	if (job->ref_count != rec->b)
		return fail(r->log, "record %zu: %u refs where %u were said", r->cursor,
			    job->ref_count, rec->b);
	return 0;
}

static int input_submit(struct replay *r, const struct weft_rec *rec)
{
	struct object *client = object_find(r, KIND_CLIENT, rec->arg[0]);
	struct weft_sched_edge *edges;
	u32 explicit_count = 0;
	struct object *o;
	u32 count;

	if (object_find(r, KIND_JOB, rec->id))
		return twice(r, "job", rec->id);
	if (!client)
		return unknown(r, "client", rec->arg[0]);
	o = object_new(r, KIND_JOB, rec->id);
	if (!o)
		return out_of_memory(r);
	o->job.id = rec->id;
	o->job.client = &client->client;
	o->job.kernel = rec->arg[1];
	o->job.size = rec->arg[2];
	o->job.devices = rec->arg[3];
	o->job.service = rec->a & 0xf;
	o->job.priority = rec->a >> 4 & 0xf;
	o->job.run_anyway = rec->a >> 8 & 1;
	o->job.lease = rec->a >> 9 & 1;
	if (input_submit_parts(r, rec, o, &explicit_count))
		return -1;
	count = explicit_count + weft_sched_job_edges(&r->s, &o->job);
	edges = realloc(o->edges, (count + 1) * sizeof(*edges));
	if (!edges)
		return out_of_memory(r);
	o->edges = edges;
	r->result->jobs++;
	return weft_sched_job_submit(&r->s, &o->job, o->edges, count, explicit_count, rec->time);
}

static int input_job(struct replay *r, const struct weft_rec *rec)
{
	struct object *o = object_find(r, KIND_JOB, rec->id);
	int err;

	if (!o)
		return unknown(r, "job", rec->id);
	switch (rec->type) {
	case WEFT_REC_JOB_BOUND:
		return weft_sched_job_bound(&r->s, &o->job, rec->time);
	case WEFT_REC_JOB_ASIDE:
		return weft_sched_job_aside(&r->s, &o->job, rec->time);
	case WEFT_REC_JOB_DUE:
		return weft_sched_job_due(&r->s, &o->job, rec->time);
	case WEFT_REC_LEASE_EXTEND:
		return weft_sched_lease_extend(&r->s, &o->job, rec->arg[0], rec->arg[1],
					       rec->time);
	case WEFT_REC_JOB_RUNNING:
		return weft_sched_job_running(&r->s, &o->job, rec->time);
	case WEFT_REC_JOB_DONE:
		o->job.disturbed = rec->a;
		return weft_sched_job_done(&r->s, &o->job, (int)rec->arg[1], rec->arg[0],
					   rec->time);
	case WEFT_REC_JOB_RETURN:
		/* that it fits nowhere is a result; the cancelling that follows has its record */
		err = weft_sched_job_return(&r->s, &o->job, rec->a, rec->arg[0], rec->time);
		return err == -ENOSPC ? 0 : err;
	case WEFT_REC_JOB_DEVICES:
		return weft_sched_job_devices(&r->s, &o->job, rec->arg[0], rec->time);
	default:
		return weft_sched_job_cancel(&r->s, &o->job, (int)rec->arg[0], rec->time);
	}
}

static int input_policy(struct replay *r, const struct weft_rec *rec)
{
	char name[16];

	name_from(name, rec);
	return weft_sched_policy_set(&r->s, name, rec->time);
}

static int input_pick(struct replay *r, const struct weft_rec *rec)
{
	struct weft_sched_decision d;

	weft_sched_pick(&r->s, rec->time, &d);
	return 0;
}

static int input_plan_on(struct replay *r, const struct weft_rec *rec)
{
	struct weft_plan_room room = {
		.jobs = (u32)rec->arg[0],
		.window = (u32)(rec->arg[0] >> 32),
		.data = (u32)rec->arg[1],
		.spans = (u32)rec->arg[2],
		.rounds = (u32)rec->arg[3],
	};
	size_t size = weft_sched_plan_size(&room);

	if (r->plan)
		return fail(r->log, "record %zu: planning is on already", r->cursor);
	if (!size)
		return fail(r->log, "record %zu: plans of such a size are not made", r->cursor);
	r->plan = calloc(1, size);
	if (!r->plan)
		return out_of_memory(r);
	return weft_sched_plan_on(&r->s, r->plan, &room, rec->time);
}

static int input_route(struct replay *r, const struct weft_rec *rec)
{
	struct weft_sched_route route = {
		.bandwidth = rec->arg[0], .latency = rec->arg[1], .port_count = rec->a,
	};
	u32 i;

	for (i = 0; i < WEFT_ROUTE_PORTS; i++)
		route.port[i] = (u8)(rec->arg[2] >> 8 * i);
	return weft_sched_route_set(&r->s, (u32)(rec->id >> 32), (u32)rec->id, &route, rec->time);
}

static int input_sends(struct replay *r, const struct weft_rec *rec)
{
	struct weft_sched_send send;

	weft_sched_send(&r->s, rec->time, &send);
	return 0;
}

static int input_unsend(struct replay *r, const struct weft_rec *rec)
{
	struct object *o = object_find(r, KIND_DATA, rec->id);

	if (!o)
		return unknown(r, "buffer", rec->id);
	weft_sched_unsend(&r->s, &o->data, rec->a, rec->time);
	return 0;
}

static int (* const inputs[])(struct replay *r, const struct weft_rec *rec) = {
	[WEFT_REC_INIT] = input_init,
	[WEFT_REC_TENANT_ADD] = input_tenant,
	[WEFT_REC_TENANT_SET] = input_tenant,
	[WEFT_REC_TENANT_REMOVE] = input_tenant,
	[WEFT_REC_CLIENT_ADD] = input_client,
	[WEFT_REC_CLIENT_REMOVE] = input_client,
	[WEFT_REC_DEVICE_ADD] = input_device,
	[WEFT_REC_DEVICE_SET] = input_device,
	[WEFT_REC_DEVICE_REMOVE] = input_device,
	[WEFT_REC_DATA_ADD] = input_data,
	[WEFT_REC_DATA_SET] = input_data,
	[WEFT_REC_DATA_REMOVE] = input_data,
	[WEFT_REC_JOB_SUBMIT] = input_submit,
	[WEFT_REC_JOB_BOUND] = input_job,
	[WEFT_REC_JOB_RUNNING] = input_job,
	[WEFT_REC_JOB_DONE] = input_job,
	[WEFT_REC_JOB_RETURN] = input_job,
	[WEFT_REC_JOB_CANCEL] = input_job,
	[WEFT_REC_JOB_DEVICES] = input_job,
	[WEFT_REC_JOB_ASIDE] = input_job,
	[WEFT_REC_JOB_DUE] = input_job,
	[WEFT_REC_LEASE_EXTEND] = input_job,
	[WEFT_REC_POLICY_SET] = input_policy,
	[WEFT_REC_PICK] = input_pick,
	[WEFT_REC_PLAN_ON] = input_plan_on,
	[WEFT_REC_ROUTE] = input_route,
	[WEFT_REC_SENDS] = input_sends,
	[WEFT_REC_UNSEND] = input_unsend,
};

static bool is_part(u32 type)
{
	return type == WEFT_REC_DEVICE_LINK || type == WEFT_REC_JOB_REF ||
	       type == WEFT_REC_JOB_EDGE || type == WEFT_REC_JOB_DEADLINE;
}

/* One input and all that follows from it. */
static int replay_step(struct replay *r)
{
	const struct weft_rec *rec;
	size_t end = r->cursor;

	while (end < r->log->count && is_part(r->log->rec[end].type) &&
	       r->log->rec[end].id == r->log->rec[r->cursor].id)
		end++;
	r->part = r->cursor;
	r->parts = end - r->cursor;
	if (end == r->log->count)
		return fail(r->log, "record %zu: the log ends inside an input", r->cursor);
	rec = &r->log->rec[end];
	if (rec->type >= WEFT_REC_DECISION) {
		/* The log has a decision that the replay did not make. */
		replay_differs(r, NULL);
		return 0;
	}
	if (rec->type >= ARRAY_SIZE(inputs) || !inputs[rec->type])
		return fail(r->log, "record %zu: unknown type %u", end, rec->type);
	if (!r->est && rec->type != WEFT_REC_INIT)
		return fail(r->log, "the log does not begin with init");
	if (inputs[rec->type](r, rec) < 0) {
		if (r->log->error[0])
			return -1;
		/* The kernel accepted what the replay refuses. */
		replay_differs(r, NULL);
	}
	return 0;
}

int weft_replay_run(struct weft_replay_log *log, struct weft_replay_result *result)
{
	struct replay *r = calloc(1, sizeof(*r));
	int ret = 0;

	memset(result, 0, sizeof(*result));
	log->error[0] = 0;
	if (!r)
		return fail(log, "out of memory");
	r->log = log;
	r->result = result;
	if (log->count && log->rec[0].seq)
		ret = fail(log, "gap in the log: it begins at record %llu, not at 0",
			   log->rec[0].seq);
	while (!ret && !result->differs && r->cursor < log->count)
		ret = replay_step(r);
	replay_free(r);
	return ret;
}

/* ---------------------------------------------------------------- printing */

size_t weft_replay_place(const struct weft_replay_log *log, size_t from, u64 job)
{
	for (; from < log->count; from++) {
		const struct weft_rec *rec = &log->rec[from];

		if (rec->id == job && (rec->type == WEFT_REC_DECISION ||
				       rec->type == WEFT_REC_PLAN))
			break;
	}
	return from;
}

static bool is_place(const struct weft_rec *rec)
{
	return rec->type == WEFT_REC_DECISION || rec->type == WEFT_REC_PLAN ||
	       rec->type == WEFT_REC_CANDIDATE;
}

void weft_replay_print(FILE *out, const struct weft_rec *rec)
{
	const char *type = weft_rec_name(rec->type);
	const char *reason = weft_reason_name(rec->b);

	fprintf(out, "%8llu %14llu %-13s %8llu ", rec->seq, rec->time, type ? type : "?", rec->id);
	if (!is_place(rec))
		fprintf(out, "a %u b %u args %llx %llx %llx %llx\n", rec->a, rec->b, rec->arg[0],
			rec->arg[1], rec->arg[2], rec->arg[3]);
	else if (rec->a == WEFT_LOG_NO_DEVICE)
		fprintf(out, "nowhere: %s\n", reason ? reason : "?");
	else
		fprintf(out, "device %u start %llu transfer %llu run %llu finish %llu: %s\n",
			rec->a, rec->arg[0], rec->arg[1], rec->arg[2], rec->arg[3],
			reason ? reason : "?");
}

void weft_replay_print_json(FILE *out, const struct weft_rec *rec)
{
	const char *type = weft_rec_name(rec->type);
	const char *reason = weft_reason_name(rec->b);

	fprintf(out, "{\"seq\": %llu, \"time\": %llu, \"type\": \"%s\", \"id\": %llu, ", rec->seq,
		rec->time, type ? type : "?", rec->id);
	if (!is_place(rec))
		fprintf(out, "\"a\": %u, \"b\": %u, \"args\": [%llu, %llu, %llu, %llu]}", rec->a,
			rec->b, rec->arg[0], rec->arg[1], rec->arg[2], rec->arg[3]);
	else if (rec->a == WEFT_LOG_NO_DEVICE)
		fprintf(out, "\"device\": null, \"reason\": \"%s\"}", reason ? reason : "?");
	else
		fprintf(out, "\"device\": %u, \"start\": %llu, \"transfer\": %llu, \"run\": %llu, "
			"\"finish\": %llu, \"reason\": \"%s\"}", rec->a, rec->arg[0], rec->arg[1],
			rec->arg[2], rec->arg[3], reason ? reason : "?");
}
