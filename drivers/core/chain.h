/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Jobs that wait for each other on an engine.
 *
 * DOC: chain.h
 *
 * What jobs carry for it, and who tells chain.c what. Rejected: fields of struct weft_job alone
 * (a link is an object of two jobs).
 */
#ifndef WEFT_CHAIN_H
#define WEFT_CHAIN_H

#include <linux/list.h>

struct weft_job;

/** struct weft_chain_link - a job waits for another on their engine; under its lock */
struct weft_chain_link {
	/** @from: for whom; NULL: it is over, or the link is not used */
	struct weft_job *from;
	/** @to: who; the link is one of its */
	struct weft_job *to;
	struct list_head node;		/* from->heirs */
};

void weft_chain_init(struct weft_job *job);
void weft_chain_bound_locked(struct weft_job *job);
void weft_chain_over(struct weft_job *job);
bool weft_chain_ahead(struct weft_job *job);
void weft_chain_cover_locked(struct weft_job *job);
void weft_chain_back_locked(struct weft_job *job);
bool weft_chain_due_locked(struct weft_job *job);

#endif /* WEFT_CHAIN_H */
