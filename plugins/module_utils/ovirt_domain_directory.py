# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a storage domain on the live host: reads what is planned from, and runs the steps of the plan.

Hosts of oVirt may write below it, so nothing here follows a symbolic link.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import ManagedFile, replace_file
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_plan import Entry, Found, Tree
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_storage_domain import (
    ISO_IMAGES,
    KVM,
    LEASE_BYTES,
    UUID,
    VDSM,
    places,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, RunnerError

METADATA_LIMIT = 65536  # the real thing has less than one kilobyte


def read_found(path: str) -> Found:
    """All domains below the path. Raises OSError."""
    root = _entry(path)
    if root is None or root.kind != "directory":
        return Found(root)
    names = sorted(os.listdir(path))
    return Found(root, tuple(names), {name: read_tree(f"{path}/{name}") for name in names if UUID.fullmatch(name)})


def read_tree(top: str) -> Tree:
    relative = ["", *(place.path for place in places("iso")), "dom_md/metadata"]
    entries: dict[str, Entry] = {}
    for name in relative:
        above = entries.get(os.path.dirname(name))
        if name and (above is None or above.kind != "directory"):
            continue  # below a link, for example, nothing is looked at
        entry = _entry(f"{top}/{name}".rstrip("/"))
        if entry is not None:
            entries[name] = entry
    metadata = _content(f"{top}/dom_md/metadata", METADATA_LIMIT) if "dom_md/metadata" in entries else None
    lease = _content(f"{top}/dom_md/leases", LEASE_BYTES) if "dom_md/leases" in entries else None
    return Tree(
        entries,
        None if metadata is None else metadata.decode("utf-8", "replace"),
        lease or b"",
        tuple(_images(top)),
        tuple(_strangers(top)),
    )


def _entry(path: str) -> Entry | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    kind = {stat.S_IFDIR: "directory", stat.S_IFREG: "file"}.get(stat.S_IFMT(found.st_mode), "other")
    return Entry(kind, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_size)


def _content(path: str, limit: int) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(limit)


def _images(top: str) -> list[str]:
    names = []
    for folder in ("images", ISO_IMAGES):
        if os.path.isdir(f"{top}/{folder}") and not os.path.islink(f"{top}/{folder}"):
            names += [name for name in sorted(os.listdir(f"{top}/{folder}")) if f"{folder}/{name}" != ISO_IMAGES]
    return names


def _strangers(top: str) -> list[str]:
    found = []
    for folder in ("images", "master"):
        for directory, _directories, files in os.walk(f"{top}/{folder}"):
            for path in (directory, *(f"{directory}/{name}" for name in files)):
                entry = _entry(path)  # None: a host that works with the domain took it away meanwhile
                if entry and (entry.uid, entry.gid) != (VDSM, KVM):
                    found.append(os.path.relpath(path, top))
    own = {place.path for place in places("iso")}  # these are corrected, not told
    return [name for name in found if name not in own]


class DomainDirectory:
    """Runs the steps of a plan."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def change(self, argv: Sequence[str | InputFile]) -> str:
        deed, path, *arguments = (argument if isinstance(argument, InputFile) else str(argument) for argument in argv)
        try:
            getattr(self, f"_{deed}")(path, *arguments)
        except OSError as error:
            hint = ""
            if isinstance(error, PermissionError):
                hint = " An NFS server that keeps root out refuses this; run it on the server itself."
            raise RunnerError(f"{error.strerror}.{hint}") from error
        return ""

    def new_id(self, output: str) -> str:
        raise RunnerError(f"no step of a domain gives an id: {output}")

    def _mkdir(self, path: str, mode: str, uid: str, gid: str) -> None:
        os.mkdir(path, 0o700)
        self._chown(path, uid, gid)
        self._chmod(path, mode)

    def _truncate(self, path: str, mode: str, uid: str, gid: str, size: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.truncate(int(size))
            os.fchown(stream.fileno(), int(uid), int(gid))
            os.fchmod(stream.fileno(), int(mode, 8))

    def _write(self, path: str, mode: str, uid: str, gid: str, content: InputFile) -> None:
        replace_file(self.module, ManagedFile(path, content.text.encode("ascii"), int(mode, 8), int(uid), int(gid)))

    def _chown(self, path: str, uid: str, gid: str) -> None:
        os.chown(path, int(uid), int(gid), follow_symlinks=False)

    def _chmod(self, path: str, mode: str) -> None:
        os.chmod(path, int(mode, 8))
