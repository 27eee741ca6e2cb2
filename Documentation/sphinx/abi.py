# SPDX-License-Identifier: GPL-2.0-only
"""The files of Documentation/ABI: read them, show them (`.. abi::`).

The format is the kernel's: entries of `Tag: value` lines, continued by indentation, each beginning
with one or more `What:`. Used by the manual and by Documentation/check-abi. Rejected: the kernel's
get_abi.pl (Perl modules beyond the base system, and it checks a running kernel, not a source).
"""
import re
from pathlib import Path

TAGS = ("What", "Date", "KernelVersion", "Contact", "Description", "Users")
TAG = re.compile(r"^(\w+):[ \t]*(.*)$")


class Bad(Exception):
    """A file that is not as the format wants it."""


class Entry:
    def __init__(self, where):
        self.where = where
        self.what = []
        self.tags = {}

    def add(self, tag, text):
        if tag == "What":
            self.what.append(text)
        elif tag in self.tags:
            raise Bad(f"{self.where}: {tag} twice")
        else:
            self.tags[tag] = [text]

    def text(self, tag):
        """The value of a tag, outdented."""
        first, *rest = self.tags[tag]
        rest = [line.expandtabs(8) for line in rest]
        indent = min((len(x) - len(x.lstrip()) for x in rest if x.strip()), default=0)
        return "\n".join([first.strip()] + [line[indent:].rstrip() for line in rest]).strip()

    def check(self):
        for tag in TAGS[1:-1]:
            if not self.tags.get(tag) or not self.text(tag):
                raise Bad(f"{self.where}: {self.what[0]}: no {tag}")


def parse(path):
    """The entries of one file."""
    entries, entry, tag = [], None, None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path}:{number}"
        if line.startswith("#") and not entry:
            continue
        m = TAG.match(line)
        if m:
            if m.group(1) not in TAGS:
                raise Bad(f"{where}: unknown tag {m.group(1)} (known: {', '.join(TAGS)})")
            if m.group(1) == "What" and tag != "What":
                entry = Entry(where)
                entries.append(entry)
            if not entry:
                raise Bad(f"{where}: {m.group(1)} before the first What")
            tag = m.group(1)
            entry.add(tag, m.group(2))
        elif line.strip() and not line[0].isspace():
            raise Bad(f"{where}: neither a tag nor indented")
        elif entry and tag != "What":
            entry.tags[tag].append(line)
    for entry in entries:
        entry.check()
    return entries


def files(root):
    return sorted(p for p in (root / "Documentation/ABI").rglob("*") if p.is_file())


def rst(entry):
    lines = []
    for what in entry.what:
        lines += [f"``{what}``", ""]
    for line in entry.text("Description").splitlines():
        lines.append("    " + line if line else "")
    since = f"Since {entry.text('KernelVersion')} ({entry.text('Date')})."
    if "Users" in entry.tags:
        since += " Used by " + " ".join(entry.text("Users").split()) + "."
    return lines + ["", "    " + since, ""]


def setup(app):
    from docutils import nodes
    from docutils.parsers.rst import Directive
    from docutils.statemachine import StringList

    class Abi(Directive):
        """`.. abi:: testing/sysfs-pool`"""
        required_arguments = 1

        def run(self):
            env = self.state.document.settings.env
            path = Path(env.srcdir) / "ABI" / self.arguments[0]
            env.note_dependency(str(path))
            env.weft_abi = getattr(env, "weft_abi", set()) | {path}
            node = nodes.container()
            try:
                for entry in parse(path):
                    self.state.nested_parse(StringList(rst(entry), source=str(path)), 0, node)
            except (Bad, OSError) as e:
                raise self.error(str(e))
            return node.children

    app.add_directive("abi", Abi)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
