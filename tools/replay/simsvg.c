// SPDX-License-Identifier: GPL-2.0-only
/*
 * A Gantt picture of a simulation.
 *
 * DOC: Gantt picture
 *
 * One row for each place of a device and one for each port that carried something; a box is a run
 * or a transfer, its colour the kernel's or the block's, its tool tip the name and times. Runs that
 * did not end well have a red frame.
 *
 * Rejected: HTML with a script (a picture must open anywhere, for as long as the log is kept).
 */
#include "simsvg.h"

#define WIDTH	1600
#define LABEL	120
#define ROW	16

struct picture {
	FILE *out;
	u64 end;
	u32 row;
};

static double across(const struct picture *p, u64 time)
{
	return LABEL + (double)time * (WIDTH - LABEL) / (double)p->end;
}

static void picture_row(struct picture *p, const char *name)
{
	fprintf(p->out, "<text x='0' y='%u'>%s</text>\n", p->row * ROW + ROW - 4, name);
}

static void picture_box(struct picture *p, u64 start, u64 end, u32 colour, bool bad,
			const char *what)
{
	fprintf(p->out, "<rect x='%.2f' y='%u' width='%.2f' height='%u' fill='hsl(%u,55%%,62%%)'%s>"
		"<title>%s %llu..%llu ns</title></rect>\n", across(p, start), p->row * ROW + 2,
		across(p, end) - across(p, start), ROW - 4, colour * 47 % 360,
		bad ? " stroke='red'" : "", what, start, end);
}

static void draw_runs(struct picture *p, const struct sim_world *w, u32 device, u32 place)
{
	u32 i;

	for (i = 0; i < w->trace_count; i++) {
		const struct sim_trace *t = &w->trace[i];
		const struct sim_job *j = &w->in->tasks.job[t->job];

		if (t->device == device && t->ran && t->place == place)
			picture_box(p, t->start, t->end, j->kernel, !t->ok, j->name);
	}
}

static void draw_port(struct picture *p, const struct sim_world *w, u32 port)
{
	u32 i, r;

	for (i = 0; i < w->transfer_count; i++) {
		const struct sim_transfer *t = &w->transfer[i];

		for (r = 0; r < t->route->count; r++) {
			if (t->route->port[r] == port && t->over && !t->cut)
				picture_box(p, t->start, t->end, t->block, false,
					    w->block[t->block].name);
		}
	}
}

void sim_svg(FILE *out, const struct sim_world *w)
{
	const struct sim_machine *m = w->machine;
	struct picture p = { .out = out, .end = max(w->now, 1ull) };
	char name[2 * SIM_NAME_MAX + 2];
	u32 rows = w->port_count, d, i;

	for (d = 0; d < m->device_count; d++)
		rows += m->device[d].engines * m->device[d].credits;
	fprintf(out, "<svg xmlns='%s%s' width='%u' height='%u' font-family='sans-serif' "
		"font-size='11'>\n", "http:/", "/www.w3.org/2000/svg", WIDTH + 10,
		(rows + 1) * ROW);
	for (d = 0; d < m->device_count; d++) {
		for (i = 0; i < m->device[d].engines * m->device[d].credits; i++, p.row++) {
			picture_row(&p, m->device[d].name);
			draw_runs(&p, w, d, i);
		}
	}
	for (i = 0; i < w->port_count; i++) {
		if (!w->port[i].bytes)
			continue;
		picture_row(&p, sim_net_port(w, i, name));
		draw_port(&p, w, i);
		p.row++;
	}
	fprintf(out, "<text x='%u' y='%u'>0 .. %llu ns</text>\n</svg>\n", LABEL,
		p.row * ROW + ROW, p.end);
}
