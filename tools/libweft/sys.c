// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls that leave libweft.
 *
 * DOC: sys
 *
 * See sys.h. libdrm's drmIoctl() is not used for weft's own ioctls: it repeats a call on EAGAIN,
 * which a full queue answers with on purpose.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>

#include "sys.h"

int weft_sys_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void weft_sys_close(int fd)
{
	close(fd);
}

int weft_sys_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int weft_sys_driver(int fd, char *name, size_t size)
{
	drmVersionPtr version = drmGetVersion(fd);
	size_t length;

	if (!version)
		return errno ? -errno : -ENOTTY;
	length = version->name_len > 0 ? (size_t)version->name_len : 0;
	if (length >= size)
		length = size - 1;
	memcpy(name, version->name, length);
	name[length] = '\0';
	drmFreeVersion(version);
	return 0;
}

int weft_sys_map(int fd, uint64_t offset, size_t length, void **at)
{
	*at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	return *at == MAP_FAILED ? -errno : 0;
}

void weft_sys_unmap(void *at, size_t length)
{
	munmap(at, length);
}

int weft_sys_poll(struct pollfd *fds, int timeout_ms)
{
	int ret = poll(fds, 1, timeout_ms);

	return ret < 0 ? -errno : ret;
}

ssize_t weft_sys_read(int fd, void *to, size_t length)
{
	ssize_t ret = read(fd, to, length);

	return ret < 0 ? -errno : ret;
}

int weft_sys_syncobj_create(int fd, uint32_t *handle)
{
	return drmSyncobjCreate(fd, 0, handle) ? -errno : 0;
}

void weft_sys_syncobj_destroy(int fd, uint32_t handle)
{
	drmSyncobjDestroy(fd, handle);
}

int weft_sys_syncobj_wait(int fd, uint32_t handle, uint64_t point, int64_t until)
{
	unsigned int flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;

	if (!point)
		return drmSyncobjWait(fd, &handle, 1, until, flags, NULL);
	return drmSyncobjTimelineWait(fd, &handle, &point, 1, until, flags, NULL);
}

uint64_t weft_sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
