# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import declared
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_defaults import (
    vm_isolation_defaults,
    vm_isolation_known_hosts,
    vm_isolation_to_ask,
)

NETWORK = {
    "name": "guests",
    "template": {"VN_MAD": "fw", "BRIDGE": "onebr0", "GATEWAY": "10.0.3.1", "NETWORK_MASK": "255.255.255.0"},
    "address_ranges": [{"TYPE": "IP4", "IP": "10.0.3.100", "SIZE": 50}],
}
BRIDGES = [{"name": "onebr0", "interfaces": ["eth1"]}]


def probe(number, **more):
    links = {
        "lo": {"mac": "00:00:00:00:00:00", "addresses": ["127.0.0.1/8"], "kind": None},
        "eth0": {
            "mac": f"52:54:00:00:00:{number:02}",
            "addresses": [f"10.0.2.{number}/24", "fe80::1/64"],
            "kind": None,
        },
        "virbr0": {"mac": "52:54:00:ff:ff:ff", "addresses": ["192.168.122.1/24"], "kind": "bridge"},
        **more,
    }
    return {"probe": {"interfaces": links}}


def defaults(changed=None, others=None):
    hostvars = {
        "front1": {"ansible_host": "10.0.2.10", "preflight_probe": probe(10), "opennebula_virtual_networks": [NETWORK]},
        "node1": {"ansible_host": "10.0.2.11", "preflight_probe": probe(11), "host_network_bridges": BRIDGES},
        **(others or {}),
    }
    hostvars["node1"].update(changed or {})
    known = json.loads(json.dumps(vm_isolation_known_hosts(hostvars, hostvars)))  # as a fact comes back
    return vm_isolation_defaults("node1", known, hostvars, "front1")


def test_an_ordinary_inventory_needs_no_line():
    found = defaults()
    assert found == {
        "bridges": [
            {
                "name": "onebr0",
                "uplinks": ["eth1"],
                "guest_networks": ["10.0.3.0/24"],
                "gateways": ["10.0.3.1"],
                "gateway_macs": [],
            }
        ],
        "protected_networks": ["10.0.2.0/24"],
        "infrastructure_macs": ["52:54:00:00:00:10", "52:54:00:00:00:11"],
        "infrastructure_link_locals": ["fe80::1"],
        "partial": [],
        "silent_hosts": [],
    }
    assert declared(found)[1] == []


def test_what_is_declared_goes_before_and_macs_are_added():
    mine = {"name": "br9", "uplinks": [], "guest_networks": ["10.9.0.0/24"], "gateway_macs": ["52:54:00:00:00:10"]}
    found = defaults(
        {
            "vm_isolation_bridges": [mine],
            "vm_isolation_protected_networks": ["10.7.0.0/16"],
            "vm_isolation_infrastructure_macs": ["52:54:00:aa:aa:aa"],
        }
    )
    assert found["bridges"] == [mine] and found["protected_networks"] == ["10.7.0.0/16"]
    assert found["infrastructure_macs"] == ["52:54:00:00:00:11", "52:54:00:aa:aa:aa"]  # a router is no host


def test_links_of_a_host_are_its_cards_and_bridges_and_what_has_an_address():
    """A bridge without an address has a link-local one, over which its host is reached as over any other."""
    links = {
        "onebr0": {"mac": "1a:2b:3c:4d:5e:6f", "kind": "bridge", "addresses": ["fe80::182b:3cff:fe4d:5e6f/64"]},
        "vnet3": {"mac": "fe:00:0a:00:00:02", "kind": "tun", "addresses": ["fe80::fc00:aff:fe00:2/64"]},
        "bond0": {"mac": "02:aa:00:00:00:09", "kind": "bond", "addresses": []},
        "bond1": {"mac": "02:aa:00:00:00:08", "kind": "bond", "addresses": ["fe80::abcd/64"]},
        "eth1": {"mac": "52:54:00:00:01:11", "kind": None, "addresses": []},
        "br0": {"mac": "02:aa:00:00:00:03", "kind": "bridge", "addresses": ["10.0.8.11/24"]},
    }
    found = defaults({"preflight_probe": probe(11, **links)})
    assert found["infrastructure_macs"] == [
        "02:aa:00:00:00:03",
        "02:aa:00:00:00:08",
        "1a:2b:3c:4d:5e:6f",
        "52:54:00:00:00:10",
        "52:54:00:00:00:11",
        "52:54:00:00:01:11",
    ]
    assert found["infrastructure_link_locals"] == ["fe80::1", "fe80::abcd"]


def test_uplinks_are_those_that_the_node_has_where_no_link_is_declared():
    links = {
        "bond0": {"kind": "bond", "master": "onebr0", "addresses": []},
        "vnet3": {"kind": "tun", "master": "onebr0", "addresses": []},
        "eth9": {"kind": None, "master": "other", "addresses": []},
    }
    found = defaults({"host_network_bridges": [], "preflight_probe": probe(11, **links)})
    assert found["bridges"][0]["uplinks"] == ["bond0"]


@pytest.mark.parametrize(
    ("template", "uplinks"),
    [
        ({"VN_MAD": "802.1Q", "BRIDGE": "b", "PHYDEV": "eth1", "VLAN_ID": 50}, ["eth1.50"]),
        ({"VN_MAD": "vxlan", "BRIDGE": "b", "PHYDEV": "bond0", "VLAN_ID": 5000}, ["bond0.5000"]),
        ({"VN_MAD": "bridge", "BRIDGE": "b", "PHYDEV": "eth1"}, ["eth1"]),
        ({"VN_MAD": "dummy", "BRIDGE": "b", "PHYDEV": "eth1"}, []),
    ],
)
def test_uplinks_that_opennebula_is_going_to_make_are_no_guests(template, uplinks):
    found = defaults({"opennebula_virtual_networks": [{**NETWORK, "template": template}]})
    assert found["bridges"][0]["uplinks"] == uplinks


def test_declared_addresses_of_links_are_networks_of_hosts():
    found = defaults({"host_network_ethernets": [{"name": "eth2", "addresses": ["10.0.8.11/24", "dhcp?"]}]})
    assert found["protected_networks"] == ["10.0.2.0/24", "10.0.8.0/24"]


def test_networks_of_both_families_are_protected_and_an_inner_one_is_not_named():
    links = {
        "eth2": {"addresses": ["2001:db8:2::11/64", "2001:db8:2::12/128"], "kind": None},
        "eth3": {"addresses": ["10.0.0.11/8"], "kind": None},
    }
    found = defaults({"preflight_probe": probe(11, **links)})
    assert found["protected_networks"] == ["10.0.0.0/8", "2001:db8:2::/64"]


@pytest.mark.parametrize("silent", [{}, {"preflight_probe": {"unreachable": True, "msg": "no route"}}])
def test_of_a_host_that_told_nothing_its_address_is_protected(silent):
    found = defaults(others={"node2": {"ansible_host": "10.0.4.12", **silent}})
    assert found["protected_networks"] == ["10.0.2.0/24", "10.0.4.12/32"]
    assert found["partial"] == ["infrastructure_macs", "infrastructure_link_locals", "protected_networks"]
    assert found["silent_hosts"] == ["node2"]


def test_a_run_for_one_node_protects_the_same_networks():
    assert defaults(others={"node2": {"ansible_host": "10.0.2.12"}})["protected_networks"] == ["10.0.2.0/24"]


def test_hosts_are_asked_that_were_not_or_before_their_bridges_were_made():
    bridge = {"host_network_bridges": [{"name": "onebr0"}]}
    made = probe(1, onebr0={"kind": "bridge", "mac": "1a:2b:3c:4d:5e:6f"})
    hostvars = {
        "not": bridge,
        "before": {**bridge, "preflight_probe": probe(1)},
        "since": {**bridge, "preflight_probe": made},
        "plain": {"preflight_probe": probe(1)},
        "silent": {**bridge, "preflight_probe": {"unreachable": True}},
    }
    assert vm_isolation_to_ask(hostvars, hostvars) == ["not", "before"]
    assert vm_isolation_to_ask(["any"], {}) == ["any"]


def test_a_host_by_name_has_no_address():
    assert defaults(others={"node2": {}})["protected_networks"] == ["10.0.2.0/24"]


LEFT_OUT = {
    "a network that goes": {**NETWORK, "state": "absent"},
    "Open vSwitch": {**NETWORK, "template": {"VN_MAD": "ovswitch", "BRIDGE": "ovs0"}},
    "a bridge that OpenNebula names itself": {**NETWORK, "template": {"VN_MAD": "802.1Q", "PHYDEV": "eth1"}},
    "MAC addresses only": {
        **NETWORK,
        "template": {"VN_MAD": "fw", "BRIDGE": "b"},
        "address_ranges": [{"TYPE": "ETHER"}],
    },
}


@pytest.mark.parametrize("network", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_networks_that_say_nothing_of_a_bridge_or_of_addresses(network):
    assert defaults({"opennebula_virtual_networks": [network]})["bridges"] == []


def test_a_router_that_is_in_the_inventory_is_one_that_guests_send_to():
    links = {"eth7": {"mac": "52:54:00:00:00:77", "addresses": ["10.0.3.1/24"], "kind": None}}
    found = defaults(others={"router": {"ansible_host": "10.0.2.1", "preflight_probe": probe(1, **links)}})
    assert found["bridges"][0]["gateway_macs"] == ["52:54:00:00:00:77"]
    assert "52:54:00:00:00:77" not in found["infrastructure_macs"]
    assert found["protected_networks"] == ["10.0.2.0/24"]  # where guests are it is no host among them


def test_networks_of_one_bridge_come_together():
    second = {**NETWORK, "template": {"VN_MAD": "bridge", "BRIDGE": "onebr0", "NETWORK_MASK": "255.255.255.0"}}
    second["address_ranges"] = [{"TYPE": "IP4_6", "IP": "10.0.5.9", "SIZE": 5, "GLOBAL_PREFIX": "2001:db8:5::"}]
    (bridge,) = defaults({"opennebula_virtual_networks": [NETWORK, second]})["bridges"]
    assert bridge["guest_networks"] == ["10.0.3.0/24", "10.0.5.0/24", "2001:db8:5::/64"]
