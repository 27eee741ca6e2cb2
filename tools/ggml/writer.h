/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes nodes of a graph into blobs of weft_ggml.h.
 *
 * DOC: writer
 */
#ifndef WEFT_GGML_WRITER_H
#define WEFT_GGML_WRITER_H

#include "ops.h"

/**
 * struct weft_ggml_writer - a blob that is being written
 * @query: of tensors without place
 * @base_of: says in which buffer a tensor lies, and where; NULL in a query
 * @bases: the buffers found so far, as @base_of named them
 * @base_written: bit n: a node writes into base n
 * @base_read: bit n: a node reads from it
 * @seen: which tensor each record is of
 * @base_count: bases
 * @tensors: records
 * @nodes: bytes of the records of nodes
 * @tensor_count: records of tensors
 * @node_count: nodes
 * @node_bytes: bytes used in @nodes
 */
struct weft_ggml_writer {
	bool query;
	void *(*base_of)(const struct ggml_tensor *tensor, uint64_t *offset);
	void *bases[WEFT_GGML_MAX_BASES];
	uint32_t base_written;
	uint32_t base_read;
	const struct ggml_tensor *seen[WEFT_GGML_MAX_TENSORS];
	struct weft_ggml_tensor tensors[WEFT_GGML_MAX_TENSORS];
	unsigned char nodes[WEFT_GGML_MAX_BLOB];
	uint32_t base_count;
	uint32_t tensor_count;
	uint32_t node_count;
	uint32_t node_bytes;
};

/** weft_ggml_writer_reset() - begin a blob; @base_of NULL: of a query */
void weft_ggml_writer_reset(struct weft_ggml_writer *writer,
			    void *(*base_of)(const struct ggml_tensor *tensor, uint64_t *offset));

/**
 * weft_ggml_writer_add() - add a node
 * @writer: writer
 * @node: node that weft_ggml_op_check() likes
 *
 * Return: 0; -ENOSPC the blob is full, and as it was; -EINVAL the node does not fit into any.
 */
int weft_ggml_writer_add(struct weft_ggml_writer *writer, const struct ggml_tensor *node);

/**
 * weft_ggml_writer_finish() - put the blob together
 * @writer: writer with at least one node
 * @blob: out, WEFT_GGML_MAX_BLOB bytes, 8-byte aligned
 * @kernel: out, &enum weft_ggml_kernel
 *
 * Return: bytes of that kernel's blob.
 */
uint32_t weft_ggml_writer_finish(const struct weft_ggml_writer *writer, void *blob,
				 uint32_t *kernel);

/** weft_ggml_kernel_size() - bytes of the blob of an enum weft_ggml_kernel */
uint32_t weft_ggml_kernel_size(uint32_t kernel);

#endif /* WEFT_GGML_WRITER_H */
