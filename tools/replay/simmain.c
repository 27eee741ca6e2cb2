// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-replay simulate and weft-replay generate.
 *
 * DOC: commands of the simulator
 *
 * Exit status: 0 done, 1 an input that cannot be read or a simulation that got stuck, 2 wrong
 * usage.
 */
#include <getopt.h>
#include <sys/stat.h>

#include "plan.h"
#include "simgen.h"
#include "simmain.h"
#include "simmetrics.h"
#include "simrival.h"
#include "simsvg.h"

#define DAG_JOBS	300

static const char simulate_usage[] =
	"Usage: weft-replay simulate --machine FILE --costs FILE --tasks FILE [options]\n"
	"\n"
	"Run tasks on a machine that exists in these files only, in simulated time.\n"
	"\n"
	"  -m, --machine FILE   devices and links\n"
	"  -c, --costs FILE     how long kernels take on each model\n"
	"  -t, --tasks FILE     blocks, jobs, submissions\n"
	"  -e, --events FILE    what befalls the machine\n"
	"  -E, --engine NAME    who decides (weft), one of:\n";

static const char simulate_usage_rest[] =
	"  -p, --policy NAME    policy of engine weft (eft)\n"
	"  -k, --known          run times are known from the start\n"
	"  -w, --window N       submit no more while N jobs are undecided (0: no bound)\n"
	"  -a, --ahead N        engine weft plans ahead, the best of N plans (0: does not)\n"
	"  -P, --plan N         and plans N jobs at once (0: all)\n"
	"  -d, --dag N          solve the bound of the whole graph up to N jobs (300)\n"
	"  -l, --log FILE       decision log\n"
	"  -C, --candidates     each candidate weighed, too, in the log\n"
	"  -i, --inputs-out FILE  the scheduler's input log, for weft-replay --inputs\n"
	"  -s, --svg FILE       a picture of who ran what when\n"
	"  -j, --json           print one JSON object\n"
	"  -h, --help           print this text\n"
	"\n"
	"The formats are described in the manual: Files of the simulator.\n";

static const char generate_usage[] =
	"Usage: weft-replay generate KIND --dir DIR [--tiles N] [--seed N]\n"
	"\n"
	"Write the files machine, costs and tasks to DIR, which is made if need be.\n"
	"\n"
	"  cholesky, lu, qr   tiled factorization on the machine of the yardstick\n"
	"  random             a layered graph on a machine, both at random\n"
	"  tenants            tenants that share four devices\n"
	"\n"
	"  -d, --dir DIR      where to\n"
	"  -n, --tiles N      tiles a side (8)\n"
	"  -s, --seed N       of what is drawn (1)\n"
	"  -h, --help         print this text\n";

static int parse_number(const char *command, const char *what, const char *word, u64 most,
			u64 *value)
{
	char *end;

	errno = 0;
	*value = strtoull(word, &end, 10);
	if (!errno && end != word && !*end && *word != '-' && *value <= most)
		return 0;
	fprintf(stderr, "weft-replay %s: %s is \"%s\": a whole number up to %llu is allowed\n",
		command, what, word, most);
	return -1;
}

/* ---------------------------------------------------------------- simulate */

struct simulate {
	struct sim_options options;
	const char *machine;
	const char *costs;
	const char *tasks;
	const char *events;
	const char *log;
	const char *inputs;
	const char *svg;
	u64 dag;
	bool json;
};

static void print_usage(FILE *out)
{
	u32 i;

	fputs(simulate_usage, out);
	for (i = 0; sim_engines[i]; i++)
		fprintf(out, "        %-11s %s\n", sim_engines[i]->name, sim_engines[i]->what);
	fputs(simulate_usage_rest, out);
}

static int parse(int argc, char **argv, struct simulate *s)
{
	static const struct option longs[] = {
		{ "machine", required_argument, NULL, 'm' },
		{ "costs", required_argument, NULL, 'c' },
		{ "tasks", required_argument, NULL, 't' },
		{ "events", required_argument, NULL, 'e' },
		{ "engine", required_argument, NULL, 'E' },
		{ "policy", required_argument, NULL, 'p' },
		{ "known", no_argument, NULL, 'k' },
		{ "window", required_argument, NULL, 'w' },
		{ "ahead", required_argument, NULL, 'a' },
		{ "plan", required_argument, NULL, 'P' },
		{ "dag", required_argument, NULL, 'd' },
		{ "log", required_argument, NULL, 'l' },
		{ "candidates", no_argument, NULL, 'C' },
		{ "inputs-out", required_argument, NULL, 'i' },
		{ "svg", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	u64 value;
	int c;

	while ((c = getopt_long(argc, argv, "m:c:t:e:E:p:kw:a:P:d:l:Ci:s:jh", longs, NULL)) != -1) {
		switch (c) {
		case 'm':
			s->machine = optarg;
			break;
		case 'c':
			s->costs = optarg;
			break;
		case 't':
			s->tasks = optarg;
			break;
		case 'e':
			s->events = optarg;
			break;
		case 'E':
			s->options.engine = sim_engine_find(optarg);
			if (!s->options.engine) {
				fprintf(stderr, "weft-replay simulate: there is no engine "
						"\"%s\"; see --help\n",
					optarg);
				return 2;
			}
			break;
		case 'p':
			s->options.policy = optarg;
			break;
		case 'k':
			s->options.known = true;
			break;
		case 'w':
			if (parse_number("simulate", "--window", optarg, U32_MAX, &value))
				return 2;
			s->options.window = (u32)value;
			break;
		case 'a':
			if (parse_number("simulate", "--ahead", optarg, WEFT_PLAN_ROUNDS_MAX,
					 &value))
				return 2;
			s->options.ahead = (u32)value;
			break;
		case 'P':
			if (parse_number("simulate", "--plan", optarg, WEFT_PLAN_COUNT_MAX, &value))
				return 2;
			s->options.plan = (u32)value;
			break;
		case 'd':
			if (parse_number("simulate", "--dag", optarg, U32_MAX, &s->dag))
				return 2;
			break;
		case 'l':
			s->log = optarg;
			break;
		case 'C':
			s->options.candidates = true;
			break;
		case 'i':
			s->inputs = optarg;
			break;
		case 's':
			s->svg = optarg;
			break;
		case 'j':
			s->json = true;
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		default:
			print_usage(stderr);
			return 2;
		}
	}
	if (!s->machine || !s->costs || !s->tasks || optind != argc) {
		fprintf(stderr, "weft-replay simulate: --machine, --costs and --tasks are "
				"needed, and nothing but options\n");
		return 2;
	}
	return 0;
}

static int out_open(FILE **file, const char *path)
{
	if (!path)
		return 0;
	*file = strcmp(path, "-") ? fopen(path, "w") : stdout;
	if (*file)
		return 0;
	fprintf(stderr, "weft-replay: %s: %s\n", path, strerror(errno));
	return -1;
}

static int out_close(FILE *file, const char *path)
{
	bool bad;

	if (!file)
		return 0;
	bad = ferror(file);
	if (file == stdout)
		bad |= fflush(file) != 0;
	else
		bad |= fclose(file) != 0;
	if (bad)
		fprintf(stderr, "weft-replay: %s: cannot be written\n", path);
	return bad ? -1 : 0;
}

static int read_inputs(struct sim_input *in, const struct simulate *s)
{
	if (sim_machine_read(in, s->machine) || sim_costs_read(in, s->costs) ||
	    sim_tasks_read(in, s->tasks) || (s->events && sim_events_read(in, s->events))) {
		fprintf(stderr, "weft-replay: %s\n", in->error);
		return -1;
	}
	return 0;
}

static int run(const struct sim_input *in, struct simulate *s)
{
	struct sim_metrics metrics;
	struct sim_bounds bounds;
	struct sim_world w;
	FILE *svg = NULL;
	int ret;

	if (out_open(&s->options.log, s->log) || out_open(&s->options.inputs, s->inputs) ||
	    out_open(&svg, s->svg))
		return -1;
	ret = sim_world_run(&w, in, &s->options);
	if (ret) {
		fprintf(stderr, "weft-replay: %s\n", w.error);
	} else {
		sim_bounds(&w, (u32)s->dag, &bounds);
		sim_metrics(&w, &bounds, &metrics);
		sim_metrics_log(&w, &metrics);
		if (s->json)
			sim_metrics_json(stdout, &w, &metrics);
		else
			sim_metrics_print(stdout, &metrics);
		if (svg)
			sim_svg(svg, &w);
	}
	sim_world_free(&w);
	ret |= out_close(s->options.log, s->log);
	ret |= out_close(s->options.inputs, s->inputs);
	ret |= out_close(svg, s->svg);
	return ret;
}

int sim_simulate(int argc, char **argv)
{
	struct simulate s = {
		.options = { .engine = &sim_engine_weft, .policy = "eft" },
		.dag = DAG_JOBS,
	};
	struct sim_input in = { };
	int status = parse(argc, argv, &s);

	if (status)
		return status;
	status = read_inputs(&in, &s) || run(&in, &s);
	sim_arena_free(&in.arena);
	return status;
}

/* ---------------------------------------------------------------- generate */

static FILE *generate_file(const char *dir, const char *name)
{
	char path[4096];
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
		fprintf(stderr, "weft-replay generate: the name of the folder is too long\n");
		return NULL;
	}
	file = fopen(path, "w");
	if (!file)
		fprintf(stderr, "weft-replay: %s: %s\n", path, strerror(errno));
	return file;
}

static int generate(struct sim_gen *g, const char *dir)
{
	int ret;

	if (mkdir(dir, 0777) && errno != EEXIST) {
		fprintf(stderr, "weft-replay: %s: %s\n", dir, strerror(errno));
		return 1;
	}
	g->machine = generate_file(dir, "machine");
	g->costs = generate_file(dir, "costs");
	g->tasks = generate_file(dir, "tasks");
	ret = g->machine && g->costs && g->tasks ? sim_generate(g) : 1;
	ret |= out_close(g->machine, "machine");
	ret |= out_close(g->costs, "costs");
	ret |= out_close(g->tasks, "tasks");
	return ret ? 1 : 0;
}

int sim_generate_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "tiles", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct sim_gen g = { .tiles = 8, .seed = 1 };
	const char *dir = NULL;
	u64 tiles = 8;
	u32 i;
	int c;

	while ((c = getopt_long(argc, argv, "d:n:s:h", longs, NULL)) != -1) {
		switch (c) {
		case 'd':
			dir = optarg;
			break;
		case 'n':
			if (parse_number("generate", "--tiles", optarg, 256, &tiles))
				return 2;
			break;
		case 's':
			if (parse_number("generate", "--seed", optarg, S64_MAX, &g.seed))
				return 2;
			break;
		case 'h':
			fputs(generate_usage, stdout);
			return 0;
		default:
			fputs(generate_usage, stderr);
			return 2;
		}
	}
	g.tiles = (u32)tiles;
	g.kind = optind + 1 == argc ? argv[optind] : "";
	for (i = 0; sim_gen_kinds[i] && strcmp(sim_gen_kinds[i], g.kind); i++)
		;
	if (!dir || !sim_gen_kinds[i] || !tiles) {
		fputs(generate_usage, stderr);
		return 2;
	}
	return generate(&g, dir);
}
