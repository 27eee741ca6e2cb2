// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: requests and completions
 *
 * Each request has a slot, and what the slot is used for is remembered here, not in the ring. A
 * completion is copied out of the ring once and only then looked at; it counts if its slot is in
 * use and its generation fits. So whatever the process writes there, a request is completed at
 * most once, and by nobody but its seat.
 *
 * Whoever takes a request out of its slot, under the lock, ends it: a completion, an abort, or the
 * seat's end. The core is called without the lock, because it answers a completion with the next
 * run(). @reap is held meanwhile, so that an abort can wait until a completion has been delivered.
 *
 * A launch that waits for others names them by the numbers of their slots: its request is written
 * while they have theirs, and what comes to have such a slot later stands behind it in the ring.
 *
 * Runs and copies that find no slot queue up and are sent as slots come free. A few slots are kept
 * for requests that somebody waits for, or a ring full of launches that hang could not be aborted.
 *
 * Rejected: believing sq_head and cq_head (a counter of our own costs nothing); one list for all
 * that queues (copies are what runs that are still to come wait for: they go first).
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "serve.h"

#define SERVE_RESERVED	4	/* slots that runs and copies leave free */
#define SERVE_FETCH	SZ_16K	/* bytes copied in one hold of the lock */

/* -------------------------------------------------------------------- memory */

int serve_ring_init(struct serve_seat *seat, u32 slots)
{
	size_t at = sizeof(struct weft_serve_ring);
	size_t requests, completions, payloads;
	u32 i;

	requests = at;
	at += slots * sizeof(struct weft_serve_request);
	completions = at;
	at += slots * sizeof(struct weft_serve_completion);
	payloads = PAGE_ALIGN(at);
	at = payloads + (size_t)slots * WEFT_SERVE_PAYLOAD;
	seat->ring = __vmalloc(at, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	seat->slots = kvcalloc(slots, sizeof(*seat->slots), GFP_KERNEL_ACCOUNT);
	seat->free = kvcalloc(slots, sizeof(*seat->free), GFP_KERNEL_ACCOUNT);
	if (!seat->ring || !seat->slots || !seat->free) {
		serve_ring_fini(seat);
		return -ENOMEM;
	}
	seat->ring_size = at;
	seat->requests = (void *)seat->ring + requests;
	seat->completions = (void *)seat->ring + completions;
	seat->payloads = (void *)seat->ring + payloads;
	seat->slot_count = slots;
	for (i = 0; i < slots; i++)
		seat->free[i] = slots - 1 - i;
	seat->free_count = slots;
	seat->ring->slots = slots;
	seat->ring->version = WEFT_SERVE_VERSION;
	return 0;
}

void serve_ring_fini(struct serve_seat *seat)
{
	vfree(seat->ring);
	kvfree(seat->slots);
	kvfree(seat->free);
	seat->ring = NULL;
	seat->slots = NULL;
	seat->free = NULL;
}

/* ------------------------------------------------------------------- sending */

static void serve_send_locked(struct serve_seat *seat, enum serve_kind kind, void *ptr,
			      struct weft_serve_request *request)
{
	u32 index = seat->free[--seat->free_count];
	struct serve_slot *slot = &seat->slots[index];

	lockdep_assert_held(&seat->lock);
	slot->kind = kind;
	slot->number = seat->sq_tail;
	slot->op = request->op;
	slot->stream = request->stream;
	seat->launches += kind == SERVE_RUN;
	slot->ptr = ptr;
	slot->issued_ns = ktime_get_ns();
	request->slot = index;
	request->generation = slot->generation;
	seat->busy_ns = slot->issued_ns;
	seat->requests[seat->sq_tail & (seat->slot_count - 1)] = *request;
	seat->sq_tail++;
	/* the request before its number; pairs with the process's load */
	smp_store_release(&seat->ring->sq_tail, seat->sq_tail);
	if (wq_has_sleeper(&seat->wait))
		wake_up(&seat->wait);
}

/*
 * The stream of @run, the events that it waits for, and its own: that of its slot. What it waits
 * for is under way, or is over by now; that of a run without waits goes round.
 */
static void serve_events_locked(struct serve_seat *seat, struct weft_run *run,
				struct weft_serve_request *request)
{
	struct serve_slot *slot;
	u32 i;

	lockdep_assert_held(&seat->lock);
	request->signal = seat->free[seat->free_count - 1] + 1;
	for (i = 0; i < run->wait_count; i++) {
		slot = &seat->slots[run->waits[i]->priv[1]];
		if (slot->kind != SERVE_RUN || slot->ptr != run->waits[i])
			continue;
		request->stream = slot->stream;
		request->waits[request->wait_count++] = slot - seat->slots + 1;
	}
	if (!request->stream)
		request->stream = seat->streams++ % seat->device->offer.streams + 1;
}

static void serve_send_run_locked(struct serve_seat *seat, struct weft_run *run)
{
	u32 i, relocs = min_t(u32, run->reloc_count, WEFT_SERVE_MAX_RELOCS);
	void *payload = seat->payloads + seat->free[seat->free_count - 1] * WEFT_SERVE_PAYLOAD;
	struct weft_serve_reloc *table = payload + WEFT_SERVE_RELOCS;
	struct weft_serve_request request = {
		.op = WEFT_SERVE_OP_LAUNCH,
		.engine = run->engine,
		.id = run->job_id,
		.launch.image = run->priv[0],
		.launch.kernel = run->kernel,
		.launch.args_size = run->args_size,
		.launch.reloc_count = relocs,
		.launch.grid = { run->grid[0], run->grid[1], run->grid[2] },
		.launch.timeout_ns = run->timeout_ns,
	};

	lockdep_assert_held(&seat->lock);
	memcpy(payload, run->args, min_t(u32, run->args_size, WEFT_SERVE_MAX_ARGS));
	for (i = 0; i < relocs; i++)
		table[i] = (struct weft_serve_reloc){
			.offset = run->relocs[i].offset,
			.length = weft_run_reloc_length(run, i),
		};
	if (seat->device->offer.features & WEFT_SERVE_F_EVENTS)
		serve_events_locked(seat, run, &request);
	run->priv[1] = seat->free[seat->free_count - 1];
	serve_send_locked(seat, SERVE_RUN, run, &request);
}

static void serve_send_copy_locked(struct serve_seat *seat, struct weft_copy *copy)
{
	struct weft_serve_request request = {
		.op = copy->kind == WEFT_COPY_TO_DEVICE ? WEFT_SERVE_OP_COPY_IN :
		      copy->kind == WEFT_COPY_TO_HOST ? WEFT_SERVE_OP_COPY_OUT :
							WEFT_SERVE_OP_FILL,
		.copy.device = copy->priv[1],
		.copy.host = copy->priv[0],
		.copy.length = copy->length,
	};

	serve_send_locked(seat, SERVE_COPY, copy, &request);
}

/* Slots have come free: send what waits for one. */
static void serve_send_queued_locked(struct serve_seat *seat)
{
	struct serve_note *note;
	struct weft_copy *copy;
	struct weft_run *run;

	lockdep_assert_held(&seat->lock);
	while (seat->free_count && (note = list_first_entry_or_null(&seat->notes,
								    struct serve_note, node))) {
		list_del_init(&note->node);
		serve_send_locked(seat, SERVE_NOTE, note, &note->request);
	}
	while (seat->free_count > SERVE_RESERVED) {
		copy = list_first_entry_or_null(&seat->copies, struct weft_copy, node);
		run = list_first_entry_or_null(&seat->runs, struct weft_run, node);
		if (copy) {
			list_del_init(&copy->node);
			serve_send_copy_locked(seat, copy);
		} else if (run && !(run->wait_count && seat->launches)) {
			list_del_init(&run->node);
			run->wait_count = 0;
			serve_send_run_locked(seat, run);
		} else {
			break;
		}
	}
}

/* The core's lock of the engine is held, interrupts are off. */
int serve_ring_run(struct serve_seat *seat, struct weft_run *run)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&seat->lock, flags);
	if (seat->state != SERVE_SEAT_LIVE) {
		ret = -ESTALE;
	} else if (seat->free_count > SERVE_RESERVED && list_empty(&seat->copies) &&
		   list_empty(&seat->runs)) {
		serve_send_run_locked(seat, run);
	} else {
		/* what it waits for may be gone when its turn comes: it comes after all launches */
		list_add_tail(&run->node, &seat->runs);
		serve_send_queued_locked(seat);
	}
	spin_unlock_irqrestore(&seat->lock, flags);
	return ret;
}

int serve_ring_copy(struct serve_seat *seat, struct weft_copy *copy, u64 offset)
{
	int ret = 0;

	copy->priv[1] = seat->device->offer.memory == WEFT_SERVE_MEMORY_HANDLES ?
			serve_handle_address(seat, offset) : seat->arena + offset;
	spin_lock_irq(&seat->lock);
	if (seat->state != SERVE_SEAT_LIVE) {
		ret = -ESTALE;
	} else {
		list_add_tail(&copy->node, &seat->copies);
		serve_send_queued_locked(seat);
	}
	spin_unlock_irq(&seat->lock);
	return ret;
}

void serve_ring_note(struct serve_seat *seat, struct serve_note *note)
{
	bool live;

	spin_lock_irq(&seat->lock);
	live = seat->state == SERVE_SEAT_LIVE;
	if (live) {
		list_add_tail(&note->node, &seat->notes);
		serve_send_queued_locked(seat);
	}
	spin_unlock_irq(&seat->lock);
	if (!live)
		note->done(note);
}

int serve_ring_call(struct serve_seat *seat, struct weft_serve_request *request,
		    struct serve_call *call)
{
	bool sent = false;

	init_completion(&call->done);
	while (!sent) {
		wait_event_idle(seat->room, READ_ONCE(seat->free_count) ||
				READ_ONCE(seat->state) == SERVE_SEAT_DEAD);
		spin_lock_irq(&seat->lock);
		if (seat->state != SERVE_SEAT_LIVE) {
			spin_unlock_irq(&seat->lock);
			return -ESTALE;
		}
		sent = seat->free_count;
		if (sent)
			serve_send_locked(seat, SERVE_CALL, call, request);
		spin_unlock_irq(&seat->lock);
	}
	/* answered, or the seat is given up for not answering */
	wait_for_completion_state(&call->done, TASK_IDLE);
	return call->error;
}

/* -------------------------------------------------------------------- taking */

/* Give slot @index back and return what it was. */
static struct serve_slot serve_slot_take_locked(struct serve_seat *seat, u32 index)
{
	struct serve_slot *slot = &seat->slots[index], was = *slot;

	lockdep_assert_held(&seat->lock);
	seat->launches -= slot->op == WEFT_SERVE_OP_LAUNCH;
	slot->kind = SERVE_FREE;
	slot->ptr = NULL;
	slot->generation++;
	seat->free[seat->free_count++] = index;
	seat->busy_ns = ktime_get_ns();
	return was;
}

/* What a process says went wrong, as the core may hear it: it has no say over the device. */
int serve_error(u32 error)
{
	if (error > MAX_ERRNO)
		return -EPROTO;
	switch (error) {
	case ENODEV:
	case ESTALE:
	case EAGAIN:
		return -EIO;
	}
	return -(int)error;
}

/* What @c says went wrong; a completion that says what nobody understands did not go well. */
static int serve_completion_error(const struct weft_serve_completion *c)
{
	if (c->flags & ~WEFT_SERVE_DONE_FOREIGN || c->pad[0] || c->pad[1])
		return -EPROTO;
	return serve_error(c->error);
}

static void serve_run_done(struct serve_seat *seat, struct weft_run *run,
			   const struct weft_serve_completion *c, u64 issued_ns)
{
	u64 passed = ktime_get_ns() - issued_ns, busy = 0;

	if (c->start_ns || c->end_ns)
		busy = c->end_ns > c->start_ns ? min(c->end_ns - c->start_ns, passed) : 1;
	run->disturbed = (c->flags & WEFT_SERVE_DONE_FOREIGN) ||
			 READ_ONCE(seat->device->telemetry.foreign_permille) > SERVE_FOREIGN;
	weft_run_hand_in(run, serve_completion_error(c), c->code, busy);
}

static void serve_deliver(struct serve_seat *seat, const struct serve_slot *slot,
			  const struct weft_serve_completion *c)
{
	struct serve_call *call;
	struct serve_note *note;

	switch (slot->kind) {
	case SERVE_RUN:
		serve_run_done(seat, slot->ptr, c, slot->issued_ns);
		break;
	case SERVE_COPY:
		weft_copy_complete(slot->ptr, serve_completion_error(c));
		break;
	case SERVE_CALL:
		call = slot->ptr;
		call->error = serve_completion_error(c);
		call->value = c->value;
		complete(&call->done);
		break;
	case SERVE_NOTE:
		note = slot->ptr;
		note->done(note);
		break;
	case SERVE_FREE:
		break;
	}
}

/* The slot that @c names, if that is one under way. */
static struct serve_slot *serve_slot_named_locked(struct serve_seat *seat, u32 index,
						  u32 generation)
{
	struct serve_slot *slot;

	lockdep_assert_held(&seat->lock);
	if (index >= seat->slot_count)
		return NULL;
	slot = &seat->slots[array_index_nospec(index, seat->slot_count)];
	return slot->kind != SERVE_FREE && slot->generation == generation ? slot : NULL;
}

/* Text that the seat left with the answer to a LOAD. */
static char *serve_text(struct serve_seat *seat, const struct weft_serve_completion *c)
{
	u32 size = min_t(u32, c->text_size, WEFT_SERVE_PAYLOAD);
	char *text;

	if (!size || c->slot >= seat->slot_count)
		return NULL;
	text = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (text)
		memcpy(text, seat->payloads + (size_t)c->slot * WEFT_SERVE_PAYLOAD, size);
	return text;
}

/* Return: was it a run? */
static bool serve_take(struct serve_seat *seat, const struct weft_serve_completion *c)
{
	struct serve_slot was = { };
	struct serve_slot *slot;
	struct serve_call *call;
	char *text = serve_text(seat, c);

	spin_lock_irq(&seat->lock);
	slot = serve_slot_named_locked(seat, c->slot, c->generation);
	if (slot) {
		was = serve_slot_take_locked(seat, slot - seat->slots);
		serve_send_queued_locked(seat);
	}
	spin_unlock_irq(&seat->lock);
	if (!slot) {
		atomic64_inc(&seat->device->bad_completions);
		kvfree(text);
		return false;
	}
	if (wq_has_sleeper(&seat->room))
		wake_up_all(&seat->room);
	call = was.ptr;
	if (was.kind == SERVE_CALL && call->image) {
		swap(call->text, text);
		call->text_size = call->text ? min_t(u32, c->text_size, WEFT_SERVE_PAYLOAD) : 0;
	}
	kvfree(text);
	serve_deliver(seat, &was, c);
	return was.kind == SERVE_RUN;
}

/* Take what the process has handed in. Return: how many. */
static u32 serve_reap(struct serve_seat *seat)
{
	struct weft_serve_completion c;
	u32 i, count, tail;
	bool runs = false;

	lockdep_assert_held(&seat->reap);
	/* its number before the completions; pairs with the process's store */
	tail = smp_load_acquire(&seat->ring->cq_tail);
	count = tail - seat->cq_head;
	if (count > seat->slot_count) {
		serve_seat_lose(seat, EPROTO);
		return 0;
	}
	for (i = 0; i < count; i++) {
		/* once: whatever is there later, this is what it said */
		memcpy(&c, &seat->completions[(seat->cq_head + i) & (seat->slot_count - 1)],
		       sizeof(c));
		barrier();
		runs |= serve_take(seat, &c);
		cond_resched();
	}
	seat->cq_head += count;
	WRITE_ONCE(seat->ring->cq_head, seat->cq_head);
	/* who gives the context up waits for @reap: the device stays */
	if (runs)
		weft_runs_settle(seat->wdev);
	return count;
}

/* --------------------------------------------------------------------- abort */

/* Take @run off the queue (1), or make @victim wait for its completion (0); -ENOENT: neither. */
static int serve_abort_find(struct serve_seat *seat, struct weft_run *run,
			    struct serve_call *victim, struct weft_serve_target *target)
{
	struct weft_run *queued;
	int ret = -ENOENT;
	u32 i;

	spin_lock_irq(&seat->lock);
	list_for_each_entry(queued, &seat->runs, node) {
		if (queued == run) {
			list_del_init(&run->node);
			ret = 1;
			break;
		}
	}
	for (i = 0; ret == -ENOENT && i < seat->slot_count; i++) {
		if (seat->slots[i].kind != SERVE_RUN || seat->slots[i].ptr != run)
			continue;
		seat->slots[i].kind = SERVE_CALL;
		seat->slots[i].ptr = victim;
		/* it has as long as any other request from now on */
		seat->slots[i].issued_ns = ktime_get_ns();
		target->slot = i;
		target->generation = seat->slots[i].generation;
		ret = 0;
	}
	spin_unlock_irq(&seat->lock);
	return ret;
}

int serve_ring_abort(struct serve_seat *seat, struct weft_run *run)
{
	struct weft_serve_request request = { .op = WEFT_SERVE_OP_ABORT, .id = run->job_id };
	struct serve_call victim = { }, call = { };
	int ret;

	init_completion(&victim.done);
	ret = serve_abort_find(seat, run, &victim, &request.target);
	if (ret == 1)
		return 0;
	if (ret) {
		/* its completion, or that of all of the seat, is under way */
		mutex_lock(&seat->reap);
		mutex_unlock(&seat->reap);
		if (READ_ONCE(seat->state) == SERVE_SEAT_DEAD)
			wait_for_completion(&seat->ended);
		return 0;
	}
	if (!(seat->device->offer.features & WEFT_SERVE_F_ABORT) ||
	    serve_ring_call(seat, &request, &call))
		serve_seat_lose(seat, ETIME);
	/* if it is not completed now, the watch gives the seat up */
	wait_for_completion_state(&victim.done, TASK_IDLE);
	if (READ_ONCE(seat->state) == SERVE_SEAT_DEAD)
		wait_for_completion(&seat->ended);
	return 0;
}

/* ------------------------------------------------------------------- the end */

void serve_ring_end_calls(struct serve_seat *seat)
{
	struct serve_call *call;
	u32 i;

	spin_lock_irq(&seat->lock);
	for (i = 0; i < seat->slot_count; i++) {
		if (seat->slots[i].kind != SERVE_CALL)
			continue;
		call = serve_slot_take_locked(seat, i).ptr;
		call->error = -ESTALE;
		complete(&call->done);
	}
	spin_unlock_irq(&seat->lock);
	wake_up_all(&seat->room);
}

void serve_ring_end(struct serve_seat *seat, int error)
{
	struct serve_note *note, *next_note;
	struct weft_copy *copy, *next_copy;
	struct weft_run *run, *next_run;
	LIST_HEAD(copies);
	LIST_HEAD(queued);
	LIST_HEAD(notes);
	LIST_HEAD(runs);
	u32 i;

	/* a batch of completions under way */
	mutex_lock(&seat->reap);
	spin_lock_irq(&seat->lock);
	for (i = 0; i < seat->slot_count; i++) {
		struct serve_slot was;

		if (seat->slots[i].kind == SERVE_FREE)
			continue;
		was = serve_slot_take_locked(seat, i);
		run = was.ptr;
		copy = was.ptr;
		note = was.ptr;
		if (was.kind == SERVE_RUN)
			list_add_tail(&run->node, &runs);
		else if (was.kind == SERVE_COPY)
			list_add_tail(&copy->node, &copies);
		else if (was.kind == SERVE_NOTE)
			list_add_tail(&note->node, &notes);
	}
	list_splice_tail_init(&seat->runs, &queued);
	list_splice_tail_init(&seat->copies, &copies);
	list_splice_tail_init(&seat->notes, &notes);
	spin_unlock_irq(&seat->lock);

	list_for_each_entry_safe(run, next_run, &runs, node)
		weft_run_complete(run, error, 0, 0);
	/* these have not begun */
	list_for_each_entry_safe(run, next_run, &queued, node)
		weft_run_complete(run, -ESTALE, 0, 0);
	list_for_each_entry_safe(copy, next_copy, &copies, node)
		weft_copy_complete(copy, -ESTALE);
	list_for_each_entry_safe(note, next_note, &notes, node)
		note->done(note);
	mutex_unlock(&seat->reap);
}

/* May a runtime have to finish what it runs before it can answer? */
static bool serve_op_waits(u16 op)
{
	return op == WEFT_SERVE_OP_FREE || op == WEFT_SERVE_OP_UNLOAD ||
	       op == WEFT_SERVE_OP_REVOKE;
}

/* The number of the oldest LAUNCH under way; that of the next request if there is none. */
static u32 serve_oldest_launch_locked(struct serve_seat *seat)
{
	u32 i, oldest = seat->sq_tail;

	lockdep_assert_held(&seat->lock);
	for (i = 0; i < seat->slot_count; i++)
		if (seat->slots[i].kind == SERVE_RUN &&
		    (s32)(seat->slots[i].number - oldest) < 0)
			oldest = seat->slots[i].number;
	return oldest;
}

bool serve_ring_late(struct serve_seat *seat, u64 ns)
{
	u64 now = ktime_get_ns();
	struct serve_slot *slot;
	bool late = false;
	u32 i, oldest;

	spin_lock_irq(&seat->lock);
	oldest = serve_oldest_launch_locked(seat);
	for (i = 0; i < seat->slot_count && !late; i++) {
		slot = &seat->slots[i];
		if (slot->kind <= SERVE_RUN)
			continue;
		/* what came before it has a deadline of its own: its time begins then */
		if (serve_op_waits(slot->op) && (s32)(oldest - slot->number) < 0)
			slot->issued_ns = now;
		late = now > slot->issued_ns + ns;
	}
	spin_unlock_irq(&seat->lock);
	return late;
}

bool serve_ring_idle(struct serve_seat *seat, u64 ns)
{
	bool idle;

	spin_lock_irq(&seat->lock);
	idle = seat->state == SERVE_SEAT_LIVE && seat->free_count == seat->slot_count &&
	       ktime_get_ns() > seat->busy_ns + ns;
	spin_unlock_irq(&seat->lock);
	return idle;
}

/* --------------------------------------------------------------- system calls */

static bool serve_ring_ready(struct serve_seat *seat)
{
	return READ_ONCE(seat->ring->sq_head) != READ_ONCE(seat->sq_tail) ||
	       READ_ONCE(seat->state) == SERVE_SEAT_DEAD;
}

__poll_t serve_ring_poll(struct serve_seat *seat)
{
	__poll_t events = 0;

	if (READ_ONCE(seat->ring->sq_head) != READ_ONCE(seat->sq_tail))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(seat->state) == SERVE_SEAT_DEAD)
		events |= EPOLLHUP;
	return events;
}

static int serve_wait(struct serve_seat *seat, u64 until)
{
	u64 now = ktime_get_ns();
	ktime_t left = until >= KTIME_MAX ? KTIME_MAX : until > now ? until - now : 0;
	int ret;

	if (serve_ring_ready(seat))
		return 0;
	if (!left)
		return -ETIME;
	ret = wait_event_interruptible_hrtimeout(seat->wait, serve_ring_ready(seat), left);
	return ret == -ERESTARTSYS ? -EINTR : ret;
}

/* The seat that the caller, and no other process, is. */
static struct serve_seat *serve_seat_own(struct serve_file *file)
{
	struct serve_seat *seat = READ_ONCE(file->seat);

	return seat && seat->mm == current->mm ? seat : NULL;
}

int serve_ioctl_enter(struct serve_file *file, void __user *arg, size_t size)
{
	struct serve_seat *seat = serve_seat_own(file);
	struct weft_serve_enter enter;
	int ret;

	if (!seat)
		return -EPERM;
	ret = serve_copy_in(&enter, arg, size);
	if (ret)
		return ret;
	if (enter.flags & ~WEFT_SERVE_ENTER_WAIT ||
	    (!(enter.flags & WEFT_SERVE_ENTER_WAIT) && enter.timeout_ns))
		return -EINVAL;
	if (!READ_ONCE(seat->ring_mapped))
		return -ENXIO;
	if (READ_ONCE(seat->state) == SERVE_SEAT_ATTACHED)
		serve_seat_live(seat);

	if (mutex_lock_interruptible(&seat->reap))
		return -EINTR;
	enter.completed = READ_ONCE(seat->state) == SERVE_SEAT_LIVE ? serve_reap(seat) : 0;
	mutex_unlock(&seat->reap);
	if (enter.flags & WEFT_SERVE_ENTER_WAIT)
		ret = serve_wait(seat, enter.timeout_ns);
	if (READ_ONCE(seat->state) == SERVE_SEAT_DEAD)
		return -EPIPE;
	if (ret)
		return ret;
	return copy_to_user(arg, &enter, min(size, sizeof(enter))) ? -EFAULT : 0;
}

/* One piece of the image that @fetch asks for; it may be gone with every turn. */
static int serve_fetch_piece(struct serve_seat *seat, const struct weft_serve_fetch *fetch,
			     u64 done, void *bounce, u32 length)
{
	struct serve_call *call;
	struct serve_slot *slot;
	int ret = -ENOENT;

	spin_lock_irq(&seat->lock);
	slot = serve_slot_named_locked(seat, fetch->slot, fetch->generation);
	call = slot && slot->kind == SERVE_CALL ? slot->ptr : NULL;
	if (seat->state == SERVE_SEAT_DEAD) {
		ret = -EPIPE;
	} else if (call && call->image) {
		ret = -EINVAL;
		if (fetch->offset <= call->size && fetch->size <= call->size - fetch->offset) {
			memcpy(bounce, call->image + fetch->offset + done, length);
			ret = 0;
		}
	}
	spin_unlock_irq(&seat->lock);
	return ret;
}

int serve_ioctl_fetch(struct serve_file *file, void __user *arg, size_t size)
{
	struct serve_seat *seat = serve_seat_own(file);
	struct weft_serve_fetch fetch;
	void *bounce;
	u64 done = 0;
	u32 part;
	int ret;

	if (!seat)
		return -EPERM;
	ret = serve_copy_in(&fetch, arg, size);
	if (ret)
		return ret;
	bounce = kmalloc(SERVE_FETCH, GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;
	do {
		part = min_t(u64, fetch.size - done, SERVE_FETCH);
		ret = serve_fetch_piece(seat, &fetch, done, bounce, part);
		if (!ret && copy_to_user(u64_to_user_ptr(fetch.data + done), bounce, part))
			ret = -EFAULT;
		done += part;
	} while (!ret && done < fetch.size && !fatal_signal_pending(current));
	kfree(bounce);
	return ret;
}
