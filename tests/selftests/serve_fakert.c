// SPDX-License-Identifier: GPL-2.0-only
/*
 * A served device with the hard properties of CUDA, behind libweft-serve.
 *
 * DOC: serve_fakert
 *
 * The server is tests/servers/fakert.c on the runtime of tests/fakert; this test also opens that
 * runtime's device itself, as a process outside weft would, and sees there who has contexts on it
 * and what they cost.
 */
/* vm: smp=2 timeout=150 insmod=weft,weft_serve with=servers/weft-serve-fakert */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../fakert/fakert.h"
#include "common.h"

/* in the order of enum weft_sim_op as far as common.h makes jobs of them */
#define OP_SPIN		4
#define OP_FAULT	5
#define FIRST_UID	1001
#define CONTEXT		(4 * MIB)
#define SEAT		(8 * MIB)
#define TOTAL		(32 * MIB)

static const char image_text[] = "fakert 1\nkernel nop\nkernel copy\nkernel fill\nkernel add\n"
				 "kernel spin\nkernel fault\n";

struct rig {
	pid_t pid;
	char name[32];
	char file[64];
	struct fakert_device *device;	/* as a process that weft does not know */
};

static uint32_t program_of(int fd, const char *text)
{
	struct drm_weft_kernel kernels[6];
	struct drm_weft_image image = { .isa = "fakert", .data = p64(text), .size = strlen(text) };
	struct drm_weft_program_create p = {
		.images = p64(&image),
		.kernels = p64(kernels),
		.image_count = 1,
		.image_stride = sizeof(image),
		.kernel_count = 6,
		.kernel_stride = sizeof(kernels[0]),
	};

	memcpy(kernels, sim_kernels, 4 * sizeof(kernels[0]));
	kernels[OP_SPIN] = (struct drm_weft_kernel){ "spin", sizeof(struct fakert_spin), 0 };
	kernels[OP_FAULT] = (struct drm_weft_kernel){ "fault", 0, 0 };
	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p), 0);
	return p.handle;
}

static void client_of(struct client *c)
{
	c->fd = pool_open();
	c->queue = queue_create(c->fd, 0, 64);
	c->program = program_of(c->fd, image_text);
}

/* No job of these tests is late before the test is: seats start slowly on a busy machine. */
static void job_spin(struct job *job, const struct client *c, uint64_t ns)
{
	job_nop(job, c, ns);
	job->j.kernel = OP_SPIN;
	job->j.timeout_ns = PATIENCE;
}

static void job_fault(struct job *job, const struct client *c)
{
	job_nop(job, c, 0);
	job->j.kernel = OP_FAULT;
	job->j.timeout_ns = PATIENCE;
	job->j.args_size = 0;
	job->j.args = 0;
}

static void rig_file(struct rig *r)
{
	static const struct fakert_device_desc desc = {
		.memory_size = TOTAL, .context_size = CONTEXT, .granule = 4096,
		.register_page_ns = 200,
	};

	snprintf(r->name, sizeof(r->name), "rt%d", getpid());
	snprintf(r->file, sizeof(r->file), "/tmp/%s", r->name);
	mkdir("/tmp", 01777);
	unlink(r->file);
	CHECK_EQ(fakert_device_create(r->file, &desc), FAKERT_OK);
	CHECK_EQ(fakert_device_open(r->file, &r->device), FAKERT_OK);
}

/* Starts the server with up to three more arguments, and waits for its device. */
static void rig_start(struct rig *r, const char *a, const char *b, const char *c)
{
	struct drm_weft_device_info info;
	uint64_t until = in_ns(PATIENCE);
	char memory[32];
	int fd;

	rig_file(r);
	snprintf(memory, sizeof(memory), "%llu", SEAT);
	r->pid = spawn();
	if (!r->pid) {
		execl("/t/weft-serve-fakert", "weft-serve-fakert", "--memory", memory, "--name",
		      r->name, r->file, a, b, c, NULL);
		_exit(127);
	}
	fd = pool_open();
	while (!dev_find(fd, r->name, &info)) {
		CHECK_MSG(now_ns() < until && kill(r->pid, 0) == 0, "the device does not come");
		sleep_ms(5);
	}
	close(fd);
	CHECK_EQ(chmod(pool_path(), 0666), 0);
}

/* In order, which must work. */
static void rig_stop(struct rig *r)
{
	struct drm_weft_device_info info;
	int fd = pool_open();

	kill(r->pid, SIGTERM);
	CHECK_EQ(reap(r->pid), 0);
	CHECK(!dev_find(fd, r->name, &info));
	close(fd);
	CHECK_EQ(fakert_device_close(r->device), FAKERT_OK);
	unlink(r->file);
}

static uint64_t memory_used(struct rig *r)
{
	struct fakert_device_info info;

	CHECK_EQ(fakert_device_info(r->device, &info), FAKERT_OK);
	return info.memory_used;
}

static uint32_t contexts(struct rig *r)
{
	struct fakert_device_info info;

	CHECK_EQ(fakert_device_info(r->device, &info), FAKERT_OK);
	return info.contexts;
}

static void contexts_reach(struct rig *r, uint32_t count)
{
	uint64_t until = in_ns(PATIENCE);

	while (contexts(r) != count) {
		CHECK_MSG(now_ns() < until, "%u contexts, not %u", contexts(r), count);
		sleep_ms(5);
	}
}

/* Process of the one seat that there is */
static pid_t seat_pid(struct rig *r)
{
	struct fakert_process list[8];
	uint32_t count, i;
	pid_t pid = 0;

	CHECK_EQ(fakert_device_processes(r->device, list, 8, &count), FAKERT_OK);
	for (i = 0; i < count; i++) {
		if (!list[i].memory_used)
			continue;
		CHECK_EQ(pid, 0);
		pid = list[i].pid;
	}
	CHECK(pid > 0);
	return pid;
}

static void expect_sum(const struct client *c, uint32_t value)
{
	uint32_t a = bo_create(c->fd, 64 * KIB), b = bo_create(c->fd, 64 * KIB);
	uint32_t x = bo_create(c->fd, 64 * KIB);
	struct job job;

	bo_fill(c->fd, a, 64 * KIB, value);
	bo_fill(c->fd, b, 64 * KIB, 2);
	job_add(&job, c, x, a, b, 64 * KIB);
	job.j.timeout_ns = PATIENCE;
	job_run(c, &job);
	bo_expect(c->fd, x, 64 * KIB, value + 2);
	bo_close(c->fd, a);
	bo_close(c->fd, b);
	bo_close(c->fd, x);
}

/* A second tenant at work in a process of its own, until it is told to stop. */
struct neighbour {
	pid_t pid;
	int tell[2];
	int told[2];
};

static void neighbour_start(struct neighbour *n)
{
	char byte = 0;

	mkdir(TENANT_DIR "/neighbour", 0755);
	CHECK_EQ(file_writef(TENANT_DIR "/neighbour/uid", "%d", FIRST_UID), 0);
	CHECK_EQ(pipe(n->tell), 0);
	CHECK_EQ(pipe(n->told), 0);
	n->pid = spawn();
	if (!n->pid) {
		struct drm_weft_client_info info;
		struct client c;
		uint32_t i;

		close(n->tell[1]);
		drop_to(FIRST_UID);
		client_of(&c);
		client_info(c.fd, &info);
		CHECK(!strcmp(info.tenant_name, "neighbour"));
		expect_sum(&c, 100);
		CHECK_EQ(write(n->told[1], &byte, 1), 1);
		CHECK_EQ(read(n->tell[0], &byte, 1), 1);
		for (i = 0; i < 8; i++)
			expect_sum(&c, i);
		_exit(0);
	}
	CHECK_EQ(read(n->told[0], &byte, 1), 1);
}

/* It goes on as if nothing had happened, on the context that it had. */
static void neighbour_end(struct neighbour *n)
{
	CHECK_EQ(write(n->tell[1], "", 1), 1);
	CHECK_EQ(reap(n->pid), 0);
	rmdir(TENANT_DIR "/neighbour");
}

TEST(order, "a server comes, computes and goes in order")
{
	struct drm_weft_job_record record;
	struct rig r;
	struct client c;
	struct job job;
	int i;

	rig_start(&r, NULL, NULL, NULL);
	CHECK_EQ(contexts(&r), 0);
	client_of(&c);
	for (i = 0; i < 20; i++)
		expect_sum(&c, i);
	CHECK_EQ(contexts(&r), 1);
	CHECK_EQ(memory_used(&r), CONTEXT + SEAT);
	/* the device's own time is what is charged */
	job_spin(&job, &c, 20 * MS);
	job_wait(c.fd, submit(&c, &job, 1), &record);
	CHECK_EQ(record.error, 0);
	CHECK(record.busy_ns >= 20 * MS);
	CHECK(record.busy_ns <= record.end_ns - record.start_ns);
	client_close(&c);
	rig_stop(&r);
}

TEST(two_tenants, "each tenant has a context of its own, and pays for it in memory")
{
	struct neighbour n;
	struct rig r;
	struct client c;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	expect_sum(&c, 1);
	neighbour_start(&n);
	CHECK_EQ(contexts(&r), 2);
	CHECK_EQ(memory_used(&r), 2 * (CONTEXT + SEAT));
	neighbour_end(&n);
	client_close(&c);
	rig_stop(&r);
}

TEST(killed, "kill -9 of a seat: the job runs again in a new one, the neighbour notices nothing")
{
	struct drm_weft_job_record record;
	struct neighbour n;
	struct rig r;
	struct client c;
	struct job job;
	uint64_t id;
	pid_t pid;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	expect_sum(&c, 1);
	pid = seat_pid(&r);
	neighbour_start(&n);
	job_spin(&job, &c, 300 * MS);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	job_wait(c.fd, id, &record);
	CHECK_EQ(record.error, 0);
	CHECK_EQ(record.runs, 2);
	expect_sum(&c, 7);
	neighbour_end(&n);
	client_close(&c);
	rig_stop(&r);
}

TEST(killed_rw, "kill -9 during a job that cannot run twice: ENODEV, and its output is LOST")
{
	struct rig r;
	struct client c;
	struct job job;
	uint32_t bo;
	uint64_t id;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	bo = bo_create(c.fd, 64 * KIB);
	bo_fill(c.fd, bo, 64 * KIB, 1);
	job_spin(&job, &c, 20 * SEC);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	job_buffer(&job, bo, DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(kill(seat_pid(&r), SIGKILL), 0);
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	CHECK_EQ(bo_cpu(c.fd, true, bo, DRM_WEFT_ACCESS_READ, in_ns(PATIENCE)), -ENODATA);
	expect_sum(&c, 7);
	client_close(&c);
	rig_stop(&r);
}

TEST(sticky, "a sticky error fails its job, costs its seat, and nobody else")
{
	struct drm_weft_job_record record;
	struct neighbour n;
	struct rig r;
	struct client c;
	struct job job;
	int i;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	expect_sum(&c, 1);
	neighbour_start(&n);
	for (i = 0; i < 3; i++) {
		job_fault(&job, &c);
		job_wait(c.fd, submit(&c, &job, 1), &record);
		CHECK_EQ(record.error, EIO);
		CHECK_EQ(record.code, FAKERT_ILLEGAL_ADDRESS);
		CHECK_EQ(record.runs, 1);
		expect_sum(&c, i);
	}
	neighbour_end(&n);
	CHECK_EQ(contexts(&r), 2);
	client_close(&c);
	rig_stop(&r);
}

TEST(full, "a device that is full: the job ends with ENOMEM, and runs when there is room")
{
	struct fakert_context *context;
	struct rig r;
	struct client c;
	struct job job;
	fakert_address address;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	CHECK_EQ(fakert_context_create(r.device, &context), FAKERT_OK);
	CHECK_EQ(fakert_memory_alloc(context, TOTAL - CONTEXT - SEAT, &address), FAKERT_OK);
	job_nop(&job, &c, 0);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ENOMEM);
	fakert_context_destroy(context);
	expect_sum(&c, 5);
	client_close(&c);
	rig_stop(&r);
}

TEST(endless, "a kernel that never ends is ended with its seat, at the deadline")
{
	struct neighbour n;
	struct rig r;
	struct client c;
	struct job job;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	expect_sum(&c, 1);
	neighbour_start(&n);
	job_spin(&job, &c, 0);
	job.j.timeout_ns = 300 * MS;
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), ETIME);
	contexts_reach(&r, 1);
	expect_sum(&c, 9);
	neighbour_end(&n);
	client_close(&c);
	rig_stop(&r);
}

TEST(build, "an image that does not build fails its jobs, and nothing else")
{
	struct drm_weft_device_info info;
	struct drm_weft_program_query q = { };
	struct rig r;
	struct client c, bad;
	struct job job;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	bad = c;
	bad.program = program_of(c.fd, "fakert 1\nkernel nonsense\n");
	job_nop(&job, &bad, 0);
	CHECK(job_result(c.fd, submit(&bad, &job, 1)) != 0);
	CHECK(dev_find(c.fd, r.name, &info));
	q.handle = bad.program;
	q.device = info.id;
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q), 0);
	CHECK_EQ(q.error, ENOEXEC);
	/* the same image again, after it went: the seat still has it, or builds it anew */
	expect_sum(&c, 1);
	client_close(&c);
	client_of(&c);
	expect_sum(&c, 2);
	client_close(&c);
	rig_stop(&r);
}

TEST(handles, "with handles the device's memory is taken as buffers come, and given back")
{
	struct rig r;
	struct client c;
	struct job job;
	uint32_t bo[4];
	int i;

	rig_start(&r, "--handles", NULL, NULL);
	client_of(&c);
	for (i = 0; i < 4; i++) {
		bo[i] = bo_create(c.fd, MIB);
		job_fill(&job, &c, bo[i], MIB, i);
		job.j.timeout_ns = PATIENCE;
		job_run(&c, &job);
		CHECK(memory_used(&r) >= CONTEXT + (i + 1) * MIB);
		CHECK(memory_used(&r) < CONTEXT + SEAT);
	}
	for (i = 0; i < 4; i++) {
		bo_expect(c.fd, bo[i], MIB, i);
		bo_close(c.fd, bo[i]);
	}
	for (uint64_t until = in_ns(PATIENCE); memory_used(&r) > CONTEXT; sleep_ms(5))
		CHECK_MSG(now_ns() < until, "%llu bytes stay",
			  (unsigned long long)(memory_used(&r) - CONTEXT));
	expect_sum(&c, 3);
	client_close(&c);
	rig_stop(&r);
}

TEST(registered, "buffers come and go: what is registered is let go of")
{
	struct rig r;
	struct client c;
	int i;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	for (i = 0; i < 50; i++)
		expect_sum(&c, i);
	client_close(&c);
	rig_stop(&r);
}

TEST(idle, "a seat without work retires and gives its memory back; the next job gets a new one")
{
	struct rig r;
	struct client c;

	rig_start(&r, "--idle-ms", "50", NULL);
	client_of(&c);
	expect_sum(&c, 1);
	contexts_reach(&r, 0);
	CHECK_EQ(memory_used(&r), 0);
	expect_sum(&c, 2);
	client_close(&c);
	rig_stop(&r);
}

TEST(killed_server, "kill -9 of the server: its seats go, the device is lost")
{
	struct drm_weft_device_info info;
	uint64_t until = in_ns(PATIENCE);
	struct rig r;
	struct client c;
	struct job job;
	uint64_t id;

	rig_start(&r, NULL, NULL, NULL);
	client_of(&c);
	expect_sum(&c, 1);
	job_spin(&job, &c, 0);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	kill(r.pid, SIGKILL);
	reap(r.pid);
	contexts_reach(&r, 0);
	while (dev_find(c.fd, r.name, &info)) {
		CHECK_MSG(now_ns() < until, "the device stays");
		sleep_ms(5);
	}
	/* it could have run elsewhere, but there is nowhere */
	CHECK_EQ(job_result(c.fd, id), ENODEV);
	client_close(&c);
	CHECK_EQ(fakert_device_close(r.device), FAKERT_OK);
	unlink(r.file);
}
