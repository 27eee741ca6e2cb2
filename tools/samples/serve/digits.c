// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-ggml-digits: handwritten digits by nearest neighbours, as a ggml program.
 *
 * DOC: ggml_digits
 *
 * The same question as weft-digits asks, put to ggml: a matrix product and ARGMAX on the ggml
 * device of a name. a.b - |b|^2 / 2 is a product of vectors that are one longer than the digits;
 * twice that is an integer below 2^24, as are all sums on the way, so that every device gets it
 * exactly, and the answers are compared with those of plain loops. It knows nothing of weft.
 *
 * Exit status: 0 the answers are right, 1 one is not, 2 wrong use, 3 trouble.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ggml.h>
#include <ggml-alloc.h>
#include <ggml-backend.h>

#include "../digits/digits.h"

enum { TRAIN = 300, TEST = 64, TILE = 4 };

struct work {
	struct digits_data data;
	struct weft_sim_best expected[TEST];
	ggml_backend_t backend;
	struct ggml_tensor *train, *test, *answer;
	struct ggml_cgraph *graph;
};

static void die(const char *what)
{
	fprintf(stderr, "weft-ggml-digits: %s\n", what);
	exit(3);
}

static void vector(const struct digits_data *data, uint32_t number, bool train, float *to)
{
	const int8_t *from = data->vectors + (size_t)number * data->dimension;
	float norm = 0;
	uint32_t i;

	for (i = 0; i < data->dimension; i++) {
		to[i] = from[i];
		norm += to[i] * to[i];
	}
	to[i] = train ? -norm / 2 : 1;
}

static void prepare(struct work *w, const char *device)
{
	const int64_t length = w->data.dimension + 1;
	struct ggml_context *weights, *rest;
	ggml_backend_buffer_t buffer;
	float *all;
	uint32_t i;

	w->backend = ggml_backend_init_by_name(device, NULL);
	if (!w->backend)
		die("there is no such device");
	weights = ggml_init((struct ggml_init_params) { .mem_size = 1 << 16, .no_alloc = true });
	w->train = ggml_new_tensor_2d(weights, GGML_TYPE_F32, length, TRAIN);
	buffer = ggml_backend_alloc_ctx_tensors(weights, w->backend);
	if (!buffer)
		die("no memory on the device");
	ggml_backend_buffer_set_usage(buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
	all = malloc((size_t)length * TRAIN * sizeof(*all));
	for (i = 0; i < TRAIN; i++)
		vector(&w->data, i, true, all + i * length);
	ggml_backend_tensor_set(w->train, all, 0, ggml_nbytes(w->train));
	free(all);

	rest = ggml_init((struct ggml_init_params) { .mem_size = 1 << 20, .no_alloc = true });
	w->test = ggml_new_tensor_2d(rest, GGML_TYPE_F32, length, TILE);
	w->answer = ggml_argmax(rest, ggml_mul_mat(rest, w->train, w->test));
	w->graph = ggml_new_graph(rest);
	ggml_build_forward_expand(w->graph, w->answer);
	if (!ggml_backend_alloc_ctx_tensors(rest, w->backend))
		die("no memory on the device");
}

/* How many answers are wrong */
static int pass(struct work *w)
{
	const size_t length = w->data.dimension + 1;
	float *tile = malloc(length * TILE * sizeof(*tile));
	int32_t answers[TILE];
	uint32_t first, i;
	int wrong = 0;

	for (first = 0; first < TEST; first += TILE) {
		for (i = 0; i < TILE; i++)
			vector(&w->data, TRAIN + first + i, false, tile + i * length);
		ggml_backend_tensor_set(w->test, tile, 0, ggml_nbytes(w->test));
		if (ggml_backend_graph_compute(w->backend, w->graph) != GGML_STATUS_SUCCESS)
			die("computing failed");
		ggml_backend_tensor_get(w->answer, answers, 0, sizeof(answers));
		for (i = 0; i < TILE; i++)
			wrong += answers[i] != (int32_t)w->expected[first + i].index;
	}
	free(tile);
	return wrong;
}

int main(int argc, char **argv)
{
	const struct digits_shape shape = { .test = TEST, .train = TRAIN, .tile_test = TILE,
					    .tile_train = TRAIN };
	struct work w = { 0 };
	int passes, i, wrong = 0;

	if (argc != 4) {
		fputs("Usage: weft-ggml-digits FILE DEVICE PASSES (0: until killed)\n", stderr);
		return 2;
	}
	passes = atoi(argv[3]);
	if (digits_data_load(&w.data, argv[1]) || digits_shape_check(&shape, &w.data))
		return 3;
	digits_reference(&w.data, &shape, w.expected);
	ggml_backend_load_all();
	prepare(&w, argv[2]);
	for (i = 0; !wrong && (!passes || i < passes); i++) {
		wrong = pass(&w);
		printf("%d digits: %d right, %d answers differ\n", TEST,
		       (int)digits_right(&w.data, &shape, w.expected), wrong);
		fflush(stdout);
	}
	return wrong != 0;
}
