// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulated world: bytes, where they are, and how they move.
 *
 * DOC: blocks, copies, transfers
 *
 * A copy is *held* while it takes space, *coming* while a transfer brings it, and its block's bit
 * in w->valid says that its bytes are good. Fetching a job pins the copies it uses, makes space and
 * sends what is missing. Space comes from copies that nobody uses, least recently used first: at
 * once if the block is valid elsewhere, else after it was saved to the host region.
 *
 * Rejected: evicting by next use (the world knows the future, a kernel does not).
 */
#include "simfile.h"
#include "simdata.h"

static struct sim_copy *copy_of(const struct sim_world *w, u32 block, u32 region)
{
	return &w->copy[(size_t)block * w->machine->region_count + region];
}

bool sim_valid(const struct sim_world *w, u32 block, u32 region)
{
	return w->valid[block] & BIT_ULL(region);
}

/* Of no bytes there is nothing to move: they are wherever somebody wants them. */
static bool readable(const struct sim_world *w, u32 block, u32 region)
{
	return !w->block[block].bytes || sim_valid(w, block, region);
}

static void copy_hold(struct sim_world *w, u32 block, u32 region)
{
	struct sim_copy *c = copy_of(w, block, region);

	if (!c->held)
		w->space[region] += w->block[block].bytes;
	c->held = true;
}

/* Give up the space of a copy that is worth nothing. */
static void copy_settle(struct sim_world *w, u32 block, u32 region)
{
	struct sim_copy *c = copy_of(w, block, region);

	if (!c->held || c->pins || c->coming || sim_valid(w, block, region))
		return;
	c->held = false;
	w->space[region] -= w->block[block].bytes;
}

static void data_moved(struct sim_world *w, u32 block)
{
	if (w->engine->moved)
		w->engine->moved(w, block);
}

int sim_data_init(struct sim_world *w)
{
	const struct sim_machine *m = w->machine;
	u32 b, r;

	w->valid = sim_alloc(&w->arena, w->block_count * sizeof(*w->valid));
	w->version = sim_alloc(&w->arena, w->block_count * sizeof(*w->version));
	w->lost = sim_alloc(&w->arena, w->block_count * sizeof(*w->lost));
	w->copy = sim_alloc(&w->arena, (size_t)w->block_count * m->region_count * sizeof(*w->copy));
	w->space = sim_alloc(&w->arena, m->region_count * sizeof(*w->space));
	w->waiting = sim_alloc(&w->arena, m->region_count * sizeof(*w->waiting));
	for (b = 0; b < w->block_count; b++) {
		w->valid[b] = w->block[b].valid;
		for (r = 0; r < m->region_count; r++) {
			if (sim_valid(w, b, r))
				copy_hold(w, b, r);
		}
	}
	for (r = 0; r < m->region_count; r++) {
		if (w->space[r] <= m->region[r].bytes)
			continue;
		snprintf(w->error, sizeof(w->error),
			 "%llu bytes are to be in region %s at the start, which has %llu",
			 w->space[r], m->region[r].name, m->region[r].bytes);
		return -1;
	}
	return 0;
}

/* --------------------------------------------------------------- transfers */

static bool region_present(const struct sim_world *w, u32 region)
{
	u32 device = w->machine->region[region].device;

	return device == SIM_NONE || (w->present & BIT_ULL(device));
}

/* Start a transfer of @block that takes @r from @start on; its space is held. */
static void transfer_add(struct sim_world *w, u32 block, u32 from, u32 to, u32 job,
			 const struct sim_route *r, u64 start)
{
	u64 bytes = w->block[block].bytes;
	u64 end = start + sim_net_duration(r, bytes);
	u32 id = w->transfer_count++;
	char port[2 * SIM_NAME_MAX + 2];
	char route[1024] = "";
	size_t length = 0;
	u32 i;

	w->transfer = sim_grow(&w->arena, w->transfer, id, sizeof(*w->transfer));
	w->transfer[id] = (struct sim_transfer){
		.block = block, .from = from, .to = to, .job = job, .start = start, .end = end,
		.version = w->version[block], .route = r,
	};
	sim_net_take(w, r, start, end);
	copy_of(w, block, from)->pins++;
	copy_of(w, block, from)->sending++;
	copy_of(w, block, to)->coming = id + 1;
	for (i = 0; i < r->count; i++) {
		w->port[r->port[i]].bytes += bytes;
		length += (size_t)snprintf(route + length, sizeof(route) - length, "%s%s",
					   i ? "," : "", sim_net_port(w, r->port[i], port));
		length = min(length, sizeof(route) - 1);
	}
	sim_log(w, "transfer %u block=%s from=%s to=%s bytes=%llu start=%llu end=%llu route=%s "
		   "for=%s",
		id, w->block[block].name, w->machine->region[from].name,
		w->machine->region[to].name, bytes, start, end, route,
		job == SIM_NONE ? "-" : sim_job_name(w, job));
	sim_arrives(w, id);
}

/* When @region has @block: now, when a transfer has arrived, or never. */
static u64 source_since(const struct sim_world *w, u32 block, u32 region)
{
	const struct sim_copy *c = copy_of(w, block, region);

	if (!region_present(w, region))
		return U64_MAX;
	if (sim_valid(w, block, region))
		return w->now;
	if (c->coming && w->transfer[c->coming - 1].version == w->version[block])
		return w->transfer[c->coming - 1].end;
	return U64_MAX;
}

u64 sim_arrival(const struct sim_world *w, u32 block, u32 region)
{
	return source_since(w, block, region);
}

/* The source from which @block reaches @to first, beginning at @at or later. */
static const struct sim_route *source_best(struct sim_world *w, u32 block, u64 sources, u32 to,
					   u64 at, u32 *from, u64 *start)
{
	const struct sim_route *best = NULL;
	u64 soonest = 0;
	u32 region;

	for (region = 0; region < w->machine->region_count; region++) {
		u64 since = source_since(w, block, region);
		const struct sim_route *r;
		u64 ns, free;

		if (region == to || since == U64_MAX || !(sources & BIT_ULL(region)))
			continue;
		r = sim_net_route(w, region, to);
		if (!r)
			continue;
		ns = sim_net_duration(r, w->block[block].bytes);
		free = sim_net_free(w, r, max(at, since), ns);
		if (best && free + ns >= soonest)
			continue;
		best = r;
		soonest = free + ns;
		*from = region;
		*start = free;
	}
	return best;
}

/* Send @block, whose space at @to is held, there. */
static bool send(struct sim_world *w, u32 block, u64 sources, u32 to, u64 at, u32 job)
{
	u32 device = w->machine->region[to].device;
	const struct sim_route *r;
	struct sim_copy *host;
	u32 from = 0, via;
	u64 start = 0;

	if (!region_present(w, to))
		return false;
	r = source_best(w, block, sources, to, at, &from, &start);
	if (r) {
		transfer_add(w, block, from, to, job, r, start);
		return true;
	}
	/* Store and forward: to the host region first, and on from there. */
	if (device == SIM_NONE || !w->valid[block])
		return false;
	via = w->machine->device[device].host;
	host = copy_of(w, block, via);
	if (!host->coming) {
		if (w->space[via] + w->block[block].bytes > w->machine->region[via].bytes)
			return false;
		r = source_best(w, block, sources, via, at, &from, &start);
		if (!r)
			return false;
		copy_hold(w, block, via);
		transfer_add(w, block, from, via, job, r, start);
	}
	r = sim_net_route(w, via, to);
	if (!r)
		return false;
	start = sim_net_free(w, r, max(at, w->transfer[host->coming - 1].end),
			     sim_net_duration(r, w->block[block].bytes));
	transfer_add(w, block, via, to, job, r, start);
	return true;
}

/* ------------------------------------------------------------------- space */

static void copy_evict(struct sim_world *w, u32 block, u32 region)
{
	w->valid[block] &= ~BIT_ULL(region);
	sim_log(w, "evict %s region=%s", w->block[block].name, w->machine->region[region].name);
	w->evictions++;
	copy_settle(w, block, region);
	data_moved(w, block);
}

/* The copy to give up next; @saved: only one whose block is valid elsewhere. */
static u32 victim(const struct sim_world *w, u32 region, bool saved)
{
	u32 best = SIM_NONE;
	u32 b;

	for (b = 0; b < w->block_count; b++) {
		const struct sim_copy *c = copy_of(w, b, region);

		if (!c->held || c->pins || c->coming || !sim_valid(w, b, region) ||
		    !w->block[b].bytes)
			continue;
		if (saved && !(w->valid[b] & ~BIT_ULL(region)))
			continue;
		if (best == SIM_NONE || c->used < copy_of(w, best, region)->used)
			best = b;
	}
	return best;
}

enum space { SPACE_THERE, SPACE_COMES, SPACE_NONE };

/* Make @bytes of room in @region. */
static enum space space_make(struct sim_world *w, u32 region, u64 bytes)
{
	const struct sim_machine *m = w->machine;
	u32 device = m->region[region].device;
	u64 saving = 0;
	u32 block;

	while (w->space[region] + bytes > m->region[region].bytes) {
		block = victim(w, region, true);
		if (block == SIM_NONE)
			break;
		copy_evict(w, block, region);
	}
	if (w->space[region] + bytes <= m->region[region].bytes)
		return SPACE_THERE;
	if (device == SIM_NONE)
		return SPACE_NONE;
	/* Nothing to give up at once: save as much as is needed. */
	while (w->space[region] + bytes > m->region[region].bytes + saving) {
		u32 host = m->device[device].host;

		block = victim(w, region, false);
		if (block == SIM_NONE ||
		    w->space[host] + w->block[block].bytes > m->region[host].bytes)
			break;
		copy_hold(w, block, host);
		if (!send(w, block, U64_MAX, host, w->now, SIM_NONE)) {
			copy_settle(w, block, host);
			break;
		}
		saving += w->block[block].bytes;
	}
	return saving ? SPACE_COMES : SPACE_NONE;
}

/* ------------------------------------------------------------------- fetch */

static void wait_for(struct sim_world *w, struct sim_copy *c, u32 job)
{
	struct sim_waiter *waiter = sim_alloc(&w->arena, sizeof(*waiter));

	waiter->job = job;
	waiter->next = c->waiters;
	c->waiters = waiter;
	w->job[job].missing++;
}

bool sim_arrived(const struct sim_world *w, u32 job)
{
	return w->job[job].fetched != SIM_NONE && !w->job[job].missing &&
	       !w->job[job].waits_space;
}

/* Space is there: send what is missing. */
static bool fetch_send(struct sim_world *w, u32 job, u32 region)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 i;

	for (i = 0; i < j->use_count; i++)
		copy_hold(w, j->use[i].block, region);
	for (i = 0; i < j->use_count; i++) {
		u32 block = j->use[i].block;
		struct sim_copy *c = copy_of(w, block, region);

		if (!(j->use[i].access & SIM_READ) || readable(w, block, region))
			continue;
		/* Never written: it reads as zeros. */
		if (!w->valid[block] && !c->coming)
			continue;
		if (!c->coming && !send(w, block, U64_MAX, region, w->now, job))
			return false;
		wait_for(w, c, job);
	}
	return true;
}

static u64 fetch_bytes(const struct sim_world *w, u32 job, u32 region)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u64 bytes = 0;
	u32 i;

	for (i = 0; i < j->use_count; i++) {
		if (!copy_of(w, j->use[i].block, region)->held)
			bytes += w->block[j->use[i].block].bytes;
	}
	return bytes;
}

/* Undo what a fetch has pinned. */
static void fetch_unpin(struct sim_world *w, u32 job, u32 region)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 i;

	for (i = 0; i < j->use_count; i++) {
		copy_of(w, j->use[i].block, region)->pins--;
		copy_settle(w, j->use[i].block, region);
	}
}

static int fetch_try(struct sim_world *w, u32 job, u32 region)
{
	struct sim_run *r = &w->job[job];
	enum space space = space_make(w, region, fetch_bytes(w, job, region));

	if (space == SPACE_THERE && fetch_send(w, job, region)) {
		r->waits_space = false;
		return 0;
	}
	if (space == SPACE_COMES) {
		struct sim_waiter *waiter = sim_alloc(&w->arena, sizeof(*waiter));
		struct sim_waiter **end = &w->waiting[region];

		waiter->job = job;
		while (*end)
			end = &(*end)->next;
		*end = waiter;
		r->waits_space = true;
		return 0;
	}
	return -1;
}

int sim_fetch(struct sim_world *w, u32 job, u32 device)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 region = w->machine->device[device].region;
	struct sim_run *r = &w->job[job];
	u32 i;

	weft_warn_on(r->fetched != SIM_NONE);
	for (i = 0; i < j->use_count; i++) {
		struct sim_copy *c = copy_of(w, j->use[i].block, region);

		c->pins++;
		c->used = ++w->uses;
	}
	r->fetched = device;
	if (!fetch_try(w, job, region))
		return 0;
	sim_unfetch(w, job);
	return -1;
}

/* Jobs that wait for space in @region try again, first come first. */
static void fetch_retry(struct sim_world *w, u32 region)
{
	struct sim_waiter *list = w->waiting[region];

	w->waiting[region] = NULL;
	for (; list; list = list->next) {
		struct sim_run *r = &w->job[list->job];
		u32 device = r->fetched;

		if (!r->waits_space || device == SIM_NONE ||
		    w->machine->device[device].region != region)
			continue;
		r->waits_space = false;
		if (!fetch_try(w, list->job, region)) {
			if (sim_arrived(w, list->job) && w->engine->arrived)
				w->engine->arrived(w, list->job);
			continue;
		}
		sim_back(w, list->job, "space");
		w->engine->back(w, list->job, device, 0);
	}
}

static void waiters_drop(struct sim_copy *c, u32 job)
{
	struct sim_waiter **at = &c->waiters;

	while (*at) {
		if ((*at)->job == job)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

/* The transfer brings nothing; its ports are free from now on. */
static void transfer_cut(struct sim_world *w, u32 id)
{
	struct sim_transfer *t = &w->transfer[id];
	u32 i;

	t->over = true;
	t->cut = true;
	sim_net_release(w, t->route, t->start, t->end);
	for (i = 0; i < t->route->count; i++)
		w->port[t->route->port[i]].bytes -= w->block[t->block].bytes;
	copy_of(w, t->block, t->from)->pins--;
	copy_of(w, t->block, t->from)->sending--;
	copy_of(w, t->block, t->to)->coming = 0;
	sim_log(w, "cut %u", id);
	copy_settle(w, t->block, t->from);
}

void sim_unfetch(struct sim_world *w, u32 job)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	struct sim_run *r = &w->job[job];
	u32 region, i;

	if (r->fetched == SIM_NONE)
		return;
	region = w->machine->device[r->fetched].region;
	r->fetched = SIM_NONE;
	r->waits_space = false;
	r->missing = 0;
	for (i = 0; i < j->use_count; i++) {
		u32 block = j->use[i].block;
		struct sim_copy *c = copy_of(w, block, region);

		waiters_drop(c, job);
		/* What is on its way for nobody any more need not arrive. */
		if (c->coming && !c->waiters && !w->transfer[c->coming - 1].ahead &&
		    !copy_of(w, block, region)->sending)
			transfer_cut(w, c->coming - 1);
	}
	fetch_unpin(w, job, region);
}

void sim_drop(struct sim_world *w, u32 job)
{
	weft_warn_on(w->job[job].state != SIM_READY);
	sim_unfetch(w, job);
}

bool sim_send(struct sim_world *w, u32 block, u32 source, u32 to, u64 from, u32 job)
{
	struct sim_copy *c = copy_of(w, block, to);

	if (readable(w, block, to) || c->coming)
		return true;
	if (!c->held && space_make(w, to, w->block[block].bytes) != SPACE_THERE)
		return false;
	copy_hold(w, block, to);
	c->used = ++w->uses;
	if (send(w, block, source == SIM_NONE ? U64_MAX : BIT_ULL(source), to, max(from, w->now),
		 job)) {
		w->transfer[c->coming - 1].ahead = true;
		return true;
	}
	copy_settle(w, block, to);
	return false;
}

/* ---------------------------------------------------------------- the ends */

void sim_transfer_end(struct sim_world *w, u32 id)
{
	struct sim_transfer *t = &w->transfer[id];
	struct sim_copy *c = copy_of(w, t->block, t->to);
	struct sim_waiter *waiter = c->waiters;
	u32 from = t->from, block = t->block, to = t->to, job = t->job;

	if (t->over)
		return;
	t->over = true;
	copy_of(w, block, from)->pins--;
	copy_of(w, block, from)->sending--;
	c->coming = 0;
	c->waiters = NULL;
	if (t->version == w->version[block]) {
		w->valid[block] |= BIT_ULL(to);
		data_moved(w, block);
	}
	if (job == SIM_NONE && !copy_of(w, block, from)->pins && sim_valid(w, block, from))
		copy_evict(w, block, from);
	copy_settle(w, block, from);
	copy_settle(w, block, to);
	for (; waiter; waiter = waiter->next) {
		w->job[waiter->job].missing--;
		if (sim_arrived(w, waiter->job) && w->engine->arrived)
			w->engine->arrived(w, waiter->job);
	}
	fetch_retry(w, from);
}

void sim_written(struct sim_world *w, u32 job)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 region = w->machine->device[w->job[job].device].region;
	u32 i, r;

	for (i = 0; i < j->use_count; i++) {
		u32 block = j->use[i].block;

		copy_of(w, block, region)->used = ++w->uses;
		if (!(j->use[i].access & SIM_WRITE))
			continue;
		w->version[block]++;
		w->valid[block] = BIT_ULL(region);
		w->lost[block] = false;
		for (r = 0; r < w->machine->region_count; r++) {
			if (r != region)
				copy_settle(w, block, r);
		}
	}
}

/* Nobody will read what is on its way: all readers of these bytes have ended. */
static void copies_cut(struct sim_world *w, u32 block)
{
	u32 r;

	for (r = 0; r < w->machine->region_count; r++) {
		struct sim_copy *c = copy_of(w, block, r);

		if (!c->coming)
			continue;
		transfer_cut(w, c->coming - 1);
		copy_settle(w, block, r);
	}
}

void sim_check_inputs(struct sim_world *w, u32 job)
{
	const struct sim_job *j = &w->in->tasks.job[job];
	u32 region = w->machine->device[w->job[job].device].region;
	u32 i;

	for (i = 0; i < j->use_count; i++) {
		u32 block = j->use[i].block;

		weft_warn_on((j->use[i].access & SIM_READ) && w->valid[block] &&
			     !readable(w, block, region));
		if (j->use[i].access & SIM_WRITE)
			copies_cut(w, block);
	}
}

void sim_region_lost(struct sim_world *w, u32 device)
{
	u32 region = w->machine->device[device].region;
	u32 i, b;

	if (w->machine->region[region].host)
		return;
	/* In the order in which they were decided: one that waits for another comes after it. */
	for (i = 0; i < w->transfer_count; i++) {
		struct sim_transfer *t = &w->transfer[i];
		u32 to = t->to, block = t->block;
		struct sim_copy *c = copy_of(w, block, to);
		struct sim_waiter *waiter;

		if (t->over || (t->from != region && to != region &&
				source_since(w, block, t->from) != U64_MAX))
			continue;
		transfer_cut(w, i);
		/* Who waits for it elsewhere gets it from another source, or will lack it. */
		if (to != region && c->waiters &&
		    send(w, block, U64_MAX, to, w->now, c->waiters->job))
			continue;
		for (waiter = c->waiters; waiter; waiter = waiter->next)
			w->job[waiter->job].missing--;
		c->waiters = NULL;
		copy_settle(w, block, to);
	}
	for (b = 0; b < w->block_count; b++) {
		bool was = sim_valid(w, b, region);

		w->valid[b] &= ~BIT_ULL(region);
		copy_settle(w, b, region);
		if (!was)
			continue;
		if (!w->valid[b] && w->block[b].bytes)
			w->lost[b] = true;
		data_moved(w, b);
	}
}
