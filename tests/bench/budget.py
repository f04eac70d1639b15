# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the figures of a run against tests/bench/budget.yml."""

from __future__ import annotations

from pathlib import Path

import yaml


def exceeded(counts: dict, scenario: str, groups: dict[str, list[str]]) -> list[str]:
    """Every figure that is over its budget, as a sentence; a role without a budget is one too."""
    budget = yaml.safe_load((Path(__file__).parent / "budget.yml").read_text())[scenario]
    over = []
    if counts["barriers"] > budget["barriers"]:
        over.append(f"{counts['barriers']} task barriers, budget {budget['barriers']}")
    for group, most in budget["modules"].items():
        for host in groups[group]:
            total = counts["modules"][host]["total"]
            if total > most:
                over.append(f"{total} module executions on {host}, budget of {group} {most}")
    for host, roles in counts["modules"].items():
        for role, count in roles.items():
            if role != "total" and count > budget["roles"].get(role, 0):
                over.append(f"role {role} runs {count} modules on {host}, budget {budget['roles'].get(role, 0)}")
    for action, most in budget.get("actions", {}).items():
        runs = sum(counts["actions"].get(action, {}).values())
        if runs > most:
            over.append(f"module {action} runs {runs} times, budget {most}")
    return over
