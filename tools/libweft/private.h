/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of libweft share.
 *
 * DOC: private
 *
 * Every object of a pool starts with a &struct weft_object, by which weft_close() finds and frees
 * it. A pool's lock guards that list and nothing else: the kernel serialises what matters.
 */
#ifndef WEFT_PRIVATE_H
#define WEFT_PRIVATE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "sys.h"
#include "weft.h"

struct weft_object {
	struct weft *pool;
	struct weft_object *next;
	struct weft_object **link;
	void (*free)(struct weft_object *object);
};

struct weft {
	int fd;
	char *node;
	struct drm_weft_pool_info info;
	pthread_mutex_t lock;
	struct weft_object *objects;
};

struct weft_bo {
	struct weft_object object;
	uint32_t handle;
	uint32_t flags;
	uint64_t size;
	void *map;
	uint32_t access;
};

struct weft_program {
	struct weft_object object;
	uint32_t handle;
	uint32_t kernel_count;
	struct drm_weft_kernel *kernels;
};

struct weft_queue {
	struct weft_object object;
	uint32_t handle;
};

/* A growing array of the ABI's elements */
struct weft_vector {
	void *data;
	uint32_t count;
	uint32_t room;
};

struct weft_job {
	struct weft_batch *batch;
	uint32_t index;
	struct drm_weft_job job;
	struct weft_vector args;
	struct weft_vector relocs;
	struct weft_vector buffers;
	struct weft_vector deps;
	struct weft_vector outs;
};

struct weft_batch {
	struct weft_object object;
	struct weft_job **jobs;
	uint32_t count;
	uint32_t room;
	struct drm_weft_job *array;
	uint32_t array_room;
	/* first error of a building call, with its text */
	int error;
	char text[256];
	/* takes the calls on a job that could not be made */
	struct weft_job broken;
};

int weft_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
int weft_fail_call(int error, unsigned int nr, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *weft_errno_text(int error);

int weft_call(struct weft *pool, unsigned long request, void *arg);
uint64_t weft_until(int64_t timeout_ns);

void weft_object_add(struct weft *pool, struct weft_object *object,
		     void (*free)(struct weft_object *object));
void weft_object_remove(struct weft_object *object);

#endif /* WEFT_PRIVATE_H */
