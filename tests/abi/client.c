// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of the time when version 1 was frozen: lists devices, submits a job, waits, looks at
 * the result.
 *
 * DOC: abi client
 *
 * Built with the headers in tests/abi/v1, which stay as they are, and with nothing else of the
 * tree, and run against the modules of today. `client` fills a buffer on a simulated device;
 * `client ISA` runs a kernel without arguments on a device of that instruction set.
 *
 * Rejected: a binary kept in the tree (nobody could review it).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <drm/weft_drm.h>

#define WORDS	1024u
#define BYTES	(WORDS * sizeof(uint32_t))
#define VALUE	0x1d1a15u

/* as weft_sim had it: magic, version, one kernel, pad; operation 2, fill */
static const uint32_t image_fill[] = { 0x4d495357u, 1, 1, 0, 2 };

struct fill {
	uint64_t dst;
	uint64_t count;
	uint32_t value;
	uint32_t pad;
};

static int node;

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void call(unsigned long request, void *arg, const char *what)
{
	int ret;

	do {
		ret = ioctl(node, request, arg);
	} while (ret && errno == EINTR);
	need(!ret, what);
}

static void open_node(void)
{
	const char *path = getenv("WEFT_NODE");
	char name[32];
	int i;

	if (path)
		node = open(path, O_RDWR | O_CLOEXEC);
	for (i = 0, node = path ? node : -1; !path && i < 16 && node < 0; i++) {
		snprintf(name, sizeof(name), "/dev/accel/accel%d", i);
		node = open(name, O_RDWR | O_CLOEXEC);
	}
	need(node >= 0, "no node");
}

/* its number on the bus, by the instruction set it accepts */
static uint32_t find_device(const char *isa)
{
	static struct drm_weft_device_info devices[DRM_WEFT_MAX_DEVICES];
	struct drm_weft_query query = {
		.topic = DRM_WEFT_QUERY_DEVICES, .count = DRM_WEFT_MAX_DEVICES,
		.stride = sizeof(devices[0]), .data = (uintptr_t)devices,
	};
	struct drm_weft_pool_info pool;
	struct drm_weft_query about = {
		.topic = DRM_WEFT_QUERY_POOL, .count = 1, .stride = sizeof(pool),
		.data = (uintptr_t)&pool,
	};
	uint32_t i, j;

	call(DRM_IOCTL_WEFT_QUERY, &about, "QUERY pool");
	need(pool.features & DRM_WEFT_FEATURE_LATE, "late jobs are not offered");
	call(DRM_IOCTL_WEFT_QUERY, &query, "QUERY devices");
	for (i = 0; i < query.count && i < DRM_WEFT_MAX_DEVICES; i++)
		for (j = 0; j < devices[i].isa_count; j++)
			if (!strcmp(devices[i].isas[j], isa)) {
				printf("device %s, class %u\n", devices[i].name,
				       devices[i].device_class);
				return devices[i].id;
			}
	fprintf(stderr, "client: no device for %s\n", isa);
	exit(1);
}

static uint32_t create_program(const char *isa, const void *bytes, size_t size, uint32_t args_size)
{
	struct drm_weft_image image = { .data = (uintptr_t)bytes, .size = size };
	struct drm_weft_kernel kernel = { .name = "k", .args_size = args_size };
	struct drm_weft_program_create program = {
		.images = (uintptr_t)&image, .image_count = 1, .image_stride = sizeof(image),
		.kernels = (uintptr_t)&kernel, .kernel_count = 1, .kernel_stride = sizeof(kernel),
	};

	snprintf(image.isa, sizeof(image.isa), "%s", isa);
	call(DRM_IOCTL_WEFT_PROGRAM_CREATE, &program, "PROGRAM_CREATE");
	return program.handle;
}

/* submits it alone and waits for its record */
static void run(struct drm_weft_job *job, uint32_t device)
{
	struct drm_weft_queue_create queue = { .service = DRM_WEFT_SERVICE_BATCH };
	struct drm_weft_job_record record = {};
	struct drm_weft_submit submit = {
		.jobs = (uintptr_t)job, .job_count = 1, .job_stride = sizeof(*job),
	};
	struct drm_weft_job_query query = {
		.count = 1, .stride = sizeof(record), .records = (uintptr_t)&record,
		.flags = DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK,
		.timeout_ns = UINT64_MAX,
	};

	call(DRM_IOCTL_WEFT_QUEUE_CREATE, &queue, "QUEUE_CREATE");
	submit.queue = queue.handle;
	job->device_mask = 1ull << device;
	call(DRM_IOCTL_WEFT_SUBMIT, &submit, "SUBMIT");
	query.first_id = submit.first_job_id;
	call(DRM_IOCTL_WEFT_JOB_QUERY, &query, "JOB_QUERY");
	need(record.id == submit.first_job_id && record.user_data == job->user_data,
	     "another job's record");
	errno = (int)record.error;
	need(record.state == DRM_WEFT_JOB_DONE && !record.error, "the job failed");
	need(record.device == device, "it ran elsewhere");
}

static void fill(void)
{
	uint32_t device = find_device("sim"), i, *words;
	struct drm_weft_bo_create bo = { .size = BYTES };
	struct drm_weft_bo_mmap_offset where = {};
	struct fill args = { .count = WORDS, .value = VALUE };
	struct drm_weft_buffer buffer = { .access = DRM_WEFT_ACCESS_WRITE, .length = BYTES };
	struct drm_weft_reloc reloc = {};
	struct drm_weft_bo_cpu cpu = {
		.access = DRM_WEFT_ACCESS_READ, .length = BYTES, .timeout_ns = UINT64_MAX,
	};
	struct drm_weft_job job = {
		.args = (uintptr_t)&args, .args_size = sizeof(args),
		.relocs = (uintptr_t)&reloc, .reloc_count = 1, .reloc_stride = sizeof(reloc),
		.buffers = (uintptr_t)&buffer, .buffer_count = 1, .buffer_stride = sizeof(buffer),
		.grid = { 1, 1, 1 }, .user_data = 77,
	};

	job.program = create_program("sim", image_fill, sizeof(image_fill), sizeof(args));
	call(DRM_IOCTL_WEFT_BO_CREATE, &bo, "BO_CREATE");
	buffer.handle = cpu.handle = where.handle = bo.handle;
	run(&job, device);
	call(DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &where, "BO_MMAP_OFFSET");
	words = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, node, (off_t)where.offset);
	need(words != MAP_FAILED, "mmap");
	call(DRM_IOCTL_WEFT_BO_CPU_BEGIN, &cpu, "BO_CPU_BEGIN");
	for (i = 0; i < WORDS; i++)
		need(words[i] == VALUE, "wrong bytes");
	cpu.timeout_ns = 0;
	call(DRM_IOCTL_WEFT_BO_CPU_END, &cpu, "BO_CPU_END");
}

static void bare(const char *isa)
{
	struct drm_weft_job job = { .grid = { 1, 1, 1 }, .user_data = 78 };
	uint32_t device = find_device(isa);

	job.program = create_program(isa, isa, strlen(isa) + 1, 0);
	run(&job, device);
}

int main(int argc, char **argv)
{
	open_node();
	if (argc > 1)
		bare(argv[1]);
	else
		fill();
	puts("client: all is well");
	return 0;
}
