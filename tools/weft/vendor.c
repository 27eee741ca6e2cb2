// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes of a vendor's driver, and who has them open.
 *
 * DOC: vendor
 *
 * A server names its nodes by number, since it may live in another mount namespace. Every name that
 * a number has below /dev counts. Who has one open is read from /proc: descriptors, and mappings
 * that outlive them.
 *
 * Rejected: fuser(1) and lsof(8) (their output is for people, and they look at one name).
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "seal.h"

/* server and seats of a device */
#define VENDOR_PROCESSES	32

bool vendor_add(struct seal_nodes *nodes, const struct seal_node *node)
{
	unsigned int i;

	for (i = 0; i < nodes->count; i++)
		if (nodes->node[i].major == node->major && nodes->node[i].minor == node->minor &&
		    !strcmp(nodes->node[i].path, node->path))
			return true;
	nodes->cut |= nodes->count == SEAL_NODES;
	if (nodes->count < SEAL_NODES)
		nodes->node[nodes->count++] = *node;
	return !nodes->cut;
}

static bool vendor_has(const struct seal_nodes *nodes, dev_t number)
{
	unsigned int i;

	for (i = 0; i < nodes->count; i++)
		if (nodes->node[i].major == major(number) && nodes->node[i].minor == minor(number))
			return true;
	return false;
}

int vendor_declared(const char *device, struct seal_nodes *nodes)
{
	/* the device's parent: what weft_serve shows of it */
	char *path = cli_path(CLI_DEVICES "/%s/../nodes", device);
	char *line = cli_read_line(path), *word, *rest;

	memset(nodes, 0, sizeof(*nodes));
	free(path);
	if (!line)
		return -1;
	for (word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		struct seal_node node = {};

		if (sscanf(word, "%u:%u", &node.major, &node.minor) == 2)
			vendor_add(nodes, &node);
	}
	free(line);
	return 0;
}

/* nftw() has no argument for its callback */
static const struct seal_nodes *vendor_wanted;
static struct seal_nodes *vendor_found;

static int vendor_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct seal_node node = { .uid = st->st_uid, .gid = st->st_gid,
				  .mode = st->st_mode & 07777 };

	(void)ftw;
	if (type != FTW_F || !S_ISCHR(st->st_mode) || !vendor_has(vendor_wanted, st->st_rdev))
		return 0;
	node.major = major(st->st_rdev);
	node.minor = minor(st->st_rdev);
	if (snprintf(node.path, sizeof(node.path), "%s", path) < (int)sizeof(node.path))
		vendor_add(vendor_found, &node);
	else
		vendor_found->cut = true;
	return 0;
}

void vendor_find(struct seal_nodes *nodes)
{
	struct seal_nodes found = { .cut = nodes->cut };
	char *folder = cli_path("/dev");
	unsigned int i;

	vendor_wanted = nodes;
	vendor_found = &found;
	/* not into other file systems: theirs are no device nodes of the system */
	nftw(folder, vendor_visit, 16, FTW_PHYS | FTW_MOUNT);
	free(folder);
	/* those that are elsewhere, or have no name at all */
	for (i = 0; i < nodes->count; i++) {
		struct seal_node *node = &nodes->node[i];
		dev_t number = makedev(node->major, node->minor);

		if (node->path[0] || !vendor_has(&found, number))
			vendor_add(&found, node);
	}
	*nodes = found;
}

size_t vendor_processes(const char *device, pid_t *pids, size_t max)
{
	char *path = cli_path(CLI_DEVICES "/%s/../processes", device);
	char *line = cli_read_line(path), *word, *rest;
	size_t count = 0;

	free(path);
	for (word = line ? strtok_r(line, " ", &rest) : NULL; word && count < max;
	     word = strtok_r(NULL, " ", &rest))
		pids[count++] = (pid_t)strtol(word, NULL, 10);
	free(line);
	return count;
}

/* Does the process have one of @nodes open? -1 it does not let us look */
static int vendor_descriptors(const char *process, const struct seal_nodes *nodes, char *path)
{
	char *folder = cli_path("/proc/%s/fd", process);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat st;
	ssize_t length;
	int found = 0;

	if (!dir) {
		/* one that has ended has nothing open */
		found = errno == ENOENT || errno == ESRCH ? 0 : -1;
		free(folder);
		return found;
	}
	while (found < 1 && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) || !S_ISCHR(st.st_mode) ||
		    !vendor_has(nodes, st.st_rdev))
			continue;
		length = readlinkat(dirfd(dir), entry->d_name, path, SEAL_PATH - 1);
		path[length < 0 ? 0 : length] = '\0';
		found = 1;
	}
	closedir(dir);
	free(folder);
	return found;
}

/* The same for mappings: a descriptor need not be kept for them. */
static int vendor_mappings(const char *process, const struct seal_nodes *nodes, char *path)
{
	char *maps = cli_path("/proc/%s/maps", process), *line = NULL, *name, *file;
	FILE *f = fopen(maps, "r");
	struct stat st;
	size_t size = 0;
	int found = 0;

	free(maps);
	while (f && !found && getline(&line, &size, f) >= 0) {
		name = strchr(line, '/');
		if (!name || strncmp(name, "/dev/", 5))
			continue;
		name[strcspn(name, "\n")] = '\0';
		line[strcspn(line, " ")] = '\0';
		file = cli_path("/proc/%s/map_files/%s", process, line);
		if (!stat(file, &st) && S_ISCHR(st.st_mode) && vendor_has(nodes, st.st_rdev)) {
			snprintf(path, SEAL_PATH, "%s", name);
			found = 1;
		}
		free(file);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool vendor_own(const pid_t *pids, size_t count, pid_t pid)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

ssize_t vendor_foreign(const char *device, const struct seal_nodes *nodes,
		       struct seal_foreign **list)
{
	char *folder = cli_path("/proc"), *comm, *name;
	pid_t own[VENDOR_PROCESSES];
	size_t own_count, count = 0;
	struct seal_foreign *more, one;
	bool blind = false;
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int ret;

	*list = NULL;
	free(folder);
	if (!dir)
		return -1;
	own_count = vendor_processes(device, own, VENDOR_PROCESSES);
	while ((entry = readdir(dir))) {
		memset(&one, 0, sizeof(one));
		one.pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    vendor_own(own, own_count, one.pid))
			continue;
		ret = vendor_descriptors(entry->d_name, nodes, one.path);
		if (!ret)
			ret = vendor_mappings(entry->d_name, nodes, one.path);
		blind |= ret < 0;
		if (ret <= 0)
			continue;
		comm = cli_path("/proc/%s/comm", entry->d_name);
		name = cli_read_line(comm);
		snprintf(one.name, sizeof(one.name), "%s", name ? name : "?");
		free(name);
		free(comm);
		more = realloc(*list, (count + 1) * sizeof(one));
		if (!more)
			break;
		*list = more;
		more[count++] = one;
	}
	closedir(dir);
	return blind && !count ? -1 : (ssize_t)count;
}
