# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory says of the servers of GlusterFS, in the shape the modules take."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

HostVars = Mapping[str, Mapping[str, Any]]


def server_name(host: str, variables: Mapping[str, Any]) -> str:
    """By which the pool knows the host."""
    return str(variables.get("gluster_server_name") or host)


def gluster_server_names(hosts: Iterable[str], hostvars: HostVars) -> list[str]:
    return [server_name(host, hostvars[host]) for host in hosts]


def gluster_other_names(hosts: Iterable[str], hostvars: HostVars) -> dict[str, list[str]]:
    """Further names of the servers, by name; without those that have none."""
    names = {
        server_name(host, hostvars[host]): [
            str(name) for name in hostvars[host].get("gluster_server_other_names") or ()
        ]
        for host in hosts
    }
    return {name: others for name, others in names.items() if others}
