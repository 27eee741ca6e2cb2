# SPDX-License-Identifier: GPL-2.0-only
"""Kernels for the guest: Debian's stock one, ours with every checker, Debian's next.

stock  image and headers are downloaded as packages and unpacked; nothing is
       installed, so that this machine boots as it did before.
debug  built from the linux-source package with debug.config. The name carries
       a hash of all inputs; what is kept is the image and what modules need.
next   see next.py.

Each is a Kernel: a directory with `bzImage`, `vmlinux`, `modules/` (a root for
modprobe) and a directory to build modules against. Rejected: installing the
packages (changes the boot loader), a kernel from elsewhere than the
distribution (nothing to verify it with).
"""
import os
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .cache import say

HERE = Path(__file__).resolve().parent.parent
SERIES = "6.12"

# Prompts for symbols that only other drivers select (name: Kconfig file).
FORCED_SYMBOLS = {
    "DRM_BUDDY": "drivers/gpu/drm/Kconfig",
    "DRM_EXEC": "drivers/gpu/drm/Kconfig",
    "DRM_SCHED": "drivers/gpu/drm/Kconfig",
    "MMU_NOTIFIER": "mm/Kconfig",
    "DEV_COREDUMP": "drivers/base/Kconfig",
}
# A leak must show in the run that made it: no five seconds of age, no scan
# only to learn checksums, and the scan itself without KASAN and lockdep.
SOURCE_EDITS = [
    ("mm/kmemleak.c", r"(#define MSECS_MIN_AGE\s+)5000", r"\g<1>100"),
    ("mm/kmemleak.c", r"return object->checksum != old_csum;",
     "return old_csum != ~0U && object->checksum != old_csum;"),
    ("mm/kmemleak.c", r'(strncmp\(buf, "scan", 4\) == 0\)\s+)kmemleak_scan\(\);',
     r"\1{ lockdep_off(); kmemleak_scan(); lockdep_on(); }"),
    ("mm/Makefile", r"\A", "KASAN_SANITIZE_kmemleak.o := n\nUBSAN_SANITIZE_kmemleak.o := n\n"),
]
# Left out when unpacking: a third of the source that this build never opens.
SOURCE_EXCLUDES = ["*.rst", "*.yaml", "*.dts", "*.dtsi", "*.svg",
                   "*/drivers/gpu/drm/amd/include/*", "*/tools/testing/*",
                   "*/arch/[a-w]*/*.[chS]"]


class Unavailable(Exception):
    """This kernel cannot be had here; the text says why and what helps."""


@dataclass
class Kernel:
    flavour: str
    dir: Path

    @property
    def release(self):
        return (self.dir / "release").read_text().strip()

    @property
    def kdir(self):
        """What modules are built against."""
        return (self.dir / "kdir").resolve()

    @property
    def image(self):
        """The uncompressed image if there is one (boots 0.6 s sooner)."""
        plain = self.dir / "vmlinux"
        return plain if plain.exists() else self.dir / "bzImage"

    @property
    def module_root(self):
        return self.dir / "modules"

    @property
    def is_debug(self):
        return self.flavour == "debug"


def get(name, refresh=False):
    """The kernel called `stock`, `debug`, `next`, or in a directory of that shape."""
    if name == "stock":
        return stock(refresh)
    if name == "debug":
        return debug()
    if name == "next":
        from . import next as next_kernel
        return next_kernel.fetch()
    path = Path(name)
    if (path / "release").exists():
        return Kernel("debug" if "debug" in path.name else "custom", path.resolve())
    raise Unavailable(f"no kernel '{name}': use stock, debug, next, or a directory "
                      "with bzImage, release, kdir and modules/")


# Debian packages ---------------------------------------------------------------

def _natural(text):
    return [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", text)]


def _candidate(package, options=()):
    """The version of `package` that apt, given `options`, would take, or None."""
    out = subprocess.run(["apt-cache", *options, "policy", package], capture_output=True,
                         text=True).stdout
    m = re.search(r"Candidate: (\S+)", out)
    return m.group(1) if m and m.group(1) != "(none)" else None


def _known_packages(prefix):
    return subprocess.run(["apt-cache", "pkgnames", prefix], capture_output=True,
                          text=True).stdout.split()


_updated = False


def _apt_update():
    global _updated
    if not _updated and os.geteuid() == 0:
        _updated = True
        say("refreshing the package lists (apt-get update)")
        subprocess.run(["apt-get", "-qq", "update"], stdout=subprocess.DEVNULL)


def _newest_stock_release():
    if not shutil.which("apt-get"):
        raise Unavailable("no apt-get: the guest kernels are Debian packages")
    pattern = re.compile(r"linux-headers-(" + re.escape(SERIES) + r"\.\d+\+deb12-amd64)$")
    for attempt in range(2):
        found = [m.group(1) for p in _known_packages(f"linux-headers-{SERIES}.")
                 if (m := pattern.match(p)) and _candidate(p)]
        if found:
            return max(found, key=_natural)
        _apt_update()
    raise Unavailable(f"apt knows no Debian 12 kernel of series {SERIES} "
                      "(linux-headers-6.12.N+deb12-amd64); its suite bookworm-security has them")


def _download(packages, into, options=()):
    say("downloading " + ", ".join(packages))
    for attempt in range(2):
        r = subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *options, "download",
                            *packages], cwd=into, capture_output=True, text=True)
        if r.returncode == 0:
            return sorted(into.glob("*.deb"))
        _apt_update()
    raise Unavailable("apt-get download failed: " + r.stderr.strip())


def _plain_image(bzimage, out):
    """Unpack the kernel in a bzImage (it then boots 0.6 s sooner); best effort."""
    data = bzimage.read_bytes()
    for magic, tool in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"\x1f\x8b\x08", "gzip")):
        at = data.find(magic, 0x4000)
        if at >= 0 and shutil.which(tool):
            # What follows the stream makes the tool fail after all is written.
            plain = subprocess.run([tool, "-dc"], input=data[at:], capture_output=True).stdout
            if plain.startswith(b"\x7fELF"):
                out.write_bytes(plain)
                return


def stock(refresh=False):
    """Debian's kernel. `refresh` asks apt for a newer one, else the last used."""
    pointer = cache.root() / "kernels" / "stock"
    current = pointer.resolve() if pointer.is_symlink() else None
    if current and current.exists() and not refresh:
        return Kernel("stock", current)
    with cache.lock("stock-kernel"):
        try:
            release = _newest_stock_release()
            final = pointer.parent / f"stock-{release}"
            if not final.exists():
                _unpack_stock(release, final)
        except Unavailable as e:
            if not (current and current.exists()):
                raise
            say(f"keeping {current.name}: {e}")
            final = current
        tmp = pointer.with_name(f".stock.{os.getpid()}")
        tmp.symlink_to(final.name)
        tmp.rename(pointer)
    return Kernel("stock", final)


def _unpack_stock(release, final):
    series = release.removesuffix("-amd64")
    with cache.fresh_dir(final) as tmp:
        for deb in _download([f"linux-image-{release}", f"linux-headers-{release}",
                              f"linux-headers-{series}-common", f"linux-kbuild-{series}"], tmp):
            say(f"unpacking {deb.name}")
            subprocess.run(["dpkg-deb", "-x", deb, tmp / "root"], check=True)
            deb.unlink()
        modules = tmp / "modules/lib/modules"
        modules.mkdir(parents=True)
        (tmp / "root/lib/modules" / release).rename(modules / release)
        shutil.copy(tmp / "root/boot" / f"vmlinuz-{release}", tmp / "bzImage")
        shutil.copy(tmp / "root/boot" / f"config-{release}", tmp / "config")
        headers = f"root/usr/src/linux-headers-{release}"
        makefile = tmp / headers / "Makefile"
        makefile.write_text(makefile.read_text().replace("/usr/src/", f"{final}/root/usr/src/"))
        (tmp / "kdir").symlink_to(headers)
        subprocess.run(["depmod", "-b", tmp / "modules", release], check=True)
        _plain_image(tmp / "bzImage", tmp / "vmlinux")
        shutil.rmtree(tmp / "root/boot", ignore_errors=True)
        (tmp / "release").write_text(release + "\n")


# The debug kernel ----------------------------------------------------------------

def debug():
    """Our kernel with every checker, built once per set of inputs."""
    package = f"linux-source-{SERIES}"
    pointer = cache.root() / "kernels" / "debug"
    inputs = [HERE / "debug.config", repr((FORCED_SYMBOLS, SOURCE_EDITS, 1)),
              subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout]
    recipe = cache.digest(*inputs)
    current = pointer.resolve() if pointer.is_symlink() else None
    if current and current.exists() and current.name.startswith(f"debug-{recipe}-"):
        return Kernel("debug", current)
    with cache.lock("debug-kernel"):
        version = _candidate(package)
        if not version:
            _apt_update()
            version = _candidate(package)
        if not version:
            raise Unavailable(f"apt knows no {package}")
        final = pointer.parent / f"debug-{recipe}-{cache.digest(version)}"
        if not final.exists():
            _build_debug(package, version, final)
        tmp = pointer.with_name(f".debug.{os.getpid()}")
        tmp.symlink_to(final.name)
        tmp.rename(pointer)
    for old in sorted(pointer.parent.glob("debug-*"), key=lambda p: p.stat().st_mtime)[:-2]:
        if old != final:
            shutil.rmtree(old, ignore_errors=True)
    return Kernel("debug", final)


def _build_debug(package, version, final):
    start = time.monotonic()
    say(f"building the debug kernel from {package} {version}: about ten minutes "
        "on two idle cores, once")
    with cache.fresh_dir(final) as tmp:
        [deb] = _download([package], tmp)
        src = tmp / "build"
        src.mkdir()
        say("unpacking the source")
        excludes = " ".join(f"--exclude='{e}'" for e in SOURCE_EXCLUDES)
        subprocess.run(f"set -o pipefail; dpkg-deb --fsys-tarfile '{deb}' | "
                       f"tar x --wildcards -O './usr/src/linux-source-*.tar.xz' | xz -dc | "
                       f"tar x -C '{src}' --strip-components=1 --wildcards {excludes}",
                       shell=True, executable="/bin/bash", check=True)
        deb.unlink()
        _edit(src)
        _configure(src)
        _make(src, start)
        _keep(src, tmp)
        (tmp / "version").write_text(f"{package} {version}\n")
        (tmp / "seconds").write_text(f"{time.monotonic() - start:.0f}\n")
    say(f"debug kernel built in {time.monotonic() - start:.0f} s")


def _edit(src):
    for symbol, kconfig in FORCED_SYMBOLS.items():
        path = src / kconfig
        text, n = re.subn(rf'(^config {symbol}\n\s+(?:bool|tristate))(?: "[^"\n]*")?$',
                          rf'\1 "{symbol}"', path.read_text(), flags=re.M)
        if n != 1:
            raise Unavailable(f"cannot give {symbol} a prompt in {kconfig}")
        path.write_text(text)
    for name, old, new in SOURCE_EDITS:
        path = src / name
        text, n = re.subn(old, new, path.read_text(), count=2)
        if n != 1:
            raise Unavailable(f"cannot edit {name}")
        path.write_text(text)


def _configure(src):
    fragment = HERE / "debug.config"
    subprocess.run(["make", "-s", f"KCONFIG_ALLCONFIG={fragment}", "allnoconfig"],
                   cwd=src, check=True, stdout=subprocess.DEVNULL)
    got = set((src / ".config").read_text().splitlines())
    lost = []
    for line in fragment.read_text().splitlines():
        if not line.startswith("CONFIG_"):
            continue
        name, _, value = line.partition("=")
        if value == "n":
            if name + "=y" in got or name + "=m" in got:
                lost.append(line)
        elif line not in got:
            lost.append(line)
    if lost:
        raise Unavailable("Kconfig refused: " + " ".join(lost))


def _make(src, start):
    log = src.parent / "make.log"
    jobs = str(os.cpu_count() or 2)
    done = threading.Event()

    def progress():
        while not done.wait(20):
            text = log.read_text(errors="replace") if log.exists() else ""
            say(f"debug kernel: {text.count(chr(10))} steps of about 1900, "
                f"{time.monotonic() - start:.0f} s")
    watcher = threading.Thread(target=progress, daemon=True)
    watcher.start()
    try:
        with open(log, "w") as f:
            r = subprocess.run(["nice", "make", "-j", jobs, "bzImage", "modules"], cwd=src,
                               stdout=f, stderr=subprocess.STDOUT)
    finally:
        done.set()
        watcher.join()
    if r.returncode:
        tail = log.read_text(errors="replace").splitlines()[-40:]
        raise Unavailable("the debug kernel does not build:\n" + "\n".join(tail))


def _keep(src, tmp):
    """Image, modules, and the part of the tree that building modules opens."""
    release = (src / "include/config/kernel.release").read_text().strip()
    shutil.copy(src / "arch/x86/boot/bzImage", tmp / "bzImage")
    shutil.copy(src / ".config", tmp / "config")
    subprocess.run(["objcopy", "--strip-debug", src / "vmlinux", tmp / "vmlinux"], check=True)
    subprocess.run(["make", "-s", f"INSTALL_MOD_PATH={tmp}/modules", "modules_install"],
                   cwd=src, check=True, stdout=subprocess.DEVNULL)
    for link in (tmp / "modules/lib/modules" / release).glob("*"):
        if link.is_symlink():
            link.unlink()
    kept = tmp / "kdir"
    kept.mkdir()
    for name in ["Makefile", "Kbuild", ".config", "Module.symvers", "scripts", "include",
                 "arch/x86/include", "arch/x86/Makefile", "arch/x86/Makefile_32.cpu",
                 "arch/x86/Makefile.um", "arch/x86/entry", "tools/objtool/objtool",
                 "tools/include", "kernel/.bounds.s.cmd"]:
        here, there = src / name, kept / name
        if not here.exists():
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there, symlinks=True,
                            ignore=shutil.ignore_patterns("*.o", "*.cmd"))
        else:
            shutil.copy2(here, there)
    shutil.rmtree(src)
    (tmp / "release").write_text(release + "\n")
