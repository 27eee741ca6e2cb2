// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-demo: two tenants share the pool by weight.
 *
 * DOC: weft-demo tenants
 *
 * Two processes, each under a uid that belongs to a tenant, keep every device busy with jobs that
 * only take modelled time. What each tenant was charged between two readings of its account
 * (priced time: engine time x the device's price) must stand in the ratio of the weights.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define DEMO_TENANT_COUNT	2
#define DEMO_JOB_NS		4000000u	/* modelled time of one job */
#define DEMO_BATCH		8u
#define DEMO_BATCHES		8u		/* in flight */
#define DEMO_SETTLE_SECONDS	1.0
#define DEMO_TOLERANCE		0.02
#define DEMO_SATURATED		0.95

static const struct {
	const char *name;
	uint32_t weight;
	uint32_t uid;
} demo_tenant[DEMO_TENANT_COUNT] = {
	{ "research", 300, 1001 },
	{ "teaching", 100, 1002 },
};

/* Keep jobs in flight until killed. */
static int demo_load(uint32_t work)
{
	struct weft_sim_nop args = { .work = work };
	uint64_t ids[DEMO_BATCHES] = {};
	struct weft_program *program;
	struct weft_batch *batch;
	struct weft_queue *queue;
	struct weft *pool;
	uint64_t round;
	uint32_t i;

	if (weft_open(&pool, NULL) || weft_sim_program(pool, &program) ||
	    weft_queue_create(pool, NULL, &queue) || weft_batch_create(pool, &batch))
		return -1;
	for (round = 0;; round++) {
		uint64_t *id = &ids[round % DEMO_BATCHES];

		if (round >= DEMO_BATCHES && weft_wait(pool, *id, DEMO_BATCH, WEFT_FOREVER, NULL))
			return -1;
		for (i = 0; i < DEMO_BATCH; i++)
			weft_job_size(weft_job_init(batch, program, WEFT_SIM_OP_NOP, &args,
						    sizeof(args)), work);
		if (weft_submit(queue, batch, WEFT_FOREVER, id))
			return -1;
	}
}

static pid_t demo_load_start(const struct demo *d, uint32_t uid)
{
	uint32_t work = DEMO_JOB_NS / d->dilation;
	pid_t pid = fork();

	if (pid)
		return pid;
	if (setgid(uid) || setuid(uid)) {
		fprintf(stderr, "weft-demo: becoming user %u: %s\n", uid, strerror(errno));
		_exit(1);
	}
	demo_load(work ? work : 1);
	fprintf(stderr, "weft-demo: user %u: %s\n", uid, weft_error());
	_exit(1);
}

static void demo_sleep(double seconds)
{
	struct timespec left = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* The devices' engine time so far, and how much of it they have in a second */
static int demo_busy(struct demo *d, uint64_t *busy_ns, uint32_t *credits)
{
	struct drm_weft_device_info *devices;
	uint32_t count, i;

	if (weft_device_list(d->pool, &devices, &count)) {
		fprintf(stderr, "weft-demo: %s\n", weft_error());
		return -1;
	}
	*busy_ns = 0;
	*credits = 0;
	for (i = 0; i < count; i++) {
		*busy_ns += devices[i].busy_ns;
		*credits += devices[i].compute_credits;
	}
	free(devices);
	return 0;
}

static int demo_tenants_measure(struct demo *d, double seconds)
{
	uint64_t before[DEMO_TENANT_COUNT], after[DEMO_TENANT_COUNT], busy[2];
	struct timespec start, end;
	struct json_object *o;
	double span, priced[DEMO_TENANT_COUNT], ratio, wanted, share;
	uint32_t credits, i;
	bool near;

	demo_sleep(DEMO_SETTLE_SECONDS);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < DEMO_TENANT_COUNT; i++)
		if (demo_tenant_priced(demo_tenant[i].name, &before[i]))
			return -1;
	if (demo_busy(d, &busy[0], &credits))
		return -1;
	demo_sleep(seconds);
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (i = 0; i < DEMO_TENANT_COUNT; i++)
		if (demo_tenant_priced(demo_tenant[i].name, &after[i]))
			return -1;
	if (demo_busy(d, &busy[1], &credits))
		return -1;
	span = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	share = (double)(busy[1] - busy[0]) / 1e9 / span / credits;
	for (i = 0; i < DEMO_TENANT_COUNT; i++) {
		priced[i] = (double)(after[i] - before[i]) / 1e9;
		fprintf(d->out, "  %-10s weight %4u: %8.3f s of priced time\n",
			demo_tenant[i].name, demo_tenant[i].weight, priced[i]);
	}
	fprintf(d->out, "  devices were busy %.1f %% of %.1f s\n", share * 100, span);
	wanted = (double)demo_tenant[0].weight / demo_tenant[1].weight;
	ratio = priced[1] > 0 ? priced[0] / priced[1] : 0;
	if (share < DEMO_SATURATED) {
		demo_claim(d, false, "tenants get priced time by weight",
			   "nothing to share: the two kept the devices busy for %.1f %% only",
			   share * 100);
		return 0;
	}
	near = ratio > wanted * (1 - DEMO_TOLERANCE) && ratio < wanted * (1 + DEMO_TOLERANCE);
	demo_claim(d, near, "tenants get priced time by weight", "%.4f, wanted %.1f within 2 %%",
		   ratio, wanted);
	o = json_object_new_object();
	json_object_object_add(o, "ratio", json_object_new_double(ratio));
	json_object_object_add(o, "busy_share", json_object_new_double(share));
	json_object_object_add(d->json, "tenants", o);
	return 0;
}

int demo_tenants(struct demo *d, double seconds)
{
	pid_t pids[DEMO_TENANT_COUNT] = {};
	int ret = -1;
	uint32_t i;

	/* the guest has no group render */
	if (chmod(weft_node(d->pool), 0666)) {
		fprintf(stderr, "weft-demo: %s: %s\n", weft_node(d->pool), strerror(errno));
		return -1;
	}
	for (i = 0; i < DEMO_TENANT_COUNT; i++)
		if (demo_tenant_make(demo_tenant[i].name, demo_tenant[i].weight,
				     demo_tenant[i].uid))
			goto out;
	fflush(NULL);
	for (i = 0; i < DEMO_TENANT_COUNT; i++) {
		pids[i] = demo_load_start(d, demo_tenant[i].uid);
		if (pids[i] < 0) {
			perror("weft-demo: fork");
			goto out;
		}
	}
	ret = demo_tenants_measure(d, seconds);
out:
	for (i = 0; i < DEMO_TENANT_COUNT; i++) {
		int status;

		if (pids[i] <= 0)
			continue;
		kill(pids[i], SIGKILL);
		if (waitpid(pids[i], &status, 0) == pids[i] && !WIFSIGNALED(status)) {
			fprintf(stderr, "weft-demo: tenant %s ended by itself\n",
				demo_tenant[i].name);
			ret = -1;
		}
	}
	for (i = 0; i < DEMO_TENANT_COUNT; i++)
		demo_tenant_remove(demo_tenant[i].name);
	return ret;
}
