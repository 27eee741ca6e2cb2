// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: sensors
 *
 * What a backend's telemetry says, and one hwmon device per weft device that shows it, below the
 * device's folder. Which sensors there are is asked once, when the device is registered.
 *
 * A backend answers one question at a time, and none while it starts, resets or stops: the core
 * does not ask while the device counts as lost, and a reset waits for the answer that is under
 * way. So whoever reads meanwhile gets EBUSY from a device that is being reset and ENODATA from
 * one that is gone, and never waits for either.
 *
 * Rejected: asking at an interval and showing the last answer (an old number looks like a new
 * one), the backend's own hwmon device (every vendor's would look different).
 */
#include <linux/ctype.h>
#include <linux/hwmon.h>

#include "core.h"

/* Before the backend is asked to reset; @wdev->lost is set. */
void weft_telemetry_quiesce(struct weft_device *wdev)
{
	mutex_lock(&wdev->telemetry_lock);
	mutex_unlock(&wdev->telemetry_lock);
}

/**
 * weft_telemetry_read() - ask a device's sensors
 * @wdev: device
 * @t: out
 *
 * Context: process, may sleep; not under pool->lock.
 * Return: 0; -EOPNOTSUPP it has none; -EBUSY it is being reset; -ENODATA it is gone; or what the
 * backend says.
 */
int weft_telemetry_read(struct weft_device *wdev, struct weft_telemetry *t)
{
	int ret;

	memset(t, 0, sizeof(*t));
	if (!wdev->ops->telemetry)
		return -EOPNOTSUPP;
	mutex_lock(&wdev->telemetry_lock);
	if (READ_ONCE(wdev->gone) || READ_ONCE(wdev->quarantined) ||
	    (READ_ONCE(wdev->lost) && READ_ONCE(wdev->leaving)))
		ret = -ENODATA;
	else if (READ_ONCE(wdev->lost))
		ret = -EBUSY;
	else
		ret = wdev->ops->telemetry(wdev, t);
	mutex_unlock(&wdev->telemetry_lock);
	if (ret == -ENODEV) {
		weft_device_gone(wdev);
		ret = -ENODATA;
	}
	return ret;
}

/* The bit of &weft_telemetry.valid for a sensor, 0 if weft has no such sensor. */
static u32 weft_hwmon_bit(enum hwmon_sensor_types type)
{
	switch (type) {
	case hwmon_temp:
		return WEFT_TELEMETRY_TEMP;
	case hwmon_power:
		return WEFT_TELEMETRY_POWER;
	case hwmon_energy:
		return WEFT_TELEMETRY_ENERGY;
	default:
		return 0;
	}
}

/* Asks for one sensor. */
static int weft_hwmon_ask(struct device *dev, u32 bit, struct weft_telemetry *t)
{
	int ret = weft_telemetry_read(dev_get_drvdata(dev), t);

	return ret ?: t->valid & bit ? 0 : -ENODATA;
}

static umode_t weft_hwmon_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				     int channel)
{
	const struct weft_device *wdev = data;

	return wdev->sensors & weft_hwmon_bit(type) ? 0444 : 0;
}

static int weft_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
			   long *val)
{
	u32 bit = weft_hwmon_bit(type);
	struct weft_telemetry t;
	int ret = weft_hwmon_ask(dev, bit, &t);

	if (ret)
		return ret;
	switch (bit) {
	case WEFT_TELEMETRY_TEMP:
		*val = t.temp_mc;
		return 0;
	case WEFT_TELEMETRY_POWER:
		*val = min_t(u64, t.power_uw, LONG_MAX);
		return 0;
	case WEFT_TELEMETRY_ENERGY:
		*val = min_t(u64, t.energy_uj, LONG_MAX);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int weft_hwmon_read_string(struct device *dev, enum hwmon_sensor_types type, u32 attr,
				  int channel, const char **str)
{
	*str = "device";
	return 0;
}

static const struct hwmon_ops weft_hwmon_ops = {
	.is_visible = weft_hwmon_is_visible,
	.read = weft_hwmon_read,
	.read_string = weft_hwmon_read_string,
};

static const struct hwmon_channel_info * const weft_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_LABEL),
	HWMON_CHANNEL_INFO(power, HWMON_P_INPUT | HWMON_P_LABEL),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT | HWMON_E_LABEL),
	NULL
};

static const struct hwmon_chip_info weft_hwmon_chip = {
	.ops = &weft_hwmon_ops,
	.info = weft_hwmon_channels,
};

/* The subsystem knows no frequencies; drivers agree on these names. */
static ssize_t freq1_input_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct weft_telemetry t;
	int ret = weft_hwmon_ask(dev, WEFT_TELEMETRY_FREQ, &t);

	return ret ?: sysfs_emit(buf, "%llu\n", t.freq_hz);
}
static DEVICE_ATTR_RO(freq1_input);

static ssize_t freq1_label_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "compute\n");
}
static DEVICE_ATTR_RO(freq1_label);

static umode_t weft_hwmon_freq_is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	const struct weft_device *wdev = dev_get_drvdata(kobj_to_dev(kobj));

	return wdev->sensors & WEFT_TELEMETRY_FREQ ? attr->mode : 0;
}

static struct attribute *weft_hwmon_freq_attrs[] = {
	&dev_attr_freq1_input.attr,
	&dev_attr_freq1_label.attr,
	NULL
};

static const struct attribute_group weft_hwmon_freq_group = {
	.is_visible = weft_hwmon_freq_is_visible,
	.attrs = weft_hwmon_freq_attrs,
};

static const struct attribute_group *weft_hwmon_groups[] = {
	&weft_hwmon_freq_group,
	NULL
};

/* "weft_" and the device's name, without what the tools cannot bear in a name */
static void weft_hwmon_set_name(struct weft_device *wdev)
{
	char *c;

	scnprintf(wdev->hwmon_name, sizeof(wdev->hwmon_name), "weft_%s", dev_name(&wdev->dev));
	for (c = wdev->hwmon_name; *c; c++)
		if (!isascii(*c) || !isalnum(*c))
			*c = '_';
}

/**
 * weft_hwmon_add() - show the sensors of a device
 * @wdev: device, in its pool and on the bus
 *
 * A device is worth having without its sensors: what fails here is said in the log only.
 */
void weft_hwmon_add(struct weft_device *wdev)
{
	struct weft_telemetry t;
	struct device *hwmon;

	if (weft_telemetry_read(wdev, &t))
		return;
	wdev->sensors = t.valid & (WEFT_TELEMETRY_TEMP | WEFT_TELEMETRY_POWER |
				   WEFT_TELEMETRY_ENERGY | WEFT_TELEMETRY_FREQ);
	if (!wdev->sensors)
		return;
	weft_hwmon_set_name(wdev);
	hwmon = hwmon_device_register_with_info(&wdev->dev, wdev->hwmon_name, wdev,
						&weft_hwmon_chip, weft_hwmon_groups);
	if (IS_ERR(hwmon))
		dev_warn(&wdev->dev, "no hwmon device: %pe\n", hwmon);
	else
		wdev->hwmon = hwmon;
}

/* Waits for readers; the device answers them until it is lost. */
void weft_hwmon_remove(struct weft_device *wdev)
{
	if (wdev->hwmon)
		hwmon_device_unregister(wdev->hwmon);
	wdev->hwmon = NULL;
}
