// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: chains on an engine
 *
 * A device with WEFT_CAP_CHAINS is handed jobs before those they wait for are over, and keeps their
 * order: run() says which of its runs those are. The scheduler places such a job on the device
 * where all its predecessors are (scheduler/chain.c). When it is BOUND a *link* is made to each of
 * them that is not over; both sides of a link belong to the engine's lock, and it goes when either
 * job is over, that is, off the engine.
 *
 * A job with links is handed over if all that it waits for runs already, and if its predecessors'
 * credits have not been promised to another: they become its own. So no more jobs can start at once
 * than there are credits, and the time of each begins when it could. Else it stands where it is:
 * jobs are handed over in the order of decisions.
 *
 * What runs ahead may be reported as over before what it waits for. The pump keeps such a job aside
 * until the scheduler has heard of the others, and only then says what became of it.
 *
 * Rejected: pointers to the predecessors without links (they may be gone), a reference from each
 * job to those before it (a long chain would be freed in one go, on one stack).
 */
#include "core.h"
#include "../memory/memory.h"

static void weft_link_cut(struct weft_chain_link *link)
{
	list_del_init(&link->node);
	link->from = NULL;
	link->to->link_count--;
}

/* @from is over: @to need not wait for it. */
static void weft_chain_tell(struct weft_job *from, struct weft_job *to)
{
	if (from->lost)
		to->chain_error = -ESTALE;
	else if (from->error && !to->chain_error)
		to->chain_error = -ECANCELED;
	to->chain_ns = max(to->chain_ns, from->end_ns);
}

static void weft_link_make(struct weft_job *to, struct weft_job *from)
{
	struct weft_chain_link *link = &to->links[0];
	u32 i;

	lockdep_assert_held(&from->engine->lock);
	for (i = 0; i < WEFT_MAX_WAITS; i++) {
		if (to->links[i].from == from)
			return;
		if (!to->links[i].from)
			link = &to->links[i];
	}
	if (from->over) {
		weft_chain_tell(from, to);
		return;
	}
	link->from = from;
	list_add_tail(&link->node, &from->heirs);
	to->link_count++;
}

/* @job, new. */
void weft_chain_init(struct weft_job *job)
{
	u32 i;

	INIT_LIST_HEAD(&job->heirs);
	for (i = 0; i < WEFT_MAX_WAITS; i++) {
		INIT_LIST_HEAD(&job->links[i].node);
		job->links[i].to = job;
	}
}

/* @job is BOUND from now on; nobody but the caller knows. */
void weft_chain_bound_locked(struct weft_job *job)
{
	struct weft_engine *engine = job->engine;
	unsigned long flags;
	u32 i;

	lockdep_assert_held(&job->pool->lock);
	job->over = false;
	job->began = false;
	job->passed = false;
	job->chain_error = 0;
	job->chain_ns = 0;
	job->chained = job->sched.open;
	if (!job->chained)
		return;
	spin_lock_irqsave(&engine->lock, flags);
	for (i = 0; i < job->edge_count; i++)
		if (job->edges[i].from)
			weft_link_make(job, to_weft_job(job->edges[i].from));
	spin_unlock_irqrestore(&engine->lock, flags);
}

/* @job is off its engine: whoever waits for it there waits no more. */
void weft_chain_over(struct weft_job *job)
{
	struct weft_chain_link *link, *next;
	u32 i;

	lockdep_assert_held(&job->engine->lock);
	job->over = true;
	for (i = 0; job->link_count && i < WEFT_MAX_WAITS; i++)
		if (job->links[i].from)
			weft_link_cut(&job->links[i]);
	list_for_each_entry_safe(link, next, &job->heirs, node) {
		struct weft_job *to = link->to;

		weft_link_cut(link);
		weft_chain_tell(job, to);
		if (!to->link_count && atomic_read(&to->run_state) != WEFT_RUN_NONE)
			weft_engine_begin_locked(to);
	}
}

/* May @job, which has links, be handed over all the same? Then its run says whom it waits for. */
bool weft_chain_ahead(struct weft_job *job)
{
	struct weft_job *from;
	u32 i;

	lockdep_assert_held(&job->engine->lock);
	job->run.wait_count = 0;
	/* the device knows nothing of leases */
	if (job->lease)
		return false;
	for (i = 0; i < WEFT_MAX_WAITS; i++) {
		from = job->links[i].from;
		if (!from)
			continue;
		if (from->passed || from->lease ||
		    atomic_read(&from->run_state) != WEFT_RUN_RUNNING)
			return false;
		job->run.waits[job->run.wait_count++] = &from->run;
	}
	for (i = 0; i < WEFT_MAX_WAITS; i++)
		if (job->links[i].from)
			job->links[i].from->passed = true;
	return true;
}

/* @job was placed: which of its buffers does one that it follows make? */
void weft_chain_cover_locked(struct weft_job *job)
{
	const struct weft_job *from;
	u32 i, e, j;

	lockdep_assert_held(&job->pool->lock);
	for (i = 0; i < job->buffer_count; i++)
		job->holds[i].made = false;
	for (e = 0; job->sched.open && e < job->edge_count; e++) {
		if (!job->edges[e].from)
			continue;
		from = to_weft_job(job->edges[e].from);
		for (i = 0; i < job->buffer_count; i++)
			for (j = 0; j < from->buffer_count; j++)
				if (from->holds[j].bo == job->holds[i].bo &&
				    from->holds[j].access & DRM_WEFT_ACCESS_WRITE)
					job->holds[i].made = true;
	}
}

/* @job goes back to READY: what those did that waited for it, and did not wait, is not done. */
void weft_chain_back_locked(struct weft_job *job)
{
	struct weft_job *held;
	u32 i;

	lockdep_assert_held(&job->pool->lock);
	list_for_each_entry(held, &job->pool->held, finish_node) {
		for (i = 0; i < held->edge_count; i++) {
			if (held->edges[i].from != &job->sched)
				continue;
			held->lost = true;
			held->stale = true;
		}
	}
}

/*
 * @job is off its engine. Is the pool to hear of it? Not before it has heard of those that @job
 * waits for.
 */
bool weft_chain_due_locked(struct weft_job *job)
{
	lockdep_assert_held(&job->pool->lock);
	if (job->sched.open && weft_sched_job_follows(&job->pool->sched, &job->sched))
		return false;
	if (!job->sched.open)
		weft_chain_cover_locked(job);
	return true;
}
