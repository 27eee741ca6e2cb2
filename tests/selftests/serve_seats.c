// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two seats of one device, each for a tenant: what one can reach of the other's.
 *
 * DOC: serve_seats
 *
 * The seats are hostile: when they are asked to, they look at every page of their window, map what
 * they can think of and try to become each other. The server is made of libweft-serve with a
 * spawn() of its own, which forks.
 */
/* vm: smp=2 timeout=120 kernels=stock,debug,next insmod=weft,weft_serve */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <weft-serve.h>

#include "common.h"

#define UID		1001
#define WINDOW		(4 * MIB)
#define MEMORY		(4 * MIB)
#define SIZE		(256 * KIB)
#define OWN		0xa11ce000a11ce000ull
#define FOREIGN		0xb0bb0bb0b0bb0bb0ull
#define SPY		1u	/* kernel of the program */

/* what a seat found, by tenant */
struct found {
	uint32_t own, foreign, other;	/* pages of the window with these words, or any other */
	uint32_t holes;			/* pages where nothing is */
	int map_fresh, map_behind, map_ring_behind, map_server, attach;
	pid_t pid;
	uint64_t token;
};

static struct shared {
	struct found tenant[2];
	uint32_t device, seat[2];
	uint64_t token[2];
	uint32_t spawned;
	int ready;
} *shared;

static uint32_t seat_index;
static int map_server;

/* ------------------------------------------------------------------------------------- a seat */

/* A pipe takes bytes from where there are some and says EFAULT elsewhere: no signal per hole. */
static void scan(struct found *f, const uint8_t *window)
{
	uint64_t at, word;
	int fd[2];

	f->own = f->foreign = f->other = f->holes = 0;
	if (pipe(fd))
		return;
	for (at = 0; at < WINDOW; at += 4096) {
		if (write(fd[1], window + at, sizeof(word)) != sizeof(word)) {
			f->holes += errno == EFAULT;
			continue;
		}
		if (read(fd[0], &word, sizeof(word)) != sizeof(word))
			break;
		if (word == OWN)
			f->own++;
		else if (word == FOREIGN)
			f->foreign++;
		else
			f->other++;
	}
	close(fd[0]);
	close(fd[1]);
}

static int map_errno(int fd, uint64_t offset, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	if (at == MAP_FAILED)
		return errno;
	munmap(at, size);
	return 0;
}

static void probe(struct found *f, struct weft_seat *seat)
{
	uint32_t other = !seat_index;
	struct weft_serve_attach attach = {
		.version = WEFT_SERVE_VERSION,
		.device = shared->device,
		.seat = shared->seat[other],
		.token = shared->token[other],
		.slots = 16,
		.host_size = WINDOW,
	};
	int fresh = open("/dev/weft_serve", O_RDWR);

	f->map_fresh = map_errno(fresh, WEFT_SERVE_MMAP_HOST, WINDOW);
	f->map_behind = map_errno(weft_seat_fd(seat), WEFT_SERVE_MMAP_HOST + WINDOW, 4096);
	f->map_ring_behind = map_errno(weft_seat_fd(seat), WEFT_SERVE_MMAP_RING, 512 * MIB);
	f->map_server = map_server;
	/* even with the other's token, which it cannot know */
	f->attach = ioctl(fresh, WEFT_SERVE_IOCTL_ATTACH, &attach) ? errno : 0;
	close(fresh);
}

static int seat_open(struct weft_seat *seat, uint64_t *arena)
{
	void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);

	(void)seat;
	*arena = (uintptr_t)memory;
	return memory == MAP_FAILED ? -ENOMEM : 0;
}

static int seat_load(struct weft_seat *seat, struct weft_load *load, uint64_t *image)
{
	(void)seat;
	(void)load;
	*image = 1;
	return 0;
}

static const uint8_t *window;

static int seat_launch(struct weft_request *request)
{
	struct found *f = &shared->tenant[strcmp(weft_seat_tenant(request->seat), "default") != 0];

	if (request->abi.launch.kernel != SPY)
		return 0;
	f->pid = getpid();
	if (window)
		scan(f, window);
	probe(f, request->seat);
	return 0;
}

static int seat_copy(struct weft_request *request)
{
	void *device = (void *)(uintptr_t)request->abi.copy.device;

	if (request->bytes)
		window = (uint8_t *)request->bytes - request->abi.copy.host;
	if (request->abi.op == WEFT_SERVE_OP_COPY_IN)
		memcpy(device, request->bytes, request->abi.copy.length);
	else if (request->abi.op == WEFT_SERVE_OP_COPY_OUT)
		memcpy(request->bytes, device, request->abi.copy.length);
	else
		memset(device, 0, request->abi.copy.length);
	return 0;
}

static int server_spawn(struct weft_server *server, const struct weft_serve_event *event,
			const char *spec);

static const struct weft_serve_ops ops = {
	.open = seat_open,
	.load = seat_load,
	.launch = seat_launch,
	.copy = seat_copy,
	.spawn = server_spawn,
};

static const struct weft_serve_config config = {
	.host_size = WINDOW,
	.offer = {
		.name = "spied",
		.vendor = "tests",
		.model = "spied",
		.isas = { "spy" },
		.dev_class = DRM_WEFT_CLASS_NPU,
		.engines = 1,
		.credits = 2,
		.streams = 1,
		.seats = 2,
		.numa_node = -1,
		.memory_size = MEMORY,
		.bandwidth_down = 1000,
		.bandwidth_up = 1000,
		.spawn_ns = PATIENCE,
		.answer_ns = PATIENCE,
	},
};

static int server_spawn(struct weft_server *server, const struct weft_serve_event *event,
			const char *spec)
{
	struct weft_seat *seat;
	pid_t pid;
	int ret;

	seat_index = shared->spawned & 1;
	shared->seat[seat_index] = event->seat;
	shared->token[seat_index] = event->token;
	shared->spawned++;
	pid = fork();
	if (pid)
		return pid < 0 ? -errno : 0;
	/* the server is gone when its file is, so a seat must not hold it */
	map_server = map_errno(weft_server_fd(server), WEFT_SERVE_MMAP_HOST, WINDOW);
	close(weft_server_fd(server));
	ret = weft_seat_attach(&seat, &config, &ops, spec);
	while (ret >= 0)
		ret = weft_seat_dispatch(seat, WEFT_SERVE_FOREVER);
	_exit(ret == -ESHUTDOWN ? 0 : 1);
}

/* ---------------------------------------------------------------------------------- the device */

static pid_t device_start(void)
{
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	CHECK(shared != MAP_FAILED);
	pid = spawn();
	if (!pid) {
		struct weft_server *server;

		signal(SIGCHLD, SIG_IGN);
		if (weft_server_offer(&server, &config, &ops, NULL)) {
			tap_note("%s", weft_serve_error());
			_exit(1);
		}
		shared->device = weft_server_config(server)->offer.device;
		shared->ready = 1;
		for (;;)
			weft_server_dispatch(server, WEFT_SERVE_FOREVER);
	}
	for (uint64_t until = in_ns(PATIENCE); !*(volatile int *)&shared->ready; sleep_ms(2))
		CHECK_MSG(now_ns() < until, "no device");
	CHECK_EQ(chmod(pool_path(), 0666), 0);
	return pid;
}

static void device_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	reap(pid);
	while (!access("/sys/bus/weft/devices/spied", F_OK))
		sleep_ms(2);
}

static void client_of(struct client *c)
{
	static const struct drm_weft_kernel kernels[] = {
		{ "nop", sizeof(struct weft_sim_nop), 0 },
		{ "spy", sizeof(struct weft_sim_nop), 0 },
	};
	struct drm_weft_image image = { .isa = "spy", .data = p64("x"), .size = 1 };
	struct drm_weft_program_create p = {
		.images = p64(&image),
		.kernels = p64(kernels),
		.image_count = 1,
		.image_stride = sizeof(image),
		.kernel_count = 2,
		.kernel_stride = sizeof(kernels[0]),
	};

	c->fd = pool_open();
	c->queue = queue_create(c->fd, 0, 16);
	CHECK_EQ(ioc(c->fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p), 0);
	c->program = p.handle;
}

/* A buffer full of @word, which a job has read, so that it is in the window. */
static uint32_t show(const struct client *c, uint64_t word)
{
	uint32_t bo = bo_create(c->fd, SIZE);
	uint64_t words[512];
	struct job job;
	unsigned int i;

	for (i = 0; i < 512; i++)
		words[i] = word;
	for (i = 0; i < SIZE / sizeof(words); i++)
		CHECK_EQ(bo_write(c->fd, bo, i * sizeof(words), words, sizeof(words)), 0);
	job_nop(&job, c, 0);
	job.j.timeout_ns = PATIENCE;
	job_buffer(&job, bo, DRM_WEFT_ACCESS_READ);
	job_run(c, &job);
	return bo;
}

static void spy(const struct client *c)
{
	struct job job;

	job_nop(&job, c, 0);
	job.j.kernel = SPY;
	/* thousands of calls, on a kernel with checkers */
	job.j.timeout_ns = PATIENCE;
	job_run(c, &job);
}

static void expect_refused(const struct found *f)
{
	CHECK(f->map_fresh);
	CHECK(f->map_behind);
	CHECK(f->map_ring_behind);
	CHECK(f->map_server);
	CHECK(f->attach);
}

/* ------------------------------------------------------------------------------------- tests */

TEST(apart, "neither seat can map, see or become the other")
{
	const struct found *a, *b;
	int tell[2], told[2];
	pid_t device, other;
	struct client c;
	uint32_t bo;
	char byte = 0;

	device = device_start();
	a = &shared->tenant[0];
	b = &shared->tenant[1];
	mkdir(TENANT_DIR "/spied", 0755);
	CHECK_EQ(file_writef(TENANT_DIR "/spied/uid", "%d", UID), 0);
	CHECK_EQ(pipe(tell), 0);
	CHECK_EQ(pipe(told), 0);
	other = spawn();
	if (!other) {
		struct client mine;

		close(tell[1]);
		drop_to(UID);
		client_of(&mine);
		show(&mine, FOREIGN);
		CHECK_EQ(write(told[1], &byte, 1), 1);
		CHECK_EQ(read(tell[0], &byte, 1), 1);
		spy(&mine);
		_exit(0);
	}
	CHECK_EQ(read(told[0], &byte, 1), 1);

	client_of(&c);
	bo = show(&c, OWN);
	CHECK_EQ(shared->spawned, 2);
	spy(&c);
	/* it sees all of its own buffer, so it can see */
	CHECK_EQ(a->own, SIZE / 4096);
	CHECK_EQ(a->foreign, 0);
	CHECK_EQ(a->other, 0);
	CHECK_EQ(a->holes, (WINDOW - SIZE) / 4096);
	expect_refused(a);

	CHECK_EQ(write(tell[1], "", 1), 1);
	CHECK_EQ(reap(other), 0);
	CHECK(a->pid != b->pid);
	CHECK_EQ(b->own, 0);
	CHECK_EQ(b->foreign, SIZE / 4096);
	CHECK_EQ(b->other, 0);
	expect_refused(b);

	/* the other has left; what was his is nobody's */
	spy(&c);
	CHECK_EQ(a->foreign, 0);
	CHECK_EQ(a->own, SIZE / 4096);
	bo_close(c.fd, bo);
	client_close(&c);
	device_stop(device);
	rmdir(TENANT_DIR "/spied");
}

TEST(revoked, "a buffer that is gone is gone from the window, and so are its bytes")
{
	const struct found *a;
	struct client c;
	uint32_t bo, kept;
	pid_t device;
	int i;

	device = device_start();
	a = &shared->tenant[0];
	client_of(&c);
	kept = show(&c, OWN);
	for (i = 0; i < 3; i++) {
		bo = show(&c, FOREIGN);
		spy(&c);
		CHECK_EQ(a->foreign, SIZE / 4096);
		bo_close(c.fd, bo);
		/* REVOKE is asked for as the buffer goes, and comes before the next launch ends */
		for (uint64_t until = in_ns(PATIENCE); ; sleep_ms(2)) {
			spy(&c);
			if (!a->foreign)
				break;
			CHECK_MSG(now_ns() < until, "%u pages stay", a->foreign);
		}
		CHECK_EQ(a->own, SIZE / 4096);
		CHECK_EQ(a->other, 0);
		CHECK_EQ(a->holes, (WINDOW - SIZE) / 4096);
	}
	bo_close(c.fd, kept);
	client_close(&c);
	device_stop(device);
}
