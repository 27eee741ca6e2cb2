// SPDX-License-Identifier: GPL-2.0-only
/*
 * Full queues push back: EAGAIN, the QUEUE_SPACE event, poll(); ENOBUFS for unread records.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <poll.h>

#include "common.h"

SETUP()
{
	dev_add("unit", DEV_UNIT);
	dev_add("null", DEV_NULL);
	devs_keep();
}

static void on(struct job *job, const struct client *c, const char *device, unsigned int ms)
{
	job_nop(job, c, ms * UNIT_MS);
	job->j.device_mask = dev_mask(c->fd, device);
}

TEST(eagain, "a full queue: EAGAIN about no job, all or nothing; room again when jobs end")
{
	struct drm_weft_submit s;
	struct client c;
	struct job job[5];
	uint64_t id;

	client_open(&c);
	c.queue = queue_create(c.fd, 0, 4);
	for (int i = 0; i < 5; i++)
		on(&job[i], &c, "unit", 300);
	CHECK_EQ(submit_raw(&c, job, 5, &s), -EAGAIN);
	id = submit(&c, job, 3);
	CHECK_EQ(submit_raw(&c, job, 2, &s), -EAGAIN);
	CHECK_EQ(submit_raw(&c, job, 1, &s), 0);
	CHECK_EQ(submit_raw(&c, job, 1, &s), -EAGAIN);
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(submit_raw(&c, job, 1, &s), 0);
	CHECK_EQ(job_result(c.fd, s.first_job_id), 0);
}

TEST(other_queue, "a full queue does not stop another queue of the client")
{
	struct client c, d;
	struct job job;
	uint64_t id;

	client_open(&c);
	d = c;
	c.queue = queue_create(c.fd, 0, 1);
	on(&job, &c, "unit", 400);
	id = submit(&c, &job, 1);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -EAGAIN);
	on(&job, &d, "null", 1);
	job_run(&d, &job);
	CHECK(job_state(c.fd, id) < DRM_WEFT_JOB_DONE);
}

static bool event_ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

TEST(event, "QUEUE_SPACE: poll() sleeps until there is room, read() gives the queue")
{
	struct drm_weft_event_queue e[4];
	struct client c;
	struct job job[4];
	ssize_t n;

	client_open(&c);
	c.queue = queue_create(c.fd, 0, 4);
	for (int i = 0; i < 4; i++)
		on(&job[i], &c, "unit", 400);
	submit(&c, job, 4);
	CHECK(!event_ready(c.fd, 0));
	CHECK_EQ(submit_raw(&c, job, 1, NULL), -EAGAIN);
	CHECK_EQ(submit_raw(&c, job, 1, NULL), -EAGAIN);
	CHECK(event_ready(c.fd, 50000));
	n = read(c.fd, e, sizeof(e));
	CHECK_EQ(n, sizeof(e[0]));	/* one event, however often it was refused */
	CHECK_EQ(e[0].base.type, DRM_WEFT_EVENT_QUEUE_SPACE);
	CHECK_EQ(e[0].base.length, sizeof(e[0]));
	CHECK_EQ(e[0].queue, c.queue);
	CHECK_EQ(e[0].pad, 0);
	CHECK_EQ(submit_raw(&c, job, 1, NULL), 0);
	CHECK(!event_ready(c.fd, 0));
}

TEST(no_event, "no event without a refused SUBMIT; a non-blocking read: EAGAIN")
{
	struct drm_weft_event_queue e;
	struct client c;
	struct job job;

	client_open(&c);
	c.queue = queue_create(c.fd, 0, 1);
	on(&job, &c, "null", 1);
	for (int i = 0; i < 4; i++)
		job_run(&c, &job);
	CHECK_EQ(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(read(c.fd, &e, sizeof(e)), -1);
	CHECK_EQ(errno, EAGAIN);
}

TEST(two_queues, "each of two full queues gets its own event")
{
	struct drm_weft_event_queue e;
	uint32_t seen = 0;
	struct client c[2];
	struct job job;

	client_open(&c[0]);
	c[1] = c[0];
	for (int i = 0; i < 2; i++) {
		c[i].queue = queue_create(c[0].fd, 0, 1);
		on(&job, &c[i], "unit", 200);
		submit(&c[i], &job, 1);
		CHECK_EQ(submit_raw(&c[i], &job, 1, NULL), -EAGAIN);
	}
	for (int i = 0; i < 2; i++) {
		CHECK(event_ready(c[0].fd, 50000));
		CHECK_EQ(read(c[0].fd, &e, sizeof(e)), sizeof(e));
		seen |= e.queue == c[0].queue ? 1 : e.queue == c[1].queue ? 2 : 4;
	}
	CHECK_EQ(seen, 3);
}

TEST(loop, "a producer that sleeps in poll() when refused gets 300 jobs through a queue of 8")
{
	struct drm_weft_event_queue e;
	struct drm_weft_client_info i;
	struct client c;
	struct job job;
	int refused = 0;

	client_open(&c);
	c.queue = queue_create(c.fd, 0, 8);
	on(&job, &c, "unit", 1);
	for (int n = 0; n < 300;) {
		long ret = submit_raw(&c, &job, 1, NULL);

		if (!ret) {
			n++;
			continue;
		}
		CHECK_EQ(ret, -EAGAIN);
		refused++;
		CHECK(event_ready(c.fd, 50000));
		CHECK_EQ(read(c.fd, &e, sizeof(e)), sizeof(e));
	}
	CHECK(refused > 5);
	for (int n = 0; n < 1000; n++) {
		client_info(c.fd, &i);
		if (i.jobs_completed == 300)
			break;
		sleep_ms(10);
	}
	CHECK_EQ(i.jobs_completed, 300);
	CHECK_EQ(i.jobs_failed, 0);
}

TEST(depth_change, "QUEUE_SET makes a queue deeper and shallower; jobs in flight stay")
{
	struct drm_weft_queue_set set = { .priority = 3 };
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	set.handle = c.queue = queue_create(c.fd, 0, 2);
	on(&job, &c, "unit", 400);
	id = submit(&c, &job, 1);
	submit(&c, &job, 1);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -EAGAIN);
	set.depth = 3;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_QUEUE_SET, &set), 0);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), 0);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), -EAGAIN);
	set.depth = 1;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_QUEUE_SET, &set), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
	CHECK_EQ(job_result(c.fd, id + 1), 0);
	CHECK_EQ(job_result(c.fd, id + 2), 0);
	CHECK_EQ(submit_raw(&c, &job, 1, NULL), 0);
}

TEST(event_destroyed, "a queue destroyed and a file closed with an event due")
{
	struct drm_weft_handle h = {};
	struct client c;
	struct job job;

	client_open(&c);
	for (int i = 0; i < 2; i++) {
		c.queue = queue_create(c.fd, 0, 1);
		on(&job, &c, "unit", 200);
		submit(&c, &job, 1);
		CHECK_EQ(submit_raw(&c, &job, 1, NULL), -EAGAIN);
		h.handle = c.queue;
		if (!i)
			CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_QUEUE_DESTROY, &h), 0);
	}
	client_close(&c);
	sleep_ms(300);
}

/*
 * The bound on records keeps a client that never looks in check. All jobs wait for the first, so
 * that none of them costs more than its record.
 */
TEST(enobufs, "unread records up to the bound, then ENOBUFS; acknowledging makes room")
{
	struct drm_weft_pool_info p;
	struct drm_weft_client_info i;
	struct drm_weft_submit s;
	uint32_t done = 1, n;
	struct job *job;
	struct client c, other;
	uint64_t first;
	long ret;

	if (tap_slow_kernel())
		tap_skip("65536 jobs take minutes here");
	client_open(&c);
	pool_info(c.fd, &p);
	n = p.max_jobs_per_submit;
	c.queue = queue_create(c.fd, 0, p.max_queue_depth);
	job = calloc(n, sizeof(*job));
	on(&job[0], &c, "unit", 100000);
	first = submit(&c, job, 1);
	for (uint32_t k = 0; k < n; k++) {
		job_nop(&job[k], &c, 1);
		job_dep(&job[k], DRM_WEFT_DEP_JOB, 0, first);
	}
	/* a second queue, so that it is not the depth of one that is met first */
	other = c;
	other.queue = queue_create(c.fd, 0, p.max_queue_depth);
	while (!(ret = submit_raw(done & n ? &c : &other, job, n, &s))) {
		done += n;
		CHECK(done <= p.max_unread_records);
	}
	CHECK_EQ(ret, -ENOBUFS);
	CHECK_EQ(done, (p.max_unread_records - 1) / n * n + 1);
	client_info(c.fd, &i);
	CHECK_EQ(i.unread_records, done);

	CHECK_EQ(job_cancel(c.fd, first), 0);
	CHECK_EQ(job_query(c.fd, first, done > 4096 ? 4096 : done, NULL,
			   DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK, in_ns(PATIENCE)), 0);
	for (uint32_t k = 0; k < n; k++)
		on(&job[k], &c, "null", 0);
	CHECK_EQ(submit_raw(&c, job, n, &s), 0);
	CHECK_EQ(job_query(c.fd, s.first_job_id, n, NULL, DRM_WEFT_JOB_QUERY_WAIT,
			   in_ns(PATIENCE)), 0);
}
