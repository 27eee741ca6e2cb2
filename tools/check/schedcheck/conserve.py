# SPDX-License-Identifier: GPL-2.0-only
"""EFT-conservation: why a device is idle while a job is READY.

Judged whenever a moment is over, for engine weft under policy eft only:

* a READY job that a device with room could run has a plan or a hold, unless
  the scheduler had 64 others to look at before it;
* the last plan of a READY job is not for a device with room;
* a plan elsewhere ends no later than the job would have ended on an idle
  device, at the time of the plan or when the device falls idle. What it would
  have been is what could have been done for certain: each input that is not on
  its way already sets out when all transfers that are decided have left its
  route. Judged only where run times were known and have no noise, and the bytes
  fit without an eviction.

Rejected: the best insertion between transfers as the measure (an achievable
bound condemns nothing that is right, and needs no second scheduler here).
"""
from .history import READY

LOOKED_AT = 64


class Conserve:
    def __init__(self, log, costs, report):
        self.costs, self.report = costs, report
        self.judge_ends = bool(log.known) and not costs.percent
        self.ready = set()          # numbers of READY jobs
        self.flows = self.seen = 0
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

    def late(self, h, idle):
        """Plans made now against all idle devices, older ones against devices that are newly idle."""
        new = idle - self.was_idle
        for n in sorted(self.ready):
            s = h.jobs[n]
            if not s.plan:
                continue
            for name in sorted(idle if s.plan.time == h.now else new):
                d = h.devices[name]
                if d.device is s.plan.device or not h.may_run(s.job, d.device):
                    continue
                run = self.costs.true(s.job, d.device.model, s.back, d.speed)
                if h.now + run >= s.plan.finish:
                    continue
                end = self.would_end(h, s.job, d.device, run)
                if end is not None and end < s.plan.finish:
                    self.say(n, "late", s.plan, f"{h.title(s)} is planned to end on {s.plan.device.name} at "
                             f"{s.plan.finish}: {name} is idle at {h.now} and would be done at {end}")

    def would_end(self, h, job, device, run):
        copies, region = h.copies, device.region
        self.flying = [t for t in self.flying + copies.decided[self.read:] if t.end > h.now
                       and (t.cut is None or t.cut > h.now)]
        self.read = len(copies.decided)
        free, there, wanted = {}, h.now, 0
        for t in self.flying:
            for port in t.route:
                free[port] = max(free.get(port, 0), t.end)
        for b in job.inputs:
            if copies.usable(b, region):
                continue
            wanted += h.tasks.blocks[b][0]
            coming = [t.end for t in self.flying if t.block == b and t.to == region]
            if coming:
                there = max(there, min(coming))
                continue
            best = None
            for source in copies.valid[b]:
                route = h.network.route(source, region)
                if route:
                    start = max([h.now] + [free.get(p, 0) for p in route[0]])
                    end = start + h.network.duration(source, region, h.tasks.blocks[b][0])
                    best = min(best or (end, route[0]), (end, route[0]))
            if not best:
                return None
            for port in best[1]:
                free[port] = best[0]
            there = max(there, best[0])
        wanted += sum(h.tasks.blocks[b][0] for b in job.writes if region not in copies.valid[b])
        if device.bytes is not None:
            held = sum(h.tasks.blocks[b][0] for b, where in copies.valid.items() if region in where) + \
                sum(h.tasks.blocks[t.block][0] for t in self.flying if t.to == region)
            if held + wanted > device.bytes:
                return None
        return there + run
