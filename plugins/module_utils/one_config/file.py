# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a call of one_config: looked at and planned first, all of them, then written."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timezone
from typing import Any

from ..managed_files import ManagedFile, PresentFile, read_file, replace_file, write_file
from .backups import backup_path, outdated
from .edits import read_edit
from .errors import Refused
from .plan import Plan, format_of, plan_edits, shown


class File:
    """One file of the call: what it is to become, and how it gets there."""

    def __init__(self, module: Any, wanted: dict[str, Any]) -> None:
        self.module, self.edits = module, wanted["edits"]
        self.path = os.path.realpath(wanted["path"])
        self.format = _format(wanted["path"], self.path) if wanted["format"] == "auto" else wanted["format"]
        self.plan: Plan | None = None
        if os.path.isdir(self.path):
            raise Refused(f"{self.path} is a directory, wanted a file")
        try:
            self.former = read_file(self.path)
        except OSError as problem:
            raise Refused(f"{self.path} cannot be read: {problem.strerror}") from None
        if self.former or wanted["create"]:
            # Bytes that are no UTF-8 survive: an old comment may hold some.
            text = self.former.content.decode("utf-8", "surrogateescape") if self.former else ""
            secrets = module.params["secret_keys"]
            self.plan = plan_edits(self.path, text, self.edits, self.format, secrets, new=self.former is None)
        elif not module.check_mode:
            raise Refused(f"{self.path} does not exist; install its package first, or set create to make it")
        else:
            # On a bare host the package that brings the file is itself only planned.
            self.edits = [read_edit(number, edit, self.format) for number, edit in enumerate(self.edits, 1)]

    def diff(self) -> list[dict[str, str]]:
        if self.plan is None or not self.plan.changed:
            return []
        before, after = shown(self.plan, self.module.params["secret_keys"])
        return [{"before": before, "after": after, "before_header": self.path, "after_header": self.path}]

    def apply(self) -> dict[str, Any]:
        if self.plan is None:
            return self.planned_for_later()
        module, plan = self.module, self.plan
        result = {"path": self.path, "changed": plan.changed, "edits": plan.changes, "format": plan.file_format}
        for warning in plan.warnings:
            module.warn(f"{self.path}: {warning}")
        if plan.changed and not module.check_mode:
            if self.former and module.params["backup"]:
                result["backup_file"] = back_up(module, self.path, self.former, module.params["backup_count"])
            write(module, self.path, plan.after, new=self.former is None)
        result["changed"] = keep_attributes(module, self.path, self.former is not None, plan.changed)
        return result

    def planned_for_later(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "changed": True,
            "edits": [f"edit {edit.target}" for edit in self.edits],
            "format": self.format,
            "msg": f"{self.path} does not exist yet: the {len(self.edits)} edits will be made once its package is "
            "installed",
        }


def _format(given: str, path: str) -> str:
    """By the name that the program opens, which may be a link; else by that of the file."""
    with contextlib.suppress(Refused):
        return format_of(given)
    return format_of(path)


def look_at_all(module: Any, wanted: list[dict[str, Any]]) -> list[File]:
    """Every file is looked at before one is written; what is wrong with them is told at once."""
    files, wrong = [], []
    for entry in wanted:
        try:
            files.append(File(module, entry))
        except Refused as problem:
            wrong.append(str(problem))
    paths = [file.path for file in files]
    wrong += [
        f"{path} is named {paths.count(path)} times; put its edits together"
        for path in dict.fromkeys(paths)
        if paths.count(path) > 1
    ]
    if wrong:
        module.fail_json(msg="\n".join(wrong))
    return files


def write(module: Any, path: str, text: str, new: bool) -> None:
    """On disk before it has its name: after a power loss there is the former file or this one, and no empty one."""
    file = ManagedFile(path, text.encode("utf-8", "surrogateescape"), 0o640 if new else None)
    if not module.params["unsafe_writes"]:
        write_file(module, file)
        return
    try:
        replace_file(module, file)
    except OSError:
        with open(path, "wb") as stream:
            stream.write(file.content or b"")


def back_up(module: Any, path: str, former: PresentFile, count: int) -> str:
    """A copy with the owner and mode of the file from its first moment; of the older ones, the oldest go."""
    copy = backup_path(path, datetime.now(timezone.utc))
    write_file(module, ManagedFile(copy, former.content, former.mode, former.uid, former.gid))
    for old in outdated(path, os.listdir(os.path.dirname(path)), count):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(old)
    return copy


def keep_attributes(module: Any, path: str, exists: bool, changed: bool) -> bool:
    """What the task says about owner and mode; a new file is closed to others, since it may hold a secret."""
    params = dict(module.params, path=path)
    if not exists and params["mode"] is None:
        params["mode"] = "0640"
    attributes = module.load_file_common_arguments(params)
    return bool(module.set_fs_attributes_if_different(attributes, changed))
