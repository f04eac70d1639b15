# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the steps: whether the volumes have become what was declared, their sets above all. Pure."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_bricks_change import sets_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import form_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volume_plan import Declaration, brick_names
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import Brick, Volume, ghost


def verify(declarations: Sequence[Declaration], volumes: Sequence[Volume]) -> list[str]:
    findings = []
    present = {volume.name: volume for volume in volumes}
    for declaration in declarations:
        name, found = declaration["name"], present.get(declaration["name"])
        if declaration["state"] == "absent":
            if found:
                findings.append(f"volume {name}: it was deleted without an error and is still there.")
            continue
        form = form_of(declaration)
        if found is None:
            findings.append(f"volume {name}: it was created without an error and is not there.")
        elif found.form != form:
            findings.append(f"volume {name}: it is {found.form} after the change, not {form}.")
        elif found.is_ghost:
            findings.append(f"volume {name}: {ghost(found)}")
        elif not any(host.get("disks") for host in declaration.get("hosts") or []):
            findings += _other_sets(name, found, brick_names(declaration))
    return findings


def _other_sets(name: str, found: Volume, bricks: Sequence[str]) -> list[str]:
    """By paths: the same host may have another name. Order means nothing."""
    paths = {frozenset(Brick(brick).path for brick in one) for one in sets_of(bricks, found.form.width)}
    have = {frozenset(brick.path for brick in one) for one in found.sets}
    return [] if paths == have else [f"volume {name}: its sets are {[[b.name for b in s] for s in found.sets]} now."]
