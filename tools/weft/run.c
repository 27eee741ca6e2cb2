// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft run: run a kernel and check what it computed.
 *
 * DOC: weft run
 *
 * All jobs get the same input and an output each; every output is compared with what the CPU
 * computes here from the definition of the operation in weft_sim.h or weft_edu.h. Where the jobs
 * run is left to the pool unless a device or class is named.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <drm/weft_edu.h>
#include <drm/weft_sim.h>

#include "cli.h"

static const char run_help[] =
"Usage: weft run [OPTION]...\n"
"Run jobs of one kernel and check their results.\n"
"  --isa NAME       whose kernels: sim, those of simulated devices, or edu-v1 (sim)\n"
"  --kernel NAME    of sim: nop, copy, fill, add, reduce, histogram, gemm_i8, argmax, best\n"
"                   (gemm_i8); of edu-v1: copy, factorial (factorial)\n"
"  --size N         elements; rows and columns of the matrices of gemm_i8 and argmax (64)\n"
"  --count N        jobs (16)\n"
"  --device ID      only on this device\n"
"  --class CLASS    only on devices of this class: gpu, dcu, npu, cpu, dpu\n"
"  --json\n"
"Exit status 1 if a job failed or a result is wrong.\n";

#define RUN_COUNT_MAX	65536
#define RUN_BATCH	64
#define RUN_BYTES_MAX	(256u << 20)
#define RUN_SOURCES	4
/* after the operations of simulated devices; edu's copy has the arguments of theirs */
#define RUN_FACTORIAL	WEFT_SIM_OP_COUNT

struct run_options {
	bool edu;
	int op;
	uint64_t size;
	uint64_t count;
	uint64_t device_mask;
	uint32_t class_mask;
	bool json;
};

/* What one job reads and writes */
struct run_case {
	uint64_t in[2];		/* bytes of the inputs, 0: none */
	uint64_t out;		/* bytes of the output, 0: none */
	uint64_t work;
	size_t in_at[2];	/* where the argument blob points to them */
	size_t out_at;
	union {
		struct weft_sim_nop nop;
		struct weft_sim_copy copy;
		struct weft_edu_args edu;
		struct weft_sim_fill fill;
		struct weft_sim_add add;
		struct weft_sim_reduce reduce;
		struct weft_sim_histogram histogram;
		struct weft_sim_gemm gemm;
		struct weft_sim_argmax argmax;
		struct weft_sim_merge merge;
	} args;
};

static const char *run_op_name(int op)
{
	return op == RUN_FACTORIAL ? "factorial" : weft_sim_op_name((uint32_t)op);
}

/* @name NULL: the usual one */
static int run_op_parse(bool edu, const char *name)
{
	if (!edu)
		return weft_sim_op_parse(name ? name : "gemm_i8");
	if (!name || !strcmp(name, "factorial"))
		return RUN_FACTORIAL;
	if (!strcmp(name, "copy"))
		return WEFT_SIM_OP_COPY;
	return -EINVAL;
}

static void run_case_init(struct run_case *c, int op, uint64_t n)
{
	memset(c, 0, sizeof(*c));
	c->work = n;
	switch (op) {
	case WEFT_SIM_OP_NOP:
		c->args.nop.work = n;
		break;
	case WEFT_SIM_OP_COPY:
		c->args.copy.bytes = n;
		c->in[0] = n;
		c->out = n;
		c->in_at[0] = offsetof(struct weft_sim_copy, src);
		c->out_at = offsetof(struct weft_sim_copy, dst);
		break;
	case RUN_FACTORIAL:
		c->args.edu.bytes = 4 * n;
		c->in[0] = 4 * n;
		c->out = 4 * n;
		c->in_at[0] = offsetof(struct weft_edu_args, src);
		c->out_at = offsetof(struct weft_edu_args, dst);
		break;
	case WEFT_SIM_OP_FILL:
		c->args.fill.count = n;
		c->args.fill.value = 0x5eed;
		c->out = 4 * n;
		c->out_at = offsetof(struct weft_sim_fill, dst);
		break;
	case WEFT_SIM_OP_ADD:
		c->args.add.count = n;
		c->in[0] = 4 * n;
		c->in[1] = 4 * n;
		c->out = 4 * n;
		c->in_at[0] = offsetof(struct weft_sim_add, a);
		c->in_at[1] = offsetof(struct weft_sim_add, b);
		c->out_at = offsetof(struct weft_sim_add, dst);
		break;
	case WEFT_SIM_OP_REDUCE:
		c->args.reduce.count = n;
		c->in[0] = 4 * n;
		c->out = 8;
		c->in_at[0] = offsetof(struct weft_sim_reduce, src);
		c->out_at = offsetof(struct weft_sim_reduce, dst);
		break;
	case WEFT_SIM_OP_HISTOGRAM:
		c->args.histogram.count = n;
		c->in[0] = n;
		c->out = 256 * 4;
		c->in_at[0] = offsetof(struct weft_sim_histogram, src);
		c->out_at = offsetof(struct weft_sim_histogram, dst);
		break;
	case WEFT_SIM_OP_GEMM_I8:
		c->args.gemm.m = (uint32_t)n;
		c->args.gemm.n = (uint32_t)n;
		c->args.gemm.k = (uint32_t)n;
		c->work = n * n * n;
		c->in[0] = n * n;
		c->in[1] = n * n;
		c->out = 4 * n * n;
		c->in_at[0] = offsetof(struct weft_sim_gemm, a);
		c->in_at[1] = offsetof(struct weft_sim_gemm, b);
		c->out_at = offsetof(struct weft_sim_gemm, c);
		break;
	case WEFT_SIM_OP_ARGMAX:
		c->args.argmax.m = (uint32_t)n;
		c->args.argmax.n = (uint32_t)n;
		c->args.argmax.scale = 2;
		c->work = n * n;
		c->in[0] = 4 * n * n;
		c->in[1] = 4 * n;
		c->out = 8 * n;
		c->in_at[0] = offsetof(struct weft_sim_argmax, src);
		c->in_at[1] = offsetof(struct weft_sim_argmax, bias);
		c->out_at = offsetof(struct weft_sim_argmax, dst);
		break;
	case WEFT_SIM_OP_BEST:
		c->args.merge.count = (uint32_t)n;
		c->args.merge.sources = RUN_SOURCES;
		c->work = n * RUN_SOURCES;
		c->in[0] = 8 * n * RUN_SOURCES;
		c->out = 8 * n;
		c->in_at[0] = offsetof(struct weft_sim_merge, src);
		c->out_at = offsetof(struct weft_sim_merge, dst);
		break;
	}
}

static void run_compute_gemm(const struct run_case *c, const int8_t *a, const int8_t *b,
			     uint32_t *out)
{
	uint32_t n = c->args.gemm.n, i, j, l;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			uint32_t sum = 0;

			for (l = 0; l < n; l++)
				sum += (uint32_t)(a[i * n + l] * b[j * n + l]);
			out[i * n + j] = sum;
		}
}

static void run_compute_argmax(const struct run_case *c, const uint32_t *s, const uint32_t *bias,
			       struct weft_sim_best *out)
{
	uint32_t n = c->args.argmax.n, i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			int32_t value = (int32_t)(2 * s[i * n + j] + bias[j]);

			if (j && value <= out[i].value)
				continue;
			out[i].value = value;
			out[i].index = j;
		}
}

static void run_compute_best(const struct run_case *c, const struct weft_sim_best *in,
			     struct weft_sim_best *out)
{
	uint32_t n = c->args.merge.count, i, j;

	for (i = 0; i < n; i++) {
		out[i] = in[i];
		for (j = 1; j < RUN_SOURCES; j++) {
			const struct weft_sim_best *b = &in[j * n + i];

			if (b->value > out[i].value ||
			    (b->value == out[i].value && b->index < out[i].index))
				out[i] = *b;
		}
	}
}

/* What the output must be; @out is zeroed. */
static void run_compute(const struct run_case *c, int op, void *const *in, void *out)
{
	const uint32_t *a = in[0], *b = in[1];
	uint32_t *words = out;
	int64_t sum = 0;
	uint64_t i;

	switch (op) {
	case WEFT_SIM_OP_COPY:
		memcpy(out, in[0], c->out);
		break;
	case RUN_FACTORIAL:
		for (i = 0; i < c->work; i++) {
			uint32_t k = a[i];

			/* 34! and all beyond end in 32 zero bits */
			for (words[i] = k < 34; k > 1 && k < 34; k--)
				words[i] *= k;
		}
		break;
	case WEFT_SIM_OP_FILL:
		for (i = 0; i < c->work; i++)
			words[i] = c->args.fill.value;
		break;
	case WEFT_SIM_OP_ADD:
		for (i = 0; i < c->work; i++)
			words[i] = a[i] + b[i];
		break;
	case WEFT_SIM_OP_REDUCE:
		for (i = 0; i < c->work; i++)
			sum += (int32_t)a[i];
		memcpy(out, &sum, sizeof(sum));
		break;
	case WEFT_SIM_OP_HISTOGRAM:
		for (i = 0; i < c->work; i++)
			words[((const uint8_t *)in[0])[i]]++;
		break;
	case WEFT_SIM_OP_GEMM_I8:
		run_compute_gemm(c, in[0], in[1], out);
		break;
	case WEFT_SIM_OP_ARGMAX:
		run_compute_argmax(c, a, b, out);
		break;
	case WEFT_SIM_OP_BEST:
		run_compute_best(c, in[0], out);
		break;
	}
}

struct run_state {
	const struct run_options *o;
	struct run_case c;
	struct weft *pool;
	struct weft_program *program;
	struct weft_queue *queue;
	struct weft_batch *batch;
	struct weft_bo *in[2];
	struct weft_bo **out;
	void *in_bytes[2];
	void *expected;
	struct drm_weft_job_record *records;
	uint64_t *ids;
	uint32_t failed;
	uint32_t wrong;
};

/* Repeatable bytes that look like nothing in particular */
static void run_noise(uint8_t *bytes, uint64_t count, uint64_t seed)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(seed >> 56);
	}
}

static int run_prepare(struct run_state *s)
{
	uint64_t i, k;

	if ((s->o->edu ? weft_edu_program(s->pool, &s->program)
		       : weft_sim_program(s->pool, &s->program)) ||
	    weft_queue_create(s->pool, NULL, &s->queue) ||
	    weft_batch_create(s->pool, &s->batch))
		return cli_fail_weft();
	s->out = calloc(s->o->count, sizeof(*s->out));
	s->ids = calloc(s->o->count, sizeof(*s->ids));
	s->records = calloc(s->o->count, sizeof(*s->records));
	s->expected = calloc(1, s->c.out ? s->c.out : 1);
	if (!s->out || !s->ids || !s->records || !s->expected)
		return cli_fail(CLI_TROUBLE, "no memory for %" PRIu64 " jobs", s->o->count);
	for (i = 0; i < 2; i++) {
		if (!s->c.in[i])
			continue;
		s->in_bytes[i] = malloc(s->c.in[i]);
		if (!s->in_bytes[i])
			return cli_fail(CLI_TROUBLE, "no memory for the input");
		run_noise(s->in_bytes[i], s->c.in[i], i + 1);
		/* of most numbers the factorial is 0 */
		for (k = 0; s->o->op == RUN_FACTORIAL && k < s->c.work; k++)
			((uint32_t *)s->in_bytes[i])[k] %= 36;
		if (weft_bo_create(s->pool, s->c.in[i], 0, &s->in[i]) ||
		    weft_bo_write(s->in[i], 0, s->in_bytes[i], s->c.in[i]))
			return cli_fail_weft();
	}
	for (i = 0; s->c.out && i < s->o->count; i++)
		if (weft_bo_create(s->pool, s->c.out, 0, &s->out[i]))
			return cli_fail_weft();
	run_compute(&s->c, s->o->op, s->in_bytes, s->expected);
	return CLI_OK;
}

static int run_submit(struct run_state *s)
{
	uint32_t op = (uint32_t)s->o->op, args_size = weft_sim_op_args_size(op);
	uint64_t i, first, done = 0;
	uint32_t k, n;

	if (s->o->edu) {
		op = op == RUN_FACTORIAL ? WEFT_EDU_OP_FACTORIAL : WEFT_EDU_OP_COPY;
		args_size = sizeof(s->c.args.edu);
	}
	while (done < s->o->count) {
		n = 0;
		for (i = done; i < s->o->count && n < RUN_BATCH; i++, n++) {
			struct weft_job *job = weft_job_init(s->batch, s->program, op, &s->c.args,
							     args_size);

			for (k = 0; k < 2; k++)
				if (s->in[k])
					weft_job_pointer(job, (uint32_t)s->c.in_at[k], s->in[k],
							 DRM_WEFT_ACCESS_READ, 0);
			if (s->out[i])
				weft_job_pointer(job, (uint32_t)s->c.out_at, s->out[i],
						 DRM_WEFT_ACCESS_WRITE, 0);
			weft_job_size(job, s->c.work);
			weft_job_flags(job, DRM_WEFT_JOB_IDEMPOTENT);
			weft_job_where(job, s->o->device_mask, s->o->class_mask);
		}
		if (weft_submit(s->queue, s->batch, WEFT_FOREVER, &first))
			return cli_fail_weft();
		for (i = 0; i < n; i++)
			s->ids[done + i] = first + i;
		done += n;
	}
	return CLI_OK;
}

static int run_check(struct run_state *s)
{
	void *bytes = malloc(s->c.out ? s->c.out : 1);
	char text[256];
	uint64_t i;
	int ret;

	if (!bytes)
		return cli_fail(CLI_TROUBLE, "no memory for a result");
	for (i = 0; i < s->o->count; i++) {
		ret = weft_wait(s->pool, s->ids[i], 1, WEFT_FOREVER, &s->records[i]);
		if (ret && ret != -EREMOTEIO) {
			free(bytes);
			return cli_fail_weft();
		}
		if (ret) {
			if (!s->failed++)
				cli_fail(CLI_NO, "%s", weft_record_text(&s->records[i], text,
									sizeof(text)));
			continue;
		}
		if (!s->c.out)
			continue;
		if (weft_bo_read(s->out[i], 0, bytes, s->c.out)) {
			free(bytes);
			return cli_fail_weft();
		}
		if (memcmp(bytes, s->expected, s->c.out) && !s->wrong++)
			cli_fail(CLI_NO, "job %" PRIu64 " on device %u: the result is wrong",
				 (uint64_t)s->records[i].id, s->records[i].device);
	}
	free(bytes);
	return CLI_OK;
}

static int run_report(struct run_state *s)
{
	struct drm_weft_device_info *devices;
	struct json_object *o = NULL, *list = NULL;
	uint64_t first = UINT64_MAX, last = 0, i;
	uint32_t count, d;

	if (weft_device_list(s->pool, &devices, &count))
		return cli_fail_weft();
	for (i = 0; i < s->o->count; i++) {
		if (s->records[i].submit_ns < first)
			first = s->records[i].submit_ns;
		if (s->records[i].end_ns > last)
			last = s->records[i].end_ns;
	}
	if (s->o->json) {
		o = json_object_new_object();
		list = json_object_new_array();
		cli_json_text(o, "kernel", run_op_name(s->o->op));
		cli_json_u64(o, "jobs", s->o->count);
		cli_json_u64(o, "failed", s->failed);
		cli_json_u64(o, "wrong", s->wrong);
		cli_json_u64(o, "elapsed_ns", last > first ? last - first : 0);
	} else {
		printf("%" PRIu64 " jobs of %s in %.3f s: %u failed, %u wrong%s\n", s->o->count,
		       run_op_name(s->o->op),
		       last > first ? (double)(last - first) / 1e9 : 0, s->failed, s->wrong,
		       s->c.out ? "" : " (nop computes nothing to check)");
	}
	for (d = 0; d < count; d++) {
		uint64_t jobs = 0, busy = 0, bytes = 0;

		for (i = 0; i < s->o->count; i++) {
			if (s->records[i].device != devices[d].id)
				continue;
			jobs++;
			busy += s->records[i].busy_ns;
			bytes += s->records[i].transfer_bytes;
		}
		if (s->o->json) {
			struct json_object *j = json_object_new_object();

			cli_json_u64(j, "id", devices[d].id);
			cli_json_text(j, "name", devices[d].name);
			cli_json_u64(j, "jobs", jobs);
			cli_json_u64(j, "busy_ns", busy);
			cli_json_u64(j, "transfer_bytes", bytes);
			json_object_array_add(list, j);
		} else if (jobs) {
			printf("  %-14.31s %6" PRIu64 " jobs, %9.3f ms each, %" PRIu64
			       " bytes moved\n",
			       devices[d].name, jobs, (double)busy / 1e6 / (double)jobs, bytes);
		}
	}
	free(devices);
	if (!s->o->json)
		return CLI_OK;
	json_object_object_add(o, "devices", list);
	return cli_print_json(o);
}

static int run_jobs(const struct run_options *o)
{
	struct run_state s = { .o = o };
	int ret;

	run_case_init(&s.c, o->op, o->size);
	if (s.c.in[0] + s.c.in[1] + s.c.out * o->count > RUN_BYTES_MAX)
		return cli_fail(CLI_USAGE, "these jobs need %" PRIu64 " bytes, %u are allowed: "
								      "give a smaller --size or "
								      "--count",
				s.c.in[0] + s.c.in[1] + s.c.out * o->count, RUN_BYTES_MAX);
	s.pool = cli_open();
	if (!s.pool)
		return CLI_TROUBLE;
	ret = run_prepare(&s);
	ret = ret ? ret : run_submit(&s);
	ret = ret ? ret : run_check(&s);
	ret = ret ? ret : run_report(&s);
	if (!ret && (s.failed || s.wrong))
		ret = CLI_NO;
	weft_close(s.pool);
	free(s.out);
	free(s.ids);
	free(s.records);
	free(s.expected);
	free(s.in_bytes[0]);
	free(s.in_bytes[1]);
	return ret;
}

int cli_run(int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_OPTIONS_COMMON,
		{ "isa", required_argument, NULL, 'i' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "size", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "device", required_argument, NULL, 'd' },
		{ "class", required_argument, NULL, 'c' },
		{}
	};
	struct run_options o = { .size = 64, .count = 16 };
	const char *kernel = NULL;
	uint64_t most, number;
	int c, ret;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case CLI_OPT_HELP:
			fputs(run_help, stdout);
			return CLI_OK;
		case CLI_OPT_JSON:
			o.json = true;
			break;
		case 'i':
			o.edu = !strcmp(optarg, WEFT_EDU_ISA);
			if (!o.edu && strcmp(optarg, "sim"))
				return cli_fail(CLI_USAGE, "\"%s\" is no instruction set of which "
							   "kernels are known here: use sim or "
							   WEFT_EDU_ISA, optarg);
			break;
		case 'k':
			kernel = optarg;
			break;
		case 's':
			if (cli_number("--size", optarg, 1, 1u << 26, &o.size))
				return CLI_USAGE;
			break;
		case 'n':
			if (cli_number("--count", optarg, 1, RUN_COUNT_MAX, &o.count))
				return CLI_USAGE;
			break;
		case 'd':
			if (cli_number("--device", optarg, 0, DRM_WEFT_MAX_DEVICES - 1, &number))
				return CLI_USAGE;
			o.device_mask |= (uint64_t)1 << number;
			break;
		case 'c':
			ret = weft_class_parse(optarg);
			if (ret < 0)
				return cli_fail(CLI_USAGE, "%s", weft_error());
			o.class_mask |= 1u << ret;
			break;
		default:
			return CLI_USAGE;
		}
	}
	if (optind < argc)
		return cli_fail(CLI_USAGE, "unexpected argument \"%s\"", argv[optind]);
	o.op = run_op_parse(o.edu, kernel);
	if (o.op < 0)
		return cli_fail(CLI_USAGE, "%s",
				o.edu ? "edu devices have the kernels copy and factorial" :
					weft_error());
	most = o.op == WEFT_SIM_OP_GEMM_I8 || o.op == WEFT_SIM_OP_ARGMAX ? 2048 : 1u << 26;
	if (o.size > most)
		return cli_fail(CLI_USAGE, "--size of %s may be %" PRIu64 " at the most",
				run_op_name(o.op), most);
	return run_jobs(&o);
}
