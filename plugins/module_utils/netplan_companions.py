# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What links need beside netplan's files: kernel modules, settings of bridges, and nobody who rewrites the files."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    make_directories,
    replace_file,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_host import NetplanError
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import BOND, BRIDGE, VLAN, Link

BY = "# Written by the role host_network of kvmcloud.stack.\n"
MODULES_FILE = "/etc/modules-load.d/kvmcloud-network.conf"
SYSCTL_FILE = "/etc/sysctl.d/90-kvmcloud-network.conf"
CLOUD_INIT_DIRECTORY = "/etc/cloud/cloud.cfg.d"
CLOUD_INIT_FILE = f"{CLOUD_INIT_DIRECTORY}/99-kvmcloud-network.cfg"
_MODULE_OF = {BOND: "bonding", VLAN: "8021q", BRIDGE: "bridge"}
NETFILTER_KEYS = ("arptables", "ip6tables", "iptables")
NETFILTER = "/proc/sys/net/bridge"  # not there before br_netfilter is loaded
DEAF, HEARING = "90-kvmcloud.conf", "91-kvmcloud.conf"


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
        f"10-netplan-{link.name}.network.d/{DEAF}": f"{BY}[Network]\nLLDP=no\nEmitLLDP=no\n"
        for link in links
        if link.kind == BRIDGE and not link.speaks and not link.lldp
    }


def hearing_again(paths: Sequence[str]) -> dict[str, str]:
    """What shadows such files below /run during a trial that is going to remove them from /etc."""
    return {path.replace(DEAF, HEARING): f"{BY}[Network]\nLLDP=routers-only\nEmitLLDP=no\n" for path in paths}


def filters_off() -> list[str]:
    """Settings of bridge_netfilter that are not in force."""
    found = []
    for key in NETFILTER_KEYS:
        value = ""
        with contextlib.suppress(FileNotFoundError), open(f"{NETFILTER}/bridge-nf-call-{key}", encoding="ascii") as one:
            value = one.read().strip()
        if value != "1":
            found.append(f"net.bridge.bridge-nf-call-{key}")
    return found


def keep_companions(module: Any, files: Sequence[Sequence[str | None]]) -> None:
    """Write or remove files, each told by path and text, and have bridges filtered if wanted; raises a sentence."""
    try:
        for path, text in files:
            _keep(module, str(path), text)
    except OSError as error:
        raise NetplanError(f"A file that links need at the next boot cannot be written: {error}.") from error
    if module.params["bridge_netfilter"] and filters_off():
        for command in (["modprobe", "br_netfilter"], ["sysctl", "--load", SYSCTL_FILE]):
            try:
                returncode, out, err = module.run_command(command, handle_exceptions=False)
            except OSError as error:  # it is not there
                returncode, out, err = 1, "", str(error)
            if returncode:
                raise NetplanError(
                    f"bridge_netfilter is wanted, and `{' '.join(command)}` failed: {(err or out).strip()}. Without it "
                    "security groups do not hold on bridges; see whether the kernel has that module."
                )


def _keep(module: Any, path: str, text: str | None) -> None:
    if text is not None:
        make_directories(os.path.dirname(path))
        replace_file(module, ManagedFile(path, text.encode()))
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    if path.endswith(f".network.d/{DEAF}"):
        with contextlib.suppress(OSError):  # others may have something there
            os.rmdir(os.path.dirname(path))
