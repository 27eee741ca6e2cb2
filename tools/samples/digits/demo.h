/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * weft-demo: what its files share.
 *
 * DOC: weft-demo
 *
 * Runs in a guest as root, where it may make and break simulated devices as it likes. Each claim
 * is decided by what was measured in this run and printed with the figures, PASS or FAIL; times
 * of runs in which more than 1 % of the simulated jobs overran their modelled time decide
 * nothing, so their claims fail.
 */
#ifndef DEMO_H
#define DEMO_H

#include <json-c/json.h>

#include "digits.h"

#define DEMO_DEVICES	3

struct demo {
	FILE *out;
	struct json_object *json;
	struct json_object *claims;
	unsigned int failed;
	const char *weft;
	uint32_t dilation;
	uint32_t runs;
	struct weft *pool;
	struct digits_data data;
	struct digits_shape shape;
	struct weft_sim_best *expected;
	struct digits_work *work;
};

/* PASS or FAIL, with the figures that decided it */
void demo_claim(struct demo *d, bool pass, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void demo_title(struct demo *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* demo_pool.c: all return 0 or -1 after a message */
extern const char *const demo_devices[DEMO_DEVICES];
int demo_devices_make(uint32_t dilation);
void demo_devices_remove(void);
/* write @text into file @name of simulated device @device */
int demo_device_set(const char *device, const char *name, const char *text);
/* divide a link's bandwidth by @factor, or multiply it with -@factor */
int demo_link_scale(const char *device, int factor);
int demo_policy_set(const struct demo *d, const char *policy);
int demo_tenant_make(const char *name, uint32_t weight, uint32_t uid);
void demo_tenant_remove(const char *name);
/* priced time of a tenant so far, ns */
int demo_tenant_priced(const char *name, uint64_t *priced);

/* demo_split.c */

/* What a job of each kind takes on each device, from records of earlier runs */
struct demo_costs {
	uint64_t sum_ns[DIGITS_KINDS][DEMO_DEVICES];
	uint32_t count[DIGITS_KINDS][DEMO_DEVICES];
	uint32_t ids[DEMO_DEVICES];
};

struct demo_split {
	uint32_t count[DIGITS_KINDS][DEMO_DEVICES];
	uint64_t load_ns[DEMO_DEVICES];
	uint64_t makespan_ns;
	uint64_t splits;
};

void demo_costs_add(struct demo_costs *costs, const struct digits_run *run);
uint64_t demo_cost(const struct demo_costs *costs, uint32_t kind, uint32_t device);
/* the best of all splits; false if a cost is not known */
bool demo_split_best(const struct demo_costs *costs, const struct digits_shape *shape,
		     struct demo_split *split);

/* As @arg of demo_placement_mask() this makes digits_work_run() follow a split. */
struct demo_placement {
	uint32_t columns;
	uint64_t *masks[DIGITS_KINDS];
};

int demo_placement_make(struct demo_placement *p, const struct demo_split *split,
			const struct demo_costs *costs, const struct digits_shape *shape);
void demo_placement_free(struct demo_placement *p);
uint64_t demo_placement_mask(enum digits_kind kind, uint32_t row, uint32_t column, void *arg);

/* demo_tenants.c */
int demo_tenants(struct demo *d, double seconds);
/* demo_explain.c */
int demo_explain(struct demo *d, const struct digits_run *run);

#endif /* DEMO_H */
