# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways in which an edit can end without a result; both are sentences for the person who wrote the edit."""

from __future__ import annotations


class NotParsed(Exception):
    """The file is not valid in its own grammar; line and column (counted from 1) say where."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.problem = problem
        self.line = line
        self.column = column


class Refused(Exception):
    """The edit cannot be done as asked: it is ambiguous, contradicts the file, or its value cannot be written."""


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both counted from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class LibraryMissing(Exception):
    """The library for YAML files is not on this host."""
