# SPDX-License-Identifier: GPL-2.0-only
"""Parts of the source of Debian's kernels that tests are made from.

The kernel's own tests of what weft shares with other drivers, and sw_sync, which
Debian's configuration leaves out, from the linux-source package of the kernel's
series. Nothing of it is part of this tree. A stable series may have moved on since
the stock kernel was fetched: then this is of a later version of the same series.
Rejected: keeping copies (they would be of one kernel, and somebody else's).
"""
import re
import shutil
import subprocess
from pathlib import Path

from . import cache, next as next_kernel
from .kernels import SERIES, Unavailable, _apt_update, _candidate, _download

TESTS = ["kselftest.h", "sync", "dmabuf-heaps"]
SW_SYNC = ["sw_sync.c", "sync_debug.h", "sync_trace.h"]
PARTS = [f"tools/testing/selftests/{name}" for name in TESTS] + \
    [f"drivers/dma-buf/{name}" for name in SW_SYNC]


def parts(kernel):
    """The directory with PARTS of the source of `kernel`."""
    if kernel.flavour == "next":
        series = re.match(r"\d+\.\d+", kernel.release).group()
        package, options = f"linux-source-{series}", next_kernel.apt_options()
    else:
        package, options = f"linux-source-{SERIES}", []
    with cache.lock(package):
        version = _candidate(package, options)
        if not version and not options:
            _apt_update()
            version = _candidate(package)
        if not version:
            raise Unavailable(f"apt knows no {package}")
        final = cache.root() / "kernels" / f"source-{cache.digest(package, version, repr(PARTS))}"
        if not final.exists():
            with cache.fresh_dir(final) as tmp:
                _unpack(_download([package], tmp, options)[0], tmp)
    return final


def _unpack(deb, tmp):
    wanted = " ".join(f"'*/{name}'" for name in PARTS)
    # tar reads to the end: what is wanted comes late in the archive
    subprocess.run(f"set -o pipefail; dpkg-deb --fsys-tarfile '{deb}' | "
                   f"tar x --wildcards -O './usr/src/linux-source-*.tar.xz' | nice xz -dc | "
                   f"tar x -C '{tmp}' --strip-components=1 --wildcards {wanted}",
                   shell=True, executable="/bin/bash", check=True)
    deb.unlink()


def has_sw_sync(kernel):
    return "CONFIG_SW_SYNC=y" in (kernel.kdir / ".config").read_text().splitlines()


def give_sw_sync(kernel, build):
    """What tests/kernel/sw_sync is made from, where tools/kmod looks for it."""
    there = Path(build) / "linux" / kernel.release / "drivers/dma-buf"
    if has_sw_sync(kernel) or all((there / name).exists() for name in SW_SYNC):
        return
    here = parts(kernel) / "drivers/dma-buf"
    there.mkdir(parents=True, exist_ok=True)
    for name in SW_SYNC:
        shutil.copy2(here / name, there / name)
