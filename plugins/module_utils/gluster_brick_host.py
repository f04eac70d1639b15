# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks, mounts and brick directories of the live host: reads what is planned from, and runs the steps of the plan."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import stat
from typing import Callable, Iterable, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import fstab
from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import Disks
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_directories import (
    INNER,
    Brick,
    Directory,
    Where,
    above,
    brick_process,
    local_bricks,
    parse_brick,
    parse_own_uuid,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import RunnerError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_host import StorageHost

GLUSTERD = "/var/lib/glusterd"
PROC = "/proc"


class BrickHost(StorageHost):
    # -- reading -----------------------------------------------------------------------------------------------------

    def disks(self, names: Iterable[str], volumes: Iterable[str], mounts: Sequence[Mount]) -> Disks:
        found = super().disks(names, volumes, mounts)
        here = {mount.number for mount in mounts}
        in_groups = {pv.path for pv in found.physical if pv.group}
        devices = {
            name: device
            if device is None or device.uses or device.number in here or device.path in in_groups
            else device._replace(uses=self._claimed(device))
            for name, device in found.devices.items()
        }
        return found._replace(devices=devices)

    @staticmethod
    def _claimed(device: Device) -> tuple[str, ...]:
        """What lsblk cannot see: a mount in another name space, a file system or RAID half set up."""
        try:
            os.close(os.open(device.path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
        except OSError as error:
            if error.errno == errno.EBUSY:
                return (f"the kernel says that {device.path} is taken, by a container's mount or the like",)
        return ()

    def xfs_sizes(self, devices: Iterable[Device | None], mounts: Sequence[Mount]) -> dict[str, int]:
        return {
            device.path: self.xfs_size(device.path, device.number, mounts)
            for device in devices
            if device and len(device.signatures) == 1 and device.signatures[0].startswith("xfs:")
        }

    def sources(self, table: str, paths: Iterable[str], devices: Iterable[Device | None]) -> dict[str, str]:
        """Where the file systems are that fstab mounts at these paths, by the kernel's names."""
        held = {f"UUID={one.split(':', 1)[1]}": d.path for d in devices if d for one in d.signatures}
        wanted = set(paths)
        found = {}
        for line in fstab.entries(table):
            if line.path not in wanted:
                continue
            kind, equals, value = line.source.partition("=")
            if line.source in held:
                found[line.source] = held[line.source]
            elif equals and kind in ("UUID", "LABEL"):
                returncode, out, _err = self._run("blkid", f"--{kind.lower()}", value.strip('"'))
                if returncode == 0:
                    found[line.source] = os.path.realpath(out.strip())
            elif os.path.exists(line.source):
                found[line.source] = os.path.realpath(line.source)
        return found

    def directories(self, paths: Iterable[str]) -> dict[str, Directory | None]:
        found: dict[str, Directory | None] = {}
        for path in paths:
            found[path] = None
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                state = os.stat(path)
                if stat.S_ISDIR(state.st_mode):
                    found[path] = Directory(state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode))
        return found

    def bricks(self, paths: Iterable[str]) -> dict[str, Brick]:
        found = {}
        for path in paths:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                mode = os.lstat(path.rstrip("/")).st_mode
                if stat.S_ISDIR(mode):
                    found[path] = Brick("directory", tuple(os.listxattr(path)), tuple(sorted(os.listdir(path))))
                else:
                    found[path] = Brick("link" if stat.S_ISLNK(mode) else "file")
        return found

    def wheres(self, paths: Iterable[str]) -> dict[str, Where]:
        return {path: self._where(path) for path in paths}

    @staticmethod
    def _where(path: str) -> Where:
        real = os.path.realpath(path)
        found: list[tuple[int, int] | None] = []
        for one in (real, *reversed(above(real))):
            try:
                state = os.stat(one)
                found.append((state.st_dev, state.st_ino))
            except OSError:
                found.append(None)
        return Where(real, tuple(found))

    def known_bricks(self) -> dict[str, str]:
        """Of volumes that glusterd keeps, running or not: path to volume. Ghosts of failed creations are among them."""
        files = glob.glob(f"{GLUSTERD}/vols/*/bricks/*")
        known = [parse_brick(path.split("/")[-3], _text(path)) for path in files]
        return local_bricks(known, parse_own_uuid(_text(f"{GLUSTERD}/glusterd.info")))

    def is_lost(self, path: str) -> bool:
        """A brick by what glusterd keeps, on a disk that is new. In a directory made here, it would count as whole."""
        volume = self.known_bricks().get(path)
        if volume is None or os.path.isdir(path):
            return False
        self.warnings.append(
            f"{path} is a brick of volume {volume} and is not there, as on a new disk. The directory is not made, for "
            "gluster would take it for a whole brick. Have it filled: playbook gluster_replace_brick."
        )
        return True

    def running_bricks(self) -> list[str]:
        found = {brick_process(_text(path)) for path in glob.glob(f"{PROC}/[0-9]*/cmdline")}
        return sorted(found - {""})

    # -- doing -------------------------------------------------------------------------------------------------------

    def deeds(self) -> dict[str, Callable[..., None]]:
        return {**super().deeds(), "directory": self._make_directory, "reset": self._reset}

    def _make_directory(self, path: str, mount: str, uid: str, gid: str, mode: str) -> None:
        if not os.path.ismount(mount):
            raise RunnerError(f"nothing is mounted at {mount}, so it would be on the disk below.")
        if self.is_lost(path):
            return
        inner = mount
        for part in path[len(mount) + 1 :].split("/"):
            inner = f"{inner}/{part}"
            with contextlib.suppress(FileExistsError):
                os.mkdir(inner)
                os.chmod(inner, 0o755)  # whatever the umask
        os.chown(path, -1 if uid == "-" else int(uid), -1 if gid == "-" else int(gid))
        if mode != "-":
            os.chmod(path, int(mode, 8))

    def _reset(self, path: str) -> None:
        """The marks on the directory go last: as long as one is there, a run that was killed is repeated."""
        found = self.bricks([path]).get(path)
        if not found or found.kind != "directory":
            return
        if INNER in found.entries:
            inner = f"{path}/{INNER}"
            if os.path.islink(inner):
                raise RunnerError(f"{inner} is a link, which GlusterFS does not make; look where it leads.")
            shutil.rmtree(inner)
        for name in found.entries:
            if name.startswith(f"{INNER}-anonymous-inode-"):
                # Where files are kept that heal has yet to place. One that holds some is left.
                with contextlib.suppress(OSError):
                    os.rmdir(f"{path}/{name}")
        for name in found.marks:
            if name != INNER:
                os.removexattr(path, name)


def _text(path: str) -> str:
    """Empty where it is not, or no longer: a process may end while it is looked at."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()
    return ""
