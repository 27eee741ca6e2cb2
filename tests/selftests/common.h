/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share: raw ioctls, clients, buffers, jobs, simulated devices, tenants.
 *
 * DOC: common
 *
 * Everything is done with plain system calls, never with libweft: what a library smooths over is
 * what these tests look for. Functions that return a number give 0 or more, or a negative errno,
 * and leave judging to the caller; those that return void or an object fail the subtest.
 */
#ifndef COMMON_H
#define COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/weft_drm.h>
#include <drm/weft_sim.h>

#include "tap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MS		1000000ull
#define SEC		1000000000ull
#define FOREVER		UINT64_MAX
#define KIB		1024ull
#define MIB		(1024ull * KIB)
/* what no test should have to wait for, also on a loaded debug guest */
#define PATIENCE	(50 * SEC)

uint64_t now_ns(void);
/* absolute time @ns from now */
uint64_t in_ns(uint64_t ns);
void sleep_ms(unsigned int ms);
/* ioctl() without retries: 0 or more, or -errno */
long ioc(int fd, unsigned long request, void *arg);
#define p64(p) ((uint64_t)(uintptr_t)(p))

/* ---------------------------------------------------------------- files in sysfs and configfs */

/* 0 or -errno */
long file_write(const char *path, const char *text);
long __attribute__((format(printf, 2, 3))) file_writef(const char *path, const char *fmt, ...);
/* length or -errno; NUL-terminated, the last newline cut */
long file_read(const char *path, char *buf, size_t size);

/* -------------------------------------------------------------------------- simulated devices */

#define SIM_DIR		"/sys/kernel/config/weft_sim"
#define TENANT_DIR	"/sys/kernel/config/weft/tenants"

/*
 * NOP jobs are the clock of these tests: a unit of work takes 10 ns on DEV_UNIT and 1 us on
 * DEV_SLOW, 100:1; on DEV_NULL any job takes no modelled time. They are of different models, so
 * that what is learned on one is not believed of another. One engine with one credit: jobs run
 * one by one.
 */
#define DEV_ONE		"engines=1", "credits=1", "memory=16777216", "dilation=1"
#define DEV_NULL	"profile=null", DEV_ONE
#define DEV_UNIT	"profile=gpu", "model=unit", "speed=nop 100", DEV_ONE
#define DEV_SLOW	"profile=gpu", "model=slow", "speed=nop 1", DEV_ONE
#define UNIT_MS		100000ull	/* work of a NOP that takes 1 ms on DEV_UNIT */
#define SLOW_MS		1000ull		/* the same on DEV_SLOW */

/* mkdir, write "attribute=value" strings up to NULL, enable; fails the subtest */
void dev_add_(const char *name, ...) __attribute__((sentinel));
#define dev_add(name, ...) dev_add_(name, ##__VA_ARGS__, NULL)
/* the same without enabling it */
void dev_mkdir_(const char *name, ...) __attribute__((sentinel));
#define dev_mkdir(name, ...) dev_mkdir_(name, ##__VA_ARGS__, NULL)
long dev_set(const char *name, const char *attr, const char *value);
uint64_t dev_get(const char *name, const char *attr);
long dev_enable(const char *name, bool on);
long dev_remove(const char *name);		/* enabled=0 and rmdir */
/* files of /sys/bus/weft/devices/NAME/: 0 or -errno; the number read; is the text @want? */
long wdev_set(const char *name, const char *attr, const char *value);
uint64_t wdev_get(const char *name, const char *attr);
bool wdev_is(const char *name, const char *attr, const char *want);
/* waits until it is; fails the subtest if that takes too long */
void wdev_reach(const char *name, const char *attr, const char *want);
/* SETUP() of most programs: these devices exist for all subtests */
void devs_keep(void);
/* the last of the tests' devices and tenants goes; set as tap_cleanup by the library */
void devs_cleanup(bool last);

/* ----------------------------------------------------------------------------------- the node */

int pool_open(void);				/* fails the subtest */
int pool_try_open(void);			/* -errno */
const char *pool_path(void);			/* /dev/accel/accelN */
const char *pool_sysfs(const char *leaf);	/* path below .../device/weft/ */

/* ------------------------------------------------------------------------------ pools by name */

#define POOL_DIR	"/sys/kernel/config/weft/pools"

/* mkdir, write "attribute=value" strings up to NULL, without enabling it; fails the subtest */
void pool_mkdir_(const char *name, ...) __attribute__((sentinel));
#define pool_mkdir(name, ...) pool_mkdir_(name, ##__VA_ARGS__, NULL)
long pool_set(const char *name, const char *attr, const char *value);
long pool_get(const char *name, const char *attr, char *buf, size_t size);
long pool_enable(const char *name, bool on);
long pool_rmdir(const char *name);
/* path of the node of @kind "accel", "renderD" or "card"; -ENOENT if the pool has none */
long pool_node(const char *name, const char *kind, char *path, size_t size);
/* the accel node, or the render node; -errno */
int pool_open_name(const char *name);
/* pool that @device is in according to its file, "" if none; fails the subtest */
const char *dev_pool(const char *device);
long dev_move(const char *device, const char *pool);

long query(int fd, uint32_t topic, void *data, uint32_t *count, uint32_t stride);
void pool_info(int fd, struct drm_weft_pool_info *info);
void client_info(int fd, struct drm_weft_client_info *info);
uint64_t features(int fd);
/* device by its name, false if it is not there */
bool dev_find(int fd, const char *name, struct drm_weft_device_info *info);
/* mask of one device for drm_weft_job.device_mask; fails the subtest if it is not there */
uint64_t dev_mask(int fd, const char *name);
void region_info(int fd, uint32_t id, struct drm_weft_region_info *info);

/* -------------------------------------------------------------------------------------- client */

/* an open file with one queue and a program with every operation of weft_sim */
struct client {
	int fd;
	uint32_t queue;
	uint32_t program;
};

extern const struct drm_weft_kernel sim_kernels[WEFT_SIM_OP_COUNT];
void client_open(struct client *c);
/* the same in the pool @name */
void client_open_pool(struct client *c, const char *name);
void client_close(struct client *c);
uint32_t queue_create(int fd, uint32_t flags, uint32_t depth);
uint32_t program_create(int fd);

/* ------------------------------------------------------------------------------------- buffers */

uint32_t bo_create(int fd, uint64_t size);
void bo_close(int fd, uint32_t handle);
long bo_info(int fd, uint32_t handle, struct drm_weft_bo_info *info);
long bo_cpu(int fd, bool begin, uint32_t handle, uint32_t access, uint64_t timeout);
long bo_wait(int fd, uint32_t handle, uint32_t access, uint64_t timeout);
void *bo_map(int fd, uint32_t handle, uint64_t size);
/* BO_CPU_BEGIN, copy, BO_CPU_END; the first error */
long bo_write(int fd, uint32_t handle, uint64_t offset, const void *data, uint64_t size);
long bo_read(int fd, uint32_t handle, uint64_t offset, void *data, uint64_t size);
/* the whole buffer becomes u32 @value by the CPU */
void bo_fill(int fd, uint32_t handle, uint64_t size, uint32_t value);
/* every u32 of the first @size bytes is @value, else the subtest fails */
void bo_expect(int fd, uint32_t handle, uint64_t size, uint32_t value);

/* --------------------------------------------------------------------------------------- jobs */

#define MAX_JOB_PARTS 8

/* a job and all it points to; job_*() fill in one launch, more can be added before submit() */
struct job {
	struct drm_weft_job j;
	struct drm_weft_buffer buffer[MAX_JOB_PARTS];
	struct drm_weft_reloc reloc[MAX_JOB_PARTS];
	struct drm_weft_dep dep[MAX_JOB_PARTS];
	struct drm_weft_out_sync out[MAX_JOB_PARTS];
	union {
		struct weft_sim_nop nop;
		struct weft_sim_copy copy;
		struct weft_sim_fill fill;
		struct weft_sim_add add;
		struct weft_sim_reduce reduce;
		struct weft_sim_histogram histogram;
		struct weft_sim_gemm gemm;
		struct weft_sim_argmax argmax;
		struct weft_sim_merge merge;
	} args;
};

void job_init(struct job *job, const struct client *c, enum weft_sim_op op);
/* adds a buffer, returns its index */
uint32_t job_buffer(struct job *job, uint32_t handle, uint32_t access);
/* the argument at @offset in the blob is the address of buffer @index plus @delta */
void job_reloc(struct job *job, size_t offset, uint32_t index, uint64_t delta);
void job_dep(struct job *job, uint32_t type, uint32_t handle, uint64_t value);
void job_out(struct job *job, uint32_t syncobj, uint64_t point);

void job_nop(struct job *job, const struct client *c, uint64_t work);
void job_fill(struct job *job, const struct client *c, uint32_t dst, uint64_t bytes,
	      uint32_t value);
void job_copy(struct job *job, const struct client *c, uint32_t dst, uint32_t src, uint64_t bytes);
void job_add(struct job *job, const struct client *c, uint32_t dst, uint32_t a, uint32_t b,
	     uint64_t bytes);

/* one SUBMIT; 0 or -errno; @s may be NULL */
long submit_raw(const struct client *c, struct job *jobs, uint32_t n, struct drm_weft_submit *s);
/* the first id; fails the subtest */
uint64_t submit(const struct client *c, struct job *jobs, uint32_t n);

long job_query(int fd, uint64_t id, uint32_t count, struct drm_weft_job_record *records,
	       uint32_t flags, uint64_t timeout);
/* waits until it is DONE and reads the record; fails the subtest if that takes too long */
void job_wait(int fd, uint64_t id, struct drm_weft_job_record *record);
/* waits, acknowledges, and gives the errno it ended with, positive */
uint32_t job_result(int fd, uint64_t id);
uint32_t job_state(int fd, uint64_t id);
/* polls until it is in @state or beyond */
void job_reach(int fd, uint64_t id, uint32_t state);
long job_cancel(int fd, uint64_t id);
/* submit, wait, check that it succeeded */
void job_run(const struct client *c, struct job *job);

/* ------------------------------------------------------------------------------------ syncobjs */

uint32_t syncobj_create(int fd, uint32_t flags);
void syncobj_destroy(int fd, uint32_t handle);
/* 0, -ETIME, ...; @point 0: binary */
long syncobj_wait(int fd, uint32_t handle, uint64_t point, uint32_t flags, uint64_t timeout);
long syncobj_signal(int fd, uint32_t handle, uint64_t point);
/* a sync_file of the fence in a binary syncobj, or -errno */
int syncobj_sync_file(int fd, uint32_t handle);
/* 1 signalled, 0 pending, negative errno of the fence */
int sync_file_status(int sync_file);

/* ----------------------------------------------------------------------------------- processes */

/* a child that is killed with the subtest; 0 in the child, which must end with _exit() */
pid_t spawn(void);
/* its exit status, or -signal */
int reap(pid_t pid);
void drop_to(unsigned int uid);
int send_fd(int sock, int fd);
int recv_fd(int sock);
/* `insmod`, `rmmod` without a process: 0 or -errno */
long module_load(const char *name, const char *params);
long module_unload(const char *name);
/* the same; what ran before may have left a file's release to a worker, so it asks for 2 s */
long module_unload_soon(const char *name);

#endif /* COMMON_H */
