// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: seats
 *
 *	ASKED -> ATTACHED -> LIVE -> DEAD
 *
 * A seat is asked for when weft's core opens a context, attached by a process, and live when that
 * process has mapped its ring and asks for requests. It is dead when the process is gone, or has
 * unmapped the ring (exit, exec and munmap all look alike from here), or was given up, or has
 * retired. A seat dies once: a worker kills the process, empties its window, waits for its pins,
 * tells the core that the context is lost, and only then ends what was under way.
 *
 * The process is bound by its mm: a child has neither mapping, and no other process can hand in
 * completions. Its end does not wait for the file, of which others may have a copy.
 *
 * Rejected: the file's release as the end of a seat (a child that inherited the file would keep the
 * seat of a dead process alive); a thread of the kernel's per seat (the ring has deadlines enough).
 */
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "serve.h"

#define SERVE_WINDOW_UNIT	SZ_2M

static void serve_seat_end(struct work_struct *work);

struct serve_seat *serve_seat_new(struct serve_device *device, u32 index, u32 tenant,
				  const char *name)
{
	struct serve_seat *seat = kzalloc(sizeof(*seat), GFP_KERNEL);

	if (!seat)
		return NULL;
	kref_init(&seat->ref);
	seat->device = device;
	kref_get(&device->ref);
	seat->index = index;
	seat->tenant = tenant;
	seat->token = get_random_u64();
	strscpy(seat->name, name, sizeof(seat->name));
	spin_lock_init(&seat->lock);
	INIT_LIST_HEAD(&seat->runs);
	INIT_LIST_HEAD(&seat->copies);
	INIT_LIST_HEAD(&seat->notes);
	mutex_init(&seat->reap);
	init_waitqueue_head(&seat->wait);
	init_waitqueue_head(&seat->room);
	INIT_WORK(&seat->end_work, serve_seat_end);
	init_completion(&seat->ended);
	serve_window_init(seat);
	return seat;
}

void serve_seat_get(struct serve_seat *seat)
{
	kref_get(&seat->ref);
}

static void serve_seat_free(struct kref *ref)
{
	struct serve_seat *seat = container_of(ref, struct serve_seat, ref);

	serve_window_fini(seat);
	serve_ring_fini(seat);
	if (seat->mm)
		mmdrop(seat->mm);
	put_pid(seat->tgid);
	mutex_destroy(&seat->reap);
	serve_device_put(seat->device);
	kfree(seat);
}

void serve_seat_put(struct serve_seat *seat)
{
	kref_put(&seat->ref, serve_seat_free);
}

/* ------------------------------------------------------------------- the end */

void serve_seat_lose(struct serve_seat *seat, u32 error)
{
	unsigned long flags;

	spin_lock_irqsave(&seat->lock, flags);
	if (seat->state != SERVE_SEAT_DEAD) {
		WRITE_ONCE(seat->state, SERVE_SEAT_DEAD);
		seat->error = error;
		serve_seat_get(seat);
		queue_work(serve_wq, &seat->end_work);
	}
	spin_unlock_irqrestore(&seat->lock, flags);
}

static void serve_seat_end(struct work_struct *work)
{
	struct serve_seat *seat = container_of(work, struct serve_seat, end_work);
	struct serve_device *device = seat->device;
	bool fail = device->offer.recovery == WEFT_SERVE_RECOVERY_FAIL;
	/* it was asked to go; it may have gone before it said so */
	bool left = seat->retired && (!seat->error || seat->error == EPIPE);

	if (seat->ring)
		WRITE_ONCE(seat->ring->flags, WEFT_SERVE_RING_DEAD);
	wake_up_all(&seat->wait);
	wake_up_all(&device->wait);
	if (seat->tgid && !left)
		kill_pid(seat->tgid, SIGKILL, 1);
	serve_ring_end_calls(seat);
	seat->quiet = serve_window_close(seat, device->offer.answer_ns);
	if (seat->opened && !left)
		weft_context_lost(seat->wdev, seat->index);
	serve_ring_end(seat, fail ? -EIO : -ESTALE);
	if (!left)
		atomic64_inc(&device->seats_lost);
	serve_device_event(device, left ? WEFT_SERVE_EVENT_RETIRED : WEFT_SERVE_EVENT_LOST, seat);
	complete_all(&seat->ended);
	serve_seat_put(seat);
}

/* ----------------------------------------------------------- what the core asks */

void serve_seat_live(struct serve_seat *seat)
{
	spin_lock_irq(&seat->lock);
	if (seat->state == SERVE_SEAT_ATTACHED)
		WRITE_ONCE(seat->state, SERVE_SEAT_LIVE);
	seat->busy_ns = ktime_get_ns();
	spin_unlock_irq(&seat->lock);
	wake_up_all(&seat->device->wait);
}

/* Nobody has a right to @seats[@context] any more. */
static void serve_seat_forget(struct serve_device *device, u32 context)
{
	struct serve_seat *seat;

	spin_lock(&device->lock);
	seat = device->seats[context];
	WRITE_ONCE(device->seats[context], NULL);
	spin_unlock(&device->lock);
	serve_seat_put(seat);
}

/* LIVE or DEAD in time; the time runs while there is a server to start it. */
static void serve_seat_await(struct serve_seat *seat)
{
	struct serve_device *device = seat->device;
	u64 left = nsecs_to_jiffies64(device->offer.spawn_ns) + 1;

	while (left && READ_ONCE(seat->state) < SERVE_SEAT_LIVE && !READ_ONCE(device->leaving)) {
		wait_event_idle(device->wait, READ_ONCE(device->served) ||
				READ_ONCE(device->leaving) ||
				READ_ONCE(seat->state) >= SERVE_SEAT_LIVE);
		left = wait_event_idle_timeout(device->wait,
					       READ_ONCE(seat->state) >= SERVE_SEAT_LIVE ||
					       READ_ONCE(device->leaving) ||
					       !READ_ONCE(device->served), left);
	}
}

/*
 * A seat for @tenant in @context. Sleeps until the server has started it.
 * Return: 0, or why there is none: -ETIME, -EPIPE it died young, what the server refused it with.
 */
int serve_seat_open(struct serve_device *device, struct weft_device *wdev, u32 context, u32 tenant,
		    const char *name)
{
	struct serve_seat *seat;
	int ret = 0;

	seat = serve_seat_new(device, context, tenant, name);
	if (!seat)
		return -ENOMEM;
	seat->wdev = wdev;
	spin_lock(&device->lock);
	if (device->leaving)
		ret = -ENODEV;
	else
		WRITE_ONCE(device->seats[context], seat);
	spin_unlock(&device->lock);
	if (ret) {
		serve_seat_put(seat);
		return ret;
	}
	serve_device_event(device, WEFT_SERVE_EVENT_SPAWN, seat);
	serve_seat_await(seat);

	spin_lock_irq(&seat->lock);
	seat->opened = seat->state == SERVE_SEAT_LIVE;
	spin_unlock_irq(&seat->lock);
	if (seat->opened)
		return 0;
	serve_seat_lose(seat, ETIME);
	wait_for_completion(&seat->ended);
	ret = READ_ONCE(device->leaving) ? -ENODEV : -(int)seat->error;
	serve_seat_forget(device, context);
	return ret;
}

/* Nothing is left in it, or it is dead. */
void serve_seat_close(struct serve_device *device, u32 context)
{
	struct serve_seat *seat = serve_seat_of(device, context);
	struct weft_serve_request request = { .op = WEFT_SERVE_OP_RETIRE };
	struct serve_call call = { };

	spin_lock_irq(&seat->lock);
	seat->retired = seat->state != SERVE_SEAT_DEAD;
	spin_unlock_irq(&seat->lock);
	serve_seat_lose(seat, serve_ring_call(seat, &request, &call) ? EPROTO : 0);
	wait_for_completion(&seat->ended);
	serve_seat_forget(device, context);
}

/* ------------------------------------------------------------------- mappings */

/* A mapping that is to move is there twice for a moment. */
static void serve_ring_vma_open(struct vm_area_struct *vma)
{
	struct serve_seat *seat = vma->vm_private_data;

	atomic_inc(&seat->ring_maps);
}

static void serve_ring_vma_close(struct vm_area_struct *vma)
{
	struct serve_seat *seat = vma->vm_private_data;

	if (atomic_dec_and_test(&seat->ring_maps))
		serve_seat_lose(seat, EPIPE);
}

/* A part of the ring is no ring, and one that moves has gone. */
static int serve_ring_vma_split(struct vm_area_struct *vma, unsigned long address)
{
	return -EINVAL;
}

static int serve_ring_vma_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static const struct vm_operations_struct serve_ring_vm_ops = {
	.open = serve_ring_vma_open,
	.close = serve_ring_vma_close,
	.may_split = serve_ring_vma_split,
	.mremap = serve_ring_vma_mremap,
};

static int serve_ring_mmap(struct serve_seat *seat, struct vm_area_struct *vma)
{
	unsigned long at;
	int ret;

	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != seat->ring_size)
		return -EINVAL;
	if (seat->ring_mapped)
		return -EBUSY;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	for (at = 0; at < seat->ring_size; at += PAGE_SIZE) {
		ret = vm_insert_page(vma, vma->vm_start + at,
				     vmalloc_to_page((void *)seat->ring + at));
		if (ret)
			return ret;
	}
	vma->vm_ops = &serve_ring_vm_ops;
	vma->vm_private_data = seat;
	atomic_set(&seat->ring_maps, 1);
	WRITE_ONCE(seat->ring_mapped, true);
	return 0;
}

int serve_seat_mmap(struct serve_file *file, struct vm_area_struct *vma)
{
	struct serve_seat *seat = READ_ONCE(file->seat);

	if (!seat || seat->mm != vma->vm_mm)
		return -EPERM;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff >= WEFT_SERVE_MMAP_HOST >> PAGE_SHIFT)
		return serve_window_mmap(seat, vma);
	/* mmap_lock is held for writing: one at a time */
	return serve_ring_mmap(seat, vma);
}

/* --------------------------------------------------------------------- ATTACH */

/* A seat that waits under that number and token, with a reference. */
static struct serve_seat *serve_seat_asked(struct serve_device *device, u32 index, u64 token)
{
	struct serve_seat *seat = NULL;

	if (index >= device->offer.seats)
		return NULL;
	spin_lock(&device->lock);
	seat = device->seats[index];
	if (seat && seat->token == token)
		serve_seat_get(seat);
	else
		seat = NULL;
	spin_unlock(&device->lock);
	return seat;
}

/* The seat becomes the caller's, if nobody else was faster. */
static int serve_seat_take(struct serve_seat *seat, const struct weft_serve_attach *attach)
{
	int ret;

	ret = serve_device_one_tenant(seat);
	if (ret)
		return ret;
	ret = serve_ring_init(seat, attach->slots);
	if (ret)
		return ret;
	seat->arena = attach->arena;
	seat->window_pages = attach->host_size >> PAGE_SHIFT;
	spin_lock_irq(&seat->lock);
	if (seat->state == SERVE_SEAT_ASKED) {
		seat->mm = current->mm;
		mmgrab(seat->mm);
		WRITE_ONCE(seat->tgid, get_pid(task_tgid(current)));
		WRITE_ONCE(seat->state, SERVE_SEAT_ATTACHED);
	} else {
		ret = -ENOENT;
	}
	spin_unlock_irq(&seat->lock);
	return ret;
}

static int serve_attach(struct serve_file *file, struct weft_serve_attach *attach,
			struct serve_device *device)
{
	struct serve_seat *seat;
	int ret;

	if (device->offer.memory == WEFT_SERVE_MEMORY_HANDLES ? attach->arena :
	    attach->arena + device->offer.memory_size < attach->arena)
		return -EINVAL;
	seat = serve_seat_asked(device, attach->seat, attach->token);
	if (!seat)
		return -ENOENT;
	/* one ATTACH of a seat at a time */
	mutex_lock(&seat->reap);
	ret = READ_ONCE(seat->state) == SERVE_SEAT_ASKED ? serve_seat_take(seat, attach) : -ENOENT;
	mutex_unlock(&seat->reap);
	if (ret) {
		serve_seat_put(seat);
		return ret;
	}
	atomic64_inc(&device->seats_started);
	attach->ring_size = seat->ring_size;
	attach->requests = (void *)seat->requests - (void *)seat->ring;
	attach->completions = (void *)seat->completions - (void *)seat->ring;
	attach->payloads = seat->payloads - (void *)seat->ring;
	attach->tenant = seat->tenant;
	memcpy(attach->name, seat->name, sizeof(attach->name));
	WRITE_ONCE(file->seat, seat);
	return 0;
}

int serve_ioctl_attach(struct serve_file *file, struct file *filp, void __user *arg, size_t size)
{
	struct weft_serve_attach attach;
	struct serve_device *device;
	int ret;

	ret = serve_copy_in(&attach, arg, size);
	if (ret)
		return ret;
	if (attach.version != WEFT_SERVE_VERSION)
		return -EPROTO;
	if (attach.flags || attach.pad || !is_power_of_2(attach.slots) ||
	    attach.slots < WEFT_SERVE_MIN_SLOTS || attach.slots > WEFT_SERVE_MAX_SLOTS ||
	    !attach.host_size || attach.host_size % SERVE_WINDOW_UNIT ||
	    attach.host_size > BIT_ULL(40))
		return -EINVAL;
	device = serve_device_find(attach.device);
	if (!device)
		return -ENODEV;
	mutex_lock(&file->lock);
	ret = file->device || file->seat ? -EBUSY : serve_attach(file, &attach, device);
	if (!ret) {
		/* its own, so that one seat's window is emptied without a look at another's */
		file->seat->mapping.host = file_inode(filp);
		file->seat->mapping.a_ops = filp->f_mapping->a_ops;
		filp->f_mapping = &file->seat->mapping;
	}
	mutex_unlock(&file->lock);
	serve_device_put(device);
	if (!ret && copy_to_user(arg, &attach, min(size, sizeof(attach)))) {
		serve_seat_lose(file->seat, EPIPE);
		ret = -EFAULT;
	}
	return ret;
}
