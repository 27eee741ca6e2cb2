// SPDX-License-Identifier: GPL-2.0-only
/*
 * F19: fork, exec, dup, passing descriptors, exit and kill with jobs in flight.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common.h"

SETUP()
{
	dev_add("unit", DEV_UNIT);
	devs_keep();
}

static void nops(const struct client *c, int n, unsigned int ms)
{
	struct job job;

	for (int i = 0; i < n; i++) {
		job_nop(&job, c, ms * UNIT_MS);
		submit(c, &job, 1);
	}
}

/* waits until no job is left on the device, which must not take as long as the jobs would have */
static void device_idle(int fd, uint64_t limit)
{
	uint64_t start = now_ns();
	struct client c = { .fd = fd };
	struct job job;

	c.queue = queue_create(fd, 0, 0);
	c.program = program_create(fd);
	job_nop(&job, &c, 1);
	job_run(&c, &job);
	CHECK_MSG(now_ns() - start < limit, "jobs of the dead held the device for %llu ms",
		  (unsigned long long)((now_ns() - start) / MS));
}

TEST(fork_shares, "a forked child uses the same client")
{
	struct drm_weft_client_info a, b;
	struct client c;
	struct job job;
	pid_t pid;

	client_open(&c);
	client_info(c.fd, &a);
	pid = spawn();
	if (!pid) {
		client_info(c.fd, &b);
		CHECK_EQ(a.id, b.id);
		job_nop(&job, &c, 1);
		job_run(&c, &job);
		_exit(0);
	}
	CHECK_EQ(reap(pid), 0);
	client_info(c.fd, &b);
	CHECK_EQ(b.jobs_submitted, 1);
}

TEST(fork_outlives, "a client lives on in the child when the parent closed its file")
{
	struct client c;
	struct job job;
	int pipe_fd[2];
	pid_t pid;
	char byte;

	client_open(&c);
	nops(&c, 3, 30);
	CHECK_EQ(pipe(pipe_fd), 0);
	pid = spawn();
	if (!pid) {
		CHECK_EQ(read(pipe_fd[0], &byte, 1), 1);
		job_nop(&job, &c, 1);
		job_run(&c, &job);
		_exit(0);
	}
	client_close(&c);
	CHECK_EQ(write(pipe_fd[1], "x", 1), 1);
	CHECK_EQ(reap(pid), 0);
}

TEST(exec_closes, "exec with O_CLOEXEC ends the client; jobs in flight go with it")
{
	struct client c;
	pid_t pid = spawn();

	if (!pid) {
		client_open(&c);
		nops(&c, 4, 5000);
		execl("/bin/true", "true", NULL);
		_exit(9);
	}
	CHECK_EQ(reap(pid), 0);
	device_idle(pool_open(), 15 * SEC);
}

TEST(exec_keeps, "exec without O_CLOEXEC keeps it: another program's descriptor still works")
{
	char path[64], cmd[128];
	struct client c;
	pid_t pid;

	client_open(&c);
	nops(&c, 2, 20);
	CHECK_EQ(fcntl(c.fd, F_SETFD, 0), 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", c.fd);
	snprintf(cmd, sizeof(cmd), "grep -q weft-jobs-submitted:.*2 %s", path);
	pid = spawn();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(9);
	}
	client_close(&c);
	CHECK_EQ(reap(pid), 0);
}

TEST(dup_file, "a duplicated descriptor is the same client; the last close ends it")
{
	struct drm_weft_client_info a, b;
	struct client c, d;
	struct job job;

	client_open(&c);
	d = c;
	d.fd = dup(c.fd);
	client_info(c.fd, &a);
	client_info(d.fd, &b);
	CHECK_EQ(a.id, b.id);
	client_close(&c);
	job_nop(&job, &d, 1);
	job_run(&d, &job);
	close(d.fd);
}

TEST(pass_fd, "a descriptor passed over a socket carries the client, its account and its jobs")
{
	struct drm_weft_client_info a, b;
	struct drm_weft_job_record r;
	struct client c;
	struct job job;
	int s[2];
	pid_t pid;

	client_open(&c);
	client_info(c.fd, &a);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	pid = spawn();
	if (!pid) {
		client_close(&c);
		drop_to(1001);
		c.fd = recv_fd(s[1]);
		CHECK(c.fd >= 0);
		client_info(c.fd, &b);
		CHECK_EQ(b.id, a.id);
		CHECK_EQ(b.tenant, a.tenant);
		job_nop(&job, &c, UNIT_MS);
		job_wait(c.fd, submit(&c, &job, 1), &r);
		CHECK_EQ(r.error, 0);
		_exit(0);
	}
	CHECK_EQ(send_fd(s[0], c.fd), 0);
	client_close(&c);
	CHECK_EQ(reap(pid), 0);
}

TEST(in_flight_fd, "the last reference may be a message nobody receives")
{
	struct client c;
	int s[2];

	client_open(&c);
	nops(&c, 4, 3000);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	CHECK_EQ(send_fd(s[0], c.fd), 0);
	client_close(&c);
	close(s[0]);
	close(s[1]);
	device_idle(pool_open(), 10 * SEC);
}

TEST(exit_busy, "exit with jobs WAITING, READY, BOUND and RUNNING: the device is free at once")
{
	struct client c;
	struct job job[6];
	pid_t pid = spawn();

	if (!pid) {
		client_open(&c);
		for (int i = 0; i < 6; i++) {
			job_nop(&job[i], &c, 5000 * UNIT_MS);
			job_buffer(&job[i], bo_create(c.fd, MIB), DRM_WEFT_ACCESS_WRITE);
			if (i > 3)
				job_dep(&job[i], DRM_WEFT_DEP_INDEX, 0, i - 1);
		}
		job_reach(c.fd, submit(&c, job, 6), DRM_WEFT_JOB_RUNNING);
		_exit(0);
	}
	CHECK_EQ(reap(pid), 0);
	device_idle(pool_open(), 20 * SEC);
}

TEST(exit_signals, "F3: a syncobj shared with another process is signalled when the feeder exits")
{
	struct drm_syncobj_handle h = { .fd = -1 };
	struct client c;
	struct job job;
	int s[2], fd, f;
	pid_t pid;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	pid = spawn();
	if (!pid) {
		client_open(&c);
		h.handle = syncobj_create(c.fd, 0);
		job_nop(&job, &c, 20000 * UNIT_MS);
		job_out(&job, h.handle, 0);
		submit(&c, &job, 1);
		CHECK_EQ(ioc(c.fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &h), 0);
		CHECK_EQ(send_fd(s[1], h.fd), 0);
		_exit(0);
	}
	fd = pool_open();
	h.fd = recv_fd(s[0]);
	CHECK(h.fd >= 0);
	CHECK_EQ(ioc(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &h), 0);
	CHECK_EQ(syncobj_wait(fd, h.handle, 0, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
			      in_ns(15 * SEC)), 0);
	f = syncobj_sync_file(fd, h.handle);
	CHECK(f >= 0);
	CHECK_EQ(sync_file_status(f), -ECANCELED);
	CHECK_EQ(reap(pid), 0);
}

TEST(exit_mapped, "exit with mappings and a child that keeps one")
{
	volatile uint32_t *p;
	uint32_t h;
	int fd = pool_open(), pipe_fd[2];
	char byte;
	pid_t pid;

	h = bo_create(fd, 64 * KIB);
	p = bo_map(fd, h, 64 * KIB);
	CHECK_EQ(bo_cpu(fd, true, h, DRM_WEFT_ACCESS_WRITE, FOREVER), 0);
	p[3] = 99;
	CHECK_EQ(pipe(pipe_fd), 0);
	pid = spawn();
	if (!pid) {
		close(fd);
		CHECK_EQ(read(pipe_fd[0], &byte, 1), 1);
		_exit(p[3] == 99 ? 0 : 1);
	}
	close(fd);
	munmap((void *)p, 64 * KIB);
	CHECK_EQ(write(pipe_fd[1], "x", 1), 1);
	CHECK_EQ(reap(pid), 0);
}

static void __attribute__((noreturn)) hammer(int n)
{
	struct client c;
	struct job job[4];
	uint32_t bo[4];

	client_open(&c);
	for (int i = 0; i < 4; i++)
		bo[i] = bo_create(c.fd, 64 * KIB);
	for (;;) {
		struct drm_weft_job_record r;
		long ret;

		for (int i = 0; i < 4; i++)
			job_copy(&job[i], &c, bo[(i + n) % 4], bo[n % 4 ? i : (i + 1) % 4],
				 64 * KIB);
		ret = submit_raw(&c, job, 4, NULL);
		if (ret && ret != -EAGAIN && ret != -ENOBUFS)
			_exit(1);
		job_query(c.fd, 1, 1, &r, 0, 0);
	}
}

TEST(kill_load, "kill -9 of busy clients, 40 times: nothing is left, the pool works")
{
	pid_t pid[4];

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 4; i++) {
			pid[i] = spawn();
			if (!pid[i])
				hammer(i + 1);
		}
		sleep_ms(40 + round * 7);
		for (int i = 0; i < 4; i++)
			kill(pid[i], SIGKILL);
		for (int i = 0; i < 4; i++)
			CHECK_EQ(reap(pid[i]), -SIGKILL);
	}
	device_idle(pool_open(), 20 * SEC);
}

TEST(kill_waiting, "kill -9 of a client that waits for ever returns at once")
{
	struct client c;
	struct job job;
	uint64_t start;
	pid_t pid = spawn();

	if (!pid) {
		client_open(&c);
		job_nop(&job, &c, 25000 * UNIT_MS);
		job_query(c.fd, submit(&c, &job, 1), 1, NULL, DRM_WEFT_JOB_QUERY_WAIT, FOREVER);
		_exit(0);
	}
	sleep_ms(100);
	start = now_ns();
	kill(pid, SIGKILL);
	CHECK_EQ(reap(pid), -SIGKILL);
	CHECK(now_ns() - start < 10 * SEC);
	device_idle(pool_open(), 15 * SEC);
}

TEST(open_many, "200 clients open at once, each with a job, closed in a rush")
{
	struct job job;
	struct client c[200];

	for (int i = 0; i < 200; i++) {
		client_open(&c[i]);
		job_nop(&job, &c[i], UNIT_MS);
		submit(&c[i], &job, 1);
	}
	for (int i = 0; i < 200; i++)
		client_close(&c[i]);
	device_idle(pool_open(), 20 * SEC);
}
