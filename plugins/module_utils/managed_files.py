# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several whole files kept as wanted in one module run: read all, plan all, write each atomically.

`plan_files` is pure. `read_file` and `apply_plan` do the input and output and get the AnsibleModule passed in.
A new file has its final owner and mode before it gets its name, so that a secret is never readable for a moment.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from typing import Any, Iterable, Mapping, NamedTuple


class ManagedFile(NamedTuple):
    """A file as wanted; content None: absent. mode, uid, gid None: kept as found, 0644 root for a new file."""

    path: str
    content: bytes | None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    secret: bool = False  # the diff tells that it differs, not how
    backup: bool = False  # a person may have edited it


class PresentFile(NamedTuple):
    content: bytes
    mode: int
    uid: int
    gid: int


class FilePlan(NamedTuple):
    changes: list[ManagedFile]
    diff: list[dict[str, str]]

    @property
    def changed_paths(self) -> list[str]:
        return [change.path for change in self.changes]


def make_directories(path: str, mode: int = 0o755) -> None:
    """What is missing of the path, with this mode: a umask of 077, as hardened hosts have, would close it to others."""
    if not os.path.isdir(path):
        make_directories(os.path.dirname(path), mode)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            os.chmod(path, mode)


def plan_files(wanted: Iterable[ManagedFile], present: Mapping[str, PresentFile | None]) -> FilePlan:
    """The files that differ, and one diff entry for each."""
    changes, diff = [], []
    for file in wanted:
        found = present.get(file.path)
        if _is_as_wanted(file, found):
            continue
        changes.append(file)
        diff.append(
            {
                "before_header": file.path,
                "after_header": file.path,
                "before": _shown(found, file.secret, "former"),
                "after": _shown(
                    _written(file, file.content, found) if file.content is not None else None, file.secret, "new"
                ),
            }
        )
    return FilePlan(changes, diff)


def _is_as_wanted(file: ManagedFile, found: PresentFile | None) -> bool:
    if file.content is None or found is None:
        return file.content is None and found is None
    return found == _written(file, file.content, found)


def _written(file: ManagedFile, content: bytes, found: PresentFile | None) -> PresentFile:
    """The file as it will be: what the plan leaves open stays as it was found."""
    kept = found or PresentFile(b"", 0o644, 0, 0)
    return PresentFile(
        content,
        kept.mode if file.mode is None else file.mode,
        kept.uid if file.uid is None else file.uid,
        kept.gid if file.gid is None else file.gid,
    )


def _shown(file: PresentFile | None, secret: bool, which: str) -> str:
    if file is None:
        return ""
    head = f"# mode {file.mode:04o} uid {file.uid} gid {file.gid}\n"
    return head + (f"({which} content is secret)\n" if secret else file.content.decode("utf-8", "replace"))


def read_file(path: str) -> PresentFile | None:
    """The file as it is now; None where there is none. Follows a symbolic link, as the reader of the file would."""
    try:
        with open(path, "rb") as stream:
            state = os.fstat(stream.fileno())
            return PresentFile(stream.read(), stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid)
    except FileNotFoundError:
        return None


def read_files(paths: Iterable[str]) -> dict[str, PresentFile | None]:
    return {path: read_file(path) for path in paths}


def apply_plan(module: Any, plan: FilePlan) -> list[str]:
    """Write what the plan says; returns the names of the backups made."""
    backups = []
    for file in plan.changes:
        if file.backup and os.path.exists(file.path):
            backups.append(module.backup_local(file.path))
        if file.content is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.path)
        else:
            write_file(module, file)
    return backups


def write_file(module: Any, file: ManagedFile) -> None:
    """Replace the file, or end the module with a sentence."""
    try:
        replace_file(module, file)
    except OSError as error:
        target = os.path.realpath(file.path)
        module.fail_json(msg=f"Cannot write {target}: {error.strerror}. The former file is unchanged.")


def replace_file(module: Any, file: ManagedFile) -> None:
    """Write beside and rename: a reader sees the former or the new file, never a part. Raises OSError."""
    target = os.path.realpath(file.path)
    wanted = _written(file, file.content or b"", read_file(target))
    descriptor, beside = tempfile.mkstemp(prefix=".ansible_", dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(wanted.content)
            os.fchown(stream.fileno(), wanted.uid, wanted.gid)
            os.fchmod(stream.fileno(), wanted.mode)
            stream.flush()
            os.fsync(stream.fileno())
        if module.selinux_enabled():
            context = (
                module.selinux_context(target) if os.path.exists(target) else module.selinux_default_context(target)
            )
            module.set_context_if_different(beside, context, False)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
