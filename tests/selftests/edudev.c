// SPDX-License-Identifier: GPL-2.0-only
/*
 * The edu devices of the tests; see edudev.h.
 */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>

#include "edudev.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct edu_dev *)a)->pci, ((const struct edu_dev *)b)->pci);
}

/* The weft device is a child of the function's, and its subsystem is the weft bus. */
static void read_name(struct edu_dev *dev)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	*dev->name = 0;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s", dev->pci);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s/subsystem", dev->pci, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		if (!strcmp(basename(target), "weft"))
			snprintf(dev->name, sizeof(dev->name), "%.31s", e->d_name);
	}
	if (dir)
		closedir(dir);
}

static bool read_dev(struct edu_dev *dev, const char *address)
{
	char path[PATH_MAX], target[PATH_MAX], text[32];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/device", address);
	if (file_read(path, text, sizeof(text)) < 0 || strcmp(text, "0x11e8"))
		return false;
	snprintf(dev->pci, sizeof(dev->pci), "%s", address);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/numa_node", address);
	dev->node = file_read(path, text, sizeof(text)) < 0 ? -1 : atoi(text);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s", address);
	if (!realpath(path, target))
		return false;
	snprintf(dev->port, sizeof(dev->port), "%.15s", basename(dirname(target)));
	read_name(dev);
	return true;
}

int edu_list(struct edu_dev *devs, int max)
{
	DIR *dir = opendir(PCI_DEVICES);
	struct dirent *e;
	int n = 0;

	CHECK(dir);
	while (n < max && (e = readdir(dir)))
		n += read_dev(&devs[n], e->d_name);
	closedir(dir);
	qsort(devs, n, sizeof(*devs), by_address);
	return n;
}

void edu_await(struct edu_dev *devs, int count)
{
	uint64_t end = in_ns(PATIENCE);
	int n, named, i;

	for (;;) {
		n = edu_list(devs, count);
		for (i = 0, named = 0; i < n; i++)
			named += !!*devs[i].name;
		if (named == count)
			return;
		CHECK_MSG(now_ns() < end, "%d edu devices on the bus, %d known to weft, not %d",
			  n, named, count);
		sleep_ms(10);
	}
}

void edu_info(int fd, const struct edu_dev *dev, struct drm_weft_device_info *info)
{
	CHECK_MSG(dev_find(fd, dev->name, info), "%s: no device %s in the pool", dev->pci,
		  dev->name);
}

long edu_remove(const struct edu_dev *dev)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/remove", dev->pci);
	return file_write(path, "1");
}

long edu_rescan(void)
{
	return file_write("/sys/bus/pci/rescan", "1");
}

/* Offset of the PCI Express capability in the configuration space of @fd, 0 if there is none. */
static int express_capability(int fd)
{
	uint8_t at = 0, head[2];

	CHECK(pread(fd, &at, 1, 0x34) == 1);
	while (at >= 0x40) {
		CHECK(pread(fd, head, 2, at) == 2);
		if (head[0] == 0x10)
			return at;
		at = head[1];
	}
	return 0;
}

/* The port's Slot Control register: @clear these bits, then @set these. */
static void slot_control(const struct edu_dev *dev, uint16_t clear, uint16_t set)
{
	char path[PATH_MAX];
	uint16_t control;
	int fd, at;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/config", dev->port);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK_MSG(fd >= 0, "%s: %s", path, tap_value(-errno));
	at = express_capability(fd);
	CHECK(at);
	at += 0x18;
	CHECK(pread(fd, &control, 2, at) == 2);
	control = (control & ~clear) | set;
	CHECK(pwrite(fd, &control, 2, at) == 2);
	close(fd);
}

#define SLOT_INTERRUPT	0x0020
#define SLOT_LAMP	0x0300
#define SLOT_LAMP_ON	0x0100
#define SLOT_LAMP_OFF	0x0300
#define SLOT_POWER_OFF	0x0400

void edu_power(const struct edu_dev *dev, bool on)
{
	slot_control(dev, SLOT_POWER_OFF, on ? 0 : SLOT_POWER_OFF);
}

void edu_pull(const struct edu_dev *dev)
{
	/* QEMU lets go of a card whose slot is dark; the hotplug driver must not see it dark */
	slot_control(dev, SLOT_INTERRUPT | SLOT_LAMP, SLOT_LAMP_OFF | SLOT_POWER_OFF);
	slot_control(dev, SLOT_POWER_OFF | SLOT_LAMP, SLOT_LAMP_ON | SLOT_INTERRUPT);
}

uint32_t edu_program_create(int fd)
{
	static const struct drm_weft_kernel kernels[WEFT_EDU_OP_COUNT] = {
		[WEFT_EDU_OP_COPY] = { "copy", sizeof(struct weft_edu_args), 0 },
		[WEFT_EDU_OP_FACTORIAL] = { "factorial", sizeof(struct weft_edu_args), 0 },
	};
	struct weft_edu_image data = { WEFT_EDU_IMAGE_MAGIC, WEFT_EDU_IMAGE_VERSION };
	struct drm_weft_image image = {
		.isa = WEFT_EDU_ISA, .data = p64(&data), .size = sizeof(data),
	};
	struct drm_weft_program_create p = {
		.images = p64(&image), .image_count = 1, .image_stride = sizeof(image),
		.kernels = p64(kernels), .kernel_count = WEFT_EDU_OP_COUNT,
		.kernel_stride = sizeof(kernels[0]),
	};

	CHECK_EQ(ioc(fd, DRM_IOCTL_WEFT_PROGRAM_CREATE, &p), 0);
	return p.handle;
}

void edu_client_open(struct client *c)
{
	c->fd = pool_open();
	c->queue = queue_create(c->fd, 0, 0);
	c->program = edu_program_create(c->fd);
}

void edu_job(struct job *job, const struct client *c, enum weft_edu_op op, uint32_t dst,
	     uint32_t src, uint64_t bytes)
{
	/* its arguments are those of a simulated device's copy, so the job can be made of one */
	_Static_assert(sizeof(struct weft_edu_args) == sizeof(struct weft_sim_copy), "");

	job_copy(job, c, dst, src, bytes);
	job->j.kernel = op;
}

uint32_t edu_factorial(uint32_t n)
{
	uint32_t product = 1;

	/* 34! and all beyond have 32 factors of two */
	if (n > 33)
		return 0;
	for (; n; n--)
		product *= n;
	return product;
}

uint32_t edu_pattern(uint32_t seed, uint32_t i)
{
	uint32_t x = seed * 2654435761u + i * 2246822519u;

	x ^= x >> 15;
	x *= 3266489917u;
	return (x ^ x >> 13) | 0x80000000u;
}
