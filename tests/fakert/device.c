// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device: a file in which processes keep account of its memory and time.
 *
 * DOC: device
 *
 * Each opening has a slot in the file and holds a lock (F_OFD_SETLK) on the byte of that number
 * for as long as it lives. The kernel drops the lock when the last descriptor is gone, also after
 * SIGKILL, so a slot whose byte is not locked is free, whatever it says. A sum over the slots that
 * are alive is therefore right at any time; there is no total that a crash could leave wrong.
 *
 * Rejected: a process-shared mutex and process ids (robust mutexes need recovery, ids are reused).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define FAKERT_MAGIC	0x31545246u
#define FAKERT_SLOTS	64

struct fakert_slot {
	uint64_t used;
	uint64_t busy_ns;
	uint32_t contexts;
	uint32_t taken;
	/* for people and fakert_device_processes(); who lives is told by the lock */
	int32_t pid;
	uint32_t pad;
};

/* Bytes 0 and 1 + slot of the file are what locks are held on. */
struct fakert_shared {
	uint32_t magic;
	uint32_t slots;
	struct fakert_device_desc desc;
	/* of openings that are gone */
	uint64_t busy_gone_ns;
	struct fakert_slot slot[FAKERT_SLOTS];
};

struct fakert_device {
	int fd;
	unsigned int index;
	struct fakert_shared *shared;
	/* the lock on byte 0 keeps processes out, this one threads */
	pthread_mutex_t lock;
};

uint64_t fakert_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void fakert_sleep_until(uint64_t ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int fakert_lock_byte(int fd, int op, short type, off_t byte, bool *held)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int ret;

	do {
		ret = fcntl(fd, op, &lock);
	} while (ret && errno == EINTR);
	if (!ret && held)
		*held = lock.l_type != F_UNLCK;
	return ret;
}

static void fakert_device_lock(struct fakert_device *device)
{
	pthread_mutex_lock(&device->lock);
	fakert_lock_byte(device->fd, F_OFD_SETLKW, F_WRLCK, 0, NULL);
}

static void fakert_device_unlock(struct fakert_device *device)
{
	fakert_lock_byte(device->fd, F_OFD_SETLKW, F_UNLCK, 0, NULL);
	pthread_mutex_unlock(&device->lock);
}

/* Frees the slots of openings that are gone. */
static void fakert_reap_locked(struct fakert_device *device)
{
	struct fakert_shared *shared = device->shared;
	unsigned int i;
	bool held;

	for (i = 0; i < FAKERT_SLOTS; i++) {
		if (!shared->slot[i].taken || i == device->index)
			continue;
		if (fakert_lock_byte(device->fd, F_OFD_GETLK, F_WRLCK, 1 + (off_t)i, &held) || held)
			continue;
		shared->busy_gone_ns += shared->slot[i].busy_ns;
		memset(&shared->slot[i], 0, sizeof(shared->slot[i]));
	}
}

static uint64_t fakert_used_locked(const struct fakert_device *device)
{
	uint64_t used = 0;
	unsigned int i;

	for (i = 0; i < FAKERT_SLOTS; i++)
		used += device->shared->slot[i].used;
	return used;
}

enum fakert_result fakert_device_create(const char *path, const struct fakert_device_desc *desc)
{
	struct fakert_shared shared = {
		.magic = FAKERT_MAGIC, .slots = FAKERT_SLOTS, .desc = *desc,
	};
	ssize_t length;
	int fd;

	if (!desc->memory_size || !desc->granule || (desc->granule & (desc->granule - 1)))
		return FAKERT_INVALID;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return FAKERT_NO_DEVICE;
	length = write(fd, &shared, sizeof(shared));
	close(fd);
	if (length == (ssize_t)sizeof(shared))
		return FAKERT_OK;
	unlink(path);
	return FAKERT_NO_DEVICE;
}

/* Maps the file of @device and takes a slot. */
static enum fakert_result fakert_device_join(struct fakert_device *device)
{
	struct fakert_shared *shared;
	enum fakert_result result = FAKERT_NO_DEVICE;
	struct stat stat;
	unsigned int i;

	if (fstat(device->fd, &stat) || stat.st_size < (off_t)sizeof(*shared))
		return FAKERT_NO_DEVICE;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, 0);
	if (shared == MAP_FAILED)
		return FAKERT_NO_HOST_MEMORY;
	device->shared = shared;
	device->index = FAKERT_SLOTS;
	if (shared->magic == FAKERT_MAGIC && shared->slots == FAKERT_SLOTS) {
		fakert_device_lock(device);
		fakert_reap_locked(device);
		for (i = 0; i < FAKERT_SLOTS && shared->slot[i].taken; i++)
			;
		if (i < FAKERT_SLOTS &&
		    !fakert_lock_byte(device->fd, F_OFD_SETLK, F_WRLCK, 1 + (off_t)i, NULL)) {
			shared->slot[i].taken = 1;
			shared->slot[i].pid = getpid();
			device->index = i;
			result = FAKERT_OK;
		}
		fakert_device_unlock(device);
	}
	if (result != FAKERT_OK)
		munmap(shared, sizeof(*shared));
	return result;
}

enum fakert_result fakert_device_open(const char *path, struct fakert_device **device)
{
	struct fakert_device *d = calloc(1, sizeof(*d));
	enum fakert_result result;

	*device = NULL;
	if (!d)
		return FAKERT_NO_HOST_MEMORY;
	d->fd = open(path, O_RDWR | O_CLOEXEC);
	if (d->fd < 0) {
		free(d);
		return FAKERT_NO_DEVICE;
	}
	pthread_mutex_init(&d->lock, NULL);
	result = fakert_device_join(d);
	if (result != FAKERT_OK) {
		close(d->fd);
		pthread_mutex_destroy(&d->lock);
		free(d);
		return result;
	}
	*device = d;
	return FAKERT_OK;
}

enum fakert_result fakert_device_close(struct fakert_device *device)
{
	struct fakert_slot *slot = &device->shared->slot[device->index];

	fakert_device_lock(device);
	if (slot->contexts) {
		fakert_device_unlock(device);
		return FAKERT_BUSY;
	}
	device->shared->busy_gone_ns += slot->busy_ns;
	memset(slot, 0, sizeof(*slot));
	fakert_device_unlock(device);
	munmap(device->shared, sizeof(*device->shared));
	close(device->fd);
	pthread_mutex_destroy(&device->lock);
	free(device);
	return FAKERT_OK;
}

void fakert_device_describe(const struct fakert_device *device, struct fakert_device_desc *desc)
{
	*desc = device->shared->desc;
}

enum fakert_result fakert_device_info(struct fakert_device *device,
				      struct fakert_device_info *info)
{
	struct fakert_shared *shared = device->shared;
	unsigned int i;

	memset(info, 0, sizeof(*info));
	fakert_device_lock(device);
	fakert_reap_locked(device);
	info->memory_used = fakert_used_locked(device);
	info->memory_own = shared->slot[device->index].used;
	info->busy_ns = shared->busy_gone_ns;
	for (i = 0; i < FAKERT_SLOTS; i++) {
		info->busy_ns += __atomic_load_n(&shared->slot[i].busy_ns, __ATOMIC_RELAXED);
		info->contexts += shared->slot[i].contexts;
		info->processes += shared->slot[i].taken;
	}
	info->busy_own_ns = __atomic_load_n(&shared->slot[device->index].busy_ns, __ATOMIC_RELAXED);
	fakert_device_unlock(device);
	return FAKERT_OK;
}

enum fakert_result fakert_device_processes(struct fakert_device *device,
					   struct fakert_process *list, uint32_t room,
					   uint32_t *count)
{
	const struct fakert_slot *slot = device->shared->slot;
	unsigned int i;

	*count = 0;
	fakert_device_lock(device);
	fakert_reap_locked(device);
	for (i = 0; i < FAKERT_SLOTS && *count < room; i++) {
		if (!slot[i].taken)
			continue;
		list[(*count)++] = (struct fakert_process){
			.pid = slot[i].pid,
			.memory_used = slot[i].used,
			.busy_ns = __atomic_load_n(&slot[i].busy_ns, __ATOMIC_RELAXED),
		};
	}
	fakert_device_unlock(device);
	return FAKERT_OK;
}

/* Adds to what this opening holds; either number may be negative. */
enum fakert_result fakert_charge(struct fakert_device *device, int64_t bytes, int contexts)
{
	struct fakert_slot *slot = &device->shared->slot[device->index];
	enum fakert_result result = FAKERT_OK;

	fakert_device_lock(device);
	if (bytes > 0) {
		fakert_reap_locked(device);
		if ((uint64_t)bytes > device->shared->desc.memory_size - fakert_used_locked(device))
			result = FAKERT_NO_MEMORY;
	}
	if (result == FAKERT_OK) {
		slot->used += (uint64_t)bytes;
		slot->contexts += (uint32_t)contexts;
	}
	fakert_device_unlock(device);
	return result;
}

void fakert_busy(struct fakert_device *device, uint64_t ns)
{
	__atomic_fetch_add(&device->shared->slot[device->index].busy_ns, ns, __ATOMIC_RELAXED);
}
