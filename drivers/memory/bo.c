// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: creation, host pages, mmap, what a client can ask about one, and how a job names one.
 *
 * DOC: bo
 *
 * A buffer costs nothing until it is touched. Its host pages are kept in two levels of arrays, made
 * at first touch and filled page by page, by a CPU fault or by a transfer to the host; a page that
 * does not exist reads as zero. A slot is filled once, with cmpxchg, and emptied when the
 * buffer dies, so that faults and transfers take no lock. Pages are neither swapped nor
 * reclaimed; the pool's limit on buffers keeps their sum bounded, and the owner's cgroup pays for
 * them, whoever touches them first.
 *
 * Mappings hold PFNs without struct page semantics, so that nothing can pin a page: a pin
 * would be an agent that reads and writes behind the back of the residency protocol.
 *
 * Buffers are private to their client unless they were made SHAREABLE: then they can be exported
 * (dmabuf.c), and every job that touches them is early. An imported buffer (import.c) has host
 * pages of ours, too, between which and the exporter's memory bytes are copied.
 *
 * Rejected: shmem (its pages cannot be asked from a NUMA node); one array per buffer (2 GiB of
 * pointers for the largest); zapping mappings at bind (a TLB shootdown for every job).
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "memory.h"

/* --------------------------------------------------------------- host pages */

static unsigned long weft_bo_pages(const struct weft_bo *bo)
{
	return bo->gem.size >> PAGE_SHIFT;
}

/* pages that the array with page @index has room for */
static unsigned long weft_bo_chunk_pages(const struct weft_bo *bo, unsigned long index)
{
	return min(weft_bo_pages(bo) - round_down(index, WEFT_CHUNK_PAGES), WEFT_CHUNK_PAGES);
}

static struct page **weft_bo_chunk(struct weft_bo *bo, unsigned long index)
{
	/* the arrays, zeroed before they were put there with cmpxchg() */
	struct page ***chunks = smp_load_acquire(&bo->chunks);

	/* the same, one level below */
	return chunks ? smp_load_acquire(&chunks[index / WEFT_CHUNK_PAGES]) : NULL;
}

static struct page **weft_bo_chunk_make(struct weft_bo *bo, unsigned long index)
{
	unsigned long count = DIV_ROUND_UP(weft_bo_pages(bo), WEFT_CHUNK_PAGES);
	struct page **chunk = weft_bo_chunk(bo, index);
	struct page ***chunks;

	if (chunk)
		return chunk;
	if (!READ_ONCE(bo->chunks)) {
		chunks = kvcalloc(count, sizeof(*chunks), GFP_KERNEL_ACCOUNT);
		if (!chunks)
			return NULL;
		if (cmpxchg(&bo->chunks, NULL, chunks))
			kvfree(chunks);
	}

	count = weft_bo_chunk_pages(bo, index);
	chunk = kvcalloc(count, sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return NULL;
	if (cmpxchg(&bo->chunks[index / WEFT_CHUNK_PAGES], NULL, chunk))
		kvfree(chunk);
	return weft_bo_chunk(bo, index);
}

static struct page *weft_bo_page_make(struct weft_bo *bo, struct page **slot, gfp_t gfp)
{
	struct weft_region *region = bo->host.region;
	struct page *page, *old;

	gfp |= GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT | __GFP_NOWARN;
	page = alloc_pages_node(region->numa_node, gfp, 0);
	if (!page)
		return NULL;
	old = cmpxchg(slot, NULL, page);
	if (old) {
		__free_page(page);
		return old;
	}
	atomic_long_inc(&bo->populated);
	atomic64_add(PAGE_SIZE, &region->used);
	atomic64_add(PAGE_SIZE, &region->cleared);
	return page;
}

/* The host page @index, made if it does not exist; NULL: no memory. */
struct page *weft_bo_page(struct weft_bo *bo, unsigned long index, gfp_t gfp)
{
	struct page **chunk = weft_bo_chunk(bo, index), **slot, *page;
	struct mem_cgroup *old;

	if (chunk) {
		page = READ_ONCE(chunk[index % WEFT_CHUNK_PAGES]);
		if (page)
			return page;
	}
	old = set_active_memcg(bo->memcg);
	chunk = weft_bo_chunk_make(bo, index);
	slot = chunk ? &chunk[index % WEFT_CHUNK_PAGES] : NULL;
	page = slot ? weft_bo_page_make(bo, slot, gfp) : NULL;
	set_active_memcg(old);
	return page;
}

/*
 * Make all host pages of @bo; 0 or -ENOMEM (those made so far stay): whoever asks can fail, so it
 * is not worth the life of a process.
 */
int weft_bo_populate(struct weft_bo *bo)
{
	unsigned long i, count = weft_bo_pages(bo);

	if (atomic_long_read(&bo->populated) == count)
		return 0;
	for (i = 0; i < count; i++) {
		if (!weft_bo_page(bo, i, __GFP_RETRY_MAYFAIL))
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

unsigned long weft_bo_run(struct weft_bo *bo, unsigned long first, struct page ***pages)
{
	unsigned long end = weft_bo_chunk_pages(bo, first), start = first % WEFT_CHUNK_PAGES, i;
	struct page **chunk = weft_bo_chunk(bo, first);
	bool present;

	*pages = NULL;
	if (!chunk)
		return end - start;
	present = READ_ONCE(chunk[start]);
	for (i = start + 1; i < end; i++)
		if (present != !!READ_ONCE(chunk[i]))
			break;
	if (present)
		*pages = &chunk[start];
	return i - start;
}

static void weft_bo_free_pages(struct weft_bo *bo)
{
	unsigned long count = weft_bo_pages(bo), first, i;
	u64 bytes;

	if (!bo->chunks)
		return;
	for (first = 0; first < count; first += WEFT_CHUNK_PAGES) {
		struct page **chunk = weft_bo_chunk(bo, first);

		if (!chunk)
			continue;
		/* pages that a device may write for ever are leaked on purpose */
		for (i = 0; i < weft_bo_chunk_pages(bo, first) && !bo->quarantined; i++)
			if (chunk[i])
				__free_page(chunk[i]);
		kvfree(chunk);
		cond_resched();
	}
	kvfree(bo->chunks);
	bytes = (u64)atomic_long_read(&bo->populated) << PAGE_SHIFT;
	if (bo->quarantined)
		atomic64_add(bytes, &bo->pool->host_quarantined);
	else
		atomic64_sub(bytes, &bo->host.region->used);
}

/* --------------------------------------------------------------------- mmap */

static vm_fault_t weft_bo_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct weft_bo *bo = to_weft_bo(vma->vm_private_data);
	unsigned long index = vmf->pgoff - drm_vma_node_start(&bo->gem.vma_node);
	unsigned long before, after, i;
	struct page **chunk, *page;
	vm_fault_t ret;

	if (index >= weft_bo_pages(bo))
		return VM_FAULT_SIGBUS;
	/* as with any memory that a process touches, a full cgroup is for the OOM killer */
	page = weft_bo_page(bo, index, 0);
	if (!page)
		return VM_FAULT_OOM;
	ret = vmf_insert_pfn(vma, vmf->address & PAGE_MASK, page_to_pfn(page));
	if (ret != VM_FAULT_NOPAGE)
		return ret;

	/* its neighbours that exist already: after a transfer to the host all of them do */
	before = min(index % 16, (vmf->address - vma->vm_start) >> PAGE_SHIFT);
	after = min(16 - index % 16, (vma->vm_end - vmf->address + PAGE_SIZE - 1) >> PAGE_SHIFT);
	after = min(after, weft_bo_pages(bo) - index);
	chunk = weft_bo_chunk(bo, index);
	for (i = index - before; i < index + after; i++) {
		page = READ_ONCE(chunk[i % WEFT_CHUNK_PAGES]);
		if (!page || i == index)
			continue;
		vmf_insert_pfn(vma, (vmf->address & PAGE_MASK) + (i - index) * PAGE_SIZE,
			       page_to_pfn(page));
	}
	return VM_FAULT_NOPAGE;
}

static const struct vm_operations_struct weft_bo_vm_ops = {
	.fault = weft_bo_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int weft_bo_mmap(struct drm_gem_object *gem, struct vm_area_struct *vma)
{
	if (weft_vma_is_cow(vma))
		return -EINVAL;
	if (to_weft_bo(gem)->import)
		return weft_import_mmap(to_weft_bo(gem), vma);
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	return 0;
}

int weft_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_weft_bo_mmap_offset *args = data;
	struct weft_bo *bo;
	int err;

	if (args->pad)
		return -EINVAL;
	bo = weft_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	err = drm_gem_create_mmap_offset(&bo->gem);
	if (!err)
		args->offset = drm_vma_node_offset_addr(&bo->gem.vma_node);
	drm_gem_object_put(&bo->gem);
	return err;
}

/* ----------------------------------------------------------------- lifetime */

static struct weft_promise *weft_promise_new(void)
{
	struct weft_promise *promise = kzalloc(sizeof(*promise), GFP_KERNEL_ACCOUNT);

	if (promise)
		kref_init(&promise->ref);
	return promise;
}

static void weft_promise_free(struct kref *ref)
{
	kfree(container_of(ref, struct weft_promise, ref));
}

static void weft_promise_put(struct weft_promise *promise)
{
	if (promise)
		kref_put(&promise->ref, weft_promise_free);
}

/* No job, transfer, mapping or handle knows the buffer any more. */
static void weft_bo_free(struct drm_gem_object *gem)
{
	struct weft_bo *bo = to_weft_bo(gem);
	struct weft_client *client = bo->client;
	struct weft_pool *pool = bo->pool;
	struct weft_bo_copy *copy, *next;

	weft_host_gone(bo);
	for (copy = bo->host.next; copy; copy = next) {
		next = copy->next;
		WARN_ON(atomic_read(&copy->word) >= WEFT_BO_PIN);
		if (copy->region)
			weft_region_free(copy);
		kfree(copy);
	}

	spin_lock(&pool->lock);
	weft_sched_data_remove(&pool->sched, &bo->sched, weft_now());
	spin_unlock(&pool->lock);

	weft_bo_free_pages(bo);
	if (client)
		atomic64_sub(gem->size, &client->memory);
	atomic64_sub(gem->size, &pool->host_reserved);
	drm_gem_object_release(gem);
	mem_cgroup_put(bo->memcg);
	weft_promise_put(bo->promise);
	weft_import_fini(bo);
	mutex_destroy(&bo->import_lock);
	kfree(bo);
	if (client)
		weft_client_put(client);
	weft_pool_put(pool);
}

/* A name (flink, on a render pool's primary node) is no way to another client's private buffer. */
static int weft_bo_open(struct drm_gem_object *gem, struct drm_file *file)
{
	struct weft_bo *bo = to_weft_bo(gem);

	return weft_bo_shared(bo) || bo->client == file->driver_priv ? 0 : -EPERM;
}

const struct drm_gem_object_funcs weft_bo_funcs = {
	.open = weft_bo_open,
	.free = weft_bo_free,
	.export = weft_bo_export,
	.mmap = weft_bo_mmap,
	.vm_ops = &weft_bo_vm_ops,
};

/* @client: owner, or NULL for what @import, whose reference is the buffer's from here on, is of */
struct weft_bo *weft_bo_new(struct weft_pool *pool, struct weft_client *client, u64 size, u32 flags,
			    struct dma_buf *import)
{
	struct weft_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->promise = weft_promise_new();
	if (!bo->promise) {
		kfree(bo);
		return ERR_PTR(-ENOMEM);
	}
	if (atomic64_add_return(size, &pool->host_reserved) > pool->host_limit) {
		atomic64_sub(size, &pool->host_reserved);
		weft_promise_put(bo->promise);
		kfree(bo);
		return ERR_PTR(-EDQUOT);
	}

	bo->gem.funcs = &weft_bo_funcs;
	if (import)
		bo->gem.resv = import->resv;
	drm_gem_private_object_init(&pool->drm, &bo->gem, size);
	weft_pool_get(pool);
	if (client) {
		weft_client_get(client);
		atomic64_add(size, &client->memory);
	}
	mutex_init(&bo->import_lock);
	INIT_LIST_HEAD(&bo->attachments);
	bo->import = import;
	bo->pool = pool;
	bo->client = client;
	bo->flags = flags;
	bo->blank = true;
	bo->memcg = get_mem_cgroup_from_mm(current->mm);
	spin_lock_init(&bo->lock);
	init_waitqueue_head(&bo->wait);
	INIT_LIST_HEAD(&bo->mapped.users);
	bo->host.bo = bo;
	bo->host.region = weft_region_host(pool, numa_mem_id());
	bo->host.id = bo->host.region->id;
	INIT_LIST_HEAD(&bo->host.blocks);
	INIT_LIST_HEAD(&bo->host.lru);

	bo->sched.id = atomic64_inc_return(&pool->last_data_id);
	bo->sched.bytes = size;
	spin_lock(&pool->lock);
	weft_sched_data_add(&pool->sched, &bo->sched, weft_now());
	spin_unlock(&pool->lock);
	return bo;
}

#define WEFT_BO_FLAGS (DRM_WEFT_BO_SHAREABLE | DRM_WEFT_BO_COHERENT | DRM_WEFT_BO_DISCARDABLE | \
		       DRM_WEFT_BO_DEVICE_ONLY)

int weft_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_bo_create *args = data;
	struct weft_bo *bo;
	u64 size;
	int err;

	if (!args->size || args->size > WEFT_BO_MAX_SIZE || (args->flags & ~WEFT_BO_FLAGS))
		return -EINVAL;
	if (args->flags & ~DRM_WEFT_BO_SHAREABLE)
		return -EOPNOTSUPP;

	size = PAGE_ALIGN(args->size);
	bo = weft_bo_new(client->pool, client, size, args->flags, NULL);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	err = drm_gem_handle_create(file, &bo->gem, &args->handle);
	if (!err)
		args->size = size;
	drm_gem_object_put(&bo->gem);
	return err;
}

/* -------------------------------------------------------------------- lookup */

struct weft_bo *weft_bo_lookup(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *gem = drm_gem_object_lookup(file, handle);

	return gem ? to_weft_bo(gem) : NULL;
}

/* Check a range; @length 0 becomes all that follows @offset. */
int weft_bo_range(const struct weft_bo *bo, u64 offset, u64 *length)
{
	if (offset >= bo->gem.size)
		return -EINVAL;
	if (!*length)
		*length = bo->gem.size - offset;
	return *length > bo->gem.size - offset ? -EINVAL : 0;
}

int weft_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_weft_bo_info *args = data;
	struct weft_bo_copy *copy;
	struct weft_bo *bo;

	bo = weft_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;

	args->flags = bo->flags;
	args->size = bo->gem.size;
	args->tile_size = bo->gem.size;
	args->valid_regions = weft_bo_valid_mask(bo);
	args->resident_regions = 0;
	args->users = 0;
	weft_bo_for_each_copy(bo, copy) {
		if (copy == &bo->host ? atomic_long_read(&bo->populated) > 0 :
					weft_bo_copy_state(copy) != WEFT_BO_EMPTY)
			args->resident_regions |= BIT_ULL(copy->id);
		args->users += weft_bo_copy_jobs(copy);
	}
	args->state = weft_bo_lost(bo) ? DRM_WEFT_BO_LOST : 0;
	if (READ_ONCE(bo->cpu_held) || READ_ONCE(bo->cpu_write_held))
		args->state |= DRM_WEFT_BO_CPU_ACCESS;
	drm_gem_object_put(&bo->gem);
	return 0;
}

/* --------------------------------------------------------------------- holds */

bool weft_hold_access_ok(const struct drm_weft_buffer *buf)
{
	const u32 both = DRM_WEFT_ACCESS_READ | DRM_WEFT_ACCESS_WRITE;

	return buf->access && !(buf->access & ~both) && !buf->pad && !(buf->offset & 7) &&
	       !(buf->flags & ~DRM_WEFT_BUFFER_NO_IMPLICIT);
}

int weft_hold_init(struct weft_client *client, struct drm_file *file,
		   const struct drm_weft_buffer *buf, struct weft_bo_hold *hold,
		   struct weft_sched_ref *ref)
{
	struct weft_promise *promise = NULL;
	u64 length = buf->length;
	struct weft_bo *bo;
	int err;

	lockdep_assert_held(&client->submit_lock);
	if (!weft_hold_access_ok(buf))
		return -EINVAL;

	bo = weft_bo_lookup(file, buf->handle);
	if (!bo)
		return -ENOENT;
	err = weft_bo_range(bo, buf->offset, &length);
	if (!err && (bo->cpu_write ||
		     (bo->cpu_readers && (buf->access & DRM_WEFT_ACCESS_WRITE))))
		err = -EBUSY;
	if (!err && (buf->access & DRM_WEFT_ACCESS_WRITE)) {
		promise = weft_promise_new();
		if (!promise)
			err = -ENOMEM;
	}
	if (err) {
		drm_gem_object_put(&bo->gem);
		return err;
	}

	*hold = (struct weft_bo_hold) {
		.bo = bo,
		.access = buf->access,
		.offset = buf->offset,
		.length = length,
		.promise = promise,
	};
	ref->data = &bo->sched;
	ref->bytes = length;
	ref->access = buf->access;
	ref->no_implicit = buf->flags & DRM_WEFT_BUFFER_NO_IMPLICIT;
	return 0;
}

void weft_hold_commit(struct weft_job *job)
{
	u32 i;

	lockdep_assert_held(&job->client->submit_lock);
	for (i = 0; i < job->buffer_count; i++) {
		struct weft_bo_hold *hold = &job->holds[i];
		struct weft_bo *bo = hold->bo;

		spin_lock(&bo->lock);
		hold->expects = bo->promise;
		if (hold->promise) {
			/* the buffer's reference is the hold's now, and it gets one of its own */
			kref_get(&hold->promise->ref);
			bo->promise = hold->promise;
		} else {
			kref_get(&hold->expects->ref);
		}
		spin_unlock(&bo->lock);
	}
}

/* Is the promise known to its hold and its buffer only, and the last one there? */
static bool weft_hold_alone(struct weft_bo_hold *hold)
{
	bool alone;

	if (!hold->promise)
		return true;
	spin_lock(&hold->bo->lock);
	alone = hold->bo->promise == hold->promise && kref_read(&hold->promise->ref) == 2;
	spin_unlock(&hold->bo->lock);
	return alone;
}

/* Early jobs enter under pool->lock; late ones need submit_lock, and share no buffer. */
bool weft_hold_withdraw(struct weft_job *job)
{
	u32 i;

	lockdep_assert_held(&job->pool->lock);
	for (i = 0; i < job->buffer_count; i++)
		if (!weft_hold_alone(&job->holds[i]))
			return false;
	for (i = 0; i < job->buffer_count; i++) {
		struct weft_bo_hold *hold = &job->holds[i];

		if (!hold->promise)
			continue;
		spin_lock(&hold->bo->lock);
		/* the references change hands as they did in the commit */
		hold->bo->promise = hold->expects;
		hold->expects = hold->promise;
		spin_unlock(&hold->bo->lock);
	}
	return true;
}

void weft_hold_fini(struct weft_bo_hold *hold)
{
	struct weft_bo *bo = hold->bo;

	if (!bo)
		return;
	if (hold->open)
		weft_import_close(bo);
	/*
	 * What the job promised is LOST, or a copy was evicted after the job gave it back and
	 * before the scheduler heard that the job is done and took its region for the only valid
	 * one.
	 */
	if ((hold->access & DRM_WEFT_ACCESS_WRITE) &&
	    READ_ONCE(bo->sched.valid) != weft_bo_valid_mask(bo))
		weft_bo_publish(bo);
	hold->bo = NULL;
	weft_promise_put(hold->expects);
	weft_promise_put(hold->promise);
	drm_gem_object_put(&bo->gem);
}

bool weft_hold_fits(const struct weft_bo_hold *holds, u32 count, const struct weft_device *wdev)
{
	u64 room = div_u64(wdev->desc.memory_size, max(wdev->desc.contexts, 1u));
	u32 i;

	for (i = 0; i < count; i++) {
		if (holds[i].bo->gem.size > room)
			return false;
		room -= holds[i].bo->gem.size;
	}
	return true;
}
