// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the host window, and handles
 *
 * A seat sees the host pages of the buffers that are copied through it in one large mapping, each
 * buffer in a range of its own from its first copy until it dies. The pages are put there as the
 * process touches them, as ordinary pages with a reference each, so that they can be pinned for
 * long. A fault waits for nobody: it looks the range up and takes the page from the buffer.
 *
 * When a buffer dies its range is taken out of the tables under @map_lock, and with it out of the
 * page tables; a fault holds the same lock from looking up to putting in. The range itself is free
 * again when the process has acknowledged. Pages it has pinned are not freed before it unpins, for
 * they are counted; a seat that is given up is waited for until all its pins are gone, and what is
 * then still pinned is quarantined with its buffer: somebody may write there for ever.
 *
 * Rejected: PFNs without struct page (what a runtime cannot pin it cannot copy asynchronously);
 * a mapping per buffer (a system call and a TLB shootdown per buffer and copy); a dma-buf (it
 * cannot be revoked).
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "serve.h"

/** struct serve_alloc - HANDLES: an allocation of the seat's */
struct serve_alloc {
	struct serve_note note;
	u64 offset;
	u64 handle;
	u64 size;
};

void serve_window_init(struct serve_seat *seat)
{
	mutex_init(&seat->window_lock);
	mutex_init(&seat->map_lock);
	mt_init_flags(&seat->window, MT_FLAGS_ALLOC_RANGE);
	mt_init(&seat->allocs);
	xa_init(&seat->maps);
	address_space_init_once(&seat->mapping);
}

void serve_window_fini(struct serve_seat *seat)
{
	WARN_ON(!xa_empty(&seat->maps));
	mtree_destroy(&seat->window);
	mtree_destroy(&seat->allocs);
	mutex_destroy(&seat->map_lock);
	mutex_destroy(&seat->window_lock);
}

/* --------------------------------------------------------------- the mapping */

static vm_fault_t serve_window_fault(struct vm_fault *vmf)
{
	struct serve_seat *seat = vmf->vma->vm_private_data;
	unsigned long index = vmf->pgoff - (WEFT_SERVE_MMAP_HOST >> PAGE_SHIFT);
	struct serve_map *map;
	struct page *page;
	int err = -EFAULT;

	mutex_lock(&seat->map_lock);
	map = mtree_load(&seat->window, index);
	if (map && map->host) {
		page = weft_host_page(map->host, index - map->start);
		err = page ? vm_insert_page(vmf->vma, vmf->address & PAGE_MASK, page) : -ENOMEM;
	}
	mutex_unlock(&seat->map_lock);
	if (err == -ENOMEM)
		return VM_FAULT_OOM;
	/* EBUSY: another thread was faster */
	return err && err != -EBUSY ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

static const struct vm_operations_struct serve_window_vm_ops = {
	.fault = serve_window_fault,
};

int serve_window_mmap(struct serve_seat *seat, struct vm_area_struct *vma)
{
	u64 first = vma->vm_pgoff - (WEFT_SERVE_MMAP_HOST >> PAGE_SHIFT);

	if (first > seat->window_pages || vma_pages(vma) > seat->window_pages - first)
		return -EINVAL;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &serve_window_vm_ops;
	vma->vm_private_data = seat;
	return 0;
}

/* ------------------------------------------------------------------- buffers */

static void serve_map_free(struct serve_map *map)
{
	serve_seat_put(map->seat);
	kfree(map);
}

/* The process has let go of it, or is dead. */
static void serve_map_revoked(struct serve_note *note)
{
	struct serve_map *map = container_of(note, struct serve_map, note);

	mutex_lock(&map->seat->map_lock);
	mtree_erase(&map->seat->window, map->start);
	mutex_unlock(&map->seat->map_lock);
	serve_map_free(map);
}

/* Its pages go from the process; the range stays taken. */
static void serve_map_zap_locked(struct serve_map *map)
{
	struct serve_seat *seat = map->seat;

	lockdep_assert_held(&seat->map_lock);
	xa_erase(&seat->maps, map->id);
	map->host = NULL;
	unmap_mapping_range(&seat->mapping,
			    WEFT_SERVE_MMAP_HOST + (map->start << PAGE_SHIFT),
			    map->pages << PAGE_SHIFT, 1);
}

static void serve_map_gone(struct weft_host_user *user)
{
	struct serve_map *map = container_of(user, struct serve_map, user);
	struct serve_seat *seat = map->seat;
	bool ours;

	mutex_lock(&seat->map_lock);
	/* the seat may be closing its window, and wait for us to return */
	ours = xa_load(&seat->maps, map->id) == map;
	if (ours)
		serve_map_zap_locked(map);
	else
		map->host = NULL;
	mutex_unlock(&seat->map_lock);
	if (!ours)
		return;
	map->note.done = serve_map_revoked;
	map->note.request = (struct weft_serve_request) {
		.op = WEFT_SERVE_OP_REVOKE,
		.memory.address = map->start << PAGE_SHIFT,
		.memory.size = map->pages << PAGE_SHIFT,
	};
	serve_ring_note(seat, &map->note);
}

static struct serve_map *serve_map_new(struct serve_seat *seat, struct weft_host *host)
{
	struct serve_map *map;
	unsigned long start;
	int ret;

	map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->seat = seat;
	map->host = host;
	map->id = weft_host_id(host);
	map->pages = weft_host_size(host) >> PAGE_SHIFT;
	map->user.gone = serve_map_gone;

	mutex_lock(&seat->map_lock);
	ret = mtree_alloc_range(&seat->window, &start, map, map->pages, 0,
				seat->window_pages - 1, GFP_KERNEL);
	if (!ret) {
		map->start = start;
		ret = xa_err(xa_store(&seat->maps, map->id, map, GFP_KERNEL));
		if (ret)
			mtree_erase(&seat->window, start);
	}
	mutex_unlock(&seat->map_lock);
	if (ret) {
		kfree(map);
		/* the window is too small, whoever waits */
		return ERR_PTR(ret == -EBUSY ? -ENOBUFS : ret);
	}
	serve_seat_get(seat);
	weft_host_attach(host, &map->user);
	return map;
}

static int serve_map_register(struct serve_map *map)
{
	struct weft_serve_request request = {
		.op = WEFT_SERVE_OP_REGISTER,
		.memory.address = map->start << PAGE_SHIFT,
		.memory.size = map->pages << PAGE_SHIFT,
	};
	struct serve_call call = { };

	return serve_ring_call(map->seat, &request, &call);
}

int serve_window_get(struct serve_seat *seat, struct weft_host *host, u64 offset, u64 *at)
{
	struct serve_map *map;
	int ret = 0;

	/* the copy keeps the buffer, and the copy's context the seat: what is found stays */
	mutex_lock(&seat->window_lock);
	mutex_lock(&seat->map_lock);
	map = xa_load(&seat->maps, weft_host_id(host));
	mutex_unlock(&seat->map_lock);
	if (!map && READ_ONCE(seat->state) == SERVE_SEAT_DEAD)
		map = ERR_PTR(-ESTALE);
	if (!map)
		map = serve_map_new(seat, host);
	if (IS_ERR(map)) {
		ret = PTR_ERR(map);
	} else {
		*at = (map->start << PAGE_SHIFT) + offset;
		/* waits with window_lock held, which nobody else needs who answers */
		if (!map->registered && (seat->device->offer.features & WEFT_SERVE_F_REGISTER))
			ret = serve_map_register(map);
		map->registered = !ret;
	}
	mutex_unlock(&seat->window_lock);
	return ret;
}

/* ------------------------------------------------------------------- the end */

static bool serve_window_pinned(struct serve_seat *seat, bool quarantine)
{
	struct serve_map *map;
	bool pinned = false;
	unsigned long id;

	mutex_lock(&seat->map_lock);
	xa_for_each(&seat->maps, id, map) {
		/* while it is there its buffer is, too: serve_map_gone() comes first */
		if (!map->host || !weft_host_pinned(map->host))
			continue;
		pinned = true;
		if (quarantine)
			weft_host_quarantine(map->host);
	}
	mutex_unlock(&seat->map_lock);
	return pinned;
}

/* The seat is DEAD: nobody maps anything any more. */
bool serve_window_close(struct serve_seat *seat, u64 ns)
{
	u64 until = ktime_get_ns() + ns;
	struct serve_map *map;
	unsigned long id;
	bool pinned;

	/* who is mapping a buffer has seen that it is dead, or is done */
	mutex_lock(&seat->window_lock);
	mutex_unlock(&seat->window_lock);
	unmap_mapping_range(&seat->mapping, WEFT_SERVE_MMAP_HOST,
			    seat->window_pages << PAGE_SHIFT, 1);
	while ((pinned = serve_window_pinned(seat, false)) && ktime_get_ns() < until)
		usleep_range(500, 2000);
	if (pinned)
		serve_window_pinned(seat, true);

	for (;;) {
		mutex_lock(&seat->map_lock);
		id = 0;
		map = xa_find(&seat->maps, &id, ULONG_MAX, XA_PRESENT);
		if (map)
			serve_map_zap_locked(map);
		mutex_unlock(&seat->map_lock);
		if (!map)
			break;
		weft_host_detach(&map->user);
		mutex_lock(&seat->map_lock);
		mtree_erase(&seat->window, map->start);
		mutex_unlock(&seat->map_lock);
		serve_map_free(map);
	}
	return !pinned;
}

/* ------------------------------------------------------------------- handles */

static void serve_alloc_freed(struct serve_note *note)
{
	kfree(container_of(note, struct serve_alloc, note));
}

static void serve_handle_release(struct serve_seat *seat, struct serve_alloc *alloc)
{
	alloc->note.done = serve_alloc_freed;
	alloc->note.request = (struct weft_serve_request) {
		.op = WEFT_SERVE_OP_FREE,
		.memory.address = alloc->handle,
		.memory.size = alloc->size,
	};
	serve_ring_note(seat, &alloc->note);
}

int serve_handle_alloc(struct serve_seat *seat, u64 offset, u64 size, u64 *address)
{
	struct weft_serve_request request = {
		.op = WEFT_SERVE_OP_ALLOC,
		.memory.size = size,
	};
	struct serve_call call = { };
	struct serve_alloc *alloc;
	int ret;

	alloc = kzalloc(sizeof(*alloc), GFP_KERNEL);
	if (!alloc)
		return -ENOMEM;
	ret = serve_ring_call(seat, &request, &call);
	if (ret) {
		kfree(alloc);
		return ret;
	}
	alloc->offset = offset;
	alloc->handle = call.value;
	alloc->size = size;
	ret = mtree_insert_range(&seat->allocs, offset, offset + size - 1, alloc, GFP_KERNEL);
	if (ret) {
		serve_handle_release(seat, alloc);
		return ret;
	}
	*address = alloc->handle;
	return 0;
}

void serve_handle_free(struct serve_seat *seat, u64 offset)
{
	struct serve_alloc *alloc = mtree_erase(&seat->allocs, offset);

	if (!WARN_ON(!alloc))
		serve_handle_release(seat, alloc);
}

/* The address of byte @offset of the seat's memory. */
u64 serve_handle_address(struct serve_seat *seat, u64 offset)
{
	struct serve_alloc *alloc = mtree_load(&seat->allocs, offset);

	return WARN_ON(!alloc) ? 0 : alloc->handle + (offset - alloc->offset);
}
