# SPDX-License-Identifier: GPL-2.0-only
"""The tasks file and the events file.

Predecessors are kept with the reason (a block's name, or None for `after`), so
that a violated one can be explained.
"""
from dataclasses import dataclass, field

from . import text

CLASSES = ("realtime", "interactive", "batch", "best-effort")


@dataclass
class Job:
    number: int
    name: str
    kernel: str
    at: int
    submit: int                 # number of its SUBMIT
    client: str
    tenant: str
    size: int = 1
    reads: list = field(default_factory=list)
    writes: list = field(default_factory=list)
    updates: list = field(default_factory=list)
    cls: str = "batch"
    devices: list = None        # None: all
    deadline: int = None
    gang: str = None
    lifetime: int = None
    before: dict = field(default_factory=dict)     # predecessor's number -> block or None

    @property
    def inputs(self):
        return self.reads + self.updates

    @property
    def outputs(self):
        return self.writes + self.updates


class Tasks:
    def __init__(self, path, source, machine, costs):
        self.machine, self.costs = machine, costs
        self.weights, self.clients = {}, {}
        self.blocks = {}                # name -> (bytes, regions at the start)
        self.jobs, self.by_name = [], {}
        self.gangs = {}                 # name -> its jobs
        self.sizes = {}                 # kernel -> the sizes that its jobs have
        self.writer, self.readers = {}, {}
        submit = None                   # (number, at, client)
        for line in text.lines(path, source, "tasks"):
            word = line.words[0]
            if word == "tenant":
                (name,), f = line.split(2, ("weight",))
                text.declare(line, self.weights, line.name(name),
                             line.natural(f.get("weight", "100"), 1, 10000), "tenant")
            elif word == "client":
                (name,), f = line.split(2, ("tenant",))
                line.need(f, "tenant")
                text.known(line, self.weights, f["tenant"], "tenant")
                if submit:
                    raise line.bad("clients are declared before the first 'submit'")
                text.declare(line, self.clients, line.name(name), f["tenant"], "client")
            elif word == "block":
                self.block(line)
            elif word == "submit":
                submit = self.submit(line, submit)
            elif word == "job":
                if not submit:
                    raise line.bad("a job before the first 'submit'")
                self.job(line, *submit)
            else:
                raise line.bad(f"unknown word '{word}'")
        if not self.jobs:
            raise text.Malformed(f"{path}: no job")
        if not self.clients:
            self.weights[text.NOBODY] = 100

    def block(self, line):
        (name,), f = line.split(2, ("bytes", "at"))
        line.need(f, "bytes")
        where = f.get("at", self.machine.hosts[0])
        where = [] if where == "-" else line.names(where)
        for region in where:
            text.known(line, self.machine.regions, region, "region")
        text.declare(line, self.blocks, line.name(name), (line.natural(f["bytes"]), where), "block")

    def submit(self, line, last):
        _, f = line.split(1, ("at", "client"))
        line.need(f, "at")
        at = line.natural(f["at"])
        if last and at < last[1]:
            raise line.bad("time goes back")
        client = f.get("client", text.NOBODY)
        if self.clients or client != text.NOBODY:
            text.known(line, self.clients, client, "client")
        return (last[0] + 1 if last else 0, at, client)

    def job(self, line, submit, at, client):
        (name,), f = line.split(2, ("kernel", "size", "read", "write", "update", "after", "class", "priority",
                                    "devices", "deadline", "budget", "gang", "lifetime"))
        line.need(f, "kernel")
        j = Job(len(self.jobs), line.name(name), line.name(f["kernel"]), at, submit, client,
                self.clients.get(client, text.NOBODY))
        j.size = line.natural(f.get("size", "1"), 1)
        for key, of in (("read", j.reads), ("write", j.writes), ("update", j.updates)):
            if key in f:
                of.extend(line.names(f[key]))
        blocks = j.reads + j.writes + j.updates
        if len(set(blocks)) != len(blocks):
            raise line.bad("a block is named twice")
        for b in blocks:
            text.known(line, self.blocks, b, "block")
        self.sizes.setdefault(j.kernel, set()).add(j.size)
        j.cls = text.one_of(line, f.get("class", "batch"), CLASSES)
        line.natural(f.get("priority", "0"), 0, 7)
        if "devices" in f:
            j.devices = line.names(f["devices"])
            for d in j.devices:
                text.known(line, self.machine.devices, d, "device")
        for key in ("deadline", "lifetime"):
            if key in f:
                setattr(j, key, line.natural(f[key]))
        if "budget" in f:
            line.natural(f["budget"])
        if "gang" in f:
            j.gang = line.name(f["gang"])
            gang = self.gangs.setdefault(j.gang, [])
            if gang and gang[0].submit != submit:
                raise line.bad(f"gang '{j.gang}' is in two SUBMITs")
            gang.append(j)
        if not self.able(j):
            raise line.bad(f"no device can run job '{name}'")
        for other in line.names(f["after"]) if "after" in f else []:
            j.before.setdefault(text.known(line, self.by_name, other, "job").number, None)
        self.order(j)
        text.declare(line, self.by_name, name, j, "job")
        self.jobs.append(j)

    def order(self, j):
        """What the blocks say about who comes before j."""
        for b in j.inputs + j.writes:
            if b in self.writer:
                j.before.setdefault(self.writer[b], b)
        for b in j.outputs:
            for reader in self.readers.get(b, ()):
                j.before.setdefault(reader, b)
            self.writer[b] = j.number
            self.readers[b] = []
        for b in j.reads:
            self.readers.setdefault(b, []).append(j.number)

    def able(self, j):
        """The devices that can run j."""
        return [d for d in self.machine.devices.values()
                if (j.devices is None or d.name in j.devices) and self.costs.cost(j, d.model) is not None]


@dataclass
class Event:
    number: int                 # of its line
    at: int
    words: tuple                # as the log must repeat them


def events(path, source, machine, tasks):
    """The events in order; their words are spelled as the log spells them."""
    found = []
    for line in text.lines(path, source, "events"):
        if line.words[0] != "at" or len(line.words) < 3:
            raise line.bad("an event begins with 'at NS'")
        at = line.natural(line.words[1])
        if found and at < found[-1].at:
            raise line.bad("time goes back")
        found.append(Event(line.number, at, event_words(text.Line(path, line.number, line.words[2:]),
                                                        machine, tasks)))
    return found


def event_words(line, machine, tasks):
    """Check an event, of the events file or of the log, and give its words with numbers as numbers."""
    word = line.words[0]
    if word in ("lost", "returned"):
        (device,), _ = line.split(2, ())
        text.known(line, machine.devices, device, "device")
        return (word, device)
    if word == "speed":
        (device,), f = line.split(2, ("percent",))
        text.known(line, machine.devices, device, "device")
        line.need(f, "percent")
        return (word, device, line.natural(f["percent"], 1, 10000))
    if word == "link":
        (a, b), f = line.split(3, ("bandwidth", "latency"))
        number = machine.number(a, b)
        if number is None:
            raise line.bad(f"no link joins '{a}' and '{b}'")
        line.need(f, "bandwidth", "latency")
        return (word, number, line.natural(f["bandwidth"], 1), line.natural(f["latency"]))
    if word == "policy":
        (name,), _ = line.split(2, ())
        return (word, line.name(name))
    if word == "weight":
        (tenant, weight), _ = line.split(3, ())
        text.known(line, tasks.weights, tenant, "tenant")
        return (word, tenant, line.natural(weight, 1, 10000))
    raise line.bad(f"unknown event '{word}'")


EVENTS = ("lost", "returned", "speed", "link", "policy", "weight")
