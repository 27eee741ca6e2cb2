// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated devices made through configfs, modules, and small files.
 *
 * DOC: devices of a test
 *
 * Devices that the setup of a program made are kept for all its subtests; what a subtest adds
 * is removed after it, also when it failed half way.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common.h"

long file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	long ret;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	ret = n < 0 ? -errno : 0;
	close(fd);
	return ret;
}

long file_writef(const char *path, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return file_write(path, text);
}

long file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	return n;
}

long dev_set(const char *name, const char *attr, const char *value)
{
	char path[512];

	snprintf(path, sizeof(path), SIM_DIR "/%s/%s", name, attr);
	return file_write(path, value);
}

uint64_t dev_get(const char *name, const char *attr)
{
	char path[512], buf[64];
	long ret;

	snprintf(path, sizeof(path), SIM_DIR "/%s/%s", name, attr);
	ret = file_read(path, buf, sizeof(buf));
	CHECK_MSG(ret >= 0, "%s: %s", path, tap_value(ret));
	return strtoull(buf, NULL, 0);
}

long dev_enable(const char *name, bool on)
{
	return dev_set(name, "enabled", on ? "1" : "0");
}

static void dev_make(const char *name, va_list ap)
{
	const char *setting;
	char path[512];
	long ret;

	snprintf(path, sizeof(path), SIM_DIR "/%s", name);
	CHECK_MSG(!mkdir(path, 0755), "mkdir %s: %s", path, tap_value(-errno));
	while ((setting = va_arg(ap, const char *))) {
		const char *eq = strchr(setting, '=');
		char attr[64];

		CHECK(eq);
		snprintf(attr, sizeof(attr), "%.*s", (int)(eq - setting), setting);
		ret = dev_set(name, attr, eq + 1);
		CHECK_MSG(!ret, "%s: %s: %s", name, setting, tap_value(ret));
	}
}

void dev_mkdir_(const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	dev_make(name, ap);
	va_end(ap);
}

void dev_add_(const char *name, ...)
{
	va_list ap;
	long ret;

	va_start(ap, name);
	dev_make(name, ap);
	va_end(ap);
	ret = dev_enable(name, true);
	CHECK_MSG(!ret, "%s: enabled=1: %s", name, tap_value(ret));
}

long dev_remove(const char *name)
{
	char path[512];

	dev_enable(name, false);
	snprintf(path, sizeof(path), SIM_DIR "/%s", name);
	return rmdir(path) ? -errno : 0;
}

static const char *wdev_path(const char *name, const char *attr)
{
	static __thread char path[512];

	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s/%s", name, attr);
	return path;
}

long wdev_set(const char *name, const char *attr, const char *value)
{
	return file_write(wdev_path(name, attr), value);
}

uint64_t wdev_get(const char *name, const char *attr)
{
	char buf[64];
	long ret = file_read(wdev_path(name, attr), buf, sizeof(buf));

	CHECK_MSG(ret >= 0, "%s: %s: %s", name, attr, tap_value(ret));
	return strtoull(buf, NULL, 0);
}

bool wdev_is(const char *name, const char *attr, const char *want)
{
	char buf[64];

	return file_read(wdev_path(name, attr), buf, sizeof(buf)) >= 0 && !strcmp(buf, want);
}

void wdev_reach(const char *name, const char *attr, const char *want)
{
	uint64_t end = in_ns(PATIENCE);
	char buf[64];

	while (!wdev_is(name, attr, want)) {
		if (now_ns() >= end) {
			if (file_read(wdev_path(name, attr), buf, sizeof(buf)) < 0)
				strcpy(buf, "not there");
			tap_fail(__FILE__, __LINE__, "%s: %s stays %s, wanted %s", name, attr, buf,
				 want);
		}
		sleep_ms(1);
	}
}

static char *kept[16];

void devs_keep(void)
{
	DIR *dir = opendir(SIM_DIR);
	struct dirent *d;
	size_t n = 0;

	CHECK_MSG(dir, SIM_DIR ": %s", tap_value(-errno));
	while ((d = readdir(dir)) && n < ARRAY_SIZE(kept) - 1)
		if (d->d_name[0] != '.')
			kept[n++] = strdup(d->d_name);
	closedir(dir);
}

static bool is_kept(const char *name)
{
	for (char **k = kept; *k; k++)
		if (!strcmp(*k, name))
			return true;
	return false;
}

void devs_cleanup(bool last)
{
	static const char *const dirs[] = { POOL_DIR, SIM_DIR, TENANT_DIR };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		DIR *dir = opendir(dirs[i]);
		struct dirent *d;
		char path[512];

		if (!dir)
			continue;
		while ((d = readdir(dir))) {
			if (d->d_name[0] == '.' || (!last && is_kept(d->d_name)))
				continue;
			snprintf(path, sizeof(path), "%s/%s", dirs[i], d->d_name);
			if (dirs[i] == dirs[1])
				dev_enable(d->d_name, false);
			if (rmdir(path) && errno != ENOTDIR && errno != EPERM)
				tap_note("rmdir %s: %s", path, tap_value(-errno));
		}
		closedir(dir);
	}
}

static void __attribute__((constructor)) cleanup_add(void)
{
	tap_cleanup = devs_cleanup;
}

long module_load(const char *name, const char *params)
{
	char path[128];
	int fd;
	long ret;

	/* what modprobe would do; the fences stay when weft goes */
	if (!strcmp(name, "weft")) {
		ret = module_load("weft_fence", "");
		if (ret && ret != -EEXIST)
			return ret;
	}
	snprintf(path, sizeof(path), "/t/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

long module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

long module_unload_soon(const char *name)
{
	long ret = module_unload(name);

	for (int i = 0; i < 100 && (ret == -EAGAIN || ret == -EBUSY); i++) {
		sleep_ms(20);
		ret = module_unload(name);
	}
	return ret;
}
