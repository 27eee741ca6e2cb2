# SPDX-License-Identifier: GPL-2.0-only
"""A whole Debian 12 with systemd, as a disk that QEMU boots.

Made once by mmdebstrap from the mirror of this machine's apt, with what the
packages under test depend on, and kept in the cache: the files (`root`, to
run programs of that system natively in a chroot) and the same as a disk
(`disk`), with Debian's own kernel and initrd. A guest gets a throw-away copy
of the disk and, read-only, a folder of this machine; if that has a file `run`
it is run after boot with its output on the second serial port. If it cannot be,
the guest turns itself off. Rejected:
installing with debian-installer (an hour under emulation), a cloud image
(made for kernels without DRM).
"""
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import cache, machine
from .cache import say
from .kernels import SERIES, Unavailable, _download, _known_packages, _natural
from .next import mirror

SUITE = "bookworm"
PACKAGES = ["systemd", "systemd-sysv", "udev", "dbus", "kmod", "procps", "initramfs-tools",
            f"linux-image-{SERIES}-amd64", f"linux-headers-{SERIES}-amd64",
            "dkms", "gcc", "make", "libc6-dev", "pahole", "libdrm2", "libjson-c5", "libglpk40"]
DISK_MB = 2500
# Drivers of what this machine does not have: DKMS runs depmod, which reads every module, and
# under emulation reading all 4,200 takes it more than a minute, four times in one test.
LEFT_OUT = ["sound", *("drivers/" + d for d in (
    "ata", "bluetooth", "comedi", "hid", "hwmon", "iio", "infiniband", "input", "media", "mtd", "net",
    "platform", "scsi", "staging", "usb", "watchdog")), "net/[!9]"]
# modprobe comes back when its device is bound; mount alone may find the transport without it.
RUNNER = """[Unit]
Description=What the test brought along
After=multi-user.target weft.service
FailureAction=poweroff-force
[Service]
Type=idle
ExecStartPre=/sbin/modprobe 9pnet_virtio
ExecStartPre=/bin/mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144 test /mnt
ExecStart=/bin/sh -c 'exec /bin/sh /mnt/run > /dev/ttyS1 2>&1'
[Install]
WantedBy=multi-user.target
"""
# Before the packages: the initrd holds what this machine needs.
HOOKS = ['mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/etc/systemd/system"',
         'echo MODULES=list > "$1/etc/initramfs-tools/conf.d/guest"',
         r'printf "virtio_pci\nvirtio_blk\next4\n" > "$1/etc/initramfs-tools/modules"']
# alice may use compute devices, bob may not.
SETUP = r"""set -e
echo weft > "$1/etc/hostname"
echo 0123456789abcdef0123456789abcdef > "$1/etc/machine-id"
printf '/dev/vda / ext4 errors=remount-ro 0 1\n' > "$1/etc/fstab"
chroot "$1" useradd -m -G render alice
chroot "$1" useradd -m bob
chroot "$1" systemctl -q enable brought.service
chroot "$1" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
	e2scrub_all.timer fstrim.timer systemd-firstboot.service
"""


@dataclass
class Image:
    dir: Path

    @property
    def root(self):
        return self.dir / "root"

    @property
    def disk(self):
        return self.dir / "disk"

    @property
    def release(self):
        return (self.dir / "release").read_text().strip()


def image():
    """The image for these inputs, from the cache or made now."""
    if os.geteuid() != 0:
        raise Unavailable("a Debian system needs root to be made and entered")
    for tool in ("mmdebstrap", "mke2fs"):
        if not shutil.which(tool):
            raise Unavailable(f"no {tool}: run tools/setup package")
    key = cache.digest(repr((SUITE, PACKAGES, DISK_MB, HOOKS, LEFT_OUT)), RUNNER, SETUP)
    final = cache.root() / "images" / f"{SUITE}-{key}"
    if not final.exists():
        with cache.lock("image-" + key):
            if not final.exists():
                cache.prune(final.parent, 1)
                with cache.fresh_dir(final) as tmp:
                    _make(tmp)
    os.utime(final)
    return Image(final)


def _make(tmp):
    source, start = mirror(), time.monotonic()
    say(f"making a {SUITE} system with kernel {SERIES} and dkms (600 MB, some minutes, once)")
    (tmp / "brought.service").write_text(RUNNER)
    (tmp / "setup").write_text(SETUP)
    security = re.sub(r"/debian/?$", "/debian-security", source)
    hooks = [*HOOKS, f'cp {tmp}/brought.service "$1/etc/systemd/system/"']
    argv = ["nice", "mmdebstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES),
            '--aptopt=Apt::Install-Recommends "false"',
            *[f"--dpkgopt=path-exclude=/usr/share/{d}/*" for d in ("doc", "locale", "man")],
            *[f"--dpkgopt=path-exclude=*/modules/*/kernel/{d}*" for d in LEFT_OUT],
            *["--setup-hook=" + h for h in hooks], f'--customize-hook=sh {tmp}/setup "$1"',
            "--quiet", SUITE, str(tmp / "root"), f"deb {source} {SUITE} main",
            f"deb {source} {SUITE}-updates main", f"deb {security} {SUITE}-security main"]
    r = subprocess.run(argv, capture_output=True, text=True)
    if r.returncode:
        (cache.root() / "image.log").write_text(r.stderr)
        said = [x for x in r.stderr.splitlines() if re.match(r"[EW]: ", x)]
        raise Unavailable(f"no {SUITE} system from this machine's mirror: " + " / ".join(said[-4:])
                          + f" (all of it: {cache.root() / 'image.log'})")
    [kernel] = (tmp / "root/boot").glob("vmlinuz-*")
    release = kernel.name.removeprefix("vmlinuz-")
    shutil.copy(kernel, tmp / "bzImage")
    shutil.copy(tmp / "root/boot" / f"initrd.img-{release}", tmp / "initrd")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tmp / "root", tmp / "disk", f"{DISK_MB}M"],
                   check=True, stdout=subprocess.DEVNULL)
    (tmp / "release").write_text(release + "\n")
    say(f"system ready after {time.monotonic() - start:.0f} s")


def foreign(img, flavour):
    """(release, file with its configuration) of a Debian kernel that cannot have
    weft: `cloud`, of the image's release, or `old`, the one Debian 12 came with."""
    folder = img.dir / "foreign" / flavour
    if not folder.exists():
        if flavour == "cloud":
            release = img.release.replace("-amd64", "-cloud-amd64")
        else:
            found = [p for p in _known_packages("linux-headers-6.1.0-")
                     if re.fullmatch(r"linux-headers-6\.1\.0-\d+-amd64", p)]
            if not found:
                raise Unavailable("apt knows no linux-headers-6.1.0-N-amd64")
            release = max(found, key=_natural).removeprefix("linux-headers-")
        with cache.fresh_dir(folder) as tmp:
            [deb] = _download([f"linux-headers-{release}"], tmp)
            with open(tmp / "config", "wb") as f:
                subprocess.run(f"dpkg-deb --fsys-tarfile '{deb}' | "
                               f"tar x -O ./usr/src/linux-headers-{release}/.config",
                               shell=True, check=True, stdout=f)
            deb.unlink()
            (tmp / "release").write_text(release + "\n")
    return (folder / "release").read_text().strip(), folder / "config"


def chroot(img, upper, script, share=None):
    """Run a shell script natively in a copy-on-write view of the image; what it
    changes stays in the folder `upper`. Mounts are this process's own."""
    upper = Path(upper)
    for d in ("up", "work", "at"):
        (upper / d).mkdir(parents=True, exist_ok=True)
    at = upper / "at"
    mounts = [f"mount -t overlay overlay -o lowerdir={img.root},upperdir={upper}/up,"
              f"workdir={upper}/work {at}",
              f"mount -t proc proc {at}/proc", f"mount --bind /dev {at}/dev"]
    if share:
        mounts.append(f"mount --bind {share} {at}/mnt")
    command = " && ".join(mounts) + f" && exec chroot {at} /bin/sh -c \"$0\""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C",
           "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", command, script],
                          env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


class Server:
    """One such system with its own disk, started as often as it restarts."""

    def __init__(self, img, share, smp=2, mem=2048):
        self.image, self.share, self.smp, self.mem = img, share, smp, mem
        self.folder = tempfile.TemporaryDirectory(prefix="weft-server-")
        self.disk = Path(self.folder.name) / "disk"
        # Sparse, and of one file system with the cache often no copy at all.
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", img.disk, self.disk], check=True)

    def boot(self, timeout, stream=None):
        """Boot, until the guest turns itself off or restarts. Its output, the
        console, and whether it ended by itself."""
        out, console = (Path(self.folder.name) / n for n in ("out", "console"))
        for f in (out, console):
            f.write_bytes(b"")
        args = [machine.qemu(), "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
                "-cpu", machine.CPU, "-machine", "q35", "-accel", "tcg,thread=multi",
                "-smp", str(self.smp), "-m", f"{self.mem}M", "-monitor", "none",
                "-kernel", str(self.image.dir / "bzImage"), "-initrd", str(self.image.dir / "initrd"),
                "-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off "
                           "tsc=reliable no_timer_check systemd.show_status=false",
                "-drive", f"file={self.disk},format=raw,if=virtio,cache=unsafe",
                "-fsdev", f"local,id=test,path={self.share},security_model=none,readonly=on,"
                          "multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=test,mount_tag=test",
                "-chardev", f"file,id=console,path={console}", "-serial", "chardev:console",
                "-chardev", f"file,id=out,path={out}", "-serial", "chardev:out"]
        vm = subprocess.Popen(machine.WITH_US + args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        deadline, ended = time.monotonic() + timeout, True
        try:
            with open(out, "rb") as f:
                while True:
                    gone = vm.poll() is not None
                    data = f.read()
                    if stream and data:
                        stream(data.decode(errors="replace"))
                    if gone:
                        break
                    if time.monotonic() > deadline:
                        ended = False
                        vm.kill()
                    time.sleep(0.1)
        finally:
            vm.kill()
            vm.wait()
        error = vm.stderr.read().decode(errors="replace")
        vm.stderr.close()
        texts = [f.read_bytes().decode(errors="replace").replace("\r\n", "\n") for f in (out, console)]
        if error and not texts[1]:
            raise machine.Broken("QEMU: " + error.strip())
        return (*texts, ended)

    def close(self):
        self.folder.cleanup()
