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
#include <linux/pid.h>
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

/* Words, and a newline in place of the last blank, or alone. */
static int serve_words_end(char *buf, int length)
{
	if (length)
		length--;
	return length + sysfs_emit_at(buf, length, "\n");
}

static ssize_t nodes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct serve_device *device = dev_get_drvdata(dev);
	const struct weft_serve_node *node = device->offer.nodes;
	int i, length = 0;

	spin_lock(&device->lock);
	for (i = 0; i < WEFT_SERVE_MAX_NODES && node[i].major; i++)
		length += sysfs_emit_at(buf, length, "%u:%u ", node[i].major, node[i].minor);
	spin_unlock(&device->lock);
	return serve_words_end(buf, length);
}
static DEVICE_ATTR_RO(nodes);

/* As the reader's namespace numbers them; what it cannot see is left out. */
static ssize_t processes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct serve_device *device = dev_get_drvdata(dev);
	pid_t pid;
	u32 i;
	int length = 0;

	spin_lock(&device->lock);
	pid = pid_vnr(device->server);
	if (pid)
		length += sysfs_emit_at(buf, length, "%d ", pid);
	for (i = 0; i < device->offer.seats; i++) {
		/* read once: it is set when the process attaches, and stays */
		pid = device->seats[i] ? pid_vnr(READ_ONCE(device->seats[i]->tgid)) : 0;
		if (pid)
			length += sysfs_emit_at(buf, length, "%d ", pid);
	}
	spin_unlock(&device->lock);
	return serve_words_end(buf, length);
}
static DEVICE_ATTR_RO(processes);

static struct attribute *serve_attrs[] = {
	&dev_attr_driver_version.attr,
	&dev_attr_runtime_version.attr,
	&dev_attr_context_size.attr,
	&dev_attr_speed.attr,
	&dev_attr_served.attr,
	&dev_attr_nodes.attr,
	&dev_attr_processes.attr,
	&dev_attr_seats_started.attr,
	&dev_attr_seats_lost.attr,
	&dev_attr_bad_completions.attr,
	&dev_attr_foreign_bytes.attr,
	&dev_attr_foreign_permille.attr,
	NULL
};
ATTRIBUTE_GROUPS(serve);

const struct attribute_group **serve_device_groups = serve_groups;
