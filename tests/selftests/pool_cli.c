// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft pool, weft --pool: what an operator types, and what comes of it.
 */
/* vm: timeout=120 kernels=stock,debug,next with=weft/weft insmod=weft,weft_sim */
#include <sys/stat.h>

#include "cli.h"
#include "common.h"

SETUP()
{
	dev_add("d0", DEV_NULL);
	dev_add("d1", DEV_NULL);
	devs_keep();
}

TEST(list, "list: a line for each pool, or JSON")
{
	CHECK_EQ(weft("pool"), 0);
	SAYS("default");
	SAYS("/dev/accel/accel");
	SAYS(" d0 d1");
	CHECK_EQ(mkdir(POOL_DIR "/p", 0755), 0);
	CHECK_EQ(pool_set("p", "devices", "later d1"), 0);
	CHECK_EQ(weft("pool list --json"), 0);
	SAYS("\"name\":\"p\"");
	SAYS("\"enabled\":false");
	SAYS("\"enabled\":true");
	SAYS("\"path\":null");
	SAYS("\"owner\":null");
	SAYS("\"later\"");
}

TEST(life, "create, use by name, move, disable, remove")
{
	CHECK_EQ(weft("pool create p --device d1 --node render --owner 1:2 --mode 640 --enable"),
		 0);
	CHECK(!strcmp(dev_pool("d1"), "p"));
	CHECK_EQ(weft("pool list"), 0);
	SAYS("/dev/dri/renderD");
	SAYS("1:2");
	SAYS("0640");
	CHECK_EQ(weft("--pool p list"), 0);
	SAYS("pool p,");
	SAYS("d1");
	SAYS_NOT("d0");
	CHECK_EQ(weft("--pool=default list"), 0);
	SAYS("d0");
	SAYS_NOT("d1");
	CHECK_EQ(setenv("WEFT_POOL", "p", 1), 0);
	CHECK_EQ(weft("list"), 0);
	SAYS("pool p,");
	CHECK_EQ(weft("run --kernel add --count 4"), 0);
	CHECK_EQ(weft("log save /tmp/log"), 0);
	CHECK_EQ(unsetenv("WEFT_POOL"), 0);
	CHECK_EQ(weft("--pool p explain 1"), 0);
	SAYS("d1");
	CHECK_EQ(weft("pool move d0 p"), 0);
	CHECK(!strcmp(dev_pool("d0"), "p"));
	CHECK_EQ(weft("pool move d0 default"), 0);
	CHECK(!strcmp(dev_pool("d0"), "default"));
	CHECK_EQ(weft("pool disable p"), 0);
	CHECK_EQ(weft("--pool p list"), 3);
	SAYS("no pool p found");
	CHECK_EQ(weft("pool set p --node accel --policy fifo --owner none"), 0);
	CHECK_EQ(weft("pool enable p"), 0);
	CHECK_EQ(weft("pool list"), 0);
	SAYS("fifo");
	CHECK_EQ(weft("pool remove p"), 0);
	CHECK_EQ(weft("pool list"), 0);
	SAYS_NOT("fifo");
}

TEST(clients, "a pool that is open stays, except by force")
{
	int fd;

	CHECK_EQ(weft("pool create p --device d1 --enable"), 0);
	fd = pool_open_name("p");
	CHECK(fd >= 0);
	CHECK_EQ(weft("pool disable p"), 1);
	SAYS("somebody has a node of the pool \"p\" open");
	CHECK_EQ(weft("pool remove p"), 1);
	SAYS("--force");
	CHECK(!strcmp(dev_pool("d1"), "p"));
	CHECK_EQ(weft("pool remove p --force"), 0);
	CHECK(!strcmp(dev_pool("d1"), "default"));
	close(fd);
}

TEST(wrong, "wrong use is told apart from trouble and from no")
{
	static const struct {
		const char *words;
		int status;
		const char *says;
	} calls[] = {
		{ "--pool", 2, "wants the name" }, { "--pool= list", 2, "wants the name" },
		{ "--pool p", 2, "before a command" }, { "--pool none list", 3, "no pool none" },
		{ "pool nonsense", 2, "is not list" }, { "pool create", 2, "one name" },
		{ "pool list p", 2, "no name" }, { "pool move d0", 2, "a device and a pool" },
		{ "pool create a/b", 2, "is no name" }, { "pool create .a", 2, "is no name" },
		{ "pool create 'a b'", 2, "is no name" },
		{ "pool create default", 1, "already" }, { "pool enable none", 1, "no pool" },
		{ "pool remove none", 1, "no pool" }, { "pool remove none --force", 1, "no pool" },
		{ "pool remove default", 2, "stays" }, { "pool set none --mode 600", 1, "no pool" },
		{ "pool set default", 2, "nothing to set" },
		{ "pool set default --node render", 3, "while the pool is enabled" },
		{ "pool set default --node card", 2, "accel or render" },
		{ "pool set default --mode 999", 3, "no value" },
		{ "pool set default --owner nobody-known:0", 2, "no user" },
		{ "pool set default --owner 0:nobody-known", 2, "no group" },
		{ "pool set default --owner 0", 2, "USER:GROUP" },
		{ "pool move none default", 1, "no device" }, { "pool move d0 none", 1, "no pool" },
		{ "pool create p --node render --policy none", 3, "no value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int status = weft("%s", calls[i].words);

		CHECK_MSG(status == calls[i].status, "weft %s: %d: %s", calls[i].words, status,
			  output);
		CHECK_MSG(strstr(output, calls[i].says), "weft %s: %s", calls[i].words, output);
	}
	/* all or nothing */
	CHECK_EQ(access(POOL_DIR "/p", F_OK), -1);
	pool_mkdir("p", "devices=d1");
	CHECK_EQ(weft("pool create q --device d1"), 3);
	SAYS("weft pool move");
	CHECK_EQ(access(POOL_DIR "/q", F_OK), -1);
}
