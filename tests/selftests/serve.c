// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that a process serves: the way of a job through a seat, and back.
 */
/* vm: smp=2 timeout=180 kernels=stock,debug,next insmod=weft,weft_serve */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

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

TEST(handles, "HANDLES: memory is asked for and given back, jobs find what the seat calls it")
{
	struct weft_serve_offer offer;
	struct served d = { };
	struct client c;
	struct job job;
	uint32_t a, b, x;

	served_offer(&offer, "echo");
	offer.memory = WEFT_SERVE_MEMORY_HANDLES;
	served_start(&d, &offer);
	client_open(&c);
	a = bo_create(c.fd, 64 * KIB);
	b = bo_create(c.fd, 64 * KIB);
	x = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, a, 64 * KIB, 40);
	bo_fill(c.fd, b, 64 * KIB, 2);
	job_add(&job, &c, x, a, b, 64 * KIB);
	job_run(&c, &job);
	bo_expect(c.fd, x, 64 * KIB, 42);
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_ALLOC], 3);
	bo_close(c.fd, a);
	bo_close(c.fd, b);
	served_reach(&d.s->ops[WEFT_SERVE_OP_FREE], 2);
	served_reach(&d.s->ops[WEFT_SERVE_OP_REVOKE], 2);
}

TEST(evict, "more than a seat has room for: bytes move out and in again")
{
	struct weft_serve_offer offer;
	uint32_t bo[24];
	struct served d = { };
	struct client c;
	struct job job;

	served_offer(&offer, "echo");
	served_start(&d, &offer);
	client_open(&c);
	for (uint32_t i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = bo_create(c.fd, 100 * KIB);
		job_fill(&job, &c, bo[i], 100 * KIB, i);
		job_run(&c, &job);
	}
	for (uint32_t i = 1; i < ARRAY_SIZE(bo); i++) {
		job_add(&job, &c, bo[i], bo[i], bo[i - 1], 100 * KIB);
		job.buffer[0].access = DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE;
		job_run(&c, &job);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(bo); i++)
		bo_expect(c.fd, bo[i], 100 * KIB, i * (i + 1) / 2);
}

TEST(batch, "many jobs at once: several to a system call")
{
	struct weft_serve_offer offer;
	struct drm_weft_job_record r;
	struct served d = { };
	struct job job[64];
	struct client c;
	uint64_t id;

	served_offer(&offer, "echo");
	offer.credits = 64;
	served_start(&d, &offer);
	client_open(&c);
	for (int i = 0; i < 64; i++)
		job_nop(&job[i], &c, 0);
	for (int turn = 0; turn < 10; turn++) {
		id = submit(&c, job, 64);
		for (int i = 0; i < 64; i++) {
			job_wait(c.fd, id + i, &r);
			CHECK_EQ(r.error, 0);
		}
	}
	CHECK_EQ(d.s->ops[WEFT_SERVE_OP_LAUNCH], 640);
	tap_note("640 launches in %u batches", d.s->batches);
	CHECK(d.s->batches < 640);
}

TEST(load_fails, "an image that does not build fails its jobs; the seat stays")
{
	struct drm_weft_program_query q = { };
	struct weft_serve_offer offer;
	struct drm_weft_device_info info;
	struct served d = { };
	struct client c, other;
	char text[64] = "";
	struct job job;

	served_offer(&offer, "echo");
	served_start(&d, &offer);
	d.s->fail_load = true;
	client_open(&c);
	job_nop(&job, &c, 0);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ENOEXEC);
	CHECK(dev_find(c.fd, "echo", &info));
	CHECK_EQ(info.flags, DRM_WEFT_DEVICE_SERVED);
	q.handle = c.program;
	q.device = info.id;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), 0);
	CHECK_EQ(q.state, DRM_WEFT_IMAGE_FAILED);
	CHECK_EQ(q.log_size, strlen(SERVED_TEXT));
	q.log = p64(text);
	q.log_size = 5;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), 0);
	CHECK(!strncmp(text, SERVED_TEXT, 5) && !text[5]);
	CHECK_EQ(q.log_size, strlen(SERVED_TEXT));
	q.log_size = sizeof(text);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), 0);
	CHECK(!strcmp(text, SERVED_TEXT));
	q.log = 1;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), -EFAULT);
	q.log = 0;
	q.log_size = 1;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), -EINVAL);
	q.log_size = 0;
	q.pad2 = 1;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), -EINVAL);
	d.s->fail_load = false;
	client_open(&other);
	job_nop(&job, &other, 0);
	job_run(&other, &job);
	CHECK_EQ(d.s->spawned, 1);
}

TEST(idle, "a seat without work retires, and its bytes are not lost")
{
	struct weft_serve_offer offer;
	struct served d = { };
	struct client c;
	struct job job;
	uint32_t x;

	served_offer(&offer, "echo");
	offer.idle_ns = 100 * MS;
	served_start(&d, &offer);
	client_open(&c);
	x = bo_create(c.fd, 64 * KIB);
	job_fill(&job, &c, x, 64 * KIB, 5);
	job_run(&c, &job);
	served_reach(&d.s->retired, 1);
	CHECK_EQ(d.s->lost, 0);
	bo_expect(c.fd, x, 64 * KIB, 5);
	job_add(&job, &c, x, x, x, 64 * KIB);
	job.j.buffer_count = 1;
	job.buffer[0].access = DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE;
	for (uint32_t i = 0; i < job.j.reloc_count; i++)
		job.reloc[i].buffer = 0;
	job_run(&c, &job);
	bo_expect(c.fd, x, 64 * KIB, 10);
	CHECK_EQ(d.s->spawned, 2);
}

/* a job of uid @uid in a process of its own; 0 if it ends with @want */
static int tenant_job(unsigned int uid, uint32_t value)
{
	pid_t pid = spawn();
	struct client c;
	struct job job;
	uint32_t x;

	if (pid)
		return reap(pid);
	drop_to(uid);
	client_open(&c);
	x = bo_create(c.fd, 64 * KIB);
	job_fill(&job, &c, x, 64 * KIB, value);
	job_run(&c, &job);
	bo_expect(c.fd, x, 64 * KIB, value);
	_exit(0);
}

TEST(tenants, "a tenant has a seat of its own; with one seat they take turns")
{
	struct weft_serve_offer offer;
	struct served d = { };
	long ret;

	CHECK_EQ(mkdir(TENANT_DIR "/a", 0755), 0);
	CHECK_EQ(file_write(TENANT_DIR "/a/uid", "1000"), 0);
	CHECK_EQ(mkdir(TENANT_DIR "/b", 0755), 0);
	CHECK_EQ(file_write(TENANT_DIR "/b/uid", "1001"), 0);
	ret = chmod(pool_path(), 0666);
	CHECK_EQ(ret, 0);

	served_offer(&offer, "two");
	offer.seats = 2;
	served_start(&d, &offer);
	CHECK_EQ(tenant_job(1000, 1), 0);
	CHECK_EQ(tenant_job(1001, 2), 0);
	CHECK_EQ(tenant_job(1000, 3), 0);
	CHECK_EQ(d.s->spawned, 2);
	CHECK(d.s->seat[0].pid != d.s->seat[1].pid);
	CHECK(d.s->seat[0].tenant != d.s->seat[1].tenant);
	CHECK(!strcmp(d.s->seat[0].name, "a") && !strcmp(d.s->seat[1].name, "b"));
	/* a third one takes the place of who was idle longest */
	CHECK_EQ(tenant_job(0, 4), 0);
	CHECK_EQ(d.s->spawned, 3);
	served_reach(&d.s->retired, 1);
	CHECK(!strcmp(d.s->seat[1].name, "default"));
	served_kill(&d);
}

TEST(refuse, "a server that refuses a seat, or takes too long, fails the job")
{
	struct weft_serve_offer offer;
	struct weft_serve_refuse refuse = { .error = ECONNREFUSED };
	struct weft_serve_event event;
	int fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);
	struct client c;
	struct job job;
	uint64_t id;

	served_offer(&offer, "refuse");
	offer.spawn_ns = 200 * MS;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), 0);
	client_open(&c);
	job_nop(&job, &c, 0);
	id = submit(&c, &job, 1);
	CHECK_EQ(read(fd, &event, sizeof(event)), sizeof(event));
	CHECK_EQ(event.type, WEFT_SERVE_EVENT_SPAWN);
	CHECK(!strcmp(event.name, "default"));
	refuse.token = event.token + 1;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_REFUSE, &refuse), -ENOENT);
	refuse.token = event.token;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_REFUSE, &refuse), 0);
	CHECK_EQ(job_result(c.fd, id), ECONNREFUSED);
	CHECK_EQ(read(fd, &event, sizeof(event)), sizeof(event));
	CHECK_EQ(event.type, WEFT_SERVE_EVENT_LOST);
	CHECK_EQ(event.error, ECONNREFUSED);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ETIME);
}

TEST(withdraw, "WITHDRAW: bytes come home, the seat retires, the name is free")
{
	struct weft_serve_withdraw withdraw = { };
	struct weft_serve_offer offer;
	int fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);
	struct drm_weft_device_info info;
	struct client c;

	served_offer(&offer, "leave");
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), 0);
	client_open(&c);
	CHECK(dev_find(c.fd, "leave", &info));
	withdraw.flags = 1;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_WITHDRAW, &withdraw), -EINVAL);
	withdraw.flags = 0;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_WITHDRAW, &withdraw), 0);
	CHECK(!dev_find(c.fd, "leave", &info));
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), -EINVAL);
	offer.device = 0;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), -EBUSY);
	close(fd);
	fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), 0);
}

TEST(returns, "RECOVERY_WAIT: a device waits for its server; jobs go on with what comes back")
{
	struct weft_serve_offer offer;
	struct drm_weft_device_info info;
	struct served d = { };
	struct client c;
	struct job job;
	uint64_t id;

	served_offer(&offer, "returns");
	offer.recovery = WEFT_SERVE_RECOVERY_WAIT;
	offer.return_ns = 600 * SEC;
	served_start(&d, &offer);
	client_open(&c);
	job_nop(&job, &c, 0);
	job_run(&c, &job);
	kill(d.pid, SIGKILL);
	reap(d.pid);
	/* its seat works on; without it, jobs wait */
	job_run(&c, &job);
	kill(d.s->seat[0].pid, SIGKILL);
	/* it may still reach the seat that dies */
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	CHECK(dev_find(c.fd, "returns", &info));
	id = submit(&c, &job, 1);
	CHECK_EQ(served_try(&d, &offer), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
	/* the next subtest ends the wait for the server that is killed with this one */
}

TEST(unload, "rmmod: not while a file is open; a server whose return is waited for is not")
{
	struct weft_serve_offer offer;
	struct drm_weft_device_info info;
	int fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);
	struct client c;

	served_offer(&offer, "unload");
	offer.recovery = WEFT_SERVE_RECOVERY_WAIT;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), 0);
	CHECK_EQ(module_unload("weft_serve"), -EAGAIN);
	close(fd);
	client_open(&c);
	CHECK(dev_find(c.fd, "unload", &info));
	CHECK_EQ(module_unload_soon("weft_serve"), 0);
	CHECK(!dev_find(c.fd, "unload", &info));
	CHECK_EQ(module_load("weft_serve", ""), 0);
}
