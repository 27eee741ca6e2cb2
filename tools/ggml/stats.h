/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the time of a program's graphs goes.
 *
 * DOC: stats
 */
#ifndef WEFT_GGML_STATS_H
#define WEFT_GGML_STATS_H

#include <stdint.h>
#include <drm/weft_drm.h>

/**
 * enum weft_ggml_stat - what is counted
 * @WEFT_GGML_GRAPHS: graphs computed
 * @WEFT_GGML_JOBS: jobs that have ended, those that were run again included
 * @WEFT_GGML_RERUNS: jobs that were run again because a device was lost
 * @WEFT_GGML_QUERIES: questions to devices
 * @WEFT_GGML_TOTAL_NS: from a graph's coming to its end
 * @WEFT_GGML_SUBMIT_NS: of that, in SUBMIT
 * @WEFT_GGML_ORDER_NS: jobs were READY, and no device was chosen for them yet
 * @WEFT_GGML_COPY_NS: a device was chosen, and it did not have the job's bytes or room for the job
 * @WEFT_GGML_SEAT_NS: jobs were handed to the device, which did not work on them yet or any more
 * @WEFT_GGML_COMPUTE_NS: the device worked
 * @WEFT_GGML_TENSOR_NS: tensors were read and written by the program
 * @WEFT_GGML_STATS: how many there are
 */
enum weft_ggml_stat {
	WEFT_GGML_GRAPHS,
	WEFT_GGML_JOBS,
	WEFT_GGML_RERUNS,
	WEFT_GGML_QUERIES,
	WEFT_GGML_TOTAL_NS,
	WEFT_GGML_SUBMIT_NS,
	WEFT_GGML_ORDER_NS,
	WEFT_GGML_COPY_NS,
	WEFT_GGML_SEAT_NS,
	WEFT_GGML_COMPUTE_NS,
	WEFT_GGML_TENSOR_NS,
	WEFT_GGML_STATS,
};

uint64_t weft_ggml_stats_now(void);
void weft_ggml_stats_add(enum weft_ggml_stat stat, uint64_t value);
/* of jobs that have ended */
void weft_ggml_stats_records(const struct drm_weft_job_record *records, uint32_t count);

#endif /* WEFT_GGML_STATS_H */
