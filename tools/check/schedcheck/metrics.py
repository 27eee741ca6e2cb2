# SPDX-License-Identifier: GPL-2.0-only
"""Every figure of a run, computed from what happened.

All arithmetic is on integers or fractions. Rejected: floating point, where two
programs that are right differ in the last digit.
"""
from fractions import Fraction
from math import floor

from .history import DONE, FAILED

PRICE_ONE = 1024


def percentile(values, p):
    values = sorted(values)
    return values[-(-p * len(values) // 100) - 1]


def compute(h):
    """{name: value} of all but the bounds; of a value that is not certain, a set."""
    machine, tasks, log = h.machine, h.tasks, h.log
    done = [s for s in h.jobs if s.state == DONE]
    failed = [s for s in h.jobs if s.state == FAILED]
    m = {"jobs": len(done), "failed": len(failed)}
    submits = [s.submitted for s in h.jobs if s.submitted is not None]
    m["makespan"] = max((s.run.end for s in done), default=0) - min(submits, default=0) if done else 0
    busy = {name: 0 for name in machine.devices}
    for run in h.runs:
        if run.end is not None:
            busy[run.device.name] += run.end - run.start
    m.update((f"busy {name}", value) for name, value in busy.items())
    ports = dict.fromkeys(machine.ports(), 0)
    whole = [t for t in log.transfers if t.cut is None]
    for t in whole:
        for port in t.route:
            if port in ports:
                ports[port] += t.bytes
    m.update((f"port {port}", value) for port, value in ports.items())
    m["transfers"], m["bytes"] = len(whole), sum(t.bytes for t in whole)
    m["evictions"] = h.evictions
    m["moves"] = sum(s.back for s in h.jobs)
    m["moves-max"] = max(s.back for s in h.jobs)
    waits = {}
    for s in done:
        if s.ready is not None:
            waits.setdefault(s.job.cls, []).append(s.run.start - s.ready)
    for cls, values in waits.items():
        m[f"wait-p50 {cls}"] = percentile(values, 50)
        m[f"wait-p99 {cls}"] = percentile(values, 99)
    m["misses"] = sum(1 for s in h.jobs if s.job.deadline is not None and missed(s))
    m["jain"] = jain(h)
    m["lag"], m["lag-bound"] = lag(h)
    return m


def missed(s):
    return s.state == FAILED or s.state == DONE and s.submitted is not None and \
        s.run.end > s.submitted + s.job.deadline


def jain(h):
    served = {s.job.tenant: 0 for s in h.jobs}
    for run in h.runs:
        if run.end is not None:
            served[run.job.tenant] += (run.end - run.start) * run.device.price
    x = [Fraction(value, h.tasks.weights[tenant]) for tenant, value in served.items()]
    squares = sum(v * v for v in x)
    return floor(1000000 * sum(x) ** 2 / (len(x) * squares)) if squares else 0


class Pair:
    """Two tenants that are both backlogged: how the difference of what they got moved."""

    def __init__(self):
        self.gap = self.least = self.most = 0

    def add(self, amount):
        self.gap += amount
        self.least, self.most = min(self.least, self.gap), max(self.most, self.gap)


def lag(h):
    """The largest lag, and the bounds of all pairs that have it."""
    weights = dict(h.tasks.weights)
    backlog, pairs, worst = {}, {}, {}

    def close(key):
        pair = pairs.pop(key)
        i, j = key[1:]
        found = Fraction(pair.most - pair.least, weights[i] * weights[j])
        worst[i, j] = max(worst.get((i, j), 0), found)

    def others(cls, tenant):
        return [t for (c, t), n in backlog.items() if c == cls and n and t != tenant]

    for f in h.flow:
        if f.kind == "weight":
            for key in [k for k in pairs if f.tenant in k[1:]]:
                close(key)
                pairs[key] = Pair()
            weights[f.tenant] = f.weight
            continue
        key = (f.cls, f.tenant)
        if f.kind == "ready":
            backlog[key] = backlog.get(key, 0) + 1
            if backlog[key] == 1:
                for t in others(f.cls, f.tenant):
                    pairs[f.cls, min(t, f.tenant), max(t, f.tenant)] = Pair()
            continue
        if f.served:
            for (_, i, j), pair in pairs.items():
                if f.tenant == i:
                    pair.add(f.served * weights[j])
                elif f.tenant == j:
                    pair.add(-f.served * weights[i])
        backlog[key] -= 1
        if not backlog[key]:
            for t in others(f.cls, f.tenant):
                close((f.cls, min(t, f.tenant), max(t, f.tenant)))
    for key in list(pairs):
        close(key)
    largest = max(worst.values(), default=0)
    if not worst:
        return 0, {0}
    longest = {}
    for run in h.runs:
        if run.end is not None:
            t = run.job.tenant
            longest[t] = max(longest.get(t, 0), (run.end - run.start) * run.device.price)
    places = sum(d.places + d.depth for d in h.machine.devices.values())
    bounds = {floor((places + 1) * (Fraction(longest.get(i, 0), h.tasks.weights[i]) +
                                    Fraction(longest.get(j, 0), h.tasks.weights[j])) / PRICE_ONE)
              for (i, j), found in worst.items() if found == largest}
    return floor(largest / PRICE_ONE), bounds
