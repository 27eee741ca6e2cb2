// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft conformance: checks of how a device ends things, and of what it leaves behind.
 *
 * DOC: weft conformance life
 *
 * These stop a device in the middle of its work in every way there is, then watch the memory that
 * it had to let go of, and use it again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conformance.h"

#define CONF_SPIN_MAX	(1u << 20)

/* Bytes that a spin writes: a sixteenth of the memory at the most */
static uint64_t conf_spin_size(const struct conf *c)
{
	uint64_t size = c->region.size / 16 & ~(uint64_t)4095;

	if (size > c->image->largest)
		size = c->image->largest;
	return size > CONF_SPIN_MAX ? CONF_SPIN_MAX : size < 4096 ? 4096 : size;
}

/* 0 or an errno */
static int conf_write_file(const char *path, const char *text)
{
	char *full = cli_path("%s", path);
	int ret = cli_write_file(full, text);

	free(full);
	return ret;
}

/* It computes, and what it computes is right. */
static void conf_works(struct conf *c, const char *after)
{
	uint64_t size = conf_largest(c) > 65536 ? 65536 : conf_largest(c), at;
	uint8_t *bytes = conf_bytes(c, size);
	struct weft_bo *src = conf_noise_bo(c, size, bytes), *dst = conf_bo(c, size);

	conf_copy(c, dst, 0, src, 0, size);
	conf_run(c);
	if (conf_look(c, dst, bytes, size, &at) == CONF_WRONG)
		conf_fail(c, "after %s it computes wrong results", after);
	weft_bo_destroy(src);
	weft_bo_destroy(dst);
	free(bytes);
}

/* -------------------------------------------------------------------------- abort */

static void conf_abort(struct conf *c, bool overdue)
{
	const char *how = overdue ? "a timeout" : "a cancel";
	uint64_t size = conf_spin_size(c), start, id;
	struct drm_weft_job_record record;
	struct weft_bo *bo = conf_bo(c, size);
	struct weft_job *job;

	job = conf_spin(c, bo, CONF_FOR_EVER);
	if (overdue)
		weft_job_limits(job, 100 * CONF_MS, 0);
	id = conf_submit(c);
	conf_running(c, id);
	start = conf_now();
	if (!overdue)
		conf_need(c, weft_cancel(c->pool, id));
	conf_wait_ns(c, id, CONF_PATIENCE, how, &record);
	if ((int)record.error != (overdue ? ETIME : ECANCELED))
		conf_fail(c, "%s ended with error %u", how, record.error);
	conf_note(c, "%s took %" PRIu64 " ms", how, (conf_now() - start) / CONF_MS);
	weft_bo_destroy(bo);
	conf_quiet(c, size, how);
	conf_works(c, how);
}

void conf_check_abort(struct conf *c)
{
	uint64_t strays = conf_strays(), resets = conf_attribute(c, "resets", 0);
	int round;

	conf_want(c, CONF_SPIN);
	for (round = 0; round < 3; round++) {
		conf_abort(c, true);
		conf_abort(c, false);
	}
	conf_no_strays(c, strays);
	resets = conf_attribute(c, "resets", 0) - resets;
	if (resets)
		conf_note(c, "by %" PRIu64 " resets", resets);
}

/* -------------------------------------------------------------------------- reset */

struct conf_ask {
	char *path;
	int ret;
};

static void *conf_ask_reset(void *arg)
{
	struct conf_ask *ask = arg;

	ask->ret = conf_write_file(ask->path, "1");
	return NULL;
}

/* In a thread of its own, for it may never come back. */
static void conf_reset_now(struct conf *c)
{
	struct conf_ask ask;
	uint64_t start = conf_now();
	struct timespec end;
	pthread_t thread;

	if (asprintf(&ask.path, "/sys/bus/weft/devices/%s/reset", c->device.name) < 0 ||
	    pthread_create(&thread, NULL, conf_ask_reset, &ask))
		conf_fail(c, "no memory");
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += CONF_PATIENCE / CONF_SECOND;
	if (pthread_timedjoin_np(thread, NULL, &end))
		conf_fail(c, "a reset has no end after %" PRIu64 " ms", CONF_PATIENCE / CONF_MS);
	if (ask.ret)
		conf_fail(c, "writing 1 to %s: %s", ask.path, strerror(ask.ret));
	free(ask.path);
	conf_note(c, "took %" PRIu64 " ms", (conf_now() - start) / CONF_MS);
}

static void conf_reset(struct conf *c)
{
	uint64_t size = conf_spin_size(c), bytes_size = 4096, strays = conf_strays(), id, at;
	uint32_t credits = c->device.compute_credits, count = credits < 4 ? credits : 4, i;
	uint8_t *bytes = conf_bytes(c, bytes_size);
	struct weft_bo *src = conf_noise_bo(c, bytes_size, bytes), *dst = conf_bo(c, bytes_size);
	struct weft_job *spin = NULL, *copy;
	struct drm_weft_job_record record;
	struct weft_bo *bo[4];

	for (i = 0; i < count; i++) {
		bo[i] = conf_bo(c, size);
		spin = conf_spin(c, bo[i], CONF_FOR_EVER);
	}
	/* it cannot have ended before the reset, which would take its result along */
	copy = conf_copy(c, dst, 0, src, 0, bytes_size);
	weft_job_flags(copy, DRM_WEFT_JOB_IDEMPOTENT | DRM_WEFT_JOB_RUN_ANYWAY);
	weft_job_after(copy, spin);
	id = conf_submit(c);
	conf_running(c, id);
	conf_reset_now(c);
	for (i = 0; i < count; i++) {
		/* those that had not started run now */
		weft_cancel(c->pool, id + i);
		conf_wait_ns(c, id + i, CONF_PATIENCE, "a run that was reset", &record);
		if (record.error != ENODEV && record.error != ECANCELED)
			conf_fail(c, "a run that was reset ended with error %u", record.error);
		weft_bo_destroy(bo[i]);
	}
	conf_wait(c, id + count, 1);
	if (conf_look(c, dst, bytes, bytes_size, &at) == CONF_WRONG)
		conf_fail(c, "a job that waited through the reset has a wrong result");
	weft_bo_destroy(src);
	weft_bo_destroy(dst);
	free(bytes);
	conf_quiet(c, size, "a reset");
	conf_works(c, "a reset");
	conf_no_strays(c, strays);
	if (!conf_refresh(c, c->device.name) || c->device.health >= DRM_WEFT_HEALTH_DRAINING)
		conf_fail(c, "it is %s after a reset", weft_health_name(c->device.health));
}

static void conf_root(struct conf *c)
{
	if (geteuid())
		conf_skip(c, "only root may do this to a device");
}

void conf_check_reset(struct conf *c)
{
	int round;

	conf_want(c, CONF_SPIN);
	conf_root(c);
	for (round = 0; round < 3; round++)
		conf_reset(c);
}

/* --------------------------------------------------------------------------- leak */

#define CONF_CYCLES	32
#define CONF_WINDOWS	3
/* what kernels with checkers keep back for a while is below this, per cycle */
#define CONF_LEAK	65536

/* Kernel memory that does not come back under pressure, bytes */
static uint64_t conf_kernel_memory(void)
{
	static const char *const kinds[] = { "SUnreclaim:", "VmallocUsed:", "Percpu:" };
	char *path = cli_path("/proc/meminfo"), line[256];
	FILE *file = fopen(path, "r");
	uint64_t sum = 0;
	size_t i;

	free(path);
	while (file && fgets(line, sizeof(line), file))
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (!strncmp(line, kinds[i], strlen(kinds[i])))
				sum += strtoull(line + strlen(kinds[i]), NULL, 10) * 1024;
	if (file)
		fclose(file);
	return sum;
}

/* References to the module of the parent's driver, -1 if it has none */
static int64_t conf_references(const struct conf *c)
{
	char *path = cli_path("%s/driver/module/refcnt", c->parent);
	char *line = cli_read_line(path);
	int64_t count = line ? strtoll(line, NULL, 10) : -1;

	free(line);
	free(path);
	return count;
}

/* One client's life: load the image, run, go. */
static void conf_cycle(struct conf *c)
{
	struct conf one = *c;

	conf_open(&one, c->device.name);
	conf_works(&one, "many programs");
	weft_close(one.pool);
}

void conf_check_leak(struct conf *c)
{
	uint64_t before, after, least = UINT64_MAX, used;
	int64_t references;
	int window, i;

	conf_cycle(c);
	conf_refresh(c, c->device.name);
	used = c->region.used;
	references = conf_references(c);
	for (window = 0; window < CONF_WINDOWS; window++) {
		before = conf_kernel_memory();
		for (i = 0; i < CONF_CYCLES; i++)
			conf_cycle(c);
		after = conf_kernel_memory();
		after = after > before ? after - before : 0;
		least = after < least ? after : least;
	}
	conf_refresh(c, c->device.name);
	if (c->region.used > used)
		conf_fail(c, "%" PRIu64 " bytes of its memory did not come back",
			  (uint64_t)c->region.used - used);
	if (conf_references(c) > references)
		conf_fail(c, "%" PRId64 " references to its module did not come back",
			  conf_references(c) - references);
	if (least > CONF_CYCLES * CONF_LEAK)
		conf_fail(c, "the kernel's memory grew by %" PRIu64 " bytes with every program",
			  least / CONF_CYCLES);
	conf_note(c, "%d programs loaded and unloaded", CONF_WINDOWS * CONF_CYCLES);
}

/* --------------------------------------------------------------------- preemption */

void conf_check_preemption(struct conf *c)
{
	uint32_t level = c->device.preempt_level, credits = c->device.compute_credits, i;
	uint64_t size = 4096, id, more, resets = conf_attribute(c, "resets", 0);
	struct drm_weft_job_record record;
	struct weft_bo *bo[CONF_KERNELS];

	if (level > 2)
		conf_fail(c, "it declares level %u, and there is no call to save a run yet", level);
	conf_note(c, "level %u", level);
	if (!level)
		return;
	conf_want(c, CONF_SPIN);
	if (credits > CONF_KERNELS - 1)
		credits = CONF_KERNELS - 1;
	/* level 1: what the device has not been fed can be taken away while it is busy */
	for (i = 0; i < credits; i++) {
		bo[i] = conf_bo(c, size);
		conf_spin(c, bo[i], CONF_FOR_EVER);
	}
	id = conf_submit(c);
	for (i = 0; i < credits; i++)
		conf_running(c, id + i);
	bo[credits] = conf_bo(c, size);
	conf_spin(c, bo[credits], CONF_FOR_EVER);
	more = conf_submit(c);
	conf_sleep(50 * CONF_MS);
	conf_need(c, weft_cancel(c->pool, more));
	conf_wait_ns(c, more, CONF_PATIENCE, "a job that had not started", &record);
	if (record.error != ECANCELED || record.runs)
		conf_fail(c, "more runs than the device has credits for were started");
	/* level 2: one run is stopped, the others go on */
	if (level >= 2) {
		conf_need(c, weft_cancel(c->pool, id));
		conf_wait_ns(c, id, CONF_PATIENCE, "a run that was stopped", &record);
		if (conf_attribute(c, "resets", 0) != resets)
			conf_fail(c, "it declares level %u, but one run was stopped by a reset of "
				  "the device", level);
		for (i = 1; i < credits; i++) {
			conf_need(c, weft_job_poll(c->pool, id + i, &record));
			if (record.state != DRM_WEFT_JOB_RUNNING || record.runs != 1)
				conf_fail(c, "stopping one run disturbed another");
		}
	}
	for (i = level >= 2; i < credits; i++) {
		weft_cancel(c->pool, id + i);
		conf_wait_ns(c, id + i, CONF_PATIENCE, "a cancelled run", &record);
	}
}

/* ---------------------------------------------------------------------- telemetry */

struct conf_sensor {
	const char *file;
	double least;
	double most;
	bool rises;
};

static const struct conf_sensor conf_sensors[] = {
	{ "temp1_input", -60000, 200000, false },	/* m degrees Celsius */
	{ "power1_input", 0, 1e11, false },		/* uW */
	{ "power1_average", 0, 1e11, false },
	{ "energy1_input", 0, 1e18, true },		/* uJ */
	{ "freq1_input", 0, 1e12, false },		/* Hz */
};

#define CONF_SENSORS	(sizeof(conf_sensors) / sizeof(conf_sensors[0]))

/* The sensors that exist, by index; how many */
static uint32_t conf_read_sensors(struct conf *c, double *values, bool *there)
{
	char *folder = cli_path("/sys/bus/weft/devices/%s/hwmon", c->device.name);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	uint32_t count = 0;
	size_t i;

	memset(there, 0, CONF_SENSORS * sizeof(*there));
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "hwmon", 5))
			continue;
		for (i = 0; i < CONF_SENSORS; i++) {
			char *path = NULL, *line;

			if (asprintf(&path, "%s/%s/%s", folder, entry->d_name,
				     conf_sensors[i].file) < 0)
				continue;
			line = cli_read_line(path);
			if (line) {
				values[i] = strtod(line, NULL);
				there[i] = true;
				count++;
			}
			free(line);
			free(path);
		}
	}
	if (dir)
		closedir(dir);
	free(folder);
	return count;
}

void conf_check_telemetry(struct conf *c)
{
	double before[CONF_SENSORS], after[CONF_SENSORS];
	bool there[CONF_SENSORS], still[CONF_SENSORS];
	struct drm_weft_device_info then = c->device;
	uint32_t count = conf_read_sensors(c, before, there), i;

	for (i = 0; i < 10; i++)
		conf_works(c, "a look at its sensors");
	if (!conf_refresh(c, c->device.name))
		conf_fail(c, "the device is gone");
	if (c->device.jobs_done < then.jobs_done + 10)
		conf_fail(c, "10 jobs ran, it counted %" PRIu64,
			  (uint64_t)(c->device.jobs_done - then.jobs_done));
	if (c->device.jobs_failed > then.jobs_failed)
		conf_fail(c, "no job failed, it counted some");
	if (c->device.busy_ns < then.busy_ns)
		conf_fail(c, "its busy time went back");
	conf_read_sensors(c, after, still);
	for (i = 0; i < CONF_SENSORS; i++) {
		const struct conf_sensor *s = &conf_sensors[i];

		if (there[i] != still[i])
			conf_fail(c, "%s comes and goes", s->file);
		if (!there[i])
			continue;
		if (after[i] < s->least || after[i] > s->most)
			conf_fail(c, "%s is %.0f", s->file, after[i]);
		if (s->rises && after[i] < before[i])
			conf_fail(c, "%s went from %.0f to %.0f", s->file, before[i], after[i]);
	}
	conf_note(c, "%u sensors", count);
}

/* ------------------------------------------------------------------------- remove */

/* How the device is taken out and brought back: by its driver, or, simulated, by configfs */
struct conf_plug {
	char *out;
	char *in;
	const char *out_text;
	const char *in_text;
};

static void conf_plug_find(struct conf *c, struct conf_plug *plug)
{
	char *driver = cli_path("%s/driver", c->parent), *real = realpath(driver, NULL);
	const char *name = strrchr(c->parent, '/') + 1;

	free(driver);
	if (real) {
		if (asprintf(&plug->out, "%s/unbind", real) < 0 ||
		    asprintf(&plug->in, "%s/bind", real) < 0)
			conf_fail(c, "no memory");
		plug->out_text = name;
		plug->in_text = name;
		return;
	}
	plug->out = cli_path("/sys/kernel/config/weft_sim/%s/enabled", c->device.name);
	plug->in = plug->out;
	plug->out_text = "0";
	plug->in_text = "1";
	if (access(plug->out, W_OK))
		conf_skip(c, "its parent has no driver that it could be unbound from");
}

static void conf_remove(struct conf *c, const struct conf_plug *plug)
{
	uint32_t credits = c->device.compute_credits, count = credits < 4 ? credits : 4, i;
	uint64_t size = conf_spin_size(c), strays = conf_strays(), id, end, start;
	struct drm_weft_job_record record;
	struct weft_bo *bo[5];
	char *name = strdup(c->device.name);
	bool spins = conf_has(c, CONF_SPIN);
	int ret;

	if (!name)
		conf_fail(c, "no memory");
	for (i = 0; i <= count; i++)
		bo[i] = conf_bo(c, size);
	for (i = 0; i < count; i++) {
		if (spins)
			conf_spin(c, bo[i], 300 * CONF_MS);
		else
			conf_copy(c, bo[i], 0, bo[count], 0, size);
	}
	id = conf_submit(c);
	if (spins)
		conf_running(c, id);
	start = conf_now();
	ret = conf_write_file(plug->out, plug->out_text);
	if (ret)
		conf_fail(c, "%s: %s", plug->out, strerror(ret));
	conf_note(c, "took %" PRIu64 " ms", (conf_now() - start) / CONF_MS);
	if (conf_refresh(c, name))
		conf_fail(c, "it is still in the pool after it was removed");
	for (i = 0; i < count; i++) {
		conf_wait_ns(c, id + i, CONF_PATIENCE, "a job on a device that left", &record);
		if (record.error && record.error != ENODEV)
			conf_fail(c, "a job on a device that left ended with error %u",
				  record.error);
	}
	for (i = 0; i <= count; i++)
		weft_bo_destroy(bo[i]);
	conf_sleep(CONF_WATCH);
	free(name);

	ret = conf_write_file(plug->in, plug->in_text);
	if (ret)
		conf_fail(c, "%s: %s", plug->in, strerror(ret));
	for (end = conf_now() + CONF_PATIENCE;; conf_sleep(10 * CONF_MS)) {
		name = conf_find_name(c->parent);
		if (name && conf_refresh(c, name))
			break;
		free(name);
		if (conf_now() > end)
			conf_fail(c, "it does not come back");
	}
	free(name);
	conf_no_strays(c, strays);
	conf_works(c, "a return");
}

void conf_check_remove(struct conf *c)
{
	struct conf_plug plug = { };
	int round;

	conf_root(c);
	conf_plug_find(c, &plug);
	for (round = 0; round < 3; round++)
		conf_remove(c, &plug);
}
