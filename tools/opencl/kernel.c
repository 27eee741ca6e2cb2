// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel's arguments: from weft's blob to OpenCL's calls.
 *
 * DOC: opencl_kernel
 *
 * weft's arguments are one blob, OpenCL's are set one by one. The blob is the structure that C
 * would make of the parameters in their order: each at the next multiple of its own alignment. A
 * pointer into global or constant memory takes eight bytes, which a relocation fills in, or which
 * are 0 for NULL. A pointer into local memory takes eight bytes, the number of bytes to give it. So
 * one structure serves simulated devices, OpenCL's and others.
 *
 * Rejected: parameters that are structures, typedefs, images, samplers or pipes (OpenCL does not
 * tell how large they are, or they are no numbers); a table of offsets in the image (the compiler
 * knows better).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

static const struct {
	const char *name;
	uint32_t size;
} weft_opencl_types[] = {
	{ "char", 1 }, { "uchar", 1 }, { "short", 2 }, { "ushort", 2 }, { "int", 4 }, { "uint", 4 },
	{ "long", 8 }, { "ulong", 8 }, { "float", 4 }, { "double", 8 },
};

/* Bytes of a scalar or vector type as OpenCL spells it, 0: it is neither */
static uint32_t weft_opencl_type_size(const char *type)
{
	unsigned long elements = 1;
	char name[32];
	size_t length, i;

	/* some compilers write it out */
	if (!strncmp(type, "unsigned ", 9))
		snprintf(name, sizeof(name), "u%.30s", type + 9);
	else
		snprintf(name, sizeof(name), "%.31s", type);
	length = strcspn(name, "0123456789");
	if (name[length]) {
		char *end;

		elements = strtoul(name + length, &end, 10);
		if (*end || elements < 2 || elements > 16)
			return 0;
		/* a vector of three is as large as one of four */
		if (elements == 3)
			elements = 4;
		name[length] = '\0';
	}
	for (i = 0; i < sizeof(weft_opencl_types) / sizeof(weft_opencl_types[0]); i++)
		if (!strcmp(name, weft_opencl_types[i].name))
			return weft_opencl_types[i].size * (uint32_t)elements;
	return 0;
}

static int weft_opencl_arg_init(struct weft_opencl_kernel *kernel, uint32_t index, const char *name,
				struct weft_opencl_error *error)
{
	struct weft_opencl_arg *arg = &kernel->args[index];
	cl_kernel_arg_address_qualifier space;
	char type[128] = "";
	cl_int code;

	code = clGetKernelArgInfo(kernel->kernel, index, CL_KERNEL_ARG_ADDRESS_QUALIFIER,
				  sizeof(space), &space, NULL);
	if (!code)
		code = clGetKernelArgInfo(kernel->kernel, index, CL_KERNEL_ARG_TYPE_NAME,
					  sizeof(type) - 1, type, NULL);
	if (code == CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
		return weft_opencl_refuse(error, ENOEXEC, "kernel %s: the driver does not say what "
					  "the parameters of a binary are; use OpenCL C", name);
	if (code)
		return weft_opencl_fail(error, code, "asking for a parameter's type");
	if (space == CL_KERNEL_ARG_ADDRESS_PRIVATE) {
		arg->kind = WEFT_OPENCL_ARG_VALUE;
		arg->size = weft_opencl_type_size(type);
		if (!arg->size)
			return weft_opencl_refuse(error, ENOEXEC, "kernel %s: parameter %u is a "
						  "%s, not a number or a vector of numbers", name,
						  index, type);
	} else if (!strchr(type, '*')) {
		return weft_opencl_refuse(error, ENOEXEC, "kernel %s: parameter %u is a %s, which "
					  "no buffer can be", name, index, type);
	} else {
		arg->kind = space == CL_KERNEL_ARG_ADDRESS_LOCAL ? WEFT_OPENCL_ARG_LOCAL :
								   WEFT_OPENCL_ARG_POINTER;
		arg->size = sizeof(uint64_t);
	}
	arg->offset = (kernel->args_size + arg->size - 1) / arg->size * arg->size;
	kernel->args_size = arg->offset + arg->size;
	return 0;
}

int weft_opencl_kernel_init(struct weft_opencl_kernel *kernel, cl_kernel handle,
			    const struct weft_opencl_device *device, const char *name,
			    struct weft_opencl_error *error)
{
	cl_int code;
	cl_uint i;
	int ret;

	memset(kernel, 0, sizeof(*kernel));
	kernel->kernel = handle;
	code = clGetKernelInfo(handle, CL_KERNEL_NUM_ARGS, sizeof(kernel->arg_count),
			       &kernel->arg_count, NULL);
	if (!code)
		code = clGetKernelWorkGroupInfo(handle, device->id,
						CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
						sizeof(kernel->group), kernel->group, NULL);
	if (code)
		return weft_opencl_fail(error, code, "asking about a kernel");
	if (kernel->arg_count > WEFT_OPENCL_ARGS)
		return weft_opencl_refuse(error, ENOEXEC, "kernel %s has %u parameters, %u are the "
					  "most", name, kernel->arg_count, WEFT_OPENCL_ARGS);
	for (i = 0; i < kernel->arg_count; i++) {
		ret = weft_opencl_arg_init(kernel, i, name, error);
		if (ret)
			return ret;
	}
	return 0;
}

/* The relocation that fills in what is at @offset, NULL if none does */
static const struct weft_serve_reloc *weft_opencl_reloc(const struct weft_serve_reloc *relocs,
							uint32_t reloc_count, uint32_t offset)
{
	uint32_t i;

	for (i = 0; i < reloc_count; i++)
		if (relocs[i].offset == offset)
			return &relocs[i];
	return NULL;
}

/* Every address is one of a pointer, or somebody has another idea of the arguments. */
static int weft_opencl_relocs_check(const struct weft_opencl_kernel *kernel,
				    const struct weft_serve_reloc *relocs, uint32_t reloc_count,
				    struct weft_opencl_error *error)
{
	uint32_t i, j;

	for (i = 0; i < reloc_count; i++) {
		for (j = 0; j < kernel->arg_count; j++)
			if (kernel->args[j].kind == WEFT_OPENCL_ARG_POINTER &&
			    kernel->args[j].offset == relocs[i].offset)
				break;
		if (j == kernel->arg_count)
			return weft_opencl_refuse(error, EINVAL, "there is an address at %u of the "
						  "arguments, and the kernel has no pointer there",
						  relocs[i].offset);
	}
	return 0;
}

static int weft_opencl_arg_set(struct weft_opencl_context *context,
			       const struct weft_opencl_kernel *kernel, uint32_t index,
			       const uint8_t *args, const struct weft_serve_reloc *reloc,
			       cl_mem *part, struct weft_opencl_error *error)
{
	const struct weft_opencl_arg *arg = &kernel->args[index];
	const void *value = args + arg->offset;
	uint64_t address = 0;
	size_t size = arg->size;
	cl_int code;

	*part = NULL;
	if (arg->kind != WEFT_OPENCL_ARG_VALUE)
		memcpy(&address, value, sizeof(address));
	if (arg->kind == WEFT_OPENCL_ARG_POINTER) {
		if (reloc)
			return weft_opencl_memory_argument(context, kernel->kernel, index, address,
							   reloc->length, part, error);
		if (address)
			return weft_opencl_refuse(error, EINVAL, "argument %u is a pointer, and "
						  "neither 0 nor an address that weft filled in",
						  index);
		value = NULL;
		size = sizeof(cl_mem);
	} else if (arg->kind == WEFT_OPENCL_ARG_LOCAL) {
		value = NULL;
		size = address;
	}
	code = clSetKernelArg(kernel->kernel, index, size, value);
	return code ? weft_opencl_fail(error, code, "setting an argument") : 0;
}

int weft_opencl_kernel_launch(struct weft_opencl_context *context,
			      const struct weft_opencl_kernel *kernel, const void *args,
			      uint32_t args_size, const struct weft_serve_reloc *relocs,
			      uint32_t reloc_count, const uint32_t grid[3], cl_event *done,
			      struct weft_opencl_error *error)
{
	size_t items[3] = { grid[0], grid[1], grid[2] };
	cl_mem parts[WEFT_OPENCL_ARGS];
	cl_int code;
	uint32_t i, set = 0;
	int ret;

	if (args_size < kernel->args_size)
		return weft_opencl_refuse(error, EINVAL, "%u bytes of arguments, the kernel's take "
					  "%u", args_size, kernel->args_size);
	ret = weft_opencl_relocs_check(kernel, relocs, reloc_count, error);
	while (!ret && set < kernel->arg_count) {
		ret = weft_opencl_arg_set(context, kernel, set, args,
					  weft_opencl_reloc(relocs, reloc_count,
							    kernel->args[set].offset),
					  &parts[set], error);
		set++;
	}
	if (!ret) {
		code = clEnqueueNDRangeKernel(context->compute, kernel->kernel, 3, NULL, items,
					      kernel->group[0] ? kernel->group : NULL, 0, NULL,
					      done);
		if (!code)
			code = clFlush(context->compute);
		if (code)
			ret = weft_opencl_fail(error, code, "launching");
	}
	for (i = 0; i < set; i++)
		if (parts[i])
			clReleaseMemObject(parts[i]);
	return ret;
}
