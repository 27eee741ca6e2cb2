// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-demo: two tenants, three simulated devices, real digits, every claim checked.
 *
 * DOC: weft-demo main
 *
 * Exit status: 0 all claims pass, 1 one fails, 2 wrong use, 3 trouble.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "demo.h"

#define DEMO_RUNS_MAX		9
#define DEMO_DILATION_MAX	6400u
#define DEMO_FIFO_GOAL		0.80
#define DEMO_SPLIT_GOAL		1.05
#define DEMO_LINK_FACTOR	10

enum demo_mode { DEMO_FIFO, DEMO_EFT, DEMO_STATIC, DEMO_MODES };

static const char *const demo_modes[DEMO_MODES] = { "fifo", "eft", "static" };

static const char usage_text[] =
"Usage: weft-demo [OPTION]...\n"
"Show what weft does, in a guest, as root. Makes simulated devices and removes them again.\n"
"  --data FILE       digits made by digits-fetch\n"
"  --weft PATH       the weft command (./weft)\n"
"  --test N          digits to classify (300)\n"
"  --train N         digits to compare with (3000)\n"
"  --tile-test N     test digits of a tile (60)\n"
"  --tile-train N    training digits of a tile (300)\n"
"  --dilation N      modelled times are multiplied by at least this (400)\n"
"  --runs N          runs of each policy, of which the median counts (1)\n"
"  --seconds S       how long two tenants compete (5)\n"
"  --json            only one JSON object, at the end\n"
"Exit status: 0 all claims pass, 1 one fails, 2 wrong use, 3 trouble.\n";

void demo_title(struct demo *d, const char *format, ...)
{
	va_list list;

	fputs("\n== ", d->out);
	va_start(list, format);
	vfprintf(d->out, format, list);
	va_end(list);
	fputs("\n", d->out);
	fflush(d->out);
}

void demo_claim(struct demo *d, bool pass, const char *name, const char *format, ...)
{
	struct json_object *o = json_object_new_object();
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	fprintf(d->out, "%s  %s: %s\n", pass ? "PASS" : "FAIL", name, text);
	fflush(d->out);
	d->failed += !pass;
	json_object_object_add(o, "claim", json_object_new_string(name));
	json_object_object_add(o, "pass", json_object_new_boolean(pass));
	json_object_object_add(o, "figures", json_object_new_string(text));
	json_object_array_add(d->claims, o);
}

static bool demo_same(const struct demo *d, const struct digits_run *run)
{
	return !memcmp(d->expected, run->best, d->shape.test * sizeof(*run->best));
}

/* One run with views around it; the caller frees all three */
static int demo_run(struct demo *d, const struct digits_options *options, struct digits_run *run,
		    struct digits_view *before, struct digits_view *after)
{
	if (digits_view_take(d->pool, before))
		return -1;
	if (digits_work_run(d->work, options, run)) {
		digits_view_free(before);
		return -1;
	}
	if (digits_view_take(d->pool, after)) {
		digits_view_free(before);
		digits_run_free(run);
		return -1;
	}
	return 0;
}

/*
 * Devices whose modelled times this machine can keep up with: dilate until it does. Learns run
 * times on the way.
 */
static int demo_calibrate(struct demo *d)
{
	struct digits_view before, after;
	struct digits_run run;
	uint32_t late;

	for (;;) {
		if (demo_devices_make(d->dilation))
			return -1;
		late = 0;
		/* the first run has images to load and times to learn */
		for (int i = 0; i < 2; i++) {
			if (demo_run(d, NULL, &run, &before, &after))
				return -1;
			late = digits_late_permille(&before, &after);
			fprintf(d->out, "  dilation %u: %u jobs in %.2f s, %u.%u %% overran\n",
				d->dilation, run.jobs, (double)run.makespan_ns / 1e9, late / 10,
				late % 10);
			fflush(d->out);
			digits_run_free(&run);
			digits_view_free(&before);
			digits_view_free(&after);
		}
		if (late <= DIGITS_LATE_LIMIT / 2 || d->dilation >= DEMO_DILATION_MAX)
			return 0;
		demo_devices_remove();
		d->dilation *= 2;
	}
}

static int demo_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t demo_median(const struct demo *d, uint64_t *values)
{
	qsort(values, d->runs, sizeof(*values), demo_compare);
	return values[d->runs / 2];
}

struct demo_race {
	struct demo_costs costs;
	struct demo_split split;
	struct demo_placement placement;
	uint64_t makespan[DEMO_MODES][DEMO_RUNS_MAX];
	uint32_t late[DEMO_MODES];
	bool same;
};

static int demo_race_run(struct demo *d, struct demo_race *race, enum demo_mode mode, uint32_t n,
			 struct digits_run *keep)
{
	struct digits_options options = {};
	struct digits_view before, after;
	struct digits_run run;
	uint32_t late;

	if (mode == DEMO_STATIC) {
		options.place = demo_placement_mask;
		options.arg = &race->placement;
	}
	if (demo_policy_set(d, mode == DEMO_FIFO ? "fifo" : "eft") ||
	    demo_run(d, &options, &run, &before, &after))
		return -1;
	late = digits_late_permille(&before, &after);
	race->makespan[mode][n] = run.makespan_ns;
	if (late > race->late[mode])
		race->late[mode] = late;
	race->same = race->same && demo_same(d, &run);
	fprintf(d->out, "  %-6s run %u: %.3f s%s\n", demo_modes[mode], n + 1,
		(double)run.makespan_ns / 1e9,
		late > DIGITS_LATE_LIMIT ? " (not valid: too many jobs overran)" : "");
	fflush(d->out);
	if (mode != DEMO_STATIC)
		demo_costs_add(&race->costs, &run);
	if (mode != DEMO_STATIC && n == d->runs - 1) {
		digits_print(d->out, &run, &before, &after);
		json_object_object_add(d->json, demo_modes[mode],
				       digits_json(&run, &before, &after));
	}
	digits_view_free(&before);
	digits_view_free(&after);
	if (keep)
		*keep = run;
	else
		digits_run_free(&run);
	return 0;
}

static void demo_print_split(struct demo *d, const struct demo_race *race)
{
	const struct demo_split *split = &race->split;
	uint32_t i, kind;

	for (i = 0; i < DEMO_DEVICES; i++) {
		fprintf(d->out, "  %s:", demo_devices[i]);
		for (kind = 0; kind < DIGITS_KINDS; kind++)
			fprintf(d->out, "%s %u %s x %.3f ms", kind ? " +" : "",
				split->count[kind][i], digits_kind_name((enum digits_kind)kind),
				(double)demo_cost(&race->costs, kind, i) / 1e6);
		fprintf(d->out, " = %.3f s\n", (double)split->load_ns[i] / 1e9);
	}
	fprintf(d->out, "  longest: %.3f s, the best of all %" PRIu64
		" splits; transfers, waits and the ragged end left out\n",
		(double)split->makespan_ns / 1e9, split->splits);
}

/* A ratio of times is a claim only if the times mean something. */
static void demo_claim_ratio(struct demo *d, const char *name, uint64_t time, uint64_t mark,
			     double goal, uint32_t late)
{
	double ratio = mark ? (double)time / (double)mark : 0;

	if (late > DIGITS_LATE_LIMIT)
		demo_claim(d, false, name, "no times: %u.%u %% of the jobs overran", late / 10,
			   late % 10);
	else
		demo_claim(d, ratio > 0 && ratio <= goal, name,
			   "%.3f s / %.3f s = %.3f, goal at most %.2f", (double)time / 1e9,
			   (double)mark / 1e9, ratio, goal);
}

static int demo_race_all(struct demo *d, struct demo_race *race, struct digits_run *eft)
{
	uint64_t median[DEMO_MODES];
	uint32_t n;

	demo_title(d, "The same jobs under policy fifo and policy eft (dilation %u)", d->dilation);
	for (n = 0; n < d->runs; n++)
		if (demo_race_run(d, race, DEMO_FIFO, n, NULL) ||
		    demo_race_run(d, race, DEMO_EFT, n, n == d->runs - 1 ? eft : NULL))
			return -1;
	for (n = 0; n < DEMO_STATIC; n++)
		median[n] = demo_median(d, race->makespan[n]);
	demo_claim_ratio(d, "eft beats fifo", median[DEMO_EFT], median[DEMO_FIFO], DEMO_FIFO_GOAL,
			 race->late[DEMO_EFT] > race->late[DEMO_FIFO] ? race->late[DEMO_EFT] :
									race->late[DEMO_FIFO]);

	demo_title(d, "The best static split");
	if (!demo_split_best(&race->costs, &d->shape, &race->split)) {
		demo_claim(d, false, "eft is as good as the best static split",
			   "a kind of job never ran on one of the devices");
		return 0;
	}
	demo_print_split(d, race);
	if (demo_placement_make(&race->placement, &race->split, &race->costs, &d->shape))
		return -1;
	for (n = 0; n < d->runs; n++)
		if (demo_race_run(d, race, DEMO_STATIC, n, NULL))
			return -1;
	median[DEMO_STATIC] = demo_median(d, race->makespan[DEMO_STATIC]);
	fprintf(d->out, "  that split really run: %.3f s\n", (double)median[DEMO_STATIC] / 1e9);
	demo_claim_ratio(d, "eft is as good as the best static split", median[DEMO_EFT],
			 race->split.makespan_ns, DEMO_SPLIT_GOAL, race->late[DEMO_EFT]);
	json_object_object_add(d->json, "static_split_ns",
			       json_object_new_int64((int64_t)race->split.makespan_ns));
	json_object_object_add(d->json, "static_split_run_ns",
			       json_object_new_int64((int64_t)median[DEMO_STATIC]));
	demo_claim(d, race->same, "all answers equal the plain CPU computation", "%u runs",
		   DEMO_MODES * d->runs);
	return 0;
}

/* A run in which a link slows down and then a device vanishes, at set times */
struct demo_trouble {
	uint64_t makespan_ns;	/* of a run without trouble */
	uint64_t slow_ns;
	uint64_t vanish_ns;
	bool failed;
};

static uint64_t demo_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void demo_pause(uint64_t ns)
{
	const struct timespec pause = {
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};

	nanosleep(&pause, NULL);
}

static void *demo_make_trouble(void *arg)
{
	struct demo_trouble *t = arg;

	demo_pause(t->makespan_ns / 4);
	t->slow_ns = demo_now();
	t->failed |= demo_link_scale("npu", DEMO_LINK_FACTOR) != 0;
	demo_pause(t->makespan_ns / 4);
	t->vanish_ns = demo_now();
	t->failed |= demo_device_set("gpu", "fault/vanish", "now") != 0;
	return NULL;
}

static void demo_count(const struct digits_run *run, uint32_t device, uint64_t from, uint64_t to,
		       uint32_t *counts)
{
	uint32_t i;

	memset(counts, 0, DIGITS_KINDS * sizeof(*counts));
	for (i = 0; i < run->jobs; i++)
		if (run->records[i].device == device && run->records[i].start_ns >= from &&
		    run->records[i].start_ns < to)
			counts[digits_record_kind(&run->records[i])]++;
}

static int demo_trouble_report(struct demo *d, const struct demo_trouble *t,
			       const struct demo_costs *costs, const struct digits_run *run)
{
	const uint64_t times[] = { 0, t->slow_ns, t->vanish_ns, UINT64_MAX };
	static const char *const phases[] = { "before", "npu's link 10x slower", "gpu gone" };
	uint32_t counts[3][DEMO_DEVICES][DIGITS_KINDS];
	uint32_t phase, i, gone;
	bool changed;

	fprintf(d->out, "  %-24s %18s %18s %18s\n", "jobs started: gemm argmax best",
		demo_devices[0], demo_devices[1], demo_devices[2]);
	for (phase = 0; phase < 3; phase++) {
		fprintf(d->out, "  %-30s", phases[phase]);
		for (i = 0; i < DEMO_DEVICES; i++) {
			uint32_t *c = counts[phase][i];

			demo_count(run, costs->ids[i], times[phase], times[phase + 1], c);
			fprintf(d->out, " %6u %5u %4u", c[DIGITS_GEMM], c[DIGITS_ARGMAX],
				c[DIGITS_BEST]);
		}
		fprintf(d->out, "\n");
	}
	gone = counts[2][0][DIGITS_GEMM] + counts[2][0][DIGITS_ARGMAX] + counts[2][0][DIGITS_BEST];
	changed = counts[0][0][DIGITS_GEMM] + counts[0][0][DIGITS_ARGMAX] && !gone;
	demo_claim(d, demo_same(d, run), "a slow link and a lost device change no answer",
		   "%u jobs had to be submitted again", run->redone);
	demo_claim(d, changed, "the plan changed", "%u jobs started on the lost device", gone);
	return 0;
}

static int demo_trouble(struct demo *d, const struct demo_costs *costs, uint64_t makespan_ns)
{
	struct demo_trouble t = { .makespan_ns = makespan_ns };
	struct digits_view before, after;
	struct digits_run run;
	pthread_t thread;
	int ret;

	demo_title(d, "Mid-run the npu's link gets %d times slower and the gpu vanishes",
		   DEMO_LINK_FACTOR);
	if (pthread_create(&thread, NULL, demo_make_trouble, &t))
		return -1;
	ret = demo_run(d, NULL, &run, &before, &after);
	pthread_join(thread, NULL);
	if (ret)
		return -1;
	ret = t.failed ? -1 : demo_trouble_report(d, &t, costs, &run);
	json_object_object_add(d->json, "trouble", digits_json(&run, &before, &after));
	digits_timeline(d->out, &run, &before);
	digits_run_free(&run);
	digits_view_free(&before);
	digits_view_free(&after);
	return ret;
}

static int demo_ids(struct demo *d, struct demo_costs *costs)
{
	struct digits_view view;
	uint32_t i, j, found = 0;

	if (digits_view_take(d->pool, &view))
		return -1;
	for (i = 0; i < DEMO_DEVICES; i++)
		for (j = 0; j < view.device_count; j++)
			if (!strcmp(view.devices[j].name, demo_devices[i])) {
				costs->ids[i] = view.devices[j].id;
				found++;
			}
	digits_view_free(&view);
	return found == DEMO_DEVICES ? 0 : -1;
}

static int demo_show(struct demo *d, double seconds)
{
	struct demo_race race = { .same = true };
	struct digits_run eft = {};
	struct digits_view view;
	uint32_t right;
	int ret = -1;

	demo_title(d, "%u handwritten digits, %u to compare with, %u jobs", d->shape.test,
		   d->shape.train, digits_rows(&d->shape) * digits_row_jobs(&d->shape));
	digits_reference(&d->data, &d->shape, d->expected);
	right = digits_right(&d->data, &d->shape, d->expected);
	demo_claim(d, right * 100 >= d->shape.test * 93, "nearest neighbours recognise digits",
		   "%.2f %% accuracy (%u of %u), at least 93 %% expected",
		   100.0 * right / d->shape.test, right, d->shape.test);
	json_object_object_add(d->json, "accuracy",
			       json_object_new_double((double)right / d->shape.test));
	if (demo_calibrate(d) || demo_ids(d, &race.costs) || demo_race_all(d, &race, &eft))
		goto out;

	demo_title(d, "What each device did in the last run under eft");
	if (digits_view_take(d->pool, &view))
		goto out;
	digits_timeline(d->out, &eft, &view);
	digits_view_free(&view);

	demo_title(d, "Why a job went where it went");
	if (demo_explain(d, &eft))
		goto out;

	demo_title(d, "Two tenants with weights 3 : 1 keep the pool busy");
	if (demo_tenants(d, seconds))
		goto out;
	ret = demo_trouble(d, &race.costs, eft.makespan_ns);
out:
	demo_placement_free(&race.placement);
	digits_run_free(&eft);
	return ret;
}

static int demo_parse(struct demo *d, int argc, char **argv, const char **data, double *seconds)
{
	enum { DATA = 1, WEFT, SECONDS, JSON, HELP, TEST, TRAIN, TILE_TEST, TILE_TRAIN, DILATION,
	       RUNS };
	static const struct option longs[] = {
		{ "data", required_argument, NULL, DATA },
		{ "weft", required_argument, NULL, WEFT },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, HELP },
		{ "test", required_argument, NULL, TEST },
		{ "train", required_argument, NULL, TRAIN },
		{ "tile-test", required_argument, NULL, TILE_TEST },
		{ "tile-train", required_argument, NULL, TILE_TRAIN },
		{ "dilation", required_argument, NULL, DILATION },
		{ "runs", required_argument, NULL, RUNS },
		{}
	};
	uint32_t *numbers[] = {
		[TEST] = &d->shape.test, [TRAIN] = &d->shape.train,
		[TILE_TEST] = &d->shape.tile_test, [TILE_TRAIN] = &d->shape.tile_train,
		[DILATION] = &d->dilation, [RUNS] = &d->runs,
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case DATA:
			*data = optarg;
			break;
		case WEFT:
			d->weft = optarg;
			break;
		case SECONDS:
			*seconds = strtod(optarg, &end);
			if (*end || end == optarg || !(*seconds > 0 && *seconds < 3600)) {
				fprintf(stderr, "weft-demo: --seconds wants a time\n");
				return -1;
			}
			break;
		case JSON:
			d->out = fopen("/dev/null", "w");
			if (!d->out)
				return -1;
			break;
		case HELP:
			fputs(usage_text, stdout);
			return 1;
		case '?':
			return -1;
		default:
			*numbers[c] = (uint32_t)strtoul(optarg, &end, 10);
			if (*end || end == optarg || !*numbers[c]) {
				fprintf(stderr, "weft-demo: --%s wants a number, not \"%s\"\n",
					longs[c - 1].name, optarg);
				return -1;
			}
		}
	}
	if (d->runs > DEMO_RUNS_MAX) {
		fprintf(stderr, "weft-demo: --runs may be %u at the most\n", DEMO_RUNS_MAX);
		return -1;
	}
	return optind < argc ? -1 : 0;
}

static int demo_setup(struct demo *d, const char *data)
{
	if (digits_data_load(&d->data, data) || digits_shape_check(&d->shape, &d->data))
		return -1;
	d->expected = calloc(d->shape.test, sizeof(*d->expected));
	if (!d->expected)
		return -1;
	if (weft_open(&d->pool, NULL)) {
		fprintf(stderr, "weft-demo: %s\n", weft_error());
		return -1;
	}
	weft_client_name(d->pool, "weft-demo");
	return digits_work_create(d->pool, &d->data, &d->shape, &d->work);
}

int main(int argc, char **argv)
{
	struct demo d = {
		.out = stdout,
		.weft = "./weft",
		.dilation = 400,
		.runs = 1,
		.shape = { .test = 300, .train = 3000, .tile_test = 60, .tile_train = 300 },
	};
	const char *data = NULL;
	double seconds = 5;
	int ret = demo_parse(&d, argc, argv, &data, &seconds);

	if (ret)
		return ret > 0 ? 0 : 2;
	d.json = json_object_new_object();
	d.claims = json_object_new_array();
	ret = demo_setup(&d, data);
	if (!ret)
		ret = demo_show(&d, seconds);
	digits_work_destroy(d.work);
	weft_close(d.pool);
	demo_devices_remove();
	free(d.expected);
	digits_data_free(&d.data);

	json_object_object_add(d.json, "dilation", json_object_new_int64(d.dilation));
	json_object_object_add(d.json, "claims", d.claims);
	if (d.out != stdout)
		puts(json_object_to_json_string_ext(d.json, JSON_C_TO_STRING_PRETTY));
	fprintf(d.out, "\n%s\n", ret ? "the demo could not be finished" :
		d.failed ? "some claims FAILED" : "all claims pass");
	json_object_put(d.json);
	fclose(d.out);
	return ret ? 3 : d.failed ? 1 : 0;
}
