/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioctls of /dev/weft_bench_sched: null jobs through drm_sched, with a time stamp per stage.
 */
#ifndef WEFT_BENCH_SCHED_H
#define WEFT_BENCH_SCHED_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define WEFT_BENCH_MAX_JOBS	64

/**
 * struct weft_bench_submit - queue null jobs
 * @count: in, 1..64
 * @pad: zero
 */
struct weft_bench_submit {
	__u32 count;
	__u32 pad;
};

/**
 * struct weft_bench_stamps - what happened when in the last SUBMIT (CLOCK_MONOTONIC, ns)
 * @entry: the SUBMIT ioctl began
 * @queued: the last job was pushed
 * @run: run_job() of the last job was called
 * @done: the finished fence of the last job was signalled
 * @freed: free_job() of the last job was called
 */
struct weft_bench_stamps {
	__u64 entry;
	__u64 queued;
	__u64 run;
	__u64 done;
	__u64 freed;
};

#define WEFT_BENCH_NOP		_IO('W', 0)
#define WEFT_BENCH_SUBMIT	_IOW('W', 1, struct weft_bench_submit)
/* wait for the last job's finished fence */
#define WEFT_BENCH_WAIT		_IO('W', 2)
/* wait until the scheduler is done with the jobs, too, and read the stamps */
#define WEFT_BENCH_STAMPS	_IOR('W', 3, struct weft_bench_stamps)

#endif /* WEFT_BENCH_SCHED_H */
