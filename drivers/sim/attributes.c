// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: attributes
 *
 * The files of a directory: one value each, except speed, which has one line per operation. What
 * describes the device cannot change while it is enabled (-EBUSY); the link's figures and the
 * price can, and the core is told. Everything is checked when it is written, so that enabling
 * fails only for want of memory or of a free name.
 */
#include <linux/ctype.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>

#include "sim.h"

#define MAX_DILATION	1000000
#define MAX_LATENCY_NS	(10ull * NSEC_PER_SEC)
#define MAX_POWER_MW	1000000000ull
#define MIN_MEMORY	SZ_64K
#define MAX_MEMORY	BIT_ULL(40)

static const char * const class_names[DRM_WEFT_CLASS_COUNT] = {
	[DRM_WEFT_CLASS_GPU] = "gpu",
	[DRM_WEFT_CLASS_DCU] = "dcu",
	[DRM_WEFT_CLASS_NPU] = "npu",
	[DRM_WEFT_CLASS_CPU] = "cpu",
	[DRM_WEFT_CLASS_DPU] = "dpu",
};

/* Takes the lock if the device's description may be changed. */
static int config_lock(struct weft_sim_directory *dir)
{
	mutex_lock(&dir->lock);
	if (dir->state == WEFT_SIM_OFF)
		return 0;
	mutex_unlock(&dir->lock);
	return -EBUSY;
}

/* Releases it after a change that a live device must hear of. */
static int config_unlock_tuned(struct weft_sim_directory *dir)
{
	int ret = 0;

	if (dir->state == WEFT_SIM_ON)
		ret = weft_sim_device_tune(dir->device, &dir->config);
	mutex_unlock(&dir->lock);
	return ret;
}

static ssize_t u32_store(struct config_item *item, const char *page, size_t count, u32 *value,
			 u32 min, u32 max)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	u32 parsed;
	int ret;

	ret = kstrtou32(page, 0, &parsed);
	if (ret)
		return ret;
	if (parsed < min || parsed > max)
		return -EINVAL;
	ret = config_lock(dir);
	if (ret)
		return ret;
	*value = parsed;
	mutex_unlock(&dir->lock);
	return count;
}

#define WEFT_SIM_ATTR_U32(_name, _min, _max)						\
static ssize_t weft_sim_##_name##_show(struct config_item *item, char *page)		\
{											\
	return sysfs_emit(page, "%u\n",							\
			  READ_ONCE(to_weft_sim_directory(item)->config._name));	\
}											\
static ssize_t weft_sim_##_name##_store(struct config_item *item, const char *page,	\
					size_t count)					\
{											\
	return u32_store(item, page, count,						\
			 &to_weft_sim_directory(item)->config._name, _min, _max);	\
}											\
CONFIGFS_ATTR(weft_sim_, _name)

WEFT_SIM_ATTR_U32(engines, 1, WEFT_SIM_MAX_ENGINES);
WEFT_SIM_ATTR_U32(credits, 1, WEFT_SIM_MAX_CREDITS);
WEFT_SIM_ATTR_U32(power_idle, 0, MAX_POWER_MW);
WEFT_SIM_ATTR_U32(power_busy, 0, MAX_POWER_MW);
WEFT_SIM_ATTR_U32(dilation, 1, MAX_DILATION);
WEFT_SIM_ATTR_U32(early, 0, 1);

/* Copies the line at @page if it is a printable name that fits. */
static int name_parse(char name[WEFT_SIM_NAME_LEN], const char *page, size_t count)
{
	size_t i;

	if (count && page[count - 1] == '\n')
		count--;
	if (!count || count >= WEFT_SIM_NAME_LEN)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		if (!isprint(page[i]))
			return -EINVAL;
	}
	memcpy(name, page, count);
	memset(name + count, 0, WEFT_SIM_NAME_LEN - count);
	return 0;
}

static ssize_t name_show(struct config_item *item, char *page, const char *name)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	ssize_t length;

	mutex_lock(&dir->lock);
	length = sysfs_emit(page, "%s\n", name);
	mutex_unlock(&dir->lock);
	return length;
}

static ssize_t name_store(struct config_item *item, const char *page, size_t count, char *name)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	char parsed[WEFT_SIM_NAME_LEN];
	int ret;

	ret = name_parse(parsed, page, count) ?: config_lock(dir);
	if (ret)
		return ret;
	memcpy(name, parsed, WEFT_SIM_NAME_LEN);
	mutex_unlock(&dir->lock);
	return count;
}

#define WEFT_SIM_ATTR_NAME(_name)							\
static ssize_t weft_sim_##_name##_show(struct config_item *item, char *page)		\
{											\
	return name_show(item, page, to_weft_sim_directory(item)->config._name);	\
}											\
static ssize_t weft_sim_##_name##_store(struct config_item *item, const char *page,	\
					size_t count)					\
{											\
	return name_store(item, page, count, to_weft_sim_directory(item)->config._name); \
}											\
CONFIGFS_ATTR(weft_sim_, _name)

WEFT_SIM_ATTR_NAME(vendor);
WEFT_SIM_ATTR_NAME(model);
WEFT_SIM_ATTR_NAME(link_kind);

static ssize_t weft_sim_class_show(struct config_item *item, char *page)
{
	u32 dev_class = READ_ONCE(to_weft_sim_directory(item)->config.dev_class);

	return sysfs_emit(page, "%s\n", class_names[dev_class]);
}

static ssize_t weft_sim_class_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	int ret, dev_class = sysfs_match_string(class_names, page);

	if (dev_class < 0)
		return dev_class;
	ret = config_lock(dir);
	if (ret)
		return ret;
	dir->config.dev_class = dev_class;
	mutex_unlock(&dir->lock);
	return count;
}

CONFIGFS_ATTR(weft_sim_, class);

static ssize_t weft_sim_isas_show(struct config_item *item, char *page)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	ssize_t length = 0;
	u32 i;

	mutex_lock(&dir->lock);
	for (i = 0; i < WEFT_MAX_ISAS && dir->config.isas[i][0]; i++)
		length += sysfs_emit_at(page, length, i ? " %s" : "%s", dir->config.isas[i]);
	mutex_unlock(&dir->lock);
	return length + sysfs_emit_at(page, length, "\n");
}

static ssize_t weft_sim_isas_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	char isas[WEFT_MAX_ISAS][WEFT_SIM_NAME_LEN] = {};
	u32 used = 0;
	size_t length;
	int ret;

	for (page = skip_spaces(page); *page; page = skip_spaces(page + length)) {
		length = strcspn(page, " \t\n");
		if (used == WEFT_MAX_ISAS)
			return -E2BIG;
		ret = name_parse(isas[used++], page, length);
		if (ret)
			return ret;
	}
	if (!used)
		return -EINVAL;
	ret = config_lock(dir);
	if (ret)
		return ret;
	memcpy(dir->config.isas, isas, sizeof(isas));
	mutex_unlock(&dir->lock);
	return count;
}

CONFIGFS_ATTR(weft_sim_, isas);

static ssize_t weft_sim_memory_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%llu\n", READ_ONCE(to_weft_sim_directory(item)->config.memory));
}

/* In bytes, or with a suffix K, M or G. */
static ssize_t weft_sim_memory_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	char *end;
	u64 size;
	int ret;

	size = memparse(page, &end);
	if (end == page || *skip_spaces(end))
		return -EINVAL;
	if (size < MIN_MEMORY || size > MAX_MEMORY || size % SZ_4K)
		return -EINVAL;
	ret = config_lock(dir);
	if (ret)
		return ret;
	dir->config.memory = size;
	mutex_unlock(&dir->lock);
	return count;
}

CONFIGFS_ATTR(weft_sim_, memory);

static ssize_t weft_sim_numa_node_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(to_weft_sim_directory(item)->config.numa_node));
}

static ssize_t weft_sim_numa_node_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	int node, ret;

	ret = kstrtoint(page, 0, &node);
	if (ret)
		return ret;
	if (node != NUMA_NO_NODE && (node < 0 || node >= MAX_NUMNODES || !node_online(node)))
		return -EINVAL;
	ret = config_lock(dir);
	if (ret)
		return ret;
	dir->config.numa_node = node;
	mutex_unlock(&dir->lock);
	return count;
}

CONFIGFS_ATTR(weft_sim_, numa_node);

/* A rate is a positive number or "inf". */
static int rate_parse(const char *text, u64 *rate)
{
	int ret;

	if (sysfs_streq(text, "inf")) {
		*rate = WEFT_SIM_INF;
		return 0;
	}
	ret = kstrtou64(text, 0, rate);
	if (ret)
		return ret;
	return *rate && *rate < WEFT_SIM_INF ? 0 : -EINVAL;
}

static ssize_t rate_emit_at(char *page, ssize_t at, u64 rate)
{
	if (rate == WEFT_SIM_INF)
		return sysfs_emit_at(page, at, "inf\n");
	return sysfs_emit_at(page, at, "%llu\n", rate);
}

static ssize_t weft_sim_speed_show(struct config_item *item, char *page)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	ssize_t length = 0;
	u32 op;

	mutex_lock(&dir->lock);
	for (op = 0; op < WEFT_SIM_OP_COUNT; op++) {
		length += sysfs_emit_at(page, length, "%s ", weft_sim_op_names[op]);
		length += rate_emit_at(page, length, dir->config.speed[op]);
	}
	mutex_unlock(&dir->lock);
	return length;
}

/* "OP VALUE"; OP may be "all". */
static ssize_t weft_sim_speed_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	char name[WEFT_SIM_NAME_LEN];
	size_t length;
	int op, ret;
	u64 rate;

	page = skip_spaces(page);
	length = strcspn(page, " \t\n");
	ret = name_parse(name, page, length) ?: rate_parse(skip_spaces(page + length), &rate);
	if (ret)
		return ret;
	op = match_string(weft_sim_op_names, WEFT_SIM_OP_COUNT, name);
	if (op < 0 && strcmp(name, "all"))
		return -EINVAL;
	ret = config_lock(dir);
	if (ret)
		return ret;
	if (op >= 0) {
		dir->config.speed[op] = rate;
	} else {
		for (op = 0; op < WEFT_SIM_OP_COUNT; op++)
			dir->config.speed[op] = rate;
	}
	mutex_unlock(&dir->lock);
	return count;
}

CONFIGFS_ATTR(weft_sim_, speed);

static ssize_t bandwidth_store(struct config_item *item, const char *page, size_t count,
			       enum weft_copy_kind direction)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	u64 rate;
	int ret;

	ret = rate_parse(page, &rate);
	if (ret)
		return ret;
	mutex_lock(&dir->lock);
	dir->config.bandwidth[direction] = rate;
	return config_unlock_tuned(dir) ?: count;
}

#define WEFT_SIM_ATTR_BANDWIDTH(_name, _direction)					\
static ssize_t weft_sim_##_name##_show(struct config_item *item, char *page)		\
{											\
	struct weft_sim_config *config = &to_weft_sim_directory(item)->config;		\
											\
	return rate_emit_at(page, 0, READ_ONCE(config->bandwidth[_direction]));		\
}											\
static ssize_t weft_sim_##_name##_store(struct config_item *item, const char *page,	\
					size_t count)					\
{											\
	return bandwidth_store(item, page, count, _direction);				\
}											\
CONFIGFS_ATTR(weft_sim_, _name)

WEFT_SIM_ATTR_BANDWIDTH(bandwidth_down, WEFT_COPY_TO_DEVICE);
WEFT_SIM_ATTR_BANDWIDTH(bandwidth_up, WEFT_COPY_TO_HOST);

static ssize_t weft_sim_link_latency_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%llu\n",
			  READ_ONCE(to_weft_sim_directory(item)->config.link_latency));
}

static ssize_t weft_sim_link_latency_store(struct config_item *item, const char *page,
					   size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	u64 latency;
	int ret;

	ret = kstrtou64(page, 0, &latency);
	if (ret)
		return ret;
	if (latency > MAX_LATENCY_NS)
		return -EINVAL;
	mutex_lock(&dir->lock);
	dir->config.link_latency = latency;
	return config_unlock_tuned(dir) ?: count;
}

CONFIGFS_ATTR(weft_sim_, link_latency);

static ssize_t weft_sim_price_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(to_weft_sim_directory(item)->config.price));
}

static ssize_t weft_sim_price_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	u32 price;
	int ret;

	ret = kstrtou32(page, 0, &price);
	if (ret)
		return ret;
	if (!price)
		return -EINVAL;
	mutex_lock(&dir->lock);
	dir->config.price = price;
	return config_unlock_tuned(dir) ?: count;
}

CONFIGFS_ATTR(weft_sim_, price);

static ssize_t weft_sim_profile_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", READ_ONCE(to_weft_sim_directory(item)->profile));
}

static ssize_t weft_sim_profile_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	const char *profile;
	int ret;

	ret = config_lock(dir);
	if (ret)
		return ret;
	profile = weft_sim_profile_apply(&dir->config, page);
	if (profile)
		dir->profile = profile;
	mutex_unlock(&dir->lock);
	return profile ? count : -EINVAL;
}

CONFIGFS_ATTR(weft_sim_, profile);

static ssize_t weft_sim_enabled_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n",
			  READ_ONCE(to_weft_sim_directory(item)->state) != WEFT_SIM_OFF);
}

static ssize_t weft_sim_enabled_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);
	bool on;
	int ret;

	ret = kstrtobool(page, &on);
	if (ret)
		return ret;
	if (on)
		ret = weft_sim_directory_enable(dir);
	else
		weft_sim_directory_disable(dir);
	return ret ?: count;
}

CONFIGFS_ATTR(weft_sim_, enabled);

struct configfs_attribute *weft_sim_attrs[] = {
	&weft_sim_attr_profile,
	&weft_sim_attr_class,
	&weft_sim_attr_vendor,
	&weft_sim_attr_model,
	&weft_sim_attr_isas,
	&weft_sim_attr_engines,
	&weft_sim_attr_credits,
	&weft_sim_attr_memory,
	&weft_sim_attr_numa_node,
	&weft_sim_attr_speed,
	&weft_sim_attr_bandwidth_down,
	&weft_sim_attr_bandwidth_up,
	&weft_sim_attr_link_latency,
	&weft_sim_attr_link_kind,
	&weft_sim_attr_power_idle,
	&weft_sim_attr_power_busy,
	&weft_sim_attr_price,
	&weft_sim_attr_early,
	&weft_sim_attr_dilation,
	&weft_sim_attr_enabled,
	NULL
};

static struct weft_sim_stats *to_stats(struct config_item *item)
{
	return &container_of(to_config_group(item), struct weft_sim_directory, stats_group)->stats;
}

#define WEFT_SIM_STAT(_name)								\
static ssize_t weft_sim_stats_##_name##_show(struct config_item *item, char *page)	\
{											\
	return sysfs_emit(page, "%lld\n", (s64)atomic64_read(&to_stats(item)->_name));	\
}											\
CONFIGFS_ATTR_RO(weft_sim_stats_, _name)

WEFT_SIM_STAT(runs);
WEFT_SIM_STAT(late_runs);
WEFT_SIM_STAT(late_ns);
WEFT_SIM_STAT(busy_ns);
WEFT_SIM_STAT(copies);
WEFT_SIM_STAT(late_copies);
WEFT_SIM_STAT(bytes);

struct configfs_attribute *weft_sim_stats_attrs[] = {
	&weft_sim_stats_attr_runs,
	&weft_sim_stats_attr_late_runs,
	&weft_sim_stats_attr_late_ns,
	&weft_sim_stats_attr_busy_ns,
	&weft_sim_stats_attr_copies,
	&weft_sim_stats_attr_late_copies,
	&weft_sim_stats_attr_bytes,
	NULL
};
