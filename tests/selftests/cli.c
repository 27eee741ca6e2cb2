// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an operator types, and what comes of it. See cli.h.
 *
 * DOC: cli
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli.h"

#define WEFT	"/t/weft"

char output[32768];

int weft(const char *fmt, ...)
{
	char command[512] = WEFT " ";
	size_t n = strlen(command);
	va_list ap;
	FILE *p;
	int ret;

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - n - sizeof(" 2>&1"), fmt, ap);
	va_end(ap);
	strcat(command, " 2>&1");
	p = popen(command, "r");
	CHECK(p);
	n = fread(output, 1, sizeof(output) - 1, p);
	output[n] = 0;
	ret = pclose(p);
	CHECK_MSG(WIFEXITED(ret), "%s: %d", command, ret);
	return WEXITSTATUS(ret);
}
