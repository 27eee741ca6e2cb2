// SPDX-License-Identifier: GPL-2.0-only
/*
 * A seat: attaching, taking requests, handing in completions.
 *
 * DOC: seat
 *
 * The kernel's copy of a request is in a ring whose places are used again as soon as sq_head has
 * passed them, so every request is copied out when it is taken; it then lives in its slot's place
 * until it is completed. Payloads belong to slots and need no copy.
 *
 * Any thread may write completions, under the lock, and any may call ENTER. One ENTER takes all
 * that are there, so a thread may find that another handed in its own.
 *
 * Rejected: looking for new requests before handing in (a stream of short requests would hold back
 * the first completion for ever).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_SEAT_SLOTS		256
#define WEFT_SEAT_HOST_SIZE	((uint64_t)64 << 30)

/* The seat whose weft_seat_dispatch() this thread is in */
static __thread struct weft_seat *weft_inside;

static uint32_t weft_load_acquire(const uint32_t *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static void weft_store_release(uint32_t *to, uint32_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

static int weft_seat_enter(struct weft_seat *seat, uint32_t flags, uint64_t until)
{
	struct weft_serve_enter enter = { .flags = flags, .timeout_ns = until };

	return weft_serve_sys_ioctl(seat->fd, WEFT_SERVE_IOCTL_ENTER, &enter);
}

int weft_seat_flush(struct weft_seat *seat)
{
	int ret = weft_seat_enter(seat, 0, 0);

	return ret ? weft_serve_fail(-ret, "handing in completions: %s", strerror(-ret)) : 0;
}

static void weft_complete_locked(struct weft_request *request, int error, uint64_t value,
				 uint32_t text_size)
{
	struct weft_seat *seat = request->seat;
	struct weft_serve_completion *c = &seat->completions[seat->cq_tail & (seat->slots - 1)];

	*c = (struct weft_serve_completion){
		.slot = request->abi.slot,
		.generation = request->abi.generation,
		.error = (uint32_t)-error,
		.code = request->code,
		.start_ns = request->start_ns,
		.end_ns = request->end_ns,
		.value = value,
		.text_size = text_size,
		.flags = request->flags,
	};
	request->failed = error < 0;
	request->under_way = 0;
	weft_store_release(&seat->ring->cq_tail, ++seat->cq_tail);
}

static void weft_complete(struct weft_request *request, int error, uint64_t value,
			  uint32_t text_size)
{
	struct weft_seat *seat = request->seat;
	struct weft_request *aborter;

	pthread_mutex_lock(&seat->lock);
	aborter = request->aborter;
	weft_complete_locked(request, error, value, text_size);
	if (aborter)
		weft_complete_locked(aborter, 0, 0, 0);
	pthread_mutex_unlock(&seat->lock);
}

void weft_request_end(struct weft_request *request, int error)
{
	weft_complete(request, error, 0, 0);
}

void weft_request_done(struct weft_request *request, int error)
{
	struct weft_seat *seat = request->seat;

	weft_complete(request, error, 0, 0);
	if (weft_inside != seat)
		weft_seat_flush(seat);
}

void weft_seat_leave(struct weft_seat *seat, int error)
{
	weft_seat_enter(seat, 0, 0);
	weft_serve_sys_exit(-error);
}

/* The answer to ABORT follows the launch's, unless there is none to wait for. */
static int weft_seat_abort(struct weft_request *request)
{
	struct weft_seat *seat = request->seat;
	const struct weft_serve_target *target = &request->abi.target;
	struct weft_request *launch = &seat->under_way[target->slot];
	bool linked;
	int ret;

	if (!seat->ops->abort)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&seat->lock);
	linked = launch->under_way && launch->abi.generation == target->generation;
	if (linked)
		launch->aborter = request;
	pthread_mutex_unlock(&seat->lock);
	if (!linked)
		return 0;
	ret = seat->ops->abort(launch);
	if (ret >= 0)
		return WEFT_SERVE_LATER;
	/* it goes on, or has ended by itself meanwhile and taken this request with it */
	pthread_mutex_lock(&seat->lock);
	linked = launch->aborter == request && launch->under_way;
	if (linked)
		launch->aborter = NULL;
	pthread_mutex_unlock(&seat->lock);
	return linked ? ret : WEFT_SERVE_LATER;
}

static int weft_seat_copy(struct weft_request *request)
{
	struct weft_seat *seat = request->seat;
	const struct weft_serve_copy *copy = &request->abi.copy;

	if (request->abi.op != WEFT_SERVE_OP_FILL) {
		request->bytes = seat->window + copy->host;
		if (seat->config.offer.features & WEFT_SERVE_F_REGISTER) {
			request->host = weft_range_find(seat, copy->host, copy->length);
			if (!request->host)
				return -EPROTO;
		}
	}
	return seat->ops->copy(request);
}

/*
 * What a launch waits for: the last requests with these numbers that were taken. -ECANCELED: one of
 * them has failed. Any thread may complete them meanwhile.
 */
static int weft_seat_waits(struct weft_request *request)
{
	struct weft_seat *seat = request->seat;
	const struct weft_serve_request *abi = &request->abi;
	struct weft_request *other;
	int ret = 0;
	uint32_t i;

	if (!abi->wait_count)
		return 0;
	pthread_mutex_lock(&seat->lock);
	for (i = 0; i < abi->wait_count; i++) {
		other = &seat->under_way[abi->waits[i] - 1];
		if (other->under_way)
			request->after[request->after_count++] = other;
		else if (other->failed)
			ret = -ECANCELED;
	}
	pthread_mutex_unlock(&seat->lock);
	return ret;
}

static int weft_seat_launch(struct weft_request *request)
{
	struct weft_seat *seat = request->seat;
	uint8_t *payload = seat->payloads + (size_t)request->abi.slot * WEFT_SERVE_PAYLOAD;
	int ret = weft_seat_waits(request);

	if (ret)
		return ret;
	request->image = weft_image_find(request->abi.launch.image);
	request->args = payload;
	request->relocs = (const struct weft_serve_reloc *)(payload + WEFT_SERVE_RELOCS);
	return seat->ops->launch(request);
}

/* A range that cannot be let go of is never acknowledged: the seat ends instead. */
static int weft_seat_revoke(struct weft_request *request)
{
	struct weft_seat *seat = request->seat;
	int ret = weft_range_remove(seat, request->abi.memory.address);

	if (ret < 0)
		weft_seat_leave(seat, ret);
	return 0;
}

/*
 * The context goes before the kernel hears that the seat is gone, or its memory might still be
 * missing when the next seat makes one.
 */
static int weft_seat_retire(struct weft_seat *seat)
{
	weft_image_drop_all(seat);
	if (seat->ops->close)
		seat->ops->close(seat);
	seat->retired = true;
	return 0;
}

static void weft_seat_handle(struct weft_request *request)
{
	struct weft_seat *seat = request->seat;
	const struct weft_serve_request *abi = &request->abi;
	uint32_t text_size = 0;
	uint64_t value = 0;
	int ret;

	switch (abi->op) {
	case WEFT_SERVE_OP_LAUNCH:
		ret = weft_seat_launch(request);
		break;
	case WEFT_SERVE_OP_COPY_IN:
	case WEFT_SERVE_OP_COPY_OUT:
	case WEFT_SERVE_OP_FILL:
		ret = weft_seat_copy(request);
		break;
	case WEFT_SERVE_OP_LOAD:
		ret = weft_image_load(request, &value, &text_size);
		break;
	case WEFT_SERVE_OP_UNLOAD:
		weft_image_unload(seat, abi->image.image);
		ret = 0;
		break;
	case WEFT_SERVE_OP_ALLOC:
		ret = seat->ops->alloc(seat, abi->memory.size, &value);
		break;
	case WEFT_SERVE_OP_FREE:
		ret = seat->ops->free(seat, abi->memory.address, abi->memory.size);
		break;
	case WEFT_SERVE_OP_REGISTER:
		ret = weft_range_add(seat, abi->memory.address, abi->memory.size);
		break;
	case WEFT_SERVE_OP_REVOKE:
		ret = weft_seat_revoke(request);
		break;
	case WEFT_SERVE_OP_ABORT:
		ret = weft_seat_abort(request);
		break;
	case WEFT_SERVE_OP_RETIRE:
		ret = weft_seat_retire(seat);
		break;
	default:
		ret = -EOPNOTSUPP;
	}
	if (ret != WEFT_SERVE_LATER)
		weft_complete(request, ret, value, text_size);
}

/* Takes and handles the requests up to @tail. */
static int weft_seat_take(struct weft_seat *seat, uint32_t tail)
{
	const struct weft_serve_request *abi;
	struct weft_request *request;
	int count = 0;

	while (seat->sq_head != tail) {
		abi = &seat->requests[seat->sq_head & (seat->slots - 1)];
		request = &seat->under_way[abi->slot];
		*request = (struct weft_request){ .seat = seat, .abi = *abi, .under_way = 1 };
		weft_store_release(&seat->ring->sq_head, ++seat->sq_head);
		weft_seat_handle(request);
		count++;
		if (seat->config.batch &&
		    seat->cq_tail - weft_load_acquire(&seat->ring->cq_head) >= seat->config.batch)
			weft_seat_enter(seat, 0, 0);
	}
	return count;
}

/* Hands in, and waits until there are requests. 0 or a negative errno. */
static int weft_seat_wait(struct weft_seat *seat, int64_t timeout_ns)
{
	bool pending = __atomic_load_n(&seat->cq_tail, __ATOMIC_RELAXED) !=
		       weft_load_acquire(&seat->ring->cq_head);
	uint64_t until = UINT64_MAX, spin;
	int ret = 0;

	if (!timeout_ns)
		return pending ? weft_seat_enter(seat, 0, 0) : 0;
	if (timeout_ns > 0)
		until = weft_serve_sys_now() + (uint64_t)timeout_ns;
	if (!seat->config.spin_ns)
		return weft_seat_enter(seat, WEFT_SERVE_ENTER_WAIT, until);
	if (pending)
		ret = weft_seat_enter(seat, 0, 0);
	spin = weft_serve_sys_now() + seat->config.spin_ns;
	while (!ret && weft_load_acquire(&seat->ring->sq_tail) == seat->sq_head) {
		if (weft_serve_sys_now() >= spin)
			ret = weft_seat_enter(seat, WEFT_SERVE_ENTER_WAIT, until);
		else if (weft_load_acquire(&seat->ring->flags) & WEFT_SERVE_RING_DEAD)
			ret = -EPIPE;
	}
	return ret;
}

int weft_seat_dispatch(struct weft_seat *seat, int64_t timeout_ns)
{
	int ret;

	ret = weft_seat_wait(seat, timeout_ns);
	if (ret && ret != -ETIME && ret != -EINTR)
		return weft_serve_fail(-ret, "waiting for requests: %s",
				       ret == -EPIPE ? "the kernel has given this seat up" :
						       strerror(-ret));
	weft_inside = seat;
	ret = weft_seat_take(seat, weft_load_acquire(&seat->ring->sq_tail));
	weft_inside = NULL;
	if (!seat->retired)
		return ret;
	weft_seat_flush(seat);
	return weft_serve_fail(ESHUTDOWN, "the seat has retired");
}

static int weft_seat_map(struct weft_seat *seat, const struct weft_serve_attach *attach)
{
	void *at;
	int ret;

	ret = weft_serve_sys_map(seat->fd, WEFT_SERVE_MMAP_RING, attach->ring_size, &at);
	if (ret)
		return weft_serve_fail(-ret, "mapping the ring: %s", strerror(-ret));
	seat->ring = at;
	seat->ring_size = attach->ring_size;
	seat->sq_head = seat->ring->sq_head;
	seat->cq_tail = seat->ring->cq_tail;
	seat->requests = (const void *)((uint8_t *)at + attach->requests);
	seat->completions = (void *)((uint8_t *)at + attach->completions);
	seat->payloads = (uint8_t *)at + attach->payloads;
	ret = weft_serve_sys_map(seat->fd, WEFT_SERVE_MMAP_HOST, seat->config.host_size, &at);
	if (ret)
		return weft_serve_fail(-ret, "mapping a host window of %" PRIu64 " bytes: %s",
				       seat->config.host_size, strerror(-ret));
	seat->window = at;
	return 0;
}

static int weft_seat_join(struct weft_seat *seat, struct weft_serve_attach *attach)
{
	uint64_t arena = 0;
	int ret;

	seat->fd = weft_serve_node_open(&seat->config);
	if (seat->fd < 0)
		return seat->fd;
	ret = weft_serve_version_check(seat->fd);
	if (ret)
		return ret;
	ret = seat->ops->open(seat, &arena);
	if (ret)
		return weft_serve_fail(-ret, "making a context: %s", strerror(-ret));
	attach->arena = arena;
	ret = weft_serve_sys_ioctl(seat->fd, WEFT_SERVE_IOCTL_ATTACH, attach);
	if (ret)
		return weft_serve_fail(-ret, "attaching as seat %u of device %u: %s", attach->seat,
				       attach->device, strerror(-ret));
	memcpy(seat->tenant, attach->name, sizeof(seat->tenant) - 1);
	return weft_seat_map(seat, attach);
}

int weft_seat_attach(struct weft_seat **seat, const struct weft_serve_config *config,
		     const struct weft_serve_ops *ops, const char *spec)
{
	struct weft_serve_attach attach = { .version = WEFT_SERVE_VERSION };
	struct weft_seat *s;
	uint64_t token;
	char end;
	int ret;

	*seat = NULL;
	ret = weft_serve_config_check(config, ops);
	if (ret)
		return ret;
	if (sscanf(spec, "%" SCNu32 ":%" SCNu32 ":%" SCNx64 "%c", &attach.device, &attach.seat,
		   &token, &end) != 3)
		return weft_serve_fail(EINVAL, "\"%s\" names no seat", spec);
	attach.token = token;
	s = calloc(1, sizeof(*s));
	if (!s)
		return weft_serve_fail(ENOMEM, "no memory");
	s->fd = -1;
	s->ops = ops;
	s->config = *config;
	if (!s->config.host_size)
		s->config.host_size = WEFT_SEAT_HOST_SIZE;
	s->slots = config->slots ? config->slots : WEFT_SEAT_SLOTS;
	attach.slots = s->slots;
	attach.host_size = s->config.host_size;
	pthread_mutex_init(&s->lock, NULL);
	s->under_way = calloc(s->slots, sizeof(struct weft_request));
	ret = s->under_way ? weft_seat_join(s, &attach) : weft_serve_fail(ENOMEM, "no memory");
	if (ret) {
		weft_seat_detach(s);
		return ret;
	}
	*seat = s;
	return 0;
}

void weft_seat_detach(struct weft_seat *seat)
{
	if (!seat)
		return;
	weft_image_drop_all(seat);
	weft_range_drop_all(seat);
	if (seat->window)
		weft_serve_sys_unmap(seat->window, seat->config.host_size);
	if (seat->ring)
		weft_serve_sys_unmap(seat->ring, seat->ring_size);
	if (seat->fd >= 0)
		weft_serve_sys_close(seat->fd);
	pthread_mutex_destroy(&seat->lock);
	free(seat->under_way);
	free(seat);
}

int weft_seat_fd(const struct weft_seat *seat)
{
	return seat->fd;
}

const char *weft_seat_tenant(const struct weft_seat *seat)
{
	return seat->tenant;
}

const struct weft_serve_config *weft_seat_config(const struct weft_seat *seat)
{
	return &seat->config;
}

void *weft_seat_priv(const struct weft_seat *seat)
{
	return seat->priv;
}

void weft_seat_set_priv(struct weft_seat *seat, void *priv)
{
	seat->priv = priv;
}
