# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of guests that share their rules, and how guests are told by their MAC addresses."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import (
    Address,
    Bridge,
    Network,
)


@dataclass(frozen=True)
class Scope:
    """Ports that share their rules: those of one bridge, or of all bridges where the kernel cannot tell them apart."""

    number: int
    bridges: tuple[Bridge, ...]

    @property
    def networks(self) -> list[Network]:
        return [network for bridge in self.bridges for network in bridge.networks]

    @property
    def gateways(self) -> list[Address]:
        return [gateway for bridge in self.bridges for gateway in bridge.gateways]

    def has(self, version: int) -> bool:
        return any(network.version == version for network in self.networks)

    @property
    def gateway_macs(self) -> list[str]:
        return sorted({mac for bridge in self.bridges for mac in bridge.gateway_macs})

    def name(self, what: str) -> str:
        return f"{what}_{self.number}"


def guest_mac(field: str, prefix: str, operator: str) -> str:
    """Whether a MAC address begins as those of guests do."""
    octets = prefix.count(":") + 1
    mask = ":".join(["ff"] * octets + ["00"] * (6 - octets))
    return f"{field} & {mask} {operator} {':'.join([prefix] + ['00'] * (6 - octets))}"
