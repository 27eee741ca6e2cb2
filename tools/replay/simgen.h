/* SPDX-License-Identifier: GPL-2.0-only */
/* Inputs made by rule or at random; see simgen.c. */
#ifndef WEFT_SIMGEN_H
#define WEFT_SIMGEN_H

#include <stdio.h>

#include "platform.h"

struct sim_gen {
	const char *kind;
	/* tiles a side of cholesky, lu, qr */
	u32 tiles;
	u64 seed;
	FILE *machine;
	FILE *costs;
	FILE *tasks;
};

/* what can be made, NULL at the end */
extern const char * const sim_gen_kinds[];
/* 0, or -1 for a kind that is not there */
int sim_generate(struct sim_gen *g);

#endif /* WEFT_SIMGEN_H */
