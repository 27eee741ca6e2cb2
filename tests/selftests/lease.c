// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases: granted, left, asked back, overstayed, lost with their device or their process; and every
 * field of their calls set wrong.
 */
/* vm: smp=2 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common.h"

/* quanta are short here, and a grace that nobody is meant to overstay long */
SETUP()
{
	dev_add("lend", DEV_UNIT);
	devs_keep();
	CHECK_EQ(chmod(pool_path(), 0666), 0);
	CHECK_EQ(wdev_set("lend", "lease_quantum_ns", "5000000"), 0);
	CHECK_EQ(wdev_set("lend", "lease_grace_ns", "50000000000"), 0);
}

/* The device as the operator has it at first, but for what SETUP() says. */
static void usual(void)
{
	CHECK_EQ(wdev_set("lend", "lease_quantum_ns", "5000000"), 0);
	CHECK_EQ(wdev_set("lend", "lease_grace_ns", "50000000000"), 0);
	CHECK_EQ(wdev_set("lend", "lease_overuse", "kill"), 0);
}

static void lease_job(struct job *job, const struct client *c)
{
	memset(job, 0, sizeof(*job));
	job->j.grid[0] = 1;
	job->j.grid[1] = 1;
	job->j.grid[2] = 1;
	job->j.device_mask = dev_mask(c->fd, "lend");
}

/* @c's queue is one for leases from now on */
static void lease_client(struct client *c)
{
	client_open(c);
	c->queue = queue_create(c->fd, DRM_WEFT_QUEUE_LEASE, 0);
}

static uint64_t lease_ask(const struct client *c)
{
	struct job job;

	lease_job(&job, c);
	return submit(c, &job, 1);
}

static long lease_wait(int fd, uint64_t id, uint32_t known, uint64_t timeout,
		       struct drm_weft_lease_wait *w)
{
	struct drm_weft_lease_wait own;

	if (!w)
		w = &own;
	memset(w, 0, sizeof(*w));
	w->job_id = id;
	w->known = known;
	w->timeout_ns = timeout;
	return ioc(fd, DRM_IOCTL_WEFT_LEASE_WAIT, w);
}

static uint32_t lease_state(int fd, uint64_t id)
{
	struct drm_weft_lease_wait w;

	CHECK_EQ(lease_wait(fd, id, DRM_WEFT_LEASE_WAITING, 0, &w) ?: -ETIME, -ETIME);
	return w.state;
}

/* waits until it is in @state or beyond */
static void lease_reach(int fd, uint64_t id, uint32_t state, struct drm_weft_lease_wait *w)
{
	struct drm_weft_lease_wait own;

	if (!w)
		w = &own;
	memset(w, 0, sizeof(*w));
	while (w->state < state)
		CHECK_EQ(lease_wait(fd, id, w->state, in_ns(PATIENCE), w), 0);
	CHECK_EQ(w->state, state);
}

static long lease_leave(int fd, uint64_t id, uint64_t launches, uint64_t device_ns)
{
	struct drm_weft_lease_leave l = {
		.job_id = id,
		.launches = launches,
		.device_ns = device_ns,
	};

	return ioc(fd, DRM_IOCTL_WEFT_LEASE_LEAVE, &l);
}

TEST(granted, "a lease is granted, held, left, recorded and charged")
{
	struct drm_weft_job_record r;
	struct drm_weft_device_info d;
	struct drm_weft_client_info i;
	struct drm_weft_lease_wait w;
	struct client c;
	uint64_t id, before;

	usual();
	CHECK(features(pool_open()) & DRM_WEFT_FEATURE_LEASE);
	lease_client(&c);
	CHECK(dev_find(c.fd, "lend", &d));
	CHECK(d.flags & DRM_WEFT_DEVICE_LEASES);
	CHECK_EQ(d.lease_holder, 0);
	before = d.leases;
	id = lease_ask(&c);
	lease_reach(c.fd, id, DRM_WEFT_LEASE_HELD, &w);
	CHECK_EQ(w.device, d.id);
	CHECK_EQ(w.epoch, before + 1);
	CHECK_EQ(w.quantum_ns, 5 * MS);
	CHECK_EQ(w.grace_ns, 50 * SEC);
	CHECK(w.granted_ns && w.granted_ns <= now_ns());
	client_info(c.fd, &i);
	/* the pump has heard of it as soon as the job is said to run */
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK(dev_find(c.fd, "lend", &d));
	CHECK_EQ(d.lease_holder, i.id);
	CHECK_EQ(d.lease_tenant, i.tenant);
	CHECK_EQ(d.leases, before + 1);
	sleep_ms(30);
	CHECK_EQ(lease_leave(c.fd, id, 7, 3 * MS), 0);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.error, 0);
	CHECK_EQ(r.launches, 7);
	CHECK_EQ(r.device_ns, 3 * MS);
	CHECK_EQ(r.device, d.id);
	CHECK(r.busy_ns >= 30 * MS);
	CHECK_EQ(r.busy_ns, r.end_ns - r.start_ns);
	CHECK_EQ(r.start_ns, w.granted_ns);
	client_info(c.fd, &i);
	CHECK_EQ(i.busy_ns, r.busy_ns);
	CHECK(dev_find(c.fd, "lend", &d));
	CHECK_EQ(d.lease_holder, 0);
	CHECK_EQ(d.leases_revoked, 0);
	CHECK_EQ(lease_state(c.fd, id), DRM_WEFT_LEASE_ENDED);
	CHECK_EQ(lease_leave(c.fd, id, 0, 0), -EALREADY);
}

TEST(more_than_held, "more device time than it was held for is cut")
{
	struct drm_weft_job_record r;
	struct client c;
	uint64_t id;

	usual();
	lease_client(&c);
	id = lease_ask(&c);
	lease_reach(c.fd, id, DRM_WEFT_LEASE_HELD, NULL);
	CHECK_EQ(lease_leave(c.fd, id, UINT64_MAX, UINT64_MAX), 0);
	job_wait(c.fd, id, &r);
	CHECK_EQ(r.launches, UINT64_MAX);
	CHECK(r.device_ns <= r.busy_ns);
}
