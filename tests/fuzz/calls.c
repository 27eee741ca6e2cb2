// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls: mostly sensible arguments, some of them spoiled.
 *
 * DOC: calls
 *
 * Each call is first made up from things that exist, so that it would succeed; then, one time in
 * three, one or two of its words are overwritten with a value that breaks programs (0, 1, all
 * ones, the sign bit, a neighbour, noise). Pointers that the kernel writes through are only ever
 * replaced by addresses outside of what this program lives in.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define p64(p)	((uint64_t)(uintptr_t)(p))

static const struct drm_weft_kernel kernels[] = {
	{ "nop", sizeof(struct weft_sim_nop), 0 },
	{ "copy", sizeof(struct weft_sim_copy), 0 },
	{ "fill", sizeof(struct weft_sim_fill), 0 },
	{ "add", sizeof(struct weft_sim_add), 0 },
	{ "reduce", sizeof(struct weft_sim_reduce), 0 },
	{ "histogram", sizeof(struct weft_sim_histogram), 0 },
	{ "gemm", sizeof(struct weft_sim_gemm), 0 },
	{ "argmax", sizeof(struct weft_sim_argmax), 0 },
	{ "best", sizeof(struct weft_sim_merge), 0 },
};

/* ------------------------------------------------------------------------------------ values */

static uint64_t nasty(struct rng *r, uint64_t old)
{
	switch (below(r, 9)) {
	case 0: return 0;
	case 1: return 1;
	case 2: return UINT64_MAX;
	case 3: return 1ull << 63 | 1ull << 31;
	case 4: return old + 1;
	case 5: return old - 1;
	case 6: return old ^ 1ull << below(r, 64);
	case 7: return below(r, 4096);
	default: return rng64(r);
	}
}

/* an address the kernel must not trust */
static uint64_t bad_pointer(struct process *p, struct rng *r)
{
	switch (below(r, 6)) {
	case 0: return 0;
	case 1: return 8;
	case 2: return 0xffff888000000000ull;
	case 3: return UINT64_MAX - 7;
	case 4: return p64(p->arena + ARENA_SIZE - 8);	/* runs off the end */
	default: return 1ull << 47;
	}
}

/* spoils @size bytes of @arg now and then; the words whose bit is set in @keep stay */
static void mutate(struct rng *r, void *arg, size_t size, uint64_t keep)
{
	if (!one_in(r, 3))
		return;
	for (int n = 1 + below(r, 2); n; n--) {
		uint32_t at = below(r, size / 4);

		if (at < 64 && keep >> at & 1)
			continue;
		if (!(at & 1) && one_in(r, 2) && at + 1 < size / 4 && !(keep >> (at + 1) & 1)) {
			uint64_t v;

			memcpy(&v, (char *)arg + at * 4, 8);
			v = nasty(r, v);
			memcpy((char *)arg + at * 4, &v, 8);
		} else {
			uint32_t v;

			memcpy(&v, (char *)arg + at * 4, 4);
			v = nasty(r, v);
			memcpy((char *)arg + at * 4, &v, 4);
		}
	}
}

static uint32_t pick(struct rng *r, struct things *t, uint64_t *extra)
{
	uint32_t i = below(r, MAX_THINGS), start = i;

	while (!t->handle[i] && (i = (i + 1) % MAX_THINGS) != start)
		;
	if (extra)
		*extra = t->extra[i];
	return t->handle[i];
}

/* remembers @handle; gives the one that it drives out, so that not all of them leak */
static uint32_t keep(struct rng *r, struct things *t, uint32_t handle, uint64_t extra)
{
	uint32_t i = below(r, MAX_THINGS), old = t->handle[i];

	t->extra[i] = extra;
	t->handle[i] = handle;
	return old;
}

static void forget(struct things *t, uint32_t handle)
{
	for (uint32_t i = 0; i < MAX_THINGS; i++)
		if (t->handle[i] == handle)
			t->handle[i] = 0;
}

/* mostly soon, sometimes never or long ago; whoever waits too long is sent a signal */
static uint64_t some_timeout(struct rng *r)
{
	switch (below(r, 6)) {
	case 0: return 0;
	case 1: return UINT64_MAX;
	default: return now_ns() + below(r, 20) * MS;
	}
}

/* ----------------------------------------------------------------------------------- buffers */

static void bo_close(struct fuzz_client *c, uint32_t handle)
{
	struct drm_gem_close g = { .handle = handle };

	fuzz_ioctl(CALL_GEM_CLOSE, c->fd, DRM_IOCTL_GEM_CLOSE, &g);
}

static void do_bo_create(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_bo_create b = {
		.size = one_in(r, 8) ? below(r, 1 << 21) : 1 + below(r, 1 << 17),
		.flags = one_in(r, 8) ? below(r, 16) : 0,
	};
	uint32_t old;

	(void)p;
	mutate(r, &b, sizeof(b), 0);
	if (b.size > 1 << 22 && !one_in(r, 20))
		b.size &= (1 << 22) - 1;
	if (fuzz_ioctl(CALL_BO_CREATE, c->fd, DRM_IOCTL_WEFT_BO_CREATE, &b))
		return;
	old = keep(r, &c->bo, b.handle, b.size);
	if (old)
		bo_close(c, old);
}

static void do_bo_info(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_bo_info i = { .handle = pick(r, &c->bo, NULL) };

	(void)p;
	mutate(r, &i, sizeof(i), 0);
	fuzz_ioctl(CALL_BO_INFO, c->fd, DRM_IOCTL_WEFT_BO_INFO, &i);
}

static void do_bo_map(struct process *p, struct fuzz_client *c, struct rng *r)
{
	uint64_t size = 0;
	struct drm_weft_bo_mmap_offset m = { .handle = pick(r, &c->bo, &size) };
	int prot = one_in(r, 6) ? PROT_READ : PROT_READ | PROT_WRITE;
	int flags = one_in(r, 10) ? MAP_PRIVATE : MAP_SHARED;
	char *at;

	(void)p;
	mutate(r, &m, sizeof(m), 0);
	if (fuzz_ioctl(CALL_BO_MMAP_OFFSET, c->fd, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &m))
		return;
	if (one_in(r, 10))
		m.offset += 4096 * below(r, 64);
	if (one_in(r, 10))
		size = nasty(r, size) & 0xffffff;
	at = mmap(NULL, size ?: 4096, prot, flags, c->fd, m.offset);
	if (count(CALL_MMAP, at == MAP_FAILED ? -errno : 0))
		return;
	/* the kernel does the touching: a fault that cannot be served is then an errno */
	for (int n = below(r, 4); n && size; n--) {
		int pipe_fd[2];
		char *byte = at + rng64(r) % size;

		if (pipe2(pipe_fd, O_CLOEXEC))
			break;
		if (count(CALL_TOUCH, write(pipe_fd[1], byte, 1) < 0 ? -errno : 0) == 0 &&
		    (prot & PROT_WRITE))
			count(CALL_TOUCH, read(pipe_fd[0], byte, 1) < 0 ? -errno : 0);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
	}
	if (!one_in(r, 50))
		munmap(at, size ?: 4096);
}

static void do_bo_cpu(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_bo_cpu b = { .access = 1 + below(r, 3) };
	bool begin = one_in(r, 2);
	uint64_t size;

	(void)p;
	b.handle = pick(r, &c->bo, &size);
	if (one_in(r, 4) && size) {
		b.offset = rng64(r) % size;
		b.length = rng64(r) % (size - b.offset + 1);
	}
	if (begin)
		b.timeout_ns = some_timeout(r);
	mutate(r, &b, sizeof(b), 0);
	if (!fuzz_ioctl(begin ? CALL_BO_CPU_BEGIN : CALL_BO_CPU_END, c->fd,
			begin ? DRM_IOCTL_WEFT_BO_CPU_BEGIN : DRM_IOCTL_WEFT_BO_CPU_END, &b) &&
	    begin && !one_in(r, 5)) {
		/* most accesses end soon, else no job could use the buffer */
		b.timeout_ns = 0;
		fuzz_ioctl(CALL_BO_CPU_END, c->fd, DRM_IOCTL_WEFT_BO_CPU_END, &b);
	}
}

static void do_bo_wait(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_bo_wait b = {
		.handle = pick(r, &c->bo, NULL), .access = 1 + below(r, 3),
		.timeout_ns = some_timeout(r),
	};

	(void)p;
	mutate(r, &b, sizeof(b), 0);
	fuzz_ioctl(CALL_BO_WAIT, c->fd, DRM_IOCTL_WEFT_BO_WAIT, &b);
}

static void do_gem(struct process *p, struct fuzz_client *c, struct rng *r)
{
	uint32_t handle = pick(r, &c->bo, NULL);
	struct drm_prime_handle prime = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };

	(void)p;
	if (one_in(r, 2)) {
		mutate(r, &prime, sizeof(prime), 0);
		if (!fuzz_ioctl(CALL_PRIME, c->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
			close(prime.fd);
	} else if (one_in(r, 4)) {
		forget(&c->bo, handle);
		bo_close(c, handle);
	}
}

/* -------------------------------------------------------------------------- programs, queues */

static void do_program(struct process *p, struct fuzz_client *c, struct rng *r)
{
	static const char *const isas[] = { "sim", "sim-gpu", "sim-dcu", "sim-npu", "none" };
	struct {
		struct weft_sim_image_header header;
		uint32_t op[ARRAY_SIZE(kernels)];
	} data = { { WEFT_SIM_IMAGE_MAGIC, WEFT_SIM_IMAGE_VERSION, ARRAY_SIZE(kernels), 0 }, {} };
	struct drm_weft_image image[ARRAY_SIZE(isas)] = {};
	struct drm_weft_kernel kernel[ARRAY_SIZE(kernels)];
	struct drm_weft_program_create a = {
		.images = p64(image), .kernels = p64(kernel),
		.image_count = 1 + below(r, ARRAY_SIZE(isas)), .image_stride = sizeof(image[0]),
		.kernel_count = ARRAY_SIZE(kernels), .kernel_stride = sizeof(kernel[0]),
	};
	struct drm_weft_handle h;

	for (uint32_t i = 0; i < ARRAY_SIZE(kernels); i++)
		data.op[i] = i;
	memcpy(kernel, kernels, sizeof(kernel));
	for (uint32_t i = 0; i < a.image_count; i++) {
		strcpy(image[i].isa, isas[i]);
		image[i].data = one_in(r, 40) ? bad_pointer(p, r) : p64(&data);
		image[i].size = sizeof(data);
	}
	if (one_in(r, 6))
		mutate(r, &data, sizeof(data), 0);
	if (one_in(r, 6))
		mutate(r, image, sizeof(image), 0);
	if (one_in(r, 6))
		mutate(r, kernel, sizeof(kernel), 0);
	mutate(r, &a, sizeof(a), 0);
	if (fuzz_ioctl(CALL_PROGRAM_CREATE, c->fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &a))
		return;
	h = (struct drm_weft_handle) { .handle = keep(r, &c->program, a.handle, 0) };
	if (h.handle)
		fuzz_ioctl(CALL_PROGRAM_DESTROY, c->fd, DRM_IOCTL_WEFT_PROGRAM_DESTROY, &h);
}

static void do_program_query(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_program_query q = {
		.handle = pick(r, &c->program, NULL), .device = below(r, 5),
	};

	(void)p;
	mutate(r, &q, sizeof(q), 0);
	fuzz_ioctl(CALL_PROGRAM_QUERY, c->fd, DRM_IOCTL_WEFT_PROGRAM_QUERY, &q);
}

static void do_queue(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_queue_create q = {
		.service = 1 + below(r, 3), .flags = one_in(r, 4), .priority = below(r, 8),
		.depth = one_in(r, 2) ? 1 + below(r, 16) : 0,
	};
	struct drm_weft_queue_set s = {
		.handle = pick(r, &c->queue, NULL), .priority = below(r, 8), .depth = below(r, 32),
	};
	struct drm_weft_handle h = {};

	(void)p;
	if (one_in(r, 2)) {
		mutate(r, &s, sizeof(s), 0);
		fuzz_ioctl(CALL_QUEUE_SET, c->fd, DRM_IOCTL_WEFT_QUEUE_SET, &s);
		return;
	}
	mutate(r, &q, sizeof(q), 0);
	if (fuzz_ioctl(CALL_QUEUE_CREATE, c->fd, DRM_IOCTL_WEFT_QUEUE_CREATE, &q))
		return;
	h.handle = keep(r, &c->queue, q.handle, 0);
	if (one_in(r, 8))
		h.pad = nasty(r, 0);
	if (h.handle)
		fuzz_ioctl(CALL_QUEUE_DESTROY, c->fd, DRM_IOCTL_WEFT_QUEUE_DESTROY, &h);
}

static void do_client_set(struct process *p, struct fuzz_client *c, struct rng *r)
{
	char name[32] = "fuzz";
	struct drm_weft_client_set s = {
		.param = 1 + below(r, 2), .value = p64(name),
	};

	if (one_in(r, 4))
		memset(name, 'x', sizeof(name));
	if (one_in(r, 6))
		s.value = bad_pointer(p, r);
	mutate(r, &s, sizeof(s), 0);
	fuzz_ioctl(CALL_CLIENT_SET, c->fd, DRM_IOCTL_WEFT_CLIENT_SET, &s);
}

static void do_query(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_query q = {
		.topic = below(r, 5), .count = below(r, 20), .stride = 8 * (1 + below(r, 64)),
	};

	/* words 4 and 5 are the pointer that is written through */
	mutate(r, &q, sizeof(q), 0x30);
	q.data = one_in(r, 10) ? bad_pointer(p, r) : p64(p->arena + 8 * below(r, 1000));
	fuzz_ioctl(CALL_QUERY, c->fd, DRM_IOCTL_WEFT_QUERY, &q);
}

/* -------------------------------------------------------------------------------------- jobs */

#define PARTS	4

struct fuzz_job {
	struct drm_weft_buffer buffer[PARTS];
	struct drm_weft_reloc reloc[PARTS];
	struct drm_weft_dep dep[PARTS];
	struct drm_weft_out_sync out[2];
	uint64_t args[8];
};

/* buffers and relocations for the leading address arguments of an operation */
static void job_addresses(struct fuzz_client *c, struct rng *r, struct drm_weft_job *j,
			  struct fuzz_job *f, uint32_t n, uint64_t *smallest)
{
	*smallest = UINT64_MAX;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t size = 0;
		uint32_t handle = pick(r, &c->bo, &size), k;

		for (k = 0; k < j->buffer_count; k++)
			if (f->buffer[k].handle == handle)
				break;
		if (k == j->buffer_count) {
			f->buffer[k] = (struct drm_weft_buffer) { .handle = handle };
			j->buffer_count++;
		}
		f->buffer[k].access |= i ? DRM_WEFT_ACCESS_READ : DRM_WEFT_ACCESS_WRITE;
		f->reloc[i] = (struct drm_weft_reloc) { .offset = 8 * i, .buffer = k };
		j->reloc_count++;
		if (size < *smallest)
			*smallest = size;
	}
}

static void make_job(struct process *p, struct fuzz_client *c, struct rng *r,
		     struct drm_weft_job *j, struct fuzz_job *f, uint32_t index)
{
	uint32_t op = one_in(r, 3) ? WEFT_SIM_OP_NOP : below(r, ARRAY_SIZE(kernels));
	uint64_t bytes, point = 0;

	memset(f, 0, sizeof(*f));
	*j = (struct drm_weft_job) {
		.program = pick(r, &c->program, NULL), .kernel = op,
		.flags = below(r, 4), .args = p64(f->args), .relocs = p64(f->reloc),
		.buffers = p64(f->buffer), .deps = p64(f->dep), .out_syncs = p64(f->out),
		.args_size = kernels[op].args_size,
		.reloc_stride = sizeof(f->reloc[0]), .buffer_stride = sizeof(f->buffer[0]),
		.dep_stride = sizeof(f->dep[0]), .out_sync_stride = sizeof(f->out[0]),
		.grid = { 1, 1, 1 },
		/* ids grow as devices come and go: half of all that may be there */
		.device_mask = one_in(r, 4) ? rng64(r) : 0,
		.timeout_ns = one_in(r, 3) ? (1 + below(r, 20)) * MS : 0,
		.user_data = rng64(r),
	};
	switch (op) {
	case WEFT_SIM_OP_NOP:
		/* some outlast their timeout */
		f->args[0] = one_in(r, 16) ? 100000000 : below(r, 1000);
		if (f->args[0] > 1000)
			j->timeout_ns = (1 + below(r, 10)) * MS;
		break;
	case WEFT_SIM_OP_COPY:
		job_addresses(c, r, j, f, 2, &bytes);
		f->args[2] = bytes;
		break;
	case WEFT_SIM_OP_FILL:
		job_addresses(c, r, j, f, 1, &bytes);
		f->args[1] = bytes / 4;
		break;
	case WEFT_SIM_OP_ADD:
		job_addresses(c, r, j, f, 3, &bytes);
		f->args[3] = bytes / 4;
		break;
	case WEFT_SIM_OP_REDUCE:
	case WEFT_SIM_OP_HISTOGRAM:
		job_addresses(c, r, j, f, 2, &bytes);
		f->args[2] = bytes / 8;
		break;
	default:
		job_addresses(c, r, j, f, op == WEFT_SIM_OP_BEST ? 2 : 3, &bytes);
		for (int i = 3; i < 5; i++)
			f->args[i] = (uint64_t)(1 + below(r, 8)) << 32 | (1 + below(r, 8));
		break;
	}
	if (index && one_in(r, 2))
		f->dep[j->dep_count++] = (struct drm_weft_dep) {
			DRM_WEFT_DEP_INDEX, 0, below(r, index)
		};
	if (one_in(r, 8))
		f->dep[j->dep_count++] = (struct drm_weft_dep) {
			DRM_WEFT_DEP_JOB, 0, c->job[below(r, ARRAY_SIZE(c->job))]
		};
	if (one_in(r, 8)) {
		uint32_t s = pick(r, &c->syncobj, &point);

		f->dep[j->dep_count++] = (struct drm_weft_dep) { DRM_WEFT_DEP_SYNCOBJ, s, point };
	}
	if (one_in(r, 6)) {
		f->out[0].handle = pick(r, &c->syncobj, &point);
		f->out[0].point = one_in(r, 2) ? 0 : point + 1 + below(r, 3);
		j->out_sync_count = 1;
	}
	if (one_in(r, 24))
		mutate(r, f, sizeof(*f), 0);
	if (one_in(r, 24))
		mutate(r, j, sizeof(*j), 0);
	if (one_in(r, 200))
		j->args = bad_pointer(p, r);
	if (one_in(r, 200))
		j->buffers = bad_pointer(p, r);
}

static void do_submit(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_job j[12];
	struct fuzz_job f[ARRAY_SIZE(j)];
	uint32_t n = one_in(r, 4) ? 1 + below(r, ARRAY_SIZE(j)) : 1;
	struct drm_weft_submit s = {
		.queue = pick(r, &c->queue, NULL), .jobs = p64(j), .job_count = n,
		.job_stride = sizeof(j[0]),
	};

	for (uint32_t i = 0; i < n; i++)
		make_job(p, c, r, &j[i], &f[i], i);
	if (one_in(r, 8))
		mutate(r, &s, sizeof(s), 0);
	if (fuzz_ioctl(CALL_SUBMIT, c->fd, DRM_IOCTL_WEFT_SUBMIT, &s))
		return;
	for (uint32_t i = 0; i < n; i++)
		c->job[below(r, ARRAY_SIZE(c->job))] = s.first_job_id + i;
	/* a young job is the one worth cancelling */
	if (one_in(r, 12)) {
		struct drm_weft_job_cancel cancel = { .job_id = s.first_job_id + n - 1 };

		fuzz_ioctl(CALL_JOB_CANCEL, c->fd, DRM_IOCTL_WEFT_JOB_CANCEL, &cancel);
	}
}

/* the id of a job of this client, if it has had any */
static uint64_t pick_job(struct fuzz_client *c, struct rng *r)
{
	uint32_t i = below(r, ARRAY_SIZE(c->job));

	for (uint32_t n = 0; n < ARRAY_SIZE(c->job) && !c->job[i]; n++)
		i = (i + 1) % ARRAY_SIZE(c->job);
	return c->job[i];
}

static void do_job_query(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_job_query q = {
		.first_id = pick_job(c, r),
		.count = 1 + (one_in(r, 4) ? below(r, 32) : 0),
		.stride = one_in(r, 8) ? 32 + 8 * below(r, 40) : sizeof(struct drm_weft_job_record),
		.flags = below(r, 4),
	};
	struct drm_weft_job_record *record;

	if (q.flags & DRM_WEFT_JOB_QUERY_WAIT)
		q.timeout_ns = some_timeout(r);
	/* words 4 and 5 are the pointer that is written through */
	mutate(r, &q, sizeof(q), 0x30);
	record = (void *)(p->arena + 4096 + 8 * below(r, 1000));
	q.records = one_in(r, 12) ? bad_pointer(p, r) : one_in(r, 12) ? 0 : p64(record);
	if (!fuzz_ioctl(CALL_JOB_QUERY, c->fd, DRM_IOCTL_WEFT_JOB_QUERY, &q) &&
	    q.records == p64(record) && q.stride >= sizeof(*record) &&
	    record->state == DRM_WEFT_JOB_DONE && record->error < MAX_ERRNO) {
		__atomic_add_fetch(&counts->job_error[record->error], 1, __ATOMIC_RELAXED);
		if (!record->error && c->other)
			__atomic_add_fetch(&counts->elsewhere, 1, __ATOMIC_RELAXED);
	}
}

static void do_job_cancel(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct drm_weft_job_cancel j = { .job_id = pick_job(c, r) };

	(void)p;
	mutate(r, &j, sizeof(j), 0);
	fuzz_ioctl(CALL_JOB_CANCEL, c->fd, DRM_IOCTL_WEFT_JOB_CANCEL, &j);
}

/* ---------------------------------------------------------------------------------- syncobjs */

static void do_syncobj(struct process *p, struct fuzz_client *c, struct rng *r)
{
	uint64_t point = 0;
	uint32_t s = pick(r, &c->syncobj, &point);
	struct drm_syncobj_create create = { .flags = below(r, 2) };
	struct drm_syncobj_destroy destroy = {};
	struct drm_syncobj_timeline_wait wait = {
		.handles = p64(&s), .points = p64(&point), .count_handles = 1,
		.timeout_nsec = now_ns() + below(r, 10) * MS,
		.flags = one_in(r, 2) ? DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT : 0,
	};
	struct drm_syncobj_timeline_array signal = {
		.handles = p64(&s), .points = p64(&point), .count_handles = 1,
	};
	struct drm_syncobj_handle export = {
		.handle = s, .fd = -1, .flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};

	(void)p;
	switch (below(r, 5)) {
	case 0:
		if (fuzz_ioctl(CALL_SYNCOBJ_CREATE, c->fd, DRM_IOCTL_SYNCOBJ_CREATE, &create))
			return;
		destroy.handle = keep(r, &c->syncobj, create.handle, below(r, 2) ? 0 : below(r, 9));
		if (destroy.handle)
			fuzz_ioctl(CALL_SYNCOBJ_DESTROY, c->fd, DRM_IOCTL_SYNCOBJ_DESTROY,
				   &destroy);
		break;
	case 1:
		fuzz_ioctl(CALL_SYNCOBJ_SIGNAL, c->fd, point ? DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL :
			   DRM_IOCTL_SYNCOBJ_SIGNAL, &signal);
		break;
	case 2:
		if (!fuzz_ioctl(CALL_SYNCOBJ_EXPORT, c->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
				&export))
			close(export.fd);
		break;
	default:
		fuzz_ioctl(CALL_SYNCOBJ_WAIT, c->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait);
		break;
	}
}

/* ------------------------------------------------------------------------------------- files */

static void do_unknown(struct process *p, struct fuzz_client *c, struct rng *r)
{
	unsigned int nr = DRM_COMMAND_BASE + below(r, 0x60);
	unsigned long request = _IOC(below(r, 4), DRM_IOCTL_BASE, nr, below(r, 512));
	/* in the arena: whatever size the number claims is there */
	char *arg = p->arena + ARENA_SIZE / 2;

	memset(arg, below(r, 256), 512);
	fuzz_ioctl(CALL_UNKNOWN, c->fd, request, arg);
}

static void do_events(struct process *p, struct fuzz_client *c, struct rng *r)
{
	struct pollfd pf = { .fd = c->fd, .events = POLLIN };

	count(CALL_POLL, poll(&pf, 1, below(r, 3)) < 0 ? -errno : 0);
	if (pf.revents & POLLIN)
		count(CALL_READ, read(c->fd, p->arena, 16 * below(r, 8)) < 0 ? -errno : 0);
}

static void client_reopen(struct fuzz_client *c, struct rng *r)
{
	bool other = one_in(r, 3);
	int old = c->fd, fd = pool_open(r, other);

	count(CALL_OPEN, fd < 0 ? fd : 0);
	if (fd < 0)
		return;
	memset(&c->bo, 0, sizeof(*c) - offsetof(struct fuzz_client, bo));
	c->fd = fd;
	c->other = other;
	if (old >= 0)
		count(CALL_CLOSE, close(old) ? -errno : 0);
}

static void do_close(struct process *p, struct fuzz_client *c, struct rng *r)
{
	(void)p;
	if (one_in(r, 20))
		client_reopen(c, r);
}

/* a child that has our files for a moment, and perhaps the last reference to one */
static void do_fork(struct process *p, struct fuzz_client *c, struct rng *r)
{
	pid_t pid;

	if (!one_in(r, 12))
		return;
	pid = fork();
	count(CALL_FORK, pid < 0 ? -errno : 0);
	if (!pid) {
		alarm(2);
		for (int n = below(r, 4); n; n--)
			do_submit(p, c, r);
		_exit(0);
	}
	if (pid > 0 && one_in(r, 2))
		client_reopen(c, r);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static const struct {
	void (*fn)(struct process *p, struct fuzz_client *c, struct rng *r);
	uint32_t weight;
} steps[] = {
	{ do_submit, 30 }, { do_job_query, 20 }, { do_bo_create, 8 }, { do_bo_cpu, 10 },
	{ do_job_cancel, 5 }, { do_bo_info, 3 }, { do_bo_map, 5 }, { do_bo_wait, 4 },
	{ do_gem, 4 }, { do_program, 3 }, { do_program_query, 3 }, { do_queue, 4 },
	{ do_client_set, 1 }, { do_query, 4 }, { do_syncobj, 10 }, { do_unknown, 1 },
	{ do_events, 3 }, { do_close, 2 }, { do_fork, 1 },
};

void process_init(struct process *p)
{
	size_t guard = 256u << 20;

	memset(p, 0, sizeof(*p));
	p->arena = mmap(NULL, ARENA_SIZE + guard, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->arena == MAP_FAILED || mprotect(p->arena, ARENA_SIZE, PROT_READ | PROT_WRITE))
		_exit(3);
	for (int i = 0; i < MAX_CLIENTS; i++)
		p->client[i].fd = -1;
}

void fuzz_step(struct process *p, struct rng *r)
{
	struct fuzz_client *c = &p->client[below(r, MAX_CLIENTS)];
	uint32_t total = 0, at, i;

	/* a pool may be gone any time: whoever is in one that was made looks for another soon */
	if (c->fd < 0 || (c->other && one_in(r, 200)))
		client_reopen(c, r);
	/* what nearly everything needs */
	if (!c->program.handle[0] && !pick(r, &c->program, NULL))
		do_program(p, c, r);
	if (!c->queue.handle[0] && !pick(r, &c->queue, NULL))
		do_queue(p, c, r);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		total += steps[i].weight;
	at = below(r, total);
	for (i = 0; at >= steps[i].weight; i++)
		at -= steps[i].weight;
	steps[i].fn(p, c, r);
}
