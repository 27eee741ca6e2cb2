// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device cgroup: which processes open a device, whatever their user.
 *
 * DOC: devcgroup
 *
 * Owner and mode of a node do not hold root's processes, nor nodes of the same number elsewhere,
 * for instance in a container. The kernel asks programs of the cgroup and of all above it about
 * each open() and mknod() of a device. Ours sits at the root: it denies the numbers of the nodes to
 * all but one cgroup and what is below it, and allows everything else. It is found again by its
 * name, which is made from the device's, so nothing needs to be written down for taking it away.
 *
 * Rejected: libbpf (twenty instructions need no compiler); a link pinned in bpffs (one more thing
 * to be left behind); cgroup v1.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "seal.h"

#define DEVCGROUP_ROOT		"/sys/fs/cgroup"
#define DEVCGROUP_MAGIC		0x63677270
#define DEVCGROUP_PROGRAMS	64

static int devcgroup_bpf(int command, union bpf_attr *attr)
{
	long ret = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return ret < 0 ? -errno : (int)ret;
}

/* The root of cgroups, or @path below it */
static int devcgroup_open(const char *path)
{
	char *full = cli_path(DEVCGROUP_ROOT "%s", path);
	int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	free(full);
	if (fd < 0)
		return -errno;
	if (!fstatfs(fd, &fs) && (unsigned long)fs.f_type == DEVCGROUP_MAGIC)
		return fd;
	close(fd);
	return -EOPNOTSUPP;
}

/* Names of programs have 15 letters, those of devices 31. */
static void devcgroup_name(const char *device, char *name, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *device; device++)
		hash = (hash ^ (unsigned char)*device) * 0x100000001b3;
	snprintf(name, size, "weft_%010llx", (unsigned long long)(hash >> 24));
}

/* The programs of that name at @root: their ids, at most DEVCGROUP_PROGRAMS */
static int devcgroup_list(int root, const char *name, uint32_t *ids)
{
	uint32_t all[DEVCGROUP_PROGRAMS];
	struct bpf_prog_info info;
	union bpf_attr attr = {};
	unsigned int i;
	int fd, ret, count = 0;

	attr.query.target_fd = (uint32_t)root;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)all;
	attr.query.prog_cnt = DEVCGROUP_PROGRAMS;
	ret = devcgroup_bpf(BPF_PROG_QUERY, &attr);
	if (ret < 0)
		return ret;
	for (i = 0; i < attr.query.prog_cnt; i++) {
		union bpf_attr get = { .prog_id = all[i] }, about = {};

		fd = devcgroup_bpf(BPF_PROG_GET_FD_BY_ID, &get);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		about.info.bpf_fd = (uint32_t)fd;
		about.info.info_len = sizeof(info);
		about.info.info = (uintptr_t)&info;
		ret = devcgroup_bpf(BPF_OBJ_GET_INFO_BY_FD, &about);
		close(fd);
		if (!ret && !strcmp(info.name, name))
			ids[count++] = all[i];
	}
	return count;
}

static int devcgroup_remove(int root, uint32_t id)
{
	union bpf_attr get = { .prog_id = id }, attr = {};
	int fd = devcgroup_bpf(BPF_PROG_GET_FD_BY_ID, &get), ret;

	if (fd < 0)
		return fd;
	attr.target_fd = (uint32_t)root;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	ret = devcgroup_bpf(BPF_PROG_DETACH, &attr);
	close(fd);
	return ret;
}

/* A map of one element, the cgroup that may */
static int devcgroup_map(int cgroup)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_CGROUP_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint32_t),
		.max_entries = 1,
	}, update = {};
	uint32_t key = 0, value = (uint32_t)cgroup;
	int map = devcgroup_bpf(BPF_MAP_CREATE, &attr), ret;

	if (map < 0)
		return map;
	update.map_fd = (uint32_t)map;
	update.key = (uintptr_t)&key;
	update.value = (uintptr_t)&value;
	ret = devcgroup_bpf(BPF_MAP_UPDATE_ELEM, &update);
	if (!ret)
		return map;
	close(map);
	return ret;
}

#define INSN(c, d, s, o, i)	\
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

static int devcgroup_load(const struct seal_nodes *nodes, const char *name, int map)
{
	struct bpf_insn code[16 + 2 * SEAL_NODES];
	union bpf_attr attr = {};
	unsigned int n = 0, i;

	/* r2: type of the device, r3, r4: its number */
	code[n++] = INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
			 offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	code[n++] = INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1,
			 offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	code[n++] = INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
			 offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
	code[n++] = INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	code[n++] = INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, (int16_t)(2 * nodes->count),
			 BPF_DEVCG_DEV_CHAR);
	for (i = 0; i < nodes->count; i++) {
		code[n++] = INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 1,
				 (int32_t)nodes->node[i].major);
		/* behind the last of these pairs and the two instructions that allow */
		code[n++] = INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_4, 0,
				 (int16_t)(2 * (nodes->count - 1 - i) + 2),
				 (int32_t)nodes->node[i].minor);
	}
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
	code[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	code[n++] = INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map);
	code[n++] = INSN(0, 0, 0, 0, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0);
	code[n++] = INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_current_task_under_cgroup);
	/* 1 it is, 0 it is not, else an error: then nobody does */
	code[n++] = INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 1, 1);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	code[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = n;
	attr.license = (uintptr_t)"GPL";
	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	return devcgroup_bpf(BPF_PROG_LOAD, &attr);
}

int devcgroup_attach(const char *device, const struct seal_nodes *nodes, const char *cgroup)
{
	int root = devcgroup_open(""), allowed, map = -1, program = -1, ret, count = 0, i;
	uint32_t before[DEVCGROUP_PROGRAMS];
	union bpf_attr attr = {};
	char name[16];

	if (root < 0)
		return root;
	devcgroup_name(device, name, sizeof(name));
	ret = allowed = devcgroup_open(cgroup);
	if (ret >= 0)
		ret = map = devcgroup_map(allowed);
	if (ret >= 0)
		ret = program = devcgroup_load(nodes, name, map);
	if (ret >= 0)
		ret = count = devcgroup_list(root, name, before);
	if (ret >= 0) {
		attr.target_fd = (uint32_t)root;
		attr.attach_bpf_fd = (uint32_t)program;
		attr.attach_type = BPF_CGROUP_DEVICE;
		attr.attach_flags = BPF_F_ALLOW_MULTI;
		ret = devcgroup_bpf(BPF_PROG_ATTACH, &attr);
	}
	/* no moment without one */
	for (i = 0; i < count && !ret; i++)
		ret = devcgroup_remove(root, before[i]);
	if (program >= 0)
		close(program);
	if (map >= 0)
		close(map);
	if (allowed >= 0)
		close(allowed);
	close(root);
	return ret;
}

int devcgroup_detach(const char *device)
{
	int root = devcgroup_open(""), count, i, ret = 0;
	uint32_t ids[DEVCGROUP_PROGRAMS];
	char name[16];

	if (root < 0)
		return root;
	devcgroup_name(device, name, sizeof(name));
	count = devcgroup_list(root, name, ids);
	for (i = 0; i < count && !ret; i++)
		ret = devcgroup_remove(root, ids[i]);
	close(root);
	return ret ?: count;
}

int devcgroup_attached(const char *device)
{
	int root = devcgroup_open(""), ret;
	uint32_t ids[DEVCGROUP_PROGRAMS];
	char name[16];

	if (root < 0)
		return root;
	devcgroup_name(device, name, sizeof(name));
	ret = devcgroup_list(root, name, ids);
	close(root);
	return ret > 0 ? 1 : ret;
}
