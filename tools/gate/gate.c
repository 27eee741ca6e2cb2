// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turns of a program that knows nothing of weft.
 *
 * DOC: gate turns
 *
 * The first launch asks for a lease and waits for it. From then on launches cost two operations on
 * a mutex until a thread of the shim's own is told to leave: it holds back further launches, waits
 * for those under way and for the runtime to finish what it was given, asks for the next lease if
 * the program has launched anything in this turn (so it is there when the next turn is given out),
 * and leaves. A turn that was asked for in advance and in which nothing is launched is given back
 * when somebody wants it, and no other is asked for until the program launches again.
 *
 * Without weft, or without a device that can be leased, all calls pass as they are; with
 * WEFT_GATE_REQUIRE the program is ended instead, with a message. A child of fork() has no lease
 * and asks for its own.
 *
 * Rejected: leaving in the program's own synchronising calls (many programs poll events, or read
 * a buffer, or do not synchronise at all); a lease per launch (the kernel's round trip for each).
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

#include "gate.h"

#define GATE_PLACES	64	/* queues that launches went to in one turn */
#define GATE_STATUS	3	/* as weft(1): trouble */

/* where launches of this turn went */
struct gate_place {
	const struct gate_runtime *runtime;
	void *where;
};

static struct {
	pthread_mutex_t lock;
	/* any of what follows has changed */
	pthread_cond_t change;
	struct weft *pool;
	struct weft_queue *queue;
	/* asked for, not yet granted; or held, 0: none */
	uint64_t asked;
	uint64_t held;
	/* launches are held back */
	bool leaving;
	/* there is no gate: everything passes */
	bool open;
	bool started;
	/* calls of the runtime under way, and made in this turn */
	uint32_t active;
	uint64_t launches;
	struct gate_place places[GATE_PLACES];
	uint32_t place_count;
} gate = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.change = PTHREAD_COND_INITIALIZER,
};

/* The shim's own thread calls the runtime, and must not wait for itself. */
static __thread bool gate_own;

void *gate_next(const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	if (!next) {
		fprintf(stderr, "weft: gate: nothing behind the shim has %s\n", name);
		_exit(GATE_STATUS);
	}
	return next;
}

/* There are no turns to be had: pass everything from now on, or end the program. */
static void gate_give_up(void)
{
	const char *require = getenv("WEFT_GATE_REQUIRE");

	if (require && *require) {
		fprintf(stderr, "weft: gate: %s\n", weft_error());
		_exit(GATE_STATUS);
	}
	gate.open = true;
	pthread_cond_broadcast(&gate.change);
}

/* The device as it is now, as a mask; 0: any. It may have left and come back with another id. */
static int gate_device(uint64_t *mask)
{
	const char *name = getenv("WEFT_GATE_DEVICE");
	struct drm_weft_device_info *list;
	uint32_t i, count;
	int ret;

	*mask = 0;
	if (!name || !*name)
		return 0;
	ret = weft_device_list(gate.pool, &list, &count);
	if (ret)
		return ret;
	for (i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			*mask = 1ull << list[i].id;
	free(list);
	return *mask ? 0 : -ENODEV;
}

static int gate_ask(void)
{
	const char *quantum = getenv("WEFT_GATE_QUANTUM");
	uint64_t mask;
	int ret;

	ret = gate_device(&mask);
	if (!ret)
		ret = weft_lease_ask(gate.queue, mask, quantum ? strtoull(quantum, NULL, 0) : 0,
				     &gate.asked);
	return ret;
}

/* Nobody launches any more; what was launched ends. The lock is let go meanwhile. */
static void gate_drain(void)
{
	struct gate_place places[GATE_PLACES];
	uint32_t i, count;

	gate.leaving = true;
	while (gate.active)
		pthread_cond_wait(&gate.change, &gate.lock);
	count = gate.place_count;
	memcpy(places, gate.places, sizeof(places));
	pthread_mutex_unlock(&gate.lock);
	for (i = 0; i < count; i++)
		places[i].runtime->finish(places[i].where);
	pthread_mutex_lock(&gate.lock);
}

/* The turn is over, or the lease is void. */
static void gate_leave(bool lost)
{
	uint64_t id = gate.held, launches = gate.launches;

	if (!lost)
		gate_drain();
	gate.held = 0;
	gate.launches = 0;
	gate.place_count = 0;
	/* before it leaves: who asks later is not there when the next turn is given out */
	if (launches && gate_ask())
		gate_give_up();
	if (!lost)
		weft_lease_leave(gate.pool, id, launches, 0);
	weft_wait(gate.pool, id, 1, WEFT_FOREVER, NULL);
	gate.leaving = false;
	pthread_cond_broadcast(&gate.change);
}

/* One lease, from asking to its end. */
static void gate_turn(void)
{
	struct drm_weft_lease_wait lease = {};
	uint64_t id = gate.asked;
	int ret = 0;

	pthread_mutex_unlock(&gate.lock);
	while (!ret && lease.state == DRM_WEFT_LEASE_WAITING)
		ret = weft_lease_wait(gate.pool, id, lease.state, WEFT_FOREVER, &lease);
	pthread_mutex_lock(&gate.lock);
	gate.asked = 0;
	gate.held = id;
	pthread_cond_broadcast(&gate.change);
	while (!ret && lease.state == DRM_WEFT_LEASE_HELD) {
		pthread_mutex_unlock(&gate.lock);
		ret = weft_lease_wait(gate.pool, id, lease.state, WEFT_FOREVER, &lease);
		pthread_mutex_lock(&gate.lock);
	}
	gate_leave(ret || lease.state == DRM_WEFT_LEASE_ENDED);
}

static void *gate_main(void *arg)
{
	(void)arg;
	gate_own = true;
	pthread_mutex_lock(&gate.lock);
	while (!gate.open) {
		if (gate.asked)
			gate_turn();
		else
			pthread_cond_wait(&gate.change, &gate.lock);
	}
	pthread_mutex_unlock(&gate.lock);
	return NULL;
}

/* What belongs to the parent stays there: its file is closed here, and with it nothing ends. */
static void gate_forked(void)
{
	static const pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_cond_t change = PTHREAD_COND_INITIALIZER;

	if (gate.pool)
		close(weft_fd(gate.pool));
	memset(&gate, 0, sizeof(gate));
	gate.lock = lock;
	gate.change = change;
}

static void gate_start(void)
{
	static const struct weft_queue_desc desc = {
		.service = DRM_WEFT_SERVICE_BATCH,
		.flags = DRM_WEFT_QUEUE_LEASE,
		.priority = 3,
	};
	static bool once;
	pthread_t thread;

	gate.started = true;
	if (!once && pthread_atfork(NULL, NULL, gate_forked)) {
		gate.open = true;
		return;
	}
	once = true;
	if (weft_open(&gate.pool, NULL) || weft_queue_create(gate.pool, &desc, &gate.queue)) {
		gate_give_up();
		return;
	}
	weft_client_name(gate.pool, program_invocation_short_name);
	if (pthread_create(&thread, NULL, gate_main, NULL))
		gate_give_up();
	else
		pthread_detach(thread);
}

static void gate_note(const struct gate_runtime *runtime, void *where)
{
	uint32_t i;

	for (i = 0; i < gate.place_count; i++)
		if (gate.places[i].where == where)
			return;
	/* no room: it is waited for now, which ends all that it was given */
	if (gate.place_count == GATE_PLACES) {
		runtime->finish(gate.places[0].where);
		gate.place_count--;
		gate.places[0] = gate.places[gate.place_count];
	}
	gate.places[gate.place_count].runtime = runtime;
	gate.places[gate.place_count].where = where;
	gate.place_count++;
}

void gate_enter(const struct gate_runtime *runtime, void *where)
{
	if (gate_own)
		return;
	pthread_mutex_lock(&gate.lock);
	if (!gate.started)
		gate_start();
	while (!gate.open && (!gate.held || gate.leaving)) {
		if (!gate.held && !gate.asked) {
			if (gate_ask())
				gate_give_up();
			pthread_cond_broadcast(&gate.change);
			continue;
		}
		pthread_cond_wait(&gate.change, &gate.lock);
	}
	gate.active++;
	gate.launches++;
	if (!gate.open)
		gate_note(runtime, where);
	pthread_mutex_unlock(&gate.lock);
}

void gate_done(void)
{
	if (gate_own)
		return;
	pthread_mutex_lock(&gate.lock);
	/* a child forked in the middle of a call knows of none */
	if (gate.active && !--gate.active)
		pthread_cond_broadcast(&gate.change);
	pthread_mutex_unlock(&gate.lock);
}

void gate_forget(void *where)
{
	uint32_t i;

	pthread_mutex_lock(&gate.lock);
	while (gate.leaving && !gate.open)
		pthread_cond_wait(&gate.change, &gate.lock);
	for (i = 0; i < gate.place_count; i++) {
		if (gate.places[i].where != where)
			continue;
		gate.places[i].runtime->finish(where);
		gate.places[i] = gate.places[--gate.place_count];
		break;
	}
	pthread_mutex_unlock(&gate.lock);
}
