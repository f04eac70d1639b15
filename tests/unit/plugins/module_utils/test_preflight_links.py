# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import network_samples as a
import pytest
from cloud_samples import cloud, host, link, probe, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_links import LINK_RULES

NODE = "opennebula_nodes"


def node(name, *declared, default="eth0", **changes):
    number = {"node1": 11, "node2": 12}[name]
    interfaces = {
        "eth0": {**link(f"10.0.0.{number}/24", "fe80::1/64"), "mtu": 1500, "mac": f"52:54:00:00:00:{number}"},
        "eth1": {**link(), "mtu": 1500, "mac": f"52:54:00:00:01:{number}"},
    }
    found = probe(name, interfaces=interfaces, default_routes=[{"gateway": "10.0.0.254", "device": default}])
    return host(name, NODE, network=a.params(*declared), probe={**found, **changes.pop("probe", {})}, **changes)


def found(*hosts):
    return findings(cloud(*hosts), LINK_RULES)


UPLINK = {"gateways": ["10.0.0.254"]}
SOUND = {
    "nothing is declared": [node("node1"), node("node2")],
    "a bridge for guests": [node("node1", a.bridge("br0", "eth1")), node("node2", a.bridge("br0", "eth1"))],
    "the host moves onto the bridge": [node("node1", a.bridge("br0", "eth0", addresses=["10.0.0.11/24"], **UPLINK))],
    "by DHCP": [node("node1", a.bridge("br0", "eth0", dhcp4=True))],
    "one declares what it has": [
        node("node1", a.ethernet("eth0", addresses=["10.0.0.11/24"], **UPLINK)),
        node("node2", a.ethernet("eth0", addresses=["10.0.0.12/24"], **UPLINK)),
    ],
    "Ubuntu": [node("node1", a.bridge("br0", "eth1"), probe={"os_release": {"id": "ubuntu", "id_like": "debian"}})],
    "no links on Enterprise Linux": [node("node1", probe={"os_release": {"id": "rocky", "id_like": "rhel fedora"}})],
    "a host that could not be looked at": [node("node1", a.bridge("br0", "eth9"))],
}
SOUND["a host that could not be looked at"][0].probe = None


@pytest.mark.parametrize("hosts", SOUND.values(), ids=SOUND.keys())
def test_nothing_speaks_against_it(hosts):
    assert found(*hosts) == []


ROCKY = {"os_release": {"id": "rocky", "id_like": "rhel centos fedora"}}
WRONG = {
    "an option that does not exist": (
        [node("node1", network_faults=["host_network_bridges, entry br0: there is no option ports."])],
        "links_are_taken",
        "there is no option ports",
    ),
    "links that contradict one another": (
        [node("node1", a.vlan("v", 4095, "eth1"))],
        "links_are_sound",
        "VLAN v has the id 4095",
    ),
    "a card that is missing": ([node("node1", a.bridge("br0", "eno9"))], "links_fit_the_host", "eno9 does not exist"),
    "the uplink of the host loses its gateway": (
        [node("node1", a.bridge("br0", "eth0", addresses=["10.0.0.11/24"]))],
        "links_fit_the_host",
        "The IPv4 default route goes via 10.0.0.254 on eth0, which is declared without it",
    ),
    "frames too large for the card": (
        [node("node1", a.bridge("br0", "eth1", mtu=9000))],
        "links_fit_the_host",
        "bridge br0 has the MTU 9000",
    ),
    "one address for a whole group": (
        [
            node("node1", a.ethernet("eth1", addresses=["10.5.0.1/24"])),
            node("node2", a.ethernet("eth1", addresses=["10.5.0.1/24"])),
        ],
        "declared_addresses_are_unique",
        "10.5.0.1 is declared as an address of links on more than one of node1 and node2",
    ),
    "an address that another host has": (
        [node("node1", a.ethernet("eth1", addresses=["10.0.0.12/24"])), node("node2")],
        "declared_addresses_are_unique",
        "10.0.0.12",
    ),
    "an address on a card that another host does not declare": (
        [node("node1", a.ethernet("eth1", addresses=["10.0.0.12/24"])), node("node2", a.bridge("br0", "eth1"))],
        "declared_addresses_are_unique",
        "10.0.0.12",
    ),
    "the control address is forgotten": (
        [node("node1", a.ethernet("eth0", addresses=["10.0.0.111/24"], **UPLINK))],
        "control_address_is_declared",
        "10.0.0.11, by which the inventory knows it, is on eth0, and no declared link has it",
    ),
    "a system without netplan": (
        [node("node1", a.bridge("br0", "eth1"), probe={"os_release": {"id": "arch"}})],
        "netplan_has_a_host",
        "its system is arch, for which there is no netplan",
    ),
    "Enterprise Linux without EPEL": (
        [node("node1", a.bridge("br0", "eth1"), probe=ROCKY)],
        "netplan_has_a_host",
        "netplan is not installed, and its system rocky has no file of EPEL, where it is",
    ),
}


@pytest.mark.parametrize(("hosts", "rule", "words"), WRONG.values(), ids=WRONG.keys())
def test_one_thing_is_wrong(hosts, rule, words):
    all_found = found(*hosts)
    assert [finding.rule for finding in all_found] == [rule]
    assert told(all_found, words).host.startswith("node1")


@pytest.mark.parametrize("there", [{"installed": True, "epel": False}, {"installed": False, "epel": True}])
def test_enterprise_linux_with_netplan_or_where_it_comes_from(there):
    assert found(node("node1", a.bridge("br0", "eth1"), probe={**ROCKY, "netplan": there})) == []
