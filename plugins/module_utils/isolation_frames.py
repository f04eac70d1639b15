# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames, octet by octet, as an attacker makes them: the kernel would not send most of these."""

from __future__ import annotations

import ipaddress
import struct

IP, ARP, IP6, RARP, VLAN, QINQ = 0x0800, 0x0806, 0x86DD, 0x8035, 0x8100, 0x88A8
ICMP, TCP, UDP, ICMP6, ROUTING, NO_NEXT = 1, 6, 17, 58, 43, 59
SYN, ACK = 0x02, 0x10
BROADCAST = "ff:ff:ff:ff:ff:ff"
REQUEST, REPLY = 1, 2
ROUTER_SOLICIT, ROUTER_ADVERT, NEIGHBOUR_SOLICIT, NEIGHBOUR_ADVERT, REDIRECT = 133, 134, 135, 136, 137
ALL_NODES = "ff02::1"


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def address_bytes(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def group_mac(address: str) -> str:
    """The Ethernet group of a multicast address."""
    packed = address_bytes(address)
    octets = (
        b"\x33\x33" + packed[-4:] if len(packed) == 16 else b"\x01\x00\x5e" + bytes([packed[1] & 0x7F]) + packed[2:]
    )
    return octets.hex(":")


def ether(target: str, sender: str, kind: int, payload: bytes, tags: tuple[tuple[int, int], ...] = ()) -> bytes:
    """tags: pairs of protocol and VLAN, the outer one first."""
    head = mac_bytes(target) + mac_bytes(sender)
    return head + b"".join(struct.pack("!HH", *tag) for tag in tags) + struct.pack("!H", kind) + payload


def arp(operation: int, sender: tuple[str, str], target: tuple[str, str], hardware: int = 1) -> bytes:
    """sender and target: MAC and IPv4 address."""
    head = struct.pack("!HHBBH", hardware, IP, 6, 4, operation)
    return head + b"".join(mac_bytes(mac) + address_bytes(address) for mac, address in (sender, target))


def ip4(source: str, target: str, protocol: int, payload: bytes, options: bytes = b"", fragment: int = 0) -> bytes:
    """fragment: the whole field of flags and offset."""
    options += b"\0" * (-len(options) % 4)
    words, length = 5 + len(options) // 4, 20 + len(options) + len(payload)
    ends = address_bytes(source) + address_bytes(target)
    fields = [0x40 | words, 0, length, 0x4B56, fragment, 64, protocol, 0]
    fields[7] = checksum(struct.pack("!BBHHHBBH", *fields) + ends + options)
    return struct.pack("!BBHHHBBH", *fields) + ends + options + payload


def ip6(source: str, target: str, protocol: int, payload: bytes, hops: int = 64) -> bytes:
    head = struct.pack("!IHBB", 0x60000000, len(payload), protocol, hops)
    return head + address_bytes(source) + address_bytes(target) + payload


def _pseudo(source: str, target: str, protocol: int, length: int) -> bytes:
    ends = address_bytes(source) + address_bytes(target)
    return ends + struct.pack(
        "!BBH" if len(ends) == 8 else "!IHBB", *([0, protocol, length] if len(ends) == 8 else [length, 0, 0, protocol])
    )


def udp(source: str, target: str, ports: tuple[int, int], payload: bytes) -> bytes:
    length = 8 + len(payload)
    body = struct.pack("!HHHH", *ports, length, 0) + payload
    total = checksum(_pseudo(source, target, UDP, length) + body) or 0xFFFF
    return struct.pack("!HHHH", *ports, length, total) + payload


def tcp(source: str, target: str, ports: tuple[int, int], flags: int, payload: bytes = b"", number: int = 1) -> bytes:
    def head(total: int) -> bytes:
        return struct.pack("!HHIIBBHHH", *ports, number, 0, 5 << 4, flags, 64240, total, 0)

    return head(checksum(_pseudo(source, target, TCP, 20 + len(payload)) + head(0) + payload)) + payload


def echo(payload: bytes) -> bytes:
    body = struct.pack("!HH", 7, 7) + payload
    return struct.pack("!BBH", 8, 0, checksum(struct.pack("!BBH", 8, 0, 0) + body)) + body


def icmp6(source: str, target: str, kind: int, body: bytes) -> bytes:
    whole = _pseudo(source, target, ICMP6, 4 + len(body)) + struct.pack("!BBH", kind, 0, 0) + body
    return struct.pack("!BBH", kind, 0, checksum(whole)) + body


def neighbour(source: str, target: str, kind: int, about: str, mac: str) -> bytes:
    """A solicitation, or an advertisement that overrides; about: the address in question."""
    option = 1 if kind == NEIGHBOUR_SOLICIT else 2
    flags = 0 if kind == NEIGHBOUR_SOLICIT else 0x20000000
    body = struct.pack("!I", flags) + address_bytes(about) + struct.pack("!BB", option, 1) + mac_bytes(mac)
    return ip6(source, target, ICMP6, icmp6(source, target, kind, body), hops=255)


def router_advert(source: str, prefix: str, target: str = ALL_NODES) -> bytes:
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + address_bytes(prefix)
    body = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + option
    return ip6(source, target, ICMP6, icmp6(source, target, ROUTER_ADVERT, body), hops=255)
