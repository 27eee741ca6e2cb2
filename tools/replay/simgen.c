// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generators: tiled factorizations, random graphs on random machines, mixed tenants.
 *
 * DOC: generators
 *
 * cholesky, lu and qr run on "weft16", the machine of the yardstick: 4 fast, 4 medium and 8 slow
 * devices, whose times of POTRF, TRSM and GEMM were measured with StarPU's performance models (K40,
 * M2070, one Xeon core; float tiles of 960 x 960). LU takes the time of POTRF for GETRF. The times
 * of QR are made up: GEQRT as POTRF, TSQRT as twice TRSM, ORMQR and TSMQR as twice GEMM.
 *
 * "random" draws machine, costs and a layered graph from the ranges that random_*() state.
 * "tenants" draws tenants with weights from 1 to 16, streams of independent jobs of three classes,
 * and a device that only some of them can use. Equal seeds give equal files.
 */
#include <string.h>

#include "simgen.h"

#define TILE_BYTES	3686400

static u64 gen_state;

/* splitmix64 */
static u64 gen_next(void)
{
	u64 z = gen_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* least <= result <= most */
static u64 gen_between(u64 least, u64 most)
{
	return least + gen_next() % (most - least + 1);
}

/* ---------------------------------------------------------- the yardstick */

static void weft16(struct sim_gen *g)
{
	static const struct {
		const char *model;
		const char *class;
		u32 count;
		u32 bandwidth;
	} kinds[] = {
		{ "fast", "gpu", 4, 12000 },
		{ "medium", "gpu", 4, 6000 },
		{ "slow", "cpu", 8, 6000 },
	};
	u32 k, i;

	fputs("weft-machine 1\nhop cut-through\nregion host\nhub switch\n", g->machine);
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; i < kinds[k].count; i++)
			fprintf(g->machine, "device %s%u class=%s model=%s host=host "
					    "bytes=12000000000%s\n",
				kinds[k].model, i, kinds[k].class, kinds[k].model,
				k ? "" : " domain=fast");
	}
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; i < kinds[k].count; i++)
			fprintf(g->machine, "link %s%u host bandwidth=%u latency=10000 kind=pcie\n",
				kinds[k].model, i, kinds[k].bandwidth);
	}
	for (i = 0; i < kinds[0].count; i++)
		fprintf(g->machine, "link fast%u switch bandwidth=24000 latency=6000 "
				    "kind=xgmi\n", i);
}

static void weft16_cost(struct sim_gen *g, const char *kernel, const u64 ns[3], u32 factor)
{
	static const char * const models[] = { "fast", "medium", "slow" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(models); i++)
		fprintf(g->costs, "cost %s %s run=%llu\n", kernel, models[i], ns[i] * factor);
}

static const u64 table_potrf[] = { 8456300, 5557000, 7379000 };
static const u64 table_trsm[] = { 2005100, 6416800, 17757700 };
static const u64 table_gemm[] = { 743500, 2828600, 34940300 };

static void gen_tiles(struct sim_gen *g, bool lower)
{
	u32 i, j;

	fputs("weft-tasks 1\n", g->tasks);
	for (i = 0; i < g->tiles; i++) {
		for (j = 0; j < (lower ? i + 1 : g->tiles); j++)
			fprintf(g->tasks, "block A%u_%u bytes=%u\n", i, j, TILE_BYTES);
	}
}

static void gen_cholesky(struct sim_gen *g)
{
	u32 n = g->tiles, i, j, k;

	weft16(g);
	fputs("weft-costs 1\n", g->costs);
	weft16_cost(g, "potrf", table_potrf, 1);
	weft16_cost(g, "trsm", table_trsm, 1);
	weft16_cost(g, "syrk", table_gemm, 1);
	weft16_cost(g, "gemm", table_gemm, 1);
	gen_tiles(g, true);
	fputs("submit at=0\n", g->tasks);
	for (k = 0; k < n; k++) {
		fprintf(g->tasks, "job potrf_%u kernel=potrf update=A%u_%u\n", k, k, k);
		for (i = k + 1; i < n; i++)
			fprintf(g->tasks, "job trsm_%u_%u kernel=trsm read=A%u_%u update=A%u_%u\n",
				i, k, k, k, i, k);
		for (i = k + 1; i < n; i++) {
			fprintf(g->tasks, "job syrk_%u_%u kernel=syrk read=A%u_%u update=A%u_%u\n",
				i, k, i, k, i, i);
			for (j = k + 1; j < i; j++)
				fprintf(g->tasks, "job gemm_%u_%u_%u kernel=gemm "
						  "read=A%u_%u,A%u_%u update=A%u_%u\n",
					i, j, k, i, k, j, k, i, j);
		}
	}
}

static void gen_lu(struct sim_gen *g)
{
	u32 n = g->tiles, i, j, k;

	weft16(g);
	fputs("weft-costs 1\n", g->costs);
	weft16_cost(g, "getrf", table_potrf, 1);
	weft16_cost(g, "trsm", table_trsm, 1);
	weft16_cost(g, "gemm", table_gemm, 1);
	gen_tiles(g, false);
	fputs("submit at=0\n", g->tasks);
	for (k = 0; k < n; k++) {
		fprintf(g->tasks, "job getrf_%u kernel=getrf update=A%u_%u\n", k, k, k);
		for (i = k + 1; i < n; i++)
			fprintf(g->tasks, "job trsml_%u_%u kernel=trsm read=A%u_%u update=A%u_%u\n",
				i, k, k, k, i, k);
		for (j = k + 1; j < n; j++)
			fprintf(g->tasks, "job trsmu_%u_%u kernel=trsm read=A%u_%u update=A%u_%u\n",
				k, j, k, k, k, j);
		for (i = k + 1; i < n; i++) {
			for (j = k + 1; j < n; j++)
				fprintf(g->tasks, "job gemm_%u_%u_%u kernel=gemm "
						  "read=A%u_%u,A%u_%u update=A%u_%u\n",
					i, j, k, i, k, k, j, i, j);
		}
	}
}

static void gen_qr(struct sim_gen *g)
{
	u32 n = g->tiles, i, j, k;

	weft16(g);
	fputs("weft-costs 1\n", g->costs);
	weft16_cost(g, "geqrt", table_potrf, 1);
	weft16_cost(g, "tsqrt", table_trsm, 2);
	weft16_cost(g, "ormqr", table_gemm, 2);
	weft16_cost(g, "tsmqr", table_gemm, 2);
	gen_tiles(g, false);
	fputs("submit at=0\n", g->tasks);
	for (k = 0; k < n; k++) {
		fprintf(g->tasks, "job geqrt_%u kernel=geqrt update=A%u_%u\n", k, k, k);
		for (j = k + 1; j < n; j++)
			fprintf(g->tasks, "job ormqr_%u_%u kernel=ormqr read=A%u_%u "
					  "update=A%u_%u\n",
				k, j, k, k, k, j);
		for (i = k + 1; i < n; i++) {
			fprintf(g->tasks, "job tsqrt_%u_%u kernel=tsqrt update=A%u_%u,A%u_%u\n",
				i, k, k, k, i, k);
			for (j = k + 1; j < n; j++)
				fprintf(g->tasks, "job tsmqr_%u_%u_%u kernel=tsmqr read=A%u_%u "
						  "update=A%u_%u,A%u_%u\n",
					i, j, k, i, k, k, j, i, j);
		}
	}
}

/* ------------------------------------------------------------- at random */

static u32 random_models;

/*
 * 2 to 4 models, 1 to 6 devices of each, at most 20; host links of 4 to 32 GB/s and 2 to 20 us,
 * alike in a model; one model in two has a switch of 1 to 4 times the bandwidth among its devices.
 */
static u32 random_machine(struct sim_gen *g)
{
	static const char * const classes[] = { "gpu", "dcu", "npu", "cpu" };
	u32 count[4], width[4], latency[4], devices = 0, m, i;

	random_models = (u32)gen_between(2, 4);
	fputs("weft-machine 1\nregion host\n", g->machine);
	for (m = 0; m < random_models; m++) {
		count[m] = (u32)gen_between(1, 6);
		width[m] = (u32)gen_between(4000, 32000);
		latency[m] = (u32)gen_between(2000, 20000);
		for (i = 0; i < count[m]; i++)
			fprintf(g->machine, "device m%u.%u class=%s model=m%u host=host "
					    "bytes=64000000000 domain=d%u\n",
				m, i, classes[m], m, m);
		devices += count[m];
	}
	for (m = 0; m < random_models; m++) {
		for (i = 0; i < count[m]; i++)
			fprintf(g->machine, "link m%u.%u host bandwidth=%u latency=%u\n", m, i,
				width[m], latency[m]);
		if (count[m] < 2 || gen_between(0, 1))
			continue;
		width[m] *= (u32)gen_between(1, 4);
		fprintf(g->machine, "hub s%u\n", m);
		for (i = 0; i < count[m]; i++)
			fprintf(g->machine, "link m%u.%u s%u bandwidth=%u latency=2000\n", m, i, m,
				width[m]);
	}
	return devices;
}

/*
 * 3 to 8 kernels; on the model that is best at it a kernel takes 100 us to 10 ms, on the others 1
 * to 30 times that, drawn from a distribution that is even in the logarithm; one (kernel, model) in
 * ten does not exist.
 */
static u32 random_costs(struct sim_gen *g)
{
	u32 kernels = (u32)gen_between(3, 8), k, m;

	fputs("weft-costs 1\n", g->costs);
	for (k = 0; k < kernels; k++) {
		u64 base = 100000ull << gen_between(0, 6);
		u32 best = (u32)gen_between(0, random_models - 1);

		base += gen_between(0, base / 2);
		for (m = 0; m < random_models; m++) {
			u64 factor = 1024ull << gen_between(0, 4);

			factor += gen_between(0, factor - 1);
			if (m == best)
				factor = 1024;
			else if (!gen_between(0, 9))
				continue;
			fprintf(g->costs, "cost k%u m%u run=%llu\n", k, m, base * factor / 1024);
		}
	}
	return kernels;
}

/*
 * 5 to 30 layers of 1 to 60 jobs. A job makes a block of 64 KiB to 8 MiB from 1 to 3 blocks of the
 * three layers before; one in four updates one of them instead. The first layer reads blocks of the
 * host.
 */
static void random_graph(struct sim_gen *g, u32 kernels)
{
	u32 layers = (u32)gen_between(5, 30), widest = (u32)gen_between(4, 60);
	u32 first[32] = { 0 }, job = 0, total = 0, layer, i;
	u32 width[32];

	fputs("weft-tasks 1\n", g->tasks);
	for (i = 0; i < 16; i++)
		fprintf(g->tasks, "block in%u bytes=%llu\n", i, 65536ull << gen_between(0, 7));
	for (layer = 0; layer < layers; layer++) {
		width[layer] = (u32)gen_between(1, widest);
		total += width[layer];
	}
	for (i = 0; i < total; i++)
		fprintf(g->tasks, "block b%u bytes=%llu at=-\n", i, 65536ull << gen_between(0, 7));
	fputs("submit at=0\n", g->tasks);
	for (layer = 0; layer < layers; layer++) {
		first[layer] = job;
		for (i = 0; i < width[layer]; i++, job++) {
			u32 from = first[layer > 3 ? layer - 3 : 0];
			u32 count = (u32)gen_between(1, 3), used[3], u, v;

			fprintf(g->tasks, "job j%u kernel=k%llu write=b%u", job,
				gen_between(0, kernels - 1), job);
			if (!layer) {
				fprintf(g->tasks, " read=in%llu\n", gen_between(0, 15));
				continue;
			}
			for (u = 0; u < count; u++) {
				used[u] = (u32)gen_between(from, first[layer] - 1);
				for (v = 0; v < u; v++) {
					if (used[v] == used[u])
						break;
				}
				/* one that is there already, once */
				if (v < u) {
					count = u;
					break;
				}
			}
			if (!gen_between(0, 3))
				fprintf(g->tasks, " update=b%u", used[--count]);
			for (u = 0; u < count; u++)
				fprintf(g->tasks, "%sb%u", u ? "," : " read=", used[u]);
			fputc('\n', g->tasks);
		}
	}
}

static void gen_random(struct sim_gen *g)
{
	u32 kernels;

	random_machine(g);
	kernels = random_costs(g);
	random_graph(g, kernels);
}

/*
 * 8 tenants of weights 1 to 16, 1 to 3 clients each; every client submits 40 jobs of 0.1 to 4 ms,
 * interactive, batch or best-effort, some all at once, some with pauses; two tenants can use one
 * device only.
 */
static void gen_tenants(struct sim_gen *g)
{
	static const char * const classes[] = { "interactive", "batch", "best-effort" };
	u32 clients[8], next[24] = { 0 }, count = 0, of[24], only[24], t, i;
	u64 at = 0, pause[24];

	fputs("weft-machine 1\nregion host\n", g->machine);
	for (i = 0; i < 4; i++)
		fprintf(g->machine, "device d%u class=gpu model=%s host=host\n", i,
			i < 2 ? "big" : "small");
	fputs("weft-costs 1\n", g->costs);
	for (i = 0; i < 4; i++) {
		u64 ns = gen_between(100000, 2000000);

		fprintf(g->costs, "cost k%u big run=%llu\ncost k%u small run=%llu\n", i, ns, i,
			ns * gen_between(10, 30) / 10);
	}
	fputs("weft-tasks 1\n", g->tasks);
	for (t = 0; t < 8; t++)
		fprintf(g->tasks, "tenant t%u weight=%llu\n", t, 1ull << gen_between(0, 4));
	for (t = 0; t < 8; t++) {
		clients[t] = (u32)gen_between(1, 3);
		for (i = 0; i < clients[t]; i++, count++) {
			fprintf(g->tasks, "client c%u tenant=t%u\n", count, t);
			of[count] = (u32)gen_between(0, 2);
			only[count] = t < 2;
			pause[count] = gen_between(0, 1) ? gen_between(0, 3000000) : 0;
		}
	}
	/* Clients in the order of their next submission. */
	for (;;) {
		u32 best = count;

		for (i = 0; i < count; i++) {
			if (next[i] < 40 && (best == count || next[i] * pause[i] <
					     next[best] * pause[best]))
				best = i;
		}
		if (best == count)
			break;
		at = next[best] * pause[best];
		fprintf(g->tasks, "submit at=%llu client=c%u\n", at, best);
		fprintf(g->tasks, "job c%u.%u kernel=k%llu class=%s%s\n", best, next[best],
			gen_between(0, 3), classes[of[best]], only[best] ? " devices=d3" : "");
		next[best]++;
	}
}

static const struct {
	const char *name;
	void (*make)(struct sim_gen *g);
} generators[] = {
	{ "cholesky", gen_cholesky },
	{ "lu", gen_lu },
	{ "qr", gen_qr },
	{ "random", gen_random },
	{ "tenants", gen_tenants },
};

const char * const sim_gen_kinds[] = { "cholesky", "lu", "qr", "random", "tenants", NULL };

int sim_generate(struct sim_gen *g)
{
	u32 i;

	gen_state = g->seed;
	for (i = 0; i < ARRAY_SIZE(generators); i++) {
		if (strcmp(generators[i].name, g->kind))
			continue;
		generators[i].make(g);
		return 0;
	}
	return -1;
}
