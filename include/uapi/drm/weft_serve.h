/* SPDX-License-Identifier: MIT */
/*
 * weft_serve: devices that a process serves.
 *
 * A privileged process, the *server*, offers a device on the control node /dev/weft_serve. For each
 * tenant that uses the device there is one more process, a *seat*: it holds the vendor's context of
 * that tenant, and no other's. Requests reach a seat through a ring in shared memory, completions
 * come back through another, and one ioctl per batch hands in completions and waits for requests.
 * Documentation/serve/abi.rst tells the whole story.
 *
 * Rules that hold throughout:
 *
 *  - structures are multiples of 8 bytes and alike for 32 and 64 bit callers; they may grow at
 *    their end: bytes that the kernel does not know must be zero (E2BIG), those the caller does not
 *    know are zero;
 *  - reserved fields, pads and flags not listed must be zero, or the call fails with EINVAL;
 *  - strings are NUL-terminated within their field (EINVAL);
 *  - absolute times are CLOCK_MONOTONIC nanoseconds, UINT64_MAX never;
 *  - a call that fails has done nothing; EINTR leaves its arguments as they were.
 *
 * The kernel trusts nothing in the rings: it keeps its own copies of what it wrote, masks and
 * checks what it reads, and reads it once.
 *
 * Version 1 is frozen: what a server built with this header does goes on working. See the chapter
 * "What frozen means" of the manual for what may be added, and how.
 */
#ifndef _WEFT_SERVE_H_
#define _WEFT_SERVE_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/** define WEFT_SERVE_VERSION - of this ABI; a client of another one is refused (EPROTO) */
#define WEFT_SERVE_VERSION	1

#define WEFT_SERVE_NAME_LEN	32
#define WEFT_SERVE_MAX_ISAS	4
#define WEFT_SERVE_MAX_ENGINES	8
#define WEFT_SERVE_MAX_SEATS	16
#define WEFT_SERVE_MAX_WAITS	4
#define WEFT_SERVE_MAX_NODES	16

/* Ring sizes: slots of a seat, a power of two. */
#define WEFT_SERVE_MIN_SLOTS	16
#define WEFT_SERVE_MAX_SLOTS	1024

/* A slot's payload: arguments at its start, relocations behind them; or text from the seat. */
#define WEFT_SERVE_PAYLOAD	8192
#define WEFT_SERVE_MAX_ARGS	4096
#define WEFT_SERVE_RELOCS	4096	/* offset of the &struct weft_serve_reloc in the payload */
#define WEFT_SERVE_MAX_RELOCS	256

/* mmap() offsets of a seat's file; both must be mapped MAP_SHARED, the first one whole. */
#define WEFT_SERVE_MMAP_RING	0ull
#define WEFT_SERVE_MMAP_HOST	(1ull << 40)

/* ---------------------------------------------------------------- features */

/*
 * What a device can do beyond LAUNCH, COPY and FILL. The kernel answers VERSION with those it makes
 * use of; OFFER names those the server has, and is refused (EOPNOTSUPP) if it names another. A
 * request that belongs to a feature is sent only to devices that were offered with it.
 */

/** define WEFT_SERVE_F_ABORT - single launches can be stopped (OP_ABORT) */
#define WEFT_SERVE_F_ABORT		(1ull << 0)
/** define WEFT_SERVE_F_REGISTER - host memory is registered before it is copied (OP_REGISTER) */
#define WEFT_SERVE_F_REGISTER		(1ull << 1)
/** define WEFT_SERVE_F_EVENTS - launches come early: a stream, events to wait for and to signal */
#define WEFT_SERVE_F_EVENTS		(1ull << 2)
/** define WEFT_SERVE_F_DEACTIVATE - it can stop starting launches, and go on (OP_DEACTIVATE) */
#define WEFT_SERVE_F_DEACTIVATE		(1ull << 3)
/** define WEFT_SERVE_F_INTERRUPT - launches can be interrupted and restored (OP_INTERRUPT) */
#define WEFT_SERVE_F_INTERRUPT		(1ull << 4)
/** define WEFT_SERVE_F_TELEMETRY - the server reports sensors and foreign load */
#define WEFT_SERVE_F_TELEMETRY		(1ull << 5)
/**
 * define WEFT_SERVE_F_LEASES - clients may drive it with the vendor's runtime, each in its turn (a
 * LEASE queue of weft_drm.h); the server has nothing to do with it, and vouches that they can
 */
#define WEFT_SERVE_F_LEASES		(1ull << 6)

/**
 * struct weft_serve_version - WEFT_SERVE_IOCTL_VERSION
 * @version: in: the caller's WEFT_SERVE_VERSION; out: the kernel's
 * @pad: zero
 * @features: out: WEFT_SERVE_F_* that this kernel makes use of
 *
 * Any file of the node, in any state. EPROTO: another version, @version says which; nothing else
 * will work.
 */
struct weft_serve_version {
	__u32 version;
	__u32 pad;
	__u64 features;
};

/* -------------------------------------------------------------------- OFFER */

/** enum weft_serve_memory - how a seat keeps device memory */
enum weft_serve_memory {
	/**
	 * @WEFT_SERVE_MEMORY_ARENA: the seat donates one allocation of
	 * &weft_serve_offer.memory_size bytes and says where it starts; weft manages offsets in it
	 */
	WEFT_SERVE_MEMORY_ARENA = 0,
	/**
	 * @WEFT_SERVE_MEMORY_HANDLES: the seat allocates and frees on request (ALLOC, FREE); an
	 * allocation is named by a number of the seat's choice
	 */
	WEFT_SERVE_MEMORY_HANDLES = 1,
};

/**
 * enum weft_serve_recovery - what becomes of jobs when their seat dies, and of a device without
 * server
 */
enum weft_serve_recovery {
	/**
	 * @WEFT_SERVE_RECOVERY_FAIL: running jobs fail (EIO); without its server the device leaves
	 */
	WEFT_SERVE_RECOVERY_FAIL = 0,
	/**
	 * @WEFT_SERVE_RECOVERY_RERUN: jobs that may run again do so, here in a new seat or on
	 * another device, the others fail (ENODEV); without its server the device leaves
	 */
	WEFT_SERVE_RECOVERY_RERUN = 1,
	/**
	 * @WEFT_SERVE_RECOVERY_WAIT: as RERUN; without its server the device stays for
	 * &weft_serve_offer.return_ns, and whoever offers it again in that time goes on with it
	 */
	WEFT_SERVE_RECOVERY_WAIT = 2,
};

/**
 * struct weft_serve_node - a character device through which the vendor's driver is reached
 * @major: of its number; 0: none
 * @minor: of its number
 */
struct weft_serve_node {
	__u32 major;
	__u32 minor;
};

/**
 * struct weft_serve_offer - WEFT_SERVE_IOCTL_OFFER: this file serves a device from now on
 * @version: WEFT_SERVE_VERSION
 * @flags: zero
 * @features: WEFT_SERVE_F_* of the device
 * @name: on the weft bus; empty: made from the class and a number. out: the name
 * @vendor: vendor's name
 * @model: model's name, not empty; devices of one model share learned run times
 * @driver: version of the vendor's driver, for operators
 * @runtime: version of the vendor's runtime, for operators
 * @link: kind of the link to the host, "pcie" and the like; empty: "pcie"
 * @isas: names of the instruction sets it accepts, best first, at least one
 * @dev_class: &enum drm_weft_class
 * @preempt_level: 0 none, 1 stop feeding (needs F_DEACTIVATE), 2 command boundary, 3 save and
 *	restore (needs F_INTERRUPT)
 * @engines: compute engines, 1..WEFT_SERVE_MAX_ENGINES; with F_EVENTS 1
 * @credits: launches that each of them has at once, 1..64; with F_EVENTS those that wait for others
 *	come on top
 * @streams: streams per seat, 1..65535; without F_EVENTS 1
 * @seats: tenants at a time, 1..WEFT_SERVE_MAX_SEATS
 * @memory: &enum weft_serve_memory
 * @recovery: &enum weft_serve_recovery
 * @numa_node: host node it is attached to, -1 none
 * @price: what a nanosecond of it costs, 1024 is the unit; 0 means 1024
 * @memory_size: bytes of device memory that a seat offers, multiple of 4 KiB, at least 64 KiB
 * @context_size: bytes that a seat's context takes beside them; told to operators, and taken off
 *	nothing
 * @bandwidth_down: hint, host to device, MB/s, not 0; the real one is learned
 * @bandwidth_up: hint, device to host, MB/s, not 0
 * @latency_ns: hint, of a copy
 * @speed: hint, how fast it computes, 10^6 operations per second, 0 unknown; told to operators: run
 *	times are learned per kernel
 * @spawn_ns: how long a seat may take to attach; 1 ms .. 10 min, 0: 10 s
 * @answer_ns: how long any request but LAUNCH may take; 1 ms .. 10 min, 0: 10 s. That of
 *	FREE, UNLOAD and REVOKE begins when the launches before it are over: runtimes wait for them
 * @idle_ns: a seat without work retires after this time; at least 1 ms, 0: never
 * @return_ns: with RECOVERY_WAIT, how long the device stays without its server; 1 ms .. 1 h, 0: 30
 *	s
 * @device: out: number of the device, for ATTACH
 * @pad: zero
 * @nodes: character devices of the vendor's driver that reach this device, those all its devices
 *	have in common included; the first one that is zero ends them. Told to operators: weft
 *	itself opens none of them
 *
 * The device joins a pool as any device does. The file is the server's until it is closed or
 * WITHDRAWN; it cannot be a seat. read() gives &struct weft_serve_event, poll() says when.
 *
 * Errors: EPROTO version; EINVAL a field is wrong, the log says which; EOPNOTSUPP a feature that
 * this kernel makes no use of; EBUSY the file is in use already, or the device's return is waited
 * for and @seats, @memory, @memory_size or @features are not those it was first offered with;
 * EEXIST the name is taken; ENOSPC the pool is full; ENOMEM.
 */
struct weft_serve_offer {
	__u32 version;
	__u32 flags;
	__u64 features;
	char name[WEFT_SERVE_NAME_LEN];
	char vendor[WEFT_SERVE_NAME_LEN];
	char model[WEFT_SERVE_NAME_LEN];
	char driver[WEFT_SERVE_NAME_LEN];
	char runtime[WEFT_SERVE_NAME_LEN];
	char link[WEFT_SERVE_NAME_LEN];
	char isas[WEFT_SERVE_MAX_ISAS][WEFT_SERVE_NAME_LEN];
	__u32 dev_class;
	__u32 preempt_level;
	__u32 engines;
	__u32 credits;
	__u32 streams;
	__u32 seats;
	__u32 memory;
	__u32 recovery;
	__s32 numa_node;
	__u32 price;
	__u64 memory_size;
	__u64 context_size;
	__u64 bandwidth_down;
	__u64 bandwidth_up;
	__u64 latency_ns;
	__u64 speed;
	__u64 spawn_ns;
	__u64 answer_ns;
	__u64 idle_ns;
	__u64 return_ns;
	__u32 device;
	__u32 pad;
	struct weft_serve_node nodes[WEFT_SERVE_MAX_NODES];
};

/** enum weft_serve_event_type - what a server is told */
enum weft_serve_event_type {
	/**
	 * @WEFT_SERVE_EVENT_SPAWN: start a process that attaches as this seat; or REFUSE. It is
	 * asked once: a seat that has not attached in time is given up
	 */
	WEFT_SERVE_EVENT_SPAWN = 1,
	/** @WEFT_SERVE_EVENT_RETIRED: the seat has left in order; its process can go */
	WEFT_SERVE_EVENT_RETIRED = 2,
	/**
	 * @WEFT_SERVE_EVENT_LOST: the seat was given up, @error says why; its process was killed
	 */
	WEFT_SERVE_EVENT_LOST = 3,
	/** @WEFT_SERVE_EVENT_OVERFLOW: the server did not read, and events were dropped */
	WEFT_SERVE_EVENT_OVERFLOW = 4,
};

/**
 * struct weft_serve_event - one element of what read() on a server's file gives
 * @type: &enum weft_serve_event_type
 * @seat: number of the seat, 0..&weft_serve_offer.seats - 1; used again for another tenant
 * @token: random; with SPAWN what ATTACH needs, and what tells two seats of one number apart
 * @time_ns: when
 * @tenant: the tenant's number, for as long as its configuration exists
 * @error: positive errno: ETIME a deadline passed, EPIPE the process left or unmapped its ring,
 *	EPROTO it broke the protocol, ECONNREFUSED it was refused, ECANCELED reset or withdrawn
 * @name: the tenant's name
 *
 * read() with less room than one element fails (EINVAL); without events it waits, or fails with
 * EAGAIN on a file that is O_NONBLOCK.
 */
struct weft_serve_event {
	__u32 type;
	__u32 seat;
	__u64 token;
	__u64 time_ns;
	__u32 tenant;
	__u32 error;
	char name[WEFT_SERVE_NAME_LEN];
};

/**
 * struct weft_serve_refuse - WEFT_SERVE_IOCTL_REFUSE: the seat that was asked for will not come
 * @token: from the event
 * @error: positive errno that jobs which need it fail with, 1..4095
 * @pad: zero
 *
 * EINVAL @error; ENOENT no seat waits under that token; EPERM the file serves no device.
 */
struct weft_serve_refuse {
	__u64 token;
	__u32 error;
	__u32 pad;
};

/**
 * struct weft_serve_withdraw - WEFT_SERVE_IOCTL_WITHDRAW: the device leaves in order
 * @flags: zero
 * @pad: zero
 *
 * Running jobs finish, jobs that wait go elsewhere, bytes that are only there move to the host,
 * seats retire. Sleeps as long as that takes; seats must go on serving meanwhile. EPERM the file
 * serves no device.
 */
struct weft_serve_withdraw {
	__u32 flags;
	__u32 pad;
};

/* Bits of weft_serve_telemetry.valid */
#define WEFT_SERVE_TELEMETRY_TEMP		(1u << 0)
#define WEFT_SERVE_TELEMETRY_POWER		(1u << 1)
#define WEFT_SERVE_TELEMETRY_ENERGY		(1u << 2)
#define WEFT_SERVE_TELEMETRY_FREQ		(1u << 3)
#define WEFT_SERVE_TELEMETRY_FOREIGN_MEMORY	(1u << 4)
#define WEFT_SERVE_TELEMETRY_FOREIGN_LOAD	(1u << 5)

/**
 * struct weft_serve_telemetry - WEFT_SERVE_IOCTL_TELEMETRY: what the server's sensors show
 * @valid: WEFT_SERVE_TELEMETRY_*: fields that mean something; the others must be 0
 * @temp_mc: temperature, m degrees Celsius
 * @power_uw: power now, uW
 * @energy_uj: energy since start, uJ
 * @freq_hz: compute clock, Hz
 * @foreign_bytes: device memory taken by processes that are no seats
 * @foreign_permille: device time taken by them lately, 0..1000
 * @pad: zero
 *
 * As often as the server likes; the last report stands. While @foreign_permille is above 50, run
 * times are not learned from. EPERM the file serves no device, or it was not offered with
 * F_TELEMETRY; EINVAL.
 */
struct weft_serve_telemetry {
	__u32 valid;
	__s32 temp_mc;
	__u64 power_uw;
	__u64 energy_uj;
	__u64 freq_hz;
	__u64 foreign_bytes;
	__u32 foreign_permille;
	__u32 pad;
};

/* ------------------------------------------------------------------- ATTACH */

/**
 * struct weft_serve_attach - WEFT_SERVE_IOCTL_ATTACH: this file is a seat from now on
 * @version: WEFT_SERVE_VERSION
 * @flags: zero
 * @device: from &weft_serve_offer.device
 * @seat: from &weft_serve_event.seat
 * @token: from &weft_serve_event.token
 * @slots: requests it can hold at once, a power of two, WEFT_SERVE_MIN_SLOTS..WEFT_SERVE_MAX_SLOTS
 * @pad: zero
 * @arena: ARENA: address of the first byte of the seat's memory, as kernels of the device see it;
 *	HANDLES: zero
 * @host_size: bytes of the host window that it will map, multiple of 2 MiB, up to 2^40; what all
 *	buffers that are copied at one time, registered ones included, must fit in
 * @ring_size: out: bytes to map at WEFT_SERVE_MMAP_RING
 * @requests: out: offset of the array of &struct weft_serve_request in it
 * @completions: out: offset of the array of &struct weft_serve_completion in it
 * @payloads: out: offset of the payloads, WEFT_SERVE_PAYLOAD bytes per slot
 * @tenant: out: number of the tenant
 * @name: out: its name
 *
 * The seat belongs to the calling process: requests and completions of any other are refused
 * (EPERM), a child inherits no mapping. It is alive once it has mapped its ring and called ENTER,
 * and dead as soon as the ring is unmapped, by whatever: munmap(), exec, exit. A process that is a
 * seat of one tenant cannot become one of another (EBUSY).
 *
 * Errors: EPROTO version; EINVAL; ENODEV no such device; ENOENT no seat waits under that number and
 * token; EBUSY the file is in use already, or the process sits for another tenant; ENOMEM.
 */
struct weft_serve_attach {
	__u32 version;
	__u32 flags;
	__u32 device;
	__u32 seat;
	__u64 token;
	__u32 slots;
	__u32 pad;
	__u64 arena;
	__u64 host_size;
	__u64 ring_size;
	__u32 requests;
	__u32 completions;
	__u32 payloads;
	__u32 tenant;
	char name[WEFT_SERVE_NAME_LEN];
};

/**
 * struct weft_serve_ring - start of a seat's ring
 * @sq_tail: requests written; the kernel's
 * @slots: as asked for; the kernel's, constant
 * @version: WEFT_SERVE_VERSION; the kernel's, constant
 * @flags: WEFT_SERVE_RING_*; the kernel's
 * @sq_head: requests taken; the seat's. Only poll() and ENTER look at it, to know whether to sleep
 * @cq_tail: completions written; the seat's
 * @cq_head: completions taken; the kernel's
 * @pad0: room, so that no two sides write one cache line
 * @pad1: likewise
 * @pad2: likewise
 * @pad3: likewise
 *
 * Counters run freely and wrap at 2^32; an element's place is counter modulo @slots. Whoever writes
 * elements stores its tail with release semantics afterwards, the other side loads it with acquire
 * semantics. There are never more requests in the ring than slots, so the kernel does not wait for
 * @sq_head; a seat that hands in more completions than there are slots has broken the protocol.
 */
struct weft_serve_ring {
	__u32 sq_tail;
	__u32 slots;
	__u32 version;
	__u32 flags;
	__u32 pad0[12];
	__u32 sq_head;
	__u32 pad1[15];
	__u32 cq_tail;
	__u32 pad2[15];
	__u32 cq_head;
	__u32 pad3[15];
};

/** define WEFT_SERVE_RING_DEAD - the seat was given up: no requests any more, ENTER fails */
#define WEFT_SERVE_RING_DEAD	(1u << 0)

/* ----------------------------------------------------------------- requests */

/** enum weft_serve_op - what a seat is asked to do; every request is completed exactly once */
enum weft_serve_op {
	/** @WEFT_SERVE_OP_LAUNCH: run a kernel; &weft_serve_request.launch */
	WEFT_SERVE_OP_LAUNCH = 1,
	/** @WEFT_SERVE_OP_COPY_IN: host window to device memory; &weft_serve_request.copy */
	WEFT_SERVE_OP_COPY_IN = 2,
	/** @WEFT_SERVE_OP_COPY_OUT: device memory to host window; &weft_serve_request.copy */
	WEFT_SERVE_OP_COPY_OUT = 3,
	/** @WEFT_SERVE_OP_FILL: zeros to device memory; &weft_serve_request.copy, its host is 0 */
	WEFT_SERVE_OP_FILL = 4,
	/**
	 * @WEFT_SERVE_OP_LOAD: make an image runnable; &weft_serve_request.image. Its bytes come by
	 * WEFT_SERVE_IOCTL_FETCH, unless the seat has one of that digest. The completion's value
	 * names it from then on; text of the compiler can be left in the slot's payload
	 */
	WEFT_SERVE_OP_LOAD = 5,
	/** @WEFT_SERVE_OP_UNLOAD: it is not launched any more; &weft_serve_request.image */
	WEFT_SERVE_OP_UNLOAD = 6,
	/**
	 * @WEFT_SERVE_OP_ALLOC: HANDLES: allocate; &weft_serve_request.memory. The completion's
	 * value is the handle: addresses in it are handle .. handle + size, and those of two
	 * allocations must not overlap. What is in the memory does not matter
	 */
	WEFT_SERVE_OP_ALLOC = 7,
	/** @WEFT_SERVE_OP_FREE: HANDLES: free; &weft_serve_request.memory */
	WEFT_SERVE_OP_FREE = 8,
	/**
	 * @WEFT_SERVE_OP_REGISTER: a range of the host window belongs to a buffer that copies are
	 * about to use: pin it, register it with the runtime. &weft_serve_request.memory, address
	 * in the window
	 */
	WEFT_SERVE_OP_REGISTER = 9,
	/**
	 * @WEFT_SERVE_OP_REVOKE: the buffer is gone and so are its pages from the window: unpin and
	 * forget. The completion acknowledges, then the range is used again.
	 * &weft_serve_request.memory. Also sent without F_REGISTER, as a seat may have pinned by
	 * itself
	 */
	WEFT_SERVE_OP_REVOKE = 10,
	/**
	 * @WEFT_SERVE_OP_ABORT: stop a launch; &weft_serve_request.target. Both are to be
	 * completed, the
	 * launch first
	 */
	WEFT_SERVE_OP_ABORT = 11,
	/**
	 * @WEFT_SERVE_OP_DEACTIVATE: start no launch that has not started; complete when the
	 * device is idle
	 */
	WEFT_SERVE_OP_DEACTIVATE = 12,
	/** @WEFT_SERVE_OP_REACTIVATE: go on */
	WEFT_SERVE_OP_REACTIVATE = 13,
	/**
	 * @WEFT_SERVE_OP_INTERRUPT: save a launch and let go of the device;
	 * &weft_serve_request.target
	 */
	WEFT_SERVE_OP_INTERRUPT = 14,
	/** @WEFT_SERVE_OP_RESTORE: go on with it; &weft_serve_request.target */
	WEFT_SERVE_OP_RESTORE = 15,
	/** @WEFT_SERVE_OP_RETIRE: nothing of weft is left in the seat: complete it, and exit */
	WEFT_SERVE_OP_RETIRE = 16,
};

/**
 * struct weft_serve_reloc - an address among the arguments of a launch
 * @offset: where it is in the arguments
 * @pad: zero
 * @length: bytes from that address on that are the launch's to use: up to the end of the range of
 *	the buffer that the job names
 */
struct weft_serve_reloc {
	__u16 offset;
	__u16 pad[3];
	__u64 length;
};

/**
 * struct weft_serve_launch - run a kernel
 * @image: the value that LOAD was completed with
 * @kernel: index in the program's table of kernels
 * @args_size: bytes of arguments at the start of the slot's payload, addresses filled in
 * @reloc_count: addresses among them, at most WEFT_SERVE_MAX_RELOCS; so many
 *	&struct weft_serve_reloc are at WEFT_SERVE_RELOCS in the payload
 * @grid: launch dimensions
 * @timeout_ns: when it will be aborted, from its start, or from the end of what it waits for
 */
struct weft_serve_launch {
	__u64 image;
	__u32 kernel;
	__u32 args_size;
	__u32 reloc_count;
	__u32 grid[3];
	__u64 timeout_ns;
};

/**
 * struct weft_serve_copy - move bytes
 * @device: address in the device's memory
 * @host: offset in the host window
 * @length: bytes
 */
struct weft_serve_copy {
	__u64 device;
	__u64 host;
	__u64 length;
};

/**
 * struct weft_serve_memory_range - memory that is allocated, freed, registered or revoked
 * @address: FREE: the handle; REGISTER, REVOKE: offset in the host window
 * @size: bytes, multiple of 4 KiB
 */
struct weft_serve_memory_range {
	__u64 address;
	__u64 size;
};

/**
 * struct weft_serve_image - an image
 * @image: UNLOAD: the value that LOAD was completed with
 * @size: bytes
 * @isa: index of its instruction set in &weft_serve_offer.isas
 * @kernel_count: kernels in the program's table
 * @digest: SHA-256 of its bytes
 */
struct weft_serve_image {
	__u64 image;
	__u64 size;
	__u32 isa;
	__u32 kernel_count;
	__u8 digest[32];
};

/**
 * struct weft_serve_target - another request
 * @slot: its slot
 * @generation: its generation
 */
struct weft_serve_target {
	__u32 slot;
	__u32 generation;
};

/**
 * struct weft_serve_request - what the seat is asked to do
 * @slot: its slot, which is free again when it was completed
 * @generation: tells the slot's requests apart; to be given back with the completion
 * @op: &enum weft_serve_op
 * @engine: LAUNCH: index of the compute engine; else 0
 * @stream: LAUNCH with F_EVENTS: 1..&weft_serve_offer.streams: requests of one stream start in the
 *	order of the ring; 0: of no stream
 * @flags: zero
 * @wait_count: LAUNCH with F_EVENTS: events to wait for, up to WEFT_SERVE_MAX_WAITS
 * @signal: LAUNCH with F_EVENTS: event to signal when it is over, 1..&weft_serve_attach.slots; 0:
 *	nobody will wait for it
 * @waits: those that must have been signalled before it starts; 0 beyond @wait_count
 * @id: job it is for, 0 none; for logs
 * @launch: LAUNCH
 * @copy: COPY_IN, COPY_OUT, FILL
 * @memory: ALLOC, FREE, REGISTER, REVOKE
 * @image: LOAD, UNLOAD
 * @target: ABORT, INTERRUPT, RESTORE
 * @pad: room
 *
 * Requests are of this size for good. Without F_EVENTS a request may start as soon as it is there:
 * what it depends on was completed before. So may, with F_EVENTS, any that waits for nothing, as
 * far as its stream allows.
 *
 * An event is named by a number that no other request under way signals. A wait means the last
 * request before it in the ring that signals that number, and it is found when the request
 * is taken and not later, for the number may be used again. It ends when the other is over, or has
 * failed: then nobody will see this one's result, it need not start, and is best completed with
 * ECANCELED.
 */
struct weft_serve_request {
	__u32 slot;
	__u32 generation;
	__u16 op;
	__u16 engine;
	__u16 stream;
	__u16 flags;
	__u32 wait_count;
	__u32 signal;
	__u32 waits[WEFT_SERVE_MAX_WAITS];
	__u64 id;
	union {
		struct weft_serve_launch launch;
		struct weft_serve_copy copy;
		struct weft_serve_memory_range memory;
		struct weft_serve_image image;
		struct weft_serve_target target;
		__u64 pad[10];
	};
};

/** define WEFT_SERVE_DONE_FOREIGN - others used the device meanwhile: not learned from */
#define WEFT_SERVE_DONE_FOREIGN	(1u << 0)

/**
 * struct weft_serve_completion - a request is over
 * @slot: of the request
 * @generation: of the request; a completion that fits no request under way is counted and ignored
 * @error: 0 or a positive errno, 1..4095; other values count as EPROTO
 * @code: the runtime's own error number, for the job's record
 * @start_ns: LAUNCH: when the device began, in nanoseconds of any clock
 * @end_ns: LAUNCH: when it ended, by the same clock. What is learned and charged is the difference,
 *	at most the time that the kernel saw pass; both 0: that
 * @value: LOAD: name of the image; ALLOC: the handle
 * @text_size: LOAD: bytes of the compiler's messages at the start of the slot's payload, up to
 *	WEFT_SERVE_PAYLOAD
 * @flags: WEFT_SERVE_DONE_*
 * @pad: zero
 *
 * In any order, and also before the requests that it waited for. With flags that are not listed or
 * a @pad that is not zero it counts as one with the @error EPROTO.
 */
struct weft_serve_completion {
	__u32 slot;
	__u32 generation;
	__u32 error;
	__u32 code;
	__u64 start_ns;
	__u64 end_ns;
	__u64 value;
	__u32 text_size;
	__u32 flags;
	__u64 pad[2];
};

/* -------------------------------------------------------------------- ENTER */

/** define WEFT_SERVE_ENTER_WAIT - sleep until there is a request */
#define WEFT_SERVE_ENTER_WAIT	(1u << 0)

/**
 * struct weft_serve_enter - WEFT_SERVE_IOCTL_ENTER: take completions, wait for requests
 * @flags: WEFT_SERVE_ENTER_WAIT
 * @completed: out: completions that were taken, those ignored included
 * @timeout_ns: with WAIT: absolute time to give up at; else zero
 *
 * Takes all completions from @cq_head to @cq_tail of &struct weft_serve_ring, then, with WAIT,
 * sleeps while @sq_head equals @sq_tail. Every thread of the process may call it. A seat that polls
 * for requests by itself calls it without WAIT, and only when it has completions.
 *
 * Errors: EINVAL; EPERM another process; ENXIO the ring is not mapped; EPIPE the seat is dead, also
 * while it waits; ETIME; EINTR. Completions were taken whatever the wait came to: ETIME and EINTR
 * leave @completed as it was.
 */
struct weft_serve_enter {
	__u32 flags;
	__u32 completed;
	__u64 timeout_ns;
};

/**
 * struct weft_serve_fetch - WEFT_SERVE_IOCTL_FETCH: bytes of an image that is to be loaded
 * @slot: of the LOAD, which is not completed
 * @generation: of the LOAD
 * @offset: first byte
 * @data: where to
 * @size: bytes
 *
 * ENOENT no such LOAD under way; EINVAL a range outside the image; EPERM another process; EFAULT;
 * EPIPE the seat is dead.
 */
struct weft_serve_fetch {
	__u32 slot;
	__u32 generation;
	__u64 offset;
	__u64 data;
	__u64 size;
};

#define WEFT_SERVE_IOC		0xd7
#define WEFT_SERVE_IOCTL_VERSION	_IOWR(WEFT_SERVE_IOC, 0x00, struct weft_serve_version)
#define WEFT_SERVE_IOCTL_OFFER		_IOWR(WEFT_SERVE_IOC, 0x01, struct weft_serve_offer)
#define WEFT_SERVE_IOCTL_WITHDRAW	_IOW(WEFT_SERVE_IOC, 0x02, struct weft_serve_withdraw)
#define WEFT_SERVE_IOCTL_REFUSE		_IOW(WEFT_SERVE_IOC, 0x03, struct weft_serve_refuse)
#define WEFT_SERVE_IOCTL_TELEMETRY	_IOW(WEFT_SERVE_IOC, 0x04, struct weft_serve_telemetry)
#define WEFT_SERVE_IOCTL_ATTACH		_IOWR(WEFT_SERVE_IOC, 0x10, struct weft_serve_attach)
#define WEFT_SERVE_IOCTL_ENTER		_IOWR(WEFT_SERVE_IOC, 0x11, struct weft_serve_enter)
#define WEFT_SERVE_IOCTL_FETCH		_IOW(WEFT_SERVE_IOC, 0x12, struct weft_serve_fetch)

#if defined(__cplusplus)
}
#endif

#endif /* _WEFT_SERVE_H_ */
