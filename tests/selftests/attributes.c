// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that no other test reads or writes: what a device says of itself, host memory, the
 * simulator's link, lateness and choice of faults, the size of the log.
 */
/* vm: timeout=120 insmod=weft:log_records=1500,weft_sim */
#include <fcntl.h>
#include <stdio.h>

#include "common.h"

#define LOG_RECORDS	1024	/* 1500, rounded down */

static unsigned long long pool_number(const char *leaf)
{
	char text[64];

	CHECK(file_read(pool_sysfs(leaf), text, sizeof(text)) > 0);
	return strtoull(text, NULL, 0);
}

static void dev_is(const char *name, const char *attr, const char *want)
{
	char path[512], text[128];

	snprintf(path, sizeof(path), SIM_DIR "/%s/%s", name, attr);
	CHECK(file_read(path, text, sizeof(text)) >= 0);
	CHECK_MSG(!strcmp(text, want), "%s is \"%s\", not \"%s\"", attr, text, want);
}

TEST(identity, "vendor, memory_size and preempt_level: the file says what QUERY says")
{
	struct drm_weft_region_info r;
	struct drm_weft_device_info d;
	int fd = pool_open();

	dev_add("a0", "profile=npu", "vendor=acme", "memory=1M");
	CHECK(dev_find(fd, "a0", &d));
	CHECK(!strcmp(d.vendor, "acme"));
	CHECK(wdev_is("a0", "vendor", "acme"));
	region_info(fd, d.region, &r);
	CHECK_EQ(r.size, MIB);
	CHECK_EQ(wdev_get("a0", "memory_size"), MIB);
	CHECK_EQ(wdev_get("a0", "preempt_level"), d.preempt_level);
	CHECK_EQ(wdev_set("a0", "vendor", "other"), -EACCES);
}

TEST(names, "vendor and link_kind: 1 to 31 characters, and not while the device is enabled")
{
	static const char longest[] = "0123456789012345678901234567890";
	static const char *const attr[] = { "vendor", "link_kind" };

	dev_mkdir("a0", "profile=gpu");
	dev_is("a0", "vendor", "weft");
	dev_is("a0", "link_kind", "pcie");
	for (size_t i = 0; i < ARRAY_SIZE(attr); i++) {
		CHECK_EQ(dev_set("a0", attr[i], "\n"), -EINVAL);
		CHECK_EQ(dev_set("a0", attr[i], "01234567890123456789012345678901"), -EINVAL);
		CHECK_EQ(dev_set("a0", attr[i], "a\tb"), -EINVAL);
		CHECK_EQ(dev_set("a0", attr[i], longest), 0);
		dev_is("a0", attr[i], longest);
	}
	CHECK_EQ(dev_set("a0", "link_kind", "cxl\n"), 0);
	CHECK_EQ(dev_enable("a0", true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(attr); i++)
		CHECK_EQ(dev_set("a0", attr[i], "other"), -EBUSY);
	dev_is("a0", "link_kind", "cxl");
	CHECK(wdev_is("a0", "vendor", longest));
}

TEST(link_kind, "link_kind is the kind of both of the device's links")
{
	struct drm_weft_link_info l[64];
	struct drm_weft_device_info d;
	uint32_t n = ARRAY_SIZE(l), found = 0;
	int fd = pool_open();

	dev_add("a0", "profile=gpu", "link_kind=cxl");
	CHECK(dev_find(fd, "a0", &d));
	CHECK_EQ(query(fd, DRM_WEFT_QUERY_LINKS, l, &n, sizeof(l[0])), 0);
	for (uint32_t i = 0; i < n; i++) {
		if (l[i].from != d.region && l[i].to != d.region)
			continue;
		CHECK(!strcmp(l[i].kind, "cxl"));
		found++;
	}
	CHECK_EQ(found, 2);
}

TEST(host_reserved, "host_reserved: bytes of buffers that exist, never beyond host_limit")
{
	struct drm_weft_bo_create b = { .size = 128 * KIB };
	unsigned long long before = pool_number("host_reserved"), limit = pool_number("host_limit");
	int fd = pool_open();
	uint32_t bo;

	bo = bo_create(fd, 64 * KIB);
	CHECK_EQ(pool_number("host_reserved"), before + 64 * KIB);
	CHECK_EQ(file_write(pool_sysfs("host_reserved"), "0"), -EACCES);

	CHECK_EQ(file_writef(pool_sysfs("host_limit"), "%llu", before + 128 * KIB), 0);
	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b), -EDQUOT);
	CHECK_EQ(pool_number("host_reserved"), before + 64 * KIB);
	CHECK_EQ(file_writef(pool_sysfs("host_limit"), "%llu", before + 192 * KIB), 0);
	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	CHECK_EQ(pool_number("host_reserved"), before + 192 * KIB);

	bo_close(fd, bo);
	CHECK_EQ(pool_number("host_reserved"), before + 128 * KIB);
	close(fd);
	CHECK_EQ(pool_number("host_reserved"), before);
	CHECK_EQ(file_writef(pool_sysfs("host_limit"), "%llu", limit), 0);
}

TEST(late, "late_runs, late_ns, late_copies: what took longer than its model, and nothing else")
{
	enum { SIZE = 64 * 1024 };
	struct drm_weft_device_info d;
	struct client c;
	struct job job;
	uint32_t src, dst;

	/* nobody fills or moves 64 KiB within a nanosecond; a NOP has nothing to be late with */
	dev_add("a0", "profile=gpu", "speed=fill 4294967295", "link_latency=1",
		"bandwidth_down=4294967294", "bandwidth_up=4294967294");
	client_open(&c);
	job_nop(&job, &c, 1);
	job_run(&c, &job);
	CHECK_EQ(dev_get("a0", "stats/runs"), 1);
	CHECK_EQ(dev_get("a0", "stats/late_runs"), 0);
	CHECK_EQ(dev_get("a0", "stats/late_ns"), 0);
	CHECK_EQ(dev_get("a0", "stats/copies"), 0);
	CHECK_EQ(dev_get("a0", "stats/late_copies"), 0);

	src = bo_create(c.fd, SIZE);
	dst = bo_create(c.fd, SIZE);
	job_fill(&job, &c, dst, SIZE, 3);
	job_run(&c, &job);
	CHECK_EQ(dev_get("a0", "stats/runs"), 2);
	CHECK_EQ(dev_get("a0", "stats/late_runs"), 1);
	CHECK(dev_get("a0", "stats/late_ns") > 0);
	CHECK(dev_get("a0", "stats/late_ns") <= dev_get("a0", "stats/busy_ns"));
	CHECK(dev_find(c.fd, "a0", &d));
	CHECK_EQ(d.late_ns, dev_get("a0", "stats/late_ns"));

	bo_fill(c.fd, src, SIZE, 5);
	job_copy(&job, &c, dst, src, SIZE);
	job_run(&c, &job);
	bo_expect(c.fd, dst, SIZE, 5);
	CHECK(dev_get("a0", "stats/late_copies") >= 2);
	CHECK(dev_get("a0", "stats/late_copies") <= dev_get("a0", "stats/copies"));
	client_close(&c);
}

TEST(picked, "fault/after and fault/every choose the runs that fail; jobs_failed counts them")
{
	/* 4 are let through, then each third */
	static const bool fails[] = { 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0 };
	struct client c;
	struct job job;

	dev_add("a0", DEV_NULL);
	CHECK_EQ(dev_set("a0", "fault/every", "0"), -EINVAL);
	CHECK_EQ(dev_set("a0", "fault/after", "-1"), -EINVAL);
	CHECK_EQ(dev_set("a0", "fault/every", "3"), 0);
	CHECK_EQ(dev_set("a0", "fault/after", "4"), 0);
	dev_is("a0", "fault/every", "3");
	dev_is("a0", "fault/after", "4");
	CHECK_EQ(dev_set("a0", "fault/error", "2"), 0);
	client_open(&c);
	for (size_t i = 0; i < ARRAY_SIZE(fails); i++) {
		job_nop(&job, &c, 1);
		CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), fails[i] ? EIO : 0);
	}
	CHECK_EQ(wdev_get("a0", "jobs_failed"), 2);
	CHECK_EQ(wdev_get("a0", "jobs_done"), ARRAY_SIZE(fails));
	client_close(&c);
}

TEST(strays, "stray_completions: none by a backend that keeps its word, and not to be written")
{
	char text[32];

	CHECK(file_read("/sys/bus/weft/stray_completions", text, sizeof(text)) > 0);
	CHECK(!strcmp(text, "0"));
	CHECK_EQ(file_write("/sys/bus/weft/stray_completions", "1"), -EACCES);
}

TEST(log_records, "log_records: as given in the parameter, a power of two of them in the log")
{
	static char records[4096 * 64];
	char text[32];
	struct client c;
	struct job job[64];
	size_t total = 0;
	ssize_t n;
	int fd;

	CHECK(file_read("/sys/module/weft/parameters/log_records", text, sizeof(text)) > 0);
	CHECK(!strcmp(text, "1500"));
	dev_add("a0", DEV_NULL);
	client_open(&c);
	/* each job is a record when it comes and more when it is placed, starts and ends */
	for (size_t i = 0; i < ARRAY_SIZE(job); i++)
		job_nop(&job[i], &c, 1);
	for (size_t n = 0; n < LOG_RECORDS; n += ARRAY_SIZE(job)) {
		uint64_t id = submit(&c, job, ARRAY_SIZE(job));

		for (size_t i = 0; i < ARRAY_SIZE(job); i++)
			CHECK_EQ(job_result(c.fd, id + i), 0);
	}
	client_close(&c);
	fd = open("/sys/kernel/debug/weft/default/log", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	while ((n = read(fd, records + total, sizeof(records) - total)) > 0)
		total += n;
	CHECK_EQ(n, 0);
	close(fd);
	tap_note("%zu bytes of log", total);
	CHECK_EQ(total / 64, LOG_RECORDS);
}
