# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lab down and purge: found by name in the kernel and in podman, not from memory, so that half-made labs go as well."""

from __future__ import annotations

import shutil
from pathlib import Path

from kvmcloud_lab import container, guest
from kvmcloud_lab.disks import free_loops, lab_loops
from kvmcloud_lab.kernel_limits import restore_limits
from kvmcloud_lab.network import NAMESPACES, lab_links, lab_namespaces, remove_networks
from kvmcloud_lab.package_server import stop_server
from kvmcloud_lab.paths import LABS, PREFIX, ROOT, RUN, lab_dir
from kvmcloud_lab.programs import LabError, run


def down(lab: str) -> None:
    stop_server(lab)
    guest.remove_all(lab)
    container.remove_all(lab)
    remove_networks(lab)
    free_loops(lab)
    left = remains(lab)
    if left:
        raise LabError(f"The lab {lab} is down but for: {', '.join(left)}.")
    shutil.rmtree(lab_dir(lab), ignore_errors=True)
    for file in RUN.glob(f"{lab}.*"):
        if file.suffix != ".lock":  # held by the caller
            file.unlink()
    if not labs_here():
        restore_limits()


def remains(lab: str) -> list[str]:
    """What of a lab is on this machine, apart from its directory."""
    loops = [f"{device} ({file})" for device, file in lab_loops(lab)]
    return [*guest.running_names(lab), *container.states(lab), *lab_namespaces(lab), *lab_links(lab), *loops]


def labs_here() -> list[str]:
    """Labs of which anything is left."""
    names = {path.name for path in LABS.glob("*")}
    names |= {path.name.split("-")[1] for path in NAMESPACES.glob(f"{PREFIX}-*")}
    return sorted(names)


def purge() -> None:
    """All labs, all images, all that the lab ever wrote."""
    for lab in labs_here():
        down(lab)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.startswith((f"{ROOT}/", f"{RUN}/")):
            run(["umount", "--lazy", mount])
    for directory in (ROOT, RUN):
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists():
            raise LabError(f"{directory} could not be removed entirely.")
