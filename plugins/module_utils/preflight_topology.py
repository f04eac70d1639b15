# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which declared resource of OpenNebula meets which host of the inventory: all by clusters."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import FRONTENDS, NODES, Cloud, Host

DEFAULT_CLUSTER = "default"
_SET_ASIDE = ("disabled", "offline")


def attributes(entry: Mapping[str, Any]) -> dict[str, str]:
    """The template of a declaration with the names as OpenNebula knows them; values that are no text do not matter
    here.
    """
    template = entry.get("template")
    if not isinstance(template, Mapping):
        return {}  # text, for instance, which is refused as a declaration
    return {str(name).upper(): _text(value) for name, value in template.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "YES" if value else "NO"
    return "" if value is None else str(value)


def label_of(entry: Mapping[str, Any]) -> str:
    name, number = entry.get("name"), entry.get("id")
    return str(name) if name is not None else f"with id {number}"


def clusters_of(cloud: Cloud, entry: Mapping[str, Any], option: str) -> set[str]:
    """The clusters of a datastore or network; `option` is what it is called in the entry of a cluster."""
    named = entry.get("clusters")
    found = {DEFAULT_CLUSTER} if named is None else {_cluster_name(name) for name in named}
    return found | {
        str(cluster.get("name"))
        for cluster in cloud.declared.clusters
        if entry.get("name") is not None and entry["name"] in (cluster.get(option) or [])
    }


def _cluster_name(name: Any) -> str:
    return DEFAULT_CLUSTER if str(name) == "0" else str(name)


def host_entry(cloud: Cloud, host: Host) -> dict[str, Any] | None:
    """The declaration by which this node is a host of OpenNebula."""
    return next((entry for entry in cloud.declared.hosts if entry.get("name") in (host.names or [host.name])), None)


def cluster_of(cloud: Cloud, host: Host) -> str | None:
    """The cluster of a node; None where it is no host of OpenNebula."""
    entry = host_entry(cloud, host)
    if entry is None:
        return None
    for cluster in cloud.declared.clusters:
        if entry["name"] in (cluster.get("hosts") or []):
            return str(cluster.get("name"))
    return _cluster_name(entry.get("cluster") or DEFAULT_CLUSTER)


def nodes_of(cloud: Cloud, clusters: set[str]) -> list[Host]:
    """The nodes in these clusters that could be looked at."""
    return [host for host, _probe in cloud.probed(NODES) if cluster_of(cloud, host) in clusters]


def front_ends(cloud: Cloud) -> list[Host]:
    return [host for host, _probe in cloud.probed(FRONTENDS)]


def set_aside(cloud: Cloud) -> set[str]:
    """Hosts that are registered and get no work."""
    return {str(entry.get("name")) for entry in cloud.declared.hosts if entry.get("state") in _SET_ASIDE}
