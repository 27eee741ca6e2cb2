// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nodes of a vendor's driver that a server names.
 *
 * DOC: nodes
 *
 * Named by path, handed to the kernel by number: paths differ between mount namespaces.
 *
 * Rejected: taking whatever the runtime has open for granted (it opens nodes of devices that it
 * does not use).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_NODES_ENV	"WEFT_SERVE_NODES"

int weft_serve_add_node(struct weft_serve_offer *offer, const char *path)
{
	struct weft_serve_node *node = offer->nodes;
	const struct weft_serve_node *end = node + WEFT_SERVE_MAX_NODES;
	uint32_t major, minor;
	int ret;

	ret = weft_serve_sys_device(path, &major, &minor);
	if (ret == -ENODEV)
		return weft_serve_fail(EINVAL, "%s is no character device", path);
	if (ret)
		return weft_serve_fail(-ret, "%s: %s", path, strerror(-ret));
	for (; node < end && node->major; node++)
		if (node->major == major && node->minor == minor)
			return 0;
	if (node == end)
		return weft_serve_fail(ENOSPC, "%s: a device has at most %u nodes", path,
				       WEFT_SERVE_MAX_NODES);
	node->major = major;
	node->minor = minor;
	return 0;
}

int weft_serve_add_named(struct weft_serve_offer *offer)
{
	const char *names = getenv(WEFT_NODES_ENV);
	char *copy, *name, *rest;
	int ret = 0;

	if (!names)
		return 0;
	copy = strdup(names);
	if (!copy)
		return weft_serve_fail(ENOMEM, "no memory");
	for (name = strtok_r(copy, ":", &rest); name && !ret; name = strtok_r(NULL, ":", &rest))
		ret = weft_serve_add_node(offer, name);
	free(copy);
	return ret;
}
