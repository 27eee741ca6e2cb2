/* SPDX-License-Identifier: MIT */
/*
 * weft: one node, one ABI for the compute devices of a server.
 *
 * This header is the client ABI of a weft pool. Rules that hold throughout:
 *
 *  - every structure is a multiple of 8 bytes and laid out alike for 32 and 64 bit callers;
 *  - every reserved field, every flag bit not listed here and every pad must be zero, or the
 *    call fails with EINVAL; a flag that is listed but that the pool does not offer
 *    (see &drm_weft_pool_info.features) fails with EOPNOTSUPP;
 *  - arrays are passed as pointer, count and stride, so that elements can grow at their end;
 *  - absolute times are CLOCK_MONOTONIC nanoseconds; UINT64_MAX never expires, 0 has expired;
 *  - an ioctl that fails has done nothing, and EINTR leaves the arguments as they were, so
 *    that the call can be repeated.
 *
 * Version 1 is frozen: what a program built with this header does goes on working. See the chapter
 * "What frozen means" of the manual for what may be added, and how.
 */
#ifndef _WEFT_DRM_H_
#define _WEFT_DRM_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* Driver version as told by DRM_IOCTL_VERSION; informative, use the feature bits. */
#define DRM_WEFT_MAJOR	1
#define DRM_WEFT_MINOR	0

#define DRM_WEFT_QUERY			0x00
#define DRM_WEFT_BO_CREATE		0x01
#define DRM_WEFT_BO_INFO		0x02
#define DRM_WEFT_BO_MMAP_OFFSET		0x03
#define DRM_WEFT_BO_CPU_BEGIN		0x04
#define DRM_WEFT_BO_CPU_END		0x05
#define DRM_WEFT_BO_WAIT		0x06
/* 0x07 BO_ADVISE and 0x08 BO_USERPTR are reserved */
#define DRM_WEFT_PROGRAM_CREATE		0x09
#define DRM_WEFT_PROGRAM_DESTROY	0x0a
#define DRM_WEFT_PROGRAM_QUERY		0x0b
#define DRM_WEFT_QUEUE_CREATE		0x0c
#define DRM_WEFT_QUEUE_SET		0x0d
#define DRM_WEFT_QUEUE_DESTROY		0x0e
#define DRM_WEFT_CLIENT_SET		0x0f
#define DRM_WEFT_SUBMIT			0x10
#define DRM_WEFT_JOB_QUERY		0x11
#define DRM_WEFT_JOB_CANCEL		0x12
#define DRM_WEFT_LEASE_WAIT		0x13
#define DRM_WEFT_LEASE_LEAVE		0x14

#define DRM_WEFT_NAME_LEN	32
#define DRM_WEFT_MAX_DEVICES	64
#define DRM_WEFT_MAX_REGIONS	64

/* ------------------------------------------------------------------ QUERY */

/** enum drm_weft_query_topic - what DRM_IOCTL_WEFT_QUERY tells */
enum drm_weft_query_topic {
	/** @DRM_WEFT_QUERY_POOL: one &struct drm_weft_pool_info */
	DRM_WEFT_QUERY_POOL = 0,
	/** @DRM_WEFT_QUERY_DEVICES: &struct drm_weft_device_info, one per device */
	DRM_WEFT_QUERY_DEVICES = 1,
	/** @DRM_WEFT_QUERY_REGIONS: &struct drm_weft_region_info, one per region */
	DRM_WEFT_QUERY_REGIONS = 2,
	/** @DRM_WEFT_QUERY_LINKS: &struct drm_weft_link_info, one per link and direction */
	DRM_WEFT_QUERY_LINKS = 3,
	/** @DRM_WEFT_QUERY_CLIENT: one &struct drm_weft_client_info about the caller */
	DRM_WEFT_QUERY_CLIENT = 4,
};

/**
 * struct drm_weft_query - ask what there is
 * @topic: in, one of &enum drm_weft_query_topic
 * @flags: in, zero
 * @count: in, room in @data in elements; out, elements that exist (which may be more)
 * @stride: in, size of the caller's element; elements are cut or zero-padded to it
 * @data: in, pointer to the array; may be 0 when @count is 0
 *
 * Errors: EINVAL unknown @topic, @flags not zero, @stride zero, above 4096 or not a
 * multiple of 8; EFAULT.
 */
struct drm_weft_query {
	__u32 topic;
	__u32 flags;
	__u32 count;
	__u32 stride;
	__u64 data;
};

/* Feature bits, &drm_weft_pool_info.features */
/** define DRM_WEFT_FEATURE_LATE - jobs run in late mode */
#define DRM_WEFT_FEATURE_LATE		(1ull << 0)
/** define DRM_WEFT_FEATURE_EARLY - DRM_WEFT_QUEUE_EARLY and DRM_WEFT_BO_SHAREABLE work */
#define DRM_WEFT_FEATURE_EARLY		(1ull << 1)
/** define DRM_WEFT_FEATURE_COHERENT - DRM_WEFT_BO_COHERENT works */
#define DRM_WEFT_FEATURE_COHERENT	(1ull << 2)
/** define DRM_WEFT_FEATURE_GANG - gangs work */
#define DRM_WEFT_FEATURE_GANG		(1ull << 3)
/** define DRM_WEFT_FEATURE_TILES - buffer ranges may be smaller than the buffer's copies */
#define DRM_WEFT_FEATURE_TILES		(1ull << 4)
/** define DRM_WEFT_FEATURE_LONG_RUNNING - DRM_WEFT_CLIENT_LONG_RUNNING works */
#define DRM_WEFT_FEATURE_LONG_RUNNING	(1ull << 5)
/** define DRM_WEFT_FEATURE_LEASE - DRM_WEFT_QUEUE_LEASE works */
#define DRM_WEFT_FEATURE_LEASE		(1ull << 6)

/**
 * struct drm_weft_pool_info - the pool behind this node
 * @features: DRM_WEFT_FEATURE_* bits
 * @device_mask: ids of the devices present, bit n for id n
 * @max_jobs_per_submit: bound on &drm_weft_submit.job_count
 * @max_buffers_per_job: bound on &drm_weft_job.buffer_count
 * @max_args_size: bound on &drm_weft_job.args_size in bytes
 * @max_deps_per_job: bound on &drm_weft_job.dep_count and &drm_weft_job.out_sync_count
 * @max_queue_depth: bound on &drm_weft_queue_create.depth
 * @max_unread_records: bound on completion records not yet acknowledged by one client
 * @device_count: devices in the pool now
 * @region_count: regions in the pool now
 * @policy: name of the placement policy in force
 * @name: name of the pool
 */
struct drm_weft_pool_info {
	__u64 features;
	__u64 device_mask;
	__u32 max_jobs_per_submit;
	__u32 max_buffers_per_job;
	__u32 max_args_size;
	__u32 max_deps_per_job;
	__u32 max_queue_depth;
	__u32 max_unread_records;
	__u32 device_count;
	__u32 region_count;
	char policy[DRM_WEFT_NAME_LEN];
	char name[DRM_WEFT_NAME_LEN];
};

/** enum drm_weft_class - what kind of device */
enum drm_weft_class {
	/** @DRM_WEFT_CLASS_GPU: "gpu" */
	DRM_WEFT_CLASS_GPU = 0,
	/** @DRM_WEFT_CLASS_DCU: "dcu" */
	DRM_WEFT_CLASS_DCU = 1,
	/** @DRM_WEFT_CLASS_NPU: "npu" */
	DRM_WEFT_CLASS_NPU = 2,
	/** @DRM_WEFT_CLASS_CPU: "cpu" */
	DRM_WEFT_CLASS_CPU = 3,
	/** @DRM_WEFT_CLASS_DPU: "dpu" */
	DRM_WEFT_CLASS_DPU = 4,
};

#define DRM_WEFT_CLASS_COUNT 5

/** enum drm_weft_health - how a device is */
enum drm_weft_health {
	/** @DRM_WEFT_HEALTH_OK: takes jobs */
	DRM_WEFT_HEALTH_OK = 0,
	/** @DRM_WEFT_HEALTH_DEGRADED: takes jobs, but has had faults lately */
	DRM_WEFT_HEALTH_DEGRADED = 1,
	/**
	 * @DRM_WEFT_HEALTH_DRAINING: takes no new jobs; what runs ends, then what is only in its
	 * memory moves to the host
	 */
	DRM_WEFT_HEALTH_DRAINING = 2,
	/**
	 * @DRM_WEFT_HEALTH_QUARANTINED: stopped, or could not be stopped; no jobs, and nothing that
	 * was in its memory is relied on. Only a reset ends it
	 */
	DRM_WEFT_HEALTH_QUARANTINED = 3,
};

/** enum drm_weft_device_reason - why a device's health is what it is, or why an event was sent */
enum drm_weft_device_reason {
	/** @DRM_WEFT_REASON_ADDED: the device has come */
	DRM_WEFT_REASON_ADDED = 0,
	/** @DRM_WEFT_REASON_REMOVED: the device has gone; its id names nothing any more */
	DRM_WEFT_REASON_REMOVED = 1,
	/** @DRM_WEFT_REASON_FAULTS: failed, hung or slow runs */
	DRM_WEFT_REASON_FAULTS = 2,
	/** @DRM_WEFT_REASON_RECOVERED: no more of them for a while */
	DRM_WEFT_REASON_RECOVERED = 3,
	/** @DRM_WEFT_REASON_OPERATOR: somebody said so */
	DRM_WEFT_REASON_OPERATOR = 4,
	/** @DRM_WEFT_REASON_RESET: a reset succeeded */
	DRM_WEFT_REASON_RESET = 5,
	/** @DRM_WEFT_REASON_RESET_FAILED: a reset failed */
	DRM_WEFT_REASON_RESET_FAILED = 6,
	/** @DRM_WEFT_REASON_GONE: the hardware does not answer */
	DRM_WEFT_REASON_GONE = 7,
};

/** define DRM_WEFT_DEVICE_SERVED - a process does its work, and sees the bytes of its jobs */
#define DRM_WEFT_DEVICE_SERVED	(1u << 0)
/** define DRM_WEFT_DEVICE_LEASES - clients may drive it themselves, each in its turn */
#define DRM_WEFT_DEVICE_LEASES	(1u << 1)

/**
 * struct drm_weft_device_info - one device
 * @id: its id in the pool, 0..63, never reused while a job that ran there is remembered
 * @device_class: &enum drm_weft_class
 * @health: &enum drm_weft_health
 * @preempt_level: 0 none, 1 stop feeding, 2 command boundary, 3 save and restore
 * @compute_engines: number of compute engines
 * @compute_credits: jobs that run at once on all compute engines together
 * @copy_engines: number of copy engines
 * @region: id of its local memory region
 * @host_region: id of the host region it is attached to
 * @isa_count: number of names in @isas that are used
 * @price: what a nanosecond of it costs every tenant, 1024 is the unit
 * @jobs_done: jobs completed on it since it was registered, however they ended
 * @jobs_failed: of these, how many failed
 * @busy_ns: engine time used, summed over compute engines
 * @late_ns: time by which simulated work overran its model; 0 on real devices
 * @isas: names of the instruction sets it accepts
 * @name: name of the device on the weft bus
 * @vendor: vendor's name
 * @model: model's name; devices of one model share learned run times
 * @health_reason: &enum drm_weft_device_reason of the last change of @health
 * @flags: DRM_WEFT_DEVICE_*
 * @errors: runs and transfers that failed with an error of the device
 * @timeouts: runs that were aborted at their deadline
 * @slow_runs: runs that took many times what such runs take
 * @resets: resets made, however they ended
 * @resets_failed: of these, those that failed
 * @leases: leases that it was given under since it was registered
 * @leases_revoked: of these, those that were taken back because they were overstayed
 * @lease_holder: id of the client that was given the last one, while that goes on, else 0
 * @lease_tenant: its tenant; 0 without @lease_holder
 * @pad: zero
 */
struct drm_weft_device_info {
	__u32 id;
	__u32 device_class;
	__u32 health;
	__u32 preempt_level;
	__u32 compute_engines;
	__u32 compute_credits;
	__u32 copy_engines;
	__u32 region;
	__u32 host_region;
	__u32 isa_count;
	__u64 price;
	__u64 jobs_done;
	__u64 jobs_failed;
	__u64 busy_ns;
	__u64 late_ns;
	char isas[4][DRM_WEFT_NAME_LEN];
	char name[DRM_WEFT_NAME_LEN];
	char vendor[DRM_WEFT_NAME_LEN];
	char model[DRM_WEFT_NAME_LEN];
	__u32 health_reason;
	__u32 flags;
	__u64 errors;
	__u64 timeouts;
	__u64 slow_runs;
	__u64 resets;
	__u64 resets_failed;
	__u64 leases;
	__u64 leases_revoked;
	__u64 lease_holder;
	__u32 lease_tenant;
	__u32 pad;
};

/** enum drm_weft_region_kind - where a region's bytes are */
enum drm_weft_region_kind {
	/** @DRM_WEFT_REGION_HOST: memory of a NUMA node */
	DRM_WEFT_REGION_HOST = 0,
	/** @DRM_WEFT_REGION_DEVICE: memory of a device */
	DRM_WEFT_REGION_DEVICE = 1,
};

/**
 * struct drm_weft_region_info - a place where bytes can live
 * @id: its id in the pool, 0..63
 * @kind: &enum drm_weft_region_kind
 * @numa_node: the NUMA node, or -1
 * @device: id of the device it belongs to, or ~0 for a host region
 * @size: bytes it can hold
 * @used: bytes now allocated
 * @evicted: bytes moved out since start because the region was full
 * @cleared: bytes cleared before they were handed to a buffer
 */
struct drm_weft_region_info {
	__u32 id;
	__u32 kind;
	__s32 numa_node;
	__u32 device;
	__u64 size;
	__u64 used;
	__u64 evicted;
	__u64 cleared;
};

/**
 * struct drm_weft_link_info - one direction of an edge of the interconnect graph
 * @from: region id
 * @to: region id
 * @bandwidth: declared, MB/s (10^6)
 * @latency: declared, ns
 * @learned_bandwidth: as seen in transfers of at least 64 KiB, MB/s, 0 if none yet
 * @busy_ns: time in which a transfer was under way
 * @bytes: bytes moved
 * @transfers: transfers made
 * @errors: transfers failed
 * @kind: "pcie", "xgmi", "numa", ...
 */
struct drm_weft_link_info {
	__u32 from;
	__u32 to;
	__u64 bandwidth;
	__u64 latency;
	__u64 learned_bandwidth;
	__u64 busy_ns;
	__u64 bytes;
	__u64 transfers;
	__u64 errors;
	char kind[DRM_WEFT_NAME_LEN];
};

/**
 * struct drm_weft_client_info - the caller's own account
 * @id: client id, never reused
 * @tenant: tenant id
 * @weight: the tenant's weight, 1..10000
 * @jobs_submitted: jobs accepted since open
 * @jobs_completed: jobs retired since open, however they ended
 * @jobs_failed: of these, jobs that did not end with state DONE and errno 0
 * @busy_ns: engine time charged to this client
 * @priced: engine time x device price / 1024 charged to this client, ns
 * @tenant_priced: the same for the whole tenant
 * @memory: bytes of buffers held by this client
 * @unread_records: completion records not yet acknowledged
 * @pad: zero
 * @tenant_name: name of the tenant
 */
struct drm_weft_client_info {
	__u64 id;
	__u32 tenant;
	__u32 weight;
	__u64 jobs_submitted;
	__u64 jobs_completed;
	__u64 jobs_failed;
	__u64 busy_ns;
	__u64 priced;
	__u64 tenant_priced;
	__u64 memory;
	__u32 unread_records;
	__u32 pad;
	char tenant_name[DRM_WEFT_NAME_LEN];
};

/* ---------------------------------------------------------------- buffers */

/** define DRM_WEFT_BO_SHAREABLE - may be exported; every job that touches it runs early */
#define DRM_WEFT_BO_SHAREABLE		(1u << 0)
/** define DRM_WEFT_BO_COHERENT - CPU access is tracked by faults, BO_CPU_BEGIN is not needed */
#define DRM_WEFT_BO_COHERENT		(1u << 1)
/** define DRM_WEFT_BO_DISCARDABLE - contents may be dropped instead of evicted */
#define DRM_WEFT_BO_DISCARDABLE		(1u << 2)
/** define DRM_WEFT_BO_DEVICE_ONLY - never has host pages; cannot be mapped */
#define DRM_WEFT_BO_DEVICE_ONLY		(1u << 3)

/**
 * struct drm_weft_bo_create - create a buffer
 * @size: in, bytes, at least 1; out, rounded up to pages
 * @flags: in, DRM_WEFT_BO_*
 * @handle: out, GEM handle
 *
 * The contents of a new buffer read as zero. Nothing is allocated before first use.
 *
 * Errors: EINVAL @size 0 or above 1 << 40, unknown flags; EOPNOTSUPP a flag this pool does not
 * offer; ENOMEM; EDQUOT the pool's limit on host memory would be exceeded.
 */
struct drm_weft_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/** define DRM_WEFT_BO_LOST - the last writer failed: the contents are gone */
#define DRM_WEFT_BO_LOST		(1u << 0)
/** define DRM_WEFT_BO_CPU_ACCESS - between BO_CPU_BEGIN and BO_CPU_END */
#define DRM_WEFT_BO_CPU_ACCESS		(1u << 1)

/**
 * struct drm_weft_bo_info - what a buffer is and where its bytes are
 * @handle: in
 * @flags: out, as created
 * @size: out, bytes
 * @tile_size: out, bytes of one tile; equal to @size where TILES is not offered
 * @valid_regions: out, bit n: region n holds a valid copy; 0 means zeros or LOST
 * @resident_regions: out, bit n: region n holds memory for it
 * @state: out, DRM_WEFT_BO_LOST, DRM_WEFT_BO_CPU_ACCESS
 * @users: out, jobs that hold it (BOUND or RUNNING)
 *
 * Errors: ENOENT no such handle.
 */
struct drm_weft_bo_info {
	__u32 handle;
	__u32 flags;
	__u64 size;
	__u64 tile_size;
	__u64 valid_regions;
	__u64 resident_regions;
	__u32 state;
	__u32 users;
};

/**
 * struct drm_weft_bo_mmap_offset - where to mmap() a buffer on the node's file
 * @handle: in
 * @pad: in, zero
 * @offset: out, offset for mmap(); the mapping must be MAP_SHARED
 *
 * Errors: ENOENT, EINVAL; EPERM the buffer is DEVICE_ONLY; ENOSPC the node has no range of
 * offsets left that is long enough.
 */
struct drm_weft_bo_mmap_offset {
	__u32 handle;
	__u32 pad;
	__u64 offset;
};

#define DRM_WEFT_ACCESS_READ	(1u << 0)
#define DRM_WEFT_ACCESS_WRITE	(1u << 1)

/**
 * struct drm_weft_bo_cpu - BO_CPU_BEGIN and BO_CPU_END
 * @handle: in
 * @access: in, DRM_WEFT_ACCESS_READ and/or DRM_WEFT_ACCESS_WRITE; with BO_CPU_END the same
 *	value as with BO_CPU_BEGIN
 * @offset: in, first byte
 * @length: in, bytes; 0 means up to the end
 * @timeout_ns: in, absolute; BO_CPU_END wants 0
 *
 * BEGIN waits for the jobs submitted before it that use the buffer (for reading: that write
 * it), makes the host copy valid, and holds the buffer: until END a SUBMIT that conflicts
 * fails with EBUSY. Nested BEGINs for reading are counted. END after writing makes the host
 * copy the only valid one.
 *
 * Errors: ENOENT; EINVAL bad @access or range, END without a matching BEGIN; EBUSY a second
 * writer, or writer beside reader; ETIME; EINTR; ENODATA contents are LOST (BEGIN with WRITE
 * alone over the whole buffer is allowed and revives it); ENOMEM; EIO the copy failed;
 * EPERM the buffer is DEVICE_ONLY.
 */
struct drm_weft_bo_cpu {
	__u32 handle;
	__u32 access;
	__u64 offset;
	__u64 length;
	__u64 timeout_ns;
};

/**
 * struct drm_weft_bo_wait - wait until no submitted job uses a buffer
 * @handle: in
 * @access: in, DRM_WEFT_ACCESS_READ waits for writers, WRITE for all users
 * @timeout_ns: in, absolute
 *
 * Errors: ENOENT, EINVAL, ETIME, EINTR.
 */
struct drm_weft_bo_wait {
	__u32 handle;
	__u32 access;
	__u64 timeout_ns;
};

/* --------------------------------------------------------------- programs */

/**
 * struct drm_weft_image - a program compiled for one instruction set
 * @isa: NUL-terminated name of the instruction set
 * @data: pointer to the image; opaque to weft
 * @size: bytes, 1..16 MiB
 */
struct drm_weft_image {
	char isa[DRM_WEFT_NAME_LEN];
	__u64 data;
	__u64 size;
};

/**
 * struct drm_weft_kernel - one entry point, the same in all images
 * @name: NUL-terminated
 * @args_size: bytes of its argument blob
 * @flags: zero
 */
struct drm_weft_kernel {
	char name[DRM_WEFT_NAME_LEN];
	__u32 args_size;
	__u32 flags;
};

/**
 * struct drm_weft_program_create - register a program
 * @images: in, pointer to &struct drm_weft_image
 * @kernels: in, pointer to &struct drm_weft_kernel
 * @image_count: in, 1..16
 * @image_stride: in, bytes, at least sizeof(struct drm_weft_image)
 * @kernel_count: in, 1..256
 * @kernel_stride: in, bytes, at least sizeof(struct drm_weft_kernel)
 * @flags: in, zero
 * @handle: out
 *
 * Errors: EINVAL counts, strides, names not terminated or empty, two images for one ISA,
 * flags; E2BIG an image above 16 MiB; ENOMEM; EFAULT; ENOSPC 4096 programs in one client.
 */
struct drm_weft_program_create {
	__u64 images;
	__u64 kernels;
	__u32 image_count;
	__u32 image_stride;
	__u32 kernel_count;
	__u32 kernel_stride;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_weft_handle - PROGRAM_DESTROY and QUEUE_DESTROY
 * @handle: in
 * @pad: in, zero
 *
 * Jobs in flight keep what they use. Errors: ENOENT, EINVAL.
 */
struct drm_weft_handle {
	__u32 handle;
	__u32 pad;
};

/** enum drm_weft_image_state - a program on a device */
enum drm_weft_image_state {
	/** @DRM_WEFT_IMAGE_NONE: no image for any of its ISAs */
	DRM_WEFT_IMAGE_NONE = 0,
	/** @DRM_WEFT_IMAGE_UNLOADED: no job has needed it there */
	DRM_WEFT_IMAGE_UNLOADED = 1,
	/** @DRM_WEFT_IMAGE_LOADING: on its way */
	DRM_WEFT_IMAGE_LOADING = 2,
	/** @DRM_WEFT_IMAGE_LOADED: ready */
	DRM_WEFT_IMAGE_LOADED = 3,
	/** @DRM_WEFT_IMAGE_FAILED: refused by the backend */
	DRM_WEFT_IMAGE_FAILED = 4,
};

/**
 * struct drm_weft_program_query - a program's state on one device
 * @handle: in
 * @device: in, device id
 * @state: out, &enum drm_weft_image_state
 * @error: out, errno of a failed load, positive
 * @image: out, index of the image used there
 * @pad: in, zero
 * @log: in, where to put what a compiler had to say about the image, or 0
 * @log_size: in, room there; out, bytes that there are, of which as many were put there as have
 *	room
 * @pad2: in, zero
 *
 * Errors: ENOENT no such program; ENODEV no such device; EFAULT; EINVAL.
 */
struct drm_weft_program_query {
	__u32 handle;
	__u32 device;
	__u32 state;
	__u32 error;
	__u32 image;
	__u32 pad;
	__u64 log;
	__u32 log_size;
	__u32 pad2;
};

/* ----------------------------------------------------------------- queues */

/** enum drm_weft_service - service class of a queue, first served first */
enum drm_weft_service {
	/** @DRM_WEFT_SERVICE_REALTIME: EOPNOTSUPP until admission exists */
	DRM_WEFT_SERVICE_REALTIME = 0,
	/** @DRM_WEFT_SERVICE_INTERACTIVE: somebody waits */
	DRM_WEFT_SERVICE_INTERACTIVE = 1,
	/** @DRM_WEFT_SERVICE_BATCH: the usual one */
	DRM_WEFT_SERVICE_BATCH = 2,
	/** @DRM_WEFT_SERVICE_BEST_EFFORT: what is left over */
	DRM_WEFT_SERVICE_BEST_EFFORT = 3,
};

/** define DRM_WEFT_QUEUE_ORDERED - each job starts after the one before it is done */
#define DRM_WEFT_QUEUE_ORDERED	(1u << 0)
/** define DRM_WEFT_QUEUE_EARLY - SUBMIT takes one job, may sleep, and publishes its fence */
#define DRM_WEFT_QUEUE_EARLY	(1u << 1)
/** define DRM_WEFT_QUEUE_LEASE - its jobs are leases; not with EARLY */
#define DRM_WEFT_QUEUE_LEASE	(1u << 2)

/**
 * struct drm_weft_queue_create - create a queue
 * @service: in, &enum drm_weft_service
 * @flags: in, DRM_WEFT_QUEUE_*
 * @priority: in, 0..7, orders the client's own queues, larger first; 3 is usual
 * @depth: in, jobs in flight at the most, 0 means 1024
 * @handle: out
 * @pad: in, zero
 *
 * Errors: EINVAL; EOPNOTSUPP; ENOSPC 256 queues in one client; ENOMEM.
 */
struct drm_weft_queue_create {
	__u32 service;
	__u32 flags;
	__u32 priority;
	__u32 depth;
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_weft_queue_set - change a queue
 * @handle: in
 * @priority: in, 0..7; for jobs submitted from now on
 * @depth: in, 0 leaves it; jobs already in flight stay
 * @flags: in, zero
 *
 * Errors: ENOENT, EINVAL.
 */
struct drm_weft_queue_set {
	__u32 handle;
	__u32 priority;
	__u32 depth;
	__u32 flags;
};

/** define DRM_WEFT_CLIENT_LONG_RUNNING - @value 1: jobs may run without bound */
#define DRM_WEFT_CLIENT_LONG_RUNNING	1
/** define DRM_WEFT_CLIENT_NAME - @value: pointer to 32 bytes, NUL-terminated, for logs */
#define DRM_WEFT_CLIENT_NAME		2
/** define DRM_WEFT_CLIENT_DEVICE_EVENTS - @value 1: read() gives DRM_WEFT_EVENT_DEVICE; 0: not */
#define DRM_WEFT_CLIENT_DEVICE_EVENTS	3

/**
 * struct drm_weft_client_set - change a property of the client
 * @param: in, DRM_WEFT_CLIENT_*
 * @flags: in, zero
 * @value: in
 *
 * Errors: EINVAL; EOPNOTSUPP; EFAULT.
 */
struct drm_weft_client_set {
	__u32 param;
	__u32 flags;
	__u64 value;
};

/* ----------------------------------------------------------------- SUBMIT */

/** define DRM_WEFT_BUFFER_NO_IMPLICIT - take no hazard edge for this use (never between writers) */
#define DRM_WEFT_BUFFER_NO_IMPLICIT	(1u << 0)

/**
 * struct drm_weft_buffer - one buffer range a job uses
 * @handle: GEM handle
 * @access: DRM_WEFT_ACCESS_*; READ|WRITE makes the job not repeatable
 * @flags: DRM_WEFT_BUFFER_*
 * @pad: zero
 * @offset: first byte, a multiple of the tile size where TILES is offered, else any multiple of 8
 * @length: bytes; 0 means up to the end
 */
struct drm_weft_buffer {
	__u32 handle;
	__u32 access;
	__u32 flags;
	__u32 pad;
	__u64 offset;
	__u64 length;
};

/**
 * struct drm_weft_reloc - where the argument blob wants an address
 * @offset: byte offset in the blob, multiple of 8, at most args_size - 8
 * @buffer: index into the job's buffers
 * @delta: bytes added to the address of the range's first byte; less than its length
 *
 * The backend writes the 64-bit device address there when the job runs.
 */
struct drm_weft_reloc {
	__u32 offset;
	__u32 buffer;
	__u64 delta;
};

/** enum drm_weft_dep_type - what a job waits for */
enum drm_weft_dep_type {
	/** @DRM_WEFT_DEP_INDEX: an earlier job of the same SUBMIT, @value its index */
	DRM_WEFT_DEP_INDEX = 0,
	/** @DRM_WEFT_DEP_JOB: a job of the same client, @value its id */
	DRM_WEFT_DEP_JOB = 1,
	/** @DRM_WEFT_DEP_SYNCOBJ: syncobj @handle at point @value (0 for a binary one) */
	DRM_WEFT_DEP_SYNCOBJ = 2,
};

/**
 * struct drm_weft_dep - one dependency
 * @type: &enum drm_weft_dep_type
 * @handle: syncobj handle, else zero
 * @value: see the type
 *
 * A syncobj point must be signalled already, be the out-point of a job of this pool that was
 * submitted before, or hold another driver's fence, else EINVAL: the kernel does not wait for
 * promises. SUBMIT of a late job sleeps until a foreign fence has signalled.
 */
struct drm_weft_dep {
	__u32 type;
	__u32 handle;
	__u64 value;
};

/**
 * struct drm_weft_out_sync - a syncobj to signal when the job ends, however it ends
 * @handle: syncobj handle
 * @pad: zero
 * @point: timeline point, 0 for a binary syncobj
 *
 * Points of one syncobj must rise in submission order and be fed by one queue. A binary syncobj
 * is emptied by SUBMIT. Use DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT to wait for one of a late job;
 * that of an early job has its fence when SUBMIT returns.
 */
struct drm_weft_out_sync {
	__u32 handle;
	__u32 pad;
	__u64 point;
};

/** define DRM_WEFT_JOB_IDEMPOTENT - may run again from the start after a device is lost */
#define DRM_WEFT_JOB_IDEMPOTENT	(1u << 0)
/** define DRM_WEFT_JOB_RUN_ANYWAY - run even if a predecessor failed */
#define DRM_WEFT_JOB_RUN_ANYWAY	(1u << 1)

/**
 * struct drm_weft_job - one launch of one kernel, or one lease
 * @program: program handle
 * @kernel: index of the kernel
 * @flags: DRM_WEFT_JOB_*
 * @gang: zero (gangs are not offered yet)
 * @args: pointer to the argument blob
 * @relocs: pointer to &struct drm_weft_reloc
 * @buffers: pointer to &struct drm_weft_buffer; a handle may appear once
 * @deps: pointer to &struct drm_weft_dep
 * @out_syncs: pointer to &struct drm_weft_out_sync
 * @args_size: bytes, equal to the kernel's args_size
 * @reloc_count: number of relocations, at most 256
 * @reloc_stride: bytes, at least sizeof(struct drm_weft_reloc)
 * @buffer_count: number of buffers
 * @buffer_stride: bytes, at least sizeof(struct drm_weft_buffer)
 * @dep_count: number of dependencies
 * @dep_stride: bytes, at least sizeof(struct drm_weft_dep)
 * @out_sync_count: number of out-syncobjs
 * @out_sync_stride: bytes, at least sizeof(struct drm_weft_out_sync)
 * @class_mask: classes that may run it, bit n for class n; 0 any
 * @grid: launch dimensions, each at least 1
 * @pad: zero
 * @device_mask: devices that may run it, bit n for id n; 0 any
 * @image_mask: images of the program that may be used, bit n for index n; 0 any
 * @size: size of the problem for learned run times; 0 means the product of @grid
 * @timeout_ns: run time after which it is aborted, ns; 0 means learned bounds
 * @deadline_ns: absolute time by which it should end; a wish; 0 none
 * @user_data: given back in the record
 *
 * On a LEASE queue it is no launch, but the right to drive a device oneself for a while: see
 * &struct drm_weft_lease_wait. Only @flags (RUN_ANYWAY), @deps, @out_syncs, the masks of
 * classes and devices, @deadline_ns and @user_data mean what they say above. @grid is 1 x 1 x 1,
 * @timeout_ns the quantum that is asked for, 1 ms to 10 s, or 0: as long as the device allows.
 * All other numbers and counts are zero.
 */
struct drm_weft_job {
	__u32 program;
	__u32 kernel;
	__u32 flags;
	__u32 gang;
	__u64 args;
	__u64 relocs;
	__u64 buffers;
	__u64 deps;
	__u64 out_syncs;
	__u32 args_size;
	__u32 reloc_count;
	__u32 reloc_stride;
	__u32 buffer_count;
	__u32 buffer_stride;
	__u32 dep_count;
	__u32 dep_stride;
	__u32 out_sync_count;
	__u32 out_sync_stride;
	__u32 class_mask;
	__u32 grid[3];
	__u32 pad;
	__u64 device_mask;
	__u64 image_mask;
	__u64 size;
	__u64 timeout_ns;
	__u64 deadline_ns;
	__u64 user_data;
};

/**
 * struct drm_weft_submit - submit jobs, all or none
 * @queue: in, queue handle
 * @flags: in, zero
 * @jobs: in, pointer to &struct drm_weft_job
 * @job_count: in, at least 1
 * @job_stride: in, bytes, at least sizeof(struct drm_weft_job)
 * @first_job_id: out, id of the first job; the others follow it without a gap
 * @failed_index: out, index of the job that the errno is about, ~0 if it is about no job;
 *	written back only by a call that fails with an errno other than EFAULT and EINTR
 * @pad: in, zero
 *
 * Errors: ENOENT queue, program, buffer, syncobj or job id; EINVAL a field out of range;
 * EAGAIN the queue is full (an event follows when there is room); ENOBUFS too many
 * unacknowledged records; EBUSY a buffer is held by BO_CPU_BEGIN; EOPNOTSUPP; ENODEV no device
 * may ever run it as things stand; ENOSPC its buffers cannot fit together into any eligible
 * device's memory; ENOMEM; EFAULT; EINTR.
 *
 * A job of an EARLY queue, or that uses a SHAREABLE or imported buffer, must be the only one of
 * its SUBMIT (EINVAL); the call returns when its fence is published. An imported buffer can add the
 * errno of its exporter.
 */
struct drm_weft_submit {
	__u32 queue;
	__u32 flags;
	__u64 jobs;
	__u32 job_count;
	__u32 job_stride;
	__u64 first_job_id;
	__u32 failed_index;
	__u32 pad;
};

/* ------------------------------------------------------------------ leases */

/** enum drm_weft_lease_state - where a lease is in its life */
enum drm_weft_lease_state {
	/** @DRM_WEFT_LEASE_WAITING: for its turn */
	DRM_WEFT_LEASE_WAITING = 0,
	/** @DRM_WEFT_LEASE_HELD: the client has the device */
	DRM_WEFT_LEASE_HELD = 1,
	/**
	 * @DRM_WEFT_LEASE_YIELD: the client has the device and is asked to leave it: start nothing,
	 * wait for what was started, LEASE_LEAVE
	 */
	DRM_WEFT_LEASE_YIELD = 2,
	/** @DRM_WEFT_LEASE_ENDED: it is void; the record says why */
	DRM_WEFT_LEASE_ENDED = 3,
};

/**
 * struct drm_weft_lease_wait - wait until a lease is granted, asked back, or ends
 * @job_id: in, a job of a LEASE queue of this client
 * @known: in, &enum drm_weft_lease_state that the caller knows of: the call returns when it is
 *	another; to know how it is now and not to wait @timeout_ns is 0
 * @state: out, &enum drm_weft_lease_state
 * @timeout_ns: in, absolute
 * @epoch: out, number of the lease among those of its device, from 1; 0 while it waits
 * @quantum_ns: out, after this time, and each time again, it is settled whether it goes on
 * @grace_ns: out, time to leave from YIELD on
 * @granted_ns: out, CLOCK_MONOTONIC at which it was granted
 * @device: out, device id, ~0 while it waits
 * @flags: in, zero
 *
 * A lease takes one place of its device, as a running job does, and is charged for the time that it
 * has it. It goes on for as long as nobody waits for the place who comes before its client in the
 * fair order; then its state is YIELD. A client that has not left when the grace is over loses the
 * lease (its record says ETIME), and the process that submitted it is stopped, as the operator has
 * set for the device. A lease whose process is gone ends by itself (ECANCELED).
 *
 * A call that returns ETIME has filled in all of it.
 *
 * Errors: ENOENT no such job; EINVAL it is no lease, @known or @flags; ETIME; EINTR.
 */
struct drm_weft_lease_wait {
	__u64 job_id;
	__u32 known;
	__u32 state;
	__u64 timeout_ns;
	__u64 epoch;
	__u64 quantum_ns;
	__u64 grace_ns;
	__u64 granted_ns;
	__u32 device;
	__u32 flags;
};

/**
 * struct drm_weft_lease_leave - give a device back
 * @job_id: in, a lease that is HELD or YIELD
 * @launches: in, launches made under it
 * @device_ns: in, time that the device says they took, 0 if that is not known; cut to the time for
 *	which the lease was held
 * @flags: in, zero
 * @pad: in, zero
 *
 * What was started must have ended: the device is somebody else's when the call returns. What is
 * reported goes to the record; what is charged is the time for which it was held.
 *
 * Errors: ENOENT no such job; EINVAL it is no lease, @flags or @pad; EAGAIN it was not granted yet
 * (JOB_CANCEL takes it back); EALREADY it has ended.
 */
struct drm_weft_lease_leave {
	__u64 job_id;
	__u64 launches;
	__u64 device_ns;
	__u32 flags;
	__u32 pad;
};

/* -------------------------------------------------------------- completion */

/** enum drm_weft_job_state - where a job is in its life */
enum drm_weft_job_state {
	/** @DRM_WEFT_JOB_WAITING: for other jobs */
	DRM_WEFT_JOB_WAITING = 0,
	/** @DRM_WEFT_JOB_READY: may be placed */
	DRM_WEFT_JOB_READY = 1,
	/** @DRM_WEFT_JOB_BINDING: a device is chosen; program and buffers are brought there */
	DRM_WEFT_JOB_BINDING = 2,
	/** @DRM_WEFT_JOB_BOUND: waits for a credit of the engine */
	DRM_WEFT_JOB_BOUND = 3,
	/** @DRM_WEFT_JOB_RUNNING: the device has it */
	DRM_WEFT_JOB_RUNNING = 4,
	/** @DRM_WEFT_JOB_DONE: it ended; the record is final */
	DRM_WEFT_JOB_DONE = 5,
};

/**
 * struct drm_weft_job_record - a job's account
 * @id: job id
 * @user_data: as submitted
 * @state: &enum drm_weft_job_state; the rest is final once it is DONE
 * @error: errno, positive; 0 is success: ECANCELED cancelled or a predecessor failed, ETIME
 *	timed out, ENODEV device lost, ENODATA an input is LOST, ENOSPC its buffers fit into no
 *	device's memory though no other job is there, EIO the device reported @code
 * @code: the backend's error number, 0 if none
 * @device: device id of the last run, ~0 if it never ran
 * @runs: how often it was started
 * @moves: how often it was given back to READY after being bound
 * @submit_ns: CLOCK_MONOTONIC at SUBMIT
 * @ready_ns: when its last dependency was met
 * @bind_ns: when a device was chosen for the last time
 * @start_ns: when it was handed to the engine
 * @end_ns: when the engine was done with it
 * @busy_ns: engine time; of a lease, the time for which it was held
 * @transfer_bytes: bytes moved for it
 * @launches: of a lease: what its holder said when it left
 * @device_ns: likewise
 */
struct drm_weft_job_record {
	__u64 id;
	__u64 user_data;
	__u32 state;
	__u32 error;
	__u32 code;
	__u32 device;
	__u32 runs;
	__u32 moves;
	__u64 submit_ns;
	__u64 ready_ns;
	__u64 bind_ns;
	__u64 start_ns;
	__u64 end_ns;
	__u64 busy_ns;
	__u64 transfer_bytes;
	__u64 launches;
	__u64 device_ns;
};

/** define DRM_WEFT_JOB_QUERY_WAIT - wait until all the jobs asked for are DONE */
#define DRM_WEFT_JOB_QUERY_WAIT	(1u << 0)
/** define DRM_WEFT_JOB_QUERY_ACK - forget the records of those that are DONE */
#define DRM_WEFT_JOB_QUERY_ACK	(1u << 1)

/**
 * struct drm_weft_job_query - read completion records
 * @first_id: in, first job id
 * @count: in, number of consecutive ids, 1..4096
 * @stride: in, bytes of the caller's record, at least 32
 * @records: in, pointer to &struct drm_weft_job_record; may be 0 to wait or acknowledge only
 * @flags: in, DRM_WEFT_JOB_QUERY_*
 * @pad: in, zero
 * @timeout_ns: in, absolute; zero without WAIT
 *
 * Records of jobs that are DONE are kept until they are acknowledged.
 *
 * Errors: ENOENT one of the ids was never given or is acknowledged; ETIME; EINTR; EINVAL; EFAULT.
 */
struct drm_weft_job_query {
	__u64 first_id;
	__u32 count;
	__u32 stride;
	__u64 records;
	__u32 flags;
	__u32 pad;
	__u64 timeout_ns;
};

/**
 * struct drm_weft_job_cancel - end a job early
 * @job_id: in
 * @flags: in, zero
 * @pad: in, zero
 *
 * A job that has not started ends with ECANCELED; a running one is aborted. Returns at once; the
 * record tells how it ended. Errors: ENOENT; EALREADY it is DONE; EINVAL.
 */
struct drm_weft_job_cancel {
	__u64 job_id;
	__u32 flags;
	__u32 pad;
};

/* ----------------------------------------------------------------- events */

/** define DRM_WEFT_EVENT_QUEUE_SPACE - read(): a queue that refused a SUBMIT has room again */
#define DRM_WEFT_EVENT_QUEUE_SPACE	0x80000000

/**
 * struct drm_weft_event_queue - event of a queue
 * @base: type and length
 * @queue: queue handle
 * @pad: zero
 */
struct drm_weft_event_queue {
	struct drm_event base;
	__u32 queue;
	__u32 pad;
};

/** define DRM_WEFT_EVENT_DEVICE - read(): a device came, went or changed its health */
#define DRM_WEFT_EVENT_DEVICE		0x80000001

/**
 * struct drm_weft_event_device - event of a device
 * @base: type and length
 * @device: device id
 * @health: &enum drm_weft_health from now on
 * @reason: &enum drm_weft_device_reason
 * @missed: events before this one that were not kept, because the client did not read
 *
 * Changes that follow each other closely may come as one. What counts is what QUERY says.
 */
struct drm_weft_event_device {
	struct drm_event base;
	__u32 device;
	__u32 health;
	__u32 reason;
	__u32 missed;
};

#define DRM_WEFT_IOWR(nr, type) DRM_IOWR(DRM_COMMAND_BASE + (nr), type)
#define DRM_WEFT_IOW(nr, type) DRM_IOW(DRM_COMMAND_BASE + (nr), type)

#define DRM_IOCTL_WEFT_QUERY \
	DRM_WEFT_IOWR(DRM_WEFT_QUERY, struct drm_weft_query)
#define DRM_IOCTL_WEFT_BO_CREATE \
	DRM_WEFT_IOWR(DRM_WEFT_BO_CREATE, struct drm_weft_bo_create)
#define DRM_IOCTL_WEFT_BO_INFO \
	DRM_WEFT_IOWR(DRM_WEFT_BO_INFO, struct drm_weft_bo_info)
#define DRM_IOCTL_WEFT_BO_MMAP_OFFSET \
	DRM_WEFT_IOWR(DRM_WEFT_BO_MMAP_OFFSET, struct drm_weft_bo_mmap_offset)
#define DRM_IOCTL_WEFT_BO_CPU_BEGIN \
	DRM_WEFT_IOW(DRM_WEFT_BO_CPU_BEGIN, struct drm_weft_bo_cpu)
#define DRM_IOCTL_WEFT_BO_CPU_END \
	DRM_WEFT_IOW(DRM_WEFT_BO_CPU_END, struct drm_weft_bo_cpu)
#define DRM_IOCTL_WEFT_BO_WAIT \
	DRM_WEFT_IOW(DRM_WEFT_BO_WAIT, struct drm_weft_bo_wait)
#define DRM_IOCTL_WEFT_PROGRAM_CREATE \
	DRM_WEFT_IOWR(DRM_WEFT_PROGRAM_CREATE, struct drm_weft_program_create)
#define DRM_IOCTL_WEFT_PROGRAM_DESTROY \
	DRM_WEFT_IOW(DRM_WEFT_PROGRAM_DESTROY, struct drm_weft_handle)
#define DRM_IOCTL_WEFT_PROGRAM_QUERY \
	DRM_WEFT_IOWR(DRM_WEFT_PROGRAM_QUERY, struct drm_weft_program_query)
#define DRM_IOCTL_WEFT_QUEUE_CREATE \
	DRM_WEFT_IOWR(DRM_WEFT_QUEUE_CREATE, struct drm_weft_queue_create)
#define DRM_IOCTL_WEFT_QUEUE_SET \
	DRM_WEFT_IOW(DRM_WEFT_QUEUE_SET, struct drm_weft_queue_set)
#define DRM_IOCTL_WEFT_QUEUE_DESTROY \
	DRM_WEFT_IOW(DRM_WEFT_QUEUE_DESTROY, struct drm_weft_handle)
#define DRM_IOCTL_WEFT_CLIENT_SET \
	DRM_WEFT_IOW(DRM_WEFT_CLIENT_SET, struct drm_weft_client_set)
#define DRM_IOCTL_WEFT_SUBMIT \
	DRM_WEFT_IOWR(DRM_WEFT_SUBMIT, struct drm_weft_submit)
#define DRM_IOCTL_WEFT_JOB_QUERY \
	DRM_WEFT_IOW(DRM_WEFT_JOB_QUERY, struct drm_weft_job_query)
#define DRM_IOCTL_WEFT_JOB_CANCEL \
	DRM_WEFT_IOW(DRM_WEFT_JOB_CANCEL, struct drm_weft_job_cancel)
#define DRM_IOCTL_WEFT_LEASE_WAIT \
	DRM_WEFT_IOWR(DRM_WEFT_LEASE_WAIT, struct drm_weft_lease_wait)
#define DRM_IOCTL_WEFT_LEASE_LEAVE \
	DRM_WEFT_IOW(DRM_WEFT_LEASE_LEAVE, struct drm_weft_lease_leave)

#if defined(__cplusplus)
}
#endif

#endif /* _WEFT_DRM_H_ */
