// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every operation of the simulated devices, on a device of every profile, against a plain
 * computation here; relocations with offsets and deltas; what a device refuses.
 */
/* vm: smp=2 timeout=90 kernels=stock,debug,next insmod=weft,weft_sim */
#include <stdio.h>

#include "common.h"

static const char *const devices[] = { "gpu", "dcu", "npu", "null" };

SETUP()
{
	dev_add("gpu", "profile=gpu", "memory=16777216", "dilation=1");
	dev_add("dcu", "profile=dcu", "memory=16777216", "dilation=1");
	dev_add("npu", "profile=npu", "memory=16777216", "dilation=1");
	dev_add("null", DEV_NULL);
	devs_keep();
}

/* a small generator: the same numbers in every run */
static uint32_t rnd(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static uint32_t bo_with(int fd, const void *data, uint64_t size)
{
	uint32_t h = bo_create(fd, size);

	CHECK_EQ(bo_write(fd, h, 0, data, size), 0);
	return h;
}

/* run on each device in turn, calling @check after each */
#define ON_EACH_DEVICE(c, job, ...)						\
	for (size_t dev_ = 0; dev_ < ARRAY_SIZE(devices); dev_++) {		\
		struct drm_weft_job_record r_;					\
		struct drm_weft_device_info d_;					\
										\
		CHECK(dev_find((c).fd, devices[dev_], &d_));			\
		(job).j.device_mask = 1ull << d_.id;				\
		job_wait((c).fd, submit(&(c), &(job), 1), &r_);			\
		CHECK_MSG(!r_.error, "%s: errno %u code %u", devices[dev_], r_.error, r_.code); \
		CHECK_EQ(r_.device, d_.id);					\
		CHECK_EQ(r_.runs, 1);						\
		__VA_ARGS__;							\
	}

TEST(profiles, "the profiles are of different classes, models and ISAs")
{
	struct drm_weft_device_info d[4];
	int fd = pool_open();

	for (int i = 0; i < 4; i++)
		CHECK(dev_find(fd, devices[i], &d[i]));
	CHECK_EQ(d[0].device_class, DRM_WEFT_CLASS_GPU);
	CHECK_EQ(d[1].device_class, DRM_WEFT_CLASS_DCU);
	CHECK_EQ(d[2].device_class, DRM_WEFT_CLASS_NPU);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < i; k++) {
			CHECK(strcmp(d[i].model, d[k].model));
			CHECK(strcmp(d[i].isas[0], d[k].isas[0]));
		}
}

TEST(nop, "nop")
{
	struct client c;
	struct job job;

	client_open(&c);
	job_nop(&job, &c, 10);
	ON_EACH_DEVICE(c, job, (void)0);
}

TEST(copy, "copy, with deltas, leaves the rest alone")
{
	uint32_t seed = 1, data[4096], got[4096], src, dst;
	struct client c;
	struct job job;

	client_open(&c);
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		data[i] = rnd(&seed);
	src = bo_with(c.fd, data, sizeof(data));
	dst = bo_create(c.fd, sizeof(got));
	job_copy(&job, &c, dst, src, 5000);
	/* the bytes around are kept, so the destination is read, too */
	job.buffer[0].access = DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE;
	job.reloc[0].delta = 800;
	job.reloc[1].delta = 1200;
	ON_EACH_DEVICE(c, job, {
		CHECK_EQ(bo_read(c.fd, dst, 0, got, sizeof(got)), 0);
		CHECK(!memcmp((char *)got + 800, (char *)data + 1200, 5000));
		CHECK_EQ(got[0] | got[199], 0);
		for (size_t i = 1450; i < ARRAY_SIZE(got); i++)
			CHECK_EQ(got[i], 0);
		bo_fill(c.fd, dst, sizeof(got), 0);
	});
}

TEST(range, "a buffer range: addresses count from its first byte")
{
	uint32_t got[4096], dst;
	struct client c;
	struct job job;

	client_open(&c);
	dst = bo_create(c.fd, sizeof(got));
	job_fill(&job, &c, dst, 256, 0x77);
	job.buffer[0].access = DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE;
	job.buffer[0].offset = 8192;
	job.buffer[0].length = 512;
	job.reloc[0].delta = 256;
	ON_EACH_DEVICE(c, job, {
		CHECK_EQ(bo_read(c.fd, dst, 0, got, sizeof(got)), 0);
		for (size_t i = 0; i < ARRAY_SIZE(got); i++)
			CHECK_EQ(got[i], i >= (8192 + 256) / 4 && i < (8192 + 512) / 4 ? 0x77 : 0);
		bo_fill(c.fd, dst, sizeof(got), 0);
	});
}

TEST(fill, "fill")
{
	struct client c;
	struct job job;
	uint32_t dst;

	client_open(&c);
	dst = bo_create(c.fd, 100 * KIB);
	job_fill(&job, &c, dst, 100 * KIB, 0xdeadbeef);
	ON_EACH_DEVICE(c, job, {
		bo_expect(c.fd, dst, 100 * KIB, 0xdeadbeef);
		bo_fill(c.fd, dst, 100 * KIB, 1);
	});
}

TEST(add, "add wraps at 32 bits")
{
	enum { N = 3000 };
	uint32_t seed = 2, a[N], b[N], got[N], ha, hb, dst;
	struct client c;
	struct job job;

	client_open(&c);
	for (int i = 0; i < N; i++) {
		a[i] = rnd(&seed) << 8;
		b[i] = rnd(&seed) << 8;
	}
	ha = bo_with(c.fd, a, sizeof(a));
	hb = bo_with(c.fd, b, sizeof(b));
	dst = bo_create(c.fd, sizeof(got));
	job_add(&job, &c, dst, ha, hb, sizeof(a));
	ON_EACH_DEVICE(c, job, {
		CHECK_EQ(bo_read(c.fd, dst, 0, got, sizeof(got)), 0);
		for (int i = 0; i < N; i++)
			CHECK_EQ(got[i], a[i] + b[i]);
	});
}

TEST(add_in_place, "add in place: one buffer read and written")
{
	struct client c;
	struct job job;
	uint32_t h, one, want = 5;

	client_open(&c);
	h = bo_create(c.fd, 8192);
	one = bo_create(c.fd, 8192);
	bo_fill(c.fd, h, 8192, want);
	bo_fill(c.fd, one, 8192, 1);
	job_add(&job, &c, h, h, one, 8192);
	ON_EACH_DEVICE(c, job, bo_expect(c.fd, h, 8192, ++want));
}

TEST(reduce, "reduce sums signed words into 64 bits")
{
	enum { N = 5000 };
	int32_t data[N];
	int64_t want = 0, got;
	uint32_t seed = 3, src, dst;
	struct client c;
	struct job job;

	client_open(&c);
	for (int i = 0; i < N; i++) {
		data[i] = (int32_t)(rnd(&seed) << 8) / (i & 1 ? 1 : 3);
		want += data[i];
	}
	src = bo_with(c.fd, data, sizeof(data));
	dst = bo_create(c.fd, 8);
	job_init(&job, &c, WEFT_SIM_OP_REDUCE);
	job.args.reduce.count = N;
	job_reloc(&job, offsetof(struct weft_sim_reduce, dst),
		  job_buffer(&job, dst, DRM_WEFT_ACCESS_WRITE), 0);
	job_reloc(&job, offsetof(struct weft_sim_reduce, src),
		  job_buffer(&job, src, DRM_WEFT_ACCESS_READ), 0);
	ON_EACH_DEVICE(c, job, {
		CHECK_EQ(bo_read(c.fd, dst, 0, &got, sizeof(got)), 0);
		CHECK_EQ(got, want);
	});
}

TEST(histogram, "histogram counts bytes")
{
	enum { N = 20000 };
	static uint8_t data[N];
	uint32_t want[256] = {}, got[256], seed = 4, src, dst;
	struct client c;
	struct job job;

	client_open(&c);
	for (int i = 0; i < N; i++) {
		data[i] = rnd(&seed) & rnd(&seed);
		want[data[i]]++;
	}
	src = bo_with(c.fd, data, sizeof(data));
	dst = bo_create(c.fd, sizeof(got));
	bo_fill(c.fd, dst, 4096, 99);
	job_init(&job, &c, WEFT_SIM_OP_HISTOGRAM);
	job.args.histogram.count = N;
	job_reloc(&job, offsetof(struct weft_sim_histogram, dst),
		  job_buffer(&job, dst, DRM_WEFT_ACCESS_WRITE), 0);
	job_reloc(&job, offsetof(struct weft_sim_histogram, src),
		  job_buffer(&job, src, DRM_WEFT_ACCESS_READ), 0);
	ON_EACH_DEVICE(c, job, {
		CHECK_EQ(bo_read(c.fd, dst, 0, got, sizeof(got)), 0);
		CHECK(!memcmp(got, want, sizeof(want)));
	});
}

TEST(gemm, "gemm_i8: int8 products, int32 sums, odd sizes")
{
	enum { M = 13, N = 9, K = 37 };
	int8_t a[M * K], b[N * K];
	int32_t got[M * N];
	uint32_t seed = 5, ha, hb, hc;
	struct client c;
	struct job job;

	client_open(&c);
	for (int i = 0; i < M * K; i++)
		a[i] = rnd(&seed);
	for (int i = 0; i < N * K; i++)
		b[i] = rnd(&seed);
	a[0] = -128;
	b[0] = -128;
	ha = bo_with(c.fd, a, sizeof(a));
	hb = bo_with(c.fd, b, sizeof(b));
	hc = bo_create(c.fd, sizeof(got));
	job_init(&job, &c, WEFT_SIM_OP_GEMM_I8);
	job.args.gemm.m = M;
	job.args.gemm.n = N;
	job.args.gemm.k = K;
	job_reloc(&job, offsetof(struct weft_sim_gemm, c),
		  job_buffer(&job, hc, DRM_WEFT_ACCESS_WRITE), 0);
	job_reloc(&job, offsetof(struct weft_sim_gemm, a),
		  job_buffer(&job, ha, DRM_WEFT_ACCESS_READ), 0);
	job_reloc(&job, offsetof(struct weft_sim_gemm, b),
		  job_buffer(&job, hb, DRM_WEFT_ACCESS_READ), 0);
	ON_EACH_DEVICE(c, job, {
		CHECK_EQ(bo_read(c.fd, hc, 0, got, sizeof(got)), 0);
		for (int i = 0; i < M; i++)
			for (int k = 0; k < N; k++) {
				int32_t sum = 0;

				for (int l = 0; l < K; l++)
					sum += a[i * K + l] * b[k * K + l];
				CHECK_EQ(got[i * N + k], sum);
			}
	});
}

TEST(argmax, "argmax: scale, bias, base, the smallest index on a tie")
{
	enum { M = 7, N = 20, BASE = 100 };
	int32_t s[M * N], bias[N];
	struct weft_sim_best got[M];
	uint32_t seed = 6, hs, hb, dst;
	struct client c;
	struct job job;

	client_open(&c);
	for (int i = 0; i < M * N; i++)
		s[i] = rnd(&seed) % 50;
	for (int i = 0; i < N; i++)
		bias[i] = -(int32_t)(rnd(&seed) % 30);
	hs = bo_with(c.fd, s, sizeof(s));
	hb = bo_with(c.fd, bias, sizeof(bias));
	dst = bo_create(c.fd, sizeof(got));
	for (int with_bias = 0; with_bias < 2; with_bias++) {
		job_init(&job, &c, WEFT_SIM_OP_ARGMAX);
		job.args.argmax.m = M;
		job.args.argmax.n = N;
		job.args.argmax.scale = 2;
		job.args.argmax.base = BASE;
		job_reloc(&job, offsetof(struct weft_sim_argmax, dst),
			  job_buffer(&job, dst, DRM_WEFT_ACCESS_WRITE), 0);
		job_reloc(&job, offsetof(struct weft_sim_argmax, src),
			  job_buffer(&job, hs, DRM_WEFT_ACCESS_READ), 0);
		if (with_bias)
			job_reloc(&job, offsetof(struct weft_sim_argmax, bias),
				  job_buffer(&job, hb, DRM_WEFT_ACCESS_READ), 0);
		ON_EACH_DEVICE(c, job, {
			CHECK_EQ(bo_read(c.fd, dst, 0, got, sizeof(got)), 0);
			for (int i = 0; i < M; i++) {
				int best = 0;
				int32_t top = INT32_MIN;

				for (int k = 0; k < N; k++) {
					int32_t v = 2 * s[i * N + k] + (with_bias ? bias[k] : 0);

					if (v > top) {
						top = v;
						best = k;
					}
				}
				CHECK_EQ(got[i].value, top);
				CHECK_EQ(got[i].index, BASE + best);
			}
		});
	}
}

TEST(best, "best merges rows, the smallest index on a tie")
{
	enum { COUNT = 11, SOURCES = 4 };
	struct weft_sim_best in[SOURCES][COUNT], got[COUNT];
	uint32_t seed = 7, src, dst;
	struct client c;
	struct job job;

	client_open(&c);
	for (int k = 0; k < SOURCES; k++)
		for (int i = 0; i < COUNT; i++)
			in[k][i] = (struct weft_sim_best) {
				.value = (int32_t)(rnd(&seed) % 5) - 3,
				.index = 1000 - rnd(&seed) % 900,
			};
	src = bo_with(c.fd, in, sizeof(in));
	dst = bo_create(c.fd, sizeof(got));
	job_init(&job, &c, WEFT_SIM_OP_BEST);
	job.args.merge.count = COUNT;
	job.args.merge.sources = SOURCES;
	job_reloc(&job, offsetof(struct weft_sim_merge, dst),
		  job_buffer(&job, dst, DRM_WEFT_ACCESS_WRITE), 0);
	job_reloc(&job, offsetof(struct weft_sim_merge, src),
		  job_buffer(&job, src, DRM_WEFT_ACCESS_READ), 0);
	ON_EACH_DEVICE(c, job, {
		CHECK_EQ(bo_read(c.fd, dst, 0, got, sizeof(got)), 0);
		for (int i = 0; i < COUNT; i++) {
			struct weft_sim_best want = in[0][i];

			for (int k = 1; k < SOURCES; k++)
				if (in[k][i].value > want.value ||
				    (in[k][i].value == want.value && in[k][i].index < want.index))
					want = in[k][i];
			CHECK_EQ(got[i].value, want.value);
			CHECK_EQ(got[i].index, want.index);
		}
	});
}

TEST(bad_address, "an address outside the device: EIO, code ADDRESS, the device lives on")
{
	static const uint64_t bad[] = { 0, 8, 1ull << 62, UINT64_MAX - 7 };
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	uint32_t src;

	client_open(&c);
	src = bo_create(c.fd, 4096);
	for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			job_copy(&job, &c, src, src, 4096);
			job.j.buffer_count = 1;
			job.buffer[0].access = DRM_WEFT_ACCESS_READ;
			job.j.reloc_count = 1;	/* the source stays as given */
			job.args.copy.src = bad[i];
			job.j.device_mask = dev_mask(c.fd, devices[d]);
			job_wait(c.fd, submit(&c, &job, 1), &r);
			CHECK_EQ(r.error, EIO);
			CHECK_EQ(r.code, WEFT_SIM_ERR_ADDRESS);
		}
		job_nop(&job, &c, 1);
		job.j.device_mask = dev_mask(c.fd, devices[d]);
		job_run(&c, &job);
	}
}

TEST(bad_count, "a count that runs out of device memory: EIO, code ADDRESS or ARGS")
{
	static const uint64_t bad[] = { 16 * MIB, 1ull << 40, UINT64_MAX, UINT64_MAX / 4 + 2 };
	struct drm_weft_job_record r;
	struct client c;
	struct job job;

	client_open(&c);
	for (size_t d = 0; d < ARRAY_SIZE(devices); d++)
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			job_fill(&job, &c, bo_create(c.fd, 4096), 4096, 1);
			job.args.fill.count = bad[i];
			job.j.device_mask = dev_mask(c.fd, devices[d]);
			job_wait(c.fd, submit(&c, &job, 1), &r);
			CHECK_EQ(r.error, EIO);
			CHECK(r.code == WEFT_SIM_ERR_ADDRESS || r.code == WEFT_SIM_ERR_ARGS);
		}
}

/* the kernel's copy must not be what user space can still change */
TEST(args_copied, "arguments changed after SUBMIT have no effect")
{
	struct client c;
	struct job job[2];
	uint32_t dst;
	uint64_t id;

	client_open(&c);
	dst = bo_create(c.fd, 4096);
	job_nop(&job[0], &c, 1);
	job_fill(&job[1], &c, dst, 4096, 1);
	job_dep(&job[1], DRM_WEFT_DEP_INDEX, 0, 0);
	id = submit(&c, job, 2);
	memset(&job[1], 0xff, sizeof(job[1]));
	CHECK_EQ(job_result(c.fd, id + 1), 0);
	bo_expect(c.fd, dst, 4096, 1);
}
