// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-serve-fakert: serves a device of libfakert, as a server for CUDA would serve one of CUDA's.
 *
 * DOC: weft-serve-fakert
 *
 * One stream computes and one copies. Work is followed by an event, and a thread per stream waits
 * for the events in order: that way it also learns of errors, which host calls would not bring
 * (they do not come after a sticky error). The first launch whose event fails is the one to blame;
 * it is failed with the runtime's number, and the process ends, because a context with a sticky
 * error is of no use. What else was under way the kernel gives back by the recovery mode.
 *
 * Rejected: mending a seat by making a new context in the same process (real runtimes leave
 * threads and mappings of the old one behind).
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <drm/weft_drm.h>
#include <weft-serve.h>

#include "../fakert/fakert.h"

/* One request whose work is queued */
struct work {
	struct work *next;
	struct weft_request *request;
	struct fakert_event *start;
	struct fakert_event *end;
};

/* A stream, and the thread that waits for what is queued there */
struct lane {
	struct seat *seat;
	struct fakert_stream *stream;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t queued;
	struct work *first;
	struct work **last;
	/* queued, and not completed yet */
	unsigned int count;
	int ending;
};

struct seat {
	struct weft_seat *weft;
	struct fakert_device *device;
	struct fakert_context *context;
	/* recorded once: the zero of the device's clock */
	struct fakert_event *zero;
	struct lane compute;
	struct lane copy;
};

static int result_errno(enum fakert_result result)
{
	switch (result) {
	case FAKERT_OK:
		return 0;
	case FAKERT_NO_MEMORY:
	case FAKERT_NO_HOST_MEMORY:
		return -ENOMEM;
	case FAKERT_NO_DEVICE:
		return -ENODEV;
	case FAKERT_BAD_IMAGE:
	case FAKERT_NOT_FOUND:
		return -ENOEXEC;
	case FAKERT_BUSY:
		return -EBUSY;
	case FAKERT_INVALID:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static unsigned int lane_count(struct lane *lane)
{
	unsigned int count;

	pthread_mutex_lock(&lane->lock);
	count = lane->count;
	pthread_mutex_unlock(&lane->lock);
	return count;
}

/* The context is of no use any more. @request, if any, is what it died of. */
static void __attribute__((__noreturn__))
seat_die(struct weft_seat *seat, struct weft_request *request, enum fakert_result result)
{
	fprintf(stderr, "weft-serve-fakert: %s: %s\n", weft_seat_tenant(seat),
		fakert_result_text(result));
	if (request) {
		request->code = result;
		weft_request_end(request, -EIO);
	}
	weft_seat_leave(seat, -EIO);
}

/*
 * The same for a thread that has seen the error, but not what made it: launches that were queued
 * before come first, and the thread that waits for them ends the process if it was one of those.
 */
static void __attribute__((__noreturn__))
seat_die_later(struct weft_seat *seat, struct weft_request *request, enum fakert_result result)
{
	struct seat *own = weft_seat_priv(seat);

	while (lane_count(&own->compute))
		usleep(1000);
	seat_die(seat, request, result);
}

static void work_finish(struct lane *lane, struct work *work)
{
	struct weft_request *request = work->request;
	enum fakert_result result = fakert_event_sync(work->end);
	int64_t start = 0, end = 0;

	if (result == FAKERT_OK && request->abi.op == WEFT_SERVE_OP_LAUNCH) {
		fakert_event_elapsed(lane->seat->zero, work->start, &start);
		fakert_event_elapsed(lane->seat->zero, work->end, &end);
		request->start_ns = (uint64_t)start;
		request->end_ns = (uint64_t)end;
	}
	if (result >= FAKERT_STICKY && lane == &lane->seat->compute)
		seat_die(lane->seat->weft, request, result);
	if (result >= FAKERT_STICKY)
		seat_die_later(lane->seat->weft, NULL, result);
	fakert_event_destroy(work->start);
	fakert_event_destroy(work->end);
	pthread_mutex_lock(&lane->lock);
	lane->count--;
	pthread_mutex_unlock(&lane->lock);
	weft_request_done(request, result_errno(result));
	free(work);
}

static void *lane_thread(void *data)
{
	struct lane *lane = data;
	struct work *work;

	pthread_mutex_lock(&lane->lock);
	for (;;) {
		while (!lane->first && !lane->ending)
			pthread_cond_wait(&lane->queued, &lane->lock);
		work = lane->first;
		if (!work)
			break;
		lane->first = work->next;
		if (!lane->first)
			lane->last = &lane->first;
		pthread_mutex_unlock(&lane->lock);
		work_finish(lane, work);
		pthread_mutex_lock(&lane->lock);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

static enum fakert_result lane_open(struct lane *lane, struct seat *seat)
{
	enum fakert_result result;

	lane->seat = seat;
	lane->last = &lane->first;
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->queued, NULL);
	result = fakert_stream_create(seat->context, &lane->stream);
	if (result != FAKERT_OK)
		return result;
	return pthread_create(&lane->thread, NULL, lane_thread, lane) ? FAKERT_NO_HOST_MEMORY :
									FAKERT_OK;
}

static void lane_close(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	lane->ending = 1;
	pthread_cond_signal(&lane->queued);
	pthread_mutex_unlock(&lane->lock);
	pthread_join(lane->thread, NULL);
}

static enum fakert_result lane_call(struct lane *lane, struct work *work)
{
	struct weft_request *request = work->request;
	const struct weft_serve_copy *copy = &request->abi.copy;
	const struct fakert_kernel *kernel;
	enum fakert_result result;

	switch (request->abi.op) {
	case WEFT_SERVE_OP_COPY_IN:
		return fakert_copy_in_async(lane->stream, copy->device, request->bytes,
					    copy->length);
	case WEFT_SERVE_OP_COPY_OUT:
		return fakert_copy_out_async(lane->stream, request->bytes, copy->device,
					     copy->length);
	case WEFT_SERVE_OP_FILL:
		return fakert_clear_async(lane->stream, copy->device, copy->length);
	default:
		result = fakert_module_kernel_at((struct fakert_module *)(uintptr_t)request->image,
						 request->abi.launch.kernel, &kernel);
		if (result != FAKERT_OK)
			return result;
		return fakert_launch(lane->stream, kernel, request->args,
				     request->abi.launch.args_size);
	}
}

static enum fakert_result lane_put(struct lane *lane, struct work *work, bool *launched)
{
	enum fakert_result result;

	result = fakert_event_create(lane->seat->context, &work->start);
	if (result == FAKERT_OK)
		result = fakert_event_create(lane->seat->context, &work->end);
	if (result == FAKERT_OK)
		result = fakert_event_record(work->start, lane->stream);
	if (result == FAKERT_OK)
		result = lane_call(lane, work);
	*launched = result == FAKERT_OK;
	if (result == FAKERT_OK)
		result = fakert_event_record(work->end, lane->stream);
	return result;
}

/*
 * The work between two events, then on the list of the lane's thread. It is counted from the
 * beginning: a launch may have broken the context before its second event is recorded.
 */
static int lane_queue(struct lane *lane, struct weft_request *request)
{
	struct work *work = calloc(1, sizeof(*work));
	enum fakert_result result;
	bool launched;

	if (!work)
		return -ENOMEM;
	work->request = request;
	pthread_mutex_lock(&lane->lock);
	lane->count++;
	pthread_mutex_unlock(&lane->lock);
	result = lane_put(lane, work, &launched);
	pthread_mutex_lock(&lane->lock);
	if (result == FAKERT_OK) {
		*lane->last = work;
		lane->last = &work->next;
		pthread_cond_signal(&lane->queued);
		pthread_mutex_unlock(&lane->lock);
		return WEFT_SERVE_LATER;
	}
	lane->count--;
	pthread_mutex_unlock(&lane->lock);
	if (result >= FAKERT_STICKY)
		seat_die_later(request->seat,
			       lane == &lane->seat->compute && launched ? request : NULL, result);
	if (work->start)
		fakert_event_destroy(work->start);
	if (work->end)
		fakert_event_destroy(work->end);
	free(work);
	request->code = result;
	return result_errno(result);
}

static enum fakert_result seat_open_context(struct seat *seat, uint64_t *arena)
{
	const struct weft_serve_config *config = weft_seat_config(seat->weft);
	enum fakert_result result;

	result = fakert_device_open(config->priv, &seat->device);
	if (result == FAKERT_OK)
		result = fakert_context_create(seat->device, &seat->context);
	if (result == FAKERT_OK && config->offer.memory == WEFT_SERVE_MEMORY_ARENA)
		result = fakert_memory_alloc(seat->context, config->offer.memory_size, arena);
	if (result == FAKERT_OK)
		result = lane_open(&seat->compute, seat);
	if (result == FAKERT_OK)
		result = lane_open(&seat->copy, seat);
	if (result == FAKERT_OK)
		result = fakert_event_create(seat->context, &seat->zero);
	if (result == FAKERT_OK)
		result = fakert_event_record(seat->zero, seat->compute.stream);
	return result;
}

static int seat_open(struct weft_seat *weft, uint64_t *arena)
{
	struct seat *seat = calloc(1, sizeof(*seat));

	if (!seat)
		return -ENOMEM;
	seat->weft = weft;
	weft_seat_set_priv(weft, seat);
	return result_errno(seat_open_context(seat, arena));
}

static void seat_close(struct weft_seat *weft)
{
	struct seat *seat = weft_seat_priv(weft);

	lane_close(&seat->compute);
	lane_close(&seat->copy);
	fakert_context_destroy(seat->context);
	fakert_device_close(seat->device);
	free(seat);
}

static int seat_load(struct weft_seat *weft, struct weft_load *load, uint64_t *image)
{
	struct seat *seat = weft_seat_priv(weft);
	const struct fakert_kernel *kernel;
	struct fakert_module *module;
	enum fakert_result result;

	result = fakert_module_load(seat->context, load->data, load->size, load->text,
				    load->text_room, &module);
	if (result != FAKERT_OK)
		return result_errno(result);
	result = fakert_module_kernel_at(module, load->kernel_count - 1, &kernel);
	if (result != FAKERT_OK) {
		snprintf(load->text, load->text_room, "the program has %u kernels\n",
			 load->kernel_count);
		fakert_module_unload(module);
		return result_errno(result);
	}
	*image = (uintptr_t)module;
	return 0;
}

static void seat_unload(struct weft_seat *weft, uint64_t image)
{
	(void)weft;
	fakert_module_unload((struct fakert_module *)(uintptr_t)image);
}

static int seat_launch(struct weft_request *request)
{
	struct seat *seat = weft_seat_priv(request->seat);

	return lane_queue(&seat->compute, request);
}

static int seat_copy(struct weft_request *request)
{
	struct seat *seat = weft_seat_priv(request->seat);

	return lane_queue(&seat->copy, request);
}

static int seat_alloc(struct weft_seat *weft, uint64_t size, uint64_t *handle)
{
	struct seat *seat = weft_seat_priv(weft);

	return result_errno(fakert_memory_alloc(seat->context, size, handle));
}

static int seat_free(struct weft_seat *weft, uint64_t handle, uint64_t size)
{
	struct seat *seat = weft_seat_priv(weft);

	(void)size;
	return result_errno(fakert_memory_free(seat->context, handle));
}

static int seat_add_host(struct weft_seat *weft, struct weft_host *host)
{
	struct seat *seat = weft_seat_priv(weft);

	return result_errno(fakert_host_register(seat->context, host->bytes, host->size));
}

static int seat_remove_host(struct weft_seat *weft, struct weft_host *host)
{
	struct seat *seat = weft_seat_priv(weft);

	return result_errno(fakert_host_unregister(seat->context, host->bytes));
}

/* What processes that are no seats hold and do. */
static int server_telemetry(struct weft_server *server, struct weft_serve_telemetry *telemetry)
{
	static struct fakert_device *device;
	static uint64_t before_ns, before_busy;
	struct fakert_process list[64];
	uint64_t busy = 0, now;
	struct timespec time;
	uint32_t count, i;

	if (!device && fakert_device_open(weft_server_config(server)->priv, &device) != FAKERT_OK)
		return -ENODEV;
	fakert_device_processes(device, list, 64, &count);
	for (i = 0; i < count; i++) {
		if (weft_server_is_seat(server, list[i].pid))
			continue;
		telemetry->foreign_bytes += list[i].memory_used;
		busy += list[i].busy_ns;
	}
	telemetry->valid = WEFT_SERVE_TELEMETRY_FOREIGN_MEMORY | WEFT_SERVE_TELEMETRY_FOREIGN_LOAD;
	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	/* less than before: somebody has left and taken its time along */
	if (before_ns && busy > before_busy)
		telemetry->foreign_permille = (uint32_t)((busy - before_busy) * 1000 /
							 (now - before_ns));
	if (telemetry->foreign_permille > 1000)
		telemetry->foreign_permille = 1000;
	before_ns = now;
	before_busy = busy;
	return 0;
}

static const struct weft_serve_ops ops = {
	.open = seat_open,
	.close = seat_close,
	.load = seat_load,
	.unload = seat_unload,
	.launch = seat_launch,
	.copy = seat_copy,
	.alloc = seat_alloc,
	.free = seat_free,
	.add_host = seat_add_host,
	.remove_host = seat_remove_host,
	.telemetry = server_telemetry,
};

static const char usage[] =
	"weft-serve-fakert [OPTION]... DEVICE-FILE\n"
	"serve a device of libfakert; the file is made if it is not there\n"
	"  --name NAME       of the device (fakert0)\n"
	"  --total BYTES     memory of a device that is made (268435456)\n"
	"  --context BYTES   what each context of it costs (16777216)\n"
	"  --memory BYTES    memory of a seat (67108864)\n"
	"  --handles         allocate per buffer, not once\n"
	"  --seats N         tenants at a time (4)\n"
	"  --recovery MODE   0 fail, 1 run again, 2 wait for a new server (1)\n"
	"  --idle-ms N       a seat without work retires after this time (never)\n"
	"  --telemetry-ms N  between two looks at foreign load (1000)\n";

/* Returns 0, or the exit status. */
static int options(int argc, char **argv, struct weft_serve_config *config,
		   struct fakert_device_desc *desc)
{
	static const struct option known[] = {
		{ "name", 1, NULL, 'n' },	{ "total", 1, NULL, 't' },
		{ "context", 1, NULL, 'c' },	{ "memory", 1, NULL, 'm' },
		{ "handles", 0, NULL, 'h' },	{ "seats", 1, NULL, 's' },
		{ "recovery", 1, NULL, 'r' },	{ "idle-ms", 1, NULL, 'i' },
		{ "telemetry-ms", 1, NULL, 'e' }, {},
	};
	struct weft_serve_offer *offer = &config->offer;
	int o;

	while ((o = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 0) : 0;

		if (o == 'n')
			snprintf(offer->name, sizeof(offer->name), "%s", optarg);
		else if (o == 't')
			desc->memory_size = value;
		else if (o == 'c')
			desc->context_size = value;
		else if (o == 'm')
			offer->memory_size = value;
		else if (o == 'h')
			offer->memory = WEFT_SERVE_MEMORY_HANDLES;
		else if (o == 's')
			offer->seats = (uint32_t)value;
		else if (o == 'r')
			offer->recovery = (uint32_t)value;
		else if (o == 'i')
			offer->idle_ns = value * 1000000;
		else if (o == 'e')
			config->telemetry_ns = value * 1000000;
		else
			break;
	}
	if (o >= 0 || optind + 1 != argc) {
		fputs(usage, stderr);
		return 2;
	}
	offer->context_size = desc->context_size;
	config->priv = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	struct fakert_device_desc desc = {
		.memory_size = 256u << 20,
		.context_size = 16u << 20,
		.granule = 4096,
		.register_page_ns = 500,
	};
	struct weft_serve_config config = {
		.offer = {
			.features = WEFT_SERVE_F_REGISTER | WEFT_SERVE_F_EVENTS |
				    WEFT_SERVE_F_TELEMETRY,
			.name = "fakert0",
			.vendor = "weft",
			.model = "fakert",
			.driver = "1",
			.runtime = "1",
			.isas = { "fakert" },
			.dev_class = DRM_WEFT_CLASS_GPU,
			.engines = 1,
			.credits = 4,
			.streams = 1,
			.seats = 4,
			.recovery = WEFT_SERVE_RECOVERY_RERUN,
			.numa_node = -1,
			.memory_size = 64u << 20,
			.bandwidth_down = 1000,
			.bandwidth_up = 1000,
			/* also on an emulator that is busy with other things */
			.spawn_ns = 60000000000ull,
			.answer_ns = 60000000000ull,
		},
	};
	struct fakert_device *device;
	int ret;

	ret = options(argc, argv, &config, &desc);
	if (ret)
		return ret;
	/* fails if it is there, which is fine if it is a device */
	fakert_device_create(config.priv, &desc);
	if (fakert_device_open(config.priv, &device) != FAKERT_OK) {
		fprintf(stderr, "weft-serve-fakert: %s is not a device\n", (char *)config.priv);
		return 2;
	}
	fakert_device_close(device);
	return weft_serve_run(&config, &ops, argv);
}
