# SPDX-License-Identifier: GPL-2.0-only
"""The user's cache: where it is, locks, and directories that appear whole.

Kernels, initramfs images and snapshots are costly and depend on nothing in
this checkout but the inputs their names are hashed from, so that every clone
of one user shares them. Rejected: a cache under build/ (a fresh clone would
compile the debug kernel again).
"""
import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path


def root():
    """The cache directory; XDG_CACHE_HOME moves it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "weft"
    path.mkdir(parents=True, exist_ok=True)
    return path


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def digest(*parts):
    """A short name for a set of inputs (bytes, str or a Path to read)."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        elif isinstance(part, str):
            part = part.encode()
        h.update(len(part).to_bytes(8, "little") + part)
    return h.hexdigest()[:12]


@contextlib.contextmanager
def lock(name):
    """One builder at a time; the others wait and say for what."""
    path = root() / "locks" / (name + ".lock")
    path.parent.mkdir(exist_ok=True)
    with open(path, "w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that is preparing {name}")
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def fresh_dir(final):
    """A directory beside `final` that is renamed to it if the block succeeds."""
    tmp = final.parent / f".{final.name}.{os.getpid()}.tmp"
    final.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir()
    try:
        yield tmp
        if final.exists():
            shutil.rmtree(final)
        tmp.rename(final)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


def prune(directory, keep):
    """Drop the least recently used entries of a cache folder beyond `keep`;
    what was used in the last hour is in use and stays."""
    try:
        entries = [(e.stat().st_mtime, e) for e in directory.iterdir()
                   if not e.name.startswith(".")]
    except FileNotFoundError:
        return
    for mtime, e in sorted(entries, reverse=True)[keep:]:
        if time.time() - mtime > 3600:
            shutil.rmtree(e, ignore_errors=True) if e.is_dir() else e.unlink(missing_ok=True)
