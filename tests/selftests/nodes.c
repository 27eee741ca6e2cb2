// SPDX-License-Identifier: GPL-2.0-only
/*
 * F37: accel or render is a pool's property; all that weft does is the same through either.
 *
 * The modules are files beside the program: one subtest loads them itself.
 */
/* vm: smp=4 timeout=120 kernels=stock,debug,next insmod=weft,weft_sim */
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common.h"

static void cleanup(bool last)
{
	devs_cleanup(last);
	if (access(POOL_DIR "/default", F_OK)) {
		module_load("weft", "");
		module_load("weft_sim", "");
	}
	pool_enable("default", false);
	pool_set("default", "node", "accel");
	pool_enable("default", true);
}

SETUP()
{
	tap_cleanup = cleanup;
}

/* the default pool with a render node; path of its node of @kind */
static void render_pool(const char *kind, char *path, size_t size)
{
	CHECK_EQ(pool_enable("default", false), 0);
	CHECK_EQ(pool_set("default", "node", "render"), 0);
	CHECK_EQ(pool_enable("default", true), 0);
	CHECK_EQ(pool_node("default", kind, path, size), 0);
}

static int open_rw(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void client_at(struct client *c, const char *path)
{
	c->fd = open_rw(path);
	CHECK_MSG(c->fd >= 0, "%s: %s", path, tap_value(c->fd));
	c->queue = queue_create(c->fd, 0, 0);
	c->program = program_create(c->fd);
}

/* a chain of jobs over buffers, mapped and read back; what came out */
static uint32_t compute(const struct client *c)
{
	enum { SIZE = 64 * 1024 };
	uint32_t x = bo_create(c->fd, SIZE), y = bo_create(c->fd, SIZE);
	uint32_t z = bo_create(c->fd, SIZE), *map, sum = 0;
	struct job job[3];

	map = bo_map(c->fd, x, SIZE);
	CHECK_EQ(bo_cpu(c->fd, true, x, DRM_WEFT_ACCESS_WRITE, FOREVER), 0);
	for (int i = 0; i < SIZE / 4; i++)
		map[i] = i * 2654435761u;
	CHECK_EQ(bo_cpu(c->fd, false, x, DRM_WEFT_ACCESS_WRITE, 0), 0);
	job_fill(&job[0], c, y, SIZE, 0x10101);
	job_add(&job[1], c, z, x, y, SIZE);
	job_add(&job[2], c, y, z, x, SIZE);
	CHECK_EQ(job_result(c->fd, submit(c, job, 3) + 2), 0);
	munmap(map, SIZE);
	map = bo_map(c->fd, y, SIZE);
	CHECK_EQ(bo_cpu(c->fd, true, y, DRM_WEFT_ACCESS_READ, FOREVER), 0);
	for (int i = 0; i < SIZE / 4; i++)
		sum = sum * 31 + map[i];
	CHECK_EQ(bo_cpu(c->fd, false, y, DRM_WEFT_ACCESS_READ, 0), 0);
	munmap(map, SIZE);
	return sum;
}

TEST(same_answers, "the same jobs give the same bytes through accel, render and primary node")
{
	char path[512];
	struct client c;
	uint32_t sum[3];

	dev_add("d", DEV_NULL);
	client_open_pool(&c, "default");
	sum[0] = compute(&c);
	client_close(&c);
	render_pool("renderD", path, sizeof(path));
	client_at(&c, path);
	sum[1] = compute(&c);
	client_close(&c);
	CHECK_EQ(pool_node("default", "card", path, sizeof(path)), 0);
	client_at(&c, path);
	sum[2] = compute(&c);
	client_close(&c);
	CHECK(sum[0]);
	CHECK_EQ(sum[1], sum[0]);
	CHECK_EQ(sum[2], sum[0]);
}

TEST(every_ioctl, "no ioctl of weft's is refused on a render node for being there")
{
	char path[512], data[1024];
	int fd, known = 0;

	render_pool("renderD", path, sizeof(path));
	fd = open_rw(path);
	CHECK(fd >= 0);
	for (unsigned int nr = DRM_COMMAND_BASE; nr < DRM_COMMAND_END; nr++) {
		long ret;

		memset(data, 0xff, sizeof(data));
		/* the core takes size and direction from its own table */
		ret = ioc(fd, _IOC(_IOC_READ | _IOC_WRITE, 'd', nr, 256), data);
		CHECK_MSG(ret != -EACCES && ret != -EPERM, "ioctl %u: %s", nr, tap_value(ret));
		known++;
	}
	CHECK(known > 17);
	/* those of the core that need more than rendering are */
	CHECK_EQ(ioc(fd, DRM_IOCTL_GET_MAGIC, data), -EACCES);
	CHECK_EQ(ioc(fd, DRM_IOCTL_GEM_FLINK, &(struct drm_gem_flink){}), -EACCES);
}

TEST(not_root, "with the mode that the pool asks for an ordinary user works, without it not")
{
	char path[512], text[16];
	pid_t pid;
	int ret;

	dev_add("d", DEV_NULL);
	render_pool("renderD", path, sizeof(path));
	CHECK_EQ(pool_set("default", "mode", "0666"), 0);
	snprintf(text, sizeof(text), "%s", "");
	CHECK(file_read("/sys/devices/platform/weft/weft/mode", text, sizeof(text)) == 4);
	/* what udev's rule does; there is no udev here */
	for (int round = 0; round < 2; round++) {
		CHECK_EQ(chmod(path, round ? strtoul(text, NULL, 8) : 0600), 0);
		pid = spawn();
		if (!pid) {
			struct client c;
			int fd;

			drop_to(1000);
			fd = open_rw(path);
			if (fd < 0)
				_exit(fd == -EACCES ? 13 : 1);
			close(fd);
			client_at(&c, path);
			_exit(compute(&c) ? 0 : 1);
		}
		ret = reap(pid);
		CHECK_EQ(ret, round ? 0 : 13);
	}
	CHECK_EQ(pool_set("default", "mode", "0660"), 0);
}

/* -------------------------------------------------------------------------- the primary node */

static long flink(int fd, uint32_t handle, uint32_t *name)
{
	struct drm_gem_flink f = { .handle = handle };
	long ret = ioc(fd, DRM_IOCTL_GEM_FLINK, &f);

	*name = f.name;
	return ret;
}

/* root is authenticated from birth: open as somebody else */
static int open_as(const char *path, unsigned int uid)
{
	int fd;

	CHECK_EQ(chmod(path, 0666), 0);
	CHECK_EQ(setresuid(-1, uid, -1), 0);
	fd = open_rw(path);
	CHECK_EQ(setresuid(-1, 0, -1), 0);
	CHECK_MSG(fd >= 0, "%s: %s", path, tap_value(fd));
	return fd;
}

TEST(primary, "flink needs authentication, and a name is no way to another client's buffer")
{
	struct drm_auth magic = {};
	struct drm_gem_open o;
	uint32_t bo, name;
	char path[512];
	int master, other, third;

	render_pool("card", path, sizeof(path));
	master = open_rw(path);
	CHECK(master >= 0);
	other = open_as(path, 1000);
	third = open_as(path, 1001);
	bo = bo_create(other, 4096);
	CHECK_EQ(flink(other, bo, &name), -EACCES);
	CHECK_EQ(ioc(other, DRM_IOCTL_GET_MAGIC, &magic), 0);
	CHECK_EQ(ioc(third, DRM_IOCTL_AUTH_MAGIC, &magic), -EACCES);
	CHECK_EQ(ioc(master, DRM_IOCTL_AUTH_MAGIC, &magic), 0);
	CHECK_EQ(flink(other, bo, &name), 0);
	CHECK(name);
	/* names are the whole node's: anybody can guess them */
	o = (struct drm_gem_open){ .name = name };
	CHECK_EQ(ioc(third, DRM_IOCTL_GEM_OPEN, &o), -EACCES);
	CHECK_EQ(ioc(master, DRM_IOCTL_GEM_OPEN, &o), -EPERM);
	/* its owner gets a second handle */
	CHECK_EQ(ioc(other, DRM_IOCTL_GEM_OPEN, &o), 0);
	CHECK(o.handle && o.size == 4096);
	bo_fill(other, bo, 4096, 9);
	bo_expect(other, o.handle, 4096, 9);
	bo_close(other, bo);
	bo_expect(other, o.handle, 4096, 9);
}

TEST(accel_rules, "an accel node has no magic, no bus id and no names, for users and for root")
{
	static const unsigned long refused[] = {
		DRM_IOCTL_GET_UNIQUE, DRM_IOCTL_SET_UNIQUE, DRM_IOCTL_SET_VERSION,
		DRM_IOCTL_GET_MAGIC, DRM_IOCTL_AUTH_MAGIC, DRM_IOCTL_SET_MASTER,
		DRM_IOCTL_DROP_MASTER, DRM_IOCTL_GEM_FLINK, DRM_IOCTL_GEM_OPEN,
	};
	char path[512], name[8], data[256];
	struct drm_version v = { .name = name, .name_len = sizeof(name) };
	int fd[2];

	CHECK_EQ(pool_node("default", "accel", path, sizeof(path)), 0);
	fd[0] = open_as(path, 1000);
	fd[1] = open_rw(path);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(refused); k++) {
			memset(data, 0, sizeof(data));
			CHECK_MSG(ioc(fd[i], refused[k], data) == -EACCES, "ioctl %lx",
				  refused[k]);
		}
		/* the size in a command is not part of its name */
		CHECK_EQ(ioc(fd[i], _IOC(_IOC_READ, 'd', 0x02, 0), data), -EACCES);
		CHECK_EQ(ioc(fd[i], DRM_IOCTL_VERSION, &v), 0);
	}
}

/* ------------------------------------------------------------------------------ what is told */

static int uevents_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	CHECK(s >= 0);
	CHECK_EQ(bind(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return s;
}

/* waits for an event that has all of @want, NULL-terminated; "-" before a word: has it not */
static void uevent_expect(int s, const char *const *want)
{
	uint64_t end = in_ns(PATIENCE);
	char buf[4096];

	while (now_ns() < end) {
		struct pollfd p = { .fd = s, .events = POLLIN };
		const char *const *w;
		ssize_t n;

		if (poll(&p, 1, 1000) <= 0)
			continue;
		n = recv(s, buf, sizeof(buf) - 1, 0);
		if (n <= 0)
			continue;
		buf[n] = 0;
		for (w = want; *w; w++) {
			bool absent = **w == '-', found = false;
			const char *word = *w + absent;

			for (char *t = buf; t < buf + n; t += strlen(t) + 1)
				found |= !strncmp(t, word, strlen(word));
			if (found == absent)
				break;
		}
		if (!*w)
			return;
	}
	CHECK_MSG(false, "no event with %s %s %s", want[0], want[1], want[2] ?: "");
}

#define EXPECT(s, ...) uevent_expect(s, (const char *const[]){ __VA_ARGS__, NULL })

TEST(events, "owner and mode: sysfs files and uevents for udev, at first and when they change")
{
	static const char dir[] = "/sys/devices/platform/weft.p/weft/";
	static const char *const after[][2] = {
		{ "uid", "1234" }, { "gid", "5678" }, { "mode", "0640" }, { "name", "p" },
		{ "node", "render" },
	};
	char path[512], text[64];
	int s = uevents_open();

	pool_mkdir("p", "node=render");
	CHECK_EQ(pool_enable("p", true), 0);
	EXPECT(s, "add@", "WEFT_POOL=p", "WEFT_MODE=0660", "-WEFT_UID", "-WEFT_GID");
	EXPECT(s, "add@", "SUBSYSTEM=drm", "DEVNAME=dri/renderD");
	snprintf(path, sizeof(path), "%suid", dir);
	CHECK_EQ(file_read(path, text, sizeof(text)), 0);

	CHECK_EQ(pool_set("p", "owner", "1234:5678"), 0);
	EXPECT(s, "change@", "WEFT_POOL=p", "WEFT_UID=1234", "WEFT_GID=5678", "WEFT_MODE=0660");
	EXPECT(s, "change@", "SUBSYSTEM=drm", "DEVNAME=dri/renderD");
	EXPECT(s, "change@", "SUBSYSTEM=drm", "DEVNAME=dri/card");
	CHECK_EQ(pool_set("p", "mode", "640\n"), 0);
	EXPECT(s, "change@", "WEFT_POOL=p", "WEFT_UID=1234", "WEFT_MODE=0640");
	for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, after[i][0]);
		CHECK(file_read(path, text, sizeof(text)) > 0);
		CHECK_MSG(!strcmp(text, after[i][1]), "%s is %s", after[i][0], text);
	}
	/* kept while it is off; set before the node appears */
	CHECK_EQ(pool_enable("p", false), 0);
	EXPECT(s, "remove@", "DEVNAME=dri/renderD", "SUBSYSTEM=drm");
	EXPECT(s, "remove@", "WEFT_POOL=p", "WEFT_UID=1234");
	CHECK_EQ(pool_set("p", "node", "accel"), 0);
	CHECK_EQ(pool_enable("p", true), 0);
	EXPECT(s, "add@", "WEFT_POOL=p", "WEFT_UID=1234", "WEFT_GID=5678", "WEFT_MODE=0640");
	EXPECT(s, "add@", "SUBSYSTEM=accel", "DEVNAME=accel/accel");
	CHECK_EQ(pool_set("p", "owner", "none"), 0);
	EXPECT(s, "change@", "WEFT_POOL=p", "-WEFT_UID", "WEFT_MODE=0640");
	EXPECT(s, "change@", "SUBSYSTEM=accel", "DEVNAME=accel/accel");

	/* a device tells that it is somewhere else now */
	dev_add("d", DEV_NULL);
	CHECK_EQ(dev_move("d", "p"), 0);
	EXPECT(s, "change@", "SUBSYSTEM=weft", "DEVPATH=");
}

TEST(parameter, "the module's parameter node: accel or render, EINVAL for another word")
{
	char path[512], text[16];

	CHECK_EQ(module_unload("weft_sim"), 0);
	CHECK_EQ(module_unload("weft"), 0);
	CHECK_EQ(module_load("weft", "node=primary"), -EINVAL);
	CHECK_EQ(module_load("weft", "node="), -EINVAL);
	CHECK_EQ(module_load("weft", "node=render policy=fifo"), 0);
	CHECK_EQ(pool_node("default", "renderD", path, sizeof(path)), 0);
	CHECK_EQ(pool_node("default", "accel", path, sizeof(path)), -ENOENT);
	CHECK(pool_get("default", "policy", text, sizeof(text)) > 0 && !strcmp(text, "fifo"));
	/* others start as accel */
	pool_mkdir("p");
	CHECK(pool_get("p", "node", text, sizeof(text)) > 0 && !strcmp(text, "accel"));
	CHECK(pool_get("p", "policy", text, sizeof(text)) > 0 && !strcmp(text, "fifo"));
	/* a configured pool holds the module, a removed one does not */
	CHECK_EQ(pool_enable("p", true), 0);
	CHECK(module_unload("weft") < 0);
	CHECK_EQ(pool_rmdir("p"), 0);
	CHECK_EQ(module_unload("weft"), 0);
	CHECK_EQ(module_load("weft", "node=accel"), 0);
	/* the numbers of the first life are free again */
	CHECK_EQ(pool_node("default", "accel", path, sizeof(path)), 0);
	CHECK(!strcmp(path, "/dev/accel/accel0"));
	CHECK_EQ(module_load("weft_sim", ""), 0);
}
