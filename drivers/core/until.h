/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting until an absolute time.
 *
 * DOC: until.h
 *
 * Calls name the time to give up at, so that one that was interrupted can be made again as it is.
 * Rejected: wait_event_interruptible_timeout() (its jiffies are too coarse).
 */
#ifndef WEFT_UNTIL_H
#define WEFT_UNTIL_H

#include <linux/ktime.h>
#include <linux/wait.h>

/* Nanoseconds from now to an absolute time, for wait_event_*_hrtimeout(); 0 once it has passed. */
static inline ktime_t weft_timeout(u64 until)
{
	u64 now = ktime_get_ns();

	if (until >= KTIME_MAX)
		return KTIME_MAX;
	return until > now ? until - now : 0;
}

/*
 * Wait interruptibly until @cond or the absolute time @until. 0, -EINTR or -ETIME; a condition
 * that holds wins over a time that has passed.
 */
#define weft_wait_until(wq, until, cond) ({					\
	ktime_t __left = weft_timeout(until);					\
	int __ret = 0;								\
										\
	if (!(cond)) {								\
		if (!__left)							\
			__ret = -ETIME;						\
		else								\
			__ret = wait_event_interruptible_hrtimeout(*(wq), cond, __left); \
		if (__ret == -ERESTARTSYS)					\
			__ret = -EINTR;						\
	}									\
	__ret;									\
})

#endif /* WEFT_UNTIL_H */
