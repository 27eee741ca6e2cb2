// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other drivers that share buffers and fences with weft. See peers.h.
 *
 * DOC: peers
 *
 * Plain system calls as in common.c; what a kernel does not have skips the subtest.
 */
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <sys/mman.h>

#include "peers.h"

/* vgem's and sw_sync's uAPI, which no Debian package carries */
struct vgem_fence_attach {
	uint32_t handle, flags, out_fence, pad;
};

struct vgem_fence_signal {
	uint32_t fence, flags;
};

#define VGEM_FENCE_WRITE	1
#define VGEM_FENCE_ATTACH	DRM_IOWR(DRM_COMMAND_BASE + 1, struct vgem_fence_attach)
#define VGEM_FENCE_SIGNAL	DRM_IOW(DRM_COMMAND_BASE + 2, struct vgem_fence_signal)

struct swsync_fence {
	uint32_t value;
	char name[32];
	int32_t fence;
};

#define SWSYNC_CREATE	_IOWR('W', 0, struct swsync_fence)
#define SWSYNC_INC	_IOW('W', 1, uint32_t)

/* ------------------------------------------------------------------------------------ dma-bufs */

int prime_try_export(int fd, uint32_t handle)
{
	struct drm_prime_handle p = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };
	long ret = ioc(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p);

	return ret ? ret : p.fd;
}

int prime_export(int fd, uint32_t handle)
{
	int dmabuf = prime_try_export(fd, handle);

	CHECK_MSG(dmabuf >= 0, "PRIME_HANDLE_TO_FD: %s", tap_value(dmabuf));
	return dmabuf;
}

long prime_try_import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle p = { .fd = dmabuf };
	long ret = ioc(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p);

	*handle = p.handle;
	return ret;
}

uint32_t prime_import(int fd, int dmabuf)
{
	uint32_t handle;

	CHECK_EQ(prime_try_import(fd, dmabuf, &handle), 0);
	return handle;
}

long dmabuf_sync(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync s = { .flags = flags };

	return ioc(dmabuf, DMA_BUF_IOCTL_SYNC, &s);
}

int dmabuf_fences(int dmabuf, bool write)
{
	struct dma_buf_export_sync_file e = {
		.flags = write ? DMA_BUF_SYNC_WRITE : DMA_BUF_SYNC_READ, .fd = -1,
	};

	CHECK_EQ(ioc(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &e), 0);
	return e.fd;
}

long dmabuf_add_fence(int dmabuf, int sync_file, bool write)
{
	struct dma_buf_import_sync_file i = {
		.flags = write ? DMA_BUF_SYNC_WRITE : DMA_BUF_SYNC_READ, .fd = sync_file,
	};

	return ioc(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &i);
}

void *dmabuf_map(int dmabuf, uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);

	CHECK_MSG(p != MAP_FAILED, "mmap of a dma-buf: %s", tap_value(-errno));
	return p;
}

void dmabuf_fill(int dmabuf, uint64_t size, uint32_t value)
{
	uint32_t *p = dmabuf_map(dmabuf, size);

	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE), 0);
	for (uint64_t i = 0; i < size / 4; i++)
		p[i] = value;
	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), 0);
	munmap(p, size);
}

void dmabuf_expect(int dmabuf, uint64_t size, uint32_t value)
{
	uint32_t *p = dmabuf_map(dmabuf, size);

	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	for (uint64_t i = 0; i < size / 4; i++)
		CHECK_MSG(p[i] == value, "u32 %llu is %#x, not %#x", (unsigned long long)i, p[i],
			  value);
	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	munmap(p, size);
}

uint32_t syncobj_import(int fd, int sync_file)
{
	struct drm_syncobj_handle h = {
		.handle = syncobj_create(fd, 0), .fd = sync_file,
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};

	CHECK_EQ(ioc(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &h), 0);
	return h.handle;
}

/* ---------------------------------------------------------------------------------------- vgem */

int vgem_open(void)
{
	char name[16] = "", path[64];
	struct drm_version v = { .name = name, .name_len = sizeof(name) - 1 };
	int fd;

	if (system("modprobe vgem"))
		tap_skip("no vgem");
	for (int i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		v.name_len = sizeof(name) - 1;
		if (!ioc(fd, DRM_IOCTL_VERSION, &v) && !strncmp(name, "vgem", 4))
			return fd;
		close(fd);
	}
	tap_skip("no vgem node");
}

uint32_t vgem_create(int vgem, uint64_t size)
{
	struct drm_mode_create_dumb d = {
		.width = 1024, .height = (size + 4095) / 4096, .bpp = 32,
	};

	CHECK_EQ(ioc(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &d), 0);
	return d.handle;
}

long vgem_try_fence(int vgem, uint32_t handle, bool write, uint32_t *fence)
{
	struct vgem_fence_attach a = {
		.handle = handle, .flags = write ? VGEM_FENCE_WRITE : 0,
	};
	long ret = ioc(vgem, VGEM_FENCE_ATTACH, &a);

	*fence = a.out_fence;
	return ret;
}

uint32_t vgem_fence(int vgem, uint32_t handle, bool write)
{
	uint32_t fence;

	CHECK_EQ(vgem_try_fence(vgem, handle, write, &fence), 0);
	return fence;
}

void vgem_signal(int vgem, uint32_t fence)
{
	struct vgem_fence_signal s = { .fence = fence };

	CHECK_EQ(ioc(vgem, VGEM_FENCE_SIGNAL, &s), 0);
}

/* ----------------------------------------------------------------------------- other exporters */

int heap_create(uint64_t size)
{
	struct dma_heap_allocation_data a = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	int fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		tap_skip("no system dma-heap");
	CHECK_EQ(ioc(fd, DMA_HEAP_IOCTL_ALLOC, &a), 0);
	close(fd);
	return a.fd;
}

int udmabuf_create(uint64_t size)
{
	struct udmabuf_create u = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	long dmabuf;

	if (fd < 0)
		tap_skip("no udmabuf");
	u.memfd = memfd_create("peer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK((int)u.memfd >= 0);
	CHECK_EQ(ftruncate(u.memfd, size), 0);
	CHECK_EQ(fcntl(u.memfd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	dmabuf = ioc(fd, UDMABUF_CREATE, &u);
	CHECK_MSG(dmabuf >= 0, "UDMABUF_CREATE: %s", tap_value(dmabuf));
	close(u.memfd);
	close(fd);
	/* 6.12 maps it for ever for the direction of the first access; DMA debugging sees that */
	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	CHECK_EQ(dmabuf_sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	return dmabuf;
}

/* ------------------------------------------------------------------------------------- sw_sync */

int swsync_open(void)
{
	int fd = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		tap_skip("no sw_sync");
	return fd;
}

int swsync_fence(int timeline, uint32_t value)
{
	struct swsync_fence f = { .value = value, .name = "weft", .fence = -1 };

	CHECK_EQ(ioc(timeline, SWSYNC_CREATE, &f), 0);
	return f.fence;
}

void swsync_move(int timeline, uint32_t by)
{
	CHECK_EQ(ioc(timeline, SWSYNC_INC, &by), 0);
}
