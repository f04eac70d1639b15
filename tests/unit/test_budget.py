# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that costs more than its budget is told, whatever of it is too much."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import yaml

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

from budget import exceeded  # noqa: E402  (found through the line above)

GROUPS = {"gluster_servers": ["gs1", "gs2"], "gluster_clients": ["client1"]}
BUDGET = yaml.safe_load((BENCH / "budget.yml").read_text())["gluster_pool"]
WITHIN = {
    "barriers": BUDGET["barriers"],
    "modules": {
        **{name: {"total": BUDGET["modules"]["gluster_servers"], "gluster_server": 3} for name in ("gs1", "gs2")},
        "client1": {"total": BUDGET["modules"]["gluster_clients"], "gluster_client": 2},
    },
    "actions": {"gluster_brick": {"gs1": 1, "gs2": 1}, "gluster_volume": {"gs1": 1}},
}


def changed(**parts: dict) -> dict:
    found = copy.deepcopy(WITHIN)
    for name, part in parts.items():
        found[name] = part if not isinstance(part, dict) else {**found[name], **part}
    return found


def test_a_run_within_its_budget():
    assert exceeded(WITHIN, "gluster_pool", GROUPS) == []


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (changed(barriers=BUDGET["barriers"] + 1), "task barriers, budget"),
        (changed(modules={"gs2": {"total": 99}}), "99 module executions on gs2"),
        (changed(modules={"gs1": {"total": 7, "gluster_server": 6}}), "role gluster_server runs 6 modules on gs1"),
        (changed(modules={"gs1": {"total": 1, "surprise": 1}}), "role surprise runs 1 modules on gs1, budget 0"),
        (changed(actions={"gluster_volume": {"gs1": 1, "gs2": 1}}), "module gluster_volume runs 2 times, budget 1"),
        (changed(actions={"gluster_peer": {"gs1": 2}}), "module gluster_peer runs 2 times, budget 1"),
    ],
)
def test_what_is_too_much(counts, words):
    over = exceeded(counts, "gluster_pool", GROUPS)
    assert len(over) == 1 and words in over[0], over
