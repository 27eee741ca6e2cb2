/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shim of weft gate: what the runtimes' tables and the turns share.
 *
 * DOC: gate
 *
 * A runtime is a file with a table: one line per symbol that starts work on a device, and a
 * function that waits for all of it (opencl.c). A line gives the symbol's own prototype, so that
 * nothing of a vendor's headers is needed, and becomes a function of that name which the dynamic
 * linker finds before the runtime's: it takes the program's turn, calls the runtime's, and is done.
 */
#ifndef WEFT_GATE_H
#define WEFT_GATE_H

#include <stdbool.h>

/** struct gate_runtime - how to wait for what a runtime has been given */
struct gate_runtime {
	/** @finish: returns when all that was started on @where has ended */
	void (*finish)(void *where);
};

/*
 * A call that starts work on @where is about to be made: returns when it is the program's turn.
 * gate_done() follows when the runtime's function has returned.
 */
void gate_enter(const struct gate_runtime *runtime, void *where);
void gate_done(void);
/* the next function called @name, behind this one; without one the program ends with a message */
void *gate_next(const char *name);
/* @where is about to be given back to the runtime: what it was given has ended when this returns */
void gate_forget(void *where);

/*
 * One symbol that starts work: what it returns, its name, its parameters, the same as arguments,
 * and which of them says where.
 */
#define GATE_LAUNCH(runtime, type, name, params, args, where)				\
__attribute__((visibility("default"))) type name params;				\
type name params									\
{											\
	static type (*next) params;							\
	type result;									\
											\
	if (!next)									\
		next = (type (*) params)gate_next(#name);				\
	gate_enter(runtime, where);							\
	result = next args;								\
	gate_done();									\
	return result;									\
}

#endif /* WEFT_GATE_H */
