// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft log: save the scheduler's log.
 *
 * DOC: weft log
 *
 * A copy of the kernel's stream as it is, for "weft explain --log" and weft-replay.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "declog.h"

static const char log_help[] =
"Usage: weft log save FILE [--json]\n"
"Save the scheduler's log: its inputs and decisions, as far back as the kernel keeps them.\n";

/* Bytes copied, or a negative errno */
static int64_t log_copy(int from, int to)
{
	static char chunk[1 << 18];
	int64_t total = 0;
	ssize_t n, done, w;

	while ((n = read(from, chunk, sizeof(chunk))) > 0) {
		for (done = 0; done < n; done += w) {
			w = write(to, chunk + done, (size_t)(n - done));
			if (w < 0)
				return -errno;
		}
		total += n;
		/* a short read is the end: waiting for 0 could follow a busy pool for ever */
		if ((size_t)n < sizeof(chunk) - sizeof(struct weft_rec))
			break;
	}
	return n < 0 ? -errno : total;
}

static int log_save(const char *file, bool json)
{
	struct drm_weft_pool_info info = {};
	struct weft *pool = NULL;
	int64_t bytes;
	char *path;
	int from, to;
	int ret = CLI_OK;

	if (!weft_open(&pool, NULL))
		weft_pool_info(pool, &info);
	path = cli_path(CLI_DEBUGFS "/%s/log", pool ? info.name : cli_pool_name());
	weft_close(pool);
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0) {
		ret = cli_fail(CLI_TROUBLE,
			       "%s: %s\nweft: the log is for root only, in debugfs: try sudo; "
			       "sudo mount -t debugfs none /sys/kernel/debug",
			       path, strerror(errno));
		free(path);
		return ret;
	}
	to = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bytes = to < 0 ? -errno : log_copy(from, to);
	if (to >= 0 && close(to) && bytes >= 0)
		bytes = -errno;
	close(from);
	free(path);
	if (bytes < 0)
		return cli_fail(CLI_TROUBLE, "%s: %s", file, strerror((int)-bytes));
	bytes = (bytes - (int64_t)sizeof(struct weft_log_header)) /
		(int64_t)sizeof(struct weft_rec);
	if (json) {
		struct json_object *o = json_object_new_object();

		cli_json_text(o, "file", file);
		cli_json_u64(o, "records", (uint64_t)bytes);
		return cli_print_json(o);
	}
	printf("%" PRId64 " records in %s\n", bytes, file);
	return CLI_OK;
}

int cli_log(int argc, char **argv)
{
	static const struct option longs[] = { CLI_OPTIONS_COMMON, {} };
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(log_help, stdout);
			return CLI_OK;
		case CLI_OPT_JSON:
			json = true;
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (argc - optind != 2 || strcmp(argv[optind], "save"))
		return cli_fail(CLI_USAGE, "use: weft log save FILE");
	return log_save(argv[optind + 1], json);
}
