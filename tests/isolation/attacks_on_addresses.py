# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks by addresses of IPv4: to hosts, under false addresses, as broadcasts, from elsewhere."""

from __future__ import annotations

from typing import Iterator

from cases import CARD, INTERNET, STACK, Case, datagram, frame, syn
from world import FLAT, ONEGATE, PORT, SPLIT

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f


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
    yield Case(
        "a DHCP server's offer to a guest alone",
        lambda w, t: datagram(w, t, w.far.ip, w.far.mac, ports=(67, 68)),
        (STACK, "far"),
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
    yield Case(
        "IPv6: a guest elsewhere, to the node's link-local address",
        lambda w, t: [
            w.packet6(
                w.far,
                w.node,
                f.TCP,
                f.tcp(w.far.link_local, w.node.link_local, (1, PORT), f.SYN, t),
                source=w.far.link_local,
                to=w.node.link_local,
            )
        ],
        (STACK, "node"),
        "far",
    )
