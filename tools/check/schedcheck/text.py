# SPDX-License-Identifier: GPL-2.0-only
"""Lines, words and fields: what all files of a simulation have in common.

Every departure from Documentation/replay/formats.rst is a Malformed with the
file's name and the line's number. Rejected: reading what can be read and going
on, since a log that is read wrongly is judged wrongly.
"""
import re

LONGEST = 65535
NUMBERS_END = 1 << 63
NAME = re.compile(r"[A-Za-z0-9_.:+][A-Za-z0-9_.:+-]{0,62}\Z")
# Client and tenant of jobs in a file that declares no client.
NOBODY = "-"


class Malformed(Exception):
    """The file is not what its format says."""


class Line:
    """One line that says something: its number and words; fields are taken off at the end."""

    def __init__(self, path, number, words):
        self.path, self.number, self.words = path, number, words

    def bad(self, why):
        return Malformed(f"{self.path}:{self.number}: {why}")

    def name(self, word):
        if not NAME.match(word):
            raise self.bad(f"bad name '{word}'")
        return word

    def names(self, word):
        found = [self.name(w) for w in word.split(",")]
        if len(set(found)) != len(found):
            raise self.bad(f"a name comes twice in '{word}'")
        return found

    def natural(self, word, least=0, most=NUMBERS_END - 1):
        if not (word.isascii() and word.isdigit()) or int(word) >= NUMBERS_END:
            raise self.bad(f"bad number '{word}'")
        value = int(word)
        if not least <= value <= most:
            raise self.bad(f"{value} is not in {least}..{most}")
        return value

    def split(self, fixed, keys):
        """The fixed words, and a dict of fields; each field's key must be one of `keys`."""
        if len(self.words) < fixed:
            raise self.bad(f"'{self.words[0]}' wants {fixed - 1} words and then fields")
        fields = {}
        for word in self.words[fixed:]:
            key, equals, value = word.partition("=")
            if not equals or key not in keys:
                raise self.bad(f"unknown field '{word}'")
            if key in fields:
                raise self.bad(f"field '{key}' comes twice")
            fields[key] = value
        return self.words[1:fixed], fields

    def need(self, fields, *keys):
        for key in keys:
            if key not in fields:
                raise self.bad(f"field '{key}' is missing")


def lines(path, text, kind):
    """The lines of a file that say something, after its first, which must be `weft-KIND 1`."""
    if not text.isascii():
        raise Malformed(f"{path}: not ASCII text")
    first = True
    for number, raw in enumerate(text.split("\n"), 1):
        if len(raw) > LONGEST:
            raise Malformed(f"{path}:{number}: longer than {LONGEST} bytes")
        words = []
        for word in raw.split():
            if word.startswith("#"):
                break
            words.append(word)
        if first:
            if words != [f"weft-{kind}", "1"]:
                raise Malformed(f"{path}:{number}: the first line must be 'weft-{kind} 1'")
            first = False
        elif words:
            yield Line(path, number, words)


def one_of(line, word, allowed):
    if word not in allowed:
        raise line.bad(f"'{word}' is none of {', '.join(allowed)}")
    return word


def declare(line, table, name, value, what):
    if name in table:
        raise line.bad(f"{what} '{name}' is declared twice")
    table[name] = value


def known(line, table, name, what):
    if name not in table:
        raise line.bad(f"unknown {what} '{name}'")
    return table[name]
