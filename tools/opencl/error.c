// SPDX-License-Identifier: GPL-2.0-only
/*
 * OpenCL's errors as errnos and in words.
 *
 * DOC: opencl_error
 *
 * Rejected: names for all of OpenCL's numbers (the number is in the job's record, and CL/cl.h has
 * the names).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "opencl.h"

static int weft_opencl_errno(cl_int code)
{
	switch (code) {
	case CL_OUT_OF_HOST_MEMORY:
	case CL_MEM_OBJECT_ALLOCATION_FAILURE:
	case CL_INVALID_BUFFER_SIZE:
		return -ENOMEM;
	case CL_DEVICE_NOT_AVAILABLE:
	case CL_DEVICE_NOT_FOUND:
		return -ENODEV;
	case CL_BUILD_PROGRAM_FAILURE:
	case CL_COMPILER_NOT_AVAILABLE:
	case CL_INVALID_BINARY:
	case CL_INVALID_BUILD_OPTIONS:
	case CL_INVALID_KERNEL_NAME:
		return -ENOEXEC;
	default:
		/* from -30 on the caller was wrong; before, and in extensions, it was OpenCL */
		return code <= CL_INVALID_VALUE && code > -1000 ? -EINVAL : -EIO;
	}
}

int weft_opencl_fail(struct weft_opencl_error *error, cl_int code, const char *what)
{
	error->code = code;
	snprintf(error->text, sizeof(error->text), "%s: OpenCL error %d", what, code);
	return weft_opencl_errno(code);
}

int weft_opencl_refuse(struct weft_opencl_error *error, int number, const char *format, ...)
{
	va_list list;

	error->code = 0;
	va_start(list, format);
	vsnprintf(error->text, sizeof(error->text), format, list);
	va_end(list);
	return -number;
}
