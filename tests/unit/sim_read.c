// SPDX-License-Identifier: GPL-2.0-only
/* sources: tests/unit/simulate.c tools/replay/simtext.c tools/replay/simmachine.c */
/* sources: tools/replay/simtasks.c tools/replay/simnet.c tools/replay/simworld.c */
/* sources: tools/replay/simdata.c tools/replay/simlog.c tools/replay/simrival.c */
/* sources: tools/replay/simdmda.c tools/replay/simheft.c tools/replay/simheteroprio.c */
/* sources: tools/replay/simxsched.c tools/replay/simweft.c scheduler/tree.c scheduler/sched.c */
/* sources: scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/chain.c */
/* sources: scheduler/lease.c */
/* sources: scheduler/estimate.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
/* sources: scheduler/record.c */
/* cflags: -D_GNU_SOURCE */
/*
 * What the readers of the simulator's files take, and what they say about what they do not take.
 *
 * DOC: readers of the simulator
 *
 * A message must name the line and what is allowed there, so each case states a part of it.
 */
#include "simulate.h"

#define MACHINE \
	"region host\nhub s\n" \
	"device a class=gpu model=x host=host bytes=1000\n" \
	"device b class=npu model=y host=host bytes=1000 engines=2 credits=3 depth=4 price=5\n" \
	"link a host bandwidth=1000 latency=10\n"
#define COSTS	"cost k x run=100\ncost k y run=200 per-size=3\n"
#define TASKS	"block p bytes=10\nblock q bytes=10\nsubmit at=0\njob one kernel=k read=p\n"

struct wrong {
	const char *text;
	const char *message;
};

static void refused(const char *machine, const char *costs, const char *tasks, const char *events,
		    const char *message)
{
	struct simulation s;

	assert_int_equal(simulation_read(&s, machine, costs, tasks, events), -1);
	if (!strstr(s.in.error, message))
		fail_msg("\"%s\" does not say \"%s\"", s.in.error, message);
	simulation_free(&s);
}

static void test_machine(void **state)
{
	static const struct wrong wrong[] = {
		{ "", "the machine has no device" },
		{ "region a\nregion a\n", ":3: \"a\" is declared twice" },
		{ "region a b\n", ":2: 3 words before the fields, not 2: the line is \"region "
				  "NAME" },
		{ "region -a\n", ":2: \"-a\" is no name for a region" },
		{ "region a,b\n", "is no name for a region" },
		{ "region a bytes=0\n", "bytes is \"0\": a whole number from 1 to" },
		{ "region a bytes=1k\n", "bytes is \"1k\": a whole number" },
		{ "region a bytes=-1\n", "bytes is \"-1\"" },
		{ "region a bytes=99999999999999999999\n", "bytes is \"99999999999999999999\"" },
		{ "region a bytes=1 bytes=2\n", "bytes= comes twice" },
		{ "region a size=1\n", "size= is no field of a line \"region\"" },
		{ "region a bytes=1 b\n", "\"b\" stands behind a field" },
		{ "foo a\n", ":2: \"foo\": a line begins with region, hub, device, link or hop" },
		{ "device a class=gpu model=x\n", "host= is missing" },
		{ "device a class=gpu model=x host=h\n", "host is \"h\": a host region declared "
							 "above" },
		{ "region h\ndevice a model=x host=h\n", "class= is missing" },
		{ "region h\ndevice a class=tpu model=x host=h\n",
		  "class is \"tpu\": allowed are gpu, dcu, npu, cpu, dpu" },
		{ "region h\ndevice a class=gpu host=h\n", "model= is missing" },
		{ "region h\ndevice h class=gpu model=x host=h\n", "\"h\" is declared twice" },
		{ "region h\ndevice a class=gpu model=x host=h depth=17\n", "from 1 to 16" },
		{ "region h\ndevice a class=gpu model=x host=h engines=65\n", "from 1 to 64" },
		{ "region h\ndevice a class=gpu model=x host=h credits=0\n", "from 1 to 64" },
		{ "region h\ndevice a class=gpu model=x host=h price=0\n", "from 1 to 1048576" },
		{ "region h\ndevice a class=gpu model=x host=h preempt=4\n", "from 0 to 3" },
		{ "region h\ndevice a class=gpu model=x host=h bytes=1\n"
		  "device b class=gpu model=x host=a\n", "host is \"a\": a host region" },
		{ "region h\ndevice a class=gpu model=x host=h\nlink a h bandwidth=1 latency=1\n",
		  "\"a\" has no memory and is no hub" },
		{ "region h\nlink h h bandwidth=1 latency=1\n", "joins two that differ" },
		{ "region h\nhub s\nlink h s bandwidth=1 latency=1\nlink s h bandwidth=1 "
		  "latency=1\n",
		  ":5: s and h: a link joins two that differ, and only one joins the same two" },
		{ "region h\nhub s\nlink h s latency=1\n", "bandwidth= is missing" },
		{ "region h\nhub s\nlink h s bandwidth=0 latency=1\n", "from 1 to 1000000000" },
		{ "region h\nhub s\nlink h s bandwidth=1\n", "latency= is missing" },
		{ "hop through\n", "hop is \"through\": allowed are cut-through, "
				   "store-and-forward" },
		{ "hop cut-through\nhop cut-through\n", "hop is said twice" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		refused(wrong[i].text, COSTS, TASKS, NULL, wrong[i].message);
}

static void test_costs(void **state)
{
	static const struct wrong wrong[] = {
		{ "cost k z run=1\n", ":2: no device of the machine is of model \"z\"" },
		{ "cost k x\n", "run= is missing" },
		{ "cost k x run=1\ncost k x run=1\n", ":3: the cost of k on x is said twice" },
		{ "noise percent=100\n", "percent is \"100\": a whole number from 0 to 99" },
		{ "noise percent=1\nnoise percent=1\n", "noise is said twice" },
		{ "price 3\n", "a line begins with cost or noise" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		refused(MACHINE, wrong[i].text, TASKS, NULL, wrong[i].message);
}

static void test_tasks(void **state)
{
	static const struct wrong wrong[] = {
		{ "", "there is no job" },
		{ "job a kernel=k\n", "a job stands below the submit" },
		{ "submit at=0\njob a\n", "kernel= is missing" },
		{ "submit at=0\njob a kernel=l\n", "kernel \"l\" has no cost on any model, and "
						   "the job no lifetime=" },
		{ "submit at=0\njob a kernel=k\njob a kernel=k\n", "job \"a\" is declared twice" },
		{ "submit at=0\njob a kernel=k read=p\n", "block \"p\", which is not declared" },
		{ "block p bytes=1\nsubmit at=0\njob a kernel=k read=p write=p\n",
		  "block \"p\" is named twice in one job" },
		{ "block p\n", "bytes= is missing" },
		{ "block p bytes=1\nblock p bytes=1\n", "block \"p\" is declared twice" },
		{ "block p bytes=1 at=nowhere\n", "\"nowhere\", which is no region" },
		{ "submit at=5\nsubmit at=4\n", ":3: at=4 lies before the submit above (5)" },
		{ "submit at=0 client=c\n", "client \"c\" is not declared above" },
		{ "tenant t\nclient c tenant=t\nsubmit at=0\n", "client= is missing: clients "
								"are declared" },
		{ "client c tenant=t\n", "tenant= must name a tenant declared above" },
		{ "tenant t weight=0\n", "weight is \"0\": a whole number from 1 to 10000" },
		{ "tenant t\ntenant t\n", "tenant \"t\" is declared twice" },
		{ "tenant t\nclient c tenant=t\nclient c tenant=t\n", "client \"c\" is declared "
								      "twice" },
		{ "submit at=0\ntenant t\nclient c tenant=t\n", "clients are declared above the "
								"first submit" },
		{ "submit at=0\njob a kernel=k after=b\n", "after= names \"b\", which is no job "
							   "further up" },
		{ "submit at=0\njob a kernel=k devices=c\n", "devices= names \"c\", which is no "
							     "device" },
		{ "submit at=0\njob a kernel=k priority=8\n", "from 0 to 7" },
		{ "submit at=0\njob a kernel=k size=0\n", "from 1 to" },
		{ "submit at=0\njob a kernel=k class=fast\n",
		  "allowed are realtime, interactive, batch, best-effort" },
		{ "submit at=0\njob a kernel=k gang=g\nsubmit at=0\njob b kernel=k gang=g\n",
		  "gang \"g\" has jobs in another submit" },
		{ "submit at=0\njob a kernel=onlyx devices=b\n", "no device can run it" },
		{ "jobs\n", "a line begins with tenant, client, block, submit or job" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		refused(MACHINE, COSTS "cost onlyx x run=1\n", wrong[i].text, NULL,
			wrong[i].message);
}

static void test_events(void **state)
{
	static const struct wrong wrong[] = {
		{ "lost a\n", "a line is \"at NS KIND ...\"" },
		{ "at soon lost a\n", "the time is \"soon\": a whole number" },
		{ "at 5 lost a\nat 4 returned a\n", ":3: 4 lies before the event above (5)" },
		{ "at 5 lost c\n", "\"c\" is no device" },
		{ "at 5 gone a\n", "allowed are lost, returned, speed, link, policy, weight" },
		{ "at 5 speed a\n", "percent= is missing" },
		{ "at 5 speed a percent=0\n", "from 1 to 10000" },
		{ "at 5 link a s bandwidth=1 latency=1\n", "no link joins a and s" },
		{ "at 5 link a host bandwidth=1\n", "latency= is missing" },
		{ "at 5 weight t 5\n", "\"t\" is no tenant of the tasks" },
		{ "at 5 weight - 0\n", "weight is \"0\"" },
		{ "at 5 policy\n", "the line is \"at NS policy NAME\"" },
		{ "at 5 lost a percent=5\n", "percent= is no field of a line \"at\"" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		refused(MACHINE, COSTS, TASKS, wrong[i].text, wrong[i].message);
}

static void test_first_line(void **state)
{
	struct sim_input in = { };

	assert_int_equal(sim_machine_read(&in, "/nonexistent/machine"), -1);
	assert_non_null(strstr(in.error, "/nonexistent/machine: No such file"));
	assert_int_equal(sim_machine_read(&in, "/dev/null"), -1);
	assert_non_null(strstr(in.error, "the first line must be \"weft-machine 1\""));
	sim_arena_free(&in.arena);
}

/* What is read is what was said. */
static void test_values(void **state)
{
	struct simulation s;
	const struct sim_device *d;
	const struct sim_job *j;

	assert_int_equal(simulation_read(&s, MACHINE
					 "# a remark\n\n", COSTS
					 "noise percent=7 seed=9 # and one here\n",
					 "tenant t weight=7\nclient c tenant=t\n"
					 "block p bytes=10 at=a,host\nblock z bytes=3 at=-\n"
					 "submit at=5 client=c\n"
					 "job one size=4 kernel=k read=p priority=3 class=realtime deadline=8 budget=6\n"
					 "job two kernel=k update=p write=z devices=b gang=g\n"
					 "job three kernel=l lifetime=9 after=one,two\n",
					 "at 3 speed a percent=40\n"), 0);
	d = &s.in.machine.device[1];
	assert_int_equal(s.in.machine.device_count, 2);
	assert_int_equal(d->engines, 2);
	assert_int_equal(d->credits, 3);
	assert_int_equal(d->depth, 4);
	assert_int_equal(d->price, 5);
	assert_int_equal(d->dev_class, 2);
	assert_int_equal(s.in.machine.region_count, 3);
	assert_int_equal(s.in.tasks.block[0].valid, 3);
	assert_int_equal(s.in.tasks.block[1].valid, 0);
	assert_int_equal(s.in.tasks.tenant[0].weight, 7);
	assert_int_equal(s.in.costs.percent, 7);
	assert_int_equal(s.in.costs.seed, 9);
	j = s.in.tasks.job;
	assert_int_equal(j[0].devices, 3);
	assert_int_equal(j[0].priority, 3);
	assert_int_equal(j[0].service, 0);
	assert_int_equal(j[0].deadline, 8);
	assert_int_equal(j[0].budget, 6);
	assert_int_equal(j[0].gang, SIM_NONE);
	assert_int_equal(j[1].devices, 2);
	assert_int_equal(j[1].gang, 0);
	assert_int_equal(j[1].pred_count, 1);
	assert_int_equal(j[2].pred_count, 2);
	assert_int_equal(j[0].succ_count, 2);
	assert_int_equal(sim_cost_run(&s.in, &j[0], 0), 100);
	assert_int_equal(sim_cost_run(&s.in, &j[0], 1), 212);
	assert_int_equal(sim_cost_run(&s.in, &j[2], 1), 9);
	assert_int_equal(s.in.events.event[0].value, 40);
	simulation_free(&s);
}

/* A reader after the last writer, a writer after the last writer and the readers since. */
static void test_order(void **state)
{
	struct simulation s;
	const struct sim_job *j;

	assert_int_equal(simulation_read(&s, MACHINE, COSTS, "block p bytes=10\nsubmit at=0\n"
					 "job w0 kernel=k write=p\njob r1 kernel=k read=p\n"
					 "job r2 kernel=k read=p\njob w3 kernel=k update=p\n"
					 "job r4 kernel=k read=p after=w3,w3\n", NULL), 0);
	j = s.in.tasks.job;
	assert_int_equal(j[0].pred_count, 0);
	assert_int_equal(j[1].pred_count, 1);
	assert_int_equal(j[1].pred[0], 0);
	assert_int_equal(j[2].pred_count, 1);
	assert_int_equal(j[3].pred_count, 3);
	assert_int_equal(j[4].pred_count, 1);
	assert_int_equal(j[4].pred[0], 3);
	simulation_free(&s);
}

/* Computed with another implementation of the formula in formats.rst. */
static void test_noise(void **state)
{
	struct simulation s;

	assert_int_equal(simulation_read(&s, MACHINE, "cost k x run=1000000\ncost k y run=1\n"
					 "noise percent=30 seed=7\n", "submit at=0\n"
					 "job a kernel=k\njob b kernel=k\n"
					 "job c kernel=l lifetime=10\n", NULL), 0);
	assert_int_equal(sim_cost_true(&s.in, 0, 0, 0), 1181800);
	assert_int_equal(sim_cost_true(&s.in, 1, 0, 0), 854500);
	assert_int_equal(sim_cost_true(&s.in, 1, 0, 1), 1217500);
	assert_int_equal(sim_cost_true(&s.in, 0, 1, 0), 1);
	assert_int_equal(sim_cost_true(&s.in, 2, 0, 0), 10);
	simulation_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_first_line),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
