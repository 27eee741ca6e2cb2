// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random workloads: what must hold whatever happens.
 *
 * DOC: property tests
 *
 * A small discrete-event simulation drives the scheduler: devices with true run times that the
 * scheduler has to learn, jobs with buffers and edges, and now and then a failure, a cancel, a
 * bind without space, a lost device, a changed weight or policy. An oracle that knows nothing
 * of hazard lists compares every pair of jobs. Some jobs are set aside and become due later.
 * The log is replayed at the end of each workload.
 *
 * Every workload follows from its seed, which is printed if it fails.
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/lease.c */
/* sources: scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: tools/replay/replaylog.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "pool.h"
#include "replaylog.h"

#define JOBS	48	/* fewer than WEFT_SCHED_LOOKS, so that a pick sees every READY job */
#define DEVICES	4
#define DATA	6
#define KERNELS	5

struct world {
	struct pool *p;
	u64 seed;
	u64 random;
	struct weft_sched_tenant *tenant[3];
	struct weft_sched_client *client[5];
	struct weft_sched_device *device[DEVICES];
	u32 device_count;
	struct weft_sched_data *data[DATA];
	struct weft_sched_job *job[JOBS];
	/* when the running job ends; 0: not running */
	u64 end[JOBS];
	u32 ends[JOBS];
	/* it is set aside, or due */
	bool aside[JOBS];
	/* records of the log that were looked at, last plan of each job */
	size_t seen;
	size_t plan[JOBS];
	u64 busy[3];
};

static u64 rnd(struct world *w, u64 below)
{
	w->random = weft_mix64(w->random + 0x9e3779b97f4a7c15ull);
	return w->random % below;
}

#define check(w, cond)								\
	do {									\
		if (!(cond))							\
			fail_msg("seed %llu at %llu ns: %s", (w)->seed, (w)->p->now, #cond); \
	} while (0)

/* True run time: kernels suit models differently, within a factor of 20. */
static u64 true_run(const struct weft_sched_job *job, const struct weft_sched_device *d)
{
	return (1000 + weft_mix64(job->kernel * 64 + d->model) % 19000) * job->size;
}

static struct world *world_new(u64 seed, const char *policy)
{
	struct world *w = calloc(1, sizeof(*w));
	u32 i;

	assert_non_null(w);
	w->p = pool_new(policy);
	w->seed = seed;
	w->random = weft_mix64(seed);
	for (i = 0; i < 3; i++)
		w->tenant[i] = pool_tenant(w->p, 1 + (u32)rnd(w, 1000));
	for (i = 0; i < 5; i++)
		w->client[i] = pool_client(w->p, w->tenant[i % 3]);
	w->device_count = 1 + (u32)rnd(w, DEVICES);
	for (i = 0; i < w->device_count; i++) {
		struct weft_sched_device *d = pool_alloc(w->p, sizeof(*d));

		d->id = i * 7;
		d->model = (u32)rnd(w, 3);
		d->region = 2 + i;
		d->host_region = (u32)rnd(w, 2);
		d->credits = 1 + (u32)rnd(w, 3);
		d->depth = 1 + (u32)rnd(w, 3);
		d->price = 1 + (u32)rnd(w, 4096);
		d->open = true;
		d->chains = false;
		d->down = (struct weft_sched_link){ 1 + rnd(w, 5000), rnd(w, 1000) };
		d->up = (struct weft_sched_link){ 1 + rnd(w, 5000), rnd(w, 1000) };
		assert_int_equal(weft_sched_device_add(&w->p->s, d, 0), 0);
		w->device[i] = d;
	}
	for (i = 0; i < DATA; i++)
		w->data[i] = pool_data(w->p, 1 + rnd(w, 100000), rnd(w, 3));
	return w;
}

static void world_free(struct world *w)
{
	pool_free(w->p);
	free(w);
}

static void world_submit(struct world *w, u32 i)
{
	struct weft_sched_job *after[2];
	struct use uses[3];
	struct spec spec = {
		.client = w->client[rnd(w, 5)],
		.kernel = 1 + rnd(w, KERNELS),
		.size = 1ull << rnd(w, 4),
		.service = 1 + (u32)rnd(w, WEFT_SERVICE_COUNT),
		.priority = (u32)rnd(w, 8),
		.run_anyway = !rnd(w, 6),
		.uses = uses,
		.after = after,
		.deadline = rnd(w, 2),
	};
	u32 first = (u32)rnd(w, DATA);

	spec.use_count = (u32)rnd(w, 4);
	for (u32 k = 0; k < spec.use_count; k++)
		uses[k] = (struct use){ w->data[(first + k) % DATA], 1 + (u32)rnd(w, 3),
					!rnd(w, 5) };
	for (spec.after_count = 0; i && spec.after_count < rnd(w, 3); spec.after_count++)
		after[spec.after_count] = w->job[rnd(w, i)];
	if (!rnd(w, 3))
		spec.devices = BIT_ULL(w->device[rnd(w, w->device_count)]->id);
	w->job[i] = pool_submit(w->p, &spec);
}

/* Must @a, submitted before @b, be DONE before @b may be placed? */
static bool conflicts(const struct weft_sched_job *a, const struct weft_sched_job *b)
{
	u32 i, k;

	for (i = 0; i < a->ref_count; i++) {
		for (k = 0; k < b->ref_count; k++) {
			const struct weft_sched_ref *x = &a->refs[i], *y = &b->refs[k];

			if (x->data != y->data)
				continue;
			if (x->access & y->access & W)
				return true;
			if (((x->access | y->access) & W) && !y->no_implicit)
				return true;
		}
	}
	return false;
}

static void check_placed(struct world *w, const struct weft_sched_decision *d)
{
	u32 i;

	check(w, d->device->outstanding <= d->device->credits + d->device->depth);
	check(w, d->job->devices & BIT_ULL(d->device->id));
	check(w, d->device->open);
	for (i = 0; i < JOBS && w->job[i] && w->job[i]->id < d->job->id; i++) {
		if (w->job[i]->state != WEFT_JOB_DONE)
			check(w, !conflicts(w->job[i], d->job));
	}
}

/* Follow the log: the last plan of each job. */
static void read_plans(struct world *w)
{
	for (; w->seen < w->p->log_count; w->seen++) {
		const struct weft_rec *rec = &w->p->log[w->seen];

		if (rec->type == WEFT_REC_PLAN)
			w->plan[rec->id - 1] = w->seen;
	}
}

/* A device may idle only if each READY job it could run has a plan that ends no later. */
static void check_conserving(struct world *w)
{
	u32 i, k;

	read_plans(w);
	for (i = 0; i < w->device_count; i++) {
		const struct weft_sched_device *d = w->device[i];

		if (!d->open || d->outstanding >= d->credits + d->depth)
			continue;
		for (k = 0; k < JOBS && w->job[k]; k++) {
			const struct weft_rec *plan, *c;

			/* one that is due runs here and nowhere else */
			check(w, w->job[k]->aside != WEFT_ASIDE_DUE || w->job[k]->device != d->id);
			if (w->job[k]->state != WEFT_JOB_READY ||
			    !(w->job[k]->devices & ~w->job[k]->denied & BIT_ULL(d->id)))
				continue;
			check(w, w->plan[k]);
			plan = &w->p->log[w->plan[k]];
			check(w, plan->a != d->id);
			for (c = plan + 1; c->type == WEFT_REC_CANDIDATE && c->a != d->id; c++)
				;
			check(w, c->type == WEFT_REC_CANDIDATE);
			check(w, c->arg[3] >= plan->arg[3]);
		}
	}
}

static void start_or_bounce(struct world *w, struct weft_sched_decision *d)
{
	u32 i = (u32)d->job->id - 1;

	int ret;

	if (!rnd(w, 20) && d->job->state == WEFT_JOB_BINDING) {
		ret = weft_sched_job_return(&w->p->s, d->job, WEFT_RETURN_NO_SPACE, 0, w->p->now);
		if (ret == -ENOSPC) {
			ret = weft_sched_job_cancel(&w->p->s, d->job, ret, w->p->now);
			w->ends[i]++;
		}
		assert_int_equal(ret, 0);
		return;
	}
	if (d->job->state == WEFT_JOB_BOUND) {
		check(w, w->aside[i] && !d->job->aside);
		w->aside[i] = false;
		assert_int_equal(weft_sched_job_running(&w->p->s, d->job, w->p->now), 0);
	} else if (!rnd(w, 6)) {
		assert_int_equal(weft_sched_job_bound(&w->p->s, d->job, w->p->now), 0);
		assert_int_equal(weft_sched_job_aside(&w->p->s, d->job, w->p->now), 0);
		w->aside[i] = true;
		return;
	} else {
		pool_start(w->p, d->job);
	}
	w->end[i] = w->p->now + 1 + true_run(d->job, d->device);
}

static void finish(struct world *w, u32 i)
{
	struct weft_sched_job *job = w->job[i];
	struct weft_sched_device *d = w->device[job->device / 7];
	u64 run = true_run(job, d);
	int error = rnd(w, 25) ? 0 : -EIO;

	w->end[i] = 0;
	w->ends[i]++;
	w->busy[job->client->tenant->id - 1] += run;
	assert_int_equal(weft_sched_job_done(&w->p->s, job, error, run, w->p->now), 0);
}

/* Take @d away with all that runs on it, and bring it back. */
static void lose(struct world *w, struct weft_sched_device *d)
{
	struct weft_sched_device to = *d;
	u32 i;

	to.open = false;
	assert_int_equal(weft_sched_device_set(&w->p->s, d, &to, w->p->now), 0);
	for (i = 0; i < JOBS; i++) {
		if ((!w->end[i] && !w->aside[i]) || w->job[i]->device != d->id)
			continue;
		w->end[i] = 0;
		w->aside[i] = false;
		assert_int_equal(weft_sched_job_return(&w->p->s, w->job[i],
						       WEFT_RETURN_DEVICE_LOST, 0, w->p->now), 0);
	}
	for (i = 0; i < DATA; i++)
		weft_sched_data_set(&w->p->s, w->data[i],
				    w->data[i]->valid & ~BIT_ULL(d->region), w->p->now);
	assert_int_equal(d->outstanding, 0);
	if (rnd(w, 2)) {
		assert_int_equal(weft_sched_device_remove(&w->p->s, d, w->p->now), 0);
		assert_int_equal(weft_sched_device_add(&w->p->s, d, w->p->now), 0);
	}
	to.open = true;
	assert_int_equal(weft_sched_device_set(&w->p->s, d, &to, w->p->now), 0);
}

static void disturb(struct world *w, u32 submitted)
{
	struct weft_sched *s = &w->p->s;
	struct weft_sched_data *data = w->data[rnd(w, DATA)];
	struct weft_sched_job *job = w->job[rnd(w, submitted)];

	switch (rnd(w, 12)) {
	case 0:
		if (job->state <= WEFT_JOB_READY) {
			assert_int_equal(weft_sched_job_cancel(s, job, -ECANCELED, w->p->now), 0);
			w->ends[job->id - 1]++;
		}
		break;
	case 1:
		lose(w, w->device[rnd(w, w->device_count)]);
		break;
	case 2:
		weft_sched_tenant_set(s, w->tenant[rnd(w, 3)], 1 + (u32)rnd(w, 1000), w->p->now);
		break;
	case 3:
		weft_sched_policy_set(s, rnd(w, 2) ? "eft" : "fifo", w->p->now);
		break;
	case 4:
		weft_sched_data_set(s, data, data->valid | 1, w->p->now);
		break;
	case 5:
		if (job->state <= WEFT_JOB_READY)
			assert_int_equal(weft_sched_job_devices(s, job, U64_MAX, w->p->now), 0);
		break;
	}
}

/* What some of the jobs that are set aside wait for has come, or they end as they are. */
static void come(struct world *w)
{
	struct weft_sched *s = &w->p->s;
	u32 i;

	for (i = 0; i < JOBS; i++) {
		if (!w->aside[i] || rnd(w, 3))
			continue;
		if (rnd(w, 4)) {
			/* the second time it is due already */
			u32 was = w->job[i]->aside;

			assert_int_equal(weft_sched_job_due(s, w->job[i], w->p->now),
					 was == WEFT_ASIDE_WAITS ? 0 : -EINVAL);
			continue;
		}
		w->aside[i] = false;
		w->ends[i]++;
		assert_int_equal(weft_sched_job_done(s, w->job[i], -ETIME, 0, w->p->now), 0);
	}
}

/* The next end of a running job, if any runs. */
static void advance(struct world *w)
{
	u32 best = JOBS;
	u32 i;

	for (i = 0; i < JOBS; i++) {
		if (w->end[i] && (best == JOBS || w->end[i] < w->end[best]))
			best = i;
	}
	if (best == JOBS)
		return;
	w->p->now = w->end[best] > w->p->now ? w->end[best] : w->p->now;
	finish(w, best);
}

static void check_end(struct world *w)
{
	struct weft_replay_log log = { .rec = w->p->log, .count = w->p->log_count };
	struct weft_replay_result result;
	u64 total = 0;
	u32 i;

	for (i = 0; i < JOBS; i++) {
		check(w, w->job[i]->state == WEFT_JOB_DONE);
		check(w, w->ends[i] + w->job[i]->poisoned == 1);
	}
	for (i = 0; i < w->device_count; i++) {
		check(w, !w->device[i]->outstanding && !w->device[i]->aside);
		check(w, list_empty(&w->device[i]->due));
		check(w, list_empty(&w->device[i]->jobs));
		total += w->device[i]->busy_ns;
	}
	/* a device that was removed and added again counts from then */
	check(w, total <= w->busy[0] + w->busy[1] + w->busy[2]);
	check(w, w->client[0]->busy_ns + w->client[3]->busy_ns == w->busy[0]);
	for (i = 0; i < DATA; i++)
		check(w, !weft_sched_data_busy(w->data[i], W));
	check(w, !w->p->s.arrivals.root && list_empty(&w->p->s.denied));
	for (i = 0; i < WEFT_SERVICE_COUNT; i++)
		check(w, !w->p->s.class[i].tree.root);
	for (i = 0; i < 5; i++)
		check(w, !weft_sched_client_remove(&w->p->s, w->client[i], w->p->now));
	log.rec = w->p->log;
	log.count = w->p->log_count;
	if (weft_replay_run(&log, &result))
		fail_msg("seed %llu: %s", w->seed, log.error);
	if (result.differs)
		fail_msg("seed %llu: replay differs at record %zu", w->seed, result.index);
	check(w, result.jobs == JOBS);
	check(w, result.inputs + result.decisions + result.candidates == log.count);
}

static u32 rounds(u32 many)
{
	return getenv("WEFT_UNIT_SHORT") ? many / 4 : many;
}

static void test_random_workloads(void **state)
{
	u64 seed;

	for (seed = 1; seed <= rounds(400); seed++) {
		struct world *w = world_new(seed, seed % 5 ? "eft" : "fifo");
		u32 submitted = 0;
		u32 turns = 0;

		while (submitted < JOBS || w->client[0]->job_count || w->client[1]->job_count ||
		       w->client[2]->job_count || w->client[3]->job_count ||
		       w->client[4]->job_count) {
			struct weft_sched_decision d;
			u32 burst = (u32)rnd(w, 8);

			while (submitted < JOBS && burst--)
				world_submit(w, submitted++);
			while (weft_sched_pick(&w->p->s, w->p->now, &d)) {
				check_placed(w, &d);
				start_or_bounce(w, &d);
			}
			if (!strcmp(weft_sched_policy(&w->p->s), "eft"))
				check_conserving(w);
			if (submitted)
				disturb(w, submitted);
			come(w);
			advance(w);
			check(w, turns++ < 100 * JOBS);
		}
		check_end(w);
		world_free(w);
	}
}

/* Backlogged tenants get priced time by weight, whatever the devices' speeds and prices. */
static void test_shares(void **state)
{
	double worst = 0;
	u64 seed;

	for (seed = 1; seed <= rounds(12); seed++) {
		struct world *w = world_new(seed, "eft");
		struct weft_sched_job *running[64] = { NULL };
		u64 end[64], largest = 0, sum = 0, weights = 0;
		u64 places = w->p->s.places;
		u64 before[3];
		u32 done, i;

		for (i = 0; i < 3; i++) {
			u32 k;

			w->tenant[i]->weight = 0;
			weft_sched_tenant_set(&w->p->s, w->tenant[i], 100u << 2 * i, 0);
			for (k = 0; k < 40; k++)
				pool_add(w->p, .client = w->client[i],
					 .kernel = 1 + rnd(w, KERNELS), .size = 1 + rnd(w, 8));
		}
		for (done = 0; done < 6000; done++) {
			struct weft_sched_decision d;
			u32 next = 64;
			u64 units;

			if (done == 1000) {
				for (i = 0; i < 3; i++)
					before[i] = w->tenant[i]->priced;
				largest = 0;
			}
			while (weft_sched_pick(&w->p->s, w->p->now, &d)) {
				for (i = 0; running[i]; i++)
					;
				pool_start(w->p, d.job);
				running[i] = d.job;
				end[i] = w->p->now + true_run(d.job, d.device);
				pool_add(w->p, .client = d.job->client,
					 .kernel = 1 + rnd(w, KERNELS), .size = 1 + rnd(w, 8));
			}
			for (i = 0; i < 64; i++) {
				if (running[i] && (next == 64 || end[i] < end[next]))
					next = i;
			}
			w->p->now = end[next];
			units = true_run(running[next], w->device[running[next]->device / 7]);
			pool_done(w->p, running[next], units);
			units = units * running[next]->price / WEFT_PRICE_UNIT;
			largest = units > largest ? units : largest;
			running[next] = NULL;
		}
		for (i = 0; i < 3; i++) {
			sum += w->tenant[i]->priced - before[i];
			weights += w->tenant[i]->weight;
		}
		for (i = 0; i < 3; i++) {
			double got = (double)(w->tenant[i]->priced - before[i]);
			double fair = (double)sum * w->tenant[i]->weight / (double)weights;
			double off = got > fair ? got - fair : fair - got;

			/* start-time fair queueing with depth: one largest job per place */
			check(w, off <= 2.0 * (double)largest * (double)(places + 1));
			worst = off / fair > worst ? off / fair : worst;
		}
		world_free(w);
	}
	print_message("[   INFO   ] worst share error %.2f %%\n", 100 * worst);
	assert_true(worst <= 0.02);
}

/* ------------------------------------------------------- against the optimum */

static u64 best_split(u64 run[][2], u32 jobs)
{
	u64 best = U64_MAX;
	u32 split, i;

	for (split = 0; split < 1u << jobs; split++) {
		u64 load[2] = { 0, 0 };

		for (i = 0; i < jobs; i++)
			load[split >> i & 1] += run[i][split >> i & 1];
		best = min(best, max(load[0], load[1]));
	}
	return best;
}

/*
 * Independent jobs on two unlike devices: placing each in turn where it ends first is at most
 * twice the optimum (each job could go where it runs shortest, and the sum of the shortest times
 * is at most both devices' time in the optimum).
 */
static void test_against_optimum(void **state)
{
	double worst = 0, sum = 0;
	u32 cases = rounds(600);
	u64 seed;

	for (seed = 1; seed <= cases; seed++) {
		struct pool *p = pool_new("eft");
		struct weft_sched_client *c = pool_client(p, pool_tenant(p, 100));
		struct weft_sched_device *d[2] = { pool_device(p, 0, 1), pool_device(p, 1, 1) };
		u32 jobs = 3 + (u32)(weft_mix64(seed) % 7);
		struct weft_sched_job *job[10];
		u64 load[2] = { 0, 0 };
		u64 run[10][2];
		double ratio;
		u32 i, k;

		d[0]->depth = 16;
		d[1]->depth = 16;
		for (i = 0; i < jobs; i++) {
			for (k = 0; k < 2; k++) {
				run[i][k] = 10 + weft_mix64(seed * 64 + i * 2 + k) % 1000;
				pool_teach(p, c, i + 1, d[k], run[i][k]);
			}
		}
		for (i = 0; i < jobs; i++)
			job[i] = pool_job(p, c, i + 1);
		for (i = 0; i < jobs; i++)
			pool_pick(p);
		for (i = 0; i < jobs; i++)
			load[job[i]->device] += run[i][job[i]->device];
		ratio = (double)max(load[0], load[1]) / (double)best_split(run, jobs);
		assert_true(ratio >= 1);
		worst = ratio > worst ? ratio : worst;
		sum += ratio;
		pool_free(p);
	}
	print_message("[   INFO   ] eft / optimum: mean %.3f, worst %.3f\n", sum / cases, worst);
	assert_true(worst <= 2);
	assert_true(sum / cases <= 1.15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_workloads),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_against_optimum),
	};

	return cmocka_run_group_tests_name("properties", tests, NULL, NULL);
}
