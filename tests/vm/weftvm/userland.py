# SPDX-License-Identifier: GPL-2.0-only
"""Programs of the next Debian release, as its packages ship them, for a guest.

Some tools that operators use are newer than this machine's release. Their
packages are unpacked, not installed, into a scratch folder by mmdebstrap, from
the mirror that this machine's apt already uses; what a program needs of it
(itself, its libraries, the files it reads) becomes one tar in the cache, to be
unpacked in a guest and entered with chroot. Rejected: a whole system as the
guest's root (six times the size, and unpacked by an emulated processor for
every run), copying the programs without their own C library.
"""
import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from . import cache
from .cache import say
from .kernels import Unavailable
from .next import SUITE, mirror

LOADER = "usr/lib64/ld-linux-x86-64.so.2"
# Merged directories, and places to mount what a program looks at.
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
MOUNTS = ("proc", "sys", "dev", "tmp", "run")
SKIP = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/lib/python3.13", "usr/share/fonts")


def fetch(packages, programs, files=(), libraries=()):
    """A tar with `programs` of `packages`, their libraries, and `files`: paths without a
    leading slash, with wildcards. A package that is called NAME/SUITE is from there; `libraries`
    are folders with more of them. From the cache if it was made before."""
    key = cache.digest(SUITE, repr((sorted(packages), sorted(programs), sorted(files), sorted(libraries))),
                       Path(__file__))
    final = cache.root() / "userland" / f"{SUITE}-{key}.tar"
    if final.exists():
        return final
    source = mirror()
    with cache.lock("userland-" + key):
        if final.exists():
            return final
        cache.prune(final.parent, 4)
        final.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpack-", dir=final.parent) as tmp:
            say(f"unpacking {', '.join(packages)} of {SUITE} (once; half a minute)")
            root = Path(tmp) / "root"
            _unpack(source, packages, root)
            with tarfile.open(Path(tmp) / "tar", "w", format=tarfile.GNU_FORMAT) as tar:
                _pack(tar, root, programs, files, libraries)
            (Path(tmp) / "tar").rename(final)
    return final


def _unpack(source, packages, root):
    suites = [SUITE, *sorted({p.split("/")[1] for p in packages if "/" in p})]
    argv = ["nice", "mmdebstrap", "--variant=extract", "--include=" + ",".join(packages),
            '--aptopt=Apt::Install-Recommends "false"',
            *[f"--dpkgopt=path-exclude=/{d}/*" for d in SKIP],
            "--quiet", SUITE, str(root), *[f"deb {source} {suite} main" for suite in suites]]
    try:
        r = subprocess.run(argv, capture_output=True, text=True)
    except FileNotFoundError:
        raise Unavailable("no mmdebstrap: run tools/setup check") from None
    if r.returncode:
        said = [x for x in r.stderr.splitlines() if re.match(r"[EW]: ", x)]
        raise Unavailable(f"cannot get {', '.join(packages)} of {SUITE} from this machine's mirror: "
                          + " / ".join(said[-4:] or r.stderr.splitlines()[-2:]))


def _libraries(root, program, libraries):
    """What the release's own loader would load for it, as paths below `root`."""
    library_path = ":".join(str(root / d) for d in ("usr/lib/x86_64-linux-gnu", *libraries))
    r = subprocess.run([root / LOADER, "--library-path", library_path, "--list", root / program],
                       capture_output=True, text=True)
    missing = re.findall(r"^\s*(\S+) => not found", r.stdout, re.M)
    if r.returncode or missing:
        raise Unavailable(f"{program}: its packages lack " + (", ".join(missing) or r.stderr.strip()))
    return [p for p in re.findall(r"=> (/\S+)", r.stdout) if p.startswith(str(root))]


def _expand(root, names):
    """Those of them with wildcards, as the files that there are."""
    return {str(p.relative_to(root)) for n in names if "*" in n for p in root.glob(n)} | \
        {n for n in names if "*" not in n}


def _pack(tar, root, programs, files, libraries):
    for name in MOUNTS:
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
    for name, target in LINKS.items():
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        tar.addfile(info)
    wanted = {LOADER} | _expand(root, files)
    for program in _expand(root, programs):
        wanted |= {program, *(os.path.relpath(p, root) for p in _libraries(root, program, libraries))}
    for name in sorted(wanted):
        path = root / name
        if not path.exists():
            raise Unavailable(f"no {name} in these packages of {SUITE}")
        # a link becomes the file it leads to
        data = path.resolve()
        info = tar.gettarinfo(data, arcname=name)
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        with open(data, "rb") as f:
            tar.addfile(info, f)
