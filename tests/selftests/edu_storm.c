// SPDX-License-Identifier: GPL-2.0-only
/*
 * A storm: many jobs over edu (and simulated) devices that are lost and return all the time.
 *
 * DOC: edu_storm
 *
 * Threads, a client each, submit copies of marked words, factorials, and copies into fresh buffers
 * of which only a half is written. Every word of every result is compared; a fresh buffer must hold
 * zeros, and what it holds instead is searched for the marks of the others. Meanwhile another
 * thread takes a device away whenever so many jobs have ended, in every way there is.
 *
 * By default it is short. From the environment:
 *
 *	STORM_JOBS=N	jobs in all; or
 *	STORM_SECONDS=N	for so long
 *	STORM_EVERY=N	jobs from one loss to the next
 *	STORM_SIMS=N	simulated devices besides, which run the copies, too
 *	STORM_REPLUG=1	cards may be pulled out: the host plugs them in again (tests/edu/run)
 *
 * The line STORM at the end has all figures. Times are the guest's.
 */
/* vm: numa=2 edu=4 iommu=1 timeout=120 insmod=weft,weft_sim,weft_edu */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "edudev.h"

#define THREADS		6
#define BATCH		12
#define PROGRESS	10000
#define SIZE		4096u
#define WORDS		(SIZE / 4)
#define HALF		(SIZE / 2)

/* what a thread writes: the top half says that it is a mark, and whose */
#define MARK(thread, i)	(0xc0de0000u + ((thread) + 1) * 0x1000 + ((i) & 0xfff))

enum loss { LOSS_REMOVE, LOSS_UNBIND, LOSS_VANISH, LOSS_LATE, LOSS_SIM, LOSS_PULL, LOSS_KINDS };
static const char *const loss_names[] = {
	"removed", "unbound", "vanished", "late", "sim", "pulled"
};

static struct {
	uint64_t jobs, end_ns, every, sims;
	bool replug;
	/* counted by the threads that submit */
	_Atomic uint64_t submitted, completed, unreadable, wrong, foreign, settled;
	_Atomic uint64_t failed[256];	/* by errno */
	atomic_bool over;
	/* counted by the one that takes devices away */
	uint64_t losses[LOSS_KINDS], settle_max, settle_sum, settle_count;
} storm;

static uint64_t number(const char *name, uint64_t value)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : value;
}

/* ------------------------------------------------------------------------------------ jobs */

/* A program with one kernel and an image for each kind of device: it runs on any. */
static uint32_t copy_program(int fd)
{
	static const struct drm_weft_kernel kernel = { "copy", sizeof(struct weft_edu_args), 0 };
	struct weft_edu_image edu = { WEFT_EDU_IMAGE_MAGIC, WEFT_EDU_IMAGE_VERSION };
	struct {
		struct weft_sim_image_header header;
		uint32_t op;
	} sim = { { WEFT_SIM_IMAGE_MAGIC, WEFT_SIM_IMAGE_VERSION, 1, 0 }, WEFT_SIM_OP_COPY };
	struct drm_weft_image images[] = {
		{ .isa = WEFT_EDU_ISA, .data = p64(&edu), .size = sizeof(edu) },
		{ .isa = "sim", .data = p64(&sim), .size = sizeof(sim) },
	};
	struct drm_weft_program_create p = {
		.images = p64(images), .image_count = 2, .image_stride = sizeof(images[0]),
		.kernels = p64(&kernel), .kernel_count = 1, .kernel_stride = sizeof(kernel),
	};

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p), 0);
	return p.handle;
}

enum what { COPY, FACTORIAL, FRESH, WHATS };

/* Few small numbers: the factorials of great ones are 0, and the device is not asked. */
static uint32_t factor(uint32_t t, uint32_t round, uint32_t k)
{
	return k % 32 ? MARK(t, round + k) : (round + k / 32) % 36;
}

/* What word @k of the result is; @t: the thread. */
static uint32_t expected(enum what what, uint32_t t, uint32_t round, uint32_t k)
{
	switch (what) {
	case COPY:
		return MARK(t, round + k);
	case FACTORIAL:
		return edu_factorial(factor(t, round, k));
	default:
		return k < HALF / 4 ? MARK(t, round + k) : 0;
	}
}

static bool somebodys_mark(uint32_t word, uint32_t but)
{
	uint32_t thread = ((word & 0xffff) >> 12) - 1;

	return word >> 16 == 0xc0de && thread < THREADS && thread != but;
}

static void judge(int fd, enum what what, uint32_t dst, uint32_t t, uint32_t round,
		  const struct drm_weft_job_record *r)
{
	uint32_t got[WORDS], wrong = 0, first = 0, last = 0;
	long ret = bo_read(fd, dst, 0, got, SIZE);

	/* the job ended well, and then its device went with the only copy */
	if (ret == -ENODATA || ret == -EIO) {
		storm.unreadable++;
		storm.completed++;
		return;
	}
	CHECK_EQ(ret, 0);
	for (uint32_t k = 0; k < WORDS; k++) {
		uint32_t want = expected(what, t, round, k);

		if (got[k] == want)
			continue;
		storm.foreign += somebodys_mark(got[k], t);
		if (!wrong++)
			first = k;
		last = k;
	}
	if (wrong)
		tap_note("%s: %u words wrong, from %u (%#x, not %#x) to %u (%#x); "
			 "job %llu ran %u times, last on device %u from %llu to %llu us",
			 what == COPY ? "copy" : what == FRESH ? "fresh" : "factorial", wrong,
			 first,
			 got[first], expected(what, t, round, first), last, got[last],
			 (unsigned long long)r->id, r->runs, r->device,
			 (unsigned long long)r->start_ns / 1000,
			 (unsigned long long)r->end_ns / 1000);
	storm.wrong += !!wrong;
	storm.completed++;
}

static void *submitter(void *arg)
{
	uint32_t t = (uintptr_t)arg, src[2], dst[BATCH], in[2][WORDS], round, copies;
	struct drm_weft_job_record r;
	struct job job[BATCH];
	struct client c;

	edu_client_open(&c);
	copies = copy_program(c.fd);
	for (int i = 0; i < 2; i++)
		src[i] = bo_create(c.fd, SIZE);
	for (int i = 0; i < BATCH; i++)
		dst[i] = bo_create(c.fd, SIZE);
	for (round = t * 7919; now_ns() < storm.end_ns; round += 13) {
		uint64_t id;

		if (atomic_fetch_add(&storm.submitted, BATCH) >= storm.jobs) {
			storm.submitted -= BATCH;
			break;
		}
		for (uint32_t k = 0; k < WORDS; k++) {
			in[0][k] = MARK(t, round + k);
			in[1][k] = factor(t, round, k);
		}
		for (int i = 0; i < 2; i++)
			CHECK_EQ(bo_write(c.fd, src[i], 0, in[i], SIZE), 0);
		for (int i = 0; i < BATCH; i++) {
			enum what what = i % WHATS;
			uint64_t bytes = what == FRESH ? HALF : SIZE;

			if (what == FRESH) {
				bo_close(c.fd, dst[i]);
				dst[i] = bo_create(c.fd, SIZE);
			}
			edu_job(&job[i], &c, what == FACTORIAL, dst[i], src[what == FACTORIAL],
				bytes);
			job[i].buffer[0].length = bytes;
			if (what != FACTORIAL)
				job[i].j.program = copies;
			job[i].j.flags = i & 1 ? DRM_WEFT_JOB_IDEMPOTENT : 0;
			job[i].j.timeout_ns = 10 * SEC;
		}
		id = submit(&c, job, BATCH);
		for (int i = 0; i < BATCH; i++) {
			job_wait(c.fd, id + i, &r);
			CHECK_EQ(job_query(c.fd, id + i, 1, NULL, DRM_WEFT_JOB_QUERY_ACK, 0), 0);
			if (r.error)
				storm.failed[r.error < 256 ? r.error : 255]++;
			else
				judge(c.fd, i % WHATS, dst[i], t, round, &r);
			storm.settled++;
		}
	}
	client_close(&c);
	return NULL;
}

/* ---------------------------------------------------------------------------------- losses */

static void count_settled(uint64_t since)
{
	uint64_t ns = now_ns() - since;

	storm.settle_sum += ns;
	storm.settle_count++;
	if (ns > storm.settle_max)
		storm.settle_max = ns;
}

static void lose_sim(uint32_t which)
{
	char name[16];

	snprintf(name, sizeof(name), "s%u", which);
	CHECK_EQ(dev_set(name, "fault/vanish", "now"), 0);
	while (dev_get(name, "enabled"))
		sleep_ms(1);
	CHECK_EQ(dev_enable(name, true), 0);
}

/* Take @dev away; when this returns nothing of weft's is on it. It may be back, or come back. */
static void lose(const struct edu_dev *dev, enum loss loss)
{
	static const char unbind[] = "/sys/bus/pci/drivers/weft_edu/unbind";
	static const char bind[] = "/sys/bus/pci/drivers/weft_edu/bind";
	uint64_t since = now_ns(), end = in_ns(PATIENCE);
	struct edu_dev now[EDU_DEVICES];
	bool there = true;

	switch (loss) {
	case LOSS_REMOVE:
		CHECK_EQ(edu_remove(dev), 0);
		CHECK_EQ(edu_rescan(), 0);
		break;
	case LOSS_UNBIND:
		CHECK_EQ(file_write(unbind, dev->pci), 0);
		CHECK_EQ(file_write(bind, dev->pci), 0);
		break;
	case LOSS_VANISH:
	case LOSS_LATE:
		edu_power(dev, false);
		if (loss == LOSS_LATE)
			sleep_ms(500);
		since = now_ns();
		CHECK_EQ(edu_remove(dev), 0);
		count_settled(since);
		edu_power(dev, true);
		CHECK_EQ(edu_rescan(), 0);
		break;
	default:
		edu_pull(dev);
		while (there) {
			int n = edu_list(now, EDU_DEVICES);

			there = false;
			for (int i = 0; i < n; i++)
				there |= *now[i].name && !strcmp(now[i].name, dev->name);
			CHECK_MSG(now_ns() < end, "%s is still there", dev->name);
		}
		count_settled(since);
	}
}

static void *taker(void *arg)
{
	uint32_t seed = 4711, kinds = storm.replug ? LOSS_PULL + 1 : LOSS_PULL;
	struct edu_dev dev[EDU_DEVICES];
	uint64_t next = storm.every, said = 0;

	while (!storm.over) {
		enum loss loss;
		int n, there = 0;

		if (storm.settled / PROGRESS > said) {
			said = storm.settled / PROGRESS;
			tap_note("%llu jobs so far", (unsigned long long)storm.settled);
		}
		if (storm.settled < next) {
			sleep_ms(50);
			continue;
		}
		next = storm.settled + storm.every;
		seed = seed * 1664525u + 1013904223u;
		loss = (seed >> 8) % kinds;
		if (loss == LOSS_SIM) {
			if (!storm.sims)
				continue;
			lose_sim((seed >> 16) % storm.sims);
			storm.losses[loss]++;
			continue;
		}
		/* of those that are there; one stays, so that jobs have a place */
		n = edu_list(dev, EDU_DEVICES);
		for (int i = 0; i < n; i++)
			if (*dev[i].name)
				dev[there++] = dev[i];
		if (there < 2)
			continue;
		lose(&dev[(seed >> 16) % there], loss);
		storm.losses[loss]++;
	}
	return arg;
}

/* ---------------------------------------------------------------------------------- report */

static void report(uint64_t start)
{
	uint64_t failed = 0, losses = 0, mean = 0;
	char line[512];
	int at = 0;

	for (int i = 0; i < 256; i++) {
		failed += storm.failed[i];
		if (storm.failed[i])
			tap_note("%llu jobs failed with %s", (unsigned long long)storm.failed[i],
				 strerrorname_np(i) ?: "?");
	}
	for (int i = 0; i < LOSS_KINDS; i++) {
		losses += storm.losses[i];
		at += snprintf(line + at, sizeof(line) - at, " %s=%llu", loss_names[i],
			       (unsigned long long)storm.losses[i]);
	}
	tap_note("losses:%s", line);
	if (storm.settle_count)
		mean = storm.settle_sum / storm.settle_count;
	tap_note("STORM submitted=%llu completed=%llu failed=%llu wrong=%llu foreign=%llu "
		 "unreadable=%llu losses=%llu settle_max_us=%llu settle_mean_us=%llu seconds=%llu",
		 (unsigned long long)storm.submitted, (unsigned long long)storm.completed,
		 (unsigned long long)failed, (unsigned long long)storm.wrong,
		 (unsigned long long)storm.foreign, (unsigned long long)storm.unreadable,
		 (unsigned long long)losses, (unsigned long long)storm.settle_max / 1000,
		 (unsigned long long)mean / 1000, (unsigned long long)((now_ns() - start) / SEC));
	CHECK_EQ(storm.wrong, 0);
	CHECK_EQ(storm.foreign, 0);
	CHECK_EQ(storm.submitted, storm.completed + failed);
	CHECK_EQ(failed, storm.failed[ENODEV]);
	CHECK(storm.completed > 0);
	CHECK(losses > 0);
}

TEST(storm_of_losses, "jobs while devices are lost and return: each ends right or with a reason")
{
	uint64_t seconds = number("STORM_SECONDS", 0), start = now_ns();
	struct edu_dev dev[EDU_DEVICES];
	pthread_t threads[THREADS], loser;

	storm.jobs = number("STORM_JOBS", seconds ? UINT64_MAX / 2 : 30 * BATCH);
	storm.end_ns = seconds ? in_ns(seconds * SEC) : UINT64_MAX;
	storm.every = number("STORM_EVERY", 40);
	storm.sims = number("STORM_SIMS", 1);
	storm.replug = number("STORM_REPLUG", 0);
	for (uint64_t i = 0; i < storm.sims; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%u", (unsigned int)i);
		dev_add(name, "profile=gpu", "memory=1M", "engines=1", "credits=1", "dilation=100",
			"speed=copy 1");
	}
	edu_await(dev, EDU_DEVICES);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, submitter, (void *)i), 0);
	CHECK_EQ(pthread_create(&loser, NULL, taker, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	storm.over = true;
	pthread_join(loser, NULL);
	report(start);

	/* all are there again, empty, and work */
	edu_await(dev, EDU_DEVICES);
	for (int i = 0; i < EDU_DEVICES; i++) {
		struct drm_weft_region_info r;
		struct drm_weft_device_info d;
		uint64_t end = in_ns(PATIENCE);
		int fd = pool_open();

		edu_info(fd, &dev[i], &d);
		CHECK_EQ(d.health, DRM_WEFT_HEALTH_OK);
		do
			region_info(fd, d.region, &r);
		while (r.used && now_ns() < end);
		CHECK_EQ(r.used, 0);
		close(fd);
	}
}
