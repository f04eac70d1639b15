# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: which ones oned takes for a new resource, and which resource of another pool a declaration means by one."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource

# For all kinds alike, on creation and on rename: "Invalid NAME, char '/' is not allowed".
_FORBIDDEN = frozenset("&|:\\\";/'#{}$<>")
_LONGEST = 128


def unusable(name: str) -> str | None:
    """Why no resource can have this name, or none that a command can reach by it; None if it is a good one."""
    if not name.strip():
        return "the name is empty."
    if name.isdigit():
        return "a name of digits only is always taken for an id by the commands and cannot be reached."
    if name.startswith("-"):
        return "a name that begins with '-' would be read as an option by the commands."
    size = len(name.encode("utf-8"))
    if size > _LONGEST:
        return f"the name has {size} bytes in UTF-8; oned takes {_LONGEST} at most."
    bad = next((char for char in name if char in _FORBIDDEN or ord(char) < 32 or ord(char) == 127), None)
    return f"the name holds {bad!r}, which oned does not allow." if bad else None


class NoSuchName(Exception):
    """A name that the pool does not have, or has more than once; the text is a sentence."""


class Named(NamedTuple):
    """What a declaration calls by name or id: its name, and what stands for it in an argv."""

    name: str
    argument: str


class Names:
    """Finds the members of another pool that declarations name; without a pool (nobody named one) it is never asked."""

    def __init__(self, noun: str, pool: Sequence[Resource], lenient: bool = False, remedy: str = "") -> None:
        self.noun = noun
        self.remedy = remedy or f"declare it as a {noun} first."
        self.lenient = lenient
        self.ids: dict[str, list[int]] = {}
        for member in pool:
            self.ids.setdefault(member.name, []).append(member.id)
        self.names = {member.id: member.name for member in pool}
        self.missing: list[str] = []

    def find(self, name: str) -> Named:
        """By id or name. A lenient search takes an unknown name as one that will exist, and remembers it."""
        if name.isdecimal() and int(name) in self.names:
            return Named(self.names[int(name)], str(int(name)))  # as the pools write it: they are compared
        numbers = self.ids.get(name, [])
        if len(numbers) > 1:
            listed = ", ".join(str(number) for number in sorted(numbers))
            raise NoSuchName(f"{len(numbers)} {self.noun}s are named {name}, with the ids {listed}; give the id.")
        if numbers:
            return Named(name, str(numbers[0]))
        if not self.lenient:
            raise NoSuchName(f"there is no {self.noun} {name}; {self.remedy}")
        self.missing.append(name)
        return Named(name, name)

    def name(self, number: int) -> str:
        return self.names.get(number, str(number))
