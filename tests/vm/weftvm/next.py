# SPDX-License-Identifier: GPL-2.0-only
"""Debian's next kernel: the 7.x of the next release's backports.

Its headers want a newer compiler and C library than Debian 12 has, so modules
are built in a chroot of the next release (tools/kmod sees that for itself), made
by mmdebstrap in the cache from the mirror that this machine's apt already uses.
Nothing of it touches the machine. Rejected: a compiler wrapper around foreign
host tools (breaks with each release), making this part of `make check` (480 MB
for one kernel).
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import cache
from .cache import say
from .kernels import Kernel, Unavailable, _natural, _plain_image

SUITE = "trixie"
INCLUDE = ["gcc-14", "gcc", "make", "libc6-dev", "kmod", "xz-utils", "rsync", "linux-headers-amd64"]
PIN = "Package: linux-*\nPin: release n={suite}-backports\nPin-Priority: 600\n"

def mirror():
    """The main Debian mirror of this machine's apt configuration."""
    out = subprocess.run(["apt-get", "indextargets", "--format",
                          "$(REPO_URI) $(ORIGIN) $(SUITE) $(COMPONENT) $(CODENAME)",
                          "Created-By: Packages"], capture_output=True, text=True).stdout
    for line in out.splitlines():
        f = line.split()
        if len(f) >= 4 and f[1] == "Debian" and f[3] == "main" and "security" not in line \
                and "updates" not in line and "backports" not in line:
            return f[0]
    raise Unavailable("no Debian mirror in this machine's apt configuration (or apt-get update "
                      "never ran)")


def fetch():
    """The chroot, the kernel in it unpacked; made once."""
    base = cache.root() / "kernels"
    pointer = base / "next"
    if pointer.exists():
        return Kernel("next", pointer.resolve())
    if os.geteuid() != 0:
        raise Unavailable("the next kernel needs root (a chroot)")
    if not shutil.which("mmdebstrap"):
        raise Unavailable("no mmdebstrap: run tools/setup next")
    source = mirror()
    with cache.lock("next-kernel"):
        if pointer.exists():
            return Kernel("next", pointer.resolve())
        if not (base / "next-chroot").exists():
            with cache.fresh_dir(base / "next-chroot") as tmp:
                _bootstrap(source, tmp)
        with cache.fresh_dir(base / "next-kernel") as tmp:
            _unpack(base / "next-chroot/root", tmp)
        pointer.symlink_to("next-kernel")
    return Kernel("next", pointer.resolve())


def _bootstrap(source, tmp):
    say(f"making a {SUITE} chroot with compiler and headers (480 MB, a minute or two)")
    pin = tmp / "pin"
    pin.write_text(PIN.format(suite=SUITE))
    argv = ["nice", "mmdebstrap", "--variant=essential", "--include=" + ",".join(INCLUDE),
            '--aptopt=Apt::Install-Recommends "false"',
            *[f"--dpkgopt=path-exclude=/usr/share/{d}/*" for d in ("doc", "locale", "man")],
            '--setup-hook=mkdir -p "$1"/etc/apt/preferences.d',
            f'--setup-hook=cp {pin} "$1"/etc/apt/preferences.d/pin',
            "--skip=cleanup/apt/lists", "--quiet", SUITE, str(tmp / "root"),
            f"deb {source} {SUITE} main", f"deb {source} {SUITE}-backports main"]
    r = subprocess.run(argv, capture_output=True, text=True)
    if r.returncode:
        (cache.root() / "next.log").write_text(r.stderr)
        said = [x for x in r.stderr.splitlines() if re.match(r"[EW]: ", x)]
        raise Unavailable(f"no {SUITE} chroot from this machine's mirror: " + " / ".join(said[-4:])
                          + f" (all of it: {cache.root() / 'next.log'})")


def apt_options(chroot=None):
    """For this machine's apt, to read the lists of the chroot."""
    chroot = chroot or cache.root() / "kernels/next-chroot/root"
    return ["-o", f"Dir={chroot}", "-o", f"Dir::State::status={chroot}/var/lib/dpkg/status",
            "-o", "Dir::Etc::trustedparts=/etc/apt/trusted.gpg.d/", "-o", "APT::Sandbox::User=root"]


def _unpack(chroot, tmp):
    """The kernel itself is unpacked, not installed: its packages' scripts would
    build a boot image. This machine's apt fetches it with the chroot's lists."""
    found = [p.name.removeprefix("linux-headers-") for p in (chroot / "usr/src").glob("linux-headers-*-amd64")]
    if not found:
        raise Unavailable(f"{SUITE}-backports has no kernel headers")
    release = max(found, key=_natural)
    options = ["-qq", *apt_options(chroot)]
    names = subprocess.run(["apt-cache", *options, "pkgnames", "linux-"],
                           capture_output=True, text=True).stdout.split()
    wanted = [n for n in names if re.fullmatch(r"linux-(image|binary|modules|base)-" + re.escape(release), n)]
    if not wanted:
        raise Unavailable(f"the lists of {SUITE} have no image of {release}")
    say("downloading " + ", ".join(sorted(wanted)))
    (tmp / "debs").mkdir()
    r = subprocess.run(["apt-get", *options, "download", *wanted], cwd=tmp / "debs",
                       capture_output=True, text=True)
    if r.returncode:
        raise Unavailable("downloading the kernel: " + r.stderr.strip())
    for deb in (tmp / "debs").glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, tmp / "image"], check=True)
    shutil.rmtree(tmp / "debs")
    image = [p for p in (tmp / "image").rglob("vmlinuz*") if p.is_file()]
    modules = [p.parent for p in (tmp / "image").rglob("kernel") if p.parent.name == release]
    if not image or not modules:
        raise Unavailable(f"the packages of kernel {release} hold no image or no modules")
    shutil.copy(image[0], tmp / "bzImage")
    (tmp / "modules/lib/modules").mkdir(parents=True)
    shutil.move(modules[0], tmp / "modules/lib/modules" / release)
    subprocess.run(["depmod", "-b", tmp / "modules", release], check=True)
    _plain_image(tmp / "bzImage", tmp / "vmlinux")
    (tmp / "kdir").symlink_to(f"../next-chroot/root/usr/src/linux-headers-{release}")
    (tmp / "release").write_text(release + "\n")
    shutil.rmtree(tmp / "image")
