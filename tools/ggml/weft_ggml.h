/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A piece of a ggml graph as the argument blob of a weft job.
 *
 * DOC: weft_ggml
 *
 * libggml-weft.so writes these blobs, weft-serve-ggml checks and runs them. A blob is a
 * &struct weft_ggml_job, then its bases (&struct weft_ggml_base), its tensors (&struct
 * weft_ggml_tensor) and its nodes (&struct weft_ggml_node, of varying size, in the order in which
 * they run). It is little-endian, holds no address (a base is filled in by a relocation when the
 * job runs) and no number of ggml's own that may change between its releases, but those of the
 * data types, which GGUF files hold, too. Documentation/serve/ggml.rst tells the whole story.
 *
 * Rejected: ggml's structures as they are (pointers, and another layout with each release); the
 * graph in a buffer beside the blob (every job would move it, and a server would have to wait for
 * it before it can look); one job per node (a round trip for each).
 */
#ifndef WEFT_GGML_H
#define WEFT_GGML_H

#include <stdint.h>

/** define WEFT_GGML_ISA - instruction set of programs and devices that know this format */
#define WEFT_GGML_ISA		"ggml-1"
/** define WEFT_GGML_IMAGE - the bytes of such a program's image; there is nothing to compile */
#define WEFT_GGML_IMAGE		"weft ggml graphs, version 1\n"
#define WEFT_GGML_MAGIC		0x4c4d4757u	/* "WGML" */
#define WEFT_GGML_VERSION	1

#define WEFT_GGML_MAX_BLOB	4096
#define WEFT_GGML_MAX_BASES	32
#define WEFT_GGML_MAX_TENSORS	63
#define WEFT_GGML_MAX_NODES	48
#define WEFT_GGML_MAX_SRC	5
#define WEFT_GGML_MAX_PARAMS	15
/* An index that names nothing: a source that is not there, a tensor of a query */
#define WEFT_GGML_NONE		0xffffu

/**
 * enum weft_ggml_kernel - the kernels of the program, and what is in their blobs
 * @WEFT_GGML_QUERY: says of each node whether the device can run it: an array of uint32_t, 1 or 0,
 *	at the first base, of 1024 bytes. Tensors have no base
 * @WEFT_GGML_RUN_1K: runs the nodes; the blob has 1024 bytes
 * @WEFT_GGML_RUN_2K: the same with 2048 bytes
 * @WEFT_GGML_RUN_4K: the same with 4096 bytes
 * @WEFT_GGML_KERNELS: how many there are
 *
 * A kernel's blob is of one size; what follows &weft_ggml_job.size in it is zero.
 */
enum weft_ggml_kernel {
	WEFT_GGML_QUERY,
	WEFT_GGML_RUN_1K,
	WEFT_GGML_RUN_2K,
	WEFT_GGML_RUN_4K,
	WEFT_GGML_KERNELS,
};

/**
 * struct weft_ggml_job - head of a blob
 * @magic: WEFT_GGML_MAGIC
 * @version: WEFT_GGML_VERSION
 * @base_count: 1..WEFT_GGML_MAX_BASES
 * @tensor_count: 1..WEFT_GGML_MAX_TENSORS
 * @node_count: 1..WEFT_GGML_MAX_NODES
 * @size: bytes of the blob that mean something, this head included
 */
struct weft_ggml_job {
	uint32_t magic;
	uint16_t version;
	uint16_t base_count;
	uint16_t tensor_count;
	uint16_t node_count;
	uint32_t size;
};

/**
 * struct weft_ggml_base - bytes that tensors lie in
 * @address: zero; where a relocation writes the address of the first of them
 */
struct weft_ggml_base {
	uint64_t address;
};

/**
 * struct weft_ggml_tensor - where a tensor is and how it is laid out
 * @type: number of its data type in GGUF
 * @base: index of its base; in a query WEFT_GGML_NONE
 * @ne: elements in each dimension, 1..2^31 - 1; zero: none, allowed nowhere
 * @pad: zero
 * @offset: of its first byte in the base; in a query zero
 * @nb: bytes from one element (of @nb[0]: from one block) to the next in each dimension
 */
struct weft_ggml_tensor {
	uint16_t type;
	uint16_t base;
	uint32_t ne[4];
	uint32_t pad;
	uint64_t offset;
	uint64_t nb[4];
};

/**
 * struct weft_ggml_node - an operation
 * @op: &enum weft_ggml_op
 * @dst: index of the tensor that it computes; a tensor is computed by one node at the most
 * @src_count: how many of the elements of the array that follows are there
 * @param_count: how many parameters follow that array
 * @pad: zero
 *
 * Behind it are @src_count indexes of tensors, uint16_t each, rounded up to an even number with
 * zero; then @param_count parameters, int32_t each: those of ggml's operation, the number of
 * GGML_OP_UNARY and GGML_OP_GLU left out. Parameters that are not there are zero.
 */
struct weft_ggml_node {
	uint16_t op;
	uint16_t dst;
	uint8_t src_count;
	uint8_t param_count;
	uint16_t pad;
};

/** enum weft_ggml_op - ggml's operations, by numbers that stay */
enum weft_ggml_op {
	WEFT_GGML_ADD = 1,
	WEFT_GGML_SUB = 2,
	WEFT_GGML_MUL = 3,
	WEFT_GGML_DIV = 4,
	WEFT_GGML_SQR = 5,
	WEFT_GGML_SQRT = 6,
	WEFT_GGML_LOG = 7,
	WEFT_GGML_SIN = 8,
	WEFT_GGML_COS = 9,
	WEFT_GGML_SCALE = 10,
	WEFT_GGML_CLAMP = 11,
	WEFT_GGML_SUM = 12,
	WEFT_GGML_SUM_ROWS = 13,
	WEFT_GGML_MEAN = 14,
	WEFT_GGML_ARGMAX = 15,
	WEFT_GGML_REPEAT = 16,
	WEFT_GGML_CONCAT = 17,
	WEFT_GGML_NORM = 18,
	WEFT_GGML_RMS_NORM = 19,
	WEFT_GGML_L2_NORM = 20,
	WEFT_GGML_MUL_MAT = 21,
	WEFT_GGML_MUL_MAT_ID = 22,
	WEFT_GGML_DUP = 23,
	WEFT_GGML_CPY = 24,
	WEFT_GGML_CONT = 25,
	WEFT_GGML_GET_ROWS = 26,
	WEFT_GGML_SET_ROWS = 27,
	WEFT_GGML_DIAG_MASK_INF = 28,
	WEFT_GGML_SOFT_MAX = 29,
	WEFT_GGML_ROPE = 30,
	WEFT_GGML_FLASH_ATTN_EXT = 31,
	/* GGML_OP_UNARY */
	WEFT_GGML_ABS = 64,
	WEFT_GGML_SGN = 65,
	WEFT_GGML_NEG = 66,
	WEFT_GGML_STEP = 67,
	WEFT_GGML_TANH = 68,
	WEFT_GGML_ELU = 69,
	WEFT_GGML_RELU = 70,
	WEFT_GGML_SIGMOID = 71,
	WEFT_GGML_GELU = 72,
	WEFT_GGML_GELU_QUICK = 73,
	WEFT_GGML_SILU = 74,
	WEFT_GGML_HARDSWISH = 75,
	WEFT_GGML_HARDSIGMOID = 76,
	WEFT_GGML_EXP = 77,
	WEFT_GGML_EXPM1 = 78,
	WEFT_GGML_SOFTPLUS = 79,
	WEFT_GGML_GELU_ERF = 80,
	WEFT_GGML_FLOOR = 81,
	WEFT_GGML_CEIL = 82,
	WEFT_GGML_ROUND = 83,
	WEFT_GGML_TRUNC = 84,
	/* GGML_OP_GLU */
	WEFT_GGML_REGLU = 96,
	WEFT_GGML_GEGLU = 97,
	WEFT_GGML_SWIGLU = 98,
	WEFT_GGML_SWIGLU_OAI = 99,
	WEFT_GGML_GEGLU_ERF = 100,
	WEFT_GGML_GEGLU_QUICK = 101,
};

#endif /* WEFT_GGML_H */
