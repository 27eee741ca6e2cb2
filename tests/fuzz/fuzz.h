/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random system calls on a weft pool: what the parts of weft-fuzz share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/drm.h>
#include <drm/weft_drm.h>
#include <drm/weft_sim.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MS		1000000ull
#define SEC		1000000000ull

/* ---------------------------------------------------------------------------------- numbers */

struct rng {
	uint64_t state;
};

/* independent streams from one seed */
struct rng rng_make(uint64_t seed, uint64_t stream);
uint64_t rng64(struct rng *r);
uint32_t below(struct rng *r, uint32_t n);
static inline bool one_in(struct rng *r, uint32_t n)
{
	return !below(r, n);
}

uint64_t now_ns(void);

/* ----------------------------------------------------------------------------------- counts */

enum call {
	CALL_QUERY, CALL_BO_CREATE, CALL_BO_INFO, CALL_BO_MMAP_OFFSET, CALL_BO_CPU_BEGIN,
	CALL_BO_CPU_END, CALL_BO_WAIT, CALL_PROGRAM_CREATE, CALL_PROGRAM_DESTROY,
	CALL_PROGRAM_QUERY, CALL_QUEUE_CREATE, CALL_QUEUE_SET, CALL_QUEUE_DESTROY,
	CALL_CLIENT_SET, CALL_SUBMIT, CALL_JOB_QUERY, CALL_JOB_CANCEL,
	CALL_GEM_CLOSE, CALL_PRIME, CALL_SYNCOBJ_CREATE, CALL_SYNCOBJ_DESTROY,
	CALL_SYNCOBJ_WAIT, CALL_SYNCOBJ_SIGNAL, CALL_SYNCOBJ_EXPORT, CALL_UNKNOWN,
	CALL_OPEN, CALL_CLOSE, CALL_MMAP, CALL_TOUCH, CALL_READ, CALL_POLL, CALL_FORK, CALL_CONFIG,
	CALL_POOL,
	CALL_COUNT
};

#define MAX_ERRNO	134

/* in memory that all processes share */
struct counts {
	volatile uint64_t call[CALL_COUNT][MAX_ERRNO];	/* by errno, 0 is success */
	volatile uint64_t job_error[MAX_ERRNO];		/* how jobs ended */
	volatile uint64_t elsewhere;			/* well, in a pool made meanwhile */
	volatile bool stop;
};

extern struct counts *counts;
long count(enum call call, long ret);
/* ioctl(), counted; 0 or -errno */
long fuzz_ioctl(enum call call, int fd, unsigned long request, void *arg);

/* ------------------------------------------------------------------------------------ calls */

/* a node of the pool "default", or of one @other; or -errno */
int pool_open(struct rng *r, bool other);
/*
 * A client of one process and what it has; threads of the process share it without locks: a stale
 * handle is as good a test as a live one.
 */
#define MAX_THINGS	24
#define MAX_CLIENTS	4

struct things {
	volatile uint32_t handle[MAX_THINGS];
	volatile uint64_t extra[MAX_THINGS];	/* buffers: size; queues: last job */
};

struct fuzz_client {
	volatile int fd;
	volatile bool other;	/* not the pool "default" */
	struct things bo, program, queue, syncobj;
	volatile uint64_t job[64];
};

struct process {
	struct fuzz_client client[MAX_CLIENTS];
	char *arena;		/* output buffers: ARENA_SIZE bytes, then nothing for a long way */
};

#define ARENA_SIZE	(1u << 20)

void process_init(struct process *p);
/* one random call */
void fuzz_step(struct process *p, struct rng *r);

/* --------------------------------------------------------------------------------- the rest */

/* write @text to @path; 0 or -errno */
long put(const char *path, const char *text);
void config_setup(void);
void config_teardown(void);
void config_calm(void);
/* one random change of devices, tenants or policy */
void config_step(struct rng *r);
/* one random change of pools */
void pools_step(struct rng *r);
void pools_teardown(void);
/* one allocation in a hundred fails from now on; 0 or -errno */
int alloc_fail_start(void);
/* also in the calls of this thread and of what it forks */
int alloc_fail_me(void);
/* no more; how many failed */
long alloc_fail_stop(void);
/* an ordinary client still gets ordinary service */
bool pool_works(void);

#endif /* FUZZ_H */
