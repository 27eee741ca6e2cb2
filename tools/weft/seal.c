// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft seal: the vendor's nodes of a served device for its server alone.
 *
 * DOC: weft seal
 *
 * What a node was like is written down before anything is changed, in one step, and crossed out
 * when everything is as it was. So whoever comes after a tool that was killed can go on in either
 * direction, and doing a thing twice changes nothing. A rule for udev keeps it from giving the
 * nodes back; all of it is below /run and gone with the next start of the machine, as the nodes'
 * owners are.
 *
 * Rejected: the record in /etc (a unit seals its device whenever it starts), changing the rules of
 * the vendor's package, revoking what is open (the kernel cannot; it is reported).
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "seal.h"

static const char seal_help[] =
"Usage: weft seal DEVICE [--node PATH]... [--user USER] [--cgroup PATH] [--undo] [--json]\n"
"Let nobody but its server reach a served device: owner and mode of the vendor's nodes, and a\n"
"device cgroup. Without it limits on the device are advice.\n"
"  --node PATH    a node that the server has not named; may be repeated\n"
"  --user USER    whom the nodes belong to; else whom server or seats run as\n"
"  --cgroup PATH  who may, below /sys/fs/cgroup; else where server and seats are\n"
"  --undo         give the nodes back\n"
"Exit status 1 if the device can be reached all the same; it says why.\n";

/* before 73-seat-late.rules, which hands nodes to whoever sits at the screen */
#define SEAL_RULES	"/run/udev/rules.d"
#define SEAL_RULE	SEAL_RULES "/72-weft-seal-%s.rules"

struct seal {
	const char *device;
	bool json;
	/* whom the nodes are to belong to, and who may; else it is found out */
	bool user;
	uid_t uid;
	const char *cgroup;
	/* what was changed, in words */
	struct json_object *changes;
};

static void seal_changed(struct seal *seal, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void seal_changed(struct seal *seal, const char *format, ...)
{
	char text[SEAL_PATH + 128];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	json_object_array_add(seal->changes, json_object_new_string(text));
	if (!seal->json)
		puts(text);
}

static int seal_trouble(const char *what, int error)
{
	return cli_fail(CLI_TROUBLE, "%s: %s%s", what, strerror(error),
			error == EPERM || error == EACCES ? "; sealing is for root" : "");
}

/* ----------------------------------------------------------------- the record */

int seal_record_read(const char *device, struct seal_record *record)
{
	char *path = cli_path(SEAL_FOLDER "/%s", device), *line = NULL;
	FILE *file = fopen(path, "r");
	struct seal_node node;
	size_t room = 0;
	int error = file ? 0 : errno;
	int at;

	free(path);
	memset(record, 0, sizeof(*record));
	while (file && getline(&line, &room, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		memset(&node, 0, sizeof(node));
		if (!strncmp(line, "cgroup ", 7))
			snprintf(record->cgroup, sizeof(record->cgroup), "%s", line + 7);
		else if (sscanf(line, "node %u:%u %u:%u %o %n", &node.major, &node.minor,
				&node.uid, &node.gid, &node.mode, &at) == 5 &&
			 snprintf(node.path, sizeof(node.path), "%s", line + at) >= 0)
			vendor_add(&record->nodes, &node);
		else
			sscanf(line, "user %u", &record->user);
	}
	free(line);
	if (file)
		fclose(file);
	return error;
}

/* @text in a file that is there as a whole or not at all */
static int seal_write(const char *path, const char *text)
{
	size_t length = strlen(text);
	char *new;
	int fd, error = 0;

	if (asprintf(&new, "%s.new", path) < 0)
		return errno ?: EIO;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length || fsync(fd))
		error = errno ?: EIO;
	if (fd >= 0)
		close(fd);
	if (!error && rename(new, path))
		error = errno;
	if (error)
		unlink(new);
	free(new);
	return error;
}

/* mkdir -p */
static int seal_folder(const char *path)
{
	char *full = cli_path("%s", path), *at;
	int error = 0;

	for (at = full + 1; !error && at; ) {
		at = strchr(at, '/');
		if (at)
			*at = '\0';
		if (mkdir(full, 0755) && errno != EEXIST)
			error = errno;
		if (at)
			*at++ = '/';
	}
	free(full);
	return error;
}

static int seal_record_write(const char *device, const struct seal_record *record)
{
	char *path = cli_path(SEAL_FOLDER "/%s", device), *text = NULL;
	size_t size = 0;
	FILE *file;
	unsigned int i;
	int error;

	file = open_memstream(&text, &size);
	if (!file) {
		free(path);
		return errno;
	}
	fprintf(file, "user %u\n", record->user);
	if (record->cgroup[0])
		fprintf(file, "cgroup %s\n", record->cgroup);
	for (i = 0; i < record->nodes.count; i++) {
		const struct seal_node *node = &record->nodes.node[i];

		fprintf(file, "node %u:%u %u:%u %04o %s\n", node->major, node->minor, node->uid,
			node->gid, node->mode, node->path);
	}
	fclose(file);
	error = seal_folder(SEAL_FOLDER) ?: seal_write(path, text);
	free(path);
	free(text);
	return error;
}

/* -------------------------------------------------------------------- the rule */

static int seal_rule(const char *device, const struct seal_record *record)
{
	char *path = cli_path(SEAL_RULE, device), *udev = cli_path("/run/udev");
	char *text = NULL;
	size_t size = 0;
	FILE *file;
	unsigned int i;
	int error = 0;

	/* where there is no udev, nobody gives the nodes back */
	if (!access(udev, F_OK)) {
		file = open_memstream(&text, &size);
		for (i = 0; file && i < record->nodes.count; i++)
			fprintf(file,
				"ENV{MAJOR}==\"%u\", ENV{MINOR}==\"%u\", SUBSYSTEM!=\"block\", "
				"OWNER:=\"%u\", GROUP:=\"0\", MODE:=\"%04o\", TAG-=\"uaccess\"\n",
				record->nodes.node[i].major, record->nodes.node[i].minor,
				record->user, SEAL_MODE);
		if (file)
			fclose(file);
		error = !file ? ENOMEM : seal_folder(SEAL_RULES) ?: seal_write(path, text);
	}
	free(text);
	free(path);
	free(udev);
	return error;
}

/* ------------------------------------------------------------------- the nodes */

/* The node gets owner and mode if it is still what it was; 1: it has changed, or -errno */
static int seal_node_set(const struct seal_node *node, uid_t uid, gid_t gid, mode_t mode)
{
	int fd = open(node->path, O_PATH | O_NOFOLLOW | O_CLOEXEC), ret = 0;
	char self[64];
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st)) {
		ret = -errno;
	} else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(node->major, node->minor)) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		/* the stricter one first, whichever direction it goes */
		if ((st.st_mode & 07777) != mode)
			ret = chmod(self, st.st_mode & mode & 07777) ? -errno : 1;
		if (ret >= 0 && (st.st_uid != uid || st.st_gid != gid))
			ret = fchownat(fd, "", uid, gid, AT_EMPTY_PATH) ? -errno : 1;
		if (ret > 0 && chmod(self, mode))
			ret = -errno;
	}
	close(fd);
	return ret;
}

/* ------------------------------------------------------------------ the cgroup */

/* Path of the process's cgroup in the unified tree; free() it */
static char *seal_cgroup_of(pid_t pid)
{
	char *path = cli_path("/proc/%d/cgroup", pid), *line = NULL, *found = NULL;
	FILE *file = fopen(path, "r");
	size_t size = 0;

	free(path);
	while (file && !found && getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::", 3))
			found = strdup(line + 3);
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* @cgroup becomes the one that it and @other are both in or below */
static void seal_cgroup_join(char *cgroup, const char *other)
{
	size_t i, last = 0;

	for (i = 0; cgroup[i] && cgroup[i] == other[i]; i++)
		if (cgroup[i] == '/')
			last = i;
	if ((!cgroup[i] && (!other[i] || other[i] == '/')) || (!other[i] && cgroup[i] == '/'))
		last = i;
	cgroup[last] = '\0';
}

/* Where server and seats are; "" if that is everywhere, or nobody is there to ask */
static void seal_cgroup_guess(const char *device, char *cgroup, size_t size)
{
	pid_t pids[32];
	size_t i, count = vendor_processes(device, pids, 32);
	char *one;

	for (i = 0; i < count; i++) {
		one = seal_cgroup_of(pids[i]);
		if (one && !i)
			snprintf(cgroup, size, "%s", one);
		else if (one)
			seal_cgroup_join(cgroup, one);
		free(one);
	}
	if (!strcmp(cgroup, "/"))
		cgroup[0] = '\0';
}

static bool seal_cgroup_holds(const char *device, const char *cgroup)
{
	pid_t pids[32];
	size_t i, length = strlen(cgroup), count = vendor_processes(device, pids, 32);
	char *path = cli_path("/sys/fs/cgroup%s", cgroup);
	bool holds = length && !access(path, F_OK);
	char *one;

	free(path);
	for (i = 0; i < count && holds; i++) {
		one = seal_cgroup_of(pids[i]);
		holds = one && !strncmp(one, cgroup, length) &&
			(!one[length] || one[length] == '/');
		free(one);
	}
	return holds;
}

/* ----------------------------------------------------------------- both ways */

/* Whom server and seats run as: who is not root has to own the nodes */
static uid_t seal_user_guess(const char *device)
{
	pid_t pids[32];
	size_t i, count = vendor_processes(device, pids, 32);
	struct stat st;
	uid_t user = 0;
	char *path;

	for (i = 0; i < count && !user; i++) {
		path = cli_path("/proc/%d", pids[i]);
		if (!stat(path, &st))
			user = st.st_uid;
		free(path);
	}
	return user;
}

/* All nodes of the device: what the server says, what is on the command line, what was sealed */
static int seal_collect(const struct seal *seal, const struct seal_nodes *named,
			const struct seal_nodes *before, struct seal_nodes *nodes)
{
	bool served = !vendor_declared(seal->device, nodes);
	unsigned int i, j;

	if (!served && !named->count && !before->count)
		return cli_fail(CLI_NO, "no process serves a device \"%s\"; to seal one that will "
				"be, name its nodes with --node", seal->device);
	for (i = 0; i < named->count; i++)
		vendor_add(nodes, &named->node[i]);
	for (i = 0; i < before->count; i++)
		vendor_add(nodes, &before->node[i]);
	vendor_find(nodes);
	if (!nodes->count)
		return cli_fail(CLI_NO, "the server of %s names no nodes; name them with --node",
				seal->device);
	if (nodes->cut)
		return cli_fail(CLI_NO, "the nodes of %s have more than %u names", seal->device,
				SEAL_NODES);
	/* what they were like before the first time is what counts */
	for (i = 0; i < nodes->count; i++)
		for (j = 0; j < before->count; j++)
			if (!strcmp(nodes->node[i].path, before->node[j].path) &&
			    nodes->node[i].major == before->node[j].major &&
			    nodes->node[i].minor == before->node[j].minor)
				nodes->node[i] = before->node[j];
	return CLI_OK;
}

static int seal_close_nodes(struct seal *seal, const struct seal_record *record)
{
	unsigned int i;
	int ret;

	for (i = 0; i < record->nodes.count; i++) {
		const struct seal_node *node = &record->nodes.node[i];

		ret = node->path[0] ? seal_node_set(node, record->user, 0, SEAL_MODE) : 0;
		if (ret < 0)
			return seal_trouble(node->path, -ret);
		if (ret)
			seal_changed(seal, "%s: now uid %u, gid 0, mode %04o", node->path,
				     record->user, SEAL_MODE);
	}
	return CLI_OK;
}

/* Always anew: the cgroup may be another one of the same name, as a unit's is after a restart. */
static int seal_close_cgroup(struct seal *seal, const struct seal_record *record, bool same)
{
	int ret;

	same = same && devcgroup_attached(seal->device) == 1;
	ret = devcgroup_attach(seal->device, &record->nodes, record->cgroup);
	/* a kernel or a system without: seal_report() says that it is missing */
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		return CLI_OK;
	if (ret)
		return seal_trouble(record->cgroup, -ret);
	if (!same)
		seal_changed(seal, "device cgroup: only processes in %s open them",
			     record->cgroup);
	return CLI_OK;
}

static int seal_do(struct seal *seal, const struct seal_nodes *named)
{
	struct seal_record before, record = {};
	bool anew = seal_record_read(seal->device, &before) != 0;
	int ret;

	ret = seal_collect(seal, named, &before.nodes, &record.nodes);
	if (ret)
		return ret;
	record.user = seal->user ? seal->uid : anew ? seal_user_guess(seal->device) : before.user;
	if (seal->cgroup)
		snprintf(record.cgroup, sizeof(record.cgroup), "%s", seal->cgroup);
	else if (seal_cgroup_holds(seal->device, before.cgroup))
		memcpy(record.cgroup, before.cgroup, sizeof(record.cgroup));
	else
		seal_cgroup_guess(seal->device, record.cgroup, sizeof(record.cgroup));

	ret = seal_record_write(seal->device, &record);
	if (ret)
		return seal_trouble("writing down what the nodes are like", ret);
	if (anew)
		seal_changed(seal, "%s: sealed from now on", seal->device);
	ret = seal_rule(seal->device, &record);
	if (ret)
		return seal_trouble("a rule for udev", ret);
	ret = seal_close_nodes(seal, &record);
	if (!ret && record.cgroup[0])
		ret = seal_close_cgroup(seal, &record, !strcmp(record.cgroup, before.cgroup));
	return ret;
}

static int seal_undo(struct seal *seal)
{
	char *record = cli_path(SEAL_FOLDER "/%s", seal->device);
	char *rule = cli_path(SEAL_RULE, seal->device);
	char *half_record = cli_path(SEAL_FOLDER "/%s.new", seal->device);
	char *half_rule = cli_path(SEAL_RULE ".new", seal->device);
	struct seal_record before;
	int ret, status = CLI_OK;
	unsigned int i;

	if (seal_record_read(seal->device, &before) == 0) {
		if (unlink(rule) && errno != ENOENT)
			status = seal_trouble(rule, errno);
		for (i = 0; i < before.nodes.count; i++) {
			const struct seal_node *node = &before.nodes.node[i];

			ret = node->path[0] ? seal_node_set(node, node->uid, node->gid,
							    node->mode) : 0;
			if (ret < 0)
				status = seal_trouble(node->path, -ret);
			else if (ret)
				seal_changed(seal, "%s: again uid %u, gid %u, mode %04o",
					     node->path, node->uid, node->gid, node->mode);
		}
		ret = devcgroup_detach(seal->device);
		if (ret > 0)
			seal_changed(seal, "device cgroup: gone");
		else if (ret < 0 && ret != -EOPNOTSUPP && ret != -EINVAL && ret != -ENOENT)
			status = seal_trouble("device cgroup", -ret);
		/* last: until here the next one can go on */
		if (!status && unlink(record) && errno != ENOENT)
			status = seal_trouble(record, errno);
		if (!status)
			seal_changed(seal, "%s: not sealed any more", seal->device);
	}
	/* of one that was killed while it wrote */
	unlink(half_record);
	unlink(half_rule);
	free(half_record);
	free(half_rule);
	free(record);
	free(rule);
	return status;
}

/* How it is now; the status: is it what was asked for? */
static int seal_report(const struct seal *seal, bool undo)
{
	struct json_object *o = json_object_new_object();
	struct seal_state state;
	int status = CLI_OK;
	size_t i;

	seal_look(seal->device, &state);
	if (!json_object_array_length(seal->changes) && !seal->json)
		printf("%s: nothing to change\n", seal->device);
	cli_json_text(o, "device", seal->device);
	json_object_object_add(o, "changes", json_object_get(seal->changes));
	if (state.served) {
		seal_state_json(o, &state);
	} else {
		json_object_object_add(o, "served", json_object_new_boolean(false));
		json_object_object_add(o, "sealed", json_object_new_boolean(state.sealed));
	}
	if (!undo && state.served && state.enforced != SEAL_YES) {
		status = CLI_NO;
		if (!seal->json)
			printf("%s: limits are advisory all the same: %s\n", seal->device,
			       state.why);
		for (i = 0; !seal->json && i < state.foreign_count; i++)
			printf("  %d (%s) has %s open\n", state.foreign[i].pid,
			       state.foreign[i].name, state.foreign[i].path);
	}
	if (seal->json)
		cli_print_json(o);
	else
		json_object_put(o);
	seal_state_free(&state);
	return status;
}

/* A node that is named on the command line: its number; where it is, vendor_find() knows better */
static int seal_named(struct seal_nodes *nodes, const char *text)
{
	char *path = realpath(text, NULL);
	struct seal_node node = {};
	struct stat st;
	int ret = CLI_OK;

	if (!path || stat(path, &st) || !S_ISCHR(st.st_mode) ||
	    strlen(path) >= sizeof(node.path)) {
		ret = cli_fail(CLI_USAGE, "--node wants a character device, not \"%s\"", text);
	} else {
		strcpy(node.path, path);
		node.major = major(st.st_rdev);
		node.minor = minor(st.st_rdev);
		node.uid = st.st_uid;
		node.gid = st.st_gid;
		node.mode = st.st_mode & 07777;
		vendor_add(nodes, &node);
	}
	free(path);
	return ret;
}

static int seal_user_named(struct seal *seal, const char *text)
{
	const struct passwd *user = getpwnam(text);
	uint64_t number;

	seal->user = true;
	if (user)
		seal->uid = user->pw_uid;
	else if (cli_number("--user", text, 0, UINT32_MAX - 1, &number))
		return CLI_USAGE;
	else
		seal->uid = (uid_t)number;
	return CLI_OK;
}

int cli_seal(int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "node", required_argument, NULL, 'n' },
		{ "user", required_argument, NULL, 'U' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ "undo", no_argument, NULL, 'u' },
		{}
	};
	struct seal_nodes named = {};
	struct seal seal = {};
	bool undo = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == CLI_OPT_HELP) {
			fputs(seal_help, stdout);
			return CLI_OK;
		}
		if (c == '?')
			return CLI_USAGE;
		seal.json |= c == CLI_OPT_JSON;
		undo |= c == 'u';
		if (c == 'n' && seal_named(&named, optarg))
			return CLI_USAGE;
		if (c == 'U' && seal_user_named(&seal, optarg))
			return CLI_USAGE;
		if (c == 'c')
			seal.cgroup = optarg;
	}
	if (argc - optind != 1 || !argv[optind][0] || strchr(argv[optind], '/') ||
	    argv[optind][0] == '.')
		return cli_fail(CLI_USAGE, "\"weft seal\" wants the name of one device");
	if (undo && (named.count || seal.cgroup || seal.user))
		return cli_fail(CLI_USAGE, "--undo knows what to give back: it wants nothing else");
	if (seal.cgroup && (seal.cgroup[0] != '/' || !seal.cgroup[1] ||
			    strlen(seal.cgroup) >= SEAL_PATH || strstr(seal.cgroup, "/..")))
		return cli_fail(CLI_USAGE, "--cgroup wants a path below /sys/fs/cgroup that begins "
				"with / and is not the root, as every process is below that");
	seal.device = argv[optind];
	seal.changes = json_object_new_array();
	ret = undo ? seal_undo(&seal) : seal_do(&seal, &named);
	if (!ret)
		ret = seal_report(&seal, undo);
	json_object_put(seal.changes);
	return ret;
}
