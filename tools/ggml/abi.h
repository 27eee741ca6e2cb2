/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a ggml backend is, for the loader of ggml's API version 3.
 *
 * DOC: abi
 *
 * ggml loads backends from files, but the header that says what one looks like is not installed
 * with it. These are our own declarations of the tables that version 3 calls, as it ships with
 * ggml 0.27 in Debian; their offsets were compared with those that its libggml-base.so.0 uses, and
 * are asserted. Another version has other tables: ggml refuses a backend whose version is not its
 * own, and weft_ggml_abi_ok() refuses a libggml-base that is not of the series that these
 * declarations were compared with, so that neither calls the other by a wrong entry.
 *
 * Entries are named by what they are for. Those that weft does not have are NULL, which ggml takes
 * as "not offered"; these are declared as plain pointers.
 */
#ifndef WEFT_GGML_ABI_H
#define WEFT_GGML_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <ggml-backend.h>

#define WEFT_GGML_API_VERSION	3
/* the releases that have that version: 0.27.x */
#define WEFT_GGML_SERIES	"0.27."

/* an optional entry that is not filled in */
typedef void (*weft_ggml_none)(void);

struct ggml_backend_buffer_type {
	const char *(*name)(ggml_backend_buffer_type_t type);
	ggml_backend_buffer_t (*alloc)(ggml_backend_buffer_type_t type, size_t size);
	weft_ggml_none alloc_n;
	size_t (*alignment)(ggml_backend_buffer_type_t type);
	size_t (*max_size)(ggml_backend_buffer_type_t type);
	weft_ggml_none alloc_size;
	weft_ggml_none alloc_size_n;
	weft_ggml_none is_host;
	ggml_backend_dev_t device;
	void *context;
};

struct weft_ggml_buffer_table {
	void (*free)(ggml_backend_buffer_t buffer);
	void *(*base)(ggml_backend_buffer_t buffer);
	weft_ggml_none init_tensor;
	void (*memset_tensor)(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor,
			      uint8_t value, size_t offset, size_t size);
	void (*set_tensor)(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor,
			   const void *data, size_t offset, size_t size);
	void (*get_tensor)(ggml_backend_buffer_t buffer, const struct ggml_tensor *tensor,
			   void *data, size_t offset, size_t size);
	weft_ggml_none set_tensor_2d;
	weft_ggml_none get_tensor_2d;
	weft_ggml_none copy_tensor;
	void (*clear)(ggml_backend_buffer_t buffer, uint8_t value);
	weft_ggml_none reset;
};

struct ggml_backend_buffer {
	struct weft_ggml_buffer_table table;
	ggml_backend_buffer_type_t type;
	void *context;
	size_t size;
	enum ggml_backend_buffer_usage usage;
};

struct ggml_backend {
	ggml_guid_t guid;
	const char *(*name)(ggml_backend_t backend);
	void (*free)(ggml_backend_t backend);
	weft_ggml_none async[5];
	void (*synchronize)(ggml_backend_t backend);
	weft_ggml_none plan[4];
	enum ggml_status (*compute)(ggml_backend_t backend, struct ggml_cgraph *graph);
	weft_ggml_none event[2];
	weft_ggml_none optimize;
	ggml_backend_dev_t device;
	void *context;
};

struct ggml_backend_device {
	const char *(*name)(ggml_backend_dev_t device);
	const char *(*description)(ggml_backend_dev_t device);
	void (*memory)(ggml_backend_dev_t device, size_t *free, size_t *total);
	enum ggml_backend_dev_type (*type)(ggml_backend_dev_t device);
	void (*props)(ggml_backend_dev_t device, struct ggml_backend_dev_props *props);
	ggml_backend_t (*init)(ggml_backend_dev_t device, const char *params);
	ggml_backend_buffer_type_t (*buffer_type)(ggml_backend_dev_t device);
	weft_ggml_none host_buffer_type;
	weft_ggml_none from_host_pointer;
	bool (*supports_op)(ggml_backend_dev_t device, const struct ggml_tensor *op);
	bool (*supports_buffer_type)(ggml_backend_dev_t device, ggml_backend_buffer_type_t type);
	weft_ggml_none offload;
	weft_ggml_none event[3];
	ggml_backend_reg_t reg;
	void *context;
};

struct ggml_backend_reg {
	int api_version;
	const char *(*name)(ggml_backend_reg_t reg);
	size_t (*device_count)(ggml_backend_reg_t reg);
	ggml_backend_dev_t (*device)(ggml_backend_reg_t reg, size_t index);
	void *(*proc_address)(ggml_backend_reg_t reg, const char *name);
	void *context;
};

#define WEFT_GGML_AT(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field)

WEFT_GGML_AT(ggml_backend_buffer_type, alignment, 0x18);
WEFT_GGML_AT(ggml_backend_buffer_type, device, 0x40);
WEFT_GGML_AT(ggml_backend_buffer, table.set_tensor, 0x20);
WEFT_GGML_AT(ggml_backend_buffer, table.clear, 0x48);
WEFT_GGML_AT(ggml_backend_buffer, type, 0x58);
WEFT_GGML_AT(ggml_backend_buffer, usage, 0x70);
_Static_assert(sizeof(struct ggml_backend_buffer) == 0x78, "ggml_backend_buffer");
WEFT_GGML_AT(ggml_backend, synchronize, 0x40);
WEFT_GGML_AT(ggml_backend, compute, 0x68);
WEFT_GGML_AT(ggml_backend, device, 0x88);
WEFT_GGML_AT(ggml_backend_device, init, 0x28);
WEFT_GGML_AT(ggml_backend_device, supports_op, 0x48);
WEFT_GGML_AT(ggml_backend_device, reg, 0x78);
WEFT_GGML_AT(ggml_backend_reg, proc_address, 0x20);
WEFT_GGML_AT(ggml_backend_reg, context, 0x28);
/* what is told of a graph in ggml.h's own structures */
WEFT_GGML_AT(ggml_tensor, op_params, 0x54);
WEFT_GGML_AT(ggml_tensor, src, 0x98);
WEFT_GGML_AT(ggml_tensor, data, 0xf8);

/* Exported by libggml-base, though no header says so. */
ggml_backend_buffer_t ggml_backend_buffer_init(ggml_backend_buffer_type_t type,
					       struct weft_ggml_buffer_table table, void *context,
					       size_t size);

/* What the loader looks for in a file */
ggml_backend_reg_t ggml_backend_init(void);

#endif /* WEFT_GGML_ABI_H */
