// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of ggml that are buffers of weft.
 *
 * DOC: buffer
 *
 * A buffer of ggml has a base, and the address of a tensor in it is that base plus an offset. Here
 * the base is a range of addresses that is reserved and has no memory: an address tells which
 * tensor of which buffer is meant, and whoever uses it as a pointer is stopped. The bytes are in a
 * weft buffer, wherever weft keeps them; all devices of the pool use the same buffer, so that ggml
 * copies nothing when a graph goes from one to another.
 *
 * ggml expects reading and writing of tensors to succeed. If they do not, because the job that
 * should have written a tensor failed, there is nothing to give back: the process is stopped with
 * the reason.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "journal.h"
#include "stats.h"

/* of tensors in a buffer; what the devices' own backends ask for is 16 to 256 */
#define WEFT_GGML_ALIGNMENT	256

static void weft_buffer_check(int error, const char *what, const struct ggml_tensor *tensor)
{
	if (!error)
		return;
	weft_ggml_say("%s %s: %s", what, tensor ? tensor->name : "a buffer", weft_error());
	abort();
}

static void weft_buffer_free(ggml_backend_buffer_t buffer)
{
	struct weft_ggml_buffer *b = buffer->context;

	weft_ggml_journal_lock();
	weft_ggml_journal_leave(weft_ggml_client(), b);
	weft_bo_destroy(b->bo);
	weft_ggml_journal_unlock();
	munmap(b->base, b->size);
	free(b);
}

static void *weft_buffer_base(ggml_backend_buffer_t buffer)
{
	struct weft_ggml_buffer *b = buffer->context;

	return b->base;
}

static uint64_t weft_buffer_offset(const struct weft_ggml_buffer *b,
				   const struct ggml_tensor *tensor)
{
	return (uint64_t)((const char *)tensor->data - b->base);
}

static void weft_buffer_put(struct weft_ggml_buffer *b, const struct ggml_tensor *tensor,
			    uint64_t offset, const void *bytes, size_t size, bool fill)
{
	uint64_t start = weft_ggml_stats_now();
	int ret;

	weft_ggml_journal_lock();
	ret = weft_ggml_journal_write(weft_ggml_client(), b, offset, bytes, size, fill);
	weft_ggml_journal_unlock();
	weft_ggml_stats_add(WEFT_GGML_TENSOR_NS, weft_ggml_stats_now() - start);
	weft_buffer_check(ret, "writing", tensor);
}

static void weft_buffer_set(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor,
			    const void *data, size_t offset, size_t size)
{
	struct weft_ggml_buffer *b = buffer->context;

	weft_buffer_put(b, tensor, weft_buffer_offset(b, tensor) + offset, data, size, false);
}

static void weft_buffer_memset(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor,
			       uint8_t value, size_t offset, size_t size)
{
	struct weft_ggml_buffer *b = buffer->context;

	weft_buffer_put(b, tensor, weft_buffer_offset(b, tensor) + offset, &value, size, true);
}

static void weft_buffer_clear(ggml_backend_buffer_t buffer, uint8_t value)
{
	struct weft_ggml_buffer *b = buffer->context;

	weft_buffer_put(b, NULL, 0, &value, b->size, true);
}

static void weft_buffer_get(ggml_backend_buffer_t buffer, const struct ggml_tensor *tensor,
			    void *data, size_t offset, size_t size)
{
	struct weft_ggml_buffer *b = buffer->context;
	uint64_t start = weft_ggml_stats_now();
	int ret;

	weft_ggml_journal_lock();
	ret = weft_ggml_journal_read(weft_ggml_client(), b, weft_buffer_offset(b, tensor) + offset,
				     data, size);
	weft_ggml_journal_unlock();
	weft_ggml_stats_add(WEFT_GGML_TENSOR_NS, weft_ggml_stats_now() - start);
	weft_buffer_check(ret, "reading", tensor);
}

static const struct weft_ggml_buffer_table weft_buffer_table = {
	.free = weft_buffer_free,
	.base = weft_buffer_base,
	.memset_tensor = weft_buffer_memset,
	.set_tensor = weft_buffer_set,
	.get_tensor = weft_buffer_get,
	.clear = weft_buffer_clear,
};

static const char *weft_type_name(ggml_backend_buffer_type_t type)
{
	(void)type;
	return "WEFT";
}

static ggml_backend_buffer_t weft_type_alloc(ggml_backend_buffer_type_t type, size_t size)
{
	struct weft_ggml_buffer *b = calloc(1, sizeof(*b));
	ggml_backend_buffer_t buffer = NULL;

	if (!b)
		return NULL;
	b->size = size;
	b->base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->base == MAP_FAILED) {
		free(b);
		return NULL;
	}
	if (weft_bo_create(weft_ggml_client()->pool, size, 0, &b->bo))
		weft_ggml_say("%s", weft_error());
	else
		buffer = ggml_backend_buffer_init(type, weft_buffer_table, b, size);
	if (!buffer) {
		weft_bo_destroy(b->bo);
		munmap(b->base, size);
		free(b);
		return NULL;
	}
	weft_ggml_journal_lock();
	weft_ggml_journal_enter(b);
	weft_ggml_journal_unlock();
	return buffer;
}

static size_t weft_type_alignment(ggml_backend_buffer_type_t type)
{
	(void)type;
	return WEFT_GGML_ALIGNMENT;
}

/* what any of the devices can hold at once */
static size_t weft_type_max_size(ggml_backend_buffer_type_t type)
{
	struct weft_ggml_client *c = weft_ggml_client();
	size_t spare, total, most = 0, i;

	(void)type;
	for (i = 0; i < c->device_count; i++) {
		ggml_backend_dev_memory(&c->devices[i].ggml, &spare, &total);
		if (total > most)
			most = total;
	}
	return most;
}

struct ggml_backend_buffer_type weft_ggml_buffer_type = {
	.name = weft_type_name,
	.alloc = weft_type_alloc,
	.alignment = weft_type_alignment,
	.max_size = weft_type_max_size,
};

/* The buffer that a tensor is in, NULL if it is in none of weft's */
struct weft_ggml_buffer *weft_ggml_buffer_of(const struct ggml_tensor *tensor, uint64_t *offset)
{
	ggml_backend_buffer_t buffer = tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
	struct weft_ggml_buffer *b;

	if (!buffer || buffer->type != &weft_ggml_buffer_type)
		return NULL;
	b = buffer->context;
	*offset = weft_buffer_offset(b, tensor);
	return b;
}
