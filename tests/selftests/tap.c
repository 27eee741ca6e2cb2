// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the subtests of a program and reports in TAP.
 *
 * DOC: tap runner
 *
 * Usage: PROGRAM [-l] [SUBSTRING...]: -l lists, substrings choose subtests. A subtest may take
 * TAP_TIMEOUT seconds (60; five times that on a kernel with checkers). Exit status: 0 all passed
 * or were skipped, 1 not.
 */
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

enum { TAP_OK = 0, TAP_FAILED = 1, TAP_SKIPPED = 4 };

void (*tap_setup)(void);
void (*tap_cleanup)(bool last);

static struct tap_test *first, **last = &first;

void tap_add(struct tap_test *test)
{
	*last = test;
	last = &test->next;
}

static void note(const char *prefix, const char *fmt, va_list ap)
{
	char line[1024];
	int n;

	/* one write, so that threads and processes do not mix their lines */
	n = snprintf(line, sizeof(line), "# %s", prefix);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	strcat(line, "\n");
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		_exit(TAP_FAILED);
}

void tap_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note("", fmt, ap);
	va_end(ap);
}

void tap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note("skip: ", fmt, ap);
	va_end(ap);
	_exit(TAP_SKIPPED);
}

void tap_fail(const char *file, int line, const char *fmt, ...)
{
	char where[128];
	const char *base = strrchr(file, '/');
	va_list ap;

	snprintf(where, sizeof(where), "%s:%d: ", base ? base + 1 : file, line);
	va_start(ap, fmt);
	note(where, fmt, ap);
	va_end(ap);
	_exit(TAP_FAILED);
}

bool tap_slow_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

const char *tap_value(long long value)
{
	static _Thread_local char text[4][48];
	static _Thread_local unsigned int i;
	char *t = text[i++ % 4];

	if (value < 0 && value >= -4095)
		snprintf(t, sizeof(text[0]), "-%s (%lld)", strerrorname_np(-value) ?: "?", value);
	else
		snprintf(t, sizeof(text[0]), "%lld", value);
	return t;
}

/* exit status of @pid, or -1 after @seconds */
static int wait_child(pid_t pid, int seconds)
{
	struct timespec now, end;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		struct timespec left = { .tv_sec = 1 };

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			return -1;
		sigtimedwait(&set, NULL, &left);
	}
}

static bool run_one(struct tap_test *test, int number, int timeout)
{
	const char *word = "not ok", *why = "";
	char buf[80];
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setpgid(0, 0);
		test->fn(test->arg);
		fflush(stdout);
		_exit(TAP_OK);
	}
	setpgid(pid, pid);
	status = wait_child(pid, timeout);
	/* helpers that the subtest left behind go with it */
	kill(-pid, SIGKILL);
	if (status < 0) {
		waitpid(pid, &status, 0);
		snprintf(buf, sizeof(buf), " # no end after %d s", timeout);
		why = buf;
	} else if (WIFSIGNALED(status)) {
		snprintf(buf, sizeof(buf), " # killed by signal %d (%s)", WTERMSIG(status),
			 sigabbrev_np(WTERMSIG(status)) ?: "?");
		why = buf;
	} else if (WEXITSTATUS(status) == TAP_OK) {
		word = "ok";
	} else if (WEXITSTATUS(status) == TAP_SKIPPED) {
		word = "ok";
		why = " # SKIP";
	}
	if (tap_cleanup)
		tap_cleanup(false);
	printf("%s %d - %s%s\n", word, number, test->name, why);
	fflush(stdout);
	return *word == 'o';
}

static bool chosen(const struct tap_test *test, char **words)
{
	if (!*words)
		return true;
	for (; *words; words++)
		if (strstr(test->name, *words))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("TAP_TIMEOUT");
	int timeout = limit ? atoi(limit) : tap_slow_kernel() ? 300 : 60;
	bool list = argc > 1 && !strcmp(argv[1], "-l");
	char **words = argv + 1 + list;
	int n = 0, number = 0, bad = 0;
	struct tap_test *t;
	sigset_t set;

	for (t = first; t; t = t->next) {
		if (list && chosen(t, words))
			puts(t->name);
		n += chosen(t, words);
	}
	if (list)
		return 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("TAP version 13\n1..%d\n", n);
	fflush(stdout);
	if (tap_setup)
		tap_setup();
	for (t = first; t; t = t->next)
		if (chosen(t, words) && !run_one(t, ++number, timeout))
			bad++;
	if (tap_cleanup)
		tap_cleanup(true);
	printf("# %d subtests, %d failed\n", n, bad);
	return bad || !n;
}
