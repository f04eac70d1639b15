# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a YAML file by position: bytes outside of the edited value stay as they are."""

from __future__ import annotations

import re
from typing import Any, Iterator

from .edits import Edit
from .errors import Refused
from .yaml_positions import MappingNode, Node, SequenceNode, data_of, encode, end_of, read_yaml, same, scalars


class YamlEditor:
    comment_lines = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = read_yaml(text)
        self.newline = "\r\n" if "\r\n" in text else "\n"

    def render(self) -> str:
        return self.text

    def is_empty(self) -> bool:
        return False  # FireEdge runs on its defaults

    def spans(self) -> Iterator[tuple[str, int, int]]:
        if self.root is not None:
            for name, node in scalars(self.root):
                yield name, node.start_mark.index, end_of(node)

    def warnings(self) -> list[str]:
        return []

    def apply(self, edit: Edit) -> list[str]:
        path = edit.attribute.split("/")
        found = self._find(path)
        if edit.subject == "item":
            return self._item(edit, path, found)
        if not edit.present:
            if len(found) < len(path):
                return []
            self._remove(found)
            return [f"remove {edit.target}"]
        if len(found) < len(path):
            self._add(path, found, encode(edit.value))
            return [edit.sentence(edit.target, _shown(edit.value))]
        node = found[-1][2]
        old = data_of(node)
        if same(old, edit.value):
            return []
        self._set(found[-1][1], node, edit.value)
        return [
            edit.sentence(
                edit.target, _shown(edit.value), _shown(data_of(node) if isinstance(node.value, list) else node.value)
            )
        ]

    def _find(self, path: list[str]) -> list[tuple[MappingNode, Node, Node]]:
        """(mapping, key, value) for as much of the path as is there."""
        found: list[tuple[MappingNode, Node, Node]] = []
        node = self.root
        for depth, name in enumerate(path):
            if node is None or (data_of(node) is None and depth):
                break
            here = "/".join(path[:depth]) or "the file"
            if not isinstance(node, MappingNode):
                raise Refused(f"{here} is a single value or a list, it has no key {name}")
            pairs = [(key, value) for key, value in node.value if str(key.value) == name]
            if len(pairs) > 1:
                lines = ", ".join(str(_line(key)) for key, _value in pairs)
                raise Refused(f"{here} has the key {name} {len(pairs)} times (lines {lines}); make it one")
            if not pairs:
                break
            key, value = pairs[0]
            if value.anchor or value.start_mark.index < key.start_mark.index:
                raise Refused(f"line {_line(key)} shares its value by an anchor, edit it by hand")
            found.append((node, key, value))
            node = value
        return found

    def _set(self, key: Node, node: Node, value: Any) -> None:
        start, end = node.start_mark.index, end_of(node)
        ending = self.text[start:end]
        end -= len(ending) - len(ending.rstrip("\r\n"))  # a block scalar ends behind its line
        new = encode(value, getattr(node, "style", None))
        colon = self.text.index(":", key.end_mark.index) + 1
        if start == end:
            start, end = colon, colon
            new = " " + new
        elif self.text.count("\n", colon, start):
            start, new = colon, " " + new  # a block that began on the next line
        self._replace(start, end, new)

    def _add(self, path: list[str], found: list[tuple[MappingNode, Node, Node]], value: str) -> None:
        missing = path[len(found) :]
        parent = found[-1][2] if found else self.root
        if isinstance(parent, MappingNode) and parent.flow_style:
            if len(missing) > 1:
                value = "{{{}: {}}}".format(
                    ": {".join(encode(name) for name in missing[1:]),
                    value + "}" * (len(missing) - 2),
                )
            at = end_of(parent.value[-1][1]) if parent.value else parent.start_mark.index + 1
            self._replace(at, at, "{}{}: {}".format(", " if parent.value else "", encode(missing[0]), value))
            return
        if isinstance(parent, MappingNode) and parent.value:
            indent = parent.value[0][0].start_mark.column
            at = self._next_line(end_of(parent))
        elif found:  # `key:` without a value
            if parent and parent.value:  # `key: null`
                self._replace(self.text.index(":", found[-1][1].end_mark.index) + 1, end_of(parent), "", read=False)
            indent = found[-1][1].start_mark.column + 2
            at = self._next_line(found[-1][1].end_mark.index)
        else:
            indent, at = 0, len(self.text)
        if not found:
            at = self._after_example(missing[0]) or at
        lines = [" " * (indent + 2 * depth) + encode(name) + ":" for depth, name in enumerate(missing)]
        self._insert_lines(
            at, self.newline.join(lines) + value if value[:1] == "\n" else self.newline.join(lines) + " " + value
        )

    def _item(self, edit: Edit, path: list[str], found: list[tuple[MappingNode, Node, Node]]) -> list[str]:
        node = found[-1][2] if len(found) == len(path) else None
        sentence = edit.item_sentence(_shown(edit.item))
        if node is not None and data_of(node) is None:
            node = None
        if node is None:
            if not edit.present:
                return []
            if len(found) == len(path):
                self._set(found[-1][1], found[-1][2], [edit.item])
            else:
                self._add(path, found, encode([edit.item]))
            return [sentence]
        if not isinstance(node, SequenceNode):
            raise Refused(f"{edit.target} is not a list")
        items = [item for item in node.value if same(data_of(item), edit.item)]
        if edit.present == bool(items):
            return []
        if edit.present:
            self._append(node, encode(edit.item))
        elif node.flow_style or len(items) == len(node.value):
            self._set(found[-1][1], node, [data_of(item) for item in node.value if item not in items])
        else:
            for item in reversed(items):
                start = self.text.rfind("\n", 0, item.start_mark.index) + 1
                self._remove_lines(start, end_of(item), read=False)
            self.root = read_yaml(self.text)
        return [sentence]

    def _append(self, node: SequenceNode, item: str) -> None:
        if node.flow_style:
            at = end_of(node.value[-1]) if node.value else node.start_mark.index + 1
            self._replace(at, at, (", " if node.value else "") + item)
            return
        last = node.value[-1]
        prefix = self.text[self.text.rfind("\n", 0, last.start_mark.index) + 1 : last.start_mark.index]
        if not re.fullmatch(r"[ \t]*-[ \t]+", prefix):
            raise Refused(f"the list is written in a way that only a person can extend (line {_line(last)})")
        self._insert_lines(self._next_line(end_of(last)), prefix + item)

    def _remove(self, found: list[tuple[MappingNode, Node, Node]]) -> None:
        mapping, key, value = found[-1]
        if len(mapping.value) == 1 and len(found) > 1:
            self._remove(found[:-1])  # a key without a value would be read as null
            return
        start = self.text.rfind("\n", 0, key.start_mark.index) + 1
        if mapping.flow_style or self.text[start : key.start_mark.index].strip():
            raise Refused(f"it shares line {_line(key)} with others, edit it by hand")
        self._remove_lines(start, end_of(value) if value.value else key.end_mark.index)

    def _next_line(self, at: int) -> int:
        if at and self.text[at - 1] == "\n":
            return at
        newline = self.text.find("\n", at)
        return len(self.text) if newline < 0 else newline + 1

    def _after_example(self, name: str) -> int | None:
        """Below the commented example of a key of the first level, where nothing indented follows."""
        example = None
        for example in re.finditer(
            rf"^#[ \t]?{re.escape(name)}:[^\n]*\n(?!(?:[ \t]*\r?\n|#[^\n]*\n)*[ \t]+[^\s#])", self.text, re.M
        ):
            if any(start <= example.start() < end for _name, start, end in self.spans()):
                example = None
        return example.end() if example else None

    def _insert_lines(self, at: int, lines: str) -> None:
        if at and self.text[at - 1] != "\n":
            self._replace(at, at, self.newline + lines)
        else:
            self._replace(at, at, lines + self.newline)

    def _remove_lines(self, start: int, end: int, read: bool = True) -> None:
        end = self._next_line(end)
        if end == len(self.text) and not self.text.endswith("\n"):
            start = len(self.text[:start].rstrip("\r\n"))  # the line before is the last now, without a newline as well
        self._replace(start, end, "", read)

    def _replace(self, start: int, end: int, new: str, read: bool = True) -> None:
        self.text = self.text[:start] + new + self.text[end:]
        if read:
            self.root = read_yaml(self.text)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _shown(value: Any) -> str:
    """For a sentence: a collection may hold secrets under any of its keys."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return value if isinstance(value, str) else encode(value)
