/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The computing of simulated devices: what a launch is and what it does to device memory.
 *
 * Only fixed-size integers and pointers, so that the same files build into weft_sim.ko and into
 * the unit test.
 */
#ifndef WEFT_SIM_KERNELS_H
#define WEFT_SIM_KERNELS_H

#include <drm/weft_sim.h>

/**
 * struct weft_sim_memory - a device's memory
 * @bytes: its bytes, aligned to 8
 * @size: how many
 * @base: device address of the first one, a multiple of 8
 */
struct weft_sim_memory {
	__u8 *bytes;
	__u64 size;
	__u64 base;
};

/**
 * struct weft_sim_launch - a launch that was checked: its computation cannot leave the memory
 * @op: &enum weft_sim_op
 * @work: work units, for modelled time
 * @out_offset: first byte in device memory that it writes
 * @out_length: bytes it writes
 * @args: its arguments
 */
struct weft_sim_launch {
	__u32 op;
	__u64 work;
	__u64 out_offset;
	__u64 out_length;
	union {
		struct weft_sim_nop nop;
		struct weft_sim_copy copy;
		struct weft_sim_fill fill;
		struct weft_sim_add add;
		struct weft_sim_reduce reduce;
		struct weft_sim_histogram histogram;
		struct weft_sim_gemm gemm;
		struct weft_sim_argmax argmax;
		struct weft_sim_merge merge;
	} args;
};

/* Work units between two calls of &weft_sim_pace.poll. */
#define WEFT_SIM_PACE	65536

/**
 * struct weft_sim_pace - lets a computation be interrupted
 * @poll: called now and then; not 0 stops the computation
 * @left: work units until the next call
 */
struct weft_sim_pace {
	int (*poll)(struct weft_sim_pace *pace);
	__u64 left;
};

/* Names of the operations, as in the attribute speed; indexed by enum weft_sim_op. */
extern const char * const weft_sim_op_names[WEFT_SIM_OP_COUNT];

int weft_sim_launch_prepare(struct weft_sim_launch *launch, const struct weft_sim_memory *memory,
			    __u32 op, const void *args, __u32 args_size);
int weft_sim_launch_compute(const struct weft_sim_launch *launch,
			    const struct weft_sim_memory *memory, struct weft_sim_pace *pace);

#endif /* WEFT_SIM_KERNELS_H */
