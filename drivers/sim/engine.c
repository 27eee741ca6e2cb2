// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: simulated engines
 *
 * An engine has as many slots as credits. A run takes a slot (or waits in the engine's queue),
 * its kernel is computed by a work item, and a timer ends it when its modelled time has passed:
 *
 *   IDLE -> COMPUTING -> WAITING -> IDLE
 *
 * A computation that takes longer than the model ends at once and is counted as late. Runs
 * without anything to compute start in WAITING; faults add HELD and HUNG. A slot that computes
 * belongs to its work item: others only set @stop and wait. Everything else is decided under the
 * device's lock, and a timer that fires for an earlier run of the slot is told from the right
 * one by the time at which it is due.
 *
 * The core is called without the device's lock, because it answers a completion with the next
 * run(). Completions under way are on the list @endings, so that abort() can wait for one.
 *
 * The null device (every speed infinite) completes a NOP inside run() and takes no lock: the core
 * holds its engine lock around run(), so nobody can abort such a run meanwhile.
 *
 * Rejected: high-priority workers (a simulated device would take the CPU from the very host code
 * whose behaviour is being observed); one timer armed at run() (it would race with the
 * computation for the end of the run).
 */
#include <linux/dma-fence.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <weft/compat.h>

#include "sim.h"

/* A run that is held back to come out of order is let go after this time at the latest. */
#define HOLD_NS		(50 * NSEC_PER_MSEC)

/* What a broken device writes after an abort, and when. */
#define LATE_WRITE_BYTE	0x5a
#define LATE_WRITE_MS	10

/* A completion that is being delivered to the core. */
struct weft_sim_ending {
	struct list_head node;
	struct weft_run *run;
	int error;
	u32 code;
	u64 busy_ns;
};

/* A write that a broken device still makes after it was told to stop. */
struct weft_sim_late_write {
	struct list_head node;
	struct delayed_work work;
	struct weft_sim_device *device;
	u64 offset;
	u64 length;
};

/* The pace of a slot's computation. */
struct slot_pace {
	struct weft_sim_pace pace;
	struct weft_sim_slot *slot;
};

static int slot_poll(struct weft_sim_pace *pace)
{
	cond_resched();
	return READ_ONCE(container_of(pace, struct slot_pace, pace)->slot->stop);
}

static void active_add_locked(struct weft_sim_device *device, int slots)
{
	weft_sim_sensors_settle_locked(device);
	device->active += slots;
}

static void slot_wait_locked(struct weft_sim_slot *slot, enum weft_sim_slot_state state,
			     ktime_t due)
{
	lockdep_assert_held(&slot->engine->device->lock);
	slot->state = state;
	slot->due = due;
	hrtimer_start(&slot->timer, due, HRTIMER_MODE_ABS_SOFT);
}

/* Gives the next idle slot of @engine to @run. */
static void engine_start_locked(struct weft_sim_engine *engine, struct weft_run *run)
{
	struct weft_sim_device *device = engine->device;
	struct weft_sim_slot *slot;
	const u32 *ops = run->image->priv;
	u32 faults, slow, op = ops[run->kernel];

	lockdep_assert_held(&device->lock);
	slot = list_first_entry(&engine->idle, struct weft_sim_slot, node);
	list_del(&slot->node);
	active_add_locked(device, 1);
	slot->run = run;
	slot->start = device->active_since;
	slot->stop = false;
	slot->late = false;

	faults = weft_sim_fault_pick_run(&device->directory->faults, &slow);
	slot->reorder = faults & BIT(WEFT_SIM_FAULT_WRONG_ORDER);
	slot->code = weft_sim_launch_prepare(&slot->launch, &device->memory, op, run->args,
					     run->args_size);
	slot->model_ns = 0;
	if (!slot->code) {
		slot->model_ns = weft_sim_time(slot->launch.work, device->speed[op],
					       (u64)device->dilation * slow);
		if (faults & BIT(WEFT_SIM_FAULT_ERROR))
			slot->code = WEFT_SIM_ERR_INJECTED;
	}
	slot->error = slot->code ? -EIO : 0;
	slot->busy_ns = slot->model_ns;

	if (faults & BIT(WEFT_SIM_FAULT_VANISH) && !device->draining) {
		slot->state = WEFT_SIM_SLOT_HUNG;
		weft_sim_device_vanish_locked(device);
	} else if (faults & BIT(WEFT_SIM_FAULT_HANG)) {
		slot->state = WEFT_SIM_SLOT_HUNG;
	} else if (slot->error || op == WEFT_SIM_OP_NOP) {
		slot_wait_locked(slot, WEFT_SIM_SLOT_WAITING,
				 ktime_add_ns(slot->start, slot->model_ns));
	} else {
		slot->state = WEFT_SIM_SLOT_COMPUTING;
		slot->due = ktime_add_ns(slot->start, slot->model_ns);
		queue_work(weft_sim_wq, &slot->work);
	}
}

/* The slot is free; the engine's queue goes on. */
static void slot_release_locked(struct weft_sim_slot *slot)
{
	struct weft_sim_engine *engine = slot->engine;
	struct weft_sim_device *device = engine->device;
	struct weft_run *next;

	lockdep_assert_held(&device->lock);
	if (device->held == slot)
		device->held = NULL;
	slot->run = NULL;
	slot->state = WEFT_SIM_SLOT_IDLE;
	list_add(&slot->node, &engine->idle);
	active_add_locked(device, -1);

	next = list_first_entry_or_null(&engine->queue, struct weft_run, node);
	if (next && !device->gone) {
		list_del_init(&next->node);
		engine_start_locked(engine, next);
	}
}

static void slot_end_locked(struct weft_sim_slot *slot, struct weft_sim_ending *ending)
{
	struct weft_sim_device *device = slot->engine->device;
	struct weft_sim_stats *stats = &device->directory->stats;

	lockdep_assert_held(&device->lock);
	ending->run = slot->run;
	ending->error = slot->error;
	ending->code = slot->code;
	ending->busy_ns = slot->busy_ns;
	list_add(&ending->node, &device->endings);
	atomic64_inc(&stats->runs);
	atomic64_add(slot->busy_ns, &stats->busy_ns);
	if (slot->late) {
		atomic64_inc(&stats->late_runs);
		atomic64_add(slot->busy_ns - slot->model_ns, &stats->late_ns);
	}
	slot_release_locked(slot);
}

/*
 * Ends the slot's run if it is due, and after it the one that was held back to come out of order.
 * Fills @endings and returns how many there are.
 */
static unsigned int slot_due_locked(struct weft_sim_slot *slot, struct weft_sim_ending endings[2])
{
	struct weft_sim_device *device = slot->engine->device;
	struct weft_sim_slot *held;
	unsigned int count = 0;

	lockdep_assert_held(&device->lock);
	if (slot->state != WEFT_SIM_SLOT_WAITING && slot->state != WEFT_SIM_SLOT_HELD)
		return 0;
	if (device->gone || ktime_before(ktime_get(), slot->due))
		return 0;
	if (slot->state == WEFT_SIM_SLOT_WAITING && slot->reorder && !device->held) {
		device->held = slot;
		slot_wait_locked(slot, WEFT_SIM_SLOT_HELD, ktime_add_ns(ktime_get(), HOLD_NS));
		return 0;
	}
	slot_end_locked(slot, &endings[count++]);
	held = device->held;
	if (held) {
		hrtimer_try_to_cancel(&held->timer);
		slot_end_locked(held, &endings[count++]);
	}
	return count;
}

static void endings_deliver(struct weft_sim_device *device, struct weft_sim_ending *endings,
			    unsigned int count)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < count; i++) {
		weft_run_complete(endings[i].run, endings[i].error, endings[i].code,
				  endings[i].busy_ns);
		spin_lock_irqsave(&device->lock, flags);
		list_del(&endings[i].node);
		spin_unlock_irqrestore(&device->lock, flags);
	}
	wake_up_all(&device->quiet);
}

static enum hrtimer_restart slot_timer(struct hrtimer *timer)
{
	struct weft_sim_slot *slot = container_of(timer, struct weft_sim_slot, timer);
	struct weft_sim_device *device = slot->engine->device;
	struct weft_sim_ending endings[2];
	unsigned long flags;
	unsigned int count;

	spin_lock_irqsave(&device->lock, flags);
	count = slot_due_locked(slot, endings);
	spin_unlock_irqrestore(&device->lock, flags);
	endings_deliver(device, endings, count);
	return HRTIMER_NORESTART;
}

static void slot_work(struct work_struct *work)
{
	struct weft_sim_slot *slot = container_of(work, struct weft_sim_slot, work);
	struct weft_sim_device *device = slot->engine->device;
	struct slot_pace pace = { .pace = { .poll = slot_poll }, .slot = slot };
	struct weft_sim_ending endings[2];
	unsigned int count = 0;
	unsigned long flags;
	bool modelled, cookie;
	ktime_t now;

	/* early jobs wait for what is computed here */
	cookie = dma_fence_begin_signalling();
	weft_sim_launch_compute(&slot->launch, &device->memory, &pace.pace);

	spin_lock_irqsave(&device->lock, flags);
	modelled = device->speed[slot->launch.op] != WEFT_SIM_INF;
	now = ktime_get();
	if (slot->stop || device->gone) {
		slot_release_locked(slot);
	} else if (ktime_before(now, slot->due)) {
		slot_wait_locked(slot, WEFT_SIM_SLOT_WAITING, slot->due);
	} else {
		slot->state = WEFT_SIM_SLOT_WAITING;
		slot->busy_ns = ktime_to_ns(ktime_sub(now, slot->start));
		slot->late = modelled && slot->busy_ns > slot->model_ns;
		count = slot_due_locked(slot, endings);
	}
	spin_unlock_irqrestore(&device->lock, flags);
	endings_deliver(device, endings, count);
	dma_fence_end_signalling(cookie);
}

/* The run is forgotten; a computation only when its work item sees it. */
static void slot_stop_locked(struct weft_sim_slot *slot)
{
	lockdep_assert_held(&slot->engine->device->lock);
	switch (slot->state) {
	case WEFT_SIM_SLOT_IDLE:
		break;
	case WEFT_SIM_SLOT_COMPUTING:
		WRITE_ONCE(slot->stop, true);
		break;
	default:
		/* a callback that is already running finds another state or an earlier time */
		hrtimer_try_to_cancel(&slot->timer);
		slot_release_locked(slot);
	}
}

/* Forgets every run. Computations still have to notice: wait for @quiet. */
void weft_sim_engines_stop_locked(struct weft_sim_device *device)
{
	struct weft_run *run, *next;
	u32 i, j;

	lockdep_assert_held(&device->lock);
	for (i = 0; i < device->engine_count; i++) {
		list_for_each_entry_safe(run, next, &device->engines[i].queue, node)
			list_del_init(&run->node);
		for (j = 0; j < device->engines[i].slot_count; j++)
			slot_stop_locked(&device->engines[i].slots[j]);
	}
}

bool weft_sim_engines_idle_locked(struct weft_sim_device *device)
{
	lockdep_assert_held(&device->lock);
	return !device->active && list_empty(&device->endings);
}

int weft_sim_run(struct weft_device *wdev, struct weft_run *run)
{
	struct weft_sim_device *device = weft_device_priv(wdev);
	struct weft_sim_directory *dir = device->directory;
	const u32 *ops = run->image->priv;
	struct weft_sim_engine *engine;
	unsigned long flags;
	int ret = 0;

	if (run->engine >= device->engine_count || run->kernel >= run->image->kernel_count)
		return -EINVAL;
	if (device->null && ops[run->kernel] == WEFT_SIM_OP_NOP &&
	    !READ_ONCE(dir->faults.armed) && !READ_ONCE(device->gone)) {
		atomic64_inc(&dir->stats.runs);
		weft_run_complete(run, 0, 0, 0);
		return 0;
	}

	engine = &device->engines[run->engine];
	spin_lock_irqsave(&device->lock, flags);
	if (device->gone || device->halted)
		ret = -ENODEV;
	else if (list_empty(&engine->idle))
		list_add_tail(&run->node, &engine->queue);
	else
		engine_start_locked(engine, run);
	spin_unlock_irqrestore(&device->lock, flags);
	return ret;
}

static struct weft_sim_slot *slot_find_locked(struct weft_sim_engine *engine, struct weft_run *run)
{
	u32 i;

	lockdep_assert_held(&engine->device->lock);
	for (i = 0; i < engine->slot_count; i++) {
		if (engine->slots[i].run == run)
			return &engine->slots[i];
	}
	return NULL;
}

/* Neither on a slot nor being completed. */
static bool run_is_gone(struct weft_sim_engine *engine, struct weft_run *run)
{
	struct weft_sim_device *device = engine->device;
	struct weft_sim_ending *ending;
	unsigned long flags;
	bool gone;

	spin_lock_irqsave(&device->lock, flags);
	gone = !slot_find_locked(engine, run);
	list_for_each_entry(ending, &device->endings, node)
		gone &= ending->run != run;
	spin_unlock_irqrestore(&device->lock, flags);
	return gone;
}

static void late_write_work(struct work_struct *work)
{
	struct weft_sim_late_write *write =
		container_of(to_delayed_work(work), struct weft_sim_late_write, work);

	memset(write->device->memory.bytes + write->offset, LATE_WRITE_BYTE, write->length);
}

/* Kept until the next reset or the end of the device, so that both can cancel it. */
static void late_write_add(struct weft_sim_device *device, u64 offset, u64 length)
{
	/* from abort(), for which early jobs wait */
	struct weft_sim_late_write *write = kzalloc(sizeof(*write), GFP_NOWAIT);
	unsigned long flags;

	if (!write)
		return;
	write->device = device;
	write->offset = offset;
	write->length = length;
	INIT_DELAYED_WORK(&write->work, late_write_work);
	spin_lock_irqsave(&device->lock, flags);
	list_add(&write->node, &device->late_writes);
	spin_unlock_irqrestore(&device->lock, flags);
	queue_delayed_work(weft_sim_wq, &write->work, msecs_to_jiffies(LATE_WRITE_MS));
}

void weft_sim_late_writes_cancel(struct weft_sim_device *device)
{
	struct weft_sim_late_write *write, *next;
	unsigned long flags;
	LIST_HEAD(writes);

	spin_lock_irqsave(&device->lock, flags);
	list_splice_init(&device->late_writes, &writes);
	spin_unlock_irqrestore(&device->lock, flags);
	list_for_each_entry_safe(write, next, &writes, node) {
		cancel_delayed_work_sync(&write->work);
		kfree(write);
	}
}

int weft_sim_abort(struct weft_device *wdev, struct weft_run *run)
{
	struct weft_sim_device *device = weft_device_priv(wdev);
	struct weft_sim_engine *engine = &device->engines[run->engine];
	struct weft_sim_faults *faults = &device->directory->faults;
	u64 out_offset = 0, out_length = 0;
	struct weft_sim_slot *slot;
	struct weft_run *queued;
	unsigned long flags;
	bool fails;

	fails = weft_sim_fault_take(faults, WEFT_SIM_FAULT_ABORT_FAILS);
	spin_lock_irqsave(&device->lock, flags);
	slot = slot_find_locked(engine, run);
	if (slot) {
		out_offset = slot->launch.out_offset;
		out_length = slot->launch.out_length;
	}
	if (slot && !fails)
		slot_stop_locked(slot);
	if (!fails) {
		list_for_each_entry(queued, &engine->queue, node) {
			if (queued == run) {
				list_del_init(&queued->node);
				break;
			}
		}
	}
	spin_unlock_irqrestore(&device->lock, flags);

	if (out_length && weft_sim_fault_take(faults, WEFT_SIM_FAULT_WRITE_AFTER_ABORT))
		late_write_add(device, out_offset, out_length);
	if (fails)
		return -EBUSY;
	wait_event(device->quiet, run_is_gone(engine, run));
	return 0;
}

int weft_sim_engines_init(struct weft_sim_device *device, u32 credits)
{
	struct weft_sim_engine *engine;
	u32 i, j;

	INIT_LIST_HEAD(&device->endings);
	INIT_LIST_HEAD(&device->late_writes);
	device->active_since = ktime_get();
	for (i = 0; i < device->engine_count; i++) {
		engine = &device->engines[i];
		engine->device = device;
		INIT_LIST_HEAD(&engine->queue);
		INIT_LIST_HEAD(&engine->idle);
		engine->slots = kcalloc(credits, sizeof(*engine->slots), GFP_KERNEL);
		if (!engine->slots) {
			weft_sim_engines_fini(device);
			return -ENOMEM;
		}
		engine->slot_count = credits;
		device->slot_total += credits;
		for (j = 0; j < credits; j++) {
			struct weft_sim_slot *slot = &engine->slots[j];

			slot->engine = engine;
			list_add_tail(&slot->node, &engine->idle);
			INIT_WORK(&slot->work, slot_work);
			weft_hrtimer_setup(&slot->timer, slot_timer, CLOCK_MONOTONIC,
					   HRTIMER_MODE_ABS_SOFT);
		}
	}
	return 0;
}

/* The device is idle; what remains is the tail of a work item or timer. */
void weft_sim_engines_fini(struct weft_sim_device *device)
{
	struct weft_sim_engine *engine;
	u32 i, j;

	weft_sim_late_writes_cancel(device);
	for (i = 0; i < device->engine_count; i++) {
		engine = &device->engines[i];
		for (j = 0; j < engine->slot_count; j++) {
			cancel_work_sync(&engine->slots[j].work);
			hrtimer_cancel(&engine->slots[j].timer);
		}
		kfree(engine->slots);
	}
}
