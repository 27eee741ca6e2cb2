// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exported buffers under the DMA of somebody else's PCI device: attach, map, pin, and who leaves.
 *
 * DOC: export_dma
 *
 * The second edu device is driven by tests/kernel/peer, which imports as any driver does; the
 * first is weft's. What one writes by DMA the other reads by DMA, each at addresses that the IOMMU
 * made for it.
 */
/*
 * vm: smp=2 edu=2 iommu=1 timeout=120 kernels=stock,debug,next
 * insmod=weft,weft_sim,weft_edu,weft_peer
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../kernel/peer/peer.h"
#include "edudev.h"
#include "peers.h"

#define SIZE	(16 * KIB)
#define WORDS	64u

static struct edu_dev dev[EDU_DEVICES];
static int peer;

/* both are on the bus, and so many of them, the first before the second, are weft's */
static void refresh(int ours)
{
	uint64_t end = in_ns(PATIENCE);

	while (edu_list(dev, EDU_DEVICES) != 2 || !dev[ours - 1].name[0]) {
		CHECK_MSG(now_ns() < end, "an edu device does not come back");
		sleep_ms(10);
	}
}

static void peer_bind(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", dev[1].pci);
	CHECK_EQ(file_write(path, "weft_peer"), 0);
	if (dev[1].name[0])
		CHECK_EQ(file_write("/sys/bus/pci/drivers/weft_edu/unbind", dev[1].pci), 0);
	CHECK_EQ(file_write("/sys/bus/pci/drivers/weft_peer/bind", dev[1].pci), 0);
}

SETUP()
{
	refresh(2);
	peer_bind();
	peer = open("/dev/weft_peer", O_RDWR | O_CLOEXEC);
	CHECK(peer >= 0);
}

static void state(struct peer_state *s)
{
	CHECK_EQ(ioc(peer, PEER_STATE, s), 0);
}

static long attach(int dmabuf, uint32_t flags)
{
	struct peer_attach a = { .fd = dmabuf, .flags = flags };

	return ioc(peer, PEER_ATTACH, &a);
}

static long move(uint64_t offset, uint32_t *data, uint32_t words, bool write)
{
	struct peer_copy c = { p64(data), offset, words * 4, write };

	return ioc(peer, PEER_COPY, &c);
}

/* the device reads @seed's pattern at @offset */
static void peer_reads(uint64_t offset, uint32_t seed)
{
	uint32_t data[WORDS];

	memset(data, 0, sizeof(data));
	CHECK_EQ(move(offset, data, WORDS, false), 0);
	for (uint32_t i = 0; i < WORDS; i++)
		CHECK_MSG(data[i] == edu_pattern(seed, i), "the peer reads %#x at %u", data[i], i);
}

static void peer_writes(uint64_t offset, uint32_t seed)
{
	uint32_t data[WORDS];

	for (uint32_t i = 0; i < WORDS; i++)
		data[i] = edu_pattern(seed, i);
	CHECK_EQ(move(offset, data, WORDS, true), 0);
}

static void cpu_writes(int fd, uint32_t handle, uint64_t offset, uint32_t seed)
{
	uint32_t data[WORDS];

	for (uint32_t i = 0; i < WORDS; i++)
		data[i] = edu_pattern(seed, i);
	CHECK_EQ(bo_write(fd, handle, offset, data, sizeof(data)), 0);
}

static void cpu_reads(int fd, uint32_t handle, uint64_t offset, uint32_t seed)
{
	uint32_t data[WORDS];

	CHECK_EQ(bo_read(fd, handle, offset, data, sizeof(data)), 0);
	for (uint32_t i = 0; i < WORDS; i++)
		CHECK_MSG(data[i] == edu_pattern(seed, i), "the CPU reads %#x at %u", data[i], i);
}

static uint32_t shareable(int fd)
{
	struct drm_weft_bo_create b = { .size = SIZE, .flags = DRM_WEFT_BO_SHAREABLE };

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_BO_CREATE, &b), 0);
	return b.handle;
}

/* the first words of dst = those of src, by weft's edu device */
static void job_copies(struct job *job, const struct client *c, uint32_t dst, uint32_t src)
{
	edu_job(job, c, WEFT_EDU_OP_COPY, dst, src, WORDS * 4);
	for (int i = 0; i < 2; i++)
		job->buffer[i].length = WORDS * 4;
}

struct shared {
	struct client c;
	uint32_t handle, other;
	int dmabuf;
};

static void share(struct shared *s, uint32_t flags)
{
	edu_client_open(&s->c);
	s->handle = shareable(s->c.fd);
	s->other = bo_create(s->c.fd, SIZE);
	s->dmabuf = prime_export(s->c.fd, s->handle);
	CHECK_EQ(attach(s->dmabuf, flags), 0);
	CHECK_EQ(ioc(peer, PEER_MAP, NULL), 0);
}

static void unshare(void)
{
	CHECK_EQ(ioc(peer, PEER_UNMAP, NULL), 0);
	CHECK_EQ(ioc(peer, PEER_DETACH, NULL), 0);
}

static void both_ways(uint32_t flags)
{
	struct shared s;
	struct job job;

	share(&s, flags);
	/* CPU to device, across a page */
	cpu_writes(s.c.fd, s.handle, 4096 - 128, 1);
	peer_reads(4096 - 128, 1);
	/* device to CPU */
	peer_writes(8192 + 64, 2);
	cpu_reads(s.c.fd, s.handle, 8192 + 64, 2);
	/* device to device */
	peer_writes(0, 3);
	job_copies(&job, &s.c, s.other, s.handle);
	job_run(&s.c, &job);
	cpu_reads(s.c.fd, s.other, 0, 3);
	cpu_writes(s.c.fd, s.other, 0, 4);
	job_copies(&job, &s.c, s.handle, s.other);
	job_run(&s.c, &job);
	peer_reads(0, 4);
	unshare();
}

TEST(bytes, "CPU, weft's device and the peer's DMA see the same bytes, both ways")
{
	both_ways(0);
}

TEST(dynamic, "a dynamic importer: likewise")
{
	both_ways(PEER_DYNAMIC);
}

TEST(first_touch, "nobody has touched the buffer before it is mapped: the peer reads zeros")
{
	uint32_t data[WORDS];
	struct shared s;

	share(&s, 0);
	memset(data, 0xff, sizeof(data));
	CHECK_EQ(move(SIZE - sizeof(data), data, WORDS, false), 0);
	for (uint32_t i = 0; i < WORDS; i++)
		CHECK_EQ(data[i], 0);
	/* the last byte is the last byte */
	CHECK_EQ(move(SIZE - 4, data, 2, false), -EINVAL);
	unshare();
}

TEST(late_bytes, "bytes that were only on a device when it was exported: attaching fetches them")
{
	struct client c;
	struct job job;
	uint32_t h, src;

	edu_client_open(&c);
	h = shareable(c.fd);
	src = bo_create(c.fd, SIZE);
	cpu_writes(c.fd, src, 0, 5);
	edu_job(&job, &c, WEFT_EDU_OP_COPY, h, src, SIZE);
	job_run(&c, &job);
	CHECK_EQ(attach(prime_export(c.fd, h), 0), 0);
	CHECK_EQ(ioc(peer, PEER_MAP, NULL), 0);
	peer_reads(0, 5);
	unshare();
}

TEST(fence, "the peer that waits for the fences on it reads what the job wrote, and not before")
{
	struct pollfd p = { .events = POLLIN };
	struct shared s;
	struct job job;
	uint64_t id;

	share(&s, 0);
	peer_writes(0, 6);
	cpu_writes(s.c.fd, s.other, 0, 7);
	job_copies(&job, &s.c, s.handle, s.other);
	id = submit(&s.c, &job, 1);
	p.fd = s.dmabuf;
	CHECK_EQ(poll(&p, 1, 50000), 1);
	peer_reads(0, 7);
	CHECK_EQ(job_result(s.c.fd, id), 0);
	unshare();
}

TEST(pinned, "pinned or not, it does not move: the same address through jobs that fill the device")
{
	struct peer_state before, after;
	struct shared s;
	struct job job;
	uint32_t big;

	share(&s, PEER_DYNAMIC);
	CHECK_EQ(ioc(peer, PEER_PIN, NULL), 0);
	peer_writes(0, 8);
	state(&before);
	CHECK(before.address);
	/* the device has 1 MiB: what was there has to go */
	for (int i = 0; i < 2; i++) {
		job_copies(&job, &s.c, s.other, s.handle);
		job_run(&s.c, &job);
		big = bo_create(s.c.fd, 960 * KIB);
		edu_job(&job, &s.c, WEFT_EDU_OP_COPY, big, big, 64);
		job.j.buffer_count = 1;
		job_reloc(&job, offsetof(struct weft_edu_args, src), 0, 64);
		job.j.reloc_count = 2;
		job.reloc[1].buffer = 0;
		submit(&s.c, &job, 1);
		bo_close(s.c.fd, big);
	}
	peer_reads(0, 8);
	CHECK_EQ(ioc(peer, PEER_UNPIN, NULL), 0);
	state(&after);
	CHECK_EQ(after.address, before.address);
	CHECK_EQ(after.moved, 0);
	unshare();
}

TEST(remapped, "unmapped and mapped again, attached again: the same bytes")
{
	struct shared s;

	share(&s, 0);
	peer_writes(64, 9);
	CHECK_EQ(ioc(peer, PEER_UNMAP, NULL), 0);
	CHECK_EQ(move(64, &(uint32_t){ 0 }, 1, false), -EINVAL);
	CHECK_EQ(ioc(peer, PEER_MAP, NULL), 0);
	peer_reads(64, 9);
	unshare();
	CHECK_EQ(attach(s.dmabuf, PEER_DYNAMIC), 0);
	CHECK_EQ(ioc(peer, PEER_MAP, NULL), 0);
	peer_reads(64, 9);
	unshare();
}

TEST(outlives, "handle, fd and client go while it is mapped: the pages stay the peer's")
{
	struct shared s;

	share(&s, 0);
	cpu_writes(s.c.fd, s.handle, 0, 10);
	bo_close(s.c.fd, s.handle);
	client_close(&s.c);
	close(s.dmabuf);
	/* who would get freed pages now? */
	for (int i = 0; i < 4; i++) {
		struct client c;

		edu_client_open(&c);
		bo_fill(c.fd, bo_create(c.fd, MIB), MIB, 0xbad);
		client_close(&c);
	}
	peer_reads(0, 10);
	peer_writes(0, 11);
	peer_reads(0, 11);
	/* and the module, too */
	CHECK_EQ(module_unload("weft"), -EAGAIN);
	unshare();
}

TEST(weft_leaves, "weft's device is removed while the peer has the buffer mapped: bytes stay")
{
	struct shared s;
	struct job job;

	share(&s, 0);
	cpu_writes(s.c.fd, s.other, 0, 12);
	job_copies(&job, &s.c, s.handle, s.other);
	job_run(&s.c, &job);
	CHECK_EQ(edu_remove(&dev[0]), 0);
	peer_reads(0, 12);
	peer_writes(0, 13);
	CHECK_EQ(edu_rescan(), 0);
	refresh(1);
	job_copies(&job, &s.c, s.other, s.handle);
	job_run(&s.c, &job);
	cpu_reads(s.c.fd, s.other, 0, 13);
	unshare();
}

static void peer_leaves(bool unbind)
{
	struct peer_state st;
	struct shared s;
	struct job job;

	share(&s, 0);
	peer_writes(0, 14);
	if (unbind) {
		CHECK_EQ(file_write("/sys/bus/pci/drivers/weft_peer/unbind", dev[1].pci), 0);
		refresh(1);
	} else {
		CHECK_EQ(edu_remove(&dev[1]), 0);
		CHECK_EQ(edu_rescan(), 0);
		/* a new device is weft_edu's */
		refresh(2);
	}
	CHECK_EQ(ioc(peer, PEER_STATE, &st), -ENODEV);
	job_copies(&job, &s.c, s.other, s.handle);
	job.j.device_mask = dev_mask(s.c.fd, dev[0].name);
	job_run(&s.c, &job);
	cpu_reads(s.c.fd, s.other, 0, 14);
	peer_bind();
	/* it knows nothing of what it had */
	state(&st);
	CHECK_EQ(st.attached, 0);
	CHECK_EQ(attach(s.dmabuf, 0), 0);
	CHECK_EQ(ioc(peer, PEER_MAP, NULL), 0);
	peer_reads(0, 14);
	unshare();
}

TEST(peer_unbound, "the peer's driver is unbound while it has the buffer mapped")
{
	peer_leaves(true);
}

TEST(peer_removed, "the peer's device is removed while it has the buffer mapped")
{
	peer_leaves(false);
}
