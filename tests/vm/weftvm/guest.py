# SPDX-License-Identifier: GPL-2.0-only
"""One run: a command in a fresh guest, and whether to believe its status.

A run is good only if the command's status came over the status port, the exit
device agrees with it, and the kernel reported nothing: no panic, warning,
lockdep, sanitizer or leak report, no bad taint, no module that will not
unload. After the command all its processes are killed, what it left in
configfs is removed, the modules are unloaded, and on the debug kernel the
leak checker looks at what is left. Rejected: judging by the output alone.
"""
import bisect
import os
import re
import selectors
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import cache, initramfs, machine as machine_, report
from .machine import Broken, Process, base_args

TIMEOUT, UNCLEAN, ERROR = 124, 125, 126
SPINS = 90                # seconds of processor time without a word: it may be spinning
VISIT = 0.25              # seconds from one visit to the next

FINISH = r"""# What a test leaves behind is taken down; what cannot be is reported.
[ -n "$NOCLEAN" ] && exit 0
kill -9 -1 2> /dev/null
cd /
C=/sys/kernel/config
for pass in 1 2 3; do
	find $C -name enabled -type f 2> /dev/null | while read -r f; do
		echo 0 > "$f"
	done
	find $C -mindepth 2 -depth -type d -exec rmdir {} + > /dev/null
done 2> /dev/null
[ -n "$LEAKS" ] && grep '\]$' /proc/kallsyms > /tmp/.symbols
for m in $RMMOD; do
	n=0
	while [ -e /sys/module/$m ] && ! rmmod $m 2> /tmp/.rmmod; do
		n=$((n + 1))
		if [ $n -ge 40 ]; then
			echo "weft-guest: module $m does not unload: $(cat /tmp/.rmmod)" > /dev/kmsg
			break
		fi
		usleep 50000
	done
done
K=/sys/kernel/debug/kmemleak
if [ -n "$LEAKS" ] && [ -e $K ]; then
	# An object must be 0.1 s old to count; one found is looked at twice.
	usleep 150000
	echo scan > $K
	if cat $K | grep -q .; then
		usleep 150000
		echo scan > $K
		cat $K | while IFS= read -r l; do echo "$l" > /dev/kmsg; done
		sed 's/^/weft-symbol /' /tmp/.symbols > /dev/ttyS0
	fi
fi
exit 0
"""

# QEMU does not save the state of an edu device: after a snapshot it is as after power on, which
# the kernel does not know. So it is looked for anew.
FIND_EDU = """for f in $(grep -l 0x11e8 /sys/bus/pci/devices/*/device); do
	echo 1 > ${f%device}remove
done
echo 1 > /sys/bus/pci/rescan"""


@dataclass
class Result:
    status: int               # what `vm run` exits with
    reasons: list             # why it is not clean, [] if it is
    output: str               # what the command printed
    console: str              # what the kernel printed
    seconds: float
    expected: list = field(default_factory=list)

    @property
    def ok(self):
        return self.status == 0 and not self.reasons


@dataclass
class Job:
    """What to run. `insmod` names modules: files of the payload or in-tree ones."""
    argv: list
    payload: initramfs.Payload
    env: dict = field(default_factory=dict)
    insmod: list = field(default_factory=list)
    timeout: float = 60
    expect: list = field(default_factory=list)
    leaks: bool = True
    clean: bool = True
    first: str = ""           # shell commands before the modules are inserted
    stays: list = field(default_factory=list)   # modules of the payload that have no way out

    def script(self, output):
        lines = ["#!/bin/sh", f"dmesg -n {'5' if output == 'ttyS1' else '7'}",
                 f"exec > /dev/{output} 2>&1 < /dev/null" if output else "",
                 "export PATH=/t:/bin LD_LIBRARY_PATH=/t/lib TMPDIR=/tmp",
                 "cd /t"]
        lines += [f"export {k}={shlex.quote(v)}" for k, v in self.env.items()]
        lines.append(self.first)
        lines += [f"insmod /t/{name}.ko || {{ echo 'cannot insert {name}'; exit 98; }}"
                  for name in self.stays]
        loaded = []
        for spec in self.insmod:
            name, *params = spec.split(":")
            stem = os.path.basename(name).removesuffix(".ko")
            args = " ".join(shlex.quote(p) for p in params)
            path = f"t/{stem}.ko"
            if path in self.payload.files:
                # what modprobe would do; such a module may be permanent, so it stays
                for need in self._needs(path):
                    lines.append(f"[ -e /sys/module/{need} ] || insmod /t/{need}.ko")
                lines.append(f"insmod /{path} {args} || "
                             f"{{ echo 'cannot insert {stem}'; exit 98; }}")
            else:
                lines.append(f"modprobe {stem} {args} || "
                             f"{{ echo 'no module {stem} in payload or kernel'; exit 98; }}")
            loaded.insert(0, stem.replace("-", "_"))
        lines.append(" ".join(shlex.quote(a) for a in self.argv))
        head = (f"RMMOD='{' '.join(loaded)}'\nLEAKS={'1' if self.leaks and loaded else ''}\n"
                f"NOCLEAN={'' if self.clean else '1'}\n")
        return "\n".join(lines) + "\n", head + FINISH

    def _needs(self, path):
        """Modules of the payload that one of its modules depends on."""
        depends = re.search(rb"\0depends=([^\0]*)\0", self.payload.files[path][0])
        named = {os.path.basename(spec.partition(":")[0]) for spec in self.insmod}
        for n in depends.group(1).decode().split(",") if depends else []:
            if f"t/{n}.ko" in self.payload.files and n not in named:
                yield from self._needs(f"t/{n}.ko")
                yield n

    def files(self, output):
        run, finish = self.script(output)
        self.payload.text("t/.run", run)
        self.payload.text("t/.finish", finish)
        return self.payload


def _name_addresses(console):
    """Names for addresses in modules that were gone when a leak was printed."""
    symbols = sorted((int(a, 16), name) for a, name in
                     re.findall(r"^weft-symbol (\w+) [tT] (\S+)\s.*$", console, re.M))
    if not symbols:
        return console
    console = re.sub(r"^weft-symbol .*\n", "", console, flags=re.M)

    def name(m):
        at = bisect.bisect(symbols, (int(m.group(0), 16), "~")) - 1
        if at < 0 or int(m.group(0), 16) - symbols[at][0] > 0x4000:   # e.g. freed init code
            return m.group(0)
        return f"{m.group(0)} {symbols[at][1]}+{int(m.group(0), 16) - symbols[at][0]:#x}"
    return re.sub(r"\b0xffffffffa[0-9a-f]{7}\b", name, console)


def _judge(job, rc, status_text, console, output, seconds, timed_out):
    reasons, matched = [], []
    console = _name_addresses(console)
    found = report.find(console, job.expect)
    for pattern in job.expect:
        if re.search(pattern, console):
            matched.append(pattern)
        else:
            reasons.append(f"expected in the kernel log but absent: {pattern}")
    seen = set()
    for kind, line in found:
        if line not in seen:
            seen.add(line)
            reasons.append(f"{kind}: {line}")
    m = re.search(r"STATUS (\d+) TAINT (\d+)", status_text)
    if timed_out:
        reasons.insert(0, f"no end after {job.timeout:.0f} s: killed")
        return Result(TIMEOUT, reasons, output, console, seconds, matched)
    if not m:
        reasons.insert(0, f"the guest died without a status (QEMU exit {rc})")
        return Result(UNCLEAN, reasons, output, console, seconds, matched)
    status, taint = int(m.group(1)), int(m.group(2))
    wanted = (((status & 63) | 64) << 1 | 1) & 0xff
    if rc != wanted:
        reasons.append(f"the two reports of the exit status disagree (port {status}, device {rc})")
    names = report.taint_names(taint)
    if names and not matched:
        reasons.append("kernel tainted: " + ", ".join(names))
    if reasons and status == 0:
        status = UNCLEAN
    return Result(status, reasons, output, console, seconds, matched)


# While the kernel patches its code QEMU's translator may run the breakpoint that stood there
# for a moment, after it is gone. In the kernel's own code, not in a module's.
STALE = re.compile(r"Oops: int3: 0000(?:(?!RIP: 0010:).)*RIP: 0010:\S+[ \t\r]*$", re.S | re.M)


def run(kernel, machine, job, stream=None, verbose=False, cold=False, visit=None):
    """Run `job` in a fresh guest restored from a snapshot (or booted: `cold`).
    `visit` is called with QEMU's monitor a few times a second. A guest that the
    emulator broke (STALE) is run once more, and the kernel log says so."""
    result = _run(kernel, machine, job, stream, verbose, cold, visit)
    if not STALE.search(result.console):
        return result
    first = result.console
    cache.say("QEMU ran a stale breakpoint: once more")
    result = _run(kernel, machine, job, stream, verbose, cold, visit)
    result.console = f"{first}\nweft-vm: a stale breakpoint of QEMU's: once more\n{result.console}"
    return result


def _run(kernel, machine, job, stream, verbose, cold, visit):
    machine.check()
    args, state = _start_args(kernel, machine, cold)
    job.first = FIND_EDU if machine.edu and not cold else ""
    start = time.monotonic()
    try:
        vm = Process(args, state=state)
    finally:
        if state is not None:
            os.close(state)
    try:
        return _drive(vm, job, stream, verbose, start, visit)
    finally:
        vm.close()


def _start_args(kernel, machine, cold):
    if cold:
        initrd = initramfs.build(kernel)
        return base_args(machine, kernel, initrd) + machine.memory(None, False), None
    directory, initrd = machine_.snapshot(kernel, machine)
    state = os.open(directory / "state", os.O_RDONLY)
    return (base_args(machine, kernel, initrd) + machine.memory(directory, share=False)
            + ["-incoming", "defer"]), state


def _drive(vm, job, stream, verbose, start, visit):
    tar = job.files("port-out").tar()
    pending = memoryview(b"%d\n" % len(tar) + tar)
    text = {"console": bytearray(), "out": bytearray(), "status": bytearray()}
    sel = selectors.DefaultSelector()
    for name in text:
        vm.sockets[name].setblocking(False)
        sel.register(vm.sockets[name], selectors.EVENT_READ, name)
    vm.sockets["cmd"].setblocking(False)
    sel.register(vm.sockets["cmd"], selectors.EVENT_WRITE, "cmd")
    # A hang is asked what it is doing before it is killed.
    deadline, asked, timed_out, open_ports = start + job.timeout, False, False, len(text)
    panic_at, visited = None, start
    while open_ports:
        now = time.monotonic()
        if visit and now - visited > VISIT:
            visited = now
            _visit(visit, vm.monitor())
        if now > deadline:
            if asked:
                vm.process.kill()
                deadline = now + 30
            else:
                asked = timed_out = True
                deadline = now + 3
                _ask(vm)
        if panic_at and now - panic_at > 5:
            vm.process.kill()
        for key, _ in sel.select(min(0.5, max(0.01, deadline - now))):
            if key.data == "cmd":
                try:
                    pending = pending[key.fileobj.send(pending[:1 << 18]):]
                except (BrokenPipeError, ConnectionResetError):
                    pending = pending[:0]
                if not pending:
                    sel.unregister(key.fileobj)
                continue
            try:
                data = key.fileobj.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                sel.unregister(key.fileobj)
                open_ports -= 1
                continue
            text[key.data] += data
            if key.data == "out" and stream:
                stream(data)
            if key.data == "console":
                if verbose:
                    sys.stderr.buffer.write(data)
                    sys.stderr.flush()
                if panic_at is None and b"Kernel panic - not syncing" in text["console"]:
                    panic_at = time.monotonic()
    rc = vm.process.wait()
    errors = vm.process.stderr.read().decode(errors="replace")
    decoded = {k: bytes(v).decode(errors="replace").replace("\r\n", "\n") for k, v in text.items()}
    if rc == 1 and not decoded["console"] and not decoded["status"]:
        raise Broken("QEMU: " + errors.strip())
    return _judge(job, rc, decoded["status"], decoded["console"], decoded["out"],
                  time.monotonic() - start, timed_out)


def _visit(visit, monitor):
    try:
        visit(monitor)
    except (Broken, OSError):
        pass               # the guest is just ending


def _ask(vm):
    """Blocked tasks and what each processor does, on the console (SysRq w, l)."""
    try:
        monitor = vm.monitor()
        for key in b"wl":
            monitor.command("chardev-send-break", id="console")
            vm.sockets["console"].setblocking(True)
            vm.sockets["console"].send(bytes([key]))
            vm.sockets["console"].setblocking(False)
            time.sleep(0.2)
    except (Broken, OSError, ValueError):
        pass


def _processor_time(process):
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _nudge(monitor):
    monitor.command("stop")
    monitor.command("cont")


def run_icount(kernel, machine, job, stream=None, visit=None):
    """Run `job` with one instruction per nanosecond of guest time: every count
    is the same in every run. The payload is in the initramfs and reports come
    over serial ports to files: whatever waits for the host would change it.
    With `visit` (see run()) nothing is the same, but time in which the guest
    has nothing to do still takes none.

    Once in a while QEMU 7.2 lets one processor spin for another that gets no
    turn. Stopped and continued, it goes on; its counts are then not exact, and
    the kernel log says so."""
    machine.check()
    job.leaks = False
    base = initramfs.build(kernel)
    with tempfile.TemporaryDirectory(prefix="weft-vm-") as d:
        d = Path(d)
        initrd = d / "initrd"
        initrd.write_bytes(base.read_bytes() + job.files("ttyS1").cpio())
        args = base_args(machine, kernel, initrd, icount=True) + machine.memory(None, False)
        for i, name in enumerate(("console", "out")):
            (d / name).touch()
            args += ["-chardev", f"file,id={name},path={d / name}", "-serial", f"chardev:{name}"]
        ours, theirs = socket.socketpair()
        args += ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}",
                 "-mon", "chardev=monitor,mode=control"]
        start = visited = time.monotonic()
        process = subprocess.Popen(machine_.WITH_US + args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, pass_fds=[theirs.fileno()])
        theirs.close()
        # otherwise not spoken to before it must be: that could change the counts
        monitor = machine_.Monitor(ours) if visit else None
        timed_out, nudges, spent = False, 0, 0
        try:
            with open(d / "out", "rb") as f:
                while True:
                    ended = process.poll() is not None
                    data = f.read()
                    if data:
                        spent = _processor_time(process)
                    elif _processor_time(process) - spent > SPINS:
                        monitor = monitor or machine_.Monitor(ours)
                        _visit(_nudge, monitor)
                        spent, nudges = _processor_time(process), nudges + 1
                    if data and stream:
                        stream(re.sub(rb"STATUS \d+ TAINT \d+\r?\n", b"",
                                      data.replace(b"\r\n", b"\n")))
                    if ended:
                        break
                    if time.monotonic() - start > job.timeout:
                        timed_out = True
                        process.kill()
                    if visit and time.monotonic() - visited > VISIT:
                        visited = time.monotonic()
                        _visit(visit, monitor)
                    time.sleep(0.05)
        finally:
            process.kill()
            process.wait()
            ours.close()
        errors = process.stderr.read().decode(errors="replace")
        process.stderr.close()
        out = (d / "out").read_bytes().decode(errors="replace").replace("\r\n", "\n")
        console = (d / "console").read_bytes().decode(errors="replace").replace("\r\n", "\n")
    if nudges:
        console += f"\nweft-vm: stopped and continued {nudges} times: no exact counts\n"
    if not console and errors:
        raise Broken("QEMU: " + errors.strip())
    return _judge(job, process.returncode, out, console, re.sub(r"STATUS \d+ TAINT \d+\n", "", out),
                  time.monotonic() - start, timed_out)


def shell(kernel, machine, job):
    """A shell on the guest's console. `exit` ends it, Ctrl-A x kills the guest."""
    machine.check()
    job.clean = False
    job.argv = ["setsid", "cttyhack", "sh"]
    run_script, _ = job.script(None)
    console = "exec < /dev/console > /dev/console 2>&1\ndmesg -n 4\n"
    args, state = _start_args(kernel, machine, False)
    try:
        vm = Process(args, console="stdio", state=state)
    finally:
        os.close(state)
    try:
        job.files(None)
        job.payload.text("t/.run", console + run_script.replace("dmesg -n 7\n", ""))
        tar = job.payload.tar()
        vm.sockets["cmd"].sendall(b"%d\n" % len(tar) + tar)
        vm.process.wait()
        m = re.search(rb"STATUS (\d+)", vm.sockets["status"].recv(4096))
        return int(m.group(1)) if m else UNCLEAN
    finally:
        vm.close()
