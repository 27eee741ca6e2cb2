/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: weft_sim
 *
 * Two objects. A &struct weft_sim_directory is a configfs directory: what the operator wants, the
 * faults to inject and the counters. While the attribute enabled is 1 it owns a
 * &struct weft_sim_device: the "hardware", with memory, engines and link channels, and the
 * registration with weft. The hardware never outlives the directory.
 *
 * Locks, outer first:
 *   weft_sim_directory.lock	mutex; configuration and the state of the device's registration.
 *				Never held while a device is being drained.
 *   core's engine lock		held by the core around run()
 *   weft_sim_device.lock	spinlock, taken with interrupts off; slots and channels. Never held
 *				while the core is called: a completion makes the core call run().
 *   weft_sim_faults.lock	spinlock; which run or copy is the next to fail
 */
#ifndef WEFT_SIM_H
#define WEFT_SIM_H

#include <linux/configfs.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <weft/backend.h>

#include "kernels.h"

struct platform_device;

#define WEFT_SIM_NAME_LEN	DRM_WEFT_NAME_LEN
#define WEFT_SIM_MAX_ENGINES	(WEFT_MAX_ENGINES - WEFT_SIM_COPY_ENGINES)
#define WEFT_SIM_MAX_CREDITS	64
#define WEFT_SIM_COPY_ENGINES	2	/* one per direction of the link */
#define WEFT_SIM_INF		U64_MAX	/* speed or bandwidth: takes no time */

/* Modelled times are capped here, so that no sum of them overflows. */
#define WEFT_SIM_MAX_NS		((u64)NSEC_PER_SEC * 86400)

/**
 * struct weft_sim_config - what a device is, as configured
 * @dev_class: &enum drm_weft_class
 * @vendor: vendor's name
 * @model: model's name
 * @isas: accepted instruction sets, best first; unused ones are empty
 * @engines: compute engines
 * @credits: runs at once on each of them
 * @memory: bytes
 * @numa_node: host node, or NUMA_NO_NODE
 * @speed: per operation, work units per microsecond, or WEFT_SIM_INF
 * @bandwidth: MB/s to the device and to the host, or WEFT_SIM_INF; indexed by weft_copy_kind
 * @link_latency: ns
 * @link_kind: "pcie", ...
 * @power_idle: mW
 * @power_busy: mW with all credits in use
 * @price: 1024 is the unit
 * @dilation: modelled times are multiplied by it
 * @early: 1: the device may run early jobs
 */
struct weft_sim_config {
	u32 dev_class;
	char vendor[WEFT_SIM_NAME_LEN];
	char model[WEFT_SIM_NAME_LEN];
	char isas[WEFT_MAX_ISAS][WEFT_SIM_NAME_LEN];
	u32 engines;
	u32 credits;
	u64 memory;
	int numa_node;
	u64 speed[WEFT_SIM_OP_COUNT];
	u64 bandwidth[2];
	u64 link_latency;
	char link_kind[WEFT_SIM_NAME_LEN];
	u32 power_idle;
	u32 power_busy;
	u32 price;
	u32 dilation;
	u32 early;
};

/** enum weft_sim_fault - what can be made to go wrong */
enum weft_sim_fault {
	WEFT_SIM_FAULT_HANG,
	WEFT_SIM_FAULT_ERROR,
	WEFT_SIM_FAULT_WRONG_ORDER,
	WEFT_SIM_FAULT_SLOW,
	WEFT_SIM_FAULT_VANISH,
	WEFT_SIM_FAULT_COPY_ERROR,
	WEFT_SIM_FAULT_COPY_HANG,
	WEFT_SIM_FAULT_ABORT_FAILS,
	WEFT_SIM_FAULT_RESET_FAILS,
	WEFT_SIM_FAULT_WRITE_AFTER_ABORT,
	WEFT_SIM_FAULT_COUNT
};

/** struct weft_sim_faults - faults to inject */
struct weft_sim_faults {
	/** @lock: protects everything below */
	spinlock_t lock;
	/** @left: how often each fault is still to happen, -1 always; SLOW: the factor */
	s64 left[WEFT_SIM_FAULT_COUNT];
	/** @every: one in so many runs or copies is picked */
	u64 every;
	/** @after: runs or copies that are let through first */
	u64 after;
	/** @runs: runs seen since a file was written */
	u64 runs;
	/** @copies: copies seen since then */
	u64 copies;
	/** @armed: some @left is not 0; read without the lock by the null device */
	bool armed;
};

/** struct weft_sim_stats - counters since the device was enabled */
struct weft_sim_stats {
	atomic64_t runs;
	atomic64_t late_runs;
	atomic64_t late_ns;
	atomic64_t busy_ns;
	atomic64_t copies;
	atomic64_t late_copies;
	atomic64_t bytes;
};

/** enum weft_sim_state - the device behind a directory */
enum weft_sim_state {
	WEFT_SIM_OFF,
	WEFT_SIM_ON,
	WEFT_SIM_LEAVING,	/* being unregistered, without @lock held */
};

/** struct weft_sim_directory - one directory below weft_sim/ */
struct weft_sim_directory {
	struct config_group group;
	struct config_group fault_group;
	struct config_group stats_group;
	/** @lock: protects @config, @profile, @state and @device */
	struct mutex lock;
	struct weft_sim_config config;
	const char *profile;
	enum weft_sim_state state;
	struct weft_sim_device *device;
	/** @settled: woken when @state leaves LEAVING */
	wait_queue_head_t settled;
	/** @vanish_work: takes out a device that has vanished */
	struct work_struct vanish_work;
	struct weft_sim_faults faults;
	struct weft_sim_stats stats;
};

/** enum weft_sim_slot_state - what an engine's credit is doing */
enum weft_sim_slot_state {
	WEFT_SIM_SLOT_IDLE,
	WEFT_SIM_SLOT_COMPUTING,	/* the work item owns the run */
	WEFT_SIM_SLOT_WAITING,		/* computed; the timer ends it */
	WEFT_SIM_SLOT_HELD,		/* due, but held back to come out of order */
	WEFT_SIM_SLOT_HUNG,		/* never ends by itself */
};

/** struct weft_sim_slot - one credit of an engine; protected by the device's lock */
struct weft_sim_slot {
	struct weft_sim_engine *engine;
	struct list_head node;		/* in &weft_sim_engine.idle */
	struct work_struct work;
	struct hrtimer timer;
	enum weft_sim_slot_state state;
	bool stop;			/* the computation is to end; read without the lock */
	bool reorder;			/* hold it back when it is due */
	struct weft_run *run;
	struct weft_sim_launch launch;	/* stable while COMPUTING */
	int error;
	u32 code;
	ktime_t start;
	ktime_t due;
	u64 model_ns;
	u64 busy_ns;
	bool late;
};

/** struct weft_sim_engine - one compute engine; protected by the device's lock */
struct weft_sim_engine {
	struct weft_sim_device *device;
	struct list_head queue;		/* runs that wait for a credit */
	struct list_head idle;		/* slots */
	u32 slot_count;
	struct weft_sim_slot *slots;
};

/* Copies use one channel per &enum weft_copy_kind; a clear has the memory's own bandwidth. */
#define WEFT_SIM_CHANNELS	3

/** struct weft_sim_channel - a direction of the link, or the memory; protected by device's lock */
struct weft_sim_channel {
	struct weft_sim_device *device;
	struct list_head queue;
	struct work_struct work;
	struct hrtimer timer;
	struct weft_copy *copy;		/* under way */
	bool moving;			/* the work item owns it */
	ktime_t due;
};

/** struct weft_sim_device - the hardware behind an enabled directory */
struct weft_sim_device {
	struct weft_sim_directory *directory;
	struct platform_device *pdev;
	struct weft_device *wdev;
	struct weft_sim_memory memory;
	int id;

	/* fixed while enabled */
	bool null;			/* every speed is infinite */
	u64 speed[WEFT_SIM_OP_COUNT];
	u32 dilation;
	u32 power_idle;
	u32 power_busy;
	u32 engine_count;
	u32 slot_total;
	struct weft_sim_engine engines[WEFT_SIM_MAX_ENGINES];

	/** @lock: protects what follows, the engines, slots and channels */
	spinlock_t lock;
	struct weft_sim_channel channels[WEFT_SIM_CHANNELS];
	u64 bandwidth[2];
	u64 link_latency;
	bool gone;			/* vanished: nothing answers any more */
	bool draining;			/* leaving in order */
	int halted;			/* errno for copies while everything is stopped */
	u32 active;			/* slots that are not idle */
	u64 active_ns;			/* slot time used until @active_since */
	ktime_t active_since;
	s64 heat_uc;			/* above idle at @active_since, u degrees */
	ktime_t registered;
	struct weft_sim_slot *held;	/* the slot that is HELD */
	struct list_head endings;	/* completions of runs being delivered */
	u32 finishing;			/* completions of copies being delivered */
	struct list_head late_writes;	/* see fault write_after_abort */
	/** @quiet: woken when a slot, a channel or an ending is gone */
	wait_queue_head_t quiet;
};

/* main.c */
extern struct workqueue_struct *weft_sim_wq;

/* directory.c */
extern struct configfs_subsystem weft_sim_subsystem;
int weft_sim_directory_enable(struct weft_sim_directory *dir);
void weft_sim_directory_disable(struct weft_sim_directory *dir);
int weft_sim_directory_vanish(struct weft_sim_directory *dir);

static inline struct weft_sim_directory *to_weft_sim_directory(struct config_item *item)
{
	return container_of(to_config_group(item), struct weft_sim_directory, group);
}

/* attributes.c */
extern struct configfs_attribute *weft_sim_attrs[];
extern struct configfs_attribute *weft_sim_stats_attrs[];

/* profile.c */
const char *weft_sim_profile_apply(struct weft_sim_config *config, const char *name);

/* fault.c */
extern struct configfs_attribute *weft_sim_fault_attrs[];
void weft_sim_faults_init(struct weft_sim_faults *faults);
bool weft_sim_fault_take(struct weft_sim_faults *faults, enum weft_sim_fault fault);
u32 weft_sim_fault_pick_run(struct weft_sim_faults *faults, u32 *slow);
u32 weft_sim_fault_pick_copy(struct weft_sim_faults *faults);

/* device.c */
struct weft_sim_device *weft_sim_device_create(struct weft_sim_directory *dir);
void weft_sim_device_destroy(struct weft_sim_device *device);
void weft_sim_device_leave(struct weft_sim_device *device);
int weft_sim_device_tune(struct weft_sim_device *device, const struct weft_sim_config *config);
void weft_sim_device_vanish_locked(struct weft_sim_device *device);
u64 weft_sim_time(u64 amount, u64 rate, u64 dilation);

/* engine.c */
int weft_sim_engines_init(struct weft_sim_device *device, u32 credits);
void weft_sim_engines_fini(struct weft_sim_device *device);
void weft_sim_engines_stop_locked(struct weft_sim_device *device);
bool weft_sim_engines_idle_locked(struct weft_sim_device *device);
void weft_sim_late_writes_cancel(struct weft_sim_device *device);
int weft_sim_run(struct weft_device *wdev, struct weft_run *run);
int weft_sim_abort(struct weft_device *wdev, struct weft_run *run);

/* sensors.c */
void weft_sim_sensors_settle_locked(struct weft_sim_device *device);
int weft_sim_telemetry(struct weft_device *wdev, struct weft_telemetry *t);

/* link.c */
void weft_sim_channels_init(struct weft_sim_device *device);
void weft_sim_channels_fini(struct weft_sim_device *device);
void weft_sim_channels_stop(struct weft_sim_device *device, int error);
bool weft_sim_channels_idle_locked(struct weft_sim_device *device);
int weft_sim_copy(struct weft_device *wdev, struct weft_copy *copy);

#endif /* WEFT_SIM_H */
