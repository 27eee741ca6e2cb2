// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packing of inputs and decisions into records, and their names.
 *
 * DOC: scheduler records
 *
 * Each function turns one input or decision into the records that log.h describes and hands them
 * to the caller. The number of a record is taken even if nobody listens, so that a listener that
 * starts late sees that it missed the beginning.
 *
 * Rejected: having the caller log its own calls (it would have to know which were accepted).
 */
#include "internal.h"

void weft_log(struct weft_sched *s, u64 now, u32 type, u64 id, u32 a, u32 b, u64 arg0, u64 arg1,
	      u64 arg2, u64 arg3)
{
	struct weft_rec rec = {
		.seq = s->seq++,
		.time = now,
		.id = id,
		.type = type,
		.a = (u16)a,
		.b = (u16)b,
		.arg = { arg0, arg1, arg2, arg3 },
	};

	if (s->ops && s->ops->log)
		s->ops->log(s, &rec);
}

/* A policy's name as the two words of a record. */
static void weft_log_name(const struct weft_sched *s, u64 word[2])
{
	const char *name = s->policy->name;
	size_t i;

	word[0] = 0;
	word[1] = 0;
	for (i = 0; name[i] && i < 15; i++)
		word[i / 8] |= (u64)(u8)name[i] << (i % 8 * 8);
}

void weft_log_init(struct weft_sched *s, u64 now)
{
	u64 word[2];

	weft_log_name(s, word);
	weft_log(s, now, WEFT_REC_INIT, 0, WEFT_LOG_VERSION, 0, word[0], word[1], s->est_count, 0);
}

void weft_log_policy(struct weft_sched *s, u64 now)
{
	u64 word[2];

	weft_log_name(s, word);
	weft_log(s, now, WEFT_REC_POLICY_SET, 0, 0, 0, word[0], word[1], 0, 0);
}

void weft_log_device(struct weft_sched *s, const struct weft_sched_device *d, u32 type, u64 now)
{
	u64 model = type == WEFT_REC_DEVICE_ADD ? d->model : 0;
	u64 class = type == WEFT_REC_DEVICE_ADD ? d->dev_class : 0;
	u64 region = type == WEFT_REC_DEVICE_ADD ? d->region | (u64)d->host_region << 32 : 0;

	weft_log(s, now, WEFT_REC_DEVICE_LINK, d->id, 0, 0, d->down.bandwidth, d->down.latency,
		 d->up.bandwidth, d->up.latency);
	weft_log(s, now, type, d->id, d->open | d->chains << 1, d->depth,
		 model | (u64)d->price << 32, d->credits | class << 32, region, 0);
}

void weft_log_submit(struct weft_sched *s, const struct weft_sched_job *job,
		     const struct weft_sched_edge *edges, u32 explicit_count, u64 now)
{
	u32 i;

	for (i = 0; i < job->ref_count; i++) {
		const struct weft_sched_ref *ref = &job->refs[i];

		weft_log(s, now, WEFT_REC_JOB_REF, job->id, ref->access | ref->no_implicit << 8, i,
			 ref->data->id, ref->bytes, 0, 0);
	}
	for (i = 0; i < explicit_count; i++)
		weft_log(s, now, WEFT_REC_JOB_EDGE, job->id, 0, 0, edges[i].from->id, 0, 0, 0);
	if (job->deadline)
		weft_log(s, now, WEFT_REC_JOB_DEADLINE, job->id, 0, 0, job->deadline, 0, 0, 0);
	weft_log(s, now, WEFT_REC_JOB_SUBMIT, job->id,
		 job->service | job->priority << 4 | job->run_anyway << 8 | job->lease << 9,
		 job->ref_count,
		 job->client->id, job->kernel, job->size, job->devices);
}

/* A decision or plan of the running pick about @job, then all that was weighed for it. */
void weft_log_place(struct weft_sched *s, const struct weft_sched_job *job, u32 type, u32 device,
		    u64 now)
{
	const struct weft_sched_candidate *c;
	u64 left;

	c = &s->cand[device];
	weft_log(s, now, type, job->id, device, c->reason, c->start, c->transfer, c->run,
		 c->finish);
	for (left = s->present; left; left &= left - 1) {
		u32 id = __ffs64(left);

		c = &s->cand[id];
		weft_log(s, now, WEFT_REC_CANDIDATE, job->id, id, c->reason, c->start, c->transfer,
			 c->run, c->finish);
	}
}

void weft_log_header_init(struct weft_log_header *header)
{
	memset(header, 0, sizeof(*header));
	header->magic = WEFT_LOG_MAGIC;
	header->version = WEFT_LOG_VERSION;
	header->record_size = sizeof(struct weft_rec);
}

static const char * const weft_reason_names[] = {
	[WEFT_REASON_CHOSEN] = "chosen",
	[WEFT_REASON_EXPLORE] = "chosen to be explored",
	[WEFT_REASON_LATER] = "later",
	[WEFT_REASON_TIE] = "as good, used more",
	[WEFT_REASON_PLANNED] = "planned, waits for room",
	[WEFT_REASON_NO_ROOM] = "no room",
	[WEFT_REASON_NOT_NOW] = "no space in its memory",
	[WEFT_REASON_CLOSED] = "closed",
	[WEFT_REASON_NOT_ELIGIBLE] = "not eligible",
	[WEFT_REASON_OUTRUN] = "another is to be explored",
	[WEFT_REASON_ELSEWHERE] = "what it needs is elsewhere",
	[WEFT_REASON_AHEAD] = "chosen by the plan",
	[WEFT_REASON_HELD] = "planned, waits for its turn",
	[WEFT_REASON_FOREGONE] = "no later, but not planned",
};

const char *weft_reason_name(u32 reason)
{
	return reason < ARRAY_SIZE(weft_reason_names) ? weft_reason_names[reason] : NULL;
}

static const char * const weft_rec_names[] = {
	[WEFT_REC_INIT] = "init",
	[WEFT_REC_TENANT_ADD] = "tenant-add",
	[WEFT_REC_TENANT_SET] = "tenant-set",
	[WEFT_REC_TENANT_REMOVE] = "tenant-remove",
	[WEFT_REC_CLIENT_ADD] = "client-add",
	[WEFT_REC_CLIENT_REMOVE] = "client-remove",
	[WEFT_REC_DEVICE_ADD] = "device-add",
	[WEFT_REC_DEVICE_SET] = "device-set",
	[WEFT_REC_DEVICE_REMOVE] = "device-remove",
	[WEFT_REC_DATA_ADD] = "data-add",
	[WEFT_REC_DATA_SET] = "data-set",
	[WEFT_REC_DATA_REMOVE] = "data-remove",
	[WEFT_REC_JOB_SUBMIT] = "job-submit",
	[WEFT_REC_JOB_REF] = "job-ref",
	[WEFT_REC_JOB_EDGE] = "job-edge",
	[WEFT_REC_JOB_BOUND] = "job-bound",
	[WEFT_REC_JOB_RUNNING] = "job-running",
	[WEFT_REC_JOB_DONE] = "job-done",
	[WEFT_REC_JOB_RETURN] = "job-return",
	[WEFT_REC_JOB_CANCEL] = "job-cancel",
	[WEFT_REC_POLICY_SET] = "policy-set",
	[WEFT_REC_PICK] = "pick",
	[WEFT_REC_DEVICE_LINK] = "device-link",
	[WEFT_REC_JOB_DEADLINE] = "job-deadline",
	[WEFT_REC_JOB_DEVICES] = "job-devices",
	[WEFT_REC_JOB_ASIDE] = "job-aside",
	[WEFT_REC_JOB_DUE] = "job-due",
	[WEFT_REC_LEASE_EXTEND] = "lease-extend",
	[WEFT_REC_PLAN_ON] = "plan-on",
	[WEFT_REC_ROUTE] = "route",
	[WEFT_REC_SENDS] = "sends",
	[WEFT_REC_UNSEND] = "unsend",
	[WEFT_REC_DECISION] = "decision",
	[WEFT_REC_CANDIDATE] = "candidate",
	[WEFT_REC_PLAN] = "plan",
	[WEFT_REC_POISONED] = "poisoned",
	[WEFT_REC_LEASE] = "lease",
	[WEFT_REC_SEND] = "send",
};

const char *weft_rec_name(u32 type)
{
	return type < ARRAY_SIZE(weft_rec_names) ? weft_rec_names[type] : NULL;
}
