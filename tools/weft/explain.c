// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft explain: why a job went where it went.
 *
 * DOC: weft explain
 *
 * The scheduler logs every candidate it weighed with each decision; this prints them. Nothing is
 * computed again: what is shown is what the scheduler went by.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "declog.h"

static const char explain_help[] =
"Usage: weft explain JOB [--all] [--log FILE] [--json]\n"
"Show, for the decision that placed the job with this id, every device with the time at which the\n"
"job could have started there, what its data needs to get there, how long it runs there, when it\n"
"would have ended, and why the device was or was not taken.\n"
"  --all        also earlier plans and decisions that were taken back\n"
"  --log FILE   a log that \"weft log save\" made, instead of the kernel's\n"
"Times are milliseconds from the decision.\n";

/* Names of devices, if the pool is here and still has them */
struct explain_names {
	struct drm_weft_device_info *devices;
	uint32_t count;
};

static const char *explain_name(const struct explain_names *names, uint32_t id, char *text,
				size_t size)
{
	uint32_t i;

	snprintf(text, size, "device %u", id);
	for (i = 0; i < names->count; i++)
		if (names->devices[i].id == id)
			snprintf(text, size, "%.31s", names->devices[i].name);
	if (id == WEFT_LOG_NO_DEVICE)
		snprintf(text, size, "nowhere");
	return text;
}

/* What is worth knowing of a device beside what was weighed: it takes jobs, but with reserve */
static const char *explain_health(const struct explain_names *names, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < names->count; i++)
		if (names->devices[i].id == id && names->devices[i].health != DRM_WEFT_HEALTH_OK)
			return weft_health_name(names->devices[i].health);
	return NULL;
}

static double explain_ms(u64 time, u64 zero)
{
	return ((double)time - (double)zero) / 1e6;
}

static const char *explain_reason(const struct weft_rec *r)
{
	const char *name = weft_reason_name(r->b);

	return name ? name : "?";
}

static void explain_print(const struct declog_decision *d, const struct explain_names *names)
{
	const struct weft_rec *r = d->rec;
	char text[48];
	size_t i;

	printf("job %" PRIu64 ", %s %s, policy %s, record %" PRIu64 "\n", (uint64_t)r->id,
	       r->type == WEFT_REC_PLAN ? "planned for" : "placed on",
	       explain_name(names, r->a, text, sizeof(text)), d->policy[0] ? d->policy : "?",
	       (uint64_t)r->seq);
	printf("  %-14s %12s %12s %12s %12s  %s\n", "device", "start", "transfer", "run", "finish",
	       "why");
	for (i = 0; i < d->count; i++) {
		const struct weft_rec *c = &d->candidates[i];

		printf("%s %-14s", c->a == r->a ? "*" : " ",
		       explain_name(names, c->a, text, sizeof(text)));
		if (c->arg[3])
			printf(" %12.3f %12.3f %12.3f %12.3f", explain_ms(c->arg[0], r->time),
			       (double)c->arg[1] / 1e6, (double)c->arg[2] / 1e6,
			       explain_ms(c->arg[3], r->time));
		else
			printf(" %12s %12s %12s %12s", "-", "-", "-", "-");
		printf("  %s", explain_reason(c));
		if (explain_health(names, c->a))
			printf(" (now %s)", explain_health(names, c->a));
		printf("\n");
	}
}

static struct json_object *explain_json(const struct declog_decision *d,
					const struct explain_names *names)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char text[48];
	size_t i;

	cli_json_u64(o, "job", d->rec->id);
	cli_json_text(o, "kind", d->rec->type == WEFT_REC_PLAN ? "plan" : "decision");
	cli_json_u64(o, "record", d->rec->seq);
	cli_json_u64(o, "time_ns", d->rec->time);
	cli_json_text(o, "policy", d->policy);
	cli_json_u64(o, "device", d->rec->a);
	for (i = 0; i < d->count; i++) {
		const struct weft_rec *c = &d->candidates[i];
		struct json_object *j = json_object_new_object();

		cli_json_u64(j, "device", c->a);
		cli_json_text(j, "name", explain_name(names, c->a, text, sizeof(text)));
		cli_json_u64(j, "start_ns", c->arg[0]);
		cli_json_u64(j, "transfer_ns", c->arg[1]);
		cli_json_u64(j, "run_ns", c->arg[2]);
		cli_json_u64(j, "finish_ns", c->arg[3]);
		cli_json_u64(j, "reason_number", c->b);
		cli_json_text(j, "reason", explain_reason(c));
		if (explain_health(names, c->a))
			cli_json_text(j, "health_now", explain_health(names, c->a));
		json_object_array_add(list, j);
	}
	json_object_object_add(o, "candidates", list);
	return o;
}

static bool explain_is_lease(const struct weft_rec *r, u64 job)
{
	return r->type == WEFT_REC_LEASE && r->id == job;
}

/* Of a lease: how often it was settled that it goes on, and for whom it was asked back */
static void explain_lease(const struct declog *log, u64 job)
{
	const struct weft_rec *last = NULL;
	size_t i, on = 0;

	for (i = 0; i < log->count; i++) {
		if (!explain_is_lease(&log->records[i], job))
			continue;
		last = &log->records[i];
		on += last->b;
	}
	if (!last)
		return;
	printf("  a lease: after its quantum it went on %zu time%s", on, on == 1 ? "" : "s");
	if (last->b && last->arg[0])
		printf("; it came before job %" PRIu64 ", which waits\n", (uint64_t)last->arg[0]);
	else if (last->b)
		printf("; nobody waits\n");
	else if (last->arg[0])
		printf("; after %.3f ms it was asked back for job %" PRIu64 "\n",
		       (double)last->arg[1] / 1e6, (uint64_t)last->arg[0]);
	else
		printf("; after %.3f ms it was asked back: the device takes no new jobs\n",
		       (double)last->arg[1] / 1e6);
}

static struct json_object *explain_lease_json(const struct declog *log, u64 job)
{
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < log->count; i++) {
		const struct weft_rec *r = &log->records[i];
		struct json_object *o;

		if (!explain_is_lease(r, job))
			continue;
		o = json_object_new_object();
		cli_json_u64(o, "held_ns", r->arg[1]);
		json_object_object_add(o, "goes_on", json_object_new_boolean(r->b));
		if (r->arg[0])
			cli_json_u64(o, "compared_with", r->arg[0]);
		json_object_array_add(list, o);
	}
	return list;
}

/* The last decision, or all of them */
static int explain_show(const struct declog *log, u64 job, bool all, bool json,
			const struct explain_names *names)
{
	struct json_object *list = json ? json_object_new_array() : NULL;
	struct declog_decision d, last = {};
	size_t at = 0;

	while (declog_next(log, job, &at, &d)) {
		/* a plan is of interest only as long as no decision followed it */
		if (last.rec && last.rec->type == WEFT_REC_DECISION &&
		    d.rec->type == WEFT_REC_PLAN && !all)
			continue;
		last = d;
		if (all && json)
			json_object_array_add(list, explain_json(&d, names));
		else if (all)
			explain_print(&d, names);
	}
	if (!last.rec) {
		json_object_put(list);
		return cli_fail(CLI_NO, "the log has no decision about job %" PRIu64 "%s",
				(uint64_t)job,
				log->cut ? ": it may be too old, the log keeps the latest records "
					   "only (module parameter log_records)" :
					   "");
	}
	if (json && !all) {
		struct json_object *o = explain_json(&last, names);
		struct json_object *lease = explain_lease_json(log, job);

		json_object_put(list);
		if (json_object_array_length(lease))
			json_object_object_add(o, "lease", lease);
		else
			json_object_put(lease);
		return cli_print_json(o);
	}
	if (json)
		return cli_print_json(list);
	if (!all)
		explain_print(&last, names);
	explain_lease(log, job);
	return CLI_OK;
}

static int explain_run(u64 job, const char *file, bool all, bool json)
{
	struct explain_names names = {};
	struct weft *pool = NULL;
	struct declog log;
	char error[512];
	char *path;
	int ret;

	/* names are a comfort: without a pool there are numbers */
	if (!file && !weft_open(&pool, NULL) &&
	    weft_device_list(pool, &names.devices, &names.count))
		names.count = 0;
	if (file) {
		path = strdup(file);
	} else {
		struct drm_weft_pool_info info = {};

		if (pool)
			weft_pool_info(pool, &info);
		path = cli_path(CLI_DEBUGFS "/%s/log", pool ? info.name : cli_pool_name());
	}
	if (declog_read(&log, path, error, sizeof(error))) {
		ret = cli_fail(CLI_TROUBLE, "%s%s", error,
			       file ? "" :
				      "\nweft: the log is for root only, in debugfs: try sudo; "
				      "sudo mount -t debugfs none /sys/kernel/debug");
	} else {
		ret = explain_show(&log, job, all, json, &names);
		declog_free(&log);
	}
	free(path);
	free(names.devices);
	weft_close(pool);
	return ret;
}

int cli_explain(int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "log", required_argument, NULL, 'l' },
		{ "all", no_argument, NULL, 'a' },
		{}
	};
	bool json = false, all = false;
	const char *file = NULL;
	uint64_t job;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(explain_help, stdout);
			return CLI_OK;
		case CLI_OPT_JSON:
			json = true;
			break;
		case 'l':
			file = optarg;
			break;
		case 'a':
			all = true;
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (argc - optind != 1)
		return cli_fail(CLI_USAGE, "\"weft explain\" wants the id of one job");
	if (cli_number("the job's id", argv[optind], 0, UINT64_MAX - 1, &job))
		return CLI_USAGE;
	return explain_run(job, file, all, json);
}
