// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the weft bus
 *
 * /sys/bus/weft/devices lists every compute device, whoever drives it. Backends bind to their
 * own hardware on its own bus (PCI, platform) and register a weft device below it; nothing ever
 * binds to a weft device, so the bus has no match and no probe. A class was rejected: a bus keeps
 * one flat list without a link farm and is what operators' tools look for.
 */
#include "core.h"

static int weft_bus_uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	const struct weft_device *wdev = container_of_const(dev, struct weft_device, dev);

	return add_uevent_var(env, "WEFT_CLASS=%s", weft_class_name(wdev->desc.dev_class));
}

static ssize_t stray_completions_show(const struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%llu\n", weft_run_strays());
}
static BUS_ATTR_RO(stray_completions);

static struct attribute *weft_bus_attrs[] = {
	&bus_attr_stray_completions.attr,
	NULL,
};
ATTRIBUTE_GROUPS(weft_bus);

const struct bus_type weft_bus = {
	.name = "weft",
	.bus_groups = weft_bus_groups,
	.dev_groups = weft_device_groups,
	.uevent = weft_bus_uevent,
};

int weft_bus_init(void)
{
	return bus_register(&weft_bus);
}

void weft_bus_fini(void)
{
	bus_unregister(&weft_bus);
}
