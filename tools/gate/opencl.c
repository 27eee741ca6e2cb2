// SPDX-License-Identifier: GPL-2.0-only
/*
 * OpenCL's launches.
 *
 * DOC: gate opencl
 *
 * What runs kernels waits for its turn; copies do not, they are no compute. Types are those of the
 * platform's ABI: handles are pointers, and cl_int and cl_uint have 32 bits.
 */
#include <stddef.h>
#include <stdint.h>

#include "gate.h"

static void opencl_finish(void *queue)
{
	static int32_t (*finish)(void *queue);

	if (!finish)
		finish = (int32_t (*)(void *))gate_next("clFinish");
	finish(queue);
}

static const struct gate_runtime opencl = { .finish = opencl_finish };

GATE_LAUNCH(&opencl, int32_t, clEnqueueNDRangeKernel,
	    (void *queue, void *kernel, uint32_t dims, const size_t *offset, const size_t *global,
	     const size_t *local, uint32_t count, void *const *waits, void **event),
	    (queue, kernel, dims, offset, global, local, count, waits, event), queue)

GATE_LAUNCH(&opencl, int32_t, clEnqueueTask,
	    (void *queue, void *kernel, uint32_t count, void *const *waits, void **event),
	    (queue, kernel, count, waits, event), queue)

GATE_LAUNCH(&opencl, int32_t, clEnqueueNativeKernel,
	    (void *queue, void (*function)(void *), void *args, size_t size, uint32_t objects,
	     void *const *list, const void **places, uint32_t count, void *const *waits,
	     void **event),
	    (queue, function, args, size, objects, list, places, count, waits, event), queue)

/* A queue that goes is finished first: a turn that ends later must not wait for it any more. */
__attribute__((visibility("default"))) int32_t clReleaseCommandQueue(void *queue);
int32_t clReleaseCommandQueue(void *queue)
{
	static int32_t (*next)(void *queue);

	if (!next)
		next = (int32_t (*)(void *))gate_next("clReleaseCommandQueue");
	gate_forget(queue);
	return next(queue);
}
