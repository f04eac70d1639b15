# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule by which most frames pass makes it quicker and does nothing else: random frames meet the rules with it, and
those without.
"""

from __future__ import annotations

import random
import re
import socket
import struct
import time

import pytest

FRAMES = 6000
SO_RCVBUFFORCE = 33
GUEST, OTHER, ROUTER, HOST = "02:00:0a:00:03:05", "02:00:0a:00:03:06", "52:54:00:00:00:01", "52:54:00:00:00:11"
ALIKE = "02:00:00:00:00:22"  # a host whose MAC address begins as those of guests do
MACS = (
    GUEST,
    OTHER,
    ROUTER,
    HOST,
    ALIKE,
    "02:01:0a:00:03:05",
    "52:54:00:ee:ee:ee",
    "ff:ff:ff:ff:ff:ff",
    "01:00:5e:00:00:fb",
)
INSIDE = ("10.0.3.5", "10.0.3.6", "10.0.3.1", "10.0.3.255")
PROTECTED = ("10.0.2.0", "10.0.2.9", "10.0.2.255", "10.0.4.1")
OUTSIDE = (
    "10.0.1.255",
    "198.51.100.1",
    "0.0.0.0",
    "223.255.255.255",
    "224.0.0.1",
    "224.0.0.18",
    "240.0.0.1",
    "255.255.255.255",
)
UDP, TCP, ICMP, IGMP, GRE, VRRP = 17, 6, 1, 2, 47, 112
BRIDGE = {
    "name": "onebr0",
    "uplinks": ["eth0"],
    "guest_networks": ["10.0.3.0/24"],
    "gateways": ["10.0.3.1"],
    "gateway_macs": [ROUTER],
}
DECLARED = {
    "bridges": [BRIDGE],
    "protected_networks": ["10.0.2.0/24", "10.0.4.0/24"],
    "infrastructure_macs": [HOST, ALIKE],
    "allowed_destinations": [{"address": "10.0.2.9", "port": "tcp/5030"}],
    "local_services": ["udp/67"],
}


def octets(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", "")) if ":" in text else socket.inet_aton(text)


def random_frame(chance: random.Random, number: int) -> bytes:
    """Mostly nearly ordinary: what is wrong with a frame is one thing, or two."""

    def one_of(usual, *others):
        return usual if chance.random() < 0.75 else chance.choice(others)

    # No bridge takes frames that a group sends.
    macs = octets(one_of(OTHER, *MACS)) + octets(one_of(GUEST, *MACS[:-2]))
    addresses = [octets(one_of(usual, *INSIDE, *PROTECTED, *OUTSIDE)) for usual in INSIDE[:2]]
    words = one_of(5, 5, 6, 7, 15)
    protocol = one_of(TCP, UDP, ICMP, IGMP, GRE, VRRP)
    ports = struct.pack("!HH", chance.choice((68, 67, 5030, 40000)), chance.choice((67, 68, 5030, 80)))
    if protocol == ICMP:
        ports = struct.pack("!BBH", chance.choice((0, 3, 5, 8)), chance.choice((0, 1, 67)), 0)
    payload = (
        b"\0" * (words * 4 - 20) + ports + struct.pack("!IIHHHH", number, 0, 0x5010, 1024, 0, 0) + b"<%06d>" % number
    )
    head = struct.pack(
        "!BBHHHBB", 0x40 | words, 0, 20 + len(payload), number & 0xFFFF, one_of(0, 0x2000, 1, 0x2001), 9, protocol
    )
    packet = head + b"\0\0" + addresses[0] + addresses[1]
    total = sum(struct.unpack("!10H", packet))
    total = (total & 0xFFFF) + (total >> 16)
    packet = packet[:10] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + packet[12:]
    tags = one_of(b"", b"\x81\0\0\0", b"\x81\0\0\x64", b"\x88\xa8\0\0\x81\0\0\0")
    kind = one_of(b"\x08\0", b"\x08\x06", b"\x86\xdd", b"\x88\xcc", b"\x80\x35")
    return macs + tags + kind + packet + payload


class Between:
    """A guest's card and the uplink's other end; whatever passes the bridge is flooded to there."""

    def __init__(self, node) -> None:
        self.space = node.space
        self.space.links(
            "link add tap0 type veth peer name guest0",
            "link set tap0 master onebr0",
            *(f"link set {name} up" for name in ("tap0", "guest0", "eth0", "out0", "onebr0")),
            # Every frame goes to every port, whoever was seen behind it, and nobody else looks at it.
            "link set onebr0 type bridge mcast_snooping 0",
            *(f"link set {name} type bridge_slave learning off" for name in ("tap0", "eth0")),
        )
        for family in ("ip", "ip6", "arp"):
            self.space.setting(f"bridge/bridge-nf-call-{family}tables", "0")
        self.cards = {}
        with self.space.inside():
            for name in ("guest0", "out0"):
                card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
                card.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
                card.bind((name, 0))
                self.cards[name] = card

    def passed(self, frames: list[bytes], way: tuple[str, str]) -> set[int]:
        """Numbers of those that arrived. What did not is sent again: a busy machine may lose some."""
        sender, receiver = (self.cards[name] for name in way)
        found: set[int] = set()
        for _attempt in range(3):
            for number, frame in enumerate(frames):
                if number not in found:
                    sender.send(frame)
            time.sleep(0.3)
            found |= self._received(receiver)
        return found

    @staticmethod
    def _received(receiver: socket.socket) -> set[int]:
        found = set()
        receiver.setblocking(False)
        while True:
            try:
                data, address = receiver.recvfrom(2000)
            except BlockingIOError:
                return found
            number = re.search(rb"<(\d{6})>", data)
            if number and address[2] != socket.PACKET_OUTGOING:
                found.add(int(number[1]))


@pytest.mark.parametrize("way", [("guest0", "out0"), ("out0", "guest0")], ids=["from guests", "to guests"])
def test_it_lets_pass_what_passes_without_it(node, way):
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    frames = [random_frame(chance, number) for number in range(FRAMES)]
    between = Between(node)
    everything = between.passed(frames, way)
    assert len(everything) == FRAMES, "the bench itself loses some"

    node.do("apply", *node.declared(**DECLARED))
    rendered = node.do("render", *node.declared(**DECLARED))
    ordinary = re.search(r"(?s)chain ordinary_from_guests_1 \{.*?\}", rendered)
    assert ordinary and ordinary[0].count(" accept") == 2
    with_it = between.passed(frames, way)

    without = re.sub(r"(?s)chain ordinary_\w+ \{.*?\}", lambda found: re.sub(r".* accept\n", "", found[0]), rendered)
    node.space.do("nft", "-f", "-", text=without)
    asked = between.passed(frames, way)
    assert 300 < len(asked) < FRAMES - 300
    different = sorted(with_it ^ asked)
    assert not different, f"seed {seed}: {len(different)} differ, the first: {frames[different[0]].hex()}"
