// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small transformer that writes text: a ggml program like others, that knows nothing of weft.
 *
 * DOC: textgen
 *
 * textgen make FILE [EMBD LAYERS] writes a GGUF file with random weights (the same each time).
 * textgen run FILE DEVICE THREADS TOKENS [NUMBER COUNT [HOLD]] reads it, keeps the weights and the
 * cache of keys and values in the memory of the ggml device of that name, and prints TOKENS
 * characters after a beginning, always the most likely one, and on the error stream tokens per
 * second. NUMBER is in the beginning, and COUNT says how often the text is written. In the middle
 * of the first one a file HOLD is made, and it goes on when that is gone. The graph is placed by
 * ggml's own scheduler, as llama.cpp does it, with the processor for what the device does not do.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <ggml.h>
#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <gguf.h>

enum { VOCAB = 96, HEADS = 4, MAX_LAYERS = 16, CONTEXT = 256, PAD = 32 };

/* how large the model is */
static int embd = 256, layers = 4;

struct layer {
	struct ggml_tensor *attn_norm, *wq, *wk, *wv, *wo, *ffn_norm, *gate, *up, *down;
	struct ggml_tensor *k, *v;
};

struct model {
	struct ggml_context *weights, *cache;
	struct ggml_tensor *embd, *out_norm, *out;
	struct layer layers[MAX_LAYERS];
};

struct inputs {
	struct ggml_tensor *token, *position, *row, *mask;
};

static void die(const char *what)
{
	fprintf(stderr, "textgen: %s\n", what);
	exit(1);
}

static float noise(uint64_t *state)
{
	float sum = 0;
	int i;

	for (i = 0; i < 4; i++) {
		*state = *state * 6364136223846793005ull + 1442695040888963407ull;
		sum += (float)(*state >> 40) / (1 << 24) - 0.5f;
	}
	return sum * 1.7f;
}

static void put(struct gguf_context *file, struct ggml_context *ctx, const char *name,
		enum ggml_type type, int64_t ne0, int64_t ne1, float size, uint64_t *state)
{
	struct ggml_tensor *t = ggml_new_tensor_2d(ctx, type, ne0, ne1);
	int64_t i, n = ne0 * ne1;
	float *values = malloc((size_t)n * sizeof(*values));

	for (i = 0; i < n; i++)
		values[i] = size ? size * noise(state) : 1;
	if (type == GGML_TYPE_F32)
		memcpy(t->data, values, (size_t)n * sizeof(*values));
	else
		ggml_quantize_chunk(type, values, t->data, 0, ne1, ne0, NULL);
	free(values);
	ggml_set_name(t, name);
	gguf_add_tensor(file, t);
}

static int make(const char *path)
{
	struct ggml_context *ctx = ggml_init((struct ggml_init_params) { .mem_size = 64 << 20 });
	struct gguf_context *file = gguf_init_empty();
	const float size = 1 / sqrtf((float)embd);
	const int ff = embd * 11 / 4;
	uint64_t state = 20261122;
	char name[64];
	int i;

	gguf_set_val_str(file, "general.architecture", "weft-textgen");
	gguf_set_val_i32(file, "weft-textgen.embd", embd);
	gguf_set_val_i32(file, "weft-textgen.layers", layers);
	put(file, ctx, "embd", GGML_TYPE_F32, embd, VOCAB, 1, &state);
	put(file, ctx, "out_norm", GGML_TYPE_F32, embd, 1, 0, &state);
	put(file, ctx, "out", GGML_TYPE_F16, embd, VOCAB, size, &state);
	for (i = 0; i < layers; i++) {
		const struct {
			const char *name;
			int in, out;
			enum ggml_type type;
		} all[] = {
			{ "attn_norm", embd, 1, GGML_TYPE_F32 },
			{ "wq", embd, embd, GGML_TYPE_Q8_0 },
			{ "wk", embd, embd, GGML_TYPE_Q8_0 },
			{ "wv", embd, embd, GGML_TYPE_F16 },
			{ "wo", embd, embd, GGML_TYPE_Q8_0 },
			{ "ffn_norm", embd, 1, GGML_TYPE_F32 },
			{ "gate", embd, ff, GGML_TYPE_Q4_0 },
			{ "up", embd, ff, GGML_TYPE_Q4_0 },
			{ "down", ff, embd, GGML_TYPE_Q8_0 },
		};
		unsigned int j;

		for (j = 0; j < sizeof(all) / sizeof(all[0]); j++) {
			snprintf(name, sizeof(name), "%d.%s", i, all[j].name);
			put(file, ctx, name, all[j].type, all[j].in, all[j].out,
			    all[j].out == 1 ? 0 : 2 * size, &state);
		}
	}
	if (!gguf_write_to_file(file, path, false))
		die("cannot write the model");
	return 0;
}

static struct ggml_tensor *get(struct model *m, int layer, const char *name)
{
	char full[64];
	struct ggml_tensor *t;

	if (layer < 0)
		snprintf(full, sizeof(full), "%s", name);
	else
		snprintf(full, sizeof(full), "%d.%s", layer, name);
	t = ggml_get_tensor(m->weights, full);
	if (!t)
		die("the model lacks a tensor");
	return t;
}

static void load(struct model *m, const char *path, ggml_backend_t backend)
{
	struct gguf_init_params params = { .no_alloc = true, .ctx = &m->weights };
	struct gguf_context *file = gguf_init_from_file(path, params);
	FILE *data = fopen(path, "rb");
	struct ggml_tensor *t;
	ggml_backend_buffer_t buffer;
	int64_t i;
	int l;

	if (!file || !data || gguf_find_key(file, "weft-textgen.layers") < 0)
		die("cannot read the model");
	embd = gguf_get_val_i32(file, gguf_find_key(file, "weft-textgen.embd"));
	layers = gguf_get_val_i32(file, gguf_find_key(file, "weft-textgen.layers"));
	if (layers > MAX_LAYERS)
		die("the model is too large");
	buffer = ggml_backend_alloc_ctx_tensors(m->weights, backend);
	if (!buffer)
		die("no memory for the model");
	ggml_backend_buffer_set_usage(buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
	for (i = 0; i < gguf_get_n_tensors(file); i++) {
		void *bytes;

		t = ggml_get_tensor(m->weights, gguf_get_tensor_name(file, i));
		bytes = malloc(ggml_nbytes(t));
		if (fseek(data, (long)(gguf_get_data_offset(file) +
				       gguf_get_tensor_offset(file, i)), SEEK_SET) ||
		    fread(bytes, ggml_nbytes(t), 1, data) != 1)
			die("the model is too short");
		ggml_backend_tensor_set(t, bytes, 0, ggml_nbytes(t));
		free(bytes);
	}
	fclose(data);
	m->embd = get(m, -1, "embd");
	m->out_norm = get(m, -1, "out_norm");
	m->out = get(m, -1, "out");
	m->cache = ggml_init((struct ggml_init_params) { .mem_size = 1 << 20, .no_alloc = true });
	for (l = 0; l < layers; l++) {
		m->layers[l] = (struct layer) {
			get(m, l, "attn_norm"), get(m, l, "wq"), get(m, l, "wk"), get(m, l, "wv"),
			get(m, l, "wo"), get(m, l, "ffn_norm"), get(m, l, "gate"), get(m, l, "up"),
			get(m, l, "down"),
			ggml_new_tensor_2d(m->cache, GGML_TYPE_F16, embd, CONTEXT),
			ggml_new_tensor_2d(m->cache, GGML_TYPE_F16, embd, CONTEXT),
		};
	}
	buffer = ggml_backend_alloc_ctx_tensors(m->cache, backend);
	if (!buffer)
		die("no memory for the cache");
	ggml_backend_buffer_clear(buffer, 0);
}

static struct ggml_tensor *norm(struct ggml_context *ctx, struct ggml_tensor *x,
				struct ggml_tensor *weight)
{
	return ggml_mul(ctx, ggml_rms_norm(ctx, x, 0.00001f), weight);
}

static struct ggml_tensor *attend(struct ggml_context *ctx, struct ggml_cgraph *graph,
				  const struct layer *l, struct ggml_tensor *x,
				  const struct inputs *in, int64_t keys)
{
	const int64_t size = embd / HEADS;
	struct ggml_tensor *q, *k, *v, *p;

	q = ggml_reshape_3d(ctx, ggml_mul_mat(ctx, l->wq, x), size, HEADS, 1);
	k = ggml_reshape_3d(ctx, ggml_mul_mat(ctx, l->wk, x), size, HEADS, 1);
	v = ggml_mul_mat(ctx, l->wv, x);
	q = ggml_rope(ctx, q, in->position, (int)size, GGML_ROPE_TYPE_NORMAL);
	k = ggml_rope(ctx, k, in->position, (int)size, GGML_ROPE_TYPE_NORMAL);
	k = ggml_reshape_2d(ctx, k, embd, 1);
	ggml_build_forward_expand(graph, ggml_set_rows(ctx, l->k, k, in->row));
	ggml_build_forward_expand(graph, ggml_set_rows(ctx, l->v, v, in->row));
	k = ggml_view_3d(ctx, l->k, size, keys, HEADS, l->k->nb[1], (size_t)size * 2, 0);
	v = ggml_view_3d(ctx, l->v, size, keys, HEADS, l->v->nb[1], (size_t)size * 2, 0);
	p = ggml_mul_mat(ctx, k, ggml_permute(ctx, q, 0, 2, 1, 3));
	p = ggml_soft_max_ext(ctx, p, in->mask, 1 / sqrtf((float)size), 0);
	v = ggml_cont(ctx, ggml_transpose(ctx, v));
	p = ggml_permute(ctx, ggml_mul_mat(ctx, v, p), 0, 2, 1, 3);
	return ggml_mul_mat(ctx, l->wo, ggml_cont_2d(ctx, p, embd, 1));
}

static struct ggml_cgraph *build(struct ggml_context *ctx, const struct model *m,
				 struct inputs *in, int64_t keys)
{
	struct ggml_cgraph *graph = ggml_new_graph(ctx);
	struct ggml_tensor *x, *y;
	int i;

	in->token = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, 1);
	in->position = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, 1);
	in->row = ggml_new_tensor_1d(ctx, GGML_TYPE_I64, 1);
	in->mask = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, keys, 1);
	ggml_set_input(in->token);
	ggml_set_input(in->position);
	ggml_set_input(in->row);
	ggml_set_input(in->mask);
	x = ggml_get_rows(ctx, m->embd, in->token);
	for (i = 0; i < layers; i++) {
		const struct layer *l = &m->layers[i];

		x = ggml_add(ctx, x, attend(ctx, graph, l, norm(ctx, x, l->attn_norm), in, keys));
		y = norm(ctx, x, l->ffn_norm);
		y = ggml_swiglu_split(ctx, ggml_mul_mat(ctx, l->gate, y),
				      ggml_mul_mat(ctx, l->up, y));
		x = ggml_add(ctx, x, ggml_mul_mat(ctx, l->down, y));
	}
	x = ggml_mul_mat(ctx, m->out, norm(ctx, x, m->out_norm));
	ggml_set_name(x, "logits");
	ggml_set_output(x);
	ggml_build_forward_expand(graph, x);
	return graph;
}

static int step(ggml_backend_sched_t sched, const struct model *m, int token, int at)
{
	struct ggml_context *ctx = ggml_init((struct ggml_init_params) {
		.mem_size = 4 << 20, .no_alloc = true });
	float logits[VOCAB], mask[CONTEXT];
	int64_t keys = (at + PAD) / PAD * PAD, row = at;
	struct inputs in;
	struct ggml_cgraph *graph = build(ctx, m, &in, keys);
	int i, best = 0;

	for (i = 0; i < keys; i++)
		mask[i] = i <= at ? 0 : -INFINITY;
	ggml_backend_sched_reset(sched);
	if (!ggml_backend_sched_alloc_graph(sched, graph))
		die("no memory for the graph");
	ggml_backend_tensor_set(in.token, &token, 0, sizeof(token));
	ggml_backend_tensor_set(in.position, &at, 0, sizeof(at));
	ggml_backend_tensor_set(in.row, &row, 0, sizeof(row));
	ggml_backend_tensor_set(in.mask, mask, 0, (size_t)keys * sizeof(mask[0]));
	if (ggml_backend_sched_graph_compute(sched, graph) != GGML_STATUS_SUCCESS)
		die("computing failed");
	ggml_backend_tensor_get(ggml_graph_get_tensor(graph, "logits"), logits, 0, sizeof(logits));
	for (i = 1; i < VOCAB; i++)
		if (logits[i] > logits[best])
			best = i;
	ggml_free(ctx);
	return best;
}

static void threads_of(ggml_backend_t backend, int threads)
{
	ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend));
	ggml_backend_set_n_threads_t set = (ggml_backend_set_n_threads_t)
		ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_n_threads");

	if (set)
		set(backend, threads);
}

static void hold(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		die("cannot make the file to wait for");
	fclose(file);
	while (!access(path, F_OK))
		usleep(1000);
}

struct writer {
	const struct model *model;
	ggml_backend_sched_t sched;
	int tokens;
	/* of all texts, without what comes before devices have been asked for every shape */
	int counted;
	double seconds;
};

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void text(struct writer *w, int number, bool warm, const char *wait)
{
	int skip = warm ? 0 : w->tokens / 4, next = 0, at = 0, i;
	char beginning[64];
	double from = now();

	snprintf(beginning, sizeof(beginning), "The shuttle %d: ", number);
	for (i = 0; beginning[i]; i++)
		next = step(w->sched, w->model, beginning[i] - ' ', at++);
	fputs(beginning, stdout);
	fflush(stdout);
	for (i = 0; i < w->tokens && at < CONTEXT; i++) {
		if (i == skip)
			from = now();
		if (wait && i == w->tokens / 2)
			hold(wait);
		putchar(' ' + next % 95);
		fflush(stdout);
		next = step(w->sched, w->model, next, at++);
	}
	putchar('\n');
	fflush(stdout);
	w->seconds += now() - from;
	w->counted += i - skip;
}

static int run(char **argv, int number, int count, const char *wait)
{
	int threads = atoi(argv[4]), i;
	struct writer w = { .tokens = atoi(argv[5]) };
	struct model m = { 0 };
	ggml_backend_t backends[2];

	ggml_backend_load_all();
	backends[0] = ggml_backend_init_by_name(argv[3], NULL);
	backends[1] = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, NULL);
	if (!backends[0] || !backends[1])
		die("there is no such device");
	threads_of(backends[0], threads);
	threads_of(backends[1], threads);
	load(&m, argv[2], backends[0]);
	w.model = &m;
	w.sched = ggml_backend_sched_new(backends, NULL, strcmp(argv[3], "CPU") ? 2 : 1, 2048,
					 false, false);
	for (i = 0; i < count; i++)
		text(&w, number, i, i ? NULL : wait);
	fprintf(stderr, "%.1f tokens/s, %d splits\n", w.counted / w.seconds,
		ggml_backend_sched_get_n_splits(w.sched));
	ggml_backend_sched_free(w.sched);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "make"))
		return make(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "make")) {
		embd = atoi(argv[3]);
		layers = atoi(argv[4]);
		return make(argv[2]);
	}
	if (argc == 6 && !strcmp(argv[1], "run"))
		return run(argv, 0, 1, NULL);
	if ((argc == 8 || argc == 9) && !strcmp(argv[1], "run"))
		return run(argv, atoi(argv[6]), atoi(argv[7]), argc == 9 ? argv[8] : NULL);
	fprintf(stderr, "usage: textgen make FILE [EMBD LAYERS]\n"
		"       textgen run FILE DEVICE THREADS TOKENS [NUMBER COUNT [HOLD]]\n");
	return 2;
}
