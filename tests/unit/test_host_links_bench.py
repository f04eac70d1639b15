# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of links fails over its limits, and reads what Ansible says of a confirmation."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import host_links  # noqa: E402  (found through the line above)

CHANGE = {"modules": 4, "changed": True, "applies": 1, "confirmed_after": 15.0, "wall": 20.0}
CONVERGED = {"modules": 4, "changed": False, "applies": 0, "confirmed_after": None, "wall": 9.0}


def told(change=None, converged=None):
    results = [{"step": "s", "change": {**CHANGE, **(change or {})}, "converged": {**CONVERGED, **(converged or {})}}]
    return host_links.over(results)


def test_what_keeps_to_the_limits():
    assert told() == []


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"change": {"modules": 5}}, "s, change: 5 module executions, limit 4"),
        ({"converged": {"modules": 5}}, "s, converged: 5 module executions, limit 4"),
        ({"change": {"applies": 2}}, "s, change: 2 applies, changed: True; expected 1"),
        ({"change": {"changed": False}}, "s, change: 1 applies, changed: False; expected 1"),
        ({"converged": {"applies": 1}}, "s, converged: 1 applies, changed: False; expected 0"),
        ({"converged": {"changed": True}}, "s, converged: 0 applies, changed: True; expected 0"),
        ({"change": {"confirmed_after": 15.1}}, "s: confirmed after 15.1 s, limit 15.0 s"),
        ({"change": {"confirmed_after": None}}, "s: confirmed after None s, limit 15.0 s"),
    ],
)
def test_what_is_over_a_limit(values, sentence):
    assert told(**values) == [sentence]


def test_the_seconds_are_found_in_what_ansible_prints():
    tasks = [{"hosts": {"host1": {"changed": False}}}, {"hosts": {"host1": {"confirmed_after": 3.4}}}]
    output = json.dumps({"plays": [{"tasks": tasks}]}) + "\nCOUNTED: 5 task barriers\n"
    assert host_links.confirmations(output) == [3.4]
