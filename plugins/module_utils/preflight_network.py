# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about names and addresses of hosts."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterator, Union

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    ERROR,
    WARNING,
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


def will_be_written(host: Host, other: Host) -> bool:
    """Whether host_network is going to put the other host into this host's /etc/hosts."""
    return host.manages_hosts_file and as_address(other.address) is not None


def names_resolve(cloud: Cloud) -> Iterator[Finding]:
    """A host does not know the name of another one, or another address for it. Every host is asked, so this holds in
    both directions.
    """
    for host, probe in cloud.probed():
        unknown, elsewhere = [], []
        for other in cloud.hosts:
            if other is host or will_be_written(host, other):
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
    """Hosts know different addresses for one name. What a host says of itself is another rule."""
    for other in cloud.hosts:
        name = other.names[0] if other.names else other.name
        views: dict[tuple[str, ...], list[str]] = {}
        for host, probe in cloud.probed():
            found = probe["names"].get(name)
            if host is not other and found and not will_be_written(host, other):
                views.setdefault(tuple(found), []).append(host.name)
        if len(views) > 1:
            listed = "; ".join(f"{', '.join(found)} on {', '.join(hosts)}" for found, hosts in sorted(views.items()))
            yield Finding(
                WHOLE_CLOUD,
                f"{name} resolves differently: {listed}.",
                "Remove the stale entries of /etc/hosts or of the name server.",
            )


def own_name(cloud: Cloud) -> Iterator[Finding]:
    """A host's own name does not resolve there, or to a loopback address."""
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
    """Two hosts have one address; a warning where it is not the one by which the inventory knows them."""
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
                ERROR if address in of_hosts else WARNING,
            )


def address_is_own(cloud: Cloud) -> Iterator[Finding]:
    """The address of a host is on none of its links; a warning unless host_network_address declares it, as a router
    may stand in front.
    """
    for host, probe in cloud.probed():
        address = as_address(host.address)
        if not address or address.is_loopback or address in addresses_of(probe):
            continue
        # An address that Ansible reaches the host at may be one of a router in front of it; a declared one may not.
        yield Finding(
            host.name,
            f"{address} is not an address of any of its links.",
            "Set host_network_address to the address at which the other hosts reach it.",
            ERROR if host.address_declared else WARNING,
        )


def overlapping_links(cloud: Cloud) -> Iterator[Finding]:
    """Two links of a host are in overlapping networks."""
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
                        WARNING,
                    )


NETWORK_RULES: tuple[Rule, ...] = (
    Rule(duplicate_addresses),
    Rule(address_is_own),
    Rule(names_resolve),
    Rule(names_resolve_alike),
    Rule(own_name),
    Rule(overlapping_links),
)
