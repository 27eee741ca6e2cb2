// SPDX-License-Identifier: GPL-2.0-only
/*
 * ggml's operations by the numbers of the blob.
 *
 * DOC: ops_table
 *
 * An operation that is not in this table is neither claimed by the client nor run by the server.
 * Above all those are not whose parameters hold a pointer (GGML_OP_CUSTOM and GGML_OP_MAP_CUSTOM1
 * to 3: the server would call it), and those that compare elements with each other in a way that a
 * NaN upsets (GGML_OP_ARGSORT, GGML_OP_TOP_K).
 */
#include <string.h>

#include "ops.h"

#define WEFT_GGML_NO_SUB	(-1)

struct weft_ggml_op_row {
	int op;
	int sub;
};

static const struct weft_ggml_op_row weft_ggml_ops[] = {
#define OP(name) \
	[WEFT_GGML_##name] = { GGML_OP_##name, WEFT_GGML_NO_SUB }
#define UNARY(name) \
	[WEFT_GGML_##name] = { GGML_OP_UNARY, GGML_UNARY_OP_##name }
#define GLU(name) \
	[WEFT_GGML_##name] = { GGML_OP_GLU, GGML_GLU_OP_##name }
	OP(ADD), OP(SUB), OP(MUL), OP(DIV), OP(SQR), OP(SQRT), OP(LOG), OP(SIN), OP(COS),
	OP(SCALE), OP(CLAMP), OP(SUM), OP(SUM_ROWS), OP(MEAN), OP(ARGMAX), OP(REPEAT), OP(CONCAT),
	OP(NORM), OP(RMS_NORM), OP(L2_NORM), OP(MUL_MAT), OP(MUL_MAT_ID), OP(DUP), OP(CPY),
	OP(CONT), OP(GET_ROWS), OP(SET_ROWS), OP(DIAG_MASK_INF), OP(SOFT_MAX), OP(ROPE),
	OP(FLASH_ATTN_EXT),
	UNARY(ABS), UNARY(SGN), UNARY(NEG), UNARY(STEP), UNARY(TANH), UNARY(ELU), UNARY(RELU),
	UNARY(SIGMOID), UNARY(GELU), UNARY(GELU_QUICK), UNARY(SILU), UNARY(HARDSWISH),
	UNARY(HARDSIGMOID), UNARY(EXP), UNARY(EXPM1), UNARY(SOFTPLUS), UNARY(GELU_ERF),
	UNARY(FLOOR), UNARY(CEIL), UNARY(ROUND), UNARY(TRUNC),
	GLU(REGLU), GLU(GEGLU), GLU(SWIGLU), GLU(SWIGLU_OAI), GLU(GEGLU_ERF), GLU(GEGLU_QUICK),
#undef OP
#undef UNARY
#undef GLU
};

#define WEFT_GGML_OPS	(sizeof(weft_ggml_ops) / sizeof(weft_ggml_ops[0]))

static bool weft_ggml_has_sub(int op)
{
	return op == GGML_OP_UNARY || op == GGML_OP_GLU;
}

unsigned int weft_ggml_op_find(const struct ggml_tensor *node)
{
	int sub = weft_ggml_has_sub((int)node->op) ? node->op_params[0] : WEFT_GGML_NO_SUB;
	unsigned int i;

	for (i = 1; i < WEFT_GGML_OPS; i++)
		if (weft_ggml_ops[i].op == (int)node->op && weft_ggml_ops[i].sub == sub)
			return i;
	return 0;
}

bool weft_ggml_op_set(struct ggml_tensor *node, unsigned int op, const int32_t *params,
		      unsigned int param_count)
{
	if (op >= WEFT_GGML_OPS || !weft_ggml_ops[op].op || param_count > WEFT_GGML_MAX_PARAMS)
		return false;
	memset(node->op_params, 0, sizeof(node->op_params));
	node->op = (enum ggml_op)weft_ggml_ops[op].op;
	if (weft_ggml_has_sub((int)node->op)) {
		node->op_params[0] = weft_ggml_ops[op].sub;
		memcpy(node->op_params + 1, params, param_count * sizeof(*params));
	} else {
		memcpy(node->op_params, params, param_count * sizeof(*params));
	}
	return true;
}

const int32_t *weft_ggml_op_params(const struct ggml_tensor *node, unsigned int *count)
{
	const int32_t *params = node->op_params + weft_ggml_has_sub((int)node->op);
	unsigned int n = WEFT_GGML_MAX_PARAMS;

	while (n && !params[n - 1])
		n--;
	*count = n;
	return params;
}

const struct ggml_tensor *weft_ggml_op_index(const struct ggml_tensor *node, int64_t *rows)
{
	switch (node->op) {
	case GGML_OP_GET_ROWS:
		*rows = node->src[0]->ne[1];
		return node->src[1];
	case GGML_OP_SET_ROWS:
		*rows = node->ne[1];
		return node->src[1];
	case GGML_OP_MUL_MAT_ID:
		*rows = node->src[0]->ne[2];
		return node->src[2];
	default:
		return NULL;
	}
}
