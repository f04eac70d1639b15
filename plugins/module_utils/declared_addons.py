# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage add-ons that an inventory declares, and how they get along with one another.

With both, StorPool's deploy-tweaks has the definition of guests, and what Vitastor changes in it is a tweak of ours in
its directory. Our attach_disk has the attaching, and hands disks that are not Vitastor's on to StorPool's script.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError, Edits, Wants, addon_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.storpool_addon import OVERRIDES, storpool_wants
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_addon import CORRECTIONS, needed, vitastor_wants

ADDONS = ("vitastor", "storpool")
# What the inventory says of each, by setting the variable.
VARIABLES = {
    "vitastor": {
        "state": "vitastor_opennebula_state",
        "memory_snapshots": "vitastor_opennebula_memory_snapshots",
        "corrections": "vitastor_opennebula_corrections",
        "version": "vitastor_opennebula_version",
        "accept_unisolated": "vitastor_accept_unisolated",
    },
    "storpool": {
        "state": "storpool_opennebula_state",
        "version": "storpool_opennebula_version",
        "overrides": "storpool_opennebula_overrides",
        "vm_snapshots": "storpool_opennebula_vm_snapshots",
        "restricted_attributes": "storpool_opennebula_restricted_attributes",
    },
}
WITHOUT_VERSION = "26.04"  # of an add-on that goes: which release it was does not matter


class Sharing(NamedTuple):
    deploy_tweak: bool  # the Vitastor change of the definition is a tweak of StorPool's deploy-tweaks
    attach_chain: bool  # our attach_disk hands on to StorPool's


def sharing(names: Iterable[str], settings: Mapping[str, Mapping[str, Any]]) -> Sharing:
    present = [name for name in names if settings.get(name, {}).get("state", "present") == "present"]
    if not {"vitastor", "storpool"} <= set(present):
        return Sharing(False, False)
    overrides = _given(settings["storpool"], "overrides", OVERRIDES)
    corrections = _corrections(settings.get("vitastor", {}))
    return Sharing("deploy" in overrides, "attach_disk" in overrides and "attach_disk" in corrections)


def _given(settings: Mapping[str, Any], name: str, default: Sequence[str]) -> list[str]:
    """What the inventory says, or the role's default where it says nothing."""
    return list(default if settings.get(name) is None else settings[name])


def _corrections(settings: Mapping[str, Any]) -> list[str]:
    """Those that this release of Vitastor needs: oned.conf must name no script that is not installed."""
    version = str(settings.get("version") or "")
    return [one for one in _given(settings, "corrections", CORRECTIONS) if needed(one, version)]


def declared_addons(names: Sequence[str], release: str, settings: Mapping[str, Mapping[str, Any]]) -> list[Wants]:
    unknown = [name for name in names if name not in ADDONS]
    if unknown:
        raise AddonError(f"opennebula_storage_addons names {', '.join(unknown)}; known are {', '.join(ADDONS)}.")
    shared = sharing(names, settings)
    wanted = []
    for name in ADDONS:  # in one order, so that the files do not depend on that of the list
        if name not in names:
            continue
        given = settings.get(name, {})
        present = given.get("state", "present") == "present"
        domain_types = tuple(given.get("domain_types") or ["kvm"])
        if name == "vitastor":
            wanted.append(
                vitastor_wants(
                    release,
                    present,
                    domain_types,
                    bool(given.get("memory_snapshots")),
                    _corrections(given),
                    shared.deploy_tweak,
                )
            )
            continue
        if present and given.get("vm_snapshots") and len(names) > 1:
            raise AddonError(
                "storpool_opennebula_vm_snapshots replaces the snapshots of all VMs, and its scripts refuse disks that "
                f"are not StorPool's; opennebula_storage_addons also has {', '.join(set(names) - {name})}. Set it to "
                "false, or have StorPool alone."
            )
        wanted.append(
            storpool_wants(
                release,
                str(given.get("version") or "") if present else WITHOUT_VERSION,
                present,
                domain_types,
                _given(given, "overrides", OVERRIDES),
                bool(given.get("vm_snapshots")),
                given.get("restricted_attributes") or (),
                ["attach_disk"] if shared.attach_chain else [],
            )
        )
    return wanted


def storage_addon_edits(
    names: Sequence[str],
    release: str,
    settings: Mapping[str, Mapping[str, Any]],
    own_edits: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Edits]:
    """Edits of oned.conf and vmm_execrc by path, as with_edits and one_config take them."""
    return addon_edits(declared_addons(names, release, settings), own_edits)


def storage_addon_datastores(
    pool: Iterable[Mapping[str, Any]], names: Sequence[str], release: str, settings: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Of these datastores those of add-ons, by id and with what oned.conf says of their drivers, for onedatastore."""
    drivers = {one.name: dict(one.transfer) for one in declared_addons(names, release, settings) if one.present}
    return [
        {"id": one["id"], "driver": drivers[one["template"]["TM_MAD"]]}
        for one in pool
        if one["template"].get("TM_MAD") in drivers
    ]
