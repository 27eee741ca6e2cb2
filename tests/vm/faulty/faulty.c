// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: faulty
 *
 * A module that does on purpose what the harness must notice, one fault per
 * load: "insmod faulty.ko fault=leak". It proves that a checker is really in
 * the kernel and that its report really fails a run. Rejected: only writing
 * look-alike lines to /dev/kmsg (proves the pattern, not the checker).
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "which fault to commit");

static int by = 40;
module_param(by, int, 0);
MODULE_PARM_DESC(by, "how far to shift an int");

static DEFINE_MUTEX(faulty_a);
static DEFINE_MUTEX(faulty_b);
static DEFINE_SPINLOCK(faulty_lock);

static void faulty_use_after_free(void)
{
	char *p = kmalloc(64, GFP_KERNEL);
	char *volatile q = p;

	kfree(p);
	if (q)
		q[5] = 1;
}

static void faulty_lock_order(void)
{
	mutex_lock(&faulty_a);
	mutex_lock(&faulty_b);
	mutex_unlock(&faulty_b);
	mutex_unlock(&faulty_a);
	mutex_lock(&faulty_b);
	mutex_lock(&faulty_a);
	mutex_unlock(&faulty_a);
	mutex_unlock(&faulty_b);
}

static void faulty_sleep_in_atomic(void)
{
	spin_lock(&faulty_lock);
	msleep(20);
	spin_unlock(&faulty_lock);
}

static void faulty_timer(struct timer_list *t)
{
}

static void faulty_free_active_timer(void)
{
	struct timer_list *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return;
	timer_setup(t, faulty_timer, 0);
	mod_timer(t, jiffies + 100 * HZ);
	kfree(t);
}

static void faulty_refcount(void)
{
	refcount_t r;

	refcount_set(&r, 0);
	refcount_inc(&r);
}

static void faulty_shift(void)
{
	pr_info("shift: %d\n", 1 << by);
}

static int __init faulty_init(void)
{
	if (!strcmp(fault, "none"))
		return 0;
	if (!strcmp(fault, "warn"))
		WARN(1, "faulty: on purpose\n");
	else if (!strcmp(fault, "oops"))
		*(volatile int *)8 = 1;
	else if (!strcmp(fault, "leak"))
		pr_info("leaked %d\n", !kmalloc(100, GFP_KERNEL));
	else if (!strcmp(fault, "uaf"))
		faulty_use_after_free();
	else if (!strcmp(fault, "order"))
		faulty_lock_order();
	else if (!strcmp(fault, "atomic"))
		faulty_sleep_in_atomic();
	else if (!strcmp(fault, "timer"))
		faulty_free_active_timer();
	else if (!strcmp(fault, "refcount"))
		faulty_refcount();
	else if (!strcmp(fault, "shift"))
		faulty_shift();
	else if (!strcmp(fault, "stay"))
		__module_get(THIS_MODULE);
	else if (!strcmp(fault, "hang"))
		for (;;)
			cpu_relax();
	else
		return -EINVAL;
	return 0;
}

static void __exit faulty_exit(void)
{
}

module_init(faulty_init);
module_exit(faulty_exit);
MODULE_DESCRIPTION("weft harness self-test: deliberate faults");
MODULE_LICENSE("GPL");
