# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts the plays of a playbook visit, in which order, as ansible-playbook itself tells. None is contacted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LINKS = {"host_network_bridges": [{"name": "br0"}]}
# The argument specs are looked at whatever tags are asked for, and that on the controller.
ASK_NO_HOST = ("--tags", "no_such_tag")


def output(tmp_path: Path, playbook: str, hosts: dict[str, dict], *arguments: str) -> str:
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"opennebula_nodes": {"hosts": hosts}, "gluster_servers": {"hosts": hosts}}))
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [program, "-i", inventory, CHECKOUT / f"playbooks/{playbook}.yml", *ASK_NO_HOST, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("PLAY RECAP")[0]


def play(told: str, name: str) -> str:
    return told.split(f"PLAY [{name}")[1].split("PLAY [")[0]


DISKS = {"host_storage_datastore_disks": [{"datastore": "system", "devices": ["/dev/vdb"]}]}
BRICKS = {"gluster_bricks": [{"name": "b1", "device": "/dev/vdb"}]}


@pytest.mark.parametrize(
    ("hosts", "arguments", "batches"),
    [
        ({"a": {}, "b": {}}, (), [{"a", "b"}]),
        ({"a": {}, "b": LINKS, "c": LINKS, "d": LINKS}, (), [{"b"}, {"c", "d"}, {"a"}]),
        ({"a": {}, "b": LINKS, "c": LINKS}, ("--limit", "c"), [{"c"}]),
        ({"a": {}, "b": LINKS}, ("--limit", "a"), [{"a"}]),
        (dict.fromkeys("abc", {**LINKS, "host_network_batches": 1}), (), [{"a"}, {"b"}, {"c"}]),
        (dict.fromkeys("abcd", {**LINKS, "host_network_batches": [1, 2]}), (), [{"a"}, {"b", "c"}, {"d"}]),
    ],
    ids=[
        "no links",
        "first one host, then the rest",
        "one of those with links",
        "one without",
        "one by one",
        "in other batches",
    ],
)
def test_hosts_with_links_come_first_one_and_then_the_rest(tmp_path, hosts, arguments, batches):
    plays = output(tmp_path, "network", hosts, *arguments).split("PLAY [")
    visited = [set(re.findall(r"^ok: \[(\w+)\]", play, re.MULTILINE)) for play in plays]
    assert [found for found in visited if found] == batches


ISOLATED = {"vm_isolation_state": "present"}


@pytest.mark.parametrize(
    ("hosts", "batches"),
    [
        ({"a": {}, "b": {}}, []),
        ({"a": {}, "b": ISOLATED, "c": ISOLATED, "d": ISOLATED}, [{"b"}, {"c", "d"}]),
    ],
    ids=["nobody declares it", "first one node, then the rest"],
)
def test_nodes_that_declare_it_are_isolated(tmp_path, hosts, batches):
    plays = output(tmp_path, "vm_isolation", hosts).split("PLAY [")
    visited = [set(re.findall(r"^ok: \[(\w+)\]", play, re.MULTILINE)) for play in plays]
    assert [found for found in visited if found] == batches


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("name", "disks"), [("Disks of datastores", DISKS), ("Disks for bricks", BRICKS)])
def test_disks_are_looked_at_where_they_are_declared(tmp_path, name, disks, declared):
    told = output(tmp_path, "preflight", {"a": {}, "b": disks if declared else {}})
    assert ("no hosts matched" in play(told, name)) != declared


@pytest.mark.parametrize(
    ("groups", "visited"),
    [
        ({}, []),
        ({"ovirt_engines": ["e"], "ovirt_hosts": ["h"]}, [{"e", "h"}, {"e"}, {"e"}]),
        ({"ovirt_hosted_engine_hosts": ["h1", "h2"]}, [{"h1", "h2"}, {"h1"}, {"h1"}]),
    ],
    ids=["none", "an engine and a host", "a hosted engine"],
)
def test_plays_of_ovirt_have_hosts_where_its_groups_have(tmp_path, groups, visited):
    names = sorted({name for members in groups.values() for name in members}) or ["a"]
    inventory = tmp_path / "groups.json"
    inventory.write_text(
        json.dumps({group: {"hosts": dict.fromkeys(members, {})} for group, members in groups.items()})
    )
    plays = output(tmp_path, "ovirt", dict.fromkeys(names, {}), "-i", str(inventory), "--list-hosts").split("play #")[
        2:
    ]
    found = [set(re.findall(r"^      (\w+)$", play, re.MULTILINE)) for play in plays]
    assert [one for one in found if one] == visited


@pytest.mark.parametrize("declared", [True, False])
def test_volumes_are_mounted_where_it_is_declared(tmp_path, declared):
    mounts = {"gluster_client_mounts": [{"volume": "vms", "path": "/srv/vms"}]}
    told = output(tmp_path, "gluster", {"a": {}, "b": mounts if declared else {}})
    clients = play(told, "Mounts of volumes")
    assert ("ok: [b]" in clients, "ok: [a]" in clients) == (declared, False)
