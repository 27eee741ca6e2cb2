// SPDX-License-Identifier: GPL-2.0-only
/*
 * SUBMIT, JOB_QUERY and JOB_CANCEL with one field at a time out of range.
 *
 * DOC: submit_args
 *
 * Two jobs use everything a job can have and are valid; each subtest spoils one thing of the second
 * one and wants the documented errno, failed_index 1 (or ~0 when the whole call is meant), and
 * that nothing at all was queued.
 */
/* vm: smp=2 timeout=90 kernels=stock,debug,next insmod=weft,weft_sim */
#include "common.h"

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

#define SIZE	4096

struct fixture {
	struct client c;
	struct drm_weft_pool_info pool;
	uint32_t bo[4];
	uint32_t binary, timeline;
	uint64_t earlier;		/* a job that is done */
	struct job job[2];
	struct drm_weft_job flat[2];
	struct drm_weft_submit s;
};

static void prepare(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	client_open(&f->c);
	pool_info(f->c.fd, &f->pool);
	for (int i = 0; i < 4; i++)
		f->bo[i] = bo_create(f->c.fd, SIZE);
	f->binary = syncobj_create(f->c.fd, 0);
	f->timeline = syncobj_create(f->c.fd, 0);
	CHECK_EQ(syncobj_signal(f->c.fd, f->timeline, 5), 0);
	job_nop(&f->job[0], &f->c, 1);
	f->earlier = submit(&f->c, f->job, 1);
	job_wait(f->c.fd, f->earlier, &(struct drm_weft_job_record){});

	job_nop(&f->job[0], &f->c, 1);
	job_add(&f->job[1], &f->c, f->bo[0], f->bo[1], f->bo[2], SIZE);
	job_dep(&f->job[1], DRM_WEFT_DEP_INDEX, 0, 0);
	job_dep(&f->job[1], DRM_WEFT_DEP_JOB, 0, f->earlier);
	job_dep(&f->job[1], DRM_WEFT_DEP_SYNCOBJ, f->timeline, 5);
	job_out(&f->job[1], f->timeline, 6);
	job_out(&f->job[1], f->binary, 0);
	for (int i = 0; i < 2; i++) {
		struct job *j = &f->job[i];

		j->j.args = p64(&j->args);
		j->j.relocs = p64(j->reloc);
		j->j.buffers = p64(j->buffer);
		j->j.deps = p64(j->dep);
		j->j.out_syncs = p64(j->out);
		f->flat[i] = j->j;
	}
	f->s = (struct drm_weft_submit) {
		.queue = f->c.queue, .jobs = p64(f->flat), .job_count = 2,
		.job_stride = sizeof(f->flat[0]), .failed_index = 77,
	};
}

static long send_it(struct fixture *f)
{
	return ioc(f->c.fd, DRM_IOCTL_WEFT_SUBMIT, &f->s);
}

/* a call that failed has done nothing: no job, no record, syncobjs and buffers as before */
static void nothing_done(struct fixture *f)
{
	struct drm_weft_client_info i;
	struct drm_weft_bo_info b;

	client_info(f->c.fd, &i);
	CHECK_EQ(i.jobs_submitted, 1);
	CHECK_EQ(i.unread_records, 1);
	CHECK_EQ(bo_info(f->c.fd, f->bo[0], &b), 0);
	CHECK_EQ(b.users | b.state, 0);
	CHECK_EQ(bo_wait(f->c.fd, f->bo[0], DRM_WEFT_ACCESS_WRITE, 0), 0);
	CHECK_EQ(syncobj_wait(f->c.fd, f->timeline, 5, 0, 0), 0);
	CHECK(syncobj_wait(f->c.fd, f->timeline, 6, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, 0));
}

#define BROKEN(ident, title, err, index, ...)					\
	TEST(ident, title)							\
	{									\
		struct fixture f;						\
		struct drm_weft_job *j = &f.flat[1];				\
										\
		prepare(&f);							\
		__VA_ARGS__;							\
		(void)j;							\
		CHECK_EQ(send_it(&f), -(err));					\
		if ((err) == EFAULT)						\
			CHECK_EQ(f.s.failed_index, 77);				\
		else if (err)							\
			CHECK_EQ(f.s.failed_index, index);			\
		if (err)							\
			nothing_done(&f);					\
		else								\
			for (int k = 0; k < 2; k++)				\
				CHECK_EQ(job_result(f.c.fd, f.s.first_job_id + k), 0); \
	}

#define BAD_JOB(ident, title, err, ...) BROKEN(ident, title, err, 1, __VA_ARGS__)
#define BAD_ALL(ident, title, err, ...) BROKEN(ident, title, err, ~0u, __VA_ARGS__)

BAD_JOB(valid, "the untouched SUBMIT is accepted and both jobs succeed", 0, (void)j)

/* struct drm_weft_submit */
BAD_ALL(queue_none, "queue: no such handle: ENOENT", ENOENT, f.s.queue += 1000)
BAD_ALL(queue_zero, "queue 0: ENOENT", ENOENT, f.s.queue = 0)
BAD_ALL(submit_flags, "submit flags: EINVAL", EINVAL, f.s.flags = 1)
BAD_ALL(submit_flags_high, "submit flags, highest bit: EINVAL", EINVAL, f.s.flags = 1u << 31)
BAD_ALL(jobs_null, "jobs NULL: EFAULT", EFAULT, f.s.jobs = 0)
BAD_ALL(jobs_ptr, "jobs out of the address space: EFAULT", EFAULT, f.s.jobs = ~4095ull)
BAD_ALL(job_count_0, "job_count 0: EINVAL", EINVAL, f.s.job_count = 0)
BAD_ALL(job_count_big, "job_count above the bound: EINVAL", EINVAL,
	f.s.job_count = f.pool.max_jobs_per_submit + 1)
BAD_ALL(job_count_max, "job_count 2^32-1: EINVAL", EINVAL, f.s.job_count = ~0u)
BAD_ALL(job_stride_0, "job_stride 0: EINVAL", EINVAL, f.s.job_stride = 0)
BAD_ALL(job_stride_short, "job_stride below the structure: EINVAL", EINVAL, f.s.job_stride -= 8)
BAD_ALL(submit_pad, "submit pad: EINVAL", EINVAL, f.s.pad = 1)

/* struct drm_weft_job */
BAD_JOB(program_none, "program: no such handle: ENOENT", ENOENT, j->program += 1000)
BAD_JOB(program_zero, "program 0: ENOENT", ENOENT, j->program = 0)
BAD_JOB(kernel_big, "kernel beyond the table: EINVAL", EINVAL, j->kernel = WEFT_SIM_OP_COUNT)
BAD_JOB(kernel_max, "kernel 2^32-1: EINVAL", EINVAL, j->kernel = ~0u)
BAD_JOB(flags_unknown, "job flags, first unknown bit: EINVAL", EINVAL, j->flags = 4)
BAD_JOB(flags_high, "job flags, highest bit: EINVAL", EINVAL, j->flags = 1u << 31)
BAD_JOB(gang, "gang: EINVAL while gangs are not offered", EINVAL,
	j->gang = !(f.pool.features & DRM_WEFT_FEATURE_GANG))
BAD_JOB(args_null, "args NULL with a size: EFAULT", EFAULT, j->args = 0)
BAD_JOB(args_ptr, "args out of the address space: EFAULT", EFAULT, j->args = ~4095ull)
BAD_JOB(args_short, "args_size below the kernel's: EINVAL", EINVAL, j->args_size -= 8)
BAD_JOB(args_long, "args_size above the kernel's: EINVAL", EINVAL, j->args_size += 8)
BAD_JOB(args_max, "args_size 2^32-1: EINVAL", EINVAL, j->args_size = ~0u)
BAD_JOB(reloc_count_big, "reloc_count 257: EINVAL", EINVAL, j->reloc_count = 257)
BAD_JOB(reloc_count_max, "reloc_count 2^32-1: EINVAL", EINVAL, j->reloc_count = ~0u)
BAD_JOB(reloc_stride_0, "reloc_stride 0: EINVAL", EINVAL, j->reloc_stride = 0)
BAD_JOB(reloc_stride_short, "reloc_stride below the structure: EINVAL", EINVAL,
	j->reloc_stride -= 8)
BAD_JOB(reloc_ptr, "relocs NULL: EFAULT", EFAULT, j->relocs = 0)
BAD_JOB(buffer_count_big, "buffer_count above the bound: EINVAL", EINVAL,
	j->buffer_count = f.pool.max_buffers_per_job + 1)
BAD_JOB(buffer_count_max, "buffer_count 2^32-1: EINVAL", EINVAL, j->buffer_count = ~0u)
BAD_JOB(buffer_count_less, "fewer buffers than relocations name: EINVAL", EINVAL,
	j->buffer_count = 2)
BAD_JOB(buffer_stride_0, "buffer_stride 0: EINVAL", EINVAL, j->buffer_stride = 0)
BAD_JOB(buffer_stride_short, "buffer_stride below the structure: EINVAL", EINVAL,
	j->buffer_stride -= 8)
BAD_JOB(buffer_ptr, "buffers NULL: EFAULT", EFAULT, j->buffers = 0)
BAD_JOB(dep_count_big, "dep_count above the bound: EINVAL", EINVAL,
	j->dep_count = f.pool.max_deps_per_job + 1)
BAD_JOB(dep_count_max, "dep_count 2^32-1: EINVAL", EINVAL, j->dep_count = ~0u)
BAD_JOB(dep_stride_0, "dep_stride 0: EINVAL", EINVAL, j->dep_stride = 0)
BAD_JOB(dep_stride_short, "dep_stride below the structure: EINVAL", EINVAL, j->dep_stride -= 8)
BAD_JOB(dep_ptr, "deps NULL: EFAULT", EFAULT, j->deps = 0)
BAD_JOB(out_count_big, "out_sync_count above the bound: EINVAL", EINVAL,
	j->out_sync_count = f.pool.max_deps_per_job + 1)
BAD_JOB(out_count_max, "out_sync_count 2^32-1: EINVAL", EINVAL, j->out_sync_count = ~0u)
BAD_JOB(out_stride_0, "out_sync_stride 0: EINVAL", EINVAL, j->out_sync_stride = 0)
BAD_JOB(out_stride_short, "out_sync_stride below the structure: EINVAL", EINVAL,
	j->out_sync_stride -= 8)
BAD_JOB(out_ptr, "out_syncs NULL: EFAULT", EFAULT, j->out_syncs = 0)
BAD_JOB(class_unknown, "class_mask with a class that does not exist: EINVAL", EINVAL,
	j->class_mask = 1u << DRM_WEFT_CLASS_COUNT)
BAD_JOB(class_none, "class_mask without any such device: ENODEV", ENODEV,
	j->class_mask = 1u << DRM_WEFT_CLASS_DPU)
BAD_JOB(grid_x, "grid[0] 0: EINVAL", EINVAL, j->grid[0] = 0)
BAD_JOB(grid_y, "grid[1] 0: EINVAL", EINVAL, j->grid[1] = 0)
BAD_JOB(grid_z, "grid[2] 0: EINVAL", EINVAL, j->grid[2] = 0)
BAD_JOB(job_pad, "job pad: EINVAL", EINVAL, j->pad = 1)
BAD_JOB(device_none, "device_mask without any device that is there: ENODEV", ENODEV,
	j->device_mask = ~f.pool.device_mask)
BAD_JOB(image_none, "image_mask without an image that a device takes: ENODEV", ENODEV,
	j->image_mask = 1ull << 2)
BAD_JOB(deadline_past, "a deadline that has passed is only a wish", 0, j->deadline_ns = 1)
BAD_JOB(grid_big, "a huge grid is only a hint", 0,
	memset(j->grid, 0xff, sizeof(j->grid)); j->size = 0)

/* struct drm_weft_buffer */
BAD_JOB(buffer_none, "buffer: no such handle: ENOENT", ENOENT, f.job[1].buffer[0].handle += 1000)
BAD_JOB(buffer_zero, "buffer handle 0: ENOENT", ENOENT, f.job[1].buffer[1].handle = 0)
BAD_JOB(buffer_twice, "a buffer named twice: EINVAL", EINVAL,
	f.job[1].buffer[1].handle = f.job[1].buffer[0].handle)
BAD_JOB(access_none, "buffer access 0: EINVAL", EINVAL, f.job[1].buffer[0].access = 0)
BAD_JOB(access_unknown, "buffer access, unknown bit: EINVAL", EINVAL, f.job[1].buffer[0].access = 6)
BAD_JOB(buffer_flags, "buffer flags, unknown bit: EINVAL", EINVAL, f.job[1].buffer[0].flags = 2)
BAD_JOB(buffer_flags_high, "buffer flags, highest bit: EINVAL", EINVAL,
	f.job[1].buffer[0].flags = 1u << 31)
BAD_JOB(buffer_pad, "buffer pad: EINVAL", EINVAL, f.job[1].buffer[2].pad = 1)
BAD_JOB(buffer_offset_odd, "buffer offset not a multiple of 8: EINVAL", EINVAL,
	f.job[1].buffer[1].offset = 4)
BAD_JOB(buffer_offset_big, "buffer offset beyond the end: EINVAL", EINVAL,
	f.job[1].buffer[1].offset = SIZE + 8)
BAD_JOB(buffer_length_big, "buffer length beyond the end: EINVAL", EINVAL,
	f.job[1].buffer[1].length = SIZE + 1)
BAD_JOB(buffer_wrap, "buffer offset + length wraps: EINVAL", EINVAL,
	f.job[1].buffer[1].offset = 8; f.job[1].buffer[1].length = UINT64_MAX - 3)

/* struct drm_weft_reloc */
BAD_JOB(reloc_odd, "reloc offset not a multiple of 8: EINVAL", EINVAL, f.job[1].reloc[0].offset = 4)
BAD_JOB(reloc_end, "reloc offset above args_size - 8: EINVAL", EINVAL,
	f.job[1].reloc[0].offset = sizeof(struct weft_sim_add))
BAD_JOB(reloc_max, "reloc offset 2^32-8: EINVAL", EINVAL, f.job[1].reloc[0].offset = ~7u)
BAD_JOB(reloc_buffer, "reloc buffer index beyond the buffers: EINVAL", EINVAL,
	f.job[1].reloc[2].buffer = 3)
BAD_JOB(reloc_buffer_max, "reloc buffer index 2^32-1: EINVAL", EINVAL,
	f.job[1].reloc[2].buffer = ~0u)
BAD_JOB(reloc_delta, "reloc delta at the end of the range: EINVAL", EINVAL,
	f.job[1].reloc[1].delta = SIZE)
BAD_JOB(reloc_delta_range, "reloc delta beyond a shortened range: EINVAL", EINVAL,
	f.job[1].buffer[1].length = 64; f.job[1].reloc[1].delta = 64)
BAD_JOB(reloc_delta_max, "reloc delta 2^64-1: EINVAL", EINVAL, f.job[1].reloc[1].delta = UINT64_MAX)

/* struct drm_weft_dep */
BAD_JOB(dep_type, "dep type unknown: EINVAL", EINVAL, f.job[1].dep[0].type = 3)
BAD_JOB(dep_index_self, "dep on itself: EINVAL", EINVAL, f.job[1].dep[0].value = 1)
BAD_JOB(dep_index_later, "dep on a later index: EINVAL", EINVAL, f.job[1].dep[0].value = 2)
BAD_JOB(dep_index_max, "dep on index 2^64-1: EINVAL", EINVAL, f.job[1].dep[0].value = UINT64_MAX)
BAD_JOB(dep_index_handle, "INDEX dep with a handle: EINVAL", EINVAL, f.job[1].dep[0].handle = 1)
BAD_JOB(dep_job_handle, "JOB dep with a handle: EINVAL", EINVAL, f.job[1].dep[1].handle = 1)
BAD_JOB(dep_job_none, "dep on a job id never given: ENOENT", ENOENT,
	f.job[1].dep[1].value += 1000000)
BAD_JOB(dep_job_zero, "dep on job id 0: ENOENT", ENOENT, f.job[1].dep[1].value = 0)
BAD_JOB(dep_sync_none, "dep on no syncobj: ENOENT", ENOENT, f.job[1].dep[2].handle += 1000)
BAD_JOB(dep_sync_promise, "F12: dep on a point nobody has submitted: EINVAL", EINVAL,
	f.job[1].dep[2].value = 100)
BAD_JOB(dep_sync_empty, "F12: dep on an empty binary syncobj: EINVAL", EINVAL,
	f.job[1].dep[2].handle = f.binary; f.job[1].dep[2].value = 0)

/* struct drm_weft_out_sync */
BAD_JOB(out_none, "out: no such syncobj: ENOENT", ENOENT, f.job[1].out[0].handle += 1000)
BAD_JOB(out_zero, "out: syncobj 0: ENOENT", ENOENT, f.job[1].out[1].handle = 0)
BAD_JOB(out_pad, "out pad: EINVAL", EINVAL, f.job[1].out[0].pad = 1)
BAD_JOB(out_falls, "F2: an out-point that does not rise: EINVAL", EINVAL, f.job[1].out[0].point = 5)
BAD_JOB(out_twice, "one out-point twice in a job: EINVAL", EINVAL,
	f.job[1].out[1] = f.job[1].out[0])

TEST(out_two_queues, "F2: a pending syncobj fed by a second queue: EINVAL")
{
	struct fixture f;
	uint64_t id;

	prepare(&f);
	f.job[0].args.nop.work = 100 * UNIT_MS;
	f.flat[0].out_sync_count = 1;
	f.job[0].out[0] = (struct drm_weft_out_sync) { .handle = f.timeline, .point = 10 };
	f.s.job_count = 1;
	CHECK_EQ(send_it(&f), 0);
	id = f.s.first_job_id;
	f.job[0].out[0].point = 11;
	f.s.queue = queue_create(f.c.fd, 0, 0);
	CHECK_EQ(send_it(&f), -EINVAL);
	CHECK_EQ(f.s.failed_index, 0);
	f.s.queue = f.c.queue;
	f.job[0].out[0].point = 10;
	CHECK_EQ(send_it(&f), -EINVAL);
	f.job[0].out[0].point = 11;
	CHECK_EQ(send_it(&f), 0);
	CHECK_EQ(job_result(f.c.fd, id), 0);
	CHECK_EQ(job_result(f.c.fd, f.s.first_job_id), 0);
}

TEST(acked_dep, "a dep on a job whose record is acknowledged: ENOENT")
{
	struct fixture f;

	prepare(&f);
	CHECK_EQ(job_result(f.c.fd, f.earlier), 0);
	CHECK_EQ(send_it(&f), -ENOENT);
	CHECK_EQ(f.s.failed_index, 1);
}

TEST(foreign_dep, "a dep on another client's job: ENOENT")
{
	struct fixture f, g;

	prepare(&f);
	prepare(&g);
	f.job[1].dep[1].value = g.earlier;
	CHECK_EQ(send_it(&f), -ENOENT);
	CHECK_EQ(f.s.failed_index, 1);
}

TEST(stride_long, "longer strides everywhere, with zeros behind, are accepted")
{
	struct { struct drm_weft_job j; uint64_t future[3]; } jobs[2] = {};
	struct { struct drm_weft_buffer b; uint64_t future; } buffer[3] = {};
	struct { struct drm_weft_reloc r; uint64_t future; } reloc[3] = {};
	struct { struct drm_weft_dep d; uint64_t future[2]; } dep[3] = {};
	struct { struct drm_weft_out_sync o; uint64_t future; } out[2] = {};
	struct fixture f;

	prepare(&f);
	for (int i = 0; i < 3; i++) {
		buffer[i].b = f.job[1].buffer[i];
		reloc[i].r = f.job[1].reloc[i];
		dep[i].d = f.job[1].dep[i];
	}
	out[0].o = f.job[1].out[0];
	out[1].o = f.job[1].out[1];
	jobs[0].j = f.flat[0];
	jobs[1].j = f.flat[1];
	jobs[1].j.buffers = p64(buffer);
	jobs[1].j.buffer_stride = sizeof(buffer[0]);
	jobs[1].j.relocs = p64(reloc);
	jobs[1].j.reloc_stride = sizeof(reloc[0]);
	jobs[1].j.deps = p64(dep);
	jobs[1].j.dep_stride = sizeof(dep[0]);
	jobs[1].j.out_syncs = p64(out);
	jobs[1].j.out_sync_stride = sizeof(out[0]);
	f.s.jobs = p64(jobs);
	f.s.job_stride = sizeof(jobs[0]);
	CHECK_EQ(send_it(&f), 0);
	CHECK_EQ(job_result(f.c.fd, f.s.first_job_id + 1), 0);
}

TEST(first_bad, "of two bad jobs the first is told")
{
	struct fixture f;

	prepare(&f);
	f.flat[0].kernel = ~0u;
	f.flat[1].kernel = ~0u;
	CHECK_EQ(send_it(&f), -EINVAL);
	CHECK_EQ(f.s.failed_index, 0);
}

TEST(too_big, "F10: buffers that can never fit together on any device: ENOSPC")
{
	struct fixture f;

	prepare(&f);
	f.job[1].buffer[0].handle = bo_create(f.c.fd, 9 * MIB);
	f.job[1].buffer[1].handle = bo_create(f.c.fd, 9 * MIB);
	CHECK_EQ(send_it(&f), -ENOSPC);
	CHECK_EQ(f.s.failed_index, 1);
}

TEST(no_device, "no device at all: ENODEV")
{
	struct fixture f;

	prepare(&f);
	CHECK_EQ(dev_enable("unit", false), 0);
	CHECK_EQ(send_it(&f), -ENODEV);
	CHECK_EQ(f.s.failed_index, 0);
	CHECK_EQ(dev_enable("unit", true), 0);
	CHECK_EQ(send_it(&f), 0);
	CHECK_EQ(job_result(f.c.fd, f.s.first_job_id + 1), 0);
}

/* ids are consecutive, rise, and are never given twice, not even after a failed SUBMIT */
TEST(ids, "job ids of one SUBMIT are consecutive and later ones are larger")
{
	struct fixture f;
	struct job jobs[8];
	uint64_t before;

	prepare(&f);
	before = f.earlier;
	for (int i = 0; i < 8; i++)
		job_nop(&jobs[i], &f.c, 1);
	for (int round = 0; round < 4; round++) {
		uint64_t id = submit(&f.c, jobs, 8);
		struct drm_weft_job_record r[8];

		CHECK(id > before);
		before = id + 7;
		CHECK_EQ(job_query(f.c.fd, id, 8, r, DRM_WEFT_JOB_QUERY_WAIT, in_ns(PATIENCE)), 0);
		for (int i = 0; i < 8; i++)
			CHECK_EQ(r[i].id, id + i);
	}
}

/* ------------------------------------------------------------------------------- JOB_CANCEL */

TEST(cancel_errors, "JOB_CANCEL: ENOENT, EALREADY, EINVAL for flags and pad")
{
	struct fixture f;
	struct drm_weft_job_cancel c;

	prepare(&f);
	CHECK_EQ(job_cancel(f.c.fd, f.earlier), -EALREADY);
	CHECK_EQ(job_cancel(f.c.fd, f.earlier + 1000000), -ENOENT);
	CHECK_EQ(job_cancel(f.c.fd, 0), -ENOENT);
	c = (struct drm_weft_job_cancel) { .job_id = f.earlier, .flags = 1 };
	CHECK_EQ(ioc(f.c.fd, DRM_IOCTL_WEFT_JOB_CANCEL, &c), -EINVAL);
	c = (struct drm_weft_job_cancel) { .job_id = f.earlier, .pad = 1 };
	CHECK_EQ(ioc(f.c.fd, DRM_IOCTL_WEFT_JOB_CANCEL, &c), -EINVAL);
}

TEST(cancel_foreign, "JOB_CANCEL and JOB_QUERY of another client's job: ENOENT")
{
	struct drm_weft_job_record r;
	struct fixture f, g;

	prepare(&f);
	prepare(&g);
	CHECK_EQ(job_cancel(f.c.fd, g.earlier), -ENOENT);
	CHECK_EQ(job_query(f.c.fd, g.earlier, 1, &r, 0, 0), -ENOENT);
	CHECK_EQ(job_query(g.c.fd, g.earlier, 1, &r, 0, 0), 0);
}
