// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory: shared virtual memory or buffers.
 *
 * DOC: opencl_memory
 *
 * With coarse-grained SVM (OpenCL 2.0) an address is a number that can be added to, and any address
 * in an allocation may be an argument: weft's ARENA is one clSVMAlloc(). A device without has
 * cl_mem objects only: weft's HANDLES, one object per allocation, which we number. An argument is
 * then the object, or a sub-buffer, whose place in it must be a multiple of what the device says; a
 * job that wants another place is refused.
 *
 * Arenas are neither mapped nor unmapped: the host touches them by commands alone.
 *
 * An object may have no memory until it is first used. weft counts what it allocated, so the object
 * is migrated to the device at once, and an allocation that fails does so where it can be told.
 *
 * Rejected: one big cl_mem as an arena, arguments by sub-buffer (weft's addresses are multiples of
 * a page, but those of jobs are not); passing an offset beside each object (kernels would have to
 * be written for weft).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

#define WEFT_OPENCL_HANDLE_SHIFT	40
#define WEFT_OPENCL_HANDLE_MASK		((1ull << WEFT_OPENCL_HANDLE_SHIFT) - 1)

int weft_opencl_context_create(struct weft_opencl_context **context,
			       const struct weft_opencl_device *device, uint64_t arena_size,
			       struct weft_opencl_error *error)
{
	cl_context_properties properties[] = { CL_CONTEXT_PLATFORM,
					       (cl_context_properties)device->platform, 0 };
	struct weft_opencl_context *c = calloc(1, sizeof(*c));
	cl_int code = CL_SUCCESS;
	int ret;

	*context = NULL;
	if (!c)
		return weft_opencl_refuse(error, ENOMEM, "no memory");
	c->device = *device;
	c->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
	if (!code)
		c->compute = clCreateCommandQueue(c->context, device->id, CL_QUEUE_PROFILING_ENABLE,
						  &code);
	if (!code)
		c->copy = clCreateCommandQueue(c->context, device->id, 0, &code);
	if (code) {
		ret = weft_opencl_fail(error, code, "making a context");
		goto fail;
	}
	c->arena_size = arena_size;
	if (arena_size)
		c->arena = clSVMAlloc(c->context, CL_MEM_READ_WRITE, arena_size, 0);
	if (arena_size && !c->arena) {
		ret = weft_opencl_refuse(error, ENOMEM, "no %llu bytes of shared virtual memory",
					 (unsigned long long)arena_size);
		goto fail;
	}
	*context = c;
	return 0;

fail:
	weft_opencl_context_destroy(c);
	return ret;
}

void weft_opencl_context_destroy(struct weft_opencl_context *context)
{
	uint32_t i;

	if (!context)
		return;
	if (context->compute) {
		clFinish(context->compute);
		clReleaseCommandQueue(context->compute);
	}
	if (context->copy) {
		clFinish(context->copy);
		clReleaseCommandQueue(context->copy);
	}
	for (i = 0; i < context->buffer_count; i++)
		if (context->buffers[i].mem)
			clReleaseMemObject(context->buffers[i].mem);
	free(context->buffers);
	if (context->arena)
		clSVMFree(context->context, context->arena);
	if (context->context)
		clReleaseContext(context->context);
	free(context);
}

/* A place in the table; places of what was freed are used again. */
static int weft_opencl_buffer_place(struct weft_opencl_context *context, uint32_t *place)
{
	struct weft_opencl_buffer *buffers;
	uint32_t i, count = context->buffer_count ? 2 * context->buffer_count : 64;

	for (i = 0; i < context->buffer_count; i++)
		if (!context->buffers[i].mem)
			goto found;
	if (count >= 1u << (63 - WEFT_OPENCL_HANDLE_SHIFT))
		return -ENOMEM;
	buffers = realloc(context->buffers, count * sizeof(*buffers));
	if (!buffers)
		return -ENOMEM;
	memset(buffers + context->buffer_count, 0,
	       (count - context->buffer_count) * sizeof(*buffers));
	context->buffers = buffers;
	context->buffer_count = count;
found:
	*place = i;
	return 0;
}

int weft_opencl_memory_alloc(struct weft_opencl_context *context, uint64_t size, uint64_t *handle,
			     struct weft_opencl_error *error)
{
	uint32_t place = 0;
	cl_int code;
	cl_mem mem;

	if (size > WEFT_OPENCL_HANDLE_MASK || weft_opencl_buffer_place(context, &place))
		return weft_opencl_refuse(error, ENOMEM, "no room for one more buffer");
	mem = clCreateBuffer(context->context, CL_MEM_READ_WRITE, size, NULL, &code);
	if (code)
		return weft_opencl_fail(error, code, "making a buffer");
	code = clEnqueueMigrateMemObjects(context->copy, 1, &mem,
					  CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED, 0, NULL, NULL);
	if (!code)
		code = clFinish(context->copy);
	if (code) {
		clReleaseMemObject(mem);
		return weft_opencl_fail(error, code, "giving memory to a buffer");
	}
	context->buffers[place] = (struct weft_opencl_buffer){ .mem = mem, .size = size };
	*handle = (place + 1ull) << WEFT_OPENCL_HANDLE_SHIFT;
	return 0;
}

/* The buffer that has @length bytes from @address on, and how far into it that is */
static struct weft_opencl_buffer *weft_opencl_buffer_find(struct weft_opencl_context *context,
							  uint64_t address, uint64_t length,
							  uint64_t *offset)
{
	uint64_t place = (address >> WEFT_OPENCL_HANDLE_SHIFT) - 1;
	struct weft_opencl_buffer *buffer;

	*offset = address & WEFT_OPENCL_HANDLE_MASK;
	if (place >= context->buffer_count)
		return NULL;
	buffer = &context->buffers[place];
	if (!buffer->mem || *offset > buffer->size || length > buffer->size - *offset)
		return NULL;
	return buffer;
}

int weft_opencl_memory_free(struct weft_opencl_context *context, uint64_t handle,
			    struct weft_opencl_error *error)
{
	uint64_t offset;
	struct weft_opencl_buffer *buffer = weft_opencl_buffer_find(context, handle, 0, &offset);

	if (!buffer || offset)
		return weft_opencl_refuse(error, EINVAL, "%#llx is no buffer",
					  (unsigned long long)handle);
	clReleaseMemObject(buffer->mem);
	*buffer = (struct weft_opencl_buffer){};
	return 0;
}

static bool weft_opencl_arena_has(const struct weft_opencl_context *context, uint64_t address,
				  uint64_t length)
{
	uint64_t offset = address - (uintptr_t)context->arena;

	return offset <= context->arena_size && length <= context->arena_size - offset;
}

static int weft_opencl_outside(struct weft_opencl_error *error, uint64_t address, uint64_t length)
{
	return weft_opencl_refuse(error, EFAULT, "%llu bytes at %#llx are not in the seat's memory",
				  (unsigned long long)length, (unsigned long long)address);
}

static int weft_opencl_queued(struct weft_opencl_context *context, cl_int code, const char *what,
			      struct weft_opencl_error *error)
{
	if (!code)
		code = clFlush(context->copy);
	return code ? weft_opencl_fail(error, code, what) : 0;
}

int weft_opencl_memory_write(struct weft_opencl_context *context, uint64_t address,
			     const void *bytes, uint64_t length, cl_event *done,
			     struct weft_opencl_error *error)
{
	struct weft_opencl_buffer *buffer;
	uint64_t offset;
	cl_int code;

	if (context->arena) {
		if (!weft_opencl_arena_has(context, address, length))
			return weft_opencl_outside(error, address, length);
		code = clEnqueueSVMMemcpy(context->copy, CL_FALSE, (void *)(uintptr_t)address,
					  bytes, length, 0, NULL, done);
	} else {
		buffer = weft_opencl_buffer_find(context, address, length, &offset);
		if (!buffer)
			return weft_opencl_outside(error, address, length);
		code = clEnqueueWriteBuffer(context->copy, buffer->mem, CL_FALSE, offset, length,
					    bytes, 0, NULL, done);
	}
	return weft_opencl_queued(context, code, "copying to the device", error);
}

int weft_opencl_memory_read(struct weft_opencl_context *context, uint64_t address, void *bytes,
			    uint64_t length, cl_event *done, struct weft_opencl_error *error)
{
	struct weft_opencl_buffer *buffer;
	uint64_t offset;
	cl_int code;

	if (context->arena) {
		if (!weft_opencl_arena_has(context, address, length))
			return weft_opencl_outside(error, address, length);
		code = clEnqueueSVMMemcpy(context->copy, CL_FALSE, bytes,
					  (const void *)(uintptr_t)address, length, 0, NULL, done);
	} else {
		buffer = weft_opencl_buffer_find(context, address, length, &offset);
		if (!buffer)
			return weft_opencl_outside(error, address, length);
		code = clEnqueueReadBuffer(context->copy, buffer->mem, CL_FALSE, offset, length,
					   bytes, 0, NULL, done);
	}
	return weft_opencl_queued(context, code, "copying from the device", error);
}

int weft_opencl_memory_clear(struct weft_opencl_context *context, uint64_t address, uint64_t length,
			     cl_event *done, struct weft_opencl_error *error)
{
	static const uint64_t zero;
	/* what is filled must be a multiple of the pattern, place and length */
	size_t pattern = (address | length) % sizeof(zero) ? 1 : sizeof(zero);
	struct weft_opencl_buffer *buffer;
	uint64_t offset;
	cl_int code;

	if (context->arena) {
		if (!weft_opencl_arena_has(context, address, length))
			return weft_opencl_outside(error, address, length);
		code = clEnqueueSVMMemFill(context->copy, (void *)(uintptr_t)address, &zero,
					   pattern, length, 0, NULL, done);
	} else {
		buffer = weft_opencl_buffer_find(context, address, length, &offset);
		if (!buffer)
			return weft_opencl_outside(error, address, length);
		code = clEnqueueFillBuffer(context->copy, buffer->mem, &zero, pattern, offset,
					   length, 0, NULL, done);
	}
	return weft_opencl_queued(context, code, "clearing memory", error);
}

static int weft_opencl_buffer_argument(struct weft_opencl_context *context, cl_kernel kernel,
				       uint32_t index, uint64_t address, uint64_t length,
				       cl_mem *part, struct weft_opencl_error *error)
{
	struct weft_opencl_buffer *buffer;
	cl_buffer_region region;
	uint64_t offset;
	cl_int code;

	buffer = weft_opencl_buffer_find(context, address, length, &offset);
	if (!buffer)
		return weft_opencl_outside(error, address, length);
	if (!offset) {
		code = clSetKernelArg(kernel, index, sizeof(buffer->mem), &buffer->mem);
		return code ? weft_opencl_fail(error, code, "setting an argument") : 0;
	}
	if (offset % context->device.sub_align)
		return weft_opencl_refuse(error, EINVAL, "an argument is %llu bytes into a buffer; "
					  "this device has no SVM and can do multiples of %llu",
					  (unsigned long long)offset,
					  (unsigned long long)context->device.sub_align);
	region.origin = offset;
	region.size = length;
	*part = clCreateSubBuffer(buffer->mem, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
				  &region, &code);
	if (code)
		return weft_opencl_fail(error, code, "making a part of a buffer");
	code = clSetKernelArg(kernel, index, sizeof(*part), part);
	return code ? weft_opencl_fail(error, code, "setting an argument") : 0;
}

int weft_opencl_memory_argument(struct weft_opencl_context *context, cl_kernel kernel,
				uint32_t index, uint64_t address, uint64_t length,
				cl_mem *part, struct weft_opencl_error *error)
{
	cl_int code;

	*part = NULL;
	if (!context->arena)
		return weft_opencl_buffer_argument(context, kernel, index, address, length, part,
						   error);
	if (!weft_opencl_arena_has(context, address, length))
		return weft_opencl_outside(error, address, length);
	code = clSetKernelArgSVMPointer(kernel, index, (const void *)(uintptr_t)address);
	return code ? weft_opencl_fail(error, code, "setting an argument") : 0;
}
