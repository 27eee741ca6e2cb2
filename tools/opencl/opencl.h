/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of weft-serve-opencl share: a device, a context on it, images, memory.
 *
 * DOC: opencl
 *
 * Only seat.c, serve.c and all.c know of weft's kernel part; the rest is a small executor, which
 * tests/opencl/check.c uses by itself. Functions return 0 or a negative errno, and say what was
 * wrong in &weft_opencl_error.text. All belong to one thread, except that what they queued goes on
 * by itself.
 *
 * Rejected: calling OpenCL by dlopen() (that is what an ICD loader is for).
 */
#ifndef WEFT_SERVE_OPENCL_H
#define WEFT_SERVE_OPENCL_H

#define CL_TARGET_OPENCL_VERSION	200
/* clCreateCommandQueue() is what devices of OpenCL 1.2 have */
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <drm/weft_serve.h>

/* the instruction set of images that are OpenCL C; the other is the device's own */
#define WEFT_OPENCL_ISA		"opencl-c"
/* what lines that belong to weft begin with, see image.c */
#define WEFT_OPENCL_MARK	"//weft "
#define WEFT_OPENCL_NAME	32
#define WEFT_OPENCL_TEXT	512
#define WEFT_OPENCL_KERNELS	64
#define WEFT_OPENCL_ARGS	64

/**
 * struct weft_opencl_error - why something failed
 * @code: OpenCL's number, as in CL/cl.h; 0 it was not OpenCL
 * @text: in words, one line
 */
struct weft_opencl_error {
	cl_int code;
	char text[WEFT_OPENCL_TEXT];
};

/* fill in @error and return the errno that fits @code */
int weft_opencl_fail(struct weft_opencl_error *error, cl_int code, const char *what);
/* the same for what OpenCL has no part in; returns -@number */
int weft_opencl_refuse(struct weft_opencl_error *error, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ----------------------------------------------------------------- devices */

/**
 * struct weft_opencl_device - a device as OpenCL describes it
 * @id: OpenCL's
 * @platform: whose it is
 * @type: CL_DEVICE_TYPE_*
 * @vendor: name
 * @model: name
 * @driver: version of the driver
 * @runtime: name of the platform
 * @own_isa: name of the instruction set of its own binaries: a hash of all that they depend on
 * @memory: bytes
 * @alloc_max: bytes of one allocation at the most
 * @sub_align: what the place of a sub-buffer in its buffer must be a multiple of, bytes
 * @svm: has memory whose addresses are numbers
 */
struct weft_opencl_device {
	cl_device_id id;
	cl_platform_id platform;
	cl_device_type type;
	char vendor[128];
	char model[128];
	char driver[128];
	char runtime[128];
	char own_isa[WEFT_OPENCL_NAME];
	uint64_t memory;
	uint64_t alloc_max;
	uint64_t sub_align;
	bool svm;
};

/* all devices of all platforms, in the order of the ICD loader; free() @devices */
int weft_opencl_device_list(struct weft_opencl_device **devices, uint32_t *count,
			    struct weft_opencl_error *error);
/* the one with that number in the list, or whose model has @wanted in it; NULL: the only one */
int weft_opencl_device_find(const char *wanted, struct weft_opencl_device *device,
			    struct weft_opencl_error *error);
/* "gpu", "npu", "cpu" */
const char *weft_opencl_device_class(const struct weft_opencl_device *device);

/* ---------------------------------------------------------------- contexts */

/* One allocation of a context without SVM; addresses in it are (its index + 1) << 40 and on */
struct weft_opencl_buffer {
	cl_mem mem;
	uint64_t size;
};

/**
 * struct weft_opencl_context - a context with its memory
 * @device: on which device
 * @context: OpenCL's
 * @compute: launches, in order, with times
 * @copy: copies, in order
 * @arena: with SVM, all the memory
 * @arena_size: bytes of it
 * @buffers: without
 * @buffer_count: places in @buffers, unused ones included
 */
struct weft_opencl_context {
	struct weft_opencl_device device;
	cl_context context;
	cl_command_queue compute;
	cl_command_queue copy;
	void *arena;
	uint64_t arena_size;
	struct weft_opencl_buffer *buffers;
	uint32_t buffer_count;
};

/* @arena_size: memory that is an ARENA, by SVM; 0: memory by HANDLES */
int weft_opencl_context_create(struct weft_opencl_context **context,
			       const struct weft_opencl_device *device, uint64_t arena_size,
			       struct weft_opencl_error *error);
/* waits for all that is queued; NULL is fine */
void weft_opencl_context_destroy(struct weft_opencl_context *context);

/* allocate and free, HANDLES only */
int weft_opencl_memory_alloc(struct weft_opencl_context *context, uint64_t size, uint64_t *handle,
			     struct weft_opencl_error *error);
int weft_opencl_memory_free(struct weft_opencl_context *context, uint64_t handle,
			    struct weft_opencl_error *error);
/* queue a copy; @done is the caller's to release */
int weft_opencl_memory_write(struct weft_opencl_context *context, uint64_t address,
			     const void *bytes, uint64_t length, cl_event *done,
			     struct weft_opencl_error *error);
int weft_opencl_memory_read(struct weft_opencl_context *context, uint64_t address, void *bytes,
			    uint64_t length, cl_event *done, struct weft_opencl_error *error);
int weft_opencl_memory_clear(struct weft_opencl_context *context, uint64_t address, uint64_t length,
			     cl_event *done, struct weft_opencl_error *error);
/*
 * let argument @index of @kernel be the @length bytes at @address; @part, if it is not NULL then,
 * is released after the launch was queued: an argument does not hold it, a launch does
 */
int weft_opencl_memory_argument(struct weft_opencl_context *context, cl_kernel kernel,
				uint32_t index, uint64_t address, uint64_t length,
				cl_mem *part, struct weft_opencl_error *error);

/* ------------------------------------------------------------------ images */

enum weft_opencl_arg_kind {
	WEFT_OPENCL_ARG_VALUE,
	WEFT_OPENCL_ARG_POINTER,
	WEFT_OPENCL_ARG_LOCAL,
};

/* A parameter and where its value is in the argument blob */
struct weft_opencl_arg {
	enum weft_opencl_arg_kind kind;
	uint32_t offset;
	uint32_t size;
};

struct weft_opencl_kernel {
	cl_kernel kernel;
	uint32_t arg_count;
	uint32_t args_size;
	struct weft_opencl_arg args[WEFT_OPENCL_ARGS];
	/* what reqd_work_group_size() says; all 0: the runtime chooses */
	size_t group[3];
};

struct weft_opencl_image {
	cl_program program;
	uint32_t kernel_count;
	struct weft_opencl_kernel kernels[];
};

/**
 * weft_opencl_image_build() - make an image runnable
 * @context: for
 * @data: image, see image.c
 * @size: bytes
 * @binary: in the device's own instruction set, not in OpenCL C
 * @kernel_count: what the program has
 * @image: out
 * @log: what the compiler says, also when all is well, NUL-terminated
 * @log_room: bytes of @log, at least 1
 * @error: why it failed
 */
int weft_opencl_image_build(struct weft_opencl_context *context, const void *data, size_t size,
			    bool binary, uint32_t kernel_count, struct weft_opencl_image **image,
			    char *log, size_t log_room, struct weft_opencl_error *error);
void weft_opencl_image_destroy(struct weft_opencl_image *image);
/* the image in the device's own instruction set of one in OpenCL C; free() @binary */
int weft_opencl_image_translate(struct weft_opencl_context *context, const void *data, size_t size,
				void **binary, size_t *binary_size, char *log, size_t log_room,
				struct weft_opencl_error *error);

/* find out where arguments are; takes over @handle, also when it fails */
int weft_opencl_kernel_init(struct weft_opencl_kernel *kernel, cl_kernel handle,
			    const struct weft_opencl_device *device, const char *name,
			    struct weft_opencl_error *error);

/**
 * weft_opencl_kernel_launch() - queue a launch
 * @context: of the image
 * @kernel: of an image
 * @args: argument blob
 * @args_size: bytes
 * @relocs: the addresses in @args, as weft_serve.h has them
 * @reloc_count: how many
 * @grid: work-items in each dimension
 * @done: out, the caller's to release
 * @error: why it failed
 */
int weft_opencl_kernel_launch(struct weft_opencl_context *context,
			      const struct weft_opencl_kernel *kernel, const void *args,
			      uint32_t args_size, const struct weft_serve_reloc *relocs,
			      uint32_t reloc_count, const uint32_t grid[3], cl_event *done,
			      struct weft_opencl_error *error);

/* ------------------------------------------------------------ the processes */

/* before anything starts a thread: a /tmp, a network and an IPC namespace of one's own */
int weft_opencl_confine_namespaces(void);
/* from now on be @user, for good */
int weft_opencl_confine_user(const char *user);

/* one server for each device, until SIGTERM or SIGINT; 0 or the first of their errors, negative */
int weft_opencl_all_run(uint32_t device_count, int argc, char **argv);

#endif /* WEFT_SERVE_OPENCL_H */
