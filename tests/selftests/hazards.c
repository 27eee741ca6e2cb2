// SPDX-License-Identifier: GPL-2.0-only
/*
 * F4: program order on a buffer without any explicit edge, over devices 100:1 in speed.
 *
 * DOC: hazards
 *
 * Each test lets the slow device do what comes first and the fast one what comes second: whoever
 * forgets an edge computes from the wrong bytes. Order is judged twice, by values and by the
 * times in the records.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include "common.h"

#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE
#define SIZE	(16 * KIB)

SETUP()
{
	/* the slow one is slow at everything: 4096 words take it 100 ms */
	dev_add("fast", "profile=gpu", "model=fast", DEV_ONE, "speed=all 4");
	dev_add("slow", "profile=gpu", "model=slow", DEV_ONE, "speed=all 1", "dilation=25");
	devs_keep();
}

static void on(const struct client *c, struct job *job, const char *device)
{
	job->j.device_mask = dev_mask(c->fd, device);
}

/* end of @first before start of @second, both well */
static void ordered(const struct client *c, uint64_t first, uint64_t second)
{
	struct drm_weft_job_record a, b;

	job_wait(c->fd, second, &b);
	job_wait(c->fd, first, &a);
	CHECK_EQ(a.error | b.error, 0);
	CHECK_MSG(b.start_ns >= a.end_ns, "the second job started %lld ns before the first ended",
		  (long long)(a.end_ns - b.start_ns));
}

TEST(raw, "F4: a reader on the fast device waits for the writer on the slow one")
{
	struct client c;
	struct job job[2];
	uint32_t x, y;
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	y = bo_create(c.fd, SIZE);
	job_fill(&job[0], &c, x, SIZE, 0xaaaa5555);
	on(&c, &job[0], "slow");
	job_copy(&job[1], &c, y, x, SIZE);
	on(&c, &job[1], "fast");
	id = submit(&c, &job[0], 1);
	CHECK_EQ(submit(&c, &job[1], 1), id + 1);
	ordered(&c, id, id + 1);
	bo_expect(c.fd, y, SIZE, 0xaaaa5555);
}

TEST(war, "F4: a writer on the fast device waits for the reader on the slow one")
{
	struct client c;
	struct job job[2];
	uint32_t x, y;
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	y = bo_create(c.fd, SIZE);
	bo_fill(c.fd, x, SIZE, 1);
	job_copy(&job[0], &c, y, x, SIZE);
	on(&c, &job[0], "slow");
	job_fill(&job[1], &c, x, SIZE, 2);
	on(&c, &job[1], "fast");
	id = submit(&c, job, 2);
	ordered(&c, id, id + 1);
	bo_expect(c.fd, y, SIZE, 1);
	bo_expect(c.fd, x, SIZE, 2);
}

TEST(waw, "F4: of two writers the later one wins, though it is 100 times faster")
{
	struct client c;
	struct job job[2];
	uint32_t x;
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	job_fill(&job[0], &c, x, SIZE, 1);
	on(&c, &job[0], "slow");
	job_fill(&job[1], &c, x, SIZE, 2);
	on(&c, &job[1], "fast");
	id = submit(&c, job, 2);
	ordered(&c, id, id + 1);
	bo_expect(c.fd, x, SIZE, 2);
}

TEST(queues, "F4: the edges hold between two queues of a client")
{
	struct client c, d;
	struct job job;
	uint32_t x, y;
	uint64_t first, second;

	client_open(&c);
	d = c;
	d.queue = queue_create(c.fd, 0, 0);
	x = bo_create(c.fd, SIZE);
	y = bo_create(c.fd, SIZE);
	job_fill(&job, &c, x, SIZE, 5);
	on(&c, &job, "slow");
	first = submit(&c, &job, 1);
	job_copy(&job, &d, y, x, SIZE);
	on(&d, &job, "fast");
	second = submit(&d, &job, 1);
	ordered(&c, first, second);
	bo_expect(c.fd, y, SIZE, 5);
}

TEST(readers, "two readers run at once; the next writer waits for both")
{
	struct drm_weft_job_record r[3];
	struct client c;
	struct job job[3];
	uint32_t x;
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	bo_fill(c.fd, x, SIZE, 1);
	job_copy(&job[0], &c, bo_create(c.fd, SIZE), x, SIZE);
	on(&c, &job[0], "slow");
	job_copy(&job[1], &c, bo_create(c.fd, SIZE), x, SIZE);
	on(&c, &job[1], "fast");
	job_fill(&job[2], &c, x, SIZE, 2);
	on(&c, &job[2], "fast");
	id = submit(&c, job, 3);
	for (int i = 0; i < 3; i++) {
		job_wait(c.fd, id + i, &r[i]);
		CHECK_EQ(r[i].error, 0);
	}
	CHECK_MSG(r[1].end_ns < r[0].end_ns, "the readers ran one after the other");
	CHECK(r[2].start_ns >= r[0].end_ns && r[2].start_ns >= r[1].end_ns);
}

/* A reads X and writes Y, B reads Y and writes X: entered at once they must not form a ring */
TEST(crossed, "F4: two SUBMITs that cross two buffers end, many times, from two threads' queues")
{
	struct client c, d;
	struct job job;
	uint32_t x, y;
	uint64_t last = 0;

	client_open(&c);
	d = c;
	d.queue = queue_create(c.fd, 0, 0);
	x = bo_create(c.fd, 4096);
	y = bo_create(c.fd, 4096);
	bo_fill(c.fd, x, 4096, 7);
	for (int i = 0; i < 50; i++) {
		job_copy(&job, &c, y, x, 64);
		submit(i & 1 ? &c : &d, &job, 1);
		job_copy(&job, &c, x, y, 64);
		last = submit(i & 1 ? &d : &c, &job, 1);
	}
	CHECK_EQ(job_result(c.fd, last), 0);
	bo_expect(c.fd, x, 64, 7);
}

TEST(chain, "a chain of 20 read-modify-write jobs over both devices counts to 20")
{
	struct client c;
	struct job job[20];
	uint32_t x, one;
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, 4096);
	one = bo_create(c.fd, 4096);
	bo_fill(c.fd, one, 4096, 1);
	for (int i = 0; i < 20; i++) {
		job_add(&job[i], &c, x, x, one, 4096);
		on(&c, &job[i], i % 3 == 1 ? "slow" : "fast");
	}
	id = submit(&c, job, 20);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(job_result(c.fd, id + i), 0);
	bo_expect(c.fd, x, 4096, 20);
}

TEST(ranges, "ranges of one buffer that do not overlap may be written by two devices")
{
	struct drm_weft_job_record r[2];
	struct client c;
	struct job job[2];
	uint32_t x, got[SIZE / 4];
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	for (int i = 0; i < 2; i++) {
		job_fill(&job[i], &c, x, SIZE / 2, 1 + i);
		job[i].buffer[0].offset = i * SIZE / 2;
		job[i].buffer[0].length = SIZE / 2;
		on(&c, &job[i], i ? "fast" : "slow");
	}
	id = submit(&c, job, 2);
	for (int i = 0; i < 2; i++) {
		job_wait(c.fd, id + i, &r[i]);
		CHECK_EQ(r[i].error, 0);
	}
	CHECK_EQ(bo_read(c.fd, x, 0, got, SIZE), 0);
	for (size_t i = 0; i < SIZE / 4; i++)
		CHECK_EQ(got[i], i < SIZE / 8 ? 1 : 2);
}

TEST(no_implicit, "NO_IMPLICIT drops the edge of a reader")
{
	struct drm_weft_job_record reader, writer;
	struct client c;
	struct job job[2];
	uint32_t x;
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	bo_fill(c.fd, x, SIZE, 1);
	job_copy(&job[0], &c, bo_create(c.fd, SIZE), x, SIZE);
	on(&c, &job[0], "slow");
	job_nop(&job[1], &c, 1);
	job_buffer(&job[1], x, W);
	job[1].buffer[0].flags = DRM_WEFT_BUFFER_NO_IMPLICIT;
	on(&c, &job[1], "slow");
	id = submit(&c, job, 2);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(job_result(c.fd, id + i), 0);

	/* a reader that wants no edge does not wait for the writer */
	job_fill(&job[0], &c, x, SIZE, 3);
	on(&c, &job[0], "slow");
	job_nop(&job[1], &c, 1);
	job_buffer(&job[1], x, R);
	job[1].buffer[0].flags = DRM_WEFT_BUFFER_NO_IMPLICIT;
	on(&c, &job[1], "fast");
	id = submit(&c, job, 2);
	job_wait(c.fd, id + 1, &reader);
	job_wait(c.fd, id, &writer);
	CHECK_EQ(reader.error | writer.error, 0);
	CHECK_MSG(reader.start_ns < writer.end_ns, "the reader waited for the writer");
	bo_expect(c.fd, x, SIZE, 3);
}

TEST(no_implicit_waw, "F4: NO_IMPLICIT never drops the edge between two writers")
{
	struct client c;
	struct job job[2];
	uint32_t x;
	uint64_t id;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	for (int i = 0; i < 2; i++) {
		job_fill(&job[i], &c, x, SIZE, 1 + i);
		job[i].buffer[0].flags = DRM_WEFT_BUFFER_NO_IMPLICIT;
		on(&c, &job[i], i ? "fast" : "slow");
	}
	id = submit(&c, job, 2);
	ordered(&c, id, id + 1);
	bo_expect(c.fd, x, SIZE, 2);
}

TEST(cpu_then_job, "a CPU write between two jobs keeps its place in the order")
{
	struct client c;
	struct job job;
	uint32_t x, y;

	client_open(&c);
	x = bo_create(c.fd, SIZE);
	y = bo_create(c.fd, SIZE);
	job_fill(&job, &c, x, SIZE, 1);
	on(&c, &job, "slow");
	submit(&c, &job, 1);
	bo_fill(c.fd, x, SIZE, 2);
	job_copy(&job, &c, y, x, SIZE);
	on(&c, &job, "fast");
	submit(&c, &job, 1);
	bo_expect(c.fd, y, SIZE, 2);
}
