// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that come and go, idle and under load: every job ends, and ends right.
 */
/* vm: smp=4 timeout=180 kernels=stock,debug,next insmod=weft,weft_sim */
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common.h"

SETUP()
{
	dev_add("steady", DEV_UNIT, "speed=add 50");
	devs_keep();
}

TEST(config_only, "F36: mkdir makes configuration only; enabled=1 registers, =0 takes it out")
{
	struct drm_weft_device_info d;
	int fd = pool_open();

	dev_mkdir("plug", DEV_UNIT);
	CHECK(!dev_find(fd, "plug", &d));
	CHECK_EQ(dev_enable("plug", true), 0);
	CHECK(dev_find(fd, "plug", &d));
	CHECK_EQ(dev_get("plug", "enabled"), 1);
	CHECK_EQ(dev_enable("plug", true), 0);
	CHECK_EQ(dev_enable("plug", false), 0);
	CHECK(!dev_find(fd, "plug", &d));
	CHECK_EQ(dev_enable("plug", false), 0);
	CHECK_EQ(dev_remove("plug"), 0);
}

TEST(busy_config, "a live device's description cannot be changed: EBUSY")
{
	dev_add("plug", DEV_UNIT);
	CHECK_EQ(dev_set("plug", "memory", "1M"), -EBUSY);
	CHECK_EQ(dev_set("plug", "model", "other"), -EBUSY);
	CHECK_EQ(dev_set("plug", "profile", "npu"), -EBUSY);
	CHECK_EQ(dev_set("plug", "bandwidth_down", "100"), 0);
	CHECK_EQ(dev_set("plug", "price", "2048"), 0);
	CHECK_EQ(dev_enable("plug", false), 0);
	CHECK_EQ(dev_set("plug", "memory", "1M"), 0);
}

TEST(bad_config, "values that make no device are refused")
{
	static const char *const bad[][2] = {
		{ "memory", "0" }, { "memory", "1" }, { "memory", "65537" }, { "memory", "x" },
		{ "engines", "0" }, { "engines", "100" }, { "credits", "0" }, { "credits", "65" },
		{ "speed", "nop 0" }, { "speed", "nope 1" }, { "speed", "nop" }, { "speed", "" },
		{ "early", "2" }, { "dilation", "0" }, { "profile", "toaster" },
		{ "class", "toaster" },
		{ "numa_node", "77" }, { "isas", "a b c d e" }, { "enabled", "maybe" },
		{ "bandwidth_up", "0" }, { "price", "0" },
		{ "model", "a name that is far too long for the field" },
	};

	dev_mkdir("plug");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_MSG(dev_set("plug", bad[i][0], bad[i][1]) < 0, "%s=%s", bad[i][0], bad[i][1]);
	CHECK_EQ(dev_enable("plug", true), 0);
}

TEST(rmdir_live, "rmdir of an enabled, busy device drains it")
{
	struct drm_weft_device_info d;
	struct client c;
	struct job job[4];
	uint64_t id;

	dev_add("plug", DEV_UNIT);
	client_open(&c);
	for (int i = 0; i < 4; i++) {
		job_nop(&job[i], &c, 30 * UNIT_MS);
		job[i].j.device_mask = dev_mask(c.fd, "plug") | dev_mask(c.fd, "steady");
	}
	id = submit(&c, job, 4);
	CHECK_EQ(rmdir(SIM_DIR "/plug"), 0);
	CHECK(!dev_find(c.fd, "plug", &d));
	for (int i = 0; i < 4; i++)
		CHECK_EQ(job_result(c.fd, id + i), 0);
}

TEST(many, "a pool takes devices until it has 64 regions, then ENOSPC; all go again")
{
	struct drm_weft_pool_info p;
	char name[16];
	uint32_t n = 1, host;
	long ret;
	int fd = pool_open();

	pool_info(fd, &p);
	host = p.region_count - p.device_count;
	do {
		snprintf(name, sizeof(name), "d%u", n);
		dev_mkdir(name, "profile=null", "memory=65536");
		ret = dev_enable(name, true);
	} while (!ret && ++n <= 64);
	CHECK_EQ(ret, -ENOSPC);
	CHECK_EQ(n, 64 - host);
	pool_info(fd, &p);
	CHECK_EQ(p.device_count, n);
	CHECK_EQ(__builtin_popcountll(p.device_mask), n);
	while (n) {
		snprintf(name, sizeof(name), "d%u", n--);
		CHECK_EQ(dev_remove(name), 0);
	}
	pool_info(fd, &p);
	CHECK_EQ(p.device_count, 1);
}

TEST(return_data, "a device that leaves in order brings sole copies back to the host")
{
	struct client c;
	struct job job;
	uint32_t x;

	dev_add("plug", DEV_UNIT, "speed=fill inf");
	client_open(&c);
	x = bo_create(c.fd, 512 * KIB);
	job_fill(&job, &c, x, 512 * KIB, 77);
	job.j.device_mask = dev_mask(c.fd, "plug");
	job_run(&c, &job);
	CHECK_EQ(dev_enable("plug", false), 0);
	bo_expect(c.fd, x, 512 * KIB, 77);
}

TEST(new_device, "a job may be submitted for a device the moment it is there")
{
	struct client c;
	struct job job;

	client_open(&c);
	for (int i = 0; i < 20; i++) {
		dev_add("plug", DEV_UNIT);
		job_nop(&job, &c, 1);
		job.j.device_mask = dev_mask(c.fd, "plug");
		job_run(&c, &job);
		CHECK_EQ(dev_remove("plug"), 0);
	}
}

/* ----------------------------------------------------------------------------- under load */

struct load {
	pthread_t thread;
	volatile bool *stop;
	uint64_t submitted, ok, lost, other;
	bool idempotent, vanish;
};

/* y = x + one, over and over, each result checked; inputs are kept valid on the host */
static void *produce(void *arg)
{
	enum { N = 4, SIZE = 4096 };
	struct load *l = arg;
	struct drm_weft_job_record r;
	uint32_t x, one, y[N];
	struct client c;
	struct job job[N];
	uint32_t round = 0;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	one = bo_create(c.fd, SIZE);
	for (int i = 0; i < N; i++)
		y[i] = bo_create(c.fd, SIZE);
	bo_fill(c.fd, one, SIZE, 1);
	while (!*l->stop) {
		uint64_t id;
		long ret;

		bo_fill(c.fd, x, SIZE, ++round);
		for (int i = 0; i < N; i++) {
			job_add(&job[i], &c, y[i], x, one, SIZE);
			job[i].j.flags = l->idempotent ? DRM_WEFT_JOB_IDEMPOTENT : 0;
		}
		id = submit(&c, job, N);
		l->submitted += N;
		for (int i = 0; i < N; i++) {
			job_wait(c.fd, id + i, &r);
			ret = job_query(c.fd, id + i, 1, NULL, DRM_WEFT_JOB_QUERY_ACK, 0);
			CHECK_EQ(ret, 0);
			if (!r.error) {
				uint32_t got[SIZE / 4];

				ret = bo_read(c.fd, y[i], 0, got, SIZE);
				/* the only copy may be on a device that is gone or just going */
				if (ret == -ENODATA || (ret == -EIO && l->vanish)) {
					l->lost++;
					continue;
				}
				CHECK_EQ(ret, 0);
				for (int k = 0; k < SIZE / 4; k++)
					CHECK_MSG(got[k] == round + 1, "wrong result %u, not %u",
						  got[k], round + 1);
				l->ok++;
			} else if (r.error == ENODEV) {
				l->lost++;
			} else {
				l->other++;
			}
		}
	}
	client_close(&c);
	return NULL;
}

static void under_load(bool vanish, bool idempotent, int rounds, bool lossless)
{
	volatile bool stop = false;
	struct load load[3] = {};
	uint64_t submitted = 0, ok = 0, lost = 0, other = 0, end = in_ns(10 * SEC);

	for (int i = 0; i < 3; i++) {
		load[i].stop = &stop;
		load[i].idempotent = idempotent;
		load[i].vanish = vanish;
		pthread_create(&load[i].thread, NULL, produce, &load[i]);
	}
	/* a slow guest does fewer */
	for (int i = 0; i < rounds && (i < 3 || now_ns() < end); i++) {
		dev_add("plug", DEV_UNIT, "speed=add 50");
		sleep_ms(10 + i % 7 * 5);
		if (vanish) {
			CHECK_EQ(dev_set("plug", "fault/vanish", "now"), 0);
			for (int k = 0; k < 1000 && dev_get("plug", "enabled"); k++)
				sleep_ms(5);
			CHECK_EQ(dev_get("plug", "enabled"), 0);
		}
		CHECK_EQ(dev_remove("plug"), 0);
	}
	stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(load[i].thread, NULL);
		submitted += load[i].submitted;
		ok += load[i].ok;
		lost += load[i].lost;
		other += load[i].other;
	}
	tap_note("%llu submitted = %llu right + %llu lost with the device + %llu others",
		 (unsigned long long)submitted, (unsigned long long)ok, (unsigned long long)lost,
		 (unsigned long long)other);
	CHECK_EQ(submitted, ok + lost + other);
	CHECK_EQ(other, 0);
	CHECK(ok > 0);
	if (lossless)
		CHECK_EQ(lost, 0);
}

TEST(load_drain, "added and removed in order up to 30 times under load: no job notices")
{
	under_load(false, false, 30, true);
}

TEST(load_vanish, "vanishing up to 20 times under load: jobs end right, or with ENODEV")
{
	under_load(true, false, 20, false);
}

TEST(load_vanish_idempotent, "vanishing up to 20 times under load with repeatable jobs: all end")
{
	under_load(true, true, 20, false);
}

TEST(binding_leaves, "F9: a device taken out while a job is BINDING there")
{
	struct drm_weft_device_info d;
	struct client c;
	struct job job;
	uint32_t x;
	uint64_t id;

	for (int vanish = 0; vanish < 2; vanish++) {
		dev_add("far", DEV_UNIT, "bandwidth_down=8");
		client_open(&c);
		x = bo_create(c.fd, 2 * MIB);
		bo_fill(c.fd, x, 2 * MIB, 3);
		job_nop(&job, &c, 1);
		job_buffer(&job, x, DRM_WEFT_ACCESS_READ);
		job.j.device_mask = dev_mask(c.fd, "far");
		job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
		id = submit(&c, &job, 1);
		job_reach(c.fd, id, DRM_WEFT_JOB_BINDING);
		if (vanish)
			CHECK_EQ(dev_set("far", "fault/vanish", "now"), 0);
		CHECK_EQ(dev_remove("far"), 0);
		CHECK(!dev_find(c.fd, "far", &d));
		/* in order: it may have run there before the device left, else there is nowhere */
		if (vanish)
			CHECK_EQ(job_result(c.fd, id), ENODEV);
		else
			job_wait(c.fd, id, &(struct drm_weft_job_record){});
		bo_expect(c.fd, x, 2 * MIB, 3);
		client_close(&c);
	}
}

TEST(ids, "an id is not given to another device while a record names it")
{
	struct drm_weft_job_record r;
	struct drm_weft_device_info d;
	struct client c;
	struct job job;

	client_open(&c);
	dev_add("first", DEV_UNIT);
	job_nop(&job, &c, 1);
	job.j.device_mask = dev_mask(c.fd, "first");
	job_wait(c.fd, submit(&c, &job, 1), &r);
	CHECK_EQ(dev_remove("first"), 0);
	dev_add("second", DEV_UNIT);
	CHECK(dev_find(c.fd, "second", &d));
	CHECK_MSG(d.id != r.device, "the record of a job on \"first\" now names \"second\"");
}

TEST(tune, "price and bandwidth of a live device: QUERY tells the new values")
{
	struct drm_weft_link_info l[64];
	struct drm_weft_device_info d;
	uint32_t n = 64;
	int fd = pool_open();

	dev_add("plug", DEV_UNIT, "bandwidth_down=5000", "price=1024");
	CHECK_EQ(dev_set("plug", "bandwidth_down", "123"), 0);
	CHECK_EQ(dev_set("plug", "price", "3000"), 0);
	CHECK(dev_find(fd, "plug", &d));
	CHECK_EQ(d.price, 3000);
	CHECK_EQ(query(fd, DRM_WEFT_QUERY_LINKS, l, &n, sizeof(l[0])), 0);
	for (uint32_t i = 0; i < n; i++)
		if (l[i].from == d.host_region && l[i].to == d.region)
			CHECK_EQ(l[i].bandwidth, 123);
}
