// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs built with the headers of the frozen ABI, on the modules of today.
 *
 * DOC: abi
 *
 * tests/abi has their sources and those headers; nothing else of the tree is in them.
 */
/*
 * vm: timeout=120 kernels=stock,debug,next insmod=weft,weft_sim,weft_serve
 *     with=abi/client,abi/server
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

#include "common.h"

/* starts it; what it says comes from the stream */
static FILE *start(const char *program, const char *arg, pid_t *pid)
{
	int out[2];

	CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
	*pid = fork();
	CHECK(*pid >= 0);
	if (!*pid) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		execl(program, program, arg, NULL);
		_exit(127);
	}
	close(out[1]);
	return fdopen(out[0], "r");
}

static void says(FILE *stream, const char *text)
{
	char line[256];

	CHECK_MSG(fgets(line, sizeof(line), stream), "it ended before it said \"%s\"", text);
	CHECK_MSG(strstr(line, text), "no \"%s\" in: %s", text, line);
}

static void ends_well(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(client, "an old client: lists, submits, waits, and its result is right")
{
	FILE *said;
	pid_t pid;

	dev_add("old0", DEV_UNIT);
	said = start("/t/client", NULL, &pid);
	says(said, "device old0,");
	says(said, "client: all is well");
	ends_well(pid);
}

TEST(server, "an old server: offers, is a seat, runs an old client's job, retires, withdraws")
{
	FILE *server, *client;
	pid_t of_server, of_client;

	server = start("/t/server", NULL, &of_server);
	says(server, "server: ready");
	client = start("/t/client", "v1", &of_client);
	says(client, "device old,");
	says(client, "client: all is well");
	ends_well(of_client);
	says(server, "server: all is well");
	ends_well(of_server);
}
