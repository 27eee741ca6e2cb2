/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * weft(1): what its commands share.
 *
 * DOC: weft cli
 *
 * One file per command; each gets its own arguments and returns an exit status. Every command
 * prints for people, or one JSON value with --json; messages go to stderr and say what to do.
 */
#ifndef WEFT_CLI_H
#define WEFT_CLI_H

#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <weft.h>

/* Exit statuses, as in weft(1) */
enum cli_status {
	CLI_OK = 0,
	CLI_NO = 1,		/* it worked, and the answer is no */
	CLI_USAGE = 2,
	CLI_TROUBLE = 3,	/* the pool, a file or the system got in the way */
};

struct cli_command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

int cli_list(int argc, char **argv);
int cli_device(int argc, char **argv);
int cli_topo(int argc, char **argv);
int cli_gate(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_tenant(int argc, char **argv);
int cli_pool(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_seal(int argc, char **argv);
int cli_conformance(int argc, char **argv);

/* Where the kernel shows things; $WEFT_ROOT, for tests, is put before each */
#define CLI_DEBUGFS	"/sys/kernel/debug/weft"
#define CLI_TENANTS	"/sys/kernel/config/weft/tenants"
#define CLI_POOLS	"/sys/kernel/config/weft/pools"
#define CLI_DEVICES	"/sys/bus/weft/devices"

/* a message on stderr, after "weft: "; the status, for return */
int cli_fail(enum cli_status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* the same with the text of libweft's last error */
int cli_fail_weft(void);

/* the pool, or NULL after a message */
struct weft *cli_open(void);

/* the name of the pool that is meant if it cannot be opened to ask it */
const char *cli_pool_name(void);

/* @path below $WEFT_ROOT; the caller frees it */
char *cli_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* first line of a file without its newline, or NULL; the caller frees it */
char *cli_read_line(const char *path);
/* @value and a newline in one write, which is how the kernel takes a value; 0 or an errno */
int cli_write_file(const char *path, const char *value);
/* CLI_TROUBLE after a message: @folder of configfs cannot be looked into (errno) */
int cli_folder_missing(const char *folder);

/* a whole number from @least to @most; 0 or CLI_USAGE after a message */
int cli_number(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *number);

/* "1.5 GiB" */
const char *cli_bytes(uint64_t bytes, char *text, size_t size);

/* print @json, free it */
int cli_print_json(struct json_object *json);
void cli_json_u64(struct json_object *object, const char *key, uint64_t value);
void cli_json_text(struct json_object *object, const char *key, const char *text);

/*
 * Options all commands have. For commands with no other options: CLI_OK go on, CLI_NO --help was
 * printed, CLI_USAGE.
 */
int cli_options(int argc, char **argv, const char *help, bool *json);

#define CLI_OPT_HELP	'h'
#define CLI_OPT_JSON	'j'
#define CLI_OPTIONS_COMMON \
	{ "help", no_argument, NULL, CLI_OPT_HELP }, \
	{ "json", no_argument, NULL, CLI_OPT_JSON }

#endif /* WEFT_CLI_H */
