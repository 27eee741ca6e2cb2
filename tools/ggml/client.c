// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool that a ggml program uses.
 *
 * DOC: client_open
 *
 * $WEFT_NODE and $WEFT_POOL choose the pool, as for every program that uses libweft. Devices that
 * come later are not seen, as ggml asks for them once. One that leaves is, by jobs that fail.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "writer.h"

static struct weft_ggml_client the_client = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct weft_ggml_client *weft_ggml_client(void)
{
	return &the_client;
}

void weft_ggml_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("ggml-weft: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static int weft_client_program(struct weft_ggml_client *c)
{
	struct weft_image_desc image = {
		.isa = WEFT_GGML_ISA,
		.data = WEFT_GGML_IMAGE,
		.size = sizeof(WEFT_GGML_IMAGE) - 1,
	};
	struct weft_kernel_desc kernels[WEFT_GGML_KERNELS] = {
		[WEFT_GGML_QUERY].name = "query",
		[WEFT_GGML_RUN_1K].name = "run_1k",
		[WEFT_GGML_RUN_2K].name = "run_2k",
		[WEFT_GGML_RUN_4K].name = "run_4k",
	};
	uint32_t i;

	for (i = 0; i < WEFT_GGML_KERNELS; i++)
		kernels[i].args_size = weft_ggml_kernel_size(i);
	return weft_program_create(c->pool, &image, 1, kernels, WEFT_GGML_KERNELS, &c->program);
}

static bool weft_knows_ggml(const struct drm_weft_device_info *info)
{
	uint32_t i;

	for (i = 0; i < info->isa_count && i < 4; i++)
		if (!strcmp(info->isas[i], WEFT_GGML_ISA))
			return true;
	return false;
}

static int weft_client_devices(struct weft_ggml_client *c)
{
	struct weft_ggml_device *device, *all;
	struct drm_weft_device_info *list;
	uint32_t count, i;
	int ret = weft_device_list(c->pool, &list, &count);

	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		if (!weft_knows_ggml(&list[i]) || c->device_count == WEFT_GGML_DEVICES)
			continue;
		device = &c->devices[c->device_count];
		device->mask = 1ull << list[i].id;
		device->region = list[i].region;
		snprintf(device->name, sizeof(device->name), "WEFT%zu", c->device_count++);
		snprintf(device->description, sizeof(device->description), "%s (%s) of %s",
			 list[i].name, list[i].model, c->info.name);
	}
	free(list);
	if (c->device_count > 1) {
		all = &c->devices[c->device_count];
		for (i = 0; i < c->device_count; i++)
			all->mask |= c->devices[i].mask;
		all->region = c->devices[0].region;
		snprintf(all->name, sizeof(all->name), "WEFT");
		snprintf(all->description, sizeof(all->description),
			 "%zu devices of %s, weft chooses", c->device_count, c->info.name);
		c->device_count++;
	}
	return 0;
}

struct weft_ggml_client *weft_ggml_client_open(void)
{
	struct weft_ggml_client *c = &the_client;
	int ret;

	if (c->pool)
		return c;
	ret = weft_open(&c->pool, NULL);
	if (!ret)
		ret = weft_pool_info(c->pool, &c->info);
	if (!ret)
		ret = weft_client_devices(c);
	if (!ret)
		ret = weft_client_program(c);
	if (!ret)
		ret = weft_queue_create(c->pool, NULL, &c->queue);
	if (!ret)
		return c;
	weft_ggml_say("%s", weft_error());
	weft_close(c->pool);
	c->pool = NULL;
	c->device_count = 0;
	return NULL;
}
