// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: configfs
 *
 * The root of what operators make with mkdir: weft/pools (poolfs.c) and weft/tenants (tenant.c). It
 * appears when both are ready and goes before either does, so that nobody configures what is not
 * there. A folder that exists holds the module.
 *
 * Rejected: a subsystem each (two roots for one thing).
 */
#include <linux/module.h>

#include "core.h"

static const struct config_item_type weft_root_type = {
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem weft_subsys = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "weft",
			.ci_type = &weft_root_type,
		},
	},
};

int weft_configfs_init(void)
{
	int ret;

	config_group_init(&weft_subsys.su_group);
	mutex_init(&weft_subsys.su_mutex);
	configfs_add_default_group(&weft_pools_group, &weft_subsys.su_group);
	configfs_add_default_group(&weft_tenants_group, &weft_subsys.su_group);
	ret = configfs_register_subsystem(&weft_subsys);
	if (ret)
		mutex_destroy(&weft_subsys.su_mutex);
	return ret;
}

void weft_configfs_fini(void)
{
	configfs_unregister_subsystem(&weft_subsys);
	mutex_destroy(&weft_subsys.su_mutex);
}
