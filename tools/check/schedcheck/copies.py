# SPDX-License-Identifier: GPL-2.0-only
"""Where valid copies are, and what follows: data, ports, memory, evictions.

Each copy's validity is kept as intervals of *moments*, (time, step, number):
at one time first transfers arrive (step 0), then lines of the log happen in
order (step 1), then transfers that were decided before set out (step 2). What
runs at once (transfers on a port, bytes in a region) is judged when all is
known, by intervals of time, open at their ends. Rejected: counting bytes while
walking, since a transfer that is decided now holds memory later.

The rules named here: data, source, ports, memory, evict, lost.
"""
import heapq

ARRIVES, LINE, SETS_OUT = range(3)
FOREVER = (1 << 64, 0, 0)


class Copies:
    def __init__(self, machine, tasks, log, report):
        self.machine, self.tasks, self.log, self.report = machine, tasks, log, report
        self.valid = {}             # block -> {region: moment since}
        self.intervals = {}         # (block, region) -> [(since, until)]
        self.virgin = set()         # nowhere since the beginning: read as zeros
        self.flying = []            # heap of (end, id)
        self.decided = []           # transfers so far
        self.taking = {}            # (block, source) -> those that take it there
        self.written = {}           # block -> times at which a job that writes it ended ok
        self.running = {}           # (block, region) -> runs that use it there
        self.losses = []            # (time, device)
        for name, (_, regions) in tasks.blocks.items():
            self.valid[name] = {r: (0, ARRIVES, -1) for r in regions}
            if not regions:
                self.virgin.add(name)

    # Copies come and go --------------------------------------------------------------

    def appear(self, block, region, moment):
        self.valid[block].setdefault(region, moment)

    def vanish(self, block, region, moment):
        since = self.valid[block].pop(region)
        self.intervals.setdefault((block, region), []).append((since, moment))

    def usable(self, block, region):
        """May a job there read it now?"""
        return region in self.valid[block] or block in self.virgin or not self.tasks.blocks[block][0]

    def lost_inputs(self, job):
        return any(not self.valid[b] and b not in self.virgin and self.tasks.blocks[b][0] for b in job.inputs)

    def transfer(self, e):
        self.decided.append(e)
        self.taking.setdefault((e.block, e.source), []).append(e)
        heapq.heappush(self.flying, (e.end, e.what))

    def arrivals(self, now):
        while self.flying and self.flying[0][0] <= now:
            end, number = heapq.heappop(self.flying)
            t = self.log.transfers[number]
            if t.cut is None and not any(t.start < w <= end for w in self.written.get(t.block, ())):
                self.appear(t.block, t.to, (end, ARRIVES, number))

    def lost(self, device, e):
        self.losses.append((e.time, device))
        if device.bytes is None:
            return
        for block, where in self.valid.items():
            if device.name in where:
                self.vanish(block, device.name, (e.time, LINE, e.number))

    def evict(self, e):
        block, region = e.what, e.region
        where = self.valid[block]
        if region not in where:
            self.say("evict", e, f"block {block} is evicted at {e.time} from {region}, where it is not valid")
            return
        if len(where) == 1:
            self.say("evict", e, f"block {block} is evicted at {e.time} from {region}: its only valid copy")
        for t in self.taking.get((block, region), ()):
            if t.start <= e.time < t.stop:
                self.say("evict", e, f"block {block} is evicted at {e.time} from {region}, from where "
                         f"transfer {t.what} takes it")
        for run in self.running.get((block, region), ()):
            self.say("evict", e, f"block {block} is evicted at {e.time} from {region}, where job "
                     f"{run.job.name} uses it")
        self.vanish(block, region, (e.time, LINE, e.number))

    def start(self, run, e):
        region = run.device.region
        for b in run.job.inputs:
            if not self.usable(b, region):
                self.say("data", e, f"job {run.job.name} starts at {e.time} on {run.device.name}: block {b} "
                         f"is not valid in {region}")
        for b in run.job.inputs + run.job.writes:
            self.running.setdefault((b, region), []).append(run)

    def end(self, run, e):
        region = run.device.region
        for b in run.job.inputs + run.job.writes:
            self.running[b, region].remove(run)
        if run.status != "ok":
            return
        moment = (e.time, LINE, e.number)
        for b in run.job.outputs:
            for other in [r for r in self.valid[b] if r != region]:
                for reader in self.running.get((b, other), ()):
                    self.say("data", e, f"job {run.job.name} writes block {b} until {e.time} while job "
                             f"{reader.job.name} uses it in {other}")
                self.vanish(b, other, moment)
            if region in self.valid[b]:
                # the same region, new bytes: what a transfer took before is stale
                self.vanish(b, region, moment)
            self.appear(b, region, moment)
            self.virgin.discard(b)
            self.written.setdefault(b, []).append(e.time)

    # When all is known ---------------------------------------------------------------

    def finish(self, runs):
        last = self.log.finish.time
        self.arrivals(last)
        for block, where in self.valid.items():
            for region in list(where):
                self.intervals.setdefault((block, region), []).append((where[region], FOREVER))
        self.check_losses()
        self.check_ports()
        writers = {}
        for run in runs:
            for b in run.job.outputs:
                writers.setdefault((b, run.device.region), []).append(run)
        self.check_sources(writers)
        self.check_memory(writers)

    def check_losses(self):
        for time, device in self.losses:
            for t in self.decided:
                if device.name in (t.source, t.to) and t.time < time <= t.end and \
                        (t.cut is None or t.cut > time):
                    self.say("lost", t, f"transfer {t.what} goes on after {time}, when {device.name} was lost")

    def check_ports(self):
        used = {}
        for t in self.decided:
            if t.stop > t.start:
                for port in t.route:
                    used.setdefault(port, []).append((t.start, t.stop, t))
        for port in sorted(used):
            busy = None
            for start, stop, t in sorted(used[port], key=lambda x: x[:2] + (x[2].what,)):
                if busy and start < busy[1]:
                    self.say("ports", t, f"transfers {busy[2].what} and {t.what} are both on port {port} at "
                             f"{start}")
                if not busy or stop > busy[1]:
                    busy = (start, stop, t)

    def check_sources(self, writers):
        for t in self.decided:
            if t.stop <= t.start:
                continue
            since = (t.start, LINE, t.number) if t.start == t.time else (t.start, SETS_OUT, 0)
            until = (t.stop, ARRIVES, -1)
            if not any(a <= since and until <= b for a, b in self.intervals.get((t.block, t.source), ())):
                self.say("source", t, f"transfer {t.what} takes block {t.block} from {t.source} between "
                         f"{t.start} and {t.stop}, where it is not valid all that time")
            for run in writers.get((t.block, t.source), ()):
                if run.start < t.stop and (run.end is None or t.start < run.end):
                    self.say("source", t, f"transfer {t.what} takes block {t.block} from {t.source} while job "
                             f"{run.job.name} writes it there")

    def check_memory(self, writers):
        holds = {}
        for key, intervals in self.intervals.items():
            holds.setdefault(key, []).extend((a[0], b[0]) for a, b in intervals)
        for t in self.decided:
            elsewhere = [w for w in self.written.get(t.block, ()) if t.start < w]
            holds.setdefault((t.block, t.to), []).append((t.start, min([t.stop] + elsewhere)))
        for key, runs in writers.items():
            holds.setdefault(key, []).extend((r.start, FOREVER[0] if r.end is None else r.end) for r in runs)
        changes = {}
        for (block, region), intervals in holds.items():
            if self.machine.regions[region] is None:
                continue
            for start, stop in merged(intervals):
                # at one time bytes are let go before others are taken
                changes.setdefault(region, []).append((start, 1, self.tasks.blocks[block][0], block))
                changes[region].append((stop, 0, -self.tasks.blocks[block][0], block))
        for region in sorted(changes):
            held, room = 0, self.machine.regions[region]
            for time, _, size, block in sorted(changes[region]):
                held += size
                if size > 0 and held > room:
                    self.report.add("memory", 0, f"region {region} holds {held} bytes at {time}, when block "
                                    f"{block} comes: it has {room}")
                    break

    def say(self, rule, entry, sentence):
        self.report.add(rule, entry.number, sentence)


def merged(intervals):
    """Intervals of time that do not touch, of the same times."""
    out = []
    for start, stop in sorted(intervals):
        if stop <= start:
            continue
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], stop)
        else:
            out.append([start, stop])
    return out
