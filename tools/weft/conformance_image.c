// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft conformance: the kernels it runs.
 *
 * DOC: weft conformance image
 *
 * Images are opaque, so a vendor supplies one, compiled from a fixed vocabulary of four kernels,
 * and a small text file that says which kernel is which. That of the simulated devices is built in.
 * Rejected: a container of our own (one more format to write a tool for); finding kernels by
 * looking into images.
 */
#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <drm/weft_sim.h>

#include "conformance.h"

#define CONF_IMAGE_MAX	(16u << 20)
#define CONF_LARGEST	(16u << 20)

static const struct {
	const char *name;
	uint32_t args_size;
} conf_vocabulary[CONF_KERNEL_COUNT] = {
	[CONF_COPY] = { "copy", sizeof(struct conf_copy_args) },
	[CONF_FILL] = { "fill", sizeof(struct conf_fill_args) },
	[CONF_ADD] = { "add", sizeof(struct conf_add_args) },
	[CONF_SPIN] = { "spin", sizeof(struct conf_spin_args) },
};

static void conf_image_init(struct conf_image *image)
{
	int i;

	memset(image, 0, sizeof(*image));
	image->align = 8;
	image->largest = CONF_LARGEST;
	for (i = 0; i < CONF_KERNEL_COUNT; i++)
		image->index[i] = -1;
}

/* Kernels have the numbers in which they are named. */
static bool conf_image_kernel(struct conf_image *image, const char *name)
{
	int i;

	for (i = 0; i < CONF_KERNEL_COUNT; i++) {
		if (strcmp(conf_vocabulary[i].name, name) || image->index[i] >= 0)
			continue;
		image->index[i] = (int)image->kernel_count;
		image->kernels[image->kernel_count].name = conf_vocabulary[i].name;
		image->kernels[image->kernel_count++].args_size = conf_vocabulary[i].args_size;
		return true;
	}
	return false;
}

int conf_image_sim(struct conf_image *image)
{
	static const char *const isas[] = { "sim", "sim-gpu", "sim-dcu", "sim-npu" };
	static const struct {
		struct weft_sim_image_header header;
		uint32_t ops[CONF_KERNEL_COUNT];
	} bytes = {
		.header = {
			.magic = WEFT_SIM_IMAGE_MAGIC,
			.version = WEFT_SIM_IMAGE_VERSION,
			.kernel_count = CONF_KERNEL_COUNT,
		},
		.ops = {
			[CONF_COPY] = WEFT_SIM_OP_COPY,
			[CONF_FILL] = WEFT_SIM_OP_FILL,
			[CONF_ADD] = WEFT_SIM_OP_ADD,
			[CONF_SPIN] = WEFT_SIM_OP_NOP,
		},
	};
	size_t i;

	conf_image_init(image);
	image->sim = true;
	for (i = 0; i < CONF_KERNEL_COUNT; i++)
		conf_image_kernel(image, conf_vocabulary[i].name);
	image->kernels[CONF_SPIN].args_size = sizeof(struct weft_sim_nop);
	for (i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
		struct weft_image_desc *desc = &image->images[image->image_count++];

		desc->isa = strdup(isas[i]);
		desc->size = sizeof(bytes);
		desc->data = malloc(sizeof(bytes));
		if (!desc->isa || !desc->data)
			return cli_fail(CLI_TROUBLE, "no memory for the image");
		memcpy((void *)desc->data, &bytes, sizeof(bytes));
	}
	return 0;
}

void conf_image_free(struct conf_image *image)
{
	uint32_t i;

	for (i = 0; i < image->image_count; i++) {
		free((void *)image->images[i].isa);
		free((void *)image->images[i].data);
	}
}

/* Pairs of hexadecimal digits, blanks between them; how many bytes, or -1. */
static ssize_t conf_image_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t count = 0;

	for (;; text += 2, count++) {
		char pair[3];

		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			return (ssize_t)count;
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    count == size)
			return -1;
		memcpy(pair, text, 2);
		pair[2] = '\0';
		bytes[count] = (uint8_t)strtoul(pair, NULL, 16);
	}
}

static ssize_t conf_image_file(const char *beside, const char *name, uint8_t *bytes, size_t size)
{
	char *folder = strdup(beside), *path = NULL;
	ssize_t count = -1;
	FILE *file;

	if (!folder)
		return -1;
	if (asprintf(&path, "%s%s%s", name[0] == '/' ? "" : dirname(folder),
		     name[0] == '/' ? "" : "/", name) < 0)
		path = NULL;
	free(folder);
	file = path ? fopen(path, "rb") : NULL;
	if (file) {
		count = (ssize_t)fread(bytes, 1, size, file);
		fclose(file);
	}
	free(path);
	return count;
}

/* isa NAME file PATH | isa NAME hex BYTES */
static const char *conf_image_isa(struct conf_image *image, const char *path, char *rest)
{
	char *name = strtok_r(rest, " \t", &rest), *kind = strtok_r(NULL, " \t", &rest);
	struct weft_image_desc *desc = &image->images[image->image_count];
	uint8_t *bytes, *less;
	ssize_t count;

	if (!name || !kind || !rest || !*rest)
		return "write \"isa NAME file PATH\" or \"isa NAME hex BYTES\"";
	if (image->image_count == CONF_IMAGES)
		return "there are more than 16 instruction sets";
	bytes = malloc(CONF_IMAGE_MAX);
	if (!bytes)
		return "no memory";
	if (!strcmp(kind, "file"))
		count = conf_image_file(path, rest, bytes, CONF_IMAGE_MAX);
	else if (!strcmp(kind, "hex"))
		count = conf_image_hex(rest, bytes, CONF_IMAGE_MAX);
	else
		count = 0;
	if (count <= 0) {
		free(bytes);
		if (!strcmp(kind, "file"))
			return "the image cannot be read, or is empty";
		return !strcmp(kind, "hex") ? "the bytes are not pairs of hexadecimal digits" :
					      "after the name comes \"file\" or \"hex\"";
	}
	less = realloc(bytes, (size_t)count);
	desc->isa = strdup(name);
	desc->data = less ? less : bytes;
	desc->size = (size_t)count;
	image->image_count++;
	return desc->isa ? NULL : "no memory";
}

static const char *conf_image_line(struct conf_image *image, const char *path, char *line)
{
	char *rest, *word = strtok_r(line, " \t", &rest), *end;
	uint64_t number;

	if (!word || word[0] == '#')
		return NULL;
	rest += strspn(rest, " \t");
	if (!strcmp(word, "isa"))
		return conf_image_isa(image, path, rest);
	if (!strcmp(word, "kernel"))
		return conf_image_kernel(image, rest) ? NULL :
		       "kernels are copy, fill, add and spin, each once";
	number = strtoull(rest, &end, 10);
	if (!strcmp(word, "align") && end != rest && !*end && number >= 8 && number <= 4096 &&
	    !(number & (number - 1))) {
		image->align = number;
		return NULL;
	}
	if (!strcmp(word, "largest") && end != rest && !*end && number >= 4096 &&
	    number <= CONF_LARGEST && !(number & 4095)) {
		image->largest = number;
		return NULL;
	}
	if (!strcmp(word, "align"))
		return "align is a power of two from 8 to 4096";
	if (!strcmp(word, "largest"))
		return "largest is a multiple of 4096, 16 MiB at the most";
	return "a line begins with kernel, isa, align, largest or #";
}

int conf_image_read(struct conf_image *image, const char *path)
{
	const char *wrong = NULL;
	size_t size = 0, number = 0;
	char *line = NULL;
	FILE *file;

	conf_image_init(image);
	file = fopen(path, "r");
	if (!file)
		return cli_fail(CLI_TROUBLE, "%s: %s", path, strerror(errno));
	while (!wrong && getline(&line, &size, file) >= 0) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		wrong = conf_image_line(image, path, line);
	}
	free(line);
	fclose(file);
	if (wrong)
		return cli_fail(CLI_USAGE, "%s:%zu: %s", path, number, wrong);
	if (image->index[CONF_COPY] < 0 || !image->image_count)
		return cli_fail(CLI_USAGE, "%s: there must be a kernel copy and an isa", path);
	return 0;
}
