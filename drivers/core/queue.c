// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: queues
 *
 * A queue bounds what its client may have in flight and gives its jobs a service class and a
 * priority; order between jobs comes from edges, unless the queue is ORDERED. A SUBMIT that finds
 * the queue full fails with EAGAIN and leaves an event behind, allocated then and sent when half
 * of the queue is free, so that a client sleeps in poll() instead of trying again and again.
 */
#include <linux/slab.h>

#include "core.h"

#define WEFT_MAX_QUEUES		256
#define WEFT_MAX_PRIORITY	7

/** struct weft_queue_event - QUEUE_SPACE in preparation */
struct weft_queue_event {
	struct drm_pending_event base;
	struct drm_weft_event_queue event;
};

static void weft_queue_free(struct kref *ref)
{
	struct weft_queue *queue = container_of(ref, struct weft_queue, ref);

	weft_client_put(queue->client);
	mutex_destroy(&queue->turn);
	kfree(queue);
}

void weft_queue_put(struct weft_queue *queue)
{
	kref_put(&queue->ref, weft_queue_free);
}

struct weft_queue *weft_queue_lookup(struct weft_client *client, u32 handle)
{
	struct weft_queue *queue;

	xa_lock(&client->queues);
	queue = xa_load(&client->queues, handle);
	if (queue)
		kref_get(&queue->ref);
	xa_unlock(&client->queues);
	return queue;
}

int weft_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_queue_create *args = data;
	struct weft_queue *queue;
	u32 handle;
	int ret;

	if (args->flags & ~(DRM_WEFT_QUEUE_ORDERED | DRM_WEFT_QUEUE_EARLY | DRM_WEFT_QUEUE_LEASE) ||
	    (args->flags & DRM_WEFT_QUEUE_EARLY && args->flags & DRM_WEFT_QUEUE_LEASE) ||
	    args->pad || args->service > DRM_WEFT_SERVICE_BEST_EFFORT ||
	    args->priority > WEFT_MAX_PRIORITY || args->depth > WEFT_MAX_QUEUE_DEPTH)
		return -EINVAL;
	if (args->service == DRM_WEFT_SERVICE_REALTIME)
		return -EOPNOTSUPP;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return -ENOMEM;
	kref_init(&queue->ref);
	queue->client = client;
	weft_client_get(client);
	queue->service = args->service;
	queue->flags = args->flags;
	queue->priority = args->priority;
	queue->depth = args->depth ?: WEFT_DEFAULT_DEPTH;
	mutex_init(&queue->turn);
	INIT_LIST_HEAD(&queue->sync_jobs);
	spin_lock_init(&queue->sync_lock);

	ret = xa_alloc(&client->queues, &handle, NULL, XA_LIMIT(1, WEFT_MAX_QUEUES), GFP_KERNEL);
	if (ret) {
		weft_queue_put(queue);
		return ret == -EBUSY ? -ENOSPC : ret;
	}
	queue->handle = handle;
	xa_store(&client->queues, handle, queue, GFP_KERNEL);
	args->handle = handle;
	return 0;
}

int weft_ioctl_queue_set(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_queue_set *args = data;
	struct weft_queue *queue;

	if (args->flags || args->priority > WEFT_MAX_PRIORITY || args->depth > WEFT_MAX_QUEUE_DEPTH)
		return -EINVAL;
	queue = weft_queue_lookup(client, args->handle);
	if (!queue)
		return -ENOENT;
	if (mutex_lock_interruptible(&client->submit_lock)) {
		weft_queue_put(queue);
		return -EINTR;
	}
	queue->priority = args->priority;
	if (args->depth)
		queue->depth = args->depth;
	mutex_unlock(&client->submit_lock);
	weft_queue_put(queue);
	return 0;
}

static void weft_queue_destroy(struct weft_client *client, struct weft_queue *queue)
{
	struct weft_queue_event *event;
	struct weft_job *last;

	/* a SUBMIT that found the queue before it was destroyed must not leave a job in it */
	mutex_lock(&client->submit_lock);
	queue->destroyed = true;
	last = queue->last;
	queue->last = NULL;
	mutex_unlock(&client->submit_lock);
	if (last)
		weft_job_put(last);

	spin_lock(&client->record_lock);
	event = queue->space;
	queue->space = NULL;
	spin_unlock(&client->record_lock);
	if (event)
		drm_event_cancel_free(&client->pool->drm, &event->base);
	weft_queue_put(queue);
}

int weft_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_handle *args = data;
	struct weft_queue *queue;

	if (args->pad)
		return -EINVAL;
	queue = xa_erase(&client->queues, args->handle);
	if (!queue)
		return -ENOENT;
	weft_queue_destroy(client, queue);
	return 0;
}

void weft_queue_destroy_all(struct weft_client *client)
{
	struct weft_queue *queue;
	unsigned long handle;

	xa_for_each(&client->queues, handle, queue) {
		xa_erase(&client->queues, handle);
		weft_queue_destroy(client, queue);
	}
}

/**
 * weft_queue_full() - a SUBMIT was refused: tell the client when there is room
 * @queue: queue
 *
 * Context: process, from an ioctl, so the file is open. If there is no memory for the event the
 * client has EAGAIN and its own patience.
 */
void weft_queue_full(struct weft_queue *queue)
{
	struct weft_client *client = queue->client;
	struct drm_device *drm = &client->pool->drm;
	struct weft_queue_event *event;
	bool send = false;

	event = kzalloc(sizeof(*event), GFP_KERNEL_ACCOUNT);
	if (!event)
		return;
	event->event.base.type = DRM_WEFT_EVENT_QUEUE_SPACE;
	event->event.base.length = sizeof(event->event);
	event->event.queue = queue->handle;

	if (drm_event_reserve_init(drm, client->file, &event->base, &event->event.base)) {
		kfree(event);
		return;
	}
	spin_lock(&client->record_lock);
	if (!queue->space) {
		queue->space = event;
		event = NULL;
		/* it may have emptied meanwhile */
		if (atomic_read(&queue->in_flight) <= queue->depth / 2)
			send = true;
	}
	spin_unlock(&client->record_lock);
	if (event)
		drm_event_cancel_free(drm, &event->base);
	if (send)
		weft_queue_send_space(queue);
}

void weft_queue_send_space(struct weft_queue *queue)
{
	struct weft_client *client = queue->client;
	struct weft_queue_event *event;

	spin_lock(&client->record_lock);
	event = queue->space;
	queue->space = NULL;
	spin_unlock(&client->record_lock);
	/* if the file was closed meanwhile the DRM core only frees it */
	if (event)
		drm_send_event(&client->pool->drm, &event->base);
}

void weft_queue_job_retired(struct weft_queue *queue)
{
	int left = atomic_dec_return(&queue->in_flight);

	if (READ_ONCE(queue->space) && left <= READ_ONCE(queue->depth) / 2)
		weft_queue_send_space(queue);
}
