/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulations for tests: files given as strings, the decision log as a string.
 *
 * DOC: test simulations
 *
 * The text of a case stands in the test, so that a reader can compute the answer with pencil and
 * paper.
 */
#ifndef SIMULATE_H
#define SIMULATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "simfile.h"
#include "simrival.h"
#include "simworld.h"

struct simulation {
	struct sim_input in;
	struct sim_world w;
	bool ran;
	char *log;
	size_t log_size;
};

/* read the files, @events may be NULL: 0, or -1 and s->in.error; first lines are added */
int simulation_read(struct simulation *s, const char *machine, const char *costs, const char *tasks,
		    const char *events);
/*
 * Read and run, both of which must work; simulation_free() afterwards. Without @o run times are
 * known.
 */
void simulation_run(struct simulation *s, const char *engine, const struct sim_options *o,
		    const char *machine, const char *costs, const char *tasks, const char *events);
void simulation_free(struct simulation *s);
/* the log must have this line */
void assert_logged(const struct simulation *s, const char *line);
void assert_not_logged(const struct simulation *s, const char *part);

#endif /* SIMULATE_H */
