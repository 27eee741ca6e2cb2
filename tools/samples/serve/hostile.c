// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-hostile: a tenant that tries to get more than its share.
 *
 * DOC: hostile
 *
 * weft-hostile ggml fills served ggml devices with large matrix products, weft-hostile npu
 * simulated ones with long jobs. Each job claims to be tiny and to be due at once, has the highest
 * priority and is submitted again as soon as it has ended, with others waiting behind it: the pool
 * is never left to others. It runs until it is killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ggml.h>
#include <weft.h>
#include <drm/weft_sim.h>

#include "../../ggml/writer.h"

/* jobs in flight, and how large they are */
enum { SLOTS = 8, SIDE = 128, NPU_WORK = 40000 };

struct hostile {
	struct weft *pool;
	struct weft_program *program;
	struct weft_queue *queue;
	struct weft_batch *batch;
	struct weft_bo *bo[SLOTS];
	unsigned char blob[WEFT_GGML_MAX_BLOB];
	uint32_t kernel;
	uint32_t size;
};

static void die(void)
{
	fprintf(stderr, "weft-hostile: %s\n", weft_error());
	exit(3);
}

static void *hostile_base(const struct ggml_tensor *tensor, uint64_t *offset)
{
	static int base;

	*offset = (uintptr_t)tensor->data;
	return &base;
}

/* The blob of one matrix product; its tensors lie one after the other in one buffer. */
static void hostile_blob(struct hostile *h)
{
	struct ggml_context *ctx = ggml_init((struct ggml_init_params) { .mem_size = 1 << 16,
									 .no_alloc = true });
	struct ggml_tensor *a = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, SIDE, SIDE);
	struct ggml_tensor *b = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, SIDE, SIDE);
	struct ggml_tensor *c = ggml_mul_mat(ctx, a, b);
	struct weft_ggml_writer writer;

	a->data = (void *)0;
	b->data = (void *)(uintptr_t)ggml_nbytes(a);
	c->data = (void *)(uintptr_t)(2 * ggml_nbytes(a));
	weft_ggml_writer_reset(&writer, hostile_base);
	if (weft_ggml_writer_add(&writer, c))
		exit(3);
	h->size = weft_ggml_writer_finish(&writer, h->blob, &h->kernel);
	ggml_free(ctx);
}

static void hostile_ggml(struct hostile *h)
{
	struct weft_image_desc image = { .isa = WEFT_GGML_ISA, .data = WEFT_GGML_IMAGE,
					 .size = sizeof(WEFT_GGML_IMAGE) - 1 };
	struct weft_kernel_desc kernels[WEFT_GGML_KERNELS] = {
		{ .name = "query" }, { .name = "run_1k" }, { .name = "run_2k" },
		{ .name = "run_4k" },
	};
	uint32_t i;

	hostile_blob(h);
	for (i = 0; i < WEFT_GGML_KERNELS; i++)
		kernels[i].args_size = weft_ggml_kernel_size(i);
	if (weft_program_create(h->pool, &image, 1, kernels, WEFT_GGML_KERNELS, &h->program))
		die();
	for (i = 0; i < SLOTS; i++)
		if (weft_bo_create(h->pool, 3ull * SIDE * SIDE * sizeof(float), 0, &h->bo[i]))
			die();
}

static uint64_t hostile_submit(struct hostile *h, uint32_t slot)
{
	struct weft_sim_nop nop = { .work = NPU_WORK };
	struct weft_job *job;
	uint64_t id;

	if (h->bo[slot]) {
		job = weft_job_init(h->batch, h->program, h->kernel, h->blob, h->size);
		weft_job_pointer(job, sizeof(struct weft_ggml_job), h->bo[slot],
				 DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE, 0);
	} else {
		job = weft_job_init(h->batch, h->program, WEFT_SIM_OP_NOP, &nop, sizeof(nop));
	}
	/* a lie, and another */
	weft_job_size(job, 1);
	weft_job_limits(job, 0, 1);
	if (weft_submit(h->queue, h->batch, WEFT_FOREVER, &id))
		die();
	return id;
}

int main(int argc, char **argv)
{
	struct weft_queue_desc desc = { .service = DRM_WEFT_SERVICE_BATCH, .priority = 7 };
	struct drm_weft_job_record record;
	struct hostile h = { 0 };
	uint64_t ids[SLOTS] = { 0 };
	uint32_t slot;

	if (argc != 2 || (strcmp(argv[1], "ggml") && strcmp(argv[1], "npu"))) {
		fputs("Usage: weft-hostile ggml|npu\n", stderr);
		return 2;
	}
	if (weft_open(&h.pool, NULL) || weft_queue_create(h.pool, &desc, &h.queue) ||
	    weft_batch_create(h.pool, &h.batch))
		die();
	if (!strcmp(argv[1], "ggml"))
		hostile_ggml(&h);
	else if (weft_sim_program(h.pool, &h.program))
		die();
	for (slot = 0;; slot = (slot + 1) % SLOTS) {
		/* a job that was lost with its device is nothing to mourn */
		if (ids[slot] && weft_wait(h.pool, ids[slot], 1, WEFT_FOREVER, &record) &&
		    !record.error)
			die();
		ids[slot] = hostile_submit(&h, slot);
	}
}
