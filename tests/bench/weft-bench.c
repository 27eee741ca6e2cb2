// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-bench: what an empty ioctl and null jobs cost, through weft and through bare drm_sched.
 *
 * DOC: weft-bench
 *
 * Runs in a guest. Under exact counts (one instruction is one nanosecond) every figure is a number
 * of instructions; otherwise nanoseconds. Prints one JSON object. Medians, because the timer tick
 * falls into a few of the rounds; the clock readings around each are subtracted.
 *
 * Stages of a weft job come from its completion record, those of drm_sched from the stamps that
 * the bench module takes in the scheduler's callbacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/weft_drm.h>
#include <drm/weft_sim.h>

#include "sched/bench_sched.h"

#define BATCH	64
#define SIM	"/sys/kernel/config/weft_sim/bench"

static unsigned int rounds = 1000;
static uint64_t clock_cost;
static const char *separator = "";
static bool quiet;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "weft-bench: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static void print(const char *name, uint64_t value)
{
	if (quiet)
		return;
	printf("%s\n  \"%s\": %llu", separator, name, (unsigned long long)value);
	separator = ",";
}

static void *must_calloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("calloc");
	return p;
}

/* ------------------------------------------------------------------------------ system calls */

static void bench_calls(int pool, int sched)
{
	struct drm_weft_query q = { .topic = DRM_WEFT_QUERY_POOL, .stride = 8 };
	uint64_t *v = must_calloc(rounds, sizeof(*v));

	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t t = now();

		v[i] = now() - t;
	}
	clock_cost = median(v, rounds);
	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t t = now();

		syscall(SYS_getppid);
		v[i] = now() - t - clock_cost;
	}
	print("getppid", median(v, rounds));
	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t t;

		q.count = 0;
		t = now();
		if (ioctl(pool, DRM_IOCTL_WEFT_QUERY, &q))
			die("QUERY");
		v[i] = now() - t - clock_cost;
	}
	print("weft_empty_ioctl", median(v, rounds));
	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t t = now();

		if (ioctl(sched, WEFT_BENCH_NOP))
			die("NOP");
		v[i] = now() - t - clock_cost;
	}
	print("misc_empty_ioctl", median(v, rounds));
	free(v);
}

/* -------------------------------------------------------------------------------------- weft */

static int open_pool(void)
{
	char path[64], name[16];
	int fd;

	for (int i = 0; i < 64; i++) {
		struct drm_version v = { .name = name, .name_len = sizeof(name) - 1 };

		memset(name, 0, sizeof(name));
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !ioctl(fd, DRM_IOCTL_VERSION, &v) && !strcmp(name, "weft"))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	errno = ENODEV;
	die("weft pool");
}

static void set(const char *attr, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), SIM "/%s", attr);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die("%s", path);
	close(fd);
}

struct weft {
	int fd;
	uint32_t queue, program;
};

static void weft_setup(struct weft *w)
{
	struct {
		struct weft_sim_image_header header;
		uint32_t op;
	} data = { { WEFT_SIM_IMAGE_MAGIC, WEFT_SIM_IMAGE_VERSION, 1, 0 }, WEFT_SIM_OP_NOP };
	struct drm_weft_image image = { .isa = "sim", .data = (uintptr_t)&data, .size = 20 };
	struct drm_weft_kernel kernel = { .name = "nop", .args_size = sizeof(struct weft_sim_nop) };
	struct drm_weft_program_create p = {
		.images = (uintptr_t)&image, .kernels = (uintptr_t)&kernel,
		.image_count = 1, .image_stride = sizeof(image),
		.kernel_count = 1, .kernel_stride = sizeof(kernel),
	};
	struct drm_weft_queue_create q = { .service = DRM_WEFT_SERVICE_BATCH, .priority = 3 };

	if (mkdir(SIM, 0755))
		die(SIM);
	set("profile", "null");
	set("enabled", "1");
	if (ioctl(w->fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p) ||
	    ioctl(w->fd, DRM_IOCTL_WEFT_QUEUE_CREATE, &q))
		die("program, queue");
	w->program = p.handle;
	w->queue = q.handle;
}

static void bench_weft(struct weft *w, uint32_t count, const char *prefix)
{
	enum { TOTAL, SUBMIT, WAIT, CHECK, READY, PLACE, START, RUN, RETIRE, COUNT };
	static const char *const name[COUNT] = {
		"total", "submit_call", "wait_call", "to_queued", "to_ready", "to_picked", "to_run",
		"run_to_complete", "complete_to_user",
	};
	unsigned int n = count == 1 ? rounds : rounds / 10;
	struct weft_sim_nop args = {};
	struct drm_weft_job job[BATCH];
	struct drm_weft_job_record r[BATCH];
	uint64_t *v[COUNT];
	char key[64];

	for (int s = 0; s < COUNT; s++)
		v[s] = must_calloc(n, sizeof(*v[s]));
	for (uint32_t i = 0; i < count; i++)
		job[i] = (struct drm_weft_job) {
			.program = w->program, .args = (uintptr_t)&args, .args_size = sizeof(args),
			.grid = { 1, 1, 1 },
		};
	for (unsigned int i = 0; i < n; i++) {
		struct drm_weft_submit s = {
			.queue = w->queue, .jobs = (uintptr_t)job, .job_count = count,
			.job_stride = sizeof(job[0]),
		};
		struct drm_weft_job_query q = {
			.count = count, .stride = sizeof(r[0]), .records = (uintptr_t)r,
			.flags = DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK,
			.timeout_ns = UINT64_MAX,
		};
		const struct drm_weft_job_record *last = &r[0];
		uint64_t t0, t1, t2;

		t0 = now();
		if (ioctl(w->fd, DRM_IOCTL_WEFT_SUBMIT, &s))
			die("SUBMIT");
		t1 = now();
		q.first_id = s.first_job_id;
		if (ioctl(w->fd, DRM_IOCTL_WEFT_JOB_QUERY, &q))
			die("JOB_QUERY");
		t2 = now();
		for (uint32_t k = 0; k < count; k++) {
			if (r[k].error) {
				errno = r[k].error;
				die("null job");
			}
			if (r[k].end_ns >= last->end_ns)
				last = &r[k];
		}
		v[TOTAL][i] = t2 - t0 - 2 * clock_cost;
		v[SUBMIT][i] = t1 - t0 - clock_cost;
		v[WAIT][i] = t2 - t1 - clock_cost;
		v[CHECK][i] = last->submit_ns - t0;
		v[READY][i] = last->ready_ns - last->submit_ns;
		v[PLACE][i] = last->bind_ns - last->ready_ns;
		v[START][i] = last->start_ns - last->bind_ns;
		v[RUN][i] = last->end_ns - last->start_ns;
		v[RETIRE][i] = t2 - last->end_ns;
	}
	for (int s = 0; s < COUNT; s++) {
		snprintf(key, sizeof(key), "%s_%s", prefix, name[s]);
		print(key, median(v[s], n));
		free(v[s]);
	}
}

/* --------------------------------------------------------------------------------- drm_sched */

static void bench_sched(int fd, uint32_t count, const char *prefix)
{
	enum { TOTAL, SUBMIT, WAIT, ENTRY, QUEUE, START, RUN, RETIRE, FREE, COUNT };
	static const char *const name[COUNT] = {
		"total", "submit_call", "wait_call", "to_entry", "to_queued", "to_run",
		"run_to_complete", "complete_to_user", "complete_to_freed",
	};
	unsigned int n = count == 1 ? rounds : rounds / 10;
	uint64_t *v[COUNT];
	char key[64];

	for (int s = 0; s < COUNT; s++)
		v[s] = must_calloc(n, sizeof(*v[s]));
	for (unsigned int i = 0; i < n; i++) {
		struct weft_bench_submit s = { .count = count };
		struct weft_bench_stamps st;
		uint64_t t0, t1, t2;

		t0 = now();
		if (ioctl(fd, WEFT_BENCH_SUBMIT, &s))
			die("drm_sched submit");
		t1 = now();
		if (ioctl(fd, WEFT_BENCH_WAIT))
			die("drm_sched wait");
		t2 = now();
		if (ioctl(fd, WEFT_BENCH_STAMPS, &st))
			die("drm_sched stamps");
		v[TOTAL][i] = t2 - t0 - 2 * clock_cost;
		v[SUBMIT][i] = t1 - t0 - clock_cost;
		v[WAIT][i] = t2 - t1 - clock_cost;
		v[ENTRY][i] = st.entry - t0;
		v[QUEUE][i] = st.queued - st.entry;
		/* the worker may be faster than the submitter's next stamp */
		v[START][i] = st.run > st.queued ? st.run - st.queued : 0;
		v[RUN][i] = st.done - st.run;
		v[RETIRE][i] = t2 > st.done ? t2 - st.done : 0;
		v[FREE][i] = st.freed - st.done;
	}
	for (int s = 0; s < COUNT; s++) {
		snprintf(key, sizeof(key), "%s_%s", prefix, name[s]);
		print(key, median(v[s], n));
		free(v[s]);
	}
}

static void bench_jobs(struct weft *w, int sched)
{
	bench_weft(w, 1, "weft_single");
	bench_weft(w, BATCH, "weft_batch");
	bench_sched(sched, 1, "sched_single");
	bench_sched(sched, BATCH, "sched_batch");
}

int main(int argc, char **argv)
{
	struct weft w = {};
	unsigned int all;
	int sched;

	if (argc == 2)
		rounds = atoi(argv[1]);
	if (argc > 2 || rounds < 10) {
		fprintf(stderr, "Usage: weft-bench [ROUNDS]    (at least 10; 1000)\n");
		return 2;
	}
	sched = open("/dev/weft_bench_sched", O_RDWR | O_CLOEXEC);
	if (sched < 0)
		die("/dev/weft_bench_sched");
	w.fd = open_pool();
	weft_setup(&w);

	printf("{");
	bench_calls(w.fd, sched);
	/* the first rounds pay for cold paths and unlearned run times: not printed */
	all = rounds;
	rounds = all < 200 ? all : 200;
	quiet = true;
	bench_jobs(&w, sched);
	quiet = false;
	rounds = all;
	bench_jobs(&w, sched);
	print("rounds", rounds);
	printf("\n}\n");
	fflush(stdout);
	close(w.fd);
	close(sched);
	set("enabled", "0");
	if (rmdir(SIM))
		die("rmdir " SIM);
	return 0;
}
