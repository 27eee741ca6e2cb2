// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: sysfs
 *
 * One value per file; every file is described in Documentation/ABI. A pool's files are in the
 * folder "weft" of its parent device, reachable as /sys/class/accel/accelN/device/weft; a
 * device's files are in its folder on the weft bus.
 */
#include "core.h"
#include "../memory/memory.h"

/* --------------------------------------------------------------------- pool */

static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", weft_default_pool->name);
}
static DEVICE_ATTR_RO(name);

static ssize_t policy_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_pool *pool = weft_default_pool;
	const char *name;

	spin_lock(&pool->lock);
	name = weft_sched_policy(&pool->sched);
	spin_unlock(&pool->lock);
	return sysfs_emit(buf, "%s\n", name);
}

static ssize_t policy_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct weft_pool *pool = weft_default_pool;
	char name[DRM_WEFT_NAME_LEN];
	size_t n = strcspn(buf, "\n");
	int ret;

	if (n >= sizeof(name))
		return -EINVAL;
	memcpy(name, buf, n);
	name[n] = '\0';
	spin_lock(&pool->lock);
	ret = weft_sched_policy_set(&pool->sched, name, weft_now());
	spin_unlock(&pool->lock);
	weft_pump_kick(pool);
	return ret ?: count;
}
static DEVICE_ATTR_RW(policy);

static ssize_t available_policies_show(struct device *dev, struct device_attribute *attr,
				       char *buf)
{
	const char *name;
	int n = 0;
	u32 i;

	for (i = 0; (name = weft_sched_policy_name(i)); i++)
		n += sysfs_emit_at(buf, n, "%s%s", i ? " " : "", name);
	return n + sysfs_emit_at(buf, n, "\n");
}
static DEVICE_ATTR_RO(available_policies);

static ssize_t host_limit_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(weft_default_pool->host_limit));
}

static ssize_t host_limit_store(struct device *dev, struct device_attribute *attr,
				const char *buf, size_t count)
{
	u64 limit;
	int ret = kstrtou64(buf, 0, &limit);

	if (ret)
		return ret;
	WRITE_ONCE(weft_default_pool->host_limit, limit);
	return count;
}
static DEVICE_ATTR_RW(host_limit);

static ssize_t host_reserved_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", (s64)atomic64_read(&weft_default_pool->host_reserved));
}
static DEVICE_ATTR_RO(host_reserved);

static struct attribute *weft_pool_attrs[] = {
	&dev_attr_name.attr,
	&dev_attr_policy.attr,
	&dev_attr_available_policies.attr,
	&dev_attr_host_limit.attr,
	&dev_attr_host_reserved.attr,
	NULL,
};

static const struct attribute_group weft_pool_group = {
	.name = "weft",
	.attrs = weft_pool_attrs,
};

const struct attribute_group *weft_pool_groups[] = {
	&weft_pool_group,
	NULL,
};

/* ------------------------------------------------------------------- device */

static const char * const weft_health_names[] = {
	[DRM_WEFT_HEALTH_OK] = "ok",
	[DRM_WEFT_HEALTH_DEGRADED] = "degraded",
	[DRM_WEFT_HEALTH_DRAINING] = "draining",
	[DRM_WEFT_HEALTH_QUARANTINED] = "quarantined",
};

#define WEFT_DEVICE_SHOW(_name, _fmt, ...)						\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	struct weft_device *wdev = to_weft_device(dev);					\
											\
	return sysfs_emit(buf, _fmt "\n", __VA_ARGS__);					\
}											\
static DEVICE_ATTR_RO(_name)

WEFT_DEVICE_SHOW(id, "%u", wdev->sched.id);
WEFT_DEVICE_SHOW(class, "%s", weft_class_name(wdev->desc.dev_class));
WEFT_DEVICE_SHOW(vendor, "%s", wdev->desc.vendor);
WEFT_DEVICE_SHOW(model, "%s", wdev->desc.model);
WEFT_DEVICE_SHOW(preempt_level, "%u", wdev->desc.preempt_level);
WEFT_DEVICE_SHOW(credits, "%u", wdev->sched.credits);
WEFT_DEVICE_SHOW(health, "%s", weft_health_names[READ_ONCE(wdev->health)]);
WEFT_DEVICE_SHOW(jobs_done, "%lld", (s64)atomic64_read(&wdev->jobs_done));
WEFT_DEVICE_SHOW(jobs_failed, "%lld", (s64)atomic64_read(&wdev->jobs_failed));
WEFT_DEVICE_SHOW(resets, "%lld", (s64)atomic64_read(&wdev->resets));
WEFT_DEVICE_SHOW(memory_size, "%llu", wdev->desc.memory_size);

static ssize_t busy_ns_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_device *wdev = to_weft_device(dev);
	u64 busy;

	spin_lock(&wdev->pool->lock);
	busy = wdev->sched.busy_ns;
	spin_unlock(&wdev->pool->lock);
	return sysfs_emit(buf, "%llu\n", busy);
}
static DEVICE_ATTR_RO(busy_ns);

static ssize_t isas_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_device *wdev = to_weft_device(dev);
	int n = 0;
	u32 i;

	for (i = 0; i < WEFT_MAX_ISAS && wdev->desc.isas[i]; i++)
		n += sysfs_emit_at(buf, n, "%s%s", i ? " " : "", wdev->desc.isas[i]);
	return n + sysfs_emit_at(buf, n, "\n");
}
static DEVICE_ATTR_RO(isas);

static ssize_t memory_used_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_device *wdev = to_weft_device(dev);
	struct drm_weft_region_info info = { };

	/* the region comes after the folder and goes before it */
	down_read(&wdev->pool->topology);
	if (wdev->region)
		weft_region_info(wdev->region, &info);
	up_read(&wdev->pool->topology);
	return sysfs_emit(buf, "%llu\n", info.used);
}
static DEVICE_ATTR_RO(memory_used);

static ssize_t price_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_weft_device(dev)->desc.price));
}

static ssize_t price_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	struct weft_device_tune tune = { };
	int ret = kstrtou32(buf, 0, &tune.price);

	if (ret)
		return ret;
	if (!tune.price || tune.price > 1024 * WEFT_PRICE_UNIT)
		return -ERANGE;
	ret = weft_device_tune(to_weft_device(dev), &tune);
	return ret ?: count;
}
static DEVICE_ATTR_RW(price);

static ssize_t reset_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	bool yes;
	int ret = kstrtobool(buf, &yes);

	if (ret)
		return ret;
	if (!yes)
		return -EINVAL;
	ret = weft_device_reset(to_weft_device(dev));
	return ret ?: count;
}
static DEVICE_ATTR_WO(reset);

static struct attribute *weft_device_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_class.attr,
	&dev_attr_vendor.attr,
	&dev_attr_model.attr,
	&dev_attr_isas.attr,
	&dev_attr_preempt_level.attr,
	&dev_attr_credits.attr,
	&dev_attr_health.attr,
	&dev_attr_price.attr,
	&dev_attr_jobs_done.attr,
	&dev_attr_jobs_failed.attr,
	&dev_attr_resets.attr,
	&dev_attr_reset.attr,
	&dev_attr_busy_ns.attr,
	&dev_attr_memory_size.attr,
	&dev_attr_memory_used.attr,
	NULL,
};

static const struct attribute_group weft_device_group = {
	.attrs = weft_device_attrs,
};

const struct attribute_group *weft_device_groups[] = {
	&weft_device_group,
	NULL,
};
