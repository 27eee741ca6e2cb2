// SPDX-License-Identifier: GPL-2.0-only
/*
 * Residency, eviction, clearing: more than fits, and nobody else's bytes.
 *
 * The guest boots with init_on_alloc=0, or the kernel would clear pages for a driver that forgot.
 */
/* vm: smp=4 timeout=180 append=init_on_alloc=0 kernels=stock,debug,next insmod=weft,weft_sim */
#include <sys/mman.h>

#include "common.h"

#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE

/* small memories make short tests; everything but NOP takes no modelled time */
#define DEV_SMALL(bytes) "profile=null", "speed=nop 100", "memory=" bytes

SETUP()
{
	dev_add("small", DEV_SMALL("1M"));
	devs_keep();
}

static struct drm_weft_region_info region_of(int fd, const char *device)
{
	struct drm_weft_device_info d;
	struct drm_weft_region_info r;

	CHECK(dev_find(fd, device, &d));
	region_info(fd, d.region, &r);
	return r;
}

TEST(oversubscribed, "a working set of four times the device's memory: equal checksums")
{
	enum { N = 32 };
	const uint64_t size = 128 * KIB;
	struct client c;
	struct job job;
	uint32_t bo[N];
	uint64_t last = 0;

	client_open(&c);
	for (int i = 0; i < N; i++) {
		bo[i] = bo_create(c.fd, size);
		job_fill(&job, &c, bo[i], size, 0x10000 * i);
		last = submit(&c, &job, 1);
	}
	/* three sweeps of read-modify-write, each over all buffers, in different orders */
	for (int sweep = 0; sweep < 3; sweep++)
		for (int k = 0; k < N; k++) {
			int i = sweep & 1 ? N - 1 - k : (k * 7) % N;

			job_add(&job, &c, bo[i], bo[i], bo[(i + 1) % N], size);
			last = submit(&c, &job, 1);
		}
	CHECK_EQ(job_result(c.fd, last), 0);
	/* the same by the CPU */
	uint32_t want[N];

	for (int i = 0; i < N; i++)
		want[i] = 0x10000 * i;
	for (int sweep = 0; sweep < 3; sweep++)
		for (int k = 0; k < N; k++) {
			int i = sweep & 1 ? N - 1 - k : (k * 7) % N;

			want[i] += want[(i + 1) % N];
		}
	for (int i = 0; i < N; i++)
		bo_expect(c.fd, bo[i], size, want[i]);
	CHECK(region_of(c.fd, "small").evicted > 0);
	CHECK(region_of(c.fd, "small").used <= MIB);
}

TEST(evicted_clean, "a copy that is valid elsewhere is dropped without being copied")
{
	struct drm_weft_bo_info info;
	struct client c;
	struct job job;
	uint32_t a, b;

	client_open(&c);
	a = bo_create(c.fd, 768 * KIB);
	b = bo_create(c.fd, 768 * KIB);
	bo_fill(c.fd, a, 768 * KIB, 5);
	for (int i = 0; i < 2; i++) {
		job_nop(&job, &c, 1);
		job_buffer(&job, i ? b : a, R);
		job_run(&c, &job);
	}
	CHECK_EQ(bo_info(c.fd, a, &info), 0);
	CHECK_EQ(__builtin_popcountll(info.valid_regions), 1);
	bo_expect(c.fd, a, 768 * KIB, 5);
}

TEST(sixty_sixty, "F10: two jobs that need 60 % of one memory each both finish, again and again")
{
	struct client c, d;
	struct job job;
	uint64_t id[2][10];
	uint32_t bo[2];

	client_open(&c);
	client_open(&d);
	bo[0] = bo_create(c.fd, 600 * KIB);
	bo[1] = bo_create(d.fd, 600 * KIB);
	bo_fill(c.fd, bo[0], 600 * KIB, 1);
	bo_fill(d.fd, bo[1], 600 * KIB, 2);
	for (int i = 0; i < 10; i++) {
		job_nop(&job, &c, 2 * UNIT_MS);
		job_buffer(&job, bo[0], R | W);
		id[0][i] = submit(&c, &job, 1);
		job_nop(&job, &d, 2 * UNIT_MS);
		job_buffer(&job, bo[1], R | W);
		id[1][i] = submit(&d, &job, 1);
	}
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(job_result(c.fd, id[0][i]), 0);
		CHECK_EQ(job_result(d.fd, id[1][i]), 0);
	}
	bo_expect(c.fd, bo[0], 600 * KIB, 1);
	bo_expect(d.fd, bo[1], 600 * KIB, 2);
}

TEST(crossed_sets, "F10: jobs that each need two of three 40 % buffers all finish")
{
	struct client c;
	struct job job;
	uint32_t bo[3];
	uint64_t id[30];

	client_open(&c);
	for (int i = 0; i < 3; i++) {
		bo[i] = bo_create(c.fd, 400 * KIB);
		bo_fill(c.fd, bo[i], 400 * KIB, i);
	}
	for (int i = 0; i < 30; i++) {
		job_nop(&job, &c, UNIT_MS);
		job_buffer(&job, bo[i % 3], R);
		job_buffer(&job, bo[(i + 1 + i / 3 % 2) % 3], R);
		id[i] = submit(&c, &job, 1);
	}
	for (int i = 0; i < 30; i++)
		CHECK_EQ(job_result(c.fd, id[i]), 0);
}

TEST(exact_fit, "F10: a job whose buffers fill the whole memory runs, one page more: ENOSPC")
{
	struct client c;
	struct job job;

	client_open(&c);
	/* somebody else's bytes are in the way and have to go */
	job_fill(&job, &c, bo_create(c.fd, 300 * KIB), 300 * KIB, 1);
	job_run(&c, &job);
	job_nop(&job, &c, 1);
	job_buffer(&job, bo_create(c.fd, 512 * KIB), W);
	job_buffer(&job, bo_create(c.fd, 512 * KIB), W);
	job_run(&c, &job);
	job_buffer(&job, bo_create(c.fd, 4096), W);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -ENOSPC);
}

TEST(elsewhere, "what does not fit the small device goes to a larger one")
{
	struct drm_weft_device_info d;
	struct drm_weft_job_record r;
	struct client c;
	struct job job;

	dev_add("large", DEV_SMALL("8M"));
	client_open(&c);
	CHECK(dev_find(c.fd, "large", &d));
	job_nop(&job, &c, 1);
	job_buffer(&job, bo_create(c.fd, 2 * MIB), W);
	job_wait(c.fd, submit(&c, &job, 1), &r);
	CHECK_EQ(r.error, 0);
	CHECK_EQ(r.device, d.id);
}

TEST(moves, "a buffer follows its jobs between two devices, the bytes stay right")
{
	struct client c;
	struct job job;
	uint32_t x, one;

	dev_add("second", DEV_SMALL("1M"));
	client_open(&c);
	x = bo_create(c.fd, 64 * KIB);
	one = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, one, 64 * KIB, 1);
	for (int i = 0; i < 20; i++) {
		job_add(&job, &c, x, x, one, 64 * KIB);
		job.j.device_mask = dev_mask(c.fd, i & 1 ? "second" : "small");
		submit(&c, &job, 1);
	}
	bo_expect(c.fd, x, 64 * KIB, 20);
}

TEST(bytes, "links count the bytes that moved")
{
	struct drm_weft_link_info before[64], after[64];
	struct drm_weft_device_info d;
	struct client c;
	struct job job;
	uint32_t x, n = 64, m = 64;

	client_open(&c);
	CHECK(dev_find(c.fd, "small", &d));
	x = bo_create(c.fd, 256 * KIB);
	bo_fill(c.fd, x, 256 * KIB, 1);
	CHECK_EQ(query(c.fd, DRM_WEFT_QUERY_LINKS, before, &n, sizeof(before[0])), 0);
	job_nop(&job, &c, 1);
	job_buffer(&job, x, R | W);
	job_run(&c, &job);
	bo_expect(c.fd, x, 256 * KIB, 1);
	CHECK_EQ(query(c.fd, DRM_WEFT_QUERY_LINKS, after, &m, sizeof(after[0])), 0);
	CHECK_EQ(n, m);
	for (uint32_t i = 0; i < n; i++) {
		bool ours = before[i].from == d.region || before[i].to == d.region;

		CHECK_EQ(after[i].bytes - before[i].bytes, ours ? 256 * KIB : 0);
		CHECK_EQ(after[i].errors, before[i].errors);
		if (ours)
			CHECK(after[i].transfers > before[i].transfers);
	}
}

TEST(accounted, "device memory in use falls back to nothing when buffers are closed")
{
	struct client c;
	struct job job;
	uint64_t used = 0;

	client_open(&c);
	for (int i = 0; i < 8; i++) {
		job_fill(&job, &c, bo_create(c.fd, 64 * KIB), 64 * KIB, 1);
		job_run(&c, &job);
	}
	CHECK(region_of(c.fd, "small").used >= 8 * 64 * KIB);
	client_close(&c);
	c.fd = pool_open();
	for (int i = 0; i < 200 && (used = region_of(c.fd, "small").used); i++)
		sleep_ms(10);
	CHECK_EQ(used, 0);
}

/* --------------------------------------------------------------------------------- secrets */

#define SECRET	0x5ec7e75e

/* fills device and host with the pattern, by jobs and by the CPU, as another tenant */
static void leave_secrets(const char *device, uint64_t bytes, bool abort_them)
{
	const uint64_t chunk = 128 * KIB;
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	for (uint64_t at = 0; at < bytes; at += chunk) {
		uint32_t h = bo_create(c.fd, chunk), g = bo_create(c.fd, chunk);

		job_fill(&job, &c, h, chunk, SECRET);
		job.j.device_mask = dev_mask(c.fd, device);
		job_run(&c, &job);
		bo_fill(c.fd, g, chunk, SECRET);
		job_nop(&job, &c, abort_them ? 2000 * UNIT_MS : 1);
		job_buffer(&job, g, R);
		job_buffer(&job, h, R);
		job.j.device_mask = dev_mask(c.fd, device);
		id = submit(&c, &job, 1);
		if (abort_them) {
			job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
			job_cancel(c.fd, id);
		}
		job_wait(c.fd, id, &(struct drm_weft_job_record){});
		bo_expect(c.fd, h, chunk, SECRET);	/* now on the host, too */
	}
	client_close(&c);
}

static void no_secret(const uint32_t *p, uint64_t size, const char *where)
{
	for (uint64_t i = 0; i < size / 4; i++)
		CHECK_MSG(p[i] != SECRET, "another tenant's bytes in %s at %llu", where,
			  (unsigned long long)i * 4);
}

/* everything a fresh client can get its hands on is searched, whole pages and whole blocks */
static void search(const char *device, uint64_t bytes)
{
	const uint64_t chunk = 128 * KIB;
	uint32_t *data = malloc(chunk);
	struct client c;
	struct job job;

	client_open(&c);
	for (uint64_t at = 0; at < bytes; at += chunk) {
		uint32_t h = bo_create(c.fd, chunk), partial = bo_create(c.fd, chunk);
		uint32_t rw = bo_create(c.fd, chunk - 5000), out = bo_create(c.fd, chunk);
		uint32_t *p = bo_map(c.fd, h, chunk);

		/* host pages, touched first by the CPU */
		CHECK_EQ(bo_cpu(c.fd, true, h, R, in_ns(PATIENCE)), 0);
		no_secret(p, chunk, "fresh host pages");
		CHECK_EQ(bo_cpu(c.fd, false, h, R, 0), 0);
		munmap(p, chunk);
		/* device blocks of a buffer that a job promised to write but wrote 8 bytes of */
		job_fill(&job, &c, partial, 8, 1);
		job.j.device_mask = dev_mask(c.fd, device);
		job_run(&c, &job);
		CHECK_EQ(bo_read(c.fd, partial, 0, data, chunk), 0);
		no_secret(data, chunk, "a write-only device buffer");
		/* device blocks read before anything was written; the tail of an odd size, too */
		job_copy(&job, &c, out, rw, chunk - 5000);
		job.j.device_mask = dev_mask(c.fd, device);
		job_run(&c, &job);
		CHECK_EQ(bo_read(c.fd, out, 0, data, chunk), 0);
		no_secret(data, chunk, "a fresh device buffer read by a job");
	}
	free(data);
	client_close(&c);
}

TEST(secret_close, "F21: B finds none of A's bytes after A closed")
{
	leave_secrets("small", MIB, false);
	search("small", MIB);
}

TEST(secret_evict, "F21: nor while A is alive and its buffers were evicted")
{
	struct client a;
	struct job job;
	uint32_t h[8];

	client_open(&a);
	for (int i = 0; i < 8; i++) {
		h[i] = bo_create(a.fd, 128 * KIB);
		job_fill(&job, &a, h[i], 128 * KIB, SECRET);
		job_run(&a, &job);
	}
	search("small", MIB);
	for (int i = 0; i < 8; i++)
		bo_expect(a.fd, h[i], 128 * KIB, SECRET);
}

TEST(secret_abort, "F21: nor after A's jobs were aborted")
{
	leave_secrets("small", MIB, true);
	search("small", MIB);
}

TEST(secret_reset, "F21: nor after a reset of the device in the middle of A's job")
{
	struct client a;
	struct job job;

	dev_add("victim", DEV_SMALL("1M"));
	client_open(&a);
	for (int i = 0; i < 6; i++) {
		job_fill(&job, &a, bo_create(a.fd, 128 * KIB), 128 * KIB, SECRET);
		job.j.device_mask = dev_mask(a.fd, "victim");
		job_run(&a, &job);
	}
	CHECK_EQ(dev_set("victim", "fault/hang", "1"), 0);
	CHECK_EQ(dev_set("victim", "fault/abort_fails", "1"), 0);
	job_nop(&job, &a, 1);
	job.j.device_mask = dev_mask(a.fd, "victim");
	job.j.timeout_ns = 50 * MS;
	CHECK_EQ(job_result(a.fd, submit(&a, &job, 1)), ETIME);
	search("victim", MIB);
}

TEST(secret_loss, "F21: nor after the device vanished and came back")
{
	dev_add("victim", DEV_SMALL("1M"));
	leave_secrets("victim", 512 * KIB, false);
	CHECK_EQ(dev_set("victim", "fault/vanish", "now"), 0);
	for (int i = 0; i < 200 && dev_get("victim", "enabled"); i++)
		sleep_ms(10);
	CHECK_EQ(dev_enable("victim", true), 0);
	search("victim", MIB);
}

TEST(secret_failed, "F21: a failed job's partial output reads as an error, not as old bytes")
{
	struct client c;
	struct job job;
	uint32_t h, data[1024];

	leave_secrets("small", MIB, false);
	dev_add("faulty", DEV_SMALL("1M"));
	leave_secrets("faulty", MIB, false);
	CHECK_EQ(dev_set("faulty", "fault/error", "1"), 0);
	client_open(&c);
	h = bo_create(c.fd, 128 * KIB);
	job_fill(&job, &c, h, 8, 1);
	job.j.device_mask = dev_mask(c.fd, "faulty");
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	CHECK_EQ(bo_read(c.fd, h, 0, data, sizeof(data)), -ENODATA);
	/* revived by writing a part of it on the device: the rest must not be what was there */
	job_run(&c, &job);
	uint32_t *all = malloc(128 * KIB);

	CHECK_EQ(bo_read(c.fd, h, 0, all, 128 * KIB), 0);
	no_secret(all, 128 * KIB, "a revived buffer");
}
