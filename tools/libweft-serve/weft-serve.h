/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libweft-serve: serve a compute device from user space.
 *
 * DOC: libweft-serve
 *
 * A device server is a program that fills in a &struct weft_serve_ops, one function for each thing
 * a device does, describes the device in a &struct weft_serve_config and returns what
 * weft_serve_run() returns. The same program is both kinds of process that the ABI of
 * drm/weft_serve.h knows: started by hand or by systemd it is the *server*, which offers the device
 * and holds no bytes; the library starts it again, once per tenant, as a *seat*, which makes the
 * vendor's context and does the work. What the two say to the kernel is the library's: rings,
 * batches, waiting, the images a seat has, the host memory it registered and when that is revoked.
 *
 * Functions of a seat are called by one thread, the one in weft_seat_dispatch(), in the order in
 * which the kernel asked. Each returns 0 (done), a negative errno (failed) or WEFT_SERVE_LATER (not
 * done yet: weft_request_done() will be called, by any thread, exactly once). A runtime with
 * asynchronous launches returns WEFT_SERVE_LATER from launch() and copy(); one without can do the
 * work on the spot.
 *
 * Completions that were made while requests of one batch are handled go to the kernel with the
 * call that waits for the next: a batch costs one system call.
 *
 * When a context is broken for good (CUDA: a sticky error), fail the request with what the runtime
 * said and call weft_seat_leave(): the process ends, the kernel gives its other work back by the
 * device's recovery mode and asks for a new seat when it is needed.
 *
 * Errors. A call returns 0 or a negative errno; weft_serve_error() says in words what was wrong.
 * The text belongs to the calling thread.
 *
 * Rejected: a thread per stream inside the library (runtimes have their own idea of threads); the
 * seat as a forked child that goes on in the server's image (a vendor's runtime that was
 * initialised in the parent does not work in it); a default for any operation that touches bytes.
 */
#ifndef WEFT_SERVE_LIB_H
#define WEFT_SERVE_LIB_H

#include <stddef.h>
#include <stdint.h>
#include <drm/weft_serve.h>

#if defined(__cplusplus)
extern "C" {
#endif

/** define WEFT_SERVE_LATER - an operation is under way: weft_request_done() follows */
#define WEFT_SERVE_LATER	1

/** define WEFT_SERVE_FOREVER - a timeout that never expires */
#define WEFT_SERVE_FOREVER	((int64_t)-1)

struct weft_seat;
struct weft_server;

/**
 * struct weft_host - a range of the host window that belongs to one buffer
 * @bytes: where it is mapped; its pages stay the same until it is revoked
 * @size: bytes
 * @priv: the server program's
 */
struct weft_host {
	void *bytes;
	uint64_t size;
	void *priv;
};

/**
 * struct weft_request - what a seat is asked to do
 * @seat: of which seat
 * @abi: the request as the kernel wrote it
 * @image: LAUNCH: what load() gave
 * @args: LAUNCH: arguments with device addresses filled in, aligned to 8; until it is done
 * @relocs: LAUNCH: the @abi.launch.reloc_count addresses in @args
 * @bytes: COPY_IN, COPY_OUT: the host's bytes; else NULL
 * @host: COPY_IN, COPY_OUT with WEFT_SERVE_F_REGISTER: the range that @bytes are in; else NULL
 * @after: LAUNCH with WEFT_SERVE_F_EVENTS: requests that must be over before it starts and are
 *	not, @after_count of them; valid until launch() returns. Those that failed are not among
 *	them: then the library completes this one, too
 * @after_count: how many
 * @priv: the server program's; NULL at first
 * @start_ns: out, LAUNCH: when the device began, any clock; 0 unknown
 * @end_ns: out, LAUNCH: when it ended, same clock
 * @code: out: the runtime's own error number
 * @flags: out: WEFT_SERVE_DONE_*
 */
struct weft_request {
	struct weft_seat *seat;
	struct weft_serve_request abi;
	uint64_t image;
	const void *args;
	const struct weft_serve_reloc *relocs;
	void *bytes;
	struct weft_host *host;
	struct weft_request *after[WEFT_SERVE_MAX_WAITS];
	uint32_t after_count;
	void *priv;
	uint64_t start_ns;
	uint64_t end_ns;
	uint32_t code;
	uint32_t flags;
	/* private: */
	struct weft_request *aborter;
	int under_way;
	int failed;
};

/**
 * struct weft_load - an image that is to be made runnable
 * @data: its bytes, until load() returns
 * @size: how many
 * @isa: index of its instruction set in &weft_serve_offer.isas
 * @kernel_count: kernels in the program's table
 * @text: for messages of the compiler, which the client can read; NUL-terminated or full
 * @text_room: bytes of @text
 */
struct weft_load {
	const void *data;
	size_t size;
	uint32_t isa;
	uint32_t kernel_count;
	char *text;
	size_t text_room;
};

/**
 * struct weft_serve_ops - what a device server does
 *
 * Those marked so may be NULL. All but @spawn, @lost and @telemetry run in the seat's process.
 */
struct weft_serve_ops {
	/**
	 * @open: make the context, before the seat attaches; with WEFT_SERVE_MEMORY_ARENA also
	 * allocate the arena and say where it begins. Its error is what waiting jobs end with.
	 */
	int (*open)(struct weft_seat *seat, uint64_t *arena);
	/** @close: the seat retires: give the context back. Optional. */
	void (*close)(struct weft_seat *seat);
	/** @load: build an image and name it. Not WEFT_SERVE_LATER: requests wait meanwhile. */
	int (*load)(struct weft_seat *seat, struct weft_load *load, uint64_t *image);
	/** @unload: an image is not used any more. Optional. */
	void (*unload)(struct weft_seat *seat, uint64_t image);
	/**
	 * @launch: run &weft_request.abi.launch. With WEFT_SERVE_F_EVENTS it is called before what
	 * the launch depends on is over: work that goes to one stream of the runtime for each
	 * &weft_serve_request.stream, and waits there for &weft_request.after in other streams, is
	 * in order. A server that does the work on the spot has nothing to do for it
	 */
	int (*launch)(struct weft_request *request);
	/** @copy: do &weft_request.abi.copy: COPY_IN, COPY_OUT, or FILL with zeros */
	int (*copy)(struct weft_request *request);
	/** @alloc: with WEFT_SERVE_MEMORY_HANDLES: allocate. Not WEFT_SERVE_LATER. */
	int (*alloc)(struct weft_seat *seat, uint64_t size, uint64_t *handle);
	/** @free: with WEFT_SERVE_MEMORY_HANDLES: free. Not WEFT_SERVE_LATER. */
	int (*free)(struct weft_seat *seat, uint64_t handle, uint64_t size);
	/**
	 * @add_host: with WEFT_SERVE_F_REGISTER: pin and register host memory. It stays until
	 * @remove_host. Not WEFT_SERVE_LATER.
	 */
	int (*add_host)(struct weft_seat *seat, struct weft_host *host);
	/**
	 * @remove_host: with WEFT_SERVE_F_REGISTER: unregister and unpin it. Its bytes may be gone
	 * from the window already and must not be touched. An error ends the seat.
	 */
	int (*remove_host)(struct weft_seat *seat, struct weft_host *host);
	/**
	 * @abort: with WEFT_SERVE_F_ABORT: make a launch end soon. weft_request_done() is called
	 * for it as always, here or later; the ABORT itself the library completes after that.
	 */
	int (*abort)(struct weft_request *launch);
	/**
	 * @spawn: in the server: start a seat as &struct weft_serve_event asks; what is to be
	 * in its environment is $WEFT_SERVE_SEAT = @seat. Its error is what waiting jobs end
	 * with. NULL: the program that $WEFT_SERVE_SPAWN names is started, which ends with 0
	 * when the seat has attached, else with an errno; without it this program again, with
	 * the same arguments.
	 */
	int (*spawn)(struct weft_server *server, const struct weft_serve_event *event,
		     const char *seat);
	/** @lost: in the server: a seat was given up; for vendors' reset tools. Optional. */
	void (*lost)(struct weft_server *server, const struct weft_serve_event *event);
	/** @telemetry: in the server, with WEFT_SERVE_F_TELEMETRY: read the sensors */
	int (*telemetry)(struct weft_server *server, struct weft_serve_telemetry *telemetry);
};

/**
 * struct weft_serve_config - a device server
 * @offer: the device; version and out fields are filled in
 * @slots: requests a seat can hold, a power of two; 0: 256
 * @batch: completions of operations done on the spot that are held back at most, to be handed in
 *	together; 0: as many as there are requests. 1 is right if such an operation takes long.
 * @host_size: bytes of the host window; 0: 64 GiB
 * @spin_ns: how long a seat looks for the next request before it sleeps; 0: not at all
 * @telemetry_ns: between two calls of &weft_serve_ops.telemetry; 0: a second
 * @node: NULL: $WEFT_SERVE_NODE, or /dev/weft_serve
 * @priv: the server program's
 */
struct weft_serve_config {
	struct weft_serve_offer offer;
	uint32_t slots;
	uint32_t batch;
	uint64_t host_size;
	uint64_t spin_ns;
	uint64_t telemetry_ns;
	const char *node;
	void *priv;
};

/**
 * weft_serve_run() - be a device server, or one of its seats
 * @config: copied
 * @ops: must stay
 * @argv: main()'s, for starting seats
 *
 * With $WEFT_SERVE_SEAT in the environment the process is that seat, else the server: until SIGTERM
 * or SIGINT, at which the device leaves in order. Errors are printed to stderr. A unit of systemd's
 * (Type=notify) has started when the device is offered, or the seat attached.
 *
 * Return: an exit status: 0, or an errno, which for a seat that did not attach is what the jobs
 * that waited for it end with.
 */
int weft_serve_run(const struct weft_serve_config *config, const struct weft_serve_ops *ops,
		   char **argv);

/**
 * weft_serve_add_node() - say through which character device the vendor's driver is reached
 * @offer: gets one more node; one that it has already is not added again
 * @path: of the character device
 *
 * What "weft seal" closes to others, and "weft list" looks at to find foreign processes. Nodes that
 * all devices of the driver have in common count, too. Those that are named in $WEFT_SERVE_NODES,
 * separated by colons, weft_server_offer() adds by itself.
 *
 * Return: 0; -EINVAL @path is no character device; -ENOSPC there are WEFT_SERVE_MAX_NODES; an errno
 * of stat().
 */
int weft_serve_add_node(struct weft_serve_offer *offer, const char *path);

/** weft_serve_error() - what the last call of this thread that failed found wrong */
const char *weft_serve_error(void);

/* --------------------------------------------------------------- requests */

/**
 * weft_request_done() - a request for which WEFT_SERVE_LATER was returned is over
 * @request: any thread; gone afterwards
 * @error: 0 or a negative errno
 *
 * Hands it in at once, unless the thread is in weft_seat_dispatch() of the seat.
 */
void weft_request_done(struct weft_request *request, int error);

/**
 * weft_request_end() - the same, but the kernel learns of it with the next weft_seat_flush()
 * @request: any thread; gone afterwards
 * @error: 0 or a negative errno
 *
 * For a thread that has several at once.
 */
void weft_request_end(struct weft_request *request, int error);

/* ------------------------------------------------------------------ seats */

/**
 * weft_seat_attach() - become a seat
 * @seat: out
 * @config: copied
 * @ops: must stay
 * @spec: what was in $WEFT_SERVE_SEAT
 *
 * Calls &weft_serve_ops.open. Only for programs with a loop of their own; weft_serve_run() does it.
 *
 * Return: 0; -EINVAL @spec, @config or @ops; what open() returned; an errno of the ABI's ATTACH.
 */
int weft_seat_attach(struct weft_seat **seat, const struct weft_serve_config *config,
		     const struct weft_serve_ops *ops, const char *spec);

/**
 * weft_seat_dispatch() - hand in what is done, wait for requests, handle them
 * @seat: by one thread at a time
 * @timeout_ns: how long to wait; 0 not, WEFT_SERVE_FOREVER
 *
 * Return: requests handled, 0 if none came in time or a signal interrupted the wait; -EPIPE the
 * kernel has given the seat up; -ESHUTDOWN it has retired.
 */
int weft_seat_dispatch(struct weft_seat *seat, int64_t timeout_ns);

/** weft_seat_flush() - hand in all completions. 0 or -EPIPE. Any thread. */
int weft_seat_flush(struct weft_seat *seat);

/**
 * weft_seat_leave() - this seat cannot go on
 * @seat: any thread
 * @error: a negative errno, for the process's exit status
 *
 * Hands in what is done and ends the process with _exit(): nothing that could hang in a runtime
 * that is broken is called any more.
 */
void weft_seat_leave(struct weft_seat *seat, int error) __attribute__((noreturn));

/** weft_seat_detach() - free @seat; the kernel gives up what it still holds. NULL is fine. */
void weft_seat_detach(struct weft_seat *seat);

/** weft_seat_fd() - the file, for poll(): readable when there are requests; stays the seat's */
int weft_seat_fd(const struct weft_seat *seat);
/** weft_seat_tenant() - name of the tenant it works for; empty before it attached */
const char *weft_seat_tenant(const struct weft_seat *seat);
/** weft_seat_config() - what it was made with */
const struct weft_serve_config *weft_seat_config(const struct weft_seat *seat);
/** weft_seat_priv() - what weft_seat_set_priv() was given; NULL at first */
void *weft_seat_priv(const struct weft_seat *seat);
/** weft_seat_set_priv() - keep a pointer of the server program's */
void weft_seat_set_priv(struct weft_seat *seat, void *priv);

/* ---------------------------------------------------------------- servers */

/**
 * weft_server_offer() - offer a device
 * @server: out
 * @config: copied
 * @ops: must stay
 * @argv: for starting seats; NULL only with &weft_serve_ops.spawn
 *
 * Only for programs with a loop of their own; weft_serve_run() does it.
 *
 * Return: 0; -EINVAL @config or @ops; an errno of the ABI's VERSION and OFFER.
 */
int weft_server_offer(struct weft_server **server, const struct weft_serve_config *config,
		      const struct weft_serve_ops *ops, char **argv);

/**
 * weft_server_dispatch() - start and bury seats, report telemetry
 * @server: by one thread at a time
 * @timeout_ns: how long to wait for something to do; 0 not, WEFT_SERVE_FOREVER
 *
 * Buries the seats that it started, and no other child. One that ended before it attached is
 * refused with its exit status.
 *
 * Return: events handled, 0 if none came in time or a signal interrupted the wait; another negative
 * errno of read().
 */
int weft_server_dispatch(struct weft_server *server, int64_t timeout_ns);

/** weft_server_withdraw() - the device leaves in order; sleeps as long as it takes. 0 or -errno. */
int weft_server_withdraw(struct weft_server *server);

/** weft_server_close() - free @server; a device that was not withdrawn is lost. NULL is fine. */
void weft_server_close(struct weft_server *server);

/** weft_server_is_seat() - is @pid a process that the library started as a seat? 1 or 0 */
int weft_server_is_seat(const struct weft_server *server, int pid);
/** weft_server_fd() - the file, for poll(): readable when there are events; stays the server's */
int weft_server_fd(const struct weft_server *server);
/** weft_server_name() - the device's name on the weft bus */
const char *weft_server_name(const struct weft_server *server);
/** weft_server_config() - what it was made with, out fields filled in */
const struct weft_serve_config *weft_server_config(const struct weft_server *server);

#if defined(__cplusplus)
}
#endif

#endif /* WEFT_SERVE_LIB_H */
