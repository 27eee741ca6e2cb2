// SPDX-License-Identifier: GPL-2.0-only
/*
 * libggml-weft.so: weft's devices as ggml's.
 *
 * DOC: backend
 *
 * ggml loads this file when GGML_BACKEND_PATH names it, and then lists each device of the pool
 * that knows ggml's graphs, as WEFT0, WEFT1 and so on, of the type GPU: programs use all of them
 * and split a model as they do over several cards. If there are several, the pool is listed too,
 * as WEFT: jobs for it run where weft finds it best. That one is of the type IGPU, which programs
 * take only if they are told to, or have no GPU, so that no device is used under two names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define WEFT_GGML_EXPORT	__attribute__((visibility("default")))

static struct weft_ggml_device *weft_device(ggml_backend_dev_t device)
{
	return device->context;
}

/* --------------------------------------------------------------- backends */

static const char *weft_backend_name(ggml_backend_t backend)
{
	return weft_device(backend->device)->name;
}

static void weft_backend_free(ggml_backend_t backend)
{
	free(backend);
}

/* jobs have ended when weft_ggml_compute() returns */
static void weft_backend_synchronize(ggml_backend_t backend)
{
	(void)backend;
}

static enum ggml_status weft_backend_compute(ggml_backend_t backend, struct ggml_cgraph *graph)
{
	return weft_ggml_compute(weft_ggml_client(), weft_device(backend->device)->mask, graph);
}

static ggml_backend_t weft_device_init(ggml_backend_dev_t device, const char *params)
{
	static ggml_guid guid = { 0x77, 0x65, 0x66, 0x74, 0x2d, 0x67, 0x67, 0x6d,
				  0x6c, 0x2d, 0x76, 0x31, 0x9e, 0x04, 0x5b, 0xd2 };
	ggml_backend_t backend = calloc(1, sizeof(*backend));

	(void)params;
	if (!backend)
		return NULL;
	backend->guid = &guid;
	backend->name = weft_backend_name;
	backend->free = weft_backend_free;
	backend->synchronize = weft_backend_synchronize;
	backend->compute = weft_backend_compute;
	backend->device = device;
	return backend;
}

/* ---------------------------------------------------------------- devices */

static const char *weft_device_name(ggml_backend_dev_t device)
{
	return weft_device(device)->name;
}

static const char *weft_device_description(ggml_backend_dev_t device)
{
	return weft_device(device)->description;
}

static void weft_device_memory(ggml_backend_dev_t device, size_t *spare, size_t *total)
{
	struct drm_weft_region_info *list;
	uint32_t count, i;

	*spare = 0;
	*total = 0;
	if (weft_region_list(weft_ggml_client()->pool, &list, &count))
		return;
	for (i = 0; i < count; i++) {
		if (list[i].id != weft_device(device)->region)
			continue;
		*total = list[i].size;
		*spare = list[i].size - list[i].used;
	}
	free(list);
}

static bool weft_device_is_pool(ggml_backend_dev_t device)
{
	uint64_t mask = weft_device(device)->mask;

	return mask & (mask - 1);
}

static enum ggml_backend_dev_type weft_device_type(ggml_backend_dev_t device)
{
	return weft_device_is_pool(device) ? GGML_BACKEND_DEVICE_TYPE_IGPU :
					     GGML_BACKEND_DEVICE_TYPE_GPU;
}

static void weft_device_props(ggml_backend_dev_t device, struct ggml_backend_dev_props *props)
{
	memset(props, 0, sizeof(*props));
	props->name = weft_device_name(device);
	props->description = weft_device_description(device);
	weft_device_memory(device, &props->memory_free, &props->memory_total);
	props->type = weft_device_type(device);
}

static ggml_backend_buffer_type_t weft_device_buffer_type(ggml_backend_dev_t device)
{
	(void)device;
	return &weft_ggml_buffer_type;
}

static bool weft_device_supports_op(ggml_backend_dev_t device, const struct ggml_tensor *op)
{
	switch (op->op) {
	case GGML_OP_NONE:
	case GGML_OP_RESHAPE:
	case GGML_OP_VIEW:
	case GGML_OP_PERMUTE:
	case GGML_OP_TRANSPOSE:
		return true;
	default:
		return weft_ggml_ask(weft_ggml_client(), weft_device(device)->mask, op);
	}
}

static bool weft_device_supports_type(ggml_backend_dev_t device, ggml_backend_buffer_type_t type)
{
	(void)device;
	return type == &weft_ggml_buffer_type;
}

static const struct ggml_backend_device weft_device_template = {
	.name = weft_device_name,
	.description = weft_device_description,
	.memory = weft_device_memory,
	.type = weft_device_type,
	.props = weft_device_props,
	.init = weft_device_init,
	.buffer_type = weft_device_buffer_type,
	.supports_op = weft_device_supports_op,
	.supports_buffer_type = weft_device_supports_type,
};

/* --------------------------------------------------------------- registry */

static const char *weft_reg_name(ggml_backend_reg_t reg)
{
	(void)reg;
	return "WEFT";
}

static size_t weft_reg_device_count(ggml_backend_reg_t reg)
{
	(void)reg;
	return weft_ggml_client()->device_count;
}

static ggml_backend_dev_t weft_reg_device(ggml_backend_reg_t reg, size_t index)
{
	(void)reg;
	return &weft_ggml_client()->devices[index].ggml;
}

static void *weft_reg_proc_address(ggml_backend_reg_t reg, const char *name)
{
	(void)reg;
	(void)name;
	return NULL;
}

static bool weft_ggml_abi_ok(void)
{
	const char *version = ggml_version();

	if (!strncmp(version, WEFT_GGML_SERIES, strlen(WEFT_GGML_SERIES)))
		return true;
	weft_ggml_say("this libggml-base is version %s; libggml-weft.so was made for %sx "
		      "(backend API version %d) and cannot be used with it", version,
		      WEFT_GGML_SERIES, WEFT_GGML_API_VERSION);
	return false;
}

WEFT_GGML_EXPORT ggml_backend_reg_t ggml_backend_init(void)
{
	static struct ggml_backend_reg reg = {
		.api_version = WEFT_GGML_API_VERSION,
		.name = weft_reg_name,
		.device_count = weft_reg_device_count,
		.device = weft_reg_device,
		.proc_address = weft_reg_proc_address,
	};
	struct weft_ggml_client *client;
	size_t i;

	if (!weft_ggml_abi_ok())
		return NULL;
	client = weft_ggml_client_open();
	if (!client)
		return NULL;
	for (i = 0; i < client->device_count; i++) {
		client->devices[i].ggml = weft_device_template;
		client->devices[i].ggml.reg = &reg;
		client->devices[i].ggml.context = &client->devices[i];
	}
	weft_ggml_buffer_type.device = &client->devices[0].ggml;
	return &reg;
}
