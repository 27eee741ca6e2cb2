// SPDX-License-Identifier: GPL-2.0-only
/*
 * The executor: its context, copies, and the running of nodes.
 *
 * DOC: executor_run
 *
 * Nodes go to the backend as one graph of as many as possible. An operation whose source says
 * which rows it uses is held back until that source is known, and the numbers in it are looked at
 * first: backends either stop the process over a wrong one or do not look.
 *
 * The graph is made with ggml_graph_add_node(), which counts no uses, so that a backend that joins
 * operations leaves them alone: the result of each node is there afterwards, as the next job
 * expects.
 *
 * Rejected: ggml_backend_sched in the server (it would place again what weft has placed);
 * trusting indexes that another tenant's process has written.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ggml.h>

#include "executor_private.h"

#define WEFT_GGML_CHUNK	(1u << 20)

int weft_ggml_fail(char *text, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, WEFT_GGML_TEXT, format, args);
	va_end(args);
	return -error;
}

static void weft_executor_threads(struct weft_ggml_executor *x, int threads)
{
	ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(x->device);
	ggml_backend_set_n_threads_t set;

	set = (ggml_backend_set_n_threads_t)
		ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_n_threads");
	if (set && threads > 0)
		set(x->backend, threads);
}

int weft_ggml_executor_create(struct weft_ggml_executor **executor, ggml_backend_dev_t device,
			      uint64_t arena, int threads, char *text)
{
	struct weft_ggml_executor *x = calloc(1, sizeof(*x));

	*executor = NULL;
	if (!x)
		return weft_ggml_fail(text, ENOMEM, "no memory");
	x->device = device;
	x->scratch_size = WEFT_GGML_MAX_TENSORS * ggml_tensor_overhead() +
			  ggml_graph_overhead_custom(WEFT_GGML_MAX_NODES, false) +
			  4 * ggml_tensor_overhead();
	x->scratch = malloc(x->scratch_size);
	x->zeros = calloc(1, WEFT_GGML_CHUNK);
	x->backend = ggml_backend_dev_init(device, NULL);
	if (x->backend && arena)
		x->buffer = ggml_backend_alloc_buffer(x->backend, arena);
	if (!x->scratch || !x->zeros || !x->backend || !x->buffer) {
		weft_ggml_fail(text, ENOMEM, "%s: no context with %llu bytes of memory",
			       ggml_backend_dev_name(device), (unsigned long long)arena);
		weft_ggml_executor_destroy(x);
		return -ENOMEM;
	}
	x->arena = (uintptr_t)ggml_backend_buffer_get_base(x->buffer);
	x->arena_size = arena;
	x->is_host = ggml_backend_buffer_is_host(x->buffer);
	weft_executor_threads(x, threads);
	*executor = x;
	return 0;
}

void weft_ggml_executor_destroy(struct weft_ggml_executor *x)
{
	if (!x)
		return;
	if (x->buffer)
		ggml_backend_buffer_free(x->buffer);
	if (x->backend)
		ggml_backend_free(x->backend);
	free(x->zeros);
	free(x->scratch);
	free(x->rows);
	free(x);
}

uint64_t weft_ggml_executor_arena(const struct weft_ggml_executor *x)
{
	return x->arena;
}

bool weft_ggml_executor_is_host(const struct weft_ggml_executor *x)
{
	return x->is_host;
}

/* ----------------------------------------------------------------- copies */

static bool weft_in_arena(const struct weft_ggml_executor *x, uint64_t address, uint64_t length)
{
	return address >= x->arena && address - x->arena <= x->arena_size &&
	       length <= x->arena_size - (address - x->arena);
}

/* ggml copies bytes of tensors: one that is just bytes */
static struct ggml_tensor weft_bytes(const struct weft_ggml_executor *x, uint64_t address,
				     uint64_t length)
{
	return (struct ggml_tensor) {
		.type = GGML_TYPE_I8,
		.buffer = x->buffer,
		.ne = { (int64_t)length, 1, 1, 1 },
		.nb = { 1, length, length, length },
		.data = (void *)(uintptr_t)address,
	};
}

int weft_ggml_executor_write(struct weft_ggml_executor *x, uint64_t address, const void *from,
			     uint64_t length)
{
	struct ggml_tensor t = weft_bytes(x, address, length);

	if (!weft_in_arena(x, address, length))
		return -EFAULT;
	if (length)
		ggml_backend_tensor_set(&t, from, 0, length);
	return 0;
}

int weft_ggml_executor_read(struct weft_ggml_executor *x, uint64_t address, void *to,
			    uint64_t length)
{
	struct ggml_tensor t = weft_bytes(x, address, length);

	if (!weft_in_arena(x, address, length))
		return -EFAULT;
	if (length)
		ggml_backend_tensor_get(&t, to, 0, length);
	return 0;
}

int weft_ggml_executor_clear(struct weft_ggml_executor *x, uint64_t address, uint64_t length)
{
	uint64_t done, step;

	if (!weft_in_arena(x, address, length))
		return -EFAULT;
	for (done = 0; done < length; done += step) {
		step = length - done < WEFT_GGML_CHUNK ? length - done : WEFT_GGML_CHUNK;
		weft_ggml_executor_write(x, address + done, x->zeros, step);
	}
	return 0;
}

/* ---------------------------------------------------------------- indexes */

static const void *weft_tensor_bytes(struct weft_ggml_executor *x, const struct ggml_tensor *t)
{
	size_t length = ggml_nbytes(t);
	void *rows;

	if (x->is_host)
		return t->data;
	if (length > x->rows_size) {
		rows = realloc(x->rows, length);
		if (!rows)
			return NULL;
		x->rows = rows;
		x->rows_size = length;
	}
	weft_ggml_executor_read(x, (uintptr_t)t->data, x->rows, length);
	return x->rows;
}

static bool weft_index_good(const char *bytes, const struct ggml_tensor *index, int64_t rows)
{
	int64_t i0, i1, i2, i3, value;

	for (i3 = 0; i3 < index->ne[3]; i3++)
		for (i2 = 0; i2 < index->ne[2]; i2++)
			for (i1 = 0; i1 < index->ne[1]; i1++)
				for (i0 = 0; i0 < index->ne[0]; i0++) {
					const char *at = bytes + i0 * index->nb[0] +
							 i1 * index->nb[1] + i2 * index->nb[2] +
							 i3 * index->nb[3];

					if (index->type == GGML_TYPE_I64)
						value = *(const int64_t *)at;
					else
						value = *(const int32_t *)at;
					if (value < 0 || value >= rows)
						return false;
				}
	return true;
}

bool weft_ggml_overlap(const struct ggml_tensor *a, const struct ggml_tensor *b)
{
	const char *a0 = a->data, *b0 = b->data;

	return a0 < b0 + ggml_nbytes(b) && b0 < a0 + ggml_nbytes(a);
}

/* ---------------------------------------------------------------- running */

static int weft_flush(struct weft_ggml_executor *x, struct ggml_cgraph *graph, char *text)
{
	enum ggml_status status;

	if (!ggml_graph_n_nodes(graph))
		return 0;
	status = ggml_backend_graph_compute(x->backend, graph);
	ggml_graph_clear(graph);
	if (status != GGML_STATUS_SUCCESS)
		return weft_ggml_fail(text, EIO, "%s: %s", ggml_backend_name(x->backend),
				      ggml_status_to_string(status));
	return 0;
}

static bool weft_is_pending(struct ggml_cgraph *graph, const struct ggml_tensor *t)
{
	int i;

	for (i = 0; i < ggml_graph_n_nodes(graph); i++)
		if (weft_ggml_overlap(ggml_graph_node(graph, i), t))
			return true;
	return false;
}

static int weft_run_nodes(struct weft_ggml_executor *x, struct weft_ggml_parsed *job, char *text)
{
	struct ggml_cgraph *graph = ggml_new_graph_custom(job->context, WEFT_GGML_MAX_NODES, false);
	const struct ggml_tensor *index;
	const void *bytes;
	int64_t rows = 0;
	uint32_t i;
	int ret;

	for (i = 0; i < job->node_count; i++) {
		index = weft_ggml_op_index(job->nodes[i], &rows);
		if (index) {
			ret = weft_is_pending(graph, index) ? weft_flush(x, graph, text) : 0;
			if (ret)
				return ret;
			bytes = weft_tensor_bytes(x, index);
			if (!bytes)
				return weft_ggml_fail(text, ENOMEM, "no memory");
			if (!weft_index_good(bytes, index, rows))
				return weft_ggml_fail(text, ERANGE,
						      "node %u: an index is not in 0..%lld", i,
						      (long long)rows - 1);
		}
		ggml_graph_add_node(graph, job->nodes[i]);
	}
	return weft_flush(x, graph, text);
}

static int weft_answer(struct weft_ggml_executor *x, struct weft_ggml_parsed *job, char *text)
{
	uint32_t answers[WEFT_GGML_MAX_NODES];
	uint64_t size = job->node_count * sizeof(answers[0]);
	uint32_t i;

	if (job->bases[0].length < size)
		return weft_ggml_fail(text, EFAULT, "no room for %u answers", job->node_count);
	for (i = 0; i < job->node_count; i++)
		answers[i] = !job->wrong[i];
	return weft_ggml_executor_write(x, job->bases[0].address, answers, size);
}

int weft_ggml_executor_run(struct weft_ggml_executor *x, uint32_t kernel, const void *args,
			   size_t size, const struct weft_ggml_span *spans, uint32_t span_count,
			   char *text)
{
	struct weft_ggml_parsed job = { .query = kernel == WEFT_GGML_QUERY };
	int ret;

	text[0] = '\0';
	if (kernel >= WEFT_GGML_KERNELS)
		return weft_ggml_fail(text, EINVAL, "no kernel %u", kernel);
	job.context = ggml_init((struct ggml_init_params) {
		.mem_size = x->scratch_size, .mem_buffer = x->scratch, .no_alloc = true,
	});
	if (!job.context)
		return weft_ggml_fail(text, ENOMEM, "no memory");
	ret = weft_ggml_parse(x, &job, args, size, spans, span_count, text);
	if (!ret)
		ret = job.query ? weft_answer(x, &job, text) : weft_run_nodes(x, &job, text);
	ggml_free(job.context);
	return ret;
}
