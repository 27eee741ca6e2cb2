// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the input log
 *
 * A ring of every input the scheduler got and every decision it made, written under the pool's
 * lock. The file "log" in the pool's debugfs folder gives it as a stream: a header, then the
 * records that are still in the ring, oldest first; a reader that keeps reading gets new
 * records as they come (a read at the end returns 0) and sees by the sequence numbers if the
 * ring went round without it. weft-replay feeds the stream to a scheduler of its own and gets
 * the same decisions.
 *
 * Only root may read it: it tells what every tenant runs.
 *
 * Rejected: relayfs (one buffer per CPU loses the one order), trace events (lossy, and slow to
 * parse bit for bit).
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include "core.h"
#include "../../scheduler/log.h"

static unsigned int log_records = 1 << 16;
module_param(log_records, uint, 0444);
MODULE_PARM_DESC(log_records,
		 "Records kept of the scheduler's inputs and decisions (64 bytes each), power of two, 1024..16777216");

/** struct weft_log - the ring; all fields but @size are under pool->lock */
struct weft_log {
	u32 size;
	u64 head;
	struct weft_rec ring[] __counted_by(size);
};

int weft_ring_init(struct weft_pool *pool)
{
	u32 size = clamp(log_records, 1u << 10, 1u << 24);

	size = rounddown_pow_of_two(size);
	pool->log = vzalloc(struct_size(pool->log, ring, size));
	if (!pool->log)
		return -ENOMEM;
	pool->log->size = size;
	return 0;
}

void weft_ring_fini(struct weft_pool *pool)
{
	vfree(pool->log);
}

void weft_ring_record(struct weft_sched *s, const struct weft_rec *rec)
{
	struct weft_pool *pool = container_of(s, struct weft_pool, sched);
	struct weft_log *log = pool->log;

	lockdep_assert_held(&pool->lock);
	log->ring[log->head++ & (log->size - 1)] = *rec;
}

/** struct weft_log_reader - one open file */
struct weft_log_reader {
	struct weft_pool *pool;
	/** @lock: one read at a time; protects the rest */
	struct mutex lock;
	bool header_sent;
	u64 next;
	struct weft_rec chunk[64];
};

static int weft_log_open(struct inode *inode, struct file *file)
{
	struct weft_log_reader *reader = kvzalloc(sizeof(*reader), GFP_KERNEL);

	if (!reader)
		return -ENOMEM;
	reader->pool = inode->i_private;
	mutex_init(&reader->lock);
	file->private_data = reader;
	return stream_open(inode, file);
}

static int weft_log_release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

/* Copy the next records into the reader's chunk; how many. */
static u32 weft_log_take(struct weft_log_reader *reader, u32 room)
{
	struct weft_pool *pool = reader->pool;
	struct weft_log *log = pool->log;
	u64 oldest;
	u32 i;

	spin_lock(&pool->lock);
	oldest = log->head > log->size ? log->head - log->size : 0;
	reader->next = max(reader->next, oldest);
	for (i = 0; i < room && reader->next < log->head; i++)
		reader->chunk[i] = log->ring[reader->next++ & (log->size - 1)];
	spin_unlock(&pool->lock);
	return i;
}

static ssize_t weft_log_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct weft_log_reader *reader = file->private_data;
	struct weft_log_header header;
	ssize_t done = 0;
	u32 n;

	if (mutex_lock_interruptible(&reader->lock))
		return -EINTR;
	if (!reader->header_sent) {
		weft_log_header_init(&header);
		if (count < sizeof(header)) {
			done = -EINVAL;
			goto out;
		}
		if (copy_to_user(buf, &header, sizeof(header))) {
			done = -EFAULT;
			goto out;
		}
		reader->header_sent = true;
		done = sizeof(header);
	}
	while (count - done >= sizeof(struct weft_rec)) {
		n = min_t(size_t, ARRAY_SIZE(reader->chunk),
			  (count - done) / sizeof(struct weft_rec));
		n = weft_log_take(reader, n);
		if (!n)
			break;
		if (copy_to_user(buf + done, reader->chunk, n * sizeof(struct weft_rec))) {
			done = -EFAULT;
			goto out;
		}
		done += n * sizeof(struct weft_rec);
		if (signal_pending(current))
			break;
		cond_resched();
	}
out:
	mutex_unlock(&reader->lock);
	return done;
}

static const struct file_operations weft_log_fops = {
	.owner = THIS_MODULE,
	.open = weft_log_open,
	.release = weft_log_release,
	.read = weft_log_read,
};

void weft_ring_debugfs(struct weft_pool *pool)
{
	debugfs_create_file("log", 0400, pool->debugfs, pool, &weft_log_fops);
}
