// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft explain: finding decisions in a log.
 *
 * DOC: libweft_declog
 *
 * Logs are written record by record into a file, good ones and bad ones.
 */
/* sources: tools/weft/declog.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../tools/weft/declog.h"

static char path[32];

static const struct weft_log_header good = {
	.magic = WEFT_LOG_MAGIC,
	.version = WEFT_LOG_VERSION,
	.record_size = sizeof(struct weft_rec),
};

static void log_write(const struct weft_log_header *header, const struct weft_rec *records,
		      size_t count)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(header, sizeof(*header), 1, file), 1);
	if (count)
		assert_int_equal(fwrite(records, sizeof(*records), count, file), count);
	assert_int_equal(fclose(file), 0);
}

static struct weft_rec policy(const char *name)
{
	struct weft_rec r = { .type = WEFT_REC_POLICY_SET };

	memcpy(r.arg, name, strlen(name));
	return r;
}

static struct weft_rec about(u64 job, u32 type, u16 device, u64 finish)
{
	return (struct weft_rec){
		.id = job, .type = type, .a = device, .arg = { 0, 0, 0, finish },
	};
}

static void test_decisions(void **state)
{
	const struct weft_rec records[] = {
		policy("fifo"),
		about(7, WEFT_REC_PLAN, 1, 30),
		about(7, WEFT_REC_CANDIDATE, 0, 40),
		about(7, WEFT_REC_CANDIDATE, 1, 30),
		policy("eft"),
		about(8, WEFT_REC_DECISION, 0, 10),
		about(8, WEFT_REC_CANDIDATE, 0, 10),
		about(7, WEFT_REC_DECISION, 1, 20),
		about(7, WEFT_REC_CANDIDATE, 0, 25),
		about(7, WEFT_REC_CANDIDATE, 1, 20),
		about(7, WEFT_REC_JOB_BOUND, 0, 0),
	};
	struct declog_decision d;
	struct declog log;
	char error[128];
	size_t at = 0;

	log_write(&good, records, ARRAY_SIZE(records));
	assert_int_equal(declog_read(&log, path, error, sizeof(error)), 0);
	assert_int_equal(log.count, ARRAY_SIZE(records));
	assert_false(log.cut);

	assert_true(declog_next(&log, 7, &at, &d));
	assert_int_equal(d.rec->type, WEFT_REC_PLAN);
	assert_int_equal(d.count, 2);
	assert_string_equal(d.policy, "fifo");
	assert_true(declog_next(&log, 7, &at, &d));
	assert_int_equal(d.rec->type, WEFT_REC_DECISION);
	assert_int_equal(d.count, 2);
	assert_int_equal(d.candidates[1].a, 1);
	assert_int_equal(d.candidates[1].arg[3], 20);
	assert_string_equal(d.policy, "eft");
	assert_false(declog_next(&log, 7, &at, &d));

	at = 0;
	assert_true(declog_next(&log, U64_MAX, &at, &d));
	assert_true(declog_next(&log, U64_MAX, &at, &d));
	assert_int_equal(d.rec->id, 8);
	assert_int_equal(d.count, 1);
	at = 0;
	assert_false(declog_next(&log, 9, &at, &d));
	declog_free(&log);
	assert_int_equal(log.count, 0);
}

/* The ring went round: candidates may stand at the start without their decision. */
static void test_cut(void **state)
{
	struct weft_rec records[] = {
		about(7, WEFT_REC_CANDIDATE, 1, 20),
		about(8, WEFT_REC_DECISION, 0, 10),
	};
	struct declog_decision d;
	struct declog log;
	char error[128];
	size_t at = 0;

	records[0].seq = 900;
	records[1].seq = 901;
	log_write(&good, records, 2);
	assert_int_equal(declog_read(&log, path, error, sizeof(error)), 0);
	assert_true(log.cut);
	assert_false(declog_next(&log, 7, &at, &d));
	at = 0;
	assert_true(declog_next(&log, 8, &at, &d));
	assert_int_equal(d.count, 0);
	assert_string_equal(d.policy, "");
	declog_free(&log);
}

static void test_bad_files(void **state)
{
	struct weft_log_header header;
	struct declog log;
	char error[128];
	FILE *file;

	assert_int_equal(declog_read(&log, "declog-none", error, sizeof(error)), -1);
	assert_non_null(strstr(error, "No such file"));

	header = good;
	header.magic++;
	log_write(&header, NULL, 0);
	assert_int_equal(declog_read(&log, path, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "is not a log of the scheduler"));
	header = good;
	header.version++;
	log_write(&header, NULL, 0);
	assert_int_equal(declog_read(&log, path, error, sizeof(error)), -1);
	header = good;
	header.record_size = 32;
	log_write(&header, NULL, 0);
	assert_int_equal(declog_read(&log, path, error, sizeof(error)), -1);

	file = fopen(path, "wb");
	assert_non_null(file);
	fputs("weft", file);
	fclose(file);
	assert_int_equal(declog_read(&log, path, error, sizeof(error)), -1);

	log_write(&good, NULL, 0);
	assert_int_equal(declog_read(&log, path, error, sizeof(error)), 0);
	assert_int_equal(log.count, 0);
	declog_free(&log);
}

static int setup(void **state)
{
	int fd;

	strcpy(path, "/tmp/declog-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests_name("libweft_declog", tests, setup, teardown);
}
