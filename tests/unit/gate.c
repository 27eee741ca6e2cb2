// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shim of weft gate, on a libweft and a runtime that do as the test says.
 *
 * DOC: tests of gate turns
 *
 * The shim has one state for the process, so each test is a child. What it does is a string, one
 * letter for each call, and tests wait for a string: o open, a ask for a lease, l leave it, r read
 * its record, 1 and 2 finish that queue.
 */
/* sources: tools/gate/gate.c */
/* cflags: -D_GNU_SOURCE -pthread -iquote $(TOP)/tools/gate -I$(TOP)/tools/libweft */
/* pkg-config: libdrm */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <weft.h>
#include "gate.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	char did[64];
	int open_error;
	int ask_error;
	uint64_t id;
	uint32_t state;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };

static void did_locked(char what)
{
	size_t n = strlen(fake.did);

	if (n + 1 < sizeof(fake.did))
		fake.did[n] = what;
	pthread_cond_broadcast(&fake.change);
}

static void did(char what)
{
	pthread_mutex_lock(&fake.lock);
	did_locked(what);
	pthread_mutex_unlock(&fake.lock);
}

static void wait_for(const char *what)
{
	pthread_mutex_lock(&fake.lock);
	while (strcmp(fake.did, what))
		pthread_cond_wait(&fake.change, &fake.lock);
	pthread_mutex_unlock(&fake.lock);
}

/* what becomes of the lease that was asked for last */
static void becomes(uint32_t state)
{
	pthread_mutex_lock(&fake.lock);
	fake.state = state;
	pthread_cond_broadcast(&fake.change);
	pthread_mutex_unlock(&fake.lock);
}

/* ----------------------------------------------------------------- libweft */

int weft_open(struct weft **pool, const char *node)
{
	did('o');
	*pool = (struct weft *)&fake;
	return fake.open_error;
}

int weft_fd(const struct weft *pool)
{
	return -1;
}

const char *weft_error(void)
{
	return "the test says so";
}

int weft_client_name(struct weft *pool, const char *name)
{
	return 0;
}

int weft_queue_create(struct weft *pool, const struct weft_queue_desc *desc,
		      struct weft_queue **queue)
{
	if (desc->flags != DRM_WEFT_QUEUE_LEASE)
		_exit(20);
	*queue = (struct weft_queue *)&fake;
	return 0;
}

int weft_device_list(struct weft *pool, struct drm_weft_device_info **list, uint32_t *count)
{
	*list = calloc(1, sizeof(**list));
	memcpy((*list)->name, "lend", sizeof("lend"));
	(*list)->id = 5;
	*count = 1;
	return 0;
}

int weft_lease_ask(struct weft_queue *queue, uint64_t device_mask, uint64_t quantum_ns,
		   uint64_t *job_id)
{
	if (device_mask != 1u << 5 || quantum_ns != 3000000)
		_exit(21);
	pthread_mutex_lock(&fake.lock);
	did_locked('a');
	*job_id = ++fake.id;
	fake.state = DRM_WEFT_LEASE_WAITING;
	pthread_mutex_unlock(&fake.lock);
	return fake.ask_error;
}

int weft_lease_wait(struct weft *pool, uint64_t job_id, uint32_t known, int64_t timeout_ns,
		    struct drm_weft_lease_wait *lease)
{
	pthread_mutex_lock(&fake.lock);
	while (fake.state == known)
		pthread_cond_wait(&fake.change, &fake.lock);
	lease->state = fake.state;
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

int weft_lease_leave(struct weft *pool, uint64_t job_id, uint64_t launches, uint64_t device_ns)
{
	did('l');
	return 0;
}

int weft_wait(struct weft *pool, uint64_t first_id, uint32_t count, int64_t timeout_ns,
	      struct drm_weft_job_record *records)
{
	did('r');
	return 0;
}

/* -------------------------------------------------------------- the runtime */

static void finish(void *where)
{
	did(*(const char *)where);
}

static const struct gate_runtime runtime = { .finish = finish };
static char first = '1', second = '2';

static void launch(void *where)
{
	gate_enter(&runtime, where);
	gate_done();
}

static void *launcher(void *where)
{
	launch(where);
	return NULL;
}

/* a launch by another thread, which waits for its turn */
static pthread_t launch_later(void *where)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, launcher, where))
		_exit(22);
	return thread;
}

/*
 * A test that comes to its end is killed, because the shim's thread is not joined: who looks for
 * leaks at an exit would find its stack. @status: of one that the shim ends, else 0.
 */
static void in_child(void (*test)(void), int status)
{
	int got;
	pid_t pid = fork();

	if (!pid) {
		setenv("WEFT_GATE_DEVICE", "lend", 1);
		setenv("WEFT_GATE_QUANTUM", "3000000", 1);
		test();
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &got, 0), pid);
	if (status) {
		assert_true(WIFEXITED(got));
		assert_int_equal(WEXITSTATUS(got), status);
	} else {
		assert_true(WIFSIGNALED(got));
		assert_int_equal(WTERMSIG(got), SIGKILL);
	}
}

/* -------------------------------------------------------------------- tests */

static void without(void)
{
	fake.open_error = -ENODEV;
	launch(&first);
	launch(&second);
	wait_for("o");
}

static void test_without(void **state)
{
	in_child(without, 0);
}

static void required(void)
{
	setenv("WEFT_GATE_REQUIRE", "1", 1);
	without();
}

static void test_required(void **state)
{
	in_child(required, 3);
}

/* The device leaves: whoever waits goes on without. */
static void no_device(void)
{
	fake.ask_error = -ENODEV;
	launch(&first);
	launch(&first);
	wait_for("oa");
}

static void test_no_device(void **state)
{
	in_child(no_device, 0);
}

/*
 * The first launch waits for a turn; asked to leave, the shim finishes each queue once, asks for
 * the next turn, and only then leaves.
 */
static void turn(void)
{
	pthread_t thread = launch_later(&first);

	wait_for("oa");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
	launch(&second);
	launch(&first);
	becomes(DRM_WEFT_LEASE_YIELD);
	wait_for("oa12alr");
	/* granted, and nothing is launched: it is given back, and that was it */
	becomes(DRM_WEFT_LEASE_HELD);
	becomes(DRM_WEFT_LEASE_YIELD);
	wait_for("oa12alrlr");
	/* until there is something to launch again */
	thread = launch_later(&second);
	wait_for("oa12alrlra");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
}

static void test_turn(void **state)
{
	in_child(turn, 0);
}

/* A launch under way is waited for before anything is finished; one that comes then waits. */
static void under_way(void)
{
	pthread_t thread = launch_later(&first), later;

	wait_for("oa");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
	gate_enter(&runtime, &second);
	becomes(DRM_WEFT_LEASE_YIELD);
	later = launch_later(&first);
	wait_for("oa");
	gate_done();
	/* it came before the turn ended, or after that: in its own or in the next one */
	pthread_mutex_lock(&fake.lock);
	while (!strchr(fake.did, 'r'))
		pthread_cond_wait(&fake.change, &fake.lock);
	pthread_mutex_unlock(&fake.lock);
	wait_for("oa12alr");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(later, NULL);
}

static void test_under_way(void **state)
{
	in_child(under_way, 0);
}

/* A lease that is taken away is void: nothing to finish or leave, and another is asked for. */
static void revoked(void)
{
	pthread_t thread = launch_later(&first);

	wait_for("oa");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
	becomes(DRM_WEFT_LEASE_ENDED);
	wait_for("oaar");
	thread = launch_later(&first);
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
}

static void test_revoked(void **state)
{
	in_child(revoked, 0);
}

/* A queue that is given back is finished then, and not again. */
static void forgotten(void)
{
	pthread_t thread = launch_later(&first);

	wait_for("oa");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
	launch(&second);
	gate_forget(&first);
	wait_for("oa1");
	becomes(DRM_WEFT_LEASE_YIELD);
	wait_for("oa12alr");
}

static void test_forgotten(void **state)
{
	in_child(forgotten, 0);
}

/* A child of fork() has no lease, whatever its parent has. */
static void child(void)
{
	static const pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_cond_t change = PTHREAD_COND_INITIALIZER;
	pthread_t thread;

	/* threads that the child does not have wait for them */
	fake.lock = lock;
	fake.change = change;
	memset(fake.did, 0, sizeof(fake.did));
	thread = launch_later(&first);
	wait_for("oa");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
}

static void forked(void)
{
	pthread_t thread = launch_later(&first);

	wait_for("oa");
	becomes(DRM_WEFT_LEASE_HELD);
	pthread_join(thread, NULL);
	in_child(child, 0);
}

static void test_forked(void **state)
{
	in_child(forked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_no_device),
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_forked),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
