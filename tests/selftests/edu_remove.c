// SPDX-License-Identifier: GPL-2.0-only
/*
 * edu devices that go and come back with jobs in flight: in order, silently, by surprise.
 *
 * DOC: edu_remove
 *
 * Threads submit jobs and compare every byte of every result while devices go. Repeatable jobs must
 * all end well as long as one device is left, the others may end with ENODEV, and what
 * is promised of buffers holds: bytes that were only on a device that is lost are LOST.
 */
/* vm: numa=2 edu=4 iommu=1 timeout=240 insmod=weft,weft_edu */
#include <pthread.h>
#include <stdio.h>

#include "edudev.h"

#define SIZE	2048u

struct load {
	pthread_t thread;
	volatile bool *stop;
	uint32_t seed;
	bool idempotent, lossy;
	uint64_t timeout;
	uint64_t submitted, ok, lost, unreadable, other;
};

static void check_result(struct load *l, const struct client *c, uint32_t dst, uint32_t seed,
			 enum weft_edu_op op)
{
	uint32_t got[SIZE / 4];
	long ret = bo_read(c->fd, dst, 0, got, SIZE);

	/* the job ended well, and then its device went with the only copy */
	if (l->lossy && (ret == -ENODATA || ret == -EIO)) {
		l->unreadable++;
		return;
	}
	CHECK_EQ(ret, 0);
	for (uint32_t k = 0; k < SIZE / 4; k++) {
		uint32_t in = op == WEFT_EDU_OP_COPY ? edu_pattern(seed, k) : (seed + k) % 36;
		uint32_t want = op == WEFT_EDU_OP_COPY ? in : edu_factorial(in);

		CHECK_MSG(got[k] == want, "word %u is %#x, not %#x", k, got[k], want);
	}
	l->ok++;
}

/* batches of copies and factorials; inputs stay valid on the host */
static void *produce(void *arg)
{
	enum { N = 6 };
	struct drm_weft_job_record r;
	struct load *l = arg;
	uint32_t src[2], dst[N], in[2][SIZE / 4], seed;
	struct job job[N];
	struct client c;

	edu_client_open(&c);
	for (int i = 0; i < 2; i++)
		src[i] = bo_create(c.fd, SIZE);
	for (int i = 0; i < N; i++)
		dst[i] = bo_create(c.fd, SIZE);
	for (seed = l->seed; !*l->stop; seed += 64) {
		uint64_t id;

		for (uint32_t k = 0; k < SIZE / 4; k++) {
			in[0][k] = edu_pattern(seed, k);
			in[1][k] = (seed + k) % 36;
		}
		for (int i = 0; i < 2; i++)
			CHECK_EQ(bo_write(c.fd, src[i], 0, in[i], SIZE), 0);
		for (int i = 0; i < N; i++) {
			edu_job(&job[i], &c, i & 1, dst[i], src[i & 1], SIZE);
			job[i].j.flags = l->idempotent ? DRM_WEFT_JOB_IDEMPOTENT : 0;
			job[i].j.timeout_ns = l->timeout;
		}
		id = submit(&c, job, N);
		l->submitted += N;
		for (int i = 0; i < N; i++) {
			job_wait(c.fd, id + i, &r);
			CHECK_EQ(job_query(c.fd, id + i, 1, NULL, DRM_WEFT_JOB_QUERY_ACK, 0), 0);
			if (!r.error)
				check_result(l, &c, dst[i], seed, i & 1);
			else if (r.error == ENODEV)
				l->lost++;
			else
				l->other++;
		}
	}
	client_close(&c);
	return NULL;
}

static void load_start(struct load *l, int n, volatile bool *stop, bool idempotent, bool lossy)
{
	for (int i = 0; i < n; i++) {
		l[i] = (struct load) { .stop = stop, .seed = 1000003u * (i + 1),
				       .idempotent = idempotent, .lossy = lossy,
				       .timeout = lossy ? 3 * SEC : 0 };
		CHECK_EQ(pthread_create(&l[i].thread, NULL, produce, &l[i]), 0);
	}
}

/* every job is accounted for; @lost: the number that ended with ENODEV */
static void load_stop(struct load *l, int n, volatile bool *stop, uint64_t *lost)
{
	uint64_t submitted = 0, ok = 0, unreadable = 0, other = 0;

	*stop = true;
	*lost = 0;
	for (int i = 0; i < n; i++) {
		pthread_join(l[i].thread, NULL);
		submitted += l[i].submitted;
		ok += l[i].ok;
		*lost += l[i].lost;
		unreadable += l[i].unreadable;
		other += l[i].other;
	}
	tap_note("%llu submitted = %llu right + %llu right, then lost + %llu ENODEV + %llu",
		 (unsigned long long)submitted, (unsigned long long)ok,
		 (unsigned long long)unreadable, (unsigned long long)*lost,
		 (unsigned long long)other);
	CHECK_EQ(submitted, ok + *lost + unreadable + other);
	CHECK_EQ(other, 0);
	CHECK(ok > 0);
}

/* nothing of the tests' is left in the devices' memory, and each of them works */
static void all_well(void)
{
	struct edu_dev dev[EDU_DEVICES];
	struct drm_weft_region_info r;
	struct drm_weft_device_info d;
	uint32_t src, dst;
	struct client c;
	struct job job;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	src = bo_create(c.fd, SIZE);
	dst = bo_create(c.fd, SIZE);
	bo_fill(c.fd, src, SIZE, 5);
	for (int i = 0; i < EDU_DEVICES; i++) {
		edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, dst, src, SIZE);
		job.j.device_mask = dev_mask(c.fd, dev[i].name);
		job_run(&c, &job);
		bo_expect(c.fd, dst, SIZE, 120);
	}
	bo_close(c.fd, src);
	bo_close(c.fd, dst);
	for (int i = 0; i < EDU_DEVICES; i++) {
		uint64_t end = in_ns(PATIENCE);

		edu_info(c.fd, &dev[i], &d);
		CHECK_EQ(d.health, DRM_WEFT_HEALTH_OK);
		/* a job's last reference is dropped by a worker */
		do
			region_info(c.fd, d.region, &r);
		while (r.used && now_ns() < end);
		CHECK_EQ(r.used, 0);
	}
	client_close(&c);
}

/* each device once; twice where that takes no minute */
static int rounds(void)
{
	return tap_slow_kernel() ? EDU_DEVICES : 2 * EDU_DEVICES;
}

static void in_order(bool unbind)
{
	struct edu_dev dev[EDU_DEVICES];
	volatile bool stop = false;
	struct load load[3];
	uint64_t lost;

	edu_await(dev, EDU_DEVICES);
	load_start(load, 3, &stop, false, false);
	for (int i = 0; i < rounds(); i++) {
		struct edu_dev *d = &dev[i % EDU_DEVICES];

		sleep_ms(50 + i * 30);
		if (unbind) {
			CHECK_EQ(file_write("/sys/bus/pci/drivers/weft_edu/unbind", d->pci), 0);
			CHECK_EQ(file_write("/sys/bus/pci/drivers/weft_edu/bind", d->pci), 0);
		} else {
			CHECK_EQ(edu_remove(d), 0);
			CHECK_EQ(edu_rescan(), 0);
		}
		edu_await(dev, EDU_DEVICES);
	}
	load_stop(load, 3, &stop, &lost);
	CHECK_EQ(lost, 0);
	all_well();
}

TEST(remove_rescan, "removed in order and found again under load: no job notices")
{
	in_order(false);
}

TEST(unbind_bind, "unbound and bound again under load: no job notices")
{
	in_order(true);
}

/* The device stops to answer and nobody is told; after a while somebody looks, and takes it out. */
static void vanish(const struct edu_dev *dev, unsigned int ms)
{
	edu_power(dev, false);
	sleep_ms(ms);
	CHECK_EQ(edu_remove(dev), 0);
	edu_power(dev, true);
	CHECK_EQ(edu_rescan(), 0);
}

static void silently(bool idempotent)
{
	struct edu_dev dev[EDU_DEVICES];
	volatile bool stop = false;
	struct load load[3];
	uint64_t lost;

	edu_await(dev, EDU_DEVICES);
	load_start(load, 3, &stop, idempotent, true);
	for (int i = 0; i < rounds(); i++) {
		sleep_ms(100 + i * 30);
		/* noticed at once, or only when the time of what ran there is up */
		vanish(&dev[i % EDU_DEVICES], i % 4 == 1 ? 4000 : 20);
		edu_await(dev, EDU_DEVICES);
	}
	load_stop(load, 3, &stop, &lost);
	if (idempotent)
		CHECK_EQ(lost, 0);
	all_well();
}

TEST(vanish_plain, "vanishing without a word under load: jobs end right, or with ENODEV")
{
	silently(false);
}

TEST(vanish_idempotent, "the same with repeatable jobs: all end right on devices that are left")
{
	silently(true);
}

TEST(sole_copy, "bytes that were only on a device that vanished are LOST, others are not")
{
	struct edu_dev dev[EDU_DEVICES];
	uint32_t src, dst, word;
	struct client c;
	struct job job;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	src = bo_create(c.fd, 4096);
	dst = bo_create(c.fd, 4096);
	bo_fill(c.fd, src, 4096, 4);
	edu_job(&job, &c, WEFT_EDU_OP_FACTORIAL, dst, src, 4096);
	job.j.device_mask = dev_mask(c.fd, dev[1].name);
	job_run(&c, &job);
	vanish(&dev[1], 10);
	CHECK_EQ(bo_read(c.fd, dst, 0, &word, 4), -ENODATA);
	bo_expect(c.fd, src, 4096, 4);
	/* what is written anew, as a whole, is good again */
	bo_fill(c.fd, dst, 4096, 6);
	bo_expect(c.fd, dst, 4096, 6);
	client_close(&c);
	all_well();
}

TEST(surprise, "pulled out with jobs on it: repeatable ones end elsewhere, others with ENODEV")
{
	enum { JOBS = 16 };
	uint32_t src, dst[JOBS], first = 0, pulled, failed = 0;
	struct drm_weft_job_record r[JOBS];
	struct edu_dev dev[EDU_DEVICES];
	struct drm_weft_device_info d;
	struct job job[JOBS];
	struct client c;
	uint64_t id, out, end = in_ns(PATIENCE), last = 0;

	edu_await(dev, EDU_DEVICES);
	edu_client_open(&c);
	src = bo_create(c.fd, SIZE);
	bo_fill(c.fd, src, SIZE, 7);
	for (int i = 0; i < JOBS; i++) {
		dst[i] = bo_create(c.fd, SIZE);
		edu_job(&job[i], &c, WEFT_EDU_OP_FACTORIAL, dst[i], src, SIZE);
		job[i].j.flags = i & 1 ? DRM_WEFT_JOB_IDEMPOTENT : 0;
	}
	id = submit(&c, job, JOBS);
	/* the device that runs the first job */
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(job_query(c.fd, id, 1, &r[0], 0, 0), 0);
	pulled = r[0].device;
	for (first = 0; first < EDU_DEVICES; first++) {
		edu_info(c.fd, &dev[first], &d);
		if (d.id == pulled)
			break;
	}
	CHECK(first < EDU_DEVICES);
	out = now_ns();
	edu_pull(&dev[first]);
	for (int i = 0; i < JOBS; i++) {
		uint32_t word;

		job_wait(c.fd, id + i, &r[i]);
		if (r[i].device == pulled && r[i].end_ns > last)
			last = r[i].end_ns;
		if (r[i].error) {
			CHECK_EQ(r[i].error, ENODEV);
			CHECK_EQ(i & 1, 0);
			failed++;
		} else if (bo_read(c.fd, dst[i], 0, &word, 4) == 0) {
			bo_expect(c.fd, dst[i], SIZE, 5040);
		} else {
			CHECK_EQ(r[i].device, pulled);
		}
	}
	tap_note("%u of %u jobs failed; the last on the device settled %lld ms after the pull",
		 failed, JOBS, last > out ? (long long)(last - out) / 1000000 : 0);
	while (dev_find(c.fd, dev[first].name, &d))
		CHECK_MSG(now_ns() < end, "%s is still there", dev[first].name);
	/* the others work on, and more than one job can still be done */
	edu_job(&job[0], &c, WEFT_EDU_OP_FACTORIAL, dst[0], src, SIZE);
	job_run(&c, &job[0]);
	bo_expect(c.fd, dst[0], SIZE, 5040);
}
