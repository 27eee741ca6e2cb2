// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: clients
 *
 * A client is made when the node is opened and is separate from its file: jobs hold the client, and
 * closing the file only marks it dead and queues the reaper, which ends what is in flight. Nothing
 * here sleeps on hardware in the close path.
 *
 * The client's tenant is settled at open, from the opener's cgroup and uid: passing the file
 * descriptor on passes the account on, too.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"
#include "../memory/memory.h"

static void weft_client_reap(struct work_struct *work)
{
	struct weft_client *client = container_of(work, struct weft_client, reap_work);
	struct weft_job *job;
	LIST_HEAD(seen);

	/* cancel each once; those that retire meanwhile leave the list by themselves */
	for (;;) {
		spin_lock(&client->record_lock);
		job = list_first_entry_or_null(&client->jobs, struct weft_job, client_node);
		if (job) {
			list_move_tail(&job->client_node, &client->reaped);
			weft_job_get(job);
		}
		spin_unlock(&client->record_lock);
		if (!job)
			break;
		weft_job_cancel(job, -ECANCELED);
		weft_job_put(job);
	}
	weft_pump_retire(client->pool);
	weft_queue_destroy_all(client);
	weft_program_destroy_all(client);
	weft_client_put(client);
}

/* Count an open file, unless the pool is about to go. */
static int weft_client_admit(struct weft_pool *pool)
{
	int ret = 0;

	spin_lock(&pool->lock);
	if (pool->closed) {
		ret = -ENODEV;
	} else {
		pool->files++;
		weft_pool_get(pool);
	}
	spin_unlock(&pool->lock);
	return ret;
}

static void weft_client_dismiss(struct weft_pool *pool)
{
	spin_lock(&pool->lock);
	pool->files--;
	spin_unlock(&pool->lock);
}

int weft_client_open(struct drm_device *drm, struct drm_file *file)
{
	struct weft_pool *pool = to_weft_pool(drm);
	struct weft_client *client;
	int ret;

	ret = weft_client_admit(pool);
	if (ret)
		return ret;
	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client) {
		ret = -ENOMEM;
		goto err;
	}
	kref_init(&client->ref);
	client->pool = pool;
	client->file = file;
	mutex_init(&client->submit_lock);
	spin_lock_init(&client->record_lock);
	xa_init_flags(&client->queues, XA_FLAGS_ALLOC1);
	xa_init_flags(&client->programs, XA_FLAGS_ALLOC1);
	xa_init(&client->records);
	INIT_LIST_HEAD(&client->jobs);
	INIT_LIST_HEAD(&client->reaped);
	INIT_LIST_HEAD(&client->watch_node);
	INIT_WORK(&client->reap_work, weft_client_reap);
	init_waitqueue_head(&client->wait);

	client->account = weft_account_get(pool);
	if (IS_ERR(client->account)) {
		ret = PTR_ERR(client->account);
		kfree(client);
		goto err;
	}
	client->sched.id = atomic64_inc_return(&pool->last_client_id);
	client->sched.tenant = &client->account->sched;
	spin_lock(&pool->lock);
	weft_sched_client_add(&pool->sched, &client->sched, weft_now());
	spin_unlock(&pool->lock);
	file->driver_priv = client;
	return 0;

err:
	weft_client_dismiss(pool);
	weft_pool_put(pool);
	return ret;
}

void weft_client_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;

	weft_health_watch(client, false);
	weft_client_dismiss(client->pool);
	queue_work(client->pool->bind_wq, &client->reap_work);
}

void weft_client_get(struct weft_client *client)
{
	kref_get(&client->ref);
}

static void weft_client_free(struct kref *ref)
{
	struct weft_client *client = container_of(ref, struct weft_client, ref);
	struct weft_pool *pool = client->pool;
	struct weft_record *record;
	unsigned long id;

	spin_lock(&pool->lock);
	WARN_ON(weft_sched_client_remove(&pool->sched, &client->sched, weft_now()));
	spin_unlock(&pool->lock);
	xa_for_each(&client->records, id, record)
		weft_record_put(record);
	xa_destroy(&client->records);
	xa_destroy(&client->queues);
	xa_destroy(&client->programs);
	weft_account_put(client->account);
	mutex_destroy(&client->submit_lock);
	kfree(client);
	weft_pool_put(pool);
}

void weft_client_put(struct weft_client *client)
{
	kref_put(&client->ref, weft_client_free);
}

int weft_ioctl_client_set(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_client_set *args = data;
	char name[DRM_WEFT_NAME_LEN];

	if (args->flags)
		return -EINVAL;
	switch (args->param) {
	case DRM_WEFT_CLIENT_LONG_RUNNING:
		return args->value > 1 ? -EINVAL : args->value ? -EOPNOTSUPP : 0;
	case DRM_WEFT_CLIENT_NAME:
		if (copy_from_user(name, u64_to_user_ptr(args->value), sizeof(name)))
			return -EFAULT;
		if (strnlen(name, sizeof(name)) == sizeof(name))
			return -EINVAL;
		spin_lock(&client->record_lock);
		memcpy(client->name, name, sizeof(name));
		spin_unlock(&client->record_lock);
		return 0;
	case DRM_WEFT_CLIENT_DEVICE_EVENTS:
		if (args->value > 1)
			return -EINVAL;
		weft_health_watch(client, args->value);
		return 0;
	default:
		return -EINVAL;
	}
}
