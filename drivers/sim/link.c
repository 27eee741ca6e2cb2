// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: simulated link
 *
 * Three channels move bytes: one per direction of the link and one for the device's own memory,
 * which serves clears. A channel makes one transfer at a time, in order. A work item moves the
 * bytes for real between host pages and device memory, and a timer completes the copy when
 * latency + length / bandwidth has passed since its turn came.
 *
 * A link without latency and with infinite bandwidth copies inside copy().
 *
 * Rejected: sharing the link between transfers (the scheduler plans links as queues, and one
 * transfer at a time has the same throughput).
 */
#include <linux/dma-fence.h>
#include <linux/highmem.h>
#include <linux/sched.h>
#include <weft/compat.h>

#include "sim.h"

/* How fast a device clears its own memory, MB/s. */
#define CLEAR_BANDWIDTH	200000

#define CLEAR_BLOCK	SZ_64K

static u64 channel_time_locked(struct weft_sim_channel *channel, struct weft_copy *copy)
{
	struct weft_sim_device *device = channel->device;

	lockdep_assert_held(&device->lock);
	if (copy->kind == WEFT_COPY_CLEAR)
		return device->null ? 0 : weft_sim_time(copy->length, CLEAR_BANDWIDTH,
							device->dilation);
	return device->link_latency * device->dilation +
	       weft_sim_time(copy->length, device->bandwidth[copy->kind], device->dilation);
}

static int stopped(struct weft_sim_device *device)
{
	return READ_ONCE(device->gone) ? -ENODEV : READ_ONCE(device->halted);
}

static int clear_bytes(struct weft_sim_device *device, u64 offset, u64 length)
{
	u64 step;
	int ret;

	for (; length; offset += step, length -= step) {
		ret = stopped(device);
		if (ret)
			return ret;
		step = min_t(u64, length, CLEAR_BLOCK);
		memset(device->memory.bytes + offset, 0, step);
		cond_resched();
	}
	return 0;
}

static int move_bytes(struct weft_sim_device *device, struct weft_copy *copy)
{
	u8 *bytes = device->memory.bytes + copy->offset;
	size_t start = copy->page_offset;
	struct page **page = copy->pages;
	u64 left, step;
	int ret;

	if (copy->kind == WEFT_COPY_CLEAR)
		return clear_bytes(device, copy->offset, copy->length);
	for (left = copy->length; left; left -= step, bytes += step, page++, start = 0) {
		ret = stopped(device);
		if (ret)
			return ret;
		step = min_t(u64, left, PAGE_SIZE - start);
		if (copy->kind == WEFT_COPY_TO_DEVICE)
			memcpy_from_page(bytes, *page, start, step);
		else
			memcpy_to_page(*page, start, bytes, step);
		cond_resched();
	}
	return 0;
}

static void copy_finish(struct weft_sim_device *device, struct weft_copy *copy, int error)
{
	struct weft_sim_stats *stats = &device->directory->stats;

	if (!error) {
		atomic64_inc(&stats->copies);
		atomic64_add(copy->length, &stats->bytes);
	}
	weft_copy_complete(copy, error);
}

static void channel_start_locked(struct weft_sim_channel *channel)
{
	struct weft_copy *copy = list_first_entry_or_null(&channel->queue, struct weft_copy, node);

	lockdep_assert_held(&channel->device->lock);
	if (!copy)
		return;
	list_del_init(&copy->node);
	channel->copy = copy;
	channel->moving = true;
	channel->due = ktime_add_ns(ktime_get(), channel_time_locked(channel, copy));
	queue_work(weft_sim_wq, &channel->work);
}

/* Takes the copy off the channel, which goes on; the caller completes it. */
static struct weft_copy *channel_end_locked(struct weft_sim_channel *channel)
{
	struct weft_copy *copy = channel->copy;

	lockdep_assert_held(&channel->device->lock);
	channel->copy = NULL;
	channel->device->finishing++;
	channel_start_locked(channel);
	return copy;
}

static void channel_finish(struct weft_sim_channel *channel, struct weft_copy *copy, int error)
{
	struct weft_sim_device *device = channel->device;
	unsigned long flags;

	copy_finish(device, copy, error);
	spin_lock_irqsave(&device->lock, flags);
	device->finishing--;
	spin_unlock_irqrestore(&device->lock, flags);
	wake_up_all(&device->quiet);
}

static enum hrtimer_restart channel_timer(struct hrtimer *timer)
{
	struct weft_sim_channel *channel = container_of(timer, struct weft_sim_channel, timer);
	struct weft_sim_device *device = channel->device;
	struct weft_copy *copy = NULL;
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	if (channel->copy && !channel->moving && !ktime_before(ktime_get(), channel->due) &&
	    !(channel->copy->priv[0] & BIT(WEFT_SIM_FAULT_COPY_HANG)))
		copy = channel_end_locked(channel);
	spin_unlock_irqrestore(&device->lock, flags);
	if (copy)
		channel_finish(channel, copy, 0);
	return HRTIMER_NORESTART;
}

static void channel_work(struct work_struct *work)
{
	struct weft_sim_channel *channel = container_of(work, struct weft_sim_channel, work);
	struct weft_sim_device *device = channel->device;
	struct weft_copy *copy = channel->copy;
	bool hangs = copy->priv[0] & BIT(WEFT_SIM_FAULT_COPY_HANG);
	bool ends = true, cookie;
	unsigned long flags;
	int error = 0;

	/* of an early job, perhaps */
	cookie = dma_fence_begin_signalling();
	if (!hangs)
		error = copy->priv[0] ? -EIO : move_bytes(device, copy);

	spin_lock_irqsave(&device->lock, flags);
	channel->moving = false;
	error = error ?: stopped(device);
	if (!error && hangs) {
		ends = false;
	} else if (!error) {
		ktime_t now = ktime_get();

		ends = !ktime_before(now, channel->due);
		if (!ends)
			hrtimer_start(&channel->timer, channel->due, HRTIMER_MODE_ABS_SOFT);
		else if (ktime_after(now, channel->due))
			atomic64_inc(&device->directory->stats.late_copies);
	}
	if (ends)
		channel_end_locked(channel);
	spin_unlock_irqrestore(&device->lock, flags);
	if (ends)
		channel_finish(channel, copy, error);
	dma_fence_end_signalling(cookie);
}

/*
 * Ends every copy with @error, except those whose bytes are being moved: they see that the device
 * is stopped and end by themselves; wait for @quiet.
 */
void weft_sim_channels_stop(struct weft_sim_device *device, int error)
{
	struct weft_sim_channel *channel;
	struct weft_copy *copy, *next;
	unsigned long flags;
	LIST_HEAD(copies);
	u32 i;

	spin_lock_irqsave(&device->lock, flags);
	for (i = 0; i < WEFT_SIM_CHANNELS; i++) {
		channel = &device->channels[i];
		if (channel->copy && !channel->moving) {
			hrtimer_try_to_cancel(&channel->timer);
			list_add_tail(&channel->copy->node, &copies);
			channel->copy = NULL;
		}
		list_splice_tail_init(&channel->queue, &copies);
	}
	spin_unlock_irqrestore(&device->lock, flags);
	list_for_each_entry_safe(copy, next, &copies, node) {
		list_del_init(&copy->node);
		copy_finish(device, copy, error);
	}
}

bool weft_sim_channels_idle_locked(struct weft_sim_device *device)
{
	u32 i;

	lockdep_assert_held(&device->lock);
	for (i = 0; i < WEFT_SIM_CHANNELS; i++) {
		if (device->channels[i].copy)
			return false;
	}
	return !device->finishing;
}

int weft_sim_copy(struct weft_device *wdev, struct weft_copy *copy)
{
	struct weft_sim_device *device = weft_device_priv(wdev);
	struct weft_sim_channel *channel;
	bool now = false;
	unsigned long flags;
	int ret;

	if ((u32)copy->kind >= WEFT_SIM_CHANNELS || copy->offset > device->memory.size ||
	    copy->length > device->memory.size - copy->offset)
		return -EINVAL;
	if (copy->kind != WEFT_COPY_CLEAR && copy->length &&
	    (!copy->pages || copy->page_offset >= PAGE_SIZE))
		return -EINVAL;

	channel = &device->channels[copy->kind];
	copy->priv[0] = weft_sim_fault_pick_copy(&device->directory->faults);
	spin_lock_irqsave(&device->lock, flags);
	ret = stopped(device);
	if (!ret) {
		now = !channel_time_locked(channel, copy) &&
		      !(copy->priv[0] & BIT(WEFT_SIM_FAULT_COPY_HANG));
		if (!now) {
			list_add_tail(&copy->node, &channel->queue);
			if (!channel->copy)
				channel_start_locked(channel);
		}
	}
	spin_unlock_irqrestore(&device->lock, flags);
	if (now)
		copy_finish(device, copy, copy->priv[0] ? -EIO : move_bytes(device, copy));
	return ret;
}

void weft_sim_channels_init(struct weft_sim_device *device)
{
	u32 i;

	for (i = 0; i < WEFT_SIM_CHANNELS; i++) {
		struct weft_sim_channel *channel = &device->channels[i];

		channel->device = device;
		INIT_LIST_HEAD(&channel->queue);
		INIT_WORK(&channel->work, channel_work);
		weft_hrtimer_setup(&channel->timer, channel_timer, CLOCK_MONOTONIC,
				   HRTIMER_MODE_ABS_SOFT);
	}
}

/* The device is idle; what remains is the tail of a work item or timer. */
void weft_sim_channels_fini(struct weft_sim_device *device)
{
	u32 i;

	for (i = 0; i < WEFT_SIM_CHANNELS; i++) {
		cancel_work_sync(&device->channels[i].work);
		hrtimer_cancel(&device->channels[i].timer);
	}
}
