/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the program has done to its buffers, so that it can be done again.
 *
 * DOC: journal
 *
 * A job of a graph writes a part of a buffer, so it reads the rest of it: weft cannot run it again
 * when the device is lost with the only copy. The client can: it has told the device everything
 * itself. It keeps an image of each buffer from before the first job that writes it, and behind
 * that the jobs and the bytes that the program wrote, in order. After a loss the images are written
 * back and all of that is done again, on whichever of the devices are left.
 *
 * When the journal is longer than its limit, images are taken anew and it is emptied: a
 * checkpoint. Buffers that no job writes (weights) are never copied: the host's copy of them is
 * valid for as long as they live.
 *
 * Rejected: images after every graph (they are copied from the device, a journal is not); copies
 * of buffers on a second device (twice the memory, all the time); leaving it to the kernel (it
 * knows neither which bytes of a buffer a job wrote, nor when the program needs the old ones no
 * more).
 */
#ifndef WEFT_GGML_JOURNAL_H
#define WEFT_GGML_JOURNAL_H

#include "client.h"

/**
 * struct weft_ggml_entry - a job, or a write of the program's
 * @next: the one after it
 * @mask: of a job: devices that may run it; 0: this is a write
 * @work: of a job: about how many operations it is
 * @kernel: of a job
 * @base_count: of a job: buffers
 * @written: of a job: bit n: it writes into buffer n
 * @buffers: that are used; of a write the first
 * @offset: of a write
 * @fill: of a write: @size times the byte @bytes[0]
 * @size: bytes of the blob, or of the write
 * @bytes: the blob, or what was written
 */
struct weft_ggml_entry {
	struct weft_ggml_entry *next;
	uint64_t mask;
	uint64_t work;
	uint32_t kernel;
	uint32_t base_count;
	uint32_t written;
	struct weft_ggml_buffer *buffers[WEFT_GGML_MAX_BASES];
	uint64_t offset;
	bool fill;
	size_t size;
	unsigned char bytes[];
};

/* One thread at a time uses buffers; all that follow are called with this lock held. */
void weft_ggml_journal_lock(void);
void weft_ggml_journal_unlock(void);

/** weft_ggml_journal_entry() - an entry with @size bytes, all zeros; NULL: no memory */
struct weft_ggml_entry *weft_ggml_journal_entry(size_t size);

/**
 * weft_ggml_journal_job() - a job is about to be submitted
 * @entry: the job; the journal's from now on, also on failure
 *
 * Return: 0, -ENOMEM, or why a buffer that it writes cannot be read.
 */
int weft_ggml_journal_job(struct weft_ggml_entry *entry);

/**
 * weft_ggml_journal_run() - submit jobs and wait for them; after a loss, do all again
 * @client: client
 * @batch: jobs made of the newest entries; empty afterwards
 *
 * Return: 0, or why they failed.
 */
int weft_ggml_journal_run(struct weft_ggml_client *client, struct weft_batch *batch);

/** weft_ggml_journal_put() - add the job of an entry to a batch */
void weft_ggml_journal_put(struct weft_ggml_client *client, struct weft_batch *batch,
			   const struct weft_ggml_entry *entry);

/** weft_ggml_journal_trim() - a checkpoint, if it is time for one */
void weft_ggml_journal_trim(struct weft_ggml_client *client);

/** weft_ggml_journal_drop() - a graph has failed: what is in the buffers is not known any more */
void weft_ggml_journal_drop(void);

/* Access to a buffer: 0, or libweft's error */
/** weft_ggml_journal_write() - @size bytes, or @size times the first one, to @offset */
int weft_ggml_journal_write(struct weft_ggml_client *client, struct weft_ggml_buffer *buffer,
			    uint64_t offset, const void *bytes, size_t size, bool fill);
/** weft_ggml_journal_read() - @size bytes from @offset */
int weft_ggml_journal_read(struct weft_ggml_client *client, struct weft_ggml_buffer *buffer,
			   uint64_t offset, void *bytes, size_t size);

/** weft_ggml_journal_enter() - a buffer was made */
void weft_ggml_journal_enter(struct weft_ggml_buffer *buffer);
/** weft_ggml_journal_leave() - a buffer is about to be freed */
void weft_ggml_journal_leave(struct weft_ggml_client *client, struct weft_ggml_buffer *buffer);

#endif /* WEFT_GGML_JOURNAL_H */
