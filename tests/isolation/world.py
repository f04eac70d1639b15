# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of the bench: a hypervisor with two guests, what it must keep them from, and what they need.

flat: the hypervisor's own address is on the bridge of the guests, storage in the same segment.
split: storage is in a network of its own, on another card of the hypervisor, which forwards.

Frames are sent and seen by packet sockets; what a host really accepted is seen by raw sockets, which come after its
packet filter.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Iterable

from namespaces import Namespace

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_frames import IP, IP6, ether, ip4, ip6

FLAT, SPLIT = "flat", "split"
ALL_KINDS = 0x0003
OUTGOING = 4
RAW4, RAW6 = (1, 6, 17, 112), (6, 17, 58)
PORT, ONEGATE = 5666, 5030
GUEST_NETWORKS = ["10.0.3.0/24", "2001:db8:3::/64"]
UNLISTED_MAC = "52:54:00:00:00:99"  # of a host that nobody declared
DECLARED = {
    "bridges": [
        {
            "name": "onebr0",
            "uplinks": ["eth0"],
            "guest_networks": GUEST_NETWORKS,
            "gateways": ["10.0.3.1", "2001:db8:3::1"],
            "gateway_macs": ["52:54:00:00:00:01"],
        }
    ],
    "protected_networks": ["10.0.2.0/24", "10.0.4.0/24", "2001:db8:2::/64"],
    "infrastructure_macs": ["52:54:00:00:00:11", "52:54:00:00:00:12", "52:54:00:00:00:21", "02:00:00:00:00:22"],
    "local_services": ["udp/67"],
    "allowed_destinations": [{"address": "10.0.2.10", "port": f"tcp/{ONEGATE}"}],
    "guest_multicast": [{"group": "224.0.0.18", "protocol": "vrrp"}],
}


@dataclass
class Actor:
    """One host: its card, MAC and addresses, and the sockets by which the bench acts and looks for it."""

    name: str
    mac: str
    addresses: list[str]
    card: str = "eth0"
    routes: list[str] = field(default_factory=list)
    space: Namespace = None  # type: ignore[assignment]
    cards: dict[str, socket.socket] = field(default_factory=dict)
    stack: list[socket.socket] = field(default_factory=list)
    server: dict[int, socket.socket] = field(default_factory=dict)

    @property
    def ip(self) -> str:
        return next(one.split("/")[0] for one in self.addresses if "." in one)

    @property
    def ip6(self) -> str:
        return next(one.split("/")[0] for one in self.addresses if ":" in one)

    @property
    def link_local(self) -> str:
        octets = bytes.fromhex(self.mac.replace(":", ""))
        return socket.inet_ntop(
            socket.AF_INET6,
            b"\xfe\x80" + b"\0" * 6 + bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:],
        )


def actors(topology: str) -> dict[str, Actor]:
    flat = topology == FLAT
    own = "10.0.2" if flat else "10.0.4"
    hosts = [
        Actor("guest", "02:00:0a:00:03:65", ["10.0.3.101/24", "2001:db8:3::101/64"]),
        Actor("second", "02:00:0a:00:03:66", ["10.0.3.102/24", "2001:db8:3::102/64"]),
        Actor("far", "02:00:0a:00:03:c9", ["10.0.3.201/24", "2001:db8:3::201/64"]),
        Actor("router", "52:54:00:00:00:01", ["10.0.3.1/24", "2001:db8:3::1/64", f"{own}.1/24"]),
        Actor("storage", "52:54:00:00:00:21", ["10.0.2.21/24", "2001:db8:2::21/64", "10.0.9.21/24", "10.0.2.10/24"]),
        Actor("manager", "02:00:00:00:00:22", [f"{own}.22/24", "2001:db8:4::22/64", "10.0.9.22/24"]),
        Actor("node", "52:54:00:00:00:11", [f"{own}.11/24", "2001:db8:4::11/64"], card="onebr0"),
    ]
    for one in hosts[:3]:
        one.routes = ["route add default via 10.0.3.1", "route add default via 2001:db8:3::1"]
    hosts[4].routes = ["route add default via 10.0.2.1", "route add default via 2001:db8:2::1"]
    for one in hosts[5:]:
        one.routes = [f"route add default via {own}.1"]
    return {one.name: one for one in hosts}


class World:
    def __init__(self, topology: str) -> None:
        self.topology = topology
        self.actors = actors(topology)
        self.spaces: dict[str, Namespace] = {}
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def __getattr__(self, name: str) -> Actor:
        try:
            return self.__dict__["actors"][name]
        except KeyError as error:
            raise AttributeError(name) from error

    def close(self) -> None:
        for actor in self.actors.values():
            for one in (*actor.cards.values(), *actor.stack, *actor.server.values()):
                one.close()
        for space in self.spaces.values():
            space.close()

    # -- making ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        for name in (*self.actors, "wire", "rear"):
            self.spaces[name] = Namespace(name)
            for family in ("ipv4", "ipv6"):
                for which in ("all", "default"):
                    for setting, value in {"ipv4": {"rp_filter": "0"}, "ipv6": {"accept_dad": "0"}}[family].items():
                        self.spaces[name].setting(f"{family}/conf/{which}/{setting}", value)
        for actor in self.actors.values():
            actor.space = self.spaces[actor.name]
        self._bridge("wire", "switch")
        self._bridge("rear", "switch")
        self._bridge("node", "onebr0", "address 52:54:00:00:00:11")
        self._plug("node", "eth0", "52:54:00:00:00:11", "wire", "switch", "to-node", master="onebr0")
        for name, port in (("guest", "one-1-0"), ("second", "one-2-0")):
            self._plug(name, "eth0", self.actors[name].mac, "node", "onebr0", port)
        behind = "wire" if self.topology == FLAT else "rear"
        for name, where in (("far", "wire"), ("router", "wire"), ("manager", "wire"), ("storage", behind)):
            self._plug(name, "eth0", self.actors[name].mac, where, "switch", f"to-{name}")
        if self.topology == SPLIT:
            self._plug("router", "eth1", "52:54:00:00:00:02", "rear", "switch", "to-router")
            self._plug("node", "stor0", "52:54:00:00:00:12", "rear", "switch", "to-node")
            self.spaces["router"].links("addr add 10.0.2.1/24 dev eth1", "addr add 2001:db8:2::1/64 dev eth1 nodad")
            self.spaces["node"].links("addr add 10.0.2.11/24 dev stor0", "addr add 2001:db8:2::11/64 dev stor0 nodad")
        else:
            self.spaces["router"].links("addr add 2001:db8:2::1/64 dev eth0 nodad")
            self.spaces["node"].links("addr add 2001:db8:2::11/64 dev onebr0 nodad")
        self._configure()

    def _bridge(self, name: str, bridge: str, more: str = "") -> None:
        self.spaces[name].links(
            "link set lo up",
            # No snooping: it would learn, over seconds, who wants which group.
            f"link add {bridge} {more} type bridge forward_delay 0 mcast_snooping 0",
            f"link set {bridge} up",
        )

    def _plug(self, name: str, card: str, mac: str, at: str, bridge: str, port: str, master: str = "") -> None:
        space, other = self.spaces[name], self.spaces[at]
        space.links(f"link add {card} address {mac} type veth peer name {port} netns {other.pid}")
        space.links("link set lo up", *([f"link set {card} master {master}"] if master else []), f"link set {card} up")
        other.links(f"link set {port} master {bridge}", f"link set {port} up")

    def _configure(self) -> None:
        router = self.spaces["router"]
        router.links("addr add 198.51.100.1/32 dev lo", "addr add 2001:db8:ffff::1/128 dev lo")
        for name in ("router", "node"):
            if name == "router" or self.topology == SPLIT:
                self.spaces[name].setting("ipv4/ip_forward", "1")
                self.spaces[name].setting("ipv6/conf/all/forwarding", "1")
        for actor in self.actors.values():
            nodad = [f"addr add {one} dev {actor.card}" + " nodad" * (":" in one) for one in actor.addresses]
            actor.space.links(*nodad, *actor.routes)
            if actor.name in ("manager", "storage"):
                actor.space.setting(f"ipv6/conf/{actor.card}/accept_ra", "2")
            # An answer that comes a moment after another one counts as well.
            actor.space.setting(f"ipv4/neigh/{actor.card}/locktime", "0")
            with actor.space.inside():
                actor.cards[actor.card] = _packet_socket(actor.card)
                actor.stack = [
                    *(socket.socket(socket.AF_INET, socket.SOCK_RAW, one) for one in RAW4),
                    *(socket.socket(socket.AF_INET6, socket.SOCK_RAW, one) for one in RAW6),
                ]
                actor.server = {port: _server(port) for port in (PORT, ONEGATE, 22)}
        with self.spaces["wire"].inside():
            # What leaves the node, whoever gets it.
            self.actors["wire"] = Actor("wire", "", [], card="to-node", cards={"to-node": _packet_socket("to-node")})

    # -- acting and looking ------------------------------------------------------------------------------------------

    def send(self, sender: str, frames: Iterable[bytes]) -> None:
        actor = self.actors[sender]
        for frame in frames:
            actor.cards[actor.card].send(frame)

    def forget(self) -> None:
        """What sockets have seen so far."""
        for actor in self.actors.values():
            for one in (*actor.cards.values(), *actor.stack):
                _drain(one)

    def seen(self, who: str, needle: bytes, seconds: float, stack: bool) -> bool:
        """Whether it comes to the card, or to the IP stack behind the packet filter."""
        actor = self.actors[who]
        sockets = actor.stack if stack else list(actor.cards.values())
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            ready = select.select(sockets, [], [], max(0.0, left))[0]
            for one in ready:
                if any(needle in data for data in _drain(one)):
                    return True
            if left <= 0:
                return False

    def neighbours(self, who: str, address: str) -> list[str]:
        """The MAC addresses that it takes for somebody's, on any of its links."""
        told = json.loads(self.spaces[who].do("ip", "-json", "neigh", "show", "to", address) or "[]")
        return [one["lladdr"] for one in told if "lladdr" in one]

    def remember(self, who: str, address: str, mac: str) -> None:
        self.spaces[who].links(f"neigh replace {address} lladdr {mac} dev {self.actors[who].card} nud stale")
        time.sleep(0.02)  # an entry is not overridden within the kernel's tick in which it was made

    def learnt(self, mac: str) -> str:
        """The port of the node's bridge behind which it has seen a MAC address."""
        told = json.loads(self.spaces["node"].do("bridge", "-json", "fdb", "show", "br", "onebr0") or "[]")
        return next((one["ifname"] for one in told if one["mac"] == mac and one.get("master")), "")

    def unlearn(self) -> None:
        """By bridges, also that of the wire: what is not known is flooded, and arrives."""
        for name, bridge in (("node", "onebr0"), ("wire", "switch"), ("rear", "switch")):
            self.spaces[name].links(f"link set {bridge} type bridge fdb_flush")

    def forget_neighbours(self) -> None:
        for actor in self.actors.values():
            if actor.space:
                actor.space.links("neigh flush all", "route flush cache")  # redirects are kept there

    def forget_routers(self, *names: str) -> None:
        for name in names:
            card = self.actors[name].card
            self.spaces[name].do("ip", "-6", "addr", "flush", "dev", card, "dynamic")
            self.spaces[name].do("ip", "-6", "route", "flush", "proto", "ra")

    def has_address(self, who: str, prefix: str) -> bool:
        return prefix in self.spaces[who].do("ip", "-6", "addr", "show", "dev", self.actors[who].card)

    def connect(self, who: str, to: str, address: str, port: int, seconds: float = 1.0) -> bool:
        """A real connection of two kernels, with data in it."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.spaces[who].inside():
            client = socket.socket(family, socket.SOCK_STREAM)
        with client:
            client.settimeout(seconds)
            try:
                client.connect((address, port))
                client.sendall(b"data")
                accepted, _peer = self.actors[to].server[port].accept()
                with accepted:
                    accepted.settimeout(seconds)
                    return accepted.recv(4) == b"data"
            except OSError:
                return False

    # -- shorthands for the tables -----------------------------------------------------------------------------------

    def packet(self, sender: Actor, target: Actor, protocol: int, payload: bytes, **more: str) -> bytes:
        """From one actor to another; mac, source and to say otherwise."""
        source, to = more.get("source", sender.ip), more.get("to", target.ip)
        return ether(more.get("mac", target.mac), sender.mac, IP, ip4(source, to, protocol, payload))

    def packet6(self, sender: Actor, target: Actor, protocol: int, payload: bytes, **more: str) -> bytes:
        source, to = more.get("source", sender.ip6), more.get("to", target.ip6)
        return ether(more.get("mac", target.mac), sender.mac, IP6, ip6(source, to, protocol, payload))


def _packet_socket(card: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_KINDS))
    made.bind((card, ALL_KINDS))
    index = socket.if_nametoindex(card)
    # Promiscuous: a guest may look at whatever comes to its port.
    made.setsockopt(263, 1, struct.pack("IHH8s", index, 1, 0, b""))
    made.setblocking(False)
    return made


def _server(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.bind(("::", port))
    made.listen(64)
    made.settimeout(1.0)
    return made


def _drain(one: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            data, address = one.recvfrom(65536, socket.MSG_DONTWAIT)
        except OSError:  # also an ICMP error that is told to a raw socket, after which nothing waits
            return found
        if one.family != socket.AF_PACKET or address[2] != OUTGOING:
            found.append(data)
