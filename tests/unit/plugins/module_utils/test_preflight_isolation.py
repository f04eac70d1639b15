# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import isolation_samples as a
import pytest
from cloud_samples import cloud, declared, host, link, probe, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_isolation import ISOLATION_RULES

NODE = "opennebula_nodes"
LINKS = {
    "eth0": link(master="onebr0"),
    "onebr0": link(kind="bridge"),
    "one-3-0": link(kind="tun", master="onebr0"),
    "eth1": link("10.0.2.11/24", "fe80::1/64"),
}
GUESTS = {
    "name": "guests",
    "template": {"VN_MAD": "fw", "BRIDGE": "onebr0", "NETWORK_MASK": "255.255.255.0"},
    "address_ranges": [{"TYPE": "IP4", "IP": "10.0.3.100", "SIZE": 9}],
}
EVERYBODY = object()


def node(name="node1", isolation=EVERYBODY, interfaces=None, **changed):
    given = a.given() if isolation is EVERYBODY else isolation
    found = probe(name, interfaces=LINKS if interfaces is None else interfaces)
    return host(name, NODE, isolation=given, probe=found, address="10.0.2.11", **changed)


def found(*hosts, **changed):
    return findings(cloud(*hosts, **changed), ISOLATION_RULES)


def asked(loads=True, tells_bridges=True, isolation=EVERYBODY, interfaces=None):
    found = node(isolation=isolation, interfaces=interfaces)
    found.probe.update(bridge_filter={"loads": loads, "tells_bridges": tells_bridges}, kernel="6.1.0-28-amd64")
    return found


DOCKER = {**LINKS, "docker0": link("172.17.0.1/16", kind="bridge"), "virbr0": link(kind="bridge")}
SOUND = {
    "as it is": ([node()], {}),
    "nowhere": ([node(isolation=None), node("node2", isolation=None)], {}),
    "on the way out": ([node(isolation=a.given(a.bridge(uplinks=["no"]), state="absent"))], {}),
    "a network that is known": ([node()], {"declared": declared(virtual_networks=[GUESTS])}),
    "a network that gives no addresses": (
        [node()],
        {"declared": declared(virtual_networks=[{**GUESTS, "address_ranges": [{"TYPE": "ETHER", "SIZE": 9}]}])},
    ),
    "a network that goes": (
        [node()],
        {"declared": declared(virtual_networks=[{**GUESTS, "template": {"BRIDGE": "br9"}, "state": "absent"}])},
    ),
    "a network of Open vSwitch, which names its own": (
        [node()],
        {"declared": declared(virtual_networks=[{**GUESTS, "template": {"VN_MAD": "ovswitch"}}])},
    ),
    "a network with a part of the addresses": (
        [
            node(
                isolation=a.given(a.bridge(guest_networks=["10.0.0.0/22"]), protected_networks=["10.8.0.0/16"]),
                interfaces={},
            )
        ],
        {"declared": declared(virtual_networks=[GUESTS])},
    ),
    "a bridge that is going to be made": (
        [
            node(
                interfaces={"eth0": link(), "eth1": LINKS["eth1"]},
                network={"bridges": [{"name": "onebr0", "interfaces": ["eth0"]}]},
            )
        ],
        {},
    ),
    "a prefix that oned has": (
        [node(isolation=a.given(guest_mac_prefix="52:54"))],
        {"oned_edits": [{"attribute": "MAC_PREFIX", "value": "52:54"}]},
    ),
    "a host that could not be looked at": ([node(isolation=a.given(a.bridge(uplinks=["eth7"])))], {}),
    "the gateway's address, of another host": (
        [node(), host("router", probe=probe("router", interfaces={"eth0": link("10.0.3.1/24")}))],
        {},
    ),
}
SOUND.update(
    {
        "a kernel that can": ([asked()], {}),
        "a kernel that did not say": ([asked(loads=None, tells_bridges=None)], {}),
        "a kernel that was not asked": ([node()], {}),
        "a kernel without, where nothing is loaded": ([asked(loads=False, isolation=a.given(mode="vlan"))], {}),
        "a kernel without, where the guide's rules are": ([asked(loads=False, isolation=a.given(mode="guide"))], {}),
    }
)
SOUND["a host that could not be looked at"][0][0].probe = None


@pytest.mark.parametrize(("hosts", "changed"), SOUND.values(), ids=SOUND.keys())
def test_nothing_speaks_against_it(hosts, changed):
    assert found(*hosts, **changed) == []


WRONG = {
    "a form that the module refuses": (
        [node(isolation=None, isolation_faults=["vm_isolation_bridges is 'x', and no list."])],
        {},
        "isolation_is_taken",
        "and no list",
    ),
    "overlapping networks": (
        [node(isolation=a.given(protected_networks=["10.0.0.0/16"]))],
        {},
        "isolation_is_sound",
        "overlaps the protected network 10.0.0.0/16",
    ),
    "a missing uplink": (
        [node(isolation=a.given(a.bridge(uplinks=["eth0", "eth5"])))],
        {},
        "isolation_fits_the_host",
        "The uplink eth5 of bridge onebr0 does not exist",
    ),
    "a card that is no port of the bridge": (
        [node(isolation=a.given(a.bridge(uplinks=["eth0", "eth1"])))],
        {},
        "isolation_fits_the_host",
        "The uplink eth1 of bridge onebr0 is no port of it",
    ),
    "a bridge that is going to speak STP": (
        [node(network={"bridges": [{"name": "onebr0", "interfaces": ["eth0"], "stp": True}]})],
        {},
        "isolation_fits_the_host",
        "The bridge onebr0 speaks STP",
    ),
    "an uplink that is not declared": (
        [node(isolation=a.given(a.bridge(uplinks=[])))],
        {},
        "isolation_fits_the_host",
        "eth0 is a port of bridge onebr0, leads outside and is not among its uplinks",
    ),
    "an address of another host among those of guests": (
        [node(), host("web", probe=probe("web", interfaces={"eth0": link("10.0.3.7/24")}))],
        {},
        "guest_networks_hold_no_host",
        "10.0.3.7, an address of web, is in the guest network 10.0.3.0/24",
    ),
    "a network of OpenNebula with other addresses": (
        [node()],
        {"declared": declared(virtual_networks=[{**GUESTS, "address_ranges": [{"TYPE": "IP4", "IP": "10.0.9.1"}]}])},
        "isolation_knows_the_virtual_networks",
        "The virtual network guests has addresses in 10.0.9.0/24",
    ),
    "a network of OpenNebula on another bridge": (
        [node()],
        {"declared": declared(virtual_networks=[{**GUESTS, "template": {"VN_MAD": "fw", "BRIDGE": "br9"}}])},
        "isolation_knows_the_virtual_networks",
        "uses the bridge br9, which the isolation does not know",
    ),
    "a network of OpenNebula that gives no addresses, on another bridge": (
        [node()],
        {
            "declared": declared(
                virtual_networks=[
                    {**GUESTS, "template": {"VN_MAD": "fw", "BRIDGE": "br9"}, "address_ranges": [{"TYPE": "ETHER"}]}
                ]
            )
        },
        "isolation_knows_the_virtual_networks",
        "guests uses the bridge br9, which the isolation does not know: its guests meet no rules",
    ),
    "a network of OpenNebula whose bridge that names": (
        [node()],
        {"declared": declared(virtual_networks=[{**GUESTS, "template": {"VN_MAD": "802.1Q", "PHYDEV": "eth1"}}])},
        "isolation_knows_the_virtual_networks",
        "guests uses a bridge that OpenNebula makes and names, and that the isolation does not know",
    ),
    "a node without": (
        [node(), node("node2", isolation=None)],
        {},
        "every_node_is_isolated",
        "Its guests are not isolated and those of other nodes are",
    ),
    "a kernel that has no filter for bridges": (
        [asked(loads=False, tells_bridges=False)],
        {},
        "kernel_filters_bridges",
        "The kernel 6.1.0-28-amd64 cannot filter on bridges by nftables (CONFIG_NF_TABLES_BRIDGE)",
    ),
    "a kernel that cannot tell bridges apart": (
        [asked(tells_bridges=False, interfaces=DOCKER)],
        {},
        "kernel_tells_bridges_apart",
        "for the ports of all its bridges. The ports of docker0, virbr0 are left out by their names",
    ),
    "a kernel that cannot, with one bridge only": (
        [asked(tells_bridges=False)],
        {},
        "kernel_tells_bridges_apart",
        "It has no others at present.",
    ),
    "another prefix in oned": (
        [node()],
        {"oned_edits": [{"attribute": "MAC_PREFIX", "value": '"0a:00"'}]},
        "guests_have_the_prefix_of_oned",
        "vm_isolation_guest_mac_prefix is 02:00, and MAC_PREFIX of oned is 0a:00",
    ),
}


@pytest.mark.parametrize(("hosts", "changed", "rule", "words"), WRONG.values(), ids=WRONG.keys())
def test_one_thing_is_wrong(hosts, changed, rule, words):
    all_found = found(*hosts, **changed)
    assert [finding.rule for finding in all_found] == [rule]
    told(all_found, words)
