// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft(1): choosing the command.
 *
 * DOC: weft cli main
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct cli_command cli_commands[] = {
	{ "list", "devices of the pool", cli_list },
	{ "device", "health of a device: show, drain, quarantine, reset, use again", cli_device },
	{ "topo", "host regions, devices and the links between them", cli_topo },
	{ "gate", "run a program that takes its turns on a device", cli_gate },
	{ "run", "run a kernel on simulated devices and check its results", cli_run },
	{ "top", "watch devices and links", cli_top },
	{ "explain", "why a job went where it went", cli_explain },
	{ "doctor", "find out what keeps weft from working", cli_doctor },
	{ "tenant", "list, add, change and remove tenants", cli_tenant },
	{ "pool", "list, create, change and remove pools", cli_pool },
	{ "config", "keep tenants, pools and prices in a file, and put them back", cli_config },
	{ "log", "save the scheduler's log", cli_log },
	{ "seal", "let nobody but its server reach a served device", cli_seal },
	{ "conformance", "check what a backend promises on a live device", cli_conformance },
};

#define CLI_COMMANDS	(sizeof(cli_commands) / sizeof(cli_commands[0]))

static void cli_usage(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: weft [--pool NAME] COMMAND [OPTION]...\n\n");
	for (i = 0; i < CLI_COMMANDS; i++)
		fprintf(out, "  %-11s %s\n", cli_commands[i].name, cli_commands[i].summary);
	fprintf(out, "\n\"weft COMMAND --help\" tells more. All but gate take --json.\n"
		"--pool NAME, or WEFT_POOL, says which pool is meant; WEFT_NODE names a node.\n"
		"Exit status: 0 fine, 1 the answer is no, 2 wrong use, 3 trouble.\n");
}

/* Options before the command: how many words they are, or -1 after a message. */
static int cli_global(int argc, char **argv)
{
	const char *name;
	int words;

	if (!strncmp(argv[1], "--pool=", 7)) {
		name = argv[1] + 7;
		words = 1;
	} else if (!strcmp(argv[1], "--pool")) {
		name = argc > 2 ? argv[2] : "";
		words = 2;
	} else {
		return 0;
	}
	if (!name[0]) {
		cli_fail(CLI_USAGE, "--pool wants the name of a pool");
		return -1;
	}
	/* what is said now is meant more than what is in the environment */
	if (unsetenv("WEFT_NODE") || setenv("WEFT_POOL", name, 1)) {
		cli_fail(CLI_USAGE, "--pool: %s", strerror(errno));
		return -1;
	}
	return words;
}

int main(int argc, char **argv)
{
	size_t i;
	int words;

	if (argc < 2) {
		cli_usage(stderr);
		return CLI_USAGE;
	}
	words = cli_global(argc, argv);
	if (words < 0)
		return CLI_USAGE;
	argc -= words;
	argv += words;
	if (argc < 2)
		return cli_fail(CLI_USAGE, "--pool NAME goes before a command");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		cli_usage(stdout);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("weft " WEFT_VERSION);
		return CLI_OK;
	}
	for (i = 0; i < CLI_COMMANDS; i++)
		if (!strcmp(argv[1], cli_commands[i].name))
			return cli_commands[i].run(argc - 1, argv + 1);
	return cli_fail(CLI_USAGE, "there is no command \"%s\"; \"weft --help\" lists them",
			argv[1]);
}
