// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host memory that a seat has registered.
 *
 * DOC: range
 *
 * The kernel names a buffer's range of the window once, before the first copy, and once more when
 * the buffer is gone. Between the two every copy finds its range here, by bisection. Ranges do not
 * overlap.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* Index of the first range that begins behind @offset */
static size_t weft_range_after(const struct weft_seat *seat, uint64_t offset)
{
	size_t low = 0, high = seat->range_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (seat->ranges[middle]->offset > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int weft_range_grow(struct weft_seat *seat)
{
	size_t room = seat->range_room ? seat->range_room * 2 : 16;
	struct weft_range **ranges;

	if (seat->range_count < seat->range_room)
		return 0;
	ranges = realloc(seat->ranges, room * sizeof(struct weft_range *));
	if (!ranges)
		return -ENOMEM;
	seat->ranges = ranges;
	seat->range_room = room;
	return 0;
}

int weft_range_add(struct weft_seat *seat, uint64_t offset, uint64_t size)
{
	size_t at = weft_range_after(seat, offset);
	struct weft_range *range;
	int ret;

	ret = weft_range_grow(seat);
	if (ret)
		return ret;
	range = calloc(1, sizeof(*range));
	if (!range)
		return -ENOMEM;
	range->offset = offset;
	range->host.bytes = seat->window + offset;
	range->host.size = size;
	ret = seat->ops->add_host(seat, &range->host);
	if (ret) {
		free(range);
		return ret;
	}
	memmove(&seat->ranges[at + 1], &seat->ranges[at],
		(seat->range_count - at) * sizeof(struct weft_range *));
	seat->ranges[at] = range;
	seat->range_count++;
	return 0;
}

/* 0 also if nothing was registered there: then there is nothing to let go of. */
int weft_range_remove(struct weft_seat *seat, uint64_t offset)
{
	size_t at = weft_range_after(seat, offset);
	struct weft_range *range;
	int ret;

	if (!at || seat->ranges[at - 1]->offset != offset)
		return 0;
	range = seat->ranges[at - 1];
	ret = seat->ops->remove_host(seat, &range->host);
	if (ret)
		return ret;
	memmove(&seat->ranges[at - 1], &seat->ranges[at],
		(seat->range_count - at) * sizeof(struct weft_range *));
	seat->range_count--;
	free(range);
	return 0;
}

struct weft_host *weft_range_find(struct weft_seat *seat, uint64_t offset, uint64_t length)
{
	size_t at = weft_range_after(seat, offset);
	struct weft_range *range;

	if (!at)
		return NULL;
	range = seat->ranges[at - 1];
	if (offset - range->offset > range->host.size ||
	    length > range->host.size - (offset - range->offset))
		return NULL;
	return &range->host;
}

/* At the end: the runtime's context takes its registrations with it. */
void weft_range_drop_all(struct weft_seat *seat)
{
	while (seat->range_count)
		free(seat->ranges[--seat->range_count]);
	free(seat->ranges);
}
