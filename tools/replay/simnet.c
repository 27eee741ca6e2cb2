// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes and ports.
 *
 * DOC: links of the simulated machine
 *
 * A route is the widest path, then the one with fewest links, then least latency, then the first in
 * the order of the file: each step fixes one quantity and keeps only the links that can still be
 * part of such a path, backwards from the destination, so that the walk forward never has to
 * turn back. A port keeps its reservations in order; a transfer takes the first gap that all its
 * ports have in common.
 *
 * Rejected: sharing a port's bandwidth among transfers (a DMA engine works on one descriptor after
 * the other, and sharing delays the first without speeding up the last).
 */
#include "simworld.h"

struct sim_link_now {
	u64 bandwidth;
	u64 latency;
};

void sim_net_init(struct sim_world *w)
{
	const struct sim_machine *m = w->machine;
	u32 i;

	w->port_count = 2 * m->link_count;
	w->port = sim_alloc(&w->arena, w->port_count * sizeof(*w->port));
	w->link = sim_alloc(&w->arena, m->link_count * sizeof(*w->link));
	w->route = sim_alloc(&w->arena, (size_t)m->region_count * m->region_count *
			     sizeof(*w->route));
	for (i = 0; i < m->link_count; i++) {
		w->link[i].bandwidth = m->link[i].bandwidth;
		w->link[i].latency = m->link[i].latency;
	}
}

/* The node at the other end of @link, SIM_NONE if it does not end at @node. */
static u32 net_other(const struct sim_link *link, u32 node)
{
	if (link->a == node)
		return link->b;
	return link->b == node ? link->a : SIM_NONE;
}

/* May bytes pass @node on their way? */
static bool net_passes(const struct sim_machine *m, u32 node)
{
	u32 region = m->node[node].region;

	if (region == SIM_NONE)
		return true;
	return m->region[region].host && !m->store_and_forward;
}

/*
 * Links to go to @to over links of at least @width, and of those ways the least latency, for every
 * node; SIM_NONE where there is none.
 */
static void net_spread(const struct sim_world *w, u32 to, u64 width, u32 *hops, u64 *latency)
{
	const struct sim_machine *m = w->machine;
	bool more = true;
	u32 step, i;

	for (i = 0; i < m->node_count; i++) {
		hops[i] = SIM_NONE;
		latency[i] = U64_MAX;
	}
	hops[to] = 0;
	latency[to] = 0;
	for (step = 0; more; step++) {
		more = false;
		for (i = 0; i < m->link_count; i++) {
			const struct sim_link *l = &m->link[i];
			int side;

			if (w->link[i].bandwidth < width)
				continue;
			for (side = 0; side < 2; side++) {
				u32 near = side ? l->b : l->a;
				u32 far = side ? l->a : l->b;
				u64 sum;

				if (hops[near] != step || (step && !net_passes(m, near)))
					continue;
				if (hops[far] < step + 1)
					continue;
				sum = latency[near] + w->link[i].latency;
				hops[far] = step + 1;
				latency[far] = min(latency[far], sum);
				more = true;
			}
		}
	}
}

/* The least width that is larger than @width among the links, 0 if there is none. */
static u64 net_wider(const struct sim_world *w, u64 width)
{
	u64 next = 0;
	u32 i;

	for (i = 0; i < w->machine->link_count; i++) {
		u64 b = w->link[i].bandwidth;

		if (b > width && (!next || b < next))
			next = b;
	}
	return next;
}

static void net_walk(struct sim_world *w, struct sim_route *r, u32 from, u32 to, u64 width,
		     const u32 *hops, const u64 *latency)
{
	const struct sim_machine *m = w->machine;
	u32 at = from;
	u32 i;

	r->port = sim_alloc(&w->arena, hops[from] * sizeof(*r->port));
	r->bandwidth = U64_MAX;
	r->latency = latency[from];
	while (at != to) {
		for (i = 0; i < m->link_count; i++) {
			u32 next = net_other(&m->link[i], at);

			if (next == SIM_NONE || w->link[i].bandwidth < width ||
			    hops[next] + 1 != hops[at] || (next != to && !net_passes(m, next)))
				continue;
			if (latency[next] + w->link[i].latency == latency[at])
				break;
		}
		r->port[r->count++] = 2 * i + (m->link[i].b == at);
		r->bandwidth = min(r->bandwidth, w->link[i].bandwidth);
		at = net_other(&m->link[i], at);
	}
}

const struct sim_route *sim_net_route(struct sim_world *w, u32 from, u32 to)
{
	const struct sim_machine *m = w->machine;
	struct sim_route *r = &w->route[from * m->region_count + to];
	u32 a = m->region[from].node, b = m->region[to].node;
	u32 *hops;
	u64 *latency;
	u64 width = 0, next;

	if (r->count)
		return r;
	hops = malloc(m->node_count * sizeof(*hops));
	latency = malloc(m->node_count * sizeof(*latency));
	if (!hops || !latency)
		abort();
	for (next = net_wider(w, 0); next; next = net_wider(w, next)) {
		net_spread(w, b, next, hops, latency);
		if (hops[a] == SIM_NONE)
			break;
		width = next;
	}
	if (width) {
		net_spread(w, b, width, hops, latency);
		net_walk(w, r, a, b, width, hops, latency);
	}
	free(hops);
	free(latency);
	return r->count ? r : NULL;
}

void sim_net_link(struct sim_world *w, u32 link, u64 bandwidth, u64 latency)
{
	size_t count = (size_t)w->machine->region_count * w->machine->region_count;

	w->link[link].bandwidth = bandwidth;
	w->link[link].latency = latency;
	/* Transfers that were decided keep the routes that they have. */
	w->route = sim_alloc(&w->arena, count * sizeof(*w->route));
}

void sim_net_nominal(struct sim_world *w)
{
	u32 i;

	for (i = 0; i < w->machine->link_count; i++)
		sim_net_link(w, i, w->machine->link[i].bandwidth, w->machine->link[i].latency);
}

u64 sim_net_duration(const struct sim_route *r, u64 bytes)
{
	/* Blocks have at most 2^50 bytes. */
	return r->latency + (bytes * 1000 + r->bandwidth - 1) / r->bandwidth;
}

u64 sim_port_free(const struct sim_port *port, u64 from, u64 ns)
{
	u32 low = 0, high = port->count;

	/* the first span that ends later than @from */
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (port->span[middle].end > from)
			high = middle;
		else
			low = middle + 1;
	}
	for (; low < port->count; low++) {
		if (port->span[low].start >= from + ns)
			break;
		from = max(from, port->span[low].end);
	}
	return from;
}

u64 sim_net_free(struct sim_world *w, const struct sim_route *r, u64 from, u64 ns)
{
	u64 start = from;
	u32 i;

	do {
		from = start;
		for (i = 0; i < r->count; i++)
			start = sim_port_free(&w->port[r->port[i]], start, ns);
	} while (start != from);
	return start;
}

void sim_port_take(struct sim_port *port, u64 now, u64 start, u64 end)
{
	u32 at, old;

	for (old = 0; old < port->count && port->span[old].end <= now; old++)
		;
	if (old) {
		port->count -= old;
		memmove(port->span, port->span + old, port->count * sizeof(*port->span));
	}
	if (port->count == port->room) {
		port->room = port->room ? 2 * port->room : 16;
		port->span = realloc(port->span, port->room * sizeof(*port->span));
		if (!port->span)
			abort();
	}
	for (at = port->count; at && port->span[at - 1].start >= end; at--)
		;
	weft_warn_on(at && port->span[at - 1].end > start);
	memmove(port->span + at + 1, port->span + at, (port->count - at) * sizeof(*port->span));
	port->span[at] = (struct sim_span){ .start = start, .end = end };
	port->count++;
}

void sim_net_take(struct sim_world *w, const struct sim_route *r, u64 start, u64 end)
{
	u32 i;

	for (i = 0; i < r->count; i++)
		sim_port_take(&w->port[r->port[i]], w->now, start, end);
}

void sim_net_release(struct sim_world *w, const struct sim_route *r, u64 start, u64 end)
{
	u32 i, at;

	for (i = 0; i < r->count; i++) {
		struct sim_port *port = &w->port[r->port[i]];

		for (at = 0; at < port->count; at++) {
			if (port->span[at].start == start && port->span[at].end == end)
				break;
		}
		if (at == port->count)
			continue;
		if (start < w->now) {
			port->span[at].end = w->now;
			continue;
		}
		port->count--;
		memmove(port->span + at, port->span + at + 1,
			(port->count - at) * sizeof(*port->span));
	}
}

const char *sim_net_port(const struct sim_world *w, u32 port, char name[2 * SIM_NAME_MAX + 2])
{
	const struct sim_machine *m = w->machine;
	const struct sim_link *l = &m->link[port / 2];
	u32 from = port & 1 ? l->b : l->a;
	u32 to = port & 1 ? l->a : l->b;

	snprintf(name, 2 * SIM_NAME_MAX + 2, "%s>%s", m->node[from].name, m->node[to].name);
	return name;
}
