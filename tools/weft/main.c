// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft(1): choosing the command.
 *
 * DOC: weft cli main
 */
#include <string.h>

#include "cli.h"

static const struct cli_command cli_commands[] = {
	{ "list", "devices of the pool", cli_list },
	{ "topo", "host regions, devices and the links between them", cli_topo },
	{ "run", "run a kernel on simulated devices and check its results", cli_run },
	{ "top", "watch devices and links", cli_top },
	{ "explain", "why a job went where it went", cli_explain },
	{ "doctor", "find out what keeps weft from working", cli_doctor },
	{ "tenant", "list, add, change and remove tenants", cli_tenant },
	{ "config", "keep tenants, pools and prices in a file, and put them back", cli_config },
	{ "log", "save the scheduler's log", cli_log },
};

#define CLI_COMMANDS	(sizeof(cli_commands) / sizeof(cli_commands[0]))

static void cli_usage(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: weft COMMAND [OPTION]...\n\n");
	for (i = 0; i < CLI_COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", cli_commands[i].name, cli_commands[i].summary);
	fprintf(out, "\n\"weft COMMAND --help\" tells more. All commands take --json.\n"
		"WEFT_NODE names the pool's node if it is not the first one.\n"
		"Exit status: 0 fine, 1 the answer is no, 2 wrong use, 3 trouble.\n");
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		cli_usage(stderr);
		return CLI_USAGE;
	}
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
