/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * weft config: what its parts share.
 *
 * DOC: weft conf
 *
 * A configuration is a list of sections, each a kind of thing, its name and values. It comes from
 * a file (conf_file.c) or from the kernel (conf_tree.c); one table says which kinds and keys there
 * are and what a value may be.
 */
#ifndef WEFT_CONF_H
#define WEFT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_FILE	"/etc/weft/weft.conf"
#define CONF_NAME_MAX	31

enum conf_type {
	CONF_NUMBER,	/* @least to @most */
	CONF_BYTES,	/* the same with a suffix K, M, G or T */
	CONF_SPEED,	/* a number or "inf" */
	CONF_MODE,	/* octal permissions */
	CONF_OWNER,	/* UID:GID or "none" */
	CONF_UID,	/* a number or "none" */
	CONF_PATH,	/* begins with a slash, or "none" */
	CONF_WORD,	/* of @words if there are any */
	CONF_TEXT,	/* 1 to 31 characters */
	CONF_LIST,	/* words, which the kernel may show in several lines */
	CONF_LINES,	/* the key is given once for each line of the file */
	CONF_SWITCH,	/* 0 or 1 */
};

struct conf_key {
	const char *name;
	enum conf_type type;
	uint64_t least;
	uint64_t most;
	const char *const *words;
	/* it is a file of @live while that is there, else of @folder */
	bool live;
	/* can the value be changed while the thing is enabled */
	bool fixed;
};

struct conf_kind {
	const char *name;
	/* its things are folders in here */
	const char *folder;
	/* they are made by mkdir */
	bool made;
	/* loading this module makes @folder appear */
	const char *module;
	const struct conf_key *keys;
	size_t count;
};

struct conf_entry {
	const struct conf_key *key;
	char *value;
	unsigned int line;
};

struct conf_section {
	const struct conf_kind *kind;
	char *name;
	unsigned int line;
	struct conf_entry *entries;
	size_t count;
};

struct conf {
	/* what messages begin with */
	const char *file;
	struct conf_section *sections;
	size_t count;
	/* messages that were printed about it */
	unsigned int problems;
};

extern const struct conf_kind conf_kinds[];
extern const size_t conf_kind_count;

/* about @line of the file; counts as a problem */
void conf_problem(struct conf *conf, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct conf_section *conf_section_add(struct conf *conf, const struct conf_kind *kind,
				      const char *name, unsigned int line);
void conf_entry_add(struct conf_section *section, const struct conf_key *key, const char *value,
		    unsigned int line);
void conf_free(struct conf *conf);

/* what @key may be, for people */
const char *conf_allowed(const struct conf_key *key, char *text, size_t size);
/* does @value suit @key */
bool conf_suits(const struct conf_key *key, const char *value);
/* are the values the same to the kernel */
bool conf_same(const struct conf_key *key, const char *one, const char *other);

/* every problem of the file has been printed; 0, or -1 if it cannot be read */
int conf_parse(struct conf *conf, FILE *file);
void conf_write(const struct conf *conf, FILE *file);

/* fill in what the kernel has now; false if there is no weft in it */
bool conf_tree_read(struct conf *conf);

struct conf_change {
	const char *kind;
	const char *name;
	/* NULL: the thing itself is made */
	const char *key;
	/* NULL: not known before */
	const char *from;
	const char *to;
};

struct conf_apply {
	bool dry_run;
	/* only this device, or NULL */
	const char *device;
	void (*changed)(void *context, const struct conf_change *change);
	void *context;
	unsigned int changes;
	/* things of the file that are not there yet */
	unsigned int absent;
};

/* make the kernel have what @conf says; problems are printed and counted in it */
void conf_tree_apply(struct conf *conf, struct conf_apply *apply);

#endif /* WEFT_CONF_H */
