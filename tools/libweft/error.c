// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words for errors.
 *
 * DOC: error
 *
 * An errno says which of a call's rules was broken, not what the rule is. The table below adds
 * that, per ioctl and errno, as weft_drm.h documents them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

static __thread char weft_text[512];

struct weft_hint {
	unsigned int nr;
	int error;
	const char *text;
};

static const struct weft_hint weft_hints[] = {
	{ DRM_WEFT_BO_CREATE, EINVAL, "the size must be 1..2^40 bytes, the flags known" },
	{ DRM_WEFT_BO_CREATE, EOPNOTSUPP, "this pool does not offer the flag: see its features" },
	{ DRM_WEFT_BO_CREATE, EDQUOT, "the pool's limit on host memory is reached: free buffers" },
	{ DRM_WEFT_BO_MMAP_OFFSET, EPERM, "a DEVICE_ONLY buffer has no host pages" },
	{ DRM_WEFT_BO_CPU_BEGIN, EPERM, "a DEVICE_ONLY buffer has no host pages" },
	{ DRM_WEFT_BO_CPU_BEGIN, EBUSY, "another thread or process holds the buffer" },
	{ DRM_WEFT_BO_CPU_BEGIN, ETIME, "jobs still use the buffer" },
	{ DRM_WEFT_BO_CPU_BEGIN, ENODATA,
	  "the job that wrote it failed: write the whole buffer, or run the job again" },
	{ DRM_WEFT_BO_CPU_BEGIN, EIO, "copying the bytes back from the device failed" },
	{ DRM_WEFT_BO_WAIT, ETIME, "jobs still use the buffer" },
	{ DRM_WEFT_PROGRAM_CREATE, EINVAL,
	  "names must not be empty, at most 31 bytes, and one image per instruction set" },
	{ DRM_WEFT_PROGRAM_CREATE, E2BIG, "an image may have 16 MiB" },
	{ DRM_WEFT_PROGRAM_CREATE, ENOSPC, "a client may have 4096 programs" },
	{ DRM_WEFT_PROGRAM_QUERY, ENODEV, "there is no device of that number" },
	{ DRM_WEFT_QUEUE_CREATE, EINVAL,
	  "the priority must be 0..7, the depth at most max_queue_depth, service and flags known" },
	{ DRM_WEFT_QUEUE_CREATE, EOPNOTSUPP,
	  "this pool does not offer that service class or flag: see its features" },
	{ DRM_WEFT_QUEUE_CREATE, ENOSPC, "a client may have 256 queues" },
	{ DRM_WEFT_QUEUE_SET, EINVAL, "the priority must be 0..7, the depth at most "
				      "max_queue_depth" },
	{ DRM_WEFT_SUBMIT, ENOENT,
	  "a queue, program, buffer, syncobj or job it names does not exist" },
	{ DRM_WEFT_SUBMIT, EINVAL,
	  "a field is out of range, or there are several jobs and one is early" },
	{ DRM_WEFT_SUBMIT, EAGAIN, "the queue is full: wait for jobs or give a timeout" },
	{ DRM_WEFT_SUBMIT, ENOBUFS,
	  "too many records are unread: call weft_wait() for jobs that have ended" },
	{ DRM_WEFT_SUBMIT, EBUSY, "a buffer is between weft_bo_begin() and weft_bo_end()" },
	{ DRM_WEFT_SUBMIT, EOPNOTSUPP, "this pool does not offer a flag: see its features" },
	{ DRM_WEFT_SUBMIT, ENODEV,
	  "no device may run it: the program has no image for any device that its masks allow" },
	{ DRM_WEFT_SUBMIT, ENOSPC, "its buffers fit together into no device that may run it" },
	{ DRM_WEFT_LEASE_WAIT, ENOENT, "it was never asked for, or its record is acknowledged" },
	{ DRM_WEFT_LEASE_WAIT, EINVAL, "that job is no lease" },
	{ DRM_WEFT_LEASE_WAIT, ETIME, "nothing has changed" },
	{ DRM_WEFT_LEASE_LEAVE, ENOENT, "it was never asked for, or its record is acknowledged" },
	{ DRM_WEFT_LEASE_LEAVE, EINVAL, "that job is no lease" },
	{ DRM_WEFT_LEASE_LEAVE, EAGAIN, "it was not granted yet" },
	{ DRM_WEFT_LEASE_LEAVE, EALREADY, "it is over: its record says why" },
	{ DRM_WEFT_JOB_QUERY, ENOENT, "an id was never given, or its record is acknowledged" },
	{ DRM_WEFT_JOB_QUERY, ETIME, "not all jobs have ended" },
	{ DRM_WEFT_JOB_CANCEL, ENOENT, "no job has this id, or its record is acknowledged" },
	{ DRM_WEFT_JOB_CANCEL, EALREADY, "the job has ended" },
};

const char *weft_error(void)
{
	return weft_text;
}

const char *weft_errno_text(int error)
{
	const char *text = strerrordesc_np(error);

	return text ? text : "unknown error";
}

/* Keep a text for weft_error(); return -@error. */
int weft_fail(int error, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(weft_text, sizeof(weft_text), format, list);
	va_end(list);
	return -error;
}

/* The same for ioctl @nr, whose rules are added. @error may have either sign. */
int weft_fail_call(int error, unsigned int nr, const char *format, ...)
{
	size_t length;
	va_list list;
	size_t i;

	if (error < 0)
		error = -error;
	va_start(list, format);
	vsnprintf(weft_text, sizeof(weft_text), format, list);
	va_end(list);
	length = strlen(weft_text);
	length += (size_t)snprintf(weft_text + length, sizeof(weft_text) - length, ": %s",
				   weft_errno_text(error));
	for (i = 0; i < sizeof(weft_hints) / sizeof(weft_hints[0]); i++) {
		if (weft_hints[i].nr != nr || weft_hints[i].error != error)
			continue;
		if (length < sizeof(weft_text))
			snprintf(weft_text + length, sizeof(weft_text) - length, " (%s)",
				 weft_hints[i].text);
		break;
	}
	return -error;
}
