// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft config: saved configuration.
 *
 * DOC: weft config
 *
 * What tenants, pools, prices and simulated devices there are is the kernel's, and gone after a
 * restart. This keeps it in a file that people can read and edit, and puts it back; weft.service
 * does so at boot.
 *
 * Rejected: a daemon that watches the kernel's files (saved is what the operator saved, not
 * whatever was tried last).
 */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "conf.h"

static const char config_help[] =
"Usage: weft config show [--json]\n"
"       weft config save [FILE]\n"
"       weft config check [FILE] [--json]\n"
"       weft config load [FILE] [--dry-run] [--device NAME] [--json]\n"
"Keeps tenants, pools, prices of devices and simulated devices in FILE, which is\n"
CONF_FILE " if not given; weft.conf(5) describes it.\n"
"  show             print what the kernel has now\n"
"  save             write that to FILE\n"
"  check            say what is wrong in FILE, without looking at the kernel\n"
"  load             make the kernel have what FILE says; what it does not name stays.\n"
"                   Nothing is touched if something is wrong in FILE\n"
"  --dry-run        only say what would change\n"
"  --device NAME    only what FILE says of this device\n";

struct config_options {
	const char *verb;
	const char *file;
	const char *device;
	bool dry_run;
	bool json;
};

static struct json_object *config_json(const struct conf *conf)
{
	struct json_object *root = json_object_new_object();
	struct json_object *kind, *thing, *list;
	const struct conf_entry *entry;
	size_t i, j;

	for (i = 0; i < conf->count; i++) {
		const struct conf_section *s = &conf->sections[i];

		if (!json_object_object_get_ex(root, s->kind->name, &kind)) {
			kind = json_object_new_object();
			json_object_object_add(root, s->kind->name, kind);
		}
		thing = json_object_new_object();
		json_object_object_add(kind, s->name, thing);
		for (j = 0; j < s->count; j++) {
			entry = &s->entries[j];
			if (entry->key->type != CONF_LINES) {
				cli_json_text(thing, entry->key->name, entry->value);
				continue;
			}
			if (!json_object_object_get_ex(thing, entry->key->name, &list)) {
				list = json_object_new_array();
				json_object_object_add(thing, entry->key->name, list);
			}
			json_object_array_add(list, json_object_new_string(entry->value));
		}
	}
	return root;
}

static int config_read_kernel(struct conf *conf)
{
	if (conf_tree_read(conf))
		return CLI_OK;
	return cli_fail(CLI_TROUBLE, "there is no weft in this kernel, or configfs is not mounted; "
				     "try: sudo modprobe weft; \"weft doctor\" finds out more");
}

static int config_show(const struct config_options *o)
{
	struct conf conf = {};
	int ret = config_read_kernel(&conf);

	if (!ret && o->json)
		ret = cli_print_json(config_json(&conf));
	else if (!ret)
		conf_write(&conf, stdout);
	conf_free(&conf);
	return ret;
}

/* Write and put in place in one step: a crash leaves the old file or the new one. */
static int config_write(const struct conf *conf, const char *path)
{
	char *fresh;
	FILE *file;
	bool good;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return cli_fail(CLI_TROUBLE, "no memory");
	file = fopen(fresh, "w");
	good = file;
	if (file) {
		fputs("# Saved by \"weft config save\", which writes it anew; see "
		      "weft.conf(5).\n\n", file);
		conf_write(conf, file);
		good = !fflush(file) && !ferror(file) && !fsync(fileno(file));
		good = !fclose(file) && good;
	}
	good = good && !rename(fresh, path);
	if (!good)
		cli_fail(CLI_TROUBLE, "%s: %s%s", path, strerror(errno),
			 errno == EACCES ? "; only root may save: try sudo" : "");
	if (!good && file)
		unlink(fresh);
	free(fresh);
	return good ? CLI_OK : CLI_TROUBLE;
}

static int config_save(const struct config_options *o)
{
	char *path = o->file ? strdup(o->file) : cli_path(CONF_FILE);
	struct conf conf = { .file = path };
	int ret = config_read_kernel(&conf);
	char *folder;

	if (!ret && !o->file) {
		/* the folder is nobody's but ours */
		folder = strdup(path);
		if (folder)
			mkdir(dirname(folder), 0755);
		free(folder);
	}
	if (!ret)
		ret = config_write(&conf, path);
	if (!ret)
		printf("%zu sections saved in %s\n", conf.count, path);
	conf_free(&conf);
	free(path);
	return ret;
}

/* CLI_NO if something is wrong in it, all of which has been said */
static int config_parse(struct conf *conf, const char *path)
{
	FILE *file = fopen(path, "r");
	int ret;

	conf->file = path;
	if (!file)
		return cli_fail(CLI_TROUBLE, "%s: %s%s", path, strerror(errno), errno == ENOENT ?
				"; \"weft config save\" makes one" : "");
	ret = conf_parse(conf, file);
	fclose(file);
	if (ret)
		return cli_fail(CLI_TROUBLE, "%s: %s", path, strerror(errno));
	return conf->problems ? CLI_NO : CLI_OK;
}

static int config_check(const struct config_options *o)
{
	char *path = o->file ? strdup(o->file) : cli_path(CONF_FILE);
	struct conf conf = {};
	int ret = config_parse(&conf, path);
	struct json_object *json;

	if (ret != CLI_TROUBLE && o->json) {
		json = json_object_new_object();
		cli_json_u64(json, "sections", conf.count);
		cli_json_u64(json, "problems", conf.problems);
		cli_print_json(json);
	} else if (!ret) {
		printf("%s: %zu sections, nothing wrong\n", path, conf.count);
	}
	conf_free(&conf);
	free(path);
	return ret;
}

static void config_print_change(void *context, const struct conf_change *change)
{
	const struct config_options *o = context;
	const char *would = o->dry_run ? "would " : "";

	if (!change->key)
		printf("%s%s %s %s\n", would, o->dry_run ? "make" : "made", change->kind,
		       change->name);
	else if (change->from)
		printf("%sset %s %s: %s from %s to %s\n", would, change->kind, change->name,
		       change->key, change->from, change->to);
	else
		printf("%sset %s %s: %s to %s\n", would, change->kind, change->name, change->key,
		       change->to);
}

static void config_collect_change(void *context, const struct conf_change *change)
{
	struct json_object *o = json_object_new_object();

	cli_json_text(o, "kind", change->kind);
	cli_json_text(o, "name", change->name);
	if (change->key)
		cli_json_text(o, "key", change->key);
	if (change->from)
		cli_json_text(o, "from", change->from);
	if (change->to)
		cli_json_text(o, "to", change->to);
	json_object_array_add(context, o);
}

static int config_load(const struct config_options *o)
{
	char *path = o->file ? strdup(o->file) : cli_path(CONF_FILE);
	struct json_object *changes = o->json ? json_object_new_array() : NULL;
	struct conf_apply apply = {
		.dry_run = o->dry_run,
		.device = o->device,
		.changed = o->json ? config_collect_change : config_print_change,
		.context = o->json ? (void *)changes : (void *)o,
	};
	struct conf conf = {};
	int ret = config_parse(&conf, path);

	if (ret == CLI_NO) {
		cli_fail(CLI_NO, "%s is not loaded, nothing has changed", path);
	} else if (!ret) {
		conf_tree_apply(&conf, &apply);
		ret = conf.problems ? CLI_TROUBLE : CLI_OK;
		if (!o->json && !apply.changes && !ret)
			printf("nothing to change\n");
		if (o->json)
			cli_print_json(json_object_get(changes));
	}
	json_object_put(changes);
	conf_free(&conf);
	free(path);
	return ret;
}

static int config_options(int argc, char **argv, struct config_options *o)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "dry-run", no_argument, NULL, 'n' },
		{ "device", required_argument, NULL, 'd' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(config_help, stdout);
			return CLI_NO;
		case CLI_OPT_JSON:
			o->json = true;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case 'd':
			o->device = optarg;
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (optind < argc)
		o->verb = argv[optind++];
	if (optind < argc)
		o->file = argv[optind++];
	if (optind < argc)
		return cli_fail(CLI_USAGE, "unexpected argument \"%s\"", argv[optind]);
	return CLI_OK;
}

int cli_config(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct config_options *o);
		bool file, load, json;
	} verbs[] = {
		{ "show", config_show, .json = true },
		{ "save", config_save, .file = true },
		{ "check", config_check, .file = true, .json = true },
		{ "load", config_load, .file = true, .load = true, .json = true },
	};
	struct config_options o = { .verb = "show" };
	int ret = config_options(argc, argv, &o);
	size_t i;

	if (ret)
		return ret == CLI_NO ? CLI_OK : ret;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(o.verb, verbs[i].name))
			continue;
		if (o.file && !verbs[i].file)
			return cli_fail(CLI_USAGE, "unexpected argument \"%s\"", o.file);
		if ((o.dry_run || o.device) && !verbs[i].load)
			return cli_fail(CLI_USAGE, "--dry-run and --device are for \"load\"");
		if (o.json && !verbs[i].json)
			return cli_fail(CLI_USAGE, "\"weft config %s\" has no --json", o.verb);
		return verbs[i].run(&o);
	}
	return cli_fail(CLI_USAGE, "\"%s\" is not show, save, check or load", o.verb);
}
