// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: served devices
 *
 * A device is there from OFFER until its server withdraws it, or is gone and its return is not
 * waited for. Its server hears of the seats that are wanted through read(). Seats that do not
 * answer are given up by a watch that looks at all of them from time to time, and those that have
 * nothing to do retire; both end with the device.
 *
 * A server that dies takes its device with it from a worker: leaving the pool waits for jobs, and a
 * process that exits should not. With RECOVERY_WAIT the worker comes later, or not at all.
 *
 * Rejected: a timer per request (there is one deadline, and nobody minds a quarter of it).
 */
#include <linux/idr.h>
#include <linux/math64.h>
#include <linux/numa.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "serve.h"

#define SERVE_NS_MIN		(1ull * NSEC_PER_MSEC)
#define SERVE_NS_MAX		(600ull * NSEC_PER_SEC)
#define SERVE_RETURN_MAX	(3600ull * NSEC_PER_SEC)
#define SERVE_WATCH_MAX		(HZ / 4)

/* Protects the list of devices and file->device of all; sleeps while a device registers. */
static DEFINE_MUTEX(serve_devices_lock);
static LIST_HEAD(serve_devices);
static DEFINE_IDA(serve_ids);

static void serve_device_free(struct kref *ref)
{
	struct serve_device *device = container_of(ref, struct serve_device, ref);

	put_pid(device->server);
	kfree(device);
}

void serve_device_put(struct serve_device *device)
{
	kref_put(&device->ref, serve_device_free);
}

/* A reference, or NULL. */
struct serve_device *serve_device_find(u32 id)
{
	struct serve_device *device, *found = NULL;

	mutex_lock(&serve_devices_lock);
	list_for_each_entry(device, &serve_devices, node) {
		if (device->id == id) {
			kref_get(&device->ref);
			found = device;
			break;
		}
	}
	mutex_unlock(&serve_devices_lock);
	return found;
}

/* May the calling process become @seat? -EBUSY if it is one of another tenant. */
int serve_device_one_tenant(struct serve_seat *seat)
{
	struct serve_device *device;
	struct serve_seat *other;
	int ret = 0;
	u32 i;

	mutex_lock(&serve_devices_lock);
	list_for_each_entry(device, &serve_devices, node) {
		spin_lock(&device->lock);
		for (i = 0; i < device->offer.seats; i++) {
			other = device->seats[i];
			if (other && other != seat && other->mm == current->mm &&
			    other->tenant != seat->tenant)
				ret = -EBUSY;
		}
		spin_unlock(&device->lock);
	}
	mutex_unlock(&serve_devices_lock);
	return ret;
}

/* -------------------------------------------------------------------- events */

static void serve_event_push_locked(struct serve_device *device, u32 type,
				    struct serve_seat *seat)
{
	u32 count = device->event_tail - device->event_head;
	struct weft_serve_event *event;

	lockdep_assert_held(&device->lock);
	if (count == SERVE_EVENTS) {
		/* the last one says that there were more */
		event = &device->events[(device->event_tail - 1) % SERVE_EVENTS];
		*event = (struct weft_serve_event) { .type = WEFT_SERVE_EVENT_OVERFLOW };
		event->time_ns = ktime_get_ns();
		return;
	}
	event = &device->events[device->event_tail++ % SERVE_EVENTS];
	*event = (struct weft_serve_event) {
		.type = type,
		.seat = seat->index,
		.token = seat->token,
		.time_ns = ktime_get_ns(),
		.tenant = seat->tenant,
		.error = type == WEFT_SERVE_EVENT_LOST ? seat->error : 0,
	};
	memcpy(event->name, seat->name, sizeof(event->name));
}

void serve_device_event(struct serve_device *device, u32 type, struct serve_seat *seat)
{
	spin_lock(&device->lock);
	serve_event_push_locked(device, type, seat);
	spin_unlock(&device->lock);
	wake_up_all(&device->wait);
}

static bool serve_event_pop(struct serve_device *device, struct weft_serve_event *event)
{
	bool there;

	spin_lock(&device->lock);
	there = device->event_tail != device->event_head;
	if (there)
		*event = device->events[device->event_head++ % SERVE_EVENTS];
	spin_unlock(&device->lock);
	return there;
}

static bool serve_event_there(struct serve_device *device)
{
	return READ_ONCE(device->event_tail) != READ_ONCE(device->event_head);
}

ssize_t serve_device_read(struct serve_device *device, struct file *filp, char __user *buf,
			  size_t size)
{
	struct weft_serve_event event;
	size_t done = 0;

	if (size < sizeof(event))
		return -EINVAL;
	while (size - done >= sizeof(event)) {
		if (!serve_event_pop(device, &event)) {
			if (done)
				break;
			if (filp->f_flags & O_NONBLOCK)
				return -EAGAIN;
			if (wait_event_interruptible(device->wait, serve_event_there(device)))
				return -EINTR;
			continue;
		}
		if (copy_to_user(buf + done, &event, sizeof(event)))
			return -EFAULT;
		done += sizeof(event);
	}
	return done;
}

__poll_t serve_device_poll(struct serve_device *device)
{
	return serve_event_there(device) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* --------------------------------------------------------------------- watches */

/* One of its seats for which @pick holds, with a reference; NULL: none. */
static struct serve_seat *serve_device_pick(struct serve_device *device, u32 *from,
					    bool (*pick)(struct serve_seat *, u64), u64 ns)
{
	struct serve_seat *seat = NULL;

	spin_lock(&device->lock);
	for (; *from < device->offer.seats && !seat; (*from)++) {
		seat = device->seats[*from];
		if (seat && pick(seat, ns))
			serve_seat_get(seat);
		else
			seat = NULL;
	}
	spin_unlock(&device->lock);
	return seat;
}

static unsigned long serve_watch_ticks(u64 ns)
{
	return clamp(nsecs_to_jiffies(ns / 4), 1ul, (unsigned long)SERVE_WATCH_MAX);
}

static void serve_device_watch(struct work_struct *work)
{
	struct serve_device *device = container_of(to_delayed_work(work), struct serve_device,
						   watch);
	struct serve_seat *seat;
	u32 from = 0;

	while ((seat = serve_device_pick(device, &from, serve_ring_late,
					 device->offer.answer_ns))) {
		serve_seat_lose(seat, ETIME);
		serve_seat_put(seat);
	}
	queue_delayed_work(serve_wq, &device->watch, serve_watch_ticks(device->offer.answer_ns));
}

static void serve_device_idle(struct work_struct *work)
{
	struct serve_device *device = container_of(to_delayed_work(work), struct serve_device,
						   idle);
	struct serve_seat *seat;
	u32 from = 0;

	while ((seat = serve_device_pick(device, &from, serve_ring_idle,
					 device->offer.idle_ns))) {
		/* may be in use by a job all the same */
		weft_context_retire(device->wdev, seat->index);
		serve_seat_put(seat);
	}
	queue_delayed_work(serve_wq, &device->idle, serve_watch_ticks(device->offer.idle_ns));
}

/* -------------------------------------------------------------------- leaving */

static bool serve_device_claim(struct serve_device *device)
{
	bool claimed;

	spin_lock(&device->lock);
	claimed = !device->leaving;
	WRITE_ONCE(device->leaving, true);
	spin_unlock(&device->lock);
	wake_up_all(&device->wait);
	return claimed;
}

/* The caller has claimed it. */
static void serve_device_leave(struct serve_device *device, bool lost)
{
	cancel_delayed_work_sync(&device->idle);
	weft_device_unregister(device->wdev, lost);
	cancel_delayed_work_sync(&device->watch);
	mutex_lock(&serve_devices_lock);
	list_del(&device->node);
	mutex_unlock(&serve_devices_lock);
	platform_device_unregister(device->pdev);
	ida_free(&serve_ids, device->id);
	complete_all(&device->left);
	serve_device_put(device);
}

static void serve_device_leave_work(struct work_struct *work)
{
	struct serve_device *device = container_of(to_delayed_work(work), struct serve_device,
						   leave_work);
	bool claimed = false;

	/* a server that offers it again may have been faster */
	mutex_lock(&serve_devices_lock);
	if (!device->served)
		claimed = serve_device_claim(device);
	mutex_unlock(&serve_devices_lock);
	if (claimed)
		serve_device_leave(device, true);
}

/* @server: a reference that is the device's now, or NULL */
static void serve_device_set_server(struct serve_device *device, struct pid *server)
{
	spin_lock(&device->lock);
	swap(device->server, server);
	spin_unlock(&device->lock);
	put_pid(server);
}

void serve_device_closed(struct serve_device *device)
{
	bool wait = device->offer.recovery == WEFT_SERVE_RECOVERY_WAIT;

	mutex_lock(&serve_devices_lock);
	serve_device_set_server(device, NULL);
	WRITE_ONCE(device->served, false);
	if (!READ_ONCE(device->leaving))
		queue_delayed_work(serve_wq, &device->leave_work,
				   wait ? nsecs_to_jiffies(device->offer.return_ns) : 0);
	mutex_unlock(&serve_devices_lock);
	wake_up_all(&device->wait);
	serve_device_put(device);
}

int serve_ioctl_withdraw(struct serve_file *file, void __user *arg, size_t size)
{
	struct weft_serve_withdraw withdraw;
	struct serve_device *device;
	int ret;

	ret = serve_copy_in(&withdraw, arg, size);
	if (ret)
		return ret;
	if (withdraw.flags || withdraw.pad)
		return -EINVAL;
	device = READ_ONCE(file->device);
	if (!device)
		return -EPERM;
	/* the file keeps the object until it is closed, which cannot be during this call */
	if (serve_device_claim(device))
		serve_device_leave(device, false);
	else
		wait_for_completion_killable(&device->left);
	return 0;
}

/* The module goes: no file is open, but the return of a server may be waited for. */
void serve_devices_end(void)
{
	struct serve_device *device;

	for (;;) {
		mutex_lock(&serve_devices_lock);
		device = list_first_entry_or_null(&serve_devices, struct serve_device, node);
		if (device)
			kref_get(&device->ref);
		mutex_unlock(&serve_devices_lock);
		if (!device)
			return;
		mod_delayed_work(serve_wq, &device->leave_work, 0);
		wait_for_completion(&device->left);
		/* it may have been under way already, and now be queued again */
		cancel_delayed_work_sync(&device->leave_work);
		serve_device_put(device);
	}
}

/* ---------------------------------------------------------------------- OFFER */

static bool serve_text_ok(const char *text)
{
	return strnlen(text, WEFT_SERVE_NAME_LEN) < WEFT_SERVE_NAME_LEN;
}

static bool serve_ns_ok(u64 *ns, u64 otherwise, u64 max)
{
	if (!*ns)
		*ns = otherwise;
	return *ns >= SERVE_NS_MIN && *ns <= max;
}

/* Numbers that exist, and nothing behind the first that is zero. */
static bool serve_nodes_ok(const struct weft_serve_node *nodes)
{
	bool ended = false;
	u32 i;

	for (i = 0; i < WEFT_SERVE_MAX_NODES; i++) {
		if (nodes[i].major >> (32 - MINORBITS) || nodes[i].minor >> MINORBITS ||
		    (!nodes[i].major && nodes[i].minor) || (ended && nodes[i].major))
			return false;
		ended = !nodes[i].major;
	}
	return true;
}

/* What is wrong with @offer; NULL: nothing that is not the core's to say. Fills in defaults. */
static const char *serve_offer_check(struct weft_serve_offer *offer)
{
	u32 i;

	if (offer->flags || offer->pad || offer->device)
		return "flags, device or pad";
	if (!serve_text_ok(offer->name) || !serve_text_ok(offer->vendor) ||
	    !serve_text_ok(offer->model) || !serve_text_ok(offer->driver) ||
	    !serve_text_ok(offer->runtime) || !serve_text_ok(offer->link))
		return "text without end";
	for (i = 0; i < WEFT_SERVE_MAX_ISAS; i++)
		if (!serve_text_ok(offer->isas[i]))
			return "isas";
	if (!offer->engines || offer->engines > WEFT_SERVE_MAX_ENGINES ||
	    (offer->engines > 1 && (offer->features & WEFT_SERVE_F_EVENTS)))
		return "engines";
	if (!offer->streams || offer->streams > U16_MAX ||
	    (offer->streams > 1 && !(offer->features & WEFT_SERVE_F_EVENTS)))
		return "streams";
	if (!offer->seats || offer->seats > WEFT_SERVE_MAX_SEATS)
		return "seats";
	if (offer->memory > WEFT_SERVE_MEMORY_HANDLES)
		return "memory";
	if (offer->recovery > WEFT_SERVE_RECOVERY_WAIT)
		return "recovery";
	if (offer->numa_node < -1 || offer->numa_node >= MAX_NUMNODES)
		return "numa_node";
	if ((offer->preempt_level >= 1 && !(offer->features & WEFT_SERVE_F_DEACTIVATE)) ||
	    (offer->preempt_level >= 3 && !(offer->features & WEFT_SERVE_F_INTERRUPT)))
		return "preempt_level";
	if (offer->memory_size < SZ_64K || offer->memory_size % SZ_4K ||
	    offer->memory_size > BIT_ULL(48))
		return "memory_size";
	if (!serve_ns_ok(&offer->spawn_ns, 10ull * NSEC_PER_SEC, SERVE_NS_MAX) ||
	    !serve_ns_ok(&offer->answer_ns, 10ull * NSEC_PER_SEC, SERVE_NS_MAX) ||
	    !serve_ns_ok(&offer->return_ns, 30ull * NSEC_PER_SEC, SERVE_RETURN_MAX) ||
	    (offer->idle_ns && offer->idle_ns < SERVE_NS_MIN))
		return "times";
	return serve_nodes_ok(offer->nodes) ? NULL : "nodes";
}

static int serve_device_register(struct serve_device *device)
{
	struct weft_serve_offer *offer = &device->offer;
	struct weft_device_desc desc = {
		.name = offer->name[0] ? offer->name : NULL,
		.vendor = offer->vendor[0] ? offer->vendor : NULL,
		.model = offer->model,
		.dev_class = offer->dev_class,
		.caps = WEFT_CAP_ABORT | WEFT_CAP_SERVED |
			(offer->features & WEFT_SERVE_F_EVENTS ? WEFT_CAP_CHAINS : 0) |
			(offer->features & WEFT_SERVE_F_LEASES ? WEFT_CAP_LEASE : 0),
		.preempt_level = offer->preempt_level,
		.engine_count = offer->engines,
		.memory_size = offer->memory_size * offer->seats,
		.numa_node = offer->numa_node < 0 ? NUMA_NO_NODE : offer->numa_node,
		.link_kind = offer->link[0] ? offer->link : NULL,
		.bandwidth_down = offer->bandwidth_down,
		.bandwidth_up = offer->bandwidth_up,
		.link_latency = offer->latency_ns,
		.price = offer->price,
		.contexts = offer->seats,
	};
	struct weft_device *wdev;
	u32 i;

	for (i = 0; i < WEFT_SERVE_MAX_ISAS && offer->isas[i][0]; i++)
		desc.isas[i] = offer->isas[i];
	for (i = 0; i < offer->engines; i++) {
		desc.engines[i].kind = WEFT_ENGINE_COMPUTE;
		desc.engines[i].credits = offer->credits;
	}
	wdev = weft_device_register(&device->pdev->dev, &desc, &serve_backend_ops, device);
	if (IS_ERR(wdev))
		return PTR_ERR(wdev);
	WRITE_ONCE(device->wdev, wdev);
	strscpy_pad(offer->name, weft_device_name(wdev), sizeof(offer->name));
	return 0;
}

/* Its parent: what tools that walk sysfs look for. */
static int serve_device_parent(struct serve_device *device)
{
	struct platform_device *pdev = platform_device_alloc("weft_serve", device->id);
	int ret;

	if (!pdev)
		return -ENOMEM;
	if (device->offer.numa_node >= 0)
		set_dev_node(&pdev->dev, device->offer.numa_node);
	pdev->dev.groups = serve_device_groups;
	platform_set_drvdata(pdev, device);
	ret = platform_device_add(pdev);
	if (ret) {
		platform_device_put(pdev);
		return ret;
	}
	device->pdev = pdev;
	return 0;
}

static struct serve_device *serve_device_new(const struct weft_serve_offer *offer)
{
	struct serve_device *device;
	int ret;

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return ERR_PTR(-ENOMEM);
	kref_init(&device->ref);
	device->offer = *offer;
	device->served = true;
	device->server = get_pid(task_tgid(current));
	spin_lock_init(&device->lock);
	init_waitqueue_head(&device->wait);
	init_completion(&device->left);
	INIT_DELAYED_WORK(&device->watch, serve_device_watch);
	INIT_DELAYED_WORK(&device->idle, serve_device_idle);
	INIT_DELAYED_WORK(&device->leave_work, serve_device_leave_work);
	/* 0 is what callers who have none say */
	ret = ida_alloc_min(&serve_ids, 1, GFP_KERNEL);
	if (ret < 0)
		goto free;
	device->id = ret;
	device->offer.device = ret;
	ret = serve_device_parent(device);
	if (ret)
		goto put_id;
	/* jobs may come, and want seats, before this returns */
	ret = serve_device_register(device);
	if (ret)
		goto unregister;
	return device;

unregister:
	platform_device_unregister(device->pdev);
put_id:
	ida_free(&serve_ids, device->id);
free:
	serve_device_put(device);
	return ERR_PTR(ret);
}

/*
 * The device of that name whose server is gone and is waited for; NULL: there is none.
 * One that is leaving is not: its name is free as soon as it has left the pool.
 */
static struct serve_device *serve_device_orphan(const struct weft_serve_offer *offer)
{
	struct serve_device *device;

	lockdep_assert_held(&serve_devices_lock);
	list_for_each_entry(device, &serve_devices, node)
		if (offer->name[0] && !device->served && !READ_ONCE(device->leaving) &&
		    !strcmp(device->offer.name, offer->name))
			return device;
	return NULL;
}

/* Its server is back. Who was asked for, and has not come, is asked for again. */
static int serve_device_adopt(struct serve_device *device, const struct weft_serve_offer *offer)
{
	u32 i;

	lockdep_assert_held(&serve_devices_lock);
	if (READ_ONCE(device->leaving) || offer->seats != device->offer.seats ||
	    offer->memory != device->offer.memory ||
	    offer->memory_size != device->offer.memory_size ||
	    offer->features != device->offer.features)
		return -EBUSY;
	cancel_delayed_work(&device->leave_work);
	serve_device_set_server(device, get_pid(task_tgid(current)));
	spin_lock(&device->lock);
	WRITE_ONCE(device->served, true);
	memcpy(device->offer.nodes, offer->nodes, sizeof(offer->nodes));
	device->event_head = device->event_tail;
	for (i = 0; i < device->offer.seats; i++)
		if (device->seats[i] &&
		    READ_ONCE(device->seats[i]->state) == SERVE_SEAT_ASKED)
			serve_event_push_locked(device, WEFT_SERVE_EVENT_SPAWN, device->seats[i]);
	spin_unlock(&device->lock);
	kref_get(&device->ref);
	wake_up_all(&device->wait);
	return 0;
}

static int serve_offer(struct serve_file *file, struct weft_serve_offer *offer)
{
	struct serve_device *device;
	int ret;

	mutex_lock(&serve_devices_lock);
	device = serve_device_orphan(offer);
	ret = device ? serve_device_adopt(device, offer) : 0;
	mutex_unlock(&serve_devices_lock);
	if (ret)
		return ret;
	if (!device) {
		device = serve_device_new(offer);
		if (IS_ERR(device))
			return PTR_ERR(device);
		/* one reference is the device's, one the file's */
		kref_get(&device->ref);
		mutex_lock(&serve_devices_lock);
		list_add_tail(&device->node, &serve_devices);
		mutex_unlock(&serve_devices_lock);
		queue_delayed_work(serve_wq, &device->watch,
				   serve_watch_ticks(device->offer.answer_ns));
		if (device->offer.idle_ns)
			queue_delayed_work(serve_wq, &device->idle,
					   serve_watch_ticks(device->offer.idle_ns));
	}
	*offer = device->offer;
	WRITE_ONCE(file->device, device);
	return 0;
}

int serve_ioctl_offer(struct serve_file *file, void __user *arg, size_t size)
{
	struct weft_serve_offer offer;
	const char *wrong;
	int ret;

	ret = serve_copy_in(&offer, arg, size);
	if (ret)
		return ret;
	if (offer.version != WEFT_SERVE_VERSION)
		return -EPROTO;
	wrong = serve_offer_check(&offer);
	if (wrong) {
		pr_err("weft_serve: device refused: bad %s\n", wrong);
		return -EINVAL;
	}
	if (offer.features & ~SERVE_FEATURES)
		return -EOPNOTSUPP;
	mutex_lock(&file->lock);
	ret = file->device || file->seat ? -EBUSY : serve_offer(file, &offer);
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(arg, &offer, min(size, sizeof(offer))))
		ret = -EFAULT;
	return ret;
}

/* ------------------------------------------------------------ the server's calls */

int serve_ioctl_refuse(struct serve_file *file, void __user *arg, size_t size)
{
	struct serve_device *device = READ_ONCE(file->device);
	struct weft_serve_refuse refuse;
	struct serve_seat *seat = NULL;
	int ret;
	u32 i;

	ret = serve_copy_in(&refuse, arg, size);
	if (ret)
		return ret;
	if (!device)
		return -EPERM;
	if (refuse.pad || !refuse.error || refuse.error > MAX_ERRNO)
		return -EINVAL;
	spin_lock(&device->lock);
	for (i = 0; i < device->offer.seats && !seat; i++) {
		seat = device->seats[i];
		if (seat && seat->token == refuse.token &&
		    READ_ONCE(seat->state) == SERVE_SEAT_ASKED)
			serve_seat_get(seat);
		else
			seat = NULL;
	}
	spin_unlock(&device->lock);
	if (!seat)
		return -ENOENT;
	serve_seat_lose(seat, -serve_error(refuse.error));
	serve_seat_put(seat);
	return 0;
}

int serve_ioctl_telemetry(struct serve_file *file, void __user *arg, size_t size)
{
	struct serve_device *device = READ_ONCE(file->device);
	struct weft_serve_telemetry t;
	int ret;

	ret = serve_copy_in(&t, arg, size);
	if (ret)
		return ret;
	if (!device || !(device->offer.features & WEFT_SERVE_F_TELEMETRY))
		return -EPERM;
	if (t.valid >> 6 || t.pad || t.foreign_permille > 1000 ||
	    (!(t.valid & WEFT_SERVE_TELEMETRY_TEMP) && t.temp_mc) ||
	    (!(t.valid & WEFT_SERVE_TELEMETRY_POWER) && t.power_uw) ||
	    (!(t.valid & WEFT_SERVE_TELEMETRY_ENERGY) && t.energy_uj) ||
	    (!(t.valid & WEFT_SERVE_TELEMETRY_FREQ) && t.freq_hz) ||
	    (!(t.valid & WEFT_SERVE_TELEMETRY_FOREIGN_MEMORY) && t.foreign_bytes) ||
	    (!(t.valid & WEFT_SERVE_TELEMETRY_FOREIGN_LOAD) && t.foreign_permille))
		return -EINVAL;
	spin_lock(&device->lock);
	device->telemetry = t;
	spin_unlock(&device->lock);
	return 0;
}
