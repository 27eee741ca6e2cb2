// SPDX-License-Identifier: GPL-2.0-only
/*
 * A graph as jobs.
 *
 * DOC: graph
 *
 * ggml gives a backend a part of a graph: nodes in an order in which they can run. They go into as
 * few jobs as their blobs need, all of them into one SUBMIT; the kernel sees from the buffers that
 * they use which must wait for which. Then the jobs are waited for: ggml allows a backend to
 * return earlier, but has no way to tell of an error later.
 *
 * Rejected: one job per node (a round trip each); edges of our own (those of the buffers are the
 * same, and cannot be forgotten).
 */
#include <errno.h>
#include <string.h>

#include "journal.h"
#include "stats.h"
#include "writer.h"

struct weft_ggml_run {
	struct weft_ggml_client *client;
	struct weft_batch *batch;
	uint64_t mask;
	/* of the nodes in the writer */
	uint64_t work;
	struct weft_ggml_writer writer;
};

static bool weft_node_is_work(const struct ggml_tensor *node)
{
	switch (node->op) {
	case GGML_OP_NONE:
	case GGML_OP_RESHAPE:
	case GGML_OP_VIEW:
	case GGML_OP_PERMUTE:
	case GGML_OP_TRANSPOSE:
		return false;
	default:
		return !ggml_is_empty(node) && node->flags & GGML_TENSOR_FLAG_COMPUTE;
	}
}

/* About how many operations a node is: learned run times are kept by this number */
static uint64_t weft_node_work(const struct ggml_tensor *node)
{
	uint64_t elements = (uint64_t)ggml_nelements(node);

	switch (node->op) {
	case GGML_OP_MUL_MAT:
	case GGML_OP_MUL_MAT_ID:
		return 2 * elements * (uint64_t)node->src[0]->ne[0];
	case GGML_OP_FLASH_ATTN_EXT:
		return 4 * elements * (uint64_t)node->src[1]->ne[1];
	default:
		return elements;
	}
}

/* The base of a tensor, as the writer knows it */
static void *weft_base_of(const struct ggml_tensor *tensor, uint64_t *offset)
{
	return weft_ggml_buffer_of(tensor, offset);
}

static int weft_run_submit(struct weft_ggml_run *run)
{
	return weft_ggml_journal_run(run->client, run->batch);
}

/* The writer's nodes become a job. */
static int weft_run_emit(struct weft_ggml_run *run)
{
	_Alignas(8) unsigned char blob[WEFT_GGML_MAX_BLOB];
	struct weft_ggml_writer *w = &run->writer;
	struct weft_ggml_entry *entry;
	uint32_t kernel, size;
	int ret;

	size = weft_ggml_writer_finish(w, blob, &kernel);
	entry = weft_ggml_journal_entry(size);
	if (!entry)
		return -ENOMEM;
	entry->mask = run->mask;
	entry->work = run->work;
	entry->kernel = kernel;
	entry->base_count = w->base_count;
	entry->written = w->base_written;
	memcpy(entry->buffers, w->bases, w->base_count * sizeof(w->bases[0]));
	memcpy(entry->bytes, blob, size);
	ret = weft_ggml_journal_job(entry);
	if (ret)
		return ret;
	weft_ggml_journal_put(run->client, run->batch, entry);
	weft_ggml_writer_reset(w, weft_base_of);
	run->work = 0;
	return weft_batch_count(run->batch) < WEFT_GGML_BATCH ? 0 : weft_run_submit(run);
}

static int weft_run_nodes(struct weft_ggml_run *run, struct ggml_cgraph *graph)
{
	int i, ret, count = ggml_graph_n_nodes(graph);
	const struct ggml_tensor *node;

	for (i = 0; i < count; i++) {
		node = ggml_graph_node(graph, i);
		if (!weft_node_is_work(node))
			continue;
		ret = weft_ggml_writer_add(&run->writer, node);
		if (ret == -ENOSPC) {
			ret = weft_run_emit(run);
			if (!ret)
				ret = weft_ggml_writer_add(&run->writer, node);
		}
		if (ret == -EINVAL)
			weft_ggml_say("%s (%s) is not for weft", node->name, ggml_op_desc(node));
		if (ret)
			return ret;
		run->work += weft_node_work(node);
	}
	ret = run->writer.node_count ? weft_run_emit(run) : 0;
	return ret ? ret : weft_run_submit(run);
}

enum ggml_status weft_ggml_compute(struct weft_ggml_client *client, uint64_t mask,
				   struct ggml_cgraph *graph)
{
	struct weft_ggml_run run = { .client = client, .mask = mask };
	uint64_t start = weft_ggml_stats_now();
	int ret = weft_batch_create(client->pool, &run.batch);

	if (ret) {
		weft_ggml_say("%s", weft_error());
		return GGML_STATUS_ALLOC_FAILED;
	}
	weft_ggml_writer_reset(&run.writer, weft_base_of);
	weft_ggml_journal_lock();
	ret = weft_run_nodes(&run, graph);
	if (ret)
		weft_ggml_journal_drop();
	else
		weft_ggml_journal_trim(client);
	weft_ggml_journal_unlock();
	weft_batch_destroy(run.batch);
	weft_ggml_stats_add(WEFT_GGML_GRAPHS, 1);
	weft_ggml_stats_add(WEFT_GGML_TOTAL_NS, weft_ggml_stats_now() - start);
	return ret ? GGML_STATUS_FAILED : GGML_STATUS_SUCCESS;
}
