# SPDX-License-Identifier: GPL-2.0-only
"""The decision log, read and checked word by word; nothing is judged here."""
from . import text
from .tasks import EVENTS, event_words

ENGINE_KEYS = ("engine", "policy", "known", "window")
HOLDS = ("space", "quota", "floor", "gang", "budget", "plan")
STATUSES = ("ok", "lost", "failed", "preempted")
BACKS = ("lost", "space", "stolen", "preempted")
REASONS = ("chosen", "explore", "later", "tie", "planned", "no-room", "not-now", "closed", "not-eligible",
           "outrun", "ahead", "foregone")
EXPECTED = ("device", "start", "run", "finish", "reason")
# word -> what its first word names, and its fields
FORMS = {
    "submit": ("job", ()), "ready": ("job", ()), "fail": ("job", ()),
    "plan": ("job", EXPECTED + ("data",)), "decide": ("job", EXPECTED + ("data",)),
    "candidate": ("job", EXPECTED + ("transfer",)),
    "hold": ("job", ("why",)), "back": ("job", ("device", "why")),
    "start": ("job", ("device", "place")), "end": ("job", ("device", "place", "status", "busy")),
    "gang": ("gang", ("devices", "start")), "evict": ("block", ("region",)),
    "transfer": ("id", ("block", "from", "to", "bytes", "start", "end", "route", "for")),
    "cut": ("id", ()), "finish": (None, ()),
}
NUMBERS = ("data", "start", "run", "finish", "transfer", "place", "busy", "bytes", "end")
WORDS_OF = {"status": STATUSES, "reason": REASONS}


class Entry:
    """One line: `what` is the job, gang, block name or transfer id; fields are attributes."""

    def __init__(self, line, time, word, what):
        self.line, self.time, self.word, self.what = line, time, word, what
        self.cut = None         # of a transfer: when it was cut

    @property
    def number(self):
        return self.line.number

    @property
    def stop(self):
        """Of a transfer: when it no longer uses its ports."""
        return self.end if self.cut is None else min(self.cut, self.end)


class Log:
    def __init__(self, path, source, machine, tasks):
        self.machine, self.tasks = machine, tasks
        self.engine, self.policy, self.known, self.window = "", "", 0, 0
        self.entries, self.transfers, self.claims = [], [], {}
        self.finish = None
        about = False
        last = 0
        for line in text.lines(path, source, "log"):
            if not about:
                self.about(line)
                about = True
                continue
            if line.words[0] == "metric":
                self.metric(line)
                continue
            if self.finish:
                raise line.bad("only metrics follow 'finish'")
            if len(line.words) < 2:
                raise line.bad("a line is 'TIME WORD ...'")
            time = line.natural(line.words[0])
            if time < last:
                raise line.bad(f"time goes back from {last} to {time}")
            last = time
            self.entry(text.Line(path, line.number, line.words[1:]), time)
        if not self.finish:
            raise text.Malformed(f"{path}: ends without 'finish'")

    def about(self, line):
        if line.words[0] != "about":
            raise line.bad("the second line must be 'about ...'")
        _, f = line.split(1, ENGINE_KEYS)
        self.engine = line.name(f.get("engine", "weft"))
        self.policy = line.name(f.get("policy", "eft"))
        self.known = line.natural(f.get("known", "0"), 0, 1)
        self.window = line.natural(f.get("window", "0"))

    def metric(self, line):
        if not self.finish:
            raise line.bad("metrics follow 'finish'")
        if len(line.words) not in (3, 4):
            raise line.bad("metric NAME [NAME] VALUE")
        name = " ".join(line.words[1:-1])
        text.declare(line, self.claims, name, (line.natural(line.words[-1]), line.number), "metric")

    def entry(self, line, time):
        word = line.words[0]
        if word in EVENTS:
            e = Entry(line, time, word, event_words(line, self.machine, self.tasks))
        elif word in FORMS:
            kind, keys = FORMS[word]
            fixed, fields = line.split(2 if kind else 1, keys)
            line.need(fields, *keys)
            e = Entry(line, time, word, self.named(line, kind, fixed[0]) if kind else None)
            for key, value in fields.items():
                setattr(e, "source" if key == "from" else key, self.value(line, word, key, value))
        else:
            raise line.bad(f"unknown word '{word}'")
        if word == "transfer":
            if e.what != len(self.transfers):
                raise line.bad(f"transfer {e.what} where {len(self.transfers)} is next")
            if not time <= e.start <= e.end:
                raise line.bad("a transfer is decided no later than it starts, and starts before it ends")
            self.transfers.append(e)
        elif word == "cut":
            self.cut(line, e)
        elif word == "finish":
            self.finish = e
        self.entries.append(e)

    def cut(self, line, e):
        if e.what >= len(self.transfers):
            raise line.bad(f"unknown transfer {e.what}")
        t = self.transfers[e.what]
        if t.cut is not None or t.end < e.time:
            raise line.bad(f"transfer {e.what} is over")
        t.cut = e.time

    def named(self, line, kind, word):
        if kind == "id":
            return line.natural(word)
        table = {"job": self.tasks.by_name, "gang": self.tasks.gangs, "block": self.tasks.blocks}[kind]
        found = text.known(line, table, word, kind)
        return found if kind == "job" else word

    def value(self, line, word, key, value):
        if key in NUMBERS:
            return line.natural(value)
        if key == "device":
            return text.known(line, self.machine.devices, value, "device")
        if key == "devices":
            return [text.known(line, self.machine.devices, d, "device") for d in line.names(value)]
        if key in ("from", "to", "region"):
            text.known(line, self.machine.regions, value, "region")
        elif key == "block":
            text.known(line, self.tasks.blocks, value, "block")
        elif key == "for":
            return None if value == "-" else text.known(line, self.tasks.by_name, value, "job")
        elif key == "route":
            return value.split(",")
        elif key == "why":
            return text.one_of(line, value, HOLDS if word == "hold" else BACKS)
        elif key in WORDS_OF:
            return text.one_of(line, value, WORDS_OF[key])
        return value
