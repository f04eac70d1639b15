# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd has to be told after the files of a small service were written, or before they are removed."""

from __future__ import annotations

import os
from typing import Collection, Mapping, NamedTuple, Sequence

UNIT_FOLDER = "/etc/systemd/system"
PROPERTIES = ("Id", "UnitFileState", "ActiveState", "NeedDaemonReload")


class UnitState(NamedTuple):
    enabled: bool
    active: bool
    stale: bool  # systemd has another version of the file in memory


class Steps(NamedTuple):
    """Commands of systemctl, to be run before and after the files are changed."""

    before: list[list[str]]
    after: list[list[str]]

    @property
    def all(self) -> list[list[str]]:
        return self.before + self.after


def parse_states(shown: str) -> dict[str, UnitState]:
    """From 'systemctl show': a block of properties for each unit."""
    states = {}
    for block in shown.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values.get("Id"):
            states[values["Id"]] = UnitState(
                values.get("UnitFileState") == "enabled",
                values.get("ActiveState") in ("active", "activating", "reloading"),
                values.get("NeedDaemonReload") == "yes",
            )
    return states


def plan_present(units: Sequence[str], states: Mapping[str, UnitState], changed: Collection[str]) -> Steps:
    after = []
    stale = any(state.stale for state in states.values())
    if stale or any(os.path.dirname(path) == UNIT_FOLDER for path in changed):
        after.append(["daemon-reload"])
    for unit in units:
        state = states.get(unit, UnitState(False, False, False))
        if not state.enabled:
            after.append(["enable", unit])
        if not state.active:
            after.append(["start", unit])
        elif state.stale or f"{UNIT_FOLDER}/{unit}" in changed:
            after.append(["restart", unit])
    return Steps([], after)


def plan_absent(units: Sequence[str], states: Mapping[str, UnitState], removed: Collection[str]) -> Steps:
    known = [unit for unit in units if unit in states and (states[unit].enabled or states[unit].active)]
    stale = any(state.stale for state in states.values())
    return Steps(
        [["disable", "--now", unit] for unit in known],
        [["daemon-reload"]] if stale or any(os.path.dirname(path) == UNIT_FOLDER for path in removed) else [],
    )
