/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the records of the input log mean.
 *
 * DOC: scheduler log
 *
 * A log is a &struct weft_log_header and then records (&struct weft_rec), little endian. An input
 * that needs more room than one record is logged in parts: the parts come first, the record
 * that completes it last. Only inputs that were accepted are logged, before the decisions that
 * they cause. Decisions follow the input that caused them.
 *
 * == ================= ===================================================================
 * id record            a, b, arg[0..3]
 * == ================= ===================================================================
 * -  INIT              a: version of the log; arg 0, 1: policy name; 2: learned times kept
 * T  TENANT_ADD        arg 0: weight
 * T  TENANT_SET        arg 0: weight
 * T  TENANT_REMOVE     -
 * C  CLIENT_ADD        arg 0: tenant id
 * C  CLIENT_REMOVE     -
 * D  DEVICE_LINK       part of DEVICE_ADD and DEVICE_SET; arg: down bandwidth, down latency,
 *                      up bandwidth, up latency
 * D  DEVICE_ADD        a: open | chains << 1; b: depth; arg 0: model | price << 32;
 *                      1: credits | class << 32; 2: region | host region << 32
 * D  DEVICE_SET        a: open | chains << 1; b: depth; arg 0: price << 32; 1: credits
 * D  DEVICE_REMOVE     -
 * B  DATA_ADD          arg 0: bytes; 1: valid regions
 * B  DATA_SET          arg 0: valid regions
 * B  DATA_REMOVE       -
 * J  JOB_REF           part of JOB_SUBMIT; a: access | no_implicit << 8; b: index;
 *                      arg 0: data id; 1: bytes
 * J  JOB_EDGE          part of JOB_SUBMIT, asked for explicitly; arg 0: id of the predecessor
 * J  JOB_DEADLINE      part of JOB_SUBMIT, if there is one; arg 0: deadline
 * J  JOB_SUBMIT        a: service | priority << 4 | run_anyway << 8 | lease << 9; b: refs;
 *                      arg 0: client id; 1: kernel; 2: size; 3: devices
 * J  JOB_BOUND         -
 * J  JOB_RUNNING       -
 * J  JOB_DONE          a: disturbed; arg 0: busy ns; 1: error (two's complement)
 * J  JOB_RETURN        a: &enum weft_return_reason; arg 0: busy ns
 * J  JOB_CANCEL        arg 0: error (two's complement)
 * J  JOB_DEVICES       arg 0: devices
 * J  JOB_ASIDE         -
 * J  JOB_DUE           -
 * J  LEASE_EXTEND      arg 0: time held, ns; 1: quantum, ns
 * -  PLAN_ON           arg 0: jobs | window << 32; 1: data; 2: spans; 3: rounds
 * R  ROUTE             a: ports; arg 0: bandwidth; 1: latency; 2: port i << 8 i
 * -  SENDS             -
 * B  UNSEND            a: to
 * -  POLICY_SET        arg 0, 1: policy name
 * -  PICK              -
 * J  DECISION          a: device; b: &enum weft_reason; arg 0: start; 1: transfer ns; 2: run ns;
 *                      3: finish; of a job that was due: it has a place again
 * J  PLAN              as DECISION, the job stays READY until there is room; device 0xffff
 *                      without candidates: no device has space in its memory for it, or it is
 *                      held for jobs that the plan has before it
 * J  CANDIDATE         as DECISION, one for each present device after a DECISION or PLAN
 * J  POISONED          arg 0: id of the predecessor that failed; of a job that is placed: it is
 *                      recalled
 * J  LEASE             after LEASE_EXTEND; a: device; b: 1 it goes on, 0 not; arg 0: id of the job
 *                      that it was compared with, 0 none; 1: time held, ns
 * J  POISONED          arg 0: id of the predecessor that failed
 * B  SEND              after SENDS; a: from; b: to; arg 0: no earlier than; 1: expected there;
 *                      2: job
 * == ================= ===================================================================
 *
 * T tenant, C client, D device, B data (buffer), J job, R from region << 32 | to region.
 * Times are absolute ns unless they are
 * named as durations. Unused fields are zero.
 *
 * Rejected: variable-length records (a ring of fixed records never needs a scan to find where one
 * begins), text (ten times the size, and formatting under the pool's lock).
 */
#ifndef WEFT_LOG_H
#define WEFT_LOG_H

#include "sched.h"

#define WEFT_LOG_MAGIC		0x676f6c7466657700ull	/* "\0weftlog" in a little endian file */
#define WEFT_LOG_VERSION	1u
#define WEFT_LOG_NO_DEVICE	0xffffu

/**
 * struct weft_log_header - start of a log file: 32 bytes, little endian
 * @magic: WEFT_LOG_MAGIC
 * @version: WEFT_LOG_VERSION
 * @record_size: sizeof(struct weft_rec)
 * @reserved: zero
 */
struct weft_log_header {
	u64 magic;
	u32 version;
	u32 record_size;
	u64 reserved[2];
};

/** enum weft_reason - why a candidate was or was not taken */
enum weft_reason {
	/** @WEFT_REASON_CHOSEN: it ends first there (fifo: it is free first) */
	WEFT_REASON_CHOSEN = 1,
	/** @WEFT_REASON_EXPLORE: never tried on this model while another model is known */
	WEFT_REASON_EXPLORE,
	/** @WEFT_REASON_LATER: it would end later there (fifo: it is free later) */
	WEFT_REASON_LATER,
	/** @WEFT_REASON_TIE: as good, but used more so far or of higher id */
	WEFT_REASON_TIE,
	/** @WEFT_REASON_PLANNED: it ends first there; waits for room */
	WEFT_REASON_PLANNED,
	/** @WEFT_REASON_NO_ROOM: all places are taken and the policy does not wait for one */
	WEFT_REASON_NO_ROOM,
	/** @WEFT_REASON_NOT_NOW: binding failed there for lack of space, none was made since */
	WEFT_REASON_NOT_NOW,
	/** @WEFT_REASON_CLOSED: the device takes no new jobs */
	WEFT_REASON_CLOSED,
	/** @WEFT_REASON_NOT_ELIGIBLE: no image, masked out, or it cannot fit */
	WEFT_REASON_NOT_ELIGIBLE,
	/** @WEFT_REASON_OUTRUN: it would end earlier, but another device is to be explored */
	WEFT_REASON_OUTRUN,
	/** @WEFT_REASON_ELSEWHERE: its data, or what it waits for, is on another device */
	WEFT_REASON_ELSEWHERE,
	/** @WEFT_REASON_AHEAD: the plan of all jobs has it there */
	WEFT_REASON_AHEAD,
	/** @WEFT_REASON_HELD: the same; what is there is kept for jobs before it in the plan */
	WEFT_REASON_HELD,
	/** @WEFT_REASON_FOREGONE: it would end no later, but the plan has it elsewhere */
	WEFT_REASON_FOREGONE,
};

/** weft_log_header_init() - fill in the header of a new log */
void weft_log_header_init(struct weft_log_header *header);
/** weft_reason_name() - a few words for people, NULL if there is no such reason */
const char *weft_reason_name(u32 reason);
/** weft_rec_name() - a record type's name, NULL if there is no such type */
const char *weft_rec_name(u32 type);

#endif /* WEFT_LOG_H */
