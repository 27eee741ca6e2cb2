/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test runtime with the hard properties of CUDA.
 *
 * DOC: fakert
 *
 * Device servers that are tried against a kind runtime break on a real one. This one computes in
 * threads of the calling process and is unkind where CUDA's driver API is:
 *
 * - a context belongs to one process; handles mean nothing in another, calls after fork() fail;
 *   a context costs device memory before anything was allocated in it;
 * - launches, copies and events are asynchronous on streams; streams of a context run side by side;
 * - a fault is sticky: every later call on the context fails with it, work that was queued is
 *   dropped, host calls that were queued never come; only destroying the context helps;
 * - an asynchronous copy takes registered host memory only, and registering is slow;
 * - freeing memory, unloading a module and destroying a stream wait for running work; a kernel that
 *   never ends is ended by ending the process and by nothing else;
 * - a host call may not call the runtime.
 *
 * Two places are harsher than CUDA, because a test should fail where a server is merely slow: an
 * asynchronous copy of memory that is not registered is refused (CUDA makes it synchronous), and
 * memory that queued copies use cannot be unregistered (CUDA leaves that undefined).
 *
 * A device is a file. Processes that open the same file share its memory by account; the bytes
 * themselves are private to each process. What a process had is free again when it is gone, however
 * it went. Processes do not slow each other down: device time is counted, not shared.
 *
 * It lives under tests/ because nothing but tests may depend on it, and it is not installed.
 *
 * Rejected: addresses that are pointers (a server that looks into device memory would work here);
 * being faithful to CUDA's names (the chapter on runtimes maps them, and a fake of a vendor's
 * library would be taken for one).
 */
#ifndef FAKERT_H
#define FAKERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum fakert_result - what a call returns; those from FAKERT_STICKY on stay with the context */
enum fakert_result {
	FAKERT_OK = 0,
	/** @FAKERT_INVALID: an argument is out of range, or a handle is not this context's */
	FAKERT_INVALID,
	/** @FAKERT_NO_MEMORY: the device's memory is used up, perhaps by other processes */
	FAKERT_NO_MEMORY,
	/** @FAKERT_NO_HOST_MEMORY: malloc() failed or no thread could be made */
	FAKERT_NO_HOST_MEMORY,
	/** @FAKERT_NO_DEVICE: the file is not there or is not a device's */
	FAKERT_NO_DEVICE,
	/** @FAKERT_NOT_READY: a query found work that has not ended */
	FAKERT_NOT_READY,
	/** @FAKERT_NOT_FOUND: the module has no kernel of that name */
	FAKERT_NOT_FOUND,
	/** @FAKERT_BAD_IMAGE: the image does not build; the log says why */
	FAKERT_BAD_IMAGE,
	/** @FAKERT_NOT_REGISTERED: host memory that is not registered */
	FAKERT_NOT_REGISTERED,
	/** @FAKERT_REGISTERED: host memory that is registered already, in part or whole */
	FAKERT_REGISTERED,
	/** @FAKERT_BUSY: queued copies use the memory */
	FAKERT_BUSY,
	/** @FAKERT_NOT_PERMITTED: called from a host call, or in a child of fork() */
	FAKERT_NOT_PERMITTED,
	/** @FAKERT_STICKY: first of those that only destroying the context clears */
	FAKERT_STICKY = 100,
	/** @FAKERT_ILLEGAL_ADDRESS: a kernel or copy left the memory it was given */
	FAKERT_ILLEGAL_ADDRESS = FAKERT_STICKY,
	/** @FAKERT_LAUNCH_FAILED: a kernel gave up */
	FAKERT_LAUNCH_FAILED,
};

/**
 * struct fakert_device_desc - what a device is
 * @memory_size: bytes of device memory
 * @context_size: bytes that a context costs
 * @granule: allocations are rounded up to it; a power of two
 * @register_page_ns: what registering or unregistering a page of host memory takes
 */
struct fakert_device_desc {
	uint64_t memory_size;
	uint64_t context_size;
	uint64_t granule;
	uint64_t register_page_ns;
};

/**
 * struct fakert_device_info - what a device does now
 * @memory_used: bytes that all processes hold, contexts included
 * @memory_own: bytes that this opening of the device holds
 * @busy_ns: time that kernels and copies of all processes took, those gone included
 * @busy_own_ns: those of this opening
 * @contexts: contexts of all processes
 * @processes: openings that are alive
 */
struct fakert_device_info {
	uint64_t memory_used;
	uint64_t memory_own;
	uint64_t busy_ns;
	uint64_t busy_own_ns;
	uint32_t contexts;
	uint32_t processes;
};

/**
 * struct fakert_process - who uses a device, as vendors' management libraries tell
 * @pid: of the process that opened it
 * @memory_used: bytes that this opening holds
 * @busy_ns: time that its kernels and copies took
 */
struct fakert_process {
	int32_t pid;
	uint64_t memory_used;
	uint64_t busy_ns;
};

struct fakert_device;
struct fakert_context;
struct fakert_stream;
struct fakert_event;
struct fakert_module;
struct fakert_kernel;

/** An address in device memory: what fakert_memory_alloc() gave plus an offset below 2^40 */
typedef uint64_t fakert_address;

const char *fakert_result_text(enum fakert_result result);

/* Makes the file @path a device. The file must not exist. */
enum fakert_result fakert_device_create(const char *path, const struct fakert_device_desc *desc);
enum fakert_result fakert_device_open(const char *path, struct fakert_device **device);
/* All contexts must be destroyed. */
enum fakert_result fakert_device_close(struct fakert_device *device);
void fakert_device_describe(const struct fakert_device *device, struct fakert_device_desc *desc);
enum fakert_result fakert_device_info(struct fakert_device *device,
				      struct fakert_device_info *info);
/* Up to @room openings that are alive; @count of them. */
enum fakert_result fakert_device_processes(struct fakert_device *device,
					   struct fakert_process *list, uint32_t room,
					   uint32_t *count);

enum fakert_result fakert_context_create(struct fakert_device *device,
					 struct fakert_context **context);
/* Waits for the kernels that run; drops what is queued. Frees all that was made in it. */
void fakert_context_destroy(struct fakert_context *context);
/* Waits until nothing is queued or running. */
enum fakert_result fakert_context_sync(struct fakert_context *context);

enum fakert_result fakert_memory_alloc(struct fakert_context *context, uint64_t size,
				       fakert_address *address);
/* Waits as fakert_context_sync() does. @address: what fakert_memory_alloc() gave. */
enum fakert_result fakert_memory_free(struct fakert_context *context, fakert_address address);
enum fakert_result fakert_host_register(struct fakert_context *context, void *host, size_t size);
/* @host: what was given to fakert_host_register() */
enum fakert_result fakert_host_unregister(struct fakert_context *context, void *host);

enum fakert_result fakert_stream_create(struct fakert_context *context,
					struct fakert_stream **stream);
enum fakert_result fakert_stream_destroy(struct fakert_stream *stream);
enum fakert_result fakert_stream_sync(struct fakert_stream *stream);
enum fakert_result fakert_stream_query(struct fakert_stream *stream);

/* Copies, synchronously from and to any host memory; or queued, from and to registered memory. */
enum fakert_result fakert_copy_in(struct fakert_context *context, fakert_address to,
				  const void *from, size_t size);
enum fakert_result fakert_copy_out(struct fakert_context *context, void *to, fakert_address from,
				   size_t size);
enum fakert_result fakert_copy_in_async(struct fakert_stream *stream, fakert_address to,
					const void *from, size_t size);
enum fakert_result fakert_copy_out_async(struct fakert_stream *stream, void *to,
					 fakert_address from, size_t size);
enum fakert_result fakert_clear_async(struct fakert_stream *stream, fakert_address to,
				      uint64_t size);
/* Calls @call(@data) from the stream's thread, unless an error becomes sticky before. */
enum fakert_result fakert_host_call(struct fakert_stream *stream, void (*call)(void *data),
				    void *data);

enum fakert_result fakert_event_create(struct fakert_context *context, struct fakert_event **event);
enum fakert_result fakert_event_destroy(struct fakert_event *event);
enum fakert_result fakert_event_record(struct fakert_event *event, struct fakert_stream *stream);
/* Later work of @stream waits for what was recorded last; nothing recorded: no wait. */
enum fakert_result fakert_stream_wait(struct fakert_stream *stream, struct fakert_event *event);
enum fakert_result fakert_event_query(struct fakert_event *event);
enum fakert_result fakert_event_sync(struct fakert_event *event);
/* Device time from @from to @to, both recorded and reached; of any two events of a context. */
enum fakert_result fakert_event_elapsed(struct fakert_event *from, struct fakert_event *to,
					int64_t *ns);

/*
 * An image is text: the line "fakert 1", then "kernel NAME" lines; '#' starts a comment. What is
 * wrong with it goes to @log, a line each.
 */
enum fakert_result fakert_module_load(struct fakert_context *context, const void *image,
				      size_t size, char *log, size_t log_size,
				      struct fakert_module **module);
enum fakert_result fakert_module_unload(struct fakert_module *module);
enum fakert_result fakert_module_kernel(struct fakert_module *module, const char *name,
					const struct fakert_kernel **kernel);
/* The @index-th kernel line of the image */
enum fakert_result fakert_module_kernel_at(struct fakert_module *module, uint32_t index,
					   const struct fakert_kernel **kernel);

/**
 * fakert_launch() - queue a kernel
 * @stream: where
 * @kernel: of a module of the same context
 * @args: its arguments, copied
 * @size: bytes, at most 4096
 *
 * Kernels and their arguments: nop, copy, fill, add, gemm_i8 as <drm/weft_sim.h> lays them out, so
 * that one program can carry images for simulated devices and for this one; spin: &struct
 * fakert_spin; fault: none, accesses what is not there; fail: none, gives up.
 *
 * Return: FAKERT_OK: it is queued; what becomes of it is seen later.
 */
enum fakert_result fakert_launch(struct fakert_stream *stream, const struct fakert_kernel *kernel,
				 const void *args, size_t size);

/**
 * struct fakert_spin - arguments of spin
 * @ns: how long it runs; 0: for ever
 */
struct fakert_spin {
	uint64_t ns;
};

#endif /* FAKERT_H */
