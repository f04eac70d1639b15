# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares of GlusterFS, as the modules take it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Iterable, Mapping

import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_gateway
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import WHOLE_CLOUD, Gluster
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_gluster import SERVER_VARIABLES
from ansible_collections.kvmcloud.stack.plugins.modules import gluster_brick, gluster_mount, gluster_volume
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.host_variables import list_of, value_of
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.module_options import as_modules_take

# Volumes as the role takes them: disks, of which the filter makes bricks, and hosts by their names.
NAMES: dict[str, Any] = {"type": "list", "elements": "str"}
VOLUME_OPTIONS = {**gluster_volume.VOLUME, "hosts": NAMES, "disks": NAMES, "arbiter_disks": NAMES}
BRICK_OPTIONS = gluster_brick.SPEC["bricks"]["options"]
MOUNT_OPTIONS = gluster_mount.SPEC["mounts"]["options"]
GATEWAY = (gluster_gateway.EXPORTS, gluster_gateway.SHARES, gluster_gateway.USERS)
ROLES = Path(__file__).resolve().parents[2] / "roles"


@functools.lru_cache(maxsize=None)
def role_options(role: str) -> dict[str, Any]:
    """What the role itself would check, after other roles of the run had changed hosts."""
    specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options: dict[str, Any] = specs["argument_specs"]["main"]["options"]
    return options


def gluster_of(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], servers: Iterable[str]) -> Gluster:
    """Volumes are declared for all servers alike, as the role takes them from the first one."""
    servers = [name for name in servers if name in hostvars]
    gluster = Gluster()

    def taken(host: str, where: str, variable: str, options: dict[str, Any]) -> list[dict[str, Any]]:
        found = list_of(hostvars[host], variable)
        entries, faults = as_modules_take(found.entries, options, variable, named=False)
        gluster.faults += [(where, fault) for fault in ([found.fault] if found.fault else faults)]
        return entries

    gateway = role_options("gluster_gateway")
    speaker = next(iter(servers or hosts), None)
    if speaker is not None:
        gluster.volumes = taken(speaker, WHOLE_CLOUD, "gluster_volumes", VOLUME_OPTIONS)
    for name in servers:
        gluster.servers[name] = {variable: value_of(hostvars[name], variable) for variable in SERVER_VARIABLES}
        gluster.servers[name]["gluster_bricks"] = taken(name, name, "gluster_bricks", BRICK_OPTIONS)
    for name in hosts:
        taken(name, name, "gluster_client_mounts", MOUNT_OPTIONS)
        given = [taken(name, name, variable, gateway[variable]["options"]) for variable in GATEWAY]
        gluster.faults += [(name, fault) for fault in gluster_gateway.gluster_gateway_findings(*given)]
    return gluster
