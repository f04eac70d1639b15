# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import ADDRESSES, cloud, declared, host, link, probe, registered, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Host, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_leases import LEASE_RULES, leases


def vnet(name: str, first: str, size: int, *clusters: str, **template: str) -> dict[str, Any]:
    return {
        "name": name,
        **({"clusters": list(clusters)} if clusters else {}),
        "template": {"VN_MAD": "bridge", "BRIDGE": "br0", **template},
        "address_ranges": [{"TYPE": "IP4", "IP": first, "SIZE": size}],
    }


def of(*networks: dict[str, Any], **changes: Any) -> Cloud:
    return cloud(declared=declared(virtual_networks=list(networks)), **changes)


def bridged(*names: str) -> list[Host]:
    """Nodes whose bridge br0 leads out through eth1."""
    links = {"br0": link(kind="bridge"), "eth1": link(master="br0")}
    nodes = {name: probe(name) for name in names}
    return [
        host(name, "opennebula_nodes", probe={**found, "interfaces": {**found["interfaces"], **links}})
        for name, found in nodes.items()
    ]


def of_bridged(*networks: dict[str, Any]) -> Cloud:
    hosts = registered("node1", "node2")
    return cloud(*bridged("node1", "node2"), declared=declared(virtual_networks=list(networks), hosts=hosts))


@pytest.mark.parametrize(
    ("broken", "severity", "words"),
    [
        pytest.param(
            of(vnet("a", "10.5.0.1", 100), vnet("b", "10.5.0.100", 5)),
            "error",
            "a (10.5.0.1 - 10.5.0.100) and b (10.5.0.100 - 10.5.0.104) overlap",
            id="overlapping ranges",
        ),
        pytest.param(
            of(vnet("a", "10.5.0.1", 100, "north"), vnet("b", "10.5.0.1", 100, "south")),
            "warning",
            "overlap on one wire",
            id="of clusters that may be far apart",
        ),
        pytest.param(
            of(vnet("a", "10.5.0.1", 100, "north", "south"), vnet("b", "10.5.0.1", 100, "south")),
            "error",
            "overlap on one wire",
            id="of clusters that meet",
        ),
        pytest.param(
            of(vnet("a", "10.5.0.1", 9, PHYDEV="eth1"), vnet("b", "10.5.0.1", 9)),
            "error",
            "overlap on one wire",
            id="of one bridge, named with and without its uplink",
        ),
        pytest.param(
            of_bridged(vnet("a", "10.5.0.1", 9, BRIDGE="", PHYDEV="eth1"), vnet("b", "10.5.0.1", 9)),
            "error",
            "overlap on one wire",
            id="of a bridge and of the uplink that it has",
        ),
        pytest.param(
            cloud(
                *(
                    host(name, "opennebula_nodes", network={"bridges": [{"name": "br0", "interfaces": ["eth1"]}]})
                    for name in ADDRESSES
                ),
                declared=declared(
                    hosts=registered(*ADDRESSES),
                    virtual_networks=[
                        vnet("a", "10.5.0.1", 9, BRIDGE="", PHYDEV="eth1"),
                        vnet("b", "10.5.0.1", 9),
                    ],
                ),
            ),
            "error",
            "overlap on one wire",
            id="of a bridge and of the uplink that host_network is going to give it",
        ),
        pytest.param(
            of(vnet("a", "10.0.0.5", 10)),
            "error",
            "include 10.0.0.10 of front1, 10.0.0.11 of node1, 10.0.0.12 of node2",
            id="range with addresses of hosts",
        ),
        pytest.param(
            of({**vnet("a", "10.9.0.5", 10), "security_groups": ["web"]}),
            "warning",
            "The virtual network a has security groups (web), which its VN_MAD does not apply",
            id="security groups on a plain bridge",
        ),
        pytest.param(
            of(vnet("a", "10.0.0.12", 1, VLAN_ID="7")),
            "warning",
            "include 10.0.0.12",
            id="the same on a VLAN of its own",
        ),
        pytest.param(
            of(vnet("a", "10.6.0.250", 10), protected_networks=["10.6.1.0/24"]),
            "error",
            "a (10.6.0.250 - 10.6.1.3) gives to guests are in the protected network 10.6.1.0/24",
            id="a protected network",
        ),
        pytest.param(
            of(vnet("a", "10.6.1.7", 1), protected_networks=["10.6.1.7"]),
            "error",
            "in the protected network 10.6.1.7/32",
            id="a protected address",
        ),
        pytest.param(
            of(vnet("a", "10.6.1.7", 1), protected_networks=["storage"]),
            "error",
            "vm_isolation_protected_networks has 'storage', which is no network",
            id="protected by name",
        ),
        pytest.param(
            of(vnet("a", "10.0.0.100", 5)),
            "warning",
            "Guests of the virtual network a are in one network with hosts, and its VN_MAD filters nothing",
            id="guests beside hosts that nobody filters",
        ),
    ],
)
def test_one_thing_wrong(broken: Cloud, severity: str, words: str) -> None:
    found = findings(broken, LEASE_RULES)
    assert told(found, words).severity == severity
    assert not any(finding.crash for finding in found)


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(
            of(vnet("a", "10.5.0.1", 100), vnet("b", "10.5.0.1", 100, VLAN_ID="5")), id="the same range on another VLAN"
        ),
        pytest.param(
            of_bridged(vnet("a", "10.5.0.1", 9, BRIDGE="", PHYDEV="eth2"), vnet("b", "10.5.0.1", 9)),
            id="the same range on another uplink",
        ),
        pytest.param(of(vnet("a", "10.5.0.1", 100), vnet("b", "10.5.0.101", 100)), id="ranges that touch"),
        pytest.param(of({"name": "l2", "address_ranges": [{"TYPE": "ETHER", "SIZE": 9}]}), id="no addresses"),
        pytest.param(of({"name": "l2", "template": None, "address_ranges": None}), id="no ranges"),
        pytest.param(
            of(vnet("a", "10.6.0.1", 255), protected_networks=["10.6.1.0/24", "fd00::/64"]),
            id="beside what is protected",
        ),
        pytest.param(of(vnet("a", "10.0.0.100", 5, VN_MAD="fw")), id="guests beside hosts that are filtered"),
    ],
)
def test_harmless(harmless: Cloud) -> None:
    assert findings(harmless, LEASE_RULES) == []


def test_a_network_that_goes_and_one_by_id_are_no_stumbling_blocks() -> None:
    address_range = {"TYPE": "IP4", "IP": "198.51.100.10", "SIZE": 10}
    networks = [
        {"name": "old", "state": "absent", "address_ranges": [address_range]},
        {"name": "new", "address_ranges": [address_range]},
        {"id": 7, "address_ranges": [{"TYPE": "IP4", "IP": "255.255.255.250", "SIZE": 50}]},
        {"name": "none", "address_ranges": [{"TYPE": "IP4", "IP": "198.51.100.10", "SIZE": 0}]},
        {"name": "last", "address_ranges": [{"type": "IP4", "ip": "255.255.255.246", "size": 10}]},
    ]
    assert [lease.network for lease in leases(of(*networks))] == ["new", "last"]


@pytest.mark.parametrize(
    "together", [{"opennebula_ha_floating_ip": "10.5.0.3/24"}, {"opennebula_ha_balancer": "10.5.0.3"}]
)
def test_the_address_of_the_leader_is_not_for_guests(together: dict[str, str]) -> None:
    """Nobody has it before the first run."""
    fronts = [host(f"front{number}", "opennebula_frontends", high_availability=together) for number in (1, 2, 3)]
    several = cloud(*fronts, declared=declared(virtual_networks=[vnet("a", "10.5.0.1", 9, VN_MAD="fw")]))
    assert told(findings(several, LEASE_RULES), f"include 10.5.0.3 of {next(iter(together))}").severity == "error"


def test_a_range_of_both_families_collides_by_either() -> None:
    dual = {"TYPE": "IP4_6_STATIC", "IP6": "2001:db8::10", "PREFIX_LENGTH": 64, "SIZE": 9}
    wire = {"VN_MAD": "fw", "BRIDGE": "br0"}
    networks = [
        {"name": name, "template": wire, "address_ranges": [{**dual, "IP": first}]}
        for name, first in (("a", "10.5.0.1"), ("b", "10.5.1.1"))
    ]
    found = told(findings(of(*networks), LEASE_RULES), "overlap on one wire")
    assert "a (2001:db8::10 - 2001:db8::18) and b (2001:db8::10 - 2001:db8::18)" in found.what
    assert [lease.first.version for lease in leases(of(*networks))] == [4, 6, 4, 6]


def test_the_address_of_a_host_that_could_not_be_looked_at_is_taken_too() -> None:
    unreachable = Cloud([Host("node9", address="10.6.0.5")], declared=of(vnet("a", "10.6.0.1", 9)).declared)
    assert told(findings(unreachable, LEASE_RULES), "include 10.6.0.5 of node9").severity == "error"
