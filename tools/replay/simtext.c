// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the simulator's text files.
 *
 * DOC: text of the simulator
 *
 * A line is cut into words; words with a '=' are fields, which the reader of that kind of line asks
 * for by key. What nobody asked for is refused when the line ends, so a misspelt key cannot
 * silently mean a default. Each message names file and line, what was wrong, and what is allowed.
 *
 * Rejected: JSON or YAML (a dependency, and no line numbers that mean anything to who wrote it), a
 * generated parser (the grammar is "words and fields").
 */
#include <ctype.h>
#include <stdarg.h>

#include "simtext.h"

#define LINE_MAX_BYTES	65536

static void *must(void *memory)
{
	if (!memory) {
		fputs("weft-replay: no memory\n", stderr);
		exit(1);
	}
	return memory;
}

void *sim_alloc(struct sim_arena *arena, size_t size)
{
	void *block = must(calloc(1, size ? size : 1));

	if (!(arena->count & (arena->count - 1)))
		arena->blocks = must(realloc(arena->blocks, (arena->count ? 2 * arena->count : 1) *
					     sizeof(*arena->blocks)));
	arena->blocks[arena->count++] = block;
	return block;
}

void *sim_grow(struct sim_arena *arena, void *array, size_t count, size_t size)
{
	void *bigger;

	if (count & (count - 1))
		return array;
	bigger = sim_alloc(arena, (count ? 2 * count : 1) * size);
	if (count)
		memcpy(bigger, array, count * size);
	return bigger;
}

char *sim_copy(struct sim_arena *arena, const char *string, size_t length)
{
	char *copy = sim_alloc(arena, length + 1);

	memcpy(copy, string, length);
	return copy;
}

void sim_arena_free(struct sim_arena *arena)
{
	size_t i;

	for (i = 0; i < arena->count; i++)
		free(arena->blocks[i]);
	free(arena->blocks);
	memset(arena, 0, sizeof(*arena));
}

/* ------------------------------------------------------------------- names */

static u32 *names_slot(const struct sim_names *names, const char *name)
{
	u64 hash = 0;
	u32 i;

	for (i = 0; name[i]; i++)
		hash = weft_mix64(hash + (u8)name[i] + 1);
	for (i = (u32)hash & (names->slot_count - 1);; i = (i + 1) & (names->slot_count - 1)) {
		if (!names->slot[i] || !strcmp(names->name[names->slot[i] - 1], name))
			return &names->slot[i];
	}
}

u32 sim_names_find(const struct sim_names *names, const char *name)
{
	return names->slot_count ? *names_slot(names, name) - 1 : SIM_NONE;
}

u32 sim_names_add(struct sim_arena *arena, struct sim_names *names, const char *name)
{
	u32 *slot;
	u32 i;

	if (2 * names->count >= names->slot_count) {
		names->slot_count = names->slot_count ? 2 * names->slot_count : 16;
		names->slot = sim_alloc(arena, names->slot_count * sizeof(*names->slot));
		for (i = 0; i < names->count; i++)
			*names_slot(names, names->name[i]) = i + 1;
	}
	slot = names_slot(names, name);
	if (!*slot) {
		names->name = sim_grow(arena, names->name, names->count, sizeof(*names->name));
		names->name[names->count] = sim_copy(arena, name, strlen(name));
		*slot = ++names->count;
	}
	return *slot - 1;
}

/* -------------------------------------------------------------------- text */

int sim_text_fail(struct sim_text *t, const char *format, ...)
{
	va_list args;
	int used = snprintf(t->error, t->error_size, "%s:%u: ", t->path, t->line);

	if (used > 0 && (size_t)used < t->error_size) {
		va_start(args, format);
		vsnprintf(t->error + used, t->error_size - (size_t)used, format, args);
		va_end(args);
	}
	return -1;
}

int sim_text_open(struct sim_text *t, const char *path, const char *magic, char *error,
		  size_t error_size)
{
	int ret;

	memset(t, 0, sizeof(*t));
	t->path = path;
	t->error = error;
	t->error_size = error_size;
	t->file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	if (!t->file) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return -1;
	}
	t->buffer = must(malloc(LINE_MAX_BYTES));
	ret = sim_text_line(t);
	if (ret < 0)
		return -1;
	if (!ret || t->count != 2 || strcmp(t->words[0], magic) || strcmp(t->words[1], "1"))
		return sim_text_fail(t, "the first line must be \"%s 1\"", magic);
	return 0;
}

void sim_text_close(struct sim_text *t)
{
	if (t->file && t->file != stdin)
		fclose(t->file);
	free(t->buffer);
	t->file = NULL;
	t->buffer = NULL;
}

static int text_split(struct sim_text *t)
{
	char *save = NULL;
	char *word;

	t->count = 0;
	t->fixed = 0;
	t->used = 0;
	for (word = strtok_r(t->buffer, " \t\r\n", &save); word;
	     word = strtok_r(NULL, " \t\r\n", &save)) {
		if (*word == '#')
			break;
		if (t->count == SIM_WORDS)
			return sim_text_fail(t, "more than %d words in a line", SIM_WORDS);
		if (!strchr(word, '=')) {
			if (t->fixed != t->count)
				return sim_text_fail(t, "\"%s\" stands behind a field: fields "
							"key=value come last",
						     word);
			t->fixed++;
		}
		t->words[t->count++] = word;
	}
	return t->count ? 1 : 0;
}

int sim_text_line(struct sim_text *t)
{
	int ret;

	for (;;) {
		if (!fgets(t->buffer, LINE_MAX_BYTES, t->file)) {
			if (ferror(t->file))
				return sim_text_fail(t, "cannot be read: %s", strerror(errno));
			return 0;
		}
		t->line++;
		if (strlen(t->buffer) == LINE_MAX_BYTES - 1)
			return sim_text_fail(t, "longer than %d bytes", LINE_MAX_BYTES - 1);
		ret = text_split(t);
		if (ret)
			return ret;
	}
}

int sim_text_fixed(struct sim_text *t, u32 count, const char *shape)
{
	if (t->fixed == count)
		return 0;
	return sim_text_fail(t, "%u words before the fields, not %u: the line is \"%s\"", t->fixed,
			     count, shape);
}

const char *sim_text_field(struct sim_text *t, const char *key)
{
	const char *value = NULL;
	size_t length = strlen(key);
	u32 i;

	for (i = t->fixed; i < t->count; i++) {
		if (strncmp(t->words[i], key, length) || t->words[i][length] != '=')
			continue;
		/* The second of two is left unused, and with it refused at the end of the line. */
		if (value)
			break;
		t->used |= BIT_ULL(i);
		value = t->words[i] + length + 1;
	}
	return value;
}

int sim_text_parse(struct sim_text *t, const char *word, const char *what, u64 least, u64 most,
		   u64 *value)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; word[i] >= '0' && word[i] <= '9'; i++)
		sum = weft_add_sat(weft_mul_sat(sum, 10), (u64)(word[i] - '0'));
	if (!i || word[i] || sum < least || sum > most)
		return sim_text_fail(t, "%s is \"%s\": a whole number from %llu to %llu is allowed",
				     what, word, least, most);
	*value = sum;
	return 0;
}

int sim_text_number(struct sim_text *t, const char *key, u64 least, u64 most, bool must_be,
		    u64 *value)
{
	const char *word = sim_text_field(t, key);

	if (word)
		return sim_text_parse(t, word, key, least, most, value);
	if (must_be)
		return sim_text_fail(t, "%s= is missing: a whole number from %llu to %llu", key,
				     least, most);
	return 0;
}

int sim_text_choice(struct sim_text *t, const char *key, const char * const *choices, u32 *value)
{
	const char *word = sim_text_field(t, key);
	char list[256] = "";
	size_t length = 0;
	u32 i;

	if (!word)
		return 0;
	for (i = 0; choices[i]; i++) {
		if (!strcmp(choices[i], word)) {
			*value = i;
			return 0;
		}
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   i ? ", " : "", choices[i]);
	}
	return sim_text_fail(t, "%s is \"%s\": allowed are %s", key, word, list);
}

int sim_text_end(struct sim_text *t)
{
	u32 i;

	for (i = t->fixed; i < t->count; i++) {
		const char *equals = strchr(t->words[i], '=');
		int length = (int)(equals - t->words[i]);
		u32 j;

		if (t->used & BIT_ULL(i))
			continue;
		for (j = t->fixed; j < i; j++) {
			if (!strncmp(t->words[j], t->words[i], (size_t)length + 1))
				return sim_text_fail(t, "%.*s= comes twice", length, t->words[i]);
		}
		return sim_text_fail(t, "%.*s= is no field of a line \"%s\"", length, t->words[i],
				     t->words[0]);
	}
	return 0;
}

int sim_text_name(struct sim_text *t, const char *word, const char *what)
{
	size_t length = 0;

	while (isalnum((unsigned char)word[length]) ||
	       (word[length] && strchr("_.:+-", word[length])))
		length++;
	if (!length || word[length] || length > SIM_NAME_MAX || *word == '-')
		return sim_text_fail(t, "\"%s\" is no name for a %s: 1 to %d letters, digits, _ "
					". : + -, not - first",
				     word, what, SIM_NAME_MAX);
	return 0;
}

char *sim_text_item(char **list)
{
	char *item = *list;
	char *comma;

	if (!item)
		return NULL;
	comma = strchr(item, ',');
	if (comma)
		*comma++ = '\0';
	*list = comma;
	return item;
}
