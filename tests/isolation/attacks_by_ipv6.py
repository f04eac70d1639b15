# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks by IPv6, on whose own protocols for neighbours and routers everything depends."""

from __future__ import annotations

import struct
from typing import Iterator

from cases import ADDRESS, CARD, INTERNET6, NEIGHBOUR, STACK, Case, Frames, datagram, frame, syn
from world import PORT

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f


def redirect6(source: str, target: str) -> bytes:
    about = b"\0" * 4 + f.address_bytes(INTERNET6) * 2
    return f.ip6(source, target, f.ICMP6, f.icmp6(source, target, f.REDIRECT, about), hops=255)


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
        lambda w, t: [frame(w, f.IP6, redirect6(w.guest.link_local, w.second.ip6), w.second.mac)],
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
        advert("fe80::99", f.ALL_NODES, everybody),
        (CARD, "wire"),
    )
    for whose, victim in {"router": "far", "storage": "manager"}.items():
        yield Case(
            f"IPv6: asks under the link-local address of the {whose}",
            lambda w, t, whose=whose, victim=victim: [
                frame(
                    w,
                    f.IP6,
                    f.neighbour(
                        w.actors[whose].link_local,
                        w.actors[victim].link_local,
                        f.NEIGHBOUR_SOLICIT,
                        w.actors[victim].link_local,
                        w.guest.mac,
                    ),
                    f.group_mac(f.ALL_NODES),
                )
            ],
            (NEIGHBOUR, victim, f"{{w.{whose}.link_local}}"),
        )
    yield Case(
        "IPv6: claims the link-local address of the router",
        advert("{w.router.link_local}", "{w.far.ip6}", "{w.far.mac}"),
        (NEIGHBOUR, "far", "{w.router.link_local}"),
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
    yield Case(
        "IPv6: a redirect of the router, past itself",
        lambda w, t: [frame(w, f.IP6, redirect6(w.router.link_local, w.guest.ip6), w.guest.mac, w.router.mac)],
        (CARD, "guest"),
        "router",
    )
