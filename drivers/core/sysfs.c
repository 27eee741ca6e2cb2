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

static struct weft_pool *to_pool(struct device *dev)
{
	return dev_get_drvdata(dev);
}

const char *weft_node_kind_name(enum weft_node_kind kind)
{
	return kind == WEFT_NODE_RENDER ? "render" : "accel";
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_pool(dev)->name);
}
static DEVICE_ATTR_RO(name);

static ssize_t node_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", weft_node_kind_name(to_pool(dev)->kind));
}
static DEVICE_ATTR_RO(node);

/* Read by udev's rule. Whole words: a change between two of them is followed by another event. */
static ssize_t uid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_pool_access *access = &to_pool(dev)->access;

	if (!READ_ONCE(access->owned))
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%u\n", from_kuid(&init_user_ns, access->uid));
}
static DEVICE_ATTR_RO(uid);

static ssize_t gid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_pool_access *access = &to_pool(dev)->access;

	if (!READ_ONCE(access->owned))
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%u\n", from_kgid(&init_user_ns, access->gid));
}
static DEVICE_ATTR_RO(gid);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%04o\n", READ_ONCE(to_pool(dev)->access.mode));
}
static DEVICE_ATTR_RO(mode);

static ssize_t policy_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_pool *pool = to_pool(dev);
	const char *name;

	spin_lock(&pool->lock);
	name = weft_sched_policy(&pool->sched);
	spin_unlock(&pool->lock);
	return sysfs_emit(buf, "%s\n", name);
}

static ssize_t policy_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct weft_pool *pool = to_pool(dev);
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
	return sysfs_emit(buf, "%llu\n", READ_ONCE(to_pool(dev)->host_limit));
}

static ssize_t host_limit_store(struct device *dev, struct device_attribute *attr,
				const char *buf, size_t count)
{
	u64 limit;
	int ret = kstrtou64(buf, 0, &limit);

	if (ret)
		return ret;
	WRITE_ONCE(to_pool(dev)->host_limit, limit);
	return count;
}
static DEVICE_ATTR_RW(host_limit);

static ssize_t host_reserved_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", (s64)atomic64_read(&to_pool(dev)->host_reserved));
}
static DEVICE_ATTR_RO(host_reserved);

static ssize_t host_quarantined_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", (s64)atomic64_read(&to_pool(dev)->host_quarantined));
}
static DEVICE_ATTR_RO(host_quarantined);

static ssize_t import_dma_bytes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", (s64)atomic64_read(&to_pool(dev)->import_dma_bytes));
}
static DEVICE_ATTR_RO(import_dma_bytes);

static ssize_t import_cpu_bytes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", (s64)atomic64_read(&to_pool(dev)->import_cpu_bytes));
}
static DEVICE_ATTR_RO(import_cpu_bytes);

static struct attribute *weft_pool_attrs[] = {
	&dev_attr_name.attr,
	&dev_attr_node.attr,
	&dev_attr_uid.attr,
	&dev_attr_gid.attr,
	&dev_attr_mode.attr,
	&dev_attr_policy.attr,
	&dev_attr_available_policies.attr,
	&dev_attr_host_limit.attr,
	&dev_attr_host_reserved.attr,
	&dev_attr_host_quarantined.attr,
	&dev_attr_import_dma_bytes.attr,
	&dev_attr_import_cpu_bytes.attr,
	NULL,
};

static const struct attribute_group weft_pool_group = {
	.name = "weft",
	.attrs = weft_pool_attrs,
};

static const struct attribute_group *weft_pool_groups[] = {
	&weft_pool_group,
	NULL,
};

static int weft_pool_uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	const struct weft_pool *pool = dev_get_drvdata(dev);
	const struct weft_pool_access *access = &pool->access;
	int ret;

	ret = add_uevent_var(env, "WEFT_POOL=%s", pool->name);
	if (!ret && READ_ONCE(access->owned))
		ret = add_uevent_var(env, "WEFT_UID=%u", from_kuid(&init_user_ns, access->uid)) ?:
		      add_uevent_var(env, "WEFT_GID=%u", from_kgid(&init_user_ns, access->gid));
	return ret ?: add_uevent_var(env, "WEFT_MODE=%04o", READ_ONCE(access->mode));
}

/* The parent of a pool's node: its files are there before anybody hears of it. */
const struct device_type weft_pool_type = {
	.name = "weft-pool",
	.groups = weft_pool_groups,
	.uevent = weft_pool_uevent,
};

/* ------------------------------------------------------------------- device */

#define WEFT_DEVICE_SHOW(_name, _fmt, ...)						\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	struct weft_device *wdev = to_weft_device(dev);					\
											\
	return sysfs_emit(buf, _fmt "\n", __VA_ARGS__);					\
}											\
static DEVICE_ATTR_RO(_name)

WEFT_DEVICE_SHOW(class, "%s", weft_class_name(wdev->desc.dev_class));
WEFT_DEVICE_SHOW(vendor, "%s", wdev->desc.vendor);
WEFT_DEVICE_SHOW(model, "%s", wdev->desc.model);
WEFT_DEVICE_SHOW(preempt_level, "%u", wdev->desc.preempt_level);
WEFT_DEVICE_SHOW(credits, "%u", weft_device_credits(wdev));
WEFT_DEVICE_SHOW(jobs_done, "%lld", (s64)atomic64_read(&wdev->jobs_done));
WEFT_DEVICE_SHOW(jobs_failed, "%lld", (s64)atomic64_read(&wdev->jobs_failed));
WEFT_DEVICE_SHOW(resets, "%lld", (s64)atomic64_read(&wdev->resets));
WEFT_DEVICE_SHOW(resets_failed, "%lld", (s64)atomic64_read(&wdev->health.resets_failed));
WEFT_DEVICE_SHOW(errors, "%lld", (s64)atomic64_read(&wdev->health.errors));
WEFT_DEVICE_SHOW(timeouts, "%lld", (s64)atomic64_read(&wdev->health.timeouts));
WEFT_DEVICE_SHOW(slow_runs, "%lld", (s64)atomic64_read(&wdev->health.slow_runs));
WEFT_DEVICE_SHOW(memory_size, "%llu", wdev->desc.memory_size);

static ssize_t id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_device *wdev = to_weft_device(dev);
	ssize_t n;

	down_read(&wdev->pool_lock);
	n = wdev->pool ? sysfs_emit(buf, "%u\n", wdev->sched.id) : sysfs_emit(buf, "\n");
	up_read(&wdev->pool_lock);
	return n;
}
static DEVICE_ATTR_RO(id);

static ssize_t pool_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_device *wdev = to_weft_device(dev);
	ssize_t n;

	down_read(&wdev->pool_lock);
	n = sysfs_emit(buf, "%s\n", wdev->pool ? wdev->pool->name : "");
	up_read(&wdev->pool_lock);
	return n;
}

static ssize_t pool_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t count)
{
	struct weft_device *wdev = to_weft_device(dev);
	char name[DRM_WEFT_NAME_LEN];
	size_t n = strcspn(buf, "\n");
	int ret = -ENODEV;

	if (n >= sizeof(name))
		return -ENOENT;
	memcpy(name, buf, n);
	name[n] = '\0';
	mutex_lock(&weft_devices_lock);
	if (!wdev->unregistered)
		ret = weft_poolfs_assign(dev_name(dev), name) ?: weft_devices_settle();
	mutex_unlock(&weft_devices_lock);
	return ret ?: count;
}
static DEVICE_ATTR_RW(pool);

static ssize_t busy_ns_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_device *wdev = to_weft_device(dev);
	u64 busy;

	down_read(&wdev->pool_lock);
	busy = wdev->busy_before;
	if (wdev->pool) {
		spin_lock(&wdev->pool->lock);
		busy += wdev->sched.busy_ns;
		spin_unlock(&wdev->pool->lock);
	}
	up_read(&wdev->pool_lock);
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

	/* the region comes and goes with the pool */
	down_read(&wdev->pool_lock);
	if (wdev->region)
		weft_region_info(wdev->region, &info);
	up_read(&wdev->pool_lock);
	return sysfs_emit(buf, "%llu\n", info.used);
}
static DEVICE_ATTR_RO(memory_used);

static ssize_t memory_quarantined_show(struct device *dev, struct device_attribute *attr,
				       char *buf)
{
	struct weft_device *wdev = to_weft_device(dev);
	u64 bytes = 0;

	down_read(&wdev->pool_lock);
	if (wdev->region)
		bytes = atomic64_read(&wdev->region->quarantined);
	up_read(&wdev->pool_lock);
	return sysfs_emit(buf, "%llu\n", bytes);
}
static DEVICE_ATTR_RO(memory_quarantined);

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

static ssize_t health_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  weft_health_name(READ_ONCE(to_weft_device(dev)->health.state)));
}

static ssize_t health_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	return weft_health_set(to_weft_device(dev), buf) ?: count;
}
static DEVICE_ATTR_RW(health);

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

static ssize_t weft_limit_store(struct device *dev, const char *buf, size_t count, u32 *limit,
				u32 least)
{
	struct weft_device *wdev = to_weft_device(dev);
	u32 value;
	int ret = kstrtou32(buf, 0, &value);

	if (ret)
		return ret;
	if (value < least || value > WEFT_HEALTH_MAX)
		return -ERANGE;
	weft_health_limit(wdev, limit, value);
	return count;
}

#define WEFT_DEVICE_LIMIT(_name, _field, _least)					\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_weft_device(dev)->health.limits._field)); \
}											\
static ssize_t _name##_store(struct device *dev, struct device_attribute *attr,		\
			     const char *buf, size_t count)				\
{											\
	return weft_limit_store(dev, buf, count,					\
				&to_weft_device(dev)->health.limits._field, _least);	\
}											\
static DEVICE_ATTR_RW(_name)

WEFT_DEVICE_LIMIT(degrade_at, degrade_at, 1);
WEFT_DEVICE_LIMIT(drain_at, drain_at, 0);
WEFT_DEVICE_LIMIT(quarantine_at, quarantine_at, 0);
WEFT_DEVICE_LIMIT(fault_leak, leak, 0);
WEFT_DEVICE_LIMIT(slow_factor, slow_factor, 0);

static ssize_t copy_timeout_ns_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(to_weft_device(dev)->copy_timeout_ns));
}

static ssize_t copy_timeout_ns_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t count)
{
	u64 value;
	int ret = kstrtou64(buf, 0, &value);

	if (ret)
		return ret;
	if (value && (value < WEFT_COPY_TIMEOUT_MIN || value > WEFT_COPY_TIMEOUT_MAX))
		return -ERANGE;
	WRITE_ONCE(to_weft_device(dev)->copy_timeout_ns, value);
	return count;
}
static DEVICE_ATTR_RW(copy_timeout_ns);

/* ------------------------------------------------------------------- leases */

static ssize_t weft_ns_store(const char *buf, size_t count, u64 *ns, u64 least, u64 most)
{
	u64 value;
	int ret = kstrtou64(buf, 0, &value);

	if (ret)
		return ret;
	if (value < least || value > most)
		return -ERANGE;
	WRITE_ONCE(*ns, value);
	return count;
}

WEFT_DEVICE_SHOW(leases, "%lld", (s64)atomic64_read(&wdev->leases.granted));
WEFT_DEVICE_SHOW(leases_revoked, "%lld", (s64)atomic64_read(&wdev->leases.revoked));

static ssize_t lease_quantum_ns_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(to_weft_device(dev)->leases.quantum_ns));
}

static ssize_t lease_quantum_ns_store(struct device *dev, struct device_attribute *attr,
				      const char *buf, size_t count)
{
	return weft_ns_store(buf, count, &to_weft_device(dev)->leases.quantum_ns,
			     WEFT_LEASE_QUANTUM_MIN, WEFT_LEASE_QUANTUM_MAX);
}
static DEVICE_ATTR_RW(lease_quantum_ns);

static ssize_t lease_grace_ns_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(to_weft_device(dev)->leases.grace_ns));
}

static ssize_t lease_grace_ns_store(struct device *dev, struct device_attribute *attr,
				    const char *buf, size_t count)
{
	return weft_ns_store(buf, count, &to_weft_device(dev)->leases.grace_ns,
			     WEFT_LEASE_GRACE_MIN, WEFT_LEASE_GRACE_MAX);
}
static DEVICE_ATTR_RW(lease_grace_ns);

static ssize_t lease_overuse_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  weft_overuse_name(READ_ONCE(to_weft_device(dev)->leases.overuse)));
}

static ssize_t lease_overuse_store(struct device *dev, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	const char *name;
	u32 i;

	for (i = 0; (name = weft_overuse_name(i)); i++) {
		if (sysfs_streq(buf, name)) {
			WRITE_ONCE(to_weft_device(dev)->leases.overuse, i);
			return count;
		}
	}
	return -EINVAL;
}
static DEVICE_ATTR_RW(lease_overuse);

static struct attribute *weft_lease_attrs[] = {
	&dev_attr_leases.attr,
	&dev_attr_leases_revoked.attr,
	&dev_attr_lease_quantum_ns.attr,
	&dev_attr_lease_grace_ns.attr,
	&dev_attr_lease_overuse.attr,
	NULL,
};

static umode_t weft_lease_visible(struct kobject *kobj, struct attribute *attr, int index)
{
	struct weft_device *wdev = to_weft_device(kobj_to_dev(kobj));

	return wdev->desc.caps & WEFT_CAP_LEASE ? attr->mode : 0;
}

static const struct attribute_group weft_lease_group = {
	.is_visible = weft_lease_visible,
	.attrs = weft_lease_attrs,
};

static struct attribute *weft_device_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_pool.attr,
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
	&dev_attr_resets_failed.attr,
	&dev_attr_errors.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_slow_runs.attr,
	&dev_attr_reset.attr,
	&dev_attr_degrade_at.attr,
	&dev_attr_drain_at.attr,
	&dev_attr_quarantine_at.attr,
	&dev_attr_fault_leak.attr,
	&dev_attr_slow_factor.attr,
	&dev_attr_copy_timeout_ns.attr,
	&dev_attr_busy_ns.attr,
	&dev_attr_memory_size.attr,
	&dev_attr_memory_used.attr,
	&dev_attr_memory_quarantined.attr,
	NULL,
};

static const struct attribute_group weft_device_group = {
	.attrs = weft_device_attrs,
};

const struct attribute_group *weft_device_groups[] = {
	&weft_device_group,
	&weft_lease_group,
	NULL,
};
