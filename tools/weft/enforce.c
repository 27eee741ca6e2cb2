// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do weft's limits hold on a device, or are they advice?
 *
 * DOC: enforce
 *
 * A device that a kernel driver of weft's drives is reached by nobody else. A served one is if its
 * nodes belong to the server alone, the kernel keeps root's other processes out, and nobody still
 * has one open from before. All of that is looked at each time: what was written down when the
 * device was sealed says what it was like, not what it is.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "seal.h"

static void seal_because(struct seal_state *state, int enforced, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "No" outweighs "unknown"; the first reason stays, others follow it. */
static void seal_because(struct seal_state *state, int enforced, const char *format, ...)
{
	size_t used = strlen(state->why);
	va_list list;

	if (state->enforced == SEAL_NO && enforced == SEAL_UNKNOWN)
		return;
	if (state->enforced == SEAL_UNKNOWN && enforced == SEAL_NO)
		used = 0;
	state->enforced = enforced;
	if (used)
		used += (size_t)snprintf(state->why + used, sizeof(state->why) - used, "; ");
	if (used >= sizeof(state->why))
		return;
	va_start(list, format);
	vsnprintf(state->why + used, sizeof(state->why) - used, format, list);
	va_end(list);
}

static uint64_t seal_number(const char *device, const char *file)
{
	char *path = cli_path(CLI_DEVICES "/%s/../%s", device, file);
	char *line = cli_read_line(path);
	uint64_t number = line ? strtoull(line, NULL, 10) : 0;

	free(path);
	free(line);
	return number;
}

static void seal_look_at_nodes(struct seal_state *state, uid_t user)
{
	unsigned int i;

	for (i = 0; i < state->nodes.count; i++) {
		const struct seal_node *node = &state->nodes.node[i];
		struct stat st;

		if (!node->path[0] || stat(node->path, &st) || !S_ISCHR(st.st_mode) ||
		    major(st.st_rdev) != node->major || minor(st.st_rdev) != node->minor)
			continue;
		if ((st.st_uid && st.st_uid != user) || (st.st_mode & 077))
			seal_because(state, SEAL_NO, "%s is open to others (uid %u, mode %04o)",
				     node->path, st.st_uid, st.st_mode & 07777);
	}
}

static void seal_look_at_load(const char *device, struct seal_state *state)
{
	ssize_t count;

	state->foreign_bytes = seal_number(device, "foreign_bytes");
	state->foreign_permille = seal_number(device, "foreign_permille");
	if (state->foreign_bytes || state->foreign_permille)
		seal_because(state, SEAL_NO,
			     "the server reports foreign load: %llu.%llu %% of its time, %llu bytes",
			     (unsigned long long)state->foreign_permille / 10,
			     (unsigned long long)state->foreign_permille % 10,
			     (unsigned long long)state->foreign_bytes);
	if (!state->nodes.count)
		return;
	count = vendor_foreign(device, &state->nodes, &state->foreign);
	state->foreign_count = count > 0 ? (size_t)count : 0;
	if (count > 0)
		seal_because(state, SEAL_NO, "foreign processes have it open");
	else if (count < 0)
		seal_because(state, SEAL_UNKNOWN, "only root sees who has its nodes open");
}

void seal_look(const char *device, struct seal_state *state)
{
	struct seal_record record;
	unsigned int i;
	int ret;

	memset(state, 0, sizeof(*state));
	state->enforced = SEAL_YES;
	state->sealed = !seal_record_read(device, &record);
	state->served = !vendor_declared(device, &state->nodes);
	if (!state->served)
		return;
	for (i = 0; state->sealed && i < record.nodes.count; i++)
		vendor_add(&state->nodes, &record.nodes.node[i]);
	vendor_find(&state->nodes);
	if (!state->sealed)
		seal_because(state, SEAL_NO, "it is not sealed");
	if (!state->nodes.count)
		seal_because(state, SEAL_NO, "its server names no nodes");
	if (state->nodes.cut)
		seal_because(state, SEAL_NO, "its nodes have more names than weft can keep");
	if (state->sealed) {
		seal_look_at_nodes(state, record.user);
		ret = devcgroup_attached(device);
		if (ret == -EPERM || ret == -EACCES)
			seal_because(state, SEAL_UNKNOWN, "only root sees its device cgroup");
		else if (ret != 1)
			seal_because(state, SEAL_NO,
				     "without a device cgroup root's processes reach it");
	}
	seal_look_at_load(device, state);
}

void seal_state_free(struct seal_state *state)
{
	free(state->foreign);
	memset(state, 0, sizeof(*state));
}

const char *seal_enforced_name(const struct seal_state *state)
{
	static const char *const names[] = { "no", "yes", "?" };

	return names[state->enforced];
}

void seal_state_json(struct json_object *o, const struct seal_state *state)
{
	struct json_object *list;
	size_t i;

	json_object_object_add(o, "enforced", state->enforced == SEAL_UNKNOWN ? NULL :
			       json_object_new_boolean(state->enforced == SEAL_YES));
	json_object_object_add(o, "served", json_object_new_boolean(state->served));
	if (!state->served)
		return;
	json_object_object_add(o, "sealed", json_object_new_boolean(state->sealed));
	if (state->enforced != SEAL_YES)
		cli_json_text(o, "why", state->why);
	list = json_object_new_array();
	for (i = 0; i < state->nodes.count; i++) {
		const struct seal_node *node = &state->nodes.node[i];
		struct json_object *n = json_object_new_object();

		json_object_object_add(n, "path", node->path[0] ?
				       json_object_new_string(node->path) : NULL);
		cli_json_u64(n, "major", node->major);
		cli_json_u64(n, "minor", node->minor);
		json_object_array_add(list, n);
	}
	json_object_object_add(o, "nodes", list);
	list = json_object_new_array();
	for (i = 0; i < state->foreign_count; i++) {
		struct json_object *f = json_object_new_object();

		cli_json_u64(f, "pid", (uint64_t)state->foreign[i].pid);
		cli_json_text(f, "name", state->foreign[i].name);
		cli_json_text(f, "node", state->foreign[i].path);
		json_object_array_add(list, f);
	}
	json_object_object_add(o, "foreign", list);
	cli_json_u64(o, "foreign_bytes", state->foreign_bytes);
	cli_json_u64(o, "foreign_permille", state->foreign_permille);
}
