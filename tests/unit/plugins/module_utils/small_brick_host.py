# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with disks for bricks: SmallHost with disks that are formatted as they are, without LVM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Sequence

from small_storage_host import SmallHost

from ansible_collections.kvmcloud.stack.plugins.module_utils import fstab
from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import Disks
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import Directory, Present
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_directories import plan_directories
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_plan import (
    MARK,
    BrickDisks,
    Found,
    plan_mounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step


def brick(name: str = "b1", device: str | None = "/dev/sdb", **more: Any) -> dict[str, Any]:
    entry = {"name": name, "device": device, "mount": f"/bricks/{name}", "lvm": None, "inode_size": 512}
    rest = {"opts": "noatime", "wipe_signatures": [], "keep": "", "directories": []}
    return {**entry, **rest, **more}


def lvm(group: str = "vg", size: str = "100%", *more: str) -> dict[str, Any]:
    return {"volume_group": group, "logical_volume": None, "size": size, "more_devices": list(more)}


@dataclass
class BrickMachine(SmallHost):
    plain: dict[str, tuple[str, int]] = field(default_factory=dict)  # device: UUID and size of the XFS on it
    made: dict[str, set[str]] = field(default_factory=dict)  # directories, by what is mounted
    formatted: list[str] = field(default_factory=list)

    # -- looked at ---------------------------------------------------------------------------------------------------

    def number(self, device: str) -> str:
        return f"8:{16 * (ord(device[-1]) - ord('a'))}"

    def disks(self) -> Disks:
        found = super().disks()
        devices = {}
        for path, device in found.devices.items():
            held = (f"xfs:{self.plain[path][0]}",) if path in self.plain else ()
            mounted = tuple(f"{path} is mounted at {at}" for at, source in self.mounts.items() if source == path)
            devices[path] = Device(
                path, device.size, uses=mounted, signatures=(*device.signatures, *held), number=self.number(path)
            )
        return found._replace(devices=devices)

    def present(self) -> Present:
        mounts = [
            Mount(path, source, "xfs", self.number(source) if source in self.sizes else self.volumes[source]["number"])
            for path, source in self.mounts.items()
        ]
        directories = {path: Directory((), uid) for path, uid in self.directories.items()}
        directories.update({path: Directory((), 0) for path in self.mounts})
        return Present(mounts, self.fstab, directories)

    def look(self) -> Found:
        present = self.present()
        holders = {f"UUID={uuid}": device for device, (uuid, _size) in self.plain.items()}
        return Found(
            present.mounts,
            self.fstab,
            {device: size for device, (_uuid, size) in self.plain.items()},
            {e.source: holders[e.source] for e in fstab.entries(self.fstab) if e.source in holders},
        )

    def steps(self, *bricks: dict[str, Any]) -> list[Step]:
        plan, findings = self.try_plan(*bricks)
        assert not findings, findings
        mounted = list(self.mounts)
        present = {
            f"{path}/{name}": (0, 0, 0o755)
            for path, source in self.mounts.items()
            for name in self.made.get(source, ())
        }
        return [*plan.steps, *plan_directories(bricks, present, mounted)]

    def try_plan(self, *bricks: dict[str, Any]) -> tuple[Any, list[str]]:
        present = self.present()
        planner = BrickDisks(
            self.disks(), self.look(), {m.number for m in present.mounts}.__contains__, lambda: next(self.uuids)
        )
        disk_plan = planner.plan_bricks(bricks)
        plan = plan_mounts(bricks, disk_plan, present, lenient=False)
        return plan, [*disk_plan.findings, *plan.findings]

    # -- changed -----------------------------------------------------------------------------------------------------

    def do_mkfs_xfs(self, *argv: str) -> None:
        device = argv[-1]
        uuid = argv[argv.index("-m") + 1].removeprefix("uuid=")
        assert argv[argv.index("-i") + 1] == "size=512"
        self.formatted.append(uuid)
        if device not in self.sizes:
            super().do_mkfs_xfs(*argv)
            return
        assert device not in self.mounts.values(), "mkfs refuses what is mounted"
        assert not self.signatures.get(device), "other data"
        line = next(e for e in fstab.entries(self.fstab) if e.source == f"UUID={uuid}")
        assert MARK in line.options and "noauto" in line.options, "it is noted before"
        assert not any(device in members for members in self.groups.values())
        self.plain[device] = (uuid, self.sizes[device])

    def do_timeout(self, *argv: str) -> None:
        source, path = argv[-2:]
        super().do_timeout(*argv)
        if source in self.sizes:
            self.mounts[path] = source
            assert f"UUID={self.plain[source][0]} {path} " in self.fstab
        assert MARK not in next(e for e in fstab.entries(self.fstab) if e.path == path).options

    def do_directory(self, path: str, mount: str, *_owner: str) -> None:
        self.made.setdefault(self.mounts[mount], set()).add(path[len(mount) + 1 :])

    def do_xfs_growfs(self, path: str) -> None:
        device = self.mounts[path]
        if device in self.plain:
            self.plain[device] = (self.plain[device][0], self.sizes[device])
        else:
            super().do_xfs_growfs(path)

    # -- what happens ------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """What is in fstab and may be mounted is."""
        self.mounts.clear()
        for entry in fstab.entries(self.fstab):
            device = next((d for d, (uuid, _size) in self.plain.items() if entry.source == f"UUID={uuid}"), None)
            volume = next((n for n, one in self.volumes.items() if entry.source == f"UUID={one['uuid']}"), None)
            found = device or volume
            if found and "noauto" not in entry.options:
                self.mounts[entry.path] = found

    def half_formatted(self, step: Step) -> None:
        """mkfs was killed: the signature is there or not, the file system is not."""
        uuid = str(step.argv[step.argv.index("-m") + 1]).removeprefix("uuid=")
        device = str(step.argv[-1])
        if device in self.sizes:
            self.plain[device] = (uuid, 0)


def commands(steps: Sequence[Step]) -> list[str]:
    return [" ".join(map(str, step.argv)) for step in steps]
