/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test may ask of the PCI device that imports dma-bufs: ioctls on /dev/weft_peer.
 */
#ifndef WEFT_PEER_H
#define WEFT_PEER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PEER_DYNAMIC	1	/* an importer whose mappings may be moved */

/** struct peer_attach - a dma-buf for the device; @flags: PEER_DYNAMIC */
struct peer_attach {
	__s32 fd;
	__u32 flags;
};

/**
 * struct peer_copy - bytes by the device's DMA, 100 ms for each 2 KiB
 * @data: of the program
 * @offset: in the buffer
 * @bytes: 1..4096
 * @write: to the buffer
 */
struct peer_copy {
	__u64 data;
	__u64 offset;
	__u32 bytes;
	__u32 write;
};

/** struct peer_state - what there is */
struct peer_state {
	__u32 attached;
	__u32 mapped;
	__u32 segments;		/* of the mapping */
	__u32 moved;		/* times that the exporter wanted its mapping back */
	__u64 address;		/* the device's, of the first byte */
};

#define PEER_ATTACH	_IOW('P', 0, struct peer_attach)
#define PEER_DETACH	_IO('P', 1)
#define PEER_MAP	_IO('P', 2)
#define PEER_UNMAP	_IO('P', 3)
#define PEER_PIN	_IO('P', 4)
#define PEER_UNPIN	_IO('P', 5)
#define PEER_COPY	_IOW('P', 6, struct peer_copy)
#define PEER_STATE	_IOR('P', 7, struct peer_state)

#endif /* WEFT_PEER_H */
