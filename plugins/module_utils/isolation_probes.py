# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried from a throw-away guest of a live node, and where its success would be seen.

No address of a live host is claimed and no table of one is changed: claims go to a second throw-away guest alone, which
the rules must keep from them as from anybody, and false addresses are ones that nobody has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import link_local

# Where a frame would be seen: in a socket of the node itself, leaving over an uplink, at one of the two guests.
NODE, OUTSIDE, SECOND, FIRST = "node", "outside", "second", "first"
FOREIGN_MAC = "52:54:00:4b:56:43"  # of nobody
UNKNOWN_MAC = "52:54:00:4b:56:44"  # nobody ever sends from it, so that no bridge has learned where it is
# Documentation addresses: routers have no way to them.
ELSEWHERE, ELSEWHERE6 = "192.0.2.1", "2001:db8:4b56::1"
DISCARD = 9
GROUPS = {"LLDP": "01:80:c2:00:00:0e", "802.1X": "01:80:c2:00:00:03"}  # which a bridge keeps for itself
SYN_PORT = 40001  # by which the kernel tells the probes from all other connections of a busy node


@dataclass(frozen=True)
class Target:
    """Something in a protected network. Its MAC address, if it is known, is that of a host in the same segment."""

    address: str
    ports: Sequence[int] = ()
    mac: str = ""


@dataclass(frozen=True)
class Scene:
    """What the probes are made of: two guests, the node they are on, and what is protected."""

    bridge_mac: str
    port: int  # of the node's own socket
    first: tuple[str, str]  # MAC and address
    second: tuple[str, str]
    gateway: tuple[str, str] | None = None  # MAC and address; None where nothing answered
    node_addresses: Sequence[str] = ()
    targets: Sequence[Target] = ()
    unused: str = ""  # an address in a protected network that nobody has
    unused6: str = ""
    first6: str = ""  # where guests have IPv6
    second6: str = ""
    router_mac: str = ""  # by which ways through the gateway are tried; also where it is declared, and did not answer
    services: Sequence[tuple[str, int]] = ()  # of the node: what guests may reach there
    served: Sequence[str] = ()  # the node's addresses by which they may
    allowed: Sequence[tuple[str, str, int]] = ()  # address, protocol and port in protected networks
    outside: bool = True  # the bridge has an uplink


@dataclass(frozen=True)
class Probe:
    name: str
    frames: Sequence[bytes]
    look: str
    token: bytes
    sender: str = FIRST
    allowed: bool = False  # it has to arrive, rather than not


def probes(scene: Scene) -> list[Probe]:
    made = [
        *_to_node(scene),
        *_to_targets(scene),
        *_spoofed(scene),
        *_frames(scene),
        *_claims(scene),
        *_family6(scene),
        *_claims6(scene),
        *_kept(scene),
    ]
    return [one for one in made if scene.outside or one.look != OUTSIDE]


def untried(scene: Scene) -> list[tuple[str, str]]:
    """What there was no way to try, and why: nobody shall take it for stopped."""
    if not scene.outside or scene.router_mac:
        return []
    why = "not tried: no gateway answered, and neither its MAC address nor that of this host is known"
    closed = ((target, _closed(scene, target)) for target in scene.targets if not target.mac)
    return [(f"TCP {_told(ports)} of {target.address}", why) for target, ports in closed if ports]


class _Tokens:
    count = 0

    def __call__(self) -> bytes:
        _Tokens.count += 1
        return b"<kvmcloud probe %06d>" % _Tokens.count


token = _Tokens()


def _ether(scene: Scene, target: str, kind: int, payload: bytes, sender: str = "", **more) -> bytes:  # type: ignore[no-untyped-def]
    return f.ether(target, sender or scene.first[0], kind, payload, **more)


def _udp(scene: Scene, mac: str, to: str, port: int, t: bytes, source: str = "", tags=(), ports: int = 40000) -> bytes:  # type: ignore[no-untyped-def]
    source = source or _own(scene, to)
    kind, head = (f.IP6, f.ip6) if ":" in to else (f.IP, f.ip4)
    return _ether(scene, mac, kind, head(source, to, f.UDP, f.udp(source, to, (ports, port), t)), tags=tags)


def _own(scene: Scene, to: str) -> str:
    """The first guest's address; its link-local one is always there, whether IPv6 was planned or not."""
    return (scene.first6 or str(link_local(scene.first[0]))) if ":" in to else scene.first[1]


def _syn(scene: Scene, mac: str, to: str, port: int, t: bytes) -> bytes:
    source = _own(scene, to)
    kind, head = (f.IP6, f.ip6) if ":" in to else (f.IP, f.ip4)
    return _ether(scene, mac, kind, head(source, to, f.TCP, f.tcp(source, to, (SYN_PORT, port), f.SYN, t)))


def _to_node(scene: Scene) -> Iterator[Probe]:
    """Every address of the node over its bridge, on whatever card it is: the kernel takes it on all."""
    ports = sorted({port for target in scene.targets for port in target.ports} | {22})
    ports = [port for port in ports if ("tcp", port) not in scene.services]
    for address in scene.node_addresses:
        t = token()
        frames = [_syn(scene, scene.bridge_mac, address, port, t) for port in ports]
        yield Probe(f"TCP {_told(ports)} of the node's {address}", frames, NODE, t)
        t = token()
        frame = _udp(scene, scene.bridge_mac, address, scene.port, t)
        yield Probe(f"UDP to the node's {address}", [frame], NODE, t)
    for address in [one for one in scene.node_addresses if ":" not in one][:1]:
        for name, tags in (("a priority tag", ((f.VLAN, 0),)), ("a priority tag of 802.1ad", ((f.QINQ, 0),))):
            t = token()
            yield Probe(
                f"{name}, to the node", [_udp(scene, scene.bridge_mac, address, scene.port, t, tags=tags)], NODE, t
            )
        if scene.unused:
            t = token()
            yield Probe(
                "a false address of a protected network, to the node",
                [_udp(scene, scene.bridge_mac, address, scene.port, t, scene.unused)],
                NODE,
                t,
            )
        for name, group in GROUPS.items():
            t = token()
            frame = _udp(scene, group, address, scene.port, t, scene.unused)
            yield Probe(f"UDP to the node, in a frame to the group of {name}", [frame], NODE, t)
        body = f.arp(f.REQUEST, scene.first, ("00:00:00:00:00:00", address))
        answer = f.address_bytes(address) + f.mac_bytes(scene.first[0]) + f.address_bytes(scene.first[1])
        frame = _ether(scene, GROUPS["LLDP"], f.ARP, body)
        yield Probe("ARP: the node answers a frame to the group of LLDP", [frame], FIRST, answer)
    t = token()
    yield Probe("a broadcast to the node", [_udp(scene, f.BROADCAST, "255.255.255.255", scene.port, t)], NODE, t)


def _to_targets(scene: Scene) -> Iterator[Probe]:
    for target in scene.targets:
        ports = _closed(scene, target)
        for way, mac in {"through the gateway": scene.router_mac, "over an on-link route": target.mac}.items():
            if mac and ports:
                t = token()
                frames = [_syn(scene, mac, target.address, port, t) for port in ports]
                yield Probe(f"TCP {_told(ports)} of {target.address}, {way}", frames, OUTSIDE, t)


def _closed(scene: Scene, target: Target) -> list[int]:
    return [port for port in target.ports if (target.address, "tcp", port) not in scene.allowed]


def _told(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports))


def _spoofed(scene: Scene) -> Iterator[Probe]:
    beyond = scene.router_mac or UNKNOWN_MAC
    if scene.unused:
        t = token()
        yield Probe(
            "a false address of a protected network, to the outside",
            [_udp(scene, beyond, ELSEWHERE, DISCARD, t, scene.unused)],
            OUTSIDE,
            t,
        )
        t = token()
        yield Probe(
            "a false address of a protected network, to a guest",
            [_udp(scene, scene.second[0], scene.second[1], DISCARD, t, scene.unused)],
            SECOND,
            t,
        )
    if scene.gateway:
        t = token()
        yield Probe(
            "the gateway's address, to a guest",
            [_udp(scene, scene.second[0], scene.second[1], DISCARD, t, scene.gateway[1])],
            SECOND,
            t,
        )
    t = token()
    options = bytes([131, 7, 4]) + f.address_bytes(ELSEWHERE)
    segment = f.udp(scene.first[1], scene.second[1], (1, DISCARD), t)
    packet = f.ip4(scene.first[1], scene.second[1], f.UDP, segment, options=options)
    yield Probe("source routing", [_ether(scene, scene.second[0], f.IP, packet)], SECOND, t)


def _frames(scene: Scene) -> Iterator[Probe]:
    second = scene.second[0]
    for name, kind in {"RoCE": 0x8915, "PPPoE": 0x8863, "LLDP": 0x88CC}.items():
        t = token()
        yield Probe(f"{name}, to a guest", [_ether(scene, second, kind, t + b"\0" * 40)], SECOND, t)
    t = token()
    yield Probe(
        "a frame of VLAN 100, to a guest",
        [_udp(scene, second, scene.second[1], DISCARD, t, tags=((f.VLAN, 100),))],
        SECOND,
        t,
    )
    t = token()
    yield Probe("LLC, as STP uses, to a guest", [_ether(scene, second, len(t) + 3, b"\x42\x42\x03" + t)], SECOND, t)
    t = token()
    packet = f.ip4(scene.first[1], scene.second[1], f.UDP, f.udp(scene.first[1], scene.second[1], (1, DISCARD), t))
    yield Probe("a MAC address that no guest can have", [_ether(scene, second, f.IP, packet, FOREIGN_MAC)], SECOND, t)
    t = token()
    yield Probe(
        "a frame to one with the address of all", [_udp(scene, second, "255.255.255.255", DISCARD, t)], SECOND, t
    )
    t = token()
    yield Probe("a broadcast to the outside", [_udp(scene, f.BROADCAST, "255.255.255.255", DISCARD, t)], OUTSIDE, t)
    t = token()
    yield Probe(
        "multicast to the outside", [_udp(scene, f.group_mac("239.75.86.1"), "239.75.86.1", DISCARD, t)], OUTSIDE, t
    )
    t = token()
    yield Probe(
        "a DHCP server's offer to the outside",
        [_udp(scene, f.BROADCAST, "255.255.255.255", 68, t, ports=67)],
        OUTSIDE,
        t,
    )
    t = token()
    frame = f.ether(
        UNKNOWN_MAC, scene.bridge_mac, f.IP, f.ip4(ELSEWHERE, ELSEWHERE, f.UDP, f.udp(ELSEWHERE, ELSEWHERE, (1, 9), t))
    )
    yield Probe("a frame of the node for no guest, flooded", [frame], FIRST, t, NODE)


def _claims(scene: Scene) -> Iterator[Probe]:
    """To the second guest alone: nobody else's table is touched."""
    mac, about = scene.second

    def answer(name: str, hardware: str, address: str) -> Probe:
        body = f.arp(f.REPLY, (hardware, address), (mac, about))
        return Probe(f"ARP: {name}", [_ether(scene, mac, f.ARP, body)], SECOND, body)

    if scene.unused:
        yield answer("claims an address of a protected network", scene.first[0], scene.unused)
    if scene.gateway:
        yield answer("claims the gateway's address", scene.first[0], scene.gateway[1])
    yield answer("an own address behind a foreign MAC", FOREIGN_MAC, scene.first[1])
    if scene.unused:
        body = f.arp(f.REQUEST, (scene.first[0], scene.first[1]), ("00:00:00:00:00:00", scene.unused))
        yield Probe(
            "ARP: asks who has an address of a protected network",
            [_ether(scene, f.BROADCAST, f.ARP, body)],
            OUTSIDE,
            body,
        )


def _family6(scene: Scene) -> Iterator[Probe]:
    """Link-local addresses are always there, whether IPv6 was planned or not."""
    own, other, node = (str(link_local(mac)) for mac in (scene.first[0], scene.second[0], scene.bridge_mac))
    t = token()
    packet = f.ip6(own, node, f.UDP, f.udp(own, node, (1, scene.port), t))
    yield Probe("IPv6: UDP to the node's link-local address", [_ether(scene, scene.bridge_mac, f.IP6, packet)], NODE, t)
    packet = f.router_advert(own, "2001:db8:bad::", other)
    yield Probe(
        "IPv6: poses as a router, to a guest", [_ether(scene, scene.second[0], f.IP6, packet)], SECOND, packet[40:]
    )
    t = token()
    packet = f.ip6(own, "ff02::4b56", f.UDP, f.udp(own, "ff02::4b56", (1, DISCARD), t))
    yield Probe("IPv6: multicast to the outside", [_ether(scene, f.group_mac("ff02::4b56"), f.IP6, packet)], OUTSIDE, t)


def _claims6(scene: Scene) -> Iterator[Probe]:
    """As with ARP: to the second guest alone."""
    if not scene.first6:
        return
    mac, other = scene.second[0], str(link_local(scene.second[0]))

    def told(name: str, source: str, kind: int, about: str) -> Probe:
        packet = f.neighbour(source, other, kind, about, scene.first[0])
        return Probe(f"IPv6: {name}", [_ether(scene, mac, f.IP6, packet)], SECOND, packet[40:])

    own = str(link_local(scene.first[0]))
    if scene.router_mac:
        router = str(link_local(scene.router_mac))
        yield told("asks under the gateway's link-local address", router, f.NEIGHBOUR_SOLICIT, other)
        yield told("claims the gateway's link-local address", own, f.NEIGHBOUR_ADVERT, router)
    if scene.unused6:
        yield told("claims an address of a protected network", own, f.NEIGHBOUR_ADVERT, scene.unused6)
        t = token()
        frame = _udp(scene, mac, scene.second6, DISCARD, t, scene.unused6)
        yield Probe("IPv6: a false address of a protected network, to a guest", [frame], SECOND, t)
        t = token()
        frame = _udp(scene, scene.router_mac or UNKNOWN_MAC, ELSEWHERE6, DISCARD, t, scene.unused6)
        yield Probe("IPv6: a false address of a protected network, to the outside", [frame], OUTSIDE, t)


def _kept(scene: Scene) -> Iterator[Probe]:
    t = token()
    yield Probe(
        "a guest reaches another guest",
        [_udp(scene, scene.second[0], scene.second[1], DISCARD, t)],
        SECOND,
        t,
        allowed=True,
    )
    body = f.arp(f.REQUEST, scene.first, ("00:00:00:00:00:00", scene.second[1]))
    yield Probe(
        "ARP: a guest asks for another guest", [_ether(scene, f.BROADCAST, f.ARP, body)], SECOND, body, allowed=True
    )
    t = token()
    packet = f.ip4("0.0.0.0", "255.255.255.255", f.UDP, f.udp("0.0.0.0", "255.255.255.255", (68, 67), t))
    yield Probe(
        "DHCP: a guest asks for an address", [_ether(scene, f.BROADCAST, f.IP, packet)], OUTSIDE, t, allowed=True
    )
    if scene.gateway:
        t = token()
        yield Probe(
            "a guest reaches the outside",
            [_udp(scene, scene.gateway[0], ELSEWHERE, DISCARD, t)],
            OUTSIDE,
            t,
            allowed=True,
        )
    for address, protocol, port in scene.allowed if scene.router_mac else ():
        if ":" in address and not scene.first6:
            continue
        t = token()
        if protocol == "tcp":
            frame = _syn(scene, scene.router_mac, address, port, t)
        else:
            frame = _udp(scene, scene.router_mac, address, port, t)
        yield Probe(f"a guest reaches {protocol}/{port} of {address}", [frame], OUTSIDE, t, allowed=True)
    for address in scene.served:
        for protocol, port in scene.services:
            if protocol == "tcp" and (scene.first6 or ":" not in address):
                t = token()
                frame = _syn(scene, scene.bridge_mac, address, port, t)
                yield Probe(f"a guest reaches tcp/{port} of the node's {address}", [frame], NODE, t, allowed=True)
    if scene.first6 and scene.second6:
        t = token()
        yield Probe(
            "IPv6: a guest reaches another guest",
            [_udp(scene, scene.second[0], scene.second6, DISCARD, t)],
            SECOND,
            t,
            allowed=True,
        )
