/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's objects: pool, device, engine, client, queue, program, job.
 *
 * DOC: core
 *
 * Lock order, outermost first:
 *
 *	weft_devices_lock > wdev->reset_lock > wdev->stop_lock > wdev->pool_lock > pool->topology >
 *	client->submit_lock > program->lock > (memory: bo->lock > region->lock) >
 *	pool->lock > engine->lock > client->record_lock
 *
 * pool->lock is a spinlock taken in process context only and never held over a sleep: interrupts
 * reach the pool through its inbox. engine->lock is taken with interrupts off. Everything that
 * sleeps (bind, abort, release) runs in workers after pool->lock was dropped.
 *
 * Rejected: one mutex per pool (a bind that evicts would stop every submit), completion through
 * the pump (a device would idle until a worker is scheduled).
 */
#ifndef WEFT_CORE_H
#define WEFT_CORE_H

#include <linux/completion.h>
#include <linux/configfs.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/weft_drm.h>

#include <weft/backend.h>
#include <weft/compat.h>

#include "chain.h"
#include "until.h"
#include "../../scheduler/sched.h"
#include "health.h"
#include "lease.h"

struct platform_device;
struct weft_bo;
struct weft_region;
struct weft_link;
struct weft_log;
struct weft_bo_hold;
struct weft_early;

#define WEFT_MAX_JOBS_PER_SUBMIT	1024
#define WEFT_MAX_BUFFERS		64
#define WEFT_MAX_ARGS			4096
#define WEFT_MAX_DEPS			256
#define WEFT_MAX_RELOCS			256
#define WEFT_MAX_QUEUE_DEPTH		65536
#define WEFT_MAX_UNREAD			65536
#define WEFT_DEFAULT_DEPTH		1024
/* of weft_device.copy_timeout_ns */
#define WEFT_COPY_TIMEOUT_DEFAULT	(30ull * NSEC_PER_SEC)
#define WEFT_COPY_TIMEOUT_MIN		NSEC_PER_MSEC
#define WEFT_COPY_TIMEOUT_MAX		(3600ull * NSEC_PER_SEC)
#define WEFT_BOUND_DEPTH		2	/* jobs bound on a device beyond its credits */

/* ------------------------------------------------------------------- pool */

/** enum weft_node_kind - the DRM node by which a pool is opened */
enum weft_node_kind {
	WEFT_NODE_ACCEL,	/* /dev/accel/accelN */
	WEFT_NODE_RENDER,	/* /dev/dri/renderDN, and a primary node besides */
};

/** struct weft_pool_access - who may open the node; udev sets it, see sysfs.c */
struct weft_pool_access {
	/** @owned: @uid and @gid are meant; else udev's own rule decides */
	bool owned;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
};

/**
 * struct weft_pool - devices that are scheduled together; one DRM minor
 *
 * Made when its configuration is enabled and removed when that is disabled; lives on while
 * somebody refers to it (@live), and its minor for as long as the module is loaded.
 */
struct weft_pool {
	/** @drm: the node */
	struct drm_device drm;
	/** @name: of the pool */
	char name[DRM_WEFT_NAME_LEN];
	/** @kind: of its node */
	enum weft_node_kind kind;
	/** @access: to its node; under weft_devices_lock */
	struct weft_pool_access access;
	/** @pdev: parent of the node */
	struct platform_device *pdev;
	/** @node: in the list of enabled pools, later of those removed; under weft_devices_lock */
	struct list_head node;
	/** @next_device_id: where to look for a free id; under weft_devices_lock */
	u32 next_device_id;
	/** @files: open files; under @lock */
	u32 files;
	/** @closed: no file may be opened any more; under @lock */
	bool closed;

	/** @lock: protects @sched, all weft_sched_* objects, job->retire_node and @finished */
	spinlock_t lock;
	/** @sched: the scheduler */
	struct weft_sched sched;
	/** @est: its learned times */
	struct weft_sched_est *est;
	/** @log: ring of inputs and decisions; written under @lock */
	struct weft_log *log;
	/** @finished: jobs DONE whose retirement is due; under @lock */
	struct list_head finished;
	/** @jobs: jobs in flight; &struct weft_job.pool_node; under @lock */
	struct list_head jobs;
	/** @last_job_id: last id given; under @lock */
	u64 last_job_id;
	/** @last_data_id: last id given to a buffer */
	atomic64_t last_data_id;

	/** @inbox: events from engines, any context */
	struct llist_head inbox;
	/** @pump_turn: the pump's, one turn at a time; outside @lock */
	struct mutex pump_turn;
	/** @pending: taken from @inbox, oldest first, still to be processed; under @pump_turn */
	struct llist_node *pending;
	/** @held: jobs that are over before those they waited for; under @pump_turn */
	struct list_head held;
	/** @pumper: pumps on his own stack, and will look at @inbox; written under @pump_turn */
	struct task_struct *pumper;
	/** @pump_work: drains @inbox and decides */
	struct work_struct pump_work;
	/** @release_list: jobs to be put where sleeping is allowed */
	struct llist_head release_list;
	/** @release_work: puts them */
	struct work_struct release_work;
	/** @release_soon: the same, if nobody else does before */
	struct delayed_work release_soon;
	/** @pump_wq: high priority; nothing on it sleeps for long */
	struct workqueue_struct *pump_wq;
	/** @bind_wq: binds, aborts and releases; may allocate and wait */
	struct workqueue_struct *bind_wq;
	/** @early_wq: between a published fence and its signal: nothing on it allocates */
	struct workqueue_struct *early_wq;

	/**
	 * @topology: protects @devices, @regions and @links against change. Binds, queries and
	 * submits read; registration and removal of a device write, for moments only.
	 */
	struct rw_semaphore topology;
	/** @pick_seq: decisions made; under @lock */
	u64 pick_seq;
	/** @usable: ids of devices that may get jobs one day; under @lock */
	u64 usable;
	/** @check_work: finds out what jobs that were given back may run on */
	struct work_struct check_work;
	/** @devices: by id; written under @topology and @lock, read under either */
	struct weft_device *devices[DRM_WEFT_MAX_DEVICES];
	/** @regions: by id */
	struct weft_region *regions[DRM_WEFT_MAX_REGIONS];
	/** @links: &struct weft_link.node */
	struct list_head links;
	/** @models: model names seen, index is weft_sched_device.model; under @topology */
	char *models[DRM_WEFT_MAX_DEVICES];

	/** @host_limit: bytes of buffers that may exist (they may all have to live on the host) */
	u64 host_limit;
	/** @host_reserved: bytes of buffers that exist */
	atomic64_t host_reserved;
	/** @host_quarantined: bytes never freed, because a device may still write there */
	atomic64_t host_quarantined;
	/** @import_dma_bytes: moved between imports and devices by the devices themselves */
	atomic64_t import_dma_bytes;
	/** @import_cpu_bytes: copied between imports and host pages by the CPU */
	atomic64_t import_cpu_bytes;

	/** @sync_lock: protects @syncs */
	spinlock_t sync_lock;
	/** @syncs: pending out-points of weft's own jobs, by syncobj; see syncobj.c */
	DECLARE_HASHTABLE(syncs, 8);

	/** @accounts: &struct weft_account.pool_node; protected by weft_tenants_lock */
	struct list_head accounts;
	/** @accounts_dropped: accounts go with their last client; under weft_tenants_lock */
	bool accounts_dropped;
	/** @last_client_id: last id given */
	atomic64_t last_client_id;
	/** @watchers: clients that want events of devices; &struct weft_client.watch_node */
	struct list_head watchers;
	/** @watch_lock: protects @watchers; a client leaves it before its file is freed */
	struct mutex watch_lock;
	/** @live: clients, buffers, jobs and devices it has, plus one while it is enabled */
	refcount_t live;
	/** @reap_work: takes the pool apart when @live has dropped to zero */
	struct work_struct reap_work;
	/** @reaped: completed when that is done */
	struct completion reaped;
	/** @debugfs: the pool's folder */
	struct dentry *debugfs;
};

#define to_weft_pool(d) container_of(d, struct weft_pool, drm)

/* pool.c */
int weft_pool_init(void);
void weft_pool_fini(void);
/* All of these are called with weft_devices_lock held. */
struct weft_pool *weft_pool_create(const char *name, enum weft_node_kind kind,
				   const char *policy, const struct weft_pool_access *access);
/* open files from now on: ENODEV; -EBUSY if there are any */
int weft_pool_close(struct weft_pool *pool);
void weft_pool_unplug(struct weft_pool *pool);
void weft_pool_remove(struct weft_pool *pool);
void weft_pool_set_access(struct weft_pool *pool, const struct weft_pool_access *access);
/* a device came or went: jobs not yet placed may go elsewhere, or nowhere at all */
void weft_pool_devices_changed(struct weft_pool *pool);

/*
 * @job is READY again. Devices that came while it was placed are not in its mask, so if none in it
 * is left that is not the end yet.
 */
void weft_pool_check_locked(struct weft_pool *pool, struct weft_job *job);
static inline void weft_pool_get(struct weft_pool *pool)
{
	refcount_inc(&pool->live);
}

void weft_pool_put(struct weft_pool *pool);

/* poolfs.c: the configuration of pools; the lists are under weft_devices_lock */
extern struct config_group weft_pools_group;
int weft_poolfs_init(void);
void weft_poolfs_fini(void);
/* the enabled pool that the device called @name belongs to, or NULL */
struct weft_pool *weft_poolfs_pool_of(const char *name);
/* make @device's name part of the configuration @pool; -ENOENT, -E2BIG */
int weft_poolfs_assign(const char *device, const char *pool);

/* accel.c */
long weft_accel_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long weft_accel_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* configfs.c */
int weft_configfs_init(void);
void weft_configfs_fini(void);

/* pump.c */
/** enum weft_event_type - what an engine tells the pump */
enum weft_event_type {
	WEFT_EVENT_STARTED,
	WEFT_EVENT_ENDED,
};

/** struct weft_event - in pool->inbox */
struct weft_event {
	struct llist_node node;
	enum weft_event_type type;
	struct weft_job *job;
};

void weft_pump_post(struct weft_pool *pool, struct weft_event *event);
void weft_pump_kick(struct weft_pool *pool);
/*
 * Pump on the caller's stack, if nobody else is at it: decide, start and retire what can be at
 * once. Process context, no locks; bounded, see pump.c.
 */
void weft_pump_inline(struct weft_client *client);
/* the same for who brings completions of @wdev; the caller keeps it */
void weft_pump_device(struct weft_device *wdev);
void weft_pump_work(struct work_struct *work);
/* Is it the current task that pumps, or did an interrupt find it pumping? */
static inline bool weft_pump_here(struct weft_pool *pool)
{
	return READ_ONCE(pool->pumper) == current;
}

/* Retire what pool->finished holds; called without pool->lock */
void weft_pump_retire(struct weft_pool *pool);

/* log.c */
int weft_ring_init(struct weft_pool *pool);
void weft_ring_fini(struct weft_pool *pool);
void weft_ring_record(struct weft_sched *s, const struct weft_rec *rec);
void weft_ring_debugfs(struct weft_pool *pool);

/* ----------------------------------------------------------------- device */

/**
 * struct weft_engine - one hardware queue
 */
struct weft_engine {
	/** @wdev: its device */
	struct weft_device *wdev;
	/** @index: in weft_device.engines */
	u32 index;
	/** @kind: enum weft_engine_kind */
	enum weft_engine_kind kind;
	/** @credits: jobs it runs at once */
	u32 credits;
	/** @lock: protects the lists and counters below; taken with interrupts off */
	spinlock_t lock;
	/** @kick: something changed since the holder of @lock last looked */
	atomic_t kick;
	/** @done: runs that ended, any context; struct weft_job.done_node */
	struct llist_head done;
	/** @bound: jobs BOUND, in order; struct weft_job.engine_node; under @lock */
	struct list_head bound;
	/** @waiting: BOUND early jobs that foreign fences keep from @bound; under @lock */
	struct list_head waiting;
	/** @running: jobs handed to the device; struct weft_job.engine_node; under @lock */
	struct list_head running;
	/** @running_count: those among @running that may start; the others wait for them */
	u32 running_count;
	/** @assigned: jobs BOUND or RUNNING here; under pool->lock */
	u32 assigned;
	/** @stopped: start nothing (the device is being reset, drained or is gone); under @lock */
	bool stopped;
	/** @run_work: calls run() for backends that sleep in it */
	struct work_struct run_work;
};

/** enum weft_context_state - see context.c */
enum weft_context_state {
	WEFT_CONTEXT_FREE = 0,
	WEFT_CONTEXT_OPENING,
	WEFT_CONTEXT_OPEN,
	WEFT_CONTEXT_CLOSING,
};

/** struct weft_context - what a device keeps apart for one tenant; all under wdev->context_lock */
struct weft_context {
	struct weft_device *wdev;
	enum weft_context_state state;
	/** @tenant: number of the tenant; not in FREE */
	u32 tenant;
	/** @users: jobs from bind to end */
	u32 users;
	/** @lost: the backend says so; nobody gets to use it any more */
	bool lost;
	/** @idle_since: when the last user left */
	u64 idle_since;
	/** @lost_work: shuts it when its users have left */
	struct work_struct lost_work;
};

/**
 * struct weft_device - one compute device
 */
struct weft_device {
	/** @rcu: kfree_rcu() wants it near the start */
	struct rcu_head rcu;
	/** @dev: on the weft bus; child of the backend's device */
	struct device dev;
	/** @node: in the list of registered devices; under weft_devices_lock */
	struct list_head node;
	/** @unregistered: on its way out, joins no pool any more; under weft_devices_lock */
	bool unregistered;
	/**
	 * @pool: the pool it is in, or NULL. Changes under weft_devices_lock, @reset_lock and
	 * @pool_lock together, while nobody uses the device: any of these, or being a user, makes
	 * it stable, and it cannot be NULL for a user.
	 */
	struct weft_pool *pool;
	/** @pool_lock: see @pool; for sysfs and backends, which hold none of the others */
	struct rw_semaphore pool_lock;
	/** @busy_before: engine time used in pools it has left; under @pool_lock */
	u64 busy_before;
	/** @ops: of its backend */
	const struct weft_backend_ops *ops;
	/** @priv: the backend's */
	void *priv;
	/** @desc: as registered; strings belong to us */
	struct weft_device_desc desc;
	/** @sched: the scheduler's view; under pool->lock */
	struct weft_sched_device sched;
	/** @engines: its engines */
	struct weft_engine engines[WEFT_MAX_ENGINES];
	/** @next_engine: compute engine that the next bound job goes to first; under pool->lock */
	u32 next_engine;
	/** @region: its memory */
	struct weft_region *region;
	/** @host: host region it is attached to */
	struct weft_region *host;
	/** @lost: nothing on it can be relied on: it is being reset, fenced or gone */
	bool lost;
	/** @resetting: whether it is quiet is just being found out; woken: @idle */
	bool resetting;
	/** @quarantined: it is not quiet; written under @stop_lock and pool->lock */
	bool quarantined;
	/** @bus_cut: it is not quiet, but cannot reach host memory; under @stop_lock */
	bool bus_cut;
	/** @health: how it is, and what made it so */
	struct weft_device_health health;
	/** @users: jobs BINDING, BOUND or RUNNING and copies under way */
	atomic_t users;
	/** @copies_ended: pieces of transfers that have ended, right or wrong; wraps */
	atomic_t copies_ended;
	/** @copy_timeout_ns: none ends for so long: see weft_device_stuck(); 0 never. WRITE_ONCE */
	u64 copy_timeout_ns;
	/** @leases: under which clients drive it themselves */
	struct weft_device_leases leases;
	/** @idle: woken when @users drops to zero, and when @resetting or @health changes */
	wait_queue_head_t idle;
	/** @reset_lock: one reset, drain or removal at a time, from the stop to what follows it */
	struct mutex reset_lock;
	/**
	 * @stop_lock: one abort or stop at a time. Early jobs wait for it: if the device may have
	 * any (WEFT_CAP_EARLY) nothing is allocated under it. Outside engine->lock
	 */
	struct mutex stop_lock;
	/** @after_work: what a stop leaves to be done where memory may be allocated */
	struct work_struct after_work;
	/** @recovers: @after_work brings it back after a stop; under @stop_lock */
	bool recovers;
	/** @dump: text for a coredump; under @stop_lock */
	char *dump;
	/** @dump_used: bytes of it that wait to be given away; under @stop_lock */
	size_t dump_used;
	/** @loaded: &struct weft_loaded.device_node; under @loaded_lock */
	struct list_head loaded;
	/** @loaded_lock: inside program->lock */
	struct mutex loaded_lock;
	/** @jobs_done: jobs that ended here */
	atomic64_t jobs_done;
	/** @jobs_failed: of these, failed */
	atomic64_t jobs_failed;
	/** @resets: resets made */
	atomic64_t resets;
	/** @attachments: to imported buffers; see attach.c */
	struct list_head attachments;
	/** @context_lock: protects @contexts and @contexts_closed; inside region->turn */
	spinlock_t context_lock;
	/** @contexts: as many as desc.contexts says */
	struct weft_context contexts[WEFT_MAX_CONTEXTS];
	/** @contexts_closed: none is opened, and none shut for being lost */
	bool contexts_closed;
	/** @leaving: its pool; set under pool->lock */
	bool leaving;
	/** @gone: the backend answered ENODEV; set under pool->lock */
	bool gone;
	/** @suspended: asleep, or about to be; set under pool->lock */
	bool suspended;
	/** @telemetry_lock: one question to the sensors at a time; inside @stop_lock */
	struct mutex telemetry_lock;
	/** @sensors: WEFT_TELEMETRY_* that it has; set before @hwmon is registered */
	u32 sensors;
	/** @hwmon: shows them, or NULL; @hwmon_name is its name; under weft_devices_lock */
	struct device *hwmon;
	char hwmon_name[DRM_WEFT_NAME_LEN + 8];
};

#define to_weft_device(d) container_of(d, struct weft_device, dev)

/* bus.c */
int weft_bus_init(void);
void weft_bus_fini(void);
extern const struct bus_type weft_bus;

/* device.c */
/*
 * One registration, removal or move of a device, or change of the configuration of pools, at a
 * time; outermost lock. Held while a device drains. Never taken while a file in sysfs that goes
 * under it is in use: weft_device_unregister() removes the device's folder without it.
 */
extern struct mutex weft_devices_lock;
const char *weft_class_name(u32 dev_class);
/* every device to the pool that the configuration says; weft_devices_lock held; first error */
int weft_devices_settle(void);
u32 weft_device_credits(const struct weft_device *wdev);
void weft_device_user_get(struct weft_device *wdev);
void weft_device_user_put(struct weft_device *wdev);
/* become a user of device @id of @pool; NULL if there is none, or it leaves */
struct weft_device *weft_device_use(struct weft_pool *pool, u32 id);
/* sysfs.c */
extern const struct attribute_group *weft_device_groups[];
extern const struct device_type weft_pool_type;
const char *weft_node_kind_name(enum weft_node_kind kind);

/* engine.c */
void weft_engine_init(struct weft_device *wdev, u32 index);
void weft_engine_add(struct weft_engine *engine, struct weft_job *job);
void weft_engine_begin_locked(struct weft_job *job);
void weft_engine_kick(struct weft_engine *engine);
void weft_engine_post_ended(struct weft_job *job);
/* a BOUND job has to wait beside the engine; claim takes it from there, if nobody else has */
void weft_engine_hold(struct weft_job *job);
bool weft_engine_claim(struct weft_job *job);
/* a claimed job cannot start */
void weft_engine_refuse(struct weft_job *job, int error);
bool weft_engine_unbind(struct weft_job *job);
void weft_engine_stop(struct weft_device *wdev, bool stop);
void weft_engine_run_work(struct work_struct *work);
void weft_engine_end_taken(struct weft_job *job, int error);
void weft_engine_take_running(struct weft_device *wdev, struct list_head *taken);

/* context.c */
void weft_contexts_init(struct weft_device *wdev);
void weft_contexts_open(struct weft_device *wdev, bool open);
int weft_context_get(struct weft_job *job);
/* the same if it is open; does not sleep */
bool weft_context_try(struct weft_job *job);
void weft_context_put(struct weft_job *job);

/* runs.c */
u64 weft_run_strays(void);
void weft_run_hold(struct weft_job *job);
void weft_run_drop(struct weft_job *job);
struct weft_job *weft_run_claim(struct weft_run *run);

/* reset.c */
int weft_device_reset(struct weft_device *wdev);
void weft_device_stuck(struct weft_device *wdev);
void weft_job_abort_work(struct work_struct *work);
void weft_job_deadline(struct timer_list *timer);
void weft_job_arm(struct weft_job *job, u64 ns);
void weft_job_abort_queue(struct weft_job *job);
void weft_device_give_up(struct weft_device *wdev);
bool weft_device_may_open(const struct weft_device *wdev);
void weft_device_reopen_locked(struct weft_device *wdev);
void weft_device_drain(struct weft_device *wdev);
void weft_device_fence(struct weft_device *wdev);
/* may a transfer that failed still write host memory? Waits for a reset under way */
bool weft_device_writes_on(struct weft_device *wdev);
void weft_device_gone_locked(struct weft_device *wdev);
void weft_device_gone(struct weft_device *wdev);
int weft_stop_init(struct weft_device *wdev);
void weft_stop_fini(struct weft_device *wdev);
/* wait for what follows a stop; not under wdev->reset_lock, nor in a worker of the pool */
void weft_stop_settle(struct weft_device *wdev);

/* coredump.c */
int weft_coredump_init(struct weft_device *wdev);
void weft_coredump_fini(struct weft_device *wdev);
void weft_coredump(struct weft_device *wdev, struct weft_job *job, const char *why);
void weft_coredump_send(struct weft_device *wdev);

/* hwmon.c */
void weft_telemetry_quiesce(struct weft_device *wdev);
int weft_telemetry_read(struct weft_device *wdev, struct weft_telemetry *t);
void weft_hwmon_add(struct weft_device *wdev);
void weft_hwmon_remove(struct weft_device *wdev);

/* ----------------------------------------------------------------- tenant */

/** struct weft_tenant - a named account; see tenant.c */
struct weft_tenant;

/** struct weft_account - a tenant in one pool */
struct weft_account {
	/** @sched: the scheduler's view; under pool->lock */
	struct weft_sched_tenant sched;
	struct weft_tenant *tenant;
	struct weft_pool *pool;
	/** @clients: clients open; under weft_tenants_lock */
	u32 clients;
	struct list_head tenant_node;
	struct list_head pool_node;
};

extern struct config_group weft_tenants_group;
int weft_tenant_init(void);
void weft_tenant_fini(void);
/* account of the calling task in @pool, one client counted */
struct weft_account *weft_account_get(struct weft_pool *pool);
void weft_account_put(struct weft_account *account);
void weft_account_drop_pool(struct weft_pool *pool);
const char *weft_account_name(struct weft_account *account);

/* ----------------------------------------------------------------- client */

/** struct weft_busy - engine time of a client on the devices of one class; under pool->lock */
struct weft_busy {
	/** @ended_ns: of runs that ended */
	u64 ended_ns;
	/** @running: runs under way */
	u64 running;
	/** @start_sum: sum of their start times, may wrap */
	u64 start_sum;
	/** @shown_ns: the largest number that was read */
	u64 shown_ns;
};

/**
 * struct weft_client - one open file of a pool; outlives the file while jobs are in flight
 */
struct weft_client {
	struct kref ref;
	struct weft_pool *pool;
	struct weft_account *account;
	/** @sched: the scheduler's view; under pool->lock */
	struct weft_sched_client sched;
	/** @submit_lock: one SUBMIT or BO_CPU_* at a time, so that program order is one order */
	struct mutex submit_lock;
	/** @queues: struct weft_queue by handle */
	struct xarray queues;
	/** @programs: struct weft_program by handle */
	struct xarray programs;
	/** @records: struct weft_record by job id; entries change under @record_lock */
	struct xarray records;
	/** @record_lock: protects the contents of records and @jobs */
	spinlock_t record_lock;
	/** @jobs: jobs in flight; &struct weft_job.client_node; under @record_lock */
	struct list_head jobs;
	/** @unread: records in @records */
	atomic_t unread;
	/** @reaped: jobs the reaper has cancelled; under @record_lock */
	struct list_head reaped;
	/** @wait: woken when a job retires or a buffer's user ends */
	wait_queue_head_t wait;
	/** @file: valid inside ioctls, and on pool->watchers under pool->watch_lock */
	struct drm_file *file;
	/** @watch_node: on pool->watchers; under pool->watch_lock */
	struct list_head watch_node;
	/** @events_missed: events of devices since the last one sent; under pool->watch_lock */
	u32 events_missed;
	/** @reap_work: ends what the closed file left */
	struct work_struct reap_work;
	/** @memory: bytes of buffers */
	atomic64_t memory;
	/** @jobs_submitted: since open */
	atomic64_t jobs_submitted;
	atomic64_t jobs_completed;
	atomic64_t jobs_failed;
	/** @busy: engine time by class of device; under pool->lock */
	struct weft_busy busy[DRM_WEFT_CLASS_COUNT];
	/** @name: for logs */
	char name[DRM_WEFT_NAME_LEN];
};

int weft_client_open(struct drm_device *drm, struct drm_file *file);
void weft_client_postclose(struct drm_device *drm, struct drm_file *file);
void weft_client_get(struct weft_client *client);
void weft_client_put(struct weft_client *client);
int weft_ioctl_client_set(struct drm_device *drm, void *data, struct drm_file *file);

/* fdinfo.c */
void weft_client_fdinfo(struct drm_printer *p, struct drm_file *file);
void weft_busy_start_locked(struct weft_job *job);
void weft_busy_end_locked(struct weft_job *job);

/* ------------------------------------------------------------------ queue */

/** struct weft_queue - a client's stream of jobs */
struct weft_queue {
	struct kref ref;
	struct weft_client *client;
	u32 handle;
	u32 service;
	u32 flags;
	/** @priority: of jobs submitted from now on; under client->submit_lock */
	u32 priority;
	/** @depth: jobs in flight at the most; under client->submit_lock */
	u32 depth;
	/** @turn: one SUBMIT at a time; an early one sleeps with it. Outside client->submit_lock */
	struct mutex turn;
	/** @in_flight: jobs not yet retired */
	atomic_t in_flight;
	/** @last: last job submitted, for ORDERED; a reference; under client->submit_lock */
	struct weft_job *last;
	/** @destroyed: takes no jobs any more; under client->submit_lock */
	bool destroyed;
	/** @sync_jobs: jobs with out-syncobjs in submission order; under @sync_lock */
	struct list_head sync_jobs;
	/** @sync_lock: protects @sync_jobs and @publishing; outside pool->sync_lock */
	spinlock_t sync_lock;
	/** @publishing: somebody is; under @sync_lock */
	bool publishing;
	/** @space: event to send when there is room again; under client->record_lock */
	struct weft_queue_event *space;
};

int weft_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_queue_set(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
struct weft_queue *weft_queue_lookup(struct weft_client *client, u32 handle);
void weft_queue_put(struct weft_queue *queue);
void weft_queue_full(struct weft_queue *queue);
void weft_queue_send_space(struct weft_queue *queue);
void weft_queue_job_retired(struct weft_queue *queue);
void weft_queue_destroy_all(struct weft_client *client);

/* ---------------------------------------------------------------- program */

/** struct weft_loaded - a program on a device */
struct weft_loaded {
	struct weft_program *program;
	struct weft_device *wdev;
	struct weft_image image;
	u32 image_index;
	int error;
	struct list_head program_node;	/* under program->lock */
	struct list_head device_node;	/* under wdev->loaded_lock */
};

struct weft_program_image {
	char isa[DRM_WEFT_NAME_LEN];
	void *data;
	size_t size;
};

struct weft_program_kernel {
	char name[DRM_WEFT_NAME_LEN];
	u32 args_size;
};

/** struct weft_program - images and the table of kernels */
struct weft_program {
	struct kref ref;
	struct weft_client *client;
	/** @digest: of all images, for the key of learned times */
	u64 digest;
	u32 image_count;
	u32 kernel_count;
	struct weft_program_image *images;
	struct weft_program_kernel *kernels;
	/** @lock: loading and unloading; protects @loaded */
	struct mutex lock;
	struct list_head loaded;
};

int weft_ioctl_program_create(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_program_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_program_query(struct drm_device *drm, void *data, struct drm_file *file);
struct weft_program *weft_program_lookup(struct weft_client *client, u32 handle);
void weft_program_put(struct weft_program *program);
void weft_program_destroy_all(struct weft_client *client);
/* index of the image for @wdev among @image_mask (0 any), -1 if none */
int weft_program_image(struct weft_program *program, struct weft_device *wdev, u64 image_mask);
/* make the program runnable on @wdev; may sleep; ERR_PTR */
struct weft_image *weft_program_load(struct weft_program *program, struct weft_device *wdev,
				     u64 image_mask, u32 context);
/* the same if it is loaded already and nobody is at it; NULL if not. Does not sleep. */
struct weft_image *weft_program_try(struct weft_program *program, struct weft_device *wdev,
				    u64 image_mask);
void weft_program_device_gone(struct weft_device *wdev);
/* the same for one context of it */
void weft_program_context_gone(struct weft_device *wdev, u32 context);

/* -------------------------------------------------------------------- job */

/** struct weft_record - a job's account; kept until acknowledged */
struct weft_record {
	struct kref ref;
	/** @data: what JOB_QUERY gives; under client->record_lock */
	struct drm_weft_job_record data;
	/** @job: the job while it is in flight, no reference; under client->record_lock */
	struct weft_job *job;
	/** @lease: of one; constant */
	bool lease;
};

/** struct weft_job_sync - an out-syncobj of a job */
struct weft_job_sync {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	/** @fence: signalled fence to be published, allocated beforehand */
	struct dma_fence *fence;
	u64 point;
	struct weft_job *job;
	bool promised;			/* in pool->syncs; under pool->sync_lock */
	bool armed;			/* jobs may depend on it; under pool->sync_lock */
	bool published;			/* the syncobj has it; under pool->sync_lock */
	bool retired;			/* its job is at its end; under pool->sync_lock */
	struct hlist_node pool_node;	/* pool->syncs; under pool->sync_lock */
};

/** struct weft_job_later - a reference that is dropped where sleeping is allowed */
struct weft_job_later {
	struct llist_node node;		/* pool->release_list */
	struct weft_job *job;
};

/** enum weft_run_state - who owns a run; struct weft_job.run_state */
enum weft_run_state {
	WEFT_RUN_NONE = 0,	/* not handed to a device */
	WEFT_RUN_RUNNING,	/* the device has it */
	WEFT_RUN_ENDED,		/* completed; the core has it */
	WEFT_RUN_TAKEN,		/* the core took it back; completions are ignored */
};

/**
 * struct weft_job - one launch of one kernel
 *
 * Life of the object: one reference for being in flight (dropped by weft_job_retire() through the
 * release worker), one for each edge's @from that somebody still has to read, one for
 * queue->last, one for each worker that is queued with it.
 */
struct weft_job {
	/** @sched: the scheduler's view; under pool->lock */
	struct weft_sched_job sched;
	struct kref ref;
	struct rcu_head rcu;
	struct weft_pool *pool;
	struct weft_client *client;
	struct weft_queue *queue;
	struct weft_program *program;
	struct weft_record *record;
	u32 flags;
	u32 kernel;
	u64 image_mask;
	u64 device_mask;
	u32 class_mask;
	u64 timeout_ns;

	/** @refs: what the scheduler knows of the buffers; @holds: what memory/ knows */
	struct weft_sched_ref *refs;
	struct weft_bo_hold *holds;
	u32 buffer_count;
	/** @edges: memory for the scheduler's edges; from-jobs of all are referenced */
	struct weft_sched_edge *edges;
	u32 edge_count;
	/** @relocs: to be applied when it is bound */
	struct drm_weft_reloc *relocs;
	u32 reloc_count;
	/** @args: blob as submitted; @run.args is the copy with addresses */
	void *args;
	u32 args_size;
	struct weft_job_sync *syncs;
	u32 sync_count;

	/** @wdev: where it is BINDING, BOUND or RUNNING; holds a use of it */
	struct weft_device *wdev;
	/** @engine: set at bind */
	struct weft_engine *engine;
	/** @run: what the backend sees */
	struct weft_run run;
	/** @run_state: enum weft_run_state */
	atomic_t run_state;
	/** @run_node: among the runs that backends hold; see runs.c */
	struct hlist_node run_node;
	/** @early: if it publishes before it runs, else NULL */
	struct weft_early *early;
	/** @lease: if its client runs it, else NULL; then it has no @program and no buffers */
	struct weft_lease *lease;
	/** @direct: only for devices that reach its imported buffers by themselves */
	bool direct;
	/** @heirs: links of those that wait for it; this and what follows under engine->lock */
	struct list_head heirs;
	/** @links: to those that it waits for, @link_count of them in use */
	struct weft_chain_link links[WEFT_MAX_WAITS];
	u32 link_count;
	/** @chain_error: what became of one of those: -ESTALE lost, -ECANCELED failed */
	int chain_error;
	/** @chain_ns: when the last of those ended that are over */
	u64 chain_ns;
	bool over;			/* off its engine */
	/** @began: the device has it, and nothing keeps it from starting: its time runs */
	bool began;
	bool passed;			/* its credit is promised to one that waits for it */
	/** @chained: it was BOUND before those that it waits for were DONE; constant while BOUND */
	bool chained;
	/** @on_engine: on engine->bound, ->waiting or ->running; under engine->lock */
	bool on_engine;
	struct list_head engine_node;
	struct llist_node done_node;
	struct weft_event started;
	struct weft_event ended;
	/** @deadline: fires abort_work */
	struct timer_list deadline;
	struct work_struct bind_work;
	struct work_struct abort_work;
	/** @abort_queued: abort_work is on its way and holds a reference */
	atomic_t abort_queued;
	/** @abort_wq: where @abort_work goes; set at bind */
	struct workqueue_struct *abort_wq;
	/** @cancel: negative errno it must end with, 0 if none; written under pool->lock */
	int cancel;
	/** @lost: taken off a lost device */
	bool lost;
	/** @stale: lost with its context only */
	bool stale;
	/** @stale_binds: binds that failed for that */
	u32 stale_binds;
	/** @again: lost, and goes back to READY; the pump's own */
	bool again;
	/** @in_context: it uses context @run.context of @wdev */
	bool in_context;
	/** @error, @code, @busy_ns: how the last run ended */
	int error;
	u32 code;
	u64 busy_ns;
	u64 start_ns;
	u64 end_ns;
	u64 bind_ns;
	/** @pick_seq: number of the decision that placed it */
	u64 pick_seq;
	u32 runs;
	/** @last_device: id of the device of the last run */
	u32 last_device;
	atomic64_t transfer_bytes;

	struct list_head pool_node;	/* pool->jobs; under pool->lock */
	struct list_head client_node;	/* under client->record_lock */
	/** @finish_node: pool->finished, under pool->lock; before, of who holds the job alone */
	struct list_head finish_node;
	struct list_head queue_node;	/* queue->sync_jobs; under queue->sync_lock */
	bool sync_done;			/* under queue->sync_lock */
	/** @flight_put, ...: for the references of being in flight, of @queue_node, of an abort */
	struct weft_job_later flight_put;
	struct weft_job_later abort_put;
	struct weft_job_later sync_put;
};

#define to_weft_job(s) container_of(s, struct weft_job, sched)

/* job.c */
struct weft_job *weft_job_alloc(struct weft_client *client);
void weft_job_get(struct weft_job *job);
void weft_job_put(struct weft_job *job);
void weft_job_put_deferred(struct weft_job *job);
void weft_job_put_later(struct weft_job_later *later);
/* drop what weft_job_put_later() left; may sleep */
void weft_job_release(struct weft_pool *pool);
void weft_job_put_abort(struct weft_job *job);
void weft_job_release_work(struct work_struct *work);
void weft_job_release_soon(struct work_struct *work);
/* the one end of every job; process context, no locks held */
void weft_job_retire(struct weft_job *job);
/* @job ends with @error from BINDING or BOUND (its holds are given back first) */
void weft_job_fail(struct weft_job *job, int error);
/* @job goes back to READY from BINDING or BOUND */
void weft_job_return(struct weft_job *job, enum weft_return_reason why);
/* @job ends with @error from WAITING or READY; pool->lock held, retirement follows */
void weft_job_end_locked(struct weft_job *job, int error);
/*
 * devices that may run @job as things stand; pool->topology held
 * @why: out, -ENODEV or -ENOSPC if there is none
 */
u64 weft_job_devices(struct weft_job *job, int *why);
/* may @job run again after its device was lost? */
bool weft_job_repeatable(struct weft_job *job);
int weft_job_cancel(struct weft_job *job, int error);
/*
 * Bind @job at once if that takes neither time nor memory: everything is resident, the image is
 * loaded. False: nothing has happened, a bind worker has to see to it.
 */
bool weft_job_bind_try(struct weft_job *job);
void weft_job_bind_work(struct work_struct *work);
/*
 * BINDING -> BOUND: choose the engine and work out the deadline; pool->lock held. -EAGAIN: a job
 * that it follows has left the device
 */
int weft_job_bound_locked(struct weft_job *job);
int weft_ioctl_job_query(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_job_cancel(struct drm_device *drm, void *data, struct drm_file *file);

/* a reference, or NULL */
struct weft_record *weft_record_lookup(struct weft_client *client, u64 id);
void weft_record_put(struct weft_record *record);
struct weft_job *weft_job_find(struct weft_client *client, u64 id, int *error);
/* the record of job @id, which is DONE or never was, goes */
void weft_record_forget(struct weft_client *client, u64 id);

/* submit.c */
int weft_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

/* syncobj.c */
int weft_sync_dep(struct weft_pool *pool, struct drm_file *file, u32 handle, u64 point,
		  struct weft_job **from, struct dma_fence **fence);
int weft_sync_prepare(struct weft_job *job, struct drm_file *file,
		      const struct drm_weft_out_sync *out, u32 count);
int weft_sync_promise(struct weft_job *job);
void weft_sync_arm(struct weft_job *job);
void weft_sync_publish(struct weft_job *job);
void weft_sync_publish_early(struct weft_job *job);
void weft_sync_withdraw_job(struct weft_job *job);
void weft_sync_free(struct weft_job *job);

/* uaccess.c */
/* one element of a caller's array: cut or zero-padded to @stride */
int weft_copy_element(u64 array, u32 index, u32 stride, const void *element, size_t size);
/* copy in an array of elements that may be longer than ours; the excess must be zero */
int weft_copy_array(void *to, size_t size, u64 from, u32 count, u32 stride);

/* query.c */
int weft_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file);

static inline u64 weft_now(void)
{
	return ktime_get_ns();
}

#endif /* WEFT_CORE_H */
