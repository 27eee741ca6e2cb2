# SPDX-License-Identifier: GPL-2.0-only
"""Finds what the kernel complained about in a console log.

A run with a report fails whatever its program said. The list is of line
shapes, not of words, so that a test may print "warning" without harm.
Rejected: panic_on_warn (it cuts the report short and hides the second one).
"""
import re

# (what it is called, pattern); the first match names the line.
REPORTS = [(name, re.compile(pattern)) for name, pattern in [
    ("panic", r"Kernel panic - not syncing"),
    ("oops", r"Oops: |general protection fault|unable to handle (page fault|kernel)"),
    ("KASAN", r"BUG: KASAN:"),
    ("KFENCE", r"BUG: KFENCE:"),
    ("UBSAN", r"UBSAN: "),
    ("kmemleak", r"unreferenced object 0x"),
    ("debug objects", r"ODEBUG: "),
    ("sleep in atomic", r"BUG: sleeping function called|BUG: scheduling while atomic|"
                        r"scheduling while atomic"),
    ("lockdep", r"WARNING: (possible|inconsistent|suspicious|bad|held lock|lock held|"
                r"Nested|HARDIRQ|SOFTIRQ|nested)|\[ BUG: |DEBUG_LOCKS_WARN_ON|"
                r"BUG: MAX_LOCKDEP|BUG: MAX_LOCK_DEPTH|INFO: trying to register non-static key|"
                r"BUG: workqueue leaked|INFO: lockdep is turned off"),
    ("refcount", r"refcount_t: "),
    ("RCU", r"rcu: INFO: |rcu_\w+ detected|suspicious RCU usage|RCU used illegally"),
    ("hung task", r"INFO: task .* blocked for more than"),
    ("lockup", r"watchdog: BUG: |soft lockup|hard LOCKUP|BUG: workqueue lockup"),
    ("DMA", r"DMA-API: "),
    ("list corruption", r"list_(add|del) corruption"),
    ("page state", r"BUG: Bad (page|rss)|BUG: non-zero pgtables"),
    ("slab", r"BUG \S+ \(.*\): |Objects remaining (in|on)"),
    ("use of memory", r"usercopy: Kernel memory|__vm_enough_memory"),
    ("BUG", r"kernel BUG at|BUG: "),
    ("warning", r"WARNING: "),
    ("trace", r"cut here \]"),
    ("out of memory", r"Out of memory: Killed|invoked oom-killer"),
    ("harness", r"weft-guest: (module .* does not unload|tainted by|broken payload)"),
]]

TAINTS = {5: "bad page (B)", 7: "oops (D)", 9: "warning (W)", 14: "lockup (L)"}

# Boot messages of stock kernels under emulation that are nobody's fault.
HARMLESS = re.compile(r"DMA-API: (preallocated|debugging)|rcu: (Preemptible|Hierarchical)|"
                      r"debug objects: |workqueue: .* hogged CPU")

# What lockdep says of the PCI core alone: the driver of hot-plug ports takes the lock of all
# removals under its reset_lock; the other way round lockdep has it from the probe of a port at
# boot, which like each probe on a node runs in a work item that looks to it like those of a
# rescan. (It says nothing more after that, whoever is to blame.)
KNOWN = re.compile(r"irq/\d+-pciehp/\d+ is trying to acquire lock:\n\S* ?\(pci_rescan_remove_lock\)"
                   r".*holding lock:\n\S* ?\(&ctrl->reset_lock\).*Chain exists of:\n  pci_rescan_remove_lock --> "
                   r"\(work_completion\)\(&wfc\.work\) --> &ctrl->reset_lock\n", re.S)

TIMESTAMP = re.compile(r"^\s*(<\d+>)?\s*\[\s*\d+\.\d+\](\[[^\]]*\])?\s?")


def find(log, expected=()):
    """[(kind, line)] of every report in the log text, `expected` ones left out."""
    allowed = [re.compile(e) for e in expected]
    found, previous = [], None
    lines = log.splitlines()
    for i, line in enumerate(lines):
        text = TIMESTAMP.sub("", line)
        if HARMLESS.search(text) or any(e.search(text) for e in allowed):
            continue
        if "circular locking" in text and _known(lines[i:]):
            continue
        for kind, pattern in REPORTS:
            if pattern.search(text):
                if kind == "trace":
                    previous = line
                else:
                    found.append((kind, line.strip()))
                    previous = None
                break
    if previous and not found and not allowed:
        found.append(("trace", previous.strip()))
    return found


def _known(lines):
    """Is the report of lockdep that begins here one that is not weft's?"""
    report = []
    for line in lines:
        report.append(TIMESTAMP.sub("", line))
        if "unsafe locking scenario" in line:
            break
    return KNOWN.search("\n".join(report))


def taint_names(value):
    return [name for bit, name in TAINTS.items() if value >> bit & 1]
