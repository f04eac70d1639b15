# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about the isolation of guests.

What a node by itself would refuse is told in the words of that refusal; what only the whole inventory shows is added.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils.guest_networks import networks_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import (
    FULL,
    Address,
    Bridge,
    Declaration,
    declared,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_defaults import BRIDGED_DRIVERS
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import (
    HostLink,
    misfits,
    undeclared_bridges,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    NODES,
    WARNING,
    Cloud,
    Finding,
    Host,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_topology import attributes, label_of

CORRECT = "Correct the vm_isolation_ variables of this host, or what they are worked out of."
ONEDS_OWN_PREFIX = "02:00"  # where its configuration says nothing


def isolated(cloud: Cloud) -> Iterator[tuple[Host, dict[str, Any]]]:
    for host in cloud.hosts:
        if host.isolation and host.isolation.get("state", "present") == "present":
            yield host, host.isolation


def bridges(cloud: Cloud) -> Iterator[tuple[Host, Bridge]]:
    for host, given in isolated(cloud):
        # Of MAC addresses there are as many as hosts, and bridges have no need of them.
        for bridge in declared({**given, "infrastructure_macs": []})[0].bridges:
            yield host, bridge


def isolation_is_taken(cloud: Cloud) -> Iterator[Finding]:
    """A variable of vm_isolation has a form or an option that its module refuses."""
    for host in cloud.hosts:
        for sentence in host.isolation_faults:
            yield Finding(host.name, sentence, CORRECT)


def isolation_is_sound(cloud: Cloud) -> Iterator[Finding]:
    """The declared isolation contradicts itself: networks that are none or overlap, gateways outside of the guest
    networks, an uplink of two bridges, MAC addresses that are none, nothing to protect.
    """
    for host, given in isolated(cloud):
        for sentence in declared(given)[1]:
            yield Finding(host.name, sentence, CORRECT)


def isolation_fits_the_host(cloud: Cloud) -> Iterator[Finding]:
    """The declared isolation does not fit the links of its host: an uplink that is missing or is no port of its bridge,
    another port that leads outside, an address of the host in a guest network; in mode vlan, an address of a protected
    network on what guests share. Bridges that host_network is going to make are looked at as declared.
    """
    for host, given in isolated(cloud):
        declaration, faults = declared(given)
        if host.probe is not None and not faults:
            for sentence in misfits(declaration, links_of(host)):
                yield Finding(host.name, sentence, CORRECT)


def links_of(host: Host) -> dict[str, HostLink]:
    """As they are, with the declared bridges as they are going to be."""
    told = (host.probe or {}).get("interfaces", {})
    coming = {str(one.get("name")): one for one in host.network.get("bridges", [])}
    masters = {str(port): name for name, one in coming.items() for port in one.get("interfaces") or []}
    links = {}
    for name, one in told.items():
        addresses = tuple(text.split("/")[0] for text in one.get("addresses", []))
        master = masters.get(name) or (one.get("master") if one.get("master") not in coming else "") or ""
        links[name] = HostLink(name, one.get("kind") or "", master, addresses=addresses)
    for name, one in coming.items():
        own = tuple(str(text).split("/", maxsplit=1)[0] for text in one.get("addresses") or [])
        links[name] = HostLink(name, "bridge", addresses=own, stp=bool(one.get("stp")))
    for port, name in masters.items():
        links.setdefault(port, HostLink(port, "", name))  # a bond or VLAN that is going to be made
    return links


def asked_kernels(cloud: Cloud) -> Iterator[tuple[Host, Declaration, dict[str, Any]]]:
    """Of hosts that are to have rules of the bridge: what their kernels said, where they were asked and answered."""
    for host, given in isolated(cloud):
        told = (host.probe or {}).get("bridge_filter") or {}
        declaration = declared({**given, "infrastructure_macs": []})[0]
        if declaration.mode == FULL and told.get("loads") is not None:
            yield host, declaration, told


def kernel_filters_bridges(cloud: Cloud) -> Iterator[Finding]:
    """The kernel of a host cannot load rules of nftables for bridges, of which the isolation is made."""
    for host, _declaration, told in asked_kernels(cloud):
        if not told["loads"]:
            yield Finding(
                host.name,
                f"The kernel {(host.probe or {}).get('kernel')} cannot filter on bridges by nftables "
                "(CONFIG_NF_TABLES_BRIDGE): rules for guests cannot be loaded.",
                "Boot the distribution's own kernel; a container has that of the machine it runs on.",
            )


def kernel_tells_bridges_apart(cloud: Cloud) -> Iterator[Finding]:
    """The kernel of a host cannot tell bridges apart in nftables (meta ibrname), so that the rules are for the ports of
    all its bridges; those of other bridges, as docker0 and virbr0, are left out one by one.
    """
    for host, declaration, told in asked_kernels(cloud):
        if told["loads"] and not told["tells_bridges"]:
            others = undeclared_bridges(declaration, links_of(host))
            yield Finding(
                host.name,
                "Its kernel cannot tell bridges apart in nftables (CONFIG_NFT_BRIDGE_META): the rules are for the "
                "ports of all its bridges. "
                + (
                    f"The ports of {', '.join(others)} are left out by their names, new ones as soon as they appear."
                    if others
                    else "It has no others at present."
                ),
                "Boot a kernel that can, as Debian's own; or see that frames of other bridges may be lost for half a "
                "second when a port is added.",
                WARNING,
            )


def guest_networks_hold_no_host(cloud: Cloud) -> Iterator[Finding]:
    """An address of another host, that of the inventory or one that it has, is in a guest network: the rules would let
    guests use it.
    """
    # Most nodes have the same bridge, and the addresses are looked at once for it.
    nodes: dict[Bridge, list[Host]] = {}
    for host, bridge in bridges(cloud):
        nodes.setdefault(bridge, []).append(host)
    for bridge in nodes:
        for other, address in _addresses(cloud):
            inside = [one for one in bridge.networks if one.version == address.version and address in one]
            if inside and address not in bridge.gateways:
                what = (
                    f"{address}, an address of {other.name}, is in the guest network {inside[0]} of bridge "
                    f"{bridge.name}."
                )
                remedy = "Give guests a network of their own, or name the address a gateway of that bridge."
                yield from (Finding(host.name, what, remedy) for host in nodes[bridge] if host is not other)


def _addresses(cloud: Cloud) -> Iterator[tuple[Host, Address]]:
    for host in cloud.hosts:
        links = (host.probe or {}).get("interfaces", {}).values()
        found = {host.address} | {
            text.split("/", maxsplit=1)[0] for link in links for text in link.get("addresses", [])
        }
        for text in sorted(found):
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                continue  # known by name only
            if not address.is_loopback and not address.is_link_local:
                yield host, address


def isolation_knows_the_virtual_networks(cloud: Cloud) -> Iterator[Finding]:
    """A virtual network gives its guests addresses on an isolated bridge that are in none of its guest networks: they
    would reach nothing. Or it uses a bridge that the isolation does not know, or one that OpenNebula makes and names:
    its guests meet no rules.
    """
    of_host: dict[str, dict[str, Bridge]] = {host.name: {} for host, _given in isolated(cloud)}
    for host, bridge in bridges(cloud):
        of_host[host.name][bridge.name] = bridge
    for entry in cloud.declared.virtual_networks:
        own = attributes(entry)
        name, driver = str(own.get("BRIDGE") or ""), str(own.get("VN_MAD") or "").lower()
        if entry.get("state") != "absent" and (name or driver in BRIDGED_DRIVERS):
            for host_name, known in of_host.items():
                yield from _about_network(host_name, entry, known.get(name), name)


def _about_network(host: str, entry: dict[str, Any], bridge: Bridge | None, name: str) -> Iterator[Finding]:
    if bridge is None:
        yield Finding(
            host,
            f"The virtual network {label_of(entry)} uses "
            + (f"the bridge {name}, which" if name else "a bridge that OpenNebula makes and names, and that")
            + " the isolation does not know: its guests meet no rules.",
            "Add it to vm_isolation_bridges."
            if name
            else "Name a BRIDGE in its template, and add that to vm_isolation_bridges.",
            WARNING,
        )
        return
    for network in networks_of(entry):
        known = [one for one in bridge.networks if one.version == network.version]
        if not any(network.subnet_of(one) for one in known):  # type: ignore[arg-type]
            yield Finding(
                host,
                f"The virtual network {label_of(entry)} has addresses in {network}, which is in no guest network of "
                f"bridge {name}: its guests would be cut off.",
                f"Add it to the guest_networks of {name}.",
            )


def every_node_is_isolated(cloud: Cloud) -> Iterator[Finding]:
    """Guests of some nodes are isolated and those of others are not, which can then pose as hosts to all."""
    with_rules = {host.name for host, _given in isolated(cloud)}
    nodes = cloud.host_names(NODES)
    if with_rules & set(nodes):
        for host in cloud.hosts:
            if host.name in nodes and host.name not in with_rules:
                yield Finding(
                    host.name,
                    "Its guests are not isolated and those of other nodes are: what its guests send under the address "
                    "of a host cannot be told from that host there.",
                    "Set vm_isolation_state for all nodes.",
                )


def guests_have_the_prefix_of_oned(cloud: Cloud) -> Iterator[Finding]:
    """vm_isolation_guest_mac_prefix is not the MAC_PREFIX that oned is configured with: guests would be cut off."""
    edits = [edit for edit in cloud.oned_edits if str(edit.get("attribute", "")).upper() == "MAC_PREFIX"]
    configured = str(edits[-1].get("value") or ONEDS_OWN_PREFIX).strip("\"'") if edits else ONEDS_OWN_PREFIX
    for host, given in isolated(cloud):
        wanted = str(given.get("guest_mac_prefix") or ONEDS_OWN_PREFIX)
        if NODES in host.groups and not configured.lower().startswith(wanted.lower()):
            yield Finding(
                host.name,
                f"vm_isolation_guest_mac_prefix is {wanted}, and MAC_PREFIX of oned is {configured}: what guests send "
                "would be dropped.",
                f"Set vm_isolation_guest_mac_prefix to {configured}.",
            )


ISOLATION_RULES: tuple[Rule, ...] = (
    Rule(isolation_is_taken, acceptable=False),
    Rule(isolation_is_sound, acceptable=False),
    Rule(isolation_fits_the_host, acceptable=False),
    Rule(kernel_filters_bridges, acceptable=False),
    Rule(kernel_tells_bridges_apart),
    Rule(guest_networks_hold_no_host),
    Rule(isolation_knows_the_virtual_networks),
    Rule(every_node_is_isolated),
    Rule(guests_have_the_prefix_of_oned),
)
