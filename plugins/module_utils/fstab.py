# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lossless editing of /etc/fstab: the lines of given mount points become as wanted, every other line stays as it is."""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple


class Entry(NamedTuple):
    source: str
    path: str
    fstype: str
    options: str

    def line(self) -> str:
        return " ".join([*(_escaped(field) for field in self), "0", "0"])


def edited(content: str, wanted: Iterable[Entry], absent: Iterable[str] = ()) -> str:
    """The content with one line for each wanted mount point, and none for those that shall be absent."""
    by_path = {entry.path: entry for entry in wanted}
    gone = set(absent)
    placed: set[str] = set()
    lines: list[str] = []
    for line in _lines(content):
        found = parse_line(line)
        if found is None or (found.path not in by_path and found.path not in gone):
            lines.append(line)
        elif found.path in by_path and found.path not in placed:
            placed.add(found.path)
            entry = by_path[found.path]
            lines.append(line if found == entry else entry.line() + "\n")
    missing = [entry.line() + "\n" for path, entry in by_path.items() if path not in placed]
    if missing and lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join(lines + missing)


def entries(content: str) -> list[Entry]:
    return [entry for entry in map(parse_line, _lines(content)) if entry]


def parse_line(line: str) -> Entry | None:
    """What a line mounts; None for comments and for what is no entry."""
    fields = re.findall(r"[^ \t\n]+", line)
    if len(fields) < 3 or fields[0].startswith("#"):
        return None
    source, path, fstype, options = [_unescaped(field) for field in [*fields, "defaults"][:4]]
    return Entry(source, _plain(path), fstype, options)


def _lines(content: str) -> list[str]:
    """With their ends. Only these are what mount takes for white space; Python knows more."""
    return re.findall(r"[^\n]*\n|[^\n]+", content)


def _plain(path: str) -> str:
    """/a//b/ is /a/b to mount."""
    return re.sub(r"/+", "/", path).rstrip("/") or "/"


def _escaped(field: str) -> str:
    return "".join(f"\\{ord(char):03o}" if char in " \t\n\\#" else char for char in field)


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), field)
