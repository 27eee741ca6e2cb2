// SPDX-License-Identifier: GPL-2.0-only
/*
 * libweft: programs, queues, batches, submission and completion.
 *
 * DOC: libweft_job
 */
/* sources: tools/libweft/batch.c tools/libweft/bo.c tools/libweft/error.c tools/libweft/names.c */
/* sources: tools/libweft/pool.c tools/libweft/program.c tools/libweft/queue.c */
/* sources: tools/libweft/sim.c tools/libweft/submit.c tools/libweft/lease.c */
/* cflags: -D_GNU_SOURCE -pthread */
/* pkg-config: libdrm */
#include "libweft_fake.h"

#define READ	DRM_WEFT_ACCESS_READ
#define WRITE	DRM_WEFT_ACCESS_WRITE

static struct weft *pool;
static struct weft_program *program;
static struct weft_queue *queue;
static struct weft_batch *batch;
static struct weft_bo *bo[6];

static int setup(void **state)
{
	int ret, i;

	pool = fake_open();
	ret = weft_sim_program(pool, &program);
	ret = ret ? ret : weft_queue_create(pool, NULL, &queue);
	ret = ret ? ret : weft_batch_create(pool, &batch);
	for (i = 0; i < 6 && !ret; i++)
		ret = weft_bo_create(pool, 3 * FAKE_PAGE, 0, &bo[i]);
	return ret;
}

static int teardown(void **state)
{
	fake_close(pool);
	return 0;
}

static struct weft_job *copy_job(void)
{
	struct weft_sim_copy args = { .bytes = 64 };

	return weft_job_init(batch, program, WEFT_SIM_OP_COPY, &args, sizeof(args));
}

/* The batch is refused with @error and @text, and is good again after a reset. */
static void refused(int error, const char *text)
{
	unsigned int calls = fake.calls[DRM_WEFT_SUBMIT];

	assert_int_equal(weft_submit(queue, batch, 0, NULL), -error);
	assert_non_null(strstr(weft_error(), text));
	assert_int_equal(fake.calls[DRM_WEFT_SUBMIT], calls);
	weft_batch_reset(batch);
	copy_job();
	assert_int_equal(weft_submit(queue, batch, 0, NULL), 0);
}

static void test_program(void **state)
{
	const struct weft_image_desc images[2] = {
		{ "isa-a", "aaaa", 4 }, { "isa-b", "bb", 2 },
	};
	const struct weft_kernel_desc kernels[2] = { { "first", 16 }, { "second", 0 } };
	struct drm_weft_program_query query;
	char text[16] = "xxxxxxxxxxxxxxx";
	struct weft_program *p;

	assert_int_equal(weft_program_create(pool, images, 2, kernels, 2, &p), 0);
	assert_int_equal(fake.program.image_count, 2);
	assert_int_equal(fake.program.kernel_count, 2);
	assert_int_equal(fake.program.flags, 0);
	assert_string_equal(fake.images[1].isa, "isa-b");
	assert_int_equal(fake.images[1].size, 2);
	assert_memory_equal(fake.image_data, "aaaa", 4);
	assert_string_equal(fake.kernels[0].name, "first");
	assert_int_equal(fake.kernels[0].args_size, 16);
	assert_int_equal(weft_program_kernel(p, "second"), 1);
	assert_int_equal(weft_program_kernel(p, "third"), -ENOENT);
	assert_error("no kernel called \"third\"");
	assert_int_equal(weft_program_kernel(p, NULL), -ENOENT);
	assert_int_equal(weft_program_query(p, 3, &query), 0);
	assert_int_equal(query.device, 3);
	assert_int_equal(query.state, DRM_WEFT_IMAGE_LOADED);
	assert_int_equal(weft_program_log(p, 3, text, sizeof(text)), 0);
	assert_string_equal(text, "warning");
	assert_int_equal(weft_program_log(p, 3, text, 5), 0);
	assert_string_equal(text, "warn");
	assert_int_equal(weft_program_log(p, 3, text, 1), 0);
	assert_string_equal(text, "");
	assert_int_equal(weft_program_log(p, 3, text, 0), -EINVAL);
	assert_error("no room");
	fake_script(DRM_WEFT_PROGRAM_QUERY, 2, ENODEV, ENODEV);
	assert_int_equal(weft_program_query(p, 63, &query), -ENODEV);
	assert_error("no device of that number");
	assert_int_equal(weft_program_log(p, 63, text, sizeof(text)), -ENODEV);
}

static void test_program_refused(void **state)
{
	static const char long_name[] = "01234567890123456789012345678901";
	const struct weft_kernel_desc kernel = { "k", 8 };
	const struct weft_kernel_desc twice[2] = { { "k", 8 }, { "k", 8 } };
	const struct weft_kernel_desc big = { "k", 264 };
	const struct weft_kernel_desc unnamed = { NULL, 8 };
	const struct weft_image_desc image = { "isa", "x", 1 };
	const struct weft_image_desc same[2] = { { "isa", "x", 1 }, { "isa", "y", 1 } };
	const struct weft_image_desc no_data = { "isa", NULL, 1 };
	const struct weft_image_desc no_size = { "isa", "x", 0 };
	const struct weft_image_desc large = { "isa", "x", (16u << 20) + 1 };
	const struct weft_image_desc misnamed = { long_name, "x", 1 };
	const struct weft_image_desc empty_name = { "", "x", 1 };
	unsigned int calls = fake.calls[DRM_WEFT_PROGRAM_CREATE];
	struct weft_program *p = (void *)1;

	assert_int_equal(weft_program_create(pool, &image, 0, &kernel, 1, &p), -EINVAL);
	assert_null(p);
	assert_error("1..16 images, not 0");
	assert_int_equal(weft_program_create(pool, &image, 17, &kernel, 1, &p), -EINVAL);
	assert_int_equal(weft_program_create(pool, &image, 1, &kernel, 0, &p), -EINVAL);
	assert_int_equal(weft_program_create(pool, &image, 1, &kernel, 257, &p), -EINVAL);
	assert_error("1..256 kernels, not 257");
	assert_int_equal(weft_program_create(pool, same, 2, &kernel, 1, &p), -EINVAL);
	assert_error("two images for isa");
	assert_int_equal(weft_program_create(pool, &no_data, 1, &kernel, 1, &p), -EINVAL);
	assert_int_equal(weft_program_create(pool, &no_size, 1, &kernel, 1, &p), -EINVAL);
	assert_error("image for isa is empty");
	assert_int_equal(weft_program_create(pool, &large, 1, &kernel, 1, &p), -E2BIG);
	assert_error("16777217 bytes, 16777216 are allowed");
	assert_int_equal(weft_program_create(pool, &misnamed, 1, &kernel, 1, &p), -EINVAL);
	assert_int_equal(weft_program_create(pool, &empty_name, 1, &kernel, 1, &p), -EINVAL);
	assert_error("must have 1..31 bytes");
	assert_int_equal(weft_program_create(pool, &image, 1, twice, 2, &p), -EINVAL);
	assert_error("two kernels called k");
	assert_int_equal(weft_program_create(pool, &image, 1, &big, 1, &p), -EINVAL);
	assert_error("264 bytes of arguments, this pool allows 256");
	assert_int_equal(weft_program_create(pool, &image, 1, &unnamed, 1, &p), -EINVAL);
	assert_int_equal(fake.calls[DRM_WEFT_PROGRAM_CREATE], calls);
	fake_script(DRM_WEFT_PROGRAM_CREATE, 1, ENOSPC);
	assert_int_equal(weft_program_create(pool, &image, 1, &kernel, 1, &p), -ENOSPC);
	assert_error("4096 programs");
}

static void test_sim_program(void **state)
{
	const struct weft_sim_image_header *header = (void *)fake.image_data;
	const uint32_t *ops = (void *)(header + 1);
	uint32_t i;

	assert_int_equal(fake.program.image_count, 4);
	assert_string_equal(fake.images[2].isa, "sim-npu");
	assert_string_equal(fake.images[3].isa, "sim");
	assert_int_equal(header->magic, WEFT_SIM_IMAGE_MAGIC);
	assert_int_equal(header->kernel_count, WEFT_SIM_OP_COUNT);
	assert_int_equal(fake.images[0].size, sizeof(*header) + 4 * WEFT_SIM_OP_COUNT);
	for (i = 0; i < WEFT_SIM_OP_COUNT; i++) {
		assert_int_equal(ops[i], i);
		assert_int_equal(weft_sim_op_parse(weft_sim_op_name(i)), i);
		assert_string_equal(fake.kernels[i].name, weft_sim_op_name(i));
		assert_int_equal(fake.kernels[i].args_size, weft_sim_op_args_size(i));
		assert_true(weft_sim_op_args_size(i) >= 8);
	}
	assert_int_equal(weft_sim_op_args_size(WEFT_SIM_OP_GEMM_I8), sizeof(struct weft_sim_gemm));
	assert_int_equal(weft_sim_op_args_size(WEFT_SIM_OP_COUNT), 0);
	assert_string_equal(weft_sim_op_name(WEFT_SIM_OP_COUNT), "?");
	assert_int_equal(weft_sim_op_parse("sort"), -EINVAL);
	assert_error("use nop, copy");
	assert_int_equal(weft_sim_op_parse(NULL), -EINVAL);
}

static void test_queue(void **state)
{
	struct weft_queue_desc desc = {
		.service = DRM_WEFT_SERVICE_INTERACTIVE,
		.flags = DRM_WEFT_QUEUE_ORDERED,
		.priority = 7,
		.depth = 64,
	};
	struct weft_queue *q = (void *)1;

	/* the usual one of setup() */
	assert_int_equal(fake.queue.service, DRM_WEFT_SERVICE_BATCH);
	assert_int_equal(fake.queue.priority, 3);
	assert_int_equal(fake.queue.depth, 0);
	assert_int_equal(weft_queue_create(pool, &desc, &q), 0);
	assert_int_equal(fake.queue.service, DRM_WEFT_SERVICE_INTERACTIVE);
	assert_int_equal(fake.queue.flags, DRM_WEFT_QUEUE_ORDERED);
	assert_int_equal(fake.queue.priority, 7);
	assert_int_equal(fake.queue.depth, 64);
	assert_int_equal(weft_queue_set(q, 0, 10), 0);
	assert_int_equal(fake.queue_set.priority, 0);
	assert_int_equal(fake.queue_set.depth, 10);
	assert_int_equal(weft_queue_set(q, 8, 10), -EINVAL);
	assert_error("0..7, not 8");
	assert_int_equal(weft_queue_set(q, 7, 65), -EINVAL);
	assert_error("queues of 64 jobs, not 65");
	fake_script(DRM_WEFT_QUEUE_SET, 1, EINVAL);
	assert_int_equal(weft_queue_set(q, 7, 0), -EINVAL);
	desc.priority = 8;
	assert_int_equal(weft_queue_create(pool, &desc, &q), -EINVAL);
	assert_null(q);
	desc.priority = 1;
	desc.depth = 65;
	assert_int_equal(weft_queue_create(pool, &desc, &q), -EINVAL);
	desc.depth = 0;
	fake_script(DRM_WEFT_QUEUE_CREATE, 2, EINTR, EOPNOTSUPP);
	assert_int_equal(weft_queue_create(pool, &desc, &q), -EOPNOTSUPP);
	assert_error("does not offer that service class");
}

static void test_job_reaches_kernel(void **state)
{
	const struct weft_sim_copy *args = (void *)fake.jobs[1].args;
	const struct drm_weft_job *job = &fake.jobs[1].job;
	struct weft_job *first, *second;
	uint64_t id;

	first = copy_job();
	second = copy_job();
	assert_int_equal(weft_job_index(second), 1);
	assert_int_equal(weft_batch_count(batch), 2);
	assert_int_equal(weft_job_pointer(second, 0, bo[0], WRITE, 8), 0);
	assert_int_equal(weft_job_pointer(second, 8, bo[1], READ, 0), 0);
	assert_int_equal(weft_job_buffer(second, bo[2], READ, 4096, 4096), 0);
	assert_int_equal(weft_job_after(second, first), 0);
	assert_int_equal(weft_job_after_id(second, 77), 0);
	assert_int_equal(weft_job_after_sync(second, 5, 9), 0);
	assert_int_equal(weft_job_signal(second, 6, 10), 0);
	assert_int_equal(weft_job_grid(second, 2, 3, 4), 0);
	assert_int_equal(weft_job_size(second, 1234), 0);
	assert_int_equal(weft_job_flags(second, DRM_WEFT_JOB_IDEMPOTENT), 0);
	assert_int_equal(weft_job_where(second, 5, 1 << DRM_WEFT_CLASS_NPU), 0);
	assert_int_equal(weft_job_limits(second, 111, 222), 0);
	assert_int_equal(weft_job_user_data(second, 333), 0);
	assert_int_equal(weft_submit(queue, batch, 0, &id), 0);

	assert_int_equal(id, 100);
	assert_int_equal(weft_batch_count(batch), 0);
	assert_int_equal(fake.submit.job_count, 2);
	assert_int_equal(fake.submit.flags, 0);
	assert_int_equal(fake.submit.pad, 0);
	assert_int_equal(fake.jobs[0].job.grid[0], 1);
	assert_int_equal(fake.jobs[0].job.grid[2], 1);
	assert_int_equal(fake.jobs[0].job.buffer_count, 0);
	assert_int_equal(job->kernel, WEFT_SIM_OP_COPY);
	assert_int_equal(job->args_size, sizeof(*args));
	assert_int_equal(args->bytes, 64);
	assert_int_equal(job->reloc_count, 2);
	assert_int_equal(fake.jobs[1].relocs[0].offset, 0);
	assert_int_equal(fake.jobs[1].relocs[0].buffer, 0);
	assert_int_equal(fake.jobs[1].relocs[0].delta, 8);
	assert_int_equal(fake.jobs[1].relocs[1].offset, 8);
	assert_int_equal(fake.jobs[1].relocs[1].buffer, 1);
	assert_int_equal(job->buffer_count, 3);
	assert_int_equal(fake.jobs[1].buffers[0].handle, weft_bo_handle(bo[0]));
	assert_int_equal(fake.jobs[1].buffers[0].access, WRITE);
	assert_int_equal(fake.jobs[1].buffers[0].length, 0);
	assert_int_equal(fake.jobs[1].buffers[2].offset, 4096);
	assert_int_equal(fake.jobs[1].buffers[2].length, 4096);
	assert_int_equal(job->dep_count, 3);
	assert_int_equal(fake.jobs[1].deps[0].type, DRM_WEFT_DEP_INDEX);
	assert_int_equal(fake.jobs[1].deps[0].value, 0);
	assert_int_equal(fake.jobs[1].deps[1].type, DRM_WEFT_DEP_JOB);
	assert_int_equal(fake.jobs[1].deps[1].value, 77);
	assert_int_equal(fake.jobs[1].deps[2].type, DRM_WEFT_DEP_SYNCOBJ);
	assert_int_equal(fake.jobs[1].deps[2].handle, 5);
	assert_int_equal(fake.jobs[1].deps[2].value, 9);
	assert_int_equal(job->out_sync_count, 1);
	assert_int_equal(fake.jobs[1].outs[0].handle, 6);
	assert_int_equal(fake.jobs[1].outs[0].point, 10);
	assert_int_equal(job->grid[0] * 100 + job->grid[1] * 10 + job->grid[2], 234);
	assert_int_equal(job->size, 1234);
	assert_int_equal(job->flags, DRM_WEFT_JOB_IDEMPOTENT);
	assert_int_equal(job->device_mask, 5);
	assert_int_equal(job->class_mask, 1 << DRM_WEFT_CLASS_NPU);
	assert_int_equal(job->timeout_ns, 111);
	assert_int_equal(job->deadline_ns, 222);
	assert_int_equal(job->user_data, 333);
	assert_int_equal(job->pad, 0);
	assert_int_equal(job->gang, 0);
}

/* A reused batch sends nothing of its last jobs. */
static void test_batch_reuse(void **state)
{
	struct weft_sim_nop nop = { .work = 3 };
	struct weft_job *job;
	int i;

	for (i = 0; i < 16; i++) {
		job = copy_job();
		weft_job_pointer(job, 0, bo[0], WRITE, 0);
		weft_job_signal(job, 5, 0);
		weft_job_where(job, 1, 0);
		weft_job_user_data(job, 5);
	}
	assert_int_equal(weft_submit(queue, batch, 0, NULL), 0);
	assert_int_equal(fake.submit.job_count, 16);
	weft_job_init(batch, program, WEFT_SIM_OP_NOP, &nop, sizeof(nop));
	assert_int_equal(weft_submit(queue, batch, 0, NULL), 0);
	assert_int_equal(fake.submit.job_count, 1);
	assert_int_equal(fake.jobs[0].job.args_size, sizeof(nop));
	assert_int_equal(fake.jobs[0].args[0], 3);
	assert_int_equal(fake.jobs[0].job.buffer_count, 0);
	assert_int_equal(fake.jobs[0].job.reloc_count, 0);
	assert_int_equal(fake.jobs[0].job.out_sync_count, 0);
	assert_int_equal(fake.jobs[0].job.device_mask, 0);
	assert_int_equal(fake.jobs[0].job.user_data, 0);
}

static void test_job_refused(void **state)
{
	struct weft_sim_copy args = {};
	struct weft_job *job;
	int i;

	weft_job_init(batch, program, WEFT_SIM_OP_COUNT, &args, sizeof(args));
	refused(EINVAL, "job 0: its program has 9 kernels, there is no number 9");
	copy_job();
	weft_job_init(batch, program, WEFT_SIM_OP_COPY, &args, 16);
	refused(EINVAL, "job 1: kernel copy wants 24 bytes of arguments, not 16");
	weft_job_init(batch, program, WEFT_SIM_OP_COPY, NULL, sizeof(args));
	refused(EINVAL, "wants 24 bytes of arguments, not 0");
	for (i = 0; i < 17; i++)
		job = copy_job();
	/* calls on the job that did not fit are harmless */
	assert_int_equal(weft_job_buffer(job, bo[0], READ, 0, 0), 0);
	assert_int_equal(weft_job_reloc(job, 0, bo[0], 0), -E2BIG);
	refused(E2BIG, "this pool takes 16 jobs in one batch");
	assert_int_equal(weft_submit(queue, batch, 0, NULL), -EINVAL);
	assert_error("the batch is empty");
}

static void test_buffer_refused(void **state)
{
	struct weft_job *job = copy_job();
	int i;

	assert_int_equal(weft_job_buffer(job, bo[0], 0, 0, 0), -EINVAL);
	refused(EINVAL, "not 0");
	weft_job_buffer(copy_job(), bo[0], 4, 0, 0);
	refused(EINVAL, "not 0x4");
	weft_job_buffer(copy_job(), bo[0], READ, 4, 8);
	refused(EINVAL, "multiple of 8");
	weft_job_buffer(copy_job(), bo[0], READ, 3 * FAKE_PAGE, 0);
	refused(EINVAL, "has 12288 bytes: 0 bytes at offset 12288");
	weft_job_buffer(copy_job(), bo[0], READ, 8, 3 * FAKE_PAGE);
	refused(EINVAL, "has 12288 bytes: 12288 bytes at offset 8");
	job = copy_job();
	for (i = 0; i < 4; i++)
		assert_int_equal(weft_job_buffer(job, bo[i], READ, 0, 0), 0);
	assert_int_equal(weft_job_buffer(job, bo[4], READ, 0, 0), -E2BIG);
	refused(E2BIG, "this pool allows 4 buffers in a job");
	job = copy_job();
	weft_job_buffer(job, bo[0], READ, 0, 64);
	weft_job_pointer(job, 0, bo[0], READ, 0);
	refused(EINVAL, "named twice with different ranges");
}

static void test_buffer_named_twice(void **state)
{
	struct weft_job *job = copy_job();

	assert_int_equal(weft_job_pointer(job, 0, bo[0], WRITE, 64), 0);
	assert_int_equal(weft_job_pointer(job, 8, bo[0], READ, 0), 0);
	/* the whole buffer in other words */
	assert_int_equal(weft_job_buffer(job, bo[0], READ, 0, 3 * FAKE_PAGE), 0);
	assert_int_equal(weft_submit(queue, batch, 0, NULL), 0);
	assert_int_equal(fake.jobs[0].job.buffer_count, 1);
	assert_int_equal(fake.jobs[0].buffers[0].access, READ | WRITE);
	assert_int_equal(fake.jobs[0].relocs[1].buffer, 0);
}

static void test_reloc_refused(void **state)
{
	struct weft_job *job;

	weft_job_reloc(copy_job(), 0, bo[0], 0);
	refused(EINVAL, "which is not among the job's buffers");
	weft_job_pointer(copy_job(), 4, bo[0], READ, 0);
	refused(EINVAL, "no address at offset 4 of 24");
	weft_job_pointer(copy_job(), 24, bo[0], READ, 0);
	refused(EINVAL, "no address at offset 24 of 24");
	weft_job_pointer(copy_job(), 16, bo[0], READ, 3 * FAKE_PAGE);
	refused(EINVAL, "points 12288 bytes into a range of 12288");
	job = copy_job();
	weft_job_buffer(job, bo[0], READ, 8, 16);
	weft_job_reloc(job, 16, bo[0], 15);
	assert_int_equal(weft_job_reloc(job, 8, bo[0], 16), -EINVAL);
	refused(EINVAL, "points 16 bytes into a range of 16");
	job = copy_job();
	weft_job_pointer(job, 0, bo[0], READ, 0);
	weft_job_pointer(job, 0, bo[1], READ, 0);
	refused(EINVAL, "the argument at offset 0 points to two buffers");
}

static void test_deps_refused(void **state)
{
	struct weft_batch *other;
	struct weft_job *job, *foreign;
	int i;

	assert_int_equal(weft_batch_create(pool, &other), 0);
	foreign = weft_job_init(other, program, WEFT_SIM_OP_NOP, &(struct weft_sim_nop){}, 8);
	weft_job_after(copy_job(), foreign);
	refused(EINVAL, "job of another batch: use weft_job_after_id()");
	job = copy_job();
	weft_job_after(job, job);
	refused(EINVAL, "job 0: it is to start after job 0, which is not before it");
	job = copy_job();
	weft_job_after(job, copy_job());
	refused(EINVAL, "after job 1, which is not before it");
	job = copy_job();
	for (i = 0; i < 3; i++)
		assert_int_equal(weft_job_after_id(job, 1), 0);
	assert_int_equal(weft_job_after_id(job, 1), -E2BIG);
	refused(E2BIG, "this pool allows 3 dependencies");
	weft_job_after_sync(copy_job(), 0, 1);
	refused(EINVAL, "0 is no handle of a syncobj");
	weft_job_signal(copy_job(), 0, 1);
	refused(EINVAL, "0 is no handle of a syncobj");
	job = copy_job();
	for (i = 0; i < 4; i++)
		weft_job_signal(job, 5, 1);
	refused(E2BIG, "this pool allows 3 syncobjs to signal");
}

static void test_settings_refused(void **state)
{
	weft_job_grid(copy_job(), 1, 0, 1);
	refused(EINVAL, "grid 1 x 0 x 1");
	weft_job_flags(copy_job(), 4);
	refused(EINVAL, "unknown flags 0x4");
	weft_job_where(copy_job(), 0, 32);
	refused(EINVAL, "there are 5 classes, the mask 0x20");
}

/* The first of several errors is the one that is told. */
static void test_first_error_sticks(void **state)
{
	struct weft_job *job = copy_job();

	assert_int_equal(weft_job_grid(job, 0, 1, 1), -EINVAL);
	weft_job_after_sync(job, 0, 1);
	assert_int_equal(weft_job_buffer(job, bo[0], READ, 0, 0), 0);
	refused(EINVAL, "grid 0 x 1 x 1");
}

static void test_other_pool(void **state)
{
	struct weft_program *foreign_program;
	struct weft_queue *foreign_queue;
	struct weft_bo *foreign_bo;
	struct weft *other;

	assert_int_equal(weft_open(&other, NULL), 0);
	assert_int_equal(weft_sim_program(other, &foreign_program), 0);
	assert_int_equal(weft_queue_create(other, NULL, &foreign_queue), 0);
	assert_int_equal(weft_bo_create(other, 64, 0, &foreign_bo), 0);
	weft_job_buffer(copy_job(), foreign_bo, READ, 0, 0);
	refused(EINVAL, "belongs to another pool");
	weft_job_init(batch, foreign_program, WEFT_SIM_OP_NOP, &(struct weft_sim_nop){}, 8);
	refused(EINVAL, "its program belongs to another pool");
	copy_job();
	assert_int_equal(weft_submit(foreign_queue, batch, 0, NULL), -EINVAL);
	assert_error("the queue belongs to another pool");
	weft_close(other);
}

static void test_submit_eintr(void **state)
{
	copy_job();
	fake_script(DRM_WEFT_SUBMIT, 2, EINTR, EINTR);
	assert_int_equal(weft_submit(queue, batch, 0, NULL), 0);
	assert_int_equal(fake.calls[DRM_WEFT_SUBMIT], 3);
}

static void test_submit_full(void **state)
{
	/* no waiting */
	copy_job();
	fake_script(DRM_WEFT_SUBMIT, 1, EAGAIN);
	assert_int_equal(weft_submit(queue, batch, 0, NULL), -EAGAIN);
	assert_error("the queue is full");
	assert_int_equal(fake.polls, 0);
	/* the batch is still there; room comes at the third try, one event is read */
	fake_script(DRM_WEFT_SUBMIT, 2, EAGAIN, EAGAIN);
	assert_int_equal(weft_submit(queue, batch, WEFT_FOREVER, NULL), 0);
	assert_int_equal(fake.polls, 2);
	assert_int_equal(fake.reads, 1);
	assert_int_equal(fake.poll_timeout, 100);
	/* the time runs out: 150 ms are two polls */
	copy_job();
	fake.polls = 0;
	fake_script(DRM_WEFT_SUBMIT, 8, EAGAIN, EAGAIN, EAGAIN, EAGAIN, EAGAIN, EAGAIN, EAGAIN,
		    EAGAIN);
	assert_int_equal(weft_submit(queue, batch, 150000000, NULL), -EAGAIN);
	assert_int_equal(fake.polls, 2);
	assert_int_equal(fake.poll_timeout, 50);
}

static void test_submit_errors(void **state)
{
	static const struct {
		int error;
		const char *text;
	} errors[] = {
		{ ENOENT, "does not exist" },
		{ EINVAL, "out of range" },
		{ ENOBUFS, "weft_wait()" },
		{ EBUSY, "weft_bo_begin() and weft_bo_end()" },
		{ EOPNOTSUPP, "features" },
		{ ENODEV, "no image for any device" },
		{ ENOSPC, "fit together into no device" },
		{ ENOMEM, "Cannot allocate memory" },
	};
	unsigned int i;

	copy_job();
	copy_job();
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake_script(DRM_WEFT_SUBMIT, 1, errors[i].error);
		fake.failed_index = ~0u;
		assert_int_equal(weft_submit(queue, batch, 0, NULL), -errors[i].error);
		assert_error("submitting 2 jobs to queue 2");
		assert_error(errors[i].text);
		fake_script(DRM_WEFT_SUBMIT, 1, errors[i].error);
		fake.failed_index = 1;
		assert_int_equal(weft_submit(queue, batch, 0, NULL), -errors[i].error);
		assert_error("submitting job 1 of 2");
	}
	assert_int_equal(weft_submit(queue, batch, 0, NULL), 0);
}

static void test_wait(void **state)
{
	struct drm_weft_job_record records[3];

	assert_int_equal(weft_wait(pool, 100, 3, WEFT_FOREVER, records), 0);
	assert_int_equal(records[2].id, 102);
	assert_int_equal(fake.acked, 3);
	assert_int_equal(fake.calls[DRM_WEFT_JOB_QUERY], 2);
	assert_int_equal(weft_wait(pool, 100, 3, WEFT_FOREVER, NULL), 0);
	assert_int_equal(weft_wait(pool, 100, 0, WEFT_FOREVER, NULL), -EINVAL);
	assert_error("no jobs to wait for");
}

static void test_wait_failed_job(void **state)
{
	struct drm_weft_job_record records[4];

	fake.job_error[1] = EIO;
	fake.job_error[3] = ECANCELED;
	assert_int_equal(weft_wait(pool, 100, 4, WEFT_FOREVER, records), -EREMOTEIO);
	assert_error("2 of 4 jobs failed: job 101 failed on device 1: the device reported an "
		     "error, its number 2");
	assert_int_equal(records[3].error, ECANCELED);
	assert_int_equal(fake.acked, 4);
	/* also if nobody asked for records */
	assert_int_equal(weft_wait(pool, 103, 1, WEFT_FOREVER, NULL), -EREMOTEIO);
	assert_error("1 of 1 jobs failed: job 103 failed before it ran");
}

static void test_wait_many(void **state)
{
	const uint32_t count = 2 * 4096 + 1;
	struct drm_weft_job_record *records = calloc(count, sizeof(*records));

	assert_non_null(records);
	fake.job_error[2 * 4096] = EIO;
	assert_int_equal(weft_wait(pool, 100, count, WEFT_FOREVER, records), -EREMOTEIO);
	assert_int_equal(fake.calls[DRM_WEFT_JOB_QUERY], 6);
	assert_int_equal(fake.acked, count);
	assert_int_equal(records[4096].id, 100 + 4096);
	assert_int_equal(records[count - 1].error, EIO);

	/* the second part is late: nothing may be acknowledged */
	fake.acked = 0;
	fake_script(DRM_WEFT_JOB_QUERY, 2, 0, ETIME);
	assert_int_equal(weft_wait(pool, 100, count, 1000, records), -ETIME);
	assert_error("reading the records of jobs 4196..8291: Timer expired (not all jobs have "
		     "ended)");
	assert_int_equal(fake.acked, 0);
	free(records);
}

static void test_wait_errors(void **state)
{
	fake_script(DRM_WEFT_JOB_QUERY, 3, EINTR, EINTR, ENOENT);
	assert_int_equal(weft_wait(pool, 100, 1, 1000, NULL), -ENOENT);
	assert_error("an id was never given, or its record is acknowledged");
	assert_int_equal(fake.calls[DRM_WEFT_JOB_QUERY], 3);
}

static void test_poll_cancel(void **state)
{
	struct drm_weft_job_record record;

	assert_int_equal(weft_job_poll(pool, 100, &record), 0);
	assert_int_equal(record.id, 100);
	assert_int_equal(fake.query.flags, 0);
	assert_int_equal(fake.acked, 0);
	assert_int_equal(weft_cancel(pool, 55), 0);
	assert_int_equal(fake.cancel.job_id, 55);
	fake_script(DRM_WEFT_JOB_CANCEL, 2, EINTR, EALREADY);
	assert_int_equal(weft_cancel(pool, 55), -EALREADY);
	assert_error("cancelling job 55");
	assert_error("the job has ended");
}

static void test_sync(void **state)
{
	uint32_t sync;

	assert_int_equal(weft_sync_create(pool, &sync), 0);
	assert_int_equal(weft_sync_wait(pool, sync, 4, WEFT_FOREVER), 0);
	assert_int_equal(fake.sync_point, 4);
	assert_true(fake.sync_until == INT64_MAX);
	fake.sync_error = ETIME;
	assert_int_equal(weft_sync_wait(pool, sync, 0, 0), -ETIME);
	assert_int_equal(fake.sync_until, 0);
	assert_error("point 0 of syncobj 5: Timer expired");
	weft_sync_destroy(pool, sync);
	assert_int_equal(weft_sync_create(pool, &sync), -ETIME);
	assert_error("creating a syncobj");
}

static void test_lease(void **state)
{
	struct drm_weft_lease_wait wait;
	uint64_t id;

	assert_int_equal(weft_lease_ask(queue, 6, 5000000, &id), 0);
	assert_int_equal(id, fake.submit.first_job_id);
	assert_int_equal(fake.submit.queue, fake.queue.handle);
	assert_int_equal(fake.submit.job_count, 1);
	assert_int_equal(fake.jobs[0].job.device_mask, 6);
	assert_int_equal(fake.jobs[0].job.timeout_ns, 5000000);
	assert_int_equal(fake.jobs[0].job.program, 0);
	assert_int_equal(fake.jobs[0].job.grid[0] * fake.jobs[0].job.grid[1] *
			 fake.jobs[0].job.grid[2], 1);
	fake_script(DRM_WEFT_SUBMIT, 2, EINTR, ENODEV);
	assert_int_equal(weft_lease_ask(queue, 6, 0, &id), -ENODEV);
	assert_error("0x6");
	fake_script(DRM_WEFT_SUBMIT, 1, EAGAIN);
	assert_int_equal(weft_lease_ask(queue, 0, 0, &id), -EAGAIN);

	/* a relative time becomes an absolute one, and an interrupted call is made again */
	fake_script(DRM_WEFT_LEASE_WAIT, 1, EINTR);
	assert_int_equal(weft_lease_wait(pool, id, DRM_WEFT_LEASE_HELD, WEFT_FOREVER, &wait), 0);
	assert_int_equal(wait.state, DRM_WEFT_LEASE_YIELD);
	assert_int_equal(fake.lease_wait.job_id, id);
	assert_int_equal(fake.lease_wait.known, DRM_WEFT_LEASE_HELD);
	assert_true(fake.lease_wait.timeout_ns == UINT64_MAX);
	assert_int_equal(weft_lease_wait(pool, id, 0, 0, &wait), 0);
	assert_int_equal(fake.lease_wait.timeout_ns, 0);
	fake_script(DRM_WEFT_LEASE_WAIT, 1, EINVAL);
	assert_int_equal(weft_lease_wait(pool, id, 0, 0, &wait), -EINVAL);
	assert_error("no lease");

	assert_int_equal(weft_lease_leave(pool, id, 3, 7), 0);
	assert_int_equal(fake.lease_leave.job_id, id);
	assert_int_equal(fake.lease_leave.launches, 3);
	assert_int_equal(fake.lease_leave.device_ns, 7);
	fake_script(DRM_WEFT_LEASE_LEAVE, 1, EALREADY);
	assert_int_equal(weft_lease_leave(pool, id, 0, 0), -EALREADY);
	assert_error("it is over");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_program_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sim_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_job_reaches_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_reuse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_job_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buffer_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buffer_named_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reloc_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deps_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_error_sticks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_submit_eintr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_submit_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_submit_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_failed_job, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poll_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lease, setup, teardown),
	};

	return cmocka_run_group_tests_name("libweft_job", tests, NULL, NULL);
}
