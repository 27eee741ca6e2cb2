// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: simulated hardware
 *
 * What exists while a directory's attribute enabled is 1: a platform device as parent (tools that
 * walk sysfs find it; faux and virtual devices they skip), memory, engines, channels and the
 * registration with weft. The operations of the backend that are not runs and copies are here.
 *
 * Memory starts with a pattern, not with zeros: real memory holds what the last boot left, and the
 * core has to clear it. Each device has an address range of its own, so that an address which
 * travels to another device is caught there.
 *
 * Everything the core is told is what its clock will show: bandwidths are divided and latencies
 * multiplied by the dilation.
 */
#include <linux/idr.h>
#include <linux/kmemleak.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include <drm/drm_print.h>

#include "sim.h"

#define MEMORY_POISON	0xa5

/* MB/s that stand for an infinite bandwidth in the interconnect graph. */
#define BANDWIDTH_MAX	1000000000ull

static DEFINE_IDA(device_ids);

/* Modelled ns for @amount at @rate per microsecond, bounded. */
u64 weft_sim_time(u64 amount, u64 rate, u64 dilation)
{
	u64 scaled, ns;

	if (rate == WEFT_SIM_INF)
		return 0;
	if (check_mul_overflow(dilation, (u64)NSEC_PER_USEC, &scaled))
		return WEFT_SIM_MAX_NS;
	if (!check_mul_overflow(amount, scaled, &ns))
		return min(div64_u64(ns, rate), WEFT_SIM_MAX_NS);
	if (check_mul_overflow(div64_u64(amount, rate), scaled, &ns))
		return WEFT_SIM_MAX_NS;
	return min(ns, WEFT_SIM_MAX_NS);
}

/* The hardware answers no more. Its directory takes it out of weft from a work item. */
void weft_sim_device_vanish_locked(struct weft_sim_device *device)
{
	lockdep_assert_held(&device->lock);
	WRITE_ONCE(device->gone, true);
	queue_work(weft_sim_wq, &device->directory->vanish_work);
}

static bool hardware_is_idle(struct weft_sim_device *device)
{
	unsigned long flags;
	bool idle;

	spin_lock_irqsave(&device->lock, flags);
	idle = weft_sim_engines_idle_locked(device) && weft_sim_channels_idle_locked(device);
	spin_unlock_irqrestore(&device->lock, flags);
	return idle;
}

/*
 * Forgets all runs, ends all copies with @error and takes no more. On return nothing touches the
 * memory but late writes.
 */
static void hardware_halt(struct weft_sim_device *device, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	WRITE_ONCE(device->halted, error);
	weft_sim_engines_stop_locked(device);
	spin_unlock_irqrestore(&device->lock, flags);
	weft_sim_channels_stop(device, error);
	wait_event(device->quiet, hardware_is_idle(device));
}

/* A reset that fails leaves the device halted, for the core forgets the runs all the same. */
static int weft_sim_reset(struct weft_device *wdev)
{
	struct weft_sim_device *device = weft_device_priv(wdev);
	unsigned long flags;

	hardware_halt(device, -EIO);
	if (weft_sim_fault_take(&device->directory->faults, WEFT_SIM_FAULT_RESET_FAILS))
		return -EIO;
	weft_sim_late_writes_cancel(device);
	spin_lock_irqsave(&device->lock, flags);
	WRITE_ONCE(device->halted, 0);
	spin_unlock_irqrestore(&device->lock, flags);
	return 0;
}

static int weft_sim_load_image(struct weft_device *wdev, struct weft_image *image)
{
	const struct weft_sim_image_header *header = image->data;
	u32 *ops, i;

	if (image->size < sizeof(*header) || header->magic != WEFT_SIM_IMAGE_MAGIC ||
	    header->version != WEFT_SIM_IMAGE_VERSION || header->pad)
		return -ENOEXEC;
	if (!header->kernel_count || header->kernel_count > WEFT_SIM_IMAGE_MAX_OPS ||
	    header->kernel_count != image->kernel_count ||
	    image->size != sizeof(*header) + header->kernel_count * sizeof(*ops))
		return -ENOEXEC;
	ops = (u32 *)(header + 1);
	for (i = 0; i < header->kernel_count; i++) {
		if (ops[i] >= WEFT_SIM_OP_COUNT)
			return -ENOEXEC;
	}
	image->priv = ops;
	return 0;
}

static void weft_sim_unload_image(struct weft_device *wdev, struct weft_image *image)
{
	image->priv = NULL;
}

static void weft_sim_dump(struct weft_device *wdev, struct drm_printer *p)
{
	static const char * const states[] = {
		[WEFT_SIM_SLOT_IDLE] = "idle",
		[WEFT_SIM_SLOT_COMPUTING] = "computing",
		[WEFT_SIM_SLOT_WAITING] = "waiting",
		[WEFT_SIM_SLOT_HELD] = "held",
		[WEFT_SIM_SLOT_HUNG] = "hung",
	};
	struct weft_sim_device *device = weft_device_priv(wdev);
	const struct weft_sim_slot *slot;
	unsigned long flags;
	u32 i, j;

	spin_lock_irqsave(&device->lock, flags);
	for (i = 0; i < device->engine_count; i++) {
		for (j = 0; j < device->engines[i].slot_count; j++) {
			slot = &device->engines[i].slots[j];
			if (slot->run)
				drm_printf(p, "engine %u slot %u: %s, job %llu, code %u\n", i, j,
					   states[slot->state], slot->run->job_id, slot->code);
		}
	}
	spin_unlock_irqrestore(&device->lock, flags);
}

static const struct weft_backend_ops weft_sim_ops = {
	.owner		= THIS_MODULE,
	.load_image	= weft_sim_load_image,
	.unload_image	= weft_sim_unload_image,
	.run		= weft_sim_run,
	.abort		= weft_sim_abort,
	.reset		= weft_sim_reset,
	.copy		= weft_sim_copy,
	.telemetry	= weft_sim_telemetry,
	.dump		= weft_sim_dump,
};

static u64 declared_bandwidth(const struct weft_sim_config *config, enum weft_copy_kind direction)
{
	if (config->bandwidth[direction] == WEFT_SIM_INF)
		return BANDWIDTH_MAX;
	return max(div_u64(config->bandwidth[direction], config->dilation), 1);
}

/* The link or the price has changed. The directory's lock keeps the device registered. */
int weft_sim_device_tune(struct weft_sim_device *device, const struct weft_sim_config *config)
{
	const struct weft_device_tune tune = {
		.bandwidth_down = declared_bandwidth(config, WEFT_COPY_TO_DEVICE),
		.bandwidth_up = declared_bandwidth(config, WEFT_COPY_TO_HOST),
		.link_latency = max(config->link_latency * config->dilation, 1),
		.price = config->price,
	};
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	memcpy(device->bandwidth, config->bandwidth, sizeof(device->bandwidth));
	device->link_latency = config->link_latency;
	spin_unlock_irqrestore(&device->lock, flags);
	return weft_device_tune(device->wdev, &tune);
}

static int hardware_register(struct weft_sim_device *device, const struct weft_sim_config *config)
{
	struct weft_device_desc desc = {
		.name = config_item_name(&device->directory->group.cg_item),
		.vendor = config->vendor,
		.model = config->model,
		.dev_class = config->dev_class,
		.caps = WEFT_CAP_ABORT | WEFT_CAP_LEASE | (config->early ? WEFT_CAP_EARLY : 0),
		.preempt_level = 1,
		.memory_size = device->memory.size,
		.memory_base = device->memory.base,
		.numa_node = config->numa_node,
		.link_kind = config->link_kind,
		.bandwidth_down = declared_bandwidth(config, WEFT_COPY_TO_DEVICE),
		.bandwidth_up = declared_bandwidth(config, WEFT_COPY_TO_HOST),
		.link_latency = config->link_latency * config->dilation,
		.price = config->price,
	};
	struct weft_device *wdev;
	u32 i;

	for (i = 0; i < WEFT_MAX_ISAS && config->isas[i][0]; i++)
		desc.isas[i] = config->isas[i];
	for (i = 0; i < config->engines; i++) {
		desc.engines[i].kind = WEFT_ENGINE_COMPUTE;
		desc.engines[i].credits = config->credits;
	}
	for (; i < config->engines + WEFT_SIM_COPY_ENGINES; i++) {
		desc.engines[i].kind = WEFT_ENGINE_COPY;
		desc.engines[i].credits = 1;
	}
	desc.engine_count = i;

	wdev = weft_device_register(&device->pdev->dev, &desc, &weft_sim_ops, device);
	if (IS_ERR(wdev))
		return PTR_ERR(wdev);
	device->wdev = wdev;
	return 0;
}

static struct platform_device *parent_create(int id, int numa_node)
{
	struct platform_device *pdev = platform_device_alloc("weft_sim", id);
	int ret;

	if (!pdev)
		return ERR_PTR(-ENOMEM);
	set_dev_node(&pdev->dev, numa_node);
	ret = platform_device_add(pdev);
	if (ret) {
		platform_device_put(pdev);
		return ERR_PTR(ret);
	}
	return pdev;
}

static int memory_init(struct weft_sim_device *device, const struct weft_sim_config *config)
{
	device->memory.bytes = kvmalloc_node(config->memory,
					     GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN,
					     config->numa_node);
	if (!device->memory.bytes)
		return -ENOMEM;
	/* it holds no pointers, and scanning it would take longer than most tests */
	kmemleak_no_scan(device->memory.bytes);
	memset(device->memory.bytes, MEMORY_POISON, config->memory);
	device->memory.size = config->memory;
	device->memory.base = (u64)(device->id + 1) << 40;
	return 0;
}

static void hardware_configure(struct weft_sim_device *device, const struct weft_sim_config *config)
{
	u32 i;

	device->null = true;
	for (i = 0; i < WEFT_SIM_OP_COUNT; i++) {
		device->speed[i] = config->speed[i];
		device->null &= config->speed[i] == WEFT_SIM_INF;
	}
	device->dilation = config->dilation;
	device->power_idle = config->power_idle;
	device->power_busy = max(config->power_busy, config->power_idle);
	device->engine_count = config->engines;
	memcpy(device->bandwidth, config->bandwidth, sizeof(device->bandwidth));
	device->link_latency = config->link_latency;
	device->registered = ktime_get();
}

/* Makes the hardware that @dir describes and hands it to weft. Called with its lock held. */
struct weft_sim_device *weft_sim_device_create(struct weft_sim_directory *dir)
{
	const struct weft_sim_config *config = &dir->config;
	struct weft_sim_device *device;
	int ret;

	lockdep_assert_held(&dir->lock);
	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return ERR_PTR(-ENOMEM);
	device->directory = dir;
	spin_lock_init(&device->lock);
	init_waitqueue_head(&device->quiet);
	hardware_configure(device, config);

	ret = ida_alloc(&device_ids, GFP_KERNEL);
	if (ret < 0)
		goto free;
	device->id = ret;
	ret = memory_init(device, config);
	if (ret)
		goto put_id;
	weft_sim_channels_init(device);
	ret = weft_sim_engines_init(device, config->credits);
	if (ret)
		goto free_memory;
	device->pdev = parent_create(device->id, config->numa_node);
	if (IS_ERR(device->pdev)) {
		ret = PTR_ERR(device->pdev);
		goto fini;
	}
	ret = hardware_register(device, config);
	if (ret)
		goto unregister;
	return device;

unregister:
	platform_device_unregister(device->pdev);
fini:
	weft_sim_engines_fini(device);
free_memory:
	kvfree(device->memory.bytes);
put_id:
	ida_free(&device_ids, device->id);
free:
	kfree(device);
	return ERR_PTR(ret);
}

/* Takes the device out of weft, in order or, if it has vanished, at once. Sleeps. */
void weft_sim_device_leave(struct weft_sim_device *device)
{
	unsigned long flags;
	bool lost;

	spin_lock_irqsave(&device->lock, flags);
	lost = device->gone;
	device->draining = true;
	spin_unlock_irqrestore(&device->lock, flags);
	if (lost)
		hardware_halt(device, -ENODEV);
	weft_device_unregister(device->wdev, lost);
}

/* After weft_sim_device_leave(). */
void weft_sim_device_destroy(struct weft_sim_device *device)
{
	hardware_halt(device, -ENODEV);
	weft_sim_channels_fini(device);
	weft_sim_engines_fini(device);
	platform_device_unregister(device->pdev);
	kvfree(device->memory.bytes);
	ida_free(&device_ids, device->id);
	kfree(device);
}
