/* SPDX-License-Identifier: GPL-2.0-only */
/* What the engines that are rivals of scheduler/ share; see simrival.c. */
#ifndef WEFT_SIMRIVAL_H
#define WEFT_SIMRIVAL_H

#include "simfile.h"
#include "simworld.h"

enum sim_rank_of { SIM_RANK_BEST, SIM_RANK_MEAN };

/* upward ranks by the least cost, or the mean over devices; from the arena */
u64 *sim_rank(struct sim_arena *arena, const struct sim_input *in, enum sim_rank_of of);

extern const struct sim_engine sim_engine_weft;
extern const struct sim_engine sim_engine_dmdas;
extern const struct sim_engine sim_engine_dmdar;
extern const struct sim_engine sim_engine_heft;
extern const struct sim_engine sim_engine_heteroprio;
extern const struct sim_engine sim_engine_xsched;

/* all engines, NULL at the end */
extern const struct sim_engine * const sim_engines[];
const struct sim_engine *sim_engine_find(const char *name);

#endif /* WEFT_SIMRIVAL_H */
