// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft pool: list, create, change and remove pools.
 *
 * DOC: weft pool
 *
 * A pool is a folder in configfs, this command a comfortable way to write its files. Which devices
 * are where, and which node a pool has, is read from sysfs.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static const char pool_help[] =
"Usage: weft pool [list] [--json]\n"
"       weft pool create NAME [OPTION]... [--enable]\n"
"       weft pool set NAME [OPTION]...\n"
"       weft pool enable | disable NAME\n"
"       weft pool remove NAME [--force]\n"
"       weft pool move DEVICE NAME\n"
"Pools have devices of their own; nothing goes from one to another. The pool \"default\" has what\n"
"no enabled pool names. A pool that somebody has open is not disabled or removed, except by force:\n"
"then its jobs end and its clients see ENODEV.\n"
"  --device NAME    a device, there or to come; may be repeated (set: these instead of those)\n"
"  --node KIND      \"accel\" or \"render\"; not while it is enabled\n"
"  --policy NAME    to start with; not while it is enabled\n"
"  --owner USER:GROUP  of the node, names or numbers, or \"none\"\n"
"  --mode MODE      of the node, octal\n";

enum { OPT_DEVICE = 256, OPT_NODE, OPT_POLICY, OPT_OWNER, OPT_MODE, OPT_ENABLE, OPT_FORCE };

struct pool_settings {
	char *devices;
	char *owner;
	const char *node;
	const char *policy;
	const char *mode;
	bool enable;
	bool force;
	bool json;
};

/* ------------------------------------------------------------------------- writing */

static const char *pool_hint(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "; only root may change pools: try sudo";
	case EEXIST:
		return "; another pool names it: use \"weft pool move\"";
	case ENOSPC:
		return "; the pool has no room for it, or there is no number left for its node";
	case EINVAL:
		return "; that is no value for it";
	default:
		return "";
	}
}

static int pool_write(const char *name, const char *file, const char *value)
{
	char *path = cli_path(CLI_POOLS "/%s/%s", name, file);
	int error = cli_write_file(path, value);

	if (error == EBUSY)
		cli_fail(CLI_TROUBLE, "%s cannot be changed while the pool is enabled; \"weft pool "
				      "disable %s\" first", file, name);
	else if (error)
		cli_fail(CLI_TROUBLE, "%s: %s%s", path, strerror(error), pool_hint(error));
	free(path);
	return error ? CLI_TROUBLE : CLI_OK;
}

static int pool_apply(const char *name, const struct pool_settings *s)
{
	int ret = CLI_OK;

	if (s->node)
		ret = pool_write(name, "node", s->node);
	if (!ret && s->policy)
		ret = pool_write(name, "policy", s->policy);
	if (!ret && s->owner)
		ret = pool_write(name, "owner", s->owner);
	if (!ret && s->mode)
		ret = pool_write(name, "mode", s->mode);
	if (!ret && s->devices)
		ret = pool_write(name, "devices", s->devices);
	if (!ret && s->enable)
		ret = pool_write(name, "enabled", "1");
	return ret;
}

/* CLI_OK if there is a pool @name, else a message and the status */
static int pool_must_exist(const char *name)
{
	char *all = cli_path(CLI_POOLS), *folder = cli_path(CLI_POOLS "/%s", name);
	int ret = CLI_OK;

	if (access(all, F_OK))
		ret = cli_folder_missing(CLI_POOLS);
	else if (access(folder, F_OK))
		ret = cli_fail(CLI_NO, "there is no pool \"%s\"; \"weft pool list\" shows them",
			       name);
	free(all);
	free(folder);
	return ret;
}

static int pool_create(const char *name, const struct pool_settings *s)
{
	char *folder = cli_path(CLI_POOLS "/%s", name);
	int ret = CLI_OK;

	if (mkdir(folder, 0755)) {
		if (errno == EEXIST)
			ret = cli_fail(CLI_NO, "there is a pool \"%s\" already; change it with "
					       "\"weft pool set\"", name);
		else if (errno == ENOENT)
			ret = cli_folder_missing(CLI_POOLS);
		else if (errno == EINVAL || errno == ENAMETOOLONG)
			ret = cli_fail(CLI_USAGE, "\"%s\" is no name for a pool: at most 31 "
						  "letters, digits, \"-\", \"_\" and \".\"", name);
		else
			ret = cli_fail(CLI_TROUBLE, "%s: %s%s", folder, strerror(errno),
				       pool_hint(errno));
	} else {
		ret = pool_apply(name, s);
		/* all or nothing */
		if (ret)
			rmdir(folder);
	}
	free(folder);
	return ret;
}

static int pool_set(const char *name, const struct pool_settings *s)
{
	int ret = pool_must_exist(name);

	if (!ret && !s->devices && !s->node && !s->policy && !s->owner && !s->mode)
		return cli_fail(CLI_USAGE,
				"nothing to set: give --device, --node, --policy, --owner or "
				"--mode");
	return ret ?: pool_apply(name, s);
}

static int pool_disable(const char *name, const char *otherwise)
{
	char *path;
	int error, ret = pool_must_exist(name);

	if (ret)
		return ret;
	path = cli_path(CLI_POOLS "/%s/enabled", name);
	error = cli_write_file(path, "0");
	if (error == EBUSY)
		ret = cli_fail(CLI_NO, "somebody has a node of the pool \"%s\" open%s", name,
			       otherwise);
	else if (error)
		ret = cli_fail(CLI_TROUBLE, "%s: %s%s", path, strerror(error), pool_hint(error));
	free(path);
	return ret;
}

static int pool_remove(const char *name, bool force)
{
	char *folder;
	int ret;

	if (!strcmp(name, "default"))
		return cli_fail(CLI_USAGE, "the pool \"default\" stays; it can be disabled");
	ret = force ? pool_must_exist(name) :
		      pool_disable(name, "; with --force its jobs end and its clients see ENODEV");
	if (ret)
		return ret;
	folder = cli_path(CLI_POOLS "/%s", name);
	if (rmdir(folder))
		ret = cli_fail(CLI_TROUBLE, "%s: %s%s", folder, strerror(errno), pool_hint(errno));
	free(folder);
	return ret;
}

static int pool_move(const char *device, const char *name)
{
	char *path = cli_path(CLI_DEVICES "/%s/pool", device);
	int error, ret = pool_must_exist(name);

	if (!ret) {
		error = cli_write_file(path, name);
		if (error == ENOENT)
			ret = cli_fail(CLI_NO, "there is no device \"%s\"; \"weft list\" shows "
					       "them", device);
		else if (error)
			ret = cli_fail(CLI_TROUBLE, "%s: %s%s", path, strerror(error),
				       pool_hint(error));
	}
	free(path);
	return ret;
}

/* ------------------------------------------------------------------------- listing */

static char *pool_read(const char *name, const char *file)
{
	char *path = cli_path(CLI_POOLS "/%s/%s", name, file);
	char *line = cli_read_line(path);

	free(path);
	return line ? line : strdup("");
}

/* The node of @name among the entries of class @class that begin with @kind, or NULL. */
static char *pool_node_in(const char *name, const char *class, const char *kind, const char *dev)
{
	char *folder = cli_path("/sys/class/%s", class), *found = NULL;
	DIR *dir = opendir(folder);
	struct dirent *d;

	while (dir && !found && (d = readdir(dir))) {
		char *path, *line;

		if (strncmp(d->d_name, kind, strlen(kind)))
			continue;
		path = cli_path("/sys/class/%s/%s/device/weft/name", class, d->d_name);
		line = cli_read_line(path);
		if (line && !strcmp(line, name) &&
		    asprintf(&found, "%s/%s", dev, d->d_name) < 0)
			found = NULL;
		free(line);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(folder);
	return found;
}

static char *pool_node(const char *name)
{
	char *path = pool_node_in(name, "accel", "accel", "/dev/accel");

	return path ? path : pool_node_in(name, "drm", "renderD", "/dev/dri");
}

static void pool_devices(const char *name, struct json_object *list)
{
	char *folder = cli_path(CLI_DEVICES);
	struct dirent **names;
	int i, count = scandir(folder, &names, NULL, alphasort);

	for (i = 0; i < count; i++) {
		char *path = cli_path(CLI_DEVICES "/%s/pool", names[i]->d_name);
		char *line = names[i]->d_name[0] == '.' ? NULL : cli_read_line(path);

		if (line && !strcmp(line, name))
			json_object_array_add(list, json_object_new_string(names[i]->d_name));
		free(line);
		free(path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	free(folder);
}

static void pool_configured(const char *name, struct json_object *list)
{
	char *path = cli_path(CLI_POOLS "/%s/devices", name), *line = NULL;
	FILE *f = fopen(path, "r");
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		json_object_array_add(list, json_object_new_string(line));
	}
	if (f)
		fclose(f);
	free(line);
	free(path);
}

/* All there is to say about a pool; printing for people reads it, too. */
static struct json_object *pool_describe(const char *name)
{
	static const char *const files[] = { "node", "policy", "owner", "mode" };
	struct json_object *o = json_object_new_object();
	struct json_object *devices = json_object_new_array();
	struct json_object *configured = json_object_new_array();
	char *value = pool_read(name, "enabled"), *node = pool_node(name);
	size_t i;

	cli_json_text(o, "name", name);
	json_object_object_add(o, "enabled", json_object_new_boolean(!strcmp(value, "1")));
	free(value);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		value = pool_read(name, files[i]);
		if (strcmp(value, "none"))
			cli_json_text(o, files[i], value);
		else
			json_object_object_add(o, files[i], NULL);
		free(value);
	}
	if (node)
		cli_json_text(o, "path", node);
	else
		json_object_object_add(o, "path", NULL);
	free(node);
	pool_devices(name, devices);
	json_object_object_add(o, "devices", devices);
	pool_configured(name, configured);
	json_object_object_add(o, "configured", configured);
	return o;
}

static const char *pool_text(struct json_object *o, const char *key)
{
	struct json_object *value = json_object_object_get(o, key);

	return value ? json_object_get_string(value) : "-";
}

static void pool_print(struct json_object *o)
{
	struct json_object *devices = json_object_object_get(o, "devices");
	size_t i;

	printf("%-16s %-8s %-6s %-20s %-8s %-12s %-5s", pool_text(o, "name"),
	       json_object_get_boolean(json_object_object_get(o, "enabled")) ? "yes" : "no",
	       pool_text(o, "node"), pool_text(o, "path"), pool_text(o, "policy"),
	       pool_text(o, "owner"), pool_text(o, "mode"));
	for (i = 0; i < json_object_array_length(devices); i++)
		printf(" %s", json_object_get_string(json_object_array_get_idx(devices, i)));
	putchar('\n');
}

static int pool_list(bool json)
{
	struct json_object *list = json_object_new_array();
	char *folder = cli_path(CLI_POOLS);
	struct dirent **names;
	int count, i;

	count = scandir(folder, &names, NULL, alphasort);
	free(folder);
	if (count < 0) {
		json_object_put(list);
		return cli_folder_missing(CLI_POOLS);
	}
	if (!json)
		printf("%-16s %-8s %-6s %-20s %-8s %-12s %-5s %s\n", "name", "enabled", "node",
		       "path", "policy", "owner", "mode", "devices");
	for (i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.') {
			struct json_object *o = pool_describe(names[i]->d_name);

			if (!json)
				pool_print(o);
			json_object_array_add(list, o);
		}
		free(names[i]);
	}
	free(names);
	if (json)
		return cli_print_json(list);
	json_object_put(list);
	return CLI_OK;
}

/* ------------------------------------------------------------------------- arguments */

/* "USER:GROUP", names or numbers, to numbers; a user alone brings his own group */
static int pool_owner(const char *text, char **owner)
{
	char *user = strdup(text), *group = strchr(user, ':');
	const struct passwd *pw;
	const struct group *gr = NULL;
	uint64_t uid = 0, gid = 0;
	int ret = CLI_OK;

	free(*owner);
	*owner = NULL;
	if (!strcmp(text, "none")) {
		*owner = user;
		return CLI_OK;
	}
	if (group)
		*group++ = '\0';
	pw = getpwnam(user);
	if (pw)
		uid = pw->pw_uid;
	else if (!isdigit((unsigned char)user[0]))
		ret = cli_fail(CLI_USAGE, "there is no user \"%s\"", user);
	else
		ret = cli_number("--owner", user, 0, UINT32_MAX - 1, &uid);
	if (!ret && group)
		gr = getgrnam(group);
	if (!ret && gr)
		gid = gr->gr_gid;
	else if (!ret && group && !isdigit((unsigned char)group[0]))
		ret = cli_fail(CLI_USAGE, "there is no group \"%s\"", group);
	else if (!ret && group)
		ret = cli_number("--owner", group, 0, UINT32_MAX - 1, &gid);
	else if (!ret && pw)
		gid = pw->pw_gid;
	else if (!ret)
		ret = cli_fail(CLI_USAGE, "--owner wants USER:GROUP, not \"%s\"", text);
	free(user);
	if (!ret && asprintf(owner, "%llu:%llu", (unsigned long long)uid,
			     (unsigned long long)gid) < 0) {
		*owner = NULL;
		ret = cli_fail(CLI_TROUBLE, "no memory");
	}
	return ret;
}

static int pool_device(const char *device, char **devices)
{
	char *more;

	if (asprintf(&more, "%s%s\n", *devices ? *devices : "", device) < 0)
		return cli_fail(CLI_TROUBLE, "no memory");
	free(*devices);
	*devices = more;
	return CLI_OK;
}

static int pool_parse(int argc, char **argv, struct pool_settings *s)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "node", required_argument, NULL, OPT_NODE },
		{ "policy", required_argument, NULL, OPT_POLICY },
		{ "owner", required_argument, NULL, OPT_OWNER },
		{ "mode", required_argument, NULL, OPT_MODE },
		{ "enable", no_argument, NULL, OPT_ENABLE },
		{ "force", no_argument, NULL, OPT_FORCE },
		{}
	};
	int c, ret = CLI_OK;

	while (!ret && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(pool_help, stdout);
			return CLI_NO;
		case CLI_OPT_JSON:
			s->json = true;
			break;
		case OPT_DEVICE:
			ret = pool_device(optarg, &s->devices);
			break;
		case OPT_NODE:
			s->node = optarg;
			if (strcmp(optarg, "accel") && strcmp(optarg, "render"))
				ret = cli_fail(CLI_USAGE,
					       "--node must be accel or render, not \"%s\"",
					       optarg);
			break;
		case OPT_POLICY:
			s->policy = optarg;
			break;
		case OPT_OWNER:
			ret = pool_owner(optarg, &s->owner);
			break;
		case OPT_MODE:
			s->mode = optarg;
			break;
		case OPT_ENABLE:
			s->enable = true;
			break;
		case OPT_FORCE:
			s->force = true;
			break;
		default:
			return CLI_USAGE;
		}
	}
	return ret;
}

static int pool_run(int argc, char **argv, const struct pool_settings *s)
{
	static const struct {
		const char *verb;
		int arguments;
	} verbs[] = {
		{ "list", 0 }, { "create", 1 }, { "set", 1 }, { "enable", 1 }, { "disable", 1 },
		{ "remove", 1 }, { "move", 2 },
	};
	const char *verb = optind < argc ? argv[optind++] : "list";
	char **names = argv + optind;
	int i, count = argc - optind, wanted = -1;

	for (i = 0; i < (int)(sizeof(verbs) / sizeof(verbs[0])); i++)
		if (!strcmp(verb, verbs[i].verb))
			wanted = verbs[i].arguments;
	if (wanted < 0)
		return cli_fail(CLI_USAGE, "\"%s\" is not list, create, set, enable, disable, "
					   "remove or move", verb);
	if (count != wanted)
		return cli_fail(CLI_USAGE, "\"weft pool %s\" wants %s", verb,
				!wanted ? "no name" : wanted == 1 ? "one name" :
				"a device and a pool");
	for (i = 0; i < count; i++)
		if (!names[i][0] || names[i][0] == '.' || strchr(names[i], '/'))
			return cli_fail(CLI_USAGE, "\"%s\" is no name: no slash, no dot at its "
						   "start", names[i]);
	if (!wanted)
		return pool_list(s->json);
	if (!strcmp(verb, "create"))
		return pool_create(names[0], s);
	if (!strcmp(verb, "set"))
		return pool_set(names[0], s);
	if (!strcmp(verb, "enable"))
		return pool_must_exist(names[0]) ?: pool_write(names[0], "enabled", "1");
	if (!strcmp(verb, "disable"))
		return pool_disable(names[0], "");
	if (!strcmp(verb, "remove"))
		return pool_remove(names[0], s->force);
	return pool_move(names[0], names[1]);
}

int cli_pool(int argc, char **argv)
{
	struct pool_settings settings = {};
	int ret = pool_parse(argc, argv, &settings);

	if (!ret)
		ret = pool_run(argc, argv, &settings);
	else if (ret == CLI_NO)
		ret = CLI_OK;
	free(settings.devices);
	free(settings.owner);
	return ret;
}
