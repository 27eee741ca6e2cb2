// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-replay: make the decisions of an input log again and compare, or simulate.
 *
 * DOC: weft-replay
 *
 * What stands here replays; the commands that simulate are in simmain.c.
 *
 * Exit status: 0 identical, 1 a difference or a log that cannot be replayed, 2 wrong usage.
 */
#include <getopt.h>

#include "replaylog.h"
#include "simmain.h"

static const char usage[] =
	"Usage: weft-replay --inputs LOG [--json] [--explain JOB] [--verbose]\n"
	"       weft-replay simulate --machine FILE --costs FILE --tasks FILE [...]\n"
	"       weft-replay generate KIND --dir DIR [...]\n"
	"\n"
	"The second form runs tasks on a simulated machine, the third makes such tasks; each has\n"
	"its own --help. The first:\n"
	"give the inputs of a log to a fresh scheduler and compare its decisions, bit for bit.\n"
	"\n"
	"  -i, --inputs LOG   log written by the kernel, - for standard input\n"
	"  -e, --explain JOB  show every plan and decision about a job, with its candidates\n"
	"  -j, --json         print one JSON object\n"
	"  -v, --verbose      print every record\n"
	"  -h, --help         print this text\n";

struct options {
	const char *path;
	bool json;
	bool verbose;
	bool explain;
	u64 job;
};

static void print_list(const struct weft_replay_log *log, const struct options *o, size_t from,
		       size_t to, const char **comma)
{
	size_t i;

	for (i = from; i < to; i++) {
		if (!o->json) {
			weft_replay_print(stdout, &log->rec[i]);
			continue;
		}
		printf("%s\n  ", *comma);
		weft_replay_print_json(stdout, &log->rec[i]);
		*comma = ",";
	}
}

static void print_explain(const struct weft_replay_log *log, const struct options *o)
{
	const char *comma = "";
	size_t i, end;

	if (o->json)
		printf("\"explain\": [");
	for (i = weft_replay_place(log, 0, o->job); i < log->count;
	     i = weft_replay_place(log, end, o->job)) {
		for (end = i + 1; end < log->count; end++) {
			if (log->rec[end].type != WEFT_REC_CANDIDATE)
				break;
		}
		print_list(log, o, i, end, &comma);
	}
	if (o->json)
		printf("],\n");
}

static void print_difference(const struct weft_replay_result *result, const struct options *o)
{
	if (o->json) {
		printf(", \"differs_at\": %zu, \"logged\": ", result->index);
		if (result->have_logged)
			weft_replay_print_json(stdout, &result->logged);
		else
			printf("null");
		printf(", \"replayed\": ");
		if (result->have_replayed)
			weft_replay_print_json(stdout, &result->replayed);
		else
			printf("null");
		return;
	}
	printf("first difference at record %zu\n", result->index);
	if (result->have_logged)
		weft_replay_print(stdout, &result->logged);
	else
		printf("  the log ends here\n");
	if (result->have_replayed)
		weft_replay_print(stdout, &result->replayed);
	else
		printf("  the replay makes no such record\n");
}

static void print_result(const struct weft_replay_result *result, const struct options *o)
{
	if (o->json)
		printf("\"inputs\": %zu, \"decisions\": %zu, \"candidates\": %zu, \"jobs\": %zu, "
		       "\"identical\": %s", result->inputs, result->decisions, result->candidates,
		       result->jobs, result->differs ? "false" : "true");
	else if (!result->differs)
		printf("%zu inputs, %zu decisions identical\n", result->inputs, result->decisions);
	if (result->differs)
		print_difference(result, o);
}

static int replay(struct weft_replay_log *log, const struct options *o)
{
	struct weft_replay_result result;
	int ret = weft_replay_run(log, &result);
	const char *comma = "";

	/* What the log says can be shown even where it cannot be replayed. */
	if (o->json)
		printf("{");
	if (o->json && o->verbose)
		printf("\"records\": [");
	if (o->verbose)
		print_list(log, o, 0, log->count, &comma);
	if (o->json && o->verbose)
		printf("],\n");
	if (o->explain)
		print_explain(log, o);
	if (!ret)
		print_result(&result, o);
	else if (o->json)
		printf("\"error\": \"the log cannot be replayed\"");
	if (o->json)
		printf("}\n");
	return ret ? ret : result.differs;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "inputs", required_argument, NULL, 'i' },
		{ "explain", required_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "i:e:jvh", longs, NULL)) != -1) {
		switch (c) {
		case 'i':
			o->path = optarg;
			break;
		case 'e':
			o->explain = true;
			errno = 0;
			o->job = strtoull(optarg, &end, 0);
			if (errno || end == optarg || *end) {
				fprintf(stderr, "weft-replay: \"%s\" is not a job id\n", optarg);
				return 2;
			}
			break;
		case 'j':
			o->json = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!o->path || optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct weft_replay_log log;
	struct options o = { };
	FILE *file = stdin;
	int status;

	if (argc > 1 && !strcmp(argv[1], "simulate"))
		return sim_simulate(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "generate"))
		return sim_generate_main(argc - 1, argv + 1);
	status = parse(argc, argv, &o);
	if (status)
		return status;
	if (strcmp(o.path, "-"))
		file = fopen(o.path, "rb");
	if (!file) {
		fprintf(stderr, "weft-replay: %s: %s\n", o.path, strerror(errno));
		return 1;
	}
	status = weft_replay_load(&log, file);
	if (!status)
		status = replay(&log, &o);
	if (status < 0)
		fprintf(stderr, "weft-replay: %s: %s\n", o.path, log.error);
	weft_replay_unload(&log);
	if (file != stdin)
		fclose(file);
	return status ? 1 : 0;
}
