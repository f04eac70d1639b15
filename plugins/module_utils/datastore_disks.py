# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared disks to volume groups, logical volumes and XFS: a plan that can be cut off anywhere and repeated.

Pure: what is there comes in as records, what to do goes out as commands. Every refusal is collected, none is guessed
away: a device that holds or belongs to anything is not touched.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.lvm_report import (
    FileSystem,
    LogicalVolume,
    PhysicalVolume,
    Size,
    SizeError,
    VolumeGroup,
    parse_size,
    shown_size,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step

# A logical volume carries this tag, with the UUID that its file system shall get, from its creation until mkfs is
# done. It alone allows mkfs: a run that was killed is taken up, and a volume that anyone else made is never formatted.
FORMATTING = "kvmcloud.formatting."
# What LVM takes by default, for groups that do not exist yet.
_EXTENT = 4 * 1024**2
_START = 1024**2

_LVM_NAME = re.compile(r"[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,126}\Z")

Entry = Mapping[str, Any]
# The option of modules that declares them.
DISKS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "datastore": {"type": "str", "required": True},
        "devices": {"type": "list", "elements": "path", "required": True},
        "volume_group": {"type": "str", "required": True},
        "logical_volume": {"type": "str", "required": True},
        "size": {"type": "str", "default": "100%"},
        "fstype": {"type": "str", "choices": ["xfs"], "default": "xfs"},
        "wipe_signatures": {"type": "list", "elements": "str", "default": []},
    },
}


class Disks(NamedTuple):
    """What is there."""

    devices: Mapping[str, Device | None]  # by the name that the inventory gives; None: no such block device
    physical: Sequence[PhysicalVolume] = ()
    groups: Sequence[VolumeGroup] = ()
    logical: Sequence[LogicalVolume] = ()
    file_systems: Mapping[str, FileSystem] = {}  # by GROUP/VOLUME, of active volumes

    def group(self, name: str) -> VolumeGroup | None:
        return next((one for one in self.groups if one.name == name), None)

    def volume(self, group: str, name: str) -> LogicalVolume | None:
        return next((one for one in self.logical if (one.group, one.name) == (group, name)), None)


class Volume(NamedTuple):
    """A file system as it will be once the steps are done."""

    name: str  # of what it is for
    device: str
    uuid: str
    number: str  # major:minor; empty if it does not exist yet
    grows: bool  # the file system is smaller than the volume is, or will be


class DiskPlan(NamedTuple):
    steps: list[Step]
    volumes: list[Volume]
    findings: list[str]
    warnings: list[str]


class _Room:
    """Extents of a volume group, as they are and as they will be. Where disks are yet to join they are an estimate."""

    def __init__(self, group: VolumeGroup | None) -> None:
        self.extent = group.extent_size if group else _EXTENT
        self.total = group.extents if group else 0
        self.free = group.free if group else 0
        self.estimated = False

    def grow(self, size: int) -> None:
        extents = max(0, size // self.extent)
        self.total += extents
        self.free += extents
        self.estimated = True

    def take(self, extents: int) -> None:
        self.total, self.free = self.total, self.free - extents


def disks_of(entries: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """The devices that the declarations name, and their logical volumes as GROUP/NAME."""
    names = [name for entry in entries for name in entry["devices"]]
    return names, [f"{entry['volume_group']}/{entry['logical_volume']}" for entry in entries]


class DiskPlanner:
    noun = "datastore"  # what a volume is for; the key of its name in an entry

    def __init__(self, disks: Disks, mounted: Callable[[str], bool], new_uuid: Callable[[], str]) -> None:
        self.disks = disks
        self.mounted = mounted  # by major:minor
        self.new_uuid = new_uuid
        self.steps: list[Step] = []
        self.volumes: list[Volume] = []
        self.findings: list[str] = []
        self.warnings: list[str] = []

    def plan(self, entries: Sequence[Entry]) -> DiskPlan:
        self._check_declarations(entries)
        if self.findings:
            return DiskPlan([], [], self.findings, [])
        for group in dict.fromkeys(entry["volume_group"] for entry in entries):
            of_group = [entry for entry in entries if entry["volume_group"] == group]
            before = len(self.findings)
            room = self._plan_group(group, of_group)
            if len(self.findings) == before:
                for entry in of_group:
                    self._plan_volume(entry, room)
        return DiskPlan(self.steps, self.volumes, self.findings, self.warnings)

    def _check_declarations(self, entries: Sequence[Entry]) -> None:
        group_of: dict[str, str] = {}
        seen: dict[str, str] = {}
        for entry in entries:
            for option in ("volume_group", "logical_volume"):
                if not _LVM_NAME.match(entry[option]):
                    self._find(entry, f"{option} {entry[option]!r} is no name that LVM takes.")
            if not entry["devices"]:
                self._find(entry, "devices is empty; name the disks of its volume group.")
            name = f"{entry['volume_group']}/{entry['logical_volume']}"
            if name in seen:
                self._find(entry, f"logical volume {name} is that of {self.noun} {seen[name]} too; each needs its own.")
            seen[name] = entry[self.noun]
            for given in entry["devices"]:
                found = self.disks.devices.get(given)
                path = found.path if found else given
                other = group_of.setdefault(path, entry["volume_group"])
                if other != entry["volume_group"]:
                    self._find(entry, f"{given} is declared for volume group {other} too; a disk belongs to one.")

    # -- volume group ------------------------------------------------------------------------------------------------

    def _plan_group(self, name: str, entries: Sequence[Entry]) -> _Room:
        group = self.disks.group(name)
        members = {pv.path: pv for pv in self.disks.physical if pv.group == name}
        room, joining, declared, wipes = _Room(group), [], set(), []
        for entry in entries:
            for given in entry["devices"]:
                found = self.disks.devices.get(given)
                if found is None:
                    self._find(entry, f"there is no block device {given} on this host.")
                elif found.path not in declared:
                    declared.add(found.path)
                    if found.path in members:
                        self._plan_resize(members[found.path], room)
                    elif self._may_join(entry, given, found):
                        joining.append(given)
                        wipes += self._wipe(given, found)
                        room.grow(found.size - _START)
        if group and group.missing:
            self._find(entries[0], f"{group.missing} disk(s) of volume group {name} are missing; see pvs and vgs.")
        elif group and not declared & members.keys():
            self._find(
                entries[0],
                f"volume group {name} exists, on {', '.join(sorted(members))}, and none of the devices declared for it "
                "is part of it. Declare its devices, or choose another name.",
            )
        extra = sorted(members.keys() - declared)
        if group and extra and joining:
            # Disks take each other's names at boot: what joins may be a stranger under the name of a former member.
            self._find(
                entries[0],
                f"volume group {name} holds {', '.join(extra)}, which is not declared, and {', '.join(joining)} would "
                f"join. Has a disk another name now? Declare {', '.join(extra)} before another joins, best by the "
                "names in /dev/disk/by-id.",
            )
        elif group and extra and not self.findings:
            self.warnings.append(f"volume group {name} also holds {', '.join(extra)}, which is not declared; left so.")
        self.steps += wipes
        if joining:
            verb, words = ("vgextend", "extend") if group else ("vgcreate", "create")
            # Without --yes: if anything was written there meanwhile, LVM asks, gets no answer, and does nothing.
            self.steps.append(Step(f"{words} volume group {name} with {', '.join(joining)}", (verb, name, *joining)))
        return room

    def _may_join(self, entry: Entry, given: str, found: Device, otherwise: str = "") -> bool:
        before = len(self.findings)
        physical = next((pv for pv in self.disks.physical if pv.path == found.path), None)
        if physical and physical.group:
            self._find(entry, f"{given} belongs to volume group {physical.group}; remove it there first (vgreduce).")
        elif physical and (physical.in_use or not physical.metadata_areas):
            self._find(
                entry, f"{given} is part of a volume group whose other disks are missing; pvremove it if that is past."
            )
        self._check_free(entry, given, found)
        if len(self.findings) > before:
            return False
        # A physical volume of no group holds nothing: a run was killed before it made the group.
        held = [one for one in found.signatures if not (physical and one.startswith("LVM2_member:"))]
        return self._may_wipe(entry, given, held, otherwise)

    def _check_free(self, entry: Entry, given: str, found: Device) -> None:
        if found.uses:
            self._find(entry, f"{given} is in use: {'; '.join(found.uses)}. Free it first.")
        if found.read_only:
            self._find(entry, f"{given} is read-only.")

    def _may_wipe(self, entry: Entry, given: str, held: Sequence[str], otherwise: str = "") -> bool:
        if not set(held) - set(entry["wipe_signatures"]):
            return True
        self._find(
            entry,
            f"{given} is not empty, it holds {', '.join(held)}. If that may be destroyed for ever, say so: "
            f"wipe_signatures: [{', '.join(repr(one) for one in held)}].{otherwise}",
        )
        return False

    def _wipe(self, given: str, found: Device) -> list[Step]:
        if not [one for one in found.signatures if not one.startswith("LVM2_member:")]:
            return []
        inner = [Step(f"wipe {path}", ("wipefs", "--all", path)) for path in found.partitions]
        return [*inner, Step(f"wipe {', '.join(found.signatures)} from {given}", ("wipefs", "--all", given))]

    def _plan_resize(self, physical: PhysicalVolume, room: _Room) -> None:
        """The disk itself became larger (a LUN, a virtual disk). A second metadata area would hide how much."""
        gained = physical.device_size - physical.start - physical.size
        if physical.metadata_areas == 1 and gained >= room.extent:
            self.steps.append(Step(f"use the grown {physical.path}", ("pvresize", physical.path)))
            room.grow(gained)

    # -- logical volume and file system ------------------------------------------------------------------------------

    def _plan_volume(self, entry: Entry, room: _Room) -> None:
        group, name = entry["volume_group"], entry["logical_volume"]
        try:
            size = parse_size(entry["size"])
        except SizeError as error:
            self._find(entry, str(error))
            return
        found = self.disks.volume(group, name)
        if found is None:
            self._create(entry, size, room)
            return
        tag = next((tag for tag in found.tags if tag.startswith(FORMATTING)), None)
        held = self.disks.file_systems.get(f"{group}/{name}")
        uuid = self._known_uuid(entry, found, held, tag)
        grown = self._extend(entry, found, size, room)
        if tag:
            if not self.mounted(found.number):
                if not found.active:
                    self.steps.append(_lv_step("activate", group, name, "--activate", "y"))
                self.steps.append(_mkfs(group, name, uuid, entry))
            self.steps.append(_formatted(group, name, tag))
        short = bool(held and held.size and held.size + room.extent <= found.size)
        self.volumes.append(
            Volume(entry[self.noun], _device(group, name), uuid, found.number, not tag and (grown or short))
        )

    def _known_uuid(self, entry: Entry, found: LogicalVolume, held: FileSystem | None, tag: str | None) -> str:
        label = f"logical volume {found.group}/{found.name}"
        if tag:
            uuid = tag[len(FORMATTING) :]
            if held and held.uuid != uuid:
                self._find(
                    entry,
                    f"{label} was being formatted when a run was cut off, and holds {held.kind}:{held.uuid} that this "
                    f"run did not make. To keep that: lvchange --deltag {tag} {found.group}/{found.name}.",
                )
            return uuid
        if not found.active:
            self._find(entry, f"{label} is not active, so what it holds cannot be seen; lvchange --activate y it.")
        elif held is None:
            self._find(
                entry,
                f"{label} exists and holds no file system that can be recognised; a guest's disk looks like that. "
                "Remove it (lvremove) if it is to be used here, or choose another name.",
            )
        elif held.kind != entry["fstype"]:
            self._find(entry, f"{label} holds {held.kind}:{held.uuid}, wanted {entry['fstype']}; it is left as it is.")
        return held.uuid if held else ""

    def _create(self, entry: Entry, size: Size, room: _Room) -> None:
        group, name = entry["volume_group"], entry["logical_volume"]
        wanted = _extents(size, room)
        allotted = min(wanted, room.free) if size.percent else wanted
        if allotted > room.free or not allotted:
            self._no_room(entry, allotted, room)
            return
        uuid = self.new_uuid()
        option = ("--extents", f"{size.percent}%VG") if size.percent else ("--extents", str(allotted))
        if size.percent and not room.estimated:
            option = ("--extents", str(allotted))
        # Extents that another volume has used may still carry its signatures; the volume itself is new and ours.
        wipe = ("--yes", "--wipesignatures", "y")
        self.steps += [
            Step(
                f"create logical volume {group}/{name} of {entry['size']}",
                ("lvcreate", *wipe, "--addtag", FORMATTING + uuid, *option, "--name", name, group),
            ),
            _mkfs(group, name, uuid, entry),
            _formatted(group, name, FORMATTING + uuid),
        ]
        room.take(allotted)
        self.volumes.append(Volume(entry[self.noun], _device(group, name), uuid, "", False))

    def _extend(self, entry: Entry, found: LogicalVolume, size: Size, room: _Room) -> bool:
        group, name = found.group, found.name
        present = found.size // room.extent
        wanted = _extents(size, room)
        # LVM may have rounded a share up.
        if wanted < present - (1 if size.percent else 0):
            self._find(
                entry,
                f"logical volume {group}/{name} has {shown_size(found.size)} and should have {entry['size']}; "
                "XFS cannot shrink. Declare what it has, or move the data and remove it.",
            )
            return False
        if size.percent:
            wanted = min(wanted, present + room.free)
        if wanted <= present:
            return False
        if wanted - present > room.free:
            self._no_room(entry, wanted - present, room)
            return False
        amount = f"{size.percent}%VG" if size.percent and room.estimated else str(wanted)
        self.steps.append(
            Step(
                f"extend logical volume {group}/{name} from {shown_size(found.size)} to {entry['size']}",
                ("lvextend", "--extents", amount, f"{group}/{name}"),
            )
        )
        room.take(wanted - present)
        return True

    def _no_room(self, entry: Entry, extents: int, room: _Room) -> None:
        about = "about " if room.estimated else ""
        needed = f"{shown_size(extents * room.extent)} more are needed for " if extents else ""
        self._find(
            entry,
            f"{needed}{entry['size']} in volume group {entry['volume_group']}, which has {about}"
            f"{shown_size(max(0, room.free) * room.extent)} free. Add a disk to devices, or declare a smaller size.",
        )

    def _find(self, entry: Entry, reason: str) -> None:
        sentence = f"{self.noun} {entry[self.noun]}: {reason}"
        if sentence not in self.findings:
            self.findings.append(sentence)


def _extents(size: Size, room: _Room) -> int:
    return room.total * size.percent // 100 if size.percent else -(-size.bytes // room.extent)


def _device(group: str, name: str) -> str:
    return f"/dev/{group}/{name}"


def _mkfs(group: str, name: str, uuid: str, entry: Entry) -> Step:
    return mkfs(f"{group}/{name}", _device(group, name), uuid, entry.get("mkfs_options", ()))


def mkfs(where: str, device: str, uuid: str, options: Sequence[str] = ()) -> Step:
    return Step(f"make an XFS in {where}", ("mkfs.xfs", "-q", "-f", *options, "-m", f"uuid={uuid}", device))


def _formatted(group: str, name: str, tag: str) -> Step:
    return _lv_step("note that the XFS is complete in", group, name, "--deltag", tag)


def _lv_step(words: str, group: str, name: str, *options: str) -> Step:
    return Step(f"{words} {group}/{name}", ("lvchange", *options, f"{group}/{name}"))
