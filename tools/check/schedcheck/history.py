# SPDX-License-Identifier: GPL-2.0-only
"""What happened, line by line: the lives of jobs and devices.

A walk over the log with the state of each job and device; each line must be
possible in the state that the lines before it lead to. When the time moves on,
what was due at the time before must have happened. Data are followed beside it
(copies.py), and when a moment is over another rule may look at the state
(conserve.py). Rejected: checking pairs of lines without a state, which lets
pass a job that is decided twice or never.

The rules named here: order, submit, ready, life, precedence, eligible,
duration, places, gang, lost, event, fail, expect.
"""
from dataclasses import dataclass

from .copies import Copies
from .machine import Network
from .tasks import EVENTS

EARLY, READY, OUTSTANDING, RUNNING, STOPPED, DONE, FAILED = range(7)
STATE = ("not READY", "READY", "outstanding", "running", "stopped", "done", "failed")


class Report:
    """Violations: each with the rule's name, the line of the log (or 0), and a sentence."""

    def __init__(self):
        self.found = []

    def add(self, rule, line, sentence):
        self.found.append((rule, line, sentence))


@dataclass
class Run:
    """One start of a job; `end` is None while it runs."""
    job: object
    device: object
    place: int
    start: int
    line: int
    end: int = None
    status: str = None


class JobState:
    def __init__(self, job):
        self.job, self.state = job, EARLY
        self.submitted = self.ready = None      # times
        self.waits = len(job.before)            # predecessors that have not ended ok
        self.doomed = False                     # one of them never will
        self.decided = False                    # once at least
        self.back = 0
        self.plan = self.hold = self.decision = None
        self.run = None                         # the present or last Run
        self.candidates = None                  # (plan or decision, candidate lines since)


class DeviceState:
    def __init__(self, device):
        self.device, self.present, self.speed = device, True, 100
        self.outstanding = 0
        self.places = [None] * device.places    # Run


@dataclass
class Flow:
    """Something that the fair shares of tenants follow from (metrics.py)."""
    kind: str           # ready, leave (READY no more)
    tenant: str
    cls: str
    served: int = 0     # busy x price of the run, of a leave that is a decision


class History:
    def __init__(self, machine, costs, tasks, events, log, report, at_rest=None):
        self.machine, self.costs, self.tasks, self.log, self.report = machine, costs, tasks, log, report
        self.events, self.event_count = events, 0
        self.at_rest = at_rest
        self.network = Network(machine)
        self.jobs = [JobState(j) for j in tasks.jobs]
        self.devices = {d.name: DeviceState(d) for d in machine.devices.values()}
        self.slowed = False                     # some device was, some time
        self.after = {}                         # job's number -> those that wait for it
        for j in tasks.jobs:
            for before in j.before:
                self.after.setdefault(before, []).append(j.number)
        self.copies = Copies(machine, tasks, log, report)
        self.now = 0
        self.next_submit = self.undecided = 0
        self.due, self.stopped, self.started, self.readied = set(), set(), [], set()
        self.runs, self.flow, self.gang_lines = [], [], {}
        self.evictions = 0
        self.moment_began = False               # a line that is no event came at this time
        self.last_asked = None

    # The walk ------------------------------------------------------------------------

    def walk(self):
        for e in self.log.entries:
            if e.time > self.now:
                self.rest()
                self.now = e.time
                self.moment_began = False
            self.copies.arrivals(self.now)
            if e.word in EVENTS:
                self.event(e)
            else:
                if not self.moment_began:
                    self.missed_events(e)
                self.moment_began = True
                if e.word != "candidate":
                    self.end_of_candidates()
                getattr(self, "on_" + e.word)(e)
        self.rest()
        for s in self.jobs:
            if s.state not in (DONE, FAILED):
                self.say("life", self.log.finish, f"{self.title(s)} is {STATE[s.state]} at the finish")
        self.copies.finish(self.runs)

    def say(self, rule, entry, sentence):
        self.report.add(rule, entry.number if entry else 0, sentence)

    @staticmethod
    def title(s):
        return f"job {s.job.name}"

    def of(self, job):
        return self.jobs[job.number]

    def rest(self):
        """A moment is over."""
        self.end_of_candidates()
        for n in sorted(self.due):
            s = self.jobs[n]
            if s.state == EARLY and not self.copies.lost_inputs(s.job):
                self.say("ready", None, f"{self.title(s)} has been READY since {self.now}, and the log does "
                         "not say so")
        self.due.clear()
        for n in sorted(self.stopped):
            if self.jobs[n].state == STOPPED:
                self.say("life", None, f"{self.title(self.jobs[n])} ended at {self.now} with status "
                         f"{self.jobs[n].run.status}, and is neither given back nor failed")
        self.stopped.clear()
        self.gangs_at_rest()
        for d in self.devices.values():
            if not d.present and d.outstanding:
                self.say("lost", None, f"device {d.device.name} is lost at {self.now}, and {d.outstanding} "
                         "jobs stay there")
        if self.next_submit < len(self.jobs):
            j = self.jobs[self.next_submit].job
            if j.at <= self.now and (not self.log.window or self.undecided < self.log.window):
                self.say("submit", None, f"job {j.name} was due at {j.at} and did not come until {self.now}")
                self.next_submit = len(self.jobs)       # said once
        if self.at_rest:
            self.at_rest(self)
        self.readied.clear()

    # Events --------------------------------------------------------------------------

    def event(self, e):
        if self.moment_began:
            self.say("event", e, f"'{e.word}' comes after other things of the same time {e.time}")
        if self.event_count == len(self.events):
            self.say("event", e, f"'{e.word}' at {e.time} is not in the events")
        else:
            want = self.events[self.event_count]
            self.event_count += 1
            if (want.at, want.words) != (e.time, e.what):
                self.say("event", e, f"'{e.word}' at {e.time} where '{want.words[0]}' at {want.at} is next")
        getattr(self, "on_" + e.word)(e)

    def missed_events(self, e):
        while self.event_count < len(self.events) and self.events[self.event_count].at <= e.time:
            if e.word == "finish" and self.events[self.event_count].at == e.time:
                return
            missed = self.events[self.event_count]
            self.event_count += 1
            self.say("event", e, f"'{missed.words[0]}' of {missed.at} did not take place")

    def on_lost(self, e):
        d = self.devices[e.what[1]]
        if not d.present:
            self.say("event", e, f"device {d.device.name} is lost twice")
        d.present = False
        self.copies.lost(d.device, e)

    def on_returned(self, e):
        d = self.devices[e.what[1]]
        if d.present:
            self.say("event", e, f"device {d.device.name} was not away")
        d.present, d.speed = True, 100

    def on_speed(self, e):
        self.devices[e.what[1]].speed = e.what[2]
        self.slowed = True

    def on_link(self, e):
        self.network.change(*e.what[1:])

    def on_policy(self, e):
        pass

    def on_weight(self, e):
        pass        # figures are at the weights of the tasks file

    # Jobs come -----------------------------------------------------------------------

    def on_submit(self, e):
        s = self.of(e.what)
        if s.submitted is not None:
            self.say("submit", e, f"{self.title(s)} is submitted twice")
            return
        if s.job.number != self.next_submit and self.next_submit < len(self.jobs):
            self.say("submit", e, f"{self.title(s)} comes out of order: "
                     f"{self.jobs[self.next_submit].job.name} is next")
        self.next_submit = s.job.number + 1
        s.submitted = e.time
        self.undecided += 1
        if e.time < s.job.at or (e.time > s.job.at and not self.log.window):
            self.say("submit", e, f"{self.title(s)} is submitted at {e.time} instead of {s.job.at}")
        if self.log.window and self.undecided > self.log.window:
            self.say("submit", e, f"{self.title(s)} is submitted at {e.time} with {self.undecided - 1} jobs "
                     f"not decided yet: the window is {self.log.window}")
        if not s.waits:
            self.due.add(s.job.number)

    def become_ready(self, s):
        s.state = READY
        self.readied.add(s.job.number)
        self.flow.append(Flow("ready", s.job.tenant, s.job.cls))

    def leave_ready(self, s):
        self.flow.append(Flow("leave", s.job.tenant, s.job.cls))
        return self.flow[-1]

    def on_ready(self, e):
        s = self.of(e.what)
        if s.state != EARLY:
            self.say("ready", e, f"{self.title(s)} is READY at {e.time} though it is {STATE[s.state]}")
            return
        if s.submitted is None:
            self.say("ready", e, f"{self.title(s)} is READY at {e.time} before it is submitted")
        elif s.waits:
            self.say("ready", e, f"{self.title(s)} is READY at {e.time} before "
                     + self.which_predecessor(s))
        elif s.job.number not in self.due:
            self.say("ready", e, f"{self.title(s)} is READY at {e.time}: the log says so too late")
        self.due.discard(s.job.number)
        s.ready = e.time
        self.become_ready(s)

    def which_predecessor(self, s):
        for n, block in s.job.before.items():
            if self.jobs[n].state != DONE:
                name = self.jobs[n].job.name
                if block is None:
                    return f"job {name}, which it comes after, has ended"
                return f"its input {block} or what else it needs of job {name} is there" \
                    if block in s.job.inputs else f"job {name} is done with block {block}"
        return "all its predecessors have ended"

    # The scheduler acts --------------------------------------------------------------

    def expect(self, e, s):
        """What a plan or a decision says must be possible."""
        if not self.may_run(s.job, e.device):
            self.say("eligible", e, f"{self.title(s)} cannot run on {e.device.name}")
        elif not self.devices[e.device.name].present:
            self.say("lost", e, f"{self.title(s)} is meant for {e.device.name} at {e.time}, which is lost")
        elif self.log.known and self.exact(s.job) and self.devices[e.device.name].speed == 100 \
                and e.run != self.costs.cost(s.job, e.device.model):
            self.say("expect", e, f"{self.title(s)} is expected to run {e.run} on {e.device.name}, and the "
                     f"costs, which are known, say {self.costs.cost(s.job, e.device.model)}")
        if e.finish != e.start + e.run or e.start < e.data or e.start < e.time:
            self.say("expect", e, f"{self.title(s)}: data={e.data} start={e.start} run={e.run} "
                     f"finish={e.finish} do not fit together at {e.time}")
        s.candidates = (e, [])
        self.last_asked = s

    def exact(self, job):
        """Is a known run time the true one? It may have been learned from another size or a slowed device."""
        return not self.costs.percent and not self.slowed and job.lifetime is None and \
            len(self.tasks.sizes[job.kernel]) == 1

    def may_run(self, job, device):
        return (job.devices is None or device.name in job.devices) and \
            self.costs.cost(job, device.model) is not None

    def on_plan(self, e):
        s = self.of(e.what)
        if s.submitted is None or s.state not in (EARLY, READY):
            self.say("life", e, f"{self.title(s)} is planned at {e.time} though it is "
                     + ("not submitted" if s.submitted is None else STATE[s.state]))
        self.expect(e, s)
        s.plan, s.hold = e, None

    def on_candidate(self, e):
        s = self.of(e.what)
        if not s.candidates or self.last_asked is not s:
            self.say("expect", e, f"a candidate for {self.title(s)} follows no plan or decision of it")
            return
        asked, named = s.candidates
        if any(c.device is e.device for c in named):
            self.say("expect", e, f"device {e.device.name} is a candidate for {self.title(s)} twice")
        named.append(e)
        taken = ("chosen", "explore", "planned", "ahead") if e.device is asked.device else ()
        if e.reason not in taken and (taken or e.reason in ("chosen", "explore", "ahead")):
            self.say("expect", e, f"{self.title(s)}: candidate {e.device.name} is {e.reason}, and "
                     f"{asked.device.name} was taken")

    def end_of_candidates(self):
        s, self.last_asked = self.last_asked, None
        if s and s.candidates[1]:
            missing = [n for n, d in self.devices.items() if d.present
                       and not any(c.device is d.device for c in s.candidates[1])]
            if missing:
                self.say("expect", s.candidates[0], f"{self.title(s)}: no candidate line for {missing[0]}")

    def on_hold(self, e):
        s = self.of(e.what)
        if s.state != READY:
            self.say("life", e, f"{self.title(s)} is held at {e.time} though it is {STATE[s.state]}")
        s.plan, s.hold = None, e

    def on_gang(self, e):
        members = self.tasks.gangs[e.what]
        if len(e.devices) != len(members):
            self.say("gang", e, f"gang {e.what} of {len(members)} jobs is given {len(e.devices)} devices")
        self.gang_lines[e.what] = e

    def on_decide(self, e):
        s = self.of(e.what)
        self.expect(e, s)
        if s.state != READY:
            self.say("life", e, f"{self.title(s)} is decided at {e.time} though it is {STATE[s.state]}")
            if s.state != EARLY:
                return
        else:
            s.decision = e
            e.flow = self.leave_ready(s)
        if not s.decided:
            s.decided = True
            self.undecided -= 1
        d = self.devices[e.device.name]
        s.state, s.decision, s.plan, s.hold = OUTSTANDING, e, None, None
        d.outstanding += 1
        if self.log.engine == "weft" and d.outstanding > d.device.places + d.device.depth:
            self.say("credits", e, f"{self.title(s)} is the {d.outstanding}th job outstanding on "
                     f"{e.device.name} at {e.time}: it has {d.device.places} places and depth "
                     f"{d.device.depth}")

    def on_transfer(self, e):
        t = f"transfer {e.what}"
        size = self.tasks.blocks[e.block][0]
        if e.bytes != size or not size:
            self.say("transfer", e, f"{t} moves {e.bytes} bytes of block {e.block}, which has {size}")
        route = self.network.route(e.source, e.to) if e.source != e.to else None
        if not route:
            self.say("route", e, f"{t}: there is no route from {e.source} to {e.to}")
        elif e.route != route[0]:
            self.say("route", e, f"{t} goes {','.join(e.route)}: the route from {e.source} to {e.to} is "
                     f"{','.join(route[0])}")
        elif e.end - e.start != self.network.duration(e.source, e.to, size):
            self.say("duration", e, f"{t} takes {e.end - e.start}: its route says "
                     f"{self.network.duration(e.source, e.to, size)}")
        for region in (e.source, e.to):
            if region in self.devices and not self.devices[region].present:
                self.say("lost", e, f"{t} is decided at {e.time}: device {region} is lost")
        wanted = getattr(e, "for")
        if wanted and (e.block not in wanted.inputs or self.of(wanted).state in (DONE, FAILED)):
            self.say("transfer", e, f"{t} of block {e.block} is for job {wanted.name}, which "
                     + ("is over" if e.block in wanted.inputs else "does not read it"))
        self.copies.transfer(e)

    def on_cut(self, e):
        pass        # known since the log was read: such a transfer never arrives

    def on_evict(self, e):
        self.evictions += 1
        self.copies.evict(e)

    # Jobs run ------------------------------------------------------------------------

    def on_start(self, e):
        s = self.of(e.what)
        d = self.devices[e.device.name]
        for n, block in s.job.before.items():
            p = self.jobs[n]
            if p.state != DONE:
                what = f"before its input {block} is there, which job {p.job.name} writes" \
                    if block in s.job.inputs and block in p.job.outputs else \
                    f"before its predecessor {p.job.name} has ended"
                self.say("precedence", e, f"{self.title(s)} starts at {e.time} on {e.device.name} {what}")
        if s.state != OUTSTANDING:
            self.say("life", e, f"{self.title(s)} starts at {e.time} though it is {STATE[s.state]}")
            if s.state == RUNNING:
                return
        elif s.decision.device is not e.device:
            self.say("life", e, f"{self.title(s)} starts at {e.time} on {e.device.name}: it was decided for "
                     f"{s.decision.device.name}")
        if not self.may_run(s.job, e.device):
            self.say("eligible", e, f"{self.title(s)} cannot run on {e.device.name}")
        if not d.present:
            self.say("lost", e, f"{self.title(s)} starts at {e.time} on {e.device.name}, which is lost")
        run = Run(s.job, e.device, e.place, e.time, e.number)
        run.speed, run.attempt = d.speed, s.back
        if e.place >= len(d.places):
            self.say("places", e, f"{self.title(s)} starts at place {e.place} of {e.device.name}, which has "
                     f"{len(d.places)}")
        else:
            if d.places[e.place]:
                self.say("places", e, f"{self.title(s)} starts at {e.time} at place {e.place} of "
                         f"{e.device.name}, where job {d.places[e.place].job.name} runs")
            d.places[e.place] = run
        s.state, s.run = RUNNING, run
        self.runs.append(run)
        self.copies.start(run, e)
        if s.job.gang:
            self.started.append(run)

    def on_end(self, e):
        s = self.of(e.what)
        if s.state != RUNNING:
            self.say("life", e, f"{self.title(s)} ends at {e.time} though it is {STATE[s.state]}")
            return
        run = s.run
        d = self.devices[run.device.name]
        if (run.device, run.place) != (e.device, e.place):
            self.say("life", e, f"{self.title(s)} ends at {e.device.name} place {e.place}: it runs at "
                     f"{run.device.name} place {run.place}")
        if run.place < len(d.places) and d.places[run.place] is run:
            d.places[run.place] = None
        run.end, run.status = e.time, e.status
        if e.busy != run.end - run.start:
            self.say("duration", e, f"{self.title(s)} was busy for {e.busy}: it ran from {run.start} to "
                     f"{run.end}")
        if self.may_run(s.job, run.device):
            true = self.costs.true(s.job, run.device.model, run.attempt, run.speed)
            if e.status == "ok" and e.busy != true or e.busy > true:
                self.say("duration", e, f"{self.title(s)} ran {e.busy} on {run.device.name}: the costs say "
                         f"{true}")
        if (e.status == "lost") != (not d.present):
            self.say("lost", e, f"{self.title(s)} ends at {e.time} with status {e.status}: device "
                     f"{run.device.name} is {'there' if d.present else 'lost'}")
        d.outstanding -= 1
        if s.decision and hasattr(s.decision, "flow"):
            s.decision.flow.served = e.busy * run.device.price
        self.copies.end(run, e)
        if e.status == "ok":
            s.state = DONE
            for n in self.after.get(s.job.number, ()):
                self.jobs[n].waits -= 1
                if not self.jobs[n].waits and self.jobs[n].submitted is not None:
                    self.due.add(n)
        elif e.status == "failed":
            self.failed(s)
        else:
            s.state = STOPPED
            self.stopped.add(s.job.number)

    def failed(self, s):
        s.state = FAILED
        for n in self.after.get(s.job.number, ()):
            self.jobs[n].doomed = True

    def on_fail(self, e):
        s = self.of(e.what)
        if s.state in (DONE, FAILED, RUNNING) or s.submitted is None:
            self.say("life", e, f"{self.title(s)} fails at {e.time} though it is {STATE[s.state]}")
            return
        there = [d.name for d in self.tasks.able(s.job) if self.devices[d.name].present]
        # a rival may have bound the job's client to a device for good
        left = there and self.log.engine == "weft"
        if not s.doomed and left and not self.copies.lost_inputs(s.job):
            self.say("fail", e, f"{self.title(s)} fails at {e.time}: no predecessor failed, no input is lost, "
                     f"and {there[0]} can run it")
        if s.state == READY:
            self.leave_ready(s)
        elif s.state == OUTSTANDING:
            self.devices[s.decision.device.name].outstanding -= 1
        if not s.decided:
            s.decided = True
            self.undecided -= 1
        self.failed(s)

    def on_back(self, e):
        s = self.of(e.what)
        planned = s.state == READY and s.plan and s.plan.device is e.device and self.log.engine != "weft"
        if s.state not in (OUTSTANDING, STOPPED) and not planned:
            self.say("life", e, f"{self.title(s)} is given back at {e.time} though it is {STATE[s.state]}")
            return
        if not planned and s.decision and s.decision.device is not e.device:
            self.say("life", e, f"{self.title(s)} is given back from {e.device.name}: it was decided for "
                     f"{s.decision.device.name}")
        if e.why == "lost" and self.devices[e.device.name].present:
            self.say("lost", e, f"{self.title(s)} is given back at {e.time}: {e.device.name} is there")
        s.back += 1
        if s.state == OUTSTANDING:
            self.devices[s.decision.device.name].outstanding -= 1
        if planned:
            s.plan = None
        else:
            self.become_ready(s)

    def on_finish(self, e):
        if self.runs and e.time < max(r.end or 0 for r in self.runs):
            self.say("life", e, "something happened after the finish")

    # Gangs ---------------------------------------------------------------------------

    def gangs_at_rest(self):
        """Those that started at this moment did so together."""
        gangs = {}
        for run in self.started:
            gangs.setdefault(run.job.gang, []).append(run)
        self.started = []
        for name, runs in gangs.items():
            members = self.tasks.gangs[name]
            if len(runs) != len(members):
                self.report.add("gang", runs[0].line, f"{len(runs)} of the {len(members)} jobs of gang {name} "
                                f"start at {self.now}")
            devices = [r.device.name for r in runs]
            if len(set(devices)) != len(devices):
                self.report.add("gang", runs[0].line, f"two jobs of gang {name} start on one device at "
                                f"{self.now}")
            line = self.gang_lines.get(name)
            if not line:
                self.report.add("gang", runs[0].line, f"gang {name} starts without having been decided")
            elif len(runs) == len(members) and {d.name for d in line.devices} != set(devices):
                self.report.add("gang", runs[0].line, f"gang {name} starts on other devices than were decided")
