// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors in words, and the checks that both roles begin with.
 *
 * DOC: error
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_SERVE_NODE	"/dev/weft_serve"

static __thread char weft_serve_text[256];

const char *weft_serve_error(void)
{
	return weft_serve_text;
}

/* Keep a text for weft_serve_error(); return -@error. */
int weft_serve_fail(int error, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(weft_serve_text, sizeof(weft_serve_text), format, list);
	va_end(list);
	return -error;
}

#define WEFT_SERVE_KNOWN	(WEFT_SERVE_F_REGISTER | WEFT_SERVE_F_ABORT | \
				 WEFT_SERVE_F_EVENTS | WEFT_SERVE_F_TELEMETRY)

/* What is asked of @ops by what @config offers. Values are the kernel's to judge. */
int weft_serve_config_check(const struct weft_serve_config *config,
			    const struct weft_serve_ops *ops)
{
	const struct weft_serve_offer *offer = &config->offer;

	if (!ops->open || !ops->load || !ops->launch || !ops->copy)
		return weft_serve_fail(EINVAL,
				       "open(), load(), launch() and copy() must be there");
	if (offer->memory == WEFT_SERVE_MEMORY_HANDLES && (!ops->alloc || !ops->free))
		return weft_serve_fail(EINVAL, "memory by handles needs alloc() and free()");
	if ((offer->features & WEFT_SERVE_F_REGISTER) && (!ops->add_host || !ops->remove_host))
		return weft_serve_fail(EINVAL,
				       "registering needs add_host() and remove_host()");
	if ((offer->features & WEFT_SERVE_F_ABORT) && !ops->abort)
		return weft_serve_fail(EINVAL, "aborting needs abort()");
	if ((offer->features & WEFT_SERVE_F_TELEMETRY) && !ops->telemetry)
		return weft_serve_fail(EINVAL, "telemetry needs telemetry()");
	if (offer->features & ~WEFT_SERVE_KNOWN)
		return weft_serve_fail(EOPNOTSUPP, "the library knows features %#llx, not %#llx",
				       WEFT_SERVE_KNOWN, (unsigned long long)offer->features);
	return 0;
}

int weft_serve_node_open(const struct weft_serve_config *config)
{
	const char *node = config->node;
	int fd;

	if (!node)
		node = getenv("WEFT_SERVE_NODE");
	if (!node || !node[0])
		node = WEFT_SERVE_NODE;
	fd = weft_serve_sys_open(node);
	if (fd == -ENOENT)
		return weft_serve_fail(ENOENT, "%s is not there: is the module loaded? try: sudo "
					       "modprobe weft_serve", node);
	if (fd < 0)
		return weft_serve_fail(-fd, "%s: %s", node, strerror(-fd));
	return fd;
}

int weft_serve_version_check(int fd)
{
	struct weft_serve_version version = { .version = WEFT_SERVE_VERSION };
	int ret = weft_serve_sys_ioctl(fd, WEFT_SERVE_IOCTL_VERSION, &version);

	if (ret == -EPROTO)
		return weft_serve_fail(EPROTO, "the kernel serves by version %u of the ABI, this "
					       "library by version %u", version.version,
				       WEFT_SERVE_VERSION);
	if (ret)
		return weft_serve_fail(-ret, "asking for the version: %s", strerror(-ret));
	return 0;
}
