/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls that leave libweft-serve.
 *
 * DOC: sys
 *
 * Everything the library asks of the system goes through these functions, each one call without
 * policy (no restart, no message). The unit tests link their own versions instead of sys.c and so
 * play the kernel.
 */
#ifndef WEFT_SERVE_SYS_H
#define WEFT_SERVE_SYS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0 or more, or a negative errno */
int weft_serve_sys_open(const char *path);
void weft_serve_sys_close(int fd);
int weft_serve_sys_ioctl(int fd, unsigned long request, void *arg);
int weft_serve_sys_map(int fd, uint64_t offset, size_t length, void **at);
void weft_serve_sys_unmap(void *at, size_t length);
int weft_serve_sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
ssize_t weft_serve_sys_read(int fd, void *to, size_t length);
/* number of the character device at @path; -ENODEV: it is something else */
int weft_serve_sys_device(const char *path, uint32_t *major, uint32_t *minor);
/*
 * starts @program, NULL: this one again, with @argv and NAME=VALUE @more in its environment; its
 * pid, and in @pidfd a file that is readable when it has ended
 */
pid_t weft_serve_sys_spawn(const char *program, char **argv, const char *more, int *pidfd);
/* @text to the service manager that listens at @socket, a path or '@' and a name */
int weft_serve_sys_notify(const char *socket, const char *text);
/* the status of child @pid if it has ended; 0 it has not */
pid_t weft_serve_sys_wait(pid_t pid, int *status);
void weft_serve_sys_exit(int status) __attribute__((noreturn));
/* CLOCK_MONOTONIC, ns */
uint64_t weft_serve_sys_now(void);

#endif /* WEFT_SERVE_SYS_H */
