// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real (emulated) hardware: four edu devices on two NUMA nodes behind an IOMMU, and right results.
 */
/* vm: numa=2 edu=4 iommu=1 timeout=90 insmod=weft,weft_edu */
#include <stdio.h>

#include "edudev.h"

TEST(found, "four devices, each on the node its PCI function is on, and so is its memory")
{
	struct edu_dev dev[EDU_DEVICES];
	int fd = pool_open(), on_node[2] = {};

	edu_await(dev, EDU_DEVICES);
	for (int i = 0; i < EDU_DEVICES; i++) {
		struct drm_weft_region_info r, host;
		struct drm_weft_device_info d;

		edu_info(fd, &dev[i], &d);
		CHECK(!strcmp(d.vendor, "QEMU"));
		CHECK(!strcmp(d.model, "edu"));
		CHECK_EQ(d.isa_count, 1);
		CHECK(!strcmp(d.isas[0], WEFT_EDU_ISA));
		CHECK_EQ(d.compute_credits, 1);
		CHECK_EQ(d.health, DRM_WEFT_HEALTH_OK);
		region_info(fd, d.region, &r);
		region_info(fd, d.host_region, &host);
		CHECK_EQ(r.kind, DRM_WEFT_REGION_DEVICE);
		CHECK_EQ(r.device, d.id);
		CHECK_EQ(r.size, 1 * MIB);
		CHECK_EQ(r.numa_node, dev[i].node);
		CHECK_EQ(host.numa_node, dev[i].node);
		CHECK(dev[i].node == 0 || dev[i].node == 1);
		on_node[dev[i].node]++;
	}
	CHECK_EQ(on_node[0], 2);
	CHECK_EQ(on_node[1], 2);
}

/* dst = op(src) for each of the first @bytes, and nothing behind them touched */
static void one_job(const struct client *c, enum weft_edu_op op, uint32_t bytes, uint64_t mask)
{
	uint32_t size = (bytes + 4095) & ~4095u, dst = bo_create(c->fd, size), i;
	uint32_t src = bo_create(c->fd, size), *in = malloc(size), *want = malloc(size);
	uint32_t *got = malloc(size);
	struct job job;

	for (i = 0; i < size / 4; i++) {
		in[i] = op == WEFT_EDU_OP_FACTORIAL ? i % 40 : edu_pattern(bytes, i);
		want[i] = edu_pattern(~bytes, i);
	}
	CHECK_EQ(bo_write(c->fd, src, 0, in, size), 0);
	CHECK_EQ(bo_write(c->fd, dst, 0, want, size), 0);
	if (op == WEFT_EDU_OP_FACTORIAL)
		for (i = 0; i < bytes / 4; i++)
			want[i] = edu_factorial(in[i]);
	else
		memcpy(want, in, bytes);

	edu_job(&job, c, op, dst, src, bytes);
	/* it leaves the rest of dst as it is, so it says what it writes */
	job.buffer[0].length = bytes;
	job.buffer[1].length = bytes;
	job.j.device_mask = mask;
	job_run(c, &job);
	CHECK_EQ(bo_read(c->fd, dst, 0, got, size), 0);
	for (i = 0; i < size / 4; i++)
		CHECK_MSG(got[i] == want[i], "%u bytes: word %u is %#x, not %#x", bytes, i, got[i],
			  want[i]);
	free(in);
	free(want);
	free(got);
	bo_close(c->fd, dst);
	bo_close(c->fd, src);
}

TEST(results, "factorials and copies of one chunk, several and parts of one: right on each device")
{
	struct edu_dev dev[EDU_DEVICES];
	struct client c;

	edu_client_open(&c);
	edu_await(dev, EDU_DEVICES);
	for (int i = 0; i < EDU_DEVICES; i++) {
		uint64_t mask = dev_mask(c.fd, dev[i].name);

		one_job(&c, WEFT_EDU_OP_FACTORIAL, 4, mask);
		one_job(&c, WEFT_EDU_OP_FACTORIAL, 4096 + 4 * i, mask);
		one_job(&c, WEFT_EDU_OP_COPY, 1 + i, mask);
		one_job(&c, WEFT_EDU_OP_COPY, 6144 - i, mask);
	}
}

TEST(chain, "a result that goes from device to device, across nodes")
{
	enum { SIZE = 4096 };
	struct edu_dev dev[EDU_DEVICES];
	uint32_t bo[EDU_DEVICES + 1], in[SIZE / 4], out[SIZE / 4];
	struct job job[EDU_DEVICES];
	struct client c;
	uint64_t id;

	edu_client_open(&c);
	edu_await(dev, EDU_DEVICES);
	for (int i = 0; i < SIZE / 4; i++)
		in[i] = i % 13;
	for (int i = 0; i <= EDU_DEVICES; i++)
		bo[i] = bo_create(c.fd, SIZE);
	CHECK_EQ(bo_write(c.fd, bo[0], 0, in, SIZE), 0);
	for (int i = 0; i < EDU_DEVICES; i++) {
		edu_job(&job[i], &c, i ? WEFT_EDU_OP_COPY : WEFT_EDU_OP_FACTORIAL, bo[i + 1], bo[i],
			SIZE);
		job[i].j.device_mask = dev_mask(c.fd, dev[i].name);
	}
	id = submit(&c, job, EDU_DEVICES);
	for (int i = 0; i < EDU_DEVICES; i++) {
		struct drm_weft_job_record r;

		job_wait(c.fd, id + i, &r);
		CHECK_EQ(-(int)r.error, 0);
		CHECK_EQ(1ull << r.device, job[i].j.device_mask);
	}
	CHECK_EQ(bo_read(c.fd, bo[EDU_DEVICES], 0, out, SIZE), 0);
	for (int i = 0; i < SIZE / 4; i++)
		CHECK_EQ(out[i], edu_factorial(in[i]));
}

TEST(spread, "twelve jobs for any device: each device gets some, all are right")
{
	enum { JOBS = 12, SIZE = 1024 };
	uint32_t dst[JOBS], src, in[SIZE / 4], out[SIZE / 4], used = 0;
	struct job job[JOBS];
	struct client c;
	uint64_t id;

	edu_client_open(&c);
	src = bo_create(c.fd, SIZE);
	for (int i = 0; i < SIZE / 4; i++)
		in[i] = i % 34;
	CHECK_EQ(bo_write(c.fd, src, 0, in, SIZE), 0);
	for (int i = 0; i < JOBS; i++) {
		dst[i] = bo_create(c.fd, SIZE);
		edu_job(&job[i], &c, WEFT_EDU_OP_FACTORIAL, dst[i], src, SIZE);
	}
	id = submit(&c, job, JOBS);
	for (int i = 0; i < JOBS; i++) {
		struct drm_weft_job_record r;

		job_wait(c.fd, id + i, &r);
		CHECK_EQ(-(int)r.error, 0);
		/* two transfers of 100 ms */
		CHECK(r.busy_ns > 100 * MS);
		used |= 1u << r.device;
		CHECK_EQ(bo_read(c.fd, dst[i], 0, out, SIZE), 0);
		for (int k = 0; k < SIZE / 4; k++)
			CHECK_EQ(out[k], edu_factorial(in[k]));
	}
	CHECK_EQ(__builtin_popcount(used), EDU_DEVICES);
}

/* ------------------------------------------------------------------------ what is refused */

static void refused(const struct client *c, struct job *job, uint32_t code)
{
	struct drm_weft_job_record r;

	job_wait(c->fd, submit(c, job, 1), &r);
	CHECK_EQ(r.error, EIO);
	CHECK_EQ(r.code, code);
}

TEST(args, "arguments out of range end with EIO and a code, and the device goes on")
{
	uint32_t dst, src;
	struct client c;
	struct job job;

	edu_client_open(&c);
	dst = bo_create(c.fd, 4096);
	src = bo_create(c.fd, 4096);

	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, 4096);
	job.args.copy.bytes = 0;
	refused(&c, &job, WEFT_EDU_ERR_ARGS);
	edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, dst, src, 4096);
	job.args.copy.bytes = 10;
	refused(&c, &job, WEFT_EDU_ERR_ARGS);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, 4096);
	job.args.copy.bytes = 2 * MIB;
	refused(&c, &job, WEFT_EDU_ERR_ADDRESS);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, 4096);
	job.args.copy.bytes = UINT64_MAX;
	refused(&c, &job, WEFT_EDU_ERR_ADDRESS);
	/* addresses that no relocation has written */
	for (int i = 0; i < 4; i++) {
		static const uint64_t wild[] = { 0, 4096, 1ull << 40, UINT64_MAX };

		edu_job(&job, &c, WEFT_EDU_OP_COPY, dst, src, 4096);
		job.j.reloc_count = 0;
		job.args.copy.src = wild[i];
		job.args.copy.dst = wild[3 - i];
		refused(&c, &job, WEFT_EDU_ERR_ADDRESS);
	}
	edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, dst, src, 4092);
	job.reloc[0].delta = 2;
	refused(&c, &job, WEFT_EDU_ERR_ADDRESS);
	/* a program may call its kernels' arguments what it likes; the driver has its own mind */
	one_job(&c, WEFT_EDU_OP_FACTORIAL, 512, 0);
}

static long program(int fd, const void *data, size_t size, uint32_t kernels, uint32_t args_size,
		    uint32_t *handle)
{
	struct drm_weft_kernel k[4] = {};
	struct drm_weft_image image = { .isa = WEFT_EDU_ISA, .data = p64(data), .size = size };
	struct drm_weft_program_create p = {
		.images = p64(&image), .image_count = 1, .image_stride = sizeof(image),
		.kernels = p64(k), .kernel_count = kernels, .kernel_stride = sizeof(k[0]),
	};
	long ret;

	for (uint32_t i = 0; i < kernels; i++) {
		snprintf(k[i].name, sizeof(k[i].name), "k%u", i);
		k[i].args_size = args_size;
	}
	ret = ioc(fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p);
	*handle = p.handle;
	return ret;
}

TEST(images, "an image that is none is refused when it is loaded: ENOEXEC")
{
	struct weft_edu_image good = { WEFT_EDU_IMAGE_MAGIC, WEFT_EDU_IMAGE_VERSION };
	struct { struct weft_edu_image image; uint32_t more; } bad[4] = {
		{ { WEFT_EDU_IMAGE_MAGIC + 1, WEFT_EDU_IMAGE_VERSION }, 0 },
		{ { WEFT_EDU_IMAGE_MAGIC, WEFT_EDU_IMAGE_VERSION + 1 }, 0 },
		{ good, 0 },
		{ good, 0 },
	};
	static const size_t size[4] = { 8, 8, 12, 4 };
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint32_t bo[2];

	edu_client_open(&c);
	bo[0] = bo_create(c.fd, 4096);
	bo[1] = bo_create(c.fd, 4096);
	for (int i = 0; i < 5; i++) {
		long ret = i < 4 ? program(c.fd, &bad[i], size[i], 1, 24, &c.program)
				 : program(c.fd, &good, sizeof(good), 3, 24, &c.program);

		CHECK_EQ(ret, 0);
		edu_job(&job, &c, WEFT_EDU_OP_COPY, bo[0], bo[1], 4096);
		job_wait(c.fd, submit(&c, &job, 1), &r);
		CHECK_EQ(r.error, ENOEXEC);
	}
	/* arguments of another size than the driver's: the program said so, the driver disagrees */
	CHECK_EQ(program(c.fd, &good, sizeof(good), 2, 16, &c.program), 0);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, bo[0], bo[1], 4096);
	job.j.args_size = 16;
	refused(&c, &job, WEFT_EDU_ERR_ARGS);
}
