// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks devices what they can do, and remembers it.
 *
 * DOC: query
 *
 * Which operations a device can do for which types and shapes only its own backend knows, and
 * that is in the server. So the question is a job: the node as a blob for the query kernel, the
 * answer in a buffer. ggml asks for every node of every graph, and the same things again and
 * again; an answer stands for as long as the process lives.
 *
 * Rejected: a list of operations in the device's description (support depends on types, shapes
 * and strides, and on the backend's release).
 */
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "stats.h"
#include "writer.h"

#define WEFT_GGML_BUCKETS	4096
/* more than that are no program's graph, and are forgotten */
#define WEFT_GGML_ANSWERS	65536
/* a seat may be lost with the question, and start anew */
#define WEFT_GGML_TRIES		3

struct weft_ggml_answer {
	struct weft_ggml_answer *next;
	uint64_t mask;
	uint32_t size;
	bool yes;
	unsigned char blob[];
};

struct weft_ggml_answers {
	struct weft_ggml_answer *buckets[WEFT_GGML_BUCKETS];
	uint32_t count;
	struct weft_bo *reply;
	struct weft_batch *batch;
};

static struct weft_ggml_answer **weft_answer_bucket(struct weft_ggml_answers *a, uint64_t mask,
						    const unsigned char *blob, uint32_t size)
{
	uint64_t hash = 14695981039346656037ull ^ mask, word;
	uint32_t i;

	/* ggml asks for each node of each graph: word by word, as bytes take eight times as long */
	for (i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, blob + i, sizeof(word));
		hash = (hash ^ word) * 1099511628211ull;
		hash ^= hash >> 29;
	}
	return &a->buckets[(hash ^ hash >> 32) % WEFT_GGML_BUCKETS];
}

static void weft_answers_forget(struct weft_ggml_answers *a)
{
	struct weft_ggml_answer *answer, *next;
	uint32_t i;

	for (i = 0; i < WEFT_GGML_BUCKETS; i++) {
		for (answer = a->buckets[i]; answer; answer = next) {
			next = answer->next;
			free(answer);
		}
		a->buckets[i] = NULL;
	}
	a->count = 0;
}

static struct weft_ggml_answers *weft_answers(struct weft_ggml_client *c)
{
	struct weft_ggml_answers *a = c->answers;

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	if (weft_bo_create(c->pool, 4096, 0, &a->reply) || weft_batch_create(c->pool, &a->batch)) {
		weft_ggml_say("%s", weft_error());
		weft_bo_destroy(a->reply);
		free(a);
		return NULL;
	}
	c->answers = a;
	return a;
}

/* Has the device left? One whose server only started anew is there. */
static bool weft_device_left(struct weft_ggml_client *c, uint64_t mask)
{
	struct drm_weft_device_info *list;
	uint32_t count, i;
	bool left = true;

	if (weft_device_list(c->pool, &list, &count))
		return true;
	for (i = 0; i < count; i++)
		if (1ull << list[i].id == mask && list[i].health <= DRM_WEFT_HEALTH_DEGRADED)
			left = false;
	free(list);
	return left;
}

static int weft_ask_once(struct weft_ggml_client *c, struct weft_ggml_answers *a, uint64_t mask,
			 const void *blob, uint32_t size, uint32_t *yes)
{
	struct weft_job *job;
	uint64_t first;
	int ret;

	weft_batch_reset(a->batch);
	job = weft_job_init(a->batch, c->program, WEFT_GGML_QUERY, blob, size);
	weft_job_pointer(job, sizeof(struct weft_ggml_job), a->reply, DRM_WEFT_ACCESS_WRITE, 0);
	weft_job_where(job, mask, 0);
	weft_job_flags(job, DRM_WEFT_JOB_IDEMPOTENT);
	weft_ggml_stats_add(WEFT_GGML_QUERIES, 1);
	ret = weft_submit(c->queue, a->batch, WEFT_FOREVER, &first);
	if (!ret)
		ret = weft_wait(c->pool, first, 1, WEFT_FOREVER, NULL);
	return ret ? ret : weft_bo_read(a->reply, 0, yes, sizeof(*yes));
}

/* -1: there was no answer */
static int weft_ask_device(struct weft_ggml_client *c, struct weft_ggml_answers *a, uint64_t mask,
			   const void *blob, uint32_t size)
{
	uint32_t tries, yes = 0;

	for (tries = 0; tries < WEFT_GGML_TRIES; tries++) {
		if (!weft_ask_once(c, a, mask, blob, size, &yes))
			return yes == 1;
		if (weft_device_left(c, mask)) {
			c->gone |= mask;
			return -1;
		}
	}
	weft_ggml_say("asking a device: %s", weft_error());
	return -1;
}

/* @key bytes of @size are the question, the rest is zero */
static bool weft_ask_one(struct weft_ggml_client *c, uint64_t mask, const void *blob,
			 uint32_t size, uint32_t key)
{
	struct weft_ggml_answers *a = weft_answers(c);
	struct weft_ggml_answer **bucket, *answer;
	int yes;

	if (!a)
		return false;
	bucket = weft_answer_bucket(a, mask, blob, key);
	for (answer = *bucket; answer; answer = answer->next)
		if (answer->mask == mask && answer->size == key &&
		    !memcmp(answer->blob, blob, key))
			return answer->yes;
	yes = weft_ask_device(c, a, mask, blob, size);
	if (yes < 0)
		return false;
	if (a->count == WEFT_GGML_ANSWERS) {
		weft_answers_forget(a);
		bucket = weft_answer_bucket(a, mask, blob, key);
	}
	answer = malloc(sizeof(*answer) + key);
	if (answer) {
		answer->mask = mask;
		answer->size = key;
		answer->yes = yes;
		memcpy(answer->blob, blob, key);
		answer->next = *bucket;
		*bucket = answer;
		a->count++;
	}
	return yes;
}

/* Can all devices of @mask do it? Those that have left need not. */
bool weft_ggml_ask(struct weft_ggml_client *c, uint64_t mask, const struct ggml_tensor *op)
{
	_Alignas(8) unsigned char blob[WEFT_GGML_MAX_BLOB];
	struct weft_ggml_writer writer;
	uint32_t kernel, size, key;
	bool yes = true;
	uint64_t bit;

	if (!weft_ggml_op_find(op) || weft_ggml_op_check(op))
		return false;
	weft_ggml_writer_reset(&writer, NULL);
	if (weft_ggml_writer_add(&writer, op))
		return false;
	size = weft_ggml_writer_finish(&writer, blob, &kernel);
	key = (((struct weft_ggml_job *)blob)->size + 7) / 8 * 8;
	pthread_mutex_lock(&c->lock);
	for (bit = 1; bit && yes; bit <<= 1)
		if (mask & bit & ~c->gone)
			yes = weft_ask_one(c, bit, blob, size, key) || c->gone & bit;
	yes = yes && mask & ~c->gone;
	pthread_mutex_unlock(&c->lock);
	return yes;
}
