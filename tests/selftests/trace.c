// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trace events: the format, frozen; each event's fields against completion records; their order.
 *
 * Events are read as text from tracefs. The last subtest leaves them on and full: unloading the
 * module, which follows, has to bear that.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <stdio.h>

#include "common.h"

#define TRACING	"/sys/kernel/tracing"
#define R	DRM_WEFT_ACCESS_READ
#define W	DRM_WEFT_ACCESS_WRITE

SETUP()
{
	dev_add("a", DEV_UNIT, "speed=fill inf", "speed=add inf");
	dev_add("b", DEV_UNIT, "speed=fill inf", "speed=add inf");
	devs_keep();
}

/* Name, fields as "type name", and keys of the text: what a tool may rely on. */
#define JOB	"u64 job", "u64 client", "u32 tenant", "char kernel[32]"
static const struct {
	const char *name;
	const char *field[24];
} frozen[] = {
	{ "job_queue", { JOB, "u32 queue", "u32 service", "u32 priority", "u32 edges", "u64 size",
			 "u64 submit_ns" } },
	{ "job_ready", { JOB, "u32 moves", "u64 ready_ns" } },
	{ "job_bind", { JOB, "u32 device", "u32 moves", "u64 bind_ns", "u64 est_run_ns" } },
	{ "job_run", { JOB, "u32 device", "u32 engine", "u32 runs", "u64 start_ns",
		       "u64 timeout_ns" } },
	{ "job_done", { JOB, "u32 device", "u32 error", "u32 code", "u32 runs", "u32 moves",
			"u64 submit_ns", "u64 ready_ns", "u64 bind_ns", "u64 start_ns",
			"u64 end_ns", "u64 busy_ns", "u64 transfer_bytes" } },
	{ "transfer", { "u32 device", "u32 kind", "u64 job", "u64 client", "u32 tenant",
			"u32 error", "u64 buffer", "u64 size", "u64 bytes", "u64 start_ns",
			"u64 end_ns", "u32 dma" } },
	{ "fault", { "u32 device", "u32 kind", "u64 job", "u64 client", "u32 tenant", "u32 error",
		     "u32 code", "u64 time_ns" } },
};

enum { QUEUE, READY, BIND, RUN, DONE, TRANSFER, FAULT };

/* one event, its values in the order of its fields */
struct event {
	int type;
	uint64_t time_us;
	const char *value[24];
};

static struct event events[65536];
static uint32_t event_count;
static char *text;

static void set(const char *file, const char *value)
{
	char path[256];
	long ret;

	snprintf(path, sizeof(path), TRACING "/%s", file);
	ret = file_write(path, value);
	CHECK_MSG(!ret, "%s=%s: %s", file, value, tap_value(ret));
}

static void trace_on(void)
{
	set("events/weft/enable", "0");
	set("trace_clock", "mono");
	set("buffer_size_kb", "4096");
	set("trace", "\n");
	set("tracing_on", "1");
	set("events/weft/enable", "1");
}

/* "key=" of the next field, which must be the one expected; its value, NUL-terminated */
static const char *take(char **at, const char *field, const char *line)
{
	const char *key = strchr(field, ' ') + 1;
	size_t n = strcspn(key, "[");
	char *value = *at, *end;

	CHECK_MSG(!strncmp(value, key, n) && value[n] == '=', "no %s= at '%.40s' in: %s", key,
		  value, line);
	value += n + 1;
	end = value + strcspn(value, " ");
	*at = *end ? end + 1 : end;
	*end = 0;
	return value;
}

static void parse(char *line)
{
	struct event *e = &events[event_count];
	double seconds;
	char *at, copy[1024];

	for (e->type = 0; e->type < (int)ARRAY_SIZE(frozen); e->type++) {
		snprintf(copy, sizeof(copy), ": %s: ", frozen[e->type].name);
		at = strstr(line, copy);
		if (at)
			break;
	}
	if (e->type == (int)ARRAY_SIZE(frozen))
		return;
	CHECK(event_count < ARRAY_SIZE(events) - 1);
	event_count++;
	*at = 0;
	CHECK_MSG(strrchr(line, ' ') && sscanf(strrchr(line, ' '), "%lf", &seconds) == 1,
		  "no time in: %s", line);
	e->time_us = seconds * 1e6 + 0.5;
	at += strlen(copy);
	snprintf(copy, sizeof(copy), "%s", at);
	for (int i = 0; frozen[e->type].field[i]; i++)
		e->value[i] = take(&at, frozen[e->type].field[i], copy);
	CHECK_MSG(!*at, "more than is frozen: '%s' in: %s", at, copy);
}

/* stop, and read what there is */
static void trace_off(void)
{
	size_t size = 0, room = 1 << 20;
	FILE *f;

	set("events/weft/enable", "0");
	set("tracing_on", "0");
	f = fopen(TRACING "/trace", "r");
	CHECK(f);
	text = malloc(room);
	while (!feof(f)) {
		if (room - size < 65536) {
			room *= 2;
			text = realloc(text, room);
		}
		size += fread(text + size, 1, room - size - 1, f);
		CHECK(!ferror(f));
	}
	fclose(f);
	text[size] = 0;
	CHECK_MSG(!strstr(text, "LOST"), "events were lost");
	event_count = 0;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (line[0] != '#')
			parse(line);
	}
	set("trace", "\n");
}

static const char *str(const struct event *e, const char *key)
{
	for (int i = 0; frozen[e->type].field[i]; i++) {
		const char *name = strchr(frozen[e->type].field[i], ' ') + 1;
		size_t n = strcspn(name, "[");

		if (!strncmp(name, key, n) && !key[n])
			return e->value[i];
	}
	CHECK_MSG(false, "%s has no field %s", frozen[e->type].name, key);
	return "";
}

/* a device that does not apply is shown as -1 */
static uint64_t num(const struct event *e, const char *key)
{
	const char *s = str(e, key);

	return *s == '-' ? (uint32_t)strtol(s, NULL, 10) : strtoull(s, NULL, 10);
}

/* events of job @id, in the order of the trace */
static uint32_t of_job(uint64_t id, const struct event *found[], uint32_t room)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < event_count && n < room; i++)
		if (events[i].type <= DONE && num(&events[i], "job") == id)
			found[n++] = &events[i];
	return n;
}

/* the only event of @type for job @id */
static const struct event *only(int type, uint64_t id)
{
	const struct event *e = NULL;

	for (uint32_t i = 0; i < event_count; i++) {
		if (events[i].type != type || num(&events[i], "job") != id)
			continue;
		CHECK_MSG(!e, "%s of job %llu twice", frozen[type].name, (unsigned long long)id);
		e = &events[i];
	}
	CHECK_MSG(e, "no %s of job %llu", frozen[type].name, (unsigned long long)id);
	return e;
}

static uint32_t count(int type, const char *key, uint64_t value)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < event_count; i++)
		n += events[i].type == type && num(&events[i], key) == value;
	return n;
}

#define SAME(event, record, key) CHECK_EQ(num(event, #key), (record)->key)

/* the events of a job that ran once and in peace, against its record */
static void compare(const struct drm_weft_job_record *r, const struct drm_weft_client_info *c,
		    const char *kernel)
{
	const struct event *e[8];

	CHECK_EQ(of_job(r->id, e, ARRAY_SIZE(e)), 5);
	for (int i = 0; i < 5; i++) {
		CHECK_MSG(e[i]->type == i, "%s where %s should be", frozen[e[i]->type].name,
			  frozen[i].name);
		CHECK_EQ(num(e[i], "client"), c->id);
		CHECK_EQ(num(e[i], "tenant"), c->tenant);
		CHECK_MSG(!strcmp(str(e[i], "kernel"), kernel), "kernel %s", str(e[i], "kernel"));
		CHECK(!i || e[i]->time_us >= e[i - 1]->time_us);
	}
	SAME(e[QUEUE], r, submit_ns);
	SAME(e[READY], r, ready_ns);
	CHECK_EQ(num(e[READY], "moves"), 0);
	SAME(e[BIND], r, device);
	SAME(e[BIND], r, bind_ns);
	CHECK_EQ(num(e[BIND], "moves"), 0);
	SAME(e[RUN], r, device);
	SAME(e[RUN], r, start_ns);
	SAME(e[RUN], r, runs);
	CHECK_EQ(num(e[RUN], "engine"), 0);
	SAME(e[DONE], r, device);
	SAME(e[DONE], r, error);
	SAME(e[DONE], r, code);
	SAME(e[DONE], r, runs);
	SAME(e[DONE], r, moves);
	SAME(e[DONE], r, submit_ns);
	SAME(e[DONE], r, ready_ns);
	SAME(e[DONE], r, bind_ns);
	SAME(e[DONE], r, start_ns);
	SAME(e[DONE], r, end_ns);
	SAME(e[DONE], r, busy_ns);
	SAME(e[DONE], r, transfer_bytes);
	/* an event is written after what it tells; the text has microseconds */
	CHECK(e[QUEUE]->time_us + 1 >= r->submit_ns / 1000);
	CHECK(e[RUN]->time_us + 1 >= r->start_ns / 1000);
	CHECK(e[DONE]->time_us + 1 >= r->end_ns / 1000);
}

/* ---------------------------------------------------------------------------------- the format */

static void expect_format(const char *name, const char *const field[])
{
	char path[256], buf[8192], want[128], got[128], *line, *end;
	uint32_t size;
	int i = 0;

	snprintf(path, sizeof(path), TRACING "/events/weft/%s/format", name);
	CHECK(file_read(path, buf, sizeof(buf)) > 0);
	for (line = strstr(buf, "\tfield:"); line; line = strstr(line + 1, "\tfield:")) {
		end = strchr(line, ';');
		CHECK(end);
		snprintf(got, sizeof(got), "%.*s", (int)(end - line - 7), line + 7);
		if (strstr(got, " common_"))
			continue;
		CHECK_MSG(field[i], "%s: %s is one too many", name, got);
		CHECK_MSG(!strcmp(got, field[i]), "%s: %s where %s should be", name, got, field[i]);
		size = !strncmp(got, "char", 4) ? 32 : !strncmp(got, "u64", 3) ? 8 : 4;
		snprintf(want, sizeof(want), "size:%u;", size);
		CHECK_MSG(strstr(end, want) && strstr(end, want) < strchr(end, '\n'),
			  "%s: size of %s", name, got);
		i++;
	}
	CHECK_MSG(!field[i], "%s: %s is gone", name, field[i]);
}

TEST(format, "names, fields, their order and types are those that are frozen here")
{
	for (size_t i = 0; i < ARRAY_SIZE(frozen); i++)
		expect_format(frozen[i].name, frozen[i].field);
}

TEST(off, "nothing is written while they are off")
{
	struct client c;
	struct job job;

	trace_on();
	set("events/weft/enable", "0");
	client_open(&c);
	job_nop(&job, &c, UNIT_MS);
	job_run(&c, &job);
	trace_off();
	CHECK_EQ(event_count, 0);
}

/* ------------------------------------------------------------------------------ jobs in peace */

TEST(one, "a job: five events in order, each field as submitted or as in the record")
{
	struct drm_weft_client_info info;
	struct drm_weft_job_record r;
	struct drm_weft_queue_create q = {
		.service = DRM_WEFT_SERVICE_INTERACTIVE, .priority = 5,
	};
	const struct event *e;
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_QUEUE_CREATE, &q), 0);
	c.queue = q.handle;
	client_info(c.fd, &info);
	trace_on();
	job_nop(&job, &c, UNIT_MS);
	job.j.timeout_ns = 7 * SEC;
	job.j.size = 12345;
	job.j.device_mask = dev_mask(c.fd, "b");
	id = submit(&c, &job, 1);
	job_wait(c.fd, id, &r);
	trace_off();
	CHECK_EQ(r.error, 0);
	compare(&r, &info, "nop");
	e = only(QUEUE, id);
	CHECK_EQ(num(e, "queue"), q.handle);
	CHECK_EQ(num(e, "service"), DRM_WEFT_SERVICE_INTERACTIVE);
	CHECK_EQ(num(e, "priority"), 5);
	CHECK_EQ(num(e, "edges"), 0);
	CHECK_EQ(num(e, "size"), 12345);
	CHECK_EQ(num(only(RUN, id), "timeout_ns"), 7 * SEC);
	CHECK_EQ(count(FAULT, "job", id), 0);
}

TEST(many, "jobs with edges and data on two devices: each in order, bytes as in the records")
{
	enum { N = 120, SIZE = 16384 };
	static struct drm_weft_job_record r[N];
	static struct job job[N];
	struct drm_weft_client_info info;
	uint64_t id, bytes, sum = 0;
	const struct event *e;
	uint32_t bo[4];
	struct client c;

	client_open(&c);
	client_info(c.fd, &info);
	for (int i = 0; i < 4; i++) {
		bo[i] = bo_create(c.fd, SIZE);
		bo_fill(c.fd, bo[i], SIZE, i);
	}
	trace_on();
	for (int i = 0; i < N; i++) {
		job_add(&job[i], &c, bo[i % 4], bo[(i + 1) % 4], bo[(i + 2) % 4], SIZE);
		job[i].j.device_mask = dev_mask(c.fd, i / 3 % 2 ? "a" : "b");
	}
	id = submit(&c, job, N);
	for (int i = 0; i < N; i++)
		job_wait(c.fd, id + i, &r[i]);
	trace_off();
	for (int i = 0; i < N; i++) {
		CHECK_EQ(r[i].error, 0);
		/* the order of records is part of it, so no job may have been given back */
		CHECK_EQ(r[i].moves, 0);
		compare(&r[i], &info, "add");
		e = only(QUEUE, id + i);
		CHECK(i < 1 || num(e, "edges") >= 1);
		bytes = 0;
		for (uint32_t j = 0; j < event_count; j++) {
			e = &events[j];
			if (e->type != TRANSFER || num(e, "job") != id + i)
				continue;
			CHECK_EQ(num(e, "client"), info.id);
			CHECK_EQ(num(e, "tenant"), info.tenant);
			CHECK_EQ(num(e, "error"), 0);
			CHECK_EQ(num(e, "size"), SIZE);
			CHECK(num(e, "buffer"));
			CHECK(num(e, "bytes") == (strcmp(str(e, "kind"), "clear") ? SIZE : 0));
			CHECK(num(e, "start_ns") >= r[i].bind_ns);
			CHECK(num(e, "end_ns") >= num(e, "start_ns"));
			CHECK(num(e, "end_ns") <= r[i].start_ns);
			bytes += num(e, "bytes");
		}
		CHECK_EQ(bytes, r[i].transfer_bytes);
		sum += bytes;
	}
	CHECK(sum);
}

TEST(cpu_read, "what the CPU fetches is a transfer without a job, of the buffer's owner")
{
	struct drm_weft_client_info info;
	struct drm_weft_device_info d;
	const struct event *e;
	struct client c;
	struct job job;
	uint32_t x;

	client_open(&c);
	client_info(c.fd, &info);
	CHECK(dev_find(c.fd, "a", &d));
	x = bo_create(c.fd, 8192);
	job_fill(&job, &c, x, 8192, 3);
	job.j.device_mask = dev_mask(c.fd, "a");
	job_run(&c, &job);
	trace_on();
	bo_expect(c.fd, x, 8192, 3);
	trace_off();
	e = only(TRANSFER, 0);
	CHECK(!strcmp(str(e, "kind"), "to_host"));
	CHECK_EQ(num(e, "device"), d.id);
	CHECK_EQ(num(e, "client"), info.id);
	CHECK_EQ(num(e, "bytes"), 8192);
}

TEST(kernel_name, "a name that looks like something else does not")
{
	struct {
		struct weft_sim_image_header header;
		uint32_t op;
	} image = { .header = { WEFT_SIM_IMAGE_MAGIC, WEFT_SIM_IMAGE_VERSION, 1, 0 },
		    .op = WEFT_SIM_OP_NOP };
	struct drm_weft_image images = { .isa = "sim", .data = p64(&image), .size = sizeof(image) };
	struct drm_weft_kernel kernel = { .name = "a b=1\n\x1b[31mx\xff",
					  .args_size = sizeof(struct weft_sim_nop) };
	struct drm_weft_program_create p = {
		.images = p64(&images), .kernels = p64(&kernel), .image_count = 1,
		.image_stride = sizeof(images), .kernel_count = 1, .kernel_stride = sizeof(kernel),
	};
	struct client c;
	struct job job;
	uint64_t id;

	client_open(&c);
	CHECK_EQ(ioc(c.fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p), 0);
	c.program = p.handle;
	trace_on();
	job_nop(&job, &c, 1);
	id = submit(&c, &job, 1);
	CHECK_EQ(job_result(c.fd, id), 0);
	trace_off();
	CHECK_MSG(!strcmp(str(only(QUEUE, id), "kernel"), "a_b_1__[31mx_"), "kernel is %s",
		  str(only(QUEUE, id), "kernel"));
}

/* ----------------------------------------------------------------------- jobs that end early */

TEST(never_ready, "a job that is cancelled while it waits: queue, done, and no device")
{
	const struct event *e[8];
	struct job job[2];
	struct client c;
	uint64_t id;

	client_open(&c);
	trace_on();
	job_nop(&job[0], &c, 60000 * UNIT_MS);
	job_nop(&job[1], &c, 1);
	job_dep(&job[1], DRM_WEFT_DEP_INDEX, 0, 0);
	id = submit(&c, job, 2);
	CHECK_EQ(job_cancel(c.fd, id + 1), 0);
	CHECK_EQ(job_result(c.fd, id + 1), ECANCELED);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK_EQ(job_result(c.fd, id), ECANCELED);
	trace_off();
	CHECK_EQ(of_job(id + 1, e, ARRAY_SIZE(e)), 2);
	CHECK_EQ(e[0]->type, QUEUE);
	CHECK_EQ(num(e[0], "edges"), 1);
	CHECK_EQ(e[1]->type, DONE);
	CHECK_EQ(num(e[1], "error"), ECANCELED);
	CHECK_EQ(num(e[1], "device"), ~0u);
	CHECK_EQ(num(e[1], "runs"), 0);
	/* a cancelled run is no fault of the device */
	CHECK_EQ(count(FAULT, "job", id), 0);
	CHECK_EQ(num(only(DONE, id), "error"), ECANCELED);
}

/* --------------------------------------------------------------------------------- faults */

static const struct event *fault_of(const char *kind, uint64_t id)
{
	const struct event *e = NULL;

	for (uint32_t i = 0; i < event_count; i++) {
		if (events[i].type != FAULT || strcmp(str(&events[i], "kind"), kind))
			continue;
		CHECK_MSG(!e, "fault %s twice", kind);
		e = &events[i];
	}
	CHECK_MSG(e, "no fault %s", kind);
	CHECK_EQ(num(e, "job"), id);
	return e;
}

/* one job of 5 ms on a device with these faults set */
static uint64_t run_faulty(struct client *c, struct drm_weft_job_record *r,
			   struct drm_weft_device_info *d, const char *const faults[])
{
	struct job job;
	uint64_t id;

	dev_add("faulty", DEV_UNIT);
	for (int i = 0; faults[i]; i++)
		CHECK_EQ(dev_set("faulty", faults[i], "1"), 0);
	client_open(c);
	CHECK(dev_find(c->fd, "faulty", d));
	trace_on();
	job_nop(&job, c, 5 * UNIT_MS);
	job.j.timeout_ns = 30 * MS;
	job.j.device_mask = 1ull << d->id;
	id = submit(c, &job, 1);
	job_wait(c->fd, id, r);
	return id;
}

TEST(error, "a run that the device fails: fault error with the device's code")
{
	struct drm_weft_client_info info;
	struct drm_weft_device_info d;
	struct drm_weft_job_record r;
	const struct event *e;
	struct client c;
	uint64_t id;

	id = run_faulty(&c, &r, &d, (const char *[]){ "fault/error", NULL });
	trace_off();
	client_info(c.fd, &info);
	CHECK_EQ(r.error, EIO);
	e = fault_of("error", id);
	CHECK_EQ(num(e, "device"), d.id);
	CHECK_EQ(num(e, "client"), info.id);
	CHECK_EQ(num(e, "tenant"), info.tenant);
	CHECK_EQ(num(e, "error"), EIO);
	CHECK_EQ(num(e, "code"), WEFT_SIM_ERR_INJECTED);
	CHECK(num(e, "time_ns") >= r.start_ns);
	CHECK_EQ(num(only(DONE, id), "code"), WEFT_SIM_ERR_INJECTED);
}

TEST(hang, "a run that hangs: fault timeout; one that cannot be aborted: reset as well")
{
	static const char *const given_up[] = { "fault/hang", "fault/abort_fails",
						"fault/reset_fails", NULL };
	struct drm_weft_device_info d;
	struct drm_weft_job_record r;
	struct client c;
	uint64_t id;

	id = run_faulty(&c, &r, &d, (const char *[]){ "fault/hang", NULL });
	trace_off();
	CHECK_EQ(r.error, ETIME);
	CHECK_EQ(num(fault_of("timeout", id), "error"), ETIME);
	CHECK_EQ(count(FAULT, "device", d.id), 1);
	CHECK_EQ(dev_remove("faulty"), 0);

	id = run_faulty(&c, &r, &d, (const char *[]){ "fault/hang", "fault/abort_fails", NULL });
	trace_off();
	CHECK_EQ(num(fault_of("timeout", id), "device"), d.id);
	CHECK_EQ(num(fault_of("reset", id), "device"), d.id);
	CHECK(num(fault_of("reset", id), "time_ns") >= num(fault_of("timeout", id), "time_ns"));
	CHECK_EQ(count(FAULT, "device", d.id), 2);
	CHECK_EQ(dev_remove("faulty"), 0);

	id = run_faulty(&c, &r, &d, given_up);
	trace_off();
	CHECK_EQ(num(fault_of("quarantine", id), "device"), d.id);
	CHECK_EQ(count(FAULT, "device", d.id), 3);
}

TEST(gone, "a device that vanishes: the job is READY a second time and runs elsewhere")
{
	struct drm_weft_device_info d;
	struct drm_weft_job_record r;
	const struct event *e[16];
	uint32_t n, runs = 0;
	struct client c;
	struct job job;
	uint64_t id;

	dev_add("faulty", DEV_UNIT);
	CHECK_EQ(dev_set("faulty", "fault/vanish", "1"), 0);
	client_open(&c);
	CHECK(dev_find(c.fd, "faulty", &d));
	trace_on();
	/* the other device is busy until this one is gone */
	job_nop(&job, &c, 60000 * UNIT_MS);
	job.j.device_mask = dev_mask(c.fd, "a");
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	job_nop(&job, &c, UNIT_MS);
	job.j.flags = DRM_WEFT_JOB_IDEMPOTENT;
	job.j.device_mask = 1ull << d.id | dev_mask(c.fd, "a");
	id = submit(&c, &job, 1);
	/* on whichever it was placed */
	while (dev_find(c.fd, "faulty", &d) && job_state(c.fd, id) < DRM_WEFT_JOB_RUNNING)
		sleep_ms(1);
	job_cancel(c.fd, id - 1);
	job_wait(c.fd, id, &r);
	trace_off();
	CHECK_EQ(r.error, 0);
	CHECK_EQ(r.moves, 1);
	n = of_job(id, e, ARRAY_SIZE(e));
	CHECK_EQ(e[0]->type, QUEUE);
	CHECK_EQ(e[n - 1]->type, DONE);
	/* a device that vanishes may do so before it takes the job */
	for (uint32_t i = 1; i < n - 1; i++) {
		runs += e[i]->type == RUN;
		CHECK(e[i]->type == READY ? e[i - 1]->type == QUEUE || e[i - 1]->type == RUN ||
		      e[i - 1]->type == BIND : e[i]->type == e[i - 1]->type + 1);
	}
	CHECK_EQ(runs, r.runs);
	CHECK_EQ(e[n - 2]->type, RUN);
	CHECK_EQ(num(e[n - 2], "start_ns"), r.start_ns);
	CHECK_EQ(num(e[n - 2], "device"), r.device);
	CHECK_EQ(num(e[n - 3], "moves"), 1);
}

TEST(left_on, "the module may be unloaded with events on and its events in the buffer")
{
	struct client c;
	struct job job;

	client_open(&c);
	trace_on();
	job_nop(&job, &c, UNIT_MS);
	job_run(&c, &job);
}
