# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab is: plain data, made from an inventory's variables by describe.py."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

CONTAINER = "container"
VM = "vm"
MANAGEMENT = "management"


@dataclass(frozen=True)
class Network:
    name: str
    subnet: IPv4Network | None  # None: a bare layer 2 segment on which the controller has no address

    @property
    def controller(self) -> IPv4Interface | None:
        """The controller has the first address of each network."""
        if self.subnet is None:
            return None
        return IPv4Interface(f"{self.subnet.network_address + 1}/{self.subnet.prefixlen}")


@dataclass(frozen=True)
class Nic:
    name: str
    network: str
    address: IPv4Interface | None  # None: plugged in and left unconfigured


@dataclass(frozen=True)
class Disk:
    name: str
    size: int  # bytes


@dataclass(frozen=True)
class Host:
    name: str
    kind: str
    image: str
    nics: tuple[Nic, ...]  # the first is the one Ansible uses
    disks: tuple[Disk, ...] = ()
    memory: int = 1024  # MiB, guests only
    cpus: int = 1  # guests only
    debian_hosts_line: bool = False
    renderer: str = "networkd"  # of netplan: what configures the NICs

    @property
    def address(self) -> IPv4Address:
        interface = self.nics[0].address
        assert interface is not None  # describe.py refuses a host without
        return interface.ip

    def fingerprint(self) -> str:
        """Changes when the inventory asks for another machine under the same name."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class OpenNebulaSource:
    """Where the lab's hosts shall get OpenNebula from."""

    wanted: str = "auto"  # auto | upstream | emulated | none
    releases: tuple[str, ...] = ()  # of the emulator, X.Y.Z
    upstream_url: str = ""
    upstream_key_fingerprint: str = ""


@dataclass(frozen=True)
class Lab:
    name: str
    networks: tuple[Network, ...]
    hosts: tuple[Host, ...]
    names: bool = True  # the lab writes all hosts' names into each host's /etc/hosts
    distribution_passthrough: bool = False  # hosts also see the whole distribution, through the controller
    opennebula: OpenNebulaSource = OpenNebulaSource()

    def network(self, name: str) -> Network:
        return next(network for network in self.networks if network.name == name)

    @property
    def controller(self) -> IPv4Address:
        """The controller's address on the management network: where the lab's repositories are served."""
        interface = self.network(MANAGEMENT).controller
        assert interface is not None
        return interface.ip


def mac_address(lab: str, host: str, nic: str) -> str:
    """Stable over restarts and never the same twice in a lab; locally administered."""
    digest = hashlib.sha256(f"{lab}/{host}/{nic}".encode()).digest()
    return "52:54:" + ":".join(f"{byte:02x}" for byte in digest[:4])
