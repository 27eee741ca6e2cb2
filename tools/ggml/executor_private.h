/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the executor share.
 *
 * DOC: executor_private
 */
#ifndef WEFT_GGML_EXECUTOR_PRIVATE_H
#define WEFT_GGML_EXECUTOR_PRIVATE_H

#include "executor.h"
#include "ops.h"

struct weft_ggml_executor {
	ggml_backend_dev_t device;
	ggml_backend_t backend;
	ggml_backend_buffer_t buffer;
	uint64_t arena;
	uint64_t arena_size;
	/* the arena can be read as it is */
	bool is_host;
	/* where a job's tensors and graph are made */
	void *scratch;
	size_t scratch_size;
	void *zeros;
	/* copy of an index that is in a device's memory */
	void *rows;
	size_t rows_size;
};

struct weft_ggml_parsed {
	/* QUERY: tensors have no place, and a node that is wrong is an answer */
	bool query;
	struct ggml_context *context;
	struct {
		uint64_t address;
		uint64_t length;
	} bases[WEFT_GGML_MAX_BASES];
	struct ggml_tensor *tensors[WEFT_GGML_MAX_TENSORS];
	struct ggml_tensor *nodes[WEFT_GGML_MAX_NODES];
	/* why a node cannot be run, NULL if it can */
	const char *wrong[WEFT_GGML_MAX_NODES];
	uint32_t base_count;
	uint32_t tensor_count;
	uint32_t node_count;
};

int weft_ggml_fail(char *text, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool weft_ggml_overlap(const struct ggml_tensor *a, const struct ggml_tensor *b);
int weft_ggml_parse(struct weft_ggml_executor *x, struct weft_ggml_parsed *job, const void *args,
		    size_t size, const struct weft_ggml_span *spans, uint32_t span_count,
		    char *text);

#endif /* WEFT_GGML_EXECUTOR_PRIVATE_H */
