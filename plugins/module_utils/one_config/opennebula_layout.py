# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where new text goes in a file of oned's grammar, in the manner of what stands around it, and what goes when it goes.

Removing what was added gives the former bytes back.
"""

from __future__ import annotations

import re

from .errors import Refused
from .opennebula import QUOTED, Document, Entry, Vector

REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
COMMENT_ON_LINE = re.compile(r"[ \t]*#[^\n]*\n")
PLAIN_EQUALS = re.compile(r"[ \t]*=[ \t]*")
UNQUOTED_SAFE = re.compile(r'[^=#\s,\[\]"]+')


def encode(value: str, quoted: bool = True) -> str:
    """The text of a value; quoted says how to write one that can be written both ways."""
    for text, name in (("\0", "a NUL byte"), ("\r", "a carriage return"), ("]]>", "']]>', which stops oned's parser")):
        if text in value:
            raise Refused(f"the value contains {name}; oned's grammar cannot carry it")
    unquoted_safe = bool(UNQUOTED_SAFE.fullmatch(value))
    if value.endswith("\\"):
        if not unquoted_safe:
            raise Refused("the value ends with a backslash, which oned would take together with the closing quote")
        return value
    if unquoted_safe and not quoted:
        return value
    return '"{}"'.format(value.replace('"', '\\"'))


def set_value(entry: Entry, value: str) -> None:
    """In the quoting that is there, where the value allows it."""
    empty = not entry.raw
    if not PLAIN_EQUALS.fullmatch(entry.equals):
        entry.equals = " = "  # oned skips '#' after '=': in `NAME = # text` the value is `text`
    elif empty:
        entry.equals = entry.equals.rstrip(" \t") + " "
    quoted = not value.isdigit() if empty else bool(QUOTED.fullmatch(entry.raw))
    entry.raw = encode(value, quoted)


def insert_after(document: Document, node: Entry | Vector | None, new: Entry | Vector, blank_line: bool) -> None:
    """On lines of its own after the line on which node ends; without a node at the end of the file."""
    index = document.nodes.index(node) + 1 if node is not None else len(document.nodes)
    following = _lead(document, index)
    if node is None:
        head, rest = following, ""
        ends_with_newline = following.endswith("\n") or not document.render()
    else:
        line = REST_OF_LINE.match(following)
        head, rest = (line.group(), following[line.end() :]) if line else ("", following.lstrip(" \t"))
        ends_with_newline = head.endswith("\n") or bool(rest)
    if not head.endswith("\n") and (head or index):
        head += "\n"
    if blank_line and head:
        head += "\n"
    _insert(document, index, new, head, ("\n" if ends_with_newline else "") + rest)


def insert_after_example(document: Document, new: Entry) -> bool:
    """Below the last commented example of it, `#NAME = something`, if there is one."""
    example = re.compile(rf"^[ \t]*#[ \t]*{re.escape(new.name)}[ \t]*=(?![ \t]*\[)[^\n]*(?<!,)\n", re.I | re.M)
    for index in range(len(document.nodes), -1, -1):
        lead = _lead(document, index)
        found = list(example.finditer(lead))
        if found:
            _insert(document, index, new, lead[: found[-1].end()], "\n" + lead[found[-1].end() :])
            return True
    return False


def remove(document: Document, node: Entry | Vector) -> None:
    """With its line and the comment behind it on the line; a vector also with one blank line above it."""
    index = document.nodes.index(node)
    before, after = node.lead, _lead(document, index + 1)
    own_line = before.rstrip(" \t").endswith("\n") or (index == 0 and not before.strip(" \t"))
    rest = REST_OF_LINE.match(after)
    if own_line and rest:
        before, after = before.rstrip(" \t"), after[rest.end() :]
        if isinstance(node, Vector) and (before.endswith("\n\n") or (before == "\n" and index == 0)):
            before = before[:-1]
        if not rest.group().endswith("\n") and before.endswith("\n"):
            before = before[:-1]  # it was the last line, without a newline: so is the one before it now
    elif own_line:
        after = after.lstrip(" \t")
    del document.nodes[index]
    _set_lead(document, index, before + after)


def new_vector(name: str, values: dict[str, str]) -> Vector:
    vector = Vector("", name, " = [")
    width = max(len(key) for key in values)
    for key, value in values.items():
        vector.entries.append(Entry("\n    ", key, " " * (width - len(key)) + " = ", encode(value)))
    vector.entries[-1].trail = "\n"
    return vector


def add_entry(vector: Vector, key: str, value: str) -> None:
    """After the last one, on a line of its own if that has one, in line with the '=' above."""
    if not vector.entries:
        vector.entries.append(Entry(vector.inner.rstrip(" \t") or " ", key, " = ", encode(value), trail=" "))
        vector.inner = ""
        return
    last = vector.entries[-1]
    newline = last.lead.rfind("\n")
    lead = last.lead[newline:] if newline >= 0 else " "
    trail = last.trail
    comment = COMMENT_ON_LINE.match(trail)
    if comment:  # it is about the last entry and stays on its line
        lead = comment.group()[:-1] + (lead if newline >= 0 else "\n    ")
        trail = "\n" + trail[comment.end() :]
    last.trail = ""
    vector.entries.append(Entry(lead, key, _equals(vector, key), encode(value), trail=trail))


def remove_entry(vector: Vector, entry: Entry) -> None:
    """With the comment behind it on its line; other comments stay."""
    index = vector.entries.index(entry)
    del vector.entries[index]
    if not vector.entries:
        vector.inner = entry.lead.rstrip(" \t") + entry.trail if "#" in entry.lead + entry.trail else " "
    elif index == len(vector.entries):
        previous = vector.entries[-1]
        kept = entry.lead.rstrip(" \t") if "#" in entry.lead else ""
        rest = entry.trail
        if kept.endswith("\n") and rest.startswith("\n"):
            rest = rest[1:]
        previous.trail += kept + rest
    else:
        following = vector.entries[index]
        comment = COMMENT_ON_LINE.match(following.lead)
        rest = "\n" + following.lead[comment.end() :] if comment else following.lead
        if "#" not in rest:
            following.lead = entry.lead
        elif "#" in entry.lead:
            following.lead = re.sub(r"\n?[ \t]*\Z", "", entry.lead) + rest
        else:
            following.lead = rest


def _equals(vector: Vector, key: str) -> str:
    last = vector.entries[-1]
    if any(not PLAIN_EQUALS.fullmatch(entry.equals) for entry in vector.entries):
        return " = "
    sign = last.equals.lstrip(" \t")
    columns = {len(entry.name) + len(entry.equals) - len(entry.equals.lstrip(" \t")) for entry in vector.entries}
    least = 1 if last.equals[0] != "=" else 0
    if len(columns) > 1 or len(vector.entries) == 1 or "\n" not in last.lead:
        return " " * least + sign
    return " " * max(least, columns.pop() - len(key)) + sign


def _lead(document: Document, index: int) -> str:
    """The text before the node of this index; after the last node it is the end of the file."""
    return document.nodes[index].lead if index < len(document.nodes) else document.tail


def _set_lead(document: Document, index: int, lead: str) -> None:
    if index < len(document.nodes):
        document.nodes[index].lead = lead
    else:
        document.tail = lead


def _insert(document: Document, index: int, new: Entry | Vector, lead: str, following: str) -> None:
    new.lead = lead
    _set_lead(document, index, following)
    document.nodes.insert(index, new)
