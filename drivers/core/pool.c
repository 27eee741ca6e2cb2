// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: pools
 *
 * A pool is a DRM device with one accel minor. The default pool exists while the module is
 * loaded; its parent is a platform device, so that libdrm and hwloc find it. The pool object is
 * the drm_device: it lives until the last file, buffer, job and device that point to it are
 * gone, and the module's exit waits for that.
 *
 * Rejected: a faux or virtual parent (invisible to the tools named above), a node per device (the
 * point of weft is one node).
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/vmalloc.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>

#include "core.h"
#include "trace.h"
#include "../interconnect/interconnect.h"
#include "../memory/memory.h"

#define WEFT_EST_COUNT	8192

struct weft_pool *weft_default_pool;
static struct platform_device *weft_platform;
static struct dentry *weft_debugfs;

static char *policy = "eft";
module_param(policy, charp, 0444);
MODULE_PARM_DESC(policy, "Placement policy the default pool starts with (default: eft)");

static const struct drm_ioctl_desc weft_ioctls[] = {
	DRM_IOCTL_DEF_DRV(WEFT_QUERY, weft_ioctl_query, 0),
	DRM_IOCTL_DEF_DRV(WEFT_BO_CREATE, weft_ioctl_bo_create, 0),
	DRM_IOCTL_DEF_DRV(WEFT_BO_INFO, weft_ioctl_bo_info, 0),
	DRM_IOCTL_DEF_DRV(WEFT_BO_MMAP_OFFSET, weft_ioctl_bo_mmap_offset, 0),
	DRM_IOCTL_DEF_DRV(WEFT_BO_CPU_BEGIN, weft_ioctl_bo_cpu_begin, 0),
	DRM_IOCTL_DEF_DRV(WEFT_BO_CPU_END, weft_ioctl_bo_cpu_end, 0),
	DRM_IOCTL_DEF_DRV(WEFT_BO_WAIT, weft_ioctl_bo_wait, 0),
	DRM_IOCTL_DEF_DRV(WEFT_PROGRAM_CREATE, weft_ioctl_program_create, 0),
	DRM_IOCTL_DEF_DRV(WEFT_PROGRAM_DESTROY, weft_ioctl_program_destroy, 0),
	DRM_IOCTL_DEF_DRV(WEFT_PROGRAM_QUERY, weft_ioctl_program_query, 0),
	DRM_IOCTL_DEF_DRV(WEFT_QUEUE_CREATE, weft_ioctl_queue_create, 0),
	DRM_IOCTL_DEF_DRV(WEFT_QUEUE_SET, weft_ioctl_queue_set, 0),
	DRM_IOCTL_DEF_DRV(WEFT_QUEUE_DESTROY, weft_ioctl_queue_destroy, 0),
	DRM_IOCTL_DEF_DRV(WEFT_CLIENT_SET, weft_ioctl_client_set, 0),
	DRM_IOCTL_DEF_DRV(WEFT_SUBMIT, weft_ioctl_submit, 0),
	DRM_IOCTL_DEF_DRV(WEFT_JOB_QUERY, weft_ioctl_job_query, 0),
	DRM_IOCTL_DEF_DRV(WEFT_JOB_CANCEL, weft_ioctl_job_cancel, 0),
};

static const struct file_operations weft_fops = {
	.owner = THIS_MODULE,
	DRM_ACCEL_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver weft_drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = weft_client_open,
	.postclose = weft_client_postclose,
	.show_fdinfo = weft_client_fdinfo,
	.ioctls = weft_ioctls,
	.num_ioctls = ARRAY_SIZE(weft_ioctls),
	.fops = &weft_fops,
	.name = "weft",
	.desc = "unified compute devices",
	.major = DRM_WEFT_MAJOR,
	.minor = DRM_WEFT_MINOR,
};

/* A predecessor failed and took @job with it; pool->lock is held. */
static void weft_pool_poisoned(struct weft_sched *s, struct weft_sched_job *sched)
{
	struct weft_pool *pool = container_of(s, struct weft_pool, sched);
	struct weft_job *job = to_weft_job(sched);

	lockdep_assert_held(&pool->lock);
	job->error = -ECANCELED;
	/* before a RUN_ANYWAY job behind it can read what it promised */
	weft_residency_lost(job);
	list_add_tail(&job->finish_node, &pool->finished);
}

static void weft_pool_ready(struct weft_sched *s, struct weft_sched_job *sched)
{
	trace_job_ready(to_weft_job(sched));
}

static const struct weft_sched_ops weft_pool_sched_ops = {
	.log = weft_ring_record,
	.ready = weft_pool_ready,
	.poisoned = weft_pool_poisoned,
};

/**
 * weft_pool_devices_changed() - a device came, went or is beyond repair
 * @pool: pool
 *
 * Works out anew which devices may run each job that is not placed yet; a job that nothing is
 * left for ends with ENODEV. Context: process, no locks.
 */
void weft_pool_devices_changed(struct weft_pool *pool)
{
	struct weft_job *job, *next;
	u64 devices;
	u32 i;

	down_read(&pool->topology);
	spin_lock(&pool->lock);
	pool->usable = 0;
	for (i = 0; i < ARRAY_SIZE(pool->devices); i++)
		if (pool->devices[i] && !pool->devices[i]->quarantined)
			pool->usable |= BIT_ULL(i);
	list_for_each_entry_safe(job, next, &pool->jobs, pool_node) {
		if (job->sched.state != WEFT_JOB_WAITING && job->sched.state != WEFT_JOB_READY)
			continue;
		devices = weft_job_devices(job, NULL);
		if (devices == job->sched.devices)
			continue;
		if (devices)
			weft_sched_job_devices(&pool->sched, &job->sched, devices, weft_now());
		else
			weft_job_end_locked(job, -ENODEV);
	}
	spin_unlock(&pool->lock);
	up_read(&pool->topology);

	weft_pump_retire(pool);
	weft_pump_kick(pool);
}

static void weft_pool_release(struct drm_device *drm, void *data)
{
	struct weft_pool *pool = to_weft_pool(drm);
	u32 i;

	weft_memory_fini(pool);
	weft_graph_fini(pool);
	for (i = 0; i < ARRAY_SIZE(pool->models); i++)
		kfree(pool->models[i]);
	if (pool->bind_wq)
		destroy_workqueue(pool->bind_wq);
	if (pool->pump_wq)
		destroy_workqueue(pool->pump_wq);
	kvfree(pool->est);
	weft_ring_fini(pool);
}

static int weft_pool_setup(struct weft_pool *pool)
{
	int ret;

	strscpy(pool->name, "default");
	spin_lock_init(&pool->lock);
	spin_lock_init(&pool->sync_lock);
	init_rwsem(&pool->topology);
	init_llist_head(&pool->inbox);
	init_llist_head(&pool->release_list);
	INIT_LIST_HEAD(&pool->finished);
	INIT_LIST_HEAD(&pool->jobs);
	INIT_LIST_HEAD(&pool->links);
	INIT_LIST_HEAD(&pool->accounts);
	hash_init(pool->syncs);
	INIT_WORK(&pool->pump_work, weft_pump_work);
	INIT_WORK(&pool->release_work, weft_job_release_work);
	refcount_set(&pool->live, 1);
	init_completion(&pool->dead);
	/* all buffers may have to live on the host at once: leave the host a quarter */
	pool->host_limit = (u64)(totalram_pages() - totalram_pages() / 4) << PAGE_SHIFT;

	ret = drmm_add_action_or_reset(&pool->drm, weft_pool_release, NULL);
	if (ret)
		return ret;
	ret = weft_ring_init(pool);
	if (ret)
		return ret;
	pool->est = kvcalloc(WEFT_EST_COUNT, sizeof(*pool->est), GFP_KERNEL);
	pool->pump_wq = alloc_workqueue("weft-pump", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	pool->bind_wq = alloc_workqueue("weft-bind", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (!pool->est || !pool->pump_wq || !pool->bind_wq)
		return -ENOMEM;

	spin_lock(&pool->lock);
	ret = weft_sched_init(&pool->sched, &weft_pool_sched_ops, policy, pool->est,
			      WEFT_EST_COUNT, weft_now());
	spin_unlock(&pool->lock);
	if (ret) {
		pr_err("weft: unknown policy \"%s\"\n", policy);
		return ret;
	}
	ret = weft_memory_init(pool);
	if (ret)
		return ret;
	return weft_graph_init(pool);
}

int weft_pool_init(void)
{
	struct weft_pool *pool;
	int ret;

	weft_platform = platform_device_register_simple("weft", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(weft_platform))
		return PTR_ERR(weft_platform);
	pool = devm_drm_dev_alloc(&weft_platform->dev, &weft_drm_driver, struct weft_pool, drm);
	if (IS_ERR(pool)) {
		ret = PTR_ERR(pool);
		goto err_platform;
	}
	ret = weft_pool_setup(pool);
	if (ret)
		goto err_platform;
	ret = device_add_groups(&weft_platform->dev, weft_pool_groups);
	if (ret)
		goto err_platform;
	platform_set_drvdata(weft_platform, pool);
	weft_default_pool = pool;

	weft_debugfs = debugfs_create_dir("weft", NULL);
	pool->debugfs = debugfs_create_dir(pool->name, weft_debugfs);
	weft_ring_debugfs(pool);

	ret = drm_dev_register(&pool->drm, 0);
	if (ret)
		goto err_debugfs;
	return 0;

err_debugfs:
	debugfs_remove(weft_debugfs);
	device_remove_groups(&weft_platform->dev, weft_pool_groups);
	weft_default_pool = NULL;
err_platform:
	platform_device_unregister(weft_platform);
	return ret;
}

void weft_pool_fini(void)
{
	struct weft_pool *pool = weft_default_pool;

	drm_dev_unplug(&pool->drm);
	debugfs_remove(weft_debugfs);
	device_remove_groups(&weft_platform->dev, weft_pool_groups);

	/* no file is open any more (they hold the module), but the reaper may still be at work */
	weft_account_drop_pool(pool);
	weft_pool_put(pool);
	wait_for_completion(&pool->dead);
	flush_workqueue(pool->bind_wq);
	flush_workqueue(pool->pump_wq);
	flush_workqueue(pool->bind_wq);
	/* device objects are freed by RCU callbacks of ours */
	rcu_barrier();

	weft_default_pool = NULL;
	platform_device_unregister(weft_platform);
}
