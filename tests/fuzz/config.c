// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an operator might do meanwhile: devices, faults, tenants, policies, files in /sys.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define SIM	"/sys/kernel/config/weft_sim"
#define TENANTS	"/sys/kernel/config/weft/tenants"

static const struct {
	const char *name, *profile, *memory;
} devices[] = {
	{ "f0", "gpu", "1M" },		/* always there */
	{ "f1", "npu", "768K" },
	{ "f2", "dcu", "512K" },
	{ "f3", "null", "2M" },
};

long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	long ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static long set(const char *device, const char *attr, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), SIM "/%s/%s", device, attr);
	return put(path, text);
}

/* A copy that hangs is found out soon: there is not much time. */
static void device_enable(uint32_t i)
{
	char path[160];

	count(CALL_CONFIG, set(devices[i].name, "enabled", "1"));
	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s/copy_timeout_ns", devices[i].name);
	count(CALL_CONFIG, put(path, "2000000000"));
}

static void device_make(uint32_t i)
{
	char path[160];

	snprintf(path, sizeof(path), SIM "/%s", devices[i].name);
	mkdir(path, 0755);
	set(devices[i].name, "profile", devices[i].profile);
	set(devices[i].name, "memory", devices[i].memory);
	device_enable(i);
}

static void device_drop(uint32_t i)
{
	char path[160];

	snprintf(path, sizeof(path), SIM "/%s", devices[i].name);
	count(CALL_CONFIG, rmdir(path) ? -errno : 0);
}

void config_setup(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(devices); i++)
		device_make(i);
}

void config_teardown(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(devices); i++)
		device_drop(i);
	rmdir(TENANTS "/fuzz");
}

/* every readable file below @path is read; the tree is small */
static void read_all(const char *path, int depth)
{
	DIR *dir = opendir(path);
	char sub[512], buf[4096];
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, d->d_name);
		if (d->d_type == DT_DIR && depth) {
			read_all(sub, depth - 1);
		} else if (d->d_type == DT_REG) {
			int fd = open(sub, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

			if (fd < 0)
				continue;
			count(CALL_CONFIG, read(fd, buf, sizeof(buf)) < 0 ? -errno : 0);
			close(fd);
		}
	}
	if (dir)
		closedir(dir);
}

void config_step(struct rng *r)
{
	static const char *const faults[] = {
		"error", "copy_error", "wrong_order", "write_after_abort", "abort_fails",
		"reset_fails", "hang", "copy_hang",
	};
	uint32_t i = below(r, ARRAY_SIZE(devices));
	char path[160], text[32];

	switch (below(r, 10)) {
	case 0:
		/* one device stays, so that most jobs have somewhere to go */
		if (!i)
			break;
		device_drop(i);
		device_make(i);
		break;
	case 1:
		if (!i)
			break;
		count(CALL_CONFIG, set(devices[i].name, "enabled", "0"));
		device_enable(i);
		break;
	case 2:
		if (!i || !one_in(r, 2))
			break;
		count(CALL_CONFIG, set(devices[i].name, "fault/vanish", "now"));
		/* back when it is gone */
		count(CALL_CONFIG, set(devices[i].name, "enabled", "0"));
		device_enable(i);
		break;
	case 3:
		if (!i)
			break;
		snprintf(path, sizeof(path), "fault/%s", faults[below(r, ARRAY_SIZE(faults))]);
		count(CALL_CONFIG, set(devices[i].name, path, "1"));
		break;
	case 4:
		snprintf(text, sizeof(text), "%u", 1 + below(r, 20000));
		count(CALL_CONFIG, set(devices[i].name, "bandwidth_down", text));
		count(CALL_CONFIG, set(devices[i].name, "price", text));
		break;
	case 5:
		count(CALL_CONFIG, put("/sys/bus/platform/devices/weft/weft/policy",
				       one_in(r, 2) ? "eft" : "fifo"));
		break;
	case 6:
		count(CALL_CONFIG, one_in(r, 2) ? mkdir(TENANTS "/fuzz", 0755) ? -errno : 0 :
						  rmdir(TENANTS "/fuzz") ? -errno : 0);
		break;
	case 7:
		snprintf(text, sizeof(text), "%u", below(r, 12000));
		count(CALL_CONFIG, put(TENANTS "/fuzz/weight", text));
		count(CALL_CONFIG, put(TENANTS "/fuzz/uid", one_in(r, 2) ? "0" : "none"));
		break;
	case 8:
		read_all("/sys/bus/weft/devices/../../../devices/platform/weft", 2);
		read_all(SIM, 2);
		read_all("/sys/kernel/config/weft", 2);
		break;
	default:
		read_all("/sys/kernel/debug/weft", 2);
		break;
	}
}

/*
 * What an operator would do: the job of an ordinary client could meet a fault that is still armed,
 * and so many jobs have failed on the first device that it may be draining, as it should.
 */
void config_calm(void)
{
	char path[160];

	for (uint32_t i = 1; i < ARRAY_SIZE(devices); i++)
		device_drop(i);
	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s/reset", devices[0].name);
	put(path, "1");
}

bool pool_works(void)
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
	struct weft_sim_nop args = { .work = 1 };
	struct drm_weft_job job = {
		.args = (uintptr_t)&args, .args_size = sizeof(args), .grid = { 1, 1, 1 },
	};
	struct drm_weft_submit s = {
		.jobs = (uintptr_t)&job, .job_count = 1, .job_stride = sizeof(job),
	};
	struct drm_weft_job_record record;
	struct drm_weft_job_query w = {
		.count = 1, .stride = sizeof(record), .records = (uintptr_t)&record,
		.flags = DRM_WEFT_JOB_QUERY_WAIT, .timeout_ns = now_ns() + 60 * SEC,
	};
	struct rng r = rng_make(0, 0);
	int fd = pool_open(&r, false);
	const char *what = NULL;

	errno = 0;
	if (fd < 0)
		what = "open";
	else if (ioctl(fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p))
		what = "PROGRAM_CREATE";
	else if (ioctl(fd, DRM_IOCTL_WEFT_QUEUE_CREATE, &q))
		what = "QUEUE_CREATE";
	job.program = p.handle;
	s.queue = q.handle;
	if (!what && ioctl(fd, DRM_IOCTL_WEFT_SUBMIT, &s))
		what = "SUBMIT";
	w.first_id = s.first_job_id;
	if (!what && ioctl(fd, DRM_IOCTL_WEFT_JOB_QUERY, &w))
		what = "JOB_QUERY";
	if (!what && record.error) {
		what = "its job";
		errno = (int)record.error;
	}
	if (what)
		printf("# afterwards: %s: %s\n", what, strerror(errno));
	if (fd >= 0)
		close(fd);
	return !what;
}
