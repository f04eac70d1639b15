# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a shell-style rc file."""

from __future__ import annotations

import re
from typing import Iterator

from .command_line import edit_command_line, edit_members
from .edits import Edit
from .errors import Refused
from .shell import Assignment, Script, encode


class ShellEditor:
    comment_lines = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)

    def __init__(self, text: str) -> None:
        self.script = Script(text)
        if "\r\n" in text:
            line = self.script.line(text.index("\r\n"))
            raise Refused(
                f"line {line} ends with a carriage return, which a shell takes as part of the value: "
                "give the file Unix line ends first"
            )

    def render(self) -> str:
        return self.script.text

    def is_empty(self) -> bool:
        return False  # an rc file without an assignment is a file of defaults

    def spans(self) -> Iterator[tuple[str, int, int]]:
        for assignment in self.script.assignments:
            yield assignment.name, assignment.value_start, assignment.end

    def warnings(self) -> list[str]:
        return []

    def apply(self, edit: Edit) -> list[str]:
        found = self._find(edit)
        if not edit.present and edit.subject is None:
            return self._remove(edit, found)
        raw = self.script.text[found.value_start : found.end] if found else ""
        if edit.subject == "value":
            wanted = edit.value
            if found and self.script.text[found.value_start - 2] == "+":
                raise Refused(f"line {self.script.line(found.start)} appends to it with '+=', edit it by hand")
            if found and found.value == wanted:
                return []
        else:
            if found is None and not edit.present:
                return []
            if found and found.value is None:
                line = self.script.line(found.start)
                raise Refused(f"its value is worked out by the shell (line {line}), edit it by hand")
            if found is None and edit.command_line:
                raise Refused(f"there is no {edit.attribute} whose command line could be edited")
            old = (found.value if found else "") or ""
            if edit.command_line:
                wanted = edit_command_line(old, edit.command_line, edit.present)
            else:
                wanted = edit_members(old, edit.members, edit.separator, edit.present)
            if wanted == old:
                return []
        if found:
            self._replace(found.value_start, found.end, encode(wanted, raw))
            return [edit.sentence(edit.attribute, wanted, raw if found.value is None else found.value)]
        self._add(edit.attribute, wanted)
        return [edit.sentence(edit.attribute, wanted)]

    def _find(self, edit: Edit) -> Assignment | None:
        """Names of shell variables are compared with case. Of several assignments the shell takes the last."""
        found = [assignment for assignment in self.script.assignments if assignment.name == edit.attribute]
        for assignment in found:
            if assignment.conditional:
                line = self.script.line(assignment.start)
                raise Refused(f"it is set inside of a condition, a function or a pipe (line {line}), edit it by hand")
        if len(found) > 1:
            lines = ", ".join(str(self.script.line(assignment.start)) for assignment in found)
            raise Refused(f"it is set {len(found)} times (lines {lines}) and the shell takes the last; make it one")
        return found[0] if found else None

    def _add(self, name: str, value: str) -> None:
        """Below its commented example and written like it; otherwise at the end."""
        text = self.script.text
        commented = re.compile(rf"^[ \t]*(#)[ \t]*(export[ \t]+)?{re.escape(name)}=[^\n]*(?:\n|\Z)", re.M)
        example = None
        for found in commented.finditer(text):
            if found.start(1) in self.script.comments:  # not the text of a value, nor of a condition
                example = found
        line = "{}{}={}\n".format((example.group(2) or "") if example else "", name, encode(value, ""))
        at = example.end() if example else len(text)
        if at and text[at - 1] != "\n":
            line = "\n" + line[:-1]
        self._replace(at, at, line)

    def _remove(self, edit: Edit, found: Assignment | None) -> list[str]:
        if found is None:
            return []
        text = self.script.text
        start = text.rfind("\n", 0, found.start) + 1
        rest = re.compile(r"[ \t]*(?:;[ \t]*)?(?:#[^\n]*)?(\n|\Z)").match(text, found.end)
        if not found.alone or text[start : found.start].strip() or not rest:
            line = self.script.line(found.start)
            raise Refused(f"it shares line {line} with other statements, edit it by hand")
        if not rest.group(1) and start:
            start -= 1
        self._replace(start, rest.end(), "")
        return [f"remove {edit.attribute}"]

    def _replace(self, start: int, end: int, new: str) -> None:
        self.script = Script(self.script.text[:start] + new + self.script.text[end:])
