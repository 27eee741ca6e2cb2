/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands of weft-replay that simulate; see simmain.c. */
#ifndef WEFT_SIMMAIN_H
#define WEFT_SIMMAIN_H

/* argv[0] is the command's name; both return the exit status */
int sim_simulate(int argc, char **argv);
int sim_generate_main(int argc, char **argv);

#endif /* WEFT_SIMMAIN_H */
