// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: kernels of simulated devices
 *
 * The operations of &enum weft_sim_op, computed for real on the bytes of the device's memory. A
 * launch is checked first (weft_sim_launch_prepare(): every range lies in the memory, every
 * sum of sizes is free of overflow, every address is aligned to its element) and then computed
 * (weft_sim_launch_compute()) in steps between which the computation can yield or be stopped.
 * Overlapping operands are not refused, except by the copy, because they cannot leave the memory
 * either; what such a launch computes is not defined.
 *
 * The time matters: under an emulator every multiplication counts and there are no vector
 * registers in the kernel. The matrix product therefore packs three rows of its left operand
 * into one 64-bit word and lets one multiplication do three (see gemm_pack()).
 *
 * Rejected: kernel_fpu_begin() and vector code (not available to the unit test in the same form,
 * slow under emulation, and preemption would be off for long); checking ranges while computing
 * (a launch that fails half way would have written).
 *
 * Arguments and data are little endian, and so are all hosts weft supports.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "kernels.h"

/* Elements that a loop handles between two looks at the pace. */
#define BLOCK	8192

const char * const weft_sim_op_names[WEFT_SIM_OP_COUNT] = {
	[WEFT_SIM_OP_NOP]	= "nop",
	[WEFT_SIM_OP_COPY]	= "copy",
	[WEFT_SIM_OP_FILL]	= "fill",
	[WEFT_SIM_OP_ADD]	= "add",
	[WEFT_SIM_OP_REDUCE]	= "reduce",
	[WEFT_SIM_OP_HISTOGRAM]	= "histogram",
	[WEFT_SIM_OP_GEMM_I8]	= "gemm_i8",
	[WEFT_SIM_OP_ARGMAX]	= "argmax",
	[WEFT_SIM_OP_BEST]	= "best",
};

static __u64 block_end(__u64 first, __u64 count)
{
	return count - first < BLOCK ? count : first + BLOCK;
}

/* Accounts @work; not 0 if the computation is to stop. */
static int pace_step(struct weft_sim_pace *pace, __u64 work)
{
	if (work < pace->left) {
		pace->left -= work;
		return 0;
	}
	pace->left = WEFT_SIM_PACE;
	return pace->poll(pace);
}

/* Only for addresses that range_check() accepted. */
static void *at(const struct weft_sim_memory *memory, __u64 address)
{
	return memory->bytes + (address - memory->base);
}

/* 0 if @count elements of @size bytes at @address are in the memory and aligned to @align. */
static int range_check(const struct weft_sim_memory *memory, __u64 address, __u64 count,
		       __u64 size, __u64 align)
{
	__u64 offset, length;

	if (__builtin_mul_overflow(count, size, &length))
		return WEFT_SIM_ERR_ADDRESS;
	if (__builtin_sub_overflow(address, memory->base, &offset))
		return WEFT_SIM_ERR_ADDRESS;
	if (offset > memory->size || length > memory->size - offset)
		return WEFT_SIM_ERR_ADDRESS;
	if (offset & (align - 1))
		return WEFT_SIM_ERR_ARGS;
	return 0;
}

/* The same for what the launch writes; notes the range. */
static int output_check(struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
			__u64 address, __u64 count, __u64 size, __u64 align)
{
	int code = range_check(memory, address, count, size, align);

	if (code)
		return code;
	launch->out_offset = address - memory->base;
	launch->out_length = count * size;
	return 0;
}

static int nop_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	(void)memory;
	launch->work = launch->args.nop.work;
	return 0;
}

static int nop_compute(const struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
		       struct weft_sim_pace *pace)
{
	(void)launch;
	(void)memory;
	(void)pace;
	return 0;
}

static int copy_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_copy *a = &launch->args.copy;
	int code;

	code = range_check(memory, a->src, a->bytes, 1, 1);
	if (!code)
		code = output_check(launch, memory, a->dst, a->bytes, 1, 1);
	if (!code && a->src < a->dst + a->bytes && a->dst < a->src + a->bytes)
		code = WEFT_SIM_ERR_ARGS;
	launch->work = a->bytes;
	return code;
}

static int copy_compute(const struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
			struct weft_sim_pace *pace)
{
	const struct weft_sim_copy *a = &launch->args.copy;
	const __u8 *src = at(memory, a->src);
	__u8 *dst = at(memory, a->dst);
	__u64 i, end;

	for (i = 0; i < a->bytes; i = end) {
		end = block_end(i, a->bytes);
		memcpy(dst + i, src + i, end - i);
		if (pace_step(pace, end - i))
			return -1;
	}
	return 0;
}

static int fill_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_fill *a = &launch->args.fill;

	if (a->pad)
		return WEFT_SIM_ERR_ARGS;
	launch->work = a->count;
	return output_check(launch, memory, a->dst, a->count, 4, 4);
}

static int fill_compute(const struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
			struct weft_sim_pace *pace)
{
	const struct weft_sim_fill *a = &launch->args.fill;
	__u32 *dst = at(memory, a->dst);
	__u64 i = 0, end;

	while (i < a->count) {
		end = block_end(i, a->count);
		for (; i < end; i++)
			dst[i] = a->value;
		if (pace_step(pace, BLOCK))
			return -1;
	}
	return 0;
}

static int add_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_add *a = &launch->args.add;
	int code;

	launch->work = a->count;
	code = range_check(memory, a->a, a->count, 4, 4);
	if (!code)
		code = range_check(memory, a->b, a->count, 4, 4);
	if (!code)
		code = output_check(launch, memory, a->dst, a->count, 4, 4);
	return code;
}

static int add_compute(const struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
		       struct weft_sim_pace *pace)
{
	const struct weft_sim_add *a = &launch->args.add;
	const __u32 *x = at(memory, a->a), *y = at(memory, a->b);
	__u32 *dst = at(memory, a->dst);
	__u64 i = 0, end;

	while (i < a->count) {
		end = block_end(i, a->count);
		for (; i < end; i++)
			dst[i] = x[i] + y[i];
		if (pace_step(pace, BLOCK))
			return -1;
	}
	return 0;
}

static int reduce_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_reduce *a = &launch->args.reduce;
	int code;

	launch->work = a->count;
	code = range_check(memory, a->src, a->count, 4, 4);
	if (!code)
		code = output_check(launch, memory, a->dst, 1, 8, 8);
	return code;
}

static int reduce_compute(const struct weft_sim_launch *launch,
			  const struct weft_sim_memory *memory, struct weft_sim_pace *pace)
{
	const struct weft_sim_reduce *a = &launch->args.reduce;
	const __s32 *src = at(memory, a->src);
	__u64 *dst = at(memory, a->dst);
	__u64 i = 0, end, sum = 0;

	while (i < a->count) {
		end = block_end(i, a->count);
		for (; i < end; i++)
			sum += (__s64)src[i];
		if (pace_step(pace, BLOCK))
			return -1;
	}
	*dst = sum;
	return 0;
}

static int histogram_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_histogram *a = &launch->args.histogram;
	int code;

	launch->work = a->count;
	code = range_check(memory, a->src, a->count, 1, 1);
	if (!code)
		code = output_check(launch, memory, a->dst, 256, 4, 4);
	return code;
}

static int histogram_compute(const struct weft_sim_launch *launch,
			     const struct weft_sim_memory *memory, struct weft_sim_pace *pace)
{
	const struct weft_sim_histogram *a = &launch->args.histogram;
	const __u8 *src = at(memory, a->src);
	__u32 *dst = at(memory, a->dst);
	__u64 i = 0, end;

	memset(dst, 0, 256 * sizeof(*dst));
	while (i < a->count) {
		end = block_end(i, a->count);
		for (; i < end; i++)
			dst[src[i]]++;
		if (pace_step(pace, BLOCK))
			return -1;
	}
	return 0;
}

static int gemm_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_gemm *a = &launch->args.gemm;
	int code;

	if (a->pad)
		return WEFT_SIM_ERR_ARGS;
	code = range_check(memory, a->a, (__u64)a->m * a->k, 1, 1);
	if (!code)
		code = range_check(memory, a->b, (__u64)a->n * a->k, 1, 1);
	if (!code)
		code = output_check(launch, memory, a->c, (__u64)a->m * a->n, 4, 4);
	if (!code && __builtin_mul_overflow((__u64)a->m * a->n, (__u64)a->k, &launch->work))
		code = WEFT_SIM_ERR_ARGS;
	return code;
}

/*
 * Three rows at once. A word holds row 0 + row 1 * 2^21 + row 2 * 2^42. Multiplied by a value of
 * the right operand it holds three products, and a sum of such words holds three sums as long as
 * each fits its field: |product| <= 2^14, so 63 of them stay below 2^20. The sum is taken apart
 * from the lowest field upwards; subtracting the signed field takes back what it borrowed.
 */
#define GEMM_ROWS	3
#define GEMM_FIELD	21
#define GEMM_DEPTH	63
#define GEMM_COLUMNS	4

static void gemm_pack(__u64 *packed, const __s8 *a, __u32 stride, __u32 rows, __u32 depth)
{
	__u32 l, r;

	for (l = 0; l < depth; l++) {
		packed[l] = 0;
		for (r = rows; r--;)
			packed[l] = (packed[l] << GEMM_FIELD) + (__s64)a[(__u64)r * stride + l];
	}
}

static void gemm_unpack(__u32 *c, __u32 stride, __u32 rows, __u64 sum)
{
	__u32 r;

	for (r = 0; r < rows; r++) {
		__s64 field = (__s64)(sum << (64 - GEMM_FIELD)) >> (64 - GEMM_FIELD);

		c[(__u64)r * stride] += field;
		sum = (sum - field) >> GEMM_FIELD;
	}
}

static __u64 gemm_dot(const __u64 *packed, const __s8 *b, __u32 depth)
{
	__u64 sum = 0;
	__u32 l;

	for (l = 0; l < depth; l++)
		sum += packed[l] * (__s64)b[l];
	return sum;
}

/* Four columns: a packed word is loaded once for twelve products. */
static void gemm_dot4(__u64 *sums, const __u64 *packed, const __s8 *b, __u32 stride, __u32 depth)
{
	const __s8 *b0 = b, *b1 = b0 + stride, *b2 = b1 + stride, *b3 = b2 + stride;
	__u64 s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	__u32 l;

	for (l = 0; l < depth; l++) {
		const __u64 p = packed[l];

		s0 += p * (__s64)b0[l];
		s1 += p * (__s64)b1[l];
		s2 += p * (__s64)b2[l];
		s3 += p * (__s64)b3[l];
	}
	sums[0] = s0;
	sums[1] = s1;
	sums[2] = s2;
	sums[3] = s3;
}

/* Adds to @rows rows of c what the @depth packed columns of a and @b give. */
static int gemm_strip(__u32 *c, const __u64 *packed, const __s8 *b, const struct weft_sim_gemm *a,
		      __u32 rows, __u32 depth, struct weft_sim_pace *pace)
{
	__u64 sums[GEMM_COLUMNS];
	__u32 j = 0, i;

	for (; a->n - j >= GEMM_COLUMNS; j += GEMM_COLUMNS) {
		gemm_dot4(sums, packed, b + (__u64)j * a->k, a->k, depth);
		for (i = 0; i < GEMM_COLUMNS; i++)
			gemm_unpack(c + j + i, a->n, rows, sums[i]);
		if (pace_step(pace, GEMM_ROWS * GEMM_COLUMNS * depth))
			return -1;
	}
	for (; j < a->n; j++)
		gemm_unpack(c + j, a->n, rows, gemm_dot(packed, b + (__u64)j * a->k, depth));
	return 0;
}

static int gemm_compute(const struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
			struct weft_sim_pace *pace)
{
	const struct weft_sim_gemm *a = &launch->args.gemm;
	const __s8 *left = at(memory, a->a), *right = at(memory, a->b);
	__u64 packed[GEMM_DEPTH];
	__u32 *c = at(memory, a->c);
	__u32 i, l, rows, depth;

	for (i = 0; i < a->m; i += rows) {
		__u32 *strip = c + (__u64)i * a->n;

		rows = a->m - i < GEMM_ROWS ? a->m - i : GEMM_ROWS;
		memset(strip, 0, (__u64)rows * a->n * sizeof(*strip));
		for (l = 0; l < a->k; l += depth) {
			depth = a->k - l < GEMM_DEPTH ? a->k - l : GEMM_DEPTH;
			gemm_pack(packed, left + (__u64)i * a->k + l, a->k, rows, depth);
			if (gemm_strip(strip, packed, right + l, a, rows, depth, pace))
				return -1;
		}
		if (pace_step(pace, a->n))
			return -1;
	}
	return 0;
}

static int argmax_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_argmax *a = &launch->args.argmax;
	int code = 0;

	if (a->m && !a->n)
		return WEFT_SIM_ERR_ARGS;
	launch->work = (__u64)a->m * a->n;
	code = range_check(memory, a->src, (__u64)a->m * a->n, 4, 4);
	if (!code && a->bias)
		code = range_check(memory, a->bias, a->n, 4, 4);
	if (!code)
		code = output_check(launch, memory, a->dst, a->m, sizeof(struct weft_sim_best), 4);
	return code;
}

static int argmax_compute(const struct weft_sim_launch *launch,
			  const struct weft_sim_memory *memory, struct weft_sim_pace *pace)
{
	const struct weft_sim_argmax *a = &launch->args.argmax;
	const __u32 *bias = a->bias ? at(memory, a->bias) : NULL;
	const __u32 *row = at(memory, a->src);
	struct weft_sim_best *dst = at(memory, a->dst);
	const __u32 scale = a->scale;
	__u32 i;

	for (i = 0; i < a->m; i++, row += a->n) {
		__s32 best = (__s32)(scale * row[0] + (bias ? bias[0] : 0));
		__u64 j = 1, end, where = 0;

		while (j < a->n) {
			end = block_end(j, a->n);
			for (; j < end; j++) {
				__s32 value = (__s32)(scale * row[j] + (bias ? bias[j] : 0));

				if (value > best) {
					best = value;
					where = j;
				}
			}
			if (pace_step(pace, end < BLOCK ? end : BLOCK))
				return -1;
		}
		dst[i].value = best;
		dst[i].index = a->base + (__u32)where;
		if (pace_step(pace, 1))
			return -1;
	}
	return 0;
}

static int best_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory)
{
	const struct weft_sim_merge *a = &launch->args.merge;
	int code;

	if (a->count && !a->sources)
		return WEFT_SIM_ERR_ARGS;
	launch->work = (__u64)a->count * a->sources;
	code = range_check(memory, a->src, launch->work, sizeof(struct weft_sim_best), 4);
	if (!code)
		code = output_check(launch, memory, a->dst, a->count,
				    sizeof(struct weft_sim_best), 4);
	return code;
}

static int best_compute(const struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
			struct weft_sim_pace *pace)
{
	const struct weft_sim_merge *a = &launch->args.merge;
	const struct weft_sim_best *src = at(memory, a->src);
	struct weft_sim_best *dst = at(memory, a->dst);
	__u32 i, s;

	for (i = 0; i < a->count; i++) {
		struct weft_sim_best best = src[i];

		for (s = 1; s < a->sources; s++) {
			const struct weft_sim_best *other = &src[(__u64)s * a->count + i];

			if (other->value > best.value ||
			    (other->value == best.value && other->index < best.index))
				best = *other;
		}
		dst[i] = best;
		if (pace_step(pace, a->sources))
			return -1;
	}
	return 0;
}

static const struct weft_sim_op_desc {
	__u32 args_size;
	int (*prepare)(struct weft_sim_launch *launch, const struct weft_sim_memory *memory);
	int (*compute)(const struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
		       struct weft_sim_pace *pace);
} op_descs[WEFT_SIM_OP_COUNT] = {
	[WEFT_SIM_OP_NOP] = { sizeof(struct weft_sim_nop), nop_prepare, nop_compute },
	[WEFT_SIM_OP_COPY] = { sizeof(struct weft_sim_copy), copy_prepare, copy_compute },
	[WEFT_SIM_OP_FILL] = { sizeof(struct weft_sim_fill), fill_prepare, fill_compute },
	[WEFT_SIM_OP_ADD] = { sizeof(struct weft_sim_add), add_prepare, add_compute },
	[WEFT_SIM_OP_REDUCE] = { sizeof(struct weft_sim_reduce), reduce_prepare, reduce_compute },
	[WEFT_SIM_OP_HISTOGRAM] = { sizeof(struct weft_sim_histogram), histogram_prepare,
				    histogram_compute },
	[WEFT_SIM_OP_GEMM_I8] = { sizeof(struct weft_sim_gemm), gemm_prepare, gemm_compute },
	[WEFT_SIM_OP_ARGMAX] = { sizeof(struct weft_sim_argmax), argmax_prepare, argmax_compute },
	[WEFT_SIM_OP_BEST] = { sizeof(struct weft_sim_merge), best_prepare, best_compute },
};

/*
 * Fills @launch from an argument blob. 0, or WEFT_SIM_ERR_ADDRESS or WEFT_SIM_ERR_ARGS; then the
 * launch must not be computed. Takes constant time, in any context.
 */
int weft_sim_launch_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
			    __u32 op, const void *args, __u32 args_size)
{
	int code;

	memset(launch, 0, sizeof(*launch));
	if (op >= WEFT_SIM_OP_COUNT || args_size != op_descs[op].args_size)
		return WEFT_SIM_ERR_ARGS;
	launch->op = op;
	memcpy(&launch->args, args, args_size);
	code = op_descs[op].prepare(launch, memory);
	if (code)
		launch->out_length = 0;
	return code;
}

/* Computes a prepared launch: 0, or -1 if @pace stopped it; its outputs are then undefined. */
int weft_sim_launch_compute(const struct weft_sim_launch *launch,
			    const struct weft_sim_memory *memory, struct weft_sim_pace *pace)
{
	return op_descs[launch->op].compute(launch, memory, pace);
}
