// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a node what ggml's own functions could have made?
 *
 * DOC: check
 *
 * ggml's backends trust the graph that they get: an operation computes addresses from the shapes
 * of one tensor and uses them in another, and what was not foreseen ends the process
 * (GGML_ASSERT). The functions of ggml.h that build graphs see to it that this goes well. A server
 * gets its graphs from a stranger, so the same conditions are checked here, and some more, where
 * backends differ in what they take. The client asks the same questions first, so that it claims
 * nothing that would be refused.
 *
 * Rejected: building the graph with the functions of ggml.h and living with a signal when they
 * stop the process (one tenant's mistake would cost a context, and they check less than backends
 * rely on).
 */
#include <string.h>

#include "ops.h"

/* Dimensions of ROPE's parameters that are positions in the array */
enum { ROPE_DIMS = 1, ROPE_MODE = 2 };

static float weft_param_float(const struct ggml_tensor *t, unsigned int index)
{
	float value;

	memcpy(&value, t->op_params + index, sizeof(value));
	return value;
}

static bool weft_is_float(const struct ggml_tensor *t)
{
	return t->type == GGML_TYPE_F32 || t->type == GGML_TYPE_F16;
}

static bool weft_is_f32(const struct ggml_tensor *t)
{
	return t->type == GGML_TYPE_F32;
}

/* types that every one of ggml's quantising loops knows how to write */
static bool weft_is_packable(enum ggml_type type)
{
	switch (type) {
	case GGML_TYPE_Q4_0:
	case GGML_TYPE_Q4_1:
	case GGML_TYPE_Q5_0:
	case GGML_TYPE_Q5_1:
	case GGML_TYPE_Q8_0:
	case GGML_TYPE_IQ4_NL:
		return true;
	default:
		return false;
	}
}

static bool weft_is_number(enum ggml_type type)
{
	return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16;
}

/* what tables of weights are made of */
static bool weft_is_weight(enum ggml_type type)
{
	return weft_is_number(type) || (ggml_is_quantized(type) && type != GGML_TYPE_Q8_1 &&
					type != GGML_TYPE_Q8_K);
}

/* the elements of a row follow each other */
static bool weft_has_rows(const struct ggml_tensor *t)
{
	return t->nb[0] == ggml_type_size(t->type);
}

static bool weft_has_ne(const struct ggml_tensor *t, int64_t ne0, int64_t ne1, int64_t ne2,
			int64_t ne3)
{
	return t->ne[0] == ne0 && t->ne[1] == ne1 && t->ne[2] == ne2 && t->ne[3] == ne3;
}

#define WANT(condition, text)		\
	do {				\
		if (!(condition))	\
			return text;	\
	} while (0)

#define SHAPES	"shapes do not fit"
#define TYPES	"types do not fit"
#define LAYOUT	"not laid out as the operation wants it"
#define PARAMS	"a parameter is out of range"

static const char *weft_check_binary(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *b = d->src[1];

	WANT(ggml_are_same_shape(a, d) && ggml_can_repeat(b, a), SHAPES);
	WANT(weft_is_float(a) && weft_is_float(b) && weft_is_float(d), TYPES);
	WANT(a->type == d->type && (b->type == a->type || weft_is_f32(b)), TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(b) && weft_has_rows(d), LAYOUT);
	return NULL;
}

static const char *weft_check_map(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0];

	WANT(ggml_are_same_shape(a, d), SHAPES);
	WANT(weft_is_float(a) && a->type == d->type, TYPES);
	WANT(ggml_is_contiguous_1(a) && ggml_is_contiguous_1(d), LAYOUT);
	WANT(weft_has_rows(a) && weft_has_rows(d), LAYOUT);
	return NULL;
}

static const char *weft_check_dense_map(const struct ggml_tensor *d)
{
	WANT(weft_is_f32(d->src[0]), TYPES);
	WANT(ggml_is_contiguous(d->src[0]) && ggml_is_contiguous(d), LAYOUT);
	return weft_check_map(d);
}

static const char *weft_check_norm(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0];

	WANT(ggml_are_same_shape(a, d), SHAPES);
	WANT(weft_is_f32(a) && weft_is_f32(d), TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(d) && ggml_is_contiguous(d), LAYOUT);
	WANT(weft_param_float(d, 0) >= 0, PARAMS);
	return NULL;
}

static const char *weft_check_reduce(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0];
	bool all = d->op == GGML_OP_SUM;

	WANT(all ? weft_has_ne(d, 1, 1, 1, 1) : weft_has_ne(d, 1, a->ne[1], a->ne[2], a->ne[3]),
	     SHAPES);
	WANT(weft_is_f32(a) && weft_is_f32(d), TYPES);
	WANT(weft_has_rows(a) && ggml_is_contiguous(d), LAYOUT);
	WANT(!all || ggml_is_contiguous(a), LAYOUT);
	return NULL;
}

static const char *weft_check_argmax(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0];

	WANT(ggml_is_matrix(a) && weft_has_ne(d, a->ne[1], 1, 1, 1), SHAPES);
	WANT(weft_is_f32(a) && d->type == GGML_TYPE_I32, TYPES);
	WANT(ggml_is_contiguous(a) && ggml_is_contiguous(d), LAYOUT);
	return NULL;
}

static const char *weft_check_repeat(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0];

	WANT(ggml_can_repeat(a, d), SHAPES);
	WANT(a->type == d->type, TYPES);
	WANT(weft_is_float(a) || a->type == GGML_TYPE_I32 || a->type == GGML_TYPE_I16, TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(d), LAYOUT);
	return NULL;
}

static const char *weft_check_concat(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *b = d->src[1];
	int32_t along = d->op_params[0];
	int i;

	WANT(along >= 0 && along < GGML_MAX_DIMS, PARAMS);
	for (i = 0; i < GGML_MAX_DIMS; i++)
		WANT(i == along ? d->ne[i] == a->ne[i] + b->ne[i] :
		     d->ne[i] == a->ne[i] && d->ne[i] == b->ne[i], SHAPES);
	WANT(a->type == b->type && a->type == d->type, TYPES);
	WANT(weft_is_float(a) || a->type == GGML_TYPE_I32, TYPES);
	WANT(weft_has_rows(d), LAYOUT);
	return NULL;
}

static const char *weft_check_copy(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *b = d->src[1];
	enum ggml_type from = a->type, to = d->type;
	bool dense = ggml_is_contiguous(a) && ggml_is_contiguous(d);

	WANT(ggml_nelements(a) == ggml_nelements(d), SHAPES);
	WANT(d->op != GGML_OP_DUP || ggml_are_same_shape(a, d), SHAPES);
	WANT(!b || (ggml_are_same_shape(b, d) && ggml_are_same_stride(b, d) && b->type == to),
	     "the target is not the result");
	if (from == to && ggml_is_quantized(from)) {
		WANT(dense && ggml_are_same_shape(a, d), LAYOUT);
		return NULL;
	}
	if (weft_is_packable(to)) {
		WANT(from == GGML_TYPE_F32, TYPES);
		WANT(dense && a->ne[0] % ggml_blck_size(to) == 0, LAYOUT);
		return NULL;
	}
	if (from == GGML_TYPE_I32) {
		WANT(to == from, TYPES);
		return NULL;
	}
	WANT(weft_is_number(from) && weft_is_number(to), TYPES);
	return NULL;
}

static const char *weft_check_get_rows(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *b = d->src[1];

	WANT(a->ne[2] == b->ne[1] && a->ne[3] == b->ne[2] && b->ne[3] == 1, SHAPES);
	WANT(weft_has_ne(d, a->ne[0], b->ne[0], b->ne[1], b->ne[2]), SHAPES);
	WANT(b->type == GGML_TYPE_I32, TYPES);
	WANT(a->type == GGML_TYPE_I32 ? d->type == GGML_TYPE_I32 :
	     weft_is_weight(a->type) && weft_is_f32(d), TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(b) && ggml_is_contiguous(d), LAYOUT);
	return NULL;
}

static const char *weft_check_set_rows(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *rows = d->src[1], *into = d->src[2];

	WANT(a->ne[0] == d->ne[0] && a->ne[2] == d->ne[2] && a->ne[3] == d->ne[3], SHAPES);
	WANT(rows->ne[0] == a->ne[1] && a->ne[2] % rows->ne[1] == 0 &&
	     a->ne[3] % rows->ne[2] == 0 && rows->ne[3] == 1, SHAPES);
	WANT(rows->type == GGML_TYPE_I64 || rows->type == GGML_TYPE_I32, TYPES);
	WANT(weft_is_f32(a), TYPES);
	WANT(weft_is_number(d->type) || weft_is_packable(d->type), TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(rows) && weft_has_rows(d), LAYOUT);
	WANT(!into || (ggml_are_same_shape(into, d) && ggml_are_same_stride(into, d) &&
		       into->type == d->type), "the target is not the result");
	return NULL;
}

static const char *weft_check_mul_mat(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *b = d->src[1];

	WANT(a->ne[0] == b->ne[0] && b->ne[2] % a->ne[2] == 0 && b->ne[3] % a->ne[3] == 0, SHAPES);
	WANT(weft_has_ne(d, a->ne[1], b->ne[1], b->ne[2], b->ne[3]), SHAPES);
	WANT(weft_is_weight(a->type) && weft_is_f32(d), TYPES);
	WANT(weft_is_f32(b) || (b->type == GGML_TYPE_F16 && a->type == GGML_TYPE_F16), TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(b) && ggml_is_contiguous(d), LAYOUT);
	WANT(!ggml_is_transposed(a) && !ggml_is_transposed(b), LAYOUT);
	return NULL;
}

static const char *weft_check_mul_mat_id(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *b = d->src[1], *ids = d->src[2];

	WANT(a->ne[3] == 1 && b->ne[3] == 1 && ggml_is_matrix(ids), SHAPES);
	WANT(a->ne[0] == b->ne[0] && ids->ne[1] == b->ne[2] && ids->ne[0] % b->ne[1] == 0, SHAPES);
	WANT(weft_has_ne(d, a->ne[1], ids->ne[0], b->ne[2], 1), SHAPES);
	WANT(weft_is_weight(a->type) && weft_is_f32(b) && weft_is_f32(d), TYPES);
	WANT(ids->type == GGML_TYPE_I32, TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(b) && weft_has_rows(ids), LAYOUT);
	WANT(ggml_is_contiguous(d) && !ggml_is_transposed(a) && !ggml_is_transposed(b), LAYOUT);
	return NULL;
}

static const char *weft_check_diag_mask(const struct ggml_tensor *d)
{
	WANT(d->op_params[0] >= 0, PARAMS);
	return weft_check_dense_map(d);
}

/* an attention mask for rows of @row numbers, @rows of them, and two dimensions to repeat in */
static const char *weft_check_mask(const struct ggml_tensor *mask, int64_t row, int64_t rows,
				   int64_t n2, int64_t n3)
{
	WANT(mask->ne[0] == row && mask->ne[1] >= rows, SHAPES);
	WANT(n2 % mask->ne[2] == 0 && n3 % mask->ne[3] == 0, SHAPES);
	WANT(ggml_is_contiguous(mask), LAYOUT);
	return NULL;
}

static const char *weft_check_sinks(const struct ggml_tensor *sinks, int64_t heads)
{
	WANT(weft_has_ne(sinks, heads, 1, 1, 1), SHAPES);
	WANT(weft_is_f32(sinks), TYPES);
	WANT(ggml_is_contiguous(sinks), LAYOUT);
	return NULL;
}

static const char *weft_check_soft_max(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *mask = d->src[1], *sinks = d->src[2];
	const char *wrong = weft_check_dense_map(d);

	if (!wrong && mask) {
		WANT(weft_is_float(mask), TYPES);
		wrong = weft_check_mask(mask, a->ne[0], a->ne[1], a->ne[2], a->ne[3]);
	}
	if (!wrong && sinks)
		wrong = weft_check_sinks(sinks, a->ne[2]);
	/* max_bias */
	WANT(wrong || weft_param_float(d, 1) == 0 || (mask && weft_param_float(d, 1) > 0), PARAMS);
	return wrong;
}

static const char *weft_check_rope(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *at = d->src[1], *factors = d->src[2];
	int32_t dims = d->op_params[ROPE_DIMS], mode = d->op_params[ROPE_MODE];

	WANT(ggml_are_same_shape(a, d) && weft_has_ne(at, a->ne[2], 1, 1, 1), SHAPES);
	WANT(weft_is_float(a) && a->type == d->type && at->type == GGML_TYPE_I32, TYPES);
	WANT(weft_has_rows(a) && weft_has_rows(d) && ggml_is_contiguous(at), LAYOUT);
	WANT(mode == GGML_ROPE_TYPE_NORMAL || mode == GGML_ROPE_TYPE_NEOX, PARAMS);
	WANT(dims > 0 && dims <= a->ne[0] && dims % 2 == 0 && a->ne[0] % 2 == 0, PARAMS);
	if (factors) {
		WANT(ggml_is_vector(factors) && factors->ne[0] >= dims / 2, SHAPES);
		WANT(weft_is_f32(factors), TYPES);
		WANT(ggml_is_contiguous(factors), LAYOUT);
	}
	return NULL;
}

static const char *weft_check_glu(const struct ggml_tensor *d)
{
	const struct ggml_tensor *a = d->src[0], *b = d->src[1];

	WANT(d->op_params[1] == 0 || d->op_params[1] == 1, PARAMS);
	WANT(weft_is_float(a) && a->type == d->type, TYPES);
	WANT(d->op_params[0] != GGML_GLU_OP_SWIGLU_OAI || weft_is_f32(a), TYPES);
	WANT(ggml_is_contiguous_1(a) && ggml_is_contiguous_1(d), LAYOUT);
	WANT(weft_has_rows(a) && weft_has_rows(d), LAYOUT);
	if (b) {
		WANT(ggml_are_same_shape(a, b) && ggml_are_same_shape(a, d), SHAPES);
		WANT(a->type == b->type, TYPES);
		WANT(ggml_is_contiguous_1(b) && weft_has_rows(b), LAYOUT);
	} else {
		WANT(a->ne[0] % 2 == 0 &&
		     weft_has_ne(d, a->ne[0] / 2, a->ne[1], a->ne[2], a->ne[3]), SHAPES);
	}
	return NULL;
}

static bool weft_is_key(enum ggml_type type)
{
	return type == GGML_TYPE_F16 || type == GGML_TYPE_F32 || type == GGML_TYPE_Q8_0 ||
	       type == GGML_TYPE_Q4_0;
}

static const char *weft_check_attention(const struct ggml_tensor *d)
{
	const struct ggml_tensor *q = d->src[0], *k = d->src[1], *v = d->src[2];
	const struct ggml_tensor *mask = d->src[3], *sinks = d->src[4];
	const char *wrong = NULL;

	WANT(q->ne[0] == k->ne[0] && k->ne[1] == v->ne[1], SHAPES);
	WANT(k->ne[2] == v->ne[2] && k->ne[3] == v->ne[3], SHAPES);
	WANT(q->ne[2] % k->ne[2] == 0 && q->ne[3] % k->ne[3] == 0, SHAPES);
	WANT(weft_has_ne(d, v->ne[0], q->ne[2], q->ne[1], q->ne[3]), SHAPES);
	WANT(weft_is_f32(q) && weft_is_f32(d), TYPES);
	WANT(weft_is_key(k->type) && k->type == v->type, TYPES);
	WANT(weft_has_rows(q) && weft_has_rows(k) && weft_has_rows(v), LAYOUT);
	WANT(ggml_is_contiguous(d), LAYOUT);
	if (mask) {
		WANT(mask->type == GGML_TYPE_F16, TYPES);
		wrong = weft_check_mask(mask, k->ne[1], q->ne[1], q->ne[2], q->ne[3]);
	}
	if (!wrong && sinks)
		wrong = weft_check_sinks(sinks, q->ne[2]);
	/* max_bias, softcap */
	WANT(wrong || weft_param_float(d, 1) == 0 || (mask && weft_param_float(d, 1) > 0), PARAMS);
	WANT(wrong || weft_param_float(d, 2) >= 0, PARAMS);
	return wrong;
}

static const struct weft_check_row {
	int op;
	/* bits of the sources that must and that may be there */
	unsigned int must;
	unsigned int may;
	const char *(*check)(const struct ggml_tensor *node);
} weft_checks[] = {
	{ GGML_OP_ADD, 3, 3, weft_check_binary },
	{ GGML_OP_SUB, 3, 3, weft_check_binary },
	{ GGML_OP_MUL, 3, 3, weft_check_binary },
	{ GGML_OP_DIV, 3, 3, weft_check_binary },
	{ GGML_OP_SQR, 1, 1, weft_check_map },
	{ GGML_OP_SQRT, 1, 1, weft_check_map },
	{ GGML_OP_LOG, 1, 1, weft_check_map },
	{ GGML_OP_SIN, 1, 1, weft_check_map },
	{ GGML_OP_COS, 1, 1, weft_check_map },
	{ GGML_OP_UNARY, 1, 1, weft_check_map },
	{ GGML_OP_SCALE, 1, 1, weft_check_dense_map },
	{ GGML_OP_CLAMP, 1, 1, weft_check_dense_map },
	{ GGML_OP_SUM, 1, 1, weft_check_reduce },
	{ GGML_OP_SUM_ROWS, 1, 1, weft_check_reduce },
	{ GGML_OP_MEAN, 1, 1, weft_check_reduce },
	{ GGML_OP_ARGMAX, 1, 1, weft_check_argmax },
	{ GGML_OP_REPEAT, 1, 1, weft_check_repeat },
	{ GGML_OP_CONCAT, 3, 3, weft_check_concat },
	{ GGML_OP_NORM, 1, 1, weft_check_norm },
	{ GGML_OP_RMS_NORM, 1, 1, weft_check_norm },
	{ GGML_OP_L2_NORM, 1, 1, weft_check_norm },
	{ GGML_OP_MUL_MAT, 3, 3, weft_check_mul_mat },
	{ GGML_OP_MUL_MAT_ID, 7, 7, weft_check_mul_mat_id },
	{ GGML_OP_DUP, 1, 1, weft_check_copy },
	{ GGML_OP_CPY, 1, 3, weft_check_copy },
	{ GGML_OP_CONT, 1, 1, weft_check_copy },
	{ GGML_OP_GET_ROWS, 3, 3, weft_check_get_rows },
	{ GGML_OP_SET_ROWS, 3, 7, weft_check_set_rows },
	{ GGML_OP_DIAG_MASK_INF, 1, 1, weft_check_diag_mask },
	{ GGML_OP_SOFT_MAX, 1, 7, weft_check_soft_max },
	{ GGML_OP_ROPE, 3, 7, weft_check_rope },
	{ GGML_OP_FLASH_ATTN_EXT, 7, 31, weft_check_attention },
	{ GGML_OP_GLU, 1, 3, weft_check_glu },
};

const char *weft_ggml_op_check(const struct ggml_tensor *node)
{
	const struct weft_check_row *row = weft_checks;
	const struct weft_check_row *end = row + sizeof(weft_checks) / sizeof(weft_checks[0]);
	unsigned int i, there = 0;

	while (row < end && row->op != (int)node->op)
		row++;
	if (row == end)
		return "an operation that is not offered";
	for (i = 0; i < GGML_MAX_SRC; i++)
		there |= (unsigned int)!!node->src[i] << i;
	if ((there & row->must) != row->must || there & ~row->may)
		return "a source is missing, or one too many";
	return row->check(node);
}
