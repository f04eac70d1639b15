# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash that SMB keeps of a password: MD4 of its UTF-16, which OpenSSL 3 no longer offers by default.

It is here to tell whether a password is the declared one, not to protect anything.
"""

from __future__ import annotations

import struct

WORD = 0xFFFFFFFF
# Of each of the three rounds of RFC 1320: what it adds, the order of words, and by how much it rotates.
ROUNDS = (
    (0x00000000, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), (3, 7, 11, 19)),
    (0x5A827999, (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13)),
    (0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
)
MIXES = (
    lambda x, y, z: (x & y) | (~x & z),
    lambda x, y, z: (x & y) | (x & z) | (y & z),
    lambda x, y, z: x ^ y ^ z,
)


def nt_hash(password: str) -> str:
    """Upper-case hexadecimal digits, as pdbedit prints them."""
    return md4(password.encode("utf-16-le")).hex().upper()


def md4(data: bytes) -> bytes:
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8 & 0xFFFFFFFFFFFFFFFF)
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for start in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[start : start + 64])
        a, b, c, d = state
        for (added, order, rotations), mix in zip(ROUNDS, MIXES):
            for step, index in enumerate(order):
                turned = (a + mix(b, c, d) + words[index] + added) & WORD
                by = rotations[step % 4]
                a, b, c, d = d, (turned << by | turned >> (32 - by)) & WORD, b, c
        state = tuple((one + other) & WORD for one, other in zip(state, (a, b, c, d)))  # type: ignore[assignment]
    return struct.pack("<4I", *state)
