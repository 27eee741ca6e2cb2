/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of other drivers, which no pool has.
 *
 * DOC: foreign.h
 */
#ifndef WEFT_FOREIGN_H
#define WEFT_FOREIGN_H

#include "cli.h"

#define FOREIGN_NODES	8

/* One device with nodes of the kernel's classes drm or accel that is not weft's */
struct foreign_device {
	/* in sysfs, the last part of which is its name: a PCI address and the like */
	char parent[256];
	char driver[64];
	/* "pci" and the like; empty: it is on no bus */
	char bus[32];
	/* 0 if it is not on PCI */
	unsigned int pci_vendor;
	unsigned int pci_device;
	/* -1 none */
	int numa_node;
	/* below /dev */
	char nodes[FOREIGN_NODES][64];
	unsigned int node_count;
	bool render;
	bool accel;
	/* the served device whose server names one of the nodes; empty: none */
	char served_as[64];
};

/* all of them, in the order of their names; free() it */
size_t foreign_list(struct foreign_device **list);
const char *foreign_name(const struct foreign_device *device);
/* the command that would serve it; "" if there is none */
const char *foreign_command(const struct foreign_device *device, char *text, size_t size);

/* for people, and as JSON */
void foreign_print(void);
struct json_object *foreign_json(void);

#endif /* WEFT_FOREIGN_H */
