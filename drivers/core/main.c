// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: module entry
 *
 * Brings up the bus, tenants, the default pool and the configfs root, in the order in which each
 * needs the one before; the exit path is the mirror image. Open files and mappings hold the
 * module through the node's file operations, configured pools and tenants through configfs,
 * backends through their use of exported symbols, so nothing is in flight when weft_exit() runs
 * except what closed files left to the reaper; weft_pool_fini() waits for that.
 */
#include <linux/module.h>

#include "core.h"

static int __init weft_init(void)
{
	int ret;

	ret = weft_bus_init();
	if (ret)
		return ret;
	ret = weft_tenant_init();
	if (ret)
		goto err_bus;
	ret = weft_pool_init();
	if (ret)
		goto err_tenant;
	ret = weft_poolfs_init();
	if (ret)
		goto err_pool;
	ret = weft_configfs_init();
	if (ret)
		goto err_poolfs;
	return 0;

err_poolfs:
	weft_poolfs_fini();
err_pool:
	weft_pool_fini();
err_tenant:
	weft_tenant_fini();
err_bus:
	weft_bus_fini();
	return ret;
}
module_init(weft_init);

static void __exit weft_exit(void)
{
	/* configfs first: nothing can be made or changed while the rest goes */
	weft_configfs_fini();
	weft_poolfs_fini();
	weft_pool_fini();
	weft_tenant_fini();
	weft_bus_fini();
}
module_exit(weft_exit);

MODULE_DESCRIPTION("weft: unified compute devices and their scheduler");
MODULE_LICENSE("GPL");
MODULE_VERSION(WEFT_VERSION);
