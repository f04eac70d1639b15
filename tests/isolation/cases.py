# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of an attack or a flow, and the frames that most of them are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from world import World

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f

# Where success is seen: on a card, in the IP stack behind the packet filter, in the neighbour table, in the addresses
# that a bridge has learnt, in the addresses that a host has got.
CARD, STACK, NEIGHBOUR, LEARNT, ADDRESS = "card", "stack", "neighbour", "learnt", "address"
Frames = Callable[[World, bytes], "list[bytes]"]
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
