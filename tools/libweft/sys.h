/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls that leave libweft.
 *
 * DOC: sys
 *
 * Everything the library asks of the system goes through these functions, each one call without
 * policy (no restart, no message). The unit tests link their own versions instead of sys.c and so
 * play the kernel.
 *
 * Rejected: a table of function pointers in the library, which would be there for tests only.
 */
#ifndef WEFT_SYS_H
#define WEFT_SYS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0 or more, or a negative errno */
int weft_sys_open(const char *path);
void weft_sys_close(int fd);
int weft_sys_ioctl(int fd, unsigned long request, void *arg);
/* name of the DRM driver behind @fd, as a string of at most @size bytes */
int weft_sys_driver(int fd, char *name, size_t size);
int weft_sys_map(int fd, uint64_t offset, size_t length, void **at);
void weft_sys_unmap(void *at, size_t length);
int weft_sys_poll(struct pollfd *fds, int timeout_ms);
ssize_t weft_sys_read(int fd, void *to, size_t length);
int weft_sys_syncobj_create(int fd, uint32_t *handle);
void weft_sys_syncobj_destroy(int fd, uint32_t handle);
/* waits to the absolute time @until, also for submission */
int weft_sys_syncobj_wait(int fd, uint32_t handle, uint64_t point, int64_t until);
/* CLOCK_MONOTONIC, ns */
uint64_t weft_sys_now(void);

#endif /* WEFT_SYS_H */
