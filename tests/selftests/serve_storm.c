// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seats that are killed, over and over, while two tenants work: what is read is right or an error.
 */
/* vm: smp=2 timeout=300 kernels=stock,debug,next insmod=weft,weft_serve */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "served.h"

#define CYCLES	25
#define SIZE	(64 * KIB)
#define BUFFERS	8

/* what both tenants and the test share */
struct storm {
	volatile bool end;
	volatile uint32_t right[2];	/* results that were read and right */
	volatile uint32_t errors[2];	/* jobs and reads that failed, as they may */
	volatile uint32_t wrong;	/* results that are not; @value is the last one */
	volatile uint32_t value;
	volatile long odd;		/* an error that is none of those */
};

static bool may_fail(long error)
{
	return error == ENODEV || error == ENODATA || error == ECANCELED || error == EPIPE;
}

/* Fills a buffer by a job, adds to it by another, reads it. */
static void work(struct storm *storm, uint32_t who, const struct client *c, uint32_t *bo,
		 uint32_t turn)
{
	uint32_t value = (who + 1) << 24 | turn, want = 2 * value, got[16];
	uint32_t x = bo[turn % BUFFERS], y = bo[(turn + 1) % BUFFERS];
	struct job job[2];
	uint64_t id;
	long ret, err;

	job_fill(&job[0], c, x, SIZE, value);
	job[0].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	job_add(&job[1], c, y, x, x, SIZE);
	/* a buffer once: both addends are the same */
	job[1].j.buffer_count = 2;
	job[1].reloc[2].buffer = 1;
	job[1].j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	id = submit(c, job, 2);
	err = job_result(c->fd, id);
	ret = job_result(c->fd, id + 1);
	err = ret ? ret : err;
	if (!err)
		err = -bo_read(c->fd, y, (turn * 64) % (SIZE - sizeof(got)), got, sizeof(got));
	if (err) {
		if (!may_fail(err))
			storm->odd = err;
		storm->errors[who]++;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(got); i++) {
		if (got[i] == want)
			continue;
		storm->value = got[i];
		storm->wrong++;
	}
	storm->right[who]++;
}

static pid_t tenant(struct storm *storm, uint32_t who, unsigned int uid)
{
	uint32_t bo[BUFFERS];
	pid_t pid = spawn();
	struct client c;

	if (pid)
		return pid;
	drop_to(uid);
	client_open(&c);
	for (int i = 0; i < BUFFERS; i++)
		bo[i] = bo_create(c.fd, SIZE);
	for (uint32_t turn = 0; !storm->end; turn++)
		work(storm, who, &c, bo, turn & 0xffff);
	_exit(0);
}

TEST(storm, "seats killed under load: no foreign byte, no hang")
{
	struct storm *storm = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct weft_serve_offer offer;
	struct served d = { };
	pid_t pid[2], killed[2] = { };
	uint32_t lost, right;

	CHECK_EQ(mkdir(TENANT_DIR "/a", 0755), 0);
	CHECK_EQ(file_write(TENANT_DIR "/a/uid", "1000"), 0);
	CHECK_EQ(mkdir(TENANT_DIR "/b", 0755), 0);
	CHECK_EQ(file_write(TENANT_DIR "/b/uid", "1001"), 0);
	CHECK_EQ(chmod(pool_path(), 0666), 0);
	served_offer(&offer, "storm");
	offer.seats = 2;
	offer.credits = 4;
	/* half of what a tenant uses */
	offer.memory_size = BUFFERS / 2 * SIZE;
	served_start(&d, &offer);
	pid[0] = tenant(storm, 0, 1000);
	pid[1] = tenant(storm, 1, 1001);

	for (int i = 0; i < CYCLES; i++) {
		lost = d.s->lost;
		right = storm->right[i % 2];
		served_reach(&storm->right[i % 2], right + 3);
		/* a seat of either, but not one that is dead already */
		while (d.s->seat[i / 2 % 2].pid == killed[i / 2 % 2])
			sleep_ms(1);
		killed[i / 2 % 2] = d.s->seat[i / 2 % 2].pid;
		kill(killed[i / 2 % 2], SIGKILL);
		served_reach(&d.s->lost, lost + 1);
	}
	served_reach(&storm->right[0], storm->right[0] + 3);
	served_reach(&storm->right[1], storm->right[1] + 3);
	storm->end = true;
	CHECK_EQ(reap(pid[0]), 0);
	CHECK_EQ(reap(pid[1]), 0);
	tap_note("%u + %u right, %u + %u failed, %u seats", storm->right[0], storm->right[1],
		 storm->errors[0], storm->errors[1], d.s->spawned);
	CHECK_EQ(storm->odd, 0);
	CHECK_MSG(!storm->wrong, "%u wrong words, the last one is %#x", storm->wrong, storm->value);
}
