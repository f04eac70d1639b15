# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the probes of one bridge of a live node, and tells what was seen as results of acceptance checks."""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import time
from dataclasses import dataclass, replace
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_frames as f
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Bridge, Declaration
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import HostLink
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probe_guest import (
    ProbeGuest,
    addresses_behind,
    drain,
    node_sockets,
    packet_socket,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import (
    FIRST,
    FOREIGN_MAC,
    GROUPS,
    NODE,
    OUTSIDE,
    SECOND,
    SYN_PORT,
    Probe,
    Scene,
    Target,
    probes,
    untried,
)

PORTS = ("kvmprobe1", "kvmprobe2")
ARRIVES = 1.0  # seconds
TRIES = 3  # of what has to arrive; what must not is sent once
# What must not arrive is waited for longer where what has to took long: on a busy node a leak comes late, too.
ARRIVES_NOT, AT_LONGEST, TIMES_AS_LONG = 0.1, 0.5, 5
CANDIDATES = 64


class ProbeError(Exception):
    """The text is a sentence."""


@dataclass(frozen=True)
class Task:
    """What is asked of one node."""

    declaration: Declaration
    links: Mapping[str, HostLink]
    macs: Mapping[str, str]  # of links
    targets: Sequence[Target]
    used: Sequence[str]  # addresses and ranges that guests have
    skip: int = 0  # addresses that are left to other nodes


def free_addresses(bridge: Bridge, used: Iterable[str], version: int = 4) -> Iterator[str]:
    """From the end of the guest networks, where ranges seldom reach, those that nobody is known to have."""
    taken = [_range(text) for text in used]
    for network in bridge.networks:
        if network.version != version:
            continue
        first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
        for number in range(last, max(first, last - 4096) - 1, -1):
            address = type(network.network_address)(number)
            if address not in bridge.gateways and not any(low <= number <= high for low, high in taken):
                yield str(address)


def _turned(addresses: list[str], by: int) -> list[str]:
    by %= max(1, len(addresses))
    return addresses[by:] + addresses[:by]


def _range(text: str) -> tuple[int, int]:
    first, _dash, last = str(text).partition("-")
    low = int(ipaddress.ip_address(first.strip()))
    return low, int(ipaddress.ip_address(last.strip())) if last else low


def unused_address(declaration: Declaration, used: Iterable[str], version: int = 4) -> str:
    """An address of a protected network that nobody is known to have; no host can suffer when it is claimed."""
    for network in declaration.protected:
        if network.version == version and network.prefixlen <= network.max_prefixlen - 3:
            gone = [*used, str(network.network_address), str(network.broadcast_address)]
            bridge = Bridge("", networks=(network,))
            return next(free_addresses(bridge, gone, version), "")
    return ""


def guest_mac(prefix: str, address: str) -> str:
    """As OpenNebula makes them: the prefix, and the address."""
    octets = [f"{octet:02x}" for octet in f.address_bytes(address)]
    return ":".join([*prefix.split(":"), *octets, "00", "00"][:6])


class BridgeProbe:
    def __init__(self, task: Task, bridge: Bridge) -> None:
        self.task, self.bridge = task, bridge
        self.prefix = task.declaration.mac_prefix
        self.patience = ARRIVES_NOT

    def results(self) -> list[dict[str, Any]]:
        began = time.monotonic()
        if self.bridge.name not in self.task.links:
            return [self._result("its guests are isolated", True, "the bridge does not exist", began, skipped=True)]
        with contextlib.ExitStack() as held:
            scene, guests = self._plug(held)
            node = [held.enter_context(one) for one in node_sockets(SYN_PORT)]
            scene = replace(scene, port=node[0].getsockname()[1])
            senders = (guests[0].mac, FOREIGN_MAC)
            uplinks = [held.enter_context(packet_socket(one, senders)) for one in self._uplinks()]
            bridge = held.enter_context(packet_socket(self.bridge.name, senders))
            sockets = {NODE: node, OUTSIDE: uplinks, SECOND: [guests[1].socket], FIRST: [guests[0].socket]}
            answering = [one for one in self.bridge.gateways if one.version == 4]
            found = [self._gateway_result(scene)] if answering and self._uplinks() else []
            found += [self._result(f"stopped: {name}", False, why, None) for name, why in untried(scene)]
            # What has to arrive comes first: it shows how long a frame takes here.
            for probe in sorted(probes(scene), key=lambda probe: not probe.allowed):
                sender = bridge if probe.sender == NODE else guests[0].socket
                found.append(self.tried(probe, sender, sockets))
            return [*found, *(self._learnt(guests[0], name, group) for name, group in GROUPS.items())]

    def _learnt(self, guest: ProbeGuest, name: str, group: str) -> dict[str, Any]:
        """Frames of the kind that no packet filter is asked about."""
        began = time.monotonic()
        guest.socket.send(f.ether(group, FOREIGN_MAC, 0x88CC, b"\0" * 46))
        time.sleep(self.patience)
        learnt = FOREIGN_MAC in addresses_behind(guest.port)
        detail = "the bridge learnt it" if learnt else "the bridge did not learn it"
        return self._result(
            f"stopped: a foreign MAC address, in a frame to the group of {name}", not learnt, detail, began
        )

    def _uplinks(self) -> list[str]:
        links = self.task.links
        return [one for one in self.bridge.uplinks if one in links and links[one].master == self.bridge.name]

    def _plug(self, held: contextlib.ExitStack) -> tuple[Scene, list[ProbeGuest]]:
        addresses = iter(_turned(list(free_addresses(self.bridge, self.task.used)), self.task.skip))
        guests, own = [], []
        for port in PORTS:
            address = next(addresses, "")
            if not address:
                raise ProbeError(
                    f"The guest networks of bridge {self.bridge.name} have no free IPv4 address for throw-away guests."
                )
            guest = ProbeGuest(port, self.bridge.name, guest_mac(self.prefix, address))
            held.callback(guest.close)
            for _candidate in range(CANDIDATES):
                if not guest.resolves("0.0.0.0", address, 0.3):
                    break
                address = next(addresses, "")
                if not address:
                    raise ProbeError(
                        f"Every free address that was tried on {self.bridge.name} has somebody who answers."
                    )
            guests.append(guest)
            own.append((guest.mac, address))
        gateways = [str(one) for one in self.bridge.gateways if one.version == 4]
        answers = ((one, guests[0].resolves(own[0][1], one, ARRIVES)) for one in gateways)
        gateway = next(((mac, one) for one, mac in answers if mac), None)
        free6 = _turned(list(free_addresses(self.bridge, self.task.used, 6)), self.task.skip)
        six = list(zip(PORTS, free6))
        links = self.task.links.values()
        declaration = self.task.declaration
        everybody = [*self.task.used, *(one.address for one in self.task.targets)]
        own_addresses = [
            text for link in links if link.kind != "loopback" for text in link.addresses if _is_global(text)
        ]
        scene = Scene(
            self.task.macs[self.bridge.name],
            0,
            own[0],
            own[1],
            gateway,
            own_addresses,
            self.task.targets,
            unused_address(declaration, everybody),
            unused_address(declaration, everybody, 6),
            *((six[0][1], six[1][1]) if len(six) == 2 else ("", "")),
            outside=bool(self._uplinks()),
            router_mac=gateway[0] if gateway else next(iter(self.bridge.gateway_macs), ""),
            services=[(one.protocol, one.port) for one in declaration.local_services],
            served=[text for text in own_addresses if ipaddress.ip_address(text) in self.bridge.gateways],
            allowed=[(str(one.address), one.service.protocol, one.service.port) for one in declaration.allowed],
        )
        return scene, guests

    def _gateway_result(self, scene: Scene) -> dict[str, Any]:
        """Without it ways outside stay untried, so silence is told, whoever is to blame for it."""
        if scene.gateway:
            return self._result("kept: the gateway answers", True, f"{scene.gateway[1]} at {scene.gateway[0]}", None)
        return self._result("kept: the gateway answers", False, "no gateway answers a guest's ARP", None)

    def tried(
        self, probe: Probe, sender: socket.socket, sockets: Mapping[str, Sequence[socket.socket]]
    ) -> dict[str, Any]:
        """Sent once, and again only where it has to arrive and did not: no leak is tried until it is none."""
        began = time.monotonic()
        for one in (each for group in sockets.values() for each in group):
            drain(one)
            drain(one, outgoing=True)
        seen = any(self._arrives(probe, sender, sockets[probe.look]) for _try in range(TRIES if probe.allowed else 1))
        said = {NODE: "reached the node", OUTSIDE: "left the node", SECOND: "reached a guest", FIRST: "came to a guest"}
        detail = said[probe.look] if seen else "did not arrive"
        name = f"{'kept' if probe.allowed else 'stopped'}: {probe.name}"
        return self._result(name, seen == probe.allowed, detail, began)

    def _arrives(self, probe: Probe, sender: socket.socket, where: Sequence[socket.socket]) -> bool:
        began = time.monotonic()
        for frame in probe.frames:
            sender.send(frame)
        deadline = began + (ARRIVES if probe.allowed else self.patience)
        seen, left = False, True
        while left and not seen:
            # Looked at once more after the deadline: a busy node may have let it pass without a look.
            left = time.monotonic() < deadline
            select.select(where, [], [], max(0.0, deadline - time.monotonic()))
            seen = any(probe.token in data for one in where for data in drain(one, probe.look == OUTSIDE))
        if probe.allowed and seen:
            took = time.monotonic() - began
            self.patience = min(AT_LONGEST, max(self.patience, TIMES_AS_LONG * took))
        return seen

    def _result(self, name: str, ok: bool, detail: str, began: float | None, skipped: bool = False) -> dict[str, Any]:
        seconds = 0.0 if began is None else round(time.monotonic() - began, 3)
        return {
            "name": f"{self.bridge.name}: {name}",
            "type": "isolation",
            "ok": ok,
            "skipped": skipped,
            "detail": detail,
            "emulated": False,
            "seconds": seconds,
        }


def _is_global(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not address.is_link_local and not address.is_loopback
