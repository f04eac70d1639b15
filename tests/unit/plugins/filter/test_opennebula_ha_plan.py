# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.filter.opennebula_ha_leader import opennebula_ha_leader
from ansible_collections.kvmcloud.stack.plugins.filter.opennebula_ha_plan import opennebula_ha_plan

HOSTS = ["front1", "front2", "front3"]


def endpoint(host: str) -> str:
    return f"http://{host}:2633/RPC2"


def looked(host: str, leader: str = "front1", **changes: Any) -> dict[str, Any]:
    """What one_raft_info returned on a server of a whole zone."""
    servers = [
        {
            "id": number, "name": name, "endpoint": endpoint(name), "state": "leader" if name == leader else "follower",
            "term": 1, "index": 9, "commit": 9,
        }
        for number, name in enumerate(HOSTS)
    ]  # fmt: skip
    look = {
        "endpoint": endpoint(host), "server_id": HOSTS.index(host), "running": True, "database": "filled", "index": 9,
        "first_index": 0, "term": 1, "version": "7.4.0", "shared": {"one_key": "aa"},
        "zone": {"id": 0, "endpoint": "http://vip:2633/RPC2", "servers": servers},
    }  # fmt: skip
    return {"changed": False, "look": {**look, **changes}}


def hostvars(**changes: Any) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {host: {"opennebula_ha_look": looked(host)} for host in HOSTS}
    for host, values in changes.items():
        made[host] = {**made[host], **values}
    return made


def test_a_whole_zone_needs_nothing() -> None:
    plan = opennebula_ha_plan(HOSTS, hostvars())
    assert plan == {"steps": [], "leader": "front1", "warnings": []}


def test_who_has_to_start_anew_is_told_by_the_service_module() -> None:
    due = {"opennebula_frontend_due": {"changed": True}}
    plan = opennebula_ha_plan(HOSTS, hostvars(front1=due, front3=due))
    assert [(step["host"], step["action"], step["id"]) for step in plan["steps"]] == [
        ("front3", "enter", 2),
        ("front1", "enter", 0),
    ]


def test_a_host_that_was_not_looked_at_has_said_nothing() -> None:
    away = hostvars()
    away["front3"] = {}
    assert opennebula_ha_plan(HOSTS, away)["steps"] == []
    with pytest.raises(AnsibleFilterError, match="front1"):
        opennebula_ha_plan(HOSTS, {**away, "front1": {}})


def test_files_that_should_be_the_same_and_are_not() -> None:
    other = {"opennebula_ha_look": looked("front3", shared={"one_key": "bb"})}
    (warning,) = opennebula_ha_plan(HOSTS, hostvars(front3=other))["warnings"]
    assert "/var/lib/one/.one/one_key is not the same on all front-ends (front1 front2; front3)" in warning


def test_the_leader_of_the_newest_look() -> None:
    new = {host: {"opennebula_ha_look": looked(host, "front2")} for host in HOSTS}
    assert opennebula_ha_leader(HOSTS, new) == "front2"


def test_the_leader_to_be() -> None:
    """Check mode of a cloud to come: whoever takes the first step."""
    bare = {"endpoint": "", "running": False, "database": "none", "zone": None, "server_id": -1}
    waiting = {host: {"opennebula_ha_look": looked(host, **bare)} for host in HOSTS}
    assert opennebula_ha_leader(HOSTS, waiting, planned=True) == "front1"
    waiting["front2"]["opennebula_ha_plan"] = {"steps": [{"host": "front2"}]}
    assert opennebula_ha_leader(HOSTS, waiting, planned=True) == "front2"


def test_nobody_is_taken_for_the_leader_because_a_look_was_skipped() -> None:
    """What a skipped task registers; the first host would be given the services of another that leads."""
    skipped = {host: {"opennebula_ha_look": {"changed": False, "skipped": True}} for host in HOSTS}
    with pytest.raises(AnsibleFilterError, match="no front-end leads"):
        opennebula_ha_leader(HOSTS, skipped)
