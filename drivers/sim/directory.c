// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: directories
 *
 * The configfs subsystem weft_sim and the life of a directory: mkdir makes configuration only,
 * enabled = 1 makes the hardware and registers it, enabled = 0, rmdir or the fault vanish take
 * it out again.
 *
 * Draining can take as long as the longest job, so it is done in state LEAVING without the
 * directory's lock: attributes stay readable, and whoever wants the device on or off meanwhile
 * waits for the state to settle. Only the one who set LEAVING destroys the device.
 *
 * Rejected: making the device at mkdir (configfs cannot take back an error after the directory
 * is visible, and half-configured devices would be scheduled).
 */
#include <linux/slab.h>

#include "sim.h"

/* Waits until nobody is taking the device out or about to. Returns with the lock held. */
static void directory_lock_settled(struct weft_sim_directory *dir)
{
	flush_work(&dir->vanish_work);
	mutex_lock(&dir->lock);
	while (dir->state == WEFT_SIM_LEAVING) {
		mutex_unlock(&dir->lock);
		wait_event(dir->settled, READ_ONCE(dir->state) != WEFT_SIM_LEAVING);
		mutex_lock(&dir->lock);
	}
}

/* Takes the device out; called with the lock held in state ON, returns without it. */
static void directory_leave(struct weft_sim_directory *dir)
{
	struct weft_sim_device *device = dir->device;

	lockdep_assert_held(&dir->lock);
	dir->state = WEFT_SIM_LEAVING;
	mutex_unlock(&dir->lock);

	weft_sim_device_leave(device);

	mutex_lock(&dir->lock);
	dir->device = NULL;
	mutex_unlock(&dir->lock);
	weft_sim_device_destroy(device);

	mutex_lock(&dir->lock);
	WRITE_ONCE(dir->state, WEFT_SIM_OFF);
	wake_up_all(&dir->settled);
	mutex_unlock(&dir->lock);
}

int weft_sim_directory_enable(struct weft_sim_directory *dir)
{
	struct weft_sim_device *device;
	int ret = 0;

	directory_lock_settled(dir);
	if (dir->state == WEFT_SIM_OFF) {
		memset(&dir->stats, 0, sizeof(dir->stats));
		device = weft_sim_device_create(dir);
		if (IS_ERR(device)) {
			ret = PTR_ERR(device);
		} else {
			dir->device = device;
			dir->state = WEFT_SIM_ON;
		}
	}
	mutex_unlock(&dir->lock);
	return ret;
}

void weft_sim_directory_disable(struct weft_sim_directory *dir)
{
	directory_lock_settled(dir);
	if (dir->state == WEFT_SIM_ON)
		directory_leave(dir);
	else
		mutex_unlock(&dir->lock);
}

/* The fault of that name, at once. Returns when the device is out. */
int weft_sim_directory_vanish(struct weft_sim_directory *dir)
{
	struct weft_sim_device *device;
	unsigned long flags;
	int ret = -ENODEV;

	mutex_lock(&dir->lock);
	if (dir->state == WEFT_SIM_ON) {
		device = dir->device;
		spin_lock_irqsave(&device->lock, flags);
		weft_sim_device_vanish_locked(device);
		spin_unlock_irqrestore(&device->lock, flags);
		ret = 0;
	}
	mutex_unlock(&dir->lock);
	flush_work(&dir->vanish_work);
	return ret;
}

/* A device of this directory has vanished; it may be on its way out already. */
static void vanish_work(struct work_struct *work)
{
	struct weft_sim_directory *dir =
		container_of(work, struct weft_sim_directory, vanish_work);

	mutex_lock(&dir->lock);
	if (dir->state == WEFT_SIM_ON && READ_ONCE(dir->device->gone))
		directory_leave(dir);
	else
		mutex_unlock(&dir->lock);
}

static void directory_release(struct config_item *item)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);

	mutex_destroy(&dir->lock);
	kfree(dir);
}

static struct configfs_item_operations directory_item_ops = {
	.release	= directory_release,
};

static struct config_item_type directory_type = {
	.ct_item_ops	= &directory_item_ops,
	.ct_attrs	= weft_sim_attrs,
	.ct_owner	= THIS_MODULE,
};

static struct config_item_type fault_type = {
	.ct_attrs	= weft_sim_fault_attrs,
	.ct_owner	= THIS_MODULE,
};

static struct config_item_type stats_type = {
	.ct_attrs	= weft_sim_stats_attrs,
	.ct_owner	= THIS_MODULE,
};

static struct config_group *directory_make(struct config_group *group, const char *name)
{
	struct weft_sim_directory *dir;

	if (strlen(name) >= WEFT_SIM_NAME_LEN)
		return ERR_PTR(-ENAMETOOLONG);
	dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	if (!dir)
		return ERR_PTR(-ENOMEM);
	mutex_init(&dir->lock);
	init_waitqueue_head(&dir->settled);
	INIT_WORK(&dir->vanish_work, vanish_work);
	weft_sim_faults_init(&dir->faults);
	dir->profile = weft_sim_profile_apply(&dir->config, "gpu");

	config_group_init_type_name(&dir->group, name, &directory_type);
	config_group_init_type_name(&dir->fault_group, "fault", &fault_type);
	configfs_add_default_group(&dir->fault_group, &dir->group);
	config_group_init_type_name(&dir->stats_group, "stats", &stats_type);
	configfs_add_default_group(&dir->stats_group, &dir->group);
	return &dir->group;
}

/* rmdir: the files are gone already, so nothing can enable the device or make it vanish. */
static void directory_drop(struct config_group *group, struct config_item *item)
{
	struct weft_sim_directory *dir = to_weft_sim_directory(item);

	weft_sim_directory_disable(dir);
	cancel_work_sync(&dir->vanish_work);
	config_item_put(item);
}

static struct configfs_group_operations subsystem_group_ops = {
	.make_group	= directory_make,
	.drop_item	= directory_drop,
};

static struct config_item_type subsystem_type = {
	.ct_group_ops	= &subsystem_group_ops,
	.ct_owner	= THIS_MODULE,
};

struct configfs_subsystem weft_sim_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "weft_sim",
			.ci_type = &subsystem_type,
		},
	},
};
