# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared disks to mounted XFS for bricks, with LVM or without: a plan that can be cut off anywhere and repeated.

A disk without LVM has no place for a note that it is being formatted; /etc/fstab is that place. The line of the mount
point is written first, with the UUID that the file system shall get, not to be mounted, and marked. The mark alone
allows that a file system of this UUID is made again. With the line as it shall be, the mark is gone.

Pure: what is there comes in as records, what to do goes out as steps.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import fstab
from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import (
    DiskPlan,
    DiskPlanner,
    Disks,
    Volume,
    mkfs,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import (
    FSTAB,
    MountPlan,
    MountPlanner,
    Owner,
    Present,
    Wanted,
    mount_options,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Step

MARK = "x-kvmcloud.formatting"
# glusterd starts a brick only if its directory is there, and nofail alone lets it come before the mount.
BEFORE_GLUSTERD = "x-systemd.before=glusterd.service"
# What keeps the marks that GlusterFS puts on files (extended attributes of the name space trusted).
FILE_SYSTEMS = ("xfs", "ext4", "btrfs", "zfs")
# mkfs leaves less than this at the end of a disk.
SLACK = 16 * 1024**2

Entry = Mapping[str, Any]


class Found(NamedTuple):
    """What is there, beside the disks."""

    mounts: Sequence[Mount]
    table: str  # /etc/fstab
    xfs_sizes: Mapping[str, int] = {}  # by the device's kernel name; of an XFS alone
    sources: Mapping[str, str] = {}  # of lines of fstab, the device by its kernel name; missing: it is not there

    def line(self, mount: str) -> fstab.Entry | None:
        return next((entry for entry in fstab.entries(self.table) if entry.path == mount), None)

    def at(self, path: str) -> Mount | None:
        """The one on top."""
        return next((m for m in reversed(list(self.mounts)) if m.path == path and m.fstype != "autofs"), None)


def check_declarations(bricks: Sequence[Entry]) -> list[str]:
    """Findings about what is declared, before anything is looked at."""
    findings = []
    names: set[str] = set()
    owner: dict[str, str] = {}
    for brick in bricks:
        name, mount, device = brick["name"], brick["mount"], brick["device"]
        label = f"brick {name}"
        if name in names:
            findings.append(f"{label}: it is declared twice; keep one.")
        names.add(name)
        if not re.fullmatch(r"/[^/\s]+(/[^/\s]+)*", mount) or ".." in mount.split("/"):
            findings.append(f"{label}: mount {mount!r} is no mount point; write /bricks/{name}.")
        for other, path in [(one["name"], one["mount"]) for one in bricks if one is not brick]:
            if path == mount or mount.startswith(f"{path}/"):
                findings.append(f"{label}: its mount {mount} is, or lies in, that of brick {other}.")
        if device and not brick["lvm"]:
            if owner.setdefault(device, name) != name:
                findings.append(f"{label}: {device} is that of brick {owner[device]} too; each needs its own.")
        elif brick["lvm"] and not device:
            findings.append(f"{label}: it has lvm and no device; name the disk of its volume group.")
        elif not device and (brick["wipe_signatures"] or brick["keep"]):
            findings.append(f"{label}: it has no device that wipe_signatures or keep could be about.")
        if brick["keep"] and brick["lvm"]:
            findings.append(f"{label}: keep is for disks without lvm; a volume is known by its name.")
        elif brick["keep"] and not re.fullmatch(r"xfs:[0-9a-fA-F-]{36}", brick["keep"]):
            findings.append(f"{label}: keep {brick['keep']!r} names no file system; write xfs:UUID.")
        if re.search(r"\s", brick["opts"]):
            findings.append(f"{label}: opts {brick['opts']!r} holds white space; separate options by commas alone.")
        for one in brick["directories"]:
            parts = one["path"].split("/")
            if not one["path"] or "" in parts or {".", ".."} & set(parts):
                findings.append(f"{label}: directory {one['path']!r} is not below {mount}; write a name such as vms.")
    return findings


def lvm_entry(brick: Entry) -> dict[str, Any]:
    lvm = brick["lvm"]
    return {
        "brick": brick["name"],
        "devices": [brick["device"], *lvm["more_devices"]],
        "volume_group": lvm["volume_group"],
        "logical_volume": lvm["logical_volume"] or brick["name"],
        "size": lvm["size"],
        "fstype": "xfs",
        "wipe_signatures": brick["wipe_signatures"],
        "mkfs_options": _mkfs_options(brick),
    }


def _mkfs_options(brick: Entry) -> tuple[str, ...]:
    return ("-i", f"size={brick['inode_size']}")


class BrickDisks(DiskPlanner):
    noun = "brick"

    def __init__(self, disks: Disks, found: Found, mounted: Callable[[str], bool], new_uuid: Callable[[], str]) -> None:
        super().__init__(disks, mounted, new_uuid)
        self.found = found
        self.marks: list[fstab.Entry] = []
        self.formats: list[Step] = []

    def plan_bricks(self, bricks: Sequence[Entry]) -> DiskPlan:
        self.plan([lvm_entry(brick) for brick in bricks if brick["lvm"]])
        taken: dict[str, str] = {}
        for brick in bricks:
            if brick["device"] and not brick["lvm"]:
                entry = {**brick, "brick": brick["name"]}
                found = self.disks.devices.get(brick["device"])
                if found is None:
                    self._find(entry, f"there is no block device {brick['device']} on this host.")
                elif taken.setdefault(found.path, brick["name"]) != brick["name"]:
                    self._find(entry, f"{brick['device']} is {found.path}, as that of brick {taken[found.path]} is.")
                else:
                    self._plan_device(entry, found)
        text = fstab.edited(self.found.table, self.marks)
        if text != self.found.table:
            self.steps.append(Step(f"note in {FSTAB} what is being formatted", ("write", FSTAB, InputFile(text))))
        return DiskPlan([*self.steps, *self.formats], self.volumes, self.findings, self.warnings)

    def _plan_device(self, entry: Entry, found: Device) -> None:
        given, held = entry["device"], list(found.signatures)
        uuid = held[0][len("xfs:") :] if len(held) == 1 and held[0].startswith("xfs:") else ""
        line = self.found.line(entry["mount"])
        mounted = self.found.at(entry["mount"])
        if mounted and mounted.number == found.number:
            if uuid:
                self._known(entry, found, uuid)
            else:
                what = ", ".join(held) or mounted.fstype
                self._find(entry, f"{given} is mounted at {mounted.path} and holds {what}, wanted xfs; it is left so.")
            return
        begun = _uuid(line) if line and MARK in line.options.split(",") else ""
        if begun and not set(held) - {f"xfs:{begun}"}:
            self._check_free(entry, given, found)
            self._format(entry, found, begun)
        elif uuid and (entry["keep"] == held[0] or (line and self._names(line, found, uuid))):
            self._check_free(entry, given, found)
            self._known(entry, found, uuid)
        elif entry["keep"]:
            holds = f"holds {', '.join(held)}" if held else "is empty"
            self._find(entry, f"{given} {holds}, and keep says {entry['keep']}. Is it the right disk?")
        elif line and self.found.sources.get(line.source, found.path) != found.path:
            self._find(
                entry,
                f"{FSTAB} mounts {line.source} at {line.path}, which is {self.found.sources[line.source]}, and "
                f"declared is {given}. Correct the device, or take the line out of {FSTAB}.",
            )
        else:
            keep = f" If its files shall stay and be used: keep: '{held[0]}'." if uuid else ""
            if self._may_join(entry, given, found, keep):
                self.steps += self._wipe(given, found)
                self._format(entry, found, self.new_uuid())

    def _names(self, line: fstab.Entry, found: Device, uuid: str) -> bool:
        """The file system that fstab mounts there, by whichever name, is that of the disk."""
        return _uuid(line) == uuid or self.found.sources.get(line.source) == found.path

    def _known(self, entry: Entry, found: Device, uuid: str) -> None:
        size = self.found.xfs_sizes.get(found.path, 0)
        grows = bool(size) and size + SLACK <= found.size
        self.volumes.append(Volume(entry["brick"], entry["device"], uuid, found.number, grows))

    def _format(self, entry: Entry, found: Device, uuid: str) -> None:
        given = entry["device"]
        self.marks.append(fstab.Entry(f"UUID={uuid}", entry["mount"], "xfs", f"noauto,{MARK}"))
        self.formats.append(mkfs(given, given, uuid, _mkfs_options(entry)))
        self.volumes.append(Volume(entry["brick"], given, uuid, found.number, False))


def _uuid(line: fstab.Entry) -> str:
    return line.source[len("UUID=") :].strip('"') if line.source.startswith("UUID=") else ""


class BrickMounts(MountPlanner):
    noun = "brick"
    elsewhere = "which is not where it is declared. When nothing uses it there"

    def __init__(self, present: Present, lenient: bool) -> None:
        # Any other mount of a brick's disk is in the way: two paths to the same files.
        super().__init__(present, location="", owner=Owner(0, 0), lenient=lenient)

    def _own(self, one: Wanted, missing: bool) -> list[Step]:
        """The root of the file system is no brick; bricks get their owner by options of the volume."""
        return []


def wanted_mounts(bricks: Sequence[Entry], disks: DiskPlan) -> list[Wanted]:
    by_name = {brick["name"]: brick for brick in bricks}
    found = []
    for volume in disks.volumes:
        brick = by_name[volume.name]
        options = mount_options(f"{brick['opts'] or 'defaults'},{BEFORE_GLUSTERD}", "xfs")
        source = f"UUID={volume.uuid}"
        found.append(
            Wanted(volume.name, brick["mount"], source, volume.device, "xfs", options, volume.number, volume.grows)
        )
    return found


def plan_mounts(bricks: Sequence[Entry], disks: DiskPlan, present: Present, lenient: bool) -> MountPlan:
    plan = BrickMounts(present, lenient).plan(disks.steps, wanted_mounts(bricks, disks), [])
    return plan._replace(findings=[*plan.findings, *_check_mounted(bricks, present)])


def _check_mounted(bricks: Sequence[Entry], present: Present) -> list[str]:
    """Without a device the mount is somebody else's, and must be one: a brick on the root disk fills that."""
    at = Found(present.mounts, present.fstab).at
    findings = []
    for brick in bricks:
        mount = at(brick["mount"])
        label = f"brick {brick['name']}: {brick['mount']}"
        if brick["device"]:
            continue
        if not mount:
            findings.append(
                f"{label} is no mount point, so the brick would be on the disk of {_below(brick['mount'], present)}. "
                "Declare its device, or mount it first."
            )
        elif mount.fstype not in FILE_SYSTEMS:
            findings.append(
                f"{label} is of type {mount.fstype}, where GlusterFS cannot keep its marks; it needs "
                f"{', '.join(FILE_SYSTEMS[:-1])} or {FILE_SYSTEMS[-1]}."
            )
    return findings


def _below(path: str, present: Present) -> str:
    mounted = {mount.path for mount in present.mounts}
    while path not in mounted and path != "/":
        path = path.rpartition("/")[0] or "/"
    return path
