# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parser of the grammar of oned.conf, exactly as oned reads it, into a tree that renders back byte for byte.

oned's scanner has two states. Outside of a value every character without a meaning is skipped in silence (a stray `;`);
inside a value the longest match wins, so `"a"b` is one unquoted value with quotes in it. A comment ends with a newline:
a last line `# text` without one is a syntax error for oned, and so it is here.
"""

from __future__ import annotations

import re
from typing import NoReturn

from .errors import NotParsed, position

OUTSIDE = re.compile(
    r"""(?P<VARIABLE>[A-Za-z0-9_]+)
      | (?P<COMMENT>[ \t]*\#[^\n]*\n)
      | (?P<EQUAL_EMPTY>[ \t]*=[ \t]*\n)
      | (?P<EQUAL>[ \t]*=[ \t]*)
      | (?P<COMMA>[ \t\n]*,[ \t\n]*)
      | (?P<CBRACKET>[ \t\n]*\][ \t\n]*)
      | (?P<BLANK>[ \t\n]+)
      | (?P<IGNORED>.)""",
    re.VERBOSE | re.DOTALL,
)
# A quote after a backslash belongs to the value as long as another quote can end it.
QUOTED = re.compile(r'"[^"]*(?:(?<=\\)"[^"]*)*"')
UNQUOTED = re.compile(r"[^=# \t\n,\[\]]+")
OPENING = re.compile(r"[ \t]*\[[ \t\n]*")
END_OF_CDATA = re.compile(r"[^\n]*\]\]>[^\n]*")
SKIPPED = frozenset(("COMMENT", "BLANK", "IGNORED"))

# What may follow what: state -> token -> next state. Tokens stand in oned's order, that of its messages.
GRAMMAR: dict[str, dict[str, str]] = {
    "top": {"VARIABLE": "name"},
    "name": {"EQUAL": "value", "EQUAL_EMPTY": "top"},
    "value": {"OBRACKET": "vector", "CCDATA": "abort", "STRING": "top"},
    "vector": {"CBRACKET": "top", "VARIABLE": "key"},
    "key": {"EQUAL": "key value"},
    "key value": {"STRING": "after pair"},
    "after pair": {"COMMA": "next key", "CBRACKET": "top"},
    "next key": {"VARIABLE": "key"},
}


class Entry:
    """`NAME = value`, at the top or in a vector. lead is the text before the name; trail, in a vector, the text between
    the value and the comma or bracket after it. start is the offset in the parsed text, or -1 for a new entry."""

    __slots__ = ("lead", "name", "equals", "raw", "trail", "start")

    def __init__(self, lead: str, name: str, equals: str, raw: str, start: int = -1, trail: str = "") -> None:
        self.lead, self.name, self.equals, self.raw, self.start, self.trail = lead, name, equals, raw, start, trail

    @property
    def value(self) -> str:
        return decode(self.raw)

    def render(self) -> str:
        return self.lead + self.name + self.equals + self.raw + self.trail


class Vector:
    """`NAME = [ KEY = value, ... ]`. equals ends with the bracket; inner is the text of a vector without entries."""

    __slots__ = ("lead", "name", "equals", "entries", "inner", "start")

    def __init__(self, lead: str, name: str, equals: str, start: int = -1) -> None:
        self.lead, self.name, self.equals, self.start = lead, name, equals, start
        self.entries: list[Entry] = []
        self.inner = ""

    def named(self, key: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.name.upper() == key.upper()]

    def value_of(self, key: str) -> str | None:
        """Of a key that is given twice oned keeps the first."""
        found = self.named(key)
        return found[0].value if found else None

    def render(self) -> str:
        entries = ",".join([entry.render() for entry in self.entries])
        return self.lead + self.name + self.equals + self.inner + entries + "]"


class Document:
    def __init__(self, text: str, nodes: list[Entry | Vector], tail: str) -> None:
        self.text = text
        self.nodes = nodes
        self.tail = tail

    def render(self) -> str:
        return "".join([node.render() for node in self.nodes]) + self.tail

    def named(self, name: str) -> list[Entry | Vector]:
        """oned upper-cases the names of attributes: they compare without case."""
        name = name.upper()
        return [node for node in self.nodes if node.name.upper() == name]

    def line(self, node: Entry | Vector) -> int:
        return position(self.text, node.start)[0]


def decode(raw: str) -> str:
    r"""The value oned makes of its text: without the quotes, `\"` read as `"` (quoted or not), nothing else changed."""
    if raw[:1] == '"' and QUOTED.fullmatch(raw):
        raw = raw[1:-1]
    return raw.replace('\\"', '"')


def parse(text: str) -> Document:
    nodes: list[Entry | Vector] = []
    vector = Vector("", "", "")
    state = "top"
    at = done = start = name_end = key_start = key_end = 0  # done: up to where the text already belongs to a node
    token_start = 0
    uncounted = 0  # lines: oned's own count misses a newline that it skips inside of a value
    token = ""
    outside = OUTSIDE.match
    while at < len(text):
        token_start = at
        if state == "value" or state == "key value":
            token, at = _scan_value(text, at)
        else:
            match = outside(text, at)
            token, at = match.lastgroup, match.end()  # type: ignore[union-attr, assignment]
        if token in SKIPPED:
            if token == "IGNORED" and text[token_start] == "\n":
                uncounted += 1
            continue
        following = GRAMMAR[state].get(token, "abort")
        if following == "abort":
            message = oned_message(text, state, token, (token_start, at), uncounted)
            _refuse(text, state, token, token_start, message, nodes, vector)
        if token == "VARIABLE":
            if state == "top":
                start, name_end = token_start, at
            else:
                key_start, key_end = token_start, at
        elif token == "STRING":
            raw = text[token_start:at]
            if state == "value":
                equals = text[name_end:token_start]
                nodes.append(Entry(text[done:start], text[start:name_end], equals, raw, start))
            else:
                equals = text[key_end:token_start]
                vector.entries.append(Entry(text[done:key_start], text[key_start:key_end], equals, raw, key_start))
            done = at
        elif token == "OBRACKET":
            bracket = text.index("[", token_start) + 1
            vector = Vector(text[done:start], text[start:name_end], text[name_end:bracket], start)
            done = bracket
        elif token == "COMMA":
            comma = text.index(",", token_start)
            vector.entries[-1].trail = text[done:comma]
            done = comma + 1
        elif token == "CBRACKET":
            bracket = text.index("]", token_start)
            if vector.entries:
                vector.entries[-1].trail = text[done:bracket]
            else:
                vector.inner = text[done:bracket]
            nodes.append(vector)
            done = bracket + 1
        elif token == "EQUAL_EMPTY":
            equal = text.index("=", token_start) + 1
            nodes.append(Entry(text[done:start], text[start:name_end], text[name_end:equal], "", start))
            done = equal
        state = following
    if state != "top":
        if token == "IGNORED":
            token_start = at  # oned takes it byte by byte; see oned_message
        message = oned_message(text, state, "$end", (token_start, at), uncounted)
        _refuse(text, state, "$end", len(text.rstrip()), message, nodes, vector)
    return Document(text, nodes, text[done:])


def _scan_value(text: str, at: int) -> tuple[str, int]:
    """Token and end of the longest match inside a value; of equally long ones oned takes the first in this order."""
    candidates = ((OPENING, "OBRACKET"), (END_OF_CDATA, "CCDATA"), (QUOTED, "STRING"), (UNQUOTED, "STRING"))
    best, longest = "IGNORED", at
    for pattern, token in candidates:
        match = pattern.match(text, at)
        if match and match.end() > longest:
            best, longest = token, match.end()
    return (best, longest) if longest > at else (best, at + 1)


def _refuse(
    text: str, state: str, token: str, at: int, message: str, nodes: list[Entry | Vector], vector: Vector
) -> NoReturn:
    if token != "$end":
        at += len(text[at:]) - len(text[at:].lstrip(" \t\n"))  # a comma or bracket begins with the blanks before it
    line, column = position(text, at)
    if token == "CCDATA" and state == "value":
        raise NotParsed("']]>' makes oned stop reading here, in silence, and ignore the rest of the file", line, column)
    raise NotParsed(f"{_problem(state, token, nodes, vector)} (oned: {message})", line, column)


def oned_message(text: str, state: str, token: str, span: tuple[int, int], uncounted: int) -> str:
    """oned's own sentence: the line is that of the token's end, columns count the bytes from the start of the file. At
    the end of the file the token is the last one read; of skipped text that is its last byte."""
    expected = " or ".join(GRAMMAR[state]) if state != "top" else "$end"
    first, last = (len(text[:offset].encode("utf-8", "surrogateescape")) + 1 for offset in span)
    first = min(first, last - 1)
    line = text.count("\n", 0, span[1]) + 1 - uncounted
    return f"syntax error, unexpected {token}, expecting {expected} at line {line}, columns {first}:{last}"


def _problem(state: str, token: str, nodes: list[Entry | Vector], vector: Vector) -> str:
    """What a person did wrong, without the value: it may be a secret."""
    previous = vector.entries[-1] if vector.entries and state == "after pair" else nodes[-1] if nodes else None
    swallowed = isinstance(previous, Entry) and "\n" in previous.raw
    if swallowed and previous is not None:
        return f"the value of {previous.name} runs over several lines up to here, its closing quote may be missing"
    if token == "$end" and state not in ("name", "value"):
        return f"the file ends inside of the vector {vector.name}, its ']' is missing"
    return {
        "top": "an attribute must begin here, with its name",
        "name": "a name without '=' after it",
        "value": "an attribute without a value",
        "vector": f"a KEY = value or ']' must follow the opening '[' of {vector.name}",
        "key": f"a key of {vector.name} without '=' after it",
        "key value": f'a key of {vector.name} without a value; in a vector even an empty one is written, as ""',
        "after pair": "a comma is missing after the value of {} in {}".format(
            getattr(previous, "name", ""), vector.name
        ),
        "next key": f"a KEY = value must follow the comma in {vector.name}",
    }[state]
