// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-digits: classify handwritten digits on the devices of a pool.
 *
 * DOC: weft-digits
 *
 * Exit status: 0 the answers are those of a plain CPU computation; 1 they are not; 2 wrong use;
 * 3 the pool or the file could not be used.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

enum { EXIT_SAME, EXIT_DIFFERENT, EXIT_USAGE, EXIT_TROUBLE };

struct options {
	const char *data;
	const char *policy;
	struct digits_shape shape;
	bool json;
	bool timeline;
	bool expect_cpu;
	uint32_t repeat;
	double load_seconds;
};

static const char usage_text[] =
"Usage: weft-digits [OPTION]...\n"
"Classify handwritten digits by their nearest neighbour on the devices of a pool.\n"
"\n"
"  --data FILE          digits made by digits-fetch (default: in the user's cache)\n"
"  --test N             digits to classify (300)\n"
"  --train N            digits to compare with (3000)\n"
"  --tile-test N        test digits of a tile (60)\n"
"  --tile-train N       training digits of a tile (300)\n"
"  --repeat N           run N times and report on the last (1)\n"
"  --policy NAME        fail unless this policy is in force\n"
"  --tenant-load SEC    keep running for SEC seconds\n"
"  --expect-cpu         compare with a plain CPU computation, fail if they differ\n"
"  --timeline           draw what each device did\n"
"  --json               print one JSON object\n"
"  --help\n"
"\n"
"Exit status: 0 fine, 1 the answers differ, 2 wrong use, 3 pool or file not usable.\n";

static int option_number(const char *name, const char *text, uint32_t *value)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || end == text || !number || number > 1000000) {
		fprintf(stderr, "weft-digits: --%s wants a number from 1 to 1000000, not \"%s\"\n",
			name, text);
		return -1;
	}
	*value = (uint32_t)number;
	return 0;
}

/* 0 go on, 1 help was printed, -1 wrong use */
static int parse(int argc, char **argv, struct options *o)
{
	enum { DATA = 1, TEST, TRAIN, TILE_TEST, TILE_TRAIN, REPEAT, POLICY, LOAD, EXPECT,
	       TIMELINE, JSON, HELP };
	static const struct option longs[] = {
		{ "data", required_argument, NULL, DATA },
		{ "test", required_argument, NULL, TEST },
		{ "train", required_argument, NULL, TRAIN },
		{ "tile-test", required_argument, NULL, TILE_TEST },
		{ "tile-train", required_argument, NULL, TILE_TRAIN },
		{ "repeat", required_argument, NULL, REPEAT },
		{ "policy", required_argument, NULL, POLICY },
		{ "tenant-load", required_argument, NULL, LOAD },
		{ "expect-cpu", no_argument, NULL, EXPECT },
		{ "timeline", no_argument, NULL, TIMELINE },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, HELP },
		{}
	};
	uint32_t *numbers[] = {
		[TEST] = &o->shape.test, [TRAIN] = &o->shape.train,
		[TILE_TEST] = &o->shape.tile_test, [TILE_TRAIN] = &o->shape.tile_train,
		[REPEAT] = &o->repeat,
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case DATA:
			o->data = optarg;
			break;
		case POLICY:
			o->policy = optarg;
			break;
		case LOAD:
			o->load_seconds = strtod(optarg, &end);
			if (*end || end == optarg || !(o->load_seconds > 0)) {
				fprintf(stderr, "weft-digits: --tenant-load wants seconds\n");
				return -1;
			}
			break;
		case EXPECT:
			o->expect_cpu = true;
			break;
		case TIMELINE:
			o->timeline = true;
			break;
		case JSON:
			o->json = true;
			break;
		case HELP:
			fputs(usage_text, stdout);
			return 1;
		case '?':
			return -1;
		default:
			if (option_number(longs[c - 1].name, optarg, numbers[c]))
				return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "weft-digits: unexpected argument \"%s\"\n", argv[optind]);
		return -1;
	}
	return 0;
}

static int check_policy(struct weft *pool, const struct options *o)
{
	struct drm_weft_pool_info info;

	if (!o->policy)
		return 0;
	if (weft_pool_info(pool, &info)) {
		fprintf(stderr, "weft-digits: %s\n", weft_error());
		return -1;
	}
	if (strcmp(info.policy, o->policy)) {
		fprintf(stderr, "weft-digits: the policy in force is %s, not %s\n", info.policy,
			o->policy);
		return -1;
	}
	return 0;
}

static void print_answers(const struct options *o, const struct digits_run *run, uint32_t right,
			  int same, const struct digits_view *before,
			  const struct digits_view *after)
{
	uint32_t late = digits_late_permille(before, after);

	printf("accuracy: %.2f %% (%u of %u digits)\n", 100.0 * right / o->shape.test, right,
	       o->shape.test);
	if (same >= 0)
		printf("equal to the plain CPU computation: %s\n", same ? "yes" : "NO");
	digits_print(stdout, run, before, after);
	if (late > DIGITS_LATE_LIMIT) {
		printf("no times: %u.%u %% of the simulated jobs overran their modelled time\n",
		       late / 10, late % 10);
		return;
	}
	printf("makespan: %.3f s for %u jobs\n", (double)run->makespan_ns / 1e9, run->jobs);
	if (o->timeline)
		digits_timeline(stdout, run, before);
}

static void print_json(const struct options *o, const struct digits_run *run, uint32_t right,
		       int same, const struct digits_view *before, const struct digits_view *after)
{
	struct json_object *json = digits_json(run, before, after);

	json_object_object_add(json, "test", json_object_new_int64(o->shape.test));
	json_object_object_add(json, "train", json_object_new_int64(o->shape.train));
	json_object_object_add(json, "accuracy",
			       json_object_new_double((double)right / o->shape.test));
	if (same >= 0)
		json_object_object_add(json, "equal_to_cpu", json_object_new_boolean(same));
	puts(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY));
	json_object_put(json);
}

/* -1 on trouble, else whether the answers are as expected */
static int classify(struct weft *pool, struct digits_work *work, const struct digits_data *data,
		    const struct options *o)
{
	struct weft_sim_best *expected = NULL;
	struct digits_view before, after;
	struct digits_run run = {};
	uint64_t spent_ns = 0;
	int same = -1, ret = -1;
	uint32_t i;

	if (digits_view_take(pool, &before))
		return -1;
	for (i = 0; i < o->repeat || (double)spent_ns < o->load_seconds * 1e9; i++) {
		digits_run_free(&run);
		digits_view_free(&before);
		if (digits_view_take(pool, &before) || digits_work_run(work, NULL, &run))
			goto out;
		spent_ns += run.makespan_ns;
	}
	if (digits_view_take(pool, &after))
		goto out;
	if (o->expect_cpu) {
		expected = calloc(o->shape.test, sizeof(*expected));
		if (!expected)
			goto out_view;
		digits_reference(data, &o->shape, expected);
		same = !memcmp(expected, run.best, o->shape.test * sizeof(*expected));
		free(expected);
	}
	(o->json ? print_json : print_answers)(o, &run, digits_right(data, &o->shape, run.best),
					       same, &before, &after);
	ret = same != 0;
out_view:
	digits_view_free(&after);
out:
	digits_view_free(&before);
	digits_run_free(&run);
	return ret;
}

int main(int argc, char **argv)
{
	struct options o = {
		.shape = { .test = 300, .train = 3000, .tile_test = 60, .tile_train = 300 },
		.repeat = 1,
	};
	struct digits_work *work = NULL;
	struct digits_data data;
	struct weft *pool = NULL;
	int ret = EXIT_TROUBLE;
	int parsed = parse(argc, argv, &o);

	if (parsed)
		return parsed > 0 ? EXIT_SAME : EXIT_USAGE;
	if (digits_data_load(&data, o.data))
		return EXIT_TROUBLE;
	if (digits_shape_check(&o.shape, &data)) {
		ret = EXIT_USAGE;
		goto out;
	}
	if (weft_open(&pool, NULL)) {
		fprintf(stderr, "weft-digits: %s\n", weft_error());
		goto out;
	}
	if (check_policy(pool, &o) || digits_work_create(pool, &data, &o.shape, &work))
		goto out;
	switch (classify(pool, work, &data, &o)) {
	case 1:
		ret = EXIT_SAME;
		break;
	case 0:
		ret = EXIT_DIFFERENT;
		break;
	}
out:
	digits_work_destroy(work);
	weft_close(pool);
	digits_data_free(&data);
	return ret;
}
