# SPDX-License-Identifier: GPL-2.0-only
"""EFT-conservation: why a device is idle while a job is READY.

Judged whenever a moment is over, for engine weft under policy eft only:

* a READY job that a device with room could run has a plan or a hold, unless
  the scheduler had 64 others to look at before it;
* the last plan of a READY job is not for a device with room;
* where the log holds the candidates of a plan, none of them that has room would
  have ended earlier: what the scheduler believed.

And a figure, `late-plans`: READY jobs whose plan elsewhere would have ended later
than on an idle device in truth, at the time of the plan or when the device fell
idle. It is no fault unless asked for (--strict): a scheduler may rightly believe
another thing of the links than what is so. The truth is what could have been
done for certain: each input that is not on its way already sets out when all
transfers that are decided have left its route, and all that READY jobs with an
earlier plan of that time want. Counted only for run times that were known (one
size of a kernel, no noise, full speed), and where the bytes fit without an
eviction.

Rejected: the best insertion between transfers as the measure (what is achievable
for certain condemns nothing that is right, and needs no second scheduler here).
"""
from .history import READY

LOOKED_AT = 64


class Conserve:
    def __init__(self, log, costs, report, strict=False):
        self.costs, self.report, self.strict = costs, report, strict
        self.late_plans = 0
        self.judge_ends = bool(log.known)
        self.ready = set()          # numbers of READY jobs
        self.was_idle = set()
        self.flying, self.read = [], 0      # transfers that have not ended
        self.said = set()

    def at_rest(self, h):
        self.ready = {n for n in self.ready | h.readied if h.jobs[n].state == READY}
        room = [d for d in h.devices.values()
                if d.present and d.outstanding < d.device.places + d.device.depth]
        idle = {d.device.name for d in h.devices.values() if d.present and d.outstanding < d.device.places}
        if self.ready and room:
            self.unplanned(h, room)
            self.believed(h, {d.device.name for d in room})
        if self.judge_ends and self.ready and idle:
            self.late(h, idle)
        self.was_idle = idle

    def say(self, n, key, entry, sentence):
        """Once for each job and kind of fault: moments are many."""
        if (n, key) not in self.said:
            self.said.add((n, key))
            self.report.add("conserving", entry.number if entry else 0, sentence)

    def unplanned(self, h, room):
        explained = sum(1 for n in self.ready if h.jobs[n].plan or h.jobs[n].hold)
        for n in sorted(self.ready):
            s = h.jobs[n]
            if s.plan:
                d = h.devices[s.plan.device.name]
                if d in room:
                    self.say(n, "room", s.plan, f"{h.title(s)} is READY at {h.now} with a plan for "
                             f"{d.device.name}, which has room")
            elif not s.hold and explained < LOOKED_AT:
                for d in room:
                    if h.may_run(s.job, d.device):
                        self.say(n, "none", None, f"{h.title(s)} is READY at {h.now} without a plan or a hold, "
                                 f"and {d.device.name} has room")
                        break

    def believed(self, h, room):
        for n in sorted(self.ready):
            s = h.jobs[n]
            if not s.plan or s.plan.time != h.now or not s.candidates or s.candidates[0] is not s.plan:
                continue
            for c in s.candidates[1]:
                if c.device.name in room and c.reason in ("later", "tie") and c.finish < s.plan.finish:
                    self.say(n, "believed", s.plan, f"{h.title(s)} is planned to end on {s.plan.device.name} at "
                             f"{s.plan.finish}: {c.device.name} has room, and was thought to end at {c.finish}")

    def late(self, h, idle):
        """Plans made now against all idle devices, older ones against devices that are newly idle."""
        new = idle - self.was_idle
        planned = sorted((h.jobs[n].plan.number, n) for n in self.ready if h.jobs[n].plan)
        for _, n in planned:
            s = h.jobs[n]
            for name in sorted(idle if s.plan.time == h.now else new):
                d = h.devices[name]
                if d.device is s.plan.device or not h.may_run(s.job, d.device) or not h.exact(s.job) or \
                        d.speed != 100 or h.devices[s.plan.device.name].speed != 100:
                    continue            # what a scheduler knows of another speed is not said
                run = self.costs.cost(s.job, d.device.model)
                if h.now + run >= s.plan.finish:
                    continue
                # where the plans before this one leave the links
                free = self.decided_links(h)
                for number, other in planned:
                    if number < s.plan.number and h.jobs[other].plan.time == h.now:
                        self.fetch(h, h.jobs[other].job, h.jobs[other].plan.device.region, free)
                there = self.fetch(h, s.job, d.device.region, free)
                if there is None or not self.fits(h, s.job, d.device) or there + run >= s.plan.finish:
                    continue
                self.late_plans += (n, "late") not in self.said
                self.said.add((n, "late"))
                if self.strict:
                    self.say(n, "strict", s.plan, f"{h.title(s)} is planned to end on {s.plan.device.name} at "
                             f"{s.plan.finish}: {name} is idle at {h.now} and would be done at {there + run}")

    def decided_links(self, h):
        """{port: from when it is free} by what is decided."""
        decided = h.copies.decided
        self.flying = [t for t in self.flying + decided[self.read:] if t.end > h.now
                       and (t.cut is None or t.cut > h.now)]
        self.read = len(decided)
        free = {}
        for t in self.flying:
            for port in t.route:
                free[port] = max(free.get(port, 0), t.end)
        return free

    def fetch(self, h, job, region, free):
        """When the inputs of a job are in a region, if they leave one after the other; None: never."""
        copies, there = h.copies, h.now
        for b in job.inputs:
            if copies.usable(b, region):
                continue
            size = h.tasks.blocks[b][0]
            coming = [t.end for t in self.flying if t.block == b and t.to == region]
            if coming:
                there = max(there, min(coming))
                continue
            best = None
            for source in copies.valid[b]:
                route = h.network.route(source, region)
                if route:
                    start = max([h.now] + [free.get(p, 0) for p in route[0]])
                    way = (start + h.network.duration(source, region, size), route[0])
                    best = way if best is None else min(best, way)
            if best is None:
                return None
            for port in best[1]:
                free[port] = best[0]
            there = max(there, best[0])
        return there

    def fits(self, h, job, device):
        """Is there space without an eviction?"""
        if device.bytes is None:
            return True
        region, valid = device.region, h.copies.valid
        held = {b for b, where in valid.items() if region in where} | \
            {t.block for t in self.flying if t.to == region}
        return sum(h.tasks.blocks[b][0] for b in held | set(job.inputs + job.writes)) <= device.bytes
