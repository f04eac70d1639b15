# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of one host as the inventory declares them, and all that is wrong with the declaration in itself.

Pure, and without a look at the host: module and preflight judge by the same sentences.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Iterator, Mapping, Sequence, Union

ETHERNET, BOND, VLAN, BRIDGE = "ethernet", "bond", "vlan", "bridge"
# By kind, the option of the module and the section of netplan, which are called alike.
SECTIONS = {ETHERNET: "ethernets", BOND: "bonds", VLAN: "vlans", BRIDGE: "bridges"}
MADE_KINDS = (BOND, VLAN, BRIDGE)  # as against those that are plugged in
BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
LONGEST_NAME = 15  # the kernel's IFNAMSIZ without the byte that ends it
# '%' and '*' would be read as patterns by kernel and netplan.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]*\Z")
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}\Z")

Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]


@dataclass(frozen=True)
class Route:
    """`to` is a network or 'default'."""

    to: str
    via: str
    metric: int | None = None
    on_link: bool = False

    @property
    def version(self) -> int:
        return ipaddress.ip_address(self.via).version


@dataclass(frozen=True)
class Link:
    name: str
    kind: str
    ports: tuple[str, ...] = ()  # of a bridge or bond
    parent: str | None = None  # of a VLAN
    vlan_id: int = 0
    mode: str = ""  # of a bond
    mac: str | None = None  # of an ethernet: what it is known by, instead of its name
    addresses: tuple[str, ...] = ()
    dhcp4: bool = False
    dhcp6: bool = False
    routes: tuple[Route, ...] = ()
    name_servers: tuple[str, ...] = ()
    search_domains: tuple[str, ...] = ()
    mtu: int | None = None
    optional: bool = False
    ipv6: bool | None = None  # None: on, but for links of guests
    lldp: bool = False  # of a bridge
    stp: bool = False
    forward_delay: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def speaks(self) -> bool:
        """Whether the host itself has addresses there."""
        return bool(self.addresses or self.dhcp4 or self.dhcp6)

    @property
    def title(self) -> str:
        return {BOND: "bond ", VLAN: "VLAN ", BRIDGE: "bridge "}.get(self.kind, "") + self.name

    @property
    def is_made(self) -> bool:
        return self.kind in MADE_KINDS


def declared_links(params: Mapping[str, Any]) -> list[Link]:
    """Links as declared, ports that are merely named among them; those others are made of come first."""
    links = [link_of(kind, entry) for kind, section in SECTIONS.items() for entry in params.get(section) or []]
    known = {link.name for link in links}
    ports = dict.fromkeys(port for link in links for port in link.ports if port not in known)
    return in_order([*(Link(name, ETHERNET) for name in ports), *links])


def link_of(kind: str, entry: Mapping[str, Any]) -> Link:
    routes = [Route("default", router(gateway)) for gateway in entry.get("gateways") or []]
    routes += [
        Route(destination(one), router(one["via"]), one.get("metric"), bool(one.get("on_link")))
        for one in entry.get("routes") or []
    ]
    link = Link(
        str(entry["name"]),
        kind,
        ports=_texts(entry, "interfaces"),
        mac=str(entry["mac"]).lower() if entry.get("mac") else None,
        addresses=_texts(entry, "addresses"),
        dhcp4=bool(entry.get("dhcp4")),
        dhcp6=bool(entry.get("dhcp6")),
        routes=tuple(routes),
        name_servers=_texts(entry, "name_servers"),
        search_domains=_texts(entry, "search_domains"),
        mtu=entry.get("mtu"),
        optional=bool(entry.get("optional")),
        ipv6=entry.get("ipv6"),
        extra=dict(entry.get("extra") or {}),
    )
    if kind == BRIDGE:
        delay = int(entry.get("forward_delay") or 0)
        return replace(link, stp=bool(entry.get("stp")), forward_delay=delay, lldp=bool(entry.get("lldp")))
    if kind == VLAN:
        return replace(link, parent=str(entry["link"]), vlan_id=int(entry["id"]))
    return replace(link, mode=str(entry.get("mode") or "active-backup")) if kind == BOND else link


def destination(route: Mapping[str, Any]) -> str:
    """The default route has another name in each family."""
    everything = "::/0" if ":" in str(route["via"]) else "0.0.0.0/0"
    return "default" if str(route["to"]) == everything else str(route["to"])


def router(address: Any) -> str:
    """As the kernel writes it; what is no address is told as such later."""
    try:
        return str(ipaddress.ip_address(str(address)))
    except ValueError:
        return str(address)


def _texts(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in entry.get(name) or [])


def below(link: Link) -> tuple[str, ...]:
    """What the link is made of."""
    return (*link.ports, *([link.parent] if link.parent else []))


def in_order(links: Sequence[Link]) -> list[Link]:
    """Each after what it is made of; what goes round in a circle stays at the end, as declared."""
    left: list[Link] = list(links)
    done: list[Link] = []
    names = {link.name for link in links}
    while left:
        made = {link.name for link in done}
        ready = [one for one in left if all(name in made or name not in names for name in below(one))]
        if not ready:
            break
        done += ready
        left = [one for one in left if one not in ready]
    return done + left


def faults(links: Sequence[Link]) -> list[str]:
    """All that is wrong with the declaration, whatever the host is like."""
    return [sentence for rule in _RULES for sentence in rule(links)]


def _names(links: Sequence[Link]) -> Iterator[str]:
    seen: set[str] = set()
    for link in links:
        if link.name in seen:
            yield f"{link.name} is declared twice; a name belongs to one link."
        seen.add(link.name)
    for name in dict.fromkeys(name for link in links for name in (link.name, *below(link))):
        if len(name) > LONGEST_NAME:
            yield (
                f"{name} has {len(name)} characters; names of links have at most {LONGEST_NAME}. Choose a shorter one."
            )
        elif not _NAME.match(name) or name == "lo":
            yield f"{name!r} cannot be the name of a link; use letters, digits and any of . _ : + - within it."


def _structure(links: Sequence[Link]) -> Iterator[str]:
    by_name = {link.name: link for link in links}
    masters: dict[str, str] = {}
    for link in links:
        for port in link.ports:
            if port in masters:
                also = "twice" if masters[port] == link.name else f"of {masters[port]} and of {link.name}"
                yield f"{port} is a port {also}; it can be one of one link only."
            masters.setdefault(port, link.name)
            yield from _port(link, by_name.get(port))
        if link.kind == BOND:
            if not link.ports:
                yield f"bond {link.name} has no interfaces; name the ethernets that it is made of."
            if link.mode not in BOND_MODES:
                yield f"bond {link.name} has the mode {link.mode!r}; wanted is one of {', '.join(BOND_MODES)}."
    circle = sorted(link.name for link in _circle(links))
    if circle:
        yield f"{', '.join(circle)}: made of itself by way of the others, if any; take a link out of the circle."


def _circle(links: Sequence[Link]) -> list[Link]:
    names, made = {link.name for link in links}, set()
    ordered = in_order(links)
    for position, link in enumerate(ordered):
        if any(name in names and name not in made for name in below(link)):
            return ordered[position:]
        made.add(link.name)
    return []


def _port(master: Link, port: Link | None) -> Iterator[str]:
    if port is None:
        return
    if port.speaks or port.routes:
        yield (
            f"{port.name} is a port of {master.title} and has addresses, DHCP or routes of its own, which no port can "
            f"use; give them to {master.name}."
        )
    if master.kind == BOND and port.kind != ETHERNET:
        yield (
            f"bond {master.name} has {port.title} among its interfaces; a bond is made of ethernets. Put the VLAN or "
            f"bridge on top of {master.name}."
        )
    if master.kind == BRIDGE and port.kind == BRIDGE:
        yield f"bridge {master.name} has bridge {port.name} as a port; the kernel refuses a bridge in a bridge."


def _vlans(links: Sequence[Link]) -> Iterator[str]:
    holders: dict[tuple[str | None, int], str] = {}
    masters = {port: link for link in links for port in link.ports}
    for link in (one for one in links if one.kind == VLAN):
        if not 1 <= link.vlan_id <= 4094:
            yield f"VLAN {link.name} has the id {link.vlan_id}; wanted is a number from 1 to 4094."
        other = holders.setdefault((link.parent, link.vlan_id), link.name)
        if other != link.name:
            yield (
                f"VLAN {link.name} has the id {link.vlan_id} on {link.parent}, as VLAN {other} has; give it another "
                "one."
            )
        master = masters.get(str(link.parent))
        if master:
            yield (
                f"VLAN {link.name} is on {link.parent}, which is a port of {master.title} and hands all frames to it; "
                f"put the VLAN on {master.name}."
            )


def _addresses(links: Sequence[Link]) -> Iterator[str]:
    holders: dict[Any, str] = {}
    for link in links:
        own = []
        for text in link.addresses:
            interface = as_interface(text) if "/" in text else None
            if interface is None:
                yield f"{link.name}: {text!r} is no address with the length of its network, such as 10.0.0.1/16."
                continue
            own.append(interface)
            yield from _address(link, interface)
            other = holders.setdefault(interface.ip, link.name)
            if other != link.name or [one.ip for one in own].count(interface.ip) > 1:
                yield (
                    f"{interface.ip} is declared for {other} and for {link.name}; an address belongs to one link, once."
                )
        yield from _gateways(link, own)


def _address(link: Link, interface: Interface) -> Iterator[str]:
    network = interface.network
    if network.prefixlen < network.max_prefixlen - 1 and network.version == 4:
        if interface.ip == network.network_address:
            yield f"{link.name}: {interface} is the network {network} itself; choose an address inside it."
        elif interface.ip == network.broadcast_address:
            yield f"{link.name}: {interface} is the broadcast address of {network}; choose an address inside it."
    if interface.ip.is_multicast or interface.ip.is_loopback or interface.ip.is_unspecified:
        yield f"{link.name}: {interface} cannot be the address of a link; choose a unicast address."
    if network.version == 6 and link.ipv6 is False:
        yield f"{link.name}: {interface} is declared and ipv6 is false; drop one of the two."


def _gateways(link: Link, own: Sequence[Interface]) -> Iterator[str]:
    for route in link.routes:
        try:
            via = ipaddress.ip_address(route.via)
        except ValueError:
            yield f"{link.name}: the gateway {route.via!r} is no address."
            continue
        if route.to != "default":
            try:
                target = ipaddress.ip_network(route.to)
            except ValueError:
                yield (
                    f"{link.name}: the route to {route.to!r} leads to no network, such as 10.1.0.0/16, nor to "
                    "'default'."
                )
                continue
            if target.version != via.version:
                yield f"{link.name}: the route to {route.to} goes via {via}; both must be IPv4, or both IPv6."
        if any(via == interface.ip for interface in own):
            yield f"{link.name}: the gateway {via} is its own address; name the router."
        dhcp = link.dhcp4 if via.version == 4 else link.dhcp6
        inside = any(via in one.network for one in own if one.version == via.version)
        if not (inside or dhcp or route.on_link or via.is_link_local):
            networks = ", ".join(str(one.network) for one in own if one.version == via.version) or "none"
            yield f"{link.name}: the gateway {via} is in none of its networks ({networks}); correct one of them."


def _default_routes(links: Sequence[Link]) -> Iterator[str]:
    holders: dict[tuple[int, int | None], str] = {}
    for link in links:
        for route in link.routes:
            if route.to == "default" and as_interface(route.via) is not None:
                other = holders.setdefault((route.version, route.metric), f"{link.name} (via {route.via})")
                if other != f"{link.name} (via {route.via})":
                    yield (
                        f"{other} and {link.name} (via {route.via}) both have an IPv{route.version} default route; "
                        "keep one, or declare the other among routes with a metric."
                    )


def _values(links: Sequence[Link]) -> Iterator[str]:
    macs: dict[str, str] = {}
    for link in links:
        for text in link.name_servers:
            if as_interface(text) is None or "/" in text:
                yield f"{link.name}: the name server {text!r} is no address."
        if link.mtu is not None and not 68 <= link.mtu <= 65535:
            yield f"{link.name}: the MTU {link.mtu} is out of range; wanted is a number of bytes from 68 to 65535."
        if link.mac is not None:
            if not _MAC.match(link.mac):
                yield f"{link.name}: {link.mac!r} is no MAC address, such as 52:54:00:12:34:56."
            other = macs.setdefault(link.mac, link.name)
            if other != link.name:
                yield f"{link.name} is known by the MAC address {link.mac}, as {other} is; a card has one name."
        if link.stp and link.forward_delay and not 2 <= link.forward_delay <= 30:
            yield (
                f"{link.title}: the forward delay {link.forward_delay} is out of range; with STP it is 2 to 30 seconds."
            )


def _mtus(links: Sequence[Link]) -> Iterator[str]:
    by_name = {link.name: link for link in links}
    for link in links:
        for name in below(link):
            port = by_name.get(name)
            if port and link.mtu and port.mtu and link.mtu > port.mtu:
                yield mtu_over(link, name, port.mtu)


def mtu_over(link: Link, port: str, mtu: int) -> str:
    return (
        f"{link.title} has the MTU {link.mtu} and {port}, which it is made of, {mtu}: larger frames would be lost "
        f"there. Raise the MTU of {port} or lower that of {link.name}."
    )


_RULES = (_names, _structure, _vlans, _addresses, _default_routes, _values, _mtus)


def as_interface(text: str) -> Interface | None:
    """An address with its network; without a length only where it is no address of a link (a gateway)."""
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def addresses_with_length(links: Iterable[Link]) -> list[tuple[Link, Interface]]:
    found = [(link, as_interface(text)) for link in links for text in link.addresses]
    return [(link, interface) for link, interface in found if interface is not None]
