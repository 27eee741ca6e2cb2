# SPDX-License-Identifier: GPL-2.0-only
"""Debian's ggml as its packages ship it: to build against, to run natively, to run in a guest.

It is in the backports of the next release, whose C library is newer than this
machine's, so that programs that use it run in a chroot. What this tree adds is
built here, against ggml's headers and libraries in that chroot: it needs nothing
of the newer C library itself.
"""
import subprocess
import tarfile
from pathlib import Path

from weftvm import userland
from weftvm.next import SUITE

BACKPORTS = SUITE + "-backports"
LIB = "usr/lib/x86_64-linux-gnu"
OPENBLAS = LIB + "/openblas-pthread"
TESTS = "usr/libexec/x86_64-linux-gnu/ggml/test-backend-ops"
CPU = LIB + "/ggml/backends0/libggml-cpu-*.so"


def fetch(vulkan=True):
    """A tar of it. Without Vulkan and BLAS it is a quarter of the size, for guests."""
    packages = [f"libggml0/{BACKPORTS}", f"libggml-dev/{BACKPORTS}", "libdrm2"]
    programs = [TESTS, CPU, LIB + "/libdrm.so.2"]
    files = ["usr/include/ggml*.h", "usr/include/gguf.h"]
    if vulkan:
        packages += [f"libggml0-backend-vulkan/{BACKPORTS}", f"libggml0-backend-blas/{BACKPORTS}",
                     "mesa-vulkan-drivers", "libopenblas0-pthread"]
        programs += [LIB + "/ggml/backends0/libggml-vulkan.so", LIB + "/libvulkan_lvp.so",
                     LIB + "/ggml/backends0/libggml-blas.so", OPENBLAS + "/libblas.so.3"]
        files += ["usr/share/vulkan/icd.d/lvp_icd.json"]
    return userland.fetch(packages, programs, files, [OPENBLAS] if vulkan else [])


def unpack(tar, parent):
    """The folder that it was unpacked in; it is kept, and made anew if there is another tar."""
    root = Path(parent) / tar.stem
    if not (root / "complete").exists():
        subprocess.run(["rm", "-rf", *Path(parent).glob(SUITE + "-*")], check=True)
        root.mkdir(parents=True)
        with tarfile.open(tar) as archive:
            archive.extractall(root)
        (root / "complete").touch()
    return root
