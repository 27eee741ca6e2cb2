// SPDX-License-Identifier: GPL-2.0-only
/*
 * A seat: weft's requests as commands of OpenCL.
 *
 * DOC: opencl_seat
 *
 * Launches and copies are queued; OpenCL calls back when one is over, from a thread of its own, and
 * that completes the request. Launches go to one queue, in order, whose events tell when the device
 * began and ended; copies go to another.
 *
 * A command that fails when it runs says that something is broken, and not what else is: OpenCL
 * does not tell whether the context still computes what it should. So the request fails with
 * OpenCL's number and the seat ends. A command that is refused when it is queued has done nothing:
 * only its job fails.
 *
 * Whatever a tenant has compiled may do as the process does. So a seat that root started gets a
 * /tmp of its own before the first call of OpenCL, where compilers keep what they like and which
 * goes when the process does, and is an unprivileged user from the moment it has its context.
 *
 * Rejected: ABORT (OpenCL cannot stop a launch: weft kills the seat, and so the launch); a thread
 * that waits for events (the callback is all it would do); copies without an event.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seat.h"

#define MIB	(1ull << 20)

static void seat_say(struct weft_seat *seat, uint64_t job, const char *text)
{
	fprintf(stderr, "weft-serve-opencl: tenant %s, job %llu: %s\n", weft_seat_tenant(seat),
		(unsigned long long)job, text);
}

uint64_t weft_opencl_seat_memory(const struct weft_opencl_options *options,
				 const struct weft_opencl_device *device,
				 struct weft_opencl_error *error)
{
	uint64_t bytes = options->memory, most = device->alloc_max / MIB * MIB;

	/* half of it for all seats: others use the device, too, and contexts need room */
	if (!bytes)
		bytes = device->memory / 2 / options->seats / MIB * MIB;
	else if (bytes > most)
		return weft_opencl_refuse(error, EINVAL, "the device makes allocations of %llu MiB "
					  "at the most: --memory cannot be more", most / MIB), 0;
	if (bytes > most)
		bytes = most;
	return bytes ? bytes : MIB;
}

static int seat_open(struct weft_seat *seat, uint64_t *arena)
{
	const struct weft_opencl_options *options = weft_seat_config(seat)->priv;
	struct weft_opencl_context *context;
	struct weft_opencl_device device;
	struct weft_opencl_error error;
	uint64_t size = 0;
	int ret;

	ret = weft_opencl_device_find(options->device, &device, &error);
	if (!ret && device.svm && !options->handles) {
		size = weft_opencl_seat_memory(options, &device, &error);
		ret = size ? 0 : -EINVAL;
	}
	if (!ret)
		ret = weft_opencl_context_create(&context, &device, size, &error);
	if (ret) {
		fprintf(stderr, "weft-serve-opencl: %s\n", error.text);
		return ret;
	}
	weft_seat_set_priv(seat, context);
	*arena = (uintptr_t)context->arena;
	return options->user ? weft_opencl_confine_user(options->user) : 0;
}

static void seat_close(struct weft_seat *seat)
{
	weft_opencl_context_destroy(weft_seat_priv(seat));
}

static int seat_load(struct weft_seat *seat, struct weft_load *load, uint64_t *image)
{
	struct weft_opencl_error error;
	struct weft_opencl_image *made;
	size_t said;
	int ret;

	ret = weft_opencl_image_build(weft_seat_priv(seat), load->data, load->size, load->isa != 0,
				      load->kernel_count, &made, load->text, load->text_room,
				      &error);
	if (ret) {
		/* what is wrong in one line, then what the compiler said, if there is room */
		char *log = strdup(load->text);

		said = (size_t)snprintf(load->text, load->text_room, "%s\n", error.text);
		if (log && said < load->text_room)
			snprintf(load->text + said, load->text_room - said, "%s", log);
		free(log);
		return ret;
	}
	*image = (uintptr_t)made;
	return 0;
}

static void seat_unload(struct weft_seat *seat, uint64_t image)
{
	(void)seat;
	weft_opencl_image_destroy((struct weft_opencl_image *)(uintptr_t)image);
}

/* OpenCL is done with a command; on a thread of OpenCL's. */
static void CL_CALLBACK seat_done(cl_event event, cl_int status, void *data)
{
	struct weft_request *request = data;
	struct weft_seat *seat = request->seat;
	cl_ulong start = 0, end = 0;
	char text[64];

	if (status < 0) {
		snprintf(text, sizeof(text), "OpenCL error %d, this seat ends", status);
		seat_say(seat, request->abi.id, text);
		request->code = (uint32_t)-status;
		weft_request_end(request, -EIO);
		weft_seat_leave(seat, -EIO);
	}
	if (request->abi.op == WEFT_SERVE_OP_LAUNCH &&
	    !clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof(start), &start,
				     NULL) &&
	    !clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(end), &end, NULL)) {
		request->start_ns = start;
		request->end_ns = end;
	}
	clReleaseEvent(event);
	weft_request_done(request, 0);
}

/* A command was queued, or @ret says why not. */
static int seat_queued(struct weft_request *request, int ret, cl_event event,
		       const struct weft_opencl_error *error)
{
	cl_int code;

	if (ret) {
		seat_say(request->seat, request->abi.id, error->text);
		request->code = (uint32_t)-error->code;
		return ret;
	}
	code = clSetEventCallback(event, CL_COMPLETE, seat_done, request);
	if (!code)
		return WEFT_SERVE_LATER;
	/* it runs, and nobody would tell when it is over */
	clWaitForEvents(1, &event);
	clReleaseEvent(event);
	request->code = (uint32_t)-code;
	return -EIO;
}

static int seat_launch(struct weft_request *request)
{
	const struct weft_serve_launch *launch = &request->abi.launch;
	const struct weft_opencl_image *image = (void *)(uintptr_t)request->image;
	struct weft_opencl_error error = {};
	cl_event event = NULL;
	int ret;

	if (launch->kernel >= image->kernel_count)
		return -EINVAL;
	ret = weft_opencl_kernel_launch(weft_seat_priv(request->seat),
					&image->kernels[launch->kernel], request->args,
					launch->args_size, request->relocs, launch->reloc_count,
					launch->grid, &event, &error);
	return seat_queued(request, ret, event, &error);
}

static int seat_copy(struct weft_request *request)
{
	struct weft_opencl_context *context = weft_seat_priv(request->seat);
	const struct weft_serve_copy *copy = &request->abi.copy;
	struct weft_opencl_error error = {};
	cl_event event = NULL;
	int ret;

	switch (request->abi.op) {
	case WEFT_SERVE_OP_COPY_IN:
		ret = weft_opencl_memory_write(context, copy->device, request->bytes, copy->length,
					       &event, &error);
		break;
	case WEFT_SERVE_OP_COPY_OUT:
		ret = weft_opencl_memory_read(context, copy->device, request->bytes, copy->length,
					      &event, &error);
		break;
	default:
		ret = weft_opencl_memory_clear(context, copy->device, copy->length, &event, &error);
	}
	return seat_queued(request, ret, event, &error);
}

static int seat_alloc(struct weft_seat *seat, uint64_t size, uint64_t *handle)
{
	struct weft_opencl_error error;
	int ret = weft_opencl_memory_alloc(weft_seat_priv(seat), size, handle, &error);

	if (ret)
		seat_say(seat, 0, error.text);
	return ret;
}

static int seat_free(struct weft_seat *seat, uint64_t handle, uint64_t size)
{
	struct weft_opencl_error error;
	int ret = weft_opencl_memory_free(weft_seat_priv(seat), handle, &error);

	(void)size;
	if (ret)
		seat_say(seat, 0, error.text);
	return ret;
}

const struct weft_serve_ops weft_opencl_seat_ops = {
	.open = seat_open,
	.close = seat_close,
	.load = seat_load,
	.unload = seat_unload,
	.launch = seat_launch,
	.copy = seat_copy,
	.alloc = seat_alloc,
	.free = seat_free,
};
