# SPDX-License-Identifier: GPL-2.0-only
"""What the guest starts with, and what is sent to it.

The initramfs is busybox, the in-tree modules that weft's modules or their
tests may ask for, and `init`. A Payload is a set of files for /t: the same
set goes into a tar for a restored guest or into a second initramfs for an
exact-count one. Rejected: a disk image (must be built as root or with tools of
its own), the host's root over 9p (a mounted one cannot be snapshotted, and
fork+exec costs three times as much).
"""
import io
import os
import re
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

from . import cache

HERE = Path(__file__).resolve().parent.parent

# In-tree modules: loaded at boot if the kernel has them as modules...
LOAD = ["configfs", "drm", "drm_buddy", "gpu_buddy", "drm_exec", "gpu-sched",
        "virtio_console", "virtio_pci"]
# ...or only there for `modprobe`.
CARRY = ["vgem", "hwmon", "drm_shmem_helper", "virtio-gpu"]


class Missing(Exception):
    """A file or tool that is needed is not there."""


class Cpio:
    """A newc archive, written front to back."""

    def __init__(self, out):
        self.out = out
        self.inode = 0
        self.seen = set()

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self.out.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def dir(self, name):
        if name and name != "." and name not in self.seen:
            self.dir(os.path.dirname(name))
            self.seen.add(name)
            self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o755):
        self.dir(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.dir(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self.dir(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | 0o600, b"", (major, minor))

    def close(self):
        self._entry("TRAILER!!!", 0)


def _module_bytes(path):
    data = path.read_bytes()
    for suffix, tool in ((".xz", "xz"), (".zst", "zstd"), (".gz", "gzip")):
        if path.suffix == suffix:
            return subprocess.run([tool, "-dc"], input=data, capture_output=True, check=True).stdout
    return data


def _plain(name):
    return re.sub(r"\.(xz|zst|gz)$", "", name)


def _modules(kernel):
    """[(path under lib/modules/REL, host path)] of LOAD and CARRY with all they need."""
    base = kernel.module_root / "lib/modules" / kernel.release
    deps = {}
    try:
        for line in (base / "modules.dep").read_text().splitlines():
            name, _, needs = line.partition(":")
            deps[name] = needs.split()
    except FileNotFoundError:
        return base, [], deps
    by_name = {_plain(os.path.basename(p)).removesuffix(".ko").replace("-", "_"): p for p in deps}
    wanted = []
    for name in LOAD + CARRY:
        path = by_name.get(name.replace("-", "_"))
        for p in ([*deps[path], path] if path else []):
            if p not in wanted:
                wanted.append(p)
    return base, wanted, deps


def build(kernel):
    """The initramfs for `kernel`, from the cache if its inputs are unchanged."""
    busybox = shutil.which("busybox") or "/bin/busybox"
    if not os.path.exists(busybox):
        raise Missing("no busybox: run tools/setup (package busybox-static)")
    key = cache.digest(Path(busybox), HERE / "init", HERE / "finish", repr((LOAD, CARRY)),
                       str(kernel.dir.resolve()), Path(__file__))
    final = cache.root() / "initramfs" / f"{kernel.dir.resolve().name}-{key}.cpio"
    if final.exists():
        return final
    with cache.lock("initramfs-" + key):
        if final.exists():
            return final
        final.parent.mkdir(exist_ok=True)
        tmp = final.with_suffix(f".{os.getpid()}.tmp")
        with open(tmp, "wb") as out:
            _write(Cpio(out), kernel, busybox)
        tmp.rename(final)
    cache.prune(final.parent, 12)
    return final


def _write(cpio, kernel, busybox):
    for d in ("bin", "proc", "sys", "dev", "tmp", "t", "run", "etc", "root", "lib64"):
        cpio.dir(d)
    cpio.device("dev/console", 5, 1)
    cpio.device("dev/null", 1, 3)
    cpio.file("bin/busybox", Path(busybox).read_bytes())
    for name in subprocess.run([busybox, "--list"], capture_output=True, text=True,
                               check=True).stdout.split():
        if name != "busybox":
            cpio.link("bin/" + name, "busybox")
    cpio.link("sbin", "bin")
    cpio.dir("usr")
    cpio.link("usr/bin", "../bin")
    cpio.link("usr/sbin", "../bin")
    for name in ("init", "finish"):
        cpio.file(name, (HERE / name).read_bytes())
    cpio.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
              b"alice:x:1001:1001::/:/bin/sh\nbob:x:1002:1002::/:/bin/sh\n", 0o644)
    cpio.file("etc/group", b"root:x:0:\nnogroup:x:65534:\n", 0o644)
    cpio.file("etc/hosts", b"127.0.0.1 localhost weft\n", 0o644)
    cpio.file("etc/weft-load", (" ".join(LOAD) + "\n").encode(), 0o644)

    base, modules, deps = _modules(kernel)
    root = f"lib/modules/{kernel.release}"
    dep_lines = []
    for path in modules:
        cpio.file(f"{root}/{_plain(path)}", _module_bytes(base / path), 0o644)
        dep_lines.append(_plain(path) + ": " + " ".join(_plain(d) for d in deps[path]))
    cpio.file(f"{root}/modules.dep", ("\n".join(dep_lines) + "\n").encode(), 0o644)
    for name in ("modules.builtin", "modules.order"):
        data = (base / name).read_bytes() if (base / name).exists() else b""
        cpio.file(f"{root}/{name}", data, 0o644)
    for name in ("modules.alias", "modules.symbols"):
        cpio.file(f"{root}/{name}", b"", 0o644)
    cpio.close()


def _elf_interpreter(data):
    """The dynamic loader an ELF program names, '' if static, None if not a program."""
    if data[:4] != b"\x7fELF" or data[4] != 2:
        return None
    if data[16:18] == b"\x01\x00":
        return None
    phoff = int.from_bytes(data[32:40], "little")
    size, count = (int.from_bytes(data[i:i + 2], "little") for i in (54, 56))
    for i in range(count):
        p = phoff + i * size
        if data[p:p + 4] == b"\x03\x00\x00\x00":
            off = int.from_bytes(data[p + 8:p + 16], "little")
            length = int.from_bytes(data[p + 32:p + 40], "little")
            return data[off:off + length].rstrip(b"\0").decode()
    return ""


class Payload:
    """Files for the guest; those named go to /t, libraries to /t/lib."""

    def __init__(self, library_path=()):
        self.files = {}
        self.links = {}
        self.library_path = [str(p) for p in library_path]

    def text(self, name, content, mode=0o755):
        self.files[name] = (content.encode(), mode)

    def add(self, path, name=None):
        """A file or a directory (with what is in it) of the host, as /t/NAME."""
        path = Path(path)
        if not path.exists():
            raise Missing(f"no such file to send to the guest: {path}")
        name = name or path.resolve().name
        if path.is_dir():
            for sub in sorted(path.rglob("*")):
                if sub.is_file():
                    self._one(sub, f"t/{name}/{sub.relative_to(path)}")
        else:
            self._one(path, f"t/{name}")
        return f"/t/{name}"

    def _one(self, path, name):
        data = path.read_bytes()
        mode = path.stat().st_mode & 0o777
        self.files[name] = (data, mode)
        loader = _elf_interpreter(data)
        if loader is not None and (loader or ".so" in path.name):
            self._libraries(path, loader)

    def _libraries(self, path, loader):
        env = dict(os.environ)
        env["LD_LIBRARY_PATH"] = ":".join(self.library_path + [str(path.resolve().parent)]
                                          + [env.get("LD_LIBRARY_PATH", "")]).rstrip(":")
        out = subprocess.run(["ldd", str(path)], capture_output=True, text=True, env=env).stdout
        for line in out.splitlines():
            if m := re.match(r"\s*(\S+) => not found", line):
                raise Missing(f"{path} needs {m.group(1)}, which this machine does not have")
            if m := re.match(r"\s*(\S+) => (/\S+)", line):
                lib = "t/lib/" + os.path.basename(m.group(1))
                if lib not in self.files:
                    self.files[lib] = (Path(m.group(2)).read_bytes(), 0o755)
        if loader and loader[1:] not in self.files:
            self.files[loader[1:]] = (Path(loader).read_bytes(), 0o755)

    def tar(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, (data, mode) in self.files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), mode
                tar.addfile(info, io.BytesIO(data))
        return out.getvalue()

    def cpio(self):
        out = io.BytesIO()
        cpio = Cpio(out)
        for name, (data, mode) in self.files.items():
            cpio.file(name, data, mode)
        cpio.close()
        return out.getvalue()
