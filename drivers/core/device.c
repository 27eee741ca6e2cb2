// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: devices
 *
 * Backends register devices here. A device's life: checked and named, started, shown on the bus;
 * then it joins the pool that the configuration says, and may leave it and join another any
 * number of times, of which its backend notices nothing; at last it leaves, is taken off the bus
 * and stopped. Joining a pool gives it an id, memory and links there and tells the scheduler.
 * Leaving is the opposite: closed to new jobs, drained (or given up if the hardware is gone), its
 * copies moved or dropped, its images unloaded, taken from the scheduler, its memory freed. A
 * device in no pool is idle.
 *
 * A job that is BINDING, BOUND or RUNNING and a transfer under way count as users; nobody becomes
 * a user after the device was closed under the pool's lock, so the count only falls from there.
 *
 * Rejected: percpu_ref for the users (it is taken and dropped under locks that are held anyway,
 * and the drain wants to see it reach zero again after a reset).
 */
#include <linux/module.h>
#include <linux/numa.h>

#include "core.h"
#include "../interconnect/interconnect.h"
#include "../memory/memory.h"

/* see core.h */
DEFINE_MUTEX(weft_devices_lock);
/* devices registered, in order; under weft_devices_lock */
static LIST_HEAD(weft_devices);

static const char * const weft_class_names[DRM_WEFT_CLASS_COUNT] = {
	[DRM_WEFT_CLASS_GPU] = "gpu",
	[DRM_WEFT_CLASS_DCU] = "dcu",
	[DRM_WEFT_CLASS_NPU] = "npu",
	[DRM_WEFT_CLASS_CPU] = "cpu",
	[DRM_WEFT_CLASS_DPU] = "dpu",
};

const char *weft_class_name(u32 dev_class)
{
	return dev_class < DRM_WEFT_CLASS_COUNT ? weft_class_names[dev_class] : "?";
}

void *weft_device_priv(struct weft_device *wdev)
{
	return wdev->priv;
}
EXPORT_SYMBOL_GPL(weft_device_priv);

const char *weft_device_name(struct weft_device *wdev)
{
	return dev_name(&wdev->dev);
}
EXPORT_SYMBOL_GPL(weft_device_name);

void weft_device_user_get(struct weft_device *wdev)
{
	atomic_inc(&wdev->users);
}

struct weft_device *weft_device_use(struct weft_pool *pool, u32 id)
{
	struct weft_device *wdev;

	spin_lock(&pool->lock);
	wdev = pool->devices[id];
	if (wdev && (wdev->leaving || wdev->gone))
		wdev = NULL;
	if (wdev)
		weft_device_user_get(wdev);
	spin_unlock(&pool->lock);
	return wdev;
}

void weft_device_user_put(struct weft_device *wdev)
{
	/* the waiter may free the device as soon as it sees zero: wake it under RCU */
	rcu_read_lock();
	if (atomic_dec_and_test(&wdev->users))
		wake_up_all(&wdev->idle);
	rcu_read_unlock();
}

static void weft_desc_free(struct weft_device_desc *desc)
{
	u32 i;

	kfree_const(desc->vendor);
	kfree_const(desc->model);
	kfree_const(desc->link_kind);
	for (i = 0; i < WEFT_MAX_ISAS; i++)
		kfree_const(desc->isas[i]);
}

static int weft_desc_copy(struct weft_device_desc *to, const struct weft_device_desc *from)
{
	u32 i;

	*to = *from;
	to->name = NULL;
	to->vendor = kstrdup_const(from->vendor ?: "unknown", GFP_KERNEL);
	to->model = kstrdup_const(from->model, GFP_KERNEL);
	to->link_kind = kstrdup_const(from->link_kind ?: "pcie", GFP_KERNEL);
	memset(to->isas, 0, sizeof(to->isas));
	for (i = 0; i < WEFT_MAX_ISAS && from->isas[i]; i++) {
		to->isas[i] = kstrdup_const(from->isas[i], GFP_KERNEL);
		if (!to->isas[i])
			goto err;
	}
	to->price = from->price ?: WEFT_PRICE_UNIT;
	if (to->vendor && to->model && to->link_kind)
		return 0;
err:
	weft_desc_free(to);
	return -ENOMEM;
}

static bool weft_name_bad(const char *name)
{
	return !name || !name[0] || strlen(name) >= DRM_WEFT_NAME_LEN;
}

/* Which field of @desc is wrong; NULL if none. */
static const char *weft_desc_check(const struct weft_device_desc *desc,
				   const struct weft_backend_ops *ops)
{
	u32 i, compute = 0;

	if (!ops->load_image || !ops->unload_image || !ops->run || !ops->copy || !ops->reset)
		return "ops (load_image, unload_image, run, copy and reset are needed)";
	if (desc->name && (weft_name_bad(desc->name) || strchr(desc->name, '/')))
		return "name";
	if (weft_name_bad(desc->model))
		return "model";
	if (desc->vendor && weft_name_bad(desc->vendor))
		return "vendor";
	if (desc->link_kind && weft_name_bad(desc->link_kind))
		return "link_kind";
	if ((u32)desc->dev_class >= DRM_WEFT_CLASS_COUNT)
		return "dev_class";
	if (desc->caps & ~(WEFT_CAP_RUN_SLEEPS | WEFT_CAP_ABORT | WEFT_CAP_EARLY |
			   WEFT_CAP_DMA | WEFT_CAP_SERVED | WEFT_CAP_LEASE | WEFT_CAP_CHAINS))
		return "caps";
	if ((desc->caps & WEFT_CAP_CHAINS) &&
	    ((desc->caps & (WEFT_CAP_EARLY | WEFT_CAP_RUN_SLEEPS)) || desc->engine_count != 1))
		return "caps (CHAINS with EARLY, RUN_SLEEPS or several engines)";
	if ((desc->caps & WEFT_CAP_EARLY) && (desc->caps & WEFT_CAP_RUN_SLEEPS))
		return "caps (EARLY with RUN_SLEEPS)";
	if ((desc->caps & WEFT_CAP_ABORT) && !ops->abort)
		return "caps (ABORT without abort())";
	if (desc->contexts > WEFT_MAX_CONTEXTS ||
	    (desc->contexts && (!ops->context_open || !ops->context_close)))
		return "contexts";
	if (desc->contexts && ((desc->caps & WEFT_CAP_EARLY) ||
			       desc->memory_size % ((u64)desc->contexts * SZ_4K)))
		return "contexts (EARLY, or memory_size does not divide)";
	if (!ops->memory_alloc != !ops->memory_free)
		return "ops (memory_alloc without memory_free)";
	if (desc->preempt_level > 3)
		return "preempt_level";
	for (i = 0; i < WEFT_MAX_ISAS && desc->isas[i]; i++)
		if (weft_name_bad(desc->isas[i]))
			return "isas";
	if (!i)
		return "isas (none)";
	if (!desc->engine_count || desc->engine_count > WEFT_MAX_ENGINES)
		return "engine_count";
	for (i = 0; i < desc->engine_count; i++) {
		if (desc->engines[i].kind > WEFT_ENGINE_COPY)
			return "engines (kind)";
		if (!desc->engines[i].credits || desc->engines[i].credits > 64)
			return "engines (credits)";
		compute += desc->engines[i].kind == WEFT_ENGINE_COMPUTE;
	}
	if (!compute)
		return "engines (none computes)";
	if (desc->memory_size < SZ_64K || !IS_ALIGNED(desc->memory_size, SZ_4K))
		return "memory_size";
	if (desc->memory_base + desc->memory_size < desc->memory_base)
		return "memory_base";
	if (desc->numa_node != NUMA_NO_NODE &&
	    (desc->numa_node < 0 || desc->numa_node >= MAX_NUMNODES ||
	     !node_online(desc->numa_node)))
		return "numa_node";
	if (!desc->bandwidth_down || !desc->bandwidth_up)
		return "bandwidth";
	return NULL;
}

static void weft_device_release(struct device *dev)
{
	struct weft_device *wdev = to_weft_device(dev);

	weft_desc_free(&wdev->desc);
	weft_stop_fini(wdev);
	mutex_destroy(&wdev->loaded_lock);
	/* a last user may still be inside weft_device_user_put() */
	kfree_rcu(wdev, rcu);
}

/* ---------------------------------------------------------- joining, leaving */

/* A free id, not the one freed last: records name devices by id. */
static int weft_pool_pick_id(struct weft_pool *pool)
{
	u32 i, id;

	lockdep_assert_held(&weft_devices_lock);
	for (i = 0; i < DRM_WEFT_MAX_DEVICES; i++) {
		id = (pool->next_device_id + i) % DRM_WEFT_MAX_DEVICES;
		if (!pool->devices[id]) {
			pool->next_device_id = id + 1;
			return id;
		}
	}
	return -ENOSPC;
}

/* Number of a model's name; the same name has the same number as long as the pool lives. */
static int weft_pool_model(struct weft_pool *pool, const char *model)
{
	u32 i;

	lockdep_assert_held_write(&pool->topology);
	for (i = 0; i < ARRAY_SIZE(pool->models); i++) {
		if (!pool->models[i]) {
			pool->models[i] = kstrdup(model, GFP_KERNEL);
			return pool->models[i] ? (int)i : -ENOMEM;
		}
		if (!strcmp(pool->models[i], model))
			return i;
	}
	return -ENOSPC;
}

/* Jobs it runs at once. */
u32 weft_device_credits(const struct weft_device *wdev)
{
	u32 i, credits = 0;

	for (i = 0; i < wdev->desc.engine_count; i++)
		if (wdev->desc.engines[i].kind == WEFT_ENGINE_COMPUTE)
			credits += wdev->desc.engines[i].credits;
	return credits;
}

/* Memory, links and the scheduler's view of a device that has got its pool. */
static int weft_device_enter(struct weft_device *wdev, u32 id)
{
	struct weft_pool *pool = wdev->pool;
	int ret;

	lockdep_assert_held_write(&pool->topology);
	ret = weft_pool_model(pool, wdev->desc.model);
	if (ret < 0)
		return ret;
	wdev->sched.id = id;
	wdev->sched.model = ret;
	wdev->sched.dev_class = wdev->desc.dev_class;
	wdev->sched.credits = weft_device_credits(wdev);
	wdev->sched.depth = WEFT_BOUND_DEPTH;
	wdev->sched.chains = wdev->desc.caps & WEFT_CAP_CHAINS;
	wdev->sched.price = wdev->desc.price;
	ret = weft_memory_device_add(wdev);
	if (ret)
		return ret;

	weft_contexts_open(wdev, true);
	spin_lock(&pool->lock);
	WRITE_ONCE(wdev->leaving, false);
	weft_health_enter_locked(wdev);
	wdev->sched.open = weft_device_may_open(wdev);
	ret = weft_sched_device_add(&pool->sched, &wdev->sched, weft_now());
	if (!ret) {
		pool->devices[id] = wdev;
		if (weft_health_usable(wdev))
			pool->usable |= BIT_ULL(id);
	}
	spin_unlock(&pool->lock);
	if (ret)
		weft_memory_device_remove(wdev, false);
	return ret;
}

/* @wdev is in no pool. Return: 0, -ENOSPC the pool is full, -ENOMEM. */
static int weft_device_join(struct weft_device *wdev, struct weft_pool *pool)
{
	int ret, id;

	lockdep_assert_held(&weft_devices_lock);
	id = weft_pool_pick_id(pool);
	if (id < 0)
		return id;
	mutex_lock(&wdev->reset_lock);
	down_write(&wdev->pool_lock);
	down_write(&pool->topology);
	wdev->pool = pool;
	ret = weft_device_enter(wdev, id);
	if (ret)
		wdev->pool = NULL;
	else
		weft_pool_get(pool);
	up_write(&pool->topology);
	up_write(&wdev->pool_lock);
	mutex_unlock(&wdev->reset_lock);
	if (ret)
		return ret;
	weft_pool_devices_changed(pool);
	weft_health_added(wdev);
	return 0;
}

/* No new user from now on: jobs that are not placed yet go elsewhere, or wait. */
static void weft_device_close(struct weft_device *wdev)
{
	struct weft_pool *pool = wdev->pool;

	spin_lock(&pool->lock);
	WRITE_ONCE(wdev->leaving, true);
	weft_health_leave_locked(wdev);
	spin_unlock(&pool->lock);
}

/* @wdev is closed, or given up. Waits as long as its longest job takes. */
static void weft_device_leave(struct weft_device *wdev)
{
	struct weft_pool *pool = wdev->pool;

	lockdep_assert_held(&weft_devices_lock);
	wait_event(wdev->idle, !atomic_read(&wdev->users));
	/* a reset or a drain under way still needs the region; later ones see that it leaves */
	weft_stop_settle(wdev);
	mutex_lock(&wdev->reset_lock);
	mutex_unlock(&wdev->reset_lock);
	weft_memory_device_evacuate(wdev, READ_ONCE(wdev->lost));
	wait_event(wdev->idle, !atomic_read(&wdev->users));
	weft_device_detach(wdev);
	weft_health_removed(wdev);
	weft_program_device_gone(wdev);
	weft_contexts_open(wdev, false);

	mutex_lock(&wdev->reset_lock);
	down_write(&wdev->pool_lock);
	down_write(&pool->topology);
	spin_lock(&pool->lock);
	wdev->busy_before += wdev->sched.busy_ns;
	pool->devices[wdev->sched.id] = NULL;
	pool->usable &= ~BIT_ULL(wdev->sched.id);
	WARN_ON(weft_sched_device_remove(&pool->sched, &wdev->sched, weft_now()));
	spin_unlock(&pool->lock);
	weft_memory_device_remove(wdev, wdev->quarantined);
	wdev->pool = NULL;
	up_write(&pool->topology);
	up_write(&wdev->pool_lock);
	mutex_unlock(&wdev->reset_lock);

	/* what only this device could have run has nowhere to go */
	weft_pool_devices_changed(pool);
	/* nobody who found the device through the pool still looks at it */
	synchronize_rcu();
	weft_pool_put(pool);
}

/**
 * weft_devices_settle() - every device to the pool that the configuration says
 *
 * Jobs that are not placed yet go on with the devices that stay, those that are finish first. A
 * device that cannot join its pool is in none.
 *
 * Context: process; weft_devices_lock is held. Waits as long as the longest job concerned.
 * Return: 0, or the first error of a device that could not join.
 */
int weft_devices_settle(void)
{
	struct weft_device *wdev;
	struct weft_pool *pool;
	int err, ret = 0;

	lockdep_assert_held(&weft_devices_lock);
	/* close all that leave, so that they drain at the same time */
	list_for_each_entry(wdev, &weft_devices, node)
		if (wdev->pool && wdev->pool != weft_poolfs_pool_of(dev_name(&wdev->dev)))
			weft_device_close(wdev);
	list_for_each_entry(wdev, &weft_devices, node) {
		pool = weft_poolfs_pool_of(dev_name(&wdev->dev));
		if (wdev->pool == pool)
			continue;
		if (wdev->pool)
			weft_device_leave(wdev);
		err = pool ? weft_device_join(wdev, pool) : 0;
		if (err) {
			dev_err(&wdev->dev, "cannot join pool %s (%d)\n", pool->name, err);
			ret = ret ?: err;
		}
		kobject_uevent(&wdev->dev.kobj, KOBJ_CHANGE);
	}
	return ret;
}

/* -------------------------------------------------------------- registration */

/* The backend's name, or the lowest free one of its class: it comes back under the same. */
static int weft_device_set_name(struct weft_device *wdev, const char *name)
{
	struct device *other;
	u32 i;
	int ret;

	lockdep_assert_held(&weft_devices_lock);
	if (name)
		return dev_set_name(&wdev->dev, "%s", name);
	for (i = 0;; i++) {
		ret = dev_set_name(&wdev->dev, "%s%u", weft_class_name(wdev->desc.dev_class), i);
		if (ret)
			return ret;
		other = bus_find_device_by_name(&weft_bus, NULL, dev_name(&wdev->dev));
		if (!other)
			return 0;
		put_device(other);
	}
}

/* Start the device, show it and let it join its pool; on failure all is undone. */
static int weft_device_appear(struct weft_device *wdev, const char *name)
{
	struct weft_pool *pool;
	bool shown = false;
	int ret;

	mutex_lock(&weft_devices_lock);
	ret = weft_device_set_name(wdev, name);
	if (!ret && wdev->ops->start)
		ret = wdev->ops->start(wdev);
	if (ret) {
		mutex_unlock(&weft_devices_lock);
		return ret;
	}
	ret = device_add(&wdev->dev);
	if (!ret) {
		shown = true;
		pool = weft_poolfs_pool_of(dev_name(&wdev->dev));
		ret = pool ? weft_device_join(wdev, pool) : 0;
	}
	if (ret) {
		wdev->unregistered = true;
	} else {
		list_add_tail(&wdev->node, &weft_devices);
		weft_hwmon_add(wdev);
	}
	mutex_unlock(&weft_devices_lock);
	if (!ret)
		return 0;

	if (shown)
		device_del(&wdev->dev);
	if (wdev->ops->stop)
		wdev->ops->stop(wdev);
	return ret;
}

struct weft_device *weft_device_register(struct device *parent, const struct weft_device_desc *desc,
					 const struct weft_backend_ops *ops, void *priv)
{
	struct weft_device *wdev;
	const char *field;
	int ret;
	u32 i;

	field = weft_desc_check(desc, ops);
	if (field) {
		dev_err(parent, "weft device refused: bad %s\n", field);
		return ERR_PTR(-EINVAL);
	}
	wdev = kzalloc(sizeof(*wdev), GFP_KERNEL);
	if (!wdev)
		return ERR_PTR(-ENOMEM);
	ret = weft_desc_copy(&wdev->desc, desc);
	if (ret) {
		kfree(wdev);
		return ERR_PTR(ret);
	}
	ret = weft_stop_init(wdev);
	if (ret) {
		weft_stop_fini(wdev);
		weft_desc_free(&wdev->desc);
		kfree(wdev);
		return ERR_PTR(ret);
	}
	wdev->ops = ops;
	wdev->priv = priv;
	init_rwsem(&wdev->pool_lock);
	mutex_init(&wdev->loaded_lock);
	INIT_LIST_HEAD(&wdev->loaded);
	INIT_LIST_HEAD(&wdev->attachments);
	init_waitqueue_head(&wdev->idle);
	weft_health_init(wdev);
	weft_contexts_init(wdev);
	for (i = 0; i < wdev->desc.engine_count; i++)
		weft_engine_init(wdev, i);
	device_initialize(&wdev->dev);
	wdev->dev.parent = parent;
	wdev->dev.bus = &weft_bus;
	wdev->dev.release = weft_device_release;

	ret = weft_device_appear(wdev, desc->name);
	if (ret) {
		put_device(&wdev->dev);
		return ERR_PTR(ret);
	}
	return wdev;
}
EXPORT_SYMBOL_GPL(weft_device_register);

void weft_device_unregister(struct weft_device *wdev, bool lost)
{
	mutex_lock(&weft_devices_lock);
	wdev->unregistered = true;
	list_del(&wdev->node);
	if (wdev->pool) {
		weft_device_close(wdev);
		if (lost)
			weft_device_give_up(wdev);
		weft_device_leave(wdev);
	}
	weft_hwmon_remove(wdev);
	mutex_unlock(&weft_devices_lock);
	/* waits for those who use its files, and these may want the lock */
	device_del(&wdev->dev);
	if (wdev->ops->stop)
		wdev->ops->stop(wdev);
	put_device(&wdev->dev);
}
EXPORT_SYMBOL_GPL(weft_device_unregister);

/* The pool's side of a tune: links and the scheduler's view. */
static int weft_device_tune_pool(struct weft_device *wdev)
{
	struct weft_pool *pool = wdev->pool;
	struct weft_sched_device to;
	int ret;

	lockdep_assert_held(&wdev->pool_lock);
	down_write(&pool->topology);
	ret = weft_graph_device_tune(wdev);
	if (!ret) {
		spin_lock(&pool->lock);
		to = wdev->sched;
		to.price = wdev->desc.price;
		to.down.bandwidth = wdev->desc.bandwidth_down;
		to.down.latency = wdev->desc.link_latency;
		to.up.bandwidth = wdev->desc.bandwidth_up;
		to.up.latency = wdev->desc.link_latency;
		ret = weft_sched_device_set(&pool->sched, &wdev->sched, &to, weft_now());
		spin_unlock(&pool->lock);
	}
	up_write(&pool->topology);
	weft_pump_kick(pool);
	return ret;
}

int weft_device_tune(struct weft_device *wdev, const struct weft_device_tune *tune)
{
	int ret;

	down_write(&wdev->pool_lock);
	if (tune->bandwidth_down)
		wdev->desc.bandwidth_down = tune->bandwidth_down;
	if (tune->bandwidth_up)
		wdev->desc.bandwidth_up = tune->bandwidth_up;
	if (tune->link_latency)
		wdev->desc.link_latency = tune->link_latency;
	if (tune->price)
		wdev->desc.price = tune->price;
	ret = wdev->pool ? weft_device_tune_pool(wdev) : 0;
	up_write(&wdev->pool_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(weft_device_tune);
