# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files with which a service is known to have started, kept to go back to."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import ManagedFile, read_file, replace_file
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_database import database_change


class LastGood:
    """Copies of a unit's configuration files, and the digests of all files that its daemon was started with.

    Writing raises OSError: what that means depends on whether the service runs.
    """

    def __init__(self, module: Any, root: str, unit: str, paths: list[str], reads: list[str]) -> None:
        """`paths` are copied and put back; of `reads` only the digest is kept: they may be secrets of another time."""
        self.module, self.root, self.paths, self.watched = module, root, paths, [*paths, *reads]
        self.folder = os.path.join(root, unit)
        self.refused = os.path.join(self.folder, "refused")
        self.record_path = os.path.join(self.folder, "record.json")
        self.record: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError), open(self.record_path, encoding="utf-8") as stream:
            self.record = json.load(stream)

    def copy_of(self, path: str, folder: str | None = None) -> str:
        return os.path.join(folder or self.folder, path.lstrip("/"))

    @staticmethod
    def digest(path: str) -> str | None:
        found = read_file(path)
        return None if found is None else hashlib.sha256(found.content).hexdigest()

    def digests(self) -> dict[str, str | None]:
        """Of the files as they are now; None of one that is not there."""
        return {path: self.digest(path) for path in self.watched}

    def started_with(self, invocation: str) -> dict[str, str | None]:
        """Digests of the files that this run of the daemon was started with; empty if nobody recorded it."""
        known = bool(invocation) and self.record.get("invocation") == invocation
        return dict(self.record["files"]) if known else {}

    def keep(self, source: str, target: str) -> None:
        found, kept = read_file(source), read_file(target)
        if found is not None and (kept is None or kept.content != found.content):
            os.makedirs(self.root, mode=0o700, exist_ok=True)
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
            replace_file(self.module, ManagedFile(target, found.content, 0o600, 0, 0))

    def save(self, invocation: str, digests: Mapping[str, str | None]) -> None:
        """The record comes last: copies that it does not vouch for, such as of a later edit, are not used."""
        for path in self.paths:
            if path in digests:
                self.keep(path, self.copy_of(path))
        record = {"invocation": invocation, "files": dict(digests)}
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        replace_file(self.module, ManagedFile(self.record_path, json.dumps(record, indent=1).encode(), 0o600, 0, 0))

    def differing(self) -> dict[str, bytes]:
        """Content of the last good files that are not what is on disk now."""
        contents = {}
        for path in self.paths:
            digest = self.record.get("files", {}).get(path)
            copy = read_file(self.copy_of(path))
            if digest is None or copy is None or digest == self.digest(path):
                continue
            if hashlib.sha256(copy.content).hexdigest() == digest:
                contents[path] = copy.content
        return contents

    def database_change(self) -> str:
        """What to go back would change about the database of oned: another one, another account, or nothing."""
        changes = [
            database_change(content.decode(errors="surrogateescape"), found.content.decode(errors="surrogateescape"))
            for path, content in self.differing().items()
            for found in [read_file(path)]
            if found
        ]
        return next(filter(None, changes), "")

    def restore(self) -> list[str]:
        """Put back what differs; returns the paths. The refused files are kept, somebody may have written them."""
        contents = self.differing()
        refused = {path: read_file(path) for path in contents}
        for path, content in contents.items():
            replace_file(self.module, ManagedFile(path, content))
        for path, found in refused.items():
            # On a full disk the service comes first; the backup of who edited the file is still there.
            with contextlib.suppress(OSError):
                self._keep_refused(self.copy_of(path, self.refused), found.content if found else b"")
        return list(contents)

    @staticmethod
    def _keep_refused(target: str, content: bytes) -> None:
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
