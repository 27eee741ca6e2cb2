// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft config against the kernel: what it saves it can put back, and what the kernel refuses it
 * tells. What a file may contain is tested in tests/unit/cli_config.c.
 */
/* vm: with=weft/weft timeout=120 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

#define PHYSICS	TENANT_DIR "/physics"

static char said[16384];

/* "weft config ARGUMENTS", as root or as somebody else: its exit status */
static int conf_run(bool root, const char *arguments)
{
	char command[256];
	int status;

	snprintf(command, sizeof(command),
		 "su %s -s /bin/sh -c '/t/weft config %s' > /tmp/said 2>&1",
		 root ? "root" : "nobody", arguments);
	status = system(command);
	CHECK(file_read("/tmp/said", said, sizeof(said)) >= 0);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define SAID(text) CHECK_MSG(strstr(said, text), "it said \"%s\", not \"%s\"", said, text)

static void file(const char *text)
{
	FILE *f = fopen("/tmp/conf", "w");

	CHECK(f);
	CHECK(fputs(text, f) >= 0);
	CHECK_EQ(fclose(f), 0);
}

TEST(round_trip, "what was saved comes back, all of it")
{
	char pool[64], before[sizeof(said)];

	dev_add("gpu0", "profile=gpu");
	dev_add("npu0", "profile=npu", "credits=3");
	pool_mkdir("lab", "node=render", "devices=npu0", "owner=1001:5", "mode=0600");
	CHECK_EQ(pool_enable("lab", true), 0);
	CHECK_EQ(mkdir(PHYSICS, 0755), 0);
	CHECK_EQ(file_write(PHYSICS "/weight", "300"), 0);
	CHECK_EQ(file_write(PHYSICS "/cgroup", "/physics.slice"), 0);
	CHECK_EQ(file_write("/sys/bus/weft/devices/gpu0/price", "2048"), 0);
	CHECK_EQ(file_write(pool_sysfs("policy"), "fifo"), 0);

	CHECK_EQ(conf_run(true, "save /tmp/first"), 0);
	CHECK_EQ(conf_run(true, "show"), 0);
	strcpy(before, said);
	SAID("[device gpu0]\nprice = 2048\n");
	SAID("[tenant physics]\nweight = 300\nuid = none\ncgroup = /physics.slice\n");
	CHECK_EQ(conf_run(true, "load /tmp/first"), 0);
	SAID("nothing to change");

	CHECK_EQ(pool_rmdir("lab"), 0);
	CHECK_EQ(dev_remove("gpu0"), 0);
	CHECK_EQ(dev_remove("npu0"), 0);
	CHECK_EQ(rmdir(PHYSICS), 0);
	CHECK_EQ(file_write(pool_sysfs("policy"), "eft"), 0);
	CHECK_EQ(conf_run(true, "load /tmp/first --dry-run"), 0);
	SAID("would make sim gpu0");
	CHECK(access(SIM_DIR "/gpu0", F_OK));

	CHECK_EQ(conf_run(true, "load /tmp/first"), 0);
	CHECK_EQ(conf_run(true, "show"), 0);
	CHECK_MSG(!strcmp(said, before), "it is now:\n%s", said);
	snprintf(pool, sizeof(pool), "%s", dev_pool("npu0"));
	CHECK(!strncmp(pool, "lab", 3));
	CHECK_EQ(rmdir(PHYSICS), 0);
	CHECK_EQ(file_write(pool_sysfs("policy"), "eft"), 0);
}

TEST(refused, "what the kernel refuses is told with its line; the rest is set")
{
	dev_add("gpu0", "profile=gpu");
	dev_add("gpu1", "profile=gpu");
	pool_mkdir("lab", "devices=gpu1");
	pool_mkdir("other");
	file("[sim gpu0]\nengines = 2\nprice = 7\n[pool other]\ndevices = gpu1\nmode = 0640\n");
	CHECK_EQ(conf_run(true, "load /tmp/conf"), 3);
	SAID("/tmp/conf:2: sim gpu0: engines = 2: ");
	SAID("it cannot change while enabled is 1");
	SAID("/tmp/conf:5: pool other: devices = gpu1: ");
	SAID("in the list of one pool only");
	SAID("set sim gpu0: price from 1024 to 7");
	SAID("set pool other: mode from 0660 to 0640");
	CHECK_EQ(dev_get("gpu0", "engines"), 1);
	CHECK_EQ(dev_get("gpu0", "price"), 7);
}

TEST(user, "who is not root may look, and is told why not more")
{
	file("[tenant default]\nweight = 7\n[tenant new]\nweight = 5\n");
	CHECK_EQ(conf_run(false, "show"), 0);
	SAID("[tenant default]\nweight = 100\n");
	CHECK_EQ(conf_run(false, "load /tmp/conf"), 3);
	SAID("/tmp/conf:2: tenant default: weight = 7: ");
	SAID("/tmp/conf:3: tenant new: ");
	SAID("only root may configure: try sudo");
	CHECK(access(TENANT_DIR "/new", F_OK));
}
