// SPDX-License-Identifier: GPL-2.0-only
/*
 * F40: what others keep of weft when it goes: fences stay, dma-bufs keep it from going.
 *
 * The modules are files beside the program; it loads and unloads them itself.
 */
/* vm: smp=4 timeout=120 insmod=none */
#include <fcntl.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>

#include "common.h"
#include "peers.h"

#define W	DRM_WEFT_ACCESS_WRITE
#define SIZE	4096

static void load(void)
{
	long ret = module_load("weft", "");

	CHECK_MSG(!ret, "weft.ko: %s", tap_value(ret));
	ret = module_load("weft_sim", "");
	CHECK_MSG(!ret, "weft_sim.ko: %s", tap_value(ret));
	dev_add("unit", DEV_UNIT);
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
	module_unload_soon("weft_sim");
	module_unload_soon("weft");
}

SETUP()
{
	tap_cleanup = clean_modules;
}

static void names(int sync_file, const char *driver, const char *timeline, int status)
{
	struct sync_fence_info f = {};
	struct sync_file_info i = { .num_fences = 1, .sync_fence_info = p64(&f) };

	CHECK_EQ(ioc(sync_file, SYNC_IOC_FILE_INFO, &i), 0);
	CHECK_EQ(i.num_fences, 1);
	CHECK_EQ(i.status, status);
	CHECK_EQ(f.status, status);
	/* from Linux 7 on the kernel itself forgets whose a fence was once it has signalled */
	if (status && !strcmp(f.driver_name, "detached-driver")) {
		CHECK_MSG(!strcmp(f.obj_name, "signaled-timeline"), "timeline \"%s\"", f.obj_name);
		return;
	}
	CHECK_MSG(!strcmp(f.driver_name, driver), "driver name \"%s\"", f.driver_name);
	CHECK_MSG(!strcmp(f.obj_name, timeline), "timeline name \"%s\"", f.obj_name);
}

/* a sync_file of a job that ends with @error; *@pending is one from before its end */
static int run_early(bool fails, int *pending)
{
	struct client c;
	struct job job;
	uint32_t s;
	uint64_t id;

	client_open(&c);
	c.queue = queue_create(c.fd, DRM_WEFT_QUEUE_EARLY, 0);
	s = syncobj_create(c.fd, 0);
	CHECK_EQ(dev_set("unit", "fault/hang", fails ? "1" : "0"), 0);
	job_nop(&job, &c, UNIT_MS);
	job_out(&job, s, 0);
	id = submit(&c, &job, 1);
	*pending = syncobj_sync_file(c.fd, s);
	if (fails)
		CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, 0, in_ns(PATIENCE)), 0);
	client_close(&c);
	return *pending;
}

static int late_fence(void)
{
	struct client c;
	struct job job;
	uint32_t s;
	int f;

	client_open(&c);
	s = syncobj_create(c.fd, 0);
	job_nop(&job, &c, 1);
	job_out(&job, s, 0);
	submit(&c, &job, 1);
	CHECK_EQ(syncobj_wait(c.fd, s, 0, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, in_ns(PATIENCE)),
		 0);
	f = syncobj_sync_file(c.fd, s);
	client_close(&c);
	return f;
}

TEST(after_unload, "sync_files of early and late jobs can be read, polled and closed after rmmod")
{
	int good, bad, late, unused;

	load();
	good = run_early(false, &unused);
	bad = run_early(true, &unused);
	late = late_fence();
	unload_all();
	names(good, "weft", "weft.early", 1);
	names(bad, "weft", "weft.early", -ECANCELED);
	CHECK_EQ(sync_file_status(late), 1);
	for (int i = 0; i < 3; i++) {
		struct pollfd p = { .fd = i ? i == 1 ? bad : late : good, .events = POLLIN };

		CHECK_EQ(poll(&p, 1, 0), 1);
		close(p.fd);
	}
	/* and weft comes back */
	load();
	close(run_early(false, &unused));
	unload_all();
}

TEST(in_foreign, "a fence of weft's in another driver's reservation outlives weft")
{
	int buffer, f, fences, unused;

	load();
	buffer = heap_create(SIZE);
	f = run_early(false, &unused);
	CHECK_EQ(dmabuf_add_fence(buffer, f, true), 0);
	close(f);
	unload_all();
	fences = dmabuf_fences(buffer, true);
	CHECK_EQ(sync_file_status(fences), 1);
	dmabuf_fill(buffer, SIZE, 1);
}

TEST(dmabuf_holds, "a dma-buf of weft's, also mapped only, keeps weft.ko: EBUSY")
{
	struct drm_weft_bo_create b = { .size = SIZE, .flags = DRM_WEFT_BO_SHAREABLE };
	struct client c;
	uint32_t *p;
	int dmabuf;
	long ret;

	load();
	client_open(&c);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	dmabuf = prime_export(c.fd, b.handle);
	client_close(&c);
	devs_cleanup(true);
	CHECK_EQ(module_unload_soon("weft_sim"), 0);
	ret = module_unload("weft");
	CHECK(ret == -EAGAIN || ret == -EBUSY || ret == -EWOULDBLOCK);
	p = dmabuf_map(dmabuf, SIZE);
	close(dmabuf);
	*p = 5;
	ret = module_unload("weft");
	CHECK(ret == -EAGAIN || ret == -EBUSY || ret == -EWOULDBLOCK);
	CHECK_EQ(*p, 5);
	munmap(p, SIZE);
	CHECK_EQ(module_unload_soon("weft"), 0);
}

TEST(import_freed, "an imported buffer does not keep weft.ko once its file is closed")
{
	struct client c;
	int buffer;

	load();
	buffer = heap_create(SIZE);
	client_open(&c);
	prime_import(c.fd, buffer);
	client_close(&c);
	unload_all();
	dmabuf_fill(buffer, SIZE, 1);
}

TEST(permanent, "weft_fence.ko cannot be unloaded")
{
	long ret;

	load();
	unload_all();
	ret = module_unload("weft_fence");
	CHECK(ret == -EBUSY || ret == -EAGAIN || ret == -EWOULDBLOCK);
}
