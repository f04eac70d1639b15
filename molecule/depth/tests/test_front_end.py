# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares is inside OpenNebula and in its files, read by OpenNebula's own commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "tests" / "bench"))

from budget import exceeded  # noqa: E402  (found through the line above)

FRONT, NODES = "front1", ["guest1", "node1"]
testinfra_hosts = [FRONT]


def shown(host, command: str, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(host.check_output(f"{command} show -x {name}"))


def template(element: ElementTree.Element) -> dict[str, str]:
    return {child.tag: child.text for child in element.find("TEMPLATE") if not len(child)}


def clusters(element: ElementTree.Element) -> list[str]:
    return sorted(one.text for one in element.findall("CLUSTERS/ID"))


def test_files_have_the_edits_and_keep_the_rest(host):
    oned = host.file("/etc/one/oned.conf").content_string
    assert "MONITORING_INTERVAL_DATASTORE = 60\n" in oned
    inherited = [line for line in oned.splitlines() if line.startswith("INHERIT_DATASTORE_ATTR")]
    assert len(inherited) > 5 and inherited[-1].endswith('"KVMCLOUD_TIER"')
    assert "MONITORING_INTERVAL_HOST = 90\n" in host.file("/etc/one/monitord.conf").content_string
    kvm = " ".join(host.file("/etc/one/vmm_exec/vmm_exec_kvm.conf").content_string.split())
    for default in ('GUEST_AGENT = "yes"', 'VIRTIO_SCSI_QUEUES = "auto"', 'CACHE = "writeback"', 'IO = "threads"'):
        assert default in kvm
    rc = host.file("/var/lib/one/remotes/etc/vmm/kvm/kvmrc").content_string
    assert "DEFAULT_ATTACH_CACHE=writeback\n" in rc and "DEFAULT_ATTACH_IO=threads\n" in rc


def test_nodes_have_the_edited_drivers_and_their_clusters(host):
    hosts = {one.findtext("NAME"): one for one in ElementTree.fromstring(host.check_output("onehost list -x"))}
    assert sorted(hosts) == NODES
    assert {one.findtext("STATE") for one in hosts.values()} == {"2"}, "2 is MONITORED"
    assert [hosts[name].findtext("CLUSTER") for name in NODES] == ["local", "plain"]
    assert template(shown(host, "onecluster", "local"))["RESERVED_MEM"] == "10%"
    assert template(hosts["node1"])["RESERVED_CPU"] == "10"


def test_what_one_resource_names_may_be_made_by_the_same_run(host):
    assert shown(host, "onedatastore", "images").findtext("UNAME") == "operator"
    kernels = shown(host, "onedatastore", "kernels").findtext("ID")
    assert kernels in [one.text for one in shown(host, "onecluster", "gathered").findall("DATASTORES/ID")]


def test_security_group_and_its_network(host):
    group = shown(host, "onesecgroup", "web")
    rules = [{key.tag: key.text for key in rule} for rule in group.findall("TEMPLATE/RULE")]
    assert rules == [
        {"PROTOCOL": "TCP", "RULE_TYPE": "inbound", "RANGE": "80,443"},
        {"PROTOCOL": "ICMP", "RULE_TYPE": "inbound"},
        {"PROTOCOL": "ALL", "RULE_TYPE": "outbound"},
    ]
    assert template(shown(host, "onevnet", "filtered"))["SECURITY_GROUPS"] == group.findtext("ID"), "and no other"


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("bridged", {"VN_MAD": "bridge", "BRIDGE": "br0", "GUEST_MTU": "1400", "GATEWAY": "10.213.110.1"}),
        ("filtered", {"VN_MAD": "fw", "BRIDGE": "br0"}),
        ("tagged", {"VN_MAD": "802.1Q", "PHYDEV": "eth1"}),
        ("tunnelled", {"VN_MAD": "vxlan", "PHYDEV": "eth1"}),
        ("switched", {"VN_MAD": "ovswitch", "BRIDGE": "ovs0", "VLAN_ID": "60"}),
        ("hypervisors", {"VN_MAD": "fw", "FILTER_IP_SPOOFING": "YES", "FILTER_MAC_SPOOFING": "YES"}),
    ],
)
def test_networks(host, network, expected):
    found = shown(host, "onevnet", network)
    assert found.findtext("STATE") == "1", "1 is READY"
    assert expected.items() <= {**template(found), **{child.tag: child.text for child in found if child.text}}.items()


def test_a_network_far_from_hypervisors_is_not_filtered(host):
    assert "FILTER_IP_SPOOFING" not in template(shown(host, "onevnet", "bridged"))


def test_address_ranges(host):
    ranges = [{key.tag: key.text for key in one} for one in shown(host, "onevnet", "filtered").findall("AR_POOL/AR")]
    assert [(one["TYPE"], one["SIZE"]) for one in ranges] == [("IP4", "50"), ("IP6", "10")]


@pytest.mark.parametrize(
    ("datastore", "kind", "expected"),
    [
        ("default", "0", {"LIMIT_MB": "20480", "TM_MAD": "local"}),
        ("images", "0", {"TM_MAD": "ssh", "KVMCLOUD_TIER": "standard"}),
        ("plain_system", "1", {"TM_MAD": "ssh"}),
        ("local_system", "1", {"TM_MAD": "local"}),
        ("kernels", "2", {"DS_MAD": "fs"}),
        ("backups", "3", {"DS_MAD": "rsync", "RSYNC_HOST": "front1"}),
    ],
)
def test_datastores(host, datastore, kind, expected):
    found = shown(host, "onedatastore", datastore)
    assert found.findtext("TYPE") == kind
    assert expected.items() <= template(found).items()
    assert found.findtext("STATE") == "0", "0 is READY: also of the one that waited for its storage"


def test_rights_of_a_datastore(host):
    rights = {one.tag: one.text for one in shown(host, "onedatastore", "images").find("PERMISSIONS")}
    assert rights == {
        **{f"{who}_{what}": "1" for who in ("OWNER", "GROUP") for what in "UM"},
        **{f"{who}_A": "0" for who in ("OWNER", "GROUP", "OTHER")},
        "OTHER_U": "1",
        "OTHER_M": "0",
    }


def test_hooks_of_every_kind(host):
    hooks = {one.findtext("NAME"): one for one in ElementTree.fromstring(host.check_output("onehook list -x"))}
    assert sorted(hooks) == [
        "autostart_vm_on_cluster_restart",
        "autostart_vm_on_node_restart",
        "log_host_error",
        "log_new_users",
    ]
    assert hooks["log_new_users"].findtext("TEMPLATE/CALL") == "one.user.allocate"


def test_the_user_logs_in_with_the_declared_password(host):
    password = Path("/var/lib/kvmcloud-lab/labs/depth/operator_password").read_text().strip()
    session = json.dumps(f"operator:{password}")
    program = (
        f"import xmlrpc.client as x; print(x.ServerProxy('http://localhost:2633/RPC2').one.user.info({session}, -1)[0])"
    )
    assert host.check_output("python3 -c %s", program) == "True"


def test_check_mode_finds_nothing_to_do(host, tmp_path):
    counts = tmp_path / "counts.json"
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(CHECKOUT / "tests/bench/callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "count_runs",
        "KVMCLOUD_COUNT_FILE": str(counts),
    }
    inventory = CHECKOUT / "molecule/depth/inventory"
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "playbooks/site.yml", "--check", "--diff"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert sum(json.loads(counts.read_text())["changed"].values()) == 0, done.stdout
    assert "\n@@" not in done.stdout and "\n+++" not in done.stdout, done.stdout


def test_acceptance_holds(host, tmp_path):
    inventory = CHECKOUT / "molecule/depth/inventory"
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "playbooks/verify.yml", "-e", f"cloud_report_directory={tmp_path}"],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "datastore local_system is on its storage" in (tmp_path / "report.txt").read_text()


def test_the_converged_run_kept_to_its_budget(host):
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
    assert exceeded(counts, "depth", {"opennebula_frontends": [FRONT], "opennebula_nodes": NODES}) == []
