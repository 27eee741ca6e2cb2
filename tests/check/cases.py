# SPDX-License-Identifier: GPL-2.0-only
"""Small schedules worked out by hand, and what makes each of them wrong.

Links carry a byte a nanosecond, so that every time can be checked in one's
head. A CASE is a name and its files; a WRONG is a case with one change and the
rule that must refuse it, with words that the sentence must hold.
"""

MACHINE = """weft-machine 1
region host
device a class=gpu model=f host=host bytes=1000
device b class=gpu model=f host=host bytes=1000
device c class=cpu model=s host=host engines=2
link a host bandwidth=1000 latency=10
link b host bandwidth=1000 latency=10
"""
COSTS = """weft-costs 1
cost k f run=100
cost k s run=300 per-size=2
"""

# A chain of three jobs over two devices: p writes y, q updates it, r reads it elsewhere.
CHAIN = {
    "machine": MACHINE, "costs": COSTS,
    "tasks": """weft-tasks 1
block x bytes=50
block y bytes=50 at=-
submit at=0
job p kernel=k read=x write=y
job q kernel=k update=y deadline=250
job r kernel=k read=x,y class=interactive devices=a,b
""",
    "log": """weft-log 1
about engine=list known=1
0 submit p
0 submit q
0 submit r
0 ready p
0 transfer 0 block=x from=host to=a bytes=50 start=0 end=60 route=host>a for=p
0 decide p device=a data=60 start=60 run=100 finish=160 reason=chosen
0 candidate p device=a transfer=60 start=60 run=100 finish=160 reason=chosen
0 candidate p device=b transfer=60 start=60 run=100 finish=160 reason=tie
0 candidate p device=c transfer=0 start=0 run=302 finish=302 reason=later
60 start p device=a place=0
160 end p device=a place=0 status=ok busy=100
160 ready q
160 decide q device=a data=160 start=160 run=100 finish=260 reason=chosen
160 start q device=a place=0
260 end q device=a place=0 status=ok busy=100
260 ready r
260 transfer 1 block=x from=host to=b bytes=50 start=260 end=320 route=host>b for=r
260 transfer 2 block=y from=a to=b bytes=50 start=320 end=390 route=a>host,host>b for=r
260 decide r device=b data=390 start=390 run=100 finish=490 reason=chosen
390 start r device=b place=0
490 end r device=b place=0 status=ok busy=100
490 finish
metric jobs 3
metric failed 0
metric makespan 490
metric bound-area 112
metric bound-path 300
metric bound-path-transfer 420
metric busy a 200
metric busy b 100
metric busy c 0
metric port host>a 50
metric port a>host 50
metric port host>b 100
metric transfers 3
metric bytes 150
metric evictions 0
metric moves 0
metric moves-max 0
metric wait-p50 batch 0
metric wait-p99 batch 60
metric wait-p50 interactive 130
metric misses 1
metric jain 1000000
metric lag 0
metric lag-bound 0
""",
}
# bound-area: f and s have two places each, 2T / 100 + 2T / 302 = 3 jobs, so T = 112.69.
# bound-path-transfer: p and r fetch x, which takes 60, and q's y is made on the way.

# Two tenants with independent jobs on one device at twice the price.
FAIR = {
    "machine": """weft-machine 1
region host
device c class=cpu model=s host=host depth=1 price=2048
""",
    "costs": "weft-costs 1\ncost k s run=100\n",
    "tasks": """weft-tasks 1
tenant lab weight=200
tenant web weight=100
client l tenant=lab
client w tenant=web
submit at=0 client=l
job l0 kernel=k
job l1 kernel=k
submit at=0 client=w
job w0 kernel=k
""",
    "log": """weft-log 1
about engine=weft policy=eft known=1
0 submit l0
0 submit l1
0 submit w0
0 ready l0
0 ready l1
0 ready w0
0 decide l0 device=c data=0 start=0 run=100 finish=100 reason=chosen
0 decide w0 device=c data=0 start=100 run=100 finish=200 reason=chosen
0 plan l1 device=c data=0 start=200 run=100 finish=300 reason=planned
0 start l0 device=c place=0
100 end l0 device=c place=0 status=ok busy=100
100 decide l1 device=c data=100 start=200 run=100 finish=300 reason=chosen
100 start w0 device=c place=0
200 end w0 device=c place=0 status=ok busy=100
200 start l1 device=c place=0
300 end l1 device=c place=0 status=ok busy=100
300 finish
metric jain 1000000
metric lag 2
metric lag-bound 9
""",
}

# Memory for two blocks of three: x, which the host has too, goes.
TIGHT = {
    "machine": """weft-machine 1
region host
device a class=gpu model=f host=host bytes=100
link a host bandwidth=1000 latency=10
""",
    "costs": COSTS,
    "tasks": """weft-tasks 1
block x bytes=50
block y bytes=50
block z bytes=50
submit at=0
job p kernel=k read=x
job q kernel=k update=y
submit at=400
job r kernel=k read=z
""",
    "log": """weft-log 1
about engine=weft policy=eft known=1
0 submit p
0 submit q
0 ready p
0 ready q
0 transfer 0 block=x from=host to=a bytes=50 start=0 end=60 route=host>a for=p
0 decide p device=a data=60 start=60 run=100 finish=160 reason=chosen
0 transfer 1 block=y from=host to=a bytes=50 start=60 end=120 route=host>a for=q
0 decide q device=a data=120 start=160 run=100 finish=260 reason=chosen
60 start p device=a place=0
160 end p device=a place=0 status=ok busy=100
160 start q device=a place=0
260 end q device=a place=0 status=ok busy=100
400 submit r
400 ready r
400 evict x region=a
400 transfer 2 block=z from=host to=a bytes=50 start=400 end=460 route=host>a for=r
400 decide r device=a data=460 start=460 run=100 finish=560 reason=chosen
460 start r device=a place=0
560 end r device=a place=0 status=ok busy=100
560 finish
metric evictions 1
""",
}

# A gang of two.
GANG = {
    "machine": MACHINE, "costs": COSTS,
    "tasks": """weft-tasks 1
block x bytes=50
submit at=0
job g0 kernel=k gang=g read=x
job g1 kernel=k gang=g
""",
    "log": """weft-log 1
about engine=weft policy=eft known=1
0 submit g0
0 submit g1
0 ready g0
0 ready g1
0 gang g devices=a,b start=60
0 transfer 0 block=x from=host to=a bytes=50 start=0 end=60 route=host>a for=g0
0 decide g0 device=a data=60 start=60 run=100 finish=160 reason=chosen
0 decide g1 device=b data=0 start=60 run=100 finish=160 reason=chosen
60 start g0 device=a place=0
60 start g1 device=b place=0
160 end g0 device=a place=0 status=ok busy=100
160 end g1 device=b place=0 status=ok busy=100
160 finish
""",
}

# Device a is lost while it runs p; b takes over, slowed to a half.
LOSS = {
    "machine": MACHINE, "costs": COSTS,
    "events": """weft-events 1
at 0 speed b percent=50
at 80 lost a
""",
    "tasks": """weft-tasks 1
block x bytes=50
block w bytes=50 at=a
submit at=0
job p kernel=k read=x devices=a,b
job d kernel=k read=w devices=b
job e kernel=k after=d
""",
    "log": """weft-log 1
about engine=list
0 speed b percent=50
0 submit p
0 submit d
0 submit e
0 ready p
0 ready d
0 transfer 0 block=x from=host to=a bytes=50 start=0 end=60 route=host>a for=p
0 decide p device=a data=60 start=60 run=100 finish=160 reason=chosen
60 start p device=a place=0
60 transfer 1 block=w from=a to=b bytes=50 start=60 end=130 route=a>host,host>b for=d
80 lost a
80 end p device=a place=0 status=lost busy=20
80 back p device=a why=lost
80 cut 1
80 fail d
80 fail e
80 transfer 2 block=x from=host to=b bytes=50 start=80 end=140 route=host>b for=p
80 decide p device=b data=140 start=140 run=100 finish=240 reason=chosen
140 start p device=b place=0
340 end p device=b place=0 status=ok busy=200
340 finish
metric jobs 1
metric failed 2
metric moves 1
metric busy a 20
metric bytes 100
""",
}

# Three jobs at 0, two of which are decided for a; the third waits for it although s is idle: it would be
# done there no sooner.
WAITS = {
    "machine": """weft-machine 1
region host
device a class=gpu model=f host=host depth=1
device s class=cpu model=slow host=host depth=1
""",
    "costs": "weft-costs 1\ncost k f run=100\ncost k slow run=800\n",
    "tasks": "weft-tasks 1\nsubmit at=0\njob p kernel=k\njob q kernel=k\njob r kernel=k\n",
    "log": """weft-log 1
about engine=weft policy=eft known=1
0 submit p
0 submit q
0 submit r
0 ready p
0 ready q
0 ready r
0 decide p device=a data=0 start=0 run=100 finish=100 reason=chosen
0 decide q device=a data=0 start=100 run=100 finish=200 reason=chosen
0 plan r device=a data=0 start=200 run=100 finish=300 reason=planned
0 start p device=a place=0
100 end p device=a place=0 status=ok busy=100
100 decide r device=a data=100 start=200 run=100 finish=300 reason=chosen
100 start q device=a place=0
200 end q device=a place=0 status=ok busy=100
200 start r device=a place=0
300 end r device=a place=0 status=ok busy=100
300 finish
""",
}

CASES = {"chain": CHAIN, "fair": FAIR, "tight": TIGHT, "gang": GANG, "loss": LOSS, "waits": WAITS}

# (case, rule, words of the sentence, file, old text, new text; further pairs)
WRONG = [
    ("chain", "precedence", "job q starts at 150 on a before its input y is there, which job p writes",
     [("log", """60 start p device=a place=0
160 end p device=a place=0 status=ok busy=100
160 ready q
160 decide q device=a data=160 start=160 run=100 finish=260 reason=chosen
160 start q""", """60 start p device=a place=0
150 ready q
150 decide q device=a data=150 start=150 run=100 finish=250 reason=chosen
150 start q device=a place=0
160 end p device=a place=0 status=ok busy=100
160 start q""")]),
    ("chain", "ready", "job q is READY at 161: the log says so too late",
     [("log", "160 ready q", "161 ready q"), ("log", "160 decide q", "161 decide q"),
      ("log", "160 start q", "161 start q")]),
    ("chain", "data", "job r starts at 389 on b: block y is not valid in b",
     [("log", "390 start r", "389 start r"), ("log", "490 end r", "489 end r")]),
    ("chain", "ports", "transfers 1 and 2 are both on port host>b at 319",
     [("log", "start=320 end=390", "start=319 end=389")]),
    ("chain", "route", "the route from a to b is a>host,host>b",
     [("log", "route=a>host,host>b", "route=a>b")]),
    ("chain", "duration", "transfer 2 takes 60: its route says 70",
     [("log", "start=320 end=390", "start=320 end=380")]),
    ("chain", "source", "takes block y from host",
     [("log", "block=y from=a to=b bytes=50 start=320 end=390 route=a>host,host>b",
       "block=y from=host to=b bytes=50 start=320 end=380 route=host>b")]),
    ("chain", "transfer", "moves 49 bytes of block x, which has 50", [("log", "to=a bytes=50", "to=a bytes=49")]),
    ("chain", "transfer", "is for job q, which does not read it", [("log", "route=host>a for=p", "route=host>a for=q")]),
    ("chain", "duration", "job q ran 90 on a: the costs say 100",
     [("log", "260 end q device=a place=0 status=ok busy=100", "250 end q device=a place=0 status=ok busy=90")]),
    ("chain", "duration", "job r was busy for 99",
     [("log", "490 end r device=b place=0 status=ok busy=100", "490 end r device=b place=0 status=ok busy=99")]),
    ("chain", "eligible", "job r cannot run on c", [("log", "decide r device=b", "decide r device=c")]),
    ("chain", "places", "starts at place 1 of b, which has 1",
     [("log", "start r device=b place=0", "start r device=b place=1"),
      ("log", "end r device=b place=0", "end r device=b place=1")]),
    ("chain", "life", "job r is READY at the finish",
     [("log", "260 decide r device=b data=390 start=390 run=100 finish=490 reason=chosen\n", ""),
      ("log", "390 start r device=b place=0\n490 end r device=b place=0 status=ok busy=100\n", "")]),
    ("chain", "life", "job p is decided at 60 though it is outstanding",
     [("log", "60 start p", "60 decide p device=a data=60 start=60 run=100 finish=160 reason=chosen\n60 start p")]),
    ("chain", "submit", "job q is submitted at 60 instead of 0", [("log", "0 submit q\n", ""), ("log", "60 start p", "60 submit q\n60 start p")]),
    ("chain", "expect", "no candidate line for b",
     [("log", "0 candidate p device=b transfer=60 start=60 run=100 finish=160 reason=tie\n", "")]),
    ("chain", "expect", "is expected to run 90 on a, and the costs, which are known, say 100",
     [("log", "start=60 run=100 finish=160 reason=chosen\n0 cand", "start=60 run=90 finish=150 reason=chosen\n0 cand")]),
    ("chain", "evict", "its only valid copy", [("log", "260 ready r", "260 evict y region=a\n260 ready r")]),
    ("chain", "evict", "where job p uses it",
     [("log", "160 end p", "100 evict x region=a\n160 end p")]),
    ("chain", "evict", "from where transfer 2 takes it",
     [("tasks", "job q kernel=k update=y deadline=250", "job q kernel=k read=y deadline=250"),
      ("log", "390 start r", "330 evict y region=a\n390 start r")]),
    ("chain", "metric", "makespan is claimed to be 489: it is 490", [("log", "makespan 490", "makespan 489")]),
    ("chain", "metric", "misses is claimed to be 0: it is 1", [("log", "misses 1", "misses 0")]),
    ("chain", "metric", "busy a is claimed to be 199", [("log", "busy a 200", "busy a 199")]),
    ("chain", "metric", "wait-p99 batch is claimed to be 0: it is 60", [("log", "wait-p99 batch 60", "wait-p99 batch 0")]),
    ("chain", "metric", "bound-path is claimed to be 310: it is 300", [("log", "bound-path 300", "bound-path 310")]),
    ("chain", "metric", "bound-area is claimed to be 95", [("log", "bound-area 112", "bound-area 95")]),
    ("chain", "metric", "there is no such figure", [("log", "metric jobs 3", "metric jobz 3")]),
    ("fair", "credits", "job l1 is the 3th job outstanding on c at 0",
     [("log", "0 plan l1 device=c data=0 start=200 run=100 finish=300 reason=planned",
       "0 decide l1 device=c data=0 start=200 run=100 finish=300 reason=chosen"),
      ("log", "100 decide l1 device=c data=100 start=200 run=100 finish=300 reason=chosen\n", "")]),
    ("fair", "places", "at place 0 of c, where job w0 runs",
     [("log", "200 end w0 device=c place=0 status=ok busy=100\n200 start l1",
       "200 start l1"), ("log", "300 end l1", "200 end w0 device=c place=0 status=ok busy=100\n300 end l1")]),
    ("fair", "metric", "lag is claimed to be 1: it is 2", [("log", "lag 2", "lag 1")]),
    ("fair", "metric", "jain is claimed to be 900000", [("log", "jain 1000000", "jain 900000")]),
    ("tight", "memory", "region a holds 150 bytes at 400, when block z comes: it has 100",
     [("log", "400 evict x region=a\n", ""), ("log", "metric evictions 1", "metric evictions 0")]),
    ("tight", "evict", "block y is evicted at 400 from a: its only valid copy", [("log", "evict x", "evict y")]),
    ("tight", "evict", "block z is evicted at 400 from a, where it is not valid", [("log", "evict x", "evict z")]),
    ("gang", "gang", "1 of the 2 jobs of gang g start at 60",
     [("log", "60 start g1 device=b place=0\n", "61 start g1 device=b place=0\n"),
      ("log", "160 end g1", "161 end g1"), ("log", "160 finish", "161 finish")]),
    ("gang", "gang", "two jobs of gang g start on one device",
     [("machine", "device a class=gpu", "device a engines=2 class=gpu"), ("log", "g devices=a,b", "g devices=a,c"),
      ("log", "decide g1 device=b", "decide g1 device=a"), ("log", "start g1 device=b place=0", "start g1 device=a place=1"),
      ("log", "end g1 device=b place=0", "end g1 device=a place=1")]),
    ("gang", "gang", "gang g starts on other devices than were decided", [("log", "g devices=a,b", "g devices=a,c")]),
    ("gang", "gang", "without having been decided", [("log", "0 gang g devices=a,b start=60\n", "")]),
    ("loss", "lost", "transfer 1 goes on after 80, when a was lost", [("log", "80 cut 1\n", ""), ("log", "bytes 100", "bytes 150")]),
    ("loss", "lost", "device a is lost at 80, and 1 jobs stay there",
     [("log", "80 end p device=a place=0 status=lost busy=20\n80 back p device=a why=lost\n", "")]),
    ("loss", "event", "'lost' of 80 did not take place", [("log", "80 lost a\n", "")]),
    ("loss", "event", "comes after other things of the same time", [("log", "80 lost a\n80 end p device=a place=0 status=lost busy=20", "80 end p device=a place=0 status=lost busy=20\n80 lost a")]),
    ("loss", "fail", "no predecessor failed, no input is lost, and a can run it",
     [("log", "engine=list", "engine=weft policy=fifo"), ("tasks", "after=d", "after=p"), ("tasks", "job p kernel=k read=x devices=a,b\njob d kernel=k read=w devices=b\njob e kernel=k after=p",
                                       "job p kernel=k read=x devices=a,b\njob d kernel=k read=w devices=b\njob e kernel=k"),
      ("log", "0 ready d", "0 ready d\n0 ready e"), ("events", "at 80 lost a", "at 80 lost a"),
      ("log", "60 start p", "60 fail e\n60 start p"), ("log", "80 fail e\n", "")]),
    ("loss", "life", "ended at 80 with status lost, and is neither given back nor failed",
     [("log", "80 back p device=a why=lost\n", ""), ("log", "80 decide p", "81 back p device=a why=lost\n81 decide p"),
      ("log", "80 transfer 2 block=x from=host to=b bytes=50 start=80 end=140", "80 transfer 2 block=x from=host to=b bytes=50 start=80 end=140")]),
    ("loss", "duration", "the costs say 200", [("log", "340 end p device=b place=0 status=ok busy=200\n340 fin", "240 end p device=b place=0 status=ok busy=100\n340 fin")]),
    ("loss", "metric", "moves is claimed to be 0", [("log", "moves 1", "moves 0")]),
    ("waits", "conserving", "job r is READY at 0 without a plan or a hold, and s has room",
     [("log", "0 plan r device=a data=0 start=200 run=100 finish=300 reason=planned\n", "")]),
    ("waits", "conserving", "job r is READY at 0 with a plan for s, which has room",
     [("log", "0 plan r device=a data=0 start=200 run=100 finish=300", "0 plan r device=s data=0 start=0 run=800 finish=800")]),
    ("waits", "conserving", "r is planned to end on a at 300: s has room, and was thought to end at 250",
     [("log", "0 start p", "0 candidate r device=a transfer=0 start=200 run=100 finish=300 reason=planned\n"
       "0 candidate r device=s transfer=0 start=0 run=250 finish=250 reason=later\n0 start p")]),
]

# Logs that cannot be read: (case, words of the message, changes)
MALFORMED = [
    ("chain", "time goes back from 60 to 59", [("log", "60 start p device=a place=0", "60 start p device=a place=0\n59 ready q")]),
    ("chain", "unknown job 'z'", [("log", "0 submit q", "0 submit z")]),
    ("chain", "ends without 'finish'", [("log", CHAIN["log"][CHAIN["log"].index("490 finish"):], "")]),
    ("chain", "only metrics follow", [("log", "490 finish\n", "490 finish\n490 ready q\n")]),
    ("chain", "unknown field 'dta=60'", [("log", "data=60", "dta=60")]),
    ("chain", "field 'data' is missing", [("log", " data=60", "")]),
    ("chain", "transfer 2 where 1 is next", [("log", "transfer 1", "transfer 2")]),
    ("chain", "the first line must be 'weft-log 1'", [("log", "weft-log 1", "weft-log 2")]),
    ("chain", "bad number '-1'", [("log", "busy=100", "busy=-1")]),
    ("chain", "'done' is none of ok, lost", [("log", "status=ok", "status=done")]),
    ("chain", "no device can run job 'p'", [("tasks", "job p kernel=k", "job p kernel=unheard")]),
    ("chain", "unknown block 'u'", [("tasks", "read=x write=y", "read=u write=y")]),
    ("chain", "a block is named twice", [("tasks", "read=x write=y", "read=x write=x")]),
    ("chain", "name 'a' is declared twice", [("machine", "device b ", "device a ")]),
    ("chain", "a second link", [("machine", "link b host", "link host a")]),
    ("chain", "unknown word 'price'", [("costs", "cost k s", "price k s")]),
    ("loss", "time goes back", [("events", "at 0 speed b percent=50\nat 80 lost a", "at 80 lost a\nat 0 speed b percent=50")]),
    ("loss", "unknown device 'z'", [("events", "lost a", "lost z")]),
]

# With --strict: (case, words, changes)
LATE = ("waits", "job r is planned to end on a at 300: s is idle at 0 and would be done at 250",
        [("costs", "cost k slow run=800", "cost k slow run=250")])
