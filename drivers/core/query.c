// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: QUERY
 *
 * One ioctl answers what there is: elements are cut or zero-padded to the caller's stride and the
 * count that exists always comes back, so a caller asks with count 0, allocates and asks again.
 */
#include "core.h"
#include "../interconnect/interconnect.h"
#include "../memory/memory.h"

static void weft_query_pool(struct weft_pool *pool, struct drm_weft_pool_info *info)
{
	u32 i;

	info->features = DRM_WEFT_FEATURE_LATE | DRM_WEFT_FEATURE_EARLY |
			 DRM_WEFT_FEATURE_LEASE;
	info->max_jobs_per_submit = WEFT_MAX_JOBS_PER_SUBMIT;
	info->max_buffers_per_job = WEFT_MAX_BUFFERS;
	info->max_args_size = WEFT_MAX_ARGS;
	info->max_deps_per_job = WEFT_MAX_DEPS;
	info->max_queue_depth = WEFT_MAX_QUEUE_DEPTH;
	info->max_unread_records = WEFT_MAX_UNREAD;
	for (i = 0; i < DRM_WEFT_MAX_DEVICES; i++) {
		if (!pool->devices[i])
			continue;
		info->device_mask |= BIT_ULL(i);
		info->device_count++;
	}
	for (i = 0; i < DRM_WEFT_MAX_REGIONS; i++)
		info->region_count += !!pool->regions[i];
	spin_lock(&pool->lock);
	strscpy(info->policy, weft_sched_policy(&pool->sched), sizeof(info->policy));
	spin_unlock(&pool->lock);
	strscpy(info->name, pool->name, sizeof(info->name));
}

static void weft_query_device(struct weft_device *wdev, struct drm_weft_device_info *info)
{
	const struct weft_device_desc *desc = &wdev->desc;
	struct weft_telemetry t;
	u32 i;

	info->device_class = desc->dev_class;
	info->preempt_level = desc->preempt_level;
	if (desc->caps & WEFT_CAP_SERVED)
		info->flags |= DRM_WEFT_DEVICE_SERVED;
	if (desc->caps & WEFT_CAP_LEASE)
		info->flags |= DRM_WEFT_DEVICE_LEASES;
	for (i = 0; i < desc->engine_count; i++) {
		if (desc->engines[i].kind == WEFT_ENGINE_COMPUTE) {
			info->compute_engines++;
			info->compute_credits += desc->engines[i].credits;
		} else {
			info->copy_engines++;
		}
	}
	spin_lock(&wdev->pool->lock);
	info->id = wdev->sched.id;
	info->region = wdev->sched.region;
	info->host_region = wdev->sched.host_region;
	info->price = wdev->sched.price;
	info->busy_ns = wdev->sched.busy_ns;
	info->health = wdev->health.state;
	info->health_reason = wdev->health.reason;
	info->lease_holder = wdev->leases.client;
	info->lease_tenant = wdev->leases.tenant;
	spin_unlock(&wdev->pool->lock);
	info->jobs_done = atomic64_read(&wdev->jobs_done);
	info->jobs_failed = atomic64_read(&wdev->jobs_failed);
	info->errors = atomic64_read(&wdev->health.errors);
	info->timeouts = atomic64_read(&wdev->health.timeouts);
	info->slow_runs = atomic64_read(&wdev->health.slow_runs);
	info->resets = atomic64_read(&wdev->resets);
	info->resets_failed = atomic64_read(&wdev->health.resets_failed);
	info->leases = atomic64_read(&wdev->leases.granted);
	info->leases_revoked = atomic64_read(&wdev->leases.revoked);
	if (!weft_telemetry_read(wdev, &t) && (t.valid & WEFT_TELEMETRY_LATE))
		info->late_ns = t.late_ns;
	for (i = 0; i < WEFT_MAX_ISAS && desc->isas[i]; i++) {
		strscpy(info->isas[i], desc->isas[i], sizeof(info->isas[i]));
		info->isa_count++;
	}
	strscpy(info->name, dev_name(&wdev->dev), sizeof(info->name));
	strscpy(info->vendor, desc->vendor, sizeof(info->vendor));
	strscpy(info->model, desc->model, sizeof(info->model));
}

static void weft_query_client(struct weft_client *client, struct drm_weft_client_info *info)
{
	struct weft_pool *pool = client->pool;

	spin_lock(&pool->lock);
	info->id = client->sched.id;
	info->tenant = client->account->sched.id;
	info->weight = client->account->sched.weight;
	info->busy_ns = client->sched.busy_ns;
	info->priced = client->sched.priced;
	info->tenant_priced = client->account->sched.priced;
	spin_unlock(&pool->lock);
	info->jobs_submitted = atomic64_read(&client->jobs_submitted);
	info->jobs_completed = atomic64_read(&client->jobs_completed);
	info->jobs_failed = atomic64_read(&client->jobs_failed);
	info->memory = atomic64_read(&client->memory);
	info->unread_records = atomic_read(&client->unread);
	strscpy(info->tenant_name, weft_account_name(client->account), sizeof(info->tenant_name));
}

union weft_query_element {
	struct drm_weft_pool_info pool;
	struct drm_weft_device_info device;
	struct drm_weft_region_info region;
	struct drm_weft_link_info link;
	struct drm_weft_client_info client;
};

/* Element number @n of @topic; false beyond the last. @link is the walk's position. */
static bool weft_query_get(struct weft_client *client, u32 topic, u32 n, u32 *slot,
			   struct weft_link **link, union weft_query_element *e, size_t *size)
{
	struct weft_pool *pool = client->pool;

	memset(e, 0, sizeof(*e));
	switch (topic) {
	case DRM_WEFT_QUERY_POOL:
		*size = sizeof(e->pool);
		if (n)
			return false;
		weft_query_pool(pool, &e->pool);
		return true;
	case DRM_WEFT_QUERY_CLIENT:
		*size = sizeof(e->client);
		if (n)
			return false;
		weft_query_client(client, &e->client);
		return true;
	case DRM_WEFT_QUERY_DEVICES:
		*size = sizeof(e->device);
		while (*slot < DRM_WEFT_MAX_DEVICES && !pool->devices[*slot])
			(*slot)++;
		if (*slot == DRM_WEFT_MAX_DEVICES)
			return false;
		weft_query_device(pool->devices[(*slot)++], &e->device);
		return true;
	case DRM_WEFT_QUERY_REGIONS:
		*size = sizeof(e->region);
		while (*slot < DRM_WEFT_MAX_REGIONS && !pool->regions[*slot])
			(*slot)++;
		if (*slot == DRM_WEFT_MAX_REGIONS)
			return false;
		weft_region_info(pool->regions[(*slot)++], &e->region);
		return true;
	default:
		*size = sizeof(e->link);
		*link = n ? list_entry((*link)->node.next, struct weft_link, node) :
			    list_first_entry(&pool->links, struct weft_link, node);
		if (&(*link)->node == &pool->links)
			return false;
		weft_link_info(*link, &e->link);
		return true;
	}
}

int weft_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_query *args = data;
	struct weft_link *link = NULL;
	union weft_query_element e;
	u32 n, slot = 0;
	size_t size;
	int ret = 0;

	if (args->topic > DRM_WEFT_QUERY_CLIENT || args->flags || !args->stride ||
	    args->stride > 4096 || args->stride % 8)
		return -EINVAL;

	/* user memory may be a mapping of ours, whose faults do not take the topology lock */
	down_read(&client->pool->topology);
	for (n = 0; weft_query_get(client, args->topic, n, &slot, &link, &e, &size); n++) {
		if (n >= args->count)
			continue;
		ret = weft_copy_element(args->data, n, args->stride, &e, size);
		if (ret)
			break;
	}
	up_read(&client->pool->topology);
	if (!ret)
		args->count = n;
	return ret;
}
