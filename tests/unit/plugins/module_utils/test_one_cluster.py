# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters: created by name alone, filled by kind, and deleted only when empty."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_cluster import ClusterPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan

MEMBERS = {
    "hosts": [Resource(1, "node1"), Resource(2, "node2")],
    "datastores": [Resource(100, "images")],
    "vnets": [Resource(0, "guests"), Resource(1, "twin"), Resource(2, "twin")],
}


def cluster(number: int = 100, name: str = "edge", **ids: tuple[int, ...]) -> Resource:
    return Resource(number, name, {}, ids, {"RESERVED_CPU": [""], "RESERVED_MEM": [""]})


def plan(present: list[Resource], *wanted: dict[str, Any], lenient: bool = False) -> Plan:
    return ClusterPlanner(present, MEMBERS, lenient).plan(wanted)


@pytest.mark.parametrize(
    "present, wanted, expected",
    [
        ([], {"name": "edge"}, ["onecluster create edge"]),
        (
            [],
            {"name": "edge", "template": {"A": 1}, "hosts": ["node1"], "vnets": ["guests"]},
            [
                "onecluster create edge",
                "onecluster update <id of edge> <file> -a",
                "onecluster addhost <id of edge> 1",
                "onecluster addvnet <id of edge> 0",
            ],
        ),
        ([cluster(HOSTS=(1,))], {"name": "edge", "hosts": ["node1"]}, []),
        ([cluster(HOSTS=(1,))], {"name": "edge", "hosts": ["node2"]}, ["onecluster addhost 100 2"]),
        (
            [cluster(VNETS=(0,))],
            {"name": "edge", "vnets": ["0", "1", "2", "2"]},
            ["onecluster addvnet 100 1", "onecluster addvnet 100 2"],
        ),
        ([cluster(DATASTORES=(100,))], {"name": "edge", "datastores": []}, []),
        ([cluster()], {"name": "north", "rename_from": "edge"}, ["onecluster rename 100 north"]),
        ([cluster()], {"name": "edge", "state": "absent"}, ["onecluster delete 100"]),
    ],
)
def test_steps(present: list[Resource], wanted: dict[str, Any], expected: list[str]) -> None:
    assert [" ".join(str(part) for part in step.argv) for step in plan(present, wanted).steps] == expected


@pytest.mark.parametrize(
    "present, wanted, words",
    [
        ([cluster(0, "default")], {"name": "default", "state": "absent"}, "comes with OpenNebula"),
        ([cluster(HOSTS=(1, 2), VNETS=(0,))], {"name": "edge", "state": "absent"}, "still has 2 hosts, 1 vnets"),
        ([cluster()], {"name": "edge", "hosts": ["node9"]}, "no host node9; create it first"),
        ([cluster()], {"name": "edge", "vnets": ["twin"]}, "2 vnets are named twin, with the ids 1, 2; give the id"),
    ],
)
def test_refusals(present: list[Resource], wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan(present, wanted)


def test_a_host_of_two_clusters_would_move_with_every_run() -> None:
    both = [{"name": "edge", "hosts": ["node1"]}, {"name": "core", "hosts": ["1"]}]
    with pytest.raises(Refused, match="cluster core: host node1 is to be in cluster edge as well"):
        plan([cluster(HOSTS=(1,)), cluster(101, "core")], *both)


def test_in_check_mode_a_member_may_still_be_to_come() -> None:
    steps = plan([cluster()], {"name": "edge", "hosts": ["node9"]}, lenient=True).steps
    assert [step.argv for step in steps] == [("onecluster", "addhost", "100", "node9")]


def test_the_diff_names_members_and_not_their_ids() -> None:
    (diff,) = plan([cluster(HOSTS=(1,))], {"name": "edge", "hosts": ["node2"]}).diff
    assert "hosts: node1\n" in diff["before"]
    assert "hosts: node1, node2\n" in diff["after"]
