# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and mounts of the live host: reads what is planned from, and runs the steps of the plan."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Callable, Iterable, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import block_devices, lvm_report
from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import Disks
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import (
    FSTAB,
    NO_DATA,
    Directory,
    Present,
    waiting_automounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.lvm_report import FileSystem, LogicalVolume
from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    make_directories,
    read_file,
    write_file,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import MOUNTINFO, Mount, parse_mounts
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, RunnerError

ANSWER_SECONDS = 15  # of a mounted file system whose server may be gone
TIMED_OUT = (124, 137)  # of timeout(1)
SEALED = 0o555
MADE = 0o750  # as OpenNebula makes the directories of datastores
DIGEST_BYTES = 4096


class StorageHost:
    def __init__(self, module: Any, lenient: bool = False) -> None:
        """lenient: the packages that storage needs may be only planned, as they are in check mode."""
        self.module = module
        self.lenient = lenient or module.check_mode
        self.warnings: list[str] = []
        self._kept: set[str] = set()  # files of which there is a backup of before this run

    # -- reading -----------------------------------------------------------------------------------------------------

    def disks(self, names: Iterable[str], volumes: Iterable[str], mounts: Sequence[Mount]) -> Disks:
        """`names` of devices, `volumes` as GROUP/NAME: of these alone it is looked up what they hold."""
        names, volumes = sorted(set(names)), set(volumes)
        if not names:
            return Disks({})
        physical = [
            pv._replace(path=os.path.realpath(pv.path))
            for pv in lvm_report.parse_physical_volumes(self._report("pv", bool(volumes)))
            if not pv.missing
        ]
        in_groups = {pv.path for pv in physical if pv.group}
        nodes = block_devices.parse_lsblk(
            self._read("lsblk", "--json", "--bytes", "--paths", "--output", block_devices.LSBLK_COLUMNS)
        )
        logical = lvm_report.parse_logical_volumes(self._report("lv", bool(volumes)))
        held = {}
        for one in logical:
            name = f"{one.group}/{one.name}"
            found = self._file_system(one, mounts) if name in volumes and one.active else None
            if found:
                held[name] = found
        return Disks(
            {name: self._device(name, nodes, in_groups) for name in names},
            physical,
            lvm_report.parse_volume_groups(self._report("vg", bool(volumes))),
            logical,
            held,
        )

    def _report(self, kind: str, needed: bool) -> str:
        if self.module.get_bin_path("lvm") is None:
            if self.lenient or not needed:
                return '{"report": []}'
            self.module.fail_json(msg="The command lvm is not installed on this host; install lvm2.")
        fields = ("--options", lvm_report.REPORTS[kind])
        return self._read("lvm", f"{kind}s", *lvm_report.REPORT_OPTIONS, *fields)

    def _device(self, name: str, nodes: dict[str, dict[str, Any]], in_groups: set[str]) -> Device | None:
        node = nodes.get(os.path.realpath(name))
        if node is None:
            return None
        looked_at = [] if node["kname"] in in_groups else [node["kname"], *block_devices.partitions(node)]
        signatures = [text for path in looked_at for text in self._signatures(path, nodes[path])]
        return block_devices.device(node, signatures)

    def _signatures(self, path: str, node: dict[str, Any]) -> list[str]:
        found = block_devices.parse_wipefs(self._read("wipefs", "--no-act", "--json", path))
        return [block_devices.signature(one, node.get("ptuuid"), _digest(path, int(one["offset"], 0))) for one in found]

    def _file_system(self, volume: LogicalVolume, mounts: Sequence[Mount]) -> FileSystem | None:
        device = f"/dev/{volume.group}/{volume.name}"
        # -p reads the volume itself; 2 says that there is nothing
        returncode, out, err = self._run("blkid", "-p", "-o", "export", device)
        if returncode == 2:
            return None
        if returncode:
            self.module.fail_json(msg=f"What {device} holds cannot be told: {(err or out).strip()}")
        values = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        kind = values.get("TYPE", values.get("PTTYPE", "unknown"))
        size = self.xfs_size(device, volume.number, mounts) if kind == "xfs" else 0
        return FileSystem(kind, values.get("UUID", ""), size)

    def xfs_size(self, device: str, number: str, mounts: Sequence[Mount]) -> int:
        """0 if it is not known."""
        if not self.module.get_bin_path("xfs_info"):
            return 0
        mounted = [mount.path for mount in mounts if mount.number == number]
        # Of an XFS whose mkfs was cut off it says nothing; such a one is made anew.
        return lvm_report.xfs_size(self._run("xfs_info", mounted[0] if mounted else device)[1])

    def mounts(self) -> list[Mount]:
        with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as stream:
            return parse_mounts(stream.read())

    def present(self, paths: Iterable[str], location: str, mounts: Sequence[Mount]) -> Present:
        table = read_file(FSTAB)
        text = table.content.decode("utf-8", "surrogateescape") if table else ""
        paths = list(paths)
        awaited = waiting_automounts(mounts).intersection(paths)
        for path in sorted(awaited):
            self._stat(f"{path}/.")  # makes the automount mount; what is seen there before is not what is below
        if awaited:
            mounts = self.mounts()
        mounted = {mount.path for mount in mounts}
        directories = {path: self._directory(path, path in mounted) for path in paths}
        return Present(
            mounts,
            text,
            {path: directory for path, directory in directories.items() if directory},
            os.path.isdir(location),
        )

    def _directory(self, path: str, mounted: bool) -> Directory | None:
        if mounted:
            returncode, out, _err = self._stat(path)
            return Directory(uid=None if returncode else int(out))
        try:
            return Directory(tuple(sorted(os.listdir(path))), os.stat(path).st_uid)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Directory(error=error.strerror or str(error))

    def _stat(self, path: str) -> tuple[int, str, str]:
        """In a process of its own, for one of ours would wait for ever where the server is gone."""
        return self._run("timeout", "--kill-after=5", str(ANSWER_SECONDS), "stat", "--format=%u", path)

    # -- doing -------------------------------------------------------------------------------------------------------

    def change(self, argv: Sequence[str | InputFile]) -> str:
        """One step of a plan: one of the deeds below, or a command."""
        verb, arguments = str(argv[0]), argv[1:]
        deed = self.deeds().get(verb)
        try:
            if deed:
                deed(*arguments)
                return ""
        except OSError as error:
            raise RunnerError(f"{error.filename or arguments[0]}: {error.strerror}.") from error
        returncode, out, err = self._run(*(str(part) for part in argv))
        if returncode in TIMED_OUT and verb == "timeout":
            way_out = f" If it is gone for good: umount -l {argv[-1]}." if argv[3] == "umount" else ""
            raise RunnerError(f"it did not end within {argv[2]} s; does the server answer?{way_out}")
        if returncode:
            said = "; ".join(line.strip() for line in (err or out).splitlines() if line.strip())
            raise RunnerError(f"{verb if verb != 'timeout' else argv[3]} says: {said or returncode}.")
        return out

    def deeds(self) -> dict[str, Callable[..., None]]:
        return {"write": self._write, "seal": self._seal, "open": self._open, "own": self._own}

    def new_id(self, output: str) -> str:
        raise NotImplementedError("no step here makes a resource of OpenNebula")

    def _write(self, path: str, text: InputFile) -> None:
        if os.path.exists(path) and path not in self._kept:
            self.module.backup_local(path)
        self._kept.add(path)
        write_file(self.module, ManagedFile(path, text.text.encode("utf-8", "surrogateescape")))

    def _seal(self, path: str) -> None:
        make_directories(path)
        self._immutable(path, False)
        os.chown(path, 0, 0)
        os.chmod(path, SEALED)
        data = [name for name in os.listdir(path) if name not in NO_DATA]
        if data:
            # Written since we looked; nothing more can come now.
            raise RunnerError(f"{path} has come to hold {', '.join(data[:5])} meanwhile; move that away.")
        if not self._immutable(path, True):
            self.warnings.append(f"{path} cannot be made immutable on this file system; root could still write to it.")

    def _open(self, path: str) -> None:
        if os.path.isdir(path):
            self._immutable(path, False)
            if os.listdir(path):
                os.chmod(path, MADE)
                owner = os.stat(os.path.dirname(path))
                os.chown(path, owner.st_uid, owner.st_gid)
            else:
                os.rmdir(path)  # OpenNebula makes it when it needs it

    def _immutable(self, path: str, wanted: bool) -> bool:
        return self._run("chattr", "+i" if wanted else "-i", path)[0] == 0

    def _own(self, path: str, uid: str, gid: str) -> None:
        found = os.stat(path)
        if (found.st_uid, found.st_gid) == (int(uid), int(gid)):
            return  # a chown to the same would be refused by a server that squashes root
        try:
            os.chown(path, int(uid), int(gid))
        except PermissionError as error:
            raise RunnerError(
                f"it belongs to {found.st_uid}:{found.st_gid} and its server does not let root change that; "
                f"on the server: chown {uid}:{gid} the exported directory."
            ) from error

    # -- commands ----------------------------------------------------------------------------------------------------

    def _run(self, *argv: str) -> tuple[int, str, str]:
        command = [self.module.get_bin_path(argv[0]) or argv[0], *argv[1:]]
        result: tuple[int, str, str] = self.module.run_command(command, environ_update={"LC_ALL": "C"}, cwd="/")
        return result

    def _read(self, *argv: str) -> str:
        returncode, out, err = self._run(*argv)
        if returncode:
            self.module.fail_json(msg=f"Could not read the present state: {argv[0]} says: {(err or out).strip()}")
        return out


def _digest(path: str, offset: int) -> str:
    """Of the block that the offset is in: the signature of an MBR comes after its partitions."""
    with open(path, "rb") as stream:
        stream.seek(offset - offset % DIGEST_BYTES)
        return hashlib.sha256(stream.read(DIGEST_BYTES)).hexdigest()[:16]
