# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and OSDs of a Vitastor cluster: what is declared, what is there, and the steps from one to the other.

The vendor's commands end with 0 where they did nothing or failed by half, so all is decided by what they list.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import address_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Step

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
    for option, _word, key in FIXED:
        if pool.get(option) and key in found and str(found[key]) != str(pool[option]):
            raise ClusterError(
                f"Pool {name} has {option} {found[key]}, declared is {pool[option]}; it is fixed for a pool's life."
            )
    argv, told = ["vitastor-cli", "modify-pool", name], []
    for option, word, key in CHANGEABLE:
        if pool.get(option) and str(found.get(key)) != str(pool[option]):
            argv += [word, str(pool[option])]
            told.append(f"{option} {found.get(key)} -> {pool[option]}")
    return Step(f"change pool {name}: {', '.join(told)}", tuple(argv)) if told else None


def explained(reason: str) -> str:
    """What the vendor's sentence does not say."""
    if "Not enough matching OSDs" in reason:
        return (
            f"{reason} Fewer hosts (or OSDs, by failure_domain) than copies are up, or the OSDs have another "
            "immediate_commit or other tags than the pool asks for; `vitastor-cli ls-osd` lists them."
        )
    return reason


# ---- OSDs ------------------------------------------------------------------------------------------------------------


class Disk(NamedTuple):
    path: str
    has_osd: bool
    holds: str  # anything else that is on it, in words


def parse_disk(path: str, lsblk: str) -> Disk:
    """From `lsblk -J -o PATH,TYPE,FSTYPE,PARTTYPE,MOUNTPOINT` of one device."""
    try:
        (node,) = json.loads(lsblk)["blockdevices"]
    except (ValueError, KeyError) as error:
        raise ClusterError(f"lsblk does not know {path}.") from error
    parts = node.get("children") or []
    osds = [part for part in parts if (part.get("parttype") or "").lower() == OSD_PARTITION]
    others = [part for part in parts if part not in osds]
    holds = [f"{one['path']} ({one.get('fstype') or one['type']})" for one in others]
    if node.get("fstype"):
        holds.insert(0, str(node["fstype"]))
    if node.get("type") != "disk":
        holds.insert(0, f"a {node.get('type')}, and wanted is a whole disk")
    return Disk(path, bool(osds), ", ".join(holds))


def disks_to_prepare(disks: Iterable[Disk]) -> list[str]:
    """Those without an OSD. One that holds anything else is refused, and all of them are told at once."""
    disks = list(disks)
    foreign = [f"{disk.path} holds {disk.holds}" for disk in disks if disk.holds]
    if foreign:
        raise ClusterError(
            f"Nothing was prepared: {'; '.join(foreign)}. The role never wipes a disk. Name disks that are empty, or "
            "empty these yourself (wipefs -a) when what they hold is of no use to anybody."
        )
    return [disk.path for disk in disks if not disk.has_osd]


def check_dry_run(printed: str, devices: Iterable[str]) -> None:
    """What vitastor-disk itself would do with them, before it does."""
    planned = {one["device_path"]: one["new_osd_count"] for one in last_json(printed, "vitastor-disk")["devices"]}
    left_out = [device for device in devices if not planned.get(device)]
    if left_out:
        raise ClusterError(f"vitastor-disk would make no OSD on {', '.join(left_out)}. Nothing was prepared.")


def check_prepared(printed: str) -> list[int]:
    """It ends with 0 also when an OSD could not be made: what counts is the list of errors."""
    answer = last_json(printed, "vitastor-disk")
    if answer.get("errors"):
        told = "; ".join(str(one.get("error", one) if isinstance(one, dict) else one) for one in answer["errors"])
        raise ClusterError(f"vitastor-disk could not make all OSDs: {told}.")
    return [int(one["osd_num"]) if isinstance(one, dict) else int(one) for one in answer.get("osds", [])]


# ---- members of etcd -------------------------------------------------------------------------------------------------


def vitastor_members(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each host as a member: its name, where clients and the other members reach it, and all of them as etcd wants."""
    members = []
    for number, host in enumerate(hosts):
        address = address_of(host, hostvars[host])
        address = f"[{address}]" if ":" in address else address
        members.append({"host": host, "name": f"etcd{number}", "client": f"{address}:2379", "peer": f"{address}:2380"})
    cluster = ",".join(f"{one['name']}=http://{one['peer']}" for one in members)
    return [{**one, "cluster": cluster} for one in members]
