/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of libweft-serve share.
 *
 * DOC: private
 */
#ifndef WEFT_SERVE_PRIVATE_H
#define WEFT_SERVE_PRIVATE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "sys.h"
#include "weft-serve.h"

/* Images that nobody uses and that are kept, should a tenant load them again */
#define WEFT_IMAGES_KEPT	16

/* One image of the runtime, under the digest of its bytes; the kernel is given its address. */
struct weft_cached_image {
	struct weft_cached_image *next;
	uint8_t digest[32];
	uint32_t isa;
	uint32_t kernel_count;
	uint64_t image;
	unsigned int users;
};

/* One range of the window; @host is what the server program sees. */
struct weft_range {
	struct weft_host host;
	uint64_t offset;
};

struct weft_seat {
	struct weft_serve_config config;
	const struct weft_serve_ops *ops;
	void *priv;
	int fd;
	char tenant[WEFT_SERVE_NAME_LEN];
	uint32_t slots;

	struct weft_serve_ring *ring;
	size_t ring_size;
	const struct weft_serve_request *requests;
	struct weft_serve_completion *completions;
	uint8_t *payloads;
	uint8_t *window;

	/* by slot */
	struct weft_request *under_way;
	uint32_t sq_head;
	bool retired;

	/* guards cq_tail, what goes with it, and weft_request.under_way and aborter */
	pthread_mutex_t lock;
	uint32_t cq_tail;

	/* the dispatcher's alone */
	struct weft_cached_image *images;
	struct weft_range **ranges;
	size_t range_count;
	size_t range_room;
};

int weft_serve_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
int weft_serve_config_check(const struct weft_serve_config *config,
			    const struct weft_serve_ops *ops);
int weft_serve_node_open(const struct weft_serve_config *config);
int weft_serve_version_check(int fd);
/* the nodes that $WEFT_SERVE_NODES names */
int weft_serve_add_named(struct weft_serve_offer *offer);

int weft_image_load(struct weft_request *request, uint64_t *value, uint32_t *text_size);
void weft_image_unload(struct weft_seat *seat, uint64_t value);
void weft_image_drop_all(struct weft_seat *seat);
uint64_t weft_image_find(uint64_t value);

int weft_range_add(struct weft_seat *seat, uint64_t offset, uint64_t size);
int weft_range_remove(struct weft_seat *seat, uint64_t offset);
struct weft_host *weft_range_find(struct weft_seat *seat, uint64_t offset, uint64_t length);
void weft_range_drop_all(struct weft_seat *seat);

#endif /* WEFT_SERVE_PRIVATE_H */
