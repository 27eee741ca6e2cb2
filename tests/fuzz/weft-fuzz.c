// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-fuzz: random calls on a weft pool from several processes and threads.
 *
 * DOC: weft-fuzz
 *
 * Usage: weft-fuzz [--seed N] [--seconds N] [--fd-only] [--fail-alloc]
 *
 * There are two processes of three threads, each with four clients; one process is killed and
 * replaced every few seconds. A thread of the parent plays the operator (not with --fd-only), who
 * also makes and removes pools. What each thread does follows from the seed alone; how threads
 * meet does not. The kernel is the judge: a report of any of its checkers fails the run. This
 * program fails if a call never succeeded, because then it did not get deep enough, if no job did
 * in a pool made meanwhile, or if the pool "default" does not serve an ordinary client afterwards.
 * With --fail-alloc one allocation in a hundred fails (see alloc.c; a kernel with failslab only).
 * Rejected: syzkaller (a Go tool chain and a corpus for one small ABI).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define PROCESSES	2
#define THREADS		3
#define KILL_SECONDS	5

struct counts *counts;

static const char *const names[CALL_COUNT] = {
	[CALL_QUERY] = "QUERY", [CALL_BO_CREATE] = "BO_CREATE", [CALL_BO_INFO] = "BO_INFO",
	[CALL_BO_MMAP_OFFSET] = "BO_MMAP_OFFSET", [CALL_BO_CPU_BEGIN] = "BO_CPU_BEGIN",
	[CALL_BO_CPU_END] = "BO_CPU_END", [CALL_BO_WAIT] = "BO_WAIT",
	[CALL_PROGRAM_CREATE] = "PROGRAM_CREATE", [CALL_PROGRAM_DESTROY] = "PROGRAM_DESTROY",
	[CALL_PROGRAM_QUERY] = "PROGRAM_QUERY", [CALL_QUEUE_CREATE] = "QUEUE_CREATE",
	[CALL_QUEUE_SET] = "QUEUE_SET", [CALL_QUEUE_DESTROY] = "QUEUE_DESTROY",
	[CALL_CLIENT_SET] = "CLIENT_SET", [CALL_SUBMIT] = "SUBMIT", [CALL_JOB_QUERY] = "JOB_QUERY",
	[CALL_JOB_CANCEL] = "JOB_CANCEL", [CALL_GEM_CLOSE] = "GEM_CLOSE", [CALL_PRIME] = "PRIME",
	[CALL_SYNCOBJ_CREATE] = "SYNCOBJ_CREATE", [CALL_SYNCOBJ_DESTROY] = "SYNCOBJ_DESTROY",
	[CALL_SYNCOBJ_WAIT] = "SYNCOBJ_WAIT", [CALL_SYNCOBJ_SIGNAL] = "SYNCOBJ_SIGNAL",
	[CALL_SYNCOBJ_EXPORT] = "SYNCOBJ_EXPORT", [CALL_UNKNOWN] = "(unknown)",
	[CALL_OPEN] = "open", [CALL_CLOSE] = "close", [CALL_MMAP] = "mmap", [CALL_TOUCH] = "touch",
	[CALL_READ] = "read", [CALL_POLL] = "poll", [CALL_FORK] = "fork", [CALL_CONFIG] = "config",
	[CALL_POOL] = "pools",
};

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

uint64_t rng64(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

struct rng rng_make(uint64_t seed, uint64_t stream)
{
	struct rng r = { .state = seed };

	r.state = rng64(&r) ^ stream * 0xd1342543de82ef95ull;
	return r;
}

uint32_t below(struct rng *r, uint32_t n)
{
	return rng64(r) % n;
}

long count(enum call call, long ret)
{
	uint32_t error = ret < 0 ? -ret : 0;

	if (error >= MAX_ERRNO)
		error = MAX_ERRNO - 1;
	__atomic_add_fetch(&counts->call[call][error], 1, __ATOMIC_RELAXED);
	return ret;
}

long fuzz_ioctl(enum call call, int fd, unsigned long request, void *arg)
{
	return count(call, ioctl(fd, request, arg) < 0 ? -errno : 0);
}

/* --------------------------------------------------------------------------------- processes */

struct worker {
	pthread_t thread;
	struct process *process;
	struct rng rng;
};

static void on_signal(int sig)
{
	(void)sig;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!counts->stop)
		fuzz_step(w->process, &w->rng);
	return NULL;
}

/* waits for ever are part of the game: everyone is interrupted now and then */
static void __attribute__((noreturn)) run_process(uint64_t seed, uint32_t number)
{
	struct sigaction sa = { .sa_handler = on_signal };
	static struct process process;
	struct worker w[THREADS];
	int done = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &sa, NULL);
	process_init(&process);
	for (int i = 0; i < THREADS; i++) {
		w[i].process = &process;
		w[i].rng = rng_make(seed, number * 16 + i + 1);
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			_exit(3);
	}
	while (done < THREADS) {
		usleep(30000);
		for (int i = done; i < THREADS; i++)
			pthread_kill(w[i].thread, SIGUSR1);
		while (counts->stop && done < THREADS &&
		       !pthread_tryjoin_np(w[done].thread, NULL))
			done++;
	}
	_exit(0);
}

static pid_t start_process(uint64_t seed, uint32_t number, bool fail)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (fail && alloc_fail_me())
		_exit(3);
	run_process(seed, number);
}

struct operator {
	uint64_t seed;
	bool fail;
};

static void *operate(void *arg)
{
	const struct operator *o = arg;
	struct rng r = rng_make(o->seed, 0);

	if (o->fail)
		alloc_fail_me();
	while (!counts->stop) {
		config_step(&r);
		if (one_in(&r, 8))
			pools_step(&r);
		usleep(1000 * below(&r, 40));
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------ report */

static void print_errnos(const volatile uint64_t *by_errno)
{
	for (int e = 0; e < MAX_ERRNO; e++)
		if (by_errno[e])
			printf(" %s %llu", e ? strerrorname_np(e) ?: "?" : "ok",
			       (unsigned long long)by_errno[e]);
	printf("\n");
}

/* has the run been where it should? */
static bool deep(bool fd_only, bool say)
{
	bool all = counts->job_error[0];

	if (!all && say)
		printf("# no job ever succeeded\n");
	if (!fd_only && !counts->elsewhere) {
		all = false;
		if (say)
			printf("# no job ever succeeded in a pool made meanwhile\n");
	}
	for (int c = 0; c < CALL_COUNT; c++) {
		/* nothing to export, nothing to find, events only when a queue was full */
		if (counts->call[c][0] || c == CALL_PRIME || c == CALL_UNKNOWN ||
		    c == CALL_READ || (fd_only && (c == CALL_CONFIG || c == CALL_POOL)))
			continue;
		all = false;
		if (say)
			printf("# %s never succeeded\n", names[c]);
	}
	return all;
}

static void report(void)
{
	for (int c = 0; c < CALL_COUNT; c++) {
		printf("# %-16s", names[c]);
		print_errnos(counts->call[c]);
	}
	printf("# %-16s", "jobs ended");
	print_errnos(counts->job_error);
	printf("# in pools made meanwhile: ok %llu\n", (unsigned long long)counts->elsewhere);
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, seconds = 60, end;
	uint32_t number = 0, killed = 0;
	bool fd_only = false, works, all;
	struct operator o = { 0 };
	pid_t pid[PROCESSES];
	pthread_t operator;
	long failed;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--fd-only")) {
			fd_only = true;
		} else if (!strcmp(argv[i], "--fail-alloc")) {
			o.fail = true;
		} else if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
			seed = strtoull(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) {
			seconds = strtoull(argv[++i], NULL, 0);
		} else {
			fprintf(stderr, "Usage: weft-fuzz [--seed N] [--seconds N] [--fd-only] "
				"[--fail-alloc]\n");
			return 2;
		}
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 3;
	printf("1..2\n# seed %llu, %llu s%s\n", (unsigned long long)seed,
	       (unsigned long long)seconds, fd_only ? ", without an operator" : "");
	fflush(stdout);
	config_setup();
	if (o.fail && alloc_fail_start()) {
		fprintf(stderr, "weft-fuzz: this kernel cannot fail allocations on demand\n");
		return 3;
	}
	o.seed = seed;
	for (int i = 0; i < PROCESSES; i++)
		pid[i] = start_process(seed, ++number, o.fail);
	if (!fd_only)
		pthread_create(&operator, NULL, operate, &o);

	/* a slow guest gets up to twice the time to have tried everything */
	end = now_ns() + seconds * SEC;
	while (now_ns() < end || (now_ns() < end + seconds * SEC && !deep(fd_only, false))) {
		sleep(KILL_SECONDS);
		/* one goes without saying goodbye, another takes its place */
		kill(pid[killed % PROCESSES], SIGKILL);
		waitpid(pid[killed % PROCESSES], NULL, 0);
		pid[killed++ % PROCESSES] = start_process(seed, ++number, o.fail);
	}
	counts->stop = true;
	for (int i = 0; i < PROCESSES; i++)
		waitpid(pid[i], NULL, 0);
	if (!fd_only)
		pthread_join(operator, NULL);
	failed = o.fail ? alloc_fail_stop() : 0;
	report();
	all = deep(fd_only, true);
	if (o.fail) {
		printf("# %ld allocations failed\n", failed);
		all = all && failed;
	}
	pools_teardown();
	config_calm();
	works = pool_works();
	config_teardown();
	printf("%sok 1 - every call succeeded at least once\n", all ? "" : "not ");
	printf("%sok 2 - the pool serves an ordinary client afterwards\n", works ? "" : "not ");
	return !all || !works;
}
