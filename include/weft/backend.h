/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a backend implements and what it may call.
 *
 * DOC: backend
 *
 * A backend is a module that drives one kind of device. It describes each device with &struct
 * weft_device_desc, registers it with weft_device_register() and then only answers the calls of
 * &struct weft_backend_ops. Order, placement, memory management, isolation, deadlines and
 * accounting are the core's. The core never asks who the vendor is: it reads capabilities.
 *
 * Memory of a device is a flat range of @memory_size bytes; the core hands out offsets in it
 * (multiples of 4 KiB) and tells the backend to copy and clear. A backend sees device addresses
 * only in &weft_run.args, where the core has applied the relocations: address =
 * &weft_device_desc.memory_base + offset.
 */
#ifndef WEFT_BACKEND_H
#define WEFT_BACKEND_H

#include <linux/device.h>
#include <linux/types.h>
#include <linux/mm_types.h>
#include <drm/weft_drm.h>

struct drm_printer;
struct scatterlist;
struct weft_device;

#define WEFT_MAX_ISAS		4
#define WEFT_MAX_ENGINES	8
#define WEFT_MAX_CONTEXTS	16

/** enum weft_engine_kind - what an engine does */
enum weft_engine_kind {
	/** @WEFT_ENGINE_COMPUTE: runs jobs */
	WEFT_ENGINE_COMPUTE = 0,
	/** @WEFT_ENGINE_COPY: moves bytes */
	WEFT_ENGINE_COPY = 1,
};

/**
 * struct weft_engine_desc - one hardware queue
 * @kind: &enum weft_engine_kind
 * @credits: jobs it runs at once, 1..64
 */
struct weft_engine_desc {
	enum weft_engine_kind kind;
	u32 credits;
};

/* Capabilities */
/** define WEFT_CAP_RUN_SLEEPS - run() may sleep: it is called from a worker */
#define WEFT_CAP_RUN_SLEEPS	BIT(0)
/** define WEFT_CAP_ABORT - abort() can stop a job without a reset */
#define WEFT_CAP_ABORT		BIT(1)
/**
 * define WEFT_CAP_EARLY - may run jobs whose fence others wait for already
 *
 * The backend promises that abort() or reset() brings every job to a stop in bounded time, that
 * every copy ends in bounded time, and that run(), copy(), abort(), reset(), telemetry() and dump()
 * neither allocate memory that has to be reclaimed (GFP_NOWAIT at the most) nor take a lock under
 * which somebody does; nor do its workers and interrupt threads on their way to the end of a run or
 * copy. Lockdep checks what is between dma_fence_begin_signalling() and dma_fence_end_signalling():
 * the core's calls are, workers and threads have to be put there. Not with WEFT_CAP_RUN_SLEEPS.
 */
#define WEFT_CAP_EARLY		BIT(2)
/**
 * define WEFT_CAP_DMA - copy() takes DMA addresses
 *
 * Imported buffers then reach copy() as &weft_copy.sgl, mapped for the parent device, instead of
 * passing through host pages by the CPU. The parent's DMA mask is set before the device is
 * registered and stays, and no mapping is touched after the copy was completed.
 */
#define WEFT_CAP_DMA		BIT(3)
/** define WEFT_CAP_SERVED - a process does its work, which clients may not want to trust */
#define WEFT_CAP_SERVED		BIT(4)
/** define WEFT_CAP_LEASE - clients may drive it with the vendor's runtime, each in its turn */
#define WEFT_CAP_LEASE		BIT(5)
/**
 * define WEFT_CAP_CHAINS - runs may be handed over before those they wait for are over
 *
 * &weft_run.waits says which. The device keeps the order; completions may come in any. One compute
 * engine only, and neither with WEFT_CAP_EARLY nor with WEFT_CAP_RUN_SLEEPS.
 */
#define WEFT_CAP_CHAINS		BIT(6)

/**
 * struct weft_device_desc - what a device is; copied by weft_device_register()
 * @name: name on the weft bus, unique; NULL: made from the class and a number
 * @vendor: vendor's name
 * @model: model's name; devices of one model share learned run times
 * @dev_class: &enum drm_weft_class
 * @caps: WEFT_CAP_*
 * @preempt_level: 0 none, 1 stop feeding, 2 command boundary, 3 save and restore
 * @isas: names of instruction sets it accepts, best first, NULL-terminated unless full
 * @engines: its engines
 * @engine_count: 1..WEFT_MAX_ENGINES, at least one compute engine
 * @memory_size: bytes of local memory, multiple of 4 KiB, at least 64 KiB
 * @memory_base: device address of its first byte
 * @numa_node: host node it is attached to, or NUMA_NO_NODE
 * @link_kind: "pcie", "xgmi", ...
 * @bandwidth_down: host to device, MB/s (10^6)
 * @bandwidth_up: device to host, MB/s
 * @link_latency: ns
 * @price: what a nanosecond of it costs, 1024 is the unit; 0 means 1024
 * @contexts: 0: what all tenants do there may mix. 1..WEFT_MAX_CONTEXTS: each tenant has a context
 *	of its own, so many at a time, made with &weft_backend_ops.context_open; memory is divided
 *	evenly among them (in pieces that are multiples of 4 KiB): context i has the i-th part.
 *	Not with WEFT_CAP_EARLY
 */
struct weft_device_desc {
	const char *name;
	const char *vendor;
	const char *model;
	enum drm_weft_class dev_class;
	u32 caps;
	u32 preempt_level;
	const char *isas[WEFT_MAX_ISAS];
	struct weft_engine_desc engines[WEFT_MAX_ENGINES];
	u32 engine_count;
	u64 memory_size;
	u64 memory_base;
	int numa_node;
	const char *link_kind;
	u64 bandwidth_down;
	u64 bandwidth_up;
	u64 link_latency;
	u32 price;
	u32 contexts;
};

/**
 * struct weft_image - one program image on one device
 * @data: the image, valid until unload_image() returns
 * @size: bytes
 * @isa: index into the device's isas
 * @kernel_count: kernels in the program's table
 * @context: the context that it is loaded in
 * @log: out, what a compiler had to say, for the client, or NULL; kvmalloc(), the core's from then
 *	on
 * @log_size: out, bytes of it
 * @priv: the backend's
 */
struct weft_image {
	const void *data;
	size_t size;
	u32 isa;
	u32 kernel_count;
	u32 context;
	void *log;
	u32 log_size;
	void *priv;
};

/** define WEFT_MAX_WAITS - runs that one can wait for on a device with WEFT_CAP_CHAINS */
#define WEFT_MAX_WAITS	4

/**
 * struct weft_run - one run of one job on one engine
 * @job_id: for messages
 * @image: loaded on this device
 * @kernel: index of the kernel
 * @engine: index of the engine
 * @args: argument blob with device addresses filled in; valid until completion
 * @args_size: bytes
 * @relocs: where in @args the addresses are; in @offset
 * @reloc_count: how many
 * @context: the context that it runs in
 * @grid: launch dimensions
 * @timeout_ns: deadline armed by the core, for backends with their own watchdog
 * @waits: WEFT_CAP_CHAINS: runs that the device has and that must be over before this one starts;
 *	valid until run() returns. If one of them fails this one need not start
 * @wait_count: how many
 * @disturbed: set before weft_run_complete(): somebody who is not weft used the device meanwhile,
 *	so that nothing is learned from the time it took
 * @priv: the backend's, zero at run()
 * @node: the backend's, for its own queues
 */
struct weft_run {
	u64 job_id;
	struct weft_image *image;
	u32 kernel;
	u32 engine;
	void *args;
	u32 args_size;
	const struct drm_weft_reloc *relocs;
	u32 reloc_count;
	u32 context;
	u32 grid[3];
	u64 timeout_ns;
	struct weft_run *waits[WEFT_MAX_WAITS];
	u32 wait_count;
	bool disturbed;
	u64 priv[2];
	struct list_head node;
};

/*
 * The host pages of a buffer, for a backend that has to map them somewhere: &weft_copy.pages are
 * some of them. Opaque; lives as long as a copy from or to it, or as a &struct weft_host_user that
 * is attached.
 */
struct weft_host;

/**
 * struct weft_host_user - a backend keeps a mapping of host pages from one copy to the next
 * @node: the core's
 * @host: whose; NULL: not attached
 * @gone: the buffer dies: forget the mapping, and do not wait for anybody. The user is not attached
 *	any more. Process context
 */
struct weft_host_user {
	struct list_head node;
	struct weft_host *host;
	void (*gone)(struct weft_host_user *user);
};

/** weft_host_attach() - keep @user, with its @gone set, informed; inside a copy of @host */
void weft_host_attach(struct weft_host *host, struct weft_host_user *user);
/**
 * weft_host_detach() - a user is not interested any more
 * @user: user, attached or gone
 *
 * Context: process; when it returns gone() is not called from then on, and is not under way. Takes
 * the lock that is held around gone().
 */
void weft_host_detach(struct weft_host_user *user);
/** weft_host_id() - number of the buffer, unique in its pool */
u64 weft_host_id(const struct weft_host *host);
/** weft_host_size() - bytes, a multiple of the size of a page */
u64 weft_host_size(const struct weft_host *host);
/** weft_host_page() - page @index, made if it does not exist; NULL: no memory. May sleep. */
struct page *weft_host_page(struct weft_host *host, unsigned long index);
/** weft_host_pinned() - does somebody hold a page of it without having it mapped? */
bool weft_host_pinned(struct weft_host *host);
/** weft_host_quarantine() - something may write the pages for ever: they are never reused */
void weft_host_quarantine(struct weft_host *host);

/** enum weft_copy_kind - what a copy engine is asked to do */
enum weft_copy_kind {
	/** @WEFT_COPY_TO_DEVICE: host pages to device memory */
	WEFT_COPY_TO_DEVICE = 0,
	/** @WEFT_COPY_TO_HOST: device memory to host pages */
	WEFT_COPY_TO_HOST = 1,
	/** @WEFT_COPY_CLEAR: zeros to device memory */
	WEFT_COPY_CLEAR = 2,
};

/**
 * struct weft_copy - one transfer between host pages and a contiguous range of device memory
 * @kind: &enum weft_copy_kind
 * @offset: first byte in device memory
 * @length: bytes
 * @pages: host pages; NULL for CLEAR, and if there is @sgl
 * @page_offset: first byte in the first of @pages
 * @sgl: with WEFT_CAP_DMA instead of @pages: the first of entries that are mapped for the device's
 *	parent in both directions and cover @length; go through them with sg_next(), read nothing
 *	but sg_dma_address() and sg_dma_len() (there may be no pages behind them)
 * @sgl_offset: first byte in @sgl
 * @host: the buffer that @pages are of
 * @host_offset: first byte in the buffer
 * @done: set by the core, called through weft_copy_complete() only
 * @error: result
 * @priv: the backend's
 * @node: the backend's, for its own queues
 */
struct weft_copy {
	enum weft_copy_kind kind;
	u64 offset;
	u64 length;
	struct page **pages;
	size_t page_offset;
	struct scatterlist *sgl;
	u32 sgl_offset;
	struct weft_host *host;
	u64 host_offset;
	void (*done)(struct weft_copy *copy);
	int error;
	u64 priv[2];
	struct list_head node;
};

/**
 * struct weft_telemetry - sensors; a field is meaningful if its bit in @valid is set
 * @valid: WEFT_TELEMETRY_*
 * @temp_mc: temperature, m degrees Celsius
 * @power_uw: power now, uW
 * @energy_uj: energy since start, uJ
 * @freq_hz: compute clock, Hz
 * @late_ns: time by which simulated work overran its model
 * @late_jobs: jobs that did
 */
struct weft_telemetry {
#define WEFT_TELEMETRY_TEMP	BIT(0)
#define WEFT_TELEMETRY_POWER	BIT(1)
#define WEFT_TELEMETRY_ENERGY	BIT(2)
#define WEFT_TELEMETRY_FREQ	BIT(3)
#define WEFT_TELEMETRY_LATE	BIT(4)
	u32 valid;
	s32 temp_mc;
	u64 power_uw;
	u64 energy_uj;
	u64 freq_hz;
	u64 late_ns;
	u64 late_jobs;
};

/**
 * struct weft_backend_ops - the calls a backend answers
 *
 * All may sleep except @run. Calls for one device are not concurrent with @start and @stop of
 * it; a @copy may still come in while @reset runs and is refused. @telemetry is called once at a
 * time, whenever the device is registered, but never while @reset runs. -ENODEV from any of them,
 * or as the error of a run or copy, says that the hardware is gone: the device gets no more jobs
 * and the backend is expected to unregister it. -ESTALE says that of a context: see
 * weft_context_lost().
 */
struct weft_backend_ops {
	/** @owner: THIS_MODULE */
	struct module *owner;
	/** @start: make the device ready; called by weft_device_register(). Optional. */
	int (*start)(struct weft_device *wdev);
	/** @stop: the device is quiet and leaves; called by weft_device_unregister(). Optional. */
	void (*stop)(struct weft_device *wdev);
	/** @load_image: make @image runnable here. 0 or -errno. */
	int (*load_image)(struct weft_device *wdev, struct weft_image *image);
	/** @unload_image: no run uses it any more. */
	void (*unload_image)(struct weft_device *wdev, struct weft_image *image);
	/**
	 * @run: put @run on its engine and ring the doorbell. Called with the engine's lock held
	 * and interrupts off, unless WEFT_CAP_RUN_SLEEPS. 0 means that weft_run_complete() will
	 * be called exactly once (perhaps before run() returns); an errno means it will not.
	 */
	int (*run)(struct weft_device *wdev, struct weft_run *run);
	/**
	 * @abort: stop @run. 0: the device makes no further access to its memory and
	 * weft_run_complete() is not called for it from now on, or has returned. -EBUSY or
	 * another errno: only a reset helps.
	 */
	int (*abort)(struct weft_device *wdev, struct weft_run *run);
	/**
	 * @reset: bring the whole device to a stop and back. 0: quiet, every run is forgotten
	 * as after @abort, every copy under way was completed with an error, device memory
	 * keeps or loses its contents (the core assumes: loses). An errno: it may still access
	 * memory. The core quarantines what it could reach, takes bus mastering away from a PCI
	 * device, and may ask again later. Runs are forgotten and copies completed in both cases.
	 */
	int (*reset)(struct weft_device *wdev);
	/**
	 * @copy: start @copy; weft_copy_complete() follows exactly once if 0 is returned. A backend
	 * whose copy engine is busy queues it: -EAGAIN, here or as its result, counts as -EIO. A
	 * device that completes none for a while although some are due is reset: see
	 * Documentation/ABI/testing/sysfs-bus-weft, copy_timeout_ns.
	 */
	int (*copy)(struct weft_device *wdev, struct weft_copy *copy);
	/**
	 * @context_open: make context @context for a tenant, number @tenant, called @name. May take
	 * as long as it takes to start a process. What it fails with jobs fail with; -ENODEV if the
	 * device is on its way out. With &weft_device_desc.contexts only, and not optional then.
	 */
	int (*context_open)(struct weft_device *wdev, u32 context, u32 tenant, const char *name);
	/**
	 * @context_close: nothing is left in it, or it was lost. Once per context opened; its
	 * number may then be used for another tenant.
	 */
	void (*context_close)(struct weft_device *wdev, u32 context);
	/**
	 * @memory_alloc: @size bytes of memory at @offset are somebody's from now on, until
	 * @memory_free; @address: what jobs are to find in their arguments. For devices whose
	 * memory is not one range of addresses. Optional, but with its counterpart.
	 */
	int (*memory_alloc)(struct weft_device *wdev, u64 offset, u64 size, u64 *address);
	/** @memory_free: they are nobody's. */
	void (*memory_free)(struct weft_device *wdev, u64 offset, u64 size);
	/**
	 * @telemetry: read the sensors; @t is zeroed, set what there is and its bits in valid.
	 * Which sensors there are is asked when the device is registered. Optional.
	 */
	int (*telemetry)(struct weft_device *wdev, struct weft_telemetry *t);
	/**
	 * @dump: print the device's state for a coredump, some 50 lines of text at the most, with
	 * drm_printf(). The device may hang: what it does not answer at once is left out. Not
	 * concurrent with @abort and @reset. Optional.
	 */
	void (*dump)(struct weft_device *wdev, struct drm_printer *p);
};

/**
 * weft_device_register() - hand a device to the default pool
 * @parent: the device's own struct device (PCI or platform)
 * @desc: copied
 * @ops: must stay
 * @priv: for weft_device_priv()
 *
 * Context: process, may sleep. Jobs can arrive before it returns.
 * Return: the device or ERR_PTR(): -EINVAL bad @desc (the log says which field), -EEXIST name
 * taken, -ENOSPC 64 devices or 64 regions, host nodes included, -ENOMEM, or what start() returned.
 */
struct weft_device *weft_device_register(struct device *parent, const struct weft_device_desc *desc,
					 const struct weft_backend_ops *ops, void *priv);

/**
 * weft_device_unregister() - take a device out
 * @wdev: from weft_device_register()
 * @lost: false: running jobs finish, READY ones go elsewhere, sole copies move to the host;
 *	true: the hardware is already gone: jobs on it are given back or fail, sole copies are LOST
 *
 * Sleeps until no job and no copy touches the device; afterwards @wdev is freed.
 */
void weft_device_unregister(struct weft_device *wdev, bool lost);

/**
 * weft_device_suspend() - a device is about to sleep
 * @wdev: device
 *
 * Closes it to new jobs, waits until those that are BINDING, BOUND or RUNNING there have ended, and
 * moves its memory's contents to where they survive. READY jobs go to other devices, or wait.
 * Its images stay: load_image() must keep what is needed to use them after a sleep.
 *
 * Context: process, may sleep; not while the device is registered or unregistered (the driver
 * core's lock of the parent device sees to that). No call but load_image(), unload_image() and
 * telemetry() comes in until weft_device_resume().
 */
void weft_device_suspend(struct weft_device *wdev);

/** weft_device_resume() - a device that was suspended is awake and takes jobs; process context */
void weft_device_resume(struct weft_device *wdev);

/** weft_device_priv() - the @priv given at registration */
void *weft_device_priv(struct weft_device *wdev);
/** weft_device_name() - its name on the weft bus */
const char *weft_device_name(struct weft_device *wdev);

/**
 * struct weft_device_tune - what a backend may change on a live device; 0 leaves a value
 * @bandwidth_down: host to device, MB/s
 * @bandwidth_up: device to host, MB/s
 * @link_latency: ns
 * @price: what a nanosecond of it costs
 */
struct weft_device_tune {
	u64 bandwidth_down;
	u64 bandwidth_up;
	u64 link_latency;
	u32 price;
};

/** weft_device_tune() - the link's speed or the price has changed; process context */
int weft_device_tune(struct weft_device *wdev, const struct weft_device_tune *tune);

/**
 * weft_run_complete() - a run ended
 * @run: from run()
 * @error: 0 or -errno
 * @code: the device's own error number, 0 if none
 * @busy_ns: engine time used; 0 lets the core take the time since run()
 *
 * Context: any. A completion of a run that the backend does not hold (a second one, or after
 * abort() or reset() returned, or after the device left) has no effect, warns once and is counted
 * in stray_completions of the weft bus.
 */
void weft_run_complete(struct weft_run *run, int error, u32 code, u64 busy_ns);

/**
 * weft_run_hand_in() - weft_run_complete(), but the device goes on with weft_runs_settle() only
 * @run: from run()
 * @error: 0 or -errno
 * @code: the device's own error number, 0 if none
 * @busy_ns: engine time used; 0 lets the core take the time since run()
 *
 * For a process that brings several at once. Context: any.
 */
void weft_run_hand_in(struct weft_run *run, int error, u32 code, u64 busy_ns);

/**
 * weft_runs_settle() - the device goes on after weft_run_hand_in()
 * @wdev: device; the caller sees to it that it stays, and that its contexts do
 *
 * Retires the jobs and starts others, on the caller's stack as far as nobody else is at it and it
 * does not take too long. Calls run(), and sleeps for no backend. Context: process, no spinlocks.
 */
void weft_runs_settle(struct weft_device *wdev);

/**
 * weft_run_reloc_length() - bytes that a run may use from an address among its arguments on
 * @run: run that the backend holds
 * @index: of the relocation, below &weft_run.reloc_count
 *
 * Return: those up to the end of the range of the buffer that the job names; at least 1.
 */
u64 weft_run_reloc_length(const struct weft_run *run, u32 index);

/**
 * weft_context_lost() - a context has died, and with it all that it held
 * @wdev: device
 * @context: number, from context_open() that has succeeded
 *
 * Called before its runs and copies are completed with -ESTALE, as are those that still come. Jobs
 * that ran there run again if they can; copies and images in it are gone. context_close() follows
 * when nobody uses it any more, and a later job opens a context anew. Context: process.
 */
void weft_context_lost(struct weft_device *wdev, u32 context);

/**
 * weft_context_retire() - close a context that nobody uses just now, in order
 * @wdev: device
 * @context: number
 *
 * Context: process, may sleep; its copies are made. Not for a context under context_open().
 * Return: 0 it was closed, -EBUSY it is in use.
 */
int weft_context_retire(struct weft_device *wdev, u32 context);

/** weft_copy_complete() - a copy ended; @error 0 or -errno. Context: any. */
void weft_copy_complete(struct weft_copy *copy, int error);

#endif /* WEFT_BACKEND_H */
