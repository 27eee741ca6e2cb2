/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place in scheduler/ that tells the kernel from user space.
 *
 * DOC: scheduler platform
 *
 * The same scheduler files build into weft.ko, the unit tests and the replayer. In the kernel
 * this header includes what they need; in user space it defines the same few names. No feature
 * of a kernel is asked for here: what is used exists in every kernel that weft supports.
 *
 * Rejected: copying the kernel's headers into the tree (long, and they drift), and a layer of
 * weft_*() wrappers around list_head (a reader would have to learn a second vocabulary).
 */
#ifndef WEFT_PLATFORM_H
#define WEFT_PLATFORM_H

#ifdef __KERNEL__

#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

/* true if the caller or the scheduler itself broke its contract; the call is then refused */
#define weft_warn_on(cond) WARN_ON_ONCE(cond)

#else /* user space */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define U32_MAX		0xffffffffu
#define U64_MAX		(~0ull)
#define S64_MAX		((s64)(U64_MAX >> 1))
#define BIT_ULL(n)	(1ull << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* A broken contract ends a test or a replay: there is nobody to limp on for. */
static inline bool weft_warn_at(bool cond, const char *what, const char *file, int line)
{
	if (cond) {
		fprintf(stderr, "%s:%d: weft_warn_on(%s)\n", file, line, what);
		abort();
	}
	return false;
}

#define weft_warn_on(cond) weft_warn_at(cond, #cond, __FILE__, __LINE__)

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline u64 div64_u64_rem(u64 dividend, u64 divisor, u64 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline u32 __ffs64(u64 x)
{
	return (u32)__builtin_ctzll(x);
}

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_insert(struct list_head *node, struct list_head *prev,
			       struct list_head *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

static inline void list_add(struct list_head *node, struct list_head *head)
{
	list_insert(node, head, head->next);
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	list_insert(node, head->prev, head);
}

static inline void list_del_init(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	INIT_LIST_HEAD(node);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) list_entry((head)->prev, type, member)

#define list_for_each_entry(pos, head, member)					\
	for (pos = list_entry((head)->next, __typeof__(*pos), member);		\
	     &pos->member != (head);						\
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

#define list_for_each_entry_safe(pos, n, head, member)				\
	for (pos = list_entry((head)->next, __typeof__(*pos), member),		\
	     n = list_entry(pos->member.next, __typeof__(*pos), member);	\
	     &pos->member != (head);						\
	     pos = n, n = list_entry(n->member.next, __typeof__(*n), member))

#define list_for_each_entry_reverse(pos, head, member)				\
	for (pos = list_entry((head)->prev, __typeof__(*pos), member);		\
	     &pos->member != (head);						\
	     pos = list_entry(pos->member.prev, __typeof__(*pos), member))

#endif /* __KERNEL__ */

/* a * b, or the largest u64 where that does not fit */
static inline u64 weft_mul_sat(u64 a, u64 b)
{
	u64 product;

	return __builtin_mul_overflow(a, b, &product) ? U64_MAX : product;
}

/* a + b, or the largest u64 where that does not fit */
static inline u64 weft_add_sat(u64 a, u64 b)
{
	u64 sum;

	return __builtin_add_overflow(a, b, &sum) ? U64_MAX : sum;
}

/* A fixed bijection that spreads the bits of @x; the same everywhere, so that replay agrees. */
static inline u64 weft_mix64(u64 x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15ull;
	x ^= x >> 29;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	return x;
}

#endif /* WEFT_PLATFORM_H */
