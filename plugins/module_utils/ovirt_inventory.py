# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of oVirt, turned into what the modules take."""

from __future__ import annotations

from typing import Any, Mapping, Sequence


def ovirt_nfs_exports(domains: Sequence[Mapping[str, Any]], clients: Sequence[str]) -> list[dict[str, Any]]:
    """Domains of type NFS as nfs_exports takes them; clients of those that name none."""
    return [
        {"path": one["path"], "clients": list(one.get("clients") or clients)}
        for one in domains
        if one.get("storage_type", "NFS") == "NFS"
    ]


def ovirt_moved_hosts(
    declared: Sequence[Mapping[str, Any]], hosts: Sequence[Mapping[str, Any]], clusters: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Hosts that the engine has in another cluster than is declared, in sentences; moving one is no small change."""
    names = {cluster["id"]: cluster["name"] for cluster in clusters}
    present = {host["name"]: names.get(host.get("cluster", {}).get("id"), "unknown") for host in hosts}
    wanted = {one["name"]: one.get("cluster", "Default") for one in declared if one.get("state") != "absent"}
    return [
        f"The host {name} is in the cluster {present[name]}, declared is {cluster}. Its VMs and its storage depend on "
        "that: put it into maintenance and move it by hand, or correct the declaration."
        for name, cluster in wanted.items()
        if name in present and present[name] != cluster
    ]
