/* SPDX-License-Identifier: GPL-2.0-only */
/* Words, fields and names of the simulator's files; see simtext.c. */
#ifndef WEFT_SIMTEXT_H
#define WEFT_SIMTEXT_H

#include <stdio.h>

#include "platform.h"

#define SIM_NAME_MAX	63
#define SIM_WORDS	64
#define SIM_NONE	0xffffffffu

/**
 * struct sim_arena - memory that is freed all at once
 * @blocks: what was allocated
 */
struct sim_arena {
	void **blocks;
	size_t count;
};

/* zeroed; ends the program if there is no memory */
void *sim_alloc(struct sim_arena *arena, size_t size);
/* @array of @count elements, with room for one more; its room doubles */
void *sim_grow(struct sim_arena *arena, void *array, size_t count, size_t size);
char *sim_copy(struct sim_arena *arena, const char *string, size_t length);
void sim_arena_free(struct sim_arena *arena);

/**
 * struct sim_names - names of one kind, numbered from 0 in the order in which they came
 * @name: the names
 * @count: number of them
 */
struct sim_names {
	const char **name;
	u32 count;
	/* private: open addressing, number + 1 or 0 */
	u32 *slot;
	u32 slot_count;
};

/* the number of a name, SIM_NONE if there is none */
u32 sim_names_find(const struct sim_names *names, const char *name);
/* the number of a name, new or not */
u32 sim_names_add(struct sim_arena *arena, struct sim_names *names, const char *name);

/**
 * struct sim_text - a file that is being read
 * @path: for messages
 * @line: number of the current line, from 1
 * @words: of the current line
 * @count: number of them
 * @error: "file:line: what was wrong and what is allowed" once a call has failed
 */
struct sim_text {
	const char *path;
	FILE *file;
	unsigned int line;
	char *words[SIM_WORDS];
	u32 count;
	char *error;
	size_t error_size;
	/* private: the line; fields asked for by the current line, as bits */
	char *buffer;
	u64 used;
	/* words before the first key=value */
	u32 fixed;
};

/* open @path and check the first line against "@magic 1"; 0 or -1 */
int sim_text_open(struct sim_text *t, const char *path, const char *magic, char *error,
		  size_t error_size);
void sim_text_close(struct sim_text *t);
/* the next line that has words: 1, 0 at the end, -1 */
int sim_text_line(struct sim_text *t);
/* always -1 */
int sim_text_fail(struct sim_text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* -1 unless the line has @count words before its fields; @shape says what it should be */
int sim_text_fixed(struct sim_text *t, u32 count, const char *shape);
/* the value of a field, NULL if it is not there */
const char *sim_text_field(struct sim_text *t, const char *key);
/* a field as a number between @least and @most, *value unchanged without it unless @must */
int sim_text_number(struct sim_text *t, const char *key, u64 least, u64 most, bool must,
		    u64 *value);
/* any word as a number; @what is for the message */
int sim_text_parse(struct sim_text *t, const char *word, const char *what, u64 least, u64 most,
		   u64 *value);
/* one of @choices (ended by NULL) as its index */
int sim_text_choice(struct sim_text *t, const char *key, const char * const *choices, u32 *value);
/* after the fields that are known were asked for: fails on others */
int sim_text_end(struct sim_text *t);
/* is it a good name? */
int sim_text_name(struct sim_text *t, const char *word, const char *what);
/* the next name of a list, which is changed; NULL at its end */
char *sim_text_item(char **list);

#endif /* WEFT_SIMTEXT_H */
