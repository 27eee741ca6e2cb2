// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device leaves behind in /sys/class/devcoredump when its jobs hang or it is reset.
 */
/* vm: smp=4 kernels=stock,debug,next */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "common.h"

#define DIR_DUMPS "/sys/class/devcoredump"

static char text[65536 + 1];

/* the one dump there is: its path, or false if there is none */
static bool dump_find(char *path, size_t size)
{
	DIR *dir = opendir(DIR_DUMPS);
	struct dirent *d;
	bool found = false;

	CHECK(dir);
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, "devcd", 5))
			continue;
		CHECK_MSG(!found, "there is more than one dump");
		snprintf(path, size, DIR_DUMPS "/%s/data", d->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

static void dump_read(char *path, size_t size)
{
	size_t at = 0;
	ssize_t n;
	int fd;

	CHECK_MSG(dump_find(path, size), "there is no dump");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	while ((n = read(fd, text + at, sizeof(text) - 1 - at)) > 0)
		at += n;
	CHECK_EQ(n, 0);
	text[at] = 0;
	close(fd);
}

static void dump_free(const char *path)
{
	char other[300];

	CHECK_EQ(file_write(path, "1"), 0);
	for (int i = 0; i < 1000 && dump_find(other, sizeof(other)); i++)
		sleep_ms(5);
	CHECK(!dump_find(other, sizeof(other)));
}

static bool says(const char *line)
{
	return strstr(text, line);
}

/* what a stop leaves to be done is over when the next operation of an operator is */
static void after_stop(void)
{
	CHECK_EQ(wdev_set("d", "health", "ok"), 0);
}

static uint64_t hang(const struct client *c)
{
	struct job job;
	uint64_t id;

	CHECK_EQ(dev_set("d", "fault/hang", "1"), 0);
	job_nop(&job, c, 1);
	job.j.timeout_ns = 20 * MS;
	id = submit(c, &job, 1);
	CHECK_EQ(job_result(c->fd, id), ETIME);
	after_stop();
	return id;
}

TEST(timeout, "a job that hangs: a dump with the device, the job, its engine and the last runs")
{
	char path[300], line[64];
	struct client c;
	struct job job;
	uint64_t before, id;

	dev_add("d", DEV_UNIT);
	client_open(&c);
	job_nop(&job, &c, 1);
	before = submit(&c, &job, 1);
	CHECK_EQ(job_result(c.fd, before), 0);
	CHECK(!dump_find(path, sizeof(path)));
	id = hang(&c);
	dump_read(path, sizeof(path));
	CHECK(!strncmp(text, "weft device dump 1\n", 19));
	CHECK(says("\nreason: a job ran into its deadline\n"));
	CHECK(says("\ndevice: d\n"));
	CHECK(says("\nbackend: weft_sim\n"));
	CHECK(says("\ntenant: default\n"));
	snprintf(line, sizeof(line), "\njob: %llu\n", (unsigned long long)id);
	CHECK(says(line));
	snprintf(line, sizeof(line), "\n  running: job %llu since ", (unsigned long long)id);
	CHECK(says(line));
	snprintf(line, sizeof(line), "\nlast: job %llu tenant ", (unsigned long long)before);
	CHECK(says(line));
	snprintf(line, sizeof(line), " hung, job %llu, code 0\n", (unsigned long long)id);
	CHECK(says("\nbackend says:\n") && says(line));
	CHECK(says("\ntemp_mc: "));
	/* one at a time: what happens before it is read leaves no other */
	hang(&c);
	dump_read(path, sizeof(path));
	snprintf(line, sizeof(line), "\njob: %llu\n", (unsigned long long)id);
	CHECK(says(line));
	dump_free(path);
	id = hang(&c);
	dump_read(path, sizeof(path));
	snprintf(line, sizeof(line), "\njob: %llu\n", (unsigned long long)id);
	CHECK(says(line));
	dump_free(path);
}

TEST(reset, "a reset leaves one, with the job that made it necessary if there is one")
{
	char path[300];
	struct client c;
	struct job job;
	uint64_t id;

	dev_add("d", DEV_UNIT);
	client_open(&c);
	CHECK_EQ(wdev_set("d", "reset", "1"), 0);
	dump_read(path, sizeof(path));
	CHECK(says("\nreason: an operator resets the device\n"));
	CHECK(!says("\njob: "));
	dump_free(path);
	/* cancelled, so no deadline has passed */
	CHECK_EQ(dev_set("d", "fault/abort_fails", "1"), 0);
	job_nop(&job, &c, 5000 * UNIT_MS);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK_EQ(job_result(c.fd, id), ECANCELED);
	after_stop();
	dump_read(path, sizeof(path));
	CHECK(says("\nreason: a job cannot be aborted\n"));
	dump_free(path);
}

TEST(no_reason, "errors, cancels and losses leave none")
{
	char path[300];
	struct client c;
	struct job job;
	uint64_t id;

	dev_add("d", DEV_UNIT);
	client_open(&c);
	CHECK_EQ(dev_set("d", "fault/error", "1"), 0);
	job_nop(&job, &c, 1);
	CHECK_EQ(job_result(c.fd, submit(&c, &job, 1)), EIO);
	job_nop(&job, &c, 5000 * UNIT_MS);
	id = submit(&c, &job, 1);
	job_reach(c.fd, id, DRM_WEFT_JOB_RUNNING);
	CHECK_EQ(job_cancel(c.fd, id), 0);
	CHECK_EQ(job_result(c.fd, id), ECANCELED);
	CHECK_EQ(dev_set("d", "fault/vanish", "now"), 0);
	CHECK(!dump_find(path, sizeof(path)));
}

TEST(unread, "a dump that nobody reads outlives its device and keeps no module")
{
	char path[300];
	struct client c;

	dev_add("d", DEV_UNIT);
	client_open(&c);
	hang(&c);
	client_close(&c);
	CHECK_EQ(dev_remove("d"), 0);
	dump_read(path, sizeof(path));
	CHECK(says("\ndevice: d\n"));
	dump_free(path);
	/* another one stays: the harness unloads the modules with it there */
	dev_add("d", DEV_UNIT);
	client_open(&c);
	hang(&c);
}
