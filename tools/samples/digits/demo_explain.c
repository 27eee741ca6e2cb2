// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-demo: are the explanations true?
 *
 * DOC: weft-demo explain
 *
 * Asks weft(1) why jobs went where they went, and takes the earliest finish of each table itself:
 * it has to be the device that was chosen, and the device the job's record says it ran on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "../../../scheduler/log.h"

#define DEMO_SAMPLES	12

static char *demo_command(const struct demo *d, uint64_t job, const char *option)
{
	char *command, *text = NULL;
	size_t size = 0;
	FILE *pipe;

	if (asprintf(&command, "%s explain %" PRIu64 " %s", d->weft, job, option) < 0)
		return NULL;
	pipe = popen(command, "r");
	free(command);
	if (!pipe)
		return NULL;
	if (getdelim(&text, &size, '\0', pipe) < 0) {
		free(text);
		text = NULL;
	}
	if (pclose(pipe)) {
		free(text);
		return NULL;
	}
	return text;
}

static int64_t demo_get(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? json_object_get_int64(value) : -1;
}

static bool demo_possible(int64_t reason)
{
	return reason != WEFT_REASON_NOT_NOW && reason != WEFT_REASON_CLOSED &&
	       reason != WEFT_REASON_NOT_ELIGIBLE;
}

/* The device of a table's earliest finish: -1 none, -2 the choice was made to learn something */
static int64_t demo_argmin(struct json_object *table)
{
	int64_t finish, best = -1, best_finish = 0;
	struct json_object *list;
	size_t i;

	if (!json_object_object_get_ex(table, "candidates", &list))
		return -1;
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);
		int64_t reason = demo_get(c, "reason_number");

		if (reason == WEFT_REASON_EXPLORE || reason == WEFT_REASON_OUTRUN)
			return -2;
		if (!demo_possible(reason))
			continue;
		finish = demo_get(c, "finish_ns");
		/* as good means as good: the table's own tie-break decides */
		if (best < 0 || finish < best_finish ||
		    (finish == best_finish && reason != WEFT_REASON_TIE)) {
			best = demo_get(c, "device");
			best_finish = finish;
		}
	}
	return best;
}

/* 1 the table leads to the choice, 0 it does not, 2 explored, -1 */
static int demo_check(const struct demo *d, const struct drm_weft_job_record *record)
{
	char *text = demo_command(d, record->id, "--json");
	struct json_object *table = text ? json_tokener_parse(text) : NULL;
	int64_t argmin, chosen;
	int ret = -1;

	free(text);
	if (!table)
		return -1;
	chosen = demo_get(table, "device");
	argmin = demo_argmin(table);
	if (argmin == -2)
		ret = 2;
	else
		ret = argmin == chosen && (uint32_t)chosen == record->device;
	json_object_put(table);
	return ret;
}

int demo_explain(struct demo *d, const struct digits_run *run)
{
	uint32_t right = 0, asked = 0, explored = 0, i;
	uint64_t shown = 0;
	char *text;
	int ret;

	for (i = 0; i < DEMO_SAMPLES; i++) {
		const struct drm_weft_job_record *r =
			&run->records[(uint64_t)run->jobs * (2 * i + 1) / (2 * DEMO_SAMPLES)];

		ret = demo_check(d, r);
		if (ret < 0) {
			fprintf(stderr, "weft-demo: %s explain %" PRIu64 " failed\n", d->weft,
				(uint64_t)r->id);
			return -1;
		}
		if (ret == 2) {
			explored++;
			continue;
		}
		asked++;
		right += (uint32_t)ret;
		if (!shown || !ret)
			shown = r->id;
	}
	text = shown ? demo_command(d, shown, "") : NULL;
	fputs(text ? text : "", d->out);
	free(text);
	demo_claim(d, asked && right == asked, "explanations lead to the choice",
		   "%u of %u jobs, %u more were placed to learn", right, asked, explored);
	return 0;
}
