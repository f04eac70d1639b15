# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of oVirt, turned into what the modules take."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_variables import SECRETS

# Of a host that was added, and is not up yet or never will be.
UNFINISHED = ("installing", "installing_os", "initializing", "reboot", "install_failed")


def ovirt_nfs_exports(domains: Sequence[Mapping[str, Any]], clients: Sequence[str]) -> list[dict[str, Any]]:
    """Domains of type NFS as nfs_exports takes them; clients of those that name none."""
    return [
        {"path": one["path"], "clients": list(one.get("clients") or clients)}
        for one in domains
        if one.get("storage_type", "NFS") == "NFS"
    ]


def ovirt_notifier_text(settings: Mapping[str, Any]) -> str:
    """The file of the notifier. To the engine's reader quote, dollar and backslash stand for more than themselves."""
    values = {key: re.sub(r'(["$\\])', r"\\\1", str(settings[key])) for key in sorted(settings)}
    return "# Written by kvmcloud.stack.\n" + "".join(f'{key}="{value}"\n' for key, value in values.items())


def ovirt_moved_hosts(
    declared: Sequence[Mapping[str, Any]],
    hosts: Sequence[Mapping[str, Any]],
    clusters: Sequence[Mapping[str, Any]],
    data_centers: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """Hosts that the engine has in another cluster than is declared, in sentences; moving one is no small change."""
    centers = {center["id"]: f" of the data centre {center['name']}" for center in data_centers}
    names = {one["id"]: one["name"] for one in clusters}
    places = {one["id"]: one["name"] + centers.get((one.get("data_center") or {}).get("id"), "") for one in clusters}
    present = {host["name"]: (host.get("cluster") or {}).get("id") for host in hosts}
    wanted = {one["name"]: one.get("cluster") for one in declared if one.get("state") != "absent"}
    return [
        f"The host {name} is in the cluster {places.get(present[name], 'unknown')}, declared is {cluster}. Its VMs and "
        "its storage depend on that: put it into maintenance and move it by hand, or correct the declaration."
        for name, cluster in wanted.items()
        if cluster and name in present and names.get(present[name]) != cluster
    ]


def ovirt_awaited_hosts(
    declared: Sequence[Mapping[str, Any]], hosts: Sequence[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Of the hosts that shall be there: those that the engine does not have yet, and those whose installation has not
    come to an end. Others the official module waits for itself."""
    states = {host["name"]: host.get("status") for host in hosts}
    wanted = [one["name"] for one in declared if one.get("state", "present") == "present"]
    return {
        "new": [name for name in wanted if name not in states],
        "unfinished": [name for name in wanted if states.get(name) in UNFINISHED],
    }


def ovirt_hosted_engine_split(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Variables he_* as ovirt_hosted_engine_check takes them: what may be told, and what may not."""
    return {
        "variables": {name: value for name, value in given.items() if name not in SECRETS},
        "secrets": {name: value for name, value in given.items() if name in SECRETS},
    }
