// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing the decision log.
 *
 * DOC: decision log of the simulator
 *
 * Documentation/replay/formats.rst says what the lines mean. They are written as things happen, so
 * a simulation that fails leaves the log up to there.
 */
#include <stdarg.h>

#include "simworld.h"

void sim_log_begin(struct sim_world *w)
{
	const struct sim_options *o = &w->options;

	if (!o->log)
		return;
	fprintf(o->log, "weft-log 1\nabout engine=%s", o->engine->name);
	if (o->engine->policy)
		fprintf(o->log, " policy=%s", o->policy);
	fprintf(o->log, " known=%d window=%u\n", o->known, o->window);
}

void sim_log(struct sim_world *w, const char *format, ...)
{
	va_list args;

	if (!w->options.log)
		return;
	fprintf(w->options.log, "%llu ", w->now);
	va_start(args, format);
	vfprintf(w->options.log, format, args);
	va_end(args);
	fputc('\n', w->options.log);
}
