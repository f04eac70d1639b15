# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the inventory says of GlusterFS to volumes with their bricks in order, or to all that is wrong with it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import (
    Form,
    FormError,
    form_from_counts,
    form_of,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout import LayoutError, check_order, layout
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout_change import Change, change
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import Disk, Host, Layout, read_back

# Said of a volume for the planner; the modules take the bricks that come of it.
PLANNED = ("disks", "arbiter_disks")

Volume = Mapping[str, Any]
HostVars = Mapping[str, Mapping[str, Any]]


class InventoryError(ValueError):
    """One finding on each line."""


def default_mount(brick: str) -> str:
    return f"/bricks/{brick}"


def volumes_with_bricks(
    volumes: Sequence[Volume],
    hostvars: HostVars,
    hosts: Sequence[str],
    register: str,
    present: Sequence[Volume] = (),
) -> list[dict[str, Any]]:
    """`register`: the variable of a host in which the result of gluster_brick is, for the sizes of the disks.

    Volumes that are `present` keep their sets; what is declared now is reached with the fewest moves.
    """
    findings: list[str] = []
    pool = _pool(hostvars, hosts, findings)
    found: list[dict[str, Any]] = []
    owner: dict[str, str] = {}
    existing = {one["name"]: one for one in present}
    for volume in volumes:
        name = str(volume.get("name") or "")
        if any(other["name"] == name for other in found):
            findings.append(f"volume {name}: it is declared twice; keep one.")
        if volume.get("state") == "absent":
            found.append({**volume, "name": name})
            continue
        try:
            form = form_of(volume)
            picture = _picture(volume, name, hostvars, pool, register)
            planned, difference = _planned(volume, name, form, picture, existing.get(name))
        except (FormError, LayoutError, InventoryError) as error:
            findings.append(str(error))
            continue
        order = _as_known(planned, existing.get(name), form, picture)
        for brick in order:
            other = owner.setdefault(brick, name)
            if other != name:
                findings.append(f"volume {name}: brick {brick} is one of volume {other} too; each needs its own.")
        shown = {option: value for option, value in volume.items() if option not in PLANNED}
        found.append(
            {
                **shown,
                "name": name,
                "replica": form.replica if not form.disperse else 0,
                "arbiter": form.arbiter,
                "disperse": form.disperse,
                "redundancy": form.redundancy,
                "bricks": order,
                "capacity_mb": planned.capacity_mb,
                "survives": planned.survives,
                # Of bricks that are given, the order is the whole truth.
                "hosts": [] if volume.get("bricks") else [shown_host(host) for host in picture],
                **({} if difference is None else {"change": shown_change(difference)}),
            }
        )
    if findings:
        raise InventoryError("\n".join(findings))
    return found


def _pool(hostvars: HostVars, hosts: Sequence[str], findings: list[str]) -> dict[str, Host]:
    """By the name of the inventory: how the pool calls it, and where it is."""
    pool: dict[str, Host] = {}
    for name in hosts:
        variables = hostvars[name]
        host = Host(
            str(variables.get("gluster_server_name") or name),
            str(variables.get("gluster_server_failure_domain") or ""),
            (),
            tuple(map(str, variables.get("gluster_server_other_names") or ())),
        )
        for other, known in pool.items():
            shared = {host.name, *host.other_names} & {known.name, *known.other_names}
            if shared:
                findings.append(f"{name} and {other} are both called {', '.join(sorted(shared))} in the trusted pool.")
        pool[name] = host
    return pool


def _picture(volume: Volume, name: str, hostvars: HostVars, pool: Mapping[str, Host], register: str) -> list[Host]:
    """The hosts of the volume with the disks that are for it."""
    asked = [str(one) for one in volume.get("hosts") or pool]
    by_any = {**{host.name: one for one, host in pool.items()}, **{one: one for one in pool}}
    unknown = [one for one in asked if one not in by_any]
    if unknown:
        raise InventoryError(
            f"volume {name}: hosts names {', '.join(unknown)}, which {'is' if len(unknown) == 1 else 'are'} not in the "
            f"group gluster_servers ({', '.join(pool) or 'it is empty'})."
        )
    if volume.get("bricks"):
        if volume.get("disks") or volume.get("arbiter_disks"):
            raise InventoryError(f"volume {name}: it has bricks and disks; declare one of the two.")
        return [pool[by_any[one]] for one in asked]
    if volume.get("arbiter_disks") and not volume.get("arbiter"):
        raise InventoryError(f"volume {name}: arbiter_disks are for {{replica: 3, arbiter: 1}}, which it is not.")
    findings: list[str] = []
    found = []
    for one in dict.fromkeys(by_any[one] for one in asked):
        disks = _disks(volume, name, one, hostvars[one], register, findings)
        found.append(pool[one]._replace(disks=disks))
    if findings:
        raise InventoryError("\n".join(findings))
    return found


def _disks(
    volume: Volume, name: str, host: str, variables: Mapping[str, Any], register: str, findings: list[str]
) -> tuple[Disk, ...]:
    declared = {str(brick["name"]): brick for brick in variables.get("gluster_bricks") or ()}
    result = variables.get(register) or {}
    sizes = {brick["name"]: int(brick.get("size_mb") or 0) for brick in result.get("bricks") or ()}
    apart = [str(one) for one in volume.get("arbiter_disks") or ()]
    data = [str(one) for one in volume.get("disks") or ()] or [one for one in declared if one not in apart]
    # A host may have arbiters and nothing else.
    witness = any(one in declared for one in apart)
    missing = [one for one in data if one not in declared]
    if missing and not (witness and len(missing) == len(data)):
        findings.append(
            f"volume {name}: {host} has no {', '.join(missing)} in gluster_bricks, which "
            f"{'names ' + ', '.join(declared) if declared else 'is empty'}. Declare it there, or name in hosts those "
            "that have it."
        )
    found = []
    for one, arbiter in [*((one, False) for one in data), *((one, True) for one in apart)]:
        if one in declared:
            mount = str(declared[one].get("mount") or default_mount(one)).rstrip("/")
            found.append(Disk(one, f"{mount}/{name}", 0 if arbiter else sizes.get(one, 0), arbiter))
    return tuple(found)


def _planned(
    volume: Volume, name: str, form: Form, picture: Sequence[Host], existing: Volume | None
) -> tuple[Layout, Change | None]:
    bricks = [str(brick) for brick in volume.get("bricks") or ()]
    if bricks:
        findings = check_order(bricks, form, name, picture)
        if findings:
            raise InventoryError("\n".join(findings))
        return read_back(bricks, form, picture), None
    if not existing:
        return layout(picture, form, name), None
    left = gluster_options.left_bricks(existing.get("options") or {})
    found = change(_read_back(existing, picture), picture, form, name, left)
    return found.layout, found


def _read_back(existing: Volume, picture: Sequence[Host]) -> Layout:
    counts = [int(existing.get(kind) or 0) for kind in ("replica", "arbiter", "disperse", "redundancy")]
    return read_back(_names(existing), form_from_counts(*counts), picture)


def _names(existing: Volume) -> list[str]:
    return [str(brick["name"]) if isinstance(brick, Mapping) else str(brick) for brick in existing["bricks"]]


def _as_known(planned: Layout, existing: Volume | None, form: Form, picture: Sequence[Host]) -> list[str]:
    """Bricks that stay are called as the volume calls them, which may be another name of the host."""
    if not existing:
        return planned.order
    texts = _names(existing)
    called = {str(brick): text for brick, text in zip(read_back(texts, form, picture).bricks, texts)}
    return [called.get(str(brick), str(brick)) for brick in planned.bricks]


def shown_change(found: Change) -> dict[str, Any]:
    return {
        "steps": found.sentences,
        "moves": found.moves,
        "findings": found.findings,
    }


def shown_host(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "other_names": list(host.other_names),
        "rack": host.rack,
        "disks": [disk._asdict() for disk in host.disks],
    }


def host_from(shown: Mapping[str, Any]) -> Host:
    """Back from what shown_host made, as modules get it."""
    disks = tuple(
        Disk(disk["name"], disk["path"], int(disk.get("size_mb") or 0), bool(disk.get("arbiter")))
        for disk in shown.get("disks") or ()
    )
    return Host(shown["name"], shown.get("rack") or "", disks, tuple(shown.get("other_names") or ()))
