// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a job: states, edges, hazards, poison.
 *
 * DOC: job life
 *
 * Hazards. A buffer keeps the uses of all jobs that are not DONE, writers and readers apart, in
 * program order. A reader waits for the last writer; a writer waits for the last writer and for
 * the readers since the last writer that itself waited for readers. What lies further back is
 * waited for through them. That argument fails for a job that runs although a predecessor
 * failed: a cancelled predecessor ends before its own predecessors do. Such a job therefore
 * takes an edge to every use it conflicts with, and nobody waits through it for what it does not
 * wait for itself. Uses are forgotten when their job is DONE, so a buffer never points to a job
 * that its owner may free; that the bytes of a failed writer are LOST is the caller's to know.
 *
 * Poison. A job that fails or is cancelled takes along all that wait for it, breadth first
 * through a list, so that a chain of any length needs no stack.
 *
 * Rank. Submitting a job raises the upward rank (expected time to the end of the longest path)
 * of those it waits for, through at most WEFT_RANK_UPDATES jobs; further back the rank is too
 * small, which costs order, not correctness.
 *
 * Rejected: one list of uses in order (a reader would walk past all readers to the last writer);
 * letting READY mean "predecessors BOUND" everywhere (placement would have to guess where data will
 * be; chain.c does it where there is nothing to guess).
 */
#include "internal.h"

#define WEFT_RANK_UPDATES	32u

static const u8 weft_job_moves[] = {
	[WEFT_JOB_WAITING] = 1u << WEFT_JOB_READY | 1u << WEFT_JOB_DONE,
	[WEFT_JOB_READY] = 1u << WEFT_JOB_BINDING | 1u << WEFT_JOB_DONE | 1u << WEFT_JOB_WAITING,
	[WEFT_JOB_BINDING] = 1u << WEFT_JOB_BOUND | 1u << WEFT_JOB_READY | 1u << WEFT_JOB_DONE |
			     1u << WEFT_JOB_WAITING,
	[WEFT_JOB_BOUND] = 1u << WEFT_JOB_RUNNING | 1u << WEFT_JOB_READY | 1u << WEFT_JOB_DONE |
			   1u << WEFT_JOB_WAITING,
	[WEFT_JOB_RUNNING] = 1u << WEFT_JOB_READY | 1u << WEFT_JOB_DONE | 1u << WEFT_JOB_WAITING,
	[WEFT_JOB_DONE] = 0,
};

bool weft_job_may(const struct weft_sched_job *job, u32 state)
{
	return job->known && (weft_job_moves[job->state] & (1u << state));
}

void weft_job_move(struct weft_sched_job *job, u32 state)
{
	weft_warn_on(!weft_job_may(job, state));
	job->state = state;
}

static bool weft_job_placed(const struct weft_sched_job *job)
{
	return job->known && job->state >= WEFT_JOB_BINDING && job->state <= WEFT_JOB_RUNNING;
}

void weft_job_ready(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	weft_job_move(job, WEFT_JOB_READY);
	job->ready_time = now;
	/* One that comes back keeps its place. */
	if (!job->moves)
		job->arrival.major = s->arrival_seq++;
	weft_fair_insert(s, job);
	if (s->ops && s->ops->ready)
		s->ops->ready(s, job);
}

/* ------------------------------------------------------------ edges, hazards */

static void weft_edge_open(struct weft_sched_edge *edge, struct weft_sched_job *from,
			   struct weft_sched_job *to)
{
	edge->from = from;
	edge->to = to;
	list_add_tail(&edge->node, &from->out);
	to->open++;
}

static void weft_edge_close(struct weft_sched_edge *edge)
{
	list_del_init(&edge->node);
	edge->from = NULL;
	edge->to->open--;
}

/* Count the edges of @job to the uses in @uses after job @after; open them in @edges if given. */
static u32 weft_hazard_uses(struct weft_sched_job *job, struct list_head *uses, bool last,
			    u64 after, struct weft_sched_edge *edges)
{
	struct weft_sched_ref *use;
	u32 count = 0;

	list_for_each_entry_reverse(use, uses, node) {
		if (use->job->id <= after)
			break;
		if (edges)
			weft_edge_open(&edges[count], use->job, job);
		count++;
		if (last)
			break;
	}
	return count;
}

/*
 * Id of the last writer of @data that waited for the readers before it, and whose failure would
 * reach whoever waits for the last writer of all.
 */
static u64 weft_hazard_barrier(struct weft_sched_data *data)
{
	struct weft_sched_ref *use;

	list_for_each_entry_reverse(use, &data->writers, node) {
		if (!use->no_implicit)
			return use->job->id;
		if (use->job->run_anyway)
			break;
	}
	return 0;
}

/* With @bound the count is one that no job that ends meanwhile can make too small. */
static u32 weft_hazards(struct weft_sched_job *job, struct weft_sched_edge *edges, bool bound)
{
	bool all = job->run_anyway || bound;
	u32 count = 0;
	u32 i;

	for (i = 0; i < job->ref_count; i++) {
		struct weft_sched_ref *ref = &job->refs[i];
		struct weft_sched_data *data = ref->data;
		bool writes = ref->access & WEFT_ACCESS_WRITE;

		if (writes || !ref->no_implicit)
			count += weft_hazard_uses(job, &data->writers, !job->run_anyway, 0,
						  edges ? edges + count : NULL);
		if (writes && !ref->no_implicit)
			count += weft_hazard_uses(job, &data->readers, false,
						  all ? 0 : weft_hazard_barrier(data),
						  edges ? edges + count : NULL);
	}
	return count;
}

u32 weft_sched_job_edges(struct weft_sched *s, const struct weft_sched_job *job)
{
	/* Without edges to open, nothing is written through the pointer. */
	return weft_hazards((struct weft_sched_job *)job, NULL, true);
}

bool weft_sched_data_busy(const struct weft_sched_data *d, u32 access)
{
	if (!list_empty(&d->writers))
		return true;
	return (access & WEFT_ACCESS_WRITE) && !list_empty(&d->readers);
}

/* Raise the ranks of the jobs that @job waits for. */
static void weft_job_rank(struct weft_sched_job *job)
{
	struct weft_sched_job *queue[WEFT_RANK_UPDATES];
	u32 head = 0, tail = 0;
	u32 i;

	queue[tail++] = job;
	while (head < tail) {
		const struct weft_sched_job *to = queue[head++];

		for (i = 0; i < to->edge_count; i++) {
			struct weft_sched_job *from = to->edges[i].from;
			u64 rank;

			if (!from)
				continue;
			rank = weft_add_sat(from->own_run, to->rank);
			if (rank <= from->rank)
				continue;
			from->rank = rank;
			if (weft_job_queued(from))
				weft_fair_rekey(from);
			if (tail < WEFT_RANK_UPDATES)
				queue[tail++] = from;
		}
	}
}

/* ----------------------------------------------------------------- the end */

static void weft_job_doom(struct weft_sched *s, struct weft_sched_job *job, u64 culprit, u64 now)
{
	if (job->poisoned)
		return;
	job->poisoned = true;
	weft_log(s, now, WEFT_REC_POISONED, job->id, 0, 0, culprit, 0, 0, 0);
	if (!weft_job_placed(job))
		list_add_tail(&job->node, &s->doomed);
	else if (s->ops && s->ops->recall)
		s->ops->recall(s, job);
}

static void weft_job_end(struct weft_sched *s, struct weft_sched_job *job, int error, u64 now)
{
	u32 i;

	weft_job_move(job, WEFT_JOB_DONE);
	job->error = error;
	job->client->job_count--;
	s->job_count--;
	weft_plan_job_del(s, job);
	weft_place_undeny(job);
	for (i = 0; i < job->edge_count; i++) {
		if (job->edges[i].from)
			weft_edge_close(&job->edges[i]);
	}
	for (i = 0; i < job->ref_count; i++)
		list_del_init(&job->refs[i].node);
	while (!list_empty(&job->out)) {
		struct weft_sched_edge *edge = list_first_entry(&job->out, struct weft_sched_edge,
								node);
		struct weft_sched_job *to = edge->to;

		weft_edge_close(edge);
		if (error && !to->run_anyway)
			weft_job_doom(s, to, job->id, now);
		else if (!to->open && !to->poisoned)
			weft_chain_free(s, to, now);
		else
			weft_chain_look(s, to, now);
	}
}

/* @job is about to end; it may be READY. */
static void weft_job_unready(struct weft_sched *s, struct weft_sched_job *job)
{
	if (job->state != WEFT_JOB_READY)
		return;
	weft_chain_unfollow(s, job);
	weft_fair_remove(s, job);
}

static void weft_job_end_doomed(struct weft_sched *s, u64 now)
{
	while (!list_empty(&s->doomed)) {
		struct weft_sched_job *job = list_first_entry(&s->doomed, struct weft_sched_job,
							      node);

		list_del_init(&job->node);
		weft_job_unready(s, job);
		weft_job_end(s, job, -ECANCELED, now);
		if (s->ops && s->ops->poisoned)
			s->ops->poisoned(s, job);
	}
}

/* --------------------------------------------------------------- the calls */

static bool weft_job_valid(const struct weft_sched_job *job, const struct weft_sched_edge *edges,
			   u32 explicit_count)
{
	u32 i;

	if (job->known || !job->client || !job->devices || !job->size || job->priority > 7 ||
	    job->service >= WEFT_SERVICE_COUNT || job->ref_count > 0xffff)
		return false;
	for (i = 0; i < job->ref_count; i++) {
		const struct weft_sched_ref *ref = &job->refs[i];

		if (!ref->data || !ref->access ||
		    (ref->access & ~(WEFT_ACCESS_READ | WEFT_ACCESS_WRITE)))
			return false;
	}
	for (i = 0; i < explicit_count; i++) {
		if (!edges[i].from || !edges[i].from->known)
			return false;
	}
	return true;
}

static void weft_job_init(struct weft_sched *s, struct weft_sched_job *job,
			  struct weft_sched_edge *edges, u32 edge_count)
{
	job->known = true;
	job->state = WEFT_JOB_WAITING;
	job->device = WEFT_SCHED_NO_DEVICE;
	job->plan_device = WEFT_SCHED_NO_DEVICE;
	job->plan_finish = U64_MAX;
	job->follows = WEFT_SCHED_NO_DEVICE;
	job->edges = edges;
	job->edge_count = edge_count;
	job->own_run = weft_estimate_least(s, job);
	job->rank = job->own_run;
	INIT_LIST_HEAD(&job->out);
	INIT_LIST_HEAD(&job->denied_node);
	INIT_LIST_HEAD(&job->due);
	INIT_LIST_HEAD(&job->pending);
	job->plan = 0;
}

int weft_sched_job_submit(struct weft_sched *s, struct weft_sched_job *job,
			  struct weft_sched_edge *edges, u32 edge_count, u32 explicit_count,
			  u64 now)
{
	const struct weft_sched_job *culprit = NULL;
	u32 hazards;
	u32 i;

	if (!weft_job_valid(job, edges, explicit_count))
		return -EINVAL;
	hazards = weft_hazards(job, NULL, false);
	if (explicit_count > edge_count || hazards > edge_count - explicit_count)
		return -ENOSPC;

	weft_log_submit(s, job, edges, explicit_count, now);
	weft_job_init(s, job, edges, explicit_count + hazards);
	for (i = 0; i < explicit_count; i++) {
		struct weft_sched_job *from = edges[i].from;

		edges[i].from = NULL;
		if (from->state != WEFT_JOB_DONE)
			weft_edge_open(&edges[i], from, job);
		else if (from->error && !job->run_anyway && !culprit)
			culprit = from;
	}
	weft_hazards(job, edges + explicit_count, false);
	for (i = 0; i < job->ref_count; i++) {
		struct weft_sched_ref *ref = &job->refs[i];

		ref->job = job;
		ref->from = WEFT_SCHED_NO_REGION;
		list_add_tail(&ref->node, ref->access & WEFT_ACCESS_WRITE ?
			      &ref->data->writers : &ref->data->readers);
	}
	job->client->job_count++;
	s->job_count++;
	if (culprit) {
		weft_job_doom(s, job, culprit->id, now);
		weft_job_end_doomed(s, now);
		return 0;
	}
	weft_job_rank(job);
	weft_plan_job_add(s, job);
	if (!job->open)
		weft_job_ready(s, job, now);
	else
		weft_chain_look(s, job, now);
	return 0;
}

int weft_sched_job_bound(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	if (!weft_job_may(job, WEFT_JOB_BOUND))
		return -EINVAL;
	if (!weft_chain_holds(s, job))
		return -EAGAIN;
	weft_log(s, now, WEFT_REC_JOB_BOUND, job->id, 0, 0, 0, 0, 0, 0);
	weft_job_move(job, WEFT_JOB_BOUND);
	weft_chain_bound(s, job, now);
	return 0;
}

int weft_sched_job_aside(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	if (!job->known || job->state != WEFT_JOB_BOUND || job->aside)
		return -EINVAL;
	weft_log(s, now, WEFT_REC_JOB_ASIDE, job->id, 0, 0, 0, 0, 0, 0);
	weft_estimate_untry(s, job, s->device[job->device]);
	weft_chain_left(s, job);
	weft_place_aside(s, job);
	weft_fair_settle(s, job, 0);
	job->charged = 0;
	return 0;
}

int weft_sched_job_due(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	if (!job->known || job->aside != WEFT_ASIDE_WAITS)
		return -EINVAL;
	weft_log(s, now, WEFT_REC_JOB_DUE, job->id, 0, 0, 0, 0, 0, 0);
	weft_place_due(s, job, now);
	return 0;
}

int weft_sched_job_running(struct weft_sched *s, struct weft_sched_job *job, u64 now)
{
	if (!weft_job_may(job, WEFT_JOB_RUNNING) || job->aside)
		return -EINVAL;
	weft_log(s, now, WEFT_REC_JOB_RUNNING, job->id, 0, 0, 0, 0, 0, 0);
	weft_job_move(job, WEFT_JOB_RUNNING);
	job->start = now;
	return 0;
}

int weft_sched_job_done(struct weft_sched *s, struct weft_sched_job *job, int error, u64 busy_ns,
			u64 now)
{
	struct weft_sched_device *d;
	u32 i;

	if (!weft_job_placed(job))
		return -EINVAL;
	weft_log(s, now, WEFT_REC_JOB_DONE, job->id, job->disturbed, 0, busy_ns, (u64)(s64)error,
		 0, 0);
	d = s->device[job->device];
	if (job->poisoned && !error)
		error = -ECANCELED;
	if (job->state != WEFT_JOB_RUNNING && !job->aside)
		weft_estimate_untry(s, job, d);
	weft_place_release(s, job);
	weft_place_space_made(s, d);
	weft_fair_settle(s, job, busy_ns);
	d->busy_ns += busy_ns;
	if (job->state == WEFT_JOB_RUNNING && !error)
		weft_plan_job_ended(s, job, busy_ns);
	if (job->state == WEFT_JOB_RUNNING && !error && !job->disturbed)
		weft_estimate_learn(s, job, d, busy_ns);
	for (i = 0; i < job->ref_count && !error; i++) {
		struct weft_sched_data *data = job->refs[i].data;

		if (!(job->refs[i].access & WEFT_ACCESS_WRITE))
			continue;
		data->valid = BIT_ULL(d->region);
		data->arriving = 0;
		weft_plan_data_moved(s, data);
	}
	weft_job_end(s, job, error, now);
	weft_job_end_doomed(s, now);
	return 0;
}

int weft_sched_job_return(struct weft_sched *s, struct weft_sched_job *job,
			  enum weft_return_reason why, u64 busy_ns, u64 now)
{
	struct weft_sched_device *d;
	int ret = 0;

	if (!weft_job_placed(job))
		return -EINVAL;
	weft_log(s, now, WEFT_REC_JOB_RETURN, job->id, why, 0, busy_ns, 0, 0, 0);
	d = s->device[job->device];
	if (!job->aside)
		weft_estimate_untry(s, job, d);
	weft_place_release(s, job);
	/*
	 * Of two that fail to bind by turns, neither makes space for the other. With nobody left on
	 * the device none would ever be made: all may try again, but not one that was alone.
	 */
	if (why == WEFT_RETURN_NO_SPACE && (d->outstanding || d->aside)) {
		weft_place_deny(s, job, d, now);
	} else {
		if (why == WEFT_RETURN_NO_SPACE)
			ret = weft_place_unfit(s, job, d);
		weft_place_space_made(s, d);
	}
	weft_fair_settle(s, job, busy_ns);
	d->busy_ns += busy_ns;
	weft_chain_left(s, job);
	job->device = WEFT_SCHED_NO_DEVICE;
	job->follows = WEFT_SCHED_NO_DEVICE;
	job->moves++;
	weft_plan_job_add(s, job);
	if (job->open) {
		weft_job_move(job, WEFT_JOB_WAITING);
		weft_chain_look(s, job, now);
	} else {
		weft_job_ready(s, job, now);
	}
	return ret;
}

int weft_sched_job_cancel(struct weft_sched *s, struct weft_sched_job *job, int error, u64 now)
{
	if (!job->known || job->state > WEFT_JOB_READY || error >= 0)
		return -EINVAL;
	weft_log(s, now, WEFT_REC_JOB_CANCEL, job->id, 0, 0, (u64)(s64)error, 0, 0, 0);
	weft_job_unready(s, job);
	weft_job_end(s, job, error, now);
	weft_job_end_doomed(s, now);
	return 0;
}

int weft_sched_job_devices(struct weft_sched *s, struct weft_sched_job *job, u64 devices, u64 now)
{
	if (!job->known || job->state > WEFT_JOB_READY || !devices)
		return -EINVAL;
	weft_log(s, now, WEFT_REC_JOB_DEVICES, job->id, 0, 0, devices, 0, 0, 0);
	if (job->state == WEFT_JOB_READY && job->follows != WEFT_SCHED_NO_DEVICE)
		weft_chain_wait(s, job);
	if (job->state == WEFT_JOB_READY)
		weft_fair_remove(s, job);
	job->devices = devices;
	weft_place_undeny(job);
	weft_plan_stale(s);
	if (job->state == WEFT_JOB_READY)
		weft_fair_insert(s, job);
	else
		weft_chain_look(s, job, now);
	return 0;
}

void weft_sched_job_forget(struct weft_sched *s, struct weft_sched_job *job)
{
	/* A job that is DONE is in no list and on neither side of an edge. */
	weft_warn_on(job->known && job->state != WEFT_JOB_DONE);
	job->known = false;
}
