# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of hosts, read as they are: what is not set, or cannot be worked out, ends nothing."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from ansible.errors import AnsibleError
from jinja2 import Undefined


def value_of(variables: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """A variable, or the default where it is not set or is made from one that is not (a vault that is not there)."""
    try:
        value = variables[name]
    except (KeyError, AnsibleError):
        return default
    # ansible-core 2.19 hands out a marker for what cannot be resolved, where older releases raise
    return default if value is None or isinstance(value, Undefined) else value


class Listed(NamedTuple):
    entries: list[Any]
    fault: str | None = None


def list_of(variables: Mapping[str, Any], name: str, default: Iterable[Any] = ()) -> Listed:
    """A list with all that is in it worked out; the fault says why it cannot be."""
    try:
        value = variables[name]
    except KeyError:
        return Listed(list(default))
    except AnsibleError as error:
        return Listed([], f"{name} cannot be worked out: {one_line(error)}.")
    try:
        value = worked_out(value)
    except Exception as error:  # templating raises as it likes, which differs between releases of Ansible
        return Listed([], f"{name} cannot be worked out: {one_line(error)}.")
    if not isinstance(value, (list, tuple)):
        return Listed([] if value is None else [], None if value is None else f"{name} is {value!r}, and no list.")
    return Listed(list(value))


def dictionaries(variables: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The entries of a list that are dictionaries; what the others are is told elsewhere."""
    return [dict(entry) for entry in list_of(variables, name).entries if isinstance(entry, Mapping)]


def worked_out(value: Any) -> Any:
    """The value with every template in it resolved; ansible-core 2.19 does that as late as it can."""
    if isinstance(value, Undefined):
        raise AnsibleError(getattr(value, "_undefined_message", None) or "a variable in it is not set")
    if isinstance(value, Mapping):
        return {str(key): worked_out(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [worked_out(one) for one in value]
    return value


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
