// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: served devices as a backend
 *
 * What weft's core asks of a device, put into requests. A context is a seat, and the core keeps it
 * open while anything that names it is under way. Where its part of the device's memory begins is
 * the seat's business: the core counts offsets, and here they become addresses.
 *
 * A reset gives up all seats, and always succeeds: what a seat's process could still write is its
 * own memory, or pages that it has pinned, and those are not reused (window.c).
 *
 * Rejected: a context per client (a vendor's runtime takes hundreds of megabytes for each, and
 * tenants are what has to be kept apart).
 */
#include <crypto/sha2.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_print.h>

#include "serve.h"

/** struct serve_image - a loaded image; &weft_image.priv */
struct serve_image {
	u64 value;
};

static struct serve_seat *serve_seat_at(struct serve_device *device, u64 offset, u64 *rest)
{
	return serve_seat_of(device, div64_u64_rem(offset, device->offer.memory_size, rest));
}

static int serve_load_image(struct weft_device *wdev, struct weft_image *image)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_call call = { .image = image->data, .size = image->size };
	struct weft_serve_request request = {
		.op = WEFT_SERVE_OP_LOAD,
		.image.size = image->size,
		.image.isa = image->isa,
		.image.kernel_count = image->kernel_count,
	};
	struct serve_image *loaded;
	int ret;

	loaded = kzalloc(sizeof(*loaded), GFP_KERNEL);
	if (!loaded)
		return -ENOMEM;
	sha256(image->data, image->size, request.image.digest);
	ret = serve_ring_call(serve_seat_of(device, image->context), &request, &call);
	image->log = call.text;
	image->log_size = call.text_size;
	if (ret) {
		kfree(loaded);
		return ret;
	}
	loaded->value = call.value;
	image->priv = loaded;
	return 0;
}

static void serve_unload_image(struct weft_device *wdev, struct weft_image *image)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_image *loaded = image->priv;
	struct serve_call call = { };
	struct weft_serve_request request = {
		.op = WEFT_SERVE_OP_UNLOAD,
		.image.image = loaded->value,
		.image.size = image->size,
		.image.isa = image->isa,
		.image.kernel_count = image->kernel_count,
	};

	/* a seat that is dead has forgotten it, and one that refuses keeps it to itself */
	serve_ring_call(serve_seat_of(device, image->context), &request, &call);
	image->priv = NULL;
	kfree(loaded);
}

static int serve_run(struct weft_device *wdev, struct weft_run *run)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_image *loaded = run->image->priv;

	run->priv[0] = loaded->value;
	return serve_ring_run(serve_seat_of(device, run->context), run);
}

static int serve_abort(struct weft_device *wdev, struct weft_run *run)
{
	struct serve_device *device = weft_device_priv(wdev);

	return serve_ring_abort(serve_seat_of(device, run->context), run);
}

static int serve_reset(struct weft_device *wdev)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_seat *seats[WEFT_SERVE_MAX_SEATS];
	u32 i, count = 0;

	spin_lock(&device->lock);
	for (i = 0; i < device->offer.seats; i++) {
		if (!device->seats[i])
			continue;
		seats[count] = device->seats[i];
		serve_seat_get(seats[count++]);
	}
	spin_unlock(&device->lock);
	for (i = 0; i < count; i++)
		serve_seat_lose(seats[i], ECANCELED);
	for (i = 0; i < count; i++) {
		wait_for_completion(&seats[i]->ended);
		serve_seat_put(seats[i]);
	}
	return 0;
}

static int serve_copy(struct weft_device *wdev, struct weft_copy *copy)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_seat *seat;
	u64 rest;
	int ret = 0;

	seat = serve_seat_at(device, copy->offset, &rest);
	copy->priv[0] = 0;
	if (copy->kind != WEFT_COPY_CLEAR)
		ret = serve_window_get(seat, copy->host, copy->host_offset, &copy->priv[0]);
	return ret ?: serve_ring_copy(seat, copy, rest);
}

static int serve_context_open(struct weft_device *wdev, u32 context, u32 tenant, const char *name)
{
	return serve_seat_open(weft_device_priv(wdev), wdev, context, tenant, name);
}

static void serve_context_close(struct weft_device *wdev, u32 context)
{
	serve_seat_close(weft_device_priv(wdev), context);
}

static int serve_memory_alloc(struct weft_device *wdev, u64 offset, u64 size, u64 *address)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_seat *seat;
	u64 rest;

	seat = serve_seat_at(device, offset, &rest);
	if (device->offer.memory == WEFT_SERVE_MEMORY_HANDLES)
		return serve_handle_alloc(seat, rest, size, address);
	*address = seat->arena + rest;
	return 0;
}

static void serve_memory_free(struct weft_device *wdev, u64 offset, u64 size)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_seat *seat;
	u64 rest;

	seat = serve_seat_at(device, offset, &rest);
	if (device->offer.memory == WEFT_SERVE_MEMORY_HANDLES)
		serve_handle_free(seat, rest);
}

static int serve_telemetry(struct weft_device *wdev, struct weft_telemetry *t)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct weft_serve_telemetry report;

	if (!(device->offer.features & WEFT_SERVE_F_TELEMETRY))
		return 0;
	spin_lock(&device->lock);
	report = device->telemetry;
	spin_unlock(&device->lock);
	/* which sensors there are is asked before the first report */
	t->valid = READ_ONCE(device->wdev) ? 0 : WEFT_TELEMETRY_TEMP | WEFT_TELEMETRY_POWER |
						 WEFT_TELEMETRY_ENERGY | WEFT_TELEMETRY_FREQ;
	if (report.valid & WEFT_SERVE_TELEMETRY_TEMP)
		t->valid |= WEFT_TELEMETRY_TEMP;
	if (report.valid & WEFT_SERVE_TELEMETRY_POWER)
		t->valid |= WEFT_TELEMETRY_POWER;
	if (report.valid & WEFT_SERVE_TELEMETRY_ENERGY)
		t->valid |= WEFT_TELEMETRY_ENERGY;
	if (report.valid & WEFT_SERVE_TELEMETRY_FREQ)
		t->valid |= WEFT_TELEMETRY_FREQ;
	t->temp_mc = report.temp_mc;
	t->power_uw = report.power_uw;
	t->energy_uj = report.energy_uj;
	t->freq_hz = report.freq_hz;
	return 0;
}

static void serve_dump(struct weft_device *wdev, struct drm_printer *p)
{
	struct serve_device *device = weft_device_priv(wdev);
	struct serve_seat *seat;
	u32 i;

	drm_printf(p, "seats started %lld, lost %lld, completions ignored %lld\n",
		   atomic64_read(&device->seats_started), atomic64_read(&device->seats_lost),
		   atomic64_read(&device->bad_completions));
	spin_lock(&device->lock);
	for (i = 0; i < device->offer.seats; i++) {
		seat = device->seats[i];
		if (seat)
			drm_printf(p, "seat %u: tenant %s, state %u, requests %u, slots free %u\n",
				   i, seat->name, READ_ONCE(seat->state), READ_ONCE(seat->sq_tail),
				   READ_ONCE(seat->free_count));
	}
	spin_unlock(&device->lock);
}

const struct weft_backend_ops serve_backend_ops = {
	.owner = THIS_MODULE,
	.load_image = serve_load_image,
	.unload_image = serve_unload_image,
	.run = serve_run,
	.abort = serve_abort,
	.reset = serve_reset,
	.copy = serve_copy,
	.context_open = serve_context_open,
	.context_close = serve_context_close,
	.memory_alloc = serve_memory_alloc,
	.memory_free = serve_memory_free,
	.telemetry = serve_telemetry,
	.dump = serve_dump,
};
