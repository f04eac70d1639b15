# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which OpenPGP keys a key file really holds, read without gpg (RFC 4880, RFC 9580).

Only what pinning needs: the packets of a transferable public key and the fingerprints of its primary keys. Nothing here
verifies a signature; apt does that with exactly the bytes that were read here (see `armored`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Iterator, NamedTuple


class KeyFileError(ValueError):
    """The data is no usable public key; the text says why."""


class PublicKey(NamedTuple):
    fingerprint: str
    version: int
    user_ids: tuple[str, ...]
    subkeys: tuple[str, ...]


SIGNATURE, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY, MARKER, TRUST, USER_ID, PUBLIC_SUBKEY, USER_ATTRIBUTE, PADDING = (
    2,
    5,
    6,
    7,
    10,
    12,
    13,
    14,
    17,
    21,
)
CARRIED_ALONG = (SIGNATURE, MARKER, TRUST, USER_ATTRIBUTE, PADDING)

ARMOR = re.compile(
    rb"-----BEGIN PGP (?P<kind>[A-Z ]+)-----[ \t]*\r?\n(?P<body>.*?)-----END PGP (?P=kind)-----", re.DOTALL
)


def normal_fingerprint(text: str) -> str:
    """'9739 7C3E ...' -> 40 (version 4) or 64 (version 5, 6) upper-case hex digits, or a sentence."""
    digits = re.sub(r"[\s:]", "", str(text)).upper()
    if digits.startswith("0X"):
        digits = digits[2:]
    if not re.match(r"^([0-9A-F]{40}|[0-9A-F]{64})$", digits):
        raise KeyFileError(
            f"{text!r} is not a full fingerprint: wanted 40 or 64 hex digits. "
            "A short key id can be forged; `gpg --show-keys --with-fingerprint FILE` prints the whole."
        )
    return digits


def read_keys(data: bytes) -> tuple[list[PublicKey], bytes]:
    """The primary keys in an armoured or binary key file, and the binary packets they were read from."""
    packets = dearmored(data)
    keys: list[PublicKey] = []
    for tag, body in read_packets(packets):
        if tag in (SECRET_KEY, SECRET_SUBKEY):
            raise KeyFileError("the file holds a private key; wanted is the public one (`gpg --export --armor KEY`)")
        if tag == PUBLIC_KEY:
            keys.append(PublicKey(fingerprint_of(body), body[0], (), ()))
        elif not keys:
            raise KeyFileError(f"the file begins with a packet of type {tag}, not with a public key")
        elif tag == PUBLIC_SUBKEY:
            keys[-1] = keys[-1]._replace(subkeys=(*keys[-1].subkeys, fingerprint_of(body)))
        elif tag == USER_ID:
            keys[-1] = keys[-1]._replace(user_ids=(*keys[-1].user_ids, body.decode("utf-8", "replace")))
        elif tag not in CARRIED_ALONG:
            raise KeyFileError(f"the file holds a packet of type {tag}, which does not belong into a public key")
    if not keys:
        raise KeyFileError("the file holds no public key")
    return keys, packets


def dearmored(data: bytes) -> bytes:
    """The binary packets of all armour blocks; binary data is returned as it is."""
    if data[:1] and data[0] & 0x80:
        return data
    blocks = list(ARMOR.finditer(data))
    if not blocks:
        start = data.lstrip()[:15].decode("ascii", "replace")
        raise KeyFileError(f"it is neither an armoured nor a binary OpenPGP key; it begins with {start!r}")
    result = b""
    for block in blocks:
        kind = block.group("kind").decode("ascii")
        if "PRIVATE" in kind:
            raise KeyFileError("the file holds a private key; wanted is the public one (`gpg --export --armor KEY`)")
        if kind != "PUBLIC KEY BLOCK":
            raise KeyFileError(f"the file holds a PGP {kind}; wanted is a PUBLIC KEY BLOCK")
        result += _decoded(block.group("body"))
    return result


def _decoded(body: bytes) -> bytes:
    lines = [line.strip() for line in body.splitlines()]
    # Armour headers ("Version: ...") end at the first empty line; without headers it comes at once.
    if b"" in lines and all(not line or b":" in line for line in lines[: lines.index(b"")]):
        lines = lines[lines.index(b"") + 1 :]
    checksum = None
    if len(lines) > 1 and lines[-1].startswith(b"=") and len(lines[-1]) == 5:
        checksum = lines.pop()[1:]
    try:
        binary = base64.b64decode(b"".join(lines), validate=True)
        wanted = None if checksum is None else base64.b64decode(checksum, validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyFileError("its armour is damaged (not base64)") from error
    if wanted is not None and wanted != crc24(binary).to_bytes(3, "big"):
        raise KeyFileError("its armour is damaged (the checksum differs)")
    return binary


def crc24(data: bytes) -> int:
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _bit in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc & 0xFFFFFF


def armored(packets: bytes) -> bytes:
    """Exactly these packets as one armour block, so that what apt reads is what was checked and nothing around it."""
    text = base64.b64encode(packets)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    checksum = b"=" + base64.b64encode(crc24(packets).to_bytes(3, "big"))
    return b"\n".join(
        [b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"", *lines, checksum, b"-----END PGP PUBLIC KEY BLOCK-----", b""]
    )


def read_packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        tag, length, position = _header(data, position)
        if position + length > len(data):
            raise KeyFileError("the file is cut off in the middle of a packet")
        yield tag, data[position : position + length]
        position += length


def _header(data: bytes, position: int) -> tuple[int, int, int]:
    """(packet type, length of the body, position of the body)."""
    first = data[position]
    position += 1
    if not first & 0x80:
        raise KeyFileError("the file is damaged: a packet header was expected and not found")
    try:
        if not first & 0x40:  # the old format, which gpg still writes for keys
            width = 1 << (first & 0x03)
            if width == 8:
                raise KeyFileError("a packet has no length; such a file is no key")
            if position + width > len(data):
                raise IndexError
            length = int.from_bytes(data[position : position + width], "big")
            return (first >> 2) & 0x0F, length, position + width
        octet = data[position]
        if octet < 192:
            return first & 0x3F, octet, position + 1
        if octet < 224:
            return first & 0x3F, ((octet - 192) << 8) + data[position + 1] + 192, position + 2
        if octet == 255:
            if position + 5 > len(data):
                raise IndexError
            return first & 0x3F, int.from_bytes(data[position + 1 : position + 5], "big"), position + 5
    except IndexError:
        raise KeyFileError("the file is cut off in the middle of a packet") from None
    raise KeyFileError("a packet comes in parts; such a file is no key")


def fingerprint_of(body: bytes) -> str:
    """Fingerprint of a key packet: SHA-1 for version 4, SHA-256 for versions 5 and 6."""
    version = body[0] if body else 0
    if version == 4:
        if len(body) > 0xFFFF:
            raise KeyFileError("a version 4 key packet is longer than its format allows")
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
    if version in (5, 6):
        prefix = b"\x9a" if version == 5 else b"\x9b"
        return hashlib.sha256(prefix + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise KeyFileError(f"the key has version {version}; versions 4, 5 and 6 can be pinned")


def refuse_unlisted(keys: list[PublicKey], listed: list[str], source: str) -> None:
    """Every primary key of the file must be one of those that the user listed by fingerprint."""
    wanted = [normal_fingerprint(entry) for entry in listed]
    strangers = [key for key in keys if key.fingerprint not in wanted]
    if strangers:
        found = "; ".join(f"{key.fingerprint} ({', '.join(key.user_ids) or 'no user id'})" for key in strangers)
        raise KeyFileError(
            f"The key of {source} is not the pinned one. Wanted: {', '.join(wanted)}. Found: {found}. Nothing was "
            "changed. Compare the fingerprint with the publisher's; list it only if the publisher says so elsewhere."
        )
