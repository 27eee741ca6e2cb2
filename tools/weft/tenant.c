// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft tenant: who pays.
 *
 * DOC: weft tenant
 *
 * Tenants are folders in configfs; this writes the files an operator would write by hand.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static const char tenant_help[] =
"Usage: weft tenant list [--json]\n"
"       weft tenant add NAME [--weight N] [--uid USER] [--cgroup PATH]\n"
"       weft tenant set NAME [--weight N] [--uid USER] [--cgroup PATH]\n"
"       weft tenant remove NAME\n"
"Tenants share the pool by weight (1..10000, 100 is usual). Who opens the pool is matched to a\n"
"tenant once: by the longest cgroup path, then by uid, else it is the tenant \"default\".\n"
"  --uid USER       a user's name or number, or \"none\"\n"
"  --cgroup PATH    as in /proc/PID/cgroup, with all below it, or \"none\"\n";

static const char *const tenant_files[] = { "id", "weight", "uid", "cgroup", "priced", "clients" };

#define TENANT_FILES	(sizeof(tenant_files) / sizeof(tenant_files[0]))

struct tenant_settings {
	const char *weight;
	const char *cgroup;
	char *uid;
	bool json;
};

static int tenant_write(const char *name, const char *file, const char *value)
{
	char *path = cli_path(CLI_TENANTS "/%s/%s", name, file);
	int error = cli_write_file(path, value);

	if (error)
		cli_fail(CLI_TROUBLE, "%s: %s%s", path, strerror(error),
			 error == EACCES ? "; only root may change tenants: try sudo" : "");
	free(path);
	return error ? CLI_TROUBLE : CLI_OK;
}

static int tenant_apply(const char *name, const struct tenant_settings *s)
{
	int ret = CLI_OK;

	if (s->weight)
		ret = tenant_write(name, "weight", s->weight);
	if (!ret && s->uid)
		ret = tenant_write(name, "uid", s->uid);
	if (!ret && s->cgroup)
		ret = tenant_write(name, "cgroup", s->cgroup);
	return ret;
}

static int tenant_add(const char *name, const struct tenant_settings *s)
{
	char *folder = cli_path(CLI_TENANTS "/%s", name);
	int ret = CLI_OK;

	if (mkdir(folder, 0755)) {
		if (errno == EEXIST)
			ret = cli_fail(CLI_NO, "there is a tenant \"%s\" already; change it with "
					       "\"weft tenant set\"",
				       name);
		else if (errno == ENOENT)
			ret = cli_folder_missing(CLI_TENANTS);
		else
			ret = cli_fail(CLI_TROUBLE, "%s: %s%s", folder, strerror(errno),
				       errno == EACCES || errno == EPERM ?
				       "; only root may add tenants: try sudo" : "");
	} else {
		ret = tenant_apply(name, s);
		/* all or nothing */
		if (ret)
			rmdir(folder);
	}
	free(folder);
	return ret;
}

static int tenant_set(const char *name, const struct tenant_settings *s)
{
	char *folder = cli_path(CLI_TENANTS "/%s", name);
	int ret;

	if (access(folder, F_OK))
		ret = cli_fail(CLI_NO, "there is no tenant \"%s\"; \"weft tenant list\" shows them",
			       name);
	else if (!s->weight && !s->uid && !s->cgroup)
		ret = cli_fail(CLI_USAGE, "nothing to set: give --weight, --uid or --cgroup");
	else
		ret = tenant_apply(name, s);
	free(folder);
	return ret;
}

static int tenant_remove(const char *name)
{
	char *folder = cli_path(CLI_TENANTS "/%s", name);
	int ret = CLI_OK;

	if (!strcmp(name, "default"))
		ret = cli_fail(CLI_USAGE, "the tenant \"default\" stays: it has who matches no "
					  "other");
	else if (rmdir(folder))
		ret = errno == ENOENT ?
		      cli_fail(CLI_NO, "there is no tenant \"%s\"; \"weft tenant list\" shows them",
			       name) :
		      cli_fail(CLI_TROUBLE, "%s: %s%s", folder, strerror(errno),
			       errno == EACCES || errno == EPERM ?
			       "; only root may remove tenants: try sudo" : "");
	free(folder);
	return ret;
}

static char *tenant_read(const char *name, const char *file)
{
	char *path = cli_path(CLI_TENANTS "/%s/%s", name, file);
	char *line = cli_read_line(path);

	free(path);
	return line ? line : strdup("?");
}

static void tenant_show(const char *name, struct json_object *list)
{
	struct json_object *o = list ? json_object_new_object() : NULL;
	size_t i;

	if (o)
		cli_json_text(o, "name", name);
	else
		printf("%-16s", name);
	for (i = 0; i < TENANT_FILES; i++) {
		char *value = tenant_read(name, tenant_files[i]);
		char *end;
		unsigned long long number = strtoull(value, &end, 10);

		if (o && end != value && !*end)
			cli_json_u64(o, tenant_files[i], number);
		else if (o && strcmp(value, "none"))
			cli_json_text(o, tenant_files[i], value);
		else if (o)
			json_object_object_add(o, tenant_files[i], NULL);
		else if (!strcmp(tenant_files[i], "priced"))
			printf(" %12.3f s", (double)number / 1e9);
		else
			printf(" %*s", !strcmp(tenant_files[i], "cgroup") ? 20 : 8, value);
		free(value);
	}
	if (o)
		json_object_array_add(list, o);
	else
		putchar('\n');
}

static int tenant_list(bool json)
{
	struct json_object *list = json ? json_object_new_array() : NULL;
	char *folder = cli_path(CLI_TENANTS);
	struct dirent **names;
	int count, i;

	count = scandir(folder, &names, NULL, alphasort);
	free(folder);
	if (count < 0) {
		json_object_put(list);
		return cli_folder_missing(CLI_TENANTS);
	}
	if (!json)
		printf("%-16s %8s %8s %8s %20s %14s %8s\n", "name", "id", "weight", "uid", "cgroup",
		       "priced time", "clients");
	for (i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.')
			tenant_show(names[i]->d_name, list);
		free(names[i]);
	}
	free(names);
	return json ? cli_print_json(list) : CLI_OK;
}

static int tenant_uid(const char *user, char **uid)
{
	const struct passwd *entry = getpwnam(user);
	uint64_t number;

	free(*uid);
	*uid = NULL;
	if (!strcmp(user, "none")) {
		*uid = strdup(user);
	} else if (entry) {
		number = entry->pw_uid;
		if (asprintf(uid, "%llu", (unsigned long long)number) < 0)
			*uid = NULL;
	} else {
		if (user[0] < '0' || user[0] > '9')
			return cli_fail(CLI_USAGE, "there is no user \"%s\"", user);
		if (cli_number("--uid", user, 0, UINT32_MAX - 1, &number))
			return CLI_USAGE;
		*uid = strdup(user);
	}
	return *uid ? CLI_OK : cli_fail(CLI_TROUBLE, "no memory");
}

static int tenant_parse(int argc, char **argv, struct tenant_settings *s)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "weight", required_argument, NULL, 'w' },
		{ "uid", required_argument, NULL, 'u' },
		{ "cgroup", required_argument, NULL, 'c' },
		{}
	};
	uint64_t number;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(tenant_help, stdout);
			return CLI_NO;
		case CLI_OPT_JSON:
			s->json = true;
			break;
		case 'w':
			if (cli_number("--weight", optarg, 1, 10000, &number))
				return CLI_USAGE;
			s->weight = optarg;
			break;
		case 'u':
			if (tenant_uid(optarg, &s->uid))
				return CLI_USAGE;
			break;
		case 'c':
			if (optarg[0] != '/' && strcmp(optarg, "none"))
				return cli_fail(CLI_USAGE,
						"--cgroup must be a path from the root of "
						"cgroups, like /system.slice, not \"%s\"",
						optarg);
			s->cgroup = optarg;
			break;
		default:
			return CLI_USAGE;
		}
	}
	return CLI_OK;
}

static int tenant_run(int argc, char **argv, const struct tenant_settings *s)
{
	const char *verb = optind < argc ? argv[optind] : "list";
	const char *name = optind + 1 < argc ? argv[optind + 1] : NULL;
	int extra = argc - optind - (name ? 2 : 1);

	if (!strcmp(verb, "list"))
		return name ? cli_fail(CLI_USAGE, "unexpected argument \"%s\"", name) :
			      tenant_list(s->json);
	if (strcmp(verb, "add") && strcmp(verb, "set") && strcmp(verb, "remove"))
		return cli_fail(CLI_USAGE, "\"%s\" is not list, add, set or remove", verb);
	if (!name || extra > 0)
		return cli_fail(CLI_USAGE, "\"weft tenant %s\" wants one name", verb);
	if (!name[0] || name[0] == '.' || strchr(name, '/'))
		return cli_fail(CLI_USAGE, "\"%s\" is no name for a tenant: no slash, no dot at "
					   "its start",
				name);
	if (!strcmp(verb, "add"))
		return tenant_add(name, s);
	if (!strcmp(verb, "set"))
		return tenant_set(name, s);
	return tenant_remove(name);
}

int cli_tenant(int argc, char **argv)
{
	struct tenant_settings settings = {};
	int ret = tenant_parse(argc, argv, &settings);

	if (!ret)
		ret = tenant_run(argc, argv, &settings);
	else if (ret == CLI_NO)
		ret = CLI_OK;
	free(settings.uid);
	return ret;
}
