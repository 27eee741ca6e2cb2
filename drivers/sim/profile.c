// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: profiles
 *
 * Four ready-made devices. The GPU is good at everything; the DCU is half as good at matrix
 * products and better at counting and summing; the NPU is four times as good at matrix products
 * and eight times worse at all else, behind a slower link. No device is best at everything, so
 * that a placement which ignores the kernel or the data loses. The null device takes no time.
 *
 * The figures are round, not those of a product; what matters is how they relate. The table is
 * repeated in Documentation/backends/sim.rst.
 */
#include <linux/numa.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "sim.h"

#define SPEEDS(_copy, _fill, _add, _reduce, _histogram, _gemm, _argmax, _best)	\
	{									\
		[WEFT_SIM_OP_NOP] = 1000,					\
		[WEFT_SIM_OP_COPY] = _copy,					\
		[WEFT_SIM_OP_FILL] = _fill,					\
		[WEFT_SIM_OP_ADD] = _add,					\
		[WEFT_SIM_OP_REDUCE] = _reduce,					\
		[WEFT_SIM_OP_HISTOGRAM] = _histogram,				\
		[WEFT_SIM_OP_GEMM_I8] = _gemm,					\
		[WEFT_SIM_OP_ARGMAX] = _argmax,					\
		[WEFT_SIM_OP_BEST] = _best,					\
	}

static const struct {
	const char *name;
	struct weft_sim_config config;
} profiles[] = {
	{
		.name = "gpu",
		.config = {
			.dev_class = DRM_WEFT_CLASS_GPU,
			.model = "sim-gpu",
			.isas = { "sim-gpu", "sim" },
			.memory = SZ_64M,
			.speed = SPEEDS(8000, 4000, 2000, 2000, 1000, 2000, 400, 400),
			.bandwidth = { 12000, 12000 },
			.link_latency = 2000,
			.link_kind = "pcie",
			.power_idle = 60000,
			.power_busy = 300000,
			.price = 1024,
		},
	}, {
		.name = "dcu",
		.config = {
			.dev_class = DRM_WEFT_CLASS_DCU,
			.model = "sim-dcu",
			.isas = { "sim-dcu", "sim" },
			.memory = 3 * SZ_16M,
			.speed = SPEEDS(6000, 3000, 2000, 4000, 3000, 1000, 300, 300),
			.bandwidth = { 8000, 8000 },
			.link_latency = 3000,
			.link_kind = "xgmi",
			.power_idle = 50000,
			.power_busy = 250000,
			.price = 640,
		},
	}, {
		.name = "npu",
		.config = {
			.dev_class = DRM_WEFT_CLASS_NPU,
			.model = "sim-npu",
			.isas = { "sim-npu", "sim" },
			.memory = SZ_32M,
			.speed = SPEEDS(1000, 500, 250, 250, 125, 8000, 50, 50),
			.bandwidth = { 4000, 4000 },
			.link_latency = 5000,
			.link_kind = "hccs",
			.power_idle = 20000,
			.power_busy = 120000,
			.price = 1536,
		},
	}, {
		.name = "null",
		.config = {
			.dev_class = DRM_WEFT_CLASS_GPU,
			.model = "sim-null",
			.isas = { "sim" },
			.memory = SZ_16M,
			.bandwidth = { WEFT_SIM_INF, WEFT_SIM_INF },
			.link_kind = "none",
			.price = 1024,
		},
	},
};

/* Fills @config from the profile called @name; the name as a constant, or NULL if there is none. */
const char *weft_sim_profile_apply(struct weft_sim_config *config, const char *name)
{
	u32 i, op;

	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		if (!sysfs_streq(profiles[i].name, name))
			continue;
		*config = profiles[i].config;
		strscpy(config->vendor, "weft", sizeof(config->vendor));
		config->engines = 1;
		config->credits = 1;
		config->numa_node = NUMA_NO_NODE;
		config->dilation = 1;
		config->early = 1;
		for (op = 0; op < WEFT_SIM_OP_COUNT; op++)
			config->speed[op] = config->speed[op] ?: WEFT_SIM_INF;
		return profiles[i].name;
	}
	return NULL;
}
