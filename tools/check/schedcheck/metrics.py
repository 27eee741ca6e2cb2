# SPDX-License-Identifier: GPL-2.0-only
"""Every figure of a run, computed from what happened.

All arithmetic is on integers or fractions. Rejected: floating point, where two
programs that are right differ in the last digit.
"""
from fractions import Fraction
from math import floor

from .history import DONE, FAILED
from .tasks import CLASSES

PRICE_ONE = 1024


def percentile(values, p):
    values = sorted(values)
    return values[-(-p * len(values) // 100) - 1]


def compute(h):
    """{name: value} of all but the bounds."""
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
    """The largest lag over all classes and pairs of tenants, and its bound."""
    names = list(h.tasks.weights)
    best = (0, 0)
    for cls in CLASSES:
        widest = lags_of_class(h, cls, names)
        # the first of equals: by class, then in the order of the tenants
        for pair in sorted(widest):
            if widest[pair] > best[0]:
                best = (widest[pair], bound(h, cls, names[pair[0]], names[pair[1]]))
    return floor(best[0] / PRICE_ONE), floor(Fraction(best[1]) / PRICE_ONE)


def lags_of_class(h, cls, names):
    """{(i, j): lag} of the tenants with these numbers; of both, jobs can use the same devices."""
    weights = [h.tasks.weights[n] for n in names]
    number = {n: i for i, n in enumerate(names)}
    able = [set() for _ in names]
    for j in h.tasks.jobs:
        if j.cls == cls:
            able[number[j.tenant]] |= {d.name for d in h.tasks.able(j)}
    backlog, open_pairs, widest = [0] * len(names), {}, {}

    def close(i, j):
        key = (min(i, j), max(i, j))
        pair = open_pairs.pop(key, None)
        if pair:
            found = Fraction(pair.most - pair.least, weights[i] * weights[j])
            widest[key] = max(widest.get(key, 0), found)

    for f in h.flow:
        if f.cls != cls:
            continue
        i = number[f.tenant]
        others = [j for j in range(len(names)) if j != i and backlog[j] and able[i] == able[j]]
        if f.kind == "ready":
            backlog[i] += 1
            if backlog[i] == 1:
                open_pairs.update({(min(i, j), max(i, j)): Pair() for j in others})
            continue
        for j in others:
            pair = open_pairs[min(i, j), max(i, j)]
            pair.add(f.served * weights[j] if i < j else -f.served * weights[j])
        backlog[i] -= 1
        if not backlog[i]:
            for j in others:
                close(i, j)
    for i, j in list(open_pairs):
        close(i, j)
    return widest


def bound(h, cls, *tenants):
    longest = dict.fromkeys(tenants, 0)
    for run in h.runs:
        if run.end is not None and run.job.cls == cls and run.job.tenant in longest:
            longest[run.job.tenant] = max(longest[run.job.tenant], (run.end - run.start) * run.device.price)
    places = sum(d.places + d.depth for d in h.machine.devices.values())
    return (places + 1) * sum(Fraction(value, h.tasks.weights[t]) for t, value in longest.items())
