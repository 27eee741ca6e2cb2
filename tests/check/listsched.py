# SPDX-License-Identifier: GPL-2.0-only
"""Random small machines and workloads, and a list scheduler that writes its own log.

It knows nothing of schedule-check and shares no line with it: routes are found by
trying all paths, data are followed as sets, time by one heap. It is simple on
purpose: transfers queue behind all that are booked on their ports; a job goes
where it ends first, and if that device has no room it waits with a plan. So it
keeps every rule of Documentation/replay/formats.rst, engine `weft` included.
"""
import heapq
import random


class World:
    """What the four files say, as Python values."""

    def __init__(self, seed, plain=False):
        """`plain`: without gangs, events and empty blocks, and bytes need not stop in host memory."""
        r = self.r = random.Random(seed)
        self.hosts = ["host"] + (["far"] if r.random() < 0.3 else [])
        self.cut_through = r.random() < 0.8
        self.devices = {}
        for i in range(r.randint(2, 5)):
            self.devices[f"d{i}"] = {
                "model": r.choice("fms"), "host": r.choice(self.hosts),
                "bytes": None if i and r.random() < 0.3 else 4000,
                "engines": r.choice((1, 1, 2)), "credits": r.choice((1, 1, 2)),
                "depth": r.choice((1, 2)), "price": r.choice((1024, 512, 3000))}
        self.links = []
        for name, d in self.devices.items():
            if d["bytes"] is not None:
                self.link(name, d["host"])
        own = [n for n, d in self.devices.items() if d["bytes"] is not None]
        self.hub = len(own) > 2 and r.random() < 0.5
        if self.hub:
            for name in own[:2]:
                self.link(name, "switch")
        elif len(own) > 1 and r.random() < 0.5:
            self.link(own[0], own[1])
        if len(self.hosts) > 1:
            self.link("host", "far")
        self.costs = {(k, m): (r.randint(20, 400), r.randint(0, 3)) for k in ("k0", "k1", "k2")
                      for m in sorted({d["model"] for d in self.devices.values()}) if m == self.devices["d0"]["model"] or r.random() < 0.8}
        self.noise = r.choice((0, 0, 30))
        self.events = []
        if r.random() < 0.3:
            self.events.append((r.randint(0, 600), "speed", r.choice(list(self.devices)), r.randint(30, 200)))
        if r.random() < 0.3:
            self.events.append((r.randint(0, 600), "link", *self.links[0][:2], r.randint(200, 3000),
                                r.randint(0, 40)))
        self.loss = not self.noise and r.random() < 0.3 and len(self.devices) > 2
        if self.loss:
            lost = list(self.devices)[-1]
            at = r.randint(1, 900)
            self.events.append((at, "lost", lost))
            if r.random() < 0.5:
                self.events.append((at + r.randint(1, 500), "returned", lost))
        self.events.sort(key=lambda e: e[0])
        self.tenants = {"t0": 100, "t1": r.choice((50, 300))}
        self.blocks = {}
        for i in range(r.randint(2, 7)):
            self.blocks[f"b{i}"] = (r.choice((0, 40, 90, 150)), r.choice((["host"], ["host"], [self.hosts[-1]], [])))
        self.make_jobs()
        if plain:
            self.events, self.cut_through = [], True
            self.jobs = [j for j in self.jobs if not j["gang"]]
            self.blocks = {n: (size or 7, at) for n, (size, at) in self.blocks.items()}

    def link(self, a, b):
        self.links.append((a, b, self.r.choice((500, 1000, 1300)), self.r.randint(0, 30)))

    def make_jobs(self):
        r, at = self.r, 0
        self.jobs = []
        client = r.choice("ab")
        for i in range(r.randint(4, 28)):
            new = not i or r.random() < 0.4
            if new and i:
                at += r.choice((0, r.randint(1, 300)))
                client = r.choice("ab")
            chosen = r.sample(list(self.blocks), r.randint(0, min(3, len(self.blocks))))
            j = {"name": f"j{i}", "kernel": r.choice(("k0", "k0", "k1", "k2")), "at": at, "client": client,
                 "new": new, "size": r.randint(1, 50), "read": [], "write": [], "update": [], "gang": None,
                 "after": r.sample(range(i), 1) if i and r.random() < 0.2 else [],
                 "class": r.choice(("batch", "batch", "interactive")),
                 "deadline": r.randint(100, 900) if r.random() < 0.2 else None}
            for b in chosen:
                j[r.choice(("read", "read", "write", "update"))].append(b)
            if not any((j["kernel"], d["model"]) in self.costs for d in self.devices.values()):
                j["kernel"] = next(k for k, m in self.costs if m == self.devices["d0"]["model"])
            self.jobs.append(j)
        if not self.loss and r.random() < 0.4 and len(self.devices) > 1:
            kernel = next(k for k, m in self.costs if m == self.devices["d0"]["model"])
            able = [d for d in self.devices.values() if (kernel, d["model"]) in self.costs]
            if len(able) > 1:
                for i in range(2):
                    self.jobs.append(dict(self.jobs[-1], name=f"g{i}", kernel=kernel, new=not i, gang="g", read=[],
                                          write=[], update=[], after=[], deadline=None))
                self.jobs[-2]["read"] = self.r.sample(list(self.blocks), 1)

    def files(self):
        m = ["weft-machine 1"] + ([] if self.cut_through else ["hop store-and-forward"])
        m += [f"region {h}" for h in self.hosts] + (["hub switch"] if self.hub else [])
        for name, d in self.devices.items():
            m.append(f"device {name} class=gpu model={d['model']} host={d['host']} engines={d['engines']} "
                     f"credits={d['credits']} depth={d['depth']} price={d['price']}"
                     + (f" bytes={d['bytes']}" if d["bytes"] is not None else ""))
        m += [f"link {a} {b} bandwidth={w} latency={t}" for a, b, w, t in self.links]
        c = ["weft-costs 1"] + [f"cost {k} {m_} run={v[0]} per-size={v[1]}" for (k, m_), v in self.costs.items()]
        c += [f"noise percent={self.noise} seed=5"] if self.noise else []
        t = ["weft-tasks 1"] + [f"tenant {n} weight={w}" for n, w in self.tenants.items()]
        t += ["client a tenant=t0", "client b tenant=t1"]
        t += [f"block {n} bytes={size} at={','.join(at) or '-'}" for n, (size, at) in self.blocks.items()]
        for j in self.jobs:
            if j["new"]:
                t.append(f"submit at={j['at']} client={j['client']}")
            words = [f"job {j['name']} kernel={j['kernel']} size={j['size']} class={j['class']}"]
            words += [f"{k}={','.join(j[k])}" for k in ("read", "write", "update") if j[k]]
            words += [f"after={','.join(self.jobs[n]['name'] for n in j['after'])}"] if j["after"] else []
            words += [f"{k}={j[k]}" for k in ("gang", "deadline") if j[k] is not None]
            t.append(" ".join(words))
        e = ["weft-events 1"]
        for at, *words in self.events:
            e.append(f"at {at} " + spell(words))
        return {"machine": "\n".join(m) + "\n", "costs": "\n".join(c) + "\n", "tasks": "\n".join(t) + "\n",
                "events": "\n".join(e) + "\n"}


def spell(words):
    if words[0] == "speed":
        return f"speed {words[1]} percent={words[2]}"
    if words[0] == "link":
        return f"link {words[1]} {words[2]} bandwidth={words[3]} latency={words[4]}"
    return " ".join(map(str, words))


def mix(x):
    x = (x + 0x9e3779b97f4a7c15) % 2**64
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 % 2**64
    x = (x ^ x >> 27) * 0x94d049bb133111eb % 2**64
    return x ^ x >> 31


class Scheduler:
    def __init__(self, world):
        self.w = world
        self.log = ["weft-log 1", f"about engine=weft policy=eft known={0 if world.noise else 1}"]
        self.now, self.heap, self.tick, self.ids = 0, [], 0, 0
        self.links = list(world.links)
        self.at = {b: set(at) for b, (size, at) in world.blocks.items()}
        self.zero = {b for b, (size, at) in world.blocks.items() if not at}
        self.free = {}                                  # port -> from when
        self.transfers = {}                             # id -> dict, that have not ended
        self.dev = {n: {"queue": [], "runs": {}, "up": True, "speed": 100} for n in world.devices}
        self.state = ["new"] * len(world.jobs)
        self.attempt = [0] * len(world.jobs)
        self.where = {}
        self.preds = self.order()
        self.figures = {"moves": 0, "makespan": 0, "bytes": 0, "jobs": 0, "failed": 0}
        self.busy = dict.fromkeys(world.devices, 0)

    def order(self):
        """Predecessors by trying every earlier job: who touched one of its blocks so that it matters."""
        preds = []
        for i, j in enumerate(self.w.jobs):
            mine = set(j["after"])
            for b in j["read"] + j["write"] + j["update"]:
                for k in range(i - 1, -1, -1):
                    other = self.w.jobs[k]
                    if b in other["write"] + other["update"]:
                        mine.add(k)
                        break
                    if b in other["read"] and b not in j["read"]:
                        mine.add(k)
            preds.append(mine)
        return preds

    def say(self, text):
        self.log.append(f"{self.now} {text}")

    def at_time(self, time, what):
        self.tick += 1
        heapq.heappush(self.heap, (time, self.tick, what))

    # Routes: all paths, the best by the four keys ------------------------------------

    def route(self, a, b):
        found = []

        def walk(node, path, used):
            if node == b:
                widths = [self.links[n][2] for n in used]
                found.append((-min(widths), len(used), sum(self.links[n][3] for n in used), used, path))
                return
            if node != a and not (node == "switch" or (node in self.w.hosts and self.w.cut_through)):
                return
            for n, (x, y, _, _) in enumerate(self.links):
                if node in (x, y):
                    other = y if node == x else x
                    if other not in path:
                        walk(other, path + [other], used + [n])
        walk(a, [a], [])
        if not found:
            return None
        width, _, latency, _, path = min(found)
        return [f"{x}>{y}" for x, y in zip(path, path[1:])], -width, latency

    def region(self, d):
        return d if self.w.devices[d]["bytes"] is not None else self.w.devices[d]["host"]

    def missing(self, j, d):
        r = self.region(d)
        return [b for b in j["read"] + j["update"]
                if r not in self.at[b] and b not in self.zero and self.w.blocks[b][0]]

    def book(self, j, d, really):
        """When the inputs can be there; with `really`, the transfers are decided."""
        free, there, r = dict(self.free), self.now, self.region(d)
        for b in self.missing(j, d):
            coming = [t["end"] for t in self.transfers.values() if t["block"] == b and t["to"] == r]
            if coming:
                there = max(there, coming[0])
                continue
            best = None
            for source in sorted(self.at[b]):
                route = self.route(source, r)
                if route:
                    ports, width, latency = route
                    start = max([self.now] + [free.get(p, 0) for p in ports])
                    end = start + latency + (1000 * self.w.blocks[b][0] + width - 1) // width
                    if best is None or end < best[0]:
                        best = (end, start, source, ports)
            if best is None:
                return None
            end, start, source, ports = best
            for p in ports:
                free[p] = end
            there = max(there, end)
            if really:
                size = self.w.blocks[b][0]
                self.say(f"transfer {self.ids} block={b} from={source} to={r} bytes={size} start={start} "
                         f"end={end} route={','.join(ports)} for={j['name']}")
                self.transfers[self.ids] = {"block": b, "from": source, "to": r, "end": end, "bytes": size,
                                            "start": start, "ports": ports}
                self.at_time(end, ("arrive", self.ids))
                self.ids += 1
        if really:
            self.free = free
        return there

    # Times of runs -------------------------------------------------------------------

    def cost(self, j, d):
        c = self.w.costs.get((j["kernel"], self.w.devices[d]["model"]))
        return c and max(1, c[0] + c[1] * j["size"])

    def true(self, i, d):
        t = self.cost(self.w.jobs[i], d)
        if self.w.noise:
            r = mix(mix(mix(5) ^ i) ^ self.attempt[i]) % 2001
            t = max(1, t + int(t * self.w.noise * (r - 1000) / 100000))
        return -(-t * 100 // self.dev[d]["speed"])

    def size(self, d):
        return self.w.devices[d]["engines"] * self.w.devices[d]["credits"]

    def expected(self, i, d):
        """What the scheduler thinks a run takes."""
        t = self.cost(self.w.jobs[i], d)
        return t if self.w.noise else -(-t * 100 // self.dev[d]["speed"])

    def place_free(self, d):
        """From when a place is free, by what is expected of those who are outstanding."""
        ends = sorted(e for e, _, _ in self.dev[d]["runs"].values())
        ends = [self.now] * (self.size(d) - len(ends)) + ends
        for i, data in self.dev[d]["queue"]:
            ends.sort()
            ends[0] = max(ends[0], data, self.now) + self.expected(i, d)
        return max(self.now, min(ends))

    # The run -------------------------------------------------------------------------

    def run(self):
        for at, *words in self.w.events:
            self.at_time(at, ("event", words))
        for i, j in enumerate(self.w.jobs):
            self.at_time(j["at"], ("submit", i))
        while any(s not in ("done", "failed") for s in self.state):
            if not self.heap:
                return None                 # stuck: no device will come back for somebody
            self.now = self.heap[0][0]
            todo = []
            while self.heap and self.heap[0][0] == self.now:
                todo.append(heapq.heappop(self.heap)[2])
            rank = ("event", "arrive", "end", "submit", "look")
            for what in sorted(todo, key=lambda x: rank.index(x[0])):
                getattr(self, "do_" + what[0])(*what[1:])
            self.advance()
        self.say("finish")
        for name, value in self.figures.items():
            self.log.append(f"metric {name} {value}")
        for d, value in self.busy.items():
            self.log.append(f"metric busy {d} {value}")
        return "\n".join(self.log) + "\n"

    def do_look(self):
        pass

    def do_submit(self, i):
        self.state[i] = "waiting"
        self.say(f"submit {self.w.jobs[i]['name']}")

    def do_arrive(self, number):
        t = self.transfers.pop(number, None)
        if t:
            self.at[t["block"]].add(t["to"])
            self.figures["bytes"] += t["bytes"]

    def do_end(self, i, start):
        d, place, began = self.where.get(i, (None, None, None))
        if began != start or self.state[i] != "running":
            return
        self.stop(i, "ok")
        self.state[i] = "done"
        self.figures["jobs"] += 1
        self.figures["makespan"] = self.now
        for b in self.w.jobs[i]["write"] + self.w.jobs[i]["update"]:
            self.at[b] = {self.region(d)}
            self.zero.discard(b)

    def stop(self, i, status):
        d, place, began = self.where[i]
        del self.dev[d]["runs"][place]
        self.busy[d] += self.now - began
        self.say(f"end {self.w.jobs[i]['name']} device={d} place={place} status={status} busy={self.now - began}")

    def do_event(self, words):
        self.say(spell(words))
        d = self.dev.get(words[1])
        if words[0] == "speed":
            d["speed"] = words[2]
        elif words[0] == "link":
            self.links = [(a, b, words[3], words[4]) if (a, b) == (words[1], words[2]) else (a, b, w, t)
                          for a, b, w, t in self.links]
        elif words[0] == "returned":
            d["up"], d["speed"] = True, 100
        else:
            self.lose(words[1], d)

    def back(self, i, d, why):
        self.say(f"back {self.w.jobs[i]['name']} device={d} why={why}")
        self.state[i] = "ready"
        self.attempt[i] += 1
        self.figures["moves"] += 1

    def lose(self, name, d):
        d["up"] = False
        for e, i, _ in list(d["runs"].values()):
            self.stop(i, "lost")
            self.back(i, name, "lost")
        for i, _ in d["queue"]:
            self.back(i, name, "lost")
        d["queue"] = []
        if self.w.devices[name]["bytes"] is None:
            return
        for number, t in list(self.transfers.items()):
            if name in (t["from"], t["to"]):
                self.say(f"cut {number}")
                del self.transfers[number]
        for where in self.at.values():
            where.discard(name)
        # Those that were waiting for what was cut fetch it from elsewhere: back they go.
        for other, o in self.dev.items():
            for i, data in list(o["queue"]):
                if any(not [t for t in self.transfers.values() if t["block"] == b and t["to"] == self.region(other)]
                       for b in self.missing(self.w.jobs[i], other)):
                    o["queue"].remove((i, data))
                    self.back(i, other, "space")

    def fail(self, i):
        self.say(f"fail {self.w.jobs[i]['name']}")
        self.state[i] = "failed"
        self.figures["failed"] += 1

    def advance(self):
        """READY, failed, decided, started: until nothing changes."""
        for i, j in enumerate(self.w.jobs):
            if self.state[i] in ("waiting", "ready"):
                lost = any(not self.at[b] and b not in self.zero and self.w.blocks[b][0]
                           for b in j["read"] + j["update"])
                done = all(self.state[p] == "done" for p in self.preds[i])
                if any(self.state[p] == "failed" for p in self.preds[i]) or (done and lost):
                    self.fail(i)
                elif self.state[i] == "waiting" and done:
                    self.say(f"ready {j['name']}")
                    self.state[i] = "ready"
        changed = True
        while changed:
            changed = False
            for i, j in enumerate(self.w.jobs):
                if self.state[i] == "ready":
                    changed |= self.gang(i) if j["gang"] else self.place(i)
            changed |= self.start()
        self.plans()

    def ends(self, i):
        """(finish, device, data, start, run) for each device that may run it."""
        j, out = self.w.jobs[i], []
        for d in self.w.devices:
            if self.dev[d]["up"] and self.cost(j, d):
                data = self.book(j, d, False)
                if data is not None:
                    run = self.expected(i, d)
                    start = max(data, self.place_free(d))
                    out.append((start + run, d, data, start, run))
        return sorted(out)

    def room(self, d):
        return len(self.dev[d]["queue"]) + len(self.dev[d]["runs"]) < self.size(d) + self.w.devices[d]["depth"]

    def place(self, i):
        ends = self.ends(i)
        if not ends or not self.room(ends[0][1]):
            return False
        finish, d, data, start, run = ends[0]
        self.decide(i, d, start, run)
        return True

    def decide(self, i, d, start, run):
        data = self.book(self.w.jobs[i], d, True)
        start = max(data, start)
        self.say(f"decide {self.w.jobs[i]['name']} device={d} data={data} start={start} run={run} "
                 f"finish={start + run} reason=chosen")
        self.dev[d]["queue"].append((i, data))
        self.state[i] = "queued"
        if data > self.now:
            self.at_time(data, ("look",))

    def plans(self):
        for i, j in enumerate(self.w.jobs):
            if self.state[i] != "ready":
                continue
            ends = self.ends(i)
            if j["gang"]:
                self.say(f"hold {j['name']} why=gang")
            elif ends:
                finish, d, data, start, run = ends[0]
                self.say(f"plan {j['name']} device={d} data={data} start={start} run={run} finish={finish} "
                         "reason=planned")

    def gang(self, i):
        """Both members when two devices are empty."""
        pair = [k for k, j in enumerate(self.w.jobs) if j["gang"] and self.state[k] == "ready"]
        if len(pair) != 2 or pair[0] != i:
            return False
        able = [d for d in self.w.devices if self.cost(self.w.jobs[i], d) and not self.dev[d]["queue"]
                and not self.dev[d]["runs"] and self.book(self.w.jobs[i], d, False) is not None]
        if len(able) < 2:
            return False
        start = self.book(self.w.jobs[i], able[0], False)
        self.say(f"gang g devices={able[0]},{able[1]} start={start}")
        for k, d in zip(pair, able):
            self.decide(k, d, start, self.expected(k, d))
        return True

    def start(self):
        """The oldest on each device whose data are there; a gang only with all of it."""
        any_started, seats = False, {}
        for d in self.dev.values():
            for i, data in d["queue"]:
                if self.w.jobs[i]["gang"] and data <= self.now and i == d["queue"][0][0]:
                    seats[i] = d
        for name, d in self.dev.items():
            while d["queue"] and len(d["runs"]) < self.size(name):
                i, data = d["queue"][0]
                if data > self.now or (self.w.jobs[i]["gang"] and len(seats) < 2):
                    break
                d["queue"].pop(0)
                place = min(p for p in range(self.size(name)) if p not in d["runs"])
                time = self.true(i, name)
                self.say(f"start {self.w.jobs[i]['name']} device={name} place={place}")
                self.state[i], self.where[i] = "running", (name, place, self.now)
                d["runs"][place] = (self.now + self.expected(i, name), i, place)
                self.at_time(self.now + time, ("end", i, self.now))
                any_started = True
        return any_started
