/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading decisions out of the scheduler's log.
 *
 * DOC: declog
 *
 * The log (scheduler/log.h) comes from debugfs or from a file that "weft log save" made. Only
 * what explains decisions is looked at; replaying is weft-replay's business.
 */
#ifndef WEFT_DECLOG_H
#define WEFT_DECLOG_H

#include <stdbool.h>
#include <stdio.h>
#include "../../scheduler/log.h"

struct declog {
	struct weft_rec *records;
	size_t count;
	/* the ring went round before the first record */
	bool cut;
};

/**
 * struct declog_decision - a DECISION or PLAN and the candidates it was made among
 * @rec: the record
 * @candidates: CANDIDATE records after it
 * @count: number of @candidates
 * @policy: policy in force, "" if the log begins later
 */
struct declog_decision {
	const struct weft_rec *rec;
	const struct weft_rec *candidates;
	size_t count;
	char policy[17];
};

/* 0, or -1 after the reason was put into @error */
int declog_read(struct declog *log, const char *path, char *error, size_t size);
void declog_free(struct declog *log);

/* The next decision (of @job, or of any if it is ~0) at or after *@at, which moves behind it */
bool declog_next(const struct declog *log, u64 job, size_t *at, struct declog_decision *decision);

#endif /* WEFT_DECLOG_H */
