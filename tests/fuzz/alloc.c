// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations that fail: in the calls of the fuzzing processes and in the kernel's workers, where
 * jobs are bound and retired.
 *
 * DOC: failing allocations
 *
 * failslab is told the tasks (each says it of itself; kworkers are told, and kthreadd, whose
 * children take after it) and the caches: kmalloc's, which is where weft's own objects come from.
 * Rejected: all caches. The kernel's gpu_buddy (6.12.117) uses memory that it freed if it cannot
 * allocate one of its own blocks while it splits another; the report is right, and not about weft.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define CACHES		"/sys/kernel/slab"
#define KTHREADD	2
#define ENOUGH		1000000000	/* counts down with every failure */

static int workers_fail(void)
{
	DIR *dir = opendir("/proc");
	char path[320], comm[32];
	struct dirent *d;
	int told = 0;

	while (dir && (d = readdir(dir))) {
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, comm, sizeof(comm) - 1);
		close(fd);
		comm[n > 0 ? n : 0] = 0;
		if (atoi(d->d_name) != KTHREADD && strncmp(comm, "kworker/", 8))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/make-it-fail", d->d_name);
		told += !put(path, "1");
	}
	if (dir)
		closedir(dir);
	return told ? 0 : -ENOENT;
}

static int caches_fail(void)
{
	DIR *dir = opendir(CACHES);
	struct dirent *d;
	char path[320];
	int told = 0;

	while (dir && (d = readdir(dir))) {
		if (strncmp(d->d_name, "kmalloc-", 8))
			continue;
		snprintf(path, sizeof(path), CACHES "/%s/failslab", d->d_name);
		told += !put(path, "1");
	}
	if (dir)
		closedir(dir);
	return told ? 0 : -ENOENT;
}

int alloc_fail_start(void)
{
	static const char *const setting[][2] = {
		{ FAILSLAB "cache-filter", "Y" }, { FAILSLAB "task-filter", "Y" },
		{ FAILSLAB "ignore-gfp-wait", "N" }, { FAILSLAB "verbose", "0" },
		{ FAILSLAB "probability", "1" },
	};
	char text[16];
	long ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(setting) && !ret; i++)
		ret = put(setting[i][0], setting[i][1]);
	ret = ret ?: caches_fail();
	ret = ret ?: workers_fail();
	snprintf(text, sizeof(text), "%d", ENOUGH);
	return ret ?: put(FAILSLAB "times", text);
}

int alloc_fail_me(void)
{
	return put("/proc/thread-self/make-it-fail", "1");
}

long alloc_fail_stop(void)
{
	int fd = open(FAILSLAB "times", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	long left = ENOUGH;

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) > 0)
			left = atol(text);
		close(fd);
	}
	put(FAILSLAB "times", "0");
	return ENOUGH - left;
}
