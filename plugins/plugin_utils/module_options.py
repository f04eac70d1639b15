# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared entries as the module that applies them would have them, and what it would refuse, in its own words."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import AnsibleValidationError, UnsupportedError

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import HIDDEN, secrets
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.host_variables import one_line


def as_modules_take(
    entries: Iterable[Any], options: dict[str, Any], name: str, named: bool = True
) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries as the module would have them after its own check of arguments, and what that check refuses."""
    validator = ArgumentSpecValidator(options, required_one_of=[["name", "id"]] if named else None)
    taken, faults = [], []
    for entry in entries:
        if not isinstance(entry, Mapping):
            faults.append(f"{name} has the entry {entry!r}, and wanted is a dictionary with a name.")
            continue
        result = validator.validate(dict(entry))
        if result.error_messages:
            label = f"{name}, entry {entry.get('name', entry.get('id', '(without name or id)'))}"
            faults += [without(secrets(entry), f"{label}: {refusal(error)}.") for error in result.errors.errors]
        else:
            taken.append(result.validated_parameters)
    return taken, faults


def refusal(error: AnsibleValidationError) -> str:
    unknown = "there is no option " if isinstance(error, UnsupportedError) else ""
    return unknown + one_line(error)


def without(hidden: Iterable[str], sentence: str) -> str:
    for secret in sorted(hidden, key=len, reverse=True):
        sentence = sentence.replace(secret, HIDDEN)
    return sentence
