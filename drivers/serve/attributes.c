// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: what sysfs shows of a served device
 *
 * Files of the platform device that is the parent of the device on the weft bus: what its server
 * said of it that weft itself has no use for, and how its seats have behaved.
 *
 * Rejected: files of the device on the weft bus (those are alike for all backends).
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "serve.h"

#define SERVE_ATTR(name, format, value)							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf)	\
{											\
	struct serve_device *device = dev_get_drvdata(dev);				\
											\
	return sysfs_emit(buf, format "\n", value);					\
}											\
static DEVICE_ATTR_RO(name)

SERVE_ATTR(driver_version, "%s", device->offer.driver);
SERVE_ATTR(runtime_version, "%s", device->offer.runtime);
SERVE_ATTR(context_size, "%llu", device->offer.context_size);
SERVE_ATTR(speed, "%llu", device->offer.speed);
SERVE_ATTR(served, "%d", READ_ONCE(device->served));
SERVE_ATTR(seats_started, "%lld", atomic64_read(&device->seats_started));
SERVE_ATTR(seats_lost, "%lld", atomic64_read(&device->seats_lost));
SERVE_ATTR(bad_completions, "%lld", atomic64_read(&device->bad_completions));
SERVE_ATTR(foreign_bytes, "%llu", READ_ONCE(device->telemetry.foreign_bytes));
SERVE_ATTR(foreign_permille, "%u", READ_ONCE(device->telemetry.foreign_permille));

static struct attribute *serve_attrs[] = {
	&dev_attr_driver_version.attr,
	&dev_attr_runtime_version.attr,
	&dev_attr_context_size.attr,
	&dev_attr_speed.attr,
	&dev_attr_served.attr,
	&dev_attr_seats_started.attr,
	&dev_attr_seats_lost.attr,
	&dev_attr_bad_completions.attr,
	&dev_attr_foreign_bytes.attr,
	&dev_attr_foreign_permille.attr,
	NULL
};
ATTRIBUTE_GROUPS(serve);

const struct attribute_group **serve_device_groups = serve_groups;
