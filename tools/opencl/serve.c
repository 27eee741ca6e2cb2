// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-serve-opencl: serves devices of OpenCL.
 *
 * DOC: serve_opencl
 *
 * The server looks at a device to describe it; what works is in its seats, the same program, which
 * find the device by the same words.
 *
 * Rejected: telemetry (OpenCL has no sensors, and does not say who else uses a device).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <drm/weft_drm.h>

#include "seat.h"

#define MIB	(1ull << 20)
#define USER	"nobody"

static struct weft_opencl_options options = { .seats = 4, .answer = 60 };

enum serve_mode { SERVE, SERVE_ALL, SERVE_LIST, SERVE_BUILD };

static int serve_fail(const struct weft_opencl_error *error, int ret)
{
	fprintf(stderr, "weft-serve-opencl: %s\n", error->text);
	return ret;
}

static bool serve_arena(const struct weft_opencl_device *device)
{
	return device->svm && !options.handles;
}

static int serve_list(void)
{
	struct weft_opencl_device *devices;
	struct weft_opencl_error error;
	uint32_t count, i;
	int ret;

	ret = weft_opencl_device_list(&devices, &count, &error);
	if (ret)
		return serve_fail(&error, ret);
	for (i = 0; i < count; i++)
		printf("%u\t%s\t%s\t%s,%s\t%llu MiB\t%s (%s, %s)\n", i,
		       weft_opencl_device_class(&devices[i]),
		       serve_arena(&devices[i]) ? "arena" : "handles", WEFT_OPENCL_ISA,
		       devices[i].own_isa, devices[i].memory / MIB, devices[i].model,
		       devices[i].runtime, devices[i].driver);
	free(devices);
	return 0;
}

static int serve_all(int argc, char **argv)
{
	struct weft_opencl_device *devices;
	struct weft_opencl_error error;
	uint32_t count;
	int ret;

	if (options.device || options.name)
		return serve_fail(&error, weft_opencl_refuse(&error, EINVAL,
				  "--all goes neither with --device nor with --name"));
	ret = weft_opencl_device_list(&devices, &count, &error);
	if (ret)
		return serve_fail(&error, ret);
	free(devices);
	return weft_opencl_all_run(count, argc, argv);
}

/* A whole file; NULL and errno */
static char *serve_read(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r");
	char *data = NULL, *more;
	size_t room = 0;

	*size = 0;
	while (file && !feof(file) && !ferror(file)) {
		if (*size == room) {
			room = room ? 2 * room : 65536;
			more = realloc(data, room);
			if (!more)
				break;
			data = more;
		}
		*size += fread(data + *size, 1, room - *size, file);
	}
	if (file && feof(file) && !ferror(file)) {
		fclose(file);
		return data;
	}
	if (file)
		fclose(file);
	free(data);
	return NULL;
}

/* The image of an OpenCL C file for this device, to the standard output */
static int serve_build(const char *path)
{
	struct weft_opencl_context *context = NULL;
	struct weft_opencl_device device;
	struct weft_opencl_error error;
	size_t size, binary_size = 0;
	void *binary = NULL;
	char log[8192];
	char *source;
	int ret;

	if (isatty(STDOUT_FILENO))
		return serve_fail(&error, weft_opencl_refuse(&error, EINVAL,
				  "an image is not for a terminal: say where to with >"));
	source = serve_read(path, &size);
	if (!source)
		return serve_fail(&error, weft_opencl_refuse(&error, errno ? errno : EIO, "%s: %s",
							     path, strerror(errno)));
	ret = weft_opencl_device_find(options.device, &device, &error);
	if (!ret)
		ret = weft_opencl_context_create(&context, &device, 0, &error);
	if (!ret) {
		ret = weft_opencl_image_translate(context, source, size, &binary, &binary_size, log,
						  sizeof(log), &error);
		fputs(log, stderr);
	}
	if (!ret && (fwrite(binary, 1, binary_size, stdout) != binary_size || fflush(stdout)))
		ret = weft_opencl_refuse(&error, errno, "writing the image: %s", strerror(errno));
	if (ret)
		serve_fail(&error, ret);
	free(binary);
	weft_opencl_context_destroy(context);
	free(source);
	return ret;
}

static int serve_describe(struct weft_serve_offer *offer)
{
	struct weft_opencl_device device;
	struct weft_opencl_error error;
	int ret;

	ret = weft_opencl_device_find(options.device, &device, &error);
	if (ret)
		return serve_fail(&error, ret);
	offer->memory_size = weft_opencl_seat_memory(&options, &device, &error);
	if (!offer->memory_size)
		return serve_fail(&error, -EINVAL);
	offer->memory = serve_arena(&device) ? WEFT_SERVE_MEMORY_ARENA : WEFT_SERVE_MEMORY_HANDLES;
	if (device.type & CL_DEVICE_TYPE_GPU)
		offer->dev_class = DRM_WEFT_CLASS_GPU;
	else if (device.type & CL_DEVICE_TYPE_ACCELERATOR)
		offer->dev_class = DRM_WEFT_CLASS_NPU;
	else
		offer->dev_class = DRM_WEFT_CLASS_CPU;
	snprintf(offer->name, sizeof(offer->name), "%s", options.name ? options.name : "");
	snprintf(offer->vendor, sizeof(offer->vendor), "%.31s", device.vendor);
	snprintf(offer->model, sizeof(offer->model), "%.31s", device.model);
	snprintf(offer->driver, sizeof(offer->driver), "%.31s", device.driver);
	snprintf(offer->runtime, sizeof(offer->runtime), "%.31s", device.runtime);
	snprintf(offer->isas[1], sizeof(offer->isas[1]), "%s", device.own_isa);
	if (offer->dev_class == DRM_WEFT_CLASS_CPU)
		snprintf(offer->link, sizeof(offer->link), "shm");
	return 0;
}

/* What weft_serve_run() returns, or a negative errno */
static int serve_start(char **argv)
{
	struct weft_serve_config config = {
		.offer = {
			.isas = { WEFT_OPENCL_ISA },
			.engines = 1,
			.credits = 2,
			.streams = 1,
			.seats = options.seats,
			.price = options.price,
			.memory = WEFT_SERVE_MEMORY_HANDLES,
			.recovery = WEFT_SERVE_RECOVERY_RERUN,
			.numa_node = -1,
			.bandwidth_down = 10000,
			.bandwidth_up = 10000,
			/* compilers take their time, and the first context of a driver, too */
			.answer_ns = options.answer * 1000000000ull,
			.spawn_ns = options.answer * 1000000000ull,
		},
		/* nobody should wait for a build to be told of what was over before */
		.batch = 1,
		.priv = &options,
	};
	bool seat = getenv("WEFT_SERVE_SEAT");
	int ret = 0;

	if (geteuid())
		options.user = NULL;
	else if (!options.user)
		options.user = USER;
	if (options.user && !strcmp(options.user, "root"))
		options.user = NULL;
	/* a seat asks OpenCL nothing before it is confined */
	if (!seat)
		ret = serve_describe(&config.offer);
	else if (options.user)
		ret = weft_opencl_confine_namespaces();
	return ret ? ret : weft_serve_run(&config, &weft_opencl_seat_ops, argv);
}

static void serve_usage(FILE *to)
{
	fputs("Usage: weft-serve-opencl [OPTION...]\n"
	      "Serve an OpenCL device in a weft pool.\n"
	      "  -d, --device=WHICH  number or a part of the model (default: the only one)\n"
	      "  -a, --all           all devices, each with a server of its own\n"
	      "  -n, --name=NAME     name on the weft bus (default: weft chooses)\n"
	      "  -m, --memory=MIB    memory of each seat (default: half of the device's, shared)\n"
	      "  -H, --handles       a buffer of OpenCL for each of weft's, also if it has SVM\n"
	      "  -s, --seats=N       tenants at a time, 1..16 (default: 4)\n"
	      "  -p, --price=N       what a nanosecond costs, 1024 is the unit\n"
	      "  -w, --answer=SEC    how long a build or a copy may take, 1..600 (default: 60)\n"
	      "  -u, --user=NAME     whom seats run as, if root starts it (default: " USER ")\n"
	      "  -b, --build=FILE    print FILE, in OpenCL C, as an image for the device, and end\n"
	      "  -l, --list          list the devices, and end\n"
	      "  -h, --help          this text\n", to);
}

static int serve_number(const char *text, uint64_t most, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || end == text || *end || !*value || *value > most || text[0] == '-') {
		fprintf(stderr, "weft-serve-opencl: \"%s\" is not a number from 1 to %llu\n", text,
			(unsigned long long)most);
		return -EINVAL;
	}
	return 0;
}

static int serve_arguments(int argc, char **argv, enum serve_mode *mode, const char **build)
{
	static const struct option names[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "all", no_argument, NULL, 'a' },
		{ "name", required_argument, NULL, 'n' },
		{ "memory", required_argument, NULL, 'm' },
		{ "handles", no_argument, NULL, 'H' },
		{ "seats", required_argument, NULL, 's' },
		{ "price", required_argument, NULL, 'p' },
		{ "answer", required_argument, NULL, 'w' },
		{ "user", required_argument, NULL, 'u' },
		{ "build", required_argument, NULL, 'b' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t value = 0;
	int c, ret = 0;

	while (!ret && (c = getopt_long(argc, argv, "d:an:m:Hs:p:w:u:b:lh", names, NULL)) != -1) {
		switch (c) {
		case 'd':
			options.device = optarg;
			break;
		case 'a':
			*mode = SERVE_ALL;
			break;
		case 'n':
			options.name = optarg;
			break;
		case 'm':
			ret = serve_number(optarg, 1u << 30, &value);
			options.memory = value * MIB;
			break;
		case 'H':
			options.handles = true;
			break;
		case 's':
			ret = serve_number(optarg, WEFT_SERVE_MAX_SEATS, &value);
			options.seats = (uint32_t)value;
			break;
		case 'p':
			ret = serve_number(optarg, UINT32_MAX, &value);
			options.price = (uint32_t)value;
			break;
		case 'w':
			ret = serve_number(optarg, 600, &value);
			options.answer = (uint32_t)value;
			break;
		case 'u':
			options.user = optarg;
			break;
		case 'b':
			*mode = SERVE_BUILD;
			*build = optarg;
			break;
		case 'l':
			*mode = SERVE_LIST;
			break;
		case 'h':
			serve_usage(stdout);
			exit(0);
		default:
			ret = -EINVAL;
		}
	}
	if (!ret && optind != argc) {
		fprintf(stderr, "weft-serve-opencl: \"%s\" is no option\n", argv[optind]);
		ret = -EINVAL;
	}
	return ret;
}

int main(int argc, char **argv)
{
	enum serve_mode mode = SERVE;
	const char *build = NULL;
	int ret;

	ret = serve_arguments(argc, argv, &mode, &build);
	if (ret) {
		serve_usage(stderr);
		return -ret;
	}
	switch (mode) {
	case SERVE_LIST:
		ret = serve_list();
		break;
	case SERVE_BUILD:
		ret = serve_build(build);
		break;
	case SERVE_ALL:
		ret = serve_all(argc, argv);
		break;
	default:
		ret = serve_start(argv);
	}
	return ret < 0 ? -ret : ret;
}
