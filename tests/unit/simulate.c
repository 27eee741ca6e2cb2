// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: simulate
 *
 * See simulate.h. Worlds come from strings in the tests. Rejected: files (a case and its figures
 * would stand apart).
 */
#include <sys/mman.h>
#include <unistd.h>

#include "simulate.h"

static int read_text(struct sim_input *in, const char *magic, const char *text,
		     int (*read)(struct sim_input *in, const char *path))
{
	int fd = memfd_create("text", 0);
	char path[64];
	int ret;

	assert_true(fd >= 0);
	dprintf(fd, "%s 1\n%s", magic, text);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = read(in, path);
	close(fd);
	return ret;
}

int simulation_read(struct simulation *s, const char *machine, const char *costs, const char *tasks,
		    const char *events)
{
	memset(s, 0, sizeof(*s));
	if (read_text(&s->in, "weft-machine", machine, sim_machine_read) ||
	    read_text(&s->in, "weft-costs", costs, sim_costs_read) ||
	    read_text(&s->in, "weft-tasks", tasks, sim_tasks_read))
		return -1;
	if (events)
		return read_text(&s->in, "weft-events", events, sim_events_read);
	return 0;
}

void simulation_run(struct simulation *s, const char *engine, const struct sim_options *o,
		    const char *machine, const char *costs, const char *tasks, const char *events)
{
	struct sim_options options = { .policy = "eft", .known = true };
	FILE *log;

	if (simulation_read(s, machine, costs, tasks, events))
		fail_msg("%s", s->in.error);
	if (o)
		options = *o;
	options.engine = sim_engine_find(engine);
	assert_non_null(options.engine);
	log = open_memstream(&s->log, &s->log_size);
	assert_non_null(log);
	options.log = log;
	s->ran = true;
	if (sim_world_run(&s->w, &s->in, &options))
		fail_msg("%s", s->w.error);
	assert_int_equal(fclose(log), 0);
	s->w.options.log = NULL;
}

void simulation_free(struct simulation *s)
{
	if (s->ran)
		sim_world_free(&s->w);
	sim_arena_free(&s->in.arena);
	free(s->log);
}

void assert_logged(const struct simulation *s, const char *line)
{
	size_t length = strlen(line);
	const char *at = s->log;

	while ((at = strstr(at, line))) {
		if ((at == s->log || at[-1] == '\n') && at[length] == '\n')
			return;
		at++;
	}
	fail_msg("\"%s\" is not in the log:\n%s", line, s->log);
}

void assert_not_logged(const struct simulation *s, const char *part)
{
	if (strstr(s->log, part))
		fail_msg("\"%s\" is in the log:\n%s", part, s->log);
}
