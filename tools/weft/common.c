// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft(1): what the commands share.
 *
 * DOC: weft cli common
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

int cli_fail(enum cli_status status, const char *format, ...)
{
	va_list list;

	fputs("weft: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return status;
}

int cli_fail_weft(void)
{
	return cli_fail(CLI_TROUBLE, "%s", weft_error());
}

struct weft *cli_open(void)
{
	struct weft *pool;

	if (!weft_open(&pool, NULL))
		return pool;
	cli_fail(CLI_TROUBLE, "%s\nweft: \"weft doctor\" finds out more", weft_error());
	return NULL;
}

const char *cli_pool_name(void)
{
	const char *name = getenv("WEFT_POOL");

	return name && name[0] ? name : "default";
}

char *cli_path(const char *format, ...)
{
	const char *root = getenv("WEFT_ROOT");
	char *path = NULL, *full = NULL;
	va_list list;
	int ret;

	va_start(list, format);
	ret = vasprintf(&path, format, list);
	va_end(list);
	if (ret < 0 || asprintf(&full, "%s%s", root ? root : "", path) < 0) {
		perror("weft");
		exit(CLI_TROUBLE);
	}
	free(path);
	return full;
}

char *cli_read_line(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!file)
		return NULL;
	length = getline(&line, &size, file);
	fclose(file);
	if (length < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

int cli_write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int error = 0, length;
	char *line;

	if (fd < 0)
		return errno;
	length = asprintf(&line, "%s\n", value);
	if (length < 0) {
		line = NULL;
		error = ENOMEM;
	} else {
		errno = EIO;
		if (write(fd, line, (size_t)length) != length)
			error = errno;
	}
	free(line);
	if (close(fd) && !error)
		error = errno;
	return error;
}

int cli_folder_missing(const char *folder)
{
	return cli_fail(CLI_TROUBLE,
			"%s: %s\nweft: is the module loaded and configfs mounted? try: sudo "
			"modprobe weft; sudo mount -t configfs none /sys/kernel/config",
			folder, strerror(errno));
}

int cli_number(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-' || value < least || value > most)
		return cli_fail(CLI_USAGE, "%s must be a number from %llu to %llu, not \"%s\"",
				what, (unsigned long long)least, (unsigned long long)most, text);
	*number = value;
	return 0;
}

const char *cli_bytes(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	unsigned int unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, size, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

int cli_print_json(struct json_object *json)
{
	int ret = puts(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY |
						      JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(json);
	return ret < 0 ? cli_fail(CLI_TROUBLE, "writing: %s", strerror(errno)) : CLI_OK;
}

void cli_json_u64(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

void cli_json_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

int cli_options(int argc, char **argv, const char *help, bool *json)
{
	static const struct option longs[] = { CLI_OPTIONS_COMMON, {} };
	int c;

	*json = false;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(help, stdout);
			return CLI_NO;
		case CLI_OPT_JSON:
			*json = true;
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (optind < argc)
		return cli_fail(CLI_USAGE, "unexpected argument \"%s\"", argv[optind]);
	return CLI_OK;
}
