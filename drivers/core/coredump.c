// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: device coredumps
 *
 * When a run hangs, and before a device is reset, what is known of the device is written down as
 * text for /sys/class/devcoredump: which job, whose, what the engines hold, how the last runs
 * ended, the sensors, and what the backend has to add. No byte of a buffer and no argument is in
 * it. The kernel keeps one dump per device, until somebody writes to it or five minutes have
 * passed; the next ones are dropped meanwhile, so a device that fails all the time costs nothing.
 *
 * It is written into memory of the device's own, because jobs wait for what comes next, and given
 * to the kernel, which allocates, when that is over. So it shows a moment after the job's end.
 *
 * The dump belongs to the parent, the device that the backend drives: it names the hardware, and a
 * dump that nobody has read must not keep a weft device, and with it the module, from going.
 *
 * Rejected: a format for programs (what is in it is for whoever has to find out why; what programs
 * need is in sysfs and QUERY); a dump at a loss (there is nothing to ask any more).
 */
#include <linux/devcoredump.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <drm/drm_print.h>

#include "core.h"
#include "../memory/memory.h"

#define WEFT_DUMP_SIZE	SZ_64K

static void weft_dump_head(struct weft_device *wdev, struct weft_job *job, const char *why,
			   struct drm_printer *p)
{
	struct weft_device_health *h = &wdev->health;

	drm_printf(p, "weft device dump 1\n");
	drm_printf(p, "reason: %s\n", why);
	drm_printf(p, "kernel: %s\n", init_utsname()->release);
	drm_printf(p, "time_ns: %llu\n", weft_now());
	drm_printf(p, "device: %s\n", dev_name(&wdev->dev));
	drm_printf(p, "hardware: %s\n", dev_name(wdev->dev.parent));
	drm_printf(p, "backend: %s\n", wdev->ops->owner ? module_name(wdev->ops->owner) : "?");
	drm_printf(p, "vendor: %s\nmodel: %s\n", wdev->desc.vendor, wdev->desc.model);
	drm_printf(p, "pool: %s\nid: %u\n", wdev->pool->name, wdev->sched.id);
	drm_printf(p, "health: %s\n", weft_health_name(READ_ONCE(h->state)));
	drm_printf(p, "errors: %lld\ntimeouts: %lld\nslow_runs: %lld\nresets: %lld\n"
		   "resets_failed: %lld\n", (s64)atomic64_read(&h->errors),
		   (s64)atomic64_read(&h->timeouts), (s64)atomic64_read(&h->slow_runs),
		   (s64)atomic64_read(&wdev->resets), (s64)atomic64_read(&h->resets_failed));
	if (!job)
		return;
	drm_printf(p, "job: %llu\ntenant: %s\nclient: %llu\nengine: %u\nkernel_index: %u\n",
		   job->sched.id, weft_account_name(job->client->account), job->client->sched.id,
		   job->run.engine, job->kernel);
	drm_printf(p, "program: %016llx\nran_ns: %llu\ntimeout_ns: %llu\nbuffers: %u\n",
		   job->program->digest, weft_now() - job->start_ns, job->run.timeout_ns,
		   job->buffer_count);
}

static void weft_dump_engine(struct weft_engine *engine, struct drm_printer *p)
{
	struct weft_job *job;

	spin_lock_irq(&engine->lock);
	drm_printf(p, "engine %u: %s, credits %u, %s\n", engine->index,
		   engine->kind == WEFT_ENGINE_COMPUTE ? "compute" : "copy", engine->credits,
		   engine->stopped ? "stopped" : "open");
	list_for_each_entry(job, &engine->running, engine_node)
		drm_printf(p, "  running: job %llu since %llu\n", job->sched.id, job->start_ns);
	list_for_each_entry(job, &engine->bound, engine_node)
		drm_printf(p, "  bound: job %llu\n", job->sched.id);
	list_for_each_entry(job, &engine->waiting, engine_node)
		drm_printf(p, "  waits for fences: job %llu\n", job->sched.id);
	spin_unlock_irq(&engine->lock);
}

static void weft_dump_last(struct weft_device *wdev, struct drm_printer *p)
{
	struct weft_device_health *h = &wdev->health;
	u64 i;

	spin_lock(&wdev->pool->lock);
	i = h->last_count > WEFT_HEALTH_LAST ? h->last_count - WEFT_HEALTH_LAST : 0;
	for (; i < h->last_count; i++) {
		const struct weft_last_run *r = &h->last[i % WEFT_HEALTH_LAST];

		drm_printf(p, "last: job %llu tenant %u engine %u kernel %u start %llu busy %llu "
			   "error %d code %u\n", r->job_id, r->tenant, r->engine, r->kernel,
			   r->start_ns, r->busy_ns, r->error, r->code);
	}
	spin_unlock(&wdev->pool->lock);
}

static void weft_dump_sensors(struct weft_device *wdev, struct drm_printer *p)
{
	struct weft_telemetry t;

	if (weft_telemetry_read(wdev, &t))
		return;
	if (t.valid & WEFT_TELEMETRY_TEMP)
		drm_printf(p, "temp_mc: %d\n", t.temp_mc);
	if (t.valid & WEFT_TELEMETRY_POWER)
		drm_printf(p, "power_uw: %llu\n", t.power_uw);
	if (t.valid & WEFT_TELEMETRY_ENERGY)
		drm_printf(p, "energy_uj: %llu\n", t.energy_uj);
	if (t.valid & WEFT_TELEMETRY_FREQ)
		drm_printf(p, "freq_hz: %llu\n", t.freq_hz);
}

static void weft_dump_print(struct drm_printer *p, struct va_format *vaf)
{
	struct weft_device *wdev = p->arg;

	wdev->dump_used += scnprintf(wdev->dump + wdev->dump_used, WEFT_DUMP_SIZE - wdev->dump_used,
				     "%pV", vaf);
}

int weft_coredump_init(struct weft_device *wdev)
{
	wdev->dump = vmalloc(WEFT_DUMP_SIZE);
	return wdev->dump ? 0 : -ENOMEM;
}

void weft_coredump_fini(struct weft_device *wdev)
{
	vfree(wdev->dump);
}

/* Give away what weft_coredump() has left. Under wdev->reset_lock. */
void weft_coredump_send(struct weft_device *wdev)
{
	size_t used;
	char *text;

	lockdep_assert_held(&wdev->reset_lock);
	mutex_lock(&wdev->stop_lock);
	used = wdev->dump_used;
	mutex_unlock(&wdev->stop_lock);
	if (!used)
		return;
	/* nobody writes there as long as it is not given away */
	text = vmalloc(used);
	if (text) {
		memcpy(text, wdev->dump, used);
		dev_coredumpv(wdev->dev.parent, text, used, GFP_KERNEL);
	}
	mutex_lock(&wdev->stop_lock);
	wdev->dump_used = 0;
	mutex_unlock(&wdev->stop_lock);
}

/**
 * weft_coredump() - leave a dump of a device behind
 * @wdev: device
 * @job: the job that is to blame, or NULL
 * @why: in words
 *
 * Context: process, under wdev->stop_lock, before the device is touched. Nothing is allocated. If
 * the last one has not been given away yet, this one is not made.
 */
void weft_coredump(struct weft_device *wdev, struct weft_job *job, const char *why)
{
	struct drm_printer p = { .printfn = weft_dump_print, .arg = wdev };
	struct weft_region *region = wdev->region;
	u32 i;

	lockdep_assert_held(&wdev->stop_lock);
	if (wdev->dump_used)
		return;
	weft_dump_head(wdev, job, why, &p);
	for (i = 0; i < wdev->desc.engine_count; i++)
		weft_dump_engine(&wdev->engines[i], &p);
	weft_dump_last(wdev, &p);
	if (region)
		drm_printf(&p, "memory: %llu used %lld quarantined %lld\n", region->size,
			   (s64)atomic64_read(&region->used),
			   (s64)atomic64_read(&region->quarantined));
	weft_dump_sensors(wdev, &p);
	if (wdev->ops->dump) {
		drm_printf(&p, "backend says:\n");
		wdev->ops->dump(wdev, &p);
	}
	queue_work(wdev->pool->bind_wq, &wdev->after_work);
}
