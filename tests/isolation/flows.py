# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must go on working: guests among themselves and with the outside, the node with storage and its managers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

from cases import CARD, INTERNET, INTERNET6, STACK, Case, datagram, frame
from world import FLAT, ONEGATE, PORT, SPLIT

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f


@dataclass(frozen=True)
class Connection:
    """A real one, of two kernels, that ask for their neighbours themselves."""

    name: str
    who: str
    to: str
    address: str
    port: int = PORT
    only: str = ""


def connections() -> Iterator[Connection]:
    yield Connection("guest to another guest of its node", "guest", "second", "{w.second.ip}")
    yield Connection("guest to a guest elsewhere", "guest", "far", "{w.far.ip}")
    yield Connection("a guest elsewhere to a guest", "far", "guest", "{w.guest.ip}")
    yield Connection("guest to its gateway", "guest", "router", "10.0.3.1")
    yield Connection("guest to the outside", "guest", "router", INTERNET)
    yield Connection("the outside to a guest", "router", "guest", "{w.guest.ip}")
    yield Connection("IPv6: guest to another guest", "guest", "second", "{w.second.ip6}")
    yield Connection("IPv6: guest to a guest elsewhere", "guest", "far", "{w.far.ip6}")
    yield Connection("IPv6: a guest elsewhere to a guest", "far", "guest", "{w.guest.ip6}")
    yield Connection("IPv6: guest to the outside", "guest", "router", INTERNET6)
    yield Connection("IPv6: the outside to a guest", "router", "guest", "{w.guest.ip6}")
    yield Connection("the node to storage", "node", "storage", "{w.storage.ip}")
    yield Connection("storage to the node", "storage", "node", "10.0.2.11", only=SPLIT)
    yield Connection("storage to the node", "storage", "node", "{w.node.ip}", only=FLAT)
    yield Connection("IPv6: the node to storage", "node", "storage", "{w.storage.ip6}")
    yield Connection("SSH of a manager to the node", "manager", "node", "{w.node.ip}", 22)
    yield Connection("SSH of the controller, behind the router, to the node", "router", "node", "{w.node.ip}", 22)
    yield Connection("the node to a manager", "node", "manager", "{w.manager.ip}")
    yield Connection("the node to the outside", "node", "router", INTERNET)
    yield Connection("a manager to storage", "manager", "storage", "{w.storage.ip}")


def onegate() -> Iterator[Connection]:
    """The one port of a protected network that is declared to be open."""
    yield Connection("guest to OneGate, the one allowed port", "guest", "storage", "10.0.2.10", ONEGATE)
    yield Connection("a guest elsewhere to OneGate", "far", "storage", "10.0.2.10", ONEGATE)


def packets() -> Iterator[Case]:
    ping = "ping of {}"
    for name, to in {"its gateway": "router", "another guest": "second", "a guest elsewhere": "far"}.items():
        yield Case(
            ping.format(name),
            lambda w, t, to=to: [w.packet(w.guest, w.actors[to], f.ICMP, f.echo(t))],
            (CARD, "guest"),  # the answer
        )
    for name, to, address in (("the outside", "router", INTERNET),):
        yield Case(
            ping.format(name),
            lambda w, t, to=to, address=address: [w.packet(w.guest, w.router, f.ICMP, f.echo(t), to=address)],
            (CARD, "guest"),
        )
    yield Case("UDP to another guest", lambda w, t: datagram(w, t, w.second.ip, w.second.mac), (STACK, "second"))
    yield Case("UDP to a guest elsewhere", lambda w, t: datagram(w, t, w.far.ip, w.far.mac), (STACK, "far"))
    yield Case(
        "a large datagram in fragments",
        lambda w, t: [
            w.packet(w.guest, w.far, f.UDP, b"")[:14] + f.ip4(w.guest.ip, w.far.ip, f.UDP, part, fragment=offset)
            for part, offset in _halves(f.udp(w.guest.ip, w.far.ip, (1, 7), b"x" * 1472 + t))
        ],
        (STACK, "far"),
    )
    yield Case(
        "DHCP: who gives me an address",
        lambda w, t: datagram(w, t, "255.255.255.255", f.BROADCAST, source="0.0.0.0", ports=(68, 67)),
        (STACK, "router"),
    )
    yield Case(
        "DHCP: the same of the node, whose service is declared",
        lambda w, t: datagram(w, t, "255.255.255.255", f.BROADCAST, source="0.0.0.0", ports=(68, 67)),
        (STACK, "node"),
    )
    yield Case(
        "DHCP: the offer as a broadcast",
        lambda w, t: datagram(w, t, "255.255.255.255", f.BROADCAST, "10.0.3.1", (67, 68), w.router.mac),
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "DHCP: the offer to the guest alone",
        lambda w, t: datagram(w, t, w.guest.ip, w.guest.mac, "10.0.3.1", (67, 68), w.router.mac),
        (STACK, "guest"),
        "router",
    )
    yield Case(
        "DHCP: renewal",
        lambda w, t: datagram(w, t, "10.0.3.1", w.router.mac, ports=(68, 67)),
        (STACK, "router"),
    )
    yield Case(
        "VRRP to its group",
        lambda w, t: [frame(w, f.IP, f.ip4(w.guest.ip, "224.0.0.18", 112, t), f.group_mac("224.0.0.18"))],
        (CARD, "far"),
    )
    yield Case(
        "VRRP of a guest elsewhere",
        lambda w, t: [
            frame(w, f.IP, f.ip4(w.far.ip, "224.0.0.18", 112, t), f.group_mac("224.0.0.18"), sender=w.far.mac)
        ],
        (CARD, "guest"),
        "far",
    )
    yield Case(
        "multicast among guests of one node",
        lambda w, t: datagram(w, t, "239.1.2.3", f.group_mac("239.1.2.3")),
        (CARD, "second"),
    )
    yield Case(
        "membership of a group, with router alert",
        lambda w, t: [
            frame(w, f.IP, f.ip4(w.guest.ip, "224.0.0.22", 2, t, options=b"\x94\x04\0\0"), f.group_mac("224.0.0.22"))
        ],
        (CARD, "second"),
    )
    yield Case(
        "QEMU's announcement of a guest that was migrated",
        lambda w, t: [frame(w, f.RARP, f.arp(3, (w.guest.mac, "0.0.0.0"), (w.guest.mac, "0.0.0.0")))],
        (CARD, "wire"),
    )
    yield Case(
        "ARP: a guest's probe of its own address",
        lambda w, t: [frame(w, f.ARP, f.arp(f.REQUEST, (w.guest.mac, "0.0.0.0"), ("00:00:00:00:00:00", w.guest.ip)))],
        (CARD, "wire"),
    )
    yield Case(
        "ARP: a guest's announcement of its own address",
        lambda w, t: [frame(w, f.ARP, f.arp(f.REQUEST, (w.guest.mac, w.guest.ip), ("00:00:00:00:00:00", w.guest.ip)))],
        (CARD, "far"),
    )
    yield Case(
        "ARP: the router asks for a guest",
        lambda w, t: [
            frame(
                w, f.ARP, f.arp(f.REQUEST, (w.router.mac, "10.0.3.1"), (f.BROADCAST, w.guest.ip)), sender=w.router.mac
            )
        ],
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "a router tells a guest that its packet was too big",
        lambda w, t: [
            f.ether(w.guest.mac, w.router.mac, f.IP, f.ip4("10.0.3.1", w.guest.ip, f.ICMP, b"\3\4\0\0\0\0\5\xdc" + t))
        ],
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "IPv6: the router's advertisement to guests",
        lambda w, t: [
            frame(
                w,
                f.IP6,
                f.router_advert(w.router.link_local, "2001:db8:3::"),
                f.group_mac(f.ALL_NODES),
                sender=w.router.mac,
            )
        ],
        (CARD, "guest"),
        "router",
    )
    yield Case(
        "IPv6: a guest asks for routers",
        lambda w, t: [
            frame(
                w,
                f.IP6,
                f.ip6(
                    w.guest.link_local,
                    "ff02::2",
                    f.ICMP6,
                    f.icmp6(w.guest.link_local, "ff02::2", f.ROUTER_SOLICIT, b"\0" * 4),
                    hops=255,
                ),
                f.group_mac("ff02::2"),
            )
        ],
        (CARD, "wire"),
    )
    yield Case(
        "IPv6: a guest asks for an address by DHCP",
        lambda w, t: datagram(w, t, "ff02::1:2", f.group_mac("ff02::1:2"), w.guest.link_local, (546, 547)),
        (CARD, "wire"),
    )
    yield Case(
        "IPv6: a host within the guests' range, to the node's link-local address",
        lambda w, t: [
            w.packet6(
                w.manager,
                w.node,
                f.UDP,
                f.udp(w.manager.link_local, w.node.link_local, (1, 7), t),
                source=w.manager.link_local,
                to=w.node.link_local,
            )
        ],
        (STACK, "node"),
        "manager",
    )
    yield Case(
        "the node's multicast to other hosts",
        lambda w, t: datagram(w, t, "239.9.9.9", f.group_mac("239.9.9.9"), w.node.ip, sender=w.node.mac),
        (CARD, "manager"),
        "node",
    )
    yield Case(
        "the node's ARP for a host",
        lambda w, t: [
            frame(w, f.ARP, f.arp(f.REQUEST, (w.node.mac, w.node.ip), (f.BROADCAST, w.manager.ip)), sender=w.node.mac)
        ],
        (CARD, "manager"),
        "node",
    )


def _halves(payload: bytes) -> list[tuple[bytes, int]]:
    """Two fragments, and what their field of flags and offset says."""
    return [(payload[:1480], 0x2000), (payload[1480:], 1480 // 8)]


FLOWS = tuple(packets())
CONNECTIONS = (*connections(), *onegate())
