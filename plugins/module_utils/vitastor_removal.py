# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a Vitastor cluster can do without some of its OSDs: copies, space, and the state of its pools."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import ClusterError

Row = Mapping[str, Any]
HEALED = ("active", "has_misplaced")  # STATUS of a pool none of whose data misses a copy
FULL_BY = 0.9  # of the space that is left; Vitastor stops where an OSD is full
OWN_RULES = ("level_placement", "raw_placement")


def refuse_removal(leaving: Iterable[int], tree: Sequence[Row], pools: Iterable[Row]) -> None:
    """tree: `vitastor-cli osd-tree --json`, pools: `ls-pools --json`. All that speaks against it is told at once."""
    gone = set(leaving)
    osds = [row for row in tree if row.get("type") == "osd"]
    stay = [one for one in osds if int(one["name"]) not in gone and one.get("up") == "up" and one.get("reweight")]
    named = [pool for pool in pools if pool.get("name")]  # one that is being removed has no name
    wrong = [*_pools_that_lose(gone, osds, stay, _nodes(tree), named), *_space(gone, osds, stay)]
    if wrong:
        raise ClusterError(f"The OSDs {listed(gone)} have to stay: {'; '.join(wrong)}. Nothing was changed.")


def refuse_unseen(seen: Iterable[int], tree: Sequence[Row], host: str) -> None:
    """A node of the placement tree has the name of its host."""
    nodes = _nodes(tree)
    here = {int(row["name"]) for row in tree if row.get("type") == "osd" and host in _names(row, nodes)}
    unseen = here - set(seen)
    if unseen:
        raise ClusterError(
            f"The cluster has the OSDs {listed(unseen)} on this host, and their disks are not seen here; bring them "
            "back, or remove these OSDs as docs/vitastor.md says of a dead host. Nothing was changed."
        )


def to_drain(leaving: Iterable[int], tree: Iterable[Row]) -> list[int]:
    """Those that still take data."""
    weights = {int(row["name"]): row.get("reweight") for row in tree if row.get("type") == "osd"}
    return [number for number in sorted(leaving) if weights.get(number)]


def present(leaving: Iterable[int], tree: Iterable[Row]) -> list[int]:
    known = {int(row["name"]) for row in tree if row.get("type") == "osd"}
    return sorted(known & set(leaving))


def listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))


def _nodes(tree: Iterable[Row]) -> dict[str, Row]:
    return {str(row["name"]): row for row in tree if row.get("type") != "osd"}


def _above(osd: Row, nodes: Mapping[str, Row]) -> Iterator[Row]:
    """The OSD, and the nodes of the placement tree that it is in, innermost first."""
    seen: set[str] = set()
    yield osd
    name = str(osd.get("parent") or "")
    while name in nodes and name not in seen:
        seen.add(name)
        yield nodes[name]
        name = str(nodes[name].get("parent") or "")


def _names(osd: Row, nodes: Mapping[str, Row]) -> list[str]:
    return [str(node["name"]) for node in _above(osd, nodes)]


def _is_for(pool: Row, osd: Row, nodes: Mapping[str, Row]) -> bool:
    wanted = pool.get("osd_tags") or []
    tags = {wanted} if isinstance(wanted, str) else set(wanted)
    root = pool.get("root_node")
    return tags <= set(osd.get("tags") or []) and (not root or root in _names(osd, nodes))


def _domains(pool: Row, osds: Iterable[Row], nodes: Mapping[str, Row]) -> set[str]:
    level = pool.get("failure_domain") or "host"
    of_pool = [osd for osd in osds if _is_for(pool, osd, nodes)]
    return {str(node["name"]) for osd in of_pool for node in _above(osd, nodes) if node["type"] == level}


def _pools_that_lose(
    gone: set[int], osds: Sequence[Row], stay: Sequence[Row], nodes: Mapping[str, Row], pools: Iterable[Row]
) -> Iterator[str]:
    for pool in pools:
        if not any(_is_for(pool, osd, nodes) for osd in osds if int(osd["name"]) in gone):
            continue
        size, left = int(pool["pg_size"]), len(_domains(pool, stay, nodes))
        level = pool.get("failure_domain") or "host"
        if pool.get("status") not in HEALED:
            yield f"the pool {pool['name']} is {pool.get('status')}, so that it cannot miss any; let it recover first"
        if left < size:
            yield f"the pool {pool['name']} wants {size} of level {level}, and {left} would be left"
        if any(pool.get(rule) for rule in OWN_RULES):
            yield f"the pool {pool['name']} has rules of placement of its own, which only a person can judge"


def _space(gone: set[int], osds: Iterable[Row], stay: Iterable[Row]) -> Iterator[str]:
    moving = sum(int(osd["size"]) - int(osd["free"]) for osd in osds if int(osd["name"]) in gone)
    free = sum(int(osd["free"]) for osd in stay)
    if moving > free * FULL_BY:
        yield f"they hold {moving >> 20} MiB, and the others have {free >> 20} MiB free"
