// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: sw_sync for kernels that have it not
 *
 * Debian configures its kernels without CONFIG_SW_SYNC, so fences that user space moves could be
 * tried against weft on the debug kernel alone. This is the file of the kernel's own source, as it
 * is, with what a module needs around it: the file in debugfs, which sync_debug.c makes together
 * with lists that nothing exports.
 *
 * It has no exit function: fences call its code for as long as somebody keeps them.
 *
 * Rejected: a timeline of our own (the kernel's selftest would test that), a kernel of our own
 * for these tests (then they do not run on Debian's).
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/panic.h>

/*
 * From 7.x on each open taints the kernel as if a processor had locked up, for whoever reads a bug
 * report. In a guest of ours that taint has to mean a processor that locked up.
 */
#define add_taint(flag, lockdep)	((void)(flag), (void)(lockdep))

#include <drivers/dma-buf/sw_sync.c>

/* For the list of all timelines that sync_debug.c shows. */
void sync_timeline_debug_add(struct sync_timeline *obj)
{
}

void sync_timeline_debug_remove(struct sync_timeline *obj)
{
}

static int __init sw_sync_init(void)
{
	debugfs_create_file_unsafe("sw_sync", 0644, debugfs_create_dir("sync", NULL), NULL,
				   &sw_sync_debugfs_fops);
	return 0;
}
module_init(sw_sync_init);

MODULE_DESCRIPTION("The kernel's sw_sync, as a module for tests");
MODULE_LICENSE("GPL");
