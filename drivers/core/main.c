// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: module entry
 *
 * Brings up the bus, the tenants' configfs folder and the default pool, in the order in which
 * each needs the one before; the exit path is the mirror image. Open files and mappings hold the
 * module through the node's file operations, backends through their use of exported symbols, so
 * nothing is in flight when weft_exit() runs except what closed files left to the reaper;
 * weft_pool_fini() waits for that.
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
	return 0;

err_tenant:
	weft_tenant_unregister();
	weft_tenant_fini();
err_bus:
	weft_bus_fini();
	return ret;
}
module_init(weft_init);

static void __exit weft_exit(void)
{
	/* configfs first: no tenant can be made or changed while the pool goes */
	weft_tenant_unregister();
	weft_pool_fini();
	weft_tenant_fini();
	weft_bus_fini();
}
module_exit(weft_exit);

MODULE_DESCRIPTION("weft: unified compute devices and their scheduler");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
