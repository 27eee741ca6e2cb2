// SPDX-License-Identifier: GPL-2.0-only
/* See pool.h. */
#include "pool.h"

static struct pool *pool_of(struct weft_sched *s)
{
	return container_of(s, struct pool, s);
}

static void pool_log(struct weft_sched *s, const struct weft_rec *rec)
{
	struct pool *p = pool_of(s);

	if (p->log_count == p->log_room) {
		p->log_room = p->log_room ? 2 * p->log_room : 256;
		p->log = realloc(p->log, p->log_room * sizeof(*p->log));
		assert_non_null(p->log);
	}
	p->log[p->log_count++] = *rec;
}

static void pool_ready(struct weft_sched *s, struct weft_sched_job *job)
{
	assert_int_equal(job->state, WEFT_JOB_READY);
	pool_of(s)->ready++;
}

static void pool_poisoned(struct weft_sched *s, struct weft_sched_job *job)
{
	struct pool *p = pool_of(s);

	assert_int_equal(job->state, WEFT_JOB_DONE);
	assert_true(job->poisoned);
	p->poisoned++;
	p->last_poisoned = job->id;
}

static void pool_recall(struct weft_sched *s, struct weft_sched_job *job)
{
	struct pool *p = pool_of(s);

	assert_in_range(job->state, WEFT_JOB_BINDING, WEFT_JOB_RUNNING);
	assert_true(job->poisoned);
	p->recalled++;
	p->last_recalled = job->id;
}

static const struct weft_sched_ops pool_ops = {
	.log = pool_log,
	.ready = pool_ready,
	.poisoned = pool_poisoned,
	.recall = pool_recall,
};

struct pool *pool_new(const char *policy)
{
	struct pool *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	memset(&p->s, 0x5a, sizeof(p->s));
	assert_int_equal(weft_sched_init(&p->s, &pool_ops, policy, p->est, EST_COUNT, 0), 0);
	return p;
}

void *pool_alloc(struct pool *p, size_t size)
{
	void *block = calloc(1, size ? size : 1);

	assert_non_null(block);
	if (!(p->block_count & (p->block_count - 1))) {
		size_t room = p->block_count ? 2 * p->block_count : 1;

		p->blocks = realloc(p->blocks, room * sizeof(*p->blocks));
		assert_non_null(p->blocks);
	}
	p->blocks[p->block_count++] = block;
	return block;
}

/* Memory that the scheduler has to initialise itself. */
static void *pool_alloc_dirty(struct pool *p, size_t size)
{
	return memset(pool_alloc(p, size), 0x5a, size);
}

void pool_free(struct pool *p)
{
	size_t i;

	for (i = 0; i < p->block_count; i++)
		free(p->blocks[i]);
	free(p->blocks);
	free(p->log);
	free(p);
}

struct weft_sched_tenant *pool_tenant(struct pool *p, u32 weight)
{
	struct weft_sched_tenant *t = pool_alloc_dirty(p, sizeof(*t));

	t->id = ++p->tenant_id;
	t->weight = weight;
	assert_int_equal(weft_sched_tenant_add(&p->s, t, p->now), 0);
	return t;
}

struct weft_sched_client *pool_client(struct pool *p, struct weft_sched_tenant *t)
{
	struct weft_sched_client *c = pool_alloc_dirty(p, sizeof(*c));

	c->id = ++p->client_id;
	c->tenant = t;
	assert_int_equal(weft_sched_client_add(&p->s, c, p->now), 0);
	return c;
}

struct weft_sched_device *pool_device(struct pool *p, u32 id, u32 price)
{
	struct weft_sched_device *d = pool_alloc_dirty(p, sizeof(*d));

	d->id = id;
	d->model = id;
	d->dev_class = 0;
	d->region = id + 1;
	d->host_region = 0;
	d->credits = 1;
	d->depth = 1;
	d->price = price;
	d->open = true;
	d->chains = false;
	d->down = (struct weft_sched_link){ .bandwidth = 1000 };
	d->up = d->down;
	assert_int_equal(weft_sched_device_add(&p->s, d, p->now), 0);
	return d;
}

struct weft_sched_data *pool_data(struct pool *p, u64 bytes, u64 valid)
{
	struct weft_sched_data *d = pool_alloc_dirty(p, sizeof(*d));

	d->id = ++p->data_id;
	d->bytes = bytes;
	d->valid = valid;
	weft_sched_data_add(&p->s, d, p->now);
	return d;
}

struct weft_sched_job *pool_submit(struct pool *p, const struct spec *spec)
{
	struct weft_sched_job *job = pool_alloc(p, sizeof(*job));
	struct weft_sched_edge *edges;
	u32 count, i;

	job->id = ++p->job_id;
	job->client = spec->client;
	job->kernel = spec->kernel;
	job->size = spec->size ? spec->size : 1;
	job->devices = spec->devices ? spec->devices : U64_MAX;
	job->service = spec->service ? spec->service - 1 : WEFT_SERVICE_BATCH;
	job->priority = spec->priority;
	job->deadline = spec->deadline;
	job->run_anyway = spec->run_anyway;
	job->lease = spec->lease;
	job->ref_count = spec->use_count;
	job->refs = pool_alloc_dirty(p, spec->use_count * sizeof(*job->refs));
	for (i = 0; i < spec->use_count; i++) {
		job->refs[i].data = spec->uses[i].data;
		job->refs[i].bytes = spec->uses[i].data->bytes;
		job->refs[i].access = spec->uses[i].access;
		job->refs[i].no_implicit = spec->uses[i].no_implicit;
	}
	count = spec->after_count + weft_sched_job_edges(&p->s, job);
	edges = pool_alloc_dirty(p, count * sizeof(*edges));
	for (i = 0; i < spec->after_count; i++)
		edges[i].from = spec->after[i];
	assert_int_equal(weft_sched_job_submit(&p->s, job, edges, count, spec->after_count,
					       p->now), 0);
	return job;
}

struct weft_sched_job *pool_job(struct pool *p, struct weft_sched_client *c, u64 kernel)
{
	return pool_add(p, .client = c, .kernel = kernel);
}

void pool_teach(struct pool *p, struct weft_sched_client *c, u64 kernel,
		struct weft_sched_device *d, u64 ns)
{
	struct weft_sched_job *job;
	u64 id = d->id;

	job = pool_add(p, .client = c, .kernel = kernel, .devices = BIT_ULL(id));
	assert_ptr_equal(pool_pick(p).job, job);
	pool_start(p, job);
	pool_done(p, job, ns);
}

struct weft_sched_decision pool_pick(struct pool *p)
{
	struct weft_sched_decision d;

	assert_true(weft_sched_pick(&p->s, p->now, &d));
	/* BOUND: it was due */
	assert_true(d.job->state == WEFT_JOB_BINDING || d.job->state == WEFT_JOB_BOUND);
	assert_int_equal(d.job->aside, WEFT_ASIDE_NOT);
	assert_int_equal(d.job->device, d.device->id);
	return d;
}

void pool_pick_none(struct pool *p)
{
	struct weft_sched_decision d;

	assert_false(weft_sched_pick(&p->s, p->now, &d));
}

void pool_start(struct pool *p, struct weft_sched_job *job)
{
	if (job->state == WEFT_JOB_BINDING)
		assert_int_equal(weft_sched_job_bound(&p->s, job, p->now), 0);
	assert_int_equal(weft_sched_job_running(&p->s, job, p->now), 0);
	assert_int_equal(job->state, WEFT_JOB_RUNNING);
}

void pool_done(struct pool *p, struct weft_sched_job *job, u64 busy)
{
	assert_int_equal(weft_sched_job_done(&p->s, job, 0, busy, p->now), 0);
	assert_int_equal(job->state, WEFT_JOB_DONE);
}

size_t pool_count(const struct pool *p, u32 type, struct weft_rec *last)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < p->log_count; i++) {
		if (p->log[i].type != type)
			continue;
		count++;
		if (last)
			*last = p->log[i];
	}
	return count;
}
