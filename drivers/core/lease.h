/* SPDX-License-Identifier: GPL-2.0-only */
/* Leases: what the core's files know of them; see lease.c. */
#ifndef WEFT_LEASE_H
#define WEFT_LEASE_H

#include <linux/atomic.h>
#include <linux/types.h>

struct drm_device;
struct drm_file;
struct drm_weft_job;
struct pid;
struct weft_device;
struct weft_job;
struct weft_run;

#define WEFT_LEASE_QUANTUM_DEFAULT	(20ull * NSEC_PER_MSEC)
#define WEFT_LEASE_QUANTUM_MIN		NSEC_PER_MSEC
#define WEFT_LEASE_QUANTUM_MAX		(10ull * NSEC_PER_SEC)
#define WEFT_LEASE_GRACE_DEFAULT	(5ull * NSEC_PER_SEC)
#define WEFT_LEASE_GRACE_MIN		NSEC_PER_MSEC
#define WEFT_LEASE_GRACE_MAX		(3600ull * NSEC_PER_SEC)

/** enum weft_overuse - what becomes of a process that does not leave */
enum weft_overuse {
	WEFT_OVERUSE_CHARGE,	/* it pays, and keeps the device */
	WEFT_OVERUSE_STOP,	/* SIGSTOP */
	WEFT_OVERUSE_KILL,	/* SIGKILL */
	WEFT_OVERUSE_COUNT
};

/** struct weft_lease - of a job that is one; lives and dies with it */
struct weft_lease {
	/** @holder: the process that submitted it, a reference; constant */
	struct pid *holder;
	/** @state: enum drm_weft_lease_state; stored with release semantics after what follows */
	u32 state;
	/** @epoch: its number on its device */
	u64 epoch;
	/** @quantum_ns: in force; set when it is bound */
	u64 quantum_ns;
	/** @until_ns: end of the grace; under wdev->stop_lock */
	u64 until_ns;
	/** @killed: its process is, and the device is kept until that is gone. WRITE_ONCE */
	bool killed;
	/** @launches: what its holder said, who has ended it */
	u64 launches;
	/** @device_ns: likewise */
	u64 device_ns;
};

/** struct weft_device_leases - of a device */
struct weft_device_leases {
	/** @quantum_ns: longest quantum. WRITE_ONCE */
	u64 quantum_ns;
	/** @grace_ns: time to leave. WRITE_ONCE */
	u64 grace_ns;
	/** @overuse: enum weft_overuse. WRITE_ONCE */
	u32 overuse;
	/** @granted: leases given */
	atomic64_t granted;
	/** @revoked: of these, taken back */
	atomic64_t revoked;
	/** @job: the lease that began last and goes on, 0: none; under pool->lock */
	u64 job;
	/** @client: whose it is; under pool->lock */
	u64 client;
	/** @tenant: likewise */
	u32 tenant;
};

void weft_leases_init(struct weft_device *wdev);
const char *weft_overuse_name(u32 overuse);
/* SUBMIT: @job is a lease as @args say */
int weft_lease_init(struct weft_job *job, const struct drm_weft_job *args);
void weft_lease_free(struct weft_job *job);
/* ns until it is looked at for the first time; @job is being bound */
u64 weft_lease_quantum(struct weft_job *job);
/* in place of &weft_backend_ops.run; engine->lock held */
int weft_lease_grant(struct weft_job *job);
/* in place of &weft_backend_ops.abort, and whenever its time is over; wdev->stop_lock held */
void weft_lease_due(struct weft_job *job, struct weft_device *wdev, int cancel);
/* the pump has heard that it began, or ended; pool->lock held */
void weft_lease_began_locked(struct weft_job *job);
void weft_lease_over_locked(struct weft_job *job);
int weft_ioctl_lease_wait(struct drm_device *drm, void *data, struct drm_file *file);
int weft_ioctl_lease_leave(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* WEFT_LEASE_H */
