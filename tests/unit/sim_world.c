// SPDX-License-Identifier: GPL-2.0-only
/* sources: tests/unit/simulate.c tools/replay/simtext.c tools/replay/simmachine.c */
/* sources: tools/replay/simtasks.c tools/replay/simnet.c tools/replay/simworld.c */
/* sources: tools/replay/simdata.c tools/replay/simlog.c tools/replay/simrival.c */
/* sources: tools/replay/simdmda.c tools/replay/simheft.c tools/replay/simheteroprio.c */
/* sources: tools/replay/simxsched.c tools/replay/simweft.c scheduler/tree.c scheduler/sched.c */
/* sources: scheduler/job.c scheduler/fair.c scheduler/place.c scheduler/chain.c */
/* sources: scheduler/lease.c */
/* sources: scheduler/line.c scheduler/plan.c scheduler/ahead.c */
/* sources: scheduler/estimate.c scheduler/record.c */
/* cflags: -D_GNU_SOURCE */
/*
 * Simulations short enough to be computed by hand.
 *
 * DOC: hand-computed simulations
 *
 * Links carry 1 byte a ns unless a case says otherwise, so a block of 1000 bytes takes 1000 ns and
 * the latency.
 */
#include "simulate.h"

#define LINKS \
	"link a host bandwidth=1000 latency=10\nlink b host bandwidth=1000 latency=20\n"
#define MACHINE \
	"region host\n" \
	"device a class=gpu model=x host=host bytes=100000\n" \
	"device b class=npu model=y host=host bytes=100000\n" LINKS

/* One job, all lines of the log. */
static void test_one_job(void **state)
{
	struct simulation s;

	simulation_run(&s, "weft", NULL, MACHINE, "cost k x run=500\n", "block p bytes=1000\n"
		       "submit at=7\njob j kernel=k update=p\n", NULL);
	assert_string_equal(s.log,
			    "weft-log 1\n"
		"about engine=weft policy=eft known=1 window=0\n"
		"7 submit j\n"
		"7 ready j\n"
		"7 decide j device=a data=1017 start=1017 run=500 finish=1517 reason=chosen\n"
		"7 transfer 0 block=p from=host to=a bytes=1000 start=7 end=1017 route=host>a "
		"for=j\n"
		"1017 start j device=a place=0\n"
		"1517 end j device=a place=0 status=ok busy=500\n"
		"1517 finish\n");
	simulation_free(&s);
}

/* A port carries one transfer after the other; two directions do not disturb each other. */
static void test_ports(void **state)
{
	struct simulation s;

	simulation_run(&s, "dmdas", NULL, MACHINE, "cost k x run=500\ncost l y run=1\n",
		       "block p bytes=1000\nblock q bytes=1000\nblock r bytes=1000 at=a\n"
		       "submit at=0\njob i kernel=k read=p,q\njob j kernel=l read=r\n", NULL);
	assert_logged(&s, "0 transfer 0 block=p from=host to=a bytes=1000 start=0 end=1010 "
			  "route=host>a for=i");
	assert_logged(&s, "0 transfer 1 block=q from=host to=a bytes=1000 start=1010 end=2020 "
			  "route=host>a for=i");
	/* cut-through: both ports for the sum of the latencies and the bytes once */
	assert_logged(&s, "0 transfer 2 block=r from=a to=b bytes=1000 start=0 end=1030 "
			  "route=a>host,host>b for=j");
	assert_logged(&s, "2020 start i device=a place=0");
	assert_logged(&s, "1030 start j device=b place=0");
	simulation_free(&s);
}

static void test_store_and_forward(void **state)
{
	struct simulation s;

	simulation_run(&s, "dmdas", NULL, "hop store-and-forward\n" MACHINE, "cost l y run=1\n",
		       "block r bytes=1000 at=a\nsubmit at=0\njob j kernel=l read=r\n", NULL);
	assert_logged(&s, "0 transfer 0 block=r from=a to=host bytes=1000 start=0 end=1010 "
			  "route=a>host for=j");
	assert_logged(&s, "0 transfer 1 block=r from=host to=b bytes=1000 start=1010 end=2030 "
			  "route=host>b for=j");
	assert_logged(&s, "2030 start j device=b place=0");
	simulation_free(&s);
}

static void route_is(const char *links, const char *route)
{
	struct simulation s;
	char machine[1024];

	snprintf(machine, sizeof(machine),
		 "region host\nhub s\nhub t\ndevice a class=gpu model=x host=host bytes=9\n"
		 "device c class=gpu model=z host=host bytes=9\n"
		 "device b class=gpu model=y host=host bytes=9\n%s", links);
	simulation_run(&s, "dmdas", NULL, machine, "cost k y run=1\n", "block p bytes=9 at=a\n"
		       "submit at=0\njob j kernel=k read=p\n", NULL);
	if (!strstr(s.log, route))
		fail_msg("\"%s\" is not in the log:\n%s", route, s.log);
	simulation_free(&s);
}

/* Widest, fewest links, least latency, first in the file; never through a device. */
static void test_routes(void **state)
{
	route_is("link a host bandwidth=10 latency=0\nlink host b bandwidth=10 latency=0\n"
		 "link a s bandwidth=11 latency=9\nlink s t bandwidth=11 latency=9\n"
		 "link t b bandwidth=12 latency=9\n", "end=846 route=a>s,s>t,t>b ");
	route_is("link a host bandwidth=10 latency=9\nlink host b bandwidth=10 latency=9\n"
		 "link a s bandwidth=10 latency=0\nlink s t bandwidth=10 latency=0\n"
		 "link t b bandwidth=10 latency=0\n", "end=918 route=a>host,host>b ");
	route_is("link a host bandwidth=10 latency=9\nlink host b bandwidth=10 latency=9\n"
		 "link a s bandwidth=10 latency=8\nlink s b bandwidth=10 latency=9\n",
		 "route=a>s,s>b ");
	route_is("link s b bandwidth=10 latency=9\nlink a host bandwidth=10 latency=9\n"
		 "link host b bandwidth=10 latency=9\nlink a s bandwidth=10 latency=9\n",
		 "route=a>host,host>b ");
	route_is("link a c bandwidth=99 latency=0\nlink c b bandwidth=99 latency=0\n"
		 "link a host bandwidth=10 latency=9\nlink host b bandwidth=10 latency=9\n",
		 "route=a>host,host>b ");
}

/*
 * Room for two blocks. The third evicts the one used longest ago: p, which the host has, at once;
 * but r, which only a has, is saved first.
 */
static void test_eviction(void **state)
{
	struct simulation s;

	simulation_run(&s, "xsched", NULL, "region host\n"
		       "device a class=gpu model=x host=host bytes=2000 depth=1\n"
		       "link a host bandwidth=1000 latency=0\n", "cost k x run=10\n",
		       "block p bytes=1000\nblock q bytes=1000\nblock r bytes=1000 at=-\n"
		       "block z bytes=1000\nsubmit at=0\njob one kernel=k read=p\n"
		       "job two kernel=k read=q after=one\njob three kernel=k write=r after=two\n"
		       "job four kernel=k read=q after=three\n"
		       "job five kernel=k read=z,q after=four\n", NULL);
	assert_logged(&s, "1000 start one device=a place=0");
	assert_logged(&s, "2010 start two device=a place=0");
	assert_logged(&s, "2020 evict p region=a");
	assert_logged(&s, "2020 start three device=a place=0");
	assert_logged(&s, "2030 start four device=a place=0");
	assert_logged(&s, "2040 transfer 2 block=r from=a to=host bytes=1000 start=2040 "
			  "end=3040 route=a>host for=-");
	assert_logged(&s, "3040 evict r region=a");
	assert_logged(&s, "4040 start five device=a place=0");
	assert_int_equal(s.w.evictions, 2);
	simulation_free(&s);
}

/* What runs on a lost device runs again elsewhere; what was only there is lost with it. */
static void test_loss(void **state)
{
	struct simulation s;

	simulation_run(&s, "weft", NULL, MACHINE, "cost k x run=500\ncost k y run=900\n",
		       "block p bytes=1000\nblock q bytes=1000 at=a\nsubmit at=0\n"
		       "job i kernel=k read=p\njob j kernel=k read=q after=i\n"
		       "job l kernel=k after=j\n", "at 1200 lost a\n");
	assert_logged(&s, "1010 start i device=a place=0");
	assert_logged(&s, "1200 end i device=a place=0 status=lost busy=190");
	assert_logged(&s, "1200 back i device=a why=lost");
	assert_logged(&s, "1200 transfer 1 block=p from=host to=b bytes=1000 start=1200 "
			  "end=2220 route=host>b for=i");
	assert_logged(&s, "2220 start i device=b place=0");
	assert_logged(&s, "3120 end i device=b place=0 status=ok busy=900");
	assert_logged(&s, "3120 fail j");
	assert_logged(&s, "3120 fail l");
	assert_int_equal(s.w.job[0].moves, 1);
	simulation_free(&s);
}

/* A transfer from a lost device is cut, and made again from where the block is, too. */
static void test_cut(void **state)
{
	struct simulation s;

	simulation_run(&s, "weft", NULL, "region host\n"
		       "device a class=gpu model=x host=host bytes=100000\n"
		       "device b class=npu model=y host=host bytes=100000\n" LINKS
		       "hub s\nlink a s bandwidth=2000 latency=0\n"
		       "link b s bandwidth=2000 latency=0\n", "cost k y run=900\n",
		       "block p bytes=1000 at=a,host\nsubmit at=0\njob i kernel=k read=p\n",
		       "at 200 lost a\n");
	assert_logged(&s, "0 transfer 0 block=p from=a to=b bytes=1000 start=0 end=500 "
			  "route=a>s,s>b for=i");
	assert_logged(&s, "200 cut 0");
	assert_logged(&s, "200 transfer 1 block=p from=host to=b bytes=1000 start=200 end=1220 "
			  "route=host>b for=i");
	assert_logged(&s, "1220 start i device=b place=0");
	assert_int_equal(s.w.job[0].moves, 0);
	simulation_free(&s);
}

/* Half the speed, then back again empty at full speed. */
static void test_speed(void **state)
{
	struct simulation s;

	simulation_run(&s, "weft", NULL, "region host\ndevice a class=cpu model=x host=host\n",
		       "cost k x run=101\n", "submit at=0\njob i kernel=k\nsubmit at=1000\n"
		       "job j kernel=k\nsubmit at=2000\njob l kernel=k\n",
		       "at 500 speed a percent=50\nat 1500 lost a\nat 1900 returned a\n");
	assert_logged(&s, "101 end i device=a place=0 status=ok busy=101");
	assert_logged(&s, "1202 end j device=a place=0 status=ok busy=202");
	assert_logged(&s, "2101 end l device=a place=0 status=ok busy=101");
	simulation_free(&s);
}

/*
 * With a window of one the second job comes when the first is decided. Run times are not known:
 * what runs was expected to take 100000 ns, so the third is, too, to start after that.
 */
static void test_window(void **state)
{
	struct sim_options o = { .policy = "eft", .window = 1 };
	struct simulation s;

	simulation_run(&s, "weft", &o, "region host\n"
		       "device a class=cpu model=x host=host depth=1\n", "cost k x run=100\n",
		       "submit at=0\njob i kernel=k\njob j kernel=k\njob l kernel=k\n", NULL);
	assert_logged(&s, "about engine=weft policy=eft known=0 window=1");
	assert_logged(&s, "0 submit j");
	assert_logged(&s, "0 submit l");
	assert_logged(&s, "100 decide l device=a data=100 start=100100 run=100 finish=100200 "
			  "reason=chosen");
	assert_logged(&s, "300 finish");
	simulation_free(&s);
}

/* Places: two engines of one credit each run two jobs at once. */
static void test_places(void **state)
{
	struct simulation s;

	simulation_run(&s, "weft", NULL, "region host\n"
		       "device a class=cpu model=x host=host engines=2\n", "cost k x run=100\n",
		       "submit at=0\njob i kernel=k\njob j kernel=k\njob l kernel=k\n", NULL);
	assert_logged(&s, "0 start i device=a place=0");
	assert_logged(&s, "0 start j device=a place=1");
	assert_logged(&s, "100 start l device=a place=0");
	simulation_free(&s);
}

/* The scheduler learns a true time from the completion: next it expects the first result. */
static void test_learned(void **state)
{
	struct sim_options o = { .policy = "eft" };
	struct simulation s;

	simulation_run(&s, "weft", &o, "region host\n"
		       "device a class=cpu model=x host=host depth=1\n", "noise percent=30 seed=7\n"
		       "cost k x run=1000000\n", "submit at=0\njob i kernel=k\n"
		       "job j kernel=k after=i\n", NULL);
	assert_logged(&s, "1181800 end i device=a place=0 status=ok busy=1181800");
	assert_logged(&s, "1181800 decide j device=a data=1181800 start=1181800 run=1181800 "
			  "finish=2363600 reason=chosen");
	assert_logged(&s, "2036300 end j device=a place=0 status=ok busy=854500");
	simulation_free(&s);
}

/* weft switches policies; rivals have none. */
static void test_policy(void **state)
{
	static const char * const t[] = {
		"region host\ndevice a class=cpu model=x host=host\n", "cost k x run=10\n",
		"submit at=0\njob i kernel=k\nsubmit at=5\njob j kernel=k\n",
		"at 3 policy fifo\nat 4 weight - 7\n"
	};
	struct sim_options o = { .engine = sim_engine_find("dmdas") };
	struct simulation s;

	simulation_run(&s, "weft", NULL, t[0], t[1], t[2], t[3]);
	assert_logged(&s, "3 policy fifo");
	assert_logged(&s, "4 weight - 7");
	simulation_free(&s);
	assert_int_equal(simulation_read(&s, t[0], t[1], t[2], t[3]), 0);
	s.ran = true;
	assert_int_equal(sim_world_run(&s.w, &s.in, &o), -1);
	assert_string_equal(s.w.error, "at 3: engine dmdas has no policy \"fifo\"");
	simulation_free(&s);
}

/* What cannot be simulated says so. */
static void test_refused(void **state)
{
	struct sim_options o = { .engine = sim_engine_find("weft"), .policy = "eft" };
	struct simulation s;

	assert_int_equal(simulation_read(&s, MACHINE, "cost k x run=1\n", "submit at=0\n"
					 "job i kernel=k gang=g\n", NULL), 0);
	s.ran = true;
	assert_int_equal(sim_world_run(&s.w, &s.in, &o), -1);
	assert_string_equal(s.w.error, "engine weft cannot start gangs");
	simulation_free(&s);
	assert_int_equal(simulation_read(&s, MACHINE, "cost k x run=1\n",
					 "block p bytes=100001 at=a\nsubmit at=0\njob i kernel=k\n",
					 NULL), 0);
	s.ran = true;
	assert_int_equal(sim_world_run(&s.w, &s.in, &o), -1);
	assert_string_equal(s.w.error,
			    "100001 bytes are to be in region a at the start, which has 100000");
	simulation_free(&s);
}

/* No device will ever hold it: it fails, and so does what depends on it. */
static void test_never_fits(void **state)
{
	struct simulation s;

	simulation_run(&s, "weft", NULL, MACHINE, "cost k x run=1\ncost k y run=1\n",
		       "block p bytes=100001\nsubmit at=0\njob i kernel=k read=p\n"
		       "job j kernel=k after=i\njob l kernel=k\n", NULL);
	assert_logged(&s, "0 fail i");
	assert_logged(&s, "0 fail j");
	assert_int_equal(s.w.job[2].state, SIM_DONE);
	simulation_free(&s);
}

/* Two chains of two; the plan sends the result of i to b while b is still at work. */
static void test_heft(void **state)
{
	struct simulation s;

	simulation_run(&s, "heft", NULL, MACHINE, "cost k x run=100\ncost l y run=5000\n"
		       "cost m y run=10\n", "block p bytes=1000 at=-\nsubmit at=0\n"
		       "job i kernel=k write=p\njob o kernel=l\njob j kernel=m read=p after=o\n",
		       NULL);
	assert_logged(&s, "0 start i device=a place=0");
	assert_logged(&s, "0 start o device=b place=0");
	assert_logged(&s, "100 transfer 0 block=p from=a to=b bytes=1000 start=100 end=1130 "
			  "route=a>host,host>b for=j");
	assert_logged(&s, "5000 start j device=b place=0");
	simulation_free(&s);
}

/* Idle b takes over what a would end later, from its beginning. */
static void test_spoliation(void **state)
{
	struct simulation s;

	simulation_run(&s, "heteroprio", NULL, "region host\ndevice a class=cpu model=x host=host\n"
		       "device b class=cpu model=y host=host\n", "cost k x run=1000\n"
		       "cost k y run=100\ncost l y run=50\ncost l x run=10000\n", "submit at=0\n"
		       "job i kernel=l\njob j kernel=k\n", NULL);
	assert_logged(&s, "0 start i device=b place=0");
	assert_logged(&s, "0 start j device=a place=0");
	assert_logged(&s, "50 end j device=a place=0 status=preempted busy=50");
	assert_logged(&s, "50 start j device=b place=0");
	assert_logged(&s, "150 finish");
	simulation_free(&s);
}

/* Twelve jobs of one client: ten, a wait for all ten, two. Another device is never used. */
static void test_batches(void **state)
{
	struct simulation s;

	simulation_run(&s, "xsched", NULL, "region host\n"
		       "device a class=cpu model=x host=host engines=4\n"
		       "device b class=cpu model=x host=host\n", "cost k x run=100\n"
		       "cost l x run=70\n", "submit at=0\njob j0 kernel=k\njob j1 kernel=k\n"
		       "job j2 kernel=k\njob j3 kernel=k\njob j4 kernel=k\njob j5 kernel=k\n"
		       "job j6 kernel=k\njob j7 kernel=k\njob j8 kernel=k\njob j9 kernel=l\n"
		       "job j10 kernel=k\njob j11 kernel=k\n", NULL);
	assert_logged(&s, "270 end j9 device=a place=1 status=ok busy=70");
	assert_logged(&s, "300 end j8 device=a place=0 status=ok busy=100");
	assert_logged(&s, "300 start j10 device=a place=0");
	assert_logged(&s, "300 start j11 device=a place=1");
	assert_not_logged(&s, "device=b");
	simulation_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_job),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_store_and_forward),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_learned),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_never_fits),
		cmocka_unit_test(test_heft),
		cmocka_unit_test(test_spoliation),
		cmocka_unit_test(test_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
