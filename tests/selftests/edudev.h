/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's edu devices as the tests see them: where they are, programs and jobs for them, and ways to
 * take them away.
 *
 * DOC: edu devices of a test
 *
 * A device goes in three ways. In order: its remove file in sysfs (and back by a scan of the bus).
 * Silently: the slot's power is switched off in the port's registers, behind the back of the
 * hotplug driver; the device answers with all ones and nobody is told. By surprise: with power
 * and lamp off QEMU takes the card out, and the hotplug driver finds the slot empty; the card comes
 * back only if the host plugs it in again (tests/edu/run does).
 */
#ifndef EDUDEV_H
#define EDUDEV_H

#include <drm/weft_edu.h>

#include "common.h"

#define EDU_DEVICES	4	/* what the tests ask the harness for */

struct edu_dev {
	char pci[16];		/* address of the function, as in sysfs */
	char port[16];		/* of the root port above it */
	int node;		/* of the function, from sysfs */
	char name[DRM_WEFT_NAME_LEN];	/* on the weft bus, "" if it is not there */
};

/* functions on the bus in the order of their addresses, and what weft calls them; their number */
int edu_list(struct edu_dev *devs, int max);
/* waits until @count of them are on the weft bus; fails the subtest */
void edu_await(struct edu_dev *devs, int count);
void edu_info(int fd, const struct edu_dev *dev, struct drm_weft_device_info *info);

long edu_remove(const struct edu_dev *dev);
long edu_rescan(void);
/* power of the device's slot, behind everybody's back */
void edu_power(const struct edu_dev *dev, bool on);
/* the card is gone, and the hotplug driver notices */
void edu_pull(const struct edu_dev *dev);

/* a client whose program is the edu program: kernel n is operation n */
void edu_client_open(struct client *c);
uint32_t edu_program_create(int fd);
/* one launch; buffers of at least @bytes */
void edu_job(struct job *job, const struct client *c, enum weft_edu_op op, uint32_t dst,
	     uint32_t src, uint64_t bytes);

/* what the device computes */
uint32_t edu_factorial(uint32_t n);
/* bytes that say whose they are: word i of @seed's pattern; never 0, high bit set */
uint32_t edu_pattern(uint32_t seed, uint32_t i);

#endif /* EDUDEV_H */
