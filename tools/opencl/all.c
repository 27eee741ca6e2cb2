// SPDX-License-Identifier: GPL-2.0-only
/*
 * All devices: one server process for each.
 *
 * DOC: opencl_all
 *
 * The library serves one device in one process. This parent starts itself once per device and
 * waits; what it is told by SIGTERM and SIGINT it tells them. A server that ends by itself is
 * reported and leaves the others alone.
 *
 * Rejected: starting servers again (that is what systemd is for, with a unit per device).
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "opencl.h"

extern char **environ;

/* The same arguments without --all, and with the device's number */
static int weft_opencl_server_start(uint32_t number, int argc, char **argv, pid_t *pid)
{
	char **own = calloc((size_t)argc + 2, sizeof(*own));
	posix_spawnattr_t attr;
	char device[32];
	sigset_t none;
	int i, count = 0, ret;

	if (!own)
		return -ENOMEM;
	snprintf(device, sizeof(device), "--device=%u", number);
	for (i = 0; i < argc; i++)
		if (strcmp(argv[i], "--all") && strcmp(argv[i], "-a"))
			own[count++] = argv[i];
	own[count++] = device;
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawn(pid, "/proc/self/exe", NULL, &attr, own, environ);
	posix_spawnattr_destroy(&attr);
	free(own);
	return -ret;
}

/* Buries those that have ended. The first error of all is kept. */
static void weft_opencl_servers_bury(pid_t *pids, uint32_t count, uint32_t *left, int *status)
{
	int ended, error;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (pids[i] <= 0 || waitpid(pids[i], &ended, WNOHANG) != pids[i])
			continue;
		pids[i] = 0;
		--*left;
		error = WIFEXITED(ended) ? WEXITSTATUS(ended) : EIO;
		if (error)
			fprintf(stderr, "weft-serve-opencl: the server of device %u ended: %s\n", i,
				WIFEXITED(ended) ? strerror(error) : strsignal(WTERMSIG(ended)));
		if (!*status)
			*status = error;
	}
}

int weft_opencl_all_run(uint32_t device_count, int argc, char **argv)
{
	pid_t *pids = calloc(device_count, sizeof(*pids));
	uint32_t i, left = 0;
	int ret, status = 0;
	sigset_t told;
	int signal;

	if (!pids)
		return -ENOMEM;
	sigemptyset(&told);
	sigaddset(&told, SIGTERM);
	sigaddset(&told, SIGINT);
	sigaddset(&told, SIGCHLD);
	sigprocmask(SIG_BLOCK, &told, NULL);
	for (i = 0; i < device_count; i++) {
		ret = weft_opencl_server_start(i, argc, argv, &pids[i]);
		if (ret) {
			fprintf(stderr, "weft-serve-opencl: starting a server: %s\n",
				strerror(-ret));
			status = -ret;
		}
		left += !ret;
	}
	while (left) {
		if (sigwait(&told, &signal))
			continue;
		for (i = 0; signal != SIGCHLD && i < device_count; i++)
			if (pids[i] > 0)
				kill(pids[i], SIGTERM);
		weft_opencl_servers_bury(pids, device_count, &left, &status);
	}
	free(pids);
	return -status;
}
