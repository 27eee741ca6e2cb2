/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading an input log and making its decisions again.
 *
 * DOC: replay log
 *
 * Used by weft-replay and by `weft explain`. Logs come from outside: nothing in them is trusted;
 * a log that makes no sense is refused with a message that names the record.
 */
#ifndef WEFT_REPLAYLOG_H
#define WEFT_REPLAYLOG_H

#include <stdio.h>

#include "log.h"

/**
 * struct weft_replay_log - a log in memory
 * @rec: records, in order, without gaps
 * @count: number of them
 * @error: why the last call failed
 */
struct weft_replay_log {
	struct weft_rec *rec;
	size_t count;
	char error[160];
};

/**
 * struct weft_replay_result - what weft_replay_run() found
 * @inputs: input records consumed
 * @decisions: DECISION, PLAN and POISONED records that came out identical
 * @candidates: CANDIDATE records that came out identical
 * @jobs: jobs submitted
 * @differs: a record came out otherwise
 * @index: which
 * @have_logged: @logged is valid; else the log has no such record
 * @have_replayed: @replayed is valid; else the replay made no such record
 * @logged: as logged
 * @replayed: as replayed
 */
struct weft_replay_result {
	size_t inputs;
	size_t decisions;
	size_t candidates;
	size_t jobs;
	bool differs;
	size_t index;
	bool have_logged;
	bool have_replayed;
	struct weft_rec logged;
	struct weft_rec replayed;
};

/* 0, or -1 and log->error; a log may begin at any record but has no gap */
int weft_replay_load(struct weft_replay_log *log, FILE *file);
void weft_replay_unload(struct weft_replay_log *log);
/* 0 if the log could be replayed, identical or not; -1 and log->error if it makes no sense */
int weft_replay_run(struct weft_replay_log *log, struct weft_replay_result *result);
/*
 * The next DECISION or PLAN about @job at or after record @from, log->count if there is none. The
 * CANDIDATE records that were weighed follow it directly.
 */
size_t weft_replay_place(const struct weft_replay_log *log, size_t from, u64 job);
/* one line for people, with a newline; as JSON without one */
void weft_replay_print(FILE *out, const struct weft_rec *rec);
void weft_replay_print_json(FILE *out, const struct weft_rec *rec);

#endif /* WEFT_REPLAYLOG_H */
