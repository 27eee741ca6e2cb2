// SPDX-License-Identifier: GPL-2.0-only
/*
 * The jobs of the digits.
 *
 * DOC: digits work
 *
 * One SUBMIT per test tile carries all jobs of its row. What orders them is which buffers they
 * read and write: an argmax reads the scores a gemm writes; the merge reads the partial results
 * all argmaxes of the row write, each to a part of its own.
 *
 * When a device is lost, results that were nowhere else are lost with it and the jobs that
 * needed them fail. Their rows are submitted again, with buffers of their own: the inputs are
 * still at the host.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

#define DIGITS_ATTEMPTS		4
/* an emulated machine that has other things to do may stand still for a while */
#define DIGITS_TIMEOUT_NS	20000000000u

struct digits_row {
	struct weft_bo **scores;
	struct weft_bo *partial;
	struct weft_bo *result;
	uint64_t first_id;
	bool pending;
};

struct digits_work {
	struct weft *pool;
	struct digits_shape shape;
	uint32_t dimension;
	struct weft_program *program;
	struct weft_queue *queue;
	struct weft_batch *batch;
	struct weft_bo **tests;
	struct weft_bo **trains;
	struct weft_bo **biases;
	struct digits_row *rows;
};

static int digits_fail(const char *what)
{
	fprintf(stderr, "digits: %s: %s\n", what, weft_error());
	return -1;
}

static uint32_t digits_tile(uint32_t total, uint32_t tile, uint32_t index)
{
	uint32_t left = total - index * tile;

	return left < tile ? left : tile;
}

static uint32_t digits_tile_test(const struct digits_work *w, uint32_t row)
{
	return digits_tile(w->shape.test, w->shape.tile_test, row);
}

static uint32_t digits_tile_train(const struct digits_work *w, uint32_t column)
{
	return digits_tile(w->shape.train, w->shape.tile_train, column);
}

/* A buffer with these bytes */
static int digits_upload(struct digits_work *w, const void *bytes, size_t size,
			 struct weft_bo **bo)
{
	if (weft_bo_create(w->pool, size, 0, bo) || weft_bo_write(*bo, 0, bytes, size))
		return digits_fail("making a tile");
	return 0;
}

static int digits_bias(struct digits_work *w, const int8_t *vectors, uint32_t count,
		       struct weft_bo **bo)
{
	int32_t *bias = calloc(count, sizeof(*bias));
	uint32_t j, k;
	int ret;

	if (!bias)
		return -1;
	for (j = 0; j < count; j++)
		for (k = 0; k < w->dimension; k++)
			bias[j] -= vectors[j * w->dimension + k] * vectors[j * w->dimension + k];
	ret = digits_upload(w, bias, count * sizeof(*bias), bo);
	free(bias);
	return ret;
}

static int digits_tiles(struct digits_work *w, const struct digits_data *data)
{
	const int8_t *tests = data->vectors + (size_t)w->shape.train * w->dimension;
	uint32_t rows = digits_rows(&w->shape), columns = digits_columns(&w->shape);
	const int8_t *vectors;
	uint32_t i;

	for (i = 0; i < rows; i++) {
		vectors = tests + (size_t)i * w->shape.tile_test * w->dimension;
		if (digits_upload(w, vectors, (size_t)digits_tile_test(w, i) * w->dimension,
				  &w->tests[i]))
			return -1;
	}
	for (i = 0; i < columns; i++) {
		uint32_t count = digits_tile_train(w, i);

		vectors = data->vectors + (size_t)i * w->shape.tile_train * w->dimension;
		if (digits_upload(w, vectors, (size_t)count * w->dimension, &w->trains[i]) ||
		    digits_bias(w, vectors, count, &w->biases[i]))
			return -1;
	}
	return 0;
}

int digits_work_create(struct weft *pool, const struct digits_data *data,
		       const struct digits_shape *shape, struct digits_work **work)
{
	uint32_t rows = digits_rows(shape), columns = digits_columns(shape);
	struct digits_work *w = calloc(1, sizeof(*w));
	uint32_t i;

	*work = NULL;
	if (!w)
		return -1;
	w->pool = pool;
	w->shape = *shape;
	w->dimension = data->dimension;
	w->tests = calloc(rows, sizeof(*w->tests));
	w->trains = calloc(columns, sizeof(*w->trains));
	w->biases = calloc(columns, sizeof(*w->biases));
	w->rows = calloc(rows, sizeof(*w->rows));
	if (!w->tests || !w->trains || !w->biases || !w->rows)
		goto fail;
	for (i = 0; i < rows; i++) {
		w->rows[i].scores = calloc(columns, sizeof(*w->rows[i].scores));
		if (!w->rows[i].scores)
			goto fail;
	}
	if (digits_program_create(pool, &w->program) || weft_queue_create(pool, NULL, &w->queue) ||
	    weft_batch_create(pool, &w->batch)) {
		digits_fail("setting up");
		goto fail;
	}
	if (digits_tiles(w, data))
		goto fail;
	*work = w;
	return 0;

fail:
	digits_work_destroy(w);
	return -1;
}

static void digits_row_empty(struct digits_row *row, uint32_t columns)
{
	uint32_t i;

	for (i = 0; row->scores && i < columns; i++) {
		weft_bo_destroy(row->scores[i]);
		row->scores[i] = NULL;
	}
	weft_bo_destroy(row->partial);
	weft_bo_destroy(row->result);
	row->partial = NULL;
	row->result = NULL;
}

void digits_work_destroy(struct digits_work *work)
{
	uint32_t rows, columns, i;

	if (!work)
		return;
	rows = digits_rows(&work->shape);
	columns = digits_columns(&work->shape);
	for (i = 0; work->rows && i < rows; i++) {
		digits_row_empty(&work->rows[i], columns);
		free(work->rows[i].scores);
	}
	for (i = 0; work->tests && i < rows; i++)
		weft_bo_destroy(work->tests[i]);
	for (i = 0; work->trains && work->biases && i < columns; i++) {
		weft_bo_destroy(work->trains[i]);
		weft_bo_destroy(work->biases[i]);
	}
	weft_batch_destroy(work->batch);
	weft_queue_destroy(work->queue);
	weft_program_destroy(work->program);
	free(work->tests);
	free(work->trains);
	free(work->biases);
	free(work->rows);
	free(work);
}

static int digits_row_buffers(struct digits_work *w, uint32_t row)
{
	uint64_t m = digits_tile_test(w, row);
	uint32_t columns = digits_columns(&w->shape);
	struct digits_row *r = &w->rows[row];
	uint32_t i;

	digits_row_empty(r, columns);
	for (i = 0; i < columns; i++)
		if (weft_bo_create(w->pool, m * digits_tile_train(w, i) * sizeof(int32_t), 0,
				   &r->scores[i]))
			return digits_fail("making scores");
	if (weft_bo_create(w->pool, m * columns * sizeof(struct weft_sim_best), 0, &r->partial) ||
	    weft_bo_create(w->pool, m * sizeof(struct weft_sim_best), 0, &r->result))
		return digits_fail("making results");
	return 0;
}

static void digits_job_mark(struct weft_job *job, const struct digits_options *options,
			    enum digits_kind kind, uint32_t row, uint32_t column)
{
	weft_job_flags(job, DRM_WEFT_JOB_IDEMPOTENT);
	weft_job_limits(job, DIGITS_TIMEOUT_NS, 0);
	weft_job_user_data(job, (uint64_t)kind << 32 | row << 16 | column);
	if (options->place)
		weft_job_where(job, options->place(kind, row, column, options->arg), 0);
}

static void digits_add_gemm(struct digits_work *w, const struct digits_options *options,
			    uint32_t row, uint32_t column)
{
	struct weft_sim_gemm args = {
		.m = digits_tile_test(w, row),
		.n = digits_tile_train(w, column),
		.k = w->dimension,
	};
	struct weft_job *job = weft_job_init(w->batch, w->program, DIGITS_GEMM, &args,
					     sizeof(args));

	weft_job_pointer(job, offsetof(struct weft_sim_gemm, a), w->tests[row],
			 DRM_WEFT_ACCESS_READ, 0);
	weft_job_pointer(job, offsetof(struct weft_sim_gemm, b), w->trains[column],
			 DRM_WEFT_ACCESS_READ, 0);
	weft_job_pointer(job, offsetof(struct weft_sim_gemm, c), w->rows[row].scores[column],
			 DRM_WEFT_ACCESS_WRITE, 0);
	weft_job_grid(job, args.n, args.m, 1);
	weft_job_size(job, (uint64_t)args.m * args.n * args.k);
	digits_job_mark(job, options, DIGITS_GEMM, row, column);
}

static void digits_add_argmax(struct digits_work *w, const struct digits_options *options,
			      uint32_t row, uint32_t column)
{
	struct weft_sim_argmax args = {
		.m = digits_tile_test(w, row),
		.n = digits_tile_train(w, column),
		.scale = 2,
		.base = column * w->shape.tile_train,
	};
	struct weft_job *job = weft_job_init(w->batch, w->program, DIGITS_ARGMAX, &args,
					     sizeof(args));
	uint64_t part = args.m * sizeof(struct weft_sim_best);

	weft_job_pointer(job, offsetof(struct weft_sim_argmax, src), w->rows[row].scores[column],
			 DRM_WEFT_ACCESS_READ, 0);
	weft_job_pointer(job, offsetof(struct weft_sim_argmax, bias), w->biases[column],
			 DRM_WEFT_ACCESS_READ, 0);
	weft_job_buffer(job, w->rows[row].partial, DRM_WEFT_ACCESS_WRITE, column * part, part);
	weft_job_reloc(job, offsetof(struct weft_sim_argmax, dst), w->rows[row].partial, 0);
	weft_job_grid(job, args.m, 1, 1);
	weft_job_size(job, (uint64_t)args.m * args.n);
	digits_job_mark(job, options, DIGITS_ARGMAX, row, column);
}

static void digits_add_best(struct digits_work *w, const struct digits_options *options,
			    uint32_t row)
{
	struct weft_sim_merge args = {
		.count = digits_tile_test(w, row),
		.sources = digits_columns(&w->shape),
	};
	struct weft_job *job = weft_job_init(w->batch, w->program, DIGITS_BEST, &args,
					     sizeof(args));

	weft_job_pointer(job, offsetof(struct weft_sim_merge, src), w->rows[row].partial,
			 DRM_WEFT_ACCESS_READ, 0);
	weft_job_pointer(job, offsetof(struct weft_sim_merge, dst), w->rows[row].result,
			 DRM_WEFT_ACCESS_WRITE, 0);
	weft_job_grid(job, args.count, 1, 1);
	weft_job_size(job, (uint64_t)args.count * args.sources);
	digits_job_mark(job, options, DIGITS_BEST, row, 0);
}

static int digits_row_submit(struct digits_work *w, const struct digits_options *options,
			     uint32_t row)
{
	struct digits_row *r = &w->rows[row];
	uint32_t column;

	for (column = 0; column < digits_columns(&w->shape); column++) {
		digits_add_gemm(w, options, row, column);
		digits_add_argmax(w, options, row, column);
	}
	digits_add_best(w, options, row);
	if (weft_submit(w->queue, w->batch, WEFT_FOREVER, &r->first_id)) {
		weft_batch_reset(w->batch);
		return digits_fail("submitting a row");
	}
	r->pending = true;
	return 0;
}

/* Why a job failed, and what the device's compiler has said, if anything */
static int digits_job_failed(struct digits_work *w, const struct drm_weft_job_record *record)
{
	char text[4096];

	digits_fail("a job failed");
	if (!weft_program_log(w->program, record->device, text, sizeof(text)) && text[0])
		fprintf(stderr, "digits: device %u says:\n%s\n", record->device, text);
	return -1;
}

/* 0 the row is there, 1 it has to be done again, -1 */
static int digits_row_finish(struct digits_work *w, uint32_t row, struct digits_run *run)
{
	uint32_t jobs = digits_row_jobs(&w->shape);
	struct digits_row *r = &w->rows[row];
	struct drm_weft_job_record *records = run->records + run->jobs;
	uint32_t i;
	int ret;

	r->pending = false;
	run->jobs += jobs;
	ret = weft_wait(w->pool, r->first_id, jobs, WEFT_FOREVER, records);
	if (ret == -EREMOTEIO) {
		/* only what a lost device explains may be tried again */
		for (i = 0; i < jobs; i++)
			if (records[i].error && records[i].error != ENODEV &&
			    records[i].error != ENODATA && records[i].error != ECANCELED)
				return digits_job_failed(w, &records[i]);
		return 1;
	}
	if (ret)
		return digits_fail("waiting for a row");
	ret = weft_bo_read(r->result, 0, run->best + (size_t)row * w->shape.tile_test,
			   digits_tile_test(w, row) * sizeof(*run->best));
	if (ret == -ENODATA)
		return 1;
	return ret ? digits_fail("reading the answers") : 0;
}

/* After an error: nothing of ours may be in flight when buffers are freed and reused. */
static void digits_drain(struct digits_work *w)
{
	uint32_t row;

	for (row = 0; row < digits_rows(&w->shape); row++) {
		if (!w->rows[row].pending)
			continue;
		weft_wait(w->pool, w->rows[row].first_id, digits_row_jobs(&w->shape),
			  WEFT_FOREVER, NULL);
		w->rows[row].pending = false;
	}
}

static int digits_rows_run(struct digits_work *w, const struct digits_options *options,
			   struct digits_run *run)
{
	uint32_t rows = digits_rows(&w->shape);
	uint32_t todo = rows;
	uint32_t row, attempt;
	bool *wanted = malloc(rows);
	int ret = -1;

	if (!wanted)
		return -1;
	memset(wanted, true, rows);
	for (attempt = 0; todo && attempt < DIGITS_ATTEMPTS; attempt++) {
		if (attempt)
			run->redone += todo * digits_row_jobs(&w->shape);
		for (row = 0; row < rows; row++)
			if (wanted[row] && digits_row_buffers(w, row))
				goto out;
		for (row = 0; row < rows; row++)
			if (wanted[row] && digits_row_submit(w, options, row))
				goto out;
		for (row = 0; row < rows; row++) {
			if (!wanted[row])
				continue;
			ret = digits_row_finish(w, row, run);
			if (ret < 0)
				goto out;
			if (ret)
				continue;
			wanted[row] = false;
			todo--;
		}
	}
	ret = 0;
	if (todo) {
		fprintf(stderr, "digits: %u of %u rows failed %d times: %s\n", todo, rows,
			DIGITS_ATTEMPTS, weft_error());
		ret = -1;
	}
out:
	digits_drain(w);
	free(wanted);
	return ret;
}

int digits_work_run(struct digits_work *work, const struct digits_options *options,
		    struct digits_run *run)
{
	static const struct digits_options usual;
	uint64_t first = UINT64_MAX, last = 0;
	uint32_t i;

	memset(run, 0, sizeof(*run));
	run->best = calloc(work->shape.test, sizeof(*run->best));
	run->records = calloc((size_t)digits_rows(&work->shape) * digits_row_jobs(&work->shape) *
			      DIGITS_ATTEMPTS, sizeof(*run->records));
	if (!run->best || !run->records ||
	    digits_rows_run(work, options ? options : &usual, run)) {
		digits_run_free(run);
		return -1;
	}
	for (i = 0; i < run->jobs; i++) {
		if (run->records[i].submit_ns < first)
			first = run->records[i].submit_ns;
		if (run->records[i].end_ns > last)
			last = run->records[i].end_ns;
	}
	run->start_ns = first;
	run->makespan_ns = last - first;
	return 0;
}

void digits_run_free(struct digits_run *run)
{
	free(run->best);
	free(run->records);
	memset(run, 0, sizeof(*run));
}
