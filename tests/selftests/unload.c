// SPDX-License-Identifier: GPL-2.0-only
/*
 * F40: modules refuse to unload while somebody needs them, and go when nobody does.
 *
 * The modules are files beside the program; it loads and unloads them itself.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=none */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common.h"

static void load(void)
{
	long ret = module_load("weft", "");

	CHECK_MSG(!ret, "weft.ko: %s", tap_value(ret));
	ret = module_load("weft_sim", "");
	CHECK_MSG(!ret, "weft_sim.ko: %s", tap_value(ret));
}

static void unload_all(void)
{
	devs_cleanup(true);
	CHECK_EQ(module_unload_soon("weft_sim"), 0);
	CHECK_EQ(module_unload_soon("weft"), 0);
}

static void clean_modules(bool last)
{
	devs_cleanup(last);
	/* a subtest that failed half way: best effort, the next one will tell */
	module_unload_soon("weft_sim");
	module_unload_soon("weft");
}

static void __attribute__((constructor(1000))) own_cleanup(void)
{
	tap_cleanup = clean_modules;
}

SETUP()
{
	tap_cleanup = clean_modules;
}

TEST(repeat, "insmod, use, rmmod, up to 15 times")
{
	uint64_t end = in_ns(15 * SEC);
	struct client c;
	struct job job;

	for (int i = 0; i < 15 && (i < 4 || now_ns() < end); i++) {
		load();
		if (i & 1) {
			dev_add("d", DEV_NULL);
			client_open(&c);
			job_nop(&job, &c, 1);
			job_run(&c, &job);
			client_close(&c);
		}
		unload_all();
		CHECK_EQ(pool_try_open(), -ENODEV);
	}
}

TEST(half_way, "a load that fails half way leaves nothing; the next one works")
{
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(module_load("weft", "policy=no-such-policy"), -EINVAL);
		load();
		close(pool_open());
		unload_all();
	}
}

TEST(open_file, "weft with an open file: busy; after the close it goes")
{
	int fd;

	load();
	CHECK_EQ(module_unload_soon("weft_sim"), 0);
	fd = pool_open();
	CHECK(module_unload("weft") < 0);
	close(fd);
	CHECK_EQ(module_unload_soon("weft"), 0);
}

TEST(mapping, "weft with a mapping but no file: busy until munmap()")
{
	uint32_t h;
	void *p;
	int fd;

	load();
	CHECK_EQ(module_unload_soon("weft_sim"), 0);
	fd = pool_open();
	h = bo_create(fd, 8192);
	p = bo_map(fd, h, 8192);
	close(fd);
	sleep_ms(50);
	CHECK(module_unload("weft") < 0);
	*(volatile char *)p = 1;
	munmap(p, 8192);
	CHECK_EQ(module_unload_soon("weft"), 0);
}

TEST(backend, "weft with a backend: busy")
{
	load();
	CHECK(module_unload("weft") < 0);
	unload_all();
}

TEST(device, "weft_sim with a device directory: busy or drained, never a crash")
{
	long ret;

	load();
	dev_add("d", DEV_UNIT);
	ret = module_unload("weft_sim");
	if (ret) {
		/* configfs holds a module whose directories exist */
		CHECK_EQ(dev_remove("d"), 0);
		CHECK_EQ(module_unload_soon("weft_sim"), 0);
	}
	CHECK_EQ(module_unload_soon("weft"), 0);
}

TEST(tenant, "a tenant directory keeps weft loaded; without it weft goes")
{
	load();
	CHECK_EQ(module_unload_soon("weft_sim"), 0);
	CHECK_EQ(mkdir(TENANT_DIR "/t", 0755), 0);
	CHECK(module_unload("weft") < 0);
	CHECK_EQ(rmdir(TENANT_DIR "/t"), 0);
	CHECK_EQ(module_unload_soon("weft"), 0);
}

TEST(drain, "the backend goes under load: its jobs end, the pool stays for a new backend")
{
	struct client c;
	struct job job[8];
	uint64_t id;
	uint32_t error;

	load();
	dev_add("d", DEV_UNIT);
	client_open(&c);
	for (int i = 0; i < 8; i++)
		job_nop(&job[i], &c, 40 * UNIT_MS);
	id = submit(&c, job, 8);
	job_reach(c.fd, id + 3, DRM_WEFT_JOB_READY);
	devs_cleanup(true);
	CHECK_EQ(module_unload_soon("weft_sim"), 0);
	for (int i = 0; i < 8; i++) {
		error = job_result(c.fd, id + i);
		CHECK(error == 0 || error == ENODEV);
	}
	CHECK_EQ(submit_raw(&c, job, 1, NULL), -ENODEV);
	CHECK_EQ(module_load("weft_sim", ""), 0);
	dev_add("d", DEV_UNIT);
	job_run(&c, &job[0]);
	client_close(&c);
	unload_all();
}

TEST(right_after, "rmmod right after a client with jobs in flight was killed")
{
	struct client c;
	struct job job;
	pid_t pid;

	load();
	dev_add("d", DEV_UNIT);
	pid = spawn();
	if (!pid) {
		client_open(&c);
		for (int i = 0; i < 6; i++) {
			job_nop(&job, &c, 5000 * UNIT_MS);
			job_buffer(&job, bo_create(c.fd, 64 * KIB), DRM_WEFT_ACCESS_WRITE);
			submit(&c, &job, 1);
		}
		_exit(0);
	}
	CHECK_EQ(reap(pid), 0);
	unload_all();
}

/* fences that outlive us carry none of our code */
TEST(sync_file, "F40: sync_files of jobs, good and failed, are read and closed after rmmod")
{
	struct client c;
	struct job job;
	uint32_t s[3];
	int f[3];

	load();
	dev_add("d", DEV_UNIT);
	client_open(&c);
	for (int i = 0; i < 3; i++) {
		s[i] = syncobj_create(c.fd, 0);
		if (i == 1)
			CHECK_EQ(dev_set("d", "fault/error", "1"), 0);
		job_nop(&job, &c, 1);
		job_out(&job, s[i], i == 2 ? 7 : 0);
		job_wait(c.fd, submit(&c, &job, 1), &(struct drm_weft_job_record){});
		CHECK_EQ(syncobj_wait(c.fd, s[i], i == 2 ? 7 : 0, 0, in_ns(PATIENCE)), 0);
		if (i == 2) {
			/* a point leaves a timeline by way of a binary syncobj */
			struct drm_syncobj_transfer t = {
				.src_handle = s[i], .src_point = 7,
				.dst_handle = syncobj_create(c.fd, 0),
			};

			CHECK_EQ(ioc(c.fd, DRM_IOCTL_SYNCOBJ_TRANSFER, &t), 0);
			s[i] = t.dst_handle;
		}
		f[i] = syncobj_sync_file(c.fd, s[i]);
		CHECK(f[i] >= 0);
	}
	client_close(&c);
	unload_all();
	CHECK_EQ(sync_file_status(f[0]), 1);
	CHECK_EQ(sync_file_status(f[1]), -EIO);
	CHECK_EQ(sync_file_status(f[2]), 1);
	for (int i = 0; i < 3; i++)
		close(f[i]);
}

/* a reader of the log must not keep a stale pointer either */
TEST(log_open, "an open log file in debugfs does not outlive the module")
{
	char buf[256];
	int fd;

	load();
	CHECK_EQ(module_unload_soon("weft_sim"), 0);
	fd = open("/sys/kernel/debug/weft/default/log", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(read(fd, buf, sizeof(buf)) > 0);
	if (module_unload("weft")) {
		close(fd);
		CHECK_EQ(module_unload_soon("weft"), 0);
	} else {
		CHECK(read(fd, buf, sizeof(buf)) <= 0);
		close(fd);
	}
}
