# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, Rule
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_acceptance import accept


def disk_space(cloud: Cloud) -> list[Finding]:
    """Disks."""
    return []


def unreachable_hosts(cloud: Cloud) -> list[Finding]:
    """Reach."""
    return []


RULES = (Rule(disk_space), Rule(unreachable_hosts, acceptable=False))
HOSTS = ["node1", "node2"]
DISK1 = Finding("node1", "Full.", "Free it.", rule="disk_space")
DISK2 = Finding("node2", "Full.", "Free it.", rule="disk_space")
BOTH = Finding("node1, node2", "Full.", "Free it.", rule="disk_space")
CLOUD = Finding("all", "Full.", "Free it.", rule="disk_space")
GONE = Finding("node1", "Gone.", "Start it.", rule="unreachable_hosts")


def severities(accepted: Any, *found: Finding) -> list[str]:
    told_findings = accept(found, accepted, RULES, HOSTS)
    return [
        finding.severity
        for one in found
        for finding in told_findings
        if (finding.host, finding.what) == (one.host, one.what)
    ]


@pytest.mark.parametrize(
    "accepted",
    [
        ["disk_space"],
        "disk_space",  # -e preflight_accepted=disk_space
        ["disk_space: node1"],  # quoted
        [{"disk_space": "node1"}],  # the same without quotes is a dictionary to YAML
        [{"disk_space": ["node2", "node1"]}],
    ],
)
def test_an_accepted_finding_is_told_and_is_no_error(accepted: Any) -> None:
    assert severities(accepted, DISK1) == ["accepted"]
    (finding,) = accept([DISK1], accepted, RULES, HOSTS)
    assert finding.sentence == "accepted: node1: Full. Free it. [disk_space]"


@pytest.mark.parametrize(
    ("accepted", "found", "severity"),
    [
        ([], DISK1, "error"),
        (None, DISK1, "error"),
        (["disk_space: node1"], DISK2, "error"),
        (["disk_space: node1"], BOTH, "error"),
        (["disk_space: node1"], CLOUD, "error"),
        ([{"disk_space": ["node1", "node2"]}], BOTH, "accepted"),
        (["disk_space"], BOTH, "accepted"),
        (["disk_space"], CLOUD, "accepted"),
        (["disk_space: all"], CLOUD, "accepted"),
        (["disk_space: all"], DISK1, "error"),
    ],
)
def test_acceptance_reaches_as_far_as_it_says(accepted: Any, found: Finding, severity: str) -> None:
    assert severities(accepted, found) == [severity]


def test_errors_come_first_and_acceptance_may_name_no_host() -> None:
    warning = Finding("node2", "Hm.", "Look.", "warning", "disk_space")
    found = accept([warning, DISK1, GONE], [{"disk_space": None}], RULES, HOSTS)
    assert [finding.severity for finding in found] == ["error", "accepted", "accepted"]


def test_a_warning_can_be_accepted_too() -> None:
    warning = Finding("node1", "Hm.", "Look.", "warning", "disk_space")
    assert severities(["disk_space"], warning) == ["accepted"]


@pytest.mark.parametrize(
    ("accepted", "words", "advice"),
    [
        (["disk_spaces"], "'disk_spaces', and there is no such rule", "Did you mean disk_space?"),
        (["x"], "'x', and there is no such rule", "The name of a rule stands in brackets"),
        (["unreachable_hosts"], "unreachable_hosts, which cannot be accepted", "Take it out"),
        (["disk_space: node9"], "disk_space of 'node9', and the inventory has no such host", "Correct the name"),
    ],
)
def test_an_acceptance_that_cannot_be_meant_so_is_an_error(accepted: Any, words: str, advice: str) -> None:
    found = accept([DISK1, GONE], accepted, RULES, HOSTS)
    error = told(found, words)
    assert (error.severity, error.rule) == ("error", "preflight_accepted")
    assert error.remedy.startswith(advice)
    assert found[0] is error, "errors come first"
    assert severities(accepted, GONE) == ["error"], "what cannot be accepted is not"


def test_the_crash_of_any_rule_can_be_accepted() -> None:
    """Else a fault of the collection would keep everybody from their cloud."""
    crash = Finding("all", "The rule crashed.", "Report it.", rule="unreachable_hosts", crash=True)
    assert [finding.severity for finding in accept([crash], ["unreachable_hosts"], RULES, HOSTS)] == ["accepted"]
    found = accept([crash, GONE], ["unreachable_hosts"], RULES, HOSTS)
    assert {finding.what: finding.severity for finding in found} == {"The rule crashed.": "accepted", "Gone.": "error"}
