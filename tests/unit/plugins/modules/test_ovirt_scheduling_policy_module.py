# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom scheduling policies: what is planned, by table, and what the module says where the SDK is missing."""

from __future__ import annotations

from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import ovirt_sdk
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_scheduling import Policy, faults_of, plan
from ansible_collections.kvmcloud.stack.plugins.modules import ovirt_scheduling_policy

UNITS = {"filter": {"Memory", "CPU"}, "weight": {"EvenCpu"}, "load_balancing": {"Even"}}
SPREAD: dict[str, Any] = {
    "name": "spread",
    "properties": {"HighUtilization": 70, "EnableAutomaticHostPowerManagement": True},
    "filters": ["Memory"],
    "weights": {"EvenCpu": 2},
    "balance": "Even",
}
MADE = Policy(
    "spread",
    "id",
    properties={"HighUtilization": "70", "EnableAutomaticHostPowerManagement": "true"},
    filters=frozenset({"Memory"}),
    weights={"EvenCpu": 2},
    balance="Even",
)


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        ({}, []),
        ({"description": "new"}, ["change description of the scheduling policy spread"]),
        ({"properties": {"HighUtilization": 71}}, ["change properties of the scheduling policy spread"]),
        ({"filters": []}, ["take the filter Memory from spread"]),
        ({"filters": None, "weights": None, "balance": None, "properties": None}, []),
        ({"filters": ["CPU"]}, ["take the filter Memory from spread", "add the filter CPU to spread"]),
        ({"weights": {"EvenCpu": 3}}, ["take the weight EvenCpu from spread", "add the weight EvenCpu to spread"]),
        ({"balance": ""}, ["take the balance Even from spread"]),
        ({"state": "absent"}, ["remove the scheduling policy spread"]),
    ],
)
def test_what_is_planned(changed: dict[str, Any], sentences: list[str]) -> None:
    deeds, refusals = plan([{**SPREAD, **changed}], {"spread": MADE})
    assert [one.sentence for one in deeds] == sentences and refusals == []


def test_a_new_policy_is_made_before_its_units() -> None:
    deeds, _refusals = plan([SPREAD], {})
    assert [one.kind for one in deeds] == ["create", "add unit", "add unit", "add unit"]
    assert plan([{**SPREAD, "state": "absent"}], {}) == ([], [])


@pytest.mark.parametrize(
    ("changed", "present", "words"),
    [
        ({"description": "x"}, {"locked": True}, "is a policy of oVirt itself, and cannot be changed"),
        ({"state": "absent"}, {"locked": True}, "is a policy of oVirt itself, which cannot be removed"),
        ({"state": "absent"}, {"in_use_by": ("c1", "c2")}, "is the policy of c1, c2; give these another one first"),
    ],
)
def test_what_is_refused_lets_nothing_be_done(changed: dict[str, Any], present: dict[str, Any], words: str) -> None:
    found = Policy(**{**MADE.__dict__, **present})
    deeds, refusals = plan([{**SPREAD, "name": "new"}, {**SPREAD, **changed}], {"spread": found})
    assert deeds == [] and words in refusals[0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"filters": ["Memry"]}, "no unit 'Memry' of type filter; it has CPU, Memory."),
        ({"weights": {"Memory": 1}}, "no unit 'Memory' of type weight"),
        ({"weights": {"EvenCpu": True}}, "the weight of EvenCpu is True; a factor is a number from 1"),
        ({"balance": "Odd"}, "no unit 'Odd' of type load_balancing"),
        ({"properties": {"HighUtilization": 49}}, "HighUtilization is '49', which the engine does not take"),
        ({"properties": {"LowUtilization": 50}}, "LowUtilization is '50'"),
        ({"properties": {"CpuOverCommitDurationMinutes": 0}}, "CpuOverCommitDurationMinutes is '0'"),
        ({"properties": {"EnableAutomaticHostPowerManagement": "yes"}}, "is 'yes', which the engine does not take"),
        ({"properties": {"MaximumAllowedSwapUsage": 101}}, "MaximumAllowedSwapUsage is '101'"),
    ],
)
def test_what_the_engine_would_not_take(changed: dict[str, Any], words: str) -> None:
    (fault,) = faults_of([{**SPREAD, **changed}], UNITS)
    assert words in fault
    assert faults_of([{**SPREAD, **changed, "state": "absent"}], UNITS) == []


def test_a_policy_that_is_declared_twice() -> None:
    assert faults_of([SPREAD, SPREAD], UNITS) == ["spread: it is declared twice."]


def test_a_host_without_the_sdk_is_told_which_library_is_missing(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovirt_sdk, "SDK_ERROR", "ModuleNotFoundError: ovirtsdk4")
    with pytest.raises(ModuleFailed, match="ovirt-engine-sdk-python"):
        run_module(capsys, ovirt_scheduling_policy, auth={"url": "https://engine.test/api"}, policies=[SPREAD])
