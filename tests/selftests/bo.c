// SPDX-License-Identifier: GPL-2.0-only
/*
 * BO_CREATE, BO_INFO, BO_WAIT and what GEM adds: sizes, flags, errors, export.
 */
/* vm: smp=2 timeout=60 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>

#include "common.h"

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

static long create(int fd, uint64_t *size, uint32_t flags, uint32_t *handle)
{
	struct drm_weft_bo_create b = { .size = *size, .flags = flags };
	long ret = ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b);

	*size = b.size;
	if (handle)
		*handle = b.handle;
	return ret;
}

TEST(sizes, "sizes are rounded up to pages")
{
	static const uint64_t in[] = { 1, 4095, 4096, 4097, MIB + 1 };
	static const uint64_t out[] = { 4096, 4096, 4096, 8192, MIB + 4096 };
	struct drm_weft_bo_info info;
	int fd = pool_open();

	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		uint64_t size = in[i];
		uint32_t h;

		CHECK_EQ(create(fd, &size, 0, &h), 0);
		CHECK_EQ(size, out[i]);
		CHECK(h);
		CHECK_EQ(bo_info(fd, h, &info), 0);
		CHECK_EQ(info.size, out[i]);
		if (!(features(fd) & DRM_WEFT_FEATURE_TILES))
			CHECK_EQ(info.tile_size, out[i]);
		CHECK_EQ(info.flags | info.state | info.users, 0);
		CHECK_EQ(info.valid_regions | info.resident_regions, 0);
	}
}

TEST(size_zero, "size 0: EINVAL")
{
	uint64_t size = 0;

	CHECK_EQ(create(pool_open(), &size, 0, NULL), -EINVAL);
}

TEST(size_above, "size above 1 << 40: EINVAL")
{
	uint64_t above = (1ull << 40) + 1, max = UINT64_MAX, wrap = UINT64_MAX - 4095;
	int fd = pool_open();

	CHECK_EQ(create(fd, &above, 0, NULL), -EINVAL);
	CHECK_EQ(create(fd, &max, 0, NULL), -EINVAL);
	CHECK_EQ(create(fd, &wrap, 0, NULL), -EINVAL);
}

TEST(quota, "more than the host can hold: EDQUOT; giving back makes room")
{
	uint64_t size = 1ull << 40, step = 64 * MIB;
	struct drm_weft_client_info info;
	uint32_t h = 0, last;
	int fd = pool_open();
	long ret;

	CHECK_EQ(create(fd, &size, 0, NULL), -EDQUOT);
	while (!(ret = create(fd, &step, 0, &last)))
		h = last;
	CHECK_EQ(ret, -EDQUOT);
	CHECK(h);
	bo_close(fd, h);
	CHECK_EQ(create(fd, &step, 0, &h), 0);
	close(fd);
	/* all of it came back with the file */
	fd = pool_open();
	client_info(fd, &info);
	CHECK_EQ(info.memory, 0);
	for (int i = 0; i < 50 && (ret = create(fd, &step, 0, NULL)); i++)
		sleep_ms(20);
	CHECK_EQ(ret, 0);
}

TEST(flag_unknown, "unknown flags: EINVAL, one by one")
{
	int fd = pool_open();

	for (int i = 4; i < 32; i++) {
		uint64_t size = 4096;

		CHECK_EQ(create(fd, &size, 1u << i, NULL), -EINVAL);
	}
}

static void flag_feature(uint32_t flag, uint64_t feature)
{
	int fd = pool_open();
	uint64_t size = 4096;
	long ret = create(fd, &size, flag, NULL);

	if (feature)
		CHECK_EQ(ret, features(fd) & feature ? 0 : -EOPNOTSUPP);
	else
		CHECK_MSG(!ret || ret == -EOPNOTSUPP, "%s", tap_value(ret));
}

TEST(flag_shareable, "SHAREABLE: EOPNOTSUPP unless EARLY is offered")
{
	flag_feature(DRM_WEFT_BO_SHAREABLE, DRM_WEFT_FEATURE_EARLY);
}

TEST(flag_coherent, "COHERENT: EOPNOTSUPP unless it is offered")
{
	flag_feature(DRM_WEFT_BO_COHERENT, DRM_WEFT_FEATURE_COHERENT);
}

TEST(flag_discardable, "DISCARDABLE works or is EOPNOTSUPP")
{
	flag_feature(DRM_WEFT_BO_DISCARDABLE, 0);
}

TEST(flag_device_only, "DEVICE_ONLY is EOPNOTSUPP, or cannot be mapped or read: EPERM")
{
	struct drm_weft_bo_mmap_offset m = {};
	int fd = pool_open();
	uint64_t size = 4096;
	long ret = create(fd, &size, DRM_WEFT_BO_DEVICE_ONLY, &m.handle);

	if (ret) {
		CHECK_EQ(ret, -EOPNOTSUPP);
		return;
	}
	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &m), -EPERM);
	CHECK_EQ(bo_cpu(fd, true, m.handle, DRM_WEFT_ACCESS_READ, FOREVER), -EPERM);
}

TEST(many_flags, "an unknown flag beside an unoffered one is EINVAL")
{
	uint64_t size = 4096;

	CHECK_EQ(create(pool_open(), &size, DRM_WEFT_BO_SHAREABLE | 1u << 31, NULL), -EINVAL);
}

TEST(info_enoent, "BO_INFO of no handle: ENOENT")
{
	struct drm_weft_bo_info info;
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(bo_info(fd, 0, &info), -ENOENT);
	CHECK_EQ(bo_info(fd, h + 1, &info), -ENOENT);
	CHECK_EQ(bo_info(fd, ~0u, &info), -ENOENT);
	bo_close(fd, h);
	CHECK_EQ(bo_info(fd, h, &info), -ENOENT);
}

TEST(foreign, "a handle means nothing in another client")
{
	struct drm_weft_bo_info info;
	int fd = pool_open(), other = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(bo_info(other, h, &info), -ENOENT);
}

TEST(residency, "BO_INFO follows a buffer to the device and back")
{
	struct drm_weft_device_info d;
	struct drm_weft_bo_info info;
	struct client c;
	struct job job;
	uint32_t h;

	client_open(&c);
	CHECK(dev_find(c.fd, "unit", &d));
	h = bo_create(c.fd, 8192);
	job_fill(&job, &c, h, 8192, 0x1234);
	job_run(&c, &job);
	CHECK_EQ(bo_info(c.fd, h, &info), 0);
	CHECK_EQ(info.valid_regions, 1ull << d.region);
	CHECK(info.resident_regions & 1ull << d.region);
	bo_expect(c.fd, h, 8192, 0x1234);
	CHECK_EQ(bo_info(c.fd, h, &info), 0);
	CHECK_EQ(info.valid_regions, 1ull << d.region | 1ull << d.host_region);
	bo_fill(c.fd, h, 8192, 5);
	CHECK_EQ(bo_info(c.fd, h, &info), 0);
	CHECK_EQ(info.valid_regions, 1ull << d.host_region);
	CHECK_EQ(info.users, 0);
}

TEST(zero, "a new buffer reads as zero, by the CPU and by a job")
{
	struct client c;
	struct job job;
	uint32_t a, b, dst;

	client_open(&c);
	a = bo_create(c.fd, 64 * KIB);
	bo_expect(c.fd, a, 64 * KIB, 0);
	b = bo_create(c.fd, 64 * KIB);
	dst = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, dst, 64 * KIB, ~0u);
	job_copy(&job, &c, dst, b, 64 * KIB);
	job_run(&c, &job);
	bo_expect(c.fd, dst, 64 * KIB, 0);
}

TEST(wait_errors, "BO_WAIT: ENOENT, EINVAL")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(bo_wait(fd, h + 1, DRM_WEFT_ACCESS_READ, FOREVER), -ENOENT);
	CHECK_EQ(bo_wait(fd, h, 0, FOREVER), -EINVAL);
	CHECK_EQ(bo_wait(fd, h, 4, FOREVER), -EINVAL);
	CHECK_EQ(bo_wait(fd, h, DRM_WEFT_ACCESS_READ | 1u << 31, FOREVER), -EINVAL);
}

TEST(wait_idle, "BO_WAIT on an idle buffer returns at once, also with an expired time")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);

	CHECK_EQ(bo_wait(fd, h, DRM_WEFT_ACCESS_READ, 0), 0);
	CHECK_EQ(bo_wait(fd, h, DRM_WEFT_ACCESS_WRITE, 0), 0);
	CHECK_EQ(bo_wait(fd, h, DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE, FOREVER), 0);
}

TEST(wait_busy, "BO_WAIT waits for writers (READ) or all users (WRITE): ETIME, then 0")
{
	struct job job;
	struct client c;
	uint32_t h;
	uint64_t id, start;

	client_open(&c);
	h = bo_create(c.fd, 4096);
	job_nop(&job, &c, 300 * UNIT_MS);
	job_buffer(&job, h, DRM_WEFT_ACCESS_READ);
	id = submit(&c, &job, 1);
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_READ, 0), 0);
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_WRITE, 0), -ETIME);
	start = now_ns();
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_WRITE, in_ns(20 * MS)), -ETIME);
	CHECK(now_ns() - start >= 20 * MS);
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_WRITE, in_ns(PATIENCE)), 0);
	CHECK_EQ(job_result(c.fd, id), 0);

	job_nop(&job, &c, 100 * UNIT_MS);
	job_buffer(&job, h, DRM_WEFT_ACCESS_WRITE);
	id = submit(&c, &job, 1);
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_READ, 0), -ETIME);
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_READ, in_ns(PATIENCE)), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
}

/* F11: readers on two devices; the later, faster one must not make the buffer look idle */
TEST(wait_readers, "F11: BO_WAIT waits for the slow reader when a fast one ended")
{
	struct job job;
	struct client c;
	uint64_t slow, fast;
	uint32_t h;

	dev_add("slow", DEV_SLOW);
	client_open(&c);
	h = bo_create(c.fd, 4096);
	job_nop(&job, &c, 300 * SLOW_MS);
	job_buffer(&job, h, DRM_WEFT_ACCESS_READ);
	job.j.device_mask = dev_mask(c.fd, "slow");
	slow = submit(&c, &job, 1);
	job_nop(&job, &c, UNIT_MS);
	job_buffer(&job, h, DRM_WEFT_ACCESS_READ);
	job.j.device_mask = dev_mask(c.fd, "unit");
	fast = submit(&c, &job, 1);
	CHECK_EQ(job_result(c.fd, fast), 0);
	CHECK(job_state(c.fd, slow) < DRM_WEFT_JOB_DONE);
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_WRITE, 0), -ETIME);
	CHECK_EQ(bo_wait(c.fd, h, DRM_WEFT_ACCESS_WRITE, in_ns(PATIENCE)), 0);
	CHECK_EQ(job_state(c.fd, slow), DRM_WEFT_JOB_DONE);
}

/* F5: nothing foreign may see a buffer whose jobs have no published fence */
TEST(no_export, "F5: a private buffer cannot be exported, idle or with a job READY")
{
	struct client c;
	struct job job;
	struct drm_prime_handle p = { .flags = DRM_CLOEXEC, .fd = -1 };

	client_open(&c);
	p.handle = bo_create(c.fd, 4096);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p), -EPERM);
	job_nop(&job, &c, 50 * UNIT_MS);
	job_buffer(&job, p.handle, DRM_WEFT_ACCESS_WRITE);
	submit(&c, &job, 1);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p), -EPERM);
}

TEST(close_twice, "closing a handle twice: EINVAL; handles are not confused")
{
	int fd = pool_open();
	struct drm_gem_close g = { .handle = bo_create(fd, 4096) };

	CHECK_EQ(ioc(fd, DRM_IOCTL_GEM_CLOSE, &g), 0);
	CHECK_EQ(ioc(fd, DRM_IOCTL_GEM_CLOSE, &g), -EINVAL);
	g.handle = 0;
	CHECK_EQ(ioc(fd, DRM_IOCTL_GEM_CLOSE, &g), -EINVAL);
}

TEST(close_busy, "a handle closed with jobs in flight: they end, the memory comes back")
{
	struct drm_weft_region_info r;
	struct drm_weft_device_info d;
	struct drm_weft_client_info i;
	struct client c;
	struct job job[2];
	uint32_t h;
	uint64_t id;

	client_open(&c);
	CHECK(dev_find(c.fd, "unit", &d));
	h = bo_create(c.fd, MIB);
	job_fill(&job[0], &c, h, MIB, 7);
	job_nop(&job[1], &c, 20 * UNIT_MS);
	job_buffer(&job[1], h, DRM_WEFT_ACCESS_READ);
	id = submit(&c, job, 2);
	bo_close(c.fd, h);
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(job_result(c.fd, id + 1), 0);
	for (int n = 0; n < 100; n++) {
		client_info(c.fd, &i);
		region_info(c.fd, d.region, &r);
		if (!i.memory && !r.used)
			return;
		sleep_ms(10);
	}
	CHECK_EQ(i.memory, 0);
	CHECK_EQ(r.used, 0);
}

TEST(reuse, "create and close a thousand times: no handle or byte is left")
{
	struct drm_weft_client_info i;
	int fd = pool_open();

	for (int n = 0; n < 1000; n++)
		bo_close(fd, bo_create(fd, 4096));
	client_info(fd, &i);
	CHECK_EQ(i.memory, 0);
}
