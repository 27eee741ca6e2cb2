// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of other drivers, which no pool has: what the kernel tells of them.
 *
 * DOC: foreign
 *
 * The classes drm and accel of sysfs, put together by parent device, but for nodes of weft's pools.
 * Such a device can be had in a pool if a process serves it; the command is said. One that has no
 * node for computing only shows pictures.
 *
 * Rejected: libudev and drmGetDevices2() (they know devices on a bus, not all); lists of vendors'
 * device numbers (never complete, and the driver's name says as much).
 */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xf86drm.h>

#include "foreign.h"
#include "seal.h"

static char *foreign_line(const char *parent, const char *file)
{
	char *path, *line;

	if (asprintf(&path, "%s/%s", parent, file) < 0)
		return NULL;
	line = cli_read_line(path);
	free(path);
	return line;
}

static unsigned int foreign_hex(const char *parent, const char *file)
{
	char *line = foreign_line(parent, file);
	unsigned int value = line ? (unsigned int)strtoul(line, NULL, 16) : 0;

	free(line);
	return value;
}

/* Last part of where the link points; "" if there is none */
static void foreign_link(const char *parent, const char *file, char *text, size_t size)
{
	char path[PATH_MAX], to[PATH_MAX];
	ssize_t length;

	text[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", parent, file);
	length = readlink(path, to, sizeof(to) - 1);
	if (length <= 0)
		return;
	to[length] = '\0';
	snprintf(text, size, "%s", basename(to));
}

/* A driver that sysfs does not know says its name itself. For nodes that opening does no harm. */
static void foreign_ask(const char *node, char *driver, size_t size)
{
	char *path = cli_path("/dev/%s", node);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	drmVersionPtr version = fd >= 0 ? drmGetVersion(fd) : NULL;

	free(path);
	if (version)
		snprintf(driver, size, "%s", version->name);
	drmFreeVersion(version);
	if (fd >= 0)
		close(fd);
}

/* "card", "renderD" or "accel" and a number, and nothing else (connectors have more) */
static bool foreign_is_node(const char *name)
{
	static const char *const kinds[] = { "card", "renderD", "accel" };
	size_t i, length;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		length = strlen(kinds[i]);
		if (!strncmp(name, kinds[i], length) && name[length])
			return strspn(name + length, "0123456789") == strlen(name + length);
	}
	return false;
}

struct foreign_found {
	struct foreign_device *list;
	size_t count;
};

/* The device with that parent, made if it is new; NULL: it is weft's, or there is no memory */
static struct foreign_device *foreign_get(struct foreign_found *found, const char *parent)
{
	struct foreign_device *device, *more;
	char *line;
	size_t i;

	for (i = 0; i < found->count; i++)
		if (!strcmp(found->list[i].parent, parent))
			return &found->list[i];
	line = foreign_line(parent, "weft/name");
	free(line);
	if (line || strlen(parent) >= sizeof(device->parent))
		return NULL;
	more = realloc(found->list, (found->count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	found->list = more;
	device = &more[found->count++];
	memset(device, 0, sizeof(*device));
	strcpy(device->parent, parent);
	foreign_link(parent, "driver", device->driver, sizeof(device->driver));
	foreign_link(parent, "subsystem", device->bus, sizeof(device->bus));
	if (!strcmp(device->bus, "pci")) {
		device->pci_vendor = foreign_hex(parent, "vendor");
		device->pci_device = foreign_hex(parent, "device");
	}
	line = foreign_line(parent, "numa_node");
	device->numa_node = line ? atoi(line) : -1;
	free(line);
	return device;
}

static void foreign_scan(struct foreign_found *found, const char *class, const char *folder)
{
	char *path = cli_path("/sys/class/%s", class), *link, *parent;
	struct foreign_device *device;
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (!foreign_is_node(entry->d_name))
			continue;
		link = cli_path("/sys/class/%s/%s/device", class, entry->d_name);
		parent = realpath(link, NULL);
		device = parent ? foreign_get(found, parent) : NULL;
		free(parent);
		free(link);
		if (!device || device->node_count == FOREIGN_NODES)
			continue;
		snprintf(device->nodes[device->node_count++], sizeof(device->nodes[0]), "%s/%.48s",
			 folder, entry->d_name);
		device->render |= entry->d_name[0] == 'r';
		device->accel |= entry->d_name[0] == 'a';
	}
	if (dir)
		closedir(dir);
	free(path);
}

/* Which of the served devices says that it is reached through one of @device's nodes? */
static void foreign_served(struct foreign_device *device)
{
	char *path = cli_path(CLI_DEVICES), *file;
	struct seal_nodes nodes;
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned int i, j;
	struct stat st;

	free(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || vendor_declared(entry->d_name, &nodes))
			continue;
		for (i = 0; i < device->node_count; i++) {
			file = cli_path("/dev/%s", device->nodes[i]);
			for (j = 0; !stat(file, &st) && j < nodes.count; j++)
				if (st.st_rdev == makedev(nodes.node[j].major, nodes.node[j].minor))
					snprintf(device->served_as, sizeof(device->served_as),
						 "%.31s", entry->d_name);
			free(file);
		}
	}
	if (dir)
		closedir(dir);
}

static int foreign_compare(const void *a, const void *b)
{
	return strcmp(((const struct foreign_device *)a)->parent,
		      ((const struct foreign_device *)b)->parent);
}

static int foreign_compare_nodes(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t foreign_list(struct foreign_device **list)
{
	struct foreign_found found = {};
	size_t i;

	foreign_scan(&found, "drm", "dri");
	foreign_scan(&found, "accel", "accel");
	for (i = 0; i < found.count; i++) {
		struct foreign_device *device = &found.list[i];

		qsort(device->nodes, device->node_count, sizeof(device->nodes[0]),
		      foreign_compare_nodes);
		/* the kernel's devices without hardware have a driver in common, or none */
		if ((!device->driver[0] || !strcmp(device->bus, "faux")) &&
		    (device->render || device->accel))
			foreign_ask(device->nodes[device->node_count - 1], device->driver,
				    sizeof(device->driver));
		foreign_served(device);
	}
	if (found.count)
		qsort(found.list, found.count, sizeof(*found.list), foreign_compare);
	*list = found.list;
	return found.count;
}

const char *foreign_name(const struct foreign_device *device)
{
	const char *slash = strrchr(device->parent, '/');

	return slash ? slash + 1 : device->parent;
}

const char *foreign_command(const struct foreign_device *device, char *text, size_t size)
{
	text[0] = '\0';
	/* the render node comes last, being later in the alphabet than the card */
	if (device->render)
		snprintf(text, size, "sudo WEFT_SERVE_NODES=/dev/%s weft-serve-opencl",
			 device->nodes[device->node_count - 1]);
	return text;
}

void foreign_print(void)
{
	struct foreign_device *list;
	size_t count = foreign_list(&list), i;
	char command[160];
	unsigned int j;

	if (count)
		printf("devices of other drivers, not in the pool:\n");
	for (i = 0; i < count; i++) {
		const struct foreign_device *d = &list[i];

		printf("  %s: driver %s", foreign_name(d), d->driver[0] ? d->driver : "unknown");
		if (d->pci_vendor)
			printf(", pci %04x:%04x", d->pci_vendor, d->pci_device);
		if (d->numa_node >= 0)
			printf(", host node %d", d->numa_node);
		for (j = 0; j < d->node_count; j++)
			printf("%s /dev/%s", j ? "" : ",", d->nodes[j]);
		putchar('\n');
		foreign_command(d, command, sizeof(command));
		if (d->served_as[0])
			printf("    served as %s\n", d->served_as);
		else if (command[0])
			printf("    not served; to serve it: %s\n", command);
		else if (d->accel)
			printf("    not served; it needs a server: libweft-serve(3)\n");
		else
			printf("    not served; it has no node for computing\n");
	}
	free(list);
}

struct json_object *foreign_json(void)
{
	struct json_object *all = json_object_new_array(), *o, *nodes;
	struct foreign_device *list;
	size_t count = foreign_list(&list), i;
	char command[160], *path;
	unsigned int j;

	for (i = 0; i < count; i++) {
		const struct foreign_device *d = &list[i];

		o = json_object_new_object();
		nodes = json_object_new_array();
		cli_json_text(o, "name", foreign_name(d));
		cli_json_text(o, "driver", d->driver);
		cli_json_text(o, "bus", d->bus);
		if (d->pci_vendor) {
			cli_json_u64(o, "pci_vendor", d->pci_vendor);
			cli_json_u64(o, "pci_device", d->pci_device);
		}
		json_object_object_add(o, "numa_node", json_object_new_int(d->numa_node));
		for (j = 0; j < d->node_count; j++) {
			path = cli_path("/dev/%s", d->nodes[j]);
			json_object_array_add(nodes, json_object_new_string(path));
			free(path);
		}
		json_object_object_add(o, "nodes", nodes);
		json_object_object_add(o, "served", json_object_new_boolean(d->served_as[0] != 0));
		if (d->served_as[0])
			cli_json_text(o, "served_as", d->served_as);
		foreign_command(d, command, sizeof(command));
		json_object_object_add(o, "command", command[0] && !d->served_as[0] ?
				       json_object_new_string(command) : NULL);
		json_object_array_add(all, o);
	}
	free(list);
	return all;
}
