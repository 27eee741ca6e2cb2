// SPDX-License-Identifier: GPL-2.0-only
/*
 * echo-server: a device in a hundred lines.
 *
 * DOC: echo-server
 *
 * The example of the server authors' guide: its memory is an allocation of the seat, its one kernel
 * copies bytes, and all of it is done on the spot. Whatever the image is, it builds.
 *
 * Arguments come from a tenant, so the kernel checks them: a seat that follows a wild address harms
 * nobody but its own tenant, but it should fail the job and not die.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <drm/weft_drm.h>
#include <weft-serve.h>

#define MEMORY	(64u << 20)

struct echo_args {
	uint64_t dst;
	uint64_t src;
	uint64_t bytes;
};

static int echo_open(struct weft_seat *seat, uint64_t *arena)
{
	void *memory = aligned_alloc(4096, MEMORY);

	if (!memory)
		return -ENOMEM;
	weft_seat_set_priv(seat, memory);
	*arena = (uintptr_t)memory;
	return 0;
}

static void echo_close(struct weft_seat *seat)
{
	free(weft_seat_priv(seat));
}

static int echo_load(struct weft_seat *seat, struct weft_load *load, uint64_t *image)
{
	(void)seat;
	if (load->kernel_count != 1)
		return -ENOEXEC;
	*image = 1;
	return 0;
}

static int in_arena(struct weft_seat *seat, uint64_t address, uint64_t bytes)
{
	uint64_t offset = address - (uintptr_t)weft_seat_priv(seat);

	return offset <= MEMORY && bytes <= MEMORY - offset;
}

static int echo_launch(struct weft_request *request)
{
	const struct echo_args *args = request->args;

	if (request->abi.launch.args_size != sizeof(*args) ||
	    !in_arena(request->seat, args->dst, args->bytes) ||
	    !in_arena(request->seat, args->src, args->bytes))
		return -EFAULT;
	memmove((void *)(uintptr_t)args->dst, (void *)(uintptr_t)args->src, args->bytes);
	return 0;
}

static int echo_copy(struct weft_request *request)
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
		.open = echo_open,
		.close = echo_close,
		.load = echo_load,
		.launch = echo_launch,
		.copy = echo_copy,
	};
	static const struct weft_serve_config config = {
		.offer = {
			.name = "echo0",
			.vendor = "weft",
			.model = "echo",
			.link = "shm",
			.features = WEFT_SERVE_F_EVENTS,
			.isas = { "echo" },
			.dev_class = DRM_WEFT_CLASS_CPU,
			.engines = 1,
			.credits = 16,
			.streams = 1,
			.seats = 4,
			.recovery = WEFT_SERVE_RECOVERY_RERUN,
			.numa_node = -1,
			.memory_size = MEMORY,
			.bandwidth_down = 1000,
			.bandwidth_up = 1000,
		},
	};

	(void)argc;
	return weft_serve_run(&config, &ops, argv);
}
