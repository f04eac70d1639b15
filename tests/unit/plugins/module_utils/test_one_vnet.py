# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual networks: security groups, VLAN ids, address ranges, and the state that success can hide."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_vnet import VnetPlanner, unready
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan, RunnerError
from ansible_collections.kvmcloud.stack.plugins.modules import onevnet

RANGE = {"TYPE": "IP4", "IP": "192.0.2.10", "SIZE": "20"}


def vnet(state: str = "1", **more: Any) -> Resource:
    fields = {"STATE": state, "VLAN_ID_AUTOMATIC": "0", "USED_LEASES": "0", **more.pop("fields", {})}
    template = {"VN_MAD": ["bridge"], "BRIDGE": ["br0"], "SECURITY_GROUPS": ["0"], **more.pop("template", {})}
    ranges = more.pop("ranges", ({**RANGE, "AR_ID": "3"},))
    return Resource(9, "guests", fields, {"CLUSTERS": (0,)}, template, "600", False, ranges)


def plan(present: list[Resource], *wanted: dict[str, Any]) -> Plan:
    clusters = [Resource(0, "default"), Resource(100, "edge")]
    groups = [Resource(0, "default"), Resource(100, "web"), Resource(101, "ssh")]
    return VnetPlanner(present, clusters, groups=groups).plan(wanted)


def commands(found: Plan) -> list[list[str]]:
    return [[str(part) for part in step.argv] for step in found.steps]


def sent(found: Plan) -> list[str]:
    return [part.text for step in found.steps for part in step.argv if isinstance(part, InputFile)]


@pytest.mark.parametrize(
    "stored, wanted, equal",
    [
        pytest.param("0,99", "99", True, id="oned puts the default group in front"),
        pytest.param("0,99", "0,99", True, id="with the default group"),
        pytest.param("99,100", "100, 99", True, id="in another order"),
        pytest.param("99", "0,99", False, id="the default group is wanted and missing"),
        pytest.param("0,99", "100", False, id="another group"),
        pytest.param("0,99", "99,100", False, id="one more"),
    ],
)
def test_security_groups(stored: str, wanted: str, equal: bool) -> None:
    found = plan(
        [vnet(template={"SECURITY_GROUPS": [stored]})], {"name": "guests", "template": {"security_groups": wanted}}
    )
    assert (found.steps == []) is equal


@pytest.mark.parametrize(
    "automatic, wanted, warned",
    [("1", "YES", False), ("1", True, False), ("0", "YES", True), ("1", "no", True), ("0", False, False)],
)
def test_an_automatic_vlan_id_is_an_element_and_counts_at_creation_only(
    automatic: str, wanted: Any, warned: bool
) -> None:
    present = vnet(fields={"VLAN_ID_AUTOMATIC": automatic})
    found = plan([present], {"name": "guests", "template": {"AUTOMATIC_VLAN_ID": wanted}})
    assert found.steps == []
    assert bool(found.warnings) is warned


def test_creation_sends_everything_at_once() -> None:
    found = plan(
        [],
        {
            "name": "guests",
            "template": {"VN_MAD": "fw", "BRIDGE": "br0", "FILTER_IP_SPOOFING": True},
            "address_ranges": [{"type": "IP4", "ip": "192.0.2.10", "size": 20}],
            "clusters": ["edge"],
            "permissions": "644",
        },
    )
    assert commands(found) == [
        ["onevnet", "create", "<file>", "-c", "100"],
        ["onevnet", "chmod", "<id of guests>", "644"],
    ]
    assert sent(found) == [
        'NAME = "guests"\nVN_MAD = "fw"\nBRIDGE = "br0"\nFILTER_IP_SPOOFING = "YES"\n'
        'AR = [ TYPE = "IP4", IP = "192.0.2.10", SIZE = "20" ]\n'
    ]


RANGES: list[Any] = [
    pytest.param(None, False, [], id="not given, not compared"),
    pytest.param([RANGE], False, [], id="as it is"),
    pytest.param([], False, [], id="not listed ones stay"),
    pytest.param([], True, [["onevnet", "rmar", "9", "3"]], id="unless they are to go"),
    pytest.param([{**RANGE, "SIZE": 30}], True, [["onevnet", "updatear", "9", "3", "<file>"]], id="updated in place"),
    pytest.param(
        [{**RANGE, "IP": "192.0.2.100"}],
        True,
        [["onevnet", "addar", "9", "<file>"], ["onevnet", "rmar", "9", "3"]],
        id="added before the other is removed",
    ),
]


@pytest.mark.parametrize("ranges, purge, expected", RANGES)
def test_address_ranges(ranges: Any, purge: bool, expected: list[list[str]]) -> None:
    wanted = {"name": "guests", "address_ranges": ranges, "purge_address_ranges": purge}
    assert commands(plan([vnet()], wanted)) == expected


def test_structural_attributes_can_be_changed() -> None:
    found = plan([vnet()], {"name": "guests", "template": {"VN_MAD": "fw", "BRIDGE": "br9"}})
    assert commands(found) == [["onevnet", "update", "9", "<file>", "-a"]]


@pytest.mark.parametrize(
    "present, wanted, words",
    [
        ([], {"name": "new", "template": {"BRIDGE": "br0"}}, "template needs VN_MAD"),
        ([vnet()], {"name": "guests", "template": {"AR": {"SIZE": 1}}}, "give the ranges as 'address_ranges'"),
        ([vnet()], {"name": "guests", "address_ranges": [RANGE, {"TYPE": "X"}]}, "address range 2: TYPE"),
        ([vnet(fields={"USED_LEASES": "3"})], {"name": "guests", "state": "absent"}, "3 of its addresses are in use"),
        (
            [vnet("5", fields={"USED_LEASES": "3"}, template={"ERROR": ["broken."]})],
            {"name": "guests"},
            "state ERROR with leases in use: broken",
        ),
        ([vnet()], {"name": "guests", "purge": ["vn_mad"]}, "VN_MAD cannot be purged: without its driver"),
        ([vnet()], {"name": "guests", "purge": ["security_groups"]}, "cannot be purged: without any security group"),
        ([vnet()], {"name": "guests", "security_groups": []}, "it filters nothing"),
        ([vnet()], {"name": "guests", "security_groups": ["nosuch"]}, "there is no security group nosuch"),
        (
            [vnet()],
            {"name": "guests", "security_groups": ["web"], "template": {"SECURITY_GROUPS": "100"}},
            "two ways to say one thing",
        ),
        (
            [vnet(ranges=({**RANGE, "AR_ID": "3", "USED_LEASES": "2"},))],
            {"name": "guests", "address_ranges": [], "purge_address_ranges": True},
            "2 addresses of the range IP4 192.0.2.10 .20 addresses. are in use",
        ),
        ([vnet("5")], {"name": "guests"}, "in state ERROR, and to create it anew the template needs VN_MAD"),
    ],
)
def test_refusals(present: list[Resource], wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan(present, wanted)


REMADE = [["onevnet", "delete", "9"], ["wait-for-deletion", "onevnet", "9"], ["onevnet", "create", "<file>"]]


def test_the_remains_of_a_failed_creation_are_made_anew() -> None:
    broken = vnet("5", template={"ERROR": ["Sat Nov 21 : Wrong SIZE for address range"]}, ranges=())
    found = plan([broken], {"name": "guests", "template": {"VN_MAD": "fw"}, "address_ranges": [RANGE]})
    assert commands(found) == REMADE
    assert "Wrong SIZE for address range" in found.warnings[0]


@pytest.mark.parametrize(("driver", "first"), [("", [["onevnet", "update", "9", "<file>", "-a"]]), ("fw", [])])
def test_one_that_lost_its_driver_gets_one_before_it_is_deleted(driver: str, first: list[list[str]]) -> None:
    """oned 6.10 takes a replacement without VN_MAD, and then ends every deletion in the state ERROR."""
    found = plan([vnet("5", fields={"VN_MAD": driver})], {"name": "guests", "template": {"VN_MAD": "fw"}})
    assert commands(found) == [*first, *REMADE]
    if first:
        assert sent(found)[0] == 'VN_MAD = "fw"\n'


class Oned:
    """Deletes in the background: gone at the third look, or never."""

    def __init__(self, states: list[str]) -> None:
        self.states, self.changed = states, []

    def change(self, argv: list[str]) -> str:
        self.changed.append(argv)
        return "ID: 10"

    def new_id(self, output: str) -> str:
        return output[4:]

    def pool(self, _command: str) -> list[Resource]:
        state = self.states.pop(0) if self.states else None
        return [vnet(state)] if state else []


def test_a_deletion_is_waited_for_before_its_name_is_taken_again() -> None:
    oned = Oned(["3", "3"])
    assert onevnet.Runner(oned, 30).change(["wait-for-deletion", "onevnet", "9"]) == ""
    assert (oned.states, oned.changed) == ([], [])
    assert onevnet.Runner(oned, 30).change(["onevnet", "create", "x"]) == "ID: 10"


def test_a_deletion_that_does_not_end_is_told() -> None:
    with pytest.raises(RunnerError, match="guests: still being deleted"):
        onevnet.Runner(Oned(["3"] * 9), 0).change(["wait-for-deletion", "onevnet", "9"])


def test_unready_tells_what_oned_gave_up_with_its_text() -> None:
    failed = vnet("5", template={"ERROR": ["Sat Nov 21 : Wrong or empty IP attribute"]})
    assert unready([failed], [9]) == ({}, {"guests": "Sat Nov 21 : Wrong or empty IP attribute"})
    assert unready([vnet("2")], [9]) == ({"guests": "being created"}, {})
    assert unready([vnet("1")], [9]) == ({}, {})
    assert unready([failed], [1]) == ({}, {})
    assert unready([vnet("1")], [], [9]) == ({"guests": "ready"}, {}), "deleted and still there"
    assert unready([vnet("3")], [], [9]) == ({"guests": "being deleted"}, {})
    assert unready([failed], [], [9])[1], "a deletion that failed ends in the state ERROR"
    assert unready([], [9], [8]) == ({}, {})
    assert unready([Resource(9, "guests")], [9]) == ({}, {}), "a release without states of networks"


NAMED: list[Any] = [
    pytest.param("0,100", ["default", "web"], [], id="as it is"),
    pytest.param("100, 0", ["default", "web"], [], id="in another order"),
    pytest.param("0,100", ["web"], [["onevnet", "update", "9", "<file>", "-a"]], id="not the default group any more"),
    pytest.param("0", ["101"], [["onevnet", "update", "9", "<file>", "-a"]], id="another one, by id"),
    pytest.param("", ["web"], [["onevnet", "update", "9", "<file>", "-a"]], id="it had none"),
    pytest.param("100", None, [], id="not given, not compared"),
]


@pytest.mark.parametrize("stored, wanted, expected", NAMED)
def test_security_groups_by_name_are_exactly_these(stored: str, wanted: Any, expected: list[list[str]]) -> None:
    found = plan([vnet(template={"SECURITY_GROUPS": [stored]})], {"name": "guests", "security_groups": wanted})
    assert commands(found) == expected


def test_a_new_network_is_freed_of_the_default_group_that_oned_adds() -> None:
    """It lets everything through, so that the groups which were asked for would mean nothing."""
    found = plan([], {"name": "g", "template": {"VN_MAD": "fw"}, "security_groups": ["web", "ssh"]})
    assert commands(found) == [["onevnet", "create", "<file>"], ["onevnet", "update", "<id of g>", "<file>", "-a"]]
    assert sent(found) == [
        'NAME = "g"\nVN_MAD = "fw"\nSECURITY_GROUPS = "100,101"\n',
        'SECURITY_GROUPS = "100,101"\n',
    ]
    with_default = plan([], {"name": "g", "template": {"VN_MAD": "fw"}, "security_groups": ["default", "web"]})
    assert commands(with_default) == [["onevnet", "create", "<file>"]]


def test_in_check_mode_a_security_group_may_still_be_to_come() -> None:
    found = VnetPlanner([], lenient=True).plan(
        [{"name": "g", "template": {"VN_MAD": "fw"}, "security_groups": ["later"]}]
    )
    assert [str(step.argv[1]) for step in found.steps] == ["create", "update"]
    assert "security group later does not exist yet" in found.warnings[0]


def test_a_network_is_locked_after_all_that_is_to_change() -> None:
    found = plan([], {"name": "g", "template": {"VN_MAD": "fw"}, "permissions": "644", "state": "locked"})
    assert commands(found)[-1] == ["onevnet", "lock", "<id of g>"]
    assert commands(plan([vnet()], {"name": "guests", "state": "locked"})) == [["onevnet", "lock", "9"]]


@pytest.mark.parametrize(
    "template, missing",
    [
        ({"VN_MAD": "802.1Q", "VLAN_ID": 5}, "the driver 802.1Q needs PHYDEV"),
        ({"VN_MAD": "802.1Q", "PHYDEV": "eth0"}, "needs VLAN_ID or AUTOMATIC_VLAN_ID"),
        ({"VN_MAD": "802.1Q", "PHYDEV": "eth0", "AUTOMATIC_VLAN_ID": False}, "needs VLAN_ID or AUTOMATIC_VLAN_ID"),
        ({"VN_MAD": "802.1Q", "PHYDEV": "eth0", "VLAN_ID": 5}, None),
        ({"VN_MAD": "802.1Q", "PHYDEV": "eth0", "AUTOMATIC_VLAN_ID": True}, None),
        ({"VN_MAD": "vxlan", "PHYDEV": "eth0"}, "the driver vxlan needs VLAN_ID"),
        ({"VN_MAD": "fw"}, None),
        ({"VN_MAD": "ovswitch"}, None),
    ],
)
def test_what_a_driver_needs_is_known_before(template: dict[str, Any], missing: str | None) -> None:
    if missing is None:
        assert commands(plan([], {"name": "g", "template": template}))[0][:2] == ["onevnet", "create"]
        return
    with pytest.raises(Refused, match=missing):
        plan([], {"name": "g", "template": template})


def test_a_network_that_exists_is_not_asked_for_what_its_driver_needs() -> None:
    assert plan([vnet()], {"name": "guests", "template": {"VN_MAD": "802.1Q"}}).steps != []
