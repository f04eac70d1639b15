# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import network_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links, faults

GOOD = {
    "the guide's host: one card for itself, one for guests": [
        a.ethernet("eno0", addresses=["10.0.0.1/16"], gateways=["10.0.0.254"], name_servers=["8.8.8.8"]),
        a.bridge("br0", "eno1"),
    ],
    "a bridge on a VLAN on a bond": [
        a.bond("bond0", "eno0", "eno1", mode="802.3ad"),
        a.vlan("bond0.12", 12, "bond0"),
        a.bridge("br12", "bond0.12", addresses=["10.12.0.1/24", "2001:db8::1/64"]),
    ],
    "one VLAN id on two links": [a.vlan("a", 7, "eth0"), a.vlan("b", 7, "eth1")],
    "a VLAN on a bridge": [a.bridge("br0", "eth0"), a.vlan("v", 7, "br0", addresses=["10.0.0.1/31"])],
    "a gateway elsewhere, reached on the link": [
        a.ethernet("e", addresses=["10.0.0.1/32"], routes=[{"to": "default", "via": "10.9.9.9", "on_link": True}])
    ],
    "a gateway that is link-local, as those of IPv6 are": [
        a.ethernet("e", addresses=["2001:db8::5/64"], gateways=["fe80::1"])
    ],
    "a default route of each family": [
        a.ethernet("e", addresses=["10.0.0.1/8", "2001:db8::5/64"], gateways=["10.0.0.2", "2001:db8::1"])
    ],
    "a second default route with a metric": [
        a.ethernet("e", addresses=["10.0.0.1/24"], gateways=["10.0.0.2"]),
        a.ethernet("f", addresses=["10.0.1.1/24"], routes=[{"to": "default", "via": "10.0.1.2", "metric": 500}]),
    ],
    "a gateway where DHCP gives the address": [a.ethernet("e", dhcp4=True, gateways=["10.0.0.2"])],
    "a name of 15 characters": [a.bridge("b23456789012345")],
}


@pytest.mark.parametrize("declared", GOOD.values(), ids=GOOD.keys())
def test_nothing_is_wrong(declared):
    assert faults(declared_links(a.params(*declared))) == []


BAD = {
    "a name twice": ([a.ethernet("e"), a.bridge("e")], "e is declared twice"),
    "a name of 16 characters": ([a.bridge("b234567890123456")], "has 16 characters; names of links have at most 15"),
    "the long name of a port": ([a.bridge("b", "p234567890123456")], "p234567890123456 has 16 characters"),
    "a name with a slash": ([a.bridge("a/b")], "'a/b' cannot be the name of a link"),
    "a name that is a pattern": ([a.bridge("b", "en*")], "'en*' cannot be the name of a link"),
    "the loopback": ([a.ethernet("lo")], "'lo' cannot be the name"),
    "one port of two bridges": ([a.bridge("a", "e"), a.bridge("b", "e")], "e is a port of a and of b"),
    "one port twice": ([a.bridge("a", "e", "e")], "e is a port twice"),
    "a port with an address": (
        [a.ethernet("e", addresses=["10.0.0.1/8"]), a.bridge("b", "e")],
        "e is a port of bridge b and has addresses, DHCP or routes of its own",
    ),
    "a port with DHCP": ([a.ethernet("e", dhcp4=True), a.bridge("b", "e")], "give them to b"),
    "a bridge over a bond over VLANs": (
        [a.vlan("v", 5, "eth0"), a.bond("bond0", "v"), a.bridge("b", "bond0")],
        "bond bond0 has VLAN v among its interfaces; a bond is made of ethernets",
    ),
    "a bridge in a bridge": ([a.bridge("a"), a.bridge("b", "a")], "bridge b has bridge a as a port"),
    "links made of one another": (
        [a.vlan("v", 5, "b"), a.bridge("b", "v")],
        "b, v: made of itself by way of the others",
    ),
    "a bond of nothing": ([a.bond("b")], "bond b has no interfaces"),
    "a bond of unknown mode": ([a.bond("b", "e", mode="fast")], "bond b has the mode 'fast'; wanted is one of"),
    "VLAN 0": ([a.vlan("v", 0, "e")], "VLAN v has the id 0; wanted is a number from 1 to 4094"),
    "VLAN 4095": ([a.vlan("v", 4095, "e")], "VLAN v has the id 4095"),
    "one VLAN id twice on a link": ([a.vlan("v", 7, "e"), a.vlan("w", 7, "e")], "w has the id 7 on e, as VLAN v has"),
    "a VLAN on itself": ([a.vlan("v", 7, "v")], "v: made of itself"),
    "a VLAN below a bridge that takes all": (
        [a.bridge("b", "e"), a.vlan("v", 7, "e")],
        "VLAN v is on e, which is a port of bridge b and hands all frames to it",
    ),
    "an address without length": (
        [a.ethernet("e", addresses=["10.0.0.1"])],
        "'10.0.0.1' is no address with the length",
    ),
    "an address of nonsense": ([a.ethernet("e", addresses=["10.0.0.1/33"])], "'10.0.0.1/33' is no address"),
    "the address of a network": ([a.ethernet("e", addresses=["10.0.0.0/24"])], "is the network 10.0.0.0/24 itself"),
    "a broadcast address": ([a.ethernet("e", addresses=["10.0.0.255/24"])], "is the broadcast address of 10.0.0.0/24"),
    "a multicast address": ([a.ethernet("e", addresses=["224.0.0.5/24"])], "cannot be the address of a link"),
    "one address on two links": (
        [a.ethernet("e", addresses=["10.0.0.1/24"]), a.bridge("b", addresses=["10.0.0.1/16"])],
        "10.0.0.1 is declared for e and for b",
    ),
    "IPv6 that is off": ([a.ethernet("e", addresses=["2001:db8::1/64"], ipv6=False)], "and ipv6 is false"),
    "a gateway in no network": (
        [a.ethernet("e", addresses=["10.0.0.1/24"], gateways=["10.0.1.254"])],
        "the gateway 10.0.1.254 is in none of its networks (10.0.0.0/24)",
    ),
    "a gateway that is the host": (
        [a.ethernet("e", addresses=["10.0.0.1/24"], gateways=["10.0.0.1"])],
        "the gateway 10.0.0.1 is its own address",
    ),
    "a gateway of nonsense": ([a.ethernet("e", gateways=["router"])], "the gateway 'router' is no address"),
    "a route to nowhere": (
        [a.ethernet("e", addresses=["10.0.0.1/8"], routes=[{"to": "there", "via": "10.0.0.2"}])],
        "the route to 'there' leads to no network",
    ),
    "a route of both families": (
        [a.ethernet("e", addresses=["10.0.0.1/8"], routes=[{"to": "2001:db8::/32", "via": "10.0.0.2"}])],
        "both must be IPv4, or both IPv6",
    ),
    "two default routes": (
        [
            a.ethernet("e", addresses=["10.0.0.1/24"], gateways=["10.0.0.2"]),
            a.bridge("b", addresses=["10.0.1.1/24"], gateways=["10.0.1.2"]),
        ],
        "e (via 10.0.0.2) and b (via 10.0.1.2) both have an IPv4 default route",
    ),
    "a name server by name": ([a.ethernet("e", name_servers=["dns.example"])], "'dns.example' is no address"),
    "an MTU of nothing": ([a.ethernet("e", mtu=10)], "the MTU 10 is out of range"),
    "a bridge with frames larger than its port's": (
        [a.ethernet("e", mtu=1500), a.bridge("b", "e", mtu=9000)],
        "bridge b has the MTU 9000 and e, which it is made of, 1500",
    ),
    "a VLAN with frames larger than its link's": (
        [a.ethernet("e", mtu=1500), a.vlan("v", 7, "e", mtu=1600)],
        "VLAN v has the MTU 1600 and e",
    ),
    "a MAC address of nonsense": ([a.ethernet("e", mac="52-54")], "'52-54' is no MAC address"),
    "one card with two names": (
        [a.ethernet("e", mac="52:54:00:00:00:0a"), a.ethernet("f", mac="52:54:00:00:00:0A")],
        "f is known by the MAC address 52:54:00:00:00:0a, as e is",
    ),
    "a delay that STP does not take": (
        [a.bridge("b", stp=True, forward_delay=1)],
        "the forward delay 1 is out of range",
    ),
}


@pytest.mark.parametrize(("declared", "sentence"), BAD.values(), ids=BAD.keys())
def test_one_thing_is_wrong(declared, sentence):
    found = faults(declared_links(a.params(*declared)))
    assert len(found) == 1, found
    assert sentence in found[0]


def test_all_faults_are_told_at_once():
    found = faults(declared_links(a.params(a.vlan("v", 0, "e"), a.ethernet("f", addresses=["x"]), a.bond("b"))))
    assert len(found) == 3


def test_links_come_after_what_they_are_made_of():
    declared = [a.bridge("br12", "v"), a.vlan("v", 12, "bond0"), a.bond("bond0", "eth1", "eth0")]
    names = [link.name for link in declared_links(a.params(*declared))]
    assert names == ["eth1", "eth0", "bond0", "v", "br12"]
