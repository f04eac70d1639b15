# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a file of oned's grammar. Each leaves the document as the edit wants it and says what it had to change."""

from __future__ import annotations

import re
from typing import Iterator

from . import opennebula_layout as layout
from .command_line import edit_command_line, edit_members
from .edits import Edit
from .errors import Refused, position
from .opennebula import QUOTED, Document, Entry, Vector, parse


class OpennebulaEditor:
    comment_lines = re.compile(r"#[^\n]*")

    def __init__(self, text: str) -> None:
        self.document: Document = parse(text)
        for name, start, end in self.spans() if "\r" in text else ():
            if "\r" in text[start:end]:
                line = position(text, start)[0]
                raise Refused(
                    f"line {line} ends with a carriage return, which oned takes as part of "
                    f"the value of {name}: give the file Unix line ends first"
                )

    def render(self) -> str:
        return self.document.render()

    def is_empty(self) -> bool:
        return not self.document.nodes

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """Name, start and end of every value in the text that was parsed."""
        for node in self.document.nodes:
            for entry in node.entries if isinstance(node, Vector) else [node]:
                start = entry.start + len(entry.name) + len(entry.equals)
                yield entry.name, start, start + len(entry.raw)

    def warnings(self) -> list[str]:
        """What oned accepts and reads otherwise than it looks."""
        text = self.document.text
        return [
            f"line {position(text, start)[0]}: the value of {name} begins with a quote that does not end it; "
            "oned takes the quote as part of the value"
            for name, start, end in self.spans()
            if text[start:end][:1] == '"' and not QUOTED.fullmatch(text[start:end])
        ]

    def apply(self, edit: Edit) -> list[str]:
        if edit.subject == "item":
            return self._item(edit)
        if edit.subject == "values":
            return self._values(edit)
        if edit.subject == "value":
            return self._scalar(edit, edit.value)
        if edit.subject in ("members", "command_line"):
            return self._part_of_value(edit)
        return self._remove(edit)

    # -- one attribute of one value ------------------------------------------------------------------------------------

    def _scalars(self, edit: Edit) -> list[Entry]:
        entries = []
        for node in self.document.named(edit.attribute):
            if isinstance(node, Vector):
                raise Refused(f"{node.name} is a vector attribute (line {self.document.line(node)})")
            entries.append(node)
        return entries

    def _scalar(self, edit: Edit, wanted: str) -> list[str]:
        found = self._scalars(edit)
        if all(entry.value == wanted for entry in found) and found:
            return []
        if len(found) > 1:
            raise Refused(
                f"{edit.attribute} is set {len(found)} times (lines {self._lines(found)}) and oned "
                "takes the first; remove the others, or edit one of several with item"
            )
        if found:
            old = found[0].value
            layout.set_value(found[0], wanted)
            return [edit.sentence(edit.target, wanted, old)]
        new = Entry("", edit.attribute, " = ", layout.encode(wanted, quoted=not wanted.isdigit()))
        if not layout.insert_after_example(self.document, new):
            layout.insert_after(self.document, None, new, blank_line=False)
        return [edit.sentence(edit.target, wanted)]

    def _item(self, edit: Edit) -> list[str]:
        found = self._scalars(edit)
        same = [entry for entry in found if entry.value == edit.item]
        if edit.present == bool(same):
            return []
        if edit.present:
            last = found[-1] if found else None
            equals = last.equals if last and layout.PLAIN_EQUALS.fullmatch(last.equals) and last.raw else " = "
            new = Entry("", last.name if last else edit.attribute, equals, layout.encode(edit.item))
            layout.insert_after(self.document, last, new, blank_line=False)
        for entry in same:
            layout.remove(self.document, entry)
        return [edit.item_sentence(edit.item)]

    # -- vectors -------------------------------------------------------------------------------------------------------

    def _vector(self, edit: Edit) -> Vector | None:
        vectors = []
        for node in self.document.named(edit.attribute):
            if not isinstance(node, Vector):
                raise Refused(f"{node.name} is a single value (line {self.document.line(node)}), not a vector")
            if all(_is_selected(key, value, node.value_of(key)) for key, value in edit.where.items()):
                vectors.append(node)
        if len(vectors) > 1 and edit.where:
            raise Refused(
                f"{len(vectors)} attributes match {edit.target} (lines "
                f"{self._lines(vectors)}), and oned takes the first; remove the others by hand"
            )
        if len(vectors) > 1:
            raise Refused(
                f"there are {len(vectors)} {edit.attribute} (lines {self._lines(vectors)}); select one with where"
            )
        return vectors[0] if vectors else None

    def _entry(self, vector: Vector, key: str) -> Entry | None:
        found = vector.named(key)
        if len(found) > 1:
            raise Refused(
                f"{vector.name} has the key {key} {len(found)} times (lines "
                f"{self._lines(found)}), and oned takes the first; remove the others by hand"
            )
        return found[0] if found else None

    def _values(self, edit: Edit) -> list[str]:
        vector = self._vector(edit)
        if vector is None:
            selected = _upper(edit.where)
            values = {**edit.where, **{key: text for key, text in edit.values.items() if key.upper() not in selected}}
            others = self.document.named(edit.attribute)
            new = layout.new_vector(edit.attribute, values)
            layout.insert_after(self.document, others[-1] if others else None, new, blank_line=True)
            return [edit.sentence(f"{edit.target}/{key}", text) for key, text in edit.values.items()]
        changes = []
        for key, wanted in edit.values.items():
            entry = self._entry(vector, key)
            if entry is None:
                layout.add_entry(vector, key, wanted)
                changes.append(edit.sentence(self._key_target(edit, key), wanted))
            elif entry.value != wanted:
                changes.append(edit.sentence(self._key_target(edit, key), wanted, entry.value))
                layout.set_value(entry, wanted)
        if not edit.merge:
            wanted_keys = _upper(edit.values) | _upper(edit.where)
            for entry in [entry for entry in vector.entries if entry.name.upper() not in wanted_keys]:
                layout.remove_entry(vector, entry)
                changes.append(f"remove {self._key_target(edit, entry.name)}")
        return changes

    @staticmethod
    def _key_target(edit: Edit, key: str) -> str:
        return edit.target if edit.key else f"{edit.target}/{key}"

    # -- lists inside of a value ---------------------------------------------------------------------------------------

    def _part_of_value(self, edit: Edit) -> list[str]:
        entry = self._entry_of(edit)
        if entry is None and not edit.present:
            return []
        if entry is None and edit.subject == "command_line":
            raise Refused(f"there is no {edit.target} whose command line could be edited")
        old = entry.value if entry else ""
        if edit.command_line:
            new = edit_command_line(old, edit.command_line, edit.present)
        else:
            new = edit_members(old, edit.members, edit.separator, edit.present)
        if new == old:
            return []
        if entry:
            layout.set_value(entry, new)
        elif edit.key:
            vector = self._vector(edit)
            if vector is None:
                raise Refused(f"there is no {edit.target}")
            layout.add_entry(vector, edit.key, new)
        else:
            return self._scalar(edit, new)
        return [edit.sentence(edit.target, new, old if entry else None)]

    def _entry_of(self, edit: Edit) -> Entry | None:
        if edit.key or edit.where:
            if not edit.key:
                raise Refused("say with key which value of the vector")
            vector = self._vector(edit)
            return self._entry(vector, edit.key) if vector else None
        found = self._scalars(edit)
        if len(found) > 1:
            raise Refused(f"{edit.attribute} is set {len(found)} times (lines {self._lines(found)})")
        return found[0] if found else None

    # -- removal -------------------------------------------------------------------------------------------------------

    def _remove(self, edit: Edit) -> list[str]:
        nodes = self.document.named(edit.attribute)
        if not nodes:
            return []
        if not (edit.key or edit.where) and not isinstance(nodes[0], Vector):
            if len(self._scalars(edit)) > 1:
                raise Refused(
                    f"{edit.attribute} is there {len(nodes)} times (lines {self._lines(nodes)}); say which with item"
                )
            layout.remove(self.document, nodes[0])
            return [f"remove {edit.target}"]
        vector = self._vector(edit)
        if vector is None:
            return []
        if edit.key is None:
            layout.remove(self.document, vector)
            return [f"remove {edit.target}"]
        entry = self._entry(vector, edit.key)
        if entry is None:
            return []
        if len(vector.entries) == 1:
            layout.remove(self.document, vector)  # a vector without keys means the same as none
        else:
            layout.remove_entry(vector, entry)
        return [f"remove {edit.target}"]

    def _lines(self, nodes: list) -> str:
        return ", ".join(str(self.document.line(node)) if node.start >= 0 else "new" for node in nodes)


def _is_selected(key: str, wanted: str, found: str | None) -> bool:
    """oned takes a NAME in any case for the same, such as that of a driver."""
    if key.upper() == "NAME" and found is not None:
        return found.upper() == wanted.upper()
    return found == wanted


def _upper(keys: dict[str, str]) -> set[str]:
    return {key.upper() for key in keys}
