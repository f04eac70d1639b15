# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared about the isolation of guests, checked as a whole: all findings at once, each a sentence.

This file and its isolation_* neighbours also run on the node by themselves, without Ansible: standard library only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

FULL, GUIDE, VLAN = "full", "guide", "vlan"
MODES = (FULL, GUIDE, VLAN)
# By number, because hosts need not have /etc/protocols.
PROTOCOLS = {"tcp": 6, "udp": 17, "igmp": 2, "ospf": 89, "pim": 103, "vrrp": 112, "carp": 112, "sctp": 132}
PORT_PROTOCOLS = ("tcp", "udp")
MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}\Z")
PREFIX = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){0,4}\Z")
LINK_NAME = re.compile(r"[A-Za-z0-9_.:@-]{1,15}\Z")  # no wildcard of nft or iptables


def link_local(mac: str) -> Address:
    """The address that a card gives itself, unless it is told to take another one."""
    octets = bytearray.fromhex(mac.replace(":", ""))
    octets[0] ^= 2
    return ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + octets[:3] + b"\xff\xfe" + octets[3:])


@dataclass(frozen=True)
class Service:
    protocol: str
    port: int


@dataclass(frozen=True)
class Destination:
    """One port of one protected address that guests may reach nevertheless."""

    address: Address
    service: Service


@dataclass(frozen=True)
class Group:
    """Multicast that guests may send to the outside."""

    address: Address
    protocol: int


@dataclass(frozen=True)
class Bridge:
    name: str
    uplinks: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    gateways: tuple[Address, ...] = ()
    gateway_macs: tuple[str, ...] = ()  # guests send to them, and must not use them


@dataclass(frozen=True)
class Declaration:
    mode: str = FULL
    bridges: tuple[Bridge, ...] = ()
    protected: tuple[Network, ...] = ()
    infrastructure_macs: tuple[str, ...] = ()  # guests neither use them nor send to them
    mac_prefix: str = "02:00"
    local_services: tuple[Service, ...] = ()
    allowed: tuple[Destination, ...] = ()
    multicast: tuple[Group, ...] = ()
    link_locals: tuple[Address, ...] = ()  # of hosts, where these are not made of their MAC addresses

    @property
    def claimed_macs(self) -> set[str]:
        """Those of hosts and routers."""
        return {*self.infrastructure_macs, *(mac for bridge in self.bridges for mac in bridge.gateway_macs)}

    @property
    def claimed_link_locals(self) -> set[Address]:
        return {*self.link_locals, *map(link_local, self.claimed_macs)}

    @property
    def guest_networks(self) -> tuple[Network, ...]:
        return tuple(network for bridge in self.bridges for network in bridge.networks)


class Reader:
    """Reads one declaration; what cannot be read becomes a finding, and reading goes on."""

    def __init__(self) -> None:
        self.findings: list[str] = []

    def miss(self, sentence: str) -> None:
        if sentence not in self.findings:
            self.findings.append(sentence)

    def network(self, text: Any, where: str) -> Network | None:
        try:
            network = ipaddress.ip_network(str(text), strict=False)
        except ValueError:
            self.miss(f"{where}: {text!r} is no network; write one as 10.0.3.0/24 or 2001:db8::/64.")
            return None
        if "/" not in str(text):
            self.miss(f"{where}: {text} has no length; write {text}/24 or whatever it is.")
        elif str(ipaddress.ip_interface(str(text)).ip) != str(network.network_address):
            self.miss(f"{where}: {text} is an address within {network}; write {network}, if that is meant.")
        elif network.prefixlen == 0:
            self.miss(f"{where}: {text} is everything; name the networks that are meant.")
        elif network.is_multicast or network.is_loopback or network.is_link_local:
            self.miss(f"{where}: {text} is no network of hosts or guests; leave it out.")
        else:
            return network
        return None

    def networks(self, texts: Iterable[Any], where: str) -> tuple[Network, ...]:
        return tuple(found for found in (self.network(text, where) for text in texts) if found)

    def address(self, text: Any, where: str) -> Address | None:
        try:
            return ipaddress.ip_address(str(text))
        except ValueError:
            self.miss(f"{where}: {text!r} is no address.")
            return None

    def mac(self, text: Any, where: str) -> str | None:
        mac = str(text).strip().lower().replace("-", ":")
        if not MAC.match(mac):
            self.miss(f"{where}: {text!r} is no MAC address; write one as 52:54:00:12:34:56, in quotes.")
        elif int(mac[:2], 16) & 1:
            self.miss(f"{where}: {text} is a group address, which no card has.")
        else:
            return mac
        return None

    def macs(self, texts: Iterable[Any], where: str) -> tuple[str, ...]:
        return tuple(sorted({found for found in (self.mac(text, where) for text in texts) if found}))

    def service(self, text: Any, where: str) -> Service | None:
        protocol, _slash, port = str(text).partition("/")
        if protocol in PORT_PROTOCOLS and re.fullmatch("[0-9]{1,5}", port) and 1 <= int(port) <= 65535:
            return Service(protocol, int(port))
        self.miss(f"{where}: {text!r} is no service; write one as tcp/5030 or udp/67.")
        return None

    def link(self, text: Any, where: str) -> str | None:
        if isinstance(text, str) and LINK_NAME.match(text) and text not in (".", ".."):
            return text
        self.miss(f"{where}: {text!r} cannot be the name of a link.")
        return None

    # -- the parts of a declaration ----------------------------------------------------------------------------------

    def bridge(self, given: Mapping[str, Any]) -> Bridge:
        name = self.link(given.get("name"), "bridges") or "?"
        where = f"bridge {name}"
        uplinks = [self.link(one, f"{where}, uplinks") for one in given.get("uplinks") or []]
        networks = self.networks(given.get("guest_networks") or [], f"{where}, guest_networks")
        gateways = [self.address(one, f"{where}, gateways") for one in given.get("gateways") or []]
        for gateway in gateways:
            if gateway is None or (gateway.version == 6 and gateway.is_link_local):
                continue  # every link has that network
            if not any(gateway in network for network in networks if network.version == gateway.version):
                self.miss(f"{where}: its gateway {gateway} is in none of its guest_networks; add the network it is in.")
        if not networks and not given.get("guest_networks"):
            self.miss(f"{where}: it has no guest_networks; name those whose addresses its guests have.")
        return Bridge(
            name,
            tuple(one for one in uplinks if one),
            networks,
            tuple(one for one in gateways if one),
            self.macs(given.get("gateway_macs") or [], f"{where}, gateway_macs"),
        )

    def group(self, given: Mapping[str, Any]) -> Group | None:
        address = self.address(given.get("group"), "guest_multicast")
        protocol = str(given.get("protocol", "")).lower()
        number = PROTOCOLS.get(protocol, int(protocol) if re.fullmatch("[0-9]{1,3}", protocol) else 256)
        if number > 255:
            known = ", ".join(sorted(PROTOCOLS))
            self.miss(
                f"guest_multicast: {protocol!r} is no protocol that is known; write its number, or one of {known}."
            )
        elif address and not address.is_multicast:
            self.miss(f"guest_multicast: {address} is no group; groups are in 224.0.0.0/4 or ff00::/8.")
        elif address:
            return Group(address, number)
        return None

    def link_local(self, text: Any) -> Address | None:
        address = self.address(text, "infrastructure_link_locals")
        if address and not (address.version == 6 and address.is_link_local):
            self.miss(f"infrastructure_link_locals: {address} is not in fe80::/10.")
        return address

    def destination(self, given: Mapping[str, Any]) -> Destination | None:
        address = self.address(given.get("address"), "allowed_destinations")
        service = self.service(given.get("port"), f"allowed_destinations, {given.get('address')}")
        return Destination(address, service) if address and service else None


def declared(given: Mapping[str, Any]) -> tuple[Declaration, list[str]]:
    """The declaration, and everything that is wrong with it; only one without findings may be used."""
    reader = Reader()
    mode = str(given.get("mode") or FULL)
    if mode not in MODES:
        reader.miss(f"mode: {mode!r} is none; it is one of {', '.join(MODES)}.")
    prefix = str(given.get("guest_mac_prefix") or "02:00").lower()
    if not PREFIX.match(prefix) or int(prefix[:2], 16) & 1:
        reader.miss(f"guest_mac_prefix: {prefix!r} is none; write the MAC_PREFIX of oned.conf, as 02:00, in quotes.")
    services = [reader.service(one, "local_services") for one in given.get("local_services") or []]
    allowed = [reader.destination(one) for one in given.get("allowed_destinations") or []]
    groups = [reader.group(one) for one in given.get("guest_multicast") or []]
    link_locals = [reader.link_local(one) for one in given.get("infrastructure_link_locals") or []]
    found = Declaration(
        mode,
        tuple(reader.bridge(one) for one in given.get("bridges") or []),
        reader.networks(given.get("protected_networks") or [], "protected_networks"),
        reader.macs(given.get("infrastructure_macs") or [], "infrastructure_macs"),
        prefix,
        tuple(one for one in services if one),
        tuple(one for one in allowed if one),
        tuple(one for one in groups if one),
        tuple(one for one in link_locals if one),
    )
    for sentence in contradictions(found):
        reader.miss(sentence)
    if not given.get("bridges"):
        reader.miss("bridges: none is declared; name the bridges that have guests, or declare no isolation.")
    if not given.get("protected_networks"):
        reader.miss("protected_networks: none is declared; name those of hypervisors, storage and management.")
    return found, reader.findings


def contradictions(declaration: Declaration) -> list[str]:
    sentences = []
    names: set[str] = set()
    holders: dict[str, str] = {}
    for bridge in declaration.bridges:
        if bridge.name in names:
            sentences.append(f"bridge {bridge.name} is declared twice; make one entry of both.")
        names.add(bridge.name)
        for uplink in dict.fromkeys(bridge.uplinks):
            if uplink in holders and holders[uplink] != bridge.name:
                sentences.append(f"{uplink} is an uplink of {holders[uplink]} and of {bridge.name}; it can be of one.")
            holders.setdefault(uplink, bridge.name)
            if uplink == bridge.name:
                sentences.append(f"bridge {bridge.name} is its own uplink; name the card, bond or VLAN below it.")
    for guest, protected in overlaps(declaration.guest_networks, declaration.protected):
        sentences.append(
            f"The guest network {guest} overlaps the protected network {protected}: addresses of guests must not be "
            "addresses of hosts. Give guests a network of their own."
        )
    return sentences


def overlaps(ones: Iterable[Network], others: Iterable[Network]) -> list[tuple[Network, Network]]:
    """All pairs that share an address. Networks are nested or apart, so one pass over their order is enough."""
    marked = [(one, 0) for one in set(ones)] + [(other, 1) for other in set(others)]
    marked.sort(key=lambda item: (item[0].version, int(item[0].network_address), item[0].prefixlen, item[1]))
    found = []
    around: list[tuple[Network, int]] = []
    for network, side in marked:
        around = [
            (outer, its)
            for outer, its in around
            if outer.version == network.version and outer.broadcast_address >= network.network_address  # type: ignore
        ]
        found += [(network, outer) if side == 0 else (outer, network) for outer, its in around if its != side]
        around.append((network, side))
    return found
