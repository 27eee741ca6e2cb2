// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft gate: run a program under turns.
 *
 * DOC: weft gate
 *
 * Finds the device, says so in the environment, and becomes the program, with the shim of
 * tools/gate before its libraries. There is no process in between: signals, standard files and the
 * exit status are the program's own. Where there is no weft the program runs as it would without
 * this command.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define GATE_MIN_NS	1000000u
#define GATE_MAX_NS	10000000000u
/* as env(1) and nice(1) say it */
#define GATE_CANNOT	126
#define GATE_MISSING	127

static const char gate_help[] =
"Usage: weft gate [--device NAME] [--quantum TIME] [--require] -- COMMAND [ARGUMENT]...\n"
"Run a program that uses a device through its vendor's runtime (OpenCL): it launches when it is\n"
"its turn, by weft's order and on its tenant's account, and without weft as ever.\n"
"  --device NAME   the device that it uses; not needed if only one can be leased\n"
"  --quantum TIME  longest time for which others wait to be considered: 5ms, 1s (the device's)\n"
"  --require       fail if there are no turns to be had, instead of running without\n"
"The exit status is the program's; 126: it cannot be run, 127: it is not there.\n";

/* nanoseconds of "500us", "10ms", "10" or "2s"; 0 if it is none, or out of range */
static uint64_t gate_time(const char *text)
{
	static const struct {
		const char *suffix;
		double ns;
	} units[] = { { "us", 1e3 }, { "ms", 1e6 }, { "", 1e6 }, { "s", 1e9 } };
	double value;
	size_t i;
	char *end;

	value = strtod(text, &end);
	if (end == text)
		return 0;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		value *= units[i].ns;
		return value >= GATE_MIN_NS && value <= GATE_MAX_NS ? (uint64_t)value : 0;
	}
	return 0;
}

/* Name of the device, "" if there are no turns to be had, NULL after a message */
static const char *gate_device(struct weft *pool, const char *wanted)
{
	static char found[DRM_WEFT_NAME_LEN];
	struct drm_weft_device_info *list;
	uint32_t i, count, leased = 0;
	bool there = false;

	if (weft_device_list(pool, &list, &count)) {
		cli_fail_weft();
		return NULL;
	}
	for (i = 0; i < count; i++) {
		if (wanted && strcmp(list[i].name, wanted))
			continue;
		there = true;
		if (!(list[i].flags & DRM_WEFT_DEVICE_LEASES))
			continue;
		leased++;
		memcpy(found, list[i].name, sizeof(found));
	}
	free(list);
	if (wanted && !there)
		cli_fail(CLI_TROUBLE, "gate: there is no device \"%s\" in the pool", wanted);
	else if (wanted && !leased)
		cli_fail(CLI_TROUBLE, "gate: %s cannot be leased: its server does not allow it",
			 wanted);
	else if (leased > 1)
		cli_fail(CLI_TROUBLE, "gate: %u devices can be leased: say with --device which one "
			 "the program uses", leased);
	else
		return leased ? found : "";
	return NULL;
}

/* The shim: where the environment says, beside this program, or where it was installed */
static const char *gate_library(void)
{
	static char path[4096];
	const char *said = getenv("WEFT_GATE_LIB");
	ssize_t n;

	if (said && *said)
		return said;
	n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n > 0) {
		strcpy(path + n, "libweft-gate.so");
		if (!access(path, R_OK))
			return path;
	}
	return WEFT_GATE_LIB;
}

static int gate_environment(struct weft *pool, const char *device, uint64_t quantum, bool require)
{
	const char *library = gate_library(), *others = getenv("LD_PRELOAD");
	char *preload = NULL, number[24];
	int ret;

	if (access(library, R_OK))
		return cli_fail(CLI_TROUBLE, "gate: %s: %s", library, strerror(errno));
	if (asprintf(&preload, "%s%s%s", library, others && *others ? ":" : "",
		     others ? others : "") < 0)
		return cli_fail(CLI_TROUBLE, "gate: no memory");
	snprintf(number, sizeof(number), "%" PRIu64, quantum);
	ret = setenv("LD_PRELOAD", preload, 1) || setenv("WEFT_NODE", weft_node(pool), 1) ||
	      setenv("WEFT_GATE_DEVICE", device, 1) || setenv("WEFT_GATE_QUANTUM", number, 1) ||
	      setenv("WEFT_GATE_REQUIRE", require ? "1" : "", 1);
	free(preload);
	return ret ? cli_fail(CLI_TROUBLE, "gate: no memory") : CLI_OK;
}

/* Prepare turns; CLI_OK if the program can be run, with or without */
static int gate_prepare(const char *wanted, uint64_t quantum, bool require)
{
	struct weft *pool;
	const char *device;
	int ret = CLI_OK;

	if (weft_open(&pool, NULL))
		return require ? cli_fail(CLI_TROUBLE, "gate: %s", weft_error()) : CLI_OK;
	device = gate_device(pool, wanted);
	if (!device)
		ret = CLI_TROUBLE;
	else if (*device)
		ret = gate_environment(pool, device, quantum, require);
	else if (require)
		ret = cli_fail(CLI_TROUBLE, "gate: no device of the pool can be leased");
	weft_close(pool);
	return ret;
}

int cli_gate(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, CLI_OPT_HELP },
		{ "device", required_argument, NULL, 'd' },
		{ "quantum", required_argument, NULL, 'q' },
		{ "require", no_argument, NULL, 'r' },
		{}
	};
	const char *device = NULL;
	uint64_t quantum = 0;
	bool require = false;
	int c, ret;

	/* options end at the command's name */
	while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(gate_help, stdout);
			return CLI_OK;
		case 'd':
			device = optarg;
			break;
		case 'q':
			quantum = gate_time(optarg);
			if (!quantum)
				return cli_fail(CLI_USAGE, "--quantum must be 1ms to 10s, not "
						"\"%s\"", optarg);
			break;
		case 'r':
			require = true;
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (optind == argc)
		return cli_fail(CLI_USAGE, "\"weft gate\" wants a command");
	ret = gate_prepare(device, quantum, require);
	if (ret)
		return ret;
	execvp(argv[optind], argv + optind);
	c = errno;
	cli_fail(CLI_TROUBLE, "gate: %s: %s", argv[optind], strerror(c));
	return c == ENOENT ? GATE_MISSING : GATE_CANNOT;
}
