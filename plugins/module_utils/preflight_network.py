# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about names and addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterator, NamedTuple, Union

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Host,
    Rule,
)

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

# Bridges that distributions and container engines make with one address everywhere; it says nothing about the host.
HOST_LOCAL_LINKS = re.compile(r"^(lo|docker\d+|podman\d+|virbr\d+|cni.*|br-[0-9a-f]{12})$")


def as_address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def addresses_of(probe: dict[str, Any]) -> dict[Address, str]:
    """Address -> link, without loopback, link-local and host-local ones."""
    found: dict[Address, str] = {}
    for link, properties in probe["interfaces"].items():
        if HOST_LOCAL_LINKS.match(link):
            continue
        for entry in properties["addresses"]:
            address = ipaddress.ip_interface(entry).ip
            if not (address.is_link_local or address.is_loopback):
                found[address] = link
    return found


def _will_be_written(host: Host, other: Host) -> bool:
    """Whether host_network is going to put the other host into this host's /etc/hosts."""
    return host.manages_hosts_file and as_address(other.address) is not None


def names_resolve(cloud: Cloud) -> Iterator[Finding]:
    """Each host must know every other one; looked at from both sides, because every host is asked."""
    for host, probe in cloud.probed():
        unknown, elsewhere = [], []
        for other in cloud.hosts:
            if other is host or _will_be_written(host, other):
                continue
            name = other.names[0] if other.names else other.name
            found = probe["names"].get(name)
            if as_address(name) or found is None:
                continue
            if not found:
                unknown.append(name)
            elif as_address(other.address) and other.address not in found:
                elsewhere.append(f"{name} to {', '.join(found)} instead of {other.address}")
        remedy = "Enter the names into the name server, or let host_network_manage_hosts_file write /etc/hosts."
        if unknown:
            yield Finding(host.name, f"These names do not resolve: {', '.join(unknown)}.", remedy)
        if elsewhere:
            yield Finding(host.name, f"These names resolve to other hosts: {'; '.join(elsewhere)}.", remedy)


def names_resolve_alike(cloud: Cloud) -> Iterator[Finding]:
    """A name must lead to the same place from everywhere; what a host says of itself is another rule."""
    for other in cloud.hosts:
        name = other.names[0] if other.names else other.name
        views: dict[tuple[str, ...], list[str]] = {}
        for host, probe in cloud.probed():
            found = probe["names"].get(name)
            if host is not other and found and not _will_be_written(host, other):
                views.setdefault(tuple(found), []).append(host.name)
        if len(views) > 1:
            listed = "; ".join(f"{', '.join(found)} on {', '.join(hosts)}" for found, hosts in sorted(views.items()))
            yield Finding(
                WHOLE_CLOUD,
                f"{name} resolves differently: {listed}.",
                "Remove the stale entries of /etc/hosts or of the name server.",
            )


def own_name(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        if host.manages_hosts_file:
            continue
        name = probe["hostname"]
        found = probe["names"].get(name) or []
        loopback = [address for address in found if ipaddress.ip_address(address.split("%")[0]).is_loopback]
        if not found:
            yield Finding(
                host.name, f"Its own name {name} does not resolve.", "Enter it into the name server or /etc/hosts."
            )
        elif loopback:
            yield Finding(
                host.name,
                f"Its own name {name} resolves to {loopback[0]}; "
                "OpenNebula, libvirt and GlusterFS announce that address to other hosts.",
                "Remove the name from the loopback lines of /etc/hosts, or set host_network_manage_hosts_file: true.",
            )


def duplicate_addresses(cloud: Cloud) -> Iterator[Finding]:
    holders: dict[Address, list[str]] = {}
    for host in cloud.hosts:
        declared = as_address(host.address)
        if declared and not declared.is_loopback:
            holders.setdefault(declared, []).append(host.name)
    of_hosts = set(holders)
    for host, probe in cloud.probed():
        for address in addresses_of(probe):
            if host.name not in holders.setdefault(address, []):
                holders[address].append(host.name)
    for address, names in sorted(holders.items(), key=lambda item: str(item[0])):
        if len(names) > 1:
            yield Finding(
                ", ".join(names),
                f"{' and '.join(names)} have the address {address} both.",
                "Give each host its own address; if one is an alias of the other, keep one of them in the inventory.",
                # The gateway address of a NAT bridge may well be the same on many hosts.
                "error" if address in of_hosts else "warning",
            )


def address_is_own(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        address = as_address(host.address)
        if not address or address.is_loopback or address in addresses_of(probe):
            continue
        # An address that Ansible reaches the host at may be one of a router in front of it; a declared one may not.
        yield Finding(
            host.name,
            f"{address} is not an address of any of its links.",
            "Set host_network_address to the address at which the other hosts reach it.",
            "error" if host.address_declared else "warning",
        )


def overlapping_links(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        networks: list[tuple[Network, str]] = []
        for link, properties in sorted(probe["interfaces"].items()):
            for entry in properties["addresses"] if properties["up"] else []:
                network = ipaddress.ip_interface(entry).network
                if not (network.is_link_local or network.is_loopback):
                    networks.append((network, link))
        for index, (network, link) in enumerate(networks):
            for other, other_link in networks[index + 1 :]:
                if link != other_link and network.version == other.version and network.overlaps(other):
                    yield Finding(
                        host.name,
                        f"{link} ({network}) and {other_link} ({other}) overlap: replies may leave by the wrong link.",
                        "Give the links separate networks.",
                        "warning",
                    )


class Lease(NamedTuple):
    """An address range of a virtual network: first and last address, and the wire it is on."""

    network: str
    wire: tuple[str, ...]
    first: Address
    last: Address

    def __str__(self) -> str:
        return f"{self.network} ({self.first} - {self.last})"


def leases(virtual_networks: list[dict[str, Any]]) -> list[Lease]:
    """The ranges that have an address; attribute names have no case, and ranges without addresses cannot collide."""
    found = []
    for network in virtual_networks:
        if network.get("state") == "absent":
            continue
        name = str(network.get("name") or network.get("id"))
        template = {str(key).upper(): str(value) for key, value in (network.get("template") or {}).items()}
        # Ranges on different VLANs, or on different bridges without one, never meet.
        link = template.get("PHYDEV") or template.get("BRIDGE") or name
        vlan = template.get("VLAN_ID") or (name if "AUTOMATIC_VLAN_ID" in template else "")
        wire = (link, vlan)
        for entry in network.get("address_ranges") or []:
            values = {str(key).upper(): value for key, value in entry.items()}
            first = as_address(str(values.get("IP") or values.get("IP6") or ""))
            size = str(values.get("SIZE") or "")
            if first and size.isdigit() and 0 < int(size) <= 2**first.max_prefixlen - int(first):
                found.append(Lease(name, wire, first, first + (int(size) - 1)))
    return found


def overlapping_leases(cloud: Cloud) -> Iterator[Finding]:
    """oned itself does not check: it takes the same range twice."""
    ranges = leases(cloud.virtual_networks)
    for index, one in enumerate(ranges):
        for other in ranges[index + 1 :]:
            same_wire = one.wire == other.wire and one.first.version == other.first.version
            if same_wire and int(one.first) <= int(other.last) and int(other.first) <= int(one.last):
                yield Finding(
                    WHOLE_CLOUD,
                    f"The address ranges of {one} and {other} overlap on one wire: two guests can get one address.",
                    "Make the ranges separate.",
                )


def leases_of_hosts(cloud: Cloud) -> Iterator[Finding]:
    """A guest that is leased the address of a node takes that node off the network."""
    taken: dict[Address, str] = {}
    for host in cloud.hosts:
        declared = as_address(host.address)
        if declared:
            taken[declared] = host.name
    for host, probe in cloud.probed():
        taken.update(dict.fromkeys(addresses_of(probe), host.name))
    for lease in leases(cloud.virtual_networks):
        hit = sorted(
            f"{address} of {name}"
            for address, name in taken.items()
            if address.version == lease.first.version and int(lease.first) <= int(address) <= int(lease.last)
        )
        if hit:
            yield Finding(
                WHOLE_CLOUD,
                f"The addresses that {lease} gives to guests include {', '.join(hit)}.",
                "Take the addresses of hosts out of the range.",
                "warning" if lease.wire[1] else "error",
            )


NETWORK_RULES: tuple[Rule, ...] = (
    duplicate_addresses,
    address_is_own,
    names_resolve,
    names_resolve_alike,
    own_name,
    overlapping_links,
    overlapping_leases,
    leases_of_hosts,
)
