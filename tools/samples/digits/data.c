// SPDX-License-Identifier: GPL-2.0-only
/*
 * The digits' file and the plain computation that devices are compared with.
 *
 * DOC: digits data
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

#define DIGITS_MAGIC		"WDIG"
#define DIGITS_VERSION		1
#define DIGITS_COUNT_MAX	1000000u
#define DIGITS_DIMENSION_MAX	4096u

struct digits_header {
	char magic[4];
	uint32_t version;
	uint32_t count;
	uint32_t dimension;
};

static char *digits_default_path(void)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *path;
	int ret;

	if (cache && cache[0])
		ret = asprintf(&path, "%s/weft/digits-1.1.0-1.bin", cache);
	else
		ret = asprintf(&path, "%s/.cache/weft/digits-1.1.0-1.bin", home ? home : "");
	return ret < 0 ? NULL : path;
}

static int digits_read(struct digits_data *data, FILE *file, const char *path)
{
	struct digits_header header;
	size_t labels, vectors;

	if (fread(&header, sizeof(header), 1, file) != 1 ||
	    memcmp(header.magic, DIGITS_MAGIC, sizeof(header.magic)) ||
	    header.version != DIGITS_VERSION || !header.count ||
	    header.count > DIGITS_COUNT_MAX || !header.dimension ||
	    header.dimension > DIGITS_DIMENSION_MAX) {
		fprintf(stderr, "digits: %s is not a file of digits; make one with digits-fetch\n",
			path);
		return -1;
	}
	labels = (header.count + 7u) / 8 * 8;
	vectors = (size_t)header.count * header.dimension;
	data->count = header.count;
	data->dimension = header.dimension;
	data->labels = malloc(labels);
	data->vectors = malloc(vectors);
	if (!data->labels || !data->vectors ||
	    fread(data->labels, 1, labels, file) != labels ||
	    fread(data->vectors, 1, vectors, file) != vectors) {
		fprintf(stderr, "digits: %s is cut short; make it again with digits-fetch\n", path);
		digits_data_free(data);
		return -1;
	}
	return 0;
}

int digits_data_load(struct digits_data *data, const char *path)
{
	char *own = path ? NULL : digits_default_path();
	FILE *file;
	int ret;

	memset(data, 0, sizeof(*data));
	if (!path)
		path = own ? own : "";
	file = fopen(path, "rb");
	if (!file) {
		fprintf(stderr, "digits: %s: %s; fetch the digits with digits-fetch\n", path,
			strerror(errno));
		free(own);
		return -1;
	}
	ret = digits_read(data, file, path);
	fclose(file);
	free(own);
	return ret;
}

void digits_data_free(struct digits_data *data)
{
	free(data->labels);
	free(data->vectors);
	memset(data, 0, sizeof(*data));
}

int digits_shape_check(const struct digits_shape *shape, const struct digits_data *data)
{
	if (!shape->test || !shape->train || !shape->tile_test || !shape->tile_train) {
		fprintf(stderr, "digits: numbers of digits and tile sizes must be at least 1\n");
		return -1;
	}
	if ((uint64_t)shape->test + shape->train > data->count) {
		fprintf(stderr, "digits: %u test and %u training digits, but the file has %u\n",
			shape->test, shape->train, data->count);
		return -1;
	}
	if (digits_rows(shape) > UINT16_MAX || digits_columns(shape) > UINT16_MAX) {
		fprintf(stderr, "digits: too many tiles: make them larger\n");
		return -1;
	}
	return 0;
}

void digits_reference(const struct digits_data *data, const struct digits_shape *shape,
		      struct weft_sim_best *best)
{
	const uint32_t dim = data->dimension;
	uint32_t i, j, k;

	for (i = 0; i < shape->test; i++) {
		const int8_t *a = data->vectors + (size_t)(shape->train + i) * dim;

		best[i].value = INT32_MIN;
		for (j = 0; j < shape->train; j++) {
			const int8_t *b = data->vectors + (size_t)j * dim;
			int32_t dot = 0, norm = 0;

			for (k = 0; k < dim; k++) {
				dot += a[k] * b[k];
				norm += b[k] * b[k];
			}
			if (2 * dot - norm > best[i].value) {
				best[i].value = 2 * dot - norm;
				best[i].index = j;
			}
		}
	}
}

uint32_t digits_right(const struct digits_data *data, const struct digits_shape *shape,
		      const struct weft_sim_best *best)
{
	uint32_t right = 0;
	uint32_t i;

	for (i = 0; i < shape->test; i++)
		right += best[i].index < shape->train &&
			 data->labels[best[i].index] == data->labels[shape->train + i];
	return right;
}
