/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who reaches a served device beside its server.
 *
 * DOC: seal
 *
 * weft orders and accounts what goes through it. A served device has the vendor's nodes, too, and
 * who opens one of those is bound by nothing. seal.c closes them and opens them again, enforce.c
 * finds out whether they are closed, vendor.c knows nodes and who has them open, devcgroup.c
 * writes the program by which the kernel keeps even root's processes out.
 */
#ifndef WEFT_SEAL_H
#define WEFT_SEAL_H

#include <sys/types.h>
#include "cli.h"

#define SEAL_FOLDER	"/run/weft/seal"
#define SEAL_MODE	0600
#define SEAL_PATH	256
#define SEAL_NODES	64

/* One name of a vendor's character device */
struct seal_node {
	char path[SEAL_PATH];
	unsigned int major;
	unsigned int minor;
	/* what it was before it was sealed */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

struct seal_nodes {
	struct seal_node node[SEAL_NODES];
	unsigned int count;
	/* there were more than fit */
	bool cut;
};

/* What is written down of a sealed device */
struct seal_record {
	struct seal_nodes nodes;
	/* who may: their owner, and a path below the root of cgroups or "" */
	uid_t user;
	char cgroup[SEAL_PATH];
};

/* A process that has a node open, or mapped, and is neither the server nor a seat */
struct seal_foreign {
	pid_t pid;
	char name[64];
	char path[SEAL_PATH];
};

/* What weft knows of one device */
struct seal_state {
	/* a process serves it; all that follows is zero if not */
	bool served;
	/* "weft seal" has closed it, and has not opened it again */
	bool sealed;
	enum { SEAL_NO, SEAL_YES, SEAL_UNKNOWN } enforced;
	/* in words, if it is not enforced or nobody knows */
	char why[512];
	struct seal_nodes nodes;
	struct seal_foreign *foreign;
	size_t foreign_count;
	uint64_t foreign_bytes;
	uint64_t foreign_permille;
};

/* ---- enforce.c; seal_state_free() afterwards */
void seal_look(const char *device, struct seal_state *state);
void seal_state_free(struct seal_state *state);
/* "yes", "no" or "?" */
const char *seal_enforced_name(const struct seal_state *state);
/* keys of @state, for the JSON of a device */
void seal_state_json(struct json_object *o, const struct seal_state *state);

/* ---- vendor.c */
/* the numbers that the server of @device named; -1 it is not served */
int vendor_declared(const char *device, struct seal_nodes *nodes);
/* all names below /dev of the devices in @nodes, in their place */
void vendor_find(struct seal_nodes *nodes);
/* add one; false: no room. One that is there already is not added again */
bool vendor_add(struct seal_nodes *nodes, const struct seal_node *node);
/* server and seats; how many, at most @max */
size_t vendor_processes(const char *device, pid_t *pids, size_t max);
/* who has one open, but for server and seats; free() *@list. -1: it could not be seen of all */
ssize_t vendor_foreign(const char *device, const struct seal_nodes *nodes,
		       struct seal_foreign **list);

/* ---- seal.c: what is written down of a sealed device; 0, or an errno */
int seal_record_read(const char *device, struct seal_record *record);

/* ---- devcgroup.c: 0 or more, or a negative errno */
/* none but processes in @cgroup, a path below the root of cgroups, open @nodes; replaces another */
int devcgroup_attach(const char *device, const struct seal_nodes *nodes, const char *cgroup);
/* how many programs of @device were taken away */
int devcgroup_detach(const char *device);
/* 1: there is one; 0: none */
int devcgroup_attached(const char *device);

#endif /* WEFT_SEAL_H */
