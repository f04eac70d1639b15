# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that hold several: the command line of a driver (`-t 15 -d dummy,ssh -l deploy=mine -p`) and plain lists.

Each function takes the value and returns the new one, which is the same string when there is nothing to do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import Refused


@dataclass(frozen=True)
class CommandLineEdit:
    """What shall hold for one option: members of its list, or entries of its map (None: no script), or its value."""

    option: str
    members: list[str] = field(default_factory=list)
    entries: dict[str, str | None] = field(default_factory=dict)
    value: str | None = None


def edit_command_line(line: str, edit: CommandLineEdit, present: bool) -> str:
    found = _argument(line, edit.option)
    if found is None:
        if not present:
            return line
        argument = _edit_argument("", edit, present=True)
        if not argument:
            return line
        return line.rstrip() + (" " if line.strip() else "") + edit.option + " " + argument
    start, end = found
    argument = _edit_argument(line[start:end], edit, present)
    if argument:
        return line[:start] + argument + line[end:]
    head = line[:start].rstrip()[: -len(edit.option)].rstrip()  # an option without its argument would eat the next word
    return head + (line[end:] if head else line[end:].lstrip())


def edit_members(text: str, members: list[str], separator: str, present: bool) -> str:
    """Union with, or removal from, a list that is written with commas or with blanks."""
    for member in members:
        if not member.strip() or separator in member or (separator == " " and len(member.split()) > 1):
            raise Refused(f"'{member}' cannot be a member of a list that is separated by '{separator}'")
    if separator == " ":
        return _edit_words(text, members, present)
    pieces = text.split(separator)
    if not present:
        kept = [piece for piece in pieces if piece.strip() not in members]
        return text if len(kept) == len(pieces) else separator.join(kept).lstrip(" \t\n")
    there = [piece.strip() for piece in pieces]
    missing = [member for index, member in enumerate(members) if member not in there and member not in members[:index]]
    gap = " " if len(pieces) > 1 and pieces[-1].startswith((" ", "\t", "\n")) else ""
    if not text.strip():
        return separator.join(missing)
    return separator.join([text, *[gap + member for member in missing]])


def _edit_words(text: str, words: list[str], present: bool) -> str:
    if present:
        missing = [word for index, word in enumerate(words) if word not in text.split() and word not in words[:index]]
        return (text + (" " if text and text == text.rstrip() else "") + " ".join(missing)) if missing else text
    if not set(words) & set(text.split()):
        return text
    for word in words:
        text = re.sub(rf"(?:^|(\s+)){re.escape(word)}(?=\s|$)", "", text)
    return text.lstrip()


def _argument(line: str, option: str) -> tuple[int, int] | None:
    """Where the argument of the option stands; oned hands the line on as it is, the driver splits it at blanks."""
    words = [(match.group(), match.span()) for match in re.finditer(r"\S+", line)]
    at = [index for index, (word, _span) in enumerate(words) if word == option]
    if len(at) > 1:
        raise Refused(f"the command line has {option} {len(at)} times, the driver takes the last; make it one")
    if not at:
        for word, _span in words:
            joined = word.startswith(option) if not option.startswith("--") else word.startswith(option + "=")
            if joined:
                raise Refused(f"the command line has '{word}'; write {option} and its argument as two words")
            if word.startswith("--") and not option.startswith("--"):
                raise Refused(f"the command line has the long option '{word}'; write it short, or name {option} long")
        return None
    after = at[0] + 1
    if after == len(words) or words[after][0].startswith("-"):
        raise Refused(f"the command line has {option} without an argument")
    return words[after][1]


def _edit_argument(argument: str, edit: CommandLineEdit, present: bool) -> str:
    for word in [*edit.members, *edit.entries, *edit.entries.values(), edit.value]:
        if word is None:
            continue
        if not word or re.search(r"[\s,]", word):
            raise Refused(f"'{word}' cannot stand in a command line: it is empty or has a blank or comma")
    if edit.members:
        return edit_members(argument, edit.members, ",", present)
    if edit.entries:
        return _edit_entries(argument, edit, present)
    if edit.value is None:  # an empty list or map: nothing to add, nothing to remove
        return argument
    if present:
        return edit.value
    return "" if edit.value == argument else argument


def _edit_entries(argument: str, edit: CommandLineEdit, present: bool) -> str:
    """A map from action to script. The driver upper-cases the names, and of two of one name it takes the last."""
    former = [piece for piece in argument.split(",") if piece.strip()]
    pieces = list(former)
    for name, script in edit.entries.items():
        wanted = name if script is None else f"{name}={script}"
        same_name = [piece for piece in pieces if piece.partition("=")[0].strip().upper() == name.upper()]
        same = [piece for piece in same_name if _script(piece) == script]
        if not present:
            pieces = [piece for piece in pieces if piece not in same]
        elif len(same_name) > 1 or same_name != same:
            raise Refused(
                f"{edit.option} already has '{','.join(same_name)}', wanted '{wanted}': "
                "one action has one script, so remove the other or chain the two"
            )
        elif not same_name:
            pieces.append(wanted)
    return argument if pieces == former else ",".join(pieces)


def _script(piece: str) -> str | None:
    _name, equals, script = piece.partition("=")
    return script.strip() if equals else None
