# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about the links that host_network is going to make.

What a host by itself would refuse is told in the words of that refusal; what only the whole inventory shows is added.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import (
    Link,
    addresses_with_length,
    declared_links,
    faults,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import Surroundings
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_refusals import refusals
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveLink, LiveRoute, LiveState
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    WARNING,
    Cloud,
    Finding,
    Host,
    Rule,
)

CORRECT = "Correct host_network_ethernets, _bonds, _vlans or _bridges of this host."


def links_of(host: Host) -> list[Link]:
    return declared_links(host.network)


def live_of(probe: dict[str, Any]) -> LiveState:
    """As much of the live state as the probe knows. Whether a card is in a bridge that netplan made, and may leave, is
    known to the module alone, so that is left open here.
    """
    links = {
        name: LiveLink(
            name,
            one.get("kind") or "",
            mac=one.get("mac") or "",
            mtu=one.get("mtu") or 0,
            up=bool(one.get("up")),
            addresses=dict.fromkeys(one.get("addresses", []), False),
        )
        for name, one in probe["interfaces"].items()
    }
    routes = tuple(LiveRoute("default", one["gateway"], one["device"]) for one in probe.get("default_routes", []))
    return LiveState(links, routes)


def links_are_taken(cloud: Cloud) -> Iterator[Finding]:
    """An entry of host_network_ethernets, _bonds, _vlans or _bridges has options that the module netplan refuses."""
    for host in cloud.hosts:
        for sentence in host.network_faults:
            yield Finding(host.name, sentence, CORRECT)


def links_are_sound(cloud: Cloud) -> Iterator[Finding]:
    """Declared links contradict one another: names, ports, VLAN ids, modes of bonds, addresses outside of their
    network, gateways out of reach, an MTU over that of a port.
    """
    for host in cloud.hosts:
        for sentence in faults(links_of(host)):
            yield Finding(host.name, sentence, CORRECT)


def links_fit_the_host(cloud: Cloud) -> Iterator[Finding]:
    """Declared links do not fit the host as it is: a card that is missing, a name that a link of another kind has, an
    MTU over that of a card, the device of the default route that would lose it.
    """
    for host, probe in cloud.probed():
        links = links_of(host)
        if not links or faults(links):
            continue
        for sentence in refusals(links, live_of(probe), Surroundings({})):
            yield Finding(host.name, sentence, CORRECT)


def declared_addresses_are_unique(cloud: Cloud) -> Iterator[Finding]:
    """Two hosts declare one address, or one declares what another one has and does not give up."""
    holders: dict[Any, list[str]] = {}
    for host in cloud.hosts:
        for _link, interface in addresses_with_length(links_of(host)):
            holders.setdefault(interface.ip, []).append(host.name)
    for host in cloud.hosts:
        for text in _kept_addresses(host):
            address = ipaddress.ip_interface(text).ip
            if address in holders and host.name not in holders[address]:
                holders[address].append(host.name)
    for address, names in sorted(holders.items(), key=lambda item: str(item[0])):
        if len(set(names)) > 1:
            both = " and ".join(dict.fromkeys(names))
            yield Finding(
                ", ".join(dict.fromkeys(names)),
                f"{address} is declared as an address of links on more than one of {both}, or declared on one and "
                "present on another.",
                "Give each host an address of its own.",
            )


def _kept_addresses(host: Host) -> list[str]:
    """Those on links that are not declared."""
    declared = {link.name for link in links_of(host)}
    return [
        text
        for name, link in (host.probe or {}).get("interfaces", {}).items()
        for text in link["addresses"]
        if name not in declared and not text.startswith(("fe80:", "127.", "::1"))
    ]


def control_address_is_declared(cloud: Cloud) -> Iterator[Finding]:
    """The address by which the inventory knows a host is on a link that is declared without it."""
    for host, probe in cloud.probed():
        links = links_of(host)
        names = {link.name for link in links}
        declared = {str(interface.ip) for _link, interface in addresses_with_length(links)}
        leased = any(link.dhcp4 or link.dhcp6 for link in links)
        for name, one in probe["interfaces"].items():
            present = [text.split("/")[0] for text in one["addresses"]]
            if name in names and host.address in present and host.address not in declared and not leased:
                yield Finding(
                    host.name,
                    f"{host.address}, by which the inventory knows it, is on {name}, and no declared link has it: the "
                    "new network would be rolled back.",
                    f"Declare {host.address} with the length of its network on the link that shall have it.",
                    WARNING,
                )


def netplan_has_a_host(cloud: Cloud) -> Iterator[Finding]:
    """Links are declared on a system without netplan: it is Debian's and Ubuntu's, and for Enterprise Linux in EPEL."""
    for host, probe in cloud.probed():
        release, there = probe["os_release"], probe.get("netplan", {})
        family = {release.get("id", ""), *release.get("id_like", "").split()}
        if not host.network_declared or there.get("installed") or family & {"debian", "ubuntu"}:
            continue
        if not family & {"rhel", "fedora", "centos"}:
            yield Finding(
                host.name,
                f"Links are declared, and its system is {release.get('id', 'unknown')}, for which there is no netplan.",
                "Make its links by the means of its system, and declare none.",
            )
        elif not there.get("epel"):
            yield Finding(
                host.name,
                f"Links are declared, netplan is not installed, and its system {release.get('id')} has no file of "
                "EPEL, where it is, in /etc/yum.repos.d.",
                "Enable EPEL, or another repository with the package netplan.",
                WARNING,
            )


LINK_RULES: tuple[Rule, ...] = (
    Rule(links_are_taken, acceptable=False),
    Rule(links_are_sound, acceptable=False),
    Rule(links_fit_the_host, acceptable=False),
    Rule(declared_addresses_are_unique),
    Rule(control_address_is_declared),
    Rule(netplan_has_a_host, acceptable=False),
)
