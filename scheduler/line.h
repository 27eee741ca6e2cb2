/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When something is taken: a bounded list of times.
 *
 * DOC: timelines
 *
 * What carries out one thing at a time, a place of a device or a port of a link, has a timeline:
 * the spans of time for which it is taken, in order, none of which touch. A new span takes the
 * first gap that is long enough, whatever was taken later: that is insertion as in HEFT (Topcuoglu,
 * Hariri, Wu, TPDS 2002) and, on links, edge scheduling (Sinnen, Sousa, TPDS 2005).
 *
 * The memory is the caller's and bounded. When it is full the smallest gap is given up: a timeline
 * may say that something is taken which is free, never the reverse.
 *
 * Rejected: one time from which it is free (each gap that a late input leaves is lost: Cholesky of
 * 16 x 16 tiles on the yardstick's machine takes a tenth longer); a tree of gaps (spans that touch
 * are one, so there are few, and they are searched by halving).
 */
#ifndef WEFT_LINE_H
#define WEFT_LINE_H

#include "platform.h"

/**
 * struct weft_span - a time that is taken
 * @start: its first ns
 * @end: the ns after its last
 */
struct weft_span {
	u64 start;
	u64 end;
};

/**
 * struct weft_line - a timeline
 * @span: what is taken, in order
 * @count: how many of them
 * @room: how many there is room for, at least 2
 */
struct weft_line {
	struct weft_span *span;
	u32 count;
	u32 room;
};

/** weft_line_free() - first time from @from on at which it is free for @ns */
u64 weft_line_free(const struct weft_line *line, u64 from, u64 ns);
/** weft_line_take() - take it from @start to @end; what is taken already stays so */
void weft_line_take(struct weft_line *line, u64 start, u64 end);
/** weft_line_forget() - nobody asks for a time before @now any more */
void weft_line_forget(struct weft_line *line, u64 now);
/** weft_line_copy() - make @to, which has as much room, the same as @from */
void weft_line_copy(struct weft_line *to, const struct weft_line *from);

#endif /* WEFT_LINE_H */
