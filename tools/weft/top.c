// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft top: watch devices and links.
 *
 * DOC: weft top
 *
 * Two samples of the counters and the time between them; the screen is cleared with two escape
 * sequences when it is a terminal. Sensors are read from hwmon, where everybody may. Rejected:
 * ncurses (a library for a table that is reprinted).
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

static const char top_help[] =
"Usage: weft top [--once] [--interval SECONDS] [--json]\n"
"Show how busy each device and link is, until interrupted.\n"
"  --once               one sample, then exit\n"
"  --interval SECONDS   time between samples (1)\n"
"  --json               one line of JSON per sample\n";

struct top_sample {
	struct drm_weft_pool_info info;
	struct drm_weft_device_info *devices;
	struct drm_weft_region_info *regions;
	struct drm_weft_link_info *links;
	uint32_t device_count;
	uint32_t region_count;
	uint32_t link_count;
	uint64_t time;
};

static volatile sig_atomic_t top_stop;

static void top_interrupt(int signal)
{
	(void)signal;
	top_stop = 1;
}

static void top_sample_free(struct top_sample *s)
{
	free(s->devices);
	free(s->regions);
	free(s->links);
	memset(s, 0, sizeof(*s));
}

static int top_sample_take(struct weft *pool, struct top_sample *s)
{
	struct timespec now;

	memset(s, 0, sizeof(*s));
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (weft_pool_info(pool, &s->info) ||
	    weft_device_list(pool, &s->devices, &s->device_count) ||
	    weft_region_list(pool, &s->regions, &s->region_count) ||
	    weft_link_list(pool, &s->links, &s->link_count)) {
		top_sample_free(s);
		return cli_fail_weft();
	}
	return 0;
}

static const struct drm_weft_device_info *top_device(const struct top_sample *s, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < s->device_count; i++)
		if (s->devices[i].id == id)
			return &s->devices[i];
	return NULL;
}

static const struct drm_weft_link_info *top_link(const struct top_sample *s,
						 const struct drm_weft_link_info *like)
{
	uint32_t i;

	for (i = 0; i < s->link_count; i++)
		if (s->links[i].from == like->from && s->links[i].to == like->to)
			return &s->links[i];
	return NULL;
}

struct top_device_rate {
	double busy;
	double jobs;
	uint64_t used;
	uint64_t size;
	double down;
	double up;
};

/* What a device did between the samples; MB/s over its links */
static void top_rate(const struct top_sample *old, const struct top_sample *new,
		     const struct drm_weft_device_info *d, struct top_device_rate *rate)
{
	double seconds = (double)(new->time - old->time) / 1e9;
	const struct drm_weft_device_info *before = top_device(old, d->id);
	uint32_t i;

	memset(rate, 0, sizeof(*rate));
	for (i = 0; i < new->region_count; i++) {
		if (new->regions[i].id != d->region)
			continue;
		rate->used = new->regions[i].used;
		rate->size = new->regions[i].size;
	}
	if (!before || seconds <= 0)
		return;
	if (d->compute_credits)
		rate->busy = (double)(d->busy_ns - before->busy_ns) / 1e9 / seconds /
			     d->compute_credits;
	rate->jobs = (double)(d->jobs_done - before->jobs_done) / seconds;
	for (i = 0; i < new->link_count; i++) {
		const struct drm_weft_link_info *l = &new->links[i];
		const struct drm_weft_link_info *was = top_link(old, l);
		double speed = was ? (double)(l->bytes - was->bytes) / 1e6 / seconds : 0;

		if (l->to == d->region)
			rate->down += speed;
		if (l->from == d->region)
			rate->up += speed;
	}
}

/* A sensor of a device in its millionths or thousandths (@unit), false if it has no value now */
static bool top_sensor(const char *device, const char *file, double unit, double *value)
{
	char *path = cli_path("/sys/bus/weft/devices/%s/hwmon", device), *line = NULL, *full;
	DIR *dir = opendir(path);
	struct dirent *d;
	bool found;

	while (dir && !line && (d = readdir(dir))) {
		if (strncmp(d->d_name, "hwmon", 5))
			continue;
		if (asprintf(&full, "%s/%s/%s", path, d->d_name, file) < 0)
			break;
		line = cli_read_line(full);
		free(full);
	}
	if (dir)
		closedir(dir);
	free(path);
	found = line && *line;
	if (found)
		*value = strtod(line, NULL) / unit;
	free(line);
	return found;
}

static const char *top_sensor_text(const char *device, const char *file, double unit,
				   const char *suffix, char *text, size_t size)
{
	double value;

	if (top_sensor(device, file, unit, &value))
		snprintf(text, size, "%.1f %s", value, suffix);
	else
		snprintf(text, size, "-");
	return text;
}

static void top_print(const struct top_sample *old, const struct top_sample *new)
{
	struct top_device_rate rate;
	char used[32], size[32], temp[32], power[32];
	uint32_t i;

	printf("pool %s, policy %s, %u devices\n", new->info.name, new->info.policy,
	       new->device_count);
	printf("%2s %-14s %-5s %-12s %6s %9s %10s %10s %7s %8s  %s\n", "id", "name", "class",
	       "health", "busy", "jobs/s", "in MB/s", "out MB/s", "temp", "power",
	       "memory used, lease");
	for (i = 0; i < new->device_count; i++) {
		const struct drm_weft_device_info *d = &new->devices[i];

		top_rate(old, new, d, &rate);
		printf("%2u %-14.31s %-5s %-12s %5.1f%% %9.1f %10.2f %10.2f %7s %8s  %s of %s",
		       d->id, d->name, weft_class_name(d->device_class),
		       weft_health_name(d->health), rate.busy * 100, rate.jobs, rate.down, rate.up,
		       top_sensor_text(d->name, "temp1_input", 1e3, "C", temp, sizeof(temp)),
		       top_sensor_text(d->name, "power1_input", 1e6, "W", power, sizeof(power)),
		       cli_bytes(rate.used, used, sizeof(used)),
		       cli_bytes(rate.size, size, sizeof(size)));
		if (d->lease_holder)
			printf(", client %" PRIu64, (uint64_t)d->lease_holder);
		putchar('\n');
	}
}

static void top_print_json(const struct top_sample *old, const struct top_sample *new)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct top_device_rate rate;
	double value;
	uint32_t i;

	cli_json_u64(o, "time_ns", new->time);
	cli_json_text(o, "policy", new->info.policy);
	for (i = 0; i < new->device_count; i++) {
		const struct drm_weft_device_info *d = &new->devices[i];
		struct json_object *j = json_object_new_object();

		top_rate(old, new, d, &rate);
		cli_json_u64(j, "id", d->id);
		cli_json_text(j, "name", d->name);
		cli_json_text(j, "health", weft_health_name(d->health));
		json_object_object_add(j, "busy_share", json_object_new_double(rate.busy));
		json_object_object_add(j, "jobs_per_second", json_object_new_double(rate.jobs));
		json_object_object_add(j, "in_mb_per_second", json_object_new_double(rate.down));
		json_object_object_add(j, "out_mb_per_second", json_object_new_double(rate.up));
		if (top_sensor(d->name, "temp1_input", 1e3, &value))
			json_object_object_add(j, "temperature_celsius",
					       json_object_new_double(value));
		if (top_sensor(d->name, "power1_input", 1e6, &value))
			json_object_object_add(j, "power_watts", json_object_new_double(value));
		cli_json_u64(j, "memory_used", rate.used);
		cli_json_u64(j, "memory", rate.size);
		cli_json_u64(j, "jobs_done", d->jobs_done);
		cli_json_u64(j, "busy_ns", d->busy_ns);
		cli_json_u64(j, "leases", d->leases);
		cli_json_u64(j, "leases_revoked", d->leases_revoked);
		if (d->lease_holder) {
			cli_json_u64(j, "lease_holder", d->lease_holder);
			cli_json_u64(j, "lease_tenant", d->lease_tenant);
		}
		json_object_array_add(list, j);
	}
	json_object_object_add(o, "devices", list);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(o);
}

static int top_watch(struct weft *pool, bool once, bool json, double interval)
{
	const struct timespec pause = {
		.tv_sec = (time_t)interval,
		.tv_nsec = (long)((interval - (double)(time_t)interval) * 1e9),
	};
	bool terminal = isatty(STDOUT_FILENO);
	struct top_sample old, new;

	if (top_sample_take(pool, &old))
		return CLI_TROUBLE;
	do {
		nanosleep(&pause, NULL);
		if (top_sample_take(pool, &new)) {
			top_sample_free(&old);
			return CLI_TROUBLE;
		}
		if (json) {
			top_print_json(&old, &new);
		} else {
			if (terminal && !once)
				fputs("\033[H\033[J", stdout);
			top_print(&old, &new);
			fflush(stdout);
		}
		top_sample_free(&old);
		old = new;
	} while (!once && !top_stop);
	top_sample_free(&old);
	return CLI_OK;
}

int cli_top(int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "once", no_argument, NULL, 'o' },
		{ "interval", required_argument, NULL, 'i' },
		{}
	};
	struct sigaction action = { .sa_handler = top_interrupt };
	bool once = false, json = false;
	double interval = 1;
	struct weft *pool;
	char *end;
	int c, ret;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(top_help, stdout);
			return CLI_OK;
		case CLI_OPT_JSON:
			json = true;
			break;
		case 'o':
			once = true;
			break;
		case 'i':
			interval = strtod(optarg, &end);
			if (end == optarg || *end || !(interval >= 0.01 && interval <= 3600))
				return cli_fail(CLI_USAGE,
						"--interval must be 0.01 to 3600 seconds, not "
						"\"%s\"",
						optarg);
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (optind < argc)
		return cli_fail(CLI_USAGE, "unexpected argument \"%s\"", argv[optind]);
	pool = cli_open();
	if (!pool)
		return CLI_TROUBLE;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ret = top_watch(pool, once, json, interval);
	weft_close(pool);
	return ret;
}
