// SPDX-License-Identifier: GPL-2.0-only
/*
 * An OpenCL program like others: it knows nothing of weft.
 *
 * DOC: gate spin
 *
 * Launches one kernel over and over and checks its result each time, until it is killed or has done
 * so as often as it was told; says that it is ready after the first one. With "endless" the kernel
 * of the second launch never ends.
 */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS	64

static const char source[] =
"__kernel void spin(__global uint *out, uint rounds, uint endless)\n"
"{\n"
"	uint i, x = get_global_id(0);\n"
"	volatile uint go = endless;\n"
"	for (i = 0; i < rounds || go; i++)\n"
"		x = x * 1664525u + 1013904223u;\n"
"	out[get_global_id(0)] = x;\n"
"}\n";

static void must(cl_int error, const char *what)
{
	if (error == CL_SUCCESS)
		return;
	fprintf(stderr, "spin: %s: %d\n", what, error);
	exit(9);
}

int main(int argc, char **argv)
{
	cl_uint rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000;
	cl_uint out[ITEMS], want, i, zero = 0;
	unsigned long times = argc > 2 ? strtoul(argv[2], NULL, 0) : 0, n;
	cl_uint endless = argc > 3 && !strcmp(argv[3], "endless");
	const char *text = source;
	cl_command_queue queue;
	cl_platform_id platform;
	cl_device_id device;
	cl_context context;
	cl_program program;
	cl_kernel kernel;
	cl_mem buffer;
	size_t items = ITEMS;
	cl_int error;

	must(clGetPlatformIDs(1, &platform, NULL), "no platform");
	must(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL), "no device");
	context = clCreateContext(NULL, 1, &device, NULL, NULL, &error);
	must(error, "context");
	queue = clCreateCommandQueue(context, device, 0, &error);
	must(error, "queue");
	program = clCreateProgramWithSource(context, 1, &text, NULL, &error);
	must(error, "program");
	must(clBuildProgram(program, 1, &device, "", NULL, NULL), "build");
	kernel = clCreateKernel(program, "spin", &error);
	must(error, "kernel");
	buffer = clCreateBuffer(context, CL_MEM_WRITE_ONLY, sizeof(out), NULL, &error);
	must(error, "buffer");
	for (n = 0; !times || n < times; n++) {
		must(clSetKernelArg(kernel, 0, sizeof(buffer), &buffer), "argument 0");
		must(clSetKernelArg(kernel, 1, sizeof(rounds), &rounds), "argument 1");
		must(clSetKernelArg(kernel, 2, sizeof(endless), n ? &endless : &zero),
		     "argument 2");
		must(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL),
		     "launch");
		must(clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, sizeof(out), out, 0, NULL,
					 NULL), "read");
		for (i = 0, want = ITEMS - 1; i < rounds; i++)
			want = want * 1664525u + 1013904223u;
		if (out[ITEMS - 1] != want) {
			fprintf(stderr, "spin: %u is not %u\n", out[ITEMS - 1], want);
			return 8;
		}
		if (!n) {
			puts("ready");
			fflush(stdout);
		}
	}
	must(clReleaseCommandQueue(queue), "release");
	printf("%lu launches\n", n);
	return 7;
}
