# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts: their drivers, their cluster, and the states that oned finds out for itself."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_host import (
    HostPlanner,
    awaited,
    unmonitored,
    unseen_clusters,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan


def host(state: str = "2", number: int = 5, name: str = "node1", **more: Any) -> Resource:
    fields = {"STATE": state, "IM_MAD": "kvm", "VM_MAD": "kvm", "CLUSTER": "default", "CLUSTER_ID": "0"}
    template = {"IM_MAD": ["kvm"], "VM_MAD": ["kvm"], "RESERVED_CPU": [""], **more.pop("template", {})}
    return Resource(number, name, {**fields, **more.pop("fields", {})}, {"VMS": more.pop("vms", ())}, template)


def plan(present: list[Resource], *wanted: dict[str, Any], **more: Any) -> Plan:
    return HostPlanner(present, [Resource(0, "default"), Resource(100, "edge")], **more).plan(wanted)


def commands(found: Plan) -> list[list[str]]:
    return [[str(part) for part in step.argv] for step in found.steps]


STEPS: list[Any] = [
    pytest.param([], {"name": "n1"}, [["onehost", "create", "n1", "-i", "kvm", "-v", "kvm"]], id="kvm if not given"),
    pytest.param(
        [],
        {
            "name": "n1",
            "im_mad": "qemu",
            "vm_mad": "qemu",
            "cluster": "edge",
            "template": {"A": 1},
            "state": "disabled",
        },
        [
            ["onehost", "create", "n1", "-i", "qemu", "-v", "qemu", "-c", "edge"],
            ["onehost", "update", "<id of n1>", "<file>", "-a"],
            ["onehost", "disable", "<id of n1>"],
        ],
        id="create takes no template, so it follows",
    ),
    pytest.param([host()], {"name": "node1"}, [], id="drivers not given are not compared"),
    pytest.param([host()], {"name": "node1", "im_mad": "kvm", "cluster": "default"}, [], id="as it is"),
    pytest.param([host()], {"name": "node1", "cluster": "0"}, [], id="cluster by id"),
    pytest.param(
        [host()], {"name": "node1", "im_mad": "qemu"}, [["onehost", "update", "5", "<file>", "-a"]], id="another driver"
    ),
    pytest.param(
        [host()], {"name": "node1", "cluster": "edge"}, [["onecluster", "addhost", "edge", "5"]], id="another cluster"
    ),
    pytest.param([host("3")], {"name": "node1", "state": "enabled"}, [], id="in error is enabled"),
    pytest.param([host("4")], {"name": "node1"}, [], id="present leaves a disabled host so"),
    pytest.param([host("7")], {"name": "node1", "state": "disabled"}, [], id="monitored while disabled is disabled"),
    pytest.param(
        [host("8")], {"name": "node1", "state": "disabled"}, [["onehost", "disable", "5"]], id="offline to disabled"
    ),
    pytest.param(
        [host(template={"RESERVED_CPU": ["100"], "ERROR": ["x"]})],
        {"name": "node1", "template": {"reserved_cpu": 100}},
        [],
        id="ERROR in the template is nobody's business",
    ),
]


@pytest.mark.parametrize("present, wanted, expected", STEPS)
def test_steps(present: list[Resource], wanted: dict[str, Any], expected: list[list[str]]) -> None:
    assert commands(plan(present, wanted)) == expected


def test_drivers_are_changed_by_their_attributes() -> None:
    found = plan([host()], {"name": "node1", "im_mad": "qemu", "vm_mad": "qemu"})
    assert [part.text for part in found.steps[0].argv if isinstance(part, InputFile)] == [
        'IM_MAD = "qemu"\nVM_MAD = "qemu"\n'
    ]


@pytest.mark.parametrize(
    "present, wanted, words",
    [
        ([host(vms=(3, 4))], {"name": "node1", "state": "absent"}, "2 VM.s. are on it"),
        ([host()], {"name": "node1", "template": {"IM_MAD": "x"}}, "option of the same name"),
        ([host()], {"name": "node1", "template": {"ERROR": "x"}}, "oned writes it"),
        ([host()], {"name": "node1", "cluster": "west"}, "there is no cluster west"),
        ([host()], {"name": "node1", "cluster": "--all"}, "not the name or id of a cluster"),
        ([], {"name": "n1", "vm_mad": "-x"}, "not the name of a driver"),
    ],
)
def test_refusals(present: list[Resource], wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan(present, wanted)


def test_clusters_are_read_only_if_no_host_tells_of_them() -> None:
    present = [host(fields={"CLUSTER": "edge", "CLUSTER_ID": "100"})]
    declared = [{"name": "a", "cluster": "edge"}, {"name": "b", "cluster": "default"}, {"name": "c"}]
    assert unseen_clusters(declared, present) == set()
    assert unseen_clusters([{"name": "a", "cluster": "west"}], present) == {"west"}


def test_in_check_mode_a_cluster_may_still_be_to_come() -> None:
    found = plan([], {"name": "n1", "cluster": "west"}, lenient=True)
    assert commands(found)[0][-2:] == ["-c", "west"]
    assert "does not exist yet" in found.warnings[0]


@pytest.mark.parametrize(
    "state, wanted, retried",
    [("3", "present", True), ("3", "enabled", True), ("3", "disabled", False), ("2", "present", False)],
)
def test_a_host_in_error_is_tried_again_if_it_will_be_waited_for(state: str, wanted: str, retried: bool) -> None:
    found = plan([host(state)], {"name": "node1", "state": wanted}, retry=True)
    assert (["onehost", "enable", "5"] in commands(found)) is retried


@pytest.mark.parametrize(
    "declared, expected",
    [
        ([{"name": "node1"}], {"node1"}),
        ([{"name": "new"}], {"new"}),
        ([{"name": "off"}], set()),
        ([{"name": "off", "state": "enabled"}], {"off"}),
        ([{"name": "node1", "state": "disabled"}, {"name": "gone", "state": "absent"}], set()),
        ([{"id": 5}], {"node1"}),
        ([{"id": 6, "name": "renamed"}], set()),
        ([{"name": "renamed", "rename_from": "off"}], set()),
    ],
)
def test_awaited(declared: list[dict[str, Any]], expected: set[str]) -> None:
    assert awaited(declared, [host("3"), host("8", 6, "off")]) == expected


def test_unmonitored_tells_who_is_on_the_way_and_who_failed() -> None:
    failed = host("3", 1, "bad", template={"ERROR": ["Sat Nov 21 : Error monitoring Host bad"]})
    pool = [failed, host("0", 2, "new"), host("2", 3, "good"), host("1", 5, "looked at"), host("3", 4, "other")]
    pending, errors = unmonitored(pool, {"bad", "new", "good", "looked at"})
    assert pending == {"new": "init (IM_MAD kvm, VM_MAD kvm)"}
    assert errors == {"bad": "Sat Nov 21 : Error monitoring Host bad"}


@pytest.mark.parametrize(
    "said", ["Sat Nov 21 : Error monitoring Host bad (3): ", "Sat Nov 21 : Error monitoring Host bad (3): .", ""]
)
def test_where_oned_gives_no_reason_there_is_something_to_try(said: str) -> None:
    """oned says nothing after the colon when its SSH does not reach the host."""
    _pending, errors = unmonitored([host("3", 3, "bad", template={"ERROR": [said]})], {"bad"})
    assert "OpenNebula gives no reason" in errors["bad"]
    assert "'runuser -u oneadmin -- ssh bad true'" in errors["bad"]


def test_a_reason_is_told_as_it_is() -> None:
    said = "Sat Nov 21 : Error monitoring Host bad (3): virsh: command not found"
    assert unmonitored([host("3", 3, "bad", template={"ERROR": [said]})], {"bad"})[1] == {"bad": said}


@pytest.mark.parametrize("name", ["bad host", "n", "-n1", "n1.", "_n1", "n" * 64, "žluť1"])
def test_a_name_that_release_7_refuses_for_a_host_is_refused_at_once(name: str) -> None:
    with pytest.raises(Refused, match=r"as an option|the name of a new host is"):
        plan([], {"name": name})


@pytest.mark.parametrize("name", ["n1", "node-1.example.org", "192.0.2.7", "node_1", "n" * 63])
def test_names_of_hosts(name: str) -> None:
    assert commands(plan([], {"name": name}))[0][2] == name


def test_a_host_that_an_older_release_took_is_still_managed() -> None:
    old = Resource(4, "bad host", {"STATE": "2", "CLUSTER": "default", "CLUSTER_ID": "0"}, {}, {})
    assert commands(plan([old], {"name": "bad host", "state": "disabled"})) == [["onehost", "disable", "4"]]
    assert commands(plan([old], {"name": "bad host", "state": "absent"})) == [["onehost", "delete", "4"]]


def test_an_error_is_not_sent_back_by_a_purge() -> None:
    """oned takes ERROR away when the host answers again; sent back it would stay for ever."""
    present = Resource(4, "n4", {"STATE": "3"}, {}, {"IM_MAD": ["kvm"], "NOTE": ["x"], "ERROR": ["no ssh"]})
    (step,) = plan([present], {"name": "n4", "purge": ["NOTE"]}).steps
    assert [part.text for part in step.argv if isinstance(part, InputFile)] == ['IM_MAD = "kvm"\n']


def test_its_drivers_are_not_purged() -> None:
    with pytest.raises(Refused, match="IM_MAD cannot be purged: oned needs it to reach the host"):
        plan([Resource(4, "n4", {"STATE": "2"}, {}, {"IM_MAD": ["kvm"]})], {"name": "n4", "purge": ["im_mad"]})


MARK = {"KVMCLOUD_AWAITS_STORAGE": ["YES"]}
SEEN = {"HYPERVISOR": ["kvm"]}
SEEN_MARKED = {**SEEN, **MARK}
WAITS = {"name": "node1", "awaits_storage": True}
NEW = ["onehost", "create", "node1", "-i", "kvm", "-v", "kvm"]
MARKED = ["onehost", "update", "5", "<file>", "-a"]


@pytest.mark.parametrize(
    ("present", "wanted", "expected"),
    [
        pytest.param(
            [],
            WAITS,
            [NEW, ["onehost", "update", "<id of node1>", "<file>", "-a"], ["onehost", "disable", "<id of node1>"]],
            id="new: marked, then disabled",
        ),
        pytest.param([], {**WAITS, "state": "offline"}, [NEW, ["onehost", "offline", "<id of node1>"]], id="offline"),
        pytest.param([], {"name": "node1"}, [NEW], id="without storage"),
        pytest.param([host("0")], WAITS, [MARKED, ["onehost", "disable", "5"]], id="killed after it was created"),
        pytest.param([host("3")], WAITS, [MARKED, ["onehost", "disable", "5"]], id="the same, and out of reach since"),
        pytest.param(
            [host("2", template=SEEN_MARKED)], WAITS, [["onehost", "disable", "5"]], id="killed before it was disabled"
        ),
        pytest.param([host("4", template=MARK)], WAITS, [], id="it waits"),
        pytest.param([host("4", template=SEEN_MARKED)], {**WAITS, "state": "enabled"}, [], id="it waits all the same"),
        pytest.param([host("2", template=SEEN)], WAITS, [], id="one that works does not begin to wait"),
        pytest.param([host("4", template=SEEN)], WAITS, [], id="a person disabled it"),
        pytest.param([host("4")], WAITS, [], id="a person disabled it before it was seen"),
    ],
)  # fmt: skip
def test_a_new_host_takes_no_guest_before_its_storage_is_there(
    present: list[Resource], wanted: dict[str, Any], expected: list[list[str]]
) -> None:
    assert commands(plan(present, wanted)) == expected


def test_who_has_mounted_the_storage_enables_the_host_and_takes_the_mark_away() -> None:
    found = plan([host("4", template=MARK)], {"name": "node1", "state": "enabled", "purge": list(MARK)})
    assert [command[1] for command in commands(found)] == ["enable", "update"], "killed in between, the mark is left"


def test_a_host_that_waits_is_not_expected_to_be_monitored() -> None:
    planner = HostPlanner([host("4", template=MARK)], [Resource(0, "default")])
    planner.plan([WAITS, {**WAITS, "name": "node2"}, {"name": "node3"}])
    assert planner.waiting == {"node1", "node2"}
