// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading decisions out of the scheduler's log.
 *
 * DOC: declog
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "declog.h"

#define DECLOG_GROW	65536

static int declog_header(FILE *file)
{
	struct weft_log_header header;

	if (fread(&header, sizeof(header), 1, file) != 1)
		return -1;
	return header.magic == WEFT_LOG_MAGIC && header.version == WEFT_LOG_VERSION &&
	       header.record_size == sizeof(struct weft_rec) ? 0 : -1;
}

int declog_read(struct declog *log, const char *path, char *error, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t room = 0, n;

	memset(log, 0, sizeof(*log));
	if (!file) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return -1;
	}
	setvbuf(file, NULL, _IOFBF, 1 << 20);
	if (declog_header(file)) {
		snprintf(error, size, "%s is not a log of the scheduler, or of another version",
			 path);
		fclose(file);
		return -1;
	}
	do {
		if (log->count == room) {
			struct weft_rec *records;

			room += DECLOG_GROW;
			records = realloc(log->records, room * sizeof(*records));
			if (!records) {
				snprintf(error, size, "no memory for %zu records", room);
				fclose(file);
				declog_free(log);
				return -1;
			}
			log->records = records;
		}
		n = fread(log->records + log->count, sizeof(*log->records), room - log->count,
			  file);
		log->count += n;
	} while (n);
	fclose(file);
	log->cut = log->count && log->records[0].seq;
	return 0;
}

void declog_free(struct declog *log)
{
	free(log->records);
	memset(log, 0, sizeof(*log));
}

/* The policy's name is in two words of the last INIT or POLICY_SET before @at. */
static void declog_policy(const struct declog *log, size_t at, char policy[17])
{
	memset(policy, 0, 17);
	while (at--) {
		const struct weft_rec *r = &log->records[at];

		if (r->type != WEFT_REC_INIT && r->type != WEFT_REC_POLICY_SET)
			continue;
		memcpy(policy, r->arg, 16);
		return;
	}
}

bool declog_next(const struct declog *log, u64 job, size_t *at, struct declog_decision *decision)
{
	size_t i;

	for (; *at < log->count; ++*at) {
		const struct weft_rec *r = &log->records[*at];

		if (r->type != WEFT_REC_DECISION && r->type != WEFT_REC_PLAN)
			continue;
		if (job != U64_MAX && r->id != job)
			continue;
		for (i = *at + 1; i < log->count; i++)
			if (log->records[i].type != WEFT_REC_CANDIDATE ||
			    log->records[i].id != r->id)
				break;
		decision->rec = r;
		decision->candidates = r + 1;
		decision->count = i - *at - 1;
		declog_policy(log, *at, decision->policy);
		*at = i;
		return true;
	}
	return false;
}
