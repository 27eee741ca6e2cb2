// SPDX-License-Identifier: GPL-2.0-only
/*
 * The executor of weft-serve-opencl on a real device, without weft's kernel part.
 *
 * DOC: tests/opencl check
 *
 * Runs everything on the first device that OpenCL has: once with its memory as an arena, if it has
 * shared virtual memory, and once with a buffer for each allocation. Prints TAP.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <drm/weft_sim.h>

#include "../../tools/opencl/opencl.h"

/* digits.cl, as the sample has it */
__asm__(".section .rodata\n"
	"check_digits: .incbin \"" DIGITS_OPENCL "\"\n"
	"check_digits_end:\n"
	".previous\n");
extern const char check_digits[], check_digits_end[];

#define ARENA	(8u << 20)
#define RELOC(at, bytes) ((struct weft_serve_reloc){ .offset = (at), .length = (bytes) })

static struct weft_opencl_context *context;
static struct weft_opencl_error error;
static char said[8192];
static const char *mode;
static unsigned int points, failures;
/* the next free byte of the arena */
static uint64_t used;

static void __attribute__((format(printf, 2, 3))) point(bool good, const char *format, ...)
{
	va_list list;

	printf("%sok %u - %s: ", good ? "" : "not ", ++points, mode);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf("\n");
	if (!good)
		printf("# %s\n", error.text);
	failures += !good;
}

static void must(int ret, const char *what)
{
	if (!ret)
		return;
	printf("Bail out! %s: %s (%s)\n", what, error.text, strerror(-ret));
	exit(1);
}

static void finish(cl_event event)
{
	clWaitForEvents(1, &event);
	clReleaseEvent(event);
}

static uint64_t memory(uint64_t size)
{
	uint64_t address;

	if (context->arena) {
		address = (uintptr_t)context->arena + used;
		used += (size + 4095) / 4096 * 4096;
		return address;
	}
	must(weft_opencl_memory_alloc(context, size, &address, &error), "alloc");
	return address;
}

static void put(uint64_t address, const void *bytes, uint64_t size)
{
	cl_event event;

	must(weft_opencl_memory_write(context, address, bytes, size, &event, &error), "write");
	finish(event);
}

static void get(uint64_t address, void *bytes, uint64_t size)
{
	cl_event event;

	must(weft_opencl_memory_read(context, address, bytes, size, &event, &error), "read");
	finish(event);
}

static struct weft_opencl_image *build(const char *source, uint32_t kernels)
{
	struct weft_opencl_image *image;

	must(weft_opencl_image_build(context, source, strlen(source), false, kernels, &image, said,
				     sizeof(said), &error), "build");
	return image;
}

static int launch(const struct weft_opencl_image *image, uint32_t kernel, const void *args,
		  uint32_t args_size, const struct weft_serve_reloc *relocs, uint32_t reloc_count,
		  uint32_t x, uint32_t y)
{
	const uint32_t grid[3] = { x, y, 1 };
	cl_event event;
	int ret;

	ret = weft_opencl_kernel_launch(context, &image->kernels[kernel], args, args_size, relocs,
					reloc_count, grid, &event, &error);
	if (!ret)
		finish(event);
	return ret;
}

/* ---------------------------------------------------------- the digits' kernels */

#define M 7
#define N 33
#define K 50
#define SOURCES 3

static int8_t a[M * K], b[N * K];
static int32_t bias[N], scores[M * N];
static struct weft_sim_best partial[SOURCES * M];

static void digits_expect(int32_t *c, struct weft_sim_best *best)
{
	for (int i = 0; i < M; i++) {
		for (int j = 0; j < N; j++) {
			c[i * N + j] = 0;
			for (int k = 0; k < K; k++)
				c[i * N + j] += a[i * K + k] * b[j * K + k];
		}
		best[i].value = INT32_MIN;
		for (int j = 0; j < N; j++) {
			int32_t value = 2 * c[i * N + j] + bias[j];

			if (j && value <= best[i].value)
				continue;
			best[i].value = value;
			best[i].index = (uint32_t)(100 + j);
		}
	}
}

static void digits_run(const struct weft_opencl_image *image, const char *what)
{
	const struct weft_serve_reloc of_gemm[] = {
		RELOC(0, sizeof(scores)), RELOC(8, sizeof(a)), RELOC(16, sizeof(b)),
	};
	const struct weft_serve_reloc of_argmax[] = {
		RELOC(0, M * sizeof(*partial)), RELOC(8, sizeof(scores)), RELOC(16, sizeof(bias)),
	};
	const struct weft_serve_reloc of_best[] = {
		RELOC(0, M * sizeof(*partial)), RELOC(8, sizeof(partial)),
	};
	struct weft_sim_best best[M], merged[M], expected[M];
	int32_t c[M * N], expected_c[M * N];
	struct weft_sim_gemm gemm = { .m = M, .n = N, .k = K };
	struct weft_sim_argmax argmax = { .m = M, .n = N, .scale = 2, .base = 100 };
	struct weft_sim_merge merge = { .count = M, .sources = SOURCES };
	/* a place in the middle of a buffer, at a multiple that every device can do */
	uint64_t offset = context->device.sub_align;

	srandom(1);
	for (int i = 0; i < M * K; i++)
		a[i] = (int8_t)random();
	for (int i = 0; i < N * K; i++)
		b[i] = (int8_t)random();
	for (int i = 0; i < N; i++)
		bias[i] = (int32_t)(random() % 1000);
	gemm.a = memory(sizeof(a));
	gemm.b = memory(sizeof(b));
	gemm.c = memory(sizeof(scores));
	argmax.src = gemm.c;
	argmax.bias = memory(sizeof(bias));
	argmax.dst = memory(offset + sizeof(best)) + offset;
	merge.src = memory(sizeof(partial));
	merge.dst = memory(sizeof(merged));
	put(gemm.a, a, sizeof(a));
	put(gemm.b, b, sizeof(b));
	put(argmax.bias, bias, sizeof(bias));
	must(launch(image, 0, &gemm, sizeof(gemm), of_gemm, 3, N, M), "gemm");
	must(launch(image, 1, &argmax, sizeof(argmax), of_argmax, 3, M, 1), "argmax");
	get(gemm.c, c, sizeof(c));
	get(argmax.dst, best, sizeof(best));
	digits_expect(expected_c, expected);
	point(!memcmp(c, expected_c, sizeof(c)), "%s: gemm_i8 is as a plain loop has it", what);
	point(!memcmp(best, expected, sizeof(best)), "%s: argmax, to the middle of a buffer", what);
	/* the same value three times: the smallest index wins, wherever it is */
	for (int i = 0; i < M; i++)
		for (int s = 0; s < SOURCES; s++)
			partial[s * M + i] = (struct weft_sim_best){
				.value = s == i % SOURCES ? 5 : i,
				.index = (uint32_t)((s + i) % SOURCES),
			};
	put(merge.src, partial, sizeof(partial));
	must(launch(image, 2, &merge, sizeof(merge), of_best, 2, M, 1), "best");
	get(merge.dst, merged, sizeof(merged));
	for (int i = 0; i < M; i++) {
		expected[i] = partial[i];
		for (int s = 1; s < SOURCES; s++) {
			const struct weft_sim_best *p = &partial[s * M + i];

			if (p->value > expected[i].value ||
			    (p->value == expected[i].value && p->index < expected[i].index))
				expected[i] = *p;
		}
	}
	point(!memcmp(merged, expected, sizeof(merged)), "%s: best", what);
	/* nothing but the bias is optional */
	argmax.bias = 0;
	argmax.scale = 1;
	must(launch(image, 1, &argmax, sizeof(argmax), of_argmax, 2, M, 1), "no bias");
	get(argmax.dst, best, sizeof(best));
	point(best[0].value == c[best[0].index - 100], "%s: a pointer may be 0", what);
}

static void check_digits_kernels(void)
{
	size_t size = (size_t)(check_digits_end - check_digits), binary_size;
	struct weft_opencl_image *image;
	void *binary;
	int ret;

	must(weft_opencl_image_build(context, check_digits, size, false, 3, &image, said,
				     sizeof(said), &error), "digits.cl");
	digits_run(image, "source");
	weft_opencl_image_destroy(image);
	must(weft_opencl_image_translate(context, check_digits, size, &binary, &binary_size, said,
					 sizeof(said), &error), "translate");
	must(weft_opencl_image_build(context, binary, binary_size, true, 3, &image, said,
				     sizeof(said), &error), "binary");
	digits_run(image, "binary");
	weft_opencl_image_destroy(image);
	free(binary);
	ret = weft_opencl_image_build(context, check_digits, size, true, 3, &image, said,
				      sizeof(said), &error);
	point(ret < 0, "what is no binary is refused: %s", error.text);
}

/* ------------------------------------------------------------------- arguments */

static const char source_types[] =
	"//weft kernels types\n"
	"__kernel void types(char a, __global uchar *out, short b, ulong c, float3 d, uchar e,\n"
	"		    __local int *scratch, __constant int *table, uint2 f)\n"
	"{\n"
	"	scratch[3] = table[1];\n"
	"	out[0] = a; out[1] = b; out[2] = c >> 56; out[3] = d.z; out[4] = e;\n"
	"	out[5] = scratch[3]; out[6] = f.y;\n"
	"}\n";

/* What a C compiler makes of those parameters */
struct types {
	int8_t a;
	uint64_t out;
	int16_t b;
	uint64_t c;
	float d[4] __attribute__((aligned(16)));
	uint8_t e;
	uint64_t scratch;
	uint64_t table;
	uint32_t f[2] __attribute__((aligned(8)));
};

static void check_arguments(void)
{
	static const uint8_t expected[] = { 1, 2, 3, 4, 5, 6, 7 };
	static const int32_t table[] = { 9, 6 };
	struct types args = {
		.a = 1, .b = 2, .c = 3ull << 56, .d = { 9, 9, 4, 9 }, .e = 5, .scratch = 64,
		.f = { 9, 7 },
	};
	const struct weft_serve_reloc both[] = {
		RELOC(offsetof(struct types, out), sizeof(expected)),
		RELOC(offsetof(struct types, table), sizeof(table)),
	};
	const struct weft_serve_reloc wrong[] = {
		both[0], both[1], RELOC(offsetof(struct types, c), 1),
	};
	struct weft_opencl_image *image = build(source_types, 1);
	uint8_t got[sizeof(expected)];
	struct types bad;

	args.out = memory(4096);
	args.table = memory(sizeof(table));
	put(args.table, table, sizeof(table));
	must(launch(image, 0, &args, sizeof(args), both, 2, 1, 1), "types");
	get(args.out, got, sizeof(got));
	point(!memcmp(got, expected, sizeof(got)), "parameters are where C puts them");
	point(launch(image, 0, &args, offsetof(struct types, f), both, 2, 1, 1) == -EINVAL,
	      "too few arguments: %s", error.text);
	point(launch(image, 0, &args, sizeof(args), wrong, 3, 1, 1) == -EINVAL,
	      "an address that is no pointer: %s", error.text);
	point(launch(image, 0, &args, sizeof(args), both, 1, 1, 1) == -EINVAL,
	      "a pointer that is no address: %s", error.text);
	bad = args;
	bad.out = context->arena ? args.out - ARENA : 77ull << 40;
	point(launch(image, 0, &bad, sizeof(bad), both, 2, 1, 1) == -EFAULT,
	      "an address elsewhere: %s", error.text);
	/* the last of its bytes */
	bad.out = (context->arena ? (uintptr_t)context->arena + ARENA : args.out + 4096) -
		  sizeof(expected) + 1;
	point(launch(image, 0, &bad, sizeof(bad), both, 2, 1, 1) == -EFAULT,
	      "an address behind the end: %s", error.text);
	weft_opencl_image_destroy(image);
}

static void check_odd_place(void)
{
	static const char source[] =
		"//weft kernels put\n"
		"__kernel void put(__global uchar *out) { out[0] = 42; }\n";
	struct weft_opencl_image *image = build(source, 1);
	const struct weft_serve_reloc relocs[] = { RELOC(0, 1) };
	uint8_t got[2] = {};
	uint64_t out = memory(4096) + 3, args = out;
	int ret;

	ret = launch(image, 0, &args, sizeof(args), relocs, 1, 1, 1);
	if (!context->arena) {
		point(context->device.sub_align > 1 ? ret == -EINVAL : !ret,
		      "three bytes into a buffer: %s", error.text);
	} else {
		get(out, got, 1);
		point(!ret && got[0] == 42, "three bytes into a buffer");
	}
	weft_opencl_image_destroy(image);
}

static void check_groups(void)
{
	static const char source[] =
		"//weft kernels four\n"
		"__kernel __attribute__((reqd_work_group_size(4, 1, 1)))\n"
		"void four(__global uint *out)\n"
		"{ out[get_global_id(0)] = get_local_size(0) * get_global_size(0); }\n";
	struct weft_opencl_image *image = build(source, 1);
	const struct weft_serve_reloc relocs[] = { RELOC(0, 8 * sizeof(uint32_t)) };
	uint64_t args = memory(4096);
	uint32_t got[8];

	must(launch(image, 0, &args, sizeof(args), relocs, 1, 8, 1), "groups");
	get(args, got, sizeof(got));
	point(got[7] == 32, "the grid is work-items, and groups are what the kernel says");
	point(launch(image, 0, &args, sizeof(args), relocs, 1, 6, 1) == -EINVAL,
	      "a grid that is no multiple of them: %s", error.text);
	weft_opencl_image_destroy(image);
}

/* --------------------------------------------------------------------- images */

static const struct {
	const char *what, *source, *text, *log;
	uint32_t kernels;
} bad_images[] = {
	{ "no header", "__kernel void f(int a) {}\n", "does not begin with", NULL, 1 },
	{ "an unknown word", "//weft kernel f\n__kernel void f(int a) {}\n", "each once", NULL, 1 },
	{ "kernels twice", "//weft kernels f\n//weft kernels f\n__kernel void f(int a) {}\n",
	  "each once", NULL, 1 },
	{ "a line without end", "//weft kernels f", "has no end", NULL, 1 },
	{ "too few kernels", "//weft kernels f\n__kernel void f(int a) {}\n", "names 1 kernels",
	  NULL, 2 },
	{ "too many kernels", "//weft kernels f g\n__kernel void f(int a) {}\n"
	  "__kernel void g(int a) {}\n", "more kernels", NULL, 1 },
	{ "a kernel that is not there", "//weft kernels g\n__kernel void f(int a) {}\n",
	  "no kernel \"g\"", NULL, 1 },
	{ "an error of the compiler", "//weft kernels f\n\n__kernel void f(int a) { fetch(); }\n",
	  "does not build", ":3:", 1 },
	{ "a structure as parameter", "//weft kernels f\nstruct s { int x; };\n"
	  "__kernel void f(struct s a) {}\n", "not a number", NULL, 1 },
	{ "a sampler as parameter", "//weft kernels f\n__kernel void f(sampler_t a) {}\n",
	  "parameter 0", NULL, 1 },
	{ "an unknown option", "//weft kernels f\n//weft options -cl-nonsense\n"
	  "__kernel void f(int a) {}\n", "does not build", NULL, 1 },
};

static void check_bad_images(void)
{
	static const char warns[] = "//weft kernels f\n"
				    "#warning mind the gap\n"
				    "__kernel void f(int a) {}\n";
	struct weft_opencl_image *image;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(bad_images) / sizeof(bad_images[0]); i++) {
		const char *source = bad_images[i].source;

		ret = weft_opencl_image_build(context, source, strlen(source), false,
					      bad_images[i].kernels, &image, said, sizeof(said),
					      &error);
		point(ret == -ENOEXEC && strstr(error.text, bad_images[i].text) &&
		      (!bad_images[i].log || strstr(said, bad_images[i].log)),
		      "%s: %s", bad_images[i].what, error.text);
	}
	image = build(warns, 1);
	point(strstr(said, "mind the gap"), "what the compiler says is kept, also if all is well");
	weft_opencl_image_destroy(image);
}

/* --------------------------------------------------------------------- memory */

static void check_memory(void)
{
	uint64_t size = 8192 + 3, address = memory(size), other, again;
	uint8_t *bytes = malloc(size), *got = malloc(size);
	cl_event event;

	memset(bytes, 0xa5, size);
	put(address, bytes, size);
	must(weft_opencl_memory_clear(context, address + 8, 4096, &event, &error), "clear");
	finish(event);
	must(weft_opencl_memory_clear(context, address + 5001, 3, &event, &error), "clear");
	finish(event);
	memset(bytes + 8, 0, 4096);
	memset(bytes + 5001, 0, 3);
	get(address, got, size);
	point(!memcmp(bytes, got, size), "what is copied and cleared, and nothing else");
	if (!context->arena) {
		must(weft_opencl_memory_alloc(context, 4096, &other, &error), "alloc");
		point(weft_opencl_memory_free(context, other + 1, &error) == -EINVAL &&
		      !weft_opencl_memory_free(context, other, &error) &&
		      weft_opencl_memory_free(context, other, &error) == -EINVAL,
		      "a buffer is freed by its handle, once");
		point(weft_opencl_memory_write(context, other, bytes, 1, &event, &error) == -EFAULT,
		      "what was freed is not written: %s", error.text);
		must(weft_opencl_memory_alloc(context, 4096, &again, &error), "alloc");
		point(again == other, "its handle is used again");
		point(weft_opencl_memory_alloc(context, 1ull << 39, &other, &error) == -ENOMEM,
		      "more than there is: %s", error.text);
		other = address + size;
	} else {
		other = (uintptr_t)context->arena + ARENA;
	}
	point(weft_opencl_memory_read(context, other - 4, got, 8, &event, &error) == -EFAULT &&
	      weft_opencl_memory_clear(context, other - 4, 8, &event, &error) == -EFAULT &&
	      weft_opencl_memory_write(context, other - 4, got, 8, &event, &error) == -EFAULT,
	      "copies end where the memory ends: %s", error.text);
	free(bytes);
	free(got);
}

static void check_all(const struct weft_opencl_device *device, uint64_t arena)
{
	mode = arena ? "arena" : "handles";
	used = 0;
	must(weft_opencl_context_create(&context, device, arena, &error), "context");
	check_digits_kernels();
	check_arguments();
	check_odd_place();
	check_groups();
	check_bad_images();
	check_memory();
	weft_opencl_context_destroy(context);
}

int main(void)
{
	struct weft_opencl_device *devices, one;
	uint32_t count;

	/* compilers write to the other stream: whole lines, or they end in the middle of ours */
	setvbuf(stdout, NULL, _IOLBF, 0);
	mode = "devices";
	must(weft_opencl_device_list(&devices, &count, &error), "devices");
	printf("# %s (%s, %s)\n", devices[0].model, devices[0].runtime, devices[0].driver);
	point(!weft_opencl_device_find("0", &one, &error) && one.id == devices[0].id,
	      "found by number");
	point(!weft_opencl_device_find(devices[count - 1].model, &one, &error) || count > 1,
	      "found by model");
	point(weft_opencl_device_find("4711", &one, &error) == -ENODEV, "not there: %s",
	      error.text);
	point(weft_opencl_device_find("no such model", &one, &error) == -ENODEV, "not there: %s",
	      error.text);
	if (devices[0].svm)
		check_all(&devices[0], ARENA);
	check_all(&devices[0], 0);
	free(devices);
	printf("1..%u\n", points);
	return failures != 0;
}
