# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One edit as the user declares it, checked for sense before any file is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable

from .command_line import CommandLineEdit
from .errors import Refused
from .secrets import is_secret

# What an edit can be about: exactly one of these per edit (none together with state=absent: the attribute as a whole).
SUBJECTS = ("value", "values", "item", "members", "command_line")
SUBJECTS_OF = {
    "opennebula": frozenset(SUBJECTS),
    "shell": frozenset(("value", "members", "command_line")),
    "yaml": frozenset(("value", "item")),
}


@dataclass(frozen=True)
class Edit:
    number: int
    attribute: str
    present: bool = True
    subject: str | None = None
    value: Any = None
    values: dict[str, str] = field(default_factory=dict)
    merge: bool = True
    where: dict[str, str] = field(default_factory=dict)
    key: str | None = None
    item: Any = None
    members: list[str] = field(default_factory=list)
    separator: str = ","
    command_line: CommandLineEdit | None = None
    secret_keys: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """How sentences name it: `VM_MAD[NAME=kvm]/ARGUMENTS`."""
        where = ", ".join("{}={}".format(*pair) for pair in self.where.items())
        return self.attribute + (f"[{where}]" if where else "") + (f"/{self.key}" if self.key else "")

    def sentence(self, target: str, new: str, old: str | None = None) -> str:
        """What was done to a value, without saying a secret."""
        verb = "add" if old is None else "set"
        if is_secret(target, self.secret_keys):
            return f"{verb} {target} (its value is not shown)"
        return f"{verb} {target} = '{new}'" + ("" if old is None else f" (was '{old}')")

    def item_sentence(self, item: str) -> str:
        """What was done to one of several values, without saying a secret."""
        shown = "an item that is not shown" if is_secret(self.target, self.secret_keys) else item
        return f"{'add' if self.present else 'remove'} {shown} in {self.target}"


def read_edit(number: int, given: dict[str, Any], file_format: str, secret_keys: Iterable[str] = ()) -> Edit:
    given = {name: value for name, value in given.items() if value is not None}
    attribute = given.get("attribute", "")
    try:
        return _read_edit(number, attribute, given, file_format, tuple(secret_keys))
    except Refused as problem:
        raise Refused(f"edit {number} ({attribute}): {problem}") from None


def _read_edit(
    number: int, attribute: str, given: dict[str, Any], file_format: str, secret_keys: tuple[str, ...]
) -> Edit:
    present = given.get("state", "present") == "present"
    subjects = [name for name in SUBJECTS if name in given]
    if len(subjects) > 1:
        raise Refused(
            "an edit is about one thing, this one has {}; make them several edits".format(" and ".join(subjects))
        )
    subject = subjects[0] if subjects else None
    if subject and subject not in SUBJECTS_OF[file_format]:
        raise Refused(f"{subject} has no meaning in a file of format {file_format}")
    if present and not subject:
        raise Refused("it says nothing about what shall be there; give one of {}".format(", ".join(SUBJECTS)))
    if not present and subject in ("value", "values"):
        raise Refused(f"to remove, name the attribute, the key or the item; {subject} says what shall be there")
    if file_format != "opennebula" and (given.get("where") or given.get("key")):
        raise Refused("where and key select in a vector attribute, which only format opennebula has")
    plain = file_format != "yaml"
    where = {key: text_of(value) for key, value in given.get("where", {}).items()}
    values = {key: text_of(value) for key, value in given.get("values", {}).items()}
    if "key" in given and subject == "value":
        subject, values = "values", {given["key"]: text_of(given["value"])}
    if subject == "values" and not values:
        raise Refused("values is empty")
    if subject == "item" and (where or "key" in given):
        raise Refused("an item is a repeated attribute, which has no where and no key")
    if len({key.upper() for key in values}) < len(values):
        raise Refused("values has a key twice, in different case")
    for key, value in where.items():
        other = next((text for name, text in values.items() if name.upper() == key.upper()), value)
        if other != value:
            raise Refused(f"values would change {key}, by which where selects")
    names = [attribute, *where, *values] if file_format == "opennebula" else [attribute]
    for name in names:
        _check_name(name, file_format)
    return Edit(
        number=number,
        attribute=attribute,
        present=present,
        subject=subject,
        value=text_of(given["value"]) if "value" in given and plain else given.get("value"),
        values=values,
        merge=given.get("merge", True),
        where=where,
        key=given.get("key"),
        item=text_of(given["item"]) if "item" in given and plain else given.get("item"),
        members=[text_of(member) for member in given.get("members", [])],
        separator=given.get("separator", " " if file_format == "shell" else ","),
        command_line=_command_line(given["command_line"]) if "command_line" in given else None,
        secret_keys=secret_keys,
    )


def text_of(value: Any) -> str:
    """The text of a value that has no type in the file. A YAML boolean is refused: it has lost how it was written."""
    if isinstance(value, bool) or value is None:
        raise Refused(f'{value} is not a text; quote it the way the program expects it, as "yes" or "NO"')
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Refused(f"a {type(value).__name__} where a text is expected")


def _command_line(given: dict[str, Any]) -> CommandLineEdit:
    given = {name: value for name, value in given.items() if value is not None}
    subjects = [name for name in ("members", "entries", "value") if name in given]
    if len(subjects) != 1:
        raise Refused("command_line needs exactly one of members, entries and value")
    if not str(given["option"]).startswith("-") or given["option"].strip("-") == "":
        raise Refused("the option of command_line is written with its dash, as -d")
    entries = given.get("entries", {})
    return CommandLineEdit(
        option=given["option"],
        members=[text_of(member) for member in given.get("members", [])],
        entries={name: None if script is None else text_of(script) for name, script in entries.items()},
        value=text_of(given["value"]) if "value" in given else None,
    )


def _check_name(name: str, file_format: str) -> None:
    if not name or (file_format != "yaml" and not (name.isascii() and name.replace("_", "a").isalnum())):
        raise Refused(f"'{name}' is not a name: letters, digits and '_'")
