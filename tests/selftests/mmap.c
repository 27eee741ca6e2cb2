// SPDX-License-Identifier: GPL-2.0-only
/*
 * BO_MMAP_OFFSET and mmap(): what may be mapped, how long a mapping lives.
 */
/* vm: smp=2 timeout=60 kernels=stock,debug,next insmod=weft,weft_sim */
#include <signal.h>
#include <sys/mman.h>

#include "common.h"

SETUP()
{
	dev_add("null", DEV_NULL);
	devs_keep();
}

static uint64_t map_offset(int fd, uint32_t handle)
{
	struct drm_weft_bo_mmap_offset m = { .handle = handle };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &m), 0);
	return m.offset;
}

static long try_map(int fd, uint64_t offset, size_t size, int prot, int flags)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

TEST(errors, "BO_MMAP_OFFSET: ENOENT, EINVAL")
{
	int fd = pool_open();
	struct drm_weft_bo_mmap_offset m = { .handle = bo_create(fd, 4096) + 1 };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &m), -ENOENT);
	m.handle--;
	m.pad = 1;
	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &m), -EINVAL);
}

TEST(stable, "the offset of a buffer stays, offsets of two buffers differ")
{
	int fd = pool_open();
	uint32_t a = bo_create(fd, 4096), b = bo_create(fd, 4096);

	CHECK_EQ(map_offset(fd, a), map_offset(fd, a));
	CHECK(map_offset(fd, a) != map_offset(fd, b));
}

TEST(private, "a private writable mapping: EINVAL")
{
	int fd = pool_open();
	uint64_t offset = map_offset(fd, bo_create(fd, 4096));

	CHECK_EQ(try_map(fd, offset, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE), -EINVAL);
}

TEST(too_long, "a mapping longer than the buffer: EINVAL")
{
	int fd = pool_open();
	uint64_t offset = map_offset(fd, bo_create(fd, 4096));

	CHECK_EQ(try_map(fd, offset, 8192, PROT_READ, MAP_SHARED), -EINVAL);
	CHECK(try_map(fd, offset + 4096, 4096, PROT_READ, MAP_SHARED) < 0);
}

TEST(no_offset, "an offset that is no buffer's: EINVAL")
{
	int fd = pool_open();

	CHECK_EQ(try_map(fd, 0, 4096, PROT_READ, MAP_SHARED), -EINVAL);
	CHECK_EQ(try_map(fd, 1ull << 40, 4096, PROT_READ, MAP_SHARED), -EINVAL);
}

TEST(foreign, "another client's offset: EACCES")
{
	int fd = pool_open(), other = pool_open();
	uint64_t offset = map_offset(fd, bo_create(fd, 4096));

	CHECK_EQ(try_map(other, offset, 4096, PROT_READ, MAP_SHARED), -EACCES);
	CHECK_EQ(try_map(fd, offset, 4096, PROT_READ, MAP_SHARED), 0);
}

TEST(shared, "two mappings and the other half of fork see the same bytes")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 8192);
	volatile uint32_t *a = bo_map(fd, h, 8192), *b = bo_map(fd, h, 8192);
	pid_t pid;

	CHECK_EQ(bo_cpu(fd, true, h, DRM_WEFT_ACCESS_WRITE, FOREVER), 0);
	a[1] = 17;
	CHECK_EQ(b[1], 17);
	pid = spawn();
	if (!pid) {
		a[2] = a[1] + 1;
		_exit(0);
	}
	CHECK_EQ(reap(pid), 0);
	CHECK_EQ(b[2], 18);
	CHECK_EQ(bo_cpu(fd, false, h, DRM_WEFT_ACCESS_WRITE, 0), 0);
}

TEST(outlives, "a mapping outlives the handle and the file")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);
	volatile uint32_t *p = bo_map(fd, h, 4096);

	CHECK_EQ(bo_cpu(fd, true, h, DRM_WEFT_ACCESS_WRITE, FOREVER), 0);
	p[0] = 23;
	CHECK_EQ(bo_cpu(fd, false, h, DRM_WEFT_ACCESS_WRITE, 0), 0);
	bo_close(fd, h);
	CHECK_EQ(p[0], 23);
	close(fd);
	CHECK_EQ(p[0], 23);
	p[1] = 24;
	CHECK_EQ(p[1], 24);
}

TEST(part, "a part of a buffer can be mapped, unmapped in pieces, protected")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 64 * KIB);
	char *p = bo_map(fd, h, 64 * KIB);

	CHECK_EQ(bo_cpu(fd, true, h, DRM_WEFT_ACCESS_WRITE, FOREVER), 0);
	memset(p, 1, 64 * KIB);
	CHECK_EQ(munmap(p + 4096, 4096), 0);
	CHECK_EQ(mprotect(p + 8192, 4096, PROT_READ), 0);
	CHECK_EQ(p[0] + p[8192] + p[65535], 3);
	CHECK_EQ(bo_cpu(fd, false, h, DRM_WEFT_ACCESS_WRITE, 0), 0);
}

TEST(grow, "a mapping cannot be grown beyond the buffer")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, 4096);
	void *p = bo_map(fd, h, 4096);

	CHECK(mremap(p, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
}

TEST(device_writes, "a mapping made before a job shows the job's result after BEGIN")
{
	struct client c;
	struct job job;
	uint32_t h;
	volatile uint32_t *p;

	client_open(&c);
	h = bo_create(c.fd, 4096);
	p = bo_map(c.fd, h, 4096);
	CHECK_EQ(p[5], 0);
	for (uint32_t v = 1; v < 5; v++) {
		job_fill(&job, &c, h, 4096, v);
		job_run(&c, &job);
		CHECK_EQ(bo_cpu(c.fd, true, h, DRM_WEFT_ACCESS_READ, in_ns(PATIENCE)), 0);
		CHECK_EQ(p[5], v);
		CHECK_EQ(bo_cpu(c.fd, false, h, DRM_WEFT_ACCESS_READ, 0), 0);
	}
}

TEST(reads_zero, "a page never touched reads as zero")
{
	int fd = pool_open();
	uint32_t h = bo_create(fd, MIB);
	volatile uint64_t *p = bo_map(fd, h, MIB);

	CHECK_EQ(bo_cpu(fd, true, h, DRM_WEFT_ACCESS_READ, FOREVER), 0);
	for (size_t i = 0; i < MIB / 8; i += 512)
		CHECK_EQ(p[i], 0);
}

/* the source of an ioctl may be a mapping of weft itself: nothing may fault under a lock */
TEST(source_is_mapping, "ioctl arguments that live in a buffer of the pool")
{
	struct client c;
	struct job job;
	struct drm_weft_job *j;
	struct drm_weft_submit s = { .job_count = 1, .job_stride = sizeof(*j) };
	struct drm_weft_job_record *r;
	char *p;
	uint32_t h;

	client_open(&c);
	h = bo_create(c.fd, 4 * 4096);
	p = bo_map(c.fd, h, 4 * 4096);
	job_nop(&job, &c, 1);
	/* each part in a page of its own that nobody has touched yet but the CPU's write */
	j = (void *)p;
	*j = job.j;
	j->args = p64(p + 4096);
	memcpy(p + 4096, &job.args, sizeof(job.args));
	s.queue = c.queue;
	s.jobs = p64(j);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_SUBMIT, &s), 0);
	r = (void *)(p + 2 * 4096);
	CHECK_EQ(job_query(c.fd, s.first_job_id, 1, r, DRM_WEFT_JOB_QUERY_WAIT, in_ns(PATIENCE)),
		 0);
	CHECK_EQ(r->state, DRM_WEFT_JOB_DONE);
	CHECK_EQ(r->error, 0);
}
