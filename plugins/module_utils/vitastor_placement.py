# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Racks and what is above them in Vitastor's placement tree, from where the inventory says that servers stand.

Vitastor keeps the tree as one key of etcd; no program of it writes that key.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, Iterable, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import ClusterError

HOST_LEVEL = 100  # of Vitastor, as 101 is that of OSDs; what is further out has a smaller number
PREFIX = "/vitastor"
Nodes = Dict[str, Dict[str, str]]


def vitastor_placement(
    hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], levels: Sequence[str]
) -> dict[str, Any]:
    """levels: outermost first. Each server has a name for each, in vitastor_cluster_location."""
    nodes: Nodes = {}
    parents, wrong = {}, []
    for host in hosts:
        location = hostvars[host].get("vitastor_cluster_location") or {}
        if sorted(location) != sorted(levels):
            wrong.append(f"{host} has a vitastor_cluster_location of {', '.join(sorted(location)) or 'nothing'}")
            continue
        parent = ""
        for level in levels:
            name = str(location[level])
            node = {"level": level, **({"parent": parent} if parent else {})}
            if name.isdigit() or nodes.setdefault(name, node) != node:
                wrong.append(f"{name}, the {level} of {host}, is the name of an OSD, or of something else")
            parent = name
        parents[host] = parent
    if wrong:
        raise ClusterError(
            f"vitastor_cluster_levels are {', '.join(levels) or 'none'}: {'; '.join(wrong)}. Every server needs one "
            "name for each level, and a name stands for one place."
        )
    return {
        "levels": {level: HOST_LEVEL - len(levels) + number for number, level in enumerate(levels)},
        "nodes": nodes,
        "parents": parents,
    }


def with_host(found: Mapping[str, Any], nodes: Nodes, host: str, parent: str) -> dict[str, Any]:
    """The tree as it has to be; nodes that somebody else has put there stay."""
    return {**found, **nodes, host: {"level": "host", "parent": parent}}


# ---- the key in etcd, asked and changed as vitastor-cli does it, which antietcd understands, too ---------------------


def endpoints(config: str) -> list[str]:
    """Of vitastor.conf."""
    addresses = json.loads(config).get("etcd_address") or []
    addresses = addresses.split(",") if isinstance(addresses, str) else addresses
    plain = [address.strip().replace("http://", "", 1) for address in addresses]
    return [f"http://{one if '/' in one else one + '/v3'}/kv/txn" for one in plain]


def key_of(config: str) -> str:
    prefix = "/" + str(json.loads(config).get("etcd_prefix") or PREFIX).strip("/")
    return _encoded(f"{prefix}/config/node_placement")


def asking(key: str) -> dict[str, Any]:
    return {"success": [{"request_range": {"key": key}}]}


def answered(answer: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The tree, and the revision that it was read at; 0 where there is none yet."""
    kvs = answer["responses"][0]["response_range"].get("kvs") or []
    if not kvs:
        return {}, 0
    return json.loads(base64.b64decode(kvs[0]["value"])), int(kvs[0]["mod_revision"])


def putting(key: str, tree: Mapping[str, Any], revision: int) -> dict[str, Any]:
    """Only if nobody has changed it since."""
    same: dict[str, Any] = {"key": key, "target": "VERSION", "version": 0}
    if revision:
        same = {"key": key, "target": "MOD", "result": "LESS", "mod_revision": revision + 1}
    put = {"request_put": {"key": key, "value": _encoded(json.dumps(tree, sort_keys=True))}}
    return {"compare": [same], "success": [put]}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
