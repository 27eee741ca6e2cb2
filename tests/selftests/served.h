/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small server and its seats, for tests of weft_serve.
 *
 * DOC: served
 *
 * The device computes a few operations of weft_sim in the memory of the seat's process, so that
 * the jobs of common.h run on it. How a seat behaves is told through memory that all processes
 * share; so are the counts of what it was asked for.
 */
#ifndef SERVED_H
#define SERVED_H

#include <drm/weft_serve.h>

#include "common.h"

#define SERVED_NODE	"/dev/weft_serve"
#define SERVED_OPS	17
/* what a compiler had to say, with fail_load */
#define SERVED_TEXT	"k.cl:1: error: expected ';'"
#define SERVED_BAD_OP	95u		/* EOPNOTSUPP */

/* what a seat does with the next launch; once */
enum served_trick {
	SERVED_WELL = 0,
	SERVED_HANG,		/* never completed; ABORT is answered, with the launch first */
	SERVED_HANG_HARD,	/* nor is ABORT */
	SERVED_FAIL,		/* EIO, code 42 */
	SERVED_EXIT,		/* the process exits */
	SERVED_STOP,		/* SIGSTOP */
	SERVED_EXEC,		/* it becomes sleep(1) */
	SERVED_UNMAP,		/* the ring goes, the process stays */
	SERVED_TWICE,		/* completed twice, and the second says that it failed */
	SERVED_NONSENSE,	/* completions of what was never asked before the right one */
	SERVED_FLOOD,		/* more completions than slots */
	SERVED_BOAST,		/* says that it took an hour */
	SERVED_SLOW,		/* takes 1 s, and says that others were the reason */
	SERVED_LIE,		/* completed with ENODEV, an error that it has no say in */
	SERVED_FORK,		/* a child tries to complete it, in vain */
	SERVED_SCRIBBLE,	/* everything in the ring that is the kernel's is overwritten */
	SERVED_ODD_FLAG,	/* completed with a flag that nobody knows */
	SERVED_ODD_PAD,		/* ... and a pad that is not zero */
	SERVED_LAST,		/* completed right after the launch behind it, in one batch */
};

struct served_seat {
	pid_t pid;
	uint32_t tenant;
	char name[WEFT_SERVE_NAME_LEN];
};

/* shared by the test, the server and its seats */
struct served_shared {
	volatile int ready;			/* 1, or -errno of OFFER */
	volatile uint32_t device;		/* number, for ATTACH */
	volatile uint32_t trick;		/* enum served_trick */
	volatile uint32_t trick_at;		/* number of the launch for it, 0: the next */
	volatile bool hold;			/* launches wait until it is false */
	volatile uint32_t behind;		/* requests in the ring behind one that waits */
	volatile uint32_t together;		/* the most launches of one batch */
	volatile uint32_t waits;		/* the most events that a launch waited for */
	volatile uint32_t astray;		/* events that no launch before it signals */
	volatile uint64_t length[4];		/* of the relocations of the last launch */
	volatile bool stop_copies;		/* COPY_OUT is not answered */
	volatile bool fail_load;		/* LOAD fails, with text */
	volatile bool pin;			/* what is copied in next is pinned for good */
	volatile bool unpin;			/* on REVOKE, what is pinned is let go */
	volatile bool look;			/* look at what is pinned, with the next launch */
	volatile uint32_t pinned;		/* what was seen: one value everywhere, or 0 */
	volatile bool keep_revokes;		/* REVOKE is not answered */
	volatile uint32_t spawned, retired, lost;
	volatile uint32_t last_error;		/* of the last event LOST */
	volatile uint32_t ops[SERVED_OPS];	/* requests by op */
	volatile uint32_t batches;		/* ENTERs that brought requests */
	volatile int child;			/* SERVED_FORK: what its ENTER got, or 1 */
	volatile uint64_t window;		/* where in the host window the last came from */
	struct served_seat seat[WEFT_SERVE_MAX_SEATS];
};

/* a server in a process of its own */
struct served {
	pid_t pid;
	struct served_shared *s;
	struct weft_serve_offer offer;
	char name[WEFT_SERVE_NAME_LEN];
};

/*
 * a device with one engine, one credit, one seat of 1 MiB, quick deadlines; to be changed at will
 */
void served_offer(struct weft_serve_offer *offer, const char *name);
/* starts a server that makes the offer; what OFFER returned */
long served_try(struct served *d, const struct weft_serve_offer *offer);
/* the same, and it must work */
void served_start(struct served *d, const struct weft_serve_offer *offer);
/* the server is killed, and its device gone */
void served_kill(struct served *d);
/* waits until *@counter is at least @value */
void served_reach(volatile uint32_t *counter, uint32_t value);
/* a job's mask for that device alone */
uint64_t served_mask(int fd, const struct served *d);

#endif /* SERVED_H */
