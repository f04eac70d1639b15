# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter inside a real ansible-playbook: hostvars, undefined variables and unreachable hosts are Ansible's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.filter.preflight_findings import preflight_findings

COLLECTIONS = Path(__file__).resolve().parents[4] / ".cache" / "collections"

INVENTORY = """
all:
  children:
    opennebula_frontends: {hosts: {front1: {ansible_connection: local}}}
    opennebula_nodes:
      hosts:
        node1: {ansible_host: 127.0.0.1, ansible_port: 9, ansible_connection: ssh}
        node2: {ansible_connection: local}
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    opennebula_release: "7.4"
    opennebula_node_domain_type: qemu
    opennebula_repository_key_fingerprint: ""
    opennebula_oneadmin_password: "{{ vault_opennebula_oneadmin_password }}"
    opennebula_database_backend: mysql
    opennebula_database_password: changeme
    opennebula_virtual_networks:
      - name: a
        template: {VN_MAD: bridge, BRIDGE: br0}
        address_ranges: [{TYPE: IP4, IP: 10.5.0.1, SIZE: 9}, {TYPE: IP4, IP: 10.5.0.9, SIZE: 9}]
    opennebula_datastores:
      - {name: misspelt, tempalte: {}}
      - name: secret
        permissions: "{{ secret_word }}"
        template: {TYPE: SYSTEM_DS, TM_MAD: ssh, RESTIC_PASSWORD: "{{ secret_word }}"}
    opennebula_frontend_file_edits:
      /etc/one/monitord.conf: [{attribute: NETWORK, values: {MONITOR_ADDRESS: auto}, itme: x}]
      /etc/one/fireedge-server.conf: [{attribute: host, where: {A: b}, value: 0.0.0.0}, {attribute: port, value: 2616}]
      /etc/one/strange: [{attribute: a, value: b}]
    secret_word: Blatt-41-kX9
    opennebula_hooks: [{name: h, command: "{{ nobody_set_this }}"}]
    opennebula_clusters: lab
    opennebula_frontend_oned_edits:
      - {attribute: INHERIT_DATASTORE_ATTR, append: TIER}
      - {attribute: DB, values: {BACKEND: mysql, PASSWD: "{{ secret_word }}"}, item: x}
      - {attribute: PORT, value: 2633}
    vm_isolation_protected_networks: ["10.5.0.0/30", "{{ '10.6.0.0/16' }}"]
    host_network_bridges: [{name: br0}]
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - kvmcloud.stack.host_probe:
        names: "{{ groups['all'] }}"
      register: preflight_probe
      ignore_unreachable: true
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: >-
          {{ groups['all'] | kvmcloud.stack.preflight_findings(hostvars, groups, started=started | float,
          finished=finished | float, accepted=['unreachable_hosts', {'overlapping_leases': 'all'}]) | to_json }}
        dest: "{{ result }}"
      vars: {started: 0, finished: 9999999999}
"""


def test_in_a_real_run(tmp_path: Path) -> None:
    inventory, playbook, result = tmp_path / "hosts.yml", tmp_path / "play.yml", tmp_path / "result.json"
    inventory.write_text(INVENTORY)
    playbook.write_text(PLAYBOOK)
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "HOME": str(tmp_path),
    }
    # nothing listens where node1 is said to be: a finding, and no failure of the run
    arguments = ["-i", str(inventory), "-e", f"result={result}", "--limit", "front1,node1,localhost", str(playbook)]
    environment.pop("ANSIBLE_CONFIG", None)
    done = subprocess.run(
        [str(program), *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(result.read_text())
    told = {(finding["host"], finding["what"]) for finding in found}
    sentences = "\n".join(finding["sentence"] for finding in found)
    assert ("front1", "opennebula_oneadmin_password is not set.") in told
    assert ("front1", "opennebula_database_password looks like a default.") in told
    assert ("front1, node1", "opennebula_repository_key_fingerprint is not set.") in told
    assert any(host == "node1" and "could not be looked at" in what for host, what in told)
    assert all(finding["sentence"].startswith(("error: ", "warning: ", "accepted: ")) for finding in found)
    assert all(finding["sentence"].endswith(f"[{finding['rule']}]") for finding in found)
    assert not any(finding["crash"] for finding in found), sentences
    (accepted,) = [finding for finding in found if finding["severity"] == "accepted"]
    assert "overlap on one wire" in accepted["what"]
    # what cannot be accepted stays an error, and so does the wish
    assert "unreachable_hosts, which cannot be accepted" in sentences
    assert "error: node1: node1 could not be looked at" in sentences
    # each entry is checked as its module would check it
    assert "opennebula_datastores, entry misspelt: there is no option tempalte" in sentences
    assert "datastore secret: permissions must be a quoted string" in sentences
    assert "Blatt-41-kX9" not in sentences
    assert "opennebula_hooks cannot be worked out: 'nobody_set_this' is undefined." in sentences
    assert "opennebula_clusters is 'lab', and no list." in sentences
    assert "opennebula_frontend_oned_edits, edit 1 (INHERIT_DATASTORE_ATTR): there is no option append" in sentences
    assert "edit 2 (DB): an edit is about one thing, this one has values and item" in sentences
    assert "edit 3" not in sentences
    assert "of /etc/one/monitord.conf, edit 1 (NETWORK): there is no option itme" in sentences
    assert "fireedge-server.conf, edit 1 (host): where and key select in a vector attribute" in sentences
    assert "edit 2 (port)" not in sentences
    assert "/etc/one/strange: its name does not tell its format" in sentences
    assert "are in the protected network 10.5.0.0/30" in sentences
    assert "[bridges_exist]" not in sentences, "host_network is going to make it"
    assert not any("node2" in host for host, _what in told), "hosts outside --limit were not looked at"


def hook_findings(**variables: Any) -> list[str]:
    hostvars = {"front1": {"preflight_probe": {}, **variables}}
    found = preflight_findings(["front1"], hostvars, {"opennebula_frontends": ["front1"]})
    return [one["sentence"] for one in found if "hook" in one["what"]]


def test_a_hook_of_the_autostart_that_is_declared_by_hand_too() -> None:
    by_hand = {
        "name": "autostart_vm_on_node_restart",
        "resource": "VM",
        "resource_state": "POWEROFF",
        "lcm_state": "LCM_INIT",
        "command": "/usr/local/bin/resume",
    }
    assert hook_findings(opennebula_hooks=[by_hand]) == []
    assert hook_findings(opennebula_autostart_enabled=True) == []
    (twice,) = hook_findings(opennebula_hooks=[by_hand], opennebula_autostart_enabled=True)
    assert "autostart_vm_on_node_restart" in twice and "twice" in twice


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"findings": []}, []),
        ({"findings": ["datastore d: there is no block device /dev/sdz on this host."]}, ["no block device /dev/sdz"]),
        ({"msg": "lsblk says: no."}, ["lsblk says: no."]),
        ({"unreachable": True, "msg": "timed out"}, []),
    ],
)
def test_what_a_host_has_against_its_disks(result: dict[str, Any], told: list[str]) -> None:
    hostvars = {"front1": {"preflight_probe": {}, "preflight_disks": result}}
    found = preflight_findings(["front1"], hostvars, {"opennebula_frontends": ["front1"]})
    sentences = [one["sentence"] for one in found if one["rule"] == "disks_can_be_used"]
    assert len(sentences) == len(told) and all(word in one for word, one in zip(told, sentences))


NOTE = {"what": "There is no pool.", "remedy": "Make it.", "severity": "error"}


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"findings": []}, []),
        ({"findings": [NOTE]}, ["error: front1: There is no pool. Make it. [storage_addons_fit_hosts]"]),
        ({"findings": [{**NOTE, "severity": "warning"}]}, ["warning: front1: There is no pool. Make it. [storage"]),
        (
            {"msg": "value of addons must be one of"},
            ["error: front1: What the storage add-ons need of it could not be"],
        ),
        ({"unreachable": True, "msg": "timed out"}, []),
    ],
)
def test_what_a_host_has_against_storage_addons(result: dict[str, Any], told: list[str]) -> None:
    hostvars = {"front1": {"preflight_probe": {}, "preflight_addons": result}}
    found = preflight_findings(["front1"], hostvars, {"opennebula_frontends": ["front1"]})
    sentences = [one["sentence"] for one in found if one["rule"] == "storage_addons_fit_hosts"]
    assert len(sentences) == len(told) and all(one.startswith(word) for word, one in zip(told, sentences))
