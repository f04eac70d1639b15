# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks below IP: tags, other protocols, claims by ARP and MAC addresses, and what a bridge floods."""

from __future__ import annotations

from typing import Iterator

from cases import CARD, INTERNET, LEARNT, NEIGHBOUR, STACK, Case, Frames, datagram, frame, syn
from world import PORT, UNLISTED_MAC

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f

VLANS = {
    "a priority tag": ((f.VLAN, 0),),
    "a priority tag of 802.1ad": ((f.QINQ, 0),),
    "two priority tags": ((f.QINQ, 0), (f.VLAN, 0)),
}


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
            frame(w, f.ARP, f.arp(f.REPLY, (w.guest.mac, w.guest.ip), (w.router.mac, "10.0.3.1"), hardware=6))
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


# Of LLDP, of STP, of 802.1X: what bridges keep for themselves.
RESERVED = {"LLDP": "01:80:c2:00:00:0e", "STP": "01:80:c2:00:00:00", "802.1X": "01:80:c2:00:00:03"}


def reserved() -> Iterator[Case]:
    """Frames to groups that a bridge passes on to its host without asking its packet filter, or before that learns."""
    for name, group in RESERVED.items():
        yield Case(
            f"the MAC address of storage, by a frame to the group of {name}",
            lambda w, t, group=group: [frame(w, 0x88CC, t + b"\0" * 40, group, w.storage.mac)],
            (LEARNT, "52:54:00:00:00:21"),
        )
        yield Case(
            f"UDP to the node, by a frame to the group of {name}",
            lambda w, t, group=group: datagram(w, t, w.node.ip, group, w.storage.ip),
            (STACK, "node"),
        )
    yield Case(
        "ARP: an entry in the node's table, by a frame to the group of LLDP",
        lambda w, t: [
            frame(
                w,
                f.ARP,
                f.arp(f.REQUEST, (w.guest.mac, "198.18.0.1"), ("00:00:00:00:00:00", w.node.ip)),
                RESERVED["LLDP"],
            )
        ],
        (NEIGHBOUR, "node", "198.18.0.1"),
    )
    yield Case(
        "IPv6: UDP to the node, by a frame to the group of LLDP",
        lambda w, t: datagram(w, t, w.node.ip6, RESERVED["LLDP"], w.guest.link_local),
        (STACK, "node"),
    )
    yield Case(
        "a host's MAC and address, by a frame to the group of 802.1X, to a service of the node",
        lambda w, t: datagram(w, t, w.node.ip, RESERVED["802.1X"], w.storage.ip, ports=(68, 67), sender=w.storage.mac),
        (STACK, "node"),
    )


def redirect(t: bytes) -> bytes:
    return b"\5\1\0\0" + f.address_bytes("10.0.2.10") + t


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
        "IPv6: multicast of a host",
        lambda w, t: datagram(w, t, f.ALL_NODES, f.group_mac(f.ALL_NODES), "2001:db8:9::22", sender=w.manager.mac),
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
        "ARP of a host, in no protected network",
        lambda w, t: [
            frame(
                w,
                f.ARP,
                f.arp(f.REQUEST, (w.manager.mac, "10.0.9.22"), (f.BROADCAST, "10.0.9.1")),
                sender=w.manager.mac,
            )
        ],
        (CARD, "guest"),
        "manager",
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

    yield Case(
        "a redirect of the router, past itself",
        lambda w, t: [f.ether(w.guest.mac, w.router.mac, f.IP, f.ip4("10.0.3.1", w.guest.ip, f.ICMP, redirect(t)))],
        (CARD, "guest"),
        "router",
    )
