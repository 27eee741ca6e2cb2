// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: weft_sim module
 *
 * Loading gives the configfs subsystem weft_sim; everything else starts with a mkdir there. Each
 * directory holds a reference to the module, so unloading is refused while one exists and finds
 * nothing to clean up otherwise.
 *
 * The workers share one queue. They may be waited for by the core's own workers, which run under
 * memory pressure too, hence WQ_MEM_RECLAIM.
 */
#include <linux/module.h>

#include "sim.h"

struct workqueue_struct *weft_sim_wq;

static int __init weft_sim_init(void)
{
	int ret;

	weft_sim_wq = alloc_workqueue("weft_sim", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (!weft_sim_wq)
		return -ENOMEM;
	config_group_init(&weft_sim_subsystem.su_group);
	mutex_init(&weft_sim_subsystem.su_mutex);
	ret = configfs_register_subsystem(&weft_sim_subsystem);
	if (ret) {
		mutex_destroy(&weft_sim_subsystem.su_mutex);
		destroy_workqueue(weft_sim_wq);
	}
	return ret;
}

static void __exit weft_sim_exit(void)
{
	configfs_unregister_subsystem(&weft_sim_subsystem);
	mutex_destroy(&weft_sim_subsystem.su_mutex);
	destroy_workqueue(weft_sim_wq);
}

module_init(weft_sim_init);
module_exit(weft_sim_exit);

MODULE_DESCRIPTION("weft backend of simulated devices");
MODULE_LICENSE("GPL");
