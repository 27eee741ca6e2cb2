// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: configuration of pools
 *
 * A pool is a folder in configfs, weft/pools/NAME. mkdir makes configuration only: which devices by
 * their names on the bus, those that are there and those to come; what kind of node; who may open
 * it. Writing 1 to "enabled" makes the pool and its node and moves the devices in; 0 moves them
 * back and removes it, unless somebody has the node open (EBUSY). rmdir asks nobody: the node is
 * unplugged, clients see ENODEV, their jobs end. The pool "default" is made with the module and
 * takes every device that no enabled pool names; it cannot be removed, but disabled: then such
 * devices are in no pool.
 *
 * A name is in one list at most. The kernel cannot set the owner of a DRM node in devtmpfs, so
 * owner and mode are passed on to udev (sysfs.c).
 *
 * rmdir returns when the pool is gone, which can take as long as aborting what runs. That is done
 * under configfs' locks, and nothing that it waits for takes one of them.
 *
 * Rejected: refusing rmdir of an enabled pool (drop_item cannot; an item that depends on itself
 * would have to be pinned from inside its own store, which configfs does not allow); removal by a
 * worker (mkdir of the same name would race with it, and rmdir would say done when it is not);
 * making the pool at mkdir (half-configured pools would be opened).
 */
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "core.h"

static char *policy = "eft";
module_param(policy, charp, 0444);
MODULE_PARM_DESC(policy, "Placement policy pools start with (default: eft)");

static char *node = "accel";
module_param(node, charp, 0444);
MODULE_PARM_DESC(node, "Node of the default pool: accel or render (default: accel)");

/** struct weft_pool_config - a folder; all but @group is under weft_devices_lock */
struct weft_pool_config {
	struct config_group group;
	struct list_head node;
	enum weft_node_kind kind;
	struct weft_pool_access access;
	char policy[DRM_WEFT_NAME_LEN];
	/** @devices: names, @count of them; the default pool has none */
	char devices[DRM_WEFT_MAX_DEVICES][DRM_WEFT_NAME_LEN];
	u32 count;
	/** @pool: while it is enabled */
	struct weft_pool *pool;
};

/* every folder, the default one first; under weft_devices_lock */
static LIST_HEAD(weft_pool_configs);
static struct weft_pool_config *weft_pool_default;

static struct weft_pool_config *to_weft_pool_config(struct config_item *item)
{
	return container_of(to_config_group(item), struct weft_pool_config, group);
}

static const char *weft_pool_config_name(struct weft_pool_config *config)
{
	return config_item_name(&config->group.cg_item);
}

/* -------------------------------------------------------------- who has what */

/* Index of @name in the list of @config, or -1. */
static int weft_pool_config_find(const struct weft_pool_config *config, const char *name)
{
	u32 i;

	lockdep_assert_held(&weft_devices_lock);
	for (i = 0; i < config->count; i++)
		if (!strcmp(config->devices[i], name))
			return i;
	return -1;
}

struct weft_pool *weft_poolfs_pool_of(const char *name)
{
	struct weft_pool_config *config;

	lockdep_assert_held(&weft_devices_lock);
	list_for_each_entry(config, &weft_pool_configs, node)
		if (config->pool && weft_pool_config_find(config, name) >= 0)
			return config->pool;
	return weft_pool_default->pool;
}

int weft_poolfs_assign(const char *device, const char *pool)
{
	struct weft_pool_config *config, *to = NULL;
	int at;

	lockdep_assert_held(&weft_devices_lock);
	list_for_each_entry(config, &weft_pool_configs, node)
		if (!strcmp(weft_pool_config_name(config), pool))
			to = config;
	if (!to)
		return -ENOENT;
	if (weft_pool_config_find(to, device) >= 0)
		return 0;
	if (to != weft_pool_default && to->count == ARRAY_SIZE(to->devices))
		return -E2BIG;

	list_for_each_entry(config, &weft_pool_configs, node) {
		at = weft_pool_config_find(config, device);
		if (at >= 0)
			memcpy(config->devices[at], config->devices[--config->count],
			       sizeof(config->devices[at]));
	}
	if (to != weft_pool_default)
		strscpy(to->devices[to->count++], device);
	return 0;
}

/* ------------------------------------------------------------ on and off */

/* Clients, if there are any, see ENODEV. */
static void weft_pool_config_take_down(struct weft_pool_config *config)
{
	struct weft_pool *pool = config->pool;

	lockdep_assert_held(&weft_devices_lock);
	weft_pool_unplug(pool);
	config->pool = NULL;
	/* a device that finds no place is in no pool, and the log says so */
	weft_devices_settle();
	weft_pool_remove(pool);
}

static int weft_pool_config_enable(struct weft_pool_config *config)
{
	struct weft_pool *pool;
	int ret;

	lockdep_assert_held(&weft_devices_lock);
	if (config->pool)
		return 0;
	pool = weft_pool_create(weft_pool_config_name(config), config->kind, config->policy,
				&config->access);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	config->pool = pool;
	ret = weft_devices_settle();
	if (ret)
		weft_pool_config_take_down(config);
	return ret;
}

static int weft_pool_config_disable(struct weft_pool_config *config)
{
	int ret;

	lockdep_assert_held(&weft_devices_lock);
	if (!config->pool)
		return 0;
	ret = weft_pool_close(config->pool);
	if (!ret)
		weft_pool_config_take_down(config);
	return ret;
}

/* ---------------------------------------------------------------- attributes */

static ssize_t weft_pool_devices_show(struct config_item *item, char *page)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	ssize_t n = 0;
	u32 i;

	mutex_lock(&weft_devices_lock);
	for (i = 0; i < config->count; i++)
		n += sysfs_emit_at(page, n, "%s\n", config->devices[i]);
	mutex_unlock(&weft_devices_lock);
	return n;
}

/* Names in @page, which is cut up, to @names. Return: how many, -EINVAL, -E2BIG. */
static int weft_pool_devices_parse(char *page, char (*names)[DRM_WEFT_NAME_LEN])
{
	u32 i, count = 0;
	char *name;

	while ((name = strsep(&page, " \t\n"))) {
		if (!*name)
			continue;
		if (strlen(name) >= DRM_WEFT_NAME_LEN || strchr(name, '/'))
			return -EINVAL;
		for (i = 0; i < count; i++)
			if (!strcmp(names[i], name))
				return -EINVAL;
		if (count == DRM_WEFT_MAX_DEVICES)
			return -E2BIG;
		strscpy(names[count++], name, DRM_WEFT_NAME_LEN);
	}
	return count;
}

/* Does another folder name one of them? */
static bool weft_pool_devices_taken(struct weft_pool_config *config,
				    char (*names)[DRM_WEFT_NAME_LEN], u32 count)
{
	struct weft_pool_config *other;
	u32 i;

	lockdep_assert_held(&weft_devices_lock);
	list_for_each_entry(other, &weft_pool_configs, node)
		for (i = 0; other != config && i < count; i++)
			if (weft_pool_config_find(other, names[i]) >= 0)
				return true;
	return false;
}

/* The list of @config becomes @count of @names; if it is enabled, devices move at once. */
static int weft_pool_devices_set(struct weft_pool_config *config, char (*names)[DRM_WEFT_NAME_LEN],
				 u32 count)
{
	lockdep_assert_held(&weft_devices_lock);
	if (weft_pool_devices_taken(config, names, count))
		return -EEXIST;
	memcpy(config->devices, names, sizeof(config->devices));
	config->count = count;
	return config->pool ? weft_devices_settle() : 0;
}

static ssize_t weft_pool_devices_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	char *copy = kmemdup_nul(page, count, GFP_KERNEL);
	char (*names)[DRM_WEFT_NAME_LEN];
	int ret = -ENOMEM;

	names = kcalloc(DRM_WEFT_MAX_DEVICES, sizeof(*names), GFP_KERNEL);
	if (copy && names)
		ret = weft_pool_devices_parse(copy, names);
	if (ret >= 0) {
		mutex_lock(&weft_devices_lock);
		ret = weft_pool_devices_set(config, names, ret);
		mutex_unlock(&weft_devices_lock);
	}
	kfree(names);
	kfree(copy);
	return ret ?: count;
}

static ssize_t weft_pool_node_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n",
			  weft_node_kind_name(READ_ONCE(to_weft_pool_config(item)->kind)));
}

static int weft_node_kind_parse(const char *text, enum weft_node_kind *kind)
{
	if (sysfs_streq(text, "accel"))
		*kind = WEFT_NODE_ACCEL;
	else if (sysfs_streq(text, "render"))
		*kind = WEFT_NODE_RENDER;
	else
		return -EINVAL;
	return 0;
}

static ssize_t weft_pool_node_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	enum weft_node_kind kind;
	int ret = weft_node_kind_parse(page, &kind);

	if (ret)
		return ret;
	mutex_lock(&weft_devices_lock);
	if (config->pool)
		ret = -EBUSY;
	else
		WRITE_ONCE(config->kind, kind);
	mutex_unlock(&weft_devices_lock);
	return ret ?: count;
}

static ssize_t weft_pool_policy_show(struct config_item *item, char *page)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	ssize_t n;

	mutex_lock(&weft_devices_lock);
	n = sysfs_emit(page, "%s\n", config->policy);
	mutex_unlock(&weft_devices_lock);
	return n;
}

static ssize_t weft_pool_policy_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	const char *name;
	int ret = 0;
	u32 i;

	for (i = 0; (name = weft_sched_policy_name(i)); i++)
		if (sysfs_streq(page, name))
			break;
	if (!name)
		return -EINVAL;
	mutex_lock(&weft_devices_lock);
	if (config->pool)
		ret = -EBUSY;
	else
		strscpy(config->policy, name);
	mutex_unlock(&weft_devices_lock);
	return ret ?: count;
}

/* Change the access, of an enabled pool at once. */
static void weft_pool_config_access(struct weft_pool_config *config,
				    const struct weft_pool_access *access)
{
	lockdep_assert_held(&weft_devices_lock);
	config->access = *access;
	if (config->pool)
		weft_pool_set_access(config->pool, access);
}

static ssize_t weft_pool_owner_show(struct config_item *item, char *page)
{
	struct weft_pool_access access;

	mutex_lock(&weft_devices_lock);
	access = to_weft_pool_config(item)->access;
	mutex_unlock(&weft_devices_lock);
	if (!access.owned)
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%u:%u\n", from_kuid(&init_user_ns, access.uid),
			  from_kgid(&init_user_ns, access.gid));
}

static int weft_owner_parse(const char *page, struct weft_pool_access *access)
{
	char text[24], *gid;
	u32 number[2];

	if (sysfs_streq(page, "none")) {
		access->owned = false;
		return 0;
	}
	if (strscpy(text, page) < 0)
		return -EINVAL;
	gid = strchr(text, ':');
	if (!gid)
		return -EINVAL;
	*gid++ = '\0';
	if (kstrtou32(text, 10, &number[0]) || kstrtou32(gid, 10, &number[1]))
		return -EINVAL;
	access->uid = make_kuid(&init_user_ns, number[0]);
	access->gid = make_kgid(&init_user_ns, number[1]);
	if (!uid_valid(access->uid) || !gid_valid(access->gid))
		return -EINVAL;
	access->owned = true;
	return 0;
}

static ssize_t weft_pool_owner_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	struct weft_pool_access access;
	int ret;

	mutex_lock(&weft_devices_lock);
	access = config->access;
	ret = weft_owner_parse(page, &access);
	if (!ret)
		weft_pool_config_access(config, &access);
	mutex_unlock(&weft_devices_lock);
	return ret ?: count;
}

static ssize_t weft_pool_mode_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%04o\n", READ_ONCE(to_weft_pool_config(item)->access.mode));
}

static ssize_t weft_pool_mode_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	struct weft_pool_access access;
	u16 mode;

	if (kstrtou16(page, 8, &mode) || mode & ~0666)
		return -EINVAL;
	mutex_lock(&weft_devices_lock);
	access = config->access;
	access.mode = mode;
	weft_pool_config_access(config, &access);
	mutex_unlock(&weft_devices_lock);
	return count;
}

static ssize_t weft_pool_enabled_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", !!READ_ONCE(to_weft_pool_config(item)->pool));
}

static ssize_t weft_pool_enabled_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_pool_config *config = to_weft_pool_config(item);
	bool on;
	int ret = kstrtobool(page, &on);

	if (ret)
		return ret;
	mutex_lock(&weft_devices_lock);
	ret = on ? weft_pool_config_enable(config) : weft_pool_config_disable(config);
	mutex_unlock(&weft_devices_lock);
	return ret ?: count;
}

CONFIGFS_ATTR(weft_pool_, devices);
CONFIGFS_ATTR(weft_pool_, node);
CONFIGFS_ATTR(weft_pool_, policy);
CONFIGFS_ATTR(weft_pool_, owner);
CONFIGFS_ATTR(weft_pool_, mode);
CONFIGFS_ATTR(weft_pool_, enabled);

/* the default pool has no list: it takes the rest */
static struct configfs_attribute *weft_pool_default_attrs[] = {
	&weft_pool_attr_node,
	&weft_pool_attr_policy,
	&weft_pool_attr_owner,
	&weft_pool_attr_mode,
	&weft_pool_attr_enabled,
	NULL,
};

static struct configfs_attribute *weft_pool_attrs[] = {
	&weft_pool_attr_devices,
	&weft_pool_attr_node,
	&weft_pool_attr_policy,
	&weft_pool_attr_owner,
	&weft_pool_attr_mode,
	&weft_pool_attr_enabled,
	NULL,
};

/* ------------------------------------------------------------------- folders */

static void weft_pool_config_release(struct config_item *item)
{
	kfree(to_weft_pool_config(item));
}

static struct configfs_item_operations weft_pool_item_ops = {
	.release = weft_pool_config_release,
};

static const struct config_item_type weft_pool_default_type = {
	.ct_item_ops = &weft_pool_item_ops,
	.ct_attrs = weft_pool_default_attrs,
	.ct_owner = THIS_MODULE,
};

static const struct config_item_type weft_pool_config_type = {
	.ct_item_ops = &weft_pool_item_ops,
	.ct_attrs = weft_pool_attrs,
	.ct_owner = THIS_MODULE,
};

static struct weft_pool_config *weft_pool_config_make(const char *name,
						      const struct config_item_type *type)
{
	struct weft_pool_config *config = kzalloc(sizeof(*config), GFP_KERNEL);

	if (!config)
		return NULL;
	config_group_init_type_name(&config->group, name, type);
	config->kind = WEFT_NODE_ACCEL;
	config->access.mode = 0660;
	strscpy(config->policy, policy);
	mutex_lock(&weft_devices_lock);
	list_add_tail(&config->node, &weft_pool_configs);
	mutex_unlock(&weft_devices_lock);
	return config;
}

/* Names go into sysfs, debugfs, uevents and shells. */
static bool weft_pool_name_ok(const char *name)
{
	for (; *name; name++)
		if (!isalnum(*name) && !strchr("-_.", *name))
			return false;
	return true;
}

static struct config_group *weft_pools_make_group(struct config_group *group, const char *name)
{
	struct weft_pool_config *config;

	if (strlen(name) >= DRM_WEFT_NAME_LEN)
		return ERR_PTR(-ENAMETOOLONG);
	if (!weft_pool_name_ok(name))
		return ERR_PTR(-EINVAL);
	config = weft_pool_config_make(name, &weft_pool_config_type);
	return config ? &config->group : ERR_PTR(-ENOMEM);
}

static void weft_pools_drop_item(struct config_group *group, struct config_item *item)
{
	struct weft_pool_config *config = to_weft_pool_config(item);

	mutex_lock(&weft_devices_lock);
	if (config->pool)
		weft_pool_config_take_down(config);
	list_del(&config->node);
	mutex_unlock(&weft_devices_lock);
	config_item_put(item);
}

static struct configfs_group_operations weft_pools_group_ops = {
	.make_group = weft_pools_make_group,
	.drop_item = weft_pools_drop_item,
};

static const struct config_item_type weft_pools_type = {
	.ct_group_ops = &weft_pools_group_ops,
	.ct_owner = THIS_MODULE,
};

struct config_group weft_pools_group;

int weft_poolfs_init(void)
{
	struct weft_pool_config *config;
	enum weft_node_kind kind;
	int ret;

	ret = weft_node_kind_parse(node, &kind);
	if (ret) {
		pr_err("weft: node must be accel or render, not \"%s\"\n", node);
		return ret;
	}
	config_group_init_type_name(&weft_pools_group, "pools", &weft_pools_type);
	config = weft_pool_config_make("default", &weft_pool_default_type);
	if (!config)
		return -ENOMEM;
	weft_pool_default = config;
	/* one reference is the folder's, one ours */
	config_item_get(&config->group.cg_item);
	configfs_add_default_group(&config->group, &weft_pools_group);

	mutex_lock(&weft_devices_lock);
	config->kind = kind;
	ret = weft_pool_config_enable(config);
	mutex_unlock(&weft_devices_lock);
	if (ret)
		weft_poolfs_fini();
	return ret;
}

/* The folder is gone and so are all devices: only the default pool may be left. */
void weft_poolfs_fini(void)
{
	mutex_lock(&weft_devices_lock);
	if (weft_pool_default->pool)
		weft_pool_config_take_down(weft_pool_default);
	list_del(&weft_pool_default->node);
	mutex_unlock(&weft_devices_lock);
	configfs_remove_default_groups(&weft_pools_group);
	config_item_put(&weft_pool_default->group.cg_item);
}
