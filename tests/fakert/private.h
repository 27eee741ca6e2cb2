/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of libfakert share.
 *
 * DOC: private
 *
 * One lock and one condition per context guard everything in it: whatever changes is broadcast, and
 * who waits looks again. Kernels and copies run without the lock. Memory that they use cannot go
 * away because fakert_memory_free() waits until nothing runs.
 *
 * Rejected: a lock per stream (a test runtime needs no scaling, and one lock has no order).
 */
#ifndef FAKERT_PRIVATE_H
#define FAKERT_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>

#include "fakert.h"

#define FAKERT_ARGS_MAX		4096
#define FAKERT_OFFSET_BITS	40

/* One allocation; its address is its number and the context's tag above FAKERT_OFFSET_BITS. */
struct fakert_memory {
	struct fakert_memory *next;
	fakert_address address;
	uint64_t size;
	uint64_t charged;
	uint8_t *bytes;
};

struct fakert_host {
	struct fakert_host *next;
	uintptr_t start;
	size_t size;
	/* queued copies that use it */
	unsigned int users;
};

struct fakert_context {
	struct fakert_device *device;
	pid_t pid;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum fakert_result sticky;
	bool ending;
	uint16_t tag;
	uint16_t last_memory;
	struct fakert_memory *memory;
	struct fakert_host *hosts;
	struct fakert_stream *streams;
	struct fakert_event *events;
	struct fakert_module *modules;
};

struct fakert_event {
	struct fakert_context *context;
	struct fakert_event *next;
	/* counts of calls of fakert_event_record() and of those reached */
	uint64_t recorded;
	uint64_t reached;
	uint64_t time_ns;
	/* queued commands that name it, and whether it is to go when they are done */
	unsigned int users;
	bool destroyed;
};

enum fakert_command_kind {
	FAKERT_COPY_IN,
	FAKERT_COPY_OUT,
	FAKERT_CLEAR,
	FAKERT_LAUNCH,
	FAKERT_RECORD,
	FAKERT_WAIT,
	FAKERT_CALL,
};

struct fakert_command {
	struct fakert_command *next;
	enum fakert_command_kind kind;
	fakert_address address;
	void *host;
	uint64_t size;
	struct fakert_host *registered;
	struct fakert_event *event;
	uint64_t count;
	void (*call)(void *data);
	void *data;
	const struct fakert_kernel *kernel;
	uint8_t args[];
};

struct fakert_stream {
	struct fakert_context *context;
	struct fakert_stream *next;
	pthread_t thread;
	struct fakert_command *first;
	struct fakert_command **last;
	bool running;
	bool ending;
};

/* One kernel of the runtime; modules refer to these. */
struct fakert_kernel {
	const char *name;
	size_t args_size;
	/* runs without the context's lock */
	enum fakert_result (*run)(struct fakert_context *context, const void *args);
};

/* Locks @context for a call; not FAKERT_OK: it is not locked and the call ends so. */
enum fakert_result fakert_enter(struct fakert_context *context);
enum fakert_result fakert_leave(struct fakert_context *context, enum fakert_result result);
/* true while this thread is in a host call */
extern __thread bool fakert_in_call;

enum fakert_result fakert_charge(struct fakert_device *device, int64_t bytes, int contexts);
void fakert_busy(struct fakert_device *device, uint64_t ns);
uint64_t fakert_now(void);
void fakert_sleep_until(uint64_t ns);

bool fakert_idle_locked(const struct fakert_context *context);
/* Waits until nothing is queued or running, or an error is sticky. */
enum fakert_result fakert_drain_locked(struct fakert_context *context);
void fakert_stream_end(struct fakert_stream *stream);

/* Where @size bytes at @address are, or NULL */
void *fakert_resolve_locked(struct fakert_context *context, fakert_address address, uint64_t size);
void *fakert_resolve(struct fakert_context *context, fakert_address address, uint64_t size);
struct fakert_host *fakert_host_find_locked(struct fakert_context *context, const void *host,
					    size_t size);
void fakert_memory_release(struct fakert_context *context);
void fakert_module_release(struct fakert_context *context);

const struct fakert_kernel *fakert_kernel_find(const char *name, size_t length);

#endif /* FAKERT_PRIVATE_H */
