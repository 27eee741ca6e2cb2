// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may go while what is in use: a test for each row of Documentation/lifetime.rst that
 * simulated devices can show. Modules that nothing holds are in unload.c.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common.h"

#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE

SETUP()
{
	dev_add("stays", DEV_UNIT, "speed=fill inf");
	devs_keep();
}

/* a buffer that @device has written; the host's pages hold 1 */
static uint32_t written(const struct client *c, const char *device, uint32_t value)
{
	uint32_t x = bo_create(c->fd, 64 * KIB);
	struct job job;

	bo_fill(c->fd, x, 64 * KIB, 1);
	job_fill(&job, c, x, 64 * KIB, value);
	job.j.device_mask = dev_mask(c->fd, device);
	job_run(c, &job);
	return x;
}

TEST(rmmod_file, "rmmod weft with an open file and jobs in flight, or with its backend: EAGAIN")
{
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	job_nop(&job, &c, 200 * UNIT_MS);
	id = submit(&c, &job, 1);
	CHECK_EQ(module_unload("weft"), -EAGAIN);
	CHECK_EQ(module_unload("weft_sim"), -EAGAIN);
	CHECK_EQ(job_result(c.fd, id), 0);
	client_close(&c);
	CHECK_EQ(module_unload("weft"), -EAGAIN);
}

TEST(rmmod_sim, "rmmod weft_sim while a directory of a device exists, enabled or not: EAGAIN")
{
	dev_mkdir("d", DEV_UNIT);
	CHECK_EQ(dev_enable("stays", false), 0);
	CHECK_EQ(module_unload("weft_sim"), -EAGAIN);
	CHECK_EQ(dev_enable("stays", true), 0);
	CHECK_EQ(module_unload("weft_sim"), -EAGAIN);
}

TEST(rmdir_busy, "rmdir of a device with jobs waits for what runs; what is left moves or fails")
{
	struct client c;
	struct job job[4];
	uint64_t id;
	uint32_t error;

	dev_add("d", DEV_UNIT);
	client_open(&c);
	for (int i = 0; i < 4; i++) {
		job_nop(&job[i], &c, 50 * UNIT_MS);
		job[i].j.device_mask = dev_mask(c.fd, "d");
	}
	job[3].j.device_mask |= dev_mask(c.fd, "stays");
	id = submit(&c, job, 4);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(rmdir(SIM_DIR "/d"), 0);
	CHECK_EQ(job_result(c.fd, id), 0);
	for (int i = 1; i < 3; i++) {
		error = job_result(c.fd, id + i);
		CHECK(error == 0 || error == ENODEV);
	}
	CHECK_EQ(job_result(c.fd, id + 3), 0);
}

TEST(mmap_leaves, "a mapping when the device leaves in order: it shows what the device wrote")
{
	struct client c;
	uint32_t x;
	volatile uint32_t *p;

	dev_add("d", DEV_UNIT, "speed=fill inf");
	client_open(&c);
	x = written(&c, "d", 77);
	p = bo_map(c.fd, x, 64 * KIB);
	CHECK_EQ(dev_remove("d"), 0);
	CHECK_EQ(bo_cpu(c.fd, true, x, R, in_ns(PATIENCE)), 0);
	for (int i = 0; i < 16384; i++)
		CHECK_EQ(p[i], 77);
	CHECK_EQ(bo_cpu(c.fd, false, x, R, 0), 0);
}

TEST(mmap_valid, "a mapping across a loss, host copy valid: it stays readable and right")
{
	struct client c;
	uint32_t x;
	volatile uint32_t *p;

	dev_add("d", DEV_UNIT, "speed=fill inf");
	client_open(&c);
	x = written(&c, "d", 78);
	p = bo_map(c.fd, x, 64 * KIB);
	CHECK_EQ(bo_cpu(c.fd, true, x, R, in_ns(PATIENCE)), 0);
	CHECK_EQ(dev_set("d", "fault/vanish", "now"), 0);
	for (int i = 0; i < 16384; i++)
		CHECK_EQ(p[i], 78);
	CHECK_EQ(bo_cpu(c.fd, false, x, R, 0), 0);
	bo_expect(c.fd, x, 64 * KIB, 78);
}

TEST(mmap_lost, "a mapping across a loss, sole copy lost: no fault, older bytes; BEGIN: ENODATA")
{
	struct client c;
	uint32_t x;
	volatile uint32_t *p;

	dev_add("d", DEV_UNIT, "speed=fill inf");
	client_open(&c);
	x = written(&c, "d", 79);
	p = bo_map(c.fd, x, 64 * KIB);
	CHECK_EQ(dev_set("d", "fault/vanish", "now"), 0);
	/* the host's pages are the process's own, whatever became of the device */
	for (int i = 0; i < 16384; i++)
		CHECK_EQ(p[i], 1);
	CHECK_EQ(bo_cpu(c.fd, true, x, R, in_ns(PATIENCE)), -ENODATA);
	/* who writes all of it gets it back */
	bo_fill(c.fd, x, 64 * KIB, 5);
	bo_expect(c.fd, x, 64 * KIB, 5);
}

TEST(file_stays, "a file open across removal and return of the only device works as before")
{
	struct client c;
	struct job job;
	uint32_t x;

	client_open(&c);
	x = written(&c, "stays", 3);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(dev_enable("stays", false), 0);
		job_fill(&job, &c, x, 64 * KIB, i);
		CHECK_EQ(submit_raw(&c, &job, 1, NULL), -ENODEV);
		bo_expect(c.fd, x, 64 * KIB, i ? 10 + i - 1 : 3);
		CHECK_EQ(dev_enable("stays", true), 0);
		job_fill(&job, &c, x, 64 * KIB, 10 + i);
		job_run(&c, &job);
		bo_expect(c.fd, x, 64 * KIB, 10 + i);
	}
}

TEST(fork_, "a file used by parent and child across a removal; the last one ends it")
{
	struct client c;
	struct job job;
	uint32_t x;
	pid_t pid;

	dev_add("d", DEV_UNIT, "speed=fill inf");
	client_open(&c);
	x = written(&c, "d", 4);
	pid = spawn();
	if (!pid) {
		CHECK_EQ(dev_remove("d"), 0);
		bo_expect(c.fd, x, 64 * KIB, 4);
		job_nop(&job, &c, 1);
		job_run(&c, &job);
		_exit(0);
	}
	CHECK_EQ(reap(pid), 0);
	job_nop(&job, &c, 1);
	job_run(&c, &job);
	bo_expect(c.fd, x, 64 * KIB, 4);
}

TEST(exec, "the node's file, opened with O_CLOEXEC, does not survive exec")
{
	char path[64];
	struct client c;
	pid_t pid = spawn();

	if (!pid) {
		client_open(&c);
		/* a shell that can still write to it would be a leak */
		snprintf(path, sizeof(path), "test ! -e /proc/self/fd/%d", c.fd);
		execl("/bin/sh", "sh", "-c", path, NULL);
		_exit(errno == ENOENT ? 77 : 1);
	}
	switch (reap(pid)) {
	case 0:
		break;
	case 77:
		tap_skip("there is no shell here");
	default:
		CHECK_MSG(0, "the file was still open");
	}
}

TEST(passed, "a file passed on: the receiver goes on after the sender and the device are gone")
{
	struct client c;
	struct job job;
	int sock[2];
	pid_t pid;

	dev_add("d", DEV_UNIT, "speed=fill inf");
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), 0);
	pid = spawn();
	if (!pid) {
		client_open(&c);
		CHECK_EQ(written(&c, "d", 6), 1);
		CHECK_EQ(write(sock[1], &c, sizeof(c)), sizeof(c));
		CHECK_EQ(send_fd(sock[1], c.fd), 0);
		_exit(0);
	}
	CHECK_EQ(read(sock[0], &c, sizeof(c)), sizeof(c));
	c.fd = recv_fd(sock[0]);
	CHECK(c.fd >= 0);
	CHECK_EQ(reap(pid), 0);
	CHECK_EQ(dev_remove("d"), 0);
	bo_expect(c.fd, 1, 64 * KIB, 6);
	job_nop(&job, &c, 1);
	job_run(&c, &job);
	CHECK_EQ(module_unload("weft"), -EAGAIN);
}

TEST(sysfs_open, "a file of the device in sysfs, open when the device goes: ENODEV, no crash")
{
	char buf[32];
	int fd;

	dev_add("d", DEV_UNIT);
	fd = open("/sys/bus/weft/devices/d/health", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(read(fd, buf, sizeof(buf)) > 0);
	CHECK_EQ(dev_remove("d"), 0);
	CHECK_EQ(pread(fd, buf, sizeof(buf), 0), -1);
	CHECK_EQ(errno, ENODEV);
	CHECK_EQ(pwrite(fd, "ok", 2, 0), -1);
	CHECK_EQ(errno, ENODEV);
}
