// SPDX-License-Identifier: GPL-2.0-only
/*
 * Health of devices: how faults change it, what each state does to jobs and memory, what operators
 * can do about it, and who is told.
 */
/* vm: smp=4 timeout=180 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common.h"

#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE

SETUP()
{
	dev_add("other", DEV_UNIT);
	devs_keep();
	CHECK_EQ(chmod(pool_path(), 0666), 0);
}

/* A device without a clock of its own: what is in its bucket stays there. */
static void dev(const char *name)
{
	dev_add(name, DEV_UNIT, "speed=fill inf");
	CHECK_EQ(wdev_set(name, "fault_leak", "0"), 0);
}

static void on(struct job *job, const struct client *c, const char *device, unsigned int ms)
{
	job_nop(job, c, ms * UNIT_MS);
	job->j.device_mask = device ? dev_mask(c->fd, device) : 0;
}

static uint32_t run(const struct client *c, const char *device, unsigned int ms)
{
	struct job job;

	on(&job, c, device, ms);
	return job_result(c->fd, submit(c, &job, 1));
}

/* @n runs there that fail with the device's own error */
static void fail_runs(const struct client *c, const char *device, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	CHECK_EQ(dev_set(device, "fault/error", text), 0);
	while (n--)
		CHECK_EQ(run(c, device, 1), EIO);
}

static uint32_t health(int fd, const char *device)
{
	struct drm_weft_device_info d;

	CHECK(dev_find(fd, device, &d));
	return d.health;
}

/* a buffer whose only valid copy is on @device */
static uint32_t sole(const struct client *c, const char *device, uint32_t value)
{
	uint32_t x = bo_create(c->fd, 64 * KIB);
	struct drm_weft_bo_info info;
	struct drm_weft_device_info d;
	struct job job;

	job_fill(&job, c, x, 64 * KIB, value);
	job.j.device_mask = dev_mask(c->fd, device);
	job_run(c, &job);
	CHECK_EQ(bo_info(c->fd, x, &info), 0);
	CHECK(dev_find(c->fd, device, &d));
	CHECK_EQ(info.valid_regions, 1ull << d.region);
	return x;
}

/* ------------------------------------------------------------------------------- by faults */

TEST(fresh, "a new device is ok, with nothing counted")
{
	static const char *const zero[] = { "errors", "timeouts", "resets", "resets_failed",
					    "slow_runs", "memory_quarantined" };
	struct drm_weft_device_info d;

	dev_add("d", DEV_UNIT);
	CHECK(wdev_is("d", "health", "ok"));
	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		CHECK_EQ(wdev_get("d", zero[i]), 0);
	CHECK(dev_find(pool_open(), "d", &d));
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_OK);
	CHECK_EQ(d.errors + d.timeouts + d.slow_runs + d.resets + d.resets_failed, 0);
	CHECK_EQ(d.flags & ~DRM_WEFT_DEVICE_LEASES, 0);
}

TEST(degraded, "errors degrade a device; it still takes jobs, and time heals it")
{
	struct drm_weft_device_info d;
	struct client c;

	dev("d");
	client_open(&c);
	fail_runs(&c, "d", 4);
	CHECK_EQ(health(c.fd, "d"), DRM_WEFT_HEALTH_OK);
	fail_runs(&c, "d", 1);
	CHECK(dev_find(c.fd, "d", &d));
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_DEGRADED);
	CHECK_EQ(d.health_reason, DRM_WEFT_REASON_FAULTS);
	CHECK_EQ(d.errors, 5);
	CHECK_EQ(wdev_get("d", "errors"), 5);
	CHECK(wdev_is("d", "health", "degraded"));
	CHECK_EQ(run(&c, "d", 1), 0);
	CHECK_EQ(wdev_set("d", "fault_leak", "1000000"), 0);
	wdev_reach("d", "health", "ok");
	CHECK(dev_find(c.fd, "d", &d));
	CHECK_EQ(d.health_reason, DRM_WEFT_REASON_RECOVERED);
}

TEST(good_runs, "runs that end well heal it, too: few failures among many jobs are no fault")
{
	struct client c;

	dev("d");
	client_open(&c);
	fail_runs(&c, "d", 5);
	CHECK_EQ(health(c.fd, "d"), DRM_WEFT_HEALTH_DEGRADED);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(run(&c, "d", 1), 0);
	wdev_reach("d", "health", "ok");
}

TEST(timeouts, "hung runs count as timeouts, runs that cannot be aborted as resets as well")
{
	struct drm_weft_device_info d;
	struct client c;
	struct job job;

	dev("d");
	client_open(&c);
	CHECK_EQ(dev_set("d", "fault/hang", "2"), 0);
	CHECK_EQ(dev_set("d", "fault/abort_fails", "1"), 0);
	on(&job, &c, "d", 1);
	job.j.timeout_ns = 20 * MS;
	for (int i = 0; i < 2; i++)
		CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ETIME);
	CHECK_EQ(run(&c, "d", 1), 0);
	CHECK(dev_find(c.fd, "d", &d));
	CHECK_EQ(d.timeouts, 2);
	CHECK_EQ(d.resets, 1);
	CHECK_EQ(d.errors, 0);
	/* 4 + 4 + 8 points */
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_DEGRADED);
}

TEST(transfer_errors, "a transfer that fails counts as an error")
{
	struct client c;
	struct job job;
	uint32_t x;

	dev("d");
	client_open(&c);
	x = bo_create(c.fd, 4096);
	bo_fill(c.fd, x, 4096, 1);
	CHECK_EQ(dev_set("d", "fault/copy_error", "1"), 0);
	on(&job, &c, "d", 1);
	job_buffer(&job, x, R);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	CHECK_EQ(wdev_get("d", "errors"), 1);
}

/* A device whose next copy never ends; found out after a second without any other. */
static void stuck(const char *name)
{
	CHECK_EQ(wdev_set(name, "copy_timeout_ns", "1000000000"), 0);
	CHECK_EQ(dev_set(name, "fault/copy_hang", "1"), 0);
}

TEST(copy_hangs, "a copy that does not end costs a reset; the job that waited for it runs then")
{
	struct client c;
	struct job job;
	uint32_t x, y;

	dev("d");
	client_open(&c);
	x = bo_create(c.fd, 4096);
	y = bo_create(c.fd, 4096);
	bo_fill(c.fd, x, 4096, 0x1234);
	stuck("d");
	job_copy(&job, &c, y, x, 4096);
	job.j.device_mask = dev_mask(c.fd, "d");
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), 0);
	bo_expect(c.fd, y, 4096, 0x1234);
	CHECK(wdev_get("d", "resets") >= 1);
	CHECK_EQ(dev_get("d", "fault/copy_hang"), 0);
}

TEST(copy_hangs_back, "the same on the way to the host: what was only there is lost, with an error")
{
	struct drm_weft_bo_cpu cpu = { .access = R };
	struct client c;

	dev("d");
	client_open(&c);
	cpu.handle = sole(&c, "d", 7);
	stuck("d");
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_BO_CPU_BEGIN, &cpu), -ENODATA);
	CHECK(wdev_get("d", "resets") >= 1);
	/* and the device works */
	wdev_reach("d", "health", "ok");
	sole(&c, "d", 8);
}

TEST(copy_timeout, "copy_timeout_ns: from a millisecond to an hour, or never")
{
	dev("d");
	CHECK_EQ(wdev_get("d", "copy_timeout_ns"), 30 * SEC);
	CHECK_EQ(wdev_set("d", "copy_timeout_ns", "999999"), -ERANGE);
	CHECK_EQ(wdev_set("d", "copy_timeout_ns", "3600000000001"), -ERANGE);
	CHECK_EQ(wdev_set("d", "copy_timeout_ns", "-1"), -EINVAL);
	CHECK_EQ(wdev_set("d", "copy_timeout_ns", "soon"), -EINVAL);
	CHECK_EQ(wdev_get("d", "copy_timeout_ns"), 30 * SEC);
	CHECK_EQ(wdev_set("d", "copy_timeout_ns", "3600000000000"), 0);
	CHECK_EQ(wdev_set("d", "copy_timeout_ns", "1000000"), 0);
	CHECK_EQ(wdev_set("d", "copy_timeout_ns", "0"), 0);
	CHECK_EQ(wdev_get("d", "copy_timeout_ns"), 0);
}

TEST(cancels, "what a client cancels is no fault of the device")
{
	struct client c;
	struct job job;
	uint64_t id;

	dev("d");
	client_open(&c);
	for (int i = 0; i < 4; i++) {
		on(&job, &c, "d", 1000);
		id = submit(&c, &job, 1);
		job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
		CHECK_EQ(job_cancel(c.fd, id), 0);
		CHECK_EQ(job_result(c.fd, id), ECANCELED);
	}
	CHECK_EQ(wdev_get("d", "errors") + wdev_get("d", "timeouts"), 0);
	CHECK(wdev_is("d", "health", "ok"));
}

TEST(slow, "a run of many times the learned time is slow; slow runs never drain")
{
	struct client c;
	struct job job;

	dev("d");
	client_open(&c);
	CHECK_EQ(wdev_set("d", "slow_factor", "8"), 0);
	CHECK_EQ(wdev_set("d", "degrade_at", "3"), 0);
	CHECK_EQ(wdev_set("d", "drain_at", "4"), 0);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(run(&c, "d", 1), 0);
	CHECK_EQ(wdev_get("d", "slow_runs"), 0);
	/* a hundred times 1 ms, learned by an average that eight of them move by ten each */
	CHECK_EQ(dev_set("d", "fault/slow", "100"), 0);
	on(&job, &c, "d", 1);
	job_run(&c, &job);
	CHECK_EQ(wdev_get("d", "slow_runs"), 1);
	CHECK_EQ(wdev_set("d", "degrade_at", "1"), 0);
	wdev_reach("d", "health", "degraded");
	CHECK_EQ(wdev_set("d", "slow_factor", "1"), 0);
	for (int i = 0; i < 8; i++)
		job_run(&c, &job);
	CHECK(wdev_get("d", "slow_runs") > 1);
	CHECK(wdev_is("d", "health", "degraded"));
}

TEST(drain_by_faults, "more faults drain it: pinned jobs get ENODEV, others go elsewhere; ok again")
{
	struct drm_weft_device_info d;
	struct client c;
	struct job job;
	uint32_t x;

	dev("d");
	CHECK_EQ(wdev_set("d", "drain_at", "20"), 0);
	client_open(&c);
	x = sole(&c, "d", 42);
	CHECK(wdev_get("d", "memory_used") > 0);
	fail_runs(&c, "d", 10);
	CHECK_EQ(health(c.fd, "d"), DRM_WEFT_HEALTH_DRAINING);
	on(&job, &c, "d", 1);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -ENODEV);
	job.j.device_mask |= dev_mask(c.fd, "other");
	job_run(&c, &job);
	/* what was only there is saved */
	wdev_reach("d", "memory_used", "0");
	bo_expect(c.fd, x, 64 * KIB, 42);
	/* time does not bring it back */
	CHECK_EQ(wdev_set("d", "fault_leak", "1000000"), 0);
	sleep_ms(50);
	CHECK(wdev_is("d", "health", "draining"));
	CHECK_EQ(wdev_set("d", "health", "ok"), 0);
	CHECK(dev_find(c.fd, "d", &d));
	CHECK_EQ(d.health, DRM_WEFT_HEALTH_OK);
	CHECK_EQ(d.health_reason, DRM_WEFT_REASON_OPERATOR);
	CHECK_EQ(run(&c, "d", 1), 0);
	bo_expect(c.fd, sole(&c, "d", 43), 64 * KIB, 43);
}

TEST(quarantine_by_faults, "even more quarantine it; only a reset that succeeds brings it back")
{
	struct client c;

	dev("d");
	CHECK_EQ(wdev_set("d", "drain_at", "0"), 0);
	CHECK_EQ(wdev_set("d", "quarantine_at", "20"), 0);
	client_open(&c);
	fail_runs(&c, "d", 10);
	wdev_reach("d", "health", "quarantined");
	wdev_reach("d", "resets", "1");
	CHECK_EQ(dev_set("d", "fault/reset_fails", "1"), 0);
	CHECK_EQ(wdev_set("d", "reset", "1"), -EIO);
	CHECK(wdev_is("d", "health", "quarantined"));
	CHECK_EQ(wdev_get("d", "resets_failed"), 1);
	CHECK_EQ(wdev_set("d", "reset", "1"), 0);
	CHECK(wdev_is("d", "health", "ok"));
	CHECK_EQ(run(&c, "d", 1), 0);
}

/* a client of the tenant that has @uid */
static void client_open_as(struct client *c, unsigned int uid)
{
	CHECK_EQ(seteuid(uid), 0);
	client_open(c);
	CHECK_EQ(seteuid(0), 0);
}

TEST(hostile, "no tenant takes a device from others by failing on it; two that fail do")
{
	struct client bad, good;

	CHECK_EQ(mkdir(TENANT_DIR "/bad", 0755), 0);
	CHECK_EQ(file_write(TENANT_DIR "/bad/uid", "1001"), 0);
	dev("d");
	CHECK_EQ(wdev_set("d", "drain_at", "20"), 0);
	client_open_as(&bad, 1001);
	client_open(&good);
	for (int i = 0; i < 30; i++) {
		fail_runs(&bad, "d", 1);
		if (!(i % 3))
			CHECK_EQ(run(&good, "d", 1), 0);
	}
	CHECK(wdev_is("d", "health", "degraded"));
	fail_runs(&good, "d", 1);
	CHECK(wdev_is("d", "health", "draining"));
}

/* ------------------------------------------------------------------------------- operators */

TEST(bad_values, "what is no health, no limit and no reset is refused")
{
	static const char *const words[] = { "degraded", "", "okay", "OK", "1", "quarantine" };
	static const char *const limits[] = { "degrade_at", "drain_at", "quarantine_at",
					      "fault_leak", "slow_factor" };

	dev("d");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (*words[i])
			CHECK_EQ(wdev_set("d", "health", words[i]), -EINVAL);
	CHECK_EQ(wdev_set("d", "reset", "0"), -EINVAL);
	CHECK_EQ(wdev_set("d", "reset", "x"), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		CHECK_EQ(wdev_set("d", limits[i], "1000000"), 0);
		CHECK_EQ(wdev_get("d", limits[i]), 1000000);
		CHECK_EQ(wdev_set("d", limits[i], "1000001"), -ERANGE);
		CHECK_EQ(wdev_set("d", limits[i], "-1"), -EINVAL);
		CHECK_EQ(wdev_set("d", limits[i], "x"), -EINVAL);
		CHECK_EQ(wdev_get("d", limits[i]), 1000000);
		CHECK_EQ(wdev_set("d", limits[i], "0"), i ? 0 : -ERANGE);
	}
	CHECK(wdev_is("d", "health", "ok"));
}

TEST(lowered, "a limit that is lowered below what there is acts at once")
{
	struct client c;

	dev("d");
	client_open(&c);
	fail_runs(&c, "d", 3);
	CHECK(wdev_is("d", "health", "ok"));
	CHECK_EQ(wdev_set("d", "degrade_at", "6"), 0);
	wdev_reach("d", "health", "degraded");
	CHECK_EQ(wdev_set("d", "drain_at", "6"), 0);
	wdev_reach("d", "health", "draining");
}

TEST(drain, "draining: what runs ends well, what waits for this device alone ends with ENODEV")
{
	struct client c;
	struct job job[8];
	uint32_t x;
	uint64_t id;

	dev("d");
	client_open(&c);
	x = sole(&c, "d", 7);
	for (int i = 0; i < 8; i++)
		on(&job[i], &c, "d", 60);
	id = submit(&c, job, 8);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(wdev_set("d", "health", "draining"), 0);
	CHECK(wdev_is("d", "health", "draining"));
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(job_result(c.fd, id + 7), ENODEV);
	wdev_reach("d", "memory_used", "0");
	bo_expect(c.fd, x, 64 * KIB, 7);
	/* it may be taken out while it drains */
	CHECK_EQ(dev_remove("d"), 0);
}

TEST(drain_undone, "ok before it is empty: it goes on where it was")
{
	struct client c;
	struct job job;
	uint64_t id;

	dev("d");
	client_open(&c);
	on(&job, &c, "d", 300);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(wdev_set("d", "health", "draining"), 0);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -ENODEV);
	CHECK_EQ(wdev_set("d", "health", "ok"), 0);
	CHECK_EQ(run(&c, "d", 1), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(wdev_get("d", "resets"), 0);
}

TEST(removed_while_draining, "a device is taken out while its running job keeps it from draining")
{
	struct client c;
	struct job job;
	uint64_t id;

	dev("d");
	client_open(&c);
	on(&job, &c, "d", 200);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(wdev_set("d", "health", "draining"), 0);
	CHECK_EQ(dev_remove("d"), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(wdev_set("d", "health", "ok"), -ENOENT);
}

TEST(quarantine, "quarantined at once: jobs there are taken back, sole copies are LOST; ok resets")
{
	struct drm_weft_bo_info info;
	struct drm_weft_job_record r;
	struct client c;
	struct job job[2];
	uint32_t x;
	uint64_t id;

	dev("d");
	client_open(&c);
	x = sole(&c, "d", 9);
	for (int i = 0; i < 2; i++)
		on(&job[i], &c, "d", 2000);
	job[1].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	job[1].j.device_mask |= dev_mask(c.fd, "other");
	job[1].args.nop.work = UNIT_MS;
	id = submit(&c, job, 2);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(wdev_set("d", "health", "quarantined"), 0);
	CHECK(wdev_is("d", "health", "quarantined"));
	CHECK_EQ(wdev_get("d", "memory_used"), 0);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	job_wait(c.fd, id + 1, &r);
	CHECK_EQ(r.error, 0);
	CHECK_EQ(bo_info(c.fd, x, &info), 0);
	CHECK_EQ(info.state, DRM_WEFT_BO_LOST);
	CHECK_EQ(submit_raw(&c, &job[0], 1, NULL), -ENODEV);
	CHECK_EQ(wdev_set("d", "health", "draining"), -EBUSY);
	CHECK_EQ(wdev_set("d", "health", "quarantined"), 0);
	CHECK_EQ(wdev_set("d", "health", "ok"), 0);
	CHECK(wdev_is("d", "health", "ok"));
	CHECK_EQ(run(&c, "d", 1), 0);
	bo_expect(c.fd, sole(&c, "d", 10), 64 * KIB, 10);
}

TEST(reset, "reset: jobs there run again or end with ENODEV, and the device is used again")
{
	struct drm_weft_job_record r;
	struct client c;
	struct job job[2];
	uint64_t id;

	dev("d");
	client_open(&c);
	fail_runs(&c, "d", 5);
	CHECK(wdev_is("d", "health", "degraded"));
	on(&job[0], &c, "d", 2000);
	on(&job[1], &c, "d", 1);
	job[1].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	id = submit(&c, job, 2);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(wdev_set("d", "reset", "1"), 0);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	job_wait(c.fd, id + 1, &r);
	CHECK_EQ(r.error, 0);
	CHECK(wdev_is("d", "health", "ok"));
	CHECK_EQ(wdev_get("d", "resets"), 1);
	/* a wish outlives it */
	CHECK_EQ(wdev_set("d", "health", "draining"), 0);
	CHECK_EQ(wdev_set("d", "reset", "1"), 0);
	CHECK(wdev_is("d", "health", "draining"));
}

TEST(reset_fails, "F18: a reset that fails: memory is fenced off, counted; the next one frees it")
{
	struct drm_weft_device_info d;
	struct client c;
	struct job job;
	uint32_t h, other;
	uint64_t before, pages = 0;
	char buf[32];

	dev_add("d", DEV_UNIT, "speed=fill 1");
	CHECK_EQ(dev_set("d", "fault/write_after_abort", "1"), 0);
	CHECK_EQ(dev_set("d", "fault/abort_fails", "1"), 0);
	CHECK_EQ(dev_set("d", "fault/reset_fails", "2"), 0);
	client_open(&c);
	CHECK(file_read(pool_sysfs("host_quarantined"), buf, sizeof(buf)) > 0);
	before = strtoull(buf, NULL, 0);
	h = bo_create(c.fd, MIB);
	/* it is on the host as well */
	bo_fill(c.fd, h, MIB, 1);
	job_fill(&job, &c, h, MIB, 0xbad);
	job.j.device_mask = dev_mask(c.fd, "d");
	job.j.timeout_ns = 30 * MS;
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ETIME);
	wdev_reach("d", "health", "quarantined");
	CHECK(dev_find(c.fd, "d", &d));
	CHECK_EQ(d.health_reason, DRM_WEFT_REASON_RESET_FAILED);
	CHECK_EQ(d.resets_failed, 1);
	CHECK_EQ(wdev_set("d", "health", "ok"), -EIO);
	wdev_reach("d", "memory_quarantined", "1048576");
	bo_close(c.fd, h);
	for (int i = 0; i < 1000 && pages < MIB; i++) {
		sleep_ms(5);
		CHECK(file_read(pool_sysfs("host_quarantined"), buf, sizeof(buf)) > 0);
		pages = strtoull(buf, NULL, 0) - before;
	}
	CHECK_EQ(pages, MIB);
	CHECK_EQ(wdev_set("d", "reset", "1"), 0);
	CHECK_EQ(wdev_get("d", "memory_quarantined"), 0);
	CHECK_EQ(wdev_get("d", "memory_used"), 0);
	CHECK_EQ(wdev_set("d", "drain_at", "0"), 0);
	other = bo_create(c.fd, 14 * MIB);
	job_nop(&job, &c, 1);
	job_buffer(&job, other, R | W);
	job.j.device_mask = dev_mask(c.fd, "d");
	job_run(&c, &job);
}

TEST(pinned_to_lost, "a repeatable job whose only device is lost for good ends with ENODEV")
{
	struct client c;
	struct job job;
	uint64_t id;

	dev("d");
	CHECK_EQ(dev_set("d", "fault/reset_fails", "1"), 0);
	client_open(&c);
	on(&job, &c, "d", 2000);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(wdev_set("d", "reset", "1"), -EIO);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
}

/* ---------------------------------------------------------------------------- who is told */

static long device_events(int fd, uint64_t value)
{
	struct drm_weft_client_set s = {
		.param = DRM_WEFT_CLIENT_DEVICE_EVENTS, .value = value,
	};

	return ioc(fd, DRM_IOCTL_WEFT_CLIENT_SET, &s);
}

static bool event_ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

static void expect_event(int fd, uint32_t device, uint32_t health, uint32_t reason)
{
	struct drm_weft_event_device e;

	CHECK_MSG(event_ready(fd, 50000), "no event of device %u, health %u, reason %u", device,
		  health, reason);
	CHECK_EQ(read(fd, &e, sizeof(e)), sizeof(e));
	CHECK_EQ(e.base.type, DRM_WEFT_EVENT_DEVICE);
	CHECK_EQ(e.base.length, sizeof(e));
	CHECK_EQ(e.device, device);
	CHECK_EQ(e.health, health);
	CHECK_EQ(e.reason, reason);
	CHECK_EQ(e.missed, 0);
}

TEST(events, "read() tells who asked of a device's coming, each change, and its going")
{
	struct drm_weft_device_info d;
	struct client c, deaf;

	client_open(&c);
	client_open(&deaf);
	CHECK_EQ(device_events(c.fd, 2), -EINVAL);
	CHECK_EQ(device_events(c.fd, 1), 0);
	CHECK_EQ(device_events(c.fd, 1), 0);
	dev("d");
	CHECK(dev_find(c.fd, "d", &d));
	expect_event(c.fd, d.id, DRM_WEFT_HEALTH_OK, DRM_WEFT_REASON_ADDED);
	fail_runs(&c, "d", 5);
	expect_event(c.fd, d.id, DRM_WEFT_HEALTH_DEGRADED, DRM_WEFT_REASON_FAULTS);
	CHECK_EQ(wdev_set("d", "health", "draining"), 0);
	expect_event(c.fd, d.id, DRM_WEFT_HEALTH_DRAINING, DRM_WEFT_REASON_OPERATOR);
	CHECK_EQ(wdev_set("d", "health", "quarantined"), 0);
	expect_event(c.fd, d.id, DRM_WEFT_HEALTH_QUARANTINED, DRM_WEFT_REASON_OPERATOR);
	CHECK_EQ(wdev_set("d", "health", "ok"), 0);
	expect_event(c.fd, d.id, DRM_WEFT_HEALTH_OK, DRM_WEFT_REASON_RESET);
	CHECK_EQ(dev_set("d", "fault/reset_fails", "1"), 0);
	CHECK_EQ(wdev_set("d", "reset", "1"), -EIO);
	expect_event(c.fd, d.id, DRM_WEFT_HEALTH_QUARANTINED, DRM_WEFT_REASON_RESET_FAILED);
	CHECK_EQ(dev_remove("d"), 0);
	expect_event(c.fd, d.id, DRM_WEFT_HEALTH_QUARANTINED, DRM_WEFT_REASON_REMOVED);
	CHECK(!event_ready(deaf.fd, 0));
	/* no more */
	CHECK_EQ(device_events(c.fd, 0), 0);
	dev("d");
	CHECK_EQ(dev_remove("d"), 0);
	CHECK(!event_ready(c.fd, 0));
}

TEST(vanished, "a device that vanishes is told as gone or removed, once")
{
	struct drm_weft_event_device e[8];
	struct drm_weft_device_info d;
	struct client c;
	ssize_t n;

	dev("d");
	client_open(&c);
	CHECK(dev_find(c.fd, "d", &d));
	CHECK_EQ(device_events(c.fd, 1), 0);
	CHECK_EQ(dev_set("d", "fault/vanish", "now"), 0);
	CHECK(event_ready(c.fd, 50000));
	n = read(c.fd, e, sizeof(e));
	CHECK(n >= (ssize_t)sizeof(e[0]) && n <= 2 * (ssize_t)sizeof(e[0]));
	n /= sizeof(e[0]);
	CHECK_EQ(e[n - 1].reason, DRM_WEFT_REASON_REMOVED);
	CHECK_EQ(e[n - 1].device, d.id);
	CHECK(e[n - 1].health >= DRM_WEFT_HEALTH_DRAINING);
}

TEST(missed, "a client that does not read is not flooded, and learns how many it missed")
{
	struct drm_weft_event_device e[512];
	int rounds = 100, kept;
	struct client c;
	ssize_t n;

	client_open(&c);
	CHECK_EQ(device_events(c.fd, 1), 0);
	dev_mkdir("d", DEV_NULL, "memory=65536");
	for (int i = 0; i < rounds; i++) {
		CHECK_EQ(dev_enable("d", true), 0);
		CHECK_EQ(dev_enable("d", false), 0);
	}
	n = read(c.fd, e, sizeof(e));
	CHECK(n > 0);
	kept = n / sizeof(e[0]);
	CHECK(kept < 2 * rounds);
	for (int i = 0; i < kept; i++)
		CHECK_EQ(e[i].missed, 0);
	CHECK_EQ(dev_enable("d", true), 0);
	CHECK(event_ready(c.fd, 50000));
	CHECK_EQ(read(c.fd, e, sizeof(e)), sizeof(e[0]));
	CHECK_EQ(e[0].missed, 2 * rounds - kept);
}

TEST(closing, "files that close while devices come and go")
{
	pid_t pid = spawn();

	if (!pid) {
		for (;;) {
			int fd = pool_open();

			device_events(fd, 1);
			close(fd);
		}
	}
	dev_mkdir("d", DEV_NULL, "memory=65536");
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(dev_enable("d", true), 0);
		CHECK_EQ(dev_enable("d", false), 0);
	}
}

TEST(uevent, "each change is a uevent of the device, with HEALTH and REASON")
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct pollfd p = { .events = POLLIN };
	bool health_seen = false, reason_seen = false;
	char buf[4096];
	ssize_t n;

	dev("d");
	p.fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	CHECK(p.fd >= 0);
	CHECK_EQ(bind(p.fd, (struct sockaddr *)&to, sizeof(to)), 0);
	CHECK_EQ(wdev_set("d", "health", "draining"), 0);
	while (!health_seen) {
		CHECK_MSG(poll(&p, 1, 50000) == 1, "no uevent with HEALTH=draining");
		n = recv(p.fd, buf, sizeof(buf) - 1, 0);
		CHECK(n > 0);
		buf[n] = 0;
		if (strncmp(buf, "change@", 7) || !strstr(buf, "/d"))
			continue;
		for (char *v = buf; v < buf + n; v += strlen(v) + 1) {
			health_seen |= !strcmp(v, "HEALTH=draining");
			reason_seen |= !strcmp(v, "REASON=operator");
		}
	}
	CHECK(reason_seen);
	close(p.fd);
}

TEST(return_, "a device that was quarantined, removed and came back is as new")
{
	struct client c;

	dev("d");
	client_open(&c);
	CHECK_EQ(wdev_set("d", "health", "quarantined"), 0);
	CHECK_EQ(dev_enable("d", false), 0);
	CHECK_EQ(dev_enable("d", true), 0);
	CHECK(wdev_is("d", "health", "ok"));
	CHECK_EQ(wdev_get("d", "resets"), 0);
	CHECK_EQ(run(&c, "d", 1), 0);
}
