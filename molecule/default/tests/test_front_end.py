# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front-end, seen from outside of the collection."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "tests" / "bench"))

from budget import exceeded  # noqa: E402  (found through the line above)

FRONT, NODES = "front1", ["node1", "node2"]
testinfra_hosts = [FRONT]


def pool(host, command):
    return ElementTree.fromstring(host.check_output(f"{command} list -x"))


@pytest.mark.parametrize(("unit", "port"), [("", 2633), ("-gate", 5030), ("-flow", 2474), ("-fireedge", 2616)])
def test_services_run_now_and_after_a_reboot(host, unit, port):
    service = host.service(f"opennebula{unit}")
    assert service.is_running and service.is_enabled
    assert str(port) in host.check_output("ss -Hltn")


def test_both_nodes_are_monitored_in_the_declared_cluster(host):
    hosts = {one.findtext("NAME"): one for one in pool(host, "onehost")}
    assert sorted(hosts) == NODES
    assert {one.findtext("STATE") for one in hosts.values()} == {"2"}, "2 is MONITORED"
    assert {one.findtext("CLUSTER") for one in hosts.values()} == {"lab"}


def test_datastores_network_and_hook_are_there(host):
    assert {"lab_images", "lab_system"} < {one.findtext("NAME") for one in pool(host, "onedatastore")}
    assert [(one.findtext("NAME"), one.findtext("STATE")) for one in pool(host, "onevnet")] == [("guests", "1")]
    hooks = {one.findtext("NAME"): one for one in pool(host, "onehook")}
    assert sorted(hooks) == ["autostart_vm_on_cluster_restart", "autostart_vm_on_node_restart", "log_host_error"]
    state = [hooks["autostart_vm_on_node_restart"].findtext(f"TEMPLATE/{key}") for key in ("STATE", "LCM_STATE")]
    assert state == ["POWEROFF", "LCM_INIT"]


def test_vms_start_again_after_an_outage_of_their_node(host):
    path = host.service("opennebula-autostart.path")
    assert path.is_running and path.is_enabled
    program = "/usr/local/lib/opennebula-autostart/opennebula_autostart.py"
    assert host.run(f"runuser -u oneadmin -- {program} --help").rc == 0


def test_secrets_are_readable_by_their_owner_alone(host):
    auth = host.file("/var/lib/one/.one/one_auth")
    assert (auth.user, auth.mode) == ("oneadmin", 0o600)
    assert host.file("/etc/one/oned.conf").mode == 0o640


def test_the_converged_run_kept_to_its_budget(host):
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
    assert exceeded(counts, "default", {"opennebula_frontends": [FRONT], "opennebula_nodes": NODES}) == []
