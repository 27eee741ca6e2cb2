// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a pool and asking what it has.
 *
 * DOC: pool
 *
 * The default pool is the first node, in order of number, whose DRM driver calls itself "weft".
 * Nodes of other drivers are opened and closed again, which is what every DRM library does. To find
 * a pool by its name each pool is asked for its own.
 *
 * Rejected: reading sysfs to find the node (containers often hide it, or show the host's).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_DRIVER	"weft"

static const struct {
	const char *format;
	unsigned int first;
	unsigned int last;
} weft_nodes[] = {
	{ "/dev/accel/accel%u", 0, 127 },
	{ "/dev/dri/renderD%u", 128, 255 },
};

uint64_t weft_until(int64_t timeout_ns)
{
	uint64_t now;

	if (timeout_ns < 0)
		return UINT64_MAX;
	if (!timeout_ns)
		return 0;
	now = weft_sys_now();
	return now + (uint64_t)timeout_ns;
}

/* One ioctl, restarted when a signal interrupts it. 0 or a negative errno; no text. */
int weft_call(struct weft *pool, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = weft_sys_ioctl(pool->fd, request, arg);
	} while (ret == -EINTR);
	return ret;
}

void weft_object_add(struct weft *pool, struct weft_object *object,
		     void (*free)(struct weft_object *object))
{
	object->pool = pool;
	object->free = free;
	pthread_mutex_lock(&pool->lock);
	object->next = pool->objects;
	object->link = &pool->objects;
	if (object->next)
		object->next->link = &object->next;
	pool->objects = object;
	pthread_mutex_unlock(&pool->lock);
}

void weft_object_remove(struct weft_object *object)
{
	pthread_mutex_lock(&object->pool->lock);
	*object->link = object->next;
	if (object->next)
		object->next->link = object->link;
	pthread_mutex_unlock(&object->pool->lock);
}

/* 0: @fd is a pool's */
static int weft_node_check(int fd)
{
	char name[16];
	int ret = weft_sys_driver(fd, name, sizeof(name));

	if (ret)
		return ret;
	return strcmp(name, WEFT_DRIVER) ? -EINVAL : 0;
}

static int weft_node_open(const char *path)
{
	int fd = weft_sys_open(path);

	if (fd < 0)
		return weft_fail(-fd, "%s: %s", path, weft_errno_text(-fd));
	if (weft_node_check(fd)) {
		weft_sys_close(fd);
		return weft_fail(EINVAL, "%s is not the node of a pool (its driver is not weft)",
				 path);
	}
	return fd;
}

/* Is @fd the node of the pool called @name? NULL: any pool will do. */
static bool weft_node_is(int fd, const char *name)
{
	struct drm_weft_pool_info info = {};
	struct drm_weft_query query = {
		.topic = DRM_WEFT_QUERY_POOL,
		.count = 1,
		.stride = sizeof(info),
		.data = (uintptr_t)&info,
	};
	struct weft node = { .fd = fd };

	if (weft_node_check(fd))
		return false;
	if (!name)
		return true;
	return !weft_call(&node, DRM_IOCTL_WEFT_QUERY, &query) && !strcmp(info.name, name);
}

/* Look for the pool called @name, or any; its path goes to @found. */
static int weft_node_find(const char *name, char *found, size_t size)
{
	char denied[sizeof("/dev/dri/renderD255")] = "";
	unsigned int i, n;
	int fd;

	for (i = 0; i < sizeof(weft_nodes) / sizeof(weft_nodes[0]); i++) {
		for (n = weft_nodes[i].first; n <= weft_nodes[i].last; n++) {
			snprintf(found, size, weft_nodes[i].format, n);
			fd = weft_sys_open(found);
			if ((fd == -EACCES || fd == -EPERM) && !denied[0])
				snprintf(denied, sizeof(denied), weft_nodes[i].format, n);
			if (fd < 0)
				continue;
			if (weft_node_is(fd, name))
				return fd;
			weft_sys_close(fd);
		}
	}
	if (denied[0])
		return weft_fail(EACCES,
				 "no pool %s%sfound, but %s may not be opened: are you in the group "
				 "render? try: sudo usermod -aG render $USER, then log in again",
				 name ? name : "", name ? " " : "", denied);
	if (name)
		return weft_fail(ENODEV, "no pool %s found: is it enabled? try: weft pool list",
				 name);
	return weft_fail(ENODEV, "no pool found: is the module loaded? try: sudo modprobe weft");
}

/* The pool behind @fd, which is its from now on. */
static int weft_pool_new(struct weft **pool, int fd, const char *node)
{
	struct weft *w = calloc(1, sizeof(*w));
	int ret;

	if (w)
		w->node = strdup(node);
	if (!w || !w->node) {
		weft_sys_close(fd);
		free(w);
		return weft_fail(ENOMEM, "no memory to open a pool");
	}
	w->fd = fd;
	pthread_mutex_init(&w->lock, NULL);
	ret = weft_pool_info(w, &w->info);
	if (ret) {
		weft_close(w);
		return ret;
	}
	*pool = w;
	return 0;
}

static int weft_pool_find(struct weft **pool, const char *name)
{
	char found[64];
	int fd = weft_node_find(name, found, sizeof(found));

	return fd < 0 ? fd : weft_pool_new(pool, fd, found);
}

int weft_open(struct weft **pool, const char *node)
{
	const char *name;
	int fd;

	if (!pool)
		return weft_fail(EINVAL, "there is no place to put the pool (NULL)");
	*pool = NULL;
	if (!node)
		node = getenv("WEFT_NODE");
	if (!node || !node[0]) {
		name = getenv("WEFT_POOL");
		return weft_pool_find(pool, name && name[0] ? name : NULL);
	}
	fd = weft_node_open(node);
	return fd < 0 ? fd : weft_pool_new(pool, fd, node);
}

int weft_open_pool(struct weft **pool, const char *name)
{
	if (!pool)
		return weft_fail(EINVAL, "there is no place to put the pool (NULL)");
	*pool = NULL;
	if (!name || !name[0])
		return weft_fail(EINVAL, "a pool's name is wanted");
	return weft_pool_find(pool, name);
}

void weft_close(struct weft *pool)
{
	if (!pool)
		return;
	while (pool->objects)
		pool->objects->free(pool->objects);
	weft_sys_close(pool->fd);
	pthread_mutex_destroy(&pool->lock);
	free(pool->node);
	free(pool);
}

int weft_fd(const struct weft *pool)
{
	return pool->fd;
}

const char *weft_node(const struct weft *pool)
{
	return pool->node;
}

static int weft_query(struct weft *pool, uint32_t topic, void *data, uint32_t *count,
		      uint32_t stride)
{
	struct drm_weft_query query = {
		.topic = topic,
		.count = *count,
		.stride = stride,
		.data = (uintptr_t)data,
	};
	int ret = weft_call(pool, DRM_IOCTL_WEFT_QUERY, &query);

	if (ret)
		return weft_fail_call(ret, DRM_WEFT_QUERY, "asking %s for topic %u", pool->node,
				      topic);
	*count = query.count;
	return 0;
}

int weft_pool_info(struct weft *pool, struct drm_weft_pool_info *info)
{
	uint32_t count = 1;

	memset(info, 0, sizeof(*info));
	return weft_query(pool, DRM_WEFT_QUERY_POOL, info, &count, sizeof(*info));
}

int weft_client_info(struct weft *pool, struct drm_weft_client_info *info)
{
	uint32_t count = 1;

	memset(info, 0, sizeof(*info));
	return weft_query(pool, DRM_WEFT_QUERY_CLIENT, info, &count, sizeof(*info));
}

/* Devices come and go: ask with as much room as was needed the last time until it suffices. */
static int weft_list(struct weft *pool, uint32_t topic, void **list, uint32_t *count,
		     uint32_t stride)
{
	uint32_t room = 0;
	void *data = NULL;
	uint32_t found;
	int ret;

	*list = NULL;
	*count = 0;
	for (;;) {
		found = room;
		ret = weft_query(pool, topic, data, &found, stride);
		if (ret || found <= room)
			break;
		free(data);
		room = found;
		data = calloc(room, stride);
		if (!data)
			return weft_fail(ENOMEM, "no memory for a list of %u", room);
	}
	if (ret || !found) {
		free(data);
		return ret;
	}
	*list = data;
	*count = found;
	return 0;
}

int weft_device_list(struct weft *pool, struct drm_weft_device_info **list, uint32_t *count)
{
	return weft_list(pool, DRM_WEFT_QUERY_DEVICES, (void **)list, count, sizeof(**list));
}

int weft_region_list(struct weft *pool, struct drm_weft_region_info **list, uint32_t *count)
{
	return weft_list(pool, DRM_WEFT_QUERY_REGIONS, (void **)list, count, sizeof(**list));
}

int weft_link_list(struct weft *pool, struct drm_weft_link_info **list, uint32_t *count)
{
	return weft_list(pool, DRM_WEFT_QUERY_LINKS, (void **)list, count, sizeof(**list));
}

int weft_client_name(struct weft *pool, const char *name)
{
	char text[DRM_WEFT_NAME_LEN] = "";
	struct drm_weft_client_set set = {
		.param = DRM_WEFT_CLIENT_NAME,
		.value = (uintptr_t)text,
	};
	int ret;

	if (!name || strlen(name) >= sizeof(text))
		return weft_fail(EINVAL, "a client's name must have at most %zu bytes",
				 sizeof(text) - 1);
	memcpy(text, name, strlen(name));
	ret = weft_call(pool, DRM_IOCTL_WEFT_CLIENT_SET, &set);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_CLIENT_SET, "naming the client \"%s\"", name);
	return 0;
}
