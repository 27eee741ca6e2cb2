/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of libggml-weft.so share.
 *
 * DOC: client
 *
 * A process has one client: the pool that libweft opens by itself, and the devices of it that
 * know WEFT_GGML_ISA. They are looked up once, when ggml loads the file.
 */
#ifndef WEFT_GGML_CLIENT_H
#define WEFT_GGML_CLIENT_H

#include <pthread.h>
#include <weft.h>

#include "abi.h"
#include "ops.h"

#define WEFT_GGML_DEVICES	DRM_WEFT_MAX_DEVICES
/* jobs in one SUBMIT */
#define WEFT_GGML_BATCH		64u

/**
 * struct weft_ggml_device - a device as ggml sees it: one of weft's, or the pool
 * @ggml: what ggml is given
 * @mask: weft's devices that it stands for
 * @region: of the device; of the pool, that of the smallest one
 * @name: "WEFT0", ...; of the pool "WEFT"
 * @description: for people
 */
struct weft_ggml_device {
	struct ggml_backend_device ggml;
	uint64_t mask;
	uint32_t region;
	char name[16];
	char description[128];
};

/**
 * struct weft_ggml_buffer - a buffer of ggml's
 * @bo: weft's buffer
 * @base: a range of addresses without memory
 * @size: bytes
 * @next: the list of all of them
 * @image: what was in it at the last checkpoint, or NULL (journal.c)
 * @image_good: @image is that
 * @dirty: it is not that any more, and the journal tells how it became what it is
 * @used: the journal's generation when a job last used it
 */
struct weft_ggml_buffer {
	struct weft_bo *bo;
	char *base;
	size_t size;
	struct weft_ggml_buffer *next;
	void *image;
	bool image_good;
	bool dirty;
	uint64_t used;
};

/**
 * struct weft_ggml_client - the process's pool
 * @pool: libweft's
 * @program: the program of all jobs
 * @queue: the queue of all jobs
 * @info: limits of the pool
 * @devices: what ggml is shown: each of weft's devices; behind them, if there are several, the pool
 * @device_count: how many
 * @gone: weft's devices that have left; under @lock
 * @answers: what devices have said they can do (query.c)
 * @lock: one thread at a time asks devices
 */
struct weft_ggml_client {
	struct weft *pool;
	struct weft_program *program;
	struct weft_queue *queue;
	struct drm_weft_pool_info info;
	struct weft_ggml_device devices[WEFT_GGML_DEVICES + 1];
	size_t device_count;
	uint64_t gone;
	struct weft_ggml_answers *answers;
	pthread_mutex_t lock;
};

/* client.c */
struct weft_ggml_client *weft_ggml_client_open(void);
void weft_ggml_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct weft_ggml_client *weft_ggml_client(void);

/* query.c */
bool weft_ggml_ask(struct weft_ggml_client *client, uint64_t mask, const struct ggml_tensor *op);

/* buffer.c */
extern struct ggml_backend_buffer_type weft_ggml_buffer_type;
struct weft_ggml_buffer *weft_ggml_buffer_of(const struct ggml_tensor *tensor, uint64_t *offset);

/* graph.c */
enum ggml_status weft_ggml_compute(struct weft_ggml_client *client, uint64_t mask,
				   struct ggml_cgraph *graph);

#endif /* WEFT_GGML_CLIENT_H */
