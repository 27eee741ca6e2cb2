/* SPDX-License-Identifier: MIT */
/*
 * Program images and argument blobs of the simulated devices (weft_sim).
 *
 * An image is a small table that maps the program's kernels to the operations that simulated
 * devices know. Addresses in argument blobs are written by weft through relocations; all
 * integers are little endian; sums wrap.
 */
#ifndef _WEFT_SIM_H_
#define _WEFT_SIM_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define WEFT_SIM_IMAGE_MAGIC	0x4d495357u	/* "WSIM" */
#define WEFT_SIM_IMAGE_VERSION	1
#define WEFT_SIM_IMAGE_MAX_OPS	256

/** enum weft_sim_op - what a simulated kernel computes; work counts for modelled time */
enum weft_sim_op {
	/** @WEFT_SIM_OP_NOP: nothing; &struct weft_sim_nop; work = its @work */
	WEFT_SIM_OP_NOP = 0,
	/** @WEFT_SIM_OP_COPY: dst = src; &struct weft_sim_copy; work = bytes */
	WEFT_SIM_OP_COPY = 1,
	/** @WEFT_SIM_OP_FILL: dst[0..count) = value (u32); &struct weft_sim_fill; work = count */
	WEFT_SIM_OP_FILL = 2,
	/** @WEFT_SIM_OP_ADD: dst[i] = a[i] + b[i] (u32); &struct weft_sim_add; work = count */
	WEFT_SIM_OP_ADD = 3,
	/**
	 * @WEFT_SIM_OP_REDUCE: dst[0] (s64) = sum of src[i] (s32); &struct weft_sim_reduce;
	 * work = count
	 */
	WEFT_SIM_OP_REDUCE = 4,
	/**
	 * @WEFT_SIM_OP_HISTOGRAM: dst (u32[256]) = counts of src (u8);
	 * &struct weft_sim_histogram; work = count
	 */
	WEFT_SIM_OP_HISTOGRAM = 5,
	/**
	 * @WEFT_SIM_OP_GEMM_I8: c[i][j] (s32) = sum over l of a[i][l] x b[j][l] (s8);
	 * &struct weft_sim_gemm; work = m x n x k
	 */
	WEFT_SIM_OP_GEMM_I8 = 6,
	/**
	 * @WEFT_SIM_OP_ARGMAX: for each row i of s (s32[m][n]): the largest value of
	 * scale * s[i][j] + bias[j], and base + j (the smallest j on a tie), as a
	 * &struct weft_sim_best at dst[i]; &struct weft_sim_argmax; work = m*n
	 */
	WEFT_SIM_OP_ARGMAX = 7,
	/**
	 * @WEFT_SIM_OP_BEST: for each i the best of @sources rows of &struct weft_sim_best laid
	 * out one after another at src (the smallest index on a tie); &struct weft_sim_merge;
	 * work = count * sources
	 */
	WEFT_SIM_OP_BEST = 8,
};

#define WEFT_SIM_OP_COUNT 9

/**
 * struct weft_sim_image_header - start of an image; @kernel_count words of &enum weft_sim_op follow
 * @magic: WEFT_SIM_IMAGE_MAGIC
 * @version: WEFT_SIM_IMAGE_VERSION
 * @kernel_count: equal to the program's
 * @pad: zero
 */
struct weft_sim_image_header {
	__u32 magic;
	__u32 version;
	__u32 kernel_count;
	__u32 pad;
};

/**
 * struct weft_sim_nop - arguments of WEFT_SIM_OP_NOP
 * @work: units of work to do nothing for
 */
struct weft_sim_nop {
	__u64 work;
};

/**
 * struct weft_sim_copy - arguments of WEFT_SIM_OP_COPY
 * @dst: address of the result
 * @src: address
 * @bytes: how many
 */
struct weft_sim_copy {
	__u64 dst;
	__u64 src;
	__u64 bytes;
};

/**
 * struct weft_sim_fill - arguments of WEFT_SIM_OP_FILL
 * @dst: address of the result
 * @count: elements
 * @value: of each
 * @pad: zero
 */
struct weft_sim_fill {
	__u64 dst;
	__u64 count;
	__u32 value;
	__u32 pad;
};

/**
 * struct weft_sim_add - arguments of WEFT_SIM_OP_ADD
 * @dst: address of the result
 * @a: address
 * @b: address
 * @count: elements
 */
struct weft_sim_add {
	__u64 dst;
	__u64 a;
	__u64 b;
	__u64 count;
};

/**
 * struct weft_sim_reduce - arguments of WEFT_SIM_OP_REDUCE
 * @dst: address of the sum, a multiple of 8
 * @src: address
 * @count: elements
 */
struct weft_sim_reduce {
	__u64 dst;
	__u64 src;
	__u64 count;
};

/**
 * struct weft_sim_histogram - arguments of WEFT_SIM_OP_HISTOGRAM
 * @dst: address of 256 counters
 * @src: address
 * @count: bytes
 */
struct weft_sim_histogram {
	__u64 dst;
	__u64 src;
	__u64 count;
};

/**
 * struct weft_sim_gemm - arguments of WEFT_SIM_OP_GEMM_I8
 * @c: address of m rows of n
 * @a: address of m rows of k
 * @b: address of n rows of k
 * @m: rows of the result
 * @n: columns of the result
 * @k: length of the sums
 * @pad: zero
 */
struct weft_sim_gemm {
	__u64 c;
	__u64 a;
	__u64 b;
	__u32 m;
	__u32 n;
	__u32 k;
	__u32 pad;
};

/**
 * struct weft_sim_best - a value and where it was found
 * @value: the value
 * @index: its column, plus base
 */
struct weft_sim_best {
	__s32 value;
	__u32 index;
};

/**
 * struct weft_sim_argmax - arguments of WEFT_SIM_OP_ARGMAX
 * @dst: address of m results
 * @src: address of m rows of n
 * @bias: address of n numbers (s32), or 0 for none
 * @m: rows
 * @n: columns
 * @scale: what values are multiplied by
 * @base: added to the index
 */
struct weft_sim_argmax {
	__u64 dst;
	__u64 src;
	__u64 bias;
	__u32 m;
	__u32 n;
	__s32 scale;
	__u32 base;
};

/**
 * struct weft_sim_merge - arguments of WEFT_SIM_OP_BEST
 * @dst: address of count results
 * @src: address of sources rows of count
 * @count: results
 * @sources: rows
 */
struct weft_sim_merge {
	__u64 dst;
	__u64 src;
	__u32 count;
	__u32 sources;
};

/* Error numbers a simulated device reports (&drm_weft_job_record.code) */
#define WEFT_SIM_ERR_INJECTED	1	/* fault injection asked for it */
#define WEFT_SIM_ERR_ADDRESS	2	/* an address outside device memory */
#define WEFT_SIM_ERR_ARGS	3	/* an argument out of range */

#if defined(__cplusplus)
}
#endif

#endif /* _WEFT_SIM_H_ */
