# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks: ON is never stored, REMOTE may be missing, and a change of RESOURCE by update ruins a hook for good."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_hook import ON, HookPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan

STORED = {
    "ARGUMENTS": ["$TEMPLATE"],
    "COMMAND": ["/x"],
    "LCM_STATE": ["LCM_INIT"],
    "REMOTE": ["NO"],
    "RESOURCE": ["VM"],
    "STATE": ["POWEROFF"],
}
WANTED = {
    "name": "h",
    "resource": "VM",
    "resource_state": "POWEROFF",
    "lcm_state": "LCM_INIT",
    "command": "/x",
    "arguments": "$TEMPLATE",
}


def hook(template: dict[str, Any] | None = None, kind: str = "state", locked: bool = False) -> Resource:
    return Resource(3, "h", {"TYPE": kind}, {}, STORED if template is None else template, None, locked)


def plan(present: list[Resource], wanted: dict[str, Any]) -> Plan:
    return HookPlanner(present).plan([wanted])


def verbs(found: Plan) -> list[str]:
    return [str(step.argv[1]) for step in found.steps]


def sent(found: Plan) -> str:
    return "".join(part.text for step in found.steps for part in step.argv if isinstance(part, InputFile))


without_remote = {name: value for name, value in STORED.items() if name != "REMOTE"}

COMPARED: list[Any] = [
    pytest.param(STORED, WANTED, [], id="as it is"),
    pytest.param(STORED, {"name": "h"}, [], id="nothing given, nothing compared"),
    pytest.param(STORED, {**WANTED, "resource_state": "poweroff"}, [], id="states in any case"),
    pytest.param(STORED, {**WANTED, "remote": False}, [], id="REMOTE is NO"),
    pytest.param(without_remote, {**WANTED, "remote": False}, [], id="a missing REMOTE is NO"),
    pytest.param(without_remote, {**WANTED, "remote": True}, ["update"], id="a missing REMOTE is not YES"),
    pytest.param({**STORED, "ON": ["CUSTOM"], "NAME": ["h"]}, WANTED, [], id="leftovers of a replacement by hand"),
    pytest.param(
        {**STORED, "ARGUMENTS_STDIN": ["yes"]}, {**WANTED, "arguments_stdin": True}, [], id="a boolean in any case"
    ),
    pytest.param(STORED, {**WANTED, "command": "/y"}, ["update"], id="another command"),
    pytest.param(
        STORED, {**WANTED, "resource": "HOST", "lcm_state": None}, ["delete", "create"], id="RESOURCE differs"
    ),
    pytest.param({**STORED, "RESOURCE": ["HOST"]}, WANTED, ["delete", "create"], id="a hook ruined by such an update"),
]


@pytest.mark.parametrize("stored, wanted, expected", COMPARED)
def test_comparison(stored: dict[str, Any], wanted: dict[str, Any], expected: list[str]) -> None:
    assert verbs(plan([hook(stored)], wanted)) == expected


@pytest.mark.parametrize("word, states", ON.items())
def test_on_is_compared_by_the_states_it_stands_for(word: str, states: tuple[str, str]) -> None:
    wanted = {"name": "h", "resource": "VM", "on_state": word, "command": "/x"}
    stored = {**STORED, "STATE": [states[0]], "LCM_STATE": [states[1]]}
    assert plan([hook(stored)], wanted).steps == []
    assert f'STATE = "{states[0]}"\nLCM_STATE = "{states[1]}"\n' in sent(plan([], wanted))


def test_creation_of_a_hook_of_a_vm_says_custom() -> None:
    """Without ON oned refuses; with another word it overwrites both states."""
    found = plan([], WANTED)
    assert found.steps[0].argv[:2] == ("onehook", "create")
    assert 'ON = "CUSTOM"' in sent(found) and 'TYPE = "state"' in sent(found)


def test_a_hook_of_a_host_knows_no_on() -> None:
    found = plan([], {"name": "h", "resource": "HOST", "resource_state": "ERROR", "command": "ft/host_error.rb"})
    assert "ON = " not in sent(found) and "LCM_STATE" not in sent(found)


def test_an_update_appends_what_differs_and_nothing_else() -> None:
    found = plan([hook()], {**WANTED, "command": "/y"})
    assert sent(found) == 'COMMAND = "/y"\n'
    assert found.steps[0].argv[-1] == "-a"


@pytest.mark.parametrize(
    "present, wanted",
    [
        (hook(), {"name": "h", "type": "api", "call": "one.vm.allocate", "command": "/x"}),
        (
            hook({"CALL": ["one.vm.info"], "COMMAND": ["/x"], "REMOTE": ["NO"]}, "api"),
            {"name": "h", "call": "one.vm.allocate", "command": "/x"},
        ),
        (hook({"CALL": ["one.vm.info"], "COMMAND": ["/x"], "REMOTE": ["NO"]}, "api"), {**WANTED, "type": "state"}),
    ],
)
def test_what_cannot_be_updated_is_made_anew(present: Resource, wanted: dict[str, Any]) -> None:
    found = plan([present], wanted)
    assert verbs(found) == ["delete", "create"]
    (diff,) = found.diff
    assert diff["before"] and diff["after"]


@pytest.mark.parametrize(
    "present, wanted, words",
    [
        ([], {"name": "h", "command": "/x"}, "these are missing: resource, resource_state"),
        ([], {**WANTED, "lcm_state": None}, "these are missing: lcm_state"),
        ([], {"name": "h", "type": "api", "command": "/x"}, "these are missing: call"),
        ([], {**WANTED, "on_state": "RUNNING"}, "sets both states"),
        ([], {**WANTED, "resource": "HOST"}, "hooks of VMs only"),
        ([], {**WANTED, "type": "api", "call": "one.vm.info"}, "has a call and no resource"),
        ([], {**WANTED, "call": "one.vm.info"}, "and no call"),
        ([hook()], {**WANTED, "template": {"ON": "RUNNING"}}, "an option of its own"),
        ([hook()], {"name": "h", "resource": "HOST"}, "which only a new hook can have"),
        ([hook(locked=True)], {**WANTED, "command": "/y"}, "onehook unlock 3"),
        ([hook(locked=True)], {**WANTED, "resource": "HOST", "lcm_state": None}, "onehook unlock 3"),
    ],
)
def test_refusals(present: list[Resource], wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan(present, wanted)


LOCKS: list[Any] = [
    pytest.param(False, "locked", {}, ["lock"], id="locked"),
    pytest.param(True, "locked", {}, [], id="locked already"),
    pytest.param(True, "unlocked", {}, ["unlock"], id="unlocked"),
    pytest.param(False, "unlocked", {}, [], id="unlocked already"),
    pytest.param(False, "locked", {"command": "/y"}, ["update", "lock"], id="changed, then locked"),
    pytest.param(True, "locked", {"command": "/y"}, ["unlock", "update", "lock"], id="unlocked for the change"),
    pytest.param(True, "unlocked", {"command": "/y"}, ["unlock", "update"], id="unlocked before the change"),
    pytest.param(True, "present", {}, [], id="present says nothing about the lock"),
]


@pytest.mark.parametrize("locked, state, more, expected", LOCKS)
def test_locks(locked: bool, state: str, more: dict[str, Any], expected: list[str]) -> None:
    found = plan([hook(locked=locked)], {**WANTED, **more, "state": state})
    assert verbs(found) == expected
    assert bool(found.diff) is bool(expected)


def test_the_diff_tells_of_the_lock() -> None:
    (diff,) = plan([hook()], {**WANTED, "state": "locked"}).diff
    assert (diff["before"], diff["after"]) == ("locked: False\n", "locked: True\n")


def test_a_new_hook_is_locked_by_the_id_it_gets() -> None:
    found = plan([], {**WANTED, "state": "locked"})
    assert [[str(part) for part in step.argv] for step in found.steps] == [
        ["onehook", "create", "<file>"],
        ["onehook", "lock", "<id of h>"],
    ]


def test_a_locked_hook_made_anew_is_locked_by_its_new_id() -> None:
    found = plan(
        [hook(locked=True)], {**WANTED, "type": "api", "call": "one.vm.allocate", **NO_STATES, "state": "locked"}
    )
    assert verbs(found) == ["unlock", "delete", "create", "lock"]
    assert str(found.steps[-1].argv[2]) == "<id of h>"


NO_STATES = {"resource": None, "resource_state": None, "lcm_state": None}


@pytest.mark.parametrize("name", ["COMMAND", "resource", "STATE", "LCM_STATE", "CALL"])
def test_what_a_hook_needs_is_not_purged(name: str) -> None:
    with pytest.raises(Refused, match=f"{name.upper()} cannot be purged"):
        plan([hook()], {"name": "h", "purge": [name]})
