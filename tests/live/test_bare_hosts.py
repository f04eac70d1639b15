# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input meets bare hosts: everything is refused with a sentence, and nothing was changed."""

from __future__ import annotations

import json

import cloud
import pytest

pytestmark = pytest.mark.usefixtures("bare")

TRACES = "ls -d /etc/one /var/lib/one /etc/apt/sources.list.d/opennebula* /etc/apt/keyrings/opennebula* 2>/dev/null"


SHARED_SYSTEM = {"name": "sys", "clusters": ["lab"], "template": {"TYPE": "SYSTEM_DS", "TM_MAD": "shared"}}
NO_BRIDGE = {"name": "n", "clusters": ["lab"], "template": {"VN_MAD": "dummy", "BRIDGE": "br9"}}

NO_DISK = {"datastore": "default", "devices": ["/dev/sdz9"], "volume_group": "one", "logical_volume": "default"}


def told(run):
    """What a run told, on one line: the terminal breaks sentences where it likes."""
    return " ".join(run.output.split())


def nothing_was_changed():
    return cloud.on("front1", f"{TRACES}; true").strip() == ""


@pytest.mark.parametrize("database", ["sqlite", pytest.param("mysql", marks=pytest.mark.full)])
def test_check_mode_runs_to_its_end_and_changes_nothing(database):
    variables = {"opennebula_database_backend": database, "opennebula_database_password": "Bare-123"}
    run = cloud.playbook("site", "--check", "--diff", "-e", json.dumps(variables))
    assert run.rc == 0, run.output
    assert run.counts["changed"]["front1"] > 5, "a bare host has much to change, and check mode has to say so"
    assert nothing_was_changed()


# What preflight finds is told at once: whatever can be wrong together is, in one run.
WRONG_DECLARATIONS = {
    "opennebula_release": "6.6",
    "opennebula_oneadmin_password": "",
    "opennebula_repository_key_fingerprint": "",
    "opennebula_datastores": [SHARED_SYSTEM],
    "opennebula_virtual_networks": [NO_BRIDGE],
    "opennebula_hooks": [{"name": "7", "command": "x"}],
    "host_storage_datastore_disks": [NO_DISK],
    "preflight_minimum_disk_mb": {"opennebula_nodes": {"/var/lib": 2**40}},
}
WRONG_HOSTS = {
    "opennebula_release": "9.9",
    "opennebula_oneadmin_password": "opennebula",
    "ansible_host": "10.213.48.11",
    "opennebula_datastores": [{**SHARED_SYSTEM, "tempalte": {}}],
    "preflight_accepted": ["disk_spaces"],
}


@pytest.mark.parametrize(
    ("variables", "sentences"),
    [
        (
            WRONG_DECLARATIONS,
            [
                "OpenNebula 6.6 does not exist for Debian 12",
                "opennebula_oneadmin_password",
                "opennebula_repository_key_fingerprint",
                "where no image datastore has images that could run in it",
                "must be one network mount on front1, node1",
                "needs the bridge br9, which does not exist here; dummy makes none",
                "hook 7: a name of digits only",
                "datastore default: there is no block device /dev/sdz9 on this host",
                "1099511627776 are wanted",
            ],
        ),
        (
            WRONG_HOSTS,
            [
                "OpenNebula 9.9 is not known",
                "opennebula_oneadmin_password",
                "10.213.48.11",
                "there is no option tempalte",
                "'disk_spaces', and there is no such rule. Did you mean disk_space?",
            ],
        ),
        ({"preflight_accepted": ["unreachable_hosts"]}, ["unreachable_hosts, which cannot be accepted"]),
    ],
    ids=["declarations", "hosts", "acceptance of what cannot be"],
)
def test_preflight_refuses(variables, sentences):
    run = cloud.playbook("site", "-e", json.dumps(variables))
    assert run.rc != 0
    said = told(run).replace("''", "'")
    assert not [sentence for sentence in sentences if sentence not in said], run.output
    assert nothing_was_changed()


def test_an_accepted_finding_is_told_and_ends_nothing():
    small = {"preflight_minimum_disk_mb": {"opennebula_nodes": {"/var/lib": 2**40}}}
    run = cloud.playbook("preflight", "-e", json.dumps({**small, "preflight_accepted": [{"disk_space": "node1"}]}))
    assert run.rc == 0, run.output
    assert "accepted: node1: /var/lib has" in told(run), run.output
    assert (
        cloud.playbook("preflight", "-e", json.dumps({**small, "preflight_accepted": ["disk_space: front1"]})).rc != 0
    )


def test_a_bridge_that_was_made_by_hand_satisfies_its_network():
    assert "needs the bridge br0" in told(cloud.playbook("preflight"))
    cloud.on("node1", "ip link add br0 type bridge")
    try:
        assert "needs the bridge br0" not in told(cloud.playbook("preflight"))
    finally:
        cloud.on("node1", "ip link delete br0")


def test_a_host_whose_own_name_is_a_loopback_address_is_refused_unless_we_mend_it():
    """Debian's installer leaves such a line; libvirt and OpenNebula then announce an address that nobody reaches."""
    cloud.on("node1", "sed -i '/node1/d' /etc/hosts; echo '127.0.1.1 node1' >> /etc/hosts")
    run = cloud.playbook("preflight", "-e", "host_network_manage_hosts_file=false")
    assert run.rc != 0
    assert "node1" in run.output and "127.0.1.1" in run.output, run.output
    assert cloud.playbook("preflight").rc == 0
    run = cloud.playbook("../tests/live/repository_only", "--limit", "node1")
    assert run.rc == 0, run.output
    assert cloud.on("node1", "getent ahostsv4 node1").split()[0] == "10.213.48.21"
    cloud.on("node1", "rm -rf /etc/apt/sources.list.d/opennebula* /etc/apt/keyrings/opennebula*")


def test_another_fingerprint_is_refused_before_anything_is_written():
    run = cloud.playbook("site", "-e", "opennebula_repository_key_fingerprint=" + "0123456789" * 4)
    assert run.rc != 0
    assert "fingerprint" in run.output, run.output
    assert nothing_was_changed()


def test_a_repository_that_cannot_be_reached_leaves_the_former_configuration():
    run = cloud.playbook("site", "-e", "opennebula_repository_url=http://10.213.48.1:9/nowhere")
    assert run.rc != 0
    assert "10.213.48.1" in run.output, run.output
    assert nothing_was_changed()


def test_an_unreachable_host_is_a_finding_and_stops_all():
    cloud.lab("kill", "node1", "-i", cloud.INVENTORY)
    try:
        run = cloud.playbook("site")
    finally:
        cloud.lab("start", "node1", "-i", cloud.INVENTORY)
    assert run.rc != 0
    assert "error: node1: node1 could not be looked at" in run.output, run.output
    assert nothing_was_changed()


@pytest.mark.full
def test_a_repository_that_vanishes_half_way_is_no_disaster():
    """The source was configured, then the packages cannot be fetched; when it is back, the next run converges."""
    reject = "iptables -{} OUTPUT -p tcp --dport 8071 -j REJECT --reject-with tcp-reset"
    first_half = cloud.playbook("../tests/live/repository_only")
    assert first_half.rc == 0, first_half.output
    cloud.on("front1", reject.format("A"))
    run = cloud.playbook("site")
    assert run.rc != 0
    assert "10.213.48.1" in run.output, run.output
    assert cloud.on("front1", "dpkg --audit; dpkg -l opennebula 2>/dev/null | grep -c ^ii", check=False).strip() == "0"
    cloud.on("front1", reject.format("D"))
    cloud.converge()
    assert cloud.converge().changed == 0
