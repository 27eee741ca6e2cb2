// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imported buffers that an edu device reaches by its own DMA: bytes, order, who waits, who leaves.
 *
 * DOC: import_dma
 *
 * The pool's counters say which way the bytes went. The device moves 2 KiB in 200 ms, so the ranges
 * are small, and odd on purpose. A simulated device in the same pool cannot do it: what it may get
 * goes by the CPU.
 */
/* vm: smp=2 edu=1 iommu=1 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim,weft_edu */
#include <string.h>

#include "edudev.h"
#include "peers.h"

#define SIZE	(16 * KIB)
#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE

static uint64_t counter(const char *name)
{
	char text[32];

	CHECK(file_read(pool_sysfs(name), text, sizeof(text)) > 0);
	return strtoull(text, NULL, 10);
}

/* how many bytes went which way since the last time somebody asked */
static void went(uint64_t dma, uint64_t cpu)
{
	static uint64_t dma_before, cpu_before;
	uint64_t d = counter("import_dma_bytes"), c = counter("import_cpu_bytes");

	if (dma != FOREVER) {
		CHECK_EQ(d - dma_before, dma);
		CHECK_EQ(c - cpu_before, cpu);
	}
	dma_before = d;
	cpu_before = c;
}

static void open_on_edu(struct client *c, struct edu_dev *dev)
{
	edu_await(dev, 1);
	edu_client_open(c);
	went(FOREVER, FOREVER);
}

/* dst[to, to + bytes) = src[from, from + bytes) */
static void part(struct job *job, const struct client *c, uint32_t dst, uint64_t to, uint32_t src,
		 uint64_t from, uint64_t bytes)
{
	edu_job(job, c, WEFT_EDU_OP_COPY, dst, src, bytes);
	for (int i = 0; i < 2; i++) {
		bool is_dst = job->buffer[i].handle == dst;

		job->buffer[i].access = is_dst ? W : R;
		job->buffer[i].offset = is_dst ? to : from;
		job->buffer[i].length = bytes;
	}
}

static void pattern(uint32_t *p, uint32_t seed)
{
	for (uint32_t i = 0; i < SIZE / 4; i++)
		p[i] = edu_pattern(seed, i);
}

TEST(ranges, "parts across pages and segments: these bytes are moved, their neighbours are not")
{
	static const struct { uint32_t to, from, bytes; } part_of[] = {
		{ 8, 16, 24 }, { 4080, 8, 64 }, { 0, 12280, 3000 / 8 * 8 }, { 5000, 2048, 4104 },
	};
	int from = udmabuf_create(SIZE), to = udmabuf_create(SIZE);
	uint32_t *s = dmabuf_map(from, SIZE), *d = dmabuf_map(to, SIZE), src, dst;
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;

	open_on_edu(&c, dev);
	src = prime_import(c.fd, from);
	dst = prime_import(c.fd, to);
	for (unsigned int i = 0; i < ARRAY_SIZE(part_of); i++) {
		pattern(s, i);
		pattern(d, 100 + i);
		part(&job, &c, dst, part_of[i].to, src, part_of[i].from, part_of[i].bytes);
		job_run(&c, &job);
		for (uint32_t k = 0; k < SIZE / 4; k++) {
			uint32_t at = k - part_of[i].to / 4;
			uint32_t want = at < part_of[i].bytes / 4 ?
					edu_pattern(i, part_of[i].from / 4 + at) :
					edu_pattern(100 + i, k);

			CHECK_MSG(d[k] == want, "part %u: word %u is %#x, not %#x", i, k, d[k],
				  want);
		}
		went(2 * part_of[i].bytes, 0);
	}
}

TEST(waits, "the SUBMIT does not wait for vgem's fence, the job does, and others for the job")
{
	int vgem = vgem_open(), dmabuf;
	uint32_t there = vgem_create(vgem, SIZE), h, out, fence, word;
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;
	uint64_t id;
	int f;

	dmabuf = prime_export(vgem, there);
	dmabuf_fill(dmabuf, SIZE, 1);
	open_on_edu(&c, dev);
	h = prime_import(c.fd, dmabuf);
	out = bo_create(c.fd, SIZE);
	fence = vgem_fence(vgem, there, true);
	part(&job, &c, out, 0, h, 0, 64);
	id = submit(&c, &job, 1);
	CHECK_EQ(job_state(c.fd, id), DRM_WEFT_JOB_BOUND);
	/* what is written before the fence is what the job reads */
	for (uint32_t *p = dmabuf_map(dmabuf, SIZE), *end = p + SIZE / 4; p < end; p++)
		*p = 2;
	vgem_signal(vgem, fence);
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(bo_read(c.fd, out, 0, &word, 4), 0);
	CHECK_EQ(word, 2);

	bo_fill(c.fd, out, SIZE, 3);
	part(&job, &c, h, 0, out, 0, 64);
	id = submit(&c, &job, 1);
	f = dmabuf_fences(dmabuf, false);
	dmabuf_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	CHECK_EQ(sync_file_status(f), 1);
	CHECK_EQ(*(uint32_t *)dmabuf_map(dmabuf, SIZE), 3);
	CHECK_EQ(job_result(c.fd, id), 0);
	went(128, 0);
}

TEST(borrowed, "while a run is under way copies get the DMA engine, too, and nobody's bytes mix")
{
	int from = heap_create(SIZE), to = heap_create(SIZE);
	uint32_t *s = dmabuf_map(from, SIZE), *d = dmabuf_map(to, SIZE), in, out, word[1024];
	struct edu_dev dev[EDU_DEVICES];
	struct client c, late;
	struct job job;
	uint64_t id[2];

	open_on_edu(&c, dev);
	edu_client_open(&late);
	in = bo_create(late.fd, SIZE);
	out = bo_create(late.fd, SIZE);
	bo_fill(late.fd, in, SIZE, 6);
	pattern(s, 7);
	edu_job(&job, &late, WEFT_EDU_OP_FACTORIAL, out, in, SIZE);
	id[0] = submit(&late, &job, 1);
	job_reach(late.fd, id[0], DRM_WEFT_JOB_RUNNING);
	part(&job, &c, prime_import(c.fd, to), 0, prime_import(c.fd, from), 0, 6000);
	id[1] = submit(&c, &job, 1);
	CHECK_EQ(job_result(c.fd, id[1]), 0);
	CHECK_EQ(job_result(late.fd, id[0]), 0);
	for (uint32_t k = 0; k < 6000 / 4; k++)
		CHECK_EQ(d[k], edu_pattern(7, k));
	for (uint32_t k = 0; k < SIZE; k += sizeof(word)) {
		CHECK_EQ(bo_read(late.fd, out, k, word, sizeof(word)), 0);
		for (uint32_t i = 0; i < ARRAY_SIZE(word); i++)
			CHECK_EQ(word[i], 720);
	}
	went(12000, 0);
}

TEST(shared, "two clients' jobs on one import, both published: one after the other, both right")
{
	int vgem = vgem_open(), dmabuf;
	uint32_t there = vgem_create(vgem, SIZE), out[2], fence, word;
	struct edu_dev dev[EDU_DEVICES];
	struct client c[2];
	struct job job;
	uint64_t id[2];

	dmabuf = prime_export(vgem, there);
	dmabuf_fill(dmabuf, SIZE, 5);
	open_on_edu(&c[0], dev);
	edu_client_open(&c[1]);
	fence = vgem_fence(vgem, there, true);
	for (int i = 0; i < 2; i++) {
		out[i] = bo_create(c[i].fd, SIZE);
		part(&job, &c[i], out[i], 0, prime_import(c[i].fd, dmabuf), 8 * i, 64);
		id[i] = submit(&c[i], &job, 1);
	}
	/* one of them goes before it has run */
	CHECK_EQ(job_cancel(c[0].fd, id[0]), 0);
	CHECK_EQ(job_result(c[0].fd, id[0]), ECANCELED);
	vgem_signal(vgem, fence);
	CHECK_EQ(job_result(c[1].fd, id[1]), 0);
	CHECK_EQ(bo_read(c[1].fd, out[1], 0, &word, 4), 0);
	CHECK_EQ(word, 5);
	went(64, 0);
}

TEST(aborted, "cancelled while the bytes are on their way in: ended, and the engine is free again")
{
	int from = heap_create(SIZE), to = heap_create(SIZE);
	uint32_t *s = dmabuf_map(from, SIZE), *d = dmabuf_map(to, SIZE), src, dst;
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;
	uint64_t id;
	uint32_t end;

	open_on_edu(&c, dev);
	src = prime_import(c.fd, from);
	dst = prime_import(c.fd, to);
	pattern(s, 1);
	memset(d, 0, SIZE);
	for (unsigned int i = 0; i < 3; i++) {
		part(&job, &c, dst, 0, src, 0, 4096);
		id = submit(&c, &job, 1);
		sleep_ms(150 + i * 300);
		job_cancel(c.fd, id);
		end = job_result(c.fd, id);
		CHECK(end == ECANCELED || end == 0);
	}
	part(&job, &c, dst, 0, src, 0, 4096);
	job_run(&c, &job);
	for (uint32_t k = 0; k < SIZE / 4; k++)
		CHECK_EQ(d[k], k < 1024 ? edu_pattern(1, k) : 0);
}

TEST(reset, "an operator resets the device while it moves an import: ENODEV, then all is well")
{
	int from = heap_create(SIZE);
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;
	uint32_t src, dst;
	uint64_t id;

	open_on_edu(&c, dev);
	src = prime_import(c.fd, from);
	dst = bo_create(c.fd, SIZE);
	dmabuf_fill(from, SIZE, 9);
	part(&job, &c, dst, 0, src, 0, 8192);
	id = submit(&c, &job, 1);
	sleep_ms(250);
	CHECK_EQ(wdev_set(dev[0].name, "reset", "1"), 0);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	part(&job, &c, bo_create(c.fd, SIZE), 0, src, 0, 2048);
	job_run(&c, &job);
	CHECK_EQ(wdev_is(dev[0].name, "health", "ok"), true);
}

TEST(leaves, "the device is removed while it moves an import: the import and its jobs live on")
{
	int from = heap_create(SIZE), to = udmabuf_create(SIZE);
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;
	uint32_t src, dst, end;
	uint64_t id;

	open_on_edu(&c, dev);
	src = prime_import(c.fd, from);
	dst = prime_import(c.fd, to);
	for (unsigned int i = 0; i < 3; i++) {
		dmabuf_fill(from, SIZE, i + 1);
		part(&job, &c, dst, 0, src, 0, 2048);
		id = submit(&c, &job, 1);
		sleep_ms(50 + 250 * i);
		CHECK_EQ(edu_remove(&dev[0]), 0);
		end = job_result(c.fd, id);
		CHECK(!end || end == ENODEV);
		CHECK_EQ(edu_rescan(), 0);
		edu_await(dev, 1);
		part(&job, &c, dst, 0, src, 0, 64);
		job_run(&c, &job);
		CHECK_EQ(*(uint32_t *)dmabuf_map(to, SIZE), i + 1);
	}
	/* no job, but attached: the buffer goes first, or the device */
	bo_close(c.fd, src);
	close(from);
	CHECK_EQ(edu_remove(&dev[0]), 0);
	bo_close(c.fd, dst);
	CHECK_EQ(edu_rescan(), 0);
	edu_await(dev, 1);
}

TEST(mixed, "a job that a device without such DMA may get goes by the CPU; masks decide")
{
	struct weft_edu_image edu = { WEFT_EDU_IMAGE_MAGIC, WEFT_EDU_IMAGE_VERSION };
	struct { struct weft_sim_image_header header; uint32_t op; } sim = {
		{ WEFT_SIM_IMAGE_MAGIC, WEFT_SIM_IMAGE_VERSION, 1, 0 }, WEFT_SIM_OP_COPY,
	};
	struct drm_weft_image image[2] = {
		{ .isa = WEFT_EDU_ISA, .data = p64(&edu), .size = sizeof(edu) },
		{ .isa = "sim", .data = p64(&sim), .size = sizeof(sim) },
	};
	struct drm_weft_kernel kernel = { "copy", sizeof(struct weft_edu_args), 0 };
	struct drm_weft_program_create p = {
		.images = p64(image), .image_count = 2, .image_stride = sizeof(image[0]),
		.kernels = p64(&kernel), .kernel_count = 1, .kernel_stride = sizeof(kernel),
	};
	int from = heap_create(SIZE), to = heap_create(SIZE);
	uint32_t *d = dmabuf_map(to, SIZE), src, dst;
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;

	dev_add("unit", DEV_UNIT);
	open_on_edu(&c, dev);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p), 0);
	c.program = p.handle;
	src = prime_import(c.fd, from);
	dst = prime_import(c.fd, to);
	dmabuf_fill(from, SIZE, 0x71);
	part(&job, &c, dst, 0, src, 0, 512);
	job_run(&c, &job);
	CHECK_EQ(d[127], 0x71);
	went(0, 1024);
	dmabuf_fill(from, SIZE, 0x72);
	job.j.device_mask = dev_mask(c.fd, dev[0].name);
	job_run(&c, &job);
	CHECK_EQ(d[127], 0x72);
	went(1024, 0);
	dmabuf_fill(from, SIZE, 0x73);
	job.j.device_mask = dev_mask(c.fd, "unit");
	job_run(&c, &job);
	CHECK_EQ(d[127], 0x73);
	went(0, 1024);
}

TEST(lost, "what a failed job was to leave is LOST to who waited for it, not to who comes later")
{
	int from = heap_create(SIZE), to = heap_create(SIZE);
	struct edu_dev dev[EDU_DEVICES];
	struct client c;
	struct job job;
	uint32_t src, dst, out, word;

	open_on_edu(&c, dev);
	src = prime_import(c.fd, from);
	dst = prime_import(c.fd, to);
	out = bo_create(c.fd, SIZE);
	part(&job, &c, dst, 0, src, 0, 64);
	job.args.copy.bytes = 1ull << 40;
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	dmabuf_fill(to, SIZE, 4);
	part(&job, &c, out, 0, dst, 0, 64);
	job_run(&c, &job);
	CHECK_EQ(bo_read(c.fd, out, 0, &word, 4), 0);
	CHECK_EQ(word, 4);
}
