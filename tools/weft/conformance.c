// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft conformance: does a backend keep its promises? On a live device.
 *
 * DOC: weft conformance
 *
 * Runs the checks below on one device, each in a process of its own, and computes the level from
 * their results: a level is reached if every check of it and of the levels below passed. A check
 * that was skipped has not passed. What a check wants is in Documentation/backends/conformance.rst
 * under the same name.
 *
 * A check that does not end in time is a failed one. If it cannot even be killed, the device holds
 * it in the kernel; nothing more is run then. Rejected: a level that somebody declares; threads
 * (one that hangs in the kernel cannot be left behind).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance.h"

static const char conf_help[] =
"Usage: weft conformance DEVICE [OPTION]...\n"
"Check on a live device (name or number) whether its backend keeps the contract, and compute the\n"
"level it reaches: 0 none, 1 enabled, 2 reliable, 3 product. Resets and removes the device.\n"
"  --image FILE     kernels for its instruction set; built in for simulated devices\n"
"  --only CHECK     only this check (repeat); no level is computed\n"
"  --level N        the level it has to reach for exit status 0 (1)\n"
"  --seconds N      how long the check stress runs (5)\n"
"  --list           the checks and their levels\n"
"  --json\n"
"Exit status 1 if the level is not reached, or with --only if a check did not pass.\n";

/*
 * In this order. What an early completion leaves to be written may hit the memory of the next job:
 * completion comes before bytes, so that the promise which is broken is the first to fail.
 */
static const struct conf_check conf_checks[] = {
	{ "description", 1, "what it says of itself is complete", conf_check_description },
	{ "image", 1, "good images run, bad ones are refused", conf_check_image },
	{ "completion", 1, "each run is completed once, and not early", conf_check_completion },
	{ "bytes", 1, "kernels compute what the CPU does", conf_check_bytes },
	{ "copies", 2, "bytes survive the way there and back", conf_check_copies },
	{ "ordering", 2, "each job sees what the one before wrote", conf_check_ordering },
	{ "credits", 2, "as many runs at once as it says", conf_check_credits },
	{ "abort", 2, "cancelled and overdue runs end, and are quiet", conf_check_abort },
	{ "reset", 2, "a reset ends, is quiet, and it works again", conf_check_reset },
	{ "leak", 2, "memory and references come back", conf_check_leak },
	{ "preemption", 3, "runs stop as the declared level promises", conf_check_preemption },
	{ "telemetry", 3, "counters and sensors make sense", conf_check_telemetry },
	{ "remove", 3, "it leaves under load and comes back", conf_check_remove },
	{ "stress", 3, "right results under random load", conf_check_stress },
};

#define CONF_CHECKS	(sizeof(conf_checks) / sizeof(conf_checks[0]))
#define CONF_LEVELS	3

static const char *const conf_levels[CONF_LEVELS + 1] = {
	"none", "enabled", "reliable", "product"
};

/* How long a check may take on top of what it was asked for. */
#define CONF_LIMIT	(120 * CONF_SECOND)
/* How long the process of a check that has spoken, or was killed, may take to go. */
#define CONF_DEATH	(10 * CONF_SECOND)

enum conf_verdict {
	CONF_NOT_RUN = '-',
	CONF_PASSED = 'p',
	CONF_FAILED = 'f',
	CONF_SKIPPED = 's',
};

struct conf_result {
	enum conf_verdict verdict;
	double seconds;
	char text[512];
};

struct conf_options {
	const char *device;
	const char *image;
	uint64_t level;
	uint64_t seconds;
	uint64_t only;			/* bit n: check n; 0 all */
	bool json;
};

/* --------------------------------------------------------- in the check's own process */

static void conf_end(struct conf *c, char verdict, const char *format, va_list list)
	__attribute__((format(printf, 3, 0), noreturn));
static void conf_end(struct conf *c, char verdict, const char *format, va_list list)
{
	char text[sizeof(((struct conf_result *)NULL)->text)];

	text[0] = verdict;
	vsnprintf(text + 1, sizeof(text) - 1, format, list);
	if (write(c->result, text, strlen(text)) < 0)
		perror("weft");
	_exit(0);
}

void conf_fail(struct conf *c, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	conf_end(c, CONF_FAILED, format, list);
}

void conf_skip(struct conf *c, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	conf_end(c, CONF_SKIPPED, format, list);
}

static void conf_pass(struct conf *c, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
static void conf_pass(struct conf *c, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	conf_end(c, CONF_PASSED, format, list);
}

void conf_note(struct conf *c, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(c->note, sizeof(c->note), format, list);
	va_end(list);
}

void conf_need(struct conf *c, int ret)
{
	if (ret)
		conf_fail(c, "%s", weft_error());
}

/* ------------------------------------------------------------------- in the first one */

/* Waits until @pid has gone; false if it stays for @ns. */
static bool conf_reap(pid_t pid, uint64_t ns)
{
	uint64_t end = conf_now() + ns;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (conf_now() > end)
			return false;
		conf_sleep(10 * CONF_MS);
	}
	return true;
}

/* What a check says of itself, in one piece; false if it says nothing by @end. */
static bool conf_collect(int fd, uint64_t end, char *text, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now;
	ssize_t n;

	do {
		now = conf_now();
		if (now >= end)
			return false;
		poll(&p, 1, (int)((end - now) / CONF_MS) + 1);
	} while (!p.revents);
	n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	return true;
}

/* Return: false if the check hangs in the kernel and nothing more should be run. */
static bool conf_run_check(const struct conf_check *check, const struct conf_options *o,
			   const struct conf_image *image, const char *parent,
			   struct conf_result *r)
{
	struct conf c = { .image = image, .parent = parent, .seed = 1, .result = -1 };
	uint64_t start = conf_now(), limit = CONF_LIMIT;
	char text[sizeof(r->text)] = "";
	int fds[2];
	bool ended, going;
	pid_t pid;

	c.stress_ns = o->seconds * CONF_SECOND;
	if (check->run == conf_check_stress)
		limit += 4 * c.stress_ns;
	r->verdict = CONF_FAILED;
	fflush(NULL);
	pid = pipe(fds) ? -1 : fork();
	if (pid < 0) {
		snprintf(r->text, sizeof(r->text), "%s", strerror(errno));
		return true;
	}
	if (!pid) {
		char *name = conf_find_name(parent);

		close(fds[0]);
		c.result = fds[1];
		if (!name)
			conf_fail(&c, "the device is not there any more");
		conf_open(&c, name);
		check->run(&c);
		conf_pass(&c, "%s", c.note);
	}
	close(fds[1]);
	ended = conf_collect(fds[0], start + limit, text, sizeof(text));
	close(fds[0]);
	if (!ended)
		kill(pid, SIGKILL);
	going = conf_reap(pid, CONF_DEATH);
	if (text[0]) {
		r->verdict = (enum conf_verdict)text[0];
		snprintf(r->text, sizeof(r->text), "%s", text + 1);
	}
	if (!going && r->verdict != CONF_FAILED) {
		r->verdict = CONF_FAILED;
		snprintf(r->text, sizeof(r->text), "what it did hangs in the kernel");
	} else if (!text[0]) {
		snprintf(r->text, sizeof(r->text), ended ? "the check itself died" : "no end");
	}
	r->seconds = (double)(conf_now() - start) / 1e9;
	return going;
}

static const char *conf_verdict_name(enum conf_verdict verdict)
{
	switch (verdict) {
	case CONF_PASSED:
		return "passed";
	case CONF_FAILED:
		return "failed";
	case CONF_SKIPPED:
		return "skipped";
	case CONF_NOT_RUN:
		break;
	}
	return "not run";
}

static int conf_level(const struct conf_result *results)
{
	int level = CONF_LEVELS;
	size_t i;

	for (i = 0; i < CONF_CHECKS; i++)
		if (results[i].verdict != CONF_PASSED && conf_checks[i].level <= level)
			level = conf_checks[i].level - 1;
	return level;
}

/* The checks that keep the device from the next level */
static void conf_missing(const struct conf_result *results, int level, struct json_object *list)
{
	size_t i;

	for (i = 0; i < CONF_CHECKS; i++) {
		if (conf_checks[i].level != level + 1 || results[i].verdict == CONF_PASSED)
			continue;
		if (list)
			json_object_array_add(list, json_object_new_string(conf_checks[i].name));
		else
			printf(" %s", conf_checks[i].name);
	}
}

static int conf_report_json(const struct conf_options *o, const struct conf_result *results,
			    int level)
{
	struct json_object *top = json_object_new_object(), *list = json_object_new_array();
	struct json_object *missing = json_object_new_array();
	size_t i;

	cli_json_text(top, "device", o->device);
	for (i = 0; i < CONF_CHECKS; i++) {
		struct json_object *j = json_object_new_object();

		if (o->only && !(o->only >> i & 1)) {
			json_object_put(j);
			continue;
		}
		cli_json_text(j, "name", conf_checks[i].name);
		cli_json_u64(j, "level", (uint64_t)conf_checks[i].level);
		cli_json_text(j, "result", conf_verdict_name(results[i].verdict));
		cli_json_text(j, "detail", results[i].text);
		json_object_object_add(j, "seconds", json_object_new_double(results[i].seconds));
		json_object_array_add(list, j);
	}
	json_object_object_add(top, "checks", list);
	if (o->only) {
		json_object_put(missing);
	} else {
		cli_json_u64(top, "level", (uint64_t)level);
		cli_json_text(top, "level_name", conf_levels[level]);
		conf_missing(results, level, missing);
		json_object_object_add(top, "missing", missing);
	}
	return cli_print_json(top);
}

static int conf_all(const struct conf_options *o, const struct conf_image *image,
		    const char *parent)
{
	struct conf_result results[CONF_CHECKS];
	bool going = true, passed = true;
	int level, ret = CLI_OK;
	size_t i;

	for (i = 0; i < CONF_CHECKS; i++) {
		struct conf_result *r = &results[i];

		memset(r, 0, sizeof(*r));
		r->verdict = CONF_NOT_RUN;
		if (o->only && !(o->only >> i & 1))
			continue;
		if (going)
			going = conf_run_check(&conf_checks[i], o, image, parent, r);
		passed &= r->verdict == CONF_PASSED;
		if (!o->json)
			printf("%-8s %-12s %6.1f s  %s\n", conf_verdict_name(r->verdict),
			       conf_checks[i].name, r->seconds, r->text);
	}
	level = conf_level(results);
	if (o->json)
		ret = conf_report_json(o, results, level);
	else if (o->only)
		printf("no level: not all checks were asked for\n");
	else
		printf("level %d (%s)", level, conf_levels[level]);
	if (!o->json && !o->only) {
		if (level < CONF_LEVELS) {
			printf("; level %d (%s) needs:", level + 1, conf_levels[level + 1]);
			conf_missing(results, level, NULL);
		}
		printf("\n");
	}
	if (ret)
		return ret;
	return (o->only ? passed : level >= (int)o->level) ? CLI_OK : CLI_NO;
}

static int conf_list(bool json)
{
	struct json_object *list = json ? json_object_new_array() : NULL;
	size_t i;

	for (i = 0; i < CONF_CHECKS; i++) {
		const struct conf_check *check = &conf_checks[i];
		struct json_object *j;

		if (!json) {
			printf("%-12s %d %-9s %s\n", check->name, check->level,
			       conf_levels[check->level], check->summary);
			continue;
		}
		j = json_object_new_object();
		cli_json_text(j, "name", check->name);
		cli_json_u64(j, "level", (uint64_t)check->level);
		cli_json_text(j, "summary", check->summary);
		json_object_array_add(list, j);
	}
	return json ? cli_print_json(list) : CLI_OK;
}

/* The name of the device that is called or numbered @text, in @device; what hangs it from sysfs */
static int conf_find(struct weft *pool, const char *text, struct drm_weft_device_info *device,
		     char **parent)
{
	struct drm_weft_device_info *list;
	char number[16], *path, *end;
	uint32_t count, i;

	if (weft_device_list(pool, &list, &count))
		return cli_fail_weft();
	for (i = 0; i < count; i++) {
		snprintf(number, sizeof(number), "%u", list[i].id);
		if (!strcmp(list[i].name, text) || !strcmp(number, text))
			break;
	}
	if (i < count)
		*device = list[i];
	free(list);
	if (i == count)
		return cli_fail(CLI_USAGE, "there is no device \"%s\"; \"weft list\" shows them",
				text);
	path = cli_path("/sys/bus/weft/devices/%s", device->name);
	*parent = realpath(path, NULL);
	free(path);
	end = *parent ? strrchr(*parent, '/') : NULL;
	if (!end)
		return cli_fail(CLI_TROUBLE, "%s is not in sysfs", device->name);
	*end = '\0';
	return CLI_OK;
}

static bool conf_accepts(const struct drm_weft_device_info *device, const struct conf_image *image)
{
	uint32_t i, k;

	for (i = 0; i < device->isa_count && i < 4; i++)
		for (k = 0; k < image->image_count; k++)
			if (!strcmp(device->isas[i], image->images[k].isa))
				return true;
	return false;
}

static int conf_start(struct conf_options *o)
{
	struct drm_weft_device_info device;
	struct conf_image image;
	struct weft *pool;
	char *parent = NULL;
	int ret;

	ret = o->image ? conf_image_read(&image, o->image) : conf_image_sim(&image);
	if (ret)
		return ret;
	pool = cli_open();
	if (!pool)
		return CLI_TROUBLE;
	ret = conf_find(pool, o->device, &device, &parent);
	weft_close(pool);
	if (ret)
		return ret;
	if (!conf_accepts(&device, &image))
		ret = cli_fail(CLI_USAGE, "%s accepts %s%s%s: %s", device.name, device.isas[0],
			       device.isa_count > 1 ? ", " : "",
			       device.isa_count > 1 ? device.isas[1] : "",
			       o->image ? "the image has none of these" :
			       "name its kernels with --image");
	if (!ret)
		ret = conf_all(o, &image, parent);
	conf_image_free(&image);
	free(parent);
	return ret;
}

int cli_conformance(int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "image", required_argument, NULL, 'i' },
		{ "only", required_argument, NULL, 'o' },
		{ "level", required_argument, NULL, 'l' },
		{ "seconds", required_argument, NULL, 's' },
		{ "list", no_argument, NULL, 'L' },
		{}
	};
	struct conf_options o = { .level = 1, .seconds = 5 };
	bool list = false;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(conf_help, stdout);
			return CLI_OK;
		case CLI_OPT_JSON:
			o.json = true;
			break;
		case 'i':
			o.image = optarg;
			break;
		case 'o':
			for (i = 0; i < CONF_CHECKS; i++)
				if (!strcmp(conf_checks[i].name, optarg))
					break;
			if (i == CONF_CHECKS)
				return cli_fail(CLI_USAGE, "there is no check \"%s\"; --list shows "
						"them", optarg);
			o.only |= (uint64_t)1 << i;
			break;
		case 'l':
			if (cli_number("--level", optarg, 1, CONF_LEVELS, &o.level))
				return CLI_USAGE;
			break;
		case 's':
			if (cli_number("--seconds", optarg, 1, 86400, &o.seconds))
				return CLI_USAGE;
			break;
		case 'L':
			list = true;
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (list && optind == argc)
		return conf_list(o.json);
	if (list || optind + 1 != argc)
		return cli_fail(CLI_USAGE,
				"name one device; \"weft conformance --help\" says more");
	o.device = argv[optind];
	return conf_start(&o);
}
