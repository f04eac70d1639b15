# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What links need beside netplan's files: kernel modules, settings of bridges, and nobody who rewrites the files."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import ManagedFile
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import BOND, BRIDGE, VLAN, Link

BY = "# Written by the role host_network of kvmcloud.stack.\n"
MODULES_FILE = "/etc/modules-load.d/kvmcloud-network.conf"
SYSCTL_FILE = "/etc/sysctl.d/90-kvmcloud-network.conf"
CLOUD_INIT_DIRECTORY = "/etc/cloud/cloud.cfg.d"
CLOUD_INIT_FILE = f"{CLOUD_INIT_DIRECTORY}/99-kvmcloud-network.cfg"
_MODULE_OF = {BOND: "bonding", VLAN: "8021q", BRIDGE: "bridge"}
NETFILTER_KEYS = ("arptables", "ip6tables", "iptables")


def kernel_modules(links: Sequence[Link], bridge_netfilter: bool) -> list[str]:
    found = {_MODULE_OF[link.kind] for link in links if link.is_made}
    return sorted(found | ({"br_netfilter"} if bridge_netfilter else set()))


def companions(links: Sequence[Link], bridge_netfilter: bool, cloud_init: bool) -> list[ManagedFile]:
    modules = kernel_modules(links, bridge_netfilter)
    settings = [f"net.bridge.bridge-nf-call-{key} = 1" for key in NETFILTER_KEYS] if bridge_netfilter else []
    files = [_text(MODULES_FILE, modules), _text(SYSCTL_FILE, settings)]
    if cloud_init:
        files.append(_text(CLOUD_INIT_FILE, ["network: {config: disabled}"]))
    return files


def _text(path: str, lines: Sequence[str]) -> ManagedFile:
    return ManagedFile(path, (BY + "".join(f"{line}\n" for line in lines)).encode() if lines else None)


def deaf_to_lldp(links: Sequence[Link]) -> dict[str, str]:
    """By path below systemd/network, what keeps networkd from listening to switches on bridges of guests."""
    return {
        f"10-netplan-{link.name}.network.d/90-kvmcloud.conf": f"{BY}[Network]\nLLDP=no\nEmitLLDP=no\n"
        for link in links
        if link.kind == BRIDGE and not link.speaks and not link.lldp
    }
