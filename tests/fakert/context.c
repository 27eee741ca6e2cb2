// SPDX-License-Identifier: GPL-2.0-only
/*
 * A context: whose handles these are, and what went wrong for good.
 *
 * DOC: context
 *
 * Every call on a context passes fakert_enter(), which is where the child of a fork(), a host call
 * and a sticky error are turned away.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

__thread bool fakert_in_call;

static const struct {
	enum fakert_result result;
	const char *text;
} fakert_texts[] = {
	{ FAKERT_OK, "no error" },
	{ FAKERT_INVALID, "an argument is invalid" },
	{ FAKERT_NO_MEMORY, "the device's memory is used up" },
	{ FAKERT_NO_HOST_MEMORY, "no host memory" },
	{ FAKERT_NO_DEVICE, "no such device" },
	{ FAKERT_NOT_READY, "work has not ended" },
	{ FAKERT_NOT_FOUND, "the module has no such kernel" },
	{ FAKERT_BAD_IMAGE, "the image does not build" },
	{ FAKERT_NOT_REGISTERED, "the host memory is not registered" },
	{ FAKERT_REGISTERED, "the host memory is registered already" },
	{ FAKERT_BUSY, "it is in use" },
	{ FAKERT_NOT_PERMITTED, "the runtime may not be called from here" },
	{ FAKERT_ILLEGAL_ADDRESS, "an access to memory that is not there" },
	{ FAKERT_LAUNCH_FAILED, "a kernel failed" },
};

const char *fakert_result_text(enum fakert_result result)
{
	size_t i;

	for (i = 0; i < sizeof(fakert_texts) / sizeof(fakert_texts[0]); i++)
		if (fakert_texts[i].result == result)
			return fakert_texts[i].text;
	return "an unknown error";
}

/* Locks are not looked at in a child of fork(): a thread that is not there may hold them. */
enum fakert_result fakert_enter(struct fakert_context *context)
{
	enum fakert_result result;

	if (fakert_in_call || context->pid != getpid())
		return FAKERT_NOT_PERMITTED;
	pthread_mutex_lock(&context->lock);
	result = context->sticky;
	if (result != FAKERT_OK)
		pthread_mutex_unlock(&context->lock);
	return result;
}

enum fakert_result fakert_leave(struct fakert_context *context, enum fakert_result result)
{
	pthread_mutex_unlock(&context->lock);
	return result;
}

enum fakert_result fakert_context_create(struct fakert_device *device,
					 struct fakert_context **context)
{
	static uint16_t last_tag;
	struct fakert_context *c = calloc(1, sizeof(*c));
	struct fakert_device_desc desc;
	enum fakert_result result;

	*context = NULL;
	if (!c)
		return FAKERT_NO_HOST_MEMORY;
	fakert_device_describe(device, &desc);
	result = fakert_charge(device, (int64_t)desc.context_size, 1);
	if (result != FAKERT_OK) {
		free(c);
		return result;
	}
	c->device = device;
	c->pid = getpid();
	/* 12 bits, so that an address of another context or process is hardly ever valid in it */
	c->tag = ((uint16_t)c->pid * 31 + __atomic_add_fetch(&last_tag, 1, __ATOMIC_RELAXED)) &
		 0xfff;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	*context = c;
	return FAKERT_OK;
}

void fakert_context_destroy(struct fakert_context *context)
{
	struct fakert_device_desc desc;
	struct fakert_event *event;

	if (context->pid != getpid())
		return;
	pthread_mutex_lock(&context->lock);
	context->ending = true;
	pthread_cond_broadcast(&context->changed);
	pthread_mutex_unlock(&context->lock);
	while (context->streams)
		fakert_stream_end(context->streams);
	while ((event = context->events)) {
		context->events = event->next;
		free(event);
	}
	fakert_module_release(context);
	fakert_memory_release(context);
	fakert_device_describe(context->device, &desc);
	fakert_charge(context->device, -(int64_t)desc.context_size, -1);
	pthread_cond_destroy(&context->changed);
	pthread_mutex_destroy(&context->lock);
	free(context);
}

enum fakert_result fakert_context_sync(struct fakert_context *context)
{
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	return fakert_leave(context, fakert_drain_locked(context));
}
