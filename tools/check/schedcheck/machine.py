# SPDX-License-Identifier: GPL-2.0-only
"""The machine file, the costs file, and the route that bytes take.

The route is found in two steps, as its definition reads: the bandwidth of the
best narrowest link by trying the links' bandwidths from the largest down, then
a search by layers among the links that are as wide. Rejected: one search with
a compound key (the narrowest link is no sum; such a search is easily wrong).
"""
from dataclasses import dataclass

from . import text

CLASSES = ("gpu", "dcu", "npu", "cpu", "dpu")
MANY = 64
MASK = (1 << 64) - 1


@dataclass
class Device:
    name: str
    model: str
    host: str
    bytes: int          # None: it computes in its host region
    places: int
    depth: int
    price: int

    @property
    def region(self):
        return self.host if self.bytes is None else self.name


class Machine:
    def __init__(self, path, source):
        self.regions = {}           # name -> bytes or None; those of devices too
        self.hosts = []
        self.hubs = set()
        self.devices = {}
        self.links = []             # (a, b), as they stand in the file
        self.cut_through = True
        self.initial = []           # (bandwidth, latency) of each link
        hop = False
        for line in text.lines(path, source, "machine"):
            word = line.words[0]
            if word == "hop":
                if hop or len(line.words) != 2:
                    raise line.bad("one line 'hop cut-through' or 'hop store-and-forward' at most")
                hop = True
                self.cut_through = text.one_of(line, line.words[1],
                                               ("cut-through", "store-and-forward")) == "cut-through"
            elif word == "region":
                (name,), f = line.split(2, ("bytes",))
                self.new(line, name)
                self.regions[name] = line.natural(f["bytes"]) if "bytes" in f else None
                self.hosts.append(name)
            elif word == "hub":
                (name,), f = line.split(2, ())
                self.new(line, name)
                self.hubs.add(name)
            elif word == "device":
                self.device(line)
            elif word == "link":
                self.link(line)
            else:
                raise line.bad(f"unknown word '{word}'")
        if not self.hosts or not self.devices:
            raise text.Malformed(f"{path}: a machine has a region and a device at least")
        if len(self.devices) > MANY or len(self.regions) > MANY:
            raise text.Malformed(f"{path}: more than {MANY} devices or regions")
        self.models = {}            # model -> places of all its devices
        for d in self.devices.values():
            self.models[d.model] = self.models.get(d.model, 0) + d.places

    def new(self, line, name):
        line.name(name)
        if name in self.regions or name in self.hubs or name in self.devices:
            raise line.bad(f"name '{name}' is declared twice")

    def device(self, line):
        (name,), f = line.split(2, ("class", "model", "host", "domain", "bytes", "engines", "credits",
                                    "depth", "price", "preempt", "power"))
        self.new(line, name)
        line.need(f, "class", "model", "host")
        text.one_of(line, f["class"], CLASSES)
        if f["host"] not in self.hosts:
            raise line.bad(f"unknown host region '{f['host']}'")
        if "domain" in f:
            line.name(f["domain"])

        def count(key, otherwise, least, most):
            return line.natural(f[key], least, most) if key in f else otherwise
        count("preempt", 0, 0, 3)
        count("power", 0, 0, text.NUMBERS_END - 1)
        d = Device(name, line.name(f["model"]), f["host"],
                   line.natural(f["bytes"]) if "bytes" in f else None,
                   count("engines", 1, 1, MANY) * count("credits", 1, 1, MANY),
                   count("depth", 2, 1, 16), count("price", 1024, 1, text.NUMBERS_END - 1))
        self.devices[name] = d
        if d.bytes is not None:
            self.regions[name] = d.bytes

    def link(self, line):
        (a, b), f = line.split(3, ("bandwidth", "latency", "kind"))
        for end in (a, b):
            if end not in self.regions and end not in self.hubs and end not in self.devices:
                raise line.bad(f"unknown device, region or hub '{end}'")
        if a == b or self.number(a, b) is not None:
            raise line.bad(f"a second link between '{a}' and '{b}', or a loop")
        line.need(f, "bandwidth", "latency")
        if "kind" in f:
            line.name(f["kind"])
        self.links.append((a, b))
        self.initial.append((line.natural(f["bandwidth"], 1), line.natural(f["latency"])))

    def number(self, a, b):
        """The number of the link between a and b, or None."""
        for n, ends in enumerate(self.links):
            if set(ends) == {a, b}:
                return n
        return None

    def ports(self):
        return [f"{x}>{y}" for a, b in self.links for x, y in ((a, b), (b, a))]


class Network:
    """The links as they are at a moment, and routes over them."""

    def __init__(self, machine):
        self.machine = machine
        self.state = list(machine.initial)
        self.cache = {}

    def change(self, number, bandwidth, latency):
        self.state[number] = (bandwidth, latency)
        self.cache = {}

    def route(self, source, target):
        """(ports, bandwidth, latency) of the route, or None if there is none."""
        if (source, target) not in self.cache:
            self.cache[source, target] = self.find(source, target)
        return self.cache[source, target]

    def find(self, source, target):
        for width in sorted({bandwidth for bandwidth, _ in self.state}, reverse=True):
            best = self.layers(source, target, width)
            if best:
                latency, numbers, nodes = best
                return ([f"{a}>{b}" for a, b in zip(nodes, nodes[1:])],
                        min(self.state[n][0] for n in numbers), latency)
        return None

    def through(self, node):
        m = self.machine
        return node in m.hubs or (m.cut_through and node in m.hosts)

    def layers(self, source, target, width):
        """The best of the paths with fewest links, none narrower than `width`."""
        at, seen = {source: (0, (), (source,))}, {source}
        while at:
            reached = {}
            for node, (latency, numbers, nodes) in at.items():
                if node != source and not self.through(node):
                    continue
                for n, (a, b) in enumerate(self.machine.links):
                    if node not in (a, b) or self.state[n][0] < width:
                        continue
                    other = b if node == a else a
                    if other in seen:
                        continue
                    path = (latency + self.state[n][1], numbers + (n,), nodes + (other,))
                    if other not in reached or path < reached[other]:
                        reached[other] = path
            if target in reached:
                return reached[target]
            seen |= set(reached)
            at = reached
        return None

    def duration(self, source, target, size):
        """Nanoseconds of a transfer, or None without a route."""
        route = self.route(source, target)
        return route and route[2] + -(-1000 * size // route[1])


def splitmix(x):
    z = (x + 0x9e3779b97f4a7c15) & MASK
    z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
    return z ^ (z >> 31)


class Costs:
    def __init__(self, path, source):
        self.table = {}             # (kernel, model) -> (run, per size)
        self.percent = self.seed = 0
        noise = False
        for line in text.lines(path, source, "costs"):
            if line.words[0] == "cost":
                (kernel, model), f = line.split(3, ("run", "per-size"))
                line.need(f, "run")
                key = (line.name(kernel), line.name(model))
                text.declare(line, self.table, key,
                             (line.natural(f["run"]), line.natural(f.get("per-size", "0"))), "cost")
            elif line.words[0] == "noise":
                _, f = line.split(1, ("percent", "seed"))
                line.need(f, "percent")
                if noise:
                    raise line.bad("a second line 'noise'")
                noise = True
                self.percent = line.natural(f["percent"], 0, 99)
                self.seed = line.natural(f.get("seed", "0"))
            else:
                raise line.bad(f"unknown word '{line.words[0]}'")

    def cost(self, job, model):
        """Nanoseconds of a job on a model at full speed without noise; None: it cannot run there."""
        if job.lifetime is not None:
            return job.lifetime
        if (job.kernel, model) not in self.table:
            return None
        run, per_size = self.table[job.kernel, model]
        return max(1, run + per_size * job.size)

    def true(self, job, model, attempt, speed):
        """What a run takes indeed."""
        time = self.cost(job, model)
        if job.lifetime is None and self.percent:
            r = splitmix(splitmix(splitmix(self.seed) ^ job.number) ^ attempt) % 2001
            product = time * self.percent * (r - 1000)
            part = abs(product) // 100000
            time = max(1, time + (part if product >= 0 else -part))
        return -(-time * 100 // speed)
