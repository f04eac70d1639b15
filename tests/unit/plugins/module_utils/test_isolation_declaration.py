# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import random

import isolation_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import declared, overlaps

GOOD = {
    "the guide's": a.given(),
    "a bridge without a way outside": a.given(a.bridge(uplinks=[])),
    "bonds and VLANs as uplinks": a.given(a.bridge(uplinks=["bond0", "eth1.12"])),
    "two bridges with one private network, as tenants have": a.given(a.bridge(), a.bridge("br1", uplinks=["eth1"])),
    "both families": a.given(
        a.bridge(guest_networks=["10.0.3.0/24", "2001:db8:3::/64"], gateways=["10.0.3.1", "2001:db8:3::1"]),
        protected_networks=["10.0.2.0/24", "2001:db8:2::/64"],
    ),
    "a router that is known by its link-local address": a.given(
        a.bridge(guest_networks=["10.0.3.0/24", "2001:db8:3::/64"], gateways=["10.0.3.1", "fe80::1"])
    ),
    "networks that touch": a.given(protected_networks=["10.0.2.0/24", "10.0.4.0/24"]),
    "a MAC address in another spelling": a.given(infrastructure_macs=["52-54-00-AB-CD-EF"]),
    "a service, a destination, a group": a.given(
        local_services=["udp/67"],
        allowed_destinations=[{"address": "10.0.2.10", "port": "tcp/5030"}],
        guest_multicast=[{"group": "224.0.0.18", "protocol": "vrrp"}, {"group": "ff02::12", "protocol": "112"}],
    ),
}


@pytest.mark.parametrize("declaration", GOOD.values(), ids=GOOD.keys())
def test_nothing_is_wrong(declaration):
    assert declared(declaration)[1] == []


BAD = {
    "no bridge": (a.given(bridges=[]), "bridges: none is declared"),
    "nothing to protect": (a.given(protected_networks=[]), "protected_networks: none is declared"),
    "an unknown mode": (a.given(mode="half"), "mode: 'half' is none; it is one of full, guide, vlan"),
    "a network that is none": (a.given(protected_networks=["10.0.2.0/33"]), "'10.0.2.0/33' is no network"),
    "host bits": (a.given(protected_networks=["10.0.2.5/24"]), "is an address within 10.0.2.0/24; write 10.0.2.0/24"),
    "an address for a network": (a.given(protected_networks=["10.0.2.5"]), "10.0.2.5 has no length"),
    "everything": (a.given(a.bridge(guest_networks=["0.0.0.0/0"], gateways=[])), "0.0.0.0/0 is everything"),
    "all of IPv6": (a.given(protected_networks=["::/0"]), "::/0 is everything"),
    "a multicast network": (a.given(protected_networks=["224.0.0.0/4"]), "224.0.0.0/4 is no network of hosts"),
    "the link-local network": (
        a.given(a.bridge(guest_networks=["fe80::/64"], gateways=[])),
        "fe80::/64 is no network of hosts or guests",
    ),
    "a bridge without guest networks": (a.given(a.bridge(guest_networks=[], gateways=[])), "it has no guest_networks"),
    "a bridge twice": (a.given(a.bridge(), a.bridge(uplinks=["eth1"])), "bridge onebr0 is declared twice"),
    "one uplink of two bridges": (a.given(a.bridge(), a.bridge("b")), "eth0 is an uplink of onebr0 and of b"),
    "a bridge as its own uplink": (a.given(a.bridge(uplinks=["onebr0"])), "bridge onebr0 is its own uplink"),
    "a link name that is a pattern": (a.given(a.bridge(uplinks=["eth*"])), "'eth*' cannot be the name of a link"),
    "a link name that ends a string": (a.given(a.bridge('a"b')), "cannot be the name of a link"),
    "a name of 16 characters": (a.given(a.bridge("b234567890123456")), "'b234567890123456' cannot be the name"),
    "a gateway elsewhere": (a.given(a.bridge(gateways=["10.0.9.1"])), "its gateway 10.0.9.1 is in none of its guest"),
    "a gateway with an address that no router has": (
        a.given(a.bridge(gateways=["169.254.0.1"])),
        "its gateway 169.254.0.1 is in none of its guest",
    ),
    "a host's link-local address that is none": (
        a.given(infrastructure_link_locals=["2001:db8::1"]),
        "infrastructure_link_locals: 2001:db8::1 is not in fe80::/10",
    ),
    "a gateway that is no address": (a.given(a.bridge(gateways=["router"])), "'router' is no address"),
    "a MAC address that is none": (a.given(infrastructure_macs=["52:54:00"]), "'52:54:00' is no MAC address"),
    "a MAC address that YAML made a number of": (a.given(infrastructure_macs=[12345]), "in quotes"),
    "a group address for a card": (a.given(infrastructure_macs=["01:00:5e:00:00:01"]), "is a group address"),
    "a prefix of groups": (a.given(guest_mac_prefix="03:00"), "guest_mac_prefix: '03:00' is none"),
    "a prefix that is none": (a.given(guest_mac_prefix="2"), "guest_mac_prefix: '2' is none"),
    "a service without a protocol": (a.given(local_services=["67"]), "'67' is no service; write one as tcp/5030"),
    "a port that is none": (a.given(local_services=["udp/70000"]), "'udp/70000' is no service"),
    "a destination without an address": (a.given(allowed_destinations=[{"port": "tcp/1"}]), "None is no address"),
    "a group that is none": (
        a.given(guest_multicast=[{"group": "10.0.0.1", "protocol": "vrrp"}]),
        "10.0.0.1 is no group",
    ),
    "an unknown protocol": (
        a.given(guest_multicast=[{"group": "224.0.0.18", "protocol": "hsrp"}]),
        "'hsrp' is no protocol that is known",
    ),
    "guests among the hosts": (
        a.given(protected_networks=["10.0.0.0/16"]),
        "The guest network 10.0.3.0/24 overlaps the protected network 10.0.0.0/16",
    ),
    "guests around the hosts": (
        a.given(a.bridge(guest_networks=["10.0.0.0/16"])),
        "The guest network 10.0.0.0/16 overlaps the protected network 10.0.2.0/24",
    ),
}


@pytest.mark.parametrize("declaration, sentence", BAD.values(), ids=BAD.keys())
def test_it_is_refused(declaration, sentence):
    findings = declared(declaration)[1]
    assert len(findings) == 1, findings
    assert sentence in findings[0]


def test_all_findings_come_at_once():
    wrong = a.given(a.bridge(uplinks=["a/b"], gateways=["10.9.9.9"]), mode="half", local_services=["ssh"])
    assert len(declared(wrong)[1]) == 4


def test_overlaps_are_those_that_comparing_each_with_each_finds():
    chance = random.Random(6)

    def some(count):
        return [
            ipaddress.ip_network((chance.getrandbits(12) << 20, chance.randint(12, 26)), strict=False)
            for _each in range(count)
        ]

    for _round in range(20):
        ones, others = some(30), some(30)
        expected = {(one, other) for one in ones for other in others if one.overlaps(other)}
        assert set(overlaps(ones, others)) == expected
