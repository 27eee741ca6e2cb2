# SPDX-License-Identifier: GPL-2.0-only
"""What the firmware says about the interrupts behind hot-plug ports.

A root port below one of QEMU's extra host bridges (pxb-pcie) is not in its
ACPI tables, so that enabling a device behind it makes Linux run the bridge's
own _PRT: a loop over 128 entries whose cost grows with their square. On the
debug kernel that takes 30 s, each time, and then the interpreter gives up.
Real firmware names its ports. This adds a table that does, with the same
links. Rejected: acpi=noirq (takes the IOAPIC and the second processor
away), a patched DSDT (QEMU makes another for each machine).
"""
import os

from . import cache

# QEMU's order of the links of a slot's pins.
LINKS = ("LNKD", "LNKA", "LNKB", "LNKC")


def _sized(head, body):
    """An AML object with its length in front; two bytes of length are enough here."""
    size = len(body) + 2
    assert size < 1 << 12
    return head + bytes([0x40 | size & 0xf, size >> 4]) + body


def _name(name, value):
    return b"\x08" + name + value


def _number(n):
    return b"\x0c" + n.to_bytes(4, "little")


def _list(items):
    return _sized(b"\x12", bytes([len(items)]) + b"".join(items))


def _path(name):
    return b"\\\x2e_SB_" + name.encode()


def _port(slot):
    """A root port: where it is, and where each pin of what is plugged into it leads."""
    routes = [_list([_number(0xffff), _number(pin), _path(LINKS[(slot + pin) % 4]), _number(0)])
              for pin in range(4)]
    return _sized(b"\x5b\x82", b"RP%02X" % slot + _name(b"_ADR", _number(slot << 16)) +
                  _name(b"_PRT", _list(routes)))


def ports(bridges):
    """QEMU's arguments for a table of so many ports of host bridges: {bus number: ports}."""
    aml = b"".join(_sized(b"\x10", _path(f"PC{bus:02X}") + b"".join(map(_port, range(count))))
                   for bus, count in bridges.items() if count)
    path = cache.root() / "acpi" / f"{cache.digest(aml)}.aml"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        tmp = path.with_suffix(f".{os.getpid()}.tmp")
        tmp.write_bytes(aml)
        tmp.rename(path)
    return ["-acpitable", f"sig=SSDT,rev=2,data={path}"]
