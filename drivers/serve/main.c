// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the control node
 *
 * One misc device for all: what an open file is, its first call decides. Files keep the module;
 * what lives on behind a closed file does so on a queue that unloading drains.
 *
 * Rejected: a node per device (a seat would need rights to it before it exists), calls on the
 * pool's node (its files are tenants').
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "serve.h"

struct workqueue_struct *serve_wq;

static int serve_ioctl_version(void __user *arg, size_t size)
{
	struct weft_serve_version version;
	bool match;
	int ret;

	ret = serve_copy_in(&version, arg, size);
	if (ret)
		return ret;
	if (version.pad)
		return -EINVAL;
	match = version.version == WEFT_SERVE_VERSION;
	version.version = WEFT_SERVE_VERSION;
	version.features = SERVE_FEATURES;
	if (copy_to_user(arg, &version, min(size, sizeof(version))))
		return -EFAULT;
	return match ? 0 : -EPROTO;
}

static long serve_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct serve_file *file = filp->private_data;
	void __user *argp = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);
	unsigned int dir = _IOC_DIR(cmd);

	if (_IOC_TYPE(cmd) != WEFT_SERVE_IOC)
		return -ENOTTY;
	switch (_IOC(dir, WEFT_SERVE_IOC, _IOC_NR(cmd), 0)) {
	case _IOC(_IOC_READ | _IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_VERSION), 0):
		return serve_ioctl_version(argp, size);
	case _IOC(_IOC_READ | _IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_OFFER), 0):
		return serve_ioctl_offer(file, argp, size);
	case _IOC(_IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_WITHDRAW), 0):
		return serve_ioctl_withdraw(file, argp, size);
	case _IOC(_IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_REFUSE), 0):
		return serve_ioctl_refuse(file, argp, size);
	case _IOC(_IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_TELEMETRY), 0):
		return serve_ioctl_telemetry(file, argp, size);
	case _IOC(_IOC_READ | _IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_ATTACH), 0):
		return serve_ioctl_attach(file, filp, argp, size);
	case _IOC(_IOC_READ | _IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_ENTER), 0):
		return serve_ioctl_enter(file, argp, size);
	case _IOC(_IOC_WRITE, WEFT_SERVE_IOC, _IOC_NR(WEFT_SERVE_IOCTL_FETCH), 0):
		return serve_ioctl_fetch(file, argp, size);
	}
	return -ENOTTY;
}

static ssize_t serve_read(struct file *filp, char __user *buf, size_t size, loff_t *pos)
{
	struct serve_device *device = READ_ONCE(((struct serve_file *)filp->private_data)->device);

	return device ? serve_device_read(device, filp, buf, size) : -EPERM;
}

static __poll_t serve_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct serve_file *file = filp->private_data;
	struct serve_device *device = READ_ONCE(file->device);
	struct serve_seat *seat = READ_ONCE(file->seat);

	if (device) {
		poll_wait(filp, &device->wait, wait);
		return serve_device_poll(device);
	}
	if (seat) {
		poll_wait(filp, &seat->wait, wait);
		return serve_ring_poll(seat);
	}
	return EPOLLERR;
}

static int serve_mmap(struct file *filp, struct vm_area_struct *vma)
{
	return serve_seat_mmap(filp->private_data, vma);
}

static int serve_open(struct inode *inode, struct file *filp)
{
	struct serve_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	filp->private_data = file;
	return stream_open(inode, filp);
}

static int serve_release(struct inode *inode, struct file *filp)
{
	struct serve_file *file = filp->private_data;

	if (file->device)
		serve_device_closed(file->device);
	if (file->seat) {
		serve_seat_lose(file->seat, EPIPE);
		serve_seat_put(file->seat);
	}
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations serve_fops = {
	.owner = THIS_MODULE,
	.open = serve_open,
	.release = serve_release,
	.read = serve_read,
	.poll = serve_poll,
	.mmap = serve_mmap,
	.unlocked_ioctl = serve_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice serve_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "weft_serve",
	.fops = &serve_fops,
	.mode = 0600,
};

static int __init serve_init(void)
{
	int ret;

	BUILD_BUG_ON(sizeof(struct weft_serve_request) != 128);
	BUILD_BUG_ON(sizeof(struct weft_serve_completion) != 64);
	BUILD_BUG_ON(sizeof(struct weft_serve_ring) != 256);
	BUILD_BUG_ON(WEFT_SERVE_MAX_RELOCS * sizeof(struct weft_serve_reloc) >
		     WEFT_SERVE_PAYLOAD - WEFT_SERVE_RELOCS);
	BUILD_BUG_ON(WEFT_SERVE_MAX_SEATS > WEFT_MAX_CONTEXTS);
	serve_wq = alloc_workqueue("weft_serve", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (!serve_wq)
		return -ENOMEM;
	ret = misc_register(&serve_misc);
	if (ret)
		destroy_workqueue(serve_wq);
	return ret;
}

static void __exit serve_exit(void)
{
	misc_deregister(&serve_misc);
	serve_devices_end();
	destroy_workqueue(serve_wq);
}

module_init(serve_init);
module_exit(serve_exit);

MODULE_DESCRIPTION("weft backend of devices that a process serves");
MODULE_LICENSE("GPL");
