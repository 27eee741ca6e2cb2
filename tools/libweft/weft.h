/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libweft: jobs for a pool of compute devices, from C.
 *
 * DOC: libweft
 *
 * Open a pool (&struct weft), create buffers (&struct weft_bo), a program (&struct weft_program)
 * and a queue (&struct weft_queue), put jobs (&struct weft_job) into a batch (&struct weft_batch),
 * submit the batch, wait. Everything belongs to the pool it was made from; weft_close() frees what
 * is left of it.
 *
 * Errors. A call that can fail returns 0 or a negative errno, and weft_error() then says in words
 * what was wrong and what is allowed. Calls are restarted when a signal interrupts them. A wrong
 * call on a job that is being built is remembered by its batch and reported by weft_submit() at
 * the latest, so building code needs no checks.
 *
 * Times are relative nanoseconds; WEFT_FOREVER never expires, 0 does not wait.
 *
 * Threads. Different objects may be used by different threads at once, also if they belong to one
 * pool (one thread submits while another waits, say). One buffer, or one batch with its jobs, is
 * for one thread at a time. The text of weft_error() belongs to the calling thread. No object may
 * be in use by any thread while it is destroyed, and none of its objects while a pool is closed.
 *
 * Fork. A child must not use a pool its parent opened; it opens its own.
 *
 * Rejected: global state (a default pool, an errno of our own); a builder whose every call must
 * be checked; pointers that stay valid outside weft_bo_begin() and weft_bo_end(), which would
 * show old bytes without a word.
 */
#ifndef WEFT_H
#define WEFT_H

#include <stddef.h>
#include <stdint.h>
#include <drm/weft_drm.h>

#if defined(__cplusplus)
extern "C" {
#endif

/** define WEFT_FOREVER - a timeout that never expires */
#define WEFT_FOREVER	((int64_t)-1)

struct weft;
struct weft_bo;
struct weft_program;
struct weft_queue;
struct weft_batch;
struct weft_job;

/* ------------------------------------------------------------------- pool */

/**
 * weft_open() - open a pool
 * @pool: out, the pool; NULL on failure
 * @node: path of its node; NULL: $WEFT_NODE if set, else the pool called $WEFT_POOL if that is
 *	set, else the first accel node, then the first render node, whose driver is weft
 *
 * Return: 0; -ENODEV there is no node of a pool, or of that pool; -EACCES there is one that may not
 * be opened; -EINVAL @node belongs to another driver; another errno of open().
 */
int weft_open(struct weft **pool, const char *node);

/**
 * weft_open_pool() - open a pool by its name
 * @pool: out, the pool; NULL on failure
 * @name: of the pool, as in "weft pool list"; the environment is not asked
 *
 * Return: 0; -ENODEV no pool of that name can be opened; -EACCES the same, and there are nodes that
 * may not be opened; -EINVAL no name.
 */
int weft_open_pool(struct weft **pool, const char *name);

/** weft_close() - close @pool and free everything made from it; NULL is fine */
void weft_close(struct weft *pool);

/** weft_fd() - the file, for poll() or calls of libdrm; stays the pool's */
int weft_fd(const struct weft *pool);

/** weft_node() - path of the node */
const char *weft_node(const struct weft *pool);

/**
 * weft_error() - what was wrong with this thread's last failed call
 *
 * Return: a sentence without newline, valid until this thread's next call; "" if none failed.
 */
const char *weft_error(void);

/** weft_pool_info() - limits, features and counts of the pool */
int weft_pool_info(struct weft *pool, struct drm_weft_pool_info *info);
/** weft_client_info() - this client's own account */
int weft_client_info(struct weft *pool, struct drm_weft_client_info *info);
/** weft_client_name() - give this client a name of at most 31 bytes for logs */
int weft_client_name(struct weft *pool, const char *name);

/* Lists: the caller frees *@list with free(); it is NULL when *@count is 0. */
/** weft_device_list() - the devices of the pool */
int weft_device_list(struct weft *pool, struct drm_weft_device_info **list, uint32_t *count);
/** weft_region_list() - the places where bytes can live */
int weft_region_list(struct weft *pool, struct drm_weft_region_info **list, uint32_t *count);
/** weft_link_list() - the links, one entry per direction */
int weft_link_list(struct weft *pool, struct drm_weft_link_info **list, uint32_t *count);

/** weft_class_name() - "gpu", "dcu", ... of an enum drm_weft_class, "?" if unknown */
const char *weft_class_name(uint32_t device_class);
/** weft_class_parse() - the enum drm_weft_class called @name, -EINVAL if there is none */
int weft_class_parse(const char *name);
/** weft_health_name() - "ok", "degraded", ... of an enum drm_weft_health */
const char *weft_health_name(uint32_t health);
/** weft_state_name() - "waiting", "ready", ... of an enum drm_weft_job_state */
const char *weft_state_name(uint32_t state);

/* ---------------------------------------------------------------- buffers */

/**
 * weft_bo_create() - create a buffer of zeros
 * @pool: pool
 * @size: bytes, 1..2^40
 * @flags: DRM_WEFT_BO_*
 * @bo: out
 *
 * Return: 0 or a negative errno.
 */
int weft_bo_create(struct weft *pool, uint64_t size, uint32_t flags, struct weft_bo **bo);
/** weft_bo_destroy() - free @bo; jobs in flight keep its bytes; NULL is fine */
void weft_bo_destroy(struct weft_bo *bo);
/** weft_bo_size() - bytes, rounded up to pages */
uint64_t weft_bo_size(const struct weft_bo *bo);
/** weft_bo_handle() - GEM handle, for calls of libdrm */
uint32_t weft_bo_handle(const struct weft_bo *bo);
/**
 * weft_bo_export() - a dma-buf of a buffer made with DRM_WEFT_BO_SHAREABLE
 * @bo: buffer
 * @fd: out, close-on-exec; it keeps the bytes, whatever becomes of @bo
 *
 * Return: 0; -EPERM the buffer is private.
 */
int weft_bo_export(struct weft_bo *bo, int *fd);
/**
 * weft_bo_import() - another driver's or process's dma-buf as a buffer
 * @pool: pool
 * @fd: dma-buf; it stays the caller's
 * @bo: out
 *
 * Return: 0; -EEXIST this pool object has it already, as a buffer made, or imported, before; -EPERM
 * it belongs to another weft pool; -EINVAL it is no dma-buf, or no whole number of pages.
 */
int weft_bo_import(struct weft *pool, int fd, struct weft_bo **bo);
/** weft_bo_info() - what it is and where its bytes are */
int weft_bo_info(struct weft_bo *bo, struct drm_weft_bo_info *info);

/**
 * weft_bo_begin() - make the bytes accessible
 * @bo: buffer, not between begin and end
 * @access: DRM_WEFT_ACCESS_READ and/or DRM_WEFT_ACCESS_WRITE. WRITE alone promises to write the
 *	whole buffer, and revives one whose contents are LOST
 * @timeout_ns: how long to wait for submitted jobs that use the buffer
 * @bytes: out, weft_bo_size() bytes, valid until weft_bo_end()
 *
 * Until the end a job that conflicts cannot be submitted.
 * Return: 0; -ETIME; -ENODATA the job that wrote the contents failed; -EBUSY; -EPERM the buffer
 * has no host pages (DEVICE_ONLY).
 */
int weft_bo_begin(struct weft_bo *bo, uint32_t access, int64_t timeout_ns, void **bytes);
/** weft_bo_end() - the bytes of weft_bo_begin() are not touched any more */
int weft_bo_end(struct weft_bo *bo);

/** weft_bo_write() - begin, copy @length bytes to @offset, end; waits for jobs */
int weft_bo_write(struct weft_bo *bo, uint64_t offset, const void *from, size_t length);
/** weft_bo_read() - begin, copy @length bytes from @offset, end; waits for jobs that write */
int weft_bo_read(struct weft_bo *bo, uint64_t offset, void *to, size_t length);
/** weft_bo_wait() - wait for the jobs that write (@access READ) or use (WRITE) the buffer */
int weft_bo_wait(struct weft_bo *bo, uint32_t access, int64_t timeout_ns);

/* --------------------------------------------------------------- programs */

/**
 * struct weft_image_desc - a program compiled for one instruction set
 * @isa: name of the instruction set
 * @data: the image
 * @size: bytes
 */
struct weft_image_desc {
	const char *isa;
	const void *data;
	size_t size;
};

/**
 * struct weft_kernel_desc - one entry point
 * @name: its name
 * @args_size: bytes of its argument blob
 */
struct weft_kernel_desc {
	const char *name;
	uint32_t args_size;
};

/**
 * weft_program_create() - register a program
 * @pool: pool
 * @images: one per instruction set
 * @image_count: 1..16
 * @kernels: the entry points, the same in all images
 * @kernel_count: 1..256
 * @program: out
 *
 * The data is copied; images are loaded on devices as jobs need them.
 *
 * Return: 0 or a negative errno.
 */
int weft_program_create(struct weft *pool, const struct weft_image_desc *images,
			uint32_t image_count, const struct weft_kernel_desc *kernels,
			uint32_t kernel_count, struct weft_program **program);
/** weft_program_destroy() - forget @program; jobs in flight keep it; NULL is fine */
void weft_program_destroy(struct weft_program *program);
/** weft_program_kernel() - index of the kernel called @name, or -ENOENT */
int weft_program_kernel(struct weft_program *program, const char *name);
/** weft_program_query() - state of the program on one device */
int weft_program_query(struct weft_program *program, uint32_t device,
		       struct drm_weft_program_query *query);
/**
 * weft_program_log() - what a compiler had to say about the program's image for one device
 * @program: program
 * @device: device id
 * @text: out, NUL-terminated; empty if nothing was said, or the device has not loaded it
 * @size: room in @text; what is longer is cut
 *
 * Return: 0; -ENODEV no such device; -EINVAL no room.
 */
int weft_program_log(struct weft_program *program, uint32_t device, char *text, size_t size);

/*
 * Simulated devices (weft_sim.h): the program with one kernel per operation, called by the
 * operation's name, so that the index of a kernel is its enum weft_sim_op.
 */
/** weft_sim_program() - that program, with an image for each class of simulated device */
int weft_sim_program(struct weft *pool, struct weft_program **program);
/** weft_sim_op_name() - "copy", "gemm_i8", ... of an enum weft_sim_op, "?" if unknown */
const char *weft_sim_op_name(uint32_t op);
/** weft_sim_op_parse() - the enum weft_sim_op called @name, or -EINVAL */
int weft_sim_op_parse(const char *name);
/** weft_sim_op_args_size() - bytes of the operation's argument blob, 0 if unknown */
uint32_t weft_sim_op_args_size(uint32_t op);

/** weft_edu_program() - the program of edu devices (weft_edu.h); kernel n is enum weft_edu_op n */
int weft_edu_program(struct weft *pool, struct weft_program **program);

/* ----------------------------------------------------------------- queues */

/**
 * struct weft_queue_desc - what a queue is like
 * @service: enum drm_weft_service
 * @flags: DRM_WEFT_QUEUE_*
 * @priority: 0..7, orders this client's queues, larger first
 * @depth: jobs in flight at the most, 0 for the pool's choice
 */
struct weft_queue_desc {
	uint32_t service;
	uint32_t flags;
	uint32_t priority;
	uint32_t depth;
};

/** weft_queue_create() - create a queue; @desc NULL: batch service, priority 3 */
int weft_queue_create(struct weft *pool, const struct weft_queue_desc *desc,
		      struct weft_queue **queue);
/** weft_queue_set() - @priority of jobs submitted from now on; @depth, 0 leaves it */
int weft_queue_set(struct weft_queue *queue, uint32_t priority, uint32_t depth);
/** weft_queue_destroy() - destroy @queue; its jobs run on; NULL is fine */
void weft_queue_destroy(struct weft_queue *queue);

/* ------------------------------------------------------- batches and jobs */

/** weft_batch_create() - an empty batch */
int weft_batch_create(struct weft *pool, struct weft_batch **batch);
/** weft_batch_reset() - empty it and forget its error; memory is kept for the next jobs */
void weft_batch_reset(struct weft_batch *batch);
/** weft_batch_destroy() - free it; NULL is fine */
void weft_batch_destroy(struct weft_batch *batch);
/** weft_batch_count() - jobs in it */
uint32_t weft_batch_count(const struct weft_batch *batch);

/**
 * weft_job_init() - add a job to a batch
 * @batch: batch
 * @program: its program
 * @kernel: index of the kernel
 * @args: argument blob, copied; fields that are addresses are set with weft_job_pointer()
 * @args_size: the size the kernel was declared with
 *
 * The grid is 1 x 1 x 1, any device may run it. The job is the batch's and ends with
 * weft_batch_reset() or weft_submit().
 *
 * Return: the job, never NULL: after an error one that takes calls and is not submitted.
 */
struct weft_job *weft_job_init(struct weft_batch *batch, struct weft_program *program,
			       uint32_t kernel, const void *args, uint32_t args_size);

/* These return 0 or the batch's first error, which weft_submit() returns again. */
/**
 * weft_job_pointer() - let an argument point to a buffer: weft_job_buffer() on the whole of it
 *	and weft_job_reloc()
 * @job: job
 * @offset: where the 64-bit address is in the argument blob: offsetof(struct ..., field)
 * @bo: buffer; may be named several times, the accesses add up
 * @access: DRM_WEFT_ACCESS_READ and/or DRM_WEFT_ACCESS_WRITE
 * @delta: bytes added to the address
 *
 * Return: 0 or the batch's first error.
 */
int weft_job_pointer(struct weft_job *job, uint32_t offset, struct weft_bo *bo, uint32_t access,
		     uint64_t delta);
/** weft_job_buffer() - the job uses @length bytes of @bo from @offset (0: to its end) */
int weft_job_buffer(struct weft_job *job, struct weft_bo *bo, uint32_t access, uint64_t offset,
		    uint64_t length);
/** weft_job_reloc() - write the address of @bo's range plus @delta at @offset of the blob */
int weft_job_reloc(struct weft_job *job, uint32_t offset, struct weft_bo *bo, uint64_t delta);
/** weft_job_after() - start after @earlier, a job before this one in the same batch */
int weft_job_after(struct weft_job *job, const struct weft_job *earlier);
/** weft_job_after_id() - start after a job submitted before */
int weft_job_after_id(struct weft_job *job, uint64_t job_id);
/** weft_job_after_sync() - start after @point of a syncobj (0 for a binary one) */
int weft_job_after_sync(struct weft_job *job, uint32_t sync, uint64_t point);
/** weft_job_signal() - signal @point of a syncobj at the end (0 for a binary one) */
int weft_job_signal(struct weft_job *job, uint32_t sync, uint64_t point);
/** weft_job_grid() - launch dimensions, each at least 1 */
int weft_job_grid(struct weft_job *job, uint32_t x, uint32_t y, uint32_t z);
/** weft_job_size() - size of the problem, which learned run times are kept by */
int weft_job_size(struct weft_job *job, uint64_t size);
/** weft_job_flags() - DRM_WEFT_JOB_* */
int weft_job_flags(struct weft_job *job, uint32_t flags);
/** weft_job_where() - devices and classes that may run it, bit n for number n; 0 any */
int weft_job_where(struct weft_job *job, uint64_t device_mask, uint32_t class_mask);
/** weft_job_limits() - abort after @timeout_ns of running; wish to end by @deadline_ns
 *	(CLOCK_MONOTONIC); 0 none
 */
int weft_job_limits(struct weft_job *job, uint64_t timeout_ns, uint64_t deadline_ns);
/** weft_job_user_data() - a number given back in the record */
int weft_job_user_data(struct weft_job *job, uint64_t user_data);
/** weft_job_index() - its place in the batch; its id is the batch's first id plus this */
uint32_t weft_job_index(const struct weft_job *job);

/* ------------------------------------------------- submission, completion */

/**
 * weft_submit() - submit a batch, all or nothing
 * @queue: queue of the same pool
 * @batch: batch; emptied on success, unchanged on failure
 * @timeout_ns: how long to wait for room in the queue
 * @first_id: out, id of the first job, the others follow it; may be NULL
 *
 * Return: 0; -EAGAIN the queue stayed full; -ENODEV no device can run a job; -ENOSPC a job's
 * buffers fit no device; -ENOBUFS records must be read first (weft_wait()); -EBUSY a buffer is
 * between weft_bo_begin() and weft_bo_end(); -EINVAL; ...
 */
int weft_submit(struct weft_queue *queue, struct weft_batch *batch, int64_t timeout_ns,
		uint64_t *first_id);

/**
 * weft_wait() - wait for jobs, read their records and acknowledge them
 * @pool: pool
 * @first_id: id of the first
 * @count: number of consecutive ids
 * @timeout_ns: how long to wait for all of them
 * @records: out, @count records; may be NULL
 *
 * Return: 0 all ended well; -EREMOTEIO at least one job failed: weft_error() tells of the first,
 * @records of all; -ETIME not all have ended, nothing is acknowledged; -ENOENT an id was never
 * given or is acknowledged already.
 */
int weft_wait(struct weft *pool, uint64_t first_id, uint32_t count, int64_t timeout_ns,
	      struct drm_weft_job_record *records);

/** weft_job_poll() - read one job's record as it stands, without waiting or acknowledging */
int weft_job_poll(struct weft *pool, uint64_t job_id, struct drm_weft_job_record *record);

/** weft_cancel() - end a job early; -EALREADY it has ended. Its record is still to be read. */
int weft_cancel(struct weft *pool, uint64_t job_id);

/**
 * weft_lease_ask() - ask for the right to drive a device oneself
 * @queue: queue made with DRM_WEFT_QUEUE_LEASE
 * @device_mask: devices that would do, bit n for number n; 0 any
 * @quantum_ns: after which it is settled whether it goes on, 1 ms to 10 s; 0: the device's
 * @job_id: out, for the other calls; its record is read, and acknowledged, by weft_wait()
 *
 * Does not wait for it. One that was not granted yet is taken back by weft_cancel().
 * Return: 0; -ENODEV no such device can be leased; -EAGAIN the queue is full; -EINVAL.
 */
int weft_lease_ask(struct weft_queue *queue, uint64_t device_mask, uint64_t quantum_ns,
		   uint64_t *job_id);
/**
 * weft_lease_wait() - wait until a lease is granted, asked back, or over
 * @pool: pool
 * @job_id: from weft_lease_ask()
 * @known: enum drm_weft_lease_state that is known: the call returns when it is another
 * @timeout_ns: how long to wait
 * @lease: out; filled in by -ETIME, too
 *
 * Return: 0; -ETIME it is still @known; -ENOENT, -EINVAL it is no lease of this client.
 */
int weft_lease_wait(struct weft *pool, uint64_t job_id, uint32_t known, int64_t timeout_ns,
		    struct drm_weft_lease_wait *lease);
/**
 * weft_lease_leave() - give the device back; nothing that was started runs there any more
 * @pool: pool
 * @job_id: from weft_lease_ask()
 * @launches: made under it, for the record
 * @device_ns: that they took, for the record; 0 unknown
 *
 * Return: 0; -EAGAIN it was not granted yet; -EALREADY it is over: the record says why.
 */
int weft_lease_leave(struct weft *pool, uint64_t job_id, uint64_t launches, uint64_t device_ns);

/** weft_record_text() - write what became of a job into @text, at most @size bytes; @text */
char *weft_record_text(const struct drm_weft_job_record *record, char *text, size_t size);

/** weft_sync_create() - a syncobj, timeline or binary as it is used */
int weft_sync_create(struct weft *pool, uint32_t *sync);
/** weft_sync_destroy() - drop the handle */
void weft_sync_destroy(struct weft *pool, uint32_t sync);
/** weft_sync_wait() - wait for @point (0: binary), also if nothing is submitted for it yet */
int weft_sync_wait(struct weft *pool, uint32_t sync, uint64_t point, int64_t timeout_ns);

#if defined(__cplusplus)
}
#endif

#endif /* WEFT_H */
