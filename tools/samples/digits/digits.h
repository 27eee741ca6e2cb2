/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nearest neighbour on handwritten digits: what the files of the sample share.
 *
 * DOC: digits
 *
 * A test digit a is given the label of the training digit b that is nearest to it. As
 * |a - b|^2 = |a|^2 - (2 a.b - |b|^2) and |a|^2 is the same for all b, the nearest is
 * argmax over b of 2 a.b - |b|^2: integers only, so every device and a plain CPU agree to the bit.
 *
 * The work is cut into tiles. For each pair of a test tile and a training tile
 *	gemm_i8: all dot products of the pair	(scores)
 *	argmax: scale 2, bias -|b|^2: the best training digit of that tile, for each test digit
 * and for each test tile
 *	best: the best of all training tiles
 * Buffers carry the order; the sample names no dependency and no device.
 *
 * Rejected: one argmax over all training digits (it would wait for the slowest gemm); the
 * distances themselves (square roots are of no use to find the nearest).
 */
#ifndef DIGITS_H
#define DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <weft.h>
#include <drm/weft_sim.h>

struct json_object;

/* ------------------------------------------------------------------- data */

struct digits_data {
	uint32_t count;
	uint32_t dimension;
	uint8_t *labels;
	int8_t *vectors;
};

/* 0, or -1 after a message on stderr. The path may be NULL: the file in the user's cache. */
int digits_data_load(struct digits_data *data, const char *path);
void digits_data_free(struct digits_data *data);

/* --------------------------------------------------------------- the work */

/**
 * struct digits_shape - what is classified with what
 * @test: test digits; they follow the training digits in the file
 * @train: training digits, the first of the file
 * @tile_test: test digits of a tile
 * @tile_train: training digits of a tile
 */
struct digits_shape {
	uint32_t test;
	uint32_t train;
	uint32_t tile_test;
	uint32_t tile_train;
};

/* 0, or -1 after a message */
int digits_shape_check(const struct digits_shape *shape, const struct digits_data *data);

static inline uint32_t digits_rows(const struct digits_shape *s)
{
	return (s->test + s->tile_test - 1) / s->tile_test;
}

static inline uint32_t digits_columns(const struct digits_shape *s)
{
	return (s->train + s->tile_train - 1) / s->tile_train;
}

/* jobs of one row: a gemm and an argmax per column, and the merge */
static inline uint32_t digits_row_jobs(const struct digits_shape *s)
{
	return 2 * digits_columns(s) + 1;
}

/* Nearest training digit of each test digit by plain loops; @best has shape->test elements. */
void digits_reference(const struct digits_data *data, const struct digits_shape *shape,
		      struct weft_sim_best *best);
/* Test digits whose nearest neighbour has their label */
uint32_t digits_right(const struct digits_data *data, const struct digits_shape *shape,
		      const struct weft_sim_best *best);

enum digits_kind {
	DIGITS_GEMM,
	DIGITS_ARGMAX,
	DIGITS_BEST,
	DIGITS_KINDS
};

const char *digits_kind_name(enum digits_kind kind);

/**
 * struct digits_run - one pass over the work
 * @best: answers
 * @records: of every job, row by row; rows that were submitted again have records of each attempt
 * @jobs: number of @records
 * @redone: of these, jobs that were submitted again because results were lost with a device
 * @start_ns: the first submission
 * @makespan_ns: from the first submission to the end of the last job
 */
struct digits_run {
	struct weft_sim_best *best;
	struct drm_weft_job_record *records;
	uint32_t jobs;
	uint32_t redone;
	uint64_t start_ns;
	uint64_t makespan_ns;
};

/* The kernels, numbered by their kind; 0, or a negative errno and weft_error() */
int digits_program_create(struct weft *pool, struct weft_program **program);

struct digits_work;

/* All return 0 or -1 after a message on stderr. */
/* make buffers and fill in the tiles */
int digits_work_create(struct weft *pool, const struct digits_data *data,
		       const struct digits_shape *shape, struct digits_work **work);
void digits_work_destroy(struct digits_work *work);

/**
 * typedef digits_place_fn - which devices may run a job, bit n for device n; 0 any
 *
 * Used to try placements that the scheduler would not choose.
 */
typedef uint64_t (*digits_place_fn)(enum digits_kind kind, uint32_t row, uint32_t column,
				    void *arg);
struct digits_options {
	digits_place_fn place;
	void *arg;
};

/* submit everything, wait, read the answers */
int digits_work_run(struct digits_work *work, const struct digits_options *options,
		    struct digits_run *run);
void digits_run_free(struct digits_run *run);

static inline enum digits_kind digits_record_kind(const struct drm_weft_job_record *r)
{
	return (enum digits_kind)(r->user_data >> 32);
}

/* ----------------------------------------------------------------- report */

/**
 * struct digits_view - the pool's counters around a run
 */
struct digits_view {
	struct drm_weft_device_info *devices;
	uint32_t device_count;
	struct drm_weft_link_info *links;
	uint32_t link_count;
	uint64_t sim_runs;
	uint64_t sim_late;
};

int digits_view_take(struct weft *pool, struct digits_view *view);
void digits_view_free(struct digits_view *view);
/* The device called @id, NULL if it is not in @view */
const struct drm_weft_device_info *digits_view_device(const struct digits_view *view, uint32_t id);
/* Share of simulated runs between the views that overran their modelled time, in 1/1000 */
uint32_t digits_late_permille(const struct digits_view *before, const struct digits_view *after);
#define DIGITS_LATE_LIMIT	10	/* 1/1000: beyond it times mean nothing */

struct digits_usage {
	uint32_t jobs[DIGITS_KINDS];
	uint64_t busy_ns;
	uint64_t bytes;
	uint32_t share_permille;
};

/* What device @id did in @run */
void digits_usage(const struct digits_run *run, const struct drm_weft_device_info *device,
		  struct digits_usage *usage);

void digits_print(FILE *out, const struct digits_run *run, const struct digits_view *before,
		  const struct digits_view *after);
void digits_timeline(FILE *out, const struct digits_run *run, const struct digits_view *view);
struct json_object *digits_json(const struct digits_run *run, const struct digits_view *before,
				const struct digits_view *after);

#endif /* DIGITS_H */
