/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The GPU scheduler's interface changed inside 6.12.y and again later; what Kbuild found in the
 * headers is bridged here and nowhere else.
 */
#ifndef WEFT_BENCH_SCHED_COMPAT_H
#define WEFT_BENCH_SCHED_COMPAT_H

#include <drm/gpu_scheduler.h>

static inline int bench_sched_init(struct drm_gpu_scheduler *sched,
				   const struct drm_sched_backend_ops *ops, u32 credits,
				   struct device *dev)
{
#ifdef WEFT_HAVE_SCHED_INIT_ARGS
	const struct drm_sched_init_args args = {
		.ops = ops,
#ifdef WEFT_HAVE_SCHED_NUM_RQS
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
#endif
		.credit_limit = credits,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = "weft-bench",
		.dev = dev,
	};

	return drm_sched_init(sched, &args);
#else
	return drm_sched_init(sched, ops, NULL, DRM_SCHED_PRIORITY_COUNT, credits, 0,
			      MAX_SCHEDULE_TIMEOUT, NULL, NULL, "weft-bench", dev);
#endif
}

static inline int bench_sched_job_init(struct drm_sched_job *job, struct drm_sched_entity *entity,
				       void *owner)
{
#ifdef WEFT_HAVE_SCHED_CLIENT_ID
	return drm_sched_job_init(job, entity, 1, owner, 1);
#else
	return drm_sched_job_init(job, entity, 1, owner);
#endif
}

#ifndef WEFT_HAVE_SCHED_STAT_RESET
#define DRM_GPU_SCHED_STAT_RESET DRM_GPU_SCHED_STAT_NOMINAL
#endif

#endif /* WEFT_BENCH_SCHED_COMPAT_H */
