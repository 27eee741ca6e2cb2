# SPDX-License-Identifier: GPL-2.0-only
"""The virtual machine: QEMU's arguments, its monitor, its snapshots.

Emulation only (TCG): it is what every machine has, and exact instruction
counts need it. A snapshot is the device state plus the guest's memory as a
file; restoring maps that file privately, so a fresh guest costs no copy of
the memory and any number may run at once. Rejected: KVM (absent or crippled
in most build machines), `savevm` (needs a disk image), memory inside the
migration stream (three times slower to restore).
"""
import json
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field, asdict
from pathlib import Path

from . import acpi, cache, initramfs, report
from .cache import say

QEMU = "qemu-system-x86_64"


class Broken(Exception):
    """The machine did not do what it must; the text says what."""


@dataclass
class Machine:
    """What the guest is made of. Equal machines share a snapshot."""
    smp: int = 2
    mem: int = 1024           # MiB, all nodes together
    numa: int = 1             # nodes, processors and memory split evenly
    edu: int = 0              # edu PCI devices, one root port each, over all nodes
    ports: int = 0            # empty hot-plug root ports, over all nodes
    iommu: bool = False       # an Intel IOMMU
    append: str = ""          # more for the kernel's command line
    devices: list = field(default_factory=list)   # more -device arguments

    def check(self):
        if not 1 <= self.smp <= 16:
            raise Broken("--smp: 1 to 16")
        if not 1 <= self.numa <= 8 or self.smp % self.numa:
            raise Broken("--numa: 1 to 8, and each node gets as many processors (--smp)")
        if self.mem < 256 * self.numa:
            raise Broken("--mem: at least 256M a node")
        if not 0 <= self.edu + self.ports <= 24:
            raise Broken("--edu and --ports: 24 together at most")

    def memory(self, directory, share):
        """Backends for each node: files under `directory`, or anonymous."""
        args, per_node = [], self.mem // self.numa
        for n in range(self.numa):
            if directory:
                path = Path(directory) / f"memory{n}"
                obj = (f"memory-backend-file,id=m{n},size={per_node}M,mem-path={path},"
                       f"share={'on' if share else 'off'}")
            else:
                obj = f"memory-backend-ram,id=m{n},size={per_node}M"
            args += ["-object", obj]
        return args

    def topology(self):
        args = ["-machine", "q35" if self.numa > 1 else "q35,memory-backend=m0",
                "-smp", f"{self.smp},sockets={self.numa},cores={self.smp // self.numa},threads=1",
                "-m", f"{self.mem // self.numa * self.numa}M"]
        if self.numa > 1:
            for n in range(self.numa):
                first, end = (self.smp * i // self.numa for i in (n, n + 1))
                args += ["-numa", f"node,nodeid={n},cpus={first}-{end - 1},memdev=m{n}"]
            for a in range(self.numa):
                for b in range(self.numa):
                    if a != b:
                        args += ["-numa", f"dist,src={a},dst={b},val=21"]
        if self.iommu:
            args += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
        # With more than one node each gets a host bridge that says where it is.
        if self.numa > 1 and self.edu + self.ports:
            bridges = {}
            for n in range(self.numa):
                bus = 64 + 24 * n
                bridges[bus] = len(range(n, self.edu + self.ports, self.numa))
                args += ["-device", f"pxb-pcie,id=hb{n},bus_nr={bus},bus=pcie.0,numa_node={n}"]
            args += acpi.ports(bridges)
        for i in range(self.edu + self.ports):
            bus = f"hb{i % self.numa}" if self.numa > 1 else "pcie.0"
            extra = ",pref64-reserve=64M" if i >= self.edu else ""
            args += ["-device", f"pcie-root-port,id=rp{i},bus={bus},chassis={i + 1},"
                                f"slot={i + 1}{extra}"]
            if i < self.edu:
                args += ["-device", f"edu,id=edu{i},bus=rp{i}"]
        for d in self.devices:
            args += ["-device", d]
        return args

    def cmdline(self, icount=False):
        words = ["console=ttyS0", "loglevel=5", "panic=-1", "oops=panic", "mitigations=off",
                 "tsc=reliable", "no_timer_check", "sysrq_always_enabled", "printk.devkmsg=on",
                 "rcupdate.rcu_cpu_stall_timeout=60"]
        if icount:
            # this HPET ticks twice as often as it says: a kernel that checks its APIC timer
            # against it (the debug kernel has nothing else to check it with) gives the timer up
            words += ["nokaslr", "norandmaps", "nohpet"]
        if self.iommu:
            words.append("intel_iommu=on")
        # The debug kernel lacks what it would have to offer the firmware for the ports of extra
        # host bridges. Those of the first are the firmware's own: it would power them off.
        if self.numa > 1 and self.edu + self.ports:
            words.append("pcie_ports=native")
        return " ".join(words + ([self.append] if self.append else []))


def qemu():
    path = shutil.which(QEMU)
    if not path:
        raise Broken(f"no {QEMU}: run tools/setup vm")
    return path


# before QEMU's name: a harness that is killed takes its guests with it
WITH_US = ["setpriv", "--pdeathsig", "KILL"]

_version = None


def qemu_version():
    global _version
    if not _version:
        _version = subprocess.run([qemu(), "--version"], capture_output=True, text=True,
                                  check=True).stdout.splitlines()[0]
    return _version


# A processor without speculation's cousins: the fastest one to emulate that
# still faults when a driver follows a user's pointer.
# Without cx16: twice a guest was seen to fault right behind a cmpxchg16b of the slab allocator,
# with registers that no code of the kernel could have left there.
CPU = "qemu64,-cx16,+smep,+smap,+ssse3,+sse4.1,+sse4.2,+popcnt"


def base_args(machine, kernel, initrd, icount=False):
    args = [qemu(), "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
            "-cpu", CPU, *machine.topology(),
            "-kernel", str(kernel.image), "-initrd", str(initrd),
            "-append", machine.cmdline(icount),
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    if icount:
        args += ["-accel", "tcg,thread=single",
                 "-icount", "shift=0,align=off,sleep=off",
                 "-rtc", "base=2026-01-01,clock=vm", "-seed", "1"]
    else:
        args += ["-accel", "tcg,thread=multi"]
    return args


class Monitor:
    """QEMU's monitor, as much as is needed."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(60)
        self.file = sock.makefile("rw")
        json.loads(self.file.readline())
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise Broken(f"QEMU went away during {name}")
            answer = json.loads(line)
            if "error" in answer:
                raise Broken(f"QEMU: {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def memory_is_in_files(self):
        """Leave the guest's memory out of the saved state."""
        self.command("migrate-set-capabilities",
                     capabilities=[{"capability": "x-ignore-shared", "state": True}])


class Process:
    """A running QEMU and its channels (socket pairs, so nothing is on disk)."""

    PORTS = ("cmd", "out", "status")

    def __init__(self, args, console="socket", state=None):
        self.sockets, self._monitor = {}, None
        theirs, extra = [], []
        names = ["monitor", *self.PORTS] + (["console"] if console == "socket" else [])
        for name in names:
            ours, other = socket.socketpair()
            for end in (ours, other):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            self.sockets[name] = ours
            theirs.append(other)
            extra += ["-chardev", f"socket,id={name},fd={other.fileno()}"]
        if console == "stdio":
            extra += ["-chardev", "stdio,id=console,mux=on,signal=off"]
        extra += ["-serial", "chardev:console", "-mon", "chardev=monitor,mode=control",
                  "-device", "virtio-serial-pci,bus=pcie.0,addr=0x1e"]
        for i, name in enumerate(self.PORTS):
            extra += ["-device", f"virtserialport,chardev={name},name={name},nr={i + 1}"]
        fds = [s.fileno() for s in theirs] + ([state] if state is not None else [])
        pipe = None if console == "stdio" else subprocess.DEVNULL
        self.process = subprocess.Popen(WITH_US + args + extra, pass_fds=fds,
                                        stdin=pipe, stdout=pipe,
                                        stderr=None if console == "stdio" else subprocess.PIPE)
        for s in theirs:
            s.close()

        if state is not None:
            self.monitor().memory_is_in_files()
            self.monitor().command("migrate-incoming", uri=f"fd:{state}")

    def monitor(self):
        if not self._monitor:
            self._monitor = Monitor(self.sockets["monitor"])
        return self._monitor

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        for s in self.sockets.values():
            s.close()
        if self.process.stderr:
            self.process.stderr.close()


# Snapshots -----------------------------------------------------------------------

def snapshot(kernel, machine):
    """The directory of a snapshot of `machine` waiting for a test; made if absent."""
    machine.check()
    initrd = initramfs.build(kernel)
    key = cache.digest(qemu_version(), str(kernel.dir.resolve()), initrd.name,
                       json.dumps(asdict(machine), sort_keys=True), Path(__file__))
    final = cache.root() / "snapshots" / f"{kernel.flavour}-{key}"
    if not (final / "state").exists():
        with cache.lock("snapshot-" + key):
            if not (final / "state").exists():
                cache.prune(final.parent, 16)
                with cache.fresh_dir(final) as tmp:
                    _save(kernel, machine, initrd, tmp)
    try:
        os.utime(final)
    except OSError:
        pass
    return final, initrd


def _save(kernel, machine, initrd, directory, limit=900):
    start = time.monotonic()
    say(f"booting {kernel.release} once for a snapshot "
        f"({machine.smp} cpus, {machine.numa} nodes, {machine.mem} MiB)")
    vm = Process(base_args(machine, kernel, initrd) + machine.memory(directory, share=True))
    try:
        log = b""
        console = vm.sockets["console"]
        console.settimeout(1)
        while b"weft-guest: ready" not in log or not log.endswith(b"\n"):
            try:
                data = console.recv(65536)
            except TimeoutError:
                data = None
            if data == b"" or time.monotonic() - start > limit:
                tail = log.decode(errors="replace")[-3000:]
                errors = vm.process.stderr.read1().decode(errors="replace") if data == b"" else ""
                raise Broken(f"the guest did not boot:\n{tail}{errors}")
            log += data or b""
        (directory / "boot.log").write_bytes(log)
        text = log.decode(errors="replace")
        bad = report.find(text)
        taint = int(text.rsplit("tainted ", 1)[1].split()[0])
        if bad or report.taint_names(taint):
            raise Broken("the kernel complained while booting: " +
                         "; ".join(line for _, line in bad) + " ".join(report.taint_names(taint))
                         + "\n" + text[-6000:])
        time.sleep(0.3)
        monitor = vm.monitor()
        monitor.memory_is_in_files()
        monitor.command("migrate", uri=f"exec:cat > '{directory}/state.tmp'")
        while (status := monitor.command("query-migrate").get("status")) not in ("completed", "failed"):
            time.sleep(0.02)
        if status == "failed":
            raise Broken("QEMU could not save its state")
        monitor.command("quit")
        vm.process.wait()
        (directory / "state.tmp").rename(directory / "state")
    finally:
        vm.close()
    say(f"snapshot ready after {time.monotonic() - start:.1f} s")
