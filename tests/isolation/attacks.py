# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest must not be able to do. Each case sends frames, and says where their arrival would be seen.

A case that does not succeed without any rules, in one topology at least, would test nothing; the bench sees to that.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Callable, Iterator

from world import FLAT, ONEGATE, PORT, SPLIT, UNLISTED_MAC, World

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f

# Where success is seen: on a card, in the IP stack behind the packet filter, in the neighbour table, in the addresses
# that a bridge has learnt, in the addresses that a host has got.
CARD, STACK, NEIGHBOUR, LEARNT, ADDRESS = "card", "stack", "neighbour", "learnt", "address"
Frames = Callable[[World, bytes], "list[bytes]"]
VLANS = {
    "a priority tag": ((f.VLAN, 0),),
    "a priority tag of 802.1ad": ((f.QINQ, 0),),
    "two priority tags": ((f.QINQ, 0), (f.VLAN, 0)),
}
INTERNET, INTERNET6 = "198.51.100.1", "2001:db8:ffff::1"


@dataclass(frozen=True)
class Case:
    name: str
    frames: Frames
    look: tuple[str, ...]  # one of the above, who, and for tables the address
    sender: str = "guest"
    only: str = ""  # a topology, where the other one has no such way


def frame(w: World, kind: int, payload: bytes, mac: str = f.BROADCAST, sender: str = "", **more) -> bytes:
    return f.ether(mac, sender or w.guest.mac, kind, payload, **more)


def syn(w: World, t: bytes, to: str, mac: str, port: int, source: str = "", tags=()) -> list[bytes]:
    source = source or (w.guest.ip6 if ":" in to else w.guest.ip)
    segment = f.tcp(source, to, (40000, port), f.SYN, t)
    kind, head = (f.IP6, f.ip6) if ":" in to else (f.IP, f.ip4)
    return [frame(w, kind, head(source, to, f.TCP, segment), mac, tags=tags)]


def datagram(
    w: World, t: bytes, to: str, mac: str, source: str = "", ports=(40000, 7), sender: str = ""
) -> list[bytes]:
    """From the guest, unless another source is given."""
    source = source or (w.guest.ip6 if ":" in to else w.guest.ip)
    kind, head = (f.IP6, f.ip6) if ":" in to else (f.IP, f.ip4)
    return [frame(w, kind, head(source, to, f.UDP, f.udp(source, to, ports, t)), mac, sender)]


def to_hosts() -> Iterator[Case]:
    for port in (22, 2379, PORT, 16509):
        yield Case(
            f"TCP {port} of the node, over an on-link route",
            lambda w, t, p=port: syn(w, t, w.node.ip, w.node.mac, p),
            (STACK, "node"),
        )
        yield Case(
            f"TCP {port} of storage, through the router",
            lambda w, t, p=port: syn(w, t, w.storage.ip, w.router.mac, p),
            (STACK, "storage"),
        )
    yield Case(
        "the node's storage address, over an on-link route",
        lambda w, t: syn(w, t, "10.0.2.11", w.node.mac, PORT),
        (STACK, "node"),
    )
    yield Case(
        "storage, through the node as a router",
        lambda w, t: syn(w, t, w.storage.ip, w.node.mac, PORT),
        (STACK, "storage"),
        only=SPLIT,
    )
    yield Case(
        "storage in the same segment, over an on-link route",
        lambda w, t: syn(w, t, w.storage.ip, w.storage.mac, PORT),
        (STACK, "storage"),
        only=FLAT,
    )
    yield Case(
        "another port of the host that has the allowed one",
        lambda w, t: syn(w, t, "10.0.2.10", w.router.mac, 22),
        (STACK, "storage"),
    )
    yield Case(
        "the allowed port of another host",
        lambda w, t: syn(w, t, w.storage.ip, w.router.mac, ONEGATE),
        (STACK, "storage"),
    )
    yield Case(
        "an unlisted address of a host",
        lambda w, t: datagram(w, t, "10.0.9.22", w.manager.mac),
        (STACK, "manager"),
    )
    yield Case(
        "ping of the node",
        lambda w, t: [w.packet(w.guest, w.node, f.ICMP, f.echo(t))],
        (STACK, "node"),
    )
    yield Case(
        "ping of storage",
        lambda w, t: [w.packet(w.guest, w.storage, f.ICMP, f.echo(t), mac=w.router.mac)],
        (STACK, "storage"),
    )
    yield Case(
        "an answer within a connection, to storage",
        lambda w, t: [
            frame(
                w,
                f.IP,
                f.ip4(w.guest.ip, w.storage.ip, f.TCP, f.tcp(w.guest.ip, w.storage.ip, (PORT, 40000), f.ACK, t)),
                w.router.mac,
            )
        ],
        (STACK, "storage"),
    )
    yield Case(
        "the first fragment of a datagram for storage",
        lambda w, t: [
            frame(
                w,
                f.IP,
                f.ip4(w.guest.ip, w.storage.ip, f.UDP, f.udp(w.guest.ip, w.storage.ip, (1, 7), t), fragment=0x2000),
                w.router.mac,
            )
        ],
        (CARD, "storage"),
    )
    yield Case(
        "a later fragment for the allowed port's host",
        lambda w, t: [
            frame(w, f.IP, f.ip4(w.guest.ip, "10.0.2.10", f.TCP, t + b"\0" * 32, fragment=0x2001), w.router.mac)
        ],
        (CARD, "storage"),
    )


def spoofed() -> Iterator[Case]:
    yield Case(
        "a storage host's address, to the node",
        lambda w, t: datagram(w, t, w.node.ip, w.node.mac, source=w.storage.ip),
        (STACK, "node"),
    )
    yield Case(
        "a manager's address, to the node",
        lambda w, t: datagram(w, t, w.node.ip, w.node.mac, source=w.manager.ip),
        (STACK, "node"),
    )
    yield Case(
        "a manager's address, through the node to storage",
        lambda w, t: datagram(w, t, w.storage.ip, w.node.mac, source=w.manager.ip),
        (STACK, "storage"),
        only=SPLIT,
    )
    yield Case(
        "a storage host's address, to the outside",
        lambda w, t: datagram(w, t, INTERNET, w.router.mac, source=w.storage.ip),
        (CARD, "wire"),
    )
    yield Case(
        "a foreign address, to storage",
        lambda w, t: datagram(w, t, w.storage.ip, w.router.mac, source="203.0.113.9"),
        (STACK, "storage"),
    )
    yield Case(
        "the gateway's address, to a guest elsewhere",
        lambda w, t: datagram(w, t, w.far.ip, w.far.mac, source="10.0.3.1"),
        (STACK, "far"),
    )
    yield Case(
        "no address at all, to the outside",
        lambda w, t: datagram(w, t, INTERNET, w.router.mac, source="0.0.0.0"),
        (CARD, "wire"),
    )
    yield Case(
        "a segment slipped into a connection of node and storage",
        lambda w, t: syn(w, t, w.node.ip, w.node.mac, PORT, source=w.storage.ip),
        (STACK, "node"),
    )
    yield Case(
        "source routing",
        lambda w, t: [
            frame(
                w,
                f.IP,
                f.ip4(
                    w.guest.ip,
                    INTERNET,
                    f.UDP,
                    f.udp(w.guest.ip, INTERNET, (1, 7), t),
                    options=bytes([131, 7, 4]) + f.address_bytes(w.storage.ip),
                ),
                w.router.mac,
            )
        ],
        (CARD, "wire"),
    )


def tagged() -> Iterator[Case]:
    for name, tags in VLANS.items():
        yield Case(
            f"{name}, to the node",
            lambda w, t, tags=tags: syn(w, t, w.node.ip, w.node.mac, PORT, tags=tags),
            (STACK, "node"),
        )
        yield Case(
            f"{name}, to an unlisted address of a host",
            lambda w, t, tags=tags: syn(w, t, "10.0.9.22", w.manager.mac, PORT, tags=tags),
            (STACK, "manager"),
        )
        yield Case(
            f"{name}, a host's address to the node",
            lambda w, t, tags=tags: syn(w, t, w.node.ip, w.node.mac, PORT, source=w.manager.ip, tags=tags),
            (STACK, "node"),
        )
    yield Case(
        "a frame of VLAN 100",
        lambda w, t: syn(w, t, INTERNET, UNLISTED_MAC, PORT, tags=((f.VLAN, 100),)),
        (CARD, "wire"),
    )
    for name, kind in {"RoCE": 0x8915, "PPPoE": 0x8863, "LLDP": 0x88CC, "FCoE": 0x8906, "802.1X": 0x888E}.items():
        yield Case(
            f"{name} to a host that nobody declared",
            lambda w, t, kind=kind: [frame(w, kind, t + b"\0" * 40, UNLISTED_MAC)],
            (CARD, "wire"),
        )
        yield Case(
            f"{name} to a host",
            lambda w, t, kind=kind: [frame(w, kind, t + b"\0" * 40, w.manager.mac)],
            (CARD, "manager"),
        )
    yield Case(
        "LLC, as STP and others use",
        lambda w, t: [frame(w, len(t) + 3, b"\x42\x42\x03" + t, UNLISTED_MAC)],
        (CARD, "wire"),
    )
    yield Case(
        "RoCE as a broadcast, to the node",
        lambda w, t: [frame(w, 0x8915, t + b"\0" * 40)],
        (CARD, "node"),
    )


def claimed() -> Iterator[Case]:
    def answer(address: str, about: str = "10.0.3.1", mac: str = f.BROADCAST, hardware: str = "") -> Frames:
        return lambda w, t: [
            frame(
                w,
                f.ARP,
                f.arp(f.REPLY, (hardware or w.guest.mac, address.format(w=w)), (f.BROADCAST, about.format(w=w))),
                mac.format(w=w),
            )
        ]

    yield Case("ARP: storage's address, to the node", answer("{w.storage.ip}"), (NEIGHBOUR, "node", "{w.storage.ip}"))
    yield Case(
        "ARP: storage's address, to the node alone",
        answer("{w.storage.ip}", "{w.node.ip}", "{w.node.mac}"),
        (NEIGHBOUR, "node", "{w.storage.ip}"),
    )
    yield Case("ARP: the node's address, to a host", answer("{w.node.ip}"), (NEIGHBOUR, "manager", "{w.node.ip}"))
    yield Case(
        "ARP: the node's address, asked of a host for a host",
        lambda w, t: [frame(w, f.ARP, f.arp(f.REQUEST, (w.guest.mac, w.node.ip), ("00:00:00:00:00:00", w.manager.ip)))],
        (NEIGHBOUR, "manager", "{w.node.ip}"),
    )
    yield Case("ARP: the gateway's address", answer("10.0.3.1", "{w.far.ip}"), (NEIGHBOUR, "far", "10.0.3.1"))
    yield Case("ARP: the gateway's address, gratuitous", answer("10.0.3.1", "10.0.3.1"), (NEIGHBOUR, "far", "10.0.3.1"))
    yield Case(
        "ARP: an own address behind a host's MAC",
        answer("{w.guest.ip}", hardware="02:00:00:00:00:22"),
        (CARD, "router"),
    )
    yield Case(
        "ARP: an own address behind a foreign MAC", answer("{w.guest.ip}", hardware=UNLISTED_MAC), (CARD, "router")
    )
    yield Case(
        "ARP: who has storage's address",
        lambda w, t: [frame(w, f.ARP, f.arp(f.REQUEST, (w.guest.mac, w.guest.ip), (f.BROADCAST, w.storage.ip)))],
        (CARD, "wire"),
    )
    yield Case(
        "ARP: a probe for storage's address",
        lambda w, t: [frame(w, f.ARP, f.arp(f.REQUEST, (w.guest.mac, "0.0.0.0"), (f.BROADCAST, w.storage.ip)))],
        (CARD, "wire"),
    )
    yield Case(
        "ARP of another hardware",
        lambda w, t: [
            frame(w, f.ARP, f.arp(f.REPLY, (w.guest.mac, w.storage.ip), (w.node.mac, w.node.ip), hardware=6))
        ],
        (CARD, "wire"),
    )
    yield Case(
        "ARP of another operation",
        lambda w, t: [frame(w, f.ARP, f.arp(9, (w.guest.mac, w.guest.ip), (f.BROADCAST, "10.0.3.1")))],
        (CARD, "wire"),
    )
    macs = {
        "storage": "52:54:00:00:00:21",
        "a host within the guests' range": "02:00:00:00:00:22",
        "the router": "52:54:00:00:00:01",
        "a foreign host": UNLISTED_MAC,
    }
    for name, mac in macs.items():
        yield Case(
            f"the MAC address of {name}",
            lambda w, t, mac=mac: [
                frame(
                    w,
                    f.IP,
                    f.ip4(w.guest.ip, INTERNET, f.UDP, f.udp(w.guest.ip, INTERNET, (1, 7), t)),
                    w.second.mac,
                    mac,
                )
            ],
            (LEARNT, mac),
        )


def broadcast() -> Iterator[Case]:
    for name, address in {"everybody": "255.255.255.255", "all of its network": "10.0.3.255"}.items():
        yield Case(
            f"broadcast to {name}, to the outside",
            lambda w, t, address=address: datagram(w, t, address, f.BROADCAST),
            (CARD, "wire"),
        )
        yield Case(
            f"broadcast to {name}, to the node",
            lambda w, t, address=address: datagram(w, t, address, f.BROADCAST),
            (CARD, "node"),
        )
    yield Case(
        "a broadcast to the node's storage network",
        lambda w, t: datagram(w, t, "10.0.2.255", f.BROADCAST),
        (CARD, "wire"),
    )
    yield Case(
        "a frame to all with the address of one",
        lambda w, t: datagram(w, t, "10.0.9.22", f.BROADCAST),
        (CARD, "manager"),
    )
    yield Case(
        "a frame to one with the address of all",
        lambda w, t: datagram(w, t, "255.255.255.255", w.router.mac),
        (STACK, "router"),
    )
    yield Case(
        "a frame to a host with the address of all",
        lambda w, t: datagram(w, t, "255.255.255.255", w.manager.mac),
        (STACK, "manager"),
    )
    yield Case(
        "multicast to the outside",
        lambda w, t: datagram(w, t, "239.1.2.3", f.group_mac("239.1.2.3")),
        (CARD, "wire"),
    )
    yield Case(
        "another protocol to the group of VRRP",
        lambda w, t: datagram(w, t, "224.0.0.18", f.group_mac("224.0.0.18")),
        (CARD, "wire"),
    )
    yield Case(
        "a DHCP server's offer to other nodes",
        lambda w, t: datagram(w, t, "255.255.255.255", f.BROADCAST, ports=(67, 68)),
        (CARD, "wire"),
    )


def flooded() -> Iterator[Case]:
    """What a guest must not see. The frames are those of others."""
    yield Case(
        "storage traffic that the bridge floods",
        lambda w, t: datagram(w, t, "192.0.2.9", UNLISTED_MAC, "192.0.2.8", sender=w.router.mac),
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "a frame for a host within the guests' range",
        lambda w, t: datagram(w, t, "192.0.2.9", w.manager.mac, "192.0.2.8", sender=w.router.mac),
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "a broadcast of a host",
        lambda w, t: datagram(w, t, "255.255.255.255", f.BROADCAST, "10.0.9.22", sender=w.manager.mac),
        (CARD, "guest"),
        "manager",
    )
    yield Case(
        "ARP of the node",
        lambda w, t: [
            frame(w, f.ARP, f.arp(f.REQUEST, (w.node.mac, w.node.ip), (f.BROADCAST, w.manager.ip)), sender=w.node.mac)
        ],
        (CARD, "guest"),
        "node",
    )
    yield Case(
        "ARP of a protected network, by the router",
        lambda w, t: [
            frame(
                w, f.ARP, f.arp(f.REQUEST, (w.router.mac, "10.0.4.1"), (f.BROADCAST, "10.0.4.7")), sender=w.router.mac
            )
        ],
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "a frame of another protocol from outside",
        lambda w, t: [frame(w, 0x88CC, t + b"\0" * 40, sender=w.router.mac)],
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "a tagged frame from outside",
        lambda w, t: [frame(w, f.IP, t + b"\0" * 40, sender=w.router.mac, tags=((f.VLAN, 100),))],
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "storage that speaks to a guest, through the router",
        lambda w, t: [
            f.ether(
                w.guest.mac,
                w.router.mac,
                f.IP,
                f.ip4(w.storage.ip, w.guest.ip, f.UDP, f.udp(w.storage.ip, w.guest.ip, (1, 7), t)),
            )
        ],
        (STACK, "guest"),
        "router",
    )


def elsewhere() -> Iterator[Case]:
    """Guests of other nodes, which come over the uplink or another card."""
    yield Case(
        "a guest elsewhere, to the node through the router",
        lambda w, t: [w.packet(w.far, w.node, f.UDP, f.udp(w.far.ip, w.node.ip, (1, 7), t), mac=w.router.mac)],
        (STACK, "node"),
        "far",
    )
    yield Case(
        "a guest elsewhere, to the node's storage address through the router",
        lambda w, t: [
            w.packet(w.far, w.node, f.UDP, f.udp(w.far.ip, "10.0.2.11", (1, 7), t), mac=w.router.mac, to="10.0.2.11")
        ],
        (STACK, "node"),
        "far",
    )
    yield Case(
        "a guest elsewhere, to the node over an on-link route",
        lambda w, t: [w.packet(w.far, w.node, f.TCP, f.tcp(w.far.ip, w.node.ip, (1, PORT), f.SYN, t))],
        (STACK, "node"),
        "far",
    )
    yield Case(
        "a guest elsewhere, through the node to storage",
        lambda w, t: [w.packet(w.far, w.storage, f.UDP, f.udp(w.far.ip, w.storage.ip, (1, 7), t), mac=w.node.mac)],
        (STACK, "storage"),
        "far",
        SPLIT,
    )
    yield Case(
        "IPv6: a guest elsewhere, to the node over an on-link route",
        lambda w, t: [w.packet6(w.far, w.node, f.UDP, f.udp(w.far.ip6, w.node.ip6, (1, 7), t))],
        (STACK, "node"),
        "far",
    )
    yield Case(
        "IPv6: a guest elsewhere, through the node to storage",
        lambda w, t: [w.packet6(w.far, w.storage, f.UDP, f.udp(w.far.ip6, w.storage.ip6, (1, 7), t), mac=w.node.mac)],
        (STACK, "storage"),
        "far",
        SPLIT,
    )


def family6() -> Iterator[Case]:
    for port in (22, PORT):
        yield Case(
            f"IPv6: TCP {port} of the node, over its link-local address",
            lambda w, t, p=port: syn(w, t, w.node.link_local, w.node.mac, p, source=w.guest.link_local),
            (STACK, "node"),
        )
        yield Case(
            f"IPv6: TCP {port} of a host, over its link-local address",
            lambda w, t, p=port: syn(w, t, w.manager.link_local, w.manager.mac, p, source=w.guest.link_local),
            (STACK, "manager"),
        )
    yield Case(
        "IPv6: the node, over an on-link route",
        lambda w, t: syn(w, t, w.node.ip6, w.node.mac, PORT),
        (STACK, "node"),
    )
    yield Case(
        "IPv6: storage, through the router",
        lambda w, t: syn(w, t, w.storage.ip6, w.router.mac, PORT),
        (STACK, "storage"),
    )
    yield Case(
        "IPv6: storage's address, to the outside",
        lambda w, t: datagram(w, t, INTERNET6, w.router.mac, source=w.storage.ip6),
        (CARD, "wire"),
    )
    yield Case(
        "IPv6: the gateway's address, to a guest elsewhere",
        lambda w, t: datagram(w, t, w.far.ip6, w.far.mac, source="2001:db8:3::1"),
        (STACK, "far"),
    )
    yield Case(
        "IPv6: a router's advertisement gives a host an address",
        lambda w, t: [frame(w, f.IP6, f.router_advert(w.guest.link_local, "2001:db8:bad::"), f.group_mac(f.ALL_NODES))],
        (ADDRESS, "manager", "2001:db8:bad:"),
    )
    yield Case(
        "IPv6: a router's advertisement to another guest",
        lambda w, t: [frame(w, f.IP6, f.router_advert(w.guest.link_local, "2001:db8:bad::"), w.second.mac)],
        (CARD, "second"),
    )
    yield Case(
        "IPv6: a redirect to another guest",
        lambda w, t: [
            frame(
                w,
                f.IP6,
                f.ip6(
                    w.guest.link_local,
                    w.second.ip6,
                    f.ICMP6,
                    f.icmp6(w.guest.link_local, w.second.ip6, f.REDIRECT, b"\0" * 4 + f.address_bytes(INTERNET6) * 2),
                    hops=255,
                ),
                w.second.mac,
            )
        ],
        (CARD, "second"),
    )
    yield Case(
        "IPv6: a DHCP server's advertisement",
        lambda w, t: datagram(w, t, w.second.ip6, w.second.mac, ports=(547, 546)),
        (STACK, "second"),
    )

    def advert(about: str, to: str, mac: str, kind: int = f.NEIGHBOUR_ADVERT) -> Frames:
        return lambda w, t: [
            frame(
                w,
                f.IP6,
                f.neighbour(w.guest.ip6, to.format(w=w), kind, about.format(w=w), w.guest.mac),
                mac.format(w=w),
            )
        ]

    everybody = f.group_mac(f.ALL_NODES)
    yield Case(
        "IPv6: claims the gateway's address",
        advert("2001:db8:3::1", "{w.far.ip6}", "{w.far.mac}"),
        (CARD, "far"),
    )
    yield Case(
        "IPv6: claims storage's address",
        advert("{w.storage.ip6}", f.ALL_NODES, everybody),
        (CARD, "wire"),
    )
    yield Case(
        "IPv6: claims a host's address, to the node",
        advert("{w.manager.ip6}", f.ALL_NODES, everybody),
        (NEIGHBOUR, "node", "{w.manager.ip6}"),
    )
    yield Case(
        "IPv6: asks who has storage's address",
        advert("{w.storage.ip6}", "ff02::1:ff00:21", f.group_mac("ff02::1:ff00:21"), f.NEIGHBOUR_SOLICIT),
        (CARD, "wire"),
    )
    yield Case(
        "IPv6: claims a link-local address of all",
        advert("{w.manager.link_local}", f.ALL_NODES, everybody),
        (CARD, "wire"),
    )
    yield Case(
        "IPv6: a routing header",
        lambda w, t: [
            frame(
                w,
                f.IP6,
                f.ip6(
                    w.guest.ip6,
                    INTERNET6,
                    f.ROUTING,
                    struct.pack("!BBBBI", f.NO_NEXT, 2, 0, 1, 0) + f.address_bytes(w.storage.ip6) + t,
                ),
                w.router.mac,
            )
        ],
        (CARD, "wire"),
    )
    yield Case(
        "IPv6: storage that speaks to a guest, through the router",
        lambda w, t: [
            f.ether(
                w.guest.mac,
                w.router.mac,
                f.IP6,
                f.ip6(w.storage.ip6, w.guest.ip6, f.UDP, f.udp(w.storage.ip6, w.guest.ip6, (1, 7), t)),
            )
        ],
        (STACK, "guest"),
        "router",
    )
    yield Case(
        "IPv6: multicast to the outside",
        lambda w, t: datagram(w, t, "ff02::4242", f.group_mac("ff02::4242")),
        (CARD, "wire"),
    )


ATTACKS = tuple(
    case for group in (to_hosts, spoofed, tagged, claimed, broadcast, flooded, elsewhere, family6) for case in group()
)
