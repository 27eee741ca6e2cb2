// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program of QEMU's edu devices.
 *
 * DOC: edu
 *
 * An image says little more than that it is one; kernel n is operation n.
 */
#include <drm/weft_edu.h>

#include "private.h"

int weft_edu_program(struct weft *pool, struct weft_program **program)
{
	static const struct weft_kernel_desc kernels[WEFT_EDU_OP_COUNT] = {
		[WEFT_EDU_OP_COPY] = { "copy", sizeof(struct weft_edu_args) },
		[WEFT_EDU_OP_FACTORIAL] = { "factorial", sizeof(struct weft_edu_args) },
	};
	struct weft_edu_image data = { WEFT_EDU_IMAGE_MAGIC, WEFT_EDU_IMAGE_VERSION };
	struct weft_image_desc image = {
		.isa = WEFT_EDU_ISA, .data = &data, .size = sizeof(data),
	};

	return weft_program_create(pool, &image, 1, kernels, WEFT_EDU_OP_COUNT, program);
}
