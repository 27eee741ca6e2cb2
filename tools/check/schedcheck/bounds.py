# SPDX-License-Identifier: GPL-2.0-only
"""Lower bounds of the makespan.

The LPs are written in the CPLEX LP format and solved by Clp, which Debian
has as coinor-clp. Jobs that cost the same everywhere are one variable in the
area LP. Rejected: the solver that the simulator uses (two programs with one
solver share its faults); exact rational simplex (minutes on 6,000 jobs).
"""
import re
import shutil
import subprocess
import tempfile
from math import floor, inf
from pathlib import Path

from .machine import Network

TOLERANCE = 1e-4        # of the LPs, said by the format


class NoSolver(Exception):
    """Clp is not installed, or did not find the optimum."""


def models(tasks, costs, job):
    """{model: nanoseconds} of those that can run it."""
    return {d.model: costs.cost(job, d.model) for d in tasks.able(job)}


def solve(constraints, u):
    """u times the least T; `constraints` are lines of the LP format, all variables >= 0."""
    clp = shutil.which("clp")
    if not clp:
        raise NoSolver("clp is not installed (Debian: coinor-clp)")
    with tempfile.TemporaryDirectory() as where:
        lp = Path(where) / "bound.lp"
        lp.write_text("Minimize\n o: T\nSubject To\n" + "\n".join(constraints) + "\nEnd\n")
        r = subprocess.run([clp, str(lp), "-dualsimplex", "-solution", str(Path(where) / "out")],
                           capture_output=True, text=True)
        found = re.search(r"Optimal objective\s+([0-9.e+-]+)", r.stdout)
        if r.returncode or not found:
            raise NoSolver("clp did not find the optimum: " + " ".join(r.stdout.split()[-20:]))
        for line in (Path(where) / "out").read_text().splitlines():
            words = line.split()
            if len(words) > 2 and words[1] == "T":
                # Clp prints eight digits: 300 may come as 299.99999
                return floor(float(words[2]) * u * (1 + 1e-7))
        return 0


def unit(costs_of):
    """What a coefficient is divided by, so that the solver sees numbers near 1."""
    return max((max(c.values()) for c in costs_of), default=1) or 1


def total(terms):
    """A sum in the LP format, some terms a line."""
    return " +\n  ".join(" + ".join(terms[i:i + 8]) for i in range(0, len(terms), 8))


def area(machine, tasks, costs):
    kinds = {}
    for j in tasks.jobs:
        key = tuple(sorted(models(tasks, costs, j).items()))
        kinds[key] = kinds.get(key, 0) + 1
    u = unit([dict(k) for k in kinds])
    rows, load = [], {}
    for n, (key, count) in enumerate(kinds.items()):
        rows.append(f" k{n}: {total([f'x{n}_{i}' for i in range(len(key))])} = {count}")
        for i, (model, time) in enumerate(key):
            load.setdefault(model, []).append(f"{time / u:.15g} x{n}_{i}")
    for i, (model, terms) in enumerate(sorted(load.items())):
        rows.append(f" m{i}: {total(terms)} - {machine.models[model]} T <= 0")
    return solve(rows, u)


def dag(machine, tasks, costs):
    rows, load = [], {}
    costs_of = [models(tasks, costs, j) for j in tasks.jobs]
    u = unit(costs_of)
    for j, c in zip(tasks.jobs, costs_of):
        own = []
        for i, (model, time) in enumerate(sorted(c.items())):
            load.setdefault(model, []).append(f"{time / u:.15g} x{j.number}_{i}")
            own.append(f"{time / u:.15g} x{j.number}_{i}")
        rows.append(f" k{j.number}: {total([f'x{j.number}_{i}' for i in range(len(c))])} = 1")
        minus = total(own).replace("+", "-")
        rows.append(f" s{j.number}: e{j.number} - {minus} >= 0")
        rows += [f" p{j.number}_{b}: e{j.number} - e{b} - {minus} >= 0" for b in needed(tasks, j)]
        rows.append(f" t{j.number}: T - e{j.number} >= 0")
    for i, (model, terms) in enumerate(sorted(load.items())):
        rows.append(f" m{i}: {total(terms)} - {machine.models[model]} T <= 0")
    return solve(rows, u)


def needed(tasks, j):
    """Predecessors of j that are not predecessors of another one too: the rest follows."""
    implied = set()
    for b in j.before:
        implied |= tasks.jobs[b].before.keys()
    return [b for b in j.before if b not in implied]


def longest(tasks, cost):
    ends = []
    for j in tasks.jobs:
        ends.append(max((ends[b] for b in j.before), default=0) + cost(j))
    return max(ends)


def path(machine, tasks, costs):
    return longest(tasks, lambda j: min(models(tasks, costs, j).values()))


def path_transfer(machine, tasks, costs):
    network = Network(machine)
    written = set()
    first = []
    for j in tasks.jobs:
        first.append([b for b in j.inputs if b not in written])
        written.update(j.outputs)

    def cost(j):
        return min(costs.cost(j, d.model) + max((fetch(machine, network, tasks, b, d.region)
                                                 for b in first[j.number]), default=0)
                   for d in tasks.able(j))
    return longest(tasks, cost)


def fetch(machine, network, tasks, block, region):
    """Nanoseconds until a block from the nearest region where it begins is there."""
    size, where = tasks.blocks[block]
    if not size or not where or region in where:
        return 0
    return min((t for t in (nearest(machine, network, source, region, size) for source in where)
                if t is not None), default=0)


def nearest(machine, network, source, region, size):
    """Over one transfer, or where bytes must stop in host memory over several."""
    direct = network.duration(source, region, size)
    if direct is not None or machine.cut_through:
        return direct
    ends, left = {source: 0}, {source}
    while left:
        here = min(left, key=lambda r: ends[r])
        left.remove(here)
        if here == region:
            return ends[here]
        for host in [*machine.hosts, region]:
            time = network.duration(here, host, size) if host != here else None
            if time is not None and ends[here] + time < ends.get(host, inf):
                ends[host] = ends[here] + time
                left.add(host)
    return None


ALL = {"bound-area": area, "bound-path": path, "bound-dag": dag, "bound-path-transfer": path_transfer}
BY_LP = ("bound-area", "bound-dag")
