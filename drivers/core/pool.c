// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: pools
 *
 * A pool is a DRM device: with an accel minor, or with a render minor and the primary one that DRM
 * makes with it. Which of the two is a property of the pool, fixed while it is enabled; all the
 * rest is the same, every ioctl is allowed on a render node. The parent is a platform device, so
 * that libdrm and hwloc find it; it carries the pool's files in sysfs and tells udev by them who
 * may open the node.
 *
 * Removal: the node is unplugged, what runs is ended, devices leave (device.c), files in sysfs and
 * debugfs go. The object lives on until the last client, buffer and job are gone; then a worker
 * takes it apart. What is left is a tombstone: the drm_device, whose minors nobody else is given
 * while the module is loaded. Device cgroups and open() calls name nodes by number: a container
 * that may open the node of a removed pool must not find another tenant's there.
 *
 * Rejected: a faux or virtual parent (invisible to the tools named above); a node per device (the
 * point of weft is one node); accel or render for the whole module (it flips every path of a
 * running system, and half of it is never tested); a list of numbers not to be reused (DRM gives
 * out minors by itself, and takes no advice).
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
#include "early.h"
#include "trace.h"
#include "../interconnect/interconnect.h"
#include "../memory/memory.h"

#define WEFT_EST_COUNT	8192

/* pools that are enabled, and those that were; under weft_devices_lock */
static LIST_HEAD(weft_pools);
static LIST_HEAD(weft_tombstones);
static struct workqueue_struct *weft_reap_wq;
static struct dentry *weft_debugfs;

static const struct drm_ioctl_desc weft_ioctls[] = {
	DRM_IOCTL_DEF_DRV(WEFT_QUERY, weft_ioctl_query, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_BO_CREATE, weft_ioctl_bo_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_BO_INFO, weft_ioctl_bo_info, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_BO_MMAP_OFFSET, weft_ioctl_bo_mmap_offset, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_BO_CPU_BEGIN, weft_ioctl_bo_cpu_begin, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_BO_CPU_END, weft_ioctl_bo_cpu_end, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_BO_WAIT, weft_ioctl_bo_wait, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_PROGRAM_CREATE, weft_ioctl_program_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_PROGRAM_DESTROY, weft_ioctl_program_destroy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_PROGRAM_QUERY, weft_ioctl_program_query, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_QUEUE_CREATE, weft_ioctl_queue_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_QUEUE_SET, weft_ioctl_queue_set, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_QUEUE_DESTROY, weft_ioctl_queue_destroy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_CLIENT_SET, weft_ioctl_client_set, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_SUBMIT, weft_ioctl_submit, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_JOB_QUERY, weft_ioctl_job_query, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_JOB_CANCEL, weft_ioctl_job_cancel, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_LEASE_WAIT, weft_ioctl_lease_wait, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(WEFT_LEASE_LEAVE, weft_ioctl_lease_leave, DRM_RENDER_ALLOW),
};

/* DRM_ACCEL_FOPS, but for ioctls */
static const struct file_operations weft_accel_fops = {
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = drm_release,
	.unlocked_ioctl = weft_accel_ioctl,
	.compat_ioctl = weft_accel_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.fop_flags = FOP_UNSIGNED_OFFSET,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct file_operations weft_render_fops = {
	.owner = THIS_MODULE,
	DRM_GEM_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

#define WEFT_DRM_DRIVER(_features, _fops)						\
	{										\
		.driver_features = (_features) | DRIVER_GEM | DRIVER_SYNCOBJ |		\
				   DRIVER_SYNCOBJ_TIMELINE,				\
		.open = weft_client_open,						\
		.postclose = weft_client_postclose,					\
		.show_fdinfo = weft_client_fdinfo,					\
		.gem_prime_import = weft_gem_prime_import,				\
		.ioctls = weft_ioctls,							\
		.num_ioctls = ARRAY_SIZE(weft_ioctls),					\
		.fops = (_fops),							\
		.name = "weft",								\
		.desc = "unified compute devices",					\
		.major = DRM_WEFT_MAJOR,						\
		.minor = DRM_WEFT_MINOR,						\
	}

/* The core reads features from a const struct: one for each kind of node. */
static const struct drm_driver weft_drm_drivers[] = {
	[WEFT_NODE_ACCEL] = WEFT_DRM_DRIVER(DRIVER_COMPUTE_ACCEL, &weft_accel_fops),
	[WEFT_NODE_RENDER] = WEFT_DRM_DRIVER(DRIVER_RENDER, &weft_render_fops),
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

/* The same, but @job is placed already: its owner ends it. */
static void weft_pool_recall(struct weft_sched *s, struct weft_sched_job *sched)
{
	struct weft_job *job = to_weft_job(sched);

	lockdep_assert_held(&job->pool->lock);
	if (!job->cancel)
		WRITE_ONCE(job->cancel, -ECANCELED);
}

static const struct weft_sched_ops weft_pool_sched_ops = {
	.log = weft_ring_record,
	.ready = weft_pool_ready,
	.poisoned = weft_pool_poisoned,
	.recall = weft_pool_recall,
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
		if (pool->devices[i] && weft_health_usable(pool->devices[i]))
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

static void weft_pool_check_work(struct work_struct *work)
{
	weft_pool_devices_changed(container_of(work, struct weft_pool, check_work));
}

void weft_pool_check_locked(struct weft_pool *pool, struct weft_job *job)
{
	lockdep_assert_held(&pool->lock);
	if (!(job->sched.devices & pool->usable))
		queue_work(pool->bind_wq, &pool->check_work);
}

/* ----------------------------------------------------------------- lifetime */

/* Free all that is large or runs; done once, or in part after a creation that failed. */
static void weft_pool_dismantle(struct weft_pool *pool)
{
	u32 i;

	weft_memory_fini(pool);
	weft_graph_fini(pool);
	for (i = 0; i < ARRAY_SIZE(pool->models); i++) {
		kfree(pool->models[i]);
		pool->models[i] = NULL;
	}
	if (pool->bind_wq)
		destroy_workqueue(pool->bind_wq);
	if (pool->pump_wq)
		destroy_workqueue(pool->pump_wq);
	if (pool->early_wq)
		destroy_workqueue(pool->early_wq);
	pool->bind_wq = NULL;
	pool->pump_wq = NULL;
	pool->early_wq = NULL;
	kvfree(pool->est);
	pool->est = NULL;
	weft_ring_fini(pool);
	pool->log = NULL;
}

static void weft_pool_release(struct drm_device *drm, void *data)
{
	weft_pool_dismantle(to_weft_pool(drm));
}

/* Nobody refers to the pool any more; whoever was last may still be on his way out. */
static void weft_pool_reap(struct work_struct *work)
{
	struct weft_pool *pool = container_of(work, struct weft_pool, reap_work);

	/* an engine hands in the end of a job with interrupts off and then kicks the pump */
	synchronize_rcu();
	cancel_delayed_work_sync(&pool->release_soon);
	flush_workqueue(pool->early_wq);
	flush_workqueue(pool->bind_wq);
	flush_workqueue(pool->pump_wq);
	weft_pool_dismantle(pool);
	complete(&pool->reaped);
}

/* Any context. */
void weft_pool_put(struct weft_pool *pool)
{
	if (refcount_dec_and_test(&pool->live))
		queue_work(weft_reap_wq, &pool->reap_work);
}

static int weft_pool_setup(struct weft_pool *pool, const char *policy)
{
	int ret;

	spin_lock_init(&pool->lock);
	spin_lock_init(&pool->sync_lock);
	init_rwsem(&pool->topology);
	init_llist_head(&pool->inbox);
	init_llist_head(&pool->release_list);
	mutex_init(&pool->pump_turn);
	INIT_LIST_HEAD(&pool->finished);
	INIT_LIST_HEAD(&pool->held);
	INIT_LIST_HEAD(&pool->jobs);
	INIT_LIST_HEAD(&pool->links);
	INIT_LIST_HEAD(&pool->accounts);
	INIT_LIST_HEAD(&pool->watchers);
	mutex_init(&pool->watch_lock);
	hash_init(pool->syncs);
	INIT_WORK(&pool->pump_work, weft_pump_work);
	INIT_WORK(&pool->release_work, weft_job_release_work);
	INIT_DELAYED_WORK(&pool->release_soon, weft_job_release_soon);
	INIT_WORK(&pool->reap_work, weft_pool_reap);
	INIT_WORK(&pool->check_work, weft_pool_check_work);
	refcount_set(&pool->live, 1);
	init_completion(&pool->reaped);
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
	pool->early_wq = alloc_workqueue("weft-early", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM,
					 WQ_MAX_ACTIVE);
	if (!pool->est || !pool->pump_wq || !pool->bind_wq || !pool->early_wq)
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
	weft_early_prime(pool);
	return weft_graph_init(pool);
}

/* The parent of the pool's node, not shown yet. */
static struct platform_device *weft_pool_parent(const char *name)
{
	char full[sizeof("weft.") + DRM_WEFT_NAME_LEN];
	struct platform_device *pdev;

	/* "weft" is the default pool's since there was no other */
	if (!strcmp(name, "default"))
		strscpy(full, "weft");
	else
		snprintf(full, sizeof(full), "weft.%s", name);
	pdev = platform_device_alloc(full, PLATFORM_DEVID_NONE);
	if (!pdev)
		return NULL;
	pdev->dev.type = &weft_pool_type;
	/* the drm_device wants it before the platform device is added */
	if (dev_set_name(&pdev->dev, "%s", full)) {
		platform_device_put(pdev);
		return NULL;
	}
	return pdev;
}

/**
 * weft_pool_create() - make a pool, without devices, and its node
 * @name: of the pool
 * @kind: of the node
 * @policy: to start with
 * @access: who may open the node
 *
 * Context: process; weft_devices_lock is held.
 * Return: the pool, or ERR_PTR: -EINVAL unknown policy; -ENOSPC no minor is left; -ENOMEM.
 */
struct weft_pool *weft_pool_create(const char *name, enum weft_node_kind kind,
				   const char *policy, const struct weft_pool_access *access)
{
	struct platform_device *pdev;
	struct weft_pool *pool;
	int ret;

	lockdep_assert_held(&weft_devices_lock);
	pdev = weft_pool_parent(name);
	if (!pdev)
		return ERR_PTR(-ENOMEM);
	if (!devres_open_group(&pdev->dev, NULL, GFP_KERNEL)) {
		platform_device_put(pdev);
		return ERR_PTR(-ENOMEM);
	}
	pool = devm_drm_dev_alloc(&pdev->dev, &weft_drm_drivers[kind], struct weft_pool, drm);
	ret = PTR_ERR_OR_ZERO(pool);
	if (ret)
		goto err_parent;
	strscpy(pool->name, name);
	pool->kind = kind;
	pool->access = *access;
	pool->pdev = pdev;
	ret = weft_pool_setup(pool, policy);
	if (ret)
		goto err_parent;
	platform_set_drvdata(pdev, pool);
	ret = platform_device_add(pdev);
	if (ret)
		goto err_parent;
	ret = drm_dev_register(&pool->drm, 0);
	if (ret) {
		platform_device_unregister(pdev);
		goto err;
	}
	pool->debugfs = debugfs_create_dir(pool->name, weft_debugfs);
	weft_ring_debugfs(pool);
	/* the tombstone's reference: its minors stay taken until weft_pool_fini() */
	drm_dev_get(&pool->drm);
	list_add_tail(&pool->node, &weft_pools);
	return pool;

err_parent:
	/* the drm_device holds its parent: without this neither would ever be freed */
	devres_release_group(&pdev->dev, NULL);
	platform_device_put(pdev);
err:
	/* the core's word for it */
	return ERR_PTR(ret == -EBUSY ? -ENOSPC : ret);
}

/**
 * weft_pool_close() - let nobody open the node any more
 * @pool: pool
 *
 * Return: 0, or -EBUSY if a file is open, and then nothing has changed.
 */
int weft_pool_close(struct weft_pool *pool)
{
	int ret = 0;

	lockdep_assert_held(&weft_devices_lock);
	spin_lock(&pool->lock);
	if (pool->files)
		ret = -EBUSY;
	else
		pool->closed = true;
	spin_unlock(&pool->lock);
	return ret;
}

/* Every job that is not DONE ends with ENODEV. */
static void weft_pool_cancel(struct weft_pool *pool)
{
	struct weft_job *job, *next;

	spin_lock(&pool->lock);
	list_for_each_entry_safe(job, next, &pool->jobs, pool_node)
		if (job->sched.state == WEFT_JOB_WAITING || job->sched.state == WEFT_JOB_READY)
			weft_job_end_locked(job, -ENODEV);
	spin_unlock(&pool->lock);
	weft_pump_retire(pool);

	/* the few that are placed: the list is walked anew after each */
	do {
		spin_lock(&pool->lock);
		list_for_each_entry(job, &pool->jobs, pool_node)
			if (job->sched.state != WEFT_JOB_DONE && !job->cancel &&
			    kref_get_unless_zero(&job->ref))
				break;
		if (list_entry_is_head(job, &pool->jobs, pool_node))
			job = NULL;
		spin_unlock(&pool->lock);
		if (job) {
			weft_job_cancel(job, -ENODEV);
			weft_job_put(job);
		}
	} while (job);
	weft_pump_retire(pool);
}

/**
 * weft_pool_unplug() - take the node away from whoever has it open
 * @pool: pool; its devices are still there
 *
 * From now on every ioctl and open() fails with ENODEV; jobs end with ENODEV, running ones are
 * aborted. Calls that are under way and wait for jobs return when these have ended.
 */
void weft_pool_unplug(struct weft_pool *pool)
{
	lockdep_assert_held(&weft_devices_lock);
	spin_lock(&pool->lock);
	pool->closed = true;
	spin_unlock(&pool->lock);
	drm_dev_unplug(&pool->drm);
	weft_pool_cancel(pool);
}

/**
 * weft_pool_remove() - remove a pool that is unplugged and has no devices any more
 * @pool: pool; must not be used afterwards by the caller
 */
void weft_pool_remove(struct weft_pool *pool)
{
	lockdep_assert_held(&weft_devices_lock);
	debugfs_remove(pool->debugfs);
	/* waits for those who read its files */
	platform_device_unregister(pool->pdev);
	weft_account_drop_pool(pool);
	list_move_tail(&pool->node, &weft_tombstones);
	weft_pool_put(pool);
}

static void weft_minor_changed(struct drm_minor *minor)
{
	if (minor && minor->kdev)
		kobject_uevent(&minor->kdev->kobj, KOBJ_CHANGE);
}

/* Who may open the node; udev hears of it. */
void weft_pool_set_access(struct weft_pool *pool, const struct weft_pool_access *access)
{
	lockdep_assert_held(&weft_devices_lock);
	pool->access = *access;
	kobject_uevent(&pool->pdev->dev.kobj, KOBJ_CHANGE);
	weft_minor_changed(pool->drm.accel);
	weft_minor_changed(pool->drm.render);
	weft_minor_changed(pool->drm.primary);
}

int weft_pool_init(void)
{
	weft_reap_wq = alloc_workqueue("weft-reap", WQ_UNBOUND, 0);
	if (!weft_reap_wq)
		return -ENOMEM;
	weft_debugfs = debugfs_create_dir("weft", NULL);
	return 0;
}

/* All pools are removed, but the reaper of what closed files left may still be at work. */
void weft_pool_fini(void)
{
	struct weft_pool *pool, *next;

	WARN_ON(!list_empty(&weft_pools));
	list_for_each_entry_safe(pool, next, &weft_tombstones, node) {
		wait_for_completion(&pool->reaped);
		list_del(&pool->node);
		drm_dev_put(&pool->drm);
	}
	destroy_workqueue(weft_reap_wq);
	debugfs_remove(weft_debugfs);
	/* device objects are freed by RCU callbacks of ours */
	rcu_barrier();
}
