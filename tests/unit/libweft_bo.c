// SPDX-License-Identifier: GPL-2.0-only
/*
 * libweft: buffers.
 *
 * DOC: libweft_bo
 */
/* sources: tools/libweft/batch.c tools/libweft/bo.c tools/libweft/error.c tools/libweft/names.c */
/* sources: tools/libweft/pool.c tools/libweft/program.c tools/libweft/queue.c */
/* sources: tools/libweft/sim.c tools/libweft/submit.c */
/* cflags: -D_GNU_SOURCE -pthread */
/* pkg-config: libdrm */
#include <fcntl.h>

#include "libweft_fake.h"

#define READ	DRM_WEFT_ACCESS_READ
#define WRITE	DRM_WEFT_ACCESS_WRITE

static struct weft *pool;
static struct weft_bo *bo;

static int setup(void **state)
{
	pool = fake_open();
	return weft_bo_create(pool, FAKE_PAGE + 1, 0, &bo);
}

static int teardown(void **state)
{
	fake_close(pool);
	return 0;
}

static void test_create(void **state)
{
	struct weft_bo *other = (void *)1;

	assert_int_equal(fake.bo_create.size, FAKE_PAGE + 1);
	assert_int_equal(weft_bo_size(bo), 2 * FAKE_PAGE);
	assert_int_equal(weft_bo_handle(bo), 1);
	assert_int_equal(weft_bo_create(pool, 0, 0, &other), -EINVAL);
	assert_null(other);
	assert_error("1..2^40 bytes, not 0");
	assert_int_equal(weft_bo_create(pool, (1ull << 40) + 1, 0, &other), -EINVAL);
	assert_int_equal(weft_bo_create(pool, 1ull << 40, 0, &other), 0);
	fake_script(DRM_WEFT_BO_CREATE, 2, EINTR, EDQUOT);
	assert_int_equal(weft_bo_create(pool, 64, DRM_WEFT_BO_DISCARDABLE, &other), -EDQUOT);
	assert_error("creating a buffer of 64 bytes with flags 0x4");
	assert_error("limit on host memory is reached");
}

static void test_info(void **state)
{
	struct drm_weft_bo_info info = { .users = 3 };

	assert_int_equal(weft_bo_info(bo, &info), 0);
	assert_int_equal(info.handle, weft_bo_handle(bo));
	assert_int_equal(info.size, FAKE_PAGE);
	assert_int_equal(info.users, 0);
	fake_script(DRM_WEFT_BO_INFO, 1, ENOENT);
	assert_int_equal(weft_bo_info(bo, &info), -ENOENT);
	assert_error("asking about buffer 1: No such file");
}

static void test_begin_end(void **state)
{
	void *bytes, *again;

	assert_int_equal(weft_bo_begin(bo, READ | WRITE, 0, &bytes), 0);
	assert_non_null(bytes);
	assert_int_equal(fake.cpu_begin.handle, 1);
	assert_int_equal(fake.cpu_begin.access, READ | WRITE);
	assert_int_equal(fake.cpu_begin.offset, 0);
	assert_int_equal(fake.cpu_begin.length, 0);
	assert_int_equal(fake.cpu_begin.timeout_ns, 0);
	assert_int_equal(weft_bo_begin(bo, READ, 0, &again), -EBUSY);
	assert_null(again);
	assert_error("is being accessed already");
	assert_int_equal(weft_bo_end(bo), 0);
	assert_int_equal(fake.cpu_end.access, READ | WRITE);
	assert_int_equal(fake.cpu_end.timeout_ns, 0);
	assert_int_equal(weft_bo_end(bo), -EINVAL);
	assert_error("call weft_bo_begin() first");

	/* the mapping is kept */
	assert_int_equal(weft_bo_begin(bo, WRITE, WEFT_FOREVER, &again), 0);
	assert_ptr_equal(again, bytes);
	assert_int_equal(fake.maps, 1);
	assert_true(fake.cpu_begin.timeout_ns == UINT64_MAX);
	assert_int_equal(fake.cpu_begin.access, WRITE);
	assert_int_equal(weft_bo_end(bo), 0);
	assert_int_equal(fake.cpu_end.access, WRITE);
}

static void test_begin_times(void **state)
{
	uint64_t before = fake.now;
	void *bytes;

	assert_int_equal(weft_bo_begin(bo, READ, 5000, &bytes), 0);
	assert_int_equal(fake.cpu_begin.timeout_ns, before + fake.now_step + 5000);
	assert_int_equal(weft_bo_end(bo), 0);
}

static void test_begin_fails(void **state)
{
	void *bytes;

	assert_int_equal(weft_bo_begin(bo, 0, 0, &bytes), -EINVAL);
	assert_int_equal(weft_bo_begin(bo, 4, 0, &bytes), -EINVAL);
	assert_error("not 0x4");
	assert_int_equal(fake.calls[DRM_WEFT_BO_CPU_BEGIN], 0);

	fake_script(DRM_WEFT_BO_MMAP_OFFSET, 1, EPERM);
	assert_int_equal(weft_bo_begin(bo, READ, 0, &bytes), -EPERM);
	assert_error("DEVICE_ONLY");
	fake.map_error = ENOMEM;
	assert_int_equal(weft_bo_begin(bo, READ, 0, &bytes), -ENOMEM);
	assert_error("mapping buffer 1 of 8192 bytes: Cannot allocate memory");
	fake.map_error = 0;

	fake_script(DRM_WEFT_BO_CPU_BEGIN, 3, EINTR, EINTR, ENODATA);
	assert_int_equal(weft_bo_begin(bo, READ, 0, &bytes), -ENODATA);
	assert_int_equal(fake.calls[DRM_WEFT_BO_CPU_BEGIN], 3);
	assert_error("the job that wrote it failed");
	assert_null(bytes);
	/* nothing was begun */
	assert_int_equal(weft_bo_end(bo), -EINVAL);
	fake_script(DRM_WEFT_BO_CPU_BEGIN, 1, ETIME);
	assert_int_equal(weft_bo_begin(bo, READ, 0, &bytes), -ETIME);
	assert_error("jobs still use the buffer");

	assert_int_equal(weft_bo_begin(bo, READ, 0, &bytes), 0);
	fake_script(DRM_WEFT_BO_CPU_END, 1, EINVAL);
	assert_int_equal(weft_bo_end(bo), -EINVAL);
	assert_error("ending access to buffer 1: Invalid argument");
}

static void test_write_read(void **state)
{
	unsigned char from[2 * FAKE_PAGE], to[16];

	memset(from, 'Z', sizeof(from));
	/* all of it: the old contents are not needed */
	assert_int_equal(weft_bo_write(bo, 0, from, sizeof(from)), 0);
	assert_int_equal(fake.cpu_begin.access, WRITE);
	assert_true(fake.cpu_begin.timeout_ns == UINT64_MAX);
	/* a part: the rest has to be there */
	assert_int_equal(weft_bo_write(bo, 2 * FAKE_PAGE - 3, "abc", 3), 0);
	assert_int_equal(fake.cpu_begin.access, READ | WRITE);
	assert_int_equal(weft_bo_read(bo, 2 * FAKE_PAGE - 4, to, 4), 0);
	assert_int_equal(fake.cpu_begin.access, READ);
	assert_memory_equal(to, "Zabc", 4);
	assert_int_equal(fake.calls[DRM_WEFT_BO_CPU_END], 3);
}

static void test_write_read_range(void **state)
{
	char byte = 0;

	assert_int_equal(weft_bo_write(bo, 0, &byte, 0), -EINVAL);
	assert_int_equal(weft_bo_write(bo, 2 * FAKE_PAGE, &byte, 1), -EINVAL);
	assert_error("has 8192 bytes: 1 bytes at offset 8192 are not a range of it");
	assert_int_equal(weft_bo_write(bo, 1, &byte, 2 * FAKE_PAGE), -EINVAL);
	assert_int_equal(weft_bo_read(bo, UINT64_MAX, &byte, 1), -EINVAL);
	assert_int_equal(weft_bo_read(bo, 1, &byte, SIZE_MAX), -EINVAL);
	assert_int_equal(fake.calls[DRM_WEFT_BO_CPU_BEGIN], 0);
	fake_script(DRM_WEFT_BO_CPU_BEGIN, 2, EIO, EIO);
	assert_int_equal(weft_bo_read(bo, 0, &byte, 1), -EIO);
	assert_error("copying the bytes back from the device failed");
	assert_int_equal(weft_bo_write(bo, 0, &byte, 1), -EIO);
}

static void test_wait(void **state)
{
	assert_int_equal(weft_bo_wait(bo, READ, WEFT_FOREVER), 0);
	assert_int_equal(fake.bo_wait.access, READ);
	assert_true(fake.bo_wait.timeout_ns == UINT64_MAX);
	assert_int_equal(weft_bo_wait(bo, WRITE, 0), 0);
	assert_int_equal(fake.bo_wait.timeout_ns, 0);
	assert_int_equal(weft_bo_wait(bo, 0, 0), -EINVAL);
	fake_script(DRM_WEFT_BO_WAIT, 2, EINTR, ETIME);
	assert_int_equal(weft_bo_wait(bo, WRITE, 10), -ETIME);
	assert_error("waiting for buffer 1: Timer expired (jobs still use the buffer)");
}

static void test_export(void **state)
{
	int fd = 0;

	assert_int_equal(weft_bo_export(bo, &fd), 0);
	assert_int_equal(fd, FAKE_DMABUF);
	assert_int_equal(fake.prime.handle, 1);
	assert_int_equal(fake.prime.flags, DRM_CLOEXEC | DRM_RDWR);
	fake.prime_error = EPERM;
	assert_int_equal(weft_bo_export(bo, &fd), -EPERM);
	assert_int_equal(fd, -1);
	assert_error("not made with DRM_WEFT_BO_SHAREABLE");
}

static void test_import(void **state)
{
	struct weft_bo *other;
	int handles = fake.open_handles;

	fake.prime_handle = FAKE_IMPORTED;
	assert_int_equal(weft_bo_import(pool, FAKE_DMABUF, &other), 0);
	assert_int_equal(weft_bo_handle(other), FAKE_IMPORTED);
	assert_int_equal(weft_bo_size(other), FAKE_PAGE);
	assert_int_equal(fake.open_handles, handles + 1);
	weft_bo_destroy(other);
	assert_int_equal(fake.open_handles, handles);

	/* the kernel gives an object that is open once more the same handle */
	fake.prime_handle = weft_bo_handle(bo);
	assert_int_equal(weft_bo_import(pool, FAKE_DMABUF, &other), -EEXIST);
	assert_null(other);
	assert_error("is buffer 1, which is open already");
	assert_int_equal(fake.open_handles, handles);

	fake.prime_handle = FAKE_IMPORTED;
	fake_script(DRM_WEFT_BO_INFO, 1, ENOENT);
	assert_int_equal(weft_bo_import(pool, FAKE_DMABUF, &other), -ENOENT);
	assert_int_equal(fake.open_handles, handles);
	fake.prime_error = EPERM;
	assert_int_equal(weft_bo_import(pool, FAKE_DMABUF, &other), -EPERM);
	assert_error("belongs to another weft pool");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_begin_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_begin_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_begin_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_read_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_export, setup, teardown),
		cmocka_unit_test_setup_teardown(test_import, setup, teardown),
	};

	return cmocka_run_group_tests_name("libweft_bo", tests, NULL, NULL);
}
