# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared storage of datastores to mounts by their ids: seal the directory, write fstab, mount, hand over.

The directory below a mount is sealed (of root, without write permission, immutable) before anything is mounted over it.
Where the mount is missing later - at boot, because a server is down - nothing can be written beside it: what OpenNebula
tries there fails loudly, instead of filling the root disk with what the mount will hide.

Pure: what is there comes in as records, what to do goes out as steps.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import fstab
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import DiskPlan
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount, family, same_source
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Step

FSTAB = "/etc/fstab"
NETWORK = ("nfs", "nfs4", "glusterfs", "ceph")
# A host that hangs at boot cannot be helped over SSH; the sealed directory makes it safe to go on without the mount.
# bg: systemd goes on trying as long as the server is away, the others are mounted by the next run.
BOOT_OPTIONS = {
    "nfs": ("_netdev", "nofail", "bg"),
    "nfs4": ("_netdev", "nofail", "bg"),
    "glusterfs": ("_netdev", "nofail"),
    "ceph": ("_netdev", "nofail"),
    "xfs": ("nofail",),
}
# Of fstab and systemd alone, or, like bg, not wanted while somebody waits for the answer.
_NOT_FOR_MOUNT = re.compile(r"(x-.*|_netdev|nofail|bg|fg|retry=.*|auto|noauto|comment=.*|defaults)\Z")
_SECRET = re.compile(r"(secret|password|pass)=")
# OpenNebula's own mark on a node that it shall watch this directory; it makes a new one in the mount.
NO_DATA = frozenset({".monitor", "lost+found"})
MOUNT_SECONDS = 60
_LIMIT = ("timeout", "--kill-after=5", str(MOUNT_SECONDS))

Entry = Mapping[str, Any]


class Directory(NamedTuple):
    """A mount point, or what shall become one."""

    entries: tuple[str, ...] = ()  # of a directory that nothing is mounted on
    uid: int | None = None  # None: what is mounted there did not answer
    error: str = ""  # why it could not be looked at


class Present(NamedTuple):
    mounts: Sequence[Mount]
    fstab: str
    directories: Mapping[str, Directory]  # those that exist
    location_exists: bool = True


class Owner(NamedTuple):
    uid: int
    gid: int


class Wanted(NamedTuple):
    """One mount, whichever kind of storage it is of."""

    name: str  # of the datastore
    path: str
    source: str  # as fstab names it
    device: str  # as mount is told
    fstype: str
    options: str
    number: str | None = None  # of a local volume: the device that must be mounted; empty if it is yet to be made
    grows: bool = False


class MountPlan(NamedTuple):
    steps: list[Step]
    warnings: list[str]
    findings: list[str]
    fstab: str


def datastore_paths(
    names: Sequence[str], pool: Sequence[Mapping[str, Any]], location: str, lenient: bool
) -> tuple[dict[str, str], list[str]]:
    """Where each named datastore is, and a sentence for each that is not to be found."""
    paths, findings = {}, []
    for name in dict.fromkeys(names):
        ids = [one["id"] for one in pool if one["name"] == name]
        if len(ids) == 1:
            paths[name] = f"{location}/{ids[0]}"
        elif ids:
            findings.append(f"datastore {name}: {len(ids)} datastores have this name, ids {ids}; rename one of them.")
        elif lenient:  # check mode: another task of the run would make it
            paths[name] = f"{location}/<id of {name}>"
        else:
            findings.append(f"datastore {name}: there is none of this name; declare it in opennebula_datastores.")
    return paths, findings


def wanted_mounts(
    mounts: Sequence[Entry], paths: Mapping[str, str], disks: DiskPlan, disk_entries: Sequence[Entry]
) -> list[Wanted]:
    wanted = [
        Wanted(
            entry["datastore"],
            paths[entry["datastore"]],
            entry["src"],
            entry["src"],
            entry["fstype"],
            mount_options(entry["opts"], entry["fstype"]),
        )
        for entry in mounts
        if entry["datastore"] in paths and entry["state"] == "mounted"
    ]
    kind = {entry["datastore"]: entry["fstype"] for entry in disk_entries}
    wanted += [
        Wanted(
            volume.name,
            paths[volume.name],
            f"UUID={volume.uuid}",
            volume.device,
            kind[volume.name],
            mount_options("", kind[volume.name]),
            volume.number,
            volume.grows,
        )
        for volume in disks.volumes
        if volume.name in paths
    ]
    return wanted


def mount_options(given: str, fstype: str) -> str:
    options = [option for option in given.split(",") if option] or ["defaults"]
    own = [option for option in BOOT_OPTIONS[fstype] if option not in options]
    if "fg" in options or any(option.startswith("x-systemd.automount") for option in options):
        own = [option for option in own if option != "bg"]
    return ",".join([*options, *own])


def check_declarations(mounts: Sequence[Entry], disks: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """Findings and warnings about what is declared, before anything is looked at."""
    findings, warnings = [], []
    taken: dict[str, str] = {}
    sources: dict[str, str] = {}
    for entry, what in [*((one, "a mount") for one in mounts), *((one, "a disk") for one in disks)]:
        label = f"datastore {entry['datastore']}"
        if entry["datastore"] in taken:
            findings.append(f"{label}: it is declared twice, as {taken[entry['datastore']]} and as {what}; keep one.")
        taken[entry["datastore"]] = what
    for entry in mounts:
        label = f"datastore {entry['datastore']}"
        if entry["state"] == "absent":
            continue
        if not entry["src"]:
            findings.append(f"{label}: src is missing; it says what is mounted, such as nfs1:/export/images.")
            continue
        if entry["fstype"] != "ceph" and ":" not in entry["src"]:
            findings.append(f"{label}: src {entry['src']!r} names no server; write SERVER:/PATH.")
        other = sources.setdefault(same_source(entry["src"]), entry["datastore"])
        if other != entry["datastore"]:
            findings.append(f"{label}: {entry['src']} is that of datastore {other} too; their files would mix.")
        if re.search(r"\s", entry["opts"]):
            findings.append(f"{label}: opts {entry['opts']!r} holds white space; separate options by commas alone.")
        for option in entry["opts"].split(","):
            if _SECRET.match(option):
                findings.append(
                    f"{label}: opts holds a secret, which everybody could read in {FSTAB}; use secretfile= or the like."
                )
            if option in ("soft", "softerr"):
                warnings.append(
                    f"{label}: a {option} mount gives guests errors when the server is away; hard makes them wait."
                )
    return findings, warnings


def waiting_automounts(mounts: Sequence[Mount]) -> set[str]:
    """The paths where nothing is mounted over the automount, so that the next look at one mounts it, or waits."""
    top = {mount.path: mount.fstype for mount in mounts}
    return {path for path, fstype in top.items() if fstype == "autofs"}


class MountPlanner:
    noun = "datastore"
    elsewhere = "the directory of another datastore. If that one is gone"

    def __init__(self, present: Present, location: str, owner: Owner, lenient: bool = False) -> None:
        self.present = present
        self.location = location
        self.owner = owner
        # In check mode the packages that make the location are themselves only planned.
        self.lenient = lenient
        self.findings: list[str] = []
        self.warnings: list[str] = []
        self.waiting = waiting_automounts(present.mounts)
        # the last one is on top
        self.at = {mount.path: mount for mount in present.mounts if mount.path not in self.waiting}

    def plan(self, prepare: Sequence[Step], wanted: Sequence[Wanted], unwanted: Sequence[str]) -> MountPlan:
        if wanted and not self.present.location_exists and not self.lenient:
            self.findings.append(
                f"{self.location} does not exist; is OpenNebula installed here, and host_storage_datastore_location "
                "the DATASTORE_LOCATION of oned.conf?"
            )
        self.findings += [
            f"{path} cannot be looked at: {directory.error}. Does the server of what is mounted there or above answer?"
            for path, directory in self.present.directories.items()
            if directory.error
        ]
        away = [step for path in unwanted for step in self._unmount(path)]
        opened = [step for path in unwanted for step in self._open(path)]
        missing = [one for one in wanted if self._is_missing(one)]
        seals = [_step(f"seal the directory below {one.path}", "seal", one.path) for one in missing]
        mounts = [_mount(one) for one in missing]
        owns = [step for one in wanted if one.path not in self.waiting for step in self._own(one, one in missing)]
        grows = [_step(f"grow the XFS of {one.path}", "xfs_growfs", one.path) for one in wanted if one.grows]
        text = self._fstab(wanted, unwanted)
        table = [_step(f"write {FSTAB}", "write", FSTAB, InputFile(text))] if text != self.present.fstab else []
        # Also when a former run was cut off right after it wrote the file: systemd then does not know the new lines.
        reload = [_step(f"let systemd read {FSTAB}", "systemctl", "daemon-reload")] if table or mounts else []
        steps = [*away, *opened, *prepare, *seals, *table, *reload, *mounts, *owns, *grows]
        return MountPlan(steps, self.warnings, self.findings, text)

    def _fstab(self, wanted: Sequence[Wanted], unwanted: Sequence[str]) -> str:
        entries = [fstab.Entry(one.source, one.path, one.fstype, one.options) for one in wanted]
        known = {entry.path: entry for entry in fstab.entries(self.present.fstab)}
        for entry in entries:
            found = known.get(entry.path)
            if entry.path in self.at and found and found != entry:
                self.warnings.append(f"{entry.path} stays mounted as it is; {FSTAB} changes for the next time.")
        return fstab.edited(self.present.fstab, entries, unwanted)

    def _is_missing(self, one: Wanted) -> bool:
        if one.path in self.waiting:
            self._find(
                one,
                f"the automount at {one.path} was asked for {one.source} and mounted nothing. See journalctl -b, and "
                "whether its server answers; nothing is mounted over the automount.",
            )
            return False
        found = self.at.get(one.path)
        if found:
            if not self._is_same(found, one):
                self._find(
                    one,
                    f"{found.source} ({found.fstype}) is mounted at {one.path}, wanted {one.source} ({one.fstype}). "
                    "Unmount it when nothing uses it; its files stay where they are.",
                )
            return False
        elsewhere = self._elsewhere(one)
        if elsewhere:
            self._find(
                one,
                f"{one.device} is mounted at {elsewhere[0]} already, {self.elsewhere}: umount {elsewhere[0]} "
                f"and remove its line from {FSTAB}.",
            )
        directory = self.present.directories.get(one.path)
        held = [name for name in directory.entries if name not in NO_DATA] if directory else []
        if held:
            shown = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
            self._find(
                one,
                f"{one.path} is not mounted and holds {shown}, which the mount would hide. "
                "Move that into the storage to be mounted, or away, and run again.",
            )
        return True

    def _elsewhere(self, one: Wanted) -> list[str]:
        """Where else among ours the same is mounted; what others do with it is their business."""
        inside = f"{self.location}/"
        return [m.path for m in self.at.values() if self._is_same(m, one) and m.path.startswith(inside)]

    @staticmethod
    def _is_same(found: Mount, one: Wanted) -> bool:
        if one.number is not None:
            return bool(one.number) and found.number == one.number
        return same_source(found.source) == same_source(one.source) and family(found.fstype) == family(one.fstype)

    def _own(self, one: Wanted, missing: bool) -> list[Step]:
        """Of a mount that is not there yet the owner is seen only afterwards; the step looks before it changes."""
        directory = self.present.directories.get(one.path)
        if not missing and directory and directory.uid is None:
            self._find(one, f"the mount at {one.path} does not answer; look at its server, {one.source}.")
        if not missing and directory and directory.uid in (None, self.owner.uid):
            return []
        owner = (str(self.owner.uid), str(self.owner.gid))
        return [_step(f"see that oneadmin owns the root of {one.path}", "own", one.path, *owner)]

    def _unmount(self, path: str) -> list[Step]:
        """An automount too, and last: while it is there, every look at the directory mounts again."""
        there = [mount for mount in self.present.mounts if mount.path == path]
        return [_step(f"unmount {mount.source} from {path}", *_LIMIT, "umount", path) for mount in reversed(there)]

    def _open(self, path: str) -> list[Step]:
        """Take the seal away: OpenNebula may use the directory itself again."""
        directory = self.present.directories.get(path)
        sealed = directory is not None and directory.uid == 0
        return [_step(f"open the directory {path}", "open", path)] if self._unmount(path) or sealed else []

    def _find(self, one: Wanted, reason: str) -> None:
        self.findings.append(f"{self.noun} {one.name}: {reason}")


def _mount(one: Wanted) -> Step:
    options = [option for option in one.options.split(",") if not _NOT_FOR_MOUNT.match(option)]
    if family(one.fstype) == "nfs":
        options += ["fg", "retry=0"]
    argv = [*_LIMIT, "mount", "-t", one.fstype]
    argv += ["-o", ",".join(options)] if options else []
    return _step(f"mount {one.device} at {one.path}", *argv, one.device, one.path)


def _step(sentence: str, *argv: Any) -> Step:
    return Step(sentence, tuple(argv))


def unmounted(wanted: Sequence[Wanted], mounts: Sequence[Mount]) -> list[str]:
    """Of the wanted ones, the paths at which nothing is mounted after all."""
    there = {mount.path for mount in mounts} - waiting_automounts(mounts)
    return [one.path for one in wanted if one.path not in there]
