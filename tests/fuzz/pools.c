// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools made through configfs meanwhile, and the nodes of whatever pools there are.
 *
 * DOC: pools
 *
 * "default" stays, so that most clients keep a pool. The others come, get devices and owners, are
 * disabled under their clients or removed with them. Who opens a node takes any that is there at
 * that moment. The minors of removed pools are not used again, so that in a long run no more pools
 * can be made (ENOSPC), which is to be survived, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define POOLS	"/sys/kernel/config/weft/pools"

static const char *const made[] = { "p0", "p1", "p2" };
static const char *const classes[][3] = {
	{ "/sys/class/accel", "accel", "/dev/accel" },
	{ "/sys/class/drm", "renderD", "/dev/dri" },
};

/* the name of the pool whose node this is; false if it is none */
static bool pool_of(const char *class, const char *node, char *name, size_t size)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/device/weft/name", class, node);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, name, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	name[n] = 0;
	name[strcspn(name, "\n")] = 0;
	return true;
}

/* one of the nodes of pools that are "default", or are not */
static bool pick_node(struct rng *r, bool other, char *path, size_t size)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		DIR *dir = opendir(classes[i][0]);
		struct dirent *d;
		char name[64];

		while (dir && (d = readdir(dir))) {
			if (strncmp(d->d_name, classes[i][1], strlen(classes[i][1])) ||
			    !pool_of(classes[i][0], d->d_name, name, sizeof(name)) ||
			    other == !strcmp(name, "default"))
				continue;
			/* each is as likely as the others */
			if (!below(r, ++seen))
				snprintf(path, size, "%s/%s", classes[i][2], d->d_name);
		}
		if (dir)
			closedir(dir);
	}
	return seen;
}

int pool_open(struct rng *r, bool other)
{
	char path[512];
	int fd;

	if (!pick_node(r, other, path, sizeof(path)))
		return -ENODEV;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void set(const char *pool, const char *attr, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), POOLS "/%s/%s", pool, attr);
	count(CALL_POOL, put(path, text));
}

static void make(struct rng *r, const char *pool)
{
	static const char *const lists[] = { "f1", "f2", "f3", "f1 f2", "f2 f3 nobody", "" };
	char path[160];

	snprintf(path, sizeof(path), POOLS "/%s", pool);
	count(CALL_POOL, mkdir(path, 0755) ? -errno : 0);
	set(pool, "node", one_in(r, 2) ? "render" : "accel");
	set(pool, "policy", one_in(r, 2) ? "fifo" : "eft");
	set(pool, "owner", one_in(r, 2) ? "1001:5" : "none");
	set(pool, "devices", lists[below(r, ARRAY_SIZE(lists))]);
	set(pool, "enabled", "1");
}

static void drop(const char *pool)
{
	char path[160];

	snprintf(path, sizeof(path), POOLS "/%s", pool);
	count(CALL_POOL, rmdir(path) ? -errno : 0);
}

void pools_step(struct rng *r)
{
	const char *pool = made[below(r, ARRAY_SIZE(made))];
	char path[160];

	switch (below(r, 5)) {
	case 0:
		make(r, pool);
		break;
	case 1:
		/* clients on it lose their node */
		if (one_in(r, 3))
			drop(pool);
		break;
	case 2:
		if (one_in(r, 3))
			set(pool, "enabled", one_in(r, 2) ? "1" : "0");
		break;
	case 3:
		set(pool, "devices", one_in(r, 3) ? "" : one_in(r, 2) ? "f1" : "f3 f2");
		break;
	default:
		snprintf(path, sizeof(path), "/sys/bus/weft/devices/f%u/pool", 1 + below(r, 3));
		count(CALL_POOL, put(path, one_in(r, 3) ? "default" : pool));
		break;
	}
}

void pools_teardown(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		drop(made[i]);
}
