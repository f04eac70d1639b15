# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares, held against itself: slips that would end a run half-way."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterator, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import WHOLE_CLOUD, Cloud, Finding

FINGERPRINT = "opennebula_repository_key_fingerprint"
BACKENDS = ("sqlite", "mysql")


def fingerprint_is_whole(cloud: Cloud) -> Iterator[Finding]:
    found = {str(host.required[FINGERPRINT]) for host in cloud.hosts if host.required.get(FINGERPRINT)}
    for value in sorted(found):
        digits = re.sub(r"[\s:]|^0x", "", value)
        if not re.fullmatch(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", digits):
            yield Finding(
                WHOLE_CLOUD,
                f"{FINGERPRINT} is {value!r}; a whole fingerprint has 40 (or 64) hexadecimal digits.",
                "Copy it from where OpenNebula publishes it; a short key id can be forged.",
            )


def database_is_known(cloud: Cloud) -> Iterator[Finding]:
    for backend in sorted({host.database_backend for host in cloud.hosts if host.database_backend not in BACKENDS}):
        yield Finding(
            WHOLE_CLOUD,
            f"opennebula_database_backend is {backend!r}; wanted {' or '.join(BACKENDS)}.",
            "MariaDB is mysql, as in oned.conf.",
        )


def clusters_are_declared(cloud: Cloud) -> Iterator[Finding]:
    """Only a warning: the cluster may have been made by hand."""
    known = {"default", *(str(cluster.get("name")) for cluster in cloud.clusters)}
    wanted: dict[str, list[str]] = {}
    for kind, entry in cloud.declared:
        named = entry.get("clusters") or ([entry["cluster"]] if entry.get("cluster") else [])
        for cluster in named:
            if str(cluster) not in known and not str(cluster).isdigit():
                wanted.setdefault(str(cluster), []).append(f"{kind} {entry.get('name')}")
    for cluster, users in wanted.items():
        yield Finding(
            WHOLE_CLOUD,
            f"The cluster {cluster} is named by {', '.join(users)}, and opennebula_clusters does not declare it.",
            "Correct the name, or declare the cluster; if it was made by hand, all is well.",
            "warning",
        )


def address_ranges_are_addresses(cloud: Cloud) -> Iterator[Finding]:
    for network in cloud.virtual_networks:
        for entry in network.get("address_ranges") or []:
            for key, value in _addresses(entry):
                try:
                    ipaddress.ip_address(value)
                except ValueError:
                    yield Finding(
                        WHOLE_CLOUD,
                        f"The address range of network {network.get('name')} begins at {key} {value!r}, "
                        "which is no address.",
                        "Correct opennebula_virtual_networks; OpenNebula would make the network and put it into error.",
                    )


def _addresses(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in entry.items():
        if str(key).upper() in ("IP", "IP6", "GLOBAL_PREFIX", "ULA_PREFIX"):
            yield str(key), str(value)


DECLARED_RULES = (fingerprint_is_whole, database_is_known, clusters_are_declared, address_ranges_are_addresses)
