# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lab status: what the inventory names, and what of it is there."""

from __future__ import annotations

from typing import Any

from kvmcloud_lab.images import known_images
from kvmcloud_lab.model import Host, Lab
from kvmcloud_lab.package_server import is_serving
from kvmcloud_lab.programs import LabError
from kvmcloud_lab.ssh import wait_until_answering
from kvmcloud_lab.state import read_state
from kvmcloud_lab.up import host_states, in_parallel


def status(lab: Lab) -> dict[str, Any]:
    states = host_states(lab.name)
    state = read_state(lab.name)
    images = known_images()

    def of(host: Host) -> dict[str, Any]:
        host_state = states.get(host.name, "absent")
        return {
            "name": host.name,
            "kind": host.kind,
            "image": images[host.image].tag,
            "address": str(host.address),
            "state": host_state,
            "answers": host_state == "running" and _answers(host),
        }

    return {
        "lab": lab.name,
        "hosts": in_parallel(of, lab.hosts),
        "server": state.get("server", ""),
        "serving": is_serving(lab.name),
        "opennebula": state.get("opennebula", {}),
    }


def as_table(found: dict[str, Any]) -> str:
    rows = [("HOST", "KIND", "IMAGE", "ADDRESS", "STATE", "SSH")]
    for host in found["hosts"]:
        answers = "answers" if host["answers"] else "-"
        rows.append((host["name"], host["kind"], host["image"], host["address"], host["state"], answers))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    opennebula = found["opennebula"]
    lines.append(f"lab {found['lab']}, packages: {found['server'] if found['serving'] else 'not served'}")
    if opennebula:
        lines.append(f"opennebula_source: {opennebula['source']} ({opennebula['why']})")
    return "\n".join(lines)


def _answers(host: Host) -> bool:
    try:
        wait_until_answering(host, 0)
    except LabError:
        return False
    return True
