// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams and events: what is queued, in order, a thread per stream.
 *
 * DOC: stream
 *
 * A call queues a command and returns. The stream's thread takes the first one, runs it without the
 * lock and says what changed. After an error became sticky the thread throws commands away: events
 * they would have recorded are never reached and their host calls never come.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

bool fakert_idle_locked(const struct fakert_context *context)
{
	const struct fakert_stream *stream;

	for (stream = context->streams; stream; stream = stream->next)
		if (stream->first || stream->running)
			return false;
	return true;
}

enum fakert_result fakert_drain_locked(struct fakert_context *context)
{
	while (context->sticky == FAKERT_OK && !fakert_idle_locked(context))
		pthread_cond_wait(&context->changed, &context->lock);
	return context->sticky;
}

static void fakert_event_put_locked(struct fakert_event *event)
{
	struct fakert_event **link;

	if (event->users || !event->destroyed)
		return;
	for (link = &event->context->events; *link != event; link = &(*link)->next)
		;
	*link = event->next;
	free(event);
}

static void fakert_command_free_locked(struct fakert_command *command)
{
	if (command->registered)
		command->registered->users--;
	if (command->event) {
		command->event->users--;
		fakert_event_put_locked(command->event);
	}
	free(command);
}

/* Without the lock. */
static enum fakert_result fakert_command_run(struct fakert_context *context,
					     struct fakert_command *command)
{
	uint64_t start = fakert_now();
	enum fakert_result result = FAKERT_OK;
	void *bytes = NULL;

	if (command->kind <= FAKERT_CLEAR) {
		bytes = fakert_resolve(context, command->address, command->size);
		if (!bytes)
			return FAKERT_ILLEGAL_ADDRESS;
	}
	switch (command->kind) {
	case FAKERT_COPY_IN:
		memcpy(bytes, command->host, command->size);
		break;
	case FAKERT_COPY_OUT:
		memcpy(command->host, bytes, command->size);
		break;
	case FAKERT_CLEAR:
		memset(bytes, 0, command->size);
		break;
	case FAKERT_LAUNCH:
		result = command->kernel->run(context, command->args);
		break;
	case FAKERT_CALL:
		fakert_in_call = true;
		command->call(command->data);
		fakert_in_call = false;
		return FAKERT_OK;
	case FAKERT_RECORD:
	case FAKERT_WAIT:
		return FAKERT_OK;
	}
	fakert_busy(context->device, fakert_now() - start);
	return result;
}

static bool fakert_ready_locked(const struct fakert_context *context,
				const struct fakert_stream *stream)
{
	const struct fakert_command *command = stream->first;

	if (!command)
		return stream->ending;
	if (context->sticky != FAKERT_OK || context->ending)
		return true;
	return command->kind != FAKERT_WAIT || command->event->reached >= command->count;
}

static void *fakert_stream_thread(void *data)
{
	struct fakert_stream *stream = data;
	struct fakert_context *context = stream->context;
	struct fakert_command *command;
	enum fakert_result result;

	pthread_mutex_lock(&context->lock);
	for (;;) {
		while (!fakert_ready_locked(context, stream))
			pthread_cond_wait(&context->changed, &context->lock);
		command = stream->first;
		if (!command)
			break;
		stream->first = command->next;
		if (!stream->first)
			stream->last = &stream->first;
		if (context->sticky == FAKERT_OK && !context->ending) {
			stream->running = true;
			pthread_mutex_unlock(&context->lock);
			result = fakert_command_run(context, command);
			pthread_mutex_lock(&context->lock);
			stream->running = false;
			if (result != FAKERT_OK && context->sticky == FAKERT_OK)
				context->sticky = result;
			if (command->kind == FAKERT_RECORD && context->sticky == FAKERT_OK) {
				command->event->reached = command->count;
				command->event->time_ns = fakert_now();
			}
		}
		fakert_command_free_locked(command);
		pthread_cond_broadcast(&context->changed);
	}
	pthread_mutex_unlock(&context->lock);
	return NULL;
}

enum fakert_result fakert_stream_create(struct fakert_context *context,
					struct fakert_stream **stream)
{
	enum fakert_result result = fakert_enter(context);
	struct fakert_stream *s;

	*stream = NULL;
	if (result != FAKERT_OK)
		return result;
	s = calloc(1, sizeof(*s));
	if (!s)
		return fakert_leave(context, FAKERT_NO_HOST_MEMORY);
	s->context = context;
	s->last = &s->first;
	if (pthread_create(&s->thread, NULL, fakert_stream_thread, s)) {
		free(s);
		return fakert_leave(context, FAKERT_NO_HOST_MEMORY);
	}
	s->next = context->streams;
	context->streams = s;
	*stream = s;
	return fakert_leave(context, FAKERT_OK);
}

/* Waits for what the stream still runs. */
void fakert_stream_end(struct fakert_stream *stream)
{
	struct fakert_context *context = stream->context;
	struct fakert_stream **link;

	pthread_mutex_lock(&context->lock);
	stream->ending = true;
	pthread_cond_broadcast(&context->changed);
	pthread_mutex_unlock(&context->lock);
	pthread_join(stream->thread, NULL);
	pthread_mutex_lock(&context->lock);
	for (link = &context->streams; *link != stream; link = &(*link)->next)
		;
	*link = stream->next;
	pthread_mutex_unlock(&context->lock);
	free(stream);
}

enum fakert_result fakert_stream_destroy(struct fakert_stream *stream)
{
	struct fakert_context *context = stream->context;
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	fakert_leave(context, FAKERT_OK);
	fakert_stream_end(stream);
	return FAKERT_OK;
}

enum fakert_result fakert_stream_sync(struct fakert_stream *stream)
{
	struct fakert_context *context = stream->context;
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	while (context->sticky == FAKERT_OK && (stream->first || stream->running))
		pthread_cond_wait(&context->changed, &context->lock);
	return fakert_leave(context, context->sticky);
}

enum fakert_result fakert_stream_query(struct fakert_stream *stream)
{
	struct fakert_context *context = stream->context;
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	return fakert_leave(context, stream->first || stream->running ? FAKERT_NOT_READY :
									FAKERT_OK);
}

static void fakert_push_locked(struct fakert_stream *stream, struct fakert_command *command)
{
	command->next = NULL;
	*stream->last = command;
	stream->last = &command->next;
	pthread_cond_broadcast(&stream->context->changed);
}

/* Queues a copy of @template, with @args after it, and counts what it uses. */
static enum fakert_result fakert_queue_locked(struct fakert_stream *stream,
					      const struct fakert_command *template,
					      const void *args, size_t size)
{
	struct fakert_command *command = malloc(sizeof(*command) + size);

	if (!command)
		return FAKERT_NO_HOST_MEMORY;
	*command = *template;
	if (size)
		memcpy(command->args, args, size);
	if (command->registered)
		command->registered->users++;
	if (command->event)
		command->event->users++;
	fakert_push_locked(stream, command);
	return FAKERT_OK;
}

static enum fakert_result fakert_copy_queue(struct fakert_stream *stream,
					    enum fakert_command_kind kind, fakert_address address,
					    void *host, size_t size)
{
	struct fakert_context *context = stream->context;
	enum fakert_result result = fakert_enter(context);
	struct fakert_command command = {
		.kind = kind, .address = address, .host = host, .size = size,
	};

	if (result != FAKERT_OK)
		return result;
	if (!size)
		return fakert_leave(context, FAKERT_INVALID);
	if (kind != FAKERT_CLEAR) {
		command.registered = fakert_host_find_locked(context, host, size);
		if (!command.registered)
			return fakert_leave(context, FAKERT_NOT_REGISTERED);
	}
	return fakert_leave(context, fakert_queue_locked(stream, &command, NULL, 0));
}

enum fakert_result fakert_copy_in_async(struct fakert_stream *stream, fakert_address to,
					const void *from, size_t size)
{
	return fakert_copy_queue(stream, FAKERT_COPY_IN, to, (void *)from, size);
}

enum fakert_result fakert_copy_out_async(struct fakert_stream *stream, void *to,
					 fakert_address from, size_t size)
{
	return fakert_copy_queue(stream, FAKERT_COPY_OUT, from, to, size);
}

enum fakert_result fakert_clear_async(struct fakert_stream *stream, fakert_address to,
				      uint64_t size)
{
	return fakert_copy_queue(stream, FAKERT_CLEAR, to, NULL, size);
}

/* After all that is queued, as CUDA's copies without a stream. A bad address is sticky here too. */
static enum fakert_result fakert_copy_now(struct fakert_context *context, bool in,
					  fakert_address address, void *host, size_t size)
{
	enum fakert_result result = fakert_enter(context);
	uint64_t start;
	void *bytes;

	if (result != FAKERT_OK)
		return result;
	result = fakert_drain_locked(context);
	if (result != FAKERT_OK)
		return fakert_leave(context, result);
	bytes = fakert_resolve_locked(context, address, size);
	if (!bytes) {
		context->sticky = FAKERT_ILLEGAL_ADDRESS;
		pthread_cond_broadcast(&context->changed);
		return fakert_leave(context, FAKERT_ILLEGAL_ADDRESS);
	}
	start = fakert_now();
	if (in)
		memcpy(bytes, host, size);
	else
		memcpy(host, bytes, size);
	fakert_busy(context->device, fakert_now() - start);
	return fakert_leave(context, FAKERT_OK);
}

enum fakert_result fakert_copy_in(struct fakert_context *context, fakert_address to,
				  const void *from, size_t size)
{
	return fakert_copy_now(context, true, to, (void *)from, size);
}

enum fakert_result fakert_copy_out(struct fakert_context *context, void *to, fakert_address from,
				   size_t size)
{
	return fakert_copy_now(context, false, from, to, size);
}

enum fakert_result fakert_host_call(struct fakert_stream *stream, void (*call)(void *data),
				    void *data)
{
	struct fakert_command command = { .kind = FAKERT_CALL, .call = call, .data = data };
	enum fakert_result result = fakert_enter(stream->context);

	if (result != FAKERT_OK)
		return result;
	return fakert_leave(stream->context, fakert_queue_locked(stream, &command, NULL, 0));
}

enum fakert_result fakert_launch(struct fakert_stream *stream, const struct fakert_kernel *kernel,
				 const void *args, size_t size)
{
	struct fakert_command command = { .kind = FAKERT_LAUNCH, .kernel = kernel };
	enum fakert_result result = fakert_enter(stream->context);

	if (result != FAKERT_OK)
		return result;
	if (size != kernel->args_size)
		return fakert_leave(stream->context, FAKERT_INVALID);
	return fakert_leave(stream->context, fakert_queue_locked(stream, &command, args, size));
}

enum fakert_result fakert_event_create(struct fakert_context *context, struct fakert_event **event)
{
	enum fakert_result result = fakert_enter(context);
	struct fakert_event *e;

	*event = NULL;
	if (result != FAKERT_OK)
		return result;
	e = calloc(1, sizeof(*e));
	if (!e)
		return fakert_leave(context, FAKERT_NO_HOST_MEMORY);
	e->context = context;
	e->next = context->events;
	context->events = e;
	*event = e;
	return fakert_leave(context, FAKERT_OK);
}

/* Commands that name the event keep it until they are done. */
enum fakert_result fakert_event_destroy(struct fakert_event *event)
{
	struct fakert_context *context = event->context;
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	event->destroyed = true;
	fakert_event_put_locked(event);
	return fakert_leave(context, FAKERT_OK);
}

enum fakert_result fakert_event_record(struct fakert_event *event, struct fakert_stream *stream)
{
	struct fakert_context *context = event->context;
	struct fakert_command command = { .kind = FAKERT_RECORD, .event = event };
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	if (stream->context != context)
		return fakert_leave(context, FAKERT_INVALID);
	command.count = event->recorded + 1;
	result = fakert_queue_locked(stream, &command, NULL, 0);
	if (result == FAKERT_OK)
		event->recorded++;
	return fakert_leave(context, result);
}

enum fakert_result fakert_stream_wait(struct fakert_stream *stream, struct fakert_event *event)
{
	struct fakert_context *context = event->context;
	struct fakert_command command = { .kind = FAKERT_WAIT, .event = event };
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	if (stream->context != context)
		return fakert_leave(context, FAKERT_INVALID);
	command.count = event->recorded;
	return fakert_leave(context, fakert_queue_locked(stream, &command, NULL, 0));
}

enum fakert_result fakert_event_query(struct fakert_event *event)
{
	enum fakert_result result = fakert_enter(event->context);

	if (result != FAKERT_OK)
		return result;
	return fakert_leave(event->context, event->reached < event->recorded ? FAKERT_NOT_READY :
									       FAKERT_OK);
}

enum fakert_result fakert_event_sync(struct fakert_event *event)
{
	struct fakert_context *context = event->context;
	enum fakert_result result = fakert_enter(context);
	uint64_t count;

	if (result != FAKERT_OK)
		return result;
	count = event->recorded;
	while (context->sticky == FAKERT_OK && event->reached < count)
		pthread_cond_wait(&context->changed, &context->lock);
	return fakert_leave(context, context->sticky);
}

enum fakert_result fakert_event_elapsed(struct fakert_event *from, struct fakert_event *to,
					int64_t *ns)
{
	struct fakert_context *context = from->context;
	enum fakert_result result = fakert_enter(context);

	if (result != FAKERT_OK)
		return result;
	if (to->context != context || !from->recorded || !to->recorded)
		return fakert_leave(context, FAKERT_INVALID);
	if (from->reached < from->recorded || to->reached < to->recorded)
		return fakert_leave(context, FAKERT_NOT_READY);
	*ns = (int64_t)(to->time_ns - from->time_ns);
	return fakert_leave(context, FAKERT_OK);
}
