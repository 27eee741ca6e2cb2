// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools through configfs: made, filled, disabled, removed; nothing crosses them.
 */
/* vm: smp=4 timeout=180 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common.h"

#define NAME_31		"a-name-of-thirty-one-characters"
#define DEV_FAST	DEV_UNIT, "speed=add 50", "speed=fill inf"

static void cleanup(bool last)
{
	devs_cleanup(last);
	/* a subtest may have ended while it was off */
	pool_enable("default", false);
	pool_set("default", "node", "accel");
	pool_enable("default", true);
}

SETUP()
{
	tap_cleanup = cleanup;
	dev_add("d0", DEV_FAST);
	dev_add("d1", DEV_FAST);
	devs_keep();
}

/* 4 KiB of @a plus 4 KiB of @b, computed in the pool of @c */
static void add_up(const struct client *c, uint32_t a, uint32_t b)
{
	uint32_t x = bo_create(c->fd, 4096), y = bo_create(c->fd, 4096);
	uint32_t z = bo_create(c->fd, 4096);
	struct job job;

	bo_fill(c->fd, x, 4096, a);
	bo_fill(c->fd, y, 4096, b);
	job_add(&job, c, z, x, y, 4096);
	job_run(c, &job);
	bo_expect(c->fd, z, 4096, a + b);
	bo_close(c->fd, x);
	bo_close(c->fd, y);
	bo_close(c->fd, z);
}

static uint64_t done_on(const char *device)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s/jobs_done", device);
	CHECK(file_read(path, text, sizeof(text)) > 0);
	return strtoull(text, NULL, 0);
}

/* ------------------------------------------------------------------------------- configuration */

TEST(config_only, "F36: mkdir makes configuration only; enabled makes the node and moves devices")
{
	char text[512], path[512];

	pool_mkdir("p", "devices=d1");
	CHECK_EQ(pool_node("p", "accel", path, sizeof(path)), -ENOENT);
	CHECK(!strcmp(dev_pool("d1"), "default"));
	CHECK(pool_get("p", "node", text, sizeof(text)) > 0 && !strcmp(text, "accel"));
	CHECK(pool_get("p", "owner", text, sizeof(text)) > 0 && !strcmp(text, "none"));
	CHECK(pool_get("p", "mode", text, sizeof(text)) > 0 && !strcmp(text, "0660"));
	CHECK(pool_get("p", "policy", text, sizeof(text)) > 0 && !strcmp(text, "eft"));
	CHECK(pool_get("p", "enabled", text, sizeof(text)) > 0 && !strcmp(text, "0"));

	CHECK_EQ(pool_enable("p", true), 0);
	CHECK_EQ(pool_enable("p", true), 0);
	CHECK(pool_get("p", "enabled", text, sizeof(text)) > 0 && !strcmp(text, "1"));
	CHECK_EQ(pool_node("p", "accel", path, sizeof(path)), 0);
	CHECK(!strcmp(dev_pool("d1"), "p"));
	CHECK(!strcmp(dev_pool("d0"), "default"));

	CHECK_EQ(pool_enable("p", false), 0);
	CHECK_EQ(pool_enable("p", false), 0);
	CHECK_EQ(pool_node("p", "accel", path, sizeof(path)), -ENOENT);
	CHECK(!strcmp(dev_pool("d1"), "default"));
	CHECK_EQ(pool_rmdir("p"), 0);
}

TEST(bad_values, "what is not a value is refused with EINVAL, and nothing changes")
{
	static const char *const bad[][2] = {
		{ "node", "\n" }, { "node", "primary" }, { "policy", "no-such-policy" },
		{ "policy", "\n" }, { "owner", "\n" }, { "owner", "0" }, { "owner", "0:" },
		{ "owner", ":0" }, { "owner", "root:root" }, { "owner", "4294967295:0" },
		{ "owner", "0:4294967295" }, { "owner", "4294967296:0" }, { "owner", "0:0:0" },
		{ "owner", "000000000000000000000000:0" }, { "mode", "\n" }, { "mode", "999" },
		{ "mode", "0777" }, { "mode", "4660" }, { "mode", "rw" }, { "enabled", "maybe" },
		{ "enabled", "\n" }, { "devices", "a a" }, { "devices", "a/b" },
		{ "devices", "a-name-that-is-far-too-long-for-it" },
	};
	static const char *const good[] = { "render", "fifo", "7:8", "0640", "x\ny" };
	static const char *const files[] = { "node", "policy", "owner", "mode", "devices" };
	char text[512];

	pool_mkdir("p", "node=render", "policy=fifo", "owner=7:8", "mode=640", "devices=x y");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		long ret = pool_set("p", bad[i][0], bad[i][1]);

		CHECK_MSG(ret == -EINVAL, "%s=\"%s\": %s", bad[i][0], bad[i][1],
			  tap_value(ret));
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CHECK(pool_get("p", files[i], text, sizeof(text)) > 0);
		CHECK_MSG(!strcmp(text, good[i]), "%s is now \"%s\"", files[i], text);
	}
	CHECK_EQ(pool_set("p", "devices", "\n"), 0);
	CHECK_EQ(pool_get("p", "devices", text, sizeof(text)), 0);
}

TEST(bad_names, "names of pools: EINVAL, ENAMETOOLONG, EEXIST; default stays: EPERM")
{
	CHECK(mkdir(POOL_DIR "/a b", 0755) && errno == EINVAL);
	CHECK(mkdir(POOL_DIR "/a\nb", 0755) && errno == EINVAL);
	CHECK(mkdir(POOL_DIR "/a:b", 0755) && errno == EINVAL);
	CHECK_EQ(sizeof(NAME_31), 32);
	CHECK(mkdir(POOL_DIR "/" NAME_31 "x", 0755) && errno == ENAMETOOLONG);
	CHECK(mkdir(POOL_DIR "/default", 0755) && errno == EEXIST);
	CHECK(rmdir(POOL_DIR "/default") && errno == EPERM);
	CHECK_EQ(mkdir(POOL_DIR "/" NAME_31, 0755), 0);
	CHECK_EQ(pool_enable(NAME_31, true), 0);
	CHECK_EQ(pool_rmdir(NAME_31), 0);
	CHECK_EQ(mkdir(POOL_DIR "/A.9_-", 0755), 0);
	CHECK_EQ(pool_set("default", "devices", "d0"), -ENOENT);
}

TEST(fixed, "node and policy are fixed while a pool is enabled: EBUSY")
{
	pool_mkdir("p");
	CHECK_EQ(pool_set("p", "node", "render"), 0);
	CHECK_EQ(pool_enable("p", true), 0);
	CHECK_EQ(pool_set("p", "node", "accel"), -EBUSY);
	CHECK_EQ(pool_set("p", "node", "render"), -EBUSY);
	CHECK_EQ(pool_set("p", "policy", "fifo"), -EBUSY);
	CHECK_EQ(pool_set("p", "mode", "0666"), 0);
	CHECK_EQ(pool_set("p", "owner", "1:1"), 0);
	CHECK_EQ(pool_enable("p", false), 0);
	CHECK_EQ(pool_set("p", "node", "accel"), 0);
	CHECK_EQ(pool_set("default", "node", "accel"), -EBUSY);
}

TEST(own_policy, "a pool starts with its own policy")
{
	struct drm_weft_pool_info info;
	int fd;

	pool_mkdir("p", "policy=fifo");
	CHECK_EQ(pool_enable("p", true), 0);
	fd = pool_open_name("p");
	CHECK(fd >= 0);
	pool_info(fd, &info);
	CHECK(!strcmp(info.policy, "fifo"));
	CHECK(!strcmp(info.name, "p"));
	CHECK_EQ(info.device_count, 0);
	close(fd);
	fd = pool_open_name("default");
	pool_info(fd, &info);
	CHECK(!strcmp(info.policy, "eft"));
	CHECK_EQ(info.device_count, 2);
}

TEST(lists, "a name is in one list at most: EEXIST; 64 names: E2BIG beyond")
{
	char names[65 * 6] = "", text[1024];

	for (int i = 0; i < 65; i++)
		sprintf(names + strlen(names), "x%d ", i);
	pool_mkdir("p", "devices=d0 d1");
	pool_mkdir("q");
	CHECK_EQ(pool_set("q", "devices", "d1"), -EEXIST);
	CHECK_EQ(pool_set("q", "devices", "d2 d0"), -EEXIST);
	CHECK_EQ(pool_get("q", "devices", text, sizeof(text)), 0);
	CHECK_EQ(pool_set("q", "devices", names), -E2BIG);
	*strstr(names, "x64") = 0;
	CHECK_EQ(pool_set("q", "devices", names), 0);
	CHECK(pool_get("q", "devices", text, sizeof(text)) > 0);
	CHECK(strstr(text, "x63"));
	CHECK_EQ(dev_move("d1", "q"), -E2BIG);
	CHECK_EQ(dev_move("d1", "no-such-pool"), -ENOENT);
	CHECK_EQ(dev_move("d1", "a-name-that-is-far-too-long-for-it"), -ENOENT);
	CHECK_EQ(pool_set("p", "devices", "d0"), 0);
	CHECK_EQ(pool_rmdir("q"), 0);
	/* a list that is gone names nobody */
	CHECK_EQ(pool_set("p", "devices", "d0 x0"), 0);
}

TEST(to_come, "a device that is named before it is there joins its pool, each time it comes")
{
	struct client c;

	pool_mkdir("p", "devices=later");
	CHECK_EQ(pool_enable("p", true), 0);
	client_open_pool(&c, "p");
	for (int i = 0; i < 3; i++) {
		dev_add("later", DEV_FAST);
		CHECK(!strcmp(dev_pool("later"), "p"));
		add_up(&c, 1, i);
		CHECK_EQ(dev_remove("later"), 0);
	}
}

TEST(moves, "devices move with the lists, and by their own file; the lists follow")
{
	char text[64];

	pool_mkdir("p");
	pool_mkdir("q");
	CHECK_EQ(pool_enable("p", true), 0);
	CHECK_EQ(pool_set("p", "devices", "d1"), 0);
	CHECK(!strcmp(dev_pool("d1"), "p"));
	CHECK_EQ(dev_move("d1", "q\n"), 0);
	/* q is not enabled */
	CHECK(!strcmp(dev_pool("d1"), "default"));
	CHECK_EQ(pool_get("p", "devices", text, sizeof(text)), 0);
	CHECK(pool_get("q", "devices", text, sizeof(text)) > 0 && !strcmp(text, "d1"));
	CHECK_EQ(pool_enable("q", true), 0);
	CHECK(!strcmp(dev_pool("d1"), "q"));
	CHECK_EQ(dev_move("d1", "q"), 0);
	CHECK_EQ(dev_move("d1", "p"), 0);
	CHECK(!strcmp(dev_pool("d1"), "p"));
	CHECK_EQ(dev_move("d1", "default"), 0);
	CHECK(!strcmp(dev_pool("d1"), "default"));
	CHECK_EQ(pool_get("p", "devices", text, sizeof(text)), 0);
}

TEST(full, "a pool that has no room for a device: ENOSPC, and it is in none until there is")
{
	char names[64 * 6] = "", name[16];
	long ret;
	int n = 0;

	for (int i = 0; i < 63; i++)
		sprintf(names + strlen(names), "x%d ", i);
	pool_mkdir("p");
	CHECK_EQ(pool_set("p", "devices", names), 0);
	CHECK_EQ(pool_enable("p", true), 0);
	/* 64 regions, of which the host has one or more */
	do {
		snprintf(name, sizeof(name), "x%d", n);
		dev_mkdir(name, "profile=null", "memory=65536");
		ret = dev_enable(name, true);
	} while (!ret && ++n < 63);
	CHECK_EQ(ret, n < 63 ? -ENOSPC : 0);
	CHECK_EQ(dev_move("d1", "p"), -ENOSPC);
	CHECK(!strcmp(dev_pool("d1"), ""));
	CHECK_EQ(dev_remove("x0"), 0);
	CHECK_EQ(dev_move("d1", "p"), 0);
	CHECK(!strcmp(dev_pool("d1"), "p"));
	CHECK_EQ(pool_rmdir("p"), 0);
	CHECK(!strcmp(dev_pool("d1"), "default"));
}

/* --------------------------------------------------------------------------------- the default */

TEST(no_pool, "the default pool disabled: devices idle in no pool, removable, tunable; then back")
{
	struct drm_weft_pool_info info;
	char text[64];
	int fd;

	fd = pool_open_name("default");
	CHECK_EQ(pool_enable("default", false), -EBUSY);
	close(fd);
	CHECK_EQ(pool_enable("default", false), 0);
	CHECK_EQ(pool_open_name("default"), -ENOENT);
	CHECK_EQ(pool_try_open(), -ENODEV);
	CHECK(!strcmp(dev_pool("d0"), ""));
	CHECK_EQ(file_read("/sys/bus/weft/devices/d0/id", text, sizeof(text)), 0);
	CHECK_EQ(file_read("/sys/bus/weft/devices/d0/memory_used", text, sizeof(text)), 1);
	CHECK(file_read("/sys/bus/weft/devices/d0/busy_ns", text, sizeof(text)) > 0);
	CHECK_EQ(file_write("/sys/bus/weft/devices/d0/price", "2048"), 0);
	CHECK_EQ(dev_set("d0", "bandwidth_down", "1234"), 0);
	dev_add("guest", DEV_FAST);
	CHECK(!strcmp(dev_pool("guest"), ""));
	CHECK_EQ(dev_remove("guest"), 0);
	dev_add("gone", DEV_FAST);
	CHECK_EQ(dev_set("gone", "fault/vanish", "now"), 0);

	CHECK_EQ(pool_set("default", "node", "render"), 0);
	CHECK_EQ(pool_enable("default", true), 0);
	CHECK(!strcmp(dev_pool("d0"), "default"));
	fd = pool_open_name("default");
	CHECK(fd >= 0);
	pool_info(fd, &info);
	CHECK_EQ(info.device_count, 2);
	CHECK_EQ(file_write("/sys/bus/weft/devices/d0/price", "1024"), 0);
}

/* ---------------------------------------------------------------------------------- two at once */

struct worker {
	pthread_t thread;
	const char *pool;
	uint32_t rounds;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct client c;

	client_open_pool(&c, w->pool);
	for (uint32_t i = 0; i < w->rounds; i++)
		add_up(&c, i, 7 * i);
	client_close(&c);
	return NULL;
}

TEST(both_nodes, "two pools with different nodes at work at once, each on its own device")
{
	struct worker w[4] = {
		{ .pool = "a", .rounds = 40 }, { .pool = "r", .rounds = 30 },
		{ .pool = "a", .rounds = 40 }, { .pool = "r", .rounds = 30 },
	};
	uint64_t d0 = done_on("d0"), d1 = done_on("d1");
	char path[512];

	pool_mkdir("a", "node=accel", "devices=d0");
	pool_mkdir("r", "node=render", "devices=d1");
	CHECK_EQ(pool_enable("a", true), 0);
	CHECK_EQ(pool_enable("r", true), 0);
	CHECK_EQ(pool_node("a", "renderD", path, sizeof(path)), -ENOENT);
	CHECK_EQ(pool_node("a", "card", path, sizeof(path)), -ENOENT);
	CHECK_EQ(pool_node("r", "accel", path, sizeof(path)), -ENOENT);
	CHECK_EQ(pool_node("r", "card", path, sizeof(path)), 0);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&w[i].thread, NULL, work, &w[i]));
	for (int i = 0; i < 4; i++)
		pthread_join(w[i].thread, NULL);
	CHECK_EQ(done_on("d0") - d0, 80);
	CHECK_EQ(done_on("d1") - d1, 60);
}

/* --------------------------------------------------------------------------------- isolation */

TEST(devices_apart, "a device of one pool never runs a job of another; no mask reaches it")
{
	struct drm_weft_device_info d;
	struct client a, b;
	struct job job;
	uint64_t before = done_on("d1");

	pool_mkdir("b", "devices=d1");
	CHECK_EQ(pool_enable("b", true), 0);
	client_open_pool(&a, "default");
	client_open_pool(&b, "b");
	CHECK(!dev_find(a.fd, "d1", &d));
	CHECK(dev_find(b.fd, "d1", &d));
	CHECK(!dev_find(b.fd, "d0", &d));
	for (int i = 0; i < 64; i++) {
		job_nop(&job, &a, 1);
		job.j.device_mask = 1ull << i;
		if (job.j.device_mask == dev_mask(a.fd, "d0"))
			job_run(&a, &job);
		else
			CHECK_EQ(submit_raw(&a, &job, 1, NULL), -ENODEV);
	}
	for (int i = 0; i < 20; i++) {
		job_nop(&job, &a, 1);
		job_run(&a, &job);
	}
	CHECK_EQ(done_on("d1"), before);
	job_nop(&job, &b, 1);
	job_run(&b, &job);
	CHECK_EQ(done_on("d1"), before + 1);
}

TEST(handles_apart, "queues, programs, buffers and job ids of one pool mean nothing in another")
{
	struct drm_weft_bo_info info;
	struct client a, b;
	struct job job;
	uint32_t bo;
	uint64_t id;

	pool_mkdir("b", "devices=d1");
	CHECK_EQ(pool_enable("b", true), 0);
	client_open_pool(&a, "default");
	client_open_pool(&b, "b");
	bo = bo_create(a.fd, 4096);
	CHECK_EQ(bo_info(b.fd, bo, &info), -ENOENT);
	/* an offset of the one node maps nothing at the other */
	struct drm_weft_bo_mmap_offset m = { .handle = bo };

	CHECK_EQ(ioc(a.fd, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &m), 0);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, b.fd, m.offset) == MAP_FAILED);
	job_nop(&job, &a, 100 * UNIT_MS);
	id = submit(&a, &job, 1);
	for (uint64_t i = 1; i <= id; i++)
		CHECK_EQ(job_cancel(b.fd, i), -ENOENT);
	job_nop(&job, &b, 1);
	job_dep(&job, DRM_WEFT_DEP_JOB, 0, id);
	CHECK_EQ(submit_raw(&b, &job, 1, NULL), -ENOENT);
	job_cancel(a.fd, id);
}

static uint32_t share_syncobj(int from, uint32_t handle, int to)
{
	struct drm_syncobj_handle h = { .handle = handle, .fd = -1 };

	CHECK_EQ(ioc(from, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &h), 0);
	h.handle = 0;
	CHECK_EQ(ioc(to, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &h), 0);
	close(h.fd);
	return h.handle;
}

TEST(syncobjs_apart, "F12: what a job of one pool has promised is no dependency in another")
{
	struct client a, b;
	struct job job;
	uint32_t sa, sb;
	uint64_t id;

	pool_mkdir("b", "devices=d1");
	CHECK_EQ(pool_enable("b", true), 0);
	client_open_pool(&a, "default");
	client_open_pool(&b, "b");
	for (uint64_t point = 0; point < 2; point++) {
		sa = syncobj_create(a.fd, 0);
		sb = share_syncobj(a.fd, sa, b.fd);
		job_nop(&job, &a, 30000 * UNIT_MS);
		job_out(&job, sa, point);
		id = submit(&a, &job, 1);
		job_nop(&job, &b, 1);
		job_dep(&job, DRM_WEFT_DEP_SYNCOBJ, sb, point);
		CHECK_EQ(submit_raw(&b, &job, 1, NULL), -EINVAL);
		CHECK_EQ(job_cancel(a.fd, id), 0);
		CHECK_EQ(job_result(a.fd, id), ECANCELED);
		/* what is over is over for everybody; a timeline forgets the error of a point */
		CHECK_EQ(syncobj_wait(b.fd, sb, point, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
				      in_ns(PATIENCE)), 0);
		id = submit(&b, &job, 1);
		CHECK_EQ(job_result(b.fd, id), point ? 0 : ECANCELED);
	}
}

TEST(buffers_apart, "F39: a buffer that may leave its client does not enter another pool: EPERM")
{
	struct drm_weft_bo_create b = { .size = 4096, .flags = DRM_WEFT_BO_SHAREABLE };
	struct drm_prime_handle p = { .flags = O_CLOEXEC, .fd = -1 };
	struct client a, b1, b2;

	pool_mkdir("b", "devices=d1");
	CHECK_EQ(pool_enable("b", true), 0);
	client_open_pool(&a, "default");
	client_open_pool(&b1, "b");
	client_open_pool(&b2, "b");
	p.handle = bo_create(b1.fd, 4096);
	CHECK_EQ(ioc(b1.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p), -EPERM);
	CHECK_EQ(ioc(b1.fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	p.handle = b.handle;
	CHECK_EQ(ioc(b1.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p), 0);
	CHECK_EQ(ioc(a.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p), -EPERM);
	CHECK_EQ(ioc(b2.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p), 0);
	bo_fill(b1.fd, b.handle, 4096, 3);
	bo_expect(b2.fd, p.handle, 4096, 3);
	/* the dma-buf outlives clients and pool */
	client_close(&b1);
	client_close(&b2);
	while (pool_enable("b", false) == -EBUSY)
		sleep_ms(1);
	CHECK_EQ(pool_rmdir("b"), 0);
	uint32_t *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, p.fd, 0);

	CHECK(map != MAP_FAILED);
	CHECK_EQ(map[1023], 3);
	munmap(map, 4096);
	CHECK_EQ(ioc(a.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p), -EPERM);
	close(p.fd);
}

TEST(accounts_apart, "a tenant has an account in each pool; what it used is not charged twice")
{
	struct drm_weft_client_info ia, ib;
	char priced[2][32];
	struct client a, b;
	struct job job;

	CHECK_EQ(mkdir(TENANT_DIR "/t", 0755), 0);
	CHECK_EQ(file_write(TENANT_DIR "/t/uid", "0"), 0);
	pool_mkdir("b", "devices=d1");
	CHECK_EQ(pool_enable("b", true), 0);
	client_open_pool(&a, "default");
	client_open_pool(&b, "b");
	job_nop(&job, &a, 5 * UNIT_MS);
	job_run(&a, &job);
	client_info(a.fd, &ia);
	client_info(b.fd, &ib);
	CHECK(!strcmp(ia.tenant_name, "t") && !strcmp(ib.tenant_name, "t"));
	CHECK(ia.tenant_priced >= 5 * MS);
	CHECK_EQ(ib.tenant_priced, 0);
	job_nop(&job, &b, 5 * UNIT_MS);
	job_run(&b, &job);
	client_info(b.fd, &ib);
	CHECK(ib.tenant_priced >= 5 * MS);
	client_info(a.fd, &ia);
	CHECK(file_read(TENANT_DIR "/t/priced", priced[0], sizeof(priced[0])) > 0);
	CHECK_EQ(strtoull(priced[0], NULL, 10), ia.tenant_priced + ib.tenant_priced);
	client_close(&b);
	while (pool_enable("b", false) == -EBUSY)
		sleep_ms(1);
	/* a new pool is a new book, and the old one is not forgotten */
	CHECK_EQ(pool_enable("b", true), 0);
	CHECK(file_read(TENANT_DIR "/t/priced", priced[1], sizeof(priced[1])) > 0);
	CHECK(!strcmp(priced[0], priced[1]));
	CHECK_EQ(file_write(TENANT_DIR "/t/weight", "77"), 0);
	client_open_pool(&b, "b");
	client_info(b.fd, &ib);
	CHECK_EQ(ib.weight, 77);
	CHECK_EQ(ib.tenant_priced, 0);
	/* the tenant goes while the pool has its account, the pool while the tenant has clients */
	CHECK_EQ(rmdir(TENANT_DIR "/t"), 0);
	CHECK_EQ(pool_rmdir("b"), 0);
	client_close(&b);
}

TEST(logs_apart, "each pool has its log in debugfs while it is enabled")
{
	char buf[64];
	int fd;

	pool_mkdir("b");
	CHECK_EQ(access("/sys/kernel/debug/weft/b", F_OK), -1);
	CHECK_EQ(pool_enable("b", true), 0);
	fd = open("/sys/kernel/debug/weft/b/log", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(read(fd, buf, sizeof(buf)) > 0);
	CHECK_EQ(pool_enable("b", false), 0);
	CHECK(read(fd, buf, sizeof(buf)) <= 0);
	CHECK_EQ(access("/sys/kernel/debug/weft/b", F_OK), -1);
	CHECK_EQ(access("/sys/kernel/debug/weft/default/log", F_OK), 0);
}

/* ---------------------------------------------------------------------------------- under load */

TEST(sole_copy, "F41: a device that moves brings home the only copy of a buffer first")
{
	struct drm_weft_bo_info info;
	struct client c;
	struct job job;
	uint32_t x;

	client_open_pool(&c, "default");
	x = bo_create(c.fd, 512 * KIB);
	job_fill(&job, &c, x, 512 * KIB, 77);
	job.j.device_mask = dev_mask(c.fd, "d1");
	job_run(&c, &job);
	CHECK_EQ(bo_info(c.fd, x, &info), 0);
	CHECK(!(info.valid_regions & 1));
	pool_mkdir("p", "devices=d1");
	CHECK_EQ(pool_enable("p", true), 0);
	CHECK_EQ(bo_info(c.fd, x, &info), 0);
	CHECK_EQ(info.valid_regions, 1);
	bo_expect(c.fd, x, 512 * KIB, 77);
}

struct load {
	pthread_t thread;
	volatile bool *stop;
	uint64_t jobs;
};

/* x + one in batches of four, every result checked; no job may fail */
static void *produce(void *arg)
{
	enum { N = 4, SIZE = 4096 };
	uint32_t x, one, y[N], round = 0;
	struct load *l = arg;
	struct client c;
	struct job job[N];
	uint64_t id;

	client_open_pool(&c, "default");
	x = bo_create(c.fd, SIZE);
	one = bo_create(c.fd, SIZE);
	for (int i = 0; i < N; i++)
		y[i] = bo_create(c.fd, SIZE);
	bo_fill(c.fd, one, SIZE, 1);
	while (!*l->stop) {
		bo_fill(c.fd, x, SIZE, ++round);
		for (int i = 0; i < N; i++)
			job_add(&job[i], &c, y[i], x, one, SIZE);
		id = submit(&c, job, N);
		for (int i = 0; i < N; i++) {
			CHECK_EQ(job_result(c.fd, id + i), 0);
			bo_expect(c.fd, y[i], SIZE, round + 1);
		}
		l->jobs += N;
	}
	client_close(&c);
	return NULL;
}

TEST(move_loaded, "a device moved to and fro up to 30 times under load: no job is lost or wrong")
{
	uint64_t end = in_ns(10 * SEC), total = 0;
	volatile bool stop = false;
	struct load load[3] = {};
	struct client p;
	int moves = 0;

	pool_mkdir("p");
	CHECK_EQ(pool_enable("p", true), 0);
	client_open_pool(&p, "p");
	for (int i = 0; i < 3; i++) {
		load[i].stop = &stop;
		CHECK(!pthread_create(&load[i].thread, NULL, produce, &load[i]));
	}
	for (int i = 0; i < 30 && (i < 3 || now_ns() < end); i++, moves++) {
		CHECK_EQ(dev_move("d1", "p"), 0);
		add_up(&p, i, 3);
		CHECK_EQ(dev_move("d1", "default"), 0);
		sleep_ms(i % 7 * 3);
	}
	stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(load[i].thread, NULL);
		total += load[i].jobs;
	}
	tap_note("%d moves, %llu jobs", moves, (unsigned long long)total);
	CHECK(total > 0);
}

TEST(move_states, "jobs RUNNING and BOUND finish where they are; READY ones go on, or ENODEV")
{
	struct client c;
	struct job job[6];
	uint64_t id;
	uint32_t only, both = 0;

	pool_mkdir("p");
	CHECK_EQ(pool_enable("p", true), 0);
	client_open_pool(&c, "default");
	for (int i = 0; i < 6; i++) {
		job_nop(&job[i], &c, 400 * UNIT_MS);
		job[i].j.device_mask = dev_mask(c.fd, "d1");
	}
	id = submit(&c, job, 6);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(dev_move("d1", "p"), 0);
	/* its device is gone from the pool: those behind the bound ones have nowhere to go */
	CHECK_EQ(job_result(c.fd, id), 0);
	for (int i = 1; i < 6; i++) {
		only = job_result(c.fd, id + i);
		CHECK_MSG(only == 0 || only == ENODEV, "job %d: %u", i, only);
		both |= only ? 2 : 1;
	}
	CHECK_EQ(both, 3);
	job_nop(&job[0], &c, 1);
	job[0].j.device_mask = 1ull << 63;
	CHECK_EQ(submit_raw(&c, job, 1, NULL), -ENODEV);
}

/* ----------------------------------------------------------------------------------- the end */

TEST(busy, "a pool with a client, or a mapping of one, is not disabled: EBUSY, and all goes on")
{
	struct client c;
	uint32_t bo;
	void *map;

	pool_mkdir("p", "devices=d1");
	CHECK_EQ(pool_enable("p", true), 0);
	client_open_pool(&c, "p");
	CHECK_EQ(pool_enable("p", false), -EBUSY);
	CHECK(!strcmp(dev_pool("d1"), "p"));
	add_up(&c, 1, 2);
	bo = bo_create(c.fd, 4096);
	map = bo_map(c.fd, bo, 4096);
	client_close(&c);
	CHECK_EQ(pool_enable("p", false), -EBUSY);
	munmap(map, 4096);
	CHECK_EQ(pool_enable("p", false), 0);
	CHECK_EQ(pool_open_name("p"), -ENOENT);
}

static void *wait_for_ever(void *arg)
{
	struct drm_weft_job_record r = {};
	uint64_t *job = arg;

	/* the call may find the job ended, or the node gone when it asks again */
	return (void *)job_query(job[0], job[1], 1, &r, DRM_WEFT_JOB_QUERY_WAIT, FOREVER);
}

TEST(forced, "rmdir with jobs in flight: every job ends with ENODEV, every ioctl gives ENODEV")
{
	enum { N = 40 };
	struct drm_weft_pool_info info;
	struct client c, d;
	struct job job[N];
	uint32_t sync[N], bo, count = 1;
	uint64_t wait[2], id;
	pthread_t waiter;
	void *map, *ret;

	client_open_pool(&d, "default");
	for (int round = 0; round < 3; round++) {
		pool_mkdir("p", "devices=d1");
		CHECK_EQ(pool_enable("p", true), 0);
		client_open_pool(&c, "p");
		bo = bo_create(c.fd, 4096);
		map = bo_map(c.fd, bo, 4096);
		bo_fill(c.fd, bo, 4096, 5);
		for (int i = 0; i < N; i++) {
			uint32_t s = syncobj_create(c.fd, 0);

			sync[i] = share_syncobj(c.fd, s, d.fd);
			/* RUNNING, BOUND, READY and WAITING ones */
			job_nop(&job[i], &c, 20000 * UNIT_MS);
			job_out(&job[i], s, round & 1);
			if (i > N / 2) {
				job_dep(&job[i], DRM_WEFT_DEP_INDEX, 0, i - 1);
				job[i].j.flags = DRM_WEFT_JOB_RUN_ANYWAY;
			}
		}
		id = submit(&c, job, N);
		for (int i = 0; job_state(c.fd, id + i) != DRM_WEFT_JOB_RUNNING; i = (i + 1) % N)
			;
		wait[0] = c.fd;
		wait[1] = id + N - 1;
		CHECK(!pthread_create(&waiter, NULL, wait_for_ever, wait));
		sleep_ms(10);
		CHECK_EQ(pool_rmdir("p"), 0);
		pthread_join(waiter, &ret);
		CHECK_MSG(!ret || (long)ret == -ENODEV, "the waiter got %s", tap_value((long)ret));
		CHECK(!strcmp(dev_pool("d1"), "default"));
		for (int i = 0; i < N; i++) {
			uint32_t b = sync[i];
			int f;

			CHECK_EQ(syncobj_wait(d.fd, b, round & 1,
					      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
					      in_ns(PATIENCE)), 0);
			if (round & 1)
				continue;
			f = syncobj_sync_file(d.fd, b);
			CHECK(f >= 0);
			CHECK_MSG(sync_file_status(f) == -ENODEV, "job %d: %s", i,
				  tap_value(sync_file_status(f)));
			close(f);
		}
		CHECK_EQ(query(c.fd, DRM_WEFT_QUERY_POOL, &info, &count, sizeof(info)), -ENODEV);
		CHECK_EQ(submit_raw(&c, job, 1, NULL), -ENODEV);
		CHECK_EQ(job_query(c.fd, id, 1, NULL, 0, 0), -ENODEV);
		CHECK_EQ(syncobj_wait(c.fd, 1, 0, 0, 0), -ENODEV);
		/* what was mapped stays: the bytes are the process's */
		CHECK_EQ(*(volatile uint32_t *)map, 5);
		CHECK_EQ(pool_open_name("p"), -ENOENT);
		/* the device is as good as before */
		add_up(&d, round, 1);
		munmap(map, 4096);
		client_close(&c);
	}
}

TEST(outlived, "a removed pool's file and mapping outlive it, a new one of its name is another")
{
	struct drm_weft_pool_info info;
	struct client c;
	uint32_t count = 1, bo;
	volatile uint32_t *map;
	int fd;

	pool_mkdir("p", "devices=d1");
	CHECK_EQ(pool_enable("p", true), 0);
	client_open_pool(&c, "p");
	bo = bo_create(c.fd, 8192);
	map = bo_map(c.fd, bo, 8192);
	map[0] = 1;
	CHECK_EQ(pool_rmdir("p"), 0);
	pool_mkdir("p", "devices=d1");
	CHECK_EQ(pool_enable("p", true), 0);
	fd = pool_open_name("p");
	CHECK(fd >= 0);
	pool_info(fd, &info);
	CHECK_EQ(info.device_count, 1);
	CHECK_EQ(query(c.fd, DRM_WEFT_QUERY_POOL, &info, &count, sizeof(info)), -ENODEV);
	/* a page that was not there yet, too */
	CHECK_EQ(map[0] + map[1024], 1);
	client_close(&c);
	CHECK_EQ(map[0], 1);
	munmap((void *)map, 8192);
}

TEST(minors, "F36: 20 pools made and removed of each kind: no number comes twice")
{
	bool seen[2][512] = {};
	char path[512];

	for (int i = 0; i < 40; i++) {
		const char *kind = i & 1 ? "renderD" : "accel";
		unsigned int n;

		pool_mkdir("p");
		CHECK_EQ(pool_set("p", "node", i & 1 ? "render" : "accel"), 0);
		CHECK_EQ(pool_enable("p", true), 0);
		CHECK_EQ(pool_node("p", kind, path, sizeof(path)), 0);
		n = strtoul(strrchr(path, '/') + 1 + strlen(kind), NULL, 10);
		CHECK(n < ARRAY_SIZE(seen[0]));
		CHECK_MSG(!seen[i & 1][n], "%s is there again", path);
		seen[i & 1][n] = true;
		if (i % 4 < 2)
			CHECK_EQ(pool_enable("p", false), 0);
		CHECK_EQ(pool_rmdir("p"), 0);
		CHECK_EQ(access(path, F_OK), -1);
	}
}

/* -------------------------------------------------------------------------------- everything */

static void *open_and_run(void *arg)
{
	volatile bool *stop = arg;
	static const char *const names[] = { "default", "s0", "s1" };
	struct job job;
	unsigned int n = 0;

	while (!*stop) {
		struct client c = { .fd = pool_open_name(names[n++ % 3]) };
		struct drm_weft_queue_create q = { .service = DRM_WEFT_SERVICE_BATCH };

		if (c.fd < 0)
			continue;
		if (!ioc(c.fd, DRM_IOCTL_WEFT_QUEUE_CREATE, &q)) {
			c.queue = q.handle;
			/* no program: SUBMIT must fail, whatever becomes of the pool meanwhile */
			job_nop(&job, &c, 1);
			CHECK(submit_raw(&c, &job, 1, NULL) < 0);
		}
		close(c.fd);
	}
	return NULL;
}

static void *toggle(void *arg)
{
	volatile bool *stop = arg;
	static int next;
	char name[8];
	long ret;

	snprintf(name, sizeof(name), "s%d", __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED));
	for (int i = 0; !*stop; i++) {
		char path[64];

		snprintf(path, sizeof(path), POOL_DIR "/%s", name);
		if (mkdir(path, 0755))
			CHECK_EQ(errno, EEXIST);
		pool_set(name, "devices", name[1] == '0' ? "d0" : "d1 plug");
		pool_set(name, "node", i & 1 ? "accel" : "render");
		CHECK_EQ(pool_enable(name, true), 0);
		sleep_ms(i % 4);
		ret = pool_enable(name, false);
		CHECK(!ret || ret == -EBUSY);
		if (i % 3 == 0)
			CHECK_EQ(pool_rmdir(name), 0);
	}
	return NULL;
}

static void *plug(void *arg)
{
	volatile bool *stop = arg;

	while (!*stop) {
		dev_add("plug", DEV_FAST);
		dev_move("plug", "s0");
		dev_move("plug", "s1");
		dev_move("plug", "default");
		CHECK_EQ(dev_remove("plug"), 0);
	}
	return NULL;
}

TEST(storm, "pools, devices and clients come and go at once for two seconds")
{
	static void *(*const what[])(void *) = {
		toggle, toggle, plug, open_and_run, open_and_run,
	};
	pthread_t thread[ARRAY_SIZE(what)];
	volatile bool stop = false;
	struct client c;

	for (size_t i = 0; i < ARRAY_SIZE(what); i++)
		CHECK(!pthread_create(&thread[i], NULL, what[i], (void *)&stop));
	sleep_ms(2000);
	stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(what); i++)
		pthread_join(thread[i], NULL);
	pool_rmdir("s0");
	pool_rmdir("s1");
	client_open_pool(&c, "default");
	add_up(&c, 1, 2);
}
