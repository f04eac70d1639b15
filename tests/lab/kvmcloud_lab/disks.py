# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Block devices of lab hosts: sparse files, which containers see through loop devices and guests as virtio disks.

Loop devices belong to the whole machine. losetup takes free ones through /dev/loop-control, and they are found again by
the file behind them, so none is forgotten whatever happened to the process that took it.
"""

from __future__ import annotations

import json
from pathlib import Path

from kvmcloud_lab.model import Host
from kvmcloud_lab.paths import LABS, host_dir
from kvmcloud_lab.programs import LabError, run


def disk_file(lab: str, host: str, disk: str) -> Path:
    return host_dir(lab, host) / "disks" / f"{disk}.img"


def ensure_files(lab: str, host: Host) -> None:
    for disk in host.disks:
        file = disk_file(lab, host.name, disk.name)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as new:
                new.truncate(disk.size)


def ensure_loops(lab: str, host: Host) -> dict[str, str]:
    """The loop device (/dev/loop7) of each disk, by the disk's name."""
    ensure_files(lab, host)
    attached = {file: device for device, file in lab_loops(lab, host.name)}
    loops = {}
    for disk in host.disks:
        file = disk_file(lab, host.name, disk.name)
        device = attached.get(str(file)) or run(["losetup", "--find", "--show", "--nooverlap", file]).strip()
        loops[disk.name] = device
    return loops


def lab_loops(lab: str, host: str = "") -> list[tuple[str, str]]:
    """(device, file) of each loop device of a lab, or of one of its hosts."""
    listing = run(["losetup", "--list", "--json", "--output", "NAME,BACK-FILE"])
    devices = json.loads(listing)["loopdevices"] if listing.strip() else []
    prefix = f"{host_dir(lab, host)}/" if host else f"{LABS / lab}/"
    return [(device["name"], device["back-file"]) for device in devices if device["back-file"].startswith(prefix)]


def free_loops(lab: str, host: str = "") -> None:
    for entry in lab_loops(lab, host):
        try:
            run(["losetup", "--detach", entry[0]])
        except LabError:
            # One that was busy before goes by itself with its last user, which may be just now.
            if entry in lab_loops(lab, host):
                raise
