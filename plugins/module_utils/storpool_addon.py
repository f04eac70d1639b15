# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the StorPool add-on wants of OpenNebula's configuration, per release of the add-on, and which releases fit."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import known_release
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError, Wants

NAME = "storpool"

# By release of OpenNebula, the first release of the add-on whose installer knows it.
FIRST_FOR: dict[str, tuple[int, int]] = {
    "5.12": (20, 7),
    "6.0": (21, 8),
    "6.2": (21, 11),
    "6.4": (22, 5),
    "6.6": (23, 11),
    "6.8": (23, 11),
    "6.10": (24, 9),
    "7.0": (25, 7),
    "7.2": (26, 4),
}
SCRIPTS = {
    "deploy": "deploy-tweaks",
    "attach_disk": "attach_disk.storpool",
    "detach_disk": "detach_disk.storpool",
    "save": "tmsave",
    "restore": "tmrestore",
    "snapshotcreate": "snapshot_create-storpool",
    "snapshotrevert": "snapshot_revert-storpool",
    "snapshotdelete": "snapshot_delete-storpool",
}
OVERRIDES = ("deploy",)  # what a StorPool system datastore needs; the others are options
SNAPSHOT_ACTIONS = ("snapshotcreate", "snapshotrevert", "snapshotdelete")

_TRANSFER = {
    "LN_TARGET": "NONE",
    "CLONE_TARGET": "SELF",
    "SHARED": "yes",
    "DS_MIGRATE": "yes",
    "DRIVER": "raw",
    "ALLOW_ORPHANS": "yes",
}


def addon_version(version: str) -> tuple[int, int]:
    """'v24.02.1' -> (24, 2): year and month, which order the releases."""
    match = re.match(r"^v?(\d\d)\.(\d\d)(\.\d+(-\w+)?)?$", str(version))
    if not match:
        raise AddonError(f"storpool_opennebula_version is {version!r}; wanted a release of the add-on like 26.04.0.")
    return int(match.group(1)), int(match.group(2))


def check_pair(release: str, version: str) -> None:
    """Whether this release of the add-on knows this OpenNebula; an unknown pair is refused."""
    short = known_release(release)
    if short not in FIRST_FOR:
        raise AddonError(
            f"No release of the StorPool add-on is known to fit OpenNebula {short}; those that are known fit "
            f"{', '.join(FIRST_FOR)}."
        )
    first = FIRST_FOR[short]
    if addon_version(version) < first:
        raise AddonError(
            f"Release {version} of the StorPool add-on does not know OpenNebula {short}; "
            f"use {first[0]}.{first[1]:02d} or newer."
        )


def transfer_settings(version: str) -> dict[str, str]:
    """TM_MAD_CONF as this release of the add-on documents it; which system datastores run its images has changed."""
    number = addon_version(version)
    if number >= (24, 9):
        return {**_TRANSFER, "TM_MAD_SYSTEM": ""}
    systems, disk_type = (("SSH", "SHARED"), "BLOCK") if number < (21, 8) else (("SSH", "SHARED", "QCOW2"), "NONE")
    settings = {**_TRANSFER, "TM_MAD_SYSTEM": ",".join(systems).lower()}
    for system in systems:
        settings.update(
            {f"LN_TARGET_{system}": "NONE", f"CLONE_TARGET_{system}": "SELF", f"DISK_TYPE_{system}": disk_type}
        )
    return settings


def storpool_wants(
    release: str,
    version: str,
    present: bool = True,
    domain_types: Sequence[str] = ("kvm",),
    overrides: Sequence[str] = OVERRIDES,
    vm_snapshots: bool = False,
    restricted: Sequence[str] = (),
    given_up: Sequence[str] = (),
) -> Wants:
    """overrides: actions that the add-on's scripts take over, of deploy, attach_disk, detach_disk, save and restore.

    given_up: those of them whose script is called by another's, which has the action.
    """
    if present:
        check_pair(release, version)
    number = addon_version(version)
    overrides = [action for action in overrides if action not in given_up]
    unknown = sorted(set(overrides) - (set(SCRIPTS) - set(SNAPSHOT_ACTIONS)))
    if unknown:
        raise AddonError(
            f"storpool_opennebula_overrides names {', '.join(unknown)}, which the add-on has no script for."
        )
    if ("save" in overrides) != ("restore" in overrides):
        raise AddonError("storpool_opennebula_overrides names one of save and restore; they need each other.")
    attributes = ["VMSNAPSHOT_LIMIT", "DISKSNAPSHOT_LIMIT", "VC_POLICY"] + (
        ["SP_QOSCLASS"] if number >= (23, 11) else []
    )
    actions = [*overrides, *(SNAPSHOT_ACTIONS if vm_snapshots else ())]
    return Wants(
        name=NAME,
        present=present,
        transfer=transfer_settings(version),
        datastore={
            "REQUIRED_ATTRS": "DISK_TYPE",
            "PERSISTENT_ONLY": "NO",
            "MARKETPLACE_ACTIONS": "export" if number >= (21, 11) else "",
        },
        scripts={action: script for action, script in SCRIPTS.items() if action in actions},
        owned_scripts={action: (script,) for action, script in SCRIPTS.items()},
        domain_types=tuple(domain_types),
        restricted=(*attributes, *restricted),
        owned_restricted=("VMSNAPSHOT_LIMIT", "DISKSNAPSHOT_LIMIT", "VC_POLICY", "SP_QOSCLASS", *restricted),
    )
