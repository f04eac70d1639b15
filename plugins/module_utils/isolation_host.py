# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a declaration fits the links that the node has: a wrong uplink would cut the node off, or let guests in."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Iterator, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import Surroundings
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import (
    FULL,
    VLAN,
    Bridge,
    Declaration,
)

READ_LINKS = ("ip", "-json", "-details", "address", "show")
# Kinds by which a bridge has its way outside; a card has no kind at all. Guests are tun, veth, macvtap.
OUTSIDE_KINDS = ("", "bond", "vlan", "team", "vxlan")


@dataclass(frozen=True)
class HostLink:
    name: str
    kind: str = ""
    master: str = ""
    parent: str = ""  # of a VLAN
    addresses: tuple[str, ...] = ()
    stp: bool = False  # of a bridge
    learns: bool | None = False  # of a bridge: from frames to reserved groups; None: it cannot be said


Links = Mapping[str, HostLink]


def parse_links(text: str) -> dict[str, HostLink]:
    """From `ip -json -details address show`."""
    links = {}
    for one in json.loads(text or "[]"):
        if one.get("ifname"):
            addresses = [found["local"] for found in one.get("addr_info", []) if found.get("local")]
            info = one.get("linkinfo", {})
            kind = info.get("info_kind", "loopback" if one.get("link_type") == "loopback" else "")
            name, parent, data = one["ifname"], one.get("link") or "", info.get("info_data") or {}
            links[name] = HostLink(
                name,
                kind,
                one.get("master") or "",
                parent,
                tuple(addresses),
                bool(data.get("stp_state")),
                _learns(data) if kind == "bridge" and data else False,
            )
    return links


def _learns(bridge: Mapping[str, int]) -> bool | None:
    return not bridge["no_linklocal_learn"] if "no_linklocal_learn" in bridge else None


def quieten(bridge: str, quiet: bool) -> list[str]:
    """The command after which a bridge does not learn, or learns, from frames that no packet filter is asked about."""
    return ["ip", "link", "set", bridge, "type", "bridge", "no_linklocal_learn", str(int(quiet))]


def surroundings(declaration: Declaration, links: Links, tells_bridges: bool) -> Surroundings:
    if tells_bridges:
        return Surroundings()
    mine = {bridge.name for bridge in declaration.bridges}
    others = [
        one.name for one in links.values() if one.master and one.master not in mine and _is_bridge(one.master, links)
    ]
    return Surroundings(False, tuple(sorted(others)))


def undeclared_bridges(declaration: Declaration, links: Links) -> list[str]:
    """Those of others, as docker0 and virbr0."""
    mine = {bridge.name for bridge in declaration.bridges}
    return sorted(one.name for one in links.values() if one.kind == "bridge" and one.name not in mine)


def _is_bridge(name: str, links: Links) -> bool:
    return name in links and links[name].kind == "bridge"


def misfits(declaration: Declaration, links: Links) -> list[str]:
    """What speaks against loading the rules on this node, as sentences."""
    found = [sentence for bridge in declaration.bridges for sentence in _of_bridge(bridge, links)]
    gateways = {gateway for bridge in declaration.bridges for gateway in bridge.gateways}
    for link in links.values():
        for text in link.addresses:
            address = ipaddress.ip_address(text)
            found += [
                f"{text}, an address of this node on {link.name}, is in the guest network {network}: the node would be "
                "cut off there. Give guests a network of their own."
                for network in declaration.guest_networks
                if address.version == network.version and address in network and address not in gateways
            ]
    if declaration.mode == FULL:
        found += _out_of_reach(declaration, links)
        found += [
            f"The bridge {bridge.name} speaks STP, which no packet filter sees: its guests could become its root. Turn "
            f"it off (stp: false in host_network_bridges, or ip link set {bridge.name} type bridge stp_state 0)."
            for bridge in declaration.bridges
            if bridge.name in links and links[bridge.name].stp
        ]
    return found + (list(_shared_vlans(declaration, links)) if declaration.mode == VLAN else [])


def _of_bridge(bridge: Bridge, links: Links) -> Iterator[str]:
    if bridge.name not in links:
        return  # it may come later; see remarks()
    if not _is_bridge(bridge.name, links):
        kind = links[bridge.name].kind or "card"
        yield f"{bridge.name} is no bridge but a {kind}; name the bridge that guests are plugged into."
        return
    ports = {one.name: one for one in links.values() if one.master == bridge.name}
    for uplink in bridge.uplinks:
        if uplink not in ports:
            has = ", ".join(sorted(ports)) or "none"
            state = "is no port of it" if uplink in links else "does not exist"
            yield (
                f"The uplink {uplink} of bridge {bridge.name} {state}; its ports: {has}. Name the port that leads "
                "outside."
            )
    for port in ports.values():
        if port.kind in OUTSIDE_KINDS and port.name not in bridge.uplinks:
            yield (
                f"{port.name} is a port of bridge {bridge.name}, leads outside and is not among its uplinks: it would "
                "be treated as a guest. Add it to the uplinks."
            )


def _out_of_reach(declaration: Declaration, links: Links) -> Iterator[str]:
    """Guests have no way to the node but to an address of theirs that it has as their gateway; DHCP begins without."""
    more = [one for one in declaration.local_services if (one.protocol, one.port) not in (("udp", 67), ("udp", 547))]
    for bridge in declaration.bridges if more else ():
        own = links[bridge.name].addresses if bridge.name in links else ()
        if bridge.name in links and not any(str(gateway) in own for gateway in bridge.gateways):
            named = ", ".join(f"{one.protocol}/{one.port}" for one in more)
            yield (
                f"Guests of bridge {bridge.name} cannot reach the local services {named}: it has no address that is "
                "among its gateways. Give it one in a guest network and name that in its gateways, or leave them out."
            )


def _shared_vlans(declaration: Declaration, links: Links) -> Iterator[str]:
    """For sites that isolate by VLAN: what guests and hosts must not have in common."""
    for bridge in declaration.bridges:
        for name in dict.fromkeys((bridge.name, *bridge.uplinks)):
            for text in links[name].addresses if name in links else ():
                address = ipaddress.ip_address(text)
                if any(address.version == one.version and address in one for one in declaration.protected):
                    yield (
                        f"{text}, in a protected network, is on {name}: guests of {bridge.name} are in the same VLAN. "
                        "Move it, or use vm_isolation_mode full."
                    )
        for uplink in bridge.uplinks:
            if uplink in links and links[uplink].kind != "vlan":
                for vlan in links.values():
                    if vlan.kind == "vlan" and vlan.parent == uplink and vlan.addresses and vlan.master != bridge.name:
                        yield (
                            f"The uplink {uplink} of {bridge.name} carries the VLAN of {vlan.name}, which has "
                            "addresses of this node: guests reach it by tagging their frames. Put a VLAN device into "
                            f"the bridge, not {uplink} itself."
                        )


def remarks(declaration: Declaration, links: Links, around: Surroundings) -> list[str]:
    """What does not hinder, and should be known."""
    said = []
    for bridge in declaration.bridges:
        if bridge.name not in links:
            said.append(f"The bridge {bridge.name} does not exist yet; its rules are loaded and wait for it.")
        elif not bridge.uplinks:
            said.append(f"The bridge {bridge.name} has no uplink: its guests reach one another and nothing else.")
        if declaration.mode == FULL and bridge.name in links and links[bridge.name].learns is None:
            said.append(
                f"The bridge {bridge.name} cannot be told not to learn from frames to reserved groups, as kernel and "
                "iproute2 of 5.0 or later can (no_linklocal_learn): its guests can take the MAC addresses of hosts."
            )
    if not around.tells_bridges and declaration.mode != VLAN:
        others = sorted({links[port].master for port in around.other_ports})
        undeclared = undeclared_bridges(declaration, links)
        said.append(
            "This kernel cannot tell bridges apart in nftables (meta ibrname): the rules are for the ports of all "
            f"bridges. Left out by the names of their present ports: {', '.join(others or undeclared) or 'none'}; "
            "what is plugged in there later is cut off until the rules are loaded again, within seconds where the "
            "service of the isolation runs."
        )
    return said
