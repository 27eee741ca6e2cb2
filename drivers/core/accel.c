// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: calls of an accel node
 *
 * DRM knows three kinds of files. It asks of its own ioctls whether a render file may use them, but
 * not whether an accel file may: those for authentication and for the bus id look into the file's
 * master, which an accel file does not have, and names of buffers are for whoever is
 * authenticated, which root always is. So an accel file gets the rules of a render file here,
 * before DRM sees the call: no magic, no bus id, no names.
 *
 * Rejected: waiting for DRM to ask (whoever may open the node could crash the kernel with
 * DRM_IOCTL_GET_MAGIC); a list of what is allowed (it would have to follow every kernel).
 */
#include <linux/fs.h>

#include <drm/drm.h>
#include <drm/drm_ioctl.h>

#include "core.h"

static bool weft_accel_refused(unsigned int cmd)
{
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(DRM_IOCTL_GET_UNIQUE):
	case _IOC_NR(DRM_IOCTL_SET_UNIQUE):
	case _IOC_NR(DRM_IOCTL_SET_VERSION):
	case _IOC_NR(DRM_IOCTL_GET_MAGIC):
	case _IOC_NR(DRM_IOCTL_AUTH_MAGIC):
	case _IOC_NR(DRM_IOCTL_SET_MASTER):
	case _IOC_NR(DRM_IOCTL_DROP_MASTER):
	case _IOC_NR(DRM_IOCTL_GEM_FLINK):
	case _IOC_NR(DRM_IOCTL_GEM_OPEN):
		return true;
	default:
		return false;
	}
}

long weft_accel_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return weft_accel_refused(cmd) ? -EACCES : drm_ioctl(file, cmd, arg);
}

long weft_accel_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	/* NULL in a kernel that has no 32-bit processes */
	long (*compat)(struct file *file, unsigned int cmd, unsigned long arg) = drm_compat_ioctl;

	if (!compat)
		return -ENOTTY;
	return weft_accel_refused(cmd) ? -EACCES : compat(file, cmd, arg);
}
