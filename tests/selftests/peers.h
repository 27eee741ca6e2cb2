/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Other drivers that share buffers and fences with weft: vgem, udmabuf, dma-heaps, sw_sync.
 */
#ifndef PEERS_H
#define PEERS_H

#include <linux/dma-buf.h>

#include "common.h"

/* dma-bufs of any driver */
/* a dma-buf of GEM handle @handle, or -errno; the subtest does not fail */
int prime_try_export(int fd, uint32_t handle);
int prime_export(int fd, uint32_t handle);	/* fails the subtest */
long prime_try_import(int fd, int dmabuf, uint32_t *handle);
uint32_t prime_import(int fd, int dmabuf);
/* DMA_BUF_IOCTL_SYNC with DMA_BUF_SYNC_* */
long dmabuf_sync(int dmabuf, uint64_t flags);
/* a sync_file of what a reader, or with @write a writer, has to wait for */
int dmabuf_fences(int dmabuf, bool write);
/* add the fence of a sync_file for everybody to wait for */
long dmabuf_add_fence(int dmabuf, int sync_file, bool write);
void *dmabuf_map(int dmabuf, uint64_t size);
/* by the CPU, between SYNC_START and SYNC_END */
void dmabuf_fill(int dmabuf, uint64_t size, uint32_t value);
void dmabuf_expect(int dmabuf, uint64_t size, uint32_t value);

/* a syncobj that holds the fence of a sync_file */
uint32_t syncobj_import(int fd, int sync_file);

/* vgem: a driver whose fences user space signals; skips the subtest if it is not there */
int vgem_open(void);
uint32_t vgem_create(int vgem, uint64_t size);
/* attach a fence; it signals by itself, with an error, after ten seconds */
uint32_t vgem_fence(int vgem, uint32_t handle, bool write);
/* the same, or -errno */
long vgem_try_fence(int vgem, uint32_t handle, bool write, uint32_t *fence);
void vgem_signal(int vgem, uint32_t fence);

/* buffers of other exporters; they skip the subtest if the kernel has them not */
int heap_create(uint64_t size);
int udmabuf_create(uint64_t size);

/* sw_sync: a timeline that user space moves; skips */
int swsync_open(void);
/* a sync_file that is signalled when the timeline gets to @value */
int swsync_fence(int timeline, uint32_t value);
void swsync_move(int timeline, uint32_t by);

#endif /* PEERS_H */
