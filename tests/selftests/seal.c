// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft seal, and what weft list and weft topo say of who else reaches a device.
 *
 * DOC: seal
 *
 * The test is the server. Nodes that every kernel has play the vendor's: /dev/full, and /dev/zero,
 * which can be mapped.
 */
/*
 * vm: timeout=400 env=TAP_TIMEOUT=1200 kernels=stock,debug,next with=weft/weft
 *     insmod=weft,weft_sim,weft_serve
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "cli.h"
#include "peers.h"
#include "served.h"

#define CGROUPS	"/sys/fs/cgroup"
#define RECORD	"/run/weft/seal/sealed"
#define RULE	"/run/udev/rules.d/72-weft-seal-sealed.rules"

/* Kernels of ours without programs for cgroups seal by owner and mode, and say that it is less. */
static bool has_programs(void)
{
	int fd = open(CGROUPS, O_RDONLY | O_DIRECTORY);
	union bpf_attr attr = { .query = { .target_fd = fd, .attach_type = BPF_CGROUP_DEVICE } };
	bool has = !syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr));

	close(fd);
	return has;
}

static void cgroup_enter(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), CGROUPS "/%s", name);
	CHECK(!mkdir(path, 0755) || errno == EEXIST);
	snprintf(path, sizeof(path), CGROUPS "/%s/cgroup.procs", name);
	CHECK_EQ(file_write(path, "0"), 0);
}

/* errno of opening @path in a process of another cgroup and user, or 0 */
static int open_elsewhere(const char *path, uid_t uid)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid) {
		cgroup_enter("other");
		if (uid && setresuid(uid, uid, uid))
			_exit(255);
		_exit(open(path, O_WRONLY | O_CLOEXEC) < 0 ? errno : 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void expect_open(void)
{
	CHECK_EQ(mode_of("/dev/full"), 0666);
	CHECK_EQ(open_elsewhere("/dev/full", 0), 0);
	CHECK_EQ(open_elsewhere("/dev/full", 1000), 0);
	CHECK_EQ(access(RECORD, F_OK), -1);
	CHECK_EQ(access(RECORD ".new", F_OK), -1);
	CHECK_EQ(access(RULE, F_OK), -1);
	CHECK_EQ(access(RULE ".new", F_OK), -1);
}

static void expect_sealed(void)
{
	CHECK_EQ(mode_of("/dev/full"), 0600);
	CHECK_EQ(open_elsewhere("/dev/full", 0), has_programs() ? EPERM : 0);
	CHECK_EQ(open_elsewhere("/dev/full", 1000), EACCES);
	CHECK_EQ(access(RECORD, F_OK), 0);
	CHECK_EQ(access(RULE, F_OK), 0);
}

/* what a subtest that failed left */
static void begin(void)
{
	weft("seal sealed --undo");
	unlink("/dev/another");
	expect_open();
	cgroup_enter("server");
}

/* offers "sealed", in a cgroup of its own; the server's file */
static int serve(struct weft_serve_offer *offer)
{
	int fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	begin();
	served_offer(offer, "sealed");
	offer->nodes[0] = (struct weft_serve_node) { .major = 1, .minor = 7 };
	offer->features |= WEFT_SERVE_F_TELEMETRY;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, offer), 0);
	return fd;
}

/* what `weft seal` answers when nobody foreign is there */
static int sealed_status(void)
{
	return has_programs() ? 0 : 1;
}

SETUP()
{
	/* as where udev runs */
	CHECK(!mkdir("/run/udev", 0755) || errno == EEXIST);
	dev_add("d0", DEV_NULL);
	devs_keep();
}

TEST(life, "seal and undo: nodes, their modes, the device cgroup; done twice it changes nothing")
{
	struct weft_serve_offer offer;
	int fd = serve(&offer), full;

	CHECK_EQ(weft("list"), 0);
	SAYS("sealed: limits are advisory: it is not sealed");
	CHECK_EQ(weft("seal sealed"), sealed_status());
	SAYS("sealed from now on");
	SAYS("/dev/full: now uid 0, gid 0, mode 0600");
	if (has_programs())
		SAYS("only processes in /server open them");
	else
		SAYS("without a device cgroup root's processes reach it");
	expect_sealed();
	/* the server itself, and what it starts */
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK(full >= 0);
	close(full);
	CHECK_EQ(weft("seal sealed"), sealed_status());
	SAYS("nothing to change");
	expect_sealed();
	CHECK_EQ(weft("list --json"), 0);
	SAYS("\"sealed\":true");
	SAYS(has_programs() ? "\"enforced\":true" : "\"enforced\":false");
	CHECK_EQ(weft("seal sealed --undo"), 0);
	SAYS("/dev/full: again uid 0, gid 0, mode 0666");
	expect_open();
	CHECK_EQ(weft("seal sealed --undo --json"), 0);
	SAYS("\"changes\":[\n  ]");
	SAYS("\"sealed\":false");
	close(fd);
}

TEST(list, "list: enforced yes on what the kernel drives; JSON names nodes")
{
	struct weft_serve_offer offer;
	int fd = serve(&offer);
	char *line;

	CHECK_EQ(weft("list"), 0);
	SAYS("enforced");
	line = strstr(output, "d0");
	CHECK(line);
	line[strcspn(line, "\n")] = 0;
	CHECK_MSG(strstr(line, " yes"), "%s", line);
	CHECK_EQ(weft("list --json"), 0);
	SAYS("\"path\":\"/dev/full\"");
	SAYS("\"enforced\":false");
	close(fd);
}

/* a process that opens or maps @path, tells @ready, and waits */
static pid_t holder(const char *path, bool map)
{
	int ready[2], fd;
	pid_t pid;
	char c;

	CHECK_EQ(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		cgroup_enter("other");
		fd = open(path, O_RDWR);
		if (fd < 0)
			_exit(1);
		if (map && mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			_exit(2);
		if (map)
			close(fd);
		if (write(ready[1], "", 1) != 1)
			_exit(3);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void held(bool map, const char *path)
{
	struct weft_serve_offer offer;
	int fd = serve(&offer);
	char text[128];
	pid_t pid = holder(path, map);

	CHECK_EQ(weft("seal sealed --node %s", path), 1);
	SAYS("limits are advisory all the same: ");
	snprintf(text, sizeof(text), "%d (seal) has %s open", pid, path);
	SAYS(text);
	CHECK_EQ(weft("list"), 0);
	SAYS(text);
	kill(pid, SIGKILL);
	reap(pid);
	CHECK_EQ(weft("seal sealed"), sealed_status());
	CHECK_EQ(weft("list"), 0);
	SAYS_NOT(text);
	CHECK_EQ(mode_of(path), 0600);
	CHECK_EQ(weft("seal sealed --undo"), 0);
	CHECK_EQ(mode_of(path), 0666);
	expect_open();
	close(fd);
}

TEST(foreign, "who had a node open before it was sealed is named, and it is not enforced")
{
	held(false, "/dev/full");
}

TEST(mapped, "who has it mapped, too; a node that the server did not name")
{
	held(true, "/dev/zero");
}

TEST(load, "foreign load that the server reports: not enforced, whatever the nodes are")
{
	struct weft_serve_telemetry t = {
		.valid = WEFT_SERVE_TELEMETRY_FOREIGN_LOAD | WEFT_SERVE_TELEMETRY_FOREIGN_MEMORY,
		.foreign_permille = 125, .foreign_bytes = 4096,
	};
	struct weft_serve_offer offer;
	int fd = serve(&offer);

	CHECK_EQ(weft("seal sealed"), sealed_status());
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), 0);
	CHECK_EQ(weft("list"), 0);
	SAYS("12.5 % of its time, 4096 bytes");
	CHECK_EQ(weft("seal sealed"), 1);
	CHECK_EQ(weft("list --json"), 0);
	SAYS("\"foreign_permille\":125");
	CHECK_EQ(weft("seal sealed --undo"), 0);
	close(fd);
}

TEST(reopened, "somebody gives the node back: list says so, and seal closes it again")
{
	struct weft_serve_offer offer;
	int fd = serve(&offer);

	CHECK_EQ(weft("seal sealed"), sealed_status());
	CHECK_EQ(chmod("/dev/full", 0640), 0);
	CHECK_EQ(weft("list"), 0);
	SAYS("/dev/full is open to others (uid 0, mode 0640)");
	CHECK_EQ(weft("seal sealed"), sealed_status());
	expect_sealed();
	/* what it was like at first is what it is given back as */
	CHECK_EQ(weft("seal sealed --undo"), 0);
	expect_open();
	close(fd);
}

TEST(names, "another name of the same device is closed, too; a device of no server, by --node")
{
	begin();
	CHECK_EQ(mknod("/dev/another", S_IFCHR | 0666, makedev(1, 7)), 0);
	CHECK_EQ(chmod("/dev/another", 0666), 0);
	CHECK_EQ(weft("seal sealed"), 1);
	SAYS("no process serves a device \"sealed\"");
	CHECK_EQ(weft("seal sealed --node /dev/full --cgroup /server --user 1000"), 0);
	SAYS("/dev/another: now uid 1000, gid 0, mode 0600");
	CHECK_EQ(mode_of("/dev/another"), 0600);
	CHECK_EQ(weft("seal sealed --undo"), 0);
	CHECK_EQ(mode_of("/dev/another"), 0666);
	unlink("/dev/another");
	expect_open();
}

TEST(user, "list for who is not root: it does not know what it cannot see")
{
	struct weft_serve_offer offer;
	int fd = serve(&offer), status;
	pid_t pid;

	CHECK_EQ(weft("seal sealed"), sealed_status());
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		char path[64];

		CHECK_EQ(pool_node("default", "accel", path, sizeof(path)), 0);
		CHECK_EQ(chmod(path, 0666), 0);
		CHECK_EQ(setresuid(1000, 1000, 1000), 0);
		CHECK_EQ(weft("list --json"), 0);
		SAYS("\"enforced\":null");
		CHECK_EQ(weft("seal sealed"), 3);
		SAYS("sealing is for root");
		CHECK_EQ(weft("seal sealed --undo"), 3);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	expect_sealed();
	CHECK_EQ(weft("seal sealed --undo"), 0);
	close(fd);
}

/* ------------------------------------------------------------------ a tool that is killed */

/* Does the system call change anything outside the process? */
static bool changes(const struct __ptrace_syscall_info *info)
{
	switch (info->entry.nr) {
	case SYS_openat:
		return info->entry.args[2] & O_CREAT;
	case SYS_write:
	case SYS_ftruncate:
		return info->entry.args[0] > 2;
	case SYS_rename:
	case SYS_unlink:
	case SYS_mkdir:
	case SYS_chmod:
	case SYS_fchownat:
		return true;
	case SYS_bpf:
		return info->entry.args[0] == BPF_PROG_ATTACH ||
		       info->entry.args[0] == BPF_PROG_DETACH;
	}
	return false;
}

/*
 * Runs `weft seal sealed [--undo]` and kills it when it is about to make change number @steps.
 * True if it ended before.
 */
static bool killed_at(unsigned int steps, bool undo)
{
	struct __ptrace_syscall_info info;
	unsigned int done = 0;
	pid_t pid = fork();
	int status, null;

	CHECK(pid >= 0);
	if (!pid) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execl("/t/weft", "weft", "seal", "sealed", undo ? "--undo" : NULL, NULL);
		_exit(127);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	for (;;) {
		CHECK_EQ(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			CHECK(WEXITSTATUS(status) <= 1);
			return true;
		}
		CHECK(WIFSTOPPED(status));
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !changes(&info) || done++ < steps)
			continue;
		kill(pid, SIGKILL);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		return false;
	}
}

TEST(killed, "a tool that is killed before any of its changes: whoever comes next can go on")
{
	struct weft_serve_offer offer;
	int fd = serve(&offer);
	unsigned int step;
	bool whole = false;

	for (step = 0; !whole; step++) {
		whole = killed_at(step, false);
		/* forwards, or back at once */
		if (step % 2) {
			CHECK_EQ(weft("seal sealed"), sealed_status());
			expect_sealed();
		}
		CHECK_EQ(weft("seal sealed --undo"), 0);
		expect_open();
	}
	CHECK_MSG(step > 8, "only %u changes were seen", step);
	for (step = 0, whole = false; !whole; step++) {
		CHECK_EQ(weft("seal sealed"), sealed_status());
		whole = killed_at(step, true);
		CHECK_EQ(weft("seal sealed --undo"), 0);
		expect_open();
	}
	CHECK_MSG(step > 4, "only %u changes were seen", step);
	close(fd);
}

/* ------------------------------------------------------------------ devices of other drivers */

TEST(other, "list --all, topo: a device of another driver, how to serve it, and that it is served")
{
	int vgem = vgem_open(), fd;
	struct weft_serve_offer offer;
	struct stat st;
	char *command, node[64];

	CHECK_EQ(weft("list"), 0);
	SAYS_NOT("vgem");
	CHECK_EQ(weft("list --all"), 0);
	SAYS("driver vgem");
	SAYS("/dev/dri/card");
	command = strstr(output, "to serve it: sudo WEFT_SERVE_NODES=/dev/dri/renderD");
	CHECK_MSG(command, "%s", output);
	command += strlen("to serve it: sudo WEFT_SERVE_NODES=");
	snprintf(node, sizeof(node), "%.*s", (int)strcspn(command, " "), command);
	/* the pool's own node is none of them */
	SAYS_NOT("driver weft");
	CHECK_EQ(weft("topo"), 0);
	SAYS("driver vgem");
	CHECK_EQ(weft("topo --json"), 0);
	SAYS("\"driver\":\"vgem\"");
	SAYS("\"served\":false");

	CHECK_EQ(stat(node, &st), 0);
	fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);
	served_offer(&offer, "other");
	offer.nodes[0].major = major(st.st_rdev);
	offer.nodes[0].minor = minor(st.st_rdev);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), 0);
	CHECK_EQ(weft("list --all"), 0);
	SAYS("served as other");
	SAYS_NOT("to serve it");
	close(fd);
	close(vgem);
}

TEST(wrong, "wrong use is told apart from trouble and from no")
{
	static const struct {
		const char *words;
		int status;
		const char *says;
	} calls[] = {
		{ "", 2, "one device" }, { "a b", 2, "one device" }, { "a/b", 2, "one device" },
		{ ".a", 2, "one device" }, { "none", 1, "no process serves" },
		{ "none --undo", 0, "nothing to change" }, { "d0", 1, "no process serves" },
		{ "a --node /etc", 2, "character device" }, { "a --node /none", 2, "character" },
		{ "a --node /dev/full --cgroup /", 2, "not the root" },
		{ "a --node /dev/full --cgroup server", 2, "begins with /" },
		{ "a --node /dev/full --cgroup /../x", 2, "begins with /" },
		{ "a --node /dev/full --user nobody-known", 2, "--user" },
		{ "a --undo --node /dev/full", 2, "nothing else" },
		{ "a --undo --user 0", 2, "nothing else" }, { "a --nonsense", 2, "nonsense" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int status = weft("seal %s", calls[i].words);

		CHECK_MSG(status == calls[i].status, "weft seal %s: %d: %s", calls[i].words, status,
			  output);
		CHECK_MSG(strstr(output, calls[i].says), "weft seal %s: %s", calls[i].words,
			  output);
	}
	CHECK_EQ(weft("list --nonsense"), 2);
	CHECK_EQ(weft("list more"), 2);
}
