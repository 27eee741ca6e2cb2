/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's half of weft_serve, as the tests of libweft-serve need it.
 *
 * DOC: libweft_serve_fake
 *
 * Takes the place of tools/libweft-serve/sys.c: one node, one ring, a list of events. Requests are
 * put into the ring by the test; completions are taken by ENTER, as the kernel does, and kept for
 * the test. ENTER that would sleep with nothing to wake it is a failure of the test.
 */
#ifndef LIBWEFT_SERVE_FAKE_H
#define LIBWEFT_SERVE_FAKE_H

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../tools/libweft-serve/sys.h"
#include "../../tools/libweft-serve/weft-serve.h"

#define FAKE_SLOTS	16
#define FAKE_FD		7
#define FAKE_WINDOW	(4u << 20)
#define FAKE_TAKEN	64

struct fake_ring {
	struct weft_serve_ring ring;
	struct weft_serve_request requests[FAKE_SLOTS];
	struct weft_serve_completion completions[FAKE_SLOTS];
	uint8_t payloads[FAKE_SLOTS][WEFT_SERVE_PAYLOAD];
};

static struct {
	pthread_mutex_t lock;
	int fail_open, fail_version, fail_offer, fail_attach, fail_enter, fail_fetch;
	int interrupt_withdraw;
	unsigned int opened, closed, mapped, unmapped;
	unsigned int enters, sleeps, fetches, withdrawals, reports;
	struct fake_ring memory;
	uint8_t window[FAKE_WINDOW];
	uint8_t image[64];
	struct weft_serve_attach attach;
	struct weft_serve_offer offer;
	struct weft_serve_completion taken[FAKE_TAKEN];
	unsigned int taken_count;
	uint32_t generation;
	uint64_t now;
	/* requests that come when the seat looks for the n-th time, spinning */
	unsigned int late_after;

	struct weft_serve_event events[8];
	unsigned int event_count;
	char spawned[96];
	char notified[64];
	unsigned int spawns;
	int spawn_error;
	int status;
	pid_t ended;
	struct weft_serve_refuse refused;
	unsigned int refusals;
	int poll_timeout;
	nfds_t poll_count;
	struct weft_serve_telemetry telemetry;

	jmp_buf leave;
	int left;
} fake;

static inline void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	pthread_mutex_init(&fake.lock, NULL);
	/* counters run freely: so near their end that every test passes it */
	fake.memory.ring.slots = FAKE_SLOTS;
	fake.memory.ring.sq_tail = fake.memory.ring.sq_head = UINT32_MAX - 1;
	fake.memory.ring.cq_tail = fake.memory.ring.cq_head = UINT32_MAX - 2;
	fake.now = 1000;
}

/* A request of the kernel's in @slot. */
static inline struct weft_serve_request *fake_request(uint32_t slot, uint16_t op)
{
	struct weft_serve_ring *ring = &fake.memory.ring;
	struct weft_serve_request *r = &fake.memory.requests[ring->sq_tail % FAKE_SLOTS];

	memset(r, 0, sizeof(*r));
	r->slot = slot;
	r->generation = ++fake.generation;
	r->op = op;
	__atomic_store_n(&ring->sq_tail, ring->sq_tail + 1, __ATOMIC_RELEASE);
	return r;
}

int weft_serve_sys_open(const char *path)
{
	if (fake.fail_open)
		return -fake.fail_open;
	fake.opened++;
	return FAKE_FD;
}

/* "/dev/vendorN" is 240:N, all else is no device */
int weft_serve_sys_device(const char *path, uint32_t *major, uint32_t *minor)
{
	unsigned int n;

	if (sscanf(path, "/dev/vendor%u", &n) != 1)
		return -ENODEV;
	*major = 240;
	*minor = n;
	return 0;
}

void weft_serve_sys_close(int fd)
{
	fake.closed++;
}

static inline int fake_enter(struct weft_serve_enter *enter)
{
	struct weft_serve_ring *ring = &fake.memory.ring;
	uint32_t tail = __atomic_load_n(&ring->cq_tail, __ATOMIC_ACQUIRE);

	fake.enters++;
	if (fake.fail_enter)
		return -fake.fail_enter;
	while (ring->cq_head != tail) {
		assert_true(fake.taken_count < FAKE_TAKEN);
		fake.taken[fake.taken_count++] =
			fake.memory.completions[ring->cq_head % FAKE_SLOTS];
		__atomic_store_n(&ring->cq_head, ring->cq_head + 1, __ATOMIC_RELEASE);
		enter->completed++;
	}
	if (!(enter->flags & WEFT_SERVE_ENTER_WAIT)) {
		assert_int_equal(enter->timeout_ns, 0);
		return 0;
	}
	if (ring->sq_head != ring->sq_tail)
		return 0;
	fake.sleeps++;
	/* nobody is there to wake it */
	assert_int_not_equal(enter->timeout_ns, UINT64_MAX);
	return -ETIME;
}

static inline int fake_fetch(const struct weft_serve_fetch *fetch)
{
	fake.fetches++;
	if (fake.fail_fetch)
		return -fake.fail_fetch;
	assert_true(fetch->offset + fetch->size <= sizeof(fake.image));
	memcpy((void *)(uintptr_t)fetch->data, fake.image + fetch->offset, fetch->size);
	return 0;
}

static inline int fake_attach(struct weft_serve_attach *attach)
{
	if (fake.fail_attach)
		return -fake.fail_attach;
	assert_int_equal(attach->slots, FAKE_SLOTS);
	attach->ring_size = sizeof(fake.memory);
	attach->requests = offsetof(struct fake_ring, requests);
	attach->completions = offsetof(struct fake_ring, completions);
	attach->payloads = offsetof(struct fake_ring, payloads);
	strcpy(attach->name, "alice");
	fake.attach = *attach;
	return 0;
}

static inline int fake_ioctl(unsigned long request, void *arg)
{
	struct weft_serve_version *version = arg;
	struct weft_serve_offer *offer = arg;

	switch (request) {
	case WEFT_SERVE_IOCTL_VERSION:
		if (fake.fail_version)
			version->version = WEFT_SERVE_VERSION + 1;
		return -fake.fail_version;
	case WEFT_SERVE_IOCTL_OFFER:
		if (fake.fail_offer)
			return -fake.fail_offer;
		offer->device = 3;
		strcpy(offer->name, "npu0");
		fake.offer = *offer;
		return 0;
	case WEFT_SERVE_IOCTL_ATTACH:
		return fake_attach(arg);
	case WEFT_SERVE_IOCTL_ENTER:
		return fake_enter(arg);
	case WEFT_SERVE_IOCTL_FETCH:
		return fake_fetch(arg);
	case WEFT_SERVE_IOCTL_REFUSE:
		fake.refused = *(struct weft_serve_refuse *)arg;
		fake.refusals++;
		return 0;
	case WEFT_SERVE_IOCTL_TELEMETRY:
		fake.telemetry = *(struct weft_serve_telemetry *)arg;
		fake.reports++;
		return 0;
	case WEFT_SERVE_IOCTL_WITHDRAW:
		fake.withdrawals++;
		return fake.interrupt_withdraw-- > 0 ? -EINTR : 0;
	}
	fail_msg("unknown ioctl %#lx", request);
	return -ENOTTY;
}

int weft_serve_sys_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	assert_int_equal(fd, FAKE_FD);
	pthread_mutex_lock(&fake.lock);
	ret = fake_ioctl(request, arg);
	pthread_mutex_unlock(&fake.lock);
	return ret;
}

int weft_serve_sys_map(int fd, uint64_t offset, size_t length, void **at)
{
	assert_int_equal(fd, FAKE_FD);
	*at = offset == WEFT_SERVE_MMAP_RING ? (void *)&fake.memory : fake.window;
	assert_true(offset == WEFT_SERVE_MMAP_RING || offset == WEFT_SERVE_MMAP_HOST);
	assert_int_equal(length, offset ? FAKE_WINDOW : sizeof(fake.memory));
	fake.mapped++;
	return 0;
}

void weft_serve_sys_unmap(void *at, size_t length)
{
	fake.unmapped++;
}

int weft_serve_sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	fake.poll_timeout = timeout_ms;
	fake.poll_count = count;
	return 0;
}

ssize_t weft_serve_sys_read(int fd, void *to, size_t length)
{
	size_t size = fake.event_count * sizeof(fake.events[0]);

	assert_int_equal(fd, FAKE_FD);
	if (!size)
		return -EAGAIN;
	assert_true(size <= length);
	memcpy(to, fake.events, size);
	fake.event_count = 0;
	return (ssize_t)size;
}

pid_t weft_serve_sys_spawn(const char *program, char **argv, const char *more, int *pidfd)
{
	if (fake.spawn_error)
		return -fake.spawn_error;
	snprintf(fake.spawned, sizeof(fake.spawned), "%s%s%s %s", program ? program : "",
		 program ? ": " : "", argv[0], more);
	*pidfd = 20;
	return (pid_t)(100 + fake.spawns++);
}

int weft_serve_sys_notify(const char *socket, const char *text)
{
	snprintf(fake.notified, sizeof(fake.notified), "%s %s", socket, text);
	return 0;
}

pid_t weft_serve_sys_wait(pid_t pid, int *status)
{
	if (fake.ended != pid)
		return 0;
	fake.ended = 0;
	*status = fake.status;
	return pid;
}

void weft_serve_sys_exit(int status)
{
	fake.left = status;
	longjmp(fake.leave, 1);
}

uint64_t weft_serve_sys_now(void)
{
	/* who spins looks at the time: that is when something can come */
	if (fake.late_after && !--fake.late_after)
		fake_request(5, WEFT_SERVE_OP_FILL);
	return fake.now;
}

#endif /* LIBWEFT_SERVE_FAKE_H */
