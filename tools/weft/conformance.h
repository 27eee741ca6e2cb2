/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * weft conformance: what its parts share.
 *
 * DOC: weft conformance parts
 *
 * A check is a function that runs in a process of its own with a pool of its own, and returns if
 * the device passed. conf_fail() and conf_skip() end it. So a check that hangs in the kernel takes
 * nothing along, and none has to tidy up.
 */
#ifndef WEFT_CONFORMANCE_H
#define WEFT_CONFORMANCE_H

#include "cli.h"

#define CONF_MS		((uint64_t)1000000)
#define CONF_SECOND	((uint64_t)1000000000)
/* what an honest device may take to end a short job, also on a slow machine */
#define CONF_PATIENCE	(20 * CONF_SECOND)
/* how long a device that was stopped is watched for what it should not do */
#define CONF_WATCH	(400 * CONF_MS)
#define CONF_FOR_EVER	(300 * CONF_SECOND)
#define CONF_IMAGES	16
#define CONF_KERNELS	256

/* The vocabulary of conformance images; Documentation/backends/conformance.rst */
enum conf_kernel {
	CONF_COPY,
	CONF_FILL,
	CONF_ADD,
	CONF_SPIN,
	CONF_KERNEL_COUNT,
};

struct conf_copy_args {
	uint64_t dst;
	uint64_t src;
	uint64_t bytes;
};

struct conf_fill_args {
	uint64_t dst;
	uint64_t count;
	uint32_t value;
	uint32_t pad;
};

struct conf_add_args {
	uint64_t dst;
	uint64_t a;
	uint64_t b;
	uint64_t count;
};

struct conf_spin_args {
	uint64_t dst;
	uint64_t bytes;
	uint64_t ns;
};

/*
 * struct conf_image - kernels of the vocabulary for one or more instruction sets
 * @align: of addresses and lengths
 * @largest: bytes that a job may be asked for, of slow devices
 * @sim: the built-in one: its spin is the NOP of simulated devices
 */
struct conf_image {
	struct weft_image_desc images[CONF_IMAGES];
	uint32_t image_count;
	struct weft_kernel_desc kernels[CONF_KERNELS];
	uint32_t kernel_count;
	int index[CONF_KERNEL_COUNT];
	uint64_t align;
	uint64_t largest;
	bool sim;
};

int conf_image_read(struct conf_image *image, const char *path);
int conf_image_sim(struct conf_image *image);
void conf_image_free(struct conf_image *image);

/* struct conf - the world of one check */
struct conf {
	const struct conf_image *image;
	/* what the device hangs from, below /sys/devices; its name may change, this does not */
	const char *parent;
	uint64_t stress_ns;
	int result;			/* pipe to the parent */
	struct weft *pool;
	struct weft_program *program;
	struct weft_queue *queue;
	struct weft_batch *batch;
	struct drm_weft_device_info device;
	struct drm_weft_region_info region;
	uint64_t mask;
	uint64_t align;
	double spin_rate;		/* sim: work per ns */
	uint64_t seed;
	char note[256];
};

struct conf_check {
	const char *name;
	int level;
	const char *summary;
	void (*run)(struct conf *c);
};

/* conformance.c */
void conf_fail(struct conf *c, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
void conf_skip(struct conf *c, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
void conf_note(struct conf *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* fail with libweft's message if @ret is an error */
void conf_need(struct conf *c, int ret);

/* conformance_jobs.c: all of these end the check if they cannot do what they are asked */
void conf_open(struct conf *c, const char *name);
bool conf_refresh(struct conf *c, const char *name);
struct weft_program *conf_program(struct conf *c, const struct conf_image *image);
uint64_t conf_now(void);
void conf_sleep(uint64_t ns);
uint64_t conf_random(struct conf *c, uint64_t below);
void *conf_bytes(struct conf *c, uint64_t size);
void conf_noise(struct conf *c, void *bytes, uint64_t size);
struct weft_bo *conf_bo(struct conf *c, uint64_t size);
/* a buffer of noise, which is in @bytes, too */
struct weft_bo *conf_noise_bo(struct conf *c, uint64_t size, void *bytes);
bool conf_has(const struct conf *c, enum conf_kernel kernel);
void conf_want(struct conf *c, enum conf_kernel kernel);
uint64_t conf_round(const struct conf *c, uint64_t bytes);
uint64_t conf_largest(const struct conf *c);
struct weft_job *conf_copy(struct conf *c, struct weft_bo *dst, uint64_t dst_at,
			   struct weft_bo *src, uint64_t src_at, uint64_t bytes);
struct weft_job *conf_fill(struct conf *c, struct weft_bo *dst, uint64_t count, uint32_t value);
struct weft_job *conf_add(struct conf *c, struct weft_bo *dst, struct weft_bo *a,
			  struct weft_bo *b, uint64_t count);
struct weft_job *conf_spin(struct conf *c, struct weft_bo *dst, uint64_t ns);
uint64_t conf_submit(struct conf *c);
/* the record of a job that has to end within @ns; @what names it in messages */
void conf_wait_ns(struct conf *c, uint64_t id, uint64_t ns, const char *what,
		  struct drm_weft_job_record *record);
void conf_wait(struct conf *c, uint64_t id, uint32_t count);
void conf_run(struct conf *c);
void conf_running(struct conf *c, uint64_t id);
uint64_t conf_attribute(struct conf *c, const char *name, uint64_t otherwise);
uint64_t conf_strays(void);
void conf_no_strays(struct conf *c, uint64_t before);
char *conf_find_name(const char *parent);

/* what a buffer holds when its job is done */
enum conf_look {
	CONF_RIGHT,
	CONF_LATE,		/* not yet, but a moment later */
	CONF_WRONG,
};

enum conf_look conf_look(struct conf *c, struct weft_bo *bo, const void *expected, uint64_t size,
			 uint64_t *at);
void conf_quiet(struct conf *c, uint64_t size, const char *after);

/* conformance_bytes.c */
void conf_check_description(struct conf *c);
void conf_check_image(struct conf *c);
void conf_check_bytes(struct conf *c);
void conf_check_completion(struct conf *c);
void conf_check_copies(struct conf *c);
void conf_check_ordering(struct conf *c);
void conf_check_credits(struct conf *c);
void conf_check_stress(struct conf *c);

/* conformance_life.c */
void conf_check_abort(struct conf *c);
void conf_check_reset(struct conf *c);
void conf_check_leak(struct conf *c);
void conf_check_preemption(struct conf *c);
void conf_check_telemetry(struct conf *c);
void conf_check_remove(struct conf *c);

#endif /* WEFT_CONFORMANCE_H */
