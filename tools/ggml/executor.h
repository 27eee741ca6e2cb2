/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs jobs of weft_ggml.h on a device of any ggml backend.
 *
 * DOC: executor
 *
 * One executor is one context of one tenant: one ggml backend, one arena. Calls on it are made by
 * one thread at a time. A device address is the arena's first address plus an offset.
 *
 * Errors are negative errnos, and a sentence that says what was wrong.
 */
#ifndef WEFT_GGML_EXECUTOR_H
#define WEFT_GGML_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ggml-backend.h>

#include "weft_ggml.h"

struct weft_ggml_executor;

#define WEFT_GGML_TEXT	192

/**
 * struct weft_ggml_span - a relocation: an address in the blob and what it may be used for
 * @offset: of the address in the blob
 * @length: bytes from that address on that belong to the job
 */
struct weft_ggml_span {
	uint32_t offset;
	uint64_t length;
};

/**
 * weft_ggml_executor_create() - a context on a device
 * @executor: out; NULL on failure
 * @device: ggml's device
 * @arena: bytes of its memory to allocate
 * @threads: for backends that compute on processors; 0: as many as ggml takes by itself
 * @text: out, WEFT_GGML_TEXT bytes; what was wrong
 *
 * Return: 0, -ENOMEM, -EOPNOTSUPP the backend cannot be used.
 */
int weft_ggml_executor_create(struct weft_ggml_executor **executor, ggml_backend_dev_t device,
			      uint64_t arena, int threads, char *text);
/** weft_ggml_executor_destroy() - free it and its memory; NULL is fine */
void weft_ggml_executor_destroy(struct weft_ggml_executor *executor);
/** weft_ggml_executor_arena() - address of the arena's first byte, for jobs of this executor */
uint64_t weft_ggml_executor_arena(const struct weft_ggml_executor *executor);
/** weft_ggml_executor_is_host() - the arena is host memory: copies may be made beside a job */
bool weft_ggml_executor_is_host(const struct weft_ggml_executor *executor);

/**
 * weft_ggml_executor_run() - check a job and run it
 * @executor: executor
 * @kernel: &enum weft_ggml_kernel
 * @args: the blob, addresses filled in; it is read once
 * @size: bytes of it
 * @spans: its relocations
 * @span_count: how many
 * @text: out, WEFT_GGML_TEXT bytes; what was wrong
 *
 * Whatever the blob says, nothing but the bytes of the spans is read or written.
 *
 * Return: 0; -EPROTO another version of the format; -EINVAL the blob is wrong; -EFAULT a tensor is
 * not in its base, or a base was not relocated; -ERANGE an index says a row that is not there;
 * -EOPNOTSUPP the device cannot run a node; -EIO the backend failed.
 */
int weft_ggml_executor_run(struct weft_ggml_executor *executor, uint32_t kernel, const void *args,
			   size_t size, const struct weft_ggml_span *spans, uint32_t span_count,
			   char *text);

/* Copies. Addresses must be in the arena (-EFAULT). */
/** weft_ggml_executor_write() - @length bytes to @address of the device */
int weft_ggml_executor_write(struct weft_ggml_executor *executor, uint64_t address,
			     const void *from, uint64_t length);
/** weft_ggml_executor_read() - @length bytes from @address of the device */
int weft_ggml_executor_read(struct weft_ggml_executor *executor, uint64_t address, void *to,
			    uint64_t length);
/** weft_ggml_executor_clear() - zeros to @length bytes at @address of the device */
int weft_ggml_executor_clear(struct weft_ggml_executor *executor, uint64_t address,
			     uint64_t length);

#endif /* WEFT_GGML_EXECUTOR_H */
