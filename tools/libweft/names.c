// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words for the numbers of the ABI.
 *
 * DOC: names
 *
 * The same words as in sysfs, the CLI and the documentation.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

static const char *const weft_classes[DRM_WEFT_CLASS_COUNT] = {
	[DRM_WEFT_CLASS_GPU] = "gpu",
	[DRM_WEFT_CLASS_DCU] = "dcu",
	[DRM_WEFT_CLASS_NPU] = "npu",
	[DRM_WEFT_CLASS_CPU] = "cpu",
	[DRM_WEFT_CLASS_DPU] = "dpu",
};

static const char *const weft_healths[] = {
	[DRM_WEFT_HEALTH_OK] = "ok",
	[DRM_WEFT_HEALTH_DEGRADED] = "degraded",
	[DRM_WEFT_HEALTH_DRAINING] = "draining",
	[DRM_WEFT_HEALTH_QUARANTINED] = "quarantined",
};

static const char *const weft_states[] = {
	[DRM_WEFT_JOB_WAITING] = "waiting",
	[DRM_WEFT_JOB_READY] = "ready",
	[DRM_WEFT_JOB_BINDING] = "binding",
	[DRM_WEFT_JOB_BOUND] = "bound",
	[DRM_WEFT_JOB_RUNNING] = "running",
	[DRM_WEFT_JOB_DONE] = "done",
};

static const char *weft_name(const char *const *names, size_t count, uint32_t value)
{
	return value < count ? names[value] : "?";
}

const char *weft_class_name(uint32_t device_class)
{
	return weft_name(weft_classes, DRM_WEFT_CLASS_COUNT, device_class);
}

const char *weft_health_name(uint32_t health)
{
	return weft_name(weft_healths, sizeof(weft_healths) / sizeof(weft_healths[0]), health);
}

const char *weft_state_name(uint32_t state)
{
	return weft_name(weft_states, sizeof(weft_states) / sizeof(weft_states[0]), state);
}

int weft_class_parse(const char *name)
{
	int i;

	for (i = 0; name && i < DRM_WEFT_CLASS_COUNT; i++)
		if (!strcmp(name, weft_classes[i]))
			return i;
	return weft_fail(EINVAL, "\"%s\" is no class of devices: use gpu, dcu, npu, cpu or dpu",
			 name ? name : "");
}

/* What the errno of a record means; it is about the job, not about a call. */
static const char *weft_job_error_text(uint32_t error)
{
	switch (error) {
	case ECANCELED:
		return "cancelled, or a job it depends on failed";
	case ETIME:
		return "ran longer than its timeout and was aborted";
	case ENODEV:
		return "its device was lost and it could not run again";
	case ENODATA:
		return "the contents of an input are lost";
	case ENOSPC:
		return "its buffers fit no device";
	case EIO:
		return "the device reported an error";
	default:
		return weft_errno_text((int)error);
	}
}

char *weft_record_text(const struct drm_weft_job_record *record, char *text, size_t size)
{
	char where[48] = "before it ran";

	if (record->device != ~0u)
		snprintf(where, sizeof(where), "on device %u", record->device);
	if (record->state != DRM_WEFT_JOB_DONE)
		snprintf(text, size, "job %" PRIu64 " is %s", (uint64_t)record->id,
			 weft_state_name(record->state));
	else if (!record->error)
		snprintf(text, size, "job %" PRIu64 " ended well %s", (uint64_t)record->id, where);
	else if (record->code)
		snprintf(text, size, "job %" PRIu64 " failed %s: %s, its number %u",
			 (uint64_t)record->id, where, weft_job_error_text(record->error),
			 record->code);
	else
		snprintf(text, size, "job %" PRIu64 " failed %s: %s", (uint64_t)record->id, where,
			 weft_job_error_text(record->error));
	return text;
}
