// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernels of simulated devices against the shortest code that says the same.
 *
 * DOC: sim kernels test
 *
 * Random shapes and bytes from a fixed seed; every result is compared with a naive loop over the
 * same memory, and everything outside the result must be untouched. Then the checks: each range
 * of each operation is moved across each end of the memory, and each blob is bent.
 */
/* sources: drivers/sim/kernels.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../drivers/sim/kernels.h"

#define SIZE	1048576u
#define BASE	(5ull << 40)

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

struct fixture {
	struct weft_sim_memory memory;
	__u8 *expected;		/* what memory must look like afterwards */
	__u64 seed;
};

struct counted_pace {
	struct weft_sim_pace pace;
	unsigned int polls;
	unsigned int stop_at;	/* poll that says stop; 0 never */
};

static __u32 draw(struct fixture *f)
{
	f->seed = f->seed * 6364136223846793005ull + 1442695040888963407ull;
	return f->seed >> 33;
}

static int poll_counted(struct weft_sim_pace *pace)
{
	struct counted_pace *counted = (struct counted_pace *)pace;

	counted->polls++;
	return counted->polls == counted->stop_at;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	__u32 i;

	f->memory.bytes = malloc(SIZE);
	f->memory.size = SIZE;
	f->memory.base = BASE;
	f->expected = malloc(SIZE);
	f->seed = 42;
	for (i = 0; i < SIZE; i++)
		f->memory.bytes[i] = draw(f);
	memcpy(f->expected, f->memory.bytes, SIZE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->memory.bytes);
	free(f->expected);
	free(f);
	return 0;
}

static int prepare(struct fixture *f, struct weft_sim_launch *launch, __u32 op, const void *args,
		   __u32 args_size)
{
	return weft_sim_launch_prepare(launch, &f->memory, op, args, args_size);
}

/* Runs a launch that must be accepted, and compares all of memory with what is expected. */
static void run(struct fixture *f, __u32 op, const void *args, __u32 args_size, __u64 work,
		__u64 out_offset, __u64 out_length)
{
	struct counted_pace counted = { .pace = { .poll = poll_counted } };
	struct weft_sim_launch launch;

	assert_int_equal(prepare(f, &launch, op, args, args_size), 0);
	assert_int_equal(launch.work, work);
	assert_int_equal(launch.out_offset, out_offset);
	assert_int_equal(launch.out_length, out_length);
	assert_int_equal(weft_sim_launch_compute(&launch, &f->memory, &counted.pace), 0);
	assert_memory_equal(f->memory.bytes, f->expected, SIZE);
	/* the longest silence is one step of a loop, itself less than four paces */
	assert_true(counted.polls >= work / (4 * WEFT_SIM_PACE));
}

#define RUN(f, op, args, work, out, length) \
	run(f, op, &(args), sizeof(args), work, out, length)

static void test_nop(void **state)
{
	struct weft_sim_nop args = { .work = UINT64_MAX };
	struct weft_sim_launch launch;
	struct counted_pace counted = { .pace = { .poll = poll_counted } };
	struct fixture *f = *state;

	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_NOP, &args, sizeof(args)), 0);
	assert_true(launch.work == UINT64_MAX);
	assert_int_equal(launch.out_length, 0);
	assert_int_equal(weft_sim_launch_compute(&launch, &f->memory, &counted.pace), 0);
	assert_memory_equal(f->memory.bytes, f->expected, SIZE);
}

static void test_copy(void **state)
{
	static const __u32 lengths[] = { 0, 1, 7, 4096, 8191, 8192, 8193, 200001 };
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		__u32 src = draw(f) % 1000, dst = 300000 + draw(f) % 1000;
		struct weft_sim_copy args = {
			.dst = BASE + dst, .src = BASE + src, .bytes = lengths[i],
		};

		memcpy(f->expected + dst, f->expected + src, lengths[i]);
		RUN(f, WEFT_SIM_OP_COPY, args, lengths[i], dst, lengths[i]);
	}
}

static void test_copy_overlap(void **state)
{
	struct weft_sim_copy args = { .dst = BASE + 1000, .src = BASE + 901, .bytes = 100 };
	struct weft_sim_launch launch;
	struct fixture *f = *state;

	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_COPY, &args, sizeof(args)),
			 WEFT_SIM_ERR_ARGS);
	args.src = BASE + 1099;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_COPY, &args, sizeof(args)),
			 WEFT_SIM_ERR_ARGS);
	args.src = BASE + 900;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_COPY, &args, sizeof(args)), 0);
	args.src = BASE + 1100;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_COPY, &args, sizeof(args)), 0);
}

static void test_fill_add(void **state)
{
	static const __u32 counts[] = { 0, 1, 3, 8192, 8193, 50000 };
	struct fixture *f = *state;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		__u32 n = counts[i];
		__u32 *x = (__u32 *)f->expected, *y = x + 60000, *sum = x + 120000;
		struct weft_sim_fill fill = {
			.dst = BASE, .count = n / 2, .value = 0xdeadbeef + i,
		};
		struct weft_sim_add add = {
			.dst = BASE + 480000, .a = BASE, .b = BASE + 240000, .count = n,
		};

		for (j = 0; j < n / 2; j++)
			x[j] = fill.value;
		RUN(f, WEFT_SIM_OP_FILL, fill, n / 2, 0, 4ull * (n / 2));
		for (j = 0; j < n; j++)
			sum[j] = x[j] + y[j];
		RUN(f, WEFT_SIM_OP_ADD, add, n, 480000, 4ull * n);
	}
}

static void test_reduce_histogram(void **state)
{
	static const __u32 counts[] = { 0, 1, 2, 8191, 8193, 100000 };
	struct fixture *f = *state;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		__u32 n = counts[i], bins[256] = { 0 };
		__u32 from = 4 * (draw(f) % 100);
		struct weft_sim_reduce reduce = {
			.dst = BASE + 600008, .src = BASE + from, .count = n,
		};
		struct weft_sim_histogram histogram = {
			.dst = BASE + 700004, .src = BASE + from + 1, .count = n,
		};
		__s64 sum = 0;

		for (j = 0; j < n; j++) {
			__s32 value;

			memcpy(&value, f->expected + from + 4 * j, sizeof(value));
			sum += value;
			bins[f->expected[from + 1 + j]]++;
		}
		memcpy(f->expected + 600008, &sum, sizeof(sum));
		RUN(f, WEFT_SIM_OP_REDUCE, reduce, n, 600008, 8);
		memcpy(f->expected + 700004, bins, sizeof(bins));
		RUN(f, WEFT_SIM_OP_HISTOGRAM, histogram, n, 700004, sizeof(bins));
	}
}

/* The worst case for packed sums is a long row of the most negative value. */
static void gemm_case(struct fixture *f, __u32 m, __u32 n, __u32 k, int extreme)
{
	const __u32 a = 3, b = 300001, c = 700000;
	struct weft_sim_gemm args = {
		.c = BASE + c, .a = BASE + a, .b = BASE + b, .m = m, .n = n, .k = k,
	};
	__u32 i, j, l;

	for (i = 0; i < m * k; i++)
		f->memory.bytes[a + i] = extreme ? 0x80 : draw(f);
	for (i = 0; i < n * k; i++)
		f->memory.bytes[b + i] = extreme == 2 ? 0x7f : extreme ? 0x80 : draw(f);
	memcpy(f->expected, f->memory.bytes, SIZE);
	for (i = 0; i < m; i++) {
		for (j = 0; j < n; j++) {
			__u32 sum = 0;

			for (l = 0; l < k; l++)
				sum += (__s8)f->expected[a + i * k + l] *
				       (__s8)f->expected[b + j * k + l];
			memcpy(f->expected + c + 4 * (i * n + j), &sum, sizeof(sum));
		}
	}
	RUN(f, WEFT_SIM_OP_GEMM_I8, args, (__u64)m * n * k, c, 4ull * m * n);
}

static void test_gemm(void **state)
{
	struct fixture *f = *state;
	__u32 m, n, i;

	for (m = 0; m <= 7; m++)
		for (n = 0; n <= 9; n++)
			gemm_case(f, m, n, draw(f) % 200, 0);
	for (i = 62; i <= 64; i++)
		gemm_case(f, 4, 5, i, 0);
	for (i = 125; i <= 127; i++)
		gemm_case(f, 3, 4, i, 1);
	gemm_case(f, 5, 6, 0, 0);
	gemm_case(f, 7, 9, 1000, 1);
	gemm_case(f, 7, 9, 1000, 2);
	gemm_case(f, 100, 130, 784, 0);
	gemm_case(f, 1, 1, 250000, 1);
	gemm_case(f, 2, 1, 140000, 1);	/* 140000 * 2^14 does not fit into s32: wraps */
}

static void argmax_case(struct fixture *f, __u32 m, __u32 n, __s32 scale, int with_bias, int coarse)
{
	const __u32 src = 8, bias = 600000, dst = 900004, base = 0xfffffff0;
	struct weft_sim_argmax args = {
		.dst = BASE + dst, .src = BASE + src, .bias = with_bias ? BASE + bias : 0,
		.m = m, .n = n, .scale = scale, .base = base,
	};
	__u32 *s = (__u32 *)(f->memory.bytes + src), *add = (__u32 *)(f->memory.bytes + bias);
	__u32 i, j;

	for (i = 0; i < m * n; i++)
		s[i] = coarse ? draw(f) % 3 - 1 : draw(f) * 2 + draw(f) % 2;
	for (i = 0; i < n; i++)
		add[i] = coarse ? 0 : draw(f) * 2;
	memcpy(f->expected, f->memory.bytes, SIZE);
	for (i = 0; i < m; i++) {
		struct weft_sim_best best = { 0, 0 };

		for (j = 0; j < n; j++) {
			__s32 value = (__s32)((__u32)scale * s[i * n + j] +
					      (with_bias ? add[j] : 0));

			if (!j || value > best.value) {
				best.value = value;
				best.index = base + j;
			}
		}
		memcpy(f->expected + dst + i * sizeof(best), &best, sizeof(best));
	}
	RUN(f, WEFT_SIM_OP_ARGMAX, args, (__u64)m * n, dst, m * sizeof(struct weft_sim_best));
}

static void test_argmax(void **state)
{
	struct fixture *f = *state;
	int coarse, bias;

	for (coarse = 0; coarse <= 1; coarse++) {
		for (bias = 0; bias <= 1; bias++) {
			argmax_case(f, 1, 1, 1, bias, coarse);
			argmax_case(f, 17, 33, -2, bias, coarse);
			argmax_case(f, 5, 20000, 2, bias, coarse);
			argmax_case(f, 0, 10, 1, bias, coarse);
			argmax_case(f, 1000, 1, 0, bias, coarse);
		}
	}
}

static void best_case(struct fixture *f, __u32 count, __u32 sources, __u32 values)
{
	const __u32 src = 4, dst = 900000;
	struct weft_sim_merge args = {
		.dst = BASE + dst, .src = BASE + src, .count = count, .sources = sources,
	};
	struct weft_sim_best *from = (struct weft_sim_best *)(f->memory.bytes + src);
	__u32 i, s;

	for (i = 0; i < count * sources; i++) {
		from[i].value = (__s32)(draw(f) % values) - 1;
		from[i].index = draw(f) % 4 ? draw(f) % 5 : UINT32_MAX - draw(f) % 5;
	}
	memcpy(f->expected, f->memory.bytes, SIZE);
	for (i = 0; i < count; i++) {
		struct weft_sim_best best = from[i];

		for (s = 1; s < sources; s++) {
			struct weft_sim_best other = from[s * count + i];

			if (other.value > best.value)
				best = other;
			else if (other.value == best.value && other.index < best.index)
				best = other;
		}
		memcpy(f->expected + dst + i * sizeof(best), &best, sizeof(best));
	}
	RUN(f, WEFT_SIM_OP_BEST, args, (__u64)count * sources, dst,
	    count * sizeof(struct weft_sim_best));
}

static void test_best(void **state)
{
	struct fixture *f = *state;

	best_case(f, 0, 0, 1);
	best_case(f, 0, 5, 1);
	best_case(f, 1, 1, 2);
	best_case(f, 1000, 1, 2);
	best_case(f, 1000, 7, 3);
	best_case(f, 1, 10000, 1);
}

/*
 * One address of one operation: an operand that is @length bytes long and aligned to @align may
 * touch both ends of the memory but not cross them.
 */
static void check_address(struct fixture *f, __u32 op, void *args, __u32 args_size,
			  __u64 *address, __u64 length, __u64 align)
{
	struct weft_sim_launch launch;
	const __u64 good = *address;
	const struct {
		__u64 value;
		int code;
	} cases[] = {
		{ BASE, 0 },
		{ BASE + SIZE - length, 0 },
		{ BASE - align, WEFT_SIM_ERR_ADDRESS },
		{ BASE + SIZE - length + align, WEFT_SIM_ERR_ADDRESS },
		{ BASE + SIZE, WEFT_SIM_ERR_ADDRESS },
		{ 0, WEFT_SIM_ERR_ADDRESS },
		{ UINT64_MAX - align + 1, WEFT_SIM_ERR_ADDRESS },
		{ good + align / 2, align > 1 ? WEFT_SIM_ERR_ARGS : 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		*address = cases[i].value;
		assert_int_equal(prepare(f, &launch, op, args, args_size), cases[i].code);
	}
	*address = good;
	assert_int_equal(prepare(f, &launch, op, args, args_size), 0);
}

#define CHECK(f, op, args, field, length, align) \
	check_address(f, op, &(args), sizeof(args), &(args).field, length, align)

static void test_ranges(void **state)
{
	struct weft_sim_copy copy = { .dst = BASE + 2000, .src = BASE + 1000, .bytes = 100 };
	struct weft_sim_fill fill = { .dst = BASE + 400, .count = 10 };
	struct weft_sim_add add = { BASE + 400, BASE + 800, BASE + 1200, 10 };
	struct weft_sim_reduce reduce = { BASE + 400, BASE + 800, 10 };
	struct weft_sim_histogram histogram = { BASE + 4000, BASE + 800, 10 };
	struct weft_sim_gemm gemm = { BASE + 400, BASE + 800, BASE + 1200, 3, 5, 7, 0 };
	struct weft_sim_argmax argmax = { BASE + 400, BASE + 800, BASE + 1200, 3, 5, 1, 0 };
	struct weft_sim_merge merge = { BASE + 400, BASE + 800, 3, 5 };
	struct weft_sim_launch launch;
	struct fixture *f = *state;

	CHECK(f, WEFT_SIM_OP_COPY, copy, dst, 100, 1);
	CHECK(f, WEFT_SIM_OP_COPY, copy, src, 100, 1);
	CHECK(f, WEFT_SIM_OP_FILL, fill, dst, 40, 4);
	CHECK(f, WEFT_SIM_OP_ADD, add, dst, 40, 4);
	CHECK(f, WEFT_SIM_OP_ADD, add, a, 40, 4);
	CHECK(f, WEFT_SIM_OP_ADD, add, b, 40, 4);
	CHECK(f, WEFT_SIM_OP_REDUCE, reduce, dst, 8, 8);
	CHECK(f, WEFT_SIM_OP_REDUCE, reduce, src, 40, 4);
	CHECK(f, WEFT_SIM_OP_HISTOGRAM, histogram, dst, 1024, 4);
	CHECK(f, WEFT_SIM_OP_HISTOGRAM, histogram, src, 10, 1);
	CHECK(f, WEFT_SIM_OP_GEMM_I8, gemm, c, 60, 4);
	CHECK(f, WEFT_SIM_OP_GEMM_I8, gemm, a, 21, 1);
	CHECK(f, WEFT_SIM_OP_GEMM_I8, gemm, b, 35, 1);
	CHECK(f, WEFT_SIM_OP_ARGMAX, argmax, dst, 24, 4);
	CHECK(f, WEFT_SIM_OP_ARGMAX, argmax, src, 60, 4);
	CHECK(f, WEFT_SIM_OP_BEST, merge, dst, 24, 4);
	CHECK(f, WEFT_SIM_OP_BEST, merge, src, 120, 4);

	/* a bias at 0 is none */
	argmax.bias = BASE + SIZE - 20;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_ARGMAX, &argmax, sizeof(argmax)), 0);
	argmax.bias += 4;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_ARGMAX, &argmax, sizeof(argmax)),
			 WEFT_SIM_ERR_ADDRESS);
	argmax.bias = BASE - 4;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_ARGMAX, &argmax, sizeof(argmax)),
			 WEFT_SIM_ERR_ADDRESS);

	/* sizes that overflow */
	copy.bytes = UINT64_MAX;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_COPY, &copy, sizeof(copy)),
			 WEFT_SIM_ERR_ADDRESS);
	fill.count = 1ull << 62;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_FILL, &fill, sizeof(fill)),
			 WEFT_SIM_ERR_ADDRESS);
	gemm.m = UINT32_MAX;
	gemm.n = UINT32_MAX;
	gemm.k = 0;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_GEMM_I8, &gemm, sizeof(gemm)),
			 WEFT_SIM_ERR_ADDRESS);
	merge.count = UINT32_MAX;
	merge.sources = UINT32_MAX;
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_BEST, &merge, sizeof(merge)),
			 WEFT_SIM_ERR_ADDRESS);
}

static void test_blobs(void **state)
{
	struct weft_sim_fill fill = { .dst = BASE, .count = 1, .pad = 1 };
	struct weft_sim_gemm gemm = { BASE, BASE, BASE, 1, 1, 1, 1 };
	struct weft_sim_argmax argmax = { BASE, BASE, 0, 1, 0, 1, 0 };
	struct weft_sim_merge merge = { BASE, BASE, 1, 0 };
	struct weft_sim_launch launch;
	struct fixture *f = *state;
	__u64 blob[16] = { 0 };
	__u32 op;

	for (op = 0; op < WEFT_SIM_OP_COUNT; op++) {
		assert_non_null(weft_sim_op_names[op]);
		assert_int_equal(prepare(f, &launch, op, blob, 0), WEFT_SIM_ERR_ARGS);
		assert_int_equal(prepare(f, &launch, op, blob, sizeof(blob)), WEFT_SIM_ERR_ARGS);
	}
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_COUNT, blob, 8), WEFT_SIM_ERR_ARGS);
	assert_int_equal(prepare(f, &launch, UINT32_MAX, blob, 8), WEFT_SIM_ERR_ARGS);
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_FILL, &fill, sizeof(fill)),
			 WEFT_SIM_ERR_ARGS);
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_GEMM_I8, &gemm, sizeof(gemm)),
			 WEFT_SIM_ERR_ARGS);
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_ARGMAX, &argmax, sizeof(argmax)),
			 WEFT_SIM_ERR_ARGS);
	assert_int_equal(prepare(f, &launch, WEFT_SIM_OP_BEST, &merge, sizeof(merge)),
			 WEFT_SIM_ERR_ARGS);
}

/* Every operation that loops stops at the poll that says so, and not before. */
static void test_stop(void **state)
{
	struct weft_sim_copy copy = { .dst = BASE + SIZE / 2, .src = BASE, .bytes = SIZE / 2 };
	struct weft_sim_fill fill = { .dst = BASE, .count = SIZE / 4 };
	struct weft_sim_add add = { BASE, BASE, BASE, SIZE / 4 };
	struct weft_sim_reduce reduce = { BASE, BASE, SIZE / 4 };
	struct weft_sim_histogram histogram = { BASE, BASE + 1024, SIZE - 1024 };
	struct weft_sim_gemm gemm = { BASE + SIZE / 2, BASE, BASE, 100, 100, 100, 0 };
	struct weft_sim_argmax argmax = { BASE + SIZE / 2, BASE, 0, 2, SIZE / 16, 1, 0 };
	struct weft_sim_merge merge = { BASE, BASE, SIZE / 16, 2 };
	const struct {
		__u32 op;
		const void *args;
		__u32 size;
	} cases[] = {
		{ WEFT_SIM_OP_COPY, &copy, sizeof(copy) },
		{ WEFT_SIM_OP_FILL, &fill, sizeof(fill) },
		{ WEFT_SIM_OP_ADD, &add, sizeof(add) },
		{ WEFT_SIM_OP_REDUCE, &reduce, sizeof(reduce) },
		{ WEFT_SIM_OP_HISTOGRAM, &histogram, sizeof(histogram) },
		{ WEFT_SIM_OP_GEMM_I8, &gemm, sizeof(gemm) },
		{ WEFT_SIM_OP_ARGMAX, &argmax, sizeof(argmax) },
		{ WEFT_SIM_OP_BEST, &merge, sizeof(merge) },
	};
	struct weft_sim_launch launch;
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct counted_pace counted = {
			.pace = { .poll = poll_counted }, .stop_at = 2,
		};

		assert_int_equal(prepare(f, &launch, cases[i].op, cases[i].args, cases[i].size), 0);
		assert_int_equal(weft_sim_launch_compute(&launch, &f->memory, &counted.pace), -1);
		assert_int_equal(counted.polls, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill_add, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reduce_histogram, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gemm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_argmax, setup, teardown),
		cmocka_unit_test_setup_teardown(test_best, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blobs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
