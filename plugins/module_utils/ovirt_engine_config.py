# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of engine-config: what it prints, and which are to be set. No I/O."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

GENERAL = "general"  # the version of settings that no compatibility version has of its own


class Setting(NamedTuple):
    key: str
    value: str
    version: str = GENERAL


def wanted_settings(given: Sequence[Mapping[str, Any]]) -> list[Setting]:
    return [Setting(one["key"], one["value"], one.get("version") or GENERAL) for one in given]


def parse_values(key: str, output: str) -> dict[str, str]:
    """Value by version, from lines such as 'FenceQuietTimeBetweenOperationsInSec: 180 version: general'."""
    found = re.findall(rf"^{re.escape(key)}: ?(.*?) ?version: (\S+)\s*$", output, re.MULTILINE)
    return {version: value for value, version in found}


def faults_of(wanted: Sequence[Setting]) -> list[str]:
    faults = []
    seen: set[tuple[str, str]] = set()
    for one in wanted:
        if not re.fullmatch(r"[A-Za-z0-9_]+", one.key):
            faults.append(f"{one.key!r} is no key of engine-config, which has letters and digits.")
        if re.search(r"[\r\n]", one.value):
            faults.append(f"{one.key}: the value has a line break in it.")
        if "password" in one.key.lower():
            faults.append(f"{one.key} is a secret, which would be seen in the list of processes. Set it by hand.")
        if (one.key, one.version) in seen:
            faults.append(f"{one.key} of version {one.version} is declared twice.")
        seen.add((one.key, one.version))
    return faults


def different(wanted: Iterable[Setting], present: Mapping[str, Mapping[str, str]]) -> tuple[list[Setting], list[str]]:
    """Settings to be made, and what the engine does not know. present: values by version, by key."""
    changes, faults = [], []
    for one in wanted:
        values = present.get(one.key, {})
        if one.version not in values:
            versions = ", ".join(sorted(values)) or "none"
            faults.append(f"{one.key} has no value for version {one.version}; engine-config knows it for {versions}.")
        elif values[one.version] != one.value:
            changes.append(one)
    return changes, faults


def set_command(setting: Setting) -> list[str]:
    return ["engine-config", "-s", f"{setting.key}={setting.value}", f"--cver={setting.version}"]
