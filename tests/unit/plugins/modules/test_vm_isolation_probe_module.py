# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vm_isolation_probe around its probes: what it refuses, what it cleans up, what it says."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import vm_isolation, vm_isolation_probe

BRIDGE = {"name": "onebr0", "uplinks": ["eth0"], "guest_networks": ["10.0.3.0/24"], "gateways": ["10.0.3.1"]}
GIVEN: dict[str, Any] = {"bridges": [BRIDGE], "protected_networks": ["10.0.2.0/24"]}
LINKS = [
    {"ifname": "eth0", "address": "52:54:00:00:00:11", "master": "onebr0", "addr_info": []},
    {"ifname": "onebr0", "address": "52:54:00:00:00:12", "linkinfo": {"info_kind": "bridge"}, "addr_info": []},
]


class Node:
    """The commands of the module, and one that answers what links there are."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.links: list[dict[str, Any]] = LINKS

    def run_command(self, argv: list[str], **_more: Any) -> tuple[int, str, str]:
        self.commands.append(" ".join(argv))
        if "show" in argv:
            return 0, json.dumps(self.links), ""
        return 1, "", "Cannot find device"


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Node:
    made = Node()
    monkeypatch.setattr(AnsibleModule, "run_command", lambda _self, argv, **more: made.run_command(argv, **more))
    monkeypatch.setattr(vm_isolation_probe, "LOCK", f"\0{tmp_path}")
    return made


def test_check_mode_tries_nothing(node: Node, capsys: Any) -> None:
    found = run_module(capsys, vm_isolation_probe, check=True, **GIVEN)
    assert found["checks"] == [] and found["changed"] is False and node.commands == []


def test_ports_of_a_run_that_was_killed_go_first(node: Node, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_isolation_probe.BridgeProbe, "results", lambda _self: [])
    run_module(capsys, vm_isolation_probe, **GIVEN)
    assert node.commands[:2] == ["ip link del kvmprobe1", "ip link del kvmprobe2"]


def test_a_bridge_that_does_not_exist_is_skipped(node: Node, capsys: Any) -> None:
    node.links = LINKS[:1]
    (check,) = run_module(capsys, vm_isolation_probe, **GIVEN)["checks"]
    assert check["skipped"] and check["ok"] and check["detail"] == "the bridge does not exist"


def test_each_bridge_is_tried_with_what_is_known(node: Node, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def results(self: Any) -> list[dict[str, Any]]:
        seen.append((self.bridge.name, self.task.macs["onebr0"], self.task.skip, self.task.targets[0].ports))
        return [{"name": self.bridge.name, "ok": True}]

    monkeypatch.setattr(vm_isolation_probe.BridgeProbe, "results", results)
    second = {**BRIDGE, "name": "onebr1", "uplinks": ["eth1"], "guest_networks": ["10.0.4.0/24"], "gateways": []}
    found = run_module(
        capsys,
        vm_isolation_probe,
        **{**GIVEN, "bridges": [BRIDGE, second]},
        targets=[{"address": "10.0.2.21", "ports": [22, 5666]}],
        skip=2,
    )
    assert [one["name"] for one in found["checks"]] == ["onebr0", "onebr1"]
    assert seen[0] == ("onebr0", "52:54:00:00:00:12", 2, [22, 5666])


REFUSED = {
    "networks that overlap": ({"protected_networks": ["10.0.0.0/16"]}, "overlaps the protected network 10.0.0.0/16"),
    "host bits": ({"protected_networks": ["10.0.2.9/24"]}, "is an address within 10.0.2.0/24; write 10.0.2.0/24"),
    "a network that is none": ({"protected_networks": ["10.0.2.0/33"]}, "'10.0.2.0/33' is no network"),
}


@pytest.mark.parametrize("changed, sentence", REFUSED.values(), ids=REFUSED.keys())
def test_a_declaration_that_is_wrong_is_refused(
    node: Node, capsys: Any, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ModuleFailed, match=re.escape(sentence)):
        run_module(capsys, vm_isolation_probe, **{**GIVEN, **changed})
    assert node.commands == []


def test_two_at_once_are_refused(node: Node, capsys: Any) -> None:
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(vm_isolation_probe.LOCK)
        with pytest.raises(ModuleFailed, match="Another run tries the isolation of this node at this moment"):
            run_module(capsys, vm_isolation_probe, **GIVEN)
    assert node.commands == []


def test_what_keeps_it_from_trying_is_told(node: Node, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: Any) -> None:
        raise OSError("the port kvmprobe1 does not forward after 45 s")

    monkeypatch.setattr(vm_isolation_probe.BridgeProbe, "results", broken)
    with pytest.raises(ModuleFailed, match="The isolation could not be tried: the port kvmprobe1"):
        run_module(capsys, vm_isolation_probe, **GIVEN)


def test_what_both_modules_take_is_described_alike() -> None:
    rules = yaml.safe_load(vm_isolation.DOCUMENTATION)["options"]
    tries = yaml.safe_load(vm_isolation_probe.DOCUMENTATION)["options"]
    assert set(tries["bridges"]["suboptions"]) == set(rules["bridges"]["suboptions"])
    for name, option in tries["bridges"]["suboptions"].items():
        described = rules["bridges"]["suboptions"][name]
        assert {**option, "description": ""} == {**described, "description": ""}, name
    assert vm_isolation_probe.SPEC["bridges"]["options"] == vm_isolation.SPEC["bridges"]["options"]
