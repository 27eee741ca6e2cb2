# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx directive `kernel-doc`: a header's documentation, made by the kernel's own script.

The script (Perl, `scripts/kernel-doc` of the kernel's headers) reads only comments that open on
a line of their own. weft's headers also use `/** name() - what */` on one line; these are
unfolded first. That such a line leaves out a function's parameters and return value is no
warning, nor is anything left out in a header listed in `kernel_doc_brief`; all else that the
script complains of is. Each header is run through it once; directives pick from the result by name, and
a header that is picked from must be picked from completely, so that nothing documented is left
out of the manual.

    .. kernel-doc:: include/uapi/drm/weft_drm.h
       :identifiers: drm_weft_query drm_weft_pool_info

    .. kernel-doc:: scheduler/log.h
       :doc: scheduler log

Without options everything in the header is shown. Rejected: the kernel's own extension (it wants
the whole Documentation tree of the kernel around it), a C parser of our own.
"""
import os
import re
import subprocess
import tempfile
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.nodes import nested_parse_with_titles

logger = logging.getLogger(__name__)

ONE_LINE = re.compile(r"^/\*\* (?:define |struct |union |enum )?(\w+).*\S \*/$")
BLOCK = re.compile(r"^\.\. c:(struct|union|enum|function|macro|type):: (.*)$")
WARNING = re.compile(r"^(?:.*?):(\d+): (?:warning|error): (.*)$")
LEFT_OUT = re.compile(r"^(?:(?:Function parameter or struct member|Enum value) '[^']*' not described in|"
                      r"No description found for return value of) (?:enum )?'(\w+)'")
UNDESCRIBED = re.compile(r"^  ``[^\n]*``\n    \*undescribed\*\n\n?", re.M)
CONSTANT = re.compile(r"^(    ``\w+``)\n      \*undescribed\*$", re.M)
MACRO = re.compile(r"^(\.\. c:macro:: (\w+)\n\n)``\2``\n\n", re.M)
EMPTY_PARAMETERS = re.compile(r"\.\. container:: kernelindent\n\n  \*\*Parameters\*\*\n\n(?!  ``)")


def unfold(text):
    """One-line comments in three lines: (text, number of the old line for each new one, names
    that were unfolded)."""
    out, lines, short = [], [], set()
    for number, line in enumerate(text.splitlines(), 1):
        m = ONE_LINE.match(line)
        if m:
            short.add(m.group(1))
            # "define" before a name confuses the script if a colon follows somewhere
            out += ["/**", " * " + line[4:-3].removeprefix("define "), " */"]
            lines += [number] * 3
        else:
            # the script's word for "show nothing from here on"
            out.append(re.sub(r"/\* private to [^*]*\*/", "/* private: */", line))
            lines.append(number)
    return "\n".join(out) + "\n", lines, short


def name_of(signature):
    """The identifier that a `.. c:xxx::` line declares."""
    before = signature.split("(")[0].strip()
    return re.search(r"(\w+)$", before).group(1)


def split(rst):
    """The script's output as ({identifier: reST}, {identifier: kind}), in the header's order."""
    blocks, kinds, name = {}, {}, None
    for line in rst.splitlines():
        m = BLOCK.match(line)
        if m:
            name = name_of(m.group(2))
            blocks[name], kinds[name] = [], m.group(1)
        if name:
            blocks[name].append(line)
    return {name: tidy("\n".join(lines)) for name, lines in blocks.items()}, kinds


def tidy(rst):
    """Without what says only that nothing was said."""
    rst = CONSTANT.sub(r"\1", UNDESCRIBED.sub("", MACRO.sub(r"\1", rst)))
    return EMPTY_PARAMETERS.sub("", rst).rstrip() + "\n"


def heading(text, name):
    """The text after `DOC: name` in the comment at a header's head."""
    m = re.search(r"^ \* DOC: " + re.escape(name) + r"\n(.*?)^ \*/$", text, re.M | re.S)
    if not m:
        raise LookupError(f"no DOC: {name}")
    lines = [re.sub(r"^ \* ?", "", line) for line in m.group(1).splitlines()]
    text = "\n".join(lines).strip("\n")
    # @name and &struct name as the script writes them
    text = re.sub(r"@(\w+(?:\[\d*\])?)", r"**\1**", text)
    text = re.sub(r"&(struct|enum|union) (\w+)", r":c:type:`\1 \2 <\2>`", text)
    text = re.sub(r"&(\w+)\.(\w+)", r":c:type:`\1.\2 <\1>`", text)
    return text


class Header:
    """What the script makes of one header."""

    def __init__(self, config, path, brief):
        self.text = path.read_text()
        text, lines, short = unfold(self.text)
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / path.name
            copy.write_text(text)
            command = ["perl", config.kernel_doc, "-rst", "-Wall", "-sphinx-version", "5.3.0", str(copy)]
            run = subprocess.run(command, capture_output=True, text=True,
                                 env=dict(os.environ, LC_ALL="C"))
        self.blocks, self.kinds = split(run.stdout)
        self.complaints = []
        for line in run.stderr.splitlines():
            m = WARNING.match(line)
            if not m:
                if not re.match(r"^\d+ (warnings|errors)", line):
                    self.complaints.append((1, line))
                continue
            at = min(int(m.group(1)), len(lines))
            left = LEFT_OUT.match(m.group(2))
            if not (left and (brief or (left.group(1) in short and
                                        self.kinds.get(left.group(1)) == "function"))):
                self.complaints.append((lines[at - 1], m.group(2)))
        if run.returncode and not self.complaints:
            self.complaints.append((1, f"kernel-doc: exit {run.returncode}"))


def header(app, path):
    cache = app.weft_headers
    if path not in cache:
        cache[path] = Header(app.config, Path(app.srcdir).parent / path,
                             path in app.config.kernel_doc_brief)
        for line, what in cache[path].complaints:
            logger.warning(what, location=f"{Path(app.srcdir).parent / path}:{line}")
    return cache[path]


class KernelDoc(Directive):
    required_arguments = 1
    has_content = False
    option_spec = {
        "identifiers": directives.unchanged_required,
        "doc": directives.unchanged_required,
    }

    def run(self):
        env = self.state.document.settings.env
        path = self.arguments[0]
        env.note_dependency(str(Path(env.srcdir).parent / path))
        found = header(env.app, path)
        if "doc" in self.options:
            try:
                return self.parse(heading(found.text, self.options["doc"]), path)
            except LookupError as e:
                raise self.error(f"{path}: {e}")
        names = self.options.get("identifiers", "").split() or list(found.blocks)
        shown = env.weft_shown.setdefault(path, {}).setdefault(env.docname, set())
        result = []
        for name in names:
            if name not in found.blocks:
                raise self.error(f"{path}: {name} has no kernel-doc comment")
            shown.add(name)
            result += self.parse(found.blocks[name], path)
        return result

    def parse(self, rst, path):
        node = nodes.section()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(rst.splitlines(), source=path), node)
        return node.children


def begin(app):
    app.weft_headers = {}


def prepare(app, env, docnames):
    if not hasattr(env, "weft_shown"):
        env.weft_shown = {}


def forget(app, env, docname):
    for by_document in getattr(env, "weft_shown", {}).values():
        by_document.pop(docname, None)


def complete(app, env):
    for path, by_document in env.weft_shown.items():
        missing = set(header(app, path).blocks) - set().union(*by_document.values())
        if by_document and missing:
            logger.warning("not in the manual: " + ", ".join(sorted(missing)),
                           location=f"{Path(app.srcdir).parent / path}:1")


def setup(app):
    app.add_config_value("kernel_doc", None, "env")
    app.add_config_value("kernel_doc_brief", [], "env")
    app.add_directive("kernel-doc", KernelDoc)
    app.connect("builder-inited", begin)
    app.connect("env-before-read-docs", prepare)
    app.connect("env-purge-doc", forget)
    app.connect("env-check-consistency", complete)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
