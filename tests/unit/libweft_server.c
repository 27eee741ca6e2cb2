// SPDX-License-Identifier: GPL-2.0-only
/*
 * Servers of libweft-serve, which start seats, against a kernel that the test plays.
 *
 * DOC: libweft_server
 */
/* sources: tools/libweft-serve/error.c tools/libweft-serve/image.c tools/libweft-serve/range.c */
/* sources: tools/libweft-serve/nodes.c tools/libweft-serve/seat.c */
/* sources: tools/libweft-serve/server.c */
/* cflags: -D_GNU_SOURCE -pthread */
/* pkg-config: libdrm */
#include "libweft_serve_fake.h"

/* What the server program's functions saw, and what they are to answer */
static struct {
	int answer, spawn_error;
	unsigned int losts;
	char spec[64];
} seen;

static int op_open(struct weft_seat *seat, uint64_t *arena)
{
	*arena = 0x700000000000ull;
	return 0;
}

static void op_close(struct weft_seat *seat)
{
}

static int op_load(struct weft_seat *seat, struct weft_load *load, uint64_t *image)
{
	fail_msg("a server loaded an image");
	return -1;
}

static int op_request(struct weft_request *request)
{
	fail_msg("a server worked for somebody");
	return -1;
}

static int op_spawn(struct weft_server *server, const struct weft_serve_event *event,
		    const char *spec)
{
	snprintf(seen.spec, sizeof(seen.spec), "%s", spec);
	return seen.spawn_error;
}

static void op_lost(struct weft_server *server, const struct weft_serve_event *event)
{
	seen.losts++;
	assert_int_equal(event->error, ETIME);
}

static int op_telemetry(struct weft_server *server, struct weft_serve_telemetry *telemetry)
{
	telemetry->valid = WEFT_SERVE_TELEMETRY_TEMP;
	telemetry->temp_mc = 40000;
	return seen.answer;
}

static const struct weft_serve_ops ops = {
	.open = op_open,
	.close = op_close,
	.load = op_load,
	.launch = op_request,
	.copy = op_request,
	.lost = op_lost,
	.telemetry = op_telemetry,
};

static const struct weft_serve_config plain = {
	.slots = FAKE_SLOTS,
	.host_size = FAKE_WINDOW,
};

static char *arguments[] = { "server", NULL };

static struct weft_server *offer(const struct weft_serve_config *config)
{
	struct weft_server *server;

	fake_reset();
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(weft_server_offer(&server, config, &ops, arguments), 0);
	return server;
}

static void event(uint32_t type, uint32_t seat, uint64_t token, uint32_t error)
{
	fake.events[fake.event_count++] = (struct weft_serve_event){
		.type = type, .seat = seat, .token = token, .error = error,
	};
}

static void test_offer(void **state)
{
	struct weft_server *server;

	server = offer(&plain);
	assert_int_equal(fake.offer.version, WEFT_SERVE_VERSION);
	assert_string_equal(weft_server_name(server), "npu0");
	assert_int_equal(weft_server_config(server)->offer.device, 3);
	assert_int_equal(weft_server_fd(server), FAKE_FD);
	assert_int_equal(weft_server_dispatch(server, WEFT_SERVE_FOREVER), 0);
	assert_int_equal(fake.poll_timeout, -1);
	assert_int_equal(weft_server_dispatch(server, 1), 0);
	assert_int_equal(fake.poll_timeout, 1);
	fake.interrupt_withdraw = 2;
	assert_int_equal(weft_server_withdraw(server), 0);
	assert_int_equal(fake.withdrawals, 3);
	weft_server_close(server);
	assert_int_equal(fake.opened, fake.closed);

	fake.fail_offer = EINVAL;
	assert_int_equal(weft_server_offer(&server, &plain, &ops, arguments), -EINVAL);
	assert_non_null(strstr(weft_serve_error(), "log says which"));
	assert_int_equal(weft_server_offer(&server, &plain, &ops, NULL), -EINVAL);
	assert_null(server);
	assert_int_equal(fake.opened, fake.closed);
}

/* A seat is started, ends by @status before it attached, and is refused. */
static void assert_refused(struct weft_server *server, int status, uint32_t error)
{
	unsigned int refusals = fake.refusals;

	event(WEFT_SERVE_EVENT_SPAWN, 2, 0xfeed, 0);
	assert_int_equal(weft_server_dispatch(server, 0), 1);
	assert_int_equal(weft_server_dispatch(server, 0), 0);
	assert_int_equal(fake.poll_count, 3);
	assert_int_equal(fake.refusals, refusals);
	fake.ended = (pid_t)(99 + fake.spawns);
	fake.status = status;
	assert_int_equal(weft_server_dispatch(server, 0), 0);
	assert_int_equal(fake.refusals, refusals + 1);
	assert_int_equal(fake.refused.token, 0xfeed);
	assert_int_equal(fake.refused.error, error);
	assert_int_equal(weft_server_dispatch(server, 0), 0);
	assert_int_equal(fake.poll_count, 2);
}

static void test_nodes(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_serve_offer full = {};
	struct weft_server *server;
	char path[32];
	int i;

	assert_int_equal(weft_serve_add_node(&config.offer, "/etc/passwd"), -EINVAL);
	assert_non_null(strstr(weft_serve_error(), "/etc/passwd"));
	assert_int_equal(weft_serve_add_node(&config.offer, "/dev/vendor7"), 0);
	assert_int_equal(weft_serve_add_node(&config.offer, "/dev/vendor7"), 0);
	setenv("WEFT_SERVE_NODES", "/dev/vendor255:/dev/vendor7", 1);
	server = offer(&config);
	assert_int_equal(fake.offer.nodes[0].major, 240);
	assert_int_equal(fake.offer.nodes[0].minor, 7);
	assert_int_equal(fake.offer.nodes[1].minor, 255);
	assert_int_equal(fake.offer.nodes[2].major, 0);
	weft_server_close(server);
	setenv("WEFT_SERVE_NODES", "/dev/vendor1:/dev/none", 1);
	assert_int_equal(weft_server_offer(&server, &config, &ops, arguments), -EINVAL);
	unsetenv("WEFT_SERVE_NODES");
	for (i = 0; i < WEFT_SERVE_MAX_NODES; i++) {
		snprintf(path, sizeof(path), "/dev/vendor%d", i);
		assert_int_equal(weft_serve_add_node(&full, path), 0);
	}
	assert_int_equal(weft_serve_add_node(&full, "/dev/vendor3"), 0);
	assert_int_equal(weft_serve_add_node(&full, "/dev/vendor99"), -ENOSPC);
}

static void test_seats_are_started(void **state)
{
	struct weft_server *server = offer(&plain);

	event(WEFT_SERVE_EVENT_SPAWN, 1, 0xdeadbeefcafe, 0);
	event(WEFT_SERVE_EVENT_RETIRED, 1, 0xdeadbeefcafe, 0);
	assert_int_equal(weft_server_dispatch(server, WEFT_SERVE_FOREVER), 2);
	assert_int_equal(fake.spawns, 1);
	assert_string_equal(fake.spawned, "server WEFT_SERVE_SEAT=3:1:deadbeefcafe");
	assert_int_equal(weft_server_is_seat(server, 100), 1);
	assert_int_equal(weft_server_is_seat(server, 101), 0);
	weft_server_close(server);
	/* the node, and the file that says when the seat has ended */
	assert_int_equal(fake.closed, 2);
}

static void test_seats_that_end_are_refused(void **state)
{
	struct weft_server *server = offer(&plain);

	assert_refused(server, ENOMEM << 8, ENOMEM);
	assert_refused(server, 0, ECONNREFUSED);
	assert_refused(server, 9, EPIPE);
	fake.spawn_error = EAGAIN;
	event(WEFT_SERVE_EVENT_SPAWN, 2, 0xf00d, 0);
	assert_int_equal(weft_server_dispatch(server, 0), 1);
	assert_int_equal(fake.refused.token, 0xf00d);
	assert_int_equal(fake.refused.error, EAGAIN);
	weft_server_close(server);
}

static void test_spawn_of_the_program(void **state)
{
	struct weft_serve_ops mine = ops;
	struct weft_server *server;

	fake_reset();
	memset(&seen, 0, sizeof(seen));
	mine.spawn = op_spawn;
	assert_int_equal(weft_server_offer(&server, &plain, &mine, NULL), 0);
	event(WEFT_SERVE_EVENT_SPAWN, 1, 0xbee, 0);
	assert_int_equal(weft_server_dispatch(server, 0), 1);
	assert_string_equal(seen.spec, "3:1:bee");
	assert_int_equal(fake.refusals, 0);
	seen.spawn_error = -EUSERS;
	event(WEFT_SERVE_EVENT_SPAWN, 1, 0xbee, 0);
	event(WEFT_SERVE_EVENT_LOST, 1, 0xbee, ETIME);
	assert_int_equal(weft_server_dispatch(server, 0), 2);
	assert_int_equal(fake.refused.error, EUSERS);
	assert_int_equal(seen.losts, 1);
	assert_int_equal(fake.spawns, 0);
	weft_server_close(server);
}

static void test_spawn_of_another_program(void **state)
{
	struct weft_server *server = offer(&plain);

	setenv("WEFT_SERVE_SPAWN", "/lib/start-seat", 1);
	event(WEFT_SERVE_EVENT_SPAWN, 1, 0xbee, 0);
	assert_int_equal(weft_server_dispatch(server, 0), 1);
	assert_string_equal(fake.spawned,
			    "/lib/start-seat: /lib/start-seat WEFT_SERVE_SEAT=3:1:bee");
	unsetenv("WEFT_SERVE_SPAWN");
	weft_server_close(server);
}

/* A seat that is a unit says when it has attached, and not if it has not. */
static void test_ready(void **state)
{
	fake_reset();
	setenv("WEFT_SERVE_SEAT", "3:1:bee", 1);
	setenv("NOTIFY_SOCKET", "@manager", 1);
	fake.fail_attach = ENOENT;
	assert_int_equal(weft_serve_run(&plain, &ops, arguments), ENOENT);
	assert_string_equal(fake.notified, "");
	fake.fail_attach = 0;
	fake.fail_enter = EPIPE;
	setenv("WEFT_SERVE_SEAT", "3:1:bee", 1);
	assert_int_equal(weft_serve_run(&plain, &ops, arguments), EPIPE);
	assert_string_equal(fake.notified, "@manager READY=1");
	unsetenv("NOTIFY_SOCKET");
}

static void test_telemetry(void **state)
{
	struct weft_serve_config config = plain;
	struct weft_server *server;

	config.offer.features = WEFT_SERVE_F_TELEMETRY;
	config.telemetry_ns = 5000000;
	server = offer(&config);
	assert_int_equal(weft_server_dispatch(server, WEFT_SERVE_FOREVER), 0);
	assert_int_equal(fake.reports, 1);
	assert_int_equal(fake.telemetry.temp_mc, 40000);
	assert_int_equal(fake.poll_timeout, 5);
	assert_int_equal(weft_server_dispatch(server, 2000000), 0);
	assert_int_equal(fake.reports, 1);
	assert_int_equal(fake.poll_timeout, 2);
	fake.now += 5000000;
	assert_int_equal(weft_server_dispatch(server, 0), 0);
	assert_int_equal(fake.reports, 2);
	seen.answer = -EIO;
	fake.now += 5000000;
	assert_int_equal(weft_server_dispatch(server, 0), 0);
	assert_int_equal(fake.reports, 2);
	weft_server_close(server);

	server = offer(&plain);
	assert_int_equal(weft_server_dispatch(server, 0), 0);
	assert_int_equal(fake.reports, 0);
	weft_server_close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_seats_are_started),
		cmocka_unit_test(test_seats_that_end_are_refused),
		cmocka_unit_test(test_spawn_of_the_program),
		cmocka_unit_test(test_spawn_of_another_program),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_telemetry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
