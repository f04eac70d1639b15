# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom scheduling policies of oVirt: what is to be changed in the engine so that they are as declared. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple, Sequence

FILTER, WEIGHT, BALANCE = "filter", "weight", "load_balancing"
_NUMBER, _PERCENT, _BOOL = r"[0-9]+", r"[0-9]|[1-9][0-9]|100", r"true|false"
# What the engine takes as values of the properties that it knows.
PROPERTIES = {
    "HighUtilization": r"[5-9][0-9]",
    "LowUtilization": r"[0-9]|[1-4][0-9]",
    "CpuOverCommitDurationMinutes": r"[1-9][0-9]*",
    "HostsInReserve": _NUMBER,
    "EnableAutomaticHostPowerManagement": _BOOL,
    "MaxFreeMemoryForOverUtilized": _NUMBER,
    "MinFreeMemoryForUnderUtilized": _NUMBER,
    "HeSparesCount": _NUMBER,
    "VCpuToPhysicalCpuRatio": r"[0-9]+(\.[0-9]+)?",
    "MaximumAllowedSwapUsage": _PERCENT,
}


@dataclass
class Policy:
    name: str
    id: str = ""
    description: str = ""
    locked: bool = False
    in_use_by: tuple[str, ...] = ()  # clusters
    properties: dict[str, str] = field(default_factory=dict)
    filters: frozenset[str] = frozenset()
    weights: dict[str, int] = field(default_factory=dict)
    balance: str = ""  # unit, or nothing


class Deed(NamedTuple):
    """kind: create, update, remove, or add/remove of a unit."""

    sentence: str
    kind: str
    policy: str
    unit_type: str = ""
    unit: str = ""
    factor: int = 0


def normal_properties(given: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in (given or {}).items()}


def faults_of(wanted: Sequence[Mapping[str, Any]], units: Mapping[str, set[str]]) -> list[str]:
    """units: names that the engine has, by type."""
    faults = []
    names = [one["name"] for one in wanted]
    faults += [f"{name}: it is declared twice." for name in sorted({n for n in names if names.count(n) > 1})]
    for one in wanted:
        if one.get("state") == "absent":
            continue
        used = [(FILTER, name) for name in one.get("filters") or []]
        used += [(WEIGHT, name) for name in one.get("weights") or {}]
        used += [(BALANCE, one["balance"])] if one.get("balance") else []
        for kind, name in used:
            if name not in units.get(kind, set()):
                known = ", ".join(sorted(units.get(kind, set()))) or "none"
                faults.append(f"{one['name']}: the engine has no unit {name!r} of type {kind}; it has {known}.")
        for key, value in normal_properties(one.get("properties")).items():
            if key in PROPERTIES and not re.fullmatch(PROPERTIES[key], value):
                faults.append(f"{one['name']}: {key} is {value!r}, which the engine does not take.")
        for name, factor in (one.get("weights") or {}).items():
            if isinstance(factor, bool) or not isinstance(factor, int) or factor < 1:
                faults.append(f"{one['name']}: the weight of {name} is {factor!r}; a factor is a number from 1.")
    return faults


def plan(wanted: Sequence[Mapping[str, Any]], present: Mapping[str, Policy]) -> tuple[list[Deed], list[str]]:
    """The deeds in their order, and what cannot be done."""
    deeds: list[Deed] = []
    refusals: list[str] = []
    for one in wanted:
        name = one["name"]
        found = present.get(name)
        if one.get("state") == "absent":
            if found and found.locked:
                refusals.append(f"{name} is a policy of oVirt itself, which cannot be removed.")
            elif found and found.in_use_by:
                refusals.append(f"{name} is the policy of {', '.join(found.in_use_by)}; give these another one first.")
            elif found:
                deeds.append(Deed(f"remove the scheduling policy {name}", "remove", name))
            continue
        steps = _plan_policy(one, found)
        if steps and found and found.locked:
            refusals.append(f"{name} is a policy of oVirt itself, and cannot be changed; declare one of another name.")
        else:
            deeds += steps
    return ([] if refusals else deeds), refusals


def _plan_policy(one: Mapping[str, Any], found: Policy | None) -> list[Deed]:
    name = one["name"]
    now = found or Policy(name)
    deeds = []
    if found is None:
        deeds.append(Deed(f"create the scheduling policy {name}", "create", name))
    else:
        changed = []
        if one.get("description") is not None and one["description"] != found.description:
            changed.append("description")
        if one.get("properties") is not None and normal_properties(one["properties"]) != found.properties:
            changed.append("properties")
        if changed:
            deeds.append(Deed(f"change {' and '.join(changed)} of the scheduling policy {name}", "update", name))
    # What is not declared is left as it is; an empty list takes all away.
    if one.get("filters") is not None:
        deeds += _units(name, FILTER, dict.fromkeys(now.filters, 0), dict.fromkeys(one["filters"], 0))
    if one.get("weights") is not None:
        deeds += _units(name, WEIGHT, now.weights, one["weights"])
    if one.get("balance") is not None:
        present = {now.balance: 0} if now.balance else {}
        deeds += _units(name, BALANCE, present, {one["balance"]: 0} if one["balance"] else {})
    return deeds


def _units(policy: str, kind: str, present: Mapping[str, int], wanted: Mapping[str, int]) -> list[Deed]:
    """A weight that gets another factor is taken away and added again: the engine has no other way."""
    gone = [name for name in sorted(present) if wanted.get(name) != present[name]]
    new = [name for name in sorted(wanted) if present.get(name) != wanted[name]]
    words = {FILTER: "filter", WEIGHT: "weight", BALANCE: "balance"}[kind]
    return [
        *(Deed(f"take the {words} {name} from {policy}", "remove unit", policy, kind, name) for name in gone),
        *(Deed(f"add the {words} {name} to {policy}", "add unit", policy, kind, name, wanted[name]) for name in new),
    ]
