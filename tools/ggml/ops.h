/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What client and server both know of ggml's operations.
 *
 * DOC: ops
 */
#ifndef WEFT_GGML_OPS_H
#define WEFT_GGML_OPS_H

#include <stdbool.h>
#include <ggml.h>

#include "weft_ggml.h"

/**
 * weft_ggml_op_find() - number of the operation of a node in the blob
 * @node: its op and op_params are looked at
 *
 * Return: &enum weft_ggml_op, or 0 if it has none.
 */
unsigned int weft_ggml_op_find(const struct ggml_tensor *node);

/**
 * weft_ggml_op_set() - make a tensor the result of an operation
 * @node: its op and op_params are set
 * @op: &enum weft_ggml_op
 * @params: the parameters that are in the blob
 * @param_count: how many
 *
 * Return: false if there is no such operation, or it has not so many parameters.
 */
bool weft_ggml_op_set(struct ggml_tensor *node, unsigned int op, const int32_t *params,
		      unsigned int param_count);

/**
 * weft_ggml_op_params() - the parameters of a node that go into the blob
 * @node: node that weft_ggml_op_find() knows
 * @count: out, how many; zeros at the end are left out
 *
 * Return: the first of them.
 */
const int32_t *weft_ggml_op_params(const struct ggml_tensor *node, unsigned int *count);

/**
 * weft_ggml_op_index() - the source whose elements say which rows are used
 * @node: node that weft_ggml_op_find() knows
 * @rows: out, they must be less than this
 *
 * Return: the source, or NULL if the operation has none.
 */
const struct ggml_tensor *weft_ggml_op_index(const struct ggml_tensor *node, int64_t *rows);

/**
 * weft_ggml_op_check() - is a node what ggml's own functions could have made?
 * @node: node that weft_ggml_op_find() knows, with its sources
 *
 * Types, shapes, strides and parameters must be those for which no ggml backend touches anything
 * but the tensors, or stops the process.
 *
 * Return: NULL, or what is wrong.
 */
const char *weft_ggml_op_check(const struct ggml_tensor *node);

#endif /* WEFT_GGML_OPS_H */
