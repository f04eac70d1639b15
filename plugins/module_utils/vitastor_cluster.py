# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and OSDs of a Vitastor cluster: what is declared, what is there, and the steps from one to the other.

The vendor's commands end with 0 where they did nothing or failed by half, so all is decided by what they list.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import address_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Step

# STATUS of a pool that can be read and written, whole or with copies that are missing or still move.
SERVING = ("active", "degraded", "has_degraded", "has_misplaced")
OSD_PARTITION = "e7009fac-a5a1-4d72-af72-53de13059903"  # by which udev starts an OSD


class ClusterError(ValueError):
    """It cannot be done so; the text is the sentence for the user."""


def last_json(printed: str, what: str) -> Any:
    """After a pool was removed, vitastor-cli prints complaints before the answer: the last line is the JSON."""
    lines = printed.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (ValueError, IndexError) as error:
        raise ClusterError(f"{what} printed no JSON: {' '.join(printed.split())[-200:] or 'nothing'}.") from error


# ---- pools -----------------------------------------------------------------------------------------------------------

# Ours, the option of the command, the key of its JSON; those that can be changed later.
CHANGEABLE = (
    ("pg_size", "--pg_size", "pg_size"),
    ("pg_minsize", "--pg_minsize", "pg_minsize"),
    ("pg_count", "--pg_count", "pg_count"),
    ("failure_domain", "--failure_domain", "failure_domain"),
    ("osd_tags", "--osd_tags", "osd_tags"),
)
# Fixed for the life of a pool: what changes one of them without care loses its data.
FIXED = (("block_size", "--block_size", "block_size"), ("immediate_commit", "--immediate_commit", "immediate_commit"))


TOO_FEW = "Not enough matching OSDs"


def plan_pools(wanted: Iterable[Mapping[str, Any]], printed: str) -> Plan:
    present = {str(one["name"]): one for one in last_json(printed, "vitastor-cli ls-pools") if one.get("name")}
    plan = Plan()
    for pool in wanted:
        name = str(pool["name"])
        step = _new_pool(name, pool) if name not in present else _changed_pool(name, pool, present[name])
        if step:
            plan.steps.append(step)
            plan.diff.append({"before_header": name, "after_header": name, "before": "", "after": step.sentence + "\n"})
    return plan


def _new_pool(name: str, pool: Mapping[str, Any]) -> Step:
    argv = ["vitastor-cli", "create-pool", name, "--wait"]
    if pool.get("ec"):
        argv += ["--ec", str(pool["ec"])]
    elif pool.get("pg_size"):
        argv += ["--pg_size", str(pool["pg_size"])]
    else:
        raise ClusterError(f"Pool {name} is not there, and neither its pg_size nor its ec is declared.")
    if not pool.get("pg_count"):
        raise ClusterError(
            f"Pool {name} is not there, and its pg_count is not declared: ten for each OSD, divided by "
            "its pg_size, rounded to a power of two."
        )
    for option, word, _key in (*CHANGEABLE[1:], *FIXED):
        if pool.get(option):
            argv += [word, str(pool[option])]
    return Step(f"make pool {name}", tuple(argv))


def _changed_pool(name: str, pool: Mapping[str, Any], found: Mapping[str, Any]) -> Step | None:
    kind = "ec" if pool.get("ec") else "replicated" if pool.get("pg_size") else None
    if kind and (found.get("scheme") == "replicated") != (kind == "replicated"):
        raise ClusterError(
            f"Pool {name} is {found.get('scheme')} and declared as {kind}; a pool keeps its scheme. Make another pool."
        )
    parity = int(found.get("parity_chunks") or 0)
    chunks = f"{int(found.get('pg_size') or 0) - parity}+{parity}"
    if pool.get("ec") and str(pool["ec"]) != chunks:
        raise ClusterError(f"Pool {name} has chunks {chunks}, declared is {pool['ec']}; make another pool.")
    if pool.get("pg_size") and int(pool["pg_size"]) < int(found.get("pg_size") or 0):
        raise ClusterError(
            f"Pool {name} keeps {found['pg_size']} copies, declared are {pool['pg_size']}. Copies are given up by a "
            f"person alone: vitastor-cli modify-pool {name} --pg_size {pool['pg_size']}"
        )
    for option, _word, key in FIXED:
        if pool.get(option) and key in found and not _is_same(key, pool[option], found[key]):
            raise ClusterError(
                f"Pool {name} has {option} {found[key]}, declared is {pool[option]}; it is fixed for a pool's life."
            )
    differs = [one for one in CHANGEABLE if pool.get(one[0]) and not _is_same(one[2], pool[one[0]], found.get(one[2]))]
    argv = ["vitastor-cli", "modify-pool", name]
    for option, word, _key in CHANGEABLE:
        # With another pg_size Vitastor takes its default of pg_minsize, unless it is told.
        told_again = option == "pg_minsize" and pool.get(option) and CHANGEABLE[0] in differs
        if told_again or option in [one[0] for one in differs]:
            argv += [word, str(pool[option])]
    told = [f"{option} {found.get(key)} -> {pool[option]}" for option, _word, key in differs]
    return Step(f"change pool {name}: {', '.join(told)}", tuple(argv)) if told else None


def _is_same(key: str, wanted: Any, found: Any) -> bool:
    """Vitastor keeps tags as a list and sizes as bytes, whatever it was given."""
    if key == "osd_tags":
        return _tags(wanted) == _tags(found)
    if key == "block_size":
        return _bytes(wanted) == _bytes(found)
    return str(wanted) == str(found)


def _tags(value: Any) -> set[str]:
    return {str(one).strip() for one in (value.split(",") if isinstance(value, str) else value or [])}


def _bytes(size: Any) -> int:
    match = re.fullmatch(r"(\d+)([KMGT]?)", str(size).upper())
    if not match:
        raise ClusterError(f"block_size is {size!r}; wanted a size such as 128k.")
    return int(match.group(1)) << 10 * ("KMGT".find(match.group(2)) + 1 if match.group(2) else 0)


def explained(reason: str) -> str:
    """What the vendor's sentence does not say."""
    if TOO_FEW in reason:
        return (
            f"{reason} Fewer hosts (or OSDs, by failure_domain) than copies are up, or the OSDs have another "
            "immediate_commit or other tags than the pool asks for; `vitastor-cli ls-osd` lists them."
        )
    return reason


# ---- OSDs ------------------------------------------------------------------------------------------------------------


class Disk(NamedTuple):
    path: str  # as the kernel calls it: vitastor-disk passes over a disk by any other name
    parts: tuple[str, ...] = ()  # partitions that were made for OSDs, whether there is one in them or not
    holds: str = ""  # anything else that is on it, in words


def parse_disk(named: str, lsblk: str) -> Disk:
    """From `lsblk -J -o PATH,TYPE,FSTYPE,PARTTYPE,MOUNTPOINT` of one device."""
    try:
        (node,) = json.loads(lsblk)["blockdevices"]
    except (ValueError, KeyError) as error:
        raise ClusterError(f"lsblk does not know {named}.") from error
    parts = node.get("children") or []
    osds = [part for part in parts if (part.get("parttype") or "").lower() == OSD_PARTITION]
    others = [part for part in parts if part not in osds]
    holds = [f"{one['path']} ({one.get('fstype') or one['type']})" for one in others]
    if node.get("mountpoint"):
        holds.insert(0, f"what is mounted at {node['mountpoint']}")
    if node.get("fstype"):
        holds.insert(0, str(node["fstype"]))
    if node.get("type") != "disk":
        holds.insert(0, f"a {node.get('type')}, and wanted is a whole disk")
    return Disk(str(node["path"]), tuple(str(part["path"]) for part in osds), ", ".join(holds))


def refuse_foreign(disks: Iterable[Disk]) -> None:
    """A disk that holds anything but OSDs is refused, and all of them are told at once."""
    foreign = [f"{disk.path} holds {disk.holds}" for disk in disks if disk.holds]
    if foreign:
        raise ClusterError(
            f"Nothing was prepared: {'; '.join(foreign)}. The role never wipes a disk. Name disks that are empty, or "
            "empty these yourself (wipefs -a) when what they hold is of no use to anybody."
        )


def osds_to_make(printed: str, disks: Iterable[Disk], hybrid: bool) -> dict[str, int]:
    """By disk, from what vitastor-disk says that it would do: it knows partitions that have no OSD in them yet.

    With --hybrid disks that are fast are not among its answers: they get journals of the others.
    """
    planned = {one["device_path"]: int(one["new_osd_count"]) for one in last_json(printed, "vitastor-disk")["devices"]}
    left_out = [
        disk.path
        for disk in disks
        if not planned.get(disk.path) and not disk.parts and not (hybrid and disk.path not in planned)
    ]
    if left_out:
        raise ClusterError(f"vitastor-disk would make no OSD on {', '.join(left_out)}. Nothing was prepared.")
    return {path: count for path, count in planned.items() if count}


def check_prepared(printed: str, said: str, wanted: int) -> list[int]:
    """It ends with 0 also when an OSD could not be made, and not all that fails is in its list of errors."""
    answer = last_json(printed, "vitastor-disk")
    made = [int(one["osd_num"]) for one in answer.get("osds", [])]
    if answer.get("errors") or len(made) != wanted:
        where = ", ".join(str(one.get("data_device", one)) for one in answer.get("errors") or [])
        raise ClusterError(
            f"vitastor-disk could not make all OSDs: {wanted} were to be made, {len(made)} were"
            f"{f'; not on {where}' if where else ''}. It said: {' '.join(said.split())[-300:] or 'nothing'}"
        )
    return made


def osd_number(printed: str) -> int | None:
    """From `vitastor-disk read-sb` of a partition; None for one in which there is no OSD."""
    try:
        return int(json.loads(printed)["osd_num"])
    except (ValueError, KeyError, TypeError):
        return None


# ---- members of etcd -------------------------------------------------------------------------------------------------


def vitastor_members(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each host as a member: where clients and the other members reach it, and all of them as etcd wants.

    None of it depends on the order of the hosts: another order would be another configuration, and a restart.
    """
    members = []
    for host in hosts:
        address = address_of(host, hostvars[host])
        address = f"[{address}]" if ":" in address else address
        members.append({"host": host, "name": host, "client": f"{address}:2379", "peer": f"{address}:2380"})
    cluster = ",".join(sorted(f"{one['name']}=http://{one['peer']}" for one in members))
    return [{**one, "cluster": cluster} for one in members]
