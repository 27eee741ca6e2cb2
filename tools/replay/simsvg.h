/* SPDX-License-Identifier: GPL-2.0-only */
/* See simsvg.c. */
#ifndef WEFT_SIMSVG_H
#define WEFT_SIMSVG_H

#include "simfile.h"
#include "simworld.h"

void sim_svg(FILE *out, const struct sim_world *w);

#endif /* WEFT_SIMSVG_H */
