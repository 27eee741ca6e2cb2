// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-serve-ggml: serves a device of any ggml backend.
 *
 * DOC: serve_ggml
 *
 * The server looks at ggml's device only to describe it. Each seat loads the backends by itself,
 * makes one context and one arena, and runs the jobs of its tenant, one after the other. If the
 * arena is host memory, a thread of its own runs them, and bytes are copied meanwhile: else those
 * that wait for a copy would wait for the jobs of others, too.
 *
 * Rejected: a thread per job (a ggml context runs one graph at a time); copies beside jobs for
 * every backend (most of them are not made for two threads).
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <drm/weft_drm.h>
#include <weft-serve.h>

#include "executor.h"

#define MIB	(1ull << 20)

struct serve_options {
	const char *device;
	const char *name;
	uint64_t memory;
	int threads;
	uint32_t seats;
	uint32_t price;
	uint32_t slowdown;
	int list;
};

static struct serve_options options = { .seats = 4, .slowdown = 1 };

static ggml_backend_dev_t serve_device(void)
{
	ggml_backend_dev_t device;

	ggml_backend_load_all();
	device = options.device ? ggml_backend_dev_by_name(options.device) :
				  ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
	if (!device)
		fprintf(stderr, "weft-serve-ggml: ggml has no device %s; see --list\n",
			options.device ? options.device : "of the type CPU");
	return device;
}

/* ----------------------------------------------------------------- a seat */

/**
 * struct serve_seat - the jobs of the seat that this process is
 * @has_thread: @thread runs the jobs
 * @thread: takes them from the list
 * @lock: protects what follows
 * @more: something has changed there
 * @first: the list of jobs to run, linked by &weft_request.priv
 * @last: where the next one is put
 * @ending: there will be none
 */
struct serve_seat {
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct weft_request *first;
	struct weft_request *last;
	bool ending;
};

static struct serve_seat the_seat = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
};

static void *serve_thread(void *arg);

static int serve_open(struct weft_seat *seat, uint64_t *arena)
{
	const struct weft_serve_config *config = weft_seat_config(seat);
	struct weft_ggml_executor *executor;
	ggml_backend_dev_t device = config->priv;
	char text[WEFT_GGML_TEXT];
	int ret;

	ret = weft_ggml_executor_create(&executor, device, config->offer.memory_size,
					options.threads, text);
	if (ret) {
		fprintf(stderr, "weft-serve-ggml: %s\n", text);
		return ret;
	}
	weft_seat_set_priv(seat, executor);
	if (weft_ggml_executor_is_host(executor))
		the_seat.has_thread = !pthread_create(&the_seat.thread, NULL, serve_thread, NULL);
	*arena = weft_ggml_executor_arena(executor);
	return 0;
}

static void serve_close(struct weft_seat *seat)
{
	if (the_seat.has_thread) {
		pthread_mutex_lock(&the_seat.lock);
		the_seat.ending = true;
		pthread_cond_signal(&the_seat.more);
		pthread_mutex_unlock(&the_seat.lock);
		pthread_join(the_seat.thread, NULL);
	}
	weft_ggml_executor_destroy(weft_seat_priv(seat));
}

static int serve_load(struct weft_seat *seat, struct weft_load *load, uint64_t *image)
{
	static const char known[] = WEFT_GGML_IMAGE;

	(void)seat;
	if (load->size != sizeof(known) - 1 || memcmp(load->data, known, load->size) ||
	    load->kernel_count != WEFT_GGML_KERNELS) {
		snprintf(load->text, load->text_room,
			 "not the image of a client that this server understands: %s", known);
		return -EINVAL;
	}
	*image = 1;
	return 0;
}

static uint64_t serve_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The rest of the time that a job takes on a slower device */
static void serve_rest(uint64_t took_ns)
{
	uint64_t ns = took_ns * (options.slowdown - 1);
	struct timespec rest = {
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};

	while (ns && nanosleep(&rest, &rest) && errno == EINTR)
		;
}

static int serve_run(struct weft_request *request)
{
	const struct weft_serve_launch *launch = &request->abi.launch;
	struct weft_ggml_span spans[WEFT_GGML_MAX_BASES];
	char text[WEFT_GGML_TEXT];
	uint32_t i;
	int ret;

	if (launch->reloc_count > WEFT_GGML_MAX_BASES)
		return -EINVAL;
	for (i = 0; i < launch->reloc_count; i++) {
		spans[i].offset = request->relocs[i].offset;
		spans[i].length = request->relocs[i].length;
	}
	request->start_ns = serve_now();
	ret = weft_ggml_executor_run(weft_seat_priv(request->seat), launch->kernel, request->args,
				     launch->args_size, spans, launch->reloc_count, text);
	serve_rest(serve_now() - request->start_ns);
	request->end_ns = serve_now();
	if (ret) {
		fprintf(stderr, "weft-serve-ggml: job %llu of %s: %s\n",
			(unsigned long long)request->abi.id, weft_seat_tenant(request->seat), text);
		request->code = (uint32_t)-ret;
	}
	return ret;
}

static struct weft_request *serve_next(void)
{
	struct weft_request *request;

	pthread_mutex_lock(&the_seat.lock);
	while (!the_seat.first && !the_seat.ending)
		pthread_cond_wait(&the_seat.more, &the_seat.lock);
	request = the_seat.first;
	if (request)
		the_seat.first = request->priv;
	pthread_mutex_unlock(&the_seat.lock);
	return request;
}

static void *serve_thread(void *arg)
{
	struct weft_request *request;

	(void)arg;
	while ((request = serve_next()))
		weft_request_done(request, serve_run(request));
	return NULL;
}

static int serve_launch(struct weft_request *request)
{
	if (!the_seat.has_thread)
		return serve_run(request);
	request->priv = NULL;
	pthread_mutex_lock(&the_seat.lock);
	if (the_seat.first)
		the_seat.last->priv = request;
	else
		the_seat.first = request;
	the_seat.last = request;
	pthread_cond_signal(&the_seat.more);
	pthread_mutex_unlock(&the_seat.lock);
	return WEFT_SERVE_LATER;
}

static int serve_copy(struct weft_request *request)
{
	const struct weft_serve_copy *copy = &request->abi.copy;
	struct weft_ggml_executor *executor = weft_seat_priv(request->seat);

	switch (request->abi.op) {
	case WEFT_SERVE_OP_COPY_IN:
		return weft_ggml_executor_write(executor, copy->device, request->bytes,
						copy->length);
	case WEFT_SERVE_OP_COPY_OUT:
		return weft_ggml_executor_read(executor, copy->device, request->bytes,
					       copy->length);
	default:
		return weft_ggml_executor_clear(executor, copy->device, copy->length);
	}
}

static const struct weft_serve_ops serve_ops = {
	.open = serve_open,
	.close = serve_close,
	.load = serve_load,
	.launch = serve_launch,
	.copy = serve_copy,
};

/* ------------------------------------------------------------- the server */

static uint32_t serve_class(ggml_backend_dev_t device)
{
	switch (ggml_backend_dev_type(device)) {
	case GGML_BACKEND_DEVICE_TYPE_GPU:
	case GGML_BACKEND_DEVICE_TYPE_IGPU:
		return DRM_WEFT_CLASS_GPU;
	case GGML_BACKEND_DEVICE_TYPE_ACCEL:
		return DRM_WEFT_CLASS_NPU;
	default:
		return DRM_WEFT_CLASS_CPU;
	}
}

/* Half of it, shared by all seats, unless it was said: the same number whenever it is asked for */
static uint64_t serve_memory(ggml_backend_dev_t device)
{
	size_t spare, total;
	uint64_t each;

	if (options.memory)
		return options.memory;
	ggml_backend_dev_memory(device, &spare, &total);
	each = total / 2 / options.seats / MIB * MIB;
	return each > 64 * MIB ? each : 64 * MIB;
}

static int serve_list(void)
{
	size_t i;

	ggml_backend_load_all();
	for (i = 0; i < ggml_backend_dev_count(); i++)
		printf("%s\t%s\n", ggml_backend_dev_name(ggml_backend_dev_get(i)),
		       ggml_backend_dev_description(ggml_backend_dev_get(i)));
	return 0;
}

static void serve_usage(FILE *to)
{
	fputs("Usage: weft-serve-ggml [OPTION...]\n"
	      "Serve a device of a ggml backend in a weft pool.\n"
	      "  -d, --device=NAME   ggml's name of the device (default: its processor)\n"
	      "  -n, --name=NAME     name on the weft bus (default: weft chooses)\n"
	      "  -m, --memory=MIB    memory of each seat (default: half of the device's, shared)\n"
	      "  -t, --threads=N     threads of a seat, for backends that have some\n"
	      "  -s, --seats=N       tenants at a time, 1..16 (default: 4)\n"
	      "  -p, --price=N       what a nanosecond costs, 1024 is the unit\n"
	      "  -x, --slowdown=N    take N times as long, as a slower device would\n"
	      "  -l, --list          list ggml's devices\n"
	      "  -h, --help          this text\n", to);
}

static int serve_number(const char *text, uint64_t most, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || end == text || *end || !*value || *value > most || text[0] == '-') {
		fprintf(stderr, "weft-serve-ggml: %s is not a number from 1 to %llu\n", text,
			(unsigned long long)most);
		return -EINVAL;
	}
	return 0;
}

static int serve_arguments(int argc, char **argv)
{
	static const struct option names[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "name", required_argument, NULL, 'n' },
		{ "memory", required_argument, NULL, 'm' },
		{ "threads", required_argument, NULL, 't' },
		{ "seats", required_argument, NULL, 's' },
		{ "price", required_argument, NULL, 'p' },
		{ "slowdown", required_argument, NULL, 'x' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t value = 0;
	int c, ret = 0;

	while (!ret && (c = getopt_long(argc, argv, "d:n:m:t:s:p:x:lh", names, NULL)) != -1) {
		switch (c) {
		case 'd':
			options.device = optarg;
			break;
		case 'n':
			options.name = optarg;
			break;
		case 'm':
			ret = serve_number(optarg, 1u << 30, &value);
			options.memory = value * MIB;
			break;
		case 't':
			ret = serve_number(optarg, GGML_MAX_N_THREADS, &value);
			options.threads = (int)value;
			break;
		case 's':
			ret = serve_number(optarg, WEFT_SERVE_MAX_SEATS, &value);
			options.seats = (uint32_t)value;
			break;
		case 'p':
			ret = serve_number(optarg, UINT32_MAX, &value);
			options.price = (uint32_t)value;
			break;
		case 'x':
			ret = serve_number(optarg, 1000, &value);
			options.slowdown = (uint32_t)value;
			break;
		case 'l':
			options.list = 1;
			break;
		case 'h':
			serve_usage(stdout);
			exit(0);
		default:
			ret = -EINVAL;
		}
	}
	return ret || optind != argc ? -EINVAL : 0;
}

/* 0 or a negative errno; what weft_serve_run() returns goes to *status */
static int serve_start(int argc, char **argv, int *status)
{
	struct weft_serve_config config = {
		.offer = {
			.isas = { WEFT_GGML_ISA },
			.engines = 1,
			.credits = 2,
			.streams = 1,
			.memory = WEFT_SERVE_MEMORY_ARENA,
			.recovery = WEFT_SERVE_RECOVERY_RERUN,
			.numa_node = -1,
			.bandwidth_down = 10000,
			.bandwidth_up = 10000,
		},
		/* a job takes long: nobody should wait for the next to be told of it */
		.batch = 1,
	};
	struct weft_serve_offer *offer = &config.offer;
	ggml_backend_dev_t device;

	if (serve_arguments(argc, argv)) {
		serve_usage(stderr);
		return -EINVAL;
	}
	if (options.list)
		return serve_list();
	/* a seat describes the device as its server did, and makes its context in serve_open() */
	device = serve_device();
	if (!device)
		return -ENODEV;
	config.priv = device;
	if (!strncmp(ggml_backend_dev_name(device), "WEFT", 4)) {
		fputs("weft-serve-ggml: a device of weft cannot be served to weft\n", stderr);
		return -EINVAL;
	}
	offer->dev_class = serve_class(device);
	offer->seats = options.seats;
	offer->price = options.price;
	offer->memory_size = serve_memory(device);
	snprintf(offer->name, sizeof(offer->name), "%s", options.name ? options.name : "");
	snprintf(offer->vendor, sizeof(offer->vendor), "ggml");
	snprintf(offer->model, sizeof(offer->model), "%.31s", ggml_backend_dev_description(device));
	snprintf(offer->driver, sizeof(offer->driver), "%s",
		 ggml_backend_reg_name(ggml_backend_dev_backend_reg(device)));
	snprintf(offer->runtime, sizeof(offer->runtime), "ggml %s", ggml_version());
	*status = weft_serve_run(&config, &serve_ops, argv);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;
	int ret = serve_start(argc, argv, &status);

	return ret ? -ret : status;
}
