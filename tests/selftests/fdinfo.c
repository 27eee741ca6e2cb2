// SPDX-License-Identifier: GPL-2.0-only
/*
 * fdinfo: the keys and their order, what they sum up to, and time that advances while a job runs.
 */
/* vm: smp=4 timeout=90 kernels=stock,debug,next insmod=weft,weft_sim */
#include <stdio.h>

#include "common.h"

#define W	DRM_WEFT_ACCESS_WRITE

/* every class, in the order of the file */
static const char *const classes[DRM_WEFT_CLASS_COUNT] = { "gpu", "dcu", "npu", "cpu", "dpu" };

SETUP()
{
	dev_add("g0", DEV_UNIT, "speed=fill inf");
	dev_add("g1", DEV_UNIT, "credits=3", "speed=fill inf");
	dev_add("n0", "profile=npu", "model=unit", "speed=nop 100", "speed=fill inf", DEV_ONE);
	devs_keep();
}

static void read_fdinfo(int fd, char buf[8192])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	CHECK(file_read(path, buf, 8192) > 0);
}

/* value of @key, its unit checked; -1 if it is not there, and it may be there once only */
static long long find(const char *buf, const char *key, const char *unit)
{
	size_t n = strlen(key);
	long long value = -1;
	char *end;

	for (const char *line = buf; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) || line[n] != ':')
			continue;
		CHECK_MSG(value < 0, "%s twice", key);
		CHECK_MSG(line[n + 1] == '\t', "%s: no tab", key);
		value = strtoll(line + n + 2, &end, 10);
		CHECK_MSG(end > line + n + 2, "%s: no number", key);
		CHECK_MSG(!strncmp(end, unit, strlen(unit)) &&
			  (end[strlen(unit)] == '\n' || !end[strlen(unit)]),
			  "%s: unit is not '%s'", key, unit);
	}
	return value;
}

static long long of(int fd, const char *key, const char *region)
{
	char buf[8192], full[128];

	read_fdinfo(fd, buf);
	snprintf(full, sizeof(full), "drm-%s-%s", key, region);
	if (!strcmp(key, "engine"))
		return find(buf, full, " ns");
	return find(buf, full, strcmp(key, "engine-capacity") ? " KiB" : "");
}

/* the whole file of a client on four devices, frozen: keys, order, and zeros */
TEST(keys, "the keys and their order are those of the manual; no drm-pdev; short enough")
{
	static const char *const memory[] = { "total", "shared", "resident", "active",
					      "purgeable" };
	static const char *const own[] = {
		"weft-client", "weft-tenant", "weft-priced", "weft-buffers",
		"weft-jobs-submitted", "weft-jobs-completed", "weft-jobs-failed",
	};
	char buf[8192], want[64][64], *line, *next;
	int fd = pool_open(), n = 0, i = 0;

	snprintf(want[n++], 64, "drm-driver");
	snprintf(want[n++], 64, "drm-client-id");
	for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
		snprintf(want[n++], 64, "drm-engine-%s", classes[c]);
		if (!strcmp(classes[c], "gpu") || !strcmp(classes[c], "npu"))
			snprintf(want[n++], 64, "drm-engine-capacity-%s", classes[c]);
	}
	for (size_t m = 0; m < ARRAY_SIZE(memory); m++)
		snprintf(want[n++], 64, "drm-%s-memory", memory[m]);
	for (size_t c = 0; c < ARRAY_SIZE(classes); c++)
		for (size_t m = 0; m < ARRAY_SIZE(memory); m++)
			snprintf(want[n++], 64, "drm-%s-%s", memory[m], classes[c]);
	for (size_t k = 0; k < ARRAY_SIZE(own); k++)
		snprintf(want[n++], 64, "%s", own[k]);

	read_fdinfo(fd, buf);
	CHECK(strlen(buf) < 4096);
	CHECK(!strstr(buf, "drm-pdev"));
	for (line = buf; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		/* the file system's own come first; drm-client-name is the kernel's, if there is */
		if ((strncmp(line, "drm-", 4) && strncmp(line, "weft-", 5)) ||
		    !strncmp(line, "drm-client-name", 15))
			continue;
		CHECK(strchr(line, ':'));
		*strchr(line, ':') = 0;
		CHECK_MSG(i < n, "%s is one too many", line);
		CHECK_MSG(!strcmp(line, want[i]), "%s where %s should be", line, want[i]);
		i++;
	}
	CHECK_EQ(i, n);
}

TEST(capacity, "an engine's capacity is what its class can run at once")
{
	int fd = pool_open();

	CHECK_EQ(of(fd, "engine-capacity", "gpu"), 4);
	CHECK_EQ(of(fd, "engine-capacity", "npu"), 1);
	CHECK_EQ(of(fd, "engine-capacity", "dcu"), -1);
	dev_add("more", DEV_UNIT, "credits=2", "class=dcu");
	CHECK_EQ(of(fd, "engine-capacity", "dcu"), 2);
	CHECK_EQ(of(fd, "engine-capacity", "gpu"), 4);
}

TEST(ids, "clients differ, a duplicate does not; weft-client is the id that QUERY tells")
{
	int a = pool_open(), b = pool_open(), c = dup(a);
	struct drm_weft_client_info info;
	char x[8192], y[8192], z[8192];

	read_fdinfo(a, x);
	read_fdinfo(b, y);
	read_fdinfo(c, z);
	CHECK(find(x, "drm-client-id", "") != find(y, "drm-client-id", ""));
	CHECK_EQ(find(x, "drm-client-id", ""), find(z, "drm-client-id", ""));
	client_info(b, &info);
	CHECK_EQ(find(y, "weft-client", ""), info.id);
}

static uint64_t start_on(const struct client *c, const char *device, unsigned int ms)
{
	struct job job;
	uint64_t id;

	job_nop(&job, c, ms * UNIT_MS);
	job.j.device_mask = dev_mask(c->fd, device);
	id = submit(c, &job, 1);
	job_reach(c->fd, id, DRM_WEFT_JOB_RUNNING);
	return id;
}

TEST(advances, "engine time of a job that runs advances with the clock, and never falls")
{
	long long before, after, last = 0, now;
	uint64_t t0, t1, t2, t3, id;
	struct client c;

	client_open(&c);
	CHECK_EQ(of(c.fd, "engine", "gpu"), 0);
	id = start_on(&c, "g0", 60000);
	/* the pump may still have to hear of the start */
	while (!of(c.fd, "engine", "gpu"))
		;
	t0 = now_ns();
	before = of(c.fd, "engine", "gpu");
	t1 = now_ns();
	sleep_ms(100);
	t2 = now_ns();
	after = of(c.fd, "engine", "gpu");
	t3 = now_ns();
	CHECK(after - before >= (long long)(t2 - t1));
	CHECK(after - before <= (long long)(t3 - t0));
	CHECK_EQ(of(c.fd, "engine", "npu"), 0);

	CHECK_EQ(job_cancel(c.fd, id), 0);
	while (job_state(c.fd, id) != DRM_WEFT_JOB_DONE) {
		now = of(c.fd, "engine", "gpu");
		CHECK(now >= last);
		last = now;
	}
	before = of(c.fd, "engine", "gpu");
	CHECK(before >= last && before >= after);
	sleep_ms(20);
	CHECK_EQ(of(c.fd, "engine", "gpu"), before);
}

TEST(capacity_used, "three jobs at once on one device count three times")
{
	uint64_t t1, t2, id[3];
	long long before, after;
	struct client c;

	client_open(&c);
	for (int i = 0; i < 3; i++)
		id[i] = start_on(&c, "g1", 60000);
	while (!of(c.fd, "engine", "gpu"))
		;
	sleep_ms(50);	/* until all three starts have been heard of, what follows is too low */
	before = of(c.fd, "engine", "gpu");
	t1 = now_ns();
	sleep_ms(100);
	t2 = now_ns();
	after = of(c.fd, "engine", "gpu");
	CHECK(after - before >= 3 * (long long)(t2 - t1));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(job_cancel(c.fd, id[i]), 0);
	for (int i = 0; i < 3; i++)
		job_wait(c.fd, id[i], &(struct drm_weft_job_record){});
}

TEST(accounts, "of jobs that nobody watched, classes sum up to their records and to the device")
{
	uint64_t id, gpu = 0, npu = 0, old[2], is[2];
	struct drm_weft_device_info d;
	struct drm_weft_job_record r;
	struct client c, other;
	struct job job[12];

	client_open(&c);
	client_open(&other);
	CHECK(dev_find(c.fd, "g0", &d));
	old[0] = d.busy_ns;
	CHECK(dev_find(c.fd, "n0", &d));
	old[1] = d.busy_ns;
	for (int i = 0; i < 12; i++) {
		job_nop(&job[i], &c, (i + 1) * UNIT_MS / 4);
		job[i].j.device_mask = dev_mask(c.fd, i % 3 ? "g0" : "n0");
	}
	id = submit(&c, job, 12);
	for (int i = 0; i < 12; i++) {
		job_wait(c.fd, id + i, &r);
		CHECK_EQ(r.error, 0);
		CHECK(r.busy_ns);
		*(i % 3 ? &gpu : &npu) += r.busy_ns;
	}
	CHECK_EQ(of(c.fd, "engine", "gpu"), gpu);
	CHECK_EQ(of(c.fd, "engine", "npu"), npu);
	CHECK_EQ(of(other.fd, "engine", "gpu"), 0);
	CHECK(dev_find(c.fd, "g0", &d));
	is[0] = d.busy_ns;
	CHECK(dev_find(c.fd, "n0", &d));
	is[1] = d.busy_ns;
	CHECK_EQ(is[0] - old[0], gpu);
	CHECK_EQ(is[1] - old[1], npu);
}

static void fill_on(const struct client *c, const char *device, uint32_t bo, uint64_t size)
{
	struct job job;

	job_fill(&job, c, bo, size, 7);
	job.j.device_mask = dev_mask(c->fd, device);
	job_run(c, &job);
}

static uint64_t used_by(int fd, const char *device)
{
	struct drm_weft_region_info r;
	struct drm_weft_device_info d;

	CHECK(dev_find(fd, device, &d));
	region_info(fd, d.region, &r);
	return r.used;
}

TEST(memory, "what is where: host and classes sum up over clients to what regions say")
{
	struct client a, b;
	uint32_t x, y, z;
	char buf[8192];
	void *map;

	client_open(&a);
	client_open(&b);
	x = bo_create(a.fd, MIB);
	y = bo_create(a.fd, 256 * KIB);
	z = bo_create(b.fd, 512 * KIB);
	CHECK_EQ(of(a.fd, "total", "memory"), 1280);
	CHECK_EQ(of(a.fd, "resident", "memory"), 0);
	CHECK_EQ(of(b.fd, "total", "memory"), 512);

	/* pages that exist */
	map = bo_map(a.fd, y, 256 * KIB);
	CHECK_EQ(bo_cpu(a.fd, true, y, W, in_ns(PATIENCE)), 0);
	memset(map, 1, 128 * KIB);
	CHECK_EQ(bo_cpu(a.fd, false, y, W, 0), 0);
	CHECK_EQ(of(a.fd, "resident", "memory"), 128);

	/* copies on devices, and whose they are */
	fill_on(&a, "g0", x, MIB);
	fill_on(&b, "g1", z, 512 * KIB);
	CHECK_EQ(of(a.fd, "total", "gpu"), 1024);
	CHECK_EQ(of(a.fd, "resident", "gpu"), 1024);
	CHECK_EQ(of(b.fd, "resident", "gpu"), 512);
	CHECK_EQ(of(a.fd, "resident", "npu"), 0);
	CHECK_EQ((of(a.fd, "resident", "gpu") + of(b.fd, "resident", "gpu")) * KIB,
		 used_by(a.fd, "g0") + used_by(a.fd, "g1"));
	/* wherever its bytes are, a buffer's place on the host is reserved */
	CHECK_EQ(of(a.fd, "total", "memory"), 1280);

	/* a sole copy cannot be dropped; one of two can, and so can one that is out of date */
	CHECK_EQ(of(a.fd, "purgeable", "gpu"), 0);
	bo_expect(a.fd, x, MIB, 7);
	CHECK_EQ(of(a.fd, "purgeable", "gpu"), 1024);
	bo_fill(a.fd, x, MIB, 9);
	CHECK_EQ(of(a.fd, "purgeable", "gpu"), 1024);
	CHECK_EQ(of(a.fd, "resident", "memory"), 1152);

	/* which device it is says a key of our own */
	read_fdinfo(a.fd, buf);
	CHECK(strstr(buf, "weft-resident-device"));
	fill_on(&a, "n0", y, 256 * KIB);
	CHECK_EQ(of(a.fd, "resident", "npu"), 256);

	bo_close(a.fd, x);
	CHECK_EQ(of(a.fd, "total", "memory"), 256);
	CHECK_EQ(of(a.fd, "resident", "gpu"), 0);
	CHECK_EQ(used_by(a.fd, "g0"), 0);
}

TEST(active, "memory that a running job holds is active, and not to be dropped")
{
	struct client c;
	struct job job;
	uint64_t id;
	uint32_t x;

	client_open(&c);
	x = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, x, 64 * KIB, 1);
	job_nop(&job, &c, 60000 * UNIT_MS);
	job_buffer(&job, x, DRM_WEFT_ACCESS_READ);
	job.j.device_mask = dev_mask(c.fd, "g0");
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(of(c.fd, "active", "gpu"), 64);
	CHECK_EQ(of(c.fd, "purgeable", "gpu"), 0);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	job_wait(c.fd, id, &(struct drm_weft_job_record){});
	CHECK_EQ(of(c.fd, "active", "gpu"), 0);
	CHECK_EQ(of(c.fd, "purgeable", "gpu"), 64);
}

TEST(gone, "time on a device that is gone stays in the account, its memory does not")
{
	struct client c;
	struct job job;
	long long busy;
	uint32_t x;

	dev_add("plug", "profile=dcu", "model=plug", "speed=nop 100", "speed=fill inf", DEV_ONE);
	client_open(&c);
	x = bo_create(c.fd, 64 * KIB);
	fill_on(&c, "plug", x, 64 * KIB);
	job_nop(&job, &c, 5 * UNIT_MS);
	job.j.device_mask = dev_mask(c.fd, "plug");
	job_run(&c, &job);
	busy = of(c.fd, "engine", "dcu");
	CHECK(busy >= (long long)(5 * MS));
	CHECK_EQ(of(c.fd, "resident", "dcu"), 64);
	CHECK_EQ(dev_remove("plug"), 0);
	CHECK_EQ(of(c.fd, "engine", "dcu"), busy);
	CHECK_EQ(of(c.fd, "resident", "dcu"), 0);
	CHECK_EQ(of(c.fd, "engine-capacity", "dcu"), -1);
}
