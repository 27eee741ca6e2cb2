// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: devices
 *
 * Backends register devices here. A device's life: checked and named, started, given memory and
 * links, told to the scheduler, shown on the bus. It leaves in the opposite order: closed to
 * new jobs, drained (or given up if the hardware is gone), its copies moved or dropped, taken
 * from the scheduler, its memory and images freed, stopped.
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

/* One registration or removal at a time; outermost lock. */
static DEFINE_MUTEX(weft_devices_lock);
static u32 weft_next_device_id;

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
	if (desc->caps & ~(WEFT_CAP_RUN_SLEEPS | WEFT_CAP_ABORT))
		return "caps";
	if ((desc->caps & WEFT_CAP_ABORT) && !ops->abort)
		return "caps (ABORT without abort())";
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
	mutex_destroy(&wdev->telemetry_lock);
	mutex_destroy(&wdev->reset_lock);
	mutex_destroy(&wdev->loaded_lock);
	weft_pool_put(wdev->pool);
	/* a last user may still be inside weft_device_user_put() */
	kfree_rcu(wdev, rcu);
}

/* A free id, not the one freed last: records name devices by id. */
static int weft_device_pick_id(struct weft_pool *pool)
{
	u32 i, id;

	lockdep_assert_held(&weft_devices_lock);
	for (i = 0; i < DRM_WEFT_MAX_DEVICES; i++) {
		id = (weft_next_device_id + i) % DRM_WEFT_MAX_DEVICES;
		if (!pool->devices[id]) {
			weft_next_device_id = id + 1;
			return id;
		}
	}
	return -ENOSPC;
}

static int weft_device_set_name(struct weft_device *wdev, const char *name, u32 id)
{
	if (name)
		return dev_set_name(&wdev->dev, "%s", name);
	return dev_set_name(&wdev->dev, "%s%u", weft_class_name(wdev->desc.dev_class), id);
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

static u32 weft_device_credits(const struct weft_device *wdev)
{
	u32 i, credits = 0;

	for (i = 0; i < wdev->desc.engine_count; i++)
		if (wdev->desc.engines[i].kind == WEFT_ENGINE_COMPUTE)
			credits += wdev->desc.engines[i].credits;
	return credits;
}

static int weft_device_join(struct weft_device *wdev, int id)
{
	struct weft_pool *pool = wdev->pool;
	int ret;

	down_write(&pool->topology);
	ret = weft_pool_model(pool, wdev->desc.model);
	if (ret < 0)
		goto out;
	wdev->sched.id = id;
	wdev->sched.model = ret;
	wdev->sched.dev_class = wdev->desc.dev_class;
	wdev->sched.credits = weft_device_credits(wdev);
	wdev->sched.depth = WEFT_BOUND_DEPTH;
	wdev->sched.price = wdev->desc.price;
	wdev->sched.open = true;
	ret = weft_memory_device_add(wdev);
	if (ret)
		goto out;

	spin_lock(&pool->lock);
	ret = weft_sched_device_add(&pool->sched, &wdev->sched, weft_now());
	if (!ret) {
		pool->devices[id] = wdev;
		pool->usable |= BIT_ULL(id);
	}
	spin_unlock(&pool->lock);
	if (ret)
		weft_memory_device_remove(wdev, false);
out:
	up_write(&pool->topology);
	return ret;
}

static void weft_device_leave(struct weft_device *wdev, bool lost)
{
	struct weft_pool *pool = wdev->pool;
	struct weft_sched_device to;

	spin_lock(&pool->lock);
	WRITE_ONCE(wdev->leaving, true);
	wdev->health = max_t(u32, wdev->health, DRM_WEFT_HEALTH_DRAINING);
	to = wdev->sched;
	to.open = false;
	weft_sched_device_set(&pool->sched, &wdev->sched, &to, weft_now());
	spin_unlock(&pool->lock);

	if (lost)
		weft_device_give_up(wdev);
	wait_event(wdev->idle, !atomic_read(&wdev->users));
	/* a reset under way still looks at the memory; none begins any more */
	mutex_lock(&wdev->reset_lock);
	mutex_unlock(&wdev->reset_lock);
	weft_memory_device_evacuate(wdev, lost || READ_ONCE(wdev->lost));
	wait_event(wdev->idle, !atomic_read(&wdev->users));
	weft_program_device_gone(wdev);

	down_write(&pool->topology);
	spin_lock(&pool->lock);
	pool->devices[wdev->sched.id] = NULL;
	pool->usable &= ~BIT_ULL(wdev->sched.id);
	WARN_ON(weft_sched_device_remove(&pool->sched, &wdev->sched, weft_now()));
	spin_unlock(&pool->lock);
	weft_memory_device_remove(wdev, wdev->quarantined);
	up_write(&pool->topology);

	/* what only this device could have run has nowhere to go */
	weft_pool_devices_changed(pool);
	/* nobody who found the device through the pool still looks at it */
	synchronize_rcu();
}

struct weft_device *weft_device_register(struct device *parent, const struct weft_device_desc *desc,
					 const struct weft_backend_ops *ops, void *priv)
{
	struct weft_pool *pool = weft_default_pool;
	struct weft_device *wdev;
	const char *field;
	int ret, id;
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
	wdev->pool = pool;
	wdev->ops = ops;
	wdev->priv = priv;
	weft_pool_get(pool);
	mutex_init(&wdev->reset_lock);
	mutex_init(&wdev->telemetry_lock);
	mutex_init(&wdev->loaded_lock);
	INIT_LIST_HEAD(&wdev->loaded);
	init_waitqueue_head(&wdev->idle);
	for (i = 0; i < wdev->desc.engine_count; i++)
		weft_engine_init(wdev, i);
	device_initialize(&wdev->dev);
	wdev->dev.parent = parent;
	wdev->dev.bus = &weft_bus;
	wdev->dev.release = weft_device_release;

	mutex_lock(&weft_devices_lock);
	id = weft_device_pick_id(pool);
	ret = id < 0 ? id : weft_device_set_name(wdev, desc->name, id);
	if (ret < 0)
		goto err;
	if (wdev->ops->start) {
		ret = wdev->ops->start(wdev);
		if (ret)
			goto err;
	}
	ret = device_add(&wdev->dev);
	if (ret)
		goto err_stop;
	ret = weft_device_join(wdev, id);
	if (ret)
		goto err_del;
	weft_hwmon_add(wdev);
	mutex_unlock(&weft_devices_lock);

	weft_pool_devices_changed(pool);
	return wdev;

err_del:
	device_del(&wdev->dev);
err_stop:
	if (wdev->ops->stop)
		wdev->ops->stop(wdev);
err:
	mutex_unlock(&weft_devices_lock);
	put_device(&wdev->dev);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(weft_device_register);

void weft_device_unregister(struct weft_device *wdev, bool lost)
{
	mutex_lock(&weft_devices_lock);
	weft_device_leave(wdev, lost);
	weft_hwmon_remove(wdev);
	device_del(&wdev->dev);
	if (wdev->ops->stop)
		wdev->ops->stop(wdev);
	mutex_unlock(&weft_devices_lock);
	put_device(&wdev->dev);
}
EXPORT_SYMBOL_GPL(weft_device_unregister);

int weft_device_tune(struct weft_device *wdev, const struct weft_device_tune *tune)
{
	struct weft_pool *pool = wdev->pool;
	struct weft_sched_device to;
	int ret;

	down_write(&pool->topology);
	if (tune->bandwidth_down)
		wdev->desc.bandwidth_down = tune->bandwidth_down;
	if (tune->bandwidth_up)
		wdev->desc.bandwidth_up = tune->bandwidth_up;
	if (tune->link_latency)
		wdev->desc.link_latency = tune->link_latency;
	if (tune->price)
		wdev->desc.price = tune->price;
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
EXPORT_SYMBOL_GPL(weft_device_tune);
