# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel filters on bridges by nftables, and can tell there by which bridge a frame came.

The kernel itself is asked, by a batch that it examines and drops because nothing ends it, as `nft --check` does. So a
host can be asked that has no nft yet. Modules of the kernel that would be loaded for such rules are loaded for this.
"""

from __future__ import annotations

import errno
import socket
import struct

NETLINK_NETFILTER, SUBSYSTEM = 12, 10
BATCH_BEGIN, ERROR = 0x10, 2
NEW_TABLE, NEW_CHAIN, NEW_RULE = 0, 3, 6
REQUEST, ACKNOWLEDGE, CREATE, APPEND = 0x1, 0x4, 0x400, 0x800
NESTED = 0x8000
BRIDGE = 7  # the family
PREROUTING, EARLY = 0, -350
FIRST_REGISTER, NAME_OF_THE_BRIDGE = 1, 17  # `meta ibrname`
TABLE = "kvmcloud_asks"
OF_THE_CHAIN, OF_THE_RULE = 3, 4  # sequence numbers
SECONDS = 5


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("!i", value))


def _nested(kind: int, *attributes: bytes) -> bytes:
    return _attribute(kind | NESTED, b"".join(attributes))


def _message(kind: int, flags: int, sequence: int, family: int, resource: int, *attributes: bytes) -> bytes:
    body = struct.pack("!BBH", family, 0, resource) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, sequence, 0) + body


def question(family: int = BRIDGE, key: int = NAME_OF_THE_BRIDGE) -> bytes:
    """A table of the family, a chain as ours are, and a rule that asks for the bridge."""
    table = _text(1, TABLE)
    hook = _nested(4, _number(1, PREROUTING), _number(2, EARLY))
    asks = _nested(1, _text(1, "meta"), _nested(2, _number(1, FIRST_REGISTER), _number(2, key)))
    chain = (table, _text(3, "asks"), hook, _text(7, "filter"))
    rule = (table, _text(2, "asks"), _nested(4, asks))
    parts = ((NEW_TABLE, 0, (table,)), (NEW_CHAIN, 0, chain), (NEW_RULE, APPEND, rule))
    messages = [_message(BATCH_BEGIN, 0, 1, 0, SUBSYSTEM)]
    for sequence, (kind, more, attributes) in enumerate(parts, 2):
        flags = ACKNOWLEDGE | CREATE | more
        messages.append(_message(SUBSYSTEM << 8 | kind, flags, sequence, family, 0, *attributes))
    return b"".join(messages)


def errors(answer: bytes) -> dict[int, int]:
    """By sequence number what the kernel says of a message: 0, or the number of an error."""
    found = {}
    offset = 0
    while offset + 20 <= len(answer):
        length, kind, _flags, sequence, _port = struct.unpack_from("=IHHII", answer, offset)
        if kind == ERROR:
            found[sequence] = -struct.unpack_from("=i", answer, offset + 16)[0]
        offset += max(20, length + 3 & ~3)
    return found


def meaning(told: dict[int, int]) -> dict[str, bool | None]:
    """None: the kernel did not say, as to somebody who is not root."""
    if errno.EPERM in told.values() or not told:
        return {"loads": None, "tells_bridges": None}
    loads = told.get(OF_THE_CHAIN) == 0
    return {"loads": loads, "tells_bridges": loads and told.get(OF_THE_RULE) == 0}


def ask_kernel(asked: bytes | None = None) -> dict[str, bool | None]:
    told: dict[int, int] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
            kernel.settimeout(SECONDS)
            kernel.bind((0, 0))
            kernel.send(asked or question())
            while OF_THE_RULE not in told and errno.EPERM not in told.values():
                told.update(errors(kernel.recv(65536)))
    except OSError as problem:  # also that nothing came in time
        if problem.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
            return {"loads": False, "tells_bridges": False}  # a kernel without any nftables
    return meaning(told)
