// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernels: integers only, so that every device gives the same bytes.
 *
 * DOC: kernels
 *
 * Every operand is resolved before the first byte is written; one that is not there, or not aligned
 * to its elements, is an illegal address as on a real device.
 *
 * Rejected: the kernels of drivers/sim (they compute in one flat memory; here every allocation
 * stands alone, and finding that an operand runs from one into another is the point).
 */
#include <string.h>
#include <drm/weft_sim.h>

#include "private.h"

/* @count elements of @size bytes, also the alignment, at @address; NULL: not there */
static void *fakert_operand(struct fakert_context *context, fakert_address address, uint64_t count,
			    uint64_t size)
{
	uint64_t bytes;

	if (address % size || __builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return fakert_resolve(context, address, bytes);
}

static enum fakert_result fakert_run_nop(struct fakert_context *context, const void *args)
{
	(void)context;
	(void)args;
	return FAKERT_OK;
}

static enum fakert_result fakert_run_copy(struct fakert_context *context, const void *args)
{
	const struct weft_sim_copy *a = args;
	const void *src = fakert_operand(context, a->src, a->bytes, 1);
	void *dst = fakert_operand(context, a->dst, a->bytes, 1);

	if (!src || !dst)
		return FAKERT_ILLEGAL_ADDRESS;
	memmove(dst, src, a->bytes);
	return FAKERT_OK;
}

static enum fakert_result fakert_run_fill(struct fakert_context *context, const void *args)
{
	const struct weft_sim_fill *a = args;
	uint32_t *dst = fakert_operand(context, a->dst, a->count, sizeof(*dst));
	uint64_t i;

	if (!dst)
		return FAKERT_ILLEGAL_ADDRESS;
	for (i = 0; i < a->count; i++)
		dst[i] = a->value;
	return FAKERT_OK;
}

static enum fakert_result fakert_run_add(struct fakert_context *context, const void *args)
{
	const struct weft_sim_add *add = args;
	const uint32_t *a = fakert_operand(context, add->a, add->count, sizeof(*a));
	const uint32_t *b = fakert_operand(context, add->b, add->count, sizeof(*b));
	uint32_t *dst = fakert_operand(context, add->dst, add->count, sizeof(*dst));
	uint64_t i;

	if (!a || !b || !dst)
		return FAKERT_ILLEGAL_ADDRESS;
	for (i = 0; i < add->count; i++)
		dst[i] = a[i] + b[i];
	return FAKERT_OK;
}

static enum fakert_result fakert_run_gemm(struct fakert_context *context, const void *args)
{
	const struct weft_sim_gemm *g = args;
	const int8_t *a = fakert_operand(context, g->a, (uint64_t)g->m * g->k, sizeof(*a));
	const int8_t *b = fakert_operand(context, g->b, (uint64_t)g->n * g->k, sizeof(*b));
	uint32_t *c = fakert_operand(context, g->c, (uint64_t)g->m * g->n, sizeof(*c));
	uint32_t i, j, l, sum;

	if (!a || !b || !c)
		return FAKERT_ILLEGAL_ADDRESS;
	for (i = 0; i < g->m; i++) {
		for (j = 0; j < g->n; j++) {
			for (l = 0, sum = 0; l < g->k; l++)
				sum += (uint32_t)(a[(uint64_t)i * g->k + l] *
						  b[(uint64_t)j * g->k + l]);
			c[(uint64_t)i * g->n + j] = sum;
		}
	}
	return FAKERT_OK;
}

static enum fakert_result fakert_run_spin(struct fakert_context *context, const void *args)
{
	const struct fakert_spin *a = args;

	(void)context;
	if (a->ns)
		fakert_sleep_until(fakert_now() + a->ns);
	else
		for (;;)
			fakert_sleep_until(fakert_now() + 1000000000);
	return FAKERT_OK;
}

static enum fakert_result fakert_run_fault(struct fakert_context *context, const void *args)
{
	(void)args;
	return fakert_resolve(context, 0, 1) ? FAKERT_OK : FAKERT_ILLEGAL_ADDRESS;
}

static enum fakert_result fakert_run_fail(struct fakert_context *context, const void *args)
{
	(void)context;
	(void)args;
	return FAKERT_LAUNCH_FAILED;
}

static const struct fakert_kernel fakert_kernels[] = {
	{ "nop", sizeof(struct weft_sim_nop), fakert_run_nop },
	{ "copy", sizeof(struct weft_sim_copy), fakert_run_copy },
	{ "fill", sizeof(struct weft_sim_fill), fakert_run_fill },
	{ "add", sizeof(struct weft_sim_add), fakert_run_add },
	{ "gemm_i8", sizeof(struct weft_sim_gemm), fakert_run_gemm },
	{ "spin", sizeof(struct fakert_spin), fakert_run_spin },
	{ "fault", 0, fakert_run_fault },
	{ "fail", 0, fakert_run_fail },
};

const struct fakert_kernel *fakert_kernel_find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < sizeof(fakert_kernels) / sizeof(fakert_kernels[0]); i++)
		if (strlen(fakert_kernels[i].name) == length &&
		    !memcmp(fakert_kernels[i].name, name, length))
			return &fakert_kernels[i];
	return NULL;
}
