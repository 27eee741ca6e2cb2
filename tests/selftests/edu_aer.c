// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the bus's errors (AER) do to an edu device and its jobs. Started by tests/edu/aer only.
 *
 * DOC: edu_aer
 *
 * The host injects what this program asks for by a line "INJECT PORT ERROR" into the root port
 * above the first device. The port counts what it has seen, so an error that never came fails
 * the test. What hardware has corrected by itself no driver hears of.
 */
#include <stdio.h>

#include "edudev.h"

#define SIZE	4096u

static struct edu_dev dev[EDU_DEVICES];

/* errors of @kind that the port above the first device has reported */
static uint64_t reported(const char *kind)
{
	char path[256], text[1024], *total;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/aer_dev_%s", dev[0].port, kind);
	CHECK(file_read(path, text, sizeof(text)) > 0);
	total = strstr(text, "TOTAL_ERR_");
	CHECK(total && (total = strchr(total, ' ')));
	return strtoull(total, NULL, 10);
}

static uint64_t inject(const char *kind, const char *error)
{
	uint64_t before = reported(kind);

	printf("INJECT rp0 %s\n", error);
	fflush(stdout);
	return before;
}

static void await_report(const char *kind, uint64_t before)
{
	uint64_t end = in_ns(PATIENCE);

	while (reported(kind) == before) {
		CHECK_MSG(now_ns() < end, "the port has not reported a %s error", kind);
		sleep_ms(10);
	}
}

struct work {
	struct client c;
	uint32_t src, dst[2];
};

static void start(struct work *w)
{
	edu_await(dev, 2);
	edu_client_open(&w->c);
	w->src = bo_create(w->c.fd, 64 * KIB);
	w->dst[0] = bo_create(w->c.fd, 64 * KIB);
	w->dst[1] = bo_create(w->c.fd, 64 * KIB);
	bo_fill(w->c.fd, w->src, 64 * KIB, 5);
}

/* on the first device, some seconds long */
static uint64_t long_job(struct work *w, int i, uint32_t flags, bool first)
{
	struct job job;

	edu_job(&job, &w->c, WEFT_EDU_OP_COPY, w->dst[i], w->src, 32 * KIB);
	job.j.flags = flags;
	if (first)
		job.j.device_mask = dev_mask(w->c.fd, dev[0].name);
	return submit(&w->c, &job, 1);
}

static void works(struct work *w, const struct edu_dev *on)
{
	struct job job;

	edu_job(&job, &w->c, WEFT_EDU_OP_FACTORIAL, w->dst[0], w->src, SIZE);
	job.j.device_mask = dev_mask(w->c.fd, on->name);
	job_run(&w->c, &job);
	bo_expect(w->c.fd, w->dst[0], SIZE, 120);
}

TEST(nonfatal, "one that is not fatal: error_detected() says go on, and the job does")
{
	struct work w;
	uint64_t id, before;
	uint32_t word;

	start(&w);
	id = long_job(&w, 0, 0, true);
	job_reach(w.c.fd, id, DRM_WEFT_JOB_RUNNING);
	before = inject("nonfatal", "POISON_TLP");
	await_report("nonfatal", before);
	CHECK_EQ(job_result(w.c.fd, id), 0);
	CHECK_EQ(bo_read(w.c.fd, w.dst[0], 0, &word, 4), 0);
	CHECK_EQ(word, 5);
	works(&w, &dev[0]);
}

static void fatal(void)
{
	struct drm_weft_job_record r;
	struct work w;
	uint64_t id, before;

	start(&w);
	id = long_job(&w, 0, 0, true);
	job_reach(w.c.fd, id, DRM_WEFT_JOB_RUNNING);
	before = inject("fatal", "MALF_TLP");
	job_wait(w.c.fd, id, &r);
	CHECK_EQ(r.error, ENODEV);
	await_report("fatal", before);
	/* the other device, on another bus, works on meanwhile; the first comes back as new */
	edu_await(dev, 2);
	works(&w, &dev[1]);
	works(&w, &dev[0]);
}

TEST(frozen, "a fatal one: the device is lost with its jobs, the link is reset, it returns")
{
	fatal();
}

TEST(again, "and once more")
{
	fatal();
}

TEST(repeatable, "repeatable jobs of the device that fails end well on the other")
{
	struct drm_weft_job_record r;
	struct work w;
	uint64_t id[2], before;
	uint32_t word;

	start(&w);
	for (int i = 0; i < 2; i++)
		id[i] = long_job(&w, i, DRM_WEFT_JOB_IDEMPOTENT, false);
	for (int i = 0; i < 2; i++)
		job_reach(w.c.fd, id[i], DRM_WEFT_JOB_RUNNING);
	before = inject("fatal", "MALF_TLP");
	await_report("fatal", before);
	for (int i = 0; i < 2; i++) {
		job_wait(w.c.fd, id[i], &r);
		CHECK_EQ(r.error, 0);
		CHECK_EQ(bo_read(w.c.fd, w.dst[i], 32 * KIB - 4, &word, 4), 0);
		CHECK_EQ(word, 5);
	}
	edu_await(dev, 2);
	works(&w, &dev[0]);
}
