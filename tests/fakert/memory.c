// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory and registered host memory.
 *
 * DOC: memory
 *
 * An address carries the context's tag (12 bits), the allocation's number (12 bits) and an offset
 * (40 bits). Nothing but fakert_resolve_locked() turns one into bytes, and only inside one
 * allocation, so an address from elsewhere faults.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

#define FAKERT_MEMORY_MAX	0xfff

static struct fakert_memory **fakert_memory_find_locked(struct fakert_context *context,
							fakert_address address)
{
	struct fakert_memory **link;

	for (link = &context->memory; *link; link = &(*link)->next)
		if ((*link)->address >> FAKERT_OFFSET_BITS == address >> FAKERT_OFFSET_BITS)
			break;
	return link;
}

void *fakert_resolve_locked(struct fakert_context *context, fakert_address address, uint64_t size)
{
	struct fakert_memory *memory = *fakert_memory_find_locked(context, address);
	uint64_t offset;

	if (!memory)
		return NULL;
	offset = address - memory->address;
	if (offset > memory->size || size > memory->size - offset)
		return NULL;
	return memory->bytes + offset;
}

void *fakert_resolve(struct fakert_context *context, fakert_address address, uint64_t size)
{
	void *bytes;

	pthread_mutex_lock(&context->lock);
	bytes = fakert_resolve_locked(context, address, size);
	pthread_mutex_unlock(&context->lock);
	return bytes;
}

/* A number that no allocation of the context has; 0: there is none. */
static fakert_address fakert_address_pick_locked(struct fakert_context *context)
{
	fakert_address address;
	unsigned int i;

	for (i = 0; i < FAKERT_MEMORY_MAX; i++) {
		context->last_memory = context->last_memory % FAKERT_MEMORY_MAX + 1;
		address = ((fakert_address)context->tag << 12 | context->last_memory)
			  << FAKERT_OFFSET_BITS;
		if (!*fakert_memory_find_locked(context, address))
			return address;
	}
	return 0;
}

static enum fakert_result fakert_memory_alloc_locked(struct fakert_context *context, uint64_t size,
						     fakert_address *address)
{
	struct fakert_memory *memory;
	struct fakert_device_desc desc;
	enum fakert_result result;

	fakert_device_describe(context->device, &desc);
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return FAKERT_NO_HOST_MEMORY;
	memory->size = size;
	memory->charged = (size + desc.granule - 1) & ~(desc.granule - 1);
	memory->address = fakert_address_pick_locked(context);
	result = memory->address ? fakert_charge(context->device, (int64_t)memory->charged, 0) :
				   FAKERT_NO_MEMORY;
	if (result == FAKERT_OK) {
		/* what the device's memory holds before is not promised: not zeros */
		memory->bytes = malloc(size);
		if (memory->bytes) {
			memset(memory->bytes, 0xa5, size);
			memory->next = context->memory;
			context->memory = memory;
			*address = memory->address;
			return FAKERT_OK;
		}
		fakert_charge(context->device, -(int64_t)memory->charged, 0);
		result = FAKERT_NO_HOST_MEMORY;
	}
	free(memory);
	return result;
}

enum fakert_result fakert_memory_alloc(struct fakert_context *context, uint64_t size,
				       fakert_address *address)
{
	enum fakert_result result = fakert_enter(context);

	*address = 0;
	if (result != FAKERT_OK)
		return result;
	if (!size || size >> FAKERT_OFFSET_BITS)
		return fakert_leave(context, FAKERT_INVALID);
	return fakert_leave(context, fakert_memory_alloc_locked(context, size, address));
}

static void fakert_memory_drop(struct fakert_context *context, struct fakert_memory **link)
{
	struct fakert_memory *memory = *link;

	*link = memory->next;
	fakert_charge(context->device, -(int64_t)memory->charged, 0);
	free(memory->bytes);
	free(memory);
}

enum fakert_result fakert_memory_free(struct fakert_context *context, fakert_address address)
{
	enum fakert_result result = fakert_enter(context);
	struct fakert_memory **link;

	if (result != FAKERT_OK)
		return result;
	link = fakert_memory_find_locked(context, address);
	if (!*link || (*link)->address != address)
		return fakert_leave(context, FAKERT_INVALID);
	result = fakert_drain_locked(context);
	if (result != FAKERT_OK)
		return fakert_leave(context, result);
	/* the list may have changed while the lock was not held */
	link = fakert_memory_find_locked(context, address);
	if (*link)
		fakert_memory_drop(context, link);
	else
		result = FAKERT_INVALID;
	return fakert_leave(context, result);
}

struct fakert_host *fakert_host_find_locked(struct fakert_context *context, const void *host,
					    size_t size)
{
	uintptr_t start = (uintptr_t)host;
	struct fakert_host *h;

	for (h = context->hosts; h; h = h->next)
		if (start >= h->start && start - h->start <= h->size &&
		    size <= h->size - (start - h->start))
			return h;
	return NULL;
}

/* Sleeps as long as registering takes, holding the context as the vendor's driver does. */
static void fakert_register_pace(struct fakert_context *context, size_t size)
{
	struct fakert_device_desc desc;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	fakert_device_describe(context->device, &desc);
	fakert_sleep_until(fakert_now() + (size + page - 1) / page * desc.register_page_ns);
}

enum fakert_result fakert_host_register(struct fakert_context *context, void *host, size_t size)
{
	enum fakert_result result = fakert_enter(context);
	uintptr_t start = (uintptr_t)host;
	struct fakert_host *h;

	if (result != FAKERT_OK)
		return result;
	if (!host || !size || start > UINTPTR_MAX - size)
		return fakert_leave(context, FAKERT_INVALID);
	for (h = context->hosts; h; h = h->next)
		if (start < h->start + h->size && h->start < start + size)
			return fakert_leave(context, FAKERT_REGISTERED);
	h = calloc(1, sizeof(*h));
	if (!h)
		return fakert_leave(context, FAKERT_NO_HOST_MEMORY);
	fakert_register_pace(context, size);
	h->start = start;
	h->size = size;
	h->next = context->hosts;
	context->hosts = h;
	return fakert_leave(context, FAKERT_OK);
}

enum fakert_result fakert_host_unregister(struct fakert_context *context, void *host)
{
	enum fakert_result result = fakert_enter(context);
	struct fakert_host **link;
	struct fakert_host *h;

	if (result != FAKERT_OK)
		return result;
	for (link = &context->hosts; *link; link = &(*link)->next)
		if ((*link)->start == (uintptr_t)host)
			break;
	h = *link;
	if (!h)
		return fakert_leave(context, FAKERT_NOT_REGISTERED);
	if (h->users)
		return fakert_leave(context, FAKERT_BUSY);
	fakert_register_pace(context, h->size);
	*link = h->next;
	free(h);
	return fakert_leave(context, FAKERT_OK);
}

void fakert_memory_release(struct fakert_context *context)
{
	struct fakert_host *h;

	while (context->memory)
		fakert_memory_drop(context, &context->memory);
	while ((h = context->hosts)) {
		context->hosts = h->next;
		free(h);
	}
}
