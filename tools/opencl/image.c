// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images: OpenCL C, or a binary of the device's own, below lines for weft.
 *
 * DOC: opencl_image
 *
 * weft's programs number their kernels, OpenCL's name them. An image begins with lines that say
 * which is which, and what the compiler is to be told:
 *
 *	//weft kernels gemm_i8 argmax best
 *	//weft options -cl-std=CL1.2
 *
 * They are comments to a compiler, so that an image in OpenCL C is what a programmer has in a file,
 * and line numbers in messages are right. A binary has the same lines before its first byte.
 *
 * Rejected: the order of the kernels in the source (OpenCL does not tell it); a container with
 * offsets (nobody could write one by hand).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

#define WEFT_OPENCL_LINE	1024
#define WEFT_OPENCL_ALWAYS	"-cl-kernel-arg-info"

struct weft_opencl_header {
	char kernels[WEFT_OPENCL_LINE];
	char options[WEFT_OPENCL_LINE + sizeof(WEFT_OPENCL_ALWAYS)];
	/* bytes of all these lines */
	size_t size;
};

/* Of "//weft WORD rest": the rest, if the word is @word */
static const char *weft_opencl_line_rest(const char *line, const char *word)
{
	size_t mark = strlen(WEFT_OPENCL_MARK), length = strlen(word);

	line += mark;
	if (strncmp(line, word, length) || (line[length] && line[length] != ' '))
		return NULL;
	return line + length;
}

static int weft_opencl_header_line(struct weft_opencl_header *header, const char *line,
				   struct weft_opencl_error *error)
{
	const char *rest;

	rest = weft_opencl_line_rest(line, "kernels");
	if (rest && !header->kernels[0]) {
		snprintf(header->kernels, sizeof(header->kernels), "%s", rest);
		return 0;
	}
	rest = weft_opencl_line_rest(line, "options");
	if (rest && !header->options[0]) {
		snprintf(header->options, sizeof(header->options), "%s%s", WEFT_OPENCL_ALWAYS,
			 rest);
		return 0;
	}
	return weft_opencl_refuse(error, ENOEXEC, "\"%.80s\": after \"" WEFT_OPENCL_MARK "\" comes "
				  "\"kernels\" or \"options\", each once", line);
}

static int weft_opencl_header_parse(struct weft_opencl_header *header, const char *data,
				    size_t size, struct weft_opencl_error *error)
{
	size_t mark = strlen(WEFT_OPENCL_MARK);
	char line[WEFT_OPENCL_LINE];
	int ret;

	memset(header, 0, sizeof(*header));
	while (size - header->size > mark && !memcmp(data + header->size, WEFT_OPENCL_MARK, mark)) {
		const char *from = data + header->size;
		const char *end = memchr(from, '\n', size - header->size);
		size_t length = end ? (size_t)(end - from) : sizeof(line);

		if (length >= sizeof(line) || memchr(from, '\0', length))
			return weft_opencl_refuse(error, ENOEXEC, "a line that begins with \""
						  WEFT_OPENCL_MARK "\" has no end in %u bytes",
						  WEFT_OPENCL_LINE);
		memcpy(line, from, length);
		line[length] = '\0';
		ret = weft_opencl_header_line(header, line, error);
		if (ret)
			return ret;
		header->size += length + 1;
	}
	if (!header->kernels[0])
		return weft_opencl_refuse(error, ENOEXEC, "the image does not begin with \""
					  WEFT_OPENCL_MARK "kernels NAME...\", which names the "
					  "program's kernels in their order");
	if (!header->options[0])
		strcpy(header->options, WEFT_OPENCL_ALWAYS);
	return 0;
}

static void weft_opencl_log(struct weft_opencl_context *context, cl_program program, char *log,
			    size_t room)
{
	size_t size = 0;
	char *whole;

	log[0] = '\0';
	if (clGetProgramBuildInfo(program, context->device.id, CL_PROGRAM_BUILD_LOG, 0, NULL,
				  &size) || !size)
		return;
	whole = calloc(1, size + 1);
	if (!whole)
		return;
	if (!clGetProgramBuildInfo(program, context->device.id, CL_PROGRAM_BUILD_LOG, size, whole,
				   NULL))
		snprintf(log, room, "%s", whole);
	free(whole);
}

static int weft_opencl_program_build(struct weft_opencl_context *context,
				     const struct weft_opencl_header *header, const char *data,
				     size_t size, bool binary, cl_program *program, char *log,
				     size_t log_room, struct weft_opencl_error *error)
{
	const unsigned char *body = (const unsigned char *)data + header->size;
	size_t body_size = size - header->size;
	cl_int code;

	log[0] = '\0';
	if (binary)
		*program = clCreateProgramWithBinary(context->context, 1, &context->device.id,
						     &body_size, &body, NULL, &code);
	else
		*program = clCreateProgramWithSource(context->context, 1, &data, &size, &code);
	if (code) {
		*program = NULL;
		return weft_opencl_fail(error, code, binary ? "the binary is not this device's" :
								"taking the source");
	}
	code = clBuildProgram(*program, 1, &context->device.id, header->options, NULL, NULL);
	weft_opencl_log(context, *program, log, log_room);
	if (!code)
		return 0;
	clReleaseProgram(*program);
	*program = NULL;
	return weft_opencl_fail(error, code, "the image does not build");
}

static int weft_opencl_kernels_make(struct weft_opencl_context *context,
				    struct weft_opencl_image *image, uint32_t count, char *names,
				    struct weft_opencl_error *error)
{
	char *name, *place = NULL;
	cl_kernel handle;
	cl_int code;
	int ret;

	for (name = strtok_r(names, " ", &place); name; name = strtok_r(NULL, " ", &place)) {
		if (image->kernel_count == count)
			return weft_opencl_refuse(error, ENOEXEC, "the image names more kernels "
						  "than the program has, which is %u", count);
		handle = clCreateKernel(image->program, name, &code);
		if (code) {
			weft_opencl_fail(error, code, name);
			return weft_opencl_refuse(error, ENOEXEC, "there is no kernel \"%.64s\" in "
						  "the image", name);
		}
		ret = weft_opencl_kernel_init(&image->kernels[image->kernel_count++], handle,
					      &context->device, name, error);
		if (ret)
			return ret;
	}
	if (image->kernel_count < count)
		return weft_opencl_refuse(error, ENOEXEC, "the image names %u kernels, the program "
					  "has %u", image->kernel_count, count);
	return 0;
}

int weft_opencl_image_build(struct weft_opencl_context *context, const void *data, size_t size,
			    bool binary, uint32_t kernel_count, struct weft_opencl_image **image,
			    char *log, size_t log_room, struct weft_opencl_error *error)
{
	struct weft_opencl_header header;
	struct weft_opencl_image *made;
	int ret;

	*image = NULL;
	log[0] = '\0';
	if (kernel_count > WEFT_OPENCL_KERNELS)
		return weft_opencl_refuse(error, ENOEXEC, "the program has %u kernels, %u are the "
					  "most", kernel_count, WEFT_OPENCL_KERNELS);
	ret = weft_opencl_header_parse(&header, data, size, error);
	if (ret)
		return ret;
	made = calloc(1, sizeof(*made) + kernel_count * sizeof(made->kernels[0]));
	if (!made)
		return weft_opencl_refuse(error, ENOMEM, "no memory");
	ret = weft_opencl_program_build(context, &header, data, size, binary, &made->program, log,
					log_room, error);
	if (!ret)
		ret = weft_opencl_kernels_make(context, made, kernel_count, header.kernels, error);
	if (ret) {
		weft_opencl_image_destroy(made);
		return ret;
	}
	*image = made;
	return 0;
}

void weft_opencl_image_destroy(struct weft_opencl_image *image)
{
	uint32_t i;

	if (!image)
		return;
	for (i = 0; i < image->kernel_count; i++)
		clReleaseKernel(image->kernels[i].kernel);
	if (image->program)
		clReleaseProgram(image->program);
	free(image);
}

int weft_opencl_image_translate(struct weft_opencl_context *context, const void *data, size_t size,
				void **binary, size_t *binary_size, char *log, size_t log_room,
				struct weft_opencl_error *error)
{
	struct weft_opencl_header header;
	size_t body_size = 0;
	unsigned char *body;
	cl_program program;
	cl_int code;
	int ret;

	*binary = NULL;
	log[0] = '\0';
	ret = weft_opencl_header_parse(&header, data, size, error);
	if (ret)
		return ret;
	ret = weft_opencl_program_build(context, &header, data, size, false, &program, log,
					log_room, error);
	if (ret)
		return ret;
	code = clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(body_size), &body_size,
				NULL);
	if (!code && !body_size)
		code = CL_INVALID_BINARY;
	*binary = code ? NULL : malloc(header.size + body_size);
	if (*binary) {
		memcpy(*binary, data, header.size);
		body = (unsigned char *)*binary + header.size;
		code = clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(body), &body, NULL);
		*binary_size = header.size + body_size;
	}
	clReleaseProgram(program);
	if (!code)
		return *binary ? 0 : weft_opencl_refuse(error, ENOMEM, "no memory");
	free(*binary);
	*binary = NULL;
	return weft_opencl_fail(error, code, "asking for the binary");
}
