// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: leases
 *
 * A lease is a job that a client runs itself, with the vendor's runtime: it is placed, ordered and
 * charged as any job, takes a place of an engine as any run, and ends when its client leaves.
 *
 * The deadline of the run is its quantum. When that is over the scheduler says whether the lease
 * goes on (scheduler/lease.c). If not its holder is asked to leave and has the grace for it. Who
 * does not is stopped as the operator wants it; the lease is void, and the place the next one's. A
 * process that is killed is waited for, as long as another grace: when it is gone its driver has
 * ended what it had started. One that is stopped is not, and may have something there still.
 *
 * The holder is the process that submitted the lease. That any process with the file can leave for
 * it is what files are for; when the holder is gone the lease ends at the next look.
 *
 * Charged is the time for which a lease was held. What its client reports is kept in the record and
 * believed in nothing.
 *
 * Rejected: events through read() (a waiting thread is needed in any case, since it is the one that
 * leaves while the program computes); charging what is reported; waiting for the process in the
 * ioctl of whoever is next.
 */
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "core.h"

/* What leases of one tenant have in common, for learned times; see weft_job.sched.kernel. */
#define WEFT_LEASE_KEY	0x77656674206c6561ull

static const char * const weft_overuse_names[] = {
	[WEFT_OVERUSE_CHARGE] = "charge",
	[WEFT_OVERUSE_STOP] = "stop",
	[WEFT_OVERUSE_KILL] = "kill",
};

const char *weft_overuse_name(u32 overuse)
{
	return overuse < WEFT_OVERUSE_COUNT ? weft_overuse_names[overuse] : NULL;
}

void weft_leases_init(struct weft_device *wdev)
{
	wdev->leases.quantum_ns = WEFT_LEASE_QUANTUM_DEFAULT;
	wdev->leases.grace_ns = WEFT_LEASE_GRACE_DEFAULT;
	wdev->leases.overuse = WEFT_OVERUSE_KILL;
}

/* ------------------------------------------------------------------- SUBMIT */

int weft_lease_init(struct weft_job *job, const struct drm_weft_job *args)
{
	if (args->program || args->kernel || args->flags & ~DRM_WEFT_JOB_RUN_ANYWAY ||
	    args->args_size || args->reloc_count || args->buffer_count || args->image_mask ||
	    args->size || args->grid[0] != 1 || args->grid[1] != 1 || args->grid[2] != 1)
		return -EINVAL;
	if (args->timeout_ns && (args->timeout_ns < WEFT_LEASE_QUANTUM_MIN ||
				 args->timeout_ns > WEFT_LEASE_QUANTUM_MAX))
		return -EINVAL;
	job->lease = kzalloc(sizeof(*job->lease), GFP_KERNEL_ACCOUNT);
	if (!job->lease)
		return -ENOMEM;
	job->lease->holder = get_pid(task_tgid(current));
	job->sched.lease = true;
	job->sched.kernel = WEFT_LEASE_KEY ^ ((u64)job->client->account->sched.id << 32);
	return 0;
}

void weft_lease_free(struct weft_job *job)
{
	if (!job->lease)
		return;
	put_pid(job->lease->holder);
	kfree(job->lease);
}

/* ------------------------------------------------------------ its time runs */

u64 weft_lease_quantum(struct weft_job *job)
{
	u64 most = READ_ONCE(job->wdev->leases.quantum_ns);

	job->lease->quantum_ns = min(job->timeout_ns ?: most, most);
	return job->lease->quantum_ns;
}

int weft_lease_grant(struct weft_job *job)
{
	struct weft_device *wdev = job->engine->wdev;

	lockdep_assert_held(&job->engine->lock);
	job->lease->epoch = atomic64_inc_return(&wdev->leases.granted);
	/* pairs with weft_lease_read(): whoever sees it granted sees what was granted */
	smp_store_release(&job->lease->state, DRM_WEFT_LEASE_HELD);
	wake_up_all(&job->client->wait);
	return 0;
}

void weft_lease_began_locked(struct weft_job *job)
{
	struct weft_device_leases *leases = &job->wdev->leases;

	lockdep_assert_held(&job->pool->lock);
	leases->job = job->sched.id;
	leases->client = job->client->sched.id;
	leases->tenant = job->client->account->sched.id;
}

void weft_lease_over_locked(struct weft_job *job)
{
	struct weft_device_leases *leases = &job->wdev->leases;

	lockdep_assert_held(&job->pool->lock);
	if (leases->job != job->sched.id)
		return;
	leases->job = 0;
	leases->client = 0;
	leases->tenant = 0;
}

/* Does a thread of the process still run? A zombie that nobody reaps is gone all the same. */
static bool weft_lease_alive(const struct weft_lease *lease)
{
	struct task_struct *task;
	bool alive;

	rcu_read_lock();
	task = pid_task(lease->holder, PIDTYPE_TGID);
	alive = task && atomic_read(&task->signal->live);
	rcu_read_unlock();
	return alive;
}

/* Look again in @ns. */
static void weft_lease_arm(struct weft_job *job, u64 now, u64 ns)
{
	job->run.timeout_ns = now - job->start_ns + ns;
	weft_job_arm(job, ns);
}

/* It is held, and its quantum over. */
static void weft_lease_settle(struct weft_job *job, struct weft_device *wdev, u64 now)
{
	struct weft_lease *lease = job->lease;
	struct weft_pool *pool = job->pool;
	int on;

	spin_lock(&pool->lock);
	/* an error: the pump has not heard yet that it began, and asks nobody to leave so soon */
	on = weft_sched_lease_extend(&pool->sched, &job->sched, now - job->start_ns,
				     lease->quantum_ns, now);
	spin_unlock(&pool->lock);
	if (!on) {
		lease->until_ns = now + READ_ONCE(wdev->leases.grace_ns);
		/* pairs with weft_lease_read() */
		smp_store_release(&lease->state, DRM_WEFT_LEASE_YIELD);
		wake_up_all(&job->client->wait);
	}
	weft_lease_arm(job, now, lease->quantum_ns);
}

/* It was not left in time. Return: the place is kept a while longer. */
static bool weft_lease_punish(struct weft_job *job, struct weft_device *wdev, u64 now)
{
	struct weft_lease *lease = job->lease;
	u32 overuse = READ_ONCE(wdev->leases.overuse);

	if (lease->killed)
		return false;
	if (overuse == WEFT_OVERUSE_CHARGE)
		return true;
	dev_notice_ratelimited(&wdev->dev, "lease %llu of tenant %s is overstayed: process %d is %s\n",
			       job->sched.id, weft_account_name(job->client->account),
			       pid_nr(lease->holder),
			       overuse == WEFT_OVERUSE_KILL ? "killed" : "stopped");
	atomic64_inc(&wdev->leases.revoked);
	if (overuse == WEFT_OVERUSE_STOP) {
		kill_pid(lease->holder, SIGSTOP, 1);
		return false;
	}
	WRITE_ONCE(lease->killed, true);
	kill_pid(lease->holder, SIGKILL, 1);
	lease->until_ns = now + READ_ONCE(wdev->leases.grace_ns);
	wake_up_all(&job->client->wait);
	return true;
}

static bool weft_lease_goes_on(struct weft_job *job, struct weft_device *wdev, u64 now)
{
	struct weft_lease *lease = job->lease;

	if (!weft_lease_alive(lease))
		return false;
	if (lease->state == DRM_WEFT_LEASE_HELD) {
		weft_lease_settle(job, wdev, now);
		return true;
	}
	if (now >= lease->until_ns && !weft_lease_punish(job, wdev, now))
		return false;
	weft_lease_arm(job, now, lease->quantum_ns);
	return true;
}

void weft_lease_due(struct weft_job *job, struct weft_device *wdev, int cancel)
{
	struct weft_lease *lease = job->lease;
	int error = cancel;

	lockdep_assert_held(&wdev->stop_lock);
	if (atomic_read(&job->run_state) != WEFT_RUN_RUNNING)
		return;
	if (!cancel) {
		if (weft_lease_goes_on(job, wdev, weft_now()))
			return;
		error = lease->killed || weft_lease_alive(lease) ? -ETIME : -ECANCELED;
	}
	if (atomic_cmpxchg(&job->run_state, WEFT_RUN_RUNNING, WEFT_RUN_TAKEN) == WEFT_RUN_RUNNING)
		weft_engine_end_taken(job, error);
}

/* ------------------------------------------------------------------- ioctls */

/* @job: NULL if it is DONE */
static void weft_lease_read(const struct weft_job *job, struct drm_weft_lease_wait *out)
{
	const struct weft_lease *lease;
	int run;

	out->state = DRM_WEFT_LEASE_ENDED;
	out->epoch = 0;
	out->quantum_ns = 0;
	out->grace_ns = 0;
	out->granted_ns = 0;
	out->device = WEFT_SCHED_NO_DEVICE;
	if (!job)
		return;
	lease = job->lease;
	/* pairs with weft_lease_grant() */
	out->state = smp_load_acquire(&lease->state);
	if (out->state == DRM_WEFT_LEASE_WAITING)
		return;
	out->epoch = lease->epoch;
	out->quantum_ns = lease->quantum_ns;
	out->grace_ns = READ_ONCE(job->engine->wdev->leases.grace_ns);
	out->granted_ns = job->start_ns;
	out->device = job->last_device;
	run = atomic_read(&job->run_state);
	if (run != WEFT_RUN_RUNNING || READ_ONCE(lease->killed))
		out->state = DRM_WEFT_LEASE_ENDED;
}

static int weft_lease_look(struct weft_client *client, struct drm_weft_lease_wait *out)
{
	struct weft_record *record = weft_record_lookup(client, out->job_id);
	int ret = 0;

	if (!record)
		return -ENOENT;
	if (record->lease) {
		spin_lock(&client->record_lock);
		weft_lease_read(record->job, out);
		spin_unlock(&client->record_lock);
	} else {
		ret = -EINVAL;
	}
	weft_record_put(record);
	return ret;
}

int weft_ioctl_lease_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_lease_wait *args = data;
	struct drm_weft_lease_wait now = *args;
	int ret, found = 0;

	if (args->flags || args->known > DRM_WEFT_LEASE_YIELD)
		return -EINVAL;
	ret = weft_wait_until(&client->wait, args->timeout_ns,
			      (found = weft_lease_look(client, &now)) || now.state != args->known);
	if (found)
		return found;
	if (!ret || ret == -ETIME)
		*args = now;
	return ret;
}

int weft_ioctl_lease_leave(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_lease_leave *args = data;
	struct drm_weft_lease_wait now = { .job_id = args->job_id };
	struct weft_job *job;
	int ret, error;

	if (args->flags || args->pad)
		return -EINVAL;
	ret = weft_lease_look(client, &now);
	if (ret)
		return ret;
	job = weft_job_find(client, args->job_id, &error);
	if (IS_ERR(job))
		return PTR_ERR(job);
	if (!job)
		return -EALREADY;
	ret = -EALREADY;
	/* nothing of the lease is read if it is: no barrier is needed */
	if (READ_ONCE(job->lease->state) == DRM_WEFT_LEASE_WAITING)
		ret = -EAGAIN;
	else if (!READ_ONCE(job->lease->killed) &&
		 atomic_cmpxchg(&job->run_state, WEFT_RUN_RUNNING, WEFT_RUN_TAKEN) ==
		 WEFT_RUN_RUNNING)
		ret = 0;
	if (!ret) {
		job->lease->launches = args->launches;
		job->lease->device_ns = min(args->device_ns, weft_now() - job->start_ns);
		weft_engine_end_taken(job, 0);
		weft_pump_inline(client);
	}
	weft_job_put(job);
	return ret;
}
