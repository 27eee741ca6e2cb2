// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that a process serves: the way of a job through a seat, and back.
 */
/* vm: timeout=120 kernels=stock,debug,next insmod=weft,weft_serve */
#include <stdio.h>

#include "served.h"

TEST(add, "a job runs in a seat; its bytes go there and come back")
{
	struct weft_serve_offer offer;
	struct drm_weft_job_record r;
	struct served d = { };
	struct client c;
	struct job job;
	uint32_t a, b, x;

	served_offer(&offer, "echo");
	served_start(&d, &offer);
	client_open(&c);
	a = bo_create(c.fd, 64 * KIB);
	b = bo_create(c.fd, 64 * KIB);
	x = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, a, 64 * KIB, 40);
	bo_fill(c.fd, b, 64 * KIB, 2);
	job_add(&job, &c, x, a, b, 64 * KIB);
	job_wait(c.fd, submit(&c, &job, 1), &r);
	CHECK_EQ(r.error, 0);
	CHECK(r.busy_ns > 0);
	bo_expect(c.fd, x, 64 * KIB, 42);
	CHECK_EQ(d.s->spawned, 1);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_LAUNCH], 1);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_COPY_IN], 2);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_COPY_OUT], 1);
}
