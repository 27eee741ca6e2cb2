// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bucket of health_policy.h. No lock, no clock: the caller has both.
 */
#include "health_policy.h"

#define POINT		1000ull			/* @level's unit */
#define LEAK_NS		60000000ull		/* ns in which leak 1 lets 1/1000 point out */
#define GOOD_RUN	(POINT / 16)		/* what a run that ends well lets out */

static const u64 bucket_points[] = {
	[WEFT_BLAME_SLOW] = 1 * POINT,
	[WEFT_BLAME_ERROR] = 2 * POINT,
	[WEFT_BLAME_TIMEOUT] = 4 * POINT,
	[WEFT_BLAME_RESET] = 8 * POINT,
};

static void bucket_drop(struct weft_bucket *b, u64 amount)
{
	b->level -= min(amount, b->level);
	if (!b->level) {
		b->many = false;
		b->works = false;
	}
}

static void bucket_leak(struct weft_bucket *b, const struct weft_health_limits *limits, u64 now)
{
	u64 full, amount;

	if (!b->level || !limits->leak || now <= b->time) {
		if (now > b->time)
			b->time = now;
		return;
	}
	/* level <= 10^9 and leak <= 10^6, so neither product can overflow */
	full = div64_u64(b->level * LEAK_NS, limits->leak);
	if (now - b->time > full) {
		bucket_drop(b, b->level);
		b->time = now;
		return;
	}
	/* what is less than a unit leaks next time */
	amount = div64_u64((now - b->time) * limits->leak, LEAK_NS);
	b->time += div64_u64(amount * LEAK_NS, limits->leak);
	bucket_drop(b, amount);
}

static u32 bucket_settle(struct weft_bucket *b, const struct weft_health_limits *limits)
{
	u64 degrade = limits->degrade_at * POINT;

	if (limits->quarantine_at && b->level >= limits->quarantine_at * POINT)
		b->health = DRM_WEFT_HEALTH_QUARANTINED;
	else if (b->health == DRM_WEFT_HEALTH_QUARANTINED)
		return b->health;
	else if (limits->drain_at && b->level >= limits->drain_at * POINT)
		b->health = DRM_WEFT_HEALTH_DRAINING;
	else if (b->health == DRM_WEFT_HEALTH_DRAINING)
		return b->health;
	else if (b->level >= degrade)
		b->health = DRM_WEFT_HEALTH_DEGRADED;
	else if (b->level <= degrade / 2)
		b->health = DRM_WEFT_HEALTH_OK;
	return b->health;
}

u32 weft_bucket_fault(struct weft_bucket *b, const struct weft_health_limits *limits,
		      enum weft_blame fault, u32 tenant, u64 now)
{
	u64 room = WEFT_HEALTH_MAX * POINT - 1, least = U64_MAX;

	bucket_leak(b, limits, now);
	if (!b->level)
		b->tenant = tenant;
	else if (b->tenant != tenant)
		b->many = true;

	if (fault == WEFT_BLAME_SLOW || (b->works && !b->many)) {
		if (limits->drain_at)
			least = limits->drain_at * POINT;
		if (limits->quarantine_at)
			least = min(least, limits->quarantine_at * POINT);
		room = min(room, least - 1);
	}
	if (b->level < room)
		b->level = min(b->level + bucket_points[fault], room);
	return bucket_settle(b, limits);
}

u32 weft_bucket_good(struct weft_bucket *b, const struct weft_health_limits *limits, u32 tenant,
		     u64 now)
{
	if (!b->level)
		return b->health;
	if (tenant != b->tenant)
		b->works = true;
	bucket_leak(b, limits, now);
	bucket_drop(b, GOOD_RUN);
	return bucket_settle(b, limits);
}

u32 weft_bucket_look(struct weft_bucket *b, const struct weft_health_limits *limits, u64 now)
{
	bucket_leak(b, limits, now);
	return bucket_settle(b, limits);
}

void weft_bucket_empty(struct weft_bucket *b)
{
	b->level = 0;
	b->many = false;
	b->works = false;
	b->health = DRM_WEFT_HEALTH_OK;
}

u64 weft_bucket_due(const struct weft_bucket *b, const struct weft_health_limits *limits)
{
	u64 above = b->level - min(b->level, limits->degrade_at * POINT / 2);

	if (b->health != DRM_WEFT_HEALTH_DEGRADED || !limits->leak)
		return 0;
	return div64_u64((above + 1) * LEAK_NS, limits->leak) + 1;
}
