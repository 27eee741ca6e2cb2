// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients, buffers, jobs and syncobjs of the tests; simdev.c has devices and files.
 */
#include <fcntl.h>
#include <linux/sync_file.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <grp.h>

#include "common.h"

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

uint64_t in_ns(uint64_t ns)
{
	return now_ns() + ns;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

long ioc(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* ------------------------------------------------------------------------------------- the node */

static char node_path[64], sysfs_path[256];

int pool_try_open(void)
{
	int ret = -ENODEV;

	for (int i = 0; i < 64; i++) {
		char name[32] = "", path[64];
		struct drm_version v = { .name = name, .name_len = sizeof(name) - 1 };
		int fd;

		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			if (errno != ENOENT)
				ret = -errno;
			continue;
		}
		if (!ioc(fd, DRM_IOCTL_VERSION, &v) && !strcmp(name, "weft")) {
			strcpy(node_path, path);
			snprintf(sysfs_path, sizeof(sysfs_path),
				 "/sys/class/accel/accel%d/device/weft/", i);
			return fd;
		}
		close(fd);
	}
	return ret;
}

int pool_open(void)
{
	int fd = pool_try_open();

	CHECK_MSG(fd >= 0, "no weft pool below /dev/accel: %s", tap_value(fd));
	return fd;
}

const char *pool_path(void)
{
	if (!*node_path)
		close(pool_open());
	return node_path;
}

const char *pool_sysfs(const char *leaf)
{
	static char path[512];

	pool_path();
	snprintf(path, sizeof(path), "%s%s", sysfs_path, leaf);
	return path;
}

long query(int fd, uint32_t topic, void *data, uint32_t *count, uint32_t stride)
{
	struct drm_weft_query q = {
		.topic = topic, .count = *count, .stride = stride, .data = p64(data),
	};
	long ret = ioc(fd, DRM_IOCTL_WEFT_QUERY, &q);

	*count = q.count;
	return ret;
}

void pool_info(int fd, struct drm_weft_pool_info *info)
{
	uint32_t n = 1;

	CHECK_EQ(query(fd, DRM_WEFT_QUERY_POOL, info, &n, sizeof(*info)), 0);
}

void client_info(int fd, struct drm_weft_client_info *info)
{
	uint32_t n = 1;

	CHECK_EQ(query(fd, DRM_WEFT_QUERY_CLIENT, info, &n, sizeof(*info)), 0);
}

uint64_t features(int fd)
{
	struct drm_weft_pool_info info;

	pool_info(fd, &info);
	return info.features;
}

bool dev_find(int fd, const char *name, struct drm_weft_device_info *info)
{
	struct drm_weft_device_info all[DRM_WEFT_MAX_DEVICES];
	uint32_t n = DRM_WEFT_MAX_DEVICES;

	CHECK_EQ(query(fd, DRM_WEFT_QUERY_DEVICES, all, &n, sizeof(all[0])), 0);
	for (uint32_t i = 0; i < n && i < DRM_WEFT_MAX_DEVICES; i++)
		if (!strcmp(all[i].name, name)) {
			*info = all[i];
			return true;
		}
	return false;
}

uint64_t dev_mask(int fd, const char *name)
{
	struct drm_weft_device_info info;

	CHECK_MSG(dev_find(fd, name, &info), "no device %s in the pool", name);
	return 1ull << info.id;
}

void region_info(int fd, uint32_t id, struct drm_weft_region_info *info)
{
	struct drm_weft_region_info all[DRM_WEFT_MAX_REGIONS];
	uint32_t n = DRM_WEFT_MAX_REGIONS;

	CHECK_EQ(query(fd, DRM_WEFT_QUERY_REGIONS, all, &n, sizeof(all[0])), 0);
	for (uint32_t i = 0; i < n && i < DRM_WEFT_MAX_REGIONS; i++)
		if (all[i].id == id) {
			*info = all[i];
			return;
		}
	CHECK_MSG(false, "no region %u in the pool", id);
}

/* --------------------------------------------------------------------------------------- client */

const struct drm_weft_kernel sim_kernels[WEFT_SIM_OP_COUNT] = {
	[WEFT_SIM_OP_NOP] = { "nop", sizeof(struct weft_sim_nop), 0 },
	[WEFT_SIM_OP_COPY] = { "copy", sizeof(struct weft_sim_copy), 0 },
	[WEFT_SIM_OP_FILL] = { "fill", sizeof(struct weft_sim_fill), 0 },
	[WEFT_SIM_OP_ADD] = { "add", sizeof(struct weft_sim_add), 0 },
	[WEFT_SIM_OP_REDUCE] = { "reduce", sizeof(struct weft_sim_reduce), 0 },
	[WEFT_SIM_OP_HISTOGRAM] = { "histogram", sizeof(struct weft_sim_histogram), 0 },
	[WEFT_SIM_OP_GEMM_I8] = { "gemm_i8", sizeof(struct weft_sim_gemm), 0 },
	[WEFT_SIM_OP_ARGMAX] = { "argmax", sizeof(struct weft_sim_argmax), 0 },
	[WEFT_SIM_OP_BEST] = { "best", sizeof(struct weft_sim_merge), 0 },
};

uint32_t program_create(int fd)
{
	static const char *const isas[] = { "sim-gpu", "sim-dcu", "sim-npu", "sim" };
	struct {
		struct weft_sim_image_header header;
		uint32_t op[WEFT_SIM_OP_COUNT];
	} image = {
		.header = { WEFT_SIM_IMAGE_MAGIC, WEFT_SIM_IMAGE_VERSION, WEFT_SIM_OP_COUNT, 0 },
	};
	struct drm_weft_image images[ARRAY_SIZE(isas)] = {};
	struct drm_weft_program_create p = {
		.images = p64(images),
		.kernels = p64(sim_kernels),
		.image_count = ARRAY_SIZE(isas),
		.image_stride = sizeof(images[0]),
		.kernel_count = WEFT_SIM_OP_COUNT,
		.kernel_stride = sizeof(sim_kernels[0]),
	};

	for (uint32_t i = 0; i < WEFT_SIM_OP_COUNT; i++)
		image.op[i] = i;
	for (uint32_t i = 0; i < ARRAY_SIZE(isas); i++) {
		strcpy(images[i].isa, isas[i]);
		images[i].data = p64(&image);
		images[i].size = sizeof(image);
	}
	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p), 0);
	return p.handle;
}

uint32_t queue_create(int fd, uint32_t flags, uint32_t depth)
{
	struct drm_weft_queue_create q = {
		.service = DRM_WEFT_SERVICE_BATCH, .flags = flags, .priority = 3, .depth = depth,
	};

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_QUEUE_CREATE, &q), 0);
	return q.handle;
}

static void client_init(struct client *c, int fd)
{
	c->fd = fd;
	c->queue = queue_create(c->fd, 0, 0);
	c->program = program_create(c->fd);
}

void client_open(struct client *c)
{
	client_init(c, pool_open());
}

void client_open_pool(struct client *c, const char *name)
{
	int fd = pool_open_name(name);

	CHECK_MSG(fd >= 0, "no node of pool %s: %s", name, tap_value(fd));
	client_init(c, fd);
}

void client_close(struct client *c)
{
	close(c->fd);
	c->fd = -1;
}

/* -------------------------------------------------------------------------------------- buffers */

uint32_t bo_create(int fd, uint64_t size)
{
	struct drm_weft_bo_create b = { .size = size };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	return b.handle;
}

void bo_close(int fd, uint32_t handle)
{
	struct drm_gem_close g = { .handle = handle };

	CHECK_EQ(ioc(fd, DRM_IOCTL_GEM_CLOSE, &g), 0);
}

long bo_info(int fd, uint32_t handle, struct drm_weft_bo_info *info)
{
	memset(info, 0, sizeof(*info));
	info->handle = handle;
	return ioc(fd, DRM_IOCTL_WEFT_BO_INFO, info);
}

long bo_cpu(int fd, bool begin, uint32_t handle, uint32_t access, uint64_t timeout)
{
	struct drm_weft_bo_cpu b = {
		.handle = handle, .access = access, .timeout_ns = begin ? timeout : 0,
	};

	return ioc(fd, begin ? DRM_IOCTL_WEFT_BO_CPU_BEGIN : DRM_IOCTL_WEFT_BO_CPU_END, &b);
}

long bo_wait(int fd, uint32_t handle, uint32_t access, uint64_t timeout)
{
	struct drm_weft_bo_wait b = {
		.handle = handle, .access = access, .timeout_ns = timeout,
	};

	return ioc(fd, DRM_IOCTL_WEFT_BO_WAIT, &b);
}

void *bo_map(int fd, uint32_t handle, uint64_t size)
{
	struct drm_weft_bo_mmap_offset m = { .handle = handle };
	void *p;

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_MMAP_OFFSET, &m), 0);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, m.offset);
	CHECK_MSG(p != MAP_FAILED, "mmap of a buffer: %s", tap_value(-errno));
	return p;
}

static long bo_access(int fd, uint32_t handle, uint64_t offset, void *data, uint64_t size,
		      uint32_t access)
{
	struct drm_weft_bo_cpu b = {
		.handle = handle, .access = access, .offset = offset, .length = size,
		.timeout_ns = in_ns(PATIENCE),
	};
	long ret = ioc(fd, DRM_IOCTL_WEFT_BO_CPU_BEGIN, &b);
	char *p;

	if (ret)
		return ret;
	p = bo_map(fd, handle, offset + size);
	if (access & DRM_WEFT_ACCESS_WRITE)
		memcpy(p + offset, data, size);
	else
		memcpy(data, p + offset, size);
	munmap(p, offset + size);
	b.timeout_ns = 0;
	return ioc(fd, DRM_IOCTL_WEFT_BO_CPU_END, &b);
}

long bo_write(int fd, uint32_t handle, uint64_t offset, const void *data, uint64_t size)
{
	return bo_access(fd, handle, offset, (void *)data, size, DRM_WEFT_ACCESS_WRITE);
}

long bo_read(int fd, uint32_t handle, uint64_t offset, void *data, uint64_t size)
{
	return bo_access(fd, handle, offset, data, size, DRM_WEFT_ACCESS_READ);
}

void bo_fill(int fd, uint32_t handle, uint64_t size, uint32_t value)
{
	uint32_t *data = malloc(size);

	for (uint64_t i = 0; i < size / 4; i++)
		data[i] = value;
	CHECK_EQ(bo_write(fd, handle, 0, data, size), 0);
	free(data);
}

void bo_expect(int fd, uint32_t handle, uint64_t size, uint32_t value)
{
	uint32_t *data = malloc(size);

	CHECK_EQ(bo_read(fd, handle, 0, data, size), 0);
	for (uint64_t i = 0; i < size / 4; i++)
		CHECK_MSG(data[i] == value, "word %llu of buffer %u is %#x, not %#x",
			  (unsigned long long)i, handle, data[i], value);
	free(data);
}

/* ----------------------------------------------------------------------------------------- jobs */

void job_init(struct job *job, const struct client *c, enum weft_sim_op op)
{
	memset(job, 0, sizeof(*job));
	job->j = (struct drm_weft_job) {
		.program = c->program,
		.kernel = op,
		.args_size = sim_kernels[op].args_size,
		.reloc_stride = sizeof(job->reloc[0]),
		.buffer_stride = sizeof(job->buffer[0]),
		.dep_stride = sizeof(job->dep[0]),
		.out_sync_stride = sizeof(job->out[0]),
		.grid = { 1, 1, 1 },
	};
}

uint32_t job_buffer(struct job *job, uint32_t handle, uint32_t access)
{
	uint32_t i = job->j.buffer_count++;

	CHECK(i < MAX_JOB_PARTS);
	job->buffer[i] = (struct drm_weft_buffer) { .handle = handle, .access = access };
	return i;
}

void job_reloc(struct job *job, size_t offset, uint32_t index, uint64_t delta)
{
	uint32_t i = job->j.reloc_count++;

	CHECK(i < MAX_JOB_PARTS);
	job->reloc[i] = (struct drm_weft_reloc) { offset, index, delta };
}

void job_dep(struct job *job, uint32_t type, uint32_t handle, uint64_t value)
{
	uint32_t i = job->j.dep_count++;

	CHECK(i < MAX_JOB_PARTS);
	job->dep[i] = (struct drm_weft_dep) { type, handle, value };
}

void job_out(struct job *job, uint32_t syncobj, uint64_t point)
{
	uint32_t i = job->j.out_sync_count++;

	CHECK(i < MAX_JOB_PARTS);
	job->out[i] = (struct drm_weft_out_sync) { .handle = syncobj, .point = point };
}

void job_nop(struct job *job, const struct client *c, uint64_t work)
{
	job_init(job, c, WEFT_SIM_OP_NOP);
	job->args.nop.work = work;
	job->j.size = work ?: 1;
}

void job_fill(struct job *job, const struct client *c, uint32_t dst, uint64_t bytes, uint32_t value)
{
	job_init(job, c, WEFT_SIM_OP_FILL);
	job->args.fill.count = bytes / 4;
	job->args.fill.value = value;
	job->j.size = bytes / 4;
	job_reloc(job, offsetof(struct weft_sim_fill, dst),
		  job_buffer(job, dst, DRM_WEFT_ACCESS_WRITE), 0);
}

void job_copy(struct job *job, const struct client *c, uint32_t dst, uint32_t src, uint64_t bytes)
{
	job_init(job, c, WEFT_SIM_OP_COPY);
	job->args.copy.bytes = bytes;
	job->j.size = bytes;
	job_reloc(job, offsetof(struct weft_sim_copy, dst),
		  job_buffer(job, dst, DRM_WEFT_ACCESS_WRITE), 0);
	job_reloc(job, offsetof(struct weft_sim_copy, src),
		  job_buffer(job, src, DRM_WEFT_ACCESS_READ), 0);
}

/* dst = a + b, element by element; a or b may be dst (then the job reads and writes it) */
void job_add(struct job *job, const struct client *c, uint32_t dst, uint32_t a, uint32_t b,
	     uint64_t bytes)
{
	const uint32_t handle[3] = { dst, a, b };
	const size_t offset[3] = {
		offsetof(struct weft_sim_add, dst),
		offsetof(struct weft_sim_add, a),
		offsetof(struct weft_sim_add, b),
	};

	job_init(job, c, WEFT_SIM_OP_ADD);
	job->args.add.count = bytes / 4;
	job->j.size = bytes / 4;
	for (int i = 0; i < 3; i++) {
		uint32_t access = i ? DRM_WEFT_ACCESS_READ : DRM_WEFT_ACCESS_WRITE, k;

		for (k = 0; k < job->j.buffer_count; k++)
			if (job->buffer[k].handle == handle[i])
				break;
		if (k < job->j.buffer_count)
			job->buffer[k].access |= access;
		else
			job_buffer(job, handle[i], access);
		job_reloc(job, offset[i], k, 0);
	}
}

long submit_raw(const struct client *c, struct job *jobs, uint32_t n, struct drm_weft_submit *s)
{
	struct drm_weft_job *flat = calloc(n, sizeof(*flat));
	struct drm_weft_submit own;
	long ret;

	for (uint32_t i = 0; i < n; i++) {
		jobs[i].j.args = p64(&jobs[i].args);
		jobs[i].j.relocs = p64(jobs[i].reloc);
		jobs[i].j.buffers = p64(jobs[i].buffer);
		jobs[i].j.deps = p64(jobs[i].dep);
		jobs[i].j.out_syncs = p64(jobs[i].out);
		flat[i] = jobs[i].j;
	}
	s = s ?: &own;
	*s = (struct drm_weft_submit) {
		.queue = c->queue,
		.jobs = p64(flat),
		.job_count = n,
		.job_stride = sizeof(*flat),
	};
	ret = ioc(c->fd, DRM_IOCTL_WEFT_SUBMIT, s);
	free(flat);
	return ret;
}

uint64_t submit(const struct client *c, struct job *jobs, uint32_t n)
{
	struct drm_weft_submit s;
	long ret;

	do
		ret = submit_raw(c, jobs, n, &s);
	while (ret == -EINTR);
	CHECK_MSG(!ret, "SUBMIT: %s, failed_index %d", tap_value(ret), (int)s.failed_index);
	return s.first_job_id;
}

long job_query(int fd, uint64_t id, uint32_t count, struct drm_weft_job_record *records,
	       uint32_t flags, uint64_t timeout)
{
	struct drm_weft_job_query q = {
		.first_id = id, .count = count, .stride = sizeof(*records), .records = p64(records),
		.flags = flags, .timeout_ns = timeout,
	};

	return ioc(fd, DRM_IOCTL_WEFT_JOB_QUERY, &q);
}

void job_wait(int fd, uint64_t id, struct drm_weft_job_record *record)
{
	uint64_t end = in_ns(PATIENCE);
	long ret;

	do
		ret = job_query(fd, id, 1, record, DRM_WEFT_JOB_QUERY_WAIT, end);
	while (ret == -EINTR);
	CHECK_MSG(!ret, "waiting for job %llu: %s, state %u", (unsigned long long)id,
		  tap_value(ret), job_state(fd, id));
	CHECK_EQ(record->state, DRM_WEFT_JOB_DONE);
}

uint32_t job_result(int fd, uint64_t id)
{
	struct drm_weft_job_record r;

	job_wait(fd, id, &r);
	CHECK_EQ(job_query(fd, id, 1, NULL, DRM_WEFT_JOB_QUERY_ACK, 0), 0);
	return r.error;
}

uint32_t job_state(int fd, uint64_t id)
{
	struct drm_weft_job_record r;

	CHECK_EQ(job_query(fd, id, 1, &r, 0, 0), 0);
	return r.state;
}

void job_reach(int fd, uint64_t id, uint32_t state)
{
	uint64_t end = in_ns(PATIENCE);

	while (job_state(fd, id) < state) {
		CHECK_MSG(now_ns() < end, "job %llu stays in state %u, wanted %u",
			  (unsigned long long)id, job_state(fd, id), state);
		sleep_ms(1);
	}
}

long job_cancel(int fd, uint64_t id)
{
	struct drm_weft_job_cancel c = { .job_id = id };

	return ioc(fd, DRM_IOCTL_WEFT_JOB_CANCEL, &c);
}

void job_run(const struct client *c, struct job *job)
{
	CHECK_EQ(-(long long)job_result(c->fd, submit(c, job, 1)), 0);
}

/* ------------------------------------------------------------------------------------- syncobjs */

uint32_t syncobj_create(int fd, uint32_t flags)
{
	struct drm_syncobj_create s = { .flags = flags };

	CHECK_EQ(ioc(fd, DRM_IOCTL_SYNCOBJ_CREATE, &s), 0);
	return s.handle;
}

void syncobj_destroy(int fd, uint32_t handle)
{
	struct drm_syncobj_destroy s = { .handle = handle };

	CHECK_EQ(ioc(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &s), 0);
}

long syncobj_wait(int fd, uint32_t handle, uint64_t point, uint32_t flags, uint64_t timeout)
{
	struct drm_syncobj_wait b = {
		.handles = p64(&handle), .count_handles = 1, .flags = flags,
		.timeout_nsec = timeout > INT64_MAX ? INT64_MAX : timeout,
	};
	struct drm_syncobj_timeline_wait t = {
		.handles = p64(&handle), .points = p64(&point), .count_handles = 1, .flags = flags,
		.timeout_nsec = timeout > INT64_MAX ? INT64_MAX : timeout,
	};

	return point ? ioc(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &t)
		     : ioc(fd, DRM_IOCTL_SYNCOBJ_WAIT, &b);
}

long syncobj_signal(int fd, uint32_t handle, uint64_t point)
{
	struct drm_syncobj_array b = { .handles = p64(&handle), .count_handles = 1 };
	struct drm_syncobj_timeline_array t = {
		.handles = p64(&handle), .points = p64(&point), .count_handles = 1,
	};

	return point ? ioc(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &t)
		     : ioc(fd, DRM_IOCTL_SYNCOBJ_SIGNAL, &b);
}

int syncobj_sync_file(int fd, uint32_t handle)
{
	struct drm_syncobj_handle h = {
		.handle = handle, .flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	long ret = ioc(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &h);

	return ret ? ret : h.fd;
}

int sync_file_status(int sync_file)
{
	struct sync_file_info info = {};

	CHECK_EQ(ioc(sync_file, SYNC_IOC_FILE_INFO, &info), 0);
	return info.status;
}

/* ------------------------------------------------------------------------------------ processes */

pid_t spawn(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void drop_to(unsigned int uid)
{
	CHECK_EQ(setgroups(0, NULL), 0);
	CHECK_EQ(setresgid(uid, uid, uid), 0);
	CHECK_EQ(setresuid(uid, uid, uid), 0);
}

union fd_message {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int send_fd(int sock, int fd)
{
	union fd_message m = {};
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = m.buf, .msg_controllen = sizeof(m.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

int recv_fd(int sock)
{
	union fd_message m = {};
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = m.buf, .msg_controllen = sizeof(m.buf),
	};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(sock, &msg, 0) != 1)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}
