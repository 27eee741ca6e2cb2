// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts and times, printed at the end if $WEFT_GGML_STATS is set.
 *
 * DOC: stats_print
 *
 * One line on the error stream: "ggml-weft: " and pairs NAME=NUMBER, times in nanoseconds. Jobs of
 * a graph mostly follow each other, so that the sums of their times make up the graph's; what is
 * left is the client's own work and its waking up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stats.h"

static uint64_t weft_stats[WEFT_GGML_STATS];

static const char *const weft_stat_names[WEFT_GGML_STATS] = {
	[WEFT_GGML_GRAPHS] = "graphs",
	[WEFT_GGML_JOBS] = "jobs",
	[WEFT_GGML_RERUNS] = "reruns",
	[WEFT_GGML_QUERIES] = "queries",
	[WEFT_GGML_TOTAL_NS] = "total_ns",
	[WEFT_GGML_SUBMIT_NS] = "submit_ns",
	[WEFT_GGML_ORDER_NS] = "order_ns",
	[WEFT_GGML_COPY_NS] = "copy_ns",
	[WEFT_GGML_SEAT_NS] = "seat_ns",
	[WEFT_GGML_COMPUTE_NS] = "compute_ns",
	[WEFT_GGML_TENSOR_NS] = "tensor_ns",
};

static void weft_stats_print(void)
{
	uint32_t i;

	fputs("ggml-weft:", stderr);
	for (i = 0; i < WEFT_GGML_STATS; i++)
		fprintf(stderr, " %s=%" PRIu64, weft_stat_names[i], weft_stats[i]);
	fputc('\n', stderr);
}

uint64_t weft_ggml_stats_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void weft_ggml_stats_add(enum weft_ggml_stat stat, uint64_t value)
{
	static int wanted = -1;

	if (wanted < 0) {
		wanted = !!getenv("WEFT_GGML_STATS");
		if (wanted)
			atexit(weft_stats_print);
	}
	__atomic_fetch_add(&weft_stats[stat], value, __ATOMIC_RELAXED);
}

static uint64_t weft_span(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

void weft_ggml_stats_records(const struct drm_weft_job_record *records, uint32_t count)
{
	const struct drm_weft_job_record *r;

	for (r = records; r < records + count; r++) {
		weft_ggml_stats_add(WEFT_GGML_JOBS, 1);
		weft_ggml_stats_add(WEFT_GGML_ORDER_NS, weft_span(r->ready_ns, r->bind_ns));
		weft_ggml_stats_add(WEFT_GGML_COPY_NS, weft_span(r->bind_ns, r->start_ns));
		weft_ggml_stats_add(WEFT_GGML_COMPUTE_NS, r->busy_ns);
		weft_ggml_stats_add(WEFT_GGML_SEAT_NS,
				    weft_span(r->busy_ns, weft_span(r->start_ns, r->end_ns)));
	}
}
