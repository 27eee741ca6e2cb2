// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft config: the file.
 *
 * DOC: weft conf file
 *
 * "[kind name]" begins a section, "key = value" is in one, "#" begins a comment at the start of a
 * line. A file is read to its end even if something is wrong, so that all of it is said at once.
 *
 * Rejected: JSON (no comments, and its parser does not know lines); values of several lines (a
 * key that is repeated says the same).
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "conf.h"

void conf_problem(struct conf *conf, unsigned int line, const char *format, ...)
{
	va_list list;

	conf->problems++;
	fprintf(stderr, "weft: %s:%u: ", conf->file, line);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
}

static void *conf_grow(void *array, size_t count, size_t size)
{
	/* one step for each power of two */
	if (count & (count - 1))
		return array;
	array = realloc(array, (count ? 2 * count : 1) * size);
	if (!array) {
		perror("weft");
		exit(CLI_TROUBLE);
	}
	return array;
}

static char *conf_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy) {
		perror("weft");
		exit(CLI_TROUBLE);
	}
	return copy;
}

struct conf_section *conf_section_add(struct conf *conf, const struct conf_kind *kind,
				      const char *name, unsigned int line)
{
	struct conf_section *section;

	conf->sections = conf_grow(conf->sections, conf->count, sizeof(*conf->sections));
	section = &conf->sections[conf->count++];
	*section = (struct conf_section){ .kind = kind, .name = conf_copy(name), .line = line };
	return section;
}

void conf_entry_add(struct conf_section *section, const struct conf_key *key, const char *value,
		    unsigned int line)
{
	section->entries = conf_grow(section->entries, section->count, sizeof(*section->entries));
	section->entries[section->count++] = (struct conf_entry){
		.key = key, .value = conf_copy(value), .line = line,
	};
}

void conf_free(struct conf *conf)
{
	size_t i, j;

	for (i = 0; i < conf->count; i++) {
		for (j = 0; j < conf->sections[i].count; j++)
			free(conf->sections[i].entries[j].value);
		free(conf->sections[i].entries);
		free(conf->sections[i].name);
	}
	free(conf->sections);
	conf->sections = NULL;
	conf->count = 0;
}

/* @text without blanks around it, in place */
static char *conf_trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

static const struct conf_kind *conf_kind_find(const char *name)
{
	size_t i;

	for (i = 0; i < conf_kind_count; i++)
		if (!strcmp(conf_kinds[i].name, name))
			return &conf_kinds[i];
	return NULL;
}

static bool conf_name_ok(const char *name)
{
	return name[0] && name[0] != '.' && strlen(name) <= CONF_NAME_MAX &&
	       !strpbrk(name, "/]") && !strpbrk(name, " \t");
}

/* @text is what stands between the brackets; NULL after a problem */
static struct conf_section *conf_parse_section(struct conf *conf, char *text, unsigned int line)
{
	char *name = text + strcspn(text, " \t");
	const struct conf_kind *kind;
	size_t i;

	if (*name)
		*name++ = '\0';
	name = conf_trim(name);
	kind = conf_kind_find(text);
	if (!kind) {
		conf_problem(conf, line, "\"%s\" is no kind of section; there are: sim, tenant, "
			     "pool, device", text);
		return NULL;
	}
	if (!conf_name_ok(name)) {
		conf_problem(conf, line, "\"%s\" is no name for a %s: 1 to %d characters, no "
			     "blank, no slash, no dot at its start", name, text, CONF_NAME_MAX);
		return NULL;
	}
	for (i = 0; i < conf->count; i++)
		if (conf->sections[i].kind == kind && !strcmp(conf->sections[i].name, name)) {
			conf_problem(conf, line, "[%s %s] is there already, in line %u", text, name,
				     conf->sections[i].line);
			return NULL;
		}
	return conf_section_add(conf, kind, name, line);
}

static void conf_keys_print(const struct conf_kind *kind, char *text, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < kind->count && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "",
				      kind->keys[i].name);
}

static void conf_parse_entry(struct conf *conf, struct conf_section *section, char *text,
			     unsigned int line)
{
	const struct conf_key *key = NULL;
	char *value = strchr(text, '=');
	char allowed[512];
	size_t i;

	if (!value) {
		conf_problem(conf, line, "\"%s\" is neither [KIND NAME] nor KEY = VALUE", text);
		return;
	}
	*value++ = '\0';
	text = conf_trim(text);
	value = conf_trim(value);
	for (i = 0; i < section->kind->count; i++)
		if (!strcmp(section->kind->keys[i].name, text))
			key = &section->kind->keys[i];
	if (!key) {
		conf_keys_print(section->kind, allowed, sizeof(allowed));
		conf_problem(conf, line, "a %s has no \"%s\"; it has: %s", section->kind->name,
			     text, allowed);
		return;
	}
	for (i = 0; key->type != CONF_LINES && i < section->count; i++)
		if (section->entries[i].key == key) {
			conf_problem(conf, line, "%s is given already, in line %u", text,
				     section->entries[i].line);
			return;
		}
	if (!conf_suits(key, value)) {
		conf_problem(conf, line, "%s must be %s, not \"%s\"", text,
			     conf_allowed(key, allowed, sizeof(allowed)), value);
		return;
	}
	conf_entry_add(section, key, value, line);
}

int conf_parse(struct conf *conf, FILE *file)
{
	struct conf_section *section = NULL;
	bool lost = false;
	unsigned int line = 0;
	char *buffer = NULL;
	size_t size = 0;
	char *text;

	while (getline(&buffer, &size, file) >= 0) {
		line++;
		text = conf_trim(buffer);
		if (!*text || *text == '#')
			continue;
		if (*text == '[' && text[strlen(text) - 1] == ']') {
			text[strlen(text) - 1] = '\0';
			section = conf_parse_section(conf, conf_trim(text + 1), line);
			lost = !section;
		} else if (*text == '[') {
			conf_problem(conf, line, "the bracket is not closed");
			section = NULL;
			lost = true;
		} else if (section) {
			conf_parse_entry(conf, section, text, line);
		} else if (!lost) {
			/* of a section that is wrong itself nothing more is said */
			conf_problem(conf, line, "\"%s\" stands before the first [KIND NAME]",
				     text);
			lost = true;
		}
	}
	free(buffer);
	return ferror(file) ? -1 : 0;
}

void conf_write(const struct conf *conf, FILE *file)
{
	size_t i, j;

	for (i = 0; i < conf->count; i++) {
		const struct conf_section *s = &conf->sections[i];

		fprintf(file, "%s[%s %s]\n", i ? "\n" : "", s->kind->name, s->name);
		for (j = 0; j < s->count; j++)
			fprintf(file, "%s = %s\n", s->entries[j].key->name, s->entries[j].value);
	}
}
