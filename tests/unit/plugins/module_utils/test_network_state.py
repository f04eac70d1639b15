# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveRoute, parse_state

# Keys as iproute2 6.1 prints them, without those that nobody asks for.
BRIDGE = {
    "ifname": "br0",
    "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
    "mtu": 1500,
    "address": "52:54:00:00:00:01",
    "linkinfo": {"info_kind": "bridge", "info_data": {"forward_delay": 1500, "stp_state": 0}},
    "addr_info": [
        {"family": "inet", "local": "10.0.0.1", "prefixlen": 16, "scope": "global", "dynamic": True},
        {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
        {"family": "inet6", "local": "2001:db8::1", "prefixlen": 64, "scope": "global", "tentative": True},
        {"family": "inet6", "local": "2001:db8::2", "prefixlen": 64, "scope": "global", "dadfailed": True},
        {"family": "inet6", "local": "2001:db8::3", "prefixlen": 64, "scope": "global"},
    ],
}
PORT = {
    "ifname": "eth0",
    "flags": ["BROADCAST", "UP"],
    "mtu": 1500,
    "address": "02:00:00:00:00:99",
    "permaddr": "52:54:00:00:00:01",
    "master": "br0",
    "addr_info": [],
}
VLAN = {"ifname": "v", "link": "eth0", "flags": [], "linkinfo": {"info_kind": "vlan", "info_data": {"id": 12}}}
BOND = {"ifname": "bond0", "flags": ["UP"], "linkinfo": {"info_kind": "bond", "info_data": {"mode": "802.3ad"}}}
VNET = {"ifname": "vnet0", "flags": ["UP"], "master": "br0", "linkinfo": {"info_kind": "tun"}}
STATE = parse_state(
    json.dumps([BRIDGE, PORT, VLAN, BOND, VNET]),
    json.dumps(
        [
            {"dst": "default", "gateway": "10.0.0.254", "dev": "br0", "metric": 100},
            {"dst": "10.0.0.0/16", "dev": "br0", "scope": "link"},
            {
                "dst": "10.9.0.0/16",
                "nexthops": [{"gateway": "10.0.0.2", "dev": "br0"}, {"gateway": "10.0.0.3", "dev": "br0"}],
            },
        ]
    ),
    json.dumps([{"dst": "default", "gateway": "fe80::9", "dev": "br0"}]),
)


def test_addresses_that_can_be_used_and_whether_they_are_leases():
    assert STATE.links["br0"].addresses == {"10.0.0.1/16": True, "2001:db8::3/64": False}


@pytest.mark.parametrize(
    ("link", "values"),
    [
        ("br0", {"kind": "bridge", "stp": False, "forward_delay": 15, "up": True, "carrier": True}),
        ("eth0", {"kind": "", "mac": "52:54:00:00:00:01", "master": "br0", "carrier": False}),  # the card's own MAC
        ("v", {"kind": "vlan", "vlan_id": 12, "parent": "eth0", "up": False}),
        ("bond0", {"kind": "bond", "mode": "802.3ad"}),
    ],
)
def test_links(link, values):
    found = STATE.links[link]
    assert {name: getattr(found, name) for name in values} == values


def test_ports_and_those_of_guests():
    assert STATE.ports("br0") == ["eth0", "vnet0"]
    assert STATE.guest_ports("br0") == ["vnet0"]


def test_routes_by_routers():
    assert STATE.routes == (
        LiveRoute("default", "10.0.0.254", "br0", 100),
        LiveRoute("10.9.0.0/16", "10.0.0.2", "br0"),
        LiveRoute("10.9.0.0/16", "10.0.0.3", "br0"),
        LiveRoute("default", "fe80::9", "br0"),
    )


def test_a_host_without_anything():
    assert parse_state("", "", "[]").links == {}
