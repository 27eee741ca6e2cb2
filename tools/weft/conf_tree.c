// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft config: what the kernel has, and making it have what a file says.
 *
 * DOC: weft conf tree
 *
 * A thing is a folder, a value is a file in it. Only what differs is written, so that loading a
 * file twice changes nothing the second time and a device that is enabled is left alone if it is
 * as it should be. What the kernel has and the file does not name stays.
 *
 * Rejected: removing what the file does not name (a file with one section would take a server
 * down).
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "conf.h"

/* The folder in which pools show what can be changed while they are enabled. */
static char *conf_live_path(const char *name, const char *file)
{
	if (!strcmp(name, "default"))
		return cli_path("/sys/devices/platform/weft/weft/%s", file);
	return cli_path("/sys/devices/platform/weft.%s/weft/%s", name, file);
}

/* Where the value is now; the caller frees it. */
static char *conf_path(const struct conf_kind *kind, const char *name, const struct conf_key *key)
{
	char *path;

	if (key->live) {
		path = conf_live_path(name, key->name);
		if (!access(path, F_OK))
			return path;
		free(path);
	}
	return cli_path("%s/%s/%s", kind->folder, name, key->name);
}

/* The whole file without its last newline, or NULL; the caller frees it. */
static char *conf_read(const char *path)
{
	size_t size = 0;
	ssize_t length;
	char *text = NULL;
	FILE *file = fopen(path, "r");

	if (!file)
		return NULL;
	length = getdelim(&text, &size, '\0', file);
	if (length < 0 && feof(file) && !ferror(file)) {
		free(text);
		text = strdup("");
		length = 0;
	}
	fclose(file);
	if (length < 0) {
		free(text);
		return NULL;
	}
	if (length && text[length - 1] == '\n')
		text[length - 1] = '\0';
	return text;
}

/* Words in several lines become one line. */
static void conf_join(char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			*text = ' ';
}

static char *conf_value(const struct conf_kind *kind, const char *name,
			const struct conf_key *key)
{
	char *path = conf_path(kind, name, key);
	char *value = conf_read(path);

	free(path);
	if (value && key->type == CONF_LIST)
		conf_join(value);
	return value;
}

/* ------------------------------------------------------------------ reading */

static void conf_section_read(struct conf_section *section)
{
	const struct conf_kind *kind = section->kind;
	char *value, *line, *rest;
	size_t i;

	for (i = 0; i < kind->count; i++) {
		value = conf_value(kind, section->name, &kind->keys[i]);
		if (!value)
			continue;
		if (kind->keys[i].type == CONF_LINES)
			for (line = strtok_r(value, "\n", &rest); line;
			     line = strtok_r(NULL, "\n", &rest))
				conf_entry_add(section, &kind->keys[i], line, 0);
		else
			conf_entry_add(section, &kind->keys[i], value, 0);
		free(value);
	}
}

bool conf_tree_read(struct conf *conf)
{
	struct dirent **names;
	bool found = false;
	size_t kind;
	int i, count;
	char *folder;

	for (kind = 0; kind < conf_kind_count; kind++) {
		folder = cli_path("%s", conf_kinds[kind].folder);
		count = scandir(folder, &names, NULL, alphasort);
		free(folder);
		if (count < 0)
			continue;
		found = true;
		for (i = 0; i < count; i++) {
			if (names[i]->d_name[0] != '.')
				conf_section_read(conf_section_add(conf, &conf_kinds[kind],
								   names[i]->d_name, 0));
			free(names[i]);
		}
		free(names);
	}
	return found;
}

/* ----------------------------------------------------------------- applying */

static void conf_changed(struct conf_apply *apply, const struct conf_section *section,
			 const char *key, const char *from, const char *to)
{
	const struct conf_change change = { section->kind->name, section->name, key, from, to };

	apply->changes++;
	apply->changed(apply->context, &change);
}

/* Is @line one of the lines of @text? Blanks between words do not count. */
static bool conf_has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	while (text && *text) {
		if (!strncmp(text, line, length) && (!text[length] || text[length] == '\n'))
			return true;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return false;
}

static void conf_refused(struct conf *conf, const struct conf_section *section,
			 const struct conf_entry *entry, const char *path, int ret)
{
	const char *hint = "";

	if (ret == -EACCES || ret == -EPERM)
		hint = "; only root may configure: try sudo";
	else if (ret == -ENOENT)
		hint = "; this version of the module does not have it";
	else if (ret == -EBUSY && entry->key->fixed)
		hint = "; it cannot change while enabled is 1";
	else if (ret == -EBUSY)
		hint = "; somebody uses it";
	else if (ret == -EEXIST)
		hint = "; a device can be in the list of one pool only";
	conf_problem(conf, entry->line, "%s %s: %s = %s: %s: %s%s", section->kind->name,
		     section->name, entry->key->name, entry->value, path, strerror(-ret), hint);
}

static void conf_entry_apply(struct conf *conf, struct conf_apply *apply,
			     const struct conf_section *section, const struct conf_entry *entry)
{
	char *now = conf_value(section->kind, section->name, entry->key);
	char *path;
	int ret = 0;

	if (now && (entry->key->type == CONF_LINES ? conf_has_line(now, entry->value) :
		    conf_same(entry->key, now, entry->value))) {
		free(now);
		return;
	}
	path = conf_path(section->kind, section->name, entry->key);
	if (!apply->dry_run)
		ret = -cli_write_file(path, entry->value);
	if (ret)
		conf_refused(conf, section, entry, path, ret);
	else
		conf_changed(apply, section, entry->key->name,
			     entry->key->type == CONF_LINES ? NULL : now, entry->value);
	free(path);
	free(now);
}

/* Does the thing exist, or has it been made? */
static bool conf_section_ready(struct conf *conf, struct conf_apply *apply,
			       const struct conf_section *section)
{
	const struct conf_kind *kind = section->kind;
	char *above = cli_path("%s", kind->folder);
	char *folder = cli_path("%s/%s", kind->folder, section->name);
	bool ready = !access(folder, F_OK);

	if (!ready && access(above, F_OK)) {
		conf_problem(conf, section->line, "%s %s: %s is not there: modprobe %s",
			     kind->name, section->name, above, kind->module);
	} else if (!ready && !kind->made) {
		/* no fault: it may come later */
		apply->absent++;
		fprintf(stderr, "weft: %s:%u: %s %s is not there; its settings wait for it\n",
			conf->file, section->line, kind->name, section->name);
	} else if (!ready) {
		ready = apply->dry_run || !mkdir(folder, 0755);
		if (ready)
			conf_changed(apply, section, NULL, NULL, NULL);
		else
			conf_problem(conf, section->line, "%s %s: %s: %s%s", kind->name,
				     section->name, folder, strerror(errno),
				     errno == EACCES || errno == EPERM ?
				     "; only root may configure: try sudo" : "");
	}
	free(above);
	free(folder);
	return ready;
}

/* In the order of the table, not of the file: "enabled" comes when all else is written. */
static void conf_section_apply(struct conf *conf, struct conf_apply *apply,
			       const struct conf_section *section)
{
	size_t i, j;

	if (!conf_section_ready(conf, apply, section))
		return;
	for (i = 0; i < section->kind->count; i++)
		for (j = 0; j < section->count; j++)
			if (section->entries[j].key == &section->kind->keys[i])
				conf_entry_apply(conf, apply, section, &section->entries[j]);
}

void conf_tree_apply(struct conf *conf, struct conf_apply *apply)
{
	size_t kind, i;

	for (kind = 0; kind < conf_kind_count; kind++) {
		if (apply->device && strcmp(conf_kinds[kind].name, "device"))
			continue;
		for (i = 0; i < conf->count; i++)
			if (conf->sections[i].kind == &conf_kinds[kind] &&
			    (!apply->device || !strcmp(conf->sections[i].name, apply->device)))
				conf_section_apply(conf, apply, &conf->sections[i]);
	}
}
