# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role vitastor_cluster and its playbook do with an inventory, seen before any host is changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
UNIT = "ExecStart=/usr/bin/etcd --initial-cluster {members} --initial-cluster-state new\n"


def ansible(tmp_path: Path, play: Any, inventory: dict[str, Any], *options: str) -> str:
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    if not isinstance(play, Path):
        (tmp_path / "play.yml").write_text(json.dumps(play))
        play = tmp_path / "play.yml"
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", tmp_path / "hosts.json", play, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    return " ".join((done.stdout + done.stderr).split())


def servers(**hosts: str) -> dict[str, Any]:
    """Addresses are told apart by a variable; all of them are this host."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return {"hosts": {name: {**local, "host_network_address": address} for name, address in hosts.items()}}


def test_a_server_that_is_a_node_too_keeps_its_own_configuration(tmp_path: Path) -> None:
    """That of a client has no osd_network: OSDs would listen on every address, and each run change the file twice."""
    nodes = {"hosts": {"both": {}, "node": {}}}
    inventory = {"vitastor_servers": servers(both="192.0.2.1"), "opennebula_nodes": nodes}
    listed = ansible(tmp_path, CHECKOUT / "playbooks/vitastor.yml", inventory, "--list-hosts")
    clients = listed.partition("Configuration of the cluster on hosts of OpenNebula")[2]
    assert "hosts (1): node" in clients and "both" not in clients


@pytest.mark.parametrize(
    "former, chosen, sentence",
    [
        # nothing was made yet; the same, in another order; the same although there are more servers
        (None, [], "failed=0"),
        ("c=http://192.0.2.3:2380,a=http://192.0.2.1:2380,b=http://192.0.2.2:2380", [], "failed=0"),
        ("a=http://192.0.2.1:2380", ["a"], "failed=0"),
        ("a=http://192.0.2.1:2380", [], "made with the members 192.0.2.1:2380, and the inventory has 192.0.2.1:2380,"),
    ],
)
def test_etcd_keeps_its_members(tmp_path: Path, former: str | None, chosen: list[str], sentence: str) -> None:
    if former:
        (tmp_path / "etcd.service").write_text(UNIT.format(members=former))
    role = {"name": "kvmcloud.stack.vitastor_cluster", "tasks_from": "members.yml"}
    given = {
        "vitastor_cluster_etcd_hosts": chosen,
        "vitastor_cluster_etcd_file": str(tmp_path / "etcd.service"),
    }
    tasks = [{"ansible.builtin.include_role": role, "vars": given}]
    play = [{"hosts": "vitastor_servers", "gather_facts": False, "tasks": tasks}]
    inventory = {"vitastor_servers": servers(a="192.0.2.1", b="192.0.2.2", c="192.0.2.3")}
    said = ansible(tmp_path, play, inventory, "--limit", "c")
    assert sentence in said, said


@pytest.mark.parametrize("options", [[], ["-e", "host=other"]])
def test_the_server_that_gives_up_its_osds_has_to_be_named(tmp_path: Path, options: list[str]) -> None:
    inventory = {"vitastor_servers": servers(a="192.0.2.1", b="192.0.2.2"), "all": {"hosts": {"other": {}}}}
    said = ansible(tmp_path, CHECKOUT / "playbooks/vitastor_osd_removal.yml", inventory, *options)
    assert "Name the server that gives up its OSDs: -e host=NAME, one of a, b. Nothing was changed." in said
    assert "A host gives up its OSDs" not in said


def test_a_server_without_its_place_is_refused_before_anything(tmp_path: Path) -> None:
    inventory = {"vitastor_servers": servers(a="192.0.2.1", b="192.0.2.2")}
    inventory["vitastor_servers"]["vars"] = {"vitastor_cluster_levels": ["rack"], "vitastor_cluster_osd_network": "x"}
    inventory["vitastor_servers"]["hosts"]["a"]["vitastor_cluster_location"] = {"rack": "r1"}
    said = ansible(tmp_path, CHECKOUT / "playbooks/vitastor.yml", inventory, "--check", "-e", "ansible_become=false")
    assert "b has a vitastor_cluster_location of nothing" in said and "changed=0" in said
    assert said.count("TASK [") == 2, "the arguments and this"
