# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that share addresses with hypervisors cannot pose as one, unless somebody said so."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.guest_networks import (
    need_open_vswitch,
    networks_of,
    reaches,
    unfiltered,
    with_filters,
    with_spoofing_filters,
)

HOSTS = ["192.0.2.11", "node2.example", "2001:db8:1::11"]
BOTH = {"FILTER_IP_SPOOFING": "YES", "FILTER_MAC_SPOOFING": "YES"}


def network(*ranges: dict, name: str = "guests", state: str = "present", **template: str) -> dict:
    return {"name": name, "state": state, "template": {"VN_MAD": "fw", **template}, "address_ranges": list(ranges)}


def added(declared: dict, *protected: str) -> dict:
    (result,) = with_filters([declared], HOSTS, protected)
    return {key: value for key, value in result["template"].items() if key not in declared["template"]}


NEAR = {"TYPE": "IP4", "IP": "192.0.2.100", "SIZE": 50}
FAR = {"TYPE": "IP4", "IP": "198.51.100.10", "SIZE": 50}


@pytest.mark.parametrize(
    ("declared", "protected", "expected"),
    [
        pytest.param(network(NEAR), (), BOTH, id="a range beside a host, no mask given"),
        pytest.param(network(NEAR, state="locked"), (), BOTH, id="locked once it is made"),
        pytest.param(network(FAR), (), {}, id="a range elsewhere"),
        pytest.param(
            network({"TYPE": "IP4", "IP": "192.0.0.10", "SIZE": 600}), (), BOTH, id="a large range that ends beside it"
        ),
        pytest.param(
            network({"TYPE": "IP4", "IP": "192.0.0.10", "SIZE": 1024}), (), BOTH, id="a large range with a host in it"
        ),
        pytest.param(network({"TYPE": "IP4", "IP": "192.0.0.10", "SIZE": 256}), (), {}, id="a range that ends before"),
        pytest.param(network(NEAR, NETWORK_MASK="/24"), (), BOTH, id="a mask with a slash"),
        pytest.param(network(NEAR, NETWORK_MASK="255.255.255"), (), BOTH, id="a mask that is none"),
        pytest.param(network(FAR), ("198.51.0.0/16",), BOTH, id="a range in a protected network"),
        pytest.param(
            network(FAR, NETWORK_ADDRESS="192.0.2.0", NETWORK_MASK="255.255.255.0"), (), BOTH, id="by its own mask"
        ),
        pytest.param(
            network({**NEAR, "NETWORK_MASK": "255.255.255.192"}),
            (),
            {},
            id="the mask of the range parts it from the host",
        ),
        pytest.param(network({"TYPE": "IP6", "GLOBAL_PREFIX": "2001:db8:1::", "SIZE": 9}), (), BOTH, id="IPv6 prefix"),
        pytest.param(
            network({"TYPE": "IP6_STATIC", "IP6": "2001:db8:1::100", "PREFIX_LENGTH": 64, "SIZE": 9}),
            (),
            BOTH,
            id="IPv6",
        ),
        pytest.param(
            network(NEAR, {"TYPE": "ETHER", "SIZE": 5}),
            (),
            {"FILTER_MAC_SPOOFING": "YES"},
            id="guests without an address of OpenNebula's would be cut off by the IP filter",
        ),
        pytest.param(network({"TYPE": "ETHER", "SIZE": 5}), (), {}, id="no addresses: nothing is known"),
        pytest.param(
            network(NEAR, filter_ip_spoofing="no"), (), {"FILTER_MAC_SPOOFING": "YES"}, id="what is said is kept"
        ),
        pytest.param(network(NEAR, VN_MAD="bridge"), (), {}, id="the driver bridge filters nothing"),
        pytest.param(network(NEAR, VN_MAD="802.1Q"), (), BOTH, id="802.1Q"),
        pytest.param(network(NEAR, VN_MAD="VXLAN"), (), BOTH, id="drivers have no case"),
        pytest.param(network(NEAR, state="absent"), (), {}, id="a network that goes"),
        pytest.param(network({"TYPE": "IP4", "IP": "no address", "SIZE": 5}), (), {}, id="slips are told elsewhere"),
    ],
)
def test_filters_where_guests_reach_hypervisors(declared: dict, protected: tuple, expected: dict) -> None:
    assert added(declared, *protected) == expected


def test_the_declaration_itself_is_not_touched() -> None:
    declared = network(NEAR)
    with_filters([declared], HOSTS)
    assert declared == network(NEAR)


@pytest.mark.parametrize("more", [{}, {"template": None}, {"template": 'VN_MAD = "fw"'}])
def test_a_network_without_template_is_left_alone(more: dict) -> None:
    declared = {"name": "guests", "id": 3, **more}
    assert with_filters([declared], HOSTS) == [declared]
    assert unfiltered([declared], HOSTS) == []


def test_hosts_come_from_the_inventory() -> None:
    hostvars = {"node1": {"ansible_host": "192.0.2.11"}, "node2": {"host_network_address": "203.0.113.2"}}
    (near, far) = with_spoofing_filters([network(NEAR), network(FAR)], ["node1", "node2"], hostvars)
    assert near["template"] == {"VN_MAD": "fw", **BOTH}
    assert far["template"] == {"VN_MAD": "fw"}


def test_networks_that_no_driver_filters_are_named() -> None:
    plain = network(NEAR, name="plain", VN_MAD="bridge")
    assert unfiltered([plain, network(NEAR), network(FAR, VN_MAD="bridge"), {"name": "x"}], HOSTS) == ["plain"]
    assert unfiltered([{**plain, "state": "absent"}], HOSTS) == []


def test_addresses_of_one_family_never_meet_the_other() -> None:
    assert not reaches(network({"TYPE": "IP6", "ULA_PREFIX": "fd00::"}), ["192.0.2.11"], ())
    assert [str(found) for found in networks_of(network(NEAR))] == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param([], False, id="no networks"),
        pytest.param([{**network(NEAR, VN_MAD="fw"), "clusters": ["a"]}], False, id="of another driver"),
        pytest.param([{**network(NEAR, VN_MAD="ovswitch"), "clusters": ["a", "b"]}], True, id="of this cluster"),
        pytest.param([{**network(NEAR, VN_MAD="OVSwitch_VXLAN"), "clusters": ["a"]}], True, id="drivers have no case"),
        pytest.param([{**network(NEAR, VN_MAD="ovswitch"), "clusters": ["b"]}], False, id="of another cluster"),
        pytest.param([network(NEAR, VN_MAD="ovswitch")], True, id="may be put into any"),
        pytest.param([{**network(NEAR, VN_MAD="ovswitch"), "clusters": [100]}], True, id="of one known by its ID"),
        pytest.param([{**network(NEAR, VN_MAD="ovswitch"), "clusters": ["b", "100"]}], True, id="by its ID as text"),
        pytest.param([network(NEAR, VN_MAD="ovswitch", state="absent")], False, id="one that goes"),
        pytest.param([{"name": "guests"}], False, id="known to oned only"),
    ],
)
def test_nodes_whose_guests_are_plugged_into_open_vswitch(declared: list, expected: bool) -> None:
    assert need_open_vswitch(declared, "a") is expected
