/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operator types, and what comes of it.
 *
 * DOC: cli
 */
#ifndef CLI_H
#define CLI_H

#include "tap.h"

/* what the last weft() said, on either channel */
extern char output[32768];

/* exit status of `weft ARGS` */
int __attribute__((format(printf, 1, 2))) weft(const char *fmt, ...);

#define SAYS(text) CHECK_MSG(strstr(output, text), "no \"%s\" in: %s", text, output)
#define SAYS_NOT(text) CHECK_MSG(!strstr(output, text), "\"%s\" in: %s", text, output)

#endif /* CLI_H */
