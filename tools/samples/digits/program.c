// SPDX-License-Identifier: GPL-2.0-only
/*
 * The digits' program: three kernels, with an image for each instruction set that they were written
 * for.
 *
 * DOC: digits program
 *
 * Simulated devices get a table of the operations that the kernels are, devices of OpenCL the
 * source in digits.cl. The arguments are the same structures for all.
 *
 * Rejected: reading digits.cl when the program runs (one more file to lose).
 */
#include "digits.h"

/* digits.cl, byte by byte */
__asm__(".section .rodata\n"
	"digits_opencl: .incbin \"" DIGITS_OPENCL "\"\n"
	"digits_opencl_end:\n"
	".previous\n");
extern const char digits_opencl[], digits_opencl_end[];

static const struct weft_kernel_desc digits_kernels[DIGITS_KINDS] = {
	[DIGITS_GEMM] = { "gemm_i8", sizeof(struct weft_sim_gemm) },
	[DIGITS_ARGMAX] = { "argmax", sizeof(struct weft_sim_argmax) },
	[DIGITS_BEST] = { "best", sizeof(struct weft_sim_merge) },
};

static const struct {
	struct weft_sim_image_header header;
	uint32_t ops[DIGITS_KINDS];
} digits_sim = {
	.header = {
		.magic = WEFT_SIM_IMAGE_MAGIC,
		.version = WEFT_SIM_IMAGE_VERSION,
		.kernel_count = DIGITS_KINDS,
	},
	.ops = {
		[DIGITS_GEMM] = WEFT_SIM_OP_GEMM_I8,
		[DIGITS_ARGMAX] = WEFT_SIM_OP_ARGMAX,
		[DIGITS_BEST] = WEFT_SIM_OP_BEST,
	},
};

const char *digits_kind_name(enum digits_kind kind)
{
	return digits_kernels[kind].name;
}

int digits_program_create(struct weft *pool, struct weft_program **program)
{
	const struct weft_image_desc images[] = {
		{ "sim-gpu", &digits_sim, sizeof(digits_sim) },
		{ "sim-dcu", &digits_sim, sizeof(digits_sim) },
		{ "sim-npu", &digits_sim, sizeof(digits_sim) },
		{ "sim", &digits_sim, sizeof(digits_sim) },
		{ "opencl-c", digits_opencl, (size_t)(digits_opencl_end - digits_opencl) },
	};

	return weft_program_create(pool, images, sizeof(images) / sizeof(images[0]), digits_kernels,
				   DIGITS_KINDS, program);
}
