# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about the addresses that virtual networks give to guests."""

from __future__ import annotations

import ipaddress
from typing import Iterator, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.guest_networks import unfiltered
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    ERROR,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ha import addresses_together
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_network import Address, addresses_of, as_address
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_topology import (
    attributes,
    clusters_of,
    label_of,
    nodes_of,
)

# Drivers of networks that know security groups and do not apply them.
UNFILTERED = ("bridge", "dummy")


class Lease(NamedTuple):
    """An address range of a virtual network: first and last address, and the wire it is on: a VLAN of these links."""

    network: str
    vlan: str
    links: frozenset[str]
    first: Address
    last: Address
    clusters: frozenset[str]

    def __str__(self) -> str:
        return f"{self.network} ({self.first} - {self.last})"

    def holds(self, first: Address, last: Address) -> bool:
        return first.version == self.first.version and int(first) <= int(self.last) and int(self.first) <= int(last)

    def meets(self, other: Lease) -> bool:
        """Whether guests of both are on one wire: ranges on different VLANs, or on links apart, never meet."""
        return self.vlan == other.vlan and not self.links.isdisjoint(other.links)


def _ports(cloud: Cloud, bridge: str, clusters: frozenset[str]) -> set[str]:
    """What leads out of this bridge on the nodes, now and as host_network is going to make it."""
    ports: set[str] = set()
    for host in nodes_of(cloud, set(clusters)):
        ports.update(name for name, link in (host.probe or {})["interfaces"].items() if link.get("master") == bridge)
        for link in host.network.get("bridges", []):
            if link.get("name") == bridge:
                ports.update(link.get("interfaces") or [])
    return ports


def leases(cloud: Cloud) -> list[Lease]:
    """The ranges that have an address; attribute names have no case, and ranges without addresses cannot collide."""
    found = []
    for network in cloud.declared.virtual_networks:
        name = label_of(network)
        template = attributes(network)
        vlan = template.get("VLAN_ID") or (name if "AUTOMATIC_VLAN_ID" in template else "")
        clusters = frozenset(clusters_of(cloud, network, "vnets"))
        bridge, device = template.get("BRIDGE", ""), template.get("PHYDEV", "")
        # One network may name the bridge and another its uplink.
        links = {bridge, device, *(_ports(cloud, bridge, clusters) if bridge else ())} - {""}
        for entry in network.get("address_ranges") or []:
            values = {str(key).upper(): value for key, value in entry.items()}
            size = str(values.get("SIZE") or "")
            found += [
                Lease(name, vlan, frozenset(links or {name}), first, first + (int(size) - 1), clusters)
                for first in map(as_address, (str(values.get("IP")), str(values.get("IP6"))))
                if first and size.isdecimal() and 0 < int(size) <= 2**first.max_prefixlen - int(first)
            ]
    return found


def overlapping_leases(cloud: Cloud) -> Iterator[Finding]:
    """Address ranges of virtual networks overlap on one wire, which oned does not check; only a warning where the
    networks share no cluster and the wires may be different ones.
    """
    ranges = leases(cloud)
    for index, one in enumerate(ranges):
        for other in ranges[index + 1 :]:
            if one.meets(other) and one.holds(other.first, other.last):
                yield Finding(
                    WHOLE_CLOUD,
                    f"The address ranges of {one} and {other} overlap on one wire: two guests can get one address.",
                    "Make the ranges separate.",
                    ERROR if one.clusters & other.clusters else WARNING,
                )


def leases_of_hosts(cloud: Cloud) -> Iterator[Finding]:
    """A virtual network gives the address of a host, or that of the front-ends together, to guests, which takes it off
    the network; only a warning for networks with a VLAN.
    """
    taken: dict[Address, str] = {}
    for host in cloud.hosts:
        declared = as_address(host.address)
        if declared:
            taken[declared] = host.name
    for host, probe in cloud.probed():
        taken.update(dict.fromkeys(addresses_of(probe), host.name))
    for address, variable in addresses_together(cloud).items():  # on none of them before the first run
        taken.setdefault(address, variable)
    for lease in leases(cloud):
        hit = sorted(f"{address} of {name}" for address, name in taken.items() if lease.holds(address, address))
        if hit:
            yield Finding(
                WHOLE_CLOUD,
                f"The addresses that {lease} gives to guests include {', '.join(hit)}.",
                "Take the addresses of hosts out of the range.",
                WARNING if lease.vlan else ERROR,
            )


def leases_of_protected_networks(cloud: Cloud) -> Iterator[Finding]:
    """A virtual network gives addresses of vm_isolation_protected_networks to guests; isolation goes by addresses, so
    such a guest would be cut off, or let in.
    """
    for text in cloud.protected_networks:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            what = f"vm_isolation_protected_networks has {text!r}, which is no network."
            yield Finding(WHOLE_CLOUD, what, "Write it as 10.0.2.0/24.")
            continue
        for lease in leases(cloud):
            if lease.holds(network[0], network[-1]):
                yield Finding(
                    WHOLE_CLOUD,
                    f"The addresses that {lease} gives to guests are in the protected network {network}: isolation "
                    "goes by addresses, and could not tell these guests from the hosts it protects.",
                    "Give guests addresses of their own, or take the network out of vm_isolation_protected_networks.",
                )


def spoofing_is_filtered(cloud: Cloud) -> Iterator[Finding]:
    """Guests of a virtual network are neighbours of a host, and its driver lets them send under any address."""
    near = [host.address for host in cloud.hosts]
    for name in unfiltered(cloud.declared.virtual_networks, near, cloud.protected_networks):
        yield Finding(
            WHOLE_CLOUD,
            f"Guests of the virtual network {name} are in one network with hosts, and its VN_MAD filters nothing: they "
            "can take a host's address.",
            "Use VN_MAD fw, which filters, give guests a network of their own, or isolate them otherwise.",
            WARNING,
        )


def security_groups_are_filtered(cloud: Cloud) -> Iterator[Finding]:
    """A virtual network has security groups, and its driver filters nothing."""
    for network in cloud.declared.virtual_networks:
        if network.get("security_groups") and attributes(network).get("VN_MAD", "").lower() in UNFILTERED:
            yield Finding(
                WHOLE_CLOUD,
                f"The virtual network {label_of(network)} has security groups "
                f"({', '.join(map(str, network['security_groups']))}), which its VN_MAD does not apply.",
                "Use VN_MAD fw, which is a bridge with security groups, or take them out.",
                WARNING,
            )


LEASE_RULES: tuple[Rule, ...] = (
    Rule(overlapping_leases),
    Rule(leases_of_hosts),
    Rule(leases_of_protected_networks),
    Rule(spoofing_is_filtered),
    Rule(security_groups_are_filtered),
)
