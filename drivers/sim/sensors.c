// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: simulated sensors
 *
 * Power is linear in the credits in use, between power_idle and power_busy, and follows them at
 * once. Energy is its exact integral. The temperature goes from 35 degrees with nothing to do to
 * 75 with every credit in use, and halves its distance to where it goes in HALF_NS. The clock is
 * 1 GHz while anything runs and 300 MHz otherwise. No dilation: these are the operator's seconds.
 *
 * A device that has vanished or is halted answers nothing, like one that fell off its bus.
 *
 * Rejected: noise (a test could not say what is right); a clock that follows the temperature (run
 * times are the model's, and do not).
 */
#include <linux/math64.h>

#include "sim.h"

#define IDLE_UC		35000000	/* u degrees: what short runs add must not be lost */
#define BUSY_UC		40000000	/* above idle, all credits in use */
#define HALF_NS		(2ull * NSEC_PER_SEC)
#define BUSY_HZ		1000000000
#define IDLE_HZ		300000000

/* What is left of @distance after @ns: halved at each HALF_NS, a straight line between. */
static s64 decay(s64 distance, u64 ns)
{
	u64 halves = div64_u64_rem(ns, HALF_NS, &ns);

	if (halves >= 62)
		return 0;
	distance = div64_s64(distance, BIT_ULL(halves));
	return distance - div64_s64(distance * (s64)ns, (s64)(2 * HALF_NS));
}

/* Accounts for the time since the last call; before the number of active slots changes. */
void weft_sim_sensors_settle_locked(struct weft_sim_device *device)
{
	ktime_t now = ktime_get();
	u64 ns = ktime_to_ns(ktime_sub(now, device->active_since));
	s64 goal = div_u64((u64)BUSY_UC * device->active, device->slot_total);

	lockdep_assert_held(&device->lock);
	device->active_ns += device->active * ns;
	device->heat_uc = goal + decay(device->heat_uc - goal, ns);
	device->active_since = now;
}

/* Energy of a device that draws @mw for @ns, uJ: a mW is a uJ per ms. */
static u64 energy_uj(u32 mw, u64 ns)
{
	return mul_u64_u32_div(div_u64(ns, NSEC_PER_USEC), mw, USEC_PER_MSEC);
}

int weft_sim_telemetry(struct weft_device *wdev, struct weft_telemetry *t)
{
	struct weft_sim_device *device = weft_device_priv(wdev);
	struct weft_sim_stats *stats = &device->directory->stats;
	u32 idle = device->power_idle, extra = device->power_busy - idle;
	u64 active_ns, up_ns, active;
	unsigned long flags;
	int error;

	spin_lock_irqsave(&device->lock, flags);
	error = device->gone ? -ENODEV : device->halted;
	weft_sim_sensors_settle_locked(device);
	active = device->active;
	active_ns = device->active_ns;
	up_ns = ktime_to_ns(ktime_sub(device->active_since, device->registered));
	t->temp_mc = div_s64(IDLE_UC + device->heat_uc, 1000);
	spin_unlock_irqrestore(&device->lock, flags);
	if (error)
		return error;

	t->valid = WEFT_TELEMETRY_TEMP | WEFT_TELEMETRY_POWER | WEFT_TELEMETRY_ENERGY |
		   WEFT_TELEMETRY_FREQ | WEFT_TELEMETRY_LATE;
	t->power_uw = 1000ull * idle + div_u64(1000ull * extra * active, device->slot_total);
	t->energy_uj = energy_uj(idle, up_ns) +
		       energy_uj(extra, div_u64(active_ns, device->slot_total));
	t->freq_hz = active ? BUSY_HZ : IDLE_HZ;
	t->late_ns = atomic64_read(&stats->late_ns);
	t->late_jobs = atomic64_read(&stats->late_runs);
	return 0;
}
