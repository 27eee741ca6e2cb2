// SPDX-License-Identifier: GPL-2.0-only
/*
 * libfakert: is the test runtime as unkind as it promises?
 *
 * DOC: fakert test
 *
 * A server is tried against this runtime to learn whether it survives the properties of CUDA; so
 * each property is shown here. Work is held back by a host call that waits for the test, never by
 * time.
 */
/* sources: tests/fakert/context.c tests/fakert/device.c tests/fakert/kernels.c */
/* sources: tests/fakert/memory.c tests/fakert/module.c tests/fakert/stream.c */
/* cflags: -D_GNU_SOURCE -pthread */
/* pkg-config: libdrm */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <drm/weft_sim.h>

#include "../fakert/fakert.h"

#define MEMORY	(16u << 20)
#define CONTEXT	(3u << 20)
#define GRANULE	65536u

struct fixture {
	char path[64];
	struct fakert_device *device;
	struct fakert_context *context;
	struct fakert_stream *stream;
};

static int setup(void **state)
{
	static const struct fakert_device_desc desc = {
		.memory_size = MEMORY,
		.context_size = CONTEXT,
		.granule = GRANULE,
		.register_page_ns = 1000,
	};
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	strcpy(f->path, "/tmp/weft-fakert-XXXXXX");
	fd = mkstemp(f->path);
	if (fd < 0)
		return -1;
	close(fd);
	unlink(f->path);
	if (fakert_device_create(f->path, &desc) || fakert_device_open(f->path, &f->device) ||
	    fakert_context_create(f->device, &f->context) ||
	    fakert_stream_create(f->context, &f->stream))
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	enum fakert_result result;

	if (f->context)
		fakert_context_destroy(f->context);
	result = fakert_device_close(f->device);
	unlink(f->path);
	free(f);
	return result != FAKERT_OK;
}

static void ok(enum fakert_result result)
{
	assert_string_equal(fakert_result_text(result), fakert_result_text(FAKERT_OK));
}

/* Holds a stream until the test opens the gate. */
struct gate {
	sem_t reached;
	sem_t open;
};

static void gate_wait(void *data)
{
	struct gate *gate = data;

	sem_post(&gate->reached);
	while (sem_wait(&gate->open))
		;
}

static void gate_close(struct gate *gate, struct fakert_stream *stream)
{
	sem_init(&gate->reached, 0, 0);
	sem_init(&gate->open, 0, 0);
	ok(fakert_host_call(stream, gate_wait, gate));
	while (sem_wait(&gate->reached))
		;
}

static void gate_open(struct gate *gate)
{
	sem_post(&gate->open);
}

static void count_call(void *data)
{
	__atomic_add_fetch((int *)data, 1, __ATOMIC_SEQ_CST);
}

static struct fakert_module *load(struct fakert_context *context, const char *text)
{
	struct fakert_module *module;
	char log[256];

	ok(fakert_module_load(context, text, strlen(text), log, sizeof(log), &module));
	assert_string_equal(log, "");
	return module;
}

static void launch(struct fixture *f, const char *name, const void *args, size_t size)
{
	const struct fakert_kernel *kernel;
	struct fakert_module *module;
	char image[64];

	snprintf(image, sizeof(image), "fakert 1\nkernel %s\n", name);
	module = load(f->context, image);
	ok(fakert_module_kernel(module, name, &kernel));
	ok(fakert_launch(f->stream, kernel, args, size));
}

static uint64_t memory_used(struct fixture *f)
{
	struct fakert_device_info info;

	ok(fakert_device_info(f->device, &info));
	return info.memory_used;
}

static void test_memory_account(void **state)
{
	struct fixture *f = *state;
	struct fakert_device_info info;
	fakert_address a, b;

	assert_int_equal(memory_used(f), CONTEXT);
	ok(fakert_memory_alloc(f->context, 1, &a));
	assert_int_equal(memory_used(f), CONTEXT + GRANULE);
	ok(fakert_memory_alloc(f->context, MEMORY - CONTEXT - GRANULE, &b));
	assert_int_equal(memory_used(f), MEMORY);
	assert_int_equal(fakert_memory_alloc(f->context, 1, &a), FAKERT_NO_MEMORY);
	assert_int_equal(a, 0);
	/* full is not broken */
	ok(fakert_memory_free(f->context, b));
	ok(fakert_memory_alloc(f->context, 1, &a));
	ok(fakert_device_info(f->device, &info));
	assert_int_equal(info.memory_own, CONTEXT + 2 * GRANULE);
	assert_int_equal(info.contexts, 1);
	assert_int_equal(info.processes, 1);
	assert_int_equal(fakert_device_close(f->device), FAKERT_BUSY);
	fakert_context_destroy(f->context);
	f->context = NULL;
	assert_int_equal(memory_used(f), 0);
}

static void test_memory_arguments(void **state)
{
	struct fixture *f = *state;
	fakert_address a;

	assert_int_equal(fakert_memory_alloc(f->context, 0, &a), FAKERT_INVALID);
	assert_int_equal(fakert_memory_alloc(f->context, 1ull << 40, &a), FAKERT_INVALID);
	ok(fakert_memory_alloc(f->context, 64, &a));
	assert_int_equal(fakert_memory_free(f->context, a + 1), FAKERT_INVALID);
	assert_int_equal(fakert_memory_free(f->context, a + (1ull << 40)), FAKERT_INVALID);
	ok(fakert_memory_free(f->context, a));
	assert_int_equal(fakert_memory_free(f->context, a), FAKERT_INVALID);
	assert_int_equal(fakert_clear_async(f->stream, a, 0), FAKERT_INVALID);
}

static void test_contexts_cost(void **state)
{
	struct fixture *f = *state;
	struct fakert_context *more[MEMORY / CONTEXT], *over;
	unsigned int i;

	for (i = 0; i < MEMORY / CONTEXT - 1; i++)
		ok(fakert_context_create(f->device, &more[i]));
	assert_int_equal(fakert_context_create(f->device, &over), FAKERT_NO_MEMORY);
	assert_null(over);
	while (i--)
		fakert_context_destroy(more[i]);
	assert_int_equal(memory_used(f), CONTEXT);
}

/* In a child: a context of its own with all but @left bytes, then wait to be killed. */
static void __attribute__((noreturn)) child_hold(const char *path, uint64_t left, int to)
{
	struct fakert_device *device;
	struct fakert_context *context;
	fakert_address address = 0;

	if (fakert_device_open(path, &device) || fakert_context_create(device, &context) ||
	    fakert_memory_alloc(context, MEMORY - 2 * CONTEXT - left, &address))
		_exit(1);
	if (write(to, &address, sizeof(address)) != sizeof(address))
		_exit(2);
	for (;;)
		pause();
}

static void test_processes_share_memory(void **state)
{
	struct fixture *f = *state;
	struct fakert_process list[3];
	struct fakert_device_info info;
	fakert_address foreign, mine;
	uint32_t count;
	int pipes[2], status;
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid)
		child_hold(f->path, GRANULE, pipes[1]);
	assert_int_equal(read(pipes[0], &foreign, sizeof(foreign)), sizeof(foreign));
	assert_int_equal(memory_used(f), MEMORY - GRANULE);
	ok(fakert_device_info(f->device, &info));
	assert_int_equal(info.memory_own, CONTEXT);
	assert_int_equal(info.processes, 2);
	ok(fakert_device_processes(f->device, list, 3, &count));
	assert_int_equal(count, 2);
	assert_int_equal(list[0].pid, getpid());
	assert_int_equal(list[0].memory_used, CONTEXT);
	assert_int_equal(list[1].pid, pid);
	assert_int_equal(list[1].memory_used, MEMORY - GRANULE - CONTEXT);
	ok(fakert_device_processes(f->device, list, 1, &count));
	assert_int_equal(count, 1);
	ok(fakert_memory_alloc(f->context, GRANULE, &mine));
	assert_int_equal(fakert_memory_alloc(f->context, 1, &mine), FAKERT_NO_MEMORY);

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(memory_used(f), CONTEXT + GRANULE);
	ok(fakert_memory_alloc(f->context, MEMORY - CONTEXT - GRANULE, &mine));

	/* another process's address is nothing here */
	assert_int_equal(fakert_copy_out(f->context, &byte, foreign, 1), FAKERT_ILLEGAL_ADDRESS);
	close(pipes[0]);
	close(pipes[1]);
}

/* The child is killed: at an exit valgrind would look for what only the parent still uses. */
static void test_fork_is_refused(void **state)
{
	struct fixture *f = *state;
	enum fakert_result results[2];
	struct gate gate;
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	/* even while a thread of the parent is at work */
	gate_close(&gate, f->stream);
	pid = fork();
	if (!pid) {
		fakert_address a;

		results[0] = fakert_memory_alloc(f->context, 1, &a);
		results[1] = fakert_stream_sync(f->stream);
		if (write(pipes[1], results, sizeof(results)) != sizeof(results))
			abort();
		for (;;)
			pause();
	}
	gate_open(&gate);
	assert_int_equal(read(pipes[0], results, sizeof(results)), sizeof(results));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(results[0], FAKERT_NOT_PERMITTED);
	assert_int_equal(results[1], FAKERT_NOT_PERMITTED);
	ok(fakert_context_sync(f->context));
	close(pipes[0]);
	close(pipes[1]);
}

static void test_streams_are_asynchronous(void **state)
{
	struct fixture *f = *state;
	struct fakert_stream *other;
	struct gate gate;
	int calls = 0;

	ok(fakert_stream_create(f->context, &other));
	ok(fakert_stream_query(f->stream));
	gate_close(&gate, f->stream);
	ok(fakert_host_call(f->stream, count_call, &calls));
	assert_int_equal(fakert_stream_query(f->stream), FAKERT_NOT_READY);
	/* another stream is not held up */
	ok(fakert_host_call(other, count_call, &calls));
	ok(fakert_stream_sync(other));
	assert_int_equal(__atomic_load_n(&calls, __ATOMIC_SEQ_CST), 1);
	gate_open(&gate);
	ok(fakert_stream_sync(f->stream));
	assert_int_equal(calls, 2);
	ok(fakert_stream_query(f->stream));
	ok(fakert_stream_destroy(other));
}

static void test_events_order_streams(void **state)
{
	struct fixture *f = *state;
	struct fakert_event *start, *event, *never;
	struct fakert_stream *other;
	struct gate gate;
	int64_t ns;
	int calls = 0;

	ok(fakert_stream_create(f->context, &other));
	ok(fakert_event_create(f->context, &start));
	ok(fakert_event_create(f->context, &event));
	ok(fakert_event_create(f->context, &never));
	assert_int_equal(fakert_event_elapsed(start, event, &ns), FAKERT_INVALID);
	ok(fakert_event_record(start, f->stream));
	gate_close(&gate, f->stream);
	ok(fakert_event_record(event, f->stream));
	ok(fakert_stream_wait(other, never));
	ok(fakert_stream_wait(other, event));
	ok(fakert_host_call(other, count_call, &calls));
	assert_int_equal(fakert_event_query(event), FAKERT_NOT_READY);
	assert_int_equal(fakert_event_elapsed(start, event, &ns), FAKERT_NOT_READY);
	ok(fakert_event_query(start));
	assert_int_equal(__atomic_load_n(&calls, __ATOMIC_SEQ_CST), 0);
	gate_open(&gate);
	ok(fakert_event_sync(event));
	ok(fakert_stream_sync(other));
	assert_int_equal(calls, 1);
	ok(fakert_event_elapsed(start, event, &ns));
	assert_true(ns >= 0);
	ok(fakert_event_elapsed(event, start, &ns));
	assert_true(ns <= 0);
}

static void test_event_lives_while_it_is_queued(void **state)
{
	struct fixture *f = *state;
	struct fakert_event *event;
	struct fakert_stream *other;
	struct gate gate;
	int calls = 0;

	ok(fakert_stream_create(f->context, &other));
	ok(fakert_event_create(f->context, &event));
	gate_close(&gate, f->stream);
	ok(fakert_event_record(event, f->stream));
	ok(fakert_stream_wait(other, event));
	ok(fakert_host_call(other, count_call, &calls));
	ok(fakert_event_destroy(event));
	gate_open(&gate);
	ok(fakert_context_sync(f->context));
	assert_int_equal(calls, 1);
}

static void test_foreign_handles_are_refused(void **state)
{
	struct fixture *f = *state;
	struct fakert_context *other;
	struct fakert_stream *stream;
	struct fakert_event *event;
	fakert_address a;
	char byte;

	ok(fakert_context_create(f->device, &other));
	ok(fakert_stream_create(other, &stream));
	ok(fakert_event_create(f->context, &event));
	assert_int_equal(fakert_event_record(event, stream), FAKERT_INVALID);
	assert_int_equal(fakert_stream_wait(stream, event), FAKERT_INVALID);
	ok(fakert_memory_alloc(f->context, 64, &a));
	assert_int_equal(fakert_memory_free(other, a), FAKERT_INVALID);
	assert_int_equal(fakert_copy_out(other, &byte, a, 1), FAKERT_ILLEGAL_ADDRESS);
	/* what broke the one does not touch the other */
	ok(fakert_copy_out(f->context, &byte, a, 1));
	fakert_context_destroy(other);
}

static void assert_all_calls_fail(struct fixture *f, enum fakert_result with)
{
	struct fakert_module *module;
	struct fakert_stream *stream;
	struct fakert_event *event;
	fakert_address a;
	char byte;

	assert_int_equal(fakert_memory_alloc(f->context, 64, &a), with);
	assert_int_equal(fakert_memory_free(f->context, 0), with);
	assert_int_equal(fakert_host_register(f->context, &byte, 1), with);
	assert_int_equal(fakert_host_unregister(f->context, &byte), with);
	assert_int_equal(fakert_stream_create(f->context, &stream), with);
	assert_int_equal(fakert_stream_sync(f->stream), with);
	assert_int_equal(fakert_stream_query(f->stream), with);
	assert_int_equal(fakert_context_sync(f->context), with);
	assert_int_equal(fakert_copy_in(f->context, 0, &byte, 1), with);
	assert_int_equal(fakert_clear_async(f->stream, 0, 1), with);
	assert_int_equal(fakert_host_call(f->stream, count_call, &byte), with);
	assert_int_equal(fakert_event_create(f->context, &event), with);
	assert_int_equal(fakert_module_load(f->context, "", 0, NULL, 0, &module), with);
}

static void test_errors_are_sticky(void **state)
{
	static const char *const ends[] = { "fault", "fail" };
	static const enum fakert_result with[] = { FAKERT_ILLEGAL_ADDRESS, FAKERT_LAUNCH_FAILED };
	struct fixture *f = *state;
	struct fakert_event *event;
	struct gate gate;
	unsigned int i;
	int calls = 0;

	for (i = 0; i < 2; i++) {
		ok(fakert_event_create(f->context, &event));
		gate_close(&gate, f->stream);
		launch(f, ends[i], NULL, 0);
		ok(fakert_event_record(event, f->stream));
		ok(fakert_host_call(f->stream, count_call, &calls));
		gate_open(&gate);
		assert_int_equal(fakert_context_sync(f->context), with[i]);
		assert_int_equal(fakert_event_sync(event), with[i]);
		assert_all_calls_fail(f, with[i]);
		fakert_context_destroy(f->context);
		/* what was queued behind it never came */
		assert_int_equal(calls, 0);
		assert_int_equal(memory_used(f), 0);
		ok(fakert_context_create(f->device, &f->context));
		ok(fakert_stream_create(f->context, &f->stream));
		ok(fakert_stream_sync(f->stream));
	}
}

static void test_async_copies_want_registered_memory(void **state)
{
	struct fixture *f = *state;
	static uint8_t host[16384] __attribute__((aligned(4096)));
	struct gate gate;
	fakert_address a;
	unsigned int i;

	ok(fakert_memory_alloc(f->context, sizeof(host), &a));
	for (i = 0; i < sizeof(host); i++)
		host[i] = (uint8_t)(i * 7);
	assert_int_equal(fakert_copy_in_async(f->stream, a, host, 1), FAKERT_NOT_REGISTERED);
	ok(fakert_copy_in(f->context, a, host, sizeof(host)));

	assert_int_equal(fakert_host_register(f->context, NULL, 1), FAKERT_INVALID);
	assert_int_equal(fakert_host_register(f->context, host, 0), FAKERT_INVALID);
	ok(fakert_host_register(f->context, host + 4096, 8192));
	assert_int_equal(fakert_host_register(f->context, host, 4097), FAKERT_REGISTERED);
	assert_int_equal(fakert_host_register(f->context, host + 8192, 4096), FAKERT_REGISTERED);
	assert_int_equal(fakert_copy_out_async(f->stream, host + 4095, a, 2),
			 FAKERT_NOT_REGISTERED);
	assert_int_equal(fakert_copy_out_async(f->stream, host + 4096, a, 8193),
			 FAKERT_NOT_REGISTERED);
	assert_int_equal(fakert_host_unregister(f->context, host), FAKERT_NOT_REGISTERED);

	gate_close(&gate, f->stream);
	ok(fakert_copy_out_async(f->stream, host + 4096, a, 8192));
	ok(fakert_copy_in_async(f->stream, a, host + 4096, 8192));
	assert_int_equal(fakert_host_unregister(f->context, host + 4096), FAKERT_BUSY);
	assert_int_equal(host[4096], (uint8_t)(4096 * 7));
	gate_open(&gate);
	ok(fakert_stream_sync(f->stream));
	for (i = 0; i < 8192; i++)
		assert_int_equal(host[4096 + i], (uint8_t)(i * 7));
	ok(fakert_host_unregister(f->context, host + 4096));
	assert_int_equal(fakert_copy_in_async(f->stream, a, host + 4096, 1),
			 FAKERT_NOT_REGISTERED);
}

static void *free_thread(void *data)
{
	void **args = data;

	ok(fakert_memory_free(args[0], *(fakert_address *)args[1]));
	__atomic_store_n((int *)args[2], 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void test_free_waits_for_work(void **state)
{
	struct fixture *f = *state;
	fakert_address a, b;
	struct gate gate;
	int freed = 0;
	void *args[] = { f->context, &a, &freed };
	pthread_t thread;

	ok(fakert_memory_alloc(f->context, 4096, &a));
	ok(fakert_memory_alloc(f->context, 4096, &b));
	gate_close(&gate, f->stream);
	/* it needs the memory when the gate opens: had free() not waited, this would be sticky */
	ok(fakert_clear_async(f->stream, a, 4096));
	assert_int_equal(pthread_create(&thread, NULL, free_thread, args), 0);
	assert_int_equal(__atomic_load_n(&freed, __ATOMIC_SEQ_CST), 0);
	gate_open(&gate);
	pthread_join(thread, NULL);
	assert_int_equal(freed, 1);
	ok(fakert_context_sync(f->context));
	ok(fakert_memory_free(f->context, b));
}

struct inner {
	struct fakert_context *context;
	enum fakert_result result;
};

static void call_inside(void *data)
{
	struct inner *inner = data;

	inner->result = fakert_context_sync(inner->context);
}

static void test_host_call_may_not_call(void **state)
{
	struct fixture *f = *state;
	struct inner inner = { f->context, FAKERT_OK };

	ok(fakert_host_call(f->stream, call_inside, &inner));
	ok(fakert_stream_sync(f->stream));
	assert_int_equal(inner.result, FAKERT_NOT_PERMITTED);
}

static void assert_build_fails(struct fixture *f, const char *text, const char *says)
{
	struct fakert_module *module;
	char log[256], small[8];

	assert_int_equal(fakert_module_load(f->context, text, strlen(text), log, sizeof(log),
					    &module),
			 FAKERT_BAD_IMAGE);
	assert_null(module);
	assert_string_equal(log, says);
	assert_int_equal(fakert_module_load(f->context, text, strlen(text), small, sizeof(small),
					    &module),
			 FAKERT_BAD_IMAGE);
	assert_int_equal(fakert_module_load(f->context, text, strlen(text), NULL, 0, &module),
			 FAKERT_BAD_IMAGE);
}

static void test_modules(void **state)
{
	struct fixture *f = *state;
	const struct fakert_kernel *kernel;
	struct fakert_module *module;

	assert_build_fails(f, "", "line 1: an image starts with \"fakert 1\"\n");
	assert_build_fails(f, "fakert 2\n", "line 1: an image starts with \"fakert 1\"\n");
	assert_build_fails(f, "fakert 1\nkernel fil\n# ok\nkernle add\nkernel add\n",
			   "line 2: there is no kernel \"fil\"\n"
			   "line 4: \"kernle add\" is no declaration\n");
	module = load(f->context, "fakert 1\n# two\nkernel add\nkernel fill");
	assert_int_equal(fakert_module_kernel(module, "nop", &kernel), FAKERT_NOT_FOUND);
	assert_int_equal(fakert_module_kernel_at(module, 2, &kernel), FAKERT_NOT_FOUND);
	ok(fakert_module_kernel(module, "fill", &kernel));
	assert_int_equal(fakert_launch(f->stream, kernel, NULL, 0), FAKERT_INVALID);
	ok(fakert_module_unload(module));
}

static void test_kernels_compute(void **state)
{
	enum { M = 3, N = 5, K = 7 };
	struct fixture *f = *state;
	struct weft_sim_fill fill = { .count = 16, .value = 40 };
	struct weft_sim_add add = { .count = 16 };
	struct weft_sim_copy copy = { .bytes = 64 };
	struct weft_sim_gemm gemm = { .m = M, .n = N, .k = K };
	int8_t a[M * K], b[N * K];
	uint32_t words[16], i, j, l;
	int32_t c[M * N], sum;
	fakert_address x, y;

	ok(fakert_memory_alloc(f->context, 256, &x));
	ok(fakert_memory_alloc(f->context, 256, &y));
	fill.dst = x;
	launch(f, "fill", &fill, sizeof(fill));
	fill.dst = x + 64;
	fill.value = 2;
	launch(f, "fill", &fill, sizeof(fill));
	add.dst = x + 128;
	add.a = x;
	add.b = x + 64;
	launch(f, "add", &add, sizeof(add));
	copy.dst = y;
	copy.src = x + 128;
	launch(f, "copy", &copy, sizeof(copy));
	launch(f, "nop", &(struct weft_sim_nop){}, sizeof(struct weft_sim_nop));
	ok(fakert_copy_out(f->context, words, y, sizeof(words)));
	for (i = 0; i < 16; i++)
		assert_int_equal(words[i], 42);

	for (i = 0; i < sizeof(a); i++)
		a[i] = (int8_t)(i * 37 - 100);
	for (i = 0; i < sizeof(b); i++)
		b[i] = (int8_t)(90 - i * 29);
	ok(fakert_copy_in(f->context, x, a, sizeof(a)));
	ok(fakert_copy_in(f->context, x + 64, b, sizeof(b)));
	gemm.a = x;
	gemm.b = x + 64;
	gemm.c = y;
	launch(f, "gemm_i8", &gemm, sizeof(gemm));
	ok(fakert_copy_out(f->context, c, y, sizeof(c)));
	for (i = 0; i < M; i++) {
		for (j = 0; j < N; j++) {
			for (l = 0, sum = 0; l < K; l++)
				sum += a[i * K + l] * b[j * K + l];
			assert_int_equal(c[i * N + j], sum);
		}
	}
}

static void test_kernels_stay_in_their_memory(void **state)
{
	struct fixture *f = *state;
	fakert_address a;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct weft_sim_fill fill = { .count = 16, .value = 1 };

		ok(fakert_memory_alloc(f->context, 64, &a));
		fill.dst = i == 0 ? a + 4 : i == 1 ? a - 4 : i == 2 ? a + 2 : a;
		if (i == 3)
			fill.count = 1ull << 62;
		launch(f, "fill", &fill, sizeof(fill));
		assert_int_equal(fakert_stream_sync(f->stream), FAKERT_ILLEGAL_ADDRESS);
		fakert_context_destroy(f->context);
		ok(fakert_context_create(f->device, &f->context));
		ok(fakert_stream_create(f->context, &f->stream));
	}
}

/* A kernel that never ends is ended with its process, and with it all that it held. */
static void test_only_death_ends_a_kernel(void **state)
{
	struct fixture *f = *state;
	int pipes[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		struct fakert_spin forever = {};
		struct fakert_event *before;
		struct fixture child = {};
		struct gate gate;

		if (fakert_device_open(f->path, &child.device) ||
		    fakert_context_create(child.device, &child.context) ||
		    fakert_stream_create(child.context, &child.stream) ||
		    fakert_event_create(child.context, &before))
			_exit(1);
		/*
		 * The stream goes from the event to a kernel that is queued in one step; a kernel
		 * that has not begun ends with its context.
		 */
		gate_close(&gate, child.stream);
		ok(fakert_event_record(before, child.stream));
		launch(&child, "spin", &forever, sizeof(forever));
		gate_open(&gate);
		ok(fakert_event_sync(before));
		if (write(pipes[1], "", 1) != 1)
			_exit(2);
		fakert_context_destroy(child.context);
		_exit(3);
	}
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(memory_used(f), 2 * CONTEXT);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(memory_used(f), CONTEXT);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_busy_time_is_counted(void **state)
{
	struct fixture *f = *state;
	struct fakert_spin spin = { .ns = 1000000 };
	struct fakert_device_info before, after;
	struct fakert_device *other;

	ok(fakert_device_info(f->device, &before));
	launch(f, "spin", &spin, sizeof(spin));
	ok(fakert_stream_sync(f->stream));
	ok(fakert_device_info(f->device, &after));
	assert_true(after.busy_ns - before.busy_ns >= spin.ns);
	assert_true(after.busy_own_ns == after.busy_ns);
	/* an opening that did nothing sees the device's time, but none of its own */
	ok(fakert_device_open(f->path, &other));
	ok(fakert_device_info(other, &after));
	assert_true(after.busy_ns >= spin.ns);
	assert_int_equal(after.busy_own_ns, 0);
	ok(fakert_device_close(other));
}

static void test_device_file(void **state)
{
	struct fixture *f = *state;
	struct fakert_device_desc desc;
	struct fakert_device *device;

	fakert_device_describe(f->device, &desc);
	assert_int_equal(desc.memory_size, MEMORY);
	assert_int_equal(fakert_device_create(f->path, &desc), FAKERT_NO_DEVICE);
	desc.granule = 3;
	assert_int_equal(fakert_device_create("/tmp/none", &desc), FAKERT_INVALID);
	assert_int_equal(fakert_device_open("/dev/null", &device), FAKERT_NO_DEVICE);
	assert_int_equal(fakert_device_open("/nowhere/none", &device), FAKERT_NO_DEVICE);
	assert_string_equal(fakert_result_text(99), "an unknown error");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_account),
		TEST(memory_arguments),
		TEST(contexts_cost),
		TEST(processes_share_memory),
		TEST(fork_is_refused),
		TEST(streams_are_asynchronous),
		TEST(events_order_streams),
		TEST(event_lives_while_it_is_queued),
		TEST(foreign_handles_are_refused),
		TEST(errors_are_sticky),
		TEST(async_copies_want_registered_memory),
		TEST(free_waits_for_work),
		TEST(host_call_may_not_call),
		TEST(modules),
		TEST(kernels_compute),
		TEST(kernels_stay_in_their_memory),
		TEST(only_death_ends_a_kernel),
		TEST(busy_time_is_counted),
		TEST(device_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
