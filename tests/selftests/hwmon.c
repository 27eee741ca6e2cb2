// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sensors: which files there are, what they say at rest and at work, and whom they answer when the
 * device is being reset, is given up or gone.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>

#include "common.h"

#define BUS "/sys/bus/weft/devices"

SETUP()
{
	dev_add("one", DEV_UNIT, "power_idle=20000", "power_busy=100000");
	devs_keep();
}

/* the folder of @device's hwmon device; false if there is none */
static bool folder(const char *device, char path[512])
{
	struct dirent *d;
	bool found = false;
	DIR *dir;

	snprintf(path, 512, BUS "/%s/hwmon", device);
	dir = opendir(path);
	while (dir && !found && (d = readdir(dir)))
		if (!strncmp(d->d_name, "hwmon", 5)) {
			snprintf(path, 512, BUS "/%s/hwmon/%.64s", device, d->d_name);
			found = true;
		}
	if (dir)
		closedir(dir);
	return found;
}

static long text(const char *device, const char *file, char buf[64])
{
	char path[512], full[640];

	if (!folder(device, path))
		return -ENODEV;
	snprintf(full, sizeof(full), "%s/%s", path, file);
	return file_read(full, buf, 64);
}

/* value or -errno */
static long long value(const char *device, const char *file)
{
	char buf[64];
	long ret = text(device, file, buf);

	return ret < 0 ? ret : strtoll(buf, NULL, 10);
}

static void until_value(const char *device, const char *file, long long want)
{
	uint64_t until = in_ns(PATIENCE);

	while (value(device, file) != want && now_ns() < until)
		sleep_ms(1);
	CHECK_EQ(value(device, file), want);
}

TEST(names, "one hwmon device, its name without blanks and dashes, labels, values")
{
	char buf[64];

	CHECK(text("one", "name", buf) > 0);
	CHECK_MSG(!strcmp(buf, "weft_one"), "name is %s", buf);
	CHECK(text("one", "temp1_label", buf) > 0 && !strcmp(buf, "device"));
	CHECK(text("one", "power1_label", buf) > 0 && !strcmp(buf, "device"));
	CHECK(text("one", "energy1_label", buf) > 0 && !strcmp(buf, "device"));
	CHECK(text("one", "freq1_label", buf) > 0 && !strcmp(buf, "compute"));
	CHECK(value("one", "temp1_input") >= 35000);
	CHECK_EQ(value("one", "power1_input"), 20000000);
	CHECK_EQ(value("one", "freq1_input"), 300000000);
	CHECK(value("one", "energy1_input") >= 0);

	dev_add("a-b c*d", DEV_UNIT);
	CHECK(text("a-b c*d", "name", buf) > 0);
	CHECK_MSG(!strcmp(buf, "weft_a_b_c_d"), "name is %s", buf);
}

TEST(read_only, "sensors cannot be written, by root either")
{
	static const char *const files[] = { "temp1_input", "power1_input", "energy1_input",
					     "freq1_input", "temp1_label", "freq1_label" };
	char path[512], full[640];

	CHECK(folder("one", path));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(full, sizeof(full), "%s/%s", path, files[i]);
		CHECK_MSG(file_write(full, "1") < 0, "%s can be written", files[i]);
	}
}

TEST(at_work, "power and clock follow the work at once, the temperature slowly, energy adds up")
{
	long long cold = value("one", "temp1_input"), energy = value("one", "energy1_input");
	long long warm, before, after, more;
	uint64_t start, id;
	struct client c;
	struct job job;

	client_open(&c);
	job_nop(&job, &c, 30000 * UNIT_MS);
	job.j.device_mask = dev_mask(c.fd, "one");
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	until_value("one", "power1_input", 100000000);
	CHECK_EQ(value("one", "freq1_input"), 1000000000);
	/* rises, and never beyond what it goes to */
	do {
		warm = value("one", "temp1_input");
		CHECK(warm >= cold && warm <= 75000);
	} while (warm < cold + 500);

	/* 100 mJ a ms while it runs, within the time that the reads themselves take */
	start = now_ns();
	before = value("one", "energy1_input");
	CHECK(before > energy);
	start = now_ns() - start;
	sleep_ms(200);
	more = now_ns();
	after = value("one", "energy1_input");
	more = now_ns() - more;
	CHECK(after - before >= 200 * 100 * 1000);
	tap_note("energy: %lld uJ in 200 ms and %llu us of reading", after - before,
		 (unsigned long long)(start + more) / 1000);

	CHECK_EQ(job_cancel(c.fd, id), 0);
	job_wait(c.fd, id, &(struct drm_weft_job_record){});
	until_value("one", "power1_input", 20000000);
	CHECK_EQ(value("one", "freq1_input"), 300000000);
	warm = value("one", "temp1_input");
	CHECK(warm > 35000);
	while (value("one", "temp1_input") >= warm)
		sleep_ms(10);
}

TEST(shares, "half of the credits is half of the way from idle to busy")
{
	struct client c;
	struct job job;
	uint64_t id;

	dev_add("two", DEV_UNIT, "credits=2", "power_idle=10000", "power_busy=30000");
	client_open(&c);
	job_nop(&job, &c, 30000 * UNIT_MS);
	job.j.device_mask = dev_mask(c.fd, "two");
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	until_value("two", "power1_input", 20000000);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	job_wait(c.fd, id, &(struct drm_weft_job_record){});
}

TEST(given_up, "a device that cannot be reset answers ENODATA, and others answer")
{
	struct client c;
	struct job job;

	dev_add("bad", DEV_UNIT);
	CHECK_EQ(dev_set("bad", "fault/hang", "1"), 0);
	CHECK_EQ(dev_set("bad", "fault/abort_fails", "-1"), 0);
	CHECK_EQ(dev_set("bad", "fault/reset_fails", "-1"), 0);
	client_open(&c);
	job_nop(&job, &c, UNIT_MS);
	job.j.timeout_ns = 20 * MS;
	job.j.device_mask = dev_mask(c.fd, "bad");
	CHECK(job_result(c.fd, submit(&c, &job, 1)) != 0);
	CHECK_EQ(value("bad", "temp1_input"), -ENODATA);
	CHECK_EQ(value("bad", "power1_input"), -ENODATA);
	CHECK_EQ(value("bad", "energy1_input"), -ENODATA);
	CHECK_EQ(value("bad", "freq1_input"), -ENODATA);
	CHECK(value("one", "temp1_input") >= 35000);
	CHECK_EQ(dev_remove("bad"), 0);
	CHECK_EQ(value("bad", "temp1_input"), -ENODEV);
}

/* ------------------------------------------------------------------- while things happen */

struct reader {
	pthread_t thread;
	volatile bool stop;
	const char *device;
	uint64_t values, busy, gone, absent;
	long long other;
};

static void *read_on(void *arg)
{
	static const char *const files[] = { "temp1_input", "power1_input", "energy1_input",
					     "freq1_input" };
	struct reader *r = arg;

	for (int i = 0; !r->stop; i++) {
		long long v = value(r->device, files[i % 4]);

		if (v >= 0)
			r->values++;
		else if (v == -EBUSY)
			r->busy++;
		else if (v == -ENODATA)
			r->gone++;
		else if (v == -ENODEV || v == -ENOENT)	/* the folder, or a file in it */
			r->absent++;
		else
			r->other = v;
	}
	return NULL;
}

static void readers_start(struct reader *r, size_t n, const char *device)
{
	memset(r, 0, n * sizeof(*r));
	for (size_t i = 0; i < n; i++) {
		r[i].device = device;
		CHECK_EQ(pthread_create(&r[i].thread, NULL, read_on, &r[i]), 0);
	}
}

static void readers_stop(struct reader *r, size_t n)
{
	struct reader sum = {};

	for (size_t i = 0; i < n; i++) {
		r[i].stop = true;
		pthread_join(r[i].thread, NULL);
		CHECK_MSG(!r[i].other, "a read gave %s", tap_value(r[i].other));
		sum.values += r[i].values;
		sum.busy += r[i].busy;
		sum.gone += r[i].gone;
		sum.absent += r[i].absent;
	}
	tap_note("%llu values, %llu EBUSY, %llu ENODATA, %llu absent",
		 (unsigned long long)sum.values, (unsigned long long)sum.busy,
		 (unsigned long long)sum.gone, (unsigned long long)sum.absent);
	CHECK(sum.values);
}

TEST(resets, "read through resets: a value, EBUSY or ENODATA, nothing else, and values again")
{
	struct reader r[2];
	struct client c;
	struct job job;

	dev_add("often", DEV_UNIT);
	CHECK_EQ(dev_set("often", "fault/hang", "-1"), 0);
	CHECK_EQ(dev_set("often", "fault/abort_fails", "-1"), 0);
	client_open(&c);
	readers_start(r, ARRAY_SIZE(r), "often");
	for (int i = 0; i < 5; i++) {
		job_nop(&job, &c, UNIT_MS);
		job.j.timeout_ns = MS;
		job.j.device_mask = dev_mask(c.fd, "often");
		CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ETIME);
	}
	readers_stop(r, ARRAY_SIZE(r));
	CHECK(value("often", "temp1_input") >= 35000);
}

TEST(comings, "read while the device comes, goes in order, and vanishes")
{
	struct reader r[2];
	struct client c;
	struct job job;

	client_open(&c);
	readers_start(r, ARRAY_SIZE(r), "plug");
	for (int i = 0; i < 10; i++) {
		dev_add("plug", DEV_UNIT);
		if (i % 2) {
			CHECK_EQ(dev_set("plug", "fault/vanish", "1"), 0);
			job_nop(&job, &c, UNIT_MS);
			job.j.device_mask = dev_mask(c.fd, "plug");
			CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ENODEV);
		}
		CHECK_EQ(dev_remove("plug"), 0);
	}
	dev_add("plug", DEV_UNIT);
	sleep_ms(20);
	readers_stop(r, ARRAY_SIZE(r));
}
