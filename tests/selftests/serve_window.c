// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host window: ordinary pages, which can be pinned for long, and are taken back all the same.
 */
/* vm: smp=2 timeout=180 kernels=stock,debug,next insmod=weft,weft_serve */
#include <signal.h>
#include <stdio.h>

#include "served.h"

#define SIZE	(256 * KIB)
#define OURS	0x600df00du
#define OTHERS	0xbadc0de5u

static struct served d;
static struct client c;

static void begin(uint64_t features, uint64_t answer)
{
	struct weft_serve_offer offer;

	served_offer(&offer, "window");
	offer.features |= features;
	offer.answer_ns = answer;
	served_start(&d, &offer);
	client_open(&c);
}

/* a buffer full of @value that the seat has copied in */
static uint32_t copied_in(uint32_t value)
{
	uint32_t in = bo_create(c.fd, SIZE), out = bo_create(c.fd, SIZE);
	struct job job;

	bo_fill(c.fd, in, SIZE, value);
	job_copy(&job, &c, out, in, SIZE);
	job_run(&c, &job);
	bo_expect(c.fd, out, SIZE, value);
	bo_close(c.fd, out);
	return in;
}

static uint32_t look(void)
{
	struct job job;

	d.s->look = true;
	job_nop(&job, &c, 0);
	job_run(&c, &job);
	CHECK(!d.s->look);
	return d.s->pinned;
}

/* other buffers come and go, more than the device has room for */
static void pressure(void)
{
	for (int i = 0; i < 20; i++) {
		uint32_t bo = copied_in(OTHERS);

		bo_close(c.fd, bo);
	}
}

TEST(pinned, "a fixed buffer of io_uring in the window: it works, and stays what it was")
{
	uint32_t bo;

	begin(0, PATIENCE);
	d.s->pin = true;
	bo = copied_in(OURS);
	CHECK_EQ(look(), OURS);
	pressure();
	CHECK_EQ(look(), OURS);
	/* it is the buffer, not a copy of it */
	bo_fill(c.fd, bo, SIZE, OURS + 1);
	CHECK_EQ(look(), OURS + 1);
	CHECK_EQ(d.s->lost, 0);
}

TEST(not_reused, "the buffer goes, the pin stays: its pages are nobody else's")
{
	uint32_t bo;

	begin(0, PATIENCE);
	d.s->pin = true;
	bo = copied_in(OURS);
	bo_close(c.fd, bo);
	served_reach(&d.s->ops[WEFT_SERVE_OP_REVOKE], 1);
	pressure();
	CHECK_EQ(look(), OURS);
}

TEST(revoked, "REVOKE: let go and acknowledged, and the seat goes on")
{
	begin(0, PATIENCE);
	d.s->pin = true;
	d.s->unpin = true;
	bo_close(c.fd, copied_in(OURS));
	served_reach(&d.s->ops[WEFT_SERVE_OP_REVOKE], 2);
	pressure();
	CHECK_EQ(d.s->lost, 0);
	CHECK_EQ(d.s->spawned, 1);
}

TEST(not_acknowledged, "a seat that does not acknowledge in time is given up")
{
	begin(0, 2 * SEC);
	d.s->pin = true;
	d.s->keep_revokes = true;
	bo_close(c.fd, copied_in(OURS));
	served_reach(&d.s->lost, 1);
	CHECK_EQ(d.s->last_error, ETIME);
	d.s->keep_revokes = false;
	bo_close(c.fd, copied_in(OURS));
	CHECK_EQ(d.s->spawned, 2);
}

TEST(killed, "kill -9 of a seat that has pinned: its pins go with it, the buffer is whole")
{
	uint32_t bo;

	begin(0, PATIENCE);
	d.s->pin = true;
	bo = copied_in(OURS);
	kill(d.s->seat[0].pid, SIGKILL);
	served_reach(&d.s->lost, 1);
	bo_expect(c.fd, bo, SIZE, OURS);
	bo_close(c.fd, copied_in(OTHERS));
}

TEST(registered, "F_REGISTER: once per buffer, before its first copy")
{
	uint32_t bo;
	struct job job;

	begin(WEFT_SERVE_F_REGISTER, PATIENCE);
	bo = copied_in(OURS);
	/* the input, and the output when it was read */
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_REGISTER], 2);
	for (int i = 0; i < 5; i++) {
		uint32_t out = bo_create(c.fd, SIZE);

		bo_fill(c.fd, bo, SIZE, OURS + i);
		job_copy(&job, &c, out, bo, SIZE);
		job_run(&c, &job);
		bo_close(c.fd, out);
	}
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_REGISTER], 2);
	CHECK(d.s->ops[WEFT_SERVE_OP_COPY_IN] >= 6);
}
