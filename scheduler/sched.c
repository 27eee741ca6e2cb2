// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler's objects: itself, tenants, clients, devices, data.
 *
 * DOC: scheduler objects
 *
 * Adding, changing and removing what jobs refer to. Each call checks its input, logs it if it is
 * accepted, and changes state; a call that is refused leaves no trace.
 *
 * Rejected: reference counts in here (the caller knows the lifetimes and would have to keep
 * a second count beside ours).
 */
#include "internal.h"

int weft_sched_init(struct weft_sched *s, const struct weft_sched_ops *ops, const char *policy,
		    struct weft_sched_est *est, u32 est_count, u64 now)
{
	const struct weft_policy *p = weft_policy_find(policy);

	if (!p || est_count < 64 || (est_count & (est_count - 1)))
		return -EINVAL;
	memset(s, 0, sizeof(*s));
	memset(est, 0, est_count * sizeof(*est));
	s->ops = ops;
	s->policy = p;
	s->est = est;
	s->est_count = est_count;
	INIT_LIST_HEAD(&s->denied);
	INIT_LIST_HEAD(&s->doomed);
	INIT_LIST_HEAD(&s->parked);
	INIT_LIST_HEAD(&s->pending);
	weft_log_init(s, now);
	return 0;
}

const char *weft_sched_policy(const struct weft_sched *s)
{
	return s->policy->name;
}

int weft_sched_policy_set(struct weft_sched *s, const char *name, u64 now)
{
	const struct weft_policy *p = weft_policy_find(name);

	if (!p)
		return -EINVAL;
	s->policy = p;
	weft_plan_stale(s);
	weft_log_policy(s, now);
	return 0;
}

/* ----------------------------------------------------------------- tenants */

static bool weft_weight_valid(u32 weight)
{
	return weight >= WEFT_WEIGHT_MIN && weight <= WEFT_WEIGHT_MAX;
}

int weft_sched_tenant_add(struct weft_sched *s, struct weft_sched_tenant *t, u64 now)
{
	if (!weft_weight_valid(t->weight))
		return -EINVAL;
	weft_log(s, now, WEFT_REC_TENANT_ADD, t->id, 0, 0, t->weight, 0, 0, 0);
	weft_fair_tenant_init(s, t);
	return 0;
}

int weft_sched_tenant_set(struct weft_sched *s, struct weft_sched_tenant *t, u32 weight, u64 now)
{
	if (!weft_weight_valid(weight))
		return -EINVAL;
	weft_log(s, now, WEFT_REC_TENANT_SET, t->id, 0, 0, weight, 0, 0, 0);
	weft_fair_tenant_set(t, weight);
	return 0;
}

int weft_sched_tenant_remove(struct weft_sched *s, struct weft_sched_tenant *t, u64 now)
{
	if (t->client_count)
		return -EBUSY;
	weft_log(s, now, WEFT_REC_TENANT_REMOVE, t->id, 0, 0, 0, 0, 0, 0);
	return 0;
}

int weft_sched_client_add(struct weft_sched *s, struct weft_sched_client *c, u64 now)
{
	if (!c->tenant)
		return -EINVAL;
	weft_log(s, now, WEFT_REC_CLIENT_ADD, c->id, 0, 0, c->tenant->id, 0, 0, 0);
	weft_fair_client_init(c);
	c->tenant->client_count++;
	return 0;
}

int weft_sched_client_remove(struct weft_sched *s, struct weft_sched_client *c, u64 now)
{
	if (c->job_count)
		return -EBUSY;
	weft_log(s, now, WEFT_REC_CLIENT_REMOVE, c->id, 0, 0, 0, 0, 0, 0);
	c->tenant->client_count--;
	return 0;
}

/* ----------------------------------------------------------------- devices */

static bool weft_device_valid(const struct weft_sched_device *d)
{
	return d->credits >= 1 && d->credits <= WEFT_SCHED_CREDITS_MAX &&
	       d->depth >= 1 && d->depth <= WEFT_SCHED_DEPTH_MAX &&
	       d->price >= 1 && d->price <= WEFT_SCHED_PRICE_MAX &&
	       d->down.bandwidth && d->up.bandwidth;
}

/* What the pool knows about @d beside @d itself. */
static void weft_device_mirror(struct weft_sched *s, const struct weft_sched_device *d)
{
	u64 left;

	if (d->open)
		s->open |= BIT_ULL(d->id);
	else
		s->open &= ~BIT_ULL(d->id);
	s->places = 0;
	for (left = s->present; left; left &= left - 1) {
		const struct weft_sched_device *o = s->device[__ffs64(left)];

		s->places += o->credits + o->depth;
	}
}

int weft_sched_device_add(struct weft_sched *s, struct weft_sched_device *d, u64 now)
{
	if (d->id >= WEFT_SCHED_MAX_DEVICES || d->region >= WEFT_SCHED_MAX_REGIONS ||
	    d->host_region >= WEFT_SCHED_MAX_REGIONS || !weft_device_valid(d))
		return -EINVAL;
	if (s->device[d->id])
		return -EEXIST;
	weft_log_device(s, d, WEFT_REC_DEVICE_ADD, now);
	d->busy_ns = 0;
	d->outstanding = 0;
	INIT_LIST_HEAD(&d->jobs);
	d->aside = 0;
	INIT_LIST_HEAD(&d->due);
	d->urgent = 0;
	d->down_free = 0;
	d->up_free = 0;
	d->space_seq = 0;
	d->placed = 0;
	d->followers = 0;
	d->ahead = 0;
	s->device[d->id] = d;
	s->present |= BIT_ULL(d->id);
	weft_device_mirror(s, d);
	weft_plan_stale(s);
	return 0;
}

int weft_sched_device_set(struct weft_sched *s, struct weft_sched_device *d,
			  const struct weft_sched_device *to, u64 now)
{
	if (!weft_device_valid(to))
		return -EINVAL;
	d->open = to->open;
	d->price = to->price;
	d->depth = to->depth;
	d->credits = to->credits;
	d->down = to->down;
	d->up = to->up;
	weft_log_device(s, d, WEFT_REC_DEVICE_SET, now);
	weft_device_mirror(s, d);
	weft_plan_stale(s);
	/* An operator's change is a reason to try again what failed for space. */
	weft_place_space_made(s, d);
	return 0;
}

int weft_sched_device_remove(struct weft_sched *s, struct weft_sched_device *d, u64 now)
{
	if (d->outstanding || d->aside)
		return -EBUSY;
	weft_log(s, now, WEFT_REC_DEVICE_REMOVE, d->id, 0, 0, 0, 0, 0, 0);
	s->device[d->id] = NULL;
	s->present &= ~BIT_ULL(d->id);
	s->open &= ~BIT_ULL(d->id);
	s->places -= d->credits + d->depth;
	weft_plan_region_lost(s, d->region);
	return 0;
}

/* -------------------------------------------------------------------- data */

/* Memory of the regions in @regions was freed. */
static void weft_data_freed(struct weft_sched *s, u64 regions)
{
	u64 left;

	for (left = s->present; regions && left; left &= left - 1) {
		struct weft_sched_device *d = s->device[__ffs64(left)];

		if (regions & BIT_ULL(d->region))
			weft_place_space_made(s, d);
	}
}

void weft_sched_data_add(struct weft_sched *s, struct weft_sched_data *d, u64 now)
{
	weft_log(s, now, WEFT_REC_DATA_ADD, d->id, 0, 0, d->bytes, d->valid, 0, 0);
	INIT_LIST_HEAD(&d->writers);
	INIT_LIST_HEAD(&d->readers);
	d->arriving = 0;
	s->data_count++;
	weft_plan_data_add(s, d);
}

void weft_sched_data_set(struct weft_sched *s, struct weft_sched_data *d, u64 valid, u64 now)
{
	weft_log(s, now, WEFT_REC_DATA_SET, d->id, 0, 0, valid, 0, 0, 0);
	weft_data_freed(s, d->valid & ~valid);
	d->valid = valid;
	d->arriving &= ~valid;
	weft_plan_data_moved(s, d);
}

void weft_sched_data_remove(struct weft_sched *s, struct weft_sched_data *d, u64 now)
{
	weft_log(s, now, WEFT_REC_DATA_REMOVE, d->id, 0, 0, 0, 0, 0, 0);
	weft_warn_on(weft_sched_data_busy(d, WEFT_ACCESS_WRITE));
	weft_data_freed(s, d->valid);
	weft_plan_data_del(s, d);
	s->data_count--;
}
