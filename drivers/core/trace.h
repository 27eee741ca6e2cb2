/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trace events of weft: what happens to jobs, what is moved, what goes wrong.
 *
 * DOC: trace events
 *
 * Names, fields, their order, types and the text format are an interface: they are documented in
 * Documentation/tracing.rst and frozen by tests/selftests/trace.c. A field is added at the end of
 * its event or not at all. Every event holds numbers and copies of names, nothing that refers to
 * memory of the module, so that a buffer can be read after the module is gone. A time is
 * CLOCK_MONOTONIC in ns, the clock of completion records; a device that does not apply is ~0,
 * other ids are 0.
 *
 * Rejected: events of drm_sched's names (weft does not use it, and a job of weft has a life before
 * it has a device), pointers as identities (they mean nothing outside, and reveal addresses).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM weft

#if !defined(WEFT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WEFT_TRACE_H

#include <linux/tracepoint.h>

#include "../memory/memory.h"
#include "core.h"

#ifndef WEFT_TRACE_KINDS
#define WEFT_TRACE_KINDS
/** enum weft_fault_kind - field kind of the event fault */
enum weft_fault_kind {
	WEFT_FAULT_ERROR,	/* the device ended a run with an error */
	WEFT_FAULT_TIMEOUT,	/* a run overran its deadline */
	WEFT_FAULT_RESET,	/* it is reset: a run could not be aborted, or it was asked for */
	WEFT_FAULT_QUARANTINE,	/* the reset failed: the device is given up */
	WEFT_FAULT_GONE,	/* the backend says that the hardware is gone */
};

/* trace.c: the name of @job's kernel, blanks and what cannot be printed replaced */
void weft_trace_kernel(char name[DRM_WEFT_NAME_LEN], const struct weft_job *job);
#endif

TRACE_DEFINE_ENUM(WEFT_FAULT_ERROR);
TRACE_DEFINE_ENUM(WEFT_FAULT_TIMEOUT);
TRACE_DEFINE_ENUM(WEFT_FAULT_RESET);
TRACE_DEFINE_ENUM(WEFT_FAULT_QUARANTINE);
TRACE_DEFINE_ENUM(WEFT_FAULT_GONE);
TRACE_DEFINE_ENUM(WEFT_COPY_TO_DEVICE);
TRACE_DEFINE_ENUM(WEFT_COPY_TO_HOST);
TRACE_DEFINE_ENUM(WEFT_COPY_CLEAR);

/* SUBMIT took the job. */
TRACE_EVENT(job_queue,
	    TP_PROTO(const struct weft_job *job),
	    TP_ARGS(job),
	    TP_STRUCT__entry(__field(u64, job)
			     __field(u64, client)
			     __field(u32, tenant)
			     __array(char, kernel, DRM_WEFT_NAME_LEN)
			     __field(u32, queue)
			     __field(u32, service)
			     __field(u32, priority)
			     __field(u32, edges)
			     __field(u64, size)
			     __field(u64, submit_ns)),
	    TP_fast_assign(__entry->job = job->sched.id;
			   __entry->client = job->client->sched.id;
			   __entry->tenant = job->client->sched.tenant->id;
			   weft_trace_kernel(__entry->kernel, job);
			   __entry->queue = job->queue->handle;
			   __entry->service = job->sched.service;
			   __entry->priority = job->sched.priority;
			   __entry->edges = job->edge_count;
			   __entry->size = job->sched.size;
			   __entry->submit_ns = job->record->data.submit_ns;),
	    TP_printk("job=%llu client=%llu tenant=%u kernel=%s queue=%u service=%u priority=%u edges=%u size=%llu submit_ns=%llu",
		      __entry->job, __entry->client, __entry->tenant, __entry->kernel,
		      __entry->queue, __entry->service, __entry->priority, __entry->edges,
		      __entry->size, __entry->submit_ns));

/* It may be placed: its last edge closed, or it was given back by a device. */
TRACE_EVENT(job_ready,
	    TP_PROTO(const struct weft_job *job),
	    TP_ARGS(job),
	    TP_STRUCT__entry(__field(u64, job)
			     __field(u64, client)
			     __field(u32, tenant)
			     __array(char, kernel, DRM_WEFT_NAME_LEN)
			     __field(u32, moves)
			     __field(u64, ready_ns)),
	    TP_fast_assign(__entry->job = job->sched.id;
			   __entry->client = job->client->sched.id;
			   __entry->tenant = job->client->sched.tenant->id;
			   weft_trace_kernel(__entry->kernel, job);
			   __entry->moves = job->sched.moves;
			   __entry->ready_ns = job->sched.ready_time;),
	    TP_printk("job=%llu client=%llu tenant=%u kernel=%s moves=%u ready_ns=%llu",
		      __entry->job, __entry->client, __entry->tenant, __entry->kernel,
		      __entry->moves, __entry->ready_ns));

/* A device is chosen; program and buffers are brought there. */
TRACE_EVENT(job_bind,
	    TP_PROTO(const struct weft_job *job),
	    TP_ARGS(job),
	    TP_STRUCT__entry(__field(u64, job)
			     __field(u64, client)
			     __field(u32, tenant)
			     __array(char, kernel, DRM_WEFT_NAME_LEN)
			     __field(u32, device)
			     __field(u32, moves)
			     __field(u64, bind_ns)
			     __field(u64, est_run_ns)),
	    TP_fast_assign(__entry->job = job->sched.id;
			   __entry->client = job->client->sched.id;
			   __entry->tenant = job->client->sched.tenant->id;
			   weft_trace_kernel(__entry->kernel, job);
			   __entry->device = job->wdev->sched.id;
			   __entry->moves = job->sched.moves;
			   __entry->bind_ns = job->bind_ns;
			   __entry->est_run_ns = job->sched.est_run;),
	    TP_printk("job=%llu client=%llu tenant=%u kernel=%s device=%u moves=%u bind_ns=%llu est_run_ns=%llu",
		      __entry->job, __entry->client, __entry->tenant, __entry->kernel,
		      __entry->device, __entry->moves, __entry->bind_ns, __entry->est_run_ns));

/* It is handed to an engine. */
TRACE_EVENT(job_run,
	    TP_PROTO(const struct weft_job *job),
	    TP_ARGS(job),
	    TP_STRUCT__entry(__field(u64, job)
			     __field(u64, client)
			     __field(u32, tenant)
			     __array(char, kernel, DRM_WEFT_NAME_LEN)
			     __field(u32, device)
			     __field(u32, engine)
			     __field(u32, runs)
			     __field(u64, start_ns)
			     __field(u64, timeout_ns)),
	    TP_fast_assign(__entry->job = job->sched.id;
			   __entry->client = job->client->sched.id;
			   __entry->tenant = job->client->sched.tenant->id;
			   weft_trace_kernel(__entry->kernel, job);
			   __entry->device = job->last_device;
			   __entry->engine = job->run.engine;
			   __entry->runs = job->runs;
			   __entry->start_ns = job->start_ns;
			   __entry->timeout_ns = job->run.timeout_ns;),
	    TP_printk("job=%llu client=%llu tenant=%u kernel=%s device=%u engine=%u runs=%u start_ns=%llu timeout_ns=%llu",
		      __entry->job, __entry->client, __entry->tenant, __entry->kernel,
		      __entry->device, __entry->engine, __entry->runs, __entry->start_ns,
		      __entry->timeout_ns));

/* It ended, however it ended; the fields are those of its completion record. */
TRACE_EVENT(job_done,
	    TP_PROTO(const struct weft_job *job),
	    TP_ARGS(job),
	    TP_STRUCT__entry(__field(u64, job)
			     __field(u64, client)
			     __field(u32, tenant)
			     __array(char, kernel, DRM_WEFT_NAME_LEN)
			     __field(u32, device)
			     __field(u32, error)
			     __field(u32, code)
			     __field(u32, runs)
			     __field(u32, moves)
			     __field(u64, submit_ns)
			     __field(u64, ready_ns)
			     __field(u64, bind_ns)
			     __field(u64, start_ns)
			     __field(u64, end_ns)
			     __field(u64, busy_ns)
			     __field(u64, transfer_bytes)),
	    TP_fast_assign(const struct drm_weft_job_record *r = &job->record->data;

			   __entry->job = r->id;
			   __entry->client = job->client->sched.id;
			   __entry->tenant = job->client->sched.tenant->id;
			   weft_trace_kernel(__entry->kernel, job);
			   __entry->device = r->device;
			   __entry->error = r->error;
			   __entry->code = r->code;
			   __entry->runs = r->runs;
			   __entry->moves = r->moves;
			   __entry->submit_ns = r->submit_ns;
			   __entry->ready_ns = r->ready_ns;
			   __entry->bind_ns = r->bind_ns;
			   __entry->start_ns = r->start_ns;
			   __entry->end_ns = r->end_ns;
			   __entry->busy_ns = r->busy_ns;
			   __entry->transfer_bytes = r->transfer_bytes;),
	    TP_printk("job=%llu client=%llu tenant=%u kernel=%s device=%d error=%u code=%u runs=%u moves=%u submit_ns=%llu ready_ns=%llu bind_ns=%llu start_ns=%llu end_ns=%llu busy_ns=%llu transfer_bytes=%llu",
		      __entry->job, __entry->client, __entry->tenant, __entry->kernel,
		      (int)__entry->device, __entry->error, __entry->code, __entry->runs,
		      __entry->moves, __entry->submit_ns, __entry->ready_ns, __entry->bind_ns,
		      __entry->start_ns, __entry->end_ns, __entry->busy_ns,
		      __entry->transfer_bytes));

/* Bytes of a buffer were moved, or device memory was cleared for one. */
TRACE_EVENT(transfer,
	    TP_PROTO(const struct weft_transfer *t),
	    TP_ARGS(t),
	    TP_STRUCT__entry(__field(u32, device)
			     __field(u32, kind)
			     __field(u64, job)
			     __field(u64, client)
			     __field(u32, tenant)
			     __field(u32, error)
			     __field(u64, buffer)
			     __field(u64, size)
			     __field(u64, bytes)
			     __field(u64, start_ns)
			     __field(u64, end_ns)
			     __field(u32, dma)),
	    TP_fast_assign(__entry->device = t->wdev->sched.id;
			   __entry->kind = t->kind;
			   __entry->job = t->job;
			   /* an imported buffer is nobody's */
			   __entry->client = t->bo->client ? t->bo->client->sched.id : 0;
			   __entry->tenant = t->bo->client ?
					     t->bo->client->sched.tenant->id : 0;
			   __entry->error = -READ_ONCE(t->error);
			   __entry->buffer = t->bo->sched.id;
			   __entry->size = t->bo->gem.size;
			   __entry->bytes = t->bytes;
			   __entry->start_ns = t->start_ns;
			   __entry->end_ns = weft_now();
			   __entry->dma = t->dma;),
	    TP_printk("device=%u kind=%s job=%llu client=%llu tenant=%u error=%u buffer=%llu size=%llu bytes=%llu start_ns=%llu end_ns=%llu dma=%u",
		      __entry->device,
		      __print_symbolic(__entry->kind,
				       { WEFT_COPY_TO_DEVICE, "to_device" },
				       { WEFT_COPY_TO_HOST, "to_host" },
				       { WEFT_COPY_CLEAR, "clear" }),
		      __entry->job, __entry->client, __entry->tenant, __entry->error,
		      __entry->buffer, __entry->size, __entry->bytes, __entry->start_ns,
		      __entry->end_ns, __entry->dma));

/* Something went wrong on a device; @job may be NULL. */
TRACE_EVENT(fault,
	    TP_PROTO(const struct weft_device *wdev, const struct weft_job *job, u32 kind,
		     int error),
	    TP_ARGS(wdev, job, kind, error),
	    TP_STRUCT__entry(__field(u32, device)
			     __field(u32, kind)
			     __field(u64, job)
			     __field(u64, client)
			     __field(u32, tenant)
			     __field(u32, error)
			     __field(u32, code)
			     __field(u64, time_ns)),
	    TP_fast_assign(__entry->device = wdev->sched.id;
			   __entry->kind = kind;
			   __entry->job = job ? job->sched.id : 0;
			   __entry->client = job ? job->client->sched.id : 0;
			   __entry->tenant = job ? job->client->sched.tenant->id : 0;
			   __entry->error = -error;
			   __entry->code = job ? job->code : 0;
			   __entry->time_ns = weft_now();),
	    TP_printk("device=%u kind=%s job=%llu client=%llu tenant=%u error=%u code=%u time_ns=%llu",
		      __entry->device,
		      __print_symbolic(__entry->kind,
				       { WEFT_FAULT_ERROR, "error" },
				       { WEFT_FAULT_TIMEOUT, "timeout" },
				       { WEFT_FAULT_RESET, "reset" },
				       { WEFT_FAULT_QUARANTINE, "quarantine" },
				       { WEFT_FAULT_GONE, "gone" }),
		      __entry->job, __entry->client, __entry->tenant, __entry->error,
		      __entry->code, __entry->time_ns));

#endif /* WEFT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
