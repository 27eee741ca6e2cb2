/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP for tests that talk to a kernel.
 *
 * DOC: tap
 *
 * A test program is a list of subtests; main() belongs to tap.c. Each subtest runs in a child of
 * its own process group, so that one that dies, hangs or leaves threads, files or mappings behind
 * fails alone and cannot disturb the next. The first failed CHECK() ends the subtest. Rejected:
 * kselftest_harness.h, which is not installed by any Debian package and would tie the tests to
 * an unpacked kernel source.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct tap_test {
	const char *name;
	void (*fn)(const void *arg);
	const void *arg;
	struct tap_test *next;
};

void tap_add(struct tap_test *test);
/* run before the first subtest, in the parent: what it makes is there for all of them */
extern void (*tap_setup)(void);
/* run in the parent after each subtest and at the end (@last) */
extern void (*tap_cleanup)(bool last);

void __attribute__((format(printf, 1, 2), noreturn)) tap_skip(const char *fmt, ...);
void __attribute__((format(printf, 1, 2))) tap_note(const char *fmt, ...);
void __attribute__((format(printf, 3, 4), noreturn))
tap_fail(const char *file, int line, const char *fmt, ...);
/* a kernel with checkers, on which everything takes several times as long */
bool tap_slow_kernel(void);
/* errno of @value if it is negative, else the number itself, in words */
const char *tap_value(long long value);

#define TEST(ident, title)							\
	static void ident(const void *arg);					\
	static struct tap_test ident##_test = { .name = title, .fn = ident };	\
	static void __attribute__((constructor)) ident##_add(void)		\
	{									\
		tap_add(&ident##_test);						\
	}									\
	static void ident(const void *arg __attribute__((unused)))

#define SETUP()									\
	static void setup(void);						\
	static void __attribute__((constructor)) setup_add(void)		\
	{									\
		tap_setup = setup;						\
	}									\
	static void setup(void)

#define CHECK_MSG(cond, ...)							\
	do {									\
		if (!(cond))							\
			tap_fail(__FILE__, __LINE__, __VA_ARGS__);		\
	} while (0)

#define CHECK(cond) CHECK_MSG(cond, "%s does not hold", #cond)

#define CHECK_EQ(what, want)							\
	do {									\
		long long got_ = (long long)(what);				\
		long long want_ = (long long)(want);				\
		if (got_ != want_)						\
			tap_fail(__FILE__, __LINE__, "%s is %s, not %s",	\
				 #what, tap_value(got_), tap_value(want_));	\
	} while (0)

#endif /* TAP_H */
