# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with disks on which the steps of a plan are carried out; it refuses what the real programs refuse."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import DiskPlanner, Disks
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import (
    Directory,
    MountPlan,
    MountPlanner,
    Owner,
    Present,
    wanted_mounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.lvm_report import (
    FileSystem,
    LogicalVolume,
    PhysicalVolume,
    VolumeGroup,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step

EXTENT = 4 * 1024**2
LOCATION = "/ds"
ONEADMIN = Owner(9869, 9869)


@dataclass
class SmallHost:
    sizes: dict[str, int]  # of disks
    signatures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    orphans: set[str] = field(default_factory=set)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)  # GROUP/NAME: extents, tags, uuid, fs
    mounts: dict[str, str] = field(default_factory=dict)  # path: GROUP/NAME or SERVER:/PATH
    owners: dict[str, int] = field(default_factory=dict)  # of the roots of file systems
    directories: dict[str, int] = field(default_factory=dict)  # path: owner of the directory below
    fstab: str = ""
    numbers: Any = field(default_factory=itertools.count)
    uuids: Any = field(default_factory=lambda: map("uuid{}".format, itertools.count()))

    # -- looked at ---------------------------------------------------------------------------------------------------

    def extents(self, disk: str) -> int:
        return (self.sizes[disk] - 1024**2) // EXTENT

    def total(self, group: str) -> int:
        return sum(self.extents(disk) for disk in self.groups[group])

    def free(self, group: str) -> int:
        used = sum(one["extents"] for name, one in self.volumes.items() if name.startswith(group + "/"))
        return self.total(group) - used

    def disks(self) -> Disks:
        physical = [
            PhysicalVolume(disk, group, self.extents(disk) * EXTENT, self.sizes[disk], 1024**2, in_use=True)
            for group, members in self.groups.items()
            for disk in members
        ]
        physical += [PhysicalVolume(d, "", self.sizes[d], self.sizes[d], 1024**2) for d in sorted(self.orphans)]
        return Disks(
            {disk: Device(disk, size, signatures=self._seen(disk)) for disk, size in self.sizes.items()},
            physical,
            [VolumeGroup(name, EXTENT, self.total(name), self.free(name)) for name in self.groups],
            [
                LogicalVolume(*name.split("/"), one["extents"] * EXTENT, True, tuple(one["tags"]), one["number"])
                for name, one in self.volumes.items()
            ],
            {name: FileSystem("xfs", one["uuid"], one["fs"]) for name, one in self.volumes.items() if one["uuid"]},
        )

    def _seen(self, disk: str) -> tuple[str, ...]:
        return (*self.signatures.get(disk, ()), *(("LVM2_member:pv",) if disk in self.orphans else ()))

    def present(self) -> Present:
        mounts = [
            Mount(path, source, "xfs" if source in self.volumes else "nfs4", self._number(source))
            for path, source in self.mounts.items()
        ]
        directories = {path: Directory((), uid) for path, uid in self.directories.items()}
        directories.update({path: Directory((), self.owners.get(source, 0)) for path, source in self.mounts.items()})
        return Present(mounts, self.fstab, directories)

    def _number(self, source: str) -> str:
        return self.volumes[source]["number"] if source in self.volumes else "0:99"

    def plan(self, disks: Sequence[dict] = (), mounts: Sequence[dict] = (), unwanted: Sequence[str] = ()) -> MountPlan:
        present = self.present()
        numbers = {mount.number for mount in present.mounts}
        disk_plan = DiskPlanner(self.disks(), numbers.__contains__, lambda: next(self.uuids)).plan(disks)
        paths = {entry["datastore"]: f"{LOCATION}/{entry['datastore']}" for entry in [*disks, *mounts]}
        plan = MountPlanner(present, LOCATION, ONEADMIN).plan(
            disk_plan.steps, wanted_mounts(mounts, paths, disk_plan, disks), unwanted
        )
        assert not disk_plan.findings and not plan.findings, [*disk_plan.findings, *plan.findings]
        return plan

    # -- changed -----------------------------------------------------------------------------------------------------

    def carry_out(self, step: Step) -> None:
        verb, *rest = step.argv
        getattr(self, "do_" + str(verb).replace(".", "_"))(*rest)

    def do_wipefs(self, _all: str, disk: str) -> None:
        self.signatures.pop(disk, None)
        self.orphans.discard(disk)

    def do_vgcreate(self, name: str, *disks: str) -> None:
        assert name not in self.groups
        self.groups[name] = []
        self.do_vgextend(name, *disks)

    def do_vgextend(self, name: str, *disks: str) -> None:
        for disk in disks:
            assert not self.signatures.get(disk), f"{disk}: LVM would ask"
            assert not any(disk in members for members in self.groups.values())
            self.orphans.discard(disk)
            self.groups[name].append(disk)

    def do_lvcreate(self, *argv: str) -> None:
        option = dict(zip(argv, argv[1:]))
        name = f"{argv[-1]}/{option['--name']}"
        extents = self._extents(option["--extents"], argv[-1], 0)
        assert name not in self.volumes and 0 < extents <= self.free(argv[-1])
        number = f"253:{next(self.numbers)}"
        self.volumes[name] = {"extents": extents, "tags": [option["--addtag"]], "uuid": "", "fs": 0, "number": number}

    def do_lvextend(self, _extents: str, amount: str, name: str) -> None:
        group, present = name.split("/")[0], self.volumes[name]["extents"]
        wanted = self._extents(amount, group, present)
        assert present < wanted <= present + self.free(group), "lvextend fails where the size stays the same"
        self.volumes[name]["extents"] = wanted

    def _extents(self, amount: str, group: str, present: int) -> int:
        if not amount.endswith("%VG"):
            return int(amount)
        # A share is an upper limit to LVM.
        return min(self.total(group) * int(amount[:-3]) // 100, present + self.free(group))

    def do_mkfs_xfs(self, *argv: str) -> None:
        name = argv[-1].removeprefix("/dev/")
        assert any(tag.startswith("kvmcloud.formatting.") for tag in self.volumes[name]["tags"]), "not ours to format"
        assert name not in self.mounts.values()
        uuid = argv[argv.index("-m") + 1].removeprefix("uuid=")
        self.volumes[name].update(uuid=uuid, fs=self.volumes[name]["extents"] * EXTENT)

    def do_lvchange(self, option: str, value: str, name: str) -> None:
        assert option == "--deltag"
        self.volumes[name]["tags"].remove(value)

    def do_seal(self, path: str) -> None:
        assert path not in self.mounts
        self.directories[path] = 0

    def do_open(self, path: str) -> None:
        assert path not in self.mounts
        self.directories.pop(path, None)

    def do_write(self, path: str, text: Any) -> None:
        assert path == "/etc/fstab"
        self.fstab = text.text

    def do_systemctl(self, verb: str) -> None:
        assert verb == "daemon-reload"

    def do_timeout(self, *argv: str) -> None:
        if argv[2] == "umount":
            del self.mounts[argv[-1]]
            return
        source, path = argv[-2:]
        assert self.directories[path] == 0, "the directory is sealed before anything is mounted over it"
        assert f" {path} " in self.fstab, "what is mounted now is mounted at boot too"
        self.mounts[path] = source.removeprefix("/dev/")

    def do_own(self, path: str, uid: str, _gid: str) -> None:
        self.owners[self.mounts[path]] = int(uid)

    def do_xfs_growfs(self, path: str) -> None:
        volume = self.volumes[self.mounts[path]]
        volume["fs"] = volume["extents"] * EXTENT
