// SPDX-License-Identifier: GPL-2.0-only
/*
 * The replayer: what it accepts, what it finds, what it refuses.
 *
 * DOC: tests of replay
 */
/* sources: scheduler/sched.c scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/tree.c */
/* sources: scheduler/chain.c scheduler/estimate.c scheduler/record.c tests/unit/pool.c */
/* sources: scheduler/lease.c tools/replay/replaylog.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
#include "pool.h"
#include "replaylog.h"

/* A pool that has used every kind of input. */
static struct pool *busy_pool(void)
{
	struct pool *p = pool_new("eft");
	struct weft_sched_tenant *t = pool_tenant(p, 100), *gone = pool_tenant(p, 7);
	struct weft_sched_client *c = pool_client(p, t), *left = pool_client(p, gone);
	struct weft_sched_device *d[2] = { pool_device(p, 0, 1024), pool_device(p, 5, 4096) };
	struct weft_sched_data *x = pool_data(p, 1000, 1), *y = pool_data(p, 10, 0);
	struct use uses[] = { { x, R, false }, { y, W, true } };
	struct weft_sched_job *a, *b, *job;
	struct weft_sched_device to;

	pool_teach(p, c, 1, d[0], 100);
	pool_teach(p, c, 1, d[1], 130);
	p->now = 1000;
	a = pool_add(p, .client = c, .kernel = 1, .uses = uses, .use_count = 2, .deadline = 99);
	b = pool_add(p, .client = c, .kernel = 1, .after = &a, .after_count = 1);
	job = pool_job(p, c, 1);
	assert_int_equal(weft_sched_tenant_set(&p->s, t, 55, p->now), 0);
	assert_int_equal(weft_sched_policy_set(&p->s, "fifo", p->now), 0);
	pool_pick(p);
	assert_int_equal(weft_sched_policy_set(&p->s, "eft", p->now), 0);
	pool_pick(p);
	pool_start(p, a);
	to = *d[0];
	to.price = 77;
	assert_int_equal(weft_sched_device_set(&p->s, d[0], &to, p->now), 0);
	assert_int_equal(weft_sched_job_return(&p->s, job, WEFT_RETURN_DRAIN, 0, p->now), 0);
	assert_int_equal(weft_sched_job_devices(&p->s, job, 1, p->now), 0);
	weft_sched_data_set(&p->s, x, 3, p->now);
	assert_int_equal(weft_sched_job_done(&p->s, a, -EIO, 50, p->now), 0);
	assert_true(b->poisoned);
	/* one that finds no space while another is there */
	pool_pick(p);
	b = pool_add(p, .client = c, .kernel = 1, .devices = 1);
	assert_ptr_equal(pool_pick(p).job, b);
	assert_int_equal(weft_sched_job_return(&p->s, b, WEFT_RETURN_NO_SPACE, 0, p->now), 0);
	assert_int_equal(weft_sched_job_return(&p->s, job, WEFT_RETURN_DEVICE_LOST, 3, p->now), 0);
	assert_int_equal(weft_sched_job_cancel(&p->s, b, -ETIME, p->now), 0);
	assert_int_equal(weft_sched_job_cancel(&p->s, job, -ECANCELED, p->now), 0);
	/* a lease goes on */
	job = pool_add(p, .client = c, .kernel = 1, .lease = true);
	pool_pick(p);
	pool_start(p, job);
	assert_int_equal(weft_sched_lease_extend(&p->s, job, 30, 20, p->now), 1);
	pool_done(p, job, 40);
	/* two that wait for something outside: one gets its place again, one ends as it is */
	for (u32 i = 0; i < 2; i++) {
		job = pool_add(p, .client = c, .kernel = 1, .devices = 1);
		assert_ptr_equal(pool_pick(p).job, job);
		assert_int_equal(weft_sched_job_bound(&p->s, job, p->now), 0);
		assert_int_equal(weft_sched_job_aside(&p->s, job, p->now), 0);
		assert_int_equal(weft_sched_job_due(&p->s, job, p->now), 0);
		if (!i) {
			assert_ptr_equal(pool_pick(p).job, job);
			assert_int_equal(weft_sched_job_running(&p->s, job, p->now), 0);
		}
		assert_int_equal(weft_sched_job_done(&p->s, job, -ETIME, 0, p->now), 0);
	}
	weft_sched_data_remove(&p->s, y, p->now);
	assert_int_equal(weft_sched_device_remove(&p->s, d[1], p->now), 0);
	assert_int_equal(weft_sched_client_remove(&p->s, left, p->now), 0);
	assert_int_equal(weft_sched_tenant_remove(&p->s, gone, p->now), 0);
	return p;
}

enum { A = 1, B = 2, ARG0 = 4, ARG1 = 8, ARG2 = 16, ARG3 = 32, ARGS = 60 };

/* Fields of each record that log.h gives a meaning. All others are zero. */
static void test_unused_fields_are_zero(void **state)
{
	static const u8 used[] = {
		[WEFT_REC_INIT] = A | ARG0 | ARG1 | ARG2,
		[WEFT_REC_TENANT_ADD] = ARG0,
		[WEFT_REC_TENANT_SET] = ARG0,
		[WEFT_REC_TENANT_REMOVE] = 0,
		[WEFT_REC_CLIENT_ADD] = ARG0,
		[WEFT_REC_CLIENT_REMOVE] = 0,
		[WEFT_REC_DEVICE_LINK] = ARGS,
		[WEFT_REC_DEVICE_ADD] = A | B | ARG0 | ARG1 | ARG2,
		[WEFT_REC_DEVICE_SET] = A | B | ARG0 | ARG1,
		[WEFT_REC_DEVICE_REMOVE] = 0,
		[WEFT_REC_DATA_ADD] = ARG0 | ARG1,
		[WEFT_REC_DATA_SET] = ARG0,
		[WEFT_REC_DATA_REMOVE] = 0,
		[WEFT_REC_JOB_REF] = A | B | ARG0 | ARG1,
		[WEFT_REC_JOB_EDGE] = ARG0,
		[WEFT_REC_JOB_DEADLINE] = ARG0,
		[WEFT_REC_JOB_SUBMIT] = A | B | ARGS,
		[WEFT_REC_JOB_BOUND] = 0,
		[WEFT_REC_JOB_RUNNING] = 0,
		[WEFT_REC_JOB_DONE] = ARG0 | ARG1,
		[WEFT_REC_JOB_RETURN] = A | ARG0,
		[WEFT_REC_JOB_CANCEL] = ARG0,
		[WEFT_REC_JOB_DEVICES] = ARG0,
		[WEFT_REC_JOB_ASIDE] = 0,
		[WEFT_REC_JOB_DUE] = 0,
		[WEFT_REC_LEASE_EXTEND] = ARG0 | ARG1,
		[WEFT_REC_POLICY_SET] = ARG0 | ARG1,
		[WEFT_REC_PICK] = 0,
		[WEFT_REC_DECISION] = A | B | ARGS,
		[WEFT_REC_PLAN] = A | B | ARGS,
		[WEFT_REC_CANDIDATE] = A | B | ARGS,
		[WEFT_REC_POISONED] = ARG0,
		[WEFT_REC_LEASE] = A | B | ARG0 | ARG1,
	};
	struct pool *p = busy_pool();
	u32 type, field;
	size_t i;

	for (i = 0; i < p->log_count; i++) {
		const struct weft_rec *rec = &p->log[i];
		u8 may = used[rec->type];

		if (rec->type == WEFT_REC_PLAN && rec->a == WEFT_LOG_NO_DEVICE)
			may = A | B;
		if (rec->type == WEFT_REC_INIT || rec->type == WEFT_REC_POLICY_SET ||
		    rec->type == WEFT_REC_PICK)
			assert_int_equal(rec->id, 0);
		assert_true((may & A) || !rec->a);
		assert_true((may & B) || !rec->b);
		for (field = 0; field < 4; field++)
			assert_true((may & ARG0 << field) || !rec->arg[field]);
	}
	for (type = WEFT_REC_INIT; type <= WEFT_REC_LEASE; type++) {
		/* those of planning ahead are in sched_plan.c */
		if (weft_rec_name(type) && (type < WEFT_REC_PLAN_ON || type > WEFT_REC_UNSEND))
			assert_true(pool_count(p, type, NULL) > 0);
	}
	pool_free(p);
}

static FILE *file_of(const struct weft_log_header *header, const struct weft_rec *rec, size_t count,
		     size_t extra)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(header, sizeof(*header), 1, file), 1);
	assert_int_equal(fwrite(rec, sizeof(*rec), count, file), count);
	assert_int_equal(fwrite("0123456789", 1, extra, file), extra);
	rewind(file);
	return file;
}

static void test_identical(void **state)
{
	struct pool *p = busy_pool();
	struct weft_log_header header;
	struct weft_replay_result result;
	struct weft_replay_log log;
	FILE *file;

	weft_log_header_init(&header);
	file = file_of(&header, p->log, p->log_count, 0);
	assert_int_equal(weft_replay_load(&log, file), 0);
	fclose(file);
	assert_int_equal(log.count, p->log_count);
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_false(result.differs);
	assert_int_equal(result.inputs + result.decisions + result.candidates, log.count);
	assert_int_equal(result.jobs, pool_count(p, WEFT_REC_JOB_SUBMIT, NULL));
	assert_int_equal(result.decisions, pool_count(p, WEFT_REC_DECISION, NULL) +
			 pool_count(p, WEFT_REC_PLAN, NULL) +
			 pool_count(p, WEFT_REC_POISONED, NULL) +
			 pool_count(p, WEFT_REC_LEASE, NULL));
	assert_int_equal(result.candidates, pool_count(p, WEFT_REC_CANDIDATE, NULL));
	weft_replay_unload(&log);
	pool_free(p);
}

static void load_fails(const struct weft_log_header *header, const struct weft_rec *rec,
		       size_t count, size_t extra, const char *message)
{
	FILE *file = file_of(header, rec, count, extra);
	struct weft_replay_log log;

	assert_int_equal(weft_replay_load(&log, file), -1);
	assert_non_null(strstr(log.error, message));
	assert_null(log.rec);
	fclose(file);
}

static void test_bad_files(void **state)
{
	struct pool *p = busy_pool();
	struct weft_log_header header, good;
	struct weft_replay_log log;
	struct weft_rec saved;
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(weft_replay_load(&log, file), -1);
	assert_non_null(strstr(log.error, "too short"));
	fclose(file);
	weft_log_header_init(&good);
	header = good;
	header.magic++;
	load_fails(&header, p->log, 3, 0, "not a weft input log");
	header = good;
	header.version = 2;
	load_fails(&header, p->log, 3, 0, "log version 2");
	header = good;
	header.record_size = 72;
	load_fails(&header, p->log, 3, 0, "records of 72 bytes");
	load_fails(&good, p->log, 3, 10, "record 3 is cut off");
	saved = p->log[4];
	p->log[4].seq = 9;
	load_fails(&good, p->log, 8, 0, "gap in the log: record 3 is followed by 9");
	p->log[4] = saved;
	file = file_of(&good, p->log, 0, 0);
	assert_int_equal(weft_replay_load(&log, file), 0);
	assert_int_equal(log.count, 0);
	weft_replay_unload(&log);
	fclose(file);
	pool_free(p);
}

static void test_no_beginning(void **state)
{
	struct pool *p = busy_pool();
	struct weft_replay_log log = { .rec = p->log + 1, .count = p->log_count - 1 };
	struct weft_replay_result result;

	assert_int_equal(weft_replay_run(&log, &result), -1);
	assert_string_equal(log.error, "gap in the log: it begins at record 1, not at 0");
	pool_free(p);
}

/*
 * Any bit of a decision that is changed is found, right there. A changed input may make a log
 * of something else that could have happened; it must not break the replayer.
 */
static void test_every_record_counts(void **state)
{
	struct pool *p = busy_pool();
	struct weft_replay_log log = { .rec = p->log, .count = p->log_count };
	struct weft_replay_result result;
	size_t i, bit;

	for (i = 0; i < p->log_count; i++) {
		for (bit = 64; bit < 512; bit++) {
			u8 *byte = (u8 *)&p->log[i] + bit / 8;
			int ret;

			/* the type decides what the rest means: see test_senseless_logs */
			if (bit >= 192 && bit < 224)
				continue;

			*byte ^= (u8)(1u << bit % 8);
			ret = weft_replay_run(&log, &result);
			if (p->log[i].type >= WEFT_REC_DECISION) {
				assert_int_equal(ret, 0);
				assert_true(result.differs);
				assert_int_equal(result.index, i);
			}
			*byte ^= (u8)(1u << bit % 8);
		}
	}
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_false(result.differs);
	pool_free(p);
}

/* The time of an input is an input. What depends on it comes out differently. */
static void test_difference_is_shown(void **state)
{
	struct pool *p = busy_pool();
	struct weft_replay_log log = { .rec = p->log, .count = p->log_count };
	struct weft_replay_result result;
	struct weft_rec rec;
	size_t at, i;

	at = weft_replay_place(&log, 0, 3);
	assert_true(at < log.count);
	assert_int_equal(log.rec[at].type, WEFT_REC_DECISION);
	rec = log.rec[at];
	log.rec[at].arg[2]++;
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_true(result.differs && result.have_logged && result.have_replayed);
	assert_int_equal(result.index, at);
	assert_memory_equal(&result.replayed, &rec, sizeof(rec));
	assert_int_equal(result.logged.arg[2], rec.arg[2] + 1);
	log.rec[at] = rec;
	/* a decision that the log lacks, and one that it has too many */
	log.count = at;
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_true(result.differs && !result.have_logged && result.have_replayed);
	log.count = p->log_count;
	for (i = log.count - 1; log.rec[i].type != WEFT_REC_TENANT_REMOVE; i--)
		;
	rec = log.rec[i];
	log.rec[i].type = WEFT_REC_PLAN;
	assert_int_equal(weft_replay_run(&log, &result), 0);
	assert_true(result.differs && result.have_logged && !result.have_replayed);
	log.rec[i] = rec;
	assert_int_equal(weft_replay_place(&log, log.count, 3), log.count);
	assert_int_equal(weft_replay_place(&log, 0, 999), log.count);
	pool_free(p);
}

static void refuses(struct pool *p, u32 type, u64 id, const char *message)
{
	struct weft_replay_log log = { .rec = p->log, .count = p->log_count };
	struct weft_replay_result result;
	struct weft_rec *rec = &p->log[p->log_count - 1];
	struct weft_rec saved = *rec;

	rec->type = type;
	rec->id = id;
	assert_int_equal(weft_replay_run(&log, &result), -1);
	if (!strstr(log.error, message))
		fail_msg("\"%s\" where \"%s\" was expected", log.error, message);
	*rec = saved;
}

static void test_senseless_logs(void **state)
{
	struct pool *p = busy_pool();

	refuses(p, WEFT_REC_INIT, 0, "a second init");
	refuses(p, WEFT_REC_TENANT_ADD, 1, "tenant 1 is there already");
	refuses(p, WEFT_REC_TENANT_SET, 44, "no tenant 44");
	refuses(p, WEFT_REC_CLIENT_ADD, 1, "client 1 is there already");
	refuses(p, WEFT_REC_CLIENT_ADD, 9, "no tenant 0");
	refuses(p, WEFT_REC_CLIENT_REMOVE, 9, "no client 9");
	refuses(p, WEFT_REC_DEVICE_ADD, 0, "a device without its link");
	refuses(p, WEFT_REC_DEVICE_SET, 64, "no device 64");
	refuses(p, WEFT_REC_DEVICE_REMOVE, 5, "no device 5");
	refuses(p, WEFT_REC_DEVICE_LINK, 5, "ends inside an input");
	refuses(p, WEFT_REC_DATA_ADD, 1, "buffer 1 is there already");
	refuses(p, WEFT_REC_DATA_SET, 2, "no buffer 2");
	refuses(p, WEFT_REC_DATA_REMOVE, 77, "no buffer 77");
	refuses(p, WEFT_REC_JOB_SUBMIT, 1, "job 1 is there already");
	refuses(p, WEFT_REC_JOB_SUBMIT, 100, "no client 0");
	refuses(p, WEFT_REC_JOB_DONE, 100, "no job 100");
	refuses(p, 63, 0, "unknown type 63");
	refuses(p, 0, 0, "unknown type 0");
	pool_free(p);
}

static void test_printing(void **state)
{
	struct pool *p = busy_pool();
	char *text = NULL;
	size_t size = 0, i;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (i = 0; i < p->log_count; i++) {
		weft_replay_print(out, &p->log[i]);
		weft_replay_print_json(out, &p->log[i]);
	}
	fclose(out);
	assert_non_null(strstr(text, "chosen\n"));
	assert_non_null(strstr(text, "\"type\": \"job-submit\""));
	assert_non_null(strstr(text, "\"reason\": \"chosen\"}"));
	free(text);
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identical),
		cmocka_unit_test(test_unused_fields_are_zero),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_no_beginning),
		cmocka_unit_test(test_every_record_counts),
		cmocka_unit_test(test_difference_is_shown),
		cmocka_unit_test(test_senseless_logs),
		cmocka_unit_test(test_printing),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
