# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_report import (
    Window,
    as_json,
    as_junit,
    as_text,
    counts,
    rows_of,
)


def check(name: str, ok: bool = True, **more: Any) -> dict[str, Any]:
    return {"name": name, "ok": ok, "skipped": False, "detail": "seen", "emulated": False, "seconds": 0.25, **more}


RESULTS: dict[str, Any] = {
    "front1": {"checks": [check("api", emulated=True), check("time"), check("hosts", ok=False, emulated=True)]},
    "node1": {"checks": [check("guest", skipped=True, detail="not run in check mode")]},
    "node2": {"unreachable": True, "msg": "No route\nto host"},
    "node3": None,
}
ROWS = rows_of(RESULTS)


def test_emulated_is_never_counted_as_passed() -> None:
    assert counts(ROWS) == {"total": 6, "passed": 1, "emulated": 1, "skipped": 1, "failed": 3}


def test_table() -> None:
    lines = as_text(ROWS).splitlines()
    assert lines[0].split() == ["host", "check", "result", "detail"]
    assert lines[2].split() == ["front1", "api", "emulated", "seen"]
    assert "FAILED: node2: host can be asked: No route to host" in lines
    assert lines[-1] == (
        "1 of 6 checks passed; 1 hold on an EMULATED OpenNebula, which proves nothing about the real one; "
        "1 skipped; 3 failed."
    )
    assert len({line.index("FAILED") for line in lines if "  FAILED  " in line}) == 1, "columns are aligned"


def test_junit() -> None:
    suites = ElementTree.fromstring(as_junit(ROWS).encode())
    front = suites.find("testsuite[@name='front1']")
    assert front is not None
    assert (front.get("tests"), front.get("failures"), front.get("skipped")) == ("3", "1", "1")
    outcome = {str(case.get("name")): [child.tag for child in case] for case in suites.iter("testcase")}
    assert outcome["api"] == ["skipped", "system-out"]
    assert outcome["time"] == ["system-out"]
    assert outcome["hosts"] == ["failure", "system-out"]


def test_json() -> None:
    found = json.loads(as_json(ROWS))
    assert found["summary"]["failed"] == 3
    assert found["checks"][0] == {
        "host": "front1",
        "name": "api",
        "outcome": "emulated",
        "detail": "seen",
        "emulated": True,
        "seconds": 0.25,
    }


def test_signs_that_xml_cannot_carry() -> None:
    odd = as_junit(rows_of({"h": {"checks": [check('a\x00<&"é', detail="\x1b[31m")]}}))
    (case,) = ElementTree.fromstring(odd.encode()).iter("testcase")
    assert case.get("name") == 'a?<&"é'


def test_no_hosts() -> None:
    assert as_text(rows_of({})).endswith("0 of 0 checks passed; 0 failed.\n")


@pytest.mark.parametrize(
    ("epoch", "outcome", "detail"),
    [
        (105.0, "passed", "no difference seen"),
        (110.0, "passed", "no difference seen"),
        (99.0, "passed", "differs by -1.0 s at least (limit 2 s)"),
        (112.5, "FAILED", "differs by +2.5 s at least (limit 2 s); set the time and run a time service"),
        (40.0, "FAILED", "differs by -60.0 s at least (limit 2 s); set the time and run a time service"),
    ],
)
def test_a_slow_run_is_no_difference_of_clocks(epoch: float, outcome: str, detail: str) -> None:
    row = rows_of({"n1": {"checks": [], "epoch": epoch}}, Window(100.0, 110.0, 2.0))[0]
    assert (row.outcome, row.detail) == (outcome, detail)
