// SPDX-License-Identifier: GPL-2.0-only
/*
 * The writer of blobs.
 *
 * DOC: writer_add
 *
 * A tensor that several nodes use is one record. Two tensors that are views of the same bytes are
 * two, as they are to ggml.
 */
#include <errno.h>
#include <string.h>

#include "writer.h"

static const uint32_t weft_kernel_sizes[WEFT_GGML_KERNELS] = {
	[WEFT_GGML_QUERY] = WEFT_GGML_MAX_BLOB / 4,
	[WEFT_GGML_RUN_1K] = WEFT_GGML_MAX_BLOB / 4,
	[WEFT_GGML_RUN_2K] = WEFT_GGML_MAX_BLOB / 2,
	[WEFT_GGML_RUN_4K] = WEFT_GGML_MAX_BLOB,
};

uint32_t weft_ggml_kernel_size(uint32_t kernel)
{
	return kernel < WEFT_GGML_KERNELS ? weft_kernel_sizes[kernel] : 0;
}

void weft_ggml_writer_reset(struct weft_ggml_writer *w,
			    void *(*base_of)(const struct ggml_tensor *tensor, uint64_t *offset))
{
	w->query = !base_of;
	w->base_of = base_of;
	w->base_written = 0;
	w->base_read = 0;
	/* where the answers go */
	w->base_count = w->query;
	w->tensor_count = 0;
	w->node_count = 0;
	w->node_bytes = 0;
}

static uint32_t weft_writer_size(const struct weft_ggml_writer *w)
{
	return (uint32_t)(sizeof(struct weft_ggml_job) +
			  w->base_count * sizeof(struct weft_ggml_base) +
			  w->tensor_count * sizeof(struct weft_ggml_tensor) + w->node_bytes);
}

static int weft_writer_base(struct weft_ggml_writer *w, void *buffer)
{
	uint32_t i;

	for (i = 0; i < w->base_count; i++)
		if (w->bases[i] == buffer)
			return (int)i;
	if (i == WEFT_GGML_MAX_BASES)
		return -ENOSPC;
	w->bases[w->base_count++] = buffer;
	return (int)i;
}

static int weft_writer_tensor(struct weft_ggml_writer *w, const struct ggml_tensor *tensor,
			      bool written)
{
	struct weft_ggml_tensor *t;
	uint32_t i;
	int base;
	void *buffer;

	for (i = 0; i < w->tensor_count; i++)
		if (w->seen[i] == tensor)
			goto found;
	if (i == WEFT_GGML_MAX_TENSORS)
		return -ENOSPC;
	t = &w->tensors[i];
	memset(t, 0, sizeof(*t));
	t->type = (uint16_t)tensor->type;
	t->base = WEFT_GGML_NONE;
	if (!w->query) {
		buffer = w->base_of(tensor, &t->offset);
		if (!buffer)
			return -EINVAL;
		base = weft_writer_base(w, buffer);
		if (base < 0)
			return base;
		t->base = (uint16_t)base;
	}
	for (base = 0; base < 4; base++) {
		if (tensor->ne[base] <= 0 || tensor->ne[base] > INT32_MAX)
			return -EINVAL;
		t->ne[base] = (uint32_t)tensor->ne[base];
		t->nb[base] = tensor->nb[base];
	}
	w->seen[i] = tensor;
	w->tensor_count++;
found:
	if (!w->query) {
		if (written)
			w->base_written |= 1u << w->tensors[i].base;
		else
			w->base_read |= 1u << w->tensors[i].base;
	}
	return (int)i;
}

static int weft_writer_node(struct weft_ggml_writer *w, const struct ggml_tensor *node)
{
	uint16_t sources[WEFT_GGML_MAX_SRC + 1] = { 0 };
	struct weft_ggml_node n = { .op = (uint16_t)weft_ggml_op_find(node) };
	unsigned int i, count, bytes;
	const int32_t *params;
	int index;

	if (!n.op)
		return -EINVAL;
	index = weft_writer_tensor(w, node, true);
	if (index < 0)
		return index;
	n.dst = (uint16_t)index;
	for (i = 0; i < WEFT_GGML_MAX_SRC; i++) {
		sources[i] = WEFT_GGML_NONE;
		if (!node->src[i])
			continue;
		index = weft_writer_tensor(w, node->src[i], false);
		if (index < 0)
			return index;
		sources[i] = (uint16_t)index;
		n.src_count = (uint8_t)(i + 1);
	}
	sources[n.src_count] = 0;
	params = weft_ggml_op_params(node, &count);
	n.param_count = (uint8_t)count;
	bytes = (n.src_count + 1u) / 2 * 4;
	if (w->node_count == WEFT_GGML_MAX_NODES || weft_writer_size(w) + sizeof(n) + bytes +
	    count * sizeof(*params) > (w->query ? weft_kernel_sizes[0] : WEFT_GGML_MAX_BLOB))
		return -ENOSPC;
	memcpy(w->nodes + w->node_bytes, &n, sizeof(n));
	memcpy(w->nodes + w->node_bytes + sizeof(n), sources, bytes);
	memcpy(w->nodes + w->node_bytes + sizeof(n) + bytes, params, count * sizeof(*params));
	w->node_bytes += (uint32_t)(sizeof(n) + bytes + count * sizeof(*params));
	w->node_count++;
	return 0;
}

int weft_ggml_writer_add(struct weft_ggml_writer *w, const struct ggml_tensor *node)
{
	uint32_t base_count = w->base_count, tensor_count = w->tensor_count;
	uint32_t written = w->base_written, read = w->base_read;
	int ret = weft_writer_node(w, node);

	if (ret) {
		w->base_count = base_count;
		w->tensor_count = tensor_count;
		w->base_written = written;
		w->base_read = read;
		if (ret == -ENOSPC && !w->node_count)
			ret = -EINVAL;
	}
	return ret;
}

uint32_t weft_ggml_writer_finish(const struct weft_ggml_writer *w, void *blob, uint32_t *kernel)
{
	struct weft_ggml_job head = {
		.magic = WEFT_GGML_MAGIC,
		.version = WEFT_GGML_VERSION,
		.base_count = (uint16_t)w->base_count,
		.tensor_count = (uint16_t)w->tensor_count,
		.node_count = (uint16_t)w->node_count,
		.size = weft_writer_size(w),
	};
	unsigned char *at = blob;

	memset(blob, 0, WEFT_GGML_MAX_BLOB);
	memcpy(at, &head, sizeof(head));
	at += sizeof(head) + w->base_count * sizeof(struct weft_ggml_base);
	memcpy(at, w->tensors, w->tensor_count * sizeof(w->tensors[0]));
	memcpy(at + w->tensor_count * sizeof(w->tensors[0]), w->nodes, w->node_bytes);
	*kernel = w->query ? WEFT_GGML_QUERY : WEFT_GGML_RUN_1K;
	while (head.size > weft_kernel_sizes[*kernel])
		++*kernel;
	return weft_kernel_sizes[*kernel];
}
