// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-serve-null: a device whose launches end as soon as they begin.
 *
 * DOC: weft-serve-null
 *
 * What is left of a job's cost is what serving costs. Copies are real, so that a benchmark with a
 * payload moves it. Arguments: --spin NS, how long a seat looks for work before it sleeps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <drm/weft_drm.h>
#include <weft-serve.h>

#define MEMORY	(64ull << 20)

static int null_open(struct weft_seat *seat, uint64_t *arena)
{
	void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);

	(void)seat;
	if (memory == MAP_FAILED)
		return -errno;
	*arena = (uintptr_t)memory;
	return 0;
}

static int null_load(struct weft_seat *seat, struct weft_load *load, uint64_t *image)
{
	(void)seat;
	(void)load;
	*image = 1;
	return 0;
}

static int null_launch(struct weft_request *request)
{
	(void)request;
	return 0;
}

static int null_copy(struct weft_request *request)
{
	void *device = (void *)(uintptr_t)request->abi.copy.device;

	if (request->abi.op == WEFT_SERVE_OP_COPY_IN)
		memcpy(device, request->bytes, request->abi.copy.length);
	else if (request->abi.op == WEFT_SERVE_OP_COPY_OUT)
		memcpy(request->bytes, device, request->abi.copy.length);
	else
		memset(device, 0, request->abi.copy.length);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct weft_serve_ops ops = {
		.open = null_open,
		.load = null_load,
		.launch = null_launch,
		.copy = null_copy,
	};
	struct weft_serve_config config = {
		.offer = {
			.name = "null0",
			.vendor = "weft",
			.model = "null",
			.link = "shm",
			.features = WEFT_SERVE_F_EVENTS,
			.isas = { "null" },
			.dev_class = DRM_WEFT_CLASS_CPU,
			.engines = 1,
			.credits = 64,
			.streams = 1,
			.seats = 4,
			.recovery = WEFT_SERVE_RECOVERY_FAIL,
			.numa_node = -1,
			.memory_size = MEMORY,
			.bandwidth_down = 10000,
			.bandwidth_up = 10000,
		},
	};

	if (argc == 3 && !strcmp(argv[1], "--spin")) {
		config.spin_ns = strtoull(argv[2], NULL, 0);
	} else if (argc == 3 && !strcmp(argv[1], "--idle")) {
		config.offer.idle_ns = strtoull(argv[2], NULL, 0);
	} else if (argc != 1) {
		fputs("weft-serve-null [--spin NS | --idle NS]\n", stderr);
		return 2;
	}
	return weft_serve_run(&config, &ops, argv);
}
