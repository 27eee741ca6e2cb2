// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal, checkpoints, and doing it all again.
 *
 * DOC: journal_replay
 *
 * A buffer is *dirty* if a job of the journal writes it, or the program wrote what a job of the
 * journal had read: then its image is what it was before, and every write of the program's is
 * recorded. Any other buffer is as the host has it.
 *
 * $WEFT_GGML_JOURNAL is the limit in MiB; with 0 nothing is kept, and a graph whose device is lost
 * fails.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "stats.h"

#define WEFT_JOURNAL_MIB	4
/* losses one after the other; beyond them something else is wrong */
#define WEFT_JOURNAL_TRIES	8

static struct {
	pthread_mutex_t lock;
	struct weft_ggml_entry *first;
	struct weft_ggml_entry **last;
	size_t size;
	/* what was used since the last checkpoint has this number */
	uint64_t generation;
	struct weft_ggml_buffer *buffers;
} journal = { .lock = PTHREAD_MUTEX_INITIALIZER, .generation = 1 };

void weft_ggml_journal_lock(void)
{
	pthread_mutex_lock(&journal.lock);
}

void weft_ggml_journal_unlock(void)
{
	pthread_mutex_unlock(&journal.lock);
}

static size_t weft_journal_limit(void)
{
	static size_t limit = SIZE_MAX;
	const char *text;

	if (limit == SIZE_MAX) {
		text = getenv("WEFT_GGML_JOURNAL");
		limit = (text ? strtoul(text, NULL, 10) : WEFT_JOURNAL_MIB) << 20;
	}
	return limit;
}

/* The bytes are gone with a device; anything else would be the same again. */
static bool weft_is_lost(int error)
{
	return error == -ENODEV || error == -ENODATA || error == -EIO;
}

struct weft_ggml_entry *weft_ggml_journal_entry(size_t size)
{
	struct weft_ggml_entry *entry = calloc(1, sizeof(*entry) + size);

	if (!entry)
		weft_ggml_say("no memory");
	else
		entry->size = size;
	return entry;
}

static void weft_journal_add(struct weft_ggml_entry *entry)
{
	if (!journal.first)
		journal.last = &journal.first;
	*journal.last = entry;
	journal.last = &entry->next;
	journal.size += sizeof(*entry) + (entry->fill ? 1 : entry->size);
}

static void weft_journal_empty(void)
{
	struct weft_ggml_entry *entry, *next;
	struct weft_ggml_buffer *b;

	for (entry = journal.first; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
	journal.first = NULL;
	journal.size = 0;
	journal.generation++;
	for (b = journal.buffers; b; b = b->next)
		b->dirty = false;
}

void weft_ggml_journal_drop(void)
{
	struct weft_ggml_buffer *b;

	weft_journal_empty();
	for (b = journal.buffers; b; b = b->next)
		b->image_good = false;
}

/* The buffer is about to be written, and what it was may be needed. */
static int weft_journal_touch(struct weft_ggml_buffer *b)
{
	int ret;

	if (b->dirty || !weft_journal_limit())
		return 0;
	if (!b->image)
		b->image = malloc(b->size);
	if (!b->image) {
		weft_ggml_say("no memory for an image of %zu bytes", b->size);
		return -ENOMEM;
	}
	if (!b->image_good) {
		ret = weft_bo_read(b->bo, 0, b->image, b->size);
		if (ret)
			return ret;
	}
	b->image_good = true;
	b->dirty = true;
	return 0;
}

int weft_ggml_journal_job(struct weft_ggml_entry *entry)
{
	uint32_t i;
	int ret = 0;

	weft_journal_add(entry);
	for (i = 0; i < entry->base_count && !ret; i++) {
		entry->buffers[i]->used = journal.generation;
		if (entry->written & 1u << i)
			ret = weft_journal_touch(entry->buffers[i]);
	}
	return ret;
}

void weft_ggml_journal_put(struct weft_ggml_client *client, struct weft_batch *batch,
			   const struct weft_ggml_entry *entry)
{
	struct weft_job *job = weft_job_init(batch, client->program, entry->kernel, entry->bytes,
					     (uint32_t)entry->size);
	uint32_t i, access;

	for (i = 0; i < entry->base_count; i++) {
		/* what a job writes is a part of the buffer, so the rest of it is read */
		access = DRM_WEFT_ACCESS_READ;
		if (entry->written & 1u << i)
			access |= DRM_WEFT_ACCESS_WRITE;
		weft_job_pointer(job, sizeof(struct weft_ggml_job) +
				 i * sizeof(struct weft_ggml_base), entry->buffers[i]->bo, access,
				 0);
	}
	weft_job_where(job, entry->mask, 0);
	weft_job_size(job, entry->work);
}

/* 0, -ENODEV the device was lost, or another error; it has been said unless it is -ENODEV */
static int weft_batch_run(struct weft_ggml_client *client, struct weft_batch *batch)
{
	struct drm_weft_job_record records[WEFT_GGML_BATCH];
	uint32_t count = weft_batch_count(batch), i;
	uint64_t first, start = weft_ggml_stats_now();
	int ret;

	if (!count)
		return 0;
	ret = weft_submit(client->queue, batch, WEFT_FOREVER, &first);
	weft_ggml_stats_add(WEFT_GGML_SUBMIT_NS, weft_ggml_stats_now() - start);
	if (!ret) {
		ret = weft_wait(client->pool, first, count, WEFT_FOREVER, records);
		weft_ggml_stats_records(records, count);
		for (i = 0; ret == -EREMOTEIO && i < count; i++)
			if (records[i].error == ENODEV || records[i].error == ENODATA)
				return -ENODEV;
	}
	if (ret) {
		weft_ggml_say("%s", weft_error());
		/* nothing that can run it is left: no loss, but the end */
		ret = -EREMOTEIO;
	}
	return ret;
}

static int weft_journal_restore(void)
{
	struct weft_ggml_buffer *b;
	void *bytes;
	int ret;

	for (b = journal.buffers; b; b = b->next) {
		if (!b->dirty)
			continue;
		/* written as a whole it is not LOST any more */
		ret = weft_bo_begin(b->bo, DRM_WEFT_ACCESS_WRITE, WEFT_FOREVER, &bytes);
		if (ret)
			return ret;
		memcpy(bytes, b->image, b->size);
		ret = weft_bo_end(b->bo);
		if (ret)
			return ret;
	}
	return 0;
}

static int weft_buffer_put(struct weft_ggml_buffer *b, uint64_t offset, const void *bytes,
			   size_t size, bool fill)
{
	uint32_t access = DRM_WEFT_ACCESS_WRITE;
	void *to;
	int ret;

	if (!fill)
		return weft_bo_write(b->bo, offset, bytes, size);
	if (size < b->size)
		access |= DRM_WEFT_ACCESS_READ;
	ret = weft_bo_begin(b->bo, access, WEFT_FOREVER, &to);
	if (ret)
		return ret;
	memset((char *)to + offset, *(const unsigned char *)bytes, size);
	return weft_bo_end(b->bo);
}

static int weft_journal_replay(struct weft_ggml_client *client, struct weft_batch *batch,
			       uint32_t *jobs)
{
	const struct weft_ggml_entry *entry;
	int ret = weft_journal_restore();

	*jobs = 0;
	weft_batch_reset(batch);
	for (entry = journal.first; entry && !ret; entry = entry->next) {
		if (!entry->mask || weft_batch_count(batch) == WEFT_GGML_BATCH)
			ret = weft_batch_run(client, batch);
		if (ret)
			break;
		if (entry->mask) {
			weft_ggml_journal_put(client, batch, entry);
			++*jobs;
		} else {
			ret = weft_buffer_put(entry->buffers[0], entry->offset, entry->bytes,
					      entry->size, entry->fill);
		}
	}
	return ret ? ret : weft_batch_run(client, batch);
}

/* Bring the buffers to where they were. */
static int weft_journal_recover(struct weft_ggml_client *client)
{
	struct weft_batch *batch;
	uint32_t tries, jobs = 0;
	int ret = -ENODEV;

	if (weft_journal_limit() && !weft_batch_create(client->pool, &batch)) {
		for (tries = 0; tries < WEFT_JOURNAL_TRIES && weft_is_lost(ret); tries++)
			ret = weft_journal_replay(client, batch, &jobs);
		weft_batch_destroy(batch);
	}
	if (ret) {
		weft_ggml_say("a device was lost, and what it held cannot be made again: %s",
			      weft_error());
		/* there is no way back from now on */
		weft_ggml_journal_drop();
		return ret;
	}
	weft_ggml_stats_add(WEFT_GGML_RERUNS, jobs);
	weft_ggml_say("a device was lost: %u jobs were run again", jobs);
	return 0;
}

int weft_ggml_journal_run(struct weft_ggml_client *client, struct weft_batch *batch)
{
	int ret = weft_batch_run(client, batch);

	return ret == -ENODEV ? weft_journal_recover(client) : ret;
}

/*
 * Images of now. First all buffers come to the host: after that nothing can be lost, and the
 * images, which the journal still needs until then, can be overwritten.
 */
static int weft_journal_checkpoint(struct weft_ggml_client *client,
				   const struct weft_ggml_buffer *leaving)
{
	struct weft_ggml_buffer *b = journal.buffers;
	void *bytes;
	int ret = 0;

	while (b) {
		if (b->dirty && b != leaving) {
			ret = weft_bo_begin(b->bo, DRM_WEFT_ACCESS_READ, WEFT_FOREVER, &bytes);
			if (!ret)
				ret = weft_bo_end(b->bo);
		}
		b = b->next;
		if (weft_is_lost(ret)) {
			ret = weft_journal_recover(client);
			b = journal.buffers;
		}
		if (ret)
			return ret;
	}
	for (b = journal.buffers; b && !ret; b = b->next)
		if (b->dirty && b != leaving)
			ret = weft_bo_read(b->bo, 0, b->image, b->size);
	if (ret)
		weft_ggml_journal_drop();
	else
		weft_journal_empty();
	return ret;
}

void weft_ggml_journal_trim(struct weft_ggml_client *client)
{
	if (!weft_journal_limit())
		weft_journal_empty();
	else if (journal.size > weft_journal_limit())
		weft_journal_checkpoint(client, NULL);
}

int weft_ggml_journal_write(struct weft_ggml_client *client, struct weft_ggml_buffer *b,
			    uint64_t offset, const void *bytes, size_t size, bool fill)
{
	size_t length = fill ? 1 : size;
	struct weft_ggml_entry *entry = NULL;
	int ret = 0;

	if (!size)
		return 0;
	if (journal.size + length > weft_journal_limit() && journal.first)
		ret = weft_journal_checkpoint(client, NULL);
	if (!ret && b->used == journal.generation)
		ret = weft_journal_touch(b);
	if (ret)
		return ret;
	b->image_good = b->dirty;
	if (b->dirty) {
		entry = weft_ggml_journal_entry(length);
		if (!entry)
			return -ENOMEM;
		memcpy(entry->bytes, bytes, length);
		entry->buffers[0] = b;
		entry->offset = offset;
		entry->size = size;
		entry->fill = fill;
	}
	ret = weft_buffer_put(b, offset, bytes, size, fill);
	if (weft_is_lost(ret) && !weft_journal_recover(client))
		ret = weft_buffer_put(b, offset, bytes, size, fill);
	if (ret)
		free(entry);
	else if (entry)
		weft_journal_add(entry);
	return ret;
}

int weft_ggml_journal_read(struct weft_ggml_client *client, struct weft_ggml_buffer *b,
			   uint64_t offset, void *bytes, size_t size)
{
	uint32_t tries;
	int ret;

	if (!size)
		return 0;
	ret = weft_bo_read(b->bo, offset, bytes, size);
	for (tries = 0; weft_is_lost(ret) && tries < WEFT_JOURNAL_TRIES; tries++) {
		if (weft_journal_recover(client))
			break;
		ret = weft_bo_read(b->bo, offset, bytes, size);
	}
	return ret;
}

void weft_ggml_journal_enter(struct weft_ggml_buffer *buffer)
{
	buffer->next = journal.buffers;
	journal.buffers = buffer;
}

void weft_ggml_journal_leave(struct weft_ggml_client *client, struct weft_ggml_buffer *buffer)
{
	struct weft_ggml_buffer **link = &journal.buffers;

	if (buffer->used == journal.generation && weft_journal_limit())
		weft_journal_checkpoint(client, buffer);
	while (*link != buffer)
		link = &(*link)->next;
	*link = buffer->next;
	free(buffer->image);
}
