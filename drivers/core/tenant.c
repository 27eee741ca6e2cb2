// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: tenants
 *
 * A tenant is a folder in configfs, weft/tenants/NAME, with a weight and what binds tasks to it: a
 * cgroup path (which covers everything below it) or a uid. The task that opens a pool's node is
 * matched once: the longest matching cgroup path wins, then the uid, then the tenant "default",
 * which is always there. Removing a folder takes no open client away: they keep the account until
 * they close.
 *
 * In each pool a tenant has an account, the scheduler's object. It stays when the last client
 * leaves, so that closing and reopening the node does not wash off what was used.
 *
 * Rejected: weights in cgroup files (a module cannot add a controller), one tenant per uid made by
 * itself (who pays is the operator's decision).
 */
#include <linux/cgroup.h>
#include <linux/configfs.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

#include "core.h"

#define WEFT_CGROUP_LEN	512

struct weft_tenant {
	/** @group: in configfs; its reference count is the tenant's */
	struct config_group group;
	u32 id;
	/* the rest is under weft_tenants_lock */
	u32 weight;
	bool has_uid;
	kuid_t uid;
	char cgroup[WEFT_CGROUP_LEN];
	/** @priced_before: charged in pools that are gone */
	u64 priced_before;
	/** @removed: the folder is gone */
	bool removed;
	struct list_head accounts;
	struct list_head node;
};

/* Protects the list of tenants, their settings and accounts; outside pool->lock. */
static DEFINE_MUTEX(weft_tenants_lock);
static LIST_HEAD(weft_tenants);
static struct weft_tenant *weft_tenant_default;
static u32 weft_tenant_last_id;

static struct weft_tenant *to_weft_tenant(struct config_item *item)
{
	return container_of(to_config_group(item), struct weft_tenant, group);
}

/* ----------------------------------------------------------------- accounts */

static void weft_account_free_locked(struct weft_account *account)
{
	struct weft_pool *pool = account->pool;

	lockdep_assert_held(&weft_tenants_lock);
	spin_lock(&pool->lock);
	account->tenant->priced_before += account->sched.priced;
	WARN_ON(weft_sched_tenant_remove(&pool->sched, &account->sched, weft_now()));
	spin_unlock(&pool->lock);
	list_del(&account->tenant_node);
	list_del(&account->pool_node);
	config_item_put(&account->tenant->group.cg_item);
	kfree(account);
}

static bool weft_cgroup_below(const char *path, const char *ancestor)
{
	size_t n = strlen(ancestor);

	if (!n || strncmp(path, ancestor, n))
		return false;
	return !path[n] || path[n] == '/' || ancestor[n - 1] == '/';
}

static void weft_current_cgroup(char *path, size_t size)
{
	struct cgroup *cgroup;

	path[0] = '\0';
	rcu_read_lock();
	cgroup = task_dfl_cgroup(current);
	if (!cgroup_tryget(cgroup))
		cgroup = NULL;
	rcu_read_unlock();
	if (!cgroup)
		return;
	if (cgroup_path(cgroup, path, size) < 0)
		path[0] = '\0';
	cgroup_put(cgroup);
}

static struct weft_tenant *weft_tenant_match_locked(const char *path, kuid_t uid)
{
	struct weft_tenant *tenant, *best = NULL;
	size_t best_len = 0;

	lockdep_assert_held(&weft_tenants_lock);
	list_for_each_entry(tenant, &weft_tenants, node) {
		if (strlen(tenant->cgroup) > best_len &&
		    weft_cgroup_below(path, tenant->cgroup)) {
			best = tenant;
			best_len = strlen(tenant->cgroup);
		}
	}
	if (best)
		return best;
	list_for_each_entry(tenant, &weft_tenants, node)
		if (tenant->has_uid && uid_eq(tenant->uid, uid))
			return tenant;
	return weft_tenant_default;
}

static struct weft_account *weft_account_make_locked(struct weft_tenant *tenant,
						     struct weft_pool *pool)
{
	struct weft_account *account;
	int ret;

	lockdep_assert_held(&weft_tenants_lock);
	account = kzalloc(sizeof(*account), GFP_KERNEL);
	if (!account)
		return ERR_PTR(-ENOMEM);
	account->tenant = tenant;
	account->pool = pool;
	account->sched.id = tenant->id;
	account->sched.weight = tenant->weight;
	spin_lock(&pool->lock);
	ret = weft_sched_tenant_add(&pool->sched, &account->sched, weft_now());
	spin_unlock(&pool->lock);
	if (ret) {
		kfree(account);
		return ERR_PTR(ret);
	}
	config_item_get(&tenant->group.cg_item);
	list_add_tail(&account->tenant_node, &tenant->accounts);
	list_add_tail(&account->pool_node, &pool->accounts);
	return account;
}

struct weft_account *weft_account_get(struct weft_pool *pool)
{
	struct weft_account *account, *found = NULL;
	struct weft_tenant *tenant;
	char *path;

	path = kmalloc(WEFT_CGROUP_LEN, GFP_KERNEL);
	if (!path)
		return ERR_PTR(-ENOMEM);
	weft_current_cgroup(path, WEFT_CGROUP_LEN);

	mutex_lock(&weft_tenants_lock);
	tenant = weft_tenant_match_locked(path, current_euid());
	list_for_each_entry(account, &tenant->accounts, tenant_node)
		if (account->pool == pool)
			found = account;
	if (!found)
		found = weft_account_make_locked(tenant, pool);
	if (!IS_ERR(found))
		found->clients++;
	mutex_unlock(&weft_tenants_lock);
	kfree(path);
	return found;
}

void weft_account_put(struct weft_account *account)
{
	mutex_lock(&weft_tenants_lock);
	if (!--account->clients &&
	    (account->tenant->removed || account->pool->accounts_dropped))
		weft_account_free_locked(account);
	mutex_unlock(&weft_tenants_lock);
}

/* @pool goes: accounts without clients at once, the others with their last client. */
void weft_account_drop_pool(struct weft_pool *pool)
{
	struct weft_account *account, *next;

	mutex_lock(&weft_tenants_lock);
	pool->accounts_dropped = true;
	list_for_each_entry_safe(account, next, &pool->accounts, pool_node)
		if (!account->clients)
			weft_account_free_locked(account);
	mutex_unlock(&weft_tenants_lock);
}

const char *weft_account_name(struct weft_account *account)
{
	return config_item_name(&account->tenant->group.cg_item);
}

/* ----------------------------------------------------------------- configfs */

static ssize_t weft_tenant_id_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", to_weft_tenant(item)->id);
}

static ssize_t weft_tenant_weight_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(to_weft_tenant(item)->weight));
}

static ssize_t weft_tenant_weight_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	struct weft_account *account;
	u32 weight;
	int ret;

	ret = kstrtou32(page, 0, &weight);
	if (ret)
		return ret;
	if (weight < WEFT_WEIGHT_MIN || weight > WEFT_WEIGHT_MAX)
		return -ERANGE;
	mutex_lock(&weft_tenants_lock);
	WRITE_ONCE(tenant->weight, weight);
	list_for_each_entry(account, &tenant->accounts, tenant_node) {
		spin_lock(&account->pool->lock);
		ret = weft_sched_tenant_set(&account->pool->sched, &account->sched, weight,
					    weft_now());
		spin_unlock(&account->pool->lock);
		weft_pump_kick(account->pool);
	}
	mutex_unlock(&weft_tenants_lock);
	return ret ?: count;
}

static ssize_t weft_tenant_uid_show(struct config_item *item, char *page)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	ssize_t n;

	mutex_lock(&weft_tenants_lock);
	if (tenant->has_uid)
		n = sysfs_emit(page, "%u\n", from_kuid(&init_user_ns, tenant->uid));
	else
		n = sysfs_emit(page, "none\n");
	mutex_unlock(&weft_tenants_lock);
	return n;
}

static ssize_t weft_tenant_uid_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	kuid_t uid = INVALID_UID;
	u32 value;
	int ret;

	if (!sysfs_streq(page, "none")) {
		ret = kstrtou32(page, 0, &value);
		if (ret)
			return ret;
		uid = make_kuid(&init_user_ns, value);
		if (!uid_valid(uid))
			return -EINVAL;
	}
	mutex_lock(&weft_tenants_lock);
	tenant->has_uid = uid_valid(uid);
	tenant->uid = uid;
	mutex_unlock(&weft_tenants_lock);
	return count;
}

static ssize_t weft_tenant_cgroup_show(struct config_item *item, char *page)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	ssize_t n;

	mutex_lock(&weft_tenants_lock);
	n = sysfs_emit(page, "%s\n", tenant->cgroup[0] ? tenant->cgroup : "none");
	mutex_unlock(&weft_tenants_lock);
	return n;
}

static ssize_t weft_tenant_cgroup_store(struct config_item *item, const char *page, size_t count)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	size_t n = strcspn(page, "\n");

	if (sysfs_streq(page, "none"))
		n = 0;
	else if (page[0] != '/')
		return -EINVAL;
	if (n >= WEFT_CGROUP_LEN)
		return -ENAMETOOLONG;
	mutex_lock(&weft_tenants_lock);
	memcpy(tenant->cgroup, page, n);
	tenant->cgroup[n] = '\0';
	mutex_unlock(&weft_tenants_lock);
	return count;
}

static ssize_t weft_tenant_priced_show(struct config_item *item, char *page)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	struct weft_account *account;
	u64 priced;

	mutex_lock(&weft_tenants_lock);
	priced = tenant->priced_before;
	list_for_each_entry(account, &tenant->accounts, tenant_node) {
		spin_lock(&account->pool->lock);
		priced += account->sched.priced;
		spin_unlock(&account->pool->lock);
	}
	mutex_unlock(&weft_tenants_lock);
	return sysfs_emit(page, "%llu\n", priced);
}

static ssize_t weft_tenant_clients_show(struct config_item *item, char *page)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	struct weft_account *account;
	u32 clients = 0;

	mutex_lock(&weft_tenants_lock);
	list_for_each_entry(account, &tenant->accounts, tenant_node)
		clients += account->clients;
	mutex_unlock(&weft_tenants_lock);
	return sysfs_emit(page, "%u\n", clients);
}

CONFIGFS_ATTR_RO(weft_tenant_, id);
CONFIGFS_ATTR(weft_tenant_, weight);
CONFIGFS_ATTR(weft_tenant_, uid);
CONFIGFS_ATTR(weft_tenant_, cgroup);
CONFIGFS_ATTR_RO(weft_tenant_, priced);
CONFIGFS_ATTR_RO(weft_tenant_, clients);

static struct configfs_attribute *weft_tenant_attrs[] = {
	&weft_tenant_attr_id,
	&weft_tenant_attr_weight,
	&weft_tenant_attr_uid,
	&weft_tenant_attr_cgroup,
	&weft_tenant_attr_priced,
	&weft_tenant_attr_clients,
	NULL,
};

static void weft_tenant_release(struct config_item *item)
{
	kfree(to_weft_tenant(item));
}

static struct configfs_item_operations weft_tenant_item_ops = {
	.release = weft_tenant_release,
};

static const struct config_item_type weft_tenant_type = {
	.ct_item_ops = &weft_tenant_item_ops,
	.ct_attrs = weft_tenant_attrs,
	.ct_owner = THIS_MODULE,
};

static struct weft_tenant *weft_tenant_make(const char *name)
{
	struct weft_tenant *tenant = kzalloc(sizeof(*tenant), GFP_KERNEL);

	if (!tenant)
		return NULL;
	config_group_init_type_name(&tenant->group, name, &weft_tenant_type);
	tenant->weight = WEFT_WEIGHT_DEFAULT;
	tenant->uid = INVALID_UID;
	INIT_LIST_HEAD(&tenant->accounts);
	mutex_lock(&weft_tenants_lock);
	tenant->id = weft_tenant_last_id++;
	list_add_tail(&tenant->node, &weft_tenants);
	mutex_unlock(&weft_tenants_lock);
	return tenant;
}

static struct config_group *weft_tenants_make_group(struct config_group *group, const char *name)
{
	struct weft_tenant *tenant;

	if (strlen(name) >= DRM_WEFT_NAME_LEN)
		return ERR_PTR(-ENAMETOOLONG);
	tenant = weft_tenant_make(name);
	return tenant ? &tenant->group : ERR_PTR(-ENOMEM);
}

static void weft_tenants_drop_item(struct config_group *group, struct config_item *item)
{
	struct weft_tenant *tenant = to_weft_tenant(item);
	struct weft_account *account, *next;

	mutex_lock(&weft_tenants_lock);
	tenant->removed = true;
	list_del(&tenant->node);
	list_for_each_entry_safe(account, next, &tenant->accounts, tenant_node)
		if (!account->clients)
			weft_account_free_locked(account);
	mutex_unlock(&weft_tenants_lock);
	config_item_put(item);
}

static struct configfs_group_operations weft_tenants_group_ops = {
	.make_group = weft_tenants_make_group,
	.drop_item = weft_tenants_drop_item,
};

static const struct config_item_type weft_tenants_type = {
	.ct_group_ops = &weft_tenants_group_ops,
	.ct_owner = THIS_MODULE,
};

struct config_group weft_tenants_group;

int weft_tenant_init(void)
{
	config_group_init_type_name(&weft_tenants_group, "tenants", &weft_tenants_type);
	weft_tenant_default = weft_tenant_make("default");
	if (!weft_tenant_default)
		return -ENOMEM;
	/* one reference is the folder's, one ours */
	config_item_get(&weft_tenant_default->group.cg_item);
	configfs_add_default_group(&weft_tenant_default->group, &weft_tenants_group);
	return 0;
}

void weft_tenant_fini(void)
{
	configfs_remove_default_groups(&weft_tenants_group);
	config_item_put(&weft_tenant_default->group.cg_item);
}
