// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft device: how a device is, and what the operator wants of it.
 *
 * DOC: weft device
 *
 * Everything is a file below /sys/bus/weft/devices; this saves looking up which one, and tells in
 * words what went wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char device_help[] =
"Usage: weft device NAME [--ok | --drain | --quarantine | --reset] [--json]\n"
"Show the health of a device and what it came from, or change it.\n"
"  --drain       no new jobs; what runs ends, then its memory is moved to the host\n"
"  --quarantine  stop it at once; its jobs run elsewhere or fail\n"
"  --ok          use it again; resets it if it is quarantined\n"
"  --reset       reset it; its jobs run elsewhere or fail\n";

static const char *const device_files[] = {
	"health", "errors", "timeouts", "slow_runs", "resets", "resets_failed", "jobs_done",
	"jobs_failed", "memory_used", "memory_quarantined", "degrade_at", "drain_at",
	"quarantine_at", "fault_leak", "slow_factor", "copy_timeout_ns",
};

static int device_write(const char *name, const char *file, const char *text)
{
	char *path = cli_path(CLI_DEVICES "/%s/%s", name, file);
	int error = cli_write_file(path, text);

	free(path);
	switch (error) {
	case 0:
		return CLI_OK;
	case ENOENT:
		return cli_fail(CLI_NO, "there is no device \"%s\"", name);
	case ENODEV:
		return cli_fail(CLI_NO, "%s is in no pool, or just leaving", name);
	case EBUSY:
		return cli_fail(CLI_NO, "%s is quarantined: only --ok or --reset change that",
				name);
	case EIO:
		return cli_fail(CLI_NO, "the reset of %s failed: it is quarantined", name);
	default:
		return cli_fail(CLI_TROUBLE, "%s: %s: %s", name, file, strerror(error));
	}
}

static int device_show(const char *name, bool json)
{
	struct json_object *o = json ? json_object_new_object() : NULL;
	size_t i;

	if (json)
		cli_json_text(o, "name", name);
	for (i = 0; i < sizeof(device_files) / sizeof(device_files[0]); i++) {
		char *path = cli_path(CLI_DEVICES "/%s/%s", name, device_files[i]);
		char *line = cli_read_line(path);

		free(path);
		if (!line) {
			json_object_put(o);
			return cli_fail(CLI_NO, "there is no device \"%s\"", name);
		}
		if (!json)
			printf("%-20s%s\n", device_files[i], line);
		else if (!i)
			cli_json_text(o, device_files[i], line);
		else
			cli_json_u64(o, device_files[i], strtoull(line, NULL, 10));
		free(line);
	}
	return json ? cli_print_json(o) : CLI_OK;
}

int cli_device(int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "ok", no_argument, NULL, 'o' },
		{ "drain", no_argument, NULL, 'd' },
		{ "quarantine", no_argument, NULL, 'q' },
		{ "reset", no_argument, NULL, 'r' },
		{}
	};
	const char *file = NULL, *text = NULL;
	bool json = false;
	int c, ret = CLI_OK;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == CLI_OPT_HELP) {
			fputs(device_help, stdout);
			return CLI_OK;
		}
		if (c == CLI_OPT_JSON) {
			json = true;
			continue;
		}
		if (c == '?')
			return CLI_USAGE;
		if (file)
			return cli_fail(CLI_USAGE, "one change at a time");
		file = c == 'r' ? "reset" : "health";
		text = c == 'o' ? "ok" : c == 'd' ? "draining" : c == 'q' ? "quarantined" : "1";
	}
	if (argc - optind != 1 || !argv[optind][0] || strchr(argv[optind], '/'))
		return cli_fail(CLI_USAGE, "\"weft device\" wants the name of one device");
	if (file)
		ret = device_write(argv[optind], file, text);
	return ret ?: device_show(argv[optind], json);
}
