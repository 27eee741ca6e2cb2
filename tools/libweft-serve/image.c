// SPDX-License-Identifier: GPL-2.0-only
/*
 * The images that a seat has.
 *
 * DOC: image
 *
 * Programs come and go, models stay the same: an image is kept under its digest for some time
 * after nobody uses it, so that loading it again neither fetches nor builds. Instruction set and
 * number of kernels belong to the key because load() was told them. The list is in order of use,
 * the last used first.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

static struct weft_cached_image *weft_image_take(struct weft_seat *seat,
						 const struct weft_serve_image *wanted)
{
	struct weft_cached_image **link, *image;

	for (link = &seat->images; (image = *link); link = &image->next) {
		if (image->isa != wanted->isa || image->kernel_count != wanted->kernel_count ||
		    memcmp(image->digest, wanted->digest, sizeof(image->digest)))
			continue;
		*link = image->next;
		return image;
	}
	return NULL;
}

/* Fetches and builds. */
static int weft_image_build(struct weft_request *request, struct weft_cached_image *image,
			    uint32_t *text_size)
{
	struct weft_seat *seat = request->seat;
	struct weft_serve_fetch fetch = {
		.slot = request->abi.slot,
		.generation = request->abi.generation,
		.size = request->abi.image.size,
	};
	struct weft_load load = {
		.size = request->abi.image.size,
		.isa = image->isa,
		.kernel_count = image->kernel_count,
		.text = (char *)seat->payloads + (size_t)fetch.slot * WEFT_SERVE_PAYLOAD,
		.text_room = WEFT_SERVE_PAYLOAD,
	};
	void *data = malloc(load.size ? load.size : 1);
	int ret;

	if (!data)
		return -ENOMEM;
	fetch.data = (uintptr_t)data;
	load.data = data;
	load.text[0] = '\0';
	ret = weft_serve_sys_ioctl(seat->fd, WEFT_SERVE_IOCTL_FETCH, &fetch);
	if (!ret)
		ret = seat->ops->load(seat, &load, &image->image);
	*text_size = (uint32_t)strnlen(load.text, load.text_room);
	free(data);
	return ret;
}

int weft_image_load(struct weft_request *request, uint64_t *value, uint32_t *text_size)
{
	struct weft_seat *seat = request->seat;
	const struct weft_serve_image *wanted = &request->abi.image;
	struct weft_cached_image *image = weft_image_take(seat, wanted);
	int ret;

	if (!image) {
		image = calloc(1, sizeof(*image));
		if (!image)
			return -ENOMEM;
		memcpy(image->digest, wanted->digest, sizeof(image->digest));
		image->isa = wanted->isa;
		image->kernel_count = wanted->kernel_count;
		ret = weft_image_build(request, image, text_size);
		if (ret) {
			free(image);
			return ret;
		}
	}
	image->users++;
	image->next = seat->images;
	seat->images = image;
	*value = (uintptr_t)image;
	return 0;
}

static void weft_image_free(struct weft_seat *seat, struct weft_cached_image *image)
{
	if (seat->ops->unload)
		seat->ops->unload(seat, image->image);
	free(image);
}

void weft_image_unload(struct weft_seat *seat, uint64_t value)
{
	struct weft_cached_image *image = (struct weft_cached_image *)(uintptr_t)value;
	struct weft_cached_image **link, **oldest = NULL;
	unsigned int unused = 0;

	image->users--;
	for (link = &seat->images; *link; link = &(*link)->next) {
		if ((*link)->users)
			continue;
		unused++;
		oldest = link;
	}
	if (unused <= WEFT_IMAGES_KEPT)
		return;
	image = *oldest;
	*oldest = image->next;
	weft_image_free(seat, image);
}

void weft_image_drop_all(struct weft_seat *seat)
{
	struct weft_cached_image *image;

	while ((image = seat->images)) {
		seat->images = image->next;
		weft_image_free(seat, image);
	}
}

/* What load() gave, for a launch. */
uint64_t weft_image_find(uint64_t value)
{
	return ((struct weft_cached_image *)(uintptr_t)value)->image;
}
