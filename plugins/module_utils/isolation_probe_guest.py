# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away guest of a live node: a network namespace with one card, plugged into the bridge as a VM would be.

The namespace is held by a process that ends by itself. With it goes the card, and so its port: whatever becomes of the
program that made it, nothing is left after a while.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import time
from typing import Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f

LIFETIME = 180  # seconds
FORWARDS = 45.0  # seconds; a bridge that speaks STP listens and learns for 30 before
ASKED = 3  # times at most, as a guest's own kernel does
CLONE_NEWNET, ALL_KINDS, OUTGOING = 0x40000000, 0x0003, 4
LIBC = ctypes.CDLL(None, use_errno=True)
SO_ATTACH_FILTER, PACKET_MEMBERSHIP, PROMISCUOUS = 26, 1, 1
SOL_PACKET = 263


class ProbeGuest:
    def __init__(self, port: str, bridge: str, mac: str) -> None:
        self.port, self.mac = port, mac
        own = os.readlink("/proc/self/ns/net")
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", str(LIFETIME)])
        try:
            while os.readlink(f"/proc/{self._holder.pid}/ns/net") == own:
                if self._holder.poll() is not None:
                    raise OSError("a network namespace cannot be made here (unshare)")
                time.sleep(0.005)
            # As libvirt has it: a bridge takes the least MAC address of its ports for its own, which this one never is.
            _ip("link", "add", port, "address", "fe" + mac[2:], "type", "veth", "peer", "name", "eth0", "address", mac,
                "netns", str(self._holder.pid))  # fmt: skip
            _ip("link", "set", port, "master", bridge, "up")
            with self.inside():
                _ip("link", "set", "lo", "up")
                _ip("link", "set", "eth0", "up")
                # Frames are made by hand; its own kernel shall neither answer nor ask for anything.
                self.socket = packet_socket("eth0")
            self._until_it_forwards()
        except BaseException:
            self.close()
            raise

    def _until_it_forwards(self) -> None:
        """The kernel notices in its own time that a card is up, later on a busy node; until then frames are lost."""
        deadline = time.monotonic() + FORWARDS
        while not forwards(_ip("-json", "-details", "link", "show", "dev", self.port)):
            if time.monotonic() > deadline:
                raise OSError(f"the port {self.port} does not forward after {FORWARDS:.0f} s; see bridge link show")
            time.sleep(0.02)

    def close(self) -> None:
        with contextlib.suppress(AttributeError):
            self.socket.close()
        with contextlib.suppress(OSError):
            _ip("link", "del", self.port)
        self._holder.kill()
        self._holder.wait()

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/proc/{self._holder.pid}/ns/net", "rb") as there:
            try:
                _enter(there.fileno())
                yield
            finally:
                _enter(home.fileno())

    def resolves(self, own: str, address: str, seconds: float = 0.5) -> str:
        """The MAC address of whoever answers for an address; own 0.0.0.0: asked as one that has none yet.

        Asked again where nobody does: what keeps an answer may be a busy host, and not the packet filter.
        """
        drain(self.socket)
        request = f.arp(f.REQUEST, (self.mac, own), ("00:00:00:00:00:00", address))
        wanted = struct.pack("!H", f.REPLY)
        for _time in range(ASKED):
            self.socket.send(f.ether(f.BROADCAST, self.mac, f.ARP, request))
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))
                for frame in drain(self.socket):
                    if (
                        frame[12:14] == b"\x08\x06"
                        and frame[20:22] == wanted
                        and frame[28:32] == f.address_bytes(address)
                    ):
                        return frame[22:28].hex(":")
        return ""


def forwards(told: str) -> bool:
    """Whether a port of a bridge lets frames pass, by `ip -json -details link show`."""
    of_port = json.loads(told)[0].get("linkinfo", {}).get("info_slave_data", {})
    return of_port.get("state") == "forwarding"


def addresses_behind(port: str) -> list[str]:
    """The MAC addresses that a bridge has seen there."""
    told = json.loads(_run("bridge", "-json", "fdb", "show", "brport", port) or "[]")
    return [one.get("mac", "") for one in told]


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def _enter(descriptor: int) -> None:
    if LIBC.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def packet_socket(card: str, senders: tuple[str, ...] = ()) -> socket.socket:
    """All that comes to a card; on one of a busy host only what the given MAC addresses sent."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    if senders:
        _filter(made, LOAD_WORD, 8, [struct.unpack("!I", f.mac_bytes(mac)[2:])[0] for mac in senders])
    made.bind((card, ALL_KINDS))
    if not senders:
        member = struct.pack("IHH8s", socket.if_nametoindex(card), PROMISCUOUS, 0, b"")
        made.setsockopt(SOL_PACKET, PACKET_MEMBERSHIP, member)
    made.setblocking(False)
    return made


def node_sockets(syn_port: int, port: int = 0) -> list[socket.socket]:
    """What the node's own stack takes, behind its packet filter: UDP at a port of its own, TCP from a given port."""
    with_6 = os.path.exists("/proc/net/if_inet6")
    datagrams = socket.socket(socket.AF_INET6 if with_6 else socket.AF_INET, socket.SOCK_DGRAM)
    if with_6:
        datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    datagrams.bind(("", port))
    found = [datagrams]
    # Of IPv4 the kernel shows the header as well.
    for family, offset in ((socket.AF_INET, 20), (socket.AF_INET6, 0)) if with_6 else ((socket.AF_INET, 20),):
        segments = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        _filter(segments, LOAD_HALF, offset, [syn_port])
        found.append(segments)
    return found


LOAD_WORD, LOAD_HALF, EQUAL, GIVE = 0x20, 0x28, 0x15, 0x06


def _filter(one: socket.socket, load: int, offset: int, values: list[int]) -> None:
    """Classic BPF: only what has one of the values there; the kernel drops the rest before it costs anything."""
    count = len(values)
    code = [struct.pack("HBBI", load, 0, 0, offset)]
    code += [struct.pack("HBBI", EQUAL, count - number, 0, value) for number, value in enumerate(values)]
    code += [struct.pack("HBBI", GIVE, 0, 0, 0), struct.pack("HBBI", GIVE, 0, 0, 0x40000)]
    kept = ctypes.create_string_buffer(b"".join(code))
    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(code), ctypes.addressof(kept)))


def drain(one: socket.socket, outgoing: bool = False) -> list[bytes]:
    """What is there; what the host itself sends over a card counts only where that is looked for."""
    found: list[bytes] = []
    while True:
        try:
            data, address = one.recvfrom(65536, socket.MSG_DONTWAIT)
        except OSError:
            return found
        if one.family != socket.AF_PACKET or (address[2] == OUTGOING) == outgoing:
            found.append(data)
