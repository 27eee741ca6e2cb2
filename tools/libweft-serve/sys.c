// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: sys
 *
 * The calls, unadorned: see sys.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys.h"

int weft_serve_sys_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void weft_serve_sys_close(int fd)
{
	close(fd);
}

int weft_serve_sys_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

int weft_serve_sys_map(int fd, uint64_t offset, size_t length, void **at)
{
	*at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	return *at == MAP_FAILED ? -errno : 0;
}

void weft_serve_sys_unmap(void *at, size_t length)
{
	munmap(at, length);
}

int weft_serve_sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int ret = poll(fds, count, timeout_ms);

	return ret < 0 ? -errno : ret;
}

ssize_t weft_serve_sys_read(int fd, void *to, size_t length)
{
	ssize_t ret = read(fd, to, length);

	return ret < 0 ? -errno : ret;
}

int weft_serve_sys_device(const char *path, uint32_t *number, uint32_t *minor_number)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	*number = major(st.st_rdev);
	*minor_number = minor(st.st_rdev);
	return 0;
}

/* The environment with @more instead of a variable of its name; one free() suffices. */
static char **weft_environment(const char *more)
{
	size_t name = (size_t)(strchr(more, '=') - more) + 1;
	size_t count, kept = 0;
	char **list;

	for (count = 0; environ[count]; count++)
		;
	list = calloc(count + 2, sizeof(*list));
	if (!list)
		return NULL;
	for (count = 0; environ[count]; count++)
		if (strncmp(environ[count], more, name))
			list[kept++] = environ[count];
	list[kept] = (char *)more;
	return list;
}

/* The server blocks signals and waits for them; its seats start with none blocked. */
pid_t weft_serve_sys_spawn(const char *program, char **argv, const char *more, int *pidfd)
{
	char **list = weft_environment(more);
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int ret;

	if (!list)
		return -ENOMEM;
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawn(&pid, program ?: "/proc/self/exe", NULL, &attr, argv, list);
	posix_spawnattr_destroy(&attr);
	free(list);
	if (ret)
		return -ret;
	*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

int weft_serve_sys_notify(const char *socket_path, const char *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t length = strlen(socket_path);
	int fd, ret = 0;

	if (length >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, socket_path, length);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

pid_t weft_serve_sys_wait(pid_t pid, int *status)
{
	pid_t ret = waitpid(pid, status, WNOHANG);

	return ret < 0 ? -errno : ret;
}

void weft_serve_sys_exit(int status)
{
	_exit(status);
}

uint64_t weft_serve_sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
