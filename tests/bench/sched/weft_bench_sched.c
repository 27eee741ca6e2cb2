// SPDX-License-Identifier: GPL-2.0-only
/*
 * Null jobs through the kernel's own GPU scheduler, to compare weft's path with.
 *
 * DOC: drm_sched, bare
 *
 * Shaped after the mock scheduler of drm_sched's unit tests, with the least a driver can do: one
 * scheduler, one entity, no dependencies, no buffers. run_job() returns a fence that is signalled
 * already, the best case of the scheduler: it does not wait for any hardware. A job's cost here
 * is what drm_sched itself costs. Submitting and waiting are two calls, as they are with weft.
 *
 * Rejected: the hrtimer of the mock scheduler (the timer would be measured), a DRM driver of its
 * own (drm_ioctl() is on weft's side of the comparison as a part of the empty ioctl).
 */
#include <linux/completion.h>
#include <linux/dma-fence.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bench_sched.h"
#include "sched_compat.h"

/* A job and the fence that its "hardware" signals. */
struct bench_job {
	struct drm_sched_job base;
	struct dma_fence hw;
	struct dma_fence_cb done_cb;
	bool last;
};

static struct drm_gpu_scheduler bench_sched;
static struct drm_sched_entity bench_entity;
static DEFINE_SPINLOCK(bench_fence_lock);
static u64 bench_context, bench_seqno;

/* One SUBMIT at a time; protects what follows. */
static DEFINE_MUTEX(bench_lock);
static struct dma_fence *bench_last;
static struct weft_bench_stamps bench_stamps;
/* complete while no job is with the scheduler */
static DECLARE_COMPLETION(bench_freed);

static const char *bench_fence_name(struct dma_fence *fence)
{
	return "weft-bench";
}

/* The scheduler keeps the fence longer than the job, so the job's memory goes with the fence. */
static void bench_fence_release(struct dma_fence *fence)
{
	kfree_rcu(container_of(fence, struct bench_job, hw), hw.rcu);
}

static const struct dma_fence_ops bench_fence_ops = {
	.get_driver_name = bench_fence_name,
	.get_timeline_name = bench_fence_name,
	.release = bench_fence_release,
};

static struct dma_fence *bench_run_job(struct drm_sched_job *base)
{
	struct bench_job *job = container_of(base, struct bench_job, base);

	if (job->last)
		bench_stamps.run = ktime_get_ns();
	dma_fence_signal(&job->hw);
	return dma_fence_get(&job->hw);
}

static enum drm_gpu_sched_stat bench_timedout_job(struct drm_sched_job *base)
{
	return DRM_GPU_SCHED_STAT_RESET;
}

static void bench_free_job(struct drm_sched_job *base)
{
	struct bench_job *job = container_of(base, struct bench_job, base);
	bool last = job->last;

	drm_sched_job_cleanup(base);
	dma_fence_put(&job->hw);
	if (last) {
		bench_stamps.freed = ktime_get_ns();
		complete(&bench_freed);
	}
}

static const struct drm_sched_backend_ops bench_sched_ops = {
	.run_job = bench_run_job,
	.timedout_job = bench_timedout_job,
	.free_job = bench_free_job,
};

static void bench_done(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	bench_stamps.done = ktime_get_ns();
}

static int bench_push(bool last)
{
	struct bench_job *job = kzalloc(sizeof(*job), GFP_KERNEL);
	int ret;

	if (!job)
		return -ENOMEM;
	ret = bench_sched_job_init(&job->base, &bench_entity, job);
	if (ret) {
		kfree(job);
		return ret;
	}
	dma_fence_init(&job->hw, &bench_fence_ops, &bench_fence_lock, bench_context,
		       ++bench_seqno);
	job->last = last;
	drm_sched_job_arm(&job->base);
	if (last) {
		bench_last = dma_fence_get(&job->base.s_fence->finished);
		dma_fence_add_callback(bench_last, &job->done_cb, bench_done);
	}
	drm_sched_entity_push_job(&job->base);
	return 0;
}

static long bench_submit(unsigned long arg)
{
	struct weft_bench_submit args;
	long ret = 0;
	u32 i;

	lockdep_assert_held(&bench_lock);
	bench_stamps.entry = ktime_get_ns();
	if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
		return -EFAULT;
	if (!args.count || args.count > WEFT_BENCH_MAX_JOBS || args.pad)
		return -EINVAL;
	if (bench_last || !try_wait_for_completion(&bench_freed))
		return -EBUSY;
	for (i = 0; i < args.count && !ret; i++)
		ret = bench_push(i == args.count - 1);
	bench_stamps.queued = ktime_get_ns();
	if (ret)
		complete(&bench_freed);
	return ret;
}

static long bench_wait(void)
{
	long ret;

	lockdep_assert_held(&bench_lock);
	if (!bench_last)
		return -EINVAL;
	ret = dma_fence_wait(bench_last, true);
	if (ret)
		return ret;
	dma_fence_put(bench_last);
	bench_last = NULL;
	return 0;
}

static long bench_read_stamps(unsigned long arg)
{
	lockdep_assert_held(&bench_lock);
	if (bench_last)
		return -EBUSY;
	if (wait_for_completion_killable(&bench_freed))
		return -EINTR;
	complete(&bench_freed);
	if (copy_to_user((void __user *)arg, &bench_stamps, sizeof(bench_stamps)))
		return -EFAULT;
	return 0;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret;

	if (cmd == WEFT_BENCH_NOP)
		return 0;
	mutex_lock(&bench_lock);
	switch (cmd) {
	case WEFT_BENCH_SUBMIT:
		ret = bench_submit(arg);
		break;
	case WEFT_BENCH_WAIT:
		ret = bench_wait();
		break;
	case WEFT_BENCH_STAMPS:
		ret = bench_read_stamps(arg);
		break;
	default:
		ret = -ENOTTY;
	}
	mutex_unlock(&bench_lock);
	return ret;
}

static int bench_release(struct inode *inode, struct file *file)
{
	mutex_lock(&bench_lock);
	if (bench_last) {
		dma_fence_wait(bench_last, false);
		dma_fence_put(bench_last);
		bench_last = NULL;
	}
	mutex_unlock(&bench_lock);
	return 0;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bench_ioctl,
	.release = bench_release,
};

static struct miscdevice bench_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "weft_bench_sched",
	.fops = &bench_fops,
};

static int __init bench_init(void)
{
	struct drm_gpu_scheduler *list = &bench_sched;
	int ret;

	bench_context = dma_fence_context_alloc(1);
	complete(&bench_freed);
	ret = misc_register(&bench_misc);
	if (ret)
		return ret;
	ret = bench_sched_init(&bench_sched, &bench_sched_ops, WEFT_BENCH_MAX_JOBS,
			       bench_misc.this_device);
	if (ret)
		goto err_misc;
	ret = drm_sched_entity_init(&bench_entity, DRM_SCHED_PRIORITY_NORMAL, &list, 1, NULL);
	if (ret)
		goto err_sched;
	return 0;

err_sched:
	drm_sched_fini(&bench_sched);
err_misc:
	misc_deregister(&bench_misc);
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	misc_deregister(&bench_misc);
	drm_sched_entity_destroy(&bench_entity);
	drm_sched_fini(&bench_sched);
	/* finished fences are freed by RCU callbacks of the scheduler's; ours hold its jobs */
	rcu_barrier();
}
module_exit(bench_exit);

MODULE_DESCRIPTION("null jobs through drm_sched, to compare weft with");
MODULE_LICENSE("GPL");
