/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of a pool: regions, buffers, copies, residency.
 *
 * DOC: memory
 *
 * A buffer has at most one copy per region. A copy is EMPTY, FILLING, VALID, STALE or EVICTING
 * and is counted by the jobs that hold it. A job that binds holds a copy of each of its buffers
 * in its device's region: copies that are missing are allocated (cleared, or filled from a
 * valid copy), all in parallel; no lock is held while transfers run. A held copy is never
 * evicted.
 *
 * Lock order, outermost first: region->turn > pool->lock > bo->lock, and region->turn >
 * region->lock. bo->lock is a spinlock and innermost. A page fault takes none of them.
 * Documentation/design/memory.rst has the whole protocol.
 */
#ifndef WEFT_MEMORY_H
#define WEFT_MEMORY_H

#include <linux/dma-buf.h>
#include <linux/iosys-map.h>

#include "../core/core.h"
#include "../interconnect/interconnect.h"

struct mem_cgroup;
struct weft_bo_copy;
struct weft_promise;
struct weft_home_move;
struct weft_attachment;
struct weft_mapping;

/**
 * struct weft_bo_hold - one buffer range of a job
 * @bo: the buffer, one reference
 * @access: DRM_WEFT_ACCESS_*
 * @offset: first byte of the range
 * @length: bytes
 * @address: device address of the range's first byte, valid from bind to unbind
 * @copy: the copy that is held, from bind to unbind; memory's own
 * @expects: what it finds in the buffer, from commit on; memory's own
 * @promise: what a writer leaves there; memory's own
 * @made: a job that this one follows writes it: stale bytes will do for now, see residency.c
 * @home: of the host-home class, as it was when the job was published; memory's own
 * @open: an imported buffer whose exporter has been told of the write; memory's own
 * @attachment: of an imported buffer that the device reaches by itself; memory's own
 * @mapping: its addresses, from publication to release; memory's own
 * @move: what comes in before the job and goes out after it, prepared; memory's own
 */
struct weft_bo_hold {
	struct weft_bo *bo;
	u32 access;
	u64 offset;
	u64 length;
	u64 address;
	struct weft_bo_copy *copy;
	struct weft_promise *expects;
	struct weft_promise *promise;
	bool made;
	bool home;
	bool open;
	struct weft_attachment *attachment;
	struct weft_mapping *mapping;
	struct weft_home_move *move;
};

/* pool and devices; each may sleep. Called with pool->topology held for writing where stated. */
int weft_memory_init(struct weft_pool *pool);		/* host regions, one per NUMA node */
void weft_memory_fini(struct weft_pool *pool);
/* sets wdev->region, wdev->host, pool->regions[] and the links; topology held for writing */
int weft_memory_device_add(struct weft_device *wdev);
/*
 * No new holds from now on are possible (the caller has seen to it): moves sole copies to the
 * host, or with @lost drops every copy there, so that buffers whose only copy it was are LOST. The
 * topology lock is not held.
 */
void weft_memory_device_evacuate(struct weft_device *wdev, bool lost);
/* The same for one of its contexts. */
void weft_memory_context_evacuate(struct weft_device *wdev, u32 context, bool lost);
/* The device is quiet after all: what was quarantined of its memory can be used again. */
void weft_memory_device_quiet(struct weft_device *wdev);
/*
 * Topology held for writing; afterwards wdev->region is NULL. @quarantine: the device is not
 * quiet. Its memory is given to nobody again in any case: the region is gone.
 */
void weft_memory_device_remove(struct weft_device *wdev, bool quarantine);

/* buffers */
extern const struct drm_gem_object_funcs weft_bo_funcs;
int weft_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_cpu_begin(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_cpu_end(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_bo_wait(struct drm_device *drm, void *data, struct drm_file *file);

/*
 * SUBMIT: look up the handle and check the range; fills @hold (takes a reference) and the caller's
 * part of @ref. -ENOENT, -EINVAL, -EBUSY (held by BO_CPU_BEGIN in a conflicting way; the caller
 * holds client->submit_lock).
 */
int weft_hold_init(struct weft_client *client, struct drm_file *file,
		   const struct drm_weft_buffer *buf, struct weft_bo_hold *hold,
		   struct weft_sched_ref *ref);
void weft_hold_fini(struct weft_bo_hold *hold);
/* @job is in: from here on its place in program order is fixed; under client->submit_lock */
void weft_hold_commit(struct weft_job *job);
/* undo the commit of an early job, if nobody expects what it promised; pool->lock held */
bool weft_hold_withdraw(struct weft_job *job);
/* can all buffers of @job ever be together in @wdev's region? */
bool weft_hold_fits(const struct weft_bo_hold *holds, u32 count, const struct weft_device *wdev);

/**
 * weft_residency_try() - hold @job's buffers if all of them are resident on @wdev
 *
 * Context: any but interrupts; takes no lock, allocates nothing.
 * Return: true (hold->address is set); false: nothing is held, weft_residency_bind() has to look.
 */
bool weft_residency_try(struct weft_job *job, struct weft_device *wdev);

/**
 * weft_residency_bind() - make @job's buffers resident on @wdev and hold them
 *
 * Context: a bind worker; sleeps; pool->topology is not held.
 * Return: 0 (hold->address is set); -EAGAIN no space now (nothing is held); -ENODATA an input
 * is LOST;
 * -ENODEV the device went; -EIO a transfer failed; -ENOMEM.
 */
int weft_residency_bind(struct weft_job *job, struct weft_device *wdev);

/**
 * weft_residency_unbind() - give @job's holds back
 * @ran: the job reached the device, so written copies are now the only truth (@error 0), or the
 *	buffers written are LOST (@error not 0)
 *
 * Never waits for a transfer: called by the pump, in process context, without locks.
 */
void weft_residency_unbind(struct weft_job *job, bool ran, int error);

/*
 * Bytes of a job whose device may still write: blocks of @job's holds are not reused, and pages
 * neither unless the device is cut off from host memory.
 */
void weft_residency_quarantine(struct weft_job *job);
/*
 * Outputs of a job that ended without running: LOST for later jobs (they were promised); pool->lock
 * may be held.
 */
void weft_residency_lost(struct weft_job *job);
/* is every input of @job valid somewhere other than in @region (or all zeros)? */
bool weft_residency_elsewhere(struct weft_job *job, const struct weft_region *region);

/*
 * For the interconnect: host pages [@first, @first + return) of @bo, at *@pages, or NULL if none of
 * them exists (they read as zero).
 */
unsigned long weft_bo_run(struct weft_bo *bo, unsigned long first, struct page ***pages);

/*
 * Early jobs and the buffers that others may see. A SUBMIT opens what it imported, without locks,
 * restartably; a hold that was opened for writing is closed after the bytes went out. Before bind
 * the host copies are made valid; under the reservation locks the moves are prepared, and from
 * there on nothing fails for want of memory: fetch before the run, flush after it.
 */
bool weft_hold_access_ok(const struct drm_weft_buffer *buf);
int weft_import_open(struct weft_bo *bo, const struct drm_weft_buffer *buf);
void weft_import_pass(struct weft_bo *bo);
void weft_import_close(struct weft_bo *bo);
int weft_home_settle(struct weft_job *job);
int weft_home_prepare(struct weft_job *job);
int weft_home_fetch(struct weft_job *job);
bool weft_home_dirty(const struct weft_job *job);
int weft_home_flush(struct weft_job *job);
void weft_home_close(struct weft_job *job);
void weft_home_fini(struct weft_job *job);
/* attach.c, for who is a user of @wdev: can it reach the import? */
struct weft_attachment *weft_import_attach(struct weft_bo *bo, struct weft_device *wdev);
/* @wdev leaves its pool */
void weft_device_detach(struct weft_device *wdev);
struct drm_gem_object *weft_gem_prime_import(struct drm_device *drm, struct dma_buf *dmabuf);

/* for QUERY and fdinfo */
void weft_region_info(struct weft_region *region, struct drm_weft_region_info *info);

/* ------------------------------------------------- private to drivers/memory */

#define WEFT_BO_MAX_SIZE	BIT_ULL(40)
/* host pages are kept in arrays of this many, so that huge buffers cost nothing until touched */
#define WEFT_CHUNK_PAGES	4096ul

/**
 * enum weft_bo_copy_state - a buffer's bytes in one region; low bits of &weft_bo_copy.word
 *
 * Whoever made a copy FILLING or EVICTING owns it alone until it sets another state.
 */
enum weft_bo_copy_state {
	WEFT_BO_EMPTY = 0,	/* no memory */
	WEFT_BO_FILLING = 1,	/* memory is being got, cleared or written by its owner */
	WEFT_BO_VALID = 2,	/* the buffer's contents */
	WEFT_BO_STALE = 3,	/* memory with older bytes of this buffer, or zeros */
	WEFT_BO_EVICTING = 4,	/* memory is being given back by its owner */
};

/* &weft_bo_copy.word: state, pins, users; pins are transfers: they end without anybody's help */
#define WEFT_BO_STATE	0x7
#define WEFT_BO_PIN	0x8
#define WEFT_BO_USER	0x8000

/**
 * struct weft_bo_copy - a buffer in one region; lives as long as the buffer
 */
struct weft_bo_copy {
	/** @word: enum weft_bo_copy_state + WEFT_BO_PIN x transfers + WEFT_BO_USER x jobs */
	atomic_t word;
	struct weft_bo *bo;
	/** @next: in weft_bo.host.next; entries are added under bo->lock and never removed */
	struct weft_bo_copy *next;
	/** @id: region id */
	u32 id;
	/** @referenced: held since an evictor last looked */
	bool referenced;
	/** @quarantined: the device may write here until it is quiet: not reused before */
	bool quarantined;
	/** @region: a reference while there is memory */
	struct weft_region *region;
	/** @context: of the device's contexts the one whose part of the region it is in */
	u32 context;
	/** @offset: first byte in the region; @blocks are one range */
	u64 offset;
	/** @address: of that byte, as jobs see it */
	u64 address;
	/** @blocks: of the buddy allocator, under region->lock */
	struct list_head blocks;
	/** @lru: in region->lru while there is memory, under region->lock */
	struct list_head lru;
};

/**
 * struct weft_promise - the contents that one writer leaves in a buffer
 *
 * Made when the writer is submitted, and expected by all jobs that are submitted between it and
 * the next writer. Where a buffer is LOST depends on who asks: a job that was submitted before the
 * writer that failed still finds what it was meant to find.
 */
struct weft_promise {
	struct kref ref;
	/** @broken: the writer failed: there are no contents */
	bool broken;
};

/** struct weft_host - who has the host pages of a buffer mapped; see mapped.c */
struct weft_host {
	struct list_head users;		/* &struct weft_host_user.node */
};

/**
 * struct weft_bo - a buffer
 */
struct weft_bo {
	struct drm_gem_object gem;
	/** @sched: the scheduler's view; under pool->lock */
	struct weft_sched_data sched;
	struct weft_pool *pool;
	/** @client: owner, a reference; NULL: imported */
	struct weft_client *client;
	u32 flags;
	/** @lock: copies enter and leave VALID, and @version, @blank, @promise change, under it */
	spinlock_t lock;
	/** @version: counts writes, so that a fill from older bytes does not become VALID */
	u64 version;
	/** @blank: never written: reads as zero while no copy is VALID */
	bool blank;
	/** @quarantined: a device may write its host pages for ever: they are never freed */
	bool quarantined;
	/** @promise: what the last writer submitted will leave here; a reference */
	struct weft_promise *promise;
	/** @host: the copy in host memory, and head of the list of all copies */
	struct weft_bo_copy host;
	/** @chunks: arrays of WEFT_CHUNK_PAGES host pages, each level made at first touch */
	struct page ***chunks;
	/** @populated: host pages that exist */
	atomic_long_t populated;
	/** @mapped: backends that have host pages of it mapped */
	struct weft_host mapped;
	/** @memcg: pays for host pages */
	struct mem_cgroup *memcg;
	/** @wait: woken when a copy leaves FILLING or EVICTING, or a pin ends */
	wait_queue_head_t wait;
	/** @cpu_readers: BO_CPU_BEGINs for reading, waiting or held; under client->submit_lock */
	u32 cpu_readers;
	/** @cpu_held: of these, those that returned; under client->submit_lock */
	u32 cpu_held;
	/** @cpu_write: access of the BO_CPU_BEGIN that writes, waiting or held, or 0; likewise */
	u32 cpu_write;
	/** @cpu_write_held: it returned; likewise */
	bool cpu_write_held;
	/** @exported: a dma-buf of it was made; set once, under gem.resv */
	bool exported;
	/** @import: the dma-buf it stands for, a reference, or NULL */
	struct dma_buf *import;
	/** @import_lock: protects the making of @import_map */
	struct mutex import_lock;
	/** @import_map: its bytes, from the first use on */
	struct iosys_map import_map;
	/** @attachments: devices that reach the import by themselves; see attach.c */
	struct list_head attachments;
	/** @batch: SUBMIT that last counted here, and its uses so far; for submit.c, likewise */
	u64 batch;
	u32 batch_readers;
	u32 batch_writers;
};

#define to_weft_bo(g) container_of(g, struct weft_bo, gem)

/**
 * struct weft_region - a place where bytes can live
 */
struct weft_region {
	struct kref ref;
	struct rcu_head rcu;
	/** @wdev: the device whose memory it is; NULL: a host NUMA node */
	struct weft_device *wdev;
	u32 id;
	int numa_node;
	u64 size;
	/** @down: link from the host region; @up: link to it; device regions only */
	struct weft_link *down;
	struct weft_link *up;
	/** @turn: one evictor at a time; the only lock held while transfers run */
	struct mutex turn;
	/** @lock: protects @mm, @lru and @quarantine */
	struct mutex lock;
	struct gpu_buddy mm;
	/** @lru: copies with memory here; those at the head are evicted first */
	struct list_head lru;
	/** @quarantine: blocks that are not reused before the device is quiet */
	struct list_head quarantine;
	/** @wait: woken when @events changes */
	wait_queue_head_t wait;
	/** @events: counts ends of holds, pins and memory */
	atomic_t events;
	atomic64_t used;
	atomic64_t evicted;
	atomic64_t cleared;
	atomic64_t quarantined;
};

/* May others see the buffer? Then its reservation counts, and its jobs are early. */
static inline bool weft_bo_shared(const struct weft_bo *bo)
{
	return bo->import || (bo->flags & DRM_WEFT_BO_SHAREABLE);
}

/*
 * The class of a buffer. *Tracked*: who touches it does so through weft, and copies move freely.
 * *Host-home*: others may read and write the host's bytes at any time that the reservation allows;
 * copies on devices are caches that live for one job. Once host-home, always.
 */
static inline bool weft_bo_home(const struct weft_bo *bo)
{
	return bo->import || READ_ONCE(bo->exported);
}

/* region.c */
struct weft_region *weft_region_host(struct weft_pool *pool, int node);
void weft_region_put(struct weft_region *region);
void weft_region_event(struct weft_region *region);
int weft_region_alloc(struct weft_region *region, u32 context, struct weft_bo_copy *copy);
int weft_region_alloc_at(struct weft_region *region, u32 context, struct weft_bo_copy *copy,
			 u64 offset);
/* bytes of it that each context has; of a region without contexts, all of them */
u64 weft_region_part(const struct weft_region *region);
void weft_region_free(struct weft_bo_copy *copy);

/* bo.c */
struct weft_bo *weft_bo_lookup(struct drm_file *file, u32 handle);
int weft_bo_range(const struct weft_bo *bo, u64 offset, u64 *length);
struct page *weft_bo_page(struct weft_bo *bo, unsigned long index, gfp_t gfp);
int weft_bo_populate(struct weft_bo *bo);
struct weft_bo *weft_bo_new(struct weft_pool *pool, struct weft_client *client, u64 size, u32 flags,
			    struct dma_buf *import);
int weft_bo_wait_fences(struct weft_bo *bo, bool write, u64 timeout_ns);

/* dmabuf.c */
extern const struct dma_buf_ops weft_dmabuf_ops;
struct dma_buf *weft_bo_export(struct drm_gem_object *gem, int flags);

/* import.c */
void weft_import_fini(struct weft_bo *bo);
void weft_import_write(struct weft_bo *bo, u64 offset, u64 length);
int weft_import_mmap(struct weft_bo *bo, struct vm_area_struct *vma);
int weft_import_cpu(struct weft_bo *bo, bool begin, u32 access);

/* attach.c */
void weft_import_detach(struct weft_bo *bo);
struct weft_mapping *weft_attachment_map(struct weft_attachment *att);
struct sg_table *weft_mapping_table(const struct weft_mapping *mapping);
void weft_mapping_put(struct weft_bo *bo, struct weft_mapping *mapping);

/* mapped.c */
void weft_host_gone(struct weft_bo *bo);

/* evict.c */
int weft_region_evict(struct weft_region *region, u32 context, u64 need);

/* residency.c */

/**
 * struct weft_fill - a copy is being cleared or filled from another
 * @dst: FILLING, owned
 * @src: pinned; NULL: cleared
 * @version: of the buffer when it began
 * @state: of @dst if all goes well
 */
struct weft_fill {
	struct weft_bo_copy *dst;
	struct weft_bo_copy *src;
	u64 version;
	u32 state;
	struct weft_transfer transfer;
};

u64 weft_bo_valid_mask(struct weft_bo *bo);
bool weft_bo_lost(struct weft_bo *bo);
void weft_bo_publish(struct weft_bo *bo);
void weft_bo_copy_set(struct weft_bo_copy *copy, u32 state);
void weft_bo_copy_unpin(struct weft_bo_copy *copy);
bool weft_bo_copy_sole(struct weft_bo_copy *copy);
void weft_bo_copy_invalidate(struct weft_bo_copy *copy);
void weft_bo_copy_drop(struct weft_bo_copy *copy);
int weft_bo_host_fill(struct weft_bo *bo);
void weft_bo_host_write(struct weft_bo *bo);
bool weft_hold_readable(const struct weft_bo_hold *hold);

static inline struct weft_bo_copy *weft_bo_copy_next(struct weft_bo_copy *copy)
{
	/* copies are linked in whole */
	return smp_load_acquire(&copy->next);
}

/* every copy of @bo, the host's first; safe without a lock */
#define weft_bo_for_each_copy(bo, copy) \
	for ((copy) = &(bo)->host; (copy); (copy) = weft_bo_copy_next(copy))

static inline u32 weft_bo_copy_state(const struct weft_bo_copy *copy)
{
	return atomic_read(&copy->word) & WEFT_BO_STATE;
}

/* jobs that hold @copy; a moment's truth */
static inline u32 weft_bo_copy_jobs(const struct weft_bo_copy *copy)
{
	return atomic_read(&copy->word) / WEFT_BO_USER;
}

#endif /* WEFT_MEMORY_H */
