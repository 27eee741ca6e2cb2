// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every field of weft_serve's calls, and what a wrong one gets.
 */
/* vm: timeout=120 kernels=stock,debug,next insmod=weft,weft_serve */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "served.h"

static int node(void)
{
	int fd = open(SERVED_NODE, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static long offer_with(size_t at, uint64_t value, size_t size)
{
	struct weft_serve_offer offer;
	int fd = node();
	long ret;

	served_offer(&offer, "args");
	memcpy((char *)&offer + at, &value, size);
	ret = ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer);
	close(fd);
	return ret;
}

#define OFFER_WITH(field, value)							\
	offer_with(offsetof(struct weft_serve_offer, field), value,			\
		   sizeof(((struct weft_serve_offer *)NULL)->field))

TEST(version, "VERSION: another one is told which this is; pads count")
{
	struct weft_serve_version v = { .version = WEFT_SERVE_VERSION };
	int fd = node();

	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_VERSION, &v), 0);
	CHECK(v.features & WEFT_SERVE_F_ABORT);
	v.version = WEFT_SERVE_VERSION + 1;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_VERSION, &v), -EPROTO);
	CHECK_EQ(v.version, WEFT_SERVE_VERSION);
	v.pad = 1;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_VERSION, &v), -EINVAL);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_VERSION, NULL), -EFAULT);
	CHECK_EQ(ioc(fd, _IO(WEFT_SERVE_IOC, 0x7f), NULL), -ENOTTY);
	CHECK_EQ(ioc(fd, _IO('x', 0), NULL), -ENOTTY);
}

TEST(sizes, "structures grow at their end: zeros are taken, others are E2BIG")
{
	struct {
		struct weft_serve_version v;
		uint64_t more;
	} longer = { .v.version = WEFT_SERVE_VERSION };
	int fd = node();

	CHECK_EQ(ioc(fd, _IOWR(WEFT_SERVE_IOC, 0, longer), &longer), 0);
	longer.more = 1;
	CHECK_EQ(ioc(fd, _IOWR(WEFT_SERVE_IOC, 0, longer), &longer), -E2BIG);
}

TEST(offer, "OFFER: fields out of range")
{
	CHECK_EQ(OFFER_WITH(version, 7), -EPROTO);
	CHECK_EQ(OFFER_WITH(flags, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(pad, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(device, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(features, 1ull << 63), -EOPNOTSUPP);
	CHECK_EQ(OFFER_WITH(features, WEFT_SERVE_F_DEACTIVATE), -EOPNOTSUPP);
	CHECK_EQ(OFFER_WITH(dev_class, DRM_WEFT_CLASS_COUNT), -EINVAL);
	CHECK_EQ(OFFER_WITH(preempt_level, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(preempt_level, 4), -EINVAL);
	CHECK_EQ(OFFER_WITH(engines, 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(engines, WEFT_SERVE_MAX_ENGINES + 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(credits, 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(credits, 65), -EINVAL);
	CHECK_EQ(OFFER_WITH(streams, 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(streams, 2), -EINVAL);
	CHECK_EQ(OFFER_WITH(seats, 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(seats, WEFT_SERVE_MAX_SEATS + 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(memory, 2), -EINVAL);
	CHECK_EQ(OFFER_WITH(recovery, 3), -EINVAL);
	CHECK_EQ(OFFER_WITH(numa_node, 77), -EINVAL);
	CHECK_EQ(OFFER_WITH(numa_node, -2), -EINVAL);
	CHECK_EQ(OFFER_WITH(numa_node, 1 << 30), -EINVAL);
	CHECK_EQ(OFFER_WITH(memory_size, 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(memory_size, MIB + 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(memory_size, 1ull << 60), -EINVAL);
	CHECK_EQ(OFFER_WITH(bandwidth_down, 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(bandwidth_up, 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(spawn_ns, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(spawn_ns, 3600 * SEC), -EINVAL);
	CHECK_EQ(OFFER_WITH(answer_ns, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(answer_ns, 3600 * SEC), -EINVAL);
	CHECK_EQ(OFFER_WITH(idle_ns, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(return_ns, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(return_ns, 7200 * SEC), -EINVAL);
	/* numbers of nodes that no device can have, and one behind the end */
	CHECK_EQ(OFFER_WITH(nodes[0].major, 1 << 12), -EINVAL);
	CHECK_EQ(OFFER_WITH(nodes[0].minor, 1), -EINVAL);
	CHECK_EQ(OFFER_WITH(nodes[0], 1 | 1ull << 52), -EINVAL);
	CHECK_EQ(OFFER_WITH(nodes[1], 1 | 1ull << 32), -EINVAL);
	/* the first letter of a text */
	CHECK_EQ(OFFER_WITH(model[0], 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(isas[0][0], 0), -EINVAL);
	CHECK_EQ(OFFER_WITH(name[0], '/'), -EINVAL);
}

TEST(events, "OFFER with F_EVENTS: one engine, streams that a request can name")
{
	struct weft_serve_offer offer;
	struct served d = { };

	served_offer(&offer, "args");
	offer.features |= WEFT_SERVE_F_EVENTS;
	offer.engines = 2;
	CHECK_EQ(served_try(&d, &offer), -EINVAL);
	offer.engines = 1;
	offer.streams = 65536;
	CHECK_EQ(served_try(&d, &offer), -EINVAL);
	offer.streams = 65535;
	CHECK_EQ(served_try(&d, &offer), 0);
	served_kill(&d);
}

TEST(texts, "OFFER: texts without end")
{
	static const size_t at[] = {
		offsetof(struct weft_serve_offer, name), offsetof(struct weft_serve_offer, vendor),
		offsetof(struct weft_serve_offer, model), offsetof(struct weft_serve_offer, driver),
		offsetof(struct weft_serve_offer, runtime), offsetof(struct weft_serve_offer, link),
		offsetof(struct weft_serve_offer, isas[3]),
	};

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		struct weft_serve_offer offer;
		int fd = node();

		served_offer(&offer, "args");
		memset((char *)&offer + at[i], 'x', WEFT_SERVE_NAME_LEN);
		CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), -EINVAL);
		close(fd);
	}
}

TEST(roles, "a file is one thing only, and each call belongs to one")
{
	struct weft_serve_withdraw withdraw = { };
	struct weft_serve_telemetry t = { };
	struct weft_serve_refuse refuse = { .error = 5 };
	struct weft_serve_attach at = {
		.version = WEFT_SERVE_VERSION, .slots = 16, .host_size = 2 * MIB,
	};
	struct weft_serve_enter enter = { };
	struct weft_serve_fetch fetch = { };
	struct weft_serve_event event;
	struct weft_serve_offer offer;
	struct pollfd p = { .events = POLLIN };
	int fd = node(), other = node();

	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_WITHDRAW, &withdraw), -EPERM);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_REFUSE, &refuse), -EPERM);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), -EPERM);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_ENTER, &enter), -EPERM);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_FETCH, &fetch), -EPERM);
	CHECK_EQ(read(fd, &event, sizeof(event)), -1);
	CHECK_EQ(errno, EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	at.device = 4711;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_ATTACH, &at), -ENODEV);

	served_offer(&offer, "roles");
	offer.features |= WEFT_SERVE_F_TELEMETRY;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), 0);
	at.device = offer.device;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_ATTACH, &at), -EBUSY);
	offer.device = 0;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), -EBUSY);
	CHECK_EQ(ioc(other, WEFT_SERVE_IOCTL_OFFER, &offer), -EEXIST);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_ENTER, &enter), -EPERM);
	CHECK_EQ(read(fd, &event, 63), -1);
	CHECK_EQ(errno, EINVAL);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	CHECK_EQ(read(fd, &event, sizeof(event)), -1);
	CHECK_EQ(errno, EAGAIN);
	p.fd = fd;
	CHECK_EQ(poll(&p, 1, 0), 0);

	refuse.error = 0;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_REFUSE, &refuse), -EINVAL);
	refuse.error = 4096;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_REFUSE, &refuse), -EINVAL);
	refuse.error = 5;
	refuse.pad = 1;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_REFUSE, &refuse), -EINVAL);
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), 0);
	t.temp_mc = 40000;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), -EINVAL);
	t.valid = WEFT_SERVE_TELEMETRY_TEMP;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), 0);
	t.valid |= WEFT_SERVE_TELEMETRY_FOREIGN_LOAD;
	t.foreign_permille = 1001;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), -EINVAL);
	t.foreign_permille = 1000;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), 0);
	t.valid |= 1u << 6;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_TELEMETRY, &t), -EINVAL);
	withdraw.pad = 1;
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_WITHDRAW, &withdraw), -EINVAL);
}

static long attach_with(struct weft_serve_attach at, size_t offset, uint64_t value, size_t size)
{
	int fd = node();
	long ret;

	memcpy((char *)&at + offset, &value, size);
	ret = ioc(fd, WEFT_SERVE_IOCTL_ATTACH, &at);
	close(fd);
	return ret;
}

#define ATTACH_WITH(field, value)							\
	attach_with(at, offsetof(struct weft_serve_attach, field), value,		\
		    sizeof(((struct weft_serve_attach *)NULL)->field))

static void attach(void)
{
	struct weft_serve_attach at = {
		.version = WEFT_SERVE_VERSION, .slots = 16, .host_size = 2 * MIB,
	};
	struct weft_serve_enter enter = { };
	struct weft_serve_fetch fetch = { };
	struct weft_serve_request *requests;
	struct weft_serve_event event;
	struct weft_serve_offer offer;
	struct weft_serve_ring *ring;
	struct pollfd p = { .events = POLLIN };
	int fd = node(), seat = node();
	struct client c;
	struct job job;
	char *window;

	served_offer(&offer, "attach");
	CHECK_EQ(ioc(fd, WEFT_SERVE_IOCTL_OFFER, &offer), 0);
	client_open(&c);
	job_nop(&job, &c, 0);
	submit(&c, &job, 1);
	CHECK_EQ(read(fd, &event, sizeof(event)), sizeof(event));
	CHECK_EQ(event.type, WEFT_SERVE_EVENT_SPAWN);
	at.device = offer.device;
	at.seat = event.seat;
	at.token = event.token;

	CHECK_EQ(ATTACH_WITH(version, 9), -EPROTO);
	CHECK_EQ(ATTACH_WITH(flags, 1), -EINVAL);
	CHECK_EQ(ATTACH_WITH(pad, 1), -EINVAL);
	CHECK_EQ(ATTACH_WITH(slots, 8), -EINVAL);
	CHECK_EQ(ATTACH_WITH(slots, 17), -EINVAL);
	CHECK_EQ(ATTACH_WITH(slots, 2048), -EINVAL);
	CHECK_EQ(ATTACH_WITH(host_size, 0), -EINVAL);
	CHECK_EQ(ATTACH_WITH(host_size, 4096), -EINVAL);
	CHECK_EQ(ATTACH_WITH(host_size, 1ull << 41), -EINVAL);
	CHECK_EQ(ATTACH_WITH(arena, -4096ull), -EINVAL);
	CHECK_EQ(ATTACH_WITH(seat, 16), -ENOENT);
	CHECK_EQ(ATTACH_WITH(token, event.token + 1), -ENOENT);
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_ATTACH, &at), 0);
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_ATTACH, &at), -EBUSY);
	CHECK_EQ(ATTACH_WITH(seat, event.seat), -ENOENT);

	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_ENTER, &enter), -ENXIO);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, seat, 0) == MAP_FAILED);
	CHECK(mmap(NULL, at.ring_size, PROT_READ, MAP_PRIVATE, seat, 0) == MAP_FAILED);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, seat, 4096) == MAP_FAILED);
	CHECK(mmap(NULL, 4 * MIB, PROT_READ, MAP_SHARED, seat, WEFT_SERVE_MMAP_HOST) ==
	      MAP_FAILED);
	ring = mmap(NULL, at.ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, seat, 0);
	CHECK(ring != MAP_FAILED);
	CHECK(mmap(NULL, at.ring_size, PROT_READ, MAP_SHARED, seat, 0) == MAP_FAILED);
	CHECK_EQ(munmap((char *)ring + 4096, 4096), -1);
	CHECK(mremap(ring, at.ring_size, at.ring_size, MREMAP_MAYMOVE | MREMAP_FIXED,
		     (char *)0x10000000) == MAP_FAILED);
	CHECK_EQ(ring->slots, 16);
	window = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, seat,
		      WEFT_SERVE_MMAP_HOST);
	CHECK(window != MAP_FAILED);

	enter.flags = 2;
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_ENTER, &enter), -EINVAL);
	enter.flags = 0;
	enter.timeout_ns = 1;
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_ENTER, &enter), -EINVAL);
	enter.flags = WEFT_SERVE_ENTER_WAIT;
	enter.timeout_ns = FOREVER;
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_ENTER, &enter), 0);
	p.fd = seat;
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	requests = (void *)((char *)ring + at.requests);
	CHECK_EQ(ring->sq_tail, 1);
	CHECK_EQ(requests[0].op, WEFT_SERVE_OP_LOAD);
	ring->sq_head = 1;
	CHECK_EQ(poll(&p, 1, 0), 0);
	enter.timeout_ns = in_ns(10 * MS);
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_ENTER, &enter), -ETIME);

	fetch.slot = requests[0].slot;
	fetch.generation = requests[0].generation + 1;
	fetch.size = requests[0].image.size;
	fetch.data = p64(window);
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_FETCH, &fetch), -ENOENT);
	fetch.generation--;
	fetch.offset = 1;
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_FETCH, &fetch), -EINVAL);
	fetch.offset = -1ull;
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_FETCH, &fetch), -EINVAL);
	fetch.offset = 0;
	/* no buffer is there yet */
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_FETCH, &fetch), -EFAULT);
	fetch.slot = 16;
	CHECK_EQ(ioc(seat, WEFT_SERVE_IOCTL_FETCH, &fetch), -ENOENT);
}

TEST(attach_args, "ATTACH, its mappings, ENTER and FETCH, step by step")
{
	pid_t pid = spawn();

	/* a seat is killed when it ends */
	if (!pid) {
		attach();
		_exit(0);
	}
	CHECK_EQ(reap(pid), 0);
}
