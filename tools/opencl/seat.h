/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What serve.c tells seat.c.
 *
 * DOC: opencl_seat_header
 */
#ifndef WEFT_SERVE_OPENCL_SEAT_H
#define WEFT_SERVE_OPENCL_SEAT_H

#include <weft-serve.h>

#include "opencl.h"

/**
 * struct weft_opencl_options - what the command line says
 * @device: which, see weft_opencl_device_find()
 * @name: on the weft bus, NULL weft chooses
 * @user: whom seats run as; NULL: as who started the server
 * @memory: bytes per seat, 0 a share of the device's
 * @seats: tenants at a time
 * @price: of a nanosecond
 * @answer: seconds that a build or a copy may take
 * @handles: memory by HANDLES also where there is SVM
 */
struct weft_opencl_options {
	const char *device;
	const char *name;
	const char *user;
	uint64_t memory;
	uint32_t seats;
	uint32_t price;
	uint32_t answer;
	bool handles;
};

extern const struct weft_serve_ops weft_opencl_seat_ops;

/* memory of a seat, the same for the server and its seats; 0 and @error: there is not that much */
uint64_t weft_opencl_seat_memory(const struct weft_opencl_options *options,
				 const struct weft_opencl_device *device,
				 struct weft_opencl_error *error);

#endif /* WEFT_SERVE_OPENCL_SEAT_H */
