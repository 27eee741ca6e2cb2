// SPDX-License-Identifier: GPL-2.0-only
/*
 * The input log in debugfs: structure, numbering, reading while four processors write.
 *
 * That a log reproduces its decisions is the replay test's to show; this one shows that what is
 * read is a log.
 */
/* vm: smp=4 timeout=90 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "common.h"

#define LOG	"/sys/kernel/debug/weft/default/log"

/* the layout is scheduler/log.h's, written down again here so that a change of it is noticed */
struct header {
	uint64_t magic;
	uint32_t version, record_size;
	uint64_t reserved[2];
};

struct record {
	uint64_t seq, time, id;
	uint32_t type;
	uint16_t a, b;
	uint64_t arg[4];
};

#define MAGIC		0x676f6c7466657700ull
#define REC_DECISION	64

_Static_assert(sizeof(struct header) == 32, "header");
_Static_assert(sizeof(struct record) == 64, "record");

SETUP()
{
	dev_add("unit", DEV_UNIT);
	dev_add("null", DEV_NULL);
	devs_keep();
}

static int log_open(void)
{
	int fd = open(LOG, O_RDONLY | O_CLOEXEC);

	CHECK_MSG(fd >= 0, LOG ": %s", tap_value(-errno));
	return fd;
}

struct tally {
	uint64_t records, next, gaps, decisions, last_time, backwards;
};

/* reads to the present end; partial reads must never cut a record */
static void drain(int fd, struct tally *t)
{
	static _Thread_local struct record r[128];
	ssize_t n;

	while ((n = read(fd, r, sizeof(r))) > 0) {
		CHECK_EQ(n % sizeof(r[0]), 0);
		for (size_t i = 0; i < n / sizeof(r[0]); i++) {
			if (t->records && r[i].seq != t->next)
				t->gaps++;
			CHECK_MSG(!t->records || r[i].seq >= t->next, "record %llu after %llu",
				  (unsigned long long)r[i].seq, (unsigned long long)t->next - 1);
			t->backwards += r[i].time < t->last_time;
			t->last_time = r[i].time;
			t->next = r[i].seq + 1;
			t->records++;
			t->decisions += r[i].type == REC_DECISION;
			CHECK(r[i].type > 0 && r[i].type < 128);
		}
	}
	CHECK_EQ(n, 0);
}

static void read_header(int fd)
{
	struct header h;

	CHECK_EQ(read(fd, &h, sizeof(h)), sizeof(h));
	CHECK_EQ(h.magic, MAGIC);
	CHECK_EQ(h.record_size, sizeof(struct record));
	CHECK(h.version >= 1);
	CHECK_EQ(h.reserved[0] | h.reserved[1], 0);
}

TEST(structure, "a header, then records numbered without gaps, times never falling")
{
	struct tally t = {};
	struct client c;
	struct job job;
	int fd;

	client_open(&c);
	for (int i = 0; i < 20; i++) {
		job_nop(&job, &c, 10);
		job_run(&c, &job);
	}
	fd = log_open();
	read_header(fd);
	drain(fd, &t);
	CHECK(t.records > 20 * 4);
	CHECK(t.decisions >= 20);
	CHECK_EQ(t.gaps, 0);
	CHECK_EQ(t.backwards, 0);
	job_run(&c, &job);
	drain(fd, &t);
	CHECK_EQ(t.gaps, 0);
	CHECK(t.decisions >= 21);
}

TEST(small_reads, "reads of odd sizes: EINVAL below a header, whole records after it")
{
	char buf[200];
	int fd = log_open();

	CHECK_EQ(read(fd, buf, 16), -1);
	CHECK_EQ(errno, EINVAL);
	read_header(fd);
	CHECK_EQ(read(fd, buf, 200), 192);
	CHECK_EQ(read(fd, buf, 64), 64);
	CHECK(read(fd, buf, 63) <= 0);
}

static void *producer(void *arg)
{
	struct client c;
	struct job job[16];

	client_open(&c);
	for (int i = 0; i < *(int *)arg; i++) {
		uint64_t id;

		for (int k = 0; k < 16; k++) {
			job_nop(&job[k], &c, k);
			if (k > 8)
				job_dep(&job[k], DRM_WEFT_DEP_INDEX, 0, k - 8);
		}
		id = submit(&c, job, 16);
		CHECK_EQ(job_query(c.fd, id, 16, NULL,
				   DRM_WEFT_JOB_QUERY_WAIT | DRM_WEFT_JOB_QUERY_ACK,
				   in_ns(PATIENCE)), 0);
	}
	client_close(&c);
	return NULL;
}

TEST(four, "four processors submit at once: one order, no record twice, every job decided")
{
	int rounds = 40, fd = log_open();
	struct tally t = {};
	pthread_t thread[4];
	uint64_t before;

	read_header(fd);
	drain(fd, &t);
	before = t.decisions;
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, producer, &rounds);
	for (int i = 0; i < 20; i++) {
		drain(fd, &t);
		sleep_ms(10);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	drain(fd, &t);
	tap_note("%llu records, %llu gaps", (unsigned long long)t.records,
		 (unsigned long long)t.gaps);
	CHECK_EQ(t.backwards, 0);
	if (!t.gaps)
		CHECK(t.decisions - before >= 4 * 40 * 16);
}

TEST(root_only, "only root may read it: it tells what every tenant runs")
{
	pid_t pid = spawn();

	if (!pid) {
		drop_to(1001);
		_exit(open(LOG, O_RDONLY) < 0 && (errno == EACCES || errno == EPERM) ? 0 : 1);
	}
	CHECK_EQ(reap(pid), 0);
}
