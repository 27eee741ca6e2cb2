// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROGRAM_CREATE, PROGRAM_QUERY and PROGRAM_DESTROY, each field broken in turn.
 */
/* vm: smp=2 timeout=90 kernels=stock,debug,next insmod=weft,weft_sim */
#include "common.h"

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

/* a valid program of one kernel for the device's first ISA, for tests to spoil */
struct fixture {
	int fd;
	struct drm_weft_device_info dev;
	struct {
		struct weft_sim_image_header header;
		uint32_t op[2];
	} data;
	struct drm_weft_image image[3];
	struct drm_weft_kernel kernel[3];
	struct drm_weft_program_create p;
};

static void prepare(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->fd = pool_open();
	CHECK(dev_find(f->fd, "unit", &f->dev));
	f->data.header = (struct weft_sim_image_header) {
		WEFT_SIM_IMAGE_MAGIC, WEFT_SIM_IMAGE_VERSION, 1, 0
	};
	f->data.op[0] = WEFT_SIM_OP_NOP;
	for (int i = 0; i < 3; i++) {
		strcpy(f->image[i].isa, i ? (i > 1 ? "isa-b" : "isa-a") : f->dev.isas[0]);
		f->image[i].data = p64(&f->data);
		f->image[i].size = sizeof(f->data.header) + 4;
		strcpy(f->kernel[i].name, i ? "other" : "nop");
		f->kernel[i].args_size = sizeof(struct weft_sim_nop);
	}
	f->p = (struct drm_weft_program_create) {
		.images = p64(f->image), .kernels = p64(f->kernel),
		.image_count = 1, .image_stride = sizeof(f->image[0]),
		.kernel_count = 1, .kernel_stride = sizeof(f->kernel[0]),
	};
}

static long create(struct fixture *f)
{
	return ioc(f->fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &f->p);
}

static long program_query(struct fixture *f, uint32_t device, struct drm_weft_program_query *q)
{
	*q = (struct drm_weft_program_query) { .handle = f->p.handle, .device = device };
	return ioc(f->fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, q);
}

static long destroy(int fd, uint32_t handle, uint32_t pad)
{
	struct drm_weft_handle h = { handle, pad };

	return ioc(fd, DRM_IOCTL_WEFT_PROGRAM_DESTROY, &h);
}

/* one broken field per subtest: the errno, and that nothing was created */
#define BAD_ARG(ident, title, err, ...)						\
	TEST(ident, title)							\
	{									\
		struct fixture f;						\
										\
		prepare(&f);							\
		__VA_ARGS__;							\
		CHECK_EQ(create(&f), -(err));					\
	}

BAD_ARG(valid, "the untouched program is accepted", 0, (void)f)
BAD_ARG(image_count_0, "image_count 0: EINVAL", EINVAL, f.p.image_count = 0)
BAD_ARG(image_count_17, "image_count 17: EINVAL", EINVAL, f.p.image_count = 17)
BAD_ARG(image_count_max, "image_count 2^32-1: EINVAL", EINVAL, f.p.image_count = ~0u)
BAD_ARG(image_stride_0, "image_stride 0: EINVAL", EINVAL, f.p.image_stride = 0)
BAD_ARG(image_stride_short, "image_stride below the structure: EINVAL", EINVAL,
	f.p.image_stride = sizeof(f.image[0]) - 8)
BAD_ARG(image_ptr, "images out of the address space: EFAULT", EFAULT, f.p.images = 8)
BAD_ARG(kernel_count_0, "kernel_count 0: EINVAL", EINVAL, f.p.kernel_count = 0)
BAD_ARG(kernel_count_257, "kernel_count 257: EINVAL", EINVAL, f.p.kernel_count = 257)
BAD_ARG(kernel_count_max, "kernel_count 2^32-1: EINVAL", EINVAL, f.p.kernel_count = ~0u)
BAD_ARG(kernel_stride_0, "kernel_stride 0: EINVAL", EINVAL, f.p.kernel_stride = 0)
BAD_ARG(kernel_stride_short, "kernel_stride below the structure: EINVAL", EINVAL,
	f.p.kernel_stride = sizeof(f.kernel[0]) - 8)
BAD_ARG(kernel_ptr, "kernels out of the address space: EFAULT", EFAULT, f.p.kernels = 8)
BAD_ARG(flags, "flags: EINVAL", EINVAL, f.p.flags = 1)
BAD_ARG(flags_high, "flags, highest bit: EINVAL", EINVAL, f.p.flags = 1u << 31)
BAD_ARG(isa_empty, "an empty ISA name: EINVAL", EINVAL, f.image[0].isa[0] = 0)
BAD_ARG(isa_long, "an ISA name that is not terminated: EINVAL", EINVAL,
	memset(f.image[0].isa, 'x', sizeof(f.image[0].isa)))
BAD_ARG(isa_twice, "two images for one ISA: EINVAL", EINVAL,
	f.p.image_count = 3; strcpy(f.image[2].isa, f.image[1].isa))
BAD_ARG(image_size_0, "image size 0: EINVAL", EINVAL, f.image[0].size = 0)
BAD_ARG(image_size_big, "image above 16 MiB: E2BIG", E2BIG, f.image[0].size = 16 * MIB + 1)
BAD_ARG(image_size_max, "image size 2^64-1: E2BIG", E2BIG, f.image[0].size = UINT64_MAX)
BAD_ARG(image_data, "image data out of the address space: EFAULT", EFAULT, f.image[0].data = 8)
BAD_ARG(kernel_empty, "an empty kernel name: EINVAL", EINVAL, f.kernel[0].name[0] = 0)
BAD_ARG(kernel_long, "a kernel name that is not terminated: EINVAL", EINVAL,
	memset(f.kernel[0].name, 'x', sizeof(f.kernel[0].name)))
BAD_ARG(kernel_flags, "kernel flags: EINVAL", EINVAL, f.kernel[0].flags = 1)
BAD_ARG(kernel_args, "an args_size no job could have: EINVAL", EINVAL,
	f.kernel[0].args_size = ~0u)
BAD_ARG(many, "three images, one device can use one: accepted", 0, f.p.image_count = 3)

TEST(stride_long, "longer strides with zeros behind are accepted")
{
	struct {
		struct drm_weft_image i;
		uint64_t future[2];
	} image[2] = {};
	struct {
		struct drm_weft_kernel k;
		uint64_t future;
	} kernel[1] = {};
	struct drm_weft_program_query q;
	struct fixture f;

	prepare(&f);
	image[0].i = f.image[1];
	image[1].i = f.image[0];
	kernel[0].k = f.kernel[0];
	f.p.images = p64(image);
	f.p.kernels = p64(kernel);
	f.p.image_count = 2;
	f.p.image_stride = sizeof(image[0]);
	f.p.kernel_stride = sizeof(kernel[0]);
	CHECK_EQ(create(&f), 0);
	CHECK_EQ(program_query(&f, f.dev.id, &q), 0);
	CHECK_EQ(q.image, 1);
}

TEST(query_states, "PROGRAM_QUERY: UNLOADED, LOADED after a job, NONE without an image")
{
	struct drm_weft_program_query q;
	struct client c;
	struct job job;
	struct fixture f;

	prepare(&f);
	CHECK_EQ(create(&f), 0);
	CHECK_EQ(program_query(&f, f.dev.id, &q), 0);
	CHECK_EQ(q.state, DRM_WEFT_IMAGE_UNLOADED);
	CHECK_EQ(q.error, 0);
	c = (struct client) { f.fd, queue_create(f.fd, 0, 0), f.p.handle };
	job_nop(&job, &c, 1);
	job_run(&c, &job);
	CHECK_EQ(program_query(&f, f.dev.id, &q), 0);
	CHECK_EQ(q.state, DRM_WEFT_IMAGE_LOADED);
	CHECK_EQ(q.image, 0);

	f.p.images = p64(&f.image[1]);
	CHECK_EQ(create(&f), 0);
	CHECK_EQ(program_query(&f, f.dev.id, &q), 0);
	CHECK_EQ(q.state, DRM_WEFT_IMAGE_NONE);
}

TEST(bad_image, "an image the device refuses: the job fails, PROGRAM_QUERY says FAILED and why")
{
	struct drm_weft_program_query q;
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	struct fixture f;

	prepare(&f);
	f.data.header.magic ^= 1;
	CHECK_EQ(create(&f), 0);
	c = (struct client) { f.fd, queue_create(f.fd, 0, 0), f.p.handle };
	job_nop(&job, &c, 1);
	job_wait(f.fd, submit(&c, &job, 1), &r);
	CHECK(r.error);
	CHECK_EQ(r.runs, 0);
	CHECK_EQ(program_query(&f, f.dev.id, &q), 0);
	CHECK_EQ(q.state, DRM_WEFT_IMAGE_FAILED);
	CHECK(q.error);
}

TEST(query_errors, "PROGRAM_QUERY: ENOENT, ENODEV, EINVAL")
{
	struct drm_weft_program_query q;
	struct fixture f;

	prepare(&f);
	CHECK_EQ(create(&f), 0);
	CHECK_EQ(program_query(&f, 63, &q), -ENODEV);
	CHECK_EQ(program_query(&f, 64, &q), -ENODEV);
	CHECK_EQ(program_query(&f, ~0u, &q), -ENODEV);
	q = (struct drm_weft_program_query) { .handle = f.p.handle, .device = f.dev.id, .pad = 1 };
	CHECK_EQ(ioc(f.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), -EINVAL);
	f.p.handle++;
	CHECK_EQ(program_query(&f, f.dev.id, &q), -ENOENT);
	f.p.handle = 0;
	CHECK_EQ(program_query(&f, f.dev.id, &q), -ENOENT);
}

TEST(destroy_errors, "PROGRAM_DESTROY: ENOENT, EINVAL, and twice")
{
	struct fixture f;

	prepare(&f);
	CHECK_EQ(create(&f), 0);
	CHECK_EQ(destroy(f.fd, f.p.handle + 1, 0), -ENOENT);
	CHECK_EQ(destroy(f.fd, 0, 0), -ENOENT);
	CHECK_EQ(destroy(f.fd, f.p.handle, 1), -EINVAL);
	CHECK_EQ(destroy(f.fd, f.p.handle, 0), 0);
	CHECK_EQ(destroy(f.fd, f.p.handle, 0), -ENOENT);
}

TEST(foreign, "a program handle means nothing in another client")
{
	struct fixture f;
	int other;

	prepare(&f);
	CHECK_EQ(create(&f), 0);
	other = pool_open();
	CHECK_EQ(destroy(other, f.p.handle, 0), -ENOENT);
	CHECK_EQ(destroy(f.fd, f.p.handle, 0), 0);
}

TEST(destroy_busy, "a program destroyed with jobs in flight: they end well")
{
	struct client c;
	struct job job[4];
	uint64_t id;

	client_open(&c);
	for (int i = 0; i < 4; i++)
		job_nop(&job[i], &c, 20 * UNIT_MS);
	id = submit(&c, job, 4);
	CHECK_EQ(destroy(c.fd, c.program, 0), 0);
	CHECK_EQ(submit_raw(&c, job, 1, NULL), -ENOENT);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(job_result(c.fd, id + i), 0);
}

TEST(limit, "4096 programs in a client, the next: ENOSPC; destroying one makes room")
{
	struct fixture f;
	uint32_t first;

	prepare(&f);
	CHECK_EQ(create(&f), 0);
	first = f.p.handle;
	for (int i = 1; i < 4096; i++)
		CHECK_EQ(create(&f), 0);
	CHECK_EQ(create(&f), -ENOSPC);
	CHECK_EQ(destroy(f.fd, first, 0), 0);
	CHECK_EQ(create(&f), 0);
}
