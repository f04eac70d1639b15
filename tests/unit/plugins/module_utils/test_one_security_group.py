# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: rules as a whole, and what keeps a group from being deleted."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_security_group import SecurityGroupPlanner, deletes
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan

WEB = {"PROTOCOL": "TCP", "RULE_TYPE": "inbound", "RANGE": "80"}
OUT = {"PROTOCOL": "ALL", "RULE_TYPE": "OUTBOUND"}
FIELDS = {"UID": "0", "GID": "0", "UNAME": "oneadmin", "GNAME": "oneadmin"}


def group(number: int = 100, name: str = "web", **more: Any) -> Resource:
    template = {"DESCRIPTION": ["d"], "RULE": [WEB, OUT], **more.pop("template", {})}
    return Resource(number, name, FIELDS, more.pop("ids", {}), template, "600", **more)


def network(number: int, name: str, groups: str, locked: bool = False) -> Resource:
    return Resource(number, name, {"STATE": "1"}, {}, {"SECURITY_GROUPS": [groups]}, "600", locked)


def plan(present: list[Resource], *wanted: dict[str, Any], networks: tuple[Resource, ...] = ()) -> Plan:
    return SecurityGroupPlanner(present, networks).plan(wanted)


def commands(found: Plan) -> list[list[str]]:
    return [[str(part) for part in step.argv] for step in found.steps]


def sent(found: Plan) -> list[str]:
    return [part.text for step in found.steps for part in step.argv if isinstance(part, InputFile)]


def test_creation_sends_name_rules_and_attributes_at_once() -> None:
    found = plan([], {"name": "web", "rules": [WEB, OUT], "template": {"DESCRIPTION": "d"}, "permissions": "644"})
    assert commands(found) == [
        ["onesecgroup", "create", "<file>"],
        ["onesecgroup", "chmod", "<id of web>", "644"],
    ]
    assert sent(found) == [
        'NAME = "web"\nDESCRIPTION = "d"\n'
        'RULE = [ PROTOCOL = "TCP", RULE_TYPE = "inbound", RANGE = "80" ]\n'
        'RULE = [ PROTOCOL = "ALL", RULE_TYPE = "OUTBOUND" ]\n'
    ]
    assert "template/RULE: [ PROTOCOL = TCP" in found.diff[0]["after"]


def test_a_group_without_rules_is_made_with_a_warning() -> None:
    assert "lets nothing in or out" in plan([], {"name": "closed"}).warnings[0]


UPDATE = ["onesecgroup", "update", "100", "<file>", "-a"]
STEPS: list[Any] = [
    pytest.param({"rules": [OUT, WEB]}, [], id="in another order"),
    pytest.param({"rules": None}, [], id="not given, not compared"),
    pytest.param({"rules": [{**WEB, "RANGE": "81"}, OUT]}, [UPDATE], id="one rule differs, all are sent"),
    pytest.param({"rules": [WEB]}, [UPDATE], id="one less"),
    pytest.param({"rules": []}, [["onesecgroup", "update", "100", "<file>"]], id="append cannot take the last one"),
    pytest.param({"rules": [OUT, WEB], "template": {"DESCRIPTION": "e"}}, [UPDATE], id="an attribute"),
    pytest.param({"owner": "alice"}, [["onesecgroup", "chown", "100", "alice"]], id="owner"),
    pytest.param({"rename_from": "web", "name": "www"}, [["onesecgroup", "rename", "100", "www"]], id="renamed"),
]


@pytest.mark.parametrize("wanted, expected", STEPS)
def test_steps(wanted: dict[str, Any], expected: list[list[str]]) -> None:
    found = plan([group()], {"name": "web", **wanted})
    assert commands(found) == expected
    assert bool(found.diff) is bool(expected)


def test_changed_rules_are_sent_as_a_whole_and_an_equal_attribute_is_not() -> None:
    found = plan([group()], {"name": "web", "rules": [OUT], "template": {"DESCRIPTION": "d"}})
    assert sent(found) == ['RULE = [ PROTOCOL = "ALL", RULE_TYPE = "OUTBOUND" ]\n']
    assert "RANGE = 80" in found.diff[0]["before"] and "RANGE = 80" not in found.diff[0]["after"]


def test_an_attribute_is_changed_without_sending_the_rules() -> None:
    found = plan([group()], {"name": "web", "rules": [OUT, WEB], "template": {"DESCRIPTION": "e"}})
    assert sent(found) == ['DESCRIPTION = "e"\n']


def test_no_rules_any_more_sends_back_all_that_stays() -> None:
    assert sent(plan([group()], {"name": "web", "rules": []})) == ['DESCRIPTION = "d"\n']


def test_a_purge_sends_the_rules_back() -> None:
    found = plan([group()], {"name": "web", "purge": ["DESCRIPTION"]})
    assert sent(found)[0].count("RULE = [") == 2


DELETE = {"name": "web", "state": "absent"}


@pytest.mark.parametrize(
    "present, networks, wanted, words",
    [
        pytest.param(group(0, "default"), (), {"id": 0, "state": "absent"}, "comes with OpenNebula", id="default"),
        pytest.param(group(ids={"UPDATED_VMS": (3,), "ERROR_VMS": (4,)}), (), DELETE, "2 VM.s. use it", id="VMs"),
        pytest.param(group(ids={"OUTDATED_VMS": (3,)}), (), DELETE, "1 VM.s. use it", id="a VM with the former rules"),
        pytest.param(
            group(), (network(7, "guests", "0,100"),), DELETE, "virtual network guests .id 7. uses it", id="a network"
        ),
        pytest.param(
            group(),
            (network(7, "guests", "0,100"), network(8, "dmz", "0,100")),
            {**DELETE, "detach_from": ["guests"]},
            "virtual network dmz .id 8. uses it",
            id="another network than the one named",
        ),
        pytest.param(
            group(),
            (network(7, "guests", "100"),),
            {**DELETE, "detach_from": ["guests"]},
            "only security group of virtual network guests",
            id="a network that would filter nothing",
        ),
        pytest.param(
            group(),
            (network(7, "guests", "0,100", locked=True),),
            {**DELETE, "detach_from": ["guests"]},
            "onevnet unlock 7",
            id="a locked network",
        ),
    ],
)
def test_what_is_in_use_is_not_deleted(
    present: Resource, networks: tuple[Resource, ...], wanted: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        plan([present], wanted, networks=networks)


@pytest.mark.parametrize("named", ["guests", "7"])
def test_a_network_that_is_named_is_freed_of_the_group_first(named: str) -> None:
    """oned deletes a group that networks use, and leaves its id with them."""
    networks = (network(7, "guests", "0,100,101"), network(8, "other", "0,1000"))
    found = plan([group()], {**DELETE, "detach_from": [named]}, networks=networks)
    assert commands(found) == [["onevnet", "update", "7", "<file>", "-a"], ["onesecgroup", "delete", "100"]]
    assert sent(found) == ['SECURITY_GROUPS = "0,101"\n']


def test_groups_of_one_network_that_go_together_stay_away() -> None:
    """Each step sends the whole list: made from the pool alone it brought the former group back."""
    groups = [group(), group(101, "ssh")]
    wanted = [{**DELETE, "detach_from": ["guests"]}, {**DELETE, "name": "ssh", "detach_from": ["guests"]}]
    found = plan(groups, *wanted, networks=(network(7, "guests", "0,100,101"),))
    assert sent(found) == ['SECURITY_GROUPS = "0,101"\n', 'SECURITY_GROUPS = "0"\n']
    with pytest.raises(Refused, match="only security group of virtual network guests"):
        plan(groups, *wanted, networks=(network(7, "guests", "100,101"),))


def test_networks_are_looked_at_only_when_a_group_goes() -> None:
    assert deletes([DELETE], [group()]) and deletes([{"id": 100, "state": "absent"}], [group()])
    assert not deletes([{"name": "web", "state": "present"}], [group()])
    assert not deletes([DELETE], [group(101, "other")])


@pytest.mark.parametrize(
    "wanted, words",
    [
        ({"rules": [WEB, {"PROTOCOL": "X"}]}, "rule 2: PROTOCOL must be one of"),
        ({"template": {"RULE": WEB}}, "give the rules as 'rules'"),
        ({"purge": ["rule"]}, "RULE cannot be purged: give the rules as 'rules'"),
    ],
)
def test_refusals(wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan([group()], {"name": "web", **wanted})
