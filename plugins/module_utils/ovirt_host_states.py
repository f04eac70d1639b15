# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States of hosts in an engine of oVirt: which are ready, and which will not be. No I/O."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

READY = ("up", "maintenance")
# What a host does not come out of by itself. A host that does not respond may just be starting anew.
FAILED = ("install_failed", "error", "non_operational")
REMEDY = "Correct the cause, and declare the host with state: reinstalled for one run."


class Outcome(NamedTuple):
    waiting: list[str]  # host and state
    failed: list[str]  # hosts
    missing: list[str]  # hosts

    @property
    def over(self) -> bool:
        """One that has failed ends the wait only when the others have ended too: they are not left half made."""
        return not self.waiting


def judge(names: Sequence[str], states: Mapping[str, str]) -> Outcome:
    """states: by host, as the engine has them."""
    missing = [name for name in names if name not in states]
    failed = [name for name in names if states.get(name) in FAILED]
    done = {*missing, *failed, *(name for name in names if states.get(name) in READY)}
    return Outcome([f"{name} is {states[name]}" for name in names if name not in done], failed, missing)


def sentences(outcome: Outcome, states: Mapping[str, str], events: Mapping[str, Sequence[str]]) -> list[str]:
    """Why not all are ready. events: by host, what the engine said of it, newest first."""
    told = [f"The engine has no host {name}." for name in outcome.missing]
    for name in outcome.failed:
        words = " / ".join(events.get(name, [])) or "nothing"
        told.append(f"The host {name} is {states[name]}. The engine says: {words}. {REMEDY}")
    return told
