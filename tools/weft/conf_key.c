// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft config: what can be configured, and what a value may be.
 *
 * DOC: weft conf keys
 *
 * One line for each file that is saved, in the order in which it is written: what may not change
 * while a thing is enabled comes before "enabled". Documentation/check-abi holds this table
 * against the description of all writable files, so that a new one is either saved or named at
 * the end as one that is not.
 *
 * Rejected: taking whatever file can be read and written (some do something when they are
 * written, and nobody could say what is allowed before the kernel refuses it).
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

#define CONF_ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static const char *const conf_classes[] = { "gpu", "dcu", "npu", "cpu", "dpu", NULL };
static const char *const conf_nodes[] = { "accel", "render", NULL };
static const char *const conf_policies[] = { "eft", "fifo", NULL };

static const char *const conf_overuse[] = { "charge", "stop", "kill", NULL };

#define RANGE(_least, _most)	.least = (_least), .most = (_most)
#define KEY(_name, _type, ...)	{ .name = (_name), .type = (_type), ##__VA_ARGS__ }

static const struct conf_key conf_sim_keys[] = {
	KEY("class", CONF_WORD, .words = conf_classes, .fixed = true),
	KEY("vendor", CONF_TEXT, .fixed = true),
	KEY("model", CONF_TEXT, .fixed = true),
	KEY("isas", CONF_LIST, .fixed = true),
	KEY("engines", CONF_NUMBER, RANGE(1, 6), .fixed = true),
	KEY("credits", CONF_NUMBER, RANGE(1, 64), .fixed = true),
	KEY("memory", CONF_BYTES, RANGE(65536, 1ull << 40), .fixed = true),
	KEY("numa_node", CONF_TEXT, .fixed = true),
	KEY("speed", CONF_LINES, .fixed = true),
	KEY("bandwidth_down", CONF_SPEED),
	KEY("bandwidth_up", CONF_SPEED),
	KEY("link_latency", CONF_NUMBER, RANGE(0, 10000000000ull)),
	KEY("link_kind", CONF_TEXT, .fixed = true),
	KEY("power_idle", CONF_NUMBER, RANGE(0, 1000000000), .fixed = true),
	KEY("power_busy", CONF_NUMBER, RANGE(0, 1000000000), .fixed = true),
	KEY("price", CONF_NUMBER, RANGE(1, 1048576)),
	KEY("dilation", CONF_NUMBER, RANGE(1, 1000000), .fixed = true),
	KEY("early", CONF_NUMBER, RANGE(0, 1), .fixed = true),
	KEY("enabled", CONF_SWITCH),
};

static const struct conf_key conf_tenant_keys[] = {
	KEY("weight", CONF_NUMBER, RANGE(1, 10000)),
	KEY("uid", CONF_UID),
	KEY("cgroup", CONF_PATH),
};

static const struct conf_key conf_pool_keys[] = {
	KEY("node", CONF_WORD, .words = conf_nodes, .fixed = true),
	KEY("devices", CONF_LIST),
	KEY("owner", CONF_OWNER),
	KEY("mode", CONF_MODE),
	KEY("policy", CONF_WORD, .words = conf_policies, .live = true),
	KEY("enabled", CONF_SWITCH),
	KEY("host_limit", CONF_BYTES, RANGE(0, UINT64_MAX), .live = true),
};

static const struct conf_key conf_device_keys[] = {
	KEY("price", CONF_NUMBER, RANGE(1, 1048576)),
	KEY("degrade_at", CONF_NUMBER, RANGE(1, 1000000)),
	KEY("drain_at", CONF_NUMBER, RANGE(0, 1000000)),
	KEY("quarantine_at", CONF_NUMBER, RANGE(0, 1000000)),
	KEY("fault_leak", CONF_NUMBER, RANGE(0, 1000000)),
	KEY("slow_factor", CONF_NUMBER, RANGE(0, 1000000)),
	KEY("copy_timeout_ns", CONF_NUMBER, RANGE(0, 3600000000000ull)),
	KEY("lease_quantum_ns", CONF_NUMBER, RANGE(1000000, 10000000000ull)),
	KEY("lease_grace_ns", CONF_NUMBER, RANGE(1000000, 3600000000000ull)),
	KEY("lease_overuse", CONF_WORD, .words = conf_overuse),
};

/* Simulated devices first: pools and prices name them. */
const struct conf_kind conf_kinds[] = {
	{ "sim", "/sys/kernel/config/weft_sim", true, "weft_sim", conf_sim_keys,
	  CONF_ARRAY_SIZE(conf_sim_keys) },
	{ "tenant", "/sys/kernel/config/weft/tenants", true, "weft", conf_tenant_keys,
	  CONF_ARRAY_SIZE(conf_tenant_keys) },
	{ "pool", "/sys/kernel/config/weft/pools", true, "weft", conf_pool_keys,
	  CONF_ARRAY_SIZE(conf_pool_keys) },
	{ "device", "/sys/bus/weft/devices", false, "weft", conf_device_keys,
	  CONF_ARRAY_SIZE(conf_device_keys) },
};

const size_t conf_kind_count = CONF_ARRAY_SIZE(conf_kinds);

/* A number with a suffix if @suffix; false if it is none. */
static bool conf_number(const char *text, bool suffix, uint64_t *number)
{
	static const char units[] = "KMGT";
	unsigned long long value;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno)
		return false;
	unit = *end && suffix ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);

		if (value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
		end++;
	}
	*number = value;
	return !*end;
}

static bool conf_within(const struct conf_key *key, const char *value)
{
	uint64_t number;

	return conf_number(value, key->type == CONF_BYTES, &number) && number >= key->least &&
	       number <= key->most;
}

static bool conf_mode(const char *value, unsigned long *mode)
{
	char *end;

	if (!isdigit((unsigned char)*value))
		return false;
	*mode = strtoul(value, &end, 8);
	return !*end && !(*mode & ~0666ul);
}

static bool conf_owner(const char *value)
{
	char text[24];
	char *group;
	uint64_t id;

	if (strlen(value) >= sizeof(text))
		return false;
	strcpy(text, value);
	group = strchr(text, ':');
	if (!group)
		return false;
	*group++ = '\0';
	return conf_number(text, false, &id) && id < UINT32_MAX &&
	       conf_number(group, false, &id) && id < UINT32_MAX;
}

bool conf_suits(const struct conf_key *key, const char *value)
{
	unsigned long mode;
	uint64_t number;
	size_t i;

	switch (key->type) {
	case CONF_NUMBER:
	case CONF_BYTES:
		return conf_within(key, value);
	case CONF_SPEED:
		return !strcmp(value, "inf") || (conf_number(value, false, &number) && number);
	case CONF_MODE:
		return conf_mode(value, &mode);
	case CONF_OWNER:
		return !strcmp(value, "none") || conf_owner(value);
	case CONF_UID:
		return !strcmp(value, "none") ||
		       (conf_number(value, false, &number) && number < UINT32_MAX);
	case CONF_PATH:
		return !strcmp(value, "none") || (value[0] == '/' && strlen(value) < 512);
	case CONF_WORD:
		for (i = 0; key->words[i]; i++)
			if (!strcmp(key->words[i], value))
				return true;
		return false;
	case CONF_TEXT:
		return value[0] && strlen(value) <= CONF_NAME_MAX;
	case CONF_LIST:
		return true;
	case CONF_LINES:
		return value[0];
	case CONF_SWITCH:
		return !strcmp(value, "0") || !strcmp(value, "1");
	}
	return false;
}

static void conf_words(const struct conf_key *key, char *text, size_t size)
{
	size_t i, n = (size_t)snprintf(text, size, "one of");

	for (i = 0; key->words[i] && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, " %s", key->words[i]);
}

const char *conf_allowed(const struct conf_key *key, char *text, size_t size)
{
	switch (key->type) {
	case CONF_NUMBER:
		snprintf(text, size, "a number from %llu to %llu", (unsigned long long)key->least,
			 (unsigned long long)key->most);
		break;
	case CONF_BYTES:
		snprintf(text, size, "bytes, from %llu to %llu (8G is 8 * 2^30)",
			 (unsigned long long)key->least, (unsigned long long)key->most);
		break;
	case CONF_SPEED:
		snprintf(text, size, "a number from 1, or inf");
		break;
	case CONF_MODE:
		snprintf(text, size, "permissions in octal, from 0000 to 0666");
		break;
	case CONF_OWNER:
		snprintf(text, size, "UID:GID as numbers, or none");
		break;
	case CONF_UID:
		snprintf(text, size, "a user's number, or none");
		break;
	case CONF_PATH:
		snprintf(text, size, "a path from the root of cgroups, like /physics.slice, or "
			 "none");
		break;
	case CONF_WORD:
		conf_words(key, text, size);
		break;
	case CONF_TEXT:
		snprintf(text, size, "1 to %d characters", CONF_NAME_MAX);
		break;
	case CONF_LIST:
		snprintf(text, size, "words with blanks between them");
		break;
	case CONF_LINES:
		snprintf(text, size, "a line of the file %s", key->name);
		break;
	case CONF_SWITCH:
		snprintf(text, size, "0 or 1");
		break;
	}
	return text;
}

bool conf_same(const struct conf_key *key, const char *one, const char *other)
{
	unsigned long modes[2];
	uint64_t a, b;

	if (!strcmp(one, other))
		return true;
	switch (key->type) {
	case CONF_NUMBER:
	case CONF_BYTES:
	case CONF_SPEED:
	case CONF_UID:
		return conf_number(one, true, &a) && conf_number(other, true, &b) && a == b;
	case CONF_MODE:
		return conf_mode(one, &modes[0]) && conf_mode(other, &modes[1]) &&
		       modes[0] == modes[1];
	default:
		return false;
	}
}
