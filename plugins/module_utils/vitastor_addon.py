# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Vitastor add-on wants of OpenNebula's configuration, per release."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import known_release, release_key
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError, Wants

NAME = "vitastor"
OLDEST_RELEASE = (6, 0)
DEPLOY = "deploy.vitastor"  # the vendor's
CORRECTED_DEPLOY = "deploy-kvmcloud.vitastor"  # ours, see docs/vitastor.md
CORRECTED_ATTACH = "attach_disk-kvmcloud.vitastor"
# Our overrides of what the vendor's drivers get wrong; all are used unless the inventory says otherwise.
# Each with the releases of Vitastor that need it, both ends included: measured on 3.0.8, the same in its sources since
# 1.9.0. A newer release may have cured it, and is not corrected unseen.
CORRECTED_RELEASES = {
    "attach_disk": ((1, 9), (3, 0)),
    "cpds": ((1, 9), (3, 0)),
    "deploy": ((1, 9), (3, 0)),
    "memory_snapshots": ((1, 9), (3, 0)),
    "mkswap": ((1, 9), (3, 0)),
    "restore": ((1, 9), (3, 0)),
    "snap_flatten": ((1, 9), (3, 0)),
}
CORRECTIONS = tuple(CORRECTED_RELEASES)
MEMORY_SNAPSHOTS = {"save": "save.vitastor", "restore": "restore.vitastor"}

TRANSFER = {
    "LN_TARGET": "NONE",
    "CLONE_TARGET": "SELF",
    "SHARED": "YES",
    "DS_MIGRATE": "NO",
    "DRIVER": "raw",
    "ALLOW_ORPHANS": "format",
    "TM_MAD_SYSTEM": "ssh,shared",
    "LN_TARGET_SSH": "SYSTEM",
    "CLONE_TARGET_SSH": "SYSTEM",
    "DISK_TYPE_SSH": "FILE",
    "LN_TARGET_SHARED": "NONE",
    "CLONE_TARGET_SHARED": "SELF",
    "DISK_TYPE_SHARED": "FILE",
}
# From 7.2 on every TM_MAD_CONF says whether a disk can change its datastore while it is used, or with snapshots.
TRANSFER_SINCE_7_2 = {"DS_LIVE_MIGRATE": "NO", "DS_MIGRATE_SNAP": "NO"}
DATASTORE = {"REQUIRED_ATTRS": "DISK_TYPE,BRIDGE_LIST", "PERSISTENT_ONLY": "NO", "MARKETPLACE_ACTIONS": "export"}


def needed(correction: str, version: str) -> bool:
    """Whether this release of Vitastor ('3.0.8', or empty for the newest that is known here) needs a correction."""
    if not version or correction not in CORRECTED_RELEASES:
        return True  # what is not known is refused elsewhere
    first, last = CORRECTED_RELEASES[correction]
    return first <= tuple(int(number) for number in re.findall(r"\d+", version)[:2]) <= last


def vitastor_wants(
    release: str,
    present: bool = True,
    domain_types: Sequence[str] = ("kvm",),
    memory_snapshots: bool = False,
    corrections: Sequence[str] = (),
    deploy_is_anothers: bool = False,
) -> Wants:
    """corrections: those of our overrides that are used (deploy, attach_disk, memory_snapshots matter here).

    deploy_is_anothers: StorPool's deploy-tweaks writes the definition of guests, and ours is a step of it.
    """
    key = release_key(known_release(release))
    if present and key < OLDEST_RELEASE:
        raise AddonError(
            f"The storage add-on vitastor does not work with OpenNebula {release}: its deploy script needs the file "
            "vm.xml, which oned writes beside a guest's definition since 6.0. Use release 6.0 or newer."
        )
    scripts = {}
    if not deploy_is_anothers:
        scripts["deploy"] = CORRECTED_DEPLOY if "deploy" in corrections else DEPLOY
    if "attach_disk" in corrections:
        scripts["attach_disk"] = CORRECTED_ATTACH
    # Corrected, they are called by OpenNebula's own save and restore on the node, as Ceph's are, and need no entry.
    if memory_snapshots and "memory_snapshots" not in corrections:
        scripts.update(MEMORY_SNAPSHOTS)
    return Wants(
        name=NAME,
        present=present,
        transfer={**TRANSFER, **(TRANSFER_SINCE_7_2 if key >= (7, 2) else {})},
        datastore=DATASTORE,
        scripts=scripts,
        owned_scripts={
            "deploy": (DEPLOY, CORRECTED_DEPLOY),
            "attach_disk": (CORRECTED_ATTACH,),
            **{action: (script,) for action, script in MEMORY_SNAPSHOTS.items()},
        },
        domain_types=tuple(domain_types),
        inherited=("VITASTOR_CONF", "IMAGE_PREFIX"),
    )
