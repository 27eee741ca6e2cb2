// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program of the simulated devices.
 *
 * DOC: sim
 *
 * An image is a table from the program's kernels to operations; here kernel n is operation n.
 * The classes of simulated device have instruction sets of their own, so that a job needs an image
 * for each place it may run at, as with real devices; "sim" is what all of them accept besides.
 */
#include <string.h>
#include <drm/weft_sim.h>

#include "private.h"

static const struct {
	const char *name;
	uint32_t args_size;
} weft_sim_ops[WEFT_SIM_OP_COUNT] = {
	[WEFT_SIM_OP_NOP] = { "nop", sizeof(struct weft_sim_nop) },
	[WEFT_SIM_OP_COPY] = { "copy", sizeof(struct weft_sim_copy) },
	[WEFT_SIM_OP_FILL] = { "fill", sizeof(struct weft_sim_fill) },
	[WEFT_SIM_OP_ADD] = { "add", sizeof(struct weft_sim_add) },
	[WEFT_SIM_OP_REDUCE] = { "reduce", sizeof(struct weft_sim_reduce) },
	[WEFT_SIM_OP_HISTOGRAM] = { "histogram", sizeof(struct weft_sim_histogram) },
	[WEFT_SIM_OP_GEMM_I8] = { "gemm_i8", sizeof(struct weft_sim_gemm) },
	[WEFT_SIM_OP_ARGMAX] = { "argmax", sizeof(struct weft_sim_argmax) },
	[WEFT_SIM_OP_BEST] = { "best", sizeof(struct weft_sim_merge) },
};

static const char *const weft_sim_isas[] = { "sim-gpu", "sim-dcu", "sim-npu", "sim" };

#define WEFT_SIM_ISA_COUNT	(sizeof(weft_sim_isas) / sizeof(weft_sim_isas[0]))

const char *weft_sim_op_name(uint32_t op)
{
	return op < WEFT_SIM_OP_COUNT ? weft_sim_ops[op].name : "?";
}

uint32_t weft_sim_op_args_size(uint32_t op)
{
	return op < WEFT_SIM_OP_COUNT ? weft_sim_ops[op].args_size : 0;
}

int weft_sim_op_parse(const char *name)
{
	int i;

	for (i = 0; name && i < WEFT_SIM_OP_COUNT; i++)
		if (!strcmp(name, weft_sim_ops[i].name))
			return i;
	return weft_fail(EINVAL,
			 "\"%s\" is no kernel of the simulated devices: use nop, copy, fill, add, "
			 "reduce, histogram, gemm_i8, argmax or best",
			 name ? name : "");
}

int weft_sim_program(struct weft *pool, struct weft_program **program)
{
	struct weft_kernel_desc kernels[WEFT_SIM_OP_COUNT];
	struct weft_image_desc images[WEFT_SIM_ISA_COUNT];
	struct {
		struct weft_sim_image_header header;
		uint32_t ops[WEFT_SIM_OP_COUNT];
	} image = {
		.header = {
			.magic = WEFT_SIM_IMAGE_MAGIC,
			.version = WEFT_SIM_IMAGE_VERSION,
			.kernel_count = WEFT_SIM_OP_COUNT,
		},
	};
	uint32_t i;

	for (i = 0; i < WEFT_SIM_OP_COUNT; i++) {
		image.ops[i] = i;
		kernels[i].name = weft_sim_ops[i].name;
		kernels[i].args_size = weft_sim_ops[i].args_size;
	}
	for (i = 0; i < WEFT_SIM_ISA_COUNT; i++) {
		images[i].isa = weft_sim_isas[i];
		images[i].data = &image;
		images[i].size = sizeof(image);
	}
	return weft_program_create(pool, images, WEFT_SIM_ISA_COUNT, kernels, WEFT_SIM_OP_COUNT,
				   program);
}
