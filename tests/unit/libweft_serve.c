// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seats of libweft-serve against a kernel that the test plays.
 *
 * DOC: libweft_serve
 */
/* sources: tools/libweft-serve/error.c tools/libweft-serve/image.c tools/libweft-serve/range.c */
/* sources: tools/libweft-serve/nodes.c tools/libweft-serve/seat.c */
/* sources: tools/libweft-serve/server.c */
/* cflags: -D_GNU_SOURCE -pthread */
/* pkg-config: libdrm */
#include "libweft_serve_fake.h"

#define ARENA	0x700000000000ull

/* What the server program's functions saw, and what they are to answer */
static struct {
	int answer;
	int load_error, host_error, free_error, open_error;
	unsigned int opens, closes, loads, unloads, launches, copies, allocs, frees;
	unsigned int adds, removes, aborts;
	struct weft_request *launch;
	struct weft_request copy;
	struct weft_host host;
	uint64_t value;
	unsigned int completions_at_close;
} seen;

static int op_open(struct weft_seat *seat, uint64_t *arena)
{
	seen.opens++;
	weft_seat_set_priv(seat, &seen);
	*arena = ARENA;
	return seen.open_error;
}

static void op_close(struct weft_seat *seat)
{
	seen.closes++;
	seen.completions_at_close = fake.memory.ring.cq_tail - fake.memory.ring.cq_head;
}

static int op_load(struct weft_seat *seat, struct weft_load *load, uint64_t *image)
{
	seen.loads++;
	assert_memory_equal(load->data, fake.image, load->size);
	assert_int_equal(load->text_room, WEFT_SERVE_PAYLOAD);
	if (seen.load_error)
		strcpy(load->text, "line 1: no");
	*image = 0xabc0 + seen.loads;
	return seen.load_error;
}

static void op_unload(struct weft_seat *seat, uint64_t image)
{
	seen.unloads++;
	seen.value = image;
}

static int op_launch(struct weft_request *request)
{
	assert_ptr_equal(weft_seat_priv(request->seat), &seen);
	seen.launches++;
	seen.launch = request;
	request->code = 77;
	request->start_ns = 10;
	request->end_ns = 30;
	request->flags = WEFT_SERVE_DONE_FOREIGN;
	return seen.answer;
}

static int op_copy(struct weft_request *request)
{
	seen.copies++;
	seen.copy = *request;
	if (request->host)
		seen.host = *request->host;
	return seen.answer;
}

static int op_alloc(struct weft_seat *seat, uint64_t size, uint64_t *handle)
{
	seen.allocs++;
	*handle = size << 8;
	return seen.answer;
}

static int op_free(struct weft_seat *seat, uint64_t handle, uint64_t size)
{
	seen.frees++;
	seen.value = handle;
	return seen.free_error;
}

static int op_add_host(struct weft_seat *seat, struct weft_host *host)
{
	seen.adds++;
	host->priv = (void *)(uintptr_t)seen.adds;
	seen.host = *host;
	return seen.host_error;
}

static int op_remove_host(struct weft_seat *seat, struct weft_host *host)
{
	seen.removes++;
	seen.host = *host;
	return seen.host_error;
}

static int op_abort(struct weft_request *launch)
{
	seen.aborts++;
	assert_ptr_equal(launch, seen.launch);
	return seen.answer;
}

static const struct weft_serve_ops ops = {
	.open = op_open,
	.close = op_close,
	.load = op_load,
	.unload = op_unload,
	.launch = op_launch,
	.copy = op_copy,
	.alloc = op_alloc,
	.free = op_free,
	.add_host = op_add_host,
	.remove_host = op_remove_host,
	.abort = op_abort,
};

static const struct weft_serve_config plain = {
	.slots = FAKE_SLOTS,
	.host_size = FAKE_WINDOW,
};

static struct weft_seat *attach(const struct weft_serve_config *config)
{
	struct weft_seat *seat;

	fake_reset();
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(weft_seat_attach(&seat, config, &ops, "3:1:deadbeef00112233"), 0);
	return seat;
}

static void detach(struct weft_seat *seat)
{
	weft_seat_detach(seat);
	assert_int_equal(fake.opened, fake.closed);
	assert_int_equal(fake.mapped, fake.unmapped);
	assert_int_equal(seen.loads - (seen.load_error ? 1 : 0), seen.unloads);
}

/* Handles @requests and hands in what came of them. */
static void turn(struct weft_seat *seat, int requests)
{
	fake.taken_count = 0;
	assert_int_equal(weft_seat_dispatch(seat, 0), requests);
	assert_int_equal(weft_seat_flush(seat), 0);
}

static void assert_taken(unsigned int i, uint32_t slot, uint32_t generation, uint32_t error)
{
	assert_true(i < fake.taken_count);
	assert_int_equal(fake.taken[i].slot, slot);
	assert_int_equal(fake.taken[i].generation, generation);
	assert_int_equal(fake.taken[i].error, error);
}

static uint64_t load(struct weft_seat *seat, uint8_t digest)
{
	struct weft_serve_request *r = fake_request(15, WEFT_SERVE_OP_LOAD);

	r->image.size = sizeof(fake.image);
	r->image.kernel_count = 2;
	r->image.digest[0] = digest;
	turn(seat, 1);
	assert_taken(0, 15, fake.generation, 0);
	return fake.taken[0].value;
}

static void test_attach(void **state)
{
	struct weft_seat *seat = attach(&plain);

	assert_int_equal(fake.attach.version, WEFT_SERVE_VERSION);
	assert_int_equal(fake.attach.device, 3);
	assert_int_equal(fake.attach.seat, 1);
	assert_true(fake.attach.token == 0xdeadbeef00112233);
	assert_true(fake.attach.arena == ARENA);
	assert_int_equal(fake.attach.host_size, FAKE_WINDOW);
	assert_string_equal(weft_seat_tenant(seat), "alice");
	assert_int_equal(weft_seat_fd(seat), FAKE_FD);
	assert_int_equal(weft_seat_config(seat)->slots, FAKE_SLOTS);
	detach(seat);
}

static void test_attach_fails(void **state)
{
	static const char *const wrong[] = {
		"", "3", "3:1", "3:1:", "x:1:2", "3:1:2 ", "3:1:2:3",
	};
	struct weft_seat *seat;
	unsigned int i;

	fake_reset();
	memset(&seen, 0, sizeof(seen));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(weft_seat_attach(&seat, &plain, &ops, wrong[i]), -EINVAL);
	assert_int_equal(fake.opened, 0);
	fake.fail_open = ENOENT;
	assert_int_equal(weft_seat_attach(&seat, &plain, &ops, "3:1:2"), -ENOENT);
	assert_non_null(strstr(weft_serve_error(), "modprobe weft_serve"));
	fake.fail_open = EACCES;
	assert_int_equal(weft_seat_attach(&seat, &plain, &ops, "3:1:2"), -EACCES);
	fake.fail_open = 0;
	fake.fail_version = EPROTO;
	assert_int_equal(weft_seat_attach(&seat, &plain, &ops, "3:1:2"), -EPROTO);
	assert_non_null(strstr(weft_serve_error(), "version 2"));
	fake.fail_version = 0;
	seen.open_error = -ENOMEM;
	assert_int_equal(weft_seat_attach(&seat, &plain, &ops, "3:1:2"), -ENOMEM);
	seen.open_error = 0;
	fake.fail_attach = EBUSY;
	assert_int_equal(weft_seat_attach(&seat, &plain, &ops, "3:1:2"), -EBUSY);
	assert_null(seat);
	assert_int_equal(fake.opened, fake.closed);
}

static void test_config_is_checked(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_serve_ops some = ops;
	struct weft_seat *seat;

	fake_reset();
	some.alloc = NULL;
	config.offer.memory = WEFT_SERVE_MEMORY_HANDLES;
	assert_int_equal(weft_seat_attach(&seat, &config, &some, "3:1:2"), -EINVAL);
	config.offer.memory = WEFT_SERVE_MEMORY_ARENA;
	config.offer.features = WEFT_SERVE_F_REGISTER;
	some.remove_host = NULL;
	assert_int_equal(weft_seat_attach(&seat, &config, &some, "3:1:2"), -EINVAL);
	config.offer.features = WEFT_SERVE_F_ABORT;
	some.abort = NULL;
	assert_int_equal(weft_seat_attach(&seat, &config, &some, "3:1:2"), -EINVAL);
	config.offer.features = WEFT_SERVE_F_TELEMETRY;
	some.telemetry = NULL;
	assert_int_equal(weft_seat_attach(&seat, &config, &some, "3:1:2"), -EINVAL);
	config.offer.features = WEFT_SERVE_F_INTERRUPT;
	assert_int_equal(weft_seat_attach(&seat, &config, &some, "3:1:2"), -EOPNOTSUPP);
	config.offer.features = 0;
	some.launch = NULL;
	assert_int_equal(weft_seat_attach(&seat, &config, &some, "3:1:2"), -EINVAL);
	assert_int_equal(fake.opened, 0);
}

static void test_launch(void **state)
{
	struct weft_seat *seat = attach(&plain);
	struct weft_serve_request *r;
	uint64_t image = load(seat, 1);

	r = fake_request(2, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	r->launch.kernel = 1;
	turn(seat, 1);
	assert_int_equal(seen.launch->image, 0xabc1);
	assert_int_equal(seen.launch->abi.launch.kernel, 1);
	assert_ptr_equal(seen.launch->args, fake.memory.payloads[2]);
	assert_ptr_equal(seen.launch->relocs, fake.memory.payloads[2] + WEFT_SERVE_RELOCS);
	assert_int_equal(fake.taken_count, 1);
	assert_taken(0, 2, fake.generation, 0);
	assert_int_equal(fake.taken[0].code, 77);
	assert_int_equal(fake.taken[0].start_ns, 10);
	assert_int_equal(fake.taken[0].end_ns, 30);
	assert_int_equal(fake.taken[0].flags, WEFT_SERVE_DONE_FOREIGN);

	seen.answer = -EIO;
	r = fake_request(3, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	turn(seat, 1);
	assert_taken(0, 3, fake.generation, EIO);
	detach(seat);
}

static void test_batch_is_one_call(void **state)
{
	struct weft_seat *seat = attach(&plain);
	unsigned int i, round, enters;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < FAKE_SLOTS; i++)
			fake_request(i, WEFT_SERVE_OP_FILL);
		enters = fake.enters;
		fake.taken_count = 0;
		assert_int_equal(weft_seat_dispatch(seat, WEFT_SERVE_FOREVER), FAKE_SLOTS);
		/* the call that hands these in is the one that waits for the next */
		assert_int_equal(fake.taken_count, 0);
		fake_request(0, WEFT_SERVE_OP_FILL);
		assert_int_equal(weft_seat_dispatch(seat, WEFT_SERVE_FOREVER), 1);
		assert_int_equal(fake.enters - enters, 2);
		assert_int_equal(fake.taken_count, FAKE_SLOTS);
		assert_int_equal(weft_seat_flush(seat), 0);
	}
	assert_int_equal(fake.sleeps, 0);
	detach(seat);
}

static void test_batch_is_limited(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_seat *seat;
	unsigned int i;

	config.batch = 4;
	seat = attach(&config);
	for (i = 0; i < 10; i++)
		fake_request(i, WEFT_SERVE_OP_FILL);
	assert_int_equal(weft_seat_dispatch(seat, 0), 10);
	assert_int_equal(fake.enters, 2);
	assert_int_equal(fake.taken_count, 8);
	detach(seat);
}

static void test_nothing_comes(void **state)
{
	struct weft_seat *seat = attach(&plain);

	assert_int_equal(weft_seat_dispatch(seat, 0), 0);
	assert_int_equal(fake.enters, 0);
	assert_int_equal(weft_seat_dispatch(seat, 500), 0);
	assert_int_equal(fake.sleeps, 1);
	fake.fail_enter = EINTR;
	assert_int_equal(weft_seat_dispatch(seat, WEFT_SERVE_FOREVER), 0);
	fake.fail_enter = EPIPE;
	assert_int_equal(weft_seat_dispatch(seat, WEFT_SERVE_FOREVER), -EPIPE);
	assert_int_equal(weft_seat_flush(seat), -EPIPE);
	detach(seat);
}

static void test_spinning(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_seat *seat;

	config.spin_ns = 1000;
	seat = attach(&config);
	fake_request(1, WEFT_SERVE_OP_FILL);
	assert_int_equal(weft_seat_dispatch(seat, WEFT_SERVE_FOREVER), 1);
	/* what comes while it looks needs no sleep, and no call but the one that hands in */
	fake.enters = 0;
	fake.late_after = 5;
	assert_int_equal(weft_seat_dispatch(seat, WEFT_SERVE_FOREVER), 1);
	assert_int_equal(fake.enters, 1);
	assert_int_equal(fake.taken_count, 1);
	assert_int_equal(fake.sleeps, 0);
	assert_int_equal(weft_seat_flush(seat), 0);
	fake.memory.ring.flags = WEFT_SERVE_RING_DEAD;
	assert_int_equal(weft_seat_dispatch(seat, WEFT_SERVE_FOREVER), -EPIPE);
	detach(seat);
}

static void *end_thread(void *data)
{
	weft_request_done(data, -ENOSPC);
	return NULL;
}

static void test_later(void **state)
{
	struct weft_seat *seat = attach(&plain);
	struct weft_serve_request *r;
	uint64_t image = load(seat, 1);
	struct weft_request *first;
	uint32_t generation;
	pthread_t thread;
	unsigned int i;

	seen.answer = WEFT_SERVE_LATER;
	r = fake_request(4, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	generation = r->generation;
	turn(seat, 1);
	assert_int_equal(fake.taken_count, 0);
	first = seen.launch;
	/* its place in the ring is used again many times meanwhile */
	seen.answer = 0;
	for (i = 0; i < 3 * FAKE_SLOTS; i++) {
		fake_request(5, WEFT_SERVE_OP_FILL);
		turn(seat, 1);
	}
	fake.taken_count = 0;
	/* another thread hands in by itself */
	pthread_create(&thread, NULL, end_thread, first);
	pthread_join(thread, NULL);
	assert_int_equal(fake.taken_count, 1);
	assert_taken(0, 4, generation, ENOSPC);
	detach(seat);
}

static void test_end_waits_for_flush(void **state)
{
	struct weft_seat *seat = attach(&plain);
	struct weft_serve_request *r;
	uint64_t image = load(seat, 1);
	unsigned int enters;

	seen.answer = WEFT_SERVE_LATER;
	r = fake_request(4, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	turn(seat, 1);
	enters = fake.enters;
	weft_request_end(seen.launch, 0);
	assert_int_equal(fake.enters, enters);
	assert_int_equal(weft_seat_flush(seat), 0);
	assert_taken(0, 4, fake.generation, 0);
	detach(seat);
}

static void test_copies(void **state)
{
	struct weft_seat *seat = attach(&plain);
	struct weft_serve_request *r;

	r = fake_request(0, WEFT_SERVE_OP_COPY_IN);
	r->copy.device = ARENA + 64;
	r->copy.host = 8192;
	r->copy.length = 100;
	turn(seat, 1);
	assert_ptr_equal(seen.copy.bytes, fake.window + 8192);
	assert_null(seen.copy.host);
	assert_true(seen.copy.abi.copy.device == ARENA + 64);
	fake_request(0, WEFT_SERVE_OP_FILL);
	turn(seat, 1);
	assert_null(seen.copy.bytes);
	assert_int_equal(seen.copies, 2);
	detach(seat);
}

static void range(struct weft_seat *seat, uint16_t op, uint64_t offset, uint64_t size)
{
	struct weft_serve_request *r = fake_request(1, op);

	r->memory.address = offset;
	r->memory.size = size;
	turn(seat, 1);
}

static int copy_of(struct weft_seat *seat, uint64_t host, uint64_t length)
{
	struct weft_serve_request *r = fake_request(2, WEFT_SERVE_OP_COPY_OUT);

	r->copy.host = host;
	r->copy.length = length;
	turn(seat, 1);
	return (int)fake.taken[0].error;
}

static void test_registered_ranges(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_seat *seat;
	unsigned int i;

	config.offer.features = WEFT_SERVE_F_REGISTER;
	seat = attach(&config);
	assert_int_equal(copy_of(seat, 0, 1), EPROTO);
	/* more than the first array holds, in an order that is not theirs; a gap behind each */
	for (i = 0; i < 40; i++) {
		range(seat, WEFT_SERVE_OP_REGISTER, (i * 7 % 40) * 16384, 8192);
		assert_taken(0, 1, fake.generation, 0);
		assert_ptr_equal(seen.host.bytes, fake.window + (i * 7 % 40) * 16384);
	}
	for (i = 0; i < 40; i++) {
		assert_int_equal(copy_of(seat, i * 16384 + 4096, 4096), 0);
		assert_ptr_equal(seen.copy.bytes, fake.window + i * 16384 + 4096);
		assert_ptr_equal(seen.host.bytes, fake.window + i * 16384);
		assert_int_equal(seen.host.size, 8192);
		assert_int_equal(copy_of(seat, i * 16384 + 4096, 4097), EPROTO);
		assert_int_equal(copy_of(seat, i * 16384 + 8193, 1), EPROTO);
	}
	for (i = 0; i < 40; i += 2) {
		range(seat, WEFT_SERVE_OP_REVOKE, i * 16384, 8192);
		assert_taken(0, 1, fake.generation, 0);
		assert_ptr_equal(seen.host.bytes, fake.window + i * 16384);
	}
	for (i = 0; i < 40; i++)
		assert_int_equal(copy_of(seat, i * 16384, 1), i % 2 ? 0 : EPROTO);
	/* nothing registered there: nothing to let go of */
	range(seat, WEFT_SERVE_OP_REVOKE, 0, 8192);
	assert_taken(0, 1, fake.generation, 0);
	assert_int_equal(seen.removes, 20);

	seen.host_error = -ENOMEM;
	range(seat, WEFT_SERVE_OP_REGISTER, 0, 8192);
	assert_taken(0, 1, fake.generation, ENOMEM);
	assert_int_equal(copy_of(seat, 0, 1), EPROTO);
	detach(seat);
}

static void test_pin_that_stays_ends_the_seat(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_serve_request *r;
	struct weft_seat *seat;

	config.offer.features = WEFT_SERVE_F_REGISTER;
	seat = attach(&config);
	range(seat, WEFT_SERVE_OP_REGISTER, 0, 8192);
	seen.host_error = -EBUSY;
	fake_request(3, WEFT_SERVE_OP_FILL);
	r = fake_request(1, WEFT_SERVE_OP_REVOKE);
	r->memory.size = 8192;
	fake.taken_count = 0;
	if (!setjmp(fake.leave)) {
		weft_seat_dispatch(seat, 0);
		fail();
	}
	assert_int_equal(fake.left, EBUSY);
	/* what was done before was handed in, the revocation was not acknowledged */
	assert_int_equal(fake.taken_count, 1);
	assert_int_equal(fake.taken[0].slot, 3);
	detach(seat);
}

static void test_images(void **state)
{
	struct weft_seat *seat = attach(&plain);
	struct weft_serve_request *r;
	uint64_t one, again, two;

	memset(fake.image, 0x5a, sizeof(fake.image));
	one = load(seat, 1);
	again = load(seat, 1);
	two = load(seat, 2);
	assert_int_equal(fake.fetches, 2);
	assert_int_equal(seen.loads, 2);
	assert_true(one == again && one != two);

	/* it stays as long as anybody uses it, and for a while longer */
	r = fake_request(0, WEFT_SERVE_OP_UNLOAD);
	r->image.image = one;
	turn(seat, 1);
	r = fake_request(0, WEFT_SERVE_OP_UNLOAD);
	r->image.image = one;
	turn(seat, 1);
	assert_int_equal(seen.unloads, 0);
	assert_true(load(seat, 1) == one);
	assert_int_equal(seen.loads, 2);
	detach(seat);
}

static void test_images_are_not_kept_for_ever(void **state)
{
	struct weft_seat *seat = attach(&plain);
	struct weft_serve_request *r;
	unsigned int i;
	uint64_t value;

	for (i = 0; i < 40; i++) {
		value = load(seat, (uint8_t)i);
		r = fake_request(0, WEFT_SERVE_OP_UNLOAD);
		r->image.image = value;
		turn(seat, 1);
	}
	assert_int_equal(seen.unloads, 24);
	/* the oldest went first: of 40, number 24 went last */
	assert_int_equal(seen.value, 0xabc0 + 24);
	detach(seat);
}

static void test_image_that_does_not_build(void **state)
{
	struct weft_seat *seat = attach(&plain);
	struct weft_serve_request *r;

	seen.load_error = -ENOEXEC;
	memset(fake.memory.payloads[6], 'x', WEFT_SERVE_PAYLOAD);
	r = fake_request(6, WEFT_SERVE_OP_LOAD);
	r->image.size = 64;
	turn(seat, 1);
	assert_taken(0, 6, fake.generation, ENOEXEC);
	assert_int_equal(fake.taken[0].text_size, strlen("line 1: no"));
	assert_memory_equal(fake.memory.payloads[6], "line 1: no", 10);
	fake.fail_fetch = EPIPE;
	r = fake_request(6, WEFT_SERVE_OP_LOAD);
	r->image.size = 64;
	turn(seat, 1);
	assert_taken(0, 6, fake.generation, EPIPE);
	assert_int_equal(seen.loads, 1);
	assert_int_equal(fake.taken[0].text_size, 0);
	detach(seat);
}

static void test_handles(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_serve_request *r;
	struct weft_seat *seat;

	config.offer.memory = WEFT_SERVE_MEMORY_HANDLES;
	seat = attach(&config);
	r = fake_request(0, WEFT_SERVE_OP_ALLOC);
	r->memory.size = 4096;
	turn(seat, 1);
	assert_taken(0, 0, fake.generation, 0);
	assert_int_equal(fake.taken[0].value, 4096 << 8);
	r = fake_request(0, WEFT_SERVE_OP_FREE);
	r->memory.address = 4096 << 8;
	turn(seat, 1);
	assert_int_equal(seen.value, 4096 << 8);
	seen.answer = -ENOMEM;
	fake_request(0, WEFT_SERVE_OP_ALLOC);
	turn(seat, 1);
	assert_taken(0, 0, fake.generation, ENOMEM);
	detach(seat);
}

static void test_abort(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_serve_request *r;
	struct weft_seat *seat;
	uint32_t launch;
	uint64_t image;

	config.offer.features = WEFT_SERVE_F_ABORT;
	seat = attach(&config);
	image = load(seat, 1);
	seen.answer = WEFT_SERVE_LATER;
	r = fake_request(7, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	launch = r->generation;
	turn(seat, 1);

	/* of another launch, that has ended: nothing is stopped */
	r = fake_request(8, WEFT_SERVE_OP_ABORT);
	r->target.slot = 7;
	r->target.generation = launch - 1;
	turn(seat, 1);
	assert_taken(0, 8, fake.generation, 0);
	assert_int_equal(seen.aborts, 0);

	/* the runtime cannot: the launch goes on */
	seen.answer = -EOPNOTSUPP;
	r = fake_request(8, WEFT_SERVE_OP_ABORT);
	r->target.slot = 7;
	r->target.generation = launch;
	turn(seat, 1);
	assert_int_equal(fake.taken_count, 1);
	assert_taken(0, 8, fake.generation, EOPNOTSUPP);

	seen.answer = 0;
	r = fake_request(9, WEFT_SERVE_OP_ABORT);
	r->target.slot = 7;
	r->target.generation = launch;
	turn(seat, 1);
	assert_int_equal(seen.aborts, 2);
	assert_int_equal(fake.taken_count, 0);
	weft_request_done(seen.launch, -ECANCELED);
	assert_int_equal(fake.taken_count, 2);
	assert_taken(0, 7, launch, ECANCELED);
	assert_taken(1, 9, fake.generation, 0);
	detach(seat);
}

/* What a launch waits for is looked up when it is taken, whatever its number is used for later. */
static void test_events(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_serve_request *r;
	struct weft_request *first;
	struct weft_seat *seat;
	uint64_t image;

	config.offer.features = WEFT_SERVE_F_EVENTS;
	seat = attach(&config);
	image = load(seat, 1);
	seen.answer = WEFT_SERVE_LATER;
	r = fake_request(3, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	r->signal = 4;
	turn(seat, 1);
	first = seen.launch;
	assert_int_equal(first->after_count, 0);

	/* slot 2 was never used: what waited for it came too late to wait */
	r = fake_request(5, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	r->signal = 6;
	r->wait_count = 2;
	r->waits[0] = 3;
	r->waits[1] = 4;
	turn(seat, 1);
	assert_int_equal(seen.launch->after_count, 1);
	assert_ptr_equal(seen.launch->after[0], first);
	weft_request_done(seen.launch, 0);

	/* it fails; who comes after it is not launched any more, and is no success */
	weft_request_done(first, -EIO);
	fake.taken_count = 0;
	seen.launches = 0;
	r = fake_request(6, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	r->signal = 7;
	r->wait_count = 1;
	r->waits[0] = 4;
	turn(seat, 1);
	assert_int_equal(seen.launches, 0);
	assert_taken(0, 6, fake.generation, ECANCELED);
	/* ... nor who comes after that */
	r = fake_request(7, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	r->signal = 8;
	r->wait_count = 1;
	r->waits[0] = 7;
	turn(seat, 1);
	assert_int_equal(seen.launches, 0);
	assert_taken(0, 7, fake.generation, ECANCELED);

	/* the number's next use is another request */
	seen.answer = 0;
	r = fake_request(3, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	r->signal = 4;
	r = fake_request(6, WEFT_SERVE_OP_LAUNCH);
	r->launch.image = image;
	r->signal = 7;
	r->wait_count = 1;
	r->waits[0] = 4;
	turn(seat, 2);
	assert_int_equal(seen.launches, 2);
	assert_int_equal(seen.launch->after_count, 0);
	detach(seat);
}

static void test_unknown_operation(void **state)
{
	struct weft_seat *seat = attach(&plain);

	fake_request(1, WEFT_SERVE_OP_INTERRUPT);
	fake_request(2, 999);
	turn(seat, 2);
	assert_taken(0, 1, fake.generation - 1, EOPNOTSUPP);
	assert_taken(1, 2, fake.generation, EOPNOTSUPP);
	detach(seat);
}

static void test_retire(void **state)
{
	struct weft_seat *seat = attach(&plain);

	load(seat, 1);
	fake_request(1, WEFT_SERVE_OP_RETIRE);
	fake.taken_count = 0;
	assert_int_equal(weft_seat_dispatch(seat, 0), -ESHUTDOWN);
	/* the context was gone before the kernel heard of it */
	assert_int_equal(seen.closes, 1);
	assert_int_equal(seen.unloads, 1);
	assert_int_equal(seen.completions_at_close, 0);
	assert_int_equal(fake.taken_count, 1);
	assert_taken(0, 1, fake.generation, 0);
	detach(seat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_attach_fails),
		cmocka_unit_test(test_config_is_checked),
		cmocka_unit_test(test_launch),
		cmocka_unit_test(test_batch_is_one_call),
		cmocka_unit_test(test_batch_is_limited),
		cmocka_unit_test(test_nothing_comes),
		cmocka_unit_test(test_spinning),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_end_waits_for_flush),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_registered_ranges),
		cmocka_unit_test(test_pin_that_stays_ends_the_seat),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_images_are_not_kept_for_ever),
		cmocka_unit_test(test_image_that_does_not_build),
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_unknown_operation),
		cmocka_unit_test(test_retire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
