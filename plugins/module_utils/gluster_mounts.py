# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of GlusterFS mounted by FUSE, on the same plan as datastores: sealed directory, line in fstab, mount.

Pure: what is there comes in as records, what to do goes out as steps.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import (
    MountPlan,
    MountPlanner,
    Owner,
    Present,
    Wanted,
    mount_options,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount, family
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step

BACKUP = "backup-volfile-servers"
# On a host that is a server too. After, and not requires: glusterd that stops does not take the mount away.
AFTER_GLUSTERD = "x-systemd.after=glusterd.service"

Entry = Mapping[str, Any]


def check_declarations(mounts: Sequence[Entry]) -> list[str]:
    """Findings about what is declared, before anything is looked at."""
    findings = []
    paths = [one["path"] for one in mounts]
    for one in mounts:
        label = f"volume {one['volume']}"
        if not re.fullmatch(r"/[^/\s]+(/[^/\s]+)*", one["path"]) or ".." in one["path"].split("/"):
            findings.append(f"{label}: path {one['path']!r} is no mount point; write /srv/{one['volume']}.")
        if paths.count(one["path"]) > 1 and f"{one['path']} is declared" not in " ".join(findings):
            findings.append(f"{label}: {one['path']} is declared more than once; keep one.")
        if one["state"] == "absent":
            continue
        if not one["servers"]:
            findings.append(
                f"{label}: servers is empty; name the servers of the pool, the first one to be asked first."
            )
        if re.search(r"\s", one["opts"]):
            findings.append(f"{label}: opts {one['opts']!r} holds white space; separate options by commas alone.")
        if BACKUP in one["opts"]:
            findings.append(f"{label}: opts has {BACKUP}, which is made of servers; leave it out.")
    return findings


def wanted_mounts(mounts: Sequence[Entry]) -> list[Wanted]:
    """The server that is named first gives the description of the volume; the others are asked when it is away."""
    found = []
    for one in mounts:
        if one["state"] == "absent":
            continue
        first, *others = dict.fromkeys(one["servers"])
        backup = [f"{BACKUP}={':'.join(others)}"] if others else []
        given = ",".join([one["opts"] or "defaults", *backup, AFTER_GLUSTERD])
        source = f"{first}:/{one['volume'].strip('/')}"
        found.append(Wanted(one["volume"], one["path"], source, source, "glusterfs", mount_options(given, "glusterfs")))
    return found


class GlusterMounts(MountPlanner):
    noun = "volume"

    def __init__(self, present: Present, lenient: bool) -> None:
        super().__init__(present, location="/", owner=Owner(0, 0), lenient=lenient)

    def _elsewhere(self, one: Wanted) -> list[str]:
        """A volume may be mounted as often as one likes; it is made to be."""
        return []

    @staticmethod
    def _is_same(found: Mount, one: Wanted) -> bool:
        """By whichever server: the one that a mount was made from may have been replaced since, and it goes on."""
        return family(found.fstype) == one.fstype and _volume(found.source) == _volume(one.source)

    def _own(self, one: Wanted, missing: bool) -> list[Step]:
        """The owner of the root of a volume is an option of the volume."""
        directory = self.present.directories.get(one.path)
        if not missing and directory and directory.uid is None:
            self._find(one, f"the mount at {one.path} does not answer; are enough of its bricks online?")
        return []


def _volume(source: str) -> str:
    return source.rpartition(":")[2].strip("/")


def plan_mounts(mounts: Sequence[Entry], present: Present, lenient: bool) -> MountPlan:
    unwanted = [one["path"] for one in mounts if one["state"] == "absent"]
    return GlusterMounts(present, lenient).plan([], wanted_mounts(mounts), unwanted)
