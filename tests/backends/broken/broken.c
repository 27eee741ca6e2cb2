// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backend that breaks one promise.
 *
 * DOC: weft_broken
 *
 * A device in software, like the one that tools/new-backend makes, with a fault that the parameter
 * kind chooses when the module is loaded. Each kind is what a real driver gets wrong without
 * noticing, and each must fail weft conformance under the name of the promise; with kind=none the
 * device must reach the highest level. Rejected: faults of weft_sim (those are of hardware, and the
 * backend around them keeps its word).
 */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <weft/backend.h>

#define BROKEN_MEMORY_SIZE	SZ_4M
#define BROKEN_MEMORY_BASE	0x40000000ull
#define BROKEN_MAGIC		0x4b4f5242	/* "BROK" */
#define BROKEN_CREDITS		2

/* every so manieth run is affected, where not all are */
#define BROKEN_EVERY		5
#define BROKEN_LATE_MS		30
/* how long a run goes on after it was "aborted" */
#define BROKEN_LINGER_MS	250
#define BROKEN_LEAK		SZ_256K

enum broken_kind {
	BROKEN_NONE,
	BROKEN_DOUBLE_COMPLETION,
	BROKEN_EARLY_COMPLETION,
	BROKEN_LOST_ABORT,
	BROKEN_WRONG_BYTES,
	BROKEN_LEAKS,
	BROKEN_HANG_ON_RESET,
	BROKEN_COMPLETION_AFTER_REMOVE,
	BROKEN_FALSE_PREEMPTION,
};

static const char * const broken_kinds[] = {
	[BROKEN_NONE] = "none",
	[BROKEN_DOUBLE_COMPLETION] = "double_completion",
	[BROKEN_EARLY_COMPLETION] = "early_completion",
	[BROKEN_LOST_ABORT] = "lost_abort",
	[BROKEN_WRONG_BYTES] = "wrong_bytes",
	[BROKEN_LEAKS] = "leak",
	[BROKEN_HANG_ON_RESET] = "hang_on_reset",
	[BROKEN_COMPLETION_AFTER_REMOVE] = "completion_after_remove",
	[BROKEN_FALSE_PREEMPTION] = "false_preemption",
};

static char *kind = "none";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "which promise is broken");

static bool released;
module_param(released, bool, 0644);
MODULE_PARM_DESC(released, "ends what kind=hang_on_reset holds");

static enum broken_kind broken;

enum broken_kernel {
	BROKEN_COPY,
	BROKEN_FILL,
	BROKEN_ADD,
	BROKEN_SPIN,
	BROKEN_KERNELS,
};

struct broken_image {
	u32 magic;
	u32 kernel_count;
	u32 kernels[];
};

union broken_args {
	struct { u64 dst, src, bytes; } copy;
	struct { u64 dst, count; u32 value, pad; } fill;
	struct { u64 dst, a, b, count; } add;
	struct { u64 dst, bytes, ns; } spin;
};

/* struct broken_leak - what an image left behind; given back when the device goes */
struct broken_leak {
	struct list_head node;
	void *memory;
};

/* struct broken - the device */
struct broken {
	struct weft_device *wdev;
	void *memory;
	/* protects what follows; never held while the core is called */
	spinlock_t lock;
	struct list_head runs;
	struct weft_run *running;
	bool stop;
	bool leaving;
	struct list_head copies;
	struct weft_copy *copying;
	bool halted;
	struct list_head leaks;
	u64 count;			/* runs so far; the work item's own */
	struct weft_run *linger_run;	/* goes on though its abort() has returned */
	bool lingers;
	void *linger_at;
	u64 linger_bytes;
	wait_queue_head_t quiet;
	struct work_struct run_work;
	struct work_struct copy_work;
	struct work_struct linger_work;
};

/* The run that kind=completion_after_remove completes when its device has gone */
static struct weft_run *broken_late_run;

static void broken_late_complete(struct work_struct *work)
{
	weft_run_complete(broken_late_run, 0, 0, 0);
}

static DECLARE_DELAYED_WORK(broken_late_work, broken_late_complete);

/* ----------------------------------------------------------------- images */

static int broken_load_image(struct weft_device *wdev, struct weft_image *image)
{
	const struct broken_image *header = image->data;
	struct broken *dev = weft_device_priv(wdev);
	struct broken_leak *leak;
	u32 i;

	if (image->size < sizeof(*header) || header->magic != BROKEN_MAGIC ||
	    header->kernel_count != image->kernel_count ||
	    image->size != struct_size(header, kernels, image->kernel_count))
		return -ENOEXEC;
	for (i = 0; i < image->kernel_count; i++)
		if (header->kernels[i] >= BROKEN_KERNELS)
			return -ENOEXEC;
	if (broken != BROKEN_LEAKS)
		return 0;
	leak = kzalloc(sizeof(*leak), GFP_KERNEL);
	if (!leak)
		return -ENOMEM;
	leak->memory = vmalloc(BROKEN_LEAK);
	__module_get(THIS_MODULE);
	spin_lock_irq(&dev->lock);
	list_add(&leak->node, &dev->leaks);
	spin_unlock_irq(&dev->lock);
	return 0;
}

static void broken_unload_image(struct weft_device *wdev, struct weft_image *image)
{
}

static void broken_leaks_end(struct broken *dev)
{
	struct broken_leak *leak, *next;

	list_for_each_entry_safe(leak, next, &dev->leaks, node) {
		vfree(leak->memory);
		kfree(leak);
		module_put(THIS_MODULE);
	}
}

/* ------------------------------------------------------------------- runs */

static void *broken_at(struct broken *dev, u64 address, u64 bytes)
{
	u64 offset = address - BROKEN_MEMORY_BASE;

	if (offset > BROKEN_MEMORY_SIZE || bytes > BROKEN_MEMORY_SIZE - offset)
		return NULL;
	return dev->memory + offset;
}

static int broken_spin(struct broken *dev, void *dst, u64 bytes, u64 ns)
{
	ktime_t end = ktime_add_ns(ktime_get(), ns);

	while (!READ_ONCE(dev->stop) && ktime_before(ktime_get(), end)) {
		memset(dst, 0x77, bytes);
		cond_resched();
	}
	return 0;
}

/* What a run still does whose abort() returned without stopping it, beside the next runs */
static void broken_linger_work(struct work_struct *work)
{
	struct broken *dev = container_of(work, struct broken, linger_work);
	ktime_t end = ktime_add_ms(ktime_get(), BROKEN_LINGER_MS);

	while (ktime_before(ktime_get(), end)) {
		memset(dev->linger_at, 0x66, dev->linger_bytes);
		cond_resched();
	}
	weft_run_complete(dev->linger_run, 0, 0, 0);
	/* pairs with the acquire in broken_abort(): its fields may be used again */
	smp_store_release(&dev->lingers, false);
}

static int broken_compute(struct broken *dev, u32 kernel, const union broken_args *args)
{
	u32 *dst, *a, *b;
	u64 i, count;

	switch (kernel) {
	case BROKEN_COPY:
		dst = broken_at(dev, args->copy.dst, args->copy.bytes);
		a = broken_at(dev, args->copy.src, args->copy.bytes);
		if (!dst || !a)
			return -EIO;
		memmove(dst, a, args->copy.bytes);
		if (broken == BROKEN_WRONG_BYTES && args->copy.bytes &&
		    !(dev->count % BROKEN_EVERY))
			((u8 *)dst)[args->copy.bytes - 1] ^= 0x10;
		return 0;
	case BROKEN_FILL:
		count = min_t(u64, args->fill.count, BROKEN_MEMORY_SIZE);
		dst = broken_at(dev, args->fill.dst, count * sizeof(*dst));
		if (!dst)
			return -EIO;
		memset32(dst, args->fill.value, count);
		return 0;
	case BROKEN_ADD:
		count = min_t(u64, args->add.count, BROKEN_MEMORY_SIZE);
		dst = broken_at(dev, args->add.dst, count * sizeof(*dst));
		a = broken_at(dev, args->add.a, count * sizeof(*a));
		b = broken_at(dev, args->add.b, count * sizeof(*b));
		if (!dst || !a || !b)
			return -EIO;
		for (i = 0; i < count; i++)
			dst[i] = a[i] + b[i];
		return 0;
	default:
		dst = broken_at(dev, args->spin.dst, args->spin.bytes);
		return dst ? broken_spin(dev, dst, args->spin.bytes, args->spin.ns) : -EIO;
	}
}

/* Computes @run, and completes it: as it should be, or not quite. */
static void broken_execute(struct broken *dev, struct weft_run *run)
{
	const struct broken_image *header = run->image->data;
	u32 kernel = header->kernels[run->kernel];
	union broken_args args = { };
	bool stopped;
	int error;

	/* the blob is gone after the completion */
	memcpy(&args, run->args, min_t(size_t, run->args_size, sizeof(args)));
	dev->count++;
	if (broken == BROKEN_EARLY_COMPLETION && kernel != BROKEN_SPIN) {
		weft_run_complete(run, 0, 0, 0);
		msleep(BROKEN_LATE_MS);
		broken_compute(dev, kernel, &args);
		return;
	}
	error = broken_compute(dev, kernel, &args);

	spin_lock_irq(&dev->lock);
	stopped = dev->stop;
	spin_unlock_irq(&dev->lock);
	if (stopped)
		return;
	if (broken == BROKEN_DOUBLE_COMPLETION && !(dev->count % BROKEN_EVERY)) {
		/* as in an interrupt handler that looks at one ring entry twice */
		preempt_disable();
		weft_run_complete(run, error, 0, 0);
		weft_run_complete(run, error, 0, 0);
		preempt_enable();
		return;
	}
	weft_run_complete(run, error, error ? 1 : 0, 0);
}

static void broken_run_work(struct work_struct *work)
{
	struct broken *dev = container_of(work, struct broken, run_work);
	struct weft_run *run;

	for (;;) {
		spin_lock_irq(&dev->lock);
		run = list_first_entry_or_null(&dev->runs, struct weft_run, node);
		if (run)
			list_del_init(&run->node);
		dev->running = run;
		dev->stop = false;
		spin_unlock_irq(&dev->lock);
		if (!run)
			break;
		broken_execute(dev, run);
		spin_lock_irq(&dev->lock);
		dev->running = NULL;
		spin_unlock_irq(&dev->lock);
		wake_up_all(&dev->quiet);
	}
}

static int broken_run(struct weft_device *wdev, struct weft_run *run)
{
	struct broken *dev = weft_device_priv(wdev);
	unsigned long flags;

	if (run->args_size < sizeof_field(union broken_args, copy))
		return -EINVAL;
	spin_lock_irqsave(&dev->lock, flags);
	list_add_tail(&run->node, &dev->runs);
	spin_unlock_irqrestore(&dev->lock, flags);
	queue_work(system_unbound_wq, &dev->run_work);
	return 0;
}

static bool broken_runs(struct broken *dev, struct weft_run *run)
{
	bool runs;

	spin_lock_irq(&dev->lock);
	runs = dev->running == run;
	spin_unlock_irq(&dev->lock);
	return runs;
}

static int broken_abort(struct weft_device *wdev, struct weft_run *run)
{
	struct broken *dev = weft_device_priv(wdev);
	const union broken_args *args = run->args;

	if (broken == BROKEN_FALSE_PREEMPTION)
		return -EBUSY;
	spin_lock_irq(&dev->lock);
	if (dev->running == run)
		dev->stop = true;
	else
		list_del_init(&run->node);
	spin_unlock_irq(&dev->lock);
	wait_event(dev->quiet, !broken_runs(dev, run));
	/* pairs with the release in broken_linger_work() */
	if (broken == BROKEN_LOST_ABORT && !smp_load_acquire(&dev->lingers)) {
		dev->linger_run = run;
		dev->linger_bytes = args->spin.bytes;
		dev->linger_at = broken_at(dev, args->spin.dst, args->spin.bytes);
		dev->lingers = dev->linger_at;
		if (dev->lingers)
			queue_work(system_unbound_wq, &dev->linger_work);
	}
	return 0;
}

/* ----------------------------------------------------------------- copies */

static void broken_move(struct broken *dev, struct weft_copy *copy)
{
	size_t start = copy->page_offset, step;
	void *at = dev->memory + copy->offset;
	struct page **page = copy->pages;
	u64 left = copy->length;

	if (copy->kind == WEFT_COPY_CLEAR) {
		memset(at, 0, left);
		return;
	}
	for (; left; left -= step, at += step, page++, start = 0) {
		step = min_t(u64, left, PAGE_SIZE - start);
		if (copy->kind == WEFT_COPY_TO_DEVICE)
			memcpy_from_page(at, *page, start, step);
		else
			memcpy_to_page(*page, start, at, step);
		cond_resched();
	}
}

static void broken_copy_work(struct work_struct *work)
{
	struct broken *dev = container_of(work, struct broken, copy_work);
	struct weft_copy *copy;
	int error;

	for (;;) {
		spin_lock_irq(&dev->lock);
		copy = list_first_entry_or_null(&dev->copies, struct weft_copy, node);
		if (copy)
			list_del_init(&copy->node);
		dev->copying = copy;
		spin_unlock_irq(&dev->lock);
		if (!copy)
			break;
		broken_move(dev, copy);
		spin_lock_irq(&dev->lock);
		error = dev->halted ? -EIO : 0;
		spin_unlock_irq(&dev->lock);
		weft_copy_complete(copy, error);
		spin_lock_irq(&dev->lock);
		dev->copying = NULL;
		spin_unlock_irq(&dev->lock);
		wake_up_all(&dev->quiet);
	}
}

static int broken_copy(struct weft_device *wdev, struct weft_copy *copy)
{
	struct broken *dev = weft_device_priv(wdev);
	bool halted;

	spin_lock_irq(&dev->lock);
	halted = dev->halted;
	if (!halted)
		list_add_tail(&copy->node, &dev->copies);
	spin_unlock_irq(&dev->lock);
	if (halted)
		return -EIO;
	queue_work(system_unbound_wq, &dev->copy_work);
	return 0;
}

/* ------------------------------------------------------------------ reset */

static bool broken_idle(struct broken *dev)
{
	bool idle;

	spin_lock_irq(&dev->lock);
	idle = !dev->running && !dev->copying;
	spin_unlock_irq(&dev->lock);
	return idle;
}

static int broken_reset(struct weft_device *wdev)
{
	struct broken *dev = weft_device_priv(wdev);
	struct weft_copy *copy, *next;
	struct weft_run *run, *after;
	LIST_HEAD(copies);

	while (broken == BROKEN_HANG_ON_RESET && !READ_ONCE(released))
		msleep(20);
	spin_lock_irq(&dev->lock);
	if (dev->leaving && dev->running)
		broken_late_run = dev->running;
	dev->halted = true;
	dev->stop = true;
	list_for_each_entry_safe(run, after, &dev->runs, node)
		list_del_init(&run->node);
	list_splice_init(&dev->copies, &copies);
	spin_unlock_irq(&dev->lock);
	list_for_each_entry_safe(copy, next, &copies, node) {
		list_del_init(&copy->node);
		weft_copy_complete(copy, -EIO);
	}
	wait_event(dev->quiet, broken_idle(dev));
	spin_lock_irq(&dev->lock);
	dev->halted = false;
	spin_unlock_irq(&dev->lock);
	return 0;
}

static const struct weft_backend_ops broken_ops = {
	.owner		= THIS_MODULE,
	.load_image	= broken_load_image,
	.unload_image	= broken_unload_image,
	.run		= broken_run,
	.abort		= broken_abort,
	.reset		= broken_reset,
	.copy		= broken_copy,
};

/* ----------------------------------------------------------- coming, going */

static int broken_probe(struct platform_device *pdev)
{
	const struct weft_device_desc desc = {
		.name = "broken",
		.vendor = "nobody",
		.model = "broken-1",
		.dev_class = DRM_WEFT_CLASS_NPU,
		.caps = WEFT_CAP_ABORT,
		.preempt_level = 2,
		.isas = { "broken-1" },
		.engines = { { .kind = WEFT_ENGINE_COMPUTE, .credits = BROKEN_CREDITS } },
		.engine_count = 1,
		.memory_size = BROKEN_MEMORY_SIZE,
		.memory_base = BROKEN_MEMORY_BASE,
		.numa_node = NUMA_NO_NODE,
		.bandwidth_down = 1000,
		.bandwidth_up = 1000,
	};
	struct broken *dev;

	dev = devm_kzalloc(&pdev->dev, sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	platform_set_drvdata(pdev, dev);
	spin_lock_init(&dev->lock);
	INIT_LIST_HEAD(&dev->runs);
	INIT_LIST_HEAD(&dev->copies);
	INIT_LIST_HEAD(&dev->leaks);
	init_waitqueue_head(&dev->quiet);
	INIT_WORK(&dev->run_work, broken_run_work);
	INIT_WORK(&dev->copy_work, broken_copy_work);
	INIT_WORK(&dev->linger_work, broken_linger_work);
	dev->memory = vmalloc(BROKEN_MEMORY_SIZE);
	if (!dev->memory)
		return -ENOMEM;
	dev->wdev = weft_device_register(&pdev->dev, &desc, &broken_ops, dev);
	if (IS_ERR(dev->wdev)) {
		vfree(dev->memory);
		return PTR_ERR(dev->wdev);
	}
	return 0;
}

static void broken_remove(struct platform_device *pdev)
{
	struct broken *dev = platform_get_drvdata(pdev);
	bool late = broken == BROKEN_COMPLETION_AFTER_REMOVE;

	spin_lock_irq(&dev->lock);
	dev->leaving = late;
	spin_unlock_irq(&dev->lock);
	weft_device_unregister(dev->wdev, late);
	if (broken_late_run)
		schedule_delayed_work(&broken_late_work, msecs_to_jiffies(BROKEN_LATE_MS));
	cancel_work_sync(&dev->run_work);
	cancel_work_sync(&dev->copy_work);
	cancel_work_sync(&dev->linger_work);
	broken_leaks_end(dev);
	vfree(dev->memory);
}

static struct platform_driver broken_driver = {
	.driver = {
		.name = "weft_broken",
	},
	.probe = broken_probe,
	.remove = broken_remove,
};

static struct platform_device *broken_device;

static int __init broken_init(void)
{
	int ret = match_string(broken_kinds, ARRAY_SIZE(broken_kinds), kind);

	if (ret < 0)
		return ret;
	broken = ret;
	ret = platform_driver_register(&broken_driver);
	if (ret)
		return ret;
	broken_device = platform_device_register_simple("weft_broken", -1, NULL, 0);
	if (!IS_ERR(broken_device))
		return 0;
	platform_driver_unregister(&broken_driver);
	return PTR_ERR(broken_device);
}

static void __exit broken_exit(void)
{
	platform_device_unregister(broken_device);
	platform_driver_unregister(&broken_driver);
	cancel_delayed_work_sync(&broken_late_work);
}

module_init(broken_init);
module_exit(broken_exit);

MODULE_DESCRIPTION("weft backend that breaks a promise");
MODULE_LICENSE("GPL");
