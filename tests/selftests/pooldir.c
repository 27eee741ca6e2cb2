// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools made through configfs, and their nodes found through sysfs.
 *
 * DOC: pools of a test
 *
 * What a subtest makes is removed after it by devs_cleanup(); "default" stays.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common.h"

long pool_set(const char *name, const char *attr, const char *value)
{
	char path[512];

	snprintf(path, sizeof(path), POOL_DIR "/%s/%s", name, attr);
	return file_write(path, value);
}

long pool_get(const char *name, const char *attr, char *buf, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), POOL_DIR "/%s/%s", name, attr);
	return file_read(path, buf, size);
}

long pool_enable(const char *name, bool on)
{
	return pool_set(name, "enabled", on ? "1" : "0");
}

long pool_rmdir(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), POOL_DIR "/%s", name);
	return rmdir(path) ? -errno : 0;
}

void pool_mkdir_(const char *name, ...)
{
	const char *setting;
	char path[512];
	va_list ap;
	long ret;

	snprintf(path, sizeof(path), POOL_DIR "/%s", name);
	CHECK_MSG(!mkdir(path, 0755), "mkdir %s: %s", path, tap_value(-errno));
	va_start(ap, name);
	while ((setting = va_arg(ap, const char *))) {
		const char *eq = strchr(setting, '=');
		char attr[64];

		CHECK(eq);
		snprintf(attr, sizeof(attr), "%.*s", (int)(eq - setting), setting);
		ret = pool_set(name, attr, eq + 1);
		CHECK_MSG(!ret, "%s: %s: %s", name, setting, tap_value(ret));
	}
	va_end(ap);
}

long pool_node(const char *name, const char *kind, char *path, size_t size)
{
	static const char *const classes[][2] = {
		{ "/sys/class/accel", "/dev/accel" },
		{ "/sys/class/drm", "/dev/dri" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		DIR *dir = opendir(classes[i][0]);
		struct dirent *d;
		char file[512], text[64];

		while (dir && (d = readdir(dir))) {
			if (strncmp(d->d_name, kind, strlen(kind)))
				continue;
			snprintf(file, sizeof(file), "%s/%s/device/weft/name", classes[i][0],
				 d->d_name);
			if (file_read(file, text, sizeof(text)) < 0 || strcmp(text, name))
				continue;
			snprintf(path, size, "%s/%s", classes[i][1], d->d_name);
			closedir(dir);
			return 0;
		}
		if (dir)
			closedir(dir);
	}
	return -ENOENT;
}

int pool_open_name(const char *name)
{
	char path[512];
	long ret = pool_node(name, "accel", path, sizeof(path));
	int fd;

	if (ret)
		ret = pool_node(name, "renderD", path, sizeof(path));
	if (ret)
		return ret;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

const char *dev_pool(const char *device)
{
	static char text[64];
	char path[512];
	long ret;

	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s/pool", device);
	ret = file_read(path, text, sizeof(text));
	CHECK_MSG(ret >= 0, "%s: %s", path, tap_value(ret));
	return text;
}

long dev_move(const char *device, const char *pool)
{
	char path[512];

	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s/pool", device);
	return file_write(path, pool);
}
