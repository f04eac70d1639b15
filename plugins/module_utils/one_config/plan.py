# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All edits of one file at once: the new text and what was done, or a sentence why not. No file is touched here."""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass
from typing import Any, Iterable, Protocol

from .edits import Edit, read_edit
from .errors import NotParsed, Refused
from .opennebula_editor import OpennebulaEditor
from .secrets import masked
from .shell_editor import ShellEditor


class Editor(Protocol):
    comment_lines: re.Pattern[str]

    def render(self) -> str: ...

    def is_empty(self) -> bool: ...

    def spans(self) -> Iterable[tuple[str, int, int]]: ...

    def warnings(self) -> list[str]: ...

    def apply(self, edit: Edit) -> list[str]: ...


YAML_NAMES = re.compile(
    r".*\.ya?ml|(?:onegate|oneflow|onehem|oneform|fireedge|sunstone|monitor)-server\.conf"
    r"|(?:ldap|saml|x509|server_x509)_auth\.conf|OpenNebulaNetwork\.conf|one_drs\.conf|pci\.conf"
)
OPENNEBULA_NAMES = re.compile(r"(?:oned|monitord|sched|rank|vmm_exec_\w+)\.conf")
SHELL_NAMES = re.compile(r".*rc")


@dataclass(frozen=True)
class Plan:
    before: str
    after: str
    changes: list[str]
    warnings: list[str]
    file_format: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


def format_of(path: str) -> str:
    name = os.path.basename(path)
    for pattern, file_format in ((YAML_NAMES, "yaml"), (OPENNEBULA_NAMES, "opennebula"), (SHELL_NAMES, "shell")):
        if pattern.fullmatch(name):
            return file_format
    raise Refused(f"{path}: its name does not tell its format; set format to opennebula, shell or yaml")


def open_editor(text: str, file_format: str) -> Editor:
    if file_format == "yaml":
        from .yaml_editor import YamlEditor  # needs a library that a host without YAML files need not have

        return YamlEditor(text)
    return OpennebulaEditor(text) if file_format == "opennebula" else ShellEditor(text)


def plan_edits(
    path: str,
    text: str,
    given: list[dict[str, Any]],
    file_format: str = "auto",
    secret_keys: Iterable[str] = (),
    new: bool = False,
) -> Plan:
    """new: the file does not exist yet, so an empty text is not a truncated file."""
    if file_format == "auto":
        file_format = format_of(path)
    try:
        edits = [read_edit(number, edit, file_format, secret_keys) for number, edit in enumerate(given, 1)]
        if "\0" in text:
            raise Refused("it contains NUL bytes, it is not a configuration file")
        editor = open_editor(text, file_format)
        if editor.is_empty() and not new:
            raise Refused("it holds no attribute at all, it looks truncated; restore it before it is edited")
        warnings = editor.warnings()
        changes = [change for edit in edits for change in _apply(editor, edit)]
        after = editor.render()
        _check(open_editor(after, file_format), edits)
    except (NotParsed, Refused) as problem:
        raise Refused(f"{path}: {problem}") from None
    return Plan(text, after, changes if after != text else [], warnings, file_format)


def shown(plan: Plan, secret_keys: Iterable[str] = ()) -> tuple[str, str]:
    """The texts before and after, for a diff: without secrets, but with a sign where one changes."""
    known: set[str] = set()
    before, after = (_masked(text, plan.file_format, known, secret_keys) for text in (plan.before, plan.after))
    return before, after


def _masked(text: str, file_format: str, known: set[str], secret_keys: Iterable[str]) -> str:
    editor = open_editor(text, file_format)
    return masked(text, editor.spans(), editor.comment_lines, known, secret_keys)


def _apply(editor: Editor, edit: Edit) -> list[str]:
    try:
        return editor.apply(edit)
    except Refused as problem:
        raise Refused(f"edit {edit.number} ({edit.target}): {problem}") from None


def _check(editor: Editor, edits: list[Edit]) -> None:
    """What was written is read again: each edit must find its work done. One that does not was undone by another."""
    for edit in edits:
        if _apply(editor, edit):
            others = [
                other for other in edits if other is not edit and other.attribute.upper() == edit.attribute.upper()
            ]
            rivals = " or ".join(f"edit {other.number} ({other.target})" for other in others) or "another one"
            raise Refused(f"edit {edit.number} ({edit.target}) does not hold after all edits: it contradicts {rivals}")
