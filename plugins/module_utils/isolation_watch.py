# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices that somebody changed the packet filter or plugged links, by what the kernel tells every listener.

`nft flush ruleset`, `iptables -F`, a reload of firewalld or ufw: all end in an event of nftables. Legacy iptables makes
none, so that a look without any event follows now and then.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Callable

NETLINK_ROUTE, NETLINK_NETFILTER, SOL_NETLINK, ADD_MEMBERSHIP = 0, 12, 270, 1
LINK_EVENTS, NFTABLES_EVENTS = 1, 7
LOOK_SECONDS = 30.0
SETTLE_SECONDS = 0.3  # a reload is many events; what is loaded in the middle of it would be lost again


def listeners() -> list[socket.socket]:
    found = []
    for protocol, group in ((NETLINK_NETFILTER, NFTABLES_EVENTS), (NETLINK_ROUTE, LINK_EVENTS)):
        one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        one.bind((0, 0))
        one.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        one.setblocking(False)
        found.append(one)
    return found


def drain(sockets: list[socket.socket]) -> None:
    for one in sockets:
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    one.recv(65536)
                except OSError as error:
                    if isinstance(error, BlockingIOError):
                        raise
                    # ENOBUFS: there were more events than could be kept, which is an event as well


def watch(look: Callable[[], None], rounds: int | None = None) -> None:
    """Look now, after each burst of events, and now and then without any."""
    sockets = listeners()
    while rounds is None or rounds > 0:
        drain(sockets)
        look()  # what it loads is an event as well, after which the next look finds nothing to do
        select.select(sockets, [], [], LOOK_SECONDS)
        for _again in range(10):  # at most three seconds, however busy the node is
            drain(sockets)
            if not select.select(sockets, [], [], SETTLE_SECONDS)[0]:
                break
        rounds = None if rounds is None else rounds - 1
