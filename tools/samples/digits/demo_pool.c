// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-demo: making and changing the pool it runs on.
 *
 * DOC: weft-demo pool
 *
 * Everything is done by writing the files an operator would write. Rejected: a shell script for
 * it (starting a program costs more in an emulated guest than all of these writes).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"

#define DEMO_SIM	"/sys/kernel/config/weft_sim"
#define DEMO_TENANTS	"/sys/kernel/config/weft/tenants"

/* the names of simulated devices are those of their profiles */
const char *const demo_devices[DEMO_DEVICES] = { "gpu", "dcu", "npu" };

static int demo_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	int error = 0;

	if (!file || fputs(text, file) < 0 || fflush(file))
		error = errno;
	if (file)
		fclose(file);
	if (error)
		fprintf(stderr, "weft-demo: writing \"%s\" to %s: %s\n", text, path,
			strerror(error));
	return error ? -1 : 0;
}

static int demo_read(const char *path, uint64_t *value)
{
	FILE *file = fopen(path, "r");
	int ret = -1;

	if (file && fscanf(file, "%" SCNu64, value) == 1)
		ret = 0;
	else
		fprintf(stderr, "weft-demo: reading %s: %s\n", path, strerror(errno));
	if (file)
		fclose(file);
	return ret;
}

static int demo_mkdir(const char *path)
{
	if (!mkdir(path, 0755) || errno == EEXIST)
		return 0;
	fprintf(stderr, "weft-demo: %s: %s\n", path, strerror(errno));
	return -1;
}

int demo_device_set(const char *device, const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), DEMO_SIM "/%s/%s", device, name);
	return demo_write(path, text);
}

int demo_devices_make(uint32_t dilation)
{
	char path[192], text[32];
	uint32_t i;

	snprintf(text, sizeof(text), "%u", dilation);
	for (i = 0; i < DEMO_DEVICES; i++) {
		snprintf(path, sizeof(path), DEMO_SIM "/%s", demo_devices[i]);
		if (demo_mkdir(path) || demo_device_set(demo_devices[i], "profile",
							demo_devices[i]) ||
		    demo_device_set(demo_devices[i], "dilation", text))
			return -1;
		/* what is learned about a model holds for one dilation only */
		snprintf(path, sizeof(path), "sim-%s-x%u", demo_devices[i], dilation);
		if (demo_device_set(demo_devices[i], "model", path) ||
		    demo_device_set(demo_devices[i], "enabled", "1"))
			return -1;
	}
	return 0;
}

void demo_devices_remove(void)
{
	char path[192];
	uint32_t i;

	for (i = 0; i < DEMO_DEVICES; i++) {
		snprintf(path, sizeof(path), DEMO_SIM "/%s", demo_devices[i]);
		if (access(path, F_OK))
			continue;
		demo_device_set(demo_devices[i], "enabled", "0");
		rmdir(path);
	}
}

int demo_link_scale(const char *device, int factor)
{
	static const char *const directions[] = { "bandwidth_down", "bandwidth_up" };
	char path[192], text[32];
	uint64_t bandwidth;
	uint32_t i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), DEMO_SIM "/%s/%s", device, directions[i]);
		if (demo_read(path, &bandwidth))
			return -1;
		bandwidth = factor > 0 ? bandwidth / (uint64_t)factor :
					 bandwidth * (uint64_t)-factor;
		snprintf(text, sizeof(text), "%" PRIu64, bandwidth);
		if (demo_write(path, text))
			return -1;
	}
	return 0;
}

int demo_policy_set(const struct demo *d, const char *policy)
{
	const char *minor = strrchr(weft_node(d->pool), '/');
	char path[192];

	snprintf(path, sizeof(path), "/sys/class/accel%s/device/weft/policy", minor ? minor : "");
	return demo_write(path, policy);
}

int demo_tenant_make(const char *name, uint32_t weight, uint32_t uid)
{
	char path[192], text[32];

	snprintf(path, sizeof(path), DEMO_TENANTS "/%s", name);
	if (demo_mkdir(path))
		return -1;
	snprintf(path, sizeof(path), DEMO_TENANTS "/%s/weight", name);
	snprintf(text, sizeof(text), "%u", weight);
	if (demo_write(path, text))
		return -1;
	snprintf(path, sizeof(path), DEMO_TENANTS "/%s/uid", name);
	snprintf(text, sizeof(text), "%u", uid);
	return demo_write(path, text);
}

void demo_tenant_remove(const char *name)
{
	char path[192];

	snprintf(path, sizeof(path), DEMO_TENANTS "/%s", name);
	rmdir(path);
}

int demo_tenant_priced(const char *name, uint64_t *priced)
{
	char path[192];

	snprintf(path, sizeof(path), DEMO_TENANTS "/%s/priced", name);
	return demo_read(path, priced);
}
