// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: suspend
 *
 * A device that is to sleep leaves as it would for good, only that it stays: closed to new jobs,
 * drained, its memory moved to the host, for memory without power forgets. Jobs that nothing else
 * can run stay READY; those it has begun it ends first. Programs do not notice.
 *
 * Rejected: keeping copies and trusting that memory is refreshed while the device sleeps (the
 * backend cannot promise it for every depth of sleep); unregistering (jobs that only this device
 * can run would fail).
 */
#include <linux/module.h>

#include "core.h"
#include "../memory/memory.h"

static void weft_device_set_suspended(struct weft_device *wdev, bool suspended)
{
	lockdep_assert_held(&wdev->pool_lock);
	spin_lock(&wdev->pool->lock);
	wdev->suspended = suspended;
	weft_device_reopen_locked(wdev);
	spin_unlock(&wdev->pool->lock);
	weft_pump_kick(wdev->pool);
}

void weft_device_suspend(struct weft_device *wdev)
{
	/* it cannot join or leave a pool meanwhile */
	down_read(&wdev->pool_lock);
	if (wdev->pool) {
		weft_device_set_suspended(wdev, true);
		wait_event(wdev->idle, !atomic_read(&wdev->users));
		weft_memory_device_evacuate(wdev, READ_ONCE(wdev->lost));
		wait_event(wdev->idle, !atomic_read(&wdev->users));
	} else {
		/* nobody else looks at it */
		wdev->suspended = true;
	}
	up_read(&wdev->pool_lock);
}
EXPORT_SYMBOL_GPL(weft_device_suspend);

void weft_device_resume(struct weft_device *wdev)
{
	down_read(&wdev->pool_lock);
	if (wdev->pool)
		weft_device_set_suspended(wdev, false);
	else
		wdev->suspended = false;
	up_read(&wdev->pool_lock);
}
EXPORT_SYMBOL_GPL(weft_device_resume);
