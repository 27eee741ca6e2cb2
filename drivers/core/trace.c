// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: trace events, made once
 *
 * The one file that turns the declarations of trace.h into code. What an event copies out of a job
 * and needs more than an assignment for is here, too.
 */
#include <linux/ctype.h>

#include "core.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The name is the client's: it must not look like another field, or like another event. */
void weft_trace_kernel(char name[DRM_WEFT_NAME_LEN], const struct weft_job *job)
{
	const char *from = job->lease ? "lease" : job->program->kernels[job->kernel].name;
	u32 i;

	for (i = 0; i < DRM_WEFT_NAME_LEN - 1 && from[i]; i++)
		name[i] = isascii(from[i]) && isgraph(from[i]) && from[i] != '=' ? from[i] : '_';
	memset(name + i, 0, DRM_WEFT_NAME_LEN - i);
}
