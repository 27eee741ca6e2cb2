// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve-bench: what a job on a served device costs, beside an eventfd ping-pong.
 *
 * DOC: serve-bench
 *
 * Runs in a guest and starts weft-serve-null there. The measure is what two processes must pay to
 * say one word to each other and back: each writes to an eventfd that the other sleeps on. A job's
 * round trip is SUBMIT and the JOB_QUERY that waits for it and acknowledges its record. Under exact
 * counts (one instruction is one nanosecond) every figure is a number of instructions of the whole
 * machine, both processes and the kernel; otherwise nanoseconds. Medians. Prints one JSON object.
 *
 * Rejected: pipes or futexes as the measure (one copies, the other needs no call if nobody sleeps).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/weft_drm.h>

#define BATCH	64
#define BYTES	4096
#define NAME	"null0"

static unsigned int rounds = 1000;
static const char *separator = "";

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "serve-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Median of what @once takes, after a tenth of the rounds to warm up. */
static void measure(const char *name, void (*once)(void *data), void *data)
{
	uint64_t *v = calloc(rounds, sizeof(*v));
	unsigned int i;

	if (!v)
		die("calloc");
	for (i = 0; i < rounds / 10 + 2; i++)
		once(data);
	for (i = 0; i < rounds; i++) {
		v[i] = now();
		once(data);
		v[i] = now() - v[i];
	}
	qsort(v, rounds, sizeof(*v), compare);
	printf("%s\n  \"%s\": %llu", separator, name, (unsigned long long)v[rounds / 2]);
	separator = ",";
	free(v);
}

/* ---------------------------------------------------------------------------------- ping-pong */

static void pingpong_once(void *data)
{
	int *fd = data;
	uint64_t one = 1;

	if (write(fd[0], &one, sizeof(one)) != sizeof(one) ||
	    read(fd[1], &one, sizeof(one)) != sizeof(one))
		die("eventfd");
}

static void pingpong(void)
{
	int fd[2] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };
	uint64_t one;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (read(fd[0], &one, sizeof(one)) != sizeof(one) ||
			    write(fd[1], &one, sizeof(one)) != sizeof(one))
				_exit(1);
	}
	measure("eventfd", pingpong_once, fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd[0]);
	close(fd[1]);
}

/* --------------------------------------------------------------------------------------- jobs */

struct bench {
	int fd;
	uint32_t queue;
	uint32_t program;
	uint32_t bo;
	uint32_t count;
	bool moved;
	struct drm_weft_buffer buffer;
	struct drm_weft_job jobs[BATCH];
};

static void call(const struct bench *b, unsigned long request, void *arg, const char *what)
{
	if (ioctl(b->fd, request, arg))
		die(what);
}

static void jobs_once(void *data)
{
	struct bench *b = data;
	struct drm_weft_submit submit = {
		.queue = b->queue,
		.job_count = b->count,
		.job_stride = sizeof(b->jobs[0]),
		.jobs = (uintptr_t)b->jobs,
	};
	struct drm_weft_job_query query = {
		.count = b->count,
		.stride = sizeof(struct drm_weft_job_record),
		.flags = DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK,
		.timeout_ns = UINT64_MAX,
	};
	struct drm_weft_bo_cpu begin = {
		.handle = b->bo,
		.access = DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE,
		.timeout_ns = UINT64_MAX,
	};
	struct drm_weft_bo_cpu end = { .handle = b->bo, .access = begin.access };

	if (b->moved) {
		call(b, DRM_IOCTL_WEFT_BO_CPU_BEGIN, &begin, "CPU_BEGIN");
		call(b, DRM_IOCTL_WEFT_BO_CPU_END, &end, "CPU_END");
	}
	call(b, DRM_IOCTL_WEFT_SUBMIT, &submit, "SUBMIT");
	query.first_id = submit.first_job_id;
	call(b, DRM_IOCTL_WEFT_JOB_QUERY, &query, "JOB_QUERY");
}

static void jobs(struct bench *b, const char *name, uint32_t count, bool payload, bool moved)
{
	uint32_t i;

	b->count = count;
	b->moved = moved;
	b->buffer = (struct drm_weft_buffer){
		.handle = b->bo, .access = DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE,
		.length = BYTES,
	};
	for (i = 0; i < count; i++)
		b->jobs[i] = (struct drm_weft_job){
			.program = b->program,
			.buffers = (uintptr_t)&b->buffer,
			.buffer_count = payload,
			.buffer_stride = sizeof(b->buffer),
			.reloc_stride = sizeof(struct drm_weft_reloc),
			.dep_stride = sizeof(struct drm_weft_dep),
			.out_sync_stride = sizeof(struct drm_weft_out_sync),
			.grid = { 1, 1, 1 },
		};
	measure(name, jobs_once, b);
}

static void check(struct bench *b)
{
	struct drm_weft_job_record record;
	struct drm_weft_submit submit = {
		.queue = b->queue, .job_count = 1, .job_stride = sizeof(b->jobs[0]),
		.jobs = (uintptr_t)b->jobs,
	};
	struct drm_weft_job_query query = {
		.count = 1, .stride = sizeof(record), .records = (uintptr_t)&record,
		.flags = DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK,
		.timeout_ns = UINT64_MAX,
	};

	call(b, DRM_IOCTL_WEFT_SUBMIT, &submit, "SUBMIT");
	query.first_id = submit.first_job_id;
	call(b, DRM_IOCTL_WEFT_JOB_QUERY, &query, "JOB_QUERY");
	errno = (int)record.error;
	if (record.error)
		die("a job on the served device");
}

/* ------------------------------------------------------------------------------------- device */

static pid_t server_start(const char *spin)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl("/t/weft-serve-null", "weft-serve-null", spin ? "--spin" : NULL, spin, NULL);
		die("weft-serve-null");
	}
	while (access("/sys/bus/weft/devices/" NAME, F_OK)) {
		if (waitpid(pid, NULL, WNOHANG))
			die("the server has ended");
		usleep(2000);
	}
	return pid;
}

static int pool_open(void)
{
	char path[64];
	int i, fd;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	die("no pool");
}

static void bench_open(struct bench *b)
{
	struct drm_weft_queue_create queue = {
		.service = DRM_WEFT_SERVICE_BATCH, .priority = 3, .depth = 2 * BATCH,
	};
	struct drm_weft_kernel kernel = { .name = "nop" };
	struct drm_weft_image image = { .isa = "null", .data = (uintptr_t)"x", .size = 1 };
	struct drm_weft_program_create program = {
		.images = (uintptr_t)&image, .image_count = 1, .image_stride = sizeof(image),
		.kernels = (uintptr_t)&kernel, .kernel_count = 1, .kernel_stride = sizeof(kernel),
	};
	struct drm_weft_bo_create bo = { .size = BYTES };

	memset(b, 0, sizeof(*b));
	b->fd = pool_open();
	call(b, DRM_IOCTL_WEFT_QUEUE_CREATE, &queue, "QUEUE_CREATE");
	call(b, DRM_IOCTL_WEFT_PROGRAM_CREATE, &program, "PROGRAM_CREATE");
	call(b, DRM_IOCTL_WEFT_BO_CREATE, &bo, "BO_CREATE");
	b->queue = queue.handle;
	b->program = program.handle;
	b->bo = bo.handle;
}

static void serve(const char *spin, const char *prefix)
{
	pid_t pid = server_start(spin);
	struct bench b;
	char name[64];

	bench_open(&b);
	snprintf(name, sizeof(name), "%sjob", prefix);
	jobs(&b, name, 1, false, false);
	check(&b);
	snprintf(name, sizeof(name), "%sbatch", prefix);
	jobs(&b, name, BATCH, false, false);
	if (!spin) {
		jobs(&b, "resident", 1, true, false);
		jobs(&b, "moved", 1, true, true);
	}
	check(&b);
	close(b.fd);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	while (!access("/sys/bus/weft/devices/" NAME, F_OK))
		usleep(2000);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rounds = (unsigned int)strtoul(argv[1], NULL, 0);
	if (!rounds)
		rounds = 1;
	printf("{");
	pingpong();
	serve(NULL, "");
	/* a seat that looks for work needs a processor of its own */
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		serve("1000000000", "spin_");
	printf("\n}\n");
	return 0;
}
