/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of weft_serve share.
 *
 * DOC: weft_serve
 *
 * A device whose driver is a process. main.c is the control node, device.c a device and its server,
 * seat.c the life of a seat (one process for one tenant on one device), ring.c requests and
 * completions, window.c the host pages that a seat sees, backend.c what weft's core asks for.
 *
 * Lock order, outermost first:
 *
 *	seat->window_lock > (core: the lock around gone()) > seat->map_lock
 *	seat->reap > (core: engine->lock) > seat->lock
 *	device->lock > seat->lock
 *
 * device->lock and seat->lock are spinlocks, seat->lock is taken with interrupts off (run() is
 * called so). Nothing waits for a process with any of them held.
 */
#ifndef WEFT_SERVE_DRIVER_H
#define WEFT_SERVE_DRIVER_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/weft_drm.h>
#include <drm/weft_serve.h>
#include <weft/backend.h>

struct mm_struct;
struct pid;
struct platform_device;
struct poll_table_struct;
struct vm_area_struct;

#define SERVE_EVENTS	64		/* that a server may leave unread */
#define SERVE_FOREIGN	50		/* permille of foreign load that still is none */
#define SERVE_FEATURES	(WEFT_SERVE_F_ABORT | WEFT_SERVE_F_REGISTER | WEFT_SERVE_F_EVENTS | \
			 WEFT_SERVE_F_TELEMETRY | WEFT_SERVE_F_LEASES)

/** struct serve_device - a device that is offered */
struct serve_device {
	struct kref ref;
	/** @wdev: while it is registered */
	struct weft_device *wdev;
	struct platform_device *pdev;
	/** @id: number; of @pdev, and for ATTACH */
	int id;
	/** @offer: what it is; constant but for its nodes, which are under @lock */
	struct weft_serve_offer offer;
	/** @node: in the list of devices; under serve_devices_lock */
	struct list_head node;
	/** @lock: protects what follows; taken in process context */
	spinlock_t lock;
	/** @seats: by context number; each a reference */
	struct serve_seat *seats[WEFT_SERVE_MAX_SEATS];
	/** @leaving: no seat is asked for any more */
	bool leaving;
	/** @served: it has a server */
	bool served;
	/** @server: the process that offered it, or NULL; a reference */
	struct pid *server;
	/** @events: a ring; @event_tail have been written, @event_head read */
	struct weft_serve_event events[SERVE_EVENTS];
	u32 event_head;
	u32 event_tail;
	/** @telemetry: the last report */
	struct weft_serve_telemetry telemetry;
	/** @wait: the server, for events; and who waits for a seat */
	wait_queue_head_t wait;
	/** @watch: gives seats up that do not answer; runs while the device is registered */
	struct delayed_work watch;
	/** @idle: retires seats that have nothing to do */
	struct delayed_work idle;
	/**
	 * @leave_work: takes the device out, when its server is gone and its return not waited for
	 */
	struct delayed_work leave_work;
	/** @left: completed when it is out */
	struct completion left;
	/** @bad_completions: that fitted no request */
	atomic64_t bad_completions;
	/** @seats_lost: given up */
	atomic64_t seats_lost;
	/** @seats_started: that have attached */
	atomic64_t seats_started;
};

/** enum serve_seat_state - of a seat; grows only */
enum serve_seat_state {
	SERVE_SEAT_ASKED,	/* the server was asked for it */
	SERVE_SEAT_ATTACHED,	/* there is a process */
	SERVE_SEAT_LIVE,	/* that takes requests */
	SERVE_SEAT_DEAD,	/* there is not, or it does not matter any more */
};

/** enum serve_kind - what a slot of a ring is used for */
enum serve_kind {
	SERVE_FREE = 0,
	SERVE_RUN,		/* @ptr: &struct weft_run */
	SERVE_COPY,		/* @ptr: &struct weft_copy */
	SERVE_CALL,		/* @ptr: &struct serve_call, somebody waits */
	SERVE_NOTE,		/* @ptr: &struct serve_note or NULL: nobody waits */
};

/** struct serve_slot - a request under way */
struct serve_slot {
	enum serve_kind kind;
	u32 generation;
	/** @number: of the request in the ring */
	u32 number;
	/** @op: &enum weft_serve_op */
	u16 op;
	/** @stream: LAUNCH with F_EVENTS: where it runs */
	u16 stream;
	void *ptr;
	u64 issued_ns;
};

/** struct serve_call - a request whose answer is waited for */
struct serve_call {
	struct completion done;
	int error;
	u64 value;
	/** @image: LOAD: its bytes, for FETCH; @size of them */
	const void *image;
	u64 size;
	/** @text: LOAD: what the compiler said, or NULL; kvfree() */
	char *text;
	u32 text_size;
};

/** struct serve_note - a request whose answer ends something; freed by done() */
struct serve_note {
	struct list_head node;
	struct weft_serve_request request;
	void (*done)(struct serve_note *note);
};

/** struct serve_map - a buffer in a seat's host window */
struct serve_map {
	struct serve_note note;		/* its REVOKE */
	struct weft_host_user user;
	struct serve_seat *seat;
	struct weft_host *host;		/* while it is attached; under map_lock */
	u64 id;
	u64 start;			/* first page in the window */
	u64 pages;
	bool registered;		/* under window_lock */
};

/** struct serve_seat - one process, for one tenant on one device */
struct serve_seat {
	struct kref ref;
	struct serve_device *device;
	struct weft_device *wdev;
	u32 index;
	u32 tenant;
	u64 token;
	char name[WEFT_SERVE_NAME_LEN];

	/** @lock: protects @state and all of the ring; interrupts off */
	spinlock_t lock;
	enum serve_seat_state state;
	/** @error: why it is DEAD, positive */
	u32 error;
	/** @opened: weft's core knows of it; under @lock */
	bool opened;
	/** @retired: it has left in order; under @lock */
	bool retired;
	/** @tgid, @mm: of the process, from ATTACHED on; references; sysfs reads @tgid unlocked */
	struct pid *tgid;
	struct mm_struct *mm;
	/** @arena: from ATTACH */
	u64 arena;

	/** @ring: shared with the process: nothing in it is ever believed */
	struct weft_serve_ring *ring;
	size_t ring_size;
	struct weft_serve_request *requests;
	struct weft_serve_completion *completions;
	void *payloads;
	u32 slot_count;
	/** @slots: what is under way */
	struct serve_slot *slots;
	/** @free: stack of free slots, @free_count of them */
	u32 *free;
	u32 free_count;
	/** @sq_tail: requests written */
	u32 sq_tail;
	/** @launches: LAUNCHes under way, also those that are being aborted */
	u32 launches;
	/** @streams: given out so far, round robin */
	u32 streams;
	/** @runs, @copies, @notes: what waits for a slot; a run that has waits, for all launches */
	struct list_head runs;
	struct list_head copies;
	struct list_head notes;
	/** @busy_ns: when it last had something to do */
	u64 busy_ns;
	/** @reap: one batch of completions at a time; protects @cq_head */
	struct mutex reap;
	u32 cq_head;
	/** @wait: the process, for requests */
	wait_queue_head_t wait;
	/** @room: who waits for a slot */
	wait_queue_head_t room;

	/** @window_lock: one mapping is made at a time */
	struct mutex window_lock;
	/** @map_lock: protects @window and @maps and the page tables of the window */
	struct mutex map_lock;
	/** @window: &struct serve_map by page */
	struct maple_tree window;
	/** @maps: &struct serve_map by number of the buffer */
	struct xarray maps;
	u64 window_pages;
	/** @mapping: of the window's page tables */
	struct address_space mapping;
	/** @ring_mapped: once and for good; changes under mmap_lock */
	bool ring_mapped;
	/** @ring_maps: mappings of the ring: without one it is DEAD */
	atomic_t ring_maps;
	/** @allocs: HANDLES: &struct serve_alloc by page of the seat's memory */
	struct maple_tree allocs;

	/** @end_work: ends it, once */
	struct work_struct end_work;
	/** @ended: completed when it has */
	struct completion ended;
	/** @quiet: nothing it had pinned is still pinned; valid when ended */
	bool quiet;
};

/** struct serve_file - an open file of the node */
struct serve_file {
	/** @lock: protects the change of roles */
	struct mutex lock;
	/** @device: that it serves, a reference */
	struct serve_device *device;
	/** @seat: that it is, a reference */
	struct serve_seat *seat;
};

/* main.c */
extern struct workqueue_struct *serve_wq;
/* copy a structure of the ABI in: cut, or zero-padded; E2BIG if what is cut is not zero */
#define serve_copy_in(to, from, size) copy_struct_from_user(to, sizeof(*(to)), from, size)

/* device.c */
int serve_ioctl_offer(struct serve_file *file, void __user *arg, size_t size);
int serve_ioctl_withdraw(struct serve_file *file, void __user *arg, size_t size);
int serve_ioctl_refuse(struct serve_file *file, void __user *arg, size_t size);
int serve_ioctl_telemetry(struct serve_file *file, void __user *arg, size_t size);
ssize_t serve_device_read(struct serve_device *device, struct file *file, char __user *buf,
			  size_t size);
__poll_t serve_device_poll(struct serve_device *device);
/* its server's file is closed */
void serve_device_closed(struct serve_device *device);
struct serve_device *serve_device_find(u32 id);
int serve_device_one_tenant(struct serve_seat *seat);
void serve_device_put(struct serve_device *device);
void serve_device_event(struct serve_device *device, u32 type, struct serve_seat *seat);
void serve_devices_end(void);

/* attributes.c */
extern const struct attribute_group **serve_device_groups;

/* backend.c */
extern const struct weft_backend_ops serve_backend_ops;

/* seat.c */
struct serve_seat *serve_seat_new(struct serve_device *device, u32 index, u32 tenant,
				  const char *name);
void serve_seat_get(struct serve_seat *seat);
void serve_seat_put(struct serve_seat *seat);
int serve_ioctl_attach(struct serve_file *file, struct file *filp, void __user *arg, size_t size);
int serve_seat_open(struct serve_device *device, struct weft_device *wdev, u32 context, u32 tenant,
		    const char *name);
/* stable from serve_seat_open() to serve_seat_close(): whoever uses a context keeps it open */
static inline struct serve_seat *serve_seat_of(struct serve_device *device, u32 context)
{
	return READ_ONCE(device->seats[context]);
}

void serve_seat_close(struct serve_device *device, u32 context);
/* it is over; @error positive. Any context but with seat->lock held; no effect if it is DEAD */
void serve_seat_lose(struct serve_seat *seat, u32 error);
/* it asks for requests: from now on it gets them */
void serve_seat_live(struct serve_seat *seat);
int serve_seat_mmap(struct serve_file *file, struct vm_area_struct *vma);

/* ring.c */
int serve_error(u32 error);
int serve_ring_init(struct serve_seat *seat, u32 slots);
void serve_ring_fini(struct serve_seat *seat);
int serve_ioctl_enter(struct serve_file *file, void __user *arg, size_t size);
int serve_ioctl_fetch(struct serve_file *file, void __user *arg, size_t size);
__poll_t serve_ring_poll(struct serve_seat *seat);
int serve_ring_run(struct serve_seat *seat, struct weft_run *run);
/* @offset: in the seat's memory; @copy->priv[0]: in its window */
int serve_ring_copy(struct serve_seat *seat, struct weft_copy *copy, u64 offset);
void serve_ring_note(struct serve_seat *seat, struct serve_note *note);
/* send @request and wait for the answer: 0 or -errno, -ESTALE if the seat dies meanwhile */
int serve_ring_call(struct serve_seat *seat, struct weft_serve_request *request,
		    struct serve_call *call);
int serve_ring_abort(struct serve_seat *seat, struct weft_run *run);
/* DEAD: who waits for an answer gets -ESTALE */
void serve_ring_end_calls(struct serve_seat *seat);
/* DEAD: everything under way ends with -ESTALE, runs with @error */
void serve_ring_end(struct serve_seat *seat, int error);
/* has a request but a LAUNCH been there for longer than @ns? */
bool serve_ring_late(struct serve_seat *seat, u64 ns);
/* has it had nothing to do for @ns? */
bool serve_ring_idle(struct serve_seat *seat, u64 ns);

/* window.c */
void serve_window_init(struct serve_seat *seat);
void serve_window_fini(struct serve_seat *seat);
/* where byte @offset of @host is in the window; the process has been told of it. 0 or -errno */
int serve_window_get(struct serve_seat *seat, struct weft_host *host, u64 offset, u64 *at);
int serve_window_mmap(struct serve_seat *seat, struct vm_area_struct *vma);
/* the pages go; true if none of them is pinned any more within @ns */
bool serve_window_close(struct serve_seat *seat, u64 ns);

/* HANDLES: memory of the seat; @offset: as weft counts it */
int serve_handle_alloc(struct serve_seat *seat, u64 offset, u64 size, u64 *address);
void serve_handle_free(struct serve_seat *seat, u64 offset);
u64 serve_handle_address(struct serve_seat *seat, u64 offset);

#endif /* WEFT_SERVE_DRIVER_H */
