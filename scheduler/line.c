// SPDX-License-Identifier: GPL-2.0-only
/* Timelines; see line.h. */
#include "line.h"

/* The first span that ends later than @at. */
static u32 weft_line_find(const struct weft_line *line, u64 at)
{
	u32 low = 0, high = line->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (line->span[middle].end > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

u64 weft_line_free(const struct weft_line *line, u64 from, u64 ns)
{
	u32 i;

	for (i = weft_line_find(line, from); i < line->count; i++) {
		if (line->span[i].start >= weft_add_sat(from, ns))
			break;
		from = max(from, line->span[i].end);
	}
	return from;
}

static void weft_line_remove(struct weft_line *line, u32 at, u32 count)
{
	line->count -= count;
	memmove(&line->span[at], &line->span[at + count],
		(line->count - at) * sizeof(*line->span));
}

/* Give up the smallest gap. */
static void weft_line_squeeze(struct weft_line *line)
{
	u32 best = 0;
	u32 i;

	for (i = 1; i + 1 < line->count; i++) {
		if (line->span[i + 1].start - line->span[i].end <
		    line->span[best + 1].start - line->span[best].end)
			best = i;
	}
	line->span[best].end = line->span[best + 1].end;
	weft_line_remove(line, best + 1, 1);
}

void weft_line_take(struct weft_line *line, u64 start, u64 end)
{
	u32 first, last;

	if (end <= start)
		return;
	/* Spans from @first to before @last touch or overlap the new one: all become one. */
	first = start ? weft_line_find(line, start - 1) : 0;
	for (last = first; last < line->count && line->span[last].start <= end; last++) {
		start = min(start, line->span[last].start);
		end = max(end, line->span[last].end);
	}
	if (first == last) {
		if (line->count == line->room) {
			weft_line_squeeze(line);
			weft_line_take(line, start, end);
			return;
		}
		memmove(&line->span[first + 1], &line->span[first],
			(line->count - first) * sizeof(*line->span));
		line->count++;
	} else {
		weft_line_remove(line, first + 1, last - first - 1);
	}
	line->span[first].start = start;
	line->span[first].end = end;
}

void weft_line_forget(struct weft_line *line, u64 now)
{
	weft_line_remove(line, 0, weft_line_find(line, now));
}

void weft_line_copy(struct weft_line *to, const struct weft_line *from)
{
	to->count = from->count;
	memcpy(to->span, from->span, from->count * sizeof(*to->span));
}
