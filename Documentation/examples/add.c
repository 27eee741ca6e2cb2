// SPDX-License-Identifier: GPL-2.0-only
/*
 * add: two vectors, one sum, on whatever device of the pool ends first.
 *
 * DOC: add
 *
 * The example of the runtime authors' guide. It needs a simulated device in the pool. Rejected:
 * checks between the calls that build a job (the batch remembers the first error).
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <drm/weft_sim.h>
#include <weft.h>

#define COUNT	(1u << 20)
#define BYTES	(COUNT * sizeof(uint32_t))

static void need(int ret)
{
	if (!ret)
		return;
	fprintf(stderr, "add: %s\n", weft_error());
	exit(1);
}

/* fill(a, 1), fill(b, 2), sum = a + b: the order comes from the buffers */
static void build(struct weft_batch *batch, struct weft_program *program, struct weft_bo *a,
		  struct weft_bo *b, struct weft_bo *sum)
{
	const struct weft_sim_fill one = { .count = COUNT, .value = 1 };
	const struct weft_sim_fill two = { .count = COUNT, .value = 2 };
	const struct weft_sim_add add = { .count = COUNT };
	struct weft_job *job;

	job = weft_job_init(batch, program, WEFT_SIM_OP_FILL, &one, sizeof(one));
	weft_job_pointer(job, offsetof(struct weft_sim_fill, dst), a, DRM_WEFT_ACCESS_WRITE, 0);
	weft_job_size(job, COUNT);

	job = weft_job_init(batch, program, WEFT_SIM_OP_FILL, &two, sizeof(two));
	weft_job_pointer(job, offsetof(struct weft_sim_fill, dst), b, DRM_WEFT_ACCESS_WRITE, 0);
	weft_job_size(job, COUNT);

	job = weft_job_init(batch, program, WEFT_SIM_OP_ADD, &add, sizeof(add));
	weft_job_pointer(job, offsetof(struct weft_sim_add, a), a, DRM_WEFT_ACCESS_READ, 0);
	weft_job_pointer(job, offsetof(struct weft_sim_add, b), b, DRM_WEFT_ACCESS_READ, 0);
	weft_job_pointer(job, offsetof(struct weft_sim_add, dst), sum, DRM_WEFT_ACCESS_WRITE, 0);
	weft_job_size(job, COUNT);
	/* nothing is read and written: a lost device costs a second run, not the result */
	weft_job_flags(job, DRM_WEFT_JOB_IDEMPOTENT);
}

int main(void)
{
	struct drm_weft_job_record records[3];
	struct weft_program *program;
	struct weft_bo *a, *b, *sum;
	struct weft_batch *batch;
	struct weft_queue *queue;
	uint64_t first;
	struct weft *pool;
	char text[256];
	void *bytes;
	int ret, i;

	need(weft_open(&pool, NULL));
	need(weft_bo_create(pool, BYTES, 0, &a));
	need(weft_bo_create(pool, BYTES, 0, &b));
	need(weft_bo_create(pool, BYTES, 0, &sum));
	need(weft_sim_program(pool, &program));
	need(weft_queue_create(pool, NULL, &queue));
	need(weft_batch_create(pool, &batch));

	build(batch, program, a, b, sum);
	need(weft_submit(queue, batch, WEFT_FOREVER, &first));

	ret = weft_wait(pool, first, 3, WEFT_FOREVER, records);
	for (i = 0; i < 3; i++)
		printf("%s\n", weft_record_text(&records[i], text, sizeof(text)));
	need(ret);

	need(weft_bo_begin(sum, DRM_WEFT_ACCESS_READ, WEFT_FOREVER, &bytes));
	printf("1 + 2 = %" PRIu32 "\n", ((uint32_t *)bytes)[COUNT - 1]);
	need(weft_bo_end(sum));

	/* frees what is left of it, too */
	weft_close(pool);
	return 0;
}
