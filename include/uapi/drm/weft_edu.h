/* SPDX-License-Identifier: MIT */
/*
 * Program images and argument blobs of QEMU's "edu" devices (weft_edu).
 *
 * The instruction set is called "edu-v1". The device has no instructions, so an image says little
 * more than that it is one. Addresses in argument blobs are written by weft through relocations;
 * all integers are little endian.
 */
#ifndef _WEFT_EDU_H_
#define _WEFT_EDU_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define WEFT_EDU_ISA		"edu-v1"
#define WEFT_EDU_IMAGE_MAGIC	0x55444557u	/* "WEDU" */
#define WEFT_EDU_IMAGE_VERSION	1

/** enum weft_edu_op - what a kernel does; all take &struct weft_edu_args */
enum weft_edu_op {
	/** @WEFT_EDU_OP_COPY: dst = src */
	WEFT_EDU_OP_COPY = 0,
	/** @WEFT_EDU_OP_FACTORIAL: dst[i] = src[i]! (u32, modulo 2^32); @bytes: multiple of 4 */
	WEFT_EDU_OP_FACTORIAL = 1,
};

#define WEFT_EDU_OP_COUNT 2

/**
 * struct weft_edu_image - an image: kernel n of the program is operation n
 * @magic: WEFT_EDU_IMAGE_MAGIC
 * @version: WEFT_EDU_IMAGE_VERSION
 */
struct weft_edu_image {
	__u32 magic;
	__u32 version;
};

/**
 * struct weft_edu_args - arguments of every operation; the same as &struct weft_sim_copy
 * @dst: address of the result
 * @src: address
 * @bytes: how many, not 0
 */
struct weft_edu_args {
	__u64 dst;
	__u64 src;
	__u64 bytes;
};

/* Error codes (weft_record.code) */
/** define WEFT_EDU_ERR_ARGS - the blob has another size, or a field is out of range */
#define WEFT_EDU_ERR_ARGS	1
/** define WEFT_EDU_ERR_ADDRESS - an address outside the device's memory, or not aligned */
#define WEFT_EDU_ERR_ADDRESS	2
/** define WEFT_EDU_ERR_COMPUTE - the device did not end a computation in time */
#define WEFT_EDU_ERR_COMPUTE	3

#if defined(__cplusplus)
}
#endif

#endif /* _WEFT_EDU_H_ */
