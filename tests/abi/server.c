// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device server of the time when version 1 was frozen: offers a device, and is its one seat.
 *
 * DOC: abi server
 *
 * Built with the headers in tests/abi/v1 and nothing else of the tree. Its device accepts the
 * instruction set "v1" and does nothing, well. It withdraws the device and ends when the first seat
 * has retired. Server and seat are one process with two files, which the ABI allows.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/weft_drm.h>
#include <drm/weft_serve.h>

#define SLOTS	16u
#define WINDOW	(2ull << 20)

static struct weft_serve_offer offer = {
	.version = WEFT_SERVE_VERSION,
	.features = WEFT_SERVE_F_ABORT,
	.name = "old",
	.vendor = "tests",
	.model = "v1",
	.isas = { "v1" },
	.dev_class = DRM_WEFT_CLASS_NPU,
	.engines = 1,
	.credits = 1,
	.streams = 1,
	.seats = 1,
	.memory = WEFT_SERVE_MEMORY_ARENA,
	.recovery = WEFT_SERVE_RECOVERY_FAIL,
	.numa_node = -1,
	.memory_size = 1 << 20,
	.bandwidth_down = 1000,
	.bandwidth_up = 1000,
	.idle_ns = 20 * 1000 * 1000,
};

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_node(void)
{
	struct weft_serve_version version = { .version = WEFT_SERVE_VERSION };
	int fd = open("/dev/weft_serve", O_RDWR | O_CLOEXEC);

	need(fd >= 0, "/dev/weft_serve");
	need(!ioctl(fd, WEFT_SERVE_IOCTL_VERSION, &version), "VERSION");
	return fd;
}

/* A seat works until it retires. */
static void sit(const struct weft_serve_event *event)
{
	struct weft_serve_attach at = {
		.version = WEFT_SERVE_VERSION, .device = offer.device, .seat = event->seat,
		.token = event->token, .slots = SLOTS, .arena = 1ull << 32, .host_size = WINDOW,
	};
	struct weft_serve_enter enter = {
		.flags = WEFT_SERVE_ENTER_WAIT, .timeout_ns = UINT64_MAX,
	};
	int fd = open_node(), retired = 0;
	struct weft_serve_completion *completions;
	struct weft_serve_request *requests;
	struct weft_serve_ring *ring;
	uint32_t head = 0, tail = 0;
	void *memory;

	need(!ioctl(fd, WEFT_SERVE_IOCTL_ATTACH, &at), "ATTACH");
	memory = mmap(NULL, at.ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      WEFT_SERVE_MMAP_RING);
	need(memory != MAP_FAILED, "mmap");
	ring = memory;
	requests = (void *)((char *)memory + at.requests);
	completions = (void *)((char *)memory + at.completions);
	need(ring->slots == SLOTS && ring->version == WEFT_SERVE_VERSION, "the ring");
	while (!retired) {
		if (ioctl(fd, WEFT_SERVE_IOCTL_ENTER, &enter)) {
			need(errno == EINTR, "ENTER");
			continue;
		}
		while (head != __atomic_load_n(&ring->sq_tail, __ATOMIC_ACQUIRE)) {
			const struct weft_serve_request *r = &requests[head++ % SLOTS];

			completions[tail++ % SLOTS] = (struct weft_serve_completion) {
				.slot = r->slot, .generation = r->generation,
				.value = r->op == WEFT_SERVE_OP_LOAD ? 7 : 0,
			};
			need(r->op != WEFT_SERVE_OP_LAUNCH || r->launch.image == 7, "the image");
			retired |= r->op == WEFT_SERVE_OP_RETIRE;
		}
		__atomic_store_n(&ring->sq_head, head, __ATOMIC_RELEASE);
		__atomic_store_n(&ring->cq_tail, tail, __ATOMIC_RELEASE);
	}
	enter.flags = 0;
	enter.timeout_ns = 0;
	need(!ioctl(fd, WEFT_SERVE_IOCTL_ENTER, &enter) || errno == EPIPE, "the last ENTER");
	close(fd);
}

int main(void)
{
	struct weft_serve_withdraw withdraw = {};
	struct weft_serve_event event;
	int fd = open_node();

	need(!ioctl(fd, WEFT_SERVE_IOCTL_OFFER, &offer), "OFFER");
	puts("server: ready");
	fflush(stdout);
	do {
		need(read(fd, &event, sizeof(event)) == sizeof(event), "read");
		if (event.type == WEFT_SERVE_EVENT_SPAWN)
			sit(&event);
	} while (event.type != WEFT_SERVE_EVENT_RETIRED);
	need(!ioctl(fd, WEFT_SERVE_IOCTL_WITHDRAW, &withdraw), "WITHDRAW");
	puts("server: all is well");
	return 0;
}
