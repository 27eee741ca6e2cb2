// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small server and its seats, for tests of weft_serve. See served.h.
 *
 * DOC: served
 *
 * Written on the bare ABI, so that it can break each rule. Rejected: libweft-serve (it keeps them).
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "served.h"

#define WINDOW	(64 * MIB)
#define SLOTS	32u

/* one seat, in its process */
struct seat {
	struct served_shared *s;
	const struct weft_serve_offer *offer;
	int fd;
	uint8_t *arena;
	struct weft_serve_ring *ring;
	struct weft_serve_attach at;
	struct weft_serve_request *requests;
	struct weft_serve_completion *completions;
	uint8_t *window;
	uint32_t head, tail;
	struct weft_serve_request hung;
	struct weft_serve_completion last;
	bool kept;
	bool signals[SLOTS + 1];
	uint32_t *image[64];
	uint32_t images;
};

/* ------------------------------------------------------------------------------------- the seat */

static void seat_complete(struct seat *seat, const struct weft_serve_completion *c)
{
	seat->completions[seat->tail++ & (seat->at.slots - 1)] = *c;
	__atomic_store_n(&seat->ring->cq_tail, seat->tail, __ATOMIC_RELEASE);
}

/* 0, or what the completion says */
static uint32_t compute(struct seat *seat, const struct weft_serve_request *r)
{
	union {
		struct weft_sim_nop nop;
		struct weft_sim_copy copy;
		struct weft_sim_fill fill;
		struct weft_sim_add add;
	} a;
	uint8_t *payload = (uint8_t *)seat->ring + seat->at.payloads +
			   r->slot * WEFT_SERVE_PAYLOAD;
	const uint32_t *ops = seat->image[r->launch.image - 1] +
			      sizeof(struct weft_sim_image_header) / sizeof(uint32_t);
	uint32_t *dst, *x, *y;

	memcpy(&a, payload, sizeof(a));
	switch (ops[r->launch.kernel]) {
	case WEFT_SIM_OP_NOP:
		if (a.nop.work)
			usleep(a.nop.work);
		return 0;
	case WEFT_SIM_OP_COPY:
		memcpy((void *)a.copy.dst, (void *)a.copy.src, a.copy.bytes);
		return 0;
	case WEFT_SIM_OP_FILL:
		dst = (void *)a.fill.dst;
		for (uint64_t i = 0; i < a.fill.count; i++)
			dst[i] = a.fill.value;
		return 0;
	case WEFT_SIM_OP_ADD:
		dst = (void *)a.add.dst;
		x = (void *)a.add.a;
		y = (void *)a.add.b;
		for (uint64_t i = 0; i < a.add.count; i++)
			dst[i] = x[i] + y[i];
		return 0;
	}
	return SERVED_BAD_OP;
}

static void seat_load(struct seat *seat, const struct weft_serve_request *r,
		      struct weft_serve_completion *c)
{
	struct weft_serve_fetch fetch = {
		.slot = r->slot, .generation = r->generation, .size = r->image.size,
	};
	char *text = (char *)seat->ring + seat->at.payloads + r->slot * WEFT_SERVE_PAYLOAD;
	uint32_t *image = malloc(r->image.size);

	fetch.data = p64(image);
	if (ioctl(seat->fd, WEFT_SERVE_IOCTL_FETCH, &fetch)) {
		c->error = errno;
		return;
	}
	if (seat->s->fail_load) {
		strcpy(text, SERVED_TEXT);
		c->text_size = strlen(text);
		c->error = ENOEXEC;
		return;
	}
	seat->image[seat->images++] = image;
	c->value = seat->images;
}

static int ioctl_enter(int fd, uint32_t flags, uint64_t timeout)
{
	struct weft_serve_enter e = { .flags = flags, .timeout_ns = timeout };

	return ioctl(fd, WEFT_SERVE_IOCTL_ENTER, &e) ? -errno : (int)e.completed;
}

/* ------------------------------------------------------------- a long-term pin: a fixed buffer */

static struct {
	int fd;
	struct io_uring_params p;
	uint8_t *sq;
	struct io_uring_sqe *sqe;
	void *start;
	size_t size;
} uring;

/* Pins [@start, @start + @size). */
static void pin(void *start, size_t size)
{
	struct iovec iov = { .iov_base = start, .iov_len = size };
	struct io_uring_params *p = &uring.p;

	uring.fd = syscall(__NR_io_uring_setup, 4, p);
	if (uring.fd < 0)
		_exit(90);
	/* one mapping for both rings: IORING_FEAT_SINGLE_MMAP is older than any kernel here */
	uring.sq = mmap(NULL, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
			PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd, IORING_OFF_SQ_RING);
	uring.sqe = mmap(NULL, p->sq_entries * sizeof(*uring.sqe), PROT_READ | PROT_WRITE,
			 MAP_SHARED, uring.fd, IORING_OFF_SQES);
	uring.start = start;
	uring.size = size;
	if (syscall(__NR_io_uring_register, uring.fd, IORING_REGISTER_BUFFERS, &iov, 1))
		_exit(90);
}

static void unpin(void)
{
	if (uring.fd && syscall(__NR_io_uring_register, uring.fd, IORING_UNREGISTER_BUFFERS,
				NULL, 0))
		_exit(94);
	uring.fd = 0;
}

/* The value that all of the pinned memory has, by way of the pin: the mapping may be gone. */
static uint32_t pinned_value(void)
{
	uint32_t *bytes = malloc(uring.size), *tail = (void *)(uring.sq + uring.p.sq_off.tail);
	int fd = memfd_create("pinned", 0);
	uint32_t value, index = *tail & (uring.p.sq_entries - 1);

	uring.sqe[index] = (struct io_uring_sqe) {
		.opcode = IORING_OP_WRITE_FIXED,
		.fd = fd,
		.addr = p64(uring.start),
		.len = uring.size,
	};
	((uint32_t *)(uring.sq + uring.p.sq_off.array))[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, uring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1 ||
	    pread(fd, bytes, uring.size, 0) != (ssize_t)uring.size)
		_exit(95);
	/* taken, so that the next call waits for its own */
	++*(uint32_t *)(uring.sq + uring.p.cq_off.head);
	close(fd);
	value = bytes[0];
	for (size_t i = 0; i < uring.size / sizeof(*bytes); i++)
		if (bytes[i] != value)
			value = 0;
	free(bytes);
	return value;
}

static void child_tries(struct seat *seat, const struct weft_serve_completion *c)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		/* the mapping was not inherited; the file was */
		signal(SIGSEGV, SIG_DFL);
		seat->s->child = ioctl_enter(seat->fd, 0, 0);
		if (mmap(NULL, seat->at.ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, seat->fd,
			 WEFT_SERVE_MMAP_RING) != MAP_FAILED)
			seat->s->child = 1;
		seat_complete(seat, c);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
		seat->s->child = 1;
}

/* Returns false if the launch is not to be completed. */
static bool seat_trick(struct seat *seat, const struct weft_serve_request *r,
		       struct weft_serve_completion *c)
{
	struct weft_serve_completion other = *c;
	uint32_t trick = SERVED_WELL;

	if (!seat->s->trick_at || seat->s->trick_at == seat->s->ops[WEFT_SERVE_OP_LAUNCH])
		trick = __atomic_exchange_n(&seat->s->trick, SERVED_WELL, __ATOMIC_SEQ_CST);
	switch (trick) {
	case SERVED_LAST:
		seat->last = *c;
		seat->kept = true;
		return false;
	case SERVED_HANG:
	case SERVED_HANG_HARD:
		seat->hung = *r;
		seat->hung.flags = trick;
		return false;
	case SERVED_FAIL:
		c->error = EIO;
		c->code = 42;
		return true;
	case SERVED_EXIT:
		_exit(3);
	case SERVED_STOP:
		raise(SIGSTOP);
		return true;
	case SERVED_EXEC:
		fcntl(seat->fd, F_SETFD, 0);
		execl("/bin/busybox", "sleep", "600", NULL);
		execlp("sleep", "sleep", "600", NULL);
		_exit(91);
	case SERVED_UNMAP:
		munmap(seat->ring, seat->at.ring_size);
		for (;;)
			pause();
	case SERVED_TWICE:
		seat_complete(seat, c);
		other.error = EIO;
		*c = other;
		return true;
	case SERVED_NONSENSE:
		other.error = EIO;
		other.generation += 7;
		seat_complete(seat, &other);
		other.slot = 0xffffffff;
		seat_complete(seat, &other);
		other.slot = seat->at.slots + 1;
		seat_complete(seat, &other);
		other.slot = (r->slot + 1) % seat->at.slots;
		other.generation = 0;
		other.text_size = 0xffffffff;
		seat_complete(seat, &other);
		return true;
	case SERVED_FLOOD:
		seat->tail += seat->at.slots;
		return true;
	case SERVED_BOAST:
		c->start_ns = 1;
		c->end_ns = 3600 * SEC;
		return true;
	case SERVED_SLOW:
		usleep(1000000);
		c->flags = WEFT_SERVE_DONE_FOREIGN;
		return true;
	case SERVED_ODD_FLAG:
		c->flags = WEFT_SERVE_DONE_FOREIGN << 1;
		return true;
	case SERVED_ODD_PAD:
		c->pad[1] = 1;
		return true;
	case SERVED_LIE:
		c->error = ENODEV;
		return true;
	case SERVED_FORK:
		child_tries(seat, c);
		return true;
	case SERVED_SCRIBBLE:
		seat->ring->slots = 1;
		seat->ring->cq_head = 77;
		seat->ring->flags = 0xffffffff;
		memset(seat->requests, 0xff, seat->at.slots * sizeof(*seat->requests));
		return true;
	}
	return true;
}

/* What can be checked of a launch's events and relocations; and it waits while it is told to. */
static void seat_launch(struct seat *seat, const struct weft_serve_request *r)
{
	const struct weft_serve_reloc *relocs = (void *)((char *)seat->ring + seat->at.payloads +
				r->slot * WEFT_SERVE_PAYLOAD + WEFT_SERVE_RELOCS);

	for (uint32_t i = 0; i < r->wait_count; i++)
		if (r->waits[i] > SLOTS || !seat->signals[r->waits[i]])
			seat->s->astray++;
	if (r->wait_count > seat->s->waits)
		seat->s->waits = r->wait_count;
	if (r->signal > SLOTS || r->stream > seat->offer->streams)
		seat->s->astray++;
	else
		seat->signals[r->signal] = r->signal;
	for (uint32_t i = 0; i < r->launch.reloc_count && i < 4; i++)
		seat->s->length[i] = relocs[i].pad[0] || relocs[i].pad[1] || relocs[i].pad[2] ? 0 :
				     relocs[i].length;
	while (seat->s->hold) {
		seat->s->behind = __atomic_load_n(&seat->ring->sq_tail, __ATOMIC_ACQUIRE) -
				  seat->head;
		sleep_ms(1);
	}
}

static void seat_request(struct seat *seat, const struct weft_serve_request *r)
{
	struct weft_serve_completion c = { .slot = r->slot, .generation = r->generation };

	if (r->op < SERVED_OPS)
		__atomic_add_fetch(&seat->s->ops[r->op], 1, __ATOMIC_SEQ_CST);
	switch (r->op) {
	case WEFT_SERVE_OP_LAUNCH:
		if (seat->s->look) {
			seat->s->look = false;
			seat->s->pinned = pinned_value();
		}
		seat_launch(seat, r);
		c.error = compute(seat, r);
		if (!seat_trick(seat, r, &c))
			return;
		break;
	case WEFT_SERVE_OP_COPY_IN:
		if (seat->s->pin) {
			seat->s->pin = false;
			pin(seat->window + r->copy.host, r->copy.length);
		}
		memcpy((void *)r->copy.device, seat->window + r->copy.host, r->copy.length);
		seat->s->window = r->copy.host;
		break;
	case WEFT_SERVE_OP_COPY_OUT:
		if (seat->s->stop_copies)
			return;
		memcpy(seat->window + r->copy.host, (void *)r->copy.device, r->copy.length);
		break;
	case WEFT_SERVE_OP_FILL:
		memset((void *)r->copy.device, 0, r->copy.length);
		break;
	case WEFT_SERVE_OP_LOAD:
		seat_load(seat, r, &c);
		break;
	case WEFT_SERVE_OP_ALLOC:
		c.value = p64(aligned_alloc(4096, r->memory.size));
		memset((void *)c.value, 0x5a, r->memory.size);
		break;
	case WEFT_SERVE_OP_FREE:
		free((void *)r->memory.address);
		break;
	case WEFT_SERVE_OP_REVOKE:
		if (seat->s->keep_revokes)
			return;
		if (seat->s->unpin)
			unpin();
		break;
	case WEFT_SERVE_OP_ABORT:
		if (seat->hung.flags == SERVED_HANG_HARD)
			return;
		seat_complete(seat, &(struct weft_serve_completion) {
			.slot = seat->hung.slot, .generation = seat->hung.generation,
			.error = ECANCELED,
		});
		break;
	}
	seat_complete(seat, &c);
	if (seat->kept) {
		seat->kept = false;
		seat_complete(seat, &seat->last);
	}
}

static void seat_main(struct served_shared *s, const struct weft_serve_offer *offer,
		      const struct weft_serve_event *event)
{
	struct seat seat = {
		.s = s,
		.offer = offer,
		.at = {
			.version = WEFT_SERVE_VERSION,
			.device = s->device,
			.seat = event->seat,
			.token = event->token,
			.slots = SLOTS,
			.host_size = WINDOW,
		},
	};
	uint32_t slots = SLOTS;

	signal(SIGCHLD, SIG_DFL);
	if (offer->memory == WEFT_SERVE_MEMORY_ARENA) {
		seat.arena = mmap(NULL, offer->memory_size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(seat.arena, 0x5a, offer->memory_size);
		seat.at.arena = p64(seat.arena);
	}
	seat.fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);
	if (seat.fd < 0 || ioctl(seat.fd, WEFT_SERVE_IOCTL_ATTACH, &seat.at))
		_exit(92);
	seat.ring = mmap(NULL, seat.at.ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, seat.fd,
			 WEFT_SERVE_MMAP_RING);
	seat.window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, seat.fd,
			   WEFT_SERVE_MMAP_HOST);
	if (seat.ring == MAP_FAILED || seat.window == MAP_FAILED)
		_exit(93);
	seat.requests = (void *)((char *)seat.ring + seat.at.requests);
	seat.completions = (void *)((char *)seat.ring + seat.at.completions);
	s->seat[event->seat].pid = getpid();
	s->seat[event->seat].tenant = seat.at.tenant;
	memcpy(s->seat[event->seat].name, seat.at.name, sizeof(seat.at.name));
	seat.at.slots = slots;

	for (;;) {
		uint32_t from = seat.head, launches = 0;
		bool retire = false;

		if (ioctl_enter(seat.fd, WEFT_SERVE_ENTER_WAIT, FOREVER) < 0)
			_exit(0);
		while (seat.head != __atomic_load_n(&seat.ring->sq_tail, __ATOMIC_ACQUIRE)) {
			struct weft_serve_request r = seat.requests[seat.head++ & (slots - 1)];

			retire |= r.op == WEFT_SERVE_OP_RETIRE;
			launches += r.op == WEFT_SERVE_OP_LAUNCH;
			seat_request(&seat, &r);
		}
		__atomic_store_n(&seat.ring->sq_head, seat.head, __ATOMIC_RELEASE);
		if (launches > s->together)
			s->together = launches;
		if (seat.head != from)
			__atomic_add_fetch(&s->batches, 1, __ATOMIC_SEQ_CST);
		if (retire) {
			ioctl_enter(seat.fd, 0, 0);
			_exit(0);
		}
	}
}

/* ----------------------------------------------------------------------------------- the server */

static void server_event(struct served *d, const struct weft_serve_event *event, int fd)
{
	struct served_shared *s = d->s;

	switch (event->type) {
	case WEFT_SERVE_EVENT_SPAWN:
		if (!fork()) {
			close(fd);
			seat_main(s, &d->offer, event);
		}
		__atomic_add_fetch(&s->spawned, 1, __ATOMIC_SEQ_CST);
		break;
	case WEFT_SERVE_EVENT_RETIRED:
		__atomic_add_fetch(&s->retired, 1, __ATOMIC_SEQ_CST);
		break;
	case WEFT_SERVE_EVENT_LOST:
		s->last_error = event->error;
		__atomic_add_fetch(&s->lost, 1, __ATOMIC_SEQ_CST);
		break;
	}
}

static void server_main(struct served *d)
{
	int fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);
	struct weft_serve_event event;

	signal(SIGCHLD, SIG_IGN);
	if (fd < 0 || ioctl(fd, WEFT_SERVE_IOCTL_OFFER, &d->offer)) {
		d->s->ready = -errno;
		_exit(1);
	}
	d->s->device = d->offer.device;
	d->s->ready = 1;
	while (read(fd, &event, sizeof(event)) == sizeof(event))
		server_event(d, &event, fd);
	_exit(0);
}

void served_offer(struct weft_serve_offer *offer, const char *name)
{
	*offer = (struct weft_serve_offer) {
		.version = WEFT_SERVE_VERSION,
		.features = WEFT_SERVE_F_ABORT,
		.vendor = "tests",
		.model = "echo",
		.driver = "1.0",
		.runtime = "2.0",
		.isas = { "sim" },
		.dev_class = DRM_WEFT_CLASS_NPU,
		.engines = 1,
		.credits = 1,
		.streams = 1,
		.seats = 1,
		.recovery = WEFT_SERVE_RECOVERY_RERUN,
		.numa_node = -1,
		.memory_size = MIB,
		.bandwidth_down = 1000,
		.bandwidth_up = 1000,
		.spawn_ns = PATIENCE,
		.answer_ns = PATIENCE,
	};
	strcpy(offer->name, name);
}

long served_try(struct served *d, const struct weft_serve_offer *offer)
{
	d->offer = *offer;
	memcpy(d->name, offer->name, sizeof(d->name));
	if (!d->s)
		d->s = mmap(NULL, sizeof(*d->s), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(d->s != MAP_FAILED);
	d->s->ready = 0;
	d->pid = spawn();
	if (!d->pid)
		server_main(d);
	while (!d->s->ready)
		sleep_ms(1);
	return d->s->ready == 1 ? 0 : d->s->ready;
}

static void served_gone(const char *name)
{
	uint64_t until = in_ns(PATIENCE);
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/weft/devices/%s", name);
	while (!access(path, F_OK)) {
		CHECK_MSG(now_ns() < until, "%s is still there", name);
		sleep_ms(1);
	}
}

void served_start(struct served *d, const struct weft_serve_offer *offer)
{
	/* that of the last subtest may be on its way out */
	served_gone(offer->name);
	CHECK_EQ(served_try(d, offer), 0);
}

void served_kill(struct served *d)
{
	kill(d->pid, SIGKILL);
	reap(d->pid);
	served_gone(d->name);
}

void served_reach(volatile uint32_t *counter, uint32_t value)
{
	uint64_t until = in_ns(PATIENCE);

	while (*counter < value) {
		CHECK_MSG(now_ns() < until, "%u instead of %u", *counter, value);
		sleep_ms(1);
	}
}

uint64_t served_mask(int fd, const struct served *d)
{
	return dev_mask(fd, d->name);
}
