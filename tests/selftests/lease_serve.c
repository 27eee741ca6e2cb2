// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases of devices that a process serves: only where the server says so, and never in a seat.
 */
/* vm: smp=2 timeout=120 kernels=stock,debug,next insmod=weft,weft_serve */
#include "served.h"

/* SUBMIT of a lease on the served device: 0 or -errno, @id of it */
static long lease(struct client *c, const struct served *d, uint64_t *id)
{
	struct drm_weft_submit s = {};
	struct job job;
	long ret;

	job_init(&job, c, WEFT_SIM_OP_NOP);
	job.j.program = 0;
	job.j.args_size = 0;
	job.j.device_mask = served_mask(c->fd, d);
	ret = submit_raw(c, &job, 1, &s);
	*id = s.first_job_id;
	return ret;
}

static void lease_client(struct client *c)
{
	client_open(c);
	c->queue = queue_create(c->fd, DRM_WEFT_QUEUE_LEASE, 0);
}

static void held(int fd, uint64_t id)
{
	struct drm_weft_lease_wait w = { .job_id = id, .timeout_ns = in_ns(PATIENCE) };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_LEASE_WAIT, &w), 0);
	CHECK_EQ(w.state, DRM_WEFT_LEASE_HELD);
}

TEST(refused, "a device that was not offered with F_LEASES is not leased")
{
	struct drm_weft_device_info info;
	struct weft_serve_offer offer;
	struct served d = { };
	struct client c;
	char buf[32];
	uint64_t id;

	served_offer(&offer, "keep");
	served_start(&d, &offer);
	lease_client(&c);
	CHECK(dev_find(c.fd, d.name, &info));
	CHECK(!(info.flags & DRM_WEFT_DEVICE_LEASES));
	CHECK_EQ(lease(&c, &d, &id), -ENODEV);
	CHECK_EQ(file_read("/sys/bus/weft/devices/keep/lease_overuse", buf, sizeof(buf)), -ENOENT);
}

TEST(leased, "one that was is, beside its jobs, and no seat is asked for")
{
	struct weft_serve_offer offer;
	struct drm_weft_lease_leave leave = {};
	struct drm_weft_device_info info;
	struct served d = { };
	struct client c, plain;
	struct job job;
	uint64_t id, after;

	served_offer(&offer, "lend");
	offer.features |= WEFT_SERVE_F_LEASES;
	served_start(&d, &offer);
	lease_client(&c);
	CHECK(dev_find(c.fd, d.name, &info));
	CHECK(info.flags & DRM_WEFT_DEVICE_LEASES);
	CHECK_EQ(lease(&c, &d, &id), 0);
	held(c.fd, id);
	CHECK_EQ(d.s->spawned, 0);
	/* its one place is taken */
	client_open(&plain);
	job_nop(&job, &plain, 0);
	after = submit(&plain, &job, 1);
	leave.job_id = id;
	CHECK(job_state(plain.fd, after) < DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_LEASE_LEAVE, &leave), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(job_result(plain.fd, after), 0);
	CHECK_EQ(d.s->spawned, 1);
}

TEST(killed, "when its server is gone, so is the lease")
{
	struct weft_serve_offer offer;
	struct served d = { };
	struct client c;
	uint64_t id;

	served_offer(&offer, "lend");
	offer.features |= WEFT_SERVE_F_LEASES;
	served_start(&d, &offer);
	lease_client(&c);
	CHECK_EQ(lease(&c, &d, &id), 0);
	held(c.fd, id);
	served_kill(&d);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
}
