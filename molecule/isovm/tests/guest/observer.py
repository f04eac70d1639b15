# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the node: which of the given tokens arrive, and where, until those that have to arrive came several times.

usage: observer.py BRIDGE UPLINK MAC SECOND_MAC PORT SECONDS < {"where": {"token in hex": "place"}, "kept": [...]}
"""

from __future__ import annotations

import json
import os
import select
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "collections"))

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probe_guest import (  # noqa: E402
    ProbeGuest,
    drain,
    node_sockets,
    packet_socket,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import (  # noqa: E402
    NODE,
    OUTSIDE,
    SECOND,
    SYN_PORT,
)

ROUNDS = 3


def main() -> None:
    bridge, uplink, mac, second_mac, port, seconds = sys.argv[1:]
    asked = json.load(sys.stdin)
    where = {bytes.fromhex(token): place for token, place in asked["where"].items()}
    kept = [bytes.fromhex(token) for token in asked["kept"]]
    second = ProbeGuest("kvmprobe2", bridge, second_mac)
    try:
        places = {
            NODE: node_sockets(SYN_PORT, int(port)),
            OUTSIDE: [packet_socket(uplink, (mac, "52:54:00:4b:56:43"))],
            SECOND: [second.socket],
        }
        seen = dict.fromkeys(where, 0)
        deadline = time.monotonic() + float(seconds)
        while time.monotonic() < deadline and not all(seen[token] >= ROUNDS for token in kept):
            select.select([one for group in places.values() for one in group], [], [], 1)
            for place, sockets in places.items():
                for data in (data for one in sockets for data in drain(one, outgoing=place == OUTSIDE)):
                    for token, its in where.items():
                        seen[token] += its == place and token in data
        print(json.dumps({token.hex(): count for token, count in seen.items()}))
    finally:
        second.close()


main()
