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

#include "client.h"
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

static void weft_run_emit(struct weft_ggml_run *run)
{
	_Alignas(8) unsigned char blob[WEFT_GGML_MAX_BLOB];
	struct weft_ggml_writer *w = &run->writer;
	struct weft_job *job;
	uint32_t kernel, size, access, i;

	size = weft_ggml_writer_finish(w, blob, &kernel);
	job = weft_job_init(run->batch, run->client->program, kernel, blob, size);
	for (i = 0; i < w->base_count; i++) {
		/* what a job writes is a part of the buffer, so the rest of it is read */
		access = DRM_WEFT_ACCESS_READ;
		if (w->base_written & 1u << i)
			access |= DRM_WEFT_ACCESS_WRITE;
		weft_job_pointer(job, sizeof(struct weft_ggml_job) +
				 i * sizeof(struct weft_ggml_base), w->bases[i], access, 0);
	}
	weft_job_where(job, run->mask, 0);
	weft_job_size(job, run->work);
	weft_ggml_writer_reset(w, weft_ggml_bo_of);
	run->work = 0;
}

static int weft_run_submit(struct weft_ggml_run *run)
{
	uint32_t count = weft_batch_count(run->batch);
	uint64_t first;
	int ret;

	if (!count)
		return 0;
	ret = weft_submit(run->client->queue, run->batch, WEFT_FOREVER, &first);
	if (!ret)
		ret = weft_wait(run->client->pool, first, count, WEFT_FOREVER, NULL);
	if (ret)
		weft_ggml_say("%s", weft_error());
	return ret;
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
			weft_run_emit(run);
			ret = weft_batch_count(run->batch) < run->client->info.max_jobs_per_submit ?
			      0 : weft_run_submit(run);
			if (!ret)
				ret = weft_ggml_writer_add(&run->writer, node);
		}
		if (ret == -EINVAL)
			weft_ggml_say("%s (%s) is not for weft", node->name, ggml_op_desc(node));
		if (ret)
			return ret;
		run->work += weft_node_work(node);
	}
	if (run->writer.node_count)
		weft_run_emit(run);
	return weft_run_submit(run);
}

enum ggml_status weft_ggml_compute(struct weft_ggml_client *client, uint64_t mask,
				   struct ggml_cgraph *graph)
{
	struct weft_ggml_run run = { .client = client, .mask = mask };
	int ret = weft_batch_create(client->pool, &run.batch);

	if (ret) {
		weft_ggml_say("%s", weft_error());
		return GGML_STATUS_ALLOC_FAILED;
	}
	weft_ggml_writer_reset(&run.writer, weft_ggml_bo_of);
	ret = weft_run_nodes(&run, graph);
	weft_batch_destroy(run.batch);
	return ret ? GGML_STATUS_FAILED : GGML_STATUS_SUCCESS;
}
