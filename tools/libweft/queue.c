// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues.
 *
 * DOC: queue
 */
#include <stdlib.h>

#include "private.h"

#define WEFT_PRIORITY_MAX	7
#define WEFT_PRIORITY_USUAL	3

static void weft_queue_free(struct weft_object *object)
{
	struct weft_queue *queue = (struct weft_queue *)object;
	struct drm_weft_handle destroy = { .handle = queue->handle };

	weft_object_remove(object);
	weft_call(object->pool, DRM_IOCTL_WEFT_QUEUE_DESTROY, &destroy);
	free(queue);
}

static int weft_queue_check(const struct weft *pool, uint32_t priority, uint32_t depth)
{
	if (priority > WEFT_PRIORITY_MAX)
		return weft_fail(EINVAL, "the priority must be 0..%u, not %u", WEFT_PRIORITY_MAX,
				 priority);
	if (depth > pool->info.max_queue_depth)
		return weft_fail(EINVAL, "this pool allows queues of %u jobs, not %u",
				 pool->info.max_queue_depth, depth);
	return 0;
}

int weft_queue_create(struct weft *pool, const struct weft_queue_desc *desc,
		      struct weft_queue **queue)
{
	static const struct weft_queue_desc usual = {
		.service = DRM_WEFT_SERVICE_BATCH,
		.priority = WEFT_PRIORITY_USUAL,
	};
	struct drm_weft_queue_create create = {};
	struct weft_queue *q;
	int ret;

	*queue = NULL;
	if (!desc)
		desc = &usual;
	ret = weft_queue_check(pool, desc->priority, desc->depth);
	if (ret)
		return ret;
	q = calloc(1, sizeof(*q));
	if (!q)
		return weft_fail(ENOMEM, "no memory");
	create.service = desc->service;
	create.flags = desc->flags;
	create.priority = desc->priority;
	create.depth = desc->depth;
	ret = weft_call(pool, DRM_IOCTL_WEFT_QUEUE_CREATE, &create);
	if (ret) {
		free(q);
		return weft_fail_call(ret, DRM_WEFT_QUEUE_CREATE,
				      "creating a queue of service class %u with flags %#x",
				      desc->service, desc->flags);
	}
	q->handle = create.handle;
	weft_object_add(pool, &q->object, weft_queue_free);
	*queue = q;
	return 0;
}

int weft_queue_set(struct weft_queue *queue, uint32_t priority, uint32_t depth)
{
	struct drm_weft_queue_set set = {
		.handle = queue->handle,
		.priority = priority,
		.depth = depth,
	};
	int ret;

	ret = weft_queue_check(queue->object.pool, priority, depth);
	if (ret)
		return ret;
	ret = weft_call(queue->object.pool, DRM_IOCTL_WEFT_QUEUE_SET, &set);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_QUEUE_SET, "changing queue %u", queue->handle);
	return 0;
}

void weft_queue_destroy(struct weft_queue *queue)
{
	if (queue)
		weft_queue_free(&queue->object);
}
