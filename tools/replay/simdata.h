/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the simulated world share among themselves. */
#ifndef WEFT_SIMDATA_H
#define WEFT_SIMDATA_H

#include "simworld.h"

/* ---- simworld.c */
const char *sim_job_name(const struct sim_world *w, u32 job);
/* the end of a transfer is something that happens */
void sim_arrives(struct sim_world *w, u32 transfer);

/* ---- simdata.c */
/* -1 and w->error if blocks do not fit where they are said to be */
int sim_data_init(struct sim_world *w);
/* @job gives up the blocks that were fetched for it, if any were */
void sim_unfetch(struct sim_world *w, u32 job);
/* the run of @job ended well: what it wrote is valid there and nowhere else */
void sim_written(struct sim_world *w, u32 job);
/* abort if @job may not start where it is placed; what is overwritten need not arrive */
void sim_check_inputs(struct sim_world *w, u32 job);
void sim_transfer_end(struct sim_world *w, u32 transfer);
/* @device's memory is gone */
void sim_region_lost(struct sim_world *w, u32 device);

#endif /* WEFT_SIMDATA_H */
